"""What is measured, in the words of the rules of switching; what people are told of moves."""

from __future__ import annotations

import math

import msgspec
import pytest

from chargepoint.power.measured import GroupReading, MoveRecord, Operation, OutputFault, Result, Stage, Step
from chargepoint.power.modules import VoltageRange
from chargepoint.power.switching.wiring import Wiring
from chargepoint.power.topology import Contactor, Group, Installed, Output, Topology
from chargepoint.station.connector import Phase
from chargepoint.station.dc.moves import hold_of, is_worth_telling, told
from chargepoint.station.dc.plant import group_reading, joined, output_reading, stage_of
from chargepoint.vocabulary import Cause, ControllerStatus, HardwareFlag
from drivers.interfaces import ModuleReading, PowerDemand
from tests.chargepoint.station.readings import reading

ASKS, RESTS = PowerDemand(True, 420.0, 100.0), PowerDemand(False)
S = ControllerStatus
STAGES = [
    (Phase.PLUGGED, S.C6_CHARGING, ASKS, True, Stage.IDLE),
    (Phase.STARTING, S.B_CONNECTED, RESTS, False, Stage.OFF),
    (Phase.STARTING, S.B_CONNECTED, RESTS, True, Stage.IDLE),
    (Phase.STARTING, S.C1_CABLE_LOCK, RESTS, True, Stage.IDLE),
    (Phase.STARTING, S.C1_CABLE_LOCK, ASKS, True, Stage.PREPARING),
    (Phase.STARTING, S.C2_INSULATION_TEST, ASKS, True, Stage.PREPARING),
    (Phase.CHARGING, S.C6_CHARGING, ASKS, True, Stage.CHARGING),
    (Phase.CHARGING, S.C6_CHARGING, ASKS, False, Stage.OFF),
    (Phase.CHARGING, S.C7_RAMP_DOWN, ASKS, True, Stage.STOPPING),
    (Phase.CHARGING, S.E9_EMERGENCY_STOP, ASKS, True, Stage.OFF),
    (Phase.STOPPING, S.C6_CHARGING, ASKS, True, Stage.STOPPING),
    (Phase.STOPPING, S.B2_FINISHED, RESTS, True, Stage.IDLE),
]


@pytest.mark.parametrize(("phase", "status", "demand", "is_well", "expected"), STAGES)
def test_the_stage_of_an_output(
    phase: Phase, status: ControllerStatus, demand: PowerDemand, is_well: bool, expected: Stage
) -> None:
    assert stage_of(phase, reading(status=status), demand, is_well=is_well) is expected


def test_a_controller_that_was_never_heard_is_off() -> None:
    assert stage_of(Phase.CHARGING, None, ASKS, is_well=True) is Stage.OFF


def test_a_group_is_its_modules_together() -> None:
    one = ModuleReading(1, True, is_on=True, voltage_v=400.0, current_a=20.0)
    found = group_reading([one, msgspec.structs.replace(one, number=2, current_a=22.0), ModuleReading(3, False)])
    assert found == GroupReading(voltage_v=400.0, current_a=42.0, is_on=True, is_online=True)
    assert group_reading([ModuleReading(3, False)]) == GroupReading(is_online=False)
    assert group_reading([msgspec.structs.replace(one, has_fault=True)]).has_fault


def test_an_output_asks_for_nothing_with_what_is_no_number() -> None:
    charging = reading(status=S.C6_CHARGING, flags=HardwareFlag.OUTPUT_RELAY, voltage_v=398.0)
    found = output_reading(Stage.CHARGING, charging, PowerDemand(True, 400.0, math.nan), [], is_heard=True)
    assert (found.request_v, found.request_a, found.voltage_v, found.is_closed) == (0.0, 0.0, 398.0, True)
    unheard = output_reading(Stage.OFF, charging, ASKS, [GroupReading(voltage_v=390.0)], is_heard=False)
    assert (unheard.is_closed, unheard.voltage_v, unheard.request_a) == (None, 390.0, 100.0)


def test_a_contactor_that_nobody_knows_of_counts_as_closed() -> None:
    whole = VoltageRange(max_voltage_v=1000, max_current_a=50, max_power_w=20_000)
    topology = Topology(
        Installed(
            groups=(Group(name="G1", ranges=(whole,)), Group(name="G2", ranges=(whole,))),
            outputs=(Output(connector=1, bus="Q1"),),
            contactors=(Contactor(name="K1", between=("G1", "Q1")), Contactor(name="K2", between=("G2", "Q1"))),
        )
    )
    assert joined(Wiring(topology), {"K1": True, "K2": False}) == {1: {"G1"}}
    assert joined(Wiring(topology), {"K1": False, "K2": None}) == {1: {"G2"}}


def test_a_move_in_one_line() -> None:
    move = MoveRecord(
        number=7, group="G2", from_connector=1, begun_mono_s=10.0, ended_mono_s=13.25, last_step=Step.OPEN,
        result=Result.NOT_OPENED, text="contactor K21 is welded",
        operations=(Operation(contactor="K21", closes=False, at_mono_s=12.0, current_a=0.3),),
    )  # fmt: skip
    assert told(move) == "G2 C1 → free, 3.2 s, not opened (contactor K21 is welded), K21 opened at 0.3 A"
    assert is_worth_telling(move)
    quiet = msgspec.structs.replace(move, result=Result.DONE, operations=())
    assert not is_worth_telling(quiet), "fixed wiring"


def test_an_output_that_is_joined_to_another_is_held_at_once() -> None:
    hold = hold_of(2, OutputFault(cause=Cause.CONTACTOR_WELDED, contactors=("K21",), text="it is joined to output 1"))
    assert hold is not None and hold.at_once and hold.stops
    assert (hold.connectors, hold.cause) == (frozenset({2}), "contactor_welded")
    assert "K21" in hold.text
    assert hold_of(2, None) is None
