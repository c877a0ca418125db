"""Firmware of controllers, written by a whole station: idle ones only, nobody else is disturbed, every end is told."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import ActionResult, FirmwareState, UpdateController
from chargepoint.records import Happened
from chargepoint.vocabulary import ConnectorFlag
from drivers.native.boot_loader import HEAD_BYTES, make_image
from drivers.native.codes import ImageKind
from drivers.simulated.boot_loader import HARDWARE
from tests.journeys.rig import Rig
from tests.journeys.steps import CARD, TWO_AC, charge, leave, settle, show_card
from tests.journeys.test_canopen import ON_CAN

BLOCKS = 60
BODY = bytes(range(251)) * 60
BODY = BODY[: BLOCKS * 224 - HEAD_BYTES]

both_wires = pytest.mark.parametrize("text", [TWO_AC, ON_CAN], ids=["modbus", "canopen"])


def put_image(rig: Rig, kind: str = "MAIN", version: str = "1.1.0") -> tuple[str, str]:
    """An image in the station's folder and on its list; its file and sum."""
    data = make_image(kind, HARDWARE[ImageKind[kind]], version, "Simulated", BODY)
    sha256 = hashlib.sha256(data).hexdigest()
    folder = rig.folder / "slots" / "controllers"
    folder.mkdir(parents=True, exist_ok=True)
    target = {"image": "image.bin", "type": kind, "version": version, "size": len(data), "sha256": sha256}
    (folder / "info.json").write_text(json.dumps({"version": "1.1.0.0", "sha256": "", "targets": [target]}))
    name = f"{sha256[:16]}-image.bin"
    (folder / name).write_bytes(data)
    return name, sha256


async def update(rig: Rig, connector: int, image: str = "MAIN", attempts: int = 3, **more: Any) -> ActionResult:
    file, sha256 = put_image(rig, image)
    fields = {"file": file, "sha256": sha256, "version": "1.1.0", "by": "ann", **more}
    return await rig.bus.call(
        "station", UpdateController(connector=connector, image=image, attempts=attempts, **fields)
    )


def firmware(rig: Rig, connector: int) -> FirmwareState | None:
    state = rig.bus.watch(f"firmware/{connector}").get(f"firmware/{connector}")
    return state if isinstance(state, FirmwareState) else None


async def ended(rig: Rig, connector: int, within_s: float = 300) -> FirmwareState:
    """How the update ended."""
    view = rig.bus.watch("firmware/")
    found: list[FirmwareState] = []

    def is_over() -> bool:
        state = view.get(f"firmware/{connector}")
        found[:] = [state] if isinstance(state, FirmwareState) else []
        return bool(found) and found[0].stage in ("done", "failed")

    await rig.until(is_over, within_s)
    return found[0]


@both_wires
async def test_an_idle_controller_gets_firmware_while_its_neighbour_charges_undisturbed(
    tmp_path: Path, text: str
) -> None:
    async with Rig(tmp_path, text) as rig:
        await charge(rig, 1)
        await rig.advance(5)
        assert (await update(rig, 2)).ok
        await rig.until_status("UPDATING", 2, 5)
        state = rig.state(2)
        assert state is not None and ConnectorFlag.UPDATING in state.flags and ConnectorFlag.NO_LINK not in state.flags
        done = await ended(rig, 2)
        assert (done.stage, done.code, done.version_before, done.version_after) == ("done", "ok", "1.0.0", "1.1.0")
        assert (done.block, done.blocks, done.attempt, done.by) == (BLOCKS, BLOCKS, 1, "ann")
        await rig.until_status("AVAILABLE", 2, 15)
        assert rig.status(1) == "CHARGING"
        log = rig.simulated.contactor_log(1)
        assert [entry.closed for entry in log] == [True]
        assert (await show_card(rig, CARD)).outcome == "stopped"
        await leave(rig, 1)
        await charge(rig, 2)
        assert (await show_card(rig, CARD)).outcome == "stopped"
        await leave(rig, 2)
        await settle(rig)
        lines = [row.entry for row in await rig.journal("Happened")]
        said = [each.action[:22] for each in lines if isinstance(each, Happened) and each.event_type == "FIRMWARE"]
        assert said == ["MAIN 1.0.0 -> 1.1.0: b", "MAIN 1.0.0 -> 1.1.0: o"]


