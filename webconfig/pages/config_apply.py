"""From a draft to the station file: difference, dry run, apply, keep or return; versions (webconfig.md 6)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import htpy as h

from chargepoint.config_difference import compare
from chargepoint.dry_run import Findings
from chargepoint.messages import (
    ActionResult,
    CancelPlan,
    ConfigurationVersion,
    KeepConfiguration,
    ReadVersion,
    ReadVersions,
    RebaseDraft,
    ReturnConfiguration,
    ReturnSeen,
    WriteDraft,
)
from chargepoint.rights import Right
from webconfig.answers import Answer, Download, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.configuration import parts
from webconfig.configuration.applying import apply, deed_of, dry_run
from webconfig.configuration.live_checks import live_card
from webconfig.configuration.seen import Seen, parsed, seen
from webconfig.layout import card, choice, facts, field, form, page, table
from webconfig.pages.config import behind, outcome
from webconfig.routes import get, post
from webconfig.spans import kw
from webconfig.trial_notice import trial_text


async def difference(ask: Ask) -> Answer:
    return Html(_difference_page(ask, await seen(ask)))


def _difference_page(
    ask: Ask, now: Seen, *, findings: Findings | None = None, fault: str = "", notice: str = ""
) -> h.Renderable:
    told = now.page
    is_ready = now.has_draft and not told.faults and not now.is_behind and told.draft != told.file
    return page(
        ask,
        ask.text("config.difference"),
        h.link(rel="stylesheet", href="/static/config.css"),
        behind(ask, now),
        parts.fault_list(ask, told.faults, now),
        card(ask.text("config.changes"), parts.change_rows(ask, now.changes()), parts.lines(ask, told.difference)),
        live_card(ask, now) if now.has_draft else None,
        _consequences(ask, now) if now.has_draft else None,
        card(
            ask.text("config.dry_run"),
            h.p[ask.text("config.dry_run_about")],
            _findings(ask, findings) if findings else None,
            parts.one_button(ask, "/config/dry-run", ask.text("config.do_dry_run")),
            id="dry-run",
        )
        if now.has_draft and now.document is not None
        else None,
        _apply_card(ask, now) if is_ready else None,
        crumbs=[(ask.text("config.title"), "/config")],
        fault=fault,
        notice=notice,
    )


def _consequences(ask: Ask, now: Seen) -> h.Node:
    charging = parts.charging_now(ask)
    return card(
        ask.text("config.consequences"),
        h.ul[
            h.li[ask.text("config.all_restart")],
            h.li[
                ask.text("config.charging", n=charging) if charging is not None else ask.text("config.charging_unknown")
            ],
            h.li[ask.text("config.is_grave" if now.page.is_grave else "config.is_light")],
            h.li[ask.text("config.others", who=", ".join(now.page.others))] if now.page.others else None,
            h.li[ask.text("config.must_keep")],
        ],
    )


def _apply_card(ask: Ask, now: Seen) -> h.Node:
    """In safe mode the password is asked for right here; else the deed's own page asks back."""
    base = now.page.version
    comment = field("comment", ask.text("config.comment"), maxlength="200", hint=ask.text("config.comment_about"))
    if ask.site.is_safe_mode:
        return card(
            ask.text("config.apply"),
            form(
                ask,
                "/config/apply",
                parts.hidden(base=base),
                comment,
                field(
                    "password",
                    ask.text("config.own_password"),
                    kind="password",
                    autocomplete="current-password",
                    required=True,
                    maxlength="200",
                ),
                h.button(".main", type="submit")[ask.text("config.apply")],
            ),
        )
    options = (("0", ask.text("config.when_now")), ("1", ask.text("config.when_idle")))
    return card(
        ask.text("config.apply"),
        h.form(method="get", action=f"/deeds/{deed_of(now.page)}")[
            parts.hidden(keep="1", base=base, to="/config"),
            comment,
            choice("wait", ask.text("config.when"), options, "1"),
            field("at", ask.text("config.at"), kind="datetime-local", hint=ask.text("config.at_about")),
            h.button(".main", type="submit")[ask.text("config.apply")],
        ],
    )


