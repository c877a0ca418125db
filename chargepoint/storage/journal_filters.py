"""What a reader of the journal may look for, as conditions of SQL. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chargepoint.clock import unix_of

KINDS_OF = {
    "STATION_STARTED": "StationStarted",
    "STATION_STOPPED": "StationStopped",
    "SESSION_CREATED": "SessionCreated",
    "SESSION_FINISHED": "SessionFinished",
    "TRANSACTION_STARTED": "TransactionStarted",
    "TRANSACTION_STOPPED": "TransactionStopped",
}
"""Types of the operation log (statuses.md 12) that are a kind of entry of their own."""

SEARCHED = ("message", "error", "action", "operation", "type", "source", "extra")
"""Where a text is looked for; never in credentials, which are not for everybody (S21)."""
MOST_TEXT = 100


@dataclass(frozen=True)
class Narrow:
    """`before_seq` None: oldest first. `conditions` have `parameters`; `until` is looked at once more afterwards."""

    before_seq: int | None = None
    until: datetime | None = None
    conditions: Sequence[str] = ()
    parameters: Sequence[Any] = field(default_factory=tuple)


NOTHING = Narrow()


def narrow(
    before_seq: int | None, until: datetime | None, connector: int | None, event_types: Sequence[str], text: str
) -> Narrow:
    """See `Journal.read`."""
    conditions: list[str] = []
    parameters: list[Any] = []
    if connector is not None:
        conditions.append("connector = ?")
        parameters.append(connector)
    if until is not None:
        conditions.append("(at IS NULL OR at < ?)")
        parameters.append(unix_of(until))
    if event_types:
        kinds = [KINDS_OF[each] for each in event_types if each in KINDS_OF]
        types = ", ".join("?" * len(event_types))
        either = f"(kind = 'Happened' AND json_extract(data, '$.event_type') IN ({types}))"
        if kinds:
            either = f"({either} OR kind IN ({', '.join('?' * len(kinds))}))"
        conditions.append(either)
        parameters += [*event_types, *kinds]
    text = text.strip()[:MOST_TEXT]
    if text:
        patterns = sorted({_pattern(each) for each in (text, text.lower(), text.upper(), text.capitalize())})
        places = [f"json_extract(data, '$.{name}') LIKE ? ESCAPE '!'" for name in SEARCHED]
        conditions.append(f"({' OR '.join(place for place in places for _ in patterns)})")
        parameters += [pattern for _ in places for pattern in patterns]
    return Narrow(before_seq, until, conditions, parameters)


def _pattern(text: str) -> str:
    """LIKE without regard to case knows Latin letters only: therefore the text is tried in several cases."""
    for sign in "!%_":
        text = text.replace(sign, f"!{sign}")
    return f"%{text}%"
