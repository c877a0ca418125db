"""An event loop whose time is virtual: when nothing is ready, it jumps to the next timer.

Everything that waits by the loop's clock (`asyncio.sleep`, `asyncio.timeout`, time-outs of libraries) takes no real
time. Time stands still while

- a callback or a socket is ready,
- a job in another thread is open: `hold()`, which `Clock.standing_still` finds, and every `run_in_executor`,
- bytes are under way between two TCP sockets of this process.

With nothing to jump to, the loop really waits, and a test in which nothing can happen any more fails (`Deadlock`).
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import contextvars
import fcntl
import selectors
import socket
import termios
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

DEADLOCK_S = 30.0
"""Real seconds without any event after which a test is given up."""

TOTAL_S = 300.0
"""Real seconds that one loop may run on virtual time."""

GRACE_S = 0.001
"""Real seconds given to the kernel when TCP bytes or connections are under way."""

MOST_GRACES = 20

LEAST_WAIT_S = 1e-6
"""Rounding leaves waits of a hair; real time would have gone on meanwhile."""


class Deadlock(Exception):
    """The test waits for something that cannot come."""


class _Selector(selectors.EpollSelector):
    """The real selector, but a wait with a time-out is a jump of the loop's time. It is asked more often than anything
    else, so it asks the kernel as little as it can."""

    def __init__(self, loop_of: Callable[[], VirtualTimeLoop]) -> None:
        super().__init__()
        self._loop_of = loop_of
        self._tcp: dict[int, socket.socket] = {}
        self._stuck: dict[int, int] = {}
        self._is_tcp_changed = False
        self._started_s = time.monotonic()
        self._quiet_since_s: float | None = None
        self._kernel: Any = self._selector  # type: ignore[attr-defined]

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = super().register(fileobj, events, data)
        self._note_tcp(key.fd)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = super().unregister(fileobj)
        known = self._tcp.pop(key.fd, None)
        if known is not None:
            known.detach()
            self._stuck.pop(key.fd, None)
            self._is_tcp_changed = True
        return key

    def close(self) -> None:
        for known in self._tcp.values():
            known.detach()
        self._tcp.clear()
        super().close()

    def _ready(self, timeout_s: float = 0.0) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready, within so many real seconds."""
        if timeout_s <= 0 and not self._kernel.poll(0, 1):
            return []
        return super().select(timeout_s)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = self._ready()
        if events or (timeout is not None and timeout <= 0):
            self._quiet_since_s = None
            return events
        loop = self._loop_of()
        if loop.holds or timeout is None:
            return self._wait(loop)
        self._quiet_since_s = None
        if self._tcp or self._is_tcp_changed:
            events = self._settle()
            if events:
                return events
        if time.monotonic() - self._started_s > TOTAL_S:
            raise Deadlock(f"still running after {TOTAL_S:.0f} real seconds, at {loop.time():.1f} s\n{_stacks(loop)}")
        loop.jump(timeout)
        return []

    def _wait(self, loop: VirtualTimeLoop) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait in real time for a thread or a socket; the loop asks again when nothing came."""
        now_s = time.monotonic()
        if self._quiet_since_s is None:
            self._quiet_since_s = now_s
        elif now_s - self._quiet_since_s > DEADLOCK_S:
            why = f"{loop.holds} jobs in threads are open" if loop.holds else "nothing is scheduled"
            raise Deadlock(f"nothing happened for {DEADLOCK_S:.0f} real seconds ({why})\n{_stacks(loop)}")
        events = self._ready(1.0)
        if events:
            self._quiet_since_s = None
        return events

    def _settle(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Let bytes and connections that are under way inside the kernel arrive; what they made ready, if anything."""
        for _ in range(MOST_GRACES):
            if not self._is_tcp_changed and not self._is_under_way():
                return self._ready()
            self._is_tcp_changed = False
            events = self._ready(GRACE_S)
            if events:
                return events
        # a reader that does not read: its bytes stay where they are and need not be waited for again
        self._stuck = {fd: _unacknowledged(fd) for fd in self._tcp}
        return []

    def _is_under_way(self) -> bool:
        waiting = [fd for fd in self._tcp if (count := _unacknowledged(fd)) and count != self._stuck.get(fd, 0)]
        if not waiting:
            return False
        for known in self._tcp.values():  # makes the kernel acknowledge now what it holds back for up to 40 ms
            with contextlib.suppress(OSError):
                known.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return any(_unacknowledged(fd) != self._stuck.get(fd, 0) for fd in waiting)

    def _note_tcp(self, fd: int) -> None:
        try:
            found = socket.socket(fileno=fd)
        except OSError:
            return
        if found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM:
            self._tcp[fd] = found
            self._is_tcp_changed = True
        else:
            found.detach()


