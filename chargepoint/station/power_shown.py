"""The commutation picture as a retained state: where the power goes, and by which limit no more (topic `power`)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

import msgspec

from chargepoint.clock import Clock
from chargepoint.messages import PowerState
from chargepoint.power.limits import in_force
from chargepoint.power_picture import (
    ContactorPicture,
    GroupPicture,
    LimitPicture,
    ModuleColour,
    ModulePicture,
    MovePicture,
    OutputPicture,
)
from chargepoint.records import Limit
from chargepoint.station.dc.coils import Coil
from chargepoint.station.dc.feeding import DEAD_A, Feeding
from chargepoint.station.dc.group import Group
from chargepoint.station.limits import safe_default
from chargepoint.station.outlet import Outlet
from chargepoint.station.permission import NO_GRANT
from chargepoint.station.power import PowerSharing
from chargepoint.station.why_words import Told
from drivers.interfaces import ModuleReading

REFRESH_S = 2.0
LEAST_GAP_S = 0.5
"""The picture is told as often as this when something changes, and at least each REFRESH_S."""


class PowerShown:
    """Tells the picture. `feeding` None: no connector has modules of the station. `run` must be running."""

    def __init__(
        self,
        outlets: Sequence[Outlet],
        sharing: PowerSharing,
        feeding: Feeding | None,
        why: Callable[[Outlet], str],
        why_told: Callable[[Outlet], Told],
        clock: Clock,
        publish: Callable[[str, PowerState], None],
    ) -> None:
        self._outlets = outlets
        self._sharing = sharing
        self._feeding = feeding
        self._why = why
        self._why_told = why_told
        self._clock = clock
        self._publish = publish
        self._shown: object = None
        self._shown_s = -math.inf

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            self.tell()
            await asyncio.sleep(LEAST_GAP_S)

    def tell(self) -> None:
        """Tell it now, if there is something new or it is time."""
        now = self._clock.mono()
        state = self.state(now)
        key = _key(state)
        if key != self._shown or now - self._shown_s >= REFRESH_S:
            self._shown, self._shown_s = key, now
            self._publish("power", state)

    def state(self, now: float) -> PowerState:
        """How it is now."""
        limits = tuple(map(_station_limit, self._sharing.station_limits))
        lowest = min(limits, key=lambda each: math.inf if each.power_w is None else each.power_w, default=None)
        feeding = self._feeding
        return PowerState(
            groups=() if feeding is None else tuple(self._group(each, feeding) for each in feeding.groups.values()),
            contactors=() if feeding is None else tuple(_contactor(each, feeding) for each in feeding.coils.values()),
            outputs=tuple(self._output(outlet, now) for outlet in self._outlets),
            moves=() if feeding is None else _moves(feeding),
            limits=limits,
            limit=LimitPicture(name="") if lowest is None else lowest,
            used_w=math.fsum(map(_power_w, self._outlets)),
        )

    def _group(self, group: Group, feeding: Feeding) -> GroupPicture:
        reading = feeding.measured.groups.get(group.name)
        joined = [number for number, fed in feeding.feds.items() if group in fed.groups]
        powered = [number for number in joined if feeding.feds[number].point.is_on]
        feed = self._sharing.allocation.feeds.get(group.name)
        is_heard = reading is not None and reading.is_online
        return GroupPicture(
            name=group.name,
            bank=group.place.bank,
            connector=next(iter(powered or joined), 0) if feeding.topology.is_switched or powered else 0,
            power_w=round(reading.voltage_v * reading.current_a) if reading is not None and is_heard else 0.0,
            given_w=0.0 if feed is None else round(feed.power_w),
            modules=tuple(map(_module, group.readings)),
            bus=feeding.topology.bus_of_group.get(group.name, ""),
        )

    def _output(self, outlet: Outlet, now: float) -> OutputPicture:
        settings = outlet.settings
        limits: dict[str, LimitPicture] = {}
        for limit in self._sharing.limits.get(outlet.number, ()):
            current_a, power_w = in_force(limit, now, lambda late: safe_default(late, settings))
            before = limits.get(limit.name)
            if before is not None:
                current_a, power_w = _least(current_a, before.current_a), _least(power_w, before.power_w)
            limits[limit.name] = LimitPicture(name=limit.name, current_a=current_a, power_w=power_w)
        fed = None if self._feeding is None else self._feeding.feds.get(outlet.number)
        why_key, why_values = self._why_told(outlet)
        buses = {} if self._feeding is None else self._feeding.topology.bus_of_output
        return OutputPicture(
            connector=outlet.number,
            bus=buses.get(outlet.number, settings.bus),
            groups=() if fed is None else tuple(group.name for group in fed.groups),
            power_w=_power_w(outlet),
            limits=tuple(limits.values()),
            cap=outlet.cap,
            grant=outlet.grant if outlet.wants_energy else NO_GRANT,
            why=self._why(outlet),
            why_key=why_key,
            why_values=why_values,
        )


def colour_of(module: ModuleReading) -> ModuleColour:
    """How a module is filled in the picture."""
    if not module.is_online:
        return ModuleColour.NO_LINK
    if module.has_fault:
        return ModuleColour.ERROR
    is_charging = module.is_on and module.current_a is not None and module.current_a > DEAD_A
    return ModuleColour.CHARGING if is_charging else ModuleColour.UNUSED


def _module(module: ModuleReading) -> ModulePicture:
    return ModulePicture(
        number=module.number,
        colour=colour_of(module),
        voltage_v=module.voltage_v if module.is_online else None,
        current_a=module.current_a if module.is_online else None,
        temperature_c=module.temperature_c if module.is_online else None,
    )


def _contactor(coil: Coil, feeding: Feeding) -> ContactorPicture:
    return ContactorPicture(
        name=coil.name,
        between=feeding.topology.contactors[coil.name].between,
        output=coil.contactor.name,
        is_closed=coil.is_closed,
        is_ordered=coil.is_ordered,
        cause=coil.cause,
        operations=coil.contactor.operations,
    )


def _moves(feeding: Feeding) -> tuple[MovePicture, ...]:
    return tuple(
        MovePicture(
            number=move.number,
            group=move.group,
            from_connector=move.from_connector or 0,
            to_connector=move.to_connector or 0,
            step=int(move.step),
            in_step_s=round(move.in_step_s, 1),
            why=move.cause,
        )
        for move in feeding.orders.moves
    )


def _station_limit(limit: Limit) -> LimitPicture:
    return LimitPicture(
        name=limit.source,
        current_a=limit.current_a if math.isfinite(limit.current_a) else None,
        power_w=limit.power_w if math.isfinite(limit.power_w) else None,
    )


def _power_w(outlet: Outlet) -> float:
    reading = outlet.reading
    return max(0.0, reading.power_w) if reading is not None and not outlet.link_lost else 0.0


def _least(one: float | None, other: float | None) -> float | None:
    found = [value for value in (one, other) if value is not None]
    return min(found, default=None)


def _key(state: PowerState) -> object:
    """What is worth telling soon; measurements ride along with it, and with the refresh."""
    return (
        tuple((g.connector, tuple(m.colour for m in g.modules)) for g in state.groups),
        state.contactors,
        tuple((each.groups, each.cap.source, each.grant, each.why) for each in state.outputs),
        tuple((move.number, move.step, move.why) for move in state.moves),
        msgspec.structs.astuple(state.limit),
    )
