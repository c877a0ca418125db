"""Configuration keys: validation by table, presets, changes kept by the hub, the documentation's table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ocpp_client.simulated import CallRefused
from ocpp_client.v16.configuration import Configuration
from ocpp_client.v16.keys import BY_NAME, KEYS, markdown
from tests.ocpp_client.rig import NAME, bench

REQUIRED = {
    "AuthorizeRemoteTxRequests", "ClockAlignedDataInterval", "ConnectionTimeOut", "ConnectorPhaseRotation",
    "GetConfigurationMaxKeys", "HeartbeatInterval", "LocalAuthorizeOffline", "LocalPreAuthorize",
    "MeterValuesAlignedData", "MeterValuesSampledData", "MeterValueSampleInterval", "NumberOfConnectors",
    "ResetRetries", "StopTransactionOnEVSideDisconnect", "StopTransactionOnInvalidId", "StopTxnAlignedData",
    "StopTxnSampledData", "SupportedFeatureProfiles", "TransactionMessageAttempts",
    "TransactionMessageRetryInterval", "UnlockConnectorOnEVSideDisconnect",
}  # fmt: skip


def configuration(**presets: str | int | bool) -> Configuration:
    return Configuration(presets, {"NumberOfConnectors": "2"})


async def kept(values: dict[str, str | None]) -> None:
    return None


@pytest.mark.ocpp("9.1-required")
def test_all_required_keys_of_the_core_profile_are_there() -> None:
    assert {key.name for key in KEYS} >= REQUIRED


def test_every_default_is_a_value_of_its_key() -> None:
    for key in KEYS:
        assert key.read(key.default) == key.default, key.name


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("HeartbeatInterval", "60", "Accepted"),
        ("heartbeatinterval", "60", "Accepted"),
        ("HeartbeatInterval", " 60 ", "Accepted"),
        ("HeartbeatInterval", "0", "Rejected"),
        ("HeartbeatInterval", "-1", "Rejected"),
        ("HeartbeatInterval", "1.5", "Rejected"),
        ("HeartbeatInterval", "1e3", "Rejected"),
        ("HeartbeatInterval", "²", "Rejected"),
        ("HeartbeatInterval", "", "Rejected"),
        ("HeartbeatInterval", "9" * 400, "Rejected"),
        ("WebSocketPingInterval", "0", "Accepted"),
        ("WebSocketPingInterval", "-1", "Rejected"),
        ("LocalPreAuthorize", "true", "Accepted"),
        ("LocalPreAuthorize", "TRUE", "Accepted"),
        ("LocalPreAuthorize", "yes", "Rejected"),
        ("LocalPreAuthorize", "1", "Rejected"),
        ("MeterValuesSampledData", "SoC,Voltage", "Accepted"),
        ("MeterValuesSampledData", "Current.Import.L1, Voltage.L1-N", "Accepted"),
        ("MeterValuesSampledData", "", "Accepted"),
        ("MeterValuesSampledData", "RPM", "Rejected"),
        ("MeterValuesSampledData", "SoC,Nonsense", "Rejected"),
        ("ConnectorPhaseRotation", "0.RST,1.RST,2.RTS", "Accepted"),
        ("ConnectorPhaseRotation", "0.ABC", "Rejected"),
        ("NumberOfConnectors", "3", "Rejected"),
        ("SupportedFeatureProfiles", "Core", "Rejected"),
        ("LightIntensity", "50", "NotSupported"),
        ("", "x", "NotSupported"),
    ],
)
@pytest.mark.ocpp("ChangeConfiguration", "5.3-not-supported", "5.3-bad-value", "5.3-read-only")
async def test_change_configuration(key: str, value: str, status: str) -> None:
    assert await configuration().change(key, value, kept) == status


@pytest.mark.ocpp("5.3-durable")
async def test_a_change_is_kept_before_it_is_accepted_and_acts_at_once() -> None:
    saved: list[dict[str, str | None]] = []
    changed: list[int] = []

    async def save(values: dict[str, str | None]) -> None:
        saved.append(values)

    keys = configuration()
    keys.on_change(lambda: changed.append(1))
    assert await keys.change("meterValueSampleInterval", "15", save) == "Accepted"
    assert saved == [{"ocpp.MeterValueSampleInterval": "15"}]
    assert (keys.number("MeterValueSampleInterval"), changed) == (15, [1])
    assert keys.sampling_plan().sampled_interval_s == 15


async def test_what_cannot_be_kept_is_rejected_and_does_not_act() -> None:
    async def save(_values: dict[str, str | None]) -> None:
        raise RuntimeError("disk full")

    keys = configuration()
    assert await keys.change("HeartbeatInterval", "60", save) == "Rejected"
    assert keys.number("HeartbeatInterval") == 300


def test_presets_hold_until_changed_and_wrong_ones_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    keys = configuration(
        heartbeatinterval=7, LocalPreAuthorize=True, MeterValueSampleInterval="x", Nonsense=1, NumberOfConnectors=9
    )
    assert (keys.number("HeartbeatInterval"), keys.flag("LocalPreAuthorize")) == (7, True)
    assert (keys.number("MeterValueSampleInterval"), keys.text("NumberOfConnectors")) == (60, "2")
    assert len(caplog.records) == 3
    keys.apply({"ocpp.HeartbeatInterval": "9"})
    assert keys.number("HeartbeatInterval") == 9
    keys.apply({})
    assert keys.number("HeartbeatInterval") == 7


def test_settings_that_cannot_be_are_ignored() -> None:
    keys = configuration()
    keys.apply({"ocpp.HeartbeatInterval": "often", "ocpp.NumberOfConnectors": "7", "access.white": "A"})
    assert (keys.number("HeartbeatInterval"), keys.number("NumberOfConnectors")) == (300, 2)


def test_a_value_for_now_ends_when_its_key_is_changed() -> None:
    keys = configuration()
    keys.set_for_now("HeartbeatInterval", "14")
    keys.apply({"ocpp.LocalPreAuthorize": "true"})
    assert keys.number("HeartbeatInterval") == 14
    keys.apply({"ocpp.LocalPreAuthorize": "true", "ocpp.HeartbeatInterval": "20"})
    assert keys.number("HeartbeatInterval") == 20


@pytest.mark.ocpp("5.8-some", "5.8-case")
def test_get_configuration_names_known_and_unknown_keys_once() -> None:
    report = configuration().report(["heartbeatInterval", "HeartbeatInterval", "Coffee", "Coffee"])
    assert report == {
        "configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}],
        "unknownKey": ["Coffee"],
    }


@pytest.mark.ocpp("GetConfiguration", "5.8-all")
def test_get_configuration_without_keys_gives_all() -> None:
    assert len(configuration().report()["configurationKey"]) == len(KEYS) == len(BY_NAME)


def test_the_documentation_holds_the_table_of_keys() -> None:
    text = (Path(__file__).parents[2] / "docs" / "ocpp.md").read_text(encoding="utf-8")
    assert markdown() in text, "docs/ocpp.md is old; see its first lines for how its table is made"


@pytest.mark.ocpp("9.1-BlinkRepeat")
@pytest.mark.parametrize("name", ["BlinkRepeat", "LightIntensity"])
async def test_there_are_no_keys_of_lights(name: str) -> None:
    assert configuration().report([name]) == {"configurationKey": [], "unknownKey": [name]}
    assert await configuration().change(name, "1", kept) == "NotSupported"


@pytest.mark.ocpp("5.8-secret")
def test_keys_that_can_only_be_written_are_shown_without_value() -> None:
    secret = {key.name for key in KEYS if key.writeonly}
    rows = {row["key"]: row for row in configuration().report()["configurationKey"]}
    assert "AuthorizationKey" in secret
    assert all("value" not in rows[name] for name in secret)
    assert all("value" in row for name, row in rows.items() if name not in secret)


@pytest.mark.ocpp("5.3-read-only", "9.1-NumberOfConnectors", "9.1-SupportedFeatureProfiles")
async def test_no_key_that_is_only_read_can_be_written() -> None:
    keys = configuration()
    for key in KEYS:
        if key.readonly:
            assert await keys.change(key.name, keys.text(key.name), kept) == "Rejected", key.name


async def test_a_value_given_again_ends_the_one_that_held_for_now() -> None:
    """BootNotification's interval gives way to ChangeConfiguration at once, also when the value was set before."""
    changed: list[int] = []
    keys = configuration()
    assert await keys.change("HeartbeatInterval", "60", kept) == "Accepted"
    keys.set_for_now("HeartbeatInterval", "14")
    keys.on_change(lambda: changed.append(keys.number("HeartbeatInterval")))
    assert await keys.change("HeartbeatInterval", "60", kept) == "Accepted"
    assert changed == [60]


