"""Which connector is kept for whom."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from chargepoint.messages import Reservation
from chargepoint.records import Credential
from chargepoint.station.connector import Phase
from chargepoint.station.reservations import Place, answer_to, ended, is_for, is_over, keeping, place_of, used_by
from chargepoint.station.status import Facts
from chargepoint.vocabulary import Cause, ConnectorFlag, CredentialType
from tests.chargepoint.station.readings import reading

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
HOLDER, STRANGER = "04A2B3C4", "0BADCAFE"


def reservation(
    number: int = 1, connector: int = 1, tag: str = HOLDER, parent: str = "", lasts_s: float = 60
) -> Reservation:
    return Reservation(number, connector, tag, NOW + timedelta(seconds=lasts_s), parent)


def card(tag: str, parent: str = "") -> Credential:
    return Credential(tag, CredentialType.RFID, parent)


def places(*states: str, claims: dict[int, int] | None = None) -> list[Place]:
    return [Place(n, state, (claims or {}).get(n)) for n, state in enumerate(states, 1)]  # type: ignore[arg-type]


def test_a_reservation_is_for_its_idtag_and_its_group_alone() -> None:
    kept = reservation(parent="Fleet")
    assert is_for(kept, card(HOLDER.lower()))
    assert is_for(kept, card(STRANGER, "FLEET"))
    assert not is_for(kept, card(STRANGER))
    assert not is_for(reservation(), card(STRANGER))  # no group is no group of anybody's


def test_it_is_over_at_its_time_not_before() -> None:
    kept = reservation(lasts_s=60)
    assert not is_over(kept, NOW + timedelta(seconds=59.9))
    assert is_over(kept, NOW + timedelta(seconds=60))


def test_one_by_number_keeps_that_connector() -> None:
    kept = reservation(connector=2)
    assert keeping(2, places("free", "free"), [kept]) == (kept,)
    assert keeping(1, places("free", "free"), [kept]) == ()


@pytest.mark.parametrize("free", range(4))
@pytest.mark.parametrize("reserved", range(1, 4))
def test_of_those_at_large_each_has_a_free_connector_left(free: int, reserved: int) -> None:
    """However strangers start where they may, the holders find one connector each, if there ever were so many."""
    kept = [reservation(n, 0, f"HOLDER{n}") for n in range(1, reserved + 1)]
    states = ["free"] * free + ["occupied"] * (3 - free)
    now = places(*states)
    while open_ones := [place for place in now if place.state == "free" and not keeping(place.number, now, kept)]:
        states[open_ones[0].number - 1] = "occupied"
        now = places(*states)
    assert states.count("free") == min(free, reserved)
    for place in now:
        if place.state == "free":
            assert all(used_by(card(each.id_tag), place.number, now, kept) is each for each in kept)


def test_a_holder_who_is_awaited_needs_no_other_connector() -> None:
    kept = [reservation(7, 0)]
    assert keeping(2, places("occupied", "free"), kept) == tuple(kept)
    assert keeping(2, places("occupied", "free", claims={1: 7}), kept) == ()
    assert keeping(2, places("free", "free"), kept, keeps_all=True) == tuple(kept)
    assert keeping(2, places("occupied", "free", claims={1: 7}), kept, keeps_all=True) == ()


def test_the_more_special_reservation_is_used_first() -> None:
    special, any_one = reservation(1, 1), reservation(2, 0)
    group = reservation(3, 0, "LEADER", "FLEET")
    free = places("free", "free", "free")
    assert used_by(card(HOLDER), 1, free, [any_one, special]) is special
    assert used_by(card(HOLDER), 2, free, [any_one, special]) is any_one
    assert used_by(card(STRANGER), 2, free, [any_one, special]) is None
    member = card(STRANGER, "FLEET")
    assert used_by(member, 2, free, [group]) is None  # there is room besides: it stays for who it names
    assert used_by(member, 2, places("occupied", "free"), [group]) is group


@pytest.mark.parametrize(
    ("wanted", "states", "others", "expected"),
    [
        (reservation(), ("free",), [], "ok"),
        (reservation(), ("occupied",), [], "occupied"),
        (reservation(), ("faulted",), [], "faulted"),
        (reservation(), ("unavailable",), [], "unavailable"),
        (reservation(connector=2), ("free",), [], "unknown_connector"),
        (reservation(lasts_s=0), ("free",), [], "expired"),
        (reservation(lasts_s=1e9), ("free",), [], "ok"),
        (reservation(), ("free",), [reservation(2)], "occupied"),
        (reservation(), ("free",), [reservation(1, tag=STRANGER)], "ok"),  # the same id: it is replaced
        (reservation(), ("free",), [reservation(2, 0)], "occupied"),
        (reservation(), ("free", "free"), [reservation(2, 0)], "ok"),
        (reservation(connector=0), ("free",), [], "ok"),
        (reservation(connector=0), ("free", "occupied"), [reservation(2, 0)], "occupied"),
        (reservation(connector=0), ("free", "free"), [reservation(2, 2)], "ok"),
        (reservation(connector=0), ("faulted", "unavailable"), [], "unavailable"),
        (reservation(connector=0), ("faulted", "faulted"), [], "faulted"),
        (reservation(connector=0), ("occupied", "faulted"), [], "occupied"),
    ],
)
def test_what_is_answered(
    wanted: Reservation, states: tuple[str, ...], others: list[Reservation], expected: str
) -> None:
    assert answer_to(wanted, places(*states), others, NOW) == expected


def test_what_is_granted_can_always_be_honoured() -> None:
    """Whatever is asked for in whatever order: there are never more reservations than connectors to honour them."""
    for asked in itertools.product((0, 1, 2, 3), repeat=4):
        free = places("free", "free", "free")
        granted: list[Reservation] = []
        for number, connector in enumerate(asked, 1):
            wanted = reservation(number, connector, f"HOLDER{number}")
            if answer_to(wanted, free, granted, NOW) == "ok":
                granted.append(wanted)
        named = [each.connector for each in granted if each.connector]
        assert len(set(named)) == len(named)
        assert len(granted) <= 3


@pytest.mark.parametrize(
    ("facts", "state", "ends_after_s"),
    [
        (Facts(reading=reading("A")), "free", None),
        (Facts(reading=reading("B"), phase=Phase.PLUGGED), "occupied", None),
        (Facts(reading=reading("A"), phase=Phase.BOOKED), "occupied", None),
        (Facts(reading=reading("A"), phase=Phase.AWAY), "occupied", None),
        (Facts(reading=reading("E6")), "faulted", 0.0),
        (Facts(reading=reading("E1"), phase=Phase.PLUGGED), "occupied", None),  # the vehicle's fault, not ours
        (Facts(reading=reading("A"), latched=Cause.CONTACTOR_WELDED), "faulted", 0.0),
        (Facts(reading=reading("A"), is_disabled=True), "unavailable", 0.0),
        (Facts(reading=reading("A"), meter_lost=True), "faulted", 60.0),
        (Facts(link_lost=True, flags=ConnectorFlag.NO_LINK), "faulted", 60.0),
        (Facts(), "unavailable", None),  # it has just been started
        (Facts(reading=reading("A"), no_power=True), "unavailable", None),
    ],
)
def test_how_a_connector_stands(facts: Facts, state: str, ends_after_s: float | None) -> None:
    place = place_of(1, facts, None)
    assert (place.state, place.ends_after_s) == (state, ends_after_s)


def test_what_is_out_of_order_ends_its_reservation() -> None:
    one, two, any_one = reservation(1, 1), reservation(2, 2), reservation(3, 0)
    kept = [one, two, any_one]
    out, silent, fine = Place(1, "faulted", None, 0.0), Place(2, "faulted", None, 60.0), Place(2, "free")
    assert ended(kept, [out, fine], {1: 0.0}) == [one]
    assert ended(kept, [out, silent], {1: 30.0, 2: 30.0}) == [one]
    assert ended(kept, [out, silent], {1: 60.0, 2: 60.0}) == kept
    assert ended(kept, [], {}) == []
