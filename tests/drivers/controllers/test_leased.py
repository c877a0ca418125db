"""The rules that make a controller of a box: leases, steps, restarts, silence, the plug."""

from __future__ import annotations

import asyncio
import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.controllers.box import Box, Letter, Look
from drivers.controllers.leased import OPENS_IN_TIME_S, LeasedBox
from drivers.errors import BadFrame, NoAnswer, Refused
from drivers.interfaces import Cause, FailSafe, HardwareFlag, Identity
from tests.conftest import run_async


class Plain(Box):
    """A box of which everything is said by the test."""

    opens_after_s = 5.0
    has_contact = True

    def __init__(self) -> None:
        self.letters = [Letter.B]
        self.told: list[float | str] = []
        self.error: Exception | None = None
        self.keeps_its_own = False
        self.held: float | None = 0.0
        self.is_closed = False
        self.is_locked: bool | None = None
        self.answers_in_s = 0.0

    @property
    def where(self) -> str:
        return "the box"

    def _say(self, what: float | str) -> None:
        if self.error is not None:
            raise self.error
        self.told.append(what)

    async def forbid(self) -> None:
        self._say(0.0)
        self.held = 0.0

    async def prepare(self) -> None:
        self._say("prepared")
        if self.keeps_its_own:
            raise Refused("the box: its safe current must be 0, and it keeps 6")

    async def allow(self, current_a: float) -> None:
        self._say(current_a)
        self.held = current_a

    async def look(self) -> Look:
        await asyncio.sleep(self.answers_in_s)
        if self.error is not None:
            raise self.error
        letter = self.letters.pop(0) if len(self.letters) > 1 else self.letters[0]
        return Look(
            letter=letter,
            is_closed=self.is_closed,
            is_offered=bool(self.held),
            held_a=self.held,
            is_locked=self.is_locked,
        )

    async def identify(self) -> Identity:
        return Identity(vendor="Maker")

    async def lock(self) -> None:
        self.told.append("lock")

    async def unlock(self) -> None:
        self.told.append("unlock")


def boxed() -> tuple[Plain, LeasedBox]:
    box = Plain()
    return box, LeasedBox(box)


async def polled(driver: LeasedBox, seconds: float) -> None:
    """What a station does."""
    for _ in range(round(2 * seconds)):
        with contextlib.suppress(NoAnswer):
            await driver.read()
        await asyncio.sleep(0.5)


async def test_nothing_is_offered_and_the_fail_safe_is_set_before_anything_else() -> None:
    box, driver = boxed()
    await driver.read()
    await driver.read()
    assert box.told == [0.0, "prepared"]


async def test_without_its_fail_safe_nothing_begins() -> None:
    box, driver = boxed()
    box.keeps_its_own = True
    reading = await driver.read()
    assert HardwareFlag.PRECHECK_DONE not in reading.flags
    with pytest.raises(Refused, match="its fail-safe could not be set"):
        await driver.start(1, 0, 16, 11_000, 5)
    assert "it keeps 6" in (await driver.read_diagnosis()).findings[0]
    box.keeps_its_own = False
    assert HardwareFlag.PRECHECK_DONE in (await driver.read()).flags


async def test_it_writes_only_what_has_changed() -> None:
    box, driver = boxed()
    await driver.start(1, 0, 16, 11_000, 5)
    for current_a in (16.0, 16.4, 10.0, 10.9, 5.9, 0.0, 6.0):
        await driver.limit(current_a, 11_000, 5)
        await driver.read()
    assert box.told == [0.0, "prepared", 16.0, 10.0, 0.0, 6.0]


async def test_a_lease_counts_from_when_it_was_asked_for() -> None:
    box, driver = boxed()
    await driver.start(1, 0, 10, 11_000, 5)
    box.answers_in_s = 3.0
    await asyncio.gather(driver.read(), driver.limit(16, 11_000, 5))
    assert (await driver.read()).lease_left_s == 0.0


async def test_a_stop_wins_over_a_start_that_is_under_way() -> None:
    box, driver = boxed()
    await driver.read()
    box.answers_in_s = 0.5
    start = asyncio.create_task(driver.start(1, 0, 16, 11_000, 5))
    await asyncio.sleep(0.1)
    stop = asyncio.create_task(driver.stop())
    with pytest.raises(Refused, match="stopped meanwhile"):
        await start
    await stop
    await driver.limit(16, 11_000, 5)
    assert 16 not in box.told


async def test_an_order_that_waited_longer_than_its_lease_is_not_carried_out() -> None:
    box, driver = boxed()
    await driver.start(1, 0, 10, 11_000, 5)
    box.answers_in_s = 4.0
    with pytest.raises(NoAnswer, match="the order is over"):
        await asyncio.gather(driver.read(), driver.limit(16, 11_000, 2))
    with pytest.raises(NoAnswer, match="the order is over"):
        await driver.start(1, 0, 16, 11_000, 2)
    assert 16 not in box.told


async def test_no_power_is_no_current() -> None:
    box, driver = boxed()
    await driver.start(1, 0, 16, 0, 5)
    assert box.told[-1] == 0.0


async def test_a_renewal_alone_starts_nothing() -> None:
    box, driver = boxed()
    await driver.limit(16, 11_000, 5)
    await driver.read()
    assert box.told == [0.0, "prepared"]


async def test_a_stop_that_was_not_heard_is_told_again_at_the_next_look() -> None:
    box, driver = boxed()
    await driver.start(1, 0, 16, 11_000, 5)
    box.error = NoAnswer("silence")
    with pytest.raises(NoAnswer):
        await driver.stop()
    await asyncio.sleep(0.5)
    box.error = None
    await driver.read()
    assert box.told[-1] == 0.0 and box.held == 0.0


