"""One command and its life: planned, received, then done, failed or expired (statuses.md 11)."""

from __future__ import annotations

import enum
import hashlib
from datetime import datetime

import msgspec

from chargepoint.action_table import ACTIONS

LIFE_S = 150.0
"""So long a command may wait until its service takes it."""


class Status(enum.StrEnum):
    """The words of `CommandStatus`, and one of ours for what nobody can know."""

    PLANNED = "PLANNED"
    """Written down; its service has not got it yet."""
    RECEIVED = "RECEIVED"
    """Its service is at it."""
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    """No service took it in its life; nothing was done."""
    UNKNOWN = "UNKNOWN"
    """It was under way when the link or this service ended. It is never repeated by itself."""

    @property
    def is_over(self) -> bool:
        return self not in (Status.PLANNED, Status.RECEIVED)


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A deed somebody asked for. `arguments` as text; times are aware UTC, None while they have not come.

    `code`, `text`, `text_key`, `values` and `table` are those of its `ActionResult`. `key` is the Idempotency-Key of a
    program, or what a page gave its button, so that pressing twice is one command.
    """

    id: int
    deed: str
    arguments: dict[str, str]
    by: str
    role: str
    origin: str = ""
    key: str = ""
    status: Status = Status.PLANNED
    planned_at: datetime | None = None
    received_at: datetime | None = None
    ended_at: datetime | None = None
    duration_ms: int | None = None
    code: str = ""
    text: str = ""
    text_key: str = ""
    values: dict[str, str] = {}
    table: tuple[tuple[str, ...], ...] = ()

    @property
    def connector(self) -> int:
        """The connector it is about; 0: none, or all."""
        text = self.arguments.get("connector", "0")
        return int(text) if text.isdecimal() else 0


def effect_hash(deed: str, arguments: dict[str, str]) -> str:
    """What a program gives back to say that it means this deed with these arguments and no other. It changes when what
    the deed does is described otherwise."""
    told = msgspec.json.encode([deed, sorted(arguments.items()), ACTIONS[deed].effect])
    return hashlib.sha256(told).hexdigest()[:12]


WORDS_OF_SERVERS: dict[str, str] = {
    "STATION_HARD_RESET": "reboot",
    "STATION_SOFT_RESET": "restart_application",
    "STATION_OUT_OF_SERVICE": "out_of_service",
    "STATION_WORKING": "working",
    "STATION_ACTIVATE": "activate",
    "STATION_DEACTIVATE": "deactivate",
    "STATION_REMOTE_AUTH": "grant_access",
    "STATION_POWER_LIMITS": "user_limit",
    "STATION_GET_LOGS": "day_archive",
    "STATION_CONFIG_UPDATE": "apply_configuration",
    "STATION_SW_UPDATE": "fetch_update",
    "RFID_REBOOT": "restart_reader",
    "CONNECTOR_START": "start",
    "CONNECTOR_STOP": "stop",
    "CONTROLLER_REBOOT": "reboot_controller",
    "CONNECTOR_UNLOCK": "unlock",
    "CONNECTOR_EMERGENCY_STOP": "emergency_stop",
    "CONTROLLER_TIME_SYNC": "sync_clock",
    "CONTROLLER_FW_UPDATE": "update_controller",
    "CONNECTOR_BLOCK": "block",
    "CONNECTOR_UNBLOCK": "unblock",
    "MODULES_FW_UPDATE": "update_controller",
    "MODULES_REBOOT": "reboot_module_controller",
}
"""Commands of statuses.md 11 by the deed that carries them out."""
MEANT: dict[str, dict[str, str]] = {"MODULES_FW_UPDATE": {"image": "MODULES"}}
"""Arguments that such a word says by itself."""


def deed_of(name: str) -> str:
    """The deed of a command's name, whether that is ours or the one of statuses.md. Raises KeyError."""
    deed = WORDS_OF_SERVERS.get(name, name)
    if deed not in ACTIONS:
        raise KeyError(name)
    return deed
