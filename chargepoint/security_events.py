"""The security events of OCPP: which are critical, and who raises each. One table for the whole house.

Source: OCA, Improved security for OCPP 1.6-J, edition 4, the list of security events. What newer lists of OCPP call
critical is critical here, too: events of certificates and TLS happen while there is no link, so only a critical one
can ever be told.
"""

from __future__ import annotations

import msgspec


class SecurityEventKind(msgspec.Struct, frozen=True):
    """`raised_by`: the services that publish it as `SecurityNoted`; empty: this station has no source of it yet."""

    name: str
    is_critical: bool
    raised_by: tuple[str, ...]
    meaning: str


KINDS: tuple[SecurityEventKind, ...] = (
    SecurityEventKind("FirmwareUpdated", True, ("hub", "fota"), "new software is installed"),
    SecurityEventKind(
        "FailedToAuthenticateAtCentralSystem", False, ("ocpp",), "the central system refused who we say we are"
    ),
    SecurityEventKind(
        "CentralSystemFailedToAuthenticate", False, ("ocpp",), "the central system could not prove who it is"
    ),
    SecurityEventKind("SettingSystemTime", True, ("hub",), "the wall time was set or stepped"),
    SecurityEventKind("StartupOfTheDevice", True, ("hub",), "the station software has started"),
    SecurityEventKind("ResetOrReboot", True, ("hub",), "it started again after a reset or a crash"),
    SecurityEventKind("SecurityLogWasCleared", True, (), "the security journal was emptied"),
    SecurityEventKind(
        "ReconfigurationOfSecurityParameters", False, ("ocpp",), "a key, a certificate or the profile was changed"
    ),
    SecurityEventKind("MemoryExhaustion", True, ("hub",), "a service ran out of the memory it may use"),
    SecurityEventKind("InvalidMessages", False, ("ocpp", "hub"), "messages came that are none"),
    SecurityEventKind("AttemptedReplayAttacks", False, (), "an old message was played again"),
    SecurityEventKind("TamperDetectionActivated", True, ("station",), "the cover was opened"),
    SecurityEventKind("InvalidFirmwareSignature", True, ("ocpp", "fota"), "the signature of new software is wrong"),
    SecurityEventKind(
        "InvalidFirmwareSigningCertificate",
        True,
        ("ocpp", "fota"),
        "the certificate that signed new software is not trusted",
    ),
    SecurityEventKind(
        "InvalidCentralSystemCertificate", True, ("ocpp",), "the certificate of the central system is not trusted"
    ),
    SecurityEventKind(
        "InvalidChargePointCertificate", True, ("ocpp",), "the certificate sent for this station cannot be used"
    ),
    SecurityEventKind("InvalidTLSVersion", True, ("ocpp",), "the central system offers only TLS below 1.2"),
    SecurityEventKind("InvalidTLSCipherSuite", True, ("ocpp",), "the central system offers only weak cipher suites"),
    SecurityEventKind("MaintenanceLoginAccepted", True, ("hub",), "somebody logged in to service the station"),
    SecurityEventKind("MaintenanceLoginFailed", True, ("hub",), "somebody failed to log in to service the station"),
)

BY_NAME = {kind.name: kind for kind in KINDS}

REFUSED = "refused"
"""As `operation` of a SettingSystemTime: somebody tried, the time was not changed. Stays in the journal."""


def markdown() -> str:
    """The table of docs/ocpp.md."""
    lines = ["| Event | Critical | Raised by | Means |", "|---|---|---|---|"]
    for kind in KINDS:
        raised = ", ".join(f"`{service}`" for service in kind.raised_by) or "nobody yet"
        lines.append(f"| `{kind.name}` | {'yes' if kind.is_critical else 'no'} | {raised} | {kind.meaning} |")
    return "\n".join(lines) + "\n"


def is_critical(name: str) -> bool:
    """Whether the central system must hear of it, however late."""
    kind = BY_NAME.get(name)
    return kind is not None and kind.is_critical
