"""The local authorisation list around whole charges: without link, with a word that came too late, over a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chargepoint.vocabulary import LinkState, SessionFlag, StopSource
from tests.journeys.rig import Rig
from tests.journeys.steps import CARD, leave, plug, settle, show_card, until_energy_flows, until_transaction_ends

STATION = "one"


async def send_list(rig: Rig, version: int, **cards: str) -> None:
    rows: list[dict[str, Any]] = [{"idTag": tag, "idTagInfo": {"status": status}} for tag, status in cards.items()]
    payload = {"listVersion": version, "updateType": "Full", "localAuthorizationList": rows}
    assert await rig.system.call(STATION, "SendLocalList", payload) == {"status": "Accepted"}


async def lose_link(rig: Rig) -> None:
    await rig.system.go_away()
    await rig.until(lambda: rig.link and rig.link.state is not LinkState.ONLINE, 10)


@pytest.mark.ocpp("3.5-offline-local", "3.5.2-list-kept")
async def test_a_card_of_the_list_charges_without_link_after_a_crash_and_is_told_later(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await send_list(rig, 1, **{CARD.lower(): "Accepted"})
        await lose_link(rig)
        await rig.crash()
        await rig.advance(1)
        await rig.boot_up()
        await plug(rig)
        await show_card(rig)
        await until_energy_flows(rig)
        await rig.advance(20)
        await show_card(rig)
        await until_transaction_ends(rig)
        session = await leave(rig)
        assert SessionFlag.UserAuthorizedByList in session.flags
        await rig.system.come_back()
        await settle(rig)
        assert [one.reason for one in rig.system.ledger.transactions] == ["Local"]


@pytest.mark.ocpp("3.5.4-deauthorize", "3.5.2-conflict")
async def test_a_card_of_the_list_that_was_blocked_meanwhile_is_stopped_when_the_link_is_back(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await send_list(rig, 1, **{CARD: "Accepted"})
        await lose_link(rig)
        await plug(rig)
        await show_card(rig)
        await until_energy_flows(rig)
        rig.system.id_tags[CARD] = "Blocked"
        await rig.system.come_back()
        await until_transaction_ends(rig, within_s=120)
        session = await leave(rig)
        assert session.stop_source in (StopSource.OFFLINE_AUTH_ERROR, StopSource.OCPP_AUTH_ERROR)
        await settle(rig)
        assert [one.reason for one in rig.system.ledger.transactions] == ["DeAuthorized"]
        codes = [call.payload["errorCode"] for call in rig.system.ledger.calls("StatusNotification")]
        assert "LocalListConflict" in codes


@pytest.mark.ocpp("3.5.4-known-bad")
async def test_a_card_the_list_blocks_never_charges_without_link(tmp_path: Path) -> None:
    presets = {"ocpp": {"configuration": {"AllowOfflineTxForUnknownId": True}}}
    async with Rig(tmp_path, change=presets) as rig:
        await rig.online()
        await send_list(rig, 1, **{CARD: "Blocked"})
        await lose_link(rig)
        await plug(rig)
        assert (await show_card(rig)).outcome == "refused"
        await rig.advance(10)
        await rig.system.come_back()
        await settle(rig)
        assert not rig.system.ledger.transactions
