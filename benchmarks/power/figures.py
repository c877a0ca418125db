"""What the judge found, as rows of the table; needs the extra `bench` (scipy)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from benchmarks.figures import Row, share, short
from benchmarks.power.days import day
from benchmarks.power.judge import Verdict, judge, reference
from benchmarks.power.policies import Policy, equal_share, first_come, own
from benchmarks.power.stations import station

if TYPE_CHECKING:
    from benchmarks.rig import Place

JUDGED = ("full 4x6", "half 4x6", "ring 6x6", "ring 4x8", "fixed 4x8", "mixed 4x6", "half 8x12", "full 12x24")
TIMED = ("full 4x6", "half 12x24", "full 12x24", "ring 12x24", "full 24x48", "ring 24x48")
WISHED_ENERGY_PCT = 98.6
WISHED_RIGHT_PCT = 99.0
WISHED_MS = 5.0


class Case(msgspec.Struct, frozen=True):
    """One day of one station, by each policy. `best_ws`: what could have been delivered, W times s."""

    kind: str
    name: str
    best_ws: float
    unproven: int
    ours: Verdict
    exact: Verdict
    first: Verdict
    equal: Verdict

    def energy_pct(self, verdict: Verdict) -> float:
        return 100 * verdict.delivered / self.best_ws if self.best_ws else 100.0


def case(kind: str, seed: int, steps: int, time_limit_s: float, policy: Policy = own, pace_s: float = 10.0) -> Case:
    """Judge `policy` on one day beside the other three."""
    one = day(station(kind, seed), seed, steps, pace_s)
    exact, bests = reference(one, time_limit_s)
    best_ws = sum(best.power_w * step.lasts_s for best, step in zip(bests, one.steps, strict=True))
    ours = judge(one, policy, bests, has_reasons=True, time_limit_s=time_limit_s)
    unproven = sum(not best.is_proven for best in bests)
    return Case(kind, one.name, best_ws, unproven, ours, exact, judge(one, first_come), judge(one, equal_share))


def right_pct(verdict: Verdict) -> float:
    """Of the connectors that were held down by some limit: to how many was it named."""
    return 100 * (1 - verdict.count("reason") / verdict.reasons) if verdict.reasons else 100.0


async def power(place: Place) -> list[Row]:
    """The station's own sharing beside the exact program's, and how long it takes to think."""
    steps, seeds = place.pick(30, 60), place.pick(1, 2)
    cases = []
    for kind in JUDGED:
        for seed in range(seeds if kind != "full 12x24" else 1):
            cases.append(case(kind, seed, steps, 2.0))
            await asyncio.sleep(0)
    return [*judged(cases), *[timed(kind, place.pick(60, 200)) for kind in TIMED]]


def judged(cases: Sequence[Case]) -> list[Row]:
    """A value per day."""

    def beside(what: Callable[[Case, Verdict], float]) -> str:
        ways = (("exact", "exact"), ("first come", "first"), ("equal share", "equal"))
        return ", ".join(f"{name} {short(_mean([what(c, getattr(c, way)) for c in cases]))}" for name, way in ways)

    def counts(kind: str) -> tuple[float, ...]:
        return tuple(float(each.ours.count(kind)) for each in cases)

    def row(figure: str, kind: str, note: str = "") -> Row:
        values = counts(kind)
        total = f"{sum(values):.0f} in {sum(len(each.ours.times_ms) for each in cases)} steps"
        return Row(figure=f"power: {figure}", values=values, beside=f"{total}{note and '; '}{note}", wished=("<", 1.0))

    errors = [note for each in cases for note in each.ours.notes if note.kind == "error"]
    rows = [
        Row(
            figure="power: energy of the optimum",
            values=(100 * sum(c.ours.delivered for c in cases) / max(1.0, sum(c.best_ws for c in cases)),),
            unit="%",
            wished=(">", WISHED_ENERGY_PCT),
            beside=f"{len(cases)} days, {short(min(c.energy_pct(c.ours) for c in cases))} the worst; mean of days "
            f"{short(_mean([c.energy_pct(c.ours) for c in cases]))}, "
            + beside(lambda case, verdict: case.energy_pct(verdict)),
        ),
        Row(
            figure="power: Jain index of given to asked",
            values=tuple(each.ours.jain for each in cases),
            beside=f"mean {short(_mean([c.ours.jain for c in cases]))}; " + beside(lambda _, verdict: verdict.jain),
        ),
        Row(
            figure="power: changes of contactors",
            values=tuple(each.ours.changes_per_h for each in cases),
            unit="/h",
            beside=f"mean {short(_mean([c.ours.changes_per_h for c in cases]))}; "
            + beside(lambda _, verdict: verdict.changes_per_h),
        ),
        row("guarantees missed", "missed", f"{sum(counts('waits')):.0f} more wait to return"),
        row("conditions broken", "violation", f"{sum(counts('ring')):.0f} times both ways round a ring"),
        row("moves in an unchanged step", "unchanged", f"{sum(counts('later')):.0f} more when some time had passed"),
        row("answers that hang on the order", "order"),
        Row(
            figure="power: right reasons",
            values=tuple(right_pct(each.ours) for each in cases),
            unit="%",
            wished=(">", WISHED_RIGHT_PCT),
            beside=f"of {sum(c.ours.reasons for c in cases)}; {sum(c.ours.ambiguous for c in cases)} had several, "
            f"{sum(counts('idle')):.0f} had none",
        ),
    ]
    if errors:
        rows.append(Row(figure="power: errors", failure=f"{len(errors)}: {errors[0].text[:200]}"))
    return rows


def timed(kind: str, steps: int, policy: Policy = own) -> Row:
    """Processor time of one answer, over a day."""
    verdict = judge(day(station(kind, 1), 1, steps), policy)
    times = verdict.times_ms
    if not times:
        return Row(figure=f"power: allocate(), {kind}", failure=verdict.notes[0].text)
    return Row(
        figure=f"power: allocate(), {kind}, p99",
        values=(share(times, 99),),
        unit="ms",
        wished=("<", WISHED_MS) if "12x24" in kind else None,
        beside=f"p50 {short(share(times, 50))}, max {short(max(times))} of {len(times)} steps",
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
