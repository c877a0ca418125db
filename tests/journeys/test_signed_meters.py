"""A meter that signs (LEM DCBM over HTTP): begin and end of its session go along the transaction, its record reaches
the central system byte for byte, through outage, crash and power cut; a failing meter never blocks a charge (G117)."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from drivers.simulated.http_end import HttpHandler
from drivers.simulated.meters.lem import LemFace
from drivers.simulated.meters.signing import is_signed
from tests.journeys.rig import ONE_AC, READER_AND_SERVER, Rig

ONE_DC = (
    """
[station]
name = "post-7"
power_limit_w = 50_000
[[port]]
name = "bus"
device = "bus"
[[connector]]
number = 1
type = "CCS2"
port = "bus"
address = 1
meter = "m1"
max_current_a = 125
max_power_w = 50_000
cable_current_a = 125
min_current_a = 5
[[port]]
name = "net"
kind = "http"
host = "192.168.1.2"
port = 80
timeout_s = 1.0
[[meter]]
name = "m1"
driver = "lem"
port = "net"
options = { model = "DCBM 400", evse_id = "" }
"""
    + READER_AND_SERVER.replace("= 15", "= 60")
    + """StopTxnSampledData = "Energy.Active.Import.Register"
"""
)


def web(rig: Rig) -> HttpHandler:
    """The meter's web interface."""
    handler = rig.simulated._ports["net"].web
    assert handler is not None
    return handler


def lem(rig: Rig) -> LemFace:
    """The meter itself."""
    face = getattr(web(rig).device, "_device", None)
    assert isinstance(face, LemFace)
    return face


async def charge(rig: Rig, seconds: float = 20) -> None:
    rig.plug()
    await rig.until_status("READY")
    await rig.tap()
    await rig.until_status("CHARGING", within_s=60)
    await rig.advance(seconds)


async def leave(rig: Rig) -> None:
    if rig.status() == "CHARGING":
        await rig.tap()
    await rig.until(lambda: rig.status() != "CHARGING", 60)
    await rig.advance(5)
    rig.unplug()
    await rig.until_status("AVAILABLE", within_s=120)


def stops(rig: Rig) -> list[dict[str, Any]]:
    return [call.payload for call in rig.system.ledger.calls("StopTransaction")]


def signed_of(stop: dict[str, Any]) -> list[tuple[str, str]]:
    """Context and text of the signed values of a StopTransaction."""
    return [
        (one["context"], one["value"])
        for value in stop.get("transactionData", ())
        for one in value["sampledValue"]
        if one.get("format") == "SignedData"
    ]


async def errors(rig: Rig) -> list[str]:
    rows = await rig.journal("Happened")
    return [row.entry.error for row in rows if getattr(row.entry, "error", "")]  # type: ignore[union-attr]


@pytest.mark.parametrize("asked_for", ["Energy.Active.Import.Register", ""])
async def test_a_signed_record_stands_in_the_end_of_its_transaction(tmp_path: Path, asked_for: str) -> None:
    change = {"ocpp": {"configuration": {"StopTxnSampledData": asked_for}}}
    async with Rig(tmp_path, ONE_DC, change=change) as rig:
        await rig.online()
        await rig.advance(5)
        for number in range(2):
            await charge(rig)
            assert lem(rig).running
            await leave(rig)
            assert not lem(rig).running and len(lem(rig).records) == number + 1
        await rig.drained()
        given = list(lem(rig).records.values())
        assert [signed_of(stop) for stop in stops(rig)] == [[("Transaction.End", record)] for record in given]
        assert "SignedData" not in str([call.payload for call in rig.system.ledger.calls("MeterValues")])
        assert all(is_signed(record) and '"CI":"post-7-1"' in record and "04A2B3C4" in record for record in given)
        sessions = await rig.sessions()
        for session, record in zip(sessions, given, strict=True):
            assert session.meter_start_wh is not None and session.meter_stop_wh is not None
            begin, end = json.loads(record.split("|")[1])["RD"]
            assert round(1000 * begin["RV"]) == session.meter_start_wh  # power waited for the session
            assert round(1000 * end["RV"]) == session.meter_stop_wh
        await rig.check()


