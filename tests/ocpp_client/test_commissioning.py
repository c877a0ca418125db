"""Requests sent by hand, and the frames kept for those who look."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from chargepoint.messages import CallCentralSystem, CentralSystemAnswer, FramesPage, ReadFrames
from ocpp_client.exchange_log import MAX_CHARACTERS, MAX_FRAMES, ExchangeLog
from tests.ocpp_client.rig import NOW, Rig, bench


async def send(rig: Rig, action: str, payload: str = "{}") -> CentralSystemAnswer:
    return await rig.buses["admin"].call("ocpp", CallCentralSystem(action=action, payload=payload, by="test"), 60.0)


async def test_a_request_by_hand_gets_the_answer_of_the_central_system(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.system.id_tags["CARD9"] = "Blocked"
        answer = await send(rig, "Authorize", '{"idTag": "CARD9"}')
        assert answer.ok
        assert msgspec.json.decode(answer.payload) == {"idTagInfo": {"status": "Blocked"}}


@pytest.mark.parametrize(
    ("action", "payload", "why"),
    [
        ("StartTransaction", "{}", "from the journal alone"),
        ("GetConfiguration", "{}", "request of the central system"),
        ("MakeCoffee", "{}", "no such action"),
        ("Authorize", "{", "no JSON text"),
        ("Authorize", "[1]", "must be a JSON object"),
        ("Authorize", "{}", "idTag is missing"),
        ("Heartbeat", "[" * 5000, "no JSON text"),
    ],
)
async def test_what_may_not_be_sent_is_refused_with_the_reason(
    tmp_path: Path, action: str, payload: str, why: str
) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        before = len(rig.ledger.calls(action))
        answer = await send(rig, action, payload)
        assert not answer.ok and why in answer.text
        assert len(rig.ledger.calls(action)) == before


async def test_a_refusal_of_the_central_system_is_told(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.system.on("DataTransfer", times=1, error="NotSupported")
        answer = await send(rig, "DataTransfer", '{"vendorId": "acme"}')
        assert not answer.ok and "CALLERROR NotSupported" in answer.text


async def test_before_we_are_accepted_only_bootnotification_may_be_sent(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.system.boot_status = "Pending"
        await rig.boot()
        await rig.system.until_received("BootNotification")
        await asyncio.sleep(0.1)
        assert "has not accepted" in (await send(rig, "Heartbeat")).text
        boot = '{"chargePointVendor": "Maker", "chargePointModel": "Post"}'
        assert msgspec.json.decode((await send(rig, "BootNotification", boot)).payload)["status"] == "Pending"


async def test_without_link_a_request_by_hand_is_refused_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path, is_there=False) as rig:
        await rig.boot()
        await asyncio.sleep(1)
        assert "no link" in (await send(rig, "Heartbeat")).text


async def test_the_last_frames_are_kept_with_time_and_number(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        page = await rig.buses["admin"].call("ocpp", ReadFrames(limit=3))
        assert isinstance(page, FramesPage)
        assert len(page.frames) == 3
        numbers = [frame.number for frame in page.frames]
        assert numbers == list(range(numbers[0], numbers[0] + 3))
        assert all(frame.at is not None and frame.at >= NOW for frame in page.frames)


def test_the_frame_log_is_bounded_in_number_and_size() -> None:
    known: datetime | None = None
    log = ExchangeLog(lambda: known)
    for _ in range(MAX_FRAMES + 50):
        log.add("out", "Heartbeat", "x", None)
    assert (len(log._frames), log._frames[-1].number) == (MAX_FRAMES, MAX_FRAMES + 50)
    for _ in range(60):
        log.add("in", "", "x" * 16_000, None)
    assert sum(len(frame.text) for frame in log._frames) <= MAX_CHARACTERS
    assert log._frames[-1].at is None
