"""The sharing of power at work: facts of all connectors -> allocate() -> grants. Lowering at once, raising behind it.

Runs each second and at once on events (power.md 3). A grant only rises into power that the others have really left
(Z6): what a connector still draws counts against the limit until its measurement has fallen.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence

import msgspec

from chargepoint.clock import Clock
from chargepoint.config import Settings
from chargepoint.power.allocation import (
    DEFAULT_RULES,
    NOTHING,
    Allocation,
    Feed,
    Request,
    Rules,
    StationPower,
    allocate,
    changes,
    has_power_for,
    lower_before_raise,
    stale,
)
from chargepoint.power.grid import Party
from chargepoint.power.measured import Announcement, Wanted
from chargepoint.power.topology import NO_FAULTS, Faults, Topology
from chargepoint.records import Limit
from chargepoint.station.connector import Phase
from chargepoint.station.limits import (
    NamedLimit,
    Unbalanced,
    cap,
    climate_limit,
    imbalance_limits,
    installed,
    least_rate_a,
    lines_of,
    nominal_voltage_v,
    reduction_limits,
    schedule_limits,
    station_limits,
    temperature_limit,
    used_up_limit,
    vehicle_limits,
)
from chargepoint.station.meters import MeterPoint
from chargepoint.station.others import OtherCurrents, OtherLoads
from chargepoint.station.outlet import Outlet
from chargepoint.station.permission import NO_GRANT
from chargepoint.station.power_facts import asked_v, drawn_a, drawn_w, losses_of, phases_of, since_s
from chargepoint.station.schedules import Schedules
from chargepoint.station.user_limits import UserLimits
from chargepoint.vocabulary import ControllerStatus, PowerType

log = logging.getLogger(__name__)

NO_POWER_AFTER_S = 5.0
POWER_AGAIN_AFTER_S = 30.0
"""power.md 4: NO_POWER is entered after 5 s without room for the floor, left after 30 s with it."""


JUDGED_EACH_S = 0.9
"""Whether others would find power is asked with the cycle of a second, not at each event."""
JUDGED_AT_ONCE = 3
"""Of more empty connectors the next ones are asked for a second later: the loops of the others go on."""
HOLD_AFTER_S = 3.0
"""An allocation of this age is not fresh (Z11); one that cannot be had any more is tried without what is remembered."""
PLANNED = frozenset({"schedule", "user", "session", "vehicle"})
"""A connector that has no power by one of these limits of its own does not lack it: somebody wants it so."""
ADOPT_S = 5.0
"""So long after the start groups that are found joined to a connector that charges are taken for its own (Z12)."""


UNREADABLE = (NamedLimit("schedule", current_a=math.nan),)
"""A kept schedule that cannot be read: nobody gets more than the least."""


class PowerSharing:
    """Keeps `grant`, `cap` and `no_power` of all outlets right."""

    def __init__(
        self,
        settings: Settings,
        outlets: Sequence[Outlet],
        meter: MeterPoint | None,
        schedules: Schedules,
        clock: Clock,
    ) -> None:
        self.allocation: Allocation = NOTHING
        self._settings = settings
        self._outlets = outlets
        self._meter = meter
        self._schedules = schedules
        self._clock = clock
        self.power_share: Callable[[], float] = lambda: 1.0
        """What heat leaves of the station's power, 0..1."""
        self.limits_of: Callable[[Outlet], tuple[NamedLimit, ...]] = lambda outlet: ()
        """What the power modules of a connector allow."""
        self.topology: Topology | None = None
        """Groups of modules and how they reach the connectors; None: no connector has modules of the station."""
        self.rules: Rules = DEFAULT_RULES
        self.faults: Callable[[], Faults] = lambda: NO_FAULTS
        self.found: Callable[[], Mapping[str, Feed]] = dict
        """Groups that are really joined to a connector that charges, for the first seconds."""
        self.announced: Callable[[Outlet], Announcement | None] = lambda outlet: None
        """What the switching of modules lets the vehicle be told (Z8)."""
        self.limits: dict[int, tuple[NamedLimit, ...]] = {}
        """Every limit of each connector, as it was last."""
        self.station_limits: tuple[Limit, ...] = ()
        """Those of the whole station; infinite where there is none of that kind."""
        self._begun_s = self._shared_s = clock.mono()
        self.reductions: Callable[[], Sequence[float | None]] = lambda: ()
        """What each input that asks for less power leaves the station, in W."""
        self.user_limits: UserLimits | None = None
        self._judged_s = -math.inf
        self._turn = 0
        self._losses: Mapping[int, float] = {}
        """W of the grid for each W of a connector, where its modules have a curve of their losses."""
        self._room_changed: dict[int, float] = {}
        self._own_in_silence: tuple[float, tuple[float, ...]] | None = None
        """What our connectors took when the station meter fell silent."""
        self._failure = ""
        self._imbalance: dict[int, NamedLimit] = {}
        self._others = OtherLoads()
        self._other_currents = OtherCurrents()

    def measured(self) -> None:
        """Something was read anew; when others on the feed are found to take more, our own part falls at once."""
        if self._meter is None:
            return
        before_w, before_a = self._others.power_w, self._other_currents.current_a
        self._others.note_connectors(
            {
                outlet.number: (
                    outlet.reading_mono_s,
                    max(0.0, outlet.reading.power_w) * self._losses.get(outlet.number, 1.0),
                )
                for outlet in self._outlets
                if outlet.reading is not None
            }
        )
        self._other_currents.note_connectors(
            {
                outlet.number: (outlet.reading_mono_s, self._drawn_a(outlet))
                for outlet in self._outlets
                if outlet.reading is not None
            }
        )
        if self._meter.reading is not None:
            self._others.note_meter(self._meter.reading, self._meter.mono_s)
            self._other_currents.note_meter(self._meter.reading, self._meter.mono_s)
        self._others.judge(self._clock.mono())
        self._other_currents.judge(self._clock.mono())
        is_more = before_w is not None and self._others.power_w is not None and self._others.power_w > before_w
        if self._settings.station.phase_limit_a is not None:
            now_a = self._other_currents.current_a
            is_more = is_more or any(
                old is not None and new is not None and new > old for old, new in zip(before_a, now_a, strict=True)
            )
        if is_more:
            self.balance()

    @property
    def station_power(self) -> StationPower:
        """What may be shared: the station's limit, less what else its meter sees on the feed.

        The station meter counts our own connectors too; what is beyond their sum is load of others. A silent station
        meter counts as if the others took all that was not ours when it fell silent (Z11).
        """
        limit_w = self._settings.station.power_limit_w
        others_w = 0.0
        if self._meter is not None:
            known_w = self._others.power_w
            if known_w is None or self._is_meter_silent:
                own_w, _ = self._own_in_silence or self._own()
                others_w = max(0.0, limit_w - own_w, known_w or 0.0)
            else:
                others_w = known_w
        phase_a = self._settings.station.phase_limit_a
        return StationPower(
            power_limit_w=limit_w,
            other_loads_w=others_w,
            phase_limit_a=None if phase_a is None else (phase_a, phase_a, phase_a),
            other_loads_a=(0.0, 0.0, 0.0) if phase_a is None else self._others_a(phase_a),
            phase_voltage_v=self._settings.station.phase_voltage_v,
        )

    def _others_a(self, limit_a: float) -> tuple[float, float, float]:
        """What others take on each phase; while the meter does not tell it, all that is not ours already."""
        if self._meter is None:
            return (0.0, 0.0, 0.0)
        is_late = self._is_meter_silent
        _, own = self._own_in_silence or self._own()
        found = []
        for own_a, known_a in zip(own, self._other_currents.current_a, strict=True):
            is_unknown = known_a is None or is_late
            found.append(max(0.0, limit_a - own_a, known_a or 0.0) if is_unknown else known_a or 0.0)
        return found[0], found[1], found[2]

    @property
    def _is_meter_silent(self) -> bool:
        is_still = self._others.is_still(self._clock.mono())
        return self._meter is not None and (not self._meter.is_answering or is_still)

    def _own(self) -> tuple[float, tuple[float, ...]]:
        """What our connectors take: W, and A of each line."""
        own_a = [self._drawn_a(outlet) for outlet in self._outlets]
        lines = tuple(math.fsum(amps[line] for amps in own_a) for line in range(3))
        return math.fsum(drawn_w(each) * self._losses.get(each.number, 1.0) for each in self._outlets), lines

    def _drawn_a(self, outlet: Outlet) -> tuple[float, float, float]:
        """What a connector takes of L1, L2, L3; what its modules lose is ours, too."""
        return drawn_a(outlet, self._settings.station.phase_voltage_v, self._losses.get(outlet.number, 1.0))

    def _note_silence(self, now: float) -> None:
        """What is ours is what it was when the meter fell silent: taken anew each second it would only ever fall."""
        if not self._is_meter_silent or now - self._begun_s <= ADOPT_S:
            self._own_in_silence = None
        elif self._own_in_silence is None:
            self._own_in_silence = self._own()

    def balance(self) -> None:
        """Share anew and hand out the grants. When that fails the last answer grows old (Z11), and all else goes on."""
        try:
            self._share(self._clock.mono())
        except Exception as error:  # whatever it is: silence lowers, and is no reason to end all charges
            text = f"{type(error).__name__}: {error}"
            if text != self._failure:
                log.exception("power: cannot be shared anew, the last answer holds for a while")
            self._failure = text
            for outlet in self._outlets:
                self.hand_out(outlet)
            return
        if self._failure:
            log.info("power: shared anew again")
            self._failure = ""

    def _share(self, now: float) -> None:
        self._imbalance = imbalance_limits(self._unbalanced(now), self._settings.station.max_imbalance_a)
        if self.user_limits is not None:
            self.user_limits.settle({outlet.number for outlet in self._outlets if outlet.is_taken})
        requests = [self._request(outlet, now) for outlet in self._outlets]
        self._note_silence(now)
        station = self.station_power
        limits = (
            *station_limits(self._schedules.of_station(), station.phase_voltage_v),
            *climate_limit(self._settings, self.power_share()),
            *reduction_limits(self.reductions()),
            *(() if self.user_limits is None else self.user_limits.of_station()),
        )
        self.station_limits = (Limit(math.inf, station.power_limit_w, "grid"), *limits)
        before, faults = self._adopted(now), self.faults()
        target = allocate(
            station, requests, limits, before, now, topology=self.topology, faults=faults, rules=self.rules
        )
        # groups change hands by the sequencer, which knows what really flows
        self.allocation = lower_before_raise(station, requests, limits, before, target, topology=self.topology)
        self._shared_s = now
        self._losses = losses_of(self.topology, self.allocation)
        for line in (*changes(before, self.allocation), *self.allocation.moves):
            log.info("power: %s", line)
        for outlet, request in zip(self._outlets, requests, strict=True):
            self.hand_out(outlet)
            if outlet.charge is not None:
                outlet.charge.note_lack(self._lacks_power(request, station))
        self._judge_room(station, requests, limits, faults, now)

    def _lacks_power(self, request: Request, station: StationPower) -> bool:
        """Whether a charge has nothing although none of its own limits wants it so (power.md 4)."""
        grant = self.allocation.grants.get(request.connector, NO_GRANT)
        if not request.wants_energy or grant.power_w > 0:
            return False
        return request.cap.source not in PLANNED or Party(request, station).can_be_served

    def _adopted(self, now: float) -> Allocation:
        """The allocation so far; at the start with what is really closed (Z12)."""
        if now - self._shared_s >= HOLD_AFTER_S:
            return Allocation(feeds=self.allocation.feeds)
        if self.topology is None or now - self._begun_s > ADOPT_S:
            return self.allocation
        return msgspec.structs.replace(self.allocation, feeds={**self.found(), **self.allocation.feeds})

    def granted(self, outlet: Outlet) -> Limit:
        """What the last allocation gives a connector, as far as it is still to be believed (Z11)."""
        grant = self.allocation.grants.get(outlet.number, NO_GRANT) if outlet.wants_energy else NO_GRANT
        age_s = self._clock.mono() - self._shared_s
        if age_s < HOLD_AFTER_S:
            return grant
        only = {outlet.number: grant}
        return stale(only, only, {outlet.number: self._guarantee_w(outlet)}, age_s)[outlet.number]

    def hand_out(self, outlet: Outlet) -> None:
        """Give a connector its grant; while it charges, no more than its modules are ready for (Z8)."""
        grant = self.granted(outlet)
        announced = self.announced(outlet)
        flows = outlet.reading is not None and outlet.reading.status is ControllerStatus.C6_CHARGING
        if announced is not None and flows:
            current_a, power_w = min(grant.current_a, announced.current_a), min(grant.power_w, announced.power_w)
            grant = Limit(current_a, power_w, grant.source)
        outlet.set_grant(grant)

    def wanted(self) -> Wanted:
        """The last allocation, for the switching of modules; and how old it is (Z11)."""
        grants = self.allocation.grants
        return Wanted(
            links={feed.link: feed.power_w for feed in self.allocation.feeds.values()},
            grants={number: Announcement(current_a=g.current_a, power_w=g.power_w) for number, g in grants.items()},
            age_s=self._clock.mono() - self._shared_s,
            guarantees_w={outlet.number: self._guarantee_w(outlet) for outlet in self._outlets},
        )

    def _guarantee_w(self, outlet: Outlet) -> float:
        own_w = outlet.settings.guarantee_w
        return self._settings.power.guarantee_w if own_w is None else own_w

    def _request(self, outlet: Outlet, now: float) -> Request:
        settings, reading, vehicle = outlet.settings, outlet.reading, outlet.vehicle
        phases = phases_of(outlet)
        is_ac = settings.type.power_type is PowerType.AC
        voltage_v = self._settings.station.phase_voltage_v if is_ac else 0.0
        flows = reading is not None and reading.status is ControllerStatus.C6_CHARGING
        if reading is not None and flows and reading.voltage_v > 50.0:
            voltage_v = reading.voltage_v
        if not voltage_v > 0:
            voltage_v = nominal_voltage_v(settings)
        session, type_ = outlet.session, settings.type.power_type
        bounds = self._schedules.of_transaction(outlet.number, session) if outlet.wants_energy and session else ()
        limits = (
            *vehicle_limits(settings, reading, vehicle),
            *temperature_limit(settings, outlet.temperature_c),
            *self.limits_of(outlet),
            *(() if self.user_limits is None else self.user_limits.of_connector(settings)),
            *([self._imbalance[outlet.number]] if outlet.number in self._imbalance else ()),
            *used_up_limit(outlet.charge is not None and outlet.charge.is_used_up),
            *(() if outlet.test_limit is None else (outlet.test_limit,)),
            *schedule_limits(type_, bounds, voltage_v, phases),
            *(UNREADABLE if self._schedules.damaged else ()),
        )
        outlet.cap = cap(settings, limits, voltage_v, phases, now)
        self.limits[outlet.number] = (*installed(settings), *limits)
        return Request(
            connector=outlet.number,
            wants_energy=outlet.wants_energy,
            cap=outlet.cap,
            floor_a=max(settings.min_current_a, least_rate_a(type_, bounds, voltage_v, phases)),
            voltage_v=voltage_v,
            phases=phases,
            power_type=settings.type.power_type,
            first_phase=settings.first_phase,
            since_mono_s=since_s(outlet, now),
            drawn_w=drawn_w(outlet) if flows else None,
            weight=settings.weight,
            guarantee_w=self._guarantee_w(outlet),
            asked_voltage_v=0.0 if is_ac else asked_v(reading, vehicle),
            remaining_s=None if reading is None else reading.remaining_s,
        )

    def _unbalanced(self, now: float) -> list[Unbalanced]:
        """Cars that want energy and load one or two phases only."""
        found = []
        for outlet in self._outlets:
            lines = lines_of(outlet.settings, phases_of(outlet))
            if outlet.wants_energy and len(lines) < 3:
                since = since_s(outlet, now)
                found.append(Unbalanced(outlet.number, lines, outlet.settings.min_current_a, since))
        return found

    def _judge_room(
        self, station: StationPower, requests: Sequence[Request], limits: Sequence[Limit], faults: Faults, now: float
    ) -> None:
        if now - self._judged_s < JUDGED_EACH_S:
            return
        self._judged_s = now
        empty = []
        for place, outlet in enumerate(self._outlets):
            if outlet.phase is Phase.EMPTY:
                empty.append(place)
            else:
                outlet.no_power = False
                self._room_changed.pop(outlet.number, None)
        turn = sum(place < self._turn for place in empty)
        judged = [*empty[turn:], *empty[:turn]][:JUDGED_AT_ONCE]
        self._turn = judged[-1] + 1 if judged else 0
        for place in judged:
            outlet, request = self._outlets[place], requests[place]
            others = [other for other in requests if other is not request]
            candidate = msgspec.structs.replace(request, wants_energy=True, since_mono_s=now)
            answer = has_power_for(
                station, others, candidate, limits, self.allocation, now,
                topology=self.topology, faults=faults, rules=self.rules,
            )  # fmt: skip
            lacks = not answer.ok
            outlet.no_power_why, outlet.no_power_source = answer.reason, answer.source
            if lacks == outlet.no_power:
                self._room_changed.pop(outlet.number, None)
                continue
            since = self._room_changed.setdefault(outlet.number, now)
            if now - since >= (NO_POWER_AFTER_S if lacks else POWER_AGAIN_AFTER_S):
                outlet.no_power = lacks
