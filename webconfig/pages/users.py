"""Users and roles, one table with the service menu: cards, PIN, password, block, energy limit, log-ins, tokens."""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode

import htpy as h
import msgspec

from chargepoint.masking import mask
from chargepoint.messages import (
    ReadJournal,
    ReadUsers,
    RemoveUser,
    SaveUser,
    SetRecoveryCode,
    User,
    UserRow,
)
from chargepoint.rights import RIGHTS, Right
from chargepoint.vocabulary import Role
from webconfig.answers import Answer, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.journal_reading import read
from webconfig.layout import card, choice, facts, field, form, page, table
from webconfig.oplog_lines import security_line_of
from webconfig.pages.tokens import token_form, token_table
from webconfig.routes import get, post
from webconfig.turns import turn

MOST_CARDS = 15
LAST_ENTRIES = 10
SHOWN_RIGHTS = tuple(Right)


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A user as the form has it."""

    login: str
    role: Role
    cards: tuple[str, ...] = ()
    password: str | None = None
    pin: str | None = None
    must_change: bool | None = None
    is_blocked: bool = False
    is_allowed: bool = True
    energy_limit_wh: int | None = None


async def rows(ask: Ask) -> tuple[UserRow, ...]:
    return (await ask.call("hub", ReadUsers())).users


async def row_of(ask: Ask, login: str) -> UserRow:
    """Raises Problem 404."""
    for row in await rows(ask):
        if row.user.login.casefold() == login.casefold():
            return row
    raise Problem(404, "not_found", ask.text("users.unknown"))


def version(row: UserRow) -> str:
    """Another one after each change of what the form shows."""
    return hashlib.sha256(msgspec.json.encode(row)).hexdigest()[:16]


def role_text(ask: Ask, role: Role) -> str:
    return ask.text(f"users.role_{role.value.lower()}")


async def users(ask: Ask) -> Answer:
    found = await rows(ask)
    logged_in = [visitor.login.casefold() for visitor in ask.site.visitors.all()]
    head = [ask.text(f"users.{n}") for n in ("login", "role", "cards", "proof", "limit", "standing", "sessions")]
    body: list[list[h.Node]] = [
        [
            h.a(href=f"/users/edit?{urlencode({'login': row.user.login})}")[row.user.login],
            role_text(ask, row.user.role),
            str(len(row.user.cards)),
            ", ".join(
                ask.text(key)
                for key, has in (
                    ("users.has_password", row.has_password),
                    ("users.has_pin", row.has_pin),
                    ("users.has_must_change", row.must_change),
                )
                if has
            )
            or "–",
            limit_text(ask, row.user.energy_limit_wh),
            h.span(".bad")[ask.text("users.blocked")] if row.user.is_blocked else ask.text("users.active"),
            str(logged_in.count(row.user.login.casefold())),
        ]
        for row in found
    ]
    return Html(
        page(
            ask,
            ask.text("users.title"),
            h.p(".tools")[
                h.a(".button.main", href="/users/edit")[ask.text("users.new")],
                h.a(".button", href="#tokens")[ask.text("tokens.title")],
                h.a(".button", href="#recovery")[ask.text("users.recovery")],
            ],
            table(head, body, caption=ask.text("users.title"), empty=ask.text("users.none")),
            _roles(ask),
            card(ask.text("tokens.title"), await token_table(ask, ""), token_form(ask), id="tokens"),
            card(
                ask.text("users.recovery"),
                h.p[ask.text("users.recovery_about")],
                form(ask, "/users/recovery", h.button(type="submit")[ask.text("users.recovery_make")]),
                id="recovery",
            ),
            notice=_done(ask),
        )
    )


def _done(ask: Ask) -> str:
    word = ask.query_text("done")
    return ask.text(f"users.done_{word}") if word in ("saved", "removed", "revoked", "ended", "pin") else ""


def _roles(ask: Ask) -> h.Node:
    """Which rights a role is: the table of `chargepoint/rights.py`."""
    roles = [role for role in RIGHTS if RIGHTS[role]]
    head = [ask.text("users.right"), *(role_text(ask, role) for role in roles)]
    body = [
        [ask.text(f"users.right_{right.value}"), *("✓" if right in RIGHTS[role] else "–" for role in roles)]
        for right in SHOWN_RIGHTS
    ]
    return h.details[h.summary[ask.text("users.rights")], table(head, body, caption=ask.text("users.rights"))]


def limit_text(ask: Ask, limit_wh: int | None) -> str:
    return "–" if limit_wh is None else f"{ask.words.number(limit_wh / 1000, 3)} {ask.text('access.kwh')}"


# -------------------------------------------------------------------------------------------------- one of them


async def edit(ask: Ask) -> Answer:
    login = ask.query_text("login")
    return Html(await _edit_page(ask, await row_of(ask, login) if login else None))


async def _edit_page(
    ask: Ask, row: UserRow | None, given: dict[str, str] | None = None, fault: str = ""
) -> h.Renderable:
    user = row.user if row else User(login="", role=Role.CUSTOMER)
    values = given or {
        "login": user.login,
        "role": user.role.value,
        "cards": "\n".join(user.cards),
        "energy_limit_kwh": "" if user.energy_limit_wh is None else ask.words.number(user.energy_limit_wh / 1000, 3),
        "is_blocked": "1" if user.is_blocked else "",
        "is_allowed": "1" if user.is_allowed else "",
        "must_change": "1" if row is None else "",
    }
    title = ask.text("users.edit", login=user.login) if row else ask.text("users.new")
    return page(
        ask,
        title,
        form(
            ask,
            "/users/save",
            h.input(type="hidden", name="version", value=version(row) if row else ""),
            field("login", ask.text("users.login"), values.get("login", ""), required=True, minlength="3",
                  maxlength="150", readonly=row is not None, autocomplete="off", hint=ask.text("users.login_rule")),
            choice("role", ask.text("users.role"), [(role.value, role_text(ask, role)) for role in RIGHTS],
                   values.get("role", "")),
            h.div(".field")[
                h.label(for_="f-cards")[ask.text("users.cards")],
                h.textarea(id="f-cards", name="cards", rows="4", spellcheck="false")[values.get("cards", "")],
                h.p(".hint")[ask.text("users.cards_about", n=MOST_CARDS), " ", h.a(href="/access#check")[
                    ask.text("access.read")]],
            ],
            field("energy_limit_kwh", ask.text("users.limit_kwh"), values.get("energy_limit_kwh", ""),
                  inputmode="decimal", hint=ask.text("users.limit_about"), maxlength="12"),
            field("password", ask.text("users.password"), kind="password", autocomplete="new-password",
                  hint=ask.text("users.password_rule" if row is None else "users.password_keeps"), maxlength="200"),
            _check(ask, "must_change", bool(values.get("must_change"))),
            field("pin", ask.text("users.pin"), kind="password", inputmode="numeric", autocomplete="off",
                  hint=ask.text("users.pin_rule"), maxlength="6"),
            _check(ask, "no_pin", False) if row and row.has_pin else None,
            _check(ask, "is_allowed", bool(values.get("is_allowed"))),
            _check(ask, "is_blocked", bool(values.get("is_blocked"))),
            h.button(".main", type="submit")[ask.text("users.save")],
        ),
        await _more(ask, row) if row else None,
        crumbs=[(ask.text("users.title"), "/users")],
        fault=fault,
    )  # fmt: skip


def _check(ask: Ask, name: str, is_set: bool) -> h.Node:
    return h.div(".field.check")[
        h.label[h.input(type="checkbox", name=name, value="1", checked=is_set), " ", ask.text(f"users.{name}")]
    ]


async def _more(ask: Ask, row: UserRow) -> h.Node:
    """Sessions, last log-ins, removal."""
    login = row.user.login
    count = sum(visitor.login.casefold() == login.casefold() for visitor in ask.site.visitors.all())
    return [
        card(
            ask.text("users.log_ins"),
            facts([(ask.text("users.sessions"), str(count))]),
            form(
                ask,
                "/users/log-out",
                h.input(type="hidden", name="login", value=login),
                h.button(type="submit")[ask.text("users.log_out_all")],
            ),
            await last_entries(ask, login),
        ),
        card(
            ask.text("users.remove"),
            form(
                ask,
                "/users/remove",
                h.input(type="hidden", name="login", value=login),
                _check(ask, "sure", False),
                h.button(".danger", type="submit")[ask.text("users.remove")],
            ),
        ),
    ]


async def last_entries(ask: Ask, login: str) -> h.Node:
    """What the security journal has of somebody; nothing while there is no station to be asked."""
    request = ReadJournal(kinds=("SecurityEvent",), before_seq=0, text=login, limit=LAST_ENTRIES)
    try:
        found, _ = await read(ask, request)
    except Problem as problem:
        return h.p(".soft")[problem.detail]
    lines = [security_line_of(row, {}) for row in found]
    head = [ask.text(f"security.c_{name}") for name in ("time", "type", "operation", "extra")]
    return table(
        head,
        [(line.when, line.type, line.operation, line.extra or "–") for line in lines],
        caption=ask.text("users.last"),
        empty=ask.text("oplog.nothing"),
    )


def given_user(ask: Ask, given: dict[str, str]) -> Given:
    """The form as values. Raises Problem 422."""
    try:
        role = Role(given.get("role", ""))
    except ValueError:
        raise Problem(422, "invalid", ask.text("users.f_role"), {"role": given.get("role", "")[:20]}) from None
    limit = given.get("energy_limit_kwh", "").strip().replace(",", ".").replace(" ", "")
    limit_wh: int | None = None
    if limit:
        try:
            limit_wh = round(float(limit) * 1000)
        except (ValueError, OverflowError):
            raise Problem(422, "invalid", ask.text("users.f_limit"), {"energy_limit_kwh": limit[:20]}) from None
    return Given(
        login=given.get("login", "").strip(),
        role=role,
        cards=tuple(line.strip() for line in given.get("cards", "").replace(",", "\n").splitlines() if line.strip()),
        password=given.get("password") or None,
        pin="" if given.get("no_pin") else given.get("pin") or None,
        must_change=True if given.get("must_change") else None,
        is_blocked=bool(given.get("is_blocked")),
        is_allowed=bool(given.get("is_allowed")),
        energy_limit_wh=limit_wh,
    )


async def save(ask: Ask) -> Answer:
    async with turn(ask, "users"):
        return await _saved(ask, ask.form())


async def _saved(ask: Ask, form_given: dict[str, str]) -> Answer:
    row = await _same(ask, form_given)
    try:
        found = given_user(ask, form_given)
    except Problem as problem:
        return Html(await _edit_page(ask, row, form_given, problem.detail), status=problem.status)
    if row is None and found.password is None and found.role in _WITH_LOG_IN:
        return Html(await _edit_page(ask, None, form_given, ask.text("users.f_password")), status=422)
    refusal = await save_user(ask, found)
    if refusal:
        return Html(await _edit_page(ask, row, form_given, refusal[1]), status=422)
    return Redirect("/users?done=saved")


_WITH_LOG_IN = frozenset(role for role in RIGHTS if RIGHTS[role])


async def _same(ask: Ask, given: dict[str, str]) -> UserRow | None:
    """The user the form is about, None for a new one. Raises Problem 409 when he was changed meanwhile."""
    known = [r for r in await rows(ask) if r.user.login.casefold() == given.get("login", "").strip().casefold()]
    if not given.get("version"):
        if known:
            raise Problem(409, "login_taken", ask.text("users.f_taken"))
        return None
    if not known or version(known[0]) != given["version"]:
        raise Problem(409, "changed_meanwhile", ask.text("users.changed_meanwhile"))
    return known[0]


async def save_user(ask: Ask, given: Given) -> tuple[str, str] | None:
    """Ask the hub; its refusal as (code, words), None when it is done."""
    user = User(
        login=given.login,
        role=given.role,
        cards=given.cards,
        is_blocked=given.is_blocked,
        is_allowed=given.is_allowed,
        energy_limit_wh=given.energy_limit_wh,
    )
    request = SaveUser(user=user, password=given.password, pin=given.pin, must_change=given.must_change, by=ask.login)
    result = await ask.call("hub", request)
    return None if result.ok else (result.code, said(ask, result.code, result.text))


def said(ask: Ask, code: str, text: str) -> str:
    """The hub's refusal in the reader's language; what has no text of ours as the hub says it."""
    key = f"users.c_{code}"
    return (
        f"{ask.text(key)} {text if code in ('card_taken', 'weak_password') else ''}".strip()
        if ask.words.has(key)
        else text
    )


async def remove(ask: Ask) -> Answer:
    given = ask.form()
    row = await row_of(ask, given.get("login", ""))
    if not given.get("sure"):
        return Html(await _edit_page(ask, row, fault=ask.text("users.f_sure")), status=422)
    result = await ask.call("hub", RemoveUser(login=row.user.login, by=ask.login))
    if not result.ok:
        return Html(await _edit_page(ask, row, fault=said(ask, result.code, result.text)), status=422)
    return Redirect("/users?done=removed")


async def log_out(ask: Ask) -> Answer:
    row = await row_of(ask, ask.form().get("login", ""))
    ask.site.visitors.end_all_of(row.user.login, but=ask.visitor)
    return Redirect("/users?done=ended")


async def recovery(ask: Ask) -> Answer:
    """A new recovery code, shown this once."""
    found = await ask.call("hub", SetRecoveryCode(by=ask.login))
    if not found.ok:
        raise Problem(403, found.code, said(ask, found.code, found.text))
    return Html(
        page(
            ask,
            ask.text("users.recovery"),
            h.p(".notice", role="status")[ask.text("users.recovery_once")],
            h.p[h.code(".secret")[found.recovery_secret]],
            crumbs=[(ask.text("users.title"), "/users")],
        )
    )


def shown_cards(cards: tuple[str, ...]) -> str:
    return ", ".join(map(mask, cards)) or "–"


ROUTES = (
    get("/users", users, Right.ADMINISTER, is_safe_mode=True),
    get("/users/edit", edit, Right.ADMINISTER, is_safe_mode=True),
    post("/users/save", save, Right.ADMINISTER, is_safe_mode=True),
    post("/users/remove", remove, Right.ADMINISTER, is_safe_mode=True),
    post("/users/log-out", log_out, Right.ADMINISTER, is_safe_mode=True),
    post("/users/recovery", recovery, Right.ADMINISTER, is_safe_mode=True),
)
