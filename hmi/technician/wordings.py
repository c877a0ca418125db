"""What services say in English, short and in known forms (criteria of tests, heads of tables, units), in the page's
language. Pure. What is not known stays as it is.
"""

from __future__ import annotations

import re

from chargepoint.messages import Difference, InstalledState
from chargepoint.power_picture import OutputPicture
from hmi.words import Words

UNITS = {"kohm": "kΩ", "ohm": "Ω", "ohm/V": "Ω/V", "C": "°C"}
"""As they are written where only ASCII is."""
_VALUE = re.compile(r"(?<![\w.])([+-]?\d+(?:\.\d+)?) ?(kohm|ohm/V|ohm|Ω/V|kΩ|Ω|°C|kWh|kW|mA|ms|V|A|W|K|C|s|%)(?![\w/])")
_NOTHING = "—"
BEGINS = {
    "no answer within ": "ph.no_answer_within_n",
    "at least ": "ph.at_least_n",
    "within ": "ph.within_n",
    "exit code ": "ph.exit_code_n",
}

_NUMBERED = (
    (re.compile(r"contactor (\S+) is to open"), "ph.contactor_n_is_to_open"),
    (re.compile(r"output (\d+) still has voltage"), "ph.output_n_still_has_voltage"),
    (re.compile(r"output (\d+) has not opened its contactor"), "ph.output_n_has_not_opened_its_contactor"),
)
"""Sentences about one thing: `{a}`."""


def unit(words: Words, name: str) -> str:
    """A unit of measure: кВт."""
    name = UNITS.get(name, name)
    key = f"u.{name}"
    return words(key) if words.has(key) else name


def phrase(words: Words, text: str) -> str:
    """A short text of a service: known as a whole, or with its values and its known parts in words."""
    text = text.strip()
    if text in ("", "-"):
        return _NOTHING if text else ""
    whole = _known(words, text)
    if whole is not None:
        return whole
    for form, key in _NUMBERED:
        found = form.fullmatch(text)
        if found is not None:
            return words(key, a=found[1])
    parts = [_known(words, part) or _valued(words, part) for part in text.split(", ")]
    return ", ".join(parts)


def why(words: Words, output: OutputPicture) -> str:
    """Why a connector gets what it gets; the sentence of the station where there are no words of ours."""
    key = f"flow.{output.why_key}"
    if not output.why_key or not words.has(key):
        return output.why
    values = {"n": "?", "source": "?"} | output.why_values
    return words(key, **(values | {"source": _source(words, values["source"])}))


def _source(words: Words, name: str) -> str:
    """A limit, an input or a cause by its name."""
    key = next((f"{section}.{name}" for section in ("limit", "input", "cause") if words.has(f"{section}.{name}")), "")
    return words(key) if key else name


def differences(words: Words, installed: InstalledState) -> list[str]:
    """How what is found differs from what is installed, one line each; as the station tells it where need be."""
    if len(installed.told) != len(installed.differences):
        return list(installed.differences)
    return [_difference(words, each, line) for each, line in zip(installed.told, installed.differences, strict=True)]


def _difference(words: Words, found: Difference, line: str) -> str:
    key, kind = f"differs.{found.key}", f"kind.{found.kind}"
    if not words.has(key):
        return line
    values = dict.fromkeys(("what", "now", "before", "found", "driver", "configured"), "?") | found.values
    values["what"] = phrase(words, values["what"])
    return words(key, device=f"{words(kind) if words.has(kind) else found.kind} {found.name}", **values)


def _known(words: Words, text: str) -> str | None:
    key = f"ph.{text.lower().replace(' ', '_')}"
    return words(key) if words.has(key) else None


def _valued(words: Words, text: str) -> str:
    """`+0.8 %` as `+0,8 %`, `400 V within 5 %` as `400 В ± 5 %`."""

    def shown(found: re.Match[str]) -> str:
        number, _, digits = found[1].partition(".")
        value = words.number(float(found[1]), len(digits)) if digits else number
        sign = "+" if found[1].startswith("+") and not value.startswith("+") else ""
        return f"{sign}{value} {unit(words, found[2])}"

    for begin, key in BEGINS.items():
        if text.startswith(begin):
            return words(key, rest=_VALUE.sub(shown, text[len(begin) :]))
    if text[:1].isdigit():
        text = text.replace(" within ", " ± ")
    return _VALUE.sub(shown, text)
