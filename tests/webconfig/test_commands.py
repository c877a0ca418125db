"""Deeds and commands over the web: guards, life, idempotency, presence, what is left of them after a crash."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint.action_kinds import Asker, BadRequest
from chargepoint.action_table import ACTIONS
from chargepoint.actions import checked
from chargepoint.bus import Bus
from chargepoint.guards import Guard
from chargepoint.messages import (
    ActionResult,
    ChangeAvailability,
    CheckController,
    EmergencyStop,
    GrantAccess,
    LoginsState,
    PackForSupport,
    ServiceState,
    ShowTestColours,
    Standing,
    StationState,
    StopCharging,
    TechnicianAtWork,
)
from chargepoint.messages.station_calls import BlockConnector
from chargepoint.one_process import in_process_bus
from chargepoint.vocabulary import LogicalStatus, OperatingMode, Role, TechnicalStatus
from tests.webconfig.bench import PASSWORD, Answer, Bench, Client
from webconfig.commands.at_work import AtWork
from webconfig.commands.commands import Commands
from webconfig.commands.record import MEANT, WORDS_OF_SERVERS, Command, Status, deed_of, effect_hash
from webconfig.commands.store import Store
from webconfig.visitors import Visitor

OK = ActionResult(ok=True, code="ok")
STATION = StationState(
    technical=TechnicalStatus.OK, logical=LogicalStatus.WORKING, mode=OperatingMode.NORMAL, operative=True,
    free_mode=False, can_record=True, connectors=(1, 2), power_limit_w=100_000.0, power_w=0.0,
)  # fmt: skip


def hidden(answer: Answer, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]*)"', answer.text)
    assert found, answer.text
    return found[1]


def total(answer: Answer) -> str:
    found = re.search(r"How much is (\d+) \+ (\d+)", answer.text)
    assert found, answer.text
    return str(int(found[1]) + int(found[2]))


async def over(client: Client, path: str) -> Answer:
    async with asyncio.timeout(10):
        while True:
            answer = await client.get(path)
            if not any(word in answer.text for word in ("Waiting for the answer", ">planned<")):
                return answer
            await asyncio.sleep(0.05)


@pytest.mark.realtime
async def test_each_guard_asks_back_and_the_result_is_followed_to_its_end(tmp_path: Path) -> None:
    asked: list[Any] = []

    def heard(request: Any) -> ActionResult:
        asked.append(request)
        return ActionResult(ok=True, code="ok", table=(("what", "ms"), ("read", "4")), values={"polls": "100"})

    kinds = (EmergencyStop, BlockConnector, CheckController, ChangeAvailability, TechnicianAtWork, ShowTestColours)
    serves: dict[type[Any], Any] = dict.fromkeys((*kinds, GrantAccess), heard)
    async with Bench(tmp_path, states={"station": STATION}, answers={"station": serves}) as bench:
        oleg, vera, admin = await bench.log_in("oleg"), await bench.log_in("vera"), await bench.log_in("admin")
        stop = await oleg.post("/deeds/emergency_stop", {"connector": "2"})  # G0: at once
        assert stop.status == 303 and stop.headers["Location"] == "/commands/1"
        assert "✓" in (await over(oleg, "/commands/1")).text
        assert asked == [EmergencyStop(connector=2, by="oleg")]

        assert (await vera.get("/deeds/block?connector=1")).status == 403
        assert (await vera.post("/deeds/emergency_stop", {"connector": "1"})).status == 403
        assert (await oleg.get("/deeds/reboot")).status == 403
        assert (await oleg.get("/deeds/nonsense")).status == 404

        form = await oleg.get("/deeds/block")  # an argument is missing: it is asked for
        assert "Next" in form.text and 'name="check"' not in form.text
        shown = await oleg.get("/deeds/block?connector=1&reason=painted&to=/connectors/1")
        assert "takes no new charges" in shown.text and "painted" in shown.text
        fields = {"connector": "1", "reason": "painted", "check": hidden(shown, "check"), "to": "/connectors/1"}
        other = await oleg.post("/deeds/block", {**fields, "connector": "2"})
        assert other.status == 409 and len(asked) == 1  # what was confirmed is what is done
        assert (await admin.post("/deeds/block", fields)).status == 409  # and by whom
        done = await oleg.post("/deeds/block", fields)
        assert done.headers["Location"].startswith("/commands/2?to=")
        again = await oleg.post("/deeds/block", fields)
        assert again.headers["Location"] == "/commands/2"
        assert [each for each in asked if isinstance(each, BlockConnector)] == [
            BlockConnector(connector=1, blocked=True, reason="painted", by="oleg")
        ]
        result = await over(oleg, "/commands/2")
        assert "What was measured" in result.text and "painted" in result.text and "oleg" in result.text

        sum_page = await admin.get("/deeds/grant_access?login=tim")  # G2: a sum
        fields = {"login": "tim", "check": hidden(sum_page, "check")}
        wrong = await admin.post("/deeds/grant_access", {**fields, "sum": "7"})
        assert wrong.status == 422 and "That is wrong" in wrong.text
        right = await admin.post("/deeds/grant_access", {**fields, "sum": total(wrong)})
        assert right.status == 303
        assert "✓" in (await over(admin, right.headers["Location"])).text

        reset = await admin.get("/deeds/factory_reset")  # G3: his own password, too; and what speaks against it
        fields = {"check": hidden(reset, "check"), "sum": total(reset), "password": PASSWORD}
        refused = await admin.post("/deeds/factory_reset", fields)
        assert refused.status == 409 and "Not now" in refused.text

        lights = await admin.get("/deeds/test_lights?connector=1")  # forced: he is told to be there first
        await admin.post("/deeds/test_lights", {"connector": "1", "check": hidden(lights, "check")})
        assert TechnicianAtWork(login="admin") in asked
        assert (await admin.post("/presence", headers={"X-CSRF-Token": admin.csrf})).json() == {"there": True}
        await admin.post("/logout")
        async with asyncio.timeout(5):
            while TechnicianAtWork(login="admin", is_there=False) not in asked:
                await asyncio.sleep(0.05)
        everything = await vera.get("/commands")
        assert everything.status == 200 and "Block connector 1" in everything.text


def test_the_last_commands_survive_a_torn_line(tmp_path: Path) -> None:
    store = Store(tmp_path)
    known: dict[int, Command] = {}
    for number in range(1, 251):
        known[number] = Command(
            id=number, deed="stop", arguments={"connector": "1"}, by="a", role="operator", planned_at=datetime.now(UTC)
        )
        store.add(known[number], known)
    with (tmp_path / "commands.jsonl").open("ab") as file:
        file.write(b'{"id": 251, "deed": "st')
    again = Store(tmp_path)
    assert list(again.load()) == list(range(51, 251))
    done = Command(id=251, deed="stop", arguments={}, by="a", role="operator", status=Status.SUCCESS)
    again.add(done, known)
    assert Store(tmp_path).load()[251] == done


@pytest.mark.realtime
async def test_what_was_under_way_at_a_crash_is_unknown_and_not_repeated(tmp_path: Path) -> None:
    folder = tmp_path / "webconfig"
    folder.mkdir()
    store = Store(folder)
    told = {"by": "oleg", "role": "operator", "arguments": {"connector": "1"}}
    for command in (
        Command(id=1, deed="stop", status=Status.RECEIVED, **told),  # type: ignore[arg-type]
        Command(id=2, deed="reboot", status=Status.RECEIVED, code="ok", **told),  # type: ignore[arg-type]
    ):
        store.add(command, {})
    asked: list[Any] = []

    def stop(request: Any) -> ActionResult:
        asked.append(request)
        return OK

    async with Bench(tmp_path, answers={"station": {StopCharging: stop}}) as bench:
        client = await bench.log_in("oleg")
        assert "result unknown" in (await client.get("/commands/1")).text
        assert "✓" in (await client.get("/commands/2")).text
        assert asked == []


def test_a_program_has_to_mean_it() -> None:
    one = effect_hash("reboot", {})
    assert one != effect_hash("reboot", {"end_sessions": "1"}) and one == effect_hash("reboot", {})
    assert deed_of("CONNECTOR_STOP") == "stop" and deed_of("stop") == "stop"
    with pytest.raises(KeyError):
        deed_of("nonsense")


def test_every_word_of_central_systems_is_a_deed_with_its_arguments() -> None:
    for word in WORDS_OF_SERVERS:
        assert set(MEANT.get(word, {})) <= {one.name for one in ACTIONS[deed_of(word)].arguments}
    assert MEANT["MODULES_FW_UPDATE"] == {"image": "MODULES"}
    assert deed_of("STATION_SW_UPDATE") == "fetch_update"  # a package from somewhere, not the stick of a technician
    made = ACTIONS[deed_of("STATION_GET_LOGS")]
    assert made.make is not None
    request = made.make(checked(made, {"day": "2026-03-01"}), Asker(login="oleg", role=Role.OPERATOR))
    assert request == PackForSupport(day=date(2026, 3, 1), by="oleg")
    with pytest.raises(BadRequest, match="2026-03-01"):
        made.make(checked(made, {"day": "2026-31-01"}), Asker(login="oleg", role=Role.OPERATOR))


class Desk:
    """Commands beside a station of the test's own, on a bus without sockets to the outside."""

    def __init__(self, buses: dict[str, Bus], folder: Path) -> None:
        self.station = buses["station"]
        self.hub = buses["hub"]
        self.bus = buses["webconfig"]
        self.told: list[Status] = []
        self.commands = Commands(self.bus, self.bus.watch(""), Store(folder))
        self.commands.changed = lambda command: self.told.append(command.status)

    async def order(self, deed: str, **arguments: str) -> Command:
        return await self.commands.order(deed, arguments, Asker("oleg", Role.OPERATOR), guard=Guard.G1)


