"""What is wired to the inputs and outputs of simulated I/O modules: contacts, contactors, sockets, and the power path
from the modules to the vehicle. Pure; brought up to date by the station.

An output drives a relay; the relay of function `contactor` feeds the connectors that name it, that of function `socket`
is the connector's own. Inputs are contacts of which `is_active` says what happens; how they are wired (closed while all
is well, or open) makes the level. Two move by themselves: a contactor's feedback, and the lid of a socket.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from drivers.native.codes import Command
from drivers.simulated.cabinet import Zone
from drivers.simulated.commutation import Commutation, Sin, SwitchEvent
from drivers.simulated.feeding import feed
from drivers.simulated.foreign_controller import FOREIGN
from drivers.simulated.io_model import CHANNELS, IoModel
from drivers.simulated.models import Models
from drivers.simulated.module_bank import ModuleBank
from drivers.simulated.outlet import Outlet
from drivers.simulated.parts import InputPart, OutputPart

NORMALLY_CLOSED = frozenset(
    {
        "emergency_stop",
        "door",
        "smoke",
        "surge",
        "overheat",
        "remote_cutoff",
        "power_fail",
        "residual_current",
        "tamper",
        "power_reduction",
    }
)
"""Functions whose contacts are closed while all is well, unless the section says otherwise (docs/devices.md)."""
NO_LEASE_S = 1e9
"""A relay knows nothing of leases: it is the I/O module's watchdog that opens it."""


Feedback = Literal["true", "open", "closed", "opposite"]


class InputDeed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens at an input; None leaves a thing as it is. `held`: the contact does not move by itself any more."""

    active: bool | None = None
    held: bool | None = None


class OutputDeed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to make of a relay; None leaves a thing as it is."""

    welded: bool | None = None
    stuck_open: bool | None = None
    slow_s: Annotated[float, Meta(ge=0, le=60)] | None = None
    """It follows so much later."""
    feedback: Feedback | None = None
    """What its auxiliary contact shows: the truth, or always the same, or the opposite."""


class Contact:
    """What is wired to an input."""

    def __init__(self, part: InputPart, io: IoModel) -> None:
        self.part = part
        self.is_active = False
        self.is_held = False
        closed = part.normally_closed
        self._normally_closed = part.function in NORMALLY_CLOSED if closed is None else closed
        self._io = io
        self.move(False)

    def move(self, is_active: bool) -> None:
        """What it watches has changed."""
        self.is_active = is_active
        if self.part.channel < CHANNELS:
            self._io.set_input(self.part.channel, is_active != self._normally_closed)

    def do(self, deed: InputDeed) -> None:
        if deed.held is not None:
            self.is_held = deed.held
        if deed.active is not None:
            self.move(deed.active)


class Relay:
    """What is wired to an output."""

    def __init__(self, part: OutputPart, io: IoModel) -> None:
        self.part = part
        self.welded = False
        self.stuck_open = False
        self.slow_s = 0.0
        self.feedback: Feedback = "true"
        self.operations = 0
        self.moved_by = ""
        """Why it moved last: order, watchdog or restart of its module, or fault."""
        self._io = io
        self._was_closed = False
        self._was_driven = False
        self._driven_since_s = -math.inf

    @property
    def is_driven(self) -> bool:
        """The output is on (or off, where its consumer is on while the output is off)."""
        outputs = self._io.outputs
        is_on = self.part.channel < len(outputs) and outputs[self.part.channel]
        return is_on != self.part.inverted

    @property
    def is_closed(self) -> bool:
        """What it really is."""
        return self._was_closed

    @property
    def shown(self) -> bool:
        """What its auxiliary contact says."""
        return {"true": self.is_closed, "open": False, "closed": True, "opposite": not self.is_closed}[self.feedback]

    def follow(self, now_s: float) -> None:
        """Go where it is driven, as far as it can."""
        driven = self.is_driven
        if driven != self._was_driven:
            self._was_driven, self._driven_since_s = driven, now_s
            self.moved_by = self._why()
        elif now_s - self._driven_since_s > self.slow_s and self._was_closed == driven:
            self.moved_by = "fault"  # what it does from now on, nobody told it
        is_late = now_s - self._driven_since_s < self.slow_s
        wanted = self._was_closed if is_late else driven
        closed = (wanted and not self.stuck_open) or (self.welded and self._was_closed)
        self.operations += closed and not self._was_closed
        self._was_closed = closed

    def _why(self) -> str:
        """Why its output changed last."""
        found = [each.why for each in self._io.switchings if each.channel == self.part.channel]
        return found[-1] if found else "order"

    def do(self, deed: OutputDeed) -> None:
        if deed.welded is not None:
            self.welded = deed.welded
        if deed.stuck_open is not None:
            self.stuck_open = deed.stuck_open
        self.slow_s = self.slow_s if deed.slow_s is None else deed.slow_s
        self.feedback = self.feedback if deed.feedback is None else deed.feedback


