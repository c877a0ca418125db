"""A station is updated over the air: ordered by the central system, fetched over HTTP, switched by start.sh."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chargepoint import slots
from tests.system.rig import NAME
from tests.system.updates import CRASHES, UpdatedSystem

pytestmark = pytest.mark.realtime


def told(system: UpdatedSystem) -> list[str]:
    """BootNotifications with their version, and states of updates, in the order in which they came.

    A state whose answer had not arrived when the software ended is told again after its next start, and listed once.
    """
    found: list[str] = []
    for message in system.central.ledger.calls(station=NAME):
        if message.action == "BootNotification":
            found.append(f"boot {message.payload['firmwareVersion']}")
        elif message.action == "FirmwareStatusNotification":
            status = message.payload["status"]
            is_again = len(found) > 1 and found[-1].startswith("boot ") and found[-2] == status
            if not is_again:
                found.append(status)
    return found


async def test_a_bad_version_returns_and_a_good_one_stays(tmp_path: Path) -> None:
    async with UpdatedSystem(tmp_path) as system:
        await order(system, system.offer("1.1.0.0", CRASHES))
        await system.central.until(lambda: "InstallationFailed" in told(system), 40)
        fetched = ["Downloading", "Downloaded", "Installing"]
        assert told(system) == ["boot 1.0.0.0", *fetched, "boot 1.0.0.0", "InstallationFailed"]
        assert slots.read(system.machine.place.slots).current == "factory"
        await system.until_well()
        await system.charge(1)
        seen = len(told(system))
        await order(system, system.offer("1.2.0.0"))
        await system.until(lambda: system.update is not None and "Connector 1 charges" in system.update.text)
        assert system.update is not None
        assert system.update.stage == "waiting"
        await system.until_status(2, "UPDATING")
        await system.end_charge(1)
        await system.central.until(lambda: "Installed" in told(system), 40)
        assert told(system)[seen:] == [*fetched, "boot 1.2.0.0", "Installed"]
        state = slots.read(system.machine.place.slots)
        assert (state.versions[state.current]["version"], state.trial, state.outcome) == ("1.2.0.0", False, "kept")
        assert "on trial: no charge begins" in (tmp_path / "station.log").read_text()
        await system.until_status(1, "AVAILABLE")
        assert system.central.ledger.faults() == []


async def order(system: UpdatedSystem, location: str) -> None:
    """As the central system does it."""
    wish = {"location": location, "retrieveDate": "2020-01-01T00:00:00Z"}
    assert await system.central.call(NAME, "UpdateFirmware", wish) == {}


@pytest.mark.long
async def test_the_power_goes_at_each_stage_of_one_update(tmp_path: Path) -> None:
    """kill -9 of everything, start.sh included, as a cut of the power that the devices survive."""
    async with UpdatedSystem(tmp_path) as system:
        system.server.delay_s = 0.5
        await order(system, system.offer("1.1.0.0"))
        for stage in ("downloading", "staging", "waiting", "checking"):
            await system.until(lambda wanted=stage: stands_at(system, wanted), 60)  # type: ignore[misc]
            await system.kill_all()
            await system.start()
        await system.until(lambda: stands_at(system, "done", "failed"), 90)
        assert stands_at(system, "done")
        await system.central.until(lambda: "Installed" in told(system), 40)
        assert told(system)[-1] == "Installed"
        assert "boot 1.1.0.0" in told(system)
        state = slots.read(system.machine.place.slots)
        assert (state.versions[state.current]["version"], state.trial, state.outcome) == ("1.1.0.0", False, "kept")
        assert (system.data / "fota/packages/App.station.1.1.0.0.cpk").is_file()


def stands_at(system: UpdatedSystem, *stages: str) -> bool:
    """Whether the update stands there by what is written down, which is before what is shown."""
    try:
        return json.loads((system.data / "fota/update.json").read_bytes())["stage"] in stages
    except FileNotFoundError:
        return False
