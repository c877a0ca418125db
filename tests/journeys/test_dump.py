"""The frames between connector and vehicle: read while a session runs, put into words, kept with it and streamed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chargepoint.messages import DumpGrew, DumpPage, ReadDump, StartDump, StopDump
from tests.journeys.rig import Rig, demo_text
from tests.journeys.steps import CARD, charge, leave, show_card

VIN = "WVWZZZ1JZXW000001"


async def dump_of(rig: Rig, session_id: int, limit: int = 500) -> list[str]:
    """All lines that are kept with a session, page by page."""
    lines: list[str] = []
    while True:
        page: DumpPage = await rig.bus.call("station", ReadDump(session_id=session_id, after=len(lines), limit=limit))
        lines += page.lines
        if len(lines) >= page.total:
            assert len(lines) == page.total
            return lines
        assert page.lines


async def a_charge(rig: Rig, connector: int, seconds: float = 12.0) -> int:
    """A whole charge; its session."""
    await charge(rig, connector, reader=str(connector), vin=VIN)
    await rig.advance(seconds)
    assert (await show_card(rig, CARD, str(connector))).outcome == "stopped"
    await rig.until_status("CHARGED", connector)
    session = await leave(rig, connector)
    await rig.advance(5)
    return session.session_id


@pytest.mark.parametrize(
    "connector, words",
    [
        (
            1,
            [
                "SupportedAppProtocolReq", "SessionSetupReq EVCCID=*************0001", "CableCheckReq",
                "PreChargeReq EVTargetVoltage=", "PowerDeliveryReq ReadyToChargeState=true", "CurrentDemandReq",
                "WeldingDetectionReq", "SessionStopRes",
            ],
        ),
        (
            2,
            [
                "108   charger limits", "102   vehicle: protocol 1.x", "109   charger: protocol 1.x",
                "connector locked", "charging enabled, contactor open", "gives 3", "stops",
            ],
        ),
        (
            3,
            [
                "CHM   charger handshake: version 1.1", "BHM ", "CRM   charger identification: not recognised",
                "TP.CM BRM: RTS 49 bytes", "BRM   vehicle identification", "VIN *************0001",
                "charger identification: recognised", "BCP   battery parameters", "CML ",
                "BRO   battery ready: not ready", "BRO   battery ready: ready", "CRO   charger ready: ready",
                "BCL   demand", "CCS   charger state", "BCS   battery state", "CST   charger stops: stopped by hand",
                "BST   battery stops: charger stopped", "BSD ", "CSD ",
            ],
        ),
        (
            4,
            [
                "CP    state B, vehicle connected, 9.0 V, duty 100.0 %: no charging", "state C, vehicle asks, 6.0 V",
                "duty 53.1 %: 31.9 A", "CP    state A, no vehicle",
            ],
        ),
    ],
    ids=["CCS2", "CHAdeMO", "GB/T", "AC"],
)  # fmt: skip
async def test_a_charge_leaves_its_dump_in_order(tmp_path: Path, connector: int, words: list[str]) -> None:
    async with Rig(tmp_path, demo_text(), is_linked=False) as rig:
        session_id = await a_charge(rig, connector)
        lines = await dump_of(rig, session_id, limit=50)
        at = 0
        for word in words:
            found = next((place for place in range(at, len(lines)) if word in lines[place]), None)
            assert found is not None, (word, lines[at : at + 30])
            at = found
        text = "\n".join(lines)
        assert VIN not in text and VIN.encode()[:6].hex(" ").upper() not in text
        times = [float(line[:10]) for line in lines]
        assert times == sorted(times) and times[0] < 1.0 and times[-1] > 12.0
        assert not list(tmp_path.rglob("*.tmp"))
        await rig.check()


async def test_each_session_has_a_dump_of_its_own_and_others_have_none(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(), is_linked=False) as rig:
        first, second = await a_charge(rig, 3, 5), await a_charge(rig, 3, 5)
        assert first != second
        for session_id in (first, second):
            lines = await dump_of(rig, session_id)
            assert sum("CHM " in line for line in lines) == 1
            assert float(lines[0][:10]) == 0.0
        assert await dump_of(rig, 999) == []


async def test_a_dump_goes_on_after_a_restart_of_the_software(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(), is_linked=False) as rig:
        await charge(rig, 3, reader="3", vin=VIN)
        await rig.advance(25)
        session_id = (await rig.last_session()).session_id
        before = await dump_of(rig, session_id)
        await rig.crash()
        await rig.boot_up()
        await rig.advance(10)
        after = await dump_of(rig, session_id)
        assert after[: len(before)] == before
        assert sum("software was restarted" in line for line in after) == 1
        assert len(after) > len(before) + 10 and "BCL" in "".join(after[len(before) :])
        await show_card(rig, CARD, "3")
        await leave(rig, 3)
        await rig.check()


async def test_reading_frames_costs_no_poll_and_no_lease(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(), is_linked=False) as rig:
        await charge(rig, 3, reader="3", vin=VIN)
        least_s = 10.0
        for _ in range(120):
            await rig.advance(0.1)
            state = rig.state(3)
            assert state is not None and state.reading is not None
            least_s = min(least_s, state.reading.lease_left_s)
        assert least_s > 3.5
        await show_card(rig, CARD, "3")
        await leave(rig, 3)
        await rig.check()


async def test_a_live_dump_is_told_until_it_is_stopped_or_the_session_ends(tmp_path: Path) -> None:
    async with Rig(tmp_path, demo_text(), is_linked=False) as rig:
        heard = rig.bus.subscribe(DumpGrew)
        events: list[DumpGrew] = []

        async def listen(seconds: float) -> int:
            """How many lines are told in that time."""
            before = sum(len(event.lines) for event in events)

            async def take() -> None:
                async for event in heard:
                    events.append(event)

            task = asyncio.create_task(take())
            await rig.advance(seconds)
            task.cancel()
            await asyncio.wait([task])
            return sum(len(event.lines) for event in events) - before

        assert (await rig.bus.call("station", StartDump(connector=9))).code == "no_connector"
        await charge(rig, 3, reader="3", vin=VIN)
        assert await listen(3) == 0
        assert (await rig.bus.call("station", StartDump(connector=3))).ok
        assert await listen(10) > 20
        assert all(event.connector == 3 and event.session_id for event in events)
        assert not any(VIN in line for event in events for line in event.lines)
        assert (await rig.bus.call("station", StopDump(connector=3))).ok
        await listen(2)
        assert await listen(5) == 0
        assert (await rig.bus.call("station", StartDump(connector=3))).ok
        await show_card(rig, CARD, "3")
        await leave(rig, 3)
        assert await listen(10) > 2
        assert any("CSD" in line for event in events for line in event.lines)
        await charge(rig, 3, reader="3", vin=VIN)
        assert await listen(5) == 0
        heard.close()
