"""Stories in a real browser, on a whole simulated station."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.browser import PASSWORD, PHONE, WebSystem, log_in, opened, violations

pytestmark = pytest.mark.realtime


async def test_an_installer_with_a_phone_gets_in_by_the_label_and_sees_a_car_plugged_within_a_second(
    tmp_path: Path,
) -> None:
    async with WebSystem(tmp_path) as system, opened() as chromium:
        page = await system.page(chromium, PHONE)
        await log_in(page, "admin", await system.first_password())
        await page.wait_for_url("**/password")
        await page.fill("#f-old", await system.first_password())
        await page.fill("#f-new", PASSWORD)
        await page.fill("#f-again", PASSWORD)
        await page.click("main button[type=submit]")
        await page.wait_for_url("**/wizard/**")
        assert await violations(page) == []
        assert await system.first_password() == ""
        await page.goto("/wizard/hardware")
        await page.wait_for_selector(".tile")
        assert await page.locator(".tile.lit").count() == 0
        await system.simulation.plug(1)
        await page.wait_for_selector(".tile.lit", timeout=3000)
        assert system.strangers == []
