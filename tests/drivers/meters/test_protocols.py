"""What is particular to one maker's meters: channels, passwords, variants, holes in maps, and what a reading costs."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.codecs.iec62056 import AskText
from drivers.codecs.mercury import Ask
from drivers.codecs.modbus import Carrier
from drivers.codecs.slip import AskCe, AskParts, Part
from drivers.errors import BadFrame, Implausible, NoAnswer, Refused
from drivers.meters import chint, mercury
from drivers.ports.question import Question
from drivers.simulated.meter import Readout
from drivers.simulated.meters.mercury import MercuryFace
from drivers.simulated.wire import Line
from tests.drivers.meters.wired import AC, CASES, Case, Known, open_meter, wired

REQUESTS = {
    "SDM630": 1, "SDM72D-M-v2": 1, "SDM72D-M": 1, "SDM230": 1, "SDM120": 1, "EM24": 5, "EM330": 1, "EM340": 1,
    "ET340": 1, "EM530": 1, "EM540": 1, "EM24_E1": 1, "EM580": 2, "B21": 2, "B23": 2, "B24": 2, "ADW300": 1,
    "ADL3000": 2, "DTSD1352": 2, "DDSY1352": 1, "DJSF1352-RN": 1, "DTSU666": 2, "DVH4013": 3, "WM3M4C": 2, "WM3M4": 2,
}  # fmt: skip


def case_of(model: str) -> Case:
    return next(case for case in CASES if case.model == model)


@pytest.mark.parametrize(("model", "requests"), REQUESTS.items())
async def test_a_reading_costs_as_few_requests_as_the_meter_allows(model: str, requests: int) -> None:
    async with wired(case_of(model)) as one:
        await one.meter.read()
        assert one.line is not None and len(one.line.requests) == requests


async def test_a_meter_that_refuses_holes_is_asked_for_its_values_alone() -> None:
    async with wired(case_of("iEM3155")) as one:
        assert one.line is not None
        await one.meter.read()
        first = len(one.line.requests)
        await one.meter.read()
        assert first == 7 and len(one.line.requests) == first + 6
        one.face._ranges = ((0x0BB7, 0x0D00),)  # a firmware that gives zeros between them
        fresh = open_meter(case_of("iEM3155"), one.port)
        one.line.requests.clear()
        assert (await fresh.read()).energy_wh == AC.import_wh
        assert len(one.line.requests) == 2


async def test_a_power_factor_that_tells_its_quadrant_is_within_one() -> None:
    async with wired(case_of("iEM3155")) as one:
        assert (await one.meter.read()).power_factor == pytest.approx(0.998)


@pytest.mark.parametrize("numbers", list(chint.Numbers))
async def test_a_dtsu666_of_the_other_variant_is_refused_by_its_voltage(numbers: chint.Numbers) -> None:
    case = msgspec.structs.replace(case_of("DTSU666"), options={"numbers": numbers.value})
    other = next(each for each in chint.Numbers if each is not numbers)
    async with wired(case) as one:
        assert (await one.meter.read()).energy_wh == AC.import_wh
        wrong = open_meter(msgspec.structs.replace(case, options={"numbers": other.value}), one.port)
        with pytest.raises(Implausible, match="voltage"):
            await wrong.read()


async def test_mercury_opens_its_channel_once_and_again_after_four_idle_minutes() -> None:
    async with wired(case_of("230")) as one:
        face: MercuryFace = one.face
        for _ in range(3):
            await one.meter.read()
        assert face.opened == 1
        await asyncio.sleep(230)
        await one.meter.read()
        assert face.opened == 1
        await asyncio.sleep(241)
        await one.meter.read()
        assert face.opened == 2
        face.restart()
        await one.meter.read()
        assert face.opened == 3


async def test_mercury_with_another_password_says_what_to_check() -> None:
    async with wired(case_of("230")) as one:
        one.face.password = b"\x02" * 6
        with pytest.raises(Refused, match="Check password and password_as"):
            await one.meter.read()


async def test_mercury_hears_itself_on_some_adapters() -> None:
    async with wired(case_of("230")) as one:
        line = one.line
        assert line is not None

        def echo(data: bytes) -> tuple[bytes, ...]:
            line.send_raw(data)
            return (data,)

        line.to_device = echo
        assert (await one.meter.read()).energy_wh == AC.import_wh


async def test_two_mercury_meters_share_a_line() -> None:
    line = Line()
    first, second = Known(), Known(msgspec.structs.replace(AC, import_wh=77.0))
    line.attach_bytes(MercuryFace(first, 45))
    line.attach_bytes(MercuryFace(second, 46))
    async with line.port("meters") as port:
        meters = [mercury.open_device(mercury.Settings("meters", address), port) for address in (45, 46)]
        readings = await asyncio.gather(*(meter.read() for meter in meters))
    assert [reading.energy_wh for reading in readings] == [AC.import_wh, 77]


async def test_a_meter_without_group_is_asked_value_by_value_from_then_on() -> None:
    asked: list[bytes] = []
    async with wired(case_of("CE102M")) as one:
        line = one.line
        assert line is not None
        line.to_device = lambda data: (asked.append(data), (data,))[1]  # type: ignore[func-returns-value]
        assert (await one.meter.read()).power_w == pytest.approx(2417, abs=1)
        await one.meter.read()
        assert sum(b"GROUP" in each for each in asked) == 1 and len(asked) == 11


async def test_one_exchange_fetches_a_reading_by_group_and_by_slip() -> None:
    for model in ("CE303", "GSH01"):
        asked: list[bytes] = []
        async with wired(case_of(model)) as one:
            line = one.line
            assert line is not None
            line.to_device = lambda data, asked=asked: (asked.append(data), (data,))[1]  # type: ignore[misc]
            await one.meter.read()
        assert len(asked) == 1


async def test_a_check_byte_of_the_other_kind_is_silence() -> None:
    case = case_of("CE303")
    async with wired(case) as one:
        other = open_meter(msgspec.structs.replace(case, options={"check": "xor"}), one.port)
        with pytest.raises(NoAnswer):
            await other.read()


@pytest.mark.parametrize(
    ("driver", "options"),
    [
        ("mercury", {"password": "12345"}), ("mercury", {"address": 241}), ("eastron", {"address": 0}),
        ("eastron", {"model": "SDM999"}), ("chint", {"numbers": "other"}), ("lem", {"address": 1}),
        ("energomera", {"check": "crc"}), ("mercury_200", {"address": 0}),
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_refused(driver: str, options: dict[str, Any]) -> None:
    from drivers.loading import load

    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"port": "p", "address": 1, **options}, load("meters", driver).Settings)


async def test_an_em24_is_never_asked_for_more_than_it_stands() -> None:
    async with wired(case_of("EM24")) as one:
        await one.meter.read()
        assert one.line is not None and all(request.count <= 11 for request in one.line.requests)


@pytest.mark.parametrize("model", ["B23", "iEM3155"])
async def test_no_value_is_a_phase_that_is_not_connected_and_an_export_that_is_not_counted(model: str) -> None:
    nan = float("nan")
    one_phase = Known(
        Readout((230.2, nan, nan), (10.5, nan, nan), (2417.0, nan, nan), 1_234_560.0, nan),
    )
    one_phase.ac = msgspec.structs.replace(one_phase.ac, phase_power_w=(2417.0, 0.0, 0.0))
    async with wired(case_of(model), one_phase) as one:
        reading = await one.meter.read()
        assert reading.voltage_v == pytest.approx((230.2, 0.0, 0.0)) and reading.current_a == (10.5, 0.0, 0.0)
        assert reading.energy_export_wh is None
        one_phase.ac = msgspec.structs.replace(one_phase.ac, voltage_v=(nan, 230.0, 230.0))
        with pytest.raises(Implausible, match="voltage"):
            await one.meter.read()


async def test_import_without_a_value_is_never_a_reading() -> None:
    async with wired(case_of("B23"), Known(msgspec.structs.replace(AC, import_wh=float("nan")))) as one:
        with pytest.raises(Implausible, match="energy"):
            await one.meter.read()


QUESTIONS: tuple[Question[Any], ...] = (
    Ask(b"\x2d", b"\x08\x16\x11", 9, "U"),
    Ask(b"\x2d", b"\x00", 1, "test"),
    Ask(b"\x00\xbc\x61\x4e", b"\x63", 7, "UIP", 1),
    AskParts(7, (Part(0x0132), Part(0x0131)), "values"),
    AskParts(255, (Part(0x1502),), "end", is_order=True),
    AskCe(100, 0x0180, "V"),
    AskText("211", "VOLTA()"),
)
pieces = st.sampled_from(
    [b"\xc0", b"\xdb", b"\xdc", b"\xdd", b"\x02", b"\x03", b"\x2d", b"\x00", b"VOLTA(", b"1)", b"\x32\x01\x09\x00"]
)


@given(st.lists(pieces | st.binary(max_size=12), max_size=20), st.sampled_from(QUESTIONS))
def test_whatever_comes_in_is_an_answer_nothing_or_an_error_with_a_name(
    bits: list[bytes], asked: Question[Any]
) -> None:
    data = b"".join(bits)
    with contextlib.suppress(BadFrame, Refused):
        asked.answer(data)
    with contextlib.suppress(BadFrame, Refused):
        asked.answer(asked.encode(Carrier.RTU, 1) + data)
