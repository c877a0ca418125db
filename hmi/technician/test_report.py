"""The reports of test sessions on the screen: one at a time, with a QR code that says itself what was found, so that it
can be taken along where there is no network.
"""

from __future__ import annotations

from chargepoint.messages import TestReport, TestReports
from hmi.drawing.items import Picture, Rect
from hmi.screens import grid
from hmi.technician import facts, wordings
from hmi.technician.kit import Button, StaffPage
from hmi.technician.sheet import Row, head, line, sheet

TONES = {"passed": "good", "warning": "warn", "failed": "bad", "skipped": "old", "interrupted": "bad"}
MOST_SHOWN = 6
CODE = "code:"
MOST_BYTES = 400
"""What a telephone reads from a code of 40 mm."""


def reports(page: StaffPage, number: int, tabs: list[Button]) -> Picture:
    """Those of connector `number`: the one that was picked, else the newest."""
    t = page.t
    told = page.desk.replies.get("reports")
    found = [each for each in told.reports if each.connector == number] if isinstance(told, TestReports) else None
    if not found:
        return sheet(page, t("part_reports"), [line(t("asking" if found is None else "no_reports"))], tabs=tabs)
    found = found[:MOST_SHOWN]
    picked = page.view.place.fields.get("pick", "")
    shown = next((each for each in found if str(each.number) == picked), found[0])
    if picked.startswith(CODE):
        return _code(page, next((each for each in found if f"{CODE}{each.number}" == picked), shown))
    buttons = [Button(name=f"staff:pick:{CODE}{shown.number}", label=t("report_code"), kind="main")]
    if len(found) > 1:
        buttons += [
            Button(name=f"staff:pick:{each.number}", label=t("report", n=each.number),
                   kind="chosen" if each is shown else "plain")
            for each in found
        ]  # fmt: skip
    return sheet(page, t("part_reports"), _rows(page, shown), buttons, tabs=tabs, tile_mm=32.0, share=0.25)


def _code(page: StaffPage, report: TestReport) -> Picture:
    """The code alone: as large as the page allows, so that it can be read from a small panel, too."""

    def figure(page: StaffPage, rect: Rect) -> None:
        side = min(rect.height, rect.width * 60 // 100, page.px(90))
        spot, rest = grid.left(rect, side, page.px(5))
        page.code(grid.middle(spot, side), summary(page, report))
        page.written(rest, page.t("report_code_hint"), page.sizes.body, lines=8)

    return sheet(page, page.t("report", n=report.number), [], figure=figure)


def summary(page: StaffPage, report: TestReport) -> str:
    """The report in few lines, as the code says it: whatever did not pass in full, at most MOST_BYTES of UTF-8."""
    t, words = page.t, page.words
    at = "" if report.at is None else f"{report.at.astimezone():%Y-%m-%d %H:%M}"
    station = page.view.seen.shop.station_name
    passed = [each for each in report.criteria if each.outcome == "passed"]
    lines = [
        " · ".join(part for part in (station[:40], t("test_of", n=report.connector)) if part),
        " · ".join(part for part in (t("report", n=report.number), at, report.login[:32]) if part),
        f"{t('verdict')}: {t(f'verdict_{report.verdict}')}",
        f"{facts.number(page, report.delivered_wh / 1000, 'kWh', 3)} · {facts.duration(page, report.duration_s)}",
    ]
    for outcome in ("failed", "warning"):
        for each in report.criteria:
            if each.outcome == outcome:
                found = wordings.phrase(words, each.found)
                lines.append(f"{named(page, each.key)}: {t(f'verdict_{outcome}')} ({found})")
    if report.criteria:
        lines.append(f"{t('verdict_passed')}: {len(passed)}/{len(report.criteria)}")
    return "\n".join(lines).encode()[:MOST_BYTES].decode(errors="ignore")


def named(page: StaffPage, criterion: str) -> str:
    """A criterion in words."""
    return page.words(f"criterion.{criterion}") if page.words.has(f"criterion.{criterion}") else criterion


def _rows(page: StaffPage, report: TestReport) -> list[Row]:
    t, words = page.t, page.words
    at = "" if report.at is None else f" · {report.at.astimezone():%d.%m %H:%M}"
    rows = [
        head(f"{t('report', n=report.number)}{at} · {report.login}"),
        Row(t("verdict"), t(f"verdict_{report.verdict}"), TONES.get(report.verdict, "")),
        Row(t("mode"), t(f"mode_{report.mode}")),
        Row(t("energy"), facts.number(page, report.delivered_wh / 1000, "kWh", 3)),
        Row(t("elapsed"), facts.duration(page, report.duration_s)),
    ]
    for each in report.criteria:
        told = f"{wordings.phrase(words, each.found)} ({wordings.phrase(words, each.wanted)})"
        rows.append(Row(named(page, each.key), f"{t(f'verdict_{each.outcome}')}: {told}", TONES.get(each.outcome, "")))
    if report.text:
        rows.append(line(report.text))
    rows += [Row(facts.named(page, "ph", name), version) for name, version in report.versions.items()]
    return rows
