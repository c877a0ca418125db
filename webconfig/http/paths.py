"""The rows of a table found by a request's path: `/connectors/{n}`, `/sessions/{id:[0-9]{1,19}}`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, TypeVar
from urllib.parse import unquote

T = TypeVar("T")
ANY = r"[^/]+"


class BadPath(Exception):
    """The path cannot be read: it is not UTF-8, or has a character that no path has."""


def decoded(raw_path: str) -> str:
    """A path as people read it; each `%2F` stays, since it parts nothing. Raises BadPath."""
    try:
        parts = [unquote(part, errors="strict") for part in raw_path.split("/")]
    except UnicodeDecodeError:
        raise BadPath(raw_path[:100]) from None
    if any("\0" in part for part in parts):
        raise BadPath(raw_path[:100])
    return "/".join(part.replace("/", "%2F") for part in parts)


def pattern_of(path: str) -> re.Pattern[str]:
    """The pattern of a row's path. Raises ValueError when its braces do not match."""
    found, rest = "", path
    while "{" in rest:
        head, _, rest = rest.partition("{")
        depth, end = 1, 0
        while depth:
            if end >= len(rest):
                raise ValueError(f"{path}: a brace is not closed")
            depth += {"{": 1, "}": -1}.get(rest[end], 0)
            end += 1
        name, _, what = rest[: end - 1].partition(":")
        found += f"{re.escape(head)}(?P<{name}>{what or ANY})"
        rest = rest[end:]
    return re.compile(found + re.escape(rest))


class Paths(Generic[T]):
    """Rows by path. Of several that fit, one without places comes first, then the order of the table."""

    def __init__(self, rows: Iterable[tuple[str, T]]) -> None:
        self._plain: dict[str, list[T]] = {}
        self._dynamic: dict[int, list[tuple[re.Pattern[str], T]]] = {}
        for path, row in rows:
            if "{" in path:
                self._dynamic.setdefault(path.count("/"), []).append((pattern_of(path), row))
            else:
                self._plain.setdefault(path, []).append(row)

    def found(self, path: str) -> list[tuple[T, dict[str, str]]]:
        """All rows of a decoded path, each with the values of its places."""
        rows: list[tuple[T, dict[str, str]]] = [(row, {}) for row in self._plain.get(path, ())]
        for pattern, row in self._dynamic.get(path.count("/"), ()):
            match = pattern.fullmatch(path)
            if match is not None:
                rows.append((row, {name: value.replace("%2F", "/") for name, value in match.groupdict().items()}))
        return rows
