"""/ocpp: the link to the central system, its connection test, settings, password, what waits to be told."""

from __future__ import annotations

import htpy as h

from chargepoint.messages import (
    ConnectorState,
    ForgetServer,
    LinkStatistics,
    LinkStatus,
    LinkTestState,
    LinkTestStep,
    ParkedPage,
    ReadParked,
    ResendParked,
    SetPassword,
    TestLink,
)
from chargepoint.rights import Right
from webconfig.answers import Answer, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.draft_forms import Draft, Entry, draft_note, fields, read_draft, refusal, write_draft
from webconfig.layout import card, facts, field, form, live, page, table
from webconfig.routes import Values, get, post
from webconfig.spans import with_unit

SETTINGS = (
    Entry("ocpp.url", "ocpp.url", "url"),
    Entry("ocpp.identity", "ocpp.identity", longest=48),
    Entry("ocpp.security_profile", "ocpp.profile", "number", ("", "0", "1", "2", "3")),
    Entry("ocpp.basic_auth_user", "ocpp.user", longest=100),
    Entry("ocpp.backup_url", "ocpp.backup_url", "url"),
    Entry("ocpp.proxy", "ocpp.proxy", "url"),
    Entry("ocpp.ca_file", "ocpp.ca_file"),
    Entry("ocpp.call_timeout_s", "ocpp.call_timeout", "number", longest=8),
    Entry("ocpp.reconnect_spread_s", "ocpp.spread", "number", longest=8),
)
FORGOTTEN = {entry.name: "" for entry in SETTINGS if entry.kind != "number" or entry.options}
"""What is taken out of the station file with the server."""
SUBPAGES = ("messages", "keys", "profiles", "list")
DONE = frozenset({"test", "draft", "same", "password", "resent", "forgotten"})
MARKS = {"ok": "✓", "warning": "!", "failed": "✗", "skipped": "–", "running": "…", "waiting": "·"}
CLASSES = {"ok": "good", "warning": "warn", "failed": "bad", "skipped": "soft", "running": "", "waiting": "soft"}


async def ocpp(ask: Ask) -> Answer:
    done = ask.query_text("done")
    return Html(await _page(ask, ask.text(f"ocpp.done_{done}") if done in DONE else ""))


async def _page(ask: Ask, notice: str = "", fault: str = "", given: dict[str, str] | None = None) -> h.Renderable:
    values = await ocpp_values(ask)
    draft = await read_draft(ask, SETTINGS)
    may = ask.may(Right.CONFIGURE)
    return page(
        ask,
        ask.text("ocpp.title"),
        h.link(rel="stylesheet", href="/static/ocpp.css"),
        h.nav(".links", aria_label=ask.text("ocpp.more"))[
            h.ul[
                (
                    h.li[h.a(href=f"/ocpp/{name}")[ask.text(f"ocpp.{name}_title")]]
                    for name in SUBPAGES
                    if ask.may(Right.SERVICE) or name == "profiles"
                )
            ]
        ],
        _state(ask, values),
        _test(ask, values) if may else None,
        _parked(ask, await _held_back(ask)),
        _settings(ask, draft, given) if may else None,
        _password(ask) if may else None,
        _reservations(ask),
        _days(ask),
        _forget(ask) if ask.may(Right.ADMINISTER) else None,
        live=ask.request.path,
        notice=notice,
        fault=fault,
    )


# ------------------------------------------------------------------------------------------------------------- state


async def ocpp_values(ask: Ask) -> Values:
    link = ask.site.state("link", LinkStatus)
    test = ask.site.state("link/test", LinkTestState)
    found = {"test@html": str(h.fragment[_steps(ask, test)])}
    if link is None:
        return found
    words, now_s = ask.words, ask.site.context.clock.mono()
    beat = link.heartbeat_mono_s
    return found | {
        "state": words.one_of("lstate_link", link.state.value),
        "since": _ago(ask, now_s - link.since_mono_s),
        "url": link.url or "–",
        "registration": link.registration or "–",
        "error": link.last_error or "–",
        "heartbeat": "–" if beat is None else _ago(ask, now_s - beat),
        "queued": str(link.queued),
        "parked": str(link.parked),
        "traffic": ask.text("ocpp.traffic_value", sent=link.sent, received=link.received),
    }


