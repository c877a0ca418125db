"""TechnikTestSession: the form, the test that runs, its report (technician.md 5)."""

from __future__ import annotations

from chargepoint.messages import TestPoint, TestState
from hmi.drawing.items import Picture, Rect, Series
from hmi.screens import grid
from hmi.technician import facts, kit, test_form, test_report
from hmi.technician.entering import TESTING
from hmi.technician.guarded import deed, shows, tabs_of_connectors
from hmi.technician.kit import Button, StaffPage
from hmi.technician.paged import staff_page
from hmi.technician.questions import connector_of
from hmi.technician.sheet import Row, head, sheet


@staff_page("TechnikTestSession")
def picture(page: StaffPage) -> Picture:
    number = connector_of(page.view.place, page.view.seen)
    state = next((each for each in facts.of_kind(page, TestState) if each.connector == number), None)
    tabs = [
        *tabs_of_connectors(page, number),
        shows(page, "form", "part_form", "form"),
        shows(page, "reports", "part_reports"),
    ]
    if page.view.place.fields.get("show") == "reports":
        return test_report.reports(page, number, tabs)
    if state is not None and (state.phase in TESTING):
        return _running(page, state, tabs)
    if page.view.place.fields.get("result"):
        return sheet(page, page.t("test_session"), [], tabs=tabs)
    return test_form.form(page, number, state, tabs)


def _running(page: StaffPage, state: TestState, tabs: list[Button]) -> Picture:
    t = page.t
    rows = [
        head(t(f"phase_{state.phase}")),
        Row(t("elapsed"), f"{facts.duration(page, state.elapsed_s)} / {facts.duration(page, state.duration_s)}"),
        Row(t("energy"), f"{facts.number(page, state.delivered_wh / 1000, 'kWh', 3)} / "
            f"{facts.number(page, state.energy_wh / 1000, 'kWh')}"),
    ]  # fmt: skip
    if state.points:
        last = state.points[-1]
        rows += [
            Row(t("requested"), _both(page, last.requested_v, last.requested_a)),
            Row(t("measured"), _both(page, last.measured_v, last.measured_a)),
            Row(t("power"), facts.number(page, None if last.power_w is None else last.power_w / 1000, "kW", 2)),
            Row(t("temperature"), facts.number(page, last.temperature_c, "°C")),
        ]  # fmt: skip
    deviation = state.deviation_pct
    rows.append(
        Row(
            t("deviation"),
            facts.number(page, deviation, "%"),
            "" if deviation is None or abs(deviation) <= 2 else "bad",
        )
    )
    insulation = None if state.insulation_ohm is None else state.insulation_ohm / 1000
    rows += [
        Row(t("insulation"), facts.number(page, insulation, "kΩ", 0)),
        Row("U+ / U-", f"{facts.number(page, state.u_plus_v, 'V')} · {facts.number(page, state.u_minus_v, 'V')}"),
        head(t("steps")),
    ]
    rows += [Row(step.status, facts.number(page, step.at_s, t("s"))) for step in state.steps]
    stop = deed(page, "stop_test", kind="stop", connector=state.connector)
    return sheet(
        page, t("test_session"), rows, [stop], tabs=tabs,
        figure=(lambda p, rect: _chart(p, rect, state.points)) if state.points else None,
    )  # fmt: skip


def _both(page: StaffPage, volts: float | None, amps: float | None) -> str:
    return f"{facts.number(page, volts, 'V')} · {facts.number(page, amps, 'A')}"


def _chart(page: StaffPage, rect: Rect, points: tuple[TestPoint, ...]) -> None:
    inner = kit.panel(page, rect)
    ground, palette = page.palette.card, page.palette
    legend, plot = grid.top(inner, page.block(1, page.sizes.body), page.px(1))
    watts = tuple(None if each.power_w is None else each.power_w / 1000 for each in points)
    amps = tuple(each.measured_a for each in points)
    tops = [max([v for v in values if v is not None], default=1.0) * 1.1 or 1.0 for values in (watts, amps)]
    left, right = grid.columns(legend, 2, page.px(2))
    power, current = facts.number(page, tops[0], "kW"), facts.number(page, tops[1], "A", 0)
    page.written(left, f"{page.t('power')} 0–{power}", page.sizes.body, colour=palette.accent, on=ground)
    page.written(right, f"{page.t('current')} 0–{current}", page.sizes.body, colour=palette.green, on=ground)
    page.chart(
        plot,
        (Series(watts, tops[0], palette.accent, is_area=True), Series(amps, tops[1], palette.green, dash=True)),
        on=ground,
    )
