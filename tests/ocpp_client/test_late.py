"""What is imported only when it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ocpp_client.late import Late

CERTIFICATES = "cryptography"

OPENED = """
import asyncio, sys
from pathlib import Path
import ocpp_client.service
from chargepoint.clock import Clock
from chargepoint.timekeeping import EARLIEST
from ocpp_client.kept import Kept

async def open_and_close():
    kept = await Kept.open(Path(sys.argv[1]), Clock.of_system(EARLIEST))
    assert kept.key_store.own() is None and not kept.key_store.roots()
    await kept.close()

asyncio.run(open_and_close())
print(*(name for name in sys.modules if name.partition(".")[0] == sys.argv[2]))
"""


def test_a_late_module_is_what_it_stands_for() -> None:
    assert Late("json").dumps({}) == "{}"
    with pytest.raises(AttributeError):
        Late("json").no_such_name  # noqa: B018
    with pytest.raises(ModuleNotFoundError):
        Late("no_such_module").name  # noqa: B018


@pytest.mark.realtime
def test_a_station_without_certificates_does_not_load_what_reads_them(tmp_path: Path) -> None:
    """7 MiB of memory (docs/benchmarks.md)."""
    found = subprocess.run(
        [sys.executable, "-c", OPENED, str(tmp_path), CERTIFICATES], capture_output=True, text=True, timeout=60
    )
    assert (found.returncode, found.stdout.split()) == (0, []), found.stderr
