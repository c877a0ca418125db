"""TechnikDiagnostics: the run over the whole station as it goes on, or the last one; devices, ports, inputs.

Each trouble stands with its remedy, and with the page that mends it as a button.
"""

from __future__ import annotations

from chargepoint.finding_words import filled, texts
from chargepoint.messages import (
    DeviceState,
    DiagnosticsState,
    Finding,
    InputState,
    InstalledState,
    InsulationState,
    MeterState,
    PortState,
)
from hmi.drawing.items import Picture
from hmi.technician import facts, wordings
from hmi.technician.guarded import deed, opens, shows
from hmi.technician.kit import Button, StaffPage
from hmi.technician.paged import staff_page
from hmi.technician.sheet import Row, head, line, sheet
from hmi.technician.trouble import troubles

PARTS = ("checks", "all_checks", "devices", "ports", "inputs")
BAD = ("failed", "warning")
TONES = {"passed": "good", "warning": "warn", "failed": "bad", "skipped": "old", "not_fitted": "old"}
MOST_WAYS = 4


@staff_page("TechnikDiagnostics")
def picture(page: StaffPage) -> Picture:
    show = page.view.place.fields.get("show") or PARTS[0]
    tabs = [shows(page, part, f"part_{part}", PARTS[0]) for part in PARTS]
    parts = {"all_checks": _all_checks, "devices": _devices, "ports": _ports, "inputs": _inputs}
    rows = parts.get(show, _checks)(page)
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
    if show == "all_checks":
        return [deed(page, "diagnose"), *_self_tests(page)]
    return [deed(page, "diagnose"), *_ways(page), *_self_tests(page), *controllers, *meters, *readers]


def _self_tests(page: StaffPage) -> list[Button]:
    """Where there is a device that can test itself."""
    return [deed(page, "diagnose_with_tests")] if any(facts.of_kind(page, InsulationState)) else []


def _run(page: StaffPage) -> DiagnosticsState | None:
    return next(iter(facts.of_kind(page, DiagnosticsState)), None)


def _ways(page: StaffPage) -> list[Button]:
    """The pages that mend what was found, the gravest first."""
    state, ways = _run(page), dict[str, Button]()
    for each in sorted(state.findings if state is not None else (), key=lambda one: one.verdict != "failed"):
        key = f"to_{each.page}"
        if each.verdict in BAD and each.page and each.page != "TechnikDiagnostics" and each.page not in ways:
            ways[each.page] = _way(page, each, key)
    return list(ways.values())[:MOST_WAYS]


def _way(page: StaffPage, finding: Finding, key: str) -> Button:
    kind, _, name = finding.subject.partition("/")
    number = int(name) if kind == "connector" and name.isdecimal() else 0
    if finding.page == "ChargeControllerTestPage" and not number:
        number = min(page.view.seen.connectors, default=0)
    way = opens(page, finding.page, key, "wrench", number)
    label = page.words("menu.connector", n=number) if number else way.label
    return Button(name=way.name, label=page.t("see", what=label), icon="wrench")


def _how_far(page: StaffPage) -> list[Row]:
    """The run that goes on, or when the last one was and what came of it."""
    state, language = _run(page), page.words.language
    if state is None or not (state.is_running or state.verdict):
        return [line(page.t("diag_never"))]
    about = f" · {state.subject}" if state.subject else ""
    if state.is_running:
        name = texts(language).get(f"diag_check.{state.now}", state.now)
        return [Row(page.t("diag_running") + about, f"{page.t('of', a=state.done, b=state.total)} · {name}")]
    at = f"{state.ended_at.astimezone():%d.%m %H:%M}" if state.ended_at is not None else facts.NONE
    bad = sum(each.verdict in BAD for each in state.findings)
    told = texts(language).get(f"diag_verdict.{state.verdict}", state.verdict)
    tone = TONES.get(state.verdict, "")
    return [Row(page.t("diag_last") + about, f"{at} · {told}" + (f" · {bad}" if bad else ""), tone)]


def _named(page: StaffPage, finding: Finding) -> str:
    name = texts(page.words.language).get(f"diag_check.{finding.check}", finding.check)
    subject = finding.subject.partition("/")[2]
    changed = f" · {page.t('diag_changed')}" if finding.is_changed else ""
    return (f"{name}: {subject}" if subject else name) + changed


def _told(page: StaffPage, finding: Finding) -> str:
    values = finding.values
    if "cause" in values:
        cause = values["cause"]  # of a controller, or the function of an input
        section = "cause" if page.words.has(f"cause.{cause}") else "input"
        values = {**values, "cause": facts.named(page, section, cause)}
    return filled(page.words.language, f"diag.{finding.code}", values)


def _all_checks(page: StaffPage) -> list[Row]:
    """Everything that was looked at."""
    state = _run(page)
    rows = _how_far(page)
    for each in state.findings if state is not None else ():
        told = _told(page, each)
        rows.append(Row(_named(page, each), told, TONES.get(each.verdict, "")))
    return rows


def _checks(page: StaffPage) -> list[Row]:
    """What is to be looked at, with what to do; below it what is wrong now."""
    state, language = _run(page), page.words.language
    rows = _how_far(page)
    for one in sorted(state.findings if state is not None else (), key=lambda finding: finding.verdict != "failed"):
        if one.verdict in BAD:
            told = _told(page, one)
            rows.append(line(f"{_named(page, one)}: {told}", TONES[one.verdict]))
            rows.append(line(filled(language, f"diag.{one.code}_do", one.values)))
    rows.append(head(page.t("incidents")))
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
