"""Everything at once: taps, remote starts, plugs, faults in any order (R14, fault-case O056)."""

from __future__ import annotations

import asyncio
import itertools
import random
from pathlib import Path

import pytest

from chargepoint.messages import StartCharging
from chargepoint.records import Credential
from chargepoint.vocabulary import CredentialType, StartSource
from drivers.simulated.outlet import NoVehicle, Occupied
from ocpp_client.simulated import CallRefused, NotConnected
from tests.journeys.rig import Rig
from tests.journeys.steps import (
    CARD,
    OTHER_CARD,
    TWO_AC,
    charge,
    leave,
    plug,
    settle,
    show_card,
    until_transaction_ends,
    usable,
)
from tests.variants import rest_long

DEEDS = ("tap", "other tap", "remote start", "remote stop", "plug", "unplug", "fault", "cut")
FAULT_CODES = ("E3", "reboot", "insulation", "flap", "diode")


class Storm:
    """Things that happen to one connector, seeded."""

    def __init__(self, rig: Rig, chance: random.Random) -> None:
        self.rig = rig
        self.chance = chance
        self.calls: list[asyncio.Task[object]] = []

    def do(self, deed: str) -> None:
        """Begin a deed; it is not waited for."""
        simulated = self.rig.simulated
        if deed in ("tap", "other tap"):
            simulated.tap("1", CARD if deed == "tap" else OTHER_CARD)
        elif deed == "remote start":
            self._call("RemoteStartTransaction", {"connectorId": 1, "idTag": "APP1"})
        elif deed == "remote stop":
            running = self.rig.system.ledger.running()
            number = running[-1].ids[-1] if running else 1
            self._call("RemoteStopTransaction", {"transactionId": number})
        elif deed == "plug":
            try:
                self.rig.plug(start_delay_s=self.chance.choice((0, 0.2, 1)))
            except Occupied:
                self.rig.unplug()
        elif deed == "unplug":
            try:
                self.rig.unplug()
            except NoVehicle:
                self.rig.plug()
        elif deed == "fault":
            simulated.fault(1, self.chance.choice(FAULT_CODES))
        elif deed == "cut":
            simulated.cut("bus", unplug=self.chance.random() < 0.3)

    def _call(self, action: str, payload: dict[str, object]) -> None:
        self.calls.append(asyncio.create_task(self._asked(action, payload)))

    async def _asked(self, action: str, payload: dict[str, object]) -> None:
        try:
            await self.rig.system.call("one", action, payload, 60)
        except (CallRefused, NotConnected, TimeoutError):
            return

    async def over(self) -> None:
        """All is mended, nobody is there any more; the connector comes back by itself."""
        await asyncio.gather(*self.calls)
        self.rig.simulated.restore("bus")
        await self.rig.advance(3)
        self.rig.simulated.clear(1)
        await self.rig.until(lambda: not self.rig.simulated.state().reader("1").waiting, 120)
        if self.rig.simulated.state().connector(1).vehicle is not None:
            self.rig.unplug()
        await self.rig.until_status("AVAILABLE", within_s=150)  # a booking may have to time out


async def weather(rig: Rig, deeds: tuple[str, ...], seed: int, within_s: float = 0.05) -> None:
    """These deeds within `within_s`, at seeded moments: never more transactions than there were wishes for one."""
    before = len([one for one in await rig.sessions() if one.started is not None])
    storm = Storm(rig, random.Random(f"{seed} {deeds}"))
    moments = sorted(storm.chance.uniform(0, within_s) for _ in deeds)
    for deed, gap_s in zip(deeds, [moments[0], *(b - a for a, b in itertools.pairwise(moments))], strict=True):
        await rig.advance(gap_s)
        storm.do(deed)
    await rig.advance(storm.chance.choice((0.3, 3, 8)))
    await storm.over()
    begun = [one for one in await rig.sessions() if one.started is not None][before:]
    assert len(begun) <= sum(deed in ("tap", "other tap", "remote start") for deed in deeds), deeds


FOUR = ("tap", "remote start", "unplug", "fault")


ORDERS = [
    pytest.param(order, id="-".join(order), marks=() if number % 4 in (0, 3) else pytest.mark.long)
    for number, order in enumerate(itertools.permutations(FOUR))
]
"""Every order; by default twelve of them, in which each deed comes first, last and next to each other."""


@pytest.mark.parametrize("order", ORDERS)
async def test_tap_remote_start_unplug_and_fault_in_any_order(tmp_path: Path, order: tuple[str, ...]) -> None:
    async with Rig(tmp_path, change={"ocpp": {"configuration": {"ConnectionTimeOut": 20}}}) as rig:
        await rig.online()
        await plug(rig)
        await weather(rig, order, seed=1)
        assert sum(one.started is not None for one in await rig.sessions()) <= 1
        await usable(rig)
        await settle(rig)


