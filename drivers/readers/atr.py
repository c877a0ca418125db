"""What kind of card it is, by the ATR that a PC/SC reader makes for it. Pure.

Source: PC/SC part 3, 3.1.3.2.3 (storage cards: `3B 8F 80 01 80 4F 0C A0 00 00 03 06 SS NN NN 00 00 00 00 TCK`, cards of
ISO 14443-4: `3B 8n 80 01 history TCK`).
"""

from __future__ import annotations

from functools import reduce
from operator import xor

import msgspec

from drivers.readers.numbers import Family

STORAGE = bytes.fromhex("3B8F8001804F0CA000000306")
STORAGE_LENGTH = 20

STANDARDS = {
    0x01: Family.ISO14443A, 0x02: Family.ISO14443A, 0x03: Family.ISO14443A,
    0x05: Family.ISO14443B, 0x06: Family.ISO14443B, 0x07: Family.ISO14443B,
    0x09: Family.ISO15693, 0x0A: Family.ISO15693, 0x0B: Family.ISO15693, 0x0C: Family.ISO15693,
    0x11: Family.FELICA,
}  # fmt: skip
NAMES = {
    0x0001: "MIFARE Classic 1K", 0x0002: "MIFARE Classic 4K", 0x0003: "MIFARE Ultralight or NTAG",
    0x0026: "MIFARE Mini", 0x003B: "FeliCa",
}  # fmt: skip
WITH_HISTORY = {b"\x80": "DESFire"}


class CardKind(msgspec.Struct, frozen=True):
    """A family and a name for people."""

    family: Family
    name: str


def kind_of(atr: bytes) -> CardKind:
    """The kind of card; family OTHER where the ATR says nothing."""
    if is_damaged(atr):
        return CardKind(Family.OTHER, "card")
    if len(atr) == STORAGE_LENGTH and atr.startswith(STORAGE):
        family = STANDARDS.get(atr[12], Family.OTHER)
        return CardKind(family, NAMES.get(int.from_bytes(atr[13:15], "big"), family.value))
    if atr[:1] == b"\x3b" and atr[1] & 0xF0 == 0x80 and atr[2:4] == b"\x80\x01":
        history = atr[4 : 4 + (atr[1] & 0x0F)]
        return CardKind(Family.ISO14443, WITH_HISTORY.get(history, "ISO 14443-4 card"))
    return CardKind(Family.OTHER, "contact card" if atr else "card")


def is_damaged(atr: bytes) -> bool:
    """Whether an ATR is too short, or one of a contactless card with a wrong check byte."""
    if len(atr) < 2:
        return True
    is_contactless = atr[:1] == b"\x3b" and atr[1] & 0xF0 == 0x80 and atr[2:4] == b"\x80\x01"
    return is_contactless and reduce(xor, atr[1:]) != 0
