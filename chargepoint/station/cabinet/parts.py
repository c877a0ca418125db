"""The station's inputs, outputs and meters, for drivers whose device is made of them (a socket behind a relay)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from chargepoint.clock import Clock
from chargepoint.station.cabinet.contactors import Contactor
from chargepoint.station.cabinet.inputs import InputTrack
from chargepoint.station.cabinet.signals import Output
from chargepoint.station.meters import MeterPoint
from chargepoint.vocabulary import Cause
from drivers.errors import NoAnswer, Refused
from drivers.interfaces import MeterReading

LEASE_S = 5.0
"""An output that is switched on stays on for so long, unless it is asked again."""
CLOSED_WITHIN_S = 0.7
LOOK_S = 0.05
METER_COUNTS_S = 5.0


class StationParts:
    """All named inputs, outputs and meters of the station."""

    def __init__(
        self,
        inputs: Mapping[str, InputTrack],
        outputs: Mapping[str, Output],
        meters: Mapping[str, MeterPoint],
        clock: Clock,
    ) -> None:
        self._inputs = inputs
        self._outputs = outputs
        self._meters = meters
        self._clock = clock

    def input(self, name: str) -> bool | None:
        """The settled state of an input; None while it is not known. Raises KeyError."""
        return self._inputs[name].is_active

    async def switch(self, name: str, on: bool) -> None:
        """Switch an output, for `LEASE_S` when on. A contactor is waited for: NoAnswer while it is not closed yet (the
        order stands, ask again), Refused when it is out of order, or was told to open meanwhile. Raises KeyError."""
        output = self._outputs[name]
        if not isinstance(output, Contactor):
            output.switch(on, LEASE_S, self._clock.mono())
            return
        if not on:
            output.open()
            return
        until_s = self._clock.mono() + CLOSED_WITHIN_S
        while not output.close(LEASE_S, self._clock.mono()):
            if self._clock.mono() >= until_s:
                raise NoAnswer(f"output '{name}' is not closed yet")
            await asyncio.sleep(LOOK_S)
            if not output.is_permitted:
                raise Refused(f"output '{name}' was told to open while it was closing")

    def is_on(self, name: str) -> bool | None:
        """Whether an output is really on. Raises KeyError."""
        return self._outputs[name].is_on

    def fault(self, name: str) -> Cause:
        """Why an output is out of order, or has fallen off by itself; NONE while it obeys. Raises KeyError."""
        output = self._outputs[name]
        if not isinstance(output, Contactor):
            return Cause.NONE
        return Cause.CONTACTOR_FAILED if output.cause is Cause.NONE and output.dropped else output.cause

    def meter(self, name: str) -> MeterReading | None:
        """The last good reading of a meter, None when it is too old. Raises KeyError."""
        meter = self._meters[name]
        is_fresh = meter.reading is not None and self._clock.mono() - meter.mono_s <= METER_COUNTS_S
        return meter.reading if is_fresh else None
