"""Every event, state and call that crosses the bus, and who may send it.

Three kinds: an `Event` is published to whoever subscribed, a `State` is retained under a topic, a `Request` is a call
to one service and names its `Reply`. The hub checks each message against this vocabulary and `SENDERS` (S24).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import msgspec
from msgspec import Meta

from chargepoint.power_picture import ContactorPicture, GroupPicture, LimitPicture, MovePicture, OutputPicture
from chargepoint.records import (
    Credential,
    HistoryRow,
    JournalRow,
    Limit,
    LimitSchedule,
    Moment,
    PriceData,
    Sample,
    SchedulePeriod,
    Session,
)
from chargepoint.vocabulary import (
    AuthorizationBasis,
    CardReason,
    Cause,
    ClimateZone,
    ConnectorFlag,
    ConnectorStatus,
    ConnectorType,
    CredentialType,
    EventType,
    FailSafe,
    InputFunction,
    LinkState,
    LogicalStatus,
    OperatingMode,
    OutputFunction,
    Role,
    SchedulePurpose,
    SessionState,
    StartCause,
    StartSource,
    StopSource,
    TechnicalStatus,
)
from drivers.interfaces import (
    ControllerReading,
    Diagnosis,
    Identity,
    InsulationReading,
    MeterReading,
    ModuleReading,
    Parameter,
    SupplyReading,
    VehicleData,
)

R = TypeVar("R", bound="Reply")


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag=True):
    """Anything that crosses the bus. Its tag is its class name."""


class Event(Message, frozen=True, kw_only=True):
    """Something happened."""


class State(Message, frozen=True, kw_only=True):
    """How something is now; the newest value replaces the one before."""


class Reply(Message, frozen=True, kw_only=True):
    """An answer to a request."""


class Request(Message, Generic[R], frozen=True, kw_only=True):
    """Somebody wants something of one service."""


# ---------------------------------------------------------------------------------------------------------- replies


class Done(Reply, frozen=True, kw_only=True):
    """It is done, and durable where the request asked for something to be kept (R24)."""


class ActionResult(Reply, frozen=True, kw_only=True):
    """What came of a deed. `code` is a word for programs (`ok`, `busy`, `not_supported`, ...), `text` for people.

    `text_key` and `values` are the same for screens with texts of their own; `table` rows of what was measured, the
    first its head. `action` and `duration_ms` are filled in by `actions.carry_out`.
    """

    ok: bool
    code: str
    text: str = ""
    action: str = ""
    text_key: str = ""
    values: dict[str, str] = {}
    table: tuple[tuple[str, ...], ...] = ()
    duration_ms: int = 0


# ------------------------------------------------------------------------------------------------ hub: the household


class ServiceState(State, frozen=True, kw_only=True):
    """Topic `service/NAME`. `status`: starting, running, hung, restarting, parked, stopped; resting: is started when it
    is called."""

    name: str
    status: str
    pid: int
    restarts: int
    since_mono_s: float
    last_end: str = ""
    memory_bytes: int = 0


class SupervisorState(State, frozen=True, kw_only=True):
    """Topic `supervisor`. `is_degraded`: at least one service is parked."""

    start_cause: StartCause
    boots: int
    crashes: int
    is_degraded: bool
    version: str


class ClockState(State, frozen=True, kw_only=True):
    """Topic `clock`: wall time = monotonic time + `offset_s`. `source`: unset, system, server, person."""

    is_set: bool
    offset_s: float
    source: str


class SettingsState(State, frozen=True, kw_only=True):
    """Topic `settings`: the values changed at run time, by key (`ocpp.HeartbeatInterval`, `access.white`, ...)."""

    values: dict[str, str]


class User(msgspec.Struct, frozen=True):
    """The charging part of a user: which cards are theirs and what they may use."""

    login: str
    role: Role
    cards: tuple[str, ...] = ()
    is_blocked: bool = False
    is_allowed: bool = True
    energy_limit_wh: int | None = None


class UsersState(State, frozen=True, kw_only=True):
    """Topic `users`: the charging part of all users. `station` keeps it in its facts for when `hub` is silent."""

    users: tuple[User, ...]


class ReadSettings(Request["SettingsPage"], frozen=True, kw_only=True):
    """To hub: the settings whose key begins with `prefix`, and their history when asked."""

    prefix: str = ""


class SettingChange(msgspec.Struct, frozen=True):
    key: str
    value: str | None
    by: str
    moment: Moment


class SettingsPage(Reply, frozen=True, kw_only=True):
    values: dict[str, str]
    changes: tuple[SettingChange, ...] = ()


class ChangeSettings(Request["Done"], frozen=True, kw_only=True):
    """To hub: set (or with None: remove) values, all or none, durable before the reply."""

    values: dict[str, str | None]
    by: str


class SaveUser(Request["ActionResult"], frozen=True, kw_only=True):
    """To hub: add or change a user. `password` and `pin` None keep those there are, an empty `pin` takes it away. At
    most 15 cards, each of one user only. `must_change`: the password is asked for anew at the next log-in (None: a new
    password ends that).

    Codes: ok, no_right (`by` is no administrator), bad_login, too_many_cards, bad_card, card_taken, bad_limit,
    too_many_users, last_administrator, oneself, weak_password, bad_pin.
    """

    user: User
    password: str | None = None
    pin: str | None = None
    must_change: bool | None = None
    by: str


class RemoveUser(Request["ActionResult"], frozen=True, kw_only=True):
    login: str
    by: str


class CheckPassword(Request["ActionResult"], frozen=True, kw_only=True):
    """To hub: whether this login has this password; the same answer for an unknown login. Codes: ok, wrong, wait,
    must_change.

    Wrong ones count as those of `LogIn`.
    """

    login: str
    password: str


class LogIn(Request["LoginAnswer"], frozen=True, kw_only=True):
    """To hub: let somebody into the service menu or the web pages: `login` and `password`, or `card` and `pin`; `card`
    alone only where [screen] card_alone says so.

    `origin` is where it comes from at that door (an address), for the security journal.
    """

    login: str = ""
    password: str = ""
    card: str = ""
    pin: str = ""
    origin: str = ""


class LoginAnswer(Reply, frozen=True, kw_only=True):
    """Codes: ok, wrong (whatever of it), wait (after too many wrong tries at this door, `wait_s` more), no_right (a
    customer), no_grant. `must_change`: the password has to be changed before anything else; until then there is no
    `role`."""

    ok: bool
    code: str
    text: str = ""
    login: str = ""
    role: Role | None = None
    must_change: bool = False
    wait_s: float = 0.0


class ChangePassword(Request["ActionResult"], frozen=True, kw_only=True):
    """To hub: somebody changes his own password. Codes: ok (`values` has his `role`), wrong, wait, weak_password,
    same."""

    login: str
    old_password: str
    new_password: str


class ChangePin(Request["ActionResult"], frozen=True, kw_only=True):
    """To hub: somebody changes the PIN of his own cards, with his password; empty: none any more. Codes: ok, wrong,
    wait, must_change, bad_pin (not 6 digits, or as easy as 123456)."""

    login: str
    password: str
    pin: str


class BindCard(Request["ActionResult"], frozen=True, kw_only=True):
    """To hub: bind a card to a user, or unbind it: one's own, or as an administrator. Codes: ok, no_right,
    unknown_user, too_many_cards (15), bad_card, card_taken, not_bound."""

    login: str
    card: str
    is_bound: bool = True
    by: str


class UserRow(msgspec.Struct, frozen=True):
    """A user, and what he can log in with."""

    user: User
    has_password: bool
    has_pin: bool
    must_change: bool


class ReadUsers(Request["UsersPage"], frozen=True, kw_only=True):
    """To hub: all users."""


class UsersPage(Reply, frozen=True, kw_only=True):
    users: tuple[UserRow, ...]


class GrantAccess(Request["ActionResult"], frozen=True, kw_only=True):
    """To hub: let `login` into the service menu without a password, for whoever touches Enter within 60 s
    (STATION_REMOTE_AUTH). Codes: ok, unknown_user, no_right."""

    login: str
    by: str


class AccessGrant(State, frozen=True, kw_only=True):
    """Topic `access/grant`: who may come in by touching Enter, until when (monotonic), and who sent it; `login` empty:
    nobody."""

    login: str = ""
    by: str = ""
    until_mono_s: float = 0.0


class EnterByGrant(Request["LoginAnswer"], frozen=True, kw_only=True):
    """hmi to hub: Enter was touched. A grant serves once."""


class ConfigurationFault(msgspec.Struct, frozen=True):
    """One fault of a station file: where, what was found, why it cannot be, what to do."""

    place: str
    found: str
    why: str
    remedy: str


class ReadConfiguration(Request["ConfigurationPage"], frozen=True, kw_only=True):
    """To hub: the station file, the draft that waits to be applied, and what became of the last one."""


class ConfigurationPage(Reply, frozen=True, kw_only=True):
    """`difference` are lines of a unified difference from file to draft; `draft` empty: there is none. `trial` is what
    is said of the last draft that was applied: on_trial, kept, returned (it did not come up), or empty."""

    ok: bool
    text: str = ""
    path: str = ""
    file: str = ""
    draft: str = ""
    draft_by: str = ""
    difference: tuple[str, ...] = ()
    faults: tuple[ConfigurationFault, ...] = ()
    trial: str = ""


class WriteDraft(Request["ActionResult"], frozen=True, kw_only=True):
    """To hub: keep a draft of the station file: its whole `text`, or `changes` to the draft there is (else to the
    file), as `{"station.power_limit_w": "50000", "connector.1.max_power_w": "22000"}`. Nothing of both: drop it.

    It is kept when it is good. Codes: ok, dropped, invalid (`table` has place, found, why, remedy), no_such_key.
    """

    text: str | None = None
    changes: dict[str, str] = {}
    by: str


class ApplyDraft(Request["ActionResult"], frozen=True, kw_only=True):
    """To hub: put the draft in the place of the station file and restart; when the station is not up for 60 s within
    three minutes, the file before comes back by itself. Codes: ok, no_draft, invalid, cannot_write, not_possible."""

    by: str


class ReloadConfiguration(Request["ActionResult"], frozen=True, kw_only=True):
    """To hub: take the station file as it is now, by a restart of the software. Codes: ok, invalid, not_possible."""

    by: str


class RestartNetwork(Request["ActionResult"], frozen=True, kw_only=True):
    """To hub: let the helper restart what carries the network. Codes: ok, failed."""

    by: str


class FactoryReset(Request["ActionResult"], frozen=True, kw_only=True):
    """To hub: forget users and settings at the next start, if the power is switched off and on within 60 s: that
    proves that somebody is there. Meter data and journal stay. Codes: ok, not_recorded."""

    by: str


class RestartService(Request["ActionResult"], frozen=True, kw_only=True):
    """To hub: end and start one service by name."""

    name: str
    by: str


class EndStation(Request["ActionResult"], frozen=True, kw_only=True):
    """To hub: stop everything in order and leave with `exit_code` (architecture.md 3); answered before it happens."""

    exit_code: int
    stop_source: StopSource
    by: str


class TimeLearned(Event, frozen=True, kw_only=True):
    """A source of time said that at monotonic `mono_s` it was `at`."""

    at: datetime
    mono_s: float
    source: str


class ClockStepped(Event, frozen=True, kw_only=True):
    """The house's wall time was set or corrected by `step_s`."""

    step_s: float
    source: str


