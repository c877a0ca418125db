"""Charts: no peak is lost, what is missing is said, and the same is there in words and numbers."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from chargepoint.vocabulary import ConnectorType, PowerType
from tests.webconfig.session_samples import history, journal, session
from webconfig.charts import Area, Band, Level, Line, Mark, Row, Span, bars_chart, lines_chart, steps
from webconfig.charts.session import asymmetry_v, bands_of, marks_of, session_charts, span_of
from webconfig.charts.values import columns, ticks, time_ticks
from webconfig.words import LANGUAGES, Words

WORDS = Words("en")


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=400), st.integers(1, 60))
def test_the_greatest_and_the_least_of_each_column_survive(values: list[float | None], count: int) -> None:
    at = [15.0 * n for n in range(len(values))]
    span = Span(0.0, max(at[-1], 1.0))
    points = [point for stretch in columns(Line(name="", at_s=at, values=values), span, count) for point in stretch]
    given_points = [(when, value) for when, value in zip(at, values, strict=True) if value is not None]
    assert set(points) <= set(given_points)
    assert points == sorted(points, key=lambda point: point[0])
    known = [value for _, value in given_points]
    if known:
        assert max(value for _, value in points) == max(known) and min(value for _, value in points) == min(known)
        assert len(points) <= 4 * (count + 1) + 2 * values.count(None) + 4


def test_a_line_is_broken_where_nothing_was_measured() -> None:
    at = [0.0, 15.0, 30.0, 45.0, 60.0, 600.0, 615.0]
    line = Line(name="", at_s=at, values=[1.0, 2.0, None, 3.0, math.nan, 4.0, 5.0])
    found = list(columns(line, Span(0, 700), 300))
    assert [[value for _, value in dict.fromkeys(stretch)] for stretch in found] == [[1.0, 2.0], [3.0], [4.0, 5.0]]


def test_steps_hold_into_a_span_and_out_of_it() -> None:
    at, values = steps([(0, 90.0), (10, 90.0), (50, 60.0)], 100)
    assert (at, values) == ([0, 50, 100], [90.0, 60.0, 60.0])
    line = Area(name="", at_s=at, values=values, is_step=True)
    (inside,) = columns(line, Span(20, 40), 100)
    assert (inside[0], inside[-1]) == ((20, 90.0), (40, 90.0))
    (across,) = columns(line, Span(20, 70), 100)
    assert [value for _, value in dict.fromkeys(across)] == [90.0, 60.0, 60.0]


def test_scales_are_round_and_cover_what_is_shown() -> None:
    assert ticks(0, 83, 5) == [0, 20, 40, 60, 80, 100]
    for low, high in ((-3.2, 7.7), (0.001, 0.0042), (5, 5.0000001), (1e5, 9e5)):
        found = ticks(low, high, 4)
        assert found[0] <= low + 1e-9 and found[-1] >= high - 1e-9 and len(found) < 12
    moments, step_s = time_ticks(Span(100, 4000), 8, 3600)
    assert step_s == 600 and moments[0] == 600 and all(100 <= at <= 4000 for at in moments)


def test_a_chart_says_in_words_and_numbers_what_it_draws_and_escapes_it() -> None:
    at = [1_780_000_000.0 + 15 * n for n in range(200)]
    line = Line(name="<b>Power", short="kW", at_s=at, values=[20.0 + n % 50 for n in range(190)] + [30.0] * 10, style=1)
    figure = str(
        lines_chart("p1", "Power", "kW", [line], Span(at[0], at[-1]), WORDS, link="x",
                    marks=[Mark(at[20], "Stopped <here>", "stop")], bands=[Band(at[0], at[-1], "charging", 2)],
                    levels=[Level("alarm", 80.0)])
    )  # fmt: skip
    assert "<b>" not in figure and "&lt;b&gt;Power" in figure and "style=" not in figure
    root = ElementTree.fromstring(re.sub(r"<!.*?>", "", figure))
    assert root.find(".//svg[@role='img']/title").text == "Power"  # type: ignore[union-attr]
    told = root.find(".//svg[@role='img']/desc").text  # type: ignore[union-attr]
    assert told is not None and "highest 69 kW" in told
    assert len(root.findall(".//tbody/tr")) <= 60 and "■" in figure and "alarm" in figure
    empty = str(lines_chart("p2", "Power", "kW", [], Span(0, 1), WORDS, note="no meter"))
    assert "no meter" in empty and "<svg" not in empty


def test_bars_stack_and_tell_their_sum() -> None:
    rows = [Row("1", [10.0, None, 5.0]), Row("2", [1.0, 2.0, -3.0], 1)]
    figure = str(bars_chart("b", "Energy", "kWh", ["Mon", "Tue", "Wed"], rows, WORDS))
    assert "18 kWh in all, most of it Mon: 11 kWh" in figure
    assert len(re.findall(r'<rect[^>]*class="bar c[01]"><title>', figure)) == 4
    assert figure.count("–") == 1
    assert "<svg" not in str(bars_chart("b", "Energy", "kWh", [], [], WORDS))


def test_a_session_shows_its_peak_its_limits_and_why_something_is_missing() -> None:
    one, rows, entries = session(7), history(7, 160), journal(7)
    span = span_of(one, rows)
    assert span is not None and span.width_s == 2400
    marks = marks_of(entries, rows, WORDS)
    assert [mark.kind for mark in marks] == ["start", "error", "limit", "limit", "stop"]
    assert "60 kW" in marks[2].text and WORDS.one_of("limit", "user") in marks[2].text
    assert bands_of(entries, span, WORDS)[0].name == WORDS("history.charging")
    assert asymmetry_v(rows[2]) == 0.0
    figures = "".join(str(figure) for figure in session_charts(one, rows, entries, span, WORDS))
    assert "Power up to 99 kW, falling to" in figures and "at 80 %" in figures
    assert figures.count('data-link="session"') == 9 and WORDS("history.missing") not in figures
    ac = session(8, power_type=PowerType.AC, connector_type=ConnectorType.TYPE2)
    for language in LANGUAGES:
        words = Words(language)
        figures = "".join(str(figure) for figure in session_charts(ac, history(8, 20, is_ac=True), [], span, words))
        assert words("history.not_ac") in figures and words("history.panel_bus") in figures
        assert "history." not in figures and "charts." not in figures and "short." not in figures
