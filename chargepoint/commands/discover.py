"""`chargepoint discover`: which devices answer on the ports of this machine, and a station file for them."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import sys
from pathlib import Path

import msgspec

from chargepoint.commands.manual import page
from chargepoint.config import ConfigError, load
from chargepoint.discovery import (
    ADDRESSES,
    WITHIN_S,
    pcsc_readers,
    ranges,
    search,
    wire_of_port,
    wires_of,
    wires_of_machine,
)
from chargepoint.proposal import WirePart, proposed

SUMMARY = "which devices answer on the ports of this machine, and a station file for them"
DEFAULT_DATA = Path("/var/lib/chargepoint")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    parser.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="look on the ports of this station file only"
    )
    parser.add_argument("--port", action="append", default=[], metavar="DEVICE", help="a serial port; may be repeated")
    parser.add_argument(
        "--can", action="append", default=[], metavar="NAME", help="a CAN interface of the system, as can0"
    )
    parser.add_argument("--host", action="append", default=[], metavar="HOST[:PORT]", help="a device in the network")
    parser.add_argument(
        "--addresses", default=ADDRESSES, metavar="RANGES", help=f"Modbus addresses, as 1-16,100; default {ADDRESSES}"
    )
    parser.add_argument("--within", type=float, default=WITHIN_S, metavar="S", help="seconds for it all; default 60")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, metavar="DIR", help=f"default: {DEFAULT_DATA}")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the proposed station file there")
    parser.add_argument("--force", action="store_true", help="with --write: replace a file that is there")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON, instead of the proposal")
    page(
        parser,
        """
        Looks for devices and prints a proposed station file. Without ports named, those of this machine are looked at:
        serial adapters and built-in serial ports, CAN interfaces that the system has set up, and card readers of the
        PC/SC service. Hosts in the network are looked at when they are named. With FILE, its ports are looked at with
        their own line settings; so are CAN adapters that are no interface of the system (slcan).

        Nothing is written to any device: only reading requests leave, and only those by which a driver recognises its
        device. Each port is opened for this command alone; a port in use is told and left out, and while a station runs
        on the same data directory the command refuses to begin. On a serial line all settings of docs/devices.md are
        tried, the most common first, until one has devices. All ports are looked at at the same time; what was found
        when the time is over is proposed. Progress stands on standard error.

        The proposal passes chargepoint check once something to charge with was found. What no device can tell has a
        careful value and the comment "fill in": powers, cables, plugs, which meter belongs to which outlet.
        """,
        exit_status={
            0: "devices were found",
            1: "nothing was found, or it cannot be looked now; the reason stands on standard error",
            2: "wrong use",
        },
        examples={
            "chargepoint discover": "look on all ports of this machine",
            "chargepoint discover --port /dev/ttyUSB0 --addresses 1-247 --within 300": "every address of one wire",
            "chargepoint discover --host 192.168.127.254 --write station.toml": "a module in the network",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 or 1."""
    try:
        wanted = ranges(arguments.addresses)
        wires = _wires(arguments)
    except (ValueError, ConfigError) as error:
        print(f"chargepoint discover: {error}", file=sys.stderr)
        return 1
    target: Path | None = arguments.write
    if target is not None and target.exists() and not arguments.force:
        print(f"chargepoint discover: {target} is there already. Give another name, or --force.", file=sys.stderr)
        return 1
    other = station_on(arguments.data)
    if other:
        print(
            f"chargepoint discover: a station runs on {arguments.data} (process {other}) and owns its ports. "
            "Stop it first, or look at what it sees: chargepoint status --devices",
            file=sys.stderr,
        )
        return 1
    is_whole_machine = arguments.file is None and not (arguments.port or arguments.can or arguments.host)
    cards = pcsc_readers() if is_whole_machine else []
    if not wires and not cards:
        print(
            "chargepoint discover: this machine has no serial adapter and no CAN interface that is up. "
            "Name ports with --port, --can or --host.",
            file=sys.stderr,
        )
        return 1
    for reader in cards:
        _say(f"found: {reader}")
    found, seen = asyncio.run(search(wires, wanted, arguments.within, _say))
    found += cards
    if arguments.json:
        print(json.dumps([msgspec.to_builtins(each) for each in found], ensure_ascii=False))
    elif found:
        text = proposed(seen, found)
        if target is None:
            print(text, end="")
        else:
            try:
                write(target, text, replace=arguments.force)
            except OSError as error:
                print(f"chargepoint discover: {target} cannot be written: {error.strerror}", file=sys.stderr)
                print(text, end="")
                return 1
            _say(f"written: {target}. Fill in what it asks for, then: chargepoint check {target}")
    if not found:
        _say("nothing was found. Are the devices fed, A and B not exchanged, the addresses within --addresses?")
    return 0 if found else 1


def _wires(arguments: argparse.Namespace) -> list[WirePart]:
    """The ports to be looked at, each with a name. Raises ValueError, ConfigError."""
    if arguments.file is not None:
        ports = load(arguments.file).port
        return [wire_of_port(port) for port in ports if port.kind in ("serial", "tcp", "http", "can")]
    if not (arguments.port or arguments.can or arguments.host):
        return wires_of_machine()
    return wires_of(arguments.port, arguments.can, arguments.host)


def write(target: Path, text: str, *, replace: bool = False) -> None:
    """The whole file or nothing. Raises FileExistsError unless `replace`, OSError."""
    new = target.with_name(f".{target.name}.new")
    try:
        with new.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            new.replace(target)
        else:
            target.hardlink_to(new)
    finally:
        new.unlink(missing_ok=True)


def station_on(data: Path) -> str:
    """The process of the station that runs on a data directory; empty when none does, or it may not be looked at."""
    try:
        lock = os.open(data / "launcher.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
    else:
        return ""
    finally:
        os.close(lock)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
