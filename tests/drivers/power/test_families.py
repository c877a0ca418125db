"""What holds for every family of power modules, over the simulated bus: one suite, all drivers."""

from __future__ import annotations

import asyncio
import logging
import math

import pytest

from drivers.codecs.can import CanFrame
from drivers.errors import NoAnswer
from drivers.interfaces import FailSafe
from drivers.power.family import Family
from drivers.simulated.module_bank import ModuleFault, battery
from tests.drivers.power.rig import CASES, TOGETHER, Case, Rig

INFY, BEG, UU, HUAWEI, WINLINE, DPM, SINEXCEL, MMEET = CASES
TELLS_STATE = (INFY, BEG, UU, WINLINE, DPM, SINEXCEL)
every_family = pytest.mark.parametrize("case", CASES, ids=str)


def family_of(rig: Rig) -> Family:
    family: Family = rig.modules._family  # type: ignore[attr-defined]
    return family


@every_family
async def test_what_a_module_is_and_can_is_known_after_the_start(case: Case) -> None:
    async with Rig(case) as rig:
        assert len(rig.modules.modules()) == 3
        for reading in rig.modules.modules():
            truth = rig.bank.ratings
            assert reading.is_online and not reading.is_on and not reading.is_active
            assert reading.limits is not None
            assert reading.limits.max_voltage_v == truth.max_voltage_v
            assert reading.limits.min_voltage_v == truth.min_voltage_v
            assert reading.limits.max_current_a == pytest.approx(truth.max_current_a)
            assert reading.limits.max_power_w == pytest.approx(truth.max_power_w)
            assert reading.identity.vendor == rig.driver.ABOUT.vendor
            assert reading.alarms == () and not reading.has_fault


@every_family
async def test_connecting_alone_switches_nothing_on_and_sets_nothing(case: Case) -> None:
    async with Rig(case) as rig:
        await asyncio.sleep(10)
        for module in rig.bank.modules.values():
            assert not module.is_told_on and module.on_count == 0
            assert (module.set_voltage_v, module.set_current_a) == (0.0, 0.0)


@every_family
async def test_a_charge_gives_what_is_asked_divided_equally(case: Case) -> None:
    async with Rig(case) as rig:
        await rig.charge(400.0, 60.0)
        assert rig.bank.current_a() == pytest.approx(60.0, abs=0.01)
        for number in rig.numbers:
            reading = rig.reading(number)
            assert reading.is_active and reading.alarms == ()
            assert reading.current_a == pytest.approx(20.0, abs=0.02)
            assert reading.voltage_v == pytest.approx(rig.bank.voltage_v(), abs=0.1)
        assert rig.bank.peak_a[""] <= 60.0 + 0.01


@every_family
async def test_a_new_set_point_reaches_the_modules_within_50_ms_and_is_repeated(case: Case) -> None:
    async with Rig(case) as rig:
        await rig.charge(400.0, 60.0)
        rig.order(420.0, 45.0)
        await asyncio.sleep(0.05)
        for module in rig.bank.modules.values():
            assert (module.set_voltage_v, module.set_current_a) == pytest.approx((420.0, 15.0), abs=0.01)
        repeat_s = family_of(rig).repeat_s
        since_s = asyncio.get_running_loop().time()
        await asyncio.sleep(4 * repeat_s + 0.1)
        one = family_of(rig).set_point(1, 420.0, 15.0, rig.reading(1).limits)[0]  # type: ignore[arg-type]
        assert sum(frame == one for _, frame in rig.sent(since_s)) >= 3


