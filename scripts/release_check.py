"""Whether a release may go out: asks a database of known holes about each package of Python that is in it.

Of release_check.sh, run with the build tools' Python. The list of components says what is in it, `pip-audit` asks, and
`known-holes.toml` names what people have looked at and found not to be exploitable here. Exit status 0: nothing speaks
against it; 1: there are holes; 2: nothing was checked, which is no release either.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

HERE = Path(__file__).parent
DATABASE = "https://api.osv.dev/v1/query"
WITHIN_S, ANSWER_WITHIN_S = 600, 15
LONGEST = timedelta(days=185)
"""Ahead of today: then somebody has to look at an excuse again."""
CONTROLS = (("jinja2", "2.10"), ("pyyaml", "5.3"))
"""Versions with published holes. A database that knows nothing of them is none, whatever answers at its address."""

Packages = dict[str, str]
"""Versions by name."""


class Unchecked(Exception):
    """It could not be checked; the text says why."""


@dataclass(frozen=True)
class Excuse:
    """A hole that somebody has looked at. `until`: the last day on which it counts."""

    id: str
    package: str
    why: str
    until: date


def canonical(name: str) -> str:
    """A name as the package index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_components(text: str) -> tuple[Packages, list[str]]:
    """Packages of Python in a list of components (CycloneDX JSON), and how many others it names where. Raises
    Unchecked."""
    try:
        components: list[dict[str, Any]] = list(json.loads(text)["components"])
    except (ValueError, KeyError, TypeError) as error:
        raise Unchecked(f"the list of components cannot be read ({type(error).__name__}: {error})") from None
    packages: Packages = {}
    others = Counter[str]()
    for part in components:
        found = re.fullmatch(r"pkg:pypi/([^@?#]+)@([^?#]+)(?:[?#].*)?", str(part.get("purl", "")))
        if found is not None:
            name, version = canonical(unquote(found[1])), unquote(found[2])
            if packages.setdefault(name, version) != version:
                raise Unchecked(f"the list of components names {name} twice, {packages[name]} and {version}")
        else:
            rows = {row["name"]: row["value"] for row in part.get("properties", ())}
            others[rows.get("chargepoint:within", "elsewhere")] += 1
    if not packages:
        raise Unchecked("the list of components names no package of Python")
    return packages, [f"{number} in {place}" for place, number in sorted(others.items())]


def read_excuses(text: str, today: date) -> list[Excuse]:
    """What known-holes.toml says. Raises Unchecked for one that is not complete or reaches too far."""
    try:
        rows = [Excuse(**row) for row in tomllib.loads(text).get("hole", ())]
    except (tomllib.TOMLDecodeError, TypeError, AttributeError) as error:
        raise Unchecked(f"the list of reviewed holes cannot be read: {error}") from None
    for row in rows:
        if type(row.until) is not date or not all(
            isinstance(x, str) and x.strip() for x in (row.id, row.package, row.why)
        ):
            raise Unchecked(f"the list of reviewed holes: {row.id!r} needs id, package, why and a date `until`")
        if row.until - today > LONGEST:
            raise Unchecked(
                f"the list of reviewed holes: {row.id} until {row.until}; at most {LONGEST.days} days ahead"
            )
    return rows


def ask(packages: Packages, database: str) -> str:
    """What pip-audit says of them, as JSON. Raises Unchecked."""
    with tempfile.TemporaryDirectory(prefix="release-check-") as folder:
        wanted = Path(folder, "requirements.txt")
        wanted.write_text("".join(f"{name}=={version}\n" for name, version in sorted(packages.items())))
        words = [
            sys.executable, "-m", "pip_audit", "--requirement", str(wanted), "--no-deps", "--disable-pip",
            "--vulnerability-service", "osv", "--osv-url", database, "--timeout", str(ANSWER_WITHIN_S),
            "--format", "json", "--aliases", "on", "--desc", "on", "--progress-spinner", "off",
            "--cache-dir", str(Path(folder, "cache")),
        ]  # fmt: skip
        try:
            said = subprocess.run(words, capture_output=True, text=True, timeout=WITHIN_S, check=False)
        except subprocess.TimeoutExpired:
            raise Unchecked(f"{database} did not answer all questions within {WITHIN_S} s") from None
    if not said.stdout.strip():
        last = said.stderr.strip().splitlines() or ["it said nothing"]
        raise Unchecked(f"{database} could not be asked: {last[-1][:400]}")
    return said.stdout


