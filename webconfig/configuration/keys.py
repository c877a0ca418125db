"""Every section and key of a station file as rows for forms, made from the structs of chargepoint/config.py. Pure."""

from __future__ import annotations

import enum
import inspect as python_inspect
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import NODEFAULT, inspect

from chargepoint.config import Settings
from chargepoint.config_difference import literal
from chargepoint.config_schema import bounds, description, plain, struct_info

BOOL, WHOLE, NUMBER, TEXT, WORD, LIST, TABLE = "bool", "whole", "number", "text", "word", "list", "table"
UNITS: dict[str, str] = {
    "w": "W", "a": "A", "v": "V", "s": "s", "ms": "ms", "min": "min", "h": "h", "days": "d", "bytes": "B", "c": "°C",
    "pct": "%", "kwh": "kWh", "wh": "Wh", "ohm": "Ω", "kohm": "kΩ", "hz": "Hz", "m": "m", "mm2": "mm²", "rate": "bit/s",
    "px": "px", "nits": "cd/m²",
}  # fmt: skip
"""Of the last word of a key."""


class Key(msgspec.Struct, frozen=True):
    """One key. `default` is what counts when it is not in the file, as it would stand there (empty: nothing, or it has
    to be given). `kind` is one of the words above; `words` are the choices of a WORD."""

    name: str
    kind: str
    about: str = ""
    unit: str = ""
    bounds: str = ""
    default: str = ""
    is_required: bool = False
    words: tuple[str, ...] = ()
    pattern: str = ""


class SectionRows(msgspec.Struct, frozen=True):
    """A section: `station`, `connector` (a list), `ocpp.compatibility` (a table in one)."""

    name: str
    is_list: bool
    about: str
    keys: tuple[Key, ...]

    @property
    def label(self) -> str:
        return f"[[{self.name}]]" if self.is_list else f"[{self.name}]"


@cache
def sections() -> Mapping[str, SectionRows]:
    """All, in the order of the documentation."""
    return {section.name: section for section in _sections()}


def _sections() -> Iterator[SectionRows]:
    for field in struct_info(Settings).fields:
        kind = plain(field.type)
        is_list = isinstance(kind, inspect.VarTupleType)
        item = plain(kind.item_type) if isinstance(kind, inspect.VarTupleType) else kind
        if not isinstance(item, inspect.StructType):
            continue
        yield _section(field.encode_name, item, is_list)
        if is_list:
            continue
        for inner in item.fields:
            table = plain(inner.type)
            name = f"{field.encode_name}.{inner.encode_name}"
            if isinstance(table, inspect.StructType):
                yield _section(name, table, False)


def _section(name: str, struct: inspect.StructType, is_list: bool) -> SectionRows:
    about = " ".join((python_inspect.getdoc(struct.cls) or "").split())
    keys = tuple(_key(field) for field in struct.fields if not isinstance(plain(field.type), inspect.StructType))
    return SectionRows(name, is_list, about, keys)


def _key(field: inspect.Field) -> Key:
    kind = plain(field.type)
    is_optional = False
    if isinstance(kind, inspect.UnionType):
        options = [plain(each) for each in kind.types]
        is_optional = any(isinstance(each, inspect.NoneType) for each in options)
        kind = next(each for each in options if not isinstance(each, inspect.NoneType))
    words: tuple[str, ...] = ()
    if isinstance(kind, inspect.EnumType):
        words = tuple(str(member.value) for member in kind.cls)
    elif isinstance(kind, inspect.StrType) and kind.pattern is not None:
        words = _alternatives(kind.pattern)
    return Key(
        field.encode_name,
        WORD if words else _KINDS.get(type(kind), TEXT),
        description(field.type),
        UNITS.get(field.encode_name.rpartition("_")[2], "") if "_" in field.encode_name else "",
        bounds(field.type),
        _default(field),
        field.required and not is_optional,
        words,
    )


_KINDS: dict[type[inspect.Type], str] = {
    inspect.BoolType: BOOL,
    inspect.IntType: WHOLE,
    inspect.FloatType: NUMBER,
    inspect.VarTupleType: LIST,
    inspect.DictType: TABLE,
}


def _alternatives(pattern: str) -> tuple[str, ...]:
    """`^(a|b)$` is a choice."""
    inner = pattern.removeprefix("^(").removesuffix(")$")
    if f"^({inner})$" != pattern or not all(each.isalnum() or each in "|_-" for each in inner) or "|" not in inner:
        return ()
    return tuple(inner.split("|"))


def _default(field: inspect.Field) -> str:
    if field.required:
        return ""
    value: Any = field.default if field.default is not NODEFAULT else field.default_factory()
    if value is None or value in ((), {}, ""):
        return ""
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return shown_value(msgspec.to_builtins(value))


def shown_value(value: Any) -> str:
    """A value as it is written into a field: text bare, simple lists with commas, the rest as in the file."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(each, str | int | float) for each in value):
        if any(isinstance(each, bool) or (isinstance(each, str) and _needs_quotes(each)) for each in value):
            return literal(value)
        return ", ".join(str(each) for each in value)
    return literal(value)


def _needs_quotes(text: str) -> bool:
    return "," in text or text != text.strip() or not text or text[0] in "[\"'" or _is_number(text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def written(key: Key, text: str) -> str:
    """What was typed, as TOML; empty: the default counts. Raises ValueError with what is expected."""
    text = text.strip()
    if not text:
        return ""
    if key.kind == BOOL:
        if text not in ("true", "false"):
            raise ValueError("true or false")
        return text
    if key.kind in (WHOLE, NUMBER):
        number = text.replace(" ", "").replace("\u00a0", "").replace(",", ".")
        try:
            value = int(number) if key.kind == WHOLE else float(number)
        except ValueError:
            raise ValueError("a whole number" if key.kind == WHOLE else "a number") from None
        if value != value or abs(value) == float("inf"):
            raise ValueError("a number")
        return literal(int(value) if float(value).is_integer() and abs(value) < 1e15 else value)
    if key.kind == LIST:
        return _list(text)
    if key.kind == TABLE:
        return text if text.startswith("{") else "{" + text + "}"
    return literal(text)


def _list(text: str) -> str:
    if text.startswith("["):
        return text
    items: list[str | int | float] = []
    for part in (each.strip() for each in text.split(",")):
        try:
            items.append(int(part))
        except ValueError:
            try:
                items.append(float(part))
            except ValueError:
                items.append(part)
    if any(isinstance(each, str) for each in items):
        items = [part.strip() for part in text.split(",")]
    return literal([each for each in items if each != ""])


class Found(msgspec.Struct, frozen=True):
    section: SectionRows
    key: Key


def search(
    query: str, meaning: Callable[[SectionRows, Key], str] = lambda _section, _key: "", most: int = 60
) -> tuple[Found, ...]:
    """Keys in whose name, section or meaning all words of the query are; those in the name first. `meaning` is what a
    key means in another language."""
    words = query.casefold().split()[:8]
    if not words:
        return ()
    found: list[tuple[int, Found]] = []
    for section in sections().values():
        for key in section.keys:
            name = f"{section.name}.{key.name}".casefold()
            about = f"{key.about} {meaning(section, key)}".casefold()
            if all(word in name or word in about for word in words):
                found.append((0 if all(word in name for word in words) else 1, Found(section, key)))
    found.sort(key=lambda each: each[0])
    return tuple(each for _, each in found[:most])
