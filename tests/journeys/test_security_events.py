"""Security events on their way through the whole station."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.vocabulary import StopSource
from tests.journeys.rig import Rig

ACTION = "SecurityEventNotification"


def told(rig: Rig) -> list[str]:
    return [call.payload["type"] for call in rig.system.ledger.calls(ACTION)]


@pytest.mark.ocpp("A04-StartupOfTheDevice", "A04-ResetOrReboot", "A04-durable", "A04-offline")
async def test_starts_and_resets_are_told_once_also_when_they_happened_without_link(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        await rig.online()
        await rig.until(lambda: told(rig) == ["StartupOfTheDevice"])
        await rig.advance(5)
        await rig.system.go_away()
        await rig.stop(30, StopSource.OCPP_SOFT_RESET)
        await rig.boot_up()
        await rig.advance(30)
        await rig.cut_power()
        await rig.restore_power()
        await rig.advance(30)
        await rig.system.come_back()
        await rig.online()
        await rig.until(lambda: len(told(rig)) >= 4)
        await rig.advance(60)
        assert told(rig) == ["StartupOfTheDevice", "StartupOfTheDevice", "ResetOrReboot", "StartupOfTheDevice"]
        await rig.check()
