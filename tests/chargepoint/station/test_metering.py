"""A register fit for money: it never falls, and takes nothing that cannot be true (R12, R13)."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.station.metering import (
    FROZEN_AFTER_S,
    JUMP_EXTRA_S,
    JUMP_FACTOR,
    JUMP_MARGIN_WH,
    Accepted,
    Anomaly,
    MeterTrack,
)
from chargepoint.vocabulary import Cause, ControllerStatus, HardwareFlag
from drivers.interfaces import ControllerReading, MeterReading

MAX_W = 22_000.0


def at(energy_wh: float, power_w: float = 11_000.0, voltage_v: float = 230.0) -> MeterReading:
    return MeterReading(
        energy_wh=energy_wh,  # type: ignore[arg-type]  # a broken driver may give anything
        power_w=power_w,
        voltage_v=(voltage_v, 230.0, 230.0),
        current_a=(16.0, 16.0, 16.0),
    )


def controller(energy_wh: int = 0, power_w: float = 11_000.0, current_a: float = 16.0) -> ControllerReading:
    return ControllerReading(
        status=ControllerStatus.C6_CHARGING, flags=HardwareFlag(0), cause=Cause.NONE, boot_count=1, session_ref=1,
        lease_left_s=5.0, limit_current_a=32.0, limit_power_w=22_000.0, voltage_v=230.0,
        current_a=(current_a, current_a, current_a), power_w=power_w, energy_wh=energy_wh, elapsed_s=0,
        ev_requests_energy=True,
    )  # fmt: skip


def feed(track: MeterTrack, *registers_wh: float, start_s: float = 0.0) -> list[Accepted | Anomaly]:
    """One reading each second."""
    return [track.accept(at(wh), start_s + second) for second, wh in enumerate(registers_wh)]


def kinds(results: list[Accepted | Anomaly]) -> list[str]:
    return [result.kind if isinstance(result, Anomaly) else "ok" for result in results]


def test_a_good_meter_is_followed() -> None:
    assert MeterTrack(MAX_W).energy_wh is None
    track = MeterTrack(MAX_W)
    results = feed(track, 1_000, 1_003, 1_003, 1_009)
    assert results == [Accepted(1_000, 0), Accepted(1_003, 3), Accepted(1_003, 0), Accepted(1_009, 6)]
    assert (track.energy_wh, track.is_estimated, track.anomaly) == (1_009, False, None)


@pytest.mark.parametrize(
    "bad",
    [
        at(math.nan), at(math.inf), at(-1), at(1_003, power_w=math.nan), at(1_003, power_w=math.inf),
        at(1_003, voltage_v=math.nan), at(1_003, voltage_v=1e9), at(1_003, power_w=1e9), at(1_003, power_w=-1e9),
    ],
)  # fmt: skip
def test_nonsense_is_never_taken(bad: MeterReading) -> None:
    track = MeterTrack(MAX_W)
    feed(track, 1_000)
    for second in range(1, 6):
        result = track.accept(bad, second)
        assert isinstance(result, Anomaly) and result.kind == "nonsense"
        assert result.is_new is (second == 1)
    assert track.energy_wh == 1_000
    assert track.silent_for(5.0) == 5.0
    healed = track.accept(at(1_010), 6.0)
    assert isinstance(healed, Accepted) and "good again" in healed.note
    assert track.energy_wh == 1_010


def test_a_meter_of_totals_only_is_as_good_as_any() -> None:
    track = MeterTrack(MAX_W)
    for second, wh in enumerate((1_000, 1_003)):
        track.accept(MeterReading(energy_wh=wh, power_w=11_000.0, voltage_v=None, current_a=None), second)
    assert track.energy_wh == 1_003


def test_a_meter_that_runs_backwards_is_never_followed_and_counts_as_silent() -> None:
    track = MeterTrack(MAX_W)
    results = feed(track, 1_000, *range(990, 900, -5))
    assert set(kinds(results[1:])) == {"backwards"}
    assert track.energy_wh == 1_000
    assert track.silent_for(18.0) == 18.0


@pytest.mark.ocpp("3.16-register")
def test_a_fall_by_rounding_stands_still() -> None:
    track = MeterTrack(MAX_W)
    assert kinds(feed(track, 1_000, 999, 998, 999, 1_000, 1_001)) == ["ok"] * 6
    assert track.energy_wh == 1_001
    assert not track.is_estimated


def test_a_meter_creeping_backwards_is_noticed() -> None:
    track = MeterTrack(MAX_W)
    assert kinds(feed(track, 1_000, 999, 998, 997, 996)) == ["ok", "ok", "ok", "backwards", "backwards"]


def test_a_reset_meter_is_followed_after_three_readings_and_counting_goes_on() -> None:
    track = MeterTrack(MAX_W)
    results = feed(track, 50_000, 50_003, 0, 3, 6, 9)
    assert kinds(results) == ["ok", "ok", "backwards", "backwards", "ok", "ok"]
    assert isinstance(results[4], Accepted) and "50003 to 0" in results[4].note
    assert track.energy_wh == 50_003 + 9


def test_an_exchanged_meter_that_shows_more_gives_away_no_energy() -> None:
    track = MeterTrack(MAX_W)
    results = feed(track, 1_000, 900_000, 900_003, 900_006, 900_009)
    assert kinds(results) == ["ok", "jump", "jump", "ok", "ok"]
    assert track.energy_wh == 1_009


def test_a_single_jump_is_forgotten() -> None:
    track = MeterTrack(MAX_W)
    results = feed(track, 1_000, 900_000, 1_003, 900_000, 1_006, 900_000, 1_009)
    assert kinds(results) == ["ok", "jump", "ok", "jump", "ok", "jump", "ok"]
    assert track.energy_wh == 1_009


def test_a_meter_that_jumps_at_random_is_never_followed() -> None:
    track = MeterTrack(MAX_W)
    results = feed(track, 1_000, 900_000, 400_000, 700_000, 100_000, 800_000)
    assert set(kinds(results[1:])) == {"jump"}
    assert track.energy_wh == 1_000


def test_growth_is_judged_by_the_time_that_passed() -> None:
    bound_wh = MAX_W * JUMP_FACTOR * (600.0 + JUMP_EXTRA_S) / 3600.0 + JUMP_MARGIN_WH
    for added_wh, kind in ((int(bound_wh), "ok"), (int(bound_wh) + 1, "jump")):
        track = MeterTrack(MAX_W)
        track.accept(at(1_000), 0.0)
        assert kinds([track.accept(at(1_000 + added_wh), 600.0)]) == [kind]


def test_a_coarse_meter_is_no_jumping_one() -> None:
    track = MeterTrack(MAX_W)
    assert kinds(feed(track, 1_000, 1_000, 1_100, 1_100, 1_200)) == ["ok"] * 5
    assert track.energy_wh == 1_200


def test_a_register_that_goes_round_is_followed() -> None:
    track = MeterTrack(MAX_W)
    results = feed(track, 2**32 - 5, 2**32 - 2, 1, 4)
    assert kinds(results) == ["ok"] * 4
    assert isinstance(results[2], Accepted) and "round" in results[2].note
    assert track.energy_wh == 2**32 + 4


@given(st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 3_000), max_size=30))
def test_whatever_the_meter_says_the_register_never_falls_nor_grows_faster_than_the_line_can_carry(
    registers_wh: list[int],
) -> None:
    track = MeterTrack(MAX_W)
    before: int | None = None
    for second, wh in enumerate(registers_wh):
        track.accept(at(wh), second * 2.0)
        now = track.energy_wh
        assert now is not None and now >= 0
        if before is not None:
            most_wh = MAX_W * JUMP_FACTOR * (2.0 * (second + 1) + JUMP_EXTRA_S) / 3600.0 + JUMP_MARGIN_WH
            assert 0 <= now - before <= most_wh * 2
        before = now


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(0, 10**9))
def test_a_good_meters_energy_is_counted_exactly(steps_wh: list[int], start_wh: int) -> None:
    track = MeterTrack(MAX_W)
    registers = [start_wh + sum(steps_wh[:n]) for n in range(len(steps_wh) + 1)]
    assert set(kinds(feed(track, *registers))) == {"ok"}
    assert track.energy_wh == registers[-1]


# ------------------------------------------------------------------------------------------------------------- frozen


def run_frozen(seconds: int, **load: Any) -> tuple[MeterTrack, list[Accepted | Anomaly]]:
    track = MeterTrack(MAX_W)
    return track, [track.accept(at(1_000), float(s), controller(**load)) for s in range(seconds)]


def test_a_meter_that_shows_nothing_new_while_energy_flows_is_frozen() -> None:
    track, results = run_frozen(70)
    assert kinds(results) == ["ok"] * int(FROZEN_AFTER_S) + ["frozen"] * 10
    assert [result.is_new for result in results if isinstance(result, Anomaly)] == [True] + [False] * 9
    assert track.silent_for(69.0) == 69.0  # silent since it last moved: the charge has run blind for so long


@pytest.mark.parametrize("load", [{"power_w": 0.0, "current_a": 0.0}, {"power_w": 600.0, "current_a": 0.2}])
def test_a_still_meter_without_load_is_not_frozen(load: dict[str, float]) -> None:
    assert set(kinds(run_frozen(200, **load)[1])) == {"ok"}


def test_a_small_load_may_stand_still_until_it_would_have_counted() -> None:
    results = run_frozen(200, power_w=1_000.0, current_a=1.5)[1]  # 30 Wh take 105 s at 1035 W
    assert 100 <= kinds(results).index("frozen") <= 110


def test_a_meter_whose_other_values_move_is_not_frozen() -> None:
    track = MeterTrack(MAX_W)
    results = [track.accept(at(1_000, voltage_v=230.0 + s % 2), float(s), controller()) for s in range(200)]
    assert set(kinds(results)) == {"ok"}


def test_energy_counted_behind_a_frozen_display_is_taken_when_it_moves_again() -> None:
    track, _ = run_frozen(70, power_w=21_000.0)
    counted_wh = round(21_000 * 70 / 3600)
    result = track.accept(at(1_000 + counted_wh), 70.0, controller(power_w=21_000.0))
    assert isinstance(result, Accepted)
    assert track.energy_wh == 1_000 + counted_wh
    assert track.silent_for(71.0) == 1.0


# ----------------------------------------------------------------------------------------------------------- estimates


def test_a_gap_is_estimated_for_at_most_60_s() -> None:
    track = MeterTrack(MAX_W)
    feed(track, 1_000)
    for _ in range(300):
        track.estimate(11_000.0, 1.0)
    assert track.estimated_wh == int(11_000 / 60)
    assert track.energy_wh == 1_000 + int(11_000 / 60)
    assert track.is_estimated


def test_when_the_meter_answers_again_its_own_register_counts() -> None:
    track = MeterTrack(MAX_W)
    feed(track, 1_000)
    track.estimate(11_000.0, 30.0)
    track.accept(at(1_095), 30.0)
    assert (track.energy_wh, track.is_estimated) == (1_095, False)


def test_an_estimate_that_was_too_high_waits_for_the_meter() -> None:
    track = MeterTrack(MAX_W)
    feed(track, 1_000)
    track.estimate(11_000.0, 30.0)  # 91 Wh
    assert [track.accept(at(wh), second) and track.energy_wh for second, wh in ((30, 1_050), (40, 1_080))] == [
        1_091
    ] * 2
    assert track.estimated_wh == 11
    track.accept(at(1_092), 50.0)
    assert (track.energy_wh, track.is_estimated) == (1_092, False)


def test_a_controllers_own_energy_bridges_a_gap_but_never_more_than_60_s_at_full_power() -> None:
    track = MeterTrack(MAX_W)
    track.accept(at(1_000), 0.0, controller(energy_wh=500))
    assert track.estimate_by_controller(controller(energy_wh=590)) == 90
    assert track.energy_wh == 1_090
    assert track.estimate_by_controller(controller(energy_wh=99_000)) == int(MAX_W / 60)
    assert track.estimate_by_controller(controller(energy_wh=0)) == int(MAX_W / 60)  # never falls


def test_a_controllers_new_session_is_no_gap() -> None:
    track = MeterTrack(MAX_W)
    track.accept(at(1_000), 0.0, controller(energy_wh=50_000))
    track.note_controller(controller(energy_wh=0), 1.0)
    assert track.estimate_by_controller(controller(energy_wh=20)) == 20


@pytest.mark.parametrize("power_w", [math.nan, -5_000.0, 0.0])
def test_nonsense_is_not_estimated(power_w: float) -> None:
    track = MeterTrack(MAX_W)
    feed(track, 1_000)
    assert track.estimate(power_w, 10.0) == 0


def test_nothing_is_estimated_before_the_first_reading() -> None:
    track = MeterTrack(MAX_W)
    assert track.estimate(11_000.0, 10.0) == 0
    assert track.energy_wh is None
    assert track.silent_for(10.0) == math.inf


# ------------------------------------------------------------------------------------------------------ after a restart


def test_an_adopted_charge_goes_on_from_its_record() -> None:
    track = MeterTrack.resumed(MAX_W, 10_000, mono_s=100.0)
    assert track.energy_wh == 10_000
    assert track.silent_for(103.0) == 3.0
    track.accept(at(10_040), 103.0)
    assert track.energy_wh == 10_040


def test_a_meter_exchanged_while_the_software_was_down_gives_away_no_energy() -> None:
    track = MeterTrack.resumed(MAX_W, 10_000, mono_s=100.0)
    feed(track, 500, 503, 506, start_s=103.0)
    assert track.energy_wh == 10_006
