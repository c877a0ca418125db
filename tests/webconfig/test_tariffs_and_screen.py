"""Prices with their preview, links with their codes, the picture of the driver's screen."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint.messages import Screenshot, ScreenState, TakeScreenshot, Tariff, TariffState
from tests.chargepoint.dummies import settings as dummy_settings
from tests.webconfig.bench import Bench
from webconfig.prices import NoPrice, lines_of, read_tariff
from webconfig.words import Words


def test_prices_are_read_in_whole_units_and_told_as_on_the_screen() -> None:
    tariff = read_tariff({"currency": "eur", "per_kwh": "0,35", "start_fee": "1", "idle_per_minute": ".5"})
    assert (tariff.currency, tariff.per_kwh, tariff.start_fee, tariff.idle_per_minute) == ("EUR", 35, 100, 50)
    assert lines_of(tariff, Words("en"))[0] == "0.35 EUR per kWh"
    assert lines_of(tariff, Words("ru"))[0] == "0,35 EUR за кВт·ч"
    assert lines_of(Tariff(currency="KZT"), Words("en")) == ["Free of charge"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"currency": "E1R"}, "currency"),
        ({"currency": "EUR", "per_kwh": "0.355"}, "per_kwh"),
        ({"currency": "EUR", "per_kwh": "-1"}, "per_kwh"),
        ({"currency": "EUR", "per_minute": "nan"}, "per_minute"),
        ({"currency": "EUR", "start_fee": "1e9"}, "start_fee"),
        ({"currency": "EUR", "start_fee": "99999999999"}, "start_fee"),
        ({"currency": "EUR", "digits": "5"}, "digits"),
        ({"currency": "EUR", "per_kwh": "١"}, "per_kwh"),
    ],
)
def test_what_is_no_price_is_named(given: dict[str, str], field: str) -> None:
    with pytest.raises(NoPrice) as error:
        read_tariff(given)
    assert error.value.field == field


@pytest.mark.realtime
async def test_prices_links_and_pictures_at_the_web(tmp_path: Path) -> None:
    asked: list[Any] = []

    def picture(request: TakeScreenshot) -> Screenshot:
        asked.append(request)
        return Screenshot(ok=True, format="png", data=b"\x89PNG", screen="MainMenuPH")

    settings = dummy_settings()
    links = msgspec.structs.replace(settings.screen.links, app="https://app.example/{station}/{connector}")
    screen = msgspec.structs.replace(settings.screen, is_fitted=True, links=links)
    fitted = msgspec.structs.replace(settings, screen=screen)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    tariff = TariffState(tariffs={0: Tariff(currency="EUR", per_kwh=42)}, source="central system", at=at)
    async with Bench(
        tmp_path, settings=fitted, states={"tariff": tariff}, answers={"hmi": {TakeScreenshot: picture}}
    ) as bench:
        bench.buses["hmi"].set_state("screen", ScreenState(name="MainMenuPH", width=1280, height=800))
        client = await bench.log_in("tim")
        page = await client.get("/tariffs")
        assert page.status == 200 and "0.42 EUR per kWh" in page.text and "from the central system" in page.text
        assert "<svg" in page.text and "https://app.example/" in page.text
        preview = await client.get("/tariffs?connector=0&currency=EUR&per_kwh=0.50&digits=2")
        assert (
            "0.50 EUR per kWh" in preview.text and "/deeds/set_tariff?" in preview.text and "per_kwh=50" in preview.text
        )
        assert "This cannot be" in (await client.get("/tariffs?connector=0&currency=EUR&per_kwh=x")).text
        shown = await client.get("/hmi")
        assert shown.status == 200 and "MainMenuPH" in shown.text and "/hmi/screenshot" in shown.text
        shot = await client.get("/hmi/screenshot")
        assert shot.body == b"\x89PNG" and shot.headers["Content-Type"] == "image/png"
        assert asked[-1].scale == 0.5
        assert (await (await bench.log_in("vera")).get("/hmi/screenshot")).status == 403


@pytest.mark.realtime
async def test_a_station_without_a_screen_says_so(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        client = await bench.log_in("tim")
        assert "This station has no screen" in (await client.get("/hmi")).text
