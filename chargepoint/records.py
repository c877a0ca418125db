"""What the journal keeps: entries (what happened, in order) and sessions (what it came to).

An entry is written once and never changed. `chargepoint/storage/journal.py` adds its sequence number and its `Moment`.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from chargepoint.masking import mask
from chargepoint.vocabulary import (
    AuthorizationBasis,
    ConnectorType,
    ControllerStatus,
    CredentialType,
    EventType,
    PowerType,
    ScheduleKind,
    SchedulePurpose,
    SessionFlag,
    SessionState,
    StartCause,
    StartErrorFlag,
    StartSource,
    StopSource,
)
from drivers.interfaces import VehicleData


class Moment(msgspec.Struct, frozen=True):
    """When something happened: exact within a boot, in wall time (aware UTC) once the clock of that boot is known."""

    boot_id: str
    mono_s: float
    at: datetime | None = None


class Credential(msgspec.Struct, frozen=True):
    """Who asked, as value and type (statuses.md 8). `parent` is the central system's group, if it told one."""

    value: str
    type: CredentialType
    parent: str = ""

    def __repr__(self) -> str:
        """As logs show it (S21): of the number only its end."""
        return f"{mask(self.value)} ({self.type.value})"


class Limit(msgspec.Struct, frozen=True):
    """An upper bound and who set it, so that "why 10 A?" has an answer. Sources are the names of power.md 2."""

    current_a: float
    power_w: float
    source: str


class SchedulePeriod(msgspec.Struct, frozen=True):
    """From `start_s` after the schedule's start on: at most `limit` (A per phase or W, as the schedule says)."""

    start_s: int
    limit: float
    phases: int | None = None


class LimitSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """A bound that changes over time, from outside (OCPP 1.6: a charging profile, 7.8). The station applies it alone.

    `connector` 0: the whole station for STATION_MAX, every connector for TX_DEFAULT. `unit` A (per phase) or W. Of one
    purpose the valid one with the highest `stack_level` counts. `session_id` only with purpose TX. Instants aware UTC.
    """

    schedule_id: int
    connector: int
    purpose: SchedulePurpose
    stack_level: int
    kind: ScheduleKind
    unit: str
    periods: tuple[SchedulePeriod, ...]
    start_at: datetime | None = None
    duration_s: int | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    min_rate: float | None = None
    session_id: int | None = None


class PriceData(msgspec.Struct, frozen=True):
    """What a session costs, as the tariff in force at its start said; amounts in the smallest unit of `currency`, which
    has `digits` behind the decimal mark. `total` is without what standing on costs (`idle_per_minute`).

    `is_told`: the central system itself said the total.
    """

    currency: str
    per_kwh: int = 0
    per_minute: int = 0
    start_fee: int = 0
    total: int = 0
    digits: int = 2
    idle_per_minute: int = 0
    idle_free_min: int = 0
    is_told: bool = False


