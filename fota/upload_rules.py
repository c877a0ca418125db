"""Rules of sending archives: names, words, what is kept of an upload. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from chargepoint.messages import BeginUpload
from fota.transfers.job import BAD_CERTIFICATE, BAD_HOST_KEY, BAD_LOCATION, BAD_REDIRECT, DENIED, NOT_SUPPORTED
from fota.transfers.job import is_lasting as is_lasting_code

ARCHIVES = {"diagnostics": "Diagnostics", "diagnostics_log": "Diagnostics", "security_log": "Security"}
"""What is wished (`BeginUpload.kind`) -> the archive that is made for it (`MakeArchive.kind`)."""

UPLOADING, UPLOADED, UPLOAD_FAILED = "Uploading", "Uploaded", "UploadFailed"
WORDS = {
    BAD_LOCATION: "BadMessage",
    BAD_REDIRECT: "BadMessage",
    DENIED: "PermissionDenied",
    BAD_HOST_KEY: "PermissionDenied",
    NOT_SUPPORTED: "NotSupportedOperation",
}
"""Code of a failed try -> how the central system is told (LogStatusNotification has these words; for
DiagnosticsStatusNotification they become UploadFailed); any other: UploadFailed."""

IDLE, BUILDING, SENDING, PAUSING, DONE, FAILED = "idle", "building", "uploading", "pausing", "done", "failed"
LIVE = frozenset({BUILDING, SENDING, PAUSING})
MOST_TELLINGS = 40
MOST_RESUMED = 10
"""An upload that was begun at so many starts of the service is given up: it may be what ends it."""

_UNSAFE = re.compile(r"[^A-Za-z0-9-]+")


class Telling(Struct, frozen=True):
    """A word for the central system."""

    status: str
    request_id: int | None = None


class Kept(Struct, frozen=True, kw_only=True):
    """An upload as it is kept over a restart. The address with user and password is there while it is needed only.

    `tellings` are words that the central system has not been told yet, in order.
    """

    stage: str = IDLE
    wish: BeginUpload | None = None
    is_for_server: bool = False
    """The central system asked for it, so it is told of it."""
    kind: str = ""
    shown: str = ""
    file_name: str = ""
    size_bytes: int = 0
    attempt: int = 0
    attempts: int = 1
    interval_s: int = 60
    resumed: int = 0
    text: str = ""
    by: str = ""
    request_id: int | None = None
    tellings: tuple[Telling, ...] = ()

    @property
    def is_live(self) -> bool:
        return self.stage in LIVE and self.wish is not None


def begun(
    wish: BeginUpload,
    before: Kept,
    *,
    is_for_server: bool,
    station: str,
    now: datetime,
    retries: int,
    interval_s: int,
) -> Kept:
    """A new upload in the place of `before`; what the central system was not told of that goes first.

    `retries` and `interval_s` hold where the wish does not say them. One that was not ended has failed by that.
    """
    told = before.tellings
    if before.is_live and before.is_for_server:
        told = (*told, Telling(UPLOAD_FAILED, before.request_id))
    return Kept(
        stage=BUILDING,
        wish=wish,
        is_for_server=is_for_server,
        kind=wish.kind,
        shown=shown(wish.location),
        file_name=file_name(station, wish.kind, now),
        attempts=1 + (retries if wish.retries is None else wish.retries),
        interval_s=interval_s if wish.retry_interval_s is None else wish.retry_interval_s,
        by=wish.by,
        request_id=wish.request_id,
        tellings=told[-MOST_TELLINGS:],
    )


def telling(kept: Kept, status: str) -> Kept:
    """With a word more for the central system, where that asked for the upload."""
    if not kept.is_for_server:
        return kept
    return replace(kept, tellings=(*kept.tellings, Telling(status, kept.request_id))[-MOST_TELLINGS:])


def done(kept: Kept) -> Kept:
    """All of it has arrived."""
    return replace(telling(kept, UPLOADED), stage=DONE, wish=None, text="")


def failed(kept: Kept, code: str, text: str) -> Kept:
    """It has failed for good."""
    return replace(telling(kept, WORDS.get(code, UPLOAD_FAILED)), stage=FAILED, wish=None, text=text[:300])


def is_to_try_again(kept: Kept, code: str) -> bool:
    """Whether another try may help. A certificate may be good once the clock is set."""
    return kept.attempt < kept.attempts and (not is_lasting_code(code) or code == BAD_CERTIFICATE)


def file_name(station: str, kind: str, now: datetime) -> str:
    """Station, kind, date: letters, digits, `-`, `_` and one `.`, whatever the station is called."""
    name = _UNSAFE.sub("-", station).strip("-")[:60] or "station"
    return f"{name}_{ARCHIVES[kind]}_{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.zip"


def shown(location: str) -> str:
    """An address without user, password and query (which may be a key of its own)."""
    parts = urlsplit(location)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()[:500]
