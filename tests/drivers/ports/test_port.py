"""One owner per wire: order of questions, silence, late and foreign frames, noise, a wire that breaks and returns."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.codecs import modbus
from drivers.codecs.modbus import Carrier, Fault, Request
from drivers.codecs.modbus_server import Busy, Server
from drivers.errors import BadFrame, DeviceError, NoAnswer, Refused
from drivers.ports.port import MAX_WAITING, Port, Priority
from drivers.simulated.wire import Line
from tests.conftest import run_async
from tests.drivers.devices import Counting

READ = modbus.read_input(1, 0x0100, 4)
VALUES = tuple(Counting().values(0x0100, 4))


def a_line(*addresses: int, carrier: Carrier = Carrier.RTU, character_s: float = 0.0) -> Line:
    line = Line(carrier, character_s)
    for address in addresses or (1,):
        line.attach(address, Counting())
    return line


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("carrier", Carrier)
async def test_a_question_gets_its_answer(carrier: Carrier) -> None:
    line = a_line(carrier=carrier)
    async with line.port() as port:
        assert await port.exchange(READ) == VALUES
        assert await port.exchange(modbus.write_registers(1, 0x0400, [1, 2])) == ()
        assert (port.statistics.requests, port.statistics.answers) == (2, 2)


@pytest.mark.parametrize("carrier", Carrier)
async def test_a_silent_device_is_no_answer_within_the_time_out_and_names_its_place(carrier: Carrier) -> None:
    async with a_line(carrier=carrier).port("meters") as port:
        with pytest.raises(NoAnswer, match=r"address 7 on port 'meters' .*0x0000\+2: no answer within 0.2 s"):
            await port.exchange(modbus.read_input(7, 0, 2))
        assert now() == pytest.approx(0.2, abs=0.01)
        assert await port.exchange(READ) == VALUES


async def test_an_exception_is_refused_with_its_reason() -> None:
    class Occupied(Counting):
        def read(self, function: int, start: int, count: int) -> list[int]:
            raise Busy

    line = Line()
    line.attach(1, Occupied())
    async with line.port() as port:
        with pytest.raises(Refused, match=r"device busy \(exception 6\)"):
            await port.exchange(READ)
        assert port.statistics.refused == 1


async def test_orders_pass_waiting_polls_and_each_kind_keeps_its_turn() -> None:
    line = a_line()
    line.delay_s = 0.05
    async with line.port() as port:
        polls = [asyncio.create_task(port.exchange(modbus.read_input(1, at, 1))) for at in range(5)]
        await asyncio.sleep(0.01)
        orders = [
            asyncio.create_task(port.exchange(modbus.write_registers(1, at, [1]), priority=Priority.ORDER))
            for at in (100, 101)
        ]
        await asyncio.gather(*polls, *orders)
    assert [request.start for request in line.requests] == [0, 100, 101, 1, 2, 3, 4]


async def test_a_question_whose_asker_is_gone_is_not_asked() -> None:
    line = a_line()
    line.delay_s = 0.05
    async with line.port() as port:
        first = asyncio.create_task(port.exchange(READ))
        gone = asyncio.create_task(port.exchange(modbus.read_input(1, 7, 1)))
        last = asyncio.create_task(port.exchange(modbus.read_input(1, 8, 1)))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.gather(first, last)
        assert [request.start for request in line.requests] == [0x0100, 8]
        assert port.statistics.skipped == 1


async def test_an_asker_that_goes_during_its_question_does_not_disturb_the_next() -> None:
    line = a_line()
    line.delay_s = 0.05
    async with line.port() as port:
        gone = asyncio.create_task(port.exchange(READ))
        await asyncio.sleep(0.01)
        gone.cancel()
        assert await port.exchange(modbus.read_input(1, 7, 4)) == tuple(Counting().values(7, 4))


async def test_a_request_is_not_repeated_by_itself() -> None:
    line = a_line()
    line.to_station = lambda data: ()
    async with line.port() as port:
        with pytest.raises(NoAnswer):
            await port.exchange(READ)
        await asyncio.sleep(10)
    assert len(line.requests) == 1


async def test_silence_that_a_device_needs_is_kept_before_its_requests() -> None:
    line, sent_s = a_line(), []
    line.to_device = lambda data: sent_s.append(now()) or (data,)  # type: ignore[func-returns-value]
    async with line.port() as port:
        for _ in range(3):
            await port.exchange(READ, quiet_s=0.06)
    assert all(later - earlier >= 0.0599 for earlier, later in pairwise(sent_s))


async def test_an_order_does_not_wait_for_the_silence_another_device_needs() -> None:
    line = a_line(1, 2)
    async with line.port() as port:
        await port.exchange(READ)
        poll = asyncio.create_task(port.exchange(READ, quiet_s=0.06))
        await asyncio.sleep(0.001)
        await port.exchange(modbus.write_registers(2, 0, [1]), priority=Priority.ORDER)
        assert now() < 0.01
        await poll


async def test_a_slow_wire_gets_the_time_its_bytes_need() -> None:
    line = a_line(character_s=10 / 1200)  # 125 registers take 2.1 s
    line.delay_s = 2.2
    async with line.port() as port:
        assert len(await port.exchange(modbus.read_input(1, 0, 125))) == 125


async def test_too_many_waiting_questions_are_turned_away() -> None:
    async with a_line().port() as port:
        found = await asyncio.gather(*(port.exchange(READ) for _ in range(MAX_WAITING + 9)), return_exceptions=True)
    assert found[:MAX_WAITING] == [VALUES] * MAX_WAITING
    assert all("256 questions are waiting" in str(each) for each in found[MAX_WAITING:])


# ------------------------------------------------------------------------------------------ late, foreign, wrong frames


async def test_a_late_reply_is_thrown_away_and_the_next_question_gets_its_own_answer() -> None:
    line, device = Line(), Counting()
    line.attach(1, device)
    line.delay_s = 0.25
    async with line.port() as port:
        with pytest.raises(NoAnswer):
            await port.exchange(READ)
        device.shift, line.delay_s = 1000, 0.02
        assert await port.exchange(READ) == tuple(device.values(0x0100, 4))
        assert port.statistics.late == 1


async def test_a_device_that_is_always_a_little_too_late_never_answers_an_older_question() -> None:
    line, device = Line(), Counting()
    line.attach(1, device)
    line.delay_s = 0.25
    async with line.port() as port:
        for shift in range(20):
            device.shift = shift
            with pytest.raises(NoAnswer):
                await port.exchange(READ)
            await asyncio.sleep(0.05)


async def test_a_late_reply_does_not_hold_up_questions_to_others() -> None:
    line = a_line(1, 2)
    line.delay_s = 0.3
    async with line.port() as port:
        with pytest.raises(NoAnswer):
            await port.exchange(READ)
        line.delay_s = 0.02
        again = asyncio.create_task(port.exchange(READ))
        assert await port.exchange(modbus.read_input(2, 0x0100, 4)) == VALUES
        assert now() < 0.25
        assert await again == VALUES


async def test_a_late_reply_over_tcp_is_told_by_its_number() -> None:
    line, device = Line(Carrier.TCP), Counting()
    line.attach(1, device)
    line.delay_s = 0.25
    async with line.port() as port:
        with pytest.raises(NoAnswer):
            await port.exchange(READ)
        device.shift, line.delay_s = 1000, 0.1
        assert await port.exchange(READ) == tuple(device.values(0x0100, 4))


def reply_of(request: Request, shift: int = 0) -> bytes:
    frame = modbus.encode_request(request, Carrier.RTU)
    return Server(Carrier.RTU, {request.address: Counting(shift)}).feed(frame, 0.0)[0].reply


WRONG: list[tuple[Fault, Callable[[bytes], bytes]]] = [
    (Fault.ADDRESS, lambda reply: reply_of(modbus.read_input(2, 0x0100, 4), 5)),
    (Fault.FUNCTION, lambda reply: reply_of(modbus.read_holding(1, 0x0100, 4), 5)),
    (Fault.LENGTH, lambda reply: reply_of(modbus.read_input(1, 0x0100, 3), 5)),
    (Fault.ECHO, lambda reply: modbus.encode_request(READ, Carrier.RTU)),
    (Fault.CHECK_SUM, lambda reply: reply[:-3] + bytes((reply[-3] ^ 0x40,)) + reply[-2:]),
    (Fault.CHECK_SUM, lambda reply: reply[:-4]),
    (Fault.GARBAGE, lambda reply: b"\x00\xaa\x55"),
]


@pytest.mark.parametrize("fault, wrong", WRONG)
async def test_a_wrong_reply_is_refused_and_counted_and_the_next_poll_is_normal(
    fault: Fault, wrong: Callable[[bytes], bytes]
) -> None:
    line = a_line(1, 2)
    async with line.port() as port:
        line.to_station = lambda data: (wrong(data),)
        with pytest.raises(BadFrame, match=fault.value):
            await port.exchange(READ)
        assert port.statistics.causes == {fault.value: 1}
        line.to_station = lambda data: (data,)
        assert await port.exchange(READ) == VALUES
        assert (port.statistics.bad_frame, port.statistics.answers) == (1, 1)


async def test_a_damaged_reply_is_given_up_without_waiting_for_the_time_out() -> None:
    line = a_line()
    line.to_station = lambda data: (data[:-1] + bytes((data[-1] ^ 1,)),)
    async with line.port() as port:
        with pytest.raises(BadFrame):
            await port.exchange(READ)
        assert now() < 0.05


async def test_an_adapter_that_echoes_does_no_harm() -> None:
    line = a_line()
    line.to_device = lambda data: line.send_raw(data) or (data,)  # type: ignore[func-returns-value]
    async with line.port() as port:
        assert await port.exchange(READ) == VALUES
        assert await port.exchange(modbus.write_registers(1, 0x0400, [1, 2, 3])) == ()
        assert port.statistics.causes == {Fault.ECHO.value: 2}


async def test_bytes_that_came_before_a_question_are_not_its_answer() -> None:
    line = a_line()
    async with line.port() as port:
        line.send_raw(reply_of(READ, shift=9))
        await asyncio.sleep(0.001)
        assert await port.exchange(READ) == VALUES


def _damage(noise: random.Random, data: bytes) -> Iterable[bytes]:
    """A tenth of the time random bytes, a fifth of the frames with up to three wrong bits, some lost."""
    if noise.random() < 0.1:
        yield noise.randbytes(noise.randint(1, 20))
    kind = noise.random()
    if kind < 0.2:
        damaged = bytearray(data)
        for _ in range(noise.randint(1, 3)):
            damaged[noise.randrange(len(data))] ^= 1 << noise.randrange(8)
        yield bytes(damaged)
    elif kind < 0.25:
        yield data[: noise.randrange(len(data))]
    elif kind < 0.3:
        return
    else:
        yield data


async def test_on_a_noisy_wire_no_wrong_value_is_accepted_and_quiet_heals_it() -> None:
    noise = random.Random(15)
    line = a_line(1, 2, 3)
    line.delay_s = 0.02
    got = {1: 0, 2: 0, 3: 0}
    wrong: list[str] = []

    async def poll(port: Port, address: int, seconds: float) -> None:
        end_s = now() + seconds
        while now() < end_s:
            start, count = noise.randrange(0x200), noise.randint(1, 40)
            try:
                values = await port.exchange(modbus.read_input(address, start, count))
            except DeviceError:
                pass
            else:
                got[address] += 1
                if values != tuple(Counting().values(start, count)):
                    wrong.append(f"{address} {start} {count} {values}")
            await asyncio.sleep(0.25)

    async with line.port() as port:
        line.to_station = lambda data: _damage(noise, data)
        line.to_device = lambda data: _damage(noise, data)
        async with asyncio.TaskGroup() as tasks:
            for address in (1, 2, 3):
                tasks.create_task(poll(port, address, 300))
        assert not wrong
        assert all(count > 200 for count in got.values())
        assert {Fault.CHECK_SUM.value, Fault.GARBAGE.value} <= port.statistics.causes.keys()
        line.to_station = line.to_device = lambda data: (data,)
        quiet_s, failed = now(), True
        while failed:
            try:
                failed = await port.exchange(READ) != VALUES
            except DeviceError:
                assert now() - quiet_s < 2.0


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(0, 7), st.booleans())
def test_whatever_bytes_come_no_wrong_value_is_taken_and_polling_goes_on(
    junk: list[bytes], cut: int, is_first: bool
) -> None:
    async def story() -> None:
        line = a_line()
        async with line.port() as port:

            def garbled(data: bytes) -> Iterable[bytes]:
                pieces = [*junk, data[:cut]] if cut else [*junk, data]
                return pieces if is_first else reversed(pieces)

            line.to_station = garbled
            for _ in range(2):
                with contextlib.suppress(NoAnswer, BadFrame):
                    assert await port.exchange(READ) == VALUES
            line.to_station = lambda data: (data,)
            assert await port.exchange(READ) == VALUES

    run_async(story, is_real=False)


# --------------------------------------------------------------------------------------------- a wire that breaks


@pytest.mark.parametrize("carrier", Carrier)
async def test_a_cut_wire_is_no_answer_at_once_and_comes_back_by_itself(carrier: Carrier) -> None:
    line = a_line(carrier=carrier)
    async with line.port("meters") as port:
        await port.exchange(READ)
        line.cut()
        await asyncio.sleep(0.001)
        assert port.error == "the other end is gone"
        cut_s = now()
        with pytest.raises(NoAnswer, match=r"on port 'meters'.*the other end is gone"):
            await port.exchange(READ)
        assert now() == cut_s
        await asyncio.sleep(60)
        with pytest.raises(NoAnswer, match=r"on port 'meters'.*the line is cut"):
            await port.exchange(READ)
        assert port.statistics.lost == 1
        line.restore()
        back_s = now()
        while port.error:
            await asyncio.sleep(0.1)
        assert now() - back_s <= 5.2
        assert port.is_open
        assert await port.exchange(READ) == VALUES


async def test_a_wire_cut_during_a_question_ends_it() -> None:
    line = a_line()
    line.delay_s = 0.1
    async with line.port() as port:
        asked = [asyncio.create_task(port.exchange(READ)) for _ in range(3)]
        await asyncio.sleep(0.01)
        line.cut()
        for each in asked:
            with pytest.raises(NoAnswer):
                await each
        assert now() < 0.05


async def test_a_port_whose_device_is_missing_at_the_start_opens_when_it_comes() -> None:
    line = a_line()
    line.cut()
    async with line.port() as port:
        assert port.error == "the line is cut"
        with pytest.raises(NoAnswer, match="the line is cut"):
            await port.exchange(READ)
        line.restore()
        await asyncio.sleep(5.1)
        assert await port.exchange(READ) == VALUES


async def test_a_wire_that_breaks_again_and_again_is_opened_with_pauses() -> None:
    line = a_line()
    opened_s: list[float] = []
    connect = line.connect

    def counted() -> object:
        opened_s.append(now())
        near = connect()
        asyncio.get_running_loop().call_later(0.01, line._hang_up)
        return near

    line.connect = counted  # type: ignore[assignment, method-assign]
    async with line.port():
        await asyncio.sleep(60)
    assert 10 <= len(opened_s) <= 20


async def test_a_closed_port_answers_every_question_with_no_answer() -> None:
    line = a_line()
    line.delay_s = 0.1
    port = line.port()
    await port.open()
    asked = asyncio.create_task(port.exchange(READ))
    waiting = asyncio.create_task(port.exchange(READ))
    await asyncio.sleep(0.01)
    await port.close()
    for each in (asked, waiting):
        with pytest.raises(NoAnswer):
            await each
    with pytest.raises(NoAnswer):
        await port.exchange(READ)
    await port.open()
    line.delay_s = 0.0
    assert await port.exchange(READ) == VALUES
    await port.close()


async def test_a_tcp_connection_that_speaks_something_else_is_made_anew() -> None:
    line = a_line(carrier=Carrier.TCP)
    async with line.port() as port:
        line.to_station = lambda data: (b"HTTP/1.1 400 Bad Request\r\n",)
        with pytest.raises(NoAnswer, match="not Modbus TCP"):
            await port.exchange(READ)
        line.to_station = lambda data: (data,)
        await asyncio.sleep(1)
        assert await port.exchange(READ) == VALUES


async def test_a_deaf_tcp_connection_is_made_anew() -> None:
    line = a_line(carrier=Carrier.TCP)
    async with line.port() as port:
        line.to_station = lambda data: ()
        for _ in range(5):
            with pytest.raises(NoAnswer):
                await port.exchange(READ)
        assert port.statistics.lost == 1
