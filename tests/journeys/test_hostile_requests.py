"""Requests as a service that was taken over might send them, and damaged facts: the station refuses and works on."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint.bus import CallFailed
from chargepoint.messages import (
    ClearFault,
    ClearLimitSchedules,
    Cursor,
    ReadCompositeSchedule,
    Reservation,
    Reserve,
    SetLimitSchedule,
    StartCharging,
)
from chargepoint.records import Credential, LimitSchedule, SchedulePeriod
from chargepoint.storage.journal import ASIDE, Journal
from chargepoint.vocabulary import CredentialType, ScheduleKind, SchedulePurpose, StartSource
from tests.journeys.rig import Rig
from tests.journeys.steps import CARD, OTHER_CARD, TWO_AC, charge, leave, peer, plug, settle, until_energy_flows

NAIVE = datetime(2026, 5, 4, 11)
FAR = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
STRANGER = "04FEEDBEEF"


def bound(**more: Any) -> LimitSchedule:
    row: dict[str, Any] = {
        "schedule_id": 5, "connector": 0, "purpose": SchedulePurpose.TX_DEFAULT, "stack_level": 0,
        "kind": ScheduleKind.ABSOLUTE, "unit": "A", "periods": (SchedulePeriod(0, 30.0),), **more,
    }  # fmt: skip
    return LimitSchedule(**row)


HOSTILE: tuple[dict[str, Any], ...] = (
    {"start_at": NAIVE},
    {"valid_from": NAIVE},
    {"valid_to": NAIVE},
    {"valid_from": NAIVE, "valid_to": FAR},
    {"periods": (SchedulePeriod(0, math.nan),)},
    {"periods": (SchedulePeriod(0, math.inf),)},
    {"periods": (SchedulePeriod(0, -1.0),)},
    {"periods": tuple(SchedulePeriod(number, 30.0) for number in range(5000))},
    {"periods": (SchedulePeriod(0, 30.0), SchedulePeriod(2**62, 31.0))},
    {"periods": ()},
    {"min_rate": math.nan},
    {"duration_s": -1},
    {"stack_level": -1},
    {"session_id": 1},
    {"unit": "kW"},
)


def start(connector: int, card: str, **more: Any) -> StartCharging:
    credential = Credential(card, CredentialType.RFID)
    return StartCharging(
        connector=connector, credential=credential, source=StartSource.OCPP_REMOTE, is_authorized=True, **more
    )


async def flows(rig: Rig, current_a: float, connector: int = 1) -> None:
    def is_so() -> bool:
        state = rig.state(connector)
        return bool(state and state.reading and abs(state.reading.current_a[0] - current_a) < 0.5)

    await rig.until(is_so, 60)


async def test_schedules_that_are_none_change_nothing(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        assert (await rig.bus.call("station", SetLimitSchedule(schedule=bound(periods=(SchedulePeriod(0, 10.0),))))).ok
        await charge(rig)
        await flows(rig, 10)
        for row in HOSTILE:
            answer = await rig.bus.call("station", SetLimitSchedule(schedule=bound(**row)))
            assert (answer.ok, answer.code) == (False, "invalid_schedule"), row
        own = bound(purpose=SchedulePurpose.TX)
        for row in HOSTILE[:-2]:
            schedule = start(
                1, CARD, schedule=LimitSchedule(**{f: getattr(own, f) for f in own.__struct_fields__} | row)
            )
            assert not (await rig.bus.call("station", schedule)).ok
        await rig.advance(5)
        await flows(rig, 10)
        assert not (await rig.bus.call("station", ReadCompositeSchedule(connector=1, duration_s=-5))).ok
        assert (await rig.bus.call("station", ReadCompositeSchedule(connector=1, duration_s=2**60))).ok
        await leave(rig)
        await settle(rig)


async def test_composite_schedules_are_made_one_at_a_time(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        many = [rig.bus.call("station", ReadCompositeSchedule(connector=1, duration_s=60)) for _ in range(50)]
        answers = await asyncio.gather(*many)
        assert 0 < sum(answer.ok for answer in answers) < 50
        assert (await rig.bus.call("station", ReadCompositeSchedule(connector=1, duration_s=60))).ok


async def test_a_start_with_a_schedule_that_is_none_is_refused_and_the_station_lives(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await plug(rig)
        bad = bound(purpose=SchedulePurpose.TX, start_at=NAIVE)
        answer = await rig.bus.call("station", start(1, CARD, schedule=bad))
        assert (answer.ok, answer.code) == (False, "invalid_schedule")
        assert (await rig.bus.call("station", start(1, CARD))).ok
        await until_energy_flows(rig)
        await leave(rig)
        await settle(rig)


async def test_reservations_that_are_none_are_refused(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        for expires_at, id_tag in ((NAIVE, CARD), (FAR, ""), (FAR, "X" * 100_000)):
            wanted = Reservation(reservation_id=7, connector=1, id_tag=id_tag, expires_at=expires_at)
            answer = await rig.bus.call("station", Reserve(reservation=wanted))
            assert (answer.ok, answer.code) == (False, "invalid")
        await charge(rig)
        await leave(rig)
        await settle(rig)


async def test_two_who_come_at_once_do_not_take_what_is_kept(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        await plug(rig, 1)
        await plug(rig, 2)
        rig.unplug(1)
        rig.unplug(2)
        await rig.until(lambda: rig.status(1) == rig.status(2) == "AVAILABLE")
        kept = Reservation(reservation_id=7, connector=0, id_tag=CARD, expires_at=FAR)
        assert (await rig.bus.call("station", Reserve(reservation=kept))).ok
        both = [rig.bus.call("station", start(1, OTHER_CARD)), rig.bus.call("station", start(2, STRANGER))]
        answers = await asyncio.gather(*both)
        assert sorted(answer.code for answer in answers) == ["ok", "reserved"]


async def test_a_reader_cannot_push_the_numbers_of_sessions_beyond_what_controllers_carry(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        async with peer(rig, "monitor") as monitor:
            for numbers in ({"seq": 2**40, "sample": 0}, {"seq": 0, "sample": 2**63}, {"seq": -1, "sample": 0},
                            {"seq": 0, "sample": 0, "told": 2**63}):  # fmt: skip
                with pytest.raises(CallFailed):
                    await monitor.call("station", Cursor(**numbers))
        await charge(rig)
        await leave(rig)
        await settle(rig)


async def test_damaged_facts_do_not_keep_the_station_from_working(tmp_path: Path) -> None:
    facts = ("mode", "users", "sampling_plan", "run", "consumed/X", "bound/77", "reservation/7", "reservation/x",
             "limit_schedule/x", "free_mode", "starts/1")  # fmt: skip
    async with Rig(tmp_path) as rig:
        await rig.online()
        await rig.stop()
        await keep(rig, dict.fromkeys(facts, b"\xff?"))
        await rig.boot_up()
        await rig.online()
        assert (await rig.bus.call("station", ClearLimitSchedules())).ok
        await charge(rig)
        await leave(rig)
        await settle(rig)


@pytest.mark.parametrize("key", ["latched/1", f"{ASIDE}latched/1"])
async def test_a_latched_fault_that_cannot_be_read_stays_latched(tmp_path: Path, key: str) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await rig.stop()
        await keep(rig, {key: b"?"})
        await rig.boot_up()
        await rig.online()
        await rig.until_status("ERROR")
        assert (await rig.bus.call("station", ClearFault(connector=1))).ok
        await rig.stop()
        await rig.boot_up()
        await rig.online()
        await charge(rig)
        await leave(rig)
        await settle(rig)


async def keep(rig: Rig, facts: dict[str, bytes]) -> None:
    """Write facts while the station is away."""
    journal = await Journal.open(rig.folder / "station", rig.make_clock(), rig.settings.storage)
    async with journal.transaction() as tx:
        for key, value in facts.items():
            tx.set_fact(key, value)
    await journal.close()


async def test_the_central_system_cannot_start_a_charge_as_a_technician(tmp_path: Path) -> None:
    """It would be neither reported nor paid."""
    async with Rig(tmp_path) as rig:
        assert rig.house is not None
        rig.plug(1)
        await rig.until_status("READY")
        asked = msgspec.structs.replace(start(1, "04A2B3C4"), source=StartSource.TECHNICIAN)
        other = rig.house.connect("monitor")
        running = asyncio.create_task(other.run(), name="monitor")
        result = await other.call("station", asked)
        assert (result.ok, result.code) == (False, "forbidden")
        other.close()
        await running
        await rig.advance(5)
        assert rig.status() == "READY"
        await rig.check()
