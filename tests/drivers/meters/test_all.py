"""What every meter driver does, whatever it speaks: value truth, silence, damage, restarts, nonsense."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from drivers import discovery
from drivers.errors import BadFrame, Implausible, NoAnswer, Refused
from drivers.loading import known, load
from drivers.ports.port import Port
from drivers.simulated.meter import MeterFaults
from tests.drivers.meters.wired import AC, CASES, DC, Case, Known, Wired, open_meter, wired

on_lines = [case for case in CASES if case.driver != "lem"]
modbus = [case for case in on_lines if case.driver not in ("gsh01", "mercury", "mercury_200")]
modbus = [case for case in modbus if not case.driver.startswith("energomera")]


def test_every_driver_and_model_stands_here() -> None:
    assert {case.driver for case in CASES} == set(known("meters"))
    for name in known("meters"):
        here = {case.model for case in CASES if case.driver == name}
        models = {str(model) for model in load("meters", name).Model}
        assert here <= models
        assert len(models - here) <= 6, f"{name}: {models - here} stand for nothing"


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_reading_is_the_truth_within_the_meters_resolution(case: Case) -> None:
    truth = DC if case.direct else AC
    async with wired(case) as one:
        reading = await one.meter.read()
    assert abs(reading.energy_wh - truth.import_wh) < case.step_wh
    if case.step_wh == 1:
        assert reading.energy_wh == truth.import_wh
    else:
        assert reading.energy_wh % case.step_wh == 0
    total_w = truth.phase_power_w[0] if case.phases == 1 else truth.power_w
    assert reading.power_w == pytest.approx(total_w, abs=20.0 if case.options.get("ratio") else 5.0, rel=1e-4)
    if case.phases == 0:
        assert reading.voltage_v is None and reading.current_a is None
    else:
        measured = 1 if case.direct else case.phases
        for found, true, step in (
            (reading.voltage_v, truth.voltage_v, 0.1),
            (reading.current_a, truth.current_a, 0.41),
        ):
            assert found is not None
            step = step if case.options.get("ratio") else min(step, 0.1)
            step = case.step_v if found is reading.voltage_v and case.step_v > step else step
            assert found[:measured] == pytest.approx(true[:measured], abs=step / 2 + 1e-9, rel=1e-4)
            assert all(each == 0 for each in found[measured:])
    if case.exports:
        assert reading.energy_export_wh is not None
        assert abs(reading.energy_export_wh - truth.export_wh) <= max(case.step_wh, 1) / 2 + 1
    else:
        assert reading.energy_export_wh is None
    if reading.frequency_hz is not None:
        assert reading.frequency_hz == pytest.approx(50.0)
    if reading.power_factor is not None:
        assert reading.power_factor == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_energy_that_grows_is_followed_step_by_step(case: Case) -> None:
    model = Known()
    async with wired(case, model) as one:
        for wh in (0.0, 10.0, 1_000.0, 1_000_000.0, 9_999_990.0):
            model.ac = msgspec.structs.replace(AC, import_wh=wh)
            model.dc = msgspec.structs.replace(DC, import_wh=wh)
            reading = await one.meter.read()
            assert abs(reading.energy_wh - wh) <= case.step_wh / 2 + (1 if wh > 9e6 else 0)


@pytest.mark.parametrize("case", on_lines, ids=str)
async def test_at_another_address_nobody_answers(case: Case) -> None:
    if case.address in (0, 255):
        return  # any meter on the line
    async with wired(case) as one:
        other = open_meter(case, one.port, case.address + 1)
        with pytest.raises(NoAnswer):
            await other.read()
        assert (await one.meter.read()).energy_wh > 0


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_silence_is_an_error_and_ends(case: Case) -> None:
    async with wired(case) as one:
        await one.meter.read()
        held = None if one.line is None else (dict(one.line.devices), list(one.line.byte_devices))
        one.detach()
        with pytest.raises(NoAnswer):
            await one.meter.read()
        if one.line is not None and held is not None:
            one.line.devices.update(held[0])
            one.line.byte_devices.extend(held[1])
        if one.end is not None:
            one.end.served.is_silent = False
        assert (await one.meter.read()).energy_wh > 0


@pytest.mark.parametrize("case", on_lines, ids=str)
async def test_a_damaged_reply_is_an_error_and_never_a_value(case: Case) -> None:
    async with wired(case) as one:
        assert one.line is not None
        await one.meter.read()
        line, spoiled = one.line, 0

        def spoil(data: bytes) -> list[bytes]:
            nonlocal spoiled
            at = len(data) // 2
            spoiled += 1
            return [data[:at] + bytes((data[at] ^ 0x10,)) + data[at + 1 :]]

        line.to_station = spoil
        with pytest.raises((BadFrame, NoAnswer)):
            await one.meter.read()
        assert spoiled
        line.to_station = lambda data: (data,)
        assert (await one.meter.read()).energy_wh > 0


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_no_value_is_never_a_reading(case: Case) -> None:
    async with wired(case) as one:
        one.model.set_faults(MeterFaults(nan=True))
        with pytest.raises((Implausible, Refused, BadFrame)) as caught:
            await one.meter.read()
        assert case.driver.startswith(("energomera", "mercury_200", "gsh01", "lem")) or caught.type is Implausible


@pytest.mark.parametrize("case", [case for case in modbus if case.model not in ("DJSF1352-RN", "WM3M4C")], ids=str)
async def test_words_in_the_wrong_order_are_noticed(case: Case) -> None:
    if case.driver == "acrel" or case.model == "WM3M4":
        return  # one word for each value of the moment
    async with wired(case) as one:
        one.model.set_faults(MeterFaults(swapped=True))
        with pytest.raises(Implausible):
            await one.meter.read()


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_restart_of_the_meter_costs_no_reading(case: Case) -> None:
    async with wired(case) as one:
        await one.meter.read()
        if hasattr(one.face, "restart"):
            one.face.restart()
        assert (await one.meter.read()).energy_wh > 0


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.driver not in ("dzg", "gsh01", "mercury_200", "bender_cc")], ids=str
)
async def test_energy_that_flows_back_is_negative_power(case: Case) -> None:
    if case.driver.startswith("energomera"):
        return  # the sign is not told
    model = Known(
        msgspec.structs.replace(AC, phase_power_w=(-2417.0, -2435.0, -2471.0)),
        msgspec.structs.replace(DC, phase_power_w=(-50_260.0, 0.0, 0.0), current_a=(-125.5, 0.0, 0.0)),
    )
    async with wired(case, model) as one:
        assert (await one.meter.read()).power_w < -2_000


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_meter_says_who_it_is(case: Case) -> None:
    async with wired(case) as one:
        identity = await one.meter.identify()
        assert identity.vendor and case.model.split()[0] in identity.model
        if "serial number" in load("meters", case.driver).ABOUT.abilities and case.model != "EM24":
            assert "12345678" in identity.serial
        one.detach()
        with pytest.raises(NoAnswer):
            await one.meter.identify()


RECOGNISED = {
    "eastron": {"SDM630", "SDM72D-M-v2", "SDM72D-M", "SDM230", "SDM120"},
    "carlo_gavazzi": {"EM24", "EM330", "EM340", "ET340", "EM530", "EM540", "EM24_E1"},
    "schneider": {"iEM3155", "iEM3255", "iEM3150"},
    "abb": {"B21", "B23", "B24"},
    "iskra": {"WM3M4C", "WM3M4"},
    "chint": {"DTSU666"},
    "dzg": {"DVH4013"},
    "acrel": {"ADL3000", "DTSD1352"},
}


async def looked_at(one: Wired, address: int, kinds: Sequence[str] = discovery.KINDS) -> discovery.Found | None:
    """What discovery finds at an address."""
    assert isinstance(one.port, Port)
    candidates = [*discovery.candidates("serial", kinds), *discovery.candidates("tcp", kinds)]
    return await discovery.look_at("meters", one.port, list(dict.fromkeys(candidates)), address)


@pytest.mark.parametrize("case", modbus, ids=str)
async def test_a_modbus_meter_is_recognised_where_it_says_who_it_is_and_never_taken_for_another(case: Case) -> None:
    async with wired(case) as one:
        found = await looked_at(one, case.address, ("meters",))
    assert found is not None
    if case.model not in RECOGNISED.get(case.driver, ()) or case.options.get("energy_at"):
        assert found.driver in ("", case.driver)
        return
    assert found.driver == case.driver
    assert found.identity.model == case.model or case.model == "DTSD1352"


@pytest.mark.parametrize("case", modbus, ids=str)
async def test_discovery_among_all_drivers_never_takes_a_meter_for_another(case: Case) -> None:
    async with wired(case) as one:
        found = await looked_at(one, case.address)
    assert found is not None and found.driver in ("", case.driver)


async def test_nobody_is_recognised_as_nobody() -> None:
    async with wired(CASES[0]) as one:
        assert await looked_at(one, 77) is None


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_driver_recognises_its_own(case: Case) -> None:
    driver = load("meters", case.driver)
    if not hasattr(driver, "recognise") or "energy_at" in case.options:
        return
    async with wired(case) as one:
        if case.driver in ("energomera",) and case.options:
            return  # recognised by the usual check byte only
        found = await driver.recognise(one.port, case.address)
        expected = case.driver not in ("acrel", "carlo_gavazzi") or case.model in RECOGNISED[case.driver]
        assert (found is not None) is expected


async def test_a_plain_modbus_device_is_no_meter() -> None:
    async with wired(CASES[0]) as one:
        assert one.line is not None
        one.line.devices[1] = _Zeros()
        found = await looked_at(one, 1, ("meters",))
        assert found is not None and found.driver == ""


class _Zeros:
    """A device that answers every read with zeros, as some relays and gateways do."""

    def __init__(self) -> None:
        self.written = 0

    def read(self, function: int, start: int, count: int) -> list[int]:
        return [0] * count

    def write(self, start: int, values: object) -> None:
        self.written += 1
        raise AssertionError("recognition must not write")
