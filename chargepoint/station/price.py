"""What a session costs by the tariff it began with; for display, the central system's bill is its own. Pure."""

from __future__ import annotations

import msgspec

from chargepoint.config import TariffSettings
from chargepoint.messages import Tariff
from chargepoint.records import PriceData


def of_settings(settings: TariffSettings) -> Tariff | None:
    """The tariff of the station file; None where it names no currency."""
    if not settings.currency:
        return None
    return Tariff(
        currency=settings.currency,
        digits=settings.digits,
        per_kwh=settings.per_kwh,
        per_minute=settings.per_minute,
        start_fee=settings.start_fee,
        idle_per_minute=settings.idle_per_minute,
        idle_free_min=settings.idle_free_min,
    )


def begun(tariff: Tariff | None) -> PriceData | None:
    """The price of a session that begins now; it keeps it to its end."""
    if tariff is None:
        return None
    return PriceData(
        currency=tariff.currency,
        per_kwh=tariff.per_kwh,
        per_minute=tariff.per_minute,
        start_fee=tariff.start_fee,
        total=tariff.start_fee,
        digits=tariff.digits,
        idle_per_minute=tariff.idle_per_minute,
        idle_free_min=tariff.idle_free_min,
    )


def so_far(price: PriceData, energy_wh: int, duration_s: float) -> PriceData:
    """After so much energy and time. What the central system has told stands.

    Begun minutes count in proportion; the total is rounded half up to the smallest unit, once.
    """
    if price.is_told:
        return price
    total = price.start_fee + price.per_kwh * energy_wh / 1000 + price.per_minute * duration_s / 60
    return msgspec.structs.replace(price, total=int(total + 0.5))
