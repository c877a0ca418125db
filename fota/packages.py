"""The packages that are here: files in the folder `packages`, uploads that grow, and an index of what is known of them.

The index (`packages.json`) only remembers; what counts is what lies in the folder. Nothing here believes a file: what
is installed is verified by the child of the service, and again by root (docs/updates.md).
"""

from __future__ import annotations

import logging
import os
import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from chargepoint.messages import Package
from chargepoint.room import room
from chargepoint.whole_file import sync_folder, write
from fota.questions import Verdict

log = logging.getLogger(__name__)

INDEX = "packages.json"
FETCHED = "fetched.cpk"
"""Where a file that is fetched stands until it is known what it is."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}\.cpk")
UPLOAD = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,95}\.cpk)\.(?P<size>\d{1,10})\.upload")
MOST_PACKAGES = 12
MOST_UPLOADS = 2


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file. `is_kept`: it was installed, `kept_at` in the order in which it was."""

    size_bytes: int = 0
    kind: str = ""
    product: str = ""
    version: str = ""
    hardware: str = ""
    made_at: datetime | None = None
    notes: str = ""
    sha256: str = ""
    problem: str = ""
    is_kept: bool = False
    kept_number: int = 0


def entry_of(verdict: Verdict, size_bytes: int) -> Entry:
    """What a verdict says of a file."""
    head = verdict.header
    problem = "" if verdict.ok else f"{verdict.code}: {verdict.text}"[:300]
    if head is None:
        return Entry(size_bytes=size_bytes, problem=problem)
    return Entry(
        size_bytes=size_bytes,
        kind=head.kind,
        product=head.product,
        version=head.version,
        hardware=", ".join(head.hardware),
        made_at=head.made_at,
        notes=head.notes[:1000],
        sha256=verdict.sha256,
        problem=problem,
    )


def name_of(verdict: Verdict) -> str:
    """The file name of a package by what it says of itself."""
    assert verdict.header is not None
    head = verdict.header
    kind = "" if head.kind == "application" else f".{head.kind}"
    return f"App.{head.product}.{head.version}{kind}.cpk"


