"""kill -9 of everything at once at any instant of a transaction (promises R7-R9, R13, R14, R24, R25; cases C057-C060).

The devices go on, as they do when only the computer's supply fails: a running charge is taken over inside its lease.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from tests.system.rig import CARDS, System

pytestmark = pytest.mark.realtime

STORY_S = 3.5
"""About how long `a_visit` takes, from plug to unplug, when nobody is killed."""
MANY_CLOSINGS = 600
"""The cars of these rounds come more often than three times a minute."""


async def a_visit(system: System, number: int) -> None:
    """A car comes, charges for a second and goes."""
    await system.plug(number)
    await system.tap(number)
    await system.until_status(number, "CHARGING")
    await asyncio.sleep(1.0)
    await system.end_charge(number)


async def cut_rounds(system: System, count: int, chance: random.Random) -> None:
    """In each round two visits begin, are cut at a random instant, and come to an end after the restart."""
    for _ in range(count):
        visits = [asyncio.create_task(a_visit(system, number), name=f"visit {number}") for number in CARDS]
        await asyncio.sleep(chance.uniform(0.0, STORY_S))
        await system.kill_all()
        for visit in visits:
            visit.cancel()
        await asyncio.gather(*visits, return_exceptions=True)
        await asyncio.sleep(chance.choice((0.0, 0.5)))
        await system.start()
        await system.until_well()
        await system.clear_away()
    await system.check()


async def test_all_processes_killed_at_any_instant_of_a_transaction_and_the_books_balance(tmp_path: Path) -> None:
    async with System(tmp_path, closings_per_minute=MANY_CLOSINGS) as system:
        await cut_rounds(system, 5, random.Random(57))
        print(f"{len(system.central.ledger.transactions)} transactions, {len(await system.sessions())} sessions")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
async def test_killed_many_times_the_books_balance(tmp_path: Path, seed: int) -> None:
    async with System(tmp_path, closings_per_minute=MANY_CLOSINGS) as system:
        await cut_rounds(system, 25, random.Random(1000 + seed))
        transactions = system.central.ledger.transactions
        print(f"{len(transactions)} transactions, {len(await system.sessions())} sessions, "
              f"{sum(one.start_repeats + one.stop_repeats for one in transactions)} repeats")  # fmt: skip


@pytest.mark.long
async def test_a_charge_goes_on_in_its_transaction_when_everything_was_killed_and_is_back_in_the_lease(
    tmp_path: Path,
) -> None:
    async with System(tmp_path) as system:
        await system.charge(1)
        await system.kill_all()
        await asyncio.sleep(2.0)
        await system.start()
        await system.until_well()
        await system.until_full_current(1)
        await system.end_charge(1)
        await system.check()
        assert [one.contactor_operations for one in (await system.truth()).connectors] == [1, 0]
        (told,) = system.central.ledger.transactions
        assert (told.start_repeats, told.stop_repeats) == (0, 0)
