"""After the lights were tested: whether somebody has seen all colours. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from chargepoint.messages import ActionResult
from hmi.flow.words import Note, Result
from hmi.technician.desk import Desk, Outcome
from hmi.view import Place

ACTION = "test_lights"
SEEN, NOT_SEEN = "tech.lights_seen", "tech.lights_not_seen"


def is_asked(desk: Desk) -> bool:
    """The test is over, and nobody has said yet what was seen."""
    outcome = desk.outcome
    return outcome is not None and outcome.action == ACTION and outcome.result.ok and not outcome.result.text_key


def told(place: Place, argument: str, now_s: float) -> Result:
    """`yes` or `no`: it goes into the operation log, with who said it."""
    desk = place.desk
    if desk is None or desk.outcome is None or not is_asked(desk) or argument not in ("yes", "no"):
        return place, ()
    is_seen = argument == "yes"
    arguments = desk.outcome.arguments
    number = arguments.get("connector", "")
    result = ActionResult(ok=is_seen, code="ok" if is_seen else "failed", text_key=SEEN if is_seen else NOT_SEEN)
    note = Note(
        f"lights {'seen' if is_seen else 'not seen'} by {place.staff}", int(number) if number.isdecimal() else 0
    )
    return replace(place, desk=replace(desk, outcome=Outcome(ACTION, arguments, result, now_s))), (note,)
