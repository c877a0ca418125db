"""Controllers, power modules, contactors, locks, insulation: looked at, nothing is switched."""

from __future__ import annotations

import asyncio

from chargepoint.messages import (
    CheckInsulation,
    ConnectorState,
    Finding,
    InsulationState,
    ModulesState,
    OutputState,
    PowerState,
    ReadController,
    StationState,
)
from chargepoint.vocabulary import Cause, ConnectorType, OutputFunction, PowerType
from diag.checks.look import STALE_S, Look, Unanswered, failed, not_fitted, passed, skipped, warning, whole
from drivers.interfaces import HardwareFlag, ModuleReading, SelfDiagnosisFlag

SAFE_V = 60.0
"""More is dangerous to touch (IEC 61851-23)."""
COLDEST_C, HOTTEST_C = -100.0, 200.0
"""No sensor of a cable measures what is outside of this: it is broken, or not there."""
HOT_C = 90.0
CLOCK_S = 60.0
MODULE_HOT_C = 85.0
WEARING, WORN = 0.8, 1.0
AT_ITS_LIMIT = "power limited"
"""What modules say while they give all they can: no trouble. Heat, which may be why, is told by itself."""
SELF_TEST_S = 43.0
"""A monitor takes at most 40 s."""
SHARE = 0.9
"""A module that gives less than this part of what is configured is another model."""


async def controllers(look: Look) -> list[Finding]:
    """The status of each controller, and how old what it said is."""
    return [_controller(look, look.state(f"connector/{each.number}", ConnectorState), f"connector/{each.number}")
            for each in look.settings.connector]  # fmt: skip


def _controller(look: Look, state: ConnectorState | None, subject: str) -> Finding:
    if state is None:
        return failed("controller_silent", subject)
    if state.reading is None or look.now_s - state.reading_mono_s > STALE_S:
        return failed("controller_silent", subject)
    if state.reading.status.is_error:
        why = state.reading.cause.value if state.cause in ("", Cause.NONE.value) else state.cause
        return failed("controller_fault", subject, status=state.reading.status.value, cause=why)
    of_all = look.state("station", StationState)
    if state.cause not in ("", Cause.NONE.value, of_all.cause if of_all is not None else ""):  # that is told once
        return warning("connector_stopped", subject, cause=state.cause)
    return passed(subject)


async def self_diagnosis(look: Look) -> list[Finding]:
    """What each controller says of itself when it is asked now: its sensors, its clock, its findings."""
    found: list[Finding] = []
    for each in look.settings.connector:
        subject = f"connector/{each.number}"
        try:
            page = await look.ask("station", ReadController(connector=each.number))
        except Unanswered as error:
            found.append(skipped("no_answer", subject, service=error.service))
            continue
        told = page.diagnosis
        if not page.ok or told is None:
            found.append(skipped("no_diagnosis", subject, why=page.text))
            continue
        own: list[Finding] = []
        for name, value, flag in (
            ("T1", told.t1_c, SelfDiagnosisFlag.T1_WRONG),
            ("T2", told.t2_c, SelfDiagnosisFlag.T2_WRONG),
        ):
            own += temperature(each.type, subject, name, value, is_flagged=bool(told.self_diagnosis & flag))
        if told.self_diagnosis & SelfDiagnosisFlag.LOCK_STATE_WRONG:
            own.append(failed("lock_wrong", subject))
        if told.clock is not None and look.now is not None:
            off_s = (told.clock - look.now).total_seconds()
            if abs(off_s) > CLOCK_S:
                own.append(warning("controller_clock", subject, s=round(off_s)))
        own += [warning("controller_says", subject, text=text) for text in told.findings]
        found += own or [passed(subject)]
    return found


