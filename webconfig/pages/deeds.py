"""Deeds: each has a page that says its effect, what speaks against it now, and asks back as its guard wants it."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

import htpy as h

from chargepoint.action_kinds import Action, BadRequest
from chargepoint.action_table import ACTIONS
from chargepoint.actions import checked, unmet_of
from chargepoint.guards import End, Guard, Pass
from chargepoint.messages import CheckPassword
from chargepoint.preconditions import Unmet
from chargepoint.rights import Right
from webconfig.answers import Answer, Html, Json, Problem, Redirect
from webconfig.ask import Ask
from webconfig.commands.asked_back import AskedBack, Opened, proven, step
from webconfig.commands.at_work import AtWork
from webconfig.commands.commands import Busy, Commands
from webconfig.commands.wording import against, effect, missing, verb
from webconfig.deed_fields import argument_facts, argument_fields
from webconfig.layout import card, facts, field, form, live, page
from webconfig.routes import Values, get, post
from webconfig.sending import local_path

ENDS = {End.LATE: "deed.late", End.TRIES: "deed.tries", End.NOT_HIM: "deed.not_him"}
WARNINGS = {"start": "deed.not_paid", "unlock": "deed.unlock_voltage"}
QUICK_S = 3.0
"""So long a page that wants to stay where it is waits for the end of its command."""


async def deeds(ask: Ask) -> Answer:
    """All deeds this visitor may ask for."""
    rows = []
    for name, action in ACTIONS.items():
        if ask.may(action.right):
            reason = missing(ask.words, name)
            shown = {one.name: "…" for one in action.arguments}
            title = verb(ask.words, name, shown)
            told = h.span(".soft")[reason] if reason else effect(ask.words, name, shown)
            rows.append(h.li[h.a(href=f"/deeds/{name}")[title] if not reason else title, h.p(".hint")[told]])
    link = h.p[h.a(".button", href="/commands")[ask.text("command.title")]]
    return Html(page(ask, ask.text("deed.title"), link, card("", h.ul(".links")[rows])))


async def deed_page(ask: Ask) -> Answer:
    """GET /deeds/NAME?ARGUMENTS&to=PATH."""
    action = _action(ask)
    return Html(_shown(ask, action, _given(action, dict(ask.request.query)), local_path(ask.query_text("to", "/"))))


def _action(ask: Ask) -> Action:
    action = ACTIONS.get(ask.place("name"))
    if action is None:
        raise Problem(404, "not_found", ask.text("problem.not_found"))
    if not ask.may(action.right):
        raise Problem(403, "no_right", ask.text("problem.no_right"))
    return action


def _given(action: Action, fields: dict[str, str]) -> dict[str, str]:
    """The deed's arguments out of a query or form; an empty one is none."""
    return {one.name: fields[one.name].strip()[:500] for one in action.arguments if fields.get(one.name, "").strip()}


def _shown(
    ask: Ask, action: Action, given: dict[str, str], to: str, fault: str = "", kept: tuple[str, Opened] | None = None
) -> h.Renderable:
    """The page: arguments first, while they are not right; then the effect, and what asks back."""
    words, title = ask.words, verb(ask.words, action.name, {one.name: "…" for one in action.arguments} | given)
    crumbs = [(ask.text("deed.title"), "/deeds")]
    reason = missing(words, action.name)
    if reason:
        return page(ask, title, h.p(".fault")[reason], crumbs=crumbs, fault=fault)
    wrong = ""
    try:
        checked(action, given)
    except BadRequest as error:
        wrong = str(error)
    if wrong or ask.request.query.get("edit"):
        is_whole = all(one.name in given for one in action.arguments if one.is_needed)
        told = wrong if is_whole or ask.request.query.get("sent") else ""
        return page(ask, title, _arguments_form(ask, action, given, to), crumbs=crumbs, fault=fault or told)
    now_s = ask.site.now_s()
    asked_back: AskedBack = ask.site.part(AskedBack)
    key, found = kept or asked_back.open(ask.login, action.name, given, action.guard, now_s)
    unmet = unmet_now(ask, action, given)
    warning = WARNINGS.get(action.name)
    return page(
        ask,
        title,
        card(
            ask.text("deed.effect"),
            h.p(".effect")[effect(words, action.name, given)],
            h.p(".warn")["⚠ ", words(warning)] if warning else None,
            h.p(".warn")["⚠ ", words("deed.presence")] if action.is_forced else None,
            facts(argument_facts(ask, action, given)) if given else None,
            h.p[h.a(href=f"/deeds/{action.name}?{urlencode({**given, 'to': to, 'edit': '1'})}")[words("deed.change")]]
            if action.arguments
            else None,
            live("against", _told_against(ask, unmet), h.p(".against", role="status")),
        ),
        form(
            ask,
            f"/deeds/{action.name}",
            (h.input(type="hidden", name=name, value=value) for name, value in given.items()),
            h.input(type="hidden", name="check", value=key),
            h.input(type="hidden", name="to", value=to),
            _sum_field(ask, found),
            _password_field(ask) if action.guard >= Guard.G3 else None,
            h.button({"class": "danger" if action.guard >= Guard.G2 else "main"}, type="submit")[title],
            h.a(".button", href=to)[words("deed.cancel")],
        ),
        crumbs=crumbs,
        fault=fault,
        live=ask.request.path_qs if ask.request.method == "GET" else "",
    )


def _arguments_form(ask: Ask, action: Action, given: dict[str, str], to: str) -> h.Element:
    return h.form(method="get", action=f"/deeds/{action.name}")[
        argument_fields(ask, action, given),
        h.input(type="hidden", name="to", value=to),
        h.input(type="hidden", name="sent", value="1"),
        h.button(".main", type="submit")[ask.text("deed.further")],
        h.a(".button", href=to)[ask.text("deed.cancel")],
    ]


