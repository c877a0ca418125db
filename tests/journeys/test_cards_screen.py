"""Cards and vehicles that start by themselves, at a station with a screen (hmi.md 2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.messages import CardHandled
from chargepoint.station.checks import Check
from chargepoint.station.connector import Authorised
from chargepoint.station.outlet import Outlet
from chargepoint.vocabulary import CardReason, CredentialType
from tests.journeys.screens import ScreenRig
from tests.journeys.steps import CARD, OTHER_CARD, save_user, settle, until_energy_flows


async def test_a_waiting_card_means_the_cable_that_is_plugged_in_also_where_there_is_a_screen(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await rig.online()
        await rig.shows("MainMenu", 60)
        await rig.tap(CARD)
        await rig.shows("MainMenu")
        rig.plug(2)
        await rig.shows("SessionInfo", 60)
        assert (rig.screen_connector, rig.status(1)) == (2, "AVAILABLE")
        rig.unplug(2)
        await rig.until_status("AVAILABLE", 2)
        await settle(rig)


async def test_at_a_screen_a_card_waits_half_a_minute_for_the_choice(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await rig.online()
        await rig.shows("MainMenu", 60)
        await rig.tap(CARD)
        await rig.shows("MainMenu")
        await rig.advance(31)
        rig.plug(2)
        await rig.until_status("READY", 2)
        await rig.advance(5)
        assert rig.status(2) == "READY"
        rig.unplug(2)
        await rig.until_status("AVAILABLE", 2)
        await settle(rig)


async def test_a_card_held_on_the_screen_of_a_connector_means_that_connector(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await rig.online()
        await rig.shows("MainMenu", 60)
        rig.plug(1)
        await rig.shows("Auth")
        await rig.touch("home", "tile:2", "start")
        await rig.shows("Auth")
        await rig.tap(CARD)
        await rig.until_status("WAITING_FOR_EV", 2)
        assert rig.status(1) == "READY"
        rig.plug(2)
        await until_energy_flows(rig, 2)
        for connector in (1, 2):
            rig.unplug(connector)
            await rig.until_status("AVAILABLE", connector)
        await settle(rig)


async def test_plug_and_charge_needs_no_touch_and_the_screen_follows(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path, change={"station": {"plug_and_charge": True}}) as rig:
        await rig.online()
        await rig.shows("MainMenu", 60)
        rig.plug(1)
        await rig.shows("SessionInfo", 60)
        state = rig.state(1)
        assert state is not None and state.session is not None and state.session.starter is not None
        assert state.session.starter.type is CredentialType.STAND_IN
        rig.unplug(1)
        await rig.until_status("AVAILABLE", 1)
        await settle(rig)


async def test_a_refusal_is_told_with_its_reason(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        rig.system.id_tags[OTHER_CARD] = "Blocked"
        await rig.online()
        await rig.shows("MainMenu", 60)
        heard = rig.bus.subscribe(CardHandled)
        rig.plug(1)
        await rig.until_status("READY", 1)
        await rig.tap(OTHER_CARD)
        await rig.shows("DialogPA")
        told = await anext(aiter(heard))
        heard.close()
        assert (told.outcome, told.reason) == ("refused", CardReason.BLOCKED)
        rig.unplug(1)
        await rig.until_status("AVAILABLE", 1)


# ------------------------------------------------------------------------------------------ Cancel, and what is left


async def test_a_card_whose_check_is_cancelled_starts_nothing_when_the_server_accepts_it_later(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await rig.online()
        await rig.awake()
        rig.system.on("Authorize", delay_s=8, times=1)
        rig.plug(1)
        await rig.shows("Auth")
        heard = rig.bus.subscribe(CardHandled)
        rig.simulated.tap("1", CARD)
        await rig.shows("AuthWait")
        await rig.touch("cancel")
        await rig.shows("Auth")
        assert (await anext(aiter(heard))).outcome == "cancelled"
        heard.close()
        await rig.advance(20)
        assert (rig.screen, rig.status(1), rig.status(2)) == ("Auth", "READY", "AVAILABLE")
        await rig.tap(CARD)  # the same card, now wanted
        await until_energy_flows(rig, 1)
        rig.unplug(1)
        await rig.until_status("AVAILABLE", 1)
        await settle(rig)


async def test_a_start_that_was_cancelled_while_it_was_begun_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ScreenRig(tmp_path) as rig:
        await rig.online()
        await rig.awake()
        rig.plug(1)
        await rig.shows("Auth")
        ask = Outlet.ask

        async def cancelled(outlet: Outlet, event: object) -> object:
            if isinstance(event, Authorised):
                check = open_checks[-1]
                check.is_cancelled = True
            return await ask(outlet, event)  # type: ignore[arg-type]

        open_checks: list[Check] = []
        made = Check.__init__

        def keep(check: Check, reader: str, card: str) -> None:
            made(check, reader, card)
            open_checks.append(check)

        monkeypatch.setattr(Check, "__init__", keep)
        monkeypatch.setattr(Outlet, "ask", cancelled)
        heard = rig.bus.subscribe(CardHandled)
        rig.simulated.tap("1", CARD)
        assert (await anext(aiter(heard))).outcome == "cancelled"
        heard.close()
        await rig.advance(30)
        assert rig.status(1) == "CHARGED"  # it ended; the car is still there
        assert all(not session.delivered_wh for session in await rig.sessions())
        rig.unplug(1)
        await rig.until_status("AVAILABLE", 1)
        await settle(rig)


async def test_the_driver_is_told_what_is_left_of_his_limit(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await rig.online()
        await rig.awake()
        await save_user(rig, energy_limit_wh=18_400)
        rig.plug(1)
        await rig.shows("Auth")
        heard = rig.bus.subscribe(CardHandled)
        rig.simulated.tap("1", CARD)
        handled = await anext(aiter(heard))
        heard.close()
        assert (handled.outcome, handled.left_wh) == ("started", 18_400)
        await rig.shows("DialogPA")
        assert any("Left of your limit: 18.4" in text for text in rig.panel.texts)
        await until_energy_flows(rig, 1)
        rig.unplug(1)
        await rig.until_status("AVAILABLE", 1)
        await settle(rig)
