"""Users, roles and tokens over the API. No secrets come out; a token is told once, at its making."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint.messages import ApiToken, CreateToken, ReadTokens, RemoveUser, RevokeToken, User, UserRow
from chargepoint.rights import RIGHTS, Right
from chargepoint.vocabulary import Role
from webconfig.answers import Answer, Json, Problem
from webconfig.ask import Ask
from webconfig.pages import tokens as tokens_page
from webconfig.pages import users as users_page
from webconfig.routes import Route, get, post
from webconfig.turns import turn

CardNumber = Annotated[str, Meta(min_length=1, max_length=20)]


class Users(msgspec.Struct, frozen=True):
    users: tuple[UserRow, ...]


class Roles(msgspec.Struct, frozen=True):
    """Which rights each role is."""

    roles: dict[str, tuple[Right, ...]]


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user to be made or changed. `password` and `pin` absent or null: as before; an empty `pin` takes it away."""

    role: Role
    cards: Annotated[tuple[CardNumber, ...], Meta(max_length=15)] = ()
    is_blocked: bool = False
    is_allowed: bool = True
    energy_limit_wh: Annotated[int, Meta(ge=0, le=999_999_000)] | None = None
    password: Annotated[str, Meta(min_length=12, max_length=200)] | None = None
    pin: Annotated[str, Meta(max_length=6)] | None = None
    must_change: bool | None = None


class Tokens(msgspec.Struct, frozen=True):
    tokens: tuple[ApiToken, ...]


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=60)]
    role: Role
    days: Annotated[int, Meta(ge=1, le=366)] = 90


class MadeToken(msgspec.Struct, frozen=True, kw_only=True):
    """`token` is shown this once."""

    id: str
    name: str
    role: Role
    token: str


async def users(ask: Ask) -> Answer:
    return Json(Users(await users_page.rows(ask)))


async def user(ask: Ask) -> Answer:
    row = await users_page.row_of(ask, ask.place("login"))
    return Json(row, etag=users_page.version(row))


async def put_user(ask: Ask) -> Answer:
    given = ask.body(NewUser)
    async with turn(ask, "users"):
        return await _put(ask, ask.place("login"), given)


async def _put(ask: Ask, login: str, given: NewUser) -> Answer:
    known = [row for row in await users_page.rows(ask) if row.user.login.casefold() == login.casefold()]
    match = ask.request.headers.get("If-Match", "").strip('"')
    if match and (not known or match not in ("*", users_page.version(known[0]))):
        raise Problem(412, "changed_meanwhile", ask.text("users.changed_meanwhile"))
    found = users_page.Given(
        login=known[0].user.login if known else login, **{k: getattr(given, k) for k in given.__struct_fields__}
    )
    refusal = await users_page.save_user(ask, found)
    if refusal:
        raise Problem(422, refusal[0], refusal[1])
    row = await users_page.row_of(ask, login)
    return Json(row, etag=users_page.version(row))


async def remove_user(ask: Ask) -> Answer:
    row = await users_page.row_of(ask, ask.place("login"))
    result = await ask.call("hub", RemoveUser(login=row.user.login, by=ask.login))
    if not result.ok:
        raise Problem(422, result.code, users_page.said(ask, result.code, result.text))
    return Json(row.user)


async def roles(_ask: Ask) -> Answer:
    return Json(Roles({role.value: tuple(r for r in Right if r in rights) for role, rights in RIGHTS.items()}))


async def tokens(ask: Ask) -> Answer:
    login = "" if ask.may(Right.ADMINISTER) else ask.login
    return Json(Tokens((await ask.call("hub", ReadTokens(login=login))).tokens))


def _by_a_person(ask: Ask) -> None:
    """A token makes no further ones. Raises Problem 403."""
    if ask.visitor is None or ask.visitor.token_id:
        raise Problem(403, "no_right", ask.text("tokens.by_person"))


async def create_token(ask: Ask) -> Answer:
    _by_a_person(ask)
    given = ask.body(NewToken)
    found = await ask.call("hub", CreateToken(name=given.name, role=given.role, days=given.days, by=ask.login))
    if not found.ok or found.role is None:
        raise Problem(422, found.code, tokens_page.refusal(ask, found.code, found.text))
    return Json(MadeToken(id=found.id, name=found.name, role=found.role, token=found.token), status=201)


async def revoke_token(ask: Ask) -> Answer:
    wanted = ask.place("id")
    known = (await ask.call("hub", ReadTokens())).tokens
    one = next((token for token in known if token.id == wanted), None)
    if one is None:
        raise Problem(404, "not_found", ask.text("problem.not_found"))
    is_own = one.created_by.casefold() == ask.login.casefold()
    if ask.visitor is not None and ask.visitor.token_id:  # a program ends its own token, not those of others
        is_own = one.id == ask.visitor.token_id
    if not ask.may(Right.ADMINISTER) and not is_own:
        raise Problem(403, "no_right", ask.text("problem.no_right"))
    result = await ask.call("hub", RevokeToken(id=wanted, by=ask.login))
    if not result.ok:
        status = 403 if result.code == "no_right" else 404
        raise Problem(status, result.code, tokens_page.refusal(ask, result.code, result.text))
    return Json(one)


HUB = (502, 503, 504)
USER_PATH = "/api/v1/users/{login}"

ROUTES = (
    get("/api/v1/users", users, Right.ADMINISTER, summary="All users", gives=Users, tag="users", statuses=HUB,
        is_safe_mode=True),
    get(USER_PATH, user, Right.ADMINISTER, summary="One user", gives=UserRow, tag="users", statuses=(404, *HUB),
        is_safe_mode=True),
    Route(method="PUT", path=USER_PATH, handler=put_user, right=Right.ADMINISTER, body=NewUser, gives=UserRow,
          summary="Make or change a user (If-Match)", tag="users", statuses=(412, *HUB), is_safe_mode=True),
    Route(method="DELETE", path=USER_PATH, handler=remove_user, right=Right.ADMINISTER, gives=User,
          summary="Remove a user; never oneself, never the last administrator", tag="users", statuses=(404, 422, *HUB),
          is_safe_mode=True),
    get("/api/v1/roles", roles, Right.SEE, summary="The rights of each role", gives=Roles, tag="users",
        is_safe_mode=True),
    get("/api/v1/tokens", tokens, Right.SEE, summary="Own tokens; all of them for an administrator", gives=Tokens,
        tag="users", statuses=HUB, is_safe_mode=True),
    post("/api/v1/tokens", create_token, Right.ADMINISTER, body=NewToken, gives=MadeToken,
         summary="Make a token; it is shown this once", tag="users", statuses=(201, *HUB), is_safe_mode=True),
    Route(method="DELETE", path="/api/v1/tokens/{id:[A-Za-z0-9_-]{1,100}}", handler=revoke_token, right=Right.SEE,
          gives=ApiToken, summary="Revoke a token of one's own, or any as an administrator", tag="users",
          statuses=(403, 404, *HUB), is_safe_mode=True),
)  # fmt: skip
