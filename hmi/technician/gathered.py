"""What was heard in passing while somebody is in the service menu: cards of readers under test, lines of running dumps,
when the central system was last talked to. Bounded.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from chargepoint.messages import CardTested, DumpGrew, OcppFrame
from hmi.technician.desk import CardHeld

MOST_CARDS, MOST_LINES = 6, 80
HEARD = (CardTested, DumpGrew, OcppFrame)
"""Events that are looked at."""


class Gathered(msgspec.Struct, frozen=True):
    """`dump`: the last lines by connector, oldest first; `frame_s` monotonic, None: not yet."""

    cards: tuple[CardHeld, ...] = ()
    dump: Mapping[int, tuple[str, ...]] = {}
    frame_s: float | None = None


def grown(before: Gathered, event: CardTested | DumpGrew | OcppFrame, now_s: float) -> Gathered:
    """With one event more."""
    match event:
        case CardTested():
            held = CardHeld(
                event.reader, event.uid, now_s, event.kind, event.refusal, event.forms, event.read_ms, event.count
            )
            return msgspec.structs.replace(before, cards=(*before.cards, held)[-MOST_CARDS:])
        case DumpGrew():
            left_out = (f"({event.skipped})",) if event.skipped else ()
            lines = (*before.dump.get(event.connector, ()), *left_out, *event.lines)[-MOST_LINES:]
            return msgspec.structs.replace(before, dump={**before.dump, event.connector: lines})
        case OcppFrame():
            return msgspec.structs.replace(before, frame_s=now_s)
