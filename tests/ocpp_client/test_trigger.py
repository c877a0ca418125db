"""TriggerMessage and ExtendedTriggerMessage: every message, every connector, before and after Accepted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.ocpp_client.fota import FakeFota, from_the_station
from tests.ocpp_client.rig import NAME, Rig, bench

ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}
PLAIN = (
    "BootNotification",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
)
EXTENDED = (
    "BootNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "StatusNotification",
)


async def trigger(rig: Rig, message: str, extended: bool = False, **payload: Any) -> dict[str, Any]:
    action = "ExtendedTriggerMessage" if extended else "TriggerMessage"
    return await rig.system.call(NAME, action, {"requestedMessage": message, **payload})


def sent_for(message: str, extended: bool) -> str:
    return "SignedFirmwareStatusNotification" if extended and message == "FirmwareStatusNotification" else message


@pytest.mark.ocpp(
    "5.17-accepted-first", "5.17-boot", "5.17-diagnostics", "5.17-firmware", "5.17-heartbeat", "5.17-meter",
    "5.17-status", "X-BootNotification", "X-FirmwareStatusNotification", "X-Heartbeat", "X-LogStatusNotification",
    "X-MeterValues", "X-StatusNotification", "4.2-pending-trigger",
)  # fmt: skip
@pytest.mark.parametrize("status", ["Accepted", "Pending"])
@pytest.mark.parametrize(("extended", "message"), [*((False, m) for m in PLAIN), *((True, m) for m in EXTENDED)])
async def test_the_answer_comes_first_and_then_the_message(
    tmp_path: Path, extended: bool, message: str, status: str
) -> None:
    async with bench(tmp_path) as rig:
        rig.system.boot_status = status
        await rig.boot()
        await rig.system.until_received("BootNotification")
        await asyncio.sleep(1)
        sent = sent_for(message, extended)
        before = len(rig.payloads(sent))
        assert await trigger(rig, message, extended) == ACCEPTED
        await rig.system.until_received(sent, before + 1, 5)
        order = from_the_station(rig)
        asked = "ExtendedTriggerMessage" if extended else "TriggerMessage"
        assert order.index(asked) < len(order) - order[::-1].index(sent) - 1
        assert rig.ledger.faults() == []


@pytest.mark.ocpp("5.17-rejected", "X-rejected")
@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("message", ["StatusNotification", "MeterValues"])
async def test_a_connector_that_is_not_there_is_rejected(tmp_path: Path, extended: bool, message: str) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        before = len(rig.payloads(message))
        for connector in (-1, 3, 2**31):
            assert await trigger(rig, message, extended, connectorId=connector) == REJECTED
        await asyncio.sleep(2)
        assert len(rig.payloads(message)) == before


@pytest.mark.ocpp("5.17-irrelevant-connector")
@pytest.mark.parametrize("message", ["Heartbeat", "FirmwareStatusNotification", "DiagnosticsStatusNotification"])
async def test_a_connector_that_means_nothing_to_the_message_is_ignored(tmp_path: Path, message: str) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        assert await trigger(rig, message, connectorId=99) == ACCEPTED
        await rig.system.until_received(message)


@pytest.mark.parametrize(("connector", "expected"), [(None, [0, 1, 2]), (0, [0]), (1, [1]), (2, [2])])
async def test_statuses_are_those_of_the_connector_or_of_all(
    tmp_path: Path, connector: int | None, expected: list[int]
) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await asyncio.sleep(1)
        before = len(rig.payloads("StatusNotification"))
        asked: dict[str, Any] = {} if connector is None else {"connectorId": connector}
        assert await trigger(rig, "StatusNotification", **asked) == ACCEPTED
        await rig.system.until_received("StatusNotification", before + len(expected))
        await asyncio.sleep(1)
        told = rig.payloads("StatusNotification")[before:]
        assert [status["connectorId"] for status in told] == expected


async def test_a_word_that_is_none_is_refused_by_the_schema(tmp_path: Path) -> None:
    from ocpp_client.simulated import CallRefused

    async with bench(tmp_path) as rig:
        await rig.registered()
        for extended, message in ((False, "StopTransaction"), (False, "LogStatusNotification"), (True, "Authorize")):
            with pytest.raises(CallRefused, match="PropertyConstraintViolation"):
                await trigger(rig, message, extended)


UPDATE_STATES = [
    ("", {"status": "Idle"}, {"status": "Idle"}),
    ("DownloadScheduled", {"status": "Idle"}, {"status": "DownloadScheduled", "requestId": 7}),
    ("Downloading", {"status": "Downloading"}, {"status": "Downloading", "requestId": 7}),
    ("SignatureVerified", {"status": "Downloaded"}, {"status": "SignatureVerified", "requestId": 7}),
    ("InstallRebooting", {"status": "Installing"}, {"status": "InstallRebooting", "requestId": 7}),
    ("Installed", {"status": "Idle"}, {"status": "Idle"}),
    ("InvalidSignature", {"status": "Idle"}, {"status": "Idle"}),
]


@pytest.mark.ocpp("4.5-idle")
@pytest.mark.parametrize(("state", "plain", "signed"), UPDATE_STATES)
async def test_the_state_of_an_update_under_way_is_told_and_otherwise_idle(
    tmp_path: Path, state: str, plain: dict[str, Any], signed: dict[str, Any]
) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        if state:
            await fota.update(state, request_id=7)
            await rig.system.until_received("SignedFirmwareStatusNotification")
            await asyncio.sleep(1)
            await rig.kill()
            await rig.boot()
            await rig.system.until_received("StatusNotification", 6)
        await trigger(rig, "FirmwareStatusNotification")
        assert await rig.system.until_received("FirmwareStatusNotification") == plain
        before = len(rig.payloads("SignedFirmwareStatusNotification"))
        await trigger(rig, "FirmwareStatusNotification", extended=True)
        assert await rig.system.until_received("SignedFirmwareStatusNotification", before + 1) == signed
        assert rig.ledger.faults() == []


@pytest.mark.ocpp("4.4-idle")
async def test_uploads_under_way_are_told_to_whom_they_concern(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()

        async def asked() -> tuple[Any, Any]:
            counts = [len(rig.payloads(f"{word}StatusNotification")) for word in ("Diagnostics", "Log")]
            await trigger(rig, "DiagnosticsStatusNotification")
            await trigger(rig, "LogStatusNotification", extended=True)
            plain = await rig.system.until_received("DiagnosticsStatusNotification", counts[0] + 1)
            return plain, await rig.system.until_received("LogStatusNotification", counts[1] + 1)

        idle = {"status": "Idle"}
        assert await asked() == (idle, idle)
        await fota.upload("Uploading")
        await rig.system.until_received("DiagnosticsStatusNotification", 2)
        assert await asked() == ({"status": "Uploading"}, idle)
        await fota.upload("Uploaded")
        await fota.upload("Uploading", request_id=9)
        await rig.system.until_received("LogStatusNotification", 3)
        assert await asked() == (idle, {"status": "Uploading", "requestId": 9})
        await fota.upload("PermissionDenied", request_id=9)
        await rig.system.until_received("LogStatusNotification", 5)
        assert await asked() == (idle, idle)