# ------------------------------------------------------------------------------------------------ helper: privileged


class PrivilegedDeed(Request["ActionResult"], frozen=True, kw_only=True):
    """To helper: one deed of its fixed list (reboot, power_off, set_clock, ...), arguments by name."""

    name: str
    arguments: dict[str, str] = {}
    by: str


# ------------------------------------------------------------------------------------------- what everybody may note


class Noted(Event, frozen=True, kw_only=True):
    """For the operation log; `station` writes it down. The hub keeps these while `station` restarts."""

    event_type: EventType
    action: str
    message: str = ""
    error: str = ""
    connector: int | None = None
    session_id: int | None = None


class SecurityNoted(Event, frozen=True, kw_only=True):
    """For the security journal; `station` writes it down. The hub keeps these while `station` restarts."""

    type: str
    source_type: str
    source: str
    operation: str
    extra: str = ""


# -------------------------------------------------------------------------------------------------- station: states


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


class InsulationState(State, frozen=True, kw_only=True):
    """Topic `insulation/NAME`. `reading` is the last one; older than a few seconds (`is_answering` false) it is not
    good for anything."""

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


class InstalledState(State, frozen=True, kw_only=True):
    """Topic `installed`: how the hardware found differs from the one configured, one line each; empty when it does
    not. `is_complete`: every device has answered since the start."""

    is_complete: bool
    differences: tuple[str, ...] = ()


# ------------------------------------------------------------------------------------------------- station: events


class JournalGrew(Event, frozen=True, kw_only=True):
    """The journal now ends at `seq`; readers with a cursor may read on."""

    seq: int


