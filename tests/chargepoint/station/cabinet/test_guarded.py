"""A controller that does nothing by itself, behind a contactor of the station that does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chargepoint.clock import Clock
from chargepoint.config import OutputSettings
from chargepoint.station.cabinet.contactors import Contactor
from chargepoint.station.cabinet.guarded import OPENS_ANYWAY_S, GuardedController
from chargepoint.vocabulary import Cause, ControllerStatus, HardwareFlag, OutputFunction
from drivers.errors import NoAnswer, Refused
from drivers.interfaces import ControllerReading, FailSafe
from tests.chargepoint.station.readings import reading

LEASE_S = 5.0


class Inner:
    """A controller as bad as can be: it goes on whatever this software does, and may ignore a stop."""

    fail_safe = FailSafe.NONE

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.session_ref = 0
        self.charges = False
        self.obeys_stop = True
        self.answers = True
        self.plugged = True
        self.is_metered = True
        self.orders: list[str] = []

    def _say(self, order: str) -> None:
        self.orders.append(order)
        if not self.answers:
            raise NoAnswer("silent")

    async def read(self) -> ControllerReading:
        if not self.answers:
            raise NoAnswer("silent")
        status = "C6" if self.charges else "B" if self.plugged else "A"
        flows = self.charges and self.bench.closed
        return reading(
            status,
            session_ref=self.session_ref,
            current_a=(16.0 if flows and self.is_metered else 0.0, 0.0, 0.0),
            is_metered=self.is_metered,
        )

    async def start(self, session_ref: int, *_args: Any, **_more: Any) -> None:
        self._say("start")
        assert self.bench.closed, "the contactor closes before current is allowed (Z4)"
        self.session_ref, self.charges = session_ref, True

    async def limit(self, *_args: Any) -> None:
        self._say("limit")

    async def stop(self) -> None:
        self._say("stop")
        if self.obeys_stop:
            self.charges = False

    async def emergency_stop(self) -> None:
        self._say("emergency_stop")

    async def show_light(self, colour: tuple[int, int, int]) -> None:
        self._say(f"light {colour}")


class Bench:
    """The contactor with its module's loop, and a log of what it did at which current."""

    def __init__(self) -> None:
        settings = OutputSettings(name="K1", function=OutputFunction.CONTACTOR, io="io", channel=0, feedback="fb")
        self.clock = Clock("boot")
        self.contactor = Contactor(settings, 0.0)
        self.coil = False
        self.welded = False
        self.has_coil_supply = True
        self.module_answers = True
        self.measured_a: float | None = None
        self.inner = Inner(self)
        self.guarded = GuardedController(
            self.inner,  # type: ignore[arg-type]
            self.contactor,
            self.clock,
            lambda: self.measured_a,
        )
        self.opened_under_current: list[bool] = []
        self.tasks = [asyncio.create_task(self._run())]

    @property
    def closed(self) -> bool:
        return (self.coil and self.has_coil_supply) or self.welded

    def is_closed(self) -> bool:
        return self.closed

    async def _run(self) -> None:
        while True:
            if self.module_answers:
                order = self.contactor.tick(self.coil, self.closed, self.clock.mono())
                if order is not None and order is not self.coil:
                    if not order:
                        self.opened_under_current.append(self.inner.charges)
                    self.coil = order
            else:
                self.contactor.silent()
            self.guarded.watch()
            await asyncio.sleep(0.1)

    async def start(self, session_ref: int = 7) -> None:
        """As the station does: the order is repeated until it is taken."""
        for _ in range(6):
            try:
                await self.guarded.start(session_ref, 0, 16.0, 11_000.0, LEASE_S)
            except NoAnswer:
                await asyncio.sleep(0.5)
            else:
                return
        raise AssertionError("never taken")

    async def charge(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            await self.guarded.limit(16.0, 11_000.0, LEASE_S)
            await self.guarded.read()
            await asyncio.sleep(1.0)


async def bench() -> Bench:
    made = Bench()
    await asyncio.sleep(0.5)
    return made


async def test_it_closes_before_the_start_and_opens_at_zero_after_the_stop() -> None:
    one = await bench()
    assert one.guarded.fail_safe is FailSafe.OPENS
    assert not one.closed
    await one.start()
    await one.charge(10)
    assert one.is_closed()
    seen = await one.guarded.read()
    assert seen.status is ControllerStatus.C6_CHARGING
    assert HardwareFlag.OUTPUT_RELAY in seen.flags
    await one.guarded.stop()
    await one.guarded.read()
    await asyncio.sleep(0.5)
    assert not one.is_closed()
    assert one.opened_under_current == [False]
    assert HardwareFlag.OUTPUT_RELAY not in (await one.guarded.read()).flags


@pytest.mark.parametrize("rest_s", [1.0, 30.0])
async def test_one_charge_after_the_other(rest_s: float) -> None:
    one = await bench()
    for session_ref in (1, 2, 3):
        await one.guarded.start(session_ref, 0, 16.0, 11_000.0, LEASE_S)
        await one.charge(5)
        assert one.is_closed()
        await one.guarded.stop()
        await one.guarded.read()
        await asyncio.sleep(rest_s)
        assert not one.is_closed()
    assert one.contactor.operations == 3


async def test_a_controller_that_ignores_the_stop_is_cut_off() -> None:
    one = await bench()
    await one.start()
    await one.charge(5)
    one.inner.obeys_stop = False
    await one.guarded.stop()
    await asyncio.sleep(OPENS_ANYWAY_S - 0.5)
    await one.guarded.read()
    assert one.is_closed()
    await asyncio.sleep(1.0)
    assert not one.is_closed()


async def test_a_controller_that_does_not_answer_is_cut_off() -> None:
    one = await bench()
    await one.start()
    await one.charge(5)
    one.inner.answers = False
    with pytest.raises(NoAnswer):
        await one.guarded.stop()
    await asyncio.sleep(OPENS_ANYWAY_S + 0.5)
    assert not one.is_closed()


async def test_an_emergency_waits_for_nothing() -> None:
    one = await bench()
    await one.start()
    await one.charge(5)
    one.inner.answers = False
    with pytest.raises(NoAnswer):
        await one.guarded.emergency_stop()
    await asyncio.sleep(0.15)
    assert not one.is_closed()


async def test_its_lease_ends_although_the_controller_knows_none() -> None:
    one = await bench()
    await one.start()
    await asyncio.sleep(LEASE_S + OPENS_ANYWAY_S + 0.5)
    assert not one.is_closed()
    seen = await one.guarded.read()
    assert (seen.cause, seen.session_ref) == (Cause.LEASE_ENDED, 0)
    assert seen.status is ControllerStatus.B_CONNECTED
    assert "stop" in one.inner.orders
    with pytest.raises(Refused, match="open"):
        await one.guarded.limit(16.0, 11_000.0, LEASE_S)
    await one.start(8)
    assert (await one.guarded.read()).session_ref == 8


async def test_a_restart_of_the_software_takes_over_what_is_closed() -> None:
    one = await bench()
    await one.start()
    await one.charge(3)
    for task in one.tasks:
        task.cancel()
    again = Bench()
    again.tasks[0].cancel()
    again.coil, again.inner.charges, again.inner.session_ref = True, True, 7
    again.tasks = [asyncio.create_task(again._run())]
    await asyncio.sleep(0.3)
    seen = await again.guarded.read()
    assert (seen.status, seen.session_ref) == (ControllerStatus.C6_CHARGING, 7)
    await again.charge(10)
    assert again.is_closed()


async def test_after_a_restart_an_open_contactor_means_that_the_session_starts_anew() -> None:
    one = await bench()
    one.inner.charges, one.inner.session_ref = True, 7
    seen = await one.guarded.read()
    assert (seen.status, seen.cause, seen.session_ref) == (ControllerStatus.B_CONNECTED, Cause.LEASE_ENDED, 0)


async def test_a_contactor_that_falls_off_is_a_fault_until_the_vehicle_has_left() -> None:
    one = await bench()
    await one.start()
    await one.charge(3)
    one.has_coil_supply = False
    await asyncio.sleep(1.0)
    seen = await one.guarded.read()
    assert (seen.status, seen.cause) == (ControllerStatus.E6_ELECTROMECHANICAL, Cause.CONTACTOR_FAILED)
    one.inner.charges = one.inner.plugged = False
    assert (await one.guarded.read()).status is ControllerStatus.A_NOT_CONNECTED
    one.inner.plugged = True
    assert (await one.guarded.read()).status is ControllerStatus.B_CONNECTED


async def test_a_module_that_switched_it_off_costs_a_new_start() -> None:
    one = await bench()
    await one.start()
    await one.charge(3)
    one.coil = False
    await asyncio.sleep(1.0)
    seen = await one.guarded.read()
    assert (seen.status, seen.cause, seen.session_ref) == (ControllerStatus.B_CONNECTED, Cause.LEASE_ENDED, 0)
    await one.start(7)
    assert (await one.guarded.read()).status is ControllerStatus.C6_CHARGING


@pytest.mark.parametrize("how", ["stop", "emergency_stop"])
async def test_a_stop_while_it_is_closing_wins(how: str) -> None:
    one = await bench()
    starting = asyncio.create_task(one.guarded.start(7, 0, 16.0, 11_000.0, LEASE_S))
    await asyncio.sleep(0.15)
    await (one.guarded.stop() if how == "stop" else one.guarded.emergency_stop())
    with pytest.raises(Refused, match="stopped"):
        await starting
    await one.guarded.read()
    await asyncio.sleep(1.0)
    assert "start" not in one.inner.orders
    assert not one.is_closed()


async def test_a_renewal_does_not_take_back_a_stop() -> None:
    one = await bench()
    await one.start()
    await one.charge(3)
    one.inner.obeys_stop = False
    await one.guarded.stop()
    for _ in range(8):
        with pytest.raises(Refused):
            await one.guarded.limit(16.0, 11_000.0, LEASE_S)
        await asyncio.sleep(0.5)
    assert not one.is_closed()


async def test_a_welded_contactor_shows_as_the_connectors_fault() -> None:
    one = await bench()
    await one.start()
    await one.charge(3)
    one.welded = True
    await one.guarded.stop()
    await one.guarded.read()
    await asyncio.sleep(2.5)
    seen = await one.guarded.read()
    assert (seen.status, seen.cause) == (ControllerStatus.E6_ELECTROMECHANICAL, Cause.CONTACTOR_WELDED)
    with pytest.raises(Refused, match="out of order"):
        await one.guarded.start(9, 0, 16.0, 11_000.0, LEASE_S)


async def test_current_through_an_open_contactor_is_a_weld() -> None:
    one = await bench()
    one.inner.is_metered = False
    one.measured_a = 6.0
    for _ in range(25):
        await one.guarded.read()
        await asyncio.sleep(0.1)
    assert one.contactor.cause is Cause.CONTACTOR_WELDED


async def test_a_controller_without_a_meter_opens_by_the_connectors_own() -> None:
    one = await bench()
    one.inner.is_metered = False
    one.measured_a = 16.0
    await one.start()
    await one.charge(3)
    await one.guarded.stop()
    await one.guarded.read()
    await asyncio.sleep(1.0)
    assert one.is_closed()
    one.measured_a = 0.0
    await asyncio.sleep(0.3)
    assert not one.is_closed()
    assert one.contactor.cause is Cause.NONE


async def test_what_a_silent_module_does_is_not_known() -> None:
    one = await bench()
    one.module_answers = False
    await asyncio.sleep(0.2)
    with pytest.raises(NoAnswer, match="K1"):
        await one.guarded.read()
    with pytest.raises(NoAnswer):
        await one.guarded.start(1, 0, 16.0, 11_000.0, LEASE_S)
    assert "start" not in one.inner.orders


async def test_other_abilities_are_the_inner_controllers() -> None:
    one = await bench()
    await one.guarded.show_light((0, 0, 255))  # type: ignore[operator]
    assert one.inner.orders == ["light (0, 0, 255)"]
    with pytest.raises(AttributeError):
        _ = one.guarded.read_frames
