"""Whether this unit is activated: by sw_activation.sh, or the deeds `activate` and `deactivate`.

Source: statuses.md 4 (`activated`), 9 (TerminalNotActivated). It stands in `activation.json` beside the station file,
which only root writes, and outlives updates and a factory reset. Without that file a station is activated (a laptop).
One that is not activated charges all the same: its sessions are marked as tests and hidden from lists.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

import msgspec

from chargepoint import whole_file
from chargepoint.vocabulary import SessionFlag

log = logging.getLogger(__name__)

FILE = "activation.json"


class Activation(msgspec.Struct, frozen=True):
    """`serial` is what the unit was made known by, `at` the time of the last change where it was known."""

    activated: bool
    serial: str = ""
    at: str = ""
    by: str = ""


class ActivationFile:
    """The file, read anew when it has changed."""

    def __init__(self, keys: Path) -> None:
        self._path = keys / FILE
        self._seen: tuple[int, ...] | None = None
        self._is_activated = True

    @property
    def is_activated(self) -> bool:
        """Also when nobody can read it: a session that was paid for must not be taken for a test."""
        try:
            found = self._path.stat()
            seen: tuple[int, ...] = (found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError:
            seen = ()
        if seen != self._seen:
            self._seen = seen
            self._is_activated = read(self._path.parent).activated
        return self._is_activated

    def flags(self) -> SessionFlag:
        """Of a session that begins now."""
        return SessionFlag(0) if self.is_activated else SessionFlag.TerminalNotActivated


def read(keys: Path) -> Activation:
    """The state; activated where there is no file, or one that cannot be read (which is logged)."""
    try:
        return msgspec.json.decode((keys / FILE).read_bytes(), type=Activation)
    except FileNotFoundError:
        pass
    except (OSError, msgspec.DecodeError) as error:
        log.error("%s cannot be read (%s): the station counts as activated. Write it anew with sw_activation.sh.",
                  keys / FILE, error)  # fmt: skip
    return Activation(activated=True)


def unit_serial(keys: Path, otherwise: str) -> str:
    """What signed exceptions name this unit by: the serial it was made known by, which only root writes; a unit that
    never was goes by `otherwise`, that of its station file."""
    return read(keys).serial or otherwise


def write(keys: Path, *, activated: bool, by: str, at: datetime | None) -> None:
    """Durable, readable by all services. Raises OSError."""
    new = Activation(activated, read(keys).serial, at.isoformat() if at is not None else "", by[:100])
    whole_file.write(keys / FILE, msgspec.json.encode(new))
    (keys / FILE).chmod(0o644)
