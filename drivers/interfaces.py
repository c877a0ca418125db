"""What devices can do: one small Protocol and one frozen reading per ability, units in the names.

Statuses, flags and connector types are the words of the domain (source S2, appendix 1 and 7.1.2); a driver of
another maker's controller maps its own states onto them. A reading is always fresh: a driver that could not read
raises a `DeviceError`, it never returns an old value or a zero in its place.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec


class ControllerStatus(enum.StrEnum):
    """Status of a connector controller (S2 appendix 1). The letters follow IEC 61851-1, the digits the DC sequence."""

    A_NOT_CONNECTED = "A"
    B_CONNECTED = "B"
    B1_NEGOTIATION = "B1"
    B2_FINISHED = "B2"
    C1_CABLE_LOCK = "C1"
    C2_INSULATION_TEST = "C2"
    C3_INSULATION_OK = "C3"
    C4_PRECHARGE = "C4"
    C5_PRECHARGE_DONE = "C5"
    C6_CHARGING = "C6"
    C7_RAMP_DOWN = "C7"
    C8_SHUTDOWN = "C8"
    C9_CABLE_UNLOCK = "C9"
    E1_COMMUNICATION = "E1"
    E2_PREPARATION = "E2"
    E3_EV_FAULT = "E3"
    E4_SHUTDOWN = "E4"
    E5_PROTOCOL = "E5"
    E6_ELECTROMECHANICAL = "E6"
    E7_OVERHEAT = "E7"
    E8_NO_MODULES = "E8"
    E9_EMERGENCY_STOP = "E9"
    F_UNKNOWN = "F"

    @property
    def is_charging(self) -> bool:
        """C1..C9: the controller is on the way to, in, or on the way out of energy transfer."""
        return self.value.startswith("C")

    @property
    def is_error(self) -> bool:
        """E1..E9."""
        return self.value.startswith("E")

    @property
    def is_connected(self) -> bool:
        """B, B1, B2 or C1..C9: a vehicle is certainly there (an error status alone does not say)."""
        return self.value[0] in "BC"


class ConnectorType(enum.StrEnum):
    """S2 7.1.2.1; CCS1, SCHUKO and NACS are ours."""

    TYPE1 = "TYPE1"
    TYPE2 = "TYPE2"
    GBT_AC = "GBT_AC"
    GBT = "GBT"
    CHADEMO = "CHADEMO"
    CCS2 = "CCS2"
    TESLA = "TESLA"
    UNKNOWN = "UNKNOWN"
    CCS1 = "CCS1"
    SCHUKO = "SCHUKO"
    NACS = "NACS"

    @property
    def power_type(self) -> PowerType:
        """The kind of current this connector carries."""
        return PowerType.DC if self in _DC_TYPES else PowerType.AC


class PowerType(enum.StrEnum):
    AC = "AC"
    DC = "DC"


_DC_TYPES = frozenset({ConnectorType.GBT, ConnectorType.CHADEMO, ConnectorType.CCS2, ConnectorType.CCS1})


class HardwareFlag(enum.IntFlag):
    """Flags a connector controller reports (S2 7.1.2.1)."""

    INPUT_VOLTAGE = 1
    EV_CONNECTED = 2
    PRECHECK_DONE = 4
    CONNECTOR_LOCKED = 8
    OUTPUT_RELAY = 16
    CHARGING = 32
    CABLE_OVERHEAT = 64
    INTERNAL_OVERHEAT = 128


class SelfDiagnosisFlag(enum.IntFlag):
    """Findings that do not stop work but need a technician (S2 7.1.2.1)."""

    T1_WRONG = 1
    T2_WRONG = 2
    LOCK_STATE_WRONG = 4


class FailSafe(enum.StrEnum):
    """What a controller does by itself when its lease ends."""

    OPENS = "opens"
    SAFE_CURRENT = "safe_current"
    NONE = "none"


class Cause(enum.StrEnum):
    """Why a controller is in an error status, as far as it says."""

    NONE = "none"
    LOCK_FAILED = "lock_failed"
    CONTACTOR_FAILED = "contactor_failed"
    CONTACTOR_WELDED = "contactor_welded"
    INSULATION_FAILED = "insulation_failed"
    DIODE_FAULT = "diode_fault"
    PILOT_FAULT = "pilot_fault"
    RESIDUAL_CURRENT = "residual_current"
    OVERCURRENT = "overcurrent"
    OVERVOLTAGE = "overvoltage"
    OVERHEAT = "overheat"
    EV_STOPPED = "ev_stopped"
    EV_SILENT = "ev_silent"
    PRECHARGE_FAILED = "precharge_failed"
    LEASE_ENDED = "lease_ended"
    EMERGENCY_BUTTON = "emergency_button"
    EMERGENCY_COMMAND = "emergency_command"
    MODULES_LOST = "modules_lost"
    OTHER = "other"


MOST_IDENTITY = 64
_IDENTITY_TEXTS = ("vendor", "model", "serial", "firmware_version", "hardware_version", "build_date", "module_version")


class Identity(msgspec.Struct, frozen=True):
    """Who a device says it is; empty text for what it does not tell.

    What it says is shown and kept: a text is cut to `MOST_IDENTITY` characters, "?" stands for what cannot be printed.
    """

    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware_version: str = ""
    hardware_version: str = ""
    build_date: str = ""
    protocol_version: int = 0
    module_version: str = ""
    """Firmware of the module controller behind it."""

    def __post_init__(self) -> None:
        for name in _IDENTITY_TEXTS:
            text = getattr(self, name)
            if len(text) > MOST_IDENTITY or not text.isprintable():
                shown = "".join(letter if letter.isprintable() else "?" for letter in text[:MOST_IDENTITY])
                msgspec.structs.force_setattr(self, name, shown)


class ControllerReading(msgspec.Struct, frozen=True):
    """One poll of a connector controller.

    `current_a` is per phase L1, L2, L3 for AC and (I, 0, 0) for DC; energy into the vehicle is positive.
    `session_ref` is what the station gave with the start order that is in force, 0 when none is; `boot_count` changes
    when the controller restarted; `energy_wh` counts this session only, by the controller's own measurement.
    `is_metered` False: it measures no current, and voltage, current, power and energy are 0 here for that reason.
    `is_request_bounded`: the vehicle asks for no more than it was told it may have, so that a request at the limit may
    want more.
    """

    status: ControllerStatus
    flags: HardwareFlag
    cause: Cause
    boot_count: int
    session_ref: int
    lease_left_s: float
    limit_current_a: float
    limit_power_w: float
    voltage_v: float
    current_a: tuple[float, float, float]
    power_w: float
    energy_wh: int
    elapsed_s: int
    ev_requests_energy: bool
    remaining_s: int | None = None
    soc_pct: float | None = None
    requested_voltage_v: float | None = None
    requested_current_a: float | None = None
    battery_temperature_c: float | None = None
    is_metered: bool = True
    is_request_bounded: bool = False


class VehicleData(msgspec.Struct, frozen=True):
    """What the vehicle told about itself; None or empty where its protocol does not carry it.

    `uid` is the VIN, or the MAC address of the vehicle's modem on CCS2.
    """

    uid: str = ""
    battery_capacity_wh: int | None = None
    start_voltage_v: float | None = None
    max_power_w: float | None = None
    max_voltage_v: float | None = None
    max_current_a: float | None = None
    cable_current_a: float | None = None
    phases: int | None = None


class Diagnosis(msgspec.Struct, frozen=True):
    """What a technician wants to see of a controller; None where it has no such sensor."""

    self_diagnosis: SelfDiagnosisFlag = SelfDiagnosisFlag(0)
    control_pilot_v: float | None = None
    control_pilot_duty_pct: float | None = None
    proximity_ohm: int | None = None
    t1_c: float | None = None
    t2_c: float | None = None
    module_temperature_c: float | None = None
    insulation_kohm: int | None = None
    insulation_errors: int = 0
    findings: tuple[str, ...] = ()
    """What the device says is wrong, in words."""
    u_plus_v: float | None = None
    u_minus_v: float | None = None
    clock: datetime | None = None
    uptime_s: int = 0


class Parameter(msgspec.Struct, frozen=True):
    """A writable setting of a controller: raw value in `unit` steps as its documentation gives them."""

    name: str
    value: int
    minimum: int
    maximum: int
    unit: str
    description: str


class ConnectorController(Protocol):
    """A device with the contactor of one connector. Every method may raise NoAnswer, BadFrame or Refused.

    Permission to let energy flow is a lease: `start` and `limit` name how long they hold; when it ends unrenewed the
    device does its `fail_safe` by itself (R2).
    """

    fail_safe: FailSafe

    async def identify(self) -> Identity: ...

    async def read(self) -> ControllerReading: ...

    async def read_vehicle(self) -> VehicleData: ...

    async def read_diagnosis(self) -> Diagnosis: ...

    async def start(
        self,
        session_ref: int,
        flags: int,
        current_a: float,
        power_w: float,
        valid_for_s: float,
        *,
        keep_cable: bool = False,
    ) -> None:
        """Permit energy for the session `session_ref` (1..2^32-1) within the limits, for `valid_for_s` from now.

        `flags` are the configured start-command flags, hardware specific, 0 for none. `keep_cable`: a cable locked in
        the station's socket stays locked when the vehicle is unplugged at its own end, until `unlock` or the vehicle's
        return; a device that cannot do that releases it as ever.
        """
        ...

    async def limit(self, current_a: float, power_w: float, valid_for_s: float) -> None:
        """Renew the lease and offer at most `current_a` per phase and `power_w` in all; 0 pauses."""
        ...

    async def stop(self) -> None:
        """Withdraw the permission: ramp to zero, open the contactor, release the cable. Never refused."""
        ...

    async def lock(self) -> None: ...

    async def unlock(self) -> None: ...

    async def emergency_stop(self) -> None:
        """Switch off at once and stay in E9 until rebooted or the physical button is pressed and released."""
        ...

    async def reboot(self) -> None: ...

    async def set_clock(self, at: datetime) -> None: ...

    async def parameters(self) -> tuple[Parameter, ...]: ...

    async def write_parameter(self, name: str, value: int) -> Parameter:
        """Write, read back and return what the device now holds. Raises Refused when it kept another value."""
        ...


@runtime_checkable
class HasOwnTimeOut(Protocol):
    """A controller that knows no leases: its `fail_safe` comes `opens_after_s` after the last thing it heard of us
    (infinity: it never opens by itself)."""

    @property
    def opens_after_s(self) -> float: ...


class MeterReading(msgspec.Struct, frozen=True):
    """One reading of an energy meter. Phases L1, L2, L3; a DC meter uses the first element only.

    `energy_wh` is the import register (energy into the vehicles), never reset. None where a meter does not measure the
    value: never 0 in its place. `signed` is a signed record exactly as the meter gave it.
    """

    energy_wh: int
    power_w: float
    voltage_v: tuple[float, float, float] | None
    current_a: tuple[float, float, float] | None
    energy_export_wh: int | None = None
    frequency_hz: float | None = None
    power_factor: float | None = None
    signed: bytes | None = None


class EnergyMeter(Protocol):
    """An energy meter. `read` raises NoAnswer, BadFrame, Refused, or Implausible for values no meter can mean."""

    async def read(self) -> MeterReading: ...

    async def identify(self) -> Identity: ...


class SessionReference(msgspec.Struct, frozen=True):
    """What a session that a meter signs is about.

    `transaction` is the station's own name of it (at most 36 characters of ASCII), the same after any restart; `evse`
    the outlet; `client` who charges, as a card's number. `at` is the time now, None while the clock is not set.
    """

    transaction: str
    evse: str
    client: str = ""
    at: datetime | None = None


@runtime_checkable
class SignsSessions(Protocol):
    """A meter that signs what a session took. Both methods may raise NoAnswer, BadFrame or Refused, and may be
    repeated: after a restart of this software a session that still runs is known by its reference."""

    async def begin_session(self, reference: SessionReference) -> None:
        """Let the meter begin. A session of this reference that runs already goes on; another one that was left
        running is ended first, its record stays in the meter."""
        ...

    async def end_session(self, reference: SessionReference) -> bytes:
        """End it and give its signed record, byte for byte. One that has ended already gives its record again, as
        long as the meter keeps it. Raises Refused when the meter knows no such session."""
        ...


class Card(msgspec.Struct, frozen=True):
    """A card held to a reader: its number as idToken of OCPP, at most 20 characters (upper-case hexadecimal, or as the
    reader's options say).

    `connectors` is what the reader knows of which are meant; empty when it does not. `kind` is what kind of card it is,
    for people; `number` its bytes as they were read, UID0 first; `read_ms` how long reading took, None where nobody
    knows. `refusal` says in words why nobody may be authorised by this card; `uid` may then be empty.
    """

    uid: str
    connectors: tuple[int, ...] = ()
    kind: str = ""
    refusal: str = ""
    number: bytes = b""
    read_ms: float | None = None


class CardReader(Protocol):
    """A card reader. `cards` yields each card once when it is put on, until the reader is gone (NoAnswer)."""

    name: str

    def cards(self) -> AsyncIterator[Card]: ...


class CardSignal(enum.StrEnum):
    """What a reader shows or sounds to who holds a card to it."""

    WAIT = "wait"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@runtime_checkable
class SignalsCards(Protocol):
    """A reader with a light or a buzzer."""

    async def signal(self, signal: CardSignal) -> None:
        """Show it; returns when it was told. Raises NoAnswer, Refused. May be called while `cards` runs, and only
        then."""
        ...


class ReaderHealth(msgspec.Struct, frozen=True):
    """How a reader is, since it was made. `heard_s`: when it was last known to be there, by the loop's clock; None:
    never. `polls` are its questions, `errors` those that failed, `refused` readings that were no whole card. `place` is
    where it is found (a device file, the name at the PC/SC service)."""

    identity: Identity = Identity()
    heard_s: float | None = None
    polls: int = 0
    errors: int = 0
    refused: int = 0
    place: str = ""


@runtime_checkable
class TellsHealth(Protocol):
    """A reader that knows how it is. Nothing is asked for it: who polls its reader knows it from that."""

    def health(self) -> ReaderHealth: ...


class ModuleLimits(msgspec.Struct, frozen=True):
    """What one power module can give."""

    max_voltage_v: float
    min_voltage_v: float
    max_current_a: float
    max_power_w: float


class ModuleReading(msgspec.Struct, frozen=True):
    """One DC power module as it was last heard.

    `number` is its address on the bus. `is_online`: it answered within the last second. `is_on`: its output is on.
    `is_active`: on line, on, and without a fault or protection. `alarms` are the maker's words in lower case with
    spaces ("fan fault"); `has_fault` says that they keep it from giving power. `is_limited`: it gives less than asked
    (derating, power limit). Values are None while they have not been heard.
    """

    number: int
    is_online: bool
    is_on: bool = False
    voltage_v: float | None = None
    current_a: float | None = None
    temperature_c: float | None = None
    alarms: tuple[str, ...] = ()
    has_fault: bool = False
    is_limited: bool = False
    limits: ModuleLimits | None = None
    identity: Identity = Identity()

    @property
    def is_active(self) -> bool:
        return self.is_online and self.is_on and not self.has_fault


class PowerModules(Protocol):
    """DC power modules on one bus. `run` must be running: it asks them in turn and repeats the set-points.

    A set-point is a lease: it is repeated as often as the modules need until it ends unrenewed; then they are told
    0 A and off. When this software dies they switch off by their own time-out, which is `silent_off_s`.
    """

    fail_safe: FailSafe
    silent_off_s: float

    async def run(self) -> None:
        """Talk to the modules until cancelled; a bus that is not there is waited for."""
        ...

    def modules(self) -> tuple[ModuleReading, ...]:
        """All configured modules as they were last heard; nothing is asked."""
        ...

    def set_output(self, modules: Sequence[int], voltage_v: float, current_a: float, valid_for_s: float) -> None:
        """Let `modules` give `voltage_v` and together at most `current_a`, divided among the active ones.

        It leaves within 50 ms. Voltages outside a module's own limits are refused for it (it stays off). 0 A keeps
        them on at the voltage (pre-charge). Raises ValueError for a module that is not configured, a negative number
        or not a number.
        """
        ...

    def switch_off(self, modules: Sequence[int]) -> None:
        """0 A, then off; leaves at once, ahead of all polls, and is repeated until they say they are off."""
        ...


class IoReading(msgspec.Struct, frozen=True):
    """All channels of an I/O module: electrical states, not yet their meaning. None: the channel is not readable.

    `counters` are its own pulse counters, as far as it has them.
    """

    inputs: tuple[bool | None, ...]
    outputs: tuple[bool | None, ...]
    counters: tuple[int, ...] = ()


class DigitalIO(Protocol):
    """Digital inputs and outputs. Channels count from 0. `inputs` and `outputs` are how many there are.

    `fail_safe` OPENS: once `prepare` was done, the module itself switches its outputs off when nobody has asked it
    for the watchdog's time.
    """

    fail_safe: FailSafe
    inputs: int
    outputs: int

    async def identify(self) -> Identity: ...

    async def prepare(self, watchdog_s: float) -> None:
        """Set the module's own watchdog and its safe values (all off); nothing on a module without. After each start
        of the module to be done again (`read` raises nothing then: the caller prepares when it answers again)."""
        ...

    async def read(self) -> IoReading: ...

    async def write(self, channel: int, on: bool) -> None:
        """Switch one output. Raises ValueError for a channel that is not there."""
        ...


class InsulationReading(msgspec.Struct, frozen=True):
    """One reading of an insulation monitor. `is_at_least`: the true resistance is `resistance_ohm` or more.

    `warning` and `alarm` are its own verdicts; `fault` is a fault of the monitor itself, empty when there is none.
    """

    resistance_ohm: float
    is_at_least: bool = False
    warning: bool = False
    alarm: bool = False
    fault: str = ""
    voltage_v: float | None = None
    u_plus_v: float | None = None
    u_minus_v: float | None = None


class InsulationMonitor(Protocol):
    """A monitor of the insulation of a DC output against earth."""

    async def identify(self) -> Identity: ...

    async def prepare(self, warning_ohm: float, alarm_ohm: float) -> None:
        """Set its thresholds and let it measure. Raises Refused when it keeps others."""
        ...

    async def read(self) -> InsulationReading: ...

    async def self_test(self) -> str:
        """Let it test itself, at most 30 s; the fault found, or empty."""
        ...


class ClimateReading(msgspec.Struct, frozen=True):
    """One reading of a climate sensor; None for what it does not measure. A sensor that says it has failed raises
    Implausible instead."""

    temperature_c: float | None = None
    humidity_pct: float | None = None


class ClimateSensor(Protocol):
    """A sensor of temperature, humidity or both."""

    async def identify(self) -> Identity: ...

    async def read(self) -> ClimateReading: ...


Rgb = tuple[int, int, int]
"""Red, green, blue, 0..255 each."""


class LightStrip(Protocol):
    """Addressable lights in a row. `pixels` is how many there are."""

    pixels: int

    async def show(self, colours: Sequence[Rgb]) -> None:
        """Show these, the first pixel first; missing ones are dark. Raises NoAnswer when nothing takes them."""
        ...


@runtime_checkable
class HasLight(Protocol):
    """A connector controller with a light of its own."""

    async def show_light(self, colour: Rgb) -> None:
        """Show this colour until told otherwise. Raises as all orders."""
        ...


class SupplyReading(msgspec.Struct, frozen=True):
    """The station's uninterruptible supply. `is_low`: it asks for an orderly shutdown now."""

    on_battery: bool
    is_low: bool
    charge_pct: float | None = None
    runtime_s: float | None = None
    needs_battery: bool = False


class UninterruptibleSupply(Protocol):
    """A UPS, or a power-fail signal with a buffer behind it."""

    async def identify(self) -> Identity: ...

    async def read(self) -> SupplyReading: ...


class FrameKind(enum.StrEnum):
    """What a frame of the vehicle side is: a CAN frame of GB/T 27930 or CHAdeMO, a message of DIN 70121 or ISO 15118
    as the controller words it, or a change of the control pilot."""

    GBT = "gbt"
    CHADEMO = "chademo"
    CCS = "ccs"
    PILOT = "pilot"


class VehicleFrame(msgspec.Struct, frozen=True):
    """One frame between connector controller and vehicle. `at_ms` is the controller's own time, steady, wraps at 2^32.

    `can_id` counts for GBT and CHADEMO. `data` is the frame's data; for CCS and PILOT UTF-8 text.
    """

    at_ms: int
    kind: FrameKind
    can_id: int
    data: bytes


class FramesRead(msgspec.Struct, frozen=True):
    """Frames since the last call, oldest first; `lost` were overwritten in the controller before they were read."""

    frames: tuple[VehicleFrame, ...]
    lost: int = 0


@runtime_checkable
class HasVehicleFrames(Protocol):
    """A connector controller that keeps the frames exchanged with the vehicle."""

    async def read_frames(self) -> FramesRead: ...


class PowerDemand(msgspec.Struct, frozen=True):
    """What a controller without modules of its own asks of the power supply: `is_on` false is off at once."""

    is_on: bool
    voltage_v: float = 0.0
    current_a: float = 0.0


class SupplyOutput(msgspec.Struct, frozen=True):
    """What the power supply really gives: measured, and what it could give at most."""

    voltage_v: float
    current_a: float
    max_voltage_v: float
    max_current_a: float
    max_power_w: float
    temperature_c: float | None = None
    insulation_ohm: float | None = None
    is_able: bool = True


@runtime_checkable
class NeedsSupply(Protocol):
    """A DC connector controller that leaves voltage and current to power modules of the station."""

    def demand(self) -> PowerDemand:
        """What it asks for now; off when it has not been heard for as long as its protocol allows."""
        ...

    def report(self, output: SupplyOutput) -> None:
        """What the supply gives; to be told at least every 100 ms, or the controller ends the charge."""
        ...


@runtime_checkable
class HasSupplyLoop(Protocol):
    """A `NeedsSupply` that is told and asked by questions of its own, not by frames that come and go by themselves."""

    async def run_supply(self) -> None:
        """Tell it of the supply and ask what it wants, until cancelled."""
        ...


class Parts(Protocol):
    """Other devices of the station, for a driver whose device is made of them (a socket behind a relay)."""

    def input(self, name: str) -> bool | None:
        """The debounced state of an [[input]], True when active; None while it is not known. Raises KeyError."""
        ...

    async def switch(self, name: str, on: bool) -> None:
        """Switch an [[output]]; it counts as a lease where its module has a watchdog. Raises KeyError, DeviceError."""
        ...

    def is_on(self, name: str) -> bool | None:
        """Whether an [[output]] is really on: its feedback where it has one, else what its module says."""
        ...

    def meter(self, name: str) -> MeterReading | None:
        """The last good reading of a [[meter]], None when it is older than 5 s. Raises KeyError."""
        ...

    def fault(self, name: str) -> Cause:
        """Why an [[output]] is out of order (its contactor is welded, or does not close); NONE while it obeys."""
        ...


@runtime_checkable
class AssumesVehicle(Protocol):
    """A connector controller that cannot see whether a vehicle is there."""

    def assume_vehicle(self) -> None:
        """Somebody is authorised here: from now on a vehicle is assumed, as far as nothing says otherwise."""
        ...


MOST_FIRMWARE = 4 << 20
"""Bytes of a firmware image."""


class FirmwareImage(msgspec.Struct, frozen=True):
    """An image file that was looked at. `kind`: MAIN (the controller's own) or MODULES (of the module controller behind
    it); `hardware`: the number of what it is made for."""

    kind: str
    data: bytes
    version: str
    model: str
    hardware: int


class FirmwareStage(enum.StrEnum):
    """Where writing firmware stands."""

    ENTERING = "entering"
    SENDING = "sending"
    CHECKING = "checking"
    STARTING = "starting"


class FirmwareProgress(msgspec.Struct, frozen=True):
    """`block` of `blocks` are acknowledged; `repeats` blocks were sent again so far, in all attempts."""

    stage: FirmwareStage
    block: int = 0
    blocks: int = 0
    attempt: int = 1
    attempts: int = 1
    repeats: int = 0


@runtime_checkable
class UpdatesFirmware(Protocol):
    """A connector controller whose firmware can be written over its wire."""

    def look_at_image(self, kind: str, data: bytes) -> FirmwareImage:
        """What an image file is. Raises ValueError, with what is wrong, for one that this driver does not write."""
        ...

    async def is_in_boot_loader(self) -> bool:
        """Whether it waits for firmware and can do nothing else. Raises NoAnswer, BadFrame; Refused: it has none."""
        ...

    async def write_firmware(
        self, image: FirmwareImage, attempts: int, progress: Callable[[FirmwareProgress], None]
    ) -> Identity:
        """Write it and start it; who the controller is then. All other calls raise NoAnswer or Refused meanwhile, and
        nothing of them gets onto the wire. Its contactor is open from the first step until it has started anew. Raises
        NotWritten; cancelling leaves the controller where it stands (in its boot loader, most likely)."""
        ...
