"""`chargepoint firmware`: controllers get their firmware while the station is stopped."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from chargepoint.__main__ import main
from chargepoint.commands import firmware
from chargepoint.commands.firmware import Report
from chargepoint.config import Settings, load
from chargepoint.data_lock import data_lock
from drivers.native.boot_loader import make_image
from drivers.native.codes import ImageKind
from drivers.simulated.boot_loader import HARDWARE
from drivers.simulated.plan import SimulationFile, of_settings
from drivers.simulated.station import SimulatedStation
from drivers.simulated.vehicle import PlugOptions

STATION = """
[station]
name = "one"
power_limit_w = 44_000
[[port]]
name = "bus"
device = "bus"
""" + "".join(
    f"""
[[connector]]
number = {number}
type = "{kind}"
port = "bus"
address = {number}
meter = "m{number}"
max_current_a = 32
max_power_w = 22_000
cable_current_a = 32
[[meter]]
name = "m{number}"
port = "bus"
address = {number + 10}
"""
    for number, kind in ((1, "TYPE2"), (2, "TYPE2"), (3, "CCS2"))
)


class Bench:
    """A station file, its images, and the simulated devices at its ports."""

    def __init__(self, folder: Path) -> None:
        self.config, self.data, self.slots = folder / "station.toml", folder / "data", folder / "slots"
        self.config.write_text(STATION)
        self.data.mkdir()
        settings: Settings = load(self.config)
        self.devices = SimulatedStation(of_settings(msgspec.to_builtins(settings), SimulationFile()))

    def images(self, *kinds: str, connectors: tuple[int, ...] = (), model: str = "") -> None:
        folder = self.slots / "controllers"
        folder.mkdir(parents=True)
        targets = []
        for kind in kinds:
            data = make_image(kind, HARDWARE[ImageKind[kind]], "1.1.0", "Simulated", bytes(5000))
            sha256, name = hashlib.sha256(data).hexdigest(), f"{kind.lower()}.bin"
            (folder / f"{sha256[:16]}-{name}").write_bytes(data)
            targets.append(
                {"image": name, "type": kind, "version": "1.1.0", "sha256": sha256, "connectors": connectors,
                 "model": model, "size": len(data), "hardware": ""}
            )  # fmt: skip
        (folder / "info.json").write_text(json.dumps({"version": "1.1.0.0", "sha256": "", "targets": targets}))

    async def update(self, *words: str) -> Report:
        parser = argparse.ArgumentParser()
        firmware.add_arguments(parser)
        places = ["--config", str(self.config), "--data", str(self.data), "--slots", str(self.slots)]
        return await firmware.update(parser.parse_args([*places, *words]), self.devices.wire_for)


@contextmanager
def a_bench(folder: Path) -> Iterator[Bench]:
    bench = Bench(folder)
    try:
        yield bench
    finally:
        bench.devices.close()


def said(report: Report) -> list[tuple[int, str, str]]:
    return [(row.connector, row.image, row.status) for row in report.rows]


async def test_every_controller_gets_its_version_once(tmp_path: Path) -> None:
    with a_bench(tmp_path) as bench:
        bench.images("MAIN")
        report = await bench.update()
        assert report.ok
        assert said(report) == [(1, "MAIN", "done"), (2, "MAIN", "done"), (3, "MAIN", "done")]
        assert (report.rows[0].version_before, report.rows[0].version_after) == ("1.0.0", "1.1.0")
        again = await bench.update()
        assert said(again) == [(1, "MAIN", "same"), (2, "MAIN", "same"), (3, "MAIN", "same")]
        await asyncio.sleep(3)
        once_more = await bench.update("--again", "--connector", "2")
        assert said(once_more) == [(2, "MAIN", "done")]


async def test_one_that_fails_holds_up_no_other_and_is_brought_back_by_the_next_run(tmp_path: Path) -> None:
    with a_bench(tmp_path) as bench:
        bench.images("MAIN")
        bench.devices.fault(1, "boot_refuses", 3)
        bench.devices.plug(2, PlugOptions())
        await asyncio.sleep(2)
        report = await bench.update("--attempts", "1")
        assert not report.ok
        assert [(row.status, row.code) for row in report.rows] == [
            ("failed", "refused"), ("failed", "not_idle"), ("done", "ok"),
        ]  # fmt: skip
        assert "it did not take block 3 of 23" in report.rows[0].text
        bench.devices.clear(1)
        assert said(await bench.update("--connector", "1")) == [(1, "MAIN", "done")]


async def test_only_those_that_are_meant_get_an_image(tmp_path: Path) -> None:
    with a_bench(tmp_path) as bench:
        bench.images("MAIN", "MODULES", connectors=(3,), model="Simulated")
        assert said(await bench.update()) == [(3, "MAIN", "done"), (3, "MODULES", "done")]


async def test_an_image_of_another_model_is_for_nobody(tmp_path: Path) -> None:
    with a_bench(tmp_path) as bench:
        bench.images("MAIN", model="Other")
        report = await bench.update()
        assert report.ok and not report.rows


async def test_an_image_that_was_changed_is_not_written(tmp_path: Path) -> None:
    with a_bench(tmp_path) as bench:
        bench.images("MAIN", connectors=(1,))
        (image,) = (bench.slots / "controllers").glob("*.bin")
        image.write_bytes(image.read_bytes()[:-1] + b"!")
        report = await bench.update()
        assert [(row.status, row.code) for row in report.rows] == [("failed", "bad_file")]
        assert "is not the one that is meant" in report.rows[0].text


async def test_a_list_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with a_bench(tmp_path) as bench:
        bench.images("MAIN")
        (bench.slots / "controllers" / "info.json").write_text("{")
        report = await bench.update()
        assert not report.ok and "cannot be read" in report.problem


def words(folder: Path) -> list[str]:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "station.toml").write_text(STATION)
    return ["firmware", "--config", str(folder / "station.toml"), "--data", str(folder / "data"), "--slots",
            str(folder / "slots")]  # fmt: skip


def test_without_images_there_is_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(tmp_path)) == 0
    assert capsys.readouterr().out == "There is nothing to write.\n"
    kept = msgspec.json.decode((tmp_path / "data" / "station" / "firmware.json").read_bytes(), type=Report)
    assert kept.ok


def test_while_a_station_runs_it_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = words(tmp_path)
    with data_lock(tmp_path / "data"):
        assert main(given) == 1
    assert "a station runs on it already" in capsys.readouterr().err
