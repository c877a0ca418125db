"""Random touches over all pages: no deed without its guard, no page without a login (technician.md 8)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoint.action_table import ACTIONS
from chargepoint.guards import Guard
from chargepoint.messages import ActionResult, LoginAnswer
from chargepoint.vocabulary import Role
from hmi.flow.steps import STAFF, STAFF_PAGES
from hmi.flow.words import Changed, Held, Touched
from tests.hmi.technician.walk import LOGIN, StaffWalk

Choice = st.tuples(st.integers(0, 60), st.sampled_from([0.0, 0.1, 0.6, 3.0, 70.0, 310.0]))
DEEDS = [f"staff:do:{name}:connector=1,name=bank1,number=3,service=ocpp,reader=front,value=1" for name in ACTIONS]


def _check(walk: StaffWalk, done: int) -> None:
    for deed in walk.deeds[done:]:
        guard = ACTIONS[deed.action].guard
        assert walk.place.staff or deed.login
        if guard > Guard.G0:
            assert deed.passed is not None
            assert deed.passed.fits(deed.action, deed.arguments, guard, walk.now_s)
    if walk.screen in STAFF:
        assert walk.place.staff == LOGIN


@settings(max_examples=150)
@given(st.lists(Choice, max_size=45))
def test_touches_on_what_is_drawn_never_pass_a_guard_by_chance(choices: list[tuple[int, float]]) -> None:
    walk = StaffWalk().logged_in()
    for number, pause_s in choices:
        done = len(walk.deeds)
        names = [name for name, is_enabled in walk.buttons.items() if is_enabled] or ["staff:back"]
        walk.now_s += pause_s
        if pause_s > 60:
            walk.happens(Changed(walk.seen))
        walk.happens(Touched(names[number % len(names)]))
        _check(walk, done)
        if walk.place.desk is not None and walk.place.desk.running is not None and number % 3 == 0:
            walk.settled(walk.place.desk.running.action)


Name = st.one_of(
    st.sampled_from(DEEDS),
    st.sampled_from(["staff:confirm", "staff:enter", "staff:leave", "staff:stop_all", "staff:stay", "staff:key:7"]),
    st.sampled_from([f"staff:open:{page}" for page in sorted(STAFF_PAGES)]),
    st.sampled_from(["help", "home", "back", "station_id", "staff:bind:on", "staff:draft:drop", "staff:edit:x"]),
    st.text(max_size=12).map(lambda text: f"staff:{text}"),
)


@settings(max_examples=150)
@given(st.lists(st.tuples(Name, st.booleans()), max_size=30), st.booleans())
def test_any_names_at_all_open_nothing_without_login_and_do_nothing_without_guard(
    names: list[tuple[str, bool]], is_in: bool
) -> None:
    walk = StaffWalk()
    if is_in:
        walk.logged_in(Role.TECHNIK)
    for name, is_held in names:
        done = len(walk.deeds)
        walk.now_s += 0.2
        walk.happens(Held(name) if is_held else Touched(name))
        if not is_in:
            assert not walk.place.staff and walk.screen not in STAFF and not walk.deeds
        _check(walk, done)


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["login", "prove", "password", "deed", "controller 1", "draft"]), max_size=8))
def test_answers_nobody_waits_for_let_nobody_in(tags: list[str]) -> None:
    walk = StaffWalk().to_login()
    for tag in tags:
        reply = LoginAnswer(ok=True, code="ok", login=LOGIN, role=Role.ADMINISTRATOR) if tag == "login" else None
        walk.hears(tag, reply or ActionResult(ok=True, code="ok"))
    assert not walk.place.staff and not walk.deeds
