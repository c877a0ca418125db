"""`chargepoint discover`: which devices answer on the ports of this machine, and a station file for them."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import re
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import msgspec

from chargepoint.commands.manual import page
from chargepoint.config import ConfigError, PortSettings, load
from chargepoint.proposal import WirePart, names_of, proposed
from drivers import discovery, discovery_ports
from drivers.about import Line
from drivers.discovery import Found, LookingPort
from drivers.errors import DeviceError
from drivers.interfaces import Identity
from drivers.ports.opening import open_port
from drivers.ports.serial import SerialWire
from drivers.ports.tcp import TcpWire
from drivers.readers import pcsc

SUMMARY = "which devices answer on the ports of this machine, and a station file for them"
DEFAULT_DATA = Path("/var/lib/chargepoint")
WITHIN_S = 60.0
ADDRESSES = "1-16"
TCP_TIMEOUT_S = 0.5
SERVED = {"tcp": (502, 3493), "http": (80,)}
"""What is tried of a host that is named without a port: Modbus TCP, upsd, web interfaces."""
UPSD = 3493


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


def pcsc_readers() -> list[Found]:
    """The card readers of the PC/SC service, where there is one; slots for SAMs are none."""
    try:
        names = pcsc.present_readers()
    except DeviceError:
        return []
    return [
        Found(port="", address=0, kind="readers", driver="pcsc", identity=Identity(model=name))
        for name in names
        if "SAM" not in name
    ]


async def search(
    wires: list[WirePart], wanted: tuple[int, ...], within_s: float, report: Callable[[str], None]
) -> tuple[list[Found], list[WirePart]]:
    """Look at all wires at once, at most for `within_s`. What was found, and the wires as their devices were found."""
    found: list[Found] = []

    def tell(each: Found) -> None:
        found.append(each)
        report(f"found: {each}")

    works = [_look(wire, wanted, tell, report) for wire in wires]
    try:
        async with asyncio.timeout(within_s), asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except TimeoutError:
        report(f"the time ({within_s:g} s) is over; --within gives more")
    line_of = {each.port: each.line for each in found}
    seen = [msgspec.structs.replace(wire, line=line_of.get(wire.name) or wire.line) for wire in wires]
    order = {wire.name: place for place, wire in enumerate(wires)}
    return sorted(found, key=lambda each: (order[each.port], each.address)), seen


def _look(
    wire: WirePart, wanted: tuple[int, ...], tell: discovery.Tell, report: discovery.Report
) -> Coroutine[object, object, None]:
    return {"serial": _look_serial, "tcp": _look_tcp, "http": _look_http, "can": _look_can}[wire.kind](
        wire, wanted, tell, report
    )


async def _look_serial(wire: WirePart, wanted: tuple[int, ...], tell: discovery.Tell, report: discovery.Report) -> None:
    drivers = discovery.candidates("serial")

    def opening(line: Line) -> LookingPort:
        serial = SerialWire(
            wire.device,
            baud_rate=line.baud_rate,
            parity=line.parity,
            stop_bits=line.stop_bits,
            data_bits=line.data_bits,
        )
        return LookingPort(wire.name, serial)

    lines = (wire.line,) if wire.line is not None else discovery.lines(drivers)
    error = await discovery.search_serial(wire.name, opening, lines, drivers, wanted, tell, report)
    if error:
        report(f"{wire.name}: left out: {error}")


async def _look_tcp(wire: WirePart, wanted: tuple[int, ...], tell: discovery.Tell, report: discovery.Report) -> None:
    drivers = discovery.candidates("tcp")
    async with LookingPort(wire.name, TcpWire(wire.host, wire.port), TCP_TIMEOUT_S) as port:
        if not port.is_open:
            report(f"{wire.name}: left out: {port.error}")
            return
        report(f"{wire.name}: {wire.host}:{wire.port}")
        if wire.port == UPSD:
            only = [driver for driver in drivers if not driver.about.is_modbus and driver.kind == "ups"]
            await discovery.search_others(wire.name, port, only, tell)
            return
        places = tuple(dict.fromkeys((*discovery.addresses(drivers, wanted), 255)))
        modbus = [driver for driver in drivers if driver.about.is_modbus]
        await discovery.search_bus(wire.name, port, modbus, places, tell)


async def _look_http(wire: WirePart, wanted: tuple[int, ...], tell: discovery.Tell, report: discovery.Report) -> None:
    port = open_port(PortSettings(name=wire.name, kind="http", host=wire.host, port=wire.port, timeout_s=2.0))
    await port.open()
    try:
        report(f"{wire.name}: http://{wire.host}:{wire.port}")
        await discovery.search_http(wire.name, port, discovery.candidates("http"), tell)  # type: ignore[arg-type]
    finally:
        await port.close()


async def _look_can(wire: WirePart, wanted: tuple[int, ...], tell: discovery.Tell, report: discovery.Report) -> None:
    given = PortSettings(name=wire.name, kind="can", device=wire.device, interface=wire.interface)
    options, bit_rate = dict(wire.options), wire.bit_rate or given.bit_rate
    port = open_port(msgspec.structs.replace(given, bit_rate=bit_rate, options=options))
    await port.open()
    try:
        if not port.is_open:
            report(f"{wire.name}: left out: {port.error}")
            return
        await discovery.search_can(wire.name, port, discovery.candidates("can"), tell, report)  # type: ignore[arg-type]
    finally:
        await port.close()


def _wires(arguments: argparse.Namespace) -> list[WirePart]:
    """The ports to be looked at, each with a name. Raises ValueError, ConfigError."""
    if arguments.file is not None:
        return [_of_file(port) for port in load(arguments.file).port if port.kind in ("serial", "tcp", "http", "can")]
    is_named = arguments.port or arguments.can or arguments.host
    serial = arguments.port or ([] if is_named else discovery_ports.serial_ports())
    can = arguments.can or ([] if is_named else discovery_ports.can_interfaces())
    hosts = [place for host in arguments.host for place in _places(host)]
    names = names_of([*serial, *can, *(f"{host}-{number}" for _, host, number in hosts)])
    return [
        *(WirePart(name=names[device], device=str(Path(device))) for device in serial),
        *(WirePart(name=names[device], kind="can", device=device) for device in can),
        *(
            WirePart(name=names[f"{host}-{number}"], kind=kind, host=host, port=number)
            for kind, host, number in hosts
        ),
    ]  # fmt: skip


def _of_file(port: PortSettings) -> WirePart:
    line = Line(port.baud_rate, port.parity, port.stop_bits, port.data_bits) if port.kind == "serial" else None
    wire = WirePart(name=port.name, kind=port.kind, device=port.device, host=port.host, port=port.port, line=line)
    if port.kind != "can":
        return wire
    return msgspec.structs.replace(wire, interface=port.interface, bit_rate=port.bit_rate, options=port.options)


def _places(host: str) -> list[tuple[str, str, int]]:
    """kind, host and port of what is named on the command line. Raises ValueError."""
    name, separator, number = host.rpartition(":")
    if not separator:
        return [(kind, host, port) for kind, ports in SERVED.items() for port in ports]
    if not number.isdigit() or not 1 <= int(number) <= 65535:
        raise ValueError(f"--host {host}: after the colon a port number of 1 to 65535 is expected")
    return [("http" if int(number) in SERVED["http"] else "tcp", name, int(number))]


def ranges(text: str) -> tuple[int, ...]:
    """As in `1-16,100` -> the addresses. Raises ValueError."""
    found: list[int] = []
    for part in text.split(","):
        matched = re.fullmatch(r"\s*(\d{1,3})(?:-(\d{1,3}))?\s*", part)
        if matched is None:
            raise ValueError(f"--addresses {text}: numbers and ranges are expected, as 1-16,100")
        first, last = int(matched[1]), int(matched[2] or matched[1])
        found += range(first, last + 1)
    if not found or not all(1 <= address <= 247 for address in found):
        raise ValueError(f"--addresses {text}: Modbus addresses are 1 to 247")
    return tuple(dict.fromkeys(found))


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
