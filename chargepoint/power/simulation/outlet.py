"""One simulated output: its controller, the stages of a session, the vehicle and the output contactor."""

from __future__ import annotations

from chargepoint.power.measured import Announcement, OutputReading, Stage
from chargepoint.power.simulation.conductors import Battery
from chargepoint.power.simulation.nature import ControllerNature, Vehicle

SAFE_V = 60.0
QUIET_S = 0.1


class Outlet:
    """The controller of an output with a vehicle. `voltage_v` of a call is that before its output contactor."""

    def __init__(self, nature: ControllerNature) -> None:
        self.nature = nature
        self.stage = Stage.IDLE
        self.since_s = 0.0
        self.vehicle: Vehicle | None = None
        self.soc = 0.0
        self.energy_wh = 0.0
        self.is_closed = False
        self.current_a = 0.0
        """Into the vehicle."""
        self.announced = Announcement()
        self._told: list[tuple[float, Announcement]] = []
        self._insulation_s = 0.0
        self._is_tested = False
        self._matched_s = 0.0
        self._closes_s: float | None = None
        self._quiet_s = 0.0

    @property
    def battery(self) -> Battery | None:
        """The battery, when it is on the conductor."""
        if not self.is_closed or self.vehicle is None:
            return None
        return Battery(self.vehicle.emf_v(self.soc), self.vehicle.ohm)

    @property
    def leak_s(self) -> float:
        """1/ohm of the discharge resistor, when it works."""
        works = self.stage in (Stage.STOPPING, Stage.OFF) and not self.is_closed
        return 1.0 / self.nature.discharge_ohm if works else 0.0

    def request_v(self) -> float:
        if self.vehicle is None or self.stage in (Stage.IDLE, Stage.OFF):
            return 0.0
        if self.stage is Stage.PREPARING:
            emf_v = self.vehicle.emf_v(self.soc)
            return emf_v if self._is_tested else self.nature.insulation_v or emf_v
        return self.vehicle.request_v

    def request_a(self) -> float:
        """What is asked for now, by an obedient vehicle within what it was told."""
        if self.vehicle is None:
            return 0.0
        if self.stage is Stage.PREPARING:
            return self.nature.precharge_a
        if self.stage is not Stage.CHARGING:
            return 0.0
        asked_a = self.vehicle.desire_a(self.soc)
        if self.vehicle.obeys:
            told = self._told[0][1] if self._told else self.announced
            emf_v = max(self.vehicle.emf_v(self.soc), 1.0)
            asked_a = min(asked_a, max(told.current_a, 0.0), max(told.power_w, 0.0) / emf_v)
        return max(asked_a, 0.0)

    def tell(self, announcement: Announcement, now_s: float) -> None:
        if announcement != self.announced:
            if not self._told:
                self._told = [(now_s, self.announced)]
            self._told.append((now_s, announcement))
        self.announced = announcement

    def start(self, vehicle: Vehicle, now_s: float) -> None:
        """A vehicle is plugged in and may charge. Raises ValueError when the output is not idle."""
        if self.stage is not Stage.IDLE:
            raise ValueError(f"a session cannot start while the output is {self.stage.value}: wait until it is idle")
        self.vehicle, self.soc, self.energy_wh = vehicle, vehicle.soc, 0.0
        self._insulation_s = self._matched_s = 0.0
        self._is_tested = False
        self._enter(Stage.PREPARING, now_s)

    def stop(self, now_s: float) -> None:
        """The session ends in order; nothing happens when there is none."""
        if self.stage in (Stage.PREPARING, Stage.CHARGING):
            self._enter(Stage.STOPPING, now_s)

    def off(self, now_s: float) -> None:
        """Emergency stop: hardware opens the output contactor, under whatever current."""
        self.is_closed = False
        self._enter(Stage.OFF, now_s)

    def release(self, now_s: float) -> None:
        """After an emergency stop: ready again."""
        if self.stage is Stage.OFF:
            self._enter(Stage.IDLE, now_s)

    def change(self, vehicle: Vehicle) -> None:
        """The vehicle wants otherwise from now on; its state of charge stays."""
        if self.vehicle is not None:
            self.vehicle = vehicle

    def step(self, voltage_v: float, now_s: float, dt_s: float) -> None:
        """The controller lives on for `dt_s`."""
        vehicle = self.vehicle
        reaction_s = 0.0 if vehicle is None else vehicle.reaction_s
        while len(self._told) > 1 and self._told[1][0] + reaction_s <= now_s + 1e-9:
            del self._told[0]
        if vehicle is None:
            return
        if self.stage is Stage.PREPARING:
            self._prepare(vehicle, voltage_v, now_s, dt_s)
        elif self.stage is Stage.CHARGING:
            gained_wh = voltage_v * self.current_a * dt_s / 3600
            self.energy_wh += gained_wh
            self.soc = min(max(self.soc + gained_wh / vehicle.capacity_wh, 0.0), 1.0)
            if vehicle.desire_a(self.soc) < vehicle.least_a:
                self._enter(Stage.STOPPING, now_s)
        elif self.stage is Stage.STOPPING:
            self._quiet_s = self._quiet_s + dt_s if abs(self.current_a) <= 1.0 else 0.0
            if self._quiet_s >= QUIET_S:
                self.is_closed = False
            if not self.is_closed and voltage_v < SAFE_V:
                self.vehicle = None
                self._enter(Stage.IDLE, now_s)

    def reading(self, voltage_v: float) -> OutputReading:
        return OutputReading(
            stage=self.stage,
            voltage_v=voltage_v,
            current_a=self.current_a,
            request_v=self.request_v(),
            request_a=self.request_a(),
            is_closed=self.is_closed,
        )

    def _prepare(self, vehicle: Vehicle, voltage_v: float, now_s: float, dt_s: float) -> None:
        if not self._is_tested:
            self._insulation_s = self._insulation_s + dt_s if voltage_v >= 0.9 * self.request_v() else 0.0
            self._is_tested = self._insulation_s >= self.nature.insulation_s
            return
        if self._closes_s is None:
            is_matched = abs(voltage_v - vehicle.emf_v(self.soc)) <= self.nature.match_v
            self._matched_s = self._matched_s + dt_s if is_matched else 0.0
            if self._matched_s >= 0.2:
                self._closes_s = now_s + self.nature.contactor_s
        elif now_s >= self._closes_s:
            self.is_closed = True
            self._enter(Stage.CHARGING, now_s)

    def _enter(self, stage: Stage, now_s: float) -> None:
        self.stage, self.since_s = stage, now_s
        self._closes_s = None
        self._quiet_s = 0.0
        if stage is Stage.OFF or stage is Stage.IDLE:
            self.is_closed = False
