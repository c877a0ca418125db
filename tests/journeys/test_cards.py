"""One card, one meaning: where it is to be chosen what a card means, and words for its refusals (hmi.md 2 and 7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.messages import CardHandled, PresentCard, StartCharging
from chargepoint.records import Credential
from chargepoint.vocabulary import CardReason, CredentialType, StartSource, StopSource
from tests.journeys.rig import Rig
from tests.journeys.steps import (
    CARD,
    OTHER_CARD,
    TWO_AC,
    charge,
    leave,
    peer,
    plug,
    save_user,
    settle,
    show_card,
    until_energy_flows,
    until_transaction_ends,
)

HOME = {"station": {"operating_mode": "HOME"}}


# ------------------------------------------------------------------------------------------------ without a screen


async def test_a_card_shown_before_plugging_in_starts_the_socket_that_is_plugged_in_next(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        handled = await show_card(rig)
        assert (handled.outcome, handled.choices) == ("choose", (1, 2))
        heard = rig.bus.subscribe(CardHandled)
        await rig.advance(25)
        rig.plug(2)
        await until_energy_flows(rig, 2)
        assert rig.status(1) == "AVAILABLE"
        told = await anext(aiter(heard))
        assert (told.outcome, told.connector, told.uid) == ("started", 2, CARD)
        heard.close()
        await leave(rig, 2)
        await settle(rig)


async def test_a_car_plugged_in_while_the_card_is_checked_is_the_one_meant(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        rig.system.on("Authorize", delay_s=4, times=1)
        heard = rig.bus.subscribe(CardHandled)
        rig.simulated.tap("1", CARD)
        await rig.advance(1)
        await plug(rig, 2)
        await until_energy_flows(rig, 2)
        told = await anext(aiter(heard))
        assert (told.outcome, told.connector) == ("started", 2)
        heard.close()
        await leave(rig, 2)
        await settle(rig)


async def test_with_two_cars_plugged_in_the_one_that_is_plugged_in_again_is_meant(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        await plug(rig, 1)
        await plug(rig, 2)
        assert (await show_card(rig)).outcome == "choose"
        rig.unplug(2)
        await rig.until_status("AVAILABLE", 2)
        await rig.advance(3)
        assert rig.status(1) == "READY"  # the other one is a stranger's
        rig.plug(2)
        await until_energy_flows(rig, 2)
        assert rig.status(1) == "READY"
        await leave(rig, 1)
        await leave(rig, 2)
        await settle(rig)


async def test_a_card_waits_for_a_choice_no_longer_than_for_a_car(tmp_path: Path) -> None:
    change = {"ocpp": {"configuration": {"ConnectionTimeOut": 60}}}
    async with Rig(tmp_path, TWO_AC, change=change) as rig:
        await rig.online()
        assert (await show_card(rig)).outcome == "choose"
        await rig.advance(62)
        rig.plug(1)
        await rig.until_status("READY", 1)
        await rig.advance(5)
        assert rig.status(1) == "READY"
        await leave(rig, 1)
        await settle(rig)


async def test_another_card_takes_the_place_of_the_one_that_waits(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        assert (await show_card(rig)).outcome == "choose"
        rig.system.other_cards, rig.system.id_tags[CARD] = "Invalid", "Accepted"
        assert (await show_card(rig, OTHER_CARD)).outcome == "refused"
        rig.plug(1)
        await rig.until_status("READY", 1)
        await rig.advance(5)
        assert rig.status(1) == "READY"
        await leave(rig, 1)
        await settle(rig)


async def test_of_two_own_charges_the_card_ends_first_the_one_that_began_first(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        await plug(rig, 2)
        assert (await show_card(rig)).outcome == "started"
        await plug(rig, 1)
        by_app = StartCharging(
            connector=1,
            credential=Credential(CARD, CredentialType.OCPP),
            source=StartSource.OCPP_REMOTE,
            is_authorized=True,
        )
        assert (await rig.bus.call("station", by_app)).ok
        await until_energy_flows(rig, 1)
        for connector in (2, 1):
            handled = await show_card(rig, CARD)
            assert (handled.outcome, handled.connector) == ("stopped", connector)
            await until_transaction_ends(rig, connector)
        await leave(rig, 1)
        await leave(rig, 2)
        await settle(rig)


# ---------------------------------------------------------------------------------------------------------- groups


async def test_another_card_of_the_same_user_ends_the_charge_also_stand_alone(tmp_path: Path) -> None:
    async with Rig(tmp_path, change=HOME, is_linked=False) as rig:
        await save_user(rig, cards=(CARD, OTHER_CARD))
        await charge(rig)
        assert (await show_card(rig, OTHER_CARD)).outcome == "stopped"
        await until_transaction_ends(rig)
        session = await leave(rig)
        assert (session.stop_source, session.stopper and session.stopper.value) == (StopSource.LOCAL, OTHER_CARD)
        await settle(rig)


async def test_a_card_of_the_group_ends_the_charge_also_when_only_the_group_speaks_for_it(tmp_path: Path) -> None:
    """The central system refuses a second charge of the group (ConcurrentTx), and says whose group it is."""
    async with Rig(tmp_path) as rig:
        rig.system.id_tags[CARD] = {"status": "Accepted", "parentIdTag": "FLEET"}
        rig.system.id_tags[OTHER_CARD] = {"status": "ConcurrentTx", "parentIdTag": "FLEET"}
        await rig.online()
        await charge(rig)
        assert (await show_card(rig, OTHER_CARD)).outcome == "stopped"
        await until_transaction_ends(rig)
        await leave(rig)
        await settle(rig)


# ------------------------------------------------------------------------------------------------- words for screens


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ("Invalid", CardReason.UNKNOWN),
        ("Blocked", CardReason.BLOCKED),
        ("Expired", CardReason.EXPIRED),
        ("ConcurrentTx", CardReason.BUSY),
    ],
)
async def test_what_the_central_system_says_of_a_card_has_a_word(tmp_path: Path, says: str, reason: CardReason) -> None:
    async with Rig(tmp_path) as rig:
        rig.system.id_tags[CARD] = says
        await rig.online()
        await plug(rig)
        handled = await show_card(rig)
        assert (handled.outcome, handled.reason) == ("refused", reason)
        await leave(rig)


async def test_refusals_of_the_stations_own_rules_have_words(tmp_path: Path) -> None:
    async with Rig(tmp_path, change={"access": {"black": [OTHER_CARD]}}) as rig:
        await rig.online()
        await plug(rig)
        assert (await show_card(rig, OTHER_CARD)).reason is CardReason.BLOCKED
        for fields, reason in (
            ({"is_blocked": True}, CardReason.BLOCKED),
            ({"is_allowed": False}, CardReason.NOT_HERE),
            ({"energy_limit_wh": 0}, CardReason.LIMIT),
        ):
            await save_user(rig, **fields)
            handled = await show_card(rig)
            assert (handled.outcome, handled.reason) == ("refused", reason)
        await rig.system.go_away()
        await rig.advance(2)
        assert (await show_card(rig, "04000001")).reason is CardReason.OFFLINE
        await rig.system.come_back()
        await leave(rig)


async def test_where_nothing_can_be_started_the_word_says_why(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await charge(rig)
        handled = await show_card(rig, OTHER_CARD)
        assert (handled.outcome, handled.reason) == ("unavailable", CardReason.NONE_FREE)
        await leave(rig)
        rig.simulated.cut("bus")
        await rig.until_status("UNAVAILABLE", within_s=20)
        handled = await show_card(rig, OTHER_CARD)
        assert (handled.outcome, handled.reason) == ("unavailable", CardReason.OUT_OF_ORDER)
        rig.simulated.restore("bus")
        await rig.until_status("AVAILABLE")
        await settle(rig)


async def test_a_card_its_reader_refuses_is_told_and_no_card_that_waits_is_lost(tmp_path: Path) -> None:
    no_reader = TWO_AC.replace('[[reader]]\nname = "1"\nport = "reader"\n', "")
    async with Rig(tmp_path, no_reader) as rig, peer(rig, "rfid") as rfid:
        await rig.online()
        assert (await rfid.call("station", PresentCard(reader="1", uid=CARD))).outcome == "choose"
        refused = PresentCard(reader="1", uid="", refusal=CardReason.RANDOM, text="another number each time")
        outcome = await rfid.call("station", refused)
        assert (outcome.outcome, outcome.reason) == ("refused", CardReason.RANDOM)
        rig.plug(1)
        await until_energy_flows(rig, 1)
        await leave(rig, 1)
        await settle(rig)


async def test_users_that_change_while_a_card_waits_count(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await rig.online()
        assert (await show_card(rig)).outcome == "choose"
        await save_user(rig, is_blocked=True)
        heard = rig.bus.subscribe(CardHandled)
        await plug(rig, 1)
        told = await anext(aiter(heard))
        heard.close()
        assert (told.outcome, told.connector, told.reason) == ("refused", 1, CardReason.BLOCKED)
        assert rig.status(1) == "READY"
        await leave(rig, 1)
