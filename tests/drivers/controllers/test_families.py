"""Every controller of another maker does the same for a station: one story after another, over its real protocol."""

from __future__ import annotations

import asyncio

import pytest

from drivers.codecs.modbus import Carrier
from drivers.errors import BadFrame, NoAnswer, Refused
from drivers.interfaces import Cause, FailSafe, HardwareFlag
from drivers.simulated.foreign_controller import FOREIGN
from drivers.simulated.vehicle import PlugOptions
from tests.drivers.controllers.benches import FAMILIES, LEASE_S, Family, a_bench

each_family = pytest.mark.parametrize("family", FAMILIES, ids=str)


@each_family
async def test_it_tells_who_it_is_and_is_recognised(family: Family) -> None:
    from drivers.loading import load

    async with a_bench(family) as bench:
        await bench.driver.read()
        await asyncio.sleep(0.3)
        identity = await bench.driver.identify()
        assert identity.vendor and identity.model
        await asyncio.sleep(0.3)
        recognised = await load("controllers", family.name).recognise(bench.port, family.address)
        if family.name == "phoenix_ev_cc" and family.options:
            assert recognised is None
        else:
            assert recognised is not None and recognised.vendor == identity.vendor


@each_family
async def test_connecting_never_lets_a_vehicle_charge(family: Family) -> None:
    async with a_bench(family) as bench:
        await bench.polls(2)
        bench.outlet.plug(PlugOptions())
        reading = await bench.polls(20)
        assert reading is not None and reading.status.value in ("B", "B1")
        assert reading.session_ref == 0 and HardwareFlag.OUTPUT_RELAY not in reading.flags
        assert bench.model.contactor.operations == 0


@each_family
async def test_a_charge_from_plug_to_unplug(family: Family) -> None:
    async with a_bench(family) as bench:
        reading = await bench.poll()
        assert reading.status.value == "A" and HardwareFlag.PRECHECK_DONE in reading.flags
        with pytest.raises(Refused, match="not possible in its present status"):
            await bench.start()
        bench.renews = False
        bench.outlet.plug(PlugOptions(start_delay_s=3, capacity_wh=500_000))
        await bench.until_status("B")
        await bench.start(16.0)
        reading = await bench.until_status("C6")
        assert reading.session_ref == 7 and HardwareFlag.OUTPUT_RELAY in reading.flags
        assert reading.lease_left_s > 3 and reading.ev_requests_energy
        for limit_a, flows_a in ((16.0, family.limit_of_16), (10.5, family.limit_of_10_5), (6.0, 6.0)):
            bench.limit_a = limit_a
            await bench.polls(3)
            assert bench.model.output.current_a == pytest.approx(flows_a, abs=0.05)
        bench.renews = False
        await bench.driver.stop()
        reading = await bench.until_status("B2")
        assert not bench.is_closed and HardwareFlag.OUTPUT_RELAY not in reading.flags
        await bench.polls(5)
        assert not bench.is_closed
        bench.outlet.unplug()
        await bench.until_status("A")
        assert bench.model.contactor.operations == 1


@each_family
async def test_a_pause_of_the_station_and_of_the_vehicle_keep_the_permission(family: Family) -> None:
    async with a_bench(family) as bench:
        await bench.charge(16.0)
        bench.limit_a = 0.0
        reading = await bench.until(lambda now: HardwareFlag.OUTPUT_RELAY not in now.flags)
        assert reading.session_ref == 7 and reading.status.value in ("B", "B1")
        await bench.polls(8)
        assert not bench.is_closed
        bench.limit_a = 12.0
        await bench.until_status("C6")
        bench.outlet.pause(pilot=True)
        reading = await bench.until_status("B")
        assert reading.session_ref == 7
        bench.outlet.resume()
        reading = await bench.until_status("C6")
        assert reading.session_ref == 7


@each_family
async def test_below_6_a_it_pauses_and_never_offers_less(family: Family) -> None:
    async with a_bench(family) as bench:
        await bench.charge(16.0)
        bench.limit_a = 5.9
        await bench.until(lambda now: HardwareFlag.OUTPUT_RELAY not in now.flags)
        assert not bench.is_closed


@each_family
async def test_the_permission_goes_with_the_vehicle(family: Family) -> None:
    async with a_bench(family) as bench:
        await bench.charge()
        bench.renews = False
        bench.outlet.unplug()
        await bench.until_status("A")
        bench.outlet.plug(PlugOptions())
        reading = await bench.polls(LEASE_S + 10)
        assert reading is not None and reading.session_ref == 0
        assert bench.model.contactor.operations == 1


