"""A whole station with its web pages, and Debian's chromium to look at them, driven by Playwright; axe-core judges.

    async with WebSystem(tmp_path) as system, opened() as chromium:
        page = await system.page(chromium, PHONE)
        await page.goto("/")

Every page notes its requests: none may leave the station's origin.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, async_playwright

from chargepoint.messages import MakeFirstAdministrator, SaveUser, User
from chargepoint.reconfiguration import SOFT_RESTART
from chargepoint.vocabulary import Role
from tests.system.rig import PATIENCE_S, System

PHONE: Mapping[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DESKTOP: Mapping[str, Any] = {"viewport": {"width": 1280, "height": 900}}
PASSWORD = "Correct-horse-battery-9"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
AXE_OPTIONS = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
}


@asynccontextmanager
async def opened() -> AsyncIterator[Browser]:
    """A browser without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens at, below those that the kernel hands out to everybody: until the
    station listens there itself, no connection of another test may take one."""
    found: list[int] = []
    while len(found) < count:
        number = random.SystemRandom().randrange(15_000, 30_000)
        with closing(socket.socket()) as sock, suppress(OSError):
            sock.bind(("127.0.0.1", number))
            found.append(number)
    return found


class WebSystem(System):
    """A station whose pages are at `base`; `strangers` are requests that went elsewhere, and what scripts broke.

    `has_brief_trials`: a station file is on trial for seconds (brief_trials.py).
    """

    def __init__(
        self,
        folder: Path,
        *,
        change: dict[str, Any] | None = None,
        has_brief_trials: bool = False,
        **more: Any,
    ) -> None:
        if has_brief_trials:
            self.program = "tests.system.brief_trials"
        self.https_port, self.http_port = free_ports(2)
        web = {
            "is_fitted": True,
            "https_port": self.https_port,
            "http_port": self.http_port,
            "addresses": ["127.0.0.1"],
        }
        super().__init__(folder, change={"web": web, **(change or {})}, **more)
        self.base = f"https://127.0.0.1:{self.https_port}"
        self.strangers: list[str] = []

    async def first_password(self) -> str:
        """What stands on the label."""
        assert self.watcher.bus is not None
        return (await self.watcher.bus.call("hub", MakeFirstAdministrator())).first_password

    async def add_user(self, login: str, role: Role) -> None:
        """Somebody with PASSWORD."""
        assert self.watcher.bus is not None
        asked = SaveUser(user=User(login=login, role=role), password=PASSWORD, must_change=False, by="cli")
        result = await self.watcher.bus.call("hub", asked)
        assert result.ok, result

    async def back_after_restart(self) -> None:
        """Play systemd: the station has left for a restart of itself, it is started again and well."""
        assert await self.ended(PATIENCE_S) == SOFT_RESTART
        await self.start()
        await self.until_well()
        await self.until_pages()

    async def until_pages(self) -> None:
        """Wait until the web answers."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.https_port)
                    writer.close()
                    return
                await asyncio.sleep(0.05)

    async def page(self, browser: Browser, look: Mapping[str, Any] = DESKTOP, **more: Any) -> Page:
        """A new window of somebody who is not logged in."""
        options = {"locale": "en", **look, **more}
        context = await browser.new_context(base_url=self.base, ignore_https_errors=True, **options)
        context.set_default_timeout(40_000)
        page = await context.new_page()

        def note(url: str) -> None:
            at = urlsplit(url)
            if at.scheme in ("http", "https", "ws", "wss") and at.port not in (self.https_port, self.http_port):
                self.strangers.append(url)

        page.on("request", lambda request: note(request.url))
        page.on("pageerror", lambda error: self.strangers.append(f"script: {error}"))
        page.on("console", lambda line: self._console(line.type, line.text))
        return page

    async def logged_in(self, browser: Browser, login: str, look: Mapping[str, Any] = DESKTOP, **more: Any) -> Page:
        """A new window of somebody with PASSWORD, on the overview."""
        page = await self.page(browser, look, **more)
        await log_in(page, login, PASSWORD)
        await page.wait_for_url(f"{self.base}/")
        return page

    def _console(self, kind: str, text: str) -> None:
        if kind == "error" and "Content Security Policy" in text:
            self.strangers.append(text)


async def log_in(page: Page, login: str, password: str) -> None:
    await page.goto("/login")
    await page.fill("#f-login", login)
    await page.fill("#f-password", password)
    await page.click("main button[type=submit]")


async def fits(page: Page) -> bool:
    """Whether nothing of it lies to the right of the window. On a phone no table has to be pushed aside, too."""
    return bool(
        await page.evaluate(
            """() => document.documentElement.scrollWidth <= window.innerWidth && (window.innerWidth > 360 ||
              [...document.querySelectorAll(".scroll")].every(one => one.scrollWidth <= one.clientWidth + 1))"""
        )
    )


async def violations(page: Page, has_contrast: bool = True) -> list[str]:
    """What axe-core finds fault with: rule, and the first element. Looking at contrast takes most of the time."""
    rules = {"color-contrast": {"enabled": has_contrast}}
    results = await Axe().run(page, options={**AXE_OPTIONS, "rules": rules})
    return [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:160]}" for one in results.response["violations"]]
