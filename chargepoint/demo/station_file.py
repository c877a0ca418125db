"""The demo's station file: a copy of an example with the wires and the server of this run filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import date, datetime, time
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")

Address = str | tuple[str, int]
"""A device path of a serial port or a CAN interface, or host and port of a TCP or HTTP one."""


def prepared(station: Mapping[str, Any], wires: Mapping[str, Address], server_url: str) -> dict[str, Any]:
    """The parsed station file with each port of `wires` moved to its address, and the central system to `server_url`.

    The station connects at once, not after a random delay. It has web pages only where its file says so: their ports
    are those of the machine.
    """
    data = deepcopy(dict(station))
    for port in data.get("port", []):
        address = wires.get(port.get("name", ""))
        if isinstance(address, str):
            port["device"] = address
            if port.get("kind") == "can":  # a simulated bus is at the end of a serial line
                port["interface"] = "slcan"
        elif address is not None:
            port |= {"host": address[0], "port": address[1]}
    data["ocpp"] = data.get("ocpp", {}) | {"url": server_url, "reconnect_spread_s": 0}
    data.setdefault("web", {"is_fitted": False})
    return data


def toml_text(data: Mapping[str, Any]) -> str:
    """A TOML document of these values: text, numbers, booleans, dates, lists, tables. Raises TypeError for others."""
    return "\n".join(_table(data, ())) + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    below: list[tuple[str, Any]] = []
    for key, value in table.items():
        if isinstance(value, Mapping) or _is_list_of_tables(value):
            below.append((key, value))
        else:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in below:
        name = ".".join(map(_key, (*path, key)))
        many = not isinstance(value, Mapping)
        for one in value if many else (value,):
            yield ""
            yield f"[[{name}]]" if many else f"[{name}]"
            yield from _table(one, (*path, key))


def _is_list_of_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _key(key: str) -> str:
    return key if _BARE_KEY.match(key) else _text(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    raise TypeError(f"TOML has no {type(value).__name__}")


def _text(text: str) -> str:
    """A basic string: the escapes of JSON are escapes of TOML, too; TOML wants DEL and surrogate-free text besides."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
