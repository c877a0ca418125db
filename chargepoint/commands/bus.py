"""`chargepoint bus`: the messages between the services of the running station, live."""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from chargepoint.commands.manual import page
from chargepoint.door import AdminBus, NobodyHome
from chargepoint.frames import UNREADABLE, Tapped
from chargepoint.household import SECRET
from chargepoint.journal_text import clean
from chargepoint.masking import mask

SUMMARY = "the messages between the services of the running station, live"
DEFAULT_DATA = Path("/var/lib/chargepoint")
MAX_WAITING = 5000
MAX_VALUE = 300
WORD = {"event": "!", "state": "=", "call": "?", "answer": ">", "failure": "x"}
CARD_FIELDS = frozenset({"uid", "id_tag", "card"})
CARD_LISTS = frozenset({"cards"})
ID_TAG = re.compile(r'("(?:idTag|parentIdTag)"\s*:\s*")([^"]*)')
"""Card numbers inside the text of frames of the central system."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, metavar="DIR", help=f"default: {DEFAULT_DATA}")
    parser.add_argument(
        "--only", action="append", default=[], metavar="WORD",
        help="only messages whose kind, sender, target or topic contains WORD; may be given several times",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--count", type=int, default=0, metavar="N", help="end after N messages")
    parser.add_argument("--show-cards", action="store_true", help="do not mask card numbers")
    page(
        parser,
        """
        Prints every message that passes through the hub: events (!), states (=), calls (?), their answers (>) and calls
        that failed (x), each with its sender, its topic or target, its kind and its fields. Card numbers are masked and
        passwords never shown.

        This needs the account of the station or root. A slow terminal loses messages, oldest first, and the station
        notices nothing. Ctrl-C ends it.
        """,
        exit_status={0: "ended by Ctrl-C or --count", 1: "no station runs on this data directory, or it has ended"},
        examples={
            "chargepoint bus --only station": "what the station says and is asked",
            "chargepoint bus --only ConnectorState --json | jq .message.status": "for a program",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 or 1."""
    try:
        return asyncio.run(_print(arguments))
    except (NobodyHome, PermissionError) as error:
        print(f"chargepoint bus: {error}", file=sys.stderr)
        return 1


async def _print(arguments: argparse.Namespace) -> int:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    waiting: deque[Tapped] = deque(maxlen=MAX_WAITING)
    came = asyncio.Event()

    def take(tapped: Tapped) -> None:
        waiting.append(tapped)
        came.set()

    left = arguments.count or -1
    async with AdminBus.connect(arguments.data) as bus:
        bus.tap(take)
        enders = {asyncio.create_task(ended.wait()), asyncio.create_task(bus.closed.wait())}
        try:
            while left != 0:
                coming = asyncio.create_task(came.wait())
                done, _ = await asyncio.wait({coming, *enders}, return_when=asyncio.FIRST_COMPLETED)
                came.clear()
                if done & enders and not waiting:
                    coming.cancel()
                    break
                while waiting and left != 0:
                    left -= show(waiting.popleft(), arguments)
                sys.stdout.flush()
        finally:
            for ender in enders:
                ender.cancel()
        if bus.closed.is_set() and not ended.is_set() and left != 0:
            print("chargepoint bus: the station has ended", file=sys.stderr)
            return 1
    return 0


def show(tapped: Tapped, arguments: argparse.Namespace) -> bool:
    """Print a message, if it is wished; whether it was."""
    try:
        fields: Any = msgspec.msgpack.decode(tapped.body)
    except UNREADABLE:
        fields = None
    message: dict[str, Any] = fields if isinstance(fields, dict) else {"is": "(too long to show)"}
    kind = str(message.pop("is", "?"))
    message = masked(message, shows_cards=arguments.show_cards)
    names = (kind, tapped.sender, tapped.target)
    if arguments.only and not any(word.lower() in name.lower() for word in arguments.only for name in names):
        return False
    if arguments.json:
        row = {
            "verb": tapped.verb, "sender": tapped.sender, "target": tapped.target, "kind": kind, "message": message,
        }  # fmt: skip
        print(msgspec.json.encode(row, enc_hook=str).decode())
        return True
    at = time.strftime("%H:%M:%S")
    where = f"{tapped.sender} {WORD.get(tapped.verb, '?')} {tapped.target}".rstrip()
    print(clean(f"{at} {where:<28} {kind} {' '.join(_fields(message))}".rstrip()))
    return True


def _fields(message: dict[str, Any]) -> Iterator[str]:
    """Fields that say something, short."""
    for name, value in message.items():
        if value is None or value == "" or value == [] or value == {}:
            continue
        if isinstance(value, float):
            value = f"{value:.6g}"
        elif isinstance(value, dict):
            value = "{" + " ".join(_fields(value)) + "}"
        elif isinstance(value, list):
            value = (
                "["
                + ", ".join("{" + " ".join(_fields(v)) + "}" if isinstance(v, dict) else str(v) for v in value)
                + "]"
            )
        text = str(value)
        yield f"{name}={text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + '...'}"


def masked(value: Any, name: str = "", shows_cards: bool = False) -> Any:
    """The same without passwords and keys, and (unless they are wished) without card numbers."""
    if SECRET.search(name) and value is not None:
        return "***"
    if isinstance(value, dict):
        is_card = value.get("type") == "RFID" and "value" in value and not shows_cards
        return {
            k: mask(str(v)) if is_card and k == "value" else masked(v, str(k), shows_cards) for k, v in value.items()
        }
    if isinstance(value, list):
        hides = name in CARD_LISTS and not shows_cards
        return [mask(str(v)) if hides else masked(v, "", shows_cards) for v in value]
    if shows_cards or not isinstance(value, str):
        return value
    if name in CARD_FIELDS:
        return mask(value)
    return ID_TAG.sub(lambda found: found[1] + mask(found[2]), value)