async def test_a_start_that_was_not_acknowledged_is_taken_back() -> None:
    box, driver = boxed()
    await driver.read()

    async def half(current_a: float) -> None:
        box.held = current_a
        raise NoAnswer("the acknowledgement was lost")

    box.allow = half  # type: ignore[method-assign]
    with pytest.raises(NoAnswer):
        await driver.start(1, 0, 16, 11_000, 5)
    await asyncio.sleep(0.5)
    reading = await driver.read()
    assert box.held == 0.0 and reading.session_ref == 0


async def test_who_asks_a_silent_box_twice_waits_once() -> None:
    box, driver = boxed()
    await driver.read()
    asked = 0

    async def slow() -> Look:
        nonlocal asked
        asked += 1
        await asyncio.sleep(1.0)
        raise NoAnswer("silence")

    box.look = slow  # type: ignore[method-assign]
    for _ in range(3):
        with pytest.raises(NoAnswer, match="silence"):
            await driver.read()
    assert asked == 1


async def test_a_vehicle_that_comes_or_goes_for_one_look_only_is_not_told() -> None:
    box, driver = boxed()
    assert (await driver.read()).status.value == "B"
    box.letters = [Letter.A, Letter.B]
    assert (await driver.read()).status.value == "B"
    box.letters = [Letter.A, Letter.B, Letter.A, Letter.B, Letter.A, Letter.B, Letter.A]
    with pytest.raises(BadFrame, match="does not settle"):
        await driver.read()


async def test_a_value_that_nobody_wrote_is_a_restart() -> None:
    box, driver = boxed()
    before = await driver.read()
    await driver.start(1, 0, 16, 11_000, 5)
    box.held = 32.0
    reading = await driver.read()
    assert reading.boot_count != before.boot_count and reading.session_ref == 0
    assert box.told[-2:] == [0.0, "prepared"]


async def test_a_restart_is_noticed_before_a_renewal_would_hide_it() -> None:
    box, driver = boxed()
    await driver.read()
    await driver.start(1, 0, 16, 11_000, 5)
    await asyncio.sleep(1.5)
    box.held = 0.0  # it restarted meanwhile
    await driver.limit(16, 11_000, 5)
    assert box.told[-2:] == [0.0, "prepared"]
    assert (await driver.read()).session_ref == 0


async def test_a_box_that_was_on_is_waited_for_but_not_for_ever() -> None:
    box, driver = boxed()
    box.letters, box.is_closed = [Letter.C], True
    with pytest.raises(NoAnswer, match="it was still on"):
        await driver.read()
    await polled(driver, OPENS_IN_TIME_S + 1)
    reading = await driver.read()
    assert reading.status.value == "C6" and HardwareFlag.OUTPUT_RELAY in reading.flags
    assert reading.session_ref == 0


async def test_a_contactor_that_is_not_told_of_is_believed_closed_until_the_vehicle_had_time_to_stop() -> None:
    box, driver = boxed()
    await driver.read()
    box.is_closed = None  # type: ignore[assignment]
    box.letters = [Letter.C]
    await polled(driver, 7)
    await driver.start(1, 0, 16, 11_000, 5)
    assert (await driver.read()).status.value == "C6"
    await driver.stop()
    await polled(driver, 3)
    assert (await driver.read()).status.value == "C6"
    await polled(driver, 4)
    assert (await driver.read()).status.value == "B2"


async def test_a_plug_is_released_only_without_permission_and_voltage() -> None:
    box, driver = boxed()
    await driver.start(1, 0, 16, 11_000, 5)
    with pytest.raises(Refused, match="a charge runs"):
        await driver.unlock()
    await driver.stop()
    box.letters, box.is_closed = [Letter.C], True
    with pytest.raises(Refused, match="there is voltage"):
        await driver.unlock()
    box.letters, box.is_closed = [Letter.B], False
    await driver.unlock()
    assert box.told[-1] == "unlock"


async def test_a_plug_that_is_locked_by_our_order_is_locked_for_a_charge_and_released_behind_it() -> None:
    box, driver = boxed()
    box.locks_by_order, box.is_locked = True, False
    await driver.start(1, 0, 16, 11_000, 5)
    assert box.told[-2:] == ["lock", 16.0]
    box.is_locked = True
    await driver.read()
    assert "unlock" not in box.told
    await driver.stop()
    await driver.read()
    assert box.told[-1] == "unlock"


async def test_how_long_it_takes_to_open_is_told() -> None:
    box, driver = boxed()
    assert driver.opens_after_s == 5.0
    box.fail_safe = FailSafe.NONE
    assert LeasedBox(box).opens_after_s == math.inf


async def test_lease_ended_is_told_until_somebody_orders_something() -> None:
    _, driver = boxed()
    await driver.read()
    await driver.start(1, 0, 16, 11_000, 1)
    await asyncio.sleep(1.5)
    assert (await driver.read()).cause is Cause.LEASE_ENDED
    await driver.stop()
    assert (await driver.read()).cause is Cause.NONE


@given(st.floats(0, 100), st.sampled_from([1.0, 0.1, 0.01, 0.001, 0.06]))
def test_no_current_is_ever_rounded_up(current_a: float, step_a: float) -> None:
    async def story() -> None:
        box, driver = boxed()
        box.step_a, box.most_a = step_a, 32.0
        await driver.start(1, 0, current_a, 22_000, 5)
        told = box.told[-1]
        assert isinstance(told, float)
        assert told <= min(current_a, 32.0) + 1e-6 and (told == 0 or told >= 6 - 1e-6)
        if 6 + step_a <= current_a <= 32:
            assert current_a - told <= step_a + 1e-6

    run_async(story, is_real=False)
