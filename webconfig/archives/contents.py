"""What goes into an archive, file by file. Each is bounded; what cannot be had is said in its place, never left out
silently. Secrets never come here: they are no part of the settings (secrets.toml); card numbers are masked unless the
asker may see them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec

from chargepoint.bus import CallFailed, Unavailable
from chargepoint.journal_text import clean, entry_line, masked
from chargepoint.masking import mask, without_tags
from chargepoint.messages import DeviceState, ReadConfiguration, ReadFrames, ReadJournal, ReadSessions, ReadSettings
from chargepoint.version import VERSION
from webconfig.feed import shown as without_people
from webconfig.site import Site

PAGES = 100
"""Of 500 entries each, of the journal of a day."""
LAST_ENTRIES = 5000
AWAY = (Unavailable, CallFailed, TimeoutError)
SECRET = re.compile(r"password|secret|authorizationkey|token|pin$", re.IGNORECASE)
"""Keys of settings whose values nobody sees."""
HIDDEN = re.compile(r"(?im)^(\s*[\w.\"-]*(?:password|secret|authorization_?key|token|private_key|pin)\w*\"?\s*=\s*).*$")

INLINE = re.compile(
    r"""(?i)((?:password|secret|authorization_?key|token|private_key|pin)\w{0,40}["']?[ \t]{0,9}=[ \t]{0,9})"""
    r"""("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,}\]"']+)"""
)
"""The same within a table on one line."""

File = tuple[str, bytes]


async def full_logs(site: Site, day: date, *, shows_cards: bool) -> AsyncIterator[File]:
    """Everything of one day by the station's zone: journal, exchange with the central system, sessions, settings."""
    begin = datetime.combine(day, time()).astimezone()
    end = datetime.combine(day + timedelta(days=1), time()).astimezone()
    yield "about.txt", _about(site, f"day {day.isoformat()}")
    async for file in _journal(site, ReadJournal(since=begin, until=end, before_seq=0), PAGES, shows_cards=shows_cards):
        yield file
    yield await _sessions(site, begin, shows_cards=shows_cards)
    yield await _frames(site, begin, end, shows_cards=shows_cards)
    async for file in _standing(site, shows_cards=shows_cards):
        yield file


async def support(site: Site, *, shows_cards: bool) -> AsyncIterator[File]:
    """What somebody who helps needs: configuration, states, the newest entries, counters of devices."""
    yield "about.txt", _about(site, "support bundle")
    pages = LAST_ENTRIES // 500
    async for file in _journal(site, ReadJournal(before_seq=0), pages, shows_cards=shows_cards):
        yield file
    yield await _frames(site, None, None, shows_cards=shows_cards)
    async for file in _standing(site, shows_cards=shows_cards):
        yield file


def _about(site: Site, what: str) -> bytes:
    lines = [
        f"{site.context.settings.station.name}, {what}",
        f"software {VERSION}",
        f"made {datetime.now().astimezone().isoformat(timespec='seconds')}",
        *(f"safe mode: {fault}" for fault in site.faults),
    ]
    return ("\n".join(map(clean, lines)) + "\n").encode()


async def _journal(site: Site, request: ReadJournal, pages: int, *, shows_cards: bool) -> AsyncIterator[File]:
    """As lines and as JSON, newest part first; a file for each page bounds the memory."""
    for number in range(pages):
        try:
            page = await site.context.bus.call("station", msgspec.structs.replace(request, limit=500), 15.0)
        except AWAY as error:
            yield f"journal_{number:03}_not_read.txt", f"the journal cannot be read: {error}\n".encode()
            return
        rows = [row if shows_cards else masked(row) for row in reversed(page.rows)]
        if rows:
            yield f"journal_{number:03}.txt", ("\n".join(map(entry_line, rows)) + "\n").encode()
            yield f"journal_{number:03}.jsonl", b"\n".join(map(msgspec.json.encode, rows)) + b"\n"
        is_before = request.since is not None and _is_all_before(page.rows, request.since)
        if page.read_to <= 1 or is_before:
            return
        request = msgspec.structs.replace(request, before_seq=page.read_to)


def _is_all_before(rows: tuple[Any, ...], since: datetime) -> bool:
    return bool(rows) and all(row.moment.at is not None and row.moment.at < since for row in rows)


async def _sessions(site: Site, begin: datetime, *, shows_cards: bool) -> File:
    async def read() -> list[Any]:
        request = ReadSessions(since=begin, include_garbage=True, limit=500)
        found = (await site.context.bus.call("station", request, 15.0)).sessions
        return [each if shows_cards else masked(each) for each in found]

    return await _told("sessions", read)


async def _frames(site: Site, begin: datetime | None, end: datetime | None, *, shows_cards: bool) -> File:
    """The last frames that were kept: they are in memory only."""

    async def read() -> list[Any]:
        found = (await site.context.bus.call("ocpp", ReadFrames(limit=500), 15.0)).frames
        found = tuple(
            each
            for each in found
            if each.at is None or ((begin is None or each.at >= begin) and (end is None or each.at < end))
        )
        return [each if shows_cards else msgspec.structs.replace(each, text=without_cards(each.text)) for each in found]

    return await _told("exchange", read)


async def _standing(site: Site, *, shows_cards: bool) -> AsyncIterator[File]:
    """How everything is now: states, counters of devices, services, configuration, settings."""
    states = {topic: site.states.get(topic) for topic in sorted(site.states.topics()) if topic not in _WITH_PEOPLE}
    told = (
        states if shows_cards else {topic: without_people(state) if state else None for topic, state in states.items()}
    )
    text = msgspec.json.format(msgspec.json.encode(told), indent=1)
    yield "states.json", text if shows_cards else without_cards(text.decode()).encode()
    devices = {topic: state for topic, state in states.items() if isinstance(state, DeviceState)}
    yield "devices.json", msgspec.json.format(msgspec.json.encode(devices), indent=1)

    async def configuration() -> Any:
        page = await site.context.bus.call("hub", ReadConfiguration(), 15.0)
        return without_secrets(page.file) if shows_cards else without_cards(without_secrets(page.file))

    async def settings() -> Any:
        page = await site.context.bus.call("hub", ReadSettings(), 15.0)
        return {key: _shown(key, value, shows_cards=shows_cards) for key, value in sorted(page.values.items())}

    yield await _told("station.toml", configuration)
    yield await _told("settings", settings)


_WITH_PEOPLE = frozenset({"users", "settings", "access/logins", "access/grant"})
"""Card numbers and names; the settings come with their secrets out in a file of their own."""


async def _told(name: str, read: Callable[[], Any]) -> File:
    try:
        found = await read()
    except AWAY as error:
        return f"{name}_not_read.txt", f"{name} cannot be read: {error}\n".encode()
    if isinstance(found, str):
        return name, found.encode()
    return f"{name}.json", msgspec.json.format(msgspec.json.encode(found), indent=1)


def without_secrets(text: str) -> str:
    """A station file whose passwords, keys and tokens are `***`, whatever they are called."""
    return INLINE.sub(r'\1"***"', HIDDEN.sub(r'\1"***"', text))


def without_cards(text: str) -> str:
    """A text in which what can be a card's number shows its end only."""
    return re.sub(r"\b[0-9A-Fa-f]{8,20}\b", lambda found: mask(found[0]), without_tags(text))


def _shown(key: str, value: str, *, shows_cards: bool) -> str:
    if SECRET.search(key):
        return "***"
    return value if shows_cards or not key.startswith("access.") else without_cards(value)
