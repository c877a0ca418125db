"""Every finding has its text and its remedy in every language, with the same places; every check and trend its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import diag.checks
from chargepoint.finding_words import LANGUAGES, filled, texts
from diag import trends
from diag.checks import CHECKS, cabinet

PLACES = re.compile(r"\{(\w+)\}")
GIVEN = re.compile(
    r"(?:failed|warning|skipped|verdict)\)?\(\s*\"(\w+)\"|passed\([^,()]*,\s*\"(\w+)\"|said\(\w+, \"(\w+)\""
)


def codes() -> set[str]:
    """Those in the code of the checks."""
    files = [*Path(diag.checks.__file__).parent.glob("*.py"), Path(trends.__file__).with_name("diagnosis.py")]
    found = {code for path in files for groups in GIVEN.findall(path.read_text("utf-8")) for code in groups if code}
    return found | {code for _, code in (*cabinet.ACTIVE.values(), cabinet.OTHERWISE)} | {"ok"}


def test_the_codes_are_found_in_the_checks() -> None:
    assert {"port_closed", "not_fitted", "flash", "smoke", "too_late", "certificate_ends"} <= codes()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_text_and_remedy(language: str) -> None:
    known = texts(language)
    wanted = {f"diag.{code}{end}" for code in codes() for end in ("", "_do")}
    assert wanted - set(known) == set()
    there = {key for key in known if key.startswith("diag.")}
    assert there - wanted == set()
    assert all(text.strip() for text in known.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_places(language: str) -> None:
    english = texts("en")
    for key, text in texts(language).items():
        assert set(PLACES.findall(text)) == set(PLACES.findall(english[key])), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_check_verdict_and_trend_has_its_name(language: str) -> None:
    known = texts(language)
    assert {key for key in known if key.startswith("diag_check.")} == {f"diag_check.{check.name}" for check in CHECKS}
    assert {key for key in known if key.startswith("trend.")} == {f"trend.{name}" for name in trends.UNITS}
    for verdict in ("passed", "warning", "failed", "skipped", "not_fitted"):
        assert f"diag_verdict.{verdict}" in known


def test_what_is_not_known_is_a_question_mark() -> None:
    assert filled("en", "diag.port_closed", {}) == "the port is not open: ?"
    assert filled("xx", "diag.port_closed", {"error": "{x}"}) == "the port is not open: {x}"
    assert filled("en", "diag.no_such", {}) == "diag.no_such"


def test_the_documents_name_every_check() -> None:
    text = (Path(__file__).parents[2] / "docs/service.md").read_text("utf-8")
    assert [check.name for check in CHECKS if f"`{check.name}`" not in text] == []
