"""What the hub keeps about the station file: personal drafts, the last versions, and what waits to be applied.

All lies in the hub's folder: `drafts/`, `versions/` and `planned.json`. Every write is whole or not at
all (`whole_file.write`). Nothing of secrets.toml comes here.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from chargepoint import whole_file
from chargepoint.messages import ConfigurationVersion

T = TypeVar("T")

log = logging.getLogger(__name__)

MOST_DRAFTS = 20
MOST_VERSIONS = 50
LARGEST_BYTES = 1 << 20
BY_HAND = "somebody at the machine"
"""Who changed a file that nobody applied."""
FACTORY = 0
"""The number of the first file this station ran with; it is never dropped."""


def digest(content: bytes | str) -> str:
    """The version of a text: the same for the same bytes."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()[:20]


class Draft(msgspec.Struct, frozen=True):
    """Somebody's draft. `base` is the version it was begun from and `base_text` what stood there, for a merge. `order`
    grows with each write."""

    by: str
    text: str
    base: str
    base_text: str = ""
    order: int = 0

    @property
    def version(self) -> str:
        return digest(f"{self.base}\n{self.text}")


class Drafts:
    """One draft for each login; beyond 20 the oldest goes. `tell` hears who has one, at the start and at changes."""

    def __init__(self, folder: Path, tell: Callable[[tuple[str, ...]], None] = lambda _: None) -> None:
        self._folder = folder
        self._tell = tell
        self._known: dict[str, Draft] = {}
        for path in sorted(folder.glob("*.json"))[: 2 * MOST_DRAFTS]:
            found = _read(path, Draft)
            if found is not None and path == self._path(found.by):
                self._known[_key(found.by)] = found
        self._tell(self.others(""))

    def of(self, by: str) -> Draft | None:
        return self._known.get(_key(by))

    def newest(self) -> Draft | None:
        return max(self._known.values(), key=lambda draft: draft.order, default=None)

    def others(self, by: str) -> tuple[str, ...]:
        """Who else has one."""
        return tuple(sorted(draft.by for key, draft in self._known.items() if key != _key(by)))

    def keep(self, draft: Draft) -> Draft:
        """Raises OSError."""
        last = self.newest()
        draft = msgspec.structs.replace(draft, order=(last.order if last else 0) + 1)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        whole_file.write(self._path(draft.by), msgspec.json.encode(draft))
        self._known[_key(draft.by)] = draft
        while len(self._known) > MOST_DRAFTS:
            self.drop(min(self._known.values(), key=lambda each: each.order).by)
        self._tell(self.others(""))
        return draft

    def drop(self, by: str) -> bool:
        """Whether there was one."""
        self._path(by).unlink(missing_ok=True)
        was_there = self._known.pop(_key(by), None) is not None
        if was_there:
            self._tell(self.others(""))
        return was_there

    def drop_all(self) -> None:
        for draft in list(self._known.values()):
            self.drop(draft.by)

    def _path(self, by: str) -> Path:
        return self._folder / f"{hashlib.sha256(_key(by).encode()).hexdigest()[:32]}.json"


class _Version(msgspec.Struct, frozen=True):
    head: ConfigurationVersion
    text: str


class Versions:
    """The last 50 texts that were the station file, each with who, when, why; and the first of all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found: list[ConfigurationVersion] = []
        for path in sorted(folder.glob("*.json"))[: 2 * MOST_VERSIONS]:
            version = _read(path, _Version)
            if version is not None and path == self._path(version.head.number):
                found.append(version.head)
        self._heads = {head.number: head for head in sorted(found, key=lambda head: head.number)}

    def all(self) -> tuple[ConfigurationVersion, ...]:
        """Newest first."""
        return tuple(self._heads[number] for number in sorted(self._heads, reverse=True))

    def text(self, number: int) -> str | None:
        """What stood there; None: there is no such version any more."""
        found = _read(self._path(number), _Version) if number in self._heads else None
        return found.text if found is not None and digest(found.text) == found.head.version else None

    def latest_of(self, version: str) -> ConfigurationVersion | None:
        """The newest entry with this very text."""
        return next((head for head in self.all() if head.version == version), None)

    def text_of(self, version: str) -> str | None:
        head = self.latest_of(version)
        return self.text(head.number) if head is not None else None

    def add(self, text: str, by: str, what: str, comment: str, at: str) -> None:
        """The station file is this from now on; nothing when the newest says so already. A full disk is logged."""
        newest = max(self._heads, default=-1)
        if newest >= 0 and self._heads[newest].version == digest(text) and what == "found":
            return
        number = FACTORY if not self._heads else newest + 1
        head = ConfigurationVersion(number, at, by[:100], what, comment[:200], digest(text))
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            whole_file.write(self._path(number), msgspec.json.encode(_Version(head, text)))
        except OSError as error:
            log.error("version %d of the station file cannot be kept: %s", number, error)
            return
        self._heads[number] = head
        for old in sorted(each for each in self._heads if each != FACTORY)[:-MOST_VERSIONS]:
            del self._heads[old]
            self._path(old).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.json"


class Planned(msgspec.Struct, frozen=True):
    """A text that is to be applied when nobody charges, or from `at` on (ISO 8601) when nobody charges."""

    by: str
    text: str
    base: str
    comment: str = ""
    at: str = ""
    must_keep: bool = False


class Plan:
    """At most one."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "planned.json"
        self.planned = _read(self._path, Planned)

    def put(self, planned: Planned) -> None:
        """Raises OSError."""
        whole_file.write(self._path, msgspec.json.encode(planned))
        self.planned = planned

    def drop(self) -> None:
        self.planned = None
        self._path.unlink(missing_ok=True)


def _key(by: str) -> str:
    return by.casefold()[:200]


def _read(path: Path, kind: type[T]) -> T | None:
    """What lies there; None when there is nothing, or what nobody can read."""
    try:
        with path.open("rb") as file:
            content = file.read(4 * LARGEST_BYTES)
        return msgspec.json.decode(content, type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("%s cannot be read: %s", path, error)
        return None
