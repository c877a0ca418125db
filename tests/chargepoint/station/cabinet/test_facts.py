"""What the cabinet keeps: the last word about a fact wins, however long the disk takes none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from chargepoint.clock import Clock
from chargepoint.config import OutputSettings
from chargepoint.station.cabinet.contactors import Contactor
from chargepoint.station.cabinet.facts import FAULT, RETRY_S, CabinetFacts
from chargepoint.station.cabinet.safety import LATCH
from chargepoint.storage.database import CannotRecord
from chargepoint.storage.journal import ASIDE
from chargepoint.vocabulary import Cause, OutputFunction


class Disk:
    """Books whose disk is full at times."""

    def __init__(self) -> None:
        self.facts: dict[str, bytes] = {}
        self.is_full = False

    async def write(self, *, facts: Mapping[str, bytes | None]) -> None:
        await asyncio.sleep(0.01)
        if self.is_full:
            raise CannotRecord("the disk is full")
        for key, value in facts.items():
            if value is None:
                self.facts.pop(key, None)
            else:
                self.facts[key] = value


def facts_on(disk: Disk) -> CabinetFacts:
    return CabinetFacts(cast(Any, disk), Clock("boot"))


def contactor() -> Contactor:
    return Contactor(OutputSettings(name="K1", function=OutputFunction.CONTACTOR, io="io", channel=0), 0.0)


async def test_a_latch_waits_for_a_full_disk() -> None:
    disk = Disk()
    facts = facts_on(disk)
    disk.is_full = True
    facts.latch("smoke")
    assert "smoke" in facts.latched
    await asyncio.sleep(RETRY_S / 2)
    assert not disk.facts
    disk.is_full = False
    await asyncio.sleep(RETRY_S)
    assert f"{LATCH}smoke" in disk.facts


async def test_what_was_cleared_meanwhile_does_not_come_back_with_the_disk() -> None:
    disk = Disk()
    facts, broken = facts_on(disk), contactor()
    broken.cause = Cause.CONTACTOR_WELDED
    disk.is_full = True
    facts.latch("smoke")
    facts.broke_down(broken)
    await asyncio.sleep(1.0)
    with pytest.raises(CannotRecord):
        await facts.unlatch("smoke")
    assert "smoke" in facts.latched, "not cleared before that is on record"
    disk.is_full = False
    await facts.unlatch("smoke")
    await facts.mended(broken, is_new=False)
    await asyncio.sleep(2 * RETRY_S)
    assert not disk.facts


async def test_active_again_while_a_technician_clears_it_is_latched() -> None:
    disk = Disk()
    facts = facts_on(disk)
    facts.latch("smoke")
    await asyncio.sleep(1.0)
    clearing = asyncio.create_task(facts.unlatch("smoke"))
    await asyncio.sleep(0)
    facts.latch("smoke")
    await clearing
    await asyncio.sleep(1.0)
    assert "smoke" in facts.latched
    assert f"{LATCH}smoke" in disk.facts
    await facts.unlatch("smoke")
    assert "smoke" not in facts.latched


async def test_the_last_word_wins() -> None:
    disk = Disk()
    facts = facts_on(disk)
    disk.is_full = True
    for value in (b"1", None, b"1", None):
        facts.keep("emergency/1", value)
        await asyncio.sleep(0.1)
    disk.is_full = False
    await asyncio.sleep(2 * RETRY_S)
    assert not disk.facts
    facts.keep("emergency/1", b"1")
    facts.keep("emergency/1", None)
    facts.keep("emergency/1", b"1")
    await asyncio.sleep(1.0)
    assert disk.facts == {"emergency/1": b"1"}


@pytest.mark.parametrize("damaged", [f"{ASIDE}{FAULT}K1", f"{FAULT}K1"])
async def test_a_damaged_fault_counts_as_the_worst(damaged: str) -> None:
    one = contactor()
    facts_on(Disk()).load({damaged: b"\xff?"}, [], [one])
    assert one.cause is Cause.CONTACTOR_WELDED
