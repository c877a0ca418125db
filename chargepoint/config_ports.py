"""Rules of a station file about ports: each says what its kind needs, no two lead to one wire, and what hangs on one
can live there together."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

import msgspec

from chargepoint.config_faults import Fault, shown
from chargepoint.config_sections import Document, Section
from drivers.loading import address_of
from drivers.ports.places import check_slcan, slcan_bit_rates, socket_place


class _Needs(msgspec.Struct, frozen=True):
    """What a port of a kind needs, with an example, and what it has not."""

    key: str
    example: str
    foreign: tuple[str, ...] = ()


NEEDS = {
    "serial": _Needs("device", '"/dev/ttyUSB0"', ("host", "port")),
    "tcp": _Needs("host", '"192.168.10.20"'),  # what it does not use is only mentioned by `chargepoint check`
    "can": _Needs("device", '"can0"', ("host", "port")),
    "http": _Needs("host", '"192.168.10.20"', ("device",)),
    "gpio": _Needs("device", '"/dev/gpiochip0"', ("host", "port")),
    "spi": _Needs("device", '"/dev/spidev0.0"', ("host", "port")),
}
ADDRESSED = ("connector", "meter", "io", "insulation", "sensor")
"""Sections whose devices share a line by their addresses."""
ALONE = frozenset({"http", "gpio", "spi"})
"""Kinds of port with one device each."""


def ports(document: Document) -> Iterator[Fault]:
    """A port says all that its kind needs, nothing of the other kind, and no two lead to one wire."""
    wires: dict[tuple[object, ...], str] = {}
    for port in document.many("port"):
        kind = port.text("kind")
        needs = NEEDS.get(kind)
        if needs is None:
            continue
        if port.raw.get(needs.key, "") == "":
            remedy = f"Set it, for example {needs.example}."
            yield document.fault(port, needs.key, f"a port of kind {kind} needs it", remedy)
        for key in needs.foreign:
            if key in port.raw:
                yield document.fault(port, key, f"a port of kind {kind} has none", 'Remove it, or correct "kind".')
        if port.settings is None:
            continue
        yield from _details(document, port, kind)
        device = port.settings.device
        if needs.key == "host":
            wire: tuple[object, ...] = (port.settings.host.lower(), port.settings.port)
        elif kind == "can" and port.settings.interface != "slcan":
            wire = (port.settings.interface, device)
        else:
            wire = (device,) if "://" in device else (posixpath.normpath(device),)
        if device or port.settings.host:
            if wire in wires:
                yield document.fault(
                    port,
                    needs.key,
                    f"{wires[wire]} is the same wire, and a wire has one owner",
                    "Name the other wire, or put its devices on that port.",
                )
            wires.setdefault(wire, port.where)


def _details(document: Document, port: Section, kind: str) -> Iterator[Fault]:
    settings = port.settings
    if kind == "tcp" and settings.port == 0:
        yield document.fault(port, "port", "no device listens there", "Set 502, or what the gateway says.")
    if kind == "http" and "port" not in port.raw:
        yield document.fault(port, "port", "a port of kind http needs it", "Set 80, or what the device's manual says.")
    if kind == "serial" and settings.device.startswith("socket://"):
        try:
            socket_place(settings.device)
        except ValueError:
            remedy = "Set the converter's address, for example socket://192.168.10.20:4196."
            yield document.fault(port, "device", "it must be socket://HOST:PORT", remedy)
    if kind != "can" or settings.interface != "slcan":
        return
    if settings.bit_rate not in slcan_bit_rates():
        known = ", ".join(map(str, slcan_bit_rates()))
        yield document.fault(port, "bit_rate", "slcan adapters have no such bit rate", f"Set one of {known}.")
    try:
        check_slcan(settings.device, settings.options)
    except ValueError as error:
        key = "device" if str(error).startswith("device") else "options"
        yield document.fault(port, key, str(error), "Correct it; see docs/devices.md.")


def _address(kind: str, device: Section) -> int | None:
    """Its own, or that of the driver's devices as they are delivered; None for one that cannot be read."""
    if device.raw.get("address") is not None:
        return device.number("address")
    return address_of(kind, None, device.text("driver"))


def addresses(document: Document) -> Iterator[Fault]:
    """On one port every device has an address of its own, and a reader has its port for itself.

    A meter of the same driver at a connector's address is the meter within that controller.
    """
    taken: dict[tuple[str, int], str] = {}
    boxes = {
        (each.text("driver"), each.text("port"), _address("connector", each)) for each in document.many("connector")
    }
    users: dict[str, str] = {}
    kinds = {port.text("name"): port.text("kind") or "serial" for port in document.many("port")}
    for kind in ADDRESSED:
        for device in document.many(kind):
            name, address = device.text("port"), _address(kind, device)
            if not name:
                continue
            if kinds.get(name) in ALONE and name in users:
                yield document.fault(
                    device,
                    "port",
                    f"{users[name]} is on this port, and a port of kind {kinds[name]} has one device",
                    "Give it a port of its own.",
                )
            users.setdefault(name, device.where)
            if address is None or kinds.get(name) in ALONE:
                continue
            if kind == "meter" and (device.text("driver"), name, address) in boxes:
                continue
            if (name, address) in taken:
                yield document.fault(
                    device,
                    "address",
                    f"{taken[name, address]} has the same address on port {shown(name)}",
                    "Give one of them another address, on the device as well.",
                )
            taken.setdefault((name, address), device.where)
    for reader in document.many("reader"):
        name = reader.text("port")
        if name and name in users:
            yield document.fault(
                reader,
                "port",
                f"{users[name]} is on this port, and a reader needs its port for itself",
                "Give the reader a port of its own.",
            )
        if name:
            users.setdefault(name, reader.where)
