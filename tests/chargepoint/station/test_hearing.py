"""How well a controller is heard, by what its polls gave."""

from __future__ import annotations

import asyncio

from chargepoint.clock import Clock
from chargepoint.station.hearing import Hearing
from chargepoint.vocabulary import ControllerStatus


async def test_a_silence_lasts_from_its_begin_until_the_answer() -> None:
    clock = Clock("boot")
    hearing, began = Hearing(clock), clock.mono()
    assert (hearing.is_silent, hearing.silent_for_s) == (False, 0.0)
    for _ in range(3):
        hearing.note_silence(clock.mono())
        await asyncio.sleep(1)
    assert (hearing.is_silent, hearing.silent_for_s) == (True, 3.0)
    assert hearing.note_answer() == 3.0
    assert (hearing.is_silent, hearing.heard_since - began) == (False, 3.0)
    await asyncio.sleep(1)
    assert hearing.note_answer() == 0.0
    assert hearing.heard_since - began == 3.0


async def test_how_long_a_controller_has_not_known_its_status_begins_anew_with_each_known_one() -> None:
    hearing = Hearing(Clock("boot"))
    found = []
    for status in ("F", "F", "B", "F", "F"):
        found.append(hearing.unknown_for_s(ControllerStatus(status)))
        await asyncio.sleep(1)
    assert found == [0.0, 1.0, 0.0, 0.0, 1.0]


async def test_what_is_not_polled_is_neither_silent_nor_unknown() -> None:
    clock = Clock("boot")
    hearing = Hearing(clock)
    hearing.note_silence(clock.mono())
    hearing.unknown_for_s(ControllerStatus.F_UNKNOWN)
    await asyncio.sleep(5)
    hearing.forget()
    assert not hearing.is_silent
    assert hearing.unknown_for_s(ControllerStatus.F_UNKNOWN) == 0.0
