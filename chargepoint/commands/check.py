"""`chargepoint check`: every fault of a station file, or what is installed."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from chargepoint.commands import check_link, check_power, check_screen
from chargepoint.commands.manual import page
from chargepoint.config import ConfigError, Fault, PortSettings, Secrets, Settings, load, load_secrets
from chargepoint.config_faults import amount, listed, nearest, shown_of
from chargepoint.config_schema import printable
from chargepoint.poll_load import WARNING_SHARE, poll_load
from drivers.loading import address_of

SUMMARY = "find every fault of a station file"

OTHERS = ("modules", "insulation", "io", "sensor", "light", "ups")
DEVICES = ("connector", "meter", "reader", *OTHERS)
"""Sections of devices."""

BAUD_RATES = (1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 76_800, 115_200, 230_400, 460_800, 500_000, 921_600,
              1_000_000, 2_000_000)  # fmt: skip
BIT_RATES = (10_000, 20_000, 50_000, 100_000, 125_000, 250_000, 500_000, 800_000, 1_000_000)
"""Usual rates: of serial lines, and of CAN (CiA 301)."""

OCPP_KEYS = "ocpp_client.v16.configuration"
"""The module that knows the keys of [ocpp.configuration]; a service, so it is named and not imported from here."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the station file, usually station.toml")
    parser.add_argument("--json", action="store_true", help="print the faults, or what is installed, as JSON")
    page(
        parser,
        """
        Reads a station file and secrets.toml beside it and prints every fault there is, all at once: the key, what was
        found there, why it cannot be, and what to do. A mistyped key is answered with the nearest right one. Nothing is
        opened but these files and ca_file: no device is asked, and a running station is not disturbed. OCPP keys that
        cannot be preset and certificates that cannot be used are told, too; chargepoint run goes on without them.

        A file without a fault is answered with tables of what is installed: connectors, meters, all other devices, and
        for each serial port the share of its time that the polls take, by its baud rate. Above 80 % it is a warning.
        Warnings do not change the exit status.
        """,
        exit_status={0: "the file can be used", 1: "it has faults; they stand on standard error", 2: "wrong use"},
        files={
            "station.toml": "what is installed; every key: docs/configuration.md, commented files: examples/",
            "secrets.toml": "beside it, readable by its owner only (mode 0600): password, certificate",
        },
        examples={
            "chargepoint check /etc/chargepoint/station.toml": "before the station is started",
            "chargepoint check --json station.toml | jq .faults": "for a program",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 or 1."""
    path: Path = arguments.file
    faults: list[Fault] = []
    settings: Settings | None = None
    try:
        settings = load(path)
        faults += preset_faults(settings.ocpp.configuration, path.name)
    except ConfigError as error:
        faults += error.faults
    secrets = Secrets()
    try:
        secrets = load_secrets(path)
        if settings is not None:
            faults += check_link.faults(settings.ocpp, secrets, path.name)
    except ConfigError as error:
        faults += error.faults
    if settings is None or faults:
        if arguments.json:
            print(json.dumps({"ok": False, "faults": [_fault_fields(fault) for fault in faults]}, ensure_ascii=False))
        else:
            for fault in faults:
                print(fault, file=sys.stderr)
            print(f"{len(faults)} fault{'s' if len(faults) > 1 else ''}.", file=sys.stderr)
        return 1
    if arguments.json:
        print(
            json.dumps({"ok": True, **_fields(settings), "warnings": warnings(settings, secrets)}, ensure_ascii=False)
        )
        return 0
    print("\n".join(report(settings, secrets)))
    found = warnings(settings, secrets)
    for warning in found:
        print(f"Warning: {path.name}, {warning}", file=sys.stderr)
    print(f"{path} has no fault" + (f", but {listed([len(found)])} warning(s)." if found else "."))
    return 0


def preset_faults(presets: Mapping[str, str | int | bool], file: str) -> list[Fault]:
    """Presets of [ocpp.configuration] that the service `ocpp` will not use: `run` logs them and goes on without."""
    try:
        known = importlib.import_module(OCPP_KEYS)
    except ImportError:  # an installation without this service
        return []
    faults: list[Fault] = []
    for name, value in presets.items():
        key = known.BY_NAME.get(name.lower())
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if key is None:
            meant = nearest(name, (each.name for each in known.KEYS))
            reason, remedy = "there is no such key", f"Did you mean {meant}?" if meant else "See docs/ocpp.md."
        elif key.name in known.OWN:
            reason, remedy = "the station tells this itself", "Remove it."
        elif key.read(text) is None:
            reason, remedy = f"{key.type} is expected: {key.description}", "See docs/ocpp.md for its bounds."
        else:
            continue
        faults.append(Fault(f"[ocpp.configuration], {printable(name)}", shown_of(name, value), reason, remedy, file))
    return faults


def warnings(settings: Settings, secrets: Secrets) -> list[str]:
    """What can be used and yet is probably not meant: where, what, and what to do."""
    found: list[str] = []
    for name, share in poll_load(settings).items():
        if share > WARNING_SHARE:
            found.append(
                f'[[port]] "{name}": the polls take about {share:.0%} of its time. Set a higher baud_rate (on the '
                "devices as well), or put some of them on another port."
            )
    found += [
        f'[[port]] "{port.name}", {key} = {rate}: no usual rate. Compare it with the devices\' settings.'
        for port in settings.port
        for key, rate, usual in (
            ("baud_rate", port.baud_rate, BAUD_RATES if port.kind == "serial" else ()),
            ("bit_rate", port.bit_rate, BIT_RATES if port.kind == "can" else ()),
        )
        if usual and rate not in usual
    ]
    used = {getattr(each, "port", "") for section in DEVICES for each in getattr(settings, section)}
    found += [f'[[port]] "{port.name}": nothing hangs on it.' for port in settings.port if port.name not in used]
    default = PortSettings(name="any")
    unused = ("device", "baud_rate", "parity", "stop_bits")
    found += [
        f'[[port]] "{port.name}", {key}: a port of kind {port.kind} has none, so it says nothing.'
        for port in settings.port
        for key in unused
        if port.kind in ("tcp", "http") and getattr(port, key) != getattr(default, key)
    ]
    fed = {connector.modules for connector in settings.connector} | {group.modules for group in settings.group}
    found += [f'[[modules]] "{bank.name}": it feeds no connector.' for bank in settings.modules if bank.name not in fed]
    found += check_power.warnings(settings)
    found += check_screen.warnings(settings.screen)
    watched = {connector.insulation for connector in settings.connector}
    found += [
        f'[[insulation]] "{each.name}": it watches no connector.'
        for each in settings.insulation
        if each.name not in watched
    ]
    measured = {connector.meter for connector in settings.connector} | {settings.station.meter}
    found += [
        f'[[meter]] "{meter.name}": it measures nothing.' for meter in settings.meter if meter.name not in measured
    ]
    found += [
        f'[[reader]] "{reader.name}": it has no port.'
        for reader in settings.reader
        if not reader.port and reader.driver == "simulated"
    ]
    if settings.station.free_mode and settings.station.plug_and_charge:
        found.append("[station], plug_and_charge: free_mode is on, so everybody may charge anyhow.")
    if settings.ocpp.url.startswith("ws://") and not _is_local(settings.ocpp.url):
        found.append("[ocpp], url: ws:// is not encrypted. Use wss:// if the central system offers it.")
    return found + check_link.warnings(settings.ocpp, secrets)


def report(settings: Settings, secrets: Secrets) -> list[str]:
    """What is installed, as lines of text."""
    station = settings.station
    lines = [
        f"Station {station.name} ({station.vendor} {station.model}), mode {station.operating_mode}, "
        f"at most {_kw(station.power_limit_w)}" + (f", meter {station.meter}" if station.meter else ""),
        "",
    ]
    meters = {meter.name: meter for meter in settings.meter}
    lines += _table(
        ("Connector", "Type", "Power", "Current", "Cable", "Controller", "Meter"),
        [
            (
                str(each.number),
                str(each.type),
                _kw(each.max_power_w),
                f"{amount(each.max_current_a)} A",
                f"{amount(each.cable_current_a)} A",
                f"{each.driver} at {each.port}, address {_address('connector', each)}" if each.port else each.driver,
                f"{each.meter}: {meters[each.meter].driver} at {meters[each.meter].port}, "
                f"address {_address('meter', meters[each.meter])}",
            )
            for each in settings.connector
        ],
    )
    load_of = poll_load(settings)
    lines += ["", *_table(
        ("Port", "Wire", "Poll load"),
        [
            (
                port.name,
                _wire(port),
                f"{load_of[port.name]:.0%}" if port.name in load_of else "-",
            )
            for port in settings.port
        ],
    )]  # fmt: skip
    if settings.reader:
        rows = [
            (
                each.name,
                f"{each.driver} at {each.port or each.options.get('reader', '-')}",
                listed(each.connectors) if each.connectors else "all",
            )
            for each in settings.reader
        ]
        lines += ["", *_table(("Reader", "Driver", "Connectors"), rows)]
    others = [row for section in OTHERS for row in _devices(settings, section)]
    if others:
        lines += ["", *_table(("Device", "Name", "Driver", "For"), others)]
    server = check_link.described(settings.ocpp, secrets, station.name) if settings.ocpp.url else "none (stand-alone)"
    return [*lines, "", f"Central system: {server}", ""]


def _wire(port: PortSettings) -> str:
    if port.kind == "serial":
        return f"{port.device} {port.baud_rate} {port.data_bits}{port.parity}{port.stop_bits}"
    if port.kind == "can":
        return f"{port.interface} {port.device}, {port.bit_rate // 1000} kbit/s"
    return f"{port.host}:{port.port}" if port.host else port.device


def _devices(settings: Settings, section: str) -> Iterator[tuple[str, str, str, str]]:
    """A row for each device of a section: which, its driver and place, what it is for."""
    for each in getattr(settings, section):
        place = getattr(each, "addresses", ()) or ((_address(section, each),) if hasattr(each, "address") else ())
        addresses = listed(place) if place else ""
        where = f"{each.driver} at {each.port}" + (f", address {addresses}" if addresses else "")
        yield section, each.name, where, _purpose(settings, section, each)


def _address(section: str, device: Any) -> int:
    return address_of(section, device.address, device.driver)


def _purpose(settings: Settings, section: str, device: Any) -> str:
    """What a device is for, as far as the station file says."""
    if section in ("modules", "insulation"):
        numbers = [each.number for each in settings.connector if getattr(each, section) == device.name]
        groups = [each.name for each in settings.group if section == "modules" and each.modules == device.name]
        if groups:
            return f"group {listed(groups)}"
        return f"connector {listed(numbers)}" if numbers else "nothing"
    if section == "io":
        wired = [f"{each.name} ({each.function})" for each in settings.input if each.io == device.name]
        wired += [f"{each.name} ({each.function})" for each in settings.output if each.io == device.name]
        return ", ".join(wired) or "nothing"
    if section == "sensor":
        return str(device.zone)
    return f"{device.pixels} lights" if section == "light" else "power failures"


def _fields(settings: Settings) -> dict[str, Any]:
    return {
        "station": settings.station.name,
        "power_limit_w": settings.station.power_limit_w,
        "connectors": [
            {
                "number": each.number,
                "type": str(each.type),
                "max_power_w": each.max_power_w,
                "driver": each.driver,
                "port": each.port,
                "address": _address("connector", each),
                "meter": each.meter,
            }
            for each in settings.connector
        ],
        "poll_load": {name: round(share, 3) for name, share in poll_load(settings).items()},
    }


def _fault_fields(fault: Fault) -> dict[str, str]:
    return {
        "file": fault.file,
        "key": fault.key,
        "found": fault.found,
        "reason": fault.reason,
        "remedy": fault.remedy,
        "text": str(fault),
    }


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    ]


def _kw(power_w: float) -> str:
    return f"{amount(power_w / 1000)} kW"


def _is_local(url: str) -> bool:
    return url.split("://", 1)[-1].startswith(("127.", "localhost", "[::1]"))
