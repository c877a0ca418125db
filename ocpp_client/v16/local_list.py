"""The local authorisation list: what the central system wants known here of idTags, and with which version.

List and version are one transaction, so a crash leaves the whole old or the whole new list. Source: OCPP 1.6, 3.5.2,
5.10, 5.15, 7.47 (UpdateStatus), 9.2; idTags are compared without regard to case.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from chargepoint.storage.database import CannotRecord, Database, Statement
from ocpp_client.facts import Facts
from ocpp_client.frames import Payload
from ocpp_client.rpc import Reply
from ocpp_client.schemas import parse_time, time_of
from ocpp_client.v16.configuration import Configuration

if TYPE_CHECKING:
    from ocpp_client.v16.core import Actions

log = logging.getLogger(__name__)

VERSION = "local_list_version"
NO_LIST, EMPTY = -1, 0
"""Versions with a meaning: no list in use, list without entries (5.10)."""
MAX_VERSION = 2**63 - 1

CLEAR = "DELETE FROM local_list"
REMOVE = "DELETE FROM local_list WHERE id_tag = ?"
ADD = "INSERT OR REPLACE INTO local_list (id_tag, status, parent, expires_s) VALUES (?, ?, ?, ?)"


class ListEntry(msgspec.Struct, frozen=True, gc=False):
    """What the list says of one idTag."""

    status: str
    parent: str = ""
    expires_at: datetime | None = None


class Update(msgspec.Struct, frozen=True):
    """A SendLocalList that can be carried out; idTags in lower case. A whole one replaces the list."""

    is_whole: bool
    version: int
    entries: dict[str, ListEntry]
    gone: frozenset[str] = frozenset()


class LocalList:
    """The list as it is on record, held in memory to answer at once."""

    def __init__(self, facts: Facts, entries: dict[str, ListEntry]) -> None:
        self._facts = facts
        self._entries = entries

    @classmethod
    async def load(cls, database: Database, facts: Facts) -> LocalList:
        rows = await database.read("SELECT id_tag, status, parent, expires_s FROM local_list")
        return cls(facts, {tag: _entry(status, parent, expires_s) for tag, status, parent, expires_s in rows})

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, tag: str) -> ListEntry | None:
        return self._entries.get(tag.lower())

    @property
    def tags(self) -> Iterable[str]:
        """In lower case."""
        return self._entries.keys()

    @property
    def version(self) -> int:
        """As the central system numbered it; 0 while there are no entries."""
        kept = self._facts.get(VERSION)
        return int(kept) if kept is not None and self._entries else EMPTY

    async def apply(self, update: Update) -> None:
        """Carry out `update`: durable when this returns, nothing changed when it raises. Raises CannotRecord."""
        statements: list[Statement] = [(CLEAR, ())] if update.is_whole else [(REMOVE, (tag,)) for tag in update.gone]
        for tag, entry in update.entries.items():
            expires_s = None if entry.expires_at is None else entry.expires_at.timestamp()
            statements.append((ADD, (tag, entry.status, entry.parent, expires_s)))
        await self._facts.keep_all({VERSION: str(update.version).encode()}, tuple(statements))
        if update.is_whole:
            self._entries = update.entries
            return
        for tag in update.gone:
            self._entries.pop(tag, None)
        self._entries.update(update.entries)


def _entry(status: str, parent: str, expires_s: float | None) -> ListEntry:
    return ListEntry(sys.intern(status), sys.intern(parent), time_of(expires_s))


class CannotApply(Exception):
    """A SendLocalList that is not carried out; `status` is the answer to it."""

    def __init__(self, text: str, status: str = "Failed") -> None:
        super().__init__(text)
        self.status = status


def read_update(payload: Payload, *, version: int, tags: Iterable[str], most: int, most_at_once: int) -> Update:
    """What a SendLocalList (which has passed its schema) asks for. Raises CannotApply.

    `version` and `tags` are those of the present list, `most` and `most_at_once` bound the new list and the message.
    """
    new_version, rows = payload["listVersion"], payload.get("localAuthorizationList", [])
    is_whole = payload["updateType"] == "Full"
    if not is_whole and new_version <= version:
        raise CannotApply(f"version {new_version} is not above the present version {version}", "VersionMismatch")
    if len(rows) > most_at_once:
        raise CannotApply(f"{len(rows)} idTags at once, at most {most_at_once} are taken (SendLocalListMaxLength)")
    entries, gone = _rows(rows, is_whole)
    length = len(entries) if is_whole else len((set(tags) - gone) | entries.keys())
    if length > most:
        raise CannotApply(f"the list would have {length} idTags, at most {most} are kept (LocalAuthListMaxLength)")
    if length and not EMPTY < new_version <= MAX_VERSION:
        raise CannotApply(f"version {new_version} cannot be that of a list with entries")
    return Update(is_whole, min(new_version, MAX_VERSION), entries, gone)


def _rows(rows: list[Payload], is_whole: bool) -> tuple[dict[str, ListEntry], frozenset[str]]:
    entries: dict[str, ListEntry] = {}
    gone: set[str] = set()
    for row in rows:
        tag, info = row["idTag"].lower(), row.get("idTagInfo")
        if not tag:
            raise CannotApply("an idTag is empty")
        if tag in entries or tag in gone:
            raise CannotApply("an idTag is named twice")
        if info is not None:
            entries[tag] = _entry_of(info)
        elif is_whole:
            raise CannotApply("an idTag of a full list comes without idTagInfo")
        else:
            gone.add(tag)
    return entries, frozenset(gone)


def _entry_of(info: dict[str, Any]) -> ListEntry:
    expires = info.get("expiryDate")
    return ListEntry(
        sys.intern(info["status"]),
        sys.intern(info.get("parentIdTag", "")),
        None if expires is None else parse_time(expires),
    )


class LocalListRequests:
    """GetLocalListVersion and SendLocalList. `forget_cached(idTags)`: what the list knows leaves the cache (3.5.2)."""

    def __init__(
        self,
        *,
        local_list: LocalList,
        configuration: Configuration,
        forget_cached: Callable[[Iterable[str]], None],
        note: Callable[[str, int | None, str], None],
    ) -> None:
        self._list = local_list
        self._configuration = configuration
        self._forget_cached = forget_cached
        self._note = note

    def add_to(self, actions: Actions) -> None:
        actions.add("GetLocalListVersion", self.version)
        actions.add("SendLocalList", self.send)

    @property
    def _is_used(self) -> bool:
        return self._configuration.flag("LocalAuthListEnabled")

    async def version(self, _payload: Payload) -> Reply:
        return Reply({"listVersion": self._list.version if self._is_used else NO_LIST})

    async def send(self, payload: Payload) -> Reply:
        status, text = await self._carry_out(payload)
        self._note("SendLocalList", None, f"{payload['updateType']}, {text}: {status}")
        return Reply({"status": status})

    async def _carry_out(self, payload: Payload) -> tuple[str, str]:
        if not self._is_used:
            return "NotSupported", "LocalAuthListEnabled is false"
        try:
            update = read_update(
                payload,
                version=self._list.version,
                tags=self._list.tags,
                most=self._configuration.number("LocalAuthListMaxLength"),
                most_at_once=self._configuration.number("SendLocalListMaxLength"),
            )
            await self._list.apply(update)
        except CannotApply as error:
            return error.status, str(error)
        except CannotRecord as error:
            log.error("the local authorisation list could not be kept: %s", error)
            return "Failed", "it cannot be kept"
        self._forget_cached(update.entries)
        return "Accepted", f"version {self._list.version}, {len(self._list)} idTags"
