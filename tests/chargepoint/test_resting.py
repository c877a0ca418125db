"""Services that are started only when somebody calls them, and rest again when nobody does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chargepoint.bus import Unavailable
from chargepoint.held_calls import MOST
from chargepoint.messages import ActionResult, PrivilegedDeed
from chargepoint.one_process import House
from chargepoint.services import SERVICES
from chargepoint.vocabulary import StopSource
from tests.chargepoint.dummies import service
from tests.chargepoint.test_hub import Peer, a_world, diary

RESTS_S = 10.0


async def deed(peer: Peer, name: str, takes_s: float = 0.0, timeout_s: float = 30.0) -> ActionResult:
    request = PrivilegedDeed(name=name, arguments={"takes_s": str(takes_s)}, by="anna")
    return await peer.bus.call("helper", request, timeout_s=timeout_s)


def house(data: Path, function: str = "obliging", rests_after_s: float = RESTS_S, **fields: float) -> House:
    return House(a_world(data, service("helper", function, rests_after_s=rests_after_s, **fields)))


def test_the_helper_is_such_a_service() -> None:
    assert [row.name for row in SERVICES if row.rests_after_s] == ["helper", "fota", "discovery"]


async def test_it_is_not_started_with_the_others(tmp_path: Path) -> None:
    async with house(tmp_path) as station, Peer(station) as peer:
        await asyncio.sleep(5.0)
        assert (peer.service("helper").status, peer.service("helper").pid) == ("resting", 0)
        assert not peer.supervisor().is_degraded


async def test_calls_wait_until_it_is_there_and_are_answered_in_order(tmp_path: Path) -> None:
    async with house(tmp_path) as station, Peer(station) as peer:
        results = await asyncio.gather(*(deed(peer, str(n)) for n in range(3)))
        assert [result.text for result in results] == ["0", "1", "2"]
        assert diary(tmp_path) == [f"helper obliged admin: {n}" for n in range(3)]
        assert (peer.service("helper").status, peer.service("helper").restarts) == ("running", 0)


async def test_it_rests_when_nobody_has_called_for_so_long_and_comes_again(tmp_path: Path) -> None:
    async with house(tmp_path) as station, Peer(station) as peer:
        for n in range(2):
            await deed(peer, str(n))
            await asyncio.sleep(RESTS_S - 1.0)
            assert peer.service("helper").status == "running"
            await asyncio.sleep(2.0)
            assert peer.service("helper").status == "resting"
    assert diary(tmp_path) == [
        "helper obliged admin: 0", "helper stopped", "helper obliged admin: 1", "helper stopped",
    ]  # fmt: skip


async def test_it_does_not_rest_during_a_long_deed(tmp_path: Path) -> None:
    async with house(tmp_path) as station, Peer(station) as peer:
        assert (await deed(peer, "long", takes_s=5 * RESTS_S, timeout_s=100.0)).ok
        assert diary(tmp_path) == ["helper obliged admin: long"]


async def test_no_call_is_lost_at_any_moment_of_its_going_to_rest(tmp_path: Path) -> None:
    async with house(tmp_path, rests_after_s=1.0) as station, Peer(station) as peer:
        for n in range(60):
            assert (await deed(peer, str(n))).ok
            await asyncio.sleep(0.9 + n * 0.02)
    assert sum("obliged" in line for line in diary(tmp_path)) == 60
    assert not any("Died" in line for line in diary(tmp_path))


async def test_who_calls_one_that_dies_at_once_hears_that_it_is_not_there(tmp_path: Path) -> None:
    async with house(tmp_path, "hungry") as station, Peer(station) as peer:
        with pytest.raises(Unavailable, match="helper ended before it was ready"):
            await deed(peer, "reboot")
        await asyncio.sleep(5.0)
        assert peer.service("helper").status == "parked"
        with pytest.raises(Unavailable, match="helper is not running"):
            await deed(peer, "reboot")


async def test_one_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    async with house(tmp_path, "silent", start_limit_s=5.0) as station, Peer(station) as peer:
        with pytest.raises(Unavailable, match="helper ended before it was ready"):
            await deed(peer, "reboot")


async def test_one_that_does_not_go_to_rest_is_killed(tmp_path: Path) -> None:
    async with house(tmp_path, "deaf") as station, Peer(station) as peer:
        with pytest.raises((Unavailable, TimeoutError)):
            await deed(peer, "reboot", timeout_s=1.0)
        await asyncio.sleep(60.0)
        assert (peer.service("helper").status, peer.service("helper").restarts) == ("resting", 0)


async def test_no_more_calls_wait_than_are_allowed(tmp_path: Path) -> None:
    async with house(tmp_path, "silent") as station, Peer(station) as peer:
        calls = [asyncio.create_task(deed(peer, str(n), timeout_s=2.0)) for n in range(MOST + 3)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert sum("helper is not running" in str(result) for result in results) == 3


async def test_nothing_wakes_it_while_all_is_being_stopped(tmp_path: Path) -> None:
    resting = service("helper", "obliging", rests_after_s=RESTS_S)
    async with House(a_world(tmp_path, service("station", "slow_to_prepare"), resting)) as station:
        async with Peer(station) as peer:
            await asyncio.sleep(1.0)
            station.hub.leave(0, StopSource.APP_RESTART)
            await asyncio.sleep(0.1)
            with pytest.raises(Unavailable):
                await deed(peer, "reboot")
        assert await station.wait() == 0
