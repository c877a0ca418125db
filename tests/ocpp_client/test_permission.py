"""Who may charge: the table of rules over all combinations, against the sentences of the specification."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from chargepoint.vocabulary import AuthorizationBasis
from ocpp_client.v16.local_list import ListEntry
from ocpp_client.v16.permission import Question, Remedy, Rules, Standing, remedy, standing, verdict

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LISTED, CACHED = AuthorizationBasis.LOCAL_LIST, AuthorizationBasis.CACHE
STATUSES = (None, "Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx")
FLAGS = (False, True)


def questions() -> Iterator[Question]:
    """Every combination of keys, of what list and cache say, and of the link."""
    for listed, cached, pre, offline, unknown, can_ask in itertools.product(
        STATUSES, STATUSES, FLAGS, FLAGS, FLAGS, FLAGS
    ):
        rules = Rules(local_pre_authorize=pre, local_authorize_offline=offline, allow_offline_for_unknown=unknown)
        known = standing(ListEntry(listed) if listed else None, ListEntry(cached) if cached else None, NOW)
        assert known == (
            Standing(listed, LISTED) if listed else Standing(cached, CACHED) if cached else None
        )  # the list goes before the cache, whatever it says
        yield Question(rules, known, can_ask)


def test_on_line_the_central_system_is_asked_unless_somebody_accepted_here_may_go_ahead() -> None:
    for question in questions():
        if question.can_ask:
            goes_ahead = question.is_accepted and question.rules.local_pre_authorize
            assert verdict(question) == ("by_entry" if goes_ahead else "ask"), question


def test_without_link_nobody_is_asked() -> None:
    assert all(verdict(question) != "ask" for question in questions() if not question.can_ask)


def test_without_link_somebody_not_accepted_in_list_or_cache_is_refused_whatever_the_keys_say() -> None:
    for question in questions():
        if not question.can_ask and question.known is not None and not question.is_accepted:
            assert verdict(question) == "by_entry", question


def test_without_link_somebody_accepted_here_charges_by_local_authorize_offline_alone() -> None:
    for question in questions():
        if not question.can_ask and question.is_accepted:
            expected = "by_entry" if question.rules.local_authorize_offline else "refused"
            assert verdict(question) == expected, question


def test_without_link_somebody_unknown_charges_by_allow_offline_tx_for_unknown_id_alone() -> None:
    for question in questions():
        if not question.can_ask and question.known is None:
            expected = "unknown_allowed" if question.rules.allow_offline_for_unknown else "refused"
            assert verdict(question) == expected, question


@pytest.mark.parametrize(
    ("listed_for_s", "cached_for_s", "expected"),
    [
        (60, None, Standing("Accepted", LISTED)),
        (0, None, Standing("Expired", LISTED)),
        (-60, 60, Standing("Expired", LISTED)),
        (None, 60, Standing("Accepted", CACHED)),
        (None, -60, Standing("Expired", CACHED)),
        (None, None, None),
    ],
)
def test_an_entry_past_its_date_is_expired_and_still_goes_before_the_cache(
    listed_for_s: int | None, cached_for_s: int | None, expected: Standing | None
) -> None:
    listed, cached = (
        None if seconds is None else ListEntry("Accepted", "", NOW + timedelta(seconds=seconds))
        for seconds in (listed_for_s, cached_for_s)
    )
    assert standing(listed, cached, NOW) == expected


def test_a_past_date_does_not_change_what_is_refused_anyway() -> None:
    blocked = ListEntry("Blocked", "GROUP", NOW - timedelta(days=1))
    assert standing(blocked, None, NOW) == Standing("Blocked", LISTED, "GROUP")


@pytest.mark.parametrize(
    ("stop_on_invalid", "most_wh", "expected"),
    [
        (True, 0, Remedy(ends=True)),
        (True, 500, Remedy(ends=True)),
        (False, 0, Remedy(ends=False, most_wh=0)),
        (False, 500, Remedy(ends=False, most_wh=500)),
    ],
)
def test_a_begun_charge_whose_id_tag_is_refused(stop_on_invalid: bool, most_wh: int, expected: Remedy) -> None:
    assert remedy(stop_on_invalid=stop_on_invalid, most_wh=most_wh) == expected
