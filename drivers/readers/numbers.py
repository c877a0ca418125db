"""What was read from a card -> the number under which it is known, or why it is none. Pure.

Sources: ISO/IEC 14443-3 (lengths 4, 7, 10; cascade tag 88; first byte 08 of a random number), OCPP 1.6 7.28 (idToken,
at most 20 characters); forms printed on cards (EM4100, Wiegand 26 bits) by public examples. A number is refused when it
is too long for its form, never cut: two cards must not become one.
"""

from __future__ import annotations

import enum
from functools import reduce
from operator import xor
from typing import Annotated

import msgspec
from msgspec import Meta

from drivers.interfaces import Card

MOST_CHARACTERS = 20
CASCADE_TAG = 0x88


class ByteOrder(enum.StrEnum):
    NORMAL = "normal"
    REVERSED = "reversed"


class Form(enum.StrEnum):
    """How a number is written. decimal8 are the lowest 24 bits, decimal10 the lowest 32, facility_card `FFF,CCCCC`
    the lowest 24."""

    HEX = "hex"
    DECIMAL = "decimal"
    DECIMAL8 = "decimal8"
    DECIMAL10 = "decimal10"
    FACILITY_CARD = "facility_card"


class Family(enum.StrEnum):
    """What was read, as far as the reader knows: it says which lengths a number may have."""

    ISO14443A = "ISO 14443 A"
    ISO14443 = "ISO 14443"
    ISO14443B = "ISO 14443 B"
    FELICA = "FeliCa"
    ISO15693 = "ISO 15693"
    EM4100 = "EM4100"
    WIEGAND = "Wiegand"
    OTHER = "card"


ByteOrderOption = Annotated[
    ByteOrder, Meta(description="normal: as the standard has it, first byte first; reversed: as other readers give it")
]
FormOption = Annotated[
    Form,
    Meta(
        description="how a number is written: hex; decimal; decimal8 (24 bits), decimal10 (32 bits), facility_card "
        "(`001,00001`, 24 bits) as printed on cards, for numbers of up to 5 bytes only"
    ),
]

LENGTHS: dict[Family, frozenset[int]] = {
    Family.ISO14443A: frozenset({4, 7, 10}),
    Family.ISO14443: frozenset({4, 7, 10}),
    Family.ISO14443B: frozenset({4}),
    Family.FELICA: frozenset({8}),
    Family.ISO15693: frozenset({8}),
    Family.EM4100: frozenset({5}),
    Family.WIEGAND: frozenset({3, 4}),
    Family.OTHER: frozenset({3, 4, 5, 7, 8, 10}),
}
CASCADED = frozenset({Family.ISO14443A, Family.ISO14443, Family.OTHER})
"""Families with cascade tags and random numbers."""
PRINTED_BITS = {Form.DECIMAL8: 24, Form.FACILITY_CARD: 24, Form.DECIMAL10: 32}
MOST_PRINTED = 5
"""Longer numbers have no such printed form."""

RANDOM = "This card or phone gives a random number each time. Please use another card."
SHARED = "Many phones and cards give this same number, it names nobody. Please use another card."
PARTIAL = "The card was not read completely. Please hold it still until the signal."
SEVERAL = "Several cards are at the reader. Please hold only one to it."
UNSUPPORTED = "The reader cannot read the number of this card. Please use another card."
TOO_LONG = f"The number of this card is longer than {MOST_CHARACTERS} characters. Please use another card."
NO_SUCH_FORM = "The number of this card cannot be written as this reader is set. Please use another card."

SHARED_NUMBERS = frozenset({bytes.fromhex("01020304"), bytes(4), bytes(7), bytes(10), b"\xff" * 4, b"\xff" * 7})
"""Placeholders of phones and blank cards."""
RANDOM_KEY = "random"


class Writing(msgspec.Struct, frozen=True):
    """How a reader's numbers are to be written."""

    byte_order: ByteOrder = ByteOrder.NORMAL
    form: Form = Form.HEX


AS_READ = Writing()


