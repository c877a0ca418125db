"""The texts of the pages: each in every language, with the same places, and none asked for that is nowhere."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import webconfig
from chargepoint.action_table import ACTIONS
from webconfig.configuration.keys import search, sections
from webconfig.configuration.meanings import key_meaning
from webconfig.words import LANGUAGES, TEXTS, Text, Words, pages_catalogue

CODE = Path(webconfig.__file__).parent
ASKING = frozenset({"text", "words", "_text"})
"""Functions whose first argument is a key."""
OWN_TEXT = {"wizard/forms.py": "wizard."}
"""Where `look.text(key)` and `self.text(key)` put a section before the key."""


def texts() -> Iterator[tuple[str, str, dict[str, Text]]]:
    for path in sorted(TEXTS.glob("*.toml")):
        for section, keys in tomllib.loads(path.read_text(encoding="utf-8")).items():
            for key, by_language in keys.items():
                yield path.name, f"{section}.{key}", by_language


def forms_of(text: Text) -> list[str]:
    return [text] if isinstance(text, str) else list(text.values())


def places(text: Text) -> set[str]:
    found: set[str] = set()
    for one in forms_of(text):
        found |= {name for _, name, _, _ in string.Formatter().parse(one) if name}
    return found


def test_every_text_is_there_in_every_language_with_the_same_places() -> None:
    wrong = []
    for file, key, by_language in texts():
        if set(by_language) != set(LANGUAGES):
            wrong.append(f"{file}: {key} has {sorted(by_language)}")
        elif not all(one.strip() for text in by_language.values() for one in forms_of(text)):
            wrong.append(f"{file}: {key} is empty")
        elif len({frozenset(places(text)) for text in by_language.values()}) != 1:
            wrong.append(f"{file}: the places of {key} differ")
    assert not wrong, "\n".join(wrong)


def test_no_text_has_two_places_where_it_stands() -> None:
    seen: dict[str, str] = {}
    twice = []
    for file, key, _ in texts():
        if key in seen:
            twice.append(f"{key} in {seen[key]} and {file}")
        seen[key] = file
    assert not twice, "\n".join(twice)


def test_kazakh_and_russian_are_not_english_left_over() -> None:
    """A sentence of several words that is the same in two languages was forgotten."""
    same = []
    for file, key, by_language in texts():
        en = " ".join(forms_of(by_language["en"]))
        for language in ("ru", "kk"):
            other = " ".join(forms_of(by_language[language]))
            if en == other and len(re.findall(r"\b[a-z]{3,}\b", en)) > 2:
                same.append(f"{file}: {key} ({language})")
    assert not same, "\n".join(same)


def asked_for() -> Iterator[tuple[str, int, str | re.Pattern[str]]]:
    """Each key that the code asks for: whole, or as a pattern where a part is a value."""
    for path in sorted(CODE.rglob("*.py")):
        name = path.relative_to(CODE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called not in ASKING:
                continue
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            is_own = isinstance(owner, ast.Name) and owner.id in ("look", "self")
            before = OWN_TEXT.get(name, "") if is_own else ""
            for key in _keys(node.args[0]):
                if isinstance(key, re.Pattern):
                    yield name, node.lineno, re.compile(re.escape(before) + key.pattern)
                elif re.fullmatch(r"[a-z_]+\.[A-Za-z0-9_.]+", before + key):
                    yield name, node.lineno, before + key


def _keys(node: ast.expr) -> Iterator[str | re.Pattern[str]]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _keys(node.body)
        yield from _keys(node.orelse)
    elif isinstance(node, ast.JoinedStr):
        parts = (re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in node.values)
        pattern = "".join(parts)
        if not pattern.startswith(".+"):
            yield re.compile(pattern)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_the_pages_ask_for_is_there(language: str) -> None:
    words, known = Words(language), set(pages_catalogue(language))
    from hmi.words import catalogue, staff_catalogue

    known |= set(catalogue(language)) | set(staff_catalogue(language))
    missing, count = [], 0
    for file, line, key in asked_for():
        count += 1
        if isinstance(key, str):
            if not words.has(key):
                missing.append(f"{file}:{line}: {key}")
        elif not any(key.fullmatch(each) for each in known):
            missing.append(f"{file}:{line}: {key.pattern}")
    assert count > 1000
    assert not missing, "\n".join(missing)


def test_every_section_and_key_of_the_station_file_is_explained_and_its_english_is_that_of_the_code() -> None:
    known, ru, wrong = pages_catalogue("en"), Words("ru"), []
    keys = set()
    for section in sections().values():
        flat = section.name.replace(".", "_")
        keys.add(f"config_section.{flat}")
        keys.add(f"config_section.{flat}_about")
        if known.get(f"config_section.{flat}_about") != section.about:
            wrong.append(f"[{section.name}]: {section.about}")
        for key in section.keys:
            name = f"config_key.{flat}_{key.name}"
            keys.add(name)
            if not key_meaning(ru, section.name, key) or known.get(name, key.about) != key.about:
                wrong.append(f"{name}: {key.about}")
    wrong += [
        f"{name} is no key any more"
        for name in known
        if name.startswith(("config_key.", "config_section.")) and name not in keys
    ]
    assert not wrong, "texts/config_keys.toml has to follow:\n" + "\n".join(wrong)


def test_keys_are_found_by_what_they_mean_in_the_language_of_who_asks() -> None:
    words = Words("ru")
    assert not search("вентиляторы")
    found = search("вентиляторы", lambda section, key: key_meaning(words, section.name, key))
    assert [each.key.name for each in found] == ["fan_above_c"]


def test_every_argument_of_a_deed_has_a_name_in_every_language() -> None:
    nameless = {
        f"{action.name} {one.name}"
        for action in ACTIONS.values()
        for one in action.arguments
        if not Words("ru").has(f"deed_argument.{one.name}")
    }
    assert not nameless
