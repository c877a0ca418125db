"""Meters that answer what no meter should: an error of the meter each time, never one that ends who asked."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from drivers.codecs.iec62056 import reply
from drivers.codecs.slip import Part
from drivers.errors import BadFrame, DeviceError, Implausible, NoAnswer
from drivers.simulated.meters.gsh01 import RUNS
from tests.drivers.meters.test_sessions import MINE, signing
from tests.drivers.meters.wired import AC, CASES, Case, Known, wired

OWN_PROTOCOL = ("lem", "gsh01", "mercury", "mercury_200", "energomera", "energomera_ce")
TABLES = [case for case in CASES if case.driver not in OWN_PROTOCOL]
LEM, GSH01, EM580, ISKRA = (
    next(case for case in CASES if name in (case.driver, case.model)) for name in ("lem", "gsh01", "EM580", "WM3M4C")
)
EDGES = (0, 1, 0x7F, 0x80, 0x7F80, 0x7FC0, 0x7FFF, 0x8000, 0xFF80, 0xFFFF)


class Anything:
    """A Modbus device with whatever in its registers."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def read(self, function: int, start: int, count: int) -> Sequence[int]:
        return [self.chance.choice((*EDGES, self.chance.getrandbits(16))) for _ in range(count)]

    def write(self, start: int, values: Sequence[int]) -> None:
        raise AssertionError("nothing is written to be read")


@pytest.mark.parametrize("case", TABLES, ids=str)
async def test_whatever_registers_hold_is_a_finite_reading_or_an_error_of_the_meter(case: Case) -> None:
    async with wired(case) as one:
        assert one.line is not None
        one.line.devices[case.address] = Anything(random.Random(4))
        for _ in range(20):
            try:
                reading = await one.meter.read()
            except DeviceError:
                continue
            numbers = (reading.energy_wh, reading.power_w, *(reading.voltage_v or ()), *(reading.current_a or ()))
            assert all(map(math.isfinite, numbers)) and reading.energy_wh >= 0
        with contextlib.suppress(DeviceError):
            await one.meter.identify()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b'{"energyImportTotal":null}', b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"energyImportTotal":' + b"9" * 400 + b',"energyExportTotal":0,"power":0,"voltage":0,"current":0}',
        b'{"energyImportTotal":"1","energyExportTotal":0,"power":0,"voltage":0,"current":0}',
        b'{"meterId":"1","status":{"value":"four"}}', b'{"meterId":"1","status":{"value":null}}',
        b'{"meterId":"1","status":{"bits":{"transactionIsOnGoing":"no"}}}',
    ],
)  # fmt: skip
async def test_lem_pages_that_cannot_be_are_errors_of_the_meter(body: bytes) -> None:
    async with wired(LEM) as one:
        one.face.handle = lambda *args: (200, body)
        for asked in (one.meter.read, lambda: signing(one).begin_session(MINE)):
            with pytest.raises((BadFrame, Implausible)):
                await asked()