class Socket:
    """A relay that is a whole outlet: it permits by closing. What is plugged in takes what it likes."""

    def __init__(self, outlet: Outlet, relay: Relay) -> None:
        self._outlet = outlet
        self._relay = relay
        self._orders = 0

    def follow(self) -> None:
        controller = self._outlet.controller
        if self._relay.is_closed and not controller.is_permitted and controller.vehicle is not None:
            hardware = controller.hardware
            controller.grant(NO_LEASE_S, hardware.max_current_a, hardware.max_power_w)
            self._order(Command.START)
        elif not self._relay.is_closed and controller.is_permitted:
            self._order(Command.STOP)

    def _order(self, command: Command) -> None:
        self._orders += 1
        self._outlet.controller.order(self._orders, command, FOREIGN, 0)


def _any_closed(relays: list[Relay]) -> bool:
    return any(relay.is_closed for relay in relays)


class Wiring:
    """All contacts, relays and paths of a plan."""

    def __init__(self, models: Models) -> None:
        file = models.plan.file
        ios: dict[str, IoModel] = models.by_kind["io"]
        self.contacts = {part.name: Contact(part, ios[part.io]) for part in file.input if part.io in ios}
        self.relays = {part.name: Relay(part, ios[part.io]) for part in file.output if part.io in ios}
        self._outlets = models.outlets
        self._sockets = list(self._make_sockets(file.connector))
        self._lids = list(self._make_lids(file.connector))
        self._ios = tuple(ios.values())
        self._zones = list(self._make_zones(models))
        for connector in file.connector:
            self._feed(connector, models)
        self.commutation = self._make_commutation(models)

    def _make_commutation(self, models: Models) -> Commutation | None:
        """Modules that outputs share; None where none are."""
        file = models.plan.file
        if not file.group:
            return None
        outputs = {each.bus: self._outlets[each.name].controller for each in file.connector
                   if each.bus and each.name in self._outlets}  # fmt: skip
        return Commutation(file.switch, file.group, self.relays, models.by_kind["modules"], outputs)

    def _make_zones(self, models: Models) -> Iterator[Zone]:
        """The air around the sensors for which simulation.toml says how it is outside."""
        for part in models.plan.file.sensor:
            sensor, outside_c = models.get("sensor", part.name), models.plan.sensor_extra(part.name).outside_c
            if sensor is None or outside_c is None:
                continue
            in_zone = [relay for relay in self.relays.values() if relay.part.zone == part.zone]
            heaters = [relay for relay in in_zone if relay.part.function == "heater"]
            fans = [relay for relay in in_zone if relay.part.function == "fan"]
            yield Zone(sensor, outside_c, partial(_any_closed, heaters), partial(_any_closed, fans), self._load)

    def _load(self) -> float:
        """Share of all connectors' power that flows."""
        controllers = [outlet.controller for outlet in self._outlets.values()]
        most_w = sum(controller.hardware.max_power_w for controller in controllers)
        return sum(controller.output.power_w for controller in controllers) / most_w if most_w else 0.0

    def _make_sockets(self, connectors: Any) -> Iterator[Socket]:
        for connector in connectors:
            relay = self.relays.get(str(connector.options.get("relay", "")))
            if connector.driver == "socket" and connector.name in self._outlets and relay is not None:
                yield Socket(self._outlets[connector.name], relay)

    def _make_lids(self, connectors: Any) -> Iterator[tuple[Contact, Outlet]]:
        for connector in connectors:
            contact = self.contacts.get(str(connector.options.get("lid", "")))
            holds = connector.options.get("lid_means", "held_open") == "held_open"
            if contact is not None and holds and connector.name in self._outlets:
                yield contact, self._outlets[connector.name]

    def _feed(self, connector: Any, models: Models) -> None:
        """What comes from before a connector: through its contactor, from its modules."""
        outlet = self._outlets.get(connector.name)
        if outlet is None:
            return
        relay = self.relays.get(connector.contactor)
        if relay is not None:
            outlet.controller.is_fed = lambda: relay.is_closed
        bank = models.get("modules", connector.modules)
        if isinstance(bank, ModuleBank):
            feed(outlet.controller, bank)

    def advance(self, now_s: float) -> None:
        """Let everything follow; I/O modules have been brought up to now."""
        for relay in self.relays.values():
            relay.follow(now_s)
            feedback = self.contacts.get(relay.part.feedback)
            if feedback is not None and not feedback.is_held and feedback.is_active != relay.shown:
                feedback.move(relay.shown)
        if self.commutation is not None:
            self.commutation.advance(now_s)
        for socket in self._sockets:
            socket.follow()
        for contact, outlet in self._lids:
            is_open = outlet.controller.vehicle is not None
            if not contact.is_held and contact.is_active != is_open:
                contact.move(is_open)
        for zone in self._zones:
            zone.advance(now_s)

    @property
    def switchings(self) -> tuple[SwitchEvent, ...]:
        """Closings and openings of contactors between buses, oldest first (the last 5000)."""
        return () if self.commutation is None else tuple(self.commutation.log)

    @property
    def sins(self) -> tuple[Sin, ...]:
        """What must never have been, of modules that outputs share."""
        return () if self.commutation is None else tuple(self.commutation.sins)

    def due_s(self) -> float:
        """Time until something here may move by itself: an output that a watchdog may switch off."""
        waits = any(io.watchdog_s is not None and any(io.outputs) for io in self._ios)
        return 0.0 if waits else math.inf

    def press(self, pressed: bool) -> None:
        """The emergency button: each of its contacts."""
        for contact in self.contacts.values():
            if contact.part.function == "emergency_stop" and not contact.is_held:
                contact.move(pressed)
