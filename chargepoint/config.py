"""station.toml -> Settings: what is installed, as frozen structs with units in the names.

`load` reads and checks a file. Every fault is found at once, and each names the key, what was found, why it cannot be
and what to do (see `chargepoint/config_check.py`). `load_with_fallback` is what a station starts with: a damaged file
does not stop it as long as a good one was seen before (`chargepoint/config_file.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint import config_check, config_file
from chargepoint.config_faults import ConfigError, Fault
from chargepoint.config_schema import PEM
from chargepoint.vocabulary import ConnectorType, OperatingMode

__all__ = [
    "AccessSettings", "CompatibilitySettings", "ConfigError", "ConnectorSettings", "Fault", "Loaded", "MeterSettings",
    "OcppSettings", "PortSettings", "ReaderSettings", "Secrets", "Settings", "StationSettings", "StorageSettings",
    "TariffSettings", "load", "load_secrets", "load_with_fallback", "secrets_path",
]  # fmt: skip


def _about(text: str) -> Meta:
    """What a key means, in one sentence for an installer; printed in docs/configuration.md."""
    return Meta(description=text)


Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
IdText20 = Annotated[str, Meta(max_length=20)]
IdText25 = Annotated[str, Meta(max_length=25)]
IdText50 = Annotated[str, Meta(max_length=50)]
Name = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Address = Annotated[int, Meta(ge=1, le=247)]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class StationSettings(_Section, frozen=True, kw_only=True):
    """What this station is and may take. Lengths are those of BootNotification (OCPP 1.6, 6.3)."""

    name: Annotated[
        Name, _about("Name of this station; its identity at the central system unless [ocpp] names another.")
    ]
    vendor: Annotated[IdText20, _about("chargePointVendor of BootNotification.")] = "Chargepoint"
    model: Annotated[IdText20, _about("chargePointModel of BootNotification.")] = "Station"
    charge_point_serial_number: Annotated[IdText25, _about("chargePointSerialNumber; empty: not sent.")] = ""
    charge_box_serial_number: Annotated[IdText25, _about("chargeBoxSerialNumber; empty: not sent.")] = ""
    meter_type: Annotated[IdText25, _about("meterType; empty: not sent.")] = ""
    meter_serial_number: Annotated[IdText25, _about("meterSerialNumber; empty: not sent.")] = ""
    iccid: Annotated[IdText20, _about("ICCID of the modem's card; empty: not sent.")] = ""
    imsi: Annotated[IdText20, _about("IMSI of the modem's card; empty: not sent.")] = ""
    firmware_version: Annotated[IdText50, _about("firmwareVersion; empty: the version of this software.")] = ""
    operating_mode: Annotated[
        OperatingMode,
        _about("NORMAL: public. HOME: listed users only. MANUAL: remote start with a chosen duration."),
    ] = OperatingMode.NORMAL
    has_screen: Annotated[bool, _about("Whether drivers can press a button on a screen.")] = False
    free_mode: Annotated[bool, _about("Everybody may charge; without a screen, plugging in is enough.")] = False
    free_mode_id_tag: Annotated[IdText20, _about("Stand-in idTag of charges in free mode.")] = "FREE"
    plug_and_charge: Annotated[bool, _about("Plugging in starts a charge; lists and limits still hold.")] = False
    plug_and_charge_id_tag: Annotated[IdText20, _about("Stand-in idTag of such charges.")] = "PLUGNCHARGE"
    power_limit_w: Annotated[Positive, _about("What the station may draw in all (grid connection).")]
    phase_voltage_v: Annotated[Positive, _about("Voltage of a phase to neutral.")] = 230.0
    meter: Annotated[str, _about("Name of the [[meter]] of the whole station; empty: there is none.")] = ""
    max_session_duration_s: Annotated[int, Meta(ge=60), _about("A charge ends after this long.")] = 24 * 3600
    link_lost_delay_s: Annotated[
        NotNegative, _about("A running charge ends when its controller has been silent for this long.")
    ] = 10.0
    meter_lost_delay_s: Annotated[
        NotNegative, _about("A running charge ends when its meter has been silent for this long.")
    ] = 60.0
    resume_after_restart: Annotated[
        bool,
        _about("Adopt charges the controllers still run when this software was restarted inside their lease."),
    ] = True


class PortSettings(_Section, frozen=True, kw_only=True):
    """One wire with one owner. `kind` serial needs `device`, tcp needs `host`."""

    name: Annotated[Name, _about("What the other sections call it.")]
    kind: Annotated[str, Meta(pattern="^(serial|tcp)$"), _about("serial or tcp.")] = "serial"
    device: Annotated[
        str, _about("serial: the device file; a name that does not begin with / is looked up beside station.toml.")
    ] = ""
    baud_rate: Annotated[int, Meta(ge=300, le=4_000_000), _about("serial: bits per second.")] = 9600
    parity: Annotated[str, Meta(pattern="^[NEO]$"), _about("serial: N none, E even, O odd.")] = "N"
    stop_bits: Annotated[int, Meta(ge=1, le=2), _about("serial: stop bits.")] = 1
    host: Annotated[str, _about("tcp: name or address of the device or gateway.")] = ""
    port: Annotated[int, Meta(ge=0, le=65535), _about("tcp: port number.")] = 502
    timeout_s: Annotated[float, Meta(gt=0, le=5), _about("How long an answer may take.")] = 0.2


class ConnectorSettings(_Section, frozen=True, kw_only=True):
    """One outlet, the controller behind it and what its cable stands."""

    number: Annotated[int, Meta(ge=1, le=64), _about("Connector number of OCPP; the first is 1.")]
    type: Annotated[ConnectorType, _about("The plug.")]
    driver: Annotated[str, _about("Driver of its controller.")] = "native"
    port: Annotated[str, _about("Name of the [[port]] its controller hangs on.")]
    address: Annotated[Address, _about("Address of its controller on that port.")] = 1
    meter: Annotated[str, _about("Name of its [[meter]].")]
    max_current_a: Annotated[Positive, _about("Current of the output hardware; per phase for AC.")]
    max_power_w: Annotated[Positive, _about("Power of the output hardware.")]
    cable_current_a: Annotated[Positive, _about("Current the cable (or the socket) is rated for; per phase for AC.")]
    phases: Annotated[int, Meta(ge=1, le=3), _about("AC: phases wired to the outlet. DC: not used.")] = 3
    min_current_a: Annotated[
        NotNegative,
        _about("Below this the connector gets 0: 6 A per phase for AC (IEC 61851-1), about 5 A for DC."),
    ] = 6.0
    user_limit_w: Annotated[NotNegative | None, _about("Power the owner allows it; not set: no such limit.")] = None
    start_flags: Annotated[int, Meta(ge=0, le=0xFFFF), _about("Flags of the start command, hardware specific.")] = 0
    ignore_ev_connected: Annotated[
        bool, _about("The controller's flag EV_CONNECTED says nothing (contact not wired); go by its status.")
    ] = False
    plug_and_charge: Annotated[bool | None, _about("Not set: as the station.")] = None
    accept_no_fail_safe: Annotated[
        bool, _about("Accept a controller that does nothing by itself when this software dies (lower class).")
    ] = False


class MeterSettings(_Section, frozen=True, kw_only=True):
    """One energy meter."""

    name: Annotated[Name, _about("What the other sections call it.")]
    driver: Annotated[str, _about("Driver of the meter.")] = "eastron"
    port: Annotated[str, _about("Name of the [[port]] it hangs on.")]
    address: Annotated[Address, _about("Address as set on the meter's own display.")] = 1


class ReaderSettings(_Section, frozen=True, kw_only=True):
    """One card reader and the connectors it stands for."""

    name: Annotated[Name, _about("What the log and the screens call it.")]
    driver: Annotated[str, _about("Driver of the reader.")] = "simulated"
    port: Annotated[str, _about("Name of the [[port]] it hangs on; a reader has its port for itself.")] = ""
    connectors: Annotated[tuple[int, ...], _about("Numbers of the connectors it stands for; empty: all.")] = ()


class AccessSettings(_Section, frozen=True, kw_only=True):
    """Lists of users (login) or cards. White wins: while it has entries, black is not read."""

    white: Annotated[tuple[str, ...], _about("With entries here nobody else may charge.")] = ()
    black: Annotated[tuple[str, ...], _about("These may not charge.")] = ()


class TariffSettings(_Section, frozen=True, kw_only=True):
    """What a session costs, in the smallest unit of the currency. Shown and kept with the session; no bill."""

    currency: Annotated[
        str, Meta(pattern="^([A-Z]{3})?$"), _about("Currency by ISO 4217, for example EUR; empty: no price is kept.")
    ] = ""
    per_kwh: Annotated[int, Meta(ge=0), _about("Price of a kWh.")] = 0
    per_minute: Annotated[int, Meta(ge=0), _about("Price of a minute of the transaction.")] = 0
    start_fee: Annotated[int, Meta(ge=0), _about("Price of a start.")] = 0


class CompatibilitySettings(_Section, frozen=True, kw_only=True):
    """Deviations from OCPP 1.6 for central systems that need them; the defaults keep to the specification."""

    charging_from: Annotated[
        str,
        Meta(pattern="^(C1|C6)$"),
        _about("Report Charging from this controller status on: C1 or C6. A key of this section, not of [ocpp]."),
    ] = "C6"
    status_of_connector_0: Annotated[
        bool, _about("Send StatusNotification for connector 0 (the station); some servers take it for an outlet.")
    ] = True
    id_tag_case: Annotated[
        str,
        Meta(pattern="^(as_read|upper|lower)$"),
        _about("Case of the letters in idTags that are sent: as_read, upper or lower."),
    ] = "as_read"
    energy_unit: Annotated[str, Meta(pattern="^(Wh|kWh)$"), _about("Unit of energies in meter values: Wh or kWh.")] = (
        "Wh"
    )
    power_unit: Annotated[str, Meta(pattern="^(W|kW)$"), _about("Unit of powers in meter values: W or kW.")] = "W"
    celcius: Annotated[bool, _about("Spell the unit Celsius as the first edition of OCPP 1.6 did: Celcius.")] = False
    milliseconds: Annotated[bool, _about("Send times with milliseconds; off: in whole seconds.")] = True
    remote_start_id_tag: Annotated[
        str,
        Meta(max_length=20),
        _about("Stands for an empty idTag in RemoteStartTransaction; empty: such a request is Rejected."),
    ] = ""
    accept_no_subprotocol: Annotated[
        bool, _about("Go on with a server that does not name the subprotocol ocpp1.6 in its answer.")
    ] = False
    text_authorization_key: Annotated[
        bool, _about("Take an AuthorizationKey that is no hexadecimal number as the password itself.")
    ] = False
    boot_after_reconnect: Annotated[
        bool, _about("Send BootNotification after each reconnection, not only after a start.")
    ] = False
    any_certificate_issuer: Annotated[
        bool, _about("Take a certificate of this station from an authority that none of the known roots vouches for.")
    ] = False
    local_transaction_reason: Annotated[
        bool, _about("Send the reason Local in StopTransaction, too; off: it is left out, as its default.")
    ] = True


class OcppSettings(_Section, frozen=True, kw_only=True):
    """The central system. Without `url` the station works stand-alone (link DISABLED)."""

    url: Annotated[
        str,
        Meta(pattern=r"^(wss?://[^\s]+)?$"),
        _about("ws:// or wss:// address without the identity, which is added at its end; empty: stand-alone."),
    ] = ""
    identity: Annotated[
        str, Meta(max_length=48, pattern=r"^[^/\s]*$"), _about("Charge point identity; empty: the station's name.")
    ] = ""
    basic_auth_user: Annotated[str, _about("User of HTTP basic authentication; empty: the identity.")] = ""
    reconnect_spread_s: Annotated[
        NotNegative,
        _about("The first connection after power-up waits a random time up to this (0 in tests and demo)."),
    ] = 120.0
    call_timeout_s: Annotated[Positive, _about("How long an answer of the central system may take.")] = 30.0
    backup_url: Annotated[
        str,
        Meta(pattern=r"^(wss?://[^\s]+)?$"),
        _about("Second address of the central system, tried in turn when the first does not answer; empty: none."),
    ] = ""
    proxy: Annotated[
        str,
        Meta(pattern=r"^(http://[^\s/]+)?$"),
        _about('HTTP proxy of the way there, as "http://host:port" (CONNECT); empty: none.'),
    ] = ""
    security_profile: Annotated[
        Annotated[int, Meta(ge=0, le=3)] | None,
        _about("Security profile to begin with: 0 to 3. Not set: by the url and whether there is a password."),
    ] = None
    ca_file: Annotated[
        str,
        _about(
            "PEM file with the roots that may vouch for the central system, beside station.toml; empty: the system's."
        ),
    ] = ""
    local_file_hosts: Annotated[
        tuple[str, ...],
        _about("Hosts of this machine or its local link that files of the central system may lie on; otherwise none."),
    ] = ()
    compatibility: CompatibilitySettings = CompatibilitySettings()
    configuration: Annotated[
        dict[str, str | int | bool], _about("First values of OCPP configuration keys, as [ocpp.configuration].")
    ] = {}


class StorageSettings(_Section, frozen=True, kw_only=True):
    """Bounds of what is kept."""

    journal_days: Annotated[int, Meta(ge=7), _about("Days of journal.")] = 400
    journal_max_bytes: Annotated[int, Meta(ge=1_000_000), _about("Size of the journal.")] = 256_000_000
    history_days: Annotated[int, Meta(ge=1), _about("Days of history rows and samples.")] = 90
    history_max_bytes: Annotated[int, Meta(ge=1_000_000), _about("Size of the history.")] = 256_000_000
    reserve_bytes: Annotated[
        int, Meta(ge=65_536), _about("Room set aside so that running transactions can always be ended.")
    ] = 4_000_000


class Secrets(_Section, frozen=True, kw_only=True):
    """What must not be read by others: secrets.toml beside station.toml, mode 0600."""

    ocpp_authorization_key: Annotated[
        str, Meta(max_length=64), _about("Password of HTTP basic authentication at the central system.")
    ] = ""
    ocpp_client_key: Annotated[
        str,
        Meta(max_length=8_000, pattern=PEM),
        _about("Private key (PEM, no password) of the station's first certificate; later ones are made on the unit."),
    ] = ""
    ocpp_client_certificate: Annotated[
        str,
        Meta(max_length=40_000, pattern=PEM),
        _about("The station's first certificate and its intermediate ones (PEM), used until one has come by OCPP."),
    ] = ""


class Settings(_Section, frozen=True, kw_only=True):
    """A whole station.toml."""

    station: StationSettings
    port: tuple[PortSettings, ...]
    connector: tuple[ConnectorSettings, ...]
    meter: tuple[MeterSettings, ...] = ()
    reader: tuple[ReaderSettings, ...] = ()
    access: AccessSettings = AccessSettings()
    tariff: TariffSettings = TariffSettings()
    ocpp: OcppSettings = OcppSettings()
    storage: StorageSettings = StorageSettings()

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
    if not port.device or port.device.startswith("/"):
        return port
    return msgspec.structs.replace(port, device=str((folder / port.device).absolute()))
