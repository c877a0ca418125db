"""A box of another maker as the station wants a connector controller: permission is a lease, nothing charges unasked.

Such a box knows no sessions and no leases. It has a current to offer, perhaps a switch, perhaps a time-out of its own.
So the lease is kept here, and these rules hold for every family:

- The first thing a box hears after a start of this software, after a start of its own and after a silence longer than
  its own time-out is that it may offer nothing; then its fail-safe is set anew. Until both are done it is not ready
  (no PRECHECK_DONE), and no charge begins.
- What it was still giving then is switched off and waited for; afterwards the cause LEASE_ENDED says that the
  permission was lost without anybody's fault, so that the station may go on with its transaction.
- A permission ends with its lease (which counts from when it was asked for), with the vehicle, with a fault and with a
  restart of the box; the box is then told to offer nothing, and told again at each look until it has heard it.
- What a box holds is compared with what it was told last: another value means that it restarted, or that somebody
  else gives it orders. Both count as a restart.
- Currents are rounded down to its steps; below 6 A is 0. It is written to when something changed and when its own
  time-out needs it.
- A change between "no vehicle" and "vehicle" counts when two looks agree.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from datetime import datetime
from typing import TypeVar

import msgspec

from drivers.controllers.box import Letter, Look
from drivers.controllers.leased_state import LeaseState
from drivers.errors import BadFrame, DeviceError, NoAnswer, Refused
from drivers.interfaces import (
    Cause,
    ControllerReading,
    Diagnosis,
    Identity,
    Parameter,
    VehicleData,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

OPENS_IN_TIME_S = 12.0
"""How long a box that was on from before is given to open; then what it really does is told."""
HEARD_S = 1.0
"""A box that was not heard for longer is looked at before a renewal: it may have restarted, or be gone."""
_AB = frozenset({Letter.A, Letter.B})


class LeasedBox(LeaseState):
    """`box` as a ConnectorController."""

    # ------------------------------------------------------------------------------------------------------ what it is

    async def identify(self) -> Identity:
        """Raises NoAnswer, BadFrame or Refused, as all that follow."""
        async with self._lock:
            self._check_silence()
            return await self._asked(self.box.identify())

    async def read(self) -> ControllerReading:
        """How it is now, after what had to be done about it (see above)."""
        async with self._lock:
            look = await self._look()
            return self._reading(look)

    async def read_vehicle(self) -> VehicleData:
        async with self._lock:
            self._check_silence()
            return await self._asked(self.box.vehicle())

    async def read_diagnosis(self) -> Diagnosis:
        async with self._lock:
            self._check_silence()
            told = await self._asked(self.box.diagnose())
        return told if told.findings else msgspec.structs.replace(told, findings=self._said)

    # ---------------------------------------------------------------------------------------------------------- orders

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
        """As the Protocol has it; `flags` mean nothing here. Raises ValueError for values no wire can carry."""
        if not 1 <= session_ref <= 0xFFFF_FFFF:
            raise ValueError(f"session_ref {session_ref}: must be 1..2^32-1")
        amperes = self._steps(current_a, power_w)
        until_s, withdrawals = self._until(valid_for_s), self._withdrawals
        async with self._lock:
            look = await self._look()
            self._check_in_time(until_s)
            if withdrawals != self._withdrawals:
                raise self._refused("it was stopped meanwhile")
            if self._is_permitted and self._session_ref != session_ref:
                raise self._refused(f"session {self._session_ref} charges here")
            reason = self._why_not(look)
            if reason:
                raise self._refused(reason)
            is_new = not self._is_permitted
            self._is_permitted, self._session_ref = True, session_ref
            self._keeps_cable, self._wants_lock = keep_cable, self.box.locks_by_order
            self._granted_w, self._lease_until_s = power_w, until_s
            if is_new:
                self._cause, self._had_session = Cause.NONE, False
                self._started_s, self._start_wh = self._now(), look.energy_wh
            try:
                if self._wants_lock and look.is_locked is False:
                    await self.box.lock()
                await self._write(amperes)
            except DeviceError:
                self._withdraw(Cause.NONE)  # it may have heard it: it is told to offer nothing at the next look
                raise

    async def limit(self, current_a: float, power_w: float, valid_for_s: float) -> None:
        """Renew and offer at most `current_a`. A renewal alone never starts anything.

        Boxes know currents only: `power_w` counts as far as it is 0. (The station's grants are the same in both.)
        """
        amperes = self._steps(current_a, power_w)
        until_s = self._until(valid_for_s)
        async with self._lock:
            if self._has_lapsed():
                self._withdraw(Cause.LEASE_ENDED)
            if self._is_permitted and self._now() - self._heard_s > HEARD_S:
                await self._look()  # it may have restarted meanwhile
            if not self._is_permitted:
                return
            self._check_in_time(until_s)
            if amperes != self._written_a:
                await self._write(amperes)
            self._granted_w, self._lease_until_s = power_w, until_s

    async def stop(self) -> None:
        """Withdraw the permission. Raises NoAnswer when it did not hear it; it is told again at each look."""
        self._withdrawals += 1
        self._withdraw(Cause.NONE)
        self._cause, self._wants_lock = Cause.NONE, False
        async with self._lock:
            self._check_silence()
            await self._forbid()

    async def lock(self) -> None:
        async with self._lock:
            look = await self._look()
            if not look.connected:
                raise self._refused("there is no vehicle whose plug could be locked")
            await self.box.lock()
            self._wants_lock = True

    async def unlock(self) -> None:
        """Only while nothing is offered and the contactor is open. Raises Refused otherwise."""
        async with self._lock:
            look = await self._look()
            if self._is_closed:
                raise self._refused("there is voltage at its output")
            if self._is_permitted or (look.is_offered and look.connected):
                raise self._refused("a charge runs; stop it first")
            self._wants_lock = self._keeps_cable = False
            await self.box.unlock()

    async def emergency_stop(self) -> None:
        """Off at once; E9 is kept here (the box knows no such state) until `reboot`."""
        self._withdraw(Cause.EMERGENCY_COMMAND)
        self._is_emergency = True
        async with self._lock:
            await self._forbid()

    async def reboot(self) -> None:
        """Off, out of E9, and begin anew; the box itself is restarted where it can be told to.

        Raises Refused when it cannot, and there was no emergency stop to leave.
        """
        self._withdraw(Cause.NONE)
        async with self._lock:
            await self._forbid()
            was_emergency, self._is_emergency = self._is_emergency, False
            is_restarted = await self.box.reboot()
            self._begin_anew()
            if not is_restarted and not was_emergency:
                raise self.box.cannot("be restarted from here")

    async def set_clock(self, at: datetime) -> None:
        async with self._lock:
            await self._asked(self.box.set_clock(at))

    async def parameters(self) -> tuple[Parameter, ...]:
        async with self._lock:
            self._check_silence()
            return await self._asked(self.box.parameters())

    async def write_parameter(self, name: str, value: int) -> Parameter:
        async with self._lock:
            return await self._asked(self.box.write_parameter(name, value))

    # ------------------------------------------------------------------------------------------------------- one look

    async def _look(self) -> Look:
        """Look at the box and bring it in line with what it may do; what is seen after that.

        A box that was silent just now is not waited for once more: who asks must not be held up for long.
        """
        self._check_silence()
        if self._has_lapsed():
            self._withdraw(Cause.LEASE_ENDED)
        if self._is_ready and self._now() - self._heard_s > self.box.opens_after_s:
            self._is_ready = False  # it did its fail-safe meanwhile, and may come back with what it had
            self._withdraw(Cause.LEASE_ENDED)
        if not self._is_ready:
            await self._make_ready()
        elif not self._is_permitted and self._written_a != 0.0:
            await self._forbid()
        elif self._now() - self._kept_alive_s >= self.box.keep_alive_s:
            await self._asked(self.box.keep_alive())
            self._kept_alive_s = self._now()
        look = await self._settled()
        if self._has_restarted(look):
            self._begin_anew()
            await self._make_ready()
            look = await self._settled()
        self._boot = look.boot
        self._judge(look)
        if not self._is_permitted and self._written_a != 0.0:
            await self._forbid()
        await self._tend_lock(look)
        return look

    async def _make_ready(self) -> None:
        """Nothing is offered from now on, and its fail-safe is set."""
        await self._forbid()
        self._offered_s = self._now()  # perhaps: nobody knows what it did until now
        if self._opening_since_s is None or not self._unready:
            self._opening_since_s = self._now()
        try:
            await self._asked(self.box.prepare())
        except Refused as error:
            self._unready = str(error)
            return
        self._unready = ""
        self._kept_alive_s = self._now()
        self._is_ready = True

    async def _settled(self) -> Look:
        """A look; when it shows a vehicle coming or going, two that agree. Raises BadFrame when they do not."""
        look = await self._heard_look()
        for _ in range(3):
            before, self._letter = self._letter, look.letter
            if before is None or before is look.letter or {before, look.letter} != _AB:
                return look
            await asyncio.sleep(self.box.settle_s)
            look = await self._heard_look()
            if look.letter is self._letter:
                return look
        raise BadFrame(f"{self.box.where}: the state of its control pilot does not settle")

    async def _heard_look(self) -> Look:
        return await self._asked(self.box.look())

    def _has_restarted(self, look: Look) -> bool:
        if self._boot is not None and look.boot is not None and look.boot != self._boot:
            log.warning("%s: it restarted", self.box.where)
            return True
        told = self._written_a
        if not self._is_ready or look.held_a is None or told is None:
            return False
        if abs(look.held_a - told) < self.box.step_a / 2 + 1e-6 or (self.box.holds_less and 0 < look.held_a < told):
            return False
        log.warning(
            "%s: it holds %g A where %g A were written: it restarted, or somebody else writes to it",
            self.box.where, look.held_a, told,
        )  # fmt: skip
        return True

    def _begin_anew(self) -> None:
        """The box has restarted (or is to be treated so): it has no permission and no fail-safe any more."""
        self._boot_count = self._boot_count % 0xFFFF + 1
        self._is_ready = False
        self._boot = None
        self._letter = None
        self._withdraw(Cause.NONE)
        self._session_ref = 0
        self._written_a = None

    def _judge(self, look: Look) -> None:
        """What a look means for the permission and for the past."""
        self._is_closed = self._closed(look)
        texts = tuple(finding.text for finding in look.findings)
        self._say((*texts, self._unready) if self._unready else texts)
        now = self._now()
        if self._is_first_look:
            self._is_first_look = False
            if look.connected:
                self._cause = Cause.LEASE_ENDED
                self._had_session = self._is_closed
        if look.findings or look.letter in (Letter.E, Letter.F):
            self._withdraw(look.findings[0].cause if look.findings else Cause.NONE)
        elif look.letter is Letter.A:
            self._withdraw(Cause.NONE)
            self._cause, self._had_session = Cause.NONE, False
            self._wants_lock = self._wants_lock and self._keeps_cable
        elif self._is_closed and self._is_permitted:
            self._had_session = True
        if not self._is_closed and not self._is_permitted:
            self._session_ref = 0
        if self._opening_since_s is not None:
            if self._is_closed and now - self._opening_since_s < OPENS_IN_TIME_S:
                raise NoAnswer(f"{self.box.where}: it was still on; it was told to switch off, and has not opened yet")
            self._opening_since_s = None

    async def _tend_lock(self, look: Look) -> None:
        """Release a plug that is locked by our order only, when nobody wants that any more."""
        if self.box.locks_by_order and look.is_locked and not self._wants_lock and not self._is_closed:
            try:
                await self.box.unlock()
            except DeviceError as error:
                log.debug("%s: unlock: %s", self.box.where, error)

    async def _forbid(self) -> None:
        self._written_a = None
        await self._asked(self.box.forbid())
        self._written_a = 0.0

    async def _write(self, amperes: float) -> None:
        self._written_a = None
        await self._asked(self.box.allow(amperes) if amperes > 0 else self.box.forbid())
        self._written_a = amperes

    async def _asked(self, answer: Awaitable[T]) -> T:
        """What came of something the box was asked; remembers when it was heard, or was silent."""
        try:
            found = await answer
        except NoAnswer as error:
            self._silent_s, self._silence = self._now(), str(error)
            raise
        self._heard_s = self._now()
        return found

    def _check_in_time(self, until_s: float) -> None:
        """Raises NoAnswer for an order whose lease ended while it waited for the box (R6)."""
        if self._now() > until_s:
            raise NoAnswer(f"{self.box.where}: it took so long to answer that the order is over")
