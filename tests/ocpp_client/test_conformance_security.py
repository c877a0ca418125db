"""What the security white paper asks of triggers and of events, as the central system sees it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from chargepoint.records import SecurityEvent
from tests.journeys.rig import Rig as Station
from tests.ocpp_client.fota import FakeFota
from tests.ocpp_client.rig import NAME, Rig, bench
from tests.ocpp_client.seen import STATION, payloads, ready
from tests.ocpp_client.test_conformance_interruptions import reset

ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}
EVENT = "SecurityEventNotification"


async def ask(rig: Rig, action: str, **payload: Any) -> dict[str, Any]:
    return await rig.system.call(NAME, action, payload)


def events(rig: Station) -> list[str]:
    return [payload["type"] for payload in payloads(rig, EVENT)]


# ----------------------------------------------------------------------------------------------------------- triggers


@pytest.mark.ocpp(
    "ExtendedTriggerMessage", "X-BootNotification", "X-Heartbeat", "X-StatusNotification", "X-MeterValues", "5.17-boot",
    "5.17-heartbeat", "5.17-status", "5.17-meter",
)  # fmt: skip
@pytest.mark.parametrize("action", ["TriggerMessage", "ExtendedTriggerMessage"])
async def test_both_triggers_bring_each_message_that_is_about_now(tmp_path: Path, action: str) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        for message, count in (
            ("BootNotification", 1),
            ("Heartbeat", 1),
            ("StatusNotification", 3),
            ("MeterValues", 3),
        ):
            before = len(rig.payloads(message))
            assert await ask(rig, action, requestedMessage=message) == ACCEPTED
            await rig.system.until_received(message, before + count)
            await asyncio.sleep(1)
            assert len(rig.payloads(message)) == before + count


@pytest.mark.ocpp(
    "5.17-diagnostics", "5.17-firmware", "4.4-idle", "4.5-idle", "X-LogStatusNotification",
    "X-FirmwareStatusNotification", "DiagnosticsStatusNotification", "FirmwareStatusNotification",
    "LogStatusNotification", "SignedFirmwareStatusNotification",
)  # fmt: skip
@pytest.mark.parametrize(
    ("action", "asked", "told"),
    [
        ("TriggerMessage", "DiagnosticsStatusNotification", "DiagnosticsStatusNotification"),
        ("TriggerMessage", "FirmwareStatusNotification", "FirmwareStatusNotification"),
        ("ExtendedTriggerMessage", "LogStatusNotification", "LogStatusNotification"),
        ("ExtendedTriggerMessage", "FirmwareStatusNotification", "SignedFirmwareStatusNotification"),
    ],
)
async def test_while_nothing_is_under_way_a_triggered_state_is_idle(
    tmp_path: Path, action: str, asked: str, told: str
) -> None:
    async with bench(tmp_path) as rig:
        FakeFota(rig.buses["fota"])
        await rig.registered()
        await asyncio.sleep(60)
        assert rig.payloads(told) == []  # never by itself
        assert await ask(rig, action, requestedMessage=asked) == ACCEPTED
        assert (await rig.system.until_received(told))["status"] == "Idle"
        assert rig.ledger.faults() == []


@pytest.mark.ocpp("5.17-irrelevant-connector", "5.17-rejected", "X-rejected")
@pytest.mark.parametrize("action", ["TriggerMessage", "ExtendedTriggerMessage"])
async def test_an_unknown_connector_counts_only_where_a_connector_means_something(tmp_path: Path, action: str) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        for message in ("StatusNotification", "MeterValues"):
            assert await ask(rig, action, requestedMessage=message, connectorId=9) == REJECTED
        assert await ask(rig, action, requestedMessage="Heartbeat", connectorId=9) == ACCEPTED
        await rig.system.until_received("Heartbeat")
        for connector in (0, 2):
            before = len(rig.payloads("StatusNotification"))
            assert await ask(rig, action, requestedMessage="StatusNotification", connectorId=connector) == ACCEPTED
            told = await rig.system.until_received("StatusNotification", before + 1)
            assert told["connectorId"] == connector


# --------------------------------------------------------------------------------------------------------------- logs


@pytest.mark.ocpp("N01-failures", "N01-retries", "N01-request-id")
@pytest.mark.parametrize("state", ["BadMessage", "NotSupportedOperation", "PermissionDenied", "UploadFailure"])
async def test_why_a_log_could_not_be_sent_is_told(tmp_path: Path, state: str) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        log = {"remoteLocation": "https://logs.example.com/in"}
        wish = {"logType": "SecurityLog", "requestId": 3, "retries": 2, "retryInterval": 30, "log": log}
        assert (await ask(rig, "GetLog", **wish))["status"] == "Accepted"
        assert (fota.uploads[0].retries, fota.uploads[0].retry_interval_s) == (2, 30)
        await fota.upload(state, request_id=3)
        assert await rig.system.until_received("LogStatusNotification") == {"status": state, "requestId": 3}


@pytest.mark.ocpp("5.9-retries", "5.9-upload", "GetDiagnostics")
async def test_diagnostics_are_asked_for_with_their_time_and_retries(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        wish = {"location": "https://files.example.com/in", "retries": 2, "retryInterval": 30}
        times = {"startTime": "2026-02-01T00:00:00Z", "stopTime": "2026-02-02T00:00:00+01:00"}
        assert await ask(rig, "GetDiagnostics", **wish, **times) == {"fileName": "log.tar.gz"}
        (asked,) = fota.uploads
        assert (asked.location, asked.retries, asked.retry_interval_s) == (wish["location"], 2, 30)
        assert asked.since is not None and asked.until is not None
        assert (asked.until - asked.since).total_seconds() == 23 * 3600


# ------------------------------------------------------------------------------------------------------------- events


@pytest.mark.ocpp("A04-StartupOfTheDevice", "A04-ResetOrReboot", "A04-critical", "SecurityEventNotification")
async def test_a_start_and_a_reset_of_the_station_are_told(tmp_path: Path) -> None:
    async with Station(tmp_path) as rig:
        await ready(rig)
        await rig.system.until_received(EVENT)
        assert events(rig) == ["StartupOfTheDevice"]
        await reset(rig, "Soft")
        await rig.system.until_received(EVENT, 3)
        assert sorted(events(rig)[1:]) == ["ResetOrReboot", "StartupOfTheDevice"]


@pytest.mark.ocpp("A04-SettingSystemTime", "A04-time")
async def test_the_setting_of_the_clock_is_told(tmp_path: Path) -> None:
    async with Station(tmp_path) as rig:
        await rig.stop()
        rig.is_clock_set = False
        await rig.boot_up()
        await rig.online()
        await rig.system.until(lambda: "SettingSystemTime" in events(rig))
        told = [payload for payload in payloads(rig, EVENT) if payload["type"] == "SettingSystemTime"]
        assert told[0]["timestamp"].startswith("2026-05-04T10:0")


@pytest.mark.ocpp(
    "A04-InvalidMessages", "A04-ReconfigurationOfSecurityParameters", "WP-key-AuthorizationKey", "A04-log"
)  # fmt: skip
async def test_nonsense_and_a_new_key_are_told_and_the_key_is_not(tmp_path: Path) -> None:
    async with Station(tmp_path) as rig:
        await ready(rig)
        await rig.system.send_raw(STATION, "{nonsense")
        await rig.system.until(lambda: "InvalidMessages" in events(rig))
        key = "0011223344556677889900112233445566778899"
        change = {"key": "AuthorizationKey", "value": key}
        assert await rig.system.call(STATION, "ChangeConfiguration", change) == ACCEPTED
        await rig.system.until(lambda: "ReconfigurationOfSecurityParameters" in events(rig))
        assert key not in str(payloads(rig, EVENT))
        kept = [row.entry for row in await rig.journal("SecurityEvent")]
        assert {entry.type for entry in kept if isinstance(entry, SecurityEvent)} >= set(events(rig))
