"""Network, time, services and updates at the web."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chargepoint.clock import Clock
from chargepoint.config import Secrets
from chargepoint.context import Context
from chargepoint.helper import Helper as PrivilegedHelper
from chargepoint.messages import (
    ActionResult,
    ChangeNetwork,
    ControllerImage,
    KeepNetwork,
    PackagesPage,
    PrivilegedDeed,
    ReadPackages,
    ReadTestReports,
    TimeLearned,
)
from chargepoint.privileged import desk, rules
from chargepoint.timekeeping import EARLIEST
from chargepoint.version import VERSION
from tests.chargepoint import network_rig
from tests.webconfig.bench import Bench
from tests.webconfig.machine_answers import READER, STATES, Helper, read_reports
from webconfig.pages import network as network_page

pytestmark = pytest.mark.realtime

FORM = {"method": "manual", "address": "192.0.2.77/24", "gateway": "192.0.2.1", "dns": "192.0.2.53, 192.0.2.54"}


def a_bench(folder: Path, helper: Helper, **more: Any) -> Bench:
    answers: dict[str, dict[type[Any], Any]] = {
        "helper": helper.answers(),
        "station": {ReadTestReports: read_reports},
        "rfid": {},
    }
    return Bench(folder, states=STATES, answers=answers, **more)


def version(text: str) -> str:
    return text.split('name="version" value="')[1].split('"')[0]


async def test_the_network_is_seen_by_all_and_changed_by_who_may(tmp_path: Path) -> None:
    helper = Helper()
    async with a_bench(tmp_path, helper) as bench:
        viewer = await bench.log_in("vera")
        seen = (await viewer.get("/network")).text
        for what in ("192.0.2.10/24", "1000 Mbit/s", "Depot &lt;b&gt;2&lt;/b&gt; · 64 %", "LTE", "••••1234", "office"):
            assert what in seen
        assert "/network/devices/eth0" not in seen
        assert (await viewer.get("/network/devices/eth0")).status == 403
        assert (await viewer.post("/network/devices/eth0", FORM)).status == 403

        admin = await bench.log_in("admin")
        shown = (await admin.get("/network/devices/eth0")).text
        answer = await admin.post("/network/devices/eth0", {**FORM, "version": version(shown)})
        assert (answer.status, answer.headers["Location"]) == (303, "/network?done=changed")
        (wish,) = helper.asked
        assert isinstance(wish, ChangeNetwork)
        assert (wish.device, wish.address, wish.within_s, wish.by) == ("eth0", "192.0.2.77/24", 120, "admin (web)")
        assert wish.dns == ("192.0.2.53", "192.0.2.54") and (wish.ssid, wish.password, wish.apn) == (None, None, None)

        wrong = await admin.post(
            "/network/devices/eth0", {**FORM, "gateway": "198.51.100.1", "version": version(shown)}
        )
        assert wrong.status == 422 and "no way leads to it" in wrong.text and 'value="192.0.2.77/24"' in wrong.text
        old = await admin.post("/network/devices/eth0", {**FORM, "version": "0" * 16})
        assert old.status == 409 and "changed meanwhile" in old.text
        assert (await admin.get("/network/devices/eth9")).status == 404

        shown = (await admin.get("/network/devices/wlan0")).text
        secret = {"method": "auto", "ssid": "Yard", "password": "very secret", "version": version(shown)}
        refused = await admin.post("/network/devices/wlan0", {**secret, "priority": "first"})
        assert refused.status == 422 and "very secret" not in refused.text
        assert (await admin.post("/network/devices/wlan0", secret)).status == 303
        assert (helper.asked[-1].ssid, helper.asked[-1].password) == ("Yard", "very secret")

        helper.wait()
        pending = (await viewer.get("/network")).text
        assert "https://192.0.2.77/network" in pending and ">90<" in pending and "/network/keep" not in pending
        assert "/network/keep" in (await admin.get("/network")).text
        assert (await admin.post("/network/keep")).headers["Location"] == "/network?done=kept"
        assert isinstance(helper.asked[-1], KeepNetwork)
        helper.result = ActionResult(ok=False, code="nothing", text="gone")
        assert (await admin.post("/network/undo")).status == 409
        assert (await admin.post("/network/hostname", {"name": "a b"})).status == 422


async def test_zone_time_servers_and_the_time_are_set(tmp_path: Path) -> None:
    helper = Helper()
    async with a_bench(tmp_path, helper) as bench:
        tim = await bench.log_in("tim")
        seen = (await tim.get("/time")).text
        for what in ("Asia/Almaty", "ntp.example (192.0.2.3)", "12.3 ms", "Read the controllers"):
            assert what in seen
        assert (await tim.post("/time/zone", {"zone": "../x"})).status == 422
        assert (await tim.post("/time/zone", {"zone": "Asia/Qyzylorda"})).status == 200
        assert (await tim.post("/time/ntp", {"on": "0", "servers": "ntp.example"})).status == 200
        assert (await tim.post("/time/ntp", {"servers": "a b c d e"})).status == 422
        learned = bench.buses["admin"].subscribe(TimeLearned)
        await asyncio.sleep(0.05)
        assert (await tim.post("/time/set", {"epoch_ms": "1772366400500"})).status == 200
        assert (await tim.post("/time/set", {"at": "soon"})).status == 422
        async with asyncio.timeout(5):
            told = await anext(learned)
        assert (told.source, told.at) == ("person", datetime(2026, 3, 1, 12, 0, 0, 500_000, UTC))
        deeds = [(one.name, one.arguments) for one in helper.asked if isinstance(one, PrivilegedDeed)]
        assert deeds == [
            ("set_time_zone", {"zone": "Asia/Qyzylorda"}),
            ("set_time_servers", {"servers": "ntp.example"}),
            ("set_ntp", {"on": "0"}),
            ("set_clock", {"at": "2026-03-01T12:00:00.500000Z"}),
        ]
        helper.result = ActionResult(ok=False, code="failed", text="refused: it is automatic")
        refused = await tim.post("/time/set", {"epoch_ms": "1772366400500"})
        assert refused.status == 422 and "it is automatic" in refused.text
        assert (await (await bench.log_in("oleg")).post("/time/zone", {"zone": "UTC"})).status == 403


async def test_services_reports_and_updates_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_bench(tmp_path, Helper()) as bench:
        bench.buses["rfid"].set_state("reader/door", READER)
        tim = await bench.log_in("tim")
        seen = (await tim.get("/service")).text
        for what in (
            "webconfig",
            "running",
            "/deeds/restart?service=webconfig",
            "/deeds/test_reader?reader=door",
            "MiB",
        ):
            assert what in seen
        assert "/deeds/restart?service=hub" not in seen
        report = await tim.get("/service/tests/7")
        assert "&lt;b&gt;2 %&lt;/b&gt;" in report.text
        file = await tim.get("/service/tests/7/report")
        assert file.headers["Content-Disposition"].startswith("attachment") and "<!DOCTYPE html>" in file.text
        assert (await tim.get("/service/tests/8")).status == 404
        vera = await bench.log_in("vera")
        assert (await vera.get("/service")).status == 403
        updates = (await vera.get("/firmware")).text
        for what in (
            VERSION,
            "Maker CC-1",
            "3.14",
            "No update is under way",
            "nobody was named",
            "no time was promised",
        ):
            assert what in updates
        for until, words in (("2031-12-31", "until 2031-12-31"), ("2020-12-31", "ended on 2020-12-31")):
            (tmp_path / "release.json").write_text(
                f'{{"security_contact": "https://maker.example/<b>", "supported_until": "{until}"}}'
            )
            monkeypatch.setattr(sys, "prefix", str(tmp_path))
            for page in ("/firmware", "/help"):
                text = (await vera.get(page)).text
                assert "https://maker.example/&lt;b&gt;" in text and words in text
        assert "/deeds/fetch_update" not in updates


IMAGE = ControllerImage(file="5f2a9c0b7d31e846-main.bin", image="main.bin", type="MAIN", version="3.1", connectors=(1,))


async def test_firmware_of_controllers_is_listed_and_chosen_by_name(tmp_path: Path) -> None:
    slots = tmp_path / "slots"
    answers = {"fota": {ReadPackages: lambda _ask: PackagesPage(images=(IMAGE,))}}
    async with Bench(tmp_path, answers=answers) as bench:
        seen = (await (await bench.log_in("vera")).get("/firmware")).text
        assert "MAIN · main.bin" in seen and "/deeds/update_controller" not in seen
        admin = await bench.log_in("admin")
        seen = (await admin.get("/firmware")).text
        assert f"image=MAIN&amp;file={IMAGE.file}&amp;connector=1" in seen
        asked = await admin.get("/deeds/update_controller?image=MAIN&to=/firmware")
        assert 'class="fault"' not in asked.text  # a link with part of the arguments is no fault
        assert "connector is missing" in (await admin.get("/deeds/update_controller?image=MAIN&sent=1")).text
        assert "<input" in asked.text.split('name="file"')[0][-40:]  # nothing to choose from
        (slots / "controllers").mkdir(parents=True)
        row = {"image": "main.bin", "type": "MAIN", "version": "3.1", "sha256": IMAGE.file[:16] + "0" * 48}
        (slots / "controllers" / "info.json").write_bytes(json.dumps({"targets": [row]}).encode())
        asked = await admin.get("/deeds/update_controller?image=MAIN&to=/firmware")
        assert f'<option value="{IMAGE.file}"' in asked.text and "MAIN 3.1 · main.bin" in asked.text


@pytest.mark.skipif(bool(network_rig.missing()), reason=network_rig.missing() or "it is there")
async def test_a_change_on_the_page_reaches_the_device_and_returns_unless_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page, the real helper, the real NetworkManager in a namespace of its own."""
    monkeypatch.setattr(rules, "LEAST_WITHIN_S", 1)
    monkeypatch.setattr(desk, "ACTIVATE_AFTER_S", 0.2)
    data = tmp_path / "helper"
    data.mkdir()
    async with network_rig.Network(tmp_path) as network, Bench(tmp_path / "web", answers={"helper": {}}) as bench:
        PrivilegedHelper(
            Context(name="helper", bus=bench.buses["helper"], settings=bench.settings, secrets=Secrets(),
                    clock=Clock.of_system(EARLIEST), data=data, is_really=True)
        )  # fmt: skip
        admin = await bench.log_in("admin")
        await network.until_address("192.0.2.10/24")
        monkeypatch.setattr(network_page, "KEEP_WITHIN_S", 3)
        shown = (await admin.get("/network/devices/veth0")).text
        wrong = {"method": "manual", "address": "203.0.113.9/24", "version": version(shown)}
        assert (await admin.post("/network/devices/veth0", wrong)).status == 303
        await network.until_address("203.0.113.9/24")
        await network.until_address("192.0.2.10/24")
        assert "returned by themselves" in (await admin.get("/network")).text

        monkeypatch.undo()
        shown = (await admin.get("/network/devices/veth0")).text
        assert (await admin.post("/network/devices/veth0", {**FORM, "version": version(shown)})).status == 303
        await network.until_address("192.0.2.77/24")
        assert "https://192.0.2.77/network" in (await admin.get("/network")).text
        assert (await admin.post("/network/keep")).status == 303
        assert "was kept" in (await admin.get("/network")).text
        assert "192.0.2.77" in network.profile.read_text(encoding="ascii")