def temperature(
    kind: ConnectorType, subject: str, name: str, value_c: float | None, *, is_flagged: bool
) -> list[Finding]:
    """A sensor of the plug. CHAdeMO and AC plugs have none: there a wrong value is as it should be."""
    is_wrong = is_flagged or (value_c is not None and not COLDEST_C <= value_c <= HOTTEST_C)
    has_none = kind is ConnectorType.CHADEMO or kind.power_type is PowerType.AC
    if is_wrong and has_none:
        return [passed(subject, "sensor_normal", sensor=name)]
    if is_wrong:
        shown = whole(value_c)
        return [failed("sensor_wrong", subject, sensor=name, value=shown)]
    if value_c is not None and value_c > HOT_C:
        return [warning("plug_hot", subject, sensor=name, value=whole(value_c))]
    return []


async def modules(look: Look) -> list[Finding]:
    """Power modules: there, at the addresses of the station file, as strong as it says, without fault."""
    if not look.settings.modules:
        return [not_fitted()]
    found: list[Finding] = []
    for bank in look.settings.modules:
        subject = f"modules/{bank.name}"
        state = look.state(f"modules/{bank.name}", ModulesState)
        if state is None:
            found.append(skipped("no_state", subject))
            continue
        heard = {each.number: each for each in state.modules if each.is_online}
        missing = [number for number in bank.addresses if number not in heard]
        foreign = [number for number in heard if number not in bank.addresses]
        own: list[Finding] = []
        if missing:
            own.append(failed("modules_missing", subject, numbers=", ".join(map(str, missing))))
        if foreign:
            own.append(warning("modules_unplanned", subject, numbers=", ".join(map(str, foreign))))
        for module in heard.values():
            own += _module(module, subject, bank.max_power_w)
        found += own or [passed(subject)]
    return found


def _module(module: ModuleReading, subject: str, planned_w: float | None) -> list[Finding]:
    found = []
    alarms = module.alarms if module.has_fault else tuple(each for each in module.alarms if each != AT_ITS_LIMIT)
    if module.has_fault or alarms:
        verdict = failed if module.has_fault else warning
        found.append(verdict("module_fault", subject, number=module.number, alarms=", ".join(alarms) or "?"))
    if module.temperature_c is not None and not COLDEST_C <= module.temperature_c <= MODULE_HOT_C:
        found.append(warning("module_hot", subject, number=module.number, value=whole(module.temperature_c)))
    has_w = module.limits.max_power_w if module.limits is not None else None
    if planned_w and has_w is not None and has_w < SHARE * planned_w:
        found.append(
            warning("module_weaker", subject, number=module.number, has=whole(has_w), planned=whole(planned_w))
        )
    return found


async def contactors(look: Look) -> list[Finding]:
    """Their feedback while they are open, what is latched, and how much of their life is gone."""
    planned = {each.name: each for each in look.settings.output if each.function is OutputFunction.CONTACTOR}
    if not planned:
        return [not_fitted()]
    return [_contactor(look, name, planned[name].connector or 0) for name in sorted(planned)]


def _contactor(look: Look, name: str, connector: int) -> Finding:
    subject, state = f"output/{name}", look.state(f"output/{name}", OutputState)
    if state is None:
        return skipped("no_state", subject)
    if state.cause is Cause.CONTACTOR_WELDED:
        return failed("contactor_welded", subject)
    if state.cause is not Cause.NONE:
        return failed("contactor_failed", subject)
    if state.is_on is None:
        return failed("contactor_unknown", subject)
    life = state.operations_per_life
    if life and state.operations >= WEARING * life:
        verdict = failed if state.operations >= WORN * life else warning
        return verdict("contactor_worn", subject, n=state.operations, life=life)
    if look.is_busy(connector):
        return skipped("car_connected", subject)
    if state.feedback and not state.is_on:
        return failed("contactor_feedback", subject)
    if state.is_on:
        return failed("contactor_closed", subject)
    return passed(subject)


