"""What is asked of the station: charges, limits, availability, controllers, dumps."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint.messages.kinds import (
    ActionResult,
    Done,
    Reply,
    Request,
)
from chargepoint.messages.station_states import Reservation
from chargepoint.records import Credential, LimitSchedule, SchedulePeriod
from chargepoint.vocabulary import (
    CardReason,
    OperatingMode,
    SchedulePurpose,
    StartSource,
    StopSource,
)
from drivers.interfaces import Diagnosis, Identity, Parameter


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
    unavailable, cancelled (`CancelCard`).

    own_session: this card's own charge, which it does not end where a screen asks first. technician: it is bound to
    somebody of the service; the screen asks for his PIN. `reason` why nothing came of it, `text` the same as a
    sentence; `choices` the connectors of which one is to be chosen. `left_wh` with started and waiting_for_ev: what its
    user may still take at this station, Wh from 0; None: no limit.
    """

    outcome: str
    connector: int | None = None
    text: str = ""
    reason: CardReason = CardReason.NONE
    choices: tuple[int, ...] = ()
    left_wh: int | None = None


class CheckCard(Request["CardChecked"], frozen=True, kw_only=True):
    """To station: what the users and lists of the station would say of this card now. Nothing is started, nobody is
    asked, nothing is written down."""

    card: str


class CardChecked(Reply, frozen=True, kw_only=True):
    """`outcome`: allowed, forbidden, ask (the central system decides), app_only (a start is made in the app alone).

    `rule` is the number of the rule that decided, from 1, as in the table of `station/access.py` (0: none of them);
    `text` the same in words. `login` whose card it is; `left_wh` what he may still take, None: no limit.
    """

    outcome: str
    rule: int
    text: str
    login: str = ""
    is_blocked: bool = False
    left_wh: int | None = None
    reason: CardReason = CardReason.NONE


class StartCharging(Request[ActionResult], frozen=True, kw_only=True):
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


class StopCharging(Request[ActionResult], frozen=True, kw_only=True):
    """To station: stop the session on `connector`, or the one with `session_id`. Codes: ok, no_session,
    unknown_connector."""

    connector: int | None = None
    session_id: int | None = None
    source: StopSource
    credential: Credential | None = None
    by: str = ""


class SetEnergyLimit(Request[ActionResult], frozen=True, kw_only=True):
    """To station: end `session_id` with `source` once it has delivered `energy_limit_wh`.

    Without `source` only the energy ends then: the transaction stays until somebody ends it (MaxEnergyOnInvalidId).
    """

    session_id: int
    energy_limit_wh: int
    source: StopSource | None = None


class NameTransaction(Request[Done], frozen=True, kw_only=True):
    """To station: what the central system said of a begun transaction: its id and the group of its starter."""

    session_id: int
    transaction_id: int
    parent: str = ""


class Reserve(Request[ActionResult], frozen=True, kw_only=True):
    """To station: keep a connector (0: any one) for somebody; the same id again replaces it. Durable.

    Codes: ok, occupied, faulted, unavailable, unknown_connector, expired, invalid.
    """

    reservation: Reservation
    by: str = ""


class CancelReservation(Request[ActionResult], frozen=True, kw_only=True):
    """To station. Codes: ok, unknown_reservation."""

    reservation_id: int
    by: str = ""


class SetLimitSchedule(Request[ActionResult], frozen=True, kw_only=True):
    """To station: keep and apply a limit schedule, from now on and also without `ocpp`. Durable.

    Replaces the one with the same id, and the one of the same connector, purpose, stack level and session.
    Without `session_id` one of purpose TX is for the transaction that runs there. Codes: ok, unknown_connector,
    no_session, invalid_schedule, too_many_schedules.
    """

    schedule: LimitSchedule
    by: str = ""


class ClearLimitSchedules(Request[ActionResult], frozen=True, kw_only=True):
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


