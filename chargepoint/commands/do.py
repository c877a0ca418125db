"""`chargepoint do`: one deed of the running station from the command line, as the service menu and the web have it."""

from __future__ import annotations

import argparse
import asyncio
import difflib
import getpass
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from chargepoint.actions import ACTIONS, Action, Asker, BadRequest, Guard, carry_out, effect_of
from chargepoint.bus import CallFailed, Unavailable
from chargepoint.commands.manual import page
from chargepoint.door import AdminBus, NobodyHome
from chargepoint.guards import confirmed, fresh_sum
from chargepoint.journal_text import clean
from chargepoint.presence import at_work, end_of_test
from chargepoint.vocabulary import Role

SUMMARY = "stop, unlock, block, clear a fault: one deed of the running station"
DEFAULT_DATA = Path("/var/lib/chargepoint")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    parser.add_argument("deed", metavar="DEED", help=", ".join(ACTIONS))
    parser.add_argument("words", nargs="*", metavar="NAME=VALUE", help="its arguments, as connector=1")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, metavar="DIR", help=f"default: {DEFAULT_DATA}")
    parser.add_argument("--yes", action="store_true", help="do not ask back")
    parser.add_argument("--json", action="store_true", help="print what came of it as JSON")
    deeds = "\n\n".join(f"        {_usage(action)}: {_said(action)}" for action in ACTIONS.values())
    page(
        parser,
        f"""
        Asks the running station for one deed, tells what it will do, asks back, and prints what came of it. Each is
        written into the operation log with your name. The deeds, and their arguments (in brackets: may be left out):

{deeds}

        The station is asked through the socket for administrators in its data directory, so this needs its account or
        root.
        """,
        exit_status={0: "done", 1: "it was not done; the reason stands on standard error", 2: "wrong use"},
        files={"DIR/hub": "the hub's folder, with the socket"},
        examples={
            "chargepoint do stop connector=2": "end the charge there",
            "chargepoint do clear_input name=smoke": "there was smoke, somebody has looked",
            "chargepoint do clear_fault connector=1 --yes": "a welded contactor was exchanged; do not ask back",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0, 1 or 2."""
    action = ACTIONS.get(arguments.deed)
    if action is None:
        close = difflib.get_close_matches(arguments.deed, ACTIONS, 1)
        meant = f"Did you mean {close[0]}?" if close else f"There are {', '.join(ACTIONS)}."
        print(f"chargepoint do: there is no deed {arguments.deed[:60]!r}. {meant}", file=sys.stderr)
        return 2
    values: dict[str, str] = {}
    for word in arguments.words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            print(f"chargepoint do: {word[:60]!r} is no NAME=VALUE. Write: {_usage(action)}", file=sys.stderr)
            return 2
        values[name] = value
    try:
        effect = effect_of(action.name, values)
    except BadRequest as error:
        print(f"chargepoint do: {error} Write: {_usage(action)}", file=sys.stderr)
        return 2
    if action.missing:
        print(f"chargepoint do: {action.missing}", file=sys.stderr)
        return 1
    if action.guard > Guard.G0 and not arguments.yes and not _is_meant(effect, action.guard):
        print("Nothing was done.", file=sys.stderr)
        return 1
    try:
        return asyncio.run(_do(action, values, arguments))
    except (NobodyHome, PermissionError, Unavailable, CallFailed) as error:
        print(f"chargepoint do: {clean(str(error))}", file=sys.stderr)
    except KeyboardInterrupt:
        print("chargepoint do: broken off; a test that was begun ends.", file=sys.stderr)
    except TimeoutError:
        print("chargepoint do: the station did not answer in time; whether it was done is not known.", file=sys.stderr)
    return 1


async def _do(action: Action, values: dict[str, str], arguments: argparse.Namespace) -> int:
    asker = Asker(f"{getpass.getuser()} (command line)", Role.ADMINISTRATOR)
    passed = confirmed(action.name, values, action.guard)
    async with AdminBus.connect(arguments.data) as bus, AsyncExitStack() as stack:
        if action.is_forced:
            await stack.enter_async_context(at_work(bus, asker.login))
        result = await carry_out(bus, action.name, values, asker, passed=passed)
        if action.is_forced and result.ok and action.name == "start_test":
            print("The test runs while this command does; Ctrl-C ends it.", file=sys.stderr)
            await end_of_test(bus, int(values["connector"]))
        await bus.drain()  # its note for the operation log
    if arguments.json:
        print(msgspec.json.encode(result).decode())
        return 0 if result.ok else 1
    for row in result.table:
        print("  ".join(clean(cell) for cell in row))
    if result.ok:
        print(clean(result.text) or "Done.")
    else:
        print(f"chargepoint do: {clean(result.text) or result.code}", file=sys.stderr)
    return 0 if result.ok else 1


def _usage(action: Action) -> str:
    words = [f"{each.name}=..." if each.is_needed else f"[{each.name}=...]" for each in action.arguments]
    return " ".join((action.name, *words))


def _said(action: Action) -> str:
    """The effect, with the names of its arguments where their values go."""
    return action.effect.format(**{each.name: each.name.upper() for each in action.arguments})


def _is_meant(effect: str, guard: Guard) -> bool:
    """Whether the person at the terminal confirms; nobody there is no confirmation. From G2 on a sum stops strays."""
    if not sys.stdin.isatty():
        print("chargepoint do: nobody can be asked back here; confirm with --yes.", file=sys.stderr)
        return False
    print(effect)
    task = fresh_sum()
    question = f"Do it? {task.a} + {task.b} = " if guard >= Guard.G2 else "Do it? [y/N] "
    wanted = (str(task.total),) if guard >= Guard.G2 else ("y", "yes")
    try:
        return input(question).strip().lower() in wanted
    except EOFError:
        return False
