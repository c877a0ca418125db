"""Storage that fails: full disks, damaged files, two stations on one folder (fault-case P009, R25 to R27)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from chargepoint.config import PortSettings, Secrets
from chargepoint.messages import ReadSamples, StationState
from chargepoint.one_process import House
from chargepoint.records import Happened
from chargepoint.services import World
from chargepoint.storage.database import CannotRecord, Database
from chargepoint.storage.reserve import Reserve
from chargepoint.vocabulary import LogicalStatus, StopSource
from drivers.ports.opening import AnyWire
from tests.journeys.rig import Rig
from tests.journeys.steps import (
    CARD,
    OTHER_CARD,
    charge,
    leave,
    save_user,
    settle,
    show_card,
    until_energy_flows,
    until_transaction_ends,
    usable,
)


class Disk:
    """A disk of which all files are, and which can be full. Its reserve, given up, leaves room for `spare` writes."""

    def __init__(self, spare: int) -> None:
        self.is_full = False
        self.spare = spare
        self.left = 0
        self.refused = 0

    def check(self) -> None:
        if not self.is_full:
            return
        if self.left <= 0:
            self.refused += 1
            raise CannotRecord("the disk is full")
        self.left -= 1


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk(spare=30)
    begin, keep, give_up = Database._begin, Reserve.keep, Reserve.give_up

    async def begin_if_room(database: Database) -> None:
        disk.check()
        await begin(database)

    def keep_if_room(reserve: Reserve) -> bool:
        return not disk.is_full and keep(reserve)

    def give_up_room(reserve: Reserve) -> None:
        if reserve.path.exists():
            disk.left = disk.spare
        give_up(reserve)

    monkeypatch.setattr(Database, "_begin", begin_if_room)
    monkeypatch.setattr(Reserve, "keep", keep_if_room)
    monkeypatch.setattr(Reserve, "give_up", give_up_room)
    yield disk


def can_record(rig: Rig) -> bool:
    state = rig.bus.watch("station").get("station")
    return isinstance(state, StationState) and state.can_record


async def until_recording(rig: Rig, wanted: bool, within_s: float = 20) -> StationState:
    view = rig.bus.watch("station")

    def is_so() -> bool:
        state = view.get("station")
        return isinstance(state, StationState) and state.can_record is wanted

    await rig.until(is_so, within_s)
    state = view.get("station")
    assert isinstance(state, StationState)
    return state


# --------------------------------------------------------------------------------------------------------- full disks


async def test_on_a_full_disk_a_charge_ends_on_record_and_no_other_begins(tmp_path: Path, disk: Disk) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(20)
        disk.is_full = True
        await rig.advance(40)
        assert rig.status() == "CHARGING"
        assert (await show_card(rig)).outcome == "stopped"
        await until_transaction_ends(rig)
        assert not rig.simulated.state().connector(1).contactor_closed
        state = await until_recording(rig, False)
        assert state.logical is LogicalStatus.OUT_OF_SERVICE
        assert (await show_card(rig, OTHER_CARD)).outcome == "unavailable"
        rig.unplug()
        await rig.until_status("UNAVAILABLE")
        await rig.advance(30)
        disk.is_full = False
        await until_recording(rig, True)
        await rig.until_status("AVAILABLE")
        await usable(rig)
        await settle(rig)
        first = (await rig.sessions())[0]
        assert (first.stop_source, first.stopper and first.stopper.value) == (StopSource.LOCAL, CARD)


async def test_an_end_that_nothing_can_record_waits_with_open_contactor_and_is_told_once(
    tmp_path: Path, disk: Disk
) -> None:
    change = {"ocpp": {"configuration": {"StopTxnSampledData": "Energy.Active.Import.Register"}}}
    async with Rig(tmp_path, change=change) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(20)
        disk.is_full, disk.spare = True, 0
        rig.simulated.tap("1", CARD)
        await rig.until(lambda: not rig.simulated.state().connector(1).contactor_closed, 10)
        await rig.advance(60)
        told = rig.system.ledger.running()
        assert len(told) == 1
        disk.is_full = False
        await until_transaction_ends(rig, within_s=20)
        session = await leave(rig)
        assert session.stop_source is StopSource.LOCAL
        await rig.advance(25)  # the next batch
        samples = (await rig.bus.call("station", ReadSamples(session_id=session.session_id))).samples
        ends = [one for one in samples if any(value.context == "Transaction.End" for value in one.values)]
        assert len(ends) == 1
        await rig.online()
        await settle(rig)


async def test_who_asks_for_samples_gets_those_of_just_now_too(tmp_path: Path) -> None:
    keys = {"MeterValueSampleInterval": 5}
    async with Rig(tmp_path, change={"ocpp": {"configuration": keys}}) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(6)
        page = await rig.bus.call("station", ReadSamples())
        assert page.samples[-1].number == page.last_number <= page.durable_number
        await leave(rig)
        await settle(rig)


async def test_a_car_that_came_while_the_disk_was_full_can_charge_when_there_is_room(
    tmp_path: Path, disk: Disk
) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        disk.is_full, disk.spare = True, 0
        rig.plug()
        await rig.advance(20)
        assert (await show_card(rig)).outcome in ("unavailable", "refused")
        assert not rig.simulated.contactor_log(1)
        disk.is_full = False
        await until_recording(rig, True)
        await rig.online()
        await rig.advance(5)
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig)
        await leave(rig)
        await settle(rig)


async def test_with_a_full_disk_a_station_starts_ends_what_ran_and_works_when_there_is_room(
    tmp_path: Path, disk: Disk
) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(20)
        disk.is_full, disk.spare = True, 0
        await rig.crash()
        await rig.advance(30)
        await rig.boot_up()
        await rig.advance(60)
        restarts = [message for message in rig.simulated.contactor_log(1) if message.closed]
        assert len(restarts) <= 3
        disk.is_full = False
        await until_recording(rig, True)
        await rig.advance(5)
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.online()
        await usable(rig)
        await rig.drained()
        await rig.check(tolerance_wh=60)


# ------------------------------------------------------------------------------------------------------ damaged files


def hurt(file: Path, seed: int, *, spare_head: bool) -> None:
    """Flip bits here and there, as worn flash does."""
    chance = random.Random(seed)
    data = bytearray(file.read_bytes())
    first = 4096 if spare_head and len(data) > 8192 else 0
    for _ in range(max(3, len(data) // 16384)):
        at = chance.randrange(first, len(data))
        data[at] ^= 1 << chance.randrange(8)
    file.write_bytes(data)


def wreck(file: Path, seed: int) -> None:
    """The first pages are something else."""
    data = bytearray(file.read_bytes())
    data[: min(len(data), 6000)] = random.Random(seed).randbytes(min(len(data), 6000))
    file.write_bytes(data)


FILES = ("station/journal.db", "station/history.db", "ocpp/ocpp.db", "hub/settings.db")


DAMAGES = [
    *(("wrecked", name) for name in FILES),
    ("flipped", FILES[0]),
    ("cut short", FILES[2]),
    *(pytest.param("flipped", name, marks=pytest.mark.long) for name in FILES[1:]),
    *(pytest.param("cut short", name, marks=pytest.mark.long) for name in (*FILES[:2], FILES[3])),
]


@pytest.mark.parametrize(("how", "name"), DAMAGES)
async def test_a_damaged_file_does_not_keep_the_station_from_charging(tmp_path: Path, name: str, how: str) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await save_user(rig)
        await usable(rig, uid=CARD)
        await rig.drained()
        await rig.stop()
        file = tmp_path / name
        assert file.exists(), sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
        if how == "flipped":
            hurt(file, 1, spare_head=False)
        elif how == "wrecked":
            wreck(file, 2)
        else:
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        await rig.boot_up()
        await rig.online()
        await usable(rig)
        await rig.drained()
        assert rig.system.ledger.faults() == []
        if "journal" not in name:  # what is lost of that cannot be in the books
            await rig.check()
        if how != "flipped":  # a flipped bit may have hit nothing that is used
            rows = [row.entry for row in await rig.journal("Happened") if isinstance(row.entry, Happened)]
            assert any("damage" in (row.error + row.message).lower() for row in rows)
            assert [path for path in file.parent.iterdir() if "damaged" in path.name]


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(n, marks=pytest.mark.long) for n in range(3, 60))])
async def test_a_journal_damaged_in_a_charge_loses_no_control(tmp_path: Path, seed: int) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        await rig.advance(30)
        await rig.crash()
        for file in sorted((tmp_path / "station").glob("journal.db*")):
            if file.stat().st_size:
                hurt(file, seed, spare_head=seed % 2 == 0)
        await rig.boot_up()
        await rig.advance(20)
        if rig.simulated.state().connector(1).contactor_closed:
            assert rig.status() == "CHARGING"
            await show_card(rig)
            await until_transaction_ends(rig)
        rig.unplug()
        await rig.until_status("AVAILABLE", within_s=60)
        await rig.online()
        await usable(rig)
        await rig.drained()
        found = rig.system.ledger.faults(may_run=True)
        if len(await rig.sessions()) < 2:  # all that was known of the first one is lost, and so is its end
            found = [fault for fault in found if "has not been stopped" not in fault]
        assert found == []


# --------------------------------------------------------------------------------------------------------- two owners


async def test_a_second_station_on_the_same_folder_touches_no_wire(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        asked: list[str] = []

        def wire_for(port: PortSettings) -> AnyWire:
            asked.append(port.name)
            return rig.simulated.wire_for(port)

        world = World(
            settings=rig.settings,
            secrets=Secrets(),
            data=tmp_path,
            services=rig.services,
            make_clock=rig.make_clock,
            wire_for=wire_for,
        )
        second = House(world)
        try:
            await second.__aenter__()
            await rig.advance(20)
        finally:
            await second.cut_power()
        assert "bus" not in asked
        assert rig.status() == "CHARGING"
        await show_card(rig)
        await until_transaction_ends(rig)
        await leave(rig)
        await settle(rig)
        await asyncio.sleep(0)
