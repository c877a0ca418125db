"""Kinds of values that the sections of a station file share."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


def about(text: str) -> Meta:
    """What a key means, in one sentence for an installer; printed in docs/configuration.md."""
    return Meta(description=text)


Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
IdText20 = Annotated[str, Meta(max_length=20)]
IdText25 = Annotated[str, Meta(max_length=25)]
IdText50 = Annotated[str, Meta(max_length=50)]
Name = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Address = Annotated[int, Meta(ge=1, le=247)]
UnitAddress = Annotated[int, Meta(ge=1, le=255)]
"""Of Modbus TCP, too, where some devices are unit 255; a driver's own settings say what it takes."""
DeviceAddress = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]
"""Of devices whose protocol is not Modbus, too: a power module counts from 0, some meters use their serial number."""
Options = dict[str, str | int | float | bool | tuple[int, ...]]
"""What drivers need beside the place of their device; lists are of numbers (lines of a GPIO chip)."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section of a station file: what it does not know is a fault."""
