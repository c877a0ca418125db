"""Pages and API of modules, limits, meters, climate and devices, on real sockets."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chargepoint.config import Settings, load
from chargepoint.messages import (
    ActionResult,
    ClimatePage,
    ClimatePoint,
    ClimateSensorState,
    ClimateState,
    ConnectorState,
    DeviceState,
    Difference,
    InputState,
    InstalledState,
    MeterState,
    ModulesState,
    OutputState,
    PortState,
    PowerState,
    ReadClimate,
    SessionSummary,
    SetUserLimit,
    State,
    StationState,
    UserLimitShown,
    UserLimitsState,
)
from chargepoint.power_picture import (
    ContactorPicture,
    GroupPicture,
    LimitPicture,
    ModuleColour,
    ModulePicture,
    OutputPicture,
)
from chargepoint.records import Limit
from chargepoint.vocabulary import (
    Cause,
    ClimateZone,
    ConnectorFlag,
    ConnectorStatus,
    ConnectorType,
    InputFunction,
    LogicalStatus,
    OperatingMode,
    OutputFunction,
    SessionState,
    TechnicalStatus,
)
from drivers.interfaces import Identity, MeterReading, ModuleReading
from tests.webconfig.bench import Bench

pytestmark = pytest.mark.realtime

MATRIX = Path(__file__).parents[2] / "examples" / "dc-240-matrix.toml"
EVIL = "<script>alert(1)</script>"


def settings() -> Settings:
    return load(MATRIX)


def power(*, is_closed: bool = True) -> PowerState:
    gives = ModulePicture(number=1, colour=ModuleColour.CHARGING, voltage_v=400.0, current_a=50.0, temperature_c=40.0)
    return PowerState(
        groups=(GroupPicture(name="G1", bank="bank", connector=1, power_w=20_000.0, modules=(gives,), bus="G1"),),
        contactors=(ContactorPicture(name="K1", between=("G1", "C1"), output="K1", is_closed=is_closed),),
        outputs=(
            OutputPicture(
                connector=1, bus="C1", groups=("G1",), power_w=20_000.0,
                limits=(LimitPicture(name="hardware", current_a=250.0), LimitPicture(name="vehicle", power_w=90_000.0)),
                cap=Limit(225.0, 90_000.0, "vehicle"), grant=Limit(50.0, 20_000.0, "grid"), why=EVIL,
            ),
        ),
        limits=(LimitPicture(name="grid", power_w=200_000.0),),
        limit=LimitPicture(name="grid", power_w=200_000.0),
    )  # fmt: skip


def connector(number: int, *, is_charging: bool = False) -> ConnectorState:
    session = SessionSummary(7, next(iter(SessionState)), None, None, True, 0, 0) if is_charging else None
    return ConnectorState(
        number=number,
        type=ConnectorType.CCS2,
        status=ConnectorStatus.CHARGING if is_charging else ConnectorStatus.AVAILABLE,
        flags=ConnectorFlag(0),
        operative=True,
        session=session,
    )


def states(*, is_charging: bool = False) -> dict[str, State]:
    reading = MeterReading(1_234_567, 64_000.0, (230.0, 231.0, 229.0), (92.0, 91.0, 94.0), power_factor=0.98)
    counters: dict[str, Any] = {"requests": 1000, "answers": 990, "errors": {"crc": 3}, "p50_ms": 12.0, "p99_ms": 60.5}
    return {
        "station": StationState(
            technical=next(iter(TechnicalStatus)), logical=next(iter(LogicalStatus)), mode=next(iter(OperatingMode)),
            operative=True, free_mode=False, can_record=True, connectors=(1, 2), power_limit_w=200_000.0, power_w=0.0,
        ),
        "connector/1": connector(1, is_charging=is_charging),
        "connector/2": connector(2),
        "power": power(),
        "user_limits": kept(),
        "modules/bank": ModulesState(
            name="bank", connector=1, set_voltage_v=420.0,
            modules=(ModuleReading(1, True, True, 400.0, 50.0, 40.0, ("fan fault",), identity=Identity(serial="S77")),),
        ),
        "meter/grid": MeterState(name="grid", connector=0, is_answering=False, reading=reading, mono_s=0.0),
        "meter/new": MeterState(name="new", connector=2, is_answering=False, reading=None, mono_s=0.0),
        "device/meter/grid": DeviceState(
            kind="meter", name="grid", driver="eastron", port="rs485", address=3, is_answering=True,
            identity=Identity("Eastron", EVIL, "77"), expected_serial="76", note="changed", **counters,
        ),
        "port/rs485": PortState(
            name="rs485", is_open=True, no_answer=9, bad_frame=1, frames=("12.345 > 01 03", "12.360 < 01 03"),
            **counters,
        ),
        "climate": ClimateState(
            sensors=(ClimateSensorState("top", ClimateZone.FRONT, True, 31.5, 44.0),), fans=(ClimateZone.FRONT,),
            main_relay=True, power_pct=80.0, why="hot",
        ),
        "input/smoke": InputState(name="smoke", function=InputFunction.SMOKE, is_active=False, is_latched=True),
        "output/K1": OutputState(
            name="K1", function=OutputFunction.CONTACTOR, is_on=True, operations=900, operations_per_life=1000,
            cause=Cause.CONTACTOR_WELDED,
        ),
        "installed": InstalledState(
            is_complete=True, differences=("changed",),
            told=(Difference(kind="meter", name="grid", key="exchanged",
                             values={"what": "serial", "now": "77", "before": "76"}),),
        ),
    }  # fmt: skip


def kept(*limits: UserLimitShown) -> UserLimitsState:
    found = {each.connector: each for each in limits}
    return UserLimitsState(
        limits=tuple(
            found.get(n) or UserLimitShown(connector=n, most_w=200_000.0 if n == 0 else 120_000.0) for n in range(3)
        )
    )


class Station:
    """Takes limits as the station does, and tells what holds."""

    def __init__(self) -> None:
        self.asked: list[SetUserLimit] = []
        self.bench: Bench | None = None

    def __call__(self, request: SetUserLimit) -> ActionResult:
        self.asked.append(request)
        assert self.bench is not None
        limit = UserLimitShown(
            connector=request.connector, most_w=120_000.0, limit_w=request.limit_w, until=request.until
        )
        self.bench.buses["station"].set_state("user_limits", kept(limit))
        return ActionResult(ok=True, code="ok")


async def test_the_scheme_is_drawn_watched_and_looked_back_at(tmp_path: Path) -> None:
    async with Bench(tmp_path, settings=settings(), states=states()) as bench:
        client = await bench.log_in("vera")
        page = await client.get("/modules?item=m.bank.1")
        assert page.status == 200 and page.text.count("<svg") >= 3 and "S77" in page.text and "fan fault" in page.text
        assert "exclude_module" not in page.text, "a viewer has no buttons"
        assert EVIL not in page.text
        assert "exclude_module" in (await (await bench.log_in("tim")).get("/modules?item=m.bank.1")).text
        for item in ("k.K1", "o.1", "nothing", "<b>"):
            assert (await client.get(f"/modules?item={item}")).status == 200, item
        await asyncio.sleep(1.2)
        at_s = datetime.now(UTC).timestamp()
        bench.buses["station"].set_state("power", power(is_closed=False))
        stream = client.session.get(f"{client.base}/live?of=/modules", ssl=False)
        async with asyncio.timeout(10), stream as answer:
            async for line in answer.content:
                if b"modules.odd@html" in line and b"G1 gives 50.0 A" in line:
                    break
        found = (await client.get("/api/v1/modules")).json()
        assert [each["key"] for each in found["contradictions"]] == ["current_to_open"]
        async with asyncio.timeout(10):
            while "contradictions" not in (await client.get("/modules")).text.lower().split('id="replay"')[1]:
                await asyncio.sleep(0.3)
        then = (await client.get(f"/modules?at={at_s:.3f}")).text
        assert "This is how it was" in then and "No contradictions" in then and "data-live-of" not in then
        assert (await client.get(f"/modules/moment?at={at_s:.3f}")).json()["k.K1.s"] == "closed"
        assert (await client.get("/modules/moment?at=5")).status == 404
        assert (await client.get("/modules?at=5")).status == 200
        assert [(await client.get(f"/modules?at={text}")).status for text in ("x", "nan", "1e30")] == [422, 422, 422]


async def test_a_limit_is_looked_at_set_and_not_overwritten(tmp_path: Path) -> None:
    station = Station()
    answers = {"station": {SetUserLimit: station}}
    async with Bench(tmp_path, settings=settings(), states=states(is_charging=True), answers=answers) as bench:
        station.bench = bench
        viewer = await bench.log_in("vera")
        page = (await viewer.get("/limits?edit=1&w1=120&w2=60&v=400")).text
        assert "shared now" in page.lower() and "20 kW, 50 A ★" in page and "limits/preview" not in page
        assert re.search(r"120 kW</td>.*?<strong>100 kW</strong>", page), "400 V at 250 A"
        assert "100 kW" not in (await viewer.get("/limits?w1=nan&v=9")).text
        client = await bench.log_in("tim")
        page = (await client.get("/limits?edit=1")).text
        version = re.search(r'name="version" value="([0-9a-f]+)"', page)
        assert version is not None and "Charges run now: 1" in page
        fields = {
            "connector": "1",
            "version": version[1],
            "kw": "50",
            "until": f"{datetime.now() + timedelta(days=1):%Y-%m-%dT%H:%M}",
            "when": "all",
        }
        for wrong in ({"kw": "121"}, {"kw": "-1"}, {"kw": "nan"}, {"until": "2001-01-01T00:00"}, {"when": "refuse"}):
            assert (await client.post("/limits/preview", {**fields, **wrong})).status == 422, wrong
        assert (await client.post("/limits/preview", {**fields, "connector": "9"})).status == 404
        shown = await client.post("/limits/preview", fields)
        assert shown.status == 200 and "Set 50 kW" in shown.text and not station.asked
        done = await client.post("/limits", fields)
        assert (done.status, done.headers["Location"]) == (303, "/limits?done=ok")
        (asked,) = station.asked
        assert (asked.connector, asked.limit_w, asked.while_charging, asked.by) == (1, 50_000.0, True, "tim")
        assert asked.until is not None and asked.until.tzinfo is not None
        assert (await client.post("/limits", {**fields, "kw": "40"})).status == 409, "the version has changed"
        assert "50 kW" in (await viewer.get("/limits")).text and len(station.asked) == 1


async def test_limits_over_the_api_need_the_version_that_was_read(tmp_path: Path) -> None:
    station = Station()
    async with Bench(
        tmp_path, settings=settings(), states=states(), answers={"station": {SetUserLimit: station}}
    ) as bench:
        station.bench = bench
        client = await bench.log_in("admin")
        headers = {"X-CSRF-Token": client.csrf}

        async def put(body: Any, etag: str = "") -> int:
            more = {"If-Match": etag} if etag else {}
            return (await client.ask("PUT", "/api/v1/limits", json=body, headers={**headers, **more})).status

        first = await client.get("/api/v1/limits")
        assert first.status == 200, first.text
        etag = {key.lower(): value for key, value in first.headers.items()}["etag"]
        rows = {row["connector"]: row for row in first.json()["rows"]}
        assert rows[1]["winner"] == "vehicle" and rows[0]["winner"] == "grid" and rows[2]["most_w"] == 120_000
        assert await put({"connector": 2, "limit_w": 5000}) == 428
        assert await put({"connector": 2, "limit_w": 5000}, '"other"') == 412
        for wrong in (
            {"connector": 2, "limit_w": -1},
            {"connector": "x"},
            {"connector": 2, "more": 1},
            {"connector": 2, "until": "2031-01-01T00:00:00"},
            {"connector": 2, "while_charging": "maybe"},
        ):
            assert await put(wrong, etag) == 422, wrong
        assert await put({"connector": 2, "limit_w": 5000, "until": "2031-01-01T00:00:00Z"}, etag) == 200
        assert await put({"connector": 2, "limit_w": 6000}, etag) == 412
        assert await put({"connector": 2, "limit_w": None, "while_charging": "spare"}, "*") == 200
        assert station.asked[0].until == datetime(2031, 1, 1, tzinfo=UTC) and station.asked[1].spares_running
        viewer = await bench.log_in("oleg")
        answer = await viewer.ask(
            "PUT", "/api/v1/limits", json={"connector": 2}, headers={"X-CSRF-Token": viewer.csrf, "If-Match": "*"}
        )
        assert answer.status == 403 and len(station.asked) == 2


async def test_meters_climate_and_devices_say_what_is_known_and_how_old(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    points = tuple(ClimatePoint(now - timedelta(minutes=5 * n), 20.0 + n % 7, 40.0) for n in reversed(range(50)))
    answers = {"station": {ReadClimate: lambda request: ClimatePage(sensor=request.sensor, points=points)}}
    async with Bench(tmp_path, settings=settings(), states=states(), answers=answers) as bench:
        client = await bench.log_in("tim")
        meters = (await client.get("/meters")).text
        assert "1234.57 kWh" in meters and "230 / 231 / 229 V" in meters and "0.98" in meters and "silent for" in meters
        assert re.search(r'data-live="grid.power"[^>]*class="soft"|class="soft"[^>]*data-live="grid.power"', meters)
        assert "has not answered" in meters and EVIL not in meters
        climate = (await client.get("/climate")).text
        assert "31.5 °C" in climate and "power 80 %" in climate and "hot" in climate and "stop_above_c" in climate
        assert climate.count("<figure") == 2
        devices = (await client.get("/devices")).text
        assert "900 of 1000 (90 %)" in devices and "was, not cleared" in devices and "12.345 &gt; 01 03" in devices
        assert "60.5 ms" in devices and "crc 3" in devices and EVIL not in devices and "before 76" in devices
        for deed in ("accept_devices", "clear_input", "clear_output"):
            assert f"/deeds/{deed}?" in devices
        assert {path: (await client.get(f"/api/v1/{path}")).status for path in ("meters", "climate", "devices")} == {
            "meters": 200, "climate": 200, "devices": 200,
        }  # fmt: skip


async def test_without_a_station_the_pages_say_so(tmp_path: Path) -> None:
    async with Bench(tmp_path, settings=settings()) as bench:
        client = await bench.log_in("tim", "ru")
        for path in ("/modules", "/limits?edit=1", "/meters", "/climate", "/devices", "/limits?w1=50"):
            assert (await client.get(path)).status == 200, path
        assert (await client.get("/api/v1/climate")).status == 503
        assert (await client.get("/api/v1/limits")).json()["rows"][1]["resulting"] is None