class Session(msgspec.Struct, kw_only=True):
    """The record of one session. One session holds at most one transaction (statuses.md 5).

    `session_id` is the journal sequence number of its `SessionCreated` and the reference given to the controller.
    Energies in Wh; meter values are the meter's import register. None = not known or not reached.
    """

    session_id: int
    connector: int
    connector_type: ConnectorType
    power_type: PowerType
    created: Moment
    started: Moment | None = None
    stopped: Moment | None = None
    finished: Moment | None = None
    state: SessionState = SessionState.READY
    final_status: ControllerStatus | None = None
    passed_negotiation: bool = False
    start_source: StartSource | None = None
    starter: Credential | None = None
    stop_source: StopSource | None = None
    stopper: Credential | None = None
    is_reported: bool = False
    flags: SessionFlag = SessionFlag(0)
    start_errors: StartErrorFlag = StartErrorFlag(0)
    ordered_energy_wh: int | None = None
    ordered_duration_s: int | None = None
    delivered_wh: int = 0
    meter_start_wh: int | None = None
    meter_stop_wh: int | None = None
    price: PriceData | None = None
    """From the start of the transaction on; `total` is that of its end."""
    soc_start_pct: float | None = None
    soc_end_pct: float | None = None
    current_min_a: float | None = None
    current_max_a: float | None = None
    power_max_w: float | None = None
    voltage_max_v: float | None = None
    vehicle: VehicleData | None = None
    last_limit: Limit | None = None
    charge_rate_pct_per_min: float = 0.0
    reservation_id: int | None = None
    waits_for_vehicle: bool = False
    """A vehicle unplugged at its own end does not end the transaction (StopTransactionOnEVSideDisconnect false)."""
    keeps_cable: bool = False
    """Its cable then stays locked in the socket (also UnlockConnectorOnEVSideDisconnect false)."""
    presented: Credential | None = None
    """The card that began it, where the charge is not in its name (free mode): it may end it."""
    vehicle_name: str = ""
    """What people call this vehicle; written by hand."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=True):
    """Something that happened. `session_id` and `connector` are None where it concerns none."""

    session_id: int | None = None
    connector: int | None = None


class StationStarted(Entry, frozen=True, kw_only=True):
    cause: StartCause
    version: str


class StationStopped(Entry, frozen=True, kw_only=True):
    exit_code: int
    stop_source: StopSource


class SessionCreated(Entry, frozen=True, kw_only=True):
    """The connector became unavailable to others: a vehicle was plugged in, or somebody was authorised for it.

    Its own sequence number becomes the session's id.
    """

    connector_type: ConnectorType


class TransactionStarted(Entry, frozen=True, kw_only=True):
    """On record before power flows (R7). Everything StartTransaction needs."""

    start_source: StartSource
    starter: Credential
    is_reported: bool
    basis: AuthorizationBasis
    flags: SessionFlag
    meter_start_wh: int
    reservation_id: int | None = None


class TransactionStopped(Entry, frozen=True, kw_only=True):
    """Everything StopTransaction needs. `stopper` is None when nobody asked.

    `ended` is when it ended, where that was before the row was written: in a power cut. `is_signed`: its last sample
    holds a record that the meter signed.
    """

    stop_source: StopSource
    stopper: Credential | None
    is_reported: bool
    meter_stop_wh: int
    is_estimated: bool = False
    ended: Moment | None = None
    is_signed: bool = False


class SessionFinished(Entry, frozen=True, kw_only=True):
    state: SessionState


class Happened(Entry, frozen=True, kw_only=True):
    """A line of the operation log (statuses.md 12)."""

    event_type: EventType
    action: str
    message: str = ""
    error: str = ""
    service: str = "station"


class SecurityEvent(Entry, frozen=True, kw_only=True):
    """A line of the security journal; `type` is the name of the OCPP security white paper where it has one."""

    type: str
    source_type: str
    source: str
    operation: str
    extra: str = ""


AnyEntry = (
    StationStarted
    | StationStopped
    | SessionCreated
    | TransactionStarted
    | TransactionStopped
    | SessionFinished
    | Happened
    | SecurityEvent
)


class JournalRow(msgspec.Struct, frozen=True):
    """An entry as the journal holds it; `seq` has no gaps."""

    seq: int
    moment: Moment
    entry: AnyEntry


class SampledValue(msgspec.Struct, frozen=True):
    """One measured value, in the words of OCPP 1.6 7.38 (`measurand`, `phase`, `unit`, `context`, `location`)."""

    measurand: str
    value: float
    unit: str
    phase: str = ""
    context: str = "Sample.Periodic"
    location: str = "Outlet"
    signed: str = ""


class Sample(msgspec.Struct, frozen=True):
    """Values of one instant of a transaction (or, with `session_id` 0, of an idle connector or the whole station).

    `number` is its sequence number in the history; `after_seq` the last journal entry before it, which orders samples
    and entries in one line. Connector 0 is the station's own meter.
    """

    number: int
    after_seq: int
    session_id: int
    connector: int
    moment: Moment
    values: tuple[SampledValue, ...]


class HistoryRow(msgspec.Struct, frozen=True):
    """One row of the 15-second history (statuses.md 14); None where the connector's kind has no such value."""

    session_id: int
    connector: int
    moment: Moment
    energy_wh: int | None = None
    power_w: float | None = None
    voltage_v: float | None = None
    current_a: tuple[float, float, float] | None = None
    requested_voltage_v: float | None = None
    requested_current_a: float | None = None
    limit_power_w: float | None = None
    limit_source: str = ""
    soc_pct: float | None = None
    insulation_kohm: int | None = None
    insulation_errors: int | None = None
    u_plus_v: float | None = None
    u_minus_v: float | None = None
    battery_temperature_c: float | None = None
    module_temperature_c: float | None = None
    connector_temperature_c: float | None = None
