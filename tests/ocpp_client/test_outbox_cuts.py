"""TCP ends at every byte of a StartTransaction, a StopTransaction and their answers (fault case N028): each transaction
is told once, by identical repeats, whether the server recognises a repeat or gives it a new id."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.ocpp_client.rig import Rig, bench

SIDES = ("cut_request_at", "cut_answer_at")
ACTIONS = ("StartTransaction", "StopTransaction")
LONGEST = {"cut_request_at": 260, "cut_answer_at": 140}
"""More bytes than either frame has, so that a cut right behind it is among them."""
SOME = {"cut_request_at": (0, 1, 5, 8, 60, 130, 200, 260), "cut_answer_at": (0, 1, 2, 9, 50, 90, 140)}


async def tell_with_cuts(rig: Rig, action: str, side: str, offsets: Iterable[int]) -> int:
    """One transaction for each offset, cut there; how many bytes the longest frame of the kind had."""
    await rig.registered()
    number = 0
    for offset in offsets:
        number += 1
        session = 2 * number - 1
        done = rig.ledger.received["StopTransaction"]
        rig.system.on(action, times=1, **{side: offset})
        rig.station.start(session, connector=1 + number % 2, meter_start_wh=1000 * number)
        rig.station.stop(session, connector=1 + number % 2, meter_stop_wh=1000 * number + 500)
        await until_told(rig, done + 1)
        assert rig.ledger.faults() == [], offset
        assert len(rig.ledger.transactions) == number, offset
        await asyncio.sleep(30)  # so that no link ends soon after it was opened
    return number


async def until_told(rig: Rig, stops: int) -> None:
    assert rig.client is not None
    async with asyncio.timeout(600):
        while rig.ledger.received["StopTransaction"] < stops or rig.client._outbox.queued:
            await asyncio.sleep(0.2)


async def check(rig: Rig, action: str, side: str, offsets: Iterable[int], new_ids: bool) -> None:
    rig.system.ledger.repeats_get_a_new_id = new_ids
    count = await tell_with_cuts(rig, action, side, offsets)
    ledger = rig.ledger
    assert all(one.stop is not None and one.energy_wh == 500 for one in ledger.transactions)
    repeats = sum(one.start_repeats + one.stop_repeats for one in ledger.transactions)
    assert repeats > 0 if side == "cut_answer_at" else repeats <= count
    for one in ledger.transactions:
        if new_ids:
            assert one.stop["transactionId"] == one.ids[-1]
        assert one.start_repeats + one.stop_repeats <= 1
    for before, after in pairwise(ledger.transactions):
        assert before.stopped <= after.started


@pytest.mark.parametrize("new_ids", [False, True], ids=["known", "new-id"])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("action", ACTIONS)
async def test_a_cut_at_some_bytes_leaves_one_transaction(
    tmp_path: Path, action: str, side: str, new_ids: bool
) -> None:
    async with bench(tmp_path) as rig:
        await check(rig, action, side, SOME[side], new_ids)


@pytest.mark.long
@pytest.mark.parametrize("new_ids", [False, True], ids=["known", "new-id"])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("action", ACTIONS)
async def test_a_cut_at_every_byte_leaves_one_transaction(
    tmp_path: Path, action: str, side: str, new_ids: bool
) -> None:
    async with bench(tmp_path) as rig:
        await check(rig, action, side, range(LONGEST[side] + 1), new_ids)
