"""CAN ports: frames to those who listen, questions, bus-off, babbling nodes, lost adapters."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from drivers.codecs.can import CanFrame
from drivers.errors import BadFrame, NoAnswer, Refused
from drivers.ports.can import CanPort
from drivers.ports.can_listeners import MOST_PER_WINDOW
from drivers.ports.can_wire import CanTrouble, CanWire
from drivers.simulated.can_line import CanLine
from tests.drivers.ports.nodes import Node, backwards_from


def now() -> float:
    return asyncio.get_running_loop().time()


def a_line(*nodes: Node, bit_rate: int = 125_000) -> CanLine:
    line = CanLine(bit_rate)
    for node in nodes or (Node(0x100),):
        line.attach(node)
    return line


async def ask(port: CanPort, asked: int = 0x100, data: bytes = b"\1\2\3") -> bytes:
    return await port.ask(CanFrame(asked, data), backwards_from(asked))


async def opened(port: CanPort) -> None:
    while not port.is_open:
        await asyncio.sleep(0.01)


async def test_a_question_gets_its_answer_after_the_time_the_bits_need() -> None:
    async with a_line().port() as port:
        assert await ask(port) == b"\1\2\3"
        assert now() == pytest.approx(2 * (67 + 24) * 1.1 / 125_000, rel=0.01)
        assert port.devices[0x100].answers == 1 and port.statistics.answers == 1
        assert (port.statistics.sent, port.statistics.received) == (1, 1)
        assert [line.split(" ", 1)[1] for line in port.frames.lines()] == ["> 00000100 01 02 03", "< 00000101 03 02 01"]


async def test_questions_to_different_devices_run_side_by_side_and_to_one_device_in_turn() -> None:
    async with a_line(Node(0x100), Node(0x200)).port() as port:
        asked = [(at, bytes((at & 0xFF, turn))) for at in (0x100, 0x200) for turn in range(20)]
        answers = await asyncio.gather(*(ask(port, *each) for each in asked))
        assert answers == [data for _, data in asked]


async def test_silence_is_no_answer_and_names_frame_and_port() -> None:
    async with a_line().port("modules") as port:
        with pytest.raises(NoAnswer, match=r"frame 00000300 01 on port 'modules' .*no answer within 0.2 s"):
            await ask(port, 0x300, b"\1")
        assert now() == pytest.approx(0.2, abs=0.01)
        assert port.devices[0x300].no_answer == 1


@pytest.mark.parametrize("error", [Refused("no"), BadFrame("damaged")])
async def test_what_the_answer_says_is_given_to_the_asker(error: Exception) -> None:
    def answer(frame: CanFrame) -> None:
        raise error

    async with a_line().port() as port:
        with pytest.raises(type(error)):
            await port.ask(CanFrame(0x100, b""), answer, device="x")
        assert port.devices["x"].answers == 0 and port.devices["x"].last_error == str(error)


async def test_listeners_hear_the_identifiers_they_asked_for_until_they_end() -> None:
    line = a_line()
    heard: dict[str, list[int]] = {"all": [], "masked": [], "standard": []}
    async with line.port() as port:
        ends = [
            port.listen(lambda frame: heard["all"].append(frame.can_id)),
            port.listen(lambda frame: heard["masked"].append(frame.can_id), can_id=0x10, mask=0xF0),
            port.listen(lambda frame: heard["standard"].append(frame.can_id), is_extended=False),
        ]
        for frame in (CanFrame(0x11, b""), CanFrame(0x12, b"", False), CanFrame(0x21, b"")):
            line.put(frame)
        await asyncio.sleep(0.1)
        assert heard == {"all": [0x11, 0x12, 0x21], "masked": [0x11, 0x12], "standard": [0x12]}
        for end in ends:
            end()
        line.put(CanFrame(0x11, b""))
        await asyncio.sleep(0.1)
        assert heard["all"] == [0x11, 0x12, 0x21]


async def test_a_listener_that_fails_does_not_keep_frames_from_the_others() -> None:
    line, heard = a_line(), list[CanFrame]()
    async with line.port() as port:

        def fails(frame: CanFrame) -> None:
            raise ValueError(frame)

        port.listen(fails)
        port.listen(heard.append)
        line.put(CanFrame(1, b""))
        await asyncio.sleep(0.1)
        assert heard == [CanFrame(1, b"")] and port.is_open


async def test_the_load_is_told_in_percent_of_the_bit_rate() -> None:
    line = a_line()
    async with line.port() as port:
        line.babble(0x7FF, 0.4)
        await asyncio.sleep(3)
        assert port.load_pct == pytest.approx(40, abs=2)
        line.babble(0x7FF, 0.0)
        await asyncio.sleep(3)
        assert port.load_pct == 0


async def test_lost_frames_are_no_answer_and_others_come_through() -> None:
    line = a_line()
    line.drop = 0.3
    async with line.port() as port:
        good = 0
        for _ in range(100):
            with contextlib.suppress(NoAnswer):
                good += await ask(port) == b"\1\2\3"
        assert 30 < good < 70


# ------------------------------------------------------------------------------------------------------ B019, B020


async def test_bus_off_is_no_answer_at_once_and_heals_after_a_second() -> None:
    line = a_line()
    async with line.port("modules") as port:
        await ask(port)
        line.bus_off()
        assert port.error and port.statistics.bus_off == 1
        with pytest.raises(NoAnswer, match="bus off: too many errors on it"):
            port.send(CanFrame(1, b""))
        off_s = now()
        await opened(port)
        assert now() - off_s == pytest.approx(1.0, abs=0.02)
        assert await ask(port) == b"\1\2\3"
        assert port.statistics.restarts == 1 and port.statistics.errors["bus-off"] == 1


async def test_a_bus_that_stays_off_is_restarted_with_growing_pauses_and_heals_by_itself() -> None:
    line = a_line()
    restarts_s: list[float] = []
    async with line.port() as port:
        line.bus_off(shorted=True)
        for _ in range(30_000):
            before = port.statistics.restarts
            await asyncio.sleep(0.01)
            if port.statistics.restarts > before:
                restarts_s.append(round(now()))
            if not port.error:
                port.send(CanFrame(1, b""))
        assert restarts_s == [1, 3, 7, 15, 31, 61, 91, 121, 151, 181, 211, 241, 271]
        line.restore()
        await opened(port)
        await ask(port)
        await asyncio.sleep(120)
        line.bus_off()
        off_s = now()
        await opened(port)
        assert now() - off_s < 1.1  # the pauses begin anew, too


async def test_a_bus_filled_by_one_node_lets_nothing_out_and_heals_when_it_ends() -> None:
    line = a_line()
    async with line.port() as port:
        line.babble(0x0, 1.0)
        with pytest.raises(NoAnswer):
            await ask(port)
        failed = 0
        for _ in range(60):
            await asyncio.sleep(0.25)
            try:
                port.send(CanFrame(0x100, b"old"))
            except NoAnswer:
                failed += 1
        assert failed > 20 and port.load_pct == pytest.approx(100, abs=2)
        assert port.statistics.causes[CanTrouble.STUCK.value] >= 1
        line.restore()
        await opened(port)
        assert await ask(port) == b"\1\2\3"


async def test_a_higher_priority_gets_through_a_babbling_node() -> None:
    line = a_line(Node(0x100))
    async with line.port() as port:
        line.babble(0x1000_0000, 1.0)
        assert await ask(port) == b"\1\2\3"


class _Full(CanWire):
    """A bus whose frames a test puts in."""

    async def _connect(self) -> None: ...
    def _disconnect(self) -> None: ...
    def _send(self, frame: CanFrame) -> None: ...


@pytest.mark.parametrize("is_heard", [False, True])
async def test_a_full_bus_of_one_identifier_costs_less_than_a_quarter_of_a_processor(is_heard: bool) -> None:
    """B020: 500 kbit/s full of frames of 8 bytes are about 3000 a second; a listener that takes 50 us is not called
    for all of them."""
    wire = _Full("test", 500_000)
    called = 0

    def heard(frame: CanFrame) -> None:
        nonlocal called
        called += 1

    async with CanPort("can", wire) as port:
        port.listen(heard, can_id=0x100 if is_heard else 0x200, mask=0x1FFFFFFF)
        begun_s = time.process_time()
        for _ in range(10):  # a second
            for _ in range(400):
                port.frame(0x100, True, b"12345678")
            await asyncio.sleep(0.1)
        spent_s = time.process_time() - begun_s
        assert port.statistics.received == 4000
        assert 8 * MOST_PER_WINDOW <= called <= 10 * MOST_PER_WINDOW if is_heard else called == 0
        assert port.statistics.flooded == (4000 - called if is_heard else 0)
    assert spent_s < 0.25


async def test_an_adapter_that_is_lost_is_opened_again_and_its_listeners_go_on() -> None:
    line = a_line(Node(0x100, every_s=0.1))
    heard: list[CanFrame] = []
    async with line.port() as port:
        port.listen(heard.append, can_id=0x102, mask=0x1FFFFFFF)
        await asyncio.sleep(1)
        assert heard
        line.cut()
        with pytest.raises(NoAnswer, match="the adapter is gone"):
            await ask(port)
        await asyncio.sleep(30)
        assert port.statistics.lost == 1
        line.restore()
        heard.clear()
        back_s = now()
        await opened(port)
        assert now() - back_s <= 5.2
        await asyncio.sleep(0.5)
        assert heard and await ask(port) == b"\1\2\3"


async def test_a_port_whose_adapter_is_missing_at_the_start_opens_when_it_comes() -> None:
    line = a_line()
    line.cut()
    async with line.port() as port:
        assert port.error == "the adapter is gone"
        with pytest.raises(NoAnswer):
            port.send(CanFrame(1, b""))
        line.restore()
        await asyncio.sleep(5.1)
        assert await ask(port) == b"\1\2\3"


async def test_a_closed_port_takes_no_frames_and_can_be_opened_again() -> None:
    port = a_line().port()
    with pytest.raises(NoAnswer):
        port.send(CanFrame(1, b""))
    await port.open()
    await port.close()
    with pytest.raises(NoAnswer):
        port.send(CanFrame(1, b""))
    await port.open()
    assert await ask(port) == b"\1\2\3"
    await port.close()