async def outputs_dead(look: Look) -> list[Finding]:
    """Without a car there is no voltage at the output, and no relay is closed."""
    found = []
    for each in look.settings.connector:
        subject, state = f"connector/{each.number}", look.state(f"connector/{each.number}", ConnectorState)
        if state is None or state.reading is None or look.now_s - state.reading_mono_s > STALE_S:
            found.append(skipped("no_state", subject))
        elif look.is_busy(each.number):
            found.append(skipped("car_connected", subject))
        elif state.reading.flags & HardwareFlag.OUTPUT_RELAY:
            found.append(failed("relay_closed", subject))
        elif each.type.power_type is PowerType.DC and not state.reading.voltage_v <= SAFE_V:
            fed = _who_is_fed(look, each.number)
            lent = skipped("bus_lent", subject, connector=fed) if fed else None
            found.append(lent or failed("voltage_left", subject, value=whole(state.reading.voltage_v)))
        else:
            found.append(passed(subject))
    return found


def _who_is_fed(look: Look, number: int) -> int:
    """The connector that the modules at the bus of connector `number` feed now, by closed contactors; 0: none. What
    its controller measures then, before its own relay, is that charge."""
    state = look.state("power", PowerState)
    if state is None:
        return 0
    joined = {each.bus for each in state.outputs if each.connector == number}
    for _ in state.contactors:
        joined |= {bus for each in state.contactors if each.is_closed and joined & {*each.between}
                   for bus in each.between}  # fmt: skip
    return next(
        (each.connector for each in state.groups if each.bus in joined and each.connector not in (0, number)), 0
    )


async def locks(look: Look) -> list[Finding]:
    """A lock that is closed though no car is there."""
    found = []
    for each in look.settings.connector:
        subject, state = f"connector/{each.number}", look.state(f"connector/{each.number}", ConnectorState)
        if state is None or state.reading is None:
            found.append(skipped("no_state", subject))
        elif state.reading.cause is Cause.LOCK_FAILED:
            found.append(failed("lock_failed", subject))
        elif look.is_busy(each.number):
            found.append(skipped("car_connected", subject))
        elif state.reading.flags & HardwareFlag.CONNECTOR_LOCKED:
            found.append(failed("lock_closed", subject))
        else:
            found.append(passed(subject))
    return found


async def insulation(look: Look) -> list[Finding]:
    """What each monitor says of the insulation and of itself. It is not made to test itself: see `insulation_test`."""
    if not look.settings.insulation:
        return [not_fitted()]
    found = []
    for each in look.settings.insulation:
        subject, state = f"insulation/{each.name}", look.state(f"insulation/{each.name}", InsulationState)
        reading = state.reading if state is not None else None
        if reading is not None and reading.fault:
            found.append(failed("insulation_fault", subject, fault=reading.fault))
        elif state is None or not state.is_answering or state.reading is None:
            found.append(failed("insulation_silent", subject))
        elif state.reading.alarm or state.reading.warning:
            verdict = failed if state.reading.alarm else warning
            found.append(verdict("insulation_low", subject, kohm=whole(state.reading.resistance_ohm / 1000)))
        else:
            found.append(passed(subject))
    return found


async def insulation_test(look: Look) -> list[Finding]:
    """Each monitor that is asked about tests itself, all at once. The station looks whether nobody is there, and lets
    nobody start."""
    subjects = [f"insulation/{each.name}" for each in look.settings.insulation]
    meant = [subject for subject in subjects if look.alone in ("", subject)]
    return list(await asyncio.gather(*(_tested(look, subject) for subject in meant))) or [not_fitted()]


async def _tested(look: Look, subject: str) -> Finding:
    name = subject.partition("/")[2]
    try:
        result = await look.ask("station", CheckInsulation(name=name, by="diag"), SELF_TEST_S)
    except Unanswered as error:
        return skipped("no_answer", subject, service=error.service)
    if result.ok:
        return passed(subject, "self_test_passed")
    if result.code == "failed":
        return failed("self_test_failed", subject, fault=result.values.get("fault", result.text))
    if result.code == "no_answer":
        return failed("insulation_silent", subject)
    return skipped("test_refused", subject, why=result.text)
