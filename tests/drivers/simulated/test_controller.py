"""The connector controller's model: sequence, lease, limits, faults, orders, and the log of the truth."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.interfaces import Cause, ConnectorType, ControllerStatus
from drivers.native.codes import Command, OrderResult
from drivers.simulated.faults import FAULTS
from drivers.simulated.oracle import violations
from drivers.simulated.vehicle import PlugOptions
from tests.drivers.simulated.models import AC, DC, LEASE_S, Bench

OPENED_WITHIN_S = 1.1


@pytest.mark.parametrize("kind", DC)
def test_a_dc_session_goes_through_all_statuses_in_order(kind: ConnectorType) -> None:
    bench = Bench(kind)
    bench.charge()
    bench.order(Command.STOP)
    bench.run(5.0)
    bench.outlet.unplug()
    bench.run(1.0)
    assert bench.statuses == ["A", "B", "B1", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "B2", "A"]


@pytest.mark.parametrize("kind", AC)
def test_an_ac_session_has_no_dc_statuses(kind: ConnectorType) -> None:
    bench = Bench(kind)
    bench.charge(current_a=16.0)
    bench.order(Command.STOP)
    bench.run(5.0)
    bench.outlet.unplug()
    bench.run(1.0)
    assert bench.statuses == ["A", "B", "B1", "C6", "B2", "A"]


@pytest.mark.parametrize("kind", DC + AC)
def test_without_a_start_order_a_vehicle_waits_in_b1_for_ever(kind: ConnectorType) -> None:
    bench = Bench(kind)
    bench.outlet.plug(PlugOptions())
    bench.run(600.0)
    assert (bench.status(), len(bench.controller.contactor.log)) == ("B1", 0)


@pytest.mark.parametrize("kind", DC + AC)
def test_when_the_lease_ends_the_current_is_zero_within_a_second_and_the_contactor_opens(kind: ConnectorType) -> None:
    bench = Bench(kind)
    bench.charge()
    left_s = bench.controller.lease_left_s
    ends_s = bench.now_s + left_s
    bench.run(left_s - 0.01, renew=False)
    assert bench.controller.output.current_a > 10
    bench.run(OPENED_WITHIN_S, renew=False)
    assert bench.controller.output.current_a == 0
    opening = bench.controller.contactor.log[-1]
    assert (opening.closed, opening.cause, opening.is_emergency) == (False, "lease_ended", False)
    assert ends_s <= opening.at_s <= ends_s + 1.0 and opening.current_a <= 1.0
    bench.run(5.0)
    assert (bench.status(), bench.controller.cause) == ("B2", Cause.LEASE_ENDED)


def test_a_renewal_after_the_end_of_a_lease_starts_nothing() -> None:
    bench = Bench()
    bench.charge()
    bench.run(LEASE_S + 3, renew=False)
    bench.run(60.0)
    assert bench.controller.contactor.operations == 1
    assert bench.controller.session_ref == 0


def test_the_lease_ends_in_a_preparation_too() -> None:
    bench = Bench()
    bench.outlet.plug(PlugOptions())
    bench.run(2.0)
    bench.controller.grant(2.0, 200.0, 60_000.0)
    bench.order(Command.START, 7)
    bench.run(10.0, renew=False)
    assert bench.statuses[-3:] == ["C8", "C9", "B2"]
    assert not bench.controller.contactor.log


@pytest.mark.parametrize(
    ("before", "command", "result"),
    [
        ("idle", Command.START, OrderResult.REFUSED_STATE),
        ("idle", Command.STOP, OrderResult.ACCEPTED),
        ("idle", Command.UNLOCK, OrderResult.REFUSED_NO_LOCK),
        ("idle", 99, OrderResult.REFUSED_VALUE),
        ("plugged", Command.START, OrderResult.ACCEPTED),
        ("charging", Command.START, OrderResult.REFUSED_STATE),
        ("emergency", Command.START, OrderResult.REFUSED_EMERGENCY),
    ],
)
def test_orders_are_answered_by_state(before: str, command: int, result: OrderResult) -> None:
    bench = Bench()
    if before == "plugged":
        bench.outlet.plug(PlugOptions())
        bench.run(2.0)
    elif before == "charging":
        bench.charge()
    elif before == "emergency":
        bench.order(Command.EMERGENCY_STOP)
    bench.controller.grant(LEASE_S, 100.0, 1000.0)
    assert bench.order(command, 99) == result


def test_a_start_needs_a_lease_and_a_reference() -> None:
    bench = Bench()
    bench.outlet.plug(PlugOptions())
    bench.run(2.0, renew=False)
    assert bench.order(Command.START, 5) == OrderResult.REFUSED_LEASE
    bench.controller.grant(LEASE_S, 10.0, 1000.0)
    assert bench.order(Command.START, 0) == OrderResult.REFUSED_VALUE
    assert bench.order(Command.START, 5) == OrderResult.ACCEPTED


def test_an_order_number_is_carried_out_once() -> None:
    bench = Bench()
    bench.outlet.plug(PlugOptions())
    bench.run(2.0)
    bench.controller.grant(LEASE_S, 10.0, 1000.0)
    bench.controller.order(9, Command.START, 5, 0)
    bench.controller.order(9, Command.STOP, 0, 0)
    assert bench.controller.is_permitted
    bench.controller.order(0, Command.STOP, 0, 0)
    assert bench.controller.is_permitted
    bench.controller.order(10, Command.STOP, 0, 0)
    assert not bench.controller.is_permitted


def test_unlocking_is_refused_while_there_is_voltage() -> None:
    bench = Bench(ConnectorType.CHADEMO)
    bench.charge()
    assert bench.controller.locked
    assert bench.order(Command.UNLOCK) == OrderResult.REFUSED_VOLTAGE_PRESENT
    bench.order(Command.STOP)
    bench.run(5.0)
    assert not bench.controller.locked


@pytest.mark.parametrize(("kind", "asked_a"), [(ConnectorType.CCS2, 60.0), (ConnectorType.TYPE2, 10.0)])
def test_a_lowered_limit_is_followed_within_a_second_and_a_raised_one_at_20_a_per_s(
    kind: ConnectorType, asked_a: float
) -> None:
    bench = Bench(kind)
    bench.charge(current_a=120.0 if kind in DC else 32.0)
    full_a = bench.controller.output.current_a
    bench.controller.grant(LEASE_S, asked_a, None)
    bench.run(1.0)
    assert bench.controller.output.current_a == pytest.approx(asked_a)
    bench.controller.grant(LEASE_S, 1000.0, None)
    for _ in range(10):
        before_a = bench.controller.output.current_a
        bench.run(0.5)
        assert bench.controller.output.current_a - before_a <= 20 * 0.5 + 1e-6
    assert bench.controller.output.current_a >= full_a * 0.99


def test_a_power_limit_holds_for_ac_by_the_phases_in_use() -> None:
    for phases, expected_a in ((1, 15.0), (3, 5.0)):
        bench = Bench(ConnectorType.TYPE2)
        bench.charge(PlugOptions(phases=phases), current_a=32.0, power_w=3450.0)
        amps = bench.controller.output.currents_a
        assert sum(1 for a in amps if a) == (phases if expected_a >= 6 else 0)  # under 6 A nothing is taken
        assert bench.controller.output.power_w <= 3450.0


def test_the_cable_coded_by_pp_bounds_the_current() -> None:
    bench = Bench(ConnectorType.TYPE2)
    bench.charge(PlugOptions(cable_current_a=20.0), current_a=32.0)
    assert bench.controller.output.currents_a == pytest.approx((20.0, 20.0, 20.0))


def test_a_full_vehicle_ends_the_charge_itself() -> None:
    bench = Bench()
    bench.charge(PlugOptions(soc_pct=79.0, target_soc_pct=80.0, capacity_wh=50_000))
    bench.run(120.0)
    assert (bench.status(), bench.controller.cause) == ("B2", Cause.EV_STOPPED)
    vehicle = bench.controller.vehicle
    assert vehicle is not None and vehicle.soc_pct == pytest.approx(80.0, abs=0.05)
    assert vehicle.energy_wh == pytest.approx(500.0, abs=25)
    assert bench.start() == OrderResult.REFUSED_STATE


def test_a_dc_vehicle_takes_less_the_fuller_it_is() -> None:
    asked = []
    for soc_pct in (20.0, 60.0, 80.0, 99.0):
        bench = Bench()
        bench.charge(PlugOptions(soc_pct=soc_pct, capacity_wh=500_000))
        asked.append(bench.controller.vehicle.wished_current_a)  # type: ignore[union-attr]
    assert asked[0] >= asked[1] - 1 and asked[1] > asked[2] > asked[3] > 0


def test_a_pause_draws_nothing_and_keeps_the_contactor_closed() -> None:
    bench = Bench(ConnectorType.TYPE2)
    bench.charge()
    bench.outlet.pause()
    bench.run(10.0)
    assert (bench.status(), bench.controller.output.current_a) == ("C6", 0.0)
    bench.outlet.resume()
    bench.run(5.0)
    assert bench.controller.output.current_a == 32.0


def test_an_ac_vehicle_back_in_pilot_b_opens_the_contactor_and_may_come_again() -> None:
    bench = Bench(ConnectorType.TYPE2)
    bench.charge()
    bench.outlet.pause(pilot=True)
    bench.run(3.0)
    assert (bench.status(), bench.controller.contactor.is_closed) == ("B", False)
    assert bench.controller.session_ref == bench.ref
    bench.outlet.resume()
    bench.run(3.0)
    assert bench.status() == "C6"
    assert bench.controller.contactor.log[1].cause == "ev_paused"


def test_a_flapping_vehicle_closes_the_contactor_at_most_three_times_a_minute() -> None:
    bench = Bench(ConnectorType.TYPE2, closings_per_minute=3)
    bench.charge()
    bench.controller.break_down("flap")
    bench.run(600.0)
    closings = [event.at_s for event in bench.controller.contactor.log if event.closed]
    assert all(later - earlier >= 60.0 - 1e-6 for earlier, later in zip(closings, closings[3:], strict=False))


AT_ONCE = [code for code in FAULTS if code[0] in "E" or code in ("diode", "pilot", "residual_current", "overcurrent")]


@pytest.mark.parametrize("kind", [ConnectorType.CCS2, ConnectorType.TYPE2])
@pytest.mark.parametrize("code", [*AT_ONCE, "overheat", "modules", "F"])
def test_a_fault_opens_the_contactor_at_once_and_says_its_cause(kind: ConnectorType, code: str) -> None:
    bench = Bench(kind)
    bench.charge()
    bench.controller.break_down(code)
    broken_s = bench.now_s
    bench.run(0.5)
    assert not bench.controller.contactor.is_closed
    assert bench.controller.contactor.log[-1].at_s - broken_s <= 0.2
    expected = FAULTS[code].status
    if expected in (ControllerStatus.E1_COMMUNICATION, ControllerStatus.E2_PREPARATION):
        expected = ControllerStatus.E3_EV_FAULT  # energy was flowing
    assert (bench.controller.status, bench.controller.cause) == (expected, FAULTS[code].cause)


@pytest.mark.parametrize("code", ["E1", "E2", "E3", "E4", "E5", "E6", "diode"])
def test_e1_to_e6_stay_until_the_vehicle_is_unplugged(code: str) -> None:
    bench = Bench()
    bench.charge()
    bench.controller.break_down(code)
    bench.run(2.0)
    bench.controller.clear()
    bench.run(60.0)
    assert bench.controller.status.is_error
    bench.outlet.unplug()
    bench.run(2.0)
    assert bench.status() == "A"


@pytest.mark.parametrize("code", ["E7", "E8", "overheat", "modules"])
def test_e7_and_e8_are_over_with_their_cause(code: str) -> None:
    bench = Bench()
    bench.charge()
    bench.controller.break_down(code)
    bench.run(5.0)
    assert bench.controller.status.is_error
    bench.controller.clear(code)
    bench.run(2.0)
    assert bench.status() == "B2"


@pytest.mark.parametrize(
    ("code", "status", "cause"),
    [
        ("lock", "E6", Cause.LOCK_FAILED),
        ("insulation", "E2", Cause.INSULATION_FAILED),
        ("precharge", "E2", Cause.PRECHARGE_FAILED),
        ("contactor", "E6", Cause.CONTACTOR_FAILED),
    ],
)
def test_a_fault_of_the_preparation_lets_no_energy_flow(code: str, status: str, cause: Cause) -> None:
    bench = Bench(ConnectorType.CHADEMO)
    bench.controller.break_down(code)
    bench.outlet.plug(PlugOptions())
    bench.run(2.0)
    bench.start()
    bench.run(20.0)
    assert (bench.status(), bench.controller.cause) == (status, cause)
    assert bench.controller.output.energy_wh == 0 and not bench.controller.contactor.log


def test_a_welded_contactor_is_seen_and_stays_an_error_after_unplugging() -> None:
    for kind in (ConnectorType.CCS2, ConnectorType.TYPE2):
        bench = Bench(kind)
        bench.charge()
        bench.controller.break_down("weld")
        bench.order(Command.STOP)
        bench.run(5.0)
        assert (bench.status(), bench.controller.cause) == ("E6", Cause.CONTACTOR_WELDED)
        assert bench.controller.contactor.is_closed and bench.controller.output.current_a == 0
        bench.outlet.unplug("pull")
        bench.run(10.0)
        assert bench.status() == "E6"
        bench.controller.clear()
        bench.run(3.0)
        assert bench.status() == "A"


def test_the_emergency_button_is_e9_until_it_is_released_and_a_command_until_reboot_or_button() -> None:
    bench = Bench()
    bench.charge()
    bench.controller.press_button(True)
    bench.run(1.0)
    assert (bench.status(), bench.controller.cause) == ("E9", Cause.EMERGENCY_BUTTON)
    bench.order(Command.REBOOT)
    bench.run(10.0)
    assert bench.status() == "E9"
    bench.controller.press_button(False)
    bench.run(1.0)
    assert bench.status() in ("B", "B1", "B2")

    bench.order(Command.EMERGENCY_STOP)
    bench.run(60.0)
    assert (bench.status(), bench.controller.cause) == ("E9", Cause.EMERGENCY_COMMAND)
    bench.controller.press_button(True)
    bench.controller.press_button(False)
    bench.run(1.0)
    assert bench.status() != "E9"

    bench.order(Command.EMERGENCY_STOP)
    bench.order(Command.REBOOT)
    bench.run(5.0)
    assert bench.status() in ("B", "B1")


@pytest.mark.parametrize(("by_itself", "after_s"), [(True, 0.0), (False, 1.0)])
def test_a_reboot_forgets_the_session_and_counts(by_itself: bool, after_s: float) -> None:
    bench = Bench()
    bench.charge()
    before = bench.controller.boot_count
    if by_itself:
        bench.controller.break_down("reboot")
    else:
        bench.order(Command.REBOOT)
    bench.run(after_s + 0.5)
    assert (bench.controller.answers, bench.controller.contactor.is_closed) == (False, False)
    assert bench.controller.contactor.log[-1].is_emergency is by_itself  # an order ramps down first
    bench.run(1.0)
    assert (bench.controller.answers, bench.status()) == (True, "F")
    bench.run(3.0)
    assert bench.controller.boot_count == before + 1
    assert (bench.status(), bench.controller.session_ref) == ("B1", 0)
    assert bench.controller.contactor.operations == 1


def test_a_dc_plug_torn_out_is_an_error_and_then_free() -> None:
    bench = Bench()
    bench.charge()
    bench.outlet.unplug("pull")
    bench.run(0.2)
    assert (bench.status(), bench.controller.output.current_a) == ("E3", 0.0)
    assert not bench.controller.contactor.is_closed
    bench.run(2.0)
    assert bench.status() == "A"


def test_an_ac_vehicle_that_takes_too_much_is_switched_off() -> None:
    bench = Bench(ConnectorType.TYPE2)
    bench.charge(PlugOptions(overdraw_a=0.0), current_a=10.0)
    bench.outlet.unplug()
    bench.run(1.0)
    bench.outlet.plug(PlugOptions(overdraw_a=8.0))
    bench.run(2.0)
    bench.start(10.0)
    bench.run(10.0)
    assert (bench.status(), bench.controller.cause) == ("E3", Cause.OVERCURRENT)


def test_a_hot_connector_lowers_the_limit_before_it_switches_off() -> None:
    bench = Bench()
    bench.charge(current_a=100.0)
    bench.controller.break_down("temperature", 85.0)
    bench.run(3.0)
    assert bench.controller.limit_current_a == pytest.approx(75.0)
    assert bench.status() == "C6"
    bench.controller.break_down("temperature", 95.0)
    bench.run(1.0)
    assert bench.status() == "E7"


def test_energy_does_not_depend_on_how_often_one_looks() -> None:
    results = []
    for tick_s in (0.03, 0.1, 1.0, 0.77):
        bench = Bench()
        bench.outlet.plug(PlugOptions())
        bench.run(2.0, tick_s=tick_s)
        bench.start()
        bench.run(300.0, tick_s=tick_s)
        results.append(bench.controller.output.energy_wh)
    assert max(results) - min(results) < 0.02 * max(results) and min(results) > 1000


DEEDS = st.one_of(
    st.sampled_from(
        ("charge", "plug", "unplug", "pull", "pause", "pilot", "resume", "start", "stop", "wait", "wait10")
    ),
    st.sampled_from(("renew", "silence", "emergency_on", "emergency_off", "command", "reboot", "power")),
    st.sampled_from(("E1", "E3", "E7", "diode", "flap", "lock", "insulation", "clear", "lower", "raise")),
)


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(DC + AC), deeds=st.lists(DEEDS, max_size=30))
def test_whatever_happens_the_contactor_is_closed_only_under_a_living_permission(
    kind: ConnectorType, deeds: list[str]
) -> None:
    bench = Bench(kind)
    controller, outlet = bench.controller, bench.outlet
    energy_wh, renew = 0.0, True
    for deed in deeds:
        if deed == "plug" and controller.vehicle is None and not outlet.is_coming:
            outlet.plug(PlugOptions(start_delay_s=0.3, capacity_wh=2000.0))
        elif deed == "charge":
            if controller.vehicle is None and not outlet.is_coming:
                outlet.plug(PlugOptions(start_delay_s=0.3, capacity_wh=2000.0))
            bench.run(3.0)
            bench.start()
            bench.run(6.0)
        elif deed in ("unplug", "pull") and controller.vehicle is not None:
            outlet.unplug("pull" if deed == "pull" else None)
        elif deed in ("pause", "pilot") and controller.vehicle is not None:
            outlet.pause(pilot=deed == "pilot")
        elif deed == "resume" and controller.vehicle is not None:
            outlet.resume()
        elif deed == "start":
            bench.start()
        elif deed == "stop":
            bench.order(Command.STOP)
        elif deed in ("renew", "silence"):
            renew = deed == "renew"
        elif deed in ("emergency_on", "emergency_off"):
            controller.press_button(deed == "emergency_on")
        elif deed == "command":
            bench.order(Command.EMERGENCY_STOP)
        elif deed == "reboot":
            bench.order(Command.REBOOT)
        elif deed == "power" and controller.is_powered:
            controller.power_off()
            controller.power_on()
        elif deed in FAULTS:
            controller.break_down(deed)
        elif deed == "clear":
            controller.clear()
        elif deed in ("lower", "raise"):
            controller.grant(None, 20.0 if deed == "lower" else 100.0, None)
        bench.run({"wait": 3.0, "wait10": 10.0}.get(deed, 0.4), renew=renew)
        assert controller.output.energy_wh >= energy_wh
        energy_wh = controller.output.energy_wh
        assert controller.contactor.is_closed or controller.output.current_a == 0
    bench.run(LEASE_S + 3.0, renew=False)
    assert not controller.contactor.is_closed
    assert violations(controller.contactor.log) == []
