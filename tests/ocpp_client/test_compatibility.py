"""Compatibility switches: each does what it says, and without it everything is as the specification has it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint.config import CompatibilitySettings
from chargepoint.messages import Authorize, StartCharging
from chargepoint.records import Credential
from chargepoint.vocabulary import CredentialType
from ocpp_client.v16.compatibility import in_unit, wording
from tests.ocpp_client.rig import NAME, Rig, bench

AT = "2026-03-01T12:00:00.123Z"


def value(text: str, unit: str, **fields: str) -> dict[str, Any]:
    return {"value": text, "unit": unit, **fields}


def meter_values(*values: dict[str, Any]) -> dict[str, Any]:
    return {"connectorId": 1, "meterValue": [{"timestamp": AT, "sampledValue": list(values)}]}


def reworded(action: str, payload: dict[str, Any], **switches: Any) -> dict[str, Any]:
    """`payload` with these switches; the given one is left as it was."""
    before = msgspec.json.encode(payload)
    change = wording(msgspec.convert(switches, CompatibilitySettings))
    assert change is not None
    after = change(action, payload)
    assert msgspec.json.encode(payload) == before
    return after


# ------------------------------------------------------------------------------------------------------- wording


def test_by_default_nothing_is_reworded() -> None:
    assert wording(CompatibilitySettings()) is None


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("1500", "Wh", value("1.5", "kWh")),
        ("0", "Wh", value("0", "kWh")),
        ("1", "Wh", value("0.001", "kWh")),
        ("123456789.125", "Wh", value("123456.789125", "kWh")),
        ("-2000", "W", value("-2", "kW")),
        ("1000000", "W", value("1000", "kW")),
        ("16", "A", value("16", "A")),
        ("many", "Wh", value("many", "Wh")),
        ("21.5", "Celsius", value("21.5", "Celcius")),
    ],
)
def test_units(text: str, unit: str, expected: dict[str, Any]) -> None:
    assert in_unit(value(text, unit), {"Wh": "kWh", "W": "kW", "Celsius": "Celcius"}) == expected


def test_units_are_changed_in_meter_values_and_in_transaction_data_each_by_its_own_switch() -> None:
    payload = meter_values(value("1500", "Wh"), value("7000", "W"), {"value": "50", "measurand": "Frequency"})
    in_kwh = reworded("MeterValues", payload, energy_unit="kWh")["meterValue"][0]["sampledValue"]
    assert in_kwh == [value("1.5", "kWh"), value("7000", "W"), {"value": "50", "measurand": "Frequency"}]
    stop = {"transactionId": 1, "meterStop": 1500, "timestamp": AT, "transactionData": payload["meterValue"]}
    after = reworded("StopTransaction", stop, power_unit="kW")
    assert after["transactionData"][0]["sampledValue"][1] == value("7", "kW")
    assert after["meterStop"] == 1500


def test_a_signed_record_is_never_touched() -> None:
    signed = value("OCMF|{}", "Wh", format="SignedData")
    after = reworded("MeterValues", meter_values(signed), energy_unit="kWh", celcius=True)
    assert after["meterValue"][0]["sampledValue"] == [signed]


def test_times_in_whole_seconds() -> None:
    after = reworded("MeterValues", meter_values(value("1", "Wh")), milliseconds=False)
    assert after["meterValue"][0]["timestamp"] == "2026-03-01T12:00:00Z"
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": AT}
    assert reworded("StatusNotification", status, milliseconds=False)["timestamp"] == "2026-03-01T12:00:00Z"


@pytest.mark.parametrize(
    ("action", "reason", "is_left_out"),
    [("StopTransaction", "Local", True), ("StopTransaction", "Remote", False), ("Other", "Local", False)],
)
def test_the_reason_local_can_be_left_out(action: str, reason: str, is_left_out: bool) -> None:
    after = reworded(action, {"reason": reason}, local_transaction_reason=False)
    assert after == ({} if is_left_out else {"reason": reason})


# ----------------------------------------------------------------------------------------------------- where they act


def compatibility(**switches: Any) -> dict[str, Any]:
    return {"compatibility": switches}


@pytest.mark.parametrize(("case", "expected"), [("as_read", "04aBc9"), ("upper", "04ABC9"), ("lower", "04abc9")])
async def test_the_case_of_id_tags_is_the_same_in_all_messages(tmp_path: Path, case: str, expected: str) -> None:
    async with bench(tmp_path, **compatibility(id_tag_case=case)) as rig:
        await rig.registered()
        await authorize(rig, "04aBc9")
        card = Credential("04aBc9", CredentialType.RFID)
        rig.station.start(1, starter=card)
        rig.station.stop(1, stopper=card)
        await rig.system.until_received("StopTransaction")
        for action in ("Authorize", "StartTransaction", "StopTransaction"):
            assert rig.payloads(action)[-1]["idTag"] == expected, action


async def authorize(rig: Rig, tag: str, kind: CredentialType = CredentialType.RFID) -> str:
    return (await rig.buses["station"].call("ocpp", Authorize(id_tag=tag, type=kind), 40.0)).status


@pytest.mark.parametrize(
    ("identity", "expected"),
    [("AABBCCDDEEFF", "VID:AABBCCDDEEFF"), ("WDB1234567890123X", "WDB1234567890123X")],
)
async def test_a_vehicle_is_asked_for_and_told_by_the_same_id_tag(tmp_path: Path, identity: str, expected: str) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        assert await authorize(rig, identity, CredentialType.VIN) == "Accepted"
        vehicle = Credential(identity, CredentialType.VIN)
        rig.station.start(1, starter=vehicle)
        rig.station.stop(1, stopper=vehicle)
        await rig.system.until_received("StopTransaction")
        for action in ("Authorize", "StartTransaction", "StopTransaction"):
            assert rig.payloads(action)[-1]["idTag"] == expected, action


async def test_connector_0_can_be_kept_to_ourselves_until_asked_for_by_number(tmp_path: Path) -> None:
    async with bench(tmp_path, **compatibility(status_of_connector_0=False)) as rig:
        await rig.boot()
        await rig.system.until_received("StatusNotification", 2)
        await rig.system.call(NAME, "TriggerMessage", {"requestedMessage": "StatusNotification"})
        await rig.system.until_received("StatusNotification", 4)
        rig.station.station(operative=False)
        await asyncio.sleep(5)
        assert [told["connectorId"] for told in rig.payloads("StatusNotification")] == [1, 2, 1, 2]
        trigger = {"requestedMessage": "StatusNotification", "connectorId": 0}
        assert await rig.system.call(NAME, "TriggerMessage", trigger) == {"status": "Accepted"}
        await rig.system.until_received("StatusNotification", 5)
        last = rig.payloads("StatusNotification")[-1]
        assert (last["connectorId"], last["status"]) == (0, "Unavailable")


@pytest.mark.parametrize(("is_on", "boots"), [(False, 1), (True, 2)])
async def test_boot_notification_after_each_reconnection(tmp_path: Path, is_on: bool, boots: int) -> None:
    async with bench(tmp_path, **compatibility(boot_after_reconnect=is_on)) as rig:
        await rig.registered()
        rig.system.disconnect(NAME)
        await rig.system.until_received("StatusNotification", 6)
        assert len(rig.payloads("BootNotification")) == boots


@pytest.mark.parametrize(("stands_in", "status"), [("", "Rejected"), ("APP", "Accepted")])
async def test_an_empty_id_tag_in_a_remote_start(tmp_path: Path, stands_in: str, status: str) -> None:
    async with bench(tmp_path, **compatibility(remote_start_id_tag=stands_in)) as rig:
        await rig.registered()
        answer = await rig.system.call(NAME, "RemoteStartTransaction", {"idTag": "", "connectorId": 1})
        assert answer == {"status": status}
        assert [start.credential.value for start in rig.station.told(StartCharging)] == (
            [stands_in] if stands_in else []
        )


def test_every_switch_is_documented_with_its_default_and_its_symptom() -> None:
    text = (Path(__file__).parents[2] / "docs" / "ocpp.md").read_text(encoding="utf-8")
    _, _, section = text.partition("## Compatibility switches")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.partition("\n## ")[0].splitlines()
        if line.startswith("| `")
    ]
    documented = {name.strip("`"): default.strip("`") for name, default, symptom in rows if len(symptom) > 20}
    fields = msgspec.to_builtins(CompatibilitySettings())
    assert documented == {
        name: (str(default).lower() if isinstance(default, bool) else default) or "empty"
        for name, default in fields.items()
    }
