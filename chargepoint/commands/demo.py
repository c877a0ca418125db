"""`chargepoint demo`: a whole simulated station with cars, cards and a central system."""

from __future__ import annotations

import argparse
import importlib.util
import math
import sys
from pathlib import Path

from chargepoint.commands.manual import page
from chargepoint.demo import run as demo
from chargepoint.demo.scenario import SCENARIOS

SUMMARY = "a whole simulated station with cars, cards and a central system"
EXAMPLES = Path(__file__).parents[2] / "examples"
SHORTEST_S = 15.0
DEFAULT_SPEED = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    names = "; ".join(f"{name}: {scenario.summary}" for name, scenario in SCENARIOS.items())
    parser.add_argument("--scenario", choices=tuple(SCENARIOS), default="day", help=names)
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same number: the same visits (default 1)")
    parser.add_argument("--server", default="", metavar="URL", help="another central system, ws:// or wss://")
    parser.add_argument(
        "--speed", type=_speed, default=DEFAULT_SPEED, metavar="X",
        help=f"waits of the scenario are X times shorter, batteries X times smaller (default {DEFAULT_SPEED:g})",
    )  # fmt: skip
    parser.add_argument("--for", dest="for_s", type=_seconds, metavar="SECONDS", help="end by itself and compare books")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--station", choices=sorted(path.stem for path in EXAMPLES.glob("*.toml")), default="demo", metavar="NAME",
        help="one of the examples: " + ", ".join(sorted(path.stem for path in EXAMPLES.glob("*.toml"))),
    )  # fmt: skip
    which.add_argument("--config", type=Path, metavar="F", help="another station file")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep the station's data here (default: thrown away)")
    parser.add_argument("--plain", action="store_true", help="lines of text instead of a screen")
    parser.add_argument("--screen", action="store_true", help="the station's screen, too, in a window")
    parser.add_argument("--web", action="store_true", help="the station's web pages, too, for a browser here")
    parser.add_argument(
        "--pictures", type=Path, metavar="DIR", help="with --screen: save what it shows here, each time it changes"
    )
    parser.add_argument("--picture", type=Path, metavar="FILE", help="save the liveliest screen as SVG at the end")
    page(
        parser,
        """
        Starts a simulated station on this machine: the devices of a station file on simulated wires, a central system
        (OCPP 1.6J over a WebSocket on the loopback interface), and the station itself, the same software that runs in
        the street. Then cars come and cards are tapped by themselves, as the scenario and the seed say. The terminal
        shows the connectors, the meters, the services, the link and the messages exchanged with the central system.

        --speed shortens people's waits and shrinks batteries; clocks, meters, leases and the station are never hurried.

        With --screen the station has a touch screen: a window on the display that DISPLAY names, where the mouse is the
        finger. Without a display it is drawn in memory, and its pictures go to --pictures or to a new folder that is
        named. The terminal tells how to bring cars and cards by hand; with --scenario hands nobody else comes.

        With --web the station has its web pages on the loopback interface, at port 8443 or another one that is free.
        The terminal names the address, the login and the first password, which is another one at each station. The
        browser does not know the station's certificate: accept it.

        With --for the demo stops bringing cars in time, lets the last ones leave and compares the books: what the
        meters counted, what the journal holds, what the central system was told and what the vehicles received must
        agree, each transaction must have been told once, and no contactor may have closed without a transaction on
        record and a live lease. With --server only meters, vehicles, journal and queue are compared, nobody starts by
        app, and the server decides which cards it knows.

        Ctrl-C ends everything in order within three seconds.
        """,
        exit_status={
            0: "ended by Ctrl-C, or by --for with books that balance",
            1: "the books do not balance, or something did not come up; the folder with the logs is named",
            2: "wrong use",
        },
        examples={
            "chargepoint demo": "watch",
            "chargepoint demo --scenario faults --speed 20": "watch things break and heal",
            "chargepoint demo --station cabinet-480": "twelve outputs that share their power modules",
            "chargepoint demo --screen --station dc-100": "a fast charger with its screen",
            "chargepoint demo --screen --scenario hands": "the screen is yours alone",
            "chargepoint demo --web": "with its web pages",
            "chargepoint demo --for 60 --plain": "a check for programs: exit status 0 when the books balance",
            "chargepoint demo --server ws://192.0.2.7:9000/ocpp": "against another central system",
            "chargepoint demo --for 60 --picture docs/pictures/demo.svg": "the picture of the README",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0, 1 or 2."""
    if arguments.server and not arguments.server.startswith(("ws://", "wss://")):
        print(
            f"--server {arguments.server}: must begin with ws:// or wss://, as ws://127.0.0.1:9000/ocpp.",
            file=sys.stderr,
        )
        return 2
    if arguments.picture is not None and not arguments.picture.absolute().parent.is_dir():
        print(f"--picture {arguments.picture}: there is no folder for it.", file=sys.stderr)
        return 2
    if arguments.pictures is not None and not arguments.screen:
        print("--pictures: these are of the station's screen; say --screen, too.", file=sys.stderr)
        return 2
    if arguments.screen and importlib.util.find_spec("pygame") is None:
        print("--screen needs pygame-ce. Start scripts/demo.sh --screen, or scripts/setup.sh screen.", file=sys.stderr)
        return 1
    try:
        if arguments.data is not None:
            arguments.data.mkdir(parents=True, exist_ok=True)
        if arguments.pictures is not None:
            arguments.pictures.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}. Name a folder that you may write to.", file=sys.stderr)
        return 2
    return demo.run(
        demo.Options(
            config=arguments.config or EXAMPLES / f"{arguments.station}.toml",
            scenario=arguments.scenario,
            seed=arguments.seed,
            server=arguments.server,
            speed=arguments.speed,
            for_s=arguments.for_s,
            data=arguments.data,
            is_plain=arguments.plain,
            picture=arguments.picture,
            has_screen=arguments.screen,
            has_web=arguments.web,
            pictures=arguments.pictures,
        )
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None


def _speed(text: str) -> float:
    value = _number(text)
    if not 0.1 <= value <= 1000:
        raise argparse.ArgumentTypeError("must be from 0.1 to 1000")
    return value


def _seconds(text: str) -> float:
    value = _number(text)
    if not (math.isfinite(value) and value >= SHORTEST_S):
        raise argparse.ArgumentTypeError(
            f"must be at least {SHORTEST_S:g}: a car needs that long to come, charge and leave"
        )
    return value
