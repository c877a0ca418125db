"""The history: batches, numbers that are never given twice, retention, and what it costs the flash."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from chargepoint.clock import Clock
from chargepoint.config import StorageSettings
from chargepoint.records import HistoryRow, Moment, Sample, SampledValue
from chargepoint.storage import history as history_module
from chargepoint.storage.history import CannotRecord, History
from tests.chargepoint.storage.making import (
    SMALL,
    SPRING_S,
    cut_power,
    energy,
    happened,
    history_in,
    journal_in,
    set_clock,
)


def take(history: History, clock: Clock, count: int, session_id: int = 7, connector: int = 1) -> list[Sample]:
    return [
        history.add_sample(session_id, connector, clock.moment(), (energy(1000.0 + number),), after_seq=3)
        for number in range(count)
    ]


async def test_samples_are_numbered_at_once_and_readable_after_the_flush(tmp_path: Path) -> None:
    clock = set_clock()
    async with history_in(tmp_path, clock) as history:
        first = take(history, clock, 3) + take(history, clock, 2, session_id=8, connector=2) + take(history, clock, 1)
        assert [sample.number for sample in first] == list(range(1, 7))
        assert await history.samples() == []
        await history.flush()
        assert await history.samples() == first
        second = take(history, clock, 2)
        await history.flush()
        await history.flush()
        assert await history.samples(after=4) == first[4:] + second
        assert await history.samples(session_id=8) == first[3:5]
        assert await history.samples(after=2, session_id=7, limit=2) == [first[2], first[5]]
        assert await history.samples(session_id=99) == []
        assert history.last_number == history.durable_number == 8


async def test_more_samples_than_a_page_are_read_in_order(tmp_path: Path) -> None:
    clock = set_clock()
    async with history_in(tmp_path, clock) as history:
        taken: list[Sample] = []
        for _ in range(60):
            taken += take(history, clock, 20)
            await history.flush()
        found: list[Sample] = []
        while page := await history.samples(after=found[-1].number if found else 0):
            assert len(page) <= 500
            found += page
        assert found == taken


async def test_rows_of_a_session_come_newest_last_and_without_empty_values(tmp_path: Path) -> None:
    clock = set_clock()
    async with history_in(tmp_path, clock) as history:
        rows = []
        for number in range(100):
            row = HistoryRow(7, 1, clock.moment(), energy_wh=number * 10, current_a=(16.0, 15.9, 16.1), soc_pct=50.5)
            rows.append(row)
            history.add_row(row)
            history.add_row(HistoryRow(8, 2, clock.moment()))
            await asyncio.sleep(15)
            if number % 3 == 0:
                await history.flush()
        await history.flush()
        assert await history.rows(7) == rows
        assert await history.rows(7, limit=5) == rows[-5:]
        assert len(await history.rows(8)) == 100
        assert await history.rows(9) == []


async def test_an_orderly_restart_goes_on_counting_and_keeps_everything(tmp_path: Path) -> None:
    clock = set_clock()
    async with history_in(tmp_path, clock) as history:
        taken = take(history, clock, 3)
    async with history_in(tmp_path, clock) as history:
        taken += take(history, clock, 1)
        assert taken[-1].number == 4
        await history.flush()
        assert await history.samples() == taken


async def test_after_a_crash_no_number_is_given_again_even_when_it_was_never_written(tmp_path: Path) -> None:
    clock = set_clock()
    folder = tmp_path / "data"
    folder.mkdir()
    async with history_in(folder, clock) as history:
        told = take(history, clock, 20)
        never_flushed = cut_power(folder, tmp_path / "first image")
        await history.flush()
        told += take(history, clock, 20)
        flushed_once = cut_power(folder, tmp_path / "second image")
    for image, durable in ((never_flushed, 0), (flushed_once, 20)):
        async with history_in(image, clock) as history:
            (new,) = take(history, clock, 1)
            await history.flush()
            assert new.number > told[-1].number
            assert await history.samples() == [*told[:durable], new]
            assert await history.samples(after=told[-1].number) == [new]  # a cursor at the last one told misses nothing


async def test_a_reading_mark_rides_on_the_batch(tmp_path: Path) -> None:
    clock = set_clock()
    async with history_in(tmp_path, clock) as history:
        take(history, clock, 5)
        history.set_cursor("ocpp", 3)
        await history.flush()
        assert [tuple(row) for row in await history._database.read("SELECT * FROM readers")] == [("ocpp", 3)]
        history.set_cursor("ocpp", 5)
        await history.flush()
    async with history_in(tmp_path, clock) as history:
        assert history._readers == {"ocpp": 5}


async def test_what_cannot_be_written_waits_and_is_thinned_at_the_cap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "MOST_PENDING", 100)
    clock = set_clock()
    async with history_in(tmp_path, clock) as history:
        write = history._database.write
        begin = history.add_sample(
            7, 1, clock.moment(), (SampledValue("x", 1.0, "Wh", context="Transaction.Begin"),), 1
        )

        async def refuse(_statements: object) -> None:
            raise CannotRecord("full")

        monkeypatch.setattr(history._database, "write", refuse)
        taken = take(history, clock, 20)
        with pytest.raises(CannotRecord):
            await history.flush()
        take(history, clock, 500)
        with pytest.raises(CannotRecord):
            await history.flush()
        monkeypatch.setattr(history._database, "write", write)
        await history.flush()
        left = await history.samples()
        assert 50 <= len(left) <= 101 and left[0] == begin
        assert [sample.number for sample in left] == sorted(sample.number for sample in left)
        assert left[-1].number == history.last_number == 521
        assert len(taken) == 20


async def test_retention_by_age_respects_readers_and_by_size_at_last_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = set_clock()
    settings = StorageSettings(history_days=1, history_max_bytes=1_000_000, reserve_bytes=65_536)
    chance = random.Random(1)
    async with history_in(tmp_path, clock, settings) as history:
        history.set_cursor("ocpp", 0)
        for _ in range(100):
            take(history, clock, 20)
            await history.flush()
        await asyncio.sleep(3 * 86400)
        take(history, clock, 1)
        await history.flush()
        assert await history.prune() == 0
        history.set_cursor("ocpp", 1000)
        assert await history.prune() == 50
        assert (await history.samples())[0].number == 1001
        history.set_cursor("ocpp", history.last_number)
        assert await history.prune() == 50
        assert len(await history.samples()) == 1
        history.set_cursor("slow", 0)
        for _ in range(400):
            values = [SampledValue("x", chance.random(), "Wh") for _ in range(400)]
            history.add_sample(9, 1, clock.moment(), values, 1)
            await history.flush()
        assert await history._database.size_bytes() > 1_000_000
        assert await history.prune() == 0  # they wait to be told
        monkeypatch.setattr("chargepoint.storage.history.UNTOLD_BYTES", 0)
        assert await history.prune() > 0
        assert await history._database.size_bytes() <= 1_000_000
        newest = (await history.samples(after=history.last_number - 1))[0]
        assert newest.number == history.last_number


async def test_samples_of_before_the_clock_was_known_get_their_time_when_read(tmp_path: Path) -> None:
    clock = Clock("boot-1")
    async with journal_in(tmp_path, clock) as journal:
        history = await History.open(tmp_path, clock, SMALL, journal.resolve)
        await journal.append(happened("a"))
        (sample,) = take(history, clock, 1)
        history.add_row(HistoryRow(7, 1, clock.moment()))
        await history.flush()
        assert (await history.samples())[0].moment == Moment("boot-1", 0.0)
        await asyncio.sleep(10)
        clock.set_offset(SPRING_S, "server")
        await journal.clock_known()
        assert (await history.samples())[0].moment.at == set_clock().now().replace(second=0)
        assert (await history.rows(7))[0].moment.at is not None
        assert sample.moment.at is None
        await history.close()


async def test_a_charging_minute_costs_less_than_100_kb_of_writing(tmp_path: Path) -> None:
    """Four connectors, ten values each second, a row each 15 s, a batch each 20 s: all that goes to the log."""
    clock, chance = set_clock(), random.Random(3)
    phases = ("L1", "L2", "L3")
    async with history_in(tmp_path, clock) as history:
        log_bytes = []
        for second in range(180):
            for connector in (1, 2, 3, 4):
                values = [energy(1_000_000 + second * 6.0), SampledValue("Power.Active.Import", 22_000.0, "W")]
                values += [SampledValue("Voltage", round(chance.gauss(230, 1), 1), "V", phase) for phase in phases]
                values += [SampledValue("Current.Import", round(chance.gauss(32, 0.2), 2), "A", p) for p in phases]
                values += [SampledValue("SoC", 40.0, "Percent"), SampledValue("Current.Offered", 32.0, "A")]
                history.add_sample(connector, connector, clock.moment(), values, 1)
                if second % 15 == 0:
                    history.add_row(HistoryRow(connector, connector, clock.moment(), second, 22_000.0, 230.0))
            await asyncio.sleep(1)
            if second % 20 == 19:
                history.set_cursor("ocpp", history.last_number)
                await history.flush()
                log_bytes.append((tmp_path / "history.db-wal").stat().st_size)
        assert (log_bytes[-1] - log_bytes[2]) / 2 / 4 < 100_000
