"""Firmware Management: UpdateFirmware, GetDiagnostics, and what became of them.

Service `fota` does the work: it is asked over the bus, and tells each state back (`TellUpdate`, `TellUpload`). States
are durable before it hears of success, told in order, and the last one is kept for TriggerMessage.
Source: OCPP 1.6, 4.4, 4.5, 5.8, 5.19, 7.25, 7.24; for states with a request id the security white paper, L01 and N01.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.locations import masked_location, own_addresses, why_not
from chargepoint.messages import (
    ActionResult,
    BeginUpdate,
    BeginUpload,
    Done,
    TellUpdate,
    TellUpload,
    UploadAnswer,
)
from chargepoint.storage.database import CannotRecord
from ocpp_client.facts import Facts
from ocpp_client.frames import Payload
from ocpp_client.notices import Notices
from ocpp_client.rpc import Reply
from ocpp_client.schemas import parse_time
from ocpp_client.v16.core import BY, Actions, Noting

log = logging.getLogger(__name__)

FOTA = "fota"
BEGIN_S = 5.0
UPDATE_FACT, UPLOAD_FACT = "update_state", "upload_state"
IDLE, UPLOADING = "Idle", "Uploading"
MAX_RETRIES = 20
MAX_RETRY_INTERVAL_S = 86_400
MAX_FILE_NAME = 255

PLAIN_UPDATE: dict[str, str | None] = {
    "Downloading": "Downloading",
    "Downloaded": "Downloaded",
    "DownloadFailed": "DownloadFailed",
    "Installing": "Installing",
    "Installed": "Installed",
    "InstallationFailed": "InstallationFailed",
    "InvalidSignature": "InstallationFailed",
    "InstallVerificationFailed": "InstallationFailed",
    "DownloadScheduled": None,
    "DownloadPaused": None,
    "InstallRebooting": None,
    "InstallScheduled": None,
    "SignatureVerified": None,
}
"""States of an update as FirmwareStatusNotification has them (7.25); None: it has no word for it, nothing is told."""
SIGNED_UPDATE = frozenset(PLAIN_UPDATE)
TRIGGERED_UPDATE = {
    "Downloading": "Downloading",
    "DownloadPaused": "Downloading",
    "Downloaded": "Downloaded",
    "SignatureVerified": "Downloaded",
    "InstallScheduled": "Downloaded",
    "Installing": "Installing",
    "InstallRebooting": "Installing",
}
"""The nearest word of 7.25 for an update under way, when it is asked for; else Idle."""
ENDS_OF_UPDATE = frozenset(
    {"DownloadFailed", "Installed", "InstallationFailed", "InvalidSignature", "InstallVerificationFailed"}
)
FETCHING = frozenset({"Downloading", "DownloadPaused"})
PLAIN_UPLOAD = {
    "Uploading": "Uploading",
    "Uploaded": "Uploaded",
    "UploadFailed": "UploadFailed",
    "UploadFailure": "UploadFailed",
    "BadMessage": "UploadFailed",
    "PermissionDenied": "UploadFailed",
    "NotSupportedOperation": "UploadFailed",
}
"""States of an upload as DiagnosticsStatusNotification has them (7.24)."""
LOG_UPLOAD = {name: name for name in PLAIN_UPLOAD if name != "UploadFailed"} | {"UploadFailed": "UploadFailure"}
"""As LogStatusNotification has them."""


class Progress(msgspec.Struct, frozen=True):
    """The last state of an update or an upload."""

    status: str
    request_id: int | None = None


class Firmware:
    """See the top of this file. `allowed_hosts`: local hosts that the installer has named anyway."""

    def __init__(
        self,
        *,
        bus: Bus,
        facts: Facts,
        notices: Notices,
        note: Noting,
        security: Callable[[str, str], None],
        allowed_hosts: frozenset[str],
    ) -> None:
        self._bus = bus
        self._facts = facts
        self._notices = notices
        self._note = note
        self._security = security
        self._allowed_hosts = allowed_hosts
        bus.serve(TellUpdate, self.tell_update)
        bus.serve(TellUpload, self.tell_upload)

    def add_to(self, actions: Actions) -> None:
        actions.add("GetDiagnostics", self.get_diagnostics, is_slow=True)
        actions.add("UpdateFirmware", self.update_firmware, is_slow=True)

    # ------------------------------------------------------------------------------------------------- theirs to us

    async def update_firmware(self, payload: Payload) -> Reply:
        release = self._notices.hold()
        try:
            result = await self.begin_update("UpdateFirmware", update_wish(payload))
        except BaseException:
            release()
            raise

        async def afterwards() -> None:
            try:
                if not result.ok:
                    await self._tell_failed_update()
            finally:
                release()

        return Reply({}, then=afterwards)

    async def _tell_failed_update(self) -> None:
        """The answer to UpdateFirmware cannot say no, so the failure is told as a state."""
        try:
            await self._notices.add("FirmwareStatusNotification", {"status": "DownloadFailed"})
        except CannotRecord as error:
            log.error("that an update was refused cannot be told: %s", error)

    async def get_diagnostics(self, payload: Payload) -> Reply:
        release = self._notices.hold()
        try:
            answer = await self.begin_upload("GetDiagnostics", diagnostics_wish(payload))
        except BaseException:
            release()
            raise

        async def afterwards() -> None:
            release()

        name = answer.file_name[:MAX_FILE_NAME] if answer.ok else ""
        return Reply({"fileName": name} if name else {}, then=afterwards)

    def hold(self) -> Callable[[], None]:
        """See `Notices.hold`."""
        return self._notices.hold()

    async def begin_update(self, action: str, wish: BeginUpdate) -> ActionResult:
        """Ask `fota`; one that is not there, or an address that may not be dialled, is a no."""
        result = self._refusal(wish.location)
        if result is None:
            try:
                result = await self._bus.call(FOTA, wish, BEGIN_S)
            except (Unavailable, CallFailed, TimeoutError) as error:
                result = ActionResult(ok=False, code="unavailable", text=str(error))
        self._noted(action, wish.location, result.code, result.text)
        return result

    async def begin_upload(self, action: str, wish: BeginUpload) -> UploadAnswer:
        """As `begin_update`."""
        refusal = self._refusal(wish.location)
        if refusal is not None:
            answer = UploadAnswer(ok=False, code=refusal.code, text=refusal.text)
        else:
            try:
                answer = await self._bus.call(FOTA, wish, BEGIN_S)
            except (Unavailable, CallFailed, TimeoutError) as error:
                answer = UploadAnswer(ok=False, code="unavailable", text=str(error))
        self._noted(action, wish.location, answer.code, answer.text)
        return answer

    def _refusal(self, location: str) -> ActionResult | None:
        reason = why_not(location, own_addresses(), self._allowed_hosts)
        return ActionResult(ok=False, code="bad_location", text=reason) if reason else None

    def _noted(self, action: str, location: str, code: str, text: str) -> None:
        where = masked_location(location)[:200]
        self._note(action, None, f"{where}: {code}{f' ({masked_location(text)[:200]})' if text else ''}")

    # ------------------------------------------------------------------------------------------------- fota's to us

    async def tell_update(self, request: TellUpdate, _sender: str) -> Done:
        """A state of an update: durable, to be told. Raises CallFailed."""
        if request.status not in SIGNED_UPDATE:
            raise CallFailed(f"{request.status[:40]!r} is no state of an update")
        if request.status == "InvalidSignature":
            self._security("InvalidFirmwareSignature", f"request {request.request_id}")
        progress = Progress(request.status, request.request_id)
        if request.request_id is not None:
            signed = {"status": request.status, "requestId": request.request_id}
            await self._keep(UPDATE_FACT, progress, "SignedFirmwareStatusNotification", signed)
            return Done()
        plain = plain_update(self._progress(UPDATE_FACT).status, request.status)
        payload = {} if plain is None else {"status": plain}
        await self._keep(UPDATE_FACT, progress, "FirmwareStatusNotification", payload)
        return Done()

    async def tell_upload(self, request: TellUpload, _sender: str) -> Done:
        """A state of an upload: durable, to be told. Raises CallFailed."""
        words = PLAIN_UPLOAD if request.request_id is None else LOG_UPLOAD
        status = words.get(request.status)
        if status is None:
            raise CallFailed(f"{request.status[:40]!r} is no state of an upload")
        progress = Progress(status, request.request_id)
        if request.request_id is None:
            await self._keep(UPLOAD_FACT, progress, "DiagnosticsStatusNotification", {"status": status})
        else:
            payload = {"status": status, "requestId": request.request_id}
            await self._keep(UPLOAD_FACT, progress, "LogStatusNotification", payload)
        return Done()

    async def _keep(self, fact: str, progress: Progress, action: str, payload: Payload) -> None:
        """On record with what is to be told of it, if anything is."""
        facts: dict[str, bytes | None] = {fact: msgspec.json.encode(progress)}
        try:
            if payload:
                await self._notices.add(action, payload, facts)
            else:
                await self._facts.keep_all(facts)
        except CannotRecord as error:
            raise CallFailed(f"the state {progress.status} cannot be kept: {error}") from None

    # ------------------------------------------------------------------------------------------------ when triggered

    def _progress(self, fact: str) -> Progress:
        kept = self._facts.get(fact)
        return Progress(IDLE) if kept is None else msgspec.json.decode(kept, type=Progress)

    def update_status(self) -> Payload:
        """FirmwareStatusNotification for TriggerMessage: the state of an update under way, else Idle."""
        progress = self._progress(UPDATE_FACT)
        return {"status": IDLE if progress.status in ENDS_OF_UPDATE else TRIGGERED_UPDATE.get(progress.status, IDLE)}

    def signed_update_status(self) -> Payload:
        """SignedFirmwareStatusNotification for ExtendedTriggerMessage: of a signed update under way, else Idle."""
        progress = self._progress(UPDATE_FACT)
        if progress.request_id is None or progress.status in ENDS_OF_UPDATE:
            return {"status": IDLE}
        return {"status": progress.status, "requestId": progress.request_id}

    def diagnostics_status(self) -> Payload:
        """DiagnosticsStatusNotification for TriggerMessage: Uploading or Idle."""
        progress = self._progress(UPLOAD_FACT)
        is_busy = progress.status == UPLOADING and progress.request_id is None
        return {"status": UPLOADING if is_busy else IDLE}

    def log_status(self) -> Payload:
        """LogStatusNotification for ExtendedTriggerMessage: Uploading with its request id, or Idle."""
        progress = self._progress(UPLOAD_FACT)
        if progress.status == UPLOADING and progress.request_id is not None:
            return {"status": UPLOADING, "requestId": progress.request_id}
        return {"status": IDLE}


# ----------------------------------------------------------------------------------------------------- what is wished


def plain_update(before: str, status: str) -> str | None:
    """The word of 7.25 for `status` after `before`; None: nothing is told.

    What is refused while it is still being fetched has failed to download; a pause and what follows it go unsaid.
    """
    if status == "InvalidSignature" and before in FETCHING:
        return "DownloadFailed"
    if status == "Downloading" and before == "DownloadPaused":
        return None
    return PLAIN_UPDATE[status]


def bounded(value: int | None, most: int) -> int | None:
    """A count of the server as far as it is sensible; None stays None, and what is negative is as if left out."""
    return None if value is None or value < 0 else min(value, most)


def update_wish(payload: Payload) -> BeginUpdate:
    """What UpdateFirmware.req wants."""
    return BeginUpdate(
        location=payload["location"],
        retrieve_at=parse_time(payload["retrieveDate"]),
        retries=bounded(payload.get("retries"), MAX_RETRIES),
        retry_interval_s=bounded(payload.get("retryInterval"), MAX_RETRY_INTERVAL_S),
        by=BY,
    )


def diagnostics_wish(payload: Payload) -> BeginUpload:
    """What GetDiagnostics.req wants."""
    return BeginUpload(
        kind="diagnostics",
        location=payload["location"],
        since=parse_time(payload.get("startTime", "")),
        until=parse_time(payload.get("stopTime", "")),
        retries=bounded(payload.get("retries"), MAX_RETRIES),
        retry_interval_s=bounded(payload.get("retryInterval"), MAX_RETRY_INTERVAL_S),
        by=BY,
    )
