"""Overview, connectors, availability and their API, by stand-ins of the station."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from chargepoint.messages import (
    ActionResult,
    ConnectorState,
    Criterion,
    DumpGrew,
    DumpPage,
    InputState,
    ReadController,
    ReadDump,
    ReadTestReports,
    SessionsPage,
    StartDump,
    StationState,
    StopCharging,
    TestReport,
    TestReports,
    TestState,
    TestStep,
)
from chargepoint.messages.station_calls import ControllerPage
from chargepoint.messages.station_records import ReadSessions
from chargepoint.messages.station_states import SessionSummary
from chargepoint.records import Credential, Limit
from chargepoint.vocabulary import (
    Cause,
    ConnectorFlag,
    ConnectorStatus,
    ConnectorType,
    ControllerStatus,
    CredentialType,
    HardwareFlag,
    InputFunction,
    SessionState,
    StartSource,
)
from drivers.interfaces import ControllerReading, Diagnosis, Identity, Parameter, VehicleData
from tests.chargepoint.dummies import settings as dummy_settings
from tests.webconfig.bench import PASSWORD, Bench
from tests.webconfig.test_commands import STATION
from webconfig.connector_now import connector_now, ocpp_status
from webconfig.incidents import incidents
from webconfig.words import Words


def reading(status: ControllerStatus = ControllerStatus.C6_CHARGING, **more: Any) -> ControllerReading:
    told: dict[str, Any] = {
        "status": status, "flags": HardwareFlag.EV_CONNECTED, "cause": Cause.NONE, "boot_count": 1, "session_ref": 7,
        "lease_left_s": 5.0, "limit_current_a": 150.0, "limit_power_w": 60_000.0, "voltage_v": 400.0,
        "current_a": (150.0, 0.0, 0.0), "power_w": 60_000.0, "energy_wh": 12_345, "elapsed_s": 754,
        "ev_requests_energy": True, "soc_pct": 47.0, "remaining_s": 1800,
    }  # fmt: skip
    return ControllerReading(**{**told, **more})


def charging(number: int = 1, mono_s: float = 0.0, **more: Any) -> ConnectorState:
    told: dict[str, Any] = {
        "number": number, "type": ConnectorType.CCS2, "status": ConnectorStatus.CHARGING, "flags": ConnectorFlag(0),
        "operative": True, "reading": reading(), "reading_mono_s": mono_s,
        "session": SessionSummary(
            7, SessionState.ACTIVE, StartSource.LOCAL, Credential("04A1B2C3D4", CredentialType.RFID), True, 12_345, 754
        ),
        "limit": Limit(200.0, 80_000.0, "configured"), "grant": Limit(150.0, 60_000.0, "modules"),
        "vehicle": VehicleData(uid="WVWZZZ1JZXW000001", max_voltage_v=800.0),
    }  # fmt: skip
    return ConnectorState(**{**told, **more})


async def event(stream: aiohttp.ClientResponse) -> bytes:
    """The next event that is no comment."""
    while True:
        found = await stream.content.readuntil(b"\n\n")
        if not found.startswith(b":"):
            return found


def test_what_a_connector_says_of_now_has_no_names_and_no_old_values() -> None:
    now = connector_now(charging(mono_s=100.0), {}, 101.0)
    assert (now.power_w, now.soc_pct, now.limit_w, now.is_old, now.why) == (
        60_000.0,
        47.0,
        80_000.0,
        False,
        "why.station",
    )
    assert now.session is not None and now.session.started_by == "··C3D4 (RFID)"
    assert "WVWZZZ" not in msgspec.json.encode(now).decode()
    old = connector_now(charging(mono_s=100.0), {}, 110.0)
    assert old.is_old and old.power_w is None and old.controller_status == "F_UNKNOWN"
    broken = connector_now(charging(mono_s=100.0, reading=reading(power_w=float("nan"))), {}, 100.0)
    assert broken.power_w is None


@pytest.mark.parametrize(
    ("status", "more", "said"),
    [
        (ConnectorStatus.AVAILABLE, {}, "Available"),
        (ConnectorStatus.AVAILABLE, {"flags": ConnectorFlag.RESERVED}, "Reserved"),
        (ConnectorStatus.CHARGING, {}, "Charging"),
        (ConnectorStatus.CHARGING, {"suspended_by": "evse"}, "SuspendedEVSE"),
        (ConnectorStatus.CHARGING, {"reading": reading(ControllerStatus.C2_INSULATION_TEST)}, "Preparing"),
        (ConnectorStatus.CHARGING, {"is_tested": True}, "Unavailable"),
        (ConnectorStatus.UNAVAILABLE, {"flags": ConnectorFlag.NO_LINK}, "Faulted"),
        (ConnectorStatus.UNAVAILABLE, {}, "Unavailable"),
        (ConnectorStatus.ERROR, {}, "Faulted"),
    ],
)
def test_the_status_of_ocpp_is_that_of_the_table(status: ConnectorStatus, more: dict[str, Any], said: str) -> None:
    assert ocpp_status(charging(status=status, **more)) == said


def test_every_connector_status_has_an_ocpp_status() -> None:
    assert all(ocpp_status(charging(status=status)) for status in ConnectorStatus)


def test_incidents_name_connector_and_device_the_worst_first() -> None:
    failed = reading(ControllerStatus.E6_ELECTROMECHANICAL, cause=Cause.LOCK_FAILED)
    states = {
        "station": msgspec.structs.replace(STATION, operative=False),
        "connector/2": charging(2, status=ConnectorStatus.ERROR, reading=failed),
        "input/door": InputState(name="door", function=InputFunction.SMOKE, is_active=True, is_latched=True),
    }
    found = incidents(states, Words("en"))
    assert [one.level for one in found] == ["bad", "bad", "warn"]
    assert found[0].where == "Connector 2" and "lock failed" in found[0].what and "E6" in found[0].what
    assert "door" in found[1].where and found[2].where == "Station"
    assert incidents({"connector/1": charging()}, Words("ru")) == []


@pytest.mark.realtime
async def test_overview_and_connector_show_what_is_and_change_as_it_does(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    states = {"station": STATION, "connector/1": charging(mono_s=loop.time())}
    async with Bench(
        tmp_path, states=states, answers={"station": {ReadSessions: lambda _request: SessionsPage(sessions=())}}
    ) as bench:
        vera, oleg = await bench.log_in("vera"), await bench.log_in("oleg", "ru")
        overview = await vera.get("/")
        assert overview.status == 200 and "60 of 80 kW" in overview.text and "47 %" in overview.text
        assert "emergency_stop" not in overview.text and "emergency_stop" in (await oleg.get("/")).text
        parts = [overview.body]
        parts += [(await vera.get(f"/static/{name}")).body for name in ("app.css", "app.js", "connectors.css")]
        assert sum(map(len, parts)) < 100_000
        page = await vera.get("/connectors/1")
        assert all(word in page.text for word in ('id="live"', 'id="info"', 'id="commands"', "··C3D4", "⚡", "C6"))
        assert "04A1B2C3D4" not in page.text and "WVWZZZ1JZXW" not in page.text
        assert (await vera.get("/connectors/9")).status == 404
        assert "Коннектор 2" in (await oleg.get("/connectors/2")).text  # the station has not told of it
        async with vera.session.get(bench.base + "/live?of=/connectors/1", ssl=False) as stream:
            assert (await event(stream)).startswith(b"event: values")
            bench.buses["station"].set_state("connector/1", charging(mono_s=loop.time(), reading=reading(soc_pct=48.0)))
            async with asyncio.timeout(3):
                assert b"48 %" in await event(stream)
        availability = await oleg.get("/availability")
        assert availability.status == 200 and "/deeds/connector_out_of_service?connector=1" in availability.text
        assert "/deeds/deactivate" not in availability.text  # administrators only
        answer = await vera.get("/api/v1/connectors")
        assert answer.json()["missing"] == [2] and answer.json()["connectors"][0]["ocpp_status"] == "Charging"
        assert (await vera.get("/api/v1/connectors/1/live")).json()["soc_pct"] == 48.0
        assert (await vera.get("/api/v1/connectors/2")).status == 503
        assert (await vera.get("/api/v1/connectors/x")).status == 404


@pytest.mark.realtime
async def test_without_a_station_the_overview_says_so(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        client = await bench.log_in("admin")
        for path in ("/", "/connectors", "/availability", "/commands", "/deeds"):
            answer = await client.get(path)
            assert answer.status == 200, path
        assert "does not answer" in (await client.get("/")).text


@pytest.mark.realtime
async def test_a_program_has_to_mean_a_command_and_can_repeat_it_safely(tmp_path: Path) -> None:
    asked: list[Any] = []

    def stop(request: Any) -> ActionResult:
        asked.append(request)
        return ActionResult(ok=True, code="ok")

    states: dict[str, StationState | ConnectorState] = {
        "station": msgspec.structs.replace(STATION, connectors=(1,)),
        "connector/1": charging(session=None, status=ConnectorStatus.AVAILABLE),
    }
    serves = {"station": {StopCharging: stop}}
    async with Bench(tmp_path, states=states, answers=serves) as bench:
        oleg, admin = await bench.log_in("oleg"), await bench.log_in("admin")
        headers = {"X-CSRF-Token": oleg.csrf, "Idempotency-Key": "7f3"}
        path = "/api/v1/connectors/1/commands"
        refused = await oleg.ask("POST", path, json={"command": "CONNECTOR_STOP"}, headers=headers)
        assert refused.status == 428 and refused.json()["fields"]["guard"] == "G1" and asked == []
        order = {"command": "CONNECTOR_STOP", "confirm": True}
        assert (await oleg.ask("POST", path, json=order)).status == 403  # no CSRF token
        taken = await oleg.ask("POST", path, json=order, headers=headers)
        again = await oleg.ask("POST", path, json=order, headers=headers)
        assert taken.status == again.status == 202 and taken.json()["path"] == again.json()["path"]
        other = await oleg.ask("POST", path, json={"command": "block", "confirm": True}, headers=headers)
        assert other.json()["code"] == "key_reused"
        async with asyncio.timeout(5):
            while (found := (await oleg.get(taken.json()["path"])).json())["status"] != "SUCCESS":
                await asyncio.sleep(0.02)
        assert len(asked) == 1 and found["by"] == "oleg" and found["key"] == ""
        for wrong in ({"command": "fly"}, {"command": "reboot_controller", "arguments": {"x": 1}}, {"nothing": 1}):
            answer = await admin.ask("POST", path, json=wrong, headers={"X-CSRF-Token": admin.csrf})
            assert answer.status == 422, wrong
        reset = {"command": "factory_reset"}
        headers = {"X-CSRF-Token": admin.csrf}
        station = "/api/v1/station/commands"
        told = (await admin.ask("POST", station, json=reset, headers=headers)).json()["fields"]
        assert told["guard"] == "G3"
        assert (await admin.ask("POST", station, json={**reset, "confirm": True}, headers=headers)).status == 428
        meant = {**reset, "confirm": told["confirm"]}
        assert (await admin.ask("POST", station, json=meant, headers=headers)).status == 428  # no password
        wrong_one = await admin.ask("POST", station, json={**meant, "password": "x"}, headers=headers)
        assert wrong_one.json()["code"] == "wrong_password"
        right = await admin.ask("POST", station, json={**meant, "password": PASSWORD}, headers=headers)
        assert right.status == 202, right.text
        assert (await oleg.get("/api/v1/deeds")).json()["deeds"]


@pytest.mark.realtime
async def test_events_are_told_resumed_and_bound_to_rights_and_origin(tmp_path: Path) -> None:
    async with Bench(tmp_path, states={"station": STATION}) as bench:
        vera, oleg = await bench.log_in("vera"), await bench.log_in("oleg")
        assert (await vera.get("/api/v1/events?topics=dump.1")).status == 403
        assert (await vera.get("/api/v1/events?topics=users")).status == 422
        grown = DumpGrew(connector=1, session_id=7, lines=("0.1 > hello",), skipped=3)
        async with oleg.session.get(bench.base + "/api/v1/events?topics=station,dump.1", ssl=False) as stream:
            first = await event(stream)
            assert first.startswith(b"event: station")
            await asyncio.sleep(0.1)  # its subscription reaches the hub
            bench.buses["station"].publish(grown)
            async with asyncio.timeout(5):
                told = (await event(stream)).decode()
        number = told.splitlines()[0].removeprefix("id: ")
        assert "event: dump.1" in told and json.loads(told.splitlines()[2][6:]) == {
            "lines": ["0.1 > hello"], "skipped": 3
        }  # fmt: skip
        bench.buses["station"].publish(msgspec.structs.replace(grown, lines=("0.2 < again",)))
        await asyncio.sleep(0.1)
        url = bench.base + "/api/v1/events?topics=dump.1"
        async with oleg.session.get(url, ssl=False, headers={"Last-Event-ID": number}) as stream:
            async with asyncio.timeout(5):
                assert b"again" in await event(stream)
        async with oleg.session.get(url, ssl=False, headers={"Last-Event-ID": "00000000-1"}) as stream:
            assert b"event: skipped" in await event(stream)
        socket = bench.base + "/api/v1/ws?topics=station"
        async with vera.session.ws_connect(socket, ssl=False, origin=bench.base) as heard:
            async with asyncio.timeout(5):
                assert (await heard.receive_json())["topic"] == "station"
            await vera.post("/logout")
            async with asyncio.timeout(5):
                assert (await heard.receive()).type.name in ("CLOSE", "CLOSED")
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
        for origin in ({}, {"Origin": "https://elsewhere.example"}):
            answer = await oleg.get("/api/v1/ws?topics=station", headers={**upgrade, **origin})
            assert answer.status == 403, answer.text


@pytest.mark.realtime
async def test_controller_dump_and_test_pages_show_what_the_station_says(tmp_path: Path) -> None:
    report = TestReport(
        number=3, connector=1, mode="ev", login="tim", verdict="failed", at=None, duration_s=60.0, session_id=7,
        stop_source="", power_w=5000.0, energy_wh=1000, delivered_wh=80.0, steps=(), points=(), versions={},
        criteria=(Criterion("reached", "failed", "C2 <b>", "C6"),),
    )  # fmt: skip
    asked: list[StartDump] = []
    lines = tuple(f"{n}.0 > <i>frame {n}</i>" for n in range(620))

    def dumped(request: ReadDump) -> DumpPage:
        return DumpPage(lines=lines[request.after : request.after + request.limit], total=len(lines), lost=2)

    def started(request: StartDump) -> ActionResult:
        asked.append(request)
        return ActionResult(ok=True, code="ok")

    serves: dict[type[Any], Any] = {
        ReadController: lambda _request: ControllerPage(
            connector=1, ok=True, identity=Identity(serial="SN<7>"), diagnosis=Diagnosis(findings=("T1 wrong",)),
            parameters=(Parameter("max_current", 200, 6, 600, "A", "limit"),),
        ),
        ReadDump: dumped,
        StartDump: started,
        ReadTestReports: lambda _request: TestReports(reports=(report,)),
    }  # fmt: skip
    running = TestState(
        connector=1, phase="running", mode="ev", login="tim", begun_mono_s=0.0, power_w=5000.0, duration_s=180.0,
        energy_wh=1000, delivered_wh=80.0, steps=(TestStep("C6", 4.0),),
    )  # fmt: skip
    states = {"station": STATION, "connector/1": charging(), "test/1": running}
    async with Bench(tmp_path, states=states, answers={"station": serves}) as bench:
        oleg, tim = await bench.log_in("oleg"), await bench.log_in("tim")
        page = await tim.get("/connectors/1/controller")
        assert "SN&lt;7&gt;" in page.text and "T1 wrong" in page.text and "/deeds/write_parameter?" in page.text
        dump = await oleg.get("/connectors/1/dump")
        assert "&lt;i&gt;frame 619" in dump.text and "frame 419<" not in dump.text and "2 lines skipped" in dump.text
        began = await oleg.post("/deeds/start_dump", {"connector": "1", "then": "/connectors/1/dump"})
        assert began.headers["Location"] == "/connectors/1/dump" and asked == [StartDump(connector=1, by="oleg")]
        file = await oleg.get("/connectors/1/dump/file")
        assert file.text.splitlines() == list(lines) and "attachment" in file.headers["Content-Disposition"]
        test = await tim.get("/connectors/1/test")
        assert 'data-present="yes"' in test.text and "C6 · charging" in test.text and "failed" in test.text
        told = await tim.get("/connectors/1/test/3")
        assert told.status == 200 and "C2 &lt;b&gt;" in told.text
        for path in ("/connectors/1/test", "/connectors/1/controller"):
            assert (await oleg.get(path)).status == 403


@pytest.mark.realtime
async def test_activation_is_seen_and_changed_by_administrators(tmp_path: Path) -> None:
    station = msgspec.structs.replace(STATION, activated=False)
    stands = msgspec.structs.replace(dummy_settings().station, address="5 <Abay> street")
    file = msgspec.structs.replace(dummy_settings(), station=stands)
    async with Bench(tmp_path, states={"station": station}, settings=file) as bench:
        admin = await bench.log_in("admin")
        overview, helping = (await admin.get("/")).text, (await admin.get("/help")).text
        assert "not activated: sessions count as tests" in overview
        assert "5 &lt;Abay&gt; street" in overview and "5 &lt;Abay&gt; street" in helping
        assert "/deeds/activate" in (await admin.get("/availability")).text
        bench.buses["station"].set_state("station", msgspec.structs.replace(station, activated=True))
        await asyncio.sleep(0.1)
        assert "/deeds/deactivate" in (await admin.get("/availability")).text
