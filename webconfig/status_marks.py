"""A connector's status as a mark: a shape and a colour, never the colour alone (statuses.md 2)."""

from __future__ import annotations

import htpy as h

from chargepoint.vocabulary import ConnectorStatus

RING = "M12 3a9 9 0 1 0 .01 0z"
SHAPES: dict[str, str] = {
    "tick": "M7 12.5l3.2 3.2L17 9",
    "plug": "M9 5v4M15 5v4M7 9h10v3a5 5 0 0 1-10 0zM12 17v3",
    "bolt": "M13 4l-6 9h4l-1 7 7-10h-5z",
    "full": "M6 9h11v6H6zM17 11h2v2h-2M8 11h7v2H8z",
    "cross": "M8 8l8 8M16 8l-8 8",
    "hand": "M8 8h8v8H8z",
    "question": "M9.5 9.5a2.5 2.5 0 1 1 3.6 2.3c-.8.4-1.1 1-1.1 1.9M12 16.6v.4",
    "arrow": "M12 7v8M8.5 11.5L12 15l3.5-3.5",
    "bar": "M8 12h8",
}
MARKS: dict[ConnectorStatus, tuple[str, str]] = {
    ConnectorStatus.AVAILABLE: ("tick", "green"),
    ConnectorStatus.WAITING_FOR_EV: ("plug", "green"),
    ConnectorStatus.READY: ("plug", "green"),
    ConnectorStatus.CHARGING: ("bolt", "blue"),
    ConnectorStatus.CHARGED: ("full", "white"),
    ConnectorStatus.EMERGENCY_OFF: ("hand", "red"),
    ConnectorStatus.DISABLED: ("bar", "red"),
    ConnectorStatus.ERROR: ("cross", "red"),
    ConnectorStatus.UNAVAILABLE: ("question", "grey"),
    ConnectorStatus.NO_POWER: ("bar", "grey"),
    ConnectorStatus.METER_ERROR: ("question", "grey"),
    ConnectorStatus.UPDATING: ("arrow", "yellow"),
}


def mark(status: str) -> h.Element:
    """The mark of a connector's status, as a small picture (its word stands beside it)."""
    shape, colour = MARKS.get(ConnectorStatus(status), ("question", "grey"))
    return h.svg(
        class_=f"mark {colour}", viewBox="0 0 24 24", width="28", height="28", aria_hidden="true", focusable="false"
    )[
        h.path(d=RING, class_="ring"),
        h.path(d=SHAPES[shape], class_="shape"),
    ]


def colour(status: str) -> str:
    return MARKS.get(ConnectorStatus(status), ("question", "grey"))[1]
