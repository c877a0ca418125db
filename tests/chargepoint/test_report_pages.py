"""The report of a test session as a page: complete, escaped, without anything to fetch or to run."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.messages import Criterion, TestPoint, TestReport, TestStep
from chargepoint.test_report_page import report_page
from chargepoint.test_report_words import WORDS

REPORT = TestReport(
    number=12, connector=1, mode="ev", login="a.petrov", verdict="warning",
    at=datetime(2026, 5, 14, 8, 12, tzinfo=UTC), duration_s=181.0, session_id=77, stop_source="TECHNICIAN",
    power_w=5000.0, energy_wh=1000, delivered_wh=240.0,
    criteria=(
        Criterion("times", "passed", "in time", "C1 10 s, C2 40 s"),
        Criterion("deviation", "failed", "-2.8 %", "2 %"),
        Criterion("insulation", "warning", "168 kohm, 420 ohm/V", "500 ohm/V"),
        Criterion("voltage", "passed", "399.5 V", "400 V within 2 %"),
    ),
    steps=(TestStep("B1", 0.4), TestStep("C6", 14.2)),
    points=tuple(TestPoint(float(i), 400.0, 12.5, 40.0 * i, 1.1 * i, 42.0 * i, 25.0) for i in range(10)),
    versions={"software": "1.6.0", "controller": "CC-1 2.4.1", "station": "Yard 7"},
)  # fmt: skip
ALLOWED = frozenset(
    ("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "span", "table", "tr", "th", "td", "b")
) | {"svg", "polyline"}


class Read(HTMLParser):
    """Elements, their attributes and all text; every element is closed in order."""

    VOID = frozenset({"meta"})

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_report_has_its_verdict_criteria_steps_chart_and_versions() -> None:
    page = Read(report_page(REPORT))
    for wanted in ("Test report 12", "a.petrov", "Yard 7", "warning", "0.240 kWh", "181 s", "Meter against modules",
                   "-2.8 %", "168 kΩ, 420 Ω/V", "400 V ± 2 %", "14.2 s", "CC-1 2.4.1", "5.0 kW, 1.0 kWh"):  # fmt: skip
        assert wanted in page.text
    assert page.tags.count("polyline") == 3


def test_in_russian_words_units_and_decimal_marks_are_russian() -> None:
    page = Read(report_page(REPORT, "ru"))
    for wanted in ("Отчёт о тесте 12", "предупреждение", "вовремя", "168 кОм, 420 Ом/В", "0,240 кВт·ч", "-2,8 %",
                   "399,5 В", "14,2 с", "техником"):  # fmt: skip
        assert wanted in page.text
    assert "in time" not in page.text and "kohm" not in page.text


def test_both_languages_have_the_same_words() -> None:
    assert set(WORDS["ru"]) == set(WORDS["en"])
    assert all(WORDS[language][key] for language in WORDS for key in WORDS["en"])


@pytest.mark.parametrize("wanted, language", [("ru", "ru"), ("kk", "ru"), ("en", "en"), ("zh", "en"), ("", "en")])
def test_other_languages_read_the_nearer_of_both(wanted: str, language: str) -> None:
    assert f'<html lang="{language}">' in report_page(REPORT, wanted)


def test_a_report_of_a_test_that_never_began_is_a_page_too() -> None:
    empty = msgspec.structs.replace(
        REPORT, at=None, criteria=(), steps=(), points=(), versions={}, session_id=0, stop_source="",
        verdict="interrupted", text="the station was restarted",
    )  # fmt: skip
    page = Read(report_page(empty))
    assert "the time was not known" in page.text and "the station was restarted" in page.text
    assert "svg" not in page.tags


def test_gaps_in_what_was_measured_are_gaps_in_the_chart() -> None:
    points = tuple(
        msgspec.structs.replace(
            each, measured_v=math.nan if at == 5 else each.measured_v, measured_a=None, power_w=None
        )
        for at, each in enumerate(REPORT.points)
    )
    page = Read(report_page(msgspec.structs.replace(REPORT, points=points)))
    assert page.tags.count("polyline") == 2
    assert "nan" not in str(page.attributes)


EVIL = st.sampled_from(
    ("<script>alert(1)</script>", '"><img src=http://x/>', "{number}", "&amp;", "' onload='x")
) | st.text("<>&\"'{}=я ", max_size=8)
NUMBERS = st.floats() | st.none()


@given(EVIL, EVIL, EVIL, NUMBERS, NUMBERS, st.sampled_from(("en", "ru")))
def test_whatever_it_says_nothing_of_it_becomes_markup(
    one: str, two: str, three: str, volts: float | None, amps: float | None, language: str
) -> None:
    report = msgspec.structs.replace(
        REPORT, login=one, verdict=two, mode=three, stop_source=one, text=two, versions={three: one, "station": two},
        criteria=(Criterion(one, two, three, one),), steps=(TestStep(two, math.nan),), delivered_wh=math.inf,
        points=tuple(TestPoint(at, None, None, volts, amps, volts, None) for at in (0.0, 1.0, math.nan, 2.0)),
    )  # fmt: skip
    page = Read(report_page(report, language))
    assert set(page.tags) <= ALLOWED
    names = {name for name, _ in page.attributes}
    assert not any(name.startswith("on") or name in ("src", "href", "action") for name in names)
    kinds = {value for name, value in page.attributes if name == "class"}
    assert kinds <= {f"mark {kind}" for kind in ("passed", "warning", "failed", "skipped", "interrupted")}


def test_nothing_is_fetched_and_nothing_runs() -> None:
    page = report_page(REPORT)
    assert all(word not in page for word in ("http", "src=", "url(", "@import", "<script", "href"))
