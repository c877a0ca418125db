"""Updates at the web, with the update service itself: packages sent in parts, gone on with, planned, removed."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint.config_upkeep import UpdateSettings
from chargepoint.messages import CHUNK_BYTES, FirmwareState, UpdateState
from tests.chargepoint.dummies import settings
from tests.fota import parcels
from tests.webconfig.bench import Bench, Client
from webconfig.commands.record import effect_hash

pytestmark = pytest.mark.realtime


FILLER = parcels.Entry("opt/chargepoint/app/filler.bin", random.Random(1).randbytes(600_000))
SETTINGS = msgspec.structs.replace(settings(), update=UpdateSettings(disk_floor_pct=5))


def a_bench(folder: Path) -> Bench:
    """A machine with keys and version 1.0.0.0; nothing can be installed, for start.sh did not start it."""
    machine = parcels.Machine(folder / "machine")
    bench = Bench(folder, beside=frozenset({"fota"}), settings=SETTINGS)
    for name, at in (("factory", machine.place.factory), ("slots", machine.place.slots), ("keys", machine.place.keys)):
        (folder / name).symlink_to(at)
    return bench


async def sent(client: Client, name: str, content: bytes, *, most: int = 1 << 30) -> Any:
    """Send a package as the page does, at most so many bytes of it; the last answer."""
    headers = {"X-CSRF-Token": client.csrf}
    body = {"name": name, "size_bytes": len(content)}
    told = (await client.ask("POST", "/api/v1/firmware", json=body, headers=headers)).json()
    octets = {**headers, "Content-Type": "application/octet-stream"}
    while (at := told["offset"]) < min(len(content), most):
        path = f"/api/v1/firmware/{name}?offset={at}&size_bytes={len(content)}"
        answer = await client.ask("PUT", path, data=content[at : at + CHUNK_BYTES], headers=octets)
        told = answer.json()
        if answer.status != 200:
            return told
    return told


async def test_a_package_is_sent_in_parts_gone_on_with_looked_at_and_removed(tmp_path: Path) -> None:
    good = parcels.application(tmp_path, "1.1.0.0", entries=[*parcels.app_entries("1.1.0.0"), FILLER])
    content, name = good.read_bytes(), good.name
    async with a_bench(tmp_path) as bench:
        admin, oleg = await bench.log_in("admin"), await bench.log_in("oleg")
        begun = await sent(admin, name, content, most=CHUNK_BYTES)
        assert begun["offset"] == CHUNK_BYTES < len(content)
        (row,) = (await admin.get("/api/v1/firmware")).json()["packages"]
        assert (row["status"], row["received_bytes"]) == ("partial", CHUNK_BYTES)
        headers = {"X-CSRF-Token": admin.csrf, "Content-Type": "application/octet-stream"}
        path = f"/api/v1/firmware/{name}?offset=5&size_bytes={len(content)}"
        elsewhere = await admin.ask("PUT", path, data=b"x", headers=headers)
        assert (elsewhere.status, elsewhere.json()["fields"]) == (409, {"offset": str(CHUNK_BYTES)})
        assert (await sent(admin, name, content))["code"] == "done"
        (row,) = (await admin.get("/api/v1/firmware")).json()["packages"]
        assert (row["status"], row["version"], row["problem"]) == ("new", "1.1.0.0", "")
        page = (await admin.get("/firmware")).text
        assert f"/deeds/install_package?name={name}" in page and "/deeds/fetch_update" in page
        assert f"/deeds/install_package?name={name}" not in (await oleg.get("/firmware")).text
        refused = await oleg.ask("DELETE", f"/api/v1/firmware/{name}", headers={"X-CSRF-Token": oleg.csrf})
        assert refused.status == 403
        assert (await admin.post(f"/firmware/packages/{name}/remove")).status == 303
        assert "There are no packages" in (await admin.get("/firmware")).text


async def test_what_is_not_ours_says_why_and_has_no_button(tmp_path: Path) -> None:
    strange = parcels.application(tmp_path, "1.2.0.0", product="toaster")
    async with a_bench(tmp_path) as bench:
        admin = await bench.log_in("admin")
        await sent(admin, strange.name, strange.read_bytes())
        await sent(admin, "App.station.9.9.9.9.cpk", b"<script>" * 100)
        rows = {row["name"]: row["problem"] for row in (await admin.get("/api/v1/firmware")).json()["packages"]}
        assert rows[strange.name].startswith("other_product")
        page = (await admin.get("/firmware")).text
        assert "/deeds/install_package" not in page and "other_product" in page and "<script>" not in page
        assert "App.station.9.9.9.9.cpk" not in rows or rows["App.station.9.9.9.9.cpk"]


async def test_a_plan_wants_its_sign_and_where_nothing_can_be_installed_the_page_says_so(tmp_path: Path) -> None:
    good = parcels.application(tmp_path, "1.1.0.0")
    async with a_bench(tmp_path) as bench:
        admin = await bench.log_in("admin")
        await sent(admin, good.name, good.read_bytes())
        headers = {"X-CSRF-Token": admin.csrf}
        path = f"/api/v1/firmware/{good.name}/plan"
        asked = await admin.ask("POST", path, json={}, headers=headers)
        assert asked.status == 428
        sign = effect_hash("install_package", {"name": good.name})
        assert asked.json()["fields"]["confirm"] == sign
        taken = await admin.ask("POST", path, json={"confirm": sign}, headers=headers)
        assert taken.status == 202
        async with asyncio.timeout(20):
            while True:
                told = (await admin.get("/api/v1/firmware/status")).json()["update"]
                command = (await admin.get(taken.json()["path"])).json()
                if told["stage"] == "failed" or command["status"] == "FAILED":
                    break
                await asyncio.sleep(0.1)
        page = (await admin.get("/firmware")).text
        assert "not started by start.sh" in page
        sign = effect_hash("install_package", {"name": good.name, "at": "tomorrow"})
        wrong = await admin.ask("POST", path, json={"confirm": sign, "at": "tomorrow"}, headers=headers)
        async with asyncio.timeout(20):
            while (command := (await admin.get(wrong.json()["path"])).json())["status"] not in ("FAILED", "SUCCESS"):
                await asyncio.sleep(0.05)
        assert command["status"] == "FAILED" and "2026-03-01T02:00:00+05:00" in str(command)


def test_steps_and_shares_of_an_update() -> None:
    from webconfig.machine.updating import STEPS, UNDER_WAY, percent, step_of

    assert [step_of(UpdateState(stage=stages[0])) for stages in STEPS.values()] == list(STEPS)
    assert step_of(UpdateState()) == step_of(UpdateState(stage="failed")) == ""
    assert percent(UpdateState(stage="downloading", received_bytes=50, size_bytes=200)) == 25
    assert percent(UpdateState(stage="downloading", received_bytes=50)) is None
    assert {"done", "failed", "idle"}.isdisjoint(UNDER_WAY)


async def test_an_update_under_way_shows_its_step_and_controllers_their_blocks(tmp_path: Path) -> None:
    update = UpdateState(
        stage="downloading", version="1.1.0.0", received_bytes=30_000_000, size_bytes=40_000_000, attempt=2, attempts=5,
        by="<b>x</b>", location="https://***@example.com/a.cpk",
    )  # fmt: skip
    writing = FirmwareState(connector=1, image="MAIN", stage="sending", block=37, blocks=412, attempts=3)
    async with Bench(tmp_path, states={"firmware/1": writing}, answers={"fota": {}}) as bench:
        bench.buses["fota"].set_state("update", update)
        admin = await bench.log_in("admin")
        async with asyncio.timeout(10):
            while "75 %" not in (page := (await admin.get("/firmware")).text):
                await asyncio.sleep(0.05)
        for what in ("MB / 40", "try 2 of 5", "&lt;b&gt;x", "37 / 412", "/deeds/cancel_update"):
            assert what in page, what
        assert "does not answer" in page or "fota" in page
        bench.buses["fota"].set_state(
            "update", msgspec.structs.replace(update, stage="failed", code="older", text="1 < 2")
        )
        async with asyncio.timeout(10):
            while "older than what may be installed" not in (page := (await admin.get("/firmware")).text):
                await asyncio.sleep(0.05)
        assert "1 &lt; 2" in page and "/deeds/cancel_update" not in page