@pytest.mark.parametrize("seed", rest_long(range(200), usual=3))
async def test_five_storms_of_any_deeds(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    async with Rig(tmp_path, change={"ocpp": {"configuration": {"ConnectionTimeOut": 20}}}) as rig:
        await rig.online()
        for number in range(5):
            deeds = tuple(chance.choices(DEEDS, k=chance.randint(2, 7)))
            await weather(rig, deeds, seed=number, within_s=chance.choice((0.05, 0.5, 3)))
        await rig.advance(60)  # as many starts as there were must not keep the next driver out
        await usable(rig)
        await rig.drained()
        await rig.check(tolerance_wh=60)


async def test_a_burst_of_taps_is_one_charge_or_none(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await plug(rig)
        for _ in range(30):
            rig.simulated.tap("1", CARD)
        await rig.until(lambda: rig.simulated.state().reader("1").taken == 30, 120)
        await rig.advance(5)
        assert sum(one.started is not None for one in await rig.sessions()) <= 4
        closed = [event.at_s for event in rig.simulated.contactor_log(1) if event.closed]
        assert len(closed) <= 3
        if rig.status() == "CHARGING":
            await show_card(rig)
        await until_transaction_ends(rig)
        await leave(rig)
        await rig.advance(60)
        await usable(rig)
        await settle(rig)


async def test_many_cards_at_once_give_the_connector_to_one(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await plug(rig)
        for number in range(20):
            rig.simulated.tap("1", f"04AA00{number:02X}")
        await rig.until(lambda: rig.simulated.state().reader("1").taken == 20, 120)
        await rig.advance(5)
        (begun,) = [one for one in await rig.sessions() if one.started is not None]
        assert begun.starter is not None
        assert begun.starter.value == "04AA0000"
        await leave(rig)
        await settle(rig)


async def test_an_answer_that_comes_after_the_car_has_left_closes_nothing(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"ocpp": {"configuration": {"ConnectionTimeOut": 30}}}) as rig:
        await rig.online()
        rig.system.on("Authorize", delay_s=4, times=1)
        await plug(rig)
        rig.simulated.tap("1", CARD)
        await rig.advance(2)
        rig.unplug()
        await rig.advance(4)
        assert rig.status() in ("WAITING_FOR_EV", "AVAILABLE")
        assert not rig.simulated.contactor_log(1)
        await rig.until_status("AVAILABLE", within_s=60)
        await usable(rig)
        await settle(rig)


async def test_an_answer_that_comes_after_another_has_begun_takes_nothing_away(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        rig.system.on("Authorize", delay_s=4, times=1)
        await plug(rig)
        rig.simulated.tap("1", CARD)
        await rig.advance(1)
        start = StartCharging(
            connector=1,
            credential=Credential("APP1", CredentialType.OCPP),
            source=StartSource.OCPP_REMOTE,
            is_authorized=True,
        )
        assert (await rig.bus.call("station", start)).ok
        await rig.advance(10)
        assert rig.status() == "CHARGING"
        session = await rig.last_session()
        assert session.starter is not None
        assert session.starter.value == "APP1"
        await leave(rig)
        await settle(rig)


async def test_both_connectors_are_wanted_by_everybody(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        await plug(rig, 1)
        await plug(rig, 2)
        starts = [
            StartCharging(
                connector=connector,
                credential=Credential(f"APP{number}", CredentialType.OCPP),
                source=StartSource.OCPP_REMOTE,
                is_authorized=True,
            )
            for number in range(4)
            for connector in (1, 2)
        ]
        answers = await asyncio.gather(*(rig.bus.call("station", start) for start in starts))
        assert [answer.ok for answer in answers].count(True) == 2
        await rig.advance(10)
        assert (rig.status(1), rig.status(2)) == ("CHARGING", "CHARGING")
        await leave(rig, 1)
        await leave(rig, 2)
        await settle(rig)


async def test_the_end_of_a_charge_is_asked_by_everybody_and_has_one_reason(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(30)
        storm = Storm(rig, random.Random(1))
        for deed in ("remote stop", "tap", "unplug", "fault"):
            storm.do(deed)
        await storm.over()
        assert len(await rig.sessions()) <= 2
        (told,) = [one for one in rig.system.ledger.transactions if one.meter_stop_wh != one.meter_start_wh]
        assert told.stop_repeats == 0
        await rig.advance(60)
        await usable(rig)
        await settle(rig)
