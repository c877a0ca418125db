"""A port: one wire with one owner task that asks one question at a time, orders before polls.

Silence, noise, late and foreign frames are handled here once for all drivers:

- A question is asked once; whether to ask again is for the caller to say.
- A frame that comes after its time-out is thrown away. On a serial wire nothing in a reply says which of two equal
  questions it answers; so a question whose like was left unanswered by the same device waits until the late reply has
  come or can no longer come (`late_s`), while questions to others go on.
- A wire that broke is opened again by the owner task, first after 0.25 s, then with pauses of up to 5 s. Until then
  every question is answered with NoAnswer at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable
from types import TracebackType
from typing import Any, TypeVar

from drivers.codecs.modbus import Carrier, Fault, Request
from drivers.errors import BadFrame, DeviceError, NoAnswer, Refused
from drivers.ports.jobs import Job, Jobs
from drivers.ports.late import LONGEST_LATE_S, TICK_S, LateReplies
from drivers.ports.owner import MOST_PAUSE_S, keep_at
from drivers.ports.priority import Priority
from drivers.ports.question import Asked, ModbusAsked, PlainAsked, Question, Telling, shown
from drivers.ports.statistics import Devices, Frames, Statistics, Tally
from drivers.ports.wire import Wire

__all__ = ["MAX_WAITING", "Port", "Priority"]

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_WAITING = 256
"""Questions that may wait for their turn; more are answered with NoAnswer."""

_MAX_RECEIVED = 1024  # bytes kept of an endless noise, and of an answer that may be longer as many as it may have
_FIRST_PAUSE_S = 0.25
_STEADY_S = 2.0  # a wire that lived this long is opened again at once
_CHARACTERS_OF_SILENCE = 3.5
_LEAST_SILENCE_S = 0.00175  # instead of 3.5 characters above 19200 baud
_TAIL_S = 0.01  # a damaged reply is over when nothing came for this long
_GAP_S = 0.05  # an answer of unknown length goes on as long as no pause is longer than this and four characters
_DEAF = 5  # a TCP connection on which so many questions in a row had no reply at all is made anew,
_MOST_DEAF = 640  # and after twice as many each time, while that does not help


class Port:
    """One wire with one owner task. `timeout_s` is how long a device may take to begin its answer (not the time the
    bytes need on the wire); `late_s` how much later a reply may still come. `on_unasked` gets what comes in while
    nothing is asked. `devices`: counters of each device by what its questions call it, for Modbus its address."""

    def __init__(self, name: str, wire: Wire, timeout_s: float = 0.2, late_s: float = 0.4) -> None:
        self.name = name
        self.wire = wire
        self.timeout_s = timeout_s
        self.statistics = Statistics()
        self.devices = Devices()
        self.frames = Frames()
        self.on_unasked: Callable[[bytes], None] | None = None
        self._numbers = 0
        self._transaction = 0
        self._received = bytearray()
        self._wanted = 1
        self._most = _MAX_RECEIVED
        self._is_asking = False
        self._active_s = self._free_s = 0.0
        self._late = LateReplies(late_s)
        self._deaf, self._most_deaf = 0, _DEAF
        self._pause_s = 0.0
        self._opened_s: float | None = None
        silence_s = max(_CHARACTERS_OF_SILENCE * wire.character_s, _LEAST_SILENCE_S) if wire.character_s else 0.0
        self._jobs = Jobs(self._late, silence_s)
        self._task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._wake: asyncio.Future[None] | None = None

    @property
    def kind(self) -> str:
        """serial or tcp, as in the station file."""
        return self.wire.kind

    @property
    def is_open(self) -> bool:
        return self.wire.is_open

    @property
    def error(self) -> str:
        """Why the wire is not open; empty while it is."""
        return self.wire.error

    async def open(self) -> None:
        """Start the owner task and wait for its first try to open the wire; a wire that is not there is tried on."""
        if self._task is None:
            self._tried.clear()
            self._task = asyncio.get_running_loop().create_task(self._own(), name=f"port {self.name}")
        await self._tried.wait()

    async def close(self) -> None:
        """End the owner task and close the wire; questions that wait are answered with NoAnswer."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self.wire.close()
        self._fail_all("closed")

    async def __aenter__(self) -> Port:
        await self.open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self.close()

    async def exchange(
        self,
        request: Request,
        *,
        priority: Priority = Priority.POLL,
        timeout_s: float | None = None,
        quiet_s: float = 0.0,
    ) -> tuple[int, ...]:
        """Ask once and return the registers of the answer (none after a write).

        `timeout_s` instead of the port's own; `quiet_s`: silence on the wire that the device needs before a request.
        Raises NoAnswer, BadFrame, or Refused for a Modbus exception. When the asker is cancelled while the question
        waits, it is not asked.
        """
        return await self._ask(ModbusAsked(request, self.wire.carrier), priority, timeout_s, quiet_s)

    async def ask(
        self,
        question: Question[T],
        *,
        priority: Priority = Priority.POLL,
        timeout_s: float | None = None,
        quiet_s: float = 0.0,
    ) -> T:
        """As `exchange`, for a question of any protocol; the answer is what `question.answer` makes of the bytes."""
        return await self._ask(PlainAsked(question), priority, timeout_s, quiet_s)

    async def tell(
        self, data: bytes, *, device: Hashable, priority: Priority = Priority.POLL, quiet_s: float = 0.0
    ) -> None:
        """Send what nobody answers, in its turn. Raises NoAnswer when the port is not open."""
        telling = Telling(data, device, f"{len(data)} bytes without an answer")
        await self._ask(PlainAsked(telling), priority, None, quiet_s)

    async def _ask(self, asked: Asked[T], priority: Priority, timeout_s: float | None, quiet_s: float) -> T:
        if self._task is None or self._task.done() or not self.is_open:
            raise NoAnswer(self._text(asked, f"the port is not open: {self.error}"))
        if len(self._jobs) >= MAX_WAITING:
            raise NoAnswer(self._text(asked, f"{MAX_WAITING} questions are waiting already"))
        self._numbers += 1
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(Job(asked, priority, self._numbers, self._now(), timeout_s, quiet_s, future))
        self._awake()
        return await future

    # ------------------------------------------------------------------------------------------------ the owner task

    async def _own(self) -> None:
        try:
            await keep_at(self.name, self._work, self._begin_anew)
        finally:
            self._tried.set()
            self._fail_all("closed")

    def _begin_anew(self, reason: str) -> None:
        self.wire.close()
        self._tried.set()
        self._fail_all(reason)

    async def _work(self) -> None:
        while True:
            if not self.wire.is_open:
                await self._open_wire()
            job, until_s = self._jobs.next(self._now(), self._active_s, self._free_s)
            if job is None:
                await self._wait(until_s)
            elif job.answer.done():
                self.statistics.skipped += 1
            else:
                self._is_asking = True
                try:
                    await self._carry_out(job)
                finally:
                    self._is_asking = False
                    self._free_s = max(self._now(), self._active_s)
                    if not job.answer.done():
                        job.answer.set_exception(NoAnswer(self._text(job.asked, "the port was closed")))

    async def _open_wire(self) -> None:
        """Until the wire is open, with growing pauses; a wire that broke soon after its opening is not hurried."""
        lost_s, said = self._now(), ""
        if self._opened_s is not None and lost_s - self._opened_s > _STEADY_S:
            self._pause_s = 0.0
        while True:
            if self._pause_s:
                self._fail_all(self.error)
                await asyncio.sleep(self._pause_s)
            self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), MOST_PAUSE_S)
            try:
                await self.wire.open(self._take_in, self._lost)
            except OSError:
                if self.wire.error != said:
                    said = self.wire.error
                    log.warning("port '%s' (%s): cannot be opened: %s", self.name, self.wire.where, said)
                self._tried.set()
                self._fail_all(said)
                continue
            again = "" if self._opened_s is None else f" again after {self._now() - lost_s:.1f} s"
            log.info("port '%s' (%s): open%s", self.name, self.wire.where, again)
            self._received.clear()
            self._late.clear()
            self._deaf = 0
            self._active_s = self._free_s = self._opened_s = self._now()
            self._tried.set()
            return

    async def _carry_out(self, job: Job) -> None:
        asked = job.asked
        self._received[:] = asked.rest(bytes(self._received))
        self._most = max(asked.most_bytes, _MAX_RECEIVED)
        self._transaction = self._transaction % 0xFFFF + 1
        try:
            frame = asked.encode(self.wire.carrier, self._transaction)
        except Exception as error:  # the asker's own mistake, not the wire's
            job.answer.set_exception(error)
            return
        tally = Tally(self.statistics, self.devices.of(asked.device))
        asked_s = self._now()
        self.frames.sent(asked_s, frame, is_private=asked.is_private)
        try:
            self.wire.write(frame)
        except OSError as error:
            self._fail(job, tally, NoAnswer(self._text(asked, f"cannot be asked: {self.error or error}")))
            return
        self._active_s = asked_s + len(frame) * self.wire.character_s
        on_wire_s = (len(frame) + asked.reply_bytes) * self.wire.character_s
        until_s = asked_s + on_wire_s * 1.1 + job.timeout_s
        last_s = until_s + asked.most_bytes * self.wire.character_s if asked.is_endless else until_s
        while self.wire.is_open:
            data = bytes(self._received)
            if self._settle(job, tally, data, asked_s):
                return
            if asked.is_out_of_step(data):
                tally.count(Fault.GARBAGE)
                self.wire.lose("what came in is not Modbus TCP")
                break
            self._wanted = asked.wanted(data)
            damaged = asked.is_damaged(data)
            wait_until_s = until_s
            if damaged:
                wait_until_s = min(until_s, self._active_s + _TAIL_S)
            elif asked.is_endless and data:
                wait_until_s = min(max(until_s, self._active_s + _GAP_S + 4 * self.wire.character_s), last_s)
            if self._now() + TICK_S >= wait_until_s:
                self._give_up(job, tally, data, asked_s, late_possible=not damaged)
                return
            await self._wait(wait_until_s)
        self._fail(job, tally, NoAnswer(self._text(asked, f"the wire was lost: {self.error}")))

    def _settle(self, job: Job, tally: Tally, data: bytes, asked_s: float) -> bool:
        """Whether `data` has the answer; then everything is done about it."""
        asked = job.asked
        try:
            answer = asked.answer(data)
        except Refused as refusal:
            self._came(asked, tally, data)
            self._fail(job, tally, Refused(self._text(asked, str(refusal))))
            return True
        except BadFrame as error:
            self._came(asked, tally, data)
            tally.count(Fault.CHECK_SUM)
            self._fail(job, tally, BadFrame(self._text(asked, shown(asked, data, error))))
            return True
        except Exception as error:  # a driver that does not understand its device must not end the port
            log.exception("%s", self._text(asked, "the driver cannot understand the answer"))
            tally.count(Fault.GARBAGE)
            self._fail(job, tally, BadFrame(self._text(asked, shown(asked, data, repr(error)))))
            return True
        if answer is None:
            return False
        tally.answered(asked_s, self._came(asked, tally, data))
        if not job.answer.done():
            job.answer.set_result(answer)
        return True

    def _came(self, asked: Asked[Any], tally: Tally, data: bytes) -> float:
        """An answer, whatever it says, is in `data`; the time now."""
        self._deaf, self._most_deaf = 0, _DEAF
        now = self._now()
        self.frames.received(now, data, is_private=asked.is_private)
        fault = asked.stray(data)
        if fault is not None:
            tally.count(fault)
        return now

    def _give_up(self, job: Job, tally: Tally, data: bytes, asked_s: float, late_possible: bool) -> None:
        asked, now = job.asked, self._now()
        self.frames.received(now, data, is_private=asked.is_private)
        if asked.is_private:
            self.frames.hide_until(now + LONGEST_LATE_S)
        if late_possible and (self.wire.carrier is Carrier.RTU or not isinstance(asked, ModbusAsked)):
            self._late.expect(asked, asked_s, now)
        fault = asked.fault(data)
        if fault is Fault.NOTHING:
            self._fail(job, tally, NoAnswer(self._text(asked, f"no answer within {job.timeout_s:g} s")))
            self._deaf += 1
            if self.wire.can_go_deaf and self._deaf >= self._most_deaf:
                self._most_deaf = min(2 * self._most_deaf, _MOST_DEAF)
                self.wire.lose(f"{self._deaf} questions in a row without any reply")
            return
        tally.count(fault)
        self._fail(job, tally, BadFrame(self._text(asked, shown(asked, data, fault.value))))

    @staticmethod
    def _fail(job: Job, tally: Tally, error: DeviceError) -> None:
        tally.failed(error)
        log.debug("%s", error)
        if not job.answer.done():
            job.answer.set_exception(error)

    def _fail_all(self, reason: str) -> None:
        for job in self._jobs.take_all():
            if not job.answer.done():
                job.answer.set_exception(NoAnswer(self._text(job.asked, f"the port is not open: {reason}")))

    # ------------------------------------------------------------------------------------------------------- the wire

    def _take_in(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > self._most:
            del self._received[: -self._most]
            self._wanted = 0
        self._active_s = self._now()
        if self._late:
            late = self._late.notice(bytes(self._received), self._active_s)
            self.statistics.late += late
            if late:
                self._awake()
        if not self._is_asking:
            self.frames.received(self._active_s, data)
            self._hand_on(data)
        if len(self._received) >= self._wanted:
            self._awake()

    def _hand_on(self, data: bytes) -> None:
        """What nobody asked for, to who wants it."""
        if self.on_unasked is None:
            return
        try:
            self.on_unasked(data)
        except Exception:  # a driver's mistake must not end the port
            log.exception("port '%s': what came in unasked was not understood", self.name)

    def _lost(self) -> None:
        self.statistics.lost += 1
        log.warning("port '%s' (%s): lost: %s", self.name, self.wire.where, self.wire.error)
        self._awake()

    # -------------------------------------------------------------------------------------------------------- waiting

    def _awake(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _wait(self, until_s: float | None) -> None:
        """Until something happens (bytes, a question, the wire breaks), at most until `until_s`."""
        if not self.wire.is_open:
            return
        loop = asyncio.get_running_loop()
        self._wake = loop.create_future()
        timer = None if until_s is None else loop.call_at(until_s, self._awake)
        try:
            await self._wake
        finally:
            self._wake = None
            if timer is not None:
                timer.cancel()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    def _text(self, asked: Asked[Any], what: str) -> str:
        return f"address {asked.device} on port '{self.name}' ({self.wire.where}), {asked}: {what}"
