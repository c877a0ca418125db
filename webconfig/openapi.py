"""The description of the API (OpenAPI 3.1), made from the table of routes and the structs they take and give. Pure."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from chargepoint import vocabulary
from chargepoint.version import VERSION
from webconfig.routes import Route

PROBLEM_TYPE = "application/problem+json"
REFERENCE = "#/components/schemas/{name}"
SHARED = {
    401: "Nobody is logged in, or the token is wrong",
    403: "The role has no right to this",
    421: "The host name is not this station's",
    500: "It failed; the station's log says why",
}
WITH_BODY = {
    400: "The body cannot be read",
    408: "The body did not come in time",
    413: "The body is too large",
    415: "The body is not of the kind that is taken",
    422: "A field is not as it has to be; `fields` says which",
}
WORDS = {
    101: "It goes on as a WebSocket",
    201: "Made",
    202: "Taken; it is not done yet",
    204: "Done, there is nothing to say",
    304: "As it was",
    404: "There is no such thing",
    409: "It cannot be done now, or was changed meanwhile",
    412: "Changed meanwhile (If-Match)",
    416: "There is no such part",
    422: "It cannot be done so",
    429: "Too many of them; wait",
    502: "The service that was asked failed",
    503: "The service that is needed is not there",
    504: "The service that was asked does not answer",
    507: "There is no room",
}
FILES = ("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
"""What `format` in a query can choose instead of JSON."""


class ProblemDetails(msgspec.Struct, frozen=True):
    """What went wrong (RFC 9457): `code` for programs, `detail` for people, `fields` what is wrong with each field."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    fields: dict[str, str] = {}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The whole description of the routes below /api/."""
    found = [route for route in routes if route.is_api]
    kinds = {kind for route in found for kind in (route.query, route.body, route.gives) if kind is not None}
    ordered = sorted(kinds, key=lambda kind: getattr(kind, "__name__", str(kind)))
    schemas, components = msgspec.json.schema_components((*ordered, ProblemDetails), ref_template=REFERENCE)
    by_kind = dict(zip(ordered, schemas[:-1], strict=True))
    _open_flags(components)
    paths: dict[str, dict[str, Any]] = {}
    for route in sorted(found, key=lambda each: (each.path, each.method)):
        path, places = path_of(route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, places, by_kind, components, schemas[-1])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Charging station",
            "version": VERSION,
            "summary": "State, records and settings of one charging station.",
            "description": "With a log-in, or a token (`Authorization: Bearer …`). Errors are problem+json.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in sorted({route.tag or "other" for route in found})],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token made at /users."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Host-session",
                    "description": "Session of a browser. Whatever changes something needs X-CSRF-Token, too.",
                },
            },
        },
    }


def path_of(path: str) -> tuple[str, dict[str, str]]:
    """A path of the table as OpenAPI writes it, and the pattern of each of its places ("": any but a slash)."""
    found, places, n = "", {}, 0
    while n < len(path):
        if path[n] != "{":
            found += path[n]
            n += 1
            continue
        depth, end = 1, n + 1
        while depth:
            depth += {"{": 1, "}": -1}.get(path[end], 0)
            end += 1
        name, _, pattern = path[n + 1 : end - 1].partition(":")
        places[name] = pattern
        found += f"{{{name}}}"
        n = end
    return found, places


def _operation(
    route: Route,
    places: dict[str, str],
    by_kind: dict[Any, dict[str, Any]],
    components: dict[str, Any],
    problem: dict[str, Any],
) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _place(pattern)} for name, pattern in places.items()
    ]
    if route.query is not None:
        parameters += _query(_resolved(by_kind[route.query], components))
    is_write = route.method not in ("GET", "HEAD")
    operation: dict[str, Any] = {
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [route.tag or "other"],
        "responses": _responses(route, places, by_kind, problem),
        "x-right": route.right.value if route.right is not None else "open",
    }
    about = (route.handler.__doc__ or "").strip()
    if about:
        operation["description"] = re.sub(r"\s+", " ", about)
    if is_write:
        parameters.append(
            {"name": "X-CSRF-Token", "in": "header", "required": False, "schema": {"type": "string"},
             "description": "With a session: its token (`data-csrf` of every page)."}
        )  # fmt: skip
    if route.method == "PUT":
        parameters.append({"name": "If-Match", "in": "header", "required": False, "schema": {"type": "string"},
                           "description": "The ETag of what was read; 412 when it was changed meanwhile."})  # fmt: skip
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": by_kind[route.body],
                    "example": example(_resolved(by_kind[route.body], components), components),
                }
            },
        }
    if route.right is None:
        operation["security"] = []
    return operation


