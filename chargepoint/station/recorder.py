"""The 15-second history and the samples of the sampling plan, taken by the station itself, link or no link.

Rows and samples are told at once and become durable with the next batch (architecture.md 5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from chargepoint.messages import Event, SampleTaken, SamplingPlan
from chargepoint.records import Sample
from chargepoint.station.history_rows import history_row, hottest_c
from chargepoint.station.meters import MeterPoint
from chargepoint.station.outlet import Outlet
from chargepoint.station.sampling import next_aligned, sampled_values
from chargepoint.station.site import Site
from drivers.errors import DeviceError
from drivers.interfaces import Diagnosis

ROW_EVERY_S = 15.0
_PLAN = "sampling_plan"
ALIGNED_WITHIN_S = 5.0
STATION = 0
"""Connector number of the whole station's own meter."""


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
        self._energy_before: dict[tuple[int, str], int] = {}
        for outlet in outlets:
            outlet.on_transaction_begin = self._begin
            outlet.on_transaction_end = self._end

    async def load(self) -> None:
        """Take over the plan that an earlier run was given."""
        kept = await self._books.journal.fact(_PLAN)
        if kept is not None:
            self.plan = msgspec.json.decode(kept, type=SamplingPlan)

    async def set_plan(self, plan: SamplingPlan) -> None:
        """Follow a new plan from now on; durable, so that it also holds when `ocpp` is down."""
        if plan == self.plan:
            return
        await self._books.write(facts={_PLAN: msgspec.json.encode(plan)})
        self.plan = plan
        self._next_sample.clear()
        self._aligned_at = None

    async def run(self) -> None:
        """Look each half second; runs until cancelled."""
        while True:
            await asyncio.sleep(0.5)
            await self.take_due()

    async def take_due(self) -> None:
        """Rows and samples whose time has come."""
        now = self._clock.mono()
        for outlet in self._outlets.values():
            if not outlet.in_transaction:
                self._next_row.pop(outlet.number, None)
                self._next_sample.pop(outlet.number, None)
                continue
            interval_s = self.plan.sampled_interval_s
            if interval_s > 0 and now >= self._next_sample.setdefault(outlet.number, now + interval_s):
                self._next_sample[outlet.number] = _after(self._next_sample[outlet.number], interval_s, now)
                self.take(outlet.number, (*self.plan.sampled, *self.plan.stop_sampled), "Sample.Periodic")
            if now >= self._next_row.setdefault(outlet.number, now):
                self._next_row[outlet.number] = _after(self._next_row[outlet.number], ROW_EVERY_S, now)
                await self._add_row(outlet)
        self._take_aligned()

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
            self.take(number, (*self.plan.aligned, *self.plan.stop_aligned), "Sample.Clock")

    def take(self, connector: int, measurands: tuple[str, ...], context: str) -> Sample | None:
        """A sample now: kept in the next batch and told at once. None when no value is known or none is asked."""
        sample = self.values(connector, measurands, context)
        if sample is not None:
            self._publish(SampleTaken(sample=sample))
        return sample

    def values(self, connector: int, measurands: tuple[str, ...], context: str) -> Sample | None:
        """As `take`, without telling; a silent meter gives no sample: old values are never stamped as fresh (R12)."""
        outlet = self._outlets.get(connector)
        meter = outlet.meter if outlet is not None else self._station_meter
        if meter is None or not meter.is_answering or meter.reading is None or not measurands:
            return None
        values = sampled_values(
            measurands=tuple(dict.fromkeys(measurands)),
            context=context,
            meter=meter.reading,
            energy_wh=meter.energy_wh,
            controller=outlet.reading if outlet is not None and outlet.is_heard else None,
            offered=outlet.grant if outlet is not None and outlet.in_transaction else None,
            connector_type=outlet.settings.type if outlet is not None else None,
            phases=outlet.settings.phases if outlet is not None else 3,
            interval_wh=self._interval_wh(connector, context, meter.energy_wh),
            temperature_c=outlet.temperature_c if outlet is not None else None,
        )
        if not values:
            return None
        session_id = outlet.session.session_id if outlet is not None and outlet.session and outlet.in_transaction else 0
        return self._books.history.add_sample(
            session_id,
            connector,
            self._books.journal.moment_in(session_id or None),
            values,
            self._books.journal.last_seq,
        )

    def _interval_wh(self, connector: int, context: str, energy_wh: int | None) -> int | None:
        """Energy since the sample before of the same kind; None for the first."""
        before_wh = self._energy_before.get((connector, context))
        if energy_wh is not None:
            self._energy_before[connector, context] = energy_wh
        return None if before_wh is None or energy_wh is None else max(0, energy_wh - before_wh)

    def _begin(self, outlet: Outlet) -> None:
        for context in ("Sample.Periodic", "Sample.Clock"):
            self._energy_before[outlet.number, context] = outlet.meter.energy_wh or 0
        self.take(outlet.number, self._of_transaction, "Transaction.Begin")

    def _end(self, outlet: Outlet) -> None:
        self.take(outlet.number, self._of_transaction, "Transaction.End")

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
            )
        )


def _after(due: float, every_s: float, now: float) -> float:
    """The next instant of a rhythm, without a burst after a pause."""
    due += every_s
    return due if due > now else now + every_s
