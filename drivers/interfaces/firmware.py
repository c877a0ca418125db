"""Firmware of connector controllers that is written over their wire."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import msgspec

from drivers.interfaces.device import Identity

MOST_FIRMWARE = 4 << 20
"""Bytes of a firmware image."""


class FirmwareImage(msgspec.Struct, frozen=True):
    """An image file that was looked at. `kind`: MAIN (the controller's own) or MODULES (of the module controller behind
    it); `hardware`: the number of what it is made for."""

    kind: str
    data: bytes
    version: str
    model: str
    hardware: int


class FirmwareStage(enum.StrEnum):
    """Where writing firmware stands."""

    ENTERING = "entering"
    SENDING = "sending"
    CHECKING = "checking"
    STARTING = "starting"


class FirmwareProgress(msgspec.Struct, frozen=True):
    """`block` of `blocks` are acknowledged; `repeats` blocks were sent again so far, in all attempts."""

    stage: FirmwareStage
    block: int = 0
    blocks: int = 0
    attempt: int = 1
    attempts: int = 1
    repeats: int = 0


@runtime_checkable
class UpdatesFirmware(Protocol):
    """A connector controller whose firmware can be written over its wire."""

    def look_at_image(self, kind: str, data: bytes) -> FirmwareImage:
        """What an image file is. Raises ValueError, with what is wrong, for one that this driver does not write."""
        ...

    async def is_in_boot_loader(self) -> bool:
        """Whether it waits for firmware and can do nothing else. Raises NoAnswer, BadFrame; Refused: it has none."""
        ...

    async def write_firmware(
        self, image: FirmwareImage, attempts: int, progress: Callable[[FirmwareProgress], None]
    ) -> Identity:
        """Write it and start it; who the controller is then. All other calls raise NoAnswer or Refused meanwhile, and
        nothing of them gets onto the wire. Its contactor is open from the first step until it has started anew. Raises
        NotWritten; cancelling leaves the controller where it stands (in its boot loader, most likely)."""
        ...
