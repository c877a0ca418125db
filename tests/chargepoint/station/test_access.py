"""Who may charge, and what a card means (statuses.md 4, 8, 14)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.messages import User
from chargepoint.records import Credential
from chargepoint.station.access import (
    RULES,
    Access,
    ConnectorView,
    energy_left_wh,
    meaning_of_card,
    same_id,
    user_of,
    verdict,
)
from chargepoint.vocabulary import CredentialType, OperatingMode, Role, StopSource

HOME, NORMAL, MANUAL = OperatingMode.HOME, OperatingMode.NORMAL, OperatingMode.MANUAL
ANNA = User(login="Anna", role=Role.CUSTOMER, cards=("04A1", "04A2"), energy_limit_wh=10_000)
BLOCKED = User(login="boris", role=Role.CUSTOMER, cards=("04B1",), is_blocked=True)
ELSEWHERE = User(login="clara", role=Role.CUSTOMER, cards=("04C1",), is_allowed=False)
USERS = (ANNA, BLOCKED, ELSEWHERE)


def card(value: str, parent: str = "") -> Credential:
    return Credential(value, CredentialType.RFID, parent)


def access(mode: OperatingMode = NORMAL, **more: Any) -> Access:
    lists = {name: frozenset(more.pop(name, ())) for name in ("white", "black")}
    return Access(mode=mode, users=USERS, white=lists["white"], black=lists["black"], **more)


@pytest.mark.parametrize(
    ("rules", "value", "kind", "stop_source"),
    [
        (access(), "stranger", "ask", None),
        (access(), "04A1", "ask", None),
        (access(MANUAL), "stranger", "ask", None),
        (access(HOME), "04a1", "allowed", None),
        (access(HOME), "stranger", "forbidden", StopSource.USER_FORBIDDEN),
        (access(HOME, white=["guest"]), "GUEST", "allowed", None),
        (access(HOME, white=["guest"]), "04A1", "forbidden", StopSource.USER_FORBIDDEN),
        (access(), "04B1", "forbidden", StopSource.USER_FORBIDDEN),
        (access(HOME), "04B1", "forbidden", StopSource.USER_FORBIDDEN),
        (access(), "04C1", "forbidden", StopSource.USER_FORBIDDEN),
        (access(white=["ANNA"]), "04A2", "ask", None),
        (access(white=["04a1"]), "04A2", "forbidden", StopSource.USER_FORBIDDEN),
        (access(white=["04a1"]), "04A1", "ask", None),
        (access(white=["anna"]), "stranger", "forbidden", StopSource.USER_FORBIDDEN),
        (access(black=["anna"]), "04A1", "forbidden", StopSource.USER_FORBIDDEN),
        (access(black=["04a1"]), "04A2", "ask", None),
        (access(black=["STRANGER"]), "stranger", "forbidden", StopSource.USER_FORBIDDEN),
        (access(black=["04a1"], white=["04a1"]), "04A1", "ask", None),  # white wins: black is not read
        (access(free_mode=True), "stranger", "allowed", None),
        (access(HOME, free_mode=True), "stranger", "allowed", None),
        (access(free_mode=True, black=["stranger"]), "stranger", "forbidden", StopSource.USER_FORBIDDEN),
        (access(free_mode=True), "04B1", "forbidden", StopSource.USER_FORBIDDEN),
    ],
)
def test_verdict_on_a_card(rules: Access, value: str, kind: str, stop_source: StopSource | None) -> None:
    found = verdict(rules, card(value), {})
    assert (found.kind, found.stop_source) == (kind, stop_source)


@pytest.mark.parametrize("mode", OperatingMode)
def test_lists_are_not_applied_where_nobody_shows_a_card(mode: OperatingMode) -> None:
    stand_in = Credential("PLUGNCHARGE", CredentialType.STAND_IN)
    assert verdict(access(mode, white=["anna"]), stand_in, {}).kind == "allowed"
    assert verdict(access(mode, black=["PLUGNCHARGE"]), stand_in, {}).kind == "allowed"


def test_used_up_energy_forbids_and_what_is_left_is_told() -> None:
    assert verdict(access(), card("04A1"), {"04A1": 3_000, "04a2": 4_000, "other": 99_000}).energy_left_wh == 3_000
    for consumed in ({"04A2": 10_000}, {"04a1": 5_000, "ANNA": 6_000}):
        found = verdict(access(), card("04A1"), consumed)
        assert (found.kind, found.stop_source, found.login) == ("forbidden", StopSource.USER_ENERGY_LIMIT, "Anna")


def test_energy_of_an_unbound_card_no_longer_counts() -> None:
    unbound = msgspec.structs.replace(ANNA, cards=("04A1",))
    assert energy_left_wh(unbound, {"04A1": 1_000, "04A2": 50_000}) == 9_000


def test_a_user_without_limit_has_none() -> None:
    assert verdict(access(), card("stranger"), {"stranger": 10**9}).energy_left_wh is None


def test_a_login_is_known_by_its_name_and_a_card_never_by_a_login() -> None:
    assert user_of(USERS, Credential("ANNA", CredentialType.LOGIN)) is ANNA
    assert user_of(USERS, Credential("anna", CredentialType.OCPP)) is ANNA
    assert user_of(USERS, Credential("anna", CredentialType.RFID)) is None
    assert user_of(USERS, Credential("04A1", CredentialType.LOGIN)) is None
    assert verdict(access(), Credential("anna", CredentialType.LOGIN), {}).kind == "allowed"
    assert verdict(access(HOME), Credential("nobody", CredentialType.LOGIN), {}).kind == "forbidden"


@pytest.mark.parametrize("value", ["", "X" * 21, "04A1" + " " * 17])
@pytest.mark.parametrize("rules", [access(), access(HOME), access(free_mode=True)])
def test_an_empty_or_over_long_card_number_is_refused_and_never_cut(value: str, rules: Access) -> None:
    assert verdict(rules, card(value), {}).kind == "forbidden"


def test_twenty_characters_are_a_card_number_and_logins_may_be_longer() -> None:
    assert verdict(access(), card("X" * 20), {}).kind == "ask"
    assert verdict(access(), Credential("long." * 8, CredentialType.LOGIN), {}).kind == "ask"


@given(st.text(max_size=25), st.sampled_from(OperatingMode), st.booleans(), st.sampled_from(CredentialType))
def test_some_rule_always_decides(value: str, mode: OperatingMode, free: bool, kind: CredentialType) -> None:
    found = verdict(access(mode, free_mode=free), Credential(value, kind), {})
    assert found.kind in ("allowed", "forbidden", "ask") and found.reason
    assert len(RULES) == len({text for _, _, text, *_ in RULES}) + 1  # "a user of this station" stands twice


def test_nobody_owns_the_empty_id_tag() -> None:
    assert not same_id("", "")
    assert same_id("ab", "AB")
    assert not same_id("Fleet", "Fleet2")


# -------------------------------------------------------------------------------------------------- what a card means


def view(number: int, **more: Any) -> ConnectorView:
    return ConnectorView(number=number, **more)


def charging(number: int, by: Credential) -> ConnectorView:
    return view(number, is_plugged=True, is_free=False, can_take_start=False, session_credential=by)


def waiting(number: int, by: Credential) -> ConnectorView:
    return view(number, is_free=False, session_credential=by, is_waiting=True)


BUSY = charging(1, card("04FF"))
MINE = card("04A1")
CASES: list[tuple[str, Credential, list[ConnectorView], tuple[int, ...], str, int | None]] = [
    ("the only connector is free", MINE, [view(1)], (), "wait_for_ev", 1),
    ("a car is plugged in", MINE, [view(1, is_plugged=True), view(2)], (), "start", 1),
    ("several cars are plugged in", MINE, [view(1, is_plugged=True), view(2, is_plugged=True)], (), "choose", None),
    ("the reader says which", MINE, [view(1, is_plugged=True), view(2, is_plugged=True)], (2,), "start", 2),
    ("several are free", MINE, [view(1), view(2)], (), "choose", None),
    ("the reader stands for one of the free ones", MINE, [view(1), view(2)], (2,), "wait_for_ev", 2),
    ("one is free beside a busy one", MINE, [BUSY, view(2)], (), "wait_for_ev", 2),
    ("own charge", MINE, [charging(1, card("04a1")), view(2, is_plugged=True)], (), "stop", 1),
    ("own charge elsewhere", MINE, [charging(1, MINE), view(2, is_plugged=True)], (2,), "start", 2),
    ("two own charges", MINE, [charging(1, MINE), charging(2, MINE)], (), "choose", None),
    ("two own charges, reader of one", MINE, [charging(1, MINE), charging(2, MINE)], (2,), "stop", 2),
    ("own wait", MINE, [waiting(1, MINE), view(2)], (), "cancel", 1),
    ("own wait and own charge", MINE, [waiting(1, MINE), charging(2, MINE)], (), "stop", 2),
    ("another's wait", MINE, [waiting(1, card("04FF"))], (), "nothing", None),
    ("everything is busy", MINE, [BUSY], (), "nothing", None),
    ("the group's charge", card("04A1", "fleet"), [charging(1, card("04FF", "FLEET"))], (), "stop", 1),
    ("the group's charge, others free", card("04A1", "F"), [charging(1, card("04FF", "F")), view(2)], (), "stop", 1),
    (
        "a member of the group has plugged in",
        card("04A1", "F"),
        [charging(1, card("04FF", "F")), view(2, is_plugged=True)],
        (),
        "start",
        2,
    ),
    ("the group's wait is not cancelled", card("04A1", "F"), [waiting(1, card("04FF", "F"))], (), "nothing", None),
    ("free, but cannot start", MINE, [view(1, can_take_start=False)], (), "nothing", None),
    (
        "the plugged one cannot start",
        MINE,
        [view(1, is_plugged=True, can_take_start=False), view(2)],
        (),
        "wait_for_ev",
        2,
    ),
    ("a reader for none of ours", MINE, [view(1)], (7,), "nothing", None),
    ("no connector at all", MINE, [], (), "nothing", None),
]


@pytest.mark.parametrize(
    ("credential", "views", "reader", "deed", "connector"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_meaning_of_a_card(
    credential: Credential, views: list[ConnectorView], reader: tuple[int, ...], deed: str, connector: int | None
) -> None:
    meaning = meaning_of_card(credential, views, reader)
    assert (meaning.deed, meaning.connector) == (deed, connector)
    assert meaning.text
    assert meaning_of_card(credential, list(reversed(views)), reader) == meaning


def a_view(number: int) -> st.SearchStrategy[ConnectorView]:
    holders = st.none() | st.sampled_from([card("04A1"), card("04FF"), card("04EE", "F")])
    return st.builds(
        ConnectorView,
        number=st.just(number),
        is_plugged=st.booleans(),
        is_free=st.booleans(),
        session_credential=holders,
        is_waiting=st.booleans(),
        can_take_start=st.booleans(),
    )


@given(st.tuples(a_view(1), a_view(2), a_view(3)), st.sampled_from([(), (1,), (2, 3)]), st.sampled_from(["", "F"]))
def test_a_card_never_starts_on_a_taken_connector_nor_ends_a_strangers_charge(
    views: tuple[ConnectorView, ...], reader: tuple[int, ...], parent: str
) -> None:
    mine = card("04a1", parent)
    meaning = meaning_of_card(mine, views, reader)
    if meaning.connector is None:
        assert meaning.deed in ("choose", "nothing")
        return
    meant = views[meaning.connector - 1]
    assert not reader or meaning.connector in reader
    if meaning.deed in ("start", "wait_for_ev"):
        assert meant.is_free and meant.can_take_start and meant.is_plugged == (meaning.deed == "start")
    else:
        assert meant.session_credential is not None
        holder = meant.session_credential
        assert same_id(mine.value, holder.value) or same_id(mine.parent, holder.parent)
        assert meant.is_waiting == (meaning.deed == "cancel")
