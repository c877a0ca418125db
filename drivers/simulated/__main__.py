"""A simulated station in a process of its own: `python -m drivers.simulated --config station.toml`.

Says where its ports and its control interface are in one line of JSON on standard output, then runs until SIGTERM or
SIGINT (or, with --until-eof, the end of its standard input).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from drivers.simulated.control import Control
from drivers.simulated.plan import Plan, PlanError, read
from drivers.simulated.station import SimulatedStation

log = logging.getLogger(__name__)

FAILED = 1
WRONG_USE = 2


class Started(msgspec.Struct, frozen=True):
    """The line it says when it is up: `control` is host:port, `ports` maps names to a path or host:port."""

    control: str
    ports: dict[str, str]
    left_out: tuple[str, ...] = ()


async def serve(plan: Plan, control: str, runtime: Path | None, *, until_eof: bool) -> None:
    """Run the simulation until it is asked to end. Raises OSError, ValueError when it cannot begin."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if until_eof:
        loop.add_reader(sys.stdin.fileno(), _stdin_ended, ended)
    station = SimulatedStation(plan)
    door = Control(station)
    try:
        left_out = plan.left_out + station.start(runtime)
        host, _, port = control.rpartition(":")
        address = await door.start(host, int(port))
        where = {port.name: port.where for port in station.state(0).ports}
        print(msgspec.json.encode(Started(address, where, left_out)).decode(), flush=True)
        await ended.wait()
    finally:
        station.close()
        await door.close()


def _stdin_ended(ended: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        ended.set()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument("--config", type=Path, required=True, metavar="F", help="the station file to simulate")
    parser.add_argument("--simulation", type=Path, metavar="F", help="simulation.toml: what holds at the beginning")
    parser.add_argument(
        "--control", default="127.0.0.1:0", metavar="HOST:PORT", help="where to listen for deeds (default: any port)"
    )
    parser.add_argument("--runtime", type=Path, metavar="DIR", help="make the pseudo-terminals' names in this folder")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input ends, too")
    parser.add_argument("--verbose", action="store_true", help="log what happens on standard error")


def run(arguments: argparse.Namespace) -> int:
    """Run it; the exit status."""
    logging.basicConfig(
        level=logging.INFO if arguments.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    host, _, port = arguments.control.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        print(f"--control {arguments.control}: must be HOST:PORT, as 127.0.0.1:0.", file=sys.stderr)
        return WRONG_USE
    try:
        plan = read(arguments.config, arguments.simulation)
    except PlanError as error:
        print("\n".join(error.faults), file=sys.stderr)
        return FAILED
    for words in plan.left_out:
        print(words, file=sys.stderr)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(plan, arguments.control, arguments.runtime, until_eof=arguments.until_eof))
    except (OSError, ValueError) as error:
        print(f"The simulation cannot begin: {error}", file=sys.stderr)
        return FAILED
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m drivers.simulated", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