def _findings(ask: Ask, found: Findings) -> h.Node:
    if found.code != "ok":
        told = [h.li[f"{place}: {why}. {remedy}"] for place, _found, why, remedy in found.faults]
        return h.div(".fault", role="alert")[
            h.p[ask.text("config.dry_bad"), " ", found.text], h.ul[told] if told else None
        ]

    def told_kw(power_w: float | None) -> str:
        return kw(ask.words, power_w)

    rows = [
        (
            str(each.number),
            each.type,
            ask.words.one_of("cstatus", each.status),
            told_kw(each.hardware_w),
            told_kw(each.limit_w),
            ask.words.one_of("limit", each.limit_source) or "–",
        )
        for each in found.connectors
    ]
    head = [ask.text(f"config.dry_{key}") for key in ("connector", "type", "status", "hardware", "limit", "cause")]
    return h.div[
        h.p(".notice", role="status")[
            ask.text(
                "config.dry_ok",
                s=found.took_s,
                kw=told_kw(found.power_limit_w),
                devices=found.devices,
                ports=found.ports,
            )
        ],
        table(head, rows, ask.text("config.dry_limits")),
        h.p(".warn")[ask.text("config.dry_silent", names=", ".join(found.silent))] if found.silent else None,
        h.ul(".warn", lang="en")[(h.li[each] for each in found.warnings)] if found.warnings else None,
    ]


async def do_dry_run(ask: Ask) -> Answer:
    now = await seen(ask)
    if not now.has_draft:
        return Redirect("/config")
    return Html(_difference_page(ask, now, findings=await dry_run(ask, now.text)))


async def do_apply(ask: Ask) -> Answer:
    """With the password on the same form: in safe mode, where there is no other page that asks back."""
    given, now = ask.form(), await seen(ask)
    if not given.get("password"):
        raise Problem(422, "password", ask.text("config.wrong_password"))
    result = await apply(
        ask,
        _grave(now),
        password=given["password"],
        base=given.get("base", ""),
        comment=given.get("comment", ""),
        wait=True,
    )
    if not result.ok:
        status = 409 if result.code in ("changed_meanwhile", "busy") else 422
        return Html(_difference_page(ask, await seen(ask), fault=outcome(ask, result)), status)
    return Redirect("/config?done=applied")


def _grave(now: Seen) -> Any:
    import msgspec

    return msgspec.structs.replace(now.page, is_grave=True)


# --------------------------------------------------------------------------------------------------- small deeds


def _after(ask: Ask, result: ActionResult, done: str) -> Answer:
    if not result.ok:
        raise Problem(409, result.code, outcome(ask, result))
    return Redirect(f"/config?done={done}")


async def drop(ask: Ask) -> Answer:
    request = WriteDraft(by=ask.login, expected=ask.form().get("version", "") or "?")
    return _after(ask, await ask.call("hub", request), "dropped")


async def rebase(ask: Ask) -> Answer:
    result = await ask.call("hub", RebaseDraft(by=ask.login))
    if not result.ok:
        return Html(_difference_page(ask, await seen(ask), fault=outcome(ask, result)), 409)
    rows = ", ".join(row[0] for row in result.table[1:])
    notice = ask.text("config.conflicts", places=rows) if rows else ask.text("config.done_rebased")
    return Html(_difference_page(ask, await seen(ask), notice=notice))


async def keep(ask: Ask) -> Answer:
    result = await ask.call("hub", KeepConfiguration(by=ask.login))
    return _after(ask, result, "noted" if result.code == "noted" else "kept")


async def rollback(ask: Ask) -> Answer:
    return _after(ask, await ask.call("hub", ReturnConfiguration(by=ask.login)), "returned")


async def return_seen(ask: Ask) -> Answer:
    await ask.call("hub", ReturnSeen(by=ask.login))
    return Redirect("/config")


async def cancel_plan(ask: Ask) -> Answer:
    return _after(ask, await ask.call("hub", CancelPlan(by=ask.login)), "cancelled")


# ------------------------------------------------------------------------------------------------------ versions


async def history(ask: Ask) -> Answer:
    found = (await ask.call("hub", ReadVersions())).versions
    rows = [
        (
            h.a(href=f"/config/history/{each.number}")[_number(ask, each)],
            parts.when(ask, each.at) or "–",
            parts.who(ask, each.by),
            ask.text(f"config.what_{each.what}"),
            trial_text(ask, each.comment) or "–",
        )
        for each in found
    ]
    head = [ask.text(f"config.{key}") for key in ("version", "at_time", "by", "what", "comment")]
    return Html(
        page(
            ask,
            ask.text("config.history"),
            h.p[ask.text("config.history_about")],
            table(head, rows, ask.text("config.history"), ask.text("config.none_yet")),
            crumbs=[(ask.text("config.title"), "/config")],
        )
    )


