"""Power of each meter over three days, for the charts of the page of meters; for looking back only."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chargepoint.clock import Clock
from chargepoint.messages import MeterState
from chargepoint.sample_history import SampleHistory
from webconfig.site import Site

FILE = "meters.history"
MOST_METERS = 24
LOOK_EACH_S = 5.0
SAVE_EVERY_S = 1800.0


class MeterHistory:
    """`run` must be running. Values are W."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._samples = SampleHistory(
            folder / FILE, clock, "the meters", width=1, most_names=MOST_METERS, save_every_s=SAVE_EVERY_S
        )

    def points(self, name: str) -> list[tuple[float, float]]:
        """(Unix seconds at which five minutes began, their mean W), oldest first."""
        return [
            (point.unix_s, power_w)
            for point in self._samples.points(name)
            for power_w in point.means
            if power_w is not None
        ]

    async def run(self, site: Site) -> None:
        """Watch until cancelled, then write. Silent meters are left out."""
        self._samples.load()
        try:
            while True:
                for name, meter in site.all_of("meter/", MeterState).items():
                    if meter.is_answering and meter.reading:
                        self._samples.add(name, (meter.reading.power_w,))
                if self._samples.is_due:
                    await self._samples.save()
                await asyncio.sleep(LOOK_EACH_S)
        finally:
            await self._samples.save()
