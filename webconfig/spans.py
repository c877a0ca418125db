"""Values for people: units, dashes for what is not known, spans of time. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from webconfig.words import Words


def kw(words: Words, value_w: float | None, digits: int = 1) -> str:
    """Power in kW."""
    return "–" if value_w is None else words("overview.kw", n=words.number(value_w / 1000, digits))


def kwh(words: Words, value_wh: float | None, digits: int = 2) -> str:
    """Energy in kWh."""
    return "–" if value_wh is None else words("overview.kwh", n=words.number(value_wh / 1000, digits))


def with_unit(words: Words, value: float | None, unit: str, digits: int = 1) -> str:
    """A number and its unit in the page's language."""
    return "–" if value is None else f"{words.number(value, digits)} {words.one_of('u', unit)}"


def each(words: Words, values: Iterable[float], unit: str, digits: int = 1) -> str:
    """Values of phases: `230 / 231 / 229 V`."""
    shown = " / ".join(words.number(value, digits) for value in values)
    return f"{shown} {words.one_of('u', unit)}" if shown else "–"


def span(words: Words, seconds: float | None) -> str:
    """How long, in the two largest units."""
    if seconds is None or seconds < 0 or seconds != seconds:
        return "–"
    whole = int(seconds)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return words("span.days", d=days, h=hours)
    if hours:
        return words("span.hours", h=hours, m=minutes)
    return words("span.minutes", m=minutes, s=whole % 60) if minutes else words("span.seconds", s=whole)
