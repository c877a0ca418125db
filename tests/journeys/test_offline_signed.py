"""What a signing meter gives reaches the central system byte for byte, through outage, restart and repetition (R12)."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.interfaces import MeterReading
from drivers.meters.modbus_meter import ModbusMeter
from tests.journeys.rig import Rig

ENERGY = "Energy.Active.Import.Register"


def record_of(reading: MeterReading) -> bytes:
    """As long as real ones, with all that JSON must escape."""
    text = f'OCMF|{{"FV":"1.0","GI":"\\"Lab\\" \\\\ 7","RD":[{{"RV":{reading.energy_wh:.4f},"RU":"Wh"}}]}}|{{"SD":"'
    return text.encode() + f"{zlib.crc32(text.encode()):08x}".encode() * 30 + b'"}'


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Lets the meters sign; all that they ever gave."""
    records: set[str] = set()
    usual = ModbusMeter.read

    async def read(self: ModbusMeter) -> MeterReading:
        reading = await usual(self)
        record = record_of(reading)
        records.add(record.decode())
        return msgspec.structs.replace(reading, signed=record)

    monkeypatch.setattr(ModbusMeter, "read", read)
    return records


def signed_values(values: list[dict[str, Any]]) -> list[str]:
    return [one["value"] for value in values for one in value["sampledValue"] if one.get("format") == "SignedData"]


async def test_signed_records_arrive_as_the_meter_gave_them(tmp_path: Path, given: set[str]) -> None:
    change = {"ocpp": {"configuration": {"MeterValueSampleInterval": 20, "StopTxnSampledData": ENERGY}}}
    async with Rig(tmp_path, change=change) as rig:
        await rig.online()
        await rig.advance(5)  # the station has its first sampling plan
        rig.plug(current_a=16)
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING", within_s=30)
        await rig.advance(70)
        await rig.system.go_away()
        await rig.advance(200)
        await rig.stop()
        await rig.boot_up()
        await rig.advance(40)
        await rig.system.come_back()
        await rig.drained()
        if rig.status() == "CHARGING":
            await rig.tap()
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        told = [value for call in rig.system.ledger.calls("MeterValues") for value in call.payload["meterValue"]]
        in_values = signed_values(told)
        assert len(in_values) >= 12 and set(in_values) <= given
        for value in told:
            plain = [one for one in value["sampledValue"] if one["measurand"] == ENERGY and "format" not in one]
            assert len(plain) == 1
        for stop in rig.system.ledger.calls("StopTransaction"):
            data = stop.payload["transactionData"]
            contexts = [value["sampledValue"][0]["context"] for value in data]
            assert contexts[0] == "Transaction.Begin" and contexts[-1] == "Transaction.End"
            assert len(signed_values(data)) == len(data) and set(signed_values(data)) <= given
        await rig.check()
