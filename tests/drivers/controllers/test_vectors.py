"""Byte sequences of the makers' documents and of public drivers, one by one; what they mean in our units."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drivers.codecs import modbus_ascii, rapi
from drivers.codecs.modbus import (
    Carrier,
    Request,
    encode_request,
    find_reply,
    read_holding,
    read_input,
    write_coil,
    write_register,
    write_registers,
)
from drivers.codecs.rapi import CheckSum, Line
from drivers.controllers import abb_terra, bender_cc, evse_din, heidelberg, phoenix_ev_cc, smartevse
from drivers.controllers.abl_emh1 import AblEmh1
from drivers.controllers.box import Box, Letter, Look, duty_pct
from drivers.controllers.openevse import OpenEvse
from drivers.errors import BadFrame, Refused
from drivers.simulated import wire

REQUESTS: tuple[tuple[str, Request], ...] = (
    ("01 03 03 E8 00 07 84 78", read_holding(1, evse_din.CONFIGURED, 7)),
    ("01 10 03 E8 00 01 02 00 0A 02 7F", write_registers(1, evse_din.CONFIGURED, [10])),
    ("01 10 03 EC 00 01 02 00 01 42 3C", write_registers(1, evse_din.SWITCH, [1])),
    ("01 04 00 00 00 0B B1 CD", read_input(1, smartevse.STATE, smartevse.WORDS)),
    ("01 06 00 02 00 64 29 E1", write_register(1, smartevse.CURRENT, 100)),
    (
        "09 10 00 20 00 08 10 00 A0 00 64 00 00 00 00 00 00 00 00 00 00 00 00 D6 50",
        write_registers(9, smartevse.BALANCED, [160, 100, 0, 0, 0, 0, 0, 0]),
    ),
    ("01 03 5D C0 00 01 97 9A", read_holding(1, phoenix_ev_cc.STATE, 1)),
    ("01 04 5D C0 00 01 22 5A", read_input(1, phoenix_ev_cc.STATE, 1)),
    ("01 05 4E 20 FF 00 9A D8", write_coil(1, phoenix_ev_cc.ENABLE, True)),
    ("01 05 4E 22 FF 00 3B 18", write_coil(1, phoenix_ev_cc.LOCK, True)),
    ("01 06 55 F0 00 10 99 F9", write_register(1, phoenix_ev_cc.MOST, 16)),
    ("01 03 40 00 00 22 D0 13", read_holding(1, abb_terra.START, abb_terra.WORDS)),
    ("01 10 41 00 00 02 04 00 00 3E 80 DE 3C", write_registers(1, abb_terra.SET_LIMIT, [0, 16_000])),
    ("01 06 41 06 00 3C 7D E6", write_register(1, abb_terra.SET_TIME_OUT, 60)),
    ("01 06 41 03 00 01 AC 36", write_register(1, abb_terra.SET_LOCK, 1)),
    ("01 06 41 05 00 00 8D F7", write_register(1, 0x4105, 0)),
    ("01 04 00 04 00 0F F1 CF", read_input(1, heidelberg.LAYOUT, 15)),
    ("01 06 01 05 00 A0 98 4F", write_register(1, heidelberg.CURRENT, 160)),
    ("01 06 01 01 3A 98 CA FC", write_register(1, heidelberg.WATCHDOG, 15_000)),
    ("01 06 01 06 00 3C 68 26", write_register(1, heidelberg.SAFE_CURRENT, 60)),
    ("01 06 01 02 00 04 28 35", write_register(1, heidelberg.STANDBY, heidelberg.AWAKE)),
)


@pytest.mark.parametrize(("frame", "request_"), REQUESTS, ids=[str(request) for _, request in REQUESTS])
def test_requests_are_as_documented(frame: str, request_: Request) -> None:
    assert encode_request(request_, Carrier.RTU).hex(" ").upper() == frame


@pytest.mark.parametrize(
    ("frame", "request_"),
    [
        ("01 10 03 E8 00 01 81 B9", REQUESTS[1][1]),
        ("01 10 03 EC 00 01 C0 78", REQUESTS[2][1]),
        ("01 10 41 00 00 02 55 F4", write_registers(1, abb_terra.SET_LIMIT, [0, 16_000])),
    ],
)
def test_acknowledgements_are_known(frame: str, request_: Request) -> None:
    answer = find_reply(bytes.fromhex(frame), request_, Carrier.RTU)
    assert answer is not None and answer.registers == ()


def test_requests_over_tcp_are_as_documented() -> None:
    state = encode_request(read_holding(255, bender_cc.STATE, 1), Carrier.TCP, 1)
    assert state.hex(" ").upper() == "00 01 00 00 00 06 FF 03 00 7A 00 01"
    limit = encode_request(write_registers(255, bender_cc.LIMIT, [16]), Carrier.TCP, 2)
    assert limit.hex(" ").upper() == "00 02 00 00 00 09 FF 10 03 E8 00 01 02 00 10"
    told = find_reply(
        bytes.fromhex("00 01 00 00 00 05 FF 03 02 00 03"), read_holding(255, bender_cc.STATE, 1), Carrier.TCP, 1
    )
    assert told is not None and bender_cc.LETTERS[told.registers[0]] is Letter.C


async def look_at(frames: dict[str, str], make: Any, address: int = 1) -> Look:
    """What a box makes of replies, given by request; others are answered with an exception."""
    line = wire.Line()

    def answer(data: bytes) -> None:
        reply = frames.get(data.hex(" ").upper())
        refused = bytes((data[0], data[1] | 0x80, 2))
        line.send(bytes.fromhex(reply) if reply else refused + crc(refused))

    line.on_request = answer
    async with line.port() as port:
        box: Box = make(port, address)
        box_look = await box.look()
        await asyncio.sleep(0)
        return box_look


def crc(data: bytes) -> bytes:
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


def test_the_check_sum_of_these_tests_is_the_standard_one() -> None:
    assert crc(b"123456789").hex().upper() == "374B"


async def test_evse_din_charging() -> None:
    look = await look_at({REQUESTS[0][0]: "01 03 0E 00 10 00 10 00 03 00 14 00 00 00 11 00 02 14 70"}, evse_din.EvseDin)
    assert (look.letter, look.is_closed, look.is_offered, look.held_a, look.limit_a) == (
        Letter.C, True, True, 16.0, 20.0,
    )  # fmt: skip


async def test_smartevse_charging() -> None:
    reply = "01 04 16 00 02 00 00 00 A0 00 00 00 00 00 01 00 00 00 10 00 03 00 9E 00 23 1C 83"
    look = await look_at({REQUESTS[3][0]: reply}, smartevse.SmartEvse)
    assert (look.letter, look.is_closed, look.limit_a, look.findings) == (Letter.C, True, 16.0, ())


async def test_phoenix_c2_also_where_its_state_is_an_input_register() -> None:
    c2 = bytes.fromhex("01 04 08 43 32 00 14 00 1A 00 10")
    errors = bytes.fromhex("01 04 02 00 00")
    coils = bytes.fromhex("01 01 01 03")
    most = bytes.fromhex("01 03 02 00 10")
    frames = {
        encode_request(request, Carrier.RTU).hex(" ").upper(): (reply + crc(reply)).hex(" ")
        for request, reply in (
            (read_input(1, 24000, 4), c2),
            (read_input(1, 24025, 1), errors),
            (Request(1, phoenix_ev_cc_function(), 20000, 3), coils),
            (read_holding(1, 22000, 1), most),
        )
    }
    look = await look_at(frames, phoenix_ev_cc.EvChargeControl)
    assert (look.letter, look.is_offered, look.held_a, look.limit_a) == (Letter.C, True, 16.0, 16.0)
    told = find_reply(bytes.fromhex("01 03 02 43 32 08 A1"), REQUESTS[6][1], Carrier.RTU)
    assert told is not None and told.registers == (0x4332,)


def phoenix_ev_cc_function() -> Any:
    from drivers.codecs.modbus import Function

    return Function.READ_COILS


async def test_heidelberg_charging() -> None:
    reply = "01 04 1E 01 08 00 07 00 9E 00 9D 00 9F 01 38 00 E7 00 E6 00 E5 00 01 2A A8 00 00 1C C0 00 12 86 A0 C1 F7"
    held = bytes.fromhex("01 03 02 00 A0")
    frames = {
        REQUESTS[16][0]: reply,
        encode_request(read_holding(1, heidelberg.CURRENT, 1), Carrier.RTU).hex(" ").upper(): (held + crc(held)).hex(
            " "
        ),
    }

    def known(port: Any, address: int) -> heidelberg.Heidelberg:
        box = heidelberg.Heidelberg(port, address)
        box._layout = 0x108
        return box

    look = await look_at(frames, known)
    assert look.current_a == pytest.approx((15.8, 15.7, 15.9))
    assert (look.letter, look.is_closed, look.voltage_v, look.power_w) == (Letter.C, True, 231.0, 10_920.0)
    assert look.energy_wh == 0x12 << 16 | 0x86A0


RAPI = (
    ("$GS^30", "GS"), ("$FE^27", "FE"), ("$FD^26", "FD"), ("$FS^31", "FS"), ("$GG^24", "GG"), ("$GV^35", "GV"),
    ("$GP^33", "GP"), ("$GU^36", "GU"), ("$SC 16^13", "SC 16"), ("$SC 16 V^65", "SC 16 V"), ("$SY 30 6^1B", "SY 30 6"),
    ("$SY^2E", "SY"), ("$S4 1^52", "S4 1"), ("$S5 1^53", "S5 1"), ("$OK^20", "OK"), ("$NK^21", "NK"),
    ("$AT 03 03 16 0142^31", "AT 03 03 16 0142"), ("$OK 16000 230000^16", "OK 16000 230000"),
)  # fmt: skip
RAPI_SUMS = (("$FE*AF", "FE"), ("$FD*AE", "FD"), ("$GS*BE", "GS"))


@pytest.mark.parametrize(("line", "command"), RAPI)
def test_rapi_lines_both_ways(line: str, command: str) -> None:
    assert rapi.encode(command) == line.encode() + b"\r"
    kind, *words = command.split()
    assert rapi.decode(line.encode() + b"\r") == Line(kind, tuple(words))


@pytest.mark.parametrize(("line", "command"), RAPI_SUMS)
def test_rapi_lines_in_the_old_form(line: str, command: str) -> None:
    assert rapi.encode(command, CheckSum.SUM) == line.encode() + b"\r"
    assert rapi.decode(line.encode()) == Line(command)


@pytest.mark.parametrize("line", [b"$OK^21\r", b"$OK\r", b"$OK 16000 230000^17", b"$GS*BF"])
def test_a_line_with_a_wrong_or_no_check_sum_is_none(line: bytes) -> None:
    with pytest.raises(BadFrame):
        rapi.decode(line)


@pytest.mark.parametrize(
    "data",
    [
        b"$AT 03 03 16 0142^31\r$OK 16000 230000^16\r",
        b"$OK 16000 2$AT 03 03 16 0142^31\r30000^16\r",
        b"$OK 16000 230000^16\r$AT 03 03 16 0142^31\r",
        b"\x00noise$OK 16000 230000^16\r",
    ],
)
def test_unasked_lines_around_and_within_an_answer_do_not_matter(data: bytes) -> None:
    lines, rest = rapi.unasked(data)
    assert rapi.reply(rest) == Line("OK", ("16000", "230000"))
    assert lines in ((), (Line("AT", ("03", "03", "16", "0142")),))


def test_no_answer_is_seen_before_its_end() -> None:
    whole = b"$OK 16000 230000^16\r"
    for end in range(len(whole)):
        assert rapi.reply(rapi.unasked(whole[:end])[1]) is None


def test_modbus_ascii_as_documented() -> None:
    assert modbus_ascii.encode(read_holding(1, 0x2E, 5)) == b":0103002E0005C9\r\n"
    assert modbus_ascii.encode(write_registers(1, 0x14, [266])) == b":01100014000102010ACD\r\n"
    with pytest.raises(ValueError, match="not one of the functions"):
        modbus_ascii.encode(read_input(1, 0, 1))


@pytest.mark.parametrize("start", [b":", b">"])
def test_replies_of_modbus_ascii_begin_in_two_ways(start: bytes) -> None:
    request = read_holding(1, 4, 1)
    good = modbus_ascii.frame(bytes((1, 3, 2, 0, 0xC2)), start)
    assert modbus_ascii.answer(good, request) == (0xC2,)
    for end in range(len(good)):
        assert modbus_ascii.answer(good[:end], request) is None
    other = modbus_ascii.frame(bytes((2, 3, 2, 0, 0xC2)), start)
    assert modbus_ascii.answer(other, request) is None
    with pytest.raises(Refused, match="illegal data address"):
        modbus_ascii.answer(modbus_ascii.frame(bytes((1, 0x83, 2)), start), request)
    with pytest.raises(BadFrame, match="LRC"):
        modbus_ascii.answer(good.replace(b"C2", b"C3", 1), request)


def test_16_a_of_an_abl_are_266_steps() -> None:
    assert int(16 / AblEmh1.step_a + 1e-6) == 266


def test_the_duty_cycle_of_a_current() -> None:
    assert [duty_pct(value) for value in (6, 16, 32, 63)] == [10.0, 26.7, 53.3, 89.2]


def test_openevse_falls_to_6_a_and_not_to_nothing() -> None:
    from drivers.controllers.openevse import SAFE_A
    from drivers.interfaces import FailSafe

    assert OpenEvse.fail_safe is FailSafe.SAFE_CURRENT and SAFE_A == 6
