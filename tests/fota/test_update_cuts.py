"""The power goes at any moment of an update, several times: it ends installed or failed, and says so (C062, R31)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from chargepoint import slots
from ocpp_client.v16.firmware import ENDS_OF_UPDATE
from tests.fota import parcels
from tests.fota.bench import Bench

URL = "http://files.example/new.cpk"


@pytest.mark.parametrize("seed", range(8))
async def test_power_cuts_at_any_moment_leave_an_old_or_a_new_version(tmp_path: Path, seed: int) -> None:
    await one_round(tmp_path, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 300))
async def test_two_hundred_rounds_of_power_cuts(tmp_path: Path, seed: int) -> None:
    await one_round(tmp_path, seed)


async def one_round(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    async with Bench(folder, check_s=10) as bench:
        bench.server.speed = 100
        bench.server.cuts = chance.choice((0, 0, 1))
        bench.serve(URL, parcels.application(folder, "1.1.0.0"))
        assert (await bench.begin(URL, retry_interval_s=5)).ok
        for _ in range(chance.choice((1, 1, 2, 3))):
            await bench.let_run(chance.uniform(0.0, 45.0))
            await bench.cut()
            await bench.boot()
        await bench.stage("done", "failed")
        await bench.until(lambda: not bench.updating.kept.untold)
        state = slots.read(bench.layout.slots)
        is_done = bench.updating.kept.stage == "done"
        assert (state.current == "a", state.trial) == (is_done, False)
        assert slots.is_whole(bench.tree)
        ends = [word for word in bench.words if word in ENDS_OF_UPDATE]
        assert set(ends) == {"Installed" if is_done else "InstallationFailed"}
        assert bench.left_behind() == (["App.station.1.1.0.0.cpk"] if is_done else [])
        again = await bench.begin(URL, by="webconfig")
        assert again.ok
