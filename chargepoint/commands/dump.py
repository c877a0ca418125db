"""`chargepoint dump`: what connector and vehicle said to each other in a session, or say now."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.commands.manual import page
from chargepoint.context import folder_of
from chargepoint.door import AdminBus, NobodyHome
from chargepoint.messages import ConnectorState, DumpGrew, DumpPage, ReadDump, StartDump, StopDump

SUMMARY = "what connector and vehicle said to each other in a session"
DEFAULT_DATA = Path("/var/lib/chargepoint")
PAGE_LINES = 500
LONGEST_S = 1800.0
LOOK_S = 1.0
LAST_LINES_S = 5.0


class CannotRead(Exception):
    """There is no dump to print; the text says why and what to do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, metavar="DIR", help=f"default: {DEFAULT_DATA}")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("session", type=_number, nargs="?", metavar="SESSION", help="the number of a session")
    what.add_argument("--live", type=_number, metavar="CONNECTOR", help="what is said at this connector from now on")
    page(
        parser,
        """
        Prints the frames that a connector's controller exchanged with the vehicle, one a line: seconds since the
        session's first frame, who sent it, the message, its fields, and behind | what was on the wire. GB/T 27930,
        CHAdeMO, messages of CCS as the controller words them, and changes of the control pilot. Of numbers that name a
        vehicle only the last four characters are shown.

        A dump is kept with each session of a controller that keeps frames: its begin and its end, at most 1 MiB; all
        together at most 64 MiB and 200 sessions, the oldest go first. Numbers of sessions: chargepoint journal
        --sessions.

        With --live lines are printed as they come, until the session has ended, 30 minutes have passed, or Ctrl-C.

        A running station is asked through the socket for administrators in its data directory, so this needs its
        account or root. When no station runs there, its files are read.
        """,
        exit_status={
            0: "printed",
            1: "there is no such dump, no such connector, or no station",
            2: "wrong use",
        },
        files={"DIR/station/dumps": "the dumps, compressed"},
        examples={
            "chargepoint dump 1042": "the dump of session 1042",
            "chargepoint dump 1042 | grep -E 'BST|CST'": "who ended it, and why (GB/T)",
            "chargepoint dump --live 3": "watch connector 3",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 or 1."""
    try:
        return asyncio.run(_live(arguments) if arguments.session is None else _session(arguments))
    except (CannotRead, PermissionError, Unavailable, CallFailed) as error:
        print(f"chargepoint dump: {error}", file=sys.stderr)
    except TimeoutError:
        print("chargepoint dump: the station did not answer in time; try again.", file=sys.stderr)
    return 1


async def _session(arguments: argparse.Namespace) -> int:
    printed = lost = 0
    async for found in _pages(arguments):
        for line in found.lines:
            print(line)
        printed += len(found.lines)
        lost = found.lost
    if not printed:
        raise CannotRead(
            f"there is no dump of session {arguments.session}: no such session, a controller that keeps no frames, or "
            "it was deleted to make room."
        )
    if lost:
        print(f"chargepoint dump: {lost} frames were lost before they could be read.", file=sys.stderr)
    return 0


async def _pages(arguments: argparse.Namespace) -> AsyncIterator[DumpPage]:
    """From the running station, or from its files."""
    after = 0
    try:
        async with AdminBus.connect(arguments.data) as bus:
            while True:
                request = ReadDump(session_id=arguments.session, after=after, limit=PAGE_LINES)
                found = await bus.call("station", request)
                yield found
                after += len(found.lines)
                if not found.lines or after >= found.total:
                    return
    except NobodyHome:
        pass
    from chargepoint.storage.dumps import DumpFiles

    folder = folder_of(arguments.data, "station")
    if not folder.is_dir():
        raise CannotRead(f"no station has run on {arguments.data}: is --data its directory?")
    files = DumpFiles(folder / "dumps")
    while True:
        try:
            kept = files.page(arguments.session, after, PAGE_LINES)
        except OSError as error:
            raise CannotRead(f"the dump cannot be read: {error}.") from None
        yield DumpPage(lines=kept.lines, total=kept.total, lost=kept.lost)
        after += len(kept.lines)
        if not kept.lines or after >= kept.total:
            return


async def _live(arguments: argparse.Namespace) -> int:
    try:
        async with AdminBus.connect(arguments.data) as bus:
            grown = bus.subscribe(DumpGrew)
            result = await bus.call("station", StartDump(connector=arguments.live))
            if not result.ok:
                raise CannotRead(result.text)
            ended = asyncio.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, ended.set)
            following = asyncio.create_task(_print(grown, arguments.live), name="follow")
            others = [
                asyncio.create_task(ended.wait(), name="until Ctrl-C"),
                asyncio.create_task(_until_session_ends(bus, arguments.live), name="until the session ends"),
            ]
            await asyncio.wait((following, *others), return_when=asyncio.FIRST_COMPLETED)
            is_gone = following.done()
            for task in (following, *others):
                task.cancel()
            await asyncio.gather(following, *others, return_exceptions=True)
            if is_gone:
                raise CannotRead("the station has stopped.")
            await _stop(bus, arguments.live)
    except NobodyHome as error:
        raise CannotRead(f"{error} There is nothing to watch.") from None
    return 0


async def _stop(bus: Bus, connector: int) -> None:
    with contextlib.suppress(Unavailable, CallFailed, TimeoutError):
        await bus.call("station", StopDump(connector=connector))


async def _until_session_ends(bus: Bus, connector: int) -> None:
    """Until a session that was seen at the connector is there no more and its last lines have come, or 30 minutes."""
    states = bus.watch(f"connector/{connector}")
    seen = None
    for _ in range(round(LONGEST_S / LOOK_S)):
        state = states.get(f"connector/{connector}")
        session = state.session if isinstance(state, ConnectorState) else None
        if seen is not None and (session is None or session.session_id != seen):
            await asyncio.sleep(LAST_LINES_S)
            return
        seen = session.session_id if session is not None else seen
        await asyncio.sleep(LOOK_S)


async def _print(grown: AsyncIterator[DumpGrew], connector: int) -> None:
    async for event in grown:
        if event.connector == connector:
            for line in event.lines:
                print(line, flush=True)
            if event.skipped:
                print(f"{'':10}  … {event.skipped} lines skipped: too many at once …", flush=True)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:10]) < 2**31:
        raise argparse.ArgumentTypeError("a number is expected")
    return int(text)
