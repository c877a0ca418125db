"""The service against a real WebSocket server: registration, statuses, authorisation, the server's requests."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from chargepoint.bus import Bus
from chargepoint.messages import (
    ActionResult,
    Authorization,
    Authorize,
    ChangeAvailability,
    LinkStatus,
    NameTransaction,
    Noted,
    OcppFrame,
    SecurityNoted,
    SetSamplingPlan,
    StartCharging,
    StopCharging,
    TakeSample,
    TimeLearned,
)
from chargepoint.records import Credential
from chargepoint.vocabulary import (
    AuthorizationBasis,
    ConnectorStatus,
    CredentialType,
    LinkState,
    StartSource,
    StopSource,
)
from ocpp_client.simulated import CallRefused
from ocpp_client.v16.registration import clamped_wait_s
from tests.listening import heard
from tests.ocpp_client.rig import ENERGY, NAME, NOW, Rig, bench

ACCEPTED = {"status": "Accepted"}
REJECTED = {"status": "Rejected"}


def statuses(rig: Rig, connector: int) -> list[str]:
    """What the server was told of a connector, in order."""
    return [told["status"] for told in rig.payloads("StatusNotification") if told["connectorId"] == connector]


async def call(rig: Rig, action: str, **payload: Any) -> dict[str, Any]:
    return await rig.system.call(NAME, action, payload)


async def authorize(rig: Rig, tag: str) -> Authorization:
    station: Bus = rig.buses["station"]
    return await station.call("ocpp", Authorize(id_tag=tag), 40.0)


# ------------------------------------------------------------------------------------------------- registration


@pytest.mark.ocpp("BootNotification", "StatusNotification", "4.2-first", "4.2-accepted-status", "4.2-accepted-clock")
async def test_it_boots_and_tells_the_status_of_all_connectors(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        learned = rig.buses["admin"].subscribe(TimeLearned)
        await rig.registered()
        boot = rig.payloads("BootNotification")[0]
        assert (boot["chargePointVendor"], boot["chargePointModel"]) == ("Maker", "Post")
        assert boot["firmwareVersion"]
        assert {status["connectorId"] for status in rig.payloads("StatusNotification")} == {0, 1, 2}
        told = await anext(learned)
        assert (told.source, abs((told.at - NOW).total_seconds()) < 5) == ("server", True)
        assert rig.ledger.faults() == []


@pytest.mark.ocpp(
    "4.2-pending-answers",
    "4.2-pending-trigger",
    "4.2-pending-no-remote",
    "4.2-no-other-before",
    "4.2-retry",
    "4.2.1-before-accepted",
)
async def test_pending_lets_configuration_through_and_no_transaction(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.system.boot_status, rig.system.heartbeat_interval_s = "Pending", 20
        rig.station.start(1)
        await rig.boot()
        await rig.system.until_received("BootNotification")
        assert (await call(rig, "GetConfiguration", key=["HeartbeatInterval"]))["configurationKey"]
        assert await call(rig, "ChangeConfiguration", key="HeartbeatInterval", value="9") == ACCEPTED
        assert await call(rig, "RemoteStartTransaction", idTag="A", connectorId=1) == REJECTED
        assert await call(rig, "RemoteStopTransaction", transactionId=1) == REJECTED
        assert await call(rig, "TriggerMessage", requestedMessage="StatusNotification", connectorId=1) == ACCEPTED
        await rig.system.until_received("StatusNotification")
        await asyncio.sleep(15)
        assert not rig.payloads("StartTransaction") and len(rig.payloads("BootNotification")) == 1
        rig.system.boot_status = "Accepted"
        await rig.system.until_received("StartTransaction")
        assert len(rig.payloads("BootNotification")) == 2


@pytest.mark.ocpp("4.2-rejected-silent", "4.2-retry")
async def test_while_rejected_it_is_silent_until_the_interval_has_passed(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.system.boot_status, rig.system.heartbeat_interval_s = "Rejected", 100
        await rig.boot()
        await rig.system.until_received("BootNotification")
        await asyncio.sleep(1)
        with pytest.raises(TimeoutError):
            await rig.system.call(NAME, "GetConfiguration", {}, timeout_s=60)
        assert len(rig.payloads("BootNotification")) == 1
        rig.system.boot_status = "Accepted"
        await rig.system.until_received("BootNotification", 2, 120)
        await rig.system.until_received("StatusNotification", 3)


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
async def test_the_retry_interval_holds_across_links(tmp_path: Path, status: str) -> None:
    async with bench(tmp_path) as rig:
        rig.system.boot_status, rig.system.heartbeat_interval_s = status, 300
        await rig.boot()
        await rig.system.until_received("BootNotification")
        for _ in range(3):
            await asyncio.sleep(10)
            rig.system.disconnect(NAME)
            await rig.system.until_connected(NAME, 60)
        await asyncio.sleep(100)
        assert len(rig.payloads("BootNotification")) == 1
        rig.system.boot_status = "Accepted"
        await rig.system.until_received("BootNotification", 2, 301)


@pytest.mark.parametrize("interval", [0, -5])
@pytest.mark.ocpp("4.2-retry-zero")
async def test_absurd_intervals_are_replaced_by_ours(tmp_path: Path, interval: int) -> None:
    async with bench(tmp_path) as rig:
        rig.system.boot_status, rig.system.heartbeat_interval_s = "Pending", interval
        await rig.boot()
        await rig.system.until_received("BootNotification")
        rig.system.boot_status = "Accepted"
        await rig.system.until_received("BootNotification", 2, 61)
        await rig.system.until_received("StatusNotification", 3)
        await asyncio.sleep(700)
        assert len(rig.payloads("Heartbeat")) == 2


@pytest.mark.parametrize(
    ("interval", "seconds"),
    [(1, 1), (30, 30), (0, 60), (-1, 60), (10**9, 86_400), ("soon", 60), (None, 60), (True, 60), (2.5, 60)],
)
@pytest.mark.ocpp("4.2-retry-zero")
def test_the_wait_for_the_next_boot_is_bounded(interval: object, seconds: float) -> None:
    assert clamped_wait_s(interval) == seconds


@pytest.mark.parametrize(
    "answer", [{}, {"status": "Perhaps"}, {"status": 7}, {"status": "Pending", "interval": "soon", "currentTime": 5}]
)
async def test_a_boot_answer_of_wrong_shape_is_asked_for_again(tmp_path: Path, answer: dict[str, object]) -> None:
    async with bench(tmp_path) as rig:
        rig.system.on("BootNotification", times=2, answer=answer)
        await rig.boot()
        await rig.system.until_received("BootNotification", 3, 400)
        await rig.system.until_received("StatusNotification", 3)


async def test_accepted_without_time_and_interval_is_accepted(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.system.on("BootNotification", times=1, answer={"status": "Accepted"})
        await rig.registered()
        assert len(rig.payloads("BootNotification")) == 1


@pytest.mark.ocpp("Heartbeat", "4.6-interval", "9.1-HeartbeatInterval")
async def test_heartbeats_follow_the_interval_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await asyncio.sleep(100)
        assert not rig.payloads("Heartbeat")
        told = await rig.buses["admin"].watch("link").first("link")
        assert isinstance(told, LinkStatus) and told.heartbeat_mono_s is None
        assert await call(rig, "ChangeConfiguration", key="HeartbeatInterval", value="10") == ACCEPTED
        await asyncio.sleep(95)
        assert len(rig.payloads("Heartbeat")) in (9, 10, 19)
        told = await rig.buses["admin"].watch("link").first("link")
        assert isinstance(told, LinkStatus) and told.heartbeat_mono_s is not None
        assert 0 <= asyncio.get_running_loop().time() - told.heartbeat_mono_s <= 11
        assert told.certificate_ends_at is None
        assert rig.hub.values == {"ocpp.HeartbeatInterval": "10"}


@pytest.mark.ocpp("4.2-once", "J5.4-no-boot")
async def test_a_link_that_comes_back_tells_statuses_but_boots_not_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.system.disconnect(NAME)
        await rig.system.until_received("StatusNotification", 6)
        assert len(rig.payloads("BootNotification")) == 1


# ------------------------------------------------------------------------------------------------------ statuses


@pytest.mark.ocpp("4.9-no-repeat", "4.9-preparing-plug")
async def test_only_changes_of_what_is_reported_are_told(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        for power_w in range(5):
            rig.station.station(power_w=power_w)
            rig.station.connector(1, meter_mono_s=float(power_w))
            await asyncio.sleep(1)
        rig.station.connector(1, ConnectorStatus.READY)
        await asyncio.sleep(1)
        assert statuses(rig, 1) == ["Available", "Preparing"]
        assert statuses(rig, 0) == ["Available"]


@pytest.mark.ocpp("4.9-offline-current")
async def test_statuses_from_without_link_are_not_told_later(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await rig.system.go_away()
        for status in (ConnectorStatus.READY, ConnectorStatus.CHARGING, ConnectorStatus.CHARGED):
            rig.station.connector(1, status)
            await asyncio.sleep(5)
        await rig.system.come_back()
        await rig.system.until_received("StatusNotification", 6)
        await asyncio.sleep(5)
        assert statuses(rig, 1) == ["Available", "Finishing"]


@pytest.mark.ocpp("4.9-min-duration", "9.1-MinimumStatusDuration")
async def test_a_short_status_is_not_told_with_minimum_status_duration(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"MinimumStatusDuration": 5}) as rig:
        await rig.registered()
        rig.station.connector(1, ConnectorStatus.READY)
        await asyncio.sleep(2)
        rig.station.connector(1, ConnectorStatus.CHARGING)
        await asyncio.sleep(4)
        assert statuses(rig, 1) == ["Available"]
        await asyncio.sleep(3)
        assert statuses(rig, 1) == ["Available", "Charging"]
        rig.station.connector(1, ConnectorStatus.CHARGED)
        await asyncio.sleep(1)
        rig.station.connector(1, ConnectorStatus.CHARGING)
        await asyncio.sleep(20)
        assert statuses(rig, 1) == ["Available", "Charging"]


@pytest.mark.ocpp("4.9-start-order", "4.9-stop-order")
async def test_statuses_and_transactions_come_in_the_order_of_the_specification(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.system.on("StartTransaction", delay_s=2.0)
        rig.system.on("StopTransaction", delay_s=2.0)
        await rig.registered()
        rig.station.connector(1, ConnectorStatus.READY)
        await asyncio.sleep(0.1)
        rig.station.start(1)
        rig.station.connector(1, ConnectorStatus.CHARGING)
        await asyncio.sleep(10)
        rig.station.stop(1)
        rig.station.connector(1, ConnectorStatus.CHARGED)
        await asyncio.sleep(1)
        rig.station.connector(1, ConnectorStatus.AVAILABLE)
        await asyncio.sleep(10)
        story = [
            call.payload.get("status", call.action)
            for call in rig.ledger.calls()
            if call.payload.get("connectorId", 1) == 1 and call.action not in ("BootNotification", "Heartbeat")
        ]
        assert story == [
            "Available", "Preparing", "StartTransaction", "Charging", "StopTransaction", "Finishing", "Available",
        ]  # fmt: skip


@pytest.mark.ocpp("4.9-stop-order")
async def test_finishing_waits_for_a_stop_that_is_recorded_later(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.station.start(1)
        await rig.system.until_received("StartTransaction")
        rig.station.connector(1, ConnectorStatus.CHARGED)
        await asyncio.sleep(3)
        assert statuses(rig, 1) == ["Available"]
        rig.station.stop(1)
        await asyncio.sleep(1)
        assert statuses(rig, 1) == ["Available", "Finishing"]


# -------------------------------------------------------------------------------------------------- authorisation


@pytest.mark.ocpp("Authorize", "3.5-online-asks")
async def test_the_server_decides_on_line(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.system.id_tags["BAD"] = "Blocked"
        rig.system.id_tags["CHILD"] = {"status": "Accepted", "parentIdTag": "FAMILY"}
        await rig.registered()
        assert (await authorize(rig, "BAD")).status == "Blocked"
        child = await authorize(rig, "CHILD")
        assert (child.status, child.basis, child.parent) == ("Accepted", AuthorizationBasis.SERVER, "FAMILY")


@pytest.mark.ocpp("3.9-idtag-length")
async def test_an_overlong_id_tag_is_refused_and_never_sent(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        for tag in ("x" * 21, ""):
            assert (await authorize(rig, tag)).status == "Invalid"
        assert not rig.payloads("Authorize")


@pytest.mark.ocpp(
    "3.5-offline-local",
    "3.5.1-cache-expiry",
    "3.5.1-cache-invalid",
    "3.9-idtag-case",
    "3.5.4-unknown-off",
)
async def test_without_link_the_cache_decides_whatever_the_case(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.system.id_tags["bad"] = "Blocked"
        rig.system.id_tags["old"] = {"status": "Accepted", "expiryDate": "2026-03-01T12:01:00Z"}
        await rig.registered()
        for tag in ("Card", "bad", "old"):
            await authorize(rig, tag)
        await rig.system.go_away()
        await asyncio.sleep(90)
        known = await authorize(rig, "CARD")
        assert (known.status, known.basis) == ("Accepted", AuthorizationBasis.CACHE)
        assert (await authorize(rig, "BAD")).status == "Blocked"
        assert (await authorize(rig, "OLD")).status == "Expired"
        assert (await authorize(rig, "stranger")).status == "Invalid"


@pytest.mark.ocpp(
    "3.5.1-cache-kept",
    "3.5-pre-authorize",
    "5.4-clears",
    "5.4-then-asks",
    "ClearCache",
    "9.1-LocalPreAuthorize",
)
async def test_the_cache_survives_a_restart_and_clear_cache_is_for_good(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"LocalPreAuthorize": True}) as rig:
        await rig.registered()
        await authorize(rig, "Card")
        await rig.stop()
        await rig.boot()
        await rig.system.until_received("StatusNotification", 6)
        assert (await authorize(rig, "card")).basis is AuthorizationBasis.CACHE
        assert len(rig.payloads("Authorize")) == 1
        assert await call(rig, "ClearCache") == ACCEPTED
        await rig.kill()
        await rig.boot()
        await rig.system.until_received("StatusNotification", 9)
        assert (await authorize(rig, "card")).basis is AuthorizationBasis.SERVER


@pytest.mark.ocpp("3.5.4-unknown", "3.5-offline-off", "9.1-AllowOfflineTxForUnknownId", "9.1-LocalAuthorizeOffline")
async def test_unknown_cards_charge_without_link_where_allowed(tmp_path: Path) -> None:
    presets = {"AllowOfflineTxForUnknownId": True, "LocalAuthorizeOffline": False}
    async with bench(tmp_path, configuration=presets) as rig:
        await rig.registered()
        await authorize(rig, "known")
        await rig.system.go_away()
        await asyncio.sleep(1)
        stranger = await authorize(rig, "stranger")
        assert (stranger.status, stranger.basis) == ("Accepted", AuthorizationBasis.OFFLINE)
        assert (await authorize(rig, "known")).status == "Invalid"


@pytest.mark.parametrize("mood", [{"drop": True}, {"error": "InternalError"}, {"answer": {"idTagInfo": {}}}])
async def test_a_server_that_fails_to_answer_leaves_it_to_the_rules_without_link(
    tmp_path: Path, mood: dict[str, Any]
) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await authorize(rig, "card")
        rig.system.on("Authorize", **mood)
        assert (await authorize(rig, "card")).basis is AuthorizationBasis.CACHE


# ----------------------------------------------------------------------------------------------- what servers ask


@pytest.mark.ocpp("RemoteStartTransaction", "RemoteStopTransaction", "5.12-unknown")
async def test_remote_start_and_stop(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        assert await call(rig, "RemoteStartTransaction", idTag="APP", connectorId=1) == ACCEPTED
        start = rig.station.told(StartCharging)[0]
        assert (start.connector, start.source, start.is_authorized) == (1, StartSource.OCPP_REMOTE, True)
        assert start.credential == Credential("APP", CredentialType.OCPP)
        rig.station.start(1, tag="APP")
        await rig.system.until_received("StartTransaction")
        await asyncio.sleep(1)
        number = rig.station.told(NameTransaction)[0].transaction_id
        assert await call(rig, "RemoteStopTransaction", transactionId=number) == ACCEPTED
        stop = rig.station.told(StopCharging)[0]
        assert (stop.session_id, stop.source) == (1, StopSource.OCPP_REMOTE)
        assert await call(rig, "RemoteStopTransaction", transactionId=number + 1) == REJECTED
        rig.station.stop(1)
        await rig.system.until_received("StopTransaction")
        await asyncio.sleep(1)
        assert await call(rig, "RemoteStopTransaction", transactionId=number) == REJECTED


@pytest.mark.ocpp("5.11-authorize", "9.1-AuthorizeRemoteTxRequests")
async def test_a_remote_start_can_ask_for_authorisation_first(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"AuthorizeRemoteTxRequests": True}) as rig:

        async def asks_back(request: StartCharging) -> None:
            await authorize(rig, request.credential.value)

        rig.station.on_start = asks_back
        await rig.registered()
        assert await call(rig, "RemoteStartTransaction", idTag="APP") == ACCEPTED
        assert rig.station.told(StartCharging)[0].is_authorized is False
        await rig.system.until_received("Authorize")


@pytest.mark.ocpp("5.11-zero")
async def test_what_the_station_refuses_is_rejected(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.station.start_answer = ActionResult(ok=False, code="busy")
        assert await call(rig, "RemoteStartTransaction", idTag="APP", connectorId=1) == REJECTED
        assert await call(rig, "RemoteStartTransaction", idTag="APP", connectorId=0) == REJECTED
        assert await call(rig, "RemoteStartTransaction", idTag="") == REJECTED


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (ActionResult(ok=True, code="ok"), "Accepted"),
        (ActionResult(ok=True, code="scheduled"), "Scheduled"),
        (ActionResult(ok=False, code="unknown_connector"), "Rejected"),
    ],
)
@pytest.mark.ocpp("ChangeAvailability")
async def test_change_availability(tmp_path: Path, result: ActionResult, status: str) -> None:
    async with bench(tmp_path) as rig:
        rig.station.availability_answer = result
        await rig.registered()
        assert await call(rig, "ChangeAvailability", connectorId=0, type="Inoperative") == {"status": status}
        asked = rig.station.told(ChangeAvailability)[0]
        assert (asked.connector, asked.operative) == (0, False)


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (ActionResult(ok=True, code="ok"), "Unlocked"),
        (ActionResult(ok=False, code="failed"), "UnlockFailed"),
        (ActionResult(ok=False, code="not_supported"), "NotSupported"),
        (ActionResult(ok=False, code="unknown_connector"), "NotSupported"),
    ],
)
@pytest.mark.ocpp("UnlockConnector", "5.18-unknown", "5.18-fixed", "5.18-failed")
async def test_unlock(tmp_path: Path, result: ActionResult, status: str) -> None:
    async with bench(tmp_path) as rig:
        rig.station.unlock_answer = result
        await rig.registered()
        assert await call(rig, "UnlockConnector", connectorId=1) == {"status": status}


@pytest.mark.parametrize(
    ("kind", "exit_code", "source"),
    [("Hard", 20, StopSource.OCPP_HARD_RESET), ("Soft", 30, StopSource.OCPP_SOFT_RESET)],
)
@pytest.mark.ocpp("Reset")
async def test_reset_answers_then_ends_the_station(
    tmp_path: Path, kind: str, exit_code: int, source: StopSource
) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        assert await call(rig, "Reset", type=kind) == ACCEPTED
        await asyncio.sleep(0.1)
        assert [(end.exit_code, end.stop_source) for end in rig.hub.ends] == [(exit_code, source)]


async def test_configuration_is_rejected_when_the_hub_cannot_keep_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.hub.is_broken = True
        assert await call(rig, "ChangeConfiguration", key="HeartbeatInterval", value="9") == REJECTED


async def test_the_sampling_plan_is_given_at_once_and_after_each_change(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.hub.values["ocpp.MeterValueSampleInterval"] = "30"
        rig.hub.tell()
        await rig.registered()
        await call(rig, "ChangeConfiguration", key="ClockAlignedDataInterval", value="900")
        await asyncio.sleep(0.5)
        plans = [request.plan for request in rig.station.told(SetSamplingPlan)]
        assert [(plan.sampled_interval_s, plan.aligned_interval_s) for plan in plans] == [(30, 0), (30, 900)]


@pytest.mark.ocpp(
    "TriggerMessage",
    "5.17-boot",
    "5.17-heartbeat",
    "5.17-status",
    "5.17-meter",
    "4.7-trigger",
    "5.17-rejected",
)
async def test_triggered_messages(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        for message in ("BootNotification", "Heartbeat", "StatusNotification"):
            before = len(rig.payloads(message))
            assert await call(rig, "TriggerMessage", requestedMessage=message) == ACCEPTED
            await rig.system.until_received(message, before + 1)
        assert await call(rig, "TriggerMessage", requestedMessage="MeterValues", connectorId=2) == ACCEPTED
        told = await rig.system.until_received("MeterValues")
        assert (told["connectorId"], told["meterValue"][0]["sampledValue"][0]["context"]) == (2, "Trigger")
        assert rig.station.told(TakeSample)[0].measurands == (ENERGY,)
        assert await call(rig, "TriggerMessage", requestedMessage="MeterValues", connectorId=9) == REJECTED


async def test_an_asked_sample_does_not_hold_up_the_next_ones(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.station.durable_samples = 0
        rig.station.start(1)
        rig.station.sample(1)
        await rig.system.until_received("MeterValues")
        await call(rig, "TriggerMessage", requestedMessage="MeterValues", connectorId=1)
        await rig.system.until_received("MeterValues", 2)
        rig.station.sample(1)
        await asyncio.sleep(1)
        assert len(rig.payloads("MeterValues")) == 3


@pytest.mark.ocpp("DataTransfer.server", "5.6-vendor")
async def test_vendors_that_nobody_brought_are_unknown(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        assert await call(rig, "DataTransfer", vendorId="acme", data="x") == {"status": "UnknownVendorId"}


@pytest.mark.parametrize(
    ("action", "code"),
    [("Authorize", "NotSupported"), ("MakeCoffee", "NotImplemented")],
)
@pytest.mark.ocpp("J4.2-NotSupported", "J4.2-NotImplemented")
async def test_other_actions_are_refused_with_the_right_code(tmp_path: Path, action: str, code: str) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        with pytest.raises(CallRefused, match=code):
            await call(rig, action)


# ------------------------------------------------------------------------------------------------------- watching


async def test_others_see_the_link_and_its_frames_with_keys_masked(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        frames = rig.buses["admin"].subscribe(OcppFrame)
        noted = rig.buses["admin"].subscribe(Noted)
        view = rig.buses["admin"].watch("link")
        await rig.registered()
        await call(rig, "ChangeConfiguration", key="AuthorizationKey", value="0011aabbccddeeff")
        await asyncio.sleep(2)
        link = view.get("link")
        assert isinstance(link, LinkStatus)
        assert (link.state, link.registration, link.url) == (LinkState.ONLINE, "Accepted", f"{rig.system.url}/{NAME}")
        assert link.sent > 4 and link.received > 4
        texts = [frame.text for frame in await heard(frames)]
        assert any("AuthorizationKey" in text and "***" in text for text in texts)
        assert not any("0011aabb" in text for text in texts)
        notes = [(note.event_type, note.action) for note in await heard(noted)]
        assert ("STATION_TO_OCPP", "BootNotification") in notes and ("WEBSOCKET_STATE", "Open") in notes
        assert ("OCPP_TO_STATION", "ChangeConfiguration") in notes


async def test_a_flood_of_invalid_messages_is_one_security_event(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        events = rig.buses["admin"].subscribe(SecurityNoted)
        await rig.registered()
        for _ in range(200):
            await rig.system.send_raw(NAME, "{nonsense")
        assert (await call(rig, "GetConfiguration", key=["NumberOfConnectors"]))["configurationKey"][0]["value"] == "2"
        assert [event.type for event in await heard(events)] == ["InvalidMessages"]


async def test_stand_alone_it_follows_the_journal_and_owes_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        url, rig.settings = rig.settings.ocpp.url, station_without_link(rig)
        rig.station.start(1)
        rig.station.stop(1)
        await rig.boot()
        await asyncio.sleep(30)
        await rig.stop()
        rig.settings = linked(rig, url)
        rig.station.start(3)
        await rig.boot()
        told = await rig.system.until_received("StartTransaction")
        await asyncio.sleep(5)
        assert told["connectorId"] == 1 and len(rig.payloads("StartTransaction")) == 1
        assert not rig.payloads("StopTransaction")


def station_without_link(rig: Rig) -> Any:
    return linked(rig, "")


def linked(rig: Rig, url: str) -> Any:
    import msgspec

    ocpp = msgspec.structs.replace(rig.settings.ocpp, url=url)
    return msgspec.structs.replace(rig.settings, ocpp=ocpp)
