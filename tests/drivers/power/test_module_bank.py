"""The model of the modules: electrical laws, ramps, faults, time-outs."""

from __future__ import annotations

import pytest

from drivers.simulated.module_bank import ModuleBank, ModuleFault, Ratings, battery, resistor, vehicle


def running(bank: ModuleBank, voltage_v: float = 400.0, current_a: float = 20.0, seconds: float = 2.0) -> ModuleBank:
    for module in bank.modules.values():
        module.boot_s = 100.0
        module.set_point(voltage_v, current_a)
        module.switch(True)
    return passed(bank, seconds)


def passed(bank: ModuleBank, seconds: float) -> ModuleBank:
    for _ in range(round(seconds / 0.05)):
        bank.step(0.05)
    return bank


def test_without_a_load_the_voltage_is_held_and_nothing_flows() -> None:
    bank = running(ModuleBank([1, 2]))
    assert (bank.voltage_v(), bank.current_a()) == (400.0, 0.0)


def test_a_resistor_takes_what_ohm_says() -> None:
    bank = running(ModuleBank([1, 2], load=resistor(20.0)))
    assert (bank.voltage_v(), bank.current_a()) == pytest.approx((400.0, 20.0))
    assert bank.modules[1].current_a == pytest.approx(10.0)


def test_the_current_limit_pulls_the_voltage_down() -> None:
    bank = running(ModuleBank([1, 2], load=battery(350.0, resistance_ohm=0.5)))
    assert bank.current_a() == pytest.approx(40.0, abs=0.001)
    assert bank.voltage_v() == pytest.approx(370.0, abs=0.001)


def test_power_is_never_exceeded() -> None:
    bank = running(ModuleBank([1], load=battery(900.0)), 950.0, 100.0)
    assert bank.voltage_v() * bank.current_a() == pytest.approx(30_000.0, rel=1e-4)
    assert bank.modules[1].is_limited


def test_modules_with_different_limits_share_in_proportion() -> None:
    bank = ModuleBank([1, 2], load=battery(350.0))
    running(bank)
    bank.modules[2].set_point(400.0, 60.0)
    passed(bank, 1.0)
    assert bank.modules[1].current_a == pytest.approx(20.0, abs=0.001)
    assert bank.modules[2].current_a == pytest.approx(60.0, abs=0.001)


def test_a_module_with_a_lower_voltage_gives_nothing_beside_a_strong_one() -> None:
    bank = ModuleBank([1, 2], load=resistor(40.0))
    running(bank)
    bank.modules[1].set_point(390.0, 50.0)
    passed(bank, 1.0)
    assert bank.modules[1].current_a == 0.0
    assert bank.modules[2].current_a == pytest.approx(10.0)


@pytest.mark.parametrize(("walk_in", "least_s", "most_s"), [(True, 1.5, 8.0), (False, 0.0, 1.0)])
def test_walk_in_takes_seconds(walk_in: bool, least_s: float, most_s: float) -> None:
    bank = ModuleBank([1], Ratings(walk_in=walk_in), load=resistor(10.0))
    running(bank, 400.0, 40.0, 0.0)
    came_s = next(at * 0.05 for at in range(400) if passed(bank, 0.05).current_a() > 39.9)
    assert least_s <= came_s <= most_s


def test_its_own_time_out_switches_off() -> None:
    bank = running(ModuleBank([1], Ratings(silent_off_s=10.0), load=resistor(40.0)), seconds=9.5)
    assert bank.current_a() > 0
    passed(bank, 1.0)
    assert (bank.current_a(), bank.modules[1].is_interrupted) == (0.0, True)
    bank.modules[1].hear()
    assert (bank.modules[1].is_interrupted, bank.modules[1].is_on) == (False, False)


def test_set_points_outside_the_limits_change_nothing() -> None:
    bank = running(ModuleBank([1]))
    module = bank.modules[1]
    assert not module.set_point(1000.5, 1.0) and not module.set_point(149.0, 1.0) and not module.set_point(None, 101.0)
    assert (module.set_voltage_v, module.set_current_a) == (400.0, 20.0)


def test_a_restart_forgets_and_is_silent_then_starting() -> None:
    bank = running(ModuleBank([1], load=resistor(40.0)))
    module = bank.modules[1]
    module.restart()
    passed(bank, 0.1)
    assert (module.is_hearing, bank.current_a(), module.set_voltage_v) == (False, 0.0, 0.0)
    passed(bank, 3.5)
    assert (module.is_answering, module.is_starting) == (True, True)
    module.switch(True)
    passed(bank, 0.5)
    assert not module.is_on
    passed(bank, 2.0)
    assert (module.is_starting, module.is_on) == (False, True)


@pytest.mark.parametrize("fault", list(ModuleFault))
def test_faults_of_the_power_part_stop_it_and_go_away(fault: ModuleFault) -> None:
    bank = running(ModuleBank([1, 2], load=battery(350.0)))
    bank.break_down(1, fault)
    passed(bank, 0.5)
    harmless = fault in (ModuleFault.LOAD_SHARING, ModuleFault.DUPLICATE, ModuleFault.MUTE, ModuleFault.CUT)
    assert bank.modules[1].is_on is harmless
    assert bank.modules[2].is_on
    bank.clear(1)
    passed(bank, 1.0)
    assert bank.current_a() == pytest.approx(40.0, abs=0.01)


def test_heat_derates_and_then_stops() -> None:
    bank = running(ModuleBank([1], load=battery(380.0)), 400.0, 75.0)
    bank.modules[1].temperature_c = 82.5
    passed(bank, 0.1)
    assert bank.current_a() * bank.voltage_v() == pytest.approx(15_000.0, rel=0.02)
    bank.modules[1].temperature_c = 95.0
    passed(bank, 0.1)
    assert bank.current_a() == 0.0 and bank.modules[1].is_too_hot


def test_conductors_are_apart() -> None:
    bank = ModuleBank([1, 2], load=resistor(40.0))
    bank.connect(2, "b")
    bank.attach(battery(500.0), "b")
    running(bank)
    assert bank.current_a() == pytest.approx(10.0)
    assert bank.current_a("b") == 0.0
    assert bank.voltage_v("b") == 400.0
    bank.attach(None, "b")
    passed(bank, 0.1)
    assert bank.current_a("b") == 0.0


def test_a_vehicle_takes_current_only_through_a_closed_contactor() -> None:
    closed, volts = [False], [380.0]
    bank = ModuleBank([1], load=vehicle(lambda: closed[0], lambda: volts[0]))
    running(bank)
    assert (bank.voltage_v(), bank.current_a()) == (400.0, 0.0)
    closed[0] = True
    passed(bank, 0.5)
    assert bank.current_a() == pytest.approx(20.0, abs=0.01)
    assert bank.voltage_v() == pytest.approx(382.0, abs=0.01)
