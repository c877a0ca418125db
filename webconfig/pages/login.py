"""In and out: log-in, log-out, own password, language and theme."""

from __future__ import annotations

import htpy as h

from chargepoint.messages import ChangePassword, LogIn
from chargepoint.rights import Right, has
from chargepoint.vocabulary import Role
from webconfig.answers import Answer, Html, Redirect
from webconfig.ask import Ask
from webconfig.door import LANGUAGE_COOKIE, cookie_name
from webconfig.layout import field, form, page
from webconfig.routes import OPEN, get, post
from webconfig.words import LANGUAGES

THEMES = ("auto", "light", "dark")


async def login_page(ask: Ask) -> Answer:
    return Html(_login_page(ask)) if ask.visitor is None else Redirect("/")


def _login_page(ask: Ask, to: str = "", fault: str = "") -> h.Renderable:
    return page(
        ask,
        ask.text("login.title"),
        form(
            ask,
            "/login",
            h.input(type="hidden", name="to", value=to or ask.query_text("to", "/")),
            field("login", ask.text("login.login"), autocomplete="username", required=True, maxlength="150"),
            field(
                "password",
                ask.text("login.password"),
                kind="password",
                autocomplete="current-password",
                required=True,
                maxlength="200",
            ),
            h.button(".main", type="submit")[ask.text("login.enter")],
        ),
        h.p[h.a(href="/recovery")[ask.text("login.forgotten")]],
        fault=fault,
    )


async def login(ask: Ask) -> Answer:
    given = ask.form()
    to = given.get("to", "/")
    answer = await ask.call(
        "hub", LogIn(login=given.get("login", "")[:150], password=given.get("password", "")[:200], origin=ask.origin)
    )
    if not answer.ok:
        is_known = answer.code in ("wrong", "wait")
        text = ask.text(f"login.{answer.code}", s=round(answer.wait_s)) if is_known else answer.text
        return Html(_login_page(ask, to, text), status=429 if answer.code == "wait" else 401)
    old = ask.request.cookies.get(cookie_name(ask.request))
    if old:
        ask.site.visitors.end(old)
    role = answer.role or Role.VIEWER  # must change the password first: until then there is no role
    secret, _ = ask.site.visitors.begin(answer.login, role, answer.generation, ask.origin, answer.must_change)
    ask.cookies[cookie_name(ask.request)] = secret
    return Redirect("/password" if answer.must_change else to)


async def logout(ask: Ask) -> Answer:
    name = cookie_name(ask.request)
    ask.site.visitors.end(ask.request.cookies.get(name, ""))
    ask.cookies[name] = None
    return Redirect("/login")


async def logout_everywhere(ask: Ask) -> Answer:
    """All sessions of this login at the web end, this one, too."""
    ask.site.visitors.end_login(ask.login)
    ask.cookies[cookie_name(ask.request)] = None
    return Redirect("/login")


async def password_page(ask: Ask) -> Answer:
    return Html(_password_page(ask))


def _password_page(ask: Ask, fault: str = "") -> h.Renderable:
    must = ask.visitor is not None and ask.visitor.must_change
    return page(
        ask,
        ask.text("password.title"),
        h.p[ask.text("password.must")] if must else None,
        form(
            ask,
            "/password",
            h.input(type="hidden", name="username", value=ask.login, autocomplete="username"),
            field("old", ask.text("password.old"), kind="password", autocomplete="current-password", required=True),
            *new_password_fields(ask),
            h.button(".main", type="submit")[ask.text("password.save")],
        ),
        fault=fault,
    )


def new_password_fields(ask: Ask) -> tuple[h.Node, h.Node]:
    """A new password, and the same again."""
    new = field("new", ask.text("password.new"), kind="password", autocomplete="new-password", required=True,
                minlength="12", maxlength="200", hint=ask.text("password.rule"))  # fmt: skip
    again = field("again", ask.text("password.again"), kind="password", autocomplete="new-password", required=True)
    return new, again


async def password(ask: Ask) -> Answer:
    given = ask.form()
    if given.get("new", "") != given.get("again", ""):
        return Html(_password_page(ask, ask.text("password.differ")), status=422)
    request = ChangePassword(login=ask.login, old_password=given.get("old", ""), new_password=given.get("new", ""))
    result = await ask.call("hub", request)
    if not result.ok:
        text = ask.text(f"password.{result.code}") if ask.words.has(f"password.{result.code}") else result.text
        return Html(_password_page(ask, text), status=422)
    name = cookie_name(ask.request)
    ask.site.visitors.end(ask.request.cookies.get(name, ""))
    role = Role(result.values["role"])
    is_first = ask.visitor is not None and ask.visitor.must_change
    secret, _ = ask.site.visitors.begin(ask.login, role, int(result.values["generation"]), ask.origin)
    ask.cookies[name] = secret
    return Redirect("/wizard" if is_first and has(role, Right.CONFIGURE) else "/")


async def look(ask: Ask) -> Answer:
    """Language and theme of this browser."""
    given = ask.form()
    if given.get("language") in LANGUAGES:
        ask.cookies[LANGUAGE_COOKIE] = given["language"]
    if given.get("theme") in THEMES:
        ask.cookies["theme"] = given["theme"]
    return Redirect(given.get("to", "/"))


ROUTES = (
    get("/login", login_page, OPEN, is_safe_mode=True),
    post("/login", login, OPEN, is_safe_mode=True, body_bytes=4096),
    post("/logout", logout, Right.SEE, is_safe_mode=True, is_noted=False),
    post("/logout/everywhere", logout_everywhere, Right.SEE, is_safe_mode=True),
    get("/password", password_page, Right.SEE, is_safe_mode=True),
    post("/password", password, Right.SEE, is_safe_mode=True, body_bytes=4096),
    post("/look", look, OPEN, is_safe_mode=True, is_noted=False, body_bytes=4096),
)
