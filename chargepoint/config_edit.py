"""Single values of a station file changed in its text, so that comments and order stay. Pure.

    changed(text, {"station.power_limit_w": "50000", "connector.1.max_power_w": "22000"})

A list's section is named by its `number` or `name`. An empty value takes the key away. What comes out is parsed and
compared with what was meant; where the two differ nothing is changed and CannotEdit says so.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?\s*(#.*)?$")
_LITERAL = re.compile(r"^(true|false|[+-]?[0-9][0-9_]*(\.[0-9_]+)?([eE][+-]?[0-9]+)?|\[.*\]|\".*\")$")


class CannotEdit(Exception):
    """The text says which key, and why."""


def changed(text: str, changes: Mapping[str, str]) -> str:
    """The text with these values. Raises CannotEdit, tomllib.TOMLDecodeError for a text that is no TOML."""
    for path, value in changes.items():
        text = _one(text, path, value.strip())
    return text


def _one(text: str, path: str, value: str) -> str:
    section, number, key = _parts(path)
    document = tomllib.loads(text)
    wanted = copy.deepcopy(document)
    place, table = _table(wanted, section, number, path)
    literal = _literal(value, path)
    if literal:
        table[key] = tomllib.loads(f"x = {literal}")["x"]
    elif key in table:
        del table[key]
    else:
        return text
    lines = text.splitlines()
    first, last = _block(lines, section, place)
    if first is None:
        lines += ["", f"[{section}]", f"{key} = {literal}"]
    else:
        _put(lines, first, last, key, literal)
    found = "\n".join(lines) + "\n"
    try:
        is_meant = tomllib.loads(found) == wanted
    except tomllib.TOMLDecodeError:
        is_meant = False
    if not is_meant:
        raise CannotEdit(f"{path} cannot be changed by itself in this file; change it by hand in the draft")
    return found


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
        if isinstance(table, dict) and number in (str(table.get("number", "")), str(table.get("name", ""))):
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


def _put(lines: list[str], first: int, last: int, key: str, literal: str) -> None:
    own = re.compile(rf"^\s*{re.escape(key)}\s*=")
    for at in range(first, last):
        if own.match(lines[at]):
            if literal:
                lines[at] = f"{key} = {literal}{_remark(lines[at])}"
            else:
                del lines[at]
            return
    while last > first and not lines[last - 1].strip():
        last -= 1
    lines.insert(last, f"{key} = {literal}")


def _remark(line: str) -> str:
    """The comment at the end of a line, where no quotes make that doubtful."""
    value = line.partition("=")[2]
    if "#" not in value or '"' in value or "'" in value:
        return ""
    return "  #" + value.partition("#")[2]


def _literal(value: str, path: str) -> str:
    if not value:
        return ""
    if not value.isprintable() or len(value) > 2000:
        raise CannotEdit(f"{path}: the value has to be at most 2000 printable characters")
    return value if _LITERAL.match(value) else json.dumps(value, ensure_ascii=False)
