"""docs/configuration.md, written from the structs of `config.py`: every key with type, default, bounds and meaning.

`python -m chargepoint.config_documentation` writes it anew; a test compares it with the structs.
"""

from __future__ import annotations

import enum
import inspect as python_inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import NODEFAULT, inspect

from chargepoint.config import Secrets, Settings
from chargepoint.config_schema import PATTERNS, PEM, bounds, description, plain, struct_info

FILE = Path(__file__).parents[1] / "docs" / "configuration.md"

HEAD = """\
# Configuration

This page is written by `python -m chargepoint.config_documentation` from the structs in `chargepoint/config.py`; a test
compares the two. Commented files to begin with lie in [examples](../examples).

- **station.toml** says what is installed. It is TOML, at most 1 MiB, UTF-8. `chargepoint check FILE` finds every fault
  of it at once and names the key, what was found, why it cannot be and what to do.
- **secrets.toml** beside it holds what must not be read by others; its mode must be 0600.
- What is changed at run time (users, free mode, OCPP keys, ...) is not written into these files; the station keeps it
  in its data directory.
- A station that starts with a good file keeps a copy of it in its data directory, and one older generation. When the
  file is damaged later (empty, cut off, overwritten), the last good copy serves and the log names the damage. Without
  a good copy the station does not start. A secret never falls back to a default.

A section in single brackets stands once, one in double brackets once for each device. A key without a default must be
written.
"""

AFTER = """\
## What is checked beyond single values

- Names of ports, meters and readers and numbers of connectors are given once; what a section names is there.
- A device file or network address belongs to one port, an address to one device of a port. A reader has its port for
  itself. A meter measures one connector, or the whole station.
- Currents and powers agree: hardware within the cable's rating, the least current within the most, AC power within
  current x phases x voltage (5 % are left for rounding), a household socket at most 16 A, one phase where the plug has
  one. A station that could never charge (kW written where W belong) is refused.
- Drivers are installed. A controller that does not open by itself when this software dies needs a `contactor`, or
  `accept_no_fail_safe = true`.
- A bank of modules feeds one connector (`modules`), or its modules move in groups: each in one, with the ratings of its
  data sheet. A contactor between buses (`[[switch]]`) has an `[[output]]` with a feedback for itself, on an I/O
  module whose watchdog is longer than the modules' own time-out. A bus belongs to
  one output, every group reaches a connector, and every connector with a `bus` has groups that reach it.
- No entry is on the white and the black list; card numbers are at most 20 characters without separators.
- Free mode and plug-and-charge agree with the operating mode.
- The address of the central system can be dialled, has no password in it, and does not end with the identity.

`chargepoint check` also refuses values in `[ocpp.configuration]` that are no keys or no values of theirs, a `ca_file`
without certificates, and a key and certificate of the station that do not belong together (`chargepoint run` logs them
and goes on without). It warns, without refusing the file, of polls that take more than 80 % of a serial port's time,
ports and meters that nothing uses, keys of serial ports on a TCP port, `ws://` to another machine, and of a security
profile whose password or certificate is not in `secrets.toml`.
"""

