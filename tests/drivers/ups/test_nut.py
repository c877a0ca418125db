"""Supplies behind upsd of Network UPS Tools: simulated on virtual time, and a real upsd with its dummy driver."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import Implausible, NoAnswer, Refused
from drivers.interfaces import SupplyReading
from drivers.ports.port import Port
from drivers.ports.wire import open_wire
from drivers.simulated.devices import DevicePart
from drivers.simulated.ups.nut import Upsd, face
from drivers.simulated.ups_model import UpsFaults, UpsModel
from drivers.simulated.wire import Line
from drivers.ups import nut
from tests.free_ports import free_port

PART = DevicePart(kind="ups", name="cabinet", driver="nut", port="net")


def line_with(model: UpsModel) -> Line:
    line = Line()
    device = face(model, PART)
    assert isinstance(device, Upsd)
    line.attach_bytes(device)
    return line


def supply_on(port: Port, name: str = "cabinet") -> nut.NutSupply:
    return nut.NutSupply(port, name)


async def test_on_mains_charge_and_time_are_told() -> None:
    async with line_with(UpsModel()).port() as port:
        reading = await supply_on(port).read()
    assert reading == SupplyReading(on_battery=False, is_low=False, charge_pct=100.0, runtime_s=600.0)


async def test_a_power_failure_runs_the_battery_down_until_it_is_low() -> None:
    model = UpsModel(full_runtime_s=600.0)
    model.advance(0.0)
    async with line_with(model).port() as port:
        supply = supply_on(port)
        model.set_faults(UpsFaults(mains=False))
        assert (await supply.read()).on_battery
        model.advance(470.0)
        assert not (await supply.read()).is_low
        model.advance(490.0)
        reading = await supply.read()
        assert reading.is_low
        assert reading.runtime_s == pytest.approx(110.0)


async def test_a_battery_to_be_replaced_is_told() -> None:
    model = UpsModel()
    model.set_faults(UpsFaults(replace_battery=True))
    async with line_with(model).port() as port:
        assert (await supply_on(port).read()).needs_battery


@pytest.mark.parametrize(
    "status, on_battery, is_low",
    [
        ("OL", False, False),
        ("OL CHRG", False, False),
        ("OB DISCHRG LB", True, True),
        ("FSD OB LB", True, True),
        ("FSD OL", True, True),
        ("FSD", True, True),
        ("ALARM OL", False, False),
        ("OL LB", False, True),
        ("OL BYPASS", False, False),
    ],
)
async def test_status_words_are_understood(status: str, on_battery: bool, is_low: bool) -> None:
    line = Line()
    line.on_request = lambda data: line.send(
        f'VAR cabinet ups.status "{status}"\n'.encode() if b"ups.status" in data else b"ERR VAR-NOT-SUPPORTED\n"
    )
    async with line.port() as port:
        reading = await supply_on(port).read()
    assert reading == SupplyReading(on_battery=on_battery, is_low=is_low)


@pytest.mark.parametrize("status", ["", "WAIT", "OFF", "OL OB", "ALARM"])
async def test_a_status_that_says_nothing_of_the_mains_is_no_reading(status: str) -> None:
    line = Line()
    line.on_request = lambda data: line.send(f'VAR cabinet ups.status "{status}"\n'.encode())
    async with line.port() as port:
        with pytest.raises(Implausible, match="mains"):
            await supply_on(port).read()


@pytest.mark.parametrize("text", ["", "nan", "-1", "101", "12%", "inf"])
async def test_a_charge_that_is_no_percentage_is_left_out(text: str) -> None:
    line = Line()

    def said(data: bytes) -> None:
        variable = data.decode().split()[-1]
        line.send(f'VAR cabinet {variable} "{"OL" if variable == "ups.status" else text}"\n'.encode())

    line.on_request = said
    async with line.port() as port:
        assert (await supply_on(port).read()).charge_pct is None


async def test_data_that_are_stale_are_no_answer() -> None:
    model = UpsModel()
    model.set_faults(UpsFaults(stale=True))
    async with line_with(model).port() as port:
        with pytest.raises(NoAnswer, match="DATA-STALE"):
            await supply_on(port).read()


async def test_a_wrong_name_is_refused_with_what_to_do() -> None:
    async with line_with(UpsModel()).port() as port:
        with pytest.raises(Refused, match=r"ups\.conf"):
            await supply_on(port, "other").read()


async def test_an_upsd_that_says_nothing_is_no_answer_and_comes_back() -> None:
    model = UpsModel()
    model.set_faults(UpsFaults(silent=True))
    async with line_with(model).port() as port:
        with pytest.raises(NoAnswer):
            await supply_on(port).read()
        model.set_faults(UpsFaults(silent=False))
        await asyncio.sleep(1)
        await supply_on(port).read()


async def test_answers_in_pieces_and_of_other_questions_are_told_apart() -> None:
    line = line_with(UpsModel())
    line.to_station = lambda data: (b'VAR other ups.status "OB"\n', *(data[at : at + 1] for at in range(len(data))))
    async with line.port() as port:
        assert not (await supply_on(port).read()).on_battery


async def test_quotes_and_backslashes_in_a_text_are_taken_off() -> None:
    assert nut.Variable("u", "device.model").answer(b'VAR u device.model "a \\"b\\" \\\\c"\n') == nut.Said(
        text='a "b" \\c'
    )


@given(st.binary(max_size=200), st.text('OLB \\"\nERVAuups.stat', max_size=60))
def test_whatever_comes_in_is_an_answer_or_none(data: bytes, text: str) -> None:
    for received in (data, text.encode(), b"ERR \n", b"ERR\n", text.encode() + b"\n" + data):
        assert isinstance(nut.Variable("u", "ups.status").answer(received), nut.Said | None)
        assert isinstance(nut.Version().answer(received), str | None)


async def test_upsd_is_recognised_and_other_text_is_not() -> None:
    async with line_with(UpsModel()).port() as port:
        found = await nut.recognise(port, 0)
        assert found is not None
        assert found.vendor == "Network UPS Tools"
    line = Line()
    line.on_request = lambda data: line.send(b"HTTP/1.1 400 Bad Request\n")
    async with line.port() as port:
        assert await nut.recognise(port, 0) is None


# ------------------------------------------------------------------------------------------------------- real upsd

DRIVER, UPSD = Path("/lib/nut/dummy-ups"), Path("/lib/nut/upsd")
"""The programs themselves; those in /usr/sbin ask the system's own configuration first."""


