"""Why a car is charged as fast as it is: one line for its driver, the first rule that holds (hmi.md 4). Pure; screen
and web say the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from chargepoint.messages import ClimateState, ConnectorState, PowerState
from chargepoint.vocabulary import ControllerStatus, HardwareFlag, PowerType

HOT_SOURCES = frozenset({"cable_temperature", "climate", "thermal"})
SHARED_SOURCES = frozenset({"grid", "phase", "modules", "exclusive_set"})
OPERATOR_SOURCES = frozenset({"user", "schedule", "session", "power_reduction"})
VEHICLE_SOURCE = "vehicle"
"""The car takes less than it may have: no limit of ours is the reason then."""
MODULE_SOURCE, HOT_MODULE_C = "modules", 75.0
"""Power modules that are hotter give less than they could."""
NEARLY = 0.9
"""Less than this share of what is on offer is clearly less."""
FULL_FROM_PCT, COLD_BELOW_C = 80.0, 10.0
SLOW_SHARE, SLOW_BELOW_PCT = 0.4, 50.0
"""A car that asks for so little of its connector, so empty, is held back by its battery."""
BEGINS_S = 15.0
"""What an AC car draws says nothing of what it wants before it has had so long to begin."""
ONE_PHASE_LEAST_A, ONE_PHASE_MOST_A = 1.0, 0.5


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules look at. `offered_a`, `offered_w`: what the station allows now; `asked_a`: what the car asks."""

    state: ConnectorState
    others: int
    """Other connectors that charge."""
    power_pct: float
    recent_w: Sequence[float | None] = ()
    """Power of the last minutes, a point each 5 s, oldest first; empty: not known."""
    module_c: float = 0.0
    """Temperature of the hottest power module that feeds it."""

    @property
    def source(self) -> str:
        """What holds it down: its cap, a budget it shares, power modules, or its car."""
        limit = self.state.grant or self.state.limit
        return "" if limit is None else limit.source

    @property
    def flags(self) -> HardwareFlag:
        return HardwareFlag(0) if self.state.reading is None else self.state.reading.flags

    @property
    def asked_share(self) -> float | None:
        """What the car asks for (AC: takes), as a share of what it may have; None where nobody can say."""
        reading, offer = self.state.reading, self.state.grant or self.state.limit
        if reading is None or offer is None:
            return None
        if reading.requested_current_a is not None and offer.current_a > 0:
            return reading.requested_current_a / offer.current_a
        if self.state.type.power_type is PowerType.AC and reading.is_metered and offer.current_a > 0:
            return max(reading.current_a) / offer.current_a
        return None

    @property
    def is_beginning(self) -> bool:
        """Whether an AC car, which does not say what it wants, may still be on its way to that."""
        session = self.state.session
        is_new = session is None or session.elapsed_s < BEGINS_S
        return is_new and self.state.type.power_type is PowerType.AC

    @property
    def soc_pct(self) -> float | None:
        return None if self.state.reading is None else self.state.reading.soc_pct

    @property
    def is_falling(self) -> bool:
        """Whether the power of the last minute is below what it was before."""
        known = [power for power in self.recent_w[-60:] if power is not None]
        return len(known) >= 2 and known[-1] < NEARLY * max(known)


def _hot(facts: Facts) -> bool:
    if facts.source == MODULE_SOURCE and facts.module_c > HOT_MODULE_C:
        return True
    overheated = facts.flags & (HardwareFlag.CABLE_OVERHEAT | HardwareFlag.INTERNAL_OVERHEAT)
    is_cabinet_hot = facts.power_pct < 100 and facts.source != VEHICLE_SOURCE
    return bool(overheated) or facts.source in HOT_SOURCES or is_cabinet_hot


def _shared(facts: Facts) -> bool:
    grant, cap = facts.state.grant, facts.state.limit
    if grant is None or not facts.others or grant.source not in SHARED_SOURCES:
        return False
    return cap is None or grant.power_w < NEARLY * cap.power_w


def _at_most(facts: Facts) -> bool:
    """The station gives all it has, which is less than the connector could take."""
    grant, cap = facts.state.grant, facts.state.limit
    return (
        grant is not None
        and grant.source in SHARED_SOURCES
        and cap is not None
        and grant.power_w < NEARLY * cap.power_w
    )


def _limited(facts: Facts) -> bool:
    return facts.source in OPERATOR_SOURCES


def _full(facts: Facts) -> bool:
    soc = facts.soc_pct
    return soc is not None and soc >= FULL_FROM_PCT and (_asks_less(facts) or facts.is_falling)


def _cold(facts: Facts) -> bool:
    reading, soc, share = facts.state.reading, facts.soc_pct, facts.asked_share
    if reading is None or not _asks_less(facts):
        return False
    if reading.battery_temperature_c is not None:
        return reading.battery_temperature_c < COLD_BELOW_C
    return soc is not None and soc < SLOW_BELOW_PCT and share is not None and share < SLOW_SHARE


def _asks_less(facts: Facts) -> bool:
    share = facts.asked_share
    if facts.is_beginning:
        return False
    if share is not None:
        return share < NEARLY
    return facts.source == VEHICLE_SOURCE


def _one_phase(facts: Facts) -> bool:
    reading = facts.state.reading
    if reading is None or facts.state.type.power_type is not PowerType.AC or not reading.is_metered:
        return False
    one, two, three = reading.current_a
    return one >= ONE_PHASE_LEAST_A and max(two, three) < ONE_PHASE_MOST_A


RULES: tuple[tuple[str, Callable[[Facts], bool]], ...] = (
    ("why.hot", _hot),
    ("why.shared", _shared),
    ("why.limited", _limited),
    ("why.battery_full", _full),
    ("why.battery_cold", _cold),
    ("why.phases", _one_phase),
    ("why.ev_asks_less", _asks_less),
    ("why.station", _at_most),
    ("why.max", lambda facts: True),
)
"""In order; an AC car on one phase asks for less of its power by that, so that is said before."""


def why_key(
    connectors: Mapping[int, ConnectorState],
    number: int,
    climate: ClimateState | None = None,
    power: PowerState | None = None,
    recent_w: Sequence[float | None] = (),
) -> str:
    """The catalogue key of the line; empty while no energy flows, or nothing is known of it."""
    state = connectors.get(number)
    if state is None or state.reading is None or state.reading.status is not ControllerStatus.C6_CHARGING:
        return ""
    others = sum(1 for n, other in connectors.items() if n != number and _charges(other))
    facts = Facts(
        state=state,
        others=others,
        power_pct=100.0 if climate is None else climate.power_pct,
        recent_w=recent_w,
        module_c=_module_c(power, number),
    )
    return next(key for key, holds in RULES if holds(facts))


def _module_c(power: PowerState | None, number: int) -> float:
    groups = () if power is None else power.groups
    heard = [module.temperature_c for group in groups if group.connector == number for module in group.modules]
    return max((value for value in heard if value is not None), default=0.0)


def _charges(state: ConnectorState) -> bool:
    return state.session is not None and state.session.is_transaction
