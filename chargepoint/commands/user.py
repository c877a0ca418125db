"""`chargepoint user`: who may come into the service menu and the web pages; makes the first administrator."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.commands.manual import page
from chargepoint.door import AdminBus, NobodyHome
from chargepoint.journal_text import clean
from chargepoint.masking import mask
from chargepoint.messages import (
    ActionResult,
    BindCard,
    CreateToken,
    GrantAccess,
    MakeFirstAdministrator,
    ReadTokens,
    ReadUsers,
    RemoveUser,
    RevokeToken,
    SaveUser,
    SetRecoveryCode,
    User,
    UserRow,
)
from chargepoint.passwords import made
from chargepoint.vocabulary import Role

SUMMARY = "who may come into the service menu: add, password, pin, card, remove, list"
DEFAULT_DATA = Path("/var/lib/chargepoint")
ROLES = {role.value: role for role in Role}
OF_NOBODY = frozenset({"list", "first", "recovery", "tokens"})
"""Deeds that are about no login."""
TOKEN_DAYS = 90


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    parser.add_argument("deed", choices=tuple(DEEDS), metavar="DEED", help=", ".join(DEEDS))
    parser.add_argument("login", nargs="?", default="", metavar="LOGIN", help="whose")
    parser.add_argument(
        "value", nargs="?", default="", metavar="CARD", help="number of a card, for `card`; a name, for `token`"
    )
    parser.add_argument(
        "--role", choices=tuple(ROLES), help="for `add` (default: technik) and for `token` (default: viewer)"
    )
    parser.add_argument("--days", type=int, default=TOKEN_DAYS, help=f"for `token`; default: {TOKEN_DAYS}, at most 366")
    parser.add_argument("--unbind", action="store_true", help="for `card`: it is not his any more")
    parser.add_argument(
        "--make", action="store_true", help="make a password, print it, and have it changed at the first log-in"
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, metavar="DIR", help=f"default: {DEFAULT_DATA}")
    page(
        parser,
        """
        Tells the running station who may come into its service menu and its web pages. Passwords and PINs are asked for
        without being shown, or read from standard input where that is no terminal: they never stand on the command
        line. On a new station `first` makes the administrator `admin` with this station's own first password, for its
        label.

            first             the first administrator, and his first password until he has changed it
            add LOGIN         a new user with a password
            password LOGIN    another password
            pin LOGIN         another PIN for his cards (empty: none)
            card LOGIN CARD   bind a card
            grant LOGIN       let him in at the screen without a password, within 60 s
            remove LOGIN      he is none any more
            list              all users
            token LOGIN NAME  a token of this administrator for the web's API, shown this once
            tokens            all tokens
            revoke ID         this token serves no more
            recovery          a recovery code: with it an administrator gets a new password at the web, once

        The station is asked through the socket for administrators in its data directory, so this needs its account or
        root.
        """,
        exit_status={0: "done", 1: "it was not done; the reason stands on standard error", 2: "wrong use"},
        files={"DIR/hub": "the hub's folder, with the socket and the users"},
        examples={
            "chargepoint user first": "the first administrator, and what stands on the label",
            "chargepoint user add anna --role administrator --make": "another one, with a made password",
            "chargepoint user token anna billing --days 30": "a token that may look at everything for a month",
            "chargepoint user pin boris": "asks for the PIN of his cards",
            "chargepoint user card boris 04A2B3C4": "his card",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0, 1 or 2."""
    if arguments.deed not in OF_NOBODY and not arguments.login:
        print(f"chargepoint user: whose? Write: chargepoint user {arguments.deed} LOGIN", file=sys.stderr)
        return 2
    if arguments.deed == "card" and not arguments.value:
        print("chargepoint user: which card? Write: chargepoint user card LOGIN CARD", file=sys.stderr)
        return 2
    if arguments.deed == "token" and not arguments.value:
        print("chargepoint user: what for? Write: chargepoint user token LOGIN NAME", file=sys.stderr)
        return 2
    try:
        return asyncio.run(_do(arguments))
    except (NobodyHome, PermissionError, Unavailable, CallFailed) as error:
        print(f"chargepoint user: {clean(str(error))}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nchargepoint user: broken off.", file=sys.stderr)
    except TimeoutError:
        print("chargepoint user: the station did not answer in time; look with `chargepoint user list`.",
              file=sys.stderr)  # fmt: skip
    except EOFError:
        print("chargepoint user: nothing was typed; nothing was done.", file=sys.stderr)
    return 1


async def _do(arguments: argparse.Namespace) -> int:
    async with AdminBus.connect(arguments.data) as bus:
        result = await DEEDS[arguments.deed](bus, arguments)
    if result.text:
        print(clean(result.text) if result.ok else f"chargepoint user: {clean(result.text)}",
              file=sys.stdout if result.ok else sys.stderr)  # fmt: skip
    return 0 if result.ok else 1


async def _list(bus: Bus, _arguments: argparse.Namespace) -> ActionResult:
    rows = (await bus.call("hub", ReadUsers())).users
    for row in rows:
        print(f"{clean(row.user.login):20} {row.user.role.value:14} {_said(row)}")
    text = "" if rows else "There are no users yet: chargepoint user first"
    return ActionResult(ok=True, code="ok", text=text)


def _said(row: UserRow) -> str:
    parts = ["password" if row.has_password else "no password"]
    parts += ["to be changed"] if row.must_change else []
    parts += ["PIN"] if row.has_pin else []
    parts += [f"cards {', '.join(mask(card) for card in row.user.cards)}"] if row.user.cards else []
    parts += ["blocked"] if row.user.is_blocked else []
    return ", ".join(parts)


