"""`chargepoint status`: what the running station does, live in the terminal."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
from rich.console import Console, RenderableType
from rich.live import Live

from chargepoint.actions import Asker, Guard, carry_out
from chargepoint.commands import view, view_devices
from chargepoint.commands.manual import page
from chargepoint.commands.watching import Watcher
from chargepoint.door import AdminBus, NobodyHome
from chargepoint.guards import confirmed
from chargepoint.messages import ActionResult, State
from chargepoint.vocabulary import Role

SUMMARY = "what the running station does, live"
DEFAULT_DATA = Path("/var/lib/chargepoint")
REDRAW_S = 0.25
FIRST_LIMIT_S = 2.0
PIPED_COLUMNS = 160
ASKER = Asker("command line", Role.ADMINISTRATOR, is_local=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, metavar="DIR", help=f"default: {DEFAULT_DATA}")
    parser.add_argument("--once", action="store_true", help="print the table once and end")
    parser.add_argument("--json", action="store_true", help="print everything once, as one JSON object by topic")
    parser.add_argument(
        "--devices", action="store_true", help="ports and devices: who they are, whether they answer, how fast"
    )
    parser.add_argument("--frames", metavar="PORT", default="", help="with --devices: the last frames of a port, too")
    parser.add_argument(
        "--accept",
        metavar="KIND/NAME",
        nargs="?",
        const="",
        help="devices were exchanged: take the one found now (as meter/socket-1; none named: all) for installed",
    )
    page(
        parser,
        """
        Shows each connector (status, controller status, power, energy, state of charge, session, who started it and
        which rule sets its limit), the meters, the services with their processes, the link to the central system and
        the last messages exchanged with it. Renewed four times a second; a value that the station has not renewed for
        five seconds is shown as old. Card numbers are masked.

        With --devices it shows instead each port (open or why not, requests, share of good answers, errors by kind,
        within how many ms half and 99 % of the answers came) and each configured device with who it says it is, and how
        the devices found differ from those configured or from those that were there before.

        The station is asked through the socket for administrators in its data directory, so this needs its account or
        root. Where the output is no terminal, the table is printed once. Ctrl-C ends it; the station notices nothing.
        """,
        exit_status={0: "shown, or accepted", 1: "no station runs on this data directory, or it says no"},
        files={"DIR/hub": "the hub's folder, with the socket"},
        examples={
            "chargepoint status": "watch the station",
            "chargepoint status --devices --frames rs485": "is it the wire, the address or the device?",
            "chargepoint status --json | jq '.\"connector/1\".status'": "one value, for a program",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 or 1."""
    if arguments.accept is not None:
        return _accept(arguments.data, arguments.accept)
    console = Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS)
    is_once = arguments.once or arguments.json or not console.is_terminal
    try:
        draw = partial(view_devices.whole, frames_of=arguments.frames) if arguments.devices else None
        asyncio.run(_show(arguments.data, console, is_once, arguments.json, draw))
    except (NobodyHome, PermissionError) as error:
        print(f"chargepoint status: {error}", file=sys.stderr)
        return 1
    return 0


def _accept(data: Path, device: str) -> int:
    kind, _, name = device.partition("/")
    if device and not (kind and name):
        print(f"chargepoint status: --accept {device}: a device is named KIND/NAME, as meter/socket-1", file=sys.stderr)
        return 1

    async def ask() -> ActionResult:
        async with AdminBus.connect(data) as bus:
            which = {"kind": kind, "name": name} if device else {}
            passed = confirmed("accept_devices", which, Guard.G1)
            result = await carry_out(bus, "accept_devices", which, ASKER, passed=passed)
            await asyncio.sleep(0)  # what is noted of it leaves, too
            return result

    try:
        result = asyncio.run(ask())
    except (NobodyHome, PermissionError) as error:
        print(f"chargepoint status: {error}", file=sys.stderr)
        return 1
    print(result.text, file=sys.stdout if result.ok else sys.stderr)
    return 0 if result.ok else 1


Draw = Callable[[Mapping[str, State]], RenderableType]


async def _show(data: Path, console: Console, is_once: bool, is_json: bool, draw: Draw | None = None) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    watcher = Watcher(data)
    watching = asyncio.create_task(watcher.run(is_patient=False), name="watcher")
    try:
        settling = asyncio.create_task(watcher.settle(FIRST_LIMIT_S), name="first states")
        await asyncio.wait((watching, settling), return_when=asyncio.FIRST_COMPLETED)
        settling.cancel()
        if watching.done():
            await watching
        if is_json:
            print(msgspec.json.encode(watcher.states).decode())
        elif is_once:
            console.print(view.whole(scene(watcher)) if draw is None else draw(watcher.states))
        else:
            await _live(watcher, watching, console, ended, draw)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError, NobodyHome, PermissionError):
            await watching


async def _live(
    watcher: Watcher, watching: asyncio.Task[None], console: Console, ended: asyncio.Event, draw: Draw | None = None
) -> None:
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while not (ended.is_set() or watching.done()):
            hint = "Ctrl-C ends this view; the station goes on"
            live.update(view.whole(scene(watcher, hint=hint)) if draw is None else draw(watcher.states), refresh=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(REDRAW_S):
                    await ended.wait()
    if watching.done():
        await watching


def scene(watcher: Watcher, title: str = "station", hint: str = "") -> view.Scene:
    """What the watcher knows, ready to be drawn."""
    return view.Scene(title, watcher.states, time.monotonic(), tuple(watcher.frames), hint=hint)
