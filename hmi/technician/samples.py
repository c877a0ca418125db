"""Views of every page of the service menu, as a station would give them: for the contact sheet and the layout tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from chargepoint.guards import Check, Guard, Sum, opened
from chargepoint.messages import (
    AccessGrant,
    ActionResult,
    ClimateSensorState,
    ClimateState,
    ClockState,
    DeviceState,
    Difference,
    InputState,
    InstalledState,
    InsulationState,
    LinkStatus,
    MeterState,
    ModulesState,
    PortState,
    PowerState,
    ReaderState,
    ServiceState,
    State,
    SupervisorState,
    TechnicianState,
    UpdateState,
)
from chargepoint.power_picture import ContactorPicture, GroupPicture, ModuleColour, ModulePicture, OutputPicture
from chargepoint.records import Limit, Moment
from chargepoint.vocabulary import (
    Cause,
    ClimateZone,
    ConnectorFlag,
    ConnectorStatus,
    ConnectorType,
    ControllerStatus,
    InputFunction,
    LinkState,
    Role,
    StartCause,
)
from drivers.interfaces import HardwareFlag, Identity, InsulationReading, MeterReading, ModuleReading
from hmi.samples import NOW_S, Sample, charging, connector, reading, seen, shop, station
from hmi.technician.desk import CardHeld, Desk, Outcome, Running
from hmi.technician.figures import Address, Figures
from hmi.technician.gathered import Gathered
from hmi.technician.sample_answers import DIAGNOSED, FORMS, GOOD, REPLIES, RUNNING, UPDATING, WRITING
from hmi.view import Live, Place, Seen

LOGIN = "a.petrov"
CARD = "04A2B3C4D5E680"


def _reading(status: ControllerStatus, flags: HardwareFlag = HardwareFlag.INPUT_VOLTAGE, **more: object) -> object:
    return reading(status, flags=flags, voltage_v=0.0, current_a=(0.0, 0.0, 0.0), power_w=0.0, soc_pct=None,
                   requested_voltage_v=None, requested_current_a=None, **more)  # fmt: skip


METER = MeterReading(energy_wh=1_234_567, power_w=0.0, voltage_v=(231.0, 230.4, 232.1), current_a=(0.0, 0.0, 0.0))


def known(**changes: object) -> Seen:
    """A station with a free connector, one that charges, one in error."""
    free = connector(
        1, ConnectorType.CCS2, ConnectorStatus.AVAILABLE, reading=_reading(ControllerStatus.A_NOT_CONNECTED),
        reading_mono_s=NOW_S - 0.4, meter=METER, meter_mono_s=NOW_S - 1.0,
    )  # fmt: skip
    busy = charging(2, ConnectorType.GBT, reading_mono_s=NOW_S - 0.3)
    wrong = connector(
        3, ConnectorType.TYPE2, ConnectorStatus.ERROR, reading=_reading(ControllerStatus.E6_ELECTROMECHANICAL),
        reading_mono_s=NOW_S - 0.3, cause="lock_failed", vendor_error_code="E6", flags=ConnectorFlag.BLOCKED,
    )  # fmt: skip
    base = seen(free, busy, wrong)
    states: dict[str, State] = {f"connector/{n}": state for n, state in base.connectors.items()}
    states["station"] = station()
    states["clock"] = ClockState(is_set=True, offset_s=0.0, source="server")
    for n in (1, 2, 3):
        states[f"device/connector/{n}"] = DeviceState(
            kind="connector", name=str(n), driver="native", port="rs485-1", address=n, is_answering=n != 3,
            identity=Identity("Volt", "CC-1", f"CC-0{n}77", "2.4.1", "B", "2026-02-11"), requests=48_212,
            answers=48_212 - 30 * n, p50_ms=8.2, p99_ms=21.4, last_error="no answer within 60 ms" if n == 3 else "",
        )  # fmt: skip
    states["meter/m1"] = MeterState(
        name="m1", connector=1, is_answering=True, reading=METER, mono_s=NOW_S - 1, energy_wh=1_234_567
    )  # fmt: skip
    states["port/rs485-1"] = PortState(
        name="rs485-1", is_open=True, requests=144_636, answers=144_456, no_answer=120, bad_frame=60, p50_ms=8.2
    )  # fmt: skip
    states["input/door"] = InputState(name="door", function=InputFunction.DOOR, is_active=False)
    states["input/smoke"] = InputState(name="smoke", function=InputFunction.SMOKE, is_active=False, is_latched=True)
    states["installed"] = InstalledState(
        is_complete=True, differences=("connector 3: serial number CC-0377 instead of CC-0301: it was exchanged",),
        told=(Difference(kind="connector", name="3", key="exchanged",
                         values={"what": "serial number", "now": "CC-0377", "before": "CC-0301"}),),
    )  # fmt: skip
    states["technician"] = TechnicianState(login=LOGIN, since_mono_s=NOW_S - 240)
    states["diagnostics"] = DIAGNOSED
    states["update"] = UPDATING
    states["firmware/2"] = WRITING
    measured = InsulationReading(1_450_000.0)
    states["insulation/imd1"] = InsulationState(
        name="imd1", connector=1, is_answering=True, reading=measured, mono_s=NOW_S - 1
    )
    states["modules/bank1"] = ModulesState(
        name="bank1",
        modules=tuple(
            ModuleReading(number=n, is_online=n != 5, is_on=n < 4, voltage_v=398.0, current_a=30.5 if n < 4 else 0.0,
                          temperature_c=41.0 + n, has_fault=n == 7, alarms=("fan fault",) if n == 7 else ())
            for n in range(1, 9)
        ),
    )  # fmt: skip
    services = {
        name: ServiceState(name=name, status="running", pid=10, restarts=0, since_mono_s=10.0, memory_bytes=40 << 20)
        for name in ("hub", "station", "ocpp", "rfid", "hmi", "monitor")
    }
    services["monitor"] = replace(services["monitor"], status="parked", restarts=6, last_end="exit code 1")
    states.update({f"service/{name}": state for name, state in services.items()})
    reader = ReaderState(
        name="front", is_answering=True, cards=412, driver="pn532", place="/dev/ttyUSB2", polls=86_400, errors=3,
        identity=Identity("Reader", "RD-2", "", "1.6"), heard=Moment(boot_id="b", mono_s=NOW_S - 2), can_signal=True,
        is_tested=True, refused=2,
    )  # fmt: skip
    states["reader/front"] = reader
    volts = tuple(min(400.0, 30.0 * i) for i in range(48))
    made = replace(
        base, states=states, services=services,
        link=LinkStatus(state=LinkState.ONLINE, url="wss://csms.example.org/ocpp", heartbeat_mono_s=NOW_S - 61,
                        registration="Accepted", certificate_ends_at=datetime(2026, 6, 2, tzinfo=UTC)),
        readers={"front": reader}, power=power(),
        live={2: Live(volts, tuple(v * 0.55 for v in volts)), 1: Live((0.0,) * 48, (0.0,) * 48)},
        machine=Figures(
            0.42, 2000, 1310, 14_600, 9_120, 51.0, 1_093_442.0, "192.168.1.1 (eth0)", ("192.168.1.1", "1.1.1.1")
        ),
        gathered=Gathered(
            dump={2: tuple(f"{i}.250 EV: ChargeCurrentRequest 221.0 A, 410.0 V, SoC {i} %" for i in range(40, 68))},
            frame_s=NOW_S - 4,
        ),
        addresses=(Address("eth0", "192.168.1.40"), Address("wwan0", "10.64.3.17")),
        supervisor=SupervisorState(
            start_cause=StartCause.POWER_ON, boots=14, crashes=1, is_degraded=True, version="1.6.0"
        ),
        climate=ClimateState(sensors=(ClimateSensorState("inside", next(iter(ClimateZone)), True, 23.4, 41.0, NOW_S),)),
    )  # fmt: skip
    return replace(made, shop=replace(made.shop, card_alone=True), **changes)


def power() -> PowerState:
    """Three groups, two of them at connector 2."""
    colours = (ModuleColour.CHARGING, ModuleColour.UNUSED, ModuleColour.ERROR, ModuleColour.NO_LINK)
    groups = tuple(
        GroupPicture(
            name=f"G{n + 1}", bus=f"bus {n + 1}", bank="bank1",
            connector=2 if n < 2 else 0, power_w=44_000.0 if n < 2 else 0.0,
            modules=tuple(
                ModulePicture(
                    number=4 * n + i + 1, colour=colours[0] if n < 2 else colours[i], voltage_v=398.0,
                    current_a=27.6 if n < 2 else 0.0, temperature_c=41.0 + i,
                )
                for i in range(4)
            ),
        )
        for n in range(3)
    )  # fmt: skip
    nothing = Limit(current_a=0.0, power_w=0.0, source="")
    outputs = tuple(
        OutputPicture(connector=n, bus=f"bus {n}", power_w=88_000.0 if n == 2 else 0.0, cap=nothing, grant=nothing,
                      why="limit modules" if n == 2 else "", why_key="limit" if n == 2 else "",
                      why_values={"source": "modules"} if n == 2 else {})
        for n in (1, 2, 3)
    )  # fmt: skip
    contactors = (
        ContactorPicture(name="K12", between=("bus 1", "bus 2"), output="q12", is_closed=True, operations=1204),
        ContactorPicture(name="K13", between=("bus 1", "bus 3"), output="q13", is_closed=None, operations=90),
        ContactorPicture(
            name="K34",
            between=("bus 3", "bus 4"),
            output="q34",
            is_closed=True,
            cause=Cause.CONTACTOR_WELDED,
            operations=2044,
        ),
        ContactorPicture(name="K23", between=("bus 2", "bus 3"), output="q23", is_closed=False, operations=311),
    )
    return PowerState(groups=groups, outputs=outputs, contactors=contactors)


def desk(**changes: object) -> Desk:
    """Of an administrator who has just come in."""
    return replace(Desk(role=Role.ADMINISTRATOR, replies=REPLIES, since_s=NOW_S - 240), **changes)


def _page(screen: str, number: int = 0, fields: dict[str, str] | None = None, **changes: object) -> Place:
    return Place(
        screen=screen, connector=number, since_s=NOW_S - 6, touched_s=NOW_S - 6, staff=LOGIN, fields=fields or {},
        desk=desk(**changes),
    )  # fmt: skip


def _enter(screen: str, way: str, **changes: object) -> Place:
    return Place(
        screen=screen, since_s=NOW_S - 6, touched_s=NOW_S - 6, fields={"way": way},
        desk=replace(Desk(), **changes),
    )  # fmt: skip


def check(name: str, guard: Guard, **arguments: str) -> Check:
    made = opened(name, arguments, guard, NOW_S - 8)
    return made if made.sum is None else msgspec.structs.replace(made, sum=Sum(23, 48))


def samples() -> list[Sample]:
    """Every page of the service menu, some of them in several situations."""
    return list(_samples())


def _samples() -> Iterator[Sample]:
    now = known()
    typed = {"login": "a.petrov", "password": "Almaty-2026"}
    yield Sample("TechnikLoginPage", _enter("TechnikLoginPage", "", field="login", typed=typed), now)
    granted = replace(now, grant=AccessGrant(login=LOGIN, by="dispatcher", until_mono_s=NOW_S + 41))
    yield Sample("TechnikLoginPage grant", _enter("TechnikLoginPage", "grant", field="login"), granted)
    name = "TechnikPasswordPage"
    yield Sample(name, _enter(name, "password", field="password", typed=typed), now)
    yield Sample(
        f"{name} ru",
        _enter(name, "password", field="password", typed=typed, layer="ru", is_shown=True, is_shifted=True),
        now,
    )
    wrong = {"said": "tech.wrong", "wait_until_s": NOW_S + 48.0}
    yield Sample(f"{name} wait", _enter(name, "password", field="password", layer="signs", **wrong), now)
    yield Sample(f"{name} PIN", _enter(name, "pin", field="pin", typed={"pin": "4711"}), now)
    yield Sample(f"{name} PIN wrong", _enter(name, "pin", field="pin", said="tech.wrong"), now)
    applying = check("apply_configuration", Guard.G3)
    yield Sample(f"{name} again", _page(name, 0, {"way": "prove"}, check=applying, field="prove"), now)
    yield Sample("TechnikMainMenu", _page("TechnikMainMenu"), now)
    failed = ActionResult(
        ok=False, code="failed", text="The controller did not come back within 10 s.", duration_ms=10_002,
        table=(("asked", "answered", "ms"), ("info", "yes", "8")),
    )  # fmt: skip
    outcome = Outcome("reboot_controller", {"connector": "2"}, failed, NOW_S - 3)
    training = replace(now, shop=replace(now.shop, is_training=True))
    yield Sample("TechnikMainMenu training", _page("TechnikMainMenu"), training)
    yield Sample("TechnikMainMenu outcome", _page("TechnikMainMenu", outcome=outcome), now)
    yield Sample("TechnikMainMenu details", _page("TechnikMainMenu", 0, {"result": "1"}, outcome=outcome), now)
    yield Sample("TechnikMainMenu warned", _page("TechnikMainMenu", warned_s=NOW_S - 7), now)
    yield Sample("TechnikMainMenu leaving", _page("TechnikMainMenu", is_leaving=True), now)
    off = connector(1, ConnectorType.CCS2, ConnectorStatus.EMERGENCY_OFF)
    yield Sample(
        "TechnikMainMenu emergency", _page("TechnikMainMenu"), replace(now, connectors={**now.connectors, 1: off})
    )
    for part in ("state", "services", "network"):
        yield Sample(f"TechnikTerminalPage {part}", _page("TechnikTerminalPage", 0, {"show": part}), now)
    yield Sample("TechnikTerminalPage old", _page("TechnikTerminalPage"), replace(now, age_s=9.0))
    yield Sample("TechnikPcManagementPage", _page("TechnikPcManagementPage"), now)
    yield Sample(
        "TechnikPcManagementPage grid", _page("TechnikPcManagementPage", 0, {"pattern": "grid", "seen": "3 4 9"}), now
    )
    yield Sample("TechnikPcManagementPage red", _page("TechnikPcManagementPage", 0, {"pattern": "red"}), now)
    yield from _controllers(now)
    yield from _tests(now)
    for part in ("power", "contactors", "modules_list"):
        yield Sample(f"TechnikModules {part}", _page("TechnikModules", 0, {"show": part}), now)
    picked = {"show": "modules_list", "pick": "bank1:7"}
    yield Sample("TechnikModules picked", _page("TechnikModules", 0, picked), now)
    yield Sample("TechnikModules none", _page("TechnikModules"), replace(now, power=None))
    for part in ("checks", "all_checks", "devices", "ports", "inputs"):
        yield Sample(f"TechnikDiagnostics {part}", _page("TechnikDiagnostics", 0, {"show": part}), now)
    runs = replace(DIAGNOSED, is_running=True, verdict="", done=17, now="modules")
    goes_on = replace(now, states={**now.states, "diagnostics": runs})
    yield Sample("TechnikDiagnostics goes on", _page("TechnikDiagnostics", 0, {"show": "all_checks"}), goes_on)
    cards = (CardHeld("front", CARD, NOW_S - 2, "MIFARE Classic", read_ms=38.0, forms=FORMS, count=2),)
    running = Running("test_reader", {"reader": "front"}, NOW_S - 4)
    yield Sample("RfidReaderTestPage", _page("RfidReaderTestPage", cards=cards, running=running), now)
    held = _page(
        "RfidReaderTestPage", cards=cards, outcome=Outcome("test_reader", {"reader": "front"}, GOOD, NOW_S - 3)
    )
    yield Sample("RfidReaderTestPage passed", held, now)
    for part in ("packages", "stick", "versions", "writing"):
        yield Sample(
            f"TechnikUpdateControllerPage {part}", _page("TechnikUpdateControllerPage", 0, {"show": part}), now
        )
    older = UpdateState(running_version="0.2.0.0", running_slot="a", previous_version="0.1.0.0", floor="0.1.0.0")
    settled = replace(now, states={**now.states, "update": older})
    for name, fields in (("before", {"show": "versions"}), ("return", {"show": "versions", "pick": "return"})):
        yield Sample(f"TechnikUpdateControllerPage {name}", _page("TechnikUpdateControllerPage", 0, fields), settled)
    yield Sample("TechnikBindCard", _page("TechnikBindCard", cards=cards), now)
    yield Sample("TechnikBindCard empty", _page("TechnikBindCard"), now)
    new = {"old": "Label-0017", "new": "long and easy", "again": "long"}
    yield Sample("TechnikChangePassword", _page("TechnikChangePassword", field="new", typed=new), now)
    pin = {"old": "Label-0017", "new_pin": "471135", "again_pin": "47"}
    fields = {"show": "pin"}
    yield Sample(
        "TechnikChangePassword PIN",
        _page("TechnikChangePassword", 0, fields, field="again_pin", typed=pin, layer="signs"),
        now,
    )
    forced = _page("TechnikChangePassword", field="again", typed=new, must_change=True, said="tech.not_same")
    yield Sample("TechnikChangePassword forced", forced, now)
    for part in ("found", "limits", "difference"):
        yield Sample(f"TechnikConfig {part}", _page("TechnikConfig", 0, {"show": part}), now)
    edit = {"edit": "connector.1.max_power_w"}
    yield Sample("TechnikConfig edit", _page("TechnikConfig", 0, edit, field="value", typed={"value": "90000"}), now)
    for part in ("incidents", "past", "log", "staff_log", "errors", "sessions"):
        yield Sample(f"TechnikJournal {part}", _page("TechnikJournal", 0, {"show": part}), now)
    for action, arguments in (("reboot_controller", {"connector": "2"}), ("restart_application", {})):
        shown = _page("TechnikConfirmActionPage", check=check(action, Guard.G1, **arguments))
        yield Sample(f"TechnikConfirmActionPage {action}", shown, now)
    maths = "TechnikConfirmActionMathCheckPage"
    yield Sample(
        maths, _page(maths, check=check("exercise", Guard.G2, connector="1"), field="sum", typed={"sum": "7"}), now
    )
    yield Sample(f"{maths} wrong", _page(maths, check=applying, field="sum", said="tech.sum_wrong"), now)


def _controllers(now: Seen) -> Iterator[Sample]:
    name = "ChargeControllerTestPage"
    for part in ("values", "controller", "parameters", "chart"):
        yield Sample(f"{name} {part}", _page(name, 2 if part == "chart" else 1, {"show": part}), now)
    yield Sample(f"{name} charging", _page(name, 2), now)
    yield Sample(f"{name} error", _page(name, 3), now)
    edit = {"show": "parameters", "edit": "lock_current_ma"}
    values, typed = {"low": "200", "high": "2500"}, {"value": "9000"}
    told = _page(name, 1, edit, said_values=values, field="value", typed=typed, said="tech.out_of_range")
    yield Sample(f"{name} edit", told, now)
    yield Sample(f"{name} log", _page(name, 1, {"show": "log"}), now)
    yield Sample(f"{name} dump", _page(name, 2, {"show": "dump"}), now)
    lights = Outcome("test_lights", {"connector": "1"}, ActionResult(ok=True, code="ok"), NOW_S - 2)
    yield Sample(f"{name} lights", _page(name, 1, outcome=lights), now)
    waits = Running("reboot_controller", {"connector": "1"}, NOW_S - 6)
    yield Sample(f"{name} waits", _page(name, 1, running=waits), now)


def _tests(now: Seen) -> Iterator[Sample]:
    name = "TechnikTestSession"
    yield Sample(name, _page(name, 1), now)
    yield Sample(f"{name} load", _page(name, 1, {"mode": "load"}), now)
    done = replace(RUNNING, phase="done", report=12)
    yield Sample(f"{name} done", _page(name, 1), replace(now, states={**now.states, "test/1": done}))
    tested = replace(now, states={**now.states, "test/1": RUNNING})
    yield Sample(f"{name} running", _page(name, 1), tested)
    yield Sample(f"{name} report", _page(name, 1, {"show": "reports"}), now)
    yield Sample(f"{name} code", _page(name, 1, {"show": "reports", "pick": "code:12"}), now)


__all__ = ["check", "desk", "known", "samples", "shop"]
