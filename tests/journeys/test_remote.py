"""The central system starts, stops, unlocks, and closes connectors."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.vocabulary import StartSource, StopSource
from tests.journeys.rig import Rig

STATION = "one"


@pytest.mark.ocpp("5.11-plugged", "5.11-start", "5.12-stop", "4.10-reason-remote")
async def test_remote_start_and_stop(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        rig.plug()
        await rig.until_status("READY")
        answer = await rig.system.call(STATION, "RemoteStartTransaction", {"connectorId": 1, "idTag": "APP1"})
        assert answer == {"status": "Accepted"}
        await rig.until_status("CHARGING")
        await rig.until(lambda: rig.system.ledger.running())
        await rig.advance(60)
        (running,) = rig.system.ledger.running()
        answer = await rig.system.call(STATION, "RemoteStopTransaction", {"transactionId": running.ids[-1]})
        assert answer == {"status": "Accepted"}
        await rig.until_status("CHARGED")
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        session = await rig.last_session()
        assert (session.start_source, session.stop_source) == (StartSource.OCPP_REMOTE, StopSource.OCPP_REMOTE)
        assert rig.system.ledger.transactions[-1].reason == "Remote"
        assert rig.system.ledger.transactions[-1].id_tag == "APP1"
        await rig.check()


@pytest.mark.ocpp("5.11-timeout", "9.1-ConnectionTimeOut")
async def test_a_remote_start_waits_for_the_car_and_gives_up_in_time(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"ocpp": {"configuration": {"ConnectionTimeOut": 60}}}) as rig:
        await rig.online()
        answer = await rig.system.call(STATION, "RemoteStartTransaction", {"connectorId": 1, "idTag": "APP1"})
        assert answer == {"status": "Accepted"}
        await rig.until_status("WAITING_FOR_EV")
        await rig.advance(50)
        assert rig.status() == "WAITING_FOR_EV"
        await rig.until_status("AVAILABLE", within_s=20)
        session = await rig.last_session()
        assert session.stop_source is StopSource.CONNECT_TIMEOUT
        assert session.started is None
        await rig.check()


@pytest.mark.ocpp("5.18-ends", "4.10-reason-unlock")
async def test_unlock_ends_the_charge_first(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        rig.plug()
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(30)
        answer = await rig.system.call(STATION, "UnlockConnector", {"connectorId": 1})
        assert answer == {"status": "Unlocked"}
        await rig.until(lambda: rig.system.ledger.transactions[-1].stop is not None)
        assert rig.system.ledger.transactions[-1].reason == "UnlockCommand"
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.drained()
        await rig.check()


@pytest.mark.ocpp("5.2-scheduled", "5.2-persistent", "4.9-unavailable-after", "5.2-operative")
async def test_a_connector_taken_out_of_service_in_a_charge_goes_out_when_the_car_leaves(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        rig.plug()
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")
        answer = await rig.system.call(STATION, "ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
        assert answer == {"status": "Scheduled"}
        await rig.advance(30)
        assert rig.status() == "CHARGING"
        await rig.tap()
        await rig.until_status("CHARGED")
        rig.unplug()
        await rig.until_status("DISABLED")
        await rig.stop()
        await rig.boot_up()
        await rig.until_status("DISABLED")  # it is kept over a restart
        await rig.online()
        answer = await rig.system.call(STATION, "ChangeAvailability", {"connectorId": 1, "type": "Operative"})
        assert answer == {"status": "Accepted"}
        await rig.until_status("AVAILABLE")
        await rig.drained()
        await rig.check()
