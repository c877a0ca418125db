"""TechnikDiagnostics: what can be asked now, one by one, until the whole station can be looked at in one run."""

from __future__ import annotations

from chargepoint.messages import DeviceState, InputState, InstalledState, InsulationState, MeterState, PortState
from hmi.drawing.items import Picture
from hmi.technician import facts, said, wordings
from hmi.technician.guarded import deed, opens, shows
from hmi.technician.kit import Button, StaffPage
from hmi.technician.paged import staff_page
from hmi.technician.sheet import Row, head, line, sheet
from hmi.technician.trouble import troubles

PARTS = ("checks", "devices", "ports", "inputs")


@staff_page("TechnikDiagnostics")
def picture(page: StaffPage) -> Picture:
    show = page.view.place.fields.get("show") or PARTS[0]
    tabs = [shows(page, part, f"part_{part}", PARTS[0]) for part in PARTS]
    rows = {"devices": _devices, "ports": _ports, "inputs": _inputs}.get(show, _checks)(page)
    return sheet(page, page.t("diagnostics"), rows, _buttons(page, show), tabs=tabs)


def _buttons(page: StaffPage, show: str) -> list[Button]:
    if show == "inputs":
        latched = [each for each in facts.of_kind(page, InputState) if each.is_latched]
        return [deed(page, "clear_input", name=each.name) for each in latched]
    if show == "devices":
        return [deed(page, "accept_devices")]
    meters = [deed(page, "test_meter", name=each.name) for each in facts.of_kind(page, MeterState)]
    controllers = [deed(page, "test_controller", connector=n) for n in sorted(page.view.seen.connectors)]
    readers = [deed(page, "test_reader", reader=name) for name in sorted(page.view.seen.readers)]
    return [deed(page, "diagnose"), *controllers, *meters, *readers]


def _checks(page: StaffPage) -> list[Row]:
    rows = [line(said.missing(page.words, "diagnose")), head(page.t("incidents"))]
    found = troubles(page.view.seen, page.words)
    rows += [line(each.text, "bad" if each.is_grave else "warn") for each in found]
    if not found:
        rows.append(line(page.t("no_incidents"), "good"))
    for each in facts.of_kind(page, InsulationState):
        ohm = None if each.reading is None else each.reading.resistance_ohm / 1000
        tone = "bad" if not each.is_answering else facts.tone_by_age(page, each.mono_s)
        rows.append(Row(f"{page.t('insulation')} {each.name}", facts.number(page, ohm, "kΩ", 0), tone))
    return rows


def _devices(page: StaffPage) -> list[Row]:
    rows = []
    told = {line for state in facts.of_kind(page, InstalledState) for line in state.differences}
    for each in facts.of_kind(page, DeviceState):
        named = " ".join(part for part in (each.identity.model, each.identity.firmware_version) if part)
        text = f"{named or each.driver} · {each.port} · {page.t('of', a=each.answers, b=each.requests)}"
        called = f"{facts.named(page, 'kind', each.kind)} {each.name}"
        rows.append(Row(called, text, "" if each.is_answering else "bad"))
        note = "" if each.note in told else each.note
        if note or (each.last_error and not each.is_answering):
            rows.append(line(wordings.phrase(page.words, note or each.last_error), "warn"))
    for state in facts.of_kind(page, InstalledState):
        rows += [line(each, "warn") for each in wordings.differences(page.words, state)]
    return rows or [line(page.t("nothing_known"))]


def _ports(page: StaffPage) -> list[Row]:
    rows = []
    for each in facts.of_kind(page, PortState):
        bad = each.no_answer + each.bad_frame
        share = 100 * bad / each.requests if each.requests else 0.0
        text = f"{page.t('of', a=each.answers, b=each.requests)} · {facts.number(page, share, '%')}"
        called = f"{facts.named(page, 'kind', each.kind)} {each.name}"
        rows.append(Row(called, text, "bad" if not each.is_open else "warn" if share > 2 else ""))
        if each.error:
            rows.append(line(each.error, "bad"))
    return rows or [line(page.t("nothing_known"))]


def _inputs(page: StaffPage) -> list[Row]:
    rows = []
    for each in facts.of_kind(page, InputState):
        key = "unknown" if each.is_active is None else "active" if each.is_active else "quiet"
        tone = "bad" if each.is_latched or each.is_active else "old" if each.is_active is None else "good"
        text = page.t(key) + (f" · {page.t('latched')}" if each.is_latched else "")
        rows.append(Row(f"{facts.named(page, 'input', each.function.value)} ({each.name})", text, tone))
    return rows or [line(page.t("no_inputs"))]


__all__ = ["opens", "picture"]
