"""More meter values wait than the cap allows: thinned, said, and the transaction is whole all the same (O055)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from chargepoint.records import Happened
from tests.journeys.rig import Rig

CAP = 60
CHANGE = {"ocpp": {"configuration": {"MeterValueSampleInterval": 2, "AllowOfflineTxForUnknownId": True}}}


async def test_above_the_cap_meter_values_are_thinned_evenly_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chargepoint.storage.history.MOST_UNTOLD", CAP)
    monkeypatch.setattr("chargepoint.station.bookkeeping.PRUNE_EVERY_S", 100.0)
    monkeypatch.setattr("ocpp_client.backlog.MAX_LIVE", 5)  # what is in memory already is told as it is
    monkeypatch.setattr("ocpp_client.backlog.SAMPLE_PAGE", 5)
    async with Rig(tmp_path, change=CHANGE) as rig:
        await rig.online()
        await rig.advance(5)
        await rig.system.go_away()
        await rig.advance(60)
        rig.plug(current_a=16)
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING", within_s=30)
        await rig.advance(300)
        rig.unplug()
        await rig.until_status("AVAILABLE")
        await rig.advance(120)
        await rig.system.come_back()
        await rig.drained()
        (one,) = rig.system.ledger.transactions
        assert CAP / 2 < one.meter_values <= CAP + 10
        gaps = [(after.at - before.at).total_seconds() for before, after in pairwise(one.samples)]
        assert max(gaps) <= 3 * 300 / CAP
        notes = [row.entry for row in await rig.journal("Happened")]
        said = [note for note in notes if isinstance(note, Happened) and note.action == "samples thinned"]
        assert said and "thinned out" in said[0].message
        await rig.check()