@each_family
async def test_a_permission_that_nobody_renews_ends(family: Family) -> None:
    async with a_bench(family) as bench:
        await bench.charge()
        bench.renews = False
        reading = await bench.until(lambda now: now.cause is Cause.LEASE_ENDED and not now.status.is_charging, 15)
        assert not bench.is_closed
        assert reading.session_ref == 0 and reading.lease_left_s == 0
        await bench.start(16.0, 8)
        assert (await bench.until_status("C6")).session_ref == 8


@pytest.mark.parametrize(
    ("family", "code", "expected"),
    [pytest.param(family, *fault, id=f"{family}-{fault[0]}") for family in FAMILIES for fault in family.faults],
)
async def test_faults_are_told_and_end_the_permission(family: Family, code: str, expected: str) -> None:
    status, cause = expected.split()
    async with a_bench(family) as bench:
        await bench.charge()
        bench.model.break_down(code)
        if code == "weld":
            bench.renews = False
            await bench.driver.stop()
        reading = await bench.until_status(status)
        assert reading.cause.value == cause
        await asyncio.sleep(0.3)
        findings = (await bench.driver.read_diagnosis()).findings
        assert findings
        bench.renews = False
        bench.model.clear()
        bench.outlet.unplug()
        await bench.until_status("A")
        bench.outlet.plug(PlugOptions())
        await bench.polls(10)
        assert bench.model.contactor.operations == 1


@pytest.mark.parametrize("family", [family for family in FAMILIES if family.wrong_address], ids=str)
async def test_nobody_at_another_address(family: Family) -> None:
    async with a_bench(family) as bench:
        bench.line.devices.clear()
        if family.is_bytes:
            bench.face.address += 1
        with pytest.raises(NoAnswer):
            await bench.driver.read()


@pytest.mark.parametrize("family", [family for family in FAMILIES if family.carrier is Carrier.RTU], ids=str)
async def test_a_damaged_answer_is_no_reading(family: Family) -> None:
    async with a_bench(family) as bench:
        await bench.driver.read()
        await asyncio.sleep(0.3)
        bench.mangle = lambda data: (data[:-4] + bytes((data[-4] ^ 1,)) + data[-3:],)
        await asyncio.sleep(family.speaks_each_s * 3)
        with pytest.raises((BadFrame, NoAnswer)):
            await bench.driver.read()
        bench.mangle = lambda data: (data,)
        await asyncio.sleep(1.5)
        assert (await bench.poll()).status.value == "A"


@each_family
async def test_silence_while_charging_does_what_it_says_of_itself(family: Family) -> None:
    async with a_bench(family) as bench:
        await bench.charge(16.0)
        bench.line.cut()
        box = bench.driver.box
        await bench.polls(2)
        assert bench.is_closed
        await bench.polls(max(LEASE_S, box.opens_after_s if box.opens_after_s < 60 else 0.0) + 2)
        if bench.driver.fail_safe is FailSafe.OPENS:
            assert not bench.is_closed
        elif bench.driver.fail_safe is FailSafe.SAFE_CURRENT:
            assert bench.model.output.current_a == pytest.approx(6.0)
        else:
            assert bench.is_closed
        bench.renews = False
        bench.line.restore()
        reading = await bench.until(lambda now: not now.status.is_charging, 20)
        assert reading.cause is Cause.LEASE_ENDED and reading.session_ref == 0
        await bench.polls(5)
        assert not bench.is_closed


@each_family
async def test_a_restart_of_the_box_ends_the_permission_and_its_fail_safe_is_set_anew(family: Family) -> None:
    async with a_bench(family) as bench:
        before = await bench.charge(16.0)
        bench.model.power_off()
        await asyncio.sleep(0.5)
        bench.model.power_on()
        bench.outlet.advance(asyncio.get_running_loop().time())
        if not family.tells_restart:
            reading = await bench.until(lambda now: now.status.is_connected)
            assert bench.driver._is_ready
            return
        reading = await bench.until(lambda now: now.boot_count != before.boot_count, 20)
        assert reading.session_ref == 0
        await bench.polls(8)
        assert not bench.is_closed
        assert bench.model.contactor.operations == 1 + family.charges_at_boot
        box = bench.face.box
        assert box.offered_a == 0
        if bench.opens and box.time_out_s:
            assert box.time_out_s == pytest.approx(bench.driver.opens_after_s) and box.safe_a == 0


