"""A household socket from card to bill: started by authorisation, ended by card, by a full battery, by its lid."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chargepoint.vocabulary import Cause, SessionState, StopSource
from tests.journeys.cabinets import MODULE, clear_input, clear_output, mishap, output_state, switchings, touch
from tests.journeys.oracles import books_faults, relay_faults
from tests.journeys.rig import READER_AND_SERVER, Rig
from tests.journeys.steps import OTHER_CARD, show_card


def socket(options: str, more: str = "") -> str:
    """One socket of 16 A with its own meter."""
    return f"""
[station]
name = "one"
power_limit_w = 22_000
[[port]]
name = "bus"
device = "bus"
[[connector]]
number = 1
type = "SCHUKO"
driver = "socket"
meter = "m1"
max_current_a = 16
max_power_w = 3_680
min_current_a = 16
cable_current_a = 16
phases = 1
options = {{ relay = "R1", low_current_s = 30, {options} }}
[[meter]]
name = "m1"
port = "bus"
address = 10
{MODULE}
[[output]]
name = "R1"
function = "socket"
io = "io"
channel = 0
{READER_AND_SERVER}{more}"""


LID = """
[[input]]
name = "lid"
function = "lid"
io = "io"
channel = 0
"""
RCD = """
[[input]]
name = "rcd"
function = "residual_current"
io = "io"
channel = 1
connectors = [1]
"""

BARE = socket("gone_after_s = 10")
LIDDED = socket('lid = "lid", breaker = "rcd"', LID + RCD)


async def check(rig: Rig, *, is_reported: bool = True) -> None:
    """Books balance, and the relay closed inside durable transactions alone."""
    starts, sessions = await rig.journal("TransactionStarted"), await rig.sessions()
    found = relay_faults(1, switchings(rig), starts, sessions)
    ledger = rig.system.ledger if rig.is_linked and is_reported else None
    found += books_faults(rig.simulated.state(), sessions, ledger, 10.0)
    assert not found, "\n".join(found)


def takes(rig: Rig) -> bool:
    return rig.simulated.state().connector(1).power_w > 1000


async def test_card_plug_card(tmp_path: Path) -> None:
    async with Rig(tmp_path, BARE) as rig:
        await rig.online()
        await rig.until_status("AVAILABLE")
        rig.plug(current_a=16)
        await rig.advance(5)
        assert rig.status() == "AVAILABLE", "nobody can see a plug here"
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(30)
        assert takes(rig)
        await rig.tap()
        await rig.until_status("CHARGED")
        await rig.advance(2)
        assert not takes(rig)
        rig.unplug()
        await rig.until_status("AVAILABLE", within_s=60)
        await rig.drained()
        session = await rig.last_session()
        assert session.stop_source is StopSource.LOCAL
        assert session.delivered_wh == pytest.approx(16 * 230 / 120, rel=0.1)
        assert rig.system.ledger.transactions[0].reason == "Local"
        await check(rig)


async def test_a_full_battery_ends_it(tmp_path: Path) -> None:
    async with Rig(tmp_path, BARE, is_linked=False) as rig:
        await rig.until_status("AVAILABLE")
        rig.plug(current_a=16)
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(10)
        rig.simulated.pause(1)
        await rig.advance(20)
        state = rig.state()
        assert state is not None
        assert state.suspended_by == "ev"
        await rig.until_status("CHARGED")
        await rig.advance(3)
        session = await rig.last_session()
        assert session.stop_source is StopSource.EV_CHARGED
        assert session.state is SessionState.SUCCESS
        await check(rig)


async def test_nothing_plugged_in_ends_it_too(tmp_path: Path) -> None:
    async with Rig(tmp_path, BARE, is_linked=False) as rig:
        await rig.until_status("AVAILABLE")
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.until_status("CHARGED", within_s=90)
        session = await rig.last_session()
        assert session.delivered_wh == 0
        await rig.until_status("AVAILABLE", within_s=60)
        await check(rig)


async def test_a_lid_on_the_plug_is_presence(tmp_path: Path) -> None:
    async with Rig(tmp_path, LIDDED, is_linked=False) as rig:
        rig.plug(current_a=10)
        await rig.until_status("READY")
        await rig.tap()
        await rig.until_status("CHARGING")
        await rig.advance(20)
        rig.unplug()
        await rig.until_status("AVAILABLE")
        session = await rig.last_session()
        assert session.stop_source is StopSource.STATUS_CHANGE
        await rig.tap()
        await rig.until_status("WAITING_FOR_EV")
        await check(rig)


async def test_a_tripped_breaker_is_latched_until_somebody_looked(tmp_path: Path) -> None:
    async with Rig(tmp_path, LIDDED) as rig:
        await rig.online()
        rig.plug(current_a=10)
        await rig.until_status("READY")
        await rig.tap()
        await rig.until(lambda: takes(rig))
        touch(rig, "rcd", True)
        begun = asyncio.get_running_loop().time()
        await rig.until_status("ERROR")
        await rig.until(lambda: not output_state(rig, "R1").is_on)
        assert switchings(rig)[-1][0] - begun <= 1.5
        await rig.advance(3)
        assert (await rig.last_session()).stop_source is StopSource.CONNECTOR_ERROR
        touch(rig, "rcd", False)
        await rig.advance(4)
        assert rig.status() == "ERROR"
        assert (await show_card(rig)).outcome == "unavailable"
        assert (await clear_input(rig, "rcd")).ok
        await rig.until(lambda: rig.status() in ("READY", "CHARGED"))
        await rig.drained()
        told = [c.payload["errorCode"] for c in rig.system.ledger.calls("StatusNotification")]
        assert "GroundFailure" in told
        await check(rig)


async def test_less_power_than_it_is_rated_for_pauses_it(tmp_path: Path) -> None:
    text = BARE.replace("power_limit_w = 22_000", "power_limit_w = 3_000")
    async with Rig(tmp_path, text, is_linked=False) as rig:
        rig.plug(current_a=16)
        await rig.until_status("NO_POWER")
        assert switchings(rig) == []


async def test_a_dead_service_opens_it_and_the_charge_goes_on_afterwards(tmp_path: Path) -> None:
    async with Rig(tmp_path, BARE, is_linked=False) as rig:
        await rig.until_status("AVAILABLE")
        rig.plug(current_a=16)
        await rig.tap()
        await rig.until(lambda: takes(rig))
        died = asyncio.get_running_loop().time()
        await rig.crash()
        await rig.advance(6)
        assert not takes(rig)
        assert switchings(rig)[-1][0] - died <= 3.5
        await rig.boot_up()
        await rig.advance(3)
        session = await rig.last_session()
        assert session.stop_source is StopSource.APP_RESTART, "nobody knows whether the plug is still the same"
        await check(rig)


async def test_a_quick_restart_goes_on_with_the_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path, BARE, is_linked=False) as rig:
        await rig.until_status("AVAILABLE")
        rig.plug(current_a=16)
        await rig.tap()
        await rig.until(lambda: takes(rig))
        await rig.crash()
        await rig.advance(0.5)
        await rig.boot_up()
        await rig.until(lambda: takes(rig))
        await rig.until_status("CHARGING")
        assert len(await rig.sessions()) == 1
        await rig.tap()
        await rig.until_status("CHARGED")
        await rig.advance(3)
        await check(rig)


async def test_a_power_cut_ends_it_with_its_reason(tmp_path: Path) -> None:
    async with Rig(tmp_path, BARE) as rig:
        await rig.online()
        rig.plug(current_a=16)
        await rig.tap()
        await rig.until(lambda: takes(rig))
        await rig.advance(20)
        await rig.cut_power()
        await rig.restore_power()
        await rig.online()
        await rig.drained()
        assert rig.system.ledger.transactions[0].reason == "PowerLoss"
        assert not takes(rig)
        await rig.tap(OTHER_CARD)
        await rig.until_status("CHARGING")
        await rig.tap(OTHER_CARD)
        await rig.until_status("CHARGED")


async def test_a_welded_relay_is_found_and_latched(tmp_path: Path) -> None:
    feedback = '[[input]]\nname = "fb"\nfunction = "contactor_feedback"\nio = "io"\nchannel = 3\n'
    text = socket("gone_after_s = 30", feedback).replace(
        'function = "socket"\n', 'function = "socket"\nfeedback = "fb"\n'
    )
    async with Rig(tmp_path, text, is_linked=False) as rig:
        await rig.until_status("AVAILABLE")
        rig.plug(current_a=16)
        await rig.tap()
        await rig.until(lambda: takes(rig))
        mishap(rig, "R1", welded=True)
        await rig.tap()
        await rig.until_status("ERROR")
        await rig.until(lambda: output_state(rig, "R1").cause is Cause.CONTACTOR_WELDED)
        mishap(rig, "R1", welded=False)
        await rig.advance(5)
        assert (await show_card(rig, OTHER_CARD)).outcome == "unavailable"
        assert (await clear_output(rig, "R1", new=True)).ok
        await rig.until(lambda: rig.status() in ("AVAILABLE", "CHARGED"))
