"""What an update has come to, on the disk: `update.json` in the folder of `fota`, written whole or not at all.

Another version of the software reads it, newer or older: unknown fields are left out, missing ones have defaults.
"""

from __future__ import annotations

import logging
import os
from datetime import datetime
from pathlib import Path

import msgspec

from chargepoint.config_upkeep import UpdateSettings
from chargepoint.messages import BeginUpdate, ControllerProgress
from chargepoint.whole_file import write
from fota.update import Stage

log = logging.getLogger(__name__)

FILE = "update.json"
LARGEST_BYTES = 256 << 10
MOST_UNTOLD = 32


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for. `location` empty: the package `name` that is here. `door` is the service that asked."""

    location: str = ""
    name: str = ""
    retrieve_at: datetime | None = None
    install_at: datetime | None = None
    tries: int = 1
    retry_interval_s: int = 60
    request_id: int | None = None
    certificate: str = ""
    signature: str = ""
    roots: tuple[str, ...] = ()
    by: str = ""
    door: str = ""
    is_returning: bool = False
    """Not a package: the version before is to run again."""


def order_of(request: BeginUpdate, sender: str, settings: UpdateSettings) -> Order:
    """What a request means; `settings` say what it leaves open."""
    return Order(
        location=request.location,
        retrieve_at=request.retrieve_at,
        install_at=request.install_at,
        tries=1 + (settings.retries if request.retries is None else request.retries),
        retry_interval_s=request.retry_interval_s or settings.retry_interval_s,
        request_id=request.request_id,
        certificate=request.certificate,
        signature=request.signature,
        roots=request.roots,
        by=request.by or sender,
        door=sender,
    )


class Telling(msgspec.Struct, frozen=True):
    """A word the central system has to hear."""

    status: str
    request_id: int | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """How the update stands."""

    stage: str = Stage.IDLE.value
    order: Order = Order()
    attempt: int = 0
    received_bytes: int = 0
    size_bytes: int = 0
    kind: str = ""
    version: str = ""
    sha256: str = ""
    slot: str = ""
    """Where it was unpacked to."""
    code: str = ""
    text: str = ""
    is_due: bool = False
    """At `waiting`: it could be installed now if nobody charged."""
    untold: tuple[Telling, ...] = ()
    connectors: tuple[int, ...] = ()
    """Those whose controllers answered before the switch."""
    devices: tuple[str, ...] = ()
    """Topics of the devices that answered before it."""
    had_station: bool = True
    """Whether there was a station before (in safe mode there is none)."""
    switches: int = 0
    """How often the software was left for it."""
    is_cancelled: bool = False
    """Somebody gave it up while it could not be ended at once."""
    controllers: tuple[ControllerProgress, ...] = ()

    @property
    def at_stage(self) -> Stage:
        """`stage`, failed when it is a word that this version does not know."""
        try:
            return Stage(self.stage)
        except ValueError:
            return Stage.FAILED


def read(folder: Path) -> Kept:
    """What is kept; an update that never was where nothing can be read (which is logged)."""
    path = folder / FILE
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            raise msgspec.DecodeError("it is too large")
        return msgspec.json.decode(content, type=Kept)
    except FileNotFoundError:
        return Kept()
    except (OSError, msgspec.DecodeError) as error:
        log.error("%s cannot be read, no update is under way: %s", path, error)
        return Kept()


def keep(folder: Path, kept: Kept) -> bool:
    """Whether it is written down; a full disk is logged."""
    try:
        write(folder / FILE, msgspec.json.encode(kept))
    except OSError as error:
        log.error("%s: %s", folder / FILE, error)
        return False
    return True
