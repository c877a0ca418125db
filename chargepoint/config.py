"""station.toml -> Settings: what is installed, as frozen structs with units in the names.

`load` reads and checks a file. Every fault is found at once, and each names the key, what was found, why it cannot be
and what to do (see `chargepoint/config_check.py`). `load_with_fallback` is what a station starts with: a damaged file
does not stop it as long as a good one was seen before (`chargepoint/config_file.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, field

from chargepoint import config_check, config_file
from chargepoint.config_devices import (
    ClimateSettings,
    ConnectorSettings,
    InputSettings,
    InsulationSettings,
    IoSettings,
    LightSettings,
    MeterSettings,
    ModulesSettings,
    OutputSettings,
    PortSettings,
    ReaderSettings,
    SensorSettings,
    UpsSettings,
)
from chargepoint.config_faults import ConfigError, Fault
from chargepoint.config_power import GroupSettings, PowerSettings, SwitchSettings
from chargepoint.config_schema import PEM
from chargepoint.config_screen import ScreenSettings
from chargepoint.config_types import IdText20, IdText25, IdText50, Name, NotNegative, Positive, Section, about
from chargepoint.config_upkeep import HousekeepingSettings, LogSettings, UpdateSettings
from chargepoint.config_web import WebSettings
from chargepoint.vocabulary import OperatingMode

__all__ = [
    "AccessSettings", "ClimateSettings", "CompatibilitySettings", "ConfigError", "ConnectorSettings", "Fault",
    "GroupSettings", "InputSettings", "InsulationSettings", "IoSettings", "LightSettings", "Loaded", "MeterSettings",
    "ModulesSettings", "OcppSettings", "OutputSettings", "PortSettings", "PowerSettings", "ReaderSettings",
    "ScreenSettings", "Secrets", "SensorSettings", "Settings", "StationSettings", "StorageSettings", "SwitchSettings",
    "TariffSettings", "UpsSettings", "load", "load_secrets", "load_with_fallback", "secrets_path",
]  # fmt: skip


class StationSettings(Section, frozen=True, kw_only=True):
    """What this station is and may take. Lengths are those of BootNotification (OCPP 1.6, 6.3)."""

    name: Annotated[
        Name, about("Name of this station; its identity at the central system unless [ocpp] names another.")
    ]
    address: Annotated[
        str,
        Meta(max_length=200),
        about("Where the station stands, for people who look after it: place, street, house."),
    ] = ""
    vendor: Annotated[IdText20, about("chargePointVendor of BootNotification.")] = "Chargepoint"
    model: Annotated[IdText20, about("chargePointModel of BootNotification.")] = "Station"
    charge_point_serial_number: Annotated[IdText25, about("chargePointSerialNumber; empty: not sent.")] = ""
    charge_box_serial_number: Annotated[IdText25, about("chargeBoxSerialNumber; empty: not sent.")] = ""
    meter_type: Annotated[IdText25, about("meterType; empty: not sent.")] = ""
    meter_serial_number: Annotated[IdText25, about("meterSerialNumber; empty: not sent.")] = ""
    iccid: Annotated[IdText20, about("ICCID of the modem's card; empty: not sent.")] = ""
    imsi: Annotated[IdText20, about("IMSI of the modem's card; empty: not sent.")] = ""
    firmware_version: Annotated[IdText50, about("firmwareVersion; empty: the version of this software.")] = ""
    operating_mode: Annotated[
        OperatingMode,
        about("NORMAL: public. HOME: listed users only. MANUAL: remote start with a chosen duration."),
    ] = OperatingMode.NORMAL
    free_mode: Annotated[bool, about("Everybody may charge; without a screen, plugging in is enough.")] = False
    free_mode_id_tag: Annotated[IdText20, about("Stand-in idTag of charges in free mode.")] = "FREE"
    plug_and_charge: Annotated[bool, about("Plugging in starts a charge: nobody is asked, no list counts.")] = False
    plug_and_charge_id_tag: Annotated[IdText20, about("Stand-in idTag of such charges.")] = "PLUGNCHARGE"
    autocharge: Annotated[
        bool, about("A vehicle that says who it is (VIN, or address of its modem) is asked for like a card.")
    ] = False
    power_limit_w: Annotated[Positive, about("What the station may draw in all (grid connection).")]
    phase_voltage_v: Annotated[Positive, about("Voltage of a phase to neutral.")] = 230.0
    phase_limit_a: Annotated[
        Positive | None,
        about("Most current of each phase of the grid connection, other loads of its meter included. Not set: none."),
    ] = None
    max_imbalance_a: Annotated[
        Positive | None,
        about("Most that the connectors' current on one phase may be above that on another (AC). Not set: any."),
    ] = None
    meter: Annotated[str, about("Name of the [[meter]] of the whole station; empty: there is none.")] = ""
    max_session_duration_s: Annotated[int, Meta(ge=60), about("A charge ends after this long.")] = 24 * 3600
    link_lost_delay_s: Annotated[
        NotNegative, about("A running charge ends when its controller has been silent for this long.")
    ] = 10.0
    meter_lost_delay_s: Annotated[
        NotNegative, about("A running charge ends when its meter has been silent for this long.")
    ] = 60.0
    resume_after_restart: Annotated[
        bool,
        about("Adopt charges the controllers still run when this software was restarted inside their lease."),
    ] = True


class AccessSettings(Section, frozen=True, kw_only=True):
    """Lists of users (login) or cards. White wins: while it has entries, black is not read."""

    white: Annotated[tuple[str, ...], about("With entries here nobody else may charge.")] = ()
    black: Annotated[tuple[str, ...], about("These may not charge.")] = ()


class TariffSettings(Section, frozen=True, kw_only=True):
    """What a session costs, in the smallest unit of the currency. Shown and kept with the session; no bill."""

    currency: Annotated[
        str, Meta(pattern="^([A-Z]{3})?$"), about("Currency by ISO 4217, for example EUR; empty: no price is kept.")
    ] = ""
    digits: Annotated[
        int, Meta(ge=0, le=4), about("Digits behind the decimal mark of the currency; 2: amounts are in hundredths.")
    ] = 2
    per_kwh: Annotated[int, Meta(ge=0), about("Price of a kWh.")] = 0
    per_minute: Annotated[int, Meta(ge=0), about("Price of a minute of the transaction.")] = 0
    start_fee: Annotated[int, Meta(ge=0), about("Price of a start.")] = 0
    idle_per_minute: Annotated[int, Meta(ge=0), about("Price of a minute plugged in after the charge; shown only.")] = 0
    idle_free_min: Annotated[int, Meta(ge=0), about("Minutes after the charge that are free of it.")] = 0


class CompatibilitySettings(Section, frozen=True, kw_only=True):
    """Deviations from OCPP 1.6 for central systems that need them; the defaults keep to the specification."""

    charging_from: Annotated[
        str,
        Meta(pattern="^(C1|C6)$"),
        about("Report Charging from this controller status on: C1 or C6. A key of this section, not of [ocpp]."),
    ] = "C6"
    status_of_connector_0: Annotated[
        bool, about("Send StatusNotification for connector 0 (the station); some servers take it for an outlet.")
    ] = True
    id_tag_case: Annotated[
        str,
        Meta(pattern="^(as_read|upper|lower)$"),
        about("Case of the letters in idTags that are sent: as_read, upper or lower."),
    ] = "as_read"
    energy_unit: Annotated[str, Meta(pattern="^(Wh|kWh)$"), about("Unit of energies in meter values: Wh or kWh.")] = (
        "Wh"
    )
    power_unit: Annotated[str, Meta(pattern="^(W|kW)$"), about("Unit of powers in meter values: W or kW.")] = "W"
    celcius: Annotated[bool, about("Spell the unit Celsius as the first edition of OCPP 1.6 did: Celcius.")] = False
    milliseconds: Annotated[bool, about("Send times with milliseconds; off: in whole seconds.")] = True
    remote_start_id_tag: Annotated[
        str,
        Meta(max_length=20),
        about("Stands for an empty idTag in RemoteStartTransaction; empty: such a request is Rejected."),
    ] = ""
    accept_no_subprotocol: Annotated[
        bool, about("Go on with a server that does not name the subprotocol ocpp1.6 in its answer.")
    ] = False
    text_authorization_key: Annotated[
        bool, about("Take an AuthorizationKey that is no hexadecimal number as the password itself.")
    ] = False
    boot_after_reconnect: Annotated[
        bool, about("Send BootNotification after each reconnection, not only after a start.")
    ] = False
    any_certificate_issuer: Annotated[
        bool, about("Take a certificate of this station from an authority that none of the known roots vouches for.")
    ] = False
    local_transaction_reason: Annotated[
        bool, about("Send the reason Local in StopTransaction, too; off: it is left out, as its default.")
    ] = True


class OcppSettings(Section, frozen=True, kw_only=True):
    """The central system. Without `url` the station works stand-alone (link DISABLED)."""

    url: Annotated[
        str,
        Meta(pattern=r"^(wss?://[^\s]+)?$"),
        about("ws:// or wss:// address without the identity, which is added at its end; empty: stand-alone."),
    ] = ""
    identity: Annotated[
        str, Meta(max_length=48, pattern=r"^[^/\s]*$"), about("Charge point identity; empty: the station's name.")
    ] = ""
    basic_auth_user: Annotated[str, about("User of HTTP basic authentication; empty: the identity.")] = ""
    reconnect_spread_s: Annotated[
        NotNegative,
        about("The first connection after power-up waits a random time up to this (0 in tests and demo)."),
    ] = 120.0
    call_timeout_s: Annotated[Positive, about("How long an answer of the central system may take.")] = 30.0
    backup_url: Annotated[
        str,
        Meta(pattern=r"^(wss?://[^\s]+)?$"),
        about("Second address of the central system, tried in turn when the first does not answer; empty: none."),
    ] = ""
    proxy: Annotated[
        str,
        Meta(pattern=r"^(http://[^\s/]+)?$"),
        about('HTTP proxy of the way there, as "http://host:port" (CONNECT); empty: none.'),
    ] = ""
    security_profile: Annotated[
        Annotated[int, Meta(ge=0, le=3)] | None,
        about("Security profile to begin with: 0 to 3. Not set: by the url and whether there is a password."),
    ] = None
    ca_file: Annotated[
        str,
        about(
            "PEM file with the roots that may vouch for the central system, beside station.toml; empty: the system's."
        ),
    ] = ""
    local_file_hosts: Annotated[
        tuple[str, ...],
        about("Hosts of this machine or its local link that files of the central system may lie on; otherwise none."),
    ] = ()
    compatibility: CompatibilitySettings = CompatibilitySettings()
    configuration: Annotated[
        dict[str, str | int | bool], about("First values of OCPP configuration keys, as [ocpp.configuration].")
    ] = field(default_factory=dict)


class StorageSettings(Section, frozen=True, kw_only=True):
    """Bounds of what is kept."""

    journal_days: Annotated[int, Meta(ge=7), about("Days of journal.")] = 400
    journal_max_bytes: Annotated[int, Meta(ge=1_000_000), about("Size of the journal.")] = 256_000_000
    history_days: Annotated[int, Meta(ge=1), about("Days of history rows and samples.")] = 90
    history_max_bytes: Annotated[int, Meta(ge=1_000_000), about("Size of the history.")] = 256_000_000
    reserve_bytes: Annotated[
        int, Meta(ge=65_536), about("Room set aside so that running transactions can always be ended.")
    ] = 4_000_000


class Secrets(Section, frozen=True, kw_only=True):
    """What must not be read by others: secrets.toml beside station.toml, mode 0600."""

    ocpp_authorization_key: Annotated[
        str, Meta(max_length=64), about("Password of HTTP basic authentication at the central system.")
    ] = ""
    ocpp_client_key: Annotated[
        str,
        Meta(max_length=8_000, pattern=PEM),
        about("Private key (PEM, no password) of the station's first certificate; later ones are made on the unit."),
    ] = ""
    ocpp_client_certificate: Annotated[
        str,
        Meta(max_length=40_000, pattern=PEM),
        about("The station's first certificate and its intermediate ones (PEM), used until one has come by OCPP."),
    ] = ""


class Settings(Section, frozen=True, kw_only=True):
    """A whole station.toml."""

    station: StationSettings
    port: tuple[PortSettings, ...]
    connector: tuple[ConnectorSettings, ...]
    meter: tuple[MeterSettings, ...] = ()
    reader: tuple[ReaderSettings, ...] = ()
    modules: tuple[ModulesSettings, ...] = ()
    power: PowerSettings = PowerSettings()
    group: tuple[GroupSettings, ...] = ()
    switch: tuple[SwitchSettings, ...] = ()
    insulation: tuple[InsulationSettings, ...] = ()
    io: tuple[IoSettings, ...] = ()
    input: tuple[InputSettings, ...] = ()
    output: tuple[OutputSettings, ...] = ()
    sensor: tuple[SensorSettings, ...] = ()
    climate: ClimateSettings = ClimateSettings()
    light: tuple[LightSettings, ...] = ()
    ups: tuple[UpsSettings, ...] = ()
    access: AccessSettings = AccessSettings()
    tariff: TariffSettings = TariffSettings()
    screen: ScreenSettings = ScreenSettings()
    web: WebSettings = WebSettings()
    ocpp: OcppSettings = OcppSettings()
    storage: StorageSettings = StorageSettings()
    update: UpdateSettings = UpdateSettings()
    logs: LogSettings = LogSettings()
    housekeeping: HousekeepingSettings = HousekeepingSettings()

    def connector_settings(self, number: int) -> ConnectorSettings:
        """The section of connector `number`. Raises KeyError when there is none."""
        for settings in self.connector:
            if settings.number == number:
                return settings
        raise KeyError(number)


class Loaded(msgspec.Struct, frozen=True):
    """Settings and where they came from. `damage`: the faults of station.toml when the last good copy had to serve."""

    settings: Settings
    source: Path
    damage: tuple[Fault, ...] = ()


def load(path: Path) -> Settings:
    """The settings of a station file. Raises ConfigError with every fault there is."""
    return _settings_from(config_file.read(path), path)


def load_with_fallback(path: Path, data: Path) -> Loaded:
    """As `load`, but a file that is damaged or lost gives its last good copy kept in the folder `data`, and the damage.

    A good file is kept there (durable, with a checksum, and one older generation): hold the lock of `data`. Raises
    ConfigError with the faults of `path` when no good copy of this very file was ever kept; a mistyped name is one.
    """
    try:
        content = config_file.read(path)
        settings = _settings_from(content, path)
    except ConfigError as error:
        for kept, content in config_file.kept(data, path):
            try:
                return Loaded(_settings_from(content, path), kept, error.faults)
            except ConfigError:
                continue  # a newer version of this software may refuse what an older one took
        raise
    config_file.keep(content, data, path)
    return Loaded(settings, path)


def secrets_path(path: Path) -> Path:
    """secrets.toml beside the station file."""
    return path.parent / "secrets.toml"


def load_secrets(path: Path) -> Secrets:
    """The secrets beside the station file `path`; none when there is no such file.

    Raises ConfigError when others may read the file, or when it is damaged: a secret never falls back to a default.
    No fault repeats what the file holds.
    """
    path = secrets_path(path)
    try:
        content = config_file.read(path, private=True)
    except FileNotFoundError:
        return Secrets()
    document = config_file.parse(content, path.name, private=True)
    faults = config_check.check_secrets(document, Secrets, path.name)
    if faults:
        raise ConfigError(path, faults)
    return msgspec.convert(document, Secrets)


def _settings_from(content: bytes, path: Path) -> Settings:
    """`path` is where the content belongs: relative device names are looked up beside it."""
    document = config_file.parse(content, path.name)
    faults = config_check.check(document, Settings, path.name)
    if faults:
        raise ConfigError(path, faults)
    settings = msgspec.convert(document, Settings)
    ports = tuple(_located(port, path.parent) for port in settings.port)
    ocpp = settings.ocpp
    if ocpp.ca_file and not ocpp.ca_file.startswith("/"):
        ocpp = msgspec.structs.replace(ocpp, ca_file=str((path.parent / ocpp.ca_file).absolute()))
    return msgspec.structs.replace(settings, port=ports, ocpp=ocpp)


def _located(port: PortSettings, folder: Path) -> PortSettings:
    is_name = "://" in port.device or (port.kind == "can" and port.interface != "slcan")  # no file
    if not port.device or port.device.startswith("/") or is_name:
        return port
    return msgspec.structs.replace(port, device=str((folder / port.device).absolute()))
