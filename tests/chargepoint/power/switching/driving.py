"""Runs a sequencer on a simulated plant, judged at every tick."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

import msgspec

from chargepoint.power.measured import Announcement, Measured, Orders, Stage, Wanted
from chargepoint.power.simulation.conductors import islands
from chargepoint.power.simulation.plant import Plant
from chargepoint.power.topology import Topology
from tests.chargepoint.power.switching.judge import Judge


class Ticking(Protocol):
    """What is driven."""

    def tick(self, wanted: Wanted, measured: Measured, now_mono_s: float, /) -> Orders: ...


S = TypeVar("S", bound=Ticking)


class Drive(Generic[S]):
    """One plant, one sequencer (`restart` makes a new one), one judge. `wanted` may be set at any time."""

    def __init__(
        self,
        plant: Plant,
        make: Callable[[Topology, S | None], S],
        *,
        tick_s: float = 0.1,
    ) -> None:
        self.plant = plant
        self.topology = plant.topology
        self.make = make
        self.tick_s = tick_s
        self.sequencer = make(plant.topology, None)
        delay_s, noise_v = plant.surroundings.delay_s, plant.surroundings.noise_v
        self.judge = Judge(plant.topology, plant, slack_s=2 * tick_s + delay_s, noise_v=noise_v)
        self.wanted = Wanted()
        self.orders = Orders()

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> float | None:
        """Lets time pass; with `until` only as long as that is not so. The seconds it took, None when it never was."""
        start_s = self.plant.now_s
        while self.plant.now_s - start_s < seconds - 1e-6:
            if until is not None and until():
                return self.plant.now_s - start_s
            self.tick()
        return None

    def tick(self) -> None:
        measured = self.plant.measured()
        self.orders = self.sequencer.tick(self.wanted, measured, self.plant.now_s)
        self.judge.tick(self.plant.now_s, self.wanted, measured, self.orders)
        self.plant.step(self.tick_s, self.orders)

    def restart(self) -> None:
        """The sequencer dies and a new one takes over, with no memory but what `make` gives it of the old one."""
        self.sequencer = self.make(self.topology, self.sequencer)
        self.judge.restart(self.plant.now_s)

    def want(self, links: Mapping[int, float]) -> None:
        """These links closed with these W; each connector may have what its links give together."""
        power_w: dict[int, float] = {}
        for number, each_w in links.items():
            connector = self.topology.links[number].connector
            power_w[connector] = power_w.get(connector, 0.0) + each_w
        grants = {}
        for connector, each_w in power_w.items():
            vehicle = self.plant.outlet(connector).vehicle
            voltage_v = vehicle.request_v if vehicle else 400.0
            grants[connector] = Announcement(current_a=each_w / voltage_v, power_w=each_w)
        self.wanted = Wanted(links=dict(links), grants=grants)

    def age(self, age_s: float) -> None:
        """The allocation is so old now."""
        self.wanted = msgspec.structs.replace(self.wanted, age_s=age_s)

    def missing(self) -> list[str]:
        """What is not yet as wanted, by the truth."""
        found = []
        needed = {name for number in self.wanted.links for name in self.topology.links[number].contactors}
        for name in self.topology.contactors:
            if self.plant.is_closed(name) != (name in needed):
                found.append(f"{name} {'closed' if self.plant.is_closed(name) else 'open'}")
        for connector, grant in self.wanted.grants.items():
            outlet = self.plant.outlet(connector)
            if outlet.stage is not Stage.CHARGING or outlet.vehicle is None:
                found.append(f"output {connector} {outlet.stage.value}")
                continue
            limit_a = grant.power_w / outlet.vehicle.request_v
            most_a = min(limit_a, outlet.vehicle.desire_a(outlet.soc))
            if outlet.current_a < 0.95 * most_a - 1:
                found.append(f"output {connector} {outlet.current_a:.0f} of {most_a:.0f} A")
        return found

    def is_reached(self) -> bool:
        return not self.missing()


def is_tree(topology: Topology, links: list[int]) -> bool:
    """Whether these links together close no ring."""
    names = {name for number in links for name in topology.links[number].contactors}
    closed = {name: topology.contactors[name].between for name in names}
    return not any(each.has_loop for each in islands(topology.buses, closed))
