"""Frames of the exchange with the central system as people read them: request and answer together. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

import msgspec

from chargepoint.messages import OcppFrame

CALL, RESULT, ERROR = 2, 3, 4
MOST_TEXT = 6000


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A request and what came of it. `direction` is the request's: out (ours) or in. `outcome`: result, error, open (no
    answer yet), alone (an answer whose request is not kept, or no message)."""

    number: int
    direction: str
    action: str
    at: datetime | None
    request: str
    answer: str = ""
    outcome: str = "open"
    latency_s: float | None = None


def paired(frames: Iterable[OcppFrame]) -> list[Exchange]:
    """Newest first. An answer belongs to the newest open request of its number in the other direction."""
    found: list[Exchange] = []
    waiting: dict[tuple[str, str], int] = {}
    for frame in frames:
        kind, number, payload = _parts(frame.text)
        if kind == CALL:
            waiting[frame.direction, number] = len(found)
            found.append(_exchange(frame, payload))
            continue
        asked = waiting.pop(("in" if frame.direction == "out" else "out", number), None)
        outcome = {RESULT: "result", ERROR: "error"}.get(kind, "alone")
        if asked is None:
            found.append(msgspec.structs.replace(_exchange(frame, payload), outcome="alone"))
            continue
        found[asked] = msgspec.structs.replace(
            found[asked], answer=payload, outcome=outcome, latency_s=frame.latency_s or _apart_s(found[asked], frame)
        )
    return found[::-1]


def _exchange(frame: OcppFrame, payload: str) -> Exchange:
    return Exchange(number=frame.number, direction=frame.direction, action=frame.action, at=frame.at, request=payload)


def _apart_s(one: Exchange, frame: OcppFrame) -> float | None:
    return (frame.at - one.at).total_seconds() if frame.at is not None and one.at is not None else None


def _parts(text: str) -> tuple[int, str, str]:
    """Kind, number and the rest as indented JSON; (0, "", text) for what is no message."""
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return 0, "", text[:MOST_TEXT]
    if not isinstance(frame, list) or len(frame) < 3 or frame[0] not in (CALL, RESULT, ERROR):
        return 0, "", text[:MOST_TEXT]
    rest = {CALL: frame[3:4], RESULT: frame[2:3], ERROR: [frame[2:]]}[frame[0]]
    payload = rest[0] if rest else {}
    return frame[0], str(frame[1])[:50], json.dumps(payload, ensure_ascii=False, indent=1)[:MOST_TEXT]


def fitting(exchanges: Iterable[Exchange], action: str = "", text: str = "", outcome: str = "") -> list[Exchange]:
    """Those of an action, with this text somewhere, with this outcome; empty: any."""
    text = text.lower()
    return [
        one
        for one in exchanges
        if (not action or one.action == action)
        and (not outcome or one.outcome == outcome)
        and (not text or text in f"{one.action} {one.request} {one.answer}".lower())
    ]
