"""Updates and uploads; answered by the service `fota` (docs/updates.md)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from chargepoint.messages.kinds import ActionResult, Reply, Request, State

PackageName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
CHUNK_BYTES = 256 << 10
"""The most of a file in one message."""


class BeginUpdate(Request[ActionResult], frozen=True, kw_only=True):
    """To fota: fetch and install new software from `location`. Answered before anything is fetched.

    `certificate` (PEM) and `signature` (base64) come with a signed update; `roots` (PEM) are the maker's roots that the
    certificate must hang below. Codes: ok, replaces (an earlier one was cancelled for it), busy, bad_location,
    invalid_certificate, revoked_certificate.
    """

    location: str
    retrieve_at: datetime | None = None
    install_at: datetime | None = None
    retries: int | None = None
    retry_interval_s: int | None = None
    request_id: int | None = None
    certificate: str = ""
    signature: str = ""
    roots: tuple[str, ...] = ()
    by: str = ""


class InstallPackage(Request[ActionResult], frozen=True, kw_only=True):
    """To fota: install a package that is here (`ReadPackages`). `at`: not before then; without it when nobody charges.

    `is_from_usb`: fetch it from the stick first, which is read for this only. Codes: ok, replaces, busy, unknown,
    refused (with the reason), unavailable.
    """

    name: PackageName
    at: datetime | None = None
    is_from_usb: bool = False
    by: str = ""


class CancelUpdate(Request[ActionResult], frozen=True, kw_only=True):
    """To fota: give up the update as long as nothing is installed. Codes: ok, nothing, too_late."""

    by: str = ""


class ReturnSoftware(Request[ActionResult], frozen=True, kw_only=True):
    """To fota: run the version before again, if there is one that is not older than the floor. Codes: ok, nothing,
    refused, busy."""

    reason: Annotated[str, Meta(min_length=3, max_length=200)]
    by: str = ""


class Package(Struct, frozen=True, kw_only=True):
    """A package file. `kind`: application, web, controllers, keys; `status`: partial (an upload goes on), new, kept (it
    was installed), usb (on the stick). `problem`: why it would be refused, empty: it would not."""

    name: str
    status: str
    size_bytes: int
    kind: str = ""
    product: str = ""
    version: str = ""
    hardware: str = ""
    made_at: datetime | None = None
    notes: str = ""
    sha256: str = ""
    problem: str = ""
    received_bytes: int = 0


class ControllerImage(Struct, frozen=True, kw_only=True):
    """Firmware for controllers that lies unpacked on the station. `file` is its name there, as UpdateController wants
    it, `image` the name in its package; `type`: MAIN or MODULES. `connectors` empty: all; `model` and `hardware` empty:
    any."""

    file: str
    image: str
    type: str
    version: str = ""
    sha256: str = ""
    connectors: tuple[int, ...] = ()
    model: str = ""
    hardware: str = ""


class PackagesPage(Reply, frozen=True, kw_only=True):
    """`problem`: why a stick could not be read, empty: it could, or was not asked for. `images`: firmware for
    controllers that packages brought."""

    packages: tuple[Package, ...] = ()
    problem: str = ""
    images: tuple[ControllerImage, ...] = ()


class ReadPackages(Request[PackagesPage], frozen=True, kw_only=True):
    """To fota: the packages that are here. `is_with_usb`: those on a stick, too, which is read for this only (S19)."""

    is_with_usb: bool = False
    by: str = ""


class RemovePackage(Request[ActionResult], frozen=True, kw_only=True):
    """To fota: delete a package. Codes: ok, unknown, busy."""

    name: PackageName
    by: str = ""


class OfferPackage(Request["OfferAnswer"], frozen=True, kw_only=True):
    """To fota: `data` of an upload from `offset` on; the first has neither, and names `size_bytes`. It goes on where
    it was left when name and size are the same. Codes: ok, done (all of it is here and looks like a package), offset
    (it stands elsewhere), busy, too_large, no_room, refused."""

    name: PackageName
    size_bytes: Annotated[int, Meta(ge=1, le=512 << 20)]
    offset: Annotated[int, Meta(ge=0)] = 0
    data: Annotated[bytes, Meta(max_length=CHUNK_BYTES)] = b""
    by: str = ""


class OfferAnswer(Reply, frozen=True, kw_only=True):
    """`offset`: so much is here and durable."""

    ok: bool
    code: str
    offset: int = 0
    text: str = ""


class ControllerProgress(Struct, frozen=True, kw_only=True):
    """One controller of an update. `image`: MAIN or MODULES; `status`: waiting, asked, done, failed, skipped."""

    connector: int
    image: str
    version: str
    status: str
    text: str = ""


class UpdateState(State, frozen=True, kw_only=True):
    """Topic `update`: how an update stands, and what runs. `stage`: idle, scheduled, downloading, pausing (until the
    next try), verifying, staging (unpacked beside what runs), waiting (until nobody charges, or until `at`),
    installing, checking (the new version runs and is watched), controllers, done, failed.

    `is_due`: it could be installed now if nobody charged, or is about to be (waiting, installing).
    `code` is the reason of a failure (a word), `text` the same for people. `size_bytes` 0: not known yet.
    """

    stage: str = "idle"
    kind: str = ""
    version: str = ""
    name: str = ""
    location: str = ""
    at: datetime | None = None
    is_due: bool = False
    received_bytes: int = 0
    size_bytes: int = 0
    attempt: int = 0
    attempts: int = 0
    percent: int | None = None
    code: str = ""
    text: str = ""
    by: str = ""
    request_id: int | None = None
    controllers: tuple[ControllerProgress, ...] = ()
    running_version: str = ""
    running_slot: str = ""
    """factory, a or b; empty: it was not started by start.sh, nothing can be installed."""
    previous_version: str = ""
    floor: str = ""
    last_outcome: str = ""
    """Of the last switch: kept, returned; empty: there was none."""
    last_reason: str = ""


class BeginUpload(Request["UploadAnswer"], frozen=True, kw_only=True):
    """To fota: build the archive `kind` (diagnostics, diagnostics_log, security_log) and send it to `location`."""

    kind: str
    location: str
    since: datetime | None = None
    until: datetime | None = None
    retries: int | None = None
    retry_interval_s: int | None = None
    request_id: int | None = None
    by: str = ""


class UploadAnswer(Reply, frozen=True, kw_only=True):
    """Codes: ok, replaces, busy, bad_location, nothing. `file_name` of what will be sent, empty when nothing will."""

    ok: bool
    code: str
    text: str = ""
    file_name: str = ""


class UploadState(State, frozen=True, kw_only=True):
    """Topic `upload`: the last upload. `stage`: idle, building, uploading, pausing, done, failed."""

    stage: str = "idle"
    kind: str = ""
    location: str = ""
    file_name: str = ""
    sent_bytes: int = 0
    size_bytes: int = 0
    attempt: int = 0
    attempts: int = 0
    text: str = ""
    by: str = ""
    request_id: int | None = None
