"""The journal: entries in order, sessions, facts, times, readers, and what a restart leaves."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from chargepoint.clock import Clock, at_of
from chargepoint.config import StorageSettings
from chargepoint.frames import MAX_FRAME_BYTES, raw
from chargepoint.records import (
    Happened,
    Moment,
    SecurityEvent,
    SessionCreated,
    StationStarted,
    TransactionStarted,
    TransactionStopped,
)
from chargepoint.storage import journal as journal_module
from chargepoint.storage.journal import CannotRecord, Journal
from chargepoint.vocabulary import SessionState
from tests.chargepoint.storage.making import (
    CARD,
    SMALL,
    SPRING,
    SPRING_S,
    begin,
    cut_power,
    end,
    entries,
    happened,
    journal_in,
    security,
    session,
    set_clock,
    started,
    station_started,
    stopped,
)


async def test_entries_are_numbered_without_gaps_and_read_back_as_they_were(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        assert await journal.append(station_started()) == 1
        assert await journal.append(happened("a"), security("b"), started(7), stopped(7)) == 5
        page = await journal.read()
        assert [row.seq for row in page.rows] == [1, 2, 3, 4, 5]
        assert (page.read_to, page.last_seq) == (5, 5)
        assert [row.entry for row in page.rows] == [
            station_started(),
            happened("a"),
            security("b"),
            started(7),
            stopped(7),
        ]
        assert page.rows[0].moment.at == SPRING
    async with journal_in(tmp_path) as journal:
        assert journal.last_seq == 5
        assert (await journal.read()).rows == page.rows
        assert await journal.append(happened("c")) == 6


async def test_a_created_session_bears_its_entry_s_number(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        await journal.append(happened("a"))
        record = await begin(journal)
        assert record.session_id == 2
        rows = (await journal.read(session_id=2)).rows
        assert [type(row.entry) for row in rows] == [SessionCreated, TransactionStarted]
        assert rows[0].entry.session_id == 2


async def test_pages_end_where_they_say_and_lead_through_everything(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        await journal.append(*(happened(str(number)) for number in range(1200)))
        first = await journal.read()
        assert len(first.rows) == 500 and first.read_to == 500 and first.last_seq == 1200
        assert len(await entries(journal)) == 1200
        assert [row.seq for row in (await journal.read(after_seq=10, limit=3)).rows] == [11, 12, 13]
        end_page = await journal.read(after_seq=1200)
        assert (end_page.rows, end_page.read_to) == ((), 1200)


async def test_a_page_can_be_narrowed_by_kind_session_and_time(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        record = await begin(journal)
        await journal.append(happened("other"), happened("mine", record.session_id))
        await asyncio.sleep(3600)
        await end(journal, record)
        kinds = (await journal.read(kinds=("TransactionStarted", "TransactionStopped"))).rows
        assert [type(row.entry) for row in kinds] == [TransactionStarted, TransactionStopped]
        assert len((await journal.read(session_id=record.session_id)).rows) == 5
        since = (await journal.read(since=SPRING + timedelta(minutes=30))).rows
        assert [row.entry.session_id for row in since] == [record.session_id] * 2


async def test_a_rare_kind_is_found_in_steps_that_say_how_far_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chargepoint.storage.journal_pages.SCANNED_ROWS", 100)
    async with journal_in(tmp_path) as journal:
        await journal.append(*(happened(str(number)) for number in range(250)), security("rare"))
        page, steps = await journal.read(kinds=("SecurityEvent",)), 1
        while not page.rows:
            page, steps = await journal.read(after_seq=page.read_to, kinds=("SecurityEvent",)), steps + 1
        assert (steps, page.rows[0].seq) == (3, 251)


async def test_a_transaction_writes_all_or_nothing_and_gives_no_number_away(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        with pytest.raises(ValueError, match="stop"):
            async with journal.transaction() as tx:
                tx.append(happened("a"))
                tx.set_fact("availability.1", b"0")
                tx.save_session(session(1, tx.moment))
                raise ValueError("stop")
        assert journal.last_seq == 0 and await entries(journal) == []
        assert await journal.facts() == {} and await journal.sessions() == []
        assert await journal.append(happened("b")) == 1


async def test_appends_of_many_tasks_some_cancelled_leave_no_gap_and_no_half(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:

        async def work(number: int) -> None:
            async with journal.transaction() as tx:
                tx.append(happened(f"{number} a"))
                await asyncio.sleep(0)
                tx.append(happened(f"{number} b"))

        tasks = [asyncio.create_task(work(number)) for number in range(100)]
        for turn in range(400):
            await asyncio.sleep(0)
            if turn % 4 == 0:
                tasks[turn // 4].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        rows = (await journal.read()).rows
        assert [row.seq for row in rows] == list(range(1, journal.last_seq + 1))
        texts = [row.entry.message for row in rows if isinstance(row.entry, Happened)]
        assert [text.split()[0] for text in texts[::2]] == [text.split()[0] for text in texts[1::2]]


async def test_sessions_are_kept_as_last_saved_newest_first(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        records = [await begin(journal) for _ in range(3)]
        records[0].delivered_wh, records[0].starter = 12_345, CARD
        await end(journal, records[0])
        async with journal.transaction() as tx:
            records[1].state, records[1].finished = SessionState.GARBAGE, tx.moment
            tx.save_session(records[1])
        assert await journal.sessions() == [records[2], records[0]]
        assert await journal.sessions(include_garbage=True) == records[::-1]
        assert await journal.sessions((records[1].session_id,)) == [records[1]]
        assert await journal.session(records[0].session_id) == records[0]
        assert await journal.session(999) is None
        assert await journal.unfinished() == [records[2]]
        assert await journal.sessions(unfinished=True) == [records[2]]
        assert await journal.sessions(since=SPRING + timedelta(days=1)) == []
        assert len(await journal.sessions(limit=1)) == 1
    async with journal_in(tmp_path) as journal:
        assert await journal.unfinished() == [records[2]]


async def test_facts_are_remembered_until_forgotten(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        async with journal.transaction() as tx:
            tx.set_fact("latched.1", b"E7")
            tx.set_fact("latched.2", b"E3")
            tx.set_fact("mode", b"HOME")
        async with journal.transaction() as tx:
            tx.set_fact("latched.2", None)
            tx.set_fact("mode", b"NORMAL")
    async with journal_in(tmp_path) as journal:
        assert await journal.facts("latched.") == {"latched.1": b"E7"}
        assert await journal.fact("mode") == b"NORMAL"
        assert await journal.fact("nothing") is None


async def test_what_was_reported_saved_survives_a_power_cut(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    async with journal_in(folder) as journal:
        record = await begin(journal)
        image = cut_power(folder, tmp_path / "image")
        await end(journal, record)
    async with journal_in(image, set_clock("boot-2")) as journal:
        assert journal.damage == ""
        (running,) = await journal.unfinished()
        assert (running.session_id, running.state, running.stopped) == (record.session_id, SessionState.ACTIVE, None)
        assert journal.last_seq == 2


async def test_security_entries_are_chained_and_a_changed_one_shows(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        for number in range(5):
            await journal.append(security(str(number)), happened("between"))
        assert await journal.broken_links() == []
    async with journal_in(tmp_path) as journal:
        await journal.append(security("after a restart"))
        assert await journal.broken_links() == []
        await journal._database.write([("UPDATE events SET data = replace(data, '2', '9') WHERE seq = 5", ())])
        assert journal.last_seq == 11 and 5 in await journal.broken_links()
        await journal._database.write([("DELETE FROM events WHERE seq = 7", ())])
        assert 9 in await journal.broken_links()


async def test_an_entry_that_is_not_as_written_is_shown_as_damaged_in_its_place(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        await journal.append(happened("a"), started(7, meter_start_wh=1000), happened("c"))
        await journal._database.write([("UPDATE events SET data = replace(data, '1000', '9000') WHERE seq = 2", ())])
        rows = (await journal.read()).rows
        assert [row.seq for row in rows] == [1, 2, 3]
        damaged = rows[1].entry
        assert isinstance(damaged, Happened) and damaged.error == "damaged" and damaged.session_id == 7


# ---------------------------------------------------------------------------------------------------------------- time


async def test_entries_of_before_the_clock_was_known_get_their_time_once(tmp_path: Path) -> None:
    floor = SPRING - timedelta(days=30)
    clock = Clock("boot-1", floor=floor)
    async with journal_in(tmp_path, clock) as journal:
        await journal.append(station_started())
        await asyncio.sleep(600)
        record = await begin(journal)
        assert [row.moment.at for row in (await journal.read()).rows] == [None] * 3
        assert record.created.at is None
        await asyncio.sleep(600)
        clock.set_offset(SPRING_S, "server")
        await journal.clock_known()
        expected = [SPRING, SPRING + timedelta(seconds=600), SPRING + timedelta(seconds=600)]
        assert [row.moment.at for row in (await journal.read()).rows] == expected
        stored = await journal.session(record.session_id)
        assert stored is not None and stored.created.at == expected[1]
        assert journal.resolve(Moment("boot-1", 300.0)).at == SPRING + timedelta(seconds=300)
        clock.set_offset(SPRING_S + 7200, "server")  # later corrections leave it as it may have been sent
        await journal.append(happened("later"))
        assert [row.moment.at for row in (await journal.read()).rows][:3] == expected
    async with journal_in(tmp_path, Clock("boot-2", floor=floor)) as journal:
        assert [row.moment.at for row in (await journal.read()).rows][:3] == expected


async def test_boots_that_never_knew_the_time_are_placed_between_their_neighbours(tmp_path: Path) -> None:
    async with journal_in(tmp_path, set_clock("boot-1")) as journal:
        await journal.append(happened("known"))
    for number in (2, 3):
        await asyncio.sleep(1000)
        async with journal_in(tmp_path, Clock(f"boot-{number}")) as journal:
            await journal.append(happened("unknown"))
            await asyncio.sleep(100)
            await journal.append(happened("unknown"))
    await asyncio.sleep(1000)
    clock = Clock("boot-4")
    async with journal_in(tmp_path, clock) as journal:
        await journal.append(happened("not yet"))
        await asyncio.sleep(50)
        clock.set_offset(SPRING_S, "server")
        await journal.append(happened("known"))
        times = [row.moment.at for row in (await journal.read()).rows]
        known = [at for at in times if at is not None]
        assert len(known) == len(times) and known == sorted(known)
        assert known[0] == SPRING and known[-1] == SPRING + timedelta(seconds=3250)
        assert known[2] - known[1] == timedelta(seconds=100)


async def test_nothing_is_placed_before_the_floor_even_when_it_does_not_fit(tmp_path: Path) -> None:
    floor = SPRING - timedelta(seconds=60)
    async with journal_in(tmp_path, Clock("boot-1", floor=floor)) as journal:
        for _ in range(5):
            await journal.append(happened("long ago"))
            await asyncio.sleep(10_000)
    clock = Clock("boot-2", floor=floor)
    async with journal_in(tmp_path, clock) as journal:
        clock.set_offset(SPRING_S - clock.mono(), "server")
        await journal.append(happened("now"))
        known = [row.moment.at for row in (await journal.read()).rows if row.moment.at is not None]
        assert len(known) == 6 and known == sorted(known) and known[0] == floor and known[-1] == SPRING


async def test_a_wrong_clock_of_an_earlier_boot_does_not_push_later_entries_into_the_future(tmp_path: Path) -> None:
    async with journal_in(tmp_path, Clock("boot-1", offset_s=SPRING_S + 10 * 365 * 86400, source="system")) as journal:
        await journal.append(happened("ten years ahead"))
    clock = Clock("boot-2")
    async with journal_in(tmp_path, clock) as journal:
        await journal.append(happened("not known"))
        clock.set_offset(SPRING_S, "server")
        await journal.clock_known()
        assert (await journal.read(after_seq=1)).rows[0].moment.at == SPRING


async def test_a_clock_set_back_in_a_charge_does_not_end_it_before_it_began(tmp_path: Path) -> None:
    clock = set_clock()
    async with journal_in(tmp_path, clock) as journal:
        await asyncio.sleep(100)
        record = await begin(journal)
        await asyncio.sleep(300)
        clock.set_offset(SPRING_S - 2 * 365 * 86400, "server")
        await end(journal, record)
        await journal.append(happened("not of the session"))
        times = {type(row.entry): row.moment.at for row in (await journal.read()).rows}
        assert times[TransactionStarted] == SPRING + timedelta(seconds=100)
        assert times[TransactionStopped] == SPRING + timedelta(seconds=400)
        assert times[Happened] == at_of(SPRING_S - 2 * 365 * 86400 + 400)


# ------------------------------------------------------------------------------------------------- readers and pruning


async def test_reading_marks_are_kept_and_bound_what_is_pruned(tmp_path: Path) -> None:
    settings = StorageSettings(journal_days=7, reserve_bytes=65_536)
    async with journal_in(tmp_path, settings=settings) as journal:
        assert await journal.add_reader("ocpp") == 0
        await journal.append(station_started())
        finished, running = await begin(journal), await begin(journal)
        await end(journal, finished)
        await journal.append(*(happened(str(number)) for number in range(1000)))
        await asyncio.sleep(30 * 86400)
        await journal.append(happened("young"))
        assert await journal.prune() == 0  # nobody has read anything
        await journal.set_cursor("ocpp", 500)
        assert await journal.prune() > 0
        left = await entries(journal)
        assert left[0] == station_started()
        assert {entry.session_id for entry in left} == {None, running.session_id}
        assert (await journal.read(after_seq=500)).rows[0].seq == 501
        assert await journal.sessions() == [running]
        await journal.set_cursor("ocpp", journal.last_seq)
        await journal.prune()
        assert [type(entry) for entry in await entries(journal)] == [
            StationStarted,
            SessionCreated,
            TransactionStarted,
            Happened,
        ]
        last_seq = journal.last_seq
    async with journal_in(tmp_path, settings=settings) as journal:
        assert journal.last_seq == last_seq and await journal.add_reader("ocpp") == last_seq


async def test_entries_whose_time_nobody_knows_are_not_pruned_by_age(tmp_path: Path) -> None:
    async with journal_in(tmp_path, Clock("boot-1")) as journal:
        await journal.append(*(happened(str(number)) for number in range(10)))
        assert await journal.prune() == 0
    async with journal_in(tmp_path, set_clock("boot-2")) as journal:
        await asyncio.sleep(3 * 86400)
        assert await journal.prune() == 0
        assert len(await entries(journal)) == 10


async def test_a_journal_too_large_is_cut_back_and_unread_money_stays(tmp_path: Path) -> None:
    settings = StorageSettings(journal_max_bytes=1_000_000, reserve_bytes=65_536)
    async with journal_in(tmp_path, settings=settings) as journal:
        await journal.add_reader("ocpp")
        for _ in range(20):
            await end(journal, await begin(journal))
            await journal.append(*(happened("x" * 500) for _ in range(150)))
        assert await journal._database.size_bytes() > 1_000_000
        await journal.prune()
        assert await journal._database.size_bytes() <= 1_000_000
        kinds = [type(entry) for entry in await entries(journal)]
        assert kinds.count(TransactionStarted) == kinds.count(TransactionStopped) == 20
        assert 0 < kinds.count(Happened) < 3000
        await journal.set_cursor("ocpp", journal.last_seq)
        for _ in range(20):
            await journal.append(*(happened("x" * 500) for _ in range(150)))
        await journal.prune()
        assert await journal._database.size_bytes() <= 1_000_000
        assert await journal.sessions(unfinished=True) == []


async def test_too_many_untold_transactions_stop_new_ones_until_they_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MOST_UNREAD_TRANSACTIONS", 3)
    async with journal_in(tmp_path) as journal:
        await journal.add_reader("ocpp")
        records = [await begin(journal) for _ in range(3)]
        assert not journal.can_record
        with pytest.raises(CannotRecord, match="3 transactions have not been told"):
            await begin(journal)
        await end(journal, records[0])
        await journal.append(happened("still possible"))
    async with journal_in(tmp_path) as journal:
        could_record_before = journal.can_record
        await journal.set_cursor("ocpp", records[0].session_id + 1)
        assert (could_record_before, journal.can_record) == (False, True)
        await begin(journal)


async def test_without_a_reader_nothing_waits_to_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "MOST_UNREAD_TRANSACTIONS", 3)
    async with journal_in(tmp_path) as journal:
        for _ in range(5):
            await end(journal, await begin(journal))
        assert journal.can_record


async def test_a_reader_that_knows_more_than_the_journal_shows_that_entries_were_lost(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        await journal.append(happened("a"))
        await journal.set_cursor("ocpp", 400)
        assert journal.last_seq > 400
        page = await journal.read(after_seq=400)
        assert isinstance(page.rows[0].entry, Happened) and "lost" not in page.rows[0].entry.action
        assert "ocpp has read up to entry 400" in page.rows[0].entry.message


async def test_the_journal_belongs_to_one_owner(tmp_path: Path) -> None:
    async with journal_in(tmp_path):
        with pytest.raises(Exception, match="in use by process"):
            await Journal.open(tmp_path, set_clock(), SMALL)


def test_kinds_are_the_names_of_the_records() -> None:
    assert SecurityEvent.__struct_config__.tag == "SecurityEvent"


async def test_a_page_of_long_entries_fits_into_one_message_of_the_bus(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        for _ in range(20):
            await journal.append(*[happened("x" * 16_000) for _ in range(10)])
        read, pages = 0, 0
        while read < journal.last_seq:
            page = await journal.read(after_seq=read)
            assert len(raw(page)) < MAX_FRAME_BYTES
            assert [row.seq for row in page.rows] == list(range(read + 1, page.read_to + 1))
            read, pages = page.read_to, pages + 1
        assert pages < 10
