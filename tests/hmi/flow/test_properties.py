"""From any state, with anything happening: no exception, a way home, no service page without a login."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chargepoint.messages import ChooseConnector, LinkStatus
from chargepoint.vocabulary import CardReason, ConnectorFlag, ConnectorStatus, LinkState
from hmi.flow import next_look_s, stack, step
from hmi.flow.rules import Rules
from hmi.flow.steps import STAFF, STAFF_PAGES
from hmi.flow.touches import EVERYWHERE, TOUCHES
from hmi.flow.words import (
    Answered,
    Ask,
    CardRead,
    CardSettled,
    Changed,
    ConfirmAsked,
    ConfirmOver,
    DrawingFailed,
    Event,
    Held,
    Reply,
    Touched,
)  # fmt: skip
from hmi.screens import SCREENS
from hmi.view import Access, Notice, Place, Seen
from tests.hmi.flow import scenes

ARGUMENTS = ("", "1", "2", "9", "x", "-1", "kk", "large", "slow", "next", "previous", "card", "free", "99999999999")
WORDS = sorted(set(EVERYWHERE) | {name for table in TOUCHES.values() for name in table} | {"staff", "nobody"})
NAMES = st.builds(
    lambda word, more: f"{word}:{more}" if more else word, st.sampled_from(WORDS), st.sampled_from(ARGUMENTS)
)
MAKERS = (
    scenes.free, scenes.plugged, scenes.waiting, scenes.preparing, scenes.charging, scenes.charged, scenes.broken,
    scenes.emergency, scenes.blocked,
)  # fmt: skip
ODD = (
    lambda n: scenes.connector(n, ConnectorStatus.UNAVAILABLE, flags=ConnectorFlag.INITIALIZING),
    lambda n: scenes.connector(n, ConnectorStatus.CHARGING),
    lambda n: scenes.connector(n, ConnectorStatus.UPDATING, flags=ConnectorFlag.UPDATING),
    lambda n: scenes.connector(n, ConnectorStatus.METER_ERROR, session=7, runs=True),
    lambda n: scenes.connector(n, ConnectorStatus.CHARGED),
)
STATES = st.sampled_from(MAKERS + ODD)
OUTCOMES = (
    "started",
    "waiting_for_ev",
    "stopped",
    "choose",
    "refused",
    "unavailable",
    "nothing_to_do",
    "own_session",
    "?",
)


@st.composite
def sights(draw: Any) -> Seen:
    made = scenes.seen(draw(STATES)(1), draw(STATES)(2))
    if draw(st.integers(0, 9)) == 0:
        return replace(made, station=None, connectors={})
    station = scenes.station(
        operative=draw(st.integers(0, 9)) > 0, can_record=draw(st.integers(0, 9)) > 0, free_mode=draw(st.booleans()),
        cause=draw(st.sampled_from(("", "", "", "smoke", "emergency_stop"))),
    )  # fmt: skip
    link = LinkStatus(state=draw(st.sampled_from(list(LinkState))))
    known = {n: scenes.ended(n) for n in draw(st.sets(st.sampled_from((1, 2))))}
    age_s = draw(st.sampled_from((0.0, 0.0, 0.0, 6.0, 20.0)))
    return replace(made, station=station, link=link, ended=known, age_s=age_s)


FIELDS = st.dictionaries(
    st.sampled_from(("session", "number", "way", "show", "page", "choose", "next", "asked", "begun", "whole")),
    st.sampled_from(("", "0", "1", "11", "12")), max_size=4,
)  # fmt: skip


def places() -> st.SearchStrategy[Place]:
    single = st.builds(
        Place,
        screen=st.sampled_from(sorted(SCREENS)), connector=st.integers(0, 3), since_s=st.just(1000.0),
        until_s=st.sampled_from((None, 1005.0, 1100.0)), fields=FIELDS, language=st.sampled_from(("ru", "kk")),
        access=st.builds(Access, slow=st.booleans()), touched_s=st.sampled_from((0.0, 1000.0)),
        notice=st.sampled_from((None, Notice("note.failed", {}, 1003.0))),
    )  # fmt: skip
    return st.lists(single, min_size=1, max_size=4).map(lambda them: stack.piled(them[0], them) or them[0])


TAGS, CODES = ("start", "stop", "cancel", "choose", ""), ("ok", "busy", "unavailable", "refused", "no_session")
REASON = st.sampled_from(list(CardReason))
UID = st.sampled_from(("04A2B3C4", ""))
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Touched, NAMES),
    st.builds(Touched, NAMES),
    st.builds(Held, st.sampled_from(("station_id", "stop"))),
    st.builds(CardRead, st.just("1"), UID),
    st.builds(CardSettled, st.sampled_from(OUTCOMES), st.sampled_from((None, 0, 1, 2, 9)), UID, REASON),
    st.builds(Answered, st.sampled_from(TAGS), st.booleans(), st.sampled_from(CODES), st.just(""), st.integers(0, 3)),
    st.builds(ConfirmAsked, st.integers(0, 3), st.just("unlock"), st.integers(1, 2), st.booleans()),
    st.builds(ConfirmOver, st.integers(0, 3)),
    st.builds(DrawingFailed, st.sampled_from(sorted(SCREENS))),
)


@given(
    place=places(), moves=st.lists(st.tuples(EVENTS, sights(), st.sampled_from((0.0, 1.0, 40.0, 400.0))), max_size=6)
)
@settings(max_examples=400, deadline=None)
def test_anything_may_happen_anywhere(place: Place, moves: list[tuple[Event, Seen, float]]) -> None:
    rules, now_s, before = Rules(stop_needs_card=True), 1000.0, scenes.seen()
    for event, seen, passed_s in moves:
        now_s += passed_s
        for each in (event, Changed(before)):
            place, wishes = step(place, each, seen, rules, now_s)
            assert place.screen in SCREENS
            assert not [each.screen for each in stack.pile(place) if each.screen in STAFF and not each.staff]
            assert stack.depth(place) <= stack.DEEPEST + 2
            assert all(isinstance(wish.code, str) for wish in wishes if isinstance(wish, Reply))
            assert all(wish.service == "station" for wish in wishes if isinstance(wish, Ask))
        before = seen
        next_look_s(place, seen, rules, now_s)
    _goes_home(place, rules, now_s)


def _goes_home(place: Place, rules: Rules, now_s: float) -> None:
    """With a station in order, Home, a dialog's answer and patience lead to the main menu or the screen saver."""
    seen = scenes.seen()
    for _ in range(12):
        if place.screen in ("MainMenu", "ScreensaverPA"):
            break
        for name in ("home", "touch", "no", "yes"):
            place, _ = step(place, Touched(name), seen, rules, now_s)
            if place.screen in ("MainMenu", "ScreensaverPA"):
                break
        now_s += 61.0
        place, _ = step(place, Changed(seen), seen, rules, now_s)
    assert place.screen in ("MainMenu", "ScreensaverPA"), [each.screen for each in stack.pile(place)]


