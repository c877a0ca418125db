"""kill -9 and SIGSTOP of every process while two cars charge (promises R1, R2, R7-R9, R15-R18; cases P001-P003)."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.system.rig import LEASE_S, SERVICES, System
from tests.system.sight import OPENS_WITHIN_S

pytestmark = pytest.mark.realtime

HEALTHY_WITHIN_S = 5.0
DIP_S = 1.0
HANG_LIMIT_S = 15.0
RENEWED_S = 1.2
"""Leases are renewed each second: by then the one who came back has renewed them."""


async def kill_and_see(system: System, victim: str) -> str:
    """Kill one process while both connectors charge: what P001 and P002 demand. A line of what was measured."""
    before = system.pids()
    operations = [(await system.simulation.state(0)).connector(number).contactor_operations for number in (1, 2)]
    transactions = [session.session_id for session in await system.sessions()]
    killed_s = time.monotonic()
    os.kill(system.pid(victim), signal.SIGKILL)
    reborn = SERVICES if victim in ("hub", "launcher") else (victim,)
    if victim == "launcher":
        assert await system.ended(1.0) == -signal.SIGKILL
        await system.start()
    took_s = await system.until_well(reborn, killed_s)
    assert took_s < HEALTHY_WITHIN_S, f"{victim}: {took_s:.1f} s"
    await system.until_full_current(1, 2)
    if "station" in reborn:
        await asyncio.sleep(RENEWED_S)
    after = system.pids()
    assert {name for name in SERVICES if after[name] != before[name]} == set(reborn)
    assert [session.session_id for session in await system.sessions()] == transactions
    truth = await system.simulation.state(0)
    assert [truth.connector(number).contactor_operations for number in (1, 2)] == operations
    dips_s = [system.sight.dip_s(number, killed_s) for number in (1, 2)]
    assert max(dips_s) <= DIP_S, f"{victim}: {dips_s}"
    gap = lease_gap(system, killed_s) if "station" in reborn else "station untouched"
    return f"{victim}: well after {took_s:.2f} s, {gap}, dips {dips_s} s"


def lease_gap(system: System, since_s: float) -> str:
    gap_s = LEASE_S - min(system.sight.least_lease_s(number, since_s) for number in (1, 2))
    return f"longest gap between renewals {gap_s:.2f} s"


async def test_whoever_is_killed_both_charges_go_on_in_their_transactions(tmp_path: Path) -> None:
    async with System(tmp_path) as system:
        await rounds(system, [("ocpp", "rfid", "station", "hub", "launcher")])


@pytest.mark.long
async def test_killed_again_and_again_both_charges_go_on(tmp_path: Path) -> None:
    chance = random.Random(20)
    # with a new launcher in each round, nobody's deaths add up to a longer wait: growing delays are another test
    order = [(*chance.sample(SERVICES, len(SERVICES)), "hub", "launcher") for _ in range(20)]
    async with System(tmp_path) as system:
        await rounds(system, order, lambda: chance.uniform(0.0, 1.0))


async def rounds(system: System, order: Sequence[Sequence[str]], pause_s: Callable[[], float] = lambda: 0.0) -> None:
    """Charge at both connectors, kill all of `order`, end both charges: one transaction each."""
    await system.charge(1, 2)
    await system.until_full_current(1, 2)
    begun_s = time.monotonic()
    for victims in order:
        for victim in victims:
            await asyncio.sleep(pause_s())
            print(await kill_and_see(system, victim))
    assert max(system.sight.dip_s(number, begun_s) for number in (1, 2)) <= DIP_S
    await system.end_charge(1, 2)
    await system.check()
    ledger = system.central.ledger.transactions
    assert sorted(one.connector for one in ledger) == [1, 2]
    assert [(one.start_repeats, one.stop_repeats) for one in ledger] == [(0, 0)] * 2
    assert (await system.truth()).connector(1).contactor_operations == 1


async def test_a_station_that_is_stopped_is_ended_and_replaced_and_nothing_is_closed_without_a_lease(
    tmp_path: Path,
) -> None:
    async with System(tmp_path) as system:
        await system.charge(1, 2)
        await system.until_full_current(1, 2)
        before = system.pids()
        stopped_s = time.monotonic()
        os.kill(before["station"], signal.SIGSTOP)
        took_s = await system.until_well(("station",), stopped_s)
        state = system.service("station")
        assert state is not None and state.last_end.startswith("watchdog: no beat for")
        assert before["station"] not in system.processes()
        assert took_s < HEALTHY_WITHIN_S
        await system.until_full_current(1, 2)
        after = system.pids()
        assert {name for name in SERVICES if after[name] != before[name]} == {"station"}
        await asyncio.sleep(RENEWED_S)
        print(f"station stopped: well after {took_s:.2f} s, {lease_gap(system, stopped_s)}")
        await system.end_charge(1, 2)
        await system.check()
        assert len(system.central.ledger.transactions) == 2
        assert [one.contactor_operations for one in (await system.truth()).connectors] == [1, 1]


async def test_when_nobody_renews_the_lease_the_contactors_open_and_the_charge_resumes_in_its_transaction(
    tmp_path: Path,
) -> None:
    """The whole computer stands still for longer than the lease."""
    async with System(tmp_path) as system:
        await system.charge(1)
        stopped_s = time.monotonic()
        os.killpg(system.pid("launcher"), signal.SIGSTOP)
        await system.until(lambda: not system.sight.is_closed(1), LEASE_S + OPENS_WITHIN_S)
        print(f"everybody stopped: open after {time.monotonic() - stopped_s:.2f} s")
        os.killpg(system.pid("launcher"), signal.SIGCONT)
        await system.until_full_current(1)
        await system.until_well()
        await system.end_charge(1)
        await system.check()
        assert len(system.central.ledger.transactions) == 1


@pytest.mark.long
@pytest.mark.parametrize("victim", ["ocpp", "rfid", "hub"])
async def test_whoever_hangs_is_noticed_within_15_s_and_replaced(tmp_path: Path, victim: str) -> None:
    async with System(tmp_path) as system:
        await system.charge(1, 2)
        await system.until_full_current(1, 2)
        before = system.pids()
        stopped_s = time.monotonic()
        os.kill(system.pid(victim), signal.SIGSTOP)
        reborn = SERVICES if victim == "hub" else (victim,)
        took_s = await system.until_well(reborn, stopped_s, within_s=HANG_LIMIT_S + HEALTHY_WITHIN_S)
        print(f"{victim} stopped: well after {took_s:.2f} s")
        after = system.pids()
        assert {name for name in SERVICES if after[name] != before[name]} == set(reborn)
        if victim != "hub":
            assert took_s < HANG_LIMIT_S + 1.0  # with the new one's start
            state = system.service(victim)
            assert state is not None and state.last_end.startswith("watchdog")
            assert max(system.sight.dip_s(number, stopped_s) for number in (1, 2)) == 0.0
        await system.until_full_current(1, 2)
        await system.end_charge(1, 2)
        await system.check()
        assert len(system.central.ledger.transactions) == 2
