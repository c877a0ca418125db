"""`chargepoint journal`: sessions and events, from the running station or, when it is stopped, from its file."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.clock import Clock
from chargepoint.commands.manual import page
from chargepoint.config import StorageSettings
from chargepoint.config_faults import nearest
from chargepoint.context import folder_of
from chargepoint.door import AdminBus, NobodyHome
from chargepoint.journal_text import entry_line, masked, session_lines, session_table, when
from chargepoint.messages import JournalGrew, JournalPage, ReadJournal, ReadSessions, SessionsPage
from chargepoint.records import AnyEntry, Happened, JournalRow, Session
from chargepoint.timekeeping import EARLIEST
from chargepoint.vocabulary import EventType

SUMMARY = "sessions and events of a station"
DEFAULT_DATA = Path("/var/lib/chargepoint")
DEFAULT_LIMIT = 100
MOST_LIMIT = 100_000
PAGE_ROWS = 500
ENTRY_KINDS = tuple(kind.__name__ for kind in AnyEntry.__args__)


class CannotRead(Exception):
    """The journal cannot be read; the text says why and what to do."""


class Source(Protocol):
    """Where entries come from."""

    async def page(self, request: ReadJournal) -> JournalPage: ...

    async def sessions(self, request: ReadSessions) -> SessionsPage: ...


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, metavar="DIR", help=f"default: {DEFAULT_DATA}")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--events", action="store_true", help="print events (the default)")
    what.add_argument("--sessions", action="store_true", help="print a table of sessions, newest first")
    what.add_argument("--session", type=int, metavar="N", help="print the record and the events of session N")
    parser.add_argument("--since", type=_when, metavar="WHEN", help="only what happened since then")
    parser.add_argument(
        "--kind", type=_kind, action="append", default=[], metavar="K", help="only events of this kind; may be repeated"
    )
    parser.add_argument(
        "--limit", type=_limit, default=DEFAULT_LIMIT, metavar="N", help=f"the last N of them (default {DEFAULT_LIMIT})"
    )
    parser.add_argument("--follow", action="store_true", help="go on with what is added, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--show-cards", action="store_true", help="print the numbers of cards and vehicles in full")
    page(
        parser,
        """
        Prints what a station recorded: events in their order, each with its time, its number in the journal, connector
        and session; or sessions with what they came to. What was recorded before the station knew the time is shown
        relative to its boot.

        WHEN is a time ago (30m, 2h, 3d), today, yesterday, or a date or time such as 2026-05-17 or 2026-05-17T14:30,
        in local time. K is a kind of entry (TransactionStarted, Happened, SecurityEvent, ...) or of the operation log
        (WEBSOCKET_STATE, CONNECTOR_STATE, EMERGENCY, ...).

        A running station is asked through the socket for administrators in its data directory, so this needs its
        account or root. When no station runs there, its file is opened.
        """,
        exit_status={
            0: "printed, perhaps nothing",
            1: "no journal can be read there, or there is no such session",
            2: "wrong use",
        },
        files={"DIR/hub": "the hub's folder, with the socket", "DIR/station/journal.db": "the journal"},
        examples={
            "chargepoint journal --since 2h": "the last two hours",
            "chargepoint journal --sessions --since today": "today's sessions",
            "chargepoint journal --session 1042": "all about one session",
            "chargepoint journal --follow --kind TransactionStarted --kind TransactionStopped": "wait for charges",
            "chargepoint journal --json --limit 1000 | jq -c 'select(.entry.error)'": "for a program",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 or 1."""
    try:
        return asyncio.run(_run(arguments))
    except (CannotRead, PermissionError, Unavailable, CallFailed) as error:
        print(f"chargepoint journal: {error}", file=sys.stderr)
    except TimeoutError:
        print("chargepoint journal: the station did not answer in time; try again.", file=sys.stderr)
    return 1


async def _run(arguments: argparse.Namespace) -> int:
    async with AsyncExitStack() as stack:
        source: Source
        bus: Bus | None = None
        try:
            bus = await stack.enter_async_context(AdminBus.connect(arguments.data))
            source = Live(bus)
        except NobodyHome as error:
            if arguments.follow:
                raise CannotRead(f"{error} There is nothing to follow.") from None
            source = await stack.enter_async_context(_stored(arguments.data, str(error)))
        if arguments.sessions:
            return await _sessions(source, arguments)
        if arguments.session is not None and not await _session(source, arguments):
            return 1
        await _events(source, bus, arguments)
    return 0