_TYPES: dict[type[inspect.Type], str] = {
    inspect.StrType: "text",
    inspect.IntType: "whole number",
    inspect.FloatType: "number",
    inspect.BoolType: "true or false",
    inspect.DictType: "table",
}
_PATTERN_BOUNDS = {
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$": "letters, digits, `_.-`",
    "^(serial|tcp|can|http|gpio|spi)$": "`serial`, `tcp`, `can`, `http`, `gpio`, `spi`",
    "^(redirect|service_port)$": "`redirect`, `service_port`",
    "^[0-9a-fA-F.:]*$": "an address, or empty",
    r"^(([01]\d|2[0-3]):[0-5]\d)?$": "`HH:MM`, or empty",
    "^(wait|drain|stop)$": "`wait`, `drain`, `stop`",
    "^(debug|info|warning|error)$": "`debug`, `info`, `warning`, `error`",
    "^[NEO]$": "`N`, `E`, `O`",
    "^([A-Z]{3})?$": "three capital letters",
    "^(C1|C6)$": "`C1`, `C6`",
    PEM: "PEM, between lines of three quotes",
    r"^(wss?://[^\s]+)?$": "`ws://...`, `wss://...`",
    "^(as_read|upper|lower)$": "`as_read`, `upper`, `lower`",
    "^(Wh|kWh)$": "`Wh`, `kWh`",
    "^(W|kW)$": "`W`, `kW`",
    r"^(http://[^\s/]+)?$": "`http://host:port`",
    "^(kmsdrm|framebuffer|x11|headless)$": "`kmsdrm`, `framebuffer`, `x11`, `headless`",
    "^(auto|sun|night)$": "`auto`, `sun`, `night`",
    r"^(https?://[^\s]+)?$": "`https://...`, `http://...`",
    r"^[^/\s]*$": "no `/`, no spaces",
}
assert set(_PATTERN_BOUNDS) == set(PATTERNS)


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for field in struct_info(Settings).fields:
        kind = plain(field.type)
        is_list = isinstance(kind, inspect.VarTupleType)
        item = plain(kind.item_type) if isinstance(kind, inspect.VarTupleType) else kind
        assert isinstance(item, inspect.StructType)
        title = f"[[{field.encode_name}]]" if is_list else f"[{field.encode_name}]"
        how_often = "At least one." if is_list and field.required else "Any number." if is_list else "Once."
        how_often = how_often if field.required or is_list else "May be left out."
        parts.append("\n".join(_section(f"`{title}`", item, how_often)))
        for inner in item.fields:
            table = plain(inner.type)
            if isinstance(table, inspect.StructType):
                title = f"[{field.encode_name}.{inner.encode_name}]"
                parts.append("\n".join(_section(f"`{title}`", table, "May be left out.")))
    parts.append("\n".join(_section("`secrets.toml`", struct_info(Secrets), "No section, only keys.")))
    parts.append(AFTER)
    return "\n".join(parts)


def _section(title: str, struct: inspect.StructType, how_often: str) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    about = " ".join((python_inspect.getdoc(struct.cls) or "").split())
    yield f"{about} {how_often}"
    yield ""
    yield "| key | type | default | bounds | meaning |"
    yield "|---|---|---|---|---|"
    yield from rows_of(struct.fields)
    yield ""


def rows_of(fields: Iterable[inspect.Field]) -> Iterator[str]:
    """A row of the table for each key: type, default, bounds and meaning."""
    for field in fields:
        kind = plain(field.type)
        if isinstance(kind, inspect.StructType):
            continue  # a section of its own
        cells = (f"`{field.encode_name}`", _type(kind), _default(field), _bounds(kind), description(field.type))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(kind: inspect.Type) -> str:
    kind = plain(kind)
    if isinstance(kind, inspect.EnumType):
        return "word"
    if isinstance(kind, inspect.VarTupleType):
        return f"list of {_plural(_type(kind.item_type))}"
    if isinstance(kind, inspect.UnionType):
        return " or ".join(_type(each) for each in kind.types if not isinstance(plain(each), inspect.NoneType))
    if isinstance(kind, inspect.DictType):
        return f"table of {_type(kind.value_type)}"
    return _TYPES[type(kind)]


def _plural(words: str) -> str:
    """Of the word that counts: lists of numbers, whole numbers, text."""
    if words == "text":
        return words
    return words.replace("list", "lists", 1) if words.startswith("list") else f"{words}s"


def _bounds(kind: inspect.Type) -> str:
    kind = plain(kind)
    if isinstance(kind, inspect.EnumType):
        return ", ".join(f"`{member.value}`" for member in kind.cls)
    words = [bounds(kind)]
    if isinstance(kind, inspect.StrType) and kind.pattern is not None:
        words.append(_PATTERN_BOUNDS.get(kind.pattern, f"`{kind.pattern}`"))
    return "; ".join(filter(None, words))


def _default(field: inspect.Field) -> str:
    if field.required:
        return "**required**"
    value: Any = field.default if field.default is not NODEFAULT else field.default_factory()
    if value is None:
        return "not set"
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, tuple | dict):
        return "empty"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"`{msgspec.json.encode(value).decode()}`"


def main() -> int:
    """Write the file."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(page(), encoding="utf-8")
    print(FILE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
