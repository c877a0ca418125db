"""The exchange over a fake link: one request at a time, bounded queues, no frame that ends the reading."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpp_client import schemas
from ocpp_client.costs import COSTS
from ocpp_client.frames import INTERNAL_ERROR, NOT_IMPLEMENTED, NOT_SUPPORTED, Payload
from ocpp_client.rpc import (
    MAX_REFUSALS,
    MAX_WAITING,
    CallFault,
    Handler,
    LinkLost,
    NoAnswer,
    Refused,
    Reply,
    Rpc,
    Unsendable,
)
from tests.conftest import run_async
from tests.ocpp_client.test_frames import JSON

TIME = {"currentTime": "2026-01-01T00:00:00Z"}


class FakeLink:
    """The server's end, in memory."""

    def __init__(self) -> None:
        self._incoming: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self.sent: list[Any] = []
        self.answers: dict[str, Any] = {"Heartbeat": TIME}
        """What is answered at once to an action; None: nothing."""

    async def recv(self, decode: bool | None = None) -> bytes:
        item = await self._incoming.get()
        if isinstance(item, Exception):
            raise item
        return item

    async def send(self, message: bytes, *, text: bool | None = None) -> None:
        frame = json.loads(message)
        self.sent.append(frame)
        if frame[0] == 2 and self.answers.get(frame[2]) is not None:
            self.put([3, frame[1], self.answers[frame[2]]])
        await asyncio.sleep(0)

    def put(self, frame: Any) -> None:
        self._incoming.put_nowait(frame if isinstance(frame, bytes | Exception) else json.dumps(frame).encode())

    def replies(self) -> list[Any]:
        return [frame for frame in self.sent if frame[0] in (3, 4)]


class Watcher:
    def __init__(self) -> None:
        self.faults = 0

    def frame(self, direction: str, action: str, text: bytes, latency_s: float | None) -> None:
        pass

    def invalid(self, text: str) -> None:
        self.faults += 1


class Router:
    def __init__(self) -> None:
        self.done: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.is_silent = False
        self.rpc: Rpc | None = None

    def handler(self, action: str) -> tuple[Handler, bool]:
        if action == "GetConfiguration":
            return self._configuration, False
        if action == "Reset":
            return self._reset, False
        if action == "TriggerMessage":
            return self._trigger, False
        if action == "UnlockConnector":
            return self._unlock, True
        if action == "ClearCache":
            return self._broken, False
        raise CallFault(NOT_SUPPORTED if action in schemas.actions() else NOT_IMPLEMENTED, action[:50])

    async def _configuration(self, payload: Payload) -> Reply:
        await self.gate.wait()
        self.done.append("GetConfiguration")
        return Reply({"configurationKey": [], "unknownKey": payload.get("key", [])})

    async def _reset(self, payload: Payload) -> Reply:
        async def after() -> None:
            self.done.append("after")

        self.done.append(payload["type"])
        return Reply({"status": "Accepted"}, then=after)

    async def _trigger(self, _payload: Payload) -> Reply:
        assert self.rpc is not None
        await self.rpc.call("Heartbeat", {})
        return Reply({"status": "Accepted"})

    async def _unlock(self, _payload: Payload) -> Reply:
        await self.gate.wait()
        return Reply({"status": "Unlocked"})

    async def _broken(self, _payload: Payload) -> Reply:
        raise RuntimeError("a bug")


@asynccontextmanager
async def exchange(timeout_s: float = 30.0) -> AsyncIterator[tuple[Rpc, FakeLink, Router]]:
    rpc, link, router = Rpc(Watcher(), timeout_s), FakeLink(), Router()
    rpc.router, router.rpc = router, rpc
    serving = asyncio.create_task(rpc.serve(link))
    await rpc.connected.wait()
    try:
        yield rpc, link, router
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await rpc.close()


async def settled() -> None:
    await asyncio.sleep(0.1)


