"""CAN wires for real: slcan on pseudo-terminals and TCP, python-can's own bus, raw sockets by a stand-in; the codec."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.codecs import slcan
from drivers.codecs.can import CanFrame
from drivers.errors import NoAnswer
from drivers.ports.can import CanPort
from drivers.ports.can_python import PythonCanWire
from drivers.ports.can_slcan import SlcanWire
from drivers.ports.can_socket import SocketCanWire
from drivers.ports.can_wire import CanTrouble, CanWire, open_can_wire
from drivers.simulated.can_line import CanLine
from drivers.simulated.ends import PtyEnd, TcpEnd
from drivers.simulated.slcan_handler import SlcanHandler
from drivers.simulated.wire import Line
from tests.drivers.ports.nodes import Node, backwards_from

# ------------------------------------------------------------------------------------------------------------ codec

frames = st.builds(
    lambda can_id, data, is_extended: CanFrame(can_id if is_extended else can_id & 0x7FF, data, is_extended),
    st.integers(0, 0x1FFFFFFF),
    st.binary(max_size=8),
    st.booleans(),
)


@pytest.mark.parametrize(
    "line, frame",
    [
        (b"t10021133\r", CanFrame(0x100, b"\x11\x33", False)),
        (b"T0000010021133\r", CanFrame(0x100, b"\x11\x33", True)),
        (b"t7FF0\r", CanFrame(0x7FF, b"", False)),
        (b"T1826F4568000102030405FFFE\r", CanFrame(0x1826F456, b"\0\1\2\3\4\5\xff\xfe", True)),
    ],
)
def test_known_lines_are_frames(line: bytes, frame: CanFrame) -> None:
    assert slcan.encode(frame) == line
    assert list(slcan.Parser().feed(line)) == [(frame.can_id, frame.is_extended, frame.data)]


@given(st.lists(frames, max_size=6), st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_frames_pass_in_whatever_pieces_they_come(sent: list[CanFrame], sizes: list[int]) -> None:
    parser = slcan.Parser()
    got: list[slcan.Received | slcan.Line] = []
    data = b"".join(slcan.encode(frame) for frame in sent)
    while data:
        size = sizes[len(got) % len(sizes)]
        got += list(parser.feed(data[:size]))
        data = data[size:]
    assert got == [(frame.can_id, frame.is_extended, frame.data) for frame in sent]


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_or_give_a_frame_that_cannot_be(data: bytes) -> None:
    for found in slcan.Parser().feed(data + b"\r"):
        if isinstance(found, tuple):
            assert 0 <= found[0] <= 0x1FFFFFFF and len(found[2]) <= 8


@pytest.mark.parametrize(
    "line, told",
    [
        (b"sb256256\r", slcan.Line(state=slcan.State.BUS_OFF)),
        (b"sa057033\r", slcan.Line(state=slcan.State.ACTIVE)),
        (b"e1a\r", slcan.Line(errors=(slcan.Error.ACKNOWLEDGE,))),
        (b"e3bcO\r", slcan.Line(errors=(slcan.Error.BIT, slcan.Error.CHECK_SUM, slcan.Error.QUEUE_FULL))),
        (b"F00\r", slcan.Line(state=slcan.State.ACTIVE)),
        (b"FA8\r", slcan.Line(state=slcan.State.PASSIVE, errors=(slcan.Error.OVERRUN, slcan.Error.BUS))),
        (b"\a", slcan.Line(is_no=True)),
        (b"t1002113\r", slcan.Line(is_garbage=True)),
        (b"tXYZ0\r", slcan.Line(is_garbage=True)),
    ],
)
def test_what_adapters_tell_beside_frames_is_understood(line: bytes, told: slcan.Line) -> None:
    assert list(slcan.Parser().feed(line)) == [told]


@pytest.mark.parametrize("line", [b"\r", b"z\r", b"Z\r", b"V1013\r", b"NA123\r"])
def test_acknowledgements_say_nothing(line: bytes) -> None:
    assert list(slcan.Parser().feed(line)) == []


# ------------------------------------------------------------------------------------------------------------- slcan

OPTIONS = {"sleep_after_open": 0.02}


@contextmanager
def slcan_end(link: Path, *, is_tcp: bool = False) -> Iterator[tuple[CanLine, PtyEnd | TcpEnd, str]]:
    """A bus with one node behind a simulated adapter, and where that is."""
    line = CanLine(500_000)
    line.attach(Node(0x100, every_s=0.1))
    handler = SlcanHandler(line)
    end = TcpEnd(handler, "127.0.0.1", 0) if is_tcp else PtyEnd(handler, link)
    end.start()
    try:
        yield line, end, f"socket://{end.where}" if is_tcp else end.where
    finally:
        end.close()
        line.close()


@asynccontextmanager
async def slcan_port(link: Path, *, is_tcp: bool = False) -> AsyncIterator[tuple[CanLine, PtyEnd | TcpEnd, CanPort]]:
    """The same, and a port on it."""
    with slcan_end(link, is_tcp=is_tcp) as (line, end, where):
        async with CanPort("can", open_can_wire("slcan", where, 500_000, OPTIONS)) as port:
            yield line, end, port


async def until(holds: Callable[[], bool], within_s: float = 8.0) -> None:
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.01)


async def ask(port: CanPort, data: bytes) -> bytes:
    return await port.ask(CanFrame(0x100, data), backwards_from(0x100), timeout_s=1.0)


@pytest.mark.realtime
@pytest.mark.parametrize("is_tcp", [False, True])
async def test_slcan_carries_frames_both_ways(tmp_path: Path, is_tcp: bool) -> None:
    async with slcan_port(tmp_path / "can", is_tcp=is_tcp) as (_, _, port):
        for turn in range(50):
            assert await ask(port, bytes((turn, 1, 2))) == bytes((turn, 1, 2))
        assert port.statistics.answers == 50 and port.statistics.errors == {}
        heard: list[CanFrame] = []
        port.listen(heard.append, can_id=0x102, mask=0x7FF)
        await until(lambda: len(heard) > 2)


async def test_an_adapter_that_does_not_know_the_question_for_its_state_is_not_asked_on() -> None:
    heard: list[bytes] = []
    line = Line()

    def answer(data: bytes) -> None:
        heard.append(data)
        line.send(b"\a" if data.startswith(b"F") else b"\r")

    line.on_request = answer
    async with CanPort("can", SlcanWire(line.wire(), 125_000)) as port:
        await asyncio.sleep(30)
        assert heard == [b"\rC\r", b"S4\rO\r", b"F\r", b"F\r", b"F\r"]
        assert port.is_open and port.statistics.errors == {}
    line.close()


@pytest.mark.parametrize("said, kind", [(b"F04\r", CanTrouble.WARNING), (b"F20\r", CanTrouble.PASSIVE)])
async def test_the_state_of_the_bus_is_asked_of_an_adapter_and_told_once(said: bytes, kind: CanTrouble) -> None:
    line = Line()
    line.on_request = lambda data: line.send(said if data.startswith(b"F") else b"\r")
    async with CanPort("can", SlcanWire(line.wire(), 125_000)) as port:
        await asyncio.sleep(5)
        assert port.is_open and port.statistics.causes == {kind.value: 1}
    line.close()


@pytest.mark.realtime
async def test_bus_off_on_an_adapter_heals_within_two_seconds(tmp_path: Path) -> None:
    async with slcan_port(tmp_path / "can") as (line, _, port):
        await ask(port, b"1")
        line.bus_off()
        await until(lambda: not port.is_open)
        assert port.statistics.errors == {"bus-off": 1}
        with pytest.raises(NoAnswer, match="bus off"):
            port.send(CanFrame(1, b""))
        await until(lambda: port.is_open, 2.0)
        assert await ask(port, b"2") == b"2"


@pytest.mark.realtime
async def test_an_adapter_that_returns_under_another_name_is_found_by_its_link(tmp_path: Path) -> None:
    """B019 for CAN adapters."""
    link = tmp_path / "can"
    async with slcan_port(link) as (_, end, port):
        await ask(port, b"1")
        lost_s = time.monotonic()
        end.unplug()
        await until(lambda: not port.is_open, 3.0)
        held = PtyEnd(SlcanHandler(CanLine()), None)  # takes the old name
        held.start()
        end.start()
        await until(lambda: port.is_open)
        assert time.monotonic() - lost_s < 10
        assert await ask(port, b"2") == b"2"
        held.close()


@pytest.mark.realtime
async def test_a_bus_filled_by_one_identifier_takes_less_than_half_a_processor(tmp_path: Path) -> None:
    """B020: 500 kbit/s full of frames of 8 bytes, as lines of text on a pseudo-terminal, for a second."""
    async with slcan_port(tmp_path / "can") as (line, _, port):
        line.babble(0x0, 1.0, b"12345678")
        await asyncio.sleep(0.3)
        before, begun_s, spent_s = port.statistics.received, time.monotonic(), time.process_time()
        await asyncio.sleep(1.0)
        share = (time.process_time() - spent_s) / (time.monotonic() - begun_s)
        assert port.statistics.received - before > 1500
        assert share < 0.5  # the node that babbles is in this process, too
        with pytest.raises(NoAnswer):
            await ask(port, b"1")
        line.babble(0x0, 0.0)
        await until(lambda: port.is_open)
        await asyncio.sleep(0.1)  # the question that waited in the adapter is answered now
        assert await ask(port, b"2") == b"2"


async def test_a_bit_rate_that_slcan_does_not_know_is_said() -> None:
    async with CanPort("can", open_can_wire("slcan", "/dev/null", 33_333)) as port:
        assert "bit_rate 33333 is none that slcan knows" in port.error


async def test_an_adapter_that_is_not_there_is_said() -> None:
    async with CanPort("can", open_can_wire("slcan", "/dev/serial/by-id/none", 125_000)) as port:
        assert "does not exist" in port.error


# ---------------------------------------------------------------------------------------------------- other interfaces


@pytest.mark.realtime
async def test_a_bus_of_python_can_without_a_file_descriptor_is_read_by_a_thread() -> None:
    import can

    other = can.Bus(interface="virtual", channel="chargepoint-test")
    heard: list[CanFrame] = []
    async with CanPort("can", PythonCanWire("virtual", "chargepoint-test", 125_000)) as port:
        port.listen(heard.append)
        port.send(CanFrame(0x123, b"\1\2", False))
        message = await asyncio.to_thread(other.recv, 2.0)
        assert message is not None and (message.arbitration_id, bytes(message.data)) == (0x123, b"\1\2")
        other.send(can.Message(arbitration_id=0x1826F456, is_extended_id=True, data=b"\3"))
        other.send(can.Message(is_error_frame=True, arbitration_id=0x40))
        await until(lambda: len(heard) == 1 and not port.is_open)
        assert heard == [CanFrame(0x1826F456, b"\3")]
        await until(lambda: port.is_open)
    other.shutdown()


@pytest.mark.realtime
async def test_a_bus_of_python_can_with_a_file_descriptor_is_read_by_the_loop_and_lost_with_it(tmp_path: Path) -> None:
    with slcan_end(tmp_path / "can") as (_, end, where):
        wire = PythonCanWire("slcan", where, 500_000, OPTIONS)
        async with CanPort("can", wire) as port:
            for turn in range(10):
                assert await ask(port, bytes((turn, 1))) == bytes((turn, 1))
            end.unplug()
            await until(lambda: not port.is_open)
            end.start()
            await until(lambda: port.is_open)
            assert await ask(port, b"again") == b"again"


@pytest.mark.realtime
async def test_an_interface_that_cannot_be_opened_is_said() -> None:
    async with CanPort("can", PythonCanWire("no-such-interface", "0", 125_000)) as port:
        assert "no-such-interface" in port.error


class _Raw(socket.socket):
    """The near end of a socket pair in place of a CAN socket."""

    def bind(self, address: object) -> None:
        assert address == ("can0",)


def _pair() -> tuple[SocketCanWire, socket.socket]:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    far.setblocking(False)
    return SocketCanWire("can0", 500_000, lambda: _Raw(fileno=near.detach())), far


async def test_frames_of_linux_pass_as_its_header_says() -> None:
    wire, far = _pair()
    heard: list[CanFrame] = []
    async with CanPort("can", wire) as port:
        port.listen(heard.append)
        port.send(CanFrame(0x1826F456, b"\1\2\3"))
        port.send(CanFrame(0x123, b"", False))
        assert far.recv(64) == struct.pack("=IB3x8s", 0x9826F456, 3, b"\1\2\3")
        assert far.recv(64) == struct.pack("=IB3x8s", 0x123, 0, b"")
        far.send(struct.pack("=IB3x8s", 0x9826F457, 2, b"\4\5"))
        far.send(struct.pack("=IB3x8s", 0x7FF, 8, b"12345678"))
        far.send(struct.pack("=IB3x8s", 0x40000001, 0, b""))  # a remote frame: nobody uses them
        await asyncio.sleep(0.01)
        assert heard == [CanFrame(0x1826F457, b"\4\5"), CanFrame(0x7FF, b"12345678", False)]
        far.close()
        await asyncio.sleep(0.01)
        assert port.statistics.lost == 1


@pytest.mark.parametrize(
    "can_id, data, kinds",
    [
        (0x20000020, b"", {CanTrouble.ACKNOWLEDGE}),
        (0x20000004, b"\0\x01", {CanTrouble.OVERRUN}),
        (0x20000004, b"\0\x20", {CanTrouble.PASSIVE}),
        (0x20000004, b"\0\x04", {CanTrouble.WARNING}),
        (0x20000088, b"\0\0\x04", {CanTrouble.BUS, CanTrouble.STUFF}),
        (0x20000002, b"", {CanTrouble.ARBITRATION}),
    ],
)
async def test_error_frames_of_linux_are_counted_by_their_kind(can_id: int, data: bytes, kinds: set[str]) -> None:
    wire, far = _pair()
    async with CanPort("can", wire) as port:
        far.send(struct.pack("=IB3x8s", can_id, 8, data))
        await asyncio.sleep(0.01)
        assert port.statistics.causes == dict.fromkeys(kinds, 1) and port.is_open
    far.close()


async def test_a_bus_off_of_linux_is_told_and_a_full_queue_is_no_answer() -> None:
    wire, far = _pair()
    async with CanPort("can", wire) as port:
        with pytest.raises(NoAnswer, match="takes no more frames"):
            for _ in range(10_000):
                port.send(CanFrame(1, b"12345678"))
        assert port.is_open and port.statistics.not_sent == 1
        far.send(struct.pack("=IB3x8s", 0x20000040, 8, b""))
        await asyncio.sleep(0.01)
        assert port.error and port.statistics.bus_off == 1
    far.close()


async def test_an_interface_of_linux_comes_back_by_itself_or_is_restarted_whoever_may() -> None:
    asked: list[str] = []
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]
    nears = [_Raw(fileno=near.detach()) for near, _ in pairs]

    async def ask_system(channel: str) -> None:
        asked.append(channel)
        raise OSError("not allowed")

    async with CanPort("can", SocketCanWire("can0", 500_000, lambda: nears.pop(0), ask_system)) as port:
        pairs[0][1].send(struct.pack("=IB3x8s", 0x20000040, 8, b""))
        pairs[0][1].send(struct.pack("=IB3x8s", 0x20000100, 8, b""))  # restart-ms did it
        await asyncio.sleep(0.01)
        assert port.is_open and port.statistics.bus_off == 1
        await asyncio.sleep(5)
        assert not asked
        pairs[0][1].send(struct.pack("=IB3x8s", 0x20000040, 8, b""))
        await asyncio.sleep(0.01)
        assert port.error
        await asyncio.sleep(5)
        assert asked == ["can0"] and port.is_open
        port.send(CanFrame(1, b""))
        assert pairs[1][1].recv(64)[:4] == b"\1\0\0\x80"
    for _, far in pairs:
        far.close()


async def test_a_machine_without_can_says_so() -> None:
    def refused() -> socket.socket:
        raise OSError(97, "Address family not supported by protocol")

    async with CanPort("can", SocketCanWire("can0", 125_000, refused)) as port:
        assert port.error == "this system has no CAN (Address family not supported by protocol)"


def test_every_wire_is_a_can_wire() -> None:
    assert issubclass(PythonCanWire, CanWire) and issubclass(SocketCanWire, CanWire)
