"""Stories in a real browser, on a whole simulated station."""

from __future__ import annotations

import asyncio
import io
import re
import time
from collections.abc import Callable
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]
import pytest
from playwright.async_api import Browser, Page, Response, expect

from chargepoint.messages import UserLimitsState
from chargepoint.vocabulary import ConnectorFlag, Role
from tests.system.browser import PHONE, WebSystem, fits, opened

pytestmark = pytest.mark.realtime

WITHIN_MS = 5000
"""Patience of a test on a busy machine; people see it within a second."""


async def test_people_at_a_station_that_charges(tmp_path: Path) -> None:
    async with WebSystem(tmp_path, closings_per_minute=30) as system, opened() as chromium:
        for login, role in (("boss", Role.ADMINISTRATOR), ("guard", Role.VIEWER), ("clerk", Role.OPERATOR)):
            await system.add_user(login, role)
        await a_car_that_is_plugged_in_is_seen_at_once(system, chromium)
        await a_limit_is_changed_and_the_overview_shows_it(system, chromium)
        await sessions_are_exported_as_they_are_in_the_database(system, chromium)
        await a_connector_is_blocked_by_keyboard_alone(system, chromium)
        await forms_work_without_scripts(system, chromium)
        await a_viewer_and_an_operator_see_only_what_they_may(system, chromium)
        assert system.strangers == []
        await system.clear_away()
        await system.check()


async def a_car_that_is_plugged_in_is_seen_at_once(system: WebSystem, chromium: Browser) -> None:
    page = await system.logged_in(chromium, "boss", PHONE)
    tile = page.locator('[data-live="c1.status"]')
    free = await tile.inner_text()
    before = system.status(1)
    begun_s = time.monotonic()
    await system.simulation.plug(1)
    told_s = asyncio.create_task(_when(system, lambda: system.status(1) != before))
    await expect(tile).not_to_have_text(free, timeout=WITHIN_MS)
    seen_s = time.monotonic()
    print(f"plugged in to known: {await told_s - begun_s:.2f} s, to seen on the overview: {seen_s - begun_s:.2f} s")
    assert await fits(page)
    await page.context.close()


async def _when(system: WebSystem, holds: Callable[[], bool]) -> float:
    await system.until(holds)
    return time.monotonic()


async def a_limit_is_changed_and_the_overview_shows_it(system: WebSystem, chromium: Browser) -> None:
    await system.until_status(1, "READY")
    await system.tap(1)
    await system.until_status(1, "CHARGING")
    await system.until_full_current(1)
    overview = await system.logged_in(chromium, "guard", PHONE)
    page = await system.logged_in(chromium, "boss")
    await page.goto("/limits?edit=1")
    await page.fill("#f-kw", "11")
    await page.select_option("#f-when", "all")
    await page.click("#edit button[type=submit]")
    await page.click("form[action='/limits'] button[type=submit]")
    await page.wait_for_url("**/limits?done=ok")
    limits = system.states["user_limits"]
    assert isinstance(limits, UserLimitsState)
    assert {one.connector: one.limit_w for one in limits.limits}[1] == 11_000
    begun_s = time.monotonic()
    await expect(overview.locator('[data-live="c1.power"]')).to_have_text(
        re.compile(r"\b11(\.0)? kW"), timeout=WITHIN_MS
    )
    print(f"limit changed to seen on the overview of another phone: {time.monotonic() - begun_s:.2f} s")
    await page.goto("/limits?edit=1")
    await page.fill("#f-kw", "")
    await page.select_option("#f-when", "all")
    stale = await page.context.new_page()
    await stale.goto("/limits?edit=1")
    await stale.fill("#f-kw", "7")
    await stale.select_option("#f-when", "all")
    await page.click("#edit button[type=submit]")
    await page.click("form[action='/limits'] button[type=submit]")
    await page.wait_for_url("**/limits?done=ok")
    await stale.click("#edit button[type=submit]")
    await stale.click("form[action='/limits'] button[type=submit]")
    await stale.wait_for_selector(".fault")
    await page.context.close()
    await overview.context.close()


