"""What happens on the service pages by itself: time, cards, pictures that cannot be drawn. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from chargepoint.messages import TestReader
from hmi.flow import stack
from hmi.flow.rules import Rules
from hmi.flow.steps import home_of_staff
from hmi.flow.turn import Turn
from hmi.flow.words import Ask, CardRead, CardSettled, DrawingFailed, Play, Result
from hmi.technician import deeds, entering, questions
from hmi.technician.desk import CardHeld, Desk
from hmi.technician.entering import LOGIN, MENU, PASSWORD
from hmi.view import Place, Seen

WARNED_FOR_S = 30.0
"""So long he may say that he is still there."""
GIVEN_UP_S = 330.0
"""A deed of which nothing is heard for so long is no longer waited for."""
MOST_CARDS = 6
WANT_CARDS = questions.WANT_CARDS


def out(place: Place, seen: Seen, rules: Rules, now_s: float) -> Place:
    """The driver's screens; he is logged out."""
    return home_of_staff(Turn(place, seen, rules, now_s))


def passed(place: Place, seen: Seen, rules: Rules, now_s: float) -> Result:
    """Time has passed: checks run out, pages ask anew, nobody stays logged in alone."""
    desk = place.desk
    assert desk is not None
    if place.screen == LOGIN and place.fields.get("way") == "grant" and not desk.is_asking:
        grant = seen.grant
        if grant is None or not grant.login or now_s >= grant.until_mono_s:
            return out(place, seen, rules, now_s), ()
    quiet_s = now_s - place.touched_s
    if not place.staff:
        return (out(place, seen, rules, now_s) if quiet_s >= rules.inactive_s else place), ()
    if desk.check is not None and desk.check.seen(now_s) != desk.check:
        return deeds.followed(place, desk, desk.check, now_s)
    if desk.running is not None and now_s - desk.running.since_s > GIVEN_UP_S:
        place, desk = _with(place, running=None)
    if entering.is_testing(seen) or desk.running is not None:
        place, desk = _with(place, warned_s=None)
        place = replace(place, touched_s=now_s)
    elif desk.warned_s is None and quiet_s >= rules.technician_s:
        place, desk = _with(place, warned_s=now_s)
    elif desk.warned_s is not None and now_s - desk.warned_s >= WARNED_FOR_S:
        return out(place, seen, rules, now_s), ()
    place = _tested(place, seen)
    return questions.asked(place, seen, now_s)


def _tested(place: Place, seen: Seen) -> Place:
    """Cards read by readers under test, on the pages that want one."""
    if place.screen not in WANT_CARDS or place.desk is None:
        return place
    held = place.desk.cards
    last_s = held[-1].at_s if held else place.since_s
    new = tuple(each for each in seen.gathered.cards if each.at_s > last_s)
    if not new:
        return place
    return replace(place, desk=replace(place.desk, cards=(*held, *new)[-MOST_CARDS:]), touched_s=new[-1].at_s)


def readers(before: Place, place: Place) -> Result:
    """Readers read cards for the station again once he has left the page that took them."""
    if not before.staff or before.screen not in WANT_CARDS or place.screen in WANT_CARDS:
        return place, ()
    if place.desk is not None:
        rest = {tag: at_s for tag, at_s in place.desk.asked_s.items() if tag != questions.READERS}
        place = replace(place, desk=replace(place.desk, asked_s=rest))
    return place, (Ask("rfid", TestReader(name="", on=False, by=before.staff)),)


def _with(place: Place, **change: object) -> tuple[Place, Desk]:
    assert place.desk is not None
    desk = replace(place.desk, **change)
    return replace(place, desk=desk), desk


def card(place: Place, event: CardRead, now_s: float) -> Result:
    """Kept on the pages that want one."""
    if not place.staff or place.screen not in WANT_CARDS or place.desk is None:
        return place, ()
    held = (*place.desk.cards[-MOST_CARDS + 1 :], CardHeld(event.reader, event.uid, now_s))
    return replace(place, desk=replace(place.desk, cards=held), touched_s=now_s), (Play("accepted"),)


def of_staff(place: Place, event: CardSettled, rules: Rules, now_s: float) -> Result:
    """The station says that the card is a technician's: its PIN is asked for, on any screen."""
    if place.staff or event.outcome != "technician":
        return place, ()
    if place.screen in (LOGIN, PASSWORD):
        if place.desk is not None and place.desk.is_asking:
            return place, ()
        place = stack.off(place) or place
    if place.screen == "AuthWait":
        place = stack.off(place) or place
    return entering.card_shown(place, event, rules.card_alone, now_s)


def drawing_failed(place: Place, event: DrawingFailed, seen: Seen, rules: Rules, now_s: float) -> Result:
    """The menu in place of a page that cannot be drawn; without it he is logged out."""
    if place.staff and place.screen != MENU and place.desk is not None:
        desk = replace(place.desk.without_secrets(), check=None)
        made = stack.at(replace(place, desk=desk), MENU, now_s)
        return stack.told(made, "tech.cannot_draw", now_s, rules.notice_s), ()
    return out(place, seen, rules, now_s), ()
