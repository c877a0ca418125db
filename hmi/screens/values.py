"""Numbers as drivers read them, with units. What is not known is a dash, never 0."""

from __future__ import annotations

import math
from datetime import datetime

from chargepoint.messages import Tariff
from hmi.words import Words

DASH = "—"
NO_BREAK = "\u00a0"
SIGNS = {"KZT": "₸", "RUB": "₽", "EUR": "€", "USD": "$", "CNY": "¥", "KGS": "сом", "UZS": "soʻm", "GBP": "£"}


def grouped(value: float, digits: int, words: Words) -> str:
    """`12 345,60`: the decimal mark of the language, blanks between thousands."""
    whole, _, rest = words.number(abs(value), digits).replace(",", ".").partition(".")
    parts: list[str] = []
    while len(whole) > (3 if len(whole) > 4 or parts else 4):
        parts.insert(0, whole[-3:])
        whole = whole[:-3]
    text = NO_BREAK.join([whole, *parts])
    mark = words.number(0.5, 1)[1]
    return ("−" if value < 0 else "") + text + (mark + rest if rest else "")


def number(value: float | None, unit: str, words: Words, digits: int = 1) -> str:
    """`value` with the word of `unit` (a key below `unit`)."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{grouped(value, digits, words)}{NO_BREAK}{words(f'unit.{unit}')}"


def kilowatts(power_w: float | None, words: Words) -> str:
    """`7,4 кВт`; from 100 kW without decimals."""
    if power_w is None or not math.isfinite(power_w):
        return DASH
    return number(power_w / 1000, "kw", words, 0 if abs(power_w) >= 99_950 else 1)


def kilowatts_short(power_w: float, words: Words) -> str:
    """Without unit and without a decimal that is 0, for `menu.up_to_kw`."""
    value = power_w / 1000
    return words.number(value, 0 if value >= 100 or abs(value - round(value)) < 0.05 else 1)


def kilowatt_hours(energy_wh: float | None, words: Words) -> str:
    if energy_wh is None:
        return DASH
    return number(energy_wh / 1000, "kwh", words, 1 if energy_wh >= 10_000 else 2)


def percent(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return DASH
    return f"{math.floor(max(0.0, min(100.0, value)))}{NO_BREAK}%"


def duration(seconds: float | None, words: Words) -> str:
    """`24 мин`, `1 ч 05 мин`; less than a minute is `< 1 мин`."""
    if seconds is None or not math.isfinite(seconds):
        return DASH
    minutes = int(max(0.0, seconds) // 60)
    if minutes < 1:
        return words("unit.below_minute")
    if minutes < 60:
        return words("unit.minutes", n=minutes)
    return words("unit.hours_minutes", h=minutes // 60, m=f"{minutes % 60:02d}")


def money(amount: float, tariff: Tariff, words: Words) -> str:
    """`amount` in the smallest unit; whole sums without decimals."""
    value = amount / 10**tariff.digits
    digits = 0 if tariff.digits == 0 or round(amount) % 10**tariff.digits == 0 else tariff.digits
    return f"{grouped(value, digits, words)}{NO_BREAK}{SIGNS.get(tariff.currency, tariff.currency)}"


def clock(at: datetime | None) -> str:
    return DASH if at is None else f"{at:%H:%M}"


def link_shown(link: str, longest: int = 60) -> str:
    """A link as it is printed below its code: without the scheme, and without what only programs read."""
    shown = link.split("://", 1)[-1].split("?", 1)[0].rstrip("/")
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
