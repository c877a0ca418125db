"""What this station is, as far as a package has to know: read from the trees on the machine (`release.json`)."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from chargepoint import slots as trees
from fota.container import NO_FLOOR, Refused, Version, Word, version_key

RELEASE = "release.json"
CONTROLLERS, INFO = "controllers", "info.json"
LARGEST_BYTES = 1 << 20


class Release(Struct, frozen=True, kw_only=True):
    """`release.json` in the top of a tree: what it is. `hardware`: amd64, arm64; `runtime`: cp311. The last two are for
    people (`chargepoint.support`)."""

    product: Word
    version: Version
    hardware: Word
    runtime: str
    web_version: Version
    security_contact: str = ""
    supported_until: str = ""


class Want(Struct, frozen=True, kw_only=True):
    """What a package has to match. `version` is that of the application that runs, `controllers_version` that of the
    controller images on the station. `now`: the time as well as it is known, never below the earliest that can be
    true. `serial`: this station's, empty: it has none."""

    product: str
    version: str
    hardware: str
    runtime: str
    web_version: str = NO_FLOOR
    controllers_version: str = NO_FLOOR
    floor: str = NO_FLOOR
    serial: str = ""
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)


def want_of(slots: Path, factory: Path, *, serial: str = "", earliest: datetime | None = None) -> Want:
    """This machine's. Raises Refused `failed` when it cannot be found out.

    Product, hardware and Python are those of the factory's tree, whatever a slot says; versions are those of the tree
    that runs. With an unset clock the time is that of the factory's `release.json`, or `earliest`.
    """
    home = read_release(factory)
    state = trees.read(slots)
    running = home if state.current == trees.FACTORY else read_release(slots / state.current)
    built_at = datetime.fromtimestamp((factory / RELEASE).stat().st_mtime, UTC)
    return Want(
        product=home.product,
        version=running.version,
        hardware=home.hardware,
        runtime=home.runtime,
        web_version=running.web_version,
        controllers_version=_controllers_version(slots),
        floor=four(trees.read_floor(slots) or NO_FLOOR),
        serial=serial,
        now=max(datetime.now(UTC), built_at, earliest or built_at),
    )


def read_release(tree: Path) -> Release:
    """What a tree says of itself. Raises Refused `failed`."""
    path = tree / RELEASE
    try:
        return msgspec.json.decode(bounded(path), type=Release)
    except (OSError, msgspec.DecodeError, ValueError) as error:
        raise Refused("failed", f"{path} cannot be read ({error}): it is not known what runs here.") from None


def four(version: str) -> str:
    """A version with fewer numbers as one with four. Raises Refused `failed`."""
    try:
        told = ".".join(str(number) for number in trees.numbers(version))
        version_key(told)
        return told
    except ValueError as error:
        raise Refused("failed", f"{error}.") from None


def bounded(path: Path, *, is_of_root: bool = False) -> bytes:
    """A plain file of bounded size; `is_of_root`: root reads only one of its own. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is no regular file")
        if is_of_root and os.geteuid() == 0 and os.fstat(descriptor).st_uid != 0:
            raise OSError("it belongs to another account than root, which may have made it")
        return file.read(LARGEST_BYTES)


class _Info(Struct, frozen=True):
    version: Version = NO_FLOOR


def _controllers_version(slots: Path) -> str:
    """Unreadable counts as none: the images can only be had again by a package."""
    try:
        return msgspec.json.decode(bounded(slots / CONTROLLERS / INFO), type=_Info).version
    except (OSError, msgspec.DecodeError, ValueError):
        return NO_FLOOR
