"""The file of commands: one line for each change of one, the newest last; kept small. Blocking: call it in a thread.

A line that was cut by a power loss is left out. The last `MOST` commands are kept.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import msgspec

from chargepoint import whole_file
from webconfig.commands.record import Command

log = logging.getLogger(__name__)

MOST = 200
MOST_LINES = 1000
MOST_BYTES = 4 << 20


class Store:
    """`commands.jsonl` in the service's folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "commands.jsonl"
        self._lines = 0
        self._is_torn = False

    def load(self) -> dict[int, Command]:
        """All commands there are, oldest first; none where the file cannot be read."""
        found: dict[int, Command] = {}
        try:
            with self._path.open("rb") as file:
                data = file.read(2 * MOST_BYTES)
        except FileNotFoundError:
            return {}
        except OSError as error:
            log.warning("the commands of before cannot be read: %s", error)
            return {}
        self._is_torn = bool(data) and not data.endswith(b"\n")
        for line in data.splitlines():
            self._lines += 1
            try:
                command = msgspec.json.decode(line, type=Command)
            except (msgspec.DecodeError, UnicodeDecodeError):
                log.warning("%s: line %d is no command, it is left out", self._path, self._lines)
                continue
            found.pop(command.id, None)
            found[command.id] = command
        newest = sorted(found)[-MOST:]
        return {number: found[number] for number in newest}

    def add(self, command: Command, all_now: dict[int, Command]) -> None:
        """Keep this state of a command, durable on return. Raises OSError."""
        line = msgspec.json.encode(command) + b"\n"
        if self._lines >= MOST_LINES or (self._path.exists() and self._path.stat().st_size > MOST_BYTES):
            self._rewrite(all_now)
            return
        with self._path.open("ab") as file:
            file.write(b"\n" + line if self._is_torn else line)
            file.flush()
            os.fsync(file.fileno())
        self._is_torn = False
        self._lines += 1

    def _rewrite(self, all_now: dict[int, Command]) -> None:
        """Only what each command is now. The old file stays until the new one is whole."""
        whole_file.write(self._path, b"".join(msgspec.json.encode(command) + b"\n" for command in all_now.values()))
        self._lines = len(all_now)
        self._is_torn = False
