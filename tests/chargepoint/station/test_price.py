"""What a session costs."""

import pytest

from chargepoint.config import TariffSettings
from chargepoint.station.price import price_of


@pytest.mark.parametrize(
    ("tariff", "energy_wh", "duration_s", "total"),
    [
        (TariffSettings(currency="EUR", per_kwh=45), 10_000, 3600, 450),
        (TariffSettings(currency="EUR", per_kwh=45, per_minute=2, start_fee=50), 10_000, 1800, 450 + 60 + 50),
        (TariffSettings(currency="KZT", start_fee=100), 0, 0, 100),
        (TariffSettings(currency="EUR", per_kwh=45), 11, 0, 0),  # 0.495
        (TariffSettings(currency="EUR", per_kwh=50), 10, 0, 1),  # 0.5 rounds up
    ],
)
def test_total(tariff: TariffSettings, energy_wh: int, duration_s: float, total: int) -> None:
    price = price_of(tariff, energy_wh, duration_s)
    assert price is not None
    assert (price.currency, price.total) == (tariff.currency, total)


def test_without_a_currency_there_is_no_price() -> None:
    assert price_of(TariffSettings(), 10_000, 60) is None