@each_family
async def test_a_restart_of_the_software_switches_off_and_says_that_the_permission_was_lost(family: Family) -> None:
    async with a_bench(family) as bench:
        await bench.charge(16.0)
        bench.renews = False
        bench.restart_software()
        try:
            reading = await bench.poll()
        except NoAnswer as error:
            assert "it was still on" in str(error)
            reading = await bench.until(lambda now: True)
        assert reading.cause is Cause.LEASE_ENDED and not reading.status.is_charging
        assert not bench.is_closed
        await bench.start(16.0, 7)
        assert (await bench.until_status("C6")).session_ref == 7


@each_family
async def test_an_emergency_stop_lasts_until_it_is_rebooted(family: Family) -> None:
    async with a_bench(family) as bench:
        await bench.charge()
        await bench.driver.emergency_stop()
        await bench.until_status("E9")
        await bench.polls(3)
        assert not bench.is_closed
        with pytest.raises(Refused, match="emergency stop"):
            await bench.start()
        bench.renews = False
        await bench.driver.reboot()
        await bench.until_status("B", "B1", "B2")


@each_family
async def test_two_sessions_do_not_mix_and_bad_values_are_refused(family: Family) -> None:
    async with a_bench(family) as bench:
        await bench.charge()
        await asyncio.sleep(0.3)
        with pytest.raises(Refused, match="session 7 charges here"):
            await bench.driver.start(9, 0, 16.0, 22_000, LEASE_S)
        for bad in ({"current_a": float("nan")}, {"power_w": -1.0}, {"valid_for_s": 0.0}, {"valid_for_s": 99.0}):
            values = {"current_a": 10.0, "power_w": 22_000.0, "valid_for_s": LEASE_S} | bad
            with pytest.raises(ValueError):
                await bench.driver.limit(**values)
        with pytest.raises(ValueError):
            await bench.driver.start(0, 0, 16.0, 22_000, LEASE_S)


@each_family
async def test_the_contactor_log_knows_only_asked_for_closings(family: Family) -> None:
    async with a_bench(family) as bench:
        await bench.charge()
        assert {event.session_ref for event in bench.model.contactor.log} == {FOREIGN}
        assert all(event.vehicle_connected and event.vehicle_asks for event in bench.model.contactor.log)


async def test_what_nobody_can_do_is_refused_in_words() -> None:
    async with a_bench(FAMILIES[0]) as bench:
        with pytest.raises(Refused, match="evse_din at address 1 on port 'bus': it cannot be told to unlock"):
            await bench.driver.unlock()
        await asyncio.sleep(0.3)
        with pytest.raises(Refused, match="restarted"):
            await bench.driver.reboot()


async def test_a_time_out_that_it_keeps_longer_counts_as_it_is() -> None:
    family = next(family for family in FAMILIES if family.name == "bender_cc")
    async with a_bench(family) as bench:
        kept = bench.face.registers.words.writes[132]
        bench.face.registers.words.writes[132] = lambda value: kept(max(value, 10))
        await bench.driver.read()
        assert bench.driver.opens_after_s == 10.0 and bench.face.box.time_out_s == 10.0
        bench.face.registers.words.writes[132] = lambda value: kept(0)
        bench.restart_software()
        kept(0)
        reading = await bench.driver.read()
        assert HardwareFlag.PRECHECK_DONE not in reading.flags
        assert "its time-out" in (await bench.driver.read_diagnosis()).findings[0]


async def test_the_start_of_an_openevse_is_heard_in_pieces() -> None:
    family = next(family for family in FAMILIES if family.name == "openevse")
    async with a_bench(family) as bench:
        before = await bench.poll()
        for piece in (b"$AB 00 8.", b"2.3^", b"1E\r"):
            bench.line.send(piece)
            await asyncio.sleep(0.05)
        assert (await bench.poll()).boot_count != before.boot_count


async def test_an_openevse_whose_start_was_not_heard_is_set_up_again() -> None:
    family = next(family for family in FAMILIES if family.name == "openevse")
    async with a_bench(family) as bench:
        before = await bench.poll()
        bench.face.send = lambda data: None  # the line that tells of it is lost
        bench.model.power_off()
        bench.model.power_on()
        await bench.polls(3.0)
        reading = await bench.poll()
        assert reading.boot_count != before.boot_count
        assert (await bench.charge()).status.value == "C6"


@pytest.mark.parametrize("told", ["OK 16000 230000", "OK 0 0", "OK 30 6", "OK -1 80", "OK x y"])
async def test_what_no_openevse_can_offer_is_not_believed(told: str) -> None:
    family = next(family for family in FAMILIES if family.name == "openevse")
    async with a_bench(family) as bench:
        answer = bench.face._carry_out
        bench.face._carry_out = lambda kind, words: told if kind == "GC" else answer(kind, words)
        await bench.poll()
        assert (bench.driver.box.least_a, bench.driver.box.most_a) == (6.0, 80.0)
