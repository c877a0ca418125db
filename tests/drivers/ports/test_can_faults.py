"""What must not silence a CAN port, or lie about it: drivers' faults, adapters without power, floods in a thread."""

from __future__ import annotations

import asyncio
import logging

import pytest

from drivers.codecs import slcan
from drivers.codecs.can import CanFrame
from drivers.errors import BadFrame, NoAnswer
from drivers.ports.can import CanPort
from drivers.ports.can_python import PythonCanWire
from drivers.ports.can_slcan import SlcanWire
from drivers.ports.can_wire import MOST_AT_ONCE, CanTrouble
from drivers.simulated.can_line import CanLine
from drivers.simulated.wire import Line
from tests.drivers.ports.nodes import Node, backwards_from


def now() -> float:
    return asyncio.get_running_loop().time()


def a_line() -> CanLine:
    line = CanLine()
    line.attach(Node(0x100))
    return line


async def ask(port: CanPort) -> bytes:
    return await port.ask(CanFrame(0x100, b"\1\2"), backwards_from(0x100))


async def test_a_driver_that_fails_on_an_answer_is_a_bad_frame_and_counted() -> None:
    def fails(frame: CanFrame) -> bytes:
        return frame.data[100:101] or bytes(frame.data[100])

    async with a_line().port() as port:
        with pytest.raises(BadFrame, match="IndexError"):
            await port.ask(CanFrame(0x100, b"\1"), fails, device="x")
        counted = port.devices["x"]
        assert (counted.requests, counted.bad_frame, counted.errors) == (1, 1, {"garbage": 1})
        assert await ask(port) == b"\1\2"


def _nothing(frame: CanFrame) -> bytes | None:
    return None


async def test_who_does_not_wait_for_an_answer_spoils_no_statistics() -> None:
    async with a_line().port() as port:
        asking = asyncio.create_task(port.ask(CanFrame(0x999, b""), _nothing, device="x"))
        await asyncio.sleep(0.05)
        asking.cancel()
        await asyncio.wait([asking])
        assert port.devices["x"].requests == 0 and port.statistics.errors == {}


async def test_an_adapter_that_is_lost_while_its_bus_is_off_is_opened_as_soon_as_it_is_back() -> None:
    line = a_line()
    async with line.port() as port:
        line.bus_off(shorted=True)
        for _ in range(400):  # until the pauses are long
            await asyncio.sleep(0.1)
            if port.is_open:
                port.send(CanFrame(1, b""))
        assert port.error
        line.cut()
        await asyncio.sleep(1)
        line.restore()
        back_s = now()
        while not port.is_open:
            await asyncio.sleep(0.05)
        assert now() - back_s < 5.5
        assert await ask(port) == b"\1\2"


async def test_a_fault_of_this_software_does_not_end_a_can_port_for_good(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_line().port() as port:
        with monkeypatch.context() as patch:
            patch.setattr(port, "_measure", lambda now_s: 1 / 0)
            await asyncio.sleep(20)
            with pytest.raises(NoAnswer):
                await ask(port)
        await asyncio.sleep(6)
        assert await ask(port) == b"\1\2"
        assert caplog.text.count("a fault of this software") == 1


async def test_what_an_identifier_names_can_be_hidden() -> None:
    line = a_line()
    async with line.port() as port:
        show = port.hide(0x101)
        assert await ask(port) == b"\1\2"
        assert port.frames.lines()[-1].endswith("< 00000101")
        show()
        await ask(port)
        assert port.frames.lines()[-1].endswith("< 00000101 02 01")


# -------------------------------------------------------------------------------------------------------------- slcan


@pytest.mark.parametrize(
    "line", [b"t1_00", b"t+120", b"t-010", b"t 120", b"t1001 4", b"T0000_1230", b"t1002+1 2", b"F-1"]
)
def test_what_only_looks_like_digits_is_no_frame(line: bytes) -> None:
    assert list(slcan.Parser().feed(line + b"\r")) == [slcan.Line(is_garbage=True)]


class _Adapter:
    """An slcan adapter that can lose its power: it is closed then, and says no to all but being opened."""

    def __init__(self, line: Line, knows_status: bool) -> None:
        self.is_open, self.is_dead = False, False
        self._line, self._knows_status = line, knows_status
        line.on_request = self._received

    def _received(self, data: bytes) -> None:
        for each in data.split(b"\r"):
            if each and not self.is_dead:
                self._line.send(self._answer(each[:1]))

    def _answer(self, begin: bytes) -> bytes:
        if begin in b"OC":
            self.is_open = begin == b"O"
            return b"\r"
        if begin == b"F":
            return b"F00\r" if self.is_open and self._knows_status else b"\a"
        return (b"z\r" if self.is_open else b"\a") if begin in b"tT" else b"\r"


@pytest.mark.parametrize("knows_status", [True, False])
async def test_an_adapter_that_was_without_power_is_opened_anew(knows_status: bool) -> None:
    line = Line()
    adapter = _Adapter(line, knows_status)
    async with CanPort("can", SlcanWire(line.wire(), 125_000)) as port:
        for _ in range(100):
            port.send(CanFrame(0x10, b"\1"))
            await asyncio.sleep(0.1)
        assert port.is_open and port.statistics.errors == {}
        adapter.is_open = False  # without power for a moment
        cut_s = now()
        while not adapter.is_open:
            await asyncio.sleep(0.1)
            if port.is_open:
                port.send(CanFrame(0x10, b"\1"))
        assert now() - cut_s < 7
        assert port.statistics.causes[CanTrouble.DEAF.value] == 1
    line.close()


async def test_an_adapter_that_stays_without_power_is_tried_with_growing_pauses_and_said() -> None:
    line = Line()
    adapter = _Adapter(line, knows_status=True)
    async with CanPort("can", SlcanWire(line.wire(), 125_000)) as port:
        await asyncio.sleep(5)
        adapter.is_dead, adapter.is_open = True, False
        await asyncio.sleep(300)
        assert 5 <= port.statistics.restarts <= 20
        assert "without power" in port.error or port.is_open
        adapter.is_dead = False
        await asyncio.sleep(40)
        assert adapter.is_open and port.is_open
    line.close()


# --------------------------------------------------------------------------------------------------------- python-can


class _Message:
    is_error_frame = is_remote_frame = is_fd = False
    arbitration_id, is_extended_id, data = 1, False, b"\1"


async def test_a_flood_in_the_thread_of_a_bus_leaves_the_loop_its_turns(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    wire = PythonCanWire("virtual", "flood", 125_000)
    heard: list[int] = []

    class Listener:
        def frame(self, can_id: int, is_extended: bool, data: bytes) -> None:
            heard.append(turn)

        def trouble(self, kind: CanTrouble) -> None: ...
        def lost(self) -> None: ...

    turn = 0
    wire._listener, wire._loop = Listener(), asyncio.get_running_loop()
    wire._waiting.extend(_Message() for _ in range(4 * MOST_AT_ONCE))
    wire._drain()
    while len(heard) < 4 * MOST_AT_ONCE:
        turn += 1
        await asyncio.sleep(0)
    assert turn >= 3 and max(heard.count(each) for each in set(heard)) <= MOST_AT_ONCE
