"""What goes into an archive, member by member. Each is bounded; what cannot be had is said in its place, never left out
silently. Secrets never come here: they are no part of the settings (secrets.toml); card numbers are masked unless the
asker may see them. Log files come last: they take what room is left.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import msgspec

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.journal_text import SHOWN_AS_THEY_ARE, clean, entry_line, masked
from chargepoint.log_files import KINDS, current, rotated
from chargepoint.masking import SECRET_KEY, Known, mask, without_cards, without_secrets
from chargepoint.messages import (
    CheckChain,
    DeviceState,
    ReadConfiguration,
    ReadFrames,
    ReadJournal,
    ReadSessions,
    ReadSettings,
    State,
)
from chargepoint.records import Credential, TransactionStarted, TransactionStopped
from chargepoint.shown_states import without_people
from chargepoint.version import VERSION
from diag.archives.members import LogPart, Member, Text

PAGES = 100
"""Of 500 entries each, of the journal of a day or a period."""
LAST_ENTRIES = 5000
SECURITY_PAGES = 100
MOST_CARDS = 1000
WITHIN_S = 15.0
AWAY = (Unavailable, CallFailed, TimeoutError)
SECURITY = ("SecurityEvent",)
_ENTRY = re.compile(r"[^\s,;]+")
_WITH_PEOPLE = frozenset({"users", "settings", "access/logins", "access/grant"})
"""Card numbers and names; the settings come with their secrets out in a member of their own."""


class Source(msgspec.Struct, frozen=True):
    """Where everything is had from. `states`: topics as they are now; `logs`: folder of the log, None: none is kept."""

    bus: Bus
    states: Callable[[], Mapping[str, State]]
    station: str
    """Its name, and where it stands if that is known."""
    logs: Path | None = None
    faults: tuple[str, ...] = ()
    """Why there is no station (safe mode)."""
    lists: tuple[str, ...] = ()
    """Cards and users of the access lists in the station file."""


class Contents:
    """Of one archive: gives its members one after the other."""

    def __init__(self, source: Source, *, shows_cards: bool, now: datetime) -> None:
        self._source = source
        self._shows_cards = shows_cards
        self._now = now
        self._cards = Known(source.lists)
        """Numbers of the lists and those met in the journal, masked wherever else they stand."""

    async def full_logs(self, day: date) -> AsyncIterator[Member]:
        """Everything of one day by the station's zone: journal, exchange with the central system, sessions, logs."""
        begin = datetime.combine(day, time()).astimezone()
        end = datetime.combine(day + timedelta(days=1), time()).astimezone()
        await self._learn_lists()
        yield self._about(f"day {day.isoformat()}")
        async for member in self._period(begin, end):
            yield member

    async def diagnostics(self, since: datetime | None, until: datetime | None) -> AsyncIterator[Member]:
        """The same of a period; without `since` from the first entry, without `until` to the last."""
        await self._learn_lists()
        yield self._about(f"from {_told_time(since, 'the beginning')} to {_told_time(until, 'now')}")
        async for member in self._period(since, until):
            yield member

    async def support(self) -> AsyncIterator[Member]:
        """What somebody who helps needs: configuration, states, the newest entries, counters of devices, logs."""
        await self._learn_lists()
        yield self._about("support bundle")
        async for member in self._journal(ReadJournal(before_seq=0), LAST_ENTRIES // 500):
            yield member
        async for member in self._standing():
            yield member
        yield await self._frames(None, None)
        for part in self._logs(None, None):
            yield part

    async def security(self, since: datetime | None, until: datetime | None) -> AsyncIterator[Member]:
        """The security journal of a period, and whether it is as it was written."""
        await self._learn_lists()
        yield self._about(f"security journal from {_told_time(since, 'the beginning')} to {_told_time(until, 'now')}")
        request = ReadJournal(kinds=SECURITY, since=since, until=until, before_seq=0)
        async for member in self._journal(request, SECURITY_PAGES, "security"):
            yield member

        async def chain() -> Any:
            found = await self._source.bus.call("station", CheckChain(), 60.0)
            return {
                "is_as_written": not found.broken,
                "entries": found.entries,
                "broken": found.broken,
                "checked_at": self._now,
            }

        yield await self._told("chain", chain)

    async def _period(self, since: datetime | None, until: datetime | None) -> AsyncIterator[Member]:
        async for member in self._journal(ReadJournal(since=since, until=until, before_seq=0), PAGES):
            yield member
        yield await self._sessions(since, until)
        async for member in self._standing():
            yield member
        yield await self._frames(since, until)
        for part in self._logs(since, until):
            yield part

    def _about(self, what: str) -> Text:
        lines = [
            f"{self._source.station}, {what}",
            f"software {VERSION}",
            f"made {self._now.astimezone().isoformat(timespec='seconds')}",
            "card numbers: whole" if self._shows_cards else "card numbers: the last characters only",
            *(f"safe mode: {fault}" for fault in self._source.faults),
        ]
        return Text("about.txt", ("\n".join(map(clean, lines)) + "\n").encode())

    async def _journal(self, request: ReadJournal, pages: int, name: str = "journal") -> AsyncIterator[Text]:
        """As lines and as JSON, newest part first; a member for each page bounds the memory."""
        for number in range(pages):
            try:
                page = await self._source.bus.call("station", msgspec.structs.replace(request, limit=500), WITHIN_S)
            except AWAY as error:
                yield Text(f"{name}_{number:03}_not_read.txt", f"the journal cannot be read: {error}\n".encode())
                return
            self._learn(page.rows)
            rows = [row if self._shows_cards else masked(row) for row in reversed(page.rows)]
            if rows:
                yield Text(f"{name}_{number:03}.txt", self._plain("\n".join(map(entry_line, rows)) + "\n"))
                lines = b"\n".join(map(msgspec.json.encode, rows)) + b"\n"
                yield Text(f"{name}_{number:03}.jsonl", self._plain(lines.decode()))
            is_before = request.since is not None and _is_all_before(page.rows, request.since)
            if page.read_to <= 1 or is_before:
                return
            request = msgspec.structs.replace(request, before_seq=page.read_to)
        yield Text(f"{name}_cut_off.txt", f"older entries than these {pages * 500} are left out\n".encode())

    async def _learn_lists(self) -> None:
        """Cards of the access lists that were changed at run time, before anything else is written."""
        with suppress(*AWAY):
            page = await self._source.bus.call("hub", ReadSettings(prefix="access."), WITHIN_S)
            for value in page.values.values():
                self._cards.add(_ENTRY.findall(value))

    def _learn(self, rows: tuple[Any, ...]) -> None:
        for row in rows:
            entry = row.entry
            who: Credential | None = None
            if isinstance(entry, TransactionStarted):
                who = entry.starter
            elif isinstance(entry, TransactionStopped):
                who = entry.stopper
            if who is not None and who.type not in SHOWN_AS_THEY_ARE:
                self._cards.add((who.value, who.parent))

    def _plain(self, text: str) -> bytes:
        """A text in which numbers that were met show their ends only."""
        if not self._shows_cards:
            text = self._cards.hidden(text)
        return text.encode()

    async def _sessions(self, since: datetime | None, until: datetime | None) -> Text:
        async def read() -> list[Any]:
            request = ReadSessions(since=since, until=until, include_garbage=True, limit=500)
            found = (await self._source.bus.call("station", request, WITHIN_S)).sessions
            return [each if self._shows_cards else masked(each) for each in found]

        return await self._told("sessions", read)

    async def _frames(self, begin: datetime | None, end: datetime | None) -> Text:
        """The last frames that were kept: they are in memory only."""

        async def read() -> list[Any]:
            found = (await self._source.bus.call("ocpp", ReadFrames(limit=500), WITHIN_S)).frames
            found = tuple(
                each
                for each in found
                if each.at is None or ((begin is None or each.at >= begin) and (end is None or each.at < end))
            )
            return [
                each
                if self._shows_cards
                else msgspec.structs.replace(each, text=without_cards(self._plain(each.text).decode()))
                for each in found
            ]

        return await self._told("exchange", read)

    async def _standing(self) -> AsyncIterator[Text]:
        """How everything is now: states, counters of devices, services, configuration, settings."""

        async def configuration() -> Any:
            page = await self._source.bus.call("hub", ReadConfiguration(), WITHIN_S)
            self._cards.add(_listed(page.file))
            text = without_secrets(page.file)
            return text if self._shows_cards else without_cards(self._plain(text).decode())

        async def settings() -> Any:
            page = await self._source.bus.call("hub", ReadSettings(), WITHIN_S)
            return {key: self._setting(key, value) for key, value in sorted(page.values.items())}

        yield await self._told("station.toml", configuration)
        yield await self._told("settings", settings)
        states = {topic: state for topic, state in sorted(self._source.states().items()) if topic not in _WITH_PEOPLE}
        told = states if self._shows_cards else {topic: without_people(state) for topic, state in states.items()}
        text = msgspec.json.format(msgspec.json.encode(told), indent=1).decode()
        yield Text(
            "states.json", text.encode() if self._shows_cards else without_cards(self._plain(text).decode()).encode()
        )
        devices = {topic: state for topic, state in states.items() if isinstance(state, DeviceState)}
        yield Text("devices.json", msgspec.json.format(msgspec.json.encode(devices), indent=1))

    def _setting(self, key: str, value: str) -> str:
        if SECRET_KEY.search(key):
            return "***"
        if self._shows_cards or not key.startswith("access."):
            return value
        return _ENTRY.sub(lambda found: mask(found[0]), value)

    async def _told(self, name: str, read: Callable[[], Awaitable[Any]]) -> Text:
        try:
            found = await read()
        except AWAY as error:
            return Text(f"{name}_not_read.txt", f"{name} cannot be read: {error}\n".encode())
        if isinstance(found, str):
            return Text(name, found.encode())
        return Text(f"{name}.json", msgspec.json.format(msgspec.json.encode(found), indent=1))

    def _logs(self, since: datetime | None, until: datetime | None) -> Iterator[Member]:
        """The service logs, the important ones first, the newest of each kind first."""
        folder = self._source.logs
        if folder is None:
            yield Text("logs_not_kept.txt", b"the station runs without --logs: no log of its services is kept\n")
            return
        cards = self._cards.all()[:MOST_CARDS] if not self._shows_cards else ()
        found = 0
        for kind in KINDS:
            for path in (current(folder, kind), *rotated(folder, kind)):
                if not _may_have(path, since):
                    continue
                found += 1
                name = path.name.removesuffix(".gz")
                yield LogPart(name, str(path), since, until, cards, self._shows_cards)
        if not found:
            yield Text("logs_none.txt", f"there are no lines of that time in {folder}\n".encode())


def _may_have(path: Path, since: datetime | None) -> bool:
    """Whether a log file can have lines of that time: it was written to since then."""
    try:
        return since is None or path.stat().st_mtime >= since.timestamp()
    except OSError:
        return False


def _listed(file: str) -> set[str]:
    """Cards and users of the access lists in a station file, as far as it can be read as one."""
    try:
        access = tomllib.loads(file).get("access", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        return set()
    lists = [access.get(name) for name in ("white", "black")] if isinstance(access, dict) else []
    entries = [entry for each in lists if isinstance(each, list) for entry in each]
    return {entry for entry in entries if isinstance(entry, str)}


def _is_all_before(rows: tuple[Any, ...], since: datetime) -> bool:
    return bool(rows) and all(row.moment.at is not None and row.moment.at < since for row in rows)


def _told_time(at: datetime | None, otherwise: str) -> str:
    return otherwise if at is None else at.astimezone().isoformat(timespec="seconds")