def _number(ask: Ask, version: ConfigurationVersion) -> str:
    return ask.text("config.factory") if version.number == 0 else str(version.number)


async def _version(ask: Ask) -> tuple[ConfigurationVersion, str]:
    number = ask.number("number", 0, 10_000_000)
    text = await ask.call("hub", ReadVersion(number=number))
    heads = (await ask.call("hub", ReadVersions())).versions
    head = next((each for each in heads if each.number == number), None)
    if not text.ok or head is None:
        raise Problem(404, "not_found", ask.text("problem.not_found"))
    return head, text.text


async def version_page(ask: Ask) -> Answer:
    head, text = await _version(ask)
    now = await seen(ask)
    document = parsed(text)
    changes = compare(now.file or {}, document or {})
    return Html(
        page(
            ask,
            f"{ask.text('config.version')} {_number(ask, head)}",
            h.link(rel="stylesheet", href="/static/config.css"),
            card(
                "",
                facts(
                    [
                        (ask.text("config.at_time"), parts.when(ask, head.at) or "–"),
                        (ask.text("config.by"), parts.who(ask, head.by)),
                        (ask.text("config.what"), ask.text(f"config.what_{head.what}")),
                        (ask.text("config.comment"), trial_text(ask, head.comment) or "–"),
                    ]
                ),
                parts.one_button(
                    ask,
                    f"/config/history/{head.number}/restore",
                    ask.text("config.restore"),
                    "main",
                    version=now.draft_version,
                ),
                h.a(".button", href=f"/config/history/{head.number}/file")[ask.text("config.download")],
            ),
            card(ask.text("config.against_now"), parts.change_rows(ask, changes)),
            h.details[h.summary[ask.text("config.text")], h.pre(".lines", tabindex="0")[text]],
            crumbs=[(ask.text("config.title"), "/config"), (ask.text("config.history"), "/config/history")],
        )
    )


async def version_file(ask: Ask) -> Answer:
    head, text = await _version(ask)

    async def chunks() -> AsyncIterator[bytes]:
        yield text.encode()

    return Download(f"station-{head.number}.toml", "application/toml", chunks())


async def restore(ask: Ask) -> Answer:
    """The version becomes the draft, made from the file as it is now: it is looked at and applied as any other."""
    _, text = await _version(ask)
    now = await seen(ask)
    request = WriteDraft(
        by=ask.login,
        text=text,
        base=now.page.version,
        keeps_faults=True,
        expected=ask.form().get("version", "") or "?",
    )
    result = await ask.call("hub", request)
    if not result.ok:
        return _after(ask, result, "restored")
    return Redirect("/config/difference")


_OPEN: dict[str, Any] = {"is_safe_mode": True}
NUMBER = "{number:[0-9]{1,8}}"
ROUTES = (
    get("/config/difference", difference, Right.CONFIGURE, **_OPEN),
    post("/config/dry-run", do_dry_run, Right.CONFIGURE, **_OPEN),
    post("/config/apply", do_apply, Right.CONFIGURE, **_OPEN),
    post("/config/drop", drop, Right.CONFIGURE, **_OPEN),
    post("/config/rebase", rebase, Right.CONFIGURE, **_OPEN),
    post("/config/keep", keep, Right.CONFIGURE, **_OPEN),
    post("/config/rollback", rollback, Right.CONFIGURE, **_OPEN),
    post("/config/seen", return_seen, Right.CONFIGURE, **_OPEN),
    post("/config/cancel-plan", cancel_plan, Right.CONFIGURE, **_OPEN),
    get("/config/history", history, Right.CONFIGURE, **_OPEN),
    get(f"/config/history/{NUMBER}", version_page, Right.CONFIGURE, **_OPEN),
    get(f"/config/history/{NUMBER}/file", version_file, Right.CONFIGURE, **_OPEN),
    post(f"/config/history/{NUMBER}/restore", restore, Right.CONFIGURE, **_OPEN),
)
