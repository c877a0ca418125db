"""`python -m benchmarks.power [KIND ...]`: the judge on more and longer days, with what it found. Needs scipy."""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from benchmarks.figures import table
from benchmarks.power.figures import JUDGED, Case, case, judged, right_pct
from benchmarks.power.stations import STATIONS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.power", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"which: {', '.join(STATIONS)}; default: most")
    parser.add_argument("--steps", type=int, default=300, help="of each day; 6000 of 1 to 10 s are 12 hours")
    parser.add_argument("--seeds", type=int, default=3, help="days of each station")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    parser.add_argument(
        "--pace", type=float, default=10.0, help="s; 60 is about that of the street, 10 brings more events"
    )
    parser.add_argument("--limit", type=float, default=5.0, help="s for one program")
    parser.add_argument("--notes", type=int, default=3, help="so many notes of each kind and day are told")
    given = parser.parse_args()
    unknown = [kind for kind in given.kinds if kind not in STATIONS]
    if unknown:
        parser.error(f"there is no station {', '.join(unknown)}; there are: {', '.join(STATIONS)}")
    cases = []
    for kind in given.kinds or JUDGED:
        for seed in range(given.first, given.first + given.seeds):
            cases.append(case(kind, seed, given.steps, given.limit, pace_s=given.pace))
            _tell(cases[-1], given.notes)
    print(table(judged(cases)))
    return 0


def _tell(one: Case, notes: int) -> None:
    print(
        f"{one.name}: energy {one.energy_pct(one.ours):.2f} % (exact {one.energy_pct(one.exact):.2f}, "
        f"first {one.energy_pct(one.first):.2f}, equal {one.energy_pct(one.equal):.2f}), "
        f"Jain {one.ours.jain:.3f} ({one.exact.jain:.3f}, {one.first.jain:.3f}, {one.equal.jain:.3f}), "
        f"changes/h {one.ours.changes_per_h:.0f} ({one.exact.changes_per_h:.0f}, {one.first.changes_per_h:.0f}, "
        f"{one.equal.changes_per_h:.0f}), right reasons {right_pct(one.ours):.2f} %, "
        f"unproven {one.unproven}, {dict(Counter(note.kind for note in one.ours.notes))}",
        flush=True,
    )
    told: Counter[str] = Counter()
    for note in one.ours.notes:
        told[note.kind] += 1
        if told[note.kind] <= notes:
            print(f"    step {note.place}: {note.kind}: {note.text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
