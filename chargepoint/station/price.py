"""What a session costs by the tariff of the station file; for display, the central system's bill is its own. Pure."""

from __future__ import annotations

from chargepoint.config import TariffSettings
from chargepoint.records import PriceData


def price_of(tariff: TariffSettings, energy_wh: int, duration_s: float) -> PriceData | None:
    """The price data of a session that took `energy_wh` in `duration_s`; None where the station file names no currency.

    Begun minutes count in proportion; the total is rounded half up to the smallest unit, once, at the end.
    """
    if not tariff.currency:
        return None
    total = tariff.start_fee + tariff.per_kwh * energy_wh / 1000 + tariff.per_minute * duration_s / 60
    return PriceData(
        currency=tariff.currency,
        per_kwh=tariff.per_kwh,
        per_minute=tariff.per_minute,
        start_fee=tariff.start_fee,
        total=int(total + 0.5),
    )
