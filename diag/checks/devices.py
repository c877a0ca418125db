"""Wires and what hangs on them: ports, buses, and whether each device answers, and how well."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable

from chargepoint.messages import DeviceState, Finding, InstalledState, PortState, ReaderState
from diag.checks.look import Look, failed, not_fitted, passed, skipped, warning

ENOUGH = 50
"""With fewer requests a share of errors says nothing."""
WARN_PCT, BAD_PCT = 2.0, 20.0
BUSY_BUS_PCT = 70.0


def share_pct(bad: int, requests: int) -> float:
    return 100.0 * bad / requests if requests >= ENOUGH else 0.0


async def ports(look: Look) -> list[Finding]:
    """Whether each is open, and how many requests are lost or damaged."""
    known = {state.name: state for state in look.all_of(PortState)}
    used = _used_ports(look)
    return [_port(known.get(port.name), f"port/{port.name}") for port in look.settings.port if port.name in used]


def _used_ports(look: Look) -> set[str]:
    """Those of devices; a reader's port belongs to another service."""
    all_sections = (
        look.settings.connector, look.settings.meter, look.settings.modules, look.settings.insulation,
        look.settings.io, look.settings.sensor, look.settings.light, look.settings.ups,
    )  # fmt: skip
    return {each.port for section in all_sections for each in section}


def _port(state: PortState | None, subject: str) -> Finding:
    if state is None:
        return skipped("no_state", subject)
    if not state.is_open:
        return failed("port_closed", subject, error=state.error)
    bad = share_pct(state.no_answer + state.bad_frame, state.requests)
    if bad >= WARN_PCT:
        verdict = failed if bad >= BAD_PCT else warning
        return verdict("port_errors", subject, share=round(bad, 1), lost=state.no_answer, damaged=state.bad_frame)
    if state.load_pct is not None and state.load_pct > BUSY_BUS_PCT:
        return warning("port_busy", subject, load=round(state.load_pct))
    return passed(subject)


def answering(kind: str) -> Callable[[Look], Awaitable[list[Finding]]]:
    """The test of all devices of one kind of the station file."""

    async def run(look: Look) -> list[Finding]:
        names = _names(look, kind)
        if not names:
            return [not_fitted()]
        known = {state.name: state for state in look.all_of(DeviceState) if state.kind == kind}
        return [_device(known.get(name), f"{kind}/{name}") for name in names]

    return run


def _names(look: Look, kind: str) -> list[str]:
    section = getattr(look.settings, kind)
    return [str(each.number) if kind == "connector" else each.name for each in section]


def _device(state: DeviceState | None, subject: str) -> Finding:
    if state is None:
        return skipped("no_state", subject)
    if not state.is_answering:
        return failed("device_silent", subject, port=state.port, address=state.address, error=state.last_error)
    if state.expected_serial:
        return warning("device_changed", subject, now=state.identity.serial or "?", before=state.expected_serial)
    bad = share_pct(sum(state.errors.values()), state.requests)
    if bad >= WARN_PCT:
        verdict = failed if bad >= BAD_PCT else warning
        return verdict("device_errors", subject, share=round(bad, 1), error=state.last_error)
    if state.note:
        return warning("device_note", subject, note=state.note)
    return passed(subject)


async def controller_versions(look: Look) -> list[Finding]:
    """Controllers of one model have the same firmware."""
    models: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for state in look.all_of(DeviceState):
        if state.kind == "connector" and state.identity.firmware_version:
            models[state.driver, state.identity.model][state.identity.firmware_version].append(state.name)
    found = [
        warning(
            "versions_differ", versions="; ".join(f"{version}: {', '.join(names)}" for version, names in each.items())
        )
        for each in models.values()
        if len(each) > 1
    ]
    return found or [passed() if models else skipped("no_state")]


async def as_planned(look: Look) -> list[Finding]:
    """What was found against what is configured, as `station` compares it."""
    state = look.state("installed", InstalledState)
    if state is None:
        return [skipped("no_state")]
    return [warning("not_as_planned", difference=line) for line in state.differences] or [passed()]


async def readers(look: Look) -> list[Finding]:
    """Whether each answers; cards are left to the station (the test with a card is a deed of its own)."""
    if not look.settings.reader:
        return [not_fitted()]
    known = {state.name: state for state in look.all_of(ReaderState)}
    return [_reader(known.get(each.name), f"reader/{each.name}") for each in look.settings.reader]


def _reader(state: ReaderState | None, subject: str) -> Finding:
    if state is None:
        return failed("reader_silent", subject, error="")
    if not state.is_answering:
        return failed("reader_silent", subject, error=state.error)
    bad = share_pct(state.errors, state.polls)
    if bad >= WARN_PCT:
        return warning("device_errors", subject, share=round(bad, 1), error=state.error)
    return warning("reader_tested", subject) if state.is_tested else passed(subject)
