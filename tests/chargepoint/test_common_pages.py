"""What the processes of a station have in common is made before the forks, and is no more than they need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from chargepoint.common_pages import LARGEST, MOST_BYTES, SMALLEST, filling

HEAVY = {
    "aiohttp", "can", "canopen", "cryptography", "difflib", "hmi", "importlib.metadata", "ocpp", "ocpp_client",
    "pygame", "rich", "serial", "urllib.request", "websockets",
}  # fmt: skip
"""What only one service needs, or only somebody who meets a fault."""
OF_STATION = {"chargepoint.power.allocation", "chargepoint.station", "drivers.power"}

LOADED = "import sys, {}; print(*sys.modules)"


def loaded(module: str) -> set[str]:
    """All that is imported with `module` in a fresh interpreter."""
    words = [sys.executable, "-c", LOADED.format(module)]
    return set(subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout.split())


@pytest.mark.realtime
@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("chargepoint.commands.run", HEAVY | OF_STATION),  # with it the launcher and the hub
        ("chargepoint.helper", HEAVY | OF_STATION),
        ("chargepoint.rfid", HEAVY | OF_STATION),
        ("ocpp_client.service", {"aiohttp", "can", "cryptography", "ocpp", "rich", "serial"} | OF_STATION),
        ("chargepoint.station.service", HEAVY | {"chargepoint.power.simulation", "chargepoint.power.lines"}),
    ],
)
def test_no_process_imports_what_another_needs(module: str, unwanted: set[str]) -> None:
    assert loaded(module) & unwanted == set()


MAKE = """
import sys
from chargepoint.common_pages import make_common
make_common(["chargepoint.none", "chargepoint.rfid"])
print(*(name in sys.modules for name in ("chargepoint.rfid", "websockets", "importlib.metadata", "email")))
import importlib.metadata
print(bool(importlib.metadata.version("websockets")))
"""


@pytest.mark.realtime
def test_what_cannot_be_imported_is_passed_over_and_what_nobody_uses_is_left_out() -> None:
    """In an interpreter of its own, for the objects of this one would be frozen."""
    done = subprocess.run([sys.executable, "-c", MAKE], check=True, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("True True False False\nTrue\n", "")


@pytest.mark.parametrize("size", [SMALLEST, LARGEST])
def test_gaps_are_filled_within_bounds(size: int) -> None:
    found = filling(size)
    assert {one.__sizeof__() for one in found} == {size}
    assert len(found) * size <= MOST_BYTES + size