class Live:
    """The journal of the running station."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def page(self, request: ReadJournal) -> JournalPage:
        return await self._bus.call("station", request)

    async def sessions(self, request: ReadSessions) -> SessionsPage:
        return await self._bus.call("station", request)


@asynccontextmanager
async def _stored(data: Path, why: str) -> AsyncIterator[Source]:
    """The journal of a station that is stopped. Raises CannotRead."""
    from chargepoint.storage.database import CannotRecord, InUse, NewerVersion
    from chargepoint.storage.journal import Journal

    folder = folder_of(data, "station")
    if not (folder / "journal.db").is_file():
        raise CannotRead(f"{why} Nor is there a journal: {folder / 'journal.db'}.")
    try:
        journal = await Journal.open(folder, Clock.of_system(EARLIEST), StorageSettings())
    except InUse:
        raise CannotRead(
            f"{folder / 'journal.db'} is in use: the station is just starting or ending. Try again."
        ) from None
    except (NewerVersion, CannotRecord) as error:
        raise CannotRead(str(error)) from None
    try:
        yield Stored(journal)
    finally:
        await journal.close()


class Stored:
    """The journal in its file."""

    def __init__(self, journal: object) -> None:
        from chargepoint.storage.journal import Journal

        assert isinstance(journal, Journal)
        self._journal = journal

    async def page(self, request: ReadJournal) -> JournalPage:
        return await self._journal.read(**msgspec.structs.asdict(request))

    async def sessions(self, request: ReadSessions) -> SessionsPage:
        return await self._journal.find_sessions(request)


async def _sessions(source: Source, arguments: argparse.Namespace) -> int:
    request = ReadSessions(since=arguments.since, limit=min(arguments.limit, PAGE_ROWS))
    found = [_shown(session, arguments) for session in (await source.sessions(request)).sessions]
    for line in _json(found) if arguments.json else session_table(found):
        print(line)
    return 0


async def _session(source: Source, arguments: argparse.Namespace) -> bool:
    """Print the record of one session; whether there is one."""
    found = (await source.sessions(ReadSessions(session_ids=(arguments.session,), include_garbage=True))).sessions
    if not found:
        print(f"chargepoint journal: there is no session {arguments.session}.", file=sys.stderr)
        return False
    session = _shown(found[0], arguments)
    for line in _json([session]) if arguments.json else (f"Session {session.session_id}", *session_lines(session), ""):
        print(line)
    return True


async def _events(source: Source, bus: Bus | None, arguments: argparse.Namespace) -> None:
    grown = bus.subscribe(JournalGrew) if bus is not None and arguments.follow else None
    reader = Events(source, arguments)
    last = deque([row async for row in reader.to_the_end()], maxlen=arguments.limit)
    _print(last, arguments)
    if grown is None:
        return
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    waiting = asyncio.create_task(ended.wait(), name="until Ctrl-C")
    following = asyncio.create_task(_follow(reader, grown, arguments), name="follow")
    try:
        await asyncio.wait((waiting, following), return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            following.result()
            raise CannotRead("the station has stopped.")
    finally:
        for task in (waiting, following):
            task.cancel()
        await asyncio.gather(waiting, following, return_exceptions=True)


async def _follow(reader: Events, grown: AsyncIterator[JournalGrew], arguments: argparse.Namespace) -> None:
    async for _ in grown:
        _print([row async for row in reader.to_the_end()], arguments)


class Events:
    """Reads on from where it stopped. Only as far back as the limit, when nothing narrows it."""

    def __init__(self, source: Source, arguments: argparse.Namespace) -> None:
        self._source = source
        self._entry_kinds = tuple(sorted({kind for kind in arguments.kind if kind in ENTRY_KINDS}))
        self._event_types = frozenset(kind for kind in arguments.kind if kind not in ENTRY_KINDS)
        asked = self._entry_kinds
        if self._event_types and "Happened" not in asked:
            asked = (*asked, "Happened")
        self._request = ReadJournal(
            kinds=asked if arguments.kind else (), session_id=arguments.session, since=arguments.since, limit=PAGE_ROWS
        )
        self._limit = arguments.limit
        is_narrowed = bool(arguments.kind) or arguments.session is not None or arguments.since is not None
        self._after_seq = 0 if is_narrowed else -1

    async def to_the_end(self) -> AsyncIterator[JournalRow]:
        """What is there and was not given yet, oldest first."""
        if self._after_seq < 0:
            end = (await self._source.page(msgspec.structs.replace(self._request, limit=1))).last_seq
            self._after_seq = max(0, end - self._limit)
        while True:
            found = await self._source.page(msgspec.structs.replace(self._request, after_seq=self._after_seq))
            for row in found.rows:
                if self._is_wanted(row):
                    yield row
            if found.read_to <= self._after_seq:
                return
            self._after_seq = found.read_to
            if found.read_to >= found.last_seq:
                return

    def _is_wanted(self, row: JournalRow) -> bool:
        if not self._event_types or not isinstance(row.entry, Happened) or "Happened" in self._entry_kinds:
            return True
        return row.entry.event_type in self._event_types


def _print(rows: deque[JournalRow] | list[JournalRow], arguments: argparse.Namespace) -> None:
    shown = [row if arguments.show_cards else masked(row) for row in rows]
    for line in _json(shown) if arguments.json else map(entry_line, shown):
        print(line, flush=arguments.follow)


def _shown(session: Session, arguments: argparse.Namespace) -> Session:
    hidden: Session = session if arguments.show_cards else masked(session)
    return hidden


def _json(records: list[JournalRow] | list[Session]) -> Iterator[str]:
    for record in records:
        yield msgspec.json.encode(record).decode()


def _when(text: str) -> datetime:
    try:
        return when(text, datetime.now().astimezone())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _kind(text: str) -> str:
    known = {kind.lower(): kind for kind in (*ENTRY_KINDS, *EventType)}
    if text.lower() not in known:
        meant = nearest(text, known.values())
        hint = f"did you mean {meant}?" if meant else f"there are {', '.join(known.values())}"
        raise argparse.ArgumentTypeError(f"there is no kind {text!r}; {hint}")
    return str(known[text.lower()])


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST_LIMIT:
        raise argparse.ArgumentTypeError(f"a number from 1 to {MOST_LIMIT} is expected")
    return int(text)
