"""Meters that sign sessions: begun once, ended once, the record byte for byte, through restarts of either side."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from drivers.errors import NoAnswer, Refused
from drivers.interfaces import SessionReference, SignsSessions
from drivers.simulated.meters.signing import is_signed
from tests.drivers.meters.wired import AC, CASES, DC, SIGNING, Case, Known, Wired, open_meter, wired

AT = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
MINE = SessionReference(transaction="5b1f0c2e-17", evse="demo-1-2", client="04A2B3C4", at=AT)
OTHER = msgspec.structs.replace(MINE, transaction="5b1f0c2e-12", client="")


def signing(one: Wired) -> SignsSessions:
    assert isinstance(one.meter, SignsSessions)
    return one.meter


def records(one: Wired) -> list[bytes]:
    """What the meter ever signed."""
    found: Any = one.face.records
    return [each.encode() for each in (found.values() if isinstance(found, dict) else found)]


def add(model: Known, wh: float) -> None:
    model.ac = msgspec.structs.replace(model.ac, import_wh=AC.import_wh + wh)
    model.dc = msgspec.structs.replace(model.dc, import_wh=DC.import_wh + wh)


@pytest.mark.parametrize("case", SIGNING, ids=str)
async def test_a_session_is_signed_and_its_record_given_byte_for_byte(case: Case) -> None:
    model = Known()
    async with wired(case, model) as one:
        meter = signing(one)
        await meter.begin_session(MINE)
        add(model, 5_000)
        record = await meter.end_session(MINE)
        assert [record] == records(one)
        text = record.decode("ascii")
        assert text.startswith("OCMF|{") and text.isprintable() and MINE.transaction in text and MINE.client in text
        assert '"RV":1234.567' in text and '"RV":1239.567' in text
        assert is_signed(text) or case.driver == "iskra"
        assert await meter.end_session(MINE) == record  # asked for again


@pytest.mark.parametrize("case", SIGNING, ids=str)
async def test_the_cards_number_is_not_among_the_frames_shown(case: Case) -> None:
    seen: set[str] = set()

    class Watched(deque[tuple[float, bool, object]]):
        def append(self, item: tuple[float, bool, object]) -> None:
            super().append(item)
            seen.add(one.port.frames.lines()[-1])

    async with wired(case) as one:
        one.port.frames._kept = Watched(maxlen=32)
        await signing(one).begin_session(MINE)
        assert MINE.client.encode() in await signing(one).end_session(MINE)
    card = MINE.client.encode()
    assert any("not shown" in line for line in seen)
    for line in seen:
        raw = line.split(" ", 2)[2]
        assert MINE.client not in raw and not any(card[at : at + 4].hex(" ").upper() in raw for at in range(5)), line


@pytest.mark.parametrize("case", SIGNING, ids=str)
async def test_a_begin_that_is_repeated_changes_nothing(case: Case) -> None:
    model = Known()
    async with wired(case, model) as one:
        await signing(one).begin_session(MINE)
        add(model, 1_000)
        if case.driver != "gsh01":  # it does not tell whose session runs
            await signing(one).begin_session(MINE)
            add(model, 2_000)
        await signing(one).end_session(MINE)
        assert len(records(one)) == 1 and b'"RV":1234.567' in records(one)[0]


@pytest.mark.parametrize("case", SIGNING, ids=str)
async def test_after_a_restart_of_this_software_the_session_is_found_again(case: Case) -> None:
    async with wired(case) as one:
        await signing(one).begin_session(MINE)
        again = open_meter(case, one.port)
        assert isinstance(again, SignsSessions)
        record = await again.end_session(MINE)
        assert [record] == records(one)
        third = open_meter(case, one.port)
        assert isinstance(third, SignsSessions)
        assert await third.end_session(MINE) == record


@pytest.mark.parametrize("case", SIGNING, ids=str)
async def test_a_session_that_was_left_running_is_ended_before_the_next(case: Case) -> None:
    async with wired(case) as one:
        await signing(one).begin_session(OTHER)
        await signing(one).begin_session(MINE)
        record = await signing(one).end_session(MINE)
        assert [record] == records(one)[1:] and OTHER.transaction.encode() in records(one)[0]


@pytest.mark.parametrize("case", SIGNING, ids=str)
async def test_a_loss_of_the_meters_power_costs_no_record(case: Case) -> None:
    async with wired(case) as one:
        await signing(one).begin_session(MINE)
        one.face.restart()
        record = await signing(one).end_session(MINE)
        assert [record] == records(one)


@pytest.mark.parametrize("case", SIGNING, ids=str)
async def test_many_sessions_have_a_record_each_and_pages_without_a_gap(case: Case) -> None:
    model = Known()
    async with wired(case, model) as one:
        given = []
        for number in range(5):
            reference = msgspec.structs.replace(MINE, transaction=f"5b1f0c2e-{100 + number}")
            await signing(one).begin_session(reference)
            add(model, 1_000.0 * number)
            given.append(await signing(one).end_session(reference))
        assert given == records(one)
        assert [f'"PG":"T{number}"'.encode() in record for number, record in enumerate(given, 1)] == [True] * 5


@pytest.mark.parametrize("case", SIGNING, ids=str)
async def test_a_session_that_never_was_is_refused(case: Case) -> None:
    async with wired(case) as one:
        if case.driver == "iskra":
            await signing(one).begin_session(OTHER)
            await signing(one).end_session(OTHER)
        with pytest.raises(Refused, match="5b1f0c2e-17"):
            await signing(one).end_session(MINE)


@pytest.mark.parametrize("case", SIGNING, ids=str)
async def test_a_silent_meter_is_an_error(case: Case) -> None:
    async with wired(case) as one:
        one.detach()
        with pytest.raises(NoAnswer):
            await signing(one).begin_session(MINE)
        with pytest.raises(NoAnswer):
            await signing(one).end_session(MINE)


@pytest.mark.parametrize("case", [each for each in SIGNING if each.driver in ("lem", "iskra")], ids=str)
async def test_without_the_time_they_do_not_sign(case: Case) -> None:
    async with wired(case) as one:
        with pytest.raises(Refused):
            await signing(one).begin_session(msgspec.structs.replace(MINE, at=None))


async def test_a_corrupted_record_is_refused_and_never_patched() -> None:
    case = next(each for each in CASES if each.model == "EM580")
    async with wired(case) as one:
        one.face.corrupts = True
        await signing(one).begin_session(MINE)
        with pytest.raises(Refused, match="corrupted"):
            await signing(one).end_session(MINE)


async def test_lem_is_told_the_time_before_a_session_but_not_twice_within_two_minutes() -> None:
    case = next(each for each in CASES if each.driver == "lem")
    async with wired(case) as one:
        for number in range(2):
            reference = msgspec.structs.replace(MINE, transaction=f"t-{number}")
            await signing(one).begin_session(reference)
            await signing(one).end_session(reference)
        assert one.face.asked.count(("PUT", "/v1/settings")) == 1


async def test_lem_that_was_without_supply_is_told_the_time_at_once() -> None:
    case = next(each for each in CASES if each.driver == "lem")
    async with wired(case) as one:
        await signing(one).begin_session(OTHER)
        one.face.restart()
        await signing(one).begin_session(MINE)
        assert MINE.transaction.encode() in await signing(one).end_session(MINE)


def test_only_meters_that_sign_say_so() -> None:
    assert {case.driver for case in SIGNING} == {"carlo_gavazzi", "iskra", "lem", "gsh01"}


@pytest.mark.parametrize("case", [case for case in CASES if case not in SIGNING], ids=str)
async def test_the_others_have_no_sessions(case: Case) -> None:
    async with wired(case) as one:
        assert not isinstance(one.meter, SignsSessions)
