"""Energy that never falls: readings of one meter -> a register fit for money (R12, R13). Pure; times are monotonic.

The reported register follows the meter's own while that behaves. When it does not (reset, exchange, jump, nonsense,
frozen display) the last good value stays, and after three consistent readings counting goes on from where it stood:
energy that the connector cannot have delivered is never counted.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from drivers.interfaces import ControllerReading, MeterReading

CONFIRM_READINGS = 3
"""So many readings in a row must agree before a register that fell or jumped is followed."""
CONFIRM_GAP_S = 0.4
"""And they must lie so far apart: the same moment read again proves nothing (a register that runs backwards)."""
JUMP_FACTOR = 1.5
JUMP_EXTRA_S = 5.0
JUMP_MARGIN_WH = 120
"""A register may grow by full power times the factor for the time passed and a little more (meters that renew their
register every few seconds), plus this (meters that count in 0.1 kWh)."""
FALL_TOLERANCE_WH = 2
"""A register may seem to fall by this much through rounding; it counts as standing still."""
FROZEN_AFTER_S = 60.0
FROZEN_LEAST_WH = 30.0
"""A meter is frozen when nothing of it moved for so long, while by the controller so much energy flowed."""
FROZEN_LEAST_CURRENT_A = 1.0
LOAD_HOLDS_S = 3.0
"""What a controller said about its load is not believed for longer than this: a silent one opens soon after."""
ESTIMATE_AT_MOST_S = 60.0
"""No more than this much time of a gap is estimated (R13)."""
MODULUS_WH = 2**32
MAX_VOLTAGE_V = 2000.0

AnomalyKind = Literal["nonsense", "backwards", "jump", "frozen"]


class Accepted(msgspec.Struct, frozen=True):
    """The reading is good. `note` says, once, what was found and healed (rebased, wrapped, moves again)."""

    energy_wh: int
    added_wh: int
    note: str = ""


class Anomaly(msgspec.Struct, frozen=True):
    """The reading is not taken; the last good one and its age stay. `is_new`: the first of its kind in a row."""

    kind: AnomalyKind
    text: str
    raw_wh: float
    last_wh: int
    is_new: bool


class MeterTrack:
    """One meter. `max_power_w` is the most its connector (or station) can deliver."""

    def __init__(self, max_power_w: float, modulus_wh: int = MODULUS_WH) -> None:
        self.last: MeterReading | None = None
        """The last good reading."""
        self._max_power_w = max_power_w
        self._modulus_wh = modulus_wh
        self._raw_wh: int | None = None  # meter's own register, last good
        self._offset_wh = 0  # reported = own + offset
        self._reported_wh: int | None = None
        self._good_mono_s: float | None = None
        self._estimate_wh = 0.0
        self._estimated_s = 0.0
        self._controller_wh: int | None = None  # controller's session energy now
        self._controller_then_wh: int | None = None  # and when the meter last moved
        self._is_exchanged = False
        self._candidate: tuple[int, int, float, int] | None = None  # first Wh, newest Wh, newest time, how many
        self._anomaly: AnomalyKind | None = None
        self._moved_mono_s: float | None = None  # when anything of the meter last changed
        self._load: tuple[float, float, float] | None = None  # controller: time, W, A
        self._load_since_move_wh = 0.0

    @classmethod
    def resumed(cls, max_power_w: float, register_wh: int, mono_s: float, modulus_wh: int = MODULUS_WH) -> MeterTrack:
        """A track that goes on from a register on record (a charge adopted after a restart), seen at `mono_s`.

        `mono_s` may lie before the start of this software; growth since then is judged by that time.
        """
        track = cls(max_power_w, modulus_wh)
        track._raw_wh = track._reported_wh = register_wh
        track._good_mono_s = mono_s
        return track

    # ------------------------------------------------------------------------------------------------ what it says

    @property
    def energy_wh(self) -> int | None:
        """The register as reported, estimate included: never falls, never negative. None before the first reading."""
        return self._reported_wh

    @property
    def is_estimated(self) -> bool:
        """Whether part of `energy_wh` is not yet confirmed by the meter."""
        return self.estimated_wh > 0

    @property
    def estimated_wh(self) -> int:
        """That part, in Wh."""
        return 0 if self._reported_wh is None else self._reported_wh - self._metered_wh

    @property
    def anomaly(self) -> AnomalyKind | None:
        """What is wrong with the readings now; None while they are good."""
        return self._anomaly

    def silent_for(self, now_mono_s: float) -> float:
        """Seconds since the last good reading; since the last living one, for a frozen meter. Infinite if none."""
        since = self._moved_mono_s if self._anomaly == "frozen" else self._good_mono_s
        return math.inf if since is None else max(0.0, now_mono_s - since)

    # ------------------------------------------------------------------------------------------------ what it takes

    def exchanged(self) -> None:
        """Another meter is in its place: its register says nothing about the old one's, and counting goes on from where
        it stood (R12). What flowed between them is what the controller measured, of at most 60 s (R13)."""
        self._estimate_to(self._controller_wh)
        self._is_exchanged = self._reported_wh is not None

    def accept(
        self, reading: MeterReading, mono_s: float, controller: ControllerReading | None = None
    ) -> Accepted | Anomaly:
        """Judge a reading and follow it when it is good. `controller` as in `note_controller`."""
        if controller is not None:
            self.note_controller(controller, mono_s)
        nonsense = self._nonsense(reading)
        if nonsense:
            return self._refuse("nonsense", nonsense, reading)
        load_wh = self._load_since_move_wh
        frozen = self._frozen(reading, mono_s)
        if frozen:
            return self._refuse("frozen", frozen, reading)
        if self._is_exchanged and self._reported_wh is not None:
            self._is_exchanged = False
            self._offset_wh = self._reported_wh - reading.energy_wh
            note = f"another meter, its register begins at {reading.energy_wh} Wh; counting goes on"
            return self._take(reading, mono_s, follow=True, note=note)
        if self._raw_wh is None or self._good_mono_s is None:
            return self._take(reading, mono_s, follow=True)
        added_wh = reading.energy_wh - self._raw_wh
        bound_wh = self._bound_wh(mono_s - self._good_mono_s) + JUMP_FACTOR * load_wh
        if -FALL_TOLERANCE_WH <= added_wh <= bound_wh:
            return self._take(reading, mono_s, follow=added_wh > 0)
        if added_wh < 0 and added_wh + self._modulus_wh <= bound_wh:
            self._offset_wh += self._modulus_wh
            return self._take(reading, mono_s, follow=True, note="the meter's register went round to zero")
        return self._doubt(reading, mono_s, added_wh, bound_wh)

    def note_controller(self, controller: ControllerReading, mono_s: float) -> None:
        """What the controller saw meanwhile: to notice a frozen meter, and to estimate over a gap."""
        if self._load is not None and self._load[2] > FROZEN_LEAST_CURRENT_A:
            since_s = self._load[0] if self._moved_mono_s is None else max(self._load[0], self._moved_mono_s)
            held_s = max(0.0, min(mono_s, self._load[0] + LOAD_HOLDS_S) - since_s)
            self._load_since_move_wh += self._load[1] * held_s / 3600.0
        current_a = math.fsum(value for value in controller.current_a if math.isfinite(value))
        seen_w = (controller.power_w, current_a * controller.voltage_v)
        power_w = max((value for value in seen_w if math.isfinite(value)), default=0.0)
        self._load = (mono_s, min(max(0.0, power_w), self._max_power_w), current_a)
        self._controller_wh = controller.energy_wh
        if self._controller_then_wh is None or controller.energy_wh < self._controller_then_wh:
            self._controller_then_wh = controller.energy_wh  # nothing to compare with yet, or a new session

    def estimate(self, power_w: float, dt_s: float) -> int:
        """The meter is silent: count `power_w` for `dt_s`. At most 60 s of a gap are counted. Returns `estimated_wh`.

        When the meter answers again its own register counts; the reported one waits until it is reached.
        """
        if math.isfinite(power_w) and dt_s > 0:
            counted_s = min(dt_s, ESTIMATE_AT_MOST_S - self._estimated_s)
            self._estimated_s += counted_s
            self._estimate_wh += min(max(0.0, power_w), self._max_power_w) * counted_s / 3600.0
            self._report_estimate(self._estimate_wh)
        return self.estimated_wh

    def estimate_by_controller(self, controller: ControllerReading) -> int:
        """The meter is silent or frozen: count what the controller measured since it last moved.

        Never more than 60 s at full power. Returns `estimated_wh`.
        """
        self._estimate_to(controller.energy_wh)
        return self.estimated_wh

    # ------------------------------------------------------------------------------------------------------ inside

    @property
    def _metered_wh(self) -> int:
        return (self._raw_wh or 0) + self._offset_wh

    def _estimate_to(self, controller_wh: int | None) -> None:
        """What the controller measured since the meter last moved, at most 60 s at full power."""
        if controller_wh is not None and self._controller_then_wh is not None:
            grown_wh = controller_wh - self._controller_then_wh
            most_wh = self._max_power_w * ESTIMATE_AT_MOST_S / 3600.0
            self._report_estimate(min(max(0.0, float(grown_wh)), most_wh))

    def _report_estimate(self, estimate_wh: float) -> None:
        if self._reported_wh is not None:
            self._reported_wh = max(self._reported_wh, self._metered_wh + int(estimate_wh))

    def _bound_wh(self, passed_s: float) -> float:
        return self._max_power_w * JUMP_FACTOR * (max(0.0, passed_s) + JUMP_EXTRA_S) / 3600.0 + JUMP_MARGIN_WH

    def _take(self, reading: MeterReading, mono_s: float, *, follow: bool, note: str = "") -> Accepted:
        """`follow` False: the register stood still, or seemed to fall by rounding and keeps its higher value."""
        if self._anomaly is not None and not note:
            note = f"the meter's readings are good again ({self._anomaly} before)"
        before_wh = self._reported_wh
        if self.last != reading:
            self._controller_then_wh = self._controller_wh
        self.last = reading
        if follow:
            self._raw_wh = reading.energy_wh
        self._reported_wh = max(before_wh or 0, self._metered_wh)
        self._good_mono_s = mono_s
        self._anomaly = None
        self._candidate = None
        self._estimate_wh = self._estimated_s = 0.0
        return Accepted(self._reported_wh, 0 if before_wh is None else self._reported_wh - before_wh, note)

    def _refuse(self, kind: AnomalyKind, text: str, reading: MeterReading) -> Anomaly:
        is_new = self._anomaly != kind
        self._anomaly = kind
        return Anomaly(kind, text, reading.energy_wh, self._raw_wh or 0, is_new)

    def _nonsense(self, reading: MeterReading) -> str:
        if not math.isfinite(reading.energy_wh) or reading.energy_wh < 0:
            return f"the meter's register reads {reading.energy_wh} Wh, which no meter can mean"
        voltage_v = reading.voltage_v or ()
        numbers = (reading.power_w, *voltage_v, *(reading.current_a or ()))
        if not all(map(math.isfinite, numbers)):
            return f"the meter gives values that are not numbers: {numbers}"
        if any(abs(value) > MAX_VOLTAGE_V for value in voltage_v):
            return f"the meter reads {max(voltage_v, key=abs):.0f} V, which cannot be"
        most_w = 10 * self._max_power_w + 1000
        if abs(reading.power_w) > most_w:
            return f"the meter reads {reading.power_w:.0f} W, more than this line can carry ({self._max_power_w:.0f} W)"
        return ""

    def _frozen(self, reading: MeterReading, mono_s: float) -> str:
        if reading != self.last or self._moved_mono_s is None:
            self._moved_mono_s = mono_s
            self._load_since_move_wh = 0.0
            return ""
        still_s = mono_s - self._moved_mono_s
        if still_s < FROZEN_AFTER_S or self._load_since_move_wh < FROZEN_LEAST_WH:
            return ""
        return (
            f"the meter's values have not moved for {still_s:.0f} s, while its connector delivered "
            f"{self._load_since_move_wh:.0f} Wh: the meter does not measure"
        )

    def _doubt(self, reading: MeterReading, mono_s: float, added_wh: int, bound_wh: float) -> Accepted | Anomaly:
        """A register that fell or jumped: follow it, without what it jumped, once it has proved consistent."""
        raw_wh = reading.energy_wh
        first_wh, count = raw_wh, 1
        if self._candidate is not None:
            first, newest, seen_mono_s, seen = self._candidate
            if raw_wh == newest and mono_s - seen_mono_s < CONFIRM_GAP_S:
                return self._doubted(reading, added_wh, bound_wh)
            if 0 <= raw_wh - newest <= self._bound_wh(mono_s - seen_mono_s):
                first_wh, count = first, seen + 1
        self._candidate = (first_wh, raw_wh, mono_s, count)
        if count >= CONFIRM_READINGS and self._reported_wh is not None:
            old_wh = self._raw_wh
            self._offset_wh = self._reported_wh - first_wh
            note = f"the meter's register went from {old_wh} to {first_wh} Wh (reset or exchanged); counting goes on"
            return self._take(reading, mono_s, follow=True, note=note)
        return self._doubted(reading, added_wh, bound_wh)

    def _doubted(self, reading: MeterReading, added_wh: int, bound_wh: float) -> Anomaly:
        raw_wh = reading.energy_wh
        if added_wh < 0:
            text = f"the meter's register fell from {self._raw_wh} to {raw_wh} Wh; the last good value stays"
            return self._refuse("backwards", text, reading)
        text = f"the meter's register jumped by {added_wh} Wh, at most {bound_wh:.0f} Wh can be; it is not counted"
        return self._refuse("jump", text, reading)
