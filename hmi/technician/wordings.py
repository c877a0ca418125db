"""What services say in English, short and in known forms (criteria of tests, heads of tables, units), in the page's
language. Pure. What is not known stays as it is.
"""

from __future__ import annotations

import re

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
    parts = [_known(words, part) or _valued(words, part) for part in text.split(", ")]
    return ", ".join(parts)


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
