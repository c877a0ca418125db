"""Looking for devices on the ports of this machine: which wires there are, and who answers on them.

Only reading requests leave, and each port is opened for this alone; one that is in use is told and left out. The
command `chargepoint discover` and the web's first-run wizard (`discovery_service.py`) look by this.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path

import msgspec

from chargepoint.config import PortSettings
from chargepoint.proposal import WirePart, names_of
from drivers import discovery, discovery_ports
from drivers.about import Line
from drivers.discovery import Found, LookingPort
from drivers.errors import DeviceError
from drivers.interfaces import Identity
from drivers.ports.opening import open_port
from drivers.ports.serial import SerialWire
from drivers.ports.tcp import TcpWire
from drivers.readers import pcsc

WITHIN_S = 60.0
ADDRESSES = "1-16"
TCP_TIMEOUT_S = 0.5
SERVED = {"tcp": (502, 3493), "http": (80,)}
"""What is tried of a host that is named without a port: Modbus TCP, upsd, web interfaces."""
UPSD = 3493


def wires_of(serial: Iterable[str], can: Iterable[str], hosts: Iterable[str]) -> list[WirePart]:
    """Wires of devices, CAN interfaces of the system and hosts (`HOST[:PORT]`), each with a name. Raises ValueError."""
    devices, interfaces = list(serial), list(can)
    places = [place for host in hosts for place in _places(host)]
    names = names_of([*devices, *interfaces, *(f"{host}-{number}" for _, host, number in places)])
    return [
        *(WirePart(name=names[device], device=str(Path(device))) for device in devices),
        *(WirePart(name=names[device], kind="can", device=device) for device in interfaces),
        *(
            WirePart(name=names[f"{host}-{number}"], kind=kind, host=host, port=number)
            for kind, host, number in places
        ),
    ]  # fmt: skip


def wires_of_machine() -> list[WirePart]:
    """All serial adapters and CAN interfaces of this machine."""
    return wires_of(discovery_ports.serial_ports(), discovery_ports.can_interfaces(), ())


def wire_of_port(port: PortSettings) -> WirePart:
    """The wire of a [[port]] section, with its own line settings."""
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