@pytest.mark.ocpp("J4.2-call", "J4.2-result")
async def test_a_request_gets_its_answer() -> None:
    async with exchange() as (rpc, link, _):
        assert await rpc.call("Heartbeat", {}) == TIME
        assert link.sent[0][0] == 2 and len(link.sent[0][1]) <= 36


@pytest.mark.ocpp("J4.1-one-at-a-time")
async def test_one_request_is_under_way_at_a_time() -> None:
    async with exchange() as (rpc, link, _):
        link.answers.clear()
        calls = [asyncio.create_task(rpc.call("Heartbeat", {})) for _ in range(3)]
        for count in (1, 2, 3):
            await settled()
            assert len(link.sent) == count
            link.put([3, link.sent[-1][1], TIME])
        await asyncio.gather(*calls)


@pytest.mark.ocpp("J4.1-timeout", "J4.2-unknown-result")
async def test_no_answer_in_time_is_the_servers_failure_and_a_late_one_is_dropped() -> None:
    async with exchange(timeout_s=30) as (rpc, link, _):
        link.answers.clear()
        with pytest.raises(NoAnswer, match="30 s"):
            await rpc.call("Heartbeat", {})
        late = link.sent[0][1]
        link.answers["Heartbeat"] = None
        second = asyncio.create_task(rpc.call("Heartbeat", {}))
        await settled()
        link.put([3, late, {"currentTime": "2000-01-01T00:00:00Z"}])
        await settled()
        assert not second.done() and rpc.strays == 1
        link.put([3, link.sent[-1][1], TIME])
        assert await second == TIME


@pytest.mark.ocpp("J4.2-error-answer")
async def test_a_refusal_carries_its_code() -> None:
    async with exchange() as (rpc, link, _):
        link.answers.clear()
        call = asyncio.create_task(rpc.call("Heartbeat", {}))
        await settled()
        link.put([4, link.sent[0][1], "InternalError", "busy", {}])
        with pytest.raises(Refused, match="InternalError: busy"):
            await call


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"transactionId": 1},
        {"idTagInfo": {"status": "Accepted"}},
        {"idTagInfo": {"status": "X"}, "transactionId": 1},
    ],
)
async def test_an_answer_of_wrong_shape_is_no_answer(answer: Payload) -> None:
    async with exchange() as (rpc, link, _):
        link.answers["StartTransaction"] = answer
        start = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}
        with pytest.raises(NoAnswer, match="wrong"):
            await rpc.call("StartTransaction", start)


@pytest.mark.ocpp("3.9-idtag-length")
async def test_our_own_faults_never_leave() -> None:
    async with exchange() as (rpc, link, _):
        with pytest.raises(Unsendable, match="idTag"):
            await rpc.call("Authorize", {"idTag": "x" * 21})
        assert link.sent == []


async def test_a_lost_link_ends_the_waiting_request() -> None:
    rpc, link = Rpc(Watcher(), 30.0), FakeLink()
    rpc.router = Router()
    link.answers.clear()
    serving = asyncio.create_task(rpc.serve(link))
    await rpc.connected.wait()
    call = asyncio.create_task(rpc.call("Heartbeat", {}))
    await settled()
    link.put(ConnectionResetError("gone"))
    with pytest.raises(LinkLost):
        await call
    with pytest.raises(ConnectionResetError):
        await serving
    assert not rpc.connected.is_set()
    with pytest.raises(LinkLost):
        await rpc.call("Heartbeat", {})


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ([2, "1", "MakeCoffee", {}], "NotImplemented"),
        ([2, "1", "GetDiagnostics", {"location": "ftp://x"}], "NotSupported"),
        ([2, "1", "Heartbeat", {}], "NotSupported"),
        ([2, "1", "Reset", {}], "OccurenceConstraintViolation"),
        ([2, "1", "Reset", {"type": 1}], "TypeConstraintViolation"),
        ([2, "1", "Reset", {"type": "Warm"}], "PropertyConstraintViolation"),
        ([2, "1", "Reset", []], "FormationViolation"),
        ([2, "1", "Reset"], "FormationViolation"),
        ([2, "1", "ClearCache", {}], "InternalError"),
    ],
)
@pytest.mark.ocpp(
    "J4.2-FormationViolation",
    "J4.2-PropertyConstraintViolation",
    "J4.2-OccurenceConstraintViolation",
    "J4.2-TypeConstraintViolation",
    "J4.2-InternalError",
)
async def test_bad_requests_get_their_code_and_the_next_one_its_answer(frame: Any, code: str) -> None:
    async with exchange() as (_, link, router):
        link.put(frame)
        link.put([2, "2", "GetConfiguration", {}])
        await settled()
        assert [reply[:3] for reply in link.sent] == [
            [4, "1", code],
            [3, "2", {"configurationKey": [], "unknownKey": []}],
        ]
        assert router.done == ["GetConfiguration"]


