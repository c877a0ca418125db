"""The report of a test session as a page of its own: HTML without scripts, links or anything to fetch, which can be
kept, sent and printed. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from chargepoint.messages import TestPoint, TestReport
from chargepoint.test_report_words import WORDS, language_of, phrase

WIDTH, HEIGHT = 640, 170
"""Of the chart, in its own units."""
_STYLE = """
body{font:14px/1.45 sans-serif;color:#111;background:#fff;max-width:48em;margin:2em auto;padding:0 1em}
h1{font-size:1.5em;margin:0 0 .3em}h2{font-size:1.1em;margin:1.4em 0 .3em}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.25em .6em .25em 0;border-bottom:1px solid #ccc}
th{font-weight:600}td.n{text-align:right;white-space:nowrap}
.mark{display:inline-block;border:2px solid;border-radius:.3em;padding:.1em .6em;font-weight:700}
.passed{color:#0a6b2d}.warning{color:#8a5a00}.failed,.interrupted{color:#b00020}.skipped{color:#555}
svg{width:100%;height:auto;border:1px solid #ccc}
tr,svg{break-inside:avoid}
@media print{body{margin:0;max-width:none;padding:0}}
@page{margin:15mm}
"""
_KNOWN = frozenset({"passed", "warning", "failed", "skipped", "interrupted"})


def report_page(report: TestReport, language: str = "en") -> str:
    """The whole page in `ru` or `en` (`kk` reads Russian, any other English). Raises nothing; what came from devices
    and people is escaped, values that are no numbers are dashes."""
    language = language_of(language)
    told = _Told(language)
    title = told("title", number=str(report.number))
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{_mark(told, report.verdict)}</p>",
        _facts(told, report),
        _criteria(told, report),
        _steps(told, report),
        _chart(told, report.points),
        _versions(told, report),
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body>\n</html>\n"
    )


class _Told:
    """Words and numbers in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._words = WORDS[language]

    def __call__(self, key: str, **values: str) -> str:
        text = self._words.get(key, key)
        return text.format(**values) if values else text

    def number(self, value: float | None, unit: str, digits: int) -> str:
        if value is None or not math.isfinite(value):
            return "—"
        return phrase(f"{value:.{digits}f} {unit}", self.language)


def _mark(told: _Told, outcome: str) -> str:
    kind = outcome if outcome in _KNOWN else "skipped"
    return f'<span class="mark {kind}">{escape(told(outcome))}</span>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML already."""
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    lines = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return "<table>\n" + (f"<tr>{head}</tr>\n" if heads else "") + f"{lines}\n</table>"


def _facts(told: _Told, report: TestReport) -> str:
    at = told("at_unknown") if report.at is None else f"{report.at.astimezone():%Y-%m-%d %H:%M:%S %z}"
    limits = ", ".join((told.number(report.power_w / 1000, "kW", 1), told.number(report.energy_wh / 1000, "kWh", 1)))
    rows = [
        ("station", report.versions.get("station", "")),
        ("connector", str(report.connector)),
        ("login", report.login),
        ("at", at),
        ("mode", told(f"mode_{report.mode}") if report.mode in ("ev", "load", "dry") else report.mode),
        ("limits", limits),
        ("energy", told.number(report.delivered_wh / 1000, "kWh", 3)),
        ("duration", told.number(report.duration_s, "s", 0)),
        ("session", str(report.session_id) if report.session_id else ""),
        ("stop_source", phrase(report.stop_source, told.language)),
        ("note", report.text),
    ]
    return _table((), ((f"<b>{escape(told(key))}</b>", escape(value)) for key, value in rows if value))


def _criteria(told: _Told, report: TestReport) -> str:
    if not report.criteria:
        return ""
    rows = [
        (
            escape(told(each.key)),
            _mark(told, each.outcome),
            escape(phrase(each.found, told.language)),
            escape(phrase(each.wanted, told.language)),
        )
        for each in report.criteria
    ]
    heads = [told(key) for key in ("criterion", "outcome", "found", "wanted")]
    return f"<h2>{escape(told('criteria'))}</h2>\n{_table(heads, rows)}"


def _steps(told: _Told, report: TestReport) -> str:
    if not report.steps:
        return ""
    rows = [(escape(step.status), told.number(step.at_s, "s", 1)) for step in report.steps]
    return f"<h2>{escape(told('steps'))}</h2>\n{_table([told('status'), told('time')], rows)}"


def _versions(told: _Told, report: TestReport) -> str:
    rows = [(escape(told(name)), escape(version)) for name, version in report.versions.items() if version]
    return f"<h2>{escape(told('versions'))}</h2>\n{_table((), rows)}" if rows else ""


# ------------------------------------------------------------------------------------------------------------- chart


def _chart(told: _Told, points: Sequence[TestPoint]) -> str:
    """Measured voltage and current over the time, and the highest of each in words."""
    points = [each for each in points if math.isfinite(each.at_s)]
    if len(points) < 2 or points[-1].at_s <= points[0].at_s:
        return ""
    series = (
        ("V", "#0b57d0", "", [each.measured_v for each in points]),
        ("A", "#b34700", "6 4", [each.measured_a for each in points]),
        ("kW", "#0a6b2d", "2 3", [None if each.power_w is None else each.power_w / 1000 for each in points]),
    )
    times = [each.at_s - points[0].at_s for each in points]
    lines, legend = [], []
    for unit, colour, dash, values in series:
        top = max((value for value in values if value is not None and math.isfinite(value)), default=0.0)
        if top <= 0:
            continue
        for run in _runs(times, values):
            path = " ".join(
                f"{x / times[-1] * WIDTH:.1f},{HEIGHT - max(0.0, y) / top * (HEIGHT - 8):.1f}" for x, y in run
            )
            lines.append(
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
            )
        legend.append(f'<span style="color:{colour}">0–{escape(told.number(top, unit, 1))}</span>')
    if not lines:
        return ""
    span = f"0–{told.number(times[-1], 's', 0)}"
    return (
        f"<h2>{escape(told('measured'))}</h2>\n<p>{' · '.join(legend)} · {escape(span)}</p>\n"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">' + "".join(lines) + "</svg>"
    )


def _runs(times: Sequence[float], values: Sequence[float | None]) -> list[list[tuple[float, float]]]:
    """What was measured without a gap."""
    runs: list[list[tuple[float, float]]] = [[]]
    for at_s, value in zip(times, values, strict=True):
        if value is not None and math.isfinite(value):
            runs[-1].append((at_s, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if len(run) > 1]
