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


class LinkTestStep(msgspec.Struct, frozen=True):
    """One step of a connection test. `name`: address, dns, tcp, tls, upgrade, authorisation, boot. `status`: waiting,
    running, ok, warning, failed, skipped.

    `code` says what was found (texts `ocpptest.CODE`, its remedy `ocpptest.CODE_do`), with `values` filled in;
    `detail` are the words of the layer that failed. `duration_s`: None until it has ended.
    """

    name: str
    status: str = "waiting"
    code: str = ""
    values: dict[str, str] = {}
    detail: str = ""
    duration_s: float | None = None


class LinkTestState(State, frozen=True, kw_only=True):
    """Topic `link/test`: the connection test that runs, or the last one since this service began. `verdict`: empty
    while it runs, else ok, warning or failed."""

    url: str = ""
    by: str = ""
    at: datetime | None = None
    is_running: bool = False
    verdict: str = ""
    steps: tuple[LinkTestStep, ...] = ()


class TestLink(Request[ActionResult], frozen=True, kw_only=True):
    """To ocpp: try the way to the central system step by step on a connection of its own, and tell `LinkTestState`.

    `url` empty: the way the station would take now. With an address that the station file does not name, neither the
    password nor the certificate of this station is shown to it, only `password`. While the station is linked the test
    ends behind TLS, unless `may_disturb`: many servers drop the first connection for the second. `sends_boot`: a
    BootNotification is sent, too. Codes: ok (it runs), busy, no_url.
    """

    __test__ = False
    url: str = ""
    identity: str = ""
    password: str = ""
    sends_boot: bool = False
    may_disturb: bool = False
    by: str = ""


class OcppKey(msgspec.Struct, frozen=True):
    """A configuration key. `value` None: it is never shown. `kind`: text, boolean, integer, list of ...; `effective`
    says when a change acts: `at once`, `with the next charge`, ..."""

    name: str
    value: str | None
    default: str
    kind: str
    description: str
    effective: str
    is_readonly: bool
    is_writeonly: bool
    at_least: int | None = None
    at_most: int | None = None
    unit: str = ""


class ReadKeys(Request["KeysPage"], frozen=True, kw_only=True):
    """To ocpp: all configuration keys as GetConfiguration would show them."""


class KeysPage(Reply, frozen=True, kw_only=True):
    keys: tuple[OcppKey, ...]


class ChangeKey(Request[ActionResult], frozen=True, kw_only=True):
    """To ocpp: change a configuration key by the rules of ChangeConfiguration; durable before the reply.

    `before`: the value it had for who changes it; another one now is not overwritten. Codes: ok, reboot_required,
    rejected, not_supported, changed.
    """

    name: str
    value: str
    before: str | None = None
    by: str


class SetPassword(Request[ActionResult], frozen=True, kw_only=True):
    """To ocpp: the password of HTTP basic authentication (8 to 40 characters; 32 to 40 hexadecimal digits are bytes).

    Kept where the keys of the central system are (readable by this service only), never given back; the one before is
    used again when it is refused. Codes: ok, bad_password, not_recorded.
    """

    password: str
    by: str


class ForgetServer(Request[ActionResult], frozen=True, kw_only=True):
    """To ocpp: forget passwords and the security profile that has worked, as if no server had been known: those of the
    station's files hold again. Codes: ok, not_recorded."""

    by: str


class LocalListRow(msgspec.Struct, frozen=True):
    """`id_tag` in lower case."""

    id_tag: str
    status: str
    parent: str = ""
    expires_at: datetime | None = None


class ReadLocalList(Request["LocalListPage"], frozen=True, kw_only=True):
    """To ocpp: entries of the local authorisation list whose idTag holds `search`; at most 200."""

    search: str = ""
    limit: int = 50


class LocalListPage(Reply, frozen=True, kw_only=True):
    """`version` as GetLocalListVersion tells it (-1: the list is not used); `total` entries, `found` that match."""

    version: int
    total: int
    found: int
    rows: tuple[LocalListRow, ...]


class CertificateRow(msgspec.Struct, frozen=True):
    """A certificate for people. `use`: own, trial, root, replaced_root, maker_root, file_root, chain."""

    use: str
    subject: str
    issuer: str
    number: str
    begins_at: datetime
    ends_at: datetime
    fingerprint: str
    key: str


class ReadCertificates(Request["CertificatesPage"], frozen=True, kw_only=True):
    """To ocpp: the certificates of this station and those that may vouch for the central system."""


class CertificatesPage(Reply, frozen=True, kw_only=True):
    """`is_asked`: a key waits for its certificate. `common_name` and `organisation` are what it must be for."""

    rows: tuple[CertificateRow, ...]
    is_asked: bool
    common_name: str
    organisation: str
    profile: int


class MakeCertificateRequest(Request["CertificateRequest"], frozen=True, kw_only=True):
    """To ocpp: a new key, which stays there, and the request (PKCS#10) for its certificate. A key that waited before is
    forgotten. `is_sent`: the central system is asked to sign it (SignCertificate)."""

    is_sent: bool = False
    by: str


class CertificateRequest(Reply, frozen=True, kw_only=True):
    """`ok` False: `text` says why there is none."""

    ok: bool
    text: str = ""
    pem: str = ""


class TakeCertificate(Request[ActionResult], frozen=True, kw_only=True):
    """To ocpp: the chain (PEM, own certificate first) for the key that waits. Codes: ok, unfit, not_recorded."""

    pem: str
    by: str


class InstallRoot(Request[ActionResult], frozen=True, kw_only=True):
    """To ocpp: a root that may vouch for the central system, or (`is_maker`) for software. Codes: ok, unfit,
    not_recorded."""

    pem: str
    is_maker: bool = False
    by: str


class RemoveRoot(Request[ActionResult], frozen=True, kw_only=True):
    """To ocpp: forget an installed root, by its fingerprint. Codes: ok, unknown, needed (the link hangs on it),
    not_recorded."""

    fingerprint: str
    by: str
