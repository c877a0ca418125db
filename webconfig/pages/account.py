"""What is one's own: password, PIN, cards, tokens, log-ins, language."""

from __future__ import annotations

import htpy as h

from chargepoint.messages import ChangePin, ReadUsers
from chargepoint.rights import STAFF, Right
from webconfig.answers import Answer, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.layout import card, choice, facts, field, form, page, table
from webconfig.pages.tokens import token_table
from webconfig.pages.users import last_entries, limit_text, role_text, shown_cards
from webconfig.routes import get, post
from webconfig.words import LANGUAGES, OWN_NAMES


async def account(ask: Ask) -> Answer:
    return Html(await _page(ask))


async def _page(ask: Ask, fault: str = "") -> h.Renderable:
    visitor = ask.visitor
    if visitor is None:
        raise Problem(401, "not_logged_in", ask.text("problem.not_logged_in"))
    rows = (await ask.call("hub", ReadUsers())).users
    row = next((each for each in rows if each.user.login.casefold() == ask.login.casefold()), None)
    done = ask.query_text("done")
    return page(
        ask,
        ask.text("account.title"),
        card(
            ask.login,
            facts(
                [
                    (ask.text("users.role"), role_text(ask, visitor.role)),
                    (ask.text("users.cards"), shown_cards(row.user.cards) if row else "–"),
                    (ask.text("users.limit"), limit_text(ask, row.user.energy_limit_wh if row else None)),
                ]
            ),
            h.p[h.a(".button", href="/password")[ask.text("frame.password")]],
        ),
        _pin(ask, row.has_pin) if row and visitor.role in STAFF else None,
        card(
            ask.text("frame.language"),
            form(
                ask,
                "/look",
                h.input(type="hidden", name="to", value="/account"),
                choice("language", ask.text("frame.language"), [(one, OWN_NAMES[one]) for one in LANGUAGES],
                       ask.words.language),
                h.button(type="submit")[ask.text("frame.apply")],
            ),
        ),
        _log_ins(ask),
        card(ask.text("tokens.title"), await token_table(ask, ask.login, "/account"), id="tokens"),
        card(ask.text("users.log_ins"), await last_entries(ask, ask.login)),
        notice=ask.text(f"users.done_{done}") if done in ("revoked", "ended", "pin") else "",
        fault=fault,
    )  # fmt: skip


def _pin(ask: Ask, has_pin: bool) -> h.Node:
    return card(
        ask.text("account.pin"),
        h.p[ask.text("account.has_pin" if has_pin else "account.no_pin")],
        form(
            ask,
            "/account/pin",
            field("password", ask.text("login.password"), kind="password", autocomplete="current-password",
                  required=True, maxlength="200"),
            field("pin", ask.text("account.new_pin"), kind="password", inputmode="numeric", maxlength="6",
                  autocomplete="off", hint=ask.text("users.pin_rule")),
            h.button(type="submit")[ask.text("account.save_pin")],
        ),
        id="pin",
    )  # fmt: skip


def _log_ins(ask: Ask) -> h.Node:
    own = [each for each in ask.site.visitors.all() if each.login.casefold() == ask.login.casefold()]
    now_s = ask.site.now_s()
    head = [ask.text(f"account.{n}") for n in ("from", "since", "idle", "this")]
    rows = [
        (
            each.origin or "–",
            ask.text("account.min", n=round((now_s - each.begun_s) / 60)),
            ask.text("account.min", n=round((now_s - each.last_action_s) / 60)),
            "✓" if each is ask.visitor else "–",
        )
        for each in own
    ]
    return card(
        ask.text("account.sessions"),
        table(head, rows, caption=ask.text("account.sessions")),
        form(ask, "/account/log-out", h.button(type="submit")[ask.text("account.log_out_others")]),
        id="sessions",
    )


async def pin(ask: Ask) -> Answer:
    given = ask.form()
    request = ChangePin(login=ask.login, password=given.get("password", "")[:200], pin=given.get("pin", "")[:20])
    result = await ask.call("hub", request)
    if not result.ok:
        key = f"account.c_{result.code}"
        return Html(await _page(ask, ask.text(key) if ask.words.has(key) else result.text), status=422)
    return Redirect("/account?done=pin")


async def log_out_others(ask: Ask) -> Answer:
    ask.site.visitors.end_all_of(ask.login, but=ask.visitor)
    return Redirect("/account?done=ended")


ROUTES = (
    get("/account", account, Right.SEE, is_safe_mode=True),
    post("/account/pin", pin, Right.SEE, is_safe_mode=True, body_bytes=4096),
    post("/account/log-out", log_out_others, Right.SEE, is_safe_mode=True, body_bytes=4096),
)