async def test_a_connector_in_use_is_refused_and_nothing_is_touched(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        await charge(rig, 1)
        rig.plug(2)
        await rig.until_status("READY", 2)
        refused = await update(rig, 2)
        assert (refused.ok, refused.code) == (False, "not_idle")
        assert (await update(rig, 1)).code == "not_idle"
        assert (await update(rig, 9)).code == "unknown_connector"
        assert firmware(rig, 1) is None and firmware(rig, 2) is None
        assert (await show_card(rig, CARD)).outcome == "stopped"
        await leave(rig, 1)
        rig.unplug(2)
        await settle(rig)


async def test_files_that_are_not_what_is_meant_are_refused(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        wrong_sum = await update(rig, 1, sha256="0" * 64)
        assert wrong_sum.code == "bad_file" and "is not the one that is meant" in wrong_sum.text
        assert (await update(rig, 1, version="9.9.9")).code == "bad_file"
        missing = await update(rig, 1, file="missing")
        assert missing.code == "bad_file" and "cannot be read" in missing.text
        by_list = await update(rig, 1, sha256="")
        assert by_list.ok
        assert (await update(rig, 2)).code == "busy"
        assert (await ended(rig, 1)).code == "ok"


@both_wires
async def test_silence_during_block_37_is_told_exactly_and_the_station_is_safe(tmp_path: Path, text: str) -> None:
    async with Rig(tmp_path, text) as rig:
        await charge(rig, 1)
        rig.simulated.fault(2, "boot_silent", 37)
        assert (await update(rig, 2, attempts=2)).ok
        failed = await ended(rig, 2)
        assert (failed.stage, failed.code) == ("failed", "no_answer")
        assert failed.text.startswith(f"Attempt 1 of 2: silent during block 37 of {BLOCKS}, which was sent 5 times (")
        await rig.until_status("UNAVAILABLE", 2, 15)
        rig.simulated.clear(2)
        await rig.advance(15)
        state = rig.state(2)
        assert state is not None and state.why.startswith("Its controller is in its boot loader")
        assert rig.status(1) == "CHARGING" and rig.status(2) == "UNAVAILABLE"
        assert (await update(rig, 2)).ok
        assert (await ended(rig, 2)).code == "ok"
        await rig.until_status("AVAILABLE", 2, 15)
        assert (await show_card(rig, CARD)).outcome == "stopped"
        await leave(rig, 1)
        await settle(rig)


@both_wires
async def test_a_station_that_restarts_in_the_middle_says_why_the_connector_is_out_of_use(
    tmp_path: Path, text: str
) -> None:
    async with Rig(tmp_path, text) as rig:
        assert (await update(rig, 2)).ok
        await rig.until(lambda: (now := firmware(rig, 2)) is not None and now.block > 5, 60)
        await rig.stop()
        await rig.boot_up()
        assert (await ended(rig, 2)).code == "still_in_boot_loader"
        assert rig.status(2) == "UNAVAILABLE"
        await rig.until(lambda: (state := rig.state(2)) is not None and "update it again" in state.why, 2)
        assert (await update(rig, 2)).ok
        await rig.until_status("UPDATING", 2, 5)
        await rig.until_status("AVAILABLE", 2, 120)
        assert (await ended(rig, 2)).version_after == "1.1.0"


async def test_modules_need_all_dc_connectors_idle_and_keep_them_back(tmp_path: Path) -> None:
    async with Rig(tmp_path, ON_CAN) as rig:
        rig.plug(1)
        await rig.until_status("READY", 1)
        assert (await update(rig, 2, "MODULES")).ok
        await rig.until_status("UPDATING", 2, 5)
        assert rig.status(1) == "READY"
        done = await ended(rig, 2)
        assert (done.code, done.image, done.version_before, done.version_after) == ("ok", "MODULES", "1.0.0", "1.1.0")
        await rig.until_status("AVAILABLE", 2, 15)
        refused = await update(rig, 1, "MODULES")
        assert refused.code == "not_idle"
        rig.unplug(1)
        await rig.advance(3)
        assert (await update(rig, 1, "MODULES")).ok
        await rig.until_status("UPDATING", 2, 5)
        failed = await ended(rig, 1)
        assert failed.code == "bad_image" and "takes no such image" in failed.text
        await rig.until_status("AVAILABLE", 2, 15)


async def test_a_car_that_comes_during_an_update_waits_for_its_end(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC) as rig:
        assert (await update(rig, 2)).ok
        await rig.until_status("UPDATING", 2, 5)
        await rig.until(lambda: (now := firmware(rig, 2)) is not None and now.block > 5, 60)
        rig.plug(2)
        await rig.advance(1)
        assert rig.status(2) == "UPDATING"
        assert (await ended(rig, 2)).code == "ok"
        await rig.until_status("READY", 2, 20)
        assert not rig.simulated.contactor_log(2)
