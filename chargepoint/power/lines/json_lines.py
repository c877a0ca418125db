"""Lines of JSON in and out: what is read is checked, what is refused is said in words, what is written is plain JSON.

A refusal says where in the line, what was found there, why it cannot be and what to do. Numbers are finite on both
sides; infinity leaves as null. No input or output here.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chargepoint.power.topology import TopologyError

T = TypeVar("T")

_KINDS = {
    "float": "a number", "int": "a whole number", "str": "text", "bool": "true or false", "array": "a list",
    "object": "an object", "null": "null",
}  # fmt: skip

TIME_OF_DAY = r"^\d{1,2}:[0-5]\d(:[0-5]\d)?$"
_PATTERNS = {TIME_OF_DAY: "a time of day, such as 07:30 or 07:30:15"}

MOST_BYTES = 4_000_000
"""Of one line."""
MOST = 1e12
"""No figure of a charging station is larger, in whatever unit."""
SHOWN = 100
"""So many characters of what was found are repeated."""

Amount = Annotated[float, Meta(ge=0, le=MOST)]
Figure = Annotated[float, Meta(ge=-MOST, le=MOST)]
Share = Annotated[float, Meta(ge=0, le=1)]
Name = Annotated[str, Meta(min_length=1, max_length=80)]
ConnectorNumber = Annotated[int, Meta(ge=1, le=9999)]
Unreadable = Figure | None | UnsetType
"""Left out: no such bound. null: there is one, but it cannot be read, which counts as the worst. Below 0 is 0."""


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a line, for people."""

    where: str
    found: str
    why: str
    remedy: str


class Refusal(ValueError):
    """A line that cannot be used."""

    def __init__(self, where: str, found: object, why: str, remedy: str) -> None:
        self.problem = Problem(where, shown(found), why, remedy)
        super().__init__(f"{where}: {why}")


def amount_of(value: Unreadable, absent: float) -> float:
    """A bound or a load as the rules take it: not a number where it cannot be read, `absent` where it was left out."""
    if value is UNSET:
        return absent
    return math.nan if value is None else value


def parse(text: bytes, whole: str = "line", remedy: str = "send one object per line") -> Mapping[str, Any]:
    """The object of a `whole`: a line, or a file. Raises Refusal."""
    if len(text) > MOST_BYTES:
        raise Refusal(whole, f"more than {MOST_BYTES} bytes", f"a {whole} is not that long", remedy)
    try:
        data = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise Refusal(whole, text, f"this is no JSON that can be read: {error}", remedy) from error
    if not isinstance(data, dict):
        raise Refusal(whole, data, f"a {whole} is an object", 'begin it with "{" and end it with "}"')
    for number in _numbers(data):
        if not -MOST <= number <= MOST:
            raise Refusal(whole, number, "no figure of a charging station is as large", "correct it")
    return data


def read(data: object, kind: type[T], where: str = "") -> T:
    """`data` as a struct of `kind`. Raises Refusal; `where` is put before the place in `data`."""
    try:
        return msgspec.convert(data, kind, str_keys=True)
    except (msgspec.ValidationError, RecursionError) as error:
        words, _, path = str(error).partition(" - at ")
        path = path.rpartition("`$")[2].strip("`").lstrip(".")
        place = ".".join(part for part in (where, path) if part).replace(".[", "[")
        raise Refusal(place or "line", _at(data, path), _why(words), _remedy(words, kind)) from error
    except TopologyError as error:
        raise unusable(error) from error


def unusable(error: TopologyError) -> Refusal:
    """A station that cannot be, as a refusal of its line."""
    found, _, why = str(error).partition(": ")
    return Refusal("station", found, why or "such a station cannot be", "correct the station's line and send it again")


def write(answer: object) -> bytes:
    """One line of JSON, with its end."""
    return msgspec.json.encode(plain(msgspec.to_builtins(answer, str_keys=True))) + b"\n"


def plain(data: Any) -> Any:
    """`data` with figures of at most six decimals, and null for what is not finite."""
    if isinstance(data, float):
        return round(data, 6) + 0.0 if math.isfinite(data) else None
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain(value) for value in data]
    return data


def shown(found: object) -> str:
    """What was found, short enough to be read, without anything a terminal would obey."""
    if isinstance(found, bytes):
        text = found[: SHOWN * 4].decode("utf-8", "replace").strip()
    elif isinstance(found, str):
        text = found
    else:
        try:
            text = msgspec.json.encode(found).decode()
        except (msgspec.MsgspecError, RecursionError, TypeError, ValueError, OverflowError):
            text = type(found).__name__
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _at(data: object, path: str) -> object:
    """The value at a place like `connectors[0].voltage_v`; the nearest around it that is known."""
    for part in re.findall(r"[^.\[\]]+", path):
        if isinstance(data, dict) and part in data:
            data = data[part]
        elif isinstance(data, list) and part.isdigit() and int(part) < len(data):
            data = data[int(part)]
    return data


def _numbers(data: object) -> Iterator[float]:
    todo = [data]
    while todo:
        each = todo.pop()
        if isinstance(each, dict):
            todo.extend(each.values())
        elif isinstance(each, list):
            todo.extend(each)
        elif isinstance(each, int | float):
            yield each


def _why(words: str) -> str:
    """The words of the check, for people."""
    names = re.findall("`([^`]*)`", words)
    if words.startswith("Object contains unknown field"):
        return f"there is no field '{names[0]}' here"
    if words.startswith("Object missing required field"):
        return f"the field '{names[0]}' is missing"
    if words.startswith("Expected") and ", got" in words:
        kinds = [" or ".join(_KINDS.get(each, each) for each in name.split(" | ")) for name in names]
        return f"this is {kinds[-1]}, it must be {kinds[0]}"
    for pattern, meaning in _PATTERNS.items():
        if words.endswith(f"matching regex {pattern!r}"):
            return f"this is not {meaning}"
    for name, kind in _KINDS.items():
        words = words.replace(f"`{name}`", kind)
    return words[:1].lower() + words[1:].replace("`", "'")


def _remedy(words: str, kind: type) -> str:
    name = re.search("`([^`]*)`", words)
    if words.startswith("Object contains unknown field") and name is not None:
        close = difflib.get_close_matches(name[1], sorted(set(_fields(kind, set()))), n=1)
        return f"write {close[0]}" if close else "take it out"
    if words.startswith("Object missing required field") and name is not None:
        return f"add {name[1]}"
    return "correct it; docs/power.md describes each field"


def _fields(kind: Any, seen: set[Any]) -> Iterator[str]:
    """Names of the fields of a struct and of the structs in it."""
    for each in getattr(kind, "__args__", ()):
        yield from _fields(each, seen)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in seen:
        seen.add(kind)
        for field in msgspec.structs.fields(kind):
            yield field.encode_name
            yield from _fields(field.type, seen)
