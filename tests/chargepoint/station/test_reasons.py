"""Every refusal has a word for screens, and every word a text for drivers."""

from __future__ import annotations

import pytest

from chargepoint.messages import Authorization
from chargepoint.station import reasons, status
from chargepoint.station.access import RULES
from chargepoint.station.reserving import RESERVED
from chargepoint.station.status import Refusal
from chargepoint.vocabulary import AuthorizationBasis, CardReason
from hmi.flow.cards import KEYS

SERVER, CACHE, NONE = AuthorizationBasis.SERVER, AuthorizationBasis.CACHE, AuthorizationBasis.NONE


def test_every_refusal_of_a_connector_has_a_word() -> None:
    refusals = {refusal.code for _, refusal in status._REFUSALS} | {status._STOPPING.code, RESERVED.code}
    assert refusals <= set(reasons.OF_REFUSAL)


def test_every_rule_that_forbids_has_a_word_and_no_other() -> None:
    for _, kind, text, _, word in RULES:
        assert (word is not CardReason.NONE) is (kind == "forbidden"), text


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (Authorization(status="Blocked", basis=SERVER), CardReason.BLOCKED),
        (Authorization(status="Expired", basis=CACHE), CardReason.EXPIRED),
        (Authorization(status="Invalid", basis=SERVER), CardReason.UNKNOWN),
        (Authorization(status="Invalid", basis=NONE), CardReason.OFFLINE),
        (Authorization(status="ConcurrentTx", basis=SERVER), CardReason.BUSY),
        (Authorization(status="SomethingNew", basis=SERVER), CardReason.NOT_HERE),
    ],
)
def test_word_of_an_answer(answer: Authorization, word: CardReason) -> None:
    assert reasons.of_answer(answer) is word


def test_refusals_that_differ_say_only_that_none_is_free() -> None:
    busy, faulted = Refusal("busy", ""), Refusal("faulted", "")
    assert reasons.of_refusals([faulted, faulted]) is CardReason.OUT_OF_ORDER
    assert reasons.of_refusals([busy, faulted]) is CardReason.NONE_FREE
    assert reasons.of_refusals([Refusal("a code of tomorrow", "")]) is CardReason.NONE_FREE


def test_every_word_has_a_text_for_drivers() -> None:
    assert set(KEYS) == set(CardReason) - {CardReason.NONE}
