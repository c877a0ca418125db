"""Firmware of controllers from a package: one after the other, only idle ones, each reported, none twice."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from chargepoint.controller_images import Listed
from chargepoint.messages import ActionResult, DeviceState, FirmwareState, UpdateController
from drivers.interfaces import Identity
from fota.controllers import image_for
from tests.fota import parcels
from tests.fota.bench import STATION, Bench

URL = "http://files.example/new.cpk"
IMAGE, MODULES = b"main image" * 100, b"modules image" * 100


class Writing:
    """The station's part: takes one order at a time and tells how it goes."""

    def __init__(self, bench: Bench, firmware: dict[int, str]) -> None:
        self.bench = bench
        self.firmware = firmware
        self.asked: list[tuple[int, str]] = []
        self.busy: set[int] = set()
        self.broken: set[int] = set()
        self.at_once = 0
        self.tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        bus = self.bench.buses["station"]
        bus.serve(UpdateController, self.update)
        bus.set_state("station", msgspec.structs.replace(STATION, connectors=tuple(self.firmware)))
        for number in self.firmware:
            self.tell(number)

    def tell(self, number: int) -> None:
        identity = Identity(model="EVC", hardware_version="2", firmware_version=self.firmware[number])
        state = DeviceState(
            kind="connector", name=str(number), driver="native", port="p", address=number, is_answering=True,
            identity=identity,
        )  # fmt: skip
        self.bench.buses["station"].set_state(f"device/connector/{number}", state)

    async def update(self, request: UpdateController, sender: str) -> ActionResult:
        assert sender == "fota"
        if request.connector in self.busy:
            return ActionResult(ok=False, code="not_idle", text="it charges")
        file = self.bench.layout.slots / "controllers" / request.file
        assert file.read_bytes() in (IMAGE, MODULES)
        self.asked.append((request.connector, request.image))
        self.tasks.append(asyncio.create_task(self.write(request)))
        return ActionResult(ok=True, code="ok")

    async def write(self, request: UpdateController) -> None:
        self.at_once += 1
        assert self.at_once == 1
        bus, number = self.bench.buses["station"], request.connector
        told: dict[str, Any] = {"connector": number, "image": request.image, "version": request.version}
        bus.set_state(f"firmware/{number}", FirmwareState(stage="sending", **told))
        await asyncio.sleep(20)
        is_good = number not in self.broken
        if is_good and request.image == "MAIN":
            self.firmware[number] = request.version
            self.tell(number)
        stage, text = ("done", "") if is_good else ("failed", "the boot loader does not answer")
        bus.set_state(
            f"firmware/{number}", FirmwareState(stage=stage, text=text, code="ok" if is_good else "x", **told)
        )
        self.at_once -= 1


def package(folder: Path) -> Path:
    targets = [
        parcels.target("main.bin", IMAGE, "2.0", model="EVC"),
        parcels.target("modules.bin", MODULES, "3.0", type="MODULES", connectors=(2,)),
    ]
    return parcels.controllers(folder, "1.0.0.7", {"main.bin": IMAGE, "modules.bin": MODULES}, targets)


async def test_each_controller_gets_its_image_one_after_the_other(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        writing = Writing(bench, {1: "1.0", 2: "1.0", 3: "2.0"})
        writing.begin()
        bench.serve(URL, package(tmp_path))
        await bench.begin(URL)
        await bench.stage("done", "failed")
        assert bench.updating.kept.stage == "done", bench.updating.kept
        assert writing.asked == [(1, "MAIN"), (2, "MAIN"), (2, "MODULES")]
        rows = [(row.connector, row.image, row.status) for row in bench.now.controllers]
        assert rows == [(1, "MAIN", "done"), (2, "MAIN", "done"), (2, "MODULES", "done"), (3, "MAIN", "done")]
        assert bench.now.controllers[-1].text == "it has this version already"
        await asyncio.sleep(1)
        assert bench.words[-2:] == ["Installing", "Installed"]
        assert bench.exits == []


async def test_one_that_is_busy_gets_it_later_and_one_that_fails_is_reported(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        writing = Writing(bench, {1: "1.0", 2: "1.0", 3: "1.0"})
        writing.begin()
        writing.busy, writing.broken = {1}, {3}
        bench.serve(URL, package(tmp_path))
        await bench.begin(URL)
        await bench.until(lambda: len(writing.asked) == 3)
        await asyncio.sleep(60)
        assert writing.asked == [(2, "MAIN"), (2, "MODULES"), (3, "MAIN")]
        assert bench.updating.kept.stage == "controllers"
        writing.busy.clear()
        await bench.stage("failed")
        assert writing.asked[-1] == (1, "MAIN")
        assert bench.updating.kept.text == "connector 3, MAIN: the boot loader does not answer"


async def test_after_a_cut_only_the_rest_is_written(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        writing = Writing(bench, {1: "1.0", 2: "1.0"})
        writing.begin()
        bench.serve(URL, package(tmp_path))
        await bench.begin(URL)
        await bench.until(lambda: len(writing.asked) == 2)
        await bench.cut()
        await asyncio.gather(*writing.tasks, return_exceptions=True)
        writing.at_once = 0
        writing.firmware[2] = "1.0"
        await bench.boot()
        writing.begin()
        await bench.stage("done")
        assert writing.asked == [(1, "MAIN"), (2, "MAIN"), (2, "MAIN"), (2, "MODULES")]


def test_the_package_says_which_controller_gets_what() -> None:
    main = Listed(image="m", type="MAIN", version="2", sha256="0" * 64, model="EVC", hardware="2")
    some = Listed(image="s", type="MODULES", version="3", sha256="1" * 64, connectors=(4,))
    images = (main, some)
    assert image_for(images, 1, "MAIN", Identity(model="EVC", hardware_version="2")) is main
    assert image_for(images, 1, "MAIN", Identity(model="EVC", hardware_version="3")) is None
    assert image_for(images, 1, "MODULES", Identity()) is None
    assert image_for(images, 4, "MODULES", Identity()) is some
    assert some.runs_on(Identity(module_version="3")) and not some.runs_on(Identity(firmware_version="3"))
    assert not Listed(image="m", type="MAIN", sha256="0" * 64).runs_on(Identity())
