"""Requests, keys and frames, one rule each: OCPP 1.6, 4.2, 4.6, 4.9, 5.3, 5.8, 9.1; OCPP-J, 4."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint.messages import SetSamplingPlan, TimeLearned
from chargepoint.vocabulary import ConnectorStatus
from ocpp_client.simulated import CallRefused
from ocpp_client.simulated_ledger import parse_time
from ocpp_client.v16.keys import KEYS
from tests.listening import heard
from tests.ocpp_client.rig import NAME, Rig, bench

ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}

GOOD_VALUES = {
    "AllowOfflineTxForUnknownId": "true",
    "AuthorizationCacheEnabled": "false",
    "AuthorizeRemoteTxRequests": "true",
    "ClockAlignedDataInterval": "900",
    "ConnectionTimeOut": "45",
    "ConnectorPhaseRotation": "0.RST,1.RST,2.RTS",
    "HeartbeatInterval": "77",
    "LocalAuthorizeOffline": "false",
    "LocalPreAuthorize": "true",
    "MaxEnergyOnInvalidId": "500",
    "MeterValuesAlignedData": "Energy.Active.Import.Register,SoC",
    "MeterValuesSampledData": "Power.Active.Import,Current.Import.L1",
    "MeterValueSampleInterval": "33",
    "MinimumStatusDuration": "2",
    "ResetRetries": "3",
    "StopTransactionOnInvalidId": "false",
    "StopTxnAlignedData": "Energy.Active.Import.Interval",
    "StopTxnSampledData": "Energy.Active.Import.Register",
    "TransactionMessageAttempts": "5",
    "TransactionMessageRetryInterval": "15",
    "WebSocketPingInterval": "30",
    "LocalAuthListEnabled": "false",
}


async def ask(rig: Rig, action: str, **payload: Any) -> dict[str, Any]:
    return await rig.system.call(NAME, action, payload)


async def read(rig: Rig, *keys: str) -> dict[str, Any]:
    """Key -> value, as GetConfiguration tells it."""
    answer = await ask(rig, "GetConfiguration", key=list(keys))
    return {row["key"]: row.get("value") for row in answer["configurationKey"]}


# ------------------------------------------------------------------------------------------------ boot and heartbeats


@pytest.mark.ocpp("4.2-accepted-interval", "9.1-HeartbeatInterval", "4.6-clock", "Heartbeat")
async def test_the_interval_of_the_boot_is_the_heartbeats_and_each_of_them_sets_the_clock(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"HeartbeatInterval": 1000}) as rig:
        rig.system.heartbeat_interval_s = 42
        await rig.registered()
        assert await read(rig, "HeartbeatInterval") == {"HeartbeatInterval": "42"}
        learned = rig.buses["admin"].subscribe(TimeLearned)
        await asyncio.sleep(130)
        assert rig.payloads("Heartbeat") == [{}, {}, {}]
        assert [told.source for told in await heard(learned)] == ["server"] * 3


@pytest.mark.ocpp("4.2-changed", "BootNotification")
async def test_a_changed_identity_is_told_by_the_boot_after_the_restart(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await rig.stop()
        station = msgspec.structs.replace(
            rig.settings.station, firmware_version="2.0.1", meter_type="M", iccid="89", charge_point_serial_number="S1"
        )
        rig.settings = msgspec.structs.replace(rig.settings, station=station)
        await rig.boot()
        await rig.system.until_received("BootNotification", 2)
        first, second = rig.payloads("BootNotification")
        assert second == first | {
            "firmwareVersion": "2.0.1", "meterType": "M", "iccid": "89", "chargePointSerialNumber": "S1",
        }  # fmt: skip


# ----------------------------------------------------------------------------------------------------------- statuses


@pytest.mark.ocpp("4.9-timestamp", "4.9-min-duration", "StatusNotification")
async def test_a_status_told_later_bears_the_time_of_its_change(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"MinimumStatusDuration": 20}) as rig:
        await rig.registered()
        await asyncio.sleep(30)
        changed_at = rig.clock.now()
        rig.station.connector(1, ConnectorStatus.READY)
        await asyncio.sleep(30)
        told = rig.ledger.calls("StatusNotification")[-1]
        assert told.payload["status"] == "Preparing"
        assert abs((parse_time(told.payload["timestamp"]) - changed_at).total_seconds()) < 1
        assert (told.at - changed_at).total_seconds() > 19


@pytest.mark.ocpp("3.8-numbering", "9.1-NumberOfConnectors")
async def test_connectors_are_numbered_from_one_and_zero_is_the_station(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        assert sorted(told["connectorId"] for told in rig.payloads("StatusNotification")) == [0, 1, 2]
        assert await read(rig, "NumberOfConnectors") == {"NumberOfConnectors": "2"}
        assert await ask(rig, "ChangeConfiguration", key="NumberOfConnectors", value="3") == REJECTED


# --------------------------------------------------------------------------------------------------------------- keys


@pytest.mark.ocpp(
    "5.3-accepted", "5.3-durable", "5.8-some", "ChangeConfiguration", "GetConfiguration", "9.1-ConnectorPhaseRotation",
    "9.1-WebSocketPingInterval", "J7-keys",
)  # fmt: skip
async def test_every_key_that_can_be_written_is_kept_over_a_restart_and_read_back(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        writable = {key.name for key in KEYS if not (key.readonly or key.writeonly or key.has_deputy)}
        assert writable >= set(GOOD_VALUES)
        for key, value in GOOD_VALUES.items():
            assert await ask(rig, "ChangeConfiguration", key=key, value=value) == ACCEPTED, key
        assert await read(rig, *GOOD_VALUES) == GOOD_VALUES
        await rig.stop()
        rig.system.heartbeat_interval_s = 0  # leaves the interval to the station
        await rig.boot()
        await rig.system.until_received("StatusNotification", 6)
        assert await read(rig, *GOOD_VALUES) == GOOD_VALUES


@pytest.mark.ocpp("5.8-all", "5.8-secret", "9.1-required", "9.1-GetConfigurationMaxKeys", "9.1-BlinkRepeat")
async def test_all_keys_are_told_with_access_and_value_and_no_secret(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        answer = await ask(rig, "GetConfiguration")
        rows = {row["key"]: row for row in answer["configurationKey"]}
        assert set(rows) == {key.name for key in KEYS}
        assert not answer.get("unknownKey")
        assert {name for name, row in rows.items() if row["readonly"]} == {key.name for key in KEYS if key.readonly}
        assert "value" not in rows["AuthorizationKey"]
        assert all(len(row.get("value", "")) <= 500 for row in rows.values())
        assert int(rows["GetConfigurationMaxKeys"]["value"]) >= len(KEYS)
        assert not {"BlinkRepeat", "LightIntensity"} & set(rows)


@pytest.mark.ocpp("9.1-SupportedFeatureProfiles", "9.3-ReserveConnectorZeroSupported", "3.13.5-discovery")
async def test_the_profiles_that_are_named_are_there(tmp_path: Path) -> None:
    """An action of a named profile is neither unknown nor unsupported: an empty payload breaks its schema at most."""
    actions = {
        "Core": "Reset",
        "FirmwareManagement": "UpdateFirmware",
        "LocalAuthListManagement": "SendLocalList",
        "Reservation": "ReserveNow",
        "SmartCharging": "SetChargingProfile",
        "RemoteTrigger": "TriggerMessage",
    }
    async with bench(tmp_path) as rig:
        await rig.registered()
        found = await read(rig, "SupportedFeatureProfiles", "SupportedFeatureProfilesMaxLength")
        profiles = found["SupportedFeatureProfiles"].split(",")
        assert set(profiles) == set(actions)
        assert len(profiles) <= int(found["SupportedFeatureProfilesMaxLength"])
        for profile in profiles:
            with pytest.raises(CallRefused, match="OccurenceConstraintViolation"):
                await ask(rig, actions[profile])
        zero = await read(rig, "ReserveConnectorZeroSupported")
        assert zero == {"ReserveConnectorZeroSupported": "true"}
        smart = await read(
            rig, "ChargeProfileMaxStackLevel", "ChargingScheduleAllowedChargingRateUnit",
            "ChargingScheduleMaxPeriods", "MaxChargingProfilesInstalled",
        )  # fmt: skip
        assert len(smart) == 4 and smart["ChargingScheduleAllowedChargingRateUnit"] == "Current,Power"


@pytest.mark.ocpp("9.1-MeterValueSampleInterval", "9.1-StopTxnSampledData")
async def test_each_key_of_sampling_reaches_the_station_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        for key, value, field in (
            ("MeterValueSampleInterval", "5", "sampled_interval_s"),
            ("ClockAlignedDataInterval", "900", "aligned_interval_s"),
            ("MeterValuesSampledData", "SoC", "sampled"),
            ("MeterValuesAlignedData", "Voltage", "aligned"),
            ("StopTxnSampledData", "Power.Active.Import", "stop_sampled"),
            ("StopTxnAlignedData", "Current.Import", "stop_aligned"),
        ):
            assert await ask(rig, "ChangeConfiguration", key=key, value=value) == ACCEPTED
            await asyncio.sleep(0.5)
            plan = rig.station.told(SetSamplingPlan)[-1].plan
            assert getattr(plan, field) == (int(value) if value.isdigit() else (value,))


# ------------------------------------------------------------------------------------------------------------- frames


@pytest.mark.ocpp("7.4-availability", "J4.2-PropertyConstraintViolation", "J4.2-TypeConstraintViolation", "5.16-unit")
@pytest.mark.parametrize(
    ("action", "payload", "code"),
    [
        ("ChangeAvailability", {"connectorId": 1, "type": "Broken"}, "PropertyConstraintViolation"),
        ("ChangeAvailability", {"connectorId": "1", "type": "Operative"}, "TypeConstraintViolation"),
        ("ChangeAvailability", {"connectorId": 1}, "OccurenceConstraintViolation"),
        ("Reset", {"type": "Warm"}, "PropertyConstraintViolation"),
        ("RemoteStartTransaction", {"idTag": "x" * 21}, "PropertyConstraintViolation"),
        ("ChangeConfiguration", {"key": "k" * 51, "value": ""}, "PropertyConstraintViolation"),
        ("UnlockConnector", {}, "OccurenceConstraintViolation"),
        ("TriggerMessage", {"requestedMessage": "StartTransaction"}, "PropertyConstraintViolation"),
        ("GetCompositeSchedule", {"connectorId": 1, "duration": 60, "chargingRateUnit": "kW"}, "PropertyConstraint"),
    ],
)
async def test_a_payload_against_the_schema_gets_its_code(
    tmp_path: Path, action: str, payload: dict[str, Any], code: str
) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        with pytest.raises(CallRefused, match=code):
            await rig.system.call(NAME, action, payload)
        assert (await ask(rig, "GetConfiguration", key=["HeartbeatInterval"]))["configurationKey"]


@pytest.mark.ocpp("J4.1-type", "J4.1-encoding", "J4.2-garbage")
@pytest.mark.parametrize(
    "frame", ["[5,1]", '[9,"1","Heartbeat",{}]', "[[]]", '"text"', "", b"\x00\xff\xfe", b"[2,", "{}", "[2]", "null"]
)
async def test_what_is_no_message_is_ignored_or_refused_and_the_next_request_answered(
    tmp_path: Path, frame: str | bytes
) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await rig.system.send_raw(NAME, frame)
        await asyncio.sleep(1)
        assert (await ask(rig, "GetConfiguration", key=["HeartbeatInterval"]))["configurationKey"]
        assert len(rig.payloads("BootNotification")) == 1
        assert len(rig.system.connects) == 1


@pytest.mark.ocpp("J4.1-id-unique", "J4.2-call")
async def test_message_ids_are_unique_and_short_over_restarts(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        for boots in (1, 2, 3):
            await rig.boot()
            await rig.system.until_received("StatusNotification", 3 * boots)
            await rig.stop()
        ids = [call.unique_id for call in rig.ledger.calls()]
        assert len(ids) >= 12
        assert len(set(ids)) == len(ids)
        assert all(0 < len(one) <= 36 for one in ids)


@pytest.mark.ocpp("J5.3-pong", "J5.1-compression")
async def test_pings_of_the_server_are_answered_and_no_compression_is_needed(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        connection = rig.system.links[NAME].connection
        assert connection.protocol.extensions == []
        async with asyncio.timeout(5):
            await (await connection.ping(b"there?"))


@pytest.mark.ocpp("J4.2-error-answer", "J4.1-timeout")
@pytest.mark.parametrize("mood", [{"error": "InternalError"}, {"drop": True}, {"answer": {"status": 7}}])
async def test_a_request_that_the_server_cannot_answer_costs_only_itself(tmp_path: Path, mood: dict[str, Any]) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.system.on("Heartbeat", times=1, **mood)
        assert await ask(rig, "TriggerMessage", requestedMessage="Heartbeat") == ACCEPTED
        await rig.system.until_received("Heartbeat")
        rig.station.connector(1, ConnectorStatus.READY)
        await asyncio.sleep(60)
        assert rig.payloads("StatusNotification")[-1]["status"] == "Preparing"
        assert len(rig.system.connects) == 1


@pytest.mark.ocpp("J4.2-call")
async def test_a_request_without_content_bears_an_empty_object(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await rig.system.send_raw(NAME, json.dumps([2, "by-hand", "TriggerMessage", {"requestedMessage": "Heartbeat"}]))
        heartbeat = await rig.system.until_received("Heartbeat")
        assert heartbeat == {}
