"""What happens, as one stream for programs and pages: numbered, bounded, to be resumed (GET /events, GET /ws).

The ring is filled while somebody listens and for a minute after; who was away longer is told how much is missing.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from chargepoint.bus import Bus, StateView
from chargepoint.messages import DumpGrew, JournalGrew, Noted, State
from chargepoint.rights import Right
from chargepoint.shown_states import without_people
from webconfig.commands.record import Command

MOST_KEPT = 2000
IDLE_S = 60.0

TOPICS: dict[str, Right] = {
    "station": Right.SEE,
    "connector": Right.SEE,
    "meter": Right.SEE,
    "power": Right.SEE,
    "modules": Right.SEE,
    "climate": Right.SEE,
    "link": Right.SEE,
    "device": Right.SEE,
    "installed": Right.SEE,
    "input": Right.SEE,
    "output": Right.SEE,
    "insulation": Right.SEE,
    "ups": Right.SEE,
    "service": Right.SEE,
    "tariff": Right.SEE,
    "test": Right.SERVICE,
    "command": Right.SEE,
    "oplog": Right.SEE,
    "journal": Right.SEE,
    "dump": Right.DOWNLOAD,
}
"""First part of each topic there is, and the right it takes. `connector` is all of them, `connector.2` one."""
OF_STATES = frozenset(TOPICS) - {"command", "oplog", "journal", "dump"}


class Item(msgspec.Struct, frozen=True):
    """One thing that happened. `data` is JSON."""

    number: int
    topic: str
    data: str


class Feed:
    """The ring of what happened. `run` must be running."""

    def __init__(self, bus: Bus, states: StateView) -> None:
        self._bus = bus
        self._states = states
        self._ring: deque[Item] = deque(maxlen=MOST_KEPT)
        self._number = 0
        self._epoch = secrets.token_hex(4)
        self._wake = asyncio.Event()
        self._wanted = asyncio.Event()
        self._listeners = 0

    def put(self, topic: str, content: Any) -> None:
        """Something happened. Never blocks."""
        if not self._wanted.is_set():
            return
        self._number += 1
        self._ring.append(Item(self._number, topic, msgspec.json.encode(content).decode()))
        wake, self._wake = self._wake, asyncio.Event()
        wake.set()

    def command(self, command: Command) -> None:
        self.put(f"command.{command.id}", shown_command(command))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wanted.wait()
            pumps = [
                asyncio.create_task(self._pump_states(), name="feed: states"),
                asyncio.create_task(self._pump_events(), name="feed: events"),
                asyncio.create_task(self._idle(), name="feed: idle"),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._wanted.clear()
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
            self._ring.clear()
            self._number += 1  # what happens meanwhile is missing
            if self._listeners:  # the bus ended
                await asyncio.sleep(1.0)
                self._wanted.set()

    async def listen(
        self, topics: Iterable[str], last_id: str = "", most_s: float = 3600.0
    ) -> AsyncGenerator[tuple[str, str, str], None]:
        """What happens from now on, or after `last_id`: (id, topic, JSON). First come the states as they are now,
        unless it goes on without a gap; a gap is told as `skipped`. Ends after `most_s`: who asks is looked at anew."""
        end_s = asyncio.get_running_loop().time() + most_s
        wanted = tuple(topics)
        self._listeners += 1
        self._wanted.set()
        try:
            position, missing = self._resumed(last_id)
            if missing is not None:
                yield f"{self._epoch}-{position}", "skipped", msgspec.json.encode({"skipped": missing}).decode()
            if missing is not None or not last_id:
                for topic, state in self._now(wanted):
                    yield "", topic, msgspec.json.encode(without_people(state)).decode()
            while True:
                wake = self._wake
                for item in self._after(position):
                    if item.number > position + 1 and position < self._ring[0].number - 1:
                        skipped = msgspec.json.encode({"skipped": item.number - position - 1}).decode()
                        yield f"{self._epoch}-{item.number - 1}", "skipped", skipped
                    position = item.number
                    if matches(item.topic, wanted):
                        yield f"{self._epoch}-{item.number}", item.topic, item.data
                try:
                    async with asyncio.timeout_at(end_s):
                        await wake.wait()
                except TimeoutError:
                    return
        finally:
            self._listeners -= 1

    def _resumed(self, last_id: str) -> tuple[int, int | None]:
        """Where to go on, and how much is missing (None: nothing; -1: nobody knows)."""
        if not last_id:
            return self._number, None
        epoch, _, text = last_id.partition("-")
        if epoch != self._epoch or not (text.isascii() and text.isdecimal() and len(text) < 16):
            return self._number, -1
        position = int(text)
        first = self._ring[0].number if self._ring else self._number + 1
        if position > self._number:
            return self._number, -1
        if position < first - 1:
            return first - 1, first - 1 - position
        return position, None

    def _after(self, position: int) -> list[Item]:
        if not self._ring or self._ring[-1].number <= position:
            return []
        count = self._ring[-1].number - position
        if count < len(self._ring) // 4:
            found = []
            for item in reversed(self._ring):
                if item.number <= position:
                    break
                found.append(item)
            return found[::-1]
        return [item for item in self._ring if item.number > position]

    def _now(self, wanted: tuple[str, ...]) -> list[tuple[str, State]]:
        found = []
        for name in self._states.topics():
            topic = name.replace("/", ".")
            state = self._states.get(name)
            if state is not None and topic.partition(".")[0] in OF_STATES and matches(topic, wanted):
                found.append((topic, state))
        return found

    async def _pump_states(self) -> None:
        view = self._bus.watch("")
        known = {name: self._states.get(name) for name in self._states.topics()}
        try:
            async for name, state in view.changes():
                topic = name.replace("/", ".")
                if topic.partition(".")[0] in OF_STATES and known.get(name) is not state:
                    known[name] = state
                    self.put(topic, without_people(state))
        finally:
            view.close()

    async def _pump_events(self) -> None:
        heard = self._bus.subscribe(DumpGrew, JournalGrew, Noted)
        try:
            async for event in heard:
                if isinstance(event, DumpGrew):
                    self.put(f"dump.{event.connector}", {"lines": event.lines, "skipped": event.skipped})
                elif isinstance(event, Noted):
                    self.put("oplog", event)
                else:
                    self.put("journal", event)
        finally:
            heard.close()

    async def _idle(self) -> None:
        """Ends when nobody has listened for a minute."""
        loop = asyncio.get_running_loop()
        since_s = loop.time()
        while loop.time() - since_s < IDLE_S:
            await asyncio.sleep(5.0)
            if self._listeners:
                since_s = loop.time()


def matches(topic: str, wanted: tuple[str, ...]) -> bool:
    return any(topic == one or topic.startswith(one + ".") for one in wanted)


def shown_command(command: Command) -> Command:
    """A command as all may see it: without its key."""
    return replace(command, key="", origin="")
