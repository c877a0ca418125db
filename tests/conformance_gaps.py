"""Rules without a test of their own, each with the honest reason. A rule that has a test must not stand here."""

from __future__ import annotations

LATER = "the messages are there; the service that fetches, checks, installs and uploads files is not yet"

NOT_DONE: dict[str, str] = {
    "4.6-any-message": "allowed, not asked for: a heartbeat is sent each interval whatever else was sent",
    "5.3-reboot": "no key of this station waits for a restart, so the answer is never given",
    "5.17-not-implemented": "each word of MessageTrigger is served; other words are refused by the schema",
    "9.1-ResetRetries": "kept and read back only: a Reset of this station does not fail half-way",
    "A04-SecurityLogWasCleared": "nobody can empty the security log of this station",
    "A04-AttemptedReplayAttacks": "no source yet: a repeated message id is answered again and nothing more",
    "5.9-file": LATER,
    "5.19-begun": LATER,
    "5.19-after-charges": LATER,
    "5.19-last-wins": LATER,
    "L01-verified": LATER,
    "N01-file": LATER,
}
