"""Boxes and power modules with a will of their own, and bad luck in any order: no current without a transaction on
record, never more than was asked for, and all is well again afterwards."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drivers.simulated.bus import PortFaults
from drivers.simulated.can_line import CanFaults
from drivers.simulated.models import BankFaults
from drivers.simulated.module_bank import ModuleBank, ModuleFault
from tests.journeys.cabinets import clear_output, mishap, module_fails, switchings
from tests.journeys.oracles import books_faults, relay_faults
from tests.journeys.rig import Rig
from tests.journeys.test_foreign_controllers import BEHIND_A_CONTACTOR, BOXES
from tests.journeys.test_supply import STATION as ADVANTICS

STEPS = 25
AGAIN_S = 75.0
"""More than the rest of a contactor that was closed three times within a minute."""
LATE_S = 0.3
"""The end of a transaction is on record a moment after no current was seen."""
CARS: dict[str, dict[str, Any]] = {
    "AC": {"current_a": 16.0},
    "DC": {"current_a": 120.0, "soc_pct": 30.0, "battery_v": 400.0},
}

STATIONS = {
    **BOXES,
    "guarded": BEHIND_A_CONTACTOR,
    "advantics": ADVANTICS,
    "native": ADVANTICS.replace('driver = "advantics"\nport = "can"\naddress = 3', 'port = "bus"\naddress = 1', 1),
}
WIRES = {"advantics": ("can", "bank"), "native": ("bus", "bank")}
USUAL = frozenset({"native", "guarded", "advantics", *list(BOXES)[:1]})
"""Stations that meet their mishaps in each run, the others in the long ones."""
SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(100, 120))]


class Witness:
    """Looks at the truth ten times a second: when current flowed, and the most of it."""

    def __init__(self, rig: Rig) -> None:
        self.flowed: list[tuple[float, float]] = []
        self._rig = rig
        self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while True:
            self._rig.simulated.advance()
            connector = self._rig.simulated.state(0).connectors[0]
            current_a = max(connector.current_a)
            if current_a > 1.0:
                self.flowed.append((asyncio.get_running_loop().time(), current_a))
            await asyncio.sleep(0.1)

    async def faults(self) -> list[str]:
        """Current that flowed outside of all transactions, or more than the vehicle wanted."""
        self._task.cancel()
        starts, sessions = await self._rig.journal("TransactionStarted"), await self._rig.sessions()
        over = {each.session_id: each.stopped.mono_s for each in sessions if each.stopped is not None}
        times = [(row.moment.mono_s, over.get(row.entry.session_id or 0, 1e9) + LATE_S) for row in starts]
        stray = [at_s for at_s, _ in self.flowed if not any(since <= at_s <= until for since, until in times)]
        most_a = max((current_a for _, current_a in self.flowed), default=0.0)
        found = (
            [f"current outside of transactions: {stray[:3]} .. {stray[-3:]} ({len(stray)}), {times}"] if stray else []
        )
        return [*found, f"{most_a} A flowed"] if most_a > (120.5 if most_a > 40 else 16.2) else found


def deeds(rig: Rig, chance: random.Random, kind: str) -> list[Callable[[], object]]:
    """What people and bad luck do."""
    wires = WIRES.get(kind, ("box",))
    is_dc = kind in WIRES

    def plug() -> None:
        state = rig.simulated.state().connector(1)
        if state.vehicle is None and not state.vehicle_coming:
            rig.plug(**CARS["DC" if is_dc else "AC"])

    def unplug() -> None:
        if rig.simulated.state().connector(1).vehicle is not None:
            rig.unplug()

    def wire() -> None:
        name = chance.choice(wires)
        rig.simulated.cut(name) if chance.random() < 0.5 else rig.simulated.restore(name)

    def late() -> None:
        """What it hears it does, and what it says comes too late."""
        name = chance.choice(wires)
        if name == "bus" or not is_dc:
            rig.simulated.disturb(
                name, PortFaults(delay_s=chance.choice([0.0, 0.0, 1.5]), crc=chance.choice([0.0, 0.2]))
            )
        else:
            rig.simulated.disturb_can(name, CanFaults(bus_off=chance.random() < 0.3, drop=chance.choice([0, 0, 0.2])))

    found: list[Callable[[], object]] = [
        plug,
        plug,
        unplug,
        *[lambda: rig.simulated.tap("1", "04A2B3C4")] * 4,
        wire,
        wire,
        late,
        late,
        lambda: rig.simulated.fault(1, "reboot"),
    ]
    if kind == "guarded":
        found += [
            lambda: module_fails(rig, silent=chance.random() < 0.4),
            lambda: module_fails(rig, restart=True),
            lambda: mishap(rig, "K1", stuck_open=chance.random() < 0.3),
        ]
    if is_dc:
        number = chance.randint(1, 4)
        found += [
            lambda: rig.simulated.do("modules", "bank", BankFaults(module=number, restart=True)),
            lambda: rig.simulated.do("modules", "bank", BankFaults(module=number, fault=ModuleFault.MUTE)),
            lambda: rig.simulated.do("modules", "bank", BankFaults(clear=True)),
        ]
    return found


def heal(rig: Rig, kind: str) -> None:
    for name in WIRES.get(kind, ("box",)):
        rig.simulated.restore(name)
        if name == "bus" or kind not in WIRES:
            rig.simulated.disturb(name, PortFaults())
        else:
            rig.simulated.disturb_can(name, CanFaults())
    if kind in WIRES:
        rig.simulated.do("modules", "bank", BankFaults(clear=True))
    if kind == "guarded":
        module_fails(rig, silent=False)
        mishap(rig, "K1", stuck_open=False)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "kind", [kind if kind in USUAL else pytest.param(kind, marks=pytest.mark.long) for kind in STATIONS]
)
async def test_any_order_of_mishaps(tmp_path: Path, kind: str, seed: int) -> None:
    chance = random.Random(seed)
    async with Rig(tmp_path, STATIONS[kind], is_linked=False) as rig:
        await rig.advance(5)
        witness = Witness(rig)
        for _ in range(STEPS):
            chance.choice(deeds(rig, chance, kind))()
            await rig.advance(chance.choice([0.05, 0.3, 1.0, 3.0]))
            if chance.random() < 0.06:
                await rig.crash()
                await rig.advance(chance.choice([0.2, 2.0, 8.0]))
                await rig.boot_up()
        heal(rig, kind)
        await rig.advance(40)
        if rig.simulated.state().connector(1).vehicle is not None:
            rig.unplug()
        await rig.advance(5)
        if kind == "guarded":
            assert (await clear_output(rig, "K1")).ok
        await rig.until_status("AVAILABLE")
        await rig.advance(AGAIN_S)
        rig.plug(**CARS["DC" if kind in WIRES else "AC"])
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(3)
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.advance(5)
        found = await witness.faults()
        if kind in WIRES:
            bank = rig.simulated.model("modules", "bank")
            assert isinstance(bank, ModuleBank)
            assert not any(module.is_told_on for module in bank.modules.values())
        if kind == "guarded":
            found += relay_faults(1, switchings(rig), await rig.journal("TransactionStarted"), await rig.sessions())
            found += books_faults(rig.simulated.state(), await rig.sessions(), None, 10.0)  # its own relay is not alone
        else:
            await rig.check(is_reported=False)
        assert not found, "\n".join(found)
