"""What is phyVERSO's own, beside the stories of every family (test_families.py)."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from drivers.codecs.cobs import Receiver, decoded_fields, framed
from drivers.controllers import phyverso
from drivers.controllers import phyverso_board as words
from drivers.controllers.box import Letter
from drivers.errors import NoAnswer, Refused
from drivers.interfaces import HardwareFlag
from drivers.simulated.vehicle import PlugOptions
from drivers.simulated.wire import Line
from tests.drivers.controllers.benches import Family, a_bench

PHYVERSO = Family("phyverso", is_bytes=True, wrong_address=False, speaks_each_s=1.0)
LOCKED = Family("phyverso", is_bytes=True, wrong_address=False, options={"lock": "qwello"})


class Told:
    """The bytes that the driver says to a board that never answers, as messages."""

    def __init__(self) -> None:
        self.line = Line()
        self.port = self.line.port()
        self.messages: list[dict[int, int | bytes]] = []
        self._receiver = Receiver()
        self.raw = b""
        self.line.on_request = self._take

    def _take(self, data: bytes) -> None:
        self.raw += data
        self.messages += [decoded_fields(message) for message in self._receiver.feed(data)]


async def test_orders_leave_as_published() -> None:
    told = Told()
    async with told.port:
        box = phyverso.PhyVerso(told.port, phyverso.Settings("bus"))
        box._side.letter = Letter.C
        await box.allow(16.0)
        await asyncio.sleep(0.1)
        assert told.messages[0] == {4: 2666, 7: 1}  # 16 A is 26.666 %, rounded down
        assert bytes.fromhex("0D 2A 04 08 01 10 01 38 01 03 60 54 E6 00") in told.raw
    told.line.close()


async def test_a_message_of_the_board_is_understood_in_any_pieces() -> None:
    told = Told()
    async with told.port:
        board = words.board_on(told.port)
        assert words.board_on(told.port) is board
        for byte in bytes.fromhex("09 18 02 30 01 98 8D D3 E0 00"):
            board.received(bytes((byte,)))
        assert board.sides[1].letter == "C"
        assert board.sides[2].letter is None
        board.received(framed(b"\xff\xff") + b"\x05\x01\x00" + framed(bytes.fromhex("18 09 30 01")))
        assert board.sides[1].letter == "C"
        assert board.damaged == 1
    told.line.close()


async def test_a_board_that_says_nothing_of_its_pilot_is_reset_once_in_a_while() -> None:
    told = Told()
    async with told.port:
        box = phyverso.PhyVerso(told.port, phyverso.Settings("bus", 2))
        for _ in range(12):
            box._board.received(framed(bytes.fromhex("0A 00")))
            with pytest.raises(NoAnswer, match="pilot"):
                await box.look()
            await asyncio.sleep(0.5)
        assert [message for message in told.messages if 6 in message] == [{6: 1}, {6: 1}]
    told.line.close()


async def test_the_relay_follows_the_vehicle_and_waits_for_it_at_the_end() -> None:
    async with a_bench(PHYVERSO) as bench:
        await bench.charge(16.0)
        bench.renews = False
        assert bench.model.vehicle is not None
        await bench.driver.stop()
        await asyncio.sleep(2.5)
        bench.advance()
        opening = bench.model.contactor.log[-1]
        assert not opening.closed
        assert opening.current_a <= 1.0
        reading = await bench.poll()
        assert HardwareFlag.OUTPUT_RELAY not in reading.flags


async def test_an_emergency_stop_does_not_wait_for_the_vehicle() -> None:
    async with a_bench(PHYVERSO) as bench:
        await bench.charge(16.0)
        bench.renews = False
        await bench.driver.emergency_stop()
        await asyncio.sleep(0.05)
        assert not bench.face.coil
        reading = await bench.poll()
        assert reading.status == "E9"


async def test_its_own_time_out_opens_it_when_we_fall_silent() -> None:
    async with a_bench(PHYVERSO) as bench:
        await bench.charge(16.0)
        await asyncio.sleep(6.5)
        bench.advance()
        assert not bench.model.contactor.is_closed


async def test_a_socket_is_locked_for_a_charge_and_released_after_it() -> None:
    async with a_bench(LOCKED) as bench:
        bench.model.hardware = msgspec.structs.replace(bench.model.hardware, has_lock=True)
        bench.outlet.plug(PlugOptions(cable_current_a=20.0))
        await bench.until_status("B")
        await bench.start(32.0)
        reading = await bench.until_status("C6")
        assert bench.model.locked
        assert HardwareFlag.CONNECTOR_LOCKED in reading.flags
        assert reading.limit_current_a == 20.0
        bench.renews = False
        await bench.driver.stop()
        await bench.polls(8)
        assert not bench.model.locked


async def test_without_a_lock_motor_it_is_not_locked() -> None:
    async with a_bench(PHYVERSO) as bench:
        bench.outlet.plug(PlugOptions())
        await bench.until_status("B")
        with pytest.raises(Refused, match="lock"):
            await bench.driver.lock()


async def test_it_is_told_its_hardware_when_it_asks() -> None:
    async with a_bench(LOCKED) as bench:
        await bench.poll()
        bench.model.break_down("reboot")
        await asyncio.sleep(1.0)
        await bench.until(lambda reading: reading.boot_count > 1, 20)
        await asyncio.sleep(0.5)
        assert bench.face.configured is not None
        assert decoded_fields(bench.face.configured)[2] == b"\x08\x01"
