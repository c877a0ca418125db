"""What a session costs."""

import msgspec
import pytest

from chargepoint.config import TariffSettings
from chargepoint.station.price import begun, of_settings, so_far


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
    price = begun(of_settings(tariff))
    assert price is not None and price.total == tariff.start_fee
    price = so_far(price, energy_wh, duration_s)
    assert (price.currency, price.total) == (tariff.currency, total)


def test_without_a_currency_there_is_no_price() -> None:
    assert begun(of_settings(TariffSettings())) is None


def test_what_the_central_system_has_told_stands() -> None:
    price = begun(of_settings(TariffSettings(currency="EUR", per_kwh=45)))
    assert price is not None
    told = msgspec.structs.replace(price, total=77, is_told=True)
    assert so_far(told, 10_000, 3600).total == 77
