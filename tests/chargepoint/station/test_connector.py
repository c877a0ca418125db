"""The table of a connector's session life: total, and energy only inside a transaction."""

import itertools

import pytest

from chargepoint.station.connector import (
    EVENTS,
    IN_TRANSACTION,
    RULES,
    WITHOUT_POWER,
    Do,
    EnergyFlows,
    EvConnected,
    Event,
    EvLeft,
    EvUnplugged,
    Phase,
    PowerIsOff,
    StopAsked,
    step,
)
from chargepoint.vocabulary import StopSource


def test_every_phase_knows_every_event() -> None:
    assert set(RULES) == set(itertools.product(Phase, EVENTS))


def test_every_event_class_stands_in_the_table() -> None:
    assert set(EVENTS) == {cls for cls in Event.__subclasses__() if not cls.__name__.startswith("_")}


@pytest.mark.parametrize(("key", "outcome"), RULES.items())
def test_power_flows_only_inside_a_transaction(
    key: tuple[Phase, type[Event]], outcome: tuple[Phase, tuple[Do, ...]]
) -> None:
    (before, _), (after, todo) = key, outcome
    if Do.ALLOW_POWER in todo:
        assert after is Phase.STARTING
        opened = Do.START_TRANSACTION in todo and todo.index(Do.START_TRANSACTION) < todo.index(Do.ALLOW_POWER)
        assert opened or before in IN_TRANSACTION  # on record before power flows
    if before not in WITHOUT_POWER and after in WITHOUT_POWER:
        assert Do.STOP_TRANSACTION in todo
        assert before is Phase.STOPPING  # power has been forbidden, and is off
    if before in (Phase.STARTING, Phase.CHARGING) and after in (Phase.STOPPING, Phase.AWAY):
        assert todo[0] is Do.FORBID_POWER


@pytest.mark.parametrize(("key", "outcome"), RULES.items())
def test_a_session_lives_from_its_creation_to_its_end(
    key: tuple[Phase, type[Event]], outcome: tuple[Phase, tuple[Do, ...]]
) -> None:
    (before, _), (after, todo) = key, outcome
    has_session = before is not Phase.EMPTY
    for do in todo:
        if do is Do.CREATE_SESSION:
            assert not has_session
            has_session = True
        elif do is Do.FINISH_SESSION:
            assert has_session
            has_session = False
        elif do is not Do.FORBID_POWER:
            assert has_session
    assert has_session == (after is not Phase.EMPTY)


def test_an_open_transaction_waits_for_its_vehicle_without_energy() -> None:
    phase, todo = step(Phase.CHARGING, EvUnplugged())
    assert (phase, todo) == (Phase.AWAY, (Do.FORBID_POWER,))
    assert step(phase, EvConnected()) == (Phase.STARTING, (Do.ALLOW_POWER,))
    assert step(phase, EnergyFlows()) == (Phase.AWAY, (Do.FORBID_POWER,))
    assert step(phase, StopAsked(source=StopSource.LOCAL)) == (Phase.STOPPING, (Do.FORBID_POWER,))


def test_the_first_reason_to_stop_stays() -> None:
    assert step(Phase.STOPPING, StopAsked(source=StopSource.LOCAL)) == (Phase.STOPPING, ())


def test_a_car_that_leaves_in_a_charge_ends_the_transaction_before_the_session() -> None:
    phase, todo = step(Phase.CHARGING, EvLeft())
    assert (phase, todo) == (Phase.STOPPING, (Do.FORBID_POWER,))
    phase, todo = step(phase, PowerIsOff())
    assert (phase, todo) == (Phase.CHARGED, (Do.STOP_TRANSACTION,))
    assert step(phase, EvLeft()) == (Phase.EMPTY, (Do.FINISH_SESSION,))
