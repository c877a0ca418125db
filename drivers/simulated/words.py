"""What the control interface says: the truth of all simulated devices, as frozen structs that travel as JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from drivers.simulated.commutation import Sin, SwitchEvent
from drivers.simulated.contactor import ContactorEvent
from drivers.simulated.reader import Tap
from drivers.simulated.vehicle import PlugOptions


class VehicleState(msgspec.Struct, frozen=True, kw_only=True):
    """The vehicle at a connector. `energy_wh` is what it has received."""

    asks: bool
    paused: bool
    finished: bool
    wished_current_a: float
    soc_pct: float
    energy_wh: float
    age_s: float
    options: PlugOptions


class ConnectorState(msgspec.Struct, frozen=True, kw_only=True):
    """One connector in truth. `energy_wh` is all it ever delivered; `contactor_log` ends with the newest entry.

    `started_at_s` is when the controller accepted its last start order, on the clock of `StationState.now_s`.
    """

    number: int
    type: str
    status: str
    cause: str
    is_powered: bool
    contactor_closed: bool
    locked: bool
    session_ref: int
    permitted: bool
    started_at_s: float | None
    lease_left_s: float
    limit_current_a: float
    limit_power_w: float
    voltage_v: float
    current_a: tuple[float, float, float]
    power_w: float
    energy_wh: float
    session_wh: float
    temperature_c: float
    boot_count: int
    faults: tuple[str, ...]
    vehicle_coming: bool
    vehicles: int
    vehicle: VehicleState | None
    contactor_operations: int
    contactor_log: tuple[ContactorEvent, ...]


class MeterState(msgspec.Struct, frozen=True, kw_only=True):
    """One meter: what it says, and what has truly flowed through it since the simulation began (`true_wh`)."""

    name: str
    import_wh: float | None
    export_wh: float | None
    power_w: float | None
    true_wh: float
    silent: bool
    frozen: bool
    nan: bool
    swapped: bool
    direction: str
    delay_s: float


class ReaderState(msgspec.Struct, frozen=True, kw_only=True):
    """One card reader: taps that wait, and how many were taken or refused."""

    name: str
    connectors: tuple[int, ...]
    is_listened_to: bool
    waiting: tuple[Tap, ...]
    taken: int
    refused: int


class PortState(msgspec.Struct, frozen=True, kw_only=True):
    """One port: where the station finds it, what passed, what was done to it (`faults_done`, by kind)."""

    name: str
    kind: str
    where: str
    peers: int
    is_cut: bool
    is_unplugged: bool
    requests: int
    replies: int
    faults_done: dict[str, int]


class DeviceTruth(msgspec.Struct, frozen=True, kw_only=True):
    """Any other device in truth (modules, insulation, io, sensor, light, ups, input, output); `values` by its kind."""

    kind: str
    name: str
    driver: str
    port: str
    values: dict[str, Any]


class StationState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything. `now_s` is the simulation's monotonic clock, that of the contactor log."""

    name: str
    now_s: float
    is_powered: bool
    emergency_pressed: bool
    connectors: tuple[ConnectorState, ...]
    meters: tuple[MeterState, ...]
    readers: tuple[ReaderState, ...]
    ports: tuple[PortState, ...]
    devices: tuple[DeviceTruth, ...] = ()
    switchings: tuple[SwitchEvent, ...] = ()
    """Contactors between buses: the newest closings and openings."""
    sins: tuple[Sin, ...] = ()
    """What must never have been, of shared modules."""

    def device(self, kind: str, name: str) -> DeviceTruth:
        """Raises KeyError."""
        return {(each.kind, each.name): each for each in self.devices}[kind, name]

    def connector(self, number: int) -> ConnectorState:
        """Raises KeyError."""
        return {each.number: each for each in self.connectors}[number]

    def meter(self, name: str) -> MeterState:
        """Raises KeyError."""
        return {each.name: each for each in self.meters}[name]

    def reader(self, name: str) -> ReaderState:
        """Raises KeyError."""
        return {each.name: each for each in self.readers}[name]

    def port(self, name: str) -> PortState:
        """Raises KeyError."""
        return {each.name: each for each in self.ports}[name]
