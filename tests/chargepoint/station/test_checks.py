"""A card that is being checked can be taken back by its driver, and by nothing else."""

from __future__ import annotations

import asyncio

import pytest

from chargepoint.masking import mask
from chargepoint.messages import CancelCard, PresentCard
from chargepoint.station.checks import Check, Checks

UID = "04A2B3C4"
CARD = PresentCard(reader="front", uid=UID)
CANCEL = CancelCard(reader="front", card=mask(UID))


async def yes() -> str:
    await asyncio.sleep(5)
    return "yes"


async def outcome(checks: Checks, request: PresentCard = CARD) -> str | None:
    with checks.of(request) as check:
        return await check.ask(yes())


async def test_a_check_that_nobody_cancels_brings_its_answer() -> None:
    assert await outcome(Checks()) == "yes"


async def test_a_cancelled_check_ends_at_once_without_an_answer() -> None:
    checks, loop = Checks(), asyncio.get_running_loop()
    task = asyncio.create_task(outcome(checks))
    await asyncio.sleep(1)
    begun_s = loop.time()
    assert (await checks.cancel(CANCEL, "hmi")).ok
    assert await task is None
    assert loop.time() == begun_s


@pytest.mark.parametrize(
    "request_",
    [CancelCard(reader="back", card=mask(UID)), CancelCard(reader="front", card=mask("04FFFFFF"))],
)
async def test_another_reader_or_card_is_not_meant(request_: CancelCard) -> None:
    checks = Checks()
    task = asyncio.create_task(outcome(checks))
    await asyncio.sleep(1)
    assert (await checks.cancel(request_, "hmi")).code == "nothing_to_cancel"
    assert await task == "yes"


async def test_a_check_that_is_over_cannot_be_cancelled() -> None:
    checks = Checks()
    await outcome(checks)
    assert (await checks.cancel(CANCEL, "hmi")).code == "nothing_to_cancel"


async def test_a_station_that_stops_is_no_cancelled_card() -> None:
    task = asyncio.create_task(outcome(Checks()))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_question_that_fails_fails() -> None:
    async def broken() -> str:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await Check("front", UID).ask(broken())


async def test_what_was_cancelled_before_the_question_is_not_asked() -> None:
    check = Check("front", UID)
    check.cancel()
    assert await check.ask(yes()) is None