async def test_lem_says_of_a_session_that_ends_what_is_no_number() -> None:
    async with wired(LEM) as one:
        await signing(one).begin_session(MINE)
        handled = one.face.handle

        def handle(method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
            if (method, path) == ("PUT", "/v1/legal"):
                return 200, b'{"meterValue":{"transactionStatus":null}}'
            found: tuple[int, bytes] = handled(method, path, query, body)
            return found

        one.face.handle = handle
        with pytest.raises(BadFrame, match="no number"):
            await signing(one).end_session(MINE)


@pytest.mark.parametrize("size", [1, 3, 5, 9, 500])
async def test_gsh01_values_of_another_size_are_no_values(size: int) -> None:
    async with wired(GSH01) as one:
        one.face._answer = lambda part: Part(part.number, b"\x99" * size)
        with pytest.raises(BadFrame, match=f"a value of {size} bytes"):
            await one.meter.read()


async def test_energomera_numbers_without_end_are_no_energy() -> None:
    async with wired(next(case for case in CASES if case.model == "CE303")) as one:
        assert one.line is not None
        endless = reply(f"1001({'9' * 400})4001(230)(230)(230)4002(1)(1)(1)4003(1)400D(50)")
        one.line.to_station = lambda data: (endless,)
        with pytest.raises(Implausible, match="energy inf"):
            await one.meter.read()


async def test_an_open_phase_that_picks_up_some_voltage_costs_no_reading() -> None:
    model = Known(msgspec.structs.replace(AC, voltage_v=(230.2, 31.0, 0.4)))
    async with wired(CASES[0], model) as one:
        assert (await one.meter.read()).voltage_v == pytest.approx((230.2, 31.0, 0.0))
        model.ac = msgspec.structs.replace(AC, voltage_v=(23.0, 23.1, 22.9))
        with pytest.raises(Implausible, match=r"voltage 23\.1 V"):
            await one.meter.read()


async def test_a_power_factor_without_a_value_costs_no_reading() -> None:
    async with wired(next(case for case in CASES if case.model == "EM340")) as one:
        told = one.face._words

        def words() -> Any:
            found = told()
            found[0x31] = 0x7FFF
            return found

        one.face._words = words
        reading = await one.meter.read()
        assert (reading.power_factor, reading.frequency_hz) == (None, 50.0)
        found = told()
        one.face._words = lambda: found | {0x28: 0xFFFF, 0x29: 0x7FFF}
        with pytest.raises(Implausible, match="power"):
            await one.meter.read()


async def test_an_error_in_place_of_a_number_is_no_number() -> None:
    async with wired(next(case for case in CASES if case.model == "CE303")) as one:
        assert one.line is not None
        one.line.to_station = lambda data: (reply("SNUMB(E17)"),)
        assert (await one.meter.identify()).serial == ""


# ------------------------------------------------------------------------------------------------------------ records


async def test_em580_takes_its_time_between_the_end_of_a_session_and_its_record() -> None:
    async with wired(EM580) as one:
        await signing(one).begin_session(MINE)
        one.face.settles_in = 5
        record = await signing(one).end_session(MINE)
        assert [record] == [each.encode() for each in one.face.records]


async def test_em580_that_does_not_end_its_session_is_asked_again() -> None:
    async with wired(EM580) as one:
        await signing(one).begin_session(MINE)
        commands = one.face._command
        one.face._command = lambda command: None
        with pytest.raises(NoAnswer, match="does not end"):
            await signing(one).end_session(MINE)
        one.face._command = commands
        assert MINE.transaction.encode() in await signing(one).end_session(MINE)


async def test_em580_that_does_not_begin_a_session_is_asked_again() -> None:
    async with wired(EM580) as one:
        commands = one.face._command
        one.face._command = lambda command: None
        with pytest.raises(NoAnswer, match="does not begin"):
            await signing(one).begin_session(MINE)
        one.face._command = commands
        await signing(one).begin_session(MINE)
        assert MINE.transaction.encode() in await signing(one).end_session(MINE)


class Slow:
    """An Iskra that needs `looks` looks at register 7052 to take an order; until then it says what it said `before`."""

    def __init__(self, face: Any, looks: int, before: int) -> None:
        self.face, self.looks, self.before = face, looks, before

    def read(self, function: int, start: int, count: int) -> Sequence[int]:
        if start == 7052 and self.looks:
            self.looks -= 1
            return [self.before]
        if start in (7000, 7057) and self.looks:
            return [0]
        found: Sequence[int] = self.face.read(function, start, count)
        return found

    def write(self, start: int, values: Sequence[int]) -> None:
        self.face.write(start, values)


async def test_iskra_whose_answer_to_the_end_was_lost_gives_its_record_once_it_is_signed() -> None:
    async with wired(ISKRA) as one:
        assert one.line is not None
        await signing(one).begin_session(MINE)
        one.face.write(7051, [0x7200])  # the order arrived, its answer did not
        one.line.devices[33] = Slow(one.face, 5, before=2)
        record = await signing(one).end_session(MINE)
        assert [record] == [each.encode() for each in one.face.records]


async def test_what_iskra_said_of_the_command_before_is_no_refusal_of_this_one() -> None:
    async with wired(ISKRA) as one:
        assert one.line is not None
        one.line.devices[33] = Slow(one.face, 1, before=130)
        await signing(one).begin_session(MINE)
        assert one.face.state == 1


async def test_gsh01_record_of_a_session_that_still_runs_is_not_the_final_one() -> None:
    async with wired(GSH01) as one:
        await signing(one).begin_session(MINE)
        answered, left = one.face._answer, 3

        def answer(part: Part) -> Any:
            nonlocal left
            if part.number == 0x1521 and left:
                return Part(part.number, f"OCMF|begin of {MINE.transaction}|".encode() + b"\0")
            if part.number == 0x4137 and left and not one.face.is_running:
                left -= 1
                return Part(part.number, RUNS.to_bytes(8, "little"))
            return answered(part)

        one.face._answer = answer
        record = await signing(one).end_session(MINE)
        assert [record] == [each.encode() for each in one.face.records]


async def test_a_meter_that_tells_values_but_is_silent_about_its_number_has_none() -> None:
    async with wired(CASES[0]) as one:
        assert one.line is not None
        known = one.line.devices[1]

        class Mute(Anything):
            def read(self, function: int, start: int, count: int) -> Sequence[int]:
                return known.read(function, start, count)

        one.line.devices[1] = Mute(random.Random(1))
        passed = one.line.to_device
        one.line.to_device = lambda data: () if data[1:4] == b"\x03\xfc\x00" else passed(data)
        identity = await one.meter.identify()
        assert (identity.model, identity.serial) == ("SDM630", "")
        one.detach()
        with pytest.raises(NoAnswer):
            await one.meter.identify()
