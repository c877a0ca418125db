"""What is known of a box's lease and past, and what a look at it means; `leased.py` talks to it. No I/O."""

from __future__ import annotations

import asyncio
import logging
import math

from drivers.controllers.box import LEAST_A, Box, Finding, Letter, Look
from drivers.errors import NoAnswer, Refused
from drivers.interfaces import Cause, ControllerReading, ControllerStatus, FailSafe, HardwareFlag

log = logging.getLogger(__name__)

S = ControllerStatus

LETS_GO_S = 6.0
"""A box that does not tell of its contactor may hold it this long behind its offer, while the vehicle stays ready (IEC
61851-1: the vehicle has 3 s to stop; then a box may open under load)."""
AGAIN_S = 0.1
"""So soon after it was silent it is not asked again."""
_EMERGENCY = Finding(S.E9_EMERGENCY_STOP, Cause.EMERGENCY_COMMAND, "emergency stop by command")


class LeaseState:
    """The lease of one box."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.fail_safe = box.fail_safe
        self._lock = asyncio.Lock()
        self._is_ready = False
        self._boot_count = 1
        self._boot: int | None = None
        self._is_permitted = False
        self._withdrawals = 0
        """How often it was stopped: a stop wins over a start that is under way."""
        self._session_ref = 0
        self._keeps_cable = False
        self._wants_lock = False
        self._granted_w = 0.0
        self._written_a: float | None = None
        """What the box was told last; None: nothing, or nobody knows whether it heard it."""
        self._lease_until_s = 0.0
        self._started_s = 0.0
        self._ended_s = 0.0
        self._cause = Cause.NONE
        self._had_session = False
        self._start_wh: float | None = None
        self._is_emergency = False
        self._opening_since_s: float | None = None
        self._is_first_look = True
        self._heard_s = -math.inf
        self._kept_alive_s = -math.inf
        self._silent_s = -math.inf
        self._silence = ""
        self._offered_s = -math.inf
        self._is_closed = False
        self._letter: Letter | None = None
        self._unready = ""
        self._said: tuple[str, ...] = ()

    @property
    def opens_after_s(self) -> float:
        """How long after the last thing it heard of us it opens by itself; infinity: never."""
        return self.box.opens_after_s if self.box.fail_safe is FailSafe.OPENS else math.inf

    def _closed(self, look: Look) -> bool:
        """Whether its contactor must be taken for closed: current flows, or it says so, or it offers and the vehicle
        takes (where it does not say)."""
        if look.current_a is not None and max(look.current_a) > 1.0:
            return True
        if look.is_closed is not None:
            return look.is_closed
        now = self._now()
        if look.takes and look.is_offered is not False:
            self._offered_s = now
            return True
        return look.takes and now - self._offered_s < LETS_GO_S

    def _until(self, valid_for_s: float) -> float:
        """The end of a lease that is asked for now. Raises ValueError for one that nobody may ask for."""
        if not 0 < valid_for_s <= 10.0:
            raise ValueError(f"valid_for_s {valid_for_s}: must be more than 0, at most 10")
        return self._now() + valid_for_s

    def _has_lapsed(self) -> bool:
        return self._is_permitted and self._now() > self._lease_until_s

    def _withdraw(self, cause: Cause) -> None:
        """From now on it may not charge; the box is told by who called."""
        if self._is_permitted:
            self._cause = cause
            self._ended_s = self._now()
        self._is_permitted = False

    def _steps(self, current_a: float, power_w: float) -> float:
        """Rounded down to what the box takes; 0 below 6 A."""
        for name, value in (("current_a", current_a), ("power_w", power_w)):
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} {value}: must be 0 or more")
        step_a = self.box.step_a
        amperes = math.floor(min(current_a, self.box.most_a) / step_a + 1e-6) * step_a
        return round(amperes, 6) if amperes >= max(LEAST_A, self.box.least_a) - 1e-6 and power_w > 0 else 0.0

    def _why_not(self, look: Look) -> str:
        if self._is_emergency:
            return "it is in emergency stop"
        if not self._is_ready:
            return "its fail-safe could not be set"
        if look.findings:
            return look.findings[0].text
        if not look.connected or look.letter in (Letter.E, Letter.F):
            return "not possible in its present status"
        return ""

    def _reading(self, look: Look) -> ControllerReading:
        status, cause = self._status(look)
        now = self._now()
        wh = 0.0 if look.energy_wh is None or self._start_wh is None else max(0.0, look.energy_wh - self._start_wh)
        until_s = now if self._is_permitted else self._ended_s
        is_metered = look.current_a is not None
        limit_a = self._written_a or 0.0
        return ControllerReading(
            status=status,
            flags=self._flags(look, status),
            cause=cause,
            boot_count=self._boot_count,
            session_ref=self._session_ref,
            lease_left_s=max(0.0, self._lease_until_s - now) if self._is_permitted else 0.0,
            limit_current_a=limit_a if look.limit_a is None else min(limit_a, look.limit_a),
            limit_power_w=self._granted_w if self._is_permitted else 0.0,
            voltage_v=look.voltage_v or 0.0,
            current_a=look.current_a or (0.0, 0.0, 0.0),
            power_w=look.power_w or 0.0,
            energy_wh=round(wh),
            elapsed_s=int(max(0.0, until_s - self._started_s)) if self._started_s else 0,
            ev_requests_energy=look.takes,
            is_metered=is_metered,
        )

    def _status(self, look: Look) -> tuple[ControllerStatus, Cause]:
        """A to F. A fault stands above all, then a closed contactor."""
        if self._is_emergency:
            return _EMERGENCY.status, _EMERGENCY.cause
        if look.findings:
            return look.findings[0].status, look.findings[0].cause
        if look.letter in (Letter.E, Letter.F):
            return S.F_UNKNOWN, self._cause
        if self._is_closed and look.letter is not Letter.A:
            return S.C6_CHARGING, self._cause
        if look.letter is Letter.A:
            return S.A_NOT_CONNECTED, Cause.NONE
        if self._had_session and not self._is_permitted and self._cause is not Cause.LEASE_ENDED:
            return S.B2_FINISHED, self._cause
        return (S.B1_NEGOTIATION if look.takes else S.B_CONNECTED), self._cause

    def _flags(self, look: Look, status: ControllerStatus) -> HardwareFlag:
        is_hot = status is S.E7_OVERHEAT
        rows = (
            (HardwareFlag.INPUT_VOLTAGE, True),
            (HardwareFlag.EV_CONNECTED, look.connected),
            (HardwareFlag.PRECHECK_DONE, self._is_ready),
            (HardwareFlag.CONNECTOR_LOCKED, bool(look.is_locked)),
            (HardwareFlag.OUTPUT_RELAY, self._is_closed),
            (HardwareFlag.CHARGING, self._is_closed and status is S.C6_CHARGING),
            (HardwareFlag.INTERNAL_OVERHEAT, is_hot),
        )
        return HardwareFlag(sum(flag for flag, holds in rows if holds))

    def _say(self, texts: tuple[str, ...]) -> None:
        """One line when what is wrong changes."""
        if texts == self._said:
            return
        if texts:
            log.warning("%s: %s", self.box.where, "; ".join(texts))
        else:
            log.info("%s: no fault any more", self.box.where)
        self._said = texts

    def _check_silence(self) -> None:
        """Raises NoAnswer when it was silent just now."""
        if self._now() - self._silent_s < AGAIN_S:
            raise NoAnswer(self._silence)

    def _refused(self, why: str) -> Refused:
        return Refused(f"{self.box.where}: {why}")

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
