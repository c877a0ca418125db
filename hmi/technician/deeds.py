"""From a touched button to a deed: what speaks against it, its guard's page, and the wish to carry it out. Pure.

The rules of the guards are `chargepoint/guards.py`, those of what has to hold before `chargepoint/preconditions.py`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from msgspec.structs import replace

from chargepoint.action_kinds import Action
from chargepoint.action_table import ACTIONS
from chargepoint.guards import Check, End, Guard, Pass, opened
from chargepoint.messages import ActionResult, CheckPassword
from chargepoint.preconditions import Look, Unmet, unmet
from chargepoint.vocabulary import Role
from hmi.flow import stack
from hmi.flow.words import Ask, Deed, Heard, Result
from hmi.technician.desk import Desk, Outcome, Running
from hmi.view import Place, Seen

CONFIRM, MATHS, PROVE = "TechnikConfirmActionPage", "TechnikConfirmActionMathCheckPage", "TechnikPasswordPage"
PAGE_OF = {Guard.G1: CONFIRM, Guard.G2: MATHS, Guard.G3: MATHS}
GUARD_PAGES = frozenset({CONFIRM, MATHS})
PROVE_WITHIN_S = 10.0
ENDED = {End.LATE: "tech.sum_late", End.TRIES: "tech.sum_tries", End.NOT_HIM: "tech.not_him"}


def why_not(action: Action, arguments: Mapping[str, str], seen: Seen, now_s: float) -> Unmet | None:
    """What speaks against a deed now, besides its guard; None: nothing."""
    needs = [need for need in action.needs if arguments.get(action.waives.get(need, "")) != "1"]
    number = arguments.get("connector", "")
    found = unmet(needs, Look(seen.states, int(number) if number.isdecimal() else 0, now_s))
    return found[0] if found else None


def is_for(action: Action, role: Role | None) -> bool:
    """Whether this role may do it."""
    return role in action.roles


def asked(place: Place, desk: Desk, name: str, arguments: dict[str, str], seen: Seen, now_s: float,
          rng: random.Random | None) -> Result:  # fmt: skip
    """A button of a deed was touched."""
    action = ACTIONS.get(name)
    if action is None or not is_for(action, desk.role) or place.screen in GUARD_PAGES:
        return place, ()
    if action.guard is Guard.G0:
        return done(place, desk, name, arguments, None, now_s)
    if action.missing or desk.running is not None:
        return place, ()
    against = why_not(action, arguments, seen, now_s)
    if against is not None:
        return stack.told(place, against.key, now_s, 8.0, **against.values), ()
    check = opened(name, arguments, action.guard, now_s, desk.last_sum, rng)
    desk = replace(
        desk, check=check, last_sum=check.sum or desk.last_sum, typed={**desk.typed, "sum": ""}, field="sum", said=""
    )
    return replace(stack.over(place, PAGE_OF[action.guard], now_s, place.connector), desk=desk), ()


def confirmed(place: Place, now_s: float, rng: random.Random | None) -> Result:
    """The button that names the deed, on its guard's page."""
    desk = place.desk
    if desk is None or desk.check is None or desk.is_asking:
        return place, ()
    check = desk.check
    if check.guard >= Guard.G2 and len(desk.typed_in("sum")) < 2:
        return place, ()
    if check.waits_for == "press":
        check = check.pressed(now_s)
        if check.waits_for == "press":
            return followed(place, desk, check, now_s)
    if check.waits_for == "sum":
        before = check.tries_left
        check = check.answered(desk.typed_in("sum"), now_s, rng)
        said = "tech.sum_wrong" if check.tries_left < before else ""
        desk = replace(
            desk, typed={**desk.typed, "sum": ""}, said=said, last_sum=check.sum or desk.last_sum,
        )  # fmt: skip
    return followed(place, desk, check, now_s)


def followed(place: Place, desk: Desk, check: Check, now_s: float) -> Result:
    """Where a check leads: it goes on, is over, asks for the password, or lets the deed be done."""
    check = check.seen(now_s)
    desk = replace(desk, check=check)
    if check.end is not End.OPEN:
        return _over(place, desk, ENDED[check.end], now_s), ()
    if check.passed is not None:
        name, arguments = check.action, dict(check.arguments)
        return done(closed(place, desk), _bare(desk), name, arguments, check.passed, now_s)
    if check.waits_for == "password" and place.screen != PROVE:
        desk = replace(desk, field="prove", typed={**desk.typed, "prove": ""}, is_shown=False, said="")
        return replace(stack.over(place, PROVE, now_s, place.connector, fields={"way": "prove"}), desk=desk), ()
    return replace(place, desk=desk), ()


def prove(place: Place, now_s: float) -> Result:
    """His own password was typed once more."""
    desk = place.desk
    if desk is None or desk.check is None or desk.is_asking or not desk.typed_in("prove"):
        return place, ()
    request = CheckPassword(login=place.staff, password=desk.typed_in("prove"))
    wish = Ask("hub", request, "prove", timeout_s=PROVE_WITHIN_S, is_whole=True)
    return replace(place, desk=replace(desk, is_asking=True, typed={**desk.typed, "prove": ""})), (wish,)


def proven(place: Place, event: Heard, now_s: float) -> Result:
    """What the hub said of it."""
    desk = place.desk
    if desk is None or desk.check is None or place.fields.get("way") != "prove":
        return place, ()
    is_right = isinstance(event.reply, ActionResult) and event.reply.ok
    return followed(place, replace(desk, is_asking=False), desk.check.with_password(is_right, now_s), now_s)


def _bare(desk: Desk) -> Desk:
    return replace(desk.without_secrets(), check=None)


def closed(place: Place, desk: Desk) -> Place:
    """The page beneath the guard's pages."""
    here: Place = replace(place, desk=_bare(desk))
    while here.screen in GUARD_PAGES or here.fields.get("way") == "prove":
        beneath = stack.off(here)
        if beneath is None:
            break
        here = beneath
    return here


def _over(place: Place, desk: Desk, key: str, now_s: float) -> Place:
    """Not passed: nothing was done, and it is said why."""
    return stack.told(closed(place, desk), key, now_s, 10.0)


def done(place: Place, desk: Desk, name: str, arguments: dict[str, str], passed: Pass | None, now_s: float) -> Result:
    """The wish; while one deed runs there is no other, but the emergency stop and the end of a test."""
    action = ACTIONS[name]
    if desk.running is not None and name not in ("emergency_stop", "stop_test"):
        return place, ()
    is_emergency = name == "emergency_stop"  # also for who has to change his password first, and has no role yet
    if (desk.role is None and not is_emergency) or (action.guard > Guard.G0 and passed is None):
        return place, ()
    running = Running(name, arguments, now_s)
    wish = Deed(name, arguments, place.staff, desk.role or Role.TECHNIK, passed)
    return replace(place, desk=replace(desk, running=running, outcome=None)), (wish,)


def told(place: Place, event: Heard, now_s: float) -> Place:
    """What came of a deed. Of two at once the answer of the other one is shown in its place."""
    desk = place.desk
    if desk is None or not isinstance(event.reply, ActionResult):
        return place
    result = event.reply
    running = desk.running
    is_mine = running is not None and running.action == result.action
    arguments = running.arguments if is_mine and running is not None else {}
    outcome = Outcome(result.action, arguments, result, now_s)
    return replace(place, desk=replace(desk, running=None if is_mine else running, outcome=outcome))
