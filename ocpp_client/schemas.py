"""Checks of payloads by the JSON schemas of the `ocpp` package, compiled to plain functions once per action.

The schemas of OCPP 1.6 use a dozen keywords only; a compiled check of a short request takes about a microsecond, and
the general validator with the modules around it is never loaded (it costs this process some 5 MiB). The tests compare
both on the same payloads. Unlike the schema, fields it does not know are no fault: they are dropped (S11).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from ocpp_client.frames import OCCURENCE_VIOLATION, PROPERTY_VIOLATION, TYPE_VIOLATION, Payload

MAX_INTEGER = 2**63 - 1
"""OCPP has 32 bits; servers count transactions with more, and so far we can keep them."""


class Violation(Exception):
    """A payload breaks its schema; `code` is the error code of OCPP-J for it, the text names the field."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class UnknownAction(Exception):
    """OCPP 1.6 has no such action."""


Check = Callable[[Any, str], Any]
"""Takes a value and its path; gives the value without unknown fields, or raises Violation."""


@cache
def _folder() -> Path:
    found = importlib.util.find_spec("ocpp")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("the package 'ocpp' with the OCPP schemas is not installed: pip install ocpp")
    return Path(found.origin).parent / "v16" / "schemas"


@cache
def actions() -> frozenset[str]:
    """All actions OCPP 1.6 and its security white paper know."""
    return frozenset(path.stem for path in _folder().glob("*.json") if not path.stem.endswith("Response"))


def check_request(action: str, payload: Payload) -> Payload:
    """`payload` of a CALL without unknown fields. Raises Violation, UnknownAction."""
    if action not in actions():
        raise UnknownAction(action)
    checked: Payload = _compiled(action)(payload, "")
    return checked


def check_answer(action: str, payload: Payload) -> Payload:
    """`payload` of the CALLRESULT to `action`, without unknown fields. Raises Violation."""
    checked: Payload = _compiled(action + "Response")(payload, "")
    return checked


@cache
def _compiled(name: str) -> Check:
    schema = msgspec.json.decode((_folder() / f"{name}.json").read_text(encoding="utf-8-sig"))
    return compile_schema(schema, schema.get("definitions", {}))


def compile_schema(schema: dict[str, Any], definitions: dict[str, Any]) -> Check:
    """The check of one (sub)schema of draft 4, as far as OCPP uses it."""
    reference = schema.get("$ref")
    if reference is not None:
        return compile_schema(definitions[reference.removeprefix("#/definitions/")], definitions)
    return _COMPILERS[schema["type"]](schema, definitions)


def _object(schema: dict[str, Any], definitions: dict[str, Any]) -> Check:
    fields = {name: compile_schema(part, definitions) for name, part in schema.get("properties", {}).items()}
    required = tuple(schema.get("required", ()))

    def check(value: Any, path: str) -> Any:
        if type(value) is not dict:
            raise Violation(TYPE_VIOLATION, f"{path or 'the payload'} must be an object")
        for name in required:
            if name not in value:
                raise Violation(OCCURENCE_VIOLATION, f"{path}{name} is missing")
        known = {}
        for name, item in value.items():
            field = fields.get(name)
            if field is not None:
                known[name] = field(item, path + name)
        return known

    def nested(value: Any, path: str) -> Any:
        return check(value, path + "." if path else "")

    return nested


def _array(schema: dict[str, Any], definitions: dict[str, Any]) -> Check:
    item_check = compile_schema(schema["items"], definitions)
    at_least = schema.get("minItems", 0)

    def check(value: Any, path: str) -> Any:
        if type(value) is not list:
            raise Violation(TYPE_VIOLATION, f"{path} must be a list")
        if len(value) < at_least:
            raise Violation(OCCURENCE_VIOLATION, f"{path} needs at least {at_least} element(s)")
        return [item_check(item, f"{path}[{number}]") for number, item in enumerate(value)]

    return check


def _string(schema: dict[str, Any], _definitions: dict[str, Any]) -> Check:
    most = schema.get("maxLength")
    words = frozenset(schema["enum"]) if "enum" in schema else None
    is_time = schema.get("format") == "date-time"

    def check(value: Any, path: str) -> Any:
        if type(value) is not str:
            raise Violation(TYPE_VIOLATION, f"{path} must be a text")
        if most is not None and len(value) > most:
            raise Violation(PROPERTY_VIOLATION, f"{path} is longer than {most} characters")
        if words is not None and value not in words:
            raise Violation(PROPERTY_VIOLATION, f"{path} has an unknown value")
        if is_time and parse_time(value) is None:
            raise Violation(PROPERTY_VIOLATION, f"{path} is no time (RFC 3339)")
        return value

    return check


def _integer(_schema: dict[str, Any], _definitions: dict[str, Any]) -> Check:
    def check(value: Any, path: str) -> Any:
        if type(value) is not int:
            raise Violation(TYPE_VIOLATION, f"{path} must be a whole number")
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise Violation(PROPERTY_VIOLATION, f"{path} is beyond 64 bits")
        return value

    return check


def _number(schema: dict[str, Any], _definitions: dict[str, Any]) -> Check:
    step = Decimal(str(schema["multipleOf"])) if "multipleOf" in schema else None

    def check(value: Any, path: str) -> Any:
        if type(value) is not int and type(value) is not float:
            raise Violation(TYPE_VIOLATION, f"{path} must be a number")
        if step is not None and abs(value) < 1e15 and Decimal(str(value)) % step != 0:
            raise Violation(PROPERTY_VIOLATION, f"{path} is no multiple of {step}")
        return value

    return check


def _boolean(_schema: dict[str, Any], _definitions: dict[str, Any]) -> Check:
    def check(value: Any, path: str) -> Any:
        if type(value) is not bool:
            raise Violation(TYPE_VIOLATION, f"{path} must be true or false")
        return value

    return check


_COMPILERS: dict[str, Callable[[dict[str, Any], dict[str, Any]], Check]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
}


EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def parse_time(text: str) -> datetime | None:
    """The instant (aware UTC) in `text`, None when it is none. Without a zone it is taken as UTC.

    Whole milliseconds, as OCPP has them: as a number of seconds, 9999-12-31T23:59:59.999999 is a year that is none.
    """
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    except ValueError:
        return None
    if len(text) < 16:
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (OverflowError, ValueError):  # its zone puts it beyond what can be counted: the edge means the same
        return LATEST if at.year == LATEST.year else EARLIEST


def time_of(seconds: float | None) -> datetime | None:
    """The instant (aware UTC) that was kept as seconds since 1970, None for none and for one that cannot be."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def format_time(at: datetime) -> str:
    """As OCPP wants it: UTC, milliseconds, Z."""
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
