"""A raw TOML document against the structs that describe it: every fault, where the usual decoder stops at the first.

The structs (type hints and their bounds) are the only description; nothing here knows a key of a station.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from msgspec import inspect

from chargepoint.config_faults import HIDDEN, Fault, amount, listed, nearest, shown, shown_of

PEM = r"^(\s*-----BEGIN [\s\S]+)?$"
"""The one kind of text that has line breaks."""

PATTERNS: dict[str, tuple[str, str]] = {
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$": (
        "a name is made of letters, digits, '_', '.' and '-' and begins with a letter or digit",
        "Choose such a name.",
    ),
    "^(serial|tcp|can|http|gpio|spi)$": (
        "there is no such kind of port",
        'Set "serial", "tcp", "can", "http", "gpio" or "spi".',
    ),
    "^(redirect|service_port)$": ("plain HTTP is not treated so", 'Set "redirect" or "service_port".'),
    "^[0-9a-fA-F.:]*$": ("this is no address", 'Write it as "192.0.2.1", or leave it empty.'),
    r"^(([01]\d|2[0-3]):[0-5]\d)?$": ("a time of day is HH:MM", 'Write it as "03:10", or leave it empty for never.'),
    "^(wait|drain|stop)$": ("an update cannot do so while somebody charges", 'Set "wait", "drain" or "stop".'),
    "^(debug|info|warning|error)$": ("there is no such kind of line", 'Set "debug", "info", "warning" or "error".'),
    "^[NEO]$": ("there is no such parity", 'Set "N" (none), "E" (even) or "O" (odd).'),
    "^([A-Z]{3})?$": ("a currency has three capital letters (ISO 4217)", 'Set for example "EUR", or leave it empty.'),
    "^(C1|C6)$": ("charging cannot be reported from there on", 'Set "C1" or "C6".'),
    r"^(wss?://[^\s]+)?$": (
        "the address of a central system begins with ws:// or wss:// and has no spaces",
        'Write it as "wss://host/path", or leave it empty for a station without a central system.',
    ),
    "^(as_read|upper|lower)$": ("letters cannot be sent in such a case", 'Set "as_read", "upper" or "lower".'),
    "^(Wh|kWh)$": ("energy is not told in that unit", 'Set "Wh" or "kWh".'),
    "^(W|kW)$": ("power is not told in that unit", 'Set "W" or "kW".'),
    r"^(http://[^\s/]+)?$": (
        "a proxy is named by its host and port",
        'Write it as "http://host:port", or leave it empty for the direct way.',
    ),
    PEM: (
        "a PEM text begins with -----BEGIN and stands on lines of its own",
        'Put the whole text between """ and """.',
    ),
    "^(kmsdrm|framebuffer|x11|headless)$": (
        "a screen is not driven in that way",
        'Set "kmsdrm", "framebuffer", "x11" or "headless".',
    ),
    "^(auto|sun|night)$": ("there is no such theme", 'Set "auto", "sun" or "night".'),
    r"^(https?://[^\s]+)?$": (
        "a link begins with http:// or https:// and has no spaces",
        'Write it as "https://host/path", or leave it empty.',
    ),
    r"^[^/\s]*$": ("it becomes a part of the address, where '/' and spaces cannot stand", "Leave them out."),
}
"""What the patterns of chargepoint/config.py mean, for people: reason and remedy."""

_WORDS: dict[type[inspect.Type], str] = {
    inspect.StrType: "text in quotes",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.BoolType: "true or false",
    inspect.EnumType: "a word in quotes",
    inspect.VarTupleType: "a list in [brackets]",
    inspect.DictType: "a table",
    inspect.StructType: "a table",
}
_LINE_BREAKS = str.maketrans("", "", "\r\n")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def document_faults(document: Mapping[str, Any], settings: type, file: str) -> Iterator[Fault]:
    """Every fault of the whole document by itself: its sections, and the keys of each."""
    fields = {field.encode_name: field for field in struct_info(settings).fields}
    for name, value in document.items():
        field = fields.get(name)
        if field is None:
            yield _unknown_section(name, value, fields, file)
            continue
        kind = plain(field.type)
        if isinstance(kind, inspect.VarTupleType):
            yield from _sections_faults(name, value, kind.item_type, file)
        elif isinstance(kind, inspect.StructType):
            if isinstance(value, dict):
                yield from table_faults(value, kind, f"[{name}]", file)
            else:
                yield _wrong_brackets(name, value, f"[{name}]", file)
        else:
            yield from _value_faults(name, value, field.type, name, file)
    for name, field in fields.items():
        if field.required and name not in document:
            is_list = isinstance(plain(field.type), inspect.VarTupleType)
            remedy = "Add at least one such section" if is_list else "Add the section"
            yield Fault(_section(name, field.type), "", "it is missing", f"{remedy}; see docs/configuration.md.", file)


def section_label(name: str, item: Any, position: int) -> str:
    """How a person finds a section of a list: by its number or name, else by its place in the file."""
    if isinstance(item, dict):
        number, title = item.get("number"), item.get("name")
        if isinstance(number, int) and not isinstance(number, bool):
            return f"[[{name}]] {shown(number)}"
        if isinstance(title, str) and title:
            return f"[[{name}]] {shown(title)}"
    return f"[[{name}]] no. {position}"


@cache
def struct_info(struct: type) -> inspect.StructType:
    """The description of a struct type. Made once: the launcher's check leaves it to all that are forked from it."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return info


