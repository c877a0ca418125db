"""While the station's own software is updated no charge begins that the update would have to end, and none waits."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint import slots
from chargepoint.context import Context
from chargepoint.messages import ActionResult, CancelUpdate, InstallPackage, UpdateState
from chargepoint.services import Service
from chargepoint.software_trial import TREE
from chargepoint.station.closure import ALLOWS_NEW
from chargepoint.vocabulary import CardReason, ConnectorFlag
from tests.chargepoint.trees import put_on_trial
from tests.journeys.rig import CHARGING, Rig
from tests.journeys.steps import CARD, OTHER_CARD, TWO_AC, charge, leave, plug, show_card, until_energy_flows

DRAINS = {"update": {"while_charging": "drain"}}


async def fota(context: Context) -> None:
    """In the place of the service: what is installed waits for charges to end, until it is cancelled."""

    async def install(request: InstallPackage, sender: str) -> ActionResult:
        context.bus.set_state("update", UpdateState(stage="waiting", is_due=True))
        return ActionResult(ok=True, code="ok")

    async def cancel(request: CancelUpdate, sender: str) -> ActionResult:
        context.bus.set_state("update", UpdateState(stage="failed"))
        return ActionResult(ok=True, code="ok")

    context.bus.serve(InstallPackage, install)
    context.bus.serve(CancelUpdate, cancel)
    context.ready()
    await context.beat_until_stopped()


WITH_FOTA = (*CHARGING, Service("fota", f"{__name__}:fota"))


async def wait_for_charges(rig: Rig) -> None:
    """An update is due from now on."""
    await rig.bus.call("fota", InstallPackage(name="new.cpk"))


def trial(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Slot `a` runs from the next start on, and is on trial; the folder of slots."""
    place = folder / "slots"
    put_on_trial(place, "1.1.0.0", monkeypatch)
    return place


def told(rig: Rig, connector: int) -> list[str]:
    """The statuses of a connector that the central system heard of, in order."""
    calls = rig.system.ledger.calls("StatusNotification")
    return [call.payload["status"] for call in calls if call.payload["connectorId"] == connector]


async def start_remotely(rig: Rig, connector: int = 1) -> str:
    answer = await rig.system.call("one", "RemoteStartTransaction", {"idTag": OTHER_CARD, "connectorId": connector})
    return str(answer["status"])


async def test_no_charge_begins_on_trial_and_the_car_that_waits_begins_when_the_version_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = trial(tmp_path, monkeypatch)
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        assert (rig.status(1), rig.status(2)) == ("UPDATING", "UPDATING")
        state = rig.state()
        assert state is not None and ConnectorFlag.UPDATING in state.flags and "being updated" in state.why
        refused = await show_card(rig)
        assert (refused.outcome, refused.reason) == ("unavailable", CardReason.UPDATING)
        assert await start_remotely(rig) == "Rejected"
        rig.plug(1)
        await rig.advance(20)
        assert (rig.status(1), (await show_card(rig)).reason) == ("UPDATING", CardReason.UPDATING)
        assert [set(told(rig, number)) for number in (1, 2)] == [{"Unavailable"}, {"Unavailable"}]
        slots.keep(place)
        await rig.until_status("READY", 1, 3)
        assert (rig.status(2), told(rig, 2)[-1]) == ("AVAILABLE", "Available")
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig)
        await show_card(rig)
        await leave(rig)
        await rig.drained()
        await rig.check()


async def test_plug_and_charge_begins_by_itself_after_a_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = trial(tmp_path, monkeypatch)
    async with Rig(tmp_path, change={"station": {"plug_and_charge": True}}, is_linked=False) as rig:
        rig.plug(1)
        await rig.advance(60)
        assert rig.status() == "UPDATING"
        assert rig.simulated.contactor_log(1) == ()
        slots.keep(place)
        await until_energy_flows(rig)


async def test_what_was_given_up_takes_no_charge_any_more_and_the_version_before_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = trial(tmp_path, monkeypatch)
    async with Rig(tmp_path, is_linked=False) as rig:
        slots.back(place, "not well")
        await rig.advance(60)  # it is left within seconds; until then nothing may begin that would end with it
        assert (await show_card(rig)).reason is CardReason.UPDATING
        assert rig.house is not None
        rig.house.kill("station")  # what is given up may be what dies
        await rig.advance(10)
        assert (await show_card(rig)).reason is CardReason.UPDATING
        await rig.stop(30)
        monkeypatch.setenv(TREE, str(tmp_path / "factory"))
        await rig.boot_up()
        await rig.until_status("AVAILABLE", within_s=5)


async def test_a_charge_that_was_taken_over_goes_on_through_a_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await charge(rig, 1)
        await rig.crash()
        place = trial(tmp_path, monkeypatch)
        await rig.boot_up()
        await rig.advance(30)
        assert (rig.status(1), rig.status(2)) == ("CHARGING", "UPDATING")
        assert [entry.closed for entry in rig.simulated.contactor_log(1)] == [True]
        assert (await show_card(rig, CARD)).outcome == "stopped"
        await rig.until_status("CHARGED", 1)
        await rig.advance(5)
        assert (await show_card(rig, CARD)).reason is CardReason.UPDATING  # a second charge does not begin either
        rig.unplug(1)
        await rig.until_status("UPDATING", 1)
        slots.keep(place)
        await rig.until_status("AVAILABLE", 1, 3)
        await rig.drained()
        await rig.check()


