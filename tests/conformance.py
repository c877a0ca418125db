"""Which rule of OCPP 1.6 is proved by which test: `python -m tests.conformance` writes docs/ocpp-conformance.md.

The rules stand in tests/cases/conformance/*.txt, one a line: id | section | cases of the test list | rule in our words.
Sections: "OCPP 1.6 edition 2", with J those of OCPP-J 1.6, with WP and A, L, M, N those of the security white paper.
A test says what it proves with `@pytest.mark.ocpp("id", ...)`; the sources are read, not imported.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from tests.conformance_gaps import NOT_DONE

TESTS = Path(__file__).parent
RULES_FOLDER = TESTS / "cases" / "conformance"
DOCUMENT = TESTS.parent / "docs" / "ocpp-conformance.md"

HEAD = """# OCPP 1.6J: each rule and the test that proves it

Made by `python -m tests.conformance` from the rules in `tests/cases/conformance/` and the markers
`@pytest.mark.ocpp(...)` of the tests; a test compares it. The rules are told in our own words, numbered by the chapters
of OCPP 1.6 edition 2 (with its errata), OCPP-J 1.6 (J) and the security white paper (A, L, M, N, X, WP). "Case" is the
case of the OCTT 1.6 list that asks for the same, where we know it.
"""


class Rule(msgspec.Struct, frozen=True):
    """One rule an auditor would test."""

    id: str
    chapter: str
    section: str
    cases: str
    text: str


def read_rules(folder: Path = RULES_FOLDER) -> dict[str, Rule]:
    """All rules by id, in the order of the files. Raises ValueError for a malformed line or an id that comes twice."""
    rules: dict[str, Rule] = {}
    for path in sorted(folder.glob("*.txt")):
        chapter = path.stem
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if number == 1:
                chapter = line.removeprefix("#").strip()
            if not line.strip() or line.startswith("#"):
                continue
            parts = [part.strip() for part in line.split("|")]
            if len(parts) != 4 or not all((parts[0], parts[1], parts[3])):
                raise ValueError(f"{path.name}:{number}: not 'id | section | cases | rule'")
            if parts[0] in rules:
                raise ValueError(f"{path.name}:{number}: {parts[0]} stands twice")
            rules[parts[0]] = Rule(id=parts[0], chapter=chapter, section=parts[1], cases=parts[2], text=parts[3])
    return rules


RULES: dict[str, Rule] = read_rules()


def _ids(decorators: list[ast.expr]) -> Iterator[str]:
    """The ids of `pytest.mark.ocpp(...)` among decorators; ids have to be plain texts."""
    for decorator in decorators:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.ocpp":
            for argument in decorator.args:
                plain = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                yield ast.literal_eval(argument) if plain else f"not a text: {ast.unparse(argument)}"


def _proves(decorators: list[ast.expr]) -> bool:
    """Whether a test counts: one that is skipped or expected to fail proves nothing."""
    words = [ast.unparse(decorator) for decorator in decorators]
    return not any(word.startswith(("pytest.mark.skip", "pytest.mark.xfail")) for word in words)


def markers(folder: Path = TESTS) -> dict[str, list[str]]:
    """Ids -> tests as `file::name`, of every test function below `folder`; a class passes its ids to its tests."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        text = path.read_text()
        if "mark.ocpp(" not in text:
            continue
        place = path.relative_to(folder).as_posix()
        for name, identity in _marked(ast.parse(text).body, "", ()):
            found.setdefault(identity, []).append(f"{place}::{name}")
    return found


def _marked(body: list[ast.stmt], prefix: str, inherited: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _marked(node.body, f"{prefix}{node.name}::", (*inherited, *_ids(node.decorator_list)))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            ids = (*inherited, *_ids(node.decorator_list))
            if node.name.startswith("test_") and _proves(node.decorator_list):
                yield from ((f"{prefix}{node.name}", identity) for identity in ids)


def document(rules: Mapping[str, Rule], proofs: Mapping[str, list[str]], gaps: Mapping[str, str]) -> str:
    """The whole text of docs/ocpp-conformance.md."""
    proved = sum(1 for identity in rules if identity in proofs)
    lines = [HEAD, f"{len(rules)} rules, {proved} of them proved by a test, {len(rules) - proved} without a test."]
    chapter = ""
    for rule in rules.values():
        if rule.chapter != chapter:
            chapter = rule.chapter
            lines += ["", f"## {chapter}", "", "| Id | Section | Case | Rule | Tests |", "|---|---|---|---|---|"]
        tests = "<br>".join(f"`{test}`" for test in proofs.get(rule.id, ()))
        shown = tests or f"**no test**: {gaps.get(rule.id, 'no reason given')}"
        lines.append(f"| {rule.id} | {rule.section} | {rule.cases} | {rule.text} | {shown} |")
    lines += ["", "## Cases of the OCTT 1.6 list", "", "| Case | Rules | Without a test |", "|---|---|---|"]
    for case, asked in sorted(_cases(rules).items()):
        missing = ", ".join(identity for identity in asked if identity not in proofs)
        lines.append(f"| {case} | {', '.join(asked)} | {missing} |")
    return "\n".join(lines) + "\n"


def _cases(rules: Mapping[str, Rule]) -> dict[str, list[str]]:
    """Case -> ids of the rules it asks for."""
    found: dict[str, list[str]] = {}
    for rule in rules.values():
        for case in filter(None, (word.strip() for word in rule.cases.split(","))):
            found.setdefault(case, []).append(rule.id)
    return found


def main() -> int:
    """Write the document; say on standard output what has neither test nor reason. 0 when nothing is open."""
    proofs = markers()
    DOCUMENT.write_text(document(RULES, proofs, NOT_DONE))
    unknown = sorted(set(proofs) - set(RULES))
    open_rules = [identity for identity in RULES if identity not in proofs and identity not in NOT_DONE]
    for identity in unknown:
        print(f"unknown id {identity}: {', '.join(proofs[identity])}")
    for identity in open_rules:
        print(f"neither test nor reason: {identity} ({RULES[identity].text})")
    return 1 if unknown or open_rules else 0


if __name__ == "__main__":
    sys.exit(main())
