"""What people and the central system see of a connector, and why no charge may begin: computed when asked. Pure.

Sources: statuses.md 2, 2a, 10; reliability.md R1, R4, R5, R27.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from chargepoint.station.cabinet.safety import Hold
from chargepoint.station.connector import IN_TRANSACTION, Phase
from chargepoint.station.polls import ev_connected
from chargepoint.vocabulary import Cause, ConnectorFlag, ConnectorStatus, ControllerStatus, HardwareFlag
from drivers.interfaces import ControllerReading

EV_IDLE_S = 10.0


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides a connector's status and whether a charge may begin. Nothing here is older than a poll."""

    phase: Phase = Phase.EMPTY
    reading: ControllerReading | None = None
    """The last good poll; None until the first."""
    link_lost: bool = False
    meter_lost: bool = False
    flags: ConnectorFlag = ConnectorFlag(0)
    is_disabled: bool = False
    """A block or an inoperative setting is in force: set while in A, or taken over on the return to A."""
    latched: Cause = Cause.NONE
    """A fault only a technician clears (R4)."""
    no_power: bool = False
    can_record: bool = True
    is_stopping: bool = False
    """The station itself is on its way down: nothing new begins."""
    resumes_from: Phase = Phase.EMPTY
    """Energy has been permitted anew within the transaction, and does not flow yet; EMPTY: it is no such start."""
    holds_cable: bool = False
    """No vehicle any more, but a cable that stays locked until its user shows the card again (or is seen leaving)."""
    hold: Hold | None = None
    """What keeps it from energy beside its own faults (`safety.py`)."""
    is_closed: bool = False
    """No charge may begin here because the station's software is being updated (`closure.py`). Never within a
    transaction, and not while somebody is awaited."""

    @property
    def is_held(self) -> bool:
        """Something ends what runs here, and shows as a fault."""
        return self.hold is not None and self.hold.stops

    @property
    def status(self) -> ControllerStatus:
        if self.reading is None or self.link_lost:
            return ControllerStatus.F_UNKNOWN
        return self.reading.status

    @property
    def has_passed_precheck(self) -> bool:
        """The controller's self-test since its start (R1)."""
        return self.reading is not None and HardwareFlag.PRECHECK_DONE in self.reading.flags

    @property
    def ev_connected(self) -> bool:
        return self.reading is not None and ev_connected(self.reading, ConnectorFlag.IGNORE_EV_CONNECTED in self.flags)


def _is_emergency(facts: Facts) -> bool:
    pressed = facts.hold is not None and facts.hold.stops and facts.hold.is_emergency
    return facts.status is ControllerStatus.E9_EMERGENCY_STOP or pressed


def _is_error(facts: Facts) -> bool:
    return facts.status.is_error or facts.latched is not Cause.NONE or facts.is_held


def _is_updating(facts: Facts) -> bool:
    return ConnectorFlag.UPDATING in facts.flags


def _has_meter_error(facts: Facts) -> bool:
    return facts.meter_lost


def _is_unavailable(facts: Facts) -> bool:
    waits = ConnectorFlag.WAITING_REBOOT | ConnectorFlag.INITIALIZING | ConnectorFlag.REBOOTING
    cannot_begin = not facts.can_record and facts.phase in (Phase.EMPTY, Phase.PLUGGED)
    return facts.status is ControllerStatus.F_UNKNOWN or bool(facts.flags & waits) or cannot_begin


def _is_charging(facts: Facts) -> bool:
    if facts.status.is_charging or facts.phase is Phase.AWAY:
        return True
    if facts.phase is Phase.STOPPING and facts.status is ControllerStatus.A_NOT_CONNECTED:
        return True  # unplugged, and the end is not on record yet
    if facts.phase is Phase.STARTING and facts.resumes_from is not Phase.EMPTY and facts.status.is_connected:
        return True
    # the vehicle paused (pilot back to B) inside a transaction: the charge goes on, suspended by the vehicle
    return facts.phase in (Phase.CHARGING, Phase.STOPPING) and facts.status in (
        ControllerStatus.B_CONNECTED,
        ControllerStatus.B1_NEGOTIATION,
    )


def _is_charged(facts: Facts) -> bool:
    if facts.phase in (Phase.STARTING, Phase.BOOKED):
        return False
    return facts.status is ControllerStatus.B2_FINISHED or (
        facts.phase is Phase.CHARGED and (facts.ev_connected or facts.holds_cable)
    )


def _is_ready(facts: Facts) -> bool:
    return facts.status.is_connected and not facts.is_disabled


def _waits_for_ev(facts: Facts) -> bool:
    return facts.phase is Phase.BOOKED


