"""Preconditions as a table: what is seen -> what speaks against a deed, in words; and each deed with each role."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from chargepoint.actions import ACTIONS, Asker, carry_out, checked, may, request_of, unmet_of, why_not
from chargepoint.guards import Guard, confirmed
from chargepoint.messages import (
    ActionResult,
    ConnectorState,
    InputState,
    SessionSummary,
    State,
    StationState,
    UpsState,
)
from chargepoint.messages.senders import SENDERS
from chargepoint.one_process import in_process_bus
from chargepoint.preconditions import Look, Need, leftovers, unmet
from chargepoint.vocabulary import (
    Cause,
    ConnectorFlag,
    ConnectorStatus,
    ConnectorType,
    ControllerStatus,
    HardwareFlag,
    InputFunction,
    LogicalStatus,
    OperatingMode,
    Role,
    SessionState,
    TechnicalStatus,
)
from drivers.interfaces import ControllerReading

NO_FLAGS = HardwareFlag(0)
SESSION = SessionSummary(7, SessionState.ACTIVE, None, None, True, 0, 0)


def reading(status: str = "A", voltage_v: float = 0.0, flags: HardwareFlag = NO_FLAGS) -> ControllerReading:
    return ControllerReading(
        status=ControllerStatus(status), flags=flags, cause=Cause.NONE, boot_count=1, session_ref=0, lease_left_s=0.0,
        limit_current_a=0.0, limit_power_w=0.0, voltage_v=voltage_v, current_a=(0.0, 0.0, 0.0), power_w=0.0,
        energy_wh=0, elapsed_s=0, ev_requests_energy=False,
    )  # fmt: skip


def connector(number: int = 1, **more: Any) -> ConnectorState:
    known: dict[str, Any] = {
        "number": number, "type": ConnectorType.CCS2, "status": ConnectorStatus.AVAILABLE, "flags": ConnectorFlag(0),
        "operative": True, "reading": reading(), "reading_mono_s": 100.0,
    }  # fmt: skip
    return ConnectorState(**{**known, **more})


def an_input(function: InputFunction, is_active: bool | None, **more: Any) -> InputState:
    return InputState(name=function.value, function=function, is_active=is_active, **more)


def states(*found: State) -> dict[str, State]:
    station = StationState(
        technical=TechnicalStatus.OK, logical=LogicalStatus.WORKING, mode=OperatingMode.NORMAL, operative=True,
        free_mode=False, can_record=True, connectors=(1,), power_limit_w=1.0, power_w=0.0,
    )  # fmt: skip
    return {"station": station, **{f"{type(one).__name__}/{place}": one for place, one in enumerate(found)}}


@pytest.mark.parametrize(
    ("need", "found", "words"),
    [
        (Need.IDLE, [connector()], ""),
        (Need.IDLE, [connector(), connector(2, session=SESSION)], "Connector 2 charges; wait or stop it."),
        (Need.IDLE, [connector(waiting_for_ev=True)], "Connector 1 charges; wait or stop it."),
        (Need.IDLE, [], "does not say"),
        (Need.FREE, [connector()], ""),
        (Need.FREE, [connector(), connector(2, session=SESSION)], ""),
        (Need.FREE, [connector(reading=reading("B"))], "not free (its controller says B)"),
        (Need.FREE, [connector(reading=reading("E6"))], "not free (its controller says E6)"),
        (Need.FREE, [connector(reading=None)], "does not answer"),
        (Need.FREE, [connector(flags=ConnectorFlag.NO_LINK)], "does not answer"),
        (Need.FREE, [connector(reading_mono_s=94.0)], "does not answer"),
        (Need.FREE, [connector(2)], "There is no connector 1"),
        (Need.UNUSED, [connector(reading=reading("B"))], ""),
        (Need.UNUSED, [connector(session=SESSION)], "Connector 1 charges"),
        (Need.NO_VOLTAGE, [connector()], ""),
        (Need.NO_VOLTAGE, [connector(reading=reading(voltage_v=59.9))], ""),
        (Need.NO_VOLTAGE, [connector(reading=reading(voltage_v=60.0))], "carries 60 V"),
        (Need.NO_VOLTAGE, [connector(reading=reading(voltage_v=float("nan")))], "carries"),
        (Need.NO_VOLTAGE, [connector(reading=reading(flags=HardwareFlag.OUTPUT_RELAY))], "contactor"),
        (Need.NO_VOLTAGE, [connector(reading=None)], "does not answer"),
        (Need.DOOR, [connector()], ""),
        (Need.DOOR, [an_input(InputFunction.DOOR, False)], ""),
        (Need.DOOR, [an_input(InputFunction.DOOR, True)], "is open"),
        (Need.DOOR, [an_input(InputFunction.DOOR, None)], "cannot be read"),
        (Need.NO_UPDATE, [connector()], ""),
        (Need.NO_UPDATE, [connector(2, flags=ConnectorFlag.UPDATING)], "Connector 2 is being updated"),
        (Need.NO_UPDATE, [connector(2, flags=ConnectorFlag.UPDATING, awaits_update=True)], ""),
        (Need.NO_BUTTON, [an_input(InputFunction.EMERGENCY_STOP, False)], ""),
        (Need.NO_BUTTON, [an_input(InputFunction.EMERGENCY_STOP, True)], "is pressed"),
        (Need.NO_BUTTON, [an_input(InputFunction.EMERGENCY_STOP, True, connectors=(2,))], ""),
        (Need.NO_BUTTON, [an_input(InputFunction.EMERGENCY_STOP, None)], "cannot be read"),
        (Need.SUPPLY, [], ""),
        (Need.SUPPLY, [UpsState(name="u", is_answering=True, on_battery_since_mono_s=None)], ""),
        (Need.SUPPLY, [UpsState(name="u", is_answering=False)], ""),
        (Need.SUPPLY, [UpsState(name="u", is_answering=False, on_battery_since_mono_s=3.0)], "UPS 'u' is on battery"),
        (Need.SUPPLY, [an_input(InputFunction.POWER_FAIL, True)], "mains have failed"),
        (Need.SUPPLY, [an_input(InputFunction.POWER_FAIL, None)], ""),
    ],
)
def test_what_speaks_against(need: Need, found: list[State], words: str) -> None:
    against = unmet((need,), Look(states(*found), 1, 100.0))
    assert len(against) == (1 if words else 0)
    if words:
        assert words in against[0].text
        assert against[0].key.startswith(f"unmet.{need.value}.")


GOOD: dict[str, dict[str, Any]] = {
    name: {
        a.name: 1
        if a.kind is int
        else (*a.choices, "2026-03-01" if a.name == "day" else "front".ljust(a.minimum, "-"))[0]
        for a in action.arguments
        if a.is_needed
    }
    for name, action in ACTIONS.items()
}
ADMINISTRATORS_ONLY = ("factory_reset", "activate", "deactivate", "grant_access", "return_software")
BUSY = states(
    connector(1, session=SESSION, reading=reading("C6", 400.0, HardwareFlag.OUTPUT_RELAY)),
    connector(2, flags=ConnectorFlag.UPDATING),
    an_input(InputFunction.DOOR, True),
    an_input(InputFunction.EMERGENCY_STOP, True),
)
QUIET = states(connector(1), connector(2))
ROLES = {Role.CUSTOMER: False, Role.TECHNIK: True, Role.ADMINISTRATOR: True}


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("role", ROLES)
async def test_each_deed_with_each_role_guard_and_precondition(name: str, role: Role) -> None:
    """Button state, guard, and what the service is asked: no deed without right, guard and preconditions."""
    action, asker = ACTIONS[name], Asker("boris", role, is_local=True)
    is_allowed = ROLES[role] and (role is Role.ADMINISTRATOR or name not in ADMINISTRATORS_ONLY)
    assert may(action, asker) is is_allowed
    assert bool(why_not(action, BUSY, GOOD[name], 100.0)) is bool(action.needs or action.missing)
    assert why_not(action, QUIET, GOOD[name], 100.0) == action.missing
    door = "hmi" if action.request is None or "hmi" in SENDERS[action.request] else "webconfig"
    async with in_process_bus("station", "hub", "rfid", "fota", "diag", door) as buses:
        asked: list[object] = []

        async def serve(request: Any, _sender: str) -> ActionResult:
            asked.append(request)
            return ActionResult(ok=True, code="ok")

        if action.request is not None:
            buses[action.service].serve(action.request, serve)
        for topic, state in QUIET.items():
            if isinstance(state, ConnectorState):
                topic, state = f"connector/{state.number}", msgspec.structs.replace(state, reading_mono_s=0.0)
            buses["station"].set_state(topic, state)
        without = await carry_out(buses[door], name, GOOD[name], asker)
        if not is_allowed:
            assert without.code == "bad_request"
        elif action.missing:
            assert (without.code, without.text) == ("not_available", action.missing)
        elif action.guard > Guard.G0:
            assert without.code == "not_confirmed"
            low = confirmed(name, GOOD[name], Guard(action.guard - 1))
            assert (await carry_out(buses[door], name, GOOD[name], asker, passed=low)).code == "not_confirmed"
        assert (asked == []) is (not is_allowed or action.missing != "" or action.guard > Guard.G0)
        passed = confirmed(name, GOOD[name], Guard.G3)
        result = await carry_out(buses[door], name, GOOD[name], asker, passed=passed)
        assert result.ok is (is_allowed and not action.missing), result
        assert result.text_key == f"result.{name}.{result.code}"
        assert result.action == name


def test_only_a_waiver_that_was_given_waives() -> None:
    reboot = ACTIONS["reboot"]
    needs = [each.need for each in unmet_of(reboot, BUSY, {})]
    assert needs == [Need.IDLE, Need.NO_UPDATE]
    assert [each.need for each in unmet_of(reboot, BUSY, {"end_sessions": "1"})] == [Need.NO_UPDATE]
    assert [each.need for each in unmet_of(reboot, BUSY, {"end_sessions": "0"})] == needs


def test_an_emergency_stop_is_never_in_the_way() -> None:
    action = ACTIONS["emergency_stop"]
    assert (action.guard, action.needs) == (Guard.G0, ())
    assert why_not(action, {}, {}) == ""
    for name in ("stop_test", "start_dump", "test_meter"):
        assert ACTIONS[name].guard is Guard.G0


def test_energising_writing_and_shutting_down_are_guarded_by_a_sum() -> None:
    for name in ("start_test", "exercise", "write_parameter", "reboot", "power_off", "reboot_all_controllers"):
        assert ACTIONS[name].guard is Guard.G2
    for name in ("apply_configuration", "factory_reset"):
        assert ACTIONS[name].guard is Guard.G3


def test_a_test_session_is_asked_for_with_its_defaults_and_its_modes() -> None:
    request = request_of("start_test", {"connector": 1}, Asker("boris", Role.TECHNIK))
    assert msgspec.to_builtins(request) | {"by": ""} == {
        "is": "StartTest", "connector": 1, "mode": "ev", "power_w": 5000.0, "duration_s": 180.0, "energy_wh": 1000,
        "voltage_v": None, "current_a": None, "by": "",
    }  # fmt: skip
    assert checked(ACTIONS["start_test"], {"connector": 1, "mode": "dry"})["mode"] == "dry"


def test_what_is_left_behind_is_listed_with_its_way_back() -> None:
    found = leftovers(
        states(
            connector(1, flags=ConnectorFlag.BLOCKED),
            connector(2, status=ConnectorStatus.EMERGENCY_OFF),
            an_input(InputFunction.SMOKE, False, is_latched=True),
        )
    )
    assert [(each.undo, each.arguments) for each in found] == [
        ("unblock", {"connector": "1"}),
        ("clear_emergency", {"connector": "2"}),
        ("clear_input", {"name": "smoke"}),
    ]
    assert all(each.undo in ACTIONS for each in found)
    assert leftovers(QUIET) == ()


def test_a_connector_that_the_station_has_and_nothing_is_known_of_may_charge() -> None:
    station = StationState(
        technical=TechnicalStatus.OK, logical=LogicalStatus.WORKING, mode=OperatingMode.NORMAL, operative=True,
        free_mode=False, can_record=True, connectors=(1, 2), power_limit_w=1.0, power_w=0.0,
    )  # fmt: skip
    known: dict[str, State] = {"station": station, "connector/1": connector(1)}
    assert [one.key for one in unmet([Need.IDLE], Look(known))] == ["unmet.idle.unknown"]
    assert not unmet([Need.IDLE], Look({**known, "connector/2": connector(2)}))
