"""station.toml -> Settings: what is installed, as frozen structs with units in the names.

`load` reads and checks a file. Every fault is found at once, and each names the key, what was found, why it cannot be
and what to do (see `chargepoint/config_check.py`).
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint.vocabulary import ConnectorType, OperatingMode

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
IdText20 = Annotated[str, Meta(max_length=20)]
IdText25 = Annotated[str, Meta(max_length=25)]
IdText50 = Annotated[str, Meta(max_length=50)]
Name = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class StationSettings(_Section, frozen=True, kw_only=True):
    """[station]: what this station is and may take. Lengths are those of BootNotification (OCPP 1.6, 6.3)."""

    name: Name
    vendor: IdText20 = "Chargepoint"
    model: IdText20 = "Station"
    charge_point_serial_number: IdText25 = ""
    charge_box_serial_number: IdText25 = ""
    meter_type: IdText25 = ""
    meter_serial_number: IdText25 = ""
    iccid: IdText20 = ""
    imsi: IdText20 = ""
    firmware_version: IdText50 = ""
    """Empty: the version of this software."""
    operating_mode: OperatingMode = OperatingMode.NORMAL
    has_screen: bool = False
    free_mode: bool = False
    free_mode_id_tag: IdText20 = "FREE"
    plug_and_charge: bool = False
    plug_and_charge_id_tag: IdText20 = "PLUGNCHARGE"
    power_limit_w: Positive
    """What the station may draw in all (grid connection)."""
    phase_voltage_v: Positive = 230.0
    meter: str = ""
    """Name of the [[meter]] of the whole station, if there is one."""
    max_session_duration_s: Annotated[int, Meta(ge=60)] = 24 * 3600
    link_lost_delay_s: NotNegative = 10.0
    """A running charge ends when its controller has been silent for this long."""
    meter_lost_delay_s: NotNegative = 60.0
    """A running charge ends when its meter has been silent for this long."""
    resume_after_restart: bool = True
    """Adopt charges the controllers still run when this software was restarted inside their lease."""


class PortSettings(_Section, frozen=True, kw_only=True):
    """[[port]]: one wire with one owner. `kind` serial needs `device`, tcp needs `host` and `port`."""

    name: Name
    kind: Annotated[str, Meta(pattern="^(serial|tcp)$")] = "serial"
    device: str = ""
    baud_rate: Annotated[int, Meta(ge=300, le=4_000_000)] = 9600
    parity: Annotated[str, Meta(pattern="^[NEO]$")] = "N"
    stop_bits: Annotated[int, Meta(ge=1, le=2)] = 1
    host: str = ""
    port: Annotated[int, Meta(ge=0, le=65535)] = 502
    timeout_s: Annotated[float, Meta(gt=0, le=5)] = 0.2


class ConnectorSettings(_Section, frozen=True, kw_only=True):
    """[[connector]]: one outlet, the controller behind it and what its cable stands."""

    number: Annotated[int, Meta(ge=1, le=64)]
    type: ConnectorType
    driver: str = "native"
    port: str
    address: Annotated[int, Meta(ge=1, le=247)] = 1
    meter: str
    """Name of its [[meter]]."""
    max_current_a: Positive
    """Output hardware current; per phase for AC."""
    max_power_w: Positive
    cable_current_a: Positive
    phases: Annotated[int, Meta(ge=1, le=3)] = 3
    min_current_a: NotNegative = 6.0
    """Below this the connector gets 0: 6 A per phase for AC (IEC 61851-1), about 5 A for DC."""
    user_limit_w: NotNegative | None = None
    start_flags: Annotated[int, Meta(ge=0, le=0xFFFF)] = 0
    ignore_ev_connected: bool = False
    plug_and_charge: bool | None = None
    """None: as the station."""
    accept_no_fail_safe: bool = False
    """Accept a controller that does nothing by itself when this software dies (lower class)."""


class MeterSettings(_Section, frozen=True, kw_only=True):
    """[[meter]]: one energy meter."""

    name: Name
    driver: str = "eastron"
    port: str
    address: Annotated[int, Meta(ge=1, le=247)] = 1


class ReaderSettings(_Section, frozen=True, kw_only=True):
    """[[reader]]: one card reader and the connectors it stands for (empty: all)."""

    name: Name
    driver: str = "simulated"
    port: str = ""
    connectors: tuple[int, ...] = ()


class AccessSettings(_Section, frozen=True, kw_only=True):
    """[access]: entries name users (login) or cards. White wins: while it has entries, black is not read."""

    white: tuple[str, ...] = ()
    black: tuple[str, ...] = ()


class OcppSettings(_Section, frozen=True, kw_only=True):
    """[ocpp]: the central system. Without `url` the station works stand-alone (link DISABLED)."""

    url: Annotated[str, Meta(pattern=r"^(wss?://[^\s]+)?$")] = ""
    identity: Annotated[str, Meta(max_length=48, pattern=r"^[^/\s]*$")] = ""
    """Charge point identity at the end of the URL; empty: the station's name."""
    basic_auth_user: str = ""
    reconnect_spread_s: NotNegative = 120.0
    """First connection after power-up waits a random time up to this (0 in tests and demo)."""
    call_timeout_s: Positive = 30.0
    charging_from: Annotated[str, Meta(pattern="^(C1|C6)$")] = "C6"
    """Report Charging from this controller status on (statuses.md 2a)."""
    configuration: dict[str, str | int | bool] = {}
    """[ocpp.configuration]: first values of OCPP configuration keys."""


class StorageSettings(_Section, frozen=True, kw_only=True):
    """[storage]: bounds of what is kept."""

    journal_days: Annotated[int, Meta(ge=7)] = 400
    journal_max_bytes: Annotated[int, Meta(ge=1_000_000)] = 256_000_000
    history_days: Annotated[int, Meta(ge=1)] = 90
    history_max_bytes: Annotated[int, Meta(ge=1_000_000)] = 256_000_000
    reserve_bytes: Annotated[int, Meta(ge=65_536)] = 4_000_000
    """Room set aside so that running transactions can always be ended (R27)."""


class Secrets(_Section, frozen=True, kw_only=True):
    """secrets.toml beside station.toml, mode 0600: what must not be read by others."""

    ocpp_authorization_key: str = ""


class Settings(_Section, frozen=True, kw_only=True):
    """A whole station.toml."""

    station: StationSettings
    port: tuple[PortSettings, ...]
    connector: tuple[ConnectorSettings, ...]
    meter: tuple[MeterSettings, ...] = ()
    reader: tuple[ReaderSettings, ...] = ()
    access: AccessSettings = AccessSettings()
    ocpp: OcppSettings = OcppSettings()
    storage: StorageSettings = StorageSettings()

    def connector_settings(self, number: int) -> ConnectorSettings:
        """The section of connector `number`. Raises KeyError when there is none."""
        for settings in self.connector:
            if settings.number == number:
                return settings
        raise KeyError(number)