_COUNT = array.array("i", [0])


def _unacknowledged(fd: int) -> int:
    """Bytes sent on a TCP socket that have not reached the other side (0 for a listening one)."""
    try:
        fcntl.ioctl(fd, termios.TIOCOUTQ, _COUNT)
    except OSError:
        return 0
    return _COUNT[0]


def _stacks(loop: asyncio.AbstractEventLoop) -> str:
    """Where each task waits: its chain of coroutines, outermost first."""
    lines = []
    for task in asyncio.all_tasks(loop):
        lines.append(f"task {task.get_name()}:")
        waits_in: Any = task.get_coro()
        while (frame := getattr(waits_in, "cr_frame", None)) is not None:
            lines.append(f"  {frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}")
            waits_in = waits_in.cr_await
    return "\n".join(lines)


class WatchedLoop(asyncio.SelectorEventLoop):
    """An event loop that remembers what went wrong in tasks and callbacks nobody waited for."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(selector)
        self._tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        self._unhandled: list[str] = []
        self.set_exception_handler(self._remember)

    def create_task(self, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = super().create_task(*args, **kwargs)
        self._tasks.add(task)
        return task

    def _remember(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        what = context.get("exception") or context.get("task") or context.get("future")
        self._unhandled.append(f"{context['message']}: {what!r}")

    def unhandled(self) -> list[str]:
        """Exceptions of callbacks and of tasks that nobody has asked for so far; each is told once."""
        for task in list(self._tasks):
            if task.done() and not task.cancelled() and getattr(task, "_log_traceback", False):
                self._unhandled.append(f"task {task.get_name()} {task.get_coro()!r} ended: {task.exception()!r}")
        found, self._unhandled = self._unhandled, []
        return found

    def close_leftovers(self) -> None:
        """Close sockets and transports that a test left open."""
        for transport in list(self._transports.values()):  # type: ignore[attr-defined]
            transport.abort()
        for key in list(self._selector.get_map().values()):  # type: ignore[attr-defined]
            for handle in key.data if isinstance(key.data, tuple) else ():
                for thing in (handle and handle._args) or ():
                    if isinstance(thing, asyncio.AbstractServer):
                        thing.close()


class VirtualTimeLoop(WatchedLoop):
    """See the top of this file. Time begins at 0."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self.holds = 0
        super().__init__(_Selector(lambda: self))
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._now_s

    def jump(self, seconds: float) -> None:
        """To the next timer, exactly."""
        due_s = self._scheduled[0].when() if self._scheduled else 0.0  # type: ignore[attr-defined]
        self._now_s = max(self._now_s + seconds, due_s)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """As usual; but who waits for less than a microsecond waits for one, or time might never move."""
        if self._now_s < when < self._now_s + LEAST_WAIT_S:
            when = self._now_s + LEAST_WAIT_S
        return super().call_at(when, callback, *args, context=context)

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Time stands still inside."""
        self.holds += 1
        try:
            yield
        finally:
            self.holds -= 1

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        future = super().run_in_executor(executor, func, *args)
        self.holds += 1
        future.add_done_callback(self._release)
        return future

    def _release(self, _future: asyncio.Future[Any]) -> None:
        self.holds -= 1