def _sum_field(ask: Ask, found: Opened) -> h.Node:
    task = found.check.sum
    if task is None or found.check.is_solved:
        return None
    label = ask.text("deed.sum", a=task.a, b=task.b)
    return field(
        "sum", label, hint=ask.text("deed.sum_hint"), inputmode="numeric", pattern="[0-9]{1,3}", required=True,
        autocomplete="off", maxlength="3",
    )  # fmt: skip


def _password_field(ask: Ask) -> h.Element:
    return field(
        "password", ask.text("deed.password"), kind="password", hint=ask.text("deed.password_hint"), required=True,
        autocomplete="current-password", maxlength="200",
    )  # fmt: skip


def unmet_now(ask: Ask, action: Action, given: dict[str, str]) -> tuple[Unmet, ...]:
    states = ask.site.states
    known = {topic: state for topic in states.topics() if (state := states.get(topic)) is not None}
    return unmet_of(action, known, given, ask.site.now_s())


def _told_against(ask: Ask, unmet: tuple[Unmet, ...]) -> str:
    if not unmet:
        return ask.text("deed.nothing_against")
    return f"{ask.text('deed.against')}: " + "; ".join(against(ask.words, one) for one in unmet)


async def deed_values(ask: Ask) -> Values:
    """What speaks against the deed of a page that is open (its arguments are in `of`)."""
    action = _action(ask)
    query = ask.request.query_string if ask.request.path.startswith("/deeds/") else urlsplit(ask.query_text("of")).query
    unmet = unmet_now(ask, action, _given(action, dict(parse_qsl(query))))
    return {"against": _told_against(ask, unmet), "against@class": "against bad" if unmet else "against good"}


async def deed_done(ask: Ask) -> Answer:
    """POST /deeds/NAME: what its guard wants was given, or is asked for again."""
    action, fields = _action(ask), ask.form()
    given, to = _given(action, fields), local_path(fields.get("to", "/"))
    try:
        checked(action, given)
    except BadRequest as error:
        return Html(_shown(ask, action, given, to, str(error)), status=422)
    if action.missing:
        return Html(_shown(ask, action, given, to), status=409)
    if action.guard is Guard.G0:
        return await _ordered(ask, action, given, fields, "")
    asked_back: AskedBack = ask.site.part(AskedBack)
    key = fields.get("check", "")
    found = asked_back.of(key, ask.login, action.name)
    if found is None or found.arguments != given:
        return Html(_shown(ask, action, given, to, ask.text("deed.stale")), status=409)
    before = ask.site.part(Commands).of_key(ask.login, key)
    if before is not None:  # the same page twice is one command
        return Redirect(f"/commands/{before.id}")
    unmet = unmet_now(ask, action, given)
    if unmet:
        return Html(_shown(ask, action, given, to, _told_against(ask, unmet), (key, found)), status=409)
    fault = await _pass(ask, found, fields)
    if fault:
        kept = (key, found) if found.check.end is End.OPEN else None
        return Html(_shown(ask, action, given, to, fault, kept), status=422)
    return await _ordered(ask, action, given, fields, key)


async def _pass(ask: Ask, found: Opened, fields: dict[str, str]) -> str:
    """Take the answers of the form; empty when the guard is passed, else what is wrong."""
    tries = found.check.tries_left
    check = step(found, fields.get("sum", ""), ask.site.now_s())
    passed: Pass | None = check.passed
    if check.waits_for == "password":
        request = CheckPassword(login=ask.login, password=fields.get("password", "")[:200])
        answer = await ask.call("hub", request)
        if answer.code == "wait":
            return ask.text("deed.wait")
        passed = proven(found, answer.ok, ask.site.now_s())
    if found.check.end is not End.OPEN:
        return ask.text(ENDS[found.check.end])
    if passed is None:
        return ask.text("deed.sum_wrong") if found.check.tries_left < tries else ask.text("deed.stale")
    return ""


async def _ordered(ask: Ask, action: Action, given: dict[str, str], fields: dict[str, str], key: str) -> Answer:
    commands: Commands = ask.site.part(Commands)
    if action.is_forced and ask.visitor is not None and not await ask.site.part(AtWork).seen(ask.visitor):
        raise Problem(503, "busy", ask.text("deed.too_many_at_work"))
    try:
        command = commands.of_key(ask.login, key) or await commands.order(
            action.name, given, ask.asker, guard=action.guard, origin=ask.origin, key=key
        )
    except Busy:
        raise Problem(503, "busy", ask.text("deed.busy"), headers={"Retry-After": "5"}) from None
    then = fields.get("then", "")
    if then:
        ended = await commands.ended(command.id, QUICK_S)
        if ended is not None and ended.status.value == "SUCCESS":
            return Redirect(local_path(then))
    to = local_path(fields.get("to", "/"))
    return Redirect(f"/commands/{command.id}?{urlencode({'to': to})}" if to != "/" else f"/commands/{command.id}")


async def presence(ask: Ask) -> Answer:
    """POST /presence, each few seconds by a page of somebody at work: what is forced for him goes on."""
    assert ask.visitor is not None
    return Json({"there": await ask.site.part(AtWork).seen(ask.visitor)})


ROUTES = (
    get("/deeds", deeds, Right.OPERATE),
    get("/deeds/{name}", deed_page, Right.OPERATE, live=deed_values),
    post("/deeds/{name}", deed_done, Right.OPERATE, body_bytes=8192),
    post("/presence", presence, Right.SERVICE, body_bytes=0, is_noted=False, is_passive=True),
)