class UnlockConnector(Request[ActionResult], frozen=True, kw_only=True):
    """To station: stop a running charge (with `source`), then open the lock. Codes: ok, not_supported, failed."""

    connector: int
    source: StopSource = StopSource.OCPP_UNLOCK
    by: str = ""


class BlockConnector(Request[ActionResult], frozen=True, kw_only=True):
    """To station: set or clear BLOCKED; in a session it takes effect on return to A. Durable."""

    connector: int
    blocked: bool
    reason: str = ""
    by: str = ""


class SetUserLimit(Request[ActionResult], frozen=True, kw_only=True):
    """To station: the power that its owner allows it or a connector (0: the station); None: no such limit. Durable.

    `until` (aware UTC): no such limit from then on. It is refused while anything charges, but with `while_charging`;
    then `spares_running` leaves charges that run what they have, and it counts when they are over. Codes: ok, later (so
    it is), unknown_connector, busy (something charges), above_limit, past (`until` is over), no_time (the clock is not
    set), not_recorded.
    """

    connector: int
    limit_w: float | None = None
    until: datetime | None = None
    while_charging: bool = False
    spares_running: bool = False
    by: str = ""


class ChangeAvailability(Request[ActionResult], frozen=True, kw_only=True):
    """To station: connector 0 is the whole station. Durable. Codes: ok, scheduled, unknown_connector."""

    connector: int
    operative: bool
    by: str = ""


class SetFreeMode(Request[ActionResult], frozen=True, kw_only=True):
    on: bool
    by: str = ""


class SetOperatingMode(Request[ActionResult], frozen=True, kw_only=True):
    mode: OperatingMode
    by: str = ""


class EmergencyStop(Request[ActionResult], frozen=True, kw_only=True):
    """To station: E9 on one connector, or on all with 0."""

    connector: int
    by: str = ""


class RebootController(Request[ActionResult], frozen=True, kw_only=True):
    """To station: restart a connector controller (0: all, one after another); clears E9. A running session ends first,
    with `source`. Answered when the controller is back, or after 10 s of silence. Codes: ok, failed."""

    connector: int
    source: StopSource = StopSource.REMOTE_COMMAND
    by: str = ""


class ClearFault(Request[ActionResult], frozen=True, kw_only=True):
    """To station: a technician has mended what a latched fault stood for (R4). Durable. Codes: ok, no_fault."""

    connector: int
    by: str = ""


class SyncControllerClock(Request[ActionResult], frozen=True, kw_only=True):
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


class WriteParameter(Request[ActionResult], frozen=True, kw_only=True):
    """To station: write a parameter of a controller, read it back, and restore the old value when it differs.
    `values`: old, new. Codes: ok, busy, no_parameter, out_of_range, failed, restored."""

    connector: int
    name: str
    value: int
    by: str = ""


class StartDump(Request[ActionResult], frozen=True, kw_only=True):
    """Stream the decoded frames between connector and vehicle as `DumpGrew`, until `StopDump`, the session's end or
    30 minutes. Codes: no_connector, not_possible (its controller keeps no frames)."""

    connector: int
    by: str = ""


class StopDump(Request[ActionResult], frozen=True, kw_only=True):
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


class ClearInput(Request[ActionResult], frozen=True, kw_only=True):
    """A technician has seen to it: end the latch of an input that is no longer active. Codes: no_input, still_active,
    not_latched."""

    name: str
    by: str = ""


class ClearOutput(Request[ActionResult], frozen=True, kw_only=True):
    """A technician has exchanged the contactor: clear its latched fault, and with `new` its counter of operations.
    Codes: no_output, still_wrong."""

    name: str
    new: bool = False
    by: str = ""


class AcceptDevices(Request[ActionResult], frozen=True, kw_only=True):
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


class PrepareToStop(Request[Done], frozen=True, kw_only=True):
    """hub to station: end all charges with this source, take nothing new; answered when all is durable."""

    stop_source: StopSource
    exit_code: int
    within_s: float = 2.0
    """So long charges may take to end; what is not off then ends with its lease, and is recorded at the next start."""
