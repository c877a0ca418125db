"""What has to hold before a deed of the service menu: judged from the states on the bus, on opening and again at the
execution. Pure (technician.md 2).

What is not known counts as not met: a controller that is silent may have a vehicle, and voltage. (But see SUPPLY.)
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from chargepoint.messages import (
    ConnectorState,
    InputState,
    InsulationState,
    ServiceState,
    State,
    StationState,
    UpsState,
)
from chargepoint.vocabulary import (
    ConnectorFlag,
    ConnectorStatus,
    ControllerStatus,
    HardwareFlag,
    InputFunction,
    PowerType,
)

SAFE_V = 60.0
"""Below this an output is without voltage."""
OLD_S = 5.0
"""Older readings say nothing of now."""

States = Mapping[str, State]
"""Retained states of the bus by topic."""


class Need(enum.StrEnum):
    """One precondition."""

    IDLE = "idle"
    """No session anywhere."""
    FREE = "free"
    """This connector is in A, with no session, and its controller answers."""
    UNUSED = "unused"
    """No session at this connector; a vehicle may be plugged in."""
    NO_VOLTAGE = "no_voltage"
    DOOR = "door"
    """The door is shut, where there is a contact."""
    NO_UPDATE = "no_update"
    NO_BUTTON = "no_button"
    """The emergency button is released."""
    SUPPLY = "supply"
    """Mains are there, as far as a UPS or an input can tell; where nothing can, they are taken to be. The one need that
    what is not known does not speak against: it spares a second attempt, and guards nobody."""


class Unmet(msgspec.Struct, frozen=True):
    """One thing that speaks against a deed. `key` and `values` are for screens with texts of their own."""

    need: Need
    text: str
    key: str
    values: dict[str, str] = {}


class Look(msgspec.Struct, frozen=True):
    """What is judged: the states, the connector that is meant (0: all), and the time (monotonic) where age counts."""

    states: States
    connector: int = 0
    now_s: float | None = None

    def connectors(self) -> list[ConnectorState]:
        """Those that are meant, by number."""
        found = [state for state in self.states.values() if isinstance(state, ConnectorState)]
        return sorted((c for c in found if self.connector in (0, c.number)), key=lambda c: c.number)

    def all_connectors(self) -> list[ConnectorState]:
        return msgspec.structs.replace(self, connector=0).connectors()

    def of_kind(self, kind: type[Any]) -> Iterable[Any]:
        return (state for state in self.states.values() if isinstance(state, kind))

    def is_old(self, connector: ConnectorState) -> bool:
        """Whether its reading says nothing of now."""
        if connector.reading is None:
            return True
        return self.now_s is not None and self.now_s - connector.reading_mono_s > OLD_S


def unmet(needs: Iterable[Need], look: Look) -> tuple[Unmet, ...]:
    """All that speaks against, in the order of `needs`."""
    return tuple(found for need in needs if (found := _JUDGES[need](look)) is not None)


def _of(need: Need, code: str, text: str, connector: int = 0, **values: str) -> Unmet:
    shown = {"connector": str(connector), **values} if connector else values
    return Unmet(need, text, f"unmet.{need.value}.{code}", shown)


def _charges(connector: ConnectorState) -> bool:
    session = connector.session
    return connector.waiting_for_ev or (session is not None and session.is_transaction)


def _unknown(need: Need, connector: ConnectorState) -> Unmet:
    return _of(
        need, "silent", f"The controller of connector {connector.number} does not answer; see to its link first.",
        connector.number,
    )  # fmt: skip


def _idle(look: Look) -> Unmet | None:
    everybody = look.all_connectors()
    told = {connector.number for connector in everybody}
    if not everybody or any(not told.issuperset(station.connectors) for station in look.of_kind(StationState)):
        return _of(Need.IDLE, "unknown", "The station does not say how its connectors are; wait until it answers.")
    for connector in everybody:
        if _charges(connector):
            number = connector.number
            return _of(Need.IDLE, "charges", f"Connector {number} charges; wait or stop it.", number)
    return None


def _free(look: Look) -> Unmet | None:
    return _unused(look, Need.FREE) or next(filter(None, map(_vehicle_at(look), look.connectors())), None)


def _unused(look: Look, need: Need = Need.UNUSED) -> Unmet | None:
    meant = look.connectors()
    if not meant:
        text = f"There is no connector {look.connector}." if look.connector else "No connector is known yet."
        return _of(need, "unknown", text, look.connector)
    for connector in meant:
        if _charges(connector):
            number = connector.number
            return _of(need, "charges", f"Connector {number} charges; wait or stop it.", number)
    return None


def _vehicle_at(look: Look) -> Callable[[ConnectorState], Unmet | None]:
    def judged(connector: ConnectorState) -> Unmet | None:
        number, reading = connector.number, connector.reading
        if look.is_old(connector) or reading is None or ConnectorFlag.NO_LINK in connector.flags:
            return _unknown(Need.FREE, connector)
        if reading.status is not ControllerStatus.A_NOT_CONNECTED:
            said = reading.status.value
            text = f"Connector {number} is not free (its controller says {said}); unplug, or clear the fault."
            return _of(Need.FREE, "not_free", text, number, status=said)
        return None

    return judged


def _no_voltage(look: Look) -> Unmet | None:
    monitors = {state.connector: state for state in look.of_kind(InsulationState)}
    for connector in look.connectors():
        number, reading = connector.number, connector.reading
        if look.is_old(connector) or reading is None:
            return _unknown(Need.NO_VOLTAGE, connector)
        if HardwareFlag.OUTPUT_RELAY in reading.flags:
            return _of(Need.NO_VOLTAGE, "closed", f"The contactor of connector {number} is closed.", number)
        found = [reading.voltage_v] if reading.is_metered else []
        monitor = monitors.get(number)
        if monitor is not None and monitor.reading is not None and monitor.reading.voltage_v is not None:
            found.append(monitor.reading.voltage_v)
        if connector.type.power_type is PowerType.DC and connector.meter is not None and connector.meter.voltage_v:
            found.append(connector.meter.voltage_v[0])
        for voltage_v in found if connector.type.power_type is PowerType.DC else ():
            if not math.isfinite(voltage_v) or abs(voltage_v) >= SAFE_V:
                text = f"Connector {number} carries {voltage_v:.0f} V; wait until it is below {SAFE_V:.0f} V."
                return _of(Need.NO_VOLTAGE, "voltage", text, number, voltage=f"{voltage_v:.0f}")
    return None


def _door(look: Look) -> Unmet | None:
    for state in look.of_kind(InputState):
        if state.function is InputFunction.DOOR and state.is_active is not False:
            said = "is open" if state.is_active else "cannot be read"
            return _of(Need.DOOR, "open", f"The door contact '{state.name}' {said}; shut the door.", input=state.name)
    return None


def _no_update(look: Look) -> Unmet | None:
    for connector in look.all_connectors():
        if connector.awaits_update:
            continue  # the software's own update, which must not wait for itself
        if connector.status is ConnectorStatus.UPDATING or ConnectorFlag.UPDATING in connector.flags:
            number = connector.number
            text = f"Connector {number} is being updated; wait until it is done."
            return _of(Need.NO_UPDATE, "updating", text, number)
    return None


def _no_button(look: Look) -> Unmet | None:
    for state in look.of_kind(InputState):
        is_meant = not look.connector or not state.connectors or look.connector in state.connectors
        if state.function is InputFunction.EMERGENCY_STOP and is_meant and state.is_active is not False:
            said = "is pressed" if state.is_active else "cannot be read"
            text = f"The emergency button '{state.name}' {said}; turn or pull it until it is released."
            return _of(Need.NO_BUTTON, "pressed", text, input=state.name)
    return None


def _supply(look: Look) -> Unmet | None:
    for ups in look.of_kind(UpsState):
        if ups.on_battery_since_mono_s is not None:
            text = f"UPS '{ups.name}' is on battery; wait until mains are back."
            return _of(Need.SUPPLY, "battery", text, name=ups.name)
    for state in look.of_kind(InputState):
        if state.function is InputFunction.POWER_FAIL and state.is_active:
            text = f"Input '{state.name}' says that mains have failed; wait until they are back."
            return _of(Need.SUPPLY, "mains", text, input=state.name)
    return None


_JUDGES: dict[Need, Callable[[Look], Unmet | None]] = {
    Need.IDLE: _idle,
    Need.FREE: _free,
    Need.UNUSED: _unused,
    Need.NO_VOLTAGE: _no_voltage,
    Need.DOOR: _door,
    Need.NO_UPDATE: _no_update,
    Need.NO_BUTTON: _no_button,
    Need.SUPPLY: _supply,
}


class Leftover(msgspec.Struct, frozen=True):
    """Something a technician leaves behind. `undo` is the deed that takes it back, with `arguments`."""

    key: str
    text: str
    undo: str = ""
    arguments: dict[str, str] = {}


def leftovers(states: States) -> tuple[Leftover, ...]:
    """What is blocked, out of service or latched now: shown on leaving, with what would take it back."""
    found: list[Leftover] = []
    look = Look(states)
    for station in look.of_kind(StationState):
        if not station.operative:
            found.append(Leftover("left.out_of_service", "The station is out of service.", "working"))
    for connector in look.connectors():
        number = str(connector.number)
        if ConnectorFlag.BLOCKED in connector.flags:
            text = f"Connector {number} is blocked."
            found.append(Leftover("left.blocked", text, "unblock", {"connector": number}))
        if connector.status is ConnectorStatus.EMERGENCY_OFF:
            text = f"Connector {number} is switched off by an emergency stop."
            found.append(Leftover("left.emergency", text, "clear_emergency", {"connector": number}))
    for state in look.of_kind(InputState):
        if state.is_latched:
            text = f"Input '{state.name}' is latched ({state.function.value})."
            found.append(Leftover("left.latched", text, "clear_input", {"name": state.name}))
    for service in look.of_kind(ServiceState):
        if service.status == "parked":
            text = f"The service {service.name} is parked: it failed too often."
            found.append(Leftover("left.parked", text, "restart", {"service": service.name}))
    return tuple(found)