@pytest.mark.ocpp("J4.2-duplicate")
async def test_a_repeated_request_is_done_once_and_answered_again() -> None:
    async with exchange() as (rpc, link, router):
        for _ in range(3):
            link.put([2, "1", "Reset", {"type": "Soft"}])
            await settled()
        assert router.done == ["Soft", "after"]
        assert link.sent == [[3, "1", {"status": "Accepted"}]] * 3
        assert rpc.repeated == 2


async def test_a_request_repeated_before_it_is_answered_is_done_once() -> None:
    async with exchange() as (_, link, router):
        router.gate.clear()
        for _ in range(3):
            link.put([2, "1", "GetConfiguration", {}])
        await settled()
        router.gate.set()
        await settled()
        assert router.done == ["GetConfiguration"] and len(link.sent) == 1


async def test_another_request_with_a_used_id_is_done() -> None:
    async with exchange() as (_, link, router):
        link.put([2, "1", "Reset", {"type": "Soft"}])
        link.put([2, "1", "Reset", {"type": "Hard"}])
        await settled()
        assert [deed for deed in router.done if deed != "after"] == ["Soft", "Hard"]


@pytest.mark.ocpp("5.17-accepted-first")
async def test_what_a_handler_wants_to_do_afterwards_comes_after_its_answer() -> None:
    async with exchange() as (_, link, router):
        link.put([2, "1", "Reset", {"type": "Soft"}])
        while "after" not in router.done:
            await asyncio.sleep(0)
        assert link.sent == [[3, "1", {"status": "Accepted"}]]


async def test_handlers_may_send_requests_themselves() -> None:
    async with exchange() as (_, link, _router):
        link.put([2, "1", "TriggerMessage", {"requestedMessage": "Heartbeat"}])
        await settled()
        assert [frame[0] for frame in link.sent] == [2, 3]


async def test_a_slow_request_holds_up_no_other() -> None:
    async with exchange() as (_, link, router):
        router.gate.clear()
        link.put([2, "1", "UnlockConnector", {"connectorId": 1}])
        link.put([2, "2", "Reset", {"type": "Soft"}])
        await settled()
        assert [frame[1] for frame in link.sent] == ["2"]
        router.gate.set()
        await settled()
        assert [frame[1] for frame in link.sent] == ["2", "1"]


@pytest.mark.ocpp("J4.1-answer-meanwhile")
async def test_a_hundred_requests_while_ours_is_pending_are_all_answered() -> None:
    async with exchange() as (rpc, link, _):
        link.answers.clear()
        ours = asyncio.create_task(rpc.call("Heartbeat", {}))
        await settled()
        for number in range(100):
            link.put([2, str(number), "GetConfiguration", {}])
        await settled()
        assert len(link.replies()) == 100 and not ours.done()
        link.put([3, link.sent[0][1], TIME])
        assert await ours == TIME


