"""A connector controller behind a contactor of the station: closed only while the connector may have energy.

For controllers that do nothing by themselves when this software dies: the contactor's I/O module has a watchdog. The
lease of the permission is kept here as well, so that the contactor opens when this connector's own loop dies (R2).
Order: contactor closed and confirmed, then the controller's start; controller's stop, current zero, contactor open (Z1,
Z4). A vehicle that goes on after the stop is cut off after `OPENS_ANYWAY_S`: a contactor wears less than a person.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

import msgspec

from chargepoint.clock import Clock
from chargepoint.station.cabinet.contactors import Contactor
from drivers.errors import DeviceError, NoAnswer, Refused
from drivers.interfaces import (
    Cause,
    ConnectorController,
    ControllerReading,
    ControllerStatus,
    Diagnosis,
    FailSafe,
    HardwareFlag,
    Identity,
    Parameter,
    VehicleData,
)

log = logging.getLogger(__name__)

CLOSED_WITHIN_S = 0.7
"""A start order waits so long for the contactor; then it is asked again at the next poll (and fails in the end)."""
LOOK_S = 0.05
OPENS_ANYWAY_S = 3.0
FLOWS_A = 1.0
"""Above this current flows (Z1)."""
WELDED_AFTER_S = 1.5
"""Current through a contactor that is open: it is not."""
READING_COUNTS_S = 2.0


class GuardedController:
    """`inner` behind `contactor`. Everything else is the inner controller's own business."""

    fail_safe = FailSafe.OPENS
    opens_after_s = OPENS_ANYWAY_S
    """The contactor, whatever time-out the controller behind it has, or has not."""

    def __init__(
        self,
        inner: ConnectorController,
        contactor: Contactor,
        clock: Clock,
        measured_a: Callable[[], float | None] = lambda: None,
    ) -> None:
        """`measured_a`: the highest current by the connector's meter, None while that is not fresh."""
        self.inner = inner
        self.contactor = contactor
        self._clock = clock
        self._measured_a = measured_a
        self._until_s: float | None = None
        """Until when energy is permitted; None: it is not."""
        self._stop_since_s: float | None = None
        self._withdrawals = 0
        self._lease_ended = False
        self._has_fallen = False
        """The contactor opened in a charge: a fault until the vehicle has left."""
        self._flows_since_s: float | None = None
        self._last: ControllerReading | None = None
        self._last_s = 0.0

    # ------------------------------------------------------------------------------------------------- permission

    async def start(
        self,
        session_ref: int,
        flags: int,
        current_a: float,
        power_w: float,
        valid_for_s: float,
        *,
        keep_cable: bool = False,
    ) -> None:
        """Close the contactor, then let the controller begin. Raises NoAnswer until it is closed, Refused for good."""
        self._stop_since_s = None  # of the charge before
        until_s, withdrawals = self._clock.mono() + CLOSED_WITHIN_S, self._withdrawals
        while not self.contactor.close(valid_for_s, self._clock.mono()):
            if self._clock.mono() >= until_s:
                raise NoAnswer(f"output '{self.contactor.name}' is not closed yet")
            await asyncio.sleep(LOOK_S)
            if self._withdrawals != withdrawals:
                raise Refused(f"output '{self.contactor.name}': stopped while it was closing")
        self._until_s = self._clock.mono() + valid_for_s
        self._lease_ended = self._has_fallen = False
        await self.inner.start(session_ref, flags, current_a, power_w, valid_for_s, keep_cable=keep_cable)

    async def limit(self, current_a: float, power_w: float, valid_for_s: float) -> None:
        """Renew both leases. Raises Refused after a stop, or when the contactor is open: a start is needed then."""
        if self._stop_since_s is not None:
            raise Refused(f"output '{self.contactor.name}' is about to open: there is nothing to renew")
        if not self.contactor.renew(valid_for_s, self._clock.mono()):
            raise Refused(f"output '{self.contactor.name}' is open: there is nothing to renew")
        self._until_s = self._clock.mono() + valid_for_s
        await self.inner.limit(current_a, power_w, valid_for_s)

    async def stop(self) -> None:
        """The controller's own stop; the contactor follows once no current flows, or when that takes too long."""
        self._withdraw()
        await self.inner.stop()

    async def emergency_stop(self) -> None:
        """Contactor open at once, under whatever current, and the controller's own emergency stop."""
        self._withdraw()
        self.contactor.open()
        await self.inner.emergency_stop()

    def _withdraw(self) -> None:
        self._withdrawals += 1
        self._until_s = None
        if self._stop_since_s is None:
            self._stop_since_s = self._clock.mono()

    # ---------------------------------------------------------------------------------------------------- reading

    async def read(self) -> ControllerReading:
        """The controller's reading, with what the contactor means for it. Raises NoAnswer while nobody knows that."""
        try:
            inner = await self.inner.read()
        except DeviceError:
            self.watch()
            raise
        self._last, self._last_s = inner, self._clock.mono()
        self.watch()
        contactor = self.contactor
        if contactor.is_on is None and contactor.cause is Cause.NONE:
            raise NoAnswer(f"output '{contactor.name}': its I/O module does not answer")
        if self._lease_ended and self._until_s is None and inner.session_ref:
            await self._stop_quietly()
        return self._with_contactor(inner)

    def watch(self) -> None:
        """What time alone brings about: the lease ends, current is zero, or should be. Called often by its owner."""
        now, contactor = self._clock.mono(), self.contactor
        if self._until_s is not None and now > self._until_s:
            log.warning("output '%s': the permission was not renewed in time", contactor.name)
            self._until_s, self._lease_ended = None, True
            self._stop_since_s = now
        if self._until_s is not None and contactor.released:
            self._until_s, self._lease_ended = None, True
            self._stop_since_s = now
        if self._until_s is not None and contactor.dropped:
            self._until_s, self._has_fallen = None, True
            self._stop_since_s = now
        if self._stop_since_s is not None and contactor.is_permitted:
            is_zero = self._current_a(now) is not None and (self._current_a(now) or 0.0) <= FLOWS_A
            is_idle = self._last is not None and not self._last.status.is_charging
            if (is_zero and is_idle) or now - self._stop_since_s > OPENS_ANYWAY_S:
                contactor.open()
        self._watch_for_weld(now)

    def _watch_for_weld(self, now: float) -> None:
        current_a = self._current_a(now)
        is_open = self.contactor.is_on is False and not self.contactor.is_permitted
        if not is_open or current_a is None or current_a <= FLOWS_A:
            self._flows_since_s = None
        elif self._flows_since_s is None:
            self._flows_since_s = now
        elif now - self._flows_since_s > WELDED_AFTER_S:
            self.contactor.break_down(Cause.CONTACTOR_WELDED)

    def _current_a(self, now: float) -> float | None:
        """The controller's own measurement while it is fresh, else the meter's."""
        if self._last is None or now - self._last_s > READING_COUNTS_S or not self._last.is_metered:
            return self._measured_a()
        return max(abs(value) for value in self._last.current_a)

    def _with_contactor(self, inner: ControllerReading) -> ControllerReading:
        contactor = self.contactor
        flags = inner.flags
        if contactor.is_on:
            flags |= HardwareFlag.OUTPUT_RELAY
        elif contactor.is_on is False:
            flags &= ~HardwareFlag.OUTPUT_RELAY
        if inner.status is ControllerStatus.E9_EMERGENCY_STOP:
            return msgspec.structs.replace(inner, flags=flags)  # nothing hides an emergency
        if contactor.cause is not Cause.NONE:
            return msgspec.structs.replace(
                inner, status=ControllerStatus.E6_ELECTROMECHANICAL, cause=contactor.cause, flags=flags
            )
        if inner.status is ControllerStatus.A_NOT_CONNECTED:
            self._has_fallen = False
        if self._has_fallen and not inner.status.is_error:
            return msgspec.structs.replace(
                inner, status=ControllerStatus.E6_ELECTROMECHANICAL, cause=Cause.CONTACTOR_FAILED, flags=flags
            )
        is_left_open = self._until_s is None and self._stop_since_s is None and contactor.is_on is False
        if (self._lease_ended or is_left_open) and inner.session_ref and not inner.status.is_error:
            # the permission of a session ended with the contactor: it has to be started anew
            status = ControllerStatus.B_CONNECTED if inner.status.is_charging else inner.status
            return msgspec.structs.replace(
                inner, status=status, cause=Cause.LEASE_ENDED, session_ref=0, flags=flags & ~HardwareFlag.CHARGING
            )
        if self._lease_ended and inner.cause is Cause.NONE and not inner.status.is_charging:
            return msgspec.structs.replace(inner, cause=Cause.LEASE_ENDED, flags=flags)
        return msgspec.structs.replace(inner, flags=flags)

    async def _stop_quietly(self) -> None:
        try:
            await self.inner.stop()
        except DeviceError as error:
            log.debug("output '%s': stop order to the controller behind it: %s", self.contactor.name, error)

    # ------------------------------------------------------------------------------------- passed on as it is

    async def identify(self) -> Identity:
        return await self.inner.identify()

    async def read_vehicle(self) -> VehicleData:
        return await self.inner.read_vehicle()

    async def read_diagnosis(self) -> Diagnosis:
        return await self.inner.read_diagnosis()

    async def lock(self) -> None:
        await self.inner.lock()

    async def unlock(self) -> None:
        await self.inner.unlock()

    async def reboot(self) -> None:
        self._withdraw()
        await self.inner.reboot()

    async def set_clock(self, at: datetime) -> None:
        await self.inner.set_clock(at)

    async def parameters(self) -> tuple[Parameter, ...]:
        return await self.inner.parameters()

    async def write_parameter(self, name: str, value: int) -> Parameter:
        return await self.inner.write_parameter(name, value)

    def __getattr__(self, name: str) -> object:
        """Abilities beyond ConnectorController (a light, frames of the vehicle side) are the inner controller's."""
        if name.startswith("_") or name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)
