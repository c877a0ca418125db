"""`chargepoint diag`: the station tests from the command line, told as they go."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from chargepoint.actions import ACTIONS, Asker, carry_out
from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.commands.manual import page
from chargepoint.door import AdminBus, NobodyHome
from chargepoint.finding_words import LANGUAGES, filled, texts
from chargepoint.guards import confirmed
from chargepoint.journal_text import clean
from chargepoint.messages import DiagnosticsState, Finding
from chargepoint.vocabulary import Role

SUMMARY = "test the running station, or one device of it"
DEFAULT_DATA = Path("/var/lib/chargepoint")
TOPIC = "diagnostics"
WITHIN_S = 100.0
MARKS = {"passed": "ok", "warning": "WARN", "failed": "FAIL", "skipped": "skip", "not_fitted": "-"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    parser.add_argument("subject", nargs="?", default="", metavar="SUBJECT", help="what to test (default: everything)")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, metavar="DIR", help=f"default: {DEFAULT_DATA}")
    parser.add_argument("--json", action="store_true", help="print the whole run as JSON at its end")
    parser.add_argument("--brief", action="store_true", help="only what is to be looked at")
    parser.add_argument(
        "--with-tests", action="store_true",
        help="insulation monitors test themselves, too: only while nobody charges anywhere",
    )  # fmt: skip
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="of the findings (default: en)")
    page(
        parser,
        """
        Asks the running station to test itself, prints each finding as it comes, and under each trouble what to do
        about it. Nothing is energised and no contactor moves; what a car at a connector forbids is skipped. A * stands
        before what the run before did not find. If a run goes on already, that one is shown.

        With --with-tests insulation monitors test themselves, which takes up to 40 s: nobody can start a charge at
        their connectors meanwhile. It is refused while somebody charges.

        SUBJECT is a device (meter/main, connector/1, port/rs485, modules/bank, reader/front, ...), a kind of device
        (meter), or the name of one test (writing). docs/service.md lists the tests.

        The station is asked through the socket for administrators in its data directory, so this needs its account or
        root.
        """,
        exit_status={
            0: "nothing has failed; there may be warnings",
            1: "something has failed, or the station could not be asked; the reason stands on standard error",
            2: "wrong use",
        },
        files={"DIR/hub": "the hub's folder, with the socket"},
        examples={
            "chargepoint diag": "the whole station",
            "chargepoint diag meter/main": "one meter",
            "chargepoint diag insulation --with-tests": "insulation monitors, which test themselves",
            "chargepoint diag --brief --language ru": "only trouble, in Russian",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 or 1."""
    try:
        return asyncio.run(_diagnose(arguments))
    except (NobodyHome, PermissionError, Unavailable, CallFailed) as error:
        print(f"chargepoint diag: {clean(str(error))}", file=sys.stderr)
    except TimeoutError:
        print("chargepoint diag: the station did not end its test in time.", file=sys.stderr)
    return 1


async def _diagnose(arguments: argparse.Namespace) -> int:
    asker = Asker(f"{getpass.getuser()} (command line)", Role.ADMINISTRATOR)
    asked = {"subject": arguments.subject} if arguments.subject else {}
    async with AdminBus.connect(arguments.data) as bus:
        before = await _known(bus)
        deed = "diagnose_with_tests" if arguments.with_tests else "diagnose"
        passed = confirmed(deed, asked, ACTIONS[deed].guard)
        result = await carry_out(bus, deed, asked, asker, passed=passed)
        await bus.drain()  # its note for the operation log
        if not result.ok and result.code != "busy":
            print(f"chargepoint diag: {clean(result.text) or result.code}", file=sys.stderr)
            return 1
        if result.code == "busy":
            print("chargepoint diag: a run goes on already; this is that one.", file=sys.stderr)
        async with asyncio.timeout(WITHIN_S):
            ended = await _follow(bus, before, arguments)
    if arguments.json:
        print(msgspec.json.encode(ended).decode())
    else:
        print(summary(ended))
    return 1 if ended.verdict == "failed" else 0


async def _known(bus: Bus) -> DiagnosticsState | None:
    """The last run, as far as somebody has told."""
    view = bus.watch(TOPIC)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                found = await view.first(TOPIC)
                return found if isinstance(found, DiagnosticsState) else None
        return None
    finally:
        view.close()


async def _follow(bus: Bus, before: DiagnosticsState | None, arguments: argparse.Namespace) -> DiagnosticsState:
    """Prints what is found until the run has ended."""
    view, shown = bus.watch(TOPIC), 0
    try:
        async for _, state in view.changes():
            if not isinstance(state, DiagnosticsState) or (not state.is_running and state == before):
                continue
            if not arguments.json:
                for finding in state.findings[shown:]:
                    _print(finding, arguments)
                shown = len(state.findings)
            if not state.is_running:
                return state
    finally:
        view.close()
    raise Unavailable("the station has ended")


def _print(finding: Finding, arguments: argparse.Namespace) -> None:
    if arguments.brief and finding.verdict not in ("warning", "failed"):
        return
    for text in lines(finding, arguments.language):
        print(text, flush=True)


def lines(finding: Finding, language: str) -> list[str]:
    """A finding for a terminal; under trouble what to do."""
    name = texts(language).get(f"diag_check.{finding.check}", finding.check)
    changed = "*" if finding.is_changed else " "
    about = f" {finding.subject}" if finding.subject else ""
    said = filled(language, f"diag.{finding.code}", finding.values)
    told = [clean(f"{changed}{MARKS.get(finding.verdict, finding.verdict):4}  {name}{about}: {said}")]
    if finding.verdict in ("warning", "failed"):
        told.append(f"       -> {filled(language, f'diag.{finding.code}_do', finding.values)}")
    return told


def summary(state: DiagnosticsState) -> str:
    """The last line."""
    counts = {mark: sum(each.verdict == mark for each in state.findings) for mark in MARKS}
    changed = sum(each.is_changed for each in state.findings)
    told = f"{counts['failed']} failed, {counts['warning']} warnings, {counts['passed']} passed, "
    return f"{state.verdict}: {told}{counts['skipped']} skipped, {changed} changed since the run before"
