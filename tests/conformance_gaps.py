"""Rules without a test of their own, each with the honest reason. A rule that has a test must not stand here."""

from __future__ import annotations

NOT_DONE: dict[str, str] = {
    "4.6-any-message": "allowed, not asked for: a heartbeat is sent each interval whatever else was sent",
    "5.3-reboot": "no key of this station waits for a restart, so the answer is never given",
    "5.17-not-implemented": "each word of MessageTrigger is served; other words are refused by the schema",
    "9.1-ResetRetries": "kept and read back only: a Reset of this station does not fail half-way",
    "A04-SecurityLogWasCleared": "nobody can empty the security log of this station",
    "A04-AttemptedReplayAttacks": "no source yet: a repeated message id is answered again and nothing more",
    "5.19-after-charges": "in part: it waits until nobody charges (tests/fota/test_updating.py); free connectors stay "
    "free meanwhile, which OCPP recommends otherwise, so that a station is not closed for hours by an order from afar",
}
