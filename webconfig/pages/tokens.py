"""Tokens of the API: made by an administrator, shown once, revoked by whoever made them or an administrator."""

from __future__ import annotations

import htpy as h

from chargepoint.messages import CreateToken, ReadTokens, RevokeToken
from chargepoint.rights import RIGHTS, Right
from chargepoint.vocabulary import Role
from webconfig.answers import Answer, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.layout import choice, field, form, page, table
from webconfig.routes import post

ROLES = tuple(role for role in RIGHTS if RIGHTS[role])


async def token_table(ask: Ask, login: str, to: str = "/users") -> h.Node:
    """All tokens, or those of one login."""
    found = (await ask.call("hub", ReadTokens(login=login))).tokens
    head = [ask.text(f"tokens.{n}") for n in ("name", "role", "by", "expires", "used", "standing", "deed")]
    rows: list[list[h.Node]] = [
        [
            one.name,
            ask.text(f"users.role_{one.role.value.lower()}"),
            one.created_by,
            ask.words.time(one.expires_at),
            ask.words.time(one.last_used_at),
            ask.text("tokens.valid") if one.is_valid else h.span(".bad")[ask.text("tokens.invalid")],
            form(
                ask,
                "/tokens/revoke",
                h.input(type="hidden", name="id", value=one.id),
                h.input(type="hidden", name="to", value=to),
                h.button(type="submit", aria_label=f"{ask.text('tokens.revoke')}: {one.name}")[
                    ask.text("tokens.revoke")
                ],
            ),
        ]
        for one in found
    ]
    return table(head, rows, caption=ask.text("tokens.title"), empty=ask.text("tokens.none"))


def token_form(ask: Ask) -> h.Node:
    if not ask.may(Right.ADMINISTER):
        return None
    return form(
        ask,
        "/tokens/create",
        field("name", ask.text("tokens.name"), required=True, maxlength="60", autocomplete="off"),
        choice(
            "role",
            ask.text("tokens.role_most"),
            [(role.value, ask.text(f"users.role_{role.value.lower()}")) for role in ROLES],
            Role.VIEWER.value,
        ),
        field("days", ask.text("tokens.days"), "90", kind="number", min="1", max="366", required=True),
        h.button(type="submit")[ask.text("tokens.create")],
    )


async def create(ask: Ask) -> Answer:
    """The new token, shown this once."""
    given = ask.form()
    try:
        role, days = Role(given.get("role", "")), int(given.get("days", "")[:4])
    except ValueError:
        raise Problem(422, "invalid", ask.text("tokens.f_bad")) from None
    found = await ask.call("hub", CreateToken(name=given.get("name", "").strip(), role=role, days=days, by=ask.login))
    if not found.ok:
        raise Problem(422, found.code, refusal(ask, found.code, found.text))
    return Html(
        page(
            ask,
            ask.text("tokens.created"),
            h.p(".notice", role="status")[ask.text("tokens.once")],
            h.p[h.code(".secret")[found.token]],
            h.p[ask.text("tokens.how")],
            h.pre(tabindex="0")["Authorization: Bearer …"],
            h.p[h.a(href="/users#tokens")[ask.text("tokens.title")]],
            crumbs=[(ask.text("users.title"), "/users")],
        )
    )


def refusal(ask: Ask, code: str, text: str) -> str:
    key = f"tokens.c_{code}"
    return ask.text(key) if ask.words.has(key) else text


async def revoke(ask: Ask) -> Answer:
    given = ask.form()
    result = await ask.call("hub", RevokeToken(id=given.get("id", "")[:100], by=ask.login))
    if not result.ok:
        raise Problem(403 if result.code == "no_right" else 404, result.code, refusal(ask, result.code, result.text))
    return Redirect("/account?done=revoked" if given.get("to") == "/account" else "/users?done=revoked")


ROUTES = (
    post("/tokens/create", create, Right.ADMINISTER, is_safe_mode=True),
    post("/tokens/revoke", revoke, Right.SEE, is_safe_mode=True),
)
