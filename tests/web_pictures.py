"""`python -m tests.web_pictures [--to docs/web]`: pictures of the web pages of a whole simulated station, in a browser.

The station is the demo (dc-100, a day of drivers), so that pages have something to show. Each page is taken on a phone
(360 px) and on a desktop (1280 px), some in the dark theme and in each language; a page that axe-core finds fault with
is named on standard error, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Self

import pygame
from playwright.async_api import Browser, Page, async_playwright

from hmi.contact_sheet import save_small
from tests.system.browser import ARGUMENTS, DESKTOP, PASSWORD, PHONE, fits, violations
from webconfig.wizard.steps import NAMES

PATHS: dict[str, str] = {
    "overview": "/",
    "connectors": "/connectors",
    "connector": "/connectors/1",
    "controller": "/connectors/1/controller",
    "connector-test": "/connectors/1/test",
    "dump": "/connectors/1/dump",
    "availability": "/availability",
    "sessions": "/sessions",
    "session": "/sessions/{session}",
    "session-charts": "/sessions/{session}/charts",
    "session-dump": "/sessions/{session}/dump",
    "session-oplog": "/sessions/{session}/oplog",
    "session-ocpp": "/sessions/{session}/ocpp",
    "modules": "/modules",
    "limits": "/limits?edit=1",
    "meters": "/meters",
    "climate": "/climate",
    "devices": "/devices",
    "access": "/access",
    "users": "/users",
    "user": "/users/edit?login=admin",
    "account": "/account",
    "password": "/password",
    "tariffs": "/tariffs",
    "oplog": "/oplog",
    "oplog-entry": "/oplog/{entry}",
    "security": "/security",
    "journal": "/journal",
    "reports": "/reports",
    "config": "/config",
    "config-section": "/config/section/station",
    "config-item": "/config/section/connector/1",
    "config-raw": "/config/raw",
    "config-difference": "/config/difference",
    "config-history": "/config/history",
    "config-version": "/config/history/{version}",
    "config-export": "/config/export",
    "backup": "/backup",
    "ocpp": "/ocpp",
    "ocpp-keys": "/ocpp/keys",
    "ocpp-list": "/ocpp/list",
    "ocpp-profiles": "/ocpp/profiles",
    "ocpp-messages": "/ocpp/messages",
    "network": "/network",
    "time": "/time",
    "certificates": "/certificates",
    "screen": "/hmi",
    "firmware": "/firmware",
    "diagnostics": "/diagnostics",
    "trends": "/diagnostics/trends",
    "incidents": "/incidents",
    "service": "/service",
    "safe-mode": "/safe-mode",
    "api": "/api/docs",
    "help": "/help",
    "more": "/more",
    "deeds": "/deeds",
    "deed": "/deeds/reboot_controller?connector=1",
    "commands": "/commands",
    **{f"wizard-{name}": f"/wizard/{name}" for name in NAMES},
    "wizard-report": "/wizard/report",
}
"""Every page that can be looked at as an administrator; `{session}`, `{entry}` and `{version}` are numbers."""
KEPT = {
    "phone": ("overview", "connector", "sessions", "modules", "config", "wizard-supply", "ocpp", "diagnostics"),
    "desktop": (
        "overview", "connector", "sessions", "session-charts", "modules", "limits", "config", "ocpp", "service",
        "oplog", "firmware", "diagnostics",
    ),
}  # fmt: skip
"""Pictures for the documents; all others are taken only with --all."""
OF_CABINET = frozenset({"modules"})
"""Pages that show more on a station of many modules and contactors: taken from CABINET."""
CABINET = "cabinet-480"
LOOKS = {"phone": PHONE, "desktop": DESKTOP}
MOST_HEIGHT_PX = 2400
SETTLE_MS = 1200


class Shown:
    """A demo in this process's hands, its administrator's password set."""

    def __init__(self, station: str) -> None:
        self._station = station
        self.base = ""
        self._password = ""

    async def __aenter__(self) -> Self:
        self._demo = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "chargepoint", "demo", "--web", "--plain", "--station", self._station,
            "--scenario", "day", "--for", "900", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            self.base, self._password = await _address(self._demo)
        except BaseException:
            await self.__aexit__()
            raise
        self._drain = asyncio.create_task(_drain(self._demo))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._demo.returncode is None:
            self._demo.terminate()
            await self._demo.wait()

    async def own_password(self, browser: Browser) -> None:
        page = await self.window(browser, "desktop", "en")
        await _log_in(page, self._password)
        for name, value in (("old", self._password), ("new", PASSWORD), ("again", PASSWORD)):
            await page.fill(f"#f-{name}", value)
        await page.click("main button[type=submit]")
        await page.wait_for_url("**/wizard/**")
        await page.goto("/")
        await page.click("main button[value=hide]")
        await page.context.close()

    async def window(self, browser: Browser, look: str, language: str) -> Page:
        context = await browser.new_context(
            base_url=self.base, ignore_https_errors=True, locale=language, **LOOKS[look]
        )
        context.set_default_timeout(20_000)
        return await context.new_page()


async def main(folder: Path, is_all: bool, station: str, warm_s: float) -> int:
    """Start the demo, take the pictures; then those of the cabinet. Exit status."""
    folder.mkdir(parents=True, exist_ok=True)
    faults: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        for name, wanted in ((station, set(PATHS) - OF_CABINET), (CABINET, OF_CABINET)):
            async with Shown(name) as shown:
                await asyncio.sleep(warm_s)
                await shown.own_password(browser)
                faults += await _pictures(browser, shown, folder, is_all, wanted)
        await browser.close()
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


async def _address(demo: asyncio.subprocess.Process) -> tuple[str, str]:
    """Address and first password, as the demo prints them."""
    assert demo.stdout is not None
    text = ""
    async with asyncio.timeout(60):
        while True:
            line = (await demo.stdout.readline()).decode()
            if not line:
                raise RuntimeError(f"the demo ended: {text[-1000:]}")
            text += line
            address = re.search(r"https://\S+", text)
            password = re.search(r"password\s+(\S+)", text)
            if address and password:
                return address[0].rstrip("/,."), password[1].rstrip(",.")


async def _drain(demo: asyncio.subprocess.Process) -> None:
    assert demo.stdout is not None
    while await demo.stdout.read(4096):
        pass


async def _pictures(browser: Browser, shown: Shown, folder: Path, is_all: bool, wanted: Collection[str]) -> list[str]:
    faults: list[str] = []
    for look, theme, language in (("desktop", "light", "en"), ("phone", "light", "ru"), ("desktop", "dark", "kk")):
        page = await shown.window(browser, look, language)
        await _log_in(page, PASSWORD)
        await page.wait_for_url(shown.base + "/")
        await page.context.add_cookies(
            [
                {"name": "theme", "value": theme, "url": shown.base},
                {"name": "language", "value": language, "url": shown.base},
            ]
        )
        numbers = {"session": await _number(page, "/sessions?hide_zero=1", "/sessions/"), "entry": "1", "version": "0"}
        for name, path in PATHS.items():
            if name not in wanted or (not is_all and (theme == "dark" or name not in KEPT[look])):
                continue
            if name == "connector":
                path = f"/connectors/{await _charging(page)}"
            path = path.format_map(numbers)
            answer = await page.goto(path)
            if answer is None or answer.status != 200:
                faults.append(f"{path} ({look}): {answer.status if answer else 'no answer'}")
                continue
            await page.wait_for_timeout(SETTLE_MS)
            faults += [f"{path} ({look}, {theme}): {one}" for one in await violations(page)]
            if not await fits(page):
                faults.append(f"{path} ({look}): wider than its window")
            await _picture(page, look, folder / f"{name}-{look}{'-dark' if theme == 'dark' else ''}.png")
        await page.context.close()
    return faults


async def _picture(page: Page, look: str, file: Path) -> None:
    """The whole page as in a window that is high enough, so that its bar stays at the foot."""
    size = LOOKS[look]["viewport"]
    whole = await page.evaluate("document.documentElement.scrollHeight")
    await page.set_viewport_size({"width": size["width"], "height": max(size["height"], min(MOST_HEIGHT_PX, whole))})
    await page.screenshot(path=file)
    await page.set_viewport_size(size)
    save_small(pygame.image.load(file), file)


async def _number(page: Page, path: str, before: str) -> str:
    """The number in the last link below `before` on a page: the oldest, which is finished."""
    await page.goto(path)
    links = await page.eval_on_selector_all(
        f"main td a[href^='{before}']", "all => all.map(one => one.getAttribute('href'))"
    )
    return str(links[-1]).removeprefix(before) if links else "1"


async def _charging(page: Page) -> str:
    """A connector where a car charges with direct current, else the first."""
    await page.goto("/api/v1/connectors")
    told = await page.evaluate("JSON.parse(document.body.innerText)")
    rows = told if isinstance(told, list) else next((each for each in told.values() if isinstance(each, list)), [])
    busy = [row for row in rows if row.get("status") == "CHARGING"]
    busy.sort(key=lambda row: -float(row.get("power_w") or 0))
    return str(busy[0]["number"]) if busy else "1"


async def _log_in(page: Page, password: str) -> None:
    await page.goto("/login")
    await page.fill("#f-login", "admin")
    await page.fill("#f-password", password)
    await page.click("main button[type=submit]")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=Path("docs/web"))
    parser.add_argument("--all", action="store_true", help="every page, also in the dark theme")
    parser.add_argument("--station", default="dc-100")
    parser.add_argument("--warm", type=float, default=40.0, help="seconds of the day before the first picture")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.to, given.all, given.station, given.warm)))