def _ago(ask: Ask, seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return ask.text(f"ocpp.ago_{unit}", n=int(seconds // size))
    return ask.text("ocpp.ago_s", n=max(0, int(seconds)))


def _state(ask: Ask, values: Values) -> h.Element:
    names = ("state", "since", "url", "registration", "heartbeat", "queued", "parked", "traffic", "error")
    rows: list[tuple[str, h.Node]] = [(ask.text(f"ocpp.f_{name}"), live(name, values.get(name, "–"))) for name in names]
    link = ask.site.state("link", LinkStatus)
    if link is not None and link.certificate_ends_at is not None:
        rows.append(
            (ask.text("ocpp.f_certificate"), h.a(href="/certificates")[ask.words.time(link.certificate_ends_at)])
        )
    return card(ask.text("ocpp.state_title"), facts(rows))


# ----------------------------------------------------------------------------------------------------- connection test


def _test(ask: Ask, values: Values) -> h.Element:
    link = ask.site.state("link", LinkStatus)
    is_online = link is not None and link.state.value == "ONLINE"
    return card(
        ask.text("ocpp.test_title"),
        h.p[ask.text("ocpp.test_about")],
        form(
            ask,
            "/ocpp/test",
            h.p(".warn")[ask.text("ocpp.test_online")] if is_online else None,
            _box("disturb", ask.text("ocpp.test_disturb")) if is_online else None,
            _box("boot", ask.text("ocpp.test_boot")),
            h.details[
                h.summary[ask.text("ocpp.test_other")],
                h.p(".hint")[ask.text("ocpp.test_other_hint")],
                field("try_url", ask.text("ocpp.url"), inputmode="url", maxlength="300", autocomplete="off"),
                field("try_identity", ask.text("ocpp.identity"), maxlength="48", autocomplete="off"),
                field("try_password", ask.text("ocpp.password"), kind="password", maxlength="40", autocomplete="off"),
            ],
            h.button(".main", type="submit")[ask.text("ocpp.test_begin")],
        ),
        h.div(data_live="test", aria_live="polite")[_steps(ask, ask.site.state("link/test", LinkTestState))],
        id="test",
    )


def _box(name: str, label: str) -> h.Element:
    return h.p[h.label(".check")[h.input(type="checkbox", name=name, value="1"), " ", label]]


def _steps(ask: Ask, test: LinkTestState | None) -> h.Node:
    if test is None:
        return h.p(".soft")[ask.text("ocpp.test_none")]
    head = ask.text("ocpp.test_runs" if test.is_running else f"ocpp.test_{test.verdict or 'failed'}")
    return [
        h.p[h.strong[head], " ", h.code[test.url], f" · {ask.words.time(test.at)} · {test.by}"],
        h.ol(".steps")[(_step(ask, step) for step in test.steps)],
    ]


def _step(ask: Ask, step: LinkTestStep) -> h.Element:
    found = ask.text(f"ocpptest.{step.code}", **step.values) if step.code else ask.text(f"ocpptest.s_{step.status}")
    remedy_key = f"ocpptest.{step.code}_do"
    has_remedy = step.status in ("failed", "warning") and ask.words.has(remedy_key)
    time = f" · {with_unit(ask.words, step.duration_s * 1000, 'ms', 0)}" if step.duration_s is not None else ""
    return h.li(class_=CLASSES.get(step.status, ""))[
        h.strong[f"{MARKS.get(step.status, '·')} {ask.text(f'ocpptest.n_{step.name}')}"],
        h.span(".soft")[f" {ask.text(f'ocpptest.s_{step.status}')}{time}"],
        h.p[found],
        h.p(".remedy")[ask.text("ocpptest.do"), " ", ask.text(remedy_key, **step.values)] if has_remedy else None,
        h.p(".soft")[h.code[step.detail]] if step.detail else None,
    ]


async def test(ask: Ask) -> Answer:
    given = ask.form()
    request = TestLink(
        url=given.get("try_url", "").strip()[:300],
        identity=given.get("try_identity", "").strip()[:48],
        password=given.get("try_password", "")[:64],
        sends_boot=given.get("boot") == "1",
        may_disturb=given.get("disturb") == "1",
        by=ask.login,
    )
    result = await ask.call("ocpp", request, timeout_s=10.0)
    if result.ok:
        return Redirect("/ocpp?done=test#test")
    return Html(await _page(ask, fault=ask.text(f"ocpp.test_{result.code}")), status=409)


# ---------------------------------------------------------------------------------------------- settings and password


def _settings(ask: Ask, draft: Draft, given: dict[str, str] | None) -> h.Element:
    return card(
        ask.text("ocpp.settings_title"),
        h.p(".hint")[ask.text("ocpp.settings_about")],
        form(
            ask,
            "/ocpp/settings",
            fields(ask, SETTINGS, draft, given),
            h.button(".main", type="submit", disabled=not draft.is_readable)[ask.text("ocpp.save_draft")],
        ),
        draft_note(ask, draft, "ocpp"),
        h.p[h.a(href="/ocpp/keys")[ask.text("ocpp.rules_link")]] if ask.may(Right.SERVICE) else None,
        id="settings",
    )


async def settings(ask: Ask) -> Answer:
    given = ask.form()
    result = await write_draft(ask, SETTINGS, given)
    if result.ok:
        return Redirect(f"/ocpp?done={'same' if result.code == 'same' else 'draft'}#settings")
    status = 409 if result.code == "draft_changed" else 422
    return Html(await _page(ask, fault=refusal(ask, result), given=given), status=status)


def _password(ask: Ask) -> h.Element:
    return card(
        ask.text("ocpp.password_title"),
        h.p(".hint")[ask.text("ocpp.password_about")],
        form(
            ask,
            "/ocpp/password",
            field("password", ask.text("ocpp.password_new"), kind="password", autocomplete="new-password",
                  minlength="8", maxlength="40", required=True),
            h.button(type="submit")[ask.text("ocpp.password_save")],
        ),
        id="password",
    )  # fmt: skip


async def password(ask: Ask) -> Answer:
    result = await ask.call("ocpp", SetPassword(password=ask.form().get("password", "")[:100], by=ask.login))
    if result.ok:
        return Redirect("/ocpp?done=password#password")
    return Html(await _page(ask, fault=ask.text(f"ocpp.password_{result.code}")), status=422)


def _forget(ask: Ask) -> h.Element:
    return card(
        ask.text("ocpp.forget_title"),
        h.p[ask.text("ocpp.forget_about")],
        form(
            ask,
            "/ocpp/forget",
            _box("sure", ask.text("ocpp.forget_sure")),
            h.button(".danger", type="submit")[ask.text("ocpp.forget")],
        ),
        id="forget",
    )


async def forget(ask: Ask) -> Answer:
    if ask.form().get("sure") != "1":
        return Html(await _page(ask, fault=ask.text("ocpp.forget_ask")), status=422)
    draft = await read_draft(ask, SETTINGS)
    written = await write_draft(ask, SETTINGS, {**FORGOTTEN, "draft": draft.version})
    if not written.ok:
        return Html(await _page(ask, fault=refusal(ask, written)), status=422)
    result = await ask.call("ocpp", ForgetServer(by=ask.login))
    if not result.ok:
        return Html(await _page(ask, fault=result.text), status=502)
    return Redirect("/ocpp?done=forgotten")


# --------------------------------------------------------------------------------------------------- what waits


async def _held_back(ask: Ask) -> ParkedPage | None:
    try:
        return await ask.call("ocpp", ReadParked())
    except Problem:
        return None


def _parked(ask: Ask, held: ParkedPage | None) -> h.Element:
    may = ask.may(Right.CONFIGURE)
    if held is None:
        return card(ask.text("ocpp.parked_title"), h.p(".soft")[ask.text("ocpp.no_service")])
    names = ("session", "connector", "messages", "attempts", "is_parked", "error")
    rows = [
        [
            h.a(href=f"/sessions/{one.session_id}")[str(one.session_id)] if one.session_id > 0 else "–",
            str(one.connector or "–"),
            str(one.messages),
            str(one.attempts),
            ask.text("ocpp.is_parked" if one.is_parked else "ocpp.is_tried"),
            one.error or "–",
        ]
        for one in held.sessions[:100]
    ]
    return card(
        ask.text("ocpp.parked_title"),
        table([ask.text(f"ocpp.c_{name}") for name in names], rows, ask.text("ocpp.parked_about"),
              ask.text("ocpp.parked_none")),
        form(ask, "/ocpp/resend", h.button(type="submit")[ask.text("ocpp.resend")])
        if may and any(one.is_parked for one in held.sessions)
        else None,
        id="parked",
    )  # fmt: skip


async def resend(ask: Ask) -> Answer:
    result = await ask.call("ocpp", ResendParked(by=ask.login), timeout_s=20.0)
    if result.ok:
        return Redirect("/ocpp?done=resent#parked")
    return Html(await _page(ask, fault=ask.text("ocpp.parked_none")), status=409)


def _reservations(ask: Ask) -> h.Element:
    from chargepoint.masking import mask

    rows = []
    for number, state in ask.site.all_of("connector/", ConnectorState).items():
        kept = state.reservation
        if kept is not None:
            tag = kept.id_tag if ask.may(Right.OPERATE) else mask(kept.id_tag)
            rows.append([str(kept.reservation_id), number, tag, ask.words.time(kept.expires_at)])
    names = ("reservation", "connector", "id_tag", "until")
    return card(
        ask.text("ocpp.reservations_title"),
        table([ask.text(f"ocpp.c_{name}") for name in names], rows, empty=ask.text("ocpp.reservations_none")),
    )


def _days(ask: Ask) -> h.Element:
    told = ask.site.state("link/statistics", LinkStatistics)
    names = ("day", "connections", "outages", "outage_s", "sent", "received", "kib")
    rows = [
        [
            day.day,
            str(day.connections),
            str(day.outages),
            ask.words.number(day.outage_s / 60),
            str(day.sent),
            str(day.received),
            ask.words.number((day.sent_bytes + day.received_bytes) / 1024, 0),
        ]
        for day in (told.days[:14] if told else ())
    ]
    return card(
        ask.text("ocpp.days_title"),
        table([ask.text(f"ocpp.c_{name}") for name in names], rows, empty=ask.text("ocpp.days_none")),
    )


ROUTES = (
    get("/ocpp", ocpp, Right.SEE, live=ocpp_values),
    post("/ocpp/test", test, Right.CONFIGURE, body_bytes=4096),
    post("/ocpp/settings", settings, Right.CONFIGURE),
    post("/ocpp/password", password, Right.CONFIGURE, body_bytes=4096),
    post("/ocpp/forget", forget, Right.ADMINISTER, body_bytes=4096),
    post("/ocpp/resend", resend, Right.CONFIGURE, body_bytes=4096),
)