class DumpGrew(Event, frozen=True, kw_only=True):
    """Lines of a live dump (`StartDump`). `skipped` lines were left out since the last event: too many at once."""

    connector: int
    session_id: int
    lines: tuple[str, ...]
    skipped: int = 0


class SampleTaken(Event, frozen=True, kw_only=True):
    """A sample of the sampling plan, told at once; it is durable with the next batch."""

    sample: Sample


class CardSeen(Event, frozen=True, kw_only=True):
    """A card is being checked; what comes of it follows as `CardHandled`."""

    reader: str
    uid: str


class CardHandled(Event, frozen=True, kw_only=True):
    """What came of a card, for screens, lights and sounds. A card that waited for a choice is told a second time.

    Fields as those of `CardOutcome`.
    """

    reader: str
    uid: str
    outcome: str
    connector: int | None = None
    text: str = ""
    reason: CardReason = CardReason.NONE
    choices: tuple[int, ...] = ()


# -------------------------------------------------------------------------------------------------- station: calls


class PresentCard(Request["CardOutcome"], frozen=True, kw_only=True):
    """To station: a card is held to `reader`, which stands for `connectors` (empty: all).

    `refusal`: the reader says that nobody may be authorised by this card (random number, unreadable), `text` in words.
    """

    reader: str
    uid: str
    connectors: tuple[int, ...] = ()
    refusal: CardReason = CardReason.NONE
    text: str = ""


class CardOutcome(Reply, frozen=True, kw_only=True):
    """`outcome`: started, waiting_for_ev, stopped, choose, own_session, technician, refused, nothing_to_do,
    unavailable.

    own_session: this card's own charge, which it does not end where a screen asks first. technician: it is bound to
    somebody of the service; the screen asks for his PIN. `reason` why nothing came of it, `text` the same as a
    sentence; `choices` the connectors of which one is to be chosen.
    """

    outcome: str
    connector: int | None = None
    text: str = ""
    reason: CardReason = CardReason.NONE
    choices: tuple[int, ...] = ()


class StartCharging(Request["ActionResult"], frozen=True, kw_only=True):
    """To station. `connector` None: the one free connector, else refused (`choose`).

    `is_authorized` True: the asker has settled that this credential may charge (RemoteStart without
    AuthorizeRemoteTxRequests, technician). Codes: ok, unknown_connector, busy, blocked, faulted, no_link, meter_error,
    forbidden, not_recorded, duration_needed (mode MANUAL), reserved, choose, invalid_schedule, too_many_schedules.
    """

    connector: int | None
    credential: Credential
    source: StartSource
    is_authorized: bool = False
    energy_limit_wh: int | None = None
    duration_s: int | None = None
    reservation_id: int | None = None
    schedule: LimitSchedule | None = None
    """A bound for this very transaction (purpose TX; its connector and session are filled in by the station)."""
    by: str = ""


