"""Lights, buzzer and firmware of PC/SC readers that have commands of their own for them: bytes only.

Sources: ACS, ACR122U API manual (commands `FF 00 ...`, sent like a card's); escape commands of ACR1252 and its
relatives (`E0 00 00 ...`, by SCardControl) as public code has them. Which bit of their behaviour byte is the tone at
each card is from memory.
"""

from __future__ import annotations

import enum
import re

import msgspec

from drivers.interfaces import CardSignal


class Model(enum.StrEnum):
    AUTO = "auto"
    ACR122U = "acr122u"
    ACR1252 = "acr1252"
    PLAIN = "plain"


class Abilities(msgspec.Struct, frozen=True):
    """What a model understands. `is_escape`: by SCardControl; otherwise as commands to the card while one is there, by
    SCardControl while none is. `own_beep_off`: the reader's own tone at each card; `version`: its firmware."""

    is_escape: bool = False
    own_beep_off: tuple[bytes, ...] = ()
    version: bytes = b""
    signals: dict[CardSignal, tuple[bytes, ...]] = {}


def _lights_122(final_and_blink: int, t1: int, t2: int, times: int, sound: int) -> bytes:
    """LEDs and buzzer of an ACR122U; times in 100 ms."""
    return bytes((0xFF, 0x00, 0x40, final_and_blink, 0x04, t1, t2, times, sound))


def _buzzer(tens_of_ms: int) -> bytes:
    return bytes((0xE0, 0x00, 0x00, 0x28, 0x01, tens_of_ms))


def _lights(mask: int) -> bytes:
    """Bit 0 red, bit 1 green."""
    return bytes((0xE0, 0x00, 0x00, 0x29, 0x01, mask))


ABILITIES: dict[Model, Abilities] = {
    Model.PLAIN: Abilities(),
    Model.ACR122U: Abilities(
        own_beep_off=(bytes.fromhex("FF00520000"),),
        version=bytes.fromhex("FF00480000"),
        signals={
            CardSignal.WAIT: (_lights_122(0x0F, 0, 0, 0, 0),),
            CardSignal.ACCEPTED: (_lights_122(0xAE, 2, 0, 1, 1),),
            CardSignal.REFUSED: (_lights_122(0x50, 1, 1, 3, 1),),
        },
    ),
    Model.ACR1252: Abilities(
        is_escape=True,
        own_beep_off=(bytes.fromhex("E00000210187"),),
        version=bytes.fromhex("E000001800"),
        signals={
            CardSignal.WAIT: (_lights(0x03),),
            CardSignal.ACCEPTED: (_lights(0x02), _buzzer(15)),
            CardSignal.REFUSED: (_lights(0x01), _buzzer(60)),
        },
    ),
}
NAMES: tuple[tuple[str, Model], ...] = ((r"ACR122", Model.ACR122U), (r"ACR(1252|1255|1281|1251|1552)", Model.ACR1252))


def model_of(name: str, model: Model) -> Model:
    """The model as set, or by the reader's name."""
    if model is not Model.AUTO:
        return model
    return next((known for pattern, known in NAMES if re.search(pattern, name)), Model.PLAIN)


def version_in(answer: bytes) -> str:
    """The firmware's text in an answer, with or without the escape's header; empty when there is none."""
    if answer[:4] == b"\xe1\x00\x00\x00":
        answer = answer[5 : 5 + answer[4]] if len(answer) > 5 else b""
    text = answer.removesuffix(b"\x90\x00").decode("ascii", "replace")
    return text.strip("\x00 ") if text.strip("\x00 ").isprintable() else ""
