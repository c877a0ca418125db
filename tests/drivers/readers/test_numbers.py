"""From the bytes of a card to the number it is known by: forms, orders, lengths, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readers.numbers import (
    NO_SUCH_FORM,
    PARTIAL,
    RANDOM,
    SHARED,
    TOO_LONG,
    ByteOrder,
    Family,
    Form,
    Writing,
    all_forms,
    card_of,
    key_of,
    without_cascade_tags,
)


@pytest.mark.parametrize(
    ("number", "order", "form", "text"),
    [
        ("DEADBEEF", "normal", "hex", "DEADBEEF"),
        ("DEADBEEF", "reversed", "hex", "EFBEADDE"),
        ("DEADBEEF", "normal", "decimal", "3735928559"),
        ("DEADBEEF", "reversed", "decimal", "4022250974"),
        ("04A23B5A712E80", "normal", "hex", "04A23B5A712E80"),
        ("04A23B5A712E80", "reversed", "hex", "802E715A3BA204"),
        ("0102030405060708090A", "normal", "hex", "0102030405060708090A"),
        ("010063E9AE", "normal", "decimal10", "0006547886"),
        ("100086F444", "normal", "decimal10", "0008844356"),
        ("10006 47EB3".replace(" ", ""), "normal", "decimal10", "0006586035"),
        ("010001", "normal", "facility_card", "001,00001"),
        ("64EB13", "normal", "facility_card", "100,60179"),
        ("00D507D0", "normal", "facility_card", "213,02000"),
        ("00D507D0", "normal", "decimal10", "0013961168"),
        ("00D507D0", "normal", "decimal8", "13961168"),
        ("010001", "normal", "hex", "010001"),
    ],
)
def test_a_number_is_written_as_the_reader_is_set(number: str, order: str, form: str, text: str) -> None:
    card = card_of(bytes.fromhex(number), Writing(ByteOrder(order), Form(form)))
    assert (card.uid, card.refusal) == (text, "")


@pytest.mark.parametrize(
    ("number", "family", "refusal"),
    [
        ("08112233", Family.ISO14443A, RANDOM),
        ("08112233", Family.ISO14443, RANDOM),
        ("08112233445566", Family.ISO14443A, ""),
        ("08112233", Family.WIEGAND, ""),
        ("01FE112233445566", Family.FELICA, RANDOM),
        ("0101112233445566", Family.FELICA, ""),
        ("01020304", Family.ISO14443A, SHARED),
        ("00000000", Family.ISO14443A, SHARED),
        ("", Family.ISO14443A, PARTIAL),
        ("04A2", Family.ISO14443A, PARTIAL),
        ("04A23B5A71", Family.ISO14443A, PARTIAL),
        ("8804A23B", Family.ISO14443A, PARTIAL),
        ("8804A23B15", Family.OTHER, PARTIAL),
        ("0102030405060708090A0B", Family.ISO14443A, TOO_LONG),
        ("0102030405060708090A0B", Family.OTHER, TOO_LONG),
        ("00" * 400, Family.ISO14443A, TOO_LONG),
        ("0102030405060708", Family.ISO14443A, PARTIAL),
        ("E004010203040506", Family.ISO15693, ""),
    ],
)
def test_what_names_nobody_is_refused_and_never_cut(number: str, family: Family, refusal: str) -> None:
    card = card_of(bytes.fromhex(number), family=family)
    assert card.refusal == refusal
    assert card.uid == ("" if refusal else number)


@pytest.mark.parametrize(
    ("form", "refusal"),
    [(Form.DECIMAL10, NO_SUCH_FORM), (Form.DECIMAL8, NO_SUCH_FORM), (Form.FACILITY_CARD, NO_SUCH_FORM)],
)
def test_a_number_that_its_form_has_no_room_for_is_refused(form: Form, refusal: str) -> None:
    assert card_of(bytes.fromhex("04A23B5A712E80"), Writing(form=form)).refusal == refusal
    assert card_of(b"\xff" * 10, Writing(form=Form.DECIMAL)).refusal == TOO_LONG


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("8804A23B 5A712E80", "04A23B5A712E80"),
        ("8804A23B15 5A712E8085", "04A23B5A712E80"),
        ("88010203 88040506 0708090A", "0102030405060708090A"),
        ("04A23B5A712E80", "04A23B5A712E80"),
        ("DEADBEEF", "DEADBEEF"),
        ("8804A23B16 5A712E8085", "8804A23B165A712E8085"),
    ],
)
def test_cascade_tags_are_no_part_of_a_number(raw: str, number: str) -> None:
    assert without_cascade_tags(bytes.fromhex(raw)) == bytes.fromhex(number)


def test_a_random_number_is_the_same_card_at_each_reading() -> None:
    first, second = (card_of(bytes.fromhex(number), family=Family.ISO14443A) for number in ("08112233", "08445566"))
    assert key_of(first) == key_of(second)


def test_a_technician_sees_every_form_of_a_number() -> None:
    assert dict(all_forms(bytes.fromhex("DEADBEEF")))["decimal, reversed"] == "4022250974"
    assert len(all_forms(bytes.fromhex("DEADBEEF"))) == 10
    assert {name for name, _ in all_forms(bytes(7))} == {
        f"{form}, {order}" for form in ("hex", "decimal") for order in ("normal", "reversed")
    }
    assert all_forms(b"") == ()


@given(st.binary(max_size=40), st.sampled_from(Family), st.sampled_from(ByteOrder), st.sampled_from(Form))
def test_whatever_was_read_is_a_number_of_at_most_twenty_characters_or_refused(
    number: bytes, family: Family, order: ByteOrder, form: Form
) -> None:
    card = card_of(number, Writing(order, form), family)
    assert bool(card.uid) is not bool(card.refusal)
    assert len(card.uid) <= 20


@given(st.binary(min_size=4, max_size=10), st.binary(min_size=4, max_size=10))
def test_two_cards_never_become_one(one: bytes, other: bytes) -> None:
    cards = [card_of(number, family=Family.OTHER) for number in (one, other)]
    if all(card.uid for card in cards):
        same = without_cascade_tags(one) == without_cascade_tags(other)
        assert (cards[0].uid == cards[1].uid) is same