async def test_a_command_nobody_takes_expires_and_one_that_comes_back_is_done(tmp_path: Path) -> None:
    async with in_process_bus("station", "hub", "webconfig") as buses:
        desk = Desk(buses, tmp_path)
        await desk.commands.load()
        away = ServiceState(name="station", status="restarting", pid=1, restarts=1, since_mono_s=0.0)
        desk.hub.set_state("service/station", away)
        await asyncio.sleep(0.1)
        asked: list[StopCharging] = []

        async def stop(request: StopCharging, _sender: str) -> ActionResult:
            asked.append(request)
            await asyncio.sleep(1.0)
            return OK

        desk.station.serve(StopCharging, stop)
        one = await desk.order("stop", connector="1")
        await asyncio.sleep(149.0)
        assert desk.commands.get(one.id) == one and one.status is Status.PLANNED and asked == []
        await asyncio.sleep(5.0)
        over = desk.commands.get(one.id)
        assert over is not None and over.status is Status.EXPIRED and asked == []
        two = await desk.order("stop", connector="2")
        await asyncio.sleep(20.0)
        desk.hub.set_state("service/station", msgspec.structs.replace(away, status="running"))
        await asyncio.sleep(5.0)
        assert desk.told[-3:] == [Status.PLANNED, Status.RECEIVED, Status.SUCCESS]
        assert [each.connector for each in asked] == [2] and desk.commands.newest(connector=2)[0].id == two.id


