"""The way back in for an administrator who does not know his password: the recovery code, which serves once."""

from __future__ import annotations

import htpy as h

from chargepoint.messages import UseRecoveryCode
from webconfig.answers import Answer, Html
from webconfig.ask import Ask
from webconfig.layout import field, form, page
from webconfig.pages.login import new_password_fields
from webconfig.routes import OPEN, get, post


async def recovery_page(ask: Ask) -> Answer:
    return Html(_page(ask))


def _page(ask: Ask, login: str = "", fault: str = "") -> h.Renderable:
    return page(
        ask,
        ask.text("recovery.title"),
        h.p[ask.text("recovery.what")],
        form(
            ask,
            "/recovery",
            field("login", ask.text("login.login"), login, autocomplete="username", required=True, maxlength="150"),
            field(
                "code",
                ask.text("recovery.code"),
                autocomplete="one-time-code",
                autocapitalize="characters",
                spellcheck="false",
                required=True,
                maxlength="60",
                hint=ask.text("recovery.code_hint"),
            ),
            *new_password_fields(ask),
            h.button(".main", type="submit")[ask.text("recovery.use")],
        ),
        h.p[h.a(href="/login")[ask.text("recovery.back")]],
        fault=fault,
    )


async def recovery(ask: Ask) -> Answer:
    given = ask.form()
    login, new = given.get("login", "")[:150], given.get("new", "")
    if new != given.get("again", ""):
        return Html(_page(ask, login, ask.text("password.differ")), status=422)
    request = UseRecoveryCode(
        login=login, recovery_secret=given.get("code", "")[:100], new_password=new[:200], origin=ask.origin
    )
    result = await ask.call("hub", request, timeout_s=15.0)
    if result.ok:
        return Html(
            page(
                ask,
                ask.text("recovery.title"),
                h.p[h.a(".button.main", href="/login")[ask.text("login.enter")]],
                notice=ask.text("recovery.done"),
            )
        )
    status = {"wait": 429, "weak_password": 422}.get(result.code, 401)
    return Html(_page(ask, login, _why(ask, result.code, result.values.get("wait_s", ""), result.text)), status=status)


def _why(ask: Ask, code: str, wait_s: str, text: str) -> str:
    if code == "weak_password":
        return ask.text("password.weak_password")
    if code == "wait":
        return ask.text("login.wait", s=round(float(wait_s))) if wait_s else text
    return ask.text("recovery.wrong") if code == "wrong" else text


ROUTES = (
    get("/recovery", recovery_page, OPEN, is_safe_mode=True),
    post("/recovery", recovery, OPEN, is_safe_mode=True, body_bytes=4096),
)