class StopCharging(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: stop the session on `connector`, or the one with `session_id`. Codes: ok, no_session,
    unknown_connector."""

    connector: int | None = None
    session_id: int | None = None
    source: StopSource
    credential: Credential | None = None
    by: str = ""


class SetEnergyLimit(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: end `session_id` with `source` once it has delivered `energy_limit_wh`.

    Without `source` only the energy ends then: the transaction stays until somebody ends it (MaxEnergyOnInvalidId).
    """

    session_id: int
    energy_limit_wh: int
    source: StopSource | None = None


class NameTransaction(Request["Done"], frozen=True, kw_only=True):
    """To station: what the central system said of a begun transaction: its id and the group of its starter."""

    session_id: int
    transaction_id: int
    parent: str = ""


class Reserve(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: keep a connector (0: any one) for somebody; the same id again replaces it. Durable.

    Codes: ok, occupied, faulted, unavailable, unknown_connector, expired, invalid.
    """

    reservation: Reservation
    by: str = ""


class CancelReservation(Request["ActionResult"], frozen=True, kw_only=True):
    """To station. Codes: ok, unknown_reservation."""

    reservation_id: int
    by: str = ""


class SetLimitSchedule(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: keep and apply a limit schedule, from now on and also without `ocpp`. Durable.

    Replaces the one with the same id, and the one of the same connector, purpose, stack level and session.
    Without `session_id` one of purpose TX is for the transaction that runs there. Codes: ok, unknown_connector,
    no_session, invalid_schedule, too_many_schedules.
    """

    schedule: LimitSchedule
    by: str = ""


class ClearLimitSchedules(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: forget the schedules that match all that is given (None: any). Durable. Codes: ok, none."""

    schedule_id: int | None = None
    connector: int | None = None
    purpose: SchedulePurpose | None = None
    stack_level: int | None = None
    by: str = ""


class ReadCompositeSchedule(Request["CompositeSchedule"], frozen=True, kw_only=True):
    """To station: what all limits together allow `connector` (0: the station) for `duration_s` from now, in `unit`.

    `unit` A, W, or empty: as the governing schedule has it.
    """

    connector: int
    duration_s: int
    unit: str = ""


class CompositeSchedule(Reply, frozen=True, kw_only=True):
    """`periods` count from `start_at`; neighbours that are alike are one. `ok` False: `text` says why there is none."""

    ok: bool
    text: str = ""
    connector: int = 0
    unit: str = "A"
    start_at: datetime | None = None
    duration_s: int = 0
    periods: tuple[SchedulePeriod, ...] = ()


class UnlockConnector(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: stop a running charge (with `source`), then open the lock. Codes: ok, not_supported, failed."""

    connector: int
    source: StopSource = StopSource.OCPP_UNLOCK
    by: str = ""


class BlockConnector(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: set or clear BLOCKED; in a session it takes effect on return to A. Durable."""

    connector: int
    blocked: bool
    reason: str = ""
    by: str = ""


class SetUserLimit(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: the power that its owner allows it or a connector (0: the station); None: no such limit. Durable.
    Codes: ok, unknown_connector, busy (something charges), above_limit, not_recorded."""

    connector: int
    limit_w: float | None = None
    by: str = ""


class ChangeAvailability(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: connector 0 is the whole station. Durable. Codes: ok, scheduled, unknown_connector."""

    connector: int
    operative: bool
    by: str = ""


class SetFreeMode(Request["ActionResult"], frozen=True, kw_only=True):
    on: bool
    by: str = ""


class SetOperatingMode(Request["ActionResult"], frozen=True, kw_only=True):
    mode: OperatingMode
    by: str = ""


class EmergencyStop(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: E9 on one connector, or on all with 0."""

    connector: int
    by: str = ""


class RebootController(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: restart a connector controller (0: all, one after another); clears E9. A running session ends first,
    with `source`. Answered when the controller is back, or after 10 s of silence. Codes: ok, failed."""

    connector: int
    source: StopSource = StopSource.REMOTE_COMMAND
    by: str = ""


class ClearFault(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: a technician has mended what a latched fault stood for (R4). Durable. Codes: ok, no_fault."""

    connector: int
    by: str = ""


class SyncControllerClock(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: set the clock of a controller (0: of all). `table`: connector, before and after, in s of difference.
    Codes: ok, failed, no_time."""

    connector: int
    by: str = ""


class ReadController(Request["ControllerPage"], frozen=True, kw_only=True):
    """To station: everything a technician asks of one controller, read now."""

    connector: int


class ControllerPage(Reply, frozen=True, kw_only=True):
    connector: int
    ok: bool
    text: str = ""
    identity: Identity | None = None
    diagnosis: Diagnosis | None = None
    parameters: tuple[Parameter, ...] = ()


class WriteParameter(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: write a parameter of a controller, read it back, and restore the old value when it differs.
    `values`: old, new. Codes: ok, busy, no_parameter, out_of_range, failed, restored."""

    connector: int
    name: str
    value: int
    by: str = ""


class StartDump(Request["ActionResult"], frozen=True, kw_only=True):
    """Stream the decoded frames between connector and vehicle as `DumpGrew`, until `StopDump`, the session's end or
    30 minutes. Codes: no_connector, not_possible (its controller keeps no frames)."""

    connector: int
    by: str = ""


class StopDump(Request["ActionResult"], frozen=True, kw_only=True):
    """End a live dump; nothing happens where there is none."""

    connector: int
    by: str = ""


class ReadDump(Request["DumpPage"], frozen=True, kw_only=True):
    """The dump kept with a session, from line `after` (0: the first) on, at most `limit` lines."""

    session_id: int
    after: int = 0
    limit: Annotated[int, Meta(ge=1, le=500)] = 500


class DumpPage(Reply, frozen=True, kw_only=True):
    """Lines in order; `total` is how many there are now, `lost` how many frames never came."""

    lines: tuple[str, ...]
    total: int
    lost: int = 0


class ClearInput(Request["ActionResult"], frozen=True, kw_only=True):
    """A technician has seen to it: end the latch of an input that is no longer active. Codes: no_input, still_active,
    not_latched."""

    name: str
    by: str = ""


class ClearOutput(Request["ActionResult"], frozen=True, kw_only=True):
    """A technician has exchanged the contactor: clear its latched fault, and with `new` its counter of operations.
    Codes: no_output, still_wrong."""

    name: str
    new: bool = False
    by: str = ""


class AcceptDevices(Request["ActionResult"], frozen=True, kw_only=True):
    """A technician has exchanged devices: who is found now is who is installed. `kind` and `name` as in `DeviceState`;
    `name` empty: all of them. Codes: nothing_changed, cannot_record."""

    kind: str = ""
    name: str = ""
    by: str = ""


class ClimatePoint(msgspec.Struct, frozen=True):
    """The mean of five minutes that began at `at` (aware UTC)."""

    at: datetime
    temperature_c: float | None = None
    humidity_pct: float | None = None


class ReadClimate(Request["ClimatePage"], frozen=True, kw_only=True):
    """To station: the last three days of a climate sensor, for a graph."""

    sensor: str


class ClimatePage(Reply, frozen=True, kw_only=True):
    """Oldest first, at most 864; none while the station does not know the time, or has no such sensor."""

    sensor: str
    points: tuple[ClimatePoint, ...] = ()


class PrepareToStop(Request["Done"], frozen=True, kw_only=True):
    """hub to station: end all charges with this source, take nothing new; answered when all is durable."""

    stop_source: StopSource
    exit_code: int
    within_s: float = 2.0
    """So long charges may take to end; what is not off then ends with its lease, and is recorded at the next start."""


class ReadJournal(Request["JournalPage"], frozen=True, kw_only=True):
    """To station: entries after `after_seq`, oldest first; `kinds` (class names of records.py) empty: all.

    `session_id` and `since` narrow it further. `limit` at most 500.
    """

    after_seq: int = 0
    kinds: tuple[str, ...] = ()
    session_id: int | None = None
    since: datetime | None = None
    limit: int = 500


class JournalPage(Reply, frozen=True, kw_only=True):
    """`last_seq` is where the journal ends now; `read_to` the sequence number up to which this page is complete."""

    rows: tuple[JournalRow, ...]
    read_to: int
    last_seq: int


class ReadSessions(Request["SessionsPage"], frozen=True, kw_only=True):
    """To station: session records, newest first; with `session_ids` just those. `limit` at most 500."""

    session_ids: tuple[int, ...] = ()
    since: datetime | None = None
    unfinished: bool = False
    include_garbage: bool = False
    limit: int = 100


class SessionsPage(Reply, frozen=True, kw_only=True):
    sessions: tuple[Session, ...]


class ReadHistory(Request["HistoryPage"], frozen=True, kw_only=True):
    session_id: int
    limit: int = 500


class HistoryPage(Reply, frozen=True, kw_only=True):
    rows: tuple[HistoryRow, ...]


class ReadSamples(Request["SamplesPage"], frozen=True, kw_only=True):
    """To station: durable samples with `number` > `after`, oldest first; one session's only, if given. At most 500.

    Asked for those of all sessions, the station makes durable what still waits for its batch, if the disk takes it.
    """

    after: int = 0
    session_id: int | None = None
    limit: int = 500


class SamplesPage(Reply, frozen=True, kw_only=True):
    """Samples up to `durable_number` could be read, those up to `last_number` were taken."""

    samples: tuple[Sample, ...]
    last_number: int
    durable_number: int


class Cursor(Request["Done"], frozen=True, kw_only=True):
    """To station: the sender has dealt with entries up to `seq` and samples up to `sample`; pruning respects it.

    `told`: samples up to here were told, though some behind `sample` may be needed again; thinning respects it.
    """

    seq: int
    sample: int
    told: int | None = None


class ReadBacklog(Request["BacklogSize"], frozen=True, kw_only=True):
    """To station: how many journal entries of `kinds` and durable samples come after these numbers."""

    after_seq: int
    after_sample: int
    kinds: tuple[str, ...] = ()


class BacklogSize(Reply, frozen=True, kw_only=True):
    """Samples up to `durable_sample` are counted. The cursors are the last ones heard of the sender, None: never."""

    entries: int
    samples: int
    durable_sample: int
    cursor_seq: int | None = None
    cursor_sample: int | None = None


class SamplingPlan(msgspec.Struct, frozen=True):
    """Which samples the station takes by itself, also when `ocpp` is down. Interval 0: none. Durable as a fact.

    `measurands` as in OCPP (`Energy.Active.Import.Register`, `Current.Import.L1`, ...).
    """

    sampled_interval_s: int = 60
    sampled: tuple[str, ...] = ("Energy.Active.Import.Register",)
    aligned_interval_s: int = 0
    aligned: tuple[str, ...] = ("Energy.Active.Import.Register",)
    stop_sampled: tuple[str, ...] = ()
    stop_aligned: tuple[str, ...] = ()


class SetSamplingPlan(Request["Done"], frozen=True, kw_only=True):
    plan: SamplingPlan


class TakeSample(Request["SampleReply"], frozen=True, kw_only=True):
    """To station: values of a connector now (TriggerMessage MeterValues); connector 0 is the station's meter."""

    connector: int
    measurands: tuple[str, ...]
    context: str = "Trigger"


class SampleReply(Reply, frozen=True, kw_only=True):
    sample: Sample | None


# -------------------------------------------------------------------------------------- station: the service menu


class TechnicianAtWork(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: somebody is logged in. Repeat it each 5 s: after 15 s of silence he counts as gone, and every test
    and forced output ends (S19). `closes_station`: drivers are served again when he leaves. Codes: ok."""

    login: str
    is_there: bool = True
    closes_station: bool = False


class TechnicianState(State, frozen=True, kw_only=True):
    """Topic `technician`: who is logged in at the screen (`login` empty: nobody), and what is forced just now, as
    `lights 1`, `test 2`, `exercise 1`."""

    login: str = ""
    since_mono_s: float = 0.0
    closes_station: bool = False
    forced: tuple[str, ...] = ()


class CheckController(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: ask a controller all it can be asked; nothing is switched. `table`: what, answered, ms, said.

    `values`: `polls`, `failed` of the last 100 polls. Codes: ok, failed, unknown_connector, busy.
    """

    connector: int
    by: str = ""


class ShowTestColours(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: each colour for 2 s on what shows this connector (0: all), then as before; answered at the end.

    Codes: ok, no_light, no_technician, ended (he left meanwhile), busy, unknown_connector.
    """

    connector: int
    by: str = ""


class ExerciseConnector(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: lock and unlock three times with the feedback read; answered at the end. `table`: what, try, ms, ok.

    Codes: ok, failed, not_supported, no_technician, ended, busy, voltage, unknown_connector.
    """

    connector: int
    by: str = ""


class CheckMeter(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: read a meter five times, a second apart: plausible, monotone, all phases there. `table`: check,
    found, ok. Codes: ok, failed, no_meter."""

    name: str
    by: str = ""


class ExcludeModule(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: leave a power module out until it is taken in again. Durable. Codes: ok, no_module, busy (its bank
    feeds a connector), not_recorded."""

    name: str
    number: int
    is_excluded: bool = True
    by: str = ""


class TestStep(msgspec.Struct, frozen=True):
    """The controller came to `status`, `at_s` seconds after the start of the test."""

    status: str
    at_s: float


class TestPoint(msgspec.Struct, frozen=True):
    """What was measured `at_s` seconds after the start; None: not measured."""

    at_s: float
    requested_v: float | None = None
    requested_a: float | None = None
    measured_v: float | None = None
    measured_a: float | None = None
    power_w: float | None = None
    temperature_c: float | None = None


class Criterion(msgspec.Struct, frozen=True):
    """One thing a test looked at. `outcome`: passed, warning, failed, skipped. `key` for screens with own texts."""

    key: str
    outcome: str
    found: str
    wanted: str


class StartTest(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: a test session (technician.md 5): a charge of source TECHNICIAN within limits, first reached ends it.

    `mode` ev: a vehicle; load: an emulator that speaks as one, with a voltage and current expected of it; dry: plug,
    lock, insulation, pre-charge, and no energy. It may be started before the plug is in. Codes: ok, no_technician,
    bad_limit, and those of StartCharging.
    """

    connector: int
    mode: str = "ev"
    power_w: float = 5000.0
    duration_s: float = 180.0
    energy_wh: int = 1000
    voltage_v: float | None = None
    current_a: float | None = None
    by: str


class StopTest(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: end a test in order. Codes: ok, no_test."""

    connector: int
    by: str = ""


class TestState(State, frozen=True, kw_only=True):
    """Topic `test/N`: the test that runs at connector N, or ran last. `phase`: waiting (for the plug), running, ending,
    done. `report` is its number once it is stored. Times in seconds since the start."""

    connector: int
    phase: str
    mode: str
    login: str
    begun_mono_s: float
    power_w: float
    duration_s: float
    energy_wh: int
    session_id: int = 0
    elapsed_s: float = 0.0
    delivered_wh: float = 0.0
    module_wh: float | None = None
    """By the power modules (AC: by the controller), to compare with the meter."""
    deviation_pct: float | None = None
    insulation_ohm: float | None = None
    u_plus_v: float | None = None
    u_minus_v: float | None = None
    steps: tuple[TestStep, ...] = ()
    points: tuple[TestPoint, ...] = ()
    """For a chart; at most 120, evenly over the time."""
    report: int = 0


class TestReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a test found; durable. `verdict`: passed, warning, failed, interrupted. `at`: None while nobody knew the
    time. `versions`: what took part, by role (software, controller, meter, station)."""

    number: int
    connector: int
    mode: str
    login: str
    verdict: str
    at: datetime | None
    duration_s: float
    session_id: int
    stop_source: str
    power_w: float
    energy_wh: int
    delivered_wh: float
    criteria: tuple[Criterion, ...]
    steps: tuple[TestStep, ...]
    points: tuple[TestPoint, ...]
    versions: dict[str, str]
    text: str = ""


class ReadTestReports(Request["TestReports"], frozen=True, kw_only=True):
    """To station: reports of tests, newest first, of one connector or all; with `number` just that one."""

    connector: int | None = None
    number: int | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class TestReports(Reply, frozen=True, kw_only=True):
    reports: tuple[TestReport, ...]


# ----------------------------------------------------------------------------------------------------- ocpp


class LinkStatus(State, frozen=True, kw_only=True):
    """Topic `link`: the connection to the central system. `queued`: transaction messages not yet acknowledged (those
    not in memory are counted by the station each 30 s, rather too high). `parked`: messages refused for good."""

    state: LinkState
    url: str = ""
    since_mono_s: float = 0.0
    registration: str = ""  # Accepted, Pending, Rejected or "" (statuses of BootNotification)
    queued: int = 0
    parked: int = 0
    sent: int = 0
    received: int = 0
    last_error: str = ""


class OcppFrame(Event, frozen=True, kw_only=True):
    """One frame of the exchange with the central system, for people who watch. Keys are masked."""

    direction: str  # "out" or "in"
    action: str
    text: str
    latency_s: float | None = None
    number: int = 0
    """Counts up without gaps while this service runs."""
    at: datetime | None = None


class ReadFrames(Request["FramesPage"], frozen=True, kw_only=True):
    """To ocpp: the last frames of the exchange, oldest first. At most 500, and as many as are kept."""

    limit: int = 100


class FramesPage(Reply, frozen=True, kw_only=True):
    frames: tuple[OcppFrame, ...]


class Authorize(Request["Authorization"], frozen=True, kw_only=True):
    """To ocpp: may this credential charge? Server, cache and local list are its business; also answers off line.

    `id_tag` is the credential's value, `type` its kind: both decide what idTag is asked for.
    """

    id_tag: str
    type: CredentialType = CredentialType.RFID
    connector: int | None = None


class Authorization(Reply, frozen=True, kw_only=True):
    """`status` as in OCPP: Accepted, Blocked, Expired, Invalid, ConcurrentTx. `basis`: who said so."""

    status: str
    basis: AuthorizationBasis
    parent: str = ""


class CallCentralSystem(Request["CentralSystemAnswer"], frozen=True, kw_only=True):
    """To ocpp: send this request now, for commissioning; `payload` is JSON text.

    StartTransaction and StopTransaction are refused: they come from the journal alone.
    """

    action: str
    payload: str = "{}"
    by: str = ""


class CentralSystemAnswer(Reply, frozen=True, kw_only=True):
    """`ok`: a CALLRESULT came, its payload is `payload` (JSON text); else `text` says what came instead."""

    ok: bool
    payload: str = ""
    text: str = ""
    latency_s: float = 0.0


class ParkedSession(msgspec.Struct, frozen=True):
    """Messages of one session that the central system does not take, or not yet (`is_parked` False: is tried again)."""

    session_id: int
    connector: int
    messages: int
    attempts: int
    is_parked: bool
    error: str


class ReadParked(Request["ParkedPage"], frozen=True, kw_only=True):
    """To ocpp: what it holds back (R10)."""


class ParkedPage(Reply, frozen=True, kw_only=True):
    sessions: tuple[ParkedSession, ...]


class LinkDay(msgspec.Struct, frozen=True):
    """`outages` and `outage_s` count from the loss of a link to the next one. Bytes are those of WebSocket messages."""

    day: str
    connections: int = 0
    outages: int = 0
    outage_s: int = 0
    sent: int = 0
    received: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


class LinkCharge(msgspec.Struct, frozen=True):
    """The link while the charge of `session_id` ran; `day` (UTC) on which it began. See `LinkDay`."""

    session_id: int
    day: str
    connections: int = 0
    outages: int = 0
    outage_s: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


class LinkStatistics(State, frozen=True, kw_only=True):
    """Topic `link/statistics`: the newest days and charges of the link, newest first. A day is one of UTC."""

    days: tuple[LinkDay, ...] = ()
    charges: tuple[LinkCharge, ...] = ()


class TellUpdate(Request["Done"], frozen=True, kw_only=True):
    """fota to ocpp: the update has come to `status` (words of FirmwareStatusNotification, OCPP 1.6 7.25).

    Durable before the reply, told in order. `request_id` is that of a signed update, None for one without.
    """

    status: str
    request_id: int | None = None


class TellUpload(Request["Done"], frozen=True, kw_only=True):
    """fota to ocpp: an upload has come to `status` (Uploading, Uploaded, UploadFailed, ...). Durable before the reply.

    `request_id` is that of GetLog; None: GetDiagnostics.
    """

    status: str
    request_id: int | None = None


class ResendParked(Request["ActionResult"], frozen=True, kw_only=True):
    """To ocpp: try again what the central system refused for good (R10), of one session or of all.

    Codes: ok, nothing_parked.
    """

    session_id: int | None = None
    by: str = ""


# ---------------------------------------------------------------------------------------------------- fota


class BeginUpdate(Request["ActionResult"], frozen=True, kw_only=True):
    """To fota: fetch and install new software from `location`. Answered before anything is fetched.

    `certificate` (PEM) and `signature` (base64) come with a signed update. Codes: ok, replaces (an earlier one was
    cancelled for it), busy, bad_location, invalid_certificate, revoked_certificate.
    """

    location: str
    retrieve_at: datetime | None = None
    install_at: datetime | None = None
    retries: int | None = None
    retry_interval_s: int | None = None
    request_id: int | None = None
    certificate: str = ""
    signature: str = ""
    by: str = ""


class BeginUpload(Request["UploadAnswer"], frozen=True, kw_only=True):
    """To fota: build the archive `kind` (diagnostics, diagnostics_log, security_log) and send it to `location`."""

    kind: str
    location: str
    since: datetime | None = None
    until: datetime | None = None
    retries: int | None = None
    retry_interval_s: int | None = None
    request_id: int | None = None
    by: str = ""


class UploadAnswer(Reply, frozen=True, kw_only=True):
    """Codes: ok, replaces, busy, bad_location, nothing. `file_name` of what will be sent, empty when nothing will."""

    ok: bool
    code: str
    text: str = ""
    file_name: str = ""


# ---------------------------------------------------------------------------------------------------- rfid


class ReaderState(State, frozen=True, kw_only=True):
    """Topic `reader/NAME`: a card reader, since the start of `rfid`.

    `place` is its port's device or its name at the PC/SC service. `heard` is when it was last known to be there, None
    before the first time; told at least once a minute, once a second while it is tested. `polls` are the questions put
    to it, `errors` those that failed, `refused` readings that were no whole card, `held_back` cards that came too fast
    one after the other. `is_tested`: cards go to `CardTested`, not to the station. `can_signal`: lights or sound.
    """

    name: str
    is_answering: bool
    cards: int
    error: str = ""
    driver: str = ""
    place: str = ""
    identity: Identity = Identity()
    heard: Moment | None = None
    polls: int = 0
    errors: int = 0
    refused: int = 0
    held_back: int = 0
    is_tested: bool = False
    can_signal: bool = False


class TestReader(Request["ActionResult"], frozen=True, kw_only=True):
    """To rfid: cards at the reader `name` (empty: all readers) become `CardTested` and mean nothing else; for the test
    page and for binding cards. Ends by itself after 60 s, or with `on` False. Codes: ok, unknown_reader."""

    __test__: ClassVar[bool] = False  # no test of pytest

    name: str
    on: bool = True
    by: str = ""


class CardTested(Event, frozen=True, kw_only=True):
    """A card was read while its reader is tested. `uid` as the station would get it, empty when `refusal` says why it
    would not; `forms` the number in each form and byte order; `count` of the readings since the test began."""

    reader: str
    uid: str
    kind: str = ""
    refusal: str = ""
    forms: tuple[tuple[str, str], ...] = ()
    read_ms: float | None = None
    count: int = 1


class SignalReader(Request["ActionResult"], frozen=True, kw_only=True):
    """To rfid: show and sound `signal` (wait, accepted, refused) at a reader. Codes: ok, unknown_reader, no_sound,
    no_answer, bad_signal."""

    name: str
    signal: str = "accepted"
    by: str = ""


class RestartReader(Request["ActionResult"], frozen=True, kw_only=True):
    """To rfid: close and open the reader again (RFID_REBOOT)."""

    name: str
    by: str = ""


class CheckReader(Request["ActionResult"], frozen=True, kw_only=True):
    """To rfid: for 10 s cards at this reader mean nothing; three good readings pass. Answered at the end.

    `table`: number, kind, ms of each reading. Codes: ok, failed, no_reader, busy.
    """

    name: str
    by: str = ""


# ---------------------------------------------------------------------------------------------------- screen


class ScreenState(State, frozen=True, kw_only=True):
    """Topic `screen`: what the screen shows now. `name` as in statuses.md 16, with `PH` or `PV` at its end.

    `name` is empty while the display takes no pictures. `is_in_use`: a driver is at it (`clientMode`).
    `technician`: the login of whoever is in the service menu.
    """

    name: str
    connector: int = 0
    language: str = ""
    width: int = 0
    height: int = 0
    is_in_use: bool = False
    technician: str = ""


class TakeScreenshot(Request["Screenshot"], frozen=True, kw_only=True):
    """To hmi: the picture on the screen, passwords and card numbers masked. At most one each second is taken anew.

    `format` png or jpeg; `scale` 0.1 to 1.
    """

    format: str = "png"
    scale: Annotated[float, Meta(ge=0.1, le=1)] = 1.0
    by: str = ""


class Screenshot(Reply, frozen=True, kw_only=True):
    """`ok` False: `text` says why there is none. `at`: aware UTC, None while the time is not known."""

    ok: bool
    text: str = ""
    format: str = ""
    data: bytes = b""
    screen: str = ""
    language: str = ""
    width: int = 0
    height: int = 0
    at: datetime | None = None
    sha256: str = ""


class ConfirmOnScreen(Request["ActionResult"], frozen=True, kw_only=True):
    """To hmi: ask whoever stands there (RemoteCommandConfirmDialog, EvseCommandConfirmDialog); answered when he has.

    `question` unlock: open the lock though there is voltage. Codes: yes, no, no_answer (30 s), busy, no_screen.
    """

    question: str
    connector: int
    is_local: bool = False
    by: str = ""


class ChooseConnector(Request["ActionResult"], frozen=True, kw_only=True):
    """hmi to station: the driver at the screen means this connector: a card that waits for a choice is used for it; if
    none waits (code ok), the next card within `within_s` means it. 0: he means none any more. Codes: ok, started,
    waiting_for_ev, own_session, stopped; other_reader, unknown_connector and those of StartCharging."""

    connector: int
    within_s: float = 60.0


class StartAtScreen(Request["ActionResult"], frozen=True, kw_only=True):
    """hmi to station: the driver pressed Start where nobody has to be asked (free mode, plug and charge). Codes: ok,
    not_free, and those of StartCharging."""

    connector: int


Amount = Annotated[int, Meta(ge=0, le=10**12)]


class Tariff(msgspec.Struct, frozen=True, kw_only=True):
    """Prices as drivers see them, in the smallest unit of `currency` (ISO 4217, `digits` behind the decimal mark).

    `idle_per_minute` counts from `idle_free_min` minutes after the end of the energy.
    """

    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    digits: Annotated[int, Meta(ge=0, le=4)] = 2
    per_kwh: Amount = 0
    per_minute: Amount = 0
    start_fee: Amount = 0
    idle_per_minute: Amount = 0
    idle_free_min: Amount = 0


class TariffState(State, frozen=True, kw_only=True):
    """Topic `tariff`: prices by connector (0: all others). `source`: station file, central system, installer."""

    tariffs: dict[int, Tariff] = {}
    source: str = ""
    at: datetime | None = None


class SetTariff(Request["ActionResult"], frozen=True, kw_only=True):
    """To station: prices of a connector (0: all) from now on; None: those of the station file again. Durable; a running
    session keeps the price it began with. Codes: ok, unknown_connector, not_recorded."""

    connector: int = 0
    tariff: Tariff | None = None
    source: str = ""
    by: str = ""


class TellCost(Request["ActionResult"], frozen=True, kw_only=True):
    """ocpp to station: what the central system says a session has cost so far, in the currency of the session's price,
    `digits` behind the decimal mark. Codes: ok, no_session (it is over and its vehicle gone), not_recorded."""

    session_id: int
    total: Amount
    digits: Annotated[int, Meta(ge=0, le=4)] = 2


# -------------------------------------------------------------------------------------------- who may send what

ADMIN = "admin"
"""The sender behind the administrators' Unix socket: `chargepoint status`, `bus`, `journal` and their like."""

EVERYBODY = frozenset(
    {"hub", "station", "ocpp", "rfid", "hmi", "webconfig", "fota", "diag", "monitor", "helper", ADMIN}
)
_DOORS = frozenset({"ocpp", "hmi", "webconfig", "monitor", ADMIN})
_READERS = _DOORS | {"diag", "fota"}

SENDERS: dict[type[Message], frozenset[str]] = {
    ServiceState: frozenset({"hub"}),
    SupervisorState: frozenset({"hub"}),
    ClockState: frozenset({"hub"}),
    SettingsState: frozenset({"hub"}),
    UsersState: frozenset({"hub"}),
    ClockStepped: frozenset({"hub"}),
    ReadSettings: EVERYBODY,
    ChangeSettings: _DOORS,
    SaveUser: frozenset({"webconfig", ADMIN}),
    RemoveUser: frozenset({"webconfig", ADMIN}),
    CheckPassword: frozenset({"hmi", "webconfig"}),
    LogIn: frozenset({"hmi", "webconfig"}),
    ChangePassword: frozenset({"hmi", "webconfig"}),
    ChangePin: frozenset({"hmi", "webconfig"}),
    BindCard: frozenset({"hmi", "webconfig", ADMIN}),
    ReadUsers: frozenset({"hmi", "webconfig", ADMIN}),
    GrantAccess: frozenset({"ocpp", "webconfig", "monitor", ADMIN}),
    AccessGrant: frozenset({"hub"}),
    EnterByGrant: frozenset({"hmi"}),
    ReadConfiguration: frozenset({"hmi", "webconfig", "diag", ADMIN}),
    WriteDraft: frozenset({"hmi", "webconfig", ADMIN}),
    ApplyDraft: frozenset({"hmi", "webconfig", ADMIN}),
    ReloadConfiguration: frozenset({"hmi", "webconfig", ADMIN}),
    RestartNetwork: frozenset({"hmi", "webconfig", ADMIN}),
    FactoryReset: frozenset({"hmi", "webconfig", ADMIN}),
    RestartService: _DOORS - {"ocpp"} | {"fota"},
    EndStation: _DOORS | {"fota", "station"},
    TimeLearned: frozenset({"ocpp", "hmi", "webconfig", "monitor"}),
    PrivilegedDeed: frozenset({"hub", "webconfig", "fota", ADMIN}),
    Noted: EVERYBODY,
    SecurityNoted: EVERYBODY,
    ConnectorState: frozenset({"station"}),
    MeterState: frozenset({"station"}),
    StationState: frozenset({"station"}),
    PortState: frozenset({"station"}),
    DeviceState: frozenset({"station"}),
    InputState: frozenset({"station"}),
    OutputState: frozenset({"station"}),
    ClimateState: frozenset({"station"}),
    ModulesState: frozenset({"station"}),
    PowerState: frozenset({"station"}),
    InsulationState: frozenset({"station"}),
    UpsState: frozenset({"station"}),
    LightState: frozenset({"station"}),
    InstalledState: frozenset({"station"}),
    DumpGrew: frozenset({"station"}),
    StartDump: frozenset({"hmi", "webconfig", ADMIN}),
    StopDump: frozenset({"hmi", "webconfig", ADMIN}),
    ReadDump: _READERS,
    ClearInput: frozenset({"hmi", "webconfig", ADMIN}),
    ClearOutput: frozenset({"hmi", "webconfig", ADMIN}),
    AcceptDevices: frozenset({"hmi", "webconfig", ADMIN}),
    ReadClimate: _READERS,
    JournalGrew: frozenset({"station"}),
    SampleTaken: frozenset({"station"}),
    CardSeen: frozenset({"station"}),
    CardHandled: frozenset({"station"}),
    PresentCard: frozenset({"rfid"}),
    StartCharging: _DOORS,
    StopCharging: _DOORS,
    SetEnergyLimit: frozenset({"ocpp"}),
    NameTransaction: frozenset({"ocpp"}),
    Reserve: _DOORS,
    CancelReservation: _DOORS,
    SetLimitSchedule: _DOORS,
    ClearLimitSchedules: _DOORS,
    ReadCompositeSchedule: _READERS,
    UnlockConnector: _DOORS,
    BlockConnector: _DOORS,
    SetUserLimit: _DOORS - {"ocpp"},
    ChangeAvailability: _DOORS,
    SetFreeMode: _DOORS,
    SetOperatingMode: _DOORS,
    EmergencyStop: _DOORS,
    RebootController: _DOORS,
    ClearFault: frozenset({"hmi", "webconfig", ADMIN}),
    SyncControllerClock: _DOORS,
    ReadController: _READERS,
    WriteParameter: _DOORS - {"ocpp", "monitor"},
    TechnicianAtWork: frozenset({"hmi", "webconfig", ADMIN}),
    TechnicianState: frozenset({"station"}),
    CheckController: frozenset({"hmi", "webconfig", ADMIN}),
    ShowTestColours: frozenset({"hmi", "webconfig", ADMIN}),
    ExerciseConnector: frozenset({"hmi", "webconfig", ADMIN}),
    CheckMeter: frozenset({"hmi", "webconfig", ADMIN}),
    ExcludeModule: frozenset({"hmi", "webconfig", ADMIN}),
    StartTest: frozenset({"hmi", "webconfig", ADMIN}),
    StopTest: frozenset({"hmi", "webconfig", ADMIN}),
    TestState: frozenset({"station"}),
    ReadTestReports: _READERS,
    PrepareToStop: frozenset({"hub"}),
    ReadJournal: _READERS,
    ReadSessions: _READERS,
    ReadHistory: _READERS,
    ReadSamples: _READERS,
    Cursor: frozenset({"ocpp", "monitor"}),
    ReadBacklog: frozenset({"ocpp", "monitor"}),
    SetSamplingPlan: frozenset({"ocpp"}),
    TakeSample: _READERS,
    LinkStatus: frozenset({"ocpp"}),
    OcppFrame: frozenset({"ocpp"}),
    Authorize: frozenset({"station"}),
    CallCentralSystem: frozenset({"webconfig", ADMIN}),
    ReadFrames: frozenset({"hmi", "webconfig", "diag", ADMIN}),
    ReadParked: frozenset({"hmi", "webconfig", "monitor", ADMIN}),
    LinkStatistics: frozenset({"ocpp"}),
    TellUpdate: frozenset({"fota"}),
    TellUpload: frozenset({"fota"}),
    BeginUpdate: _DOORS,
    BeginUpload: _DOORS,
    ResendParked: frozenset({"hmi", "webconfig", "monitor", ADMIN}),
    ReaderState: frozenset({"rfid"}),
    RestartReader: _DOORS,
    TestReader: frozenset({"hmi", "webconfig", ADMIN}),
    CardTested: frozenset({"rfid"}),
    SignalReader: frozenset({"hmi", "webconfig", ADMIN}),
    CheckReader: frozenset({"hmi", "webconfig", ADMIN}),
    ScreenState: frozenset({"hmi"}),
    TakeScreenshot: frozenset({"ocpp", "webconfig", "monitor", "diag", ADMIN}),
    ConfirmOnScreen: frozenset({"station"}),
    ChooseConnector: frozenset({"hmi"}),
    StartAtScreen: frozenset({"hmi"}),
    TariffState: frozenset({"station"}),
    SetTariff: frozenset({"ocpp", "webconfig", "monitor", ADMIN}),
    TellCost: frozenset({"ocpp"}),
}

KEPT_EVENTS: tuple[type[Event], ...] = (Noted, SecurityNoted)
"""Events the hub keeps for `station` (bounded, oldest dropped) while it restarts."""


def leaves(base: type[Message]) -> tuple[type[Any], ...]:
    """All concrete message classes under `base`, in order of declaration."""
    found: list[type[Any]] = []
    for child in base.__subclasses__():
        below = leaves(child)
        found.extend(below if below else (child,))
    return tuple(found)