def plain(kind: inspect.Type) -> inspect.Type:
    """A type without what is said about it."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


def description(kind: inspect.Type) -> str:
    """What is said about a type, or ""."""
    while isinstance(kind, inspect.Metadata):
        text = (kind.extra_json_schema or {}).get("description")
        if isinstance(text, str):
            return text
        kind = kind.type
    return ""


def bounds(kind: inspect.Type) -> str:
    """The bounds of a number, a text or a list in words, or ""."""
    kind = plain(kind)
    if isinstance(kind, inspect.UnionType):
        return next((found for found in map(bounds, kind.types) if found), "")
    words: list[str] = []
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        for word, value in (("above", kind.gt), ("at least", kind.ge), ("below", kind.lt), ("at most", kind.le)):
            if value is not None:
                words.append(f"{word} {amount(value)}")
    elif isinstance(kind, inspect.StrType):
        if kind.min_length:
            words.append("not empty")
        if kind.max_length is not None:
            words.append(f"at most {kind.max_length} characters")
    return " and ".join(words)


def _section(name: str, kind: inspect.Type) -> str:
    return f"[[{name}]]" if isinstance(plain(kind), inspect.VarTupleType) else f"[{name}]"


def _unknown_section(name: str, value: Any, fields: Mapping[str, inspect.Field], file: str) -> Fault:
    meant = nearest(name, fields)
    sections = [_section(known, field.type) for known, field in fields.items()]
    if isinstance(value, dict | list) and (isinstance(value, dict) or all(isinstance(item, dict) for item in value)):
        key = f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
        remedy = f"Did you mean {_section(meant, fields[meant].type)}?" if meant else f"There are {listed(sections)}."
        return Fault(printable(key), "", "there is no such section", remedy, file)
    for section, field in fields.items():
        known = _keys_of(field.type)
        if name in known:
            remedy = f"Put it below the line {_section(section, field.type)}, where it belongs."
            return Fault(printable(name), shown_of(name, value), "it stands before the first section", remedy, file)
    return Fault(
        printable(name), shown_of(name, value), "there is no such key outside of a section", "Remove it.", file
    )


def _keys_of(kind: inspect.Type) -> tuple[str, ...]:
    kind = plain(kind)
    if isinstance(kind, inspect.VarTupleType):
        kind = plain(kind.item_type)
    return tuple(field.encode_name for field in kind.fields) if isinstance(kind, inspect.StructType) else ()


def _wrong_brackets(name: str, value: Any, right: str, file: str) -> Fault:
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return Fault(f"[[{name}]]", "", "there is only one such section, not a list", f"Write {right}.", file)
    if isinstance(value, dict):
        return Fault(f"[{name}]", "", "there may be several such sections", f"Write {right} before each.", file)
    return Fault(
        name, shown_of(name, value), "this is a section, not a key", f"Write {right} on a line of its own.", file
    )


def _sections_faults(name: str, value: Any, item: inspect.Type, file: str) -> Iterator[Fault]:
    item = plain(item)
    assert isinstance(item, inspect.StructType)
    if not isinstance(value, list) or any(not isinstance(table, dict) for table in value):
        yield _wrong_brackets(name, value, f"[[{name}]]", file)
        return
    for position, table in enumerate(value, start=1):
        yield from table_faults(table, item, section_label(name, table, position), file)


def table_faults(table: Mapping[str, Any], struct: inspect.StructType, where: str, file: str) -> Iterator[Fault]:
    """The faults of one section; `where` is how a person finds it, "" for a file without sections."""
    where = f"{where}, " if where else ""
    fields = {field.encode_name: field for field in struct.fields}
    missing = [name for name, field in fields.items() if field.required and name not in table]
    for name, value in table.items():
        key = f"{where}{printable(name)}"
        if name in fields:
            yield from _value_faults(name, value, fields[name].type, key, file)
            continue
        # A mistyped key is most probably one that is missing, then one that is not set, then any.
        unset = [known for known in fields if known not in table]
        meant = nearest(name, missing) or nearest(name, unset)
        if meant in missing:
            missing.remove(meant)
        found = shown_of(name, value)
        remedy = f"Did you mean {meant}?" if meant else f"Remove it; there are {listed(unset or fields)}."
        if found == HIDDEN:
            remedy = f"Did you mean {meant}?" if meant else "A secret belongs in secrets.toml beside this file."
        yield Fault(key, found, "there is no such key", remedy, file)
    for name in missing:
        about = description(fields[name].type)
        remedy = f"Add it. Its meaning: {about}" if about else "Add it."
        yield Fault(f"{where}{name}", "", "it is missing", remedy, file)


def _value_faults(name: str, value: Any, kind: inspect.Type, key: str, file: str) -> Iterator[Fault]:
    """The faults of one value; `name` is its last key, which decides whether it may be shown."""
    about, kind = description(kind), plain(kind)
    found = shown_of(name, value)
    if isinstance(kind, inspect.UnionType):
        options = [option for option in kind.types if not isinstance(plain(option), inspect.NoneType)]
        fitting = [option for option in options if _fits(value, plain(option))]
        if fitting:
            yield from _value_faults(name, value, fitting[0], key, file)
        else:
            expected = " or ".join(dict.fromkeys(_WORDS[type(plain(option))] for option in options))
            yield Fault(key, found, f"{expected} is expected, not {_is(value)}", _write(about), file)
        return
    if not _fits(value, kind):
        remedy = _write(about)
        if isinstance(value, str) and isinstance(kind, inspect.IntType | inspect.FloatType | inspect.BoolType):
            remedy = f"Write {_WORDS[type(kind)]}, without quotes."
        yield Fault(key, found, f"{_WORDS[type(kind)]} is expected, not {_is(value)}", remedy, file)
    elif isinstance(kind, inspect.EnumType):
        words = [str(member.value) for member in kind.cls]
        if value not in words:
            meant = nearest(value, words)
            remedy = f'Did you mean "{meant}"?' if meant else f"Set one of {listed(words)}."
            yield Fault(key, found, "there is no such word", remedy, file)
    elif isinstance(kind, inspect.StrType):
        yield from _text_faults(value, kind, key, found, file)
    elif isinstance(kind, inspect.IntType | inspect.FloatType):
        if not math.isfinite(value) if isinstance(value, float) else abs(value) >= 1 << 63:
            yield Fault(key, found, "this number means nothing here", _write(about), file)
        elif not _inside(value, kind):
            yield Fault(key, found, f"it must be {bounds(kind)}", f"Set a number that is {bounds(kind)}.", file)
    elif isinstance(kind, inspect.VarTupleType):
        for position, item in enumerate(value, start=1):
            yield from _value_faults(name, item, kind.item_type, f"{key}[{position}]", file)
    elif isinstance(kind, inspect.StructType):
        yield from table_faults(value, kind, _table_in(key), file)
    elif isinstance(kind, inspect.DictType):
        for item_name, item in value.items():
            item_key = f"{_table_in(key)}, {printable(item_name)}"  # [ocpp.configuration], HeartbeatInterval
            yield from _value_faults(item_name, item, kind.value_type, item_key, file)


def _table_in(key: str) -> str:
    """How a person finds the table that is the value of `key`: "[ocpp], configuration" is [ocpp.configuration]."""
    section, _, last = key.rpartition(", ")
    return f"{section[:-1]}.{last}]"


def _text_faults(value: str, kind: inspect.StrType, key: str, found: str, file: str) -> Iterator[Fault]:
    if _CONTROL.search(value.translate(_LINE_BREAKS) if kind.pattern == PEM else value):
        yield Fault(key, found, "it holds a line break or another control character", "Write it on one line.", file)
    elif kind.min_length is not None and len(value) < kind.min_length:
        yield Fault(key, found, "it is empty", "Set it.", file)
    elif kind.max_length is not None and len(value) > kind.max_length:
        yield Fault(
            key, found, f"it has {len(value)} characters, more than {kind.max_length}", "Write something shorter.", file
        )
    elif kind.pattern is not None and not re.search(kind.pattern, value):
        reason, remedy = PATTERNS.get(kind.pattern, (f"it does not match {kind.pattern}", "See docs/configuration.md."))
        yield Fault(key, found, reason, remedy, file)


def _inside(value: float, kind: inspect.IntType | inspect.FloatType) -> bool:
    return (
        (kind.gt is None or value > kind.gt)
        and (kind.ge is None or value >= kind.ge)
        and (kind.lt is None or value < kind.lt)
        and (kind.le is None or value <= kind.le)
    )


def _fits(value: Any, kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.BoolType):
        return isinstance(value, bool)
    if isinstance(kind, inspect.IntType):
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(kind, inspect.FloatType):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(kind, inspect.StrType | inspect.EnumType):
        return isinstance(value, str)
    return isinstance(value, list if isinstance(kind, inspect.VarTupleType) else dict)


def _is(value: Any) -> str:
    """What kind of value stands in the file."""
    if isinstance(value, bool):
        return "true or false"
    names: Sequence[tuple[type, str]] = (
        (str, "text"), (int, "a number"), (float, "a number with a fraction"), (list, "a list"), (dict, "a table"),
    )  # fmt: skip
    return next((word for kind, word in names if isinstance(value, kind)), "a date or time")


def _write(about: str) -> str:
    return f"Correct it. Its meaning: {about}" if about else "Correct it; see docs/configuration.md."


def printable(name: str) -> str:
    """A key as it stands in the file: bare if it can be, else as `shown`."""
    return name if re.fullmatch(r"[\[\]A-Za-z0-9_-]{1,60}", name) else shown(name)