@contextlib.asynccontextmanager
async def real_upsd(folder: Path) -> AsyncIterator[tuple[int, Path]]:
    """upsd on a free port of the loopback with one supply "cabinet", whose values stand in a file."""
    number = free_port()
    values = folder / "values.dev"
    values.write_text(_values("OL"))
    (folder / "ups.conf").write_text(
        f"pollinterval = 1\nmaxretry = 3\n[cabinet]\ndriver = dummy-ups\nport = {values}\nmode = dummy-loop\n"
    )
    (folder / "upsd.conf").write_text(f"LISTEN 127.0.0.1 {number}\nMAXAGE 5\n")
    (folder / "upsd.users").write_text("")
    for file in folder.iterdir():
        file.chmod(0o600)
    user = ["-u", "root"] if os.getuid() == 0 else []
    environment = {
        **os.environ,
        "NUT_CONFPATH": str(folder),
        "NUT_STATEPATH": str(folder),
        "NUT_ALTPIDPATH": str(folder),
    }
    running = []
    try:
        with (folder / "log").open("wb") as log:
            for command in ([str(DRIVER), "-a", "cabinet", "-F", *user], [str(UPSD), "-F", *user]):
                process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=log, stderr=log)
                running.append(process)
        yield number, values
    finally:
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


def _values(status: str) -> str:
    return (
        f"ups.status: {status}\nbattery.charge: 87\nbattery.runtime: 1234\ndevice.mfr: Test\ndevice.model: Dummy 1000\n"
        "device.serial: 4711\nTIMER 1\n"
    )


async def answered(supply: nut.NutSupply, on_battery: bool) -> SupplyReading:
    while True:
        with contextlib.suppress(NoAnswer, Refused, Implausible):
            reading = await supply.read()
            if reading.on_battery is on_battery:
                return reading
        await asyncio.sleep(0.1)


@pytest.mark.realtime
@pytest.mark.skipif(
    not (UPSD.exists() and DRIVER.exists()), reason="Debian packages nut-server and nut-client are missing"
)
async def test_a_real_upsd_with_its_dummy_supply_is_understood(tmp_path: Path) -> None:
    async with (
        real_upsd(tmp_path) as (number, values),
        Port("net", open_wire("tcp", host="127.0.0.1", port=number), timeout_s=1.0) as port,
    ):
        supply = supply_on(port)
        async with asyncio.timeout(20):
            reading = await answered(supply, on_battery=False)
            assert (reading.charge_pct, reading.runtime_s, reading.is_low) == (87.0, 1234.0, False)
            identity = await supply.identify()
            assert (identity.vendor, identity.model, identity.serial) == ("Test", "Dummy 1000", "4711")
            found = await nut.recognise(port, 0)
            assert found is not None
            with pytest.raises(Refused):
                await supply_on(port, "other").read()
            new = values.with_suffix(".new")
            new.write_text(_values("OB LB"))
            new.replace(values)
            assert (await answered(supply, on_battery=True)).is_low