async def test_it_arrives_after_an_outage_too(tmp_path: Path) -> None:
    change = {"ocpp": {"configuration": {"AllowOfflineTxForUnknownId": True}}}
    async with Rig(tmp_path, ONE_DC, change=change) as rig:
        await rig.online()
        await rig.advance(5)
        await rig.system.go_away()
        await charge(rig, 30)
        await leave(rig)
        await rig.advance(30)
        await rig.stop()
        await rig.boot_up()
        await rig.system.come_back()
        await rig.drained()
        (record,) = lem(rig).records.values()
        assert [signed_of(stop) for stop in stops(rig)] == [[("Transaction.End", record)]]
        await rig.check()


async def test_a_crash_in_mid_session_costs_no_record(tmp_path: Path) -> None:
    async with Rig(tmp_path, ONE_DC) as rig:
        await rig.online()
        await charge(rig)
        running = lem(rig).running
        await rig.crash()
        await rig.boot_up()
        await rig.advance(30)
        assert lem(rig).running == running
        await leave(rig)
        await rig.drained()
        (record,) = lem(rig).records.values()
        assert [signed_of(stop) for stop in stops(rig)] == [[("Transaction.End", record)]]
        assert lem(rig).asked.count(("POST", "/v1/legal")) == 1
        await rig.check()


async def test_a_crash_between_record_and_books_costs_no_record(tmp_path: Path) -> None:
    async with Rig(tmp_path, ONE_DC) as rig:
        await rig.online()
        await charge(rig)
        rig.simulated.tap("1", "04A2B3C4")
        await rig.until(lambda: bool(lem(rig).records), 60)
        await rig.crash()
        await rig.boot_up()
        await rig.until(lambda: rig.status() != "CHARGING", 60)
        await leave(rig)
        await rig.drained()
        (record,) = lem(rig).records.values()
        assert [signed_of(stop) for stop in stops(rig)] == [[("Transaction.End", record)]]


async def test_a_power_cut_ends_the_session_in_the_meter_and_its_record_is_fetched(tmp_path: Path) -> None:
    async with Rig(tmp_path, ONE_DC) as rig:
        await rig.online()
        await charge(rig)
        await rig.cut_power()
        lem(rig).restart()
        await rig.advance(20)
        await rig.restore_power()
        await rig.advance(60)
        rig.unplug()
        await rig.until_status("AVAILABLE", within_s=120)
        await rig.drained()
        (record,) = lem(rig).records.values()
        (stop,) = stops(rig)
        assert stop["reason"] == "PowerLoss" and signed_of(stop) == [("Transaction.End", record)]


async def test_a_meter_that_refuses_to_sign_holds_nothing_up(tmp_path: Path) -> None:
    async with Rig(tmp_path, ONE_DC) as rig:
        await rig.online()
        lem(rig).refuses = True
        await charge(rig, 30)
        await leave(rig)
        await rig.drained()
        (stop,) = stops(rig)
        assert signed_of(stop) == [] and stop["meterStop"] > 0 and lem(rig).records == {}
        assert any("does not begin its signed session" in error for error in await errors(rig))
        await rig.check()


async def test_without_the_time_a_charge_goes_on_unsigned(tmp_path: Path) -> None:
    async with Rig(tmp_path, ONE_DC, is_linked=False) as rig:
        rig.is_clock_set = False
        await rig.stop()
        await rig.boot_up()
        await charge(rig, 30)
        await leave(rig)
        assert lem(rig).records == {}
        assert (await rig.last_session()).meter_stop_wh


