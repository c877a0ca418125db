"""ChargeControllerTestPage: one connector per tab: what its controller says, in words; what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from chargepoint.journal_text import entry_line
from chargepoint.messages import ConnectorState, ControllerPage, DeviceState, JournalPage
from chargepoint.vocabulary import ConnectorFlag, ConnectorStatus
from drivers.interfaces import HardwareFlag, SelfDiagnosisFlag
from hmi.drawing.items import Picture, Rect, Series
from hmi.screens import grid
from hmi.technician import facts, kit, pads, wordings
from hmi.technician.guarded import deed, shows, tabs_of_connectors
from hmi.technician.kit import Button, StaffPage
from hmi.technician.paged import staff_page
from hmi.technician.sheet import Figure, Row, head, line, sheet

PARTS = ("values", "controller", "parameters", "chart")
MOST_LINES = 20
OFF_S = 10.0
"""A clock that is more off is marked."""


@staff_page("ChargeControllerTestPage")
def picture(page: StaffPage) -> Picture:
    state = facts.here(page)
    if state is None:
        return sheet(page, page.t("connectors"), [line(page.words("menu.none"))])
    controller = page.desk.replies.get(f"controller {state.number}")
    known = controller if isinstance(controller, ControllerPage) else None
    if page.view.place.fields.get("edit"):
        return _edit(page, state, known)
    show = page.view.place.fields.get("show") or PARTS[0]
    tabs = [*tabs_of_connectors(page, state.number), *(shows(page, part, f"part_{part}", PARTS[0]) for part in PARTS)]
    subtitle = f"{state.type.value} · {page.words(f'cstatus.{state.status.name}')}"
    figure: Figure | None = None
    rows = TABLES.get(show, _values)(page, state, known)
    buttons = _buttons(page, state)
    if show == "chart":
        rows, buttons, figure = [], buttons, _chart
    elif show == "parameters":
        buttons = _editors(page, known)
    elif show == "log":
        buttons = []
    elif show == "dump":
        buttons = [deed(page, name, connector=state.number) for name in ("start_dump", "stop_dump")]
    title = page.words("menu.connector", n=state.number)
    return sheet(page, title, rows, buttons, tabs=tabs, figure=figure, subtitle=subtitle, share=0.5, tile_mm=43.0)


def _buttons(page: StaffPage, state: ConnectorState) -> list[Button]:
    number = state.number
    is_blocked = ConnectorFlag.BLOCKED in state.flags
    names = ["test_controller", "test_lights", "reboot_controller", "unlock", "exercise"]
    if state.status is ConnectorStatus.EMERGENCY_OFF:
        names.insert(0, "clear_emergency")
    if state.session is not None and state.session.is_transaction:
        names.insert(0, "stop")
    names += ["unblock" if is_blocked else "block", "sync_clock", "clear_fault"]
    more = [shows(page, "log", "part_connector_log"), shows(page, "dump", "part_dump")]
    stop = Button(
        name=f"staff:do:emergency_stop:connector={number}", label=page.t("stop_one", n=number), kind="stop",
        icon="emergency_button",
    )  # fmt: skip
    deeds = [deed(page, name, connector=number) for name in names]
    return [*deeds[:-1], *more, deeds[-1], stop]


def _values(page: StaffPage, state: ConnectorState, known: ControllerPage | None) -> list[Row]:
    t, words, reading = page.t, page.words, state.reading
    rows = [head(t("part_values"))]
    if reading is None:
        rows.append(line(t("never_heard"), "bad"))
    else:
        old = facts.tone_by_age(page, state.reading_mono_s)
        status = reading.status.value
        rows += [
            Row(t("controller_status"), f"{status} {words(f'cs.{reading.status.name}')}", old),
            Row(t("age"), facts.number(page, facts.age_s(page, state.reading_mono_s), t("s"), 0), old),
            Row(t("voltage"), facts.number(page, reading.voltage_v if reading.is_metered else None, "V"), old),
            Row(t("current"), _currents(page, state), old),
            Row(t("power"), facts.number(page, reading.power_w / 1000 if reading.is_metered else None, "kW", 2), old),
            Row(t("limit"), facts.number(page, reading.limit_current_a, "A"), old),
            Row(t("hardware_flags"), facts.flags(page, reading.flags.value, _names(HardwareFlag, reading.flags)), old),
        ]
        if reading.requested_current_a is not None:
            rows.append(Row(t("requested"), f"{facts.number(page, reading.requested_voltage_v, 'V')} · "
                            f"{facts.number(page, reading.requested_current_a, 'A')}", old))  # fmt: skip
        if reading.soc_pct is not None:
            rows.append(Row(t("soc"), facts.number(page, reading.soc_pct, "%", 0), old))
    rows.append(Row(t("software_flags"), facts.flags(page, state.flags.value, _names(ConnectorFlag, state.flags))))
    if state.cause:
        cause = facts.named(page, "cause", state.cause)
        rows.append(Row(t("cause"), f"{state.vendor_error_code} {cause}".strip(), "bad"))
    meter = state.meter
    rows.append(head(t("meter")))
    if meter is None:
        rows.append(line(t("no_meter")))
    else:
        old = facts.tone_by_age(page, state.meter_mono_s)
        rows += [
            Row(t("energy"), facts.number(page, meter.energy_wh / 1000, "kWh", 3), old),
            Row(t("power"), facts.number(page, meter.power_w / 1000, "kW", 2), old),
        ]
        for key, values, unit in (("voltage", meter.voltage_v, "V"), ("current", meter.current_a, "A")):
            if values is not None:
                shown = " / ".join(page.words.number(value) for value in values)
                rows.append(Row(t(key), f"{shown} {wordings.unit(page.words, unit)}", old))
    return rows


def _currents(page: StaffPage, state: ConnectorState) -> str:
    reading = state.reading
    if reading is None or not reading.is_metered:
        return facts.NONE
    values = reading.current_a if any(reading.current_a[1:]) else reading.current_a[:1]
    return " / ".join(page.words.number(value) for value in values) + f" {wordings.unit(page.words, 'A')}"


def _names(kind: type[HardwareFlag] | type[ConnectorFlag] | type[SelfDiagnosisFlag], value: int) -> list[str]:
    return [str(each.name) for each in kind if each.value & value]


def _controller(page: StaffPage, state: ConnectorState, known: ControllerPage | None) -> list[Row]:
    t = page.t
    device = next(
        (d for d in facts.of_kind(page, DeviceState) if d.kind == "connector" and d.name == str(state.number)), None
    )  # fmt: skip
    rows = [head(t("part_controller"))]
    if known is None or not known.ok:
        rows.append(line((known.text if known is not None else "") or t("asking"), "warn"))
    identity = known.identity if known is not None and known.identity is not None else None
    if identity is None and device is not None:
        identity = device.identity
    if identity is not None:
        named = " ".join(part for part in (identity.vendor, identity.model) if part)
        rows += [
            Row(t("model"), named or facts.NONE),
            Row(t("serial"), identity.serial or facts.NONE),
            Row(t("firmware"), identity.firmware_version or facts.NONE),
            Row(t("hardware"), identity.hardware_version or facts.NONE),
            Row(t("build_date"), identity.build_date or facts.NONE),
        ]
    if device is not None:
        rows += [
            head(t("polls")),
            Row(t("port"), f"{device.port} · {device.address} · {device.driver}"),
            Row(t("answers"), t("of", a=device.answers, b=device.requests),
                "" if device.answers == device.requests else "warn"),
            Row(t("answer_time"), _two(page, device.p50_ms, device.p99_ms, "ms")),
        ]  # fmt: skip
        if device.last_error:
            rows.append(Row(t("last_error"), wordings.phrase(page.words, device.last_error), "warn"))
    diagnosis = known.diagnosis if known is not None else None
    if diagnosis is not None:
        found = diagnosis.self_diagnosis
        rows += [
            head(t("self_diagnosis")),
            Row(t("findings"), facts.flags(page, found.value, _names(SelfDiagnosisFlag, found)),
                "warn" if found else "good"),
            Row("CP", f"{facts.number(page, diagnosis.control_pilot_v, 'V')} · "
                f"{facts.number(page, diagnosis.control_pilot_duty_pct, '%')}"),
            Row("PP", facts.number(page, diagnosis.proximity_ohm, "Ω", 0)),
            Row("T1 / T2", f"{facts.number(page, diagnosis.t1_c, '°C')} · {facts.number(page, diagnosis.t2_c, '°C')}"),
            Row(t("insulation"), facts.number(page, diagnosis.insulation_kohm, "kΩ", 0)),
            Row("U+ / U-", _two(page, diagnosis.u_plus_v, diagnosis.u_minus_v, "V")),
            Row(t("uptime"), facts.duration(page, diagnosis.uptime_s)),
            *([_off(page, state, diagnosis.clock)] if diagnosis.clock is not None else []),
            *(line(each, "warn") for each in diagnosis.findings),
        ]  # fmt: skip
        if found:
            rows.append(line(t("t1_hint")))
    return rows


def _off(page: StaffPage, state: ConnectorState, clock: datetime) -> Row:
    """How far its clock is ahead of ours, since it was asked."""
    now = page.view.clock
    if now is None:
        return Row(page.t("its_clock"), f"{clock:%H:%M:%S}")
    ours = now if clock.tzinfo is not None else now.replace(tzinfo=None)
    asked_s = page.desk.asked_s.get(f"controller {state.number}", page.view.now_s)
    ours = ours if (ours.tzinfo is None) == (clock.tzinfo is None) else ours.replace(tzinfo=clock.tzinfo)
    off_s = (clock - ours).total_seconds() + max(0.0, page.view.now_s - asked_s)
    tone = "warn" if abs(off_s) > OFF_S else ""
    return Row(page.t("clock_off"), f"{'+' if off_s > 0 else ''}{facts.number(page, off_s, 's', 0)}", tone)


def _log(page: StaffPage, state: ConnectorState, known: ControllerPage | None) -> list[Row]:
    """The last entries of the operation log about this connector, the newest first."""
    journal = page.desk.replies.get("journal")
    if not isinstance(journal, JournalPage):
        return [line(page.t("asking"))]
    own = [row for row in journal.rows if row.entry.connector == state.number][-MOST_LINES:]
    rows = [line(entry_line(row), "warn" if getattr(row.entry, "error", "") else "") for row in reversed(own)]
    return rows or [line(page.t("nothing_found"))]


def _dump(page: StaffPage, state: ConnectorState, known: ControllerPage | None) -> list[Row]:
    """What connector and vehicle say to each other now, the newest first."""
    lines = page.view.seen.gathered.dump.get(state.number, ())
    return [line(each) for each in reversed(lines)] or [line(page.t("no_dump"))]


def _two(page: StaffPage, first: float | None, second: float | None, unit: str) -> str:
    return f"{facts.number(page, first, unit)} · {facts.number(page, second, unit)}"


def _parameters(page: StaffPage, state: ConnectorState, known: ControllerPage | None) -> list[Row]:
    if known is None or not known.parameters:
        return [line(page.t("no_parameters" if known is not None and known.ok else "asking"))]
    return [Row(each.name, f"{each.value} {wordings.unit(page.words, each.unit)}") for each in known.parameters]


def _editors(page: StaffPage, known: ControllerPage | None) -> list[Button]:
    parameters = () if known is None else known.parameters
    return [Button(name=f"staff:edit:{each.name}", label=page.t("change", what=each.name), icon="wrench")
            for each in parameters]  # fmt: skip


def _edit(page: StaffPage, state: ConnectorState, known: ControllerPage | None) -> Picture:
    name = page.view.place.fields.get("edit", "")
    parameter = next((each for each in (() if known is None else known.parameters) if each.name == name), None)
    if parameter is None:
        return sheet(page, name, [line(page.t("no_parameters"), "warn")])
    unit = wordings.unit(page.words, parameter.unit)
    told = [parameter.description, page.t("range", low=parameter.minimum, high=parameter.maximum, unit=unit)]
    return pads.number_page(page, name, f"{parameter.value} {unit}", told)


def _chart(page: StaffPage, rect: Rect) -> None:
    """Voltage and current of the last minute."""
    state = facts.here(page)
    live = None if state is None else page.view.seen.live.get(state.number)
    inner = kit.panel(page, rect)
    ground, palette, sizes = page.palette.card, page.palette, page.sizes
    legend, plot = grid.top(inner, page.block(1, sizes.body), page.px(1))
    if live is None or not any(value is not None for value in live.voltage_v):
        page.written(legend, page.t("no_points"), sizes.body, colour=palette.faint, on=ground)
        return
    tops = [_top(live.voltage_v), _top(live.current_a)]
    left, right = grid.columns(legend, 2, page.px(2))
    volts, amps = (facts.whole(page, top, unit) for top, unit in zip(tops, "VA", strict=True))
    page.written(
        left, f"{_axis(page, 'voltage', 'U', left.width)} 0–{volts}", sizes.body, colour=palette.accent, on=ground
    )
    page.written(
        right, f"{_axis(page, 'current', 'I', right.width)} 0–{amps}", sizes.body, colour=palette.green, on=ground
    )
    pad = (None,) * (60 - len(live.voltage_v))
    page.chart(
        plot,
        (
            Series((*pad, *live.voltage_v), tops[0], palette.accent),
            Series((*pad, *live.current_a), tops[1], palette.green, dash=True),
        ),
        on=ground,
    )


def _top(values: tuple[float | None, ...]) -> float:
    """A round end of the axis above all values."""
    most = max((value for value in values if value is not None), default=0.0)
    return next((top for top in (10, 20, 50, 100, 200, 300, 500, 600, 800, 1000) if top >= most), 2000)


TABLES: dict[str, Callable[[StaffPage, ConnectorState, ControllerPage | None], list[Row]]] = {
    "values": _values,
    "controller": _controller,
    "parameters": _parameters,
    "log": _log,
    "dump": _dump,
}
"""Parts of the page that are tables."""


def _axis(page: StaffPage, key: str, symbol: str, width: int) -> str:
    """The name of a quantity, its symbol where there is no room for both name and range."""
    name = page.t(key)
    return name if page.wide(f"{name} 0–1000,0 V", page.sizes.body) <= width else symbol