async def test_a_flood_is_refused_at_the_bound() -> None:
    async with exchange() as (_, link, router):
        router.gate.clear()
        count = MAX_WAITING + MAX_REFUSALS + 500
        for number in range(count):
            link.put([2, str(number), "GetConfiguration", {}])
        await settled()
        router.gate.set()
        await settled()
        refused = [reply for reply in link.replies() if reply[0] == 4]
        assert {reply[2] for reply in refused} == {INTERNAL_ERROR}
        assert MAX_WAITING <= len(router.done) <= MAX_WAITING + 2
        assert len(link.replies()) <= MAX_WAITING + MAX_REFUSALS + 2


@pytest.mark.ocpp("J4.2-unknown-result")
async def test_strays_and_doubles_are_counted_and_forgotten() -> None:
    async with exchange() as (rpc, link, _):
        for number in range(1000):
            link.put([3, f"stray-{number}", {}])
        link.put([4, "stray", "InternalError", "", {}])
        await settled()
        assert rpc.strays == 1001
        assert await rpc.call("Heartbeat", {}) == TIME


@pytest.mark.parametrize(
    "answer", ['[3,"{id}"]', '[3,"{id}",[]]', '[3,"{id}",null]', '[3,"{id}",{"currentTime":NaN}]', '[4,"{id}",']
)
async def test_an_answer_that_cannot_be_read_ends_the_wait_at_once(answer: str) -> None:
    async with exchange() as (rpc, link, _):
        link.answers.clear()
        begun_s = asyncio.get_running_loop().time()
        call = asyncio.create_task(rpc.call("Heartbeat", {}))
        await settled()
        link.put(answer.replace("{id}", link.sent[0][1]).encode())
        with pytest.raises(NoAnswer, match="cannot be read"):
            await call
        assert asyncio.get_running_loop().time() - begun_s < 1.0


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ([4, "{id}"], ""),
        ([4, "{id}", None, None, None], ""),
        ([4, "{id}", 7, ["x"], "y"], ""),
        ([4, "{id}", "InternalError"], "InternalError"),
        ([4, "{id}", "My own code", "x" * 5000, {"a": 1}, "more"], "My own code"),
    ],
)
@pytest.mark.ocpp("J4.2-error-answer")
async def test_refusals_of_odd_shapes_are_refusals(answer: list[Any], code: str) -> None:
    async with exchange() as (rpc, link, _):
        link.answers.clear()
        call = asyncio.create_task(rpc.call("Heartbeat", {}))
        await settled()
        link.put([link.sent[0][1] if part == "{id}" else part for part in answer])
        with pytest.raises(Refused) as refusal:
            await call
        assert refusal.value.code == code and len(str(refusal.value)) < 600


async def test_a_request_with_an_empty_id_is_answered_each_time_anew() -> None:
    async with exchange() as (_, link, router):
        for _ in range(2):
            link.put([2, "", "GetConfiguration", {}])
            await settled()
        assert router.done == ["GetConfiguration"] * 2
        assert [reply[:2] for reply in link.sent] == [[3, ""]] * 2


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ('{"connectorId":"1"}', "TypeConstraintViolation"),
        ('{"connectorId":1.5}', "TypeConstraintViolation"),
        ('{"connectorId":1e2}', "TypeConstraintViolation"),
        ('{"connectorId":true}', "TypeConstraintViolation"),
        ('{"connectorId":null}', "TypeConstraintViolation"),
        ('{"connectorId":99999999999999999999}', "PropertyConstraintViolation"),
        ('{"connectorId":NaN}', "FormationViolation"),
        ('{"connectorId":-Infinity}', "FormationViolation"),
        ('{"connectorId":1e999}', "FormationViolation"),
        ("{}", "OccurenceConstraintViolation"),
    ],
)
@pytest.mark.ocpp("J4.2-TypeConstraintViolation")
async def test_numbers_that_are_none_get_their_code(payload: str, code: str) -> None:
    async with exchange() as (_, link, _router):
        link.put(f'[2,"1","UnlockConnector",{payload}]'.encode())
        await settled()
        assert [reply[:3] for reply in link.sent] == [[4, "1", code]]


