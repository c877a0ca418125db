"""Copies that leave the station: a station file without secrets, a backup; what comes back is bounded and checked.

Pure. A backup is JSON: format, v, software, station, made_at, content (a JSON text) and its sha256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from chargepoint.config_edit import CannotEdit, changed
from chargepoint.config_faults import HIDDEN, shown_of
from chargepoint.config_text import loads
from chargepoint.messages import User, UserRow

FORMAT, VERSION_KNOWN = "chargepoint-backup", 1
LARGEST_BYTES = 1 << 20
MOST_USERS, MOST_SETTINGS = 10_000, 10_000
OWN_SETTINGS = ("web.wizard.",)
"""Prefixes of settings that say how far this very station is: they are in no backup."""


def without_secrets(text: str) -> tuple[str, int]:
    """The station file without what is called like a secret, and how many that were. What cannot be taken out by
    itself is not given out: raises CannotEdit, tomllib.TOMLDecodeError."""
    paths = list(_secret_paths(loads(text)))
    return changed(text, dict.fromkeys(paths, "")), len(paths)


def _secret_paths(document: Mapping[str, Any], where: str = "") -> list[str]:
    found: list[str] = []
    for name, value in document.items():
        if isinstance(value, dict):
            found += _secret_paths(value, f"{where}{name}.")
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            for number, item in enumerate(value, start=1):
                found += _secret_paths(item, f"{where}{name}.#{number}.")
        elif shown_of(name, value) == HIDDEN:
            found.append(f"{where}{name}")
    return found


class Content(msgspec.Struct, frozen=True):
    """What a backup holds."""

    station_file: str
    settings: dict[str, str] = {}
    users: tuple[User, ...] = ()
    has_cards: bool = False
    """Whether the users are there with their cards; otherwise they keep those they have."""


class Backup(msgspec.Struct, frozen=True):
    format: str
    v: int
    software: str
    station: str
    made_at: str
    content: str
    sha256: str


class NoBackup(Exception):
    """`code`: not_backup, foreign, damaged, too_large."""

    def __init__(self, code: str, v: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.v = v


def made(content: Content, software: str, station: str, made_at: str) -> str:
    """A backup as text."""
    inner = msgspec.json.encode(content).decode()
    backup = Backup(FORMAT, VERSION_KNOWN, software, station, made_at, inner, _sum(inner))
    return msgspec.json.format(msgspec.json.encode(backup), indent=1).decode()


def read(text: str) -> tuple[Backup, Content]:
    """A backup and what it holds. Raises NoBackup."""
    if len(text) > 2 * LARGEST_BYTES:
        raise NoBackup("too_large")
    try:
        head = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise NoBackup("not_backup") from None
    if head.get("format") != FORMAT:
        raise NoBackup("not_backup")
    v = head.get("v")
    if v != VERSION_KNOWN:
        raise NoBackup("foreign", v if isinstance(v, int) else 0)
    try:
        backup = msgspec.convert(head, Backup)
        if _sum(backup.content) != backup.sha256:
            raise NoBackup("damaged")
        content = msgspec.json.decode(backup.content, type=Content)
    except (msgspec.DecodeError, RecursionError):
        raise NoBackup("damaged") from None
    if len(content.users) > MOST_USERS or len(content.settings) > MOST_SETTINGS:
        raise NoBackup("too_large")
    return backup, content


def settings_to_keep(values: Mapping[str, str]) -> dict[str, str]:
    """Without secrets and what belongs to this station alone."""
    return {
        key: value
        for key, value in values.items()
        if not key.startswith(OWN_SETTINGS) and shown_of(key.rpartition(".")[2], value) != HIDDEN
    }


def user_of(row: UserRow, *, with_cards: bool) -> User:
    return User(
        row.user.login,
        row.user.role,
        row.user.cards if with_cards else (),
        row.user.is_blocked,
        row.user.is_allowed,
        row.user.energy_limit_wh,
    )


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


__all__ = ["Backup", "CannotEdit", "Content", "NoBackup", "made", "read", "settings_to_keep", "user_of",
           "without_secrets"]  # fmt: skip
