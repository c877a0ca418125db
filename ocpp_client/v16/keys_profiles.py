"""Configuration keys of the other feature profiles. Source: OCPP 1.6, 9.2 to 9.4."""

from __future__ import annotations

from chargepoint.schedules import MAX_PERIODS, MAX_SCHEDULES, MAX_STACK_LEVEL
from ocpp_client.v16.key_kinds import Flag, Key, Number

MAX_LIST = 5000
MAX_LIST_UPDATE = 500

PROFILES: tuple[Key, ...] = (
    Flag(
        name="AllowNewSessionsPendingFirmwareUpdate",
        default="true",
        description="charges begin while an update waits for those that run; false: none do, so that it comes to its "
        "turn (of OCPP 2.0.1; first as `[update] while_charging`, without effect where that is `stop`)",
    ),
    Flag(name="LocalAuthListEnabled", default="true", description="the local authorisation list is used"),
    Number(
        name="LocalAuthListMaxLength",
        default=str(MAX_LIST),
        readonly=True,
        description="most idTags in the local authorisation list",
    ),
    Number(
        name="SendLocalListMaxLength",
        default=str(MAX_LIST_UPDATE),
        readonly=True,
        description="most idTags in one SendLocalList",
    ),
    Flag(
        name="ReserveConnectorZeroSupported",
        default="true",
        readonly=True,
        description="a reservation may leave the choice of the connector open",
    ),
    Number(
        name="ChargeProfileMaxStackLevel",
        default=str(MAX_STACK_LEVEL),
        readonly=True,
        description="highest stack level of a charging profile",
    ),
    Key(
        name="ChargingScheduleAllowedChargingRateUnit",
        default="Current,Power",
        readonly=True,
        description="units of a charging schedule: A and W",
    ),
    Number(
        name="ChargingScheduleMaxPeriods",
        default=str(MAX_PERIODS),
        readonly=True,
        description="most periods of a charging schedule",
    ),
    Flag(
        name="ConnectorSwitch3to1PhaseSupported",
        default="false",
        readonly=True,
        description="a running charge can be switched from three phases to one",
    ),
    Number(
        name="MaxChargingProfilesInstalled",
        default=str(MAX_SCHEDULES),
        readonly=True,
        description="most charging profiles at one time",
    ),
    Key(
        name="SupportedFileTransferProtocols",
        default="FTP,FTPS,HTTP,HTTPS,SFTP",
        readonly=True,
        description="ways to fetch software and to send diagnostics",
    ),
)
