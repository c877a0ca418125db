"""Single values of a station file changed in its text, so that comments and order stay. Pure.

    changed(text, {"station.power_limit_w": "50000", "connector.1.max_power_w": "22000"})
    added(text, "connector", {"number": "3"})         # one more [[connector]]
    removed(text, "connector", 3)                     # the third one

A list's section is named by its `number` or `name`, or by its place in the file as `#3`; a table in a section as
`ocpp.compatibility.celcius`. An empty value takes the key away. What comes out is parsed and compared with what was
meant; where the two differ nothing is changed and CannotEdit says so.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from chargepoint.config_text import loads

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?\s*(#.*)?$")
_LITERAL = re.compile(r"^(true|false|[+-]?[0-9][0-9_]*(\.[0-9_]+)?([eE][+-]?[0-9]+)?|\[.*\]|\{.*\}|\".*\")$")
_NAME = re.compile(r"[a-z_]{1,40}(\.[A-Za-z_]{1,40})?")
LONGEST_VALUE = 60
"""A value goes over so many lines at most."""


class CannotEdit(Exception):
    """The text says which key, and why."""


def changed(text: str, changes: Mapping[str, str]) -> str:
    """The text with these values. Raises CannotEdit, tomllib.TOMLDecodeError for a text that is no TOML."""
    for path, value in changes.items():
        text = _one(text, path, value.strip())
    return text


def added(text: str, section: str, values: Mapping[str, str]) -> str:
    """The text with one more [[section]] behind the last one of its name, else at its end. Raises CannotEdit."""
    if not _NAME.fullmatch(section):
        raise CannotEdit(f"{section[:40]!r} is no name of a section")
    wanted = copy.deepcopy(loads(text))
    there = wanted.setdefault(section, [])
    if not isinstance(there, list):
        raise CannotEdit(f"[{section}] stands once; there is no list of it")
    item: dict[str, Any] = {}
    block = [f"[[{section}]]"]
    for key, value in values.items():
        literal = _literal(value, f"{section}.{key}")
        if literal:
            item[key] = _parsed(literal, f"{section}.{key}")
            block.append(f"{key} = {literal}")
    there.append(item)
    lines = text.splitlines()
    first, last = _whole(lines, section, len(there) - 2) if len(there) > 1 else (None, len(lines))
    last = last if first is not None else len(lines)
    return _meant([*lines[:last], "", *block, *(["", *lines[last:]] if lines[last:] else [])], wanted, section)


def removed(text: str, section: str, number: int) -> str:
    """The text without the `number`th [[section]] (from 1), its tables included. Raises CannotEdit."""
    wanted = copy.deepcopy(loads(text))
    there = wanted.get(section)
    if not isinstance(there, list) or not 1 <= number <= len(there):
        raise CannotEdit(f"there is no [[{section}]] no. {number}")
    del there[number - 1]
    if not there:
        del wanted[section]
    lines = text.splitlines()
    first, last = _whole(lines, section, number - 1)
    if first is None:
        raise CannotEdit(f"[[{section}]] no. {number} cannot be taken out by itself; do it by hand in the text")
    return _meant([*lines[:first], *lines[last:]], wanted, section)


def _one(text: str, path: str, value: str) -> str:
    document = loads(text)
    section, number, key = _parts(path)
    wanted = copy.deepcopy(document)
    if number and not isinstance(wanted.get(section, []), list):  # a table in a section that stands once
        table = wanted[section].setdefault(number, {})
        place, name = 0, f"{section}.{number}"
        if not isinstance(table, dict):
            raise CannotEdit(f"{path}: {section}.{number} is no table")
    elif number and section not in wanted and not number.startswith("#") and value and section == "ocpp":
        table = wanted.setdefault(section, {}).setdefault(number, {})
        place, name = 0, f"{section}.{number}"
    else:
        place, table = _table(wanted, section, number, path)
        name = section
    literal = _literal(value, path)
    if literal:
        table[key] = _parsed(literal, path)
    elif key in table:
        del table[key]
    else:
        return text
    lines = text.splitlines()
    first, last = _block(lines, name, place)
    if first is None:
        lines += ["", f"[{name}]", f"{key} = {literal}"]
    else:
        _put(lines, first, last, key, literal)
    return _meant(lines, wanted, path)


def _meant(lines: list[str], wanted: Mapping[str, Any], path: str) -> str:
    found = "\n".join(lines) + "\n"
    try:
        is_meant = loads(found) == wanted
    except tomllib.TOMLDecodeError:
        is_meant = False
    if not is_meant:
        raise CannotEdit(f"{path} cannot be changed by itself in this file; change it by hand in the draft")
    return found


def _parsed(literal: str, path: str) -> Any:
    try:
        return loads(f"x = {literal}")["x"]
    except tomllib.TOMLDecodeError:
        raise CannotEdit(f"{path}: {literal[:60]} is no value of TOML") from None


def _parts(path: str) -> tuple[str, str, str]:
    words = path.split(".")
    if len(words) == 2 and all(words):
        return words[0], "", words[1]
    if len(words) >= 3 and all(words):
        return words[0], ".".join(words[1:-1]), words[-1]
    raise CannotEdit(f"{path[:60]!r} is no key: write SECTION.KEY, or SECTION.NUMBER.KEY for one of a list")


def _table(document: dict[str, Any], section: str, number: str, path: str) -> tuple[int, dict[str, Any]]:
    """The section that is meant, and its place among those of its name."""
    found = document.setdefault(section, {} if not number else [])
    if not number:
        if not isinstance(found, dict):
            raise CannotEdit(f"{path}: there are several [[{section}]]; name one, as {section}.1.{path.split('.')[-1]}")
        return 0, found
    for place, table in enumerate(found if isinstance(found, list) else ()):
        names = (f"#{place + 1}", str(table.get("number", "")), str(table.get("name", "")))
        if isinstance(table, dict) and number in names:
            return place, table
    raise CannotEdit(f"{path}: there is no [[{section}]] {number}")


def _block(lines: list[str], section: str, place: int) -> tuple[int | None, int]:
    """The lines of the section's own keys: from the first behind its header to before the next header."""
    seen, first = -1, None
    for at, line in enumerate(lines):
        header = _HEADER.match(line)
        if header is None:
            continue
        if first is not None:
            return first, at
        if header[2] == section:
            seen += 1
            if seen == place:
                first = at + 1
    return first, len(lines)


