"""The inbox of a connector: in order, bounded, and awake when it has to be."""

from __future__ import annotations

import asyncio

from chargepoint.station.connector import EvConnected, EvLeft
from chargepoint.station.inbox import MAX_WISHES, Inbox
from chargepoint.station.status import Refusal


async def test_wishes_are_taken_in_their_order_and_each_gets_its_own_answer() -> None:
    inbox = Inbox(1)
    async with asyncio.TaskGroup() as group:
        first, second = (group.create_task(inbox.ask(event)) for event in (EvConnected(), EvLeft()))
        for event, refusal in ((EvConnected(), None), (EvLeft(), Refusal("no", "Not now."))):
            wish = await inbox.take(1.0)
            assert wish is not None
            assert wish.event == event
            wish.answer.set_result(refusal)
    assert (first.result(), second.result()) == (None, Refusal("no", "Not now."))


async def test_nothing_comes_within_the_time_asked_for() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await Inbox(1).take(2.0) is None
    assert loop.time() - began == 2.0
    assert await Inbox(1).take(-1.0) is None


async def test_a_full_inbox_refuses_and_says_so() -> None:
    inbox = Inbox(3)
    waiting = [asyncio.create_task(inbox.ask(EvLeft())) for _ in range(MAX_WISHES)]
    await asyncio.sleep(0)
    refusal = await inbox.ask(EvLeft())
    assert refusal is not None
    assert (refusal.code, "Connector 3" in refusal.text) == ("busy", True)
    for task in waiting:
        task.cancel()


async def test_who_waits_is_woken_once_though_nothing_came() -> None:
    inbox = Inbox(1)
    inbox.wake()
    inbox.wake()
    wish = await inbox.take(1.0)
    assert wish is not None
    assert wish.event is None
    assert inbox.is_empty
