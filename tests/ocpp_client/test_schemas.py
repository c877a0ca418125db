"""The compiled checks say the same as the general JSON schema validator, but drop unknown fields."""

from __future__ import annotations

import functools
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import ocpp  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator  # type: ignore[import-untyped]

from ocpp_client import schemas
from ocpp_client.frames import OCCURENCE_VIOLATION, PROPERTY_VIOLATION, TYPE_VIOLATION

FOLDER = Path(ocpp.__file__).parent / "v16" / "schemas"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
TIMES = st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123+05:00", "2026-01-01T00:00:00"])


@functools.cache
def schema_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8-sig"))
    return found


def values(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that keep a schema mostly and break it now and then; none with fields it does not know."""
    if "$ref" in schema:
        return values(definitions[schema["$ref"].removeprefix("#/definitions/")], definitions)
    kind = schema["type"]
    wrong: st.SearchStrategy[Any] = st.sampled_from([None, True, 0, -1.5, "", [], {}, "x" * 600])
    if kind == "object":
        required = schema.get("required", [])
        fields = {name: values(part, definitions) for name, part in schema.get("properties", {}).items()}
        must = {name: fields[name] for name in required if name in fields}
        may = {name: fields[name] for name in fields if name not in required}
        right: st.SearchStrategy[Any] = st.fixed_dictionaries(must, optional=may)
        lacking = st.fixed_dictionaries({}, optional=fields)
        return st.one_of(right, right, right, lacking, wrong)
    if kind == "array":
        right = st.lists(values(schema["items"], definitions), max_size=3)
    elif kind == "string" and "enum" in schema:
        right = st.sampled_from(schema["enum"])
    elif kind == "string" and schema.get("format") == "date-time":
        right = TIMES
        wrong = st.sampled_from([None, 1, []])  # texts that are no times pass the general validator
    elif kind == "string":
        right = st.text(max_size=min(schema.get("maxLength", 10) + 1, 30))
    elif kind == "integer":
        right = st.integers(-schemas.MAX_INTEGER, schemas.MAX_INTEGER)
    elif kind == "number":
        right = st.integers(-100, 100)
    else:
        right = st.booleans()
    return st.one_of(right, right, right, right, right, wrong)


@functools.cache
def payloads(name: str) -> st.SearchStrategy[Any]:
    """Of a message, right or wrong; always an object."""
    schema = schema_of(name)
    return values(schema, schema.get("definitions", {})).filter(lambda value: isinstance(value, dict))


@functools.cache
def validator(name: str) -> Any:
    return Draft4Validator(schema_of(name))


@given(st.data())
def test_both_validators_agree(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(NAMES))
    payload = data.draw(payloads(name))
    check = schemas.check_answer if name.endswith("Response") else schemas.check_request
    try:
        is_right = check(name.removesuffix("Response"), payload) == payload
    except schemas.Violation:
        is_right = False
    assert is_right == validator(name).is_valid(payload), payload


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_compiles(name: str) -> None:
    schemas.compile_schema(schema_of(name), schema_of(name).get("definitions", {}))


@pytest.mark.parametrize(
    ("action", "payload", "code"),
    [
        ("ChangeConfiguration", {"key": "A"}, OCCURENCE_VIOLATION),
        ("ChangeConfiguration", {"key": 1, "value": "x"}, TYPE_VIOLATION),
        ("ChangeConfiguration", {"key": "A" * 51, "value": "x"}, PROPERTY_VIOLATION),
        ("Reset", {"type": "Warm"}, PROPERTY_VIOLATION),
        ("RemoteStopTransaction", {"transactionId": "7"}, TYPE_VIOLATION),
        ("RemoteStopTransaction", {"transactionId": True}, TYPE_VIOLATION),
        ("RemoteStopTransaction", {"transactionId": 7.0}, TYPE_VIOLATION),
        ("GetConfiguration", {"key": "HeartbeatInterval"}, TYPE_VIOLATION),
        ("MeterValues", {"connectorId": 1, "meterValue": []}, OCCURENCE_VIOLATION),
        ("CancelReservation", {"reservationId": 2**63}, PROPERTY_VIOLATION),
        ("CancelReservation", {"reservationId": -(2**63)}, PROPERTY_VIOLATION),
        ("ReserveNow", {"connectorId": 1, "expiryDate": "soon", "idTag": "A", "reservationId": 1}, PROPERTY_VIOLATION),
    ],
)
@pytest.mark.ocpp(
    "J4.2-TypeConstraintViolation",
    "J4.2-OccurenceConstraintViolation",
    "J4.2-PropertyConstraintViolation",
)
def test_each_kind_of_fault_has_its_code(action: str, payload: dict[str, Any], code: str) -> None:
    with pytest.raises(schemas.Violation) as violation:
        schemas.check_request(action, payload)
    assert violation.value.code == code


def test_unknown_fields_are_dropped_at_any_depth() -> None:
    answer = {"idTagInfo": {"status": "Accepted", "colour": "red"}, "transactionId": 1, "more": {}}
    checked = schemas.check_answer("StartTransaction", answer)
    assert checked == {"idTagInfo": {"status": "Accepted"}, "transactionId": 1}


def test_an_action_ocpp_does_not_know_is_told_apart() -> None:
    with pytest.raises(schemas.UnknownAction):
        schemas.check_request("MakeCoffee", {})


@pytest.mark.parametrize(
    "text",
    ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00+00:00", "2026-01-01T01:00:00.000+01:00", "2026-01-01T00:00:00"],
)
@pytest.mark.ocpp("3.15-notation")
def test_times_of_all_shapes_are_read(text: str) -> None:
    assert schemas.parse_time(text) == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [("0001-01-01T00:00+14:00", schemas.EARLIEST), ("9999-12-31T23:59:59.9999999-05:00", schemas.LATEST)],
)
def test_an_instant_that_its_zone_puts_beyond_all_is_the_edge(text: str, at: datetime) -> None:
    assert schemas.parse_time(text) == at
    assert schemas.parse_time(schemas.format_time(at)) == at


@pytest.mark.parametrize("text", ["", "now", "2026-01-01", "20260101", "2026-13-01T00:00:00Z"])
def test_what_is_no_instant_is_none(text: str) -> None:
    assert schemas.parse_time(text) is None


@given(st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)))
@pytest.mark.ocpp("3.15-notation")
def test_a_written_time_reads_back_to_the_millisecond(at: datetime) -> None:
    back = schemas.parse_time(schemas.format_time(at))
    assert back is not None and timedelta(0) <= at - back < timedelta(milliseconds=1)


@pytest.mark.ocpp("3.14-utc")
def test_another_zone_becomes_utc() -> None:
    at = datetime(2026, 1, 1, 3, tzinfo=timezone(timedelta(hours=3)))
    assert schemas.parse_time(at.isoformat()) == datetime(2026, 1, 1, tzinfo=UTC)
