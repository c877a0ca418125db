"""Vehicles that say who they are charge without a card (statuses.md 6 and 8)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chargepoint.records import Session
from chargepoint.vocabulary import CredentialType, SessionFlag, StartSource, StopSource
from tests.journeys.rig import READER_AND_SERVER, Rig
from tests.journeys.steps import (
    CARD,
    leave,
    plug,
    save_user,
    settle,
    show_card,
    until_energy_flows,
    until_transaction_ends,
)

ON = {"station": {"autocharge": True}}
HOME = {"station": {"autocharge": True, "operating_mode": "HOME"}}
ADDRESS, ID_TAG = "00:7d:fa:0b:2c:01", "VID:007DFA0B2C01"
VIN = "LSVAU2A37N2183294"

ONE_DC = (
    """
[station]
name = "one"
power_limit_w = 60_000
[[port]]
name = "bus"
device = "bus"
[[connector]]
number = 1
type = "CCS2"
port = "bus"
address = 1
meter = "m1"
max_current_a = 150
max_power_w = 60_000
cable_current_a = 200
[[meter]]
name = "m1"
port = "bus"
address = 10
"""
    + READER_AND_SERVER
)
"""Its vehicles say who they are, as soon as they are plugged in."""


def starter(session: Session) -> tuple[str, CredentialType, StartSource | None]:
    assert session.starter is not None
    return session.starter.value, session.starter.type, session.start_source


@pytest.mark.parametrize(("type_", "uid", "id_tag"), [("CCS2", ADDRESS, ID_TAG), ("GBT", VIN, VIN)])
async def test_a_vehicle_the_central_system_knows_is_charged_by_plugging_in(
    tmp_path: Path, type_: str, uid: str, id_tag: str
) -> None:
    async with Rig(tmp_path, ONE_DC.replace("CCS2", type_), change=ON) as rig:
        rig.system.other_cards, rig.system.id_tags[id_tag] = "Invalid", "Accepted"
        await rig.online()
        rig.plug(vin=uid)
        await until_energy_flows(rig)
        await rig.advance(10)
        session = await leave(rig)
        assert starter(session) == (id_tag, CredentialType.VIN, StartSource.VIN)
        await settle(rig)
        assert rig.system.ledger.transactions[-1].id_tag == id_tag


async def test_a_vehicle_nobody_knows_is_asked_for_once_and_its_driver_may_use_a_card(tmp_path: Path) -> None:
    async with Rig(tmp_path, ONE_DC, change=ON) as rig:
        rig.system.id_tags[ID_TAG] = "Invalid"
        await rig.online()
        await plug(rig, vin=ADDRESS)
        await rig.advance(20)
        assert (rig.status(), rig.system.ledger.received["Authorize"]) == ("READY", 1)
        assert (await show_card(rig)).outcome == "started"
        await until_energy_flows(rig)
        session = await leave(rig)
        assert starter(session) == (CARD, CredentialType.RFID, StartSource.LOCAL)
        await settle(rig)


async def test_a_stopped_vehicle_begins_again_only_when_it_is_plugged_in_again(tmp_path: Path) -> None:
    async with Rig(tmp_path, ONE_DC, change=ON) as rig:
        await rig.online()
        rig.plug(vin=ADDRESS)
        await until_energy_flows(rig)
        (running,) = rig.system.ledger.running()
        await rig.system.call("one", "RemoteStopTransaction", {"transactionId": running.ids[-1]})
        await until_transaction_ends(rig)
        await rig.advance(20)
        assert rig.status() == "CHARGED"
        await leave(rig)
        rig.plug(vin=ADDRESS)
        await until_energy_flows(rig)
        await leave(rig)
        assert len(await rig.sessions()) == 2
        await settle(rig)


@pytest.mark.parametrize("car", [{}, {"vin": "00:00:00:00:00:00"}, {"vin": "NO VIN AT ALL"}])
async def test_a_vehicle_without_an_identity_waits_for_a_card(tmp_path: Path, car: dict[str, Any]) -> None:
    async with Rig(tmp_path, ONE_DC, change=ON) as rig:
        await rig.online()
        await plug(rig, **car)
        await rig.advance(10)
        assert (rig.status(), rig.system.ledger.received["Authorize"]) == ("READY", 0)
        await leave(rig)


async def test_without_autocharge_no_vehicle_is_asked_for(tmp_path: Path) -> None:
    async with Rig(tmp_path, ONE_DC) as rig:
        await rig.online()
        await plug(rig, vin=ADDRESS)
        await rig.advance(10)
        assert (rig.status(), rig.system.ledger.received["Authorize"]) == ("READY", 0)
        await leave(rig)


async def test_without_a_link_the_rules_of_the_link_decide_about_a_vehicle(tmp_path: Path) -> None:
    async with Rig(tmp_path, ONE_DC, change=ON) as rig:
        await rig.online()
        rig.plug(vin=ADDRESS)
        await until_energy_flows(rig)  # from now on it is in the cache
        await leave(rig)
        await rig.drained()
        await rig.system.go_away()
        await rig.advance(2)
        rig.plug(vin=ADDRESS)
        await until_energy_flows(rig)
        session = await leave(rig)
        assert SessionFlag.UserAuthorizedByCache in session.flags
        await plug(rig, vin="00:7d:fa:0b:2c:99")
        await rig.advance(10)
        assert rig.status() == "READY"
        await leave(rig)
        await rig.system.come_back()
        await settle(rig)


async def test_stand_alone_and_at_home_a_users_vehicle_charges_and_anothers_does_not(tmp_path: Path) -> None:
    async with Rig(tmp_path, ONE_DC, change=HOME, is_linked=False) as rig:
        await save_user(rig, cards=(CARD, ID_TAG), energy_limit_wh=400)
        await plug(rig, vin=VIN)
        await rig.advance(10)
        assert rig.status() == "READY"
        await leave(rig)
        rig.plug(vin=ADDRESS)
        await until_energy_flows(rig)
        await until_transaction_ends(rig, within_s=200)
        session = await leave(rig)
        assert session.stop_source is StopSource.USER_ENERGY_LIMIT
        assert starter(session)[1] is CredentialType.VIN
        await settle(rig)


async def test_the_users_card_ends_what_his_vehicle_began(tmp_path: Path) -> None:
    async with Rig(tmp_path, ONE_DC, change=HOME, is_linked=False) as rig:
        await save_user(rig, cards=(CARD, ID_TAG))
        rig.plug(vin=ADDRESS)
        await until_energy_flows(rig)
        assert (await show_card(rig)).outcome == "stopped"
        await until_transaction_ends(rig)
        await leave(rig)
        await settle(rig)
