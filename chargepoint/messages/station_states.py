"""How the station is: connectors, meters, devices, climate, power."""

from __future__ import annotations

from datetime import datetime

import msgspec

from chargepoint.messages.kinds import State
from chargepoint.power_picture import (
    ContactorPicture,
    GroupPicture,
    LimitPicture,
    MovePicture,
    OutputPicture,
)
from chargepoint.records import Credential, Limit, PriceData
from chargepoint.vocabulary import (
    Cause,
    ClimateZone,
    ConnectorFlag,
    ConnectorStatus,
    ConnectorType,
    FailSafe,
    InputFunction,
    LogicalStatus,
    OperatingMode,
    OutputFunction,
    SessionState,
    StartSource,
    StopSource,
    TechnicalStatus,
)
from drivers.interfaces import (
    ControllerReading,
    Identity,
    InsulationReading,
    MeterReading,
    ModuleReading,
    SupplyReading,
    VehicleData,
)


class SessionSummary(msgspec.Struct, frozen=True):
    """What screens show of a session that is not finished.

    `cost` is what it has cost by now, with the prices it began with; None where there are none, or none was begun.
    `ended_mono_s` (monotonic, as of all services) is when its energy ended, for the idle fee; None: it has not, or
    nobody knows when. `stop_source` why it ends.
    """

    session_id: int
    state: SessionState
    start_source: StartSource | None
    starter: Credential | None
    is_transaction: bool
    energy_wh: int
    elapsed_s: int
    soc_start_pct: float | None = None
    cost: PriceData | None = None
    ended_mono_s: float | None = None
    stop_source: StopSource | None = None


class Reservation(msgspec.Struct, frozen=True):
    """A connector (0: any one) is kept for a credential, or anybody of its group, until `expires_at` (aware UTC)."""

    reservation_id: int
    connector: int
    id_tag: str
    expires_at: datetime
    parent: str = ""


class ConnectorState(State, frozen=True, kw_only=True):
    """Topic `connector/N`. `operative` is the durable availability (OCPP ChangeAvailability); `limit` the cap now."""

    number: int
    type: ConnectorType
    status: ConnectorStatus
    flags: ConnectorFlag
    operative: bool
    cause: str = ""
    vendor_error_code: str = ""
    reading: ControllerReading | None = None
    reading_mono_s: float = 0.0
    meter: MeterReading | None = None
    meter_mono_s: float = 0.0
    session: SessionSummary | None = None
    limit: Limit | None = None
    grant: Limit | None = None
    why: str = ""
    """One line for people: why it gets what it gets."""
    vehicle: VehicleData | None = None
    suspended_by: str = ""  # "", "ev" or "evse" (statuses.md 2a)
    # Whose charge is authorised but waits for its car (ConnectionTimeOut runs)
    waiting_for_ev: bool = False
    reservation: Reservation | None = None
    is_tested: bool = False
    """A technician's test session runs here: the central system sees it as Unavailable."""
    awaits_update: bool = False
    """It is UPDATING because of the station's own software: nothing is written to its controller."""


class MeterState(State, frozen=True, kw_only=True):
    """Topic `meter/NAME`. `reading` is the last good one; older than a few seconds means silent."""

    name: str
    connector: int  # 0: the whole station
    is_answering: bool
    reading: MeterReading | None
    mono_s: float
    energy_wh: int | None = None
    """The register as reported: monotone across resets of the meter."""


class StationState(State, frozen=True, kw_only=True):
    """Topic `station`. `cause`: what ends all charges (`door`, `overheat`...); empty: nothing does."""

    technical: TechnicalStatus
    logical: LogicalStatus
    mode: OperatingMode
    operative: bool
    free_mode: bool
    can_record: bool
    connectors: tuple[int, ...]
    power_limit_w: float
    power_w: float
    cause: str = ""
    activated: bool = True
    """False: its sessions are marked as tests, hidden from lists by default, and its incidents are not sent."""


class PortState(State, frozen=True, kw_only=True):
    """Topic `port/NAME`: counters since the start of `station`.

    `errors` counts by kind (`drivers.codecs.modbus.Fault` and the like); `p50_ms` and `p99_ms` are of the last 256
    answers, None before the first; `frames` are the last ones, oldest first, each as
    `12.345 > 01 03 00 00 00 02 C4 0B` (seconds of the monotonic clock, `>` sent, `<` received); of one that may name
    a vehicle or a person only its length stands there. `load_pct` is how busy a CAN bus is, None for other ports.
    """

    name: str
    kind: str = "serial"
    is_open: bool
    requests: int
    answers: int
    no_answer: int
    bad_frame: int
    error: str = ""
    errors: dict[str, int] = {}
    p50_ms: float | None = None
    p99_ms: float | None = None
    frames: tuple[str, ...] = ()
    load_pct: float | None = None


class DeviceState(State, frozen=True, kw_only=True):
    """Topic `device/KIND/NAME` (KIND as in the station file: connector, meter, modules, insulation, io, sensor, light,
    ups). Counters and latencies are of this device alone, since the start of `station`.

    `expected_serial` is what was found here before, when it differs from `identity.serial`: somebody changed the
    device. `note` is one line for a technician: what is wrong with it, empty when nothing is.
    """

    kind: str
    name: str
    driver: str
    port: str
    address: int
    is_answering: bool
    identity: Identity = Identity()
    expected_serial: str = ""
    fail_safe: FailSafe = FailSafe.OPENS
    requests: int = 0
    answers: int = 0
    errors: dict[str, int] = {}
    p50_ms: float | None = None
    p99_ms: float | None = None
    last_error: str = ""
    note: str = ""