@every_family
async def test_voltage_and_current_come_before_on_and_0_a_before_off(case: Case) -> None:
    async with Rig(case) as rig:
        started_s = asyncio.get_running_loop().time()
        await rig.charge()
        family, limits = family_of(rig), rig.reading(1).limits
        assert limits is not None
        sent = [frame for _, frame in rig.sent(started_s)]
        first_on = sent.index(family.switch(1, True)[0])
        for frame in family.set_point(1, 400.0, 20.0, limits):
            assert sent.index(frame) < first_on
        since_s = asyncio.get_running_loop().time()
        rig.forget()
        rig.modules.switch_off(rig.numbers)
        await asyncio.sleep(1.5)
        sent = [frame for _, frame in rig.sent(since_s)]
        first_off = sent.index(family.switch(1, False)[0])
        assert sent.index(family.set_point(1, 400.0, 0.0, limits)[-1]) < first_off
        assert not any(family.switch(1, True)[0] == frame for frame in sent)
        assert not rig.truth(1).is_on


@every_family
async def test_off_leaves_at_once_ahead_of_polls_and_until_confirmed(case: Case) -> None:
    async with Rig(case) as rig:
        await rig.charge()
        rig.forget()
        rig.line.is_silent = True
        rig.modules.switch_off(rig.numbers)
        await asyncio.sleep(0.3)
        assert rig.truth(1).is_told_on
        rig.line.is_silent = False
        await asyncio.sleep(2.0)
        assert not any(module.is_told_on for module in rig.bank.modules.values())
        assert rig.bank.current_a() == 0.0


@every_family
async def test_off_takes_less_than_50_ms(case: Case) -> None:
    async with Rig(case) as rig:
        await rig.charge()
        rig.forget()
        rig.modules.switch_off(rig.numbers)
        await asyncio.sleep(0.05)
        assert not any(module.is_told_on for module in rig.bank.modules.values())