async def _row(bus: Bus, login: str) -> UserRow | None:
    rows = (await bus.call("hub", ReadUsers())).users
    return next((row for row in rows if row.user.login.casefold() == login.casefold()), None)


async def _add(bus: Bus, arguments: argparse.Namespace) -> ActionResult:
    if await _row(bus, arguments.login) is not None:
        text = f"There is a user {arguments.login} already; give him another password with `password`."
        return ActionResult(ok=False, code="known", text=text)
    return await _with_password(bus, User(arguments.login, ROLES[arguments.role or "technik"]), arguments.make)


async def _password(bus: Bus, arguments: argparse.Namespace) -> ActionResult:
    row = await _row(bus, arguments.login)
    return _nobody(arguments.login) if row is None else await _with_password(bus, row.user, arguments.make)


async def _with_password(bus: Bus, user: User, is_made: bool) -> ActionResult:
    password = made(user.login) if is_made else await _typed("Password")
    request = SaveUser(user=user, password=password, must_change=is_made, by=_by())
    result = await bus.call("hub", request, timeout_s=20.0)
    if not result.ok:
        return result
    text = f"{user.login}, {user.role.value}"
    if is_made:
        text += f": password {password} (it has to be changed at the first log-in)"
    return msgspec.structs.replace(result, text=text)


async def _pin(bus: Bus, arguments: argparse.Namespace) -> ActionResult:
    row = await _row(bus, arguments.login)
    if row is None:
        return _nobody(arguments.login)
    pin = await _typed("PIN (empty: none)")
    return await bus.call("hub", SaveUser(user=row.user, pin=pin, by=_by()), timeout_s=20.0)


async def _card(bus: Bus, arguments: argparse.Namespace) -> ActionResult:
    request = BindCard(login=arguments.login, card=arguments.value, is_bound=not arguments.unbind, by=_by())
    return await bus.call("hub", request)


async def _grant(bus: Bus, arguments: argparse.Namespace) -> ActionResult:
    return await bus.call("hub", GrantAccess(login=arguments.login, by=_by()))


async def _remove(bus: Bus, arguments: argparse.Namespace) -> ActionResult:
    return await bus.call("hub", RemoveUser(login=arguments.login, by=_by()))


async def _first(bus: Bus, _arguments: argparse.Namespace) -> ActionResult:
    told = await bus.call("hub", MakeFirstAdministrator(), timeout_s=20.0)
    if not told.ok:
        return ActionResult(ok=False, code=told.code, text=told.text)
    password = f", first password {told.first_password}" if told.first_password else ""
    return ActionResult(ok=True, code="ok", text=f"{told.login}{password}. {told.text}")


async def _token(bus: Bus, arguments: argparse.Namespace) -> ActionResult:
    role = ROLES[arguments.role or "viewer"]
    request = CreateToken(name=arguments.value, role=role, days=arguments.days, by=arguments.login)
    made = await bus.call("hub", request)
    if not made.ok or made.expires_at is None:
        return ActionResult(ok=False, code=made.code, text=made.text)
    until = f"{made.expires_at:%Y-%m-%d}"
    print(made.token)
    return ActionResult(ok=True, code="ok", text=f"{made.id}, {role.value}, until {until}; shown this once")


async def _tokens(bus: Bus, _arguments: argparse.Namespace) -> ActionResult:
    rows = (await bus.call("hub", ReadTokens())).tokens
    for row in rows:
        used = f"used {row.last_used_at:%Y-%m-%d %H:%M}" if row.last_used_at is not None else "never used"
        state = "" if row.is_valid else ", serves no more"
        print(f"{row.id} {clean(row.name):24} {row.role.value:14} {clean(row.created_by):16} "
              f"until {row.expires_at:%Y-%m-%d}, {used}{state}")  # fmt: skip
    return ActionResult(ok=True, code="ok", text="" if rows else "There are no tokens.")


async def _revoke(bus: Bus, arguments: argparse.Namespace) -> ActionResult:
    return await bus.call("hub", RevokeToken(id=arguments.login, by=_by()))


async def _recovery(bus: Bus, _arguments: argparse.Namespace) -> ActionResult:
    made = await bus.call("hub", SetRecoveryCode(by=_by()), timeout_s=20.0)
    if made.ok:
        print(made.recovery_secret)
    return ActionResult(ok=made.ok, code=made.code, text=made.text)


async def _typed(what: str) -> str:
    """What is typed, twice the same; or one line of standard input."""
    if not sys.stdin.isatty():
        line: str = await asyncio.to_thread(sys.stdin.readline)
        if not line:
            raise EOFError
        return line.rstrip("\r\n")
    while True:
        first = await asyncio.to_thread(getpass.getpass, f"{what}: ")
        if first == await asyncio.to_thread(getpass.getpass, "Once more: "):
            return first
        print("These were two different ones. Again.", file=sys.stderr)


def _by() -> str:
    return f"{getpass.getuser()} (command line)"


def _nobody(login: str) -> ActionResult:
    return ActionResult(ok=False, code="unknown_user", text=f"There is no user {login}.")


DEEDS: dict[str, Callable[[Bus, argparse.Namespace], Awaitable[ActionResult]]] = {
    "add": _add,
    "password": _password,
    "pin": _pin,
    "card": _card,
    "grant": _grant,
    "remove": _remove,
    "list": _list,
    "first": _first,
    "token": _token,
    "tokens": _tokens,
    "revoke": _revoke,
    "recovery": _recovery,
}