class Packages:
    """The folder. Small files only are written here by the service itself; blocking, and brief."""

    def __init__(self, folder: Path) -> None:
        self._index = folder / INDEX
        self.folder = folder / "packages"
        self.usb = folder / "usb"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._known = self._read()

    def path(self, name: str) -> Path:
        return self.folder / name

    def has(self, name: str) -> bool:
        """Whether it is here, whole."""
        return bool(NAME.fullmatch(name)) and self.path(name).is_file()

    def names(self) -> list[str]:
        """All that are whole."""
        return sorted(each.name for each in self.folder.iterdir() if NAME.fullmatch(each.name) and each.name != FETCHED)

    def unknown(self) -> list[str]:
        """Those of which nothing is known, or of another size than it was."""
        return [name for name in self.names() if self._known.get(name, Entry()).size_bytes != self._size(name)]

    def learn(self, name: str, verdict: Verdict) -> None:
        """What was found out."""
        old = self._known.get(name, Entry())
        new = entry_of(verdict, self._size(name))
        if old.sha256 == new.sha256:
            new = msgspec.structs.replace(new, is_kept=old.is_kept, kept_number=old.kept_number)
        self._note({**self._known, name: new})

    def set_kept(self, name: str, most: int) -> None:
        """It was installed. Of those that were, the `most` last ones stay."""
        number = 1 + max((entry.kept_number for entry in self._known.values()), default=0)
        entry = msgspec.structs.replace(self._known.get(name, Entry()), is_kept=True, kept_number=number)
        known = {**self._known, name: entry}
        kept = sorted((each for each in known if known[each].is_kept), key=lambda each: -known[each].kept_number)
        for old in kept[most:]:
            self.path(old).unlink(missing_ok=True)
            del known[old]
        self._note(known)

    def remove(self, name: str) -> bool:
        """Whether there was one; its upload goes, too."""
        found = False
        for path in [self.path(name), *(each for each, _, _ in self._uploads() if each.name.startswith(f"{name}."))]:
            if path.is_file():
                found = True
                path.unlink(missing_ok=True)
        self._note({each: entry for each, entry in self._known.items() if each != name})
        return found

    def rows(self, problem: str = "") -> tuple[Package, ...]:
        """What people are shown."""
        rows = []
        for name in self.names():
            entry = self._known.get(name, Entry())
            rows.append(_row(name, "kept" if entry.is_kept else "new", entry, self._size(name)))
        for path, name, size in self._uploads():
            rows.append(Package(name=name, status="partial", size_bytes=size, received_bytes=path.stat().st_size))
        return tuple(rows)

    def free_bytes(self, floor_pct: int) -> int:
        """So much may be written until only the floor is left of the disk. Raises OSError."""
        disk = room(self.folder)
        return disk.free_bytes - disk.total_bytes * floor_pct // 100

    # ------------------------------------------------------------------------------------------------------- uploads

    def upload_at(self, name: str, size: int) -> int | None:
        """How much of an upload is here; None: none of this name and size."""
        path = self._upload(name, size)
        return path.stat().st_size if path.is_file() else None

    def begin_upload(self, name: str, size: int) -> None:
        """An empty file for it; others of this name go, and so does the oldest of too many. Raises OSError."""
        uploads = sorted(self._uploads(), key=lambda each: each[0].stat().st_mtime)
        same = [path for path, other, _ in uploads if other == name]
        rest = [path for path, other, _ in uploads if other != name]
        for path in (*same, *rest[: max(0, len(rest) - MOST_UPLOADS + 1)]):
            path.unlink(missing_ok=True)
        self._upload(name, size).touch(mode=0o600)

    def add(self, name: str, size: int, data: bytes) -> int:
        """Durable when it returns; how much is here then. Raises OSError."""
        descriptor = os.open(self._upload(name, size), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "ab") as file:
            before = file.seek(0, os.SEEK_END)
            try:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(descriptor, before)
                raise
            return before + len(data)

    def end_upload(self, name: str, size: int) -> None:
        """All of it is here. Raises OSError."""
        self._upload(name, size).replace(self.path(name))
        sync_folder(self.folder)

    def drop_upload(self, name: str, size: int) -> None:
        self._upload(name, size).unlink(missing_ok=True)

    def _upload(self, name: str, size: int) -> Path:
        return self.folder / f"{name}.{size}.upload"

    def _uploads(self) -> list[tuple[Path, str, int]]:
        found = []
        for path in self.folder.iterdir():
            match = UPLOAD.fullmatch(path.name)
            if match:
                found.append((path, match["name"], int(match["size"])))
        return sorted(found)

    # --------------------------------------------------------------------------------------------------------- index

    def _size(self, name: str) -> int:
        with suppress(OSError):
            return self.path(name).stat().st_size
        return 0

    def _read(self) -> dict[str, Entry]:
        try:
            return msgspec.json.decode(self._index.read_bytes()[: 1 << 20], type=dict[str, Entry])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s cannot be read: %s", self._index, error)
            return {}

    def _note(self, known: dict[str, Entry]) -> None:
        self._known = {name: entry for name, entry in known.items() if self.path(name).is_file()}
        try:
            write(self._index, msgspec.json.encode(self._known))
        except OSError as error:
            log.error("%s: %s", self._index, error)


def _row(name: str, status: str, entry: Entry, size: int) -> Package:
    return Package(
        name=name,
        status=status,
        size_bytes=size,
        kind=entry.kind,
        product=entry.product,
        version=entry.version,
        hardware=entry.hardware,
        made_at=entry.made_at,
        notes=entry.notes,
        sha256=entry.sha256,
        problem=entry.problem if status != "kept" else "",
        received_bytes=size,
    )


def on_stick(name: str, verdict: Verdict, size: int) -> Package:
    """A package that lies in the folder of the stick."""
    return _row(name, "usb", entry_of(verdict, size), size)
