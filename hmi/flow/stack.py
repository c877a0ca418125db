"""Moving a `Place`: replace the screen on top, lay one over it, take it away again. Pure.

A place is a pile: `beneath` is what an overlay (or a page one comes back from) covers. Language, accessibility, card,
notice, login, desk and the time of the last touch belong to the driver, not to a screen: they stay with the top.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from hmi.screens import SCREENS
from hmi.view import Access, Notice, Place

DEEPEST = 8
"""No pile is higher; what would be is laid on the lowest."""
STAND = frozenset(name for name, screen in SCREENS.items() if screen.is_standing)


def at(
    place: Place,
    screen: str,
    now_s: float,
    connector: int = 0,
    *,
    lasts_s: float | None = None,
    fields: Mapping[str, str] | None = None,
) -> Place:
    """`screen` instead of the one on top."""
    return replace(
        place,
        screen=screen,
        connector=connector,
        since_s=now_s,
        until_s=None if lasts_s is None else now_s + lasts_s,
        fields=dict(fields or {}),
    )


def over(
    place: Place,
    screen: str,
    now_s: float,
    connector: int = 0,
    *,
    lasts_s: float | None = None,
    fields: Mapping[str, str] | None = None,
) -> Place:
    """`screen` over the one on top, which comes back afterwards."""
    beneath = place if depth(place) < DEEPEST else replace(place, beneath=None)
    return replace(at(place, screen, now_s, connector, lasts_s=lasts_s, fields=fields), beneath=beneath)


def off(place: Place) -> Place | None:
    """What is beneath, for the same driver; None: nothing is."""
    return None if place.beneath is None else for_driver_of(place, place.beneath)


def for_driver_of(place: Place, other: Place) -> Place:
    """`other` with all that belongs to the driver at `place`."""
    return replace(
        other, language=place.language, access=place.access, card=place.card, notice=place.notice, staff=place.staff,
        desk=place.desk, touched_s=place.touched_s,
    )  # fmt: skip


def pile(place: Place) -> Iterator[Place]:
    """From the top down."""
    here: Place | None = place
    while here is not None:
        yield here
        here = here.beneath


def depth(place: Place) -> int:
    return sum(1 for _ in pile(place))


def holds(place: Place, screen: str) -> bool:
    """Whether `screen` is anywhere in the pile."""
    return any(each.screen == screen for each in pile(place))


def without(place: Place, screen: str) -> Place | None:
    """The pile without `screen`; None when nothing is left."""
    kept = [each for each in pile(place) if each.screen != screen]
    return piled(place, kept)


def standing(place: Place) -> Place | None:
    """The uppermost screen of the pile that stands as long as what it tells of."""
    return next((each for each in pile(place) if each.screen in STAND), None)


def down_to(place: Place, floor: Place) -> Place:
    """All above `floor`, which is in the pile, taken away."""
    return for_driver_of(place, floor)


def base(place: Place) -> Place:
    """The lowest screen above what stands, or of all; what stands itself where nothing is above it."""
    here = place
    while here.screen not in STAND and here.beneath is not None and here.beneath.screen not in STAND:
        here = here.beneath
    return for_driver_of(place, here)


def ground(
    place: Place, screen: str, now_s: float, connector: int = 0, *, fields: Mapping[str, str] | None = None
) -> Place:
    """`screen` instead of all that the driver has open; over what stands, if something does."""
    floor = base(place)
    return (over if floor.screen in STAND else at)(floor, screen, now_s, connector, fields=fields)


def told(place: Place, key: str, now_s: float, for_s: float, **values: str | int | float) -> Place:
    """A line over the screen for `for_s`."""
    return replace(place, notice=Notice(key, dict(values), now_s + for_s))


def forgotten(place: Place, language: str) -> Place:
    """As for the next driver: nothing is left of what this one has set."""
    return replace(place, language=language, access=Access(), card="", notice=None, staff="", desk=None)


def with_fields(place: Place, **fields: str) -> Place:
    return replace(place, fields={**place.fields, **fields})


def answered(place: Place, tag: str) -> Place:
    """Nothing in the pile waits for the answer to `tag` any more."""
    kept = [with_fields(each, asked="") if each.fields.get("asked") == tag else each for each in pile(place)]
    return piled(place, kept) or place


def piled(place: Place, kept: list[Place]) -> Place | None:
    """A pile of `kept`, from the top down, for the same driver; None of nothing."""
    made: Place | None = None
    for each in reversed(kept):
        made = replace(each, beneath=made)
    return None if made is None else for_driver_of(place, made)
