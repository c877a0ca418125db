"""`chargepoint check`: every fault of a station file, or what is installed."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chargepoint.commands import check_link
from chargepoint.commands.manual import page
from chargepoint.config import ConfigError, Fault, PortSettings, Secrets, Settings, load, load_secrets
from chargepoint.config_faults import amount, listed, nearest, shown_of
from chargepoint.config_schema import printable
from chargepoint.poll_load import WARNING_SHARE, poll_load

SUMMARY = "find every fault of a station file"

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

        A file without a fault is answered with a table of what is installed: connectors, meters, readers, and for each
        serial port the share of its time that the polls take, by its baud rate. Above 80 % it is a warning. Warnings
        do not change the exit status.
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
    used = {each.port for each in settings.connector} | {each.port for each in settings.meter}
    used |= {each.port for each in settings.reader}
    found += [f'[[port]] "{port.name}": nothing hangs on it.' for port in settings.port if port.name not in used]
    default = PortSettings(name="any")
    unused = ("device", "baud_rate", "parity", "stop_bits")
    found += [
        f'[[port]] "{port.name}", {key}: a port of kind tcp has none, so it says nothing.'
        for port in settings.port
        for key in unused
        if port.kind == "tcp" and getattr(port, key) != getattr(default, key)
    ]
    measured = {connector.meter for connector in settings.connector} | {settings.station.meter}
    found += [
        f'[[meter]] "{meter.name}": it measures nothing.' for meter in settings.meter if meter.name not in measured
    ]
    found += [f'[[reader]] "{reader.name}": it has no port.' for reader in settings.reader if not reader.port]
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
                f"{each.driver} at {each.port}, address {each.address}",
                f"{each.meter}: {meters[each.meter].driver} at {meters[each.meter].port}, "
                f"address {meters[each.meter].address}",
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
                f"{port.device} {port.baud_rate} 8{port.parity}{port.stop_bits}"
                if port.kind == "serial"
                else f"{port.host}:{port.port}",
                f"{load_of[port.name]:.0%}" if port.name in load_of else "-",
            )
            for port in settings.port
        ],
    )]  # fmt: skip
    if settings.reader:
        rows = [
            (each.name, f"{each.driver} at {each.port or '-'}", listed(each.connectors) if each.connectors else "all")
            for each in settings.reader
        ]
        lines += ["", *_table(("Reader", "Driver", "Connectors"), rows)]
    server = check_link.described(settings.ocpp, secrets, station.name) if settings.ocpp.url else "none (stand-alone)"
    return [*lines, "", f"Central system: {server}", ""]


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
                "address": each.address,
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
