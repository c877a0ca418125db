"""`chargepoint power`: the sharing of power and the switching of contactors as lines of JSON; a day simulated."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from chargepoint.commands.manual import page
from chargepoint.power.lines.json_lines import MOST_BYTES, write
from chargepoint.power.lines.refusals import Refusal

SUMMARY = "share power among connectors by hand, step the contactors, simulate a day"

log = logging.getLogger(__name__)


class Lines(Protocol):
    """Answers lines, one after the other."""

    def answer(self, line: bytes, /) -> dict[str, Any]:
        """Raises Refusal."""
        ...


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    parser.add_argument("deed", choices=tuple(_DEEDS), metavar="DEED", help="serve, switch or simulate")
    parser.add_argument("scenario", nargs="?", type=Path, metavar="SCENARIO", help="simulate: the file of the day")
    parser.add_argument("--timing", action="store_true", help="serve, switch: add took_ms to each answer")
    parser.add_argument("--switching", action="store_true", help="simulate: move contactors and modules step by step")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="simulate: draw the day, .svg or .png")
    parser.add_argument("--json", type=Path, metavar="FILE", help="simulate: write the result for programs")
    page(
        parser,
        """
        serve reads lines of JSON on standard input and answers each on standard output. The first line is the station:
        groups of modules, outputs, contactors, the grid, the rules. Each further line is one moment: what the vehicles
        ask, the limits by name, what is out of order. The answer says what each connector gets, why, which group feeds
        which output through which contactors, and what has changed hands.

        switch drives the contactors from one such answer to the next in safe steps. The first line is the station, a
        line with "from" and "to" says where it stands and what is wanted, and each further line is what is measured at
        one tick; the answer is what modules and contactors are to do.

        A line that cannot be used is answered with {"error": {"where", "found", "why", "remedy"}} and changes nothing.
        Each answer is written at once. The end of the input ends both.

        simulate runs the day of a scenario file: vehicles that come and go, a grid limit that falls, modules that fail.
        It prints what each vehicle got and what held it down. With --switching the contactors and modules of the
        station move as slowly as real ones.

        The lines and the files are described field by field in docs/power.md.
        """,
        exit_status={
            0: "the input has ended, or the day is over",
            1: "the scenario or the picture cannot be used; the reason stands on standard error",
            2: "the command line is wrong",
        },
        examples={
            "chargepoint power serve < steps.jsonl": "share power by the lines of a file",
            "chargepoint power simulate examples/power/matrix-4x6.json --plot day.svg": "a busy day and its picture",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0, 1 or 2."""
    given = {name for name in _MEANT if getattr(arguments, name)}
    if needless := sorted(given - _TAKES[arguments.deed]):
        words = ", ".join(_MEANT[name] for name in needless)
        print(f"chargepoint power: {arguments.deed} takes no {words}; see chargepoint power --help", file=sys.stderr)
        return 2
    return _DEEDS[arguments.deed](arguments)


def answer_lines(lines: Lines, source: BinaryIO, sink: BinaryIO, *, timing: bool = False) -> None:
    """One answer for each line of `source`, until it ends. Empty lines are passed over."""
    while line := source.readline(MOST_BYTES + 1):
        while not line.endswith(b"\n") and len(line) > MOST_BYTES and (rest := source.readline(MOST_BYTES)):
            if rest.endswith(b"\n"):
                break
        if not line.strip():
            continue
        sink.write(_answer(lines, line, timing))
        sink.flush()


def _answer(lines: Lines, line: bytes, timing: bool) -> bytes:
    began = time.perf_counter()
    try:
        answer = lines.answer(line)
        if timing:
            answer["took_ms"] = round((time.perf_counter() - began) * 1000, 6)
        return write(answer)
    except Refusal as refusal:
        return write({"error": refusal.problem})
    except Exception as error:
        log.exception("this line could not be answered")
        fault = Refusal(
            "line", line, f"a fault of this software: {type(error).__name__}: {error}", "report it with this line"
        )
        return write({"error": fault.problem})


def _serve(arguments: argparse.Namespace) -> int:
    from chargepoint.power.lines.sharing import SharingLines

    answer_lines(SharingLines(), sys.stdin.buffer, sys.stdout.buffer, timing=arguments.timing)
    return 0


def _switch(arguments: argparse.Namespace) -> int:
    from chargepoint.power.lines.switching import SwitchingLines

    answer_lines(SwitchingLines(), sys.stdin.buffer, sys.stdout.buffer, timing=arguments.timing)
    return 0


def _simulate(arguments: argparse.Namespace) -> int:
    from chargepoint.commands.power_day import simulate

    if arguments.scenario is None:
        print("chargepoint power: simulate needs the file of a scenario; some are in examples/power", file=sys.stderr)
        return 2
    return simulate(arguments.scenario, arguments.plot, arguments.json, arguments.switching)


_DEEDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "serve": _serve,
    "switch": _switch,
    "simulate": _simulate,
}

_MEANT = {
    "scenario": "file (it reads standard input)", "timing": "--timing", "switching": "--switching", "plot": "--plot",
    "json": "--json",
}  # fmt: skip
_TAKES = {"serve": {"timing"}, "switch": {"timing"}, "simulate": {"scenario", "switching", "plot", "json"}}
"""The arguments of each deed."""
