"""Each station test over made-up states: what it finds, and that it finds nothing where all is well."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from chargepoint.config import Settings, load
from chargepoint.config_devices import InsulationSettings
from chargepoint.messages import (
    ActionResult,
    CertificateRow,
    CertificatesPage,
    CheckInsulation,
    ClimateSensorState,
    ClimateState,
    ClockState,
    ConfigurationFault,
    ConfigurationPage,
    ConnectorState,
    ControllerPage,
    DeviceState,
    Finding,
    InputState,
    InsulationState,
    JournalPage,
    LinkStatus,
    MeterState,
    Modem,
    ModulesState,
    NetworkDevice,
    NetworkPage,
    OutputState,
    PortState,
    PowerState,
    ReadCertificates,
    ReadConfiguration,
    ReadController,
    ReaderState,
    ReadJournal,
    ReadNetwork,
    ReadTime,
    ScreenState,
    ServiceState,
    State,
    StationState,
    TimePage,
    UpdateState,
    UpsState,
    WebState,
)
from chargepoint.power_picture import ContactorPicture, GroupPicture, OutputPicture
from chargepoint.records import Limit
from chargepoint.vocabulary import (
    Cause,
    ClimateZone,
    ConnectorFlag,
    ConnectorStatus,
    ConnectorType,
    ControllerStatus,
    InputFunction,
    LinkState,
    LogicalStatus,
    OperatingMode,
    OutputFunction,
    TechnicalStatus,
)
from diag.checks import CHECKS, cabinet, devices, machine, metering, network, power, software
from diag.checks.look import Look, Register, Unanswered
from drivers.interfaces import (
    ControllerReading,
    Diagnosis,
    HardwareFlag,
    Identity,
    InsulationReading,
    MeterReading,
    ModuleLimits,
    ModuleReading,
    SelfDiagnosisFlag,
    SupplyReading,
)

NOW_S = 1000.0
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EXAMPLES = Path(__file__).parents[2] / "examples"
BY_NAME = {check.name: check for check in CHECKS}


@pytest.fixture(scope="module")
def dc() -> Settings:
    """Four DC outlets, a matrix of modules."""
    return load(EXAMPLES / "dc-240-matrix.toml")


@pytest.fixture(scope="module")
def cabinet_of_all() -> Settings:
    return load(EXAMPLES / "cabinet-480.toml")


def look(settings: Settings, states: Mapping[str, State] | None = None, folder: Path = Path("/nonexistent"),
         answers: Mapping[type[Any], Any] | None = None, **more: Any) -> Look:  # fmt: skip
    async def ask(service: str, request: Any, _timeout_s: float) -> Any:
        found = (answers or {}).get(type(request))
        if found is None:
            raise Unanswered(service)
        return found

    return Look(settings=settings, states=states or {}, data=folder, now_s=NOW_S, now=NOW, ask_service=ask, **more)


def codes(found: list[Finding]) -> list[str]:
    return [f"{each.verdict} {each.code}" for each in found]


def reading(status: ControllerStatus = ControllerStatus.A_NOT_CONNECTED, flags: int = 1, volts: float = 0.0,
            cause: Cause = Cause.NONE) -> ControllerReading:  # fmt: skip
    return ControllerReading(
        status=status, flags=HardwareFlag(flags), cause=cause, boot_count=1, session_ref=0, lease_left_s=0.0,
        limit_current_a=0.0, limit_power_w=0.0, voltage_v=volts, current_a=(0.0, 0.0, 0.0), power_w=0.0, energy_wh=0,
        elapsed_s=0, ev_requests_energy=False,
    )  # fmt: skip


def connector(number: int, **more: Any) -> ConnectorState:
    plain = {"reading": reading(), "reading_mono_s": NOW_S - 1}
    return ConnectorState(
        number=number, type=ConnectorType.CCS2, status=ConnectorStatus.READY, flags=ConnectorFlag(0), operative=True,
        **{**plain, **more},
    )  # fmt: skip


def idle(settings: Settings, **changed: ConnectorState) -> dict[str, State]:
    found: dict[str, State] = {f"connector/{each.number}": connector(each.number) for each in settings.connector}
    return found | {f"connector/{key[1:]}": state for key, state in changed.items()}


def device(kind: str, name: str, **more: Any) -> DeviceState:
    return DeviceState(**{"kind": kind, "name": name, "driver": "native", "port": "p", "address": 1,
                          "is_answering": True, "requests": 1000, "answers": 1000, **more})  # fmt: skip


# ------------------------------------------------------------------------------------------------ wires, devices


def port(name: str, **more: Any) -> PortState:
    return PortState(**{"name": name, "is_open": True, "requests": 1000, "answers": 1000, "no_answer": 0,
                        "bad_frame": 0, **more})  # fmt: skip


async def test_ports_are_judged_by_their_share_of_errors_once_there_are_enough_requests(dc: Settings) -> None:
    names = [each.name for each in dc.port]
    states = {f"port/{name}": port(name) for name in names}
    first = f"port/{names[0]}"
    assert set(codes(await devices.ports(look(dc, states)))) == {"passed ok"}
    for changed, expected in (
        ({"is_open": False, "error": "no such file"}, "failed port_closed"),
        ({"no_answer": 30}, "warning port_errors"),
        ({"no_answer": 200, "bad_frame": 100}, "failed port_errors"),
        ({"requests": 10, "no_answer": 10}, "passed ok"),
        ({"load_pct": 92.0}, "warning port_busy"),
    ):
        found = await devices.ports(look(dc, {**states, first: port(names[0], **changed)}))
        assert [each for each in codes(found) if each != "passed ok"] == [expected][expected == "passed ok" :]


async def test_a_device_that_is_silent_exchanged_or_bad_is_named(dc: Settings) -> None:
    states: dict[str, State] = {f"device/meter/{each.name}": device("meter", each.name) for each in dc.meter}
    name = dc.meter[0].name
    run = devices.answering("meter")
    assert set(codes(await run(look(dc, states)))) == {"passed ok"}
    for changed, expected in (
        ({"is_answering": False}, "failed device_silent"),
        ({"expected_serial": "7", "identity": Identity(serial="8")}, "warning device_changed"),
        ({"errors": {"no_answer": 50}}, "warning device_errors"),
        ({"errors": {"crc": 500}}, "failed device_errors"),
        ({"note": "its clock stands"}, "warning device_note"),
    ):
        found = await run(look(dc, {**states, f"device/meter/{name}": device("meter", name, **changed)}))
        bad = [each for each in found if each.verdict != "passed"]
        assert codes(bad) == [expected] and bad[0].subject == f"meter/{name}"
    assert codes(await devices.answering("light")(look(dc))) == ["not_fitted not_fitted"]
    assert codes(await run(look(dc)))[0] == "skipped no_state"


async def test_controllers_of_one_model_with_different_firmware_are_told(dc: Settings) -> None:
    def of(number: int, version: str, model: str = "CC") -> DeviceState:
        return device("connector", str(number), identity=Identity(model=model, firmware_version=version))

    same = {"device/connector/1": of(1, "1.0"), "device/connector/2": of(2, "1.0"), "device/x": of(3, "9", "other")}
    assert codes(await devices.controller_versions(look(dc, same))) == ["passed ok"]
    found = await devices.controller_versions(look(dc, {**same, "device/connector/2": of(2, "1.1")}))
    assert codes(found) == ["warning versions_differ"] and "1.1: 2" in found[0].values["versions"]


async def test_a_reader_that_is_silent_or_under_test_is_told(dc: Settings) -> None:
    name = dc.reader[0].name
    for state, expected in (
        (ReaderState(name=name, is_answering=True, cards=1), "passed ok"),
        (ReaderState(name=name, is_answering=False, cards=1, error="gone"), "failed reader_silent"),
        (ReaderState(name=name, is_answering=True, cards=1, is_tested=True), "warning reader_tested"),
        (ReaderState(name=name, is_answering=True, cards=1, polls=100, errors=9), "warning device_errors"),
    ):
        assert codes(await devices.readers(look(dc, {f"reader/{name}": state}))) == [expected]
    assert codes(await devices.readers(look(dc))) == ["failed reader_silent"]


# ------------------------------------------------------------------------------------------------ power


async def test_a_controller_that_is_silent_or_faulty_is_told(dc: Settings) -> None:
    assert set(codes(await power.controllers(look(dc, idle(dc))))) == {"passed ok"}
    bad = reading(ControllerStatus.E7_OVERHEAT, cause=Cause.OVERHEAT)
    found = await power.controllers(
        look(dc, idle(dc, c1=connector(1, reading=bad), c2=connector(2, reading_mono_s=1.0)))
    )
    assert codes(found)[:2] == ["failed controller_fault", "failed controller_silent"]
    assert found[0].values == {"status": "E7", "cause": "overheat"}


@pytest.mark.parametrize(
    ("kind", "value", "is_flagged", "expected"),
    [
        (ConnectorType.CCS2, 25.0, False, []),
        (ConnectorType.CCS2, -242.0, False, ["failed sensor_wrong"]),
        (ConnectorType.CCS2, 201.0, False, ["failed sensor_wrong"]),
        (ConnectorType.CCS2, float("nan"), False, ["failed sensor_wrong"]),
        (ConnectorType.CCS2, None, True, ["failed sensor_wrong"]),
        (ConnectorType.CCS2, 95.0, False, ["warning plug_hot"]),
        (ConnectorType.CHADEMO, -242.0, True, ["passed sensor_normal"]),
        (ConnectorType.TYPE2, 800.0, False, ["passed sensor_normal"]),
        (ConnectorType.TYPE2, None, False, []),
    ],
)
def test_a_wrong_temperature_is_normal_only_where_there_is_no_sensor(
    kind: ConnectorType, value: float | None, is_flagged: bool, expected: list[str]
) -> None:
    assert codes(power.temperature(kind, "connector/1", "T1", value, is_flagged=is_flagged)) == expected


async def test_self_diagnosis_tells_lock_clock_and_what_the_controller_says(dc: Settings) -> None:
    one = replace(dc, connector=dc.connector[:1])

    async def of(diagnosis: Diagnosis | None, ok: bool = True) -> list[str]:
        page = ControllerPage(connector=1, ok=ok, text="no answer", diagnosis=diagnosis)
        return codes(await power.self_diagnosis(look(one, answers={ReadController: page})))

    assert await of(Diagnosis(t1_c=25.0, t2_c=26.0, clock=NOW)) == ["passed ok"]
    wrong = Diagnosis(
        self_diagnosis=SelfDiagnosisFlag.LOCK_STATE_WRONG, clock=NOW - timedelta(hours=1), findings=("fuse F3",)
    )
    assert await of(wrong) == ["failed lock_wrong", "warning controller_clock", "warning controller_says"]
    assert await of(None, ok=False) == ["skipped no_diagnosis"]
    assert codes(await power.self_diagnosis(look(one))) == ["skipped no_answer"]


async def test_modules_that_are_missing_foreign_faulty_hot_or_weak_are_told(dc: Settings) -> None:
    bank = replace(dc.modules[0], max_power_w=30_000.0)
    settings = replace(dc, modules=(bank,))
    good = [ModuleReading(number=n, is_online=True, temperature_c=40.0) for n in bank.addresses]

    async def of(*modules: ModuleReading) -> list[str]:
        state = ModulesState(name=bank.name, modules=modules)
        return codes(await power.modules(look(settings, {f"modules/{bank.name}": state})))

    assert await of(*good) == ["passed ok"]
    assert await of(*good[1:]) == ["failed modules_missing"]
    assert await of(replace(good[0], is_online=False), *good[1:]) == ["failed modules_missing"]
    assert await of(*good, ModuleReading(number=99, is_online=True)) == ["warning modules_unplanned"]
    assert await of(replace(good[0], has_fault=True, alarms=("fan fault",)), *good[1:]) == ["failed module_fault"]
    limited = replace(good[0], is_on=True, is_limited=True, alarms=("power limited",))
    assert await of(limited, *good[1:]) == ["passed ok"]
    assert await of(replace(limited, alarms=("fan slow", "power limited")), *good[1:]) == ["warning module_fault"]
    assert await of(replace(good[0], temperature_c=93.0), *good[1:]) == ["warning module_hot"]
    weak = ModuleLimits(max_voltage_v=1000.0, min_voltage_v=50.0, max_current_a=60.0, max_power_w=20_000.0)
    assert await of(replace(good[0], limits=weak), *good[1:]) == ["warning module_weaker"]


async def test_contactors_are_judged_open_and_only_without_a_car(dc: Settings) -> None:
    planned = next(each for each in dc.output if each.function is OutputFunction.CONTACTOR)
    settings = replace(dc, output=(planned,))

    async def of(states: dict[str, State], **more: Any) -> list[str]:
        state = OutputState(**{"name": planned.name, "function": planned.function, "is_on": False, "feedback": False,
                               **more})  # fmt: skip
        return codes(await power.contactors(look(settings, {**states, f"output/{planned.name}": state})))

    empty, car = idle(dc), idle(dc, c1=connector(1, reading=reading(ControllerStatus.C6_CHARGING)))
    assert await of(empty) == ["passed ok"]
    assert await of(empty, feedback=True) == ["failed contactor_feedback"]
    assert await of(empty, is_on=True) == ["failed contactor_closed"]
    assert await of(car, is_on=True, feedback=True) == ["skipped car_connected"]
    assert await of({}, is_on=True) == ["skipped car_connected"]
    assert await of(car, cause=Cause.CONTACTOR_WELDED) == ["failed contactor_welded"]
    assert await of(car, cause=Cause.CONTACTOR_FAILED) == ["failed contactor_failed"]
    assert await of(empty, is_on=None) == ["failed contactor_unknown"]
    assert await of(empty, operations=850, operations_per_life=1000) == ["warning contactor_worn"]
    assert await of(empty, operations=1000, operations_per_life=1000) == ["failed contactor_worn"]


async def test_an_output_without_a_car_has_no_voltage_no_closed_relay_and_no_closed_lock(dc: Settings) -> None:
    one = replace(dc, connector=dc.connector[:1])
    for flags, volts, dead, lock in (
        (HardwareFlag.INPUT_VOLTAGE, 12.0, "passed ok", "passed ok"),
        (HardwareFlag.OUTPUT_RELAY, 0.0, "failed relay_closed", "passed ok"),
        (HardwareFlag.INPUT_VOLTAGE, 390.0, "failed voltage_left", "passed ok"),
        (HardwareFlag.CONNECTOR_LOCKED, 0.0, "passed ok", "failed lock_closed"),
    ):
        states = {"connector/1": connector(1, reading=reading(flags=flags, volts=volts))}
        assert codes(await power.outputs_dead(look(one, states))) == [dead]
        assert codes(await power.locks(look(one, states))) == [lock]


async def test_voltage_of_a_neighbours_charge_at_a_shared_bus_is_no_voltage_left(dc: Settings) -> None:
    one = replace(dc, connector=dc.connector[:1])
    volts = connector(1, reading=reading(flags=HardwareFlag.INPUT_VOLTAGE, volts=390.0))

    none = Limit(0.0, 0.0, "none")

    async def of(fed: int, *, is_closed: bool) -> list[str]:
        power_now = PowerState(
            groups=(GroupPicture(name="G2", bank="bank", connector=fed, bus="N2"),),
            contactors=(ContactorPicture(name="T1", between=("N1", "N2"), output="T1", is_closed=is_closed),),
            outputs=(OutputPicture(connector=1, bus="N1", cap=none, grant=none),),
        )
        return codes(await power.outputs_dead(look(one, {"connector/1": volts, "power": power_now})))

    assert await of(2, is_closed=True) == ["skipped bus_lent"]
    assert await of(2, is_closed=False) == ["failed voltage_left"]
    assert await of(0, is_closed=True) == ["failed voltage_left"]
    assert await of(1, is_closed=True) == ["failed voltage_left"]


async def test_with_a_car_everywhere_exactly_the_guarded_tests_leave_it_alone(dc: Settings) -> None:
    charging = reading(ControllerStatus.C6_CHARGING, HardwareFlag.OUTPUT_RELAY, 400.0)
    states = idle(dc, **{f"c{each.number}": connector(each.number, reading=charging) for each in dc.connector})
    states |= {f"output/{each.name}": OutputState(name=each.name, function=each.function, is_on=True, feedback=True)
               for each in dc.output}  # fmt: skip
    skipping = set()
    for check in CHECKS:
        try:
            found = await check.run(look(dc, states, EXAMPLES))
        except Unanswered:
            continue
        except OSError:
            continue
        if "car_connected" in {each.code for each in found}:
            skipping.add(check.name)
    assert skipping == {check.name for check in CHECKS if check.needs_idle}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (ActionResult(ok=True, code="ok"), "passed self_test_passed"),
        (ActionResult(ok=False, code="failed", values={"fault": "earth"}), "failed self_test_failed"),
        (ActionResult(ok=False, code="no_answer", text="silent"), "failed insulation_silent"),
        (ActionResult(ok=False, code="not_idle", text="in use"), "skipped test_refused"),
        (None, "skipped no_answer"),
    ],
)
async def test_a_self_test_is_told_with_what_came_of_it(
    cabinet_of_all: Settings, answer: ActionResult | None, expected: str
) -> None:
    settings = replace(cabinet_of_all, insulation=(InsulationSettings(name="imd", driver="bender_isocha", port="p"),))
    assert codes(await power.insulation_test(look(settings, answers={CheckInsulation: answer}))) == [expected]
    assert codes(await power.insulation_test(look(replace(settings, insulation=())))) == ["not_fitted not_fitted"]


async def test_only_the_monitor_that_is_asked_about_tests_itself(cabinet_of_all: Settings) -> None:
    two = tuple(InsulationSettings(name=name, driver="bender_isocha", port="p") for name in ("left", "right"))
    there = look(replace(cabinet_of_all, insulation=two), answers={CheckInsulation: ActionResult(ok=True, code="ok")})
    assert [each.subject for each in await power.insulation_test(there)] == ["insulation/left", "insulation/right"]
    found = await power.insulation_test(dataclasses.replace(there, alone="insulation/right"))
    assert [each.subject for each in found] == ["insulation/right"]


async def test_insulation_tells_the_monitors_own_fault_before_what_it_measures(cabinet_of_all: Settings) -> None:
    settings = replace(cabinet_of_all, insulation=(InsulationSettings(name="imd", driver="bender_isocha", port="p"),))
    name = settings.insulation[0].name
    for told, expected in (
        (InsulationReading(1e6), "passed ok"),
        (InsulationReading(1e6, fault="earth wire"), "failed insulation_fault"),
        (InsulationReading(80_000.0, warning=True), "warning insulation_low"),
        (InsulationReading(20_000.0, warning=True, alarm=True), "failed insulation_low"),
        (None, "failed insulation_silent"),
    ):
        # a monitor with a fault has no value that counts
        is_answering = told is not None and not told.fault
        state = InsulationState(name=name, connector=1, is_answering=is_answering, reading=told)
        assert codes(await power.insulation(look(settings, {f"insulation/{name}": state}))) == [expected]


# ------------------------------------------------------------------------------------------------ meters, cabinet


async def test_a_meter_is_silent_frozen_fell_or_lacks_a_phase() -> None:
    settings = load(EXAMPLES / "ac-post.toml")
    behind = next(each for each in settings.connector if each.phases == 3 and each.type.power_type.value == "AC")
    settings = replace(settings, meter=tuple(each for each in settings.meter if each.name == behind.meter))
    name = behind.meter

    async def of(
        volts: tuple[float, float, float] = (230.0, 231.0, 229.0), age_s: float = 1.0, **more: Any
    ) -> list[str]:
        told = MeterReading(energy_wh=5, power_w=0.0, voltage_v=volts, current_a=None)
        state = MeterState(name=name, connector=1, is_answering=True, reading=told, mono_s=NOW_S - age_s)
        return codes(await metering.meters(look(settings, {f"meter/{name}": state}, **more)))

    assert await of() == ["passed ok"]
    assert await of(age_s=60.0) == ["failed meter_silent"]
    assert await of((230.0, 3.0, 229.0)) == ["failed phase_missing"]
    assert await of((230.0, float("nan"), 229.0)) != ["passed ok"]
    assert await of((230.0, 270.0, 229.0)) == ["warning phase_voltage"]
    assert await of(registers={name: Register(unmoved_wh=500.0)}) == ["failed meter_frozen"]
    assert await of(registers={name: Register(fell_wh=12)}) == ["failed meter_fell"]


@pytest.mark.parametrize("function", list(InputFunction))
async def test_an_active_input_says_what_it_means(dc: Settings, function: InputFunction) -> None:
    settings = replace(dc, input=(replace(dc.input[0], name="x", function=function),))
    told = InputState(name="x", function=function, is_active=True)
    found = codes(await cabinet.inputs(look(settings, {"input/x": told})))
    quiet = {InputFunction.OTHER, InputFunction.LID}
    if function is InputFunction.CONTACTOR_FEEDBACK:
        assert found == ["not_fitted not_fitted"]
    elif function in quiet:
        assert found == ["passed ok"]
    else:
        verdict, code = cabinet.ACTIVE.get(function, cabinet.OTHERWISE)
        assert found == [f"{verdict} {code}"]
        unknown = replace(told, is_active=None)
        assert codes(await cabinet.inputs(look(settings, {"input/x": unknown}))) == ["failed input_unknown"]
        latched = replace(told, is_active=False, is_latched=True)
        assert codes(await cabinet.inputs(look(settings, {"input/x": latched}))) == ["warning input_latched"]


async def test_climate_sensors_have_to_be_plausible(cabinet_of_all: Settings) -> None:
    for value, humidity, expected in (
        (25.0, 40.0, "passed ok"),
        (None, None, "failed climate_silent"),
        (-60.0, None, "failed climate_wrong"),
        (float("nan"), None, "failed climate_wrong"),
        (cabinet_of_all.climate.derate_above_c + 1, None, "warning climate_hot"),
        (20.0, 99.0, "warning climate_humid"),
    ):
        sensor = ClimateSensorState("s", ClimateZone.FRONT, value is not None, value, humidity)
        assert codes(await cabinet.climate(look(cabinet_of_all, {"climate": ClimateState(sensors=(sensor,))}))) == [
            expected
        ]
    lowered = ClimateState(power_pct=50.0, why="hot")
    assert codes(await cabinet.climate(look(cabinet_of_all, {"climate": lowered}))) == ["warning climate_derated"]
    assert codes(await cabinet.climate(look(cabinet_of_all, {"climate": replace(lowered, stops=True)}))) == [
        "failed climate_stops"
    ]


async def test_a_supply_on_battery_or_with_an_old_one_is_told(cabinet_of_all: Settings) -> None:
    if not cabinet_of_all.ups:
        assert codes(await cabinet.supplies(look(cabinet_of_all))) == ["not_fitted not_fitted"]
    for told, expected in (
        (SupplyReading(False, False), "passed ok"),
        (SupplyReading(True, False, 80.0), "warning ups_on_battery"),
        (SupplyReading(False, False, needs_battery=True), "failed ups_battery"),
        (None, "failed ups_silent"),
    ):
        assert codes([cabinet._supply(UpsState(name="u", is_answering=True, reading=told), "ups/u")]) == [expected]


# ------------------------------------------------------------------------------------------------ software


async def test_a_parked_hung_or_often_restarted_service_is_told(dc: Settings) -> None:
    for status, restarts, expected in (
        ("running", 0, "passed ok"),
        ("resting", 0, "passed ok"),
        ("running", 3, "warning service_restarts"),
        ("parked", 6, "failed service_parked"),
        ("hung", 0, "failed service_away"),
    ):
        state = ServiceState(name="ocpp", status=status, pid=1, restarts=restarts, since_mono_s=0.0)
        assert codes(await software.services(look(dc, {"service/ocpp": state}))) == [expected]


async def test_a_station_that_cannot_record_or_is_stopped_is_told(dc: Settings) -> None:
    state = StationState(
        technical=next(iter(TechnicalStatus)), logical=next(iter(LogicalStatus)), mode=next(iter(OperatingMode)),
        operative=True, free_mode=False, can_record=True, connectors=(1,), power_limit_w=1.0, power_w=0.0,
    )  # fmt: skip
    assert codes(await software.station(look(dc, {"station": state}))) == ["passed ok"]
    assert codes(await software.station(look(dc, {"station": replace(state, cause="smoke")}))) == [
        "failed station_stopped"
    ]
    assert codes(await software.station(look(dc, {"station": replace(state, can_record=False)}))) == [
        "failed cannot_record"
    ]
    assert codes(await software.station(look(dc))) == ["failed station_silent"]


@pytest.mark.parametrize(
    ("until", "found"),
    [
        ("", "skipped support_unknown"),
        ("2030-01-01", "passed ok"),
        ("2026-03-01", "warning support_ends"),
        ("2026-02-28", "warning support_ended"),
    ],
)
async def test_the_end_of_security_updates_is_told_in_time(
    tmp_path: Path, dc: Settings, until: str, found: str
) -> None:
    (tmp_path / "release.json").write_text(f'{{"supported_until": "{until}"}}')
    assert codes(await software.promised(look(dc, tree=tmp_path))) == [found]
    if until:
        timeless = dataclasses.replace(look(dc, tree=tmp_path), now=None)
        assert codes(await software.promised(timeless)) == ["skipped clock_unknown"]


async def test_updates_that_failed_are_on_trial_or_came_back_are_told(dc: Settings) -> None:
    for state, expected in (
        (UpdateState(), "passed ok"),
        (UpdateState(stage="failed", text="no room"), "warning update_failed"),
        (UpdateState(stage="checking"), "warning update_trial"),
        (UpdateState(last_outcome="returned", last_reason="no link"), "warning update_returned"),
    ):
        assert codes(await software.update(look(dc, {"update": state}))) == [expected]


async def test_the_station_file_with_faults_is_told(dc: Settings) -> None:
    fault = ConfigurationFault("[[port]] 1", "x", "is no port", "mend it")
    for page, expected in (
        (ConfigurationPage(ok=True), "passed ok"),
        (ConfigurationPage(ok=True, file_faults=(fault,)), "failed config_last_good"),
        (ConfigurationPage(ok=False, text="gone"), "failed config_unread"),
        (ConfigurationPage(ok=True, trial="on_trial"), "warning config_trial"),
        (ConfigurationPage(ok=True, trial="returned"), "warning config_returned"),
    ):
        assert codes(await software.configuration(look(dc, answers={ReadConfiguration: page}))) == [expected]


async def test_the_link_and_its_queue_are_told_as_they_stand(dc: Settings) -> None:
    assert dc.ocpp.url
    for state, expected in (
        (LinkStatus(state=LinkState.ONLINE, registration="Accepted"), ["passed ok", "passed ok"]),
        (LinkStatus(state=LinkState.OFFLINE, last_error="refused"), ["failed link_offline", "passed ok"]),
        (LinkStatus(state=LinkState.ONLINE, registration="Rejected"), ["failed link_rejected", "passed ok"]),
        (LinkStatus(state=LinkState.ONLINE, parked=2), ["passed ok", "warning parked"]),
        (LinkStatus(state=LinkState.ONLINE, queued=1000), ["passed ok", "warning queue_long"]),
    ):
        at = look(dc, {"link": state})
        assert codes([*await software.link(at), *await software.queue(at)]) == expected


async def test_screen_and_web_are_judged_by_what_they_told(dc: Settings) -> None:
    fitted = replace(dc, screen=replace(dc.screen, is_fitted=True))
    running = {"service/hmi": ServiceState(name="hmi", status="running", pid=1, restarts=0, since_mono_s=0.0)}
    assert codes(await software.screen(look(fitted))) == ["failed screen_away"]
    assert codes(await software.screen(look(fitted, {**running, "screen": ScreenState(name="")}))) == [
        "failed screen_dark"
    ]
    assert codes(await software.screen(look(fitted, {**running, "screen": ScreenState(name="StartPH")}))) == [
        "passed ok"
    ]
    assert codes(await software.web(look(dc))) in (["failed web_away"], ["not_fitted not_fitted"])


async def test_logs_above_their_quota_are_told(dc: Settings) -> None:
    assert codes(await software.logs(look(dc))) == ["not_fitted not_fitted"]
    assert codes(await software.logs(look(dc, logs_bytes=1 << 20))) == ["passed ok"]
    assert codes(await software.logs(look(dc, logs_bytes=10 << 30))) == ["warning logs_over"]


# ------------------------------------------------------------------------------------------------ network, clocks


async def test_network_and_modem_are_told(dc: Settings) -> None:
    eth = NetworkDevice(name="eth0", kind="ethernet", state="connected", addresses=("192.0.2.2/24",), is_default=True)
    modem = Modem(name="m", state="connected", signal_pct=60, sim="··1234")

    async def of(*devices: NetworkDevice, modems: tuple[Modem, ...] = (), reason: str = "") -> list[str]:
        page = NetworkPage(devices=devices, modems=modems, reason=reason)
        at = look(dc, answers={ReadNetwork: page})
        return codes([*await network.interfaces(at), *await network.modem(at)])

    none = "not_fitted not_fitted"
    assert await of(eth, modems=(modem,)) == ["passed ok", "passed ok"]
    assert await of(replace(eth, is_default=False)) == ["passed ok", "failed no_route", none]
    assert (await of(replace(eth, has_carrier=False)))[0] == "warning network_down"
    assert (await of(replace(eth, addresses=())))[0] == "warning network_no_address"
    assert await of() == ["failed no_network", none]
    assert await of(reason="no D-Bus") == ["skipped network_unknown"] * 2
    for changed, expected in (
        ({"needs": "sim-pin"}, "failed modem_locked"),
        ({"sim": ""}, "failed modem_no_card"),
        ({"state": "searching"}, "failed modem_state"),
        ({"signal_pct": 5}, "warning modem_weak"),
    ):
        assert (await of(eth, modems=(replace(modem, **changed),)))[-1] == expected


async def test_clocks_and_time_servers_are_told(dc: Settings) -> None:
    for source, is_set, expected in (
        ("server", True, "passed clock"),
        ("person", True, "warning clock_by_person"),
        ("unset", False, "failed clock_unset"),
    ):
        state = ClockState(is_set=is_set, offset_s=0.0, source=source)
        assert codes(await network.clock(look(dc, {"clock": state}))) == [expected]
    good = TimePage(is_ntp_on=True, is_synchronised=True, rtc=NOW, system=NOW, offset_s=0.01)
    for page, both in (
        (good, ["passed ok", "passed ok"]),
        (replace(good, is_ntp_on=False), ["warning ntp_off", "passed ok"]),
        (replace(good, is_synchronised=False), ["warning ntp_silent", "passed ok"]),
        (replace(good, offset_s=-9.0), ["warning ntp_off_by", "passed ok"]),
        (replace(good, rtc=None), ["passed ok", "warning rtc_missing"]),
        (replace(good, rtc=NOW - timedelta(days=1)), ["passed ok", "warning rtc_off"]),
        (TimePage(reason="no D-Bus"), ["skipped time_unknown", "skipped time_unknown"]),
    ):
        at = look(dc, answers={ReadTime: page})
        assert codes([*await network.time_server(at), *await network.battery_clock(at)]) == both


# ------------------------------------------------------------------------------------------------ the computer


def sysfs(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="ascii")
    return folder


@pytest.mark.parametrize(
    ("life", "end", "expected"),
    [
        ("0x01 0x02", "0x01", "passed flash"),
        ("0x09 0x02", "0x01", "warning flash_worn"),
        ("0x02 0x01", "0x02", "warning flash_worn"),
        ("0x0b 0x01", "0x01", "failed flash_worn"),
        ("0x01 0x01", "0x03", "failed flash_worn"),
        ("0x00 0x00", "0x00", "not_fitted not_fitted"),
        ("rubbish", "0x01", "not_fitted not_fitted"),
    ],
)
async def test_wear_of_an_emmc_is_read_from_what_it_tells(
    dc: Settings, tmp_path: Path, life: str, end: str, expected: str
) -> None:
    sysfs(tmp_path, block__mmcblk0__device__life_time=f"{life}\n", block__mmcblk0__device__pre_eol_info=f"{end}\n",
          block__loop0__device__life_time="0x0b 0x0b")  # fmt: skip
    assert codes(await machine.flash(look(dc, sys=tmp_path))) == [expected]


async def test_heat_voltage_and_memory_are_read_from_the_kernel(dc: Settings, tmp_path: Path) -> None:
    assert (
        codes([*await machine.heat(look(dc, sys=tmp_path)), *await machine.voltage(look(dc, sys=tmp_path))])
        == ["not_fitted not_fitted"] * 2
    )
    zone, alarm = "class__thermal__thermal_zone0__temp", "class__hwmon__hwmon1__in0_lcrit_alarm"
    for milli, volts, expected in (
        ("51000", "0", ["passed cpu", "passed ok"]),
        ("79000", "1", ["warning cpu_hot", "failed undervoltage"]),
        ("91000", "x", ["failed cpu_hot", "not_fitted not_fitted"]),
    ):
        at = look(dc, sys=sysfs(tmp_path, **{zone: milli, alarm: volts}))
        assert codes([*await machine.heat(at), *await machine.voltage(at)]) == expected
    for told, expected_memory in (
        ("MemTotal: 1000000 kB\nMemAvailable: 400000 kB\n", "passed ok"),
        ("MemTotal: 1000000 kB\nMemAvailable: 40000 kB\n", "warning memory_short"),
        ("rubbish", "skipped not_told"),
    ):
        assert codes(await machine.memory(look(dc, proc=sysfs(tmp_path, meminfo=told)))) == [expected_memory]


async def test_the_write_test_leaves_nothing_and_tells_a_folder_that_cannot_be_written(
    dc: Settings, tmp_path: Path
) -> None:
    assert codes(await machine.writing(look(dc, folder=tmp_path))) == ["passed ok"]
    assert list(tmp_path.iterdir()) == []
    assert codes(await machine.writing(look(dc, folder=tmp_path / "gone"))) == ["failed write_failed"]


async def test_room_is_compared_with_both_floors(dc: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, expected in ((100 << 20, "failed disk_low"), (1 << 30, "warning disk_short"), (9 << 30, "passed ok")):
        monkeypatch.setattr(machine, "_free", lambda _folder, free=free: (free, 10 << 30))
        assert codes(await machine.room(look(dc, folder=tmp_path))) == [expected]


async def test_certificates_warn_before_their_end(dc: Settings) -> None:
    def row(days: int, use: str = "own") -> CertificateRow:
        return CertificateRow(use, "O=x,CN=CP1", "CN=root", "1", NOW, NOW + timedelta(days=days), "ab" * 32, "EC")

    for rows, expected in (
        ((row(400),), ["passed ok"]),
        ((row(20), row(400, "root")), ["warning certificate_ends"]),
        ((row(-2),), ["failed certificate_ended"]),
        ((row(-2, "replaced_root"),), ["not_fitted not_fitted"]),
    ):
        page = CertificatesPage(rows=rows, is_asked=False, common_name="", organisation="", profile=2)
        assert codes(await machine.certificates(look(dc, answers={ReadCertificates: page}))) == expected
    for ends_at, told in ((None, "not_fitted not_fitted"), (NOW, "warning certificate_ends")):
        state = WebState(https_port=443, certificate_ends_at=ends_at)
        assert codes(await machine.web_certificate(look(dc, {"web": state}))) == [told]


async def test_damaged_records_are_told(dc: Settings) -> None:
    page = JournalPage(rows=(), read_to=0, last_seq=9)
    assert codes(await machine.journal(look(dc, answers={ReadJournal: page}))) == ["passed ok"]
    damaged = replace(page, rows=(object(),))
    assert codes(await machine.journal(look(dc, answers={ReadJournal: damaged}))) == ["warning records_damaged"]


async def test_every_check_says_something_about_a_station_that_tells_nothing(
    cabinet_of_all: Settings, tmp_path: Path
) -> None:
    for check in CHECKS:
        try:
            found = await check.run(look(cabinet_of_all, folder=tmp_path, sys=tmp_path, proc=tmp_path))
        except Unanswered:
            continue
        assert found, check.name
        kinds = {each.subject.partition("/")[0] for each in found if each.subject}
        assert kinds <= set(check.kinds), check.name