def holes_in(answer: str, asked: Packages, control: str) -> list[tuple[str, frozenset[str], str]]:
    """Package, its version, names and what to do, of each hole. Raises Unchecked when not all of them were looked at,
    or nothing is known of the control."""
    try:
        rows: dict[str, dict[str, Any]] = {canonical(row["name"]): row for row in json.loads(answer)["dependencies"]}
        holes = [
            (name, hole) for name, row in rows.items() if row.get("version") == asked.get(name) for hole in row["vulns"]
        ]
        found = [
            (
                name,
                frozenset({hole["id"], *hole["aliases"]}),
                f"{name} {asked[name]}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no version yet'}: "
                f"{' '.join(hole.get('description', '').split())[:160]}",
            )
            for name, hole in holes
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise Unchecked(f"the answer cannot be read ({type(error).__name__}: {error})") from None
    missed = sorted(name for name in asked if rows.get(name, {}).get("version") != asked[name])
    if missed:
        why = rows.get(missed[0], {}).get("skip_reason", "no answer")
        raise Unchecked(f"{len(missed)} packages were not looked at: {', '.join(missed)[:400]} ({why})")
    if not any(name == control for name, _names, _text in found):
        raise Unchecked(
            f"nothing is said of {control} {asked[control]}, which has published holes: this is not the database"
        )
    return [row for row in found if row[0] != control]


def main(arguments: list[str] | None = None) -> int:
    """Exit status: see the top of this file."""
    parser = argparse.ArgumentParser(prog="release_check.sh", description="Ask whether holes are known in a release.")
    parser.add_argument("components", type=Path, metavar="SBOM", help="list of components that build_deb.sh has made")
    parser.add_argument("--database", default=DATABASE, metavar="URL", help=f"which answers as OSV does ({DATABASE})")
    parser.add_argument("--reviewed", type=Path, default=HERE / "known-holes.toml", metavar="FILE")
    given = parser.parse_args(arguments)
    today = datetime.now(UTC).date()
    try:
        packages, others = read_components(given.components.read_text(encoding="utf-8"))
        excuses = read_excuses(given.reviewed.read_text(encoding="utf-8"), today)
        control, version = next((each for each in CONTROLS if each[0] not in packages), CONTROLS[0])
        if control in packages:
            raise Unchecked(
                "all packages that the database could be tried with are in this release: name others in CONTROLS"
            )
        asked = packages | {control: version}
        holes = holes_in(ask(asked, given.database), asked, control)
    except (Unchecked, OSError) as error:
        print(f"release_check: NOTHING WAS CHECKED: {error}. This is no release.", file=sys.stderr)
        return 2
    open_ones, used = [], set()
    for package, names, text in holes:
        fit = [row for row in excuses if canonical(row.package) == package and row.id in names]
        used.update(fit)
        if not any(today <= row.until for row in fit):
            open_ones.append(text + "".join(f" (its review ended on {row.until})" for row in fit))
    for row in excuses:
        if row not in used:
            print(f"release_check: {row.id} of {row.package} is not known any more; take it off {given.reviewed.name}.")
    print(f"release_check: not asked about, as it is no package of Python: {', '.join(others) or 'nothing'}.")
    for text in open_ones:
        print(f"release_check: {text}", file=sys.stderr)
    if open_ones:
        print(
            f"release_check: {len(open_ones)} holes in {len(packages)} packages. Take newer (build_deb.sh --lock), or "
            f"look at each and write into {given.reviewed.name} why it cannot be exploited here.",
            file=sys.stderr,
        )
        return 1
    reviewed = f" but {len(holes)} that were reviewed" if holes else ""
    print(f"release_check: {len(packages)} packages of Python: no hole is known{reviewed}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
