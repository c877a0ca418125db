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
import enum
import logging
from bisect import insort
from types import TracebackType

import msgspec

from drivers.codecs.modbus import (
    Answer,
    Carrier,
    Fault,
    Request,
    after_frames,
    bytes_wanted,
    encode_request,
    find_reply,
    is_damaged,
    is_out_of_step,
    replies_in,
    reply_header,
    stray,
    why_no_reply,
)
from drivers.errors import BadFrame, NoAnswer, Refused
from drivers.ports.statistics import Statistics
from drivers.ports.wire import Wire

log = logging.getLogger(__name__)

MAX_WAITING = 256
"""Questions that may wait for their turn; more are answered with NoAnswer."""

_MAX_RECEIVED = 1024  # bytes kept of an endless noise
_FIRST_PAUSE_S = 0.25
_MOST_PAUSE_S = 5.0
_STEADY_S = 2.0  # a wire that lived this long is opened again at once
_LONGEST_LATE_S = 1.0  # after the question
_CHARACTERS_OF_SILENCE = 3.5
_LEAST_SILENCE_S = 0.00175  # instead of 3.5 characters above 19200 baud
_TICK_S = 1e-5  # timers may fire this much early
_TAIL_S = 0.01  # a damaged reply is over when nothing came for this long
_DEAF = 5  # a TCP connection on which so many questions in a row had no reply at all is made anew


class Priority(enum.IntEnum):
    """ORDER: lease renewals, stops, limits and other orders. They pass all waiting polls."""

    ORDER = 0
    POLL = 1


class _Job(msgspec.Struct, eq=False):
    request: Request
    priority: Priority
    number: int
    timeout_s: float
    quiet_s: float
    answer: asyncio.Future[Answer]

    def __lt__(self, other: _Job) -> bool:
        return (self.priority, self.number) < (other.priority, other.number)


class _Owed(msgspec.Struct, frozen=True):
    """A device has not answered: a reply that begins with `header` may still come until `until_s`."""

    header: bytes
    asked_s: float
    until_s: float