async def test_what_is_not_answered_is_unknown_and_not_asked_again(tmp_path: Path) -> None:
    async with in_process_bus("station", "hub", "webconfig") as buses:
        desk = Desk(buses, tmp_path)
        await desk.commands.load()
        asked: list[StopCharging] = []

        async def hang(request: StopCharging, _sender: str) -> ActionResult:
            asked.append(request)
            await asyncio.sleep(1000.0)
            return OK

        desk.station.serve(StopCharging, hang)
        one = await desk.order("stop", connector="1")
        await asyncio.sleep(200.0)
        found = desk.commands.get(one.id)
        assert found is not None and (found.status, found.code) == (Status.UNKNOWN, "no_answer") and len(asked) == 1


async def test_an_emergency_stop_waits_for_no_disk(tmp_path: Path) -> None:
    async with in_process_bus("station", "hub", "webconfig") as buses:
        desk = Desk(buses, tmp_path / "missing")  # a folder that cannot be written to
        asked: list[EmergencyStop] = []

        async def off(request: EmergencyStop, _sender: str) -> ActionResult:
            asked.append(request)
            return OK

        desk.station.serve(EmergencyStop, off)
        one = await desk.order("emergency_stop", connector="0")
        ended = await desk.commands.ended(one.id, 5.0)
        assert asked == [EmergencyStop(connector=0, by="oleg")]
        assert ended is not None and ended.status is Status.SUCCESS


async def test_who_is_silent_is_not_at_work_any_more() -> None:
    def is_there() -> bool:
        return told[-1].is_there

    told: list[TechnicianAtWork] = []
    async with in_process_bus("station", "webconfig") as buses:

        async def at_work(request: TechnicianAtWork, _sender: str) -> ActionResult:
            told.append(request)
            return OK

        buses["station"].serve(TechnicianAtWork, at_work)
        desk, loop = AtWork(buses["webconfig"]), asyncio.get_running_loop()
        visitor = Visitor("tim", Role.TECHNIK, 1, loop.time(), loop.time())
        assert await desk.seen(visitor) and [each.is_there for each in told] == [True]
        for _ in range(5):
            await asyncio.sleep(4.0)
            assert await desk.seen(visitor)
        assert all(each.is_there for each in told) and len(told) >= 5
        await asyncio.sleep(15.0)
        assert not is_there() and not desk.is_there("tim")
        assert await desk.seen(visitor) and is_there()
        visitor.ended.set()
        await asyncio.sleep(0.1)
        assert not is_there()


async def test_a_command_that_waits_is_not_done_for_somebody_who_was_blocked_meanwhile(tmp_path: Path) -> None:
    async with in_process_bus("station", "hub", "webconfig") as buses:
        desk = Desk(buses, tmp_path)
        await desk.commands.load()
        away = ServiceState(name="station", status="restarting", pid=1, restarts=1, since_mono_s=0.0)
        desk.hub.set_state("service/station", away)
        desk.hub.set_state("access/logins", LoginsState(users=(Standing("Oleg", Role.OPERATOR, 1),)))
        asked: list[StopCharging] = []

        async def stop(request: StopCharging, _sender: str) -> ActionResult:
            asked.append(request)
            return OK

        desk.station.serve(StopCharging, stop)
        await asyncio.sleep(0.1)
        one = await desk.order("stop", connector="1")
        desk.hub.set_state("access/logins", LoginsState(users=(Standing("oleg", Role.VIEWER, 2),)))
        await asyncio.sleep(1.0)
        two = await desk.order("stop", connector="2")
        desk.hub.set_state("access/logins", LoginsState())
        desk.hub.set_state("service/station", msgspec.structs.replace(away, status="running"))
        await asyncio.sleep(5.0)
        over = [desk.commands.get(each.id) for each in (one, two)]
        assert [(each.status, each.code) for each in over if each] == [(Status.FAILED, "no_right")] * 2 and not asked