async def test_text_that_is_no_unicode_is_refused_with_its_id() -> None:
    async with exchange() as (rpc, link, router):
        link.put(b'[2,"1","GetConfiguration",{"key":["\xff\xfe"]}]')
        link.put(b'[2,"2","GetConfiguration",{"key":["\\ud800"]}]')
        link.put(b'[2,"3","GetConfiguration",{"key":["\\ud83d\\ude00"]}]')
        await settled()
        first, second, third = sorted(link.sent, key=lambda reply: reply[1])
        assert first[:3] == [4, "1", "FormationViolation"] and second[:3] == [4, "2", "FormationViolation"]
        assert third == [3, "3", {"configurationKey": [], "unknownKey": ["\U0001f600"]}]
        assert rpc.invalid == 2 and router.done == ["GetConfiguration"]


async def test_message_types_that_are_none_are_ignored() -> None:
    async with exchange() as (rpc, link, _):
        kinds: list[Any] = [0, 1, 5, -2, 99, "2", 2.5, None, True, [2], {}]
        for kind in kinds:
            link.put([kind, "1", "GetConfiguration", {}])
        await settled()
        assert link.sent == [] and rpc.invalid == 11


async def test_fifty_reads_a_second_are_served_for_as_long_as_they_come() -> None:
    async with exchange() as (_, link, router):
        for number in range(3000):
            link.put([2, str(number), "GetConfiguration", {}])
            await asyncio.sleep(0.02)
        assert len(router.done) == 3000 and not [reply for reply in link.sent if reply[0] == 4]


async def test_what_is_asked_too_often_is_refused_and_served_again_later() -> None:
    async with exchange() as (_, link, router):
        burst = int(COSTS["Reset"].burst)
        for number in range(burst + 5):
            link.put([2, str(number), "Reset", {"type": "Soft"}])
            await settled()
        assert router.done.count("Soft") == burst
        refused = [reply for reply in link.sent if reply[0] == 4]
        assert len(refused) == 5 and {reply[2] for reply in refused} == {"GenericError"}
        assert "too often; again in" in refused[0][3]
        await asyncio.sleep(30)
        link.put([2, str(burst), "Reset", {"type": "Soft"}])  # the very request that was refused
        await settled()
        assert router.done.count("Soft") == burst + 1
        assert len(link.replies()) == burst + 6


async def test_the_bounds_hold_across_links() -> None:
    rpc, router = Rpc(Watcher(), 30.0), Router()
    rpc.router = router
    for _ in range(3):
        link = FakeLink()
        serving = asyncio.create_task(rpc.serve(link))
        for number in range(10):
            link.put([2, str(number), "Reset", {"type": "Hard"}])
        await settled()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert router.done.count("Hard") == COSTS["Reset"].burst
    await rpc.close()


def test_every_request_of_the_server_has_a_cost_or_is_answered_from_memory() -> None:
    ours = {
        "Authorize", "BootNotification", "DiagnosticsStatusNotification", "FirmwareStatusNotification", "Heartbeat",
        "LogStatusNotification", "MeterValues", "SecurityEventNotification", "SignCertificate",
        "SignedFirmwareStatusNotification", "StartTransaction", "StatusNotification", "StopTransaction",
    }  # fmt: skip
    assert schemas.actions() - ours - set(COSTS) == {"GetConfiguration", "GetLocalListVersion"}
    assert set(COSTS) <= schemas.actions()


