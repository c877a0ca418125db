"""What people are told of moves: lines of the operation log, and holds of outputs that may give no power. Pure."""

from __future__ import annotations

from chargepoint.power.measured import MoveRecord, Operation, OutputFault, Result
from chargepoint.station.cabinet.safety import Hold
from chargepoint.vocabulary import StopSource

WELL = frozenset({Result.DONE, Result.TURNED_BACK, Result.STOPPED})
"""Ends of a move that need nobody."""


def is_worth_telling(move: MoveRecord) -> bool:
    """A group of fixed wiring comes and goes without a contactor: that is no move to tell of."""
    return bool(move.operations) or move.result not in WELL


def told(move: MoveRecord) -> str:
    """One line: group, from, to, how long, how it ended, and each contactor."""
    parts = [
        f"{move.group} {_place(move.from_connector)} → {_place(move.to_connector)}",
        f"{move.ended_mono_s - move.begun_mono_s:.1f} s",
        *([] if move.result is Result.DONE and not move.text else [_result(move)]),
        *map(_operation, move.operations),
    ]
    return ", ".join(parts)


def _result(move: MoveRecord) -> str:
    return f"{move.result.value.replace('_', ' ')}{f' ({move.text})' if move.text else ''}"


def hold_of(connector: int, fault: OutputFault | None) -> Hold | None:
    """What keeps an output from power for a contactor's sake (E6)."""
    if fault is None:
        return None
    names = ", ".join(fault.contactors)
    return Hold(
        key=key_of(connector),
        source=StopSource.CONNECTOR_ERROR,
        cause=fault.cause.value,
        text=f"A contactor between the modules is out of order ({names}): {fault.text}.",
        connectors=frozenset({connector}),
        at_once=True,
    )


def key_of(connector: int) -> str:
    return f"switching/{connector}"


def _place(connector: int | None) -> str:
    return "free" if connector is None else f"C{connector}"


def _operation(operation: Operation) -> str:
    if operation.closes:
        return f"{operation.contactor} closed at {operation.difference_v:.0f} V (closing {operation.life} of its life)"
    return f"{operation.contactor} opened at {operation.current_a:.1f} A"
