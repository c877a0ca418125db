"""What deeds and commands are called for people: verb, effect, what speaks against, what came of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from chargepoint.action_kinds import Argument
from chargepoint.action_table import ACTIONS
from chargepoint.messages import ActionResult
from chargepoint.preconditions import Unmet
from webconfig.commands.record import Command, Status
from webconfig.words import Words

_USUAL = dict.fromkeys(
    (
        "connector", "name", "number", "reader", "service", "value", "limit_w", "input", "status", "voltage", "mode",
        "login", "on", "location",
    ),
    "?",
)  # fmt: skip
_NEEDS_MORE = frozenset({"failed", "busy", "invalid", "unavailable", "no_answer", "bad_request", "restarted"})
"""Codes that say too little alone: the sentence of the service follows."""


def _filled(words: Words, key: str, values: Mapping[str, str], otherwise: str) -> str:
    return words(key, **(_USUAL | dict(values))) if words.has(key) else otherwise


def verb(words: Words, deed: str, arguments: Mapping[str, str]) -> str:
    """What its button says: `Reboot controller 2`."""
    if deed == "free_mode" and arguments.get("on") in ("0", "1"):
        return words(f"deed_verb.free_mode_{arguments['on']}")
    return _filled(words, f"verb.{deed}", arguments, ACTIONS[deed].verb if deed in ACTIONS else deed)


def effect(words: Words, deed: str, arguments: Mapping[str, str]) -> str:
    """The sentence people read before they confirm."""
    if deed == "emergency_stop" and arguments.get("connector") == "0":
        return words("deed_effect.emergency_stop_all")
    key = f"deed_effect.{deed}" if words.has(f"deed_effect.{deed}") else f"effect.{deed}"
    if deed == "free_mode" and arguments.get("on") in ("0", "1"):
        key = f"deed_effect.free_mode_{arguments['on']}"
    return _filled(words, key, arguments, ACTIONS[deed].effect)


def missing(words: Words, deed: str) -> str:
    """Why this software cannot do it yet; empty: it can."""
    return _filled(words, f"missing.{deed}", {}, ACTIONS[deed].missing) if ACTIONS[deed].missing else ""


def against(words: Words, found: Unmet) -> str:
    """Why it cannot be done now."""
    values = dict(found.values)
    if "status" in values:
        values["status"] = f"{values['status']}"
    return _filled(words, found.key, values, found.text)


def argument(words: Words, one: Argument) -> str:
    """What an argument is called."""
    key = f"deed_argument.{one.name}"
    return words(key) if words.has(key) else one.words


def of_result(words: Words, deed: str, result: ActionResult | Command) -> str:
    """What came of it, in a sentence."""
    if isinstance(result, Command) and result.status is Status.EXPIRED:
        return words("command.expired_text", service=ACTIONS[deed].service if deed in ACTIONS else "?")
    if isinstance(result, Command) and result.status is Status.UNKNOWN and words.language != "en":
        return words("command.unknown_text")
    key = result.text_key
    if key and words.has(key):
        return _filled(words, key, result.values, result.text)
    if result.code == "ok" and result.text and words.language == "en":
        return result.text
    for code_key in (f"command_code.{result.code}", f"code.{result.code}"):
        if words.has(code_key):
            told = _filled(words, code_key, result.values, result.text)
            return f"{told}. {result.text}" if result.code in _NEEDS_MORE and result.text else told
    return result.text or result.code