def _is_disabled(facts: Facts) -> bool:
    return facts.is_disabled


def _has_no_power(facts: Facts) -> bool:
    return facts.no_power


def _always(facts: Facts) -> bool:
    return True


STATUS_BY_PRIORITY: tuple[tuple[ConnectorStatus, Callable[[Facts], bool]], ...] = (
    (ConnectorStatus.EMERGENCY_OFF, _is_emergency),
    (ConnectorStatus.ERROR, _is_error),
    (ConnectorStatus.UPDATING, _is_updating),
    (ConnectorStatus.METER_ERROR, _has_meter_error),
    (ConnectorStatus.UNAVAILABLE, _is_unavailable),
    (ConnectorStatus.CHARGING, _is_charging),
    (ConnectorStatus.CHARGED, _is_charged),
    (ConnectorStatus.READY, _is_ready),
    (ConnectorStatus.WAITING_FOR_EV, _waits_for_ev),
    (ConnectorStatus.DISABLED, _is_disabled),
    (ConnectorStatus.NO_POWER, _has_no_power),
    (ConnectorStatus.AVAILABLE, _always),
)
"""statuses.md 2, highest first: the first row that holds is the status; the last always does."""


def connector_status(facts: Facts) -> ConnectorStatus:
    """First row of STATUS_BY_PRIORITY that holds."""
    return next(status for status, holds in STATUS_BY_PRIORITY if holds(facts))


class Refusal(msgspec.Struct, frozen=True):
    """Why no charge may begin here now: a word for programs, a sentence for people."""

    code: str
    text: str


def why_no_start(facts: Facts) -> Refusal | None:
    """The first reason against a start on this connector, or None (R1; the vehicle may still be missing).

    Blocks and availability count only before a vehicle is plugged in and authorised; nothing waits in a queue.
    """
    if facts.is_stopping:
        return _STOPPING
    if facts.hold is not None:
        return Refusal(facts.hold.code, facts.hold.text)
    return next((refusal for holds, refusal in _REFUSALS if holds(facts)), None)


_STOPPING = Refusal("stopping", "The station is restarting. Please wait a minute.")
CLOSED = Refusal("updating", "The station is being updated and takes no new charges for now.")
_REFUSALS: tuple[tuple[Callable[[Facts], bool], Refusal], ...] = (
    (lambda f: not f.can_record, Refusal("not_recorded", "The station cannot record a charge now (storage).")),
    (lambda f: f.link_lost or f.reading is None, Refusal("no_link", "The connector's controller does not answer.")),
    (lambda f: f.meter_lost, Refusal("meter_error", "The connector's energy meter does not answer.")),
    (lambda f: f.latched is not Cause.NONE, Refusal("faulted", "The connector has a fault that needs a technician.")),
    (lambda f: f.status.is_error, Refusal("faulted", "The connector reports a fault.")),
    (lambda f: f.status is ControllerStatus.F_UNKNOWN, Refusal("no_link", "The connector is not ready yet.")),
    (lambda f: f.is_closed, CLOSED),
    (lambda f: not f.has_passed_precheck, Refusal("busy", "The connector's self-test has not passed yet.")),
    (
        lambda f: bool(f.flags & (ConnectorFlag.UPDATING | ConnectorFlag.WAITING_REBOOT | ConnectorFlag.INITIALIZING)),
        Refusal("busy", "The connector is being prepared. Please wait."),
    ),
    (lambda f: f.phase in IN_TRANSACTION, Refusal("busy", "A charge runs on this connector.")),
    (lambda f: f.phase is Phase.BOOKED, Refusal("busy", "Somebody is authorised on this connector already.")),
    (lambda f: f.holds_cable, Refusal("busy", "A cable is locked here. Show the card of its charge to release it.")),
    (lambda f: f.is_disabled, Refusal("blocked", "The connector is out of service or blocked.")),
)


def suspended_by(facts: Facts, granted_w: float, idle_s: float) -> str:
    """Who holds a charge up (statuses.md 2a): `evse` when 0 is granted, `ev` after 10 s without draw, else ''.

    A vehicle that was unplugged at its own end and is awaited suspends its charge, too.
    """
    if facts.phase is Phase.AWAY:
        return "ev"
    if facts.phase not in (Phase.STARTING, Phase.CHARGING) or facts.reading is None:
        return ""
    if facts.phase is Phase.STARTING and facts.status is not ControllerStatus.C6_CHARGING:
        return {Phase.AWAY: "ev", Phase.CHARGING: "evse"}.get(facts.resumes_from, "")
    if granted_w <= 0:
        return "evse"
    return "ev" if idle_s >= EV_IDLE_S else ""
