"""A simulated station: every device of a plan with its wires, and all that people and bad luck can do to them.

Use it in the station's own event loop (`wire_for` gives in-process wires; virtual time is fine), or in a process of its
own on pseudo-terminals and TCP ports (`start`; see `__main__`). Models are brought up to date whenever somebody looks
or acts, and at least every 0.25 s while something moves; between that nothing runs.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from drivers.codecs.modbus import Carrier
from drivers.loading import KIND_OF_SECTION
from drivers.ports.opening import AnyWire, LocalDevice, WebPlace
from drivers.ports.places import socket_place
from drivers.simulated import faces
from drivers.simulated.bus import PortFaults
from drivers.simulated.can_line import CanFaults
from drivers.simulated.contactor import ContactorEvent
from drivers.simulated.ends import LineEnd, PtyEnd, TcpEnd
from drivers.simulated.faults import FAULTS
from drivers.simulated.meter import Meter, MeterFaults
from drivers.simulated.models import DEEDS, Models
from drivers.simulated.outlet import How, Outlet
from drivers.simulated.parts import PortPart
from drivers.simulated.plan import Plan
from drivers.simulated.port import SimulatedPort
from drivers.simulated.ports import make_ports
from drivers.simulated.reader import SimulatedReader
from drivers.simulated.reader_field import CardField
from drivers.simulated.vehicle import PlugOptions
from drivers.simulated.view import connector_state, device_truths, meter_state, port_state, reader_state
from drivers.simulated.wiring import InputDeed, OutputDeed, Wiring
from drivers.simulated.words import StationState

log = logging.getLogger(__name__)

T = TypeVar("T")

LEAST_TICK_S = 0.25
KEEP_UP_S = 0.002
"""A busy bus asks a thousand times a second; so much older the truth may be."""
FAULT_CODES = (*FAULTS, "temperature")


class NamedPort(Protocol):
    """Any [[port]] section."""

    @property
    def name(self) -> str: ...


class Unknown(Exception):
    """There is no such connector, meter, reader, port or other device."""


class SimulatedStation:
    """All models, buses and deeds of one simulated station. Numbers and names are those of station.toml."""

    def __init__(self, plan: Plan, now_s: Callable[[], float] | None = None) -> None:
        self.plan = plan
        self._now = now_s or (lambda: asyncio.get_running_loop().time())
        start_s = self._now()
        self.is_powered = True
        self.emergency_pressed = False
        self._is_advancing = False
        self._restore_at: asyncio.TimerHandle | None = None
        self._tick: asyncio.TimerHandle | None = None
        self._tick_at_s = math.inf
        self._advanced_s = -math.inf
        self._models = Models(plan, start_s)
        self._wiring = Wiring(self._models)
        self._outlets: dict[int, Outlet] = {int(name): outlet for name, outlet in self._models.outlets.items()}
        self._meters: dict[str, Meter] = self._models.by_kind["meter"]
        self._readers: dict[str, SimulatedReader | CardField] = self._models.by_kind["reader"]
        self._ports = make_ports(self._models, self.keep_up)

    def model(self, kind: str, name: str) -> Any:
        """The model of a device: kind as its section of the station file, a connector's name is its number. Raises
        Unknown."""
        found = self._models.get(kind, name)
        if found is None:
            raise Unknown(_unknown(kind, name, self._models.by_kind.get(kind, {})))
        return found

    @property
    def wiring(self) -> Wiring:
        """Contacts and relays at inputs and outputs."""
        return self._wiring

    # Wires ----------------------------------------------------------------------------------------------------------

    def wire_for(self, port: NamedPort) -> AnyWire:
        """What a port is made on, for a station in the same event loop. Raises Unknown."""
        simulated = self._port(port.name)
        part = next(part for part in self.plan.file.port if part.name == port.name)
        if simulated.can is not None:
            return simulated.can.wire()
        if part.kind in ("gpio", "spi"):
            return self._stand_in(part)
        if simulated.web is not None:
            if simulated.end is None:
                simulated.end = TcpEnd(simulated.handler, "127.0.0.1", 0)
                simulated.end.start()
            host, _, number = simulated.end.where.rpartition(":")
            return WebPlace(host, int(number))
        if not isinstance(simulated.end, LineEnd):
            carrier = Carrier.TCP if part.kind == "tcp" and simulated.reader is None else Carrier.RTU
            simulated.end = LineEnd(simulated.handler, port.name, carrier)
        return simulated.end.line.wire()

    def _stand_in(self, part: PortPart) -> LocalDevice:
        for kind in KIND_OF_SECTION:
            for device in self.plan.simulated(kind):
                stand = faces.STANDS.get((kind, device.driver))
                if device.port == part.name and stand is not None:
                    return stand(self._models.of_face(kind, device.name), device.device(kind), part.device)
        return LocalDevice(part.device)

    def start(self, runtime: Path | None = None) -> tuple[str, ...]:
        """Make pseudo-terminals and listen on TCP ports; what could not be made, in words. Raises OSError.

        A serial port's device is looked for at its configured path, which must lie in a folder that may be written
        (relative names: beside the station's file, or below `runtime` when given), or at socket://HOST:PORT. CAN buses
        are there as slcan, at the same places. Devices of the machine itself (gpio, spi) are not.
        """
        left_out = []
        for part in self.plan.file.port:
            port = self._ports[part.name]
            if part.kind in ("gpio", "spi"):
                left_out.append(f"port '{part.name}': kind {part.kind} is simulated in the station's own process only")
                continue
            if part.kind in ("tcp", "http"):
                port.end = TcpEnd(port.handler, part.host or "127.0.0.1", part.port)
            elif part.device.startswith("socket://"):
                host, number = socket_place(part.device)
                port.end = TcpEnd(port.handler, host, number, carrier=Carrier.RTU)
            else:
                path = self.plan.device_path(part)
                if runtime is not None:
                    path = runtime / Path(part.device or part.name).name
                port.end = PtyEnd(port.handler, path)
            port.end.start()
            log.info("port '%s': %s %s", part.name, port.end.kind, port.end.where)
        return tuple(left_out)

    def close(self) -> None:
        """End everything."""
        for timer in (self._tick, self._restore_at):
            if timer is not None:
                timer.cancel()
        for port in self._ports.values():
            port.close()

    # Time -----------------------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Bring all models up to now, and look again when something is due."""
        now_s = self._now()
        self._advanced_s = now_s
        if self._is_advancing:
            return  # a device that is being asked for the truth asks in turn
        self._is_advancing = True
        try:
            for kind in ("io", "ups", "modules"):
                for model in self._models.by_kind[kind].values():
                    model.advance(now_s)
            self._wiring.advance(now_s)
            for outlet in self._outlets.values():
                outlet.advance(now_s)
            self._wiring.advance(now_s)
            for meter in self._meters.values():
                meter.advance(now_s)
        finally:
            self._is_advancing = False
        self._schedule(now_s)

    def keep_up(self) -> None:
        """Somebody asks: as `advance`, but not more often than each `KEEP_UP_S`."""
        if not 0 <= self._now() - self._advanced_s < KEEP_UP_S:
            self.advance()

    def _schedule(self, now_s: float) -> None:
        if self._tick is not None and now_s < self._tick_at_s <= now_s + LEAST_TICK_S:
            return
        due_s = min((outlet.due_s() for outlet in self._outlets.values()), default=math.inf)
        due_s = min(due_s, self._wiring.due_s())
        at_s = now_s + max(due_s, LEAST_TICK_S)
        if self._tick is not None:
            if at_s >= self._tick_at_s > now_s:
                return
            self._tick.cancel()
            self._tick = None
        self._tick_at_s = at_s
        if at_s < math.inf:
            self._tick = asyncio.get_running_loop().call_at(at_s, self._ticked)

    def _ticked(self) -> None:
        self._tick = None
        self.advance()

    # What people do -------------------------------------------------------------------------------------------------

    def plug(self, connector: int, options: PlugOptions | None = None) -> None:
        """A vehicle comes. Raises Unknown, Occupied."""
        self._act(connector).plug(options or PlugOptions())
        self.advance()

    def unplug(self, connector: int, how: How | None = None) -> None:
        """The vehicle leaves (see `Outlet.unplug`). Raises Unknown, NoVehicle."""
        self._act(connector).unplug(how)
        self.advance()

    def pause(self, connector: int, *, pilot: bool = False) -> None:
        """The vehicle takes nothing for a while. Raises Unknown, NoVehicle."""
        self._act(connector).pause(pilot=pilot)
        self.advance()

    def resume(self, connector: int) -> None:
        """The vehicle goes on. Raises Unknown, NoVehicle."""
        self._act(connector).resume()
        self.advance()

    def tap(self, reader: str, uid: str, connectors: tuple[int, ...] = ()) -> None:
        """Hold a card to a reader; it waits until somebody listens. Raises Unknown, OverflowError."""
        if reader not in self._readers:
            raise Unknown(_unknown("reader", reader, self._readers))
        self._readers[reader].tap(uid, connectors)

    def emergency(self, pressed: bool) -> None:
        """The button on the case: pressed, all connectors are in E9; releasing it clears that."""
        self.advance()
        self.emergency_pressed = pressed
        self._wiring.press(pressed)
        for outlet in self._outlets.values():
            outlet.controller.press_button(pressed)
        self.advance()

    # Bad luck -------------------------------------------------------------------------------------------------------

    def fault(self, connector: int, code: str, value: float | None = None) -> None:
        """Break something at a connector: a code of `faults.FAULTS`, or `temperature` with °C. Raises Unknown."""
        if code not in FAULT_CODES:
            raise Unknown(_unknown("fault code", code, FAULT_CODES))
        self._act(connector).controller.break_down(code, value)
        self.advance()

    def clear(self, connector: int, code: str | None = None) -> None:
        """Mend one thing at a connector, or all. Raises Unknown."""
        self._act(connector).controller.clear(code)
        self.advance()

    def set_meter(self, meter: str, faults: MeterFaults) -> None:
        """Break, mend or set a meter. Raises Unknown."""
        if meter not in self._meters:
            raise Unknown(_unknown("meter", meter, self._meters))
        self.advance()
        self._meters[meter].set_faults(faults)

    def do(self, kind: str, name: str, deed: msgspec.Struct) -> None:
        """Do something to a device: `deed` is its kind's struct (`deed_type`). Raises Unknown, KeyError."""
        self.advance()
        if kind == "input" and isinstance(deed, InputDeed):
            self._named(self._wiring.contacts, kind, name).do(deed)
        elif kind == "output" and isinstance(deed, OutputDeed):
            self._named(self._wiring.relays, kind, name).do(deed)
        else:
            DEEDS[kind].do(self.model(kind, name), deed)
        self.advance()

    @staticmethod
    def deed_type(kind: str) -> type[msgspec.Struct]:
        """The struct that says what is done to devices of a kind. Raises Unknown."""
        types: dict[str, type[msgspec.Struct]] = {"input": InputDeed, "output": OutputDeed}
        types |= {each: deed.faults for each, deed in DEEDS.items()}
        if kind not in types:
            raise Unknown(_unknown("kind of device", kind, types))
        return types[kind]

    def disturb_can(self, port: str, faults: CanFaults) -> None:
        """Bus-off, a babbling node, lost frames on a CAN bus, instead of what was set before. Raises Unknown."""
        line = self._port(port).can
        if line is None:
            names = [name for name, each in self._ports.items() if each.can is not None]
            raise Unknown(_unknown("CAN port", port, names))
        line.disturb(faults)

    def cut(self, port: str, *, unplug: bool = False) -> None:
        """Silence on a port; with `unplug` the device itself disappears. Raises Unknown."""
        self._port(port).cut(unplug=unplug)

    def restore(self, port: str) -> None:
        """A port without any fault again. Raises Unknown, OSError."""
        simulated = self._port(port)
        simulated.bus.faults = PortFaults()
        simulated.restore()

    def disturb(self, port: str, faults: PortFaults) -> None:
        """Noise, late or wrong replies on a port, instead of what was set before. Raises Unknown."""
        self._port(port).bus.faults = faults

    def port_faults(self, port: str) -> PortFaults:
        """What is wrong with a port. Raises Unknown."""
        return self._port(port).bus.faults

    def power_cut(self, restore_after_s: float | None = None) -> None:
        """The station's supply fails: contactors open, devices are silent, until `power_restore` or so much later."""
        self.advance()
        if self.is_powered:
            self.is_powered = False
            for outlet in self._outlets.values():
                outlet.controller.power_off()
                if self.plan.simulation.simulation.cars_vanish_on_power_cut:
                    outlet.vanish()
            for port in self._ports.values():
                port.power(False)
            self._power_devices(False)
        if self._restore_at is not None:
            self._restore_at.cancel()
            self._restore_at = None
        if restore_after_s is not None:
            self._restore_at = asyncio.get_running_loop().call_later(restore_after_s, self.power_restore)
        self.advance()

    def power_restore(self) -> None:
        """The supply is back: controllers start anew."""
        self.advance()
        if self.is_powered:
            return
        self.is_powered = True
        for outlet in self._outlets.values():
            outlet.controller.power_on()
        for port in self._ports.values():
            port.power(True)
        self._power_devices(True)
        self.advance()

    def _power_devices(self, on: bool) -> None:
        """Devices that begin anew when their supply was away."""
        for bank in self._models.by_kind["modules"].values():
            for module in bank.modules.values():
                module.is_powered = on
                module.restart()
        for kind in ("io", "insulation"):
            for model in self._models.by_kind[kind].values():
                model.restart()  # outputs fall at once, and are as at power-on when it is back

    # What can be seen -----------------------------------------------------------------------------------------------

    def state(self, log_entries: int = 50) -> StationState:
        """The truth of all devices now, with the newest `log_entries` of each contactor log."""
        self.advance()
        return StationState(
            name=self.plan.file.station.name,
            now_s=self._now(),
            is_powered=self.is_powered,
            emergency_pressed=self.emergency_pressed,
            connectors=tuple(connector_state(outlet, log_entries) for outlet in self._outlets.values()),
            meters=tuple(meter_state(meter) for meter in self._meters.values()),
            readers=tuple(reader_state(reader) for reader in self._readers.values()),
            ports=tuple(port_state(port) for port in self._ports.values()),
            devices=tuple(device_truths(self._models, self._wiring)),
            switchings=self._wiring.switchings[-log_entries:] if log_entries else (),
            sins=self._wiring.sins,
        )

    def contactor_log(self, connector: int) -> tuple[ContactorEvent, ...]:
        """Every closing and opening so far (the last 5000). Raises Unknown."""
        return tuple(self._act(connector).controller.contactor.log)

    def _act(self, connector: int) -> Outlet:
        self.advance()
        if connector not in self._outlets:
            raise Unknown(_unknown("connector", connector, self._outlets))
        return self._outlets[connector]

    @staticmethod
    def _named(known: dict[str, T], what: str, name: str) -> T:
        if name not in known:
            raise Unknown(_unknown(what, name, known))
        return known[name]

    def _port(self, name: str) -> SimulatedPort:
        if name not in self._ports:
            raise Unknown(_unknown("port", name, self._ports))
        return self._ports[name]


def _unknown(what: str, name: object, known: object) -> str:
    names = ", ".join(str(each) for each in known) if hasattr(known, "__iter__") else ""
    return f"{what} '{name}': there is none here. There are: {names or 'none'}."
