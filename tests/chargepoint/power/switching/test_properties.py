"""The sequencer on simulated plants, good and bad: the rules hold at every tick, and the goal is reached."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.chargepoint.power.switching import properties
from tests.chargepoint.power.switching.scenarios import FAULTY, HURTING, ORDERLY, Scenario, scenarios

few = settings(
    max_examples=10,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # making an example smaller takes minutes: only at length
)
quick = settings(few, max_examples=5)
many = settings(max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck))


@given(scenarios(FAULTY))
@few
def test_the_rules_hold_whatever_fails(scenario: Scenario) -> None:
    assert properties.keeps_the_rules(scenario) == []


@given(scenarios(ORDERLY))
@quick
def test_an_honest_plant_gets_where_it_is_wanted_and_stays_there(scenario: Scenario) -> None:
    assert properties.reaches_what_is_wanted(scenario) == []


@given(scenarios(ORDERLY))
@quick
def test_a_new_sequencer_takes_over_at_any_moment(scenario: Scenario) -> None:
    assert properties.survives_restarts(scenario) == []


@given(scenarios(HURTING))
@quick
def test_what_is_not_bad_goes_on_and_what_is_mended_is_used_again(scenario: Scenario) -> None:
    assert properties.goes_on_without_the_bad_parts(scenario) == []


@pytest.mark.long
@given(scenarios(FAULTY, most=12))
@many
def test_the_rules_hold_whatever_fails_at_length(scenario: Scenario) -> None:
    assert properties.keeps_the_rules(scenario) == []


@pytest.mark.long
@given(scenarios(ORDERLY, most=12))
@many
def test_an_honest_plant_gets_where_it_is_wanted_at_length(scenario: Scenario) -> None:
    assert properties.reaches_what_is_wanted(scenario) == []


@pytest.mark.long
@given(scenarios(ORDERLY, most=12))
@many
def test_a_new_sequencer_takes_over_at_any_moment_at_length(scenario: Scenario) -> None:
    assert properties.survives_restarts(scenario) == []


@pytest.mark.long
@given(scenarios(HURTING, most=12))
@settings(many, max_examples=1_000)
def test_what_is_not_bad_goes_on_at_length(scenario: Scenario) -> None:
    assert properties.goes_on_without_the_bad_parts(scenario) == []
