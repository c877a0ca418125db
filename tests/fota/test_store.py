"""Packages as people see them: sent in pieces, gone on with after a cut, listed, removed; read from a stick."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import (
    InstallPackage,
    OfferAnswer,
    OfferPackage,
    Package,
    PackagesPage,
    ReadPackages,
    RemovePackage,
    TechnicianState,
)
from fota.packages import Packages
from tests.fota import parcels
from tests.fota.bench import Bench

PIECE = 700


async def offer(bench: Bench, name: str, size: int, **more: Any) -> OfferAnswer:
    return await bench.buses["webconfig"].call("fota", OfferPackage(name=name, size_bytes=size, by="anna", **more))


async def send(bench: Bench, name: str, content: bytes, until: int | None = None) -> OfferAnswer:
    """As the web does it: first ask how much is there, then piece by piece."""
    answer = await offer(bench, name, len(content))
    while answer.ok and answer.code != "done" and answer.offset < (until or len(content)):
        data = content[answer.offset : answer.offset + PIECE]
        answer = await offer(bench, name, len(content), offset=answer.offset, data=data)
    return answer


async def read(bench: Bench, **more: Any) -> PackagesPage:
    return await bench.buses["webconfig"].call("fota", ReadPackages(by="anna", **more))


async def only(bench: Bench) -> Package:
    (package,) = (await read(bench)).packages
    return package


async def test_a_package_that_is_sent_in_pieces_goes_on_after_a_cut_and_is_installed(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        file = parcels.application(tmp_path, "1.1.0.0", notes="new prices")
        content = file.read_bytes()
        await send(bench, file.name, content, until=PIECE)
        package = await only(bench)
        assert (package.status, package.received_bytes, package.size_bytes) == ("partial", PIECE, len(content))
        await bench.cut()
        await bench.boot()
        assert (await offer(bench, file.name, len(content))).offset == PIECE
        wrong = await offer(bench, file.name, len(content), offset=3, data=b"x")
        assert (wrong.code, wrong.offset) == ("offset", PIECE)
        assert (await send(bench, file.name, content)).code == "done"
        package = await only(bench)
        assert (package.status, package.kind, package.version, package.notes) == (
            "new",
            "application",
            "1.1.0.0",
            "new prices",
        )
        assert package.problem == ""
        install = InstallPackage(name=file.name, by="anna")
        assert (await bench.buses["hmi"].call("fota", install)).ok
        busy = await bench.buses["webconfig"].call("fota", RemovePackage(name=file.name))
        assert busy.code == "busy"
        await bench.stage("done")
        assert (await only(bench)).status == "kept"
        assert (await bench.buses["webconfig"].call("fota", RemovePackage(name=file.name))).ok
        assert (await read(bench)).packages == ()


async def test_what_is_no_package_is_not_kept(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        answer = await send(bench, "App.station.9.9.9.9.cpk", b"#!/bin/sh\nrm -rf /\n" * 100)
        assert (answer.code, answer.text) == ("refused", "This is no update package: it does not begin with CPUPDATE.")
        assert bench.left_behind() == []
        assert (await offer(bench, "evil.sh", 100)).code == "refused"


async def test_a_package_that_cannot_be_installed_here_says_why(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        file = parcels.application(tmp_path, "1.1.0.0", product="other")
        assert (await send(bench, file.name, file.read_bytes())).code == "done"
        assert (await only(bench)).problem.startswith("other_product: It is for other")
        refused = await bench.buses["webconfig"].call("fota", InstallPackage(name=file.name))
        assert (refused.code, refused.values) == ("refused", {"reason": "other_product"})


async def test_there_is_no_room_beyond_the_bounds(tmp_path: Path) -> None:
    async with Bench(tmp_path, largest_mib=1, disk_floor_pct=80) as bench:
        assert (await offer(bench, "a.cpk", 2 << 20)).code == "too_large"
        for number in range(4):
            await offer(bench, f"a{number}.cpk", 1000)
        assert len(bench.left_behind()) <= 2  # unfinished ones make room


async def test_a_package_called_as_what_is_fetched_takes_its_place_from_nowhere(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.usb["fetched.cpk"] = parcels.application(tmp_path, "1.1.0.0")
        bench.buses["hmi"].set_state("technician", TechnicianState(login="anna"))
        await asyncio.sleep(0.1)
        install = InstallPackage(name="fetched.cpk", is_from_usb=True, by="anna")
        assert (await bench.buses["hmi"].call("fota", install)).code == "unknown"
        assert bench.left_behind() == []


async def test_a_disk_that_fills_while_pieces_come_keeps_what_has_to_stay_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Bench(tmp_path) as bench:
        file = parcels.application(tmp_path, "1.1.0.0")
        content = file.read_bytes()
        await send(bench, file.name, content, until=PIECE)
        with monkeypatch.context() as disk:
            disk.setattr(Packages, "free_bytes", lambda _packages, _floor_pct: PIECE - 1)
            assert (await send(bench, file.name, content)).code == "no_room"
        assert (await send(bench, file.name, content)).code == "done"


async def test_more_than_was_said_is_refused(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        await offer(bench, "a.cpk", 10)
        assert (await offer(bench, "a.cpk", 10, data=b"CPUPDATE 123")).code == "refused"
        assert bench.left_behind() == []


async def test_of_installed_packages_the_last_ones_are_kept(tmp_path: Path) -> None:
    async with Bench(tmp_path, keep_packages=2) as bench:
        for version in ("1.1.0.0", "1.2.0.0", "1.3.0.0"):
            file = parcels.application(tmp_path, version)
            await send(bench, file.name, file.read_bytes())
            await bench.buses["webconfig"].call("fota", InstallPackage(name=file.name))
            await bench.stage("done", "failed")
            assert bench.updating.kept.stage == "done"
        assert [package.version for package in (await read(bench)).packages] == ["1.2.0.0", "1.3.0.0"]


async def test_a_stick_is_read_only_while_a_technician_is_logged_in(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        file = parcels.application(tmp_path, "1.1.0.0")
        bench.usb[file.name] = file
        install = InstallPackage(name=file.name, is_from_usb=True, by="anna")
        page = await read(bench, is_with_usb=True)
        assert (page.packages, "technician" in page.problem) == ((), True)
        assert (await bench.buses["hmi"].call("fota", install)).code == "unavailable"
        assert bench.deeds == []
        bench.buses["station"].set_state("technician", TechnicianState(login="anna"))
        await asyncio.sleep(0.1)
        (package,) = (await read(bench, is_with_usb=True)).packages
        assert (package.status, package.version) == ("usb", "1.1.0.0")
        assert bench.left_behind() == []
        unknown = InstallPackage(name="App.station.7.0.0.0.cpk", is_from_usb=True)
        assert (await bench.buses["hmi"].call("fota", unknown)).code == "unknown"
        assert (await bench.buses["hmi"].call("fota", install)).ok
        await bench.stage("done")


async def test_firmware_of_controllers_that_packages_brought_is_told(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        assert (await read(bench)).images == ()
        folder = bench.layout.slots / "controllers"
        folder.mkdir(parents=True)
        row = {"image": "main.bin", "type": "MAIN", "version": "3.1", "sha256": "5f" * 32, "connectors": [1]}
        (folder / "info.json").write_text(json.dumps({"targets": [row]}))
        (image,) = (await read(bench)).images
        assert (image.file, image.type, image.version, image.connectors) == (
            "5f" * 8 + "-main.bin",
            "MAIN",
            "3.1",
            (1,),
        )
        (folder / "info.json").write_text("{")
        assert (await read(bench)).images == ()
