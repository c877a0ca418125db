"""The whole station as one file: station file, settings, users; and back again with a look at it first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import htpy as h

from chargepoint.config_difference import compare
from chargepoint.messages import ChangeSettings, ReadSettings, ReadUsers, SaveUser, User, UserRow, WriteDraft
from chargepoint.rights import Right
from chargepoint.version import VERSION
from webconfig import layout
from webconfig.answers import Answer, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.configuration import parts
from webconfig.configuration.copies import Backup, Content, NoBackup, made, read, settings_to_keep, user_of
from webconfig.configuration.locking import sealed
from webconfig.configuration.seen import parsed, seen
from webconfig.layout import card, facts, form, page, table
from webconfig.pages.config import outcome
from webconfig.pages.config_copies import UPLOAD_BYTES, download, password_field, upload_form, uploaded
from webconfig.routes import get, post

MOST_KEPT = 4
KEPT_S = 600.0


@dataclass
class Looked:
    """Backups people look at, by login: each until it is taken, or ten minutes."""

    kept: dict[str, tuple[float, Backup, Content]] = field(default_factory=dict)

    def put(self, login: str, now_s: float, backup: Backup, content: Content) -> None:
        self.kept.pop(login, None)
        while len(self.kept) >= MOST_KEPT:
            self.kept.pop(next(iter(self.kept)))
        self.kept[login] = (now_s, backup, content)

    def of(self, login: str, now_s: float) -> tuple[Backup, Content] | None:
        found = self.kept.get(login)
        if found is None or now_s - found[0] > KEPT_S:
            self.kept.pop(login, None)
            return None
        return found[1], found[2]


def _looked(ask: Ask) -> Looked:
    found: Looked = ask.site.parts.setdefault(Looked, Looked())
    return found


async def backup_page(ask: Ask) -> Answer:
    return Html(
        page(
            ask,
            ask.text("backup.title"),
            h.link(rel="stylesheet", href="/static/config.css"),
            h.p[ask.text("backup.about")],
            card(
                ask.text("backup.make"),
                parts.one_button(ask, "/backup/plain", ask.text("backup.plain")),
                form(
                    ask,
                    "/backup/locked",
                    password_field(ask, ask.text("config.seal_password"), is_new=True),
                    h.button(type="submit")[ask.text("backup.locked")],
                ),
            ),
            card(ask.text("backup.restore"), upload_form(ask, "/backup/look", ask.text("backup.look"))),
        )
    )


async def _text(ask: Ask, *, with_cards: bool) -> str:
    now = await seen(ask)
    settings = (await ask.call("hub", ReadSettings())).values
    users = (await ask.call("hub", ReadUsers())).users if ask.may(Right.ADMINISTER) else ()
    content = Content(
        now.page.file,
        settings_to_keep(settings) if with_cards else _no_cards(settings_to_keep(settings)),
        tuple(user_of(row, with_cards=with_cards) for row in users),
        with_cards,
    )
    clock = ask.site.context.clock
    at = "" if clock.source == "unset" else clock.now().isoformat(timespec="seconds")
    return made(content, VERSION, layout.station_name(ask), at)


def _no_cards(settings: dict[str, str]) -> dict[str, str]:
    """Access lists are card numbers, too."""
    return {key: value for key, value in settings.items() if not key.startswith("access.")}


async def plain(ask: Ask) -> Answer:
    return download("station-backup.json", "application/json", await _text(ask, with_cards=False))


async def locked(ask: Ask) -> Answer:
    text = await sealed(ask, await _text(ask, with_cards=True), ask.form().get("password", ""))
    return download("station-backup-locked.json", "application/json", text)


async def look(ask: Ask) -> Answer:
    try:
        backup, content = read(await uploaded(ask))
    except NoBackup as error:
        key = "config.sealed_too_large" if error.code == "too_large" else f"backup.{error.code}"
        raise Problem(422, error.code, ask.text(key, v=error.v)) from None
    _looked(ask).put(ask.login, ask.site.now_s(), backup, content)
    return Redirect("/backup/preview")


def _kept(ask: Ask) -> tuple[Backup, Content]:
    found = _looked(ask).of(ask.login, ask.site.now_s())
    if found is None:
        raise Problem(409, "gone", ask.text("backup.gone"))
    return found


async def preview(ask: Ask) -> Answer:
    return Html(await _preview(ask))


async def _preview(ask: Ask, notice: str = "") -> h.Renderable:
    backup, content = _kept(ask)
    now = await seen(ask)
    settings = await _other_settings(ask, content)
    users = await _other_users(ask, content) if ask.may(Right.ADMINISTER) else []
    same = ask.text("backup.unchanged")
    is_administrator = ask.may(Right.ADMINISTER)
    changes = compare(now.file or {}, parsed(content.station_file) or {})
    return page(
        ask,
        ask.text("backup.preview"),
        h.link(rel="stylesheet", href="/static/config.css"),
        facts(
            [
                (ask.text("backup.station"), backup.station[:100]),
                (ask.text("backup.made_at"), parts.when(ask, backup.made_at) or "–"),
                (ask.text("backup.software"), backup.software[:40]),
            ]
        ),
        card(
            ask.text("config.file"),
            parts.change_rows(ask, changes),
            parts.one_button(ask, "/backup/take-file", ask.text("backup.take_file"), "main", version=now.draft_version),
        ),
        h.p(".soft")[ask.text("backup.only_administrator")] if not is_administrator else None,
        card(
            ask.text("backup.settings"),
            table(
                [ask.text(f"config.{key}") for key in ("key", "old", "new")],
                [(h.code[key], old or "–", new) for key, old, new in settings],
                ask.text("backup.settings"),
                same,
            ),
            parts.one_button(ask, "/backup/take-settings", ask.text("backup.take_settings"))
            if settings and is_administrator
            else None,
        ),
        card(
            ask.text("backup.users"),
            table(
                [ask.text("config.by"), ask.text("backup.role"), ask.text("backup.cards")],
                [
                    (each.login, ask.text(f"users.role_{each.role.value.lower()}"), str(len(each.cards)))
                    for each in users
                ],
                ask.text("backup.users"),
                same,
            ),
            h.p[ask.text("backup.no_passwords")],
            parts.one_button(ask, "/backup/take-users", ask.text("backup.take_users")) if users else None,
        )
        if is_administrator
        else None,
        crumbs=[(ask.text("backup.title"), "/backup")],
        notice=notice,
    )


async def _other_settings(ask: Ask, content: Content) -> list[tuple[str, str, str]]:
    there = (await ask.call("hub", ReadSettings())).values
    wanted = settings_to_keep(content.settings)
    return [(key, there.get(key, ""), value) for key, value in sorted(wanted.items()) if there.get(key) != value]


async def _other_users(ask: Ask, content: Content) -> list[User]:
    """Those that differ, as they would be: without cards in the backup, everybody keeps those he has."""
    rows: dict[str, UserRow] = {row.user.login.casefold(): row for row in (await ask.call("hub", ReadUsers())).users}
    found: list[User] = []
    for user in content.users:
        row = rows.get(user.login.casefold())
        cards = user.cards if content.has_cards else row.user.cards if row else ()
        wanted = User(user.login, user.role, cards, user.is_blocked, user.is_allowed, user.energy_limit_wh)
        if row is None or row.user != wanted:
            found.append(wanted)
    return found


async def take_file(ask: Ask) -> Answer:
    _, content = _kept(ask)
    request = WriteDraft(
        by=ask.login,
        text=content.station_file,
        base=(await seen(ask)).page.version,
        keeps_faults=True,
        expected=ask.form().get("version", "") or "?",
    )
    result = await ask.call("hub", request)
    if not result.ok:
        raise Problem(409 if result.code == "draft_changed" else 422, result.code, outcome(ask, result))
    return Redirect("/config/difference")


async def take_settings(ask: Ask) -> Answer:
    _, content = _kept(ask)
    values: dict[str, str | None] = {key: new for key, _, new in await _other_settings(ask, content)}
    if values:
        await ask.call("hub", ChangeSettings(values=values, by=ask.login))
    return Html(await _preview(ask, ask.text("backup.done_settings", n=len(values))))


async def take_users(ask: Ask) -> Answer:
    _, content = _kept(ask)
    told: list[str] = []
    count = 0
    for user in await _other_users(ask, content):
        result = await ask.call("hub", SaveUser(user=user, by=ask.login))
        count += result.ok
        if not result.ok:
            told.append(f"{user.login}: {result.text}")
    return Html(await _preview(ask, ask.text("backup.done_users", n=count, text="; ".join(told[:10]))))


_OPEN: dict[str, Any] = {"is_safe_mode": True}
ROUTES = (
    get("/backup", backup_page, Right.CONFIGURE, **_OPEN),
    post("/backup/plain", plain, Right.CONFIGURE, **_OPEN),
    post("/backup/locked", locked, Right.CONFIGURE, **_OPEN),
    post("/backup/look", look, Right.CONFIGURE, body_bytes=UPLOAD_BYTES, **_OPEN),
    get("/backup/preview", preview, Right.CONFIGURE, **_OPEN),
    post("/backup/take-file", take_file, Right.CONFIGURE, **_OPEN),
    post("/backup/take-settings", take_settings, Right.ADMINISTER, **_OPEN),
    post("/backup/take-users", take_users, Right.ADMINISTER, **_OPEN),
)
