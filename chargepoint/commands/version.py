"""`chargepoint version`: which version this is, who takes reports of holes in it, until when it gets updates."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from chargepoint import support
from chargepoint.commands.manual import page
from chargepoint.version import VERSION

SUMMARY = "which version this is, and until when it gets security updates"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    page(
        parser,
        """
        Prints the version, to whom security holes are reported, and until when security updates are promised: as
        whoever built the package said. A version that was built without that says so. Only the version:
        chargepoint --version.
        """,
        exit_status={0: "printed"},
        examples={"chargepoint version": "of the version that runs, also while the station does not"},
    )


def run(_arguments: argparse.Namespace) -> int:
    """Exit status 0."""
    told = support.read()
    print(f"chargepoint {VERSION}")
    print(f"security holes: {told.contact or 'whoever built this named nobody; ask who sold the station'}")
    print(f"security updates: {_until(told)}")
    return 0


def _until(told: support.Support) -> str:
    left = told.days_left(datetime.now(UTC).date())
    if left is None:
        return "whoever built this promised no time; ask who sold the station"
    return f"until {told.until}" if left >= 0 else f"ENDED on {told.until}: update, or ask who sold the station"
