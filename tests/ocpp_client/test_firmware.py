"""Updates, diagnostics and logs: what the server asks goes to `fota`, what `fota` says goes to the server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chargepoint.bus import CallFailed
from chargepoint.messages import ActionResult, OcppFrame, SecurityNoted, UploadAnswer
from ocpp_client.notices import MAX_NOTICES, Notices
from tests.listening import heard
from tests.ocpp_client.fota import FakeFota, from_the_station
from tests.ocpp_client.pki import pki
from tests.ocpp_client.rig import NAME, Rig, bench

LOCATION = "https://updates.example.com/station-2.0.bin"
UPDATE = {"location": LOCATION, "retrieveDate": "2026-03-01T13:00:00Z"}
PEM = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----\n"
SIGNED = {
    "requestId": 7,
    "firmware": {
        "location": LOCATION,
        "retrieveDateTime": "2026-03-01T13:00:00Z",
        "installDateTime": "2026-03-01T23:00:00Z",
        "signingCertificate": PEM,
        "signature": "c2lnbmF0dXJl",
    },
}
LOG = {"logType": "SecurityLog", "requestId": 9, "log": {"remoteLocation": "sftp://logs.example.com/in"}}


async def call(rig: Rig, action: str, **payload: Any) -> dict[str, Any]:
    return await rig.system.call(NAME, action, payload)


def told(rig: Rig, action: str) -> list[str]:
    return [payload["status"] for payload in rig.payloads(action)]


# ------------------------------------------------------------------------------------------------------ UpdateFirmware


@pytest.mark.ocpp("5.19-answer", "UpdateFirmware", "5.19-retries", "5.19-accepted")
async def test_an_update_is_handed_to_fota_with_everything_it_was_given(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        assert await call(rig, "UpdateFirmware", **UPDATE, retries=3, retryInterval=60) == {}
        (wish,) = fota.updates
        assert (wish.location, wish.retries, wish.retry_interval_s, wish.request_id) == (LOCATION, 3, 60, None)
        assert wish.retrieve_at == datetime(2026, 3, 1, 13, tzinfo=UTC)
        assert wish.install_at is None and wish.certificate == "" and wish.signature == ""


@pytest.mark.ocpp("4.5-states")
@pytest.mark.parametrize(
    "states",
    [
        ("Downloading", "Downloaded", "Installing", "Installed"),
        ("Downloading", "DownloadFailed"),
        ("Downloading", "Downloaded", "Installing", "InstallationFailed"),
    ],
)
@pytest.mark.ocpp("4.5-download-failed", "4.5-install-failed", "FirmwareStatusNotification")
async def test_states_of_an_update_are_told_in_order(tmp_path: Path, states: tuple[str, ...]) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        await call(rig, "UpdateFirmware", **UPDATE)
        await fota.update(*states)
        await rig.system.until_received("FirmwareStatusNotification", len(states))
        assert told(rig, "FirmwareStatusNotification") == list(states)
        assert rig.ledger.faults() == []


async def test_states_follow_the_answer_they_belong_to(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        fota.states = ("Downloading",)
        await rig.registered()
        await call(rig, "UpdateFirmware", **UPDATE)
        await rig.system.until_received("FirmwareStatusNotification")
        order = from_the_station(rig)
        assert order.index("UpdateFirmware") < order.index("FirmwareStatusNotification")
        fota.states = ("Uploading",)
        await call(rig, "GetDiagnostics", location="https://files.example.com/in")
        await rig.system.until_received("DiagnosticsStatusNotification")
        order = from_the_station(rig)
        assert order.index("GetDiagnostics") < order.index("DiagnosticsStatusNotification")


@pytest.mark.parametrize("outcome", ["busy", "away", "bad_location"])
@pytest.mark.ocpp("4.5-download-failed")
async def test_an_update_that_cannot_begin_is_told_as_failed(tmp_path: Path, outcome: str) -> None:
    async with bench(tmp_path) as rig:
        location = "http://127.0.0.9/x" if outcome == "bad_location" else LOCATION
        if outcome == "away":
            rig.buses["fota"].close()
        else:
            fota = FakeFota(rig.buses["fota"])
            fota.update_answer = ActionResult(ok=False, code="busy")
        await rig.registered()
        assert await call(rig, "UpdateFirmware", **UPDATE | {"location": location}) == {}
        assert await rig.system.until_received("FirmwareStatusNotification") == {"status": "DownloadFailed"}
        assert outcome == "away" or len(fota.updates) == (outcome == "busy")
        order = from_the_station(rig)
        assert order.index("UpdateFirmware") < order.index("FirmwareStatusNotification")


@pytest.mark.ocpp("4.5-across-restart")
async def test_states_survive_a_crash_and_minutes_without_link_in_order_and_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        await call(rig, "UpdateFirmware", **UPDATE)
        await fota.update("Downloading")
        await rig.system.until_received("FirmwareStatusNotification")
        await asyncio.sleep(1)
        await rig.system.go_away()
        await fota.update("Downloaded", "Installing")
        await rig.kill()
        await rig.boot()
        await asyncio.sleep(2)
        await fota.update("Installed")
        await asyncio.sleep(300)
        await rig.system.come_back()
        await rig.system.until_received("FirmwareStatusNotification", 4, 2000)
        await asyncio.sleep(60)
        assert told(rig, "FirmwareStatusNotification") == ["Downloading", "Downloaded", "Installing", "Installed"]


async def test_a_state_that_the_server_fails_to_take_is_tried_again_and_then_given_up(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        rig.system.on("FirmwareStatusNotification", times=2, error="InternalError")
        await fota.update("Downloading", "Downloaded")
        await rig.system.until_received("FirmwareStatusNotification", 4, 600)
        assert told(rig, "FirmwareStatusNotification") == ["Downloading"] * 3 + ["Downloaded"]
        rig.system.on("FirmwareStatusNotification", times=1, error="NotSupported")
        await fota.update("Installing", "Installed")
        await rig.system.until_received("FirmwareStatusNotification", 6, 5)
        assert told(rig, "FirmwareStatusNotification")[-2:] == ["Installing", "Installed"]


async def test_states_without_a_word_in_the_plain_notification_are_not_told(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        await fota.update("DownloadScheduled", "Downloading", "DownloadPaused", "SignatureVerified", "InvalidSignature")
        await rig.system.until_received("FirmwareStatusNotification", 2)
        await asyncio.sleep(5)
        assert told(rig, "FirmwareStatusNotification") == ["Downloading", "InstallationFailed"]


async def test_a_state_that_is_none_is_refused(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        with pytest.raises(CallFailed, match="no state of an update"):
            await fota.update("Idle")
        with pytest.raises(CallFailed, match="no state of an upload"):
            await fota.upload("Downloading")


async def test_nothing_is_told_before_the_server_has_accepted_the_station(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        rig.system.boot_status, rig.system.heartbeat_interval_s = "Pending", 30
        await rig.boot()
        await rig.system.until_received("BootNotification")
        await fota.update("Downloading")
        await asyncio.sleep(20)
        assert told(rig, "FirmwareStatusNotification") == []
        assert await call(rig, "TriggerMessage", requestedMessage="FirmwareStatusNotification") == {
            "status": "Accepted"
        }
        await rig.system.until_received("FirmwareStatusNotification")
        rig.system.boot_status = "Accepted"
        await rig.system.until_received("FirmwareStatusNotification", 2)
        assert told(rig, "FirmwareStatusNotification") == ["Downloading", "Downloading"]


async def test_too_many_states_drop_the_oldest(tmp_path: Path) -> None:
    async with bench(tmp_path, is_there=False) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.boot()
        await asyncio.sleep(1)
        await fota.update(*["Downloading"] * MAX_NOTICES, "Downloaded", "Installing")
        assert rig.client is not None
        notices: Notices = rig.client._kept.notices
        assert notices.waiting == MAX_NOTICES
        await rig.kill()
        await rig.boot()
        assert rig.client._kept.notices.waiting == MAX_NOTICES


# --------------------------------------------------------------------------------------------- GetDiagnostics, GetLog


@pytest.mark.ocpp("4.4-states", "GetDiagnostics", "DiagnosticsStatusNotification", "4.4-failed", "5.9-upload")
async def test_diagnostics_are_named_at_once_and_their_states_told(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        wanted = {"location": "ftp://files.example.com/in", "startTime": "2026-02-01T00:00:00Z", "retries": -1}
        assert await call(rig, "GetDiagnostics", **wanted) == {"fileName": "log.tar.gz"}
        (wish,) = fota.uploads
        assert (wish.kind, wish.since, wish.until) == ("diagnostics", datetime(2026, 2, 1, tzinfo=UTC), None)
        assert wish.retries is None and wish.request_id is None
        await fota.upload("Uploading", "Uploaded")
        await rig.system.until_received("DiagnosticsStatusNotification", 2)
        assert told(rig, "DiagnosticsStatusNotification") == ["Uploading", "Uploaded"]
        await fota.upload("Uploading", "PermissionDenied")
        await rig.system.until_received("DiagnosticsStatusNotification", 4)
        assert told(rig, "DiagnosticsStatusNotification")[2:] == ["Uploading", "UploadFailed"]


@pytest.mark.parametrize("code", ["nothing", "busy", "away", "bad_location"])
@pytest.mark.ocpp("5.9-nothing")
async def test_diagnostics_that_will_not_come_have_no_name(tmp_path: Path, code: str) -> None:
    async with bench(tmp_path) as rig:
        if code != "away":
            fota = FakeFota(rig.buses["fota"])
            fota.upload_answer = UploadAnswer(ok=False, code=code)
        await rig.registered()
        location = "file:///etc/passwd" if code == "bad_location" else "ftp://files.example.com/in"
        assert await call(rig, "GetDiagnostics", location=location) == {}


@pytest.mark.ocpp("N01-security-log", "N01-request-id", "N01-time", "GetLog", "LogStatusNotification")
async def test_a_log_is_accepted_with_its_name_and_told_with_its_request_id(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        log = LOG["log"] | {"oldestTimestamp": "2026-01-01T00:00:00Z", "latestTimestamp": "2026-02-01T00:00:00Z"}  # type: ignore[operator]
        assert await call(rig, "GetLog", **LOG | {"log": log}) == {"status": "Accepted", "filename": "log.tar.gz"}
        (wish,) = fota.uploads
        assert (wish.kind, wish.request_id) == ("security_log", 9)
        assert (wish.since, wish.until) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
        await fota.upload("Uploading", "Uploaded", request_id=9)
        await rig.system.until_received("LogStatusNotification", 2)
        assert rig.payloads("LogStatusNotification") == [
            {"status": "Uploading", "requestId": 9},
            {"status": "Uploaded", "requestId": 9},
        ]


@pytest.mark.ocpp("N01-diagnostics", "N01-cancel")
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (UploadAnswer(ok=True, code="ok", file_name="d.zip"), {"status": "Accepted", "filename": "d.zip"}),
        (
            UploadAnswer(ok=True, code="replaces", file_name="d.zip"),
            {"status": "AcceptedCanceled", "filename": "d.zip"},
        ),
        (UploadAnswer(ok=False, code="busy"), {"status": "Rejected"}),
        (UploadAnswer(ok=False, code="nothing"), {"status": "Rejected"}),
    ],
)
async def test_what_fota_says_to_a_log_becomes_the_answer(
    tmp_path: Path, answer: UploadAnswer, expected: dict[str, str]
) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        fota.upload_answer = answer
        await rig.registered()
        assert await call(rig, "GetLog", **LOG | {"logType": "DiagnosticsLog"}) == expected
        assert fota.uploads[0].kind == "diagnostics_log"


async def test_a_log_without_fota_is_rejected(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        assert await call(rig, "GetLog", **LOG) == {"status": "Rejected"}


# ------------------------------------------------------------------------------------------------ SignedUpdateFirmware


SIGNED_STATES = (
    "DownloadScheduled",
    "Downloading",
    "Downloaded",
    "SignatureVerified",
    "InstallScheduled",
    "Installing",
    "InstallRebooting",
    "Installed",
)


@pytest.mark.ocpp("L01-request-id")
@pytest.mark.parametrize(
    "states",
    [
        SIGNED_STATES,
        ("Downloading", "DownloadPaused", "Downloading", "DownloadFailed"),
        ("Downloading", "Downloaded", "InvalidSignature"),
        ("Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallVerificationFailed"),
        ("Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallationFailed"),
    ],
)
@pytest.mark.ocpp(
    "SignedUpdateFirmware",
    "SignedFirmwareStatusNotification",
    "L01-update",
    "L01-scheduled",
    "L01-rebooting",
    "L01-failures",
    "L01-signature",
)
async def test_states_of_a_signed_update_are_told_with_its_request_id_across_a_restart(
    tmp_path: Path, states: tuple[str, ...]
) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        assert await call(rig, "SignedUpdateFirmware", **SIGNED) == {"status": "Accepted"}
        (wish,) = fota.updates
        assert (wish.request_id, wish.certificate, wish.signature) == (7, PEM, "c2lnbmF0dXJl")
        assert wish.install_at == datetime(2026, 3, 1, 23, tzinfo=UTC)
        middle = len(states) // 2
        await fota.update(*states[:middle], request_id=7)
        await rig.system.until_received("SignedFirmwareStatusNotification", middle)
        await asyncio.sleep(1)
        await rig.kill()
        await rig.boot()
        await asyncio.sleep(1)
        await fota.update(*states[middle:], request_id=7)
        await rig.system.until_received("SignedFirmwareStatusNotification", len(states))
        expected = [{"status": state, "requestId": 7} for state in states]
        assert rig.payloads("SignedFirmwareStatusNotification") == expected
        assert rig.ledger.faults() == []


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ok", "Accepted"),
        ("replaces", "AcceptedCanceled"),
        ("busy", "Rejected"),
        ("bad_location", "Rejected"),
        ("invalid_certificate", "InvalidCertificate"),
        ("revoked_certificate", "RevokedCertificate"),
    ],
)
@pytest.mark.ocpp("L01-cancel", "L01-revoked", "L01-certificate")
async def test_what_fota_says_to_a_signed_update_becomes_the_answer(tmp_path: Path, code: str, status: str) -> None:
    async with bench(tmp_path) as rig:
        events = rig.buses["admin"].subscribe(SecurityNoted)
        fota = FakeFota(rig.buses["fota"])
        fota.update_answer = ActionResult(ok=code in ("ok", "replaces"), code=code)
        await rig.registered()
        assert await call(rig, "SignedUpdateFirmware", **SIGNED) == {"status": status}
        await asyncio.sleep(1)
        expected = ["InvalidFirmwareSigningCertificate"] if code.endswith("certificate") else []
        assert [event.type for event in await heard(events)] == expected


@pytest.mark.ocpp("A04-InvalidFirmwareSigningCertificate", "L01-certificate")
async def test_a_signing_certificate_that_is_none_never_reaches_fota(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        events = rig.buses["admin"].subscribe(SecurityNoted)
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        firmware = SIGNED["firmware"] | {"signingCertificate": "nonsense"}  # type: ignore[operator]
        answer = await call(rig, "SignedUpdateFirmware", **SIGNED | {"firmware": firmware})
        assert answer == {"status": "InvalidCertificate"}
        assert (await anext(events)).type == "InvalidFirmwareSigningCertificate"
        assert fota.updates == []


@pytest.mark.ocpp("L01-certificate")
async def test_a_signed_update_comes_to_fota_with_the_roots_of_the_maker(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        for use, pem in (
            ("ManufacturerRootCertificate", pki().root.pem),
            ("CentralSystemRootCertificate", pki().other.pem),
        ):
            answer = await call(rig, "InstallCertificate", certificateType=use, certificate=pem)
            assert answer == {"status": "Accepted"}
        await call(rig, "SignedUpdateFirmware", **SIGNED)
        assert [root.strip() for root in fota.updates[0].roots] == [pki().root.pem.strip()]


async def test_plain_states_follow_one_another_as_ocpp_has_them(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        await fota.update("Downloading", "DownloadPaused", "Downloading", "InvalidSignature")
        await rig.system.until_received("FirmwareStatusNotification", 2)
        await asyncio.sleep(5)
        assert told(rig, "FirmwareStatusNotification") == ["Downloading", "DownloadFailed"]


@pytest.mark.ocpp("A04-InvalidFirmwareSignature", "L01-signature")
async def test_a_wrong_signature_is_a_security_event(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        events = rig.buses["admin"].subscribe(SecurityNoted)
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        await fota.update("InvalidSignature", request_id=7)
        assert (await anext(events)).type == "InvalidFirmwareSignature"


async def test_hosts_the_installer_named_may_be_local(tmp_path: Path) -> None:
    async with bench(tmp_path, local_file_hosts=["localhost"]) as rig:
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        for location in ("http://localhost:8000/x", "http://127.0.0.9/x"):
            await call(rig, "UpdateFirmware", **UPDATE | {"location": location})
        assert [wish.location for wish in fota.updates] == ["http://localhost:8000/x"]


async def test_a_password_in_an_address_is_shown_nowhere(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        frames = rig.buses["admin"].subscribe(OcppFrame)
        fota = FakeFota(rig.buses["fota"])
        await rig.registered()
        await call(rig, "UpdateFirmware", **UPDATE | {"location": "ftp://bob:hunter2@files.example.com/x"})
        await rig.system.send_raw(
            NAME, r'[2,"x","GetDiagnostics",{"location":"ftp:\/\/bob:hunter2@files.example.com\/x"}]'
        )
        await asyncio.sleep(1)
        assert fota.updates[0].location == fota.uploads[0].location == "ftp://bob:hunter2@files.example.com/x"
        texts = [frame.text for frame in await heard(frames)]
        assert sum("files.example.com" in text for text in texts) == 2
        assert not any("hunter2" in text for text in texts)