async def flood_of_strays(count: int) -> int:
    """Bytes that stay behind after so many answers to nothing and repeated requests."""
    async with exchange() as (rpc, link, _):
        for number in range(1000):
            rpc._sort(f'[3,"s{number}",{{}}]'.encode())
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for number in range(count):
            rpc._sort(f'[3,"stray-{number}",{{"a":"{"x" * 50}"}}]'.encode())
            rpc._sort(f'[4,"stray-{number}","InternalError","",{{}}]'.encode())
            if number % 1000 == 0:
                await asyncio.sleep(0)
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert rpc.strays == 1000 + 2 * count
        assert await rpc.call("Heartbeat", {}) == TIME and len(link.sent) == 1
        return grown


async def test_strays_leave_nothing_behind() -> None:
    assert await flood_of_strays(5000) < 50_000


@pytest.mark.long
async def test_a_hundred_thousand_strays_leave_nothing_behind() -> None:
    assert await flood_of_strays(50_000) < 50_000


@pytest.mark.ocpp("4.2-rejected-silent")
async def test_while_rejected_nothing_is_answered() -> None:
    async with exchange() as (_, link, router):
        router.is_silent = True
        link.put([2, "1", "GetConfiguration", {}])
        await settled()
        assert link.sent == []


def survive(frames: list[bytes]) -> None:
    """Feed frames; afterwards a request of the server is still answered and ours still gets through."""

    async def feed() -> None:
        async with exchange() as (rpc, link, _):
            for frame in frames:
                link.put(frame)
            link.put([2, "last", "GetConfiguration", {}])
            await settled()
            assert [3, "last"] in [frame[:2] for frame in link.sent]
            assert await rpc.call("Heartbeat", {}) == TIME

    run_async(feed, is_real=False)


ACTIONS = st.sampled_from(["GetConfiguration", "Reset", "UnlockConnector", "MakeCoffee", "TriggerMessage", "Heartbeat"])
FRAMES = st.one_of(
    st.binary(max_size=60),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.tuples(st.sampled_from([2, 3, 4, 5, "2"]), st.text(max_size=40) | JSON, ACTIONS | JSON, JSON).map(
        lambda frame: json.dumps(frame).encode()
    ),
    st.tuples(ACTIONS, st.dictionaries(st.sampled_from(["type", "key", "connectorId", "requestedMessage"]), JSON)).map(
        lambda call: json.dumps([2, "x", *call]).encode()
    ),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(FRAMES, max_size=30))
@pytest.mark.ocpp("J4.2-garbage")
def test_no_frame_ends_the_reading(frames: list[bytes]) -> None:
    survive([frame for frame in frames if not frame.startswith(b'[2, "last"')])


@pytest.mark.long
@settings(max_examples=2000, deadline=None)
@given(st.lists(FRAMES, min_size=50, max_size=60))
@pytest.mark.ocpp("J4.2-garbage")
def test_no_frame_of_a_hundred_thousand_ends_the_reading(frames: list[bytes]) -> None:
    survive([frame for frame in frames if not frame.startswith(b'[2, "last"')])


async def test_an_answer_leaves_before_the_request_that_follows_from_it() -> None:
    async with exchange() as (rpc, link, router):
        router.gate.clear()
        link.put([2, "9", "GetConfiguration", {}])
        await settled()
        calling = asyncio.create_task(rpc.call("Heartbeat", {}))
        await asyncio.sleep(0.5)
        assert link.sent == []
        router.gate.set()
        await settled()
        assert [frame[0] for frame in link.sent] == [3, 2]
        link.put([3, link.sent[1][1], {"currentTime": "2026-01-01T00:00:00Z"}])
        await calling


async def test_an_answer_that_takes_long_holds_our_requests_up_for_a_second_only() -> None:
    async with exchange() as (rpc, link, router):
        router.gate.clear()
        link.put([2, "9", "GetConfiguration", {}])
        await settled()
        calling = asyncio.create_task(rpc.call("Heartbeat", {}))
        await asyncio.sleep(1.1)
        assert [frame[0] for frame in link.sent] == [2]
        link.put([3, link.sent[0][1], {"currentTime": "2026-01-01T00:00:00Z"}])
        await calling
        router.gate.set()
