"""The security white paper's share of updates and logs: SignedUpdateFirmware and GetLog.

Source: OCA, Improved security for OCPP 1.6-J, edition 4, L01 and N01.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from chargepoint.messages import BeginUpdate, BeginUpload
from ocpp_client.frames import Payload
from ocpp_client.rpc import Reply
from ocpp_client.schemas import parse_time
from ocpp_client.v16.core import BY, Actions
from ocpp_client.v16.firmware import MAX_FILE_NAME, MAX_RETRIES, MAX_RETRY_INTERVAL_S, Firmware, bounded

UPDATE_STATUS = {
    "ok": "Accepted",
    "replaces": "AcceptedCanceled",
    "invalid_certificate": "InvalidCertificate",
    "revoked_certificate": "RevokedCertificate",
}
"""Code of `BeginUpdate` -> status of SignedUpdateFirmware; any other: Rejected."""
LOG_STATUS = {"ok": "Accepted", "replaces": "AcceptedCanceled"}
LOG_KINDS = {"DiagnosticsLog": "diagnostics_log", "SecurityLog": "security_log"}
BAD_CERTIFICATE = frozenset({"invalid_certificate", "revoked_certificate"})

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s\\]+-----END CERTIFICATE-----")


class SecureFirmware:
    """Signed updates and logs; `Firmware` does what they share with the plain ones. `roots`: the maker's (PEM), one of
    which the signing certificate has to hang below."""

    def __init__(
        self, firmware: Firmware, security: Callable[[str, str], None], roots: Callable[[], tuple[str, ...]]
    ) -> None:
        self._firmware = firmware
        self._security = security
        self._roots = roots

    def add_to(self, actions: Actions) -> None:
        actions.add("GetLog", self.get_log, is_slow=True)
        actions.add("SignedUpdateFirmware", self.signed_update, is_slow=True)

    async def signed_update(self, payload: Payload) -> Reply:
        wish = signed_update_wish(payload, self._roots())
        if _CERTIFICATE.search(wish.certificate) is None:
            return self._bad_certificate("InvalidCertificate", "it is no certificate (PEM)")
        release = self._firmware.hold()
        try:
            result = await self._firmware.begin_update("SignedUpdateFirmware", wish)
        except BaseException:
            release()
            raise
        status = UPDATE_STATUS.get(result.code, "Rejected")
        if result.code in BAD_CERTIFICATE:
            self._security("InvalidFirmwareSigningCertificate", result.text or status)
        return _reply({"status": status}, release)

    def _bad_certificate(self, status: str, text: str) -> Reply:
        self._security("InvalidFirmwareSigningCertificate", text)
        return Reply({"status": status})

    async def get_log(self, payload: Payload) -> Reply:
        release = self._firmware.hold()
        try:
            answer = await self._firmware.begin_upload("GetLog", log_wish(payload))
        except BaseException:
            release()
            raise
        reply = {"status": LOG_STATUS.get(answer.code, "Rejected")}
        if answer.ok and answer.file_name:
            reply["filename"] = answer.file_name[:MAX_FILE_NAME]
        return _reply(reply, release)


def _reply(payload: Payload, release: Callable[[], None]) -> Reply:
    async def afterwards() -> None:
        release()

    return Reply(payload, then=afterwards)


def signed_update_wish(payload: Payload, roots: tuple[str, ...] = ()) -> BeginUpdate:
    """What SignedUpdateFirmware.req wants."""
    firmware = payload["firmware"]
    return BeginUpdate(
        location=firmware["location"],
        retrieve_at=parse_time(firmware["retrieveDateTime"]),
        install_at=parse_time(firmware.get("installDateTime", "")),
        retries=bounded(payload.get("retries"), MAX_RETRIES),
        retry_interval_s=bounded(payload.get("retryInterval"), MAX_RETRY_INTERVAL_S),
        request_id=payload["requestId"],
        certificate=firmware["signingCertificate"],
        signature=firmware["signature"],
        roots=roots,
        by=BY,
    )


def log_wish(payload: Payload) -> BeginUpload:
    """What GetLog.req wants."""
    wanted = payload["log"]
    return BeginUpload(
        kind=LOG_KINDS[payload["logType"]],
        location=wanted["remoteLocation"],
        since=parse_time(wanted.get("oldestTimestamp", "")),
        until=parse_time(wanted.get("latestTimestamp", "")),
        retries=bounded(payload.get("retries"), MAX_RETRIES),
        retry_interval_s=bounded(payload.get("retryInterval"), MAX_RETRY_INTERVAL_S),
        request_id=payload["requestId"],
        by=BY,
    )