def _whole(lines: list[str], section: str, place: int) -> tuple[int | None, int]:
    """All lines of one section of a list, from its header on, with its tables; what is said above the next header
    belongs to that."""
    first, _ = _block(lines, section, place)
    if first is None:
        return None, len(lines)
    at = first
    while at < len(lines):
        header = _HEADER.match(lines[at])
        if header is not None and not header[2].startswith(f"{section}."):
            break
        at += 1
    if at < len(lines):
        while at > first and lines[at - 1].lstrip().startswith("#"):
            at -= 1
    while at > first and not lines[at - 1].strip():
        at -= 1
    return first - 1, at


def _put(lines: list[str], first: int, last: int, key: str, literal: str) -> None:
    own = re.compile(rf"^\s*{re.escape(key)}\s*=")
    for at in range(first, last):
        if own.match(lines[at]):
            end = _value_end(lines, at, last)
            lines[at:end] = [f"{key} = {literal}{_remark(lines[at]) if end == at + 1 else ''}"] if literal else []
            return
    while last > first and not lines[last - 1].strip():
        last -= 1
    lines.insert(last, f"{key} = {literal}")


def _value_end(lines: list[str], at: int, last: int) -> int:
    """Behind the last line of the value that begins there."""
    for end in range(at + 1, min(last, at + LONGEST_VALUE) + 1):
        try:
            loads("\n".join(lines[at:end]))
        except tomllib.TOMLDecodeError:
            continue
        return end
    return at + 1


def _remark(line: str) -> str:
    """The comment at the end of a line, where no quotes make that doubtful."""
    value = line.partition("=")[2]
    if "#" not in value or '"' in value or "'" in value:
        return ""
    return "  #" + value.partition("#")[2]


def _literal(value: str, path: str) -> str:
    value = value.strip()
    if not value:
        return ""
    if not value.isprintable() or len(value) > 2000:
        raise CannotEdit(f"{path}: the value has to be at most 2000 printable characters")
    return value if _LITERAL.match(value) else json.dumps(value, ensure_ascii=False)