@given(place=places(), sight=sights())
@settings(max_examples=200, deadline=None)
def test_left_alone_every_place_becomes_the_screen_saver(place: Place, sight: Seen) -> None:
    now_s, seen, rules = 2000.0, scenes.seen(), Rules()
    for _ in range(60):
        now_s += 30.0
        place, _ = step(place, Changed(seen), seen, rules, now_s)
    assert place.screen == "ScreensaverPA"
    assert place.language == "ru" and place.access == Access() and not place.card and not place.staff


@given(place=places(), event=EVENTS, sight=sights())
@settings(max_examples=200, deadline=None)
def test_moves_come_to_rest(place: Place, event: Event, sight: Seen) -> None:
    place, _ = step(place, event, sight, Rules(), 1000.5)
    again, wishes = step(place, Changed(sight), sight, Rules(), 1000.5)
    assert again == place
    assert not [wish for wish in wishes if isinstance(wish, Ask) and not isinstance(wish.request, ChooseConnector)]


@pytest.mark.parametrize("screen", sorted(SCREENS))
def test_every_driver_screen_takes_back_and_home_or_leaves_by_itself(screen: str) -> None:
    if screen in STAFF_PAGES:
        return
    row = SCREENS[screen]
    assert screen in TOUCHES
    assert row.is_standing or "home" in EVERYWHERE or screen == "ScreensaverPA"
