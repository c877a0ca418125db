"""Sentences of the service menu: what a deed does, what came of it, what is waited for, what stands over all. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chargepoint.action_table import ACTIONS
from chargepoint.preconditions import Unmet
from chargepoint.vocabulary import ConnectorStatus
from hmi.screens.page import STALE_S
from hmi.technician.desk import Outcome
from hmi.words import Words

if TYPE_CHECKING:
    from hmi.technician.kit import StaffPage


def filled(words: Words, key: str, values: Mapping[str, str], otherwise: str = "") -> str:
    """The text of `key` with what is known filled in; `otherwise` where there is none."""
    if not words.has(key):
        return otherwise
    return words(key, **(_USUAL | dict(values)))


_USUAL = dict.fromkeys(
    ("connector", "name", "number", "reader", "service", "value", "limit_w", "input", "status", "voltage"), "?"
)


def verb(words: Words, action: str, arguments: Mapping[str, str]) -> str:
    """What its button says: `Reboot controller 2`."""
    return filled(words, f"verb.{action}", arguments, ACTIONS[action].verb if action in ACTIONS else action)


def effect(words: Words, action: str, arguments: Mapping[str, str]) -> str:
    """The sentence people read before they confirm."""
    row = ACTIONS.get(action)
    return filled(words, f"effect.{action}", arguments, row.effect if row is not None else "")


def against(words: Words, found: Unmet) -> str:
    """Why a deed cannot be done now."""
    return filled(words, found.key, found.values, found.text)


def missing(words: Words, action: str) -> str:
    """Why this software cannot do it yet."""
    return filled(words, f"missing.{action}", {}, ACTIONS[action].missing)


def sentence(page: StaffPage, outcome: Outcome) -> str:
    """What came of a deed, for people."""
    words, result = page.words, outcome.result
    named = verb(words, outcome.action, outcome.arguments)
    if words.has(f"tech.did_{outcome.action}"):
        named = words(f"tech.did_{outcome.action}")
    if result.text_key and words.has(result.text_key):
        return f"{named}: {filled(words, result.text_key, result.values)}"
    if words.has(f"code.{result.code}"):
        told = f"{named}: {filled(words, f'code.{result.code}', result.values)}"
        if result.code == "failed" and words.language != "en" and words.has(f"failed.{outcome.action}"):
            return f"{told}. {filled(words, f'failed.{outcome.action}', outcome.arguments)}"
        return f"{told}. {result.text}" if result.code in _NEEDS_MORE and result.text else told
    return f"{named}: {result.text}" if result.text else named


_NEEDS_MORE = frozenset({"failed", "busy", "invalid"})
"""Codes that say too little alone: the sentence of the service follows."""


def under_way(page: StaffPage) -> str:
    """What is waited for, and how long already."""
    running, words = page.desk.running, page.words
    if running is not None:
        seconds = max(0, int(page.view.now_s - running.since_s))
        waits = filled(words, f"waits.{running.action}", running.arguments, words("waits.answer"))
        return f"{verb(words, running.action, running.arguments)}: {waits} {words('tech.seconds', s=seconds)}"
    return words("tech.asking") if page.desk.is_asking else ""


def banner(page: StaffPage) -> str:
    """What stands over every page: an emergency, a silent station; empty: nothing."""
    seen = page.view.seen
    if not page.view.place.staff:
        return ""
    off = [n for n, state in sorted(seen.connectors.items()) if state.status is ConnectorStatus.EMERGENCY_OFF]
    if seen.age_s > STALE_S:
        return page.t("banner_old", s=int(seen.age_s))
    if off:
        return page.t("banner_emergency", n=", ".join(map(str, off)))
    return ""
