"""A CAN port: one bus with one owner, who sends frames, hands on what comes in, and keeps the bus alive.

- Nothing waits for its turn here: a frame is sent at once or NoAnswer is raised (the bus's electronics have a queue).
- Who listens says for which identifiers. Frames that nobody listens to cost almost nothing, and of one identifier at
  most 2000 frames a second are handed on: a node that babbles must not take the processor from the rest.
- After a bus-off nothing can be sent. The electronics are let to begin anew after 1 s, then after growing pauses of up
  to 30 s, until the bus stays alive; the same when their queue has been full for 2 s, as some adapters tell no more of
  a bus-off than that, and when an adapter that was without power refuses everything. An adapter that was lost is opened
  again as other wires are.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterator
from types import TracebackType
from typing import TypeVar

from drivers.codecs.can import CanFrame, bits_on_wire
from drivers.codecs.modbus import Fault
from drivers.errors import BadFrame, NoAnswer, Refused
from drivers.ports.can_listeners import Heard, Listeners
from drivers.ports.can_wire import CanTrouble, CanWire
from drivers.ports.owner import MOST_PAUSE_S, keep_at
from drivers.ports.statistics import MOST_DEVICES, Devices, Frames, Statistics, Tally

log = logging.getLogger(__name__)

T = TypeVar("T")

_LOAD_WINDOW_S = 1.0
_STUCK_S = 2.0
_FIRST_RESTART_S = 1.0
_MOST_RESTART_S = 30.0
_FIRST_PAUSE_S = 0.25
_STEADY_S = 10.0
"""A bus that lived this long (or three times as long as the pause before) is believed to be well again."""


_WHY_OFF = {
    CanTrouble.BUS_OFF: "bus off: too many errors on it; look at the wires, the end resistors and the bit rate",
    CanTrouble.DEAF: "the adapter refuses everything or says nothing: it was without power, is another device,"
    " or nobody on its bus acknowledges",
    CanTrouble.STUCK: "no frame leaves: nobody acknowledges, or somebody fills the bus",
}


class CanStatistics(Statistics):
    """Of a CAN port: `requests` and the like count questions (`ask`), `sent` and `received` all frames; `not_sent`: the
    queue was full; `flooded`: not handed on, because one identifier came too often; `bus_off`: how often; `restarts` of
    the electronics after that; `causes`: troubles of the bus by kind."""

    sent: int = 0
    received: int = 0
    not_sent: int = 0
    flooded: int = 0
    bus_off: int = 0
    restarts: int = 0

    def _errors(self) -> Iterator[tuple[str, int]]:
        yield from Statistics._errors(self)
        yield from (("not sent", self.not_sent), ("flooded", self.flooded), ("restarts", self.restarts))


class CanPort:
    """One CAN bus. `timeout_s` is how long an answer may take."""

    kind = "can"

    def __init__(self, name: str, wire: CanWire, timeout_s: float = 0.2) -> None:
        self.name = name
        self.wire = wire
        self.timeout_s = timeout_s
        self.statistics = CanStatistics()
        self.devices = Devices()
        self.frames = Frames()
        self._listeners = Listeners(name)
        self._hidden: set[int] = set()
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._is_bus_off = False
        self._off_by = CanTrouble.BUS_OFF
        self._full_since_s: float | None = None
        self._restart_s = _FIRST_RESTART_S
        self._pause_s = 0.0
        self._alive_s = 0.0
        self._bits = 0.0
        self._bits_since_s = 0.0
        self._load_pct = 0.0
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._tried = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent."""
        return self.wire.is_open and not self._is_bus_off

    @property
    def error(self) -> str:
        """Why not; empty while they can."""
        return self.wire.error or (_WHY_OFF[self._off_by] if self._is_bus_off else "")

    @property
    def load_pct(self) -> float:
        """About how busy the bus was in the last whole second, in percent of its bit rate; 0 where it is not known."""
        if self._loop is not None:
            self._measure(self._loop.time())
        return self._load_pct

    async def open(self) -> None:
        """Start the owner task and wait for its first try to open the bus; one that is not there is tried on."""
        if self._task is None:
            self._loop = asyncio.get_running_loop()
            self._wake, self._tried = asyncio.Event(), asyncio.Event()
            self._bits_since_s = self._loop.time()
            self._task = self._loop.create_task(self._own(), name=f"port {self.name}")
        await self._tried.wait()

    async def close(self) -> None:
        """End the owner task and close the bus. Those who listen stay on the list."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self.wire.close()
        self._is_bus_off = False

    async def __aenter__(self) -> CanPort:
        await self.open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self.close()

    def send(self, frame: CanFrame) -> None:
        """Send at once. Raises NoAnswer when the bus is not open, is off, or takes no more frames."""
        if self._loop is None or self._task is None or not self.is_open:
            raise NoAnswer(self._text(frame, f"the port is not open: {self.error}"))
        try:
            self.wire.send(frame)
        except OSError as error:
            self.statistics.not_sent += 1
            full = isinstance(error, BlockingIOError)
            if full:
                self._full()
            why = "the bus takes no more frames: it is full, or nobody acknowledges" if full else self.error
            raise NoAnswer(self._text(frame, why)) from None
        self.statistics.sent += 1
        self._full_since_s = None
        self.frames.sent(self._loop.time(), frame)
        self._bits += bits_on_wire(len(frame.data), frame.is_extended)

    def listen(
        self, heard: Heard, *, can_id: int = 0, mask: int = 0, is_extended: bool | None = None
    ) -> Callable[[], None]:
        """Call `heard` for each frame whose identifier agrees with `can_id` where `mask` has a 1 (mask 0: all).

        What it raises is logged. Returns what ends it.
        """
        return self._listeners.add(heard, can_id, mask, is_extended)

    def hide(self, can_id: int) -> Callable[[], None]:
        """What comes with this identifier may name a vehicle or a person: its data are shown to nobody.

        Returns what ends it.
        """
        self._hidden.add(can_id)
        return lambda: self._hidden.discard(can_id)

    async def ask(
        self,
        frame: CanFrame,
        answer: Callable[[CanFrame], T | None],
        *,
        can_id: int = 0,
        mask: int = 0,
        timeout_s: float | None = None,
        device: Hashable = None,
    ) -> T:
        """Send `frame` and return what `answer` makes of the first frame that it does not answer with None.

        `can_id` and `mask`, where given, say which frames `answer` needs to see at all. `answer` may raise Refused or
        BadFrame. Questions to the same `device` (for the statistics, too; None: the identifier asked) wait for one
        another; whether an answer that came too late is one to the next of them, only `answer` can tell. Raises
        NoAnswer.
        """
        device = frame.can_id if device is None else device
        if len(self._locks) > MOST_DEVICES:
            self._locks = {each: lock for each, lock in self._locks.items() if lock.locked()}
        async with self._locks.setdefault(device, asyncio.Lock()):
            return await self._ask(frame, answer, can_id, mask, timeout_s, device)

    async def _ask(
        self,
        frame: CanFrame,
        answer: Callable[[CanFrame], T | None],
        can_id: int,
        mask: int,
        timeout_s: float | None,
        device: Hashable,
    ) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def heard(came: CanFrame) -> None:
            if future.done():
                return
            try:
                found = answer(came)
            except Exception as error:  # given to the asker
                future.set_exception(error)
                return
            if found is not None:
                future.set_result(found)

        tally = Tally(self.statistics, self.devices.of(device))
        asked_s = loop.time()
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        unlisten = self.listen(heard, can_id=can_id, mask=mask)
        try:
            self.send(frame)
            async with asyncio.timeout(timeout_s):
                found = await future
        except TimeoutError:
            late = NoAnswer(self._text(frame, f"no answer within {timeout_s:g} s"))
            tally.failed(late)
            raise late from None
        except (NoAnswer, Refused) as error:
            tally.failed(error)
            raise
        except Exception as error:  # a driver that does not understand its device must not end who asked
            if not isinstance(error, BadFrame):
                log.exception("%s", self._text(frame, "the driver cannot understand the answer"))
                error = BadFrame(self._text(frame, f"{error!r} in what came"))
            tally.count(Fault.GARBAGE)
            tally.failed(error)
            raise error from None
        except asyncio.CancelledError:
            tally.left()
            raise
        finally:
            unlisten()
            if not future.done():
                future.cancel()
        tally.answered(asked_s, loop.time())
        return found

    # ---------------------------------------------------------------------------------------------- what the wire says

    def frame(self, can_id: int, is_extended: bool, data: bytes) -> None:
        """A frame came in (for the wire)."""
        if self._loop is None:
            return
        self.statistics.received += 1
        self._bits += bits_on_wire(len(data), is_extended)
        now_s = self._loop.time()
        self.frames.received(now_s, (can_id, b"" if can_id in self._hidden else data, is_extended))
        if not self._listeners.hand_on(can_id, is_extended, data, now_s):
            self.statistics.flooded += 1

    def trouble(self, kind: CanTrouble) -> None:
        """The bus's electronics tell something (for the wire)."""
        self.statistics.count(kind.value)
        if kind in _WHY_OFF and not self._is_bus_off:
            self._is_bus_off = True
            self._off_by = kind
            self.statistics.bus_off += kind is CanTrouble.BUS_OFF
            self._wake.set()
        elif kind is CanTrouble.RESTARTED and self._is_bus_off:
            self._is_bus_off = False
            self._alive_s = asyncio.get_running_loop().time()
            self._wake.set()
            log.info("port '%s' (%s): the bus is back", self.name, self.wire.where)
        elif kind is CanTrouble.PASSIVE:
            log.debug("port '%s' (%s): %s", self.name, self.wire.where, kind.value)

    def lost(self) -> None:
        """The wire broke (for the wire)."""
        self.statistics.lost += 1
        log.warning("port '%s' (%s): lost: %s", self.name, self.wire.where, self.wire.error)
        self._wake.set()

    def _full(self) -> None:
        """The queue takes no more: after a while the bus counts as off, so that stale frames are thrown away."""
        now_s = asyncio.get_running_loop().time()
        if self._full_since_s is None:
            self._full_since_s = now_s
        elif now_s - self._full_since_s >= _STUCK_S:
            self._full_since_s = None
            self.trouble(CanTrouble.STUCK)

    def _measure(self, now_s: float) -> None:
        passed_s = now_s - self._bits_since_s
        if passed_s < _LOAD_WINDOW_S:
            return
        rate = self.wire.bit_rate
        self._load_pct = round(min(100.0, 100.0 * self._bits / (rate * passed_s)), 1) if rate else 0.0
        self._bits, self._bits_since_s = 0.0, now_s

    # ------------------------------------------------------------------------------------------------- the owner task

    async def _own(self) -> None:
        try:
            await keep_at(self.name, self._work, self._begin_anew)
        finally:
            self._tried.set()

    def _begin_anew(self, reason: str) -> None:
        self.wire.close()
        self._tried.set()

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            if not self.wire.is_open:
                await self._open_wire()
            elif self._is_bus_off:
                await self._restart()
            else:
                self._measure(asyncio.get_running_loop().time())
                await self._rest(_LOAD_WINDOW_S)

    async def _rest(self, at_most_s: float) -> None:
        """Until something happens to the wire or the bus."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _open_wire(self) -> None:
        """Until the wire is open, with growing pauses."""
        loop = asyncio.get_running_loop()
        lost_s, said, is_first = loop.time(), "", self._alive_s == 0.0
        if self._alive_s and lost_s - self._alive_s > 2.0:
            self._pause_s = 0.0
        while True:
            if self._pause_s:
                await asyncio.sleep(self._pause_s)
            self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), MOST_PAUSE_S)
            try:
                await self.wire.open(self)
            except OSError:
                if self.wire.error != said:
                    said = self.wire.error
                    log.warning("port '%s' (%s): cannot be opened: %s", self.name, self.wire.where, said)
                self._tried.set()
                continue
            break
        again = "" if is_first else f" again after {loop.time() - lost_s:.1f} s"
        log.info("port '%s' (%s): open%s", self.name, self.wire.where, again)
        self._is_bus_off = False
        self._alive_s = loop.time()
        self._tried.set()

    async def _restart(self) -> None:
        """The bus is off: let it begin anew after a pause that grows while it does not stay alive."""
        loop = asyncio.get_running_loop()
        off_s = loop.time()
        if off_s - self._alive_s > max(_STEADY_S, 3 * self._restart_s):
            self._restart_s = _FIRST_RESTART_S
        pause_s, self._restart_s = self._restart_s, min(2 * self._restart_s, _MOST_RESTART_S)
        level = logging.WARNING if pause_s < _MOST_RESTART_S else logging.DEBUG  # it was said often enough
        log.log(level, "port '%s' (%s): %s; begins anew in %g s", self.name, self.wire.where, self.error, pause_s)
        self._wake.clear()
        await self._rest(pause_s)
        if not self._is_bus_off or not self.wire.is_open:
            return  # it came back by itself, or there is none any more
        self.statistics.restarts += 1
        self._is_bus_off = False
        try:
            await self.wire.restart()
        except OSError as error:
            self._is_bus_off = self.wire.is_open
            log.warning("port '%s' (%s): cannot begin anew: %s", self.name, self.wire.where, error)
        self._alive_s = loop.time()

    def _text(self, frame: CanFrame, what: str) -> str:
        return f"frame {frame} on port '{self.name}' ({self.wire.where}): {what}"
