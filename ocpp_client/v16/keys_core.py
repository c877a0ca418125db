"""Configuration keys of the Core profile. Source: OCPP 1.6, 9.1."""

from __future__ import annotations

from ocpp_client.v16.key_kinds import MAX_WORDS, NEXT_CHARGE, Flag, Key, Number, Rotation, Words

SUPPORTED_PROFILES = "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger"

CORE: tuple[Key, ...] = (
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
        unit="s",
        description="how long somebody authorised may take to plug in; 0: the vehicle has to be there already",
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
        description="without link, somebody accepted in list or cache may charge",
    ),
    Flag(
        name="LocalPreAuthorize",
        default="false",
        description="with link, too, somebody accepted in list or cache charges without being asked for",
    ),
    Number(
        name="MaxEnergyOnInvalidId",
        default="0",
        at_most=1_000_000_000,
        unit="Wh",
        description="energy of a charge with an invalid idTag while StopTransactionOnInvalidId is false; 0: none",
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
    Flag(
        name="StopTransactionOnEVSideDisconnect",
        default="true",
        effective=NEXT_CHARGE,
        description="a vehicle that is unplugged at its side ends the transaction; false: it waits, its cable locked",
    ),
    Flag(
        name="StopTransactionOnInvalidId",
        default="true",
        description="a charge whose idTag proves invalid ends; false: only its energy does",
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
    Flag(
        name="UnlockConnectorOnEVSideDisconnect",
        default="true",
        effective=NEXT_CHARGE,
        description="the cable is released when the vehicle leaves; false: when its card is shown again",
    ),
    Number(
        name="WebSocketPingInterval",
        default="20",
        at_most=3600,
        unit="s",
        description="time between pings; 0: none (a dead link is then found by the TCP layer)",
    ),
)
