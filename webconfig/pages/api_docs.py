"""The description of the API for people: made here, without foreign scripts."""

from __future__ import annotations

from typing import Any

import htpy as h
import msgspec

from chargepoint.rights import Right
from webconfig.answers import Answer, Html
from webconfig.api.document import description
from webconfig.ask import Ask
from webconfig.layout import card, page, table
from webconfig.routes import get


async def docs(ask: Ask) -> Answer:
    found = description()
    tags = [tag["name"] for tag in found["tags"]]
    by_tag: dict[str, list[tuple[str, str, dict[str, Any]]]] = {tag: [] for tag in tags}
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            by_tag[operation["tags"][0]].append((method.upper(), path, operation))
    return Html(
        page(
            ask,
            ask.text("api_docs.title"),
            h.p[ask.text("api_docs.about")],
            h.p(".tools")[
                h.a(".button", href="/api/v1/openapi.json")["openapi.json"],
                h.a(".button", href="/users#tokens" if ask.may(Right.ADMINISTER) else "/account#tokens")[
                    ask.text("tokens.title")
                ],
            ],
            h.pre(tabindex="0")["curl -H 'Authorization: Bearer …' https://…/api/v1/station"],
            h.nav(aria_label=ask.text("api_docs.parts"))[
                h.ul(".links")[(h.li[h.a(href=f"#{tag}")[f"{tag} ({len(by_tag[tag])})"]] for tag in tags)]
            ],
            (card(tag, [_operation(ask, *each) for each in by_tag[tag]], id=tag) for tag in tags),
            card(ask.text("api_docs.schemas"), [
                h.details(id=f"schema-{name}")[h.summary[name], h.pre(tabindex="0")[_json(schema)]]
                for name, schema in sorted(found["components"]["schemas"].items())
            ], id="schemas"),
        )
    )  # fmt: skip


def _operation(ask: Ask, method: str, path: str, operation: dict[str, Any]) -> h.Node:
    right = operation["x-right"]
    return h.details(".operation", id=operation["operationId"])[
        h.summary[h.code[h.strong[method], " ", path], " ", operation["summary"]],
        h.p[operation["description"]] if "description" in operation else None,
        h.p[
            ask.text("api_docs.right"),
            ": ",
            ask.text("api_docs.open") if right == "open" else ask.text(f"users.right_{right}"),
        ],
        table(
            [ask.text(f"api_docs.{name}") for name in ("name", "place", "kind", "about_column")],
            [
                (each["name"], each["in"], h.code[_kind(each["schema"])], each.get("description", "–"))
                for each in operation.get("parameters", ())
            ],
            caption=ask.text("api_docs.parameters"),
        )
        if operation.get("parameters")
        else None,
        _body(ask, operation),
        table(
            [ask.text(f"api_docs.{name}") for name in ("status", "meaning", "gives")],
            [(status, each["description"], _content(each)) for status, each in operation["responses"].items()],
            caption=ask.text("api_docs.answers"),
        ),
    ]


def _body(ask: Ask, operation: dict[str, Any]) -> h.Node:
    if "requestBody" not in operation:
        return None
    content = operation["requestBody"]["content"]["application/json"]
    return [
        h.p[ask.text("api_docs.body"), ": ", _reference(content["schema"])],
        h.pre(tabindex="0")[_json(content["example"])],
    ]


def _content(answer: dict[str, Any]) -> h.Node:
    found: list[h.Node] = []
    for kind, content in answer.get("content", {}).items():
        found += [h.code[kind], " ", _reference(content["schema"])]
    return found or "–"


def _reference(schema: dict[str, Any]) -> h.Node:
    name = schema.get("$ref", "").rpartition("/")[2]
    return h.a(href=f"#schema-{name}")[name] if name else h.code[_kind(schema)]


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(_kind(each) for each in schema["anyOf"])
    words = [str(schema.get("type", "any"))]
    for key, sign in (("minimum", "≥"), ("maximum", "≤"), ("pattern", ""), ("format", "")):
        if key in schema:
            words.append(f"{sign} {schema[key]}".strip())
    return " ".join(words)


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


ROUTES = (get("/api/docs", docs, Right.SEE, is_safe_mode=True, tag="api"),)
