"""An update of a station that start.sh runs, in real processes: how long the central system is without it."""

from __future__ import annotations

from datetime import datetime

from benchmarks import processes
from benchmarks.figures import Row
from benchmarks.rig import Place
from tests.system.rig import NAME
from tests.system.updates import UpdatedSystem

MIB = 1 << 20
INSTALLED_WITHIN_S = 60.0


async def downtime(place: Place) -> list[Row]:
    """From the word Installing, told just before the software ends, to BootNotification of the new version."""
    silent: list[float] = []
    ordered: list[float] = []
    memory: list[float] = []
    plain: list[float] = []
    for _ in range(place.pick(1, 3)):
        async with place.room() as folder, UpdatedSystem(folder) as system:
            order = {"location": system.offer("1.1.0.0"), "retrieveDate": "2020-01-01T00:00:00Z"}
            await system.central.call(NAME, "UpdateFirmware", order)
            await system.central.until(lambda found=system: _at(found, "Installed"), INSTALLED_WITHIN_S)  # type: ignore[misc]
            boot = [message.at for message in system.central.ledger.calls("BootNotification", NAME)][-1]
            began, left = _at(system, "Downloading"), _at(system, "Installing")
            assert began is not None and left is not None
            silent.append((boot - left).total_seconds())
            ordered.append((left - began).total_seconds())
            sizes = {name: processes.pss_bytes(pid) / MIB for pid, name in system.processes().items()}
            memory.append(sizes["cp-fota"])
            plain.append(sizes["cp-rfid"])
    beside = "two AC connectors, a package of some kB"
    return [
        Row(
            figure="update: without the station, Installing to BootNotification",
            values=tuple(silent),
            unit="s",
            wished=("<", 10.0),
            beside=beside,
        ),
        Row(figure="update: order to Installing", values=tuple(ordered), unit="s", beside="3 s of them nobody charges"),
        Row(
            figure="update: PSS of fota",
            values=tuple(memory),
            unit="MiB",
            beside=f"rfid, which does next to nothing: {sum(plain) / len(plain):.1f} MiB",
        ),
    ]


def _at(system: UpdatedSystem, status: str) -> datetime | None:
    """When the central system heard that word."""
    for message in system.central.ledger.calls("FirmwareStatusNotification", NAME):
        if message.payload["status"] == status:
            return message.at
    return None
