"""What the station would say of a card, and the rule that says so."""

from __future__ import annotations

from chargepoint.messages import User
from chargepoint.records import Credential
from chargepoint.station.access import RULES, Access, deciding_rule, verdict
from chargepoint.vocabulary import CredentialType, OperatingMode, Role
from webconfig.words import LANGUAGES, pages_catalogue

ANNA = User(login="anna", role=Role.CUSTOMER, cards=("04A2B3C4",), energy_limit_wh=5000)


def rule(access: Access, number: str, consumed: dict[str, int] | None = None) -> int:
    return deciding_rule(access, Credential(number, CredentialType.RFID), consumed or {})


def test_the_rule_that_decides_is_the_one_behind_the_verdict() -> None:
    for access, number, consumed, wanted in (
        (Access(white=frozenset({"anna"}), users=(ANNA,)), "04a2b3c4", {}, 9),
        (Access(white=frozenset({"other"}), users=(ANNA,)), "04A2B3C4", {}, 2),
        (Access(black=frozenset({"ANNA"}), users=(ANNA,)), "04A2B3C4", {}, 3),
        (Access(users=(ANNA,)), "04A2B3C4", {"04A2B3C4": 5000}, 6),
        (Access(users=(ANNA,), mode=OperatingMode.HOME), "04A2B3C4", {}, 10),
        (Access(users=(ANNA,), mode=OperatingMode.HOME), "FFFF", {}, 11),
        (Access(), "", {}, 0),
        (Access(), "0" * 21, {}, 0),
    ):
        assert rule(access, number, consumed) == wanted, (number, wanted)
        said = verdict(access, Credential(number, CredentialType.RFID), consumed)
        assert said.reason == (RULES[wanted - 1][2] if wanted else said.reason)


def test_every_rule_has_words_at_the_web() -> None:
    for language in LANGUAGES:
        texts = pages_catalogue(language)
        assert all(f"access.rule_{number}" in texts for number in range(1, len(RULES) + 1))
