"""A line that cannot be used, in words: where in it, what was found there, why it cannot be, what to do instead.

The checks are msgspec's; its words become ours here, with the names of the fields that are known at that place.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

import msgspec

_KINDS = {
    "float": "a number", "int": "a whole number", "str": "text", "bool": "true or false", "array": "a list",
    "object": "an object", "null": "null",
}  # fmt: skip

TIME_OF_DAY = r"^\d{1,2}:[0-5]\d(:[0-5]\d)?$"
_PATTERNS = {TIME_OF_DAY: "a time of day, such as 07:30 or 07:30:15"}

SHOWN = 100
"""So many characters of what was found are repeated."""
CORRECT = "correct it; docs/power.md describes each field"


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


def few(names: Iterable[str]) -> str:
    """Some names, to choose from."""
    found = sorted(names)
    return ", ".join(found[:8]) + (", ..." if len(found) > 8 else "") if found else "nothing: there is none"


def near(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that was probably meant."""
    if len(name) < 3:
        return None
    return next(iter(difflib.get_close_matches(name[:80], sorted(known), n=1)), None)


def refused(error: Exception, data: object, kind: Any, where: str) -> Refusal:
    """What a check of `data` as `kind` found; `where` is put before the place in `data`."""
    words, _, place = str(error).partition(" - at ")
    is_key = place.startswith("`key`")
    parts = _named(_parts(place.rpartition("`$")[2].strip("`")), data, kind, str(error))
    found = _at(data, parts)
    here = _kind_at(kind, parts)
    name = re.search("`([^`]*)`", words)
    remedy = CORRECT if is_key else _how(here)
    if name is not None and words.startswith("Object contains unknown field"):
        remedy = _other_field(name[1], here)
        if isinstance(found, dict):
            found = {name[1]: found.get(name[1])}
    elif name is not None and words.startswith("Object missing required field"):
        remedy = f"add {name[1]}"
    why = f"of a key of it: {_why(words)}" if is_key else _why(words)
    return Refusal(_spelled(where, parts) or "line", found, why, remedy)


_ANY = "[...]"
Parts = list[str | int]
"""A place in the data: names, and numbers in lists."""


def _parts(place: str) -> Parts:
    found = re.findall(r"\[\.\.\.\]|\[\d+\]|[^.\[\]]+", place)
    return [int(part[1:-1]) if part[0] == "[" and part != _ANY else part for part in found]


def _spelled(where: str, parts: Parts) -> str:
    text = where
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else part if part == _ANY or not text else f".{part}"
    return text


def _named(parts: Parts, data: object, kind: Any, message: str) -> Parts:
    """The place with the names that the check left out: each is tried alone."""
    for place, part in enumerate(parts):
        around = _at(data, parts[:place]) if part == _ANY else None
        if not isinstance(around, dict):
            continue
        for key, value in around.items():
            alone = _with(data, parts[:place], {key: value})
            try:
                msgspec.convert(alone, kind, str_keys=True)
            except (msgspec.ValidationError, RecursionError) as error:
                if str(error) == message:
                    parts = [*parts[:place], key, *parts[place + 1 :]]
                    data = alone
                    break
    return parts


def _at(data: Any, parts: Parts) -> Any:
    """The value at a place; the nearest around it that is known."""
    for part in parts:
        is_there = part in data if isinstance(data, dict) else isinstance(data, list) and part in range(len(data))
        data = data[part] if is_there else data
    return data


def _with(data: Any, parts: Parts, instead: object) -> Any:
    """`data` with another value at a place."""
    if not parts:
        return instead
    first, rest = parts[0], parts[1:]
    if isinstance(data, list):
        return [_with(each, rest, instead) if place == first else each for place, each in enumerate(data)]
    return {**data, first: _with(data[first], rest, instead)}


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
    if words.startswith("Invalid enum value"):
        return "there is no such word here"
    for pattern, meaning in _PATTERNS.items():
        if words.endswith(f"matching regex {pattern!r}"):
            return f"this is not {meaning}"
    for name, kind in _KINDS.items():
        words = words.replace(f"`{name}`", kind)
    return words[:1].lower() + words[1:].replace("`", "'")


# What may stand at a place, by the types themselves.


def _kind_at(kind: Any, parts: Parts) -> list[Any]:
    """What may stand at a place: the alternatives."""
    import msgspec.inspect as types  # only a refusal needs it

    found = _alternatives(types.type_info(kind))
    for part in parts:
        inner: list[Any] = []
        for each in found:
            if isinstance(each, types.StructType):
                inner += [field.type for field in each.fields if field.encode_name == part]
            elif isinstance(each, types.DictType):
                inner.append(each.value_type)
            elif isinstance(each, types.ListType | types.VarTupleType | types.SetType | types.FrozenSetType):
                inner.append(each.item_type)
            elif isinstance(each, types.TupleType) and isinstance(part, int) and part < len(each.item_types):
                inner.append(each.item_types[part])
        found = [other for each in inner for other in _alternatives(each)]
    return found


def _alternatives(kind: Any) -> list[Any]:
    import msgspec.inspect as types

    if isinstance(kind, types.UnionType):
        return [other for each in kind.types for other in _alternatives(each)]
    if isinstance(kind, types.Metadata):
        return [kind, *_alternatives(kind.type)]
    return [kind]


def _other_field(name: str, here: list[Any]) -> str:
    import msgspec.inspect as types

    known = [field.encode_name for each in here if isinstance(each, types.StructType) for field in each.fields]
    meant = near(name, known)
    return f"write {meant}" if meant else f"take it out; here may be: {', '.join(known)}"


def _how(here: list[Any]) -> str:
    import msgspec.inspect as types

    for each in here:
        if isinstance(each, types.Metadata) and (examples := (each.extra_json_schema or {}).get("examples")):
            return f"write it as {msgspec.json.encode(examples[0]).decode()}"
        if isinstance(each, types.EnumType):
            return f"write one of {', '.join(str(word.value) for word in each.cls)}"
    return CORRECT
