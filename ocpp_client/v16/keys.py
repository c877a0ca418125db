"""The table of OCPP configuration keys this station has: type, access, default, bounds, when a change takes effect.

Source: OCPP 1.6, section 9 (Core). Keys of profiles that are not supported are not here: they answer NotSupported.
"""

from __future__ import annotations

import re

import msgspec

from ocpp_client.v16.meter_values import is_measurand

DAY_S = 86_400
SUPPORTED_PROFILES = "Core,RemoteTrigger"
MAX_WORDS = 20
MAX_VALUE = 500
"""Longest value a ChangeConfiguration can carry (6.7)."""

_ROTATION = re.compile(r"^(\d{1,3}\.)?(NotApplicable|Unknown|RST|RTS|SRT|STR|TRS|TSR)$")


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key. `effective` says when a change acts; `at_least` and `at_most` bound whole numbers."""

    name: str
    default: str
    description: str
    effective: str = "at once"
    readonly: bool = False

    type = "text"

    def read(self, text: str) -> str | None:
        """`text` as it is stored, None when it cannot be a value of this key."""
        return text if len(text) <= MAX_VALUE else None


class Flag(Key, frozen=True, kw_only=True):
    type = "boolean"

    def read(self, text: str) -> str | None:
        word = text.strip().lower()
        return word if word in ("true", "false") else None


class AlwaysTrue(Flag, frozen=True, kw_only=True):
    """A flag whose other value this station cannot serve (yet): `false` is Rejected instead of accepted in vain."""

    type = "boolean, true only"

    def read(self, text: str) -> str | None:
        return "true" if text.strip().lower() == "true" else None


class Number(Key, frozen=True, kw_only=True):
    type = "integer"
    at_least: int = 0
    at_most: int = DAY_S
    unit: str = ""

    def read(self, text: str) -> str | None:
        word = text.strip()
        if not re.fullmatch(r"[+-]?[0-9]{1,12}", word):
            return None
        value = int(word)
        return str(value) if self.at_least <= value <= self.at_most else None


class Words(Key, frozen=True, kw_only=True):
    """A comma separated list of measurands, empty for none."""

    type = "list of measurands"

    def read(self, text: str) -> str | None:
        words = split(text)
        if len(words) > MAX_WORDS or not all(is_measurand(word) for word in words):
            return None
        return ",".join(words)


class Rotation(Key, frozen=True, kw_only=True):
    type = "list of phase rotations"

    def read(self, text: str) -> str | None:
        words = split(text)
        if not words or len(words) > MAX_WORDS or not all(_ROTATION.match(word) for word in words):
            return None
        return ",".join(words)


def split(text: str) -> tuple[str, ...]:
    """The words of a comma separated list, without blanks and repetitions."""
    return tuple(dict.fromkeys(word for part in text.split(",") if (word := part.strip())))


NEXT_CHARGE = "with the next charge"

KEYS: tuple[Key, ...] = (
    Flag(
        name="AllowOfflineTxForUnknownId",
        default="false",
        description="without link, somebody unknown to cache and list may charge",
    ),
    Flag(
        name="AuthorizationCacheEnabled",
        default="true",
        description="remember what the central system said of an idTag",
    ),
    Flag(
        name="AuthorizeRemoteTxRequests",
        default="false",
        description="a RemoteStartTransaction is authorised first, as a card would be",
    ),
    Number(
        name="ClockAlignedDataInterval",
        default="0",
        unit="s",
        description="meter values at whole multiples of this since midnight UTC; 0: none",
    ),
    Number(
        name="ConnectionTimeOut",
        default="120",
        at_least=1,
        unit="s",
        effective=NEXT_CHARGE,
        description="how long somebody authorised may take to plug in",
    ),
    Rotation(
        name="ConnectorPhaseRotation",
        default="0.Unknown",
        effective="not used by this station",
        description="how the phases of a connector are wired to the grid",
    ),
    Number(
        name="ConnectorPhaseRotationMaxLength",
        default=str(MAX_WORDS),
        readonly=True,
        description="most elements of ConnectorPhaseRotation",
    ),
    Number(
        name="GetConfigurationMaxKeys", default="100", readonly=True, description="most keys of one GetConfiguration"
    ),
    Number(
        name="HeartbeatInterval",
        default="300",
        at_least=1,
        unit="s",
        description="time between heartbeats; the answer to BootNotification sets it, too",
    ),
    Flag(
        name="LocalAuthorizeOffline",
        default="true",
        description="without link, somebody accepted in the cache may charge",
    ),
    Flag(
        name="LocalPreAuthorize",
        default="false",
        description="with link, too, somebody accepted in the cache charges without being asked for",
    ),
    Number(
        name="MaxEnergyOnInvalidId",
        default="0",
        at_most=1_000_000_000,
        unit="Wh",
        description="what a charge with an invalid idTag may still deliver while StopTransactionOnInvalidId is false",
    ),
    Words(
        name="MeterValuesAlignedData",
        default="Energy.Active.Import.Register",
        description="measurands of the clock-aligned meter values",
    ),
    Number(
        name="MeterValuesAlignedDataMaxLength",
        default=str(MAX_WORDS),
        readonly=True,
        description="most elements of MeterValuesAlignedData",
    ),
    Words(
        name="MeterValuesSampledData",
        default="Energy.Active.Import.Register",
        description="measurands of the periodic meter values of a charge",
    ),
    Number(
        name="MeterValuesSampledDataMaxLength",
        default=str(MAX_WORDS),
        readonly=True,
        description="most elements of MeterValuesSampledData",
    ),
    Number(
        name="MeterValueSampleInterval",
        default="60",
        unit="s",
        description="time between periodic meter values of a charge; 0: none",
    ),
    Number(
        name="MinimumStatusDuration",
        default="0",
        unit="s",
        description="how long a status must last before it is reported",
    ),
    Number(name="NumberOfConnectors", default="0", readonly=True, description="connectors of this station"),
    Number(
        name="ResetRetries",
        default="1",
        at_most=100,
        description="kept, without effect: a Reset of this station does not fail half-way",
    ),
    AlwaysTrue(
        name="StopTransactionOnEVSideDisconnect",
        default="true",
        description="a vehicle that is unplugged at its side ends the transaction",
    ),
    Flag(
        name="StopTransactionOnInvalidId",
        default="true",
        description="a charge whose idTag proves invalid ends",
    ),
    Words(
        name="StopTxnAlignedData",
        default="",
        effective=NEXT_CHARGE,
        description="measurands of clock-aligned values in StopTransaction",
    ),
    Number(
        name="StopTxnAlignedDataMaxLength",
        default=str(MAX_WORDS),
        readonly=True,
        description="most elements of StopTxnAlignedData",
    ),
    Words(
        name="StopTxnSampledData",
        default="",
        effective=NEXT_CHARGE,
        description="measurands of periodic values in StopTransaction",
    ),
    Number(
        name="StopTxnSampledDataMaxLength",
        default=str(MAX_WORDS),
        readonly=True,
        description="most elements of StopTxnSampledData",
    ),
    Key(
        name="SupportedFeatureProfiles",
        default=SUPPORTED_PROFILES,
        readonly=True,
        description="the parts of OCPP this station has",
    ),
    Number(
        name="SupportedFeatureProfilesMaxLength",
        default="10",
        readonly=True,
        description="most elements of SupportedFeatureProfiles",
    ),
    Number(
        name="TransactionMessageAttempts",
        default="3",
        at_least=1,
        at_most=100,
        description="how often a message about a transaction is sent that the central system fails to process",
    ),
    Number(
        name="TransactionMessageRetryInterval",
        default="60",
        unit="s",
        description="wait before such a repetition, times the tries made",
    ),
    AlwaysTrue(
        name="UnlockConnectorOnEVSideDisconnect",
        default="true",
        description="the cable is released when the vehicle is unplugged at its side",
    ),
    Number(
        name="WebSocketPingInterval",
        default="20",
        at_most=3600,
        unit="s",
        description="time between pings; 0: none (a dead link is then found by the TCP layer)",
    ),
)

BY_NAME: dict[str, Key] = {key.name.lower(): key for key in KEYS}
"""Keys are found whatever the case of their letters (CiString50)."""


def markdown() -> str:
    """The table of keys for the documentation."""
    rows = ["| Key | Type | Access | Default | Takes effect | Meaning |", "|---|---|---|---|---|---|"]
    for key in KEYS:
        kind = key.type
        if isinstance(key, Number) and not key.readonly:
            kind += f" {key.at_least}…{key.at_most}" + (f" {key.unit}" if key.unit else "")
        access = "read" if key.readonly else "read, write"
        effective = "" if key.readonly else key.effective
        rows.append(
            f"| `{key.name}` | {kind} | {access} | {key.default or '(none)'} | {effective} | {key.description} |"
        )
    return "\n".join(rows) + "\n"