@every_family
async def test_a_set_point_that_nobody_renews_ends_in_off(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    async with Rig(case) as rig:
        await rig.charge()
        rig.forget()
        rig.modules.set_output(rig.numbers, 400.0, 60.0, 2.0)
        await asyncio.sleep(1.9)
        assert rig.bank.current_a() > 50
        await asyncio.sleep(0.6)
        assert rig.bank.current_a() == 0.0
        assert not any(module.is_told_on for module in rig.bank.modules.values())
    assert caplog.text.count("not renewed") == 1


@every_family
async def test_0_a_keeps_the_modules_on_at_the_voltage(case: Case) -> None:
    async with Rig(case) as rig:
        await rig.charge(300.0, 0.0)
        assert all(rig.reading(number).is_on for number in rig.numbers)
        assert rig.bank.voltage_v() == pytest.approx(300.0)
        assert rig.bank.current_a() == 0.0


@every_family
@pytest.mark.parametrize("voltage_v", [1200.0, 20.0, 0.0])
async def test_a_voltage_outside_the_limits_is_never_sent(case: Case, voltage_v: float) -> None:
    async with Rig(case) as rig:
        await rig.charge()
        rig.order(voltage_v, 30.0)
        await asyncio.sleep(2.0)
        for module in rig.bank.modules.values():
            assert not module.is_told_on
            assert module.set_voltage_v == 400.0
        assert all(not rig.reading(number).is_on for number in rig.numbers)


@every_family
async def test_a_share_is_no_more_than_a_module_can_give(case: Case) -> None:
    async with Rig(case, load=battery(200.0)) as rig:
        await rig.charge(250.0, 9_000.0)
        most_a = rig.bank.ratings.max_current_a
        assert all(module.set_current_a <= most_a for module in rig.bank.modules.values())
        assert rig.bank.current_a() == pytest.approx(3 * most_a)


@every_family
async def test_above_their_power_the_modules_fold_back(case: Case) -> None:
    async with Rig(case, load=battery(880.0)) as rig:
        await rig.charge(900.0, 270.0)
        ratings = rig.bank.ratings
        assert rig.bank.current_a() < 270.0
        assert rig.bank.current_a() * rig.bank.voltage_v() <= 3 * ratings.max_power_w * 1.001
        if case in (INFY, BEG, WINLINE, DPM) and ratings.max_power_w / 900 < 90:
            assert all(rig.reading(number).is_limited for number in rig.numbers)


@every_family
async def test_wrong_values_are_refused(case: Case) -> None:
    async with Rig(case) as rig:
        for voltage_v, current_a, valid_s in ((math.nan, 1, 1), (400, math.nan, 1), (-1, 1, 1), (400, -1, 1)):
            with pytest.raises(ValueError, match="cannot be set"):
                rig.modules.set_output([1], voltage_v, current_a, valid_s)
        with pytest.raises(ValueError, match="cannot be set"):
            rig.modules.set_output([1], 400.0, 1.0, math.inf)
        with pytest.raises(ValueError, match="module 9 is not configured"):
            rig.modules.set_output([1, 9], 400.0, 1.0, 1.0)
        with pytest.raises(ValueError, match="module 9 is not configured"):
            rig.modules.switch_off([9])
        await asyncio.sleep(1)
        assert not any(module.is_told_on for module in rig.bank.modules.values())


@every_family
async def test_a_lost_module_is_absent_within_a_second_and_taken_in_again(case: Case) -> None:
    async with Rig(case) as rig:
        await rig.charge()
        rig.bank.break_down(2, ModuleFault.CUT)
        await asyncio.sleep(1.05)
        assert not rig.reading(2).is_online and not rig.reading(2).is_active
        assert rig.reading(1).is_active and rig.reading(3).is_active
        # it may still give its share for as long as its own time-out has not switched it off
        assert rig.truth(2).is_on
        rig.bank.peak_a.clear()
        await asyncio.sleep(7.0)
        assert rig.bank.peak_a[""] <= 60.0 + 0.05
        await asyncio.sleep(6.0)
        if rig.modules.fail_safe is FailSafe.OPENS:
            assert not rig.truth(2).is_on
            assert rig.truth(1).set_current_a == pytest.approx(30.0)
        rig.bank.clear(2)
        await asyncio.sleep(8.0)
        assert rig.reading(2).is_active
        assert all(module.set_current_a == pytest.approx(20.0) for module in rig.bank.modules.values())
        assert rig.bank.peak_a[""] <= 60.0 + 0.05


@every_family
async def test_a_module_that_is_lost_while_it_can_hear_is_told_off(case: Case) -> None:
    async with Rig(case) as rig:
        await rig.charge()
        rig.bank.break_down(2, ModuleFault.MUTE)
        await asyncio.sleep(2.5)
        assert not rig.truth(2).is_told_on
        assert rig.truth(1).is_on and rig.truth(3).is_on


@every_family
async def test_when_the_whole_bus_is_silent_nothing_is_switched_and_it_goes_on_afterwards(case: Case) -> None:
    async with Rig(case) as rig:
        await rig.charge()
        rig.line.is_silent = True
        await asyncio.sleep(4.0)
        assert not any(reading.is_online for reading in rig.modules.modules())
        rig.line.is_silent = False
        await asyncio.sleep(2.5)
        assert all(reading.is_active for reading in rig.modules.modules())
        assert all(module.on_count == 1 for module in rig.bank.modules.values())
        assert rig.bank.peak_a[""] <= 60.0 + 0.05


@every_family
async def test_a_bus_off_and_an_adapter_pulled_out_pass(case: Case) -> None:
    async with Rig(case) as rig:
        await rig.charge()
        rig.line.bus_off()
        await asyncio.sleep(4.0)
        assert all(reading.is_active for reading in rig.modules.modules())
        rig.line.cut()
        await asyncio.sleep(2.0)
        assert not any(reading.is_online for reading in rig.modules.modules())
        rig.line.restore()
        await asyncio.sleep(6.0)
        assert all(reading.is_active for reading in rig.modules.modules())
        assert rig.bank.current_a() == pytest.approx(60.0, abs=0.1)
        assert rig.bank.peak_a[""] <= 60.0 + 0.05


@every_family
async def test_a_port_that_is_not_there_is_waited_for(case: Case) -> None:
    rig = Rig(case)
    rig.line.is_cut = True
    async with rig:
        rig.order()
        await asyncio.sleep(2.0)
        assert not any(reading.is_online for reading in rig.modules.modules())
        rig.line.restore()
        await asyncio.sleep(15.0)
        assert rig.bank.current_a() == pytest.approx(60.0, abs=0.1)


@every_family
async def test_a_module_that_restarts_is_set_up_again(case: Case) -> None:
    async with Rig(case) as rig:
        await rig.charge()
        rig.truth(2).restart()
        await asyncio.sleep(2.0)
        assert not rig.reading(2).is_active
        await asyncio.sleep(14.0)
        assert rig.reading(2).is_active
        truth = rig.truth(2)
        assert (truth.set_voltage_v, truth.set_current_a) == pytest.approx((400.0, 20.0))
        assert rig.bank.current_a() == pytest.approx(60.0, abs=0.1)
        assert rig.bank.peak_a[""] <= 60.0 + 0.05
        if case in (INFY, BEG):
            assert not truth.walk_in


@pytest.mark.parametrize("case", [each for each in CASES if each is not MMEET], ids=str)
async def test_a_fault_is_told_and_its_module_left_off_until_it_is_gone(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    async with Rig(case) as rig:
        await rig.charge()
        rig.bank.break_down(2, ModuleFault.FAN)
        await asyncio.sleep(2.5)
        reading = rig.reading(2)
        assert reading.is_online and reading.has_fault and not reading.is_active
        assert len(reading.alarms) == 1 and reading.alarms[0] == reading.alarms[0].lower()
        if case in (INFY, BEG, WINLINE, DPM):
            assert reading.alarms == ("fan fault",)
        assert not rig.truth(2).is_told_on
        assert rig.truth(1).set_current_a == pytest.approx(30.0)
        await asyncio.sleep(5.0)
        assert caplog.text.count("power module 2 on port 'modules': " + reading.alarms[0]) == 1
        rig.bank.clear(2)
        await asyncio.sleep(9.0)
        assert rig.reading(2).is_active and rig.reading(2).alarms == ()
        assert rig.truth(1).set_current_a == pytest.approx(20.0)
        assert rig.bank.peak_a[""] <= 60.0 + 0.05


@every_family
async def test_an_address_used_twice_is_told_and_not_used(case: Case) -> None:
    async with Rig(case) as rig:
        await rig.charge()
        rig.bank.break_down(2, ModuleFault.DUPLICATE)
        await asyncio.sleep(6.0)
        reading = rig.reading(2)
        assert reading.has_fault and reading.alarms and not reading.is_active
        words = {"address used twice", "module id repeated", "duplicate serial number"}
        assert words & set(reading.alarms)
        assert not rig.truth(2).is_on
        rig.bank.clear(2)
        await asyncio.sleep(16.0)
        assert rig.reading(2).is_active


@every_family
async def test_questions_and_answers_are_counted_for_each_module(case: Case) -> None:
    async with Rig(case) as rig:
        rig.bank.break_down(2, ModuleFault.CUT)
        await asyncio.sleep(10.0)
        well, cut = rig.port.devices[1], rig.port.devices[2]
        assert well.answers > 20 and well.errors == {} and well.last_error == ""
        assert well.p99_ms is not None and 1.0 < well.p99_ms < 50.0
        assert cut.no_answer >= 5 and "power module 2 did not answer" in cut.last_error


@every_family
async def test_garbage_and_frames_of_other_families_are_ignored(case: Case) -> None:
    async with Rig(case) as rig:
        await rig.charge()
        before = rig.modules.modules()
        for at in range(400):
            rig.line.put(
                CanFrame((at * 0x0531_2347 + 17) & 0x1FFF_FFFF, bytes((at * 7 + i) & 0xFF for i in range(at % 9)))
            )
            if at % 10 == 0:
                await asyncio.sleep(0.05)
        rig.line.put(CanFrame(0x123, bytes(8), is_extended=False))
        await asyncio.sleep(1.0)
        assert [each.limits for each in rig.modules.modules()] == [each.limits for each in before]
        assert rig.bank.current_a() == pytest.approx(60.0, abs=0.1)
        assert all(module.on_count == 1 for module in rig.bank.modules.values())


FOREIGN = {
    "infypower": CanFrame(0x0283F000, bytes.fromhex("43C8400042790000")),
    "infypower status": CanFrame(0x0284F000, bytes.fromhex("000000002D000100")),
    "uugreenpower": CanFrame(0x02204B23, bytes.fromhex("13620000 00061AFB")),
    "huawei": CanFrame(0x0681407C, bytes.fromhex("01910000 00640FA0")),
    "winline": CanFrame(0x060F8000, bytes.fromhex("41F0000143C84000")),
    "sinexcel": CanFrame(0x18078001, bytes.fromhex("41F0020500000FA5")),
}


@pytest.mark.parametrize(
    ("case", "name"), [(case, name) for case in CASES for name in FOREIGN if name.split()[0] != case.driver]
)
def test_a_frame_of_another_family_says_nothing(case: Case, name: str) -> None:
    family = family_of(Rig(case, numbers=(1,)))
    heard = family.decode(FOREIGN[name])
    shared = {"winline", "dpm1000", "mmeet"}  # one header: only the right name in the station's file tells them apart
    assert heard is None or (case.driver in shared and name in shared)


@every_family
async def test_lost_frames_do_no_harm(case: Case) -> None:
    async with Rig(case) as rig:
        rig.line.drop = 0.1
        await rig.charge()
        await asyncio.sleep(10.0)
        assert rig.bank.current_a() == pytest.approx(60.0, abs=0.1)
        assert rig.bank.peak_a[""] <= 60.0 + 0.05
        rig.forget()
        rig.modules.switch_off(rig.numbers)
        await asyncio.sleep(1.5)
        assert not any(module.is_told_on for module in rig.bank.modules.values())


@every_family
async def test_silence_of_the_software_ends_as_the_family_says(case: Case) -> None:
    async with Rig(case) as rig:
        await rig.charge()
        assert rig.modules.fail_safe is rig.driver.ABOUT.fail_safe
        await rig.port.close()  # killed: nothing more can be said
        await rig.stop()
        await asyncio.sleep(11.0)
        rig.bank.advance(asyncio.get_running_loop().time())
        if math.isinf(rig.modules.silent_off_s):
            assert rig.modules.fail_safe is FailSafe.NONE
            assert any("contactor" in quirk for quirk in rig.driver.ABOUT.quirks)
            assert rig.bank.current_a() > 0
        else:
            assert rig.modules.fail_safe is FailSafe.OPENS
            assert rig.bank.current_a() == 0


@every_family
async def test_ending_in_order_switches_off_what_would_go_on_for_ever(case: Case) -> None:
    async with Rig(case) as rig:
        await rig.charge()
        await rig.stop()
        await asyncio.sleep(0.5)
        goes_on = math.isinf(rig.modules.silent_off_s)
        assert all(module.is_told_on is not goes_on for module in rig.bank.modules.values())


@every_family
async def test_a_module_found_on_after_a_restart_is_adopted_or_switched_off(case: Case) -> None:
    async with Rig(case) as rig:
        for module in rig.bank.modules.values():
            module.walk_in, module.range = False, 2
            module.set_point(400.0, 20.0)
            module.switch(True)
        await asyncio.sleep(3.0)
        rig.order(400.0, 40.0, [1, 2])
        await asyncio.sleep(8.0)
        assert rig.truth(1).is_on and rig.truth(2).is_on and not rig.truth(3).is_told_on
        assert rig.truth(1).on_count == 1


@every_family
async def test_two_outputs_are_told_apart(case: Case) -> None:
    async with Rig(case) as rig:
        rig.bank.connect(3, "other")
        rig.bank.attach(battery(300.0), "other")
        for _ in range(8):
            rig.modules.set_output([1, 2], 400.0, 40.0, 3.0)
            rig.modules.set_output([3], 320.0, 10.0, 3.0)
            await asyncio.sleep(1.0)
        assert rig.bank.current_a() == pytest.approx(40.0, abs=0.05)
        assert rig.bank.current_a("other") == pytest.approx(10.0, abs=0.05)
        rig.modules.switch_off([3])
        await asyncio.sleep(0.1)
        assert rig.bank.current_a("other") == 0.0 and rig.bank.current_a() == pytest.approx(40.0, abs=0.05)
        rig.modules.set_output([1, 2, 3], 400.0, 40.0, 3.0)
        await asyncio.sleep(0.1)
        assert rig.truth(1).set_current_a == pytest.approx(40.0 / 3, abs=0.02 if case is not SINEXCEL else 1.0)


@pytest.mark.parametrize("case", TOGETHER, ids=str)
async def test_all_together_get_one_frame_where_they_get_the_same(case: Case) -> None:
    async with Rig(case) as rig:
        rig.order()
        await asyncio.sleep(7.5)
        assert rig.bank.current_a() == pytest.approx(60.0, abs=0.05)
        since_s = asyncio.get_running_loop().time()
        await asyncio.sleep(2.0)
        family, limits = family_of(rig), rig.reading(1).limits
        assert limits is not None
        sent = [frame for _, frame in rig.sent(since_s)]
        assert sent.count(family.set_point(None, 400.0, 20.0, limits)[0]) >= 3
        assert family.set_point(1, 400.0, 20.0, limits)[0] not in sent
        rig.bank.break_down(2, ModuleFault.MUTE)
        await asyncio.sleep(2.5)
        assert rig.truth(1).is_on and not rig.truth(2).is_told_on
        rig.bank.clear(2)
        await asyncio.sleep(8.0)
        assert all(module.is_on for module in rig.bank.modules.values())
        rig.forget()
        rig.modules.switch_off(rig.numbers)
        await asyncio.sleep(0.05)
        assert not any(module.is_told_on for module in rig.bank.modules.values())


async def test_a_module_nobody_configured_ends_the_frames_to_all(caplog: pytest.LogCaptureFixture) -> None:
    case = TOGETHER[0]
    rig = Rig(case, (1, 2, 3, 7))
    settings = rig.driver.Settings(port="modules", addresses=(1, 2, 3), broadcast=True)
    rig.modules = rig.driver.open_device(settings, rig.port)
    rig.numbers = (1, 2, 3)
    async with rig:
        rig.line.put(CanFrame(0x0284F007, bytes.fromhex("000000002D000100")))
        await rig.charge()
        assert rig.truth(7).on_count == 0 and not rig.truth(7).is_told_on
        assert rig.truth(1).is_on
    assert "module 7 answers and is not configured here" in caplog.text


@pytest.mark.parametrize("case", [each for each in CASES if each is not MMEET], ids=str)
async def test_recognise_tells_who_answers_and_writes_nothing(case: Case) -> None:
    rig = Rig(case)
    async with rig.port:
        identity = await rig.driver.recognise(rig.port, 1)
        assert identity is not None and identity.vendor == rig.driver.ABOUT.vendor
        with pytest.raises(NoAnswer):
            await rig.driver.recognise(rig.port, 44)
        assert not any(module.is_told_on or module.set_voltage_v for module in rig.bank.modules.values())
    rig.line.close()


async def test_one_log_line_for_each_change_of_the_link(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with Rig(INFY) as rig:
            rig.bank.break_down(1, ModuleFault.CUT)
            await asyncio.sleep(20)
            rig.bank.clear(1)
            await asyncio.sleep(5)
    lines = [record.getMessage() for record in caplog.records if "power module 1" in record.getMessage()]
    assert [line.split(": ")[1] for line in lines] == ["on line", "does not answer any more", "on line"]
