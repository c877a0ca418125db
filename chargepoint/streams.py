"""What a service hears on the bus, as asynchronous streams: events it subscribed to, states it watches."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, TypeVar

from chargepoint.messages import Event, State

log = logging.getLogger(__name__)

MAX_WAITING_EVENTS = 4096

E = TypeVar("E", bound=Event)


class Unavailable(Exception):
    """The service is missing, restarting, or went away during the call.

    `maybe_done`: the request had reached it, so what it did is not known; otherwise nothing was done.
    """

    def __init__(self, text: str, maybe_done: bool = False) -> None:
        super().__init__(text)
        self.maybe_done = maybe_done


class Subscription(Generic[E]):
    """Events of some types, in order: `async for event in subscription`. Ends when closed or when the bus ends.

    Holds at most 4096 that nobody took; then the oldest goes and `dropped` counts it.
    """

    def __init__(self, types: tuple[type[E], ...], close: Callable[[Subscription[Any]], None]) -> None:
        self.types = types
        self.dropped = 0
        self.sender = ""
        """Who published the event that came last."""
        self._waiting: deque[tuple[E, str]] = deque()
        self._wake = asyncio.Event()
        self._close = close
        self._is_closed = False

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._wake.set()
            self._close(self)

    def offer(self, event: E, sender: str = "") -> None:
        if len(self._waiting) >= MAX_WAITING_EVENTS:
            self._waiting.popleft()
            self.dropped += 1
            if self.dropped == 1:
                log.warning("events of %s come faster than they are read; the oldest are dropped", self.types)
        self._waiting.append((event, sender))
        self._wake.set()

    def __aiter__(self) -> AsyncIterator[E]:
        return self

    async def __anext__(self) -> E:
        while not self._waiting:
            if self._is_closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        event, self.sender = self._waiting.popleft()
        return event


class StateView:
    """Retained states whose topic begins with `prefix`, as last heard. Belongs to its bus; `close` ends `changes`."""

    def __init__(self, prefix: str, known: dict[str, State], close: Callable[[StateView], None]) -> None:
        self.prefix = prefix
        self._known = known
        self._changed: dict[str, None] = {topic: None for topic in known if topic.startswith(prefix)}
        self._wake = asyncio.Event()
        self._close = close
        self._is_closed = False

    def get(self, topic: str) -> State | None:
        """The last value of `topic`, or None while nobody has told one."""
        return self._known.get(topic)

    def topics(self) -> list[str]:
        return sorted(topic for topic in self._known if topic.startswith(self.prefix))

    async def first(self, topic: str) -> State:
        """The value of `topic`, waiting until there is one. For one waiter that reads no `changes` meanwhile."""
        while topic not in self._known:
            if self._is_closed:
                raise Unavailable(f"the bus ended before anybody told {topic!r}")
            self._wake.clear()
            await self._wake.wait()
        return self._known[topic]

    async def changes(self) -> AsyncIterator[tuple[str, State]]:
        """What is known at once, then each change; of changes nobody took only the newest of each topic."""
        while True:
            while self._changed:
                topic = next(iter(self._changed))
                del self._changed[topic]
                yield topic, self._known[topic]
            if self._is_closed:
                return
            self._wake.clear()
            await self._wake.wait()

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._wake.set()
            self._close(self)

    def offer(self, topic: str) -> None:
        self._changed[topic] = None
        self._wake.set()
