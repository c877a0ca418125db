"""Security events of the journal, told to the central system: critical ones always, the others while they are fresh."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import Cursor
from chargepoint.records import JournalRow, Moment, SecurityEvent
from chargepoint.security_events import BY_NAME, KINDS, REFUSED, markdown
from ocpp_client.security_events import BURST, FRESH_S, TRIES_FRESH, security_event_payload
from tests.ocpp_client.rig import NAME, NOW, Rig, bench

ACTION = "SecurityEventNotification"


def event(kind: str, operation: str = "", extra: str = "", source: str = "test") -> SecurityEvent:
    return SecurityEvent(type=kind, source_type="service", source=source, operation=operation, extra=extra)


def note(rig: Rig, kind: str, moment: Moment | None = None, **words: str) -> JournalRow:
    return rig.station.append(event(kind, **words), moment)


def told(rig: Rig) -> list[str]:
    return [payload["type"] for payload in rig.payloads(ACTION)]


CRITICAL = tuple(kind.name for kind in KINDS if kind.is_critical)
OTHERS = tuple(kind.name for kind in KINDS if not kind.is_critical)


def test_each_kind_stands_in_the_table_once_and_fits_the_message() -> None:
    assert len(BY_NAME) == len(KINDS) == 20
    assert all(len(kind.name) <= 50 for kind in KINDS)
    assert set(OTHERS) == {
        "FailedToAuthenticateAtCentralSystem", "CentralSystemFailedToAuthenticate", "InvalidMessages",
        "ReconfigurationOfSecurityParameters", "AttemptedReplayAttacks",
    }  # fmt: skip


def test_the_document_has_the_table() -> None:
    document = Path(__file__).parents[2] / "docs" / "ocpp.md"
    assert markdown() in document.read_text(encoding="utf-8")


@pytest.mark.ocpp("A04-critical", "A04-time")
@pytest.mark.parametrize("kind", [*CRITICAL, *OTHERS])
@pytest.mark.ocpp("SecurityEventNotification", "A04-time")
async def test_every_kind_is_told_with_its_name_and_time(tmp_path: Path, kind: str) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        note(rig, kind, extra="why")
        payload = await rig.system.until_received(ACTION)
        assert payload["type"] == kind and payload["techInfo"] == "test: why"
        assert payload["timestamp"].startswith("2026-03-01T12:0") and payload["timestamp"].endswith("Z")
        assert rig.ledger.faults() == []


def test_tech_info_is_cut_to_what_the_message_may_hold() -> None:
    payload = security_event_payload(event("MemoryExhaustion", extra="x" * 400), NOW)
    assert len(payload["techInfo"]) == 255
    assert "techInfo" not in security_event_payload(event("MemoryExhaustion", source=""), NOW)


async def test_what_is_no_event_of_ocpp_stays_in_the_journal(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        note(rig, "UserChanged")
        note(rig, "SettingSystemTime", operation=REFUSED)
        note(rig, "StartupOfTheDevice")
        await rig.system.until_received(ACTION)
        assert told(rig) == ["StartupOfTheDevice"]


@pytest.mark.ocpp("A04-offline", "A04-critical")
async def test_critical_events_from_days_without_link_are_told_in_order_and_once(tmp_path: Path) -> None:
    async with bench(tmp_path, is_there=False) as rig:
        kinds = [CRITICAL[number % len(CRITICAL)] for number in range(450)]
        for number, kind in enumerate(kinds):
            at = NOW - timedelta(days=3) + timedelta(seconds=number)
            note(rig, kind, Moment("earlier", float(number), at), extra=str(number))
            note(rig, "InvalidMessages", Moment("earlier", float(number), at))
        await rig.boot()
        await asyncio.sleep(20)
        await rig.system.come_back()
        await rig.system.until_received(ACTION, len(kinds), 600)
        await asyncio.sleep(30)
        assert told(rig) == kinds
        assert [payload["techInfo"] for payload in rig.payloads(ACTION)] == [f"test: {n}" for n in range(len(kinds))]


@pytest.mark.ocpp("A04-durable")
async def test_nothing_is_told_twice_after_a_restart_or_a_crash(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        note(rig, "StartupOfTheDevice")
        await rig.system.until_received(ACTION)
        await asyncio.sleep(1)
        await rig.kill()
        note(rig, "ResetOrReboot")
        await rig.boot()
        await rig.system.until_received(ACTION, 2)
        await asyncio.sleep(1)
        await rig.stop()
        await rig.boot()
        note(rig, "FirmwareUpdated")
        await rig.system.until_received(ACTION, 3)
        await asyncio.sleep(30)
        assert told(rig) == ["StartupOfTheDevice", "ResetOrReboot", "FirmwareUpdated"]


async def test_events_before_the_first_link_ever_outlive_restarts(tmp_path: Path) -> None:
    async with bench(tmp_path, is_there=False) as rig:
        for number in range(3):
            note(rig, "StartupOfTheDevice", extra=str(number))
            await rig.boot()
            await asyncio.sleep(60)
            await rig.stop()
        await rig.boot()
        await rig.system.come_back()
        await rig.system.until_received(ACTION, 3, 600)
        assert [payload["techInfo"] for payload in rig.payloads(ACTION)] == ["test: 0", "test: 1", "test: 2"]


async def test_after_damage_of_the_file_that_knew_it_the_last_week_is_told(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        (tmp_path / "ocpp.db").write_bytes(b"no database" * 1000)
        for days in (20, 8, 6, 1):
            note(rig, "ResetOrReboot", Moment("earlier", 0.0, NOW - timedelta(days=days)), extra=str(days))
        await rig.boot()
        await rig.system.until_received(ACTION, 2)
        await asyncio.sleep(30)
        assert [payload["techInfo"] for payload in rig.payloads(ACTION)] == ["test: 6", "test: 1"]


async def test_events_that_are_not_critical_are_told_only_while_fresh(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        note(rig, "InvalidMessages", Moment("earlier", 0.0, NOW - timedelta(seconds=FRESH_S + 60)), extra="old")
        await rig.registered()
        note(rig, "InvalidMessages", extra="new")
        payload = await rig.system.until_received(ACTION)
        assert payload["techInfo"] == "test: new"


@pytest.mark.ocpp("A04-not-critical")
async def test_a_flood_of_events_that_are_not_critical_is_bounded_and_hides_no_critical_one(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        for _ in range(500):
            note(rig, "InvalidMessages")
        note(rig, "TamperDetectionActivated")
        await rig.system.until(lambda: "TamperDetectionActivated" in told(rig))
        assert BURST <= told(rig).count("InvalidMessages") <= BURST + 2


async def test_events_of_an_unset_clock_get_their_time_once_it_is_known(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.clock.source, offset_s = "unset", rig.clock.offset_s
        rig.clock.offset_s = 0.0
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        note(rig, "StartupOfTheDevice", Moment("boot-1", begun_s, None))
        await rig.boot()
        await rig.system.until_received("BootNotification")
        await asyncio.sleep(20)
        assert told(rig) == []
        rig.clock.set_offset(offset_s, "server")
        payload = await rig.system.until_received(ACTION)
        assert payload["timestamp"][:19] == (NOW + timedelta(seconds=begun_s)).isoformat()[:19]


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
async def test_nothing_is_told_before_the_server_has_accepted_the_station(tmp_path: Path, status: str) -> None:
    async with bench(tmp_path) as rig:
        rig.system.boot_status, rig.system.heartbeat_interval_s = status, 30
        note(rig, "StartupOfTheDevice")
        await rig.boot()
        await rig.system.until_received("BootNotification")
        await asyncio.sleep(25)
        assert told(rig) == []
        rig.system.boot_status = "Accepted"
        await rig.system.until_received(ACTION)


async def test_a_server_that_fails_is_asked_again_with_growing_waits(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.system.on(ACTION, times=4, error="InternalError")
        note(rig, "StartupOfTheDevice")
        note(rig, "ResetOrReboot")
        await rig.system.until_received(ACTION, 6, 600)
        assert told(rig) == ["StartupOfTheDevice"] * 5 + ["ResetOrReboot"]
        sent = [message.at for message in rig.ledger.calls(ACTION)]
        gaps = [round((later - earlier).total_seconds()) for earlier, later in itertools.pairwise(sent[:4])]
        assert gaps == [10, 20, 40]


async def test_what_the_server_does_not_know_holds_up_nothing_else(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.system.on(ACTION, times=1, error="NotImplemented")
        rig.system.on(ACTION, times=2, error="PropertyConstraintViolation")
        for kind in ("StartupOfTheDevice", "ResetOrReboot", "FirmwareUpdated"):
            note(rig, kind)
        await rig.system.until_received(ACTION, 4, 60)
        assert told(rig) == ["StartupOfTheDevice", "ResetOrReboot", "ResetOrReboot", "FirmwareUpdated"]


async def test_the_journal_is_not_pruned_before_a_critical_event_was_told(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.system.on(ACTION, times=1, drop=True)
        row = note(rig, "StartupOfTheDevice")
        rig.station.start(5)
        rig.station.stop(5)
        await rig.system.until_received("StopTransaction")
        await asyncio.sleep(20)
        assert all(request.seq < row.seq for request in rig.station.told(Cursor))
        await rig.system.until_received(ACTION, 2, 120)
        await asyncio.sleep(130)
        assert rig.station.told(Cursor)[-1].seq >= row.seq + 2


async def test_a_journal_that_began_anew_repeats_nothing_and_hides_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        for _ in range(5):
            note(rig, "ResetOrReboot")
        await rig.system.until_received(ACTION, 5)
        await asyncio.sleep(1)
        last = rig.station.rows[-1]
        rig.station.rows[:] = [JournalRow(1, last.moment, last.entry)]
        await asyncio.sleep(1)
        note(rig, "FirmwareUpdated")
        await rig.system.until_received(ACTION, 6)
        await asyncio.sleep(5)
        assert told(rig) == ["ResetOrReboot"] * 5 + ["FirmwareUpdated"]


async def test_a_station_that_had_charges_before_tells_no_old_events(tmp_path: Path) -> None:
    """Events from before this software could tell them are in the journal only."""
    async with bench(tmp_path) as rig:
        await rig.registered()
        note(rig, "ResetOrReboot")
        await rig.system.until_received(ACTION)
        await rig.stop()
        await forget_place(rig)
        await rig.boot()
        await rig.system.until_received("BootNotification", 2)
        await asyncio.sleep(5)
        assert told(rig) == ["ResetOrReboot"]


async def forget_place(rig: Rig) -> None:
    from ocpp_client.kept import Kept
    from ocpp_client.security_events import FACT

    kept = await Kept.open(rig.folder, rig.clock)
    await kept.facts.keep(FACT, None)
    await kept.close()


async def test_live_answers_stay_fast_while_many_events_are_told(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        for _ in range(300):
            note(rig, "ResetOrReboot")
        begun_s = asyncio.get_running_loop().time()
        answer: dict[str, Any] = await rig.system.call(NAME, "GetConfiguration", {"key": ["CpoName"]})
        assert answer["configurationKey"] and asyncio.get_running_loop().time() - begun_s < 2.0
        await rig.system.until_received(ACTION, 300)


async def test_a_server_that_takes_no_event_delays_those_behind_the_first_by_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpp_client.security_events.TRIES", tries := 6)  # about five minutes in place of a day
    async with bench(tmp_path) as rig:
        await rig.registered()
        rule = rig.system.on(ACTION, error="InternalError")
        for kind in CRITICAL[:4]:
            note(rig, kind)
        await asyncio.sleep(600.0)
        assert told(rig).count(CRITICAL[0]) == tries
        assert [told(rig).count(kind) for kind in CRITICAL[1:4]] == [TRIES_FRESH] * 3
        rig.system.rules.remove(rule)
        before = len(told(rig))
        note(rig, CRITICAL[4])
        await rig.system.until_received(ACTION, before + 1)
        assert told(rig)[before:] == [CRITICAL[4]]
