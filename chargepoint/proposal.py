"""Found devices -> the text of a station file that passes `chargepoint check`, with comments where a person decides.

What cannot be asked of a device is written with a careful value and the comment "fill in". A connector that would not
be safe as found (its controller goes on by itself when this software dies), or that has no meter, is written commented
out, with the reason: a proposal never makes a choice about safety or money.
"""

from __future__ import annotations

import enum
import json
import socket
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from chargepoint.config_drivers import fail_safe_of
from chargepoint.vocabulary import FailSafe
from drivers import loading
from drivers.about import Line
from drivers.discovery import Found
from drivers.interfaces import MOST_IDENTITY

FILL_IN = "# fill in"
KIND_OF = {
    "controllers": "connector",
    "meters": "meter",
    "io": "io",
    "climate": "sensor",
    "insulation": "insulation",
    "power": "modules",
    "ups": "ups",
    "readers": "reader",
}
"""Kind of driver -> section of the station file."""
DC_CONTROLLERS = frozenset({"advantics"})
ZONES = ("front", "rear", "inner", "outer")
DEFAULT_LINE = Line(9600)
SOCKETCAN = "socketcan"
UNKNOWN = (
    "Something answers here that cannot be recognised. Not every device says who it is: look at its label, find its "
    "driver in docs/devices.md and add its section by hand."
)
WIDTH = 100
"""Of comments that stand alone."""


class WirePart(msgspec.Struct, frozen=True, kw_only=True):
    """A port on which something was found, as it goes into the file."""

    name: str
    kind: str = "serial"
    device: str = ""
    host: str = ""
    port: int = 502
    line: Line | None = None
    interface: str = SOCKETCAN
    bit_rate: int | None = None
    options: Mapping[str, Any] = {}


def proposed(wires: Sequence[WirePart], found: Iterable[Found], name: str = "") -> str:
    """The whole text."""
    known = [each for each in found if each.driver]
    by_kind: dict[str, list[Found]] = {section: [] for section in KIND_OF.values()}
    for each in known:
        by_kind[KIND_OF[each.kind]].append(each)
    used = {each.port for each in known}
    meters = {_key(each): f"meter-{number}" for number, each in enumerate(by_kind["meter"], 1)}
    parts = [_head(name or _host_name())]
    parts += ["\n".join(_wire(wire)) for wire in wires if wire.name in used]
    parts += _connectors(by_kind["connector"], list(meters.values()))
    parts += ["\n".join(_device("meter", meters[_key(each)], each, ())) for each in by_kind["meter"]]
    parts += ["\n".join(_reader(number, each)) for number, each in enumerate(by_kind["reader"], 1)]
    for section in ("io", "insulation"):
        parts += ["\n".join(_device(section, f"{section}-{number}", each, ()))
                  for number, each in enumerate(by_kind[section], 1)]  # fmt: skip
    for number, each in enumerate(by_kind["sensor"]):
        zone = f'zone = "{ZONES[number % len(ZONES)]}"  {FILL_IN}: front, rear, inner or outer'
        parts.append("\n".join(_device("sensor", f"sensor-{number + 1}", each, (zone,))))
    parts += _modules(by_kind["modules"])
    for each in by_kind["ups"]:
        parts.append("\n".join(_ups(each)))
    unknown = [each for each in found if not each.driver]
    if unknown:
        lines = [f"# - {each.port}, address {each.address}" for each in unknown]
        parts.append("\n".join((*_remark(UNKNOWN), *lines)))
    return "\n\n".join(parts) + "\n"


def _head(name: str) -> str:
    return "\n".join(
        (
            '# Proposed by `chargepoint discover`. Lines with "fill in" need a person: powers, cables, plugs, who',
            "# measures whom. Then: chargepoint check FILE",
            "",
            "[station]",
            f'name = "{name}"',
            f"power_limit_w = 11_000  {FILL_IN}: what the station may draw in all (grid connection)",
            f"# phase_voltage_v = 230  {FILL_IN}",
            '# Central system: [ocpp] url = "wss://..."; see docs/configuration.md',
        )
    )


def _wire(wire: WirePart) -> Iterator[str]:
    yield "[[port]]"
    yield f'name = "{wire.name}"'
    if wire.kind != "serial":
        yield f'kind = "{wire.kind}"'
    if wire.kind in ("tcp", "http"):
        yield f'host = "{wire.host}"'
        yield f"port = {wire.port}"
        return
    yield f'device = "{wire.device}"'
    if wire.interface != SOCKETCAN:
        yield f'interface = "{wire.interface}"'
        if wire.options:
            yield f"# options = {{ ... }}  {FILL_IN}: as in the file that was looked with"
    if wire.bit_rate is not None:
        yield f"bit_rate = {wire.bit_rate}"
    line = wire.line
    if line is None:
        return
    if line.baud_rate != DEFAULT_LINE.baud_rate:
        yield f"baud_rate = {line.baud_rate}"
    if line.parity != DEFAULT_LINE.parity:
        yield f'parity = "{line.parity}"'
    if line.stop_bits != DEFAULT_LINE.stop_bits:
        yield f"stop_bits = {line.stop_bits}"
    if line.data_bits != DEFAULT_LINE.data_bits:
        yield f"data_bits = {line.data_bits}"


