"""A new station, and a new station file: commissioning on a phone, two people at one file, and the ways back."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from chargepoint.messages import ConfigurationState
from chargepoint.vocabulary import Role
from tests.system.browser import PASSWORD, PHONE, WebSystem, fits, log_in, opened
from tests.system.rig import NAME

pytestmark = pytest.mark.realtime

SUPPLY = {"length_m": "30", "breaker_a": "40", "allotted_kw": "20"}


async def test_a_station_is_commissioned_on_a_phone_from_the_label_to_activated(tmp_path: Path) -> None:
    async with WebSystem(tmp_path, has_brief_trials=True) as system, opened() as chromium:
        page = await system.page(chromium, PHONE)
        await log_in(page, "admin", await system.first_password())
        await page.wait_for_url("**/password")
        await page.fill("#f-old", await system.first_password())
        await page.fill("#f-new", PASSWORD)
        await page.fill("#f-again", PASSWORD)
        await page.click("main button[type=submit]")
        assert await system.first_password() == ""
        await on(page, "language")
        await page.click(".choice:has(input[value=en])")
        await onwards(page, "password")
        await page.click("button[value=recovery]")
        assert len(await page.inner_text(".code code")) >= 12
        await onwards(page, "identity")
        await page.fill("[name='station.vendor']", "Commissioned")
        await onwards(page, "network")
        await onwards(page, "clock")
        await onwards(page, "hardware")
        assert await page.locator(".tile.lit").count() == 0
        await system.simulation.plug(1)
        await page.wait_for_selector(".tile.lit")
        await system.simulation.unplug(1)
        await page.click("button[value=search]")
        await page.wait_for_url("**/wizard/hardware*")
        await onwards(page, "supply")
        await page.context.close()  # tomorrow, with another phone
        page = await system.page(chromium, PHONE)
        await log_in(page, "admin", PASSWORD)
        await page.wait_for_url(f"{system.base}/")
        await page.goto("/wizard")
        await on(page, "supply")
        for name, value in SUPPLY.items():
            await page.fill(f"[name={name}]", value)
        await page.click("button[value=reckon]")
        proposed_w = await page.input_value("[name='station.power_limit_w']")
        assert 19_000 < float(proposed_w) <= 20_000
        await onwards(page, "access")
        await onwards(page, "server")
        await onwards(page, "screen")
        await onwards(page, "apply")
        assert "Commissioned" in await page.inner_text("pre.lines")
        await apply_draft(system, page)
        await log_in(page, "admin", PASSWORD)
        await page.click("form[action='/config/keep'] button")
        await system.until(lambda: phase(system) == "kept")
        text = system.station_file.read_text(encoding="utf-8")
        assert "Commissioned" in text and proposed_w in text.replace("_", "")
        await page.goto("/wizard/apply")
        await onwards(page, "test")
        await onwards(page, "summary")
        await page.goto("/wizard/report")
        assert "Commissioned" in await page.inner_text("main") and await fits(page)
        await page.goto("/wizard/summary")
        await page.click("main form button.main")
        await page.wait_for_url(f"{system.base}/")
        assert system.strangers == []


async def on(page: Page, step: str) -> None:
    await page.wait_for_url(f"**/wizard/{step}")
    assert await fits(page), step


async def onwards(page: Page, step: str) -> None:
    """The step's own button; `step` is the next one."""
    await page.locator("main form button.main").last.click()
    await on(page, step)


def phase(system: WebSystem) -> str:
    state = system.states.get("configuration")
    return state.phase if isinstance(state, ConfigurationState) else ""


async def apply_draft(system: WebSystem, page: Page) -> None:
    """From the draft on trial to the station that came up with it."""
    await page.goto("/config/difference")
    await page.select_option("#f-wait", "0")
    await page.click("form[action^='/deeds/apply_'] button")
    await page.wait_for_url("**/deeds/apply_*")
    if await page.locator("#f-sum").count():
        label = await page.inner_text("label[for=f-sum]")
        await page.fill("#f-sum", str(sum(map(int, re.findall(r"\d+", label)))))
    if await page.locator("#f-password").count():
        await page.fill("#f-password", PASSWORD)
    await page.click("main form[action^='/deeds/apply_'] button")
    await system.back_after_restart()
    assert phase(system) in ("watch", "keep")


async def test_two_people_at_one_station_file_and_the_ways_back(tmp_path: Path) -> None:
    async with WebSystem(tmp_path, has_brief_trials=True) as system, opened() as chromium:
        for login in ("ann", "bob"):
            await system.add_user(login, Role.ADMINISTRATOR)
        await nobody_keeps_a_file_and_it_returns(system, chromium)
        await a_file_applied_meanwhile_is_told_compared_and_joined(system, chromium)
        await a_power_cut_while_on_trial_brings_the_file_before_back(system, chromium)
        assert system.strangers == []
        await system.check()


async def drafted(page: Page, key: str, value: str) -> None:
    await page.goto("/config/section/station")
    await page.fill(f"[name='v.{key}']", value)
    await page.click("main form button.main")
    await page.wait_for_url("**/config/section/station?saved=1")


async def nobody_keeps_a_file_and_it_returns(system: WebSystem, chromium: Browser) -> None:
    """The browser is gone after Apply, as after a wrong address."""
    before = system.station_file.read_text(encoding="utf-8")
    page = await system.logged_in(chromium, "ann")
    await drafted(page, "vendor", "Never kept")
    await apply_draft(system, page)
    await page.context.close()
    assert "Never kept" in system.station_file.read_text(encoding="utf-8")
    await system.back_after_restart()
    assert system.station_file.read_text(encoding="utf-8") == before
    await system.until(lambda: phase(system) == "returned")
    page = await system.logged_in(chromium, "bob", PHONE)
    await page.click("form[action='/config/seen'] button")
    assert await page.locator(".trial").count() == 0
    await page.context.close()


async def a_file_applied_meanwhile_is_told_compared_and_joined(system: WebSystem, chromium: Browser) -> None:
    ann, bob = await system.logged_in(chromium, "ann"), await system.logged_in(chromium, "bob")
    await drafted(ann, "vendor", "Of Ann")
    await drafted(bob, "model", "Of Bob")
    await apply_draft(system, ann)
    await log_in(ann, "ann", PASSWORD)
    await ann.click("form[action='/config/keep'] button")
    await system.until(lambda: phase(system) == "kept")
    await log_in(bob, "bob", PASSWORD)
    await bob.goto("/config/difference")
    told = await bob.inner_text(".fault")
    assert "changed" in told and "ann" in told
    assert await bob.locator("form[action^='/deeds/apply_']").count() == 0
    await bob.click("form[action='/config/rebase'] button")
    changes = await bob.inner_text("main")
    assert "Of Bob" in changes and await bob.locator(".fault").count() == 0
    assert await bob.locator("form[action^='/deeds/apply_']").count() == 1
    for one in (ann, bob):
        await one.context.close()


async def a_power_cut_while_on_trial_brings_the_file_before_back(system: WebSystem, chromium: Browser) -> None:
    page = await system.logged_in(chromium, "bob")
    await apply_draft(system, page)
    text = system.station_file.read_text(encoding="utf-8")
    assert "Of Bob" in text and "Of Ann" in text
    os.killpg(system.station.process.pid, signal.SIGKILL)
    await system.station.process.wait()
    await system.start()
    await system.until_well()
    text = system.station_file.read_text(encoding="utf-8")
    assert "Of Bob" not in text and "Of Ann" in text
    await system.until(lambda: phase(system) == "returned")
    assert system.central.connects and NAME in text
    await page.context.close()
