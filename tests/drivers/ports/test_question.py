"""Questions of other protocols than Modbus on a port: answers, silence, noise, late answers, both kinds on one line."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.codecs import modbus
from drivers.codecs.modbus import Carrier
from drivers.errors import BadFrame, DeviceError, NoAnswer, Refused
from drivers.ports.port import Port, Priority
from drivers.simulated.wire import Line
from tests.conftest import run_async
from tests.drivers.devices import Counting
from tests.drivers.ports.plain import Ask, Talker, framed

READ = modbus.read_input(1, 0x0100, 4)
VALUES = tuple(Counting().values(0x0100, 4))


def now() -> float:
    return asyncio.get_running_loop().time()


def mixed(*talkers: Talker, character_s: float = 0.0) -> Line:
    line = Line(character_s=character_s)
    line.attach(1, Counting())
    for talker in talkers:
        line.attach_bytes(talker)
    return line


async def test_questions_of_two_protocols_share_one_line() -> None:
    async with mixed(Talker(7), Talker(8, 800)).port() as port:
        assert await port.ask(Ask(7)) == 12
        assert await port.exchange(READ) == VALUES
        assert await port.ask(Ask(8, "b")) == 800
        assert (port.statistics.requests, port.statistics.answers) == (3, 3)
        assert port.devices[8].answers == 1 and port.devices[1].answers == 1
        assert [line.split(" ", 1)[1] for line in port.frames.lines()][:2] == [
            "> " + framed("?7a").hex(" ").upper(),
            "< " + framed("!7a12").hex(" ").upper(),
        ]


async def test_a_silent_device_is_no_answer_and_names_its_place_and_question() -> None:
    async with mixed(Talker(7)).port("meters") as port:
        with pytest.raises(NoAnswer, match=r"address 9 on port 'meters' .*, value a: no answer within 0.2 s"):
            await port.ask(Ask(9))
        assert now() == pytest.approx(0.2, abs=0.01)
        assert port.devices[9].no_answer == 1 and "no answer" in port.devices[9].last_error
        assert await port.ask(Ask(7)) == 12


async def test_an_answer_that_says_no_is_refused_and_a_damaged_one_a_bad_frame() -> None:
    no, damaged = Talker(7, None), Talker(8)
    damaged.spoil = lambda data: data.replace(b"1", b"3")
    async with mixed(no, damaged).port() as port:
        with pytest.raises(Refused, match="value a: it says no"):
            await port.ask(Ask(7))
        with pytest.raises(BadFrame, match="wrong check sum in 2A 21 38"):
            await port.ask(Ask(8))
        assert now() < 0.01
        assert port.statistics.errors == {"refused": 1, "check sum": 1}


async def test_noise_is_a_bad_frame_after_the_time_out() -> None:
    line = mixed(Talker(7))
    async with line.port() as port:
        line.to_station = lambda data: (b"\xff\x00\x12",)
        with pytest.raises(BadFrame, match="garbage in FF 00 12"):
            await port.ask(Ask(7))
        line.to_station = lambda data: (b"\xff\x00", data)
        assert await port.ask(Ask(7)) == 12


async def test_a_late_answer_is_not_that_to_the_next_question_and_holds_up_only_its_own_device() -> None:
    late, other = Talker(7, 1, delay_s=0.3), Talker(8, 5)
    async with mixed(late, other).port() as port:
        with pytest.raises(NoAnswer):
            await port.ask(Ask(7))
        late.value, late.delay_s = 2, 0.0
        again = asyncio.create_task(port.ask(Ask(7)))
        assert await port.ask(Ask(8)) == 5 and await port.exchange(READ) == VALUES
        assert now() < 0.25
        assert await again == 2
        assert now() == pytest.approx(0.3, abs=0.01)
        assert port.statistics.late == 1


async def test_an_order_passes_waiting_polls_of_any_protocol() -> None:
    line = mixed(Talker(7), Talker(8))
    line.delay_s = 0.05
    done: list[str] = []

    async def ask(port: Port, device: int, name: str, priority: Priority) -> None:
        await port.ask(Ask(device), priority=priority)
        done.append(name)

    async with line.port() as port, asyncio.TaskGroup() as tasks:
        for name in ("first", "second"):
            tasks.create_task(ask(port, 7, name, Priority.POLL))
        await asyncio.sleep(0.01)
        tasks.create_task(ask(port, 8, "order", Priority.ORDER))
    assert done == ["first", "order", "second"]


async def test_a_long_answer_on_a_slow_line_is_waited_for_as_long_as_it_goes_on() -> None:
    line = Line(character_s=0.01)
    line.attach_bytes(talker := Talker(7, 1))

    def slowly(data: bytes) -> Iterable[bytes]:
        for at, byte in enumerate(data):
            asyncio.get_running_loop().call_later(0.04 * at, line.send_raw, bytes((byte,)))
        return ()

    line.to_station = slowly
    async with line.port() as port:
        assert await port.ask(Ask(7)) == 1
        assert 0.3 < now() < 0.5
        talker.spoil = lambda data: data[:-1] * 400  # endless: given up at the most an answer may have
        with pytest.raises(DeviceError):
            await port.ask(Ask(7))
        assert now() < 15


async def test_what_comes_unasked_is_handed_on() -> None:
    heard: list[bytes] = []
    talker = Talker(7)
    async with mixed(talker).port() as port:
        port.on_unasked = heard.append
        talker.send(b"hello")
        await asyncio.sleep(0.01)
        assert await port.ask(Ask(7)) == 12
        assert heard == [b"hello"]

        def fails(data: bytes) -> None:
            raise ValueError(data)

        port.on_unasked = fails
        talker.send(b"hello")
        await asyncio.sleep(0.01)
        assert await port.ask(Ask(7)) == 12


async def test_bytes_without_an_answer_are_told_in_turn() -> None:
    heard: list[bytes] = []
    line = mixed(Talker(7))
    line.on_request = heard.append
    async with line.port() as port:
        await port.tell(b"to all", device="all")
        await asyncio.sleep(0.01)
        assert heard == [b"to all"] and port.devices["all"].answers == 1


@pytest.mark.parametrize("where", ["encode", "answer"])
async def test_a_driver_that_fails_does_not_end_the_port(where: str) -> None:
    class Broken(Ask):
        def encode(self, carrier: Carrier, number: int) -> bytes:
            if where == "encode":
                raise ValueError("broken")
            return super().encode(carrier, number)

        def answer(self, data: bytes) -> int | None:
            return int(data[1000]) if data else None

    async with mixed(Talker(7)).port() as port:
        with pytest.raises(ValueError if where == "encode" else BadFrame):
            await port.ask(Broken(7))
        assert await port.ask(Ask(7)) == 12


async def test_on_a_noisy_line_of_two_protocols_no_wrong_value_is_accepted_and_quiet_heals_it() -> None:
    """B015 for a line that Modbus and another protocol share."""
    noise = random.Random(15)
    line = mixed(Talker(7, 4711))
    line.delay_s = 0.02
    wrong: list[object] = []
    got = [0, 0]

    def damage(data: bytes) -> Iterable[bytes]:
        if noise.random() < 0.1:
            yield noise.randbytes(noise.randint(1, 20))
        if noise.random() < 0.2:
            at = noise.randrange(len(data))
            data = data[:at] + bytes((data[at] ^ 1 << noise.randrange(8),)) + data[at + 1 :]
        yield data

    async with line.port() as port:
        line.to_station = line.to_device = damage
        end_s = now() + 300
        while now() < end_s:
            for at, (ask, expected) in enumerate(((port.ask(Ask(7)), 4711), (port.exchange(READ), VALUES))):
                try:
                    value = await ask
                except DeviceError:
                    continue
                got[at] += 1
                if value != expected:
                    wrong.append(value)
            await asyncio.sleep(0.2)
        assert not wrong and min(got) > 300
        line.to_station = line.to_device = lambda data: (data,)
        quiet_s, failed = now(), True
        while failed:
            try:
                failed = await port.ask(Ask(7)) != 4711 or await port.exchange(READ) != VALUES
            except DeviceError:
                assert now() - quiet_s < 2.0


async def test_a_searcher_of_all_addresses_does_not_fill_the_memory() -> None:
    async with mixed().port(timeout_s=0.001) as port:
        for device in range(600):
            with pytest.raises(NoAnswer):
                await port.ask(Ask(device))
        assert len(port.devices) == 512 and len(port.frames.lines()) == 32


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(0, 7), st.booleans())
def test_whatever_bytes_come_no_wrong_value_is_taken_and_asking_goes_on(
    junk: list[bytes], cut: int, is_first: bool
) -> None:
    async def story() -> None:
        line = mixed(Talker(7, 4711))
        async with line.port() as port:

            def garbled(data: bytes) -> Iterable[bytes]:
                pieces = [*junk, data[:cut]] if cut else [*junk, data]
                return pieces if is_first else reversed(pieces)

            line.to_station = garbled
            for _ in range(2):
                with contextlib.suppress(NoAnswer, BadFrame):
                    assert await port.ask(Ask(7)) == 4711
            line.to_station = lambda data: (data,)
            assert await port.ask(Ask(7)) == 4711
            assert await port.exchange(READ) == VALUES

    run_async(story, is_real=False)


@pytest.mark.parametrize("carrier", Carrier)
async def test_a_wire_that_breaks_during_a_question_of_any_protocol_ends_it_and_comes_back(carrier: Carrier) -> None:
    """B019 for what is not Modbus."""
    line = Line(carrier)
    line.attach_bytes(Talker(7, delay_s=0.1))
    async with line.port() as port:
        asked = asyncio.create_task(port.ask(Ask(7)))
        await asyncio.sleep(0.01)
        line.cut()
        with pytest.raises(NoAnswer, match="the other end is gone"):
            await asked
        line.restore()
        await asyncio.sleep(5.2)
        assert await port.ask(Ask(7)) == 12
        assert port.statistics.errors == {"no answer": 1, "lost": 1}


async def test_a_deaf_connection_with_another_protocol_is_made_anew() -> None:
    line = Line(Carrier.TCP)
    line.attach_bytes(Talker(7))
    async with line.port() as port:
        line.to_station = lambda data: ()
        for _ in range(5):
            with pytest.raises(NoAnswer):
                await port.ask(Ask(7))
        assert port.statistics.lost == 1
