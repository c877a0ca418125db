"""The link to the central system."""

from __future__ import annotations

from datetime import datetime

import msgspec

from chargepoint.messages.kinds import (
    ActionResult,
    Done,
    Event,
    Reply,
    Request,
    State,
)
from chargepoint.vocabulary import AuthorizationBasis, CredentialType, LinkState


class LinkStatus(State, frozen=True, kw_only=True):
    """Topic `link`: the connection to the central system. `queued`: transaction messages not yet acknowledged (those
    not in memory are counted by the station each 30 s, rather too high). `parked`: messages refused for good."""

    state: LinkState
    url: str = ""
    since_mono_s: float = 0.0
    registration: str = ""  # Accepted, Pending, Rejected or "" (statuses of BootNotification)
    queued: int = 0
    parked: int = 0
    sent: int = 0
    received: int = 0
    last_error: str = ""
    heartbeat_mono_s: float | None = None
    """When the central system last answered a Heartbeat; None: not since this service began."""
    certificate_ends_at: datetime | None = None
    """When the certificate of this station runs out; None: it has none."""


class OcppFrame(Event, frozen=True, kw_only=True):
    """One frame of the exchange with the central system, for people who watch. Keys are masked."""

    direction: str  # "out" or "in"
    action: str
    text: str
    latency_s: float | None = None
    number: int = 0
    """Counts up without gaps while this service runs."""
    at: datetime | None = None


class ReadFrames(Request["FramesPage"], frozen=True, kw_only=True):
    """To ocpp: the last frames of the exchange, oldest first. At most 500, and as many as are kept."""

    limit: int = 100


class FramesPage(Reply, frozen=True, kw_only=True):
    frames: tuple[OcppFrame, ...]


class Authorize(Request["Authorization"], frozen=True, kw_only=True):
    """To ocpp: may this credential charge? Server, cache and local list are its business; also answers off line.

    `id_tag` is the credential's value, `type` its kind: both decide what idTag is asked for.
    """

    id_tag: str
    type: CredentialType = CredentialType.RFID
    connector: int | None = None


class Authorization(Reply, frozen=True, kw_only=True):
    """`status` as in OCPP: Accepted, Blocked, Expired, Invalid, ConcurrentTx. `basis`: who said so."""

    status: str
    basis: AuthorizationBasis
    parent: str = ""


class CallCentralSystem(Request["CentralSystemAnswer"], frozen=True, kw_only=True):
    """To ocpp: send this request now, for commissioning; `payload` is JSON text.

    StartTransaction and StopTransaction are refused: they come from the journal alone.
    """

    action: str
    payload: str = "{}"
    by: str = ""


class CentralSystemAnswer(Reply, frozen=True, kw_only=True):
    """`ok`: a CALLRESULT came, its payload is `payload` (JSON text); else `text` says what came instead."""

    ok: bool
    payload: str = ""
    text: str = ""
    latency_s: float = 0.0


class ParkedSession(msgspec.Struct, frozen=True):
    """Messages of one session that the central system does not take, or not yet (`is_parked` False: is tried again)."""

    session_id: int
    connector: int
    messages: int
    attempts: int
    is_parked: bool
    error: str


class ReadParked(Request["ParkedPage"], frozen=True, kw_only=True):
    """To ocpp: what it holds back (R10)."""


class ParkedPage(Reply, frozen=True, kw_only=True):
    sessions: tuple[ParkedSession, ...]


class LinkDay(msgspec.Struct, frozen=True):
    """`outages` and `outage_s` count from the loss of a link to the next one. Bytes are those of WebSocket messages."""

    day: str
    connections: int = 0
    outages: int = 0
    outage_s: int = 0
    sent: int = 0
    received: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


class LinkCharge(msgspec.Struct, frozen=True):
    """The link while the charge of `session_id` ran; `day` (UTC) on which it began. See `LinkDay`."""

    session_id: int
    day: str
    connections: int = 0
    outages: int = 0
    outage_s: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


class LinkStatistics(State, frozen=True, kw_only=True):
    """Topic `link/statistics`: the newest days and charges of the link, newest first. A day is one of UTC."""

    days: tuple[LinkDay, ...] = ()
    charges: tuple[LinkCharge, ...] = ()


class TellUpdate(Request[Done], frozen=True, kw_only=True):
    """fota to ocpp: the update has come to `status` (words of FirmwareStatusNotification, OCPP 1.6 7.25).

    Durable before the reply, told in order. `request_id` is that of a signed update, None for one without.
    """

    status: str
    request_id: int | None = None


class TellUpload(Request[Done], frozen=True, kw_only=True):
    """fota to ocpp: an upload has come to `status` (Uploading, Uploaded, UploadFailed, ...). Durable before the reply.

    `request_id` is that of GetLog; None: GetDiagnostics.
    """

    status: str
    request_id: int | None = None


class ResendParked(Request[ActionResult], frozen=True, kw_only=True):
    """To ocpp: try again what the central system refused for good (R10), of one session or of all.

    Codes: ok, nothing_parked.
    """

    session_id: int | None = None
    by: str = ""
