"""The list of incidents on the disk: a line of JSON for each change, the newest line of a number counts.

A few hundred bytes are written when an incident opens, closes, or comes again; the file is written anew, whole or not
at all, when it has twice as many lines as incidents may be kept. A line that a power cut tore is passed over.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import msgspec

from chargepoint import whole_file
from chargepoint.messages import Incident

log = logging.getLogger(__name__)

FILE = "incidents.jsonl"
MOST_KEPT = 1000
MOST_LINES = 2 * MOST_KEPT
MOST_LINE_BYTES = 16_384


class IncidentStore:
    """Of one folder. All methods do I/O: call them in a thread, one after the other."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lines = 0

    def open(self) -> dict[int, Incident]:
        """All that are kept, by number; what cannot be read is left out. The file is in order afterwards."""
        found, is_whole = self._read()
        kept = _newest(found)
        if not is_whole or self._lines > MOST_LINES or len(kept) < len(found):
            try:
                self._rewrite(kept)
            except OSError as error:
                log.error("%s cannot be written: %s", self._path, error)
        return kept

    def all(self) -> list[Incident]:
        """Newest first."""
        return sorted(self._read()[0].values(), key=lambda each: each.id, reverse=True)

    def put(self, changed: list[Incident]) -> None:
        """Keep these, durably. Raises OSError."""
        data = b"".join(msgspec.json.encode(each) + b"\n" for each in changed)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if os.write(descriptor, data) < len(data):
                os.ftruncate(descriptor, size)
                raise OSError(28, "no room")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._lines += len(changed)
        if self._lines > MOST_LINES:
            self._rewrite(_newest(self._read()[0]))

    def _read(self) -> tuple[dict[int, Incident], bool]:
        found: dict[int, Incident] = {}
        is_whole = True
        self._lines = 0
        try:
            with self._path.open("rb") as file:
                while line := file.readline(MOST_LINE_BYTES):
                    self._lines += 1
                    try:
                        incident = msgspec.json.decode(line, type=Incident)
                    except msgspec.MsgspecError:
                        is_whole = False
                        continue
                    is_whole = is_whole and line.endswith(b"\n")
                    found[incident.id] = incident
        except FileNotFoundError:
            pass
        except OSError as error:
            log.error("%s cannot be read: %s", self._path, error)
        return found, is_whole

    def _rewrite(self, kept: dict[int, Incident]) -> None:
        whole_file.write(self._path, b"".join(msgspec.json.encode(each) + b"\n" for each in kept.values()))
        self._lines = len(kept)


def _newest(found: dict[int, Incident]) -> dict[int, Incident]:
    """The newest, and every one that is open."""
    first = max(found, default=0) - MOST_KEPT
    is_open = {number for number, each in found.items() if each.is_open}
    return {number: found[number] for number in sorted(found) if number > first or number in is_open}