class Port:
    """One wire with one owner task. `timeout_s` is how long a device may take to begin its answer (not the time the
    bytes need on the wire); `late_s` how much later a reply may still come."""

    def __init__(self, name: str, wire: Wire, timeout_s: float = 0.2, late_s: float = 0.4) -> None:
        self.name = name
        self.wire = wire
        self.timeout_s = timeout_s
        self.late_s = late_s
        self.statistics = Statistics()
        self._jobs: list[_Job] = []
        self._numbers = 0
        self._transaction = 0
        self._received = bytearray()
        self._wanted = 1
        self._active_s = 0.0
        self._owed: dict[int, _Owed] = {}
        self._lateness_s: dict[int, float] = {}
        self._deaf = 0
        self._pause_s = 0.0
        self._opened_s: float | None = None
        self._silence_s = max(_CHARACTERS_OF_SILENCE * wire.character_s, _LEAST_SILENCE_S) if wire.character_s else 0.0
        self._task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._wake: asyncio.Future[None] | None = None

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
        if self._task is None or self._task.done() or not self.is_open:
            raise NoAnswer(self._text(request, f"the port is not open: {self.error}"))
        if len(self._jobs) >= MAX_WAITING:
            raise NoAnswer(self._text(request, f"{MAX_WAITING} questions are waiting already"))
        self._numbers += 1
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        future = asyncio.get_running_loop().create_future()
        insort(self._jobs, _Job(request, priority, self._numbers, timeout_s, quiet_s, future))
        self._awake()
        answer: Answer = await future
        if answer.exception_code:
            raise Refused(self._text(request, f"{answer.exception_text} (exception {answer.exception_code})"))
        return answer.registers

    # ------------------------------------------------------------------------------------------------ the owner task

    async def _own(self) -> None:
        try:
            while True:
                if not self.wire.is_open:
                    await self._open_wire()
                job, until_s = self._next()
                if job is None:
                    await self._wait(until_s)
                elif job.answer.done():
                    self.statistics.skipped += 1
                else:
                    try:
                        await self._carry_out(job)
                    finally:
                        if not job.answer.done():
                            job.answer.set_exception(NoAnswer(self._text(job.request, "the port was closed")))
        except Exception:
            log.exception("port '%s': its owner task failed", self.name)
            raise
        finally:
            self._tried.set()
            self._fail_all("closed")

    async def _open_wire(self) -> None:
        """Until the wire is open, with growing pauses; a wire that broke soon after its opening is not hurried."""
        lost_s, said = self._now(), ""
        if self._opened_s is not None and lost_s - self._opened_s > _STEADY_S:
            self._pause_s = 0.0
        while True:
            if self._pause_s:
                self._fail_all(self.error)
                await asyncio.sleep(self._pause_s)
            self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), _MOST_PAUSE_S)
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
            self._owed.clear()
            self._deaf = 0
            self._active_s = self._opened_s = self._now()
            self._tried.set()
            return

    def _next(self) -> tuple[_Job | None, float | None]:
        """The question to ask now; or None and the time at which to look again (None: when something happens)."""
        now = self._now()
        look_again_s: float | None = None
        for at, job in enumerate(self._jobs):
            held_s = self._held_until_s(job, now)
            if held_s > now + _TICK_S and not job.answer.done():
                look_again_s = min(held_s, look_again_s or held_s)
                continue
            quiet_until_s = self._active_s + max(job.quiet_s, self._silence_s)
            if quiet_until_s > now + _TICK_S and not job.answer.done():
                return None, min(quiet_until_s, look_again_s or quiet_until_s)
            del self._jobs[at]
            return job, None
        return None, look_again_s

    def _held_until_s(self, job: _Job, now: float) -> float:
        owed = self._owed.get(job.request.address)
        if owed is None:
            return now
        if owed.until_s <= now + _TICK_S:
            del self._owed[job.request.address]
            return now
        return owed.until_s if owed.header == reply_header(job.request) else now

    async def _carry_out(self, job: _Job) -> None:
        request, carrier = job.request, self.wire.carrier
        self._drain()
        self._transaction = self._transaction % 0xFFFF + 1
        frame = encode_request(request, carrier, self._transaction)
        self.statistics.requests += 1
        asked_s = self._now()
        try:
            self.wire.write(frame)
        except OSError as error:
            self._fail(job, NoAnswer(self._text(request, f"cannot be asked: {self.error or error}")))
            return
        on_wire_s = (len(frame) + request.reply_bytes) * self.wire.character_s
        self._active_s = asked_s + len(frame) * self.wire.character_s
        until_s = asked_s + on_wire_s * 1.1 + job.timeout_s
        while self.wire.is_open:
            data = bytes(self._received)
            answer = find_reply(data, request, carrier, self._transaction) if data else None
            if answer is not None:
                self._succeed(job, answer, data)
                return
            if carrier is Carrier.TCP and is_out_of_step(data):
                self.statistics.count(Fault.GARBAGE)
                self.wire.lose("what came in is not Modbus TCP")
                break
            self._wanted = bytes_wanted(data, request, carrier)
            damaged = carrier is Carrier.RTU and is_damaged(data, request)
            wait_until_s = min(until_s, self._active_s + _TAIL_S) if damaged else until_s
            if self._now() + _TICK_S >= wait_until_s:
                self._give_up(job, data, asked_s, late_possible=not damaged)
                return
            await self._wait(wait_until_s)
        self._fail(job, NoAnswer(self._text(request, f"the wire was lost: {self.error}")))

    def _succeed(self, job: _Job, answer: Answer, data: bytes) -> None:
        self._deaf = 0
        fault = stray(data, job.request) if self.wire.carrier is Carrier.RTU else None
        if fault is not None:
            self.statistics.count(fault)
        if answer.exception_code:
            self.statistics.refused += 1
        else:
            self.statistics.answers += 1
        if not job.answer.done():
            job.answer.set_result(answer)

    def _give_up(self, job: _Job, data: bytes, asked_s: float, late_possible: bool) -> None:
        request, now = job.request, self._now()
        if late_possible and self.wire.carrier is Carrier.RTU:
            late_s = max(self.late_s, self._lateness_s.get(request.address, 0.0) - (now - asked_s))
            self._owed[request.address] = _Owed(reply_header(request), asked_s, now + late_s)
        fault = why_no_reply(data, request, self.wire.carrier, self._transaction)
        if fault is Fault.NOTHING:
            self._fail(job, NoAnswer(self._text(request, f"no answer within {job.timeout_s:g} s")))
            self._deaf += 1
            if self.wire.carrier is Carrier.TCP and self._deaf >= _DEAF:
                self.wire.lose(f"{self._deaf} questions in a row without any reply")
            return
        self.statistics.count(fault)
        self._fail(job, BadFrame(self._text(request, f"{fault.value} in {_hex(data)}")))

    def _fail(self, job: _Job, error: NoAnswer | BadFrame) -> None:
        if isinstance(error, BadFrame):
            self.statistics.bad_frame += 1
        else:
            self.statistics.no_answer += 1
        log.debug("%s", error)
        if not job.answer.done():
            job.answer.set_exception(error)

    def _fail_all(self, reason: str) -> None:
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            if not job.answer.done():
                job.answer.set_exception(NoAnswer(self._text(job.request, f"the port is not open: {reason}")))

    # ------------------------------------------------------------------------------------------------------- the wire

    def _take_in(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > _MAX_RECEIVED:
            del self._received[:-_MAX_RECEIVED]
            self._wanted = 0
        self._active_s = self._now()
        if self._owed:
            self._notice_late()
        if len(self._received) >= self._wanted:
            self._awake()

    def _notice_late(self) -> None:
        """A frame of a device that owed one has come: it owes nothing any more."""
        for frame in replies_in(bytes(self._received)):
            owed = self._owed.get(frame[0])
            if owed is not None and (frame.startswith(owed.header) or frame[1] == owed.header[1] | 0x80):
                del self._owed[frame[0]]
                self.statistics.late += 1
                self._lateness_s[frame[0]] = min(_LONGEST_LATE_S, 1.5 * (self._now() - owed.asked_s))
                self._awake()

    def _drain(self) -> None:
        """Throw away what came before the question; of a TCP stream only whole frames."""
        if self.wire.carrier is Carrier.TCP:
            self._received[:] = after_frames(bytes(self._received))
        else:
            self._received.clear()

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

    def _text(self, request: Request, what: str) -> str:
        return f"address {request.address} on port '{self.name}' ({self.wire.where}), {request}: {what}"


def _hex(data: bytes) -> str:
    return data[:40].hex(" ").upper() + (f" … ({len(data)} bytes)" if len(data) > 40 else "")
