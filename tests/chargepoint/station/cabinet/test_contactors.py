"""Contactors that obey, that do not, and that are asked for too often. The relay here is a model, the loop a for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chargepoint.config import OutputSettings
from chargepoint.station.cabinet.contactors import (
    ADOPT_WITHIN_S,
    MAX_CLOSINGS,
    TRIES,
    WITHIN_S,
    Contactor,
    Phase,
)
from chargepoint.vocabulary import Cause, OutputFunction
from drivers.errors import NoAnswer, Refused

POLL_S = 0.1
LEASE_S = 5.0
Truth = Callable[[bool, float], bool]
"""What a contactor does with its coil: (coil, seconds since the coil changed) -> closed."""


def obeys(coil: bool, _for_s: float) -> bool:
    return coil


def welded(_coil: bool, _for_s: float) -> bool:
    return True


def dead(_coil: bool, _for_s: float) -> bool:
    return False


def bounces(coil: bool, for_s: float) -> bool:
    return coil and round(for_s / POLL_S) % 2 == 0


class Bench:
    """A module with one output, an auxiliary contact and a clock."""

    def __init__(self, *, feedback: str = "fb", life: int = 0, can_tell: bool = True) -> None:
        settings = OutputSettings(
            name="K1",
            function=OutputFunction.CONTACTOR,
            io="io",
            channel=0,
            feedback=feedback,
            operations_per_life=life,
        )
        self.now = 100.0
        self.contactor = Contactor(settings, self.now)
        self.truth: Truth = obeys
        self.coil = False
        self.module_obeys = True
        self.module_answers = True
        self.feedback_answers = True
        self.closings: list[float] = []
        self.faults: list[Cause] = []
        self.contactor.on_fault = lambda contactor: self.faults.append(contactor.cause)
        self._changed_s = self.now
        self._can_tell = can_tell
        self._feedback = bool(feedback)

    @property
    def closed(self) -> bool:
        return self.truth(self.coil, self.now - self._changed_s)

    def is_coil_on(self) -> bool:
        return self.coil

    def phase(self) -> Phase:
        return self.contactor.phase

    def poll(self, after_s: float = POLL_S) -> None:
        self.now += after_s
        said = self.coil if self._can_tell else None
        seen = self.closed if self._feedback and self.feedback_answers else None
        order = self.contactor.tick(said, seen, self.now)
        if order is not None and self.module_answers:
            self.contactor.taken()
        if order is not None and self.module_answers and self.module_obeys and order is not self.coil:
            self.coil, self._changed_s = order, self.now
            if order:
                self.closings.append(self.now)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / POLL_S)):
            self.poll()

    def close(self, within_s: float = 3.0) -> bool:
        until = self.now + within_s
        while self.now < until:
            if self.contactor.close(LEASE_S, self.now):
                return True
            self.poll()
        return False


@pytest.mark.parametrize("feedback", ["fb", ""])
@pytest.mark.parametrize("can_tell", [True, False])
def test_it_closes_is_renewed_and_opens(feedback: str, can_tell: bool) -> None:
    bench = Bench(feedback=feedback, can_tell=can_tell)
    bench.run(1.0)
    assert bench.phase() is Phase.OPEN
    assert bench.close(1.0)
    assert bench.coil
    for _ in range(10):
        bench.run(1.0)
        assert bench.contactor.renew(LEASE_S, bench.now)
    assert bench.coil
    bench.contactor.open()
    bench.poll()
    assert not bench.is_coil_on()
    bench.run(1.0)
    assert bench.phase() is Phase.OPEN
    assert bench.contactor.operations == 1
    assert not bench.faults


def test_a_permission_nobody_renews_opens_it() -> None:
    bench = Bench()
    bench.run(0.5)
    assert bench.close()
    bench.run(LEASE_S + 0.3)
    assert not bench.coil
    assert not bench.contactor.renew(LEASE_S, bench.now)


def test_nothing_is_confirmed_before_the_feedback_is_steady() -> None:
    bench = Bench()
    bench.run(0.5)
    bench.contactor.close(LEASE_S, bench.now)
    bench.poll()
    assert bench.coil
    bench.poll()
    assert not bench.contactor.close(LEASE_S, bench.now)


@pytest.mark.parametrize("truth", [dead, bounces])
def test_one_that_does_not_close_is_tried_three_times_and_latched(truth: Truth) -> None:
    bench = Bench()
    bench.truth = truth
    bench.run(0.5)
    with pytest.raises(Refused, match="out of order"):
        bench.close(5.0)
    bench.run(2.0)
    assert len(bench.closings) == TRIES
    assert bench.faults == [Cause.CONTACTOR_FAILED]
    assert not bench.coil
    bench.truth = obeys
    with pytest.raises(Refused):
        bench.contactor.close(LEASE_S, bench.now)
    assert bench.contactor.clear(bench.now)
    bench.run(WITHIN_S)
    assert bench.close()


def test_a_module_that_says_ok_and_does_nothing_is_found_out() -> None:
    bench = Bench()
    bench.run(0.5)
    bench.module_obeys = False
    with pytest.raises(Refused):
        bench.close(5.0)
    assert bench.faults == [Cause.CONTACTOR_FAILED]


def test_a_welded_one_is_latched_within_two_seconds_of_the_order() -> None:
    bench = Bench()
    bench.run(0.5)
    assert bench.close()
    bench.truth = welded
    begun = bench.now
    bench.contactor.open()
    while not bench.faults and bench.now < begun + 5:
        bench.poll()
    assert bench.faults == [Cause.CONTACTOR_WELDED]
    assert bench.now - begun <= 2.0
    assert not bench.contactor.clear(bench.now), "its feedback still says closed"
    bench.truth = obeys
    bench.poll()
    assert bench.contactor.clear(bench.now)


def test_one_found_welded_at_the_start_is_latched() -> None:
    bench = Bench()
    bench.truth = welded
    bench.run(2.0)
    assert bench.faults == [Cause.CONTACTOR_WELDED]


def test_at_most_three_closings_a_minute_whatever_is_asked() -> None:
    bench = Bench()
    bench.run(0.5)
    rested = 0
    for _ in range(1200):
        try:
            bench.contactor.close(LEASE_S, bench.now)
        except NoAnswer:
            rested += 1
        bench.poll()
        if bench.contactor.phase is Phase.CLOSED:
            bench.contactor.open()
    assert rested
    assert not bench.faults
    for at in bench.closings:
        assert sum(1 for other in bench.closings if at <= other < at + WITHIN_S) <= MAX_CLOSINGS
    assert bench.contactor.operations == len(bench.closings)


def test_one_that_falls_off_in_a_charge_does_not_close_again_by_itself() -> None:
    bench = Bench()
    bench.run(0.5)
    assert bench.close()
    bench.truth = dead  # the emergency chain has taken its coil's supply
    for _ in range(10):
        bench.poll()
        bench.contactor.renew(LEASE_S, bench.now)
    assert bench.contactor.dropped
    assert not bench.coil
    bench.truth = obeys
    bench.run(5.0)
    assert len(bench.closings) == 1
    assert not bench.faults


def test_a_module_that_started_anew_does_not_get_its_contactor_closed_again() -> None:
    bench = Bench()
    bench.run(0.5)
    assert bench.close()
    bench.contactor.silent()
    bench.coil = False
    bench.run(1.0)
    assert bench.contactor.released
    assert not bench.contactor.dropped
    assert not bench.coil


def test_a_module_that_starts_anew_while_it_closes_costs_a_closing_that_counts() -> None:
    bench = Bench()
    bench.run(0.5)
    bench.contactor.close(LEASE_S, bench.now)
    bench.run(0.2)
    bench.coil = False
    bench.run(2.0)
    assert len(bench.closings) == 2
    assert bench.contactor.operations == 2, "every closing is counted"


def test_a_write_that_was_lost_is_repeated() -> None:
    bench = Bench()
    bench.run(0.5)
    bench.module_answers = False
    bench.contactor.close(LEASE_S, bench.now)
    bench.poll()
    bench.module_answers = True
    assert bench.close(1.0)
    assert len(bench.closings) == 1


def test_what_earlier_runs_did_counts() -> None:
    bench = Bench()
    bench.contactor.remember_closings((bench.now - 5.0, bench.now - 4.0, bench.now - 3.0, bench.now - 100.0), bench.now)
    bench.run(0.5)
    with pytest.raises(NoAnswer, match="rests"):
        bench.contactor.close(LEASE_S, bench.now)
    assert len(bench.contactor.closings) == 3


def test_supply_drops_in_a_row_are_no_way_around_the_limit() -> None:
    kept: tuple[float, ...] = ()
    closings = 0
    for boot in range(10):
        bench = Bench()
        bench.contactor.remember_closings(kept, bench.now, is_this_boot=False)
        bench.run(0.5)
        try:
            closings += bench.close(1.0)
        except NoAnswer:
            assert boot >= MAX_CLOSINGS
        bench.run(5.0)
        kept = bench.contactor.closings
    assert closings == MAX_CLOSINGS
    bench.run(WITHIN_S)
    assert bench.close()
    assert len(bench.contactor.closings) == 1, "what was long before does not count at the next boot"


def test_a_wire_that_is_slow_is_no_fault_of_the_contactor() -> None:
    bench = Bench()
    bench.run(0.5)
    while not bench.contactor.close(LEASE_S, bench.now):
        bench.poll(0.55)
        assert bench.now < 110.0
    assert len(bench.closings) == 1
    assert not bench.faults


def test_a_feedback_that_nobody_can_read_is_no_fault_and_no_reason_to_close() -> None:
    bench = Bench()
    bench.run(0.5)
    bench.feedback_answers = False
    assert not bench.close(3.0)
    assert not bench.closings
    bench.feedback_answers = True
    bench.contactor.close(LEASE_S, bench.now)
    bench.poll()
    bench.feedback_answers = False  # while it closes
    bench.run(2.0)
    assert not bench.coil
    assert not bench.faults
    bench.feedback_answers = True
    assert bench.close()
    assert len(bench.closings) == 2


def test_one_whose_feedback_says_closed_is_not_closed_on_top_of_it() -> None:
    bench = Bench()
    bench.run(0.5)
    bench.truth = welded
    with pytest.raises(Refused, match="welded"):
        bench.close()
    assert not bench.closings
    assert bench.faults == [Cause.CONTACTOR_WELDED]


def test_one_that_rattles_while_it_is_closed_has_fallen_off() -> None:
    bench = Bench()
    bench.run(0.5)
    assert bench.close()
    bench.truth = bounces
    for _ in range(20):
        bench.poll()
        bench.contactor.renew(LEASE_S, bench.now)
    assert bench.contactor.dropped
    assert not bench.coil
    assert len(bench.closings) == 1


def test_a_glitch_of_the_feedback_ends_no_charge() -> None:
    bench = Bench()
    bench.run(0.5)
    assert bench.close()
    for _ in range(10):
        bench.truth = dead
        bench.poll()
        bench.truth = obeys
        bench.run(1.0)
        assert bench.contactor.renew(LEASE_S, bench.now)


def test_found_closed_is_taken_over_by_who_can_explain_it() -> None:
    bench = Bench()
    bench.coil = True
    bench.run(1.0)
    assert bench.contactor.phase is Phase.FOUND_CLOSED
    assert bench.contactor.renew(LEASE_S, bench.now)
    bench.run(3.0)
    assert bench.coil
    assert not bench.closings


def test_found_closed_and_explained_by_nobody_opens() -> None:
    bench = Bench()
    bench.coil = True
    bench.run(ADOPT_WITHIN_S - 0.5)
    assert bench.coil
    bench.run(1.0)
    assert not bench.coil


def test_its_life_is_counted_and_told_at_ninety_percent() -> None:
    bench = Bench(life=10)
    bench.contactor.operations = 8
    bench.run(0.5)
    assert not bench.contactor.is_worn
    assert bench.close()
    assert bench.contactor.operations == 9
    assert bench.contactor.is_worn


def test_the_state_of_a_silent_module_is_not_known() -> None:
    bench = Bench()
    bench.run(0.5)
    bench.contactor.silent()
    assert bench.contactor.is_on is None
