"""The bank: many modules on one bus, what is told first, ranges, refusals; where families differ."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.codecs import infypower, uugreenpower
from drivers.codecs.can import CanFrame
from drivers.codecs.infypower import Command
from drivers.power.family import Heard
from drivers.power.pace import pace
from drivers.simulated.module_bank import ModuleFault, battery
from drivers.simulated.power.uugreenpower import UuGreenWords
from tests.drivers.power.rig import CASES, Case, Rig
from tests.drivers.power.test_families import family_of

INFY, BEG, UU = CASES[:3]
MANY = tuple(range(1, 25))
WORST_BITS = 160
every_family = pytest.mark.parametrize("case", CASES, ids=str)


@every_family
async def test_24_modules_fill_no_more_than_60_percent_of_the_bus(case: Case) -> None:
    async with Rig(case, MANY, load=battery(390.0, resistance_ohm=0.02)) as rig:
        rig.order(400.0, 480.0)
        await asyncio.sleep(5.5 if case is UU else 2.0)
        assert all(reading.is_active for reading in rig.modules.modules())
        rig.forget()
        began = 0
        for step in range(35):  # a vehicle that ramps: a new current each 100 ms for a third of the modules
            began = len(rig.line.seen) if step == 10 else began
            rig.modules.set_output(MANY[:8], 400.0, 160.0 + step, 3.0)
            rig.modules.set_output(MANY[8:], 400.0, 320.0, 3.0)
            await asyncio.sleep(0.1)
        frames_per_s = (len(rig.line.seen) - began) / 2.5
        assert frames_per_s * WORST_BITS / 125_000 < 0.60
        assert all(reading.is_online for reading in rig.modules.modules())


@every_family
async def test_24_modules_are_all_lowered_and_all_off_as_fast_as_the_bus_can(case: Case) -> None:
    async with Rig(case, MANY, load=battery(390.0, resistance_ohm=0.02)) as rig:
        await rig.charge(400.0, 480.0)
        rig.order(400.0, 240.0)
        await asyncio.sleep(0.1)
        assert all(module.set_current_a <= 10.001 for module in rig.bank.modules.values())
        rig.forget()
        rig.modules.switch_off(MANY)
        await asyncio.sleep(0.13)  # 48 orders and their answers
        assert not any(module.is_told_on for module in rig.bank.modules.values())


@every_family
def test_few_modules_are_told_every_quarter_second_and_none_less_than_every_2_s(case: Case) -> None:
    family = family_of(Rig(case))
    assert pace(family, 3)[0] == 0.25
    assert all(0.25 <= pace(family, count)[0] <= 2.0 for count in range(1, 65))


async def test_raising_never_starves_a_module() -> None:
    async with Rig(INFY, MANY, load=battery(390.0, resistance_ohm=0.02)) as rig:
        await rig.charge(400.0, 240.0)
        rig.forget()
        for step in range(50):
            rig.modules.set_output(MANY, 400.0, 240.0 + 4.8 * step, 3.0)
            await asyncio.sleep(0.05)
        currents = [module.set_current_a for module in rig.bank.modules.values()]
        assert max(currents) - min(currents) < 4.0
        await asyncio.sleep(0.5)
        assert all(module.set_current_a == pytest.approx(19.8) for module in rig.bank.modules.values())


async def test_polls_never_stand_before_an_order() -> None:
    async with Rig(INFY, MANY, load=battery(390.0, resistance_ohm=0.02)) as rig:
        await rig.charge(400.0, 480.0)
        began_s = asyncio.get_running_loop().time()
        rig.forget()
        rig.modules.switch_off(MANY)
        await asyncio.sleep(0.2)
        sent = [frame for _, frame in rig.sent(began_s)]
        commands = [frame.can_id >> 16 & 0x3F for frame in sent]
        first = commands.index(Command.SWITCH)
        last = [at for at, command in enumerate(commands) if command == Command.SWITCH][len(MANY) - 1]
        assert not {Command.STATUS, Command.MODULE_FLOATS} & set(commands[first:last])


async def test_on_leaves_later_than_the_set_point_for_can_electronics_that_sort_their_queue() -> None:
    for wait_s in (0.0, 0.013, 0.026, 0.039):  # wherever in a round the order comes
        async with Rig(INFY) as rig:
            await asyncio.sleep(wait_s)
            began_s = asyncio.get_running_loop().time()
            rig.order()
            await asyncio.sleep(0.5)
            times = {frame.can_id >> 16 & 0x3F: at_s for at_s, frame in reversed(rig.sent(began_s))}
            assert times[Command.SWITCH] - times[Command.SET_MODULE] > 0.015
            assert times[Command.SET_MODULE] - began_s < 0.05


async def test_lower_before_raise_when_a_module_joins() -> None:
    async with Rig(INFY) as rig:
        rig.bank.break_down(3, ModuleFault.FAN)
        await asyncio.sleep(1.0)
        await rig.charge(400.0, 60.0)
        assert [module.set_current_a for module in rig.bank.modules.values()] == [30.0, 30.0, 0.0]
        rig.bank.clear(3)
        for _ in range(200):
            await asyncio.sleep(0.04)
            assert sum(m.set_current_a for m in rig.bank.modules.values() if m.is_told_on) <= 60.001
        assert rig.bank.current_a() == pytest.approx(60.0)


async def test_what_is_less_never_waits_whatever_becomes_of_the_voltage() -> None:
    async with Rig(INFY, range(1, 25)) as rig:
        await rig.charge(400.0, 480.0)
        rig.modules._raises = 0.0  # type: ignore[attr-defined]
        rig.order(420.0, 24.0)
        await asyncio.sleep(0.3)
        assert sum(module.set_current_a for module in rig.bank.modules.values()) <= 24.001


async def test_modules_that_get_a_new_order_take_their_share_out_of_the_old_one() -> None:
    async with Rig(INFY) as rig:
        await rig.charge(400.0, 60.0)
        rig.forget()
        rig.modules.set_output((1, 2), 400.0, 40.0, 3.0)
        for _ in range(60):
            await asyncio.sleep(0.04)
            assert sum(module.set_current_a for module in rig.bank.modules.values()) <= 60.001
        assert rig.truth(3).is_told_on and rig.truth(3).set_current_a == pytest.approx(20.0)
        await asyncio.sleep(1.0)
        assert not rig.truth(3).is_told_on


async def test_off_and_on_again_at_once_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    async with Rig(INFY) as rig:
        await rig.charge()
        for pause_s in (0.0, 0.1, 0.3, 0.6):
            rig.forget()
            rig.modules.switch_off(rig.numbers)
            await asyncio.sleep(pause_s)
            await rig.charge()
        assert "by itself" not in caplog.text
        rig.truth(2).is_told_on = False
        await asyncio.sleep(1.0)
        assert caplog.text.count("went off by itself") == 1


async def test_a_current_that_flows_back_is_a_current() -> None:
    async with Rig(INFY) as rig:
        module = rig.modules._modules[1]  # type: ignore[attr-defined]
        module.may_be_on, module.may_a = True, 20.0
        module.hear(Heard(1, current_a=-20.0), asyncio.get_running_loop().time())
        assert module.may_be_on


async def test_a_module_that_never_comes_on_has_no_share() -> None:
    async with Rig(INFY) as rig:
        stubborn = rig.truth(2)
        stubborn.switch = lambda on: None  # type: ignore[method-assign]
        rig.order(400.0, 60.0)
        await asyncio.sleep(5.0)
        assert rig.truth(1).set_current_a == pytest.approx(20.0)
        await asyncio.sleep(8.0)
        assert rig.truth(1).set_current_a == pytest.approx(30.0)
        assert not rig.reading(2).is_on


async def test_at_the_start_nobody_gives_before_all_have_been_asked() -> None:
    rig = Rig(INFY)
    async with rig.port:
        rig.start()
        rig.order()
        await asyncio.sleep(0.45)
        assert not any(module.is_told_on for module in rig.bank.modules.values())
        await asyncio.sleep(2.0)
        assert all(module.is_on for module in rig.bank.modules.values())
        await rig.stop()
    rig.line.close()


async def test_an_order_of_the_software_before_is_taken_over_without_a_break() -> None:
    async with Rig(INFY) as rig:
        await rig.charge()
        rig.forget()
        await rig.stop()
        again = rig.driver.open_device(rig.driver.Settings(port="modules", addresses=(1, 2, 3)), rig.port)
        rig.modules = again
        rig.start()
        rig.order()
        for _ in range(100):
            await asyncio.sleep(0.04)
            assert rig.bank.current_a() == pytest.approx(60.0, abs=0.1)
        assert all(module.on_count == 1 for module in rig.bank.modules.values())


# Infypower -----------------------------------------------------------------------------------------------------------


async def test_a_refused_order_is_told_once_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    async with Rig(INFY) as rig:
        await rig.charge()
        rig.truth(2).set_point = lambda voltage_v, current_a: False  # type: ignore[method-assign]
        await asyncio.sleep(3.0)
        assert caplog.text.count("power module 2 on port 'modules' refused an order: data invalid") == 1
        assert "order refused: data invalid" in rig.reading(2).alarms
        del rig.truth(2).set_point
        await asyncio.sleep(4.0)
        assert rig.reading(2).alarms == ()


@pytest.mark.parametrize("walk_in", [False, True])
async def test_walk_in_is_told_before_on(walk_in: bool) -> None:
    async with Rig(Case("infypower", {"walk_in": walk_in})) as rig:
        rig.order(400.0, 60.0)
        await asyncio.sleep(1.5)
        assert all(module.walk_in is walk_in for module in rig.bank.modules.values())
        assert (rig.bank.current_a() > 59.0) is not walk_in
        await asyncio.sleep(6.0)
        assert rig.bank.current_a() == pytest.approx(60.0, abs=0.1)


@pytest.mark.parametrize("driver", ["infypower", "winline"])
async def test_the_group_is_told_to_each_module_again_after_its_restart(driver: str) -> None:
    async with Rig(Case(driver, {"group": 6})) as rig:
        await rig.charge()
        assert [module.group for module in rig.bank.modules.values()] == [6, 6, 6]
        rig.truth(2).restart()
        rig.truth(2).group = 0
        await asyncio.sleep(16.0)
        assert rig.truth(2).group == 6 and rig.truth(2).is_on


async def test_a_module_that_says_it_is_starting_is_left_alone_meanwhile() -> None:
    async with Rig(INFY) as rig:
        await rig.charge()
        rig.truth(2).restart()
        await asyncio.sleep(3.0)
        began_s = asyncio.get_running_loop().time()
        await asyncio.sleep(1.9)
        assert rig.truth(2).is_starting and rig.reading(2).alarms == ()
        orders = [frame for _, frame in rig.sent(began_s) if frame.can_id >> 8 & 0x3FFF == Command.SET_MODULE << 8 | 2]
        assert len(orders) <= 3


async def test_infypower_switches_off_10_s_after_the_last_frame() -> None:
    rig = Rig(INFY)
    async with rig:
        await rig.charge()
        await rig.port.close()
        await rig.stop()
        await asyncio.sleep(9.0)
        rig.bank.advance(asyncio.get_running_loop().time())  # nobody is on the bus who would
        assert rig.truth(1).is_on
        await asyncio.sleep(2.0)
        rig.bank.advance(asyncio.get_running_loop().time())
        assert not rig.truth(1).is_on and rig.truth(1).is_interrupted
        await rig.port.open()
        rig.start()
        rig.order()
        await asyncio.sleep(3.0)
        assert rig.reading(1).is_active and rig.bank.current_a() == pytest.approx(60.0)


async def test_derating_by_heat_is_told() -> None:
    async with Rig(INFY) as rig:
        await rig.charge(400.0, 225.0)
        rig.truth(1).temperature_c = 86.0
        await asyncio.sleep(1.0)
        assert rig.reading(1).is_limited and not rig.reading(1).has_fault
        assert rig.reading(1).temperature_c == pytest.approx(86.0, abs=1.0)
        assert not rig.reading(2).is_limited


# UUGreenPower --------------------------------------------------------------------------------------------------------


async def test_uugreenpower_changes_its_range_by_the_rules_of_the_maker() -> None:
    async with Rig(UU, load=battery(100.0, most_a=60.0)) as rig:
        words = rig.face._words
        assert isinstance(words, UuGreenWords)
        assert all(module.range == uugreenpower.HIGH_RANGE for module in rig.bank.modules.values())
        rig.order(400.0, 60.0)
        await asyncio.sleep(7.0)
        assert all(module.range == uugreenpower.LOW_RANGE and module.is_on for module in rig.bank.modules.values())
        rig.order(700.0, 60.0)
        await asyncio.sleep(1.0)
        assert rig.bank.voltage_v() < 701.0 and not rig.truth(1).is_on
        await asyncio.sleep(7.0)
        assert all(module.range == uugreenpower.HIGH_RANGE and module.is_on for module in rig.bank.modules.values())
        assert rig.bank.voltage_v() == pytest.approx(700.0)
        rig.order(450.0, 60.0)  # within a charge it stays in the high range: no break
        for _ in range(50):
            await asyncio.sleep(0.1)
            assert rig.truth(1).is_on
        assert words.violations == []


async def test_uugreenpower_with_a_fixed_range_starts_at_once() -> None:
    async with Rig(Case("uugreenpower", {"range": "high"})) as rig:
        rig.order(400.0, 60.0)
        await asyncio.sleep(1.5)
        assert rig.bank.current_a() == pytest.approx(60.0)


async def test_uugreenpower_in_the_low_range_never_gets_more_than_500_v() -> None:
    async with Rig(Case("uugreenpower", {"range": "low"})) as rig:
        limits = rig.reading(1).limits
        assert limits is not None and limits.max_voltage_v == 500.0
        rig.order(501.0, 60.0)
        await asyncio.sleep(7.0)
        assert not rig.truth(1).is_told_on


async def test_a_module_exchanged_for_another_is_no_duplicate() -> None:
    async with Rig(UU) as rig:
        await rig.charge()
        rig.truth(2).restart()
        rig.truth(2).serial += 77
        await asyncio.sleep(15.0)
        assert rig.reading(2).is_active and rig.reading(2).alarms == ()


# What comes in -------------------------------------------------------------------------------------------------------


@given(data=st.data())
def test_no_frame_whatever_makes_a_decoder_fail(data: st.DataObject) -> None:
    for case in CASES:
        family = family_of(Rig(case, numbers=(1,)))
        free = ~family.listen_mask & 0x1FFF_FFFF
        can_id = family.listen_id | data.draw(st.integers(0, 0x1FFF_FFFF)) & free
        heard = family.decode(CanFrame(can_id, data.draw(st.binary(max_size=8))))
        assert heard is None or 0 <= heard.number <= 0x7FF


def test_infypower_identifiers_have_their_fields() -> None:
    assert infypower.can_id(0x3F, 0x1C, source=0xF1, device=0xB, error=7) == 0x1EDC3FF1