@pytest.mark.ocpp("9.1-ConnectorPhaseRotation")
@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("0.RST, 1.RST, 2.RTS", "Accepted"),
        ("NotApplicable", "Accepted"),
        ("0.Unknown", "Accepted"),
        ("1.XYZ", "Rejected"),
        ("", "Rejected"),
        (",".join(f"{number}.RST" for number in range(21)), "Rejected"),
    ],
)
async def test_phase_rotations(value: str, status: str) -> None:
    assert await configuration().change("ConnectorPhaseRotation", value, kept) == status


PROFILES = {
    "Core": {
        "ChangeAvailability", "ChangeConfiguration", "ClearCache", "DataTransfer", "GetConfiguration",
        "RemoteStartTransaction", "RemoteStopTransaction", "Reset", "UnlockConnector",
    },
    "FirmwareManagement": {"GetDiagnostics", "UpdateFirmware"},
    "LocalAuthListManagement": {"GetLocalListVersion", "SendLocalList"},
    "Reservation": {"CancelReservation", "ReserveNow"},
    "SmartCharging": {"ClearChargingProfile", "GetCompositeSchedule", "SetChargingProfile"},
    "RemoteTrigger": {"TriggerMessage"},
}  # fmt: skip


@pytest.mark.ocpp("9.1-SupportedFeatureProfiles")
async def test_every_profile_it_names_is_there_whole(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        answer = await rig.system.call(NAME, "GetConfiguration", {"key": ["SupportedFeatureProfiles"]})
        named = answer["configurationKey"][0]["value"].split(",")
        assert set(named) == set(PROFILES)
        assert rig.client is not None
        for profile in named:
            for action in PROFILES[profile]:
                handler, _ = rig.client._rpc.router.handler(action)
                assert callable(handler), action


@pytest.mark.ocpp("5.8-max", "9.1-GetConfigurationMaxKeys")
async def test_more_keys_than_allowed_are_not_answered_in_one(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        names = [f"Key{number}" for number in range(101)]
        assert len((await rig.system.call(NAME, "GetConfiguration", {"key": names[:100]}))["unknownKey"]) == 100
        with pytest.raises(CallRefused, match="OccurenceConstraintViolation"):
            await rig.system.call(NAME, "GetConfiguration", {"key": names})


@pytest.mark.ocpp("5.3-accepted", "5.3-durable", "ChangeConfiguration", "GetConfiguration")
async def test_a_changed_value_is_read_back_and_outlives_a_restart(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        change = {"key": "metervaluesampleinterval", "value": " 15 "}
        assert await rig.system.call(NAME, "ChangeConfiguration", change) == {"status": "Accepted"}
        expected = {"key": "MeterValueSampleInterval", "readonly": False, "value": "15"}
        for statuses in (3, 6):
            await rig.system.until_received("StatusNotification", statuses)
            answer = await rig.system.call(NAME, "GetConfiguration", {"key": ["MeterValueSampleInterval"]})
            assert answer == {"configurationKey": [expected], "unknownKey": []}
            if statuses == 3:
                await rig.kill()
                await rig.boot()


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"key": "x" * 51, "value": "1"}, "PropertyConstraintViolation"),
        ({"key": "HeartbeatInterval", "value": "1" * 501}, "PropertyConstraintViolation"),
        ({"key": "HeartbeatInterval"}, "OccurenceConstraintViolation"),
        ({"key": "HeartbeatInterval", "value": 60}, "TypeConstraintViolation"),
    ],
)
async def test_a_change_of_the_wrong_shape_is_an_error(tmp_path: Path, payload: dict[str, Any], code: str) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        with pytest.raises(CallRefused, match=code):
            await rig.system.call(NAME, "ChangeConfiguration", payload)
