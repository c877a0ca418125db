"""Samples that wait to be told: counted, kept beyond the file's bound, thinned only above the cap."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from chargepoint.clock import Clock
from chargepoint.config import StorageSettings
from chargepoint.records import HistoryRow, Sample, SampledValue
from chargepoint.storage import history as history_module
from chargepoint.storage.history import MOST_UNTOLD, History
from tests.chargepoint.storage.making import history_in, set_clock

REGISTER = "Energy.Active.Import.Register"


def take(
    history: History, clock: Clock, session: int, wh: float, context: str = "Sample.Periodic", signed: str = ""
) -> Sample:
    values = (SampledValue(REGISTER, wh, "Wh", context=context, signed=signed),)
    return history.add_sample(session, 1, clock.moment(), values, 1)


async def all_samples(history: History) -> list[Sample]:
    found: list[Sample] = []
    while page := await history.samples(found[-1].number if found else 0):
        found += page
    return found


async def test_what_waits_is_counted_from_any_number_on(tmp_path: Path) -> None:
    clock = set_clock()
    async with history_in(tmp_path, clock) as history:
        taken = []
        for size in (3, 1, 4):
            taken += [take(history, clock, 7, wh) for wh in range(size)]
            await history.flush()
            history.add_row(HistoryRow(7, 1, clock.moment()))
            await history.flush()
        take(history, clock, 7, 9.0)  # not durable yet
        for sample in [0, *(sample.number for sample in taken)]:
            assert await history.waiting(sample) == sum(1 for one in taken if one.number > sample)
        await history._database.write([("UPDATE batches SET sample_count = NULL", ())])  # of an earlier version
        assert await history.waiting(taken[1].number) == 6


@pytest.mark.parametrize("sessions", [15, pytest.param(50, marks=pytest.mark.long)])
async def test_ten_thousands_of_waiting_samples_are_thinned_evenly_to_the_cap(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sessions: int
) -> None:
    clock = set_clock()
    async with history_in(tmp_path, clock) as history:
        history.set_cursor("ocpp", 0)
        ends = set()
        for session in range(1, sessions + 1):
            clock.set_offset(clock.offset_s + 200_000, "server")
            begin = take(history, clock, session, 0.0, "Transaction.Begin")
            series = [take_at(history, session, clock, second * 60.0) for second in range(2000)]
            signed = take(history, clock, session, 5.0, signed="OCMF|{}|{}")
            end = take(history, clock, session, 9.0, "Transaction.End")
            ends |= {begin.number, signed.number, end.number, series[0].number}
            history._samples, batch = history._samples[:0], history._samples  # as many flushes would
            for start in range(0, len(batch), 100):
                history._samples = batch[start : start + 100]
                await history.flush()
        assert await history.waiting(0) == sessions * 2003
        assert await history.thin() > 0
        left = await all_samples(history)
        assert 0.7 * MOST_UNTOLD < len(left) <= MOST_UNTOLD
        assert await history.waiting(0) == len(left)
        assert ends <= {sample.number for sample in left}
        gaps = set()
        for session in range(1, sessions + 1):
            times = [one.moment.mono_s for one in left if one.session_id == session and one.values[0].value == 1.0]
            gaps |= {after - before for before, after in itertools.pairwise(times[:-1])}
        assert len(gaps) == 1  # evenly
        assert "thinned out" in caplog.text and history.thinned == sessions * 2003 - len(left)
        assert await history.thin() == 0


def take_at(history: History, session: int, clock: Clock, mono_s: float) -> Sample:
    import msgspec

    moment = msgspec.structs.replace(clock.moment(), mono_s=mono_s)
    return history.add_sample(session, 1, moment, (SampledValue(REGISTER, 1.0, "Wh"),), 1)


async def test_what_was_told_is_not_counted_though_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "MOST_UNTOLD", 100)
    clock = set_clock()
    async with history_in(tmp_path, clock) as history:
        taken = [take_at(history, 7, clock, second * 60.0) for second in range(150)]
        history.set_cursor("ocpp", 10, told=taken[99].number)
        await history.flush()
        assert await history.thin() == 0
        history.set_cursor("ocpp", 10, told=10)
        assert await history.thin() > 0
        left = {sample.number for sample in await all_samples(history)}
        assert {sample.number for sample in taken[:10]} <= left and len(left) <= 110


async def test_how_far_was_told_survives_a_restart(tmp_path: Path) -> None:
    clock = set_clock()
    async with history_in(tmp_path, clock) as history:
        taken = [take(history, clock, 7, wh) for wh in range(20)]
        history.set_cursor("ocpp", 3, told=taken[15].number)
        await history.flush()
    async with history_in(tmp_path, clock) as history:
        assert history.cursor("ocpp") == 3 and history._readers["ocpp/told"] == taken[15].number
        assert history.cursor("monitor") is None


async def test_beyond_its_bound_the_file_loses_rows_and_no_sample_that_waits(tmp_path: Path) -> None:
    clock = set_clock()
    settings = StorageSettings(history_max_bytes=1_000_000, reserve_bytes=65_536)
    async with history_in(tmp_path, clock, settings) as history:
        history.set_cursor("ocpp", 0)
        import random

        chance = random.Random(2)
        taken = []
        for number in range(1200):
            taken.append(take(history, clock, 7, chance.random()).number)
            for _ in range(25):
                history.add_row(HistoryRow(7, 1, clock.moment(), number, chance.random(), chance.random()))
            await history.flush()
        large = await history._database.size_bytes()
        assert large > 1_000_000
        await history.prune()
        assert await history._database.size_bytes() < 0.8 * large
        assert [sample.number for sample in await all_samples(history)] == taken
