"""The 15-second history and the samples of the sampling plan, taken by the station itself, link or no link.

Rows and samples are told at once and become durable with the next batch (architecture.md 5). Source of the rhythms:
OCPP 1.6, 3.16 (periodic ones count from the start of the charge, the station's own meter is sampled while any charge
runs; clock-aligned ones fall on whole multiples since midnight UTC, charge or none), 7.35 (contexts).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from chargepoint.messages import Event, SampleTaken, SamplingPlan
from chargepoint.records import Limit, Sample
from chargepoint.station.history_rows import history_row, hottest_c
from chargepoint.station.kept_facts import decoded
from chargepoint.station.meters import MeterPoint
from chargepoint.station.outlet import Outlet
from chargepoint.station.sampling import next_aligned, sampled_values
from chargepoint.station.site import Site
from drivers.errors import DeviceError
from drivers.interfaces import Diagnosis, MeterReading

ROW_EVERY_S = 15.0
LOOK_EVERY_S = 0.5
TEMPERATURES_HOLD_S = 30.0
"""Temperatures come with the rows of the history; older ones are nobody's now."""
PERIODIC, ALIGNED = "Sample.Periodic", "Sample.Clock"
REGISTER = "Energy.Active.Import.Register"
BEGIN, END, RESUMED = "Transaction.Begin", "Transaction.End", "Interruption.End"
NOTHING_OFFERED = Limit(0.0, 0.0, "no charge")
_PLAN = "sampling_plan"
ALIGNED_WITHIN_S = 5.0
STATION = 0
"""Connector number of the whole station's own meter."""

_Registers = tuple[int | None, int | None]
"""Import and export register in Wh."""


class _Temperatures(msgspec.Struct, frozen=True):
    """What the sensors of a connector said, and when (monotonic)."""

    mono_s: float
    plug_c: float | None
    body_c: float | None


