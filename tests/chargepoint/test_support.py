"""What whoever built the software promised: told where people look, and never more than stands there."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from chargepoint.__main__ import main
from chargepoint.support import Support, read


def promise(tree: Path, contact: str = "security@maker.example", until: str = "2031-12-31") -> Path:
    """A tree whose release says it."""
    told = {"version": "1.0.0.0", "security_contact": contact, "supported_until": until}
    (tree / "release.json").write_text(json.dumps(told))
    return tree


def test_what_the_release_says_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read(promise(tmp_path)) == Support("security@maker.example", date(2031, 12, 31))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    today = datetime.now(UTC).date()
    for until, words in ((today, f"until {today}"), (today - timedelta(days=1), "ENDED")):
        promise(tmp_path, until=str(until))
        assert main(["version"]) == 0
        told = capsys.readouterr().out
        assert "security@maker.example" in told and words in told


@pytest.mark.parametrize("content", ["", "[]", "{", '{"supported_until": "soon"}', '{"security_contact": "a\\nb"}'])
def test_what_cannot_be_read_was_not_promised(tmp_path: Path, content: str) -> None:
    assert read(tmp_path) == Support()
    (tmp_path / "release.json").write_text(content)
    assert read(tmp_path) == Support()


def test_without_a_promise_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert main(["version"]) == 0
    told = capsys.readouterr().out
    assert "named nobody" in told and "promised no time" in told


def test_a_contact_is_a_link() -> None:
    assert Support("a@b.example").link == "mailto:a@b.example"
    assert Support("https://b.example/report").link == "https://b.example/report"
    assert Support().link == ""
