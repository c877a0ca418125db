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
from chargepoint.messages import ActionResult, BindCard, GrantAccess, ReadUsers, RemoveUser, SaveUser, User, UserRow
from chargepoint.passwords import made
from chargepoint.vocabulary import Role

SUMMARY = "who may come into the service menu: add, password, pin, card, remove, list"
DEFAULT_DATA = Path("/var/lib/chargepoint")
ROLES = {"customer": Role.CUSTOMER, "technik": Role.TECHNIK, "administrator": Role.ADMINISTRATOR}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    parser.add_argument("deed", choices=tuple(DEEDS), metavar="DEED", help=", ".join(DEEDS))
    parser.add_argument("login", nargs="?", default="", metavar="LOGIN", help="whose")
    parser.add_argument("value", nargs="?", default="", metavar="CARD", help="number of a card, for `card`")
    parser.add_argument("--role", choices=tuple(ROLES), default="technik", help="for `add`; default: technik")
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
        line. A new station has no users: make the first administrator with `add`.

            add LOGIN         a new user with a password
            password LOGIN    another password
            pin LOGIN         another PIN for his cards (empty: none)
            card LOGIN CARD   bind a card
            grant LOGIN       let him in at the screen without a password, within 60 s
            remove LOGIN      he is none any more
            list              all users

        The station is asked through the socket for administrators in its data directory, so this needs its account or
        root.
        """,
        exit_status={0: "done", 1: "it was not done; the reason stands on standard error", 2: "wrong use"},
        files={"DIR/hub": "the hub's folder, with the socket and the users"},
        examples={
            "chargepoint user add anna --role administrator --make": "the first administrator, with a made password",
            "chargepoint user pin boris": "asks for the PIN of his cards",
            "chargepoint user card boris 04A2B3C4": "his card",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0, 1 or 2."""
    if arguments.deed != "list" and not arguments.login:
        print(f"chargepoint user: whose? Write: chargepoint user {arguments.deed} LOGIN", file=sys.stderr)
        return 2
    if arguments.deed == "card" and not arguments.value:
        print("chargepoint user: which card? Write: chargepoint user card LOGIN CARD", file=sys.stderr)
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
    text = "" if rows else "There are no users yet: chargepoint user add LOGIN --role administrator"
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
    return await _with_password(bus, User(arguments.login, ROLES[arguments.role]), arguments.make)


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
}
