"""The simulated central system behaves, and misbehaves exactly as it is told to."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from ocpp_client.simulated import CallRefused, CentralSystem, NotConnected
from ocpp_client.simulated_rules import HttpAnswer

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
START = {"connectorId": 1, "idTag": "04A1", "meterStart": 1000, "timestamp": "2026-03-01T10:00:00Z"}


@asynccontextmanager
async def station(system: CentralSystem, name: str = "cp", **settings: Any) -> AsyncIterator[ClientConnection]:
    async with connect(
        f"{system.url}/{name}", subprotocols=[Subprotocol("ocpp1.6")], proxy=None, ping_interval=None, **settings
    ) as link:
        yield link


async def ask(link: ClientConnection, action: str, payload: dict[str, Any], unique_id: str = "1") -> list[Any]:
    await link.send(json.dumps([2, unique_id, action, payload]))
    answer: list[Any] = json.loads(await link.recv())
    return answer


async def test_it_answers_a_whole_session_and_keeps_account_of_it() -> None:
    async with CentralSystem() as system, station(system) as link:
        boot = (await ask(link, "BootNotification", BOOT))[2]
        assert (boot["status"], boot["interval"]) == ("Accepted", 300)
        await ask(link, "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"})
        started = (await ask(link, "StartTransaction", START))[2]
        number = started["transactionId"]
        sampled = {"timestamp": "2026-03-01T10:05:00Z", "sampledValue": [{"value": "1500"}]}
        values = {"connectorId": 1, "transactionId": number, "meterValue": [sampled]}
        assert (await ask(link, "MeterValues", values))[2] == {}
        stop = {"transactionId": number, "meterStop": 3000, "timestamp": "2026-03-01T11:00:00Z", "idTag": "04A1"}
        assert (await ask(link, "StopTransaction", stop))[2] == {"idTagInfo": {"status": "Accepted"}}
        assert system.statuses["cp", 1]["status"] == "Preparing"
        assert (system.ledger.faults(), system.ledger.energy_wh()) == ([], 2000)
        assert system.ledger.received["MeterValues"] == 1


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
async def test_a_boot_can_be_put_off(status: str) -> None:
    async with CentralSystem(heartbeat_interval_s=7) as system, station(system) as link:
        system.boot_status = status
        answer = (await ask(link, "BootNotification", BOOT))[2]
        assert (answer["status"], answer["interval"]) == (status, 7)


async def test_cards_have_the_status_of_the_table_whatever_their_case() -> None:
    async with CentralSystem() as system, station(system) as link:
        system.id_tags = {"04a1": "Blocked", "04B2": {"status": "Accepted", "parentIdTag": "FLEET"}}
        system.other_cards = "Invalid"
        said = [(await ask(link, "Authorize", {"idTag": tag}))[2]["idTagInfo"] for tag in ("04A1", "04B2", "04C3")]
        assert said == [{"status": "Blocked"}, {"status": "Accepted", "parentIdTag": "FLEET"}, {"status": "Invalid"}]


async def test_a_repeated_start_gets_the_same_id_or_a_new_one_as_the_mode_says() -> None:
    for new_ids, count, status in ((False, 1, "Accepted"), (True, 2, "ConcurrentTx")):
        async with CentralSystem(repeats_get_a_new_id=new_ids) as system, station(system) as link:
            answers = [(await ask(link, "StartTransaction", START))[2] for _ in range(2)]
            assert len({answer["transactionId"] for answer in answers}) == count
            assert answers[1]["idTagInfo"]["status"] == status
            assert len(system.ledger.transactions) == 1


async def test_actions_it_does_not_know_and_payloads_against_the_schema_are_faults() -> None:
    async with CentralSystem() as system, station(system) as link:
        assert (await ask(link, "Dance", {}))[2] == "NotImplemented"
        await ask(link, "Heartbeat", {"surplus": 1})
        await ask(link, "Authorize", {})
        await link.send("not json")
        await ask(link, "Heartbeat", {})
        faults = system.ledger.faults()
        for text in (
            "Dance, which OCPP 1.6 does not know",
            "Heartbeat breaks the schema",
            "Authorize breaks the schema",
            "Authorize cannot be understood",
            "no OCPP frame: not json",
        ):
            assert any(text in fault for fault in faults), text


async def test_an_answer_can_be_delayed_while_other_traffic_goes_on() -> None:
    async with CentralSystem() as system, station(system) as link:
        system.on("Heartbeat", delay_s=35.0, times=1)
        begun = asyncio.get_running_loop().time()
        await link.send(json.dumps([2, "late", "Heartbeat", {}]))
        assert (await ask(link, "Authorize", {"idTag": "04A1"}, "soon"))[1] == "soon"
        assert asyncio.get_running_loop().time() - begun < 1.0
        assert json.loads(await link.recv())[1] == "late"
        assert asyncio.get_running_loop().time() - begun >= 35.0


async def test_a_dropped_answer_leaves_the_call_processed() -> None:
    async with CentralSystem() as system, station(system) as link:
        system.on("StartTransaction", drop=True, times=1)
        await link.send(json.dumps([2, "1", "StartTransaction", START]))
        assert (await ask(link, "StartTransaction", START, "2"))[1] == "2"
        (transaction,) = system.ledger.transactions
        assert (transaction.start_repeats, transaction.needless_repeats) == (1, 0)


async def test_callerror_comes_as_often_as_told_and_does_not_count() -> None:
    async with CentralSystem() as system, station(system) as link:
        system.on("StartTransaction", skip=1, error="InternalError", times=2)
        later = [START | {"timestamp": f"2026-03-01T10:0{n}:00Z", "connectorId": n + 1} for n in range(4)]
        kinds = [(await ask(link, "StartTransaction", payload))[0] for payload in later]
        assert kinds == [3, 4, 4, 3]
        assert [one.connector for one in system.ledger.transactions] == [1, 4]


@pytest.mark.parametrize(("what", "processed"), [({"close_before": True}, 0), ({"close_after": True}, 1)])
async def test_the_connection_ends_before_or_after_the_nth_message(what: dict[str, bool], processed: int) -> None:
    async with CentralSystem() as system:
        system.on("StartTransaction", skip=1, times=1, **what)
        with pytest.raises(ConnectionClosed):
            async with station(system) as link:
                await ask(link, "StartTransaction", START)
                await ask(link, "StartTransaction", START | {"connectorId": 2, "timestamp": "2026-03-01T10:01:00Z"})
                await link.recv()
        assert len(system.ledger.transactions) == 1 + processed
        async with station(system) as link:
            assert (await ask(link, "Heartbeat", {}))[0] == 3


@pytest.mark.parametrize(("what", "processed"), [("cut_request_at", False), ("cut_answer_at", True)])
@pytest.mark.parametrize("offset", [0, 1, 2, 7, 60])
async def test_tcp_breaks_at_any_byte_of_a_call_or_of_its_answer(what: str, processed: bool, offset: int) -> None:
    async with CentralSystem() as system:
        system.on("StartTransaction", times=1, **{what: offset})
        with pytest.raises(ConnectionClosed):
            async with station(system) as link:
                await ask(link, "StartTransaction", START)
        await system.until(lambda: not system.links)
        assert (len(system.ledger.transactions) == 1) is processed
        async with station(system) as link:
            assert "transactionId" in (await ask(link, "StartTransaction", START))[2]
        assert len(system.ledger.transactions) == 1
        assert system.ledger.transactions[0].needless_repeats == 0


async def test_an_answer_can_trickle_and_arrives_whole() -> None:
    async with CentralSystem() as system, station(system) as link:
        system.on("Heartbeat", byte_gap_s=10.0)
        begun = asyncio.get_running_loop().time()
        assert (await ask(link, "Heartbeat", {}))[0] == 3
        assert asyncio.get_running_loop().time() - begun > 400.0


async def test_wrong_answers_raw_frames_and_strays_can_be_sent() -> None:
    async with CentralSystem() as system, station(system) as link:
        system.on("StartTransaction", answer={"transactionId": "seven"}, times=1)
        system.on("StartTransaction", raw="{broken", times=1)
        system.on("StartTransaction", before=('[3,"stray",{}]',), after=('[3,"{id}",{}]',), times=1)
        assert (await ask(link, "StartTransaction", START))[2] == {"transactionId": "seven"}
        await link.send(json.dumps([2, "2", "StartTransaction", START]))
        assert await link.recv() == "{broken"
        await link.send(json.dumps([2, "3", "StartTransaction", START]))
        ids = [json.loads(await link.recv())[1] for _ in range(3)]
        assert ids == ["stray", "3", "3"]
        await system.send_raw("cp", "x" * 300_000)
        assert len(await link.recv()) == 300_000
        assert system.ledger.transactions[0].needless_repeats == 0


async def test_it_calls_stations_and_says_what_they_answer() -> None:
    async with CentralSystem() as system, station(system) as link:
        await system.until_connected("cp")
        call = asyncio.create_task(system.call("cp", "RemoteStartTransaction", {"idTag": "04A1", "connectorId": 2}))
        _, unique_id, action, payload = json.loads(await link.recv())
        assert (action, payload) == ("RemoteStartTransaction", {"idTag": "04A1", "connectorId": 2})
        await link.send(json.dumps([3, unique_id, {"status": "Accepted"}]))
        assert await call == {"status": "Accepted"}

        call = asyncio.create_task(system.call("cp", "Reset", {"type": "Soft"}))
        await link.send(json.dumps([4, json.loads(await link.recv())[1], "NotSupported", "no", {}]))
        with pytest.raises(CallRefused, match="NotSupported"):
            await call

        with pytest.raises(TimeoutError):
            await system.call("cp", "ClearCache", timeout_s=30.0)
        with pytest.raises(NotConnected, match="connected are: cp"):
            await system.call("other", "ClearCache")


async def test_a_call_ends_when_its_station_goes_away() -> None:
    async with CentralSystem() as system:
        async with station(system) as link:
            call = asyncio.create_task(system.call("cp", "ClearCache"))
            await link.recv()
        with pytest.raises(NotConnected, match="before it answered ClearCache"):
            await call


async def test_a_wrong_answer_to_a_call_is_a_fault() -> None:
    async with CentralSystem() as system, station(system) as link:
        await system.until_connected("cp")
        call = asyncio.create_task(system.call("cp", "ClearCache"))
        await link.send(json.dumps([3, json.loads(await link.recv())[1], {"status": "Perhaps"}]))
        assert await call == {"status": "Perhaps"}
        assert any("ClearCache breaks the schema" in fault for fault in system.ledger.faults())


async def test_it_can_go_away_and_come_back_on_the_same_port() -> None:
    async with CentralSystem() as system:
        url = system.url
        with pytest.raises(ConnectionClosed):
            async with station(system) as link:
                await system.until_connected("cp")
                await system.go_away()
                await link.recv()
        with pytest.raises(OSError):
            async with station(system):
                pass
        await system.come_back()
        assert system.url == url
        async with station(system) as link:
            assert (await ask(link, "Heartbeat", {}))[0] == 3


async def test_a_half_open_link_swallows_everything_in_silence() -> None:
    async with CentralSystem() as system, station(system, close_timeout=1) as link:
        await ask(link, "Heartbeat", {})
        system.deafen("cp")
        await link.ping()
        await link.send(json.dumps([2, "2", "Heartbeat", {}]))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await link.recv()
        assert system.ledger.received["Heartbeat"] == 1


async def test_a_handshake_can_be_answered_with_any_http() -> None:
    async with CentralSystem() as system:
        system.http_answer = HttpAnswer(status=429, headers={"Retry-After": "17"}, body="later")
        with pytest.raises(InvalidStatus) as refused:
            async with station(system):
                pass
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["Retry-After"] == "17"
        assert [(one.station, one.status) for one in system.connects] == [("cp", 429)]


async def test_a_password_is_wanted_where_one_is_set() -> None:
    async with CentralSystem() as system:
        system.passwords = {"cp": "secret"}
        with pytest.raises(InvalidStatus, match="401"):
            async with station(system):
                pass
        header = "Basic " + base64.b64encode(b"cp:secret").decode()
        async with station(system, additional_headers={"Authorization": header}) as link:
            assert (await ask(link, "Heartbeat", {}))[0] == 3


async def test_a_second_connection_of_the_same_name_ends_the_first_and_is_counted() -> None:
    async with CentralSystem() as system:
        async with station(system) as first:
            await system.until_connected("cp")
            async with station(system) as second:
                assert (await ask(second, "Heartbeat", {}))[0] == 3
                with pytest.raises(ConnectionClosed):
                    await first.recv()
        assert system.doubles == 1


@pytest.mark.realtime
async def test_its_own_process_says_where_it_is_obeys_its_door_and_ends_at_once() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ocpp_client.simulated", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        said = json.loads(await process.stdout.readline())
        url, control = said["url"], said["control"]
        async with (
            aiohttp.ClientSession(control) as door,
            connect(f"{url}/cp", subprotocols=[Subprotocol("ocpp1.6")], proxy=None) as link,
        ):
            await door.post("/settings", json={"id_tags": {"04A1": "Blocked"}})
            assert (await ask(link, "Authorize", {"idTag": "04A1"}))[2] == {"idTagInfo": {"status": "Blocked"}}
            await door.post("/rules", json={"action": "Heartbeat", "error": "GenericError", "times": 1})
            assert (await ask(link, "Heartbeat", {}))[0] == 4
            call = asyncio.create_task(door.post("/stations/cp/call", json={"action": "ClearCache"}))
            await link.send(json.dumps([3, json.loads(await link.recv())[1], {"status": "Accepted"}]))
            assert await (await call).json() == {"payload": {"status": "Accepted"}}
            await ask(link, "StartTransaction", START)
            ledger = await (await door.get("/ledger")).json()
            assert ledger["faults_so_far"] == []
            assert [row["id_tag"] for row in ledger["transactions"]] == ["04A1"]
            messages = await (await door.get("/messages")).json()
            assert [one["action"] for one in messages if one["kind"] == "call" and not one["to_station"]] == [
                "Authorize", "Heartbeat", "StartTransaction",
            ]  # fmt: skip
            begun = asyncio.get_running_loop().time()
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
            assert asyncio.get_running_loop().time() - begun < 1.0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
