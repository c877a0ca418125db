"""Lines of progress for the service."""

from __future__ import annotations

import os

import msgspec

from fota.transfers.job import Line


class Telling:
    """What is said on standard output: the newest numbers, twice a second at most, and the end."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._told = -1
        self.bytes = self.size = self.started_at = 0

    def begin(self, at: int, size: int) -> None:
        """The file is gone on with at byte `at`."""
        self.bytes = self.started_at = at
        self.size = size

    def tick(self) -> None:
        if self.bytes != self._told:
            self._told = self.bytes
            self._say(Line(status="progress", bytes=self.bytes, size=self.size, started_at=self.started_at))

    def done(self, name: str = "") -> None:
        self._say(Line(status="done", bytes=self.bytes, size=self.bytes, started_at=self.started_at, name=name[:300]))

    def failed(self, code: str, text: str) -> None:
        line = Line(
            status="failed",
            bytes=self.bytes,
            size=self.size,
            started_at=self.started_at,
            code=code,
            text=text[:300],
        )
        self._say(line)

    def _say(self, line: Line) -> None:
        os.write(self._descriptor, msgspec.json.encode(line) + b"\n")
