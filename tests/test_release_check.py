"""Whether a release may go out: what the tool for holes says is believed only when it has looked at everything."""

from __future__ import annotations

import importlib.util
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
PARAMIKO = {"id": "CVE-2026-0001", "fix_versions": ["5.1.1"], "aliases": ["GHSA-aaaa"], "description": "A\nhole"}
JINJA2 = {"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"], "aliases": ["CVE-2019-10906"], "description": "Sandbox"}
COMPONENTS = [
    {"name": "paramiko", "version": "5.1.0", "purl": "pkg:pypi/paramiko@5.1.0"},
    {"name": "python_can", "version": "4.6.1", "purl": "pkg:pypi/Python_CAN@4.6.1?x=y"},
    {"name": "openssl", "version": "4.0.3", "properties": [{"name": "chargepoint:within", "value": "cryptography"}]},
    {
        "name": "libc6",
        "purl": "pkg:deb/debian/libc6",
        "properties": [{"name": "chargepoint:within", "value": "debian"}],
    },
]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release_check", SCRIPTS / "release_check.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks for it there
    spec.loader.exec_module(module)
    return module


release_check = load()


def audited(**changes: dict[str, Any] | None) -> str:
    """What pip-audit 2.10 says, with the rows named changed (None: left out)."""
    rows: dict[str, dict[str, Any]] = {
        "jinja2": {"version": "2.10", "vulns": [JINJA2]},
        "paramiko": {"version": "5.1.0", "vulns": []},
        "python-can": {"version": "4.6.1", "vulns": []},
    }
    told = [{"name": name} | row for name, row in (rows | changes).items() if row is not None]
    return json.dumps({"dependencies": told, "fixes": []})


class Release:
    """A list of components and one of reviewed holes; `check` is the exit status."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.components, self.reviewed = folder / "sbom.json", folder / "known-holes.toml"
        self.components.write_text(json.dumps({"components": COMPONENTS}))
        self.reviewed.write_text("")
        self.answer = audited()
        self.asked: dict[str, str] = {}
        monkeypatch.setattr(release_check, "ask", self._ask)

    def _ask(self, packages: dict[str, str], _database: str) -> str:
        self.asked = packages
        return self.answer

    def check(self) -> int:
        return int(release_check.main([str(self.components), "--reviewed", str(self.reviewed)]))

    def review(self, days: int, *, name: str = "GHSA-aaaa", package: str = "Paramiko") -> None:
        until = datetime.now(UTC).date() + timedelta(days=days)
        self.reviewed.write_text(f'[[hole]]\nid = "{name}"\npackage = "{package}"\nwhy = "not used"\nuntil = {until}\n')


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    return Release(tmp_path, monkeypatch)


def test_without_holes_it_goes_out_and_what_was_not_asked_about_is_told(
    release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release.check() == 0
    assert release.asked == {"jinja2": "2.10", "paramiko": "5.1.0", "python-can": "4.6.1"}
    told = capsys.readouterr().out
    assert "1 in cryptography, 1 in debian" in told and "2 packages of Python" in told


def test_a_hole_keeps_it_back_until_it_is_reviewed_and_after_that_again(
    release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    release.answer = audited(paramiko={"version": "5.1.0", "vulns": [PARAMIKO]})
    assert release.check() == 1
    assert "paramiko 5.1.0: CVE-2026-0001, mended in 5.1.1: A hole" in capsys.readouterr().err
    release.review(30)
    assert release.check() == 0
    release.review(30, package="python-can")
    assert release.check() == 1
    assert "take it off" in capsys.readouterr().out
    release.review(-1)
    assert release.check() == 1
    assert "review ended" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (audited(jinja2={"version": "2.10", "vulns": []}), "this is not the database"),
        (audited(paramiko=None), "1 packages were not looked at: paramiko"),
        (audited(paramiko={"skip_reason": "not found on PyPI"}), "not found on PyPI"),
        (audited(paramiko={"version": "5.0.0", "vulns": []}), "paramiko"),
        ("{}", "KeyError"),
        ("<html>", "JSONDecodeError"),
    ],
)
def test_an_answer_that_does_not_cover_everything_is_none(
    release: Release, capsys: pytest.CaptureFixture[str], answer: str, why: str
) -> None:
    release.answer = answer
    assert release.check() == 2
    told = capsys.readouterr().err
    assert "NOTHING WAS CHECKED" in told and why in told


def test_a_list_that_cannot_be_used_keeps_it_back(release: Release, capsys: pytest.CaptureFixture[str]) -> None:
    release.review(400)
    assert release.check() == 2
    release.reviewed.write_text('[[hole]]\nid = "x"\npackage = "y"\nwhy = " "\nuntil = 2026-01-01\n')
    assert release.check() == 2
    release.reviewed.write_text('[[hole]]\nid = "x"\n')
    assert release.check() == 2
    release.review(1)
    release.components.write_text('{"components": []}')
    assert release.check() == 2
    twice = [{"purl": f"pkg:pypi/paramiko@{version}"} for version in ("5.1.0", "5.1.1")]
    release.components.write_text(json.dumps({"components": twice}))
    assert release.check() == 2
    told = capsys.readouterr().err
    assert told.count("NOTHING WAS CHECKED") == 5 and "names paramiko twice, 5.1.0 and 5.1.1" in told


def test_a_tool_that_cannot_ask_is_told_as_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Exception, match=r"http://127\.0\.0\.1:9/ could not be asked: it said nothing"):
        load().ask({"a": "1"}, "http://127.0.0.1:9/")


def test_the_list_of_reviewed_holes_that_is_kept_here_can_be_used() -> None:
    text = (SCRIPTS / "known-holes.toml").read_text()
    assert isinstance(release_check.read_excuses(text, datetime.now(UTC).date()), list)
    lines = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ")]
    example = "\n".join(line for line in lines if "=" in line or "[[" in line)
    assert [row.package for row in release_check.read_excuses(example, datetime(2027, 1, 1).date())] == ["name"]
