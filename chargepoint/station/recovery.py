"""What becomes of the sessions that a power cut, a crash or a restart left unfinished. Pure.

Sources: architecture.md 3 and 7 (adoption inside the lease), reliability.md R7, R13, R15.
"""

from __future__ import annotations

import enum

import msgspec

from chargepoint.records import Session
from chargepoint.station.connector import Phase
from chargepoint.station.polls import ev_connected
from chargepoint.vocabulary import Cause, ControllerStatus, HardwareFlag, StopSource
from drivers.interfaces import ControllerReading

_MAY_BE_BACK = frozenset(
    {ControllerStatus.A_NOT_CONNECTED, ControllerStatus.B_CONNECTED, ControllerStatus.B1_NEGOTIATION}
)


class Fate(enum.Enum):
    """What happens to an unfinished session."""

    ADOPT = "the controller still charges for it: the transaction goes on"
    RESUME = "its lease ended while this software was away, the vehicle waits: the transaction goes on"
    STOP = "the transaction ends now, with a reason"
    AWAY = "its vehicle was unplugged at its own end: the transaction waits for it"
    WAIT = "no transaction runs; the vehicle, or its locked cable, is still there"
    FINISH = "no transaction runs and nobody is there"


_GOES_ON = frozenset({Fate.ADOPT, Fate.RESUME, Fate.AWAY})


class Recovery(msgspec.Struct, frozen=True):
    """The fate, the phase to begin in, and for STOP the reason."""

    fate: Fate
    phase: Phase
    stop_source: StopSource | None = None


def recover(
    session: Session,
    reading: ControllerReading | None,
    *,
    same_boot: bool,
    may_resume: bool,
    ignore_flag: bool,
    is_latched: bool = False,
    held_by: StopSource | None = None,
    is_test: bool = False,
) -> Recovery:
    """What becomes of `session`, given the controller's first answer (None: it does not answer).

    `is_latched`: a fault is latched that only a technician clears. `held_by`: what keeps the connector from energy now,
    apart from that. `is_test`: a technician's test session; who tests is gone with the software that was.
    """
    found = _by_itself(session, reading, same_boot, may_resume, ignore_flag, is_latched)
    if found.fate in _GOES_ON and (held_by is not None or is_test):
        return Recovery(Fate.STOP, Phase.STOPPING, held_by or StopSource.TECHNICIAN)
    return found


def _by_itself(
    session: Session,
    reading: ControllerReading | None,
    same_boot: bool,
    may_resume: bool,
    ignore_flag: bool,
    is_latched: bool,
) -> Recovery:
    runs = session.started is not None and session.stopped is None
    there = reading is not None and ev_connected(reading, ignore_flag)
    if not runs:
        is_locked = reading is not None and HardwareFlag.CONNECTOR_LOCKED in reading.flags
        if not there and session.stopped is not None and session.keeps_cable and is_locked:
            return Recovery(Fate.WAIT, Phase.CHARGED)
        if not there:
            return Recovery(Fate.FINISH, Phase.EMPTY)
        return Recovery(Fate.WAIT, Phase.PLUGGED if session.started is None else Phase.CHARGED)
    if not same_boot:
        return Recovery(Fate.STOP, Phase.STOPPING, StopSource.POWER_LOSS)
    if session.stop_source is not None:  # it was on its way out
        return Recovery(Fate.STOP, Phase.STOPPING, session.stop_source)
    if is_latched:
        return Recovery(Fate.STOP, Phase.STOPPING, StopSource.CONNECTOR_ERROR)
    if may_resume and reading is not None and there:
        if reading.session_ref == session.session_id and not reading.status.is_error:
            charging = reading.status.is_charging
            return Recovery(Fate.ADOPT, Phase.CHARGING if charging else Phase.STARTING)
        if reading.cause is Cause.LEASE_ENDED and reading.status is not ControllerStatus.C6_CHARGING:
            return Recovery(Fate.RESUME, Phase.STARTING)
    if may_resume and reading is not None and session.waits_for_vehicle and reading.status in _MAY_BE_BACK:
        return Recovery(Fate.AWAY, Phase.AWAY)
    return Recovery(Fate.STOP, Phase.STOPPING, StopSource.APP_RESTART)
