"""`chargepoint ocpp`: the exchange with the central system: watch it, send a request by hand, free what is parked."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from chargepoint.bus import Bus, CallFailed, Subscription, Unavailable
from chargepoint.commands.manual import page
from chargepoint.commands.view import without_cards
from chargepoint.door import AdminBus, NobodyHome
from chargepoint.journal_text import clean
from chargepoint.messages import CallCentralSystem, OcppFrame, ReadFrames, ReadParked, ResendParked

SUMMARY = "the exchange with the central system: watch it, send requests, free what is parked"
DEFAULT_DATA = Path("/var/lib/chargepoint")
DEFAULT_COUNT = 50
MOST_FRAMES = 500
CALL_WITHIN_S = 90.0
BY = "command line"


class CannotDo(Exception):
    """It cannot be done; the text says why to people."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    parser.add_argument("deed", choices=tuple(_DEEDS), metavar="DEED", help="call, log, parked or resend")
    parser.add_argument("words", nargs="*", metavar="WORD", help="call: ACTION and JSON; resend: session numbers")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, metavar="DIR", help=f"default: {DEFAULT_DATA}")
    parser.add_argument("--follow", action="store_true", help="log: go on with what comes, until Ctrl-C")
    parser.add_argument("--count", type=_count, default=DEFAULT_COUNT, metavar="N", help="log: the last N frames")
    parser.add_argument("--only", action="append", default=[], metavar="ACTION", help="log: only these actions")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.add_argument("--show-cards", action="store_true", help="print card numbers in full")
    page(
        parser,
        """
        call ACTION [JSON] sends one request of OCPP 1.6 as the station would and prints the payload of the answer; JSON
        is its payload, {} when left out. StartTransaction and StopTransaction cannot be sent so: they come from the
        journal alone. It is for commissioning: what a Heartbeat or a DataTransfer is answered, whether Authorize knows
        a card.

        log prints the last frames, with the time an answer took; the station keeps some hundred of them in memory.
        Keys and passwords are masked, and card numbers unless they are wished.

        parked lists the sessions whose messages the central system did not take, with its last error. resend
        [SESSION...] tells them again, all of them when no number is given.

        The station is asked through the socket for administrators in its data directory, so this needs its account or
        root.
        """,
        exit_status={0: "done", 1: "it could not be done; the reason stands on standard error", 2: "wrong use"},
        files={"DIR/hub": "the hub's folder, with the socket"},
        examples={
            "chargepoint ocpp call Heartbeat": "is anybody there, and what time is it?",
            """chargepoint ocpp call Authorize '{"idTag": "04A2B3C4"}'""": "what is said of a card",
            "chargepoint ocpp log --follow": "watch the exchange",
            "chargepoint ocpp resend 1042": "tell session 1042 again",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0, 1 or 2."""
    try:
        return asyncio.run(_run(arguments))
    except (CannotDo, NobodyHome, PermissionError, CallFailed) as error:
        print(f"chargepoint ocpp: {error}", file=sys.stderr)
    except Unavailable:
        print("chargepoint ocpp: the service ocpp does not run now; see `chargepoint status`.", file=sys.stderr)
    except TimeoutError:
        print("chargepoint ocpp: the station did not answer in time; try again.", file=sys.stderr)
    return 1


async def _run(arguments: argparse.Namespace) -> int:
    async with AdminBus.connect(arguments.data) as bus:
        return await _DEEDS[arguments.deed](bus, arguments)


# ------------------------------------------------------------------------------------------------------------- deeds


async def _call(bus: Bus, arguments: argparse.Namespace) -> int:
    words = arguments.words
    if not 1 <= len(words) <= 2:
        print("chargepoint ocpp: call needs an ACTION and perhaps its JSON payload in quotes", file=sys.stderr)
        return 2
    request = CallCentralSystem(action=words[0], payload=words[1] if len(words) == 2 else "{}", by=BY)
    answer = await bus.call("ocpp", request, CALL_WITHIN_S)
    if arguments.json:
        print(msgspec.json.encode(answer).decode())
    elif answer.ok:
        print(_shown(answer.payload, arguments))
        print(f"answered in {answer.latency_s * 1000:.1f} ms", file=sys.stderr)
    else:
        raise CannotDo(clean(answer.text))
    return 0 if answer.ok else 1


async def _log(bus: Bus, arguments: argparse.Namespace) -> int:
    events = bus.subscribe(OcppFrame) if arguments.follow else None  # before the page, so that nothing falls between
    kept = await bus.call("ocpp", ReadFrames(limit=MOST_FRAMES))
    wished = [frame for frame in kept.frames if _is_wished(frame, arguments)]
    for frame in wished[-arguments.count :]:
        _print(frame, arguments)
    if arguments.only and not wished and events is None:
        some = sorted({frame.action for frame in kept.frames if frame.action})
        print(
            f"No frame of that action is kept; there are some of: {clean(', '.join(some)) or 'none'}", file=sys.stderr
        )
    if events is not None:
        last = kept.frames[-1].number if kept.frames else 0
        await _follow(bus, events, last, arguments)
    return 0


async def _follow(bus: Bus, events: Subscription[OcppFrame], last: int, arguments: argparse.Namespace) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)

    async def show() -> None:
        nonlocal last
        async for frame in events:
            if frame.number <= last and frame.number > 1:
                continue  # was on the page; a number that began anew is of a restarted service
            last = frame.number
            if _is_wished(frame, arguments):
                _print(frame, arguments)
                sys.stdout.flush()

    tasks = [asyncio.create_task(work) for work in (show(), ended.wait(), bus.closed.wait())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    has_ended = bus.closed.is_set() and not ended.is_set()
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    if has_ended:
        raise CannotDo("the station has ended")


async def _parked(bus: Bus, arguments: argparse.Namespace) -> int:
    held = await bus.call("ocpp", ReadParked())
    if arguments.json:
        print(msgspec.json.encode(held.sessions).decode())
        return 0
    if not held.sessions:
        print("Nothing is held back.")
    for session in held.sessions:
        state = "parked" if session.is_parked else "tried again"
        held_back = (
            f"{_counted(session.messages, 'message')}, {state} after {_counted(session.attempts, 'try', 'tries')}"
        )
        error = session.error or "no error is known"
        print(clean(f"session {session.session_id}, connector {session.connector}: {held_back}: {error}"))
    return 0


async def _resend(bus: Bus, arguments: argparse.Namespace) -> int:
    if not all(word.isdecimal() for word in arguments.words):
        print("chargepoint ocpp: resend takes numbers of sessions, see `chargepoint ocpp parked`", file=sys.stderr)
        return 2
    wished: list[int | None] = [int(word) for word in arguments.words]
    status = 0
    for session_id in wished or [None]:
        result = await bus.call("ocpp", ResendParked(session_id=session_id, by=BY))
        prefix = "" if session_id is None else f"session {session_id}: "
        print(f"{prefix}{clean(result.text)}", file=sys.stdout if result.ok else sys.stderr)
        status = status if result.ok else 1
    return status


_DEEDS: dict[str, Callable[[Bus, argparse.Namespace], Coroutine[Any, Any, int]]] = {
    "call": _call,
    "log": _log,
    "parked": _parked,
    "resend": _resend,
}


# ----------------------------------------------------------------------------------------------------------- showing


def _is_wished(frame: OcppFrame, arguments: argparse.Namespace) -> bool:
    return not arguments.only or any(frame.action.lower() == action.lower() for action in arguments.only)


def _print(frame: OcppFrame, arguments: argparse.Namespace) -> None:
    if arguments.json:
        text = frame.text if arguments.show_cards else without_cards(frame.text)
        print(msgspec.json.encode(msgspec.structs.replace(frame, text=text)).decode())
    else:
        print(line(frame, shows_cards=arguments.show_cards))


def line(frame: OcppFrame, *, shows_cards: bool = False) -> str:
    """`12:00:01.250 → Heartbeat [2,"a1","Heartbeat",{}]`; of an answer with the time it took. Local time."""
    at = "??:??:??.???" if frame.at is None else _clock_time(frame.at)
    arrow = "→" if frame.direction == "out" else "←"
    took = "" if frame.latency_s is None else f" {frame.latency_s * 1000:.1f} ms"
    text = frame.text if shows_cards else without_cards(frame.text)
    return clean(f"{at} {arrow} {frame.action or '(no message)'}{took} {text}")


def _clock_time(at: datetime) -> str:
    local = at.astimezone()
    return f"{local:%H:%M:%S}.{local.microsecond // 1000:03d}"


def _shown(payload: str, arguments: argparse.Namespace) -> str:
    pretty = msgspec.json.format(payload, indent=2)
    lines = (pretty if arguments.show_cards else without_cards(pretty)).splitlines()
    return "\n".join(map(clean, lines))


def _counted(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if not 1 <= number <= MOST_FRAMES:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MOST_FRAMES}")
    return number