def operation_id(route: Route) -> str:
    """A name for programs that are made from the description."""
    words = re.findall(r"[A-Za-z0-9]+", path_of(route.path)[0].removeprefix("/api/v1"))
    return "_".join([route.method.lower(), *words])


def _responses(
    route: Route, places: dict[str, str], by_kind: dict[Any, dict[str, Any]], problem: dict[str, Any]
) -> dict[str, Any]:
    good = [status for status in route.statuses if status < 400] or [200]
    found: dict[str, Any] = {}
    for status in good:
        answer: dict[str, Any] = {
            "description": WORDS.get(status, "Done") if status != 200 else route.summary or "Done"
        }
        if route.gives is not None and status != 204:
            answer["content"] = {"application/json": {"schema": by_kind[route.gives]}}
        elif route.content_type != "application/json":
            answer["content"] = {route.content_type: {"schema": {"type": "string"}}}
        if route.query is not None and "format" in route.query.__struct_fields__ and status == 200:
            answer.setdefault("content", {}).update({kind: {"schema": {"type": "string"}} for kind in FILES})
        found[str(status)] = answer
    bad = {**SHARED}
    if route.right is None:
        bad = {421: SHARED[421], 500: SHARED[500]}
    if route.body is not None or (route.method not in ("GET", "HEAD") and route.body_bytes):
        bad |= WITH_BODY
    if route.query is not None:
        bad[422] = WITH_BODY[422]
    if places:
        bad[404] = WORDS[404]
    bad |= {status: WORDS.get(status, "It cannot be done") for status in route.statuses if status >= 400}
    if not route.is_safe_mode:
        bad[503] = WORDS[503]
    for status in sorted(bad):
        found[str(status)] = {"description": bad[status], "content": {PROBLEM_TYPE: {"schema": problem}}}
    return found


def _place(pattern: str) -> dict[str, Any]:
    if not pattern:
        return {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[^/{}]+$"}
    digits = re.fullmatch(r"\[0-9\]\{1,(\d+)\}|\\d\+|\[0-9\]\+", pattern)
    if digits:
        most = 10 ** int(digits[1] or 9) - 1
        return {"type": "integer", "minimum": 0, "maximum": most}
    return {"type": "string", "pattern": f"^{pattern}$"}


def _query(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    required = schema.get("required", [])
    for name, kind in schema.get("properties", {}).items():
        kind = {key: value for key, value in kind.items() if key != "default" or value not in (None, "")}
        choices = [each for each in kind.get("anyOf", ()) if each != {"type": "null"}]
        if "anyOf" in kind and len(choices) == 1:
            kind = {**{key: value for key, value in kind.items() if key != "anyOf"}, **choices[0]}
        found: dict[str, Any] = {"name": name, "in": "query", "required": name in required, "schema": kind}
        about = kind.pop("description", "")
        if about:
            found["description"] = about
        yield found


def _resolved(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    found: dict[str, Any] = components[reference.rpartition("/")[2]] if reference else schema
    return found


def example(schema: dict[str, Any], components: dict[str, Any], depth: int = 0) -> Any:
    """A value that fits: what has to be there, as small as may be."""
    schema = _resolved(schema, components)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if schema.get("examples"):
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example(schema["anyOf"][0], components, depth + 1)
    kind = schema.get("type")
    if kind == "object":
        names = schema.get("required", [])
        return {name: example(schema["properties"][name], components, depth + 1) for name in names} if depth < 8 else {}
    if kind == "array":
        items = schema.get("items") or {}
        return [example(items, components, depth + 1) for _ in range(schema.get("minItems", 0))]
    if kind == "string":
        formats = {"date-time": "2026-01-31T12:00:00Z", "date": "2026-01-31"}
        return formats.get(schema.get("format", ""), "x" * max(1, schema.get("minLength", 1)))
    if kind in ("integer", "number"):
        return schema.get("minimum", schema.get("exclusiveMinimum", 0) + ("exclusiveMinimum" in schema))
    return {"boolean": False, "null": None}.get(str(kind))


def _open_flags(components: dict[str, Any]) -> None:
    """Sets of flags are sums of their bits, not one of them."""
    for name, kind in vars(vocabulary).items():
        if isinstance(kind, type) and issubclass(kind, enum.IntFlag) and name in components:
            components[name] = {
                "title": name,
                "type": "integer",
                "minimum": 0,
                "description": "Sum of " + ", ".join(f"{int(flag)} {flag.name}" for flag in kind),
            }