def card_of(
    number: bytes,
    writing: Writing = AS_READ,
    family: Family = Family.OTHER,
    kind: str = "",
    read_ms: float | None = None,
) -> Card:
    """The card of the bytes read, UID0 first; with `refusal` when nobody may be authorised by it."""
    made = Card(uid="", kind=kind or family.value, number=number[:32], read_ms=read_ms)
    if family in CASCADED:
        number = without_cascade_tags(number)
    if family in CASCADED and _is_level(number):
        return refused(made, PARTIAL)
    if len(number) > max(LENGTHS[family]) and 2 * len(number) > MOST_CHARACTERS:
        return refused(made, TOO_LONG)
    if len(number) not in LENGTHS[family]:
        return refused(made, PARTIAL)
    made = msgspec.structs.replace(made, number=number)
    if is_random(number, family):
        return refused(made, RANDOM)
    if number in SHARED_NUMBERS:
        return refused(made, SHARED)
    text = written(number, writing)
    if text is None:
        return refused(made, NO_SUCH_FORM)
    if len(text) > MOST_CHARACTERS:
        return refused(made, TOO_LONG)
    return msgspec.structs.replace(made, uid=text)


def refused(card: Card, reason: str) -> Card:
    """The same card as one by which nobody may be authorised."""
    return msgspec.structs.replace(card, uid="", refusal=reason)


def nobody(reason: str, kind: str = "", number: bytes = b"") -> Card:
    """Something at the reader that is no card with a number."""
    return Card(uid="", kind=kind, refusal=reason, number=number[:32])


def key_of(card: Card) -> str:
    """By what a card is known again while it lies there: a random number changes at each reading."""
    return RANDOM_KEY if card.refusal == RANDOM else card.number.hex() or card.refusal


def is_random(number: bytes, family: Family) -> bool:
    """Whether a number is another one at the next tap: DESFire in random mode, phones, FeliCa by NFC-DEP."""
    if family is Family.FELICA:
        return number[:2] == b"\x01\xfe"
    return family in CASCADED and len(number) == 4 and number[0] == 0x08


def _is_level(number: bytes) -> bool:
    """Whether these are only one or two levels of a longer number."""
    if number[:1] != bytes((CASCADE_TAG,)):
        return False
    return len(number) in (4, 8) or (len(number) == 5 and reduce(xor, number) == 0)


def without_cascade_tags(number: bytes) -> bytes:
    """The 7 or 10 bytes of a number that came with cascade tags, with or without check bytes of each level."""
    for size in (4, 5):  # bytes of a level, without and with its check byte
        levels = [number[at : at + size] for at in range(0, len(number), size)]
        if len(levels) not in (2, 3) or len(number) % size:
            continue
        tagged = all(level[0] == CASCADE_TAG for level in levels[:-1]) and levels[-1][0] != CASCADE_TAG
        checked = size == 4 or all(reduce(xor, level) == 0 for level in levels)
        if tagged and checked:
            return b"".join(level[1:4] for level in levels[:-1]) + levels[-1][:4]
    return number


def written(number: bytes, writing: Writing) -> str | None:
    """The number in its form; None when this form has no room for it."""
    ordered = number if writing.byte_order is ByteOrder.NORMAL else number[::-1]
    if writing.form is Form.HEX:
        return ordered.hex().upper()
    value = int.from_bytes(ordered, "big")
    if writing.form is Form.DECIMAL:
        return str(value)
    if len(number) > MOST_PRINTED:
        return None
    value &= (1 << PRINTED_BITS[writing.form]) - 1
    if writing.form is Form.FACILITY_CARD:
        return f"{value >> 16:03d},{value & 0xFFFF:05d}"
    return f"{value:0{8 if writing.form is Form.DECIMAL8 else 10}d}"


def all_forms(number: bytes) -> tuple[tuple[str, str], ...]:
    """The number in every byte order and form that has room for it, each with the words of its options."""
    found = []
    for order in ByteOrder:
        for form in Form:
            text = written(number, Writing(order, form)) if number else None
            if text is not None:
                found.append((f"{form.value}, {order.value}", text))
    return tuple(found)
