"""Which waiting samples go when more wait than the cap allows. Pure.

Thinned evenly in time within each transaction. What stays in any case: the first and last of each kind of a
transaction, values of its begin and end, and signed values (reliability.md R8, R12 and section 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from chargepoint.records import Sample

THINNABLE = ("Sample.Periodic", "Sample.Clock")
"""Contexts of samples that may be thinned; those of a transaction's begin and end may not."""

CUT_TO = 0.9
"""So much of the cap is left, so that thinning is not needed again at once."""

MOST_SPACING_S = 1e7
HALVINGS = 40


class Mark(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What must be known of a sample: its number, its series, its time on the clock of its boot."""

    number: int
    series: tuple[int, int, str]
    boot_id: str
    mono_s: float
    is_kept: bool


def mark_of(sample: Sample) -> Mark:
    """A series is one session (or idle connector) and context."""
    context = sample.values[0].context if sample.values else ""
    series = (sample.session_id, sample.connector, context)
    return Mark(sample.number, series, sample.moment.boot_id, sample.moment.mono_s, not is_thinnable(sample))


def is_thinnable(sample: Sample) -> bool:
    """Whether all its values are plain readings of in between."""
    return all(value.context in THINNABLE and not value.signed for value in sample.values)


def to_drop(marks: Sequence[Mark], most: int) -> frozenset[int]:
    """Numbers of the samples to drop, so that about `CUT_TO` of `most` are left; none when there are not more."""
    if len(marks) <= most:
        return frozenset()
    ends = _ends(marks)
    room = max(0, int(most * CUT_TO))
    low_s, high_s = 0.0, MOST_SPACING_S
    for _ in range(HALVINGS):
        middle_s = (low_s + high_s) / 2
        if len(marks) - len(_dropped(marks, ends, middle_s)) > room:
            low_s = middle_s
        else:
            high_s = middle_s
    return frozenset(_dropped(marks, ends, high_s))


def _ends(marks: Iterable[Mark]) -> set[int]:
    """The first and last number of each series."""
    first: dict[tuple[int, int, str], int] = {}
    last: dict[tuple[int, int, str], int] = {}
    for mark in marks:
        first.setdefault(mark.series, mark.number)
        last[mark.series] = mark.number
    return {*first.values(), *last.values()}


def _dropped(marks: Iterable[Mark], ends: set[int], spacing_s: float) -> list[int]:
    """What goes when those that stay are at least `spacing_s` apart."""
    kept: dict[tuple[int, int, str], tuple[str, float]] = {}
    dropped = []
    for mark in marks:
        if not mark.is_kept and mark.number not in ends:
            before = kept.get(mark.series)
            if before is not None and before[0] == mark.boot_id and mark.mono_s - before[1] < spacing_s:
                dropped.append(mark.number)
                continue
        kept[mark.series] = mark.boot_id, mark.mono_s
    return dropped
