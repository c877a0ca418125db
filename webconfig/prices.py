"""Prices as drivers read them, and as people write them. Pure. Amounts are in the smallest unit of the currency."""

from __future__ import annotations

from chargepoint.messages import Tariff
from webconfig.words import DECIMAL_MARK, Words

AMOUNTS = ("per_kwh", "per_minute", "start_fee", "idle_per_minute")
MOST = 10**9


class NoPrice(Exception):
    """`field` is what is wrong."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def money(amount: int, tariff: Tariff, words: Words) -> str:
    """An amount with its currency and all its digits."""
    text = f"{amount / 10**tariff.digits:.{tariff.digits}f}".replace(".", DECIMAL_MARK[words.language])
    return f"{text} {tariff.currency}"


def lines_of(tariff: Tariff, words: Words) -> list[str]:
    """What the driver's screen says, the price of a kWh first."""
    if not any(getattr(tariff, name) for name in AMOUNTS):
        return [words("price.free")]
    rows = []
    if tariff.per_kwh:
        rows.append(words("price.kwh", p=money(tariff.per_kwh, tariff, words)))
    if tariff.per_minute:
        rows.append(words("price.minute", p=money(tariff.per_minute, tariff, words)))
    if tariff.start_fee:
        rows.append(words("price.session", p=money(tariff.start_fee, tariff, words)))
    if tariff.idle_per_minute:
        price = money(tariff.idle_per_minute, tariff, words)
        rows.append(words("price.idle", p=price, m=tariff.idle_free_min))
    return rows


def read_tariff(given: dict[str, str]) -> Tariff:
    """A tariff from a form: prices in whole units of the currency with a decimal mark. Raises NoPrice."""
    currency = given.get("currency", "").strip().upper()
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise NoPrice("currency")
    digits = _whole(given, "digits", 4, 2)
    amounts = {name: _amount(given.get(name, ""), digits, name) for name in AMOUNTS}
    return Tariff(currency=currency, digits=digits, idle_free_min=_whole(given, "idle_free_min", 10_000, 0), **amounts)


def _whole(given: dict[str, str], name: str, most: int, usual: int) -> int:
    text = given.get(name, "").strip()
    if not text:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text) <= most):
        raise NoPrice(name)
    return int(text)


def _amount(text: str, digits: int, name: str) -> int:
    whole, _, part = text.strip().replace(",", ".").partition(".")
    if not whole and not part:
        return 0
    part = part.ljust(digits, "0")
    if not ((whole or "0") + part).isdecimal() or not text.isascii() or len(part) > digits or len(whole) > 9:
        raise NoPrice(name)
    amount = int((whole or "0") + part)
    if amount > MOST:
        raise NoPrice(name)
    return amount
