"""Images of controller firmware that lie on the station: unpacked, by the updater, beside a list of what they are for.

`info.json` in the folder names them: `targets` with `sha256`, `image` (its name in the package), `type` (MAIN or
MODULES), `version`, `connectors` (empty: all), `model` and `hardware` (empty: any). The file of each is named by the
first 16 digits of the sum, `-`, and that name.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint.messages import ControllerImage
from drivers.interfaces import MOST_FIRMWARE, Identity

FOLDER, INFO = "controllers", "info.json"
MOST_INFO = 1 << 20


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One image of the list."""

    image: str
    type: str
    version: str = ""
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    connectors: tuple[int, ...] = ()
    model: str = ""
    hardware: str = ""

    @property
    def file(self) -> str:
        return f"{self.sha256[:16]}-{self.image}"

    @property
    def told(self) -> ControllerImage:
        """As other services are told of it."""
        return ControllerImage(
            file=self.file, image=self.image, type=self.type, version=self.version, sha256=self.sha256,
            connectors=self.connectors, model=self.model, hardware=self.hardware,
        )  # fmt: skip

    def is_for(self, connector: int, identity: Identity) -> bool:
        """Whether it is meant for the controller of this connector."""
        return is_for(self.told, connector, identity)

    def runs_on(self, identity: Identity) -> bool:
        """Whether the controller says that it has this version already."""
        version = identity.firmware_version if self.type == "MAIN" else identity.module_version
        return bool(version) and version == self.version


class _Info(msgspec.Struct, frozen=True, kw_only=True):
    targets: tuple[Listed, ...] = ()


def is_for(image: ControllerImage, connector: int, identity: Identity) -> bool:
    """Whether an image is meant for the controller of this connector."""
    is_meant = not image.connectors or connector in image.connectors
    return is_meant and image.model in ("", identity.model) and image.hardware in ("", identity.hardware_version)


class BadFile(Exception):
    """An image cannot be used; the text says which, and why."""


def listed(slots: Path) -> tuple[Listed, ...]:
    """What the list names; empty without one. Raises BadFile for one that cannot be read."""
    place = slots / FOLDER / INFO
    if not place.exists():
        return ()
    try:
        return msgspec.json.decode(_bounded(place, MOST_INFO), type=_Info).targets
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise BadFile(f"The list of controller firmware {place} cannot be read: {error}.") from None


def read(slots: Path, file: str, sha256: str) -> bytes:
    """The image `file`, whose sum is `sha256`; empty: the one that the list names. Raises BadFile."""
    if not sha256:
        sha256 = next((each.sha256 for each in listed(slots) if each.file == file), "")
        if not sha256:
            raise BadFile(f"The list of controller firmware names no {file[:100]!r}, and its SHA-256 was not told.")
    if "/" in file or file.startswith(".") or not file:
        raise BadFile(f"{file[:100]!r} is no name of a file.")
    try:
        data = _bounded(slots / FOLDER / file, MOST_FIRMWARE)
    except (OSError, ValueError) as error:
        raise BadFile(f"The image {file} cannot be read: {error}.") from None
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise BadFile(f"The image {file} is not the one that is meant: its SHA-256 begins with {found[:16]}.")
    return data


def _bounded(place: Path, most: int) -> bytes:
    """A plain file of at most `most` bytes, no link. Raises OSError, ValueError."""
    handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError("it is no plain file")
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"it has more than {most} bytes")
    return data
