"""Sections of a station file about wires and devices: what is installed, and where it hangs."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from chargepoint.config_types import (
    Address,
    DeviceAddress,
    Name,
    NotNegative,
    Options,
    Positive,
    Section,
    UnitAddress,
    about,
)
from chargepoint.vocabulary import ClimateZone, ConnectorType, InputFunction, OutputFunction

DELIVERED = "Not set: as the device is delivered, see docs/devices.md."
OPTIONS = about("What its driver needs beside that, as its model; see docs/devices.md.")


class PortSettings(Section, frozen=True, kw_only=True):
    """One wire with one owner. Kinds serial, can, gpio and spi need `device`; tcp and http need `host`."""

    name: Annotated[Name, about("What the other sections call it.")]
    kind: Annotated[
        str, Meta(pattern="^(serial|tcp|can|http|gpio|spi)$"), about("serial, tcp, can, http, gpio or spi.")
    ] = "serial"
    device: Annotated[
        str,
        about(
            "serial, gpio, spi: the device file; a name that does not begin with / is looked up beside station.toml. "
            "serial behind a converter that hands bytes on as they are (transparent): socket://192.168.10.20:4196. "
            "can: the channel of its interface, as can0, /dev/ttyACM0 or socket://192.168.10.21:3000."
        ),
    ] = ""
    baud_rate: Annotated[int, Meta(ge=300, le=4_000_000), about("serial: bits per second.")] = 9600
    parity: Annotated[str, Meta(pattern="^[NEO]$"), about("serial: N none, E even, O odd.")] = "N"
    stop_bits: Annotated[int, Meta(ge=1, le=2), about("serial: stop bits.")] = 1
    data_bits: Annotated[int, Meta(ge=7, le=8), about("serial: data bits; 7 for meters of IEC 62056-21.")] = 8
    host: Annotated[str, about("tcp, http: name or address of the device or gateway.")] = ""
    port: Annotated[int, Meta(ge=0, le=65535), about("tcp, http: port number.")] = 502
    interface: Annotated[
        str, about("can: socketcan, slcan, or another interface of python-can (its documentation names them).")
    ] = "socketcan"
    bit_rate: Annotated[
        int, Meta(ge=10_000, le=1_000_000), about("can: bits per second; for socketcan the system has set them.")
    ] = 125_000
    options: Annotated[Options, about("can: further settings of the interface, as python-can names them.")] = field(
        default_factory=dict
    )
    timeout_s: Annotated[float, Meta(gt=0, le=5), about("How long an answer may take.")] = 0.2


class ConnectorSettings(Section, frozen=True, kw_only=True):
    """One outlet, the controller behind it and what its cable stands."""

    number: Annotated[int, Meta(ge=1, le=64), about("Connector number of OCPP; the first is 1.")]
    type: Annotated[ConnectorType, about("The plug.")]
    driver: Annotated[str, about("Driver of its controller.")] = "native"
    port: Annotated[str, about("Name of the [[port]] its controller hangs on; empty for a driver that has none.")] = ""
    address: Annotated[
        UnitAddress | None, about(f"Address of its controller on that port (CANopen: 1 to 127). {DELIVERED}")
    ] = None
    options: Annotated[Options, OPTIONS] = field(default_factory=dict)
    meter: Annotated[str, about("Name of its [[meter]].")]
    max_current_a: Annotated[Positive, about("Current of the output hardware; per phase for AC.")]
    max_power_w: Annotated[Positive, about("Power of the output hardware.")]
    cable_current_a: Annotated[Positive, about("Current the cable (or the socket) is rated for; per phase for AC.")]
    phases: Annotated[int, Meta(ge=1, le=3), about("AC: phases wired to the outlet. DC: not used.")] = 3
    min_current_a: Annotated[
        NotNegative,
        about("Below this the connector gets 0: 6 A per phase for AC (IEC 61851-1), about 5 A for DC."),
    ] = 6.0
    user_limit_w: Annotated[NotNegative | None, about("Power the owner allows it; not set: no such limit.")] = None
    start_flags: Annotated[int, Meta(ge=0, le=0xFFFF), about("Flags of the start command, hardware specific.")] = 0
    ignore_ev_connected: Annotated[
        bool, about("The controller's flag EV_CONNECTED says nothing (contact not wired); go by its status.")
    ] = False
    contactor: Annotated[
        str,
        about(
            "Name of an [[output]] with a contactor before the controller; closed only while this connector may have "
            "energy. Needed for a controller that does nothing by itself when this software dies."
        ),
    ] = ""
    modules: Annotated[
        str, about("DC: name of the [[modules]] that feed it, for controllers that command no modules of their own.")
    ] = ""
    insulation: Annotated[str, about("DC: name of the [[insulation]] monitor of its output.")] = ""
    bus: Annotated[
        str, about("DC: the bus of its output, for modules that are shared: what its [[switch]] contactors join it to.")
    ] = ""
    guarantee_w: Annotated[
        NotNegative | None, about("What it gets before any gets more. Not set: as [power] guarantee_w.")
    ] = None
    weight: Annotated[
        Annotated[float, Meta(gt=0, le=100)], about("Its part of the power beside the others'; 2 gets twice as much.")
    ] = 1.0
    first_phase: Annotated[
        int, Meta(ge=1, le=3), about("AC: the phase of the grid that its first one is wired to.")
    ] = 1
    plug_and_charge: Annotated[bool | None, about("Not set: as the station.")] = None
    accept_no_fail_safe: Annotated[
        bool, about("Accept a controller that does nothing by itself when this software dies (lower class).")
    ] = False


class MeterSettings(Section, frozen=True, kw_only=True):
    """One energy meter."""

    name: Annotated[Name, about("What the other sections call it.")]
    driver: Annotated[str, about("Driver of the meter.")] = "eastron"
    port: Annotated[str, about("Name of the [[port]] it hangs on.")]
    address: Annotated[DeviceAddress | None, about(f"Address as set on the meter's own display. {DELIVERED}")] = None
    options: Annotated[Options, OPTIONS] = field(default_factory=dict)


class ReaderSettings(Section, frozen=True, kw_only=True):
    """One card reader and the connectors it stands for."""

    name: Annotated[Name, about("What the log and the screens call it.")]
    driver: Annotated[str, about("Driver of the reader.")] = "simulated"
    port: Annotated[
        str, about("Name of the [[port]] it hangs on; a reader has its port for itself. Empty for driver pcsc.")
    ] = ""
    connectors: Annotated[tuple[int, ...], about("Numbers of the connectors it stands for; empty: all.")] = ()
    options: Annotated[Options, OPTIONS] = field(default_factory=dict)


class ModulesSettings(Section, frozen=True, kw_only=True):
    """DC power modules that work together, on one CAN bus."""

    name: Annotated[Name, about("What the other sections call them.")]
    driver: Annotated[str, about("Driver of the modules.")]
    port: Annotated[str, about("Name of the [[port]] (kind can) they hang on.")]
    addresses: Annotated[tuple[DeviceAddress, ...], about("Their addresses on that bus, as set on the modules.")]
    min_voltage_v: Annotated[
        NotNegative | None, about("Lowest voltage of one module by its data sheet. Not set: 50.")
    ] = None
    max_voltage_v: Annotated[
        Positive | None, about("Highest voltage of one module by its data sheet. Needed for modules of a [[group]].")
    ] = None
    max_current_a: Annotated[
        Positive | None, about("Most current of one module by its data sheet. Needed for modules of a [[group]].")
    ] = None
    max_power_w: Annotated[
        Positive | None, about("Most power of one module by its data sheet. Needed for modules of a [[group]].")
    ] = None
    second_min_voltage_v: Annotated[
        NotNegative | None, about("A module with two ranges (halves in series or parallel): lowest of the other one.")
    ] = None
    second_max_voltage_v: Annotated[Positive | None, about("Highest voltage of its other range.")] = None
    second_max_current_a: Annotated[Positive | None, about("Most current in its other range.")] = None
    efficiency: Annotated[
        tuple[tuple[float, ...], ...],
        about("Points of one module's efficiency, load and efficiency each 0 to 1: [[0.1, 0.91], [0.5, 0.96]]."),
    ] = ()
    options: Annotated[Options, OPTIONS] = field(default_factory=dict)


class InsulationSettings(Section, frozen=True, kw_only=True):
    """An insulation monitor of a DC output."""

    name: Annotated[Name, about("What the other sections call it.")]
    driver: Annotated[str, about("Driver of the monitor.")]
    port: Annotated[str, about("Name of the [[port]] it hangs on.")]
    address: Annotated[Address | None, about(f"Its address on that port. {DELIVERED}")] = None
    warning_ohm_per_v: Annotated[Positive, about("It warns below this insulation resistance per volt.")] = 500.0
    alarm_ohm_per_v: Annotated[Positive, about("A charge ends below this insulation resistance per volt.")] = 100.0
    options: Annotated[Options, OPTIONS] = field(default_factory=dict)


class IoSettings(Section, frozen=True, kw_only=True):
    """A module of digital inputs and outputs."""

    name: Annotated[Name, about("What the other sections call it.")]
    driver: Annotated[str, about("Driver of the module.")]
    port: Annotated[str, about("Name of the [[port]] it hangs on.")]
    address: Annotated[Address | None, about(f"Its address on that port. {DELIVERED}")] = None
    watchdog_s: Annotated[
        float,
        Meta(ge=0.5, le=30),
        about("Its own outputs fall off when it was not asked for this long (where the module can)."),
    ] = 3.0
    options: Annotated[Options, OPTIONS] = field(default_factory=dict)


class InputSettings(Section, frozen=True, kw_only=True):
    """One digital input and what it means."""

    name: Annotated[Name, about("What the log, the screens and other sections call it.")]
    function: Annotated[InputFunction, about("What it means when it is active; see the table of docs/devices.md.")]
    io: Annotated[str, about("Name of the [[io]] module it is wired to.")]
    channel: Annotated[int, Meta(ge=0, le=255), about("Its number there; the first is 0.")]
    normally_closed: Annotated[
        bool | None,
        about("The contact is closed while all is well, so that a broken wire counts as active. Not set: as usual."),
    ] = None
    debounce_s: Annotated[
        Annotated[float, Meta(ge=0, le=60)] | None, about("So long a change must last. Not set: as usual.")
    ] = None
    connectors: Annotated[tuple[int, ...], about("Numbers of the connectors it stops; empty: all.")] = ()
    limit_w: Annotated[
        NotNegative | None,
        about("power_reduction: what the station may draw in all while it is active (generator, battery)."),
    ] = None


class OutputSettings(Section, frozen=True, kw_only=True):
    """One digital output and what hangs on it."""

    name: Annotated[Name, about("What the log, the screens and other sections call it.")]
    function: Annotated[OutputFunction, about("What it switches.")]
    io: Annotated[str, about("Name of the [[io]] module it is wired to.")]
    channel: Annotated[int, Meta(ge=0, le=255), about("Its number there; the first is 0.")]
    inverted: Annotated[bool, about("The consumer is on while the output is off (not for contactors).")] = False
    feedback: Annotated[
        str, about("Contactor: name of the [[input]] (contactor_feedback) of its auxiliary contact; empty: none.")
    ] = ""
    zone: Annotated[ClimateZone | None, about("Heater, fan: the zone it works in.")] = None
    connector: Annotated[
        Annotated[int, Meta(ge=0, le=64)], about("Light, buzzer: the connector it belongs to; 0: the station.")
    ] = 0
    operations_per_life: Annotated[
        int, Meta(ge=0), about("Contactor: closings it is made for; at 90 % the technician is told. 0: not watched.")
    ] = 0


class SensorSettings(Section, frozen=True, kw_only=True):
    """A sensor of temperature and humidity."""

    name: Annotated[Name, about("What the log and the screens call it.")]
    zone: Annotated[ClimateZone, about("Where it hangs. front and rear decide; inner and outer only inform.")]
    driver: Annotated[str, about("Driver of the sensor.")]
    port: Annotated[str, about("Name of the [[port]] it hangs on.")]
    address: Annotated[Address | None, about(f"Its address on that port. {DELIVERED}")] = None
    options: Annotated[Options, OPTIONS] = field(default_factory=dict)


class ClimateSettings(Section, frozen=True, kw_only=True):
    """Temperatures of the cabinet. Each threshold has a hysteresis, so that nothing chatters."""

    heat_below_c: Annotated[float, about("Heaters are on below this.")] = 5.0
    fan_above_c: Annotated[float, about("Fans are on above this.")] = 35.0
    derate_above_c: Annotated[float, about("Above this the station's power falls, to nothing at stop_above_c.")] = 55.0
    stop_above_c: Annotated[float, about("Above this all charges end (OVERHEAT).")] = 70.0
    main_off_below_c: Annotated[
        float, about("The main relay stays off below this: too cold for the electronics.")
    ] = -30.0
    dry_above_pct: Annotated[
        Annotated[float, Meta(gt=0, le=100)], about("Heaters are also on above this humidity, against condensation.")
    ] = 85.0
    hysteresis_k: Annotated[Annotated[float, Meta(gt=0, le=20)], about("How far back before it switches again.")] = 3.0
    lost_derate_pct: Annotated[
        Annotated[float, Meta(ge=0, le=100)],
        about("Power that remains, in percent, while no sensor of a deciding zone answers."),
    ] = 50.0


class LightSettings(Section, frozen=True, kw_only=True):
    """A strip of addressable lights that shows the connectors' states."""

    name: Annotated[Name, about("What the log and the screens call it.")]
    driver: Annotated[str, about("Driver of the strip.")]
    port: Annotated[str, about("Name of the [[port]] it hangs on.")]
    pixels: Annotated[int, Meta(ge=1, le=2000), about("How many lights it has.")]
    segments: Annotated[
        tuple[int, ...],
        about("Numbers of the connectors along the strip, each with an equal part; empty: all in their order."),
    ] = ()
    brightness_pct: Annotated[Annotated[float, Meta(gt=0, le=100)], about("Brightness by day.")] = 100.0
    night_pct: Annotated[
        Annotated[float, Meta(gt=0, le=100)],
        about("Brightness at night as a part of that by day; warnings and answers to cards are not dimmed."),
    ] = 40.0
    night_from_h: Annotated[int, Meta(ge=0, le=23), about("Hour, local time, in which the night begins.")] = 22
    night_to_h: Annotated[
        int, Meta(ge=0, le=23), about("Hour in which it ends; the same as its begin: there is no night.")
    ] = 6
    options: Annotated[Options, OPTIONS] = field(default_factory=dict)


class UpsSettings(Section, frozen=True, kw_only=True):
    """The station's uninterruptible supply."""

    name: Annotated[Name, about("What the log and the screens call it; for driver nut the name upsd knows.")]
    driver: Annotated[str, about("Driver of the supply.")] = "nut"
    port: Annotated[str, about("Name of the [[port]] (kind tcp) it is asked on.")]
    stop_after_s: Annotated[
        NotNegative, about("Charges end with POWER_LOSS when it has been on battery for this long.")
    ] = 2.0
    off_after_s: Annotated[
        NotNegative, about("The station is shut down when it has been on battery for this long, or when it says low.")
    ] = 60.0
    options: Annotated[Options, OPTIONS] = field(default_factory=dict)