async def test_a_station_that_drains_lets_charges_end_and_begins_none(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC, change=DRAINS, services=WITH_FOTA) as rig:
        await charge(rig, 1)
        asked = await rig.system.call("one", "GetConfiguration", {"key": [ALLOWS_NEW]})
        assert asked["configurationKey"] == [{"key": ALLOWS_NEW, "readonly": False, "value": "false"}]
        await wait_for_charges(rig)
        await rig.until_status("UPDATING", 2, 3)
        rig.plug(2)
        await rig.advance(10)
        assert (await show_card(rig, OTHER_CARD)).outcome == "unavailable"
        assert await start_remotely(rig, 2) == "Rejected"
        assert (rig.status(1), rig.status(2), told(rig, 2)[-1]) == ("CHARGING", "UPDATING", "Unavailable")
        assert (await show_card(rig, CARD)).outcome == "stopped"
        await rig.until_status("CHARGED", 1)
        rig.unplug(1)
        await rig.until_status("UPDATING", 1, 5)
        await rig.bus.call("fota", CancelUpdate())
        await rig.until_status("READY", 2, 3)
        assert rig.status(1) == "AVAILABLE"
        assert (await show_card(rig, OTHER_CARD)).outcome == "started"
        await until_energy_flows(rig, 2)
        await show_card(rig, OTHER_CARD)
        await leave(rig, 2)
        await rig.drained()
        await rig.check()


async def test_a_station_that_has_drained_is_closed_until_the_new_version_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Rig(tmp_path, change=DRAINS, services=WITH_FOTA) as rig:
        await rig.online()
        await wait_for_charges(rig)
        await rig.until_status("UPDATING", within_s=3)
        rig.plug(1)
        await rig.advance(5)
        await rig.stop(10)
        place = trial(tmp_path, monkeypatch)
        await rig.boot_up()
        await rig.online()
        await rig.advance(5)
        assert (rig.status(), set(told(rig, 1)[1:])) == ("UPDATING", {"Unavailable"})
        slots.keep(place)
        await rig.until_status("READY", within_s=3)
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig)


async def test_who_is_awaited_or_has_reserved_begins_while_the_station_drains(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC, change=DRAINS, services=WITH_FOTA) as rig:
        await rig.online()
        assert await start_remotely(rig, 1) == "Accepted"
        await rig.until_status("WAITING_FOR_EV", 1)
        reserve = {"connectorId": 2, "expiryDate": "2030-01-01T00:00:00Z", "idTag": CARD, "reservationId": 7}
        assert await rig.system.call("one", "ReserveNow", reserve) == {"status": "Accepted"}
        await wait_for_charges(rig)
        await rig.advance(5)
        assert (rig.status(1), rig.status(2), told(rig, 2)[-1]) == ("WAITING_FOR_EV", "AVAILABLE", "Reserved")
        more = {**reserve, "reservationId": 8}
        assert (await rig.system.call("one", "ReserveNow", more))["status"] != "Accepted"
        rig.plug(1)
        await until_energy_flows(rig, 1)
        await plug(rig, 2)
        assert (await show_card(rig, "0BADBEEF")).outcome == "refused"
        assert (await show_card(rig, CARD)).outcome == "started"
        await until_energy_flows(rig, 2)


async def test_a_reservation_that_leaves_the_choice_keeps_every_connector_while_the_station_drains(
    tmp_path: Path,
) -> None:
    async with Rig(tmp_path, TWO_AC, change=DRAINS, services=WITH_FOTA) as rig:
        await rig.online()
        reserve = {"connectorId": 0, "expiryDate": "2030-01-01T00:00:00Z", "idTag": CARD, "reservationId": 7}
        assert await rig.system.call("one", "ReserveNow", reserve) == {"status": "Accepted"}
        await wait_for_charges(rig)
        await rig.advance(5)
        assert (rig.status(1), rig.status(2)) == ("AVAILABLE", "AVAILABLE")
        rig.plug(1)
        await rig.until_status("READY", 1)
        assert (await show_card(rig, OTHER_CARD)).outcome == "refused"
        assert (await show_card(rig, CARD)).outcome == "started"
        await rig.until_status("UPDATING", 2)


async def test_the_operator_may_let_a_station_drain_by_a_key(tmp_path: Path) -> None:
    async with Rig(tmp_path, services=WITH_FOTA) as rig:
        await rig.online()
        await wait_for_charges(rig)
        await rig.advance(5)
        assert rig.status() == "AVAILABLE"
        changed = await rig.system.call("one", "ChangeConfiguration", {"key": ALLOWS_NEW, "value": "false"})
        assert changed == {"status": "Accepted"}
        await rig.until_status("UPDATING", within_s=3)
        await rig.system.call("one", "ChangeConfiguration", {"key": ALLOWS_NEW, "value": "true"})
        await rig.until_status("AVAILABLE", within_s=3)