async def sessions_are_exported_as_they_are_in_the_database(system: WebSystem, chromium: Browser) -> None:
    await system.end_charge(1)
    await system.drained()
    page = await system.logged_in(chromium, "boss")
    await page.goto("/sessions")
    await page.select_option("#f-format", "xlsx")
    async with page.expect_download() as coming:
        await page.click("form[action='/sessions/export'] button[type=submit]")
    file = Path(await (await coming.value).path()).read_bytes()
    head, *rows = openpyxl.load_workbook(io.BytesIO(file)).active.iter_rows(values_only=True)
    kept = await system.sessions()
    assert [row[0] for row in rows] == [one.session_id for one in reversed(kept)]
    energies = next(n for n, name in enumerate(head) if "kWh" in str(name))
    assert [row[energies] for row in rows] == pytest.approx([one.delivered_wh / 1000 for one in reversed(kept)])
    assert kept[-1].delivered_wh > 0
    await page.context.close()


async def a_connector_is_blocked_by_keyboard_alone(system: WebSystem, chromium: Browser) -> None:
    page = await system.page(chromium)
    await page.goto("/login")
    await tab_to(page, "#f-login")
    await page.keyboard.type("boss")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Correct-horse-battery-9")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{system.base}/")
    await tab_to(page, "a.tile[href='/connectors/2']")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/connectors/2")
    await tab_to(page, "a[href^='/deeds/block?']")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/deeds/block?*")
    await tab_to(page, "form[action='/deeds/block'] button")
    await page.keyboard.press("Space")
    await page.wait_for_url("**/commands/*")
    await system.until(lambda: ConnectorFlag.BLOCKED in system.connector(2).flags)  # type: ignore[union-attr]
    await tab_to(page, "details.account summary")
    await page.keyboard.press("Space")
    await tab_to(page, "form[action='/logout'] button")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/login")
    await page.context.close()


async def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is there; on the way it has to be seen wherever it is."""
    for _ in range(120):
        await page.keyboard.press("Tab")
        where = await page.evaluate(
            """selector => {
              const at = document.activeElement, look = getComputedStyle(at), box = at.getBoundingClientRect();
              return { is: at.matches(selector), tag: at.outerHTML.slice(0, 120), body: at === document.body,
                seen: look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) >= 2 && box.width > 0 };
            }""",
            selector,
        )
        assert where["seen"] or where["body"], f"no focus is seen at {where['tag']}"
        if where["is"]:
            return
    raise AssertionError(f"{selector} is not reached by Tab on {page.url}")


async def forms_work_without_scripts(system: WebSystem, chromium: Browser) -> None:
    page = await system.logged_in(chromium, "boss", PHONE, java_script_enabled=False)
    await page.goto("/connectors/2")
    await page.click("a[href^='/deeds/unblock?']")
    await page.click("form[action='/deeds/unblock'] button")
    await page.wait_for_url("**/commands/*")
    await system.until(lambda: ConnectorFlag.BLOCKED not in system.connector(2).flags)  # type: ignore[union-attr]
    await page.goto("/config/section/station")
    await page.fill("[name='v.vendor']", "Without scripts")
    await page.click("main form button.main")
    await page.wait_for_url("**/config/section/station?saved=1")
    await page.goto("/config/difference")
    assert "Without scripts" in await page.inner_text("main")
    await page.goto("/config")
    await page.click("form[action='/config/drop'] button")
    await page.wait_for_url("**/config?done=dropped")
    await page.context.close()


async def a_viewer_and_an_operator_see_only_what_they_may(system: WebSystem, chromium: Browser) -> None:
    refused = {
        "guard": ("/config", "/users", "/service", "/backup", "/journal", "/deeds/block?connector=1", "/wizard"),
        "clerk": ("/config", "/users", "/service", "/backup", "/wizard"),
    }
    for login, paths in refused.items():
        page = await system.logged_in(chromium, login)
        links = await page.eval_on_selector_all("nav a", "all => all.map(one => one.getAttribute('href'))")
        for path in paths:
            assert path not in links
            assert (await answer(page, path)).status == 403
        for link in dict.fromkeys(links):
            assert (await answer(page, link)).status == 200, link
        await page.goto("/connectors/1")
        assert await page.locator("a[href^='/deeds/block?']").count() == (1 if login == "clerk" else 0)
        await page.goto("/limits")
        assert await page.locator("a[href^='/limits?edit=']").count() == 0
        await page.goto("/sessions")
        assert await page.locator("form[action='/sessions/export']").count() == (1 if login == "clerk" else 0)
        assert "04A2B3C4" not in await page.inner_text("main") or login == "clerk"
        await page.context.close()


async def answer(page: Page, path: str) -> Response:
    found = await page.goto(path)
    assert found is not None
    return found
