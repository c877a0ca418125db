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
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from tests.system.browser import ARGUMENTS, DESKTOP, PASSWORD, PHONE, violations

PATHS: dict[str, str] = {
    "overview": "/",
    "connectors": "/connectors",
    "connector": "/connectors/1",
    "sessions": "/sessions",
    "modules": "/modules",
    "limits": "/limits",
    "meters": "/meters",
    "climate": "/climate",
    "devices": "/devices",
    "access": "/access",
    "users": "/users",
    "tariffs": "/tariffs",
    "oplog": "/oplog",
    "security": "/security",
    "journal": "/journal",
    "reports": "/reports",
    "config": "/config",
    "ocpp": "/ocpp",
    "network": "/network",
    "time": "/time",
    "certificates": "/certificates",
    "screen": "/hmi",
    "firmware": "/firmware",
    "service": "/service",
    "backup": "/backup",
    "api": "/api/docs",
    "help": "/help",
    "wizard-supply": "/wizard/supply",
    "wizard-hardware": "/wizard/hardware",
    "deed": "/deeds/reboot_controller?connector=1",
}
KEPT = {
    "phone": ("overview", "connector", "sessions", "modules", "config", "wizard-supply", "ocpp"),
    "desktop": ("overview", "connector", "sessions", "modules", "limits", "config", "ocpp", "service", "oplog"),
}
"""Pictures for the documents; all others are taken only with --all."""
LOOKS = {"phone": PHONE, "desktop": DESKTOP}
MOST_HEIGHT_PX = 2400


async def main(folder: Path, is_all: bool, station: str, warm_s: float) -> int:
    """Start the demo, take the pictures. Exit status."""
    folder.mkdir(parents=True, exist_ok=True)
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chargepoint", "demo", "--web", "--plain", "--station", station, "--scenario", "day",
        "--for", "600", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        base, password = await _address(demo)
        drain = asyncio.create_task(_drain(demo))
        await asyncio.sleep(warm_s)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
            faults = await _pictures(browser, base, password, folder, is_all)
            await browser.close()
        drain.cancel()
    finally:
        if demo.returncode is None:
            demo.terminate()
            await demo.wait()
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


async def _pictures(browser: Browser, base: str, password: str, folder: Path, is_all: bool) -> list[str]:
    first = await _page(browser, base, "desktop", "en")
    await first.goto("/login")
    await first.fill("#f-login", "admin")
    await first.fill("#f-password", password)
    await first.click("main button[type=submit]")
    await first.fill("#f-old", password)
    await first.fill("#f-new", PASSWORD)
    await first.fill("#f-again", PASSWORD)
    await first.click("main button[type=submit]")
    await first.wait_for_url("**/wizard/**")
    faults: list[str] = []
    for look, theme, language in (("desktop", "light", "en"), ("phone", "light", "ru"), ("desktop", "dark", "kk")):
        page = await _page(browser, base, look, language)
        await page.goto("/login")
        await page.fill("#f-login", "admin")
        await page.fill("#f-password", PASSWORD)
        await page.click("main button[type=submit]")
        await page.wait_for_url(base + "/")
        await page.context.add_cookies(
            [{"name": "theme", "value": theme, "url": base}, {"name": "language", "value": language, "url": base}]
        )
        for name, path in PATHS.items():
            if not is_all and (theme == "dark" or name not in KEPT[look]):
                continue
            answer = await page.goto(path)
            if answer is None or answer.status != 200:
                faults.append(f"{path} ({look}): {answer.status if answer else 'no answer'}")
                continue
            await page.wait_for_timeout(1200)
            faults += [f"{path} ({look}, {theme}): {one}" for one in await violations(page)]
            width = await page.evaluate("document.documentElement.scrollWidth")
            if width > LOOKS[look]["viewport"]["width"]:
                faults.append(f"{path} ({look}): {width} px wide")
            height = min(MOST_HEIGHT_PX, await page.evaluate("document.documentElement.scrollHeight"))
            clip = {"x": 0.0, "y": 0.0, "width": float(LOOKS[look]["viewport"]["width"]), "height": float(height)}
            suffix = "-dark" if theme == "dark" else ""
            await page.screenshot(path=folder / f"{name}-{look}{suffix}.png", full_page=True, clip=clip)  # type: ignore[arg-type]
        await page.context.close()
    return faults


async def _page(browser: Browser, base: str, look: str, language: str) -> Page:
    context = await browser.new_context(base_url=base, ignore_https_errors=True, locale=language, **LOOKS[look])
    context.set_default_timeout(20_000)
    return await context.new_page()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=Path("docs/web"))
    parser.add_argument("--all", action="store_true", help="every page, also in the dark theme")
    parser.add_argument("--station", default="dc-100")
    parser.add_argument("--warm", type=float, default=40.0, help="seconds of the day before the first picture")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.to, given.all, given.station, given.warm)))
