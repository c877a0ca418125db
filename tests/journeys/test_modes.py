"""Operating modes, free mode, plug-and-charge (statuses.md 4, 6, 9)."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.messages import ChangeSettings, SetFreeMode, SetOperatingMode, StartCharging
from chargepoint.records import Credential, Session
from chargepoint.vocabulary import CardReason, CredentialType, OperatingMode, SessionFlag, StartSource, StopSource
from tests.journeys.rig import Rig
from tests.journeys.steps import (
    CARD,
    OTHER_CARD,
    TWO_AC,
    charge,
    leave,
    plug,
    save_user,
    settle,
    show_card,
    until_energy_flows,
    until_transaction_ends,
    usable,
)


async def remote_start(rig: Rig, **fields: object) -> str:
    credential = Credential("APP1", CredentialType.OCPP)
    request = StartCharging(
        connector=1, credential=credential, source=StartSource.OCPP_REMOTE, is_authorized=True, **fields  # type: ignore[arg-type]
    )  # fmt: skip
    return (await rig.bus.call("station", request)).code


def starter(session: Session) -> tuple[str, CredentialType]:
    assert session.starter is not None
    return session.starter.value, session.starter.type


# -------------------------------------------------------------------------------------------------------------- HOME


async def test_at_home_only_the_listed_charge_and_the_central_system_is_not_asked(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"station": {"operating_mode": "HOME"}}) as rig:
        await rig.online()
        await save_user(rig)
        await plug(rig)
        assert (await show_card(rig, OTHER_CARD)).outcome == "refused"
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig)
        assert (await show_card(rig)).outcome == "stopped"
        await until_transaction_ends(rig)
        await leave(rig)
        assert rig.system.ledger.received["Authorize"] == 0
        await settle(rig)
        assert rig.system.ledger.transactions[-1].id_tag.upper() == CARD


async def test_at_home_without_a_link_the_listed_charge_as_ever(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"station": {"operating_mode": "HOME"}}) as rig:
        await rig.online()
        await save_user(rig)
        await rig.system.go_away()
        await rig.advance(2)
        await charge(rig)
        await rig.advance(10)
        session = await leave(rig)
        assert SessionFlag.StartOffline in session.flags
        await rig.system.come_back()
        await settle(rig)


# ------------------------------------------------------------------------------------------------------------ MANUAL


async def test_a_manual_station_is_started_from_the_app_with_a_duration(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"station": {"operating_mode": "MANUAL", "plug_and_charge": True}}) as rig:
        await rig.online()
        await plug(rig)
        assert (await show_card(rig)).outcome == "refused"
        assert await remote_start(rig) == "duration_needed"
        await rig.advance(5)
        assert rig.status() == "READY"
        assert await remote_start(rig, duration_s=90) == "ok"
        await until_energy_flows(rig)
        await rig.advance(80)
        assert rig.status() == "CHARGING"
        await until_transaction_ends(rig, within_s=20)
        session = await leave(rig)
        assert (session.stop_source, session.ordered_duration_s) == (StopSource.TIME_LIMIT, 90)
        await settle(rig)


async def test_the_duration_of_a_manual_charge_holds_over_a_restart(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"station": {"operating_mode": "MANUAL"}}) as rig:
        await rig.online()
        await plug(rig)
        assert await remote_start(rig, duration_s=60) == "ok"
        await until_energy_flows(rig)
        await rig.advance(20)
        await rig.crash()
        await rig.advance(1)
        await rig.boot_up()
        await rig.advance(20)
        assert rig.status() == "CHARGING"
        await until_transaction_ends(rig, within_s=30)
        session = await leave(rig)
        assert session.stop_source is StopSource.TIME_LIMIT
        await settle(rig)


# --------------------------------------------------------------------------------------------------------- free mode


async def test_in_free_mode_without_a_screen_plugging_in_is_enough(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"station": {"free_mode": True, "free_mode_id_tag": "NOBODY"}}) as rig:
        await rig.online()
        rig.plug()
        await until_energy_flows(rig)
        await rig.advance(10)
        session = await leave(rig)
        assert starter(session) == ("NOBODY", CredentialType.STAND_IN)
        assert SessionFlag.AuthorizationDisabled in session.flags
        await settle(rig)
        assert rig.system.ledger.transactions[-1].id_tag == "NOBODY"
        assert rig.system.ledger.received["Authorize"] == 0


@pytest.mark.parametrize("has_screen", [True, False])
async def test_in_free_mode_any_card_starts_one_charge_for_the_stand_in(tmp_path: Path, has_screen: bool) -> None:
    screen = {"is_fitted": True} if has_screen else {}
    async with Rig(tmp_path, change={"station": {"free_mode": True}, "screen": screen}) as rig:
        await rig.online()
        if has_screen:
            await plug(rig)
            await rig.advance(5)
            assert rig.status() == "READY"  # with a screen there is a button
            assert (await show_card(rig, OTHER_CARD)).outcome == "started"
        else:
            assert (await show_card(rig, OTHER_CARD)).outcome == "waiting_for_ev"
            rig.plug()
        await until_energy_flows(rig)
        session = await leave(rig)
        assert starter(session) == ("FREE", CredentialType.STAND_IN)
        assert SessionFlag.AuthorizationDisabled in session.flags
        await settle(rig)


async def test_free_mode_switched_on_and_off_at_run_time_is_kept_over_a_restart(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        rig.system.other_cards, rig.system.id_tags["FREE"] = "Invalid", "Accepted"
        assert (await rig.bus.call("station", SetFreeMode(on=True, by="installer"))).ok
        await rig.cut_power()
        await rig.restore_power()
        await rig.online()
        rig.plug()
        await until_energy_flows(rig)
        await leave(rig)
        assert (await rig.bus.call("station", SetFreeMode(on=False, by="installer"))).ok
        await rig.stop()
        await rig.boot_up()
        await rig.online()
        await plug(rig)
        await rig.advance(5)
        assert rig.status() == "READY"
        assert (await show_card(rig)).outcome == "refused"
        await leave(rig)
        await rig.drained()
        assert len(rig.system.ledger.transactions) == 1
        await rig.check()


async def test_the_mode_switched_at_run_time_is_kept_over_a_restart(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        assert (await rig.bus.call("station", SetOperatingMode(mode=OperatingMode.HOME, by="installer"))).ok
        await rig.crash()
        await rig.boot_up()
        await rig.online()
        await plug(rig)
        assert (await show_card(rig)).outcome == "refused"
        await leave(rig)
        assert (await rig.bus.call("station", SetOperatingMode(mode=OperatingMode.NORMAL, by="installer"))).ok
        await usable(rig)
        await settle(rig)


# --------------------------------------------------------------------------------------------------- plug-and-charge


async def test_plug_and_charge_starts_by_itself_and_tells_the_stand_in(tmp_path: Path) -> None:
    async with Rig(
        tmp_path,
        change={
            "station": {"plug_and_charge": True, "plug_and_charge_id_tag": "PNC"},
            "access": {"white": [OTHER_CARD]},  # lists are not applied in plug-and-charge
        },
    ) as rig:
        await rig.online()
        rig.plug()
        await until_energy_flows(rig)
        await rig.advance(10)
        session = await leave(rig)
        assert starter(session) == ("PNC", CredentialType.STAND_IN)
        assert (session.start_source, session.is_reported) == (StartSource.PLUG_AND_CHARGE, True)
        assert SessionFlag.PlugnCharge in session.flags
        await settle(rig)
        assert rig.system.ledger.transactions[-1].id_tag == "PNC"


@pytest.mark.parametrize("of_station", [True, False])
async def test_a_connector_may_differ_from_the_station_in_plug_and_charge(tmp_path: Path, of_station: bool) -> None:
    own = f"number = 1\nplug_and_charge = {str(not of_station).lower()}\ntype"
    text = TWO_AC.replace("number = 1\ntype", own)
    async with Rig(tmp_path, text, change={"station": {"plug_and_charge": of_station}}) as rig:
        await rig.online()
        by_itself, by_card = (2, 1) if of_station else (1, 2)
        rig.plug(by_itself)
        await until_energy_flows(rig, by_itself)
        await plug(rig, by_card)
        await rig.advance(5)
        assert rig.status(by_card) == "READY"
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig, by_card)
        await leave(rig, 1)
        await leave(rig, 2)
        await settle(rig)


async def test_a_charge_that_began_by_plugging_in_does_not_begin_again_after_it_was_stopped(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"station": {"plug_and_charge": True}}) as rig:
        await rig.online()
        rig.plug()
        await until_energy_flows(rig)
        (running,) = rig.system.ledger.running()
        await rig.system.call("one", "RemoteStopTransaction", {"transactionId": running.ids[-1]})
        await until_transaction_ends(rig)
        await rig.advance(30)
        assert rig.status() == "CHARGED"
        await leave(rig)
        assert len(await rig.sessions()) == 1
        await settle(rig)


async def test_plug_and_charge_begins_when_what_stood_against_it_is_gone(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"station": {"plug_and_charge": True}}) as rig:
        await rig.online()
        rig.simulated.cut("bus")
        await rig.until_status("UNAVAILABLE", within_s=20)
        rig.plug()
        await rig.advance(10)
        rig.simulated.restore("bus")
        await until_energy_flows(rig)
        await leave(rig)
        await settle(rig)


# ------------------------------------------------------------------------------------------------------- stand-alone


async def test_stand_alone_with_empty_lists_everybody_charges_and_a_white_list_keeps_strangers_out(
    tmp_path: Path,
) -> None:
    async with Rig(tmp_path, is_linked=False) as rig:
        await usable(rig)
        await usable(rig, uid=OTHER_CARD)
        await rig.bus.call("hub", ChangeSettings(values={"access.white": CARD}, by="installer"))
        await rig.advance(0.5)
        await plug(rig)
        refused = await show_card(rig, OTHER_CARD)
        assert (refused.outcome, refused.reason) == ("refused", CardReason.NOT_HERE)
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig)
        await leave(rig)
        await settle(rig)


async def test_stand_alone_a_manual_station_is_started_with_a_duration_by_whoever_may(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"station": {"operating_mode": "MANUAL"}}, is_linked=False) as rig:
        await plug(rig)
        refused = await show_card(rig)
        assert (refused.outcome, refused.reason) == ("refused", CardReason.APP_ONLY)
        start = StartCharging(
            connector=1,
            credential=Credential("anna", CredentialType.LOGIN),
            source=StartSource.REMOTE_COMMAND,
            is_authorized=True,
            duration_s=60,
        )
        assert (await rig.bus.call("station", start)).ok
        await until_energy_flows(rig)
        await until_transaction_ends(rig, within_s=80)
        session = await leave(rig)
        assert (session.stop_source, session.is_reported) == (StopSource.TIME_LIMIT, False)
        await settle(rig)


async def test_stand_alone_plug_and_charge_and_free_mode_need_nobody(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"station": {"plug_and_charge": True}}, is_linked=False) as rig:
        rig.plug()
        await until_energy_flows(rig)
        assert starter(await leave(rig)) == ("PLUGNCHARGE", CredentialType.STAND_IN)
        assert (await rig.bus.call("station", SetFreeMode(on=True, by="installer"))).ok
        rig.plug()
        await until_energy_flows(rig)
        assert starter(await leave(rig)) == ("FREE", CredentialType.STAND_IN)
        await settle(rig)
