"""Is the truth log of a contactor as it must be? The first standing oracle of all journeys. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from drivers.native.objects import LEASE_S, RAMP_S
from drivers.simulated.contactor import ContactorEvent

OPEN_WITHIN_S = LEASE_S + RAMP_S + 0.2
"""From the end of the permission at the latest; the lease is a part of it, so mostly it is RAMP_S."""
CURRENT_TO_OPEN_A = 1.0


def violations(log: Iterable[ContactorEvent], is_durable: Callable[[ContactorEvent], bool] | None = None) -> list[str]:
    """What is wrong with the closings and openings of one connector, in words; empty when nothing is.

    `is_durable` tells of a closing whether an authorised transaction for its `session_ref` was on record by then.
    """
    wrong: list[str] = []
    closed: ContactorEvent | None = None
    for event in log:
        if event.closed:
            wrong += [f"{_name(event)}: {reason}" for reason in _closing(event, closed, is_durable)]
            closed = event
        else:
            wrong += [f"{_name(event)}: {reason}" for reason in _opening(event, closed)]
            closed = None
    return wrong


def _closing(
    event: ContactorEvent, closed: ContactorEvent | None, is_durable: Callable[[ContactorEvent], bool] | None
) -> Iterable[str]:
    if closed is not None:
        yield "was closed already"
    if not event.vehicle_connected or not event.vehicle_asks:
        yield "no vehicle asked for energy"
    if event.session_ref == 0:
        yield "without a start order"
    if event.lease_left_s <= 0:
        yield "without a living lease"
    if not event.precheck_done:
        yield "before the self-check had passed"
    if event.fault or event.status.startswith("E"):
        yield f"in status {event.status} with faults {event.fault or 'none'}"
    if event.current_a:
        yield f"with {event.current_a:g} A before"
    if is_durable is not None and not is_durable(event):
        yield f"no durable authorised transaction for session reference {event.session_ref}"


def _opening(event: ContactorEvent, closed: ContactorEvent | None) -> Iterable[str]:
    if closed is None:
        yield "was open already"
    if event.current_a > CURRENT_TO_OPEN_A and not event.is_emergency:
        yield f"opened under {event.current_a:g} A"
    if event.permission_ended_s is not None and event.at_s - event.permission_ended_s > OPEN_WITHIN_S:
        yield f"{event.at_s - event.permission_ended_s:.2f} s after the end of its permission"


def _name(event: ContactorEvent) -> str:
    return f"connector {event.connector} at {event.at_s:.3f} s, {'closing' if event.closed else 'opening'}"
