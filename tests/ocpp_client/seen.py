"""A whole station as the central system sees it: steps of a charge, each of them told before the next begins."""

from __future__ import annotations

from typing import Any

from tests.journeys.rig import Rig
from tests.journeys.steps import CARD, plug, show_card, until_energy_flows, until_transaction_ends

STATION = "one"
TOLD_APART = ("BootNotification", "Heartbeat", "MeterValues", "SecurityEventNotification")


def story(rig: Rig, connector: int = 1) -> list[str]:
    """Actions in order as they came; of StatusNotification the status, and only those of one connector."""
    told = []
    for call in rig.system.ledger.calls():
        if call.action == "StatusNotification":
            if call.payload["connectorId"] == connector:
                told.append(call.payload["status"])
        elif call.action not in TOLD_APART:
            told.append(call.action)
    return told


def payloads(rig: Rig, action: str) -> list[dict[str, Any]]:
    return [call.payload for call in rig.system.ledger.calls(action)]


async def ready(rig: Rig) -> None:
    """The central system has accepted the station and knows the status of all connectors."""
    await rig.online()
    await rig.system.until_received("StatusNotification", len(rig.numbers) + 1)


async def car_comes(rig: Rig, connector: int = 1) -> None:
    await plug(rig, connector)
    await rig.advance(3)


async def begin(rig: Rig, connector: int = 1, uid: str = CARD) -> None:
    """A car comes, a card starts, energy flows, and all of it was told."""
    await car_comes(rig, connector)
    assert (await show_card(rig, uid)).outcome == "started"
    await until_energy_flows(rig, connector)
    await rig.advance(3)


async def stop_by_card(rig: Rig, uid: str = CARD) -> None:
    assert (await show_card(rig, uid)).outcome == "stopped"
    await until_transaction_ends(rig)
    await rig.advance(3)
