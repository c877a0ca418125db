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
from typing import Protocol

from drivers.codecs.modbus import Carrier
from drivers.ports.wire import Wire
from drivers.simulated.bus import Bus, BusDevice, PortFaults
from drivers.simulated.contactor import ContactorEvent
from drivers.simulated.controller import Controller
from drivers.simulated.ends import LineEnd, PtyEnd, TcpEnd
from drivers.simulated.faults import FAULTS
from drivers.simulated.meter import Meter, MeterFaults
from drivers.simulated.outlet import How, Outlet
from drivers.simulated.plan import CONTROLLER_DRIVER, METER_DRIVER, READER_DRIVER, Plan
from drivers.simulated.port import BusHandler, ControllerDevice, MeterDevice, ReaderHandler, SimulatedPort
from drivers.simulated.reader import SimulatedReader
from drivers.simulated.vehicle import PlugOptions
from drivers.simulated.view import connector_state, meter_state, port_state, reader_state
from drivers.simulated.words import StationState

log = logging.getLogger(__name__)

LEAST_TICK_S = 0.25
FAULT_CODES = (*FAULTS, "temperature")


class NamedPort(Protocol):
    """Any [[port]] section."""

    @property
    def name(self) -> str: ...


class Unknown(Exception):
    """There is no such connector, meter, reader or port."""


class SimulatedStation:
    """All models, buses and deeds of one simulated station. Numbers and names are those of station.toml."""

    def __init__(self, plan: Plan, now_s: Callable[[], float] | None = None) -> None:
        self.plan = plan
        self._now = now_s or (lambda: asyncio.get_running_loop().time())
        start_s = self._now()
        self.is_powered = True
        self.emergency_pressed = False
        self._restore_at: asyncio.TimerHandle | None = None
        self._tick: asyncio.TimerHandle | None = None
        self._tick_at_s = math.inf
        self._outlets = self._make_outlets(start_s)
        self._meters = self._make_meters(start_s)
        self._readers = {
            part.name: SimulatedReader(part.name, part.connectors)
            for part in plan.file.reader
            if part.driver == READER_DRIVER and part.port
        }
        self._ports = self._make_ports()

    def _make_outlets(self, start_s: float) -> dict[int, Outlet]:
        outlets = {}
        for part in self.plan.file.connector:
            if part.driver == CONTROLLER_DRIVER:
                extra = self.plan.connector_extra(part.number)
                controller = Controller(self.plan.hardware(part), now_s=start_s, boot_count=extra.boot_count)
                outlets[part.number] = Outlet(controller)
        return outlets

    def _make_meters(self, start_s: float) -> dict[str, Meter]:
        file, simulation = self.plan.file, self.plan.simulation.simulation
        meters = {}
        for part in (each for each in file.meter if each.driver == METER_DRIVER):
            is_main = part.name == file.station.meter
            extra = self.plan.meter_extra(part.name)
            loads = [
                self._outlets[connector.number].controller.output
                for connector in file.connector
                if connector.number in self._outlets and (is_main or connector.meter == part.name)
            ]
            meters[part.name] = Meter(
                part.name,
                loads,
                start_wh=extra.start_wh,
                building_load_w=simulation.building_load_w if is_main else 0.0,
                phase_voltage_v=file.station.phase_voltage_v,
                serial=extra.serial,
                now_s=start_s,
            )
        return meters

    def _make_ports(self) -> dict[str, SimulatedPort]:
        file = self.plan.file
        devices: dict[str, dict[int, BusDevice]] = {port.name: {} for port in file.port}
        for connector in file.connector:
            if connector.number in self._outlets:
                device = ControllerDevice(self._outlets[connector.number].controller)
                devices[connector.port][connector.address] = device
        for meter in file.meter:
            if meter.name in self._meters:
                devices[meter.port][meter.address] = MeterDevice(self._meters[meter.name], lambda: self.is_powered)
        readers = {part.port: self._readers[part.name] for part in file.reader if part.name in self._readers}
        seed = self.plan.simulation.simulation.seed
        ports = {}
        for index, name in enumerate(devices):
            bus = Bus(name, devices[name], self.advance, seed + index)
            reader = readers.get(name)
            handler = BusHandler(bus) if reader is None else ReaderHandler(reader)
            ports[name] = SimulatedPort(name, handler, bus, reader)
        return ports

    # Wires ----------------------------------------------------------------------------------------------------------

    def wire_for(self, port: NamedPort) -> Wire:
        """An in-process wire to the devices of a port, for a station in the same event loop. Raises Unknown."""
        simulated = self._port(port.name)
        if not isinstance(simulated.end, LineEnd):
            kind = next(part.kind for part in self.plan.file.port if part.name == port.name)
            carrier = Carrier.TCP if kind == "tcp" and simulated.reader is None else Carrier.RTU
            simulated.end = LineEnd(simulated.handler, port.name, carrier)
        return simulated.end.line.wire()

    def start(self, runtime: Path | None = None) -> None:
        """Make pseudo-terminals and listen on TCP ports. Raises OSError.

        A serial port's device is looked for at its configured path, which must lie in a folder that may be written
        (relative names: beside the station's file, or below `runtime` when given).
        """
        for part in self.plan.file.port:
            port = self._ports[part.name]
            if part.kind == "tcp":
                port.end = TcpEnd(port.handler, part.host or "127.0.0.1", part.port)
            else:
                path = self.plan.device_path(part)
                if runtime is not None:
                    path = runtime / Path(part.device or part.name).name
                port.end = PtyEnd(port.handler, path)
            port.end.start()
            log.info("port '%s': %s %s", part.name, port.end.kind, port.end.where)

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
        for outlet in self._outlets.values():
            outlet.advance(now_s)
        for meter in self._meters.values():
            meter.advance(now_s)
        self._schedule(now_s)

    def _schedule(self, now_s: float) -> None:
        if self._tick is not None and now_s < self._tick_at_s <= now_s + LEAST_TICK_S:
            return
        due_s = min((outlet.due_s() for outlet in self._outlets.values()), default=math.inf)
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
            for reader in self._readers.values():
                reader.is_powered = False
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
            if port.reader is not None and not port.bus.is_cut:
                port.reader.is_powered = True
                port.reader.received(b"")
        self.advance()

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
        )

    def contactor_log(self, connector: int) -> tuple[ContactorEvent, ...]:
        """Every closing and opening so far (the last 5000). Raises Unknown."""
        return tuple(self._act(connector).controller.contactor.log)

    def _act(self, connector: int) -> Outlet:
        self.advance()
        if connector not in self._outlets:
            raise Unknown(_unknown("connector", connector, self._outlets))
        return self._outlets[connector]

    def _port(self, name: str) -> SimulatedPort:
        if name not in self._ports:
            raise Unknown(_unknown("port", name, self._ports))
        return self._ports[name]


def _unknown(what: str, name: object, known: object) -> str:
    names = ", ".join(str(each) for each in known) if hasattr(known, "__iter__") else ""
    return f"{what} '{name}': there is none here. There are: {names or 'none'}."
