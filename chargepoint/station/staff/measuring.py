"""One test session as it is measured: steps, values, energies; from readings to a state for screens and facts to judge.

Nothing here asks anything; `bench.py` feeds it.
"""

from __future__ import annotations

import math
from collections import deque

from chargepoint.messages import StartTest, TestPoint, TestState, TestStep
from chargepoint.records import Session
from chargepoint.station.staff.report import Facts, deviation_pct
from chargepoint.vocabulary import HardwareFlag, PowerType, StopSource
from drivers.interfaces import ControllerReading, Diagnosis, InsulationReading, MeterReading

MOST_POINTS = 120
REGISTER_FROM_WH = 1000
"""From so much energy on the meter's register is compared; below, it is too coarse, and its power is."""
STEADY_LOOKS, STEADY_SHARE = 6, 0.02


class Test:
    """What is known of a test. Times are monotonic seconds."""

    __test__ = False  # of tests of tests

    def __init__(self, request: StartTest, power_type: PowerType, now_s: float, meant: Session | None = None) -> None:
        self.request = request
        self.meant = meant
        """The session that was made for it, plugged in or not; None: any that runs."""
        self.power_type = power_type
        self.begun_s = now_s
        self.phase = "waiting"
        self.session: Session | None = None
        self.report = 0
        self.why_ended = ""
        """Why it was interrupted, empty while it was not."""
        self.steps: list[TestStep] = []
        self.points: list[TestPoint] = []
        self.has_lock = False
        self.is_locked: bool | None = None
        self.ended_s: float | None = None
        self.delivered_wh = 0.0
        self.insulation_ohm: float | None = None
        self.u_plus_v: float | None = None
        self.u_minus_v: float | None = None
        self._module_wh = 0.0
        self._meter_wh = 0.0
        self._measured_s: float | None = None
        self._steady_wh = 0.0
        self._recent_w: deque[float] = deque(maxlen=STEADY_LOOKS)
        self._has_module = False
        self._temperature_c: float | None = None
        self._first_c: float | None = None
        self._highest_c: float | None = None
        self._highest_v = 0.0
        self._steady: tuple[float, float] | None = None

    @property
    def last_step(self) -> str:
        return self.steps[-1].status if self.steps else ""

    def elapsed_s(self, now_s: float) -> float:
        return (now_s if self.ended_s is None else self.ended_s) - self.begun_s

    # --------------------------------------------------------------------------------------------------- measuring

    def note(self, reading: ControllerReading, meter: MeterReading | None, now_s: float) -> None:
        """A poll of the controller, and what the meter said last, if that is fresh."""
        status = reading.status.value
        if status != self.last_step:
            self.steps.append(TestStep(status, round(now_s - self.begun_s, 1)))
        is_locked = HardwareFlag.CONNECTOR_LOCKED in reading.flags
        self.has_lock = self.has_lock or is_locked
        self.is_locked = is_locked
        self._integrate(reading, meter, now_s)
        if reading.is_metered and math.isfinite(reading.voltage_v):
            self._highest_v = max(self._highest_v, abs(reading.voltage_v))
        if status == "C6" and reading.is_metered:
            self._steady = (reading.voltage_v, max(abs(value) for value in reading.current_a))
        self._note_point(reading, meter, now_s)

    def _integrate(self, reading: ControllerReading, meter: MeterReading | None, now_s: float) -> None:
        hours = 0.0 if self._measured_s is None else (now_s - self._measured_s) / 3600
        self._measured_s = now_s
        if reading.is_metered and math.isfinite(reading.power_w):
            self._has_module = True
            self._module_wh += max(0.0, reading.power_w) * hours
            self._recent_w.append(reading.power_w)
        if meter is not None and math.isfinite(meter.power_w) and self._is_steady:
            self._meter_wh += max(0.0, meter.power_w) * hours
            self._steady_wh += max(0.0, reading.power_w) * hours

    @property
    def _is_steady(self) -> bool:
        """Both are polled at times of their own: while power rises or falls they say nothing of each other."""
        recent = self._recent_w
        return len(recent) == STEADY_LOOKS and max(recent) - min(recent) <= STEADY_SHARE * max(recent)

    def _note_point(self, reading: ControllerReading, meter: MeterReading | None, now_s: float) -> None:
        elapsed_s = now_s - self.begun_s
        spacing_s = max(1.0, self.request.duration_s / (MOST_POINTS - 20))
        if self.points and elapsed_s - self.points[-1].at_s < spacing_s - 0.01:
            return
        if len(self.points) >= MOST_POINTS:
            self.points = self.points[::2]
        is_measured = reading.is_metered
        point = TestPoint(
            at_s=round(elapsed_s, 1),
            requested_v=reading.requested_voltage_v,
            requested_a=reading.requested_current_a,
            measured_v=round(reading.voltage_v, 1) if is_measured else None,
            measured_a=round(max(abs(value) for value in reading.current_a), 1) if is_measured else None,
            power_w=round(meter.power_w, 1) if meter is not None else None,
            temperature_c=self._temperature_c,
        )
        self.points.append(point)

    def note_diagnosis(self, diagnosis: Diagnosis | None, insulation: InsulationReading | None) -> None:
        """What the controller and the insulation monitor say of themselves."""
        if diagnosis is not None:
            heats = [value for value in (diagnosis.t1_c, diagnosis.t2_c) if value is not None and -100 < value < 200]
            if heats:
                self._temperature_c = max(heats)
                self._first_c = self._temperature_c if self._first_c is None else self._first_c
                self._highest_c = max(self._highest_c or -math.inf, self._temperature_c)
            if diagnosis.insulation_kohm is not None and self.last_step in ("C3", "C4", "C5", "C6"):
                self.insulation_ohm = 1000.0 * diagnosis.insulation_kohm
            self.u_plus_v, self.u_minus_v = diagnosis.u_plus_v, diagnosis.u_minus_v
        if insulation is not None:
            self.insulation_ohm = insulation.resistance_ohm
            self.u_plus_v, self.u_minus_v = insulation.u_plus_v, insulation.u_minus_v

    # ------------------------------------------------------------------------------------------------- as others see

    @property
    def _energies(self) -> tuple[float | None, float | None]:
        """By the meter and by what gives the energy, to be compared."""
        if not self._has_module:
            return None, None
        if self.delivered_wh >= REGISTER_FROM_WH:
            return self.delivered_wh, self._module_wh
        return self._meter_wh, self._steady_wh

    def state(self, now_s: float) -> TestState:
        """For screens."""
        meter_wh, module_wh = self._energies
        request = self.request
        return TestState(
            connector=request.connector,
            phase=self.phase,
            mode=request.mode,
            login=request.by,
            begun_mono_s=self.begun_s,
            power_w=request.power_w,
            duration_s=request.duration_s,
            energy_wh=request.energy_wh,
            session_id=self.session.session_id if self.session is not None else 0,
            elapsed_s=round(self.elapsed_s(now_s), 1),
            delivered_wh=self.delivered_wh,
            module_wh=round(self._module_wh, 1) if self._has_module else None,
            deviation_pct=deviation_pct(meter_wh, module_wh),
            insulation_ohm=self.insulation_ohm,
            u_plus_v=self.u_plus_v,
            u_minus_v=self.u_minus_v,
            steps=tuple(self.steps),
            points=tuple(self.points),
            report=self.report,
        )

    def facts(self, stop_source: StopSource | None) -> Facts:
        """For the judgement."""
        meter_wh, module_wh = self._energies
        request = self.request
        return Facts(
            mode=request.mode,
            power_type=self.power_type,
            steps=tuple(self.steps),
            ended_s=(self.ended_s if self.ended_s is not None else self.begun_s) - self.begun_s,
            has_lock=self.has_lock,
            stop_source=stop_source,
            has_begun=self.session is not None and self.session.started is not None,
            is_locked_at_end=self.is_locked,
            meter_wh=meter_wh,
            module_wh=module_wh,
            insulation_ohm=self.insulation_ohm,
            highest_v=self._highest_v or None,
            first_c=self._first_c,
            highest_c=self._highest_c,
            measured_v=self._steady[0] if self._steady is not None else None,
            measured_a=self._steady[1] if self._steady is not None else None,
            wanted_v=request.voltage_v,
            wanted_a=request.current_a,
        )