def _connectors(found: Sequence[Found], meters: Sequence[str]) -> Iterator[str]:
    for number, each in enumerate(found, 1):
        reasons = []
        if number > len(meters):
            reasons.append("no meter was found for it: name one (meter) and remove the marks")
        if fail_safe_of(loading.load(each.kind, each.driver)) is not FailSafe.OPENS:
            reasons.append(
                "its controller goes on by itself when this software dies: wire a contactor to an [[output]] of an "
                "[[io]] module with a watchdog and name it (contactor), then remove the marks"
            )
        is_dc = each.driver in DC_CONTROLLERS
        if is_dc:
            reasons.append("a DC outlet: say what feeds it (modules) and what its cable stands, then remove the marks")
        meter = meters[number - 1] if number <= len(meters) else "NAME"
        lines = [
            "[[connector]]" + _comment(each),
            f"number = {number}",
            f'type = "{"CCS2" if is_dc else "TYPE2"}"  {FILL_IN}: the plug',
            *_place(each),
            f'meter = "{meter}"  {FILL_IN}: which meter measures this outlet',
            f"max_current_a = 16  {FILL_IN}: contactor and wiring of this outlet{'' if is_dc else ', per phase'}",
            f"max_power_w = 11_000  {FILL_IN}",
            f"cable_current_a = 16  {FILL_IN}: what the cable or the socket stands",
            f'modules = "NAME"  {FILL_IN}: the [[modules]] that feed it'
            if is_dc
            else f"phases = 3  {FILL_IN}: phases wired to the outlet",
        ]
        if reasons:
            told = (line for reason in reasons for line in _remark(f"Not in use yet: {reason}."))
            lines = [*told, *(f"# {line}" for line in lines)]
        yield "\n".join(lines)


def _device(section: str, name: str, each: Found, more: Sequence[str]) -> Iterator[str]:
    yield f"[[{section}]]" + _comment(each)
    yield f'name = "{name}"'
    yield from more
    yield from _place(each)


def _reader(number: int, each: Found) -> Iterator[str]:
    yield "[[reader]]" + _comment(each)
    yield f'name = "reader-{number}"'
    yield f'driver = "{each.driver}"'
    if each.port:
        yield f'port = "{each.port}"'
    else:
        pattern = each.identity.model + ("*" if len(each.identity.model) >= MOST_IDENTITY else "")
        yield f"options = {{ reader = {json.dumps(pattern, ensure_ascii=False)} }}"
    yield f"# connectors = [1]  {FILL_IN}: those it stands for, if not all"


def _modules(found: Sequence[Found]) -> Iterator[str]:
    banks: dict[tuple[str, str], list[Found]] = {}
    for each in found:
        banks.setdefault((each.port, each.driver), []).append(each)
    for number, ((port, driver), modules) in enumerate(banks.items(), 1):
        addresses = ", ".join(str(each.address) for each in modules)
        yield "\n".join(
            (
                "[[modules]]" + _comment(modules[0]),
                f'name = "modules-{number}"',
                f'driver = "{driver}"',
                f'port = "{port}"',
                f"addresses = [{addresses}]",
                *_options(modules[0]),
            )
        )


def _ups(each: Found) -> Iterator[str]:
    yield "[[ups]]" + _comment(each)
    yield f'name = "ups"  {FILL_IN}: as upsd calls it, in brackets in ups.conf'
    yield f'driver = "{each.driver}"'
    yield f'port = "{each.port}"'


def _place(each: Found) -> Iterator[str]:
    yield f'driver = "{each.driver}"'
    yield f'port = "{each.port}"'
    yield f"address = {each.address}"
    yield from _options(each)


def _options(each: Found) -> Iterator[str]:
    """The model, when the driver has one of that name."""
    fields = {
        field.encode_name: field for field in msgspec.structs.fields(loading.load(each.kind, each.driver).Settings)
    }
    field = fields.get("model")
    words = field.type if field is not None else None
    if not (isinstance(words, type) and issubclass(words, enum.Enum)):
        words = next((one for one in getattr(words, "__args__", ()) if _is_enum(one)), None)
    if words is None:
        return
    told = _bare(each.identity.model)
    values = sorted((str(word.value) for word in words), key=len, reverse=True)
    matches = [value for value in values if _bare(value) == told]
    matches += [value for value in values if told.startswith(_bare(value))]
    if matches:
        yield f'options = {{ model = "{matches[0]}" }}'
    elif told and field is not None:
        yield f"# options = {{ model = ... }}  {FILL_IN}: it says it is {each.identity.model}; see docs/devices.md"


def _bare(model: str) -> str:
    """Its letters and digits: a device that is printed WB-MSW calls itself WBMSW3."""
    return "".join(letter for letter in model.casefold() if letter.isalnum())


def _remark(text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _is_enum(one: object) -> bool:
    return isinstance(one, type) and issubclass(one, enum.Enum)


def _comment(each: Found) -> str:
    identity = each.identity
    words = [" ".join(filter(None, (identity.vendor, identity.model)))]
    if identity.serial:
        words.append(f"serial number {identity.serial}")
    if identity.firmware_version:
        words.append(f"firmware {identity.firmware_version}")
    text = ", ".join(filter(None, words))
    return f"  # {text}" if text else ""


def _key(each: Found) -> tuple[str, int]:
    return each.port, each.address


def _host_name() -> str:
    name = "".join(letter if letter.isalnum() or letter in "_.-" else "-" for letter in socket.gethostname())[:40]
    return name if name[:1].isalnum() and name.isascii() else "station"


def names_of(devices: Iterable[str]) -> Mapping[str, str]:
    """Names for ports, by their device: the last part of it, made unique; of a place of USB what begins there."""
    names: dict[str, str] = {}
    for device in devices:
        last = device.split("/")[-1]
        before, is_usb, place = last.rpartition("-usb-")
        short = f"usb-{place}" if before and is_usb else last
        short = "".join(letter if letter.isalnum() or letter in "_.-" else "-" for letter in short)
        short = short.strip("-._")[-36:].lstrip("-._") or "port"
        name, number = short, 2
        while name in names.values():
            name, number = f"{short}-{number}", number + 1
        names[device] = name
    return names
