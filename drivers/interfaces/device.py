"""What every device has: who it says it is, and what it does when nobody speaks to it."""

from __future__ import annotations

import enum

import msgspec

MOST_IDENTITY = 64
_IDENTITY_TEXTS = ("vendor", "model", "serial", "firmware_version", "hardware_version", "build_date", "module_version")


class Identity(msgspec.Struct, frozen=True):
    """Who a device says it is; empty text for what it does not tell.

    What it says is shown and kept: a text is cut to `MOST_IDENTITY` characters, "?" stands for what cannot be printed.
    """

    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware_version: str = ""
    hardware_version: str = ""
    build_date: str = ""
    protocol_version: int = 0
    module_version: str = ""
    """Firmware of the module controller behind it."""

    def __post_init__(self) -> None:
        for name in _IDENTITY_TEXTS:
            text = getattr(self, name)
            if len(text) > MOST_IDENTITY or not text.isprintable():
                shown = "".join(letter if letter.isprintable() else "?" for letter in text[:MOST_IDENTITY])
                msgspec.structs.force_setattr(self, name, shown)


class FailSafe(enum.StrEnum):
    """What a controller does by itself when its lease ends."""

    OPENS = "opens"
    SAFE_CURRENT = "safe_current"
    NONE = "none"