class Recorder:
    """Takes rows and samples when they are due."""

    def __init__(
        self,
        site: Site,
        outlets: Sequence[Outlet],
        station_meter: MeterPoint | None,
        publish: Callable[[Event], None],
    ) -> None:
        self.plan = SamplingPlan()
        self._site = site
        self._books = site.books
        self._clock = site.clock
        self._outlets = {outlet.number: outlet for outlet in outlets}
        self._station_meter = station_meter
        self._publish = publish
        self._next_row: dict[int, float] = {}
        self._next_sample: dict[int, float] = {}
        self._aligned_at: float | None = None  # Unix seconds
        self._before: dict[tuple[int, str], _Registers] = {}
        self._begun: dict[int, int] = {}  # connector -> session whose beginning (or resumption) was sampled
        self._temperatures: dict[int, _Temperatures] = {}
        for outlet in outlets:
            outlet.on_transaction_begin = self._begin
            outlet.on_transaction_end = self._end

    async def load(self) -> None:
        """Take over the plan that an earlier run was given."""
        self.plan = decoded(_PLAN, await self._books.journal.fact(_PLAN), SamplingPlan) or self.plan

    async def set_plan(self, plan: SamplingPlan) -> None:
        """Follow a new plan from now on; durable, so that it also holds when `ocpp` is down."""
        if plan == self.plan:
            return
        await self._books.write(facts={_PLAN: msgspec.json.encode(plan)})
        self.plan = plan
        self._next_sample.clear()
        self._aligned_at = None

    async def run(self) -> None:
        """Look each half second, and at the very instant of a clock-aligned sample; runs until cancelled."""
        while True:
            await asyncio.sleep(self._pause_s())
            await self.take_due()

    def _pause_s(self) -> float:
        if self._aligned_at is None or not self._clock.is_set:
            return LOOK_EVERY_S
        left_s = self._aligned_at - self._clock.now().timestamp()
        return left_s + 0.001 if 0.0 < left_s < LOOK_EVERY_S else LOOK_EVERY_S

    async def take_due(self) -> None:
        """Rows and samples whose time has come."""
        now = self._clock.mono()
        for outlet in self._outlets.values():
            if self._goes_on(outlet):
                self._resumed(outlet)
        self._take_periodic(now)
        self._take_aligned()
        for outlet in self._outlets.values():
            if not outlet.in_transaction:
                self._next_row.pop(outlet.number, None)
            elif now >= self._next_row.setdefault(outlet.number, now):
                self._next_row[outlet.number] = _after(self._next_row[outlet.number], ROW_EVERY_S, now)
                await self._add_row(outlet)

    def _goes_on(self, outlet: Outlet) -> bool:
        return outlet.in_transaction and not self._has_lost_power(outlet)

    def _has_lost_power(self, outlet: Outlet) -> bool:
        """Its session is of an earlier boot: the transaction ended with the supply, its last register is waited for."""
        session = outlet.session
        return session is not None and outlet.is_of_earlier_boot(session)

    def _take_periodic(self, now: float) -> None:
        """Each charge in its own rhythm, from its start; the station's own meter while any charge runs."""
        charging = [outlet.number for outlet in self._outlets.values() if self._goes_on(outlet)]
        if charging and self._station_meter is not None:
            charging.append(STATION)
        self._next_sample = {number: due for number, due in self._next_sample.items() if number in charging}
        interval_s = self.plan.sampled_interval_s
        for number in charging if interval_s > 0 else ():
            if now >= self._next_sample.setdefault(number, now + interval_s):
                self._next_sample[number] = _after(self._next_sample[number], interval_s, now)
                self.take(number, (*self.plan.sampled, *self.plan.stop_sampled), PERIODIC)

    def _take_aligned(self) -> None:
        interval_s = self.plan.aligned_interval_s
        if interval_s <= 0 or not self._clock.is_set:
            self._aligned_at = None
            return
        now = self._clock.now()
        if self._aligned_at is None or self._aligned_at - now.timestamp() > interval_s:
            self._aligned_at = next_aligned(now, interval_s).timestamp()
        if now.timestamp() < self._aligned_at:
            return
        late_s = now.timestamp() - self._aligned_at
        self._aligned_at = next_aligned(now, interval_s).timestamp()
        if late_s > ALIGNED_WITHIN_S:
            return  # the clock was set forward: the moment that was waited for has never been
        for number in (STATION, *self._outlets):
            self.take(number, (*self.plan.aligned, *self.plan.stop_aligned), ALIGNED)

    def take(self, connector: int, measurands: tuple[str, ...], context: str) -> Sample | None:
        """A sample now: kept in the next batch and told at once. None when no value is known or none is asked."""
        sample = self.values(connector, measurands, context)
        if sample is not None:
            self._publish(SampleTaken(sample=sample))
        return sample

    def values(self, connector: int, measurands: tuple[str, ...], context: str) -> Sample | None:
        """As `take`, without telling. What a silent meter or controller would say is left out, never an old value
        stamped as fresh (R12)."""
        outlet = self._outlets.get(connector)
        meter = outlet.meter if outlet is not None else self._station_meter
        if meter is None or not measurands:
            return None
        reading = meter.reading if meter.is_answering else None
        if reading is not None and context == END and meter.end_record is not None:
            reading = msgspec.structs.replace(reading, signed=meter.end_record)
        interval_wh, export_wh = self._added(connector, context, meter.energy_wh if reading else None, reading)
        temperatures = self._temperatures_of(connector)
        values = sampled_values(
            measurands=tuple(dict.fromkeys(measurands)),
            context=context,
            meter=reading,
            energy_wh=meter.energy_wh if reading else None,
            controller=outlet.reading if outlet is not None and outlet.is_heard else None,
            offered=None if outlet is None else outlet.grant if outlet.charge is not None else NOTHING_OFFERED,
            connector_type=outlet.settings.type if outlet is not None else None,
            phases=outlet.settings.phases if outlet is not None else 3,
            interval_wh=interval_wh,
            export_interval_wh=export_wh,
            plug_c=temperatures.plug_c if temperatures else None,
            body_c=temperatures.body_c if temperatures else None,
        )
        if not values:
            return None
        session_id = 0
        if outlet is not None and outlet.charge is not None and (context == END or not self._has_lost_power(outlet)):
            session_id = outlet.charge.session.session_id
        return self._books.history.add_sample(
            session_id,
            connector,
            self._books.journal.moment_in(session_id or None),
            values,
            self._books.journal.last_seq,
        )

    def _added(
        self, connector: int, context: str, energy_wh: int | None, reading: MeterReading | None
    ) -> tuple[int | None, int | None]:
        """Energy taken in and given back since the value before of the same rhythm; None where there was none.

        The end of a charge belongs to the periodic rhythm, and a triggered value looks at it without being of it: so
        the periodic values of a charge and its last add up to what it took.
        """
        now: _Registers = (energy_wh, reading.energy_export_wh if reading is not None else None)
        rhythm = ALIGNED if context == ALIGNED else PERIODIC
        before = self._before.get((connector, rhythm), (None, None))
        if energy_wh is not None and context in (PERIODIC, ALIGNED, END, RESUMED):
            self._before[connector, rhythm] = now
        return _grown(before[0], now[0]), _grown(before[1], now[1])

    def _temperatures_of(self, connector: int) -> _Temperatures | None:
        found = self._temperatures.get(connector)
        return found if found is not None and self._clock.mono() - found.mono_s < TEMPERATURES_HOLD_S else None

    def _begin(self, outlet: Outlet) -> None:
        """A charge begins: its intervals count from here."""
        reading = outlet.meter.reading
        export_wh = reading.energy_export_wh if reading is not None else None
        for rhythm in (PERIODIC, ALIGNED):
            self._before[outlet.number, rhythm] = (outlet.meter.energy_wh or 0, export_wh)
        if outlet.session is not None:
            self._begun[outlet.number] = outlet.session.session_id
        self.take(outlet.number, self._of_transaction, BEGIN)

    def _resumed(self, outlet: Outlet) -> None:
        """A charge that this run did not begin goes on after the software or the supply was away."""
        session = outlet.session
        if session is None or self._begun.get(outlet.number) == session.session_id or not outlet.meter.is_answering:
            return
        self._begun[outlet.number] = session.session_id
        self.take(outlet.number, (*self.plan.sampled, *self.plan.stop_sampled), RESUMED)

    def _end(self, outlet: Outlet) -> None:
        measurands = self._of_transaction
        if outlet.meter.end_record is not None:
            measurands = (*measurands, REGISTER)  # it carries the signed record, whatever is asked for
        self.take(outlet.number, measurands, END)

    @property
    def _of_transaction(self) -> tuple[str, ...]:
        return (*self.plan.stop_sampled, *self.plan.stop_aligned)

    async def _add_row(self, outlet: Outlet) -> None:
        """The row of the running transaction; none when it ended while the controller was asked."""
        diagnosis: Diagnosis | None = None
        try:
            diagnosis = await outlet.controller.read_diagnosis()
        except DeviceError:
            diagnosis = None
        else:
            outlet.temperature_c = hottest_c((diagnosis.t1_c, diagnosis.t2_c))
            body_c = hottest_c((diagnosis.module_temperature_c,))
            self._temperatures[outlet.number] = _Temperatures(self._clock.mono(), outlet.temperature_c, body_c)
        if outlet.reading is None or outlet.session is None or not outlet.in_transaction:
            return
        self._books.history.add_row(
            history_row(
                session_id=outlet.session.session_id,
                connector=outlet.number,
                moment=self._books.journal.moment_in(outlet.session.session_id),
                reading=outlet.reading if outlet.is_heard else None,
                meter=outlet.meter.reading if outlet.meter.is_answering else None,
                energy_wh=outlet.energy_wh,
                diagnosis=diagnosis,
                limit=outlet.grant,
                connector_type=outlet.settings.type,
                monitor=outlet.insulation(),
            )
        )


def _grown(before_wh: int | None, now_wh: int | None) -> int | None:
    return None if before_wh is None or now_wh is None else max(0, now_wh - before_wh)


def _after(due: float, every_s: float, now: float) -> float:
    """The next instant of a rhythm, without a burst after a pause."""
    due += every_s
    return due if due > now else now + every_s
