"""The loop over groups that several connectors share, with small fakes of modules, contactors and controllers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import msgspec

from chargepoint.config import OutputSettings
from chargepoint.power.measured import Announcement, MoveRecord, Result, Stage, Wanted
from chargepoint.power.modules import VoltageRange
from chargepoint.power.topology import Contactor as InstalledContactor
from chargepoint.power.topology import Group as InstalledGroup
from chargepoint.power.topology import Installed, Output, Topology
from chargepoint.records import Limit
from chargepoint.station.cabinet.contactors import Contactor
from chargepoint.station.cabinet.safety import Hold
from chargepoint.station.connector import Phase
from chargepoint.station.dc.coils import Coil
from chargepoint.station.dc.fed import Fed
from chargepoint.station.dc.feeding import Feeding
from chargepoint.station.dc.group import Group
from chargepoint.station.dc.supply_steps import Ability
from chargepoint.station.dc.topology import Place
from chargepoint.station.limits import module_heat_share
from chargepoint.station.outlet import Outlet
from chargepoint.vocabulary import Cause, ControllerStatus, HardwareFlag, OutputFunction
from drivers.interfaces import FailSafe, ModuleLimits, ModuleReading, PowerDemand, SupplyOutput
from tests.chargepoint.station.readings import reading

LIMITS = ModuleLimits(1000.0, 150.0, 66.5, 20_000.0)
RANGE = VoltageRange(min_voltage_v=150, max_voltage_v=1000, max_current_a=66.5, max_power_w=20_000)
BATTERY_V = 400.0
IDLE = reading(status=ControllerStatus.A_NOT_CONNECTED)
TESTING = reading(status=ControllerStatus.C4_PRECHARGE, voltage_v=0.0)
CHARGING = reading(status=ControllerStatus.C6_CHARGING, flags=HardwareFlag.OUTPUT_RELAY, voltage_v=BATTERY_V)


class Clock:
    def mono(self) -> float:
        return asyncio.get_running_loop().time()


class Bank:
    """Modules of numbers 1, 2, ... that do as they are told at once; what is joined to a battery has its voltage."""

    fail_safe, silent_off_s = FailSafe.OPENS, 10.0

    def __init__(self, count: int) -> None:
        self.readings = {
            n: ModuleReading(n, True, limits=LIMITS, voltage_v=0.0, current_a=0.0) for n in range(1, count + 1)
        }

    async def run(self) -> None:
        await asyncio.Event().wait()

    def modules(self) -> tuple[ModuleReading, ...]:
        return tuple(self.readings.values())

    def set(self, number: int, **more: Any) -> None:
        self.readings[number] = msgspec.structs.replace(self.readings[number], **more)

    def set_output(self, modules: Sequence[int], voltage_v: float, current_a: float, valid_for_s: float) -> None:
        for number in modules:
            volts = min(voltage_v, BATTERY_V) if current_a > 0 else voltage_v
            self.set(number, is_on=True, voltage_v=volts, current_a=current_a / len(modules))

    def switch_off(self, modules: Sequence[int]) -> None:
        for number in modules:
            self.set(number, is_on=False, voltage_v=0.0, current_a=0.0)


class Controller:
    def __init__(self) -> None:
        self.wanted = PowerDemand(False)
        self.told: list[SupplyOutput] = []

    def demand(self) -> PowerDemand:
        return self.wanted

    def report(self, output: SupplyOutput) -> None:
        self.told.append(output)


class Relays:
    """The I/O module of all contactors: outputs follow what is written, feedback follows outputs, but for mishaps."""

    def __init__(self, contactors: dict[str, Contactor]) -> None:
        self.contactors = contactors
        self.outputs = dict.fromkeys(contactors, False)
        self.stuck_open: set[str] = set()
        self.welded: set[str] = set()
        self.closings: list[str] = []

    async def run(self) -> None:
        while True:
            self.poll()
            await asyncio.sleep(0.1)

    def poll(self) -> None:
        for name, contactor in self.contactors.items():
            order = contactor.tick(self.outputs[name], self.is_closed(name), asyncio.get_running_loop().time())
            if order is not None:
                self.closings += [name] * (order and not self.outputs[name])
                self.outputs[name] = order
                contactor.taken()

    def is_closed(self, name: str) -> bool:
        return name in self.welded or (self.outputs[name] and name not in self.stuck_open)


class Bench:
    """Two groups of one module each, two outputs, a contactor from each to each."""

    def __init__(self) -> None:
        clock = cast(Any, Clock())
        now = clock.mono()
        topology = Topology(
            Installed(
                groups=tuple(InstalledGroup(name=f"G{n}", ranges=(RANGE,)) for n in (1, 2)),
                outputs=(Output(connector=1, bus="Q1"), Output(connector=2, bus="Q2")),
                contactors=tuple(
                    InstalledContactor(name=f"K{g}{n}", between=(f"G{g}", f"Q{n}")) for g in (1, 2) for n in (1, 2)
                ),
            )
        )
        self.bank = Bank(2)
        rated = Ability(1, 1000.0, 66.5, 20_000.0)
        groups = {f"G{n}": Group(f"G{n}", Place("bank", (n,)), self.bank, rated) for n in (1, 2)}
        self.contactors = {name: self.contactor(name, now) for name in topology.contactors}
        self.relays = Relays(self.contactors)
        self.controllers = {n: Controller() for n in (1, 2)}
        self.outlets = {n: self._outlet(n) for n in (1, 2)}
        every = tuple(groups.values())
        feds = {n: Fed(cast(Outlet, self.outlets[n]), self.controllers[n], every) for n in (1, 2)}
        self.feeding = Feeding(topology, groups, feds, {n: Coil(n, c) for n, c in self.contactors.items()}, clock)
        self.links: dict[str, int] = {}
        self.feeding.wanted = self.wanted
        self.moves: list[MoveRecord] = []
        self.feeding.moved = self.moves.append
        self.holds: dict[str, Hold | None] = {}
        self.feeding.hold = self.holds.__setitem__
        self.changes = 0
        self.feeding.changed = self._changed

    @staticmethod
    def contactor(name: str, now: float) -> Contactor:
        feedback = f"{name}-in"
        return Contactor(
            OutputSettings(name=name, function=OutputFunction.CONTACTOR, io="io", channel=0, feedback=feedback), now
        )

    def _outlet(self, number: int) -> Any:
        return SimpleNamespace(
            number=number, reading=IDLE, grant=Limit(200.0, 80_000.0, "test"), is_heard=True, latched=Cause.NONE,
            hold=None, phase=Phase.EMPTY, permission=SimpleNamespace(holds=True), in_transaction=False,
        )  # fmt: skip

    def _changed(self) -> None:
        self.changes += 1

    def wanted(self) -> Wanted:
        links = [self.feeding.topology.link(group, number) for group, number in self.links.items()]
        grants = {
            n: Announcement(current_a=o.grant.current_a, power_w=o.grant.power_w) for n, o in self.outlets.items()
        }
        return Wanted(links={link: 20_000.0 for link in links if link is not None}, grants=grants)

    def begin(self, number: int, status: Any = CHARGING, asked_a: float = 100.0) -> None:
        outlet = self.outlets[number]
        outlet.phase, outlet.reading, outlet.in_transaction = Phase.CHARGING, status, True
        self.controllers[number].wanted = PowerDemand(True, BATTERY_V + 20, asked_a)

    async def start(self, number: int) -> None:
        """From the insulation test to the charge, as a controller does it."""
        self.begin(number, TESTING)
        await asyncio.sleep(4)
        self.begin(number)

    def current_a(self, number: int) -> float:
        return self.bank.readings[number].current_a or 0.0


@asynccontextmanager
async def bench(*closed: str) -> AsyncIterator[Bench]:
    """With these contactors found closed."""
    made = Bench()
    made.relays.outputs |= dict.fromkeys(closed, True)
    made.relays.poll()
    tasks = [asyncio.create_task(made.relays.run()), asyncio.create_task(made.feeding.run())]
    try:
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_the_first_group_comes_for_the_tests_and_the_second_once_it_charges() -> None:
    async with bench() as at:
        at.links = {"G1": 1, "G2": 1}
        at.begin(1, TESTING)
        await asyncio.sleep(4)
        assert at.relays.closings == ["K11"]
        assert 0 < at.current_a(1) <= 2.0
        at.begin(1)
        await asyncio.sleep(12)
        assert sorted(at.relays.closings) == ["K11", "K21"]
        assert at.current_a(1) + at.current_a(2) == 100.0
        output = at.controllers[1].told[-1]
        assert (output.current_a, output.max_power_w) == (100.0, 40_000.0)


async def test_a_group_changes_hands_without_current_and_the_move_is_told() -> None:
    async with bench() as at:
        at.links = {"G1": 1, "G2": 1}
        await at.start(1)
        await asyncio.sleep(12)
        at.links = {"G1": 1, "G2": 2}
        await at.start(2)
        await asyncio.sleep(12)
        assert at.relays.closings[-1] == "K22"
        assert not at.relays.outputs["K21"]
        assert at.current_a(1) == 50.0
        moved = [move for move in at.moves if move.group == "G2" and move.to_connector == 2]
        assert [move.result for move in moved] == [Result.DONE]
        opened = next(each for each in moved[0].operations if not each.closes)
        assert opened.contactor == "K21" and opened.current_a <= 1.0


async def test_nothing_has_current_where_the_controller_asks_for_none_or_the_permission_ends() -> None:
    async with bench() as at:
        at.links = {"G1": 1}
        await at.start(1)
        await asyncio.sleep(8)
        assert at.current_a(1) > 40
        at.controllers[1].wanted = PowerDemand(False)
        await asyncio.sleep(0.11)
        assert at.current_a(1) == 0.0
        at.begin(1)
        await asyncio.sleep(8)
        assert at.current_a(1) > 40
        at.outlets[1].permission = SimpleNamespace(holds=False)
        await asyncio.sleep(0.11)
        assert not at.bank.readings[1].is_on
        await asyncio.sleep(6)
        assert not any(at.relays.outputs.values())


async def test_when_the_loop_dies_the_contactors_open_by_their_lease_after_the_modules() -> None:
    at = Bench()
    at.relays.poll()
    relays, feeding = asyncio.create_task(at.relays.run()), asyncio.create_task(at.feeding.run())
    at.links = {"G1": 1}
    await at.start(1)
    await asyncio.sleep(8)
    feeding.cancel()
    await asyncio.wait([feeding])
    closed = [at.relays.is_closed("K11")]
    assert not at.bank.readings[1].is_on
    await asyncio.sleep(3.5)
    closed.append(at.relays.is_closed("K11"))
    assert closed == [True, False]
    relays.cancel()
    await asyncio.wait([relays])


async def test_a_contactor_that_does_not_close_is_latched_and_told() -> None:
    async with bench() as at:
        at.relays.stuck_open.add("K11")
        at.links = {"G1": 1}
        at.begin(1, TESTING)
        await asyncio.sleep(6)
        assert at.contactors["K11"].cause is Cause.CONTACTOR_FAILED
        assert at.feeding.faults().stuck_open == {"K11"}
        assert at.changes > 0


async def test_a_weld_is_latched_with_the_cabinet_and_counts_again_once_it_was_cleared() -> None:
    async with bench() as at:
        at.links = {"G1": 1}
        await at.start(1)
        await asyncio.sleep(8)
        at.relays.welded.add("K11")
        at.links = {}
        at.outlets[1].phase, at.outlets[1].reading = Phase.CHARGED, IDLE
        await asyncio.sleep(12)
        assert at.contactors["K11"].cause is Cause.CONTACTOR_WELDED
        assert at.feeding.faults().welded == {"K11"}
        at.relays.welded.clear()
        await asyncio.sleep(1)
        assert at.contactors["K11"].clear(asyncio.get_running_loop().time())
        await asyncio.sleep(0.5)
        assert at.feeding.faults().welded == frozenset()


async def test_a_contactor_that_fell_off_is_not_closed_again_before_it_was_ordered_open() -> None:
    async with bench() as at:
        at.links = {"G1": 1}
        await at.start(1)
        await asyncio.sleep(8)
        closings = len(at.relays.closings)
        at.relays.stuck_open.add("K11")
        await asyncio.sleep(0.5)
        at.relays.stuck_open.clear()
        await asyncio.sleep(0.4)
        assert len(at.relays.closings) == closings


@asynccontextmanager
async def found_running(**links: int) -> AsyncIterator[Bench]:
    """Both groups are found on output 1 with 40 A each, which goes on; `links` are what is wanted first."""
    at = Bench()
    for name, number in (("K11", 1), ("K21", 2)):
        at.relays.outputs[name] = True
        at.bank.set(number, is_on=True, voltage_v=BATTERY_V, current_a=40.0)
    at.relays.poll()
    at.links = links
    at.begin(1, asked_a=80.0)
    tasks = [asyncio.create_task(at.relays.run()), asyncio.create_task(at.feeding.run())]
    try:
        yield at
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_a_running_charge_goes_on_with_all_of_its_current_when_the_software_begins() -> None:
    async with found_running(G1=1, G2=1) as at:
        for _ in range(30):
            await asyncio.sleep(0.1)
            assert 79.0 <= at.current_a(1) + at.current_a(2) <= 80.0
        assert at.relays.closings == []


async def test_a_group_found_closed_that_is_given_elsewhere_does_not_pull_the_others_down() -> None:
    async with found_running(G1=1, G2=2) as at:
        at.begin(2, TESTING)
        least_a, most_a = 80.0, 0.0
        for _ in range(60):
            await asyncio.sleep(0.1)
            least_a = min(least_a, at.current_a(1))
            most_a = max(most_a, at.current_a(1) + at.current_a(2))
        assert least_a >= 39.0
        assert most_a <= 80.0
        assert at.relays.closings == ["K22"]


def test_a_contactor_found_closed_that_opens_at_once_is_not_closed_by_the_order_to_keep_it() -> None:
    contactor = Bench.contactor("K11", 0.0)
    coil, written = Coil("K11", contactor), []
    for tenth in range(30):
        is_closed, now = tenth < 3, tenth / 10  # then its module begins anew
        written.append(contactor.tick(is_closed, is_closed, now))
        contactor.taken()
        coil.order(True, now)
    assert True not in written


async def test_a_contactor_that_only_rests_is_not_taken_for_failed() -> None:
    at = Bench()
    at.contactors["K11"].remember_closings([0.0, 0.01, 0.02], 0.03)
    at.relays.poll()
    at.links = {"G1": 1}
    tasks = [asyncio.create_task(at.relays.run()), asyncio.create_task(at.feeding.run())]
    at.begin(1, TESTING)
    await asyncio.sleep(10)
    assert at.relays.closings == []
    assert at.feeding.measured.resting == {"K11"}
    assert at.feeding.faults().stuck_open == frozenset()
    await asyncio.sleep(120)
    assert at.relays.closings == ["K11"]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_what_is_found_closed_under_a_running_charge_is_taken_over() -> None:
    at = Bench()
    at.relays.outputs["K11"] = True
    at.relays.poll()
    at.links = {"G1": 1}
    at.begin(1)
    at.bank.set(1, is_on=True, voltage_v=BATTERY_V, current_a=40.0)
    assert {name: feed.connector for name, feed in at.feeding.found().items()} == {"G1": 1}
    tasks = [asyncio.create_task(at.relays.run()), asyncio.create_task(at.feeding.run())]
    await asyncio.sleep(0.15)
    assert at.feeding.measured.outputs[1].stage is Stage.CHARGING
    assert at.current_a(1) > 0
    await asyncio.sleep(8)
    assert at.relays.closings == []
    assert at.relays.outputs["K11"]
    assert at.current_a(1) > 40
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_while_modules_were_not_heard_nothing_is_ordered_and_they_count_as_rated() -> None:
    async with bench("K11") as at:
        for number in (1, 2):
            at.bank.set(number, is_online=False, limits=None)
        at.begin(1)
        await asyncio.sleep(1)
        assert at.relays.outputs["K11"]
        output = at.controllers[1].told[-1]
        assert output.is_able and output.max_power_w == 40_000.0
        assert at.feeding.faults().groups == frozenset()
        await asyncio.sleep(4)
        assert not at.controllers[1].told[-1].is_able
        assert at.feeding.faults().groups == {"G1", "G2"}


async def test_a_module_that_is_hot_lowers_what_its_group_counts_for() -> None:
    async with bench() as at:
        at.bank.set(1, temperature_c=80.0)
        await asyncio.sleep(4)
        derating = at.feeding.faults().derating
        assert derating.keys() == {"G1"}
        assert module_heat_share(80.0) - 0.05 < derating["G1"] <= module_heat_share(80.0) < 1
        before = at.changes
        at.bank.set(1, temperature_c=80.2)
        await asyncio.sleep(0.3)
        assert at.changes == before, "a fifth of a degree is no news"


def test_what_is_left_of_a_group_is_told_in_steps_that_do_not_come_and_go() -> None:
    bank = Bank(2)
    group, installed = Group("G", Place("bank", (1, 2)), bank), InstalledGroup(name="G", ranges=(RANGE,), modules=2)

    def share(**more: Any) -> float:
        bank.set(2, **more)
        group.look(bank.modules())
        return group.share(installed)

    assert share() == 1.0
    assert share(has_fault=True) == 0.5, "one of two is left"
    assert share(has_fault=False) == 1.0
    assert share(temperature_c=78.5) == share(temperature_c=78.2) == share(temperature_c=78.5) == 0.85
    assert share(temperature_c=77.0) == 0.9
    assert share(temperature_c=40.0) == 1.0
    assert share(is_online=False) == 0.5


async def test_modules_that_have_not_said_what_they_can_give_yet_are_not_counted_out_at_the_start() -> None:
    async with bench() as at:
        at.bank.set(1, limits=None)
        await asyncio.sleep(1)
        assert at.feeding.faults().derating == {}
        await asyncio.sleep(4)
        assert at.feeding.faults().derating == {"G1": 0.0}
