"""A household socket made of parts: what it shows, what it opens for, what it cannot."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from drivers.controllers.socket import FLOWS_A, WELDED_AFTER_S, Lid, Settings, SocketController, open_device
from drivers.errors import NoAnswer, Refused
from drivers.interfaces import AssumesVehicle, Cause, ControllerStatus, HardwareFlag, MeterReading

A, B, B2, C6 = (
    ControllerStatus.A_NOT_CONNECTED,
    ControllerStatus.B_CONNECTED,
    ControllerStatus.B2_FINISHED,
    ControllerStatus.C6_CHARGING,
)
LEASE_S = 5.0


class Box:
    """The parts in truth: a relay that obeys at once, a meter that counts what flows, a lid, a breaker."""

    def __init__(self) -> None:
        self.relay: bool | None = False
        self.inputs: dict[str, bool | None] = {"lid": False, "rcd": False}
        self.load_a = 0.0
        self.leak_a = 0.0
        self.meter_answers = True
        self.fails: Exception | None = None
        self.broken = Cause.NONE
        self.closings = 0
        self.stuck = False
        self.closes_in_s = 0.0
        self._energy_wh = 1000.0
        self._at_s = 0.0

    def _count(self) -> float:
        now = asyncio.get_running_loop().time()
        current_a = self.load_a if self.relay else self.leak_a
        self._energy_wh += current_a * 230.0 * (now - self._at_s) / 3600.0
        self._at_s = now
        return current_a

    def input(self, name: str) -> bool | None:
        return self.inputs[name]

    async def switch(self, name: str, on: bool) -> None:
        assert name == "relay"
        if on and self.fails is not None:
            raise self.fails
        if on:
            await asyncio.sleep(self.closes_in_s)
        self._count()
        if on and not self.relay:
            self.closings += 1
        if not self.stuck:
            self.relay = on

    def is_on(self, name: str) -> bool | None:
        return self.relay

    def fault(self, name: str) -> Cause:
        return self.broken

    def meter(self, name: str) -> MeterReading | None:
        assert name == "m"
        current_a = self._count()
        if not self.meter_answers:
            return None
        return MeterReading(
            energy_wh=round(self._energy_wh),
            power_w=current_a * 230.0,
            voltage_v=(230.0, 0.0, 0.0),
            current_a=(current_a, 0.0, 0.0),
        )


def socket(box: Box, **options: object) -> SocketController:
    settings = Settings(relay="relay", meter="m", max_current_a=16.0, low_current_s=60.0, **options)  # type: ignore[arg-type]
    return open_device(settings, None, box)


async def charge(device: SocketController, seconds: float, current_a: float = 16.0) -> None:
    """Renew each second, as the station does."""
    for _ in range(round(seconds)):
        await device.read()
        await device.limit(current_a, current_a * 230.0, LEASE_S)
        await asyncio.sleep(1.0)


async def status(device: SocketController) -> tuple[ControllerStatus, Cause]:
    reading = await device.read()
    return reading.status, reading.cause


async def test_without_a_lid_a_vehicle_is_assumed_once_somebody_is_authorised() -> None:
    box = Box()
    device = socket(box)
    assert isinstance(device, AssumesVehicle)
    assert await status(device) == (A, Cause.NONE)
    device.assume_vehicle()
    assert await status(device) == (B, Cause.NONE)
    await device.start(7, 0, 16.0, 3680.0, LEASE_S)
    box.load_a = 10.0
    await charge(device, 3600)
    reading = await device.read()
    assert (reading.status, reading.session_ref) == (C6, 7)
    assert reading.current_a == (10.0, 0.0, 0.0)
    assert reading.energy_wh == pytest.approx(2300, abs=2)
    assert HardwareFlag.OUTPUT_RELAY in reading.flags
    await device.stop()
    assert await status(device) == (B2, Cause.NONE)
    assert not box.relay
    await asyncio.sleep(61)
    assert await status(device) == (A, Cause.NONE)
    assert box.closings == 1


async def test_a_lid_that_rests_on_the_plug_tells_of_it() -> None:
    box = Box()
    device = socket(box, lid="lid", lid_means=Lid.HELD_OPEN)
    assert await status(device) == (A, Cause.NONE)
    device.assume_vehicle()
    assert await status(device) == (A, Cause.NONE), "the lid knows better than an authorisation"
    box.inputs["lid"] = True
    assert await status(device) == (B, Cause.NONE)
    await device.start(1, 0, 16.0, 3680.0, LEASE_S)
    box.load_a = 8.0
    await charge(device, 5)
    box.inputs["lid"] = False
    assert await status(device) == (A, Cause.NONE)
    assert not box.relay


async def test_a_lid_that_must_be_closed_takes_the_energy_away_when_it_opens() -> None:
    box = Box()
    device = socket(box, lid="lid", lid_means=Lid.MUST_BE_CLOSED)
    box.inputs["lid"] = True
    device.assume_vehicle()
    assert await status(device) == (A, Cause.NONE)
    with pytest.raises(Refused, match="lid"):
        await device.start(1, 0, 16.0, 3680.0, LEASE_S)
    assert not box.relay
    box.inputs["lid"] = False
    device.assume_vehicle()
    assert await status(device) == (B, Cause.NONE)
    await device.start(1, 0, 16.0, 3680.0, LEASE_S)
    await charge(device, 5)
    box.inputs["lid"] = True
    assert await status(device) == (A, Cause.NONE)
    assert not box.relay
    box.inputs["lid"] = False
    assert await status(device) == (A, Cause.NONE), "what is behind the lid now is not known"


async def test_a_full_battery_ends_the_charge() -> None:
    box = Box()
    device = socket(box)
    device.assume_vehicle()
    await device.start(1, 0, 16.0, 3680.0, LEASE_S)
    box.load_a = 10.0
    await charge(device, 100)
    box.load_a = 0.2
    await charge(device, 55)
    assert (await device.read()).status is C6
    await asyncio.sleep(4)
    await device.limit(16.0, 3680.0, LEASE_S)
    await asyncio.sleep(2)
    reading = await device.read()
    assert (reading.status, reading.session_ref) == (B2, 0)
    assert not box.relay
    with pytest.raises(Refused):
        await device.limit(16.0, 3680.0, LEASE_S)


async def test_less_than_its_rated_current_is_a_pause() -> None:
    box = Box()
    device = socket(box)
    device.assume_vehicle()
    await device.start(1, 0, 10.0, 2300.0, LEASE_S)
    assert await status(device) == (B, Cause.NONE)
    await charge(device, 300, 15.9)
    assert (await device.read()).session_ref == 1, "a pause ends nothing, however long"
    assert box.closings == 0
    await device.limit(16.0, 3680.0, LEASE_S)
    assert box.closings == 1
    await device.limit(0.0, 0.0, LEASE_S)
    assert not box.relay


async def test_nobody_renews_and_it_opens_by_itself() -> None:
    box = Box()
    device = socket(box)
    device.assume_vehicle()
    await device.start(1, 0, 16.0, 3680.0, LEASE_S)
    await asyncio.sleep(LEASE_S + 0.1)
    reading = await device.read()
    assert (reading.status, reading.cause, reading.session_ref) == (B, Cause.LEASE_ENDED, 0)
    assert not box.relay


async def test_a_relay_found_closed_is_opened_and_its_charge_may_be_taken_up() -> None:
    box = Box()
    box.relay, box.load_a = True, 10.0
    device = socket(box)
    assert await status(device) == (B, Cause.LEASE_ENDED)
    assert not box.relay
    await device.start(9, 0, 16.0, 3680.0, LEASE_S)
    assert await status(device) == (C6, Cause.NONE)


async def test_a_tripped_breaker_opens_and_shows() -> None:
    box = Box()
    device = socket(box, breaker="rcd")
    device.assume_vehicle()
    await device.start(1, 0, 16.0, 3680.0, LEASE_S)
    box.inputs["rcd"] = True
    assert await status(device) == (ControllerStatus.E6_ELECTROMECHANICAL, Cause.RESIDUAL_CURRENT)
    assert not box.relay
    with pytest.raises(Refused, match="breaker"):
        await device.start(2, 0, 16.0, 3680.0, LEASE_S)


@pytest.mark.parametrize("how", ["feedback", "current"])
async def test_a_relay_that_does_not_open_is_welded(how: str) -> None:
    box = Box()
    device = socket(box)
    device.assume_vehicle()
    await device.start(1, 0, 16.0, 3680.0, LEASE_S)
    box.load_a = 10.0
    await charge(device, 5)
    if how == "feedback":
        box.stuck = True
    else:
        box.leak_a = FLOWS_A + 1
    await device.stop()
    seen = set()
    for _ in range(round(WELDED_AFTER_S / 0.1) + 3):
        seen.add(await status(device))
        await asyncio.sleep(0.1)
    assert await status(device) == (ControllerStatus.E6_ELECTROMECHANICAL, Cause.CONTACTOR_WELDED)
    assert (B2, Cause.NONE) in seen, "not before it had time"


async def test_a_relay_out_of_order_shows() -> None:
    box = Box()
    box.broken = Cause.CONTACTOR_FAILED
    assert await status(socket(box)) == (ControllerStatus.E6_ELECTROMECHANICAL, Cause.CONTACTOR_FAILED)


async def test_a_relay_that_fell_off_is_not_closed_again_before_the_vehicle_has_left() -> None:
    box = Box()
    device = socket(box, gone_after_s=10.0)
    device.assume_vehicle()
    await device.start(7, 0, 16.0, 3680.0, LEASE_S)
    box.relay, box.broken = False, Cause.CONTACTOR_FAILED
    with pytest.raises(Refused, match="fell off"):
        await device.limit(16.0, 3680.0, LEASE_S)
    box.broken = Cause.NONE
    assert await status(device) == (ControllerStatus.E6_ELECTROMECHANICAL, Cause.CONTACTOR_FAILED)
    with pytest.raises(Refused, match="no session"):
        await device.limit(16.0, 3680.0, LEASE_S)
    with pytest.raises(Refused, match="unplug first"):
        await device.start(8, 0, 16.0, 3680.0, LEASE_S)
    assert box.closings == 1
    await asyncio.sleep(11)
    assert await status(device) == (A, Cause.NONE)
    device.assume_vehicle()
    await device.start(8, 0, 16.0, 3680.0, LEASE_S)
    assert await status(device) == (C6, Cause.NONE)


async def test_a_stop_wins_over_a_start_that_still_closes_the_relay() -> None:
    box = Box()
    box.closes_in_s = 0.3
    device = socket(box)
    device.assume_vehicle()
    start = asyncio.create_task(device.start(7, 0, 16.0, 3680.0, LEASE_S))
    await asyncio.sleep(0.1)
    await device.emergency_stop()
    with pytest.raises(Refused, match="stopped while"):
        await start
    assert (await device.read()).session_ref == 0


async def test_a_renewal_after_the_lease_renews_nothing() -> None:
    box = Box()
    device = socket(box)
    device.assume_vehicle()
    await device.start(7, 0, 16.0, 3680.0, LEASE_S)
    await asyncio.sleep(LEASE_S + 0.1)
    with pytest.raises(Refused, match="no session"):
        await device.limit(16.0, 3680.0, LEASE_S)


@pytest.mark.parametrize("part", ["lid", "rcd"])
async def test_lid_and_breaker_open_the_relay_although_the_meter_is_silent(part: str) -> None:
    box = Box()
    device = socket(box, lid="lid", lid_means=Lid.MUST_BE_CLOSED, breaker="rcd")
    device.assume_vehicle()
    await device.start(7, 0, 16.0, 3680.0, LEASE_S)
    box.meter_answers, box.inputs[part] = False, True
    with pytest.raises(NoAnswer):
        await device.read()
    assert not box.relay


async def test_a_relay_that_is_not_closed_yet_is_no_session() -> None:
    box = Box()
    device = socket(box)
    device.assume_vehicle()
    box.fails = NoAnswer("not closed yet")
    with pytest.raises(NoAnswer):
        await device.start(1, 0, 16.0, 3680.0, LEASE_S)
    assert (await device.read()).session_ref == 0
    box.fails = None
    await device.start(1, 0, 16.0, 3680.0, LEASE_S)
    assert (await device.read()).session_ref == 1


@pytest.mark.parametrize("silent", ["relay", "meter", "lid", "rcd"])
async def test_what_is_not_known_is_an_error_and_never_a_zero(silent: str) -> None:
    box = Box()
    device = socket(box, lid="lid", breaker="rcd")
    if silent == "relay":
        box.relay = None
    elif silent == "meter":
        box.meter_answers = False
    else:
        box.inputs[silent] = None
    with pytest.raises(NoAnswer):
        await device.read()


async def test_a_stop_reaches_the_relay_although_nothing_else_answers() -> None:
    box = Box()
    device = socket(box)
    device.assume_vehicle()
    await device.start(1, 0, 16.0, 3680.0, LEASE_S)
    box.meter_answers = False
    await device.stop()
    assert not box.relay


async def test_an_emergency_stop_lasts_until_it_is_rebooted() -> None:
    box = Box()
    device = socket(box)
    device.assume_vehicle()
    await device.start(1, 0, 16.0, 3680.0, LEASE_S)
    await device.emergency_stop()
    assert not box.relay
    assert (await device.read()).status is ControllerStatus.E9_EMERGENCY_STOP
    with pytest.raises(Refused):
        await device.start(2, 0, 16.0, 3680.0, LEASE_S)
    await device.reboot()
    assert (await device.read()).status is B


async def test_what_it_has_not_is_refused() -> None:
    device = socket(Box())
    for order in (
        device.lock(), device.unlock(), device.set_clock(datetime(2026, 5, 4, tzinfo=UTC)),
        device.write_parameter("x", 1),
    ):  # fmt: skip
        with pytest.raises(Refused):
            await order
    assert await device.parameters() == ()
    with pytest.raises(ValueError, match="other devices"):
        open_device(Settings(relay="relay"), None)
