"""Everything goes wrong in any order: an output never gets more than was asked for, and all is well again after it."""

from __future__ import annotations

import asyncio
import random

import pytest

from drivers.simulated.module_bank import ModuleFault, battery
from tests.drivers.power.rig import CASES, Case, Rig
from tests.variants import rest_long

NUMBERS = tuple(range(1, 7))
TOTAL_A = 120.0
QUIET_S = 60.0
"""After many bus-offs the port waits for up to 30 s before it begins anew."""
FAULTS = (ModuleFault.FAN, ModuleFault.PROTECTION, ModuleFault.MUTE, ModuleFault.CUT, ModuleFault.DUPLICATE)


def trouble(rig: Rig, choice: random.Random) -> None:
    """One more thing goes wrong, or right again."""
    number = choice.choice(NUMBERS)
    match choice.randrange(8):
        case 0 | 1:
            rig.bank.break_down(number, choice.choice(FAULTS))
        case 2 | 3:
            rig.bank.clear(number)
        case 4:
            rig.truth(number).restart()
        case 5:
            rig.line.bus_off()
        case 6:
            rig.line.is_silent = not rig.line.is_silent
        case _:
            rig.line.drop = choice.choice((0.0, 0.05, 0.2))


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("seed", rest_long(range(3)))
async def test_never_more_than_asked_and_well_again(case: Case, seed: int) -> None:
    choice = random.Random(seed)
    async with Rig(case, NUMBERS, load=battery(380.0)) as rig:
        await rig.charge(400.0, TOTAL_A)
        for _ in range(40):
            trouble(rig, choice)
            await asyncio.sleep(choice.uniform(0.1, 3.0))
            assert rig.bank.peak_a[""] <= TOTAL_A + 0.1
        rig.line.restore()
        for number in NUMBERS:
            rig.bank.clear(number)
        await asyncio.sleep(QUIET_S)
        assert all(reading.is_active and reading.alarms == () for reading in rig.modules.modules())
        assert rig.bank.current_a() == pytest.approx(TOTAL_A, abs=0.1)
        assert rig.bank.peak_a[""] <= TOTAL_A + 0.1
        rig.forget()
        rig.modules.switch_off(NUMBERS)
        await asyncio.sleep(0.5)
        assert not any(module.is_told_on for module in rig.bank.modules.values())
