"""What the sharing of power asks of a connector: its phases, what it takes, since when, at what voltage."""

from __future__ import annotations

import math

from chargepoint.power.allocation import Allocation
from chargepoint.power.sharing.losses import input_w
from chargepoint.power.topology import Topology
from chargepoint.station.limits import line_currents, lines_of
from chargepoint.station.outlet import Outlet
from chargepoint.vocabulary import PowerType
from drivers.interfaces import ControllerReading, VehicleData


def phases_of(outlet: Outlet) -> int:
    """How many phases its car uses, as far as it has told."""
    vehicle = outlet.vehicle
    return vehicle.phases if vehicle is not None and vehicle.phases else outlet.settings.phases


def since_s(outlet: Outlet, now: float) -> float:
    """Monotonic time at which its charge began; `now` without one."""
    session = outlet.session
    return session.started.mono_s if session is not None and session.started is not None else now


def asked_v(reading: ControllerReading | None, vehicle: VehicleData | None) -> float:
    """The voltage that a car needs, as far as it has said; 0: not known."""
    volts = reading.requested_voltage_v if reading is not None and reading.status.is_charging else None
    if not volts and vehicle is not None:
        volts = vehicle.start_voltage_v
    return volts if volts is not None and math.isfinite(volts) and volts > 0 else 0.0


def drawn_a(outlet: Outlet, grid_v: float, losses: float = 1.0) -> tuple[float, float, float]:
    """What the connector takes on each line of the grid; a silent one counts as its grant. DC: with `losses`, W of the
    grid for each W that it gives."""
    is_dc = outlet.settings.type.power_type is PowerType.DC
    if outlet.reading is not None and not outlet.link_lost:
        one, two, three = line_currents(outlet.settings, outlet.reading, phases_of(outlet), grid_v)
        return (one * losses, two * losses, three * losses) if is_dc else (one, two, three)
    each_a = outlet.grant.power_w * losses / (3 * grid_v) if is_dc else outlet.grant.current_a
    lines = lines_of(outlet.settings, outlet.settings.phases)
    one, two, three = (each_a if line in lines else 0.0 for line in range(3))
    return one, two, three


def drawn_w(outlet: Outlet) -> float:
    """What the connector really takes now: the controller's word; a silent one under lease counts as its grant."""
    if outlet.reading is None or outlet.link_lost:
        return outlet.grant.power_w
    return max(0.0, outlet.reading.power_w)


def losses_of(topology: Topology | None, allocation: Allocation) -> dict[int, float]:
    """By connector: W of the grid for each W that its groups give it, by their curves; those that lose nothing are left
    out. A station meter counts these losses as ours, not as a load of others."""
    if topology is None:
        return {}
    given_w: dict[int, float] = {}
    taken_w: dict[int, float] = {}
    for name, feed in allocation.feeds.items():
        given_w[feed.connector] = given_w.get(feed.connector, 0.0) + feed.power_w
        more_w = input_w(topology.groups[name], feed.power_w)
        taken_w[feed.connector] = taken_w.get(feed.connector, 0.0) + more_w
    return {number: taken_w[number] / total_w for number, total_w in given_w.items() if 0 < total_w < taken_w[number]}