class InputState(State, frozen=True, kw_only=True):
    """Topic `input/NAME`. `is_active` is its debounced meaning (smoke: there is smoke); None while it is not known.

    `is_latched`: it stops its connectors although it is not active any more, until a technician clears it.
    """

    name: str
    function: InputFunction
    is_active: bool | None
    is_latched: bool = False
    connectors: tuple[int, ...] = ()
    since_mono_s: float = 0.0


class OutputState(State, frozen=True, kw_only=True):
    """Topic `output/NAME`. `is_on` is what its module says, None while that is not known; `feedback` what its auxiliary
    contact says, None without one. `operations`: closings for life. `cause` is why it is out of order
    (contactor_welded, contactor_failed), NONE while it obeys."""

    name: str
    function: OutputFunction
    is_on: bool | None
    feedback: bool | None = None
    operations: int = 0
    operations_per_life: int = 0
    cause: Cause = Cause.NONE


class ClimateSensorState(msgspec.Struct, frozen=True):
    """One sensor as it was last heard; `is_answering` false: the values are old or missing."""

    name: str
    zone: ClimateZone
    is_answering: bool
    temperature_c: float | None = None
    humidity_pct: float | None = None
    mono_s: float = 0.0


class ClimateState(State, frozen=True, kw_only=True):
    """Topic `climate`: the sensors, what is switched because of them, and what is left of the station's power.

    `heaters` and `fans` are the zones in which they are on; `main_relay` None: there is none. `why` is one line.
    """

    sensors: tuple[ClimateSensorState, ...] = ()
    heaters: tuple[ClimateZone, ...] = ()
    fans: tuple[ClimateZone, ...] = ()
    main_relay: bool | None = None
    power_pct: float = 100.0
    stops: bool = False
    why: str = ""


class ModulesState(State, frozen=True, kw_only=True):
    """Topic `modules/NAME`: every module of a bank, what is asked of them, and for which connector (0: none)."""

    name: str
    modules: tuple[ModuleReading, ...] = ()
    connector: int = 0
    set_voltage_v: float = 0.0
    set_current_a: float = 0.0


class PowerState(State, frozen=True, kw_only=True):
    """Topic `power`: where the station's power goes, and why: groups of modules, contactors between them, what each
    connector gets and every limit of it, and what moves now.

    `limit` is what the station may take in all (W, by the lowest of `limits`), `used_w` what its connectors take.
    """

    groups: tuple[GroupPicture, ...] = ()
    contactors: tuple[ContactorPicture, ...] = ()
    outputs: tuple[OutputPicture, ...] = ()
    moves: tuple[MovePicture, ...] = ()
    limits: tuple[LimitPicture, ...] = ()
    limit: LimitPicture = LimitPicture(name="")
    used_w: float = 0.0


class UserLimitShown(msgspec.Struct, frozen=True, kw_only=True):
    """The owner's limit of a connector (0: the station), W; None: there is none. `most_w`: what holds without it, and
    no limit may be above. `until` None: for good. `is_changing`: another one (`later_w`, None: none) counts when the
    charges that run now are over."""

    connector: int
    most_w: float
    limit_w: float | None = None
    until: datetime | None = None
    is_changing: bool = False
    later_w: float | None = None
    later_until: datetime | None = None


class UserLimitsState(State, frozen=True, kw_only=True):
    """Topic `user_limits`: what the owner allows the station and each connector (SetUserLimit)."""

    limits: tuple[UserLimitShown, ...] = ()


class InsulationState(State, frozen=True, kw_only=True):
    """Topic `insulation/NAME`. `reading` is the last one; older than a few seconds (`is_answering` false) it is not
    good for anything, nor is one with a fault of the monitor itself, which is told at once."""

    name: str
    connector: int
    is_answering: bool
    reading: InsulationReading | None = None
    mono_s: float = 0.0


class UpsState(State, frozen=True, kw_only=True):
    """Topic `ups/NAME`. `on_battery_since_mono_s` None: on mains."""

    name: str
    is_answering: bool
    reading: SupplyReading | None = None
    on_battery_since_mono_s: float | None = None


class LightState(State, frozen=True, kw_only=True):
    """Topic `light/NAME`: which pattern each segment of a strip (or a connector's own light) shows, by connector."""

    name: str
    is_answering: bool
    patterns: dict[int, str] = {}


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A line of `InstalledState.differences`, for screens with own texts. `key`: silent, exchanged (`what`: vendor,
    model or serial number; `now`, `before`), other_kind (`found`, `driver`, `configured`), other_model (`found`,
    `configured`), refuses (`error`)."""

    kind: str
    name: str
    key: str
    values: dict[str, str] = {}


class InstalledState(State, frozen=True, kw_only=True):
    """Topic `installed`: how the hardware found differs from the one configured, one line each; empty when it does
    not. `is_complete`: every device has answered since the start. `told`: the same lines by key, in the same order."""

    is_complete: bool
    differences: tuple[str, ...] = ()
    told: tuple[Difference, ...] = ()
