"""The table of an update: every pair of stage and outcome, every stage at a start."""

from __future__ import annotations

import itertools

import pytest

from fota.update import (
    AFTER_START,
    BEFORE_INSTALLING,
    RULES,
    SETTLED,
    Outcome,
    Runs,
    Stage,
    after_check,
    after_switch,
    step,
)
from ocpp_client.v16.firmware import ENDS_OF_UPDATE, SIGNED_UPDATE


@pytest.mark.parametrize("pair", list(itertools.product(Stage, Outcome)), ids=str)
def test_every_pair_leads_on_or_leaves_all_as_it_is(pair: tuple[Stage, Outcome]) -> None:
    follows = step(*pair)
    if pair not in RULES:
        assert follows is None
        return
    assert follows is not None
    stage, outcome = pair
    assert stage not in SETTLED
    assert set(follows.tell) <= SIGNED_UPDATE
    ends = [word for word in follows.tell if word in ENDS_OF_UPDATE]
    assert ends == ([follows.tell[-1]] if follows.stage in SETTLED else [])
    assert (follows.stage is Stage.DONE) == (ends == ["Installed"])
    if outcome is Outcome.CANCELLED:
        assert stage in BEFORE_INSTALLING
        assert follows.stage is Stage.FAILED


def test_whatever_is_under_way_comes_to_an_end() -> None:
    reached = set(SETTLED)
    for _ in Stage:
        reached |= {stage for (stage, _), follows in RULES.items() if follows.stage in reached}
    assert reached == set(Stage)


def test_what_can_be_cancelled_is_all_before_the_installation() -> None:
    assert {stage for stage, outcome in RULES if outcome is Outcome.CANCELLED} == BEFORE_INSTALLING


def test_every_stage_knows_what_to_do_after_a_start() -> None:
    assert set(AFTER_START) == set(Stage)


@pytest.mark.parametrize(
    ("runs", "outcome"),
    [
        (Runs(slot="a", is_trial=True), Outcome.DUE),
        (Runs(slot="a"), Outcome.GOOD),
        (Runs(slot="factory", ready="a"), Outcome.BROKE),
        (Runs(slot="factory", outcome="returned"), Outcome.GAVE_UP),
        (Runs(slot="b", ready="b"), Outcome.GAVE_UP),
        (Runs(), Outcome.GAVE_UP),
    ],
)
def test_after_a_switch_it_is_seen_which_version_runs(runs: Runs, outcome: Outcome) -> None:
    assert after_switch(runs, "a") is outcome
    assert (Stage.INSTALLING, outcome) in RULES


@pytest.mark.parametrize(
    ("runs", "outcome"),
    [
        (Runs(slot="a", is_trial=True), None),
        (Runs(slot="a"), Outcome.GOOD),
        (Runs(slot="factory", outcome="returned"), Outcome.GAVE_UP),
    ],
)
def test_while_it_is_checked_a_start_of_the_other_version_is_the_end(runs: Runs, outcome: Outcome | None) -> None:
    assert after_check(runs, "a") is outcome
