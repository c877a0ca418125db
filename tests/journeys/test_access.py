"""Who may charge: lists, users, cards, groups (statuses.md 8 and 14)."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.messages import ChangeSettings
from chargepoint.vocabulary import Role, SessionState, StopSource
from tests.journeys.rig import Rig
from tests.journeys.steps import (
    CARD,
    OTHER_CARD,
    TWO_AC,
    charge,
    leave,
    peer,
    plug,
    remove_user,
    save_user,
    settle,
    show_card,
    until_energy_flows,
    until_transaction_ends,
    usable,
)


async def change_settings(rig: Rig, values: dict[str, str | None]) -> None:
    await rig.bus.call("hub", ChangeSettings(values=values, by="installer"))
    await rig.advance(0.5)


async def test_with_a_white_list_only_its_cards_charge_and_the_black_list_is_not_read(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"access": {"white": [CARD.lower()], "black": [CARD]}}) as rig:
        await rig.online()
        await plug(rig)
        assert (await show_card(rig, OTHER_CARD)).outcome == "refused"
        assert rig.system.ledger.received["Authorize"] == 0  # nobody needs to ask
        assert (await show_card(rig, CARD)).outcome == "started"
        await until_energy_flows(rig)
        await leave(rig)
        await settle(rig)


async def test_a_black_list_keeps_its_cards_out_and_lets_all_others_in(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"access": {"black": [OTHER_CARD]}}) as rig:
        await rig.online()
        await plug(rig)
        assert (await show_card(rig, OTHER_CARD)).outcome == "refused"
        assert (await show_card(rig, CARD)).outcome == "started"
        await until_energy_flows(rig)
        await leave(rig)
        await settle(rig)


async def test_a_list_names_users_with_all_their_cards(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"access": {"white": ["driver"]}}) as rig:
        await rig.online()
        await save_user(rig, cards=(CARD.lower(), OTHER_CARD))
        await charge(rig, uid=OTHER_CARD)
        await leave(rig)
        await usable(rig, uid=CARD)
        await settle(rig)


async def test_a_card_listed_as_black_at_run_time_ends_its_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        await change_settings(rig, {"access.black": f"{OTHER_CARD}, {CARD.lower()}"})
        await until_transaction_ends(rig, within_s=10)
        session = await leave(rig)
        assert session.stop_source is StopSource.USER_FORBIDDEN
        assert rig.system.ledger.transactions[-1].reason == "DeAuthorized"
        await settle(rig)


@pytest.mark.parametrize("door", ["webconfig", "admin"])
async def test_a_blocked_user_cannot_start_and_blocking_ends_a_charge(tmp_path: Path, door: str) -> None:
    async with Rig(tmp_path) as rig, peer(rig, "webconfig") as webconfig:
        bus = webconfig if door == "webconfig" else rig.bus
        await rig.online()
        await save_user(rig, "installer", role=Role.ADMINISTRATOR, cards=())  # the web changes users for such only
        await save_user(rig, bus=bus)
        await charge(rig)
        await save_user(rig, bus=bus, is_blocked=True)
        await until_transaction_ends(rig, within_s=10)
        session = await leave(rig)
        assert (session.stop_source, session.stopper) == (StopSource.USER_FORBIDDEN, None)
        await plug(rig)
        assert (await show_card(rig)).outcome == "refused"
        await leave(rig)
        await settle(rig)


async def test_a_user_who_may_not_charge_here_is_refused(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await save_user(rig, is_allowed=False)
        await plug(rig)
        assert (await show_card(rig)).outcome == "refused"
        await leave(rig)
        await usable(rig)
        await settle(rig)


async def test_a_user_removed_from_a_home_station_while_charging_is_stopped(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"station": {"operating_mode": "HOME"}}) as rig:
        await save_user(rig)
        await charge(rig)
        await remove_user(rig)
        await until_transaction_ends(rig, within_s=10)
        session = await leave(rig)
        assert session.stop_source is StopSource.USER_FORBIDDEN
        await settle(rig)


# ---------------------------------------------------------------------------------------------- the user's own energy


async def test_at_the_users_energy_limit_the_charge_ends_and_no_other_begins(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await save_user(rig, energy_limit_wh=600)
        await charge(rig)
        await until_transaction_ends(rig, within_s=200)
        session = await leave(rig)
        assert session.stop_source is StopSource.USER_ENERGY_LIMIT
        assert session.delivered_wh == pytest.approx(600, abs=25)
        await plug(rig)
        assert (await show_card(rig)).outcome == "refused"
        await leave(rig)
        await settle(rig)


async def test_the_users_limit_counts_all_cards_that_are_bound_now(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await save_user(rig, energy_limit_wh=400, cards=(CARD, OTHER_CARD))
        await charge(rig)
        await until_transaction_ends(rig, within_s=200)
        await leave(rig)
        await plug(rig)
        assert (await show_card(rig, OTHER_CARD)).outcome == "refused"
        await save_user(rig, energy_limit_wh=400, cards=(OTHER_CARD,))  # the first card's energy goes with it
        assert (await show_card(rig, OTHER_CARD)).outcome == "started"
        await until_energy_flows(rig)
        await leave(rig)
        await settle(rig)


async def test_two_charges_of_one_user_share_one_limit(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        await save_user(rig, energy_limit_wh=900, cards=(CARD, OTHER_CARD))
        await charge(rig, 1, CARD)
        await charge(rig, 2, OTHER_CARD)
        await until_transaction_ends(rig, 1, within_s=200)
        await until_transaction_ends(rig, 2, within_s=10)
        await leave(rig, 1)
        await leave(rig, 2)
        sessions = await rig.sessions()
        assert {session.stop_source for session in sessions} == {StopSource.USER_ENERGY_LIMIT}
        assert sum(session.delivered_wh for session in sessions) == pytest.approx(900, abs=50)
        await settle(rig)


async def test_a_limit_lowered_during_the_charge_holds_at_once_and_a_raised_one_too(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await save_user(rig, energy_limit_wh=300)
        await charge(rig)
        await save_user(rig, energy_limit_wh=100_000)
        await rig.advance(100)
        assert rig.status() == "CHARGING"
        await save_user(rig, energy_limit_wh=200)
        await until_transaction_ends(rig, within_s=10)
        session = await leave(rig)
        assert session.stop_source is StopSource.USER_ENERGY_LIMIT
        await settle(rig)


async def test_the_users_limit_holds_off_line_and_over_restarts(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"ocpp": {"configuration": {"AllowOfflineTxForUnknownId": True}}}) as rig:
        await rig.online()
        await save_user(rig, energy_limit_wh=700)
        await rig.system.go_away()
        await rig.advance(2)
        await charge(rig)
        await rig.advance(20)
        await rig.crash()
        await rig.advance(1)
        await rig.boot_up()
        await until_transaction_ends(rig, within_s=200)
        session = await leave(rig)
        assert session.stop_source is StopSource.USER_ENERGY_LIMIT
        assert session.delivered_wh == pytest.approx(700, abs=40)
        await rig.stop()
        await rig.boot_up()
        await plug(rig)
        assert (await show_card(rig)).outcome == "refused"
        await leave(rig)
        await rig.system.come_back()
        await settle(rig)


# ------------------------------------------------------------------------------------------------- what a card means


@pytest.mark.ocpp("4.1-before-start", "4.1-blocked")
async def test_a_card_refused_by_the_central_system_does_not_start(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        rig.system.id_tags[OTHER_CARD] = "Blocked"
        await rig.online()
        await plug(rig)
        handled = await show_card(rig, OTHER_CARD)
        assert (handled.outcome, "Blocked" in handled.text) == ("refused", True)
        session = await leave(rig)
        assert session.state is SessionState.GARBAGE
        await usable(rig)
        await settle(rig)


@pytest.mark.ocpp("4.1-same-card")
async def test_another_card_does_not_stop_a_charge_and_its_own_does(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        handled = await show_card(rig, OTHER_CARD)
        assert handled.outcome in ("unavailable", "refused", "nothing_to_do")
        await rig.advance(5)
        assert rig.status() == "CHARGING"
        assert (await show_card(rig)).outcome == "stopped"
        await until_transaction_ends(rig)
        session = await leave(rig)
        assert session.stopper is not None
        assert session.stopper.value == CARD
        await settle(rig)


@pytest.mark.ocpp("3.10-group-stop", "3.10-group-asks")
async def test_a_card_of_the_same_group_stops_a_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        for card in (CARD, OTHER_CARD):
            rig.system.id_tags[card] = {"status": "Accepted", "parentIdTag": "FLEET"}
        await rig.online()
        await charge(rig)
        assert (await show_card(rig, OTHER_CARD)).outcome == "stopped"
        await until_transaction_ends(rig)
        session = await leave(rig)
        assert (session.stop_source, session.stopper and session.stopper.value) == (StopSource.LOCAL, OTHER_CARD)
        await settle(rig)


async def test_one_card_and_two_plugged_in_cars_need_a_choice(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        await plug(rig, 1)
        await plug(rig, 2)
        assert (await show_card(rig)).outcome == "choose"
        assert (rig.status(1), rig.status(2)) == ("READY", "READY")
        await leave(rig, 2)
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig, 1)
        await leave(rig, 1)
        await settle(rig)


async def test_a_card_is_the_same_card_in_any_case(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"station": {"operating_mode": "HOME"}}) as rig:
        await save_user(rig, cards=(CARD.lower(),), energy_limit_wh=300)
        await charge(rig, uid=CARD)
        await until_transaction_ends(rig, within_s=120)
        session = await leave(rig)
        assert session.stop_source is StopSource.USER_ENERGY_LIMIT
        await plug(rig)
        assert (await show_card(rig, CARD)).outcome == "refused"
        await leave(rig)
        await settle(rig)


async def test_a_card_number_too_long_for_ocpp_is_refused_and_never_cut(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await plug(rig)
        rig.simulated.tap("1", CARD + "00" * 7)  # 22 characters
        await rig.advance(5)
        assert rig.status() == "READY"
        assert rig.system.ledger.received["Authorize"] == 0
        await leave(rig)
        await usable(rig)
        await settle(rig)
