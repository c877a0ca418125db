"""The command `chargepoint`: finds the subcommand, parses its arguments, runs it; nothing else.

Each subcommand is a module `chargepoint/commands/NAME.py` with `SUMMARY`, `add_arguments(parser)` and
`run(arguments) -> exit status`. Only the one that was asked for is imported.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from chargepoint.commands.manual import ManualParser, page

PROGRAM = "chargepoint"

SUMMARIES = {
    "run": "run the charging station",
    "check": "find every fault of a station file",
    "demo": "a whole simulated station with cars, cards and a central system",
    "simulate": "only the devices: controllers with vehicles, meters and readers on simulated wires",
    "status": "what the running station does, live",
    "bus": "the messages between the services of the running station, live",
    "journal": "sessions and events of a station",
    "do": "stop, unlock, block, clear a fault: one deed of the running station",
    "diag": "test the running station, or one device of it",
    "user": "who may come into the service menu: add, password, pin, card, remove, list",
    "screenshot": "save what the station's screen shows now",
    "dump": "what connector and vehicle said to each other in a session",
    "firmware": "write the firmware of the controllers while the station is stopped",
    "discover": "which devices answer on the ports of this machine, and a station file for them",
    "power": "share power among connectors by hand, step the contactors, simulate a day",
    "version": "which version this is, and until when it gets security updates",
    "ocpp": "the exchange with the central system: watch it, send requests, free what is parked",
}
"""Kept here so that the list needs no import; a test compares it with the modules."""

FAILED = 1
WRONG_USE = 2
INTERRUPTED = 130
NOBODY_READS = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status. 0 done, 1 failed, 2 wrong use, 130 interrupted; `run` has its own, see its help."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words and words[0] in SUMMARIES:
            return _run(words[0], words[1:])
        return _general(words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has left: `chargepoint journal | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS


def _run(name: str, words: list[str]) -> int:
    parser = ManualParser(f"{PROGRAM} {name}", SUMMARIES[name])
    try:
        command = importlib.import_module(f"chargepoint.commands.{name}")
    except ImportError as error:
        print(
            f"{PROGRAM} {name}: this command cannot run, its installation is not whole ({error}). "
            "Install the package again, or make its environment with scripts/setup.sh.",
            file=sys.stderr,
        )
        return FAILED
    command.add_arguments(parser)
    parsed = parser.parse_args(words)

    from chargepoint.config_faults import ConfigError

    try:
        status = command.run(parsed)
        sys.stdout.flush()
        return int(status)
    except ConfigError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)
        return FAILED


def _general(words: list[str]) -> int:
    parser = ManualParser(PROGRAM, "software of an electric-vehicle charging station", usage=_USAGE)
    commands = parser.add_argument_group("commands")
    for name, summary in SUMMARIES.items():
        commands.add_argument(name, nargs="?", help=summary)
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    page(
        parser,
        "From the RS485 wire to the central system. Each command explains itself: chargepoint COMMAND --help.",
        exit_status={
            0: "done",
            FAILED: "it could not be done; the reason stands on standard error",
            WRONG_USE: "the command line is wrong",
            INTERRUPTED: "ended by Ctrl-C, where that is not the orderly way",
        },
        examples={
            "chargepoint demo": "watch a simulated station charge cars",
            "chargepoint check station.toml": "check what an installer wrote",
            "chargepoint run --config /etc/chargepoint/station.toml --data /var/lib/chargepoint": "run a station",
        },
    )
    if words and not words[0].startswith("-"):
        import difflib

        close = difflib.get_close_matches(words[0][:80], SUMMARIES, n=1)
        meant = f"Did you mean {close[0]}?" if close else f"There are {', '.join(SUMMARIES)}."
        print(f"{PROGRAM}: there is no command {words[0][:80]!r}. {meant}", file=sys.stderr)
        return WRONG_USE
    options = argparse.ArgumentParser(prog=PROGRAM, add_help=False, usage=_USAGE, allow_abbrev=False)
    options.add_argument("-h", "--help", action="store_true")
    options.add_argument("--version", action="store_true")
    parsed = options.parse_args(words)
    if parsed.version:
        from chargepoint.version import VERSION

        print(f"{PROGRAM} {VERSION}")
        return 0
    print(parser.format_help(), end="", file=sys.stdout if parsed.help else sys.stderr)
    return 0 if parsed.help else WRONG_USE


_USAGE = f"{PROGRAM} [--help] [--version] COMMAND [ARGUMENT...]"

if __name__ == "__main__":
    sys.exit(main())
