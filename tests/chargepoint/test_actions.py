"""The registry of deeds: arguments, roles, what is asked of whom, what is noted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chargepoint.actions import ACTIONS, Asker, BadRequest, Guard, effect_of, request_of, why_not
from chargepoint.actions import carry_out as carry_out_guarded
from chargepoint.bus import Bus
from chargepoint.guards import confirmed
from chargepoint.messages import (
    SENDERS,
    ActionResult,
    BlockConnector,
    EmergencyStop,
    EndStation,
    Noted,
    RestartService,
    StartCharging,
    StopCharging,
)
from chargepoint.one_process import in_process_bus
from chargepoint.vocabulary import CredentialType, EventType, Role, StartSource, StopSource

TECHNICIAN = Asker("boris", Role.TECHNIK, is_local=True)
REMOTE = Asker("anna", Role.ADMINISTRATOR)
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


THERE = {name: action for name, action in ACTIONS.items() if not action.missing}


async def carry_out(bus: Bus, name: str, arguments: dict[str, Any], asker: Asker) -> ActionResult:
    """As somebody who has passed the guard."""
    return await carry_out_guarded(bus, name, arguments, asker, passed=confirmed(name, arguments, Guard.G3))


def test_the_first_deeds_are_there() -> None:
    wanted = {
        "start",
        "stop",
        "unlock",
        "block",
        "unblock",
        "restart",
        "emergency_stop",
        "reboot_controller",
        "sync_clock",
    }
    assert wanted <= set(ACTIONS)


@pytest.mark.parametrize("name", THERE)
def test_each_deed_makes_the_request_it_names_which_administrators_may_send(name: str) -> None:
    action = ACTIONS[name]
    request = request_of(name, GOOD[name], REMOTE)
    assert type(request) is action.request
    assert action.request is not None
    assert "admin" in SENDERS[action.request]
    assert request.by == "anna"  # type: ignore[attr-defined]
    assert effect_of(name, GOOD[name]).endswith(".")


def test_an_emergency_stop_is_asked_without_any_guard() -> None:
    assert ACTIONS["emergency_stop"].guard is Guard.G0
    assert request_of("emergency_stop", {"connector": 0}, REMOTE) == EmergencyStop(connector=0, by="anna")


def test_start_and_stop_say_who_and_from_where() -> None:
    start = request_of("start", {"connector": "2", "duration_min": 30, "energy_limit_wh": "5000"}, TECHNICIAN)
    assert isinstance(start, StartCharging)
    assert (start.connector, start.duration_s, start.energy_limit_wh) == (2, 1800, 5000)
    assert (start.source, start.is_authorized) == (StartSource.TECHNICIAN, True)
    assert (start.credential.value, start.credential.type) == ("boris", CredentialType.LOGIN)
    stop = request_of("stop", {"connector": 2}, REMOTE)
    assert isinstance(stop, StopCharging)
    assert stop.source is StopSource.REMOTE_COMMAND


def test_more_examples() -> None:
    assert request_of("block", {"connector": 1, "reason": "broken lid"}, REMOTE) == BlockConnector(
        connector=1, blocked=True, reason="broken lid", by="anna"
    )
    assert request_of("unblock", {"connector": 1}, REMOTE) == BlockConnector(connector=1, blocked=False, by="anna")
    assert request_of("restart", {"service": "ocpp"}, REMOTE) == RestartService(name="ocpp", by="anna")
    reboot = request_of("reboot", {}, REMOTE)
    assert isinstance(reboot, EndStation)
    assert reboot.exit_code == 20


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("strat", {}, "no deed 'strat'"),
        ("start", {}, "connector is missing (number of the connector)"),
        ("start", {"connector": 0}, "connector = '0' is not within 1 to 64"),
        ("start", {"connector": "two"}, "connector = 'two' is no whole number"),
        ("start", {"connector": True}, "is no whole number"),
        ("start", {"connector": 1.5}, "is no whole number"),
        ("start", {"connector": float("nan")}, "is no whole number"),
        ("start", {"connector": float("inf")}, "is no whole number"),
        ("start", {"connector": "1_0"}, "is no whole number"),
        ("start", {"connector": "\u0661"}, "is no whole number"),
        ("start", {"connector": "9" * 5000}, "is no whole number"),
        ("start_test", {"connector": 1, "power_w": -5000}, "power_w = '-5000' is not within 500 to"),
        ("start_test", {"connector": 1, "power_w": 10**12}, "is not within 500 to"),
        ("start", {"connector": 1, "connecter": 2}, "'connecter' is no argument of it; those are connector"),
        ("block", {"connector": 1, "reason": "x\ny"}, "printable"),
        ("block", {"connector": 1, "reason": "x" * 201}, "printable"),
        ("restart", {"service": 3}, "is no text"),
        ("power_off", {"now": 1}, "those are none"),
    ],
)
def test_faults_are_told_with_what_belongs_there(name: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest) as raised:
        request_of(name, arguments, REMOTE)
    assert words in str(raised.value)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(BadRequest) as raised:
        request_of("start", {"connector": 99, "duration_min": -1, "x": 1}, REMOTE)
    assert all(word in str(raised.value) for word in ("connector", "duration_min", "'x'"))


@pytest.mark.parametrize("name", ACTIONS)
def test_customers_may_do_none_of_it(name: str) -> None:
    with pytest.raises(BadRequest, match="this takes"):
        request_of(name, GOOD[name], Asker("carl", Role.CUSTOMER))


async def test_a_deed_is_carried_out_and_noted() -> None:
    async with in_process_bus("station", "webconfig") as buses:

        async def stop(request: StopCharging, sender: str) -> ActionResult:
            return ActionResult(ok=request.connector == 1, code="ok" if request.connector == 1 else "no_session")

        buses["station"].serve(StopCharging, stop)
        notes = buses["station"].subscribe(Noted)
        await asyncio.sleep(0.01)
        assert (await carry_out(buses["webconfig"], "stop", {"connector": 1}, REMOTE)).ok
        note = await anext(notes)
        assert (note.event_type, note.action, note.connector) == (EventType.REMOTE_COMMAND, "Success", 1)
        assert note.message == "stop connector 1 by anna"
        assert (await carry_out(buses["webconfig"], "stop", {"connector": 2}, REMOTE)).code == "no_session"
        assert (await anext(notes)).action == "Failed"


async def test_every_way_to_fail_is_a_result_for_people() -> None:
    async with in_process_bus("station", "webconfig") as buses:

        async def hang(_request: StopCharging, _sender: str) -> ActionResult:
            await asyncio.sleep(100.0)
            raise AssertionError

        async def fail(_request: BlockConnector, _sender: str) -> ActionResult:
            raise RuntimeError("disk full")

        buses["station"].serve(StopCharging, hang)
        buses["station"].serve(BlockConnector, fail)
        bus = buses["webconfig"]
        assert (await carry_out(bus, "stop", {}, REMOTE)).code == "bad_request"
        assert (await carry_out(bus, "stop", {"connector": 1}, REMOTE)).code == "no_answer"
        assert (await carry_out(bus, "block", {"connector": 1}, REMOTE)).text == "station: RuntimeError: disk full"
        missing = await carry_out(bus, "restart", {"service": "ocpp"}, REMOTE)
        assert (missing.code, missing.text) == (
            "unavailable",
            "hub is not there: nothing was done, try again in a moment.",
        )


async def test_who_tries_what_is_not_his_is_written_down() -> None:
    async with in_process_bus("hub", "hmi", "station") as buses:
        notes = buses["station"].subscribe(Noted)
        await asyncio.sleep(0.01)
        result = await carry_out_guarded(buses["hmi"], "factory_reset", {}, TECHNICIAN)
        assert (result.ok, result.code) == (False, "bad_request")
        async for note in notes:
            assert (note.action, note.message) == ("Refused", "factory_reset by boris, who is technik")
            break


@pytest.mark.parametrize("value", [float("inf"), float("nan"), None, [], "x"])
def test_what_is_no_number_breaks_no_page(value: object) -> None:
    assert why_not(ACTIONS["reboot"], {}, {"connector": value, "end_sessions": value})


def test_no_deed_stands_twice_in_the_table() -> None:
    from chargepoint.action_table import ROWS

    names = [row.name for row in ROWS]
    assert sorted(set(names)) == sorted(names)