async def test_a_meter_that_falls_silent_before_the_end_costs_the_record_but_not_the_transaction(
    tmp_path: Path,
) -> None:
    async with Rig(tmp_path, ONE_DC) as rig:
        await rig.online()
        await charge(rig)
        web(rig).is_silent = True
        await rig.tap()
        await rig.advance(60)
        rig.unplug()
        await rig.advance(30)
        await rig.drained()
        (stop,) = stops(rig)
        assert signed_of(stop) == []
        assert any("no signed record" in error for error in await errors(rig))
        web(rig).is_silent = False
        await rig.until_status("AVAILABLE", within_s=60)
        await charge(rig, 20)  # the session that was left running is ended before the next
        await leave(rig)
        await rig.drained()
        records = list(lem(rig).records.values())
        assert len(records) == 2 and signed_of(stops(rig)[-1]) == [("Transaction.End", records[-1])]


SERIAL = {
    "EM580": 'driver = "carlo_gavazzi"\naddress = 3\noptions = { model = "EM580" }',
    "WM3M4C": 'driver = "iskra"\naddress = 33',
}


@pytest.mark.parametrize("name", SERIAL)
async def test_meters_on_a_serial_line_sign_as_well(tmp_path: Path, name: str) -> None:
    own = '[[meter]]\nname = "m1"\nport = "bus"\naddress = 10\n'
    assert own in ONE_AC
    port = '[[port]]\nname = "own"\ndevice = "own"\n'
    text = ONE_AC.replace(own, f'{port}[[meter]]\nname = "m1"\nport = "own"\n{SERIAL[name]}\n')
    async with Rig(tmp_path, text) as rig:
        await rig.online()
        await charge(rig)
        await rig.crash()
        await rig.boot_up()
        await rig.advance(10)
        await leave(rig)
        await rig.drained()
        (stop,) = stops(rig)
        ((context, record),) = signed_of(stop)
        assert context == "Transaction.End" and record.startswith("OCMF|") and "04A2B3C4" in record
        assert name != "EM580" or is_signed(record)
        session = await rig.last_session()
        begin, end = json.loads(record.split("|")[1])["RD"]
        assert abs(1000 * begin["RV"] - (session.meter_start_wh or 0)) <= 5  # power waited for the session
        assert abs(1000 * end["RV"] - (session.meter_stop_wh or 0)) <= 5
        await rig.check()


@pytest.mark.long
async def test_many_transactions_with_cuts_and_outages_lose_no_record(tmp_path: Path) -> None:
    """G117 in small: every record once, byte for byte, pages without a gap; what is lost is in the operation log."""
    chance = random.Random(117)
    change = {"ocpp": {"configuration": {"AllowOfflineTxForUnknownId": True}}}
    async with Rig(tmp_path, ONE_DC, change=change) as rig:
        await rig.online()
        await rig.advance(5)
        is_away = False
        for _ in range(60):
            await charge(rig, chance.uniform(5, 40))
            match chance.choice(("calm", "calm", "crash", "outage", "restart", "power")):
                case "crash":
                    await rig.crash()
                    await rig.boot_up()
                case "restart":
                    await rig.stop()
                    await rig.boot_up()
                case "outage":
                    if is_away:
                        await rig.system.come_back()
                    else:
                        await rig.system.go_away()
                    is_away = not is_away
                case "power":
                    await rig.cut_power()
                    lem(rig).restart()
                    await rig.advance(20)
                    await rig.restore_power()
                    await rig.advance(150)  # the meter's clock may be set again
            await rig.advance(chance.uniform(1, 20))
            await leave(rig)
            await rig.advance(chance.choice((1, 130)))
        if is_away:
            await rig.system.come_back()
        await rig.drained(3600)
        given = list(lem(rig).records.values())
        told = [record for stop in stops(rig) for _, record in signed_of(stop)]
        assert sorted(told) == sorted(given) and all(map(is_signed, told))
        assert [f'"PG":"T{page}"' in record for page, record in enumerate(given, 1)] == [True] * len(given)
        unsigned = [stop for stop in stops(rig) if not signed_of(stop)]
        assert len(unsigned) <= len([error for error in await errors(rig) if "signed" in error])
        assert len(given) >= 50
        await rig.check()