async def test_without_a_station_and_a_helper_the_pages_say_so(tmp_path: Path) -> None:
    async with Bench(tmp_path, safe_mode=("the station file is broken",)) as bench:
        admin = await bench.log_in("admin")
        for path in ("/network", "/time", "/service", "/firmware"):
            page = await admin.get(path)
            assert page.status == 200, path
            assert "helper" in page.text or path in ("/service", "/firmware"), path
        assert (await admin.get("/network/devices/eth0")).status == 503
        assert (await admin.post("/time/zone", {"zone": "UTC"})).status == 503


async def test_the_same_over_the_api(tmp_path: Path) -> None:
    helper = Helper()
    async with a_bench(tmp_path, helper) as bench:
        admin = await bench.log_in("admin")
        told = (await admin.get("/api/v1/network")).json()
        assert told["network"]["devices"][0]["addresses"] == ["192.0.2.10/24"]
        change = {"device": "eth0", "method": "auto"}
        headers = {"X-CSRF-Token": admin.csrf}

        async def put(path: str, body: dict[str, Any], match: str = told["versions"]["eth0"]) -> Any:
            return await admin.ask("PUT", path, json=body, headers={**headers, "If-Match": f'"{match}"'})

        assert (await put("/api/v1/network", change)).json()["ok"] is True
        assert (await put("/api/v1/network", change, "x")).json()["code"] == "changed_meanwhile"
        assert (await put("/api/v1/network", change, "")).status == 428
        assert (await put("/api/v1/network", {**change, "dns": ["x"]})).json()["fields"].keys() == {"dns"}
        assert (await put("/api/v1/network", {**change, "more": 1})).status == 422
        helper.result = ActionResult(ok=False, code="nothing", text="gone")
        assert (await admin.ask("POST", "/api/v1/network/keep", headers=headers)).status == 409
        helper.result = ActionResult(ok=True, code="ok")
        assert (await put("/api/v1/time", {"zone": "UTC", "is_ntp_on": True})).json()["zone"] == "Asia/Almaty"
        assert (await put("/api/v1/time", {"zone": "-"})).json()["fields"].keys() == {"zone"}
        services = (await admin.get("/api/v1/services")).json()
        assert "webconfig" in [one["name"] for one in services["services"]] and services["machine"]["processors"] > 0
        status = (await admin.get("/api/v1/firmware/status")).json()
        assert (status["service"], status["update"]["stage"]) == ("missing", "idle") and status["installed"]
        assert (status["security_contact"], status["supported_until"]) == ("", None)
