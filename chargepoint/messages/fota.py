"""Updates and uploads."""

from __future__ import annotations

from datetime import datetime

from chargepoint.messages.kinds import ActionResult, Reply, Request


class BeginUpdate(Request[ActionResult], frozen=True, kw_only=True):
    """To fota: fetch and install new software from `location`. Answered before anything is fetched.

    `certificate` (PEM) and `signature` (base64) come with a signed update. Codes: ok, replaces (an earlier one was
    cancelled for it), busy, bad_location, invalid_certificate, revoked_certificate.
    """

    location: str
    retrieve_at: datetime | None = None
    install_at: datetime | None = None
    retries: int | None = None
    retry_interval_s: int | None = None
    request_id: int | None = None
    certificate: str = ""
    signature: str = ""
    by: str = ""


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
