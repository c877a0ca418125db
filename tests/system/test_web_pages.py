"""Every page in a real browser: nothing for axe-core to find, nothing wider than a phone, nothing from elsewhere."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest
from playwright.async_api import Page

from chargepoint.messages import ReadVersions
from chargepoint.vocabulary import Role
from tests.system.browser import DESKTOP, PHONE, WebSystem, fits, opened, violations
from tests.web_pictures import PATHS
from webconfig.table import all_routes

NO_PAGES = frozenset(
    {
        "/live", "/config/export/file", "/config/history/{number:[0-9]{1,8}}/file", "/hmi/screenshot",
        "/ocpp/messages.jsonl", "/connectors/{n:[0-9]{1,2}}/dump/file", "/service/tests/{number:[0-9]{1,9}}/report",
        "/modules/moment", "/oplog/follow", "/oplog.csv", "/security.csv", "/access.csv", "/sessions/export",
        "/sessions/{id:[0-9]{1,18}}/dump.txt", "/sessions/{id:[0-9]{1,18}}/history",
        "/reports/export", "/journal/{id:[0-9a-z-]{8,40}}", "/wizard",
    }
)  # fmt: skip
"""Files, streams, and ways on to a page."""
NOT_HERE = frozenset(
    {
        "/backup/preview", "/commands/{id:[0-9]{1,9}}", "/connectors/{n:[0-9]{1,2}}/test/{report:[0-9]{1,12}}",
        "/service/tests/{number:[0-9]{1,9}}", "/network/devices/{device}", "/login", "/recovery",
    }
)  # fmt: skip
"""Pages that follow a deed, or are for who is not logged in: other stories meet them."""


def test_every_page_is_looked_at() -> None:
    numbers = {"{session}": "1", "{entry}": "1", "{version}": "0"}
    walked = [re.sub(r"{\w+}", lambda found: numbers[found[0]], path).partition("?")[0] for path in PATHS.values()]
    missing = [
        route.path
        for route in all_routes()
        if route.method == "GET"
        and not route.path.startswith("/api/v1")
        and route.path not in NO_PAGES | NOT_HERE
        and not any(_pattern(route.path).fullmatch(path) for path in walked)
    ]
    assert missing == [], "they belong in tests/web_pictures.py"


def _pattern(path: str) -> re.Pattern[str]:
    """A route's path as an expression: `{name:EXPRESSION}` or `{name}`."""
    found = re.sub(r"{(\w+)(?::((?:[^{}]|{[^{}]*})*))?}", lambda one: f"({one[2] or '[^/]+'})", path)
    return re.compile(found)


@pytest.mark.realtime
@pytest.mark.parametrize("share", [2, pytest.param(1, marks=pytest.mark.long)])
async def test_every_page_is_accessible_and_fits_a_phone(tmp_path: Path, share: int) -> None:
    """Every page is opened and measured; axe, which takes most of the time, judges each `share`-th."""
    async with WebSystem(tmp_path, closings_per_minute=30) as system, opened() as chromium:
        await system.add_user("admin", Role.ADMINISTRATOR)
        await system.charge(1)
        await system.until_full_current(1)
        session = (await system.sessions())[-1].session_id
        version = (await system.watcher.bus.call("hub", ReadVersions())).versions[0].number  # type: ignore[union-attr]
        faults: list[str] = []
        begun_s = time.monotonic()
        pages = []
        for look, theme in ((PHONE, "light"), (DESKTOP, "dark")):
            page = await system.logged_in(chromium, "admin", look)
            await page.context.add_cookies([{"name": "theme", "value": theme, "url": system.base}])
            pages.append(page)
        for login in ("/login", "/recovery"):
            stranger = await system.page(chromium, PHONE)
            faults += await faults_of(stranger, login)
            await stranger.context.close()
        paths = [path.format(session=session, entry=1, version=version) for path in PATHS.values()]
        for found in await asyncio.gather(*(walk(page, paths[n :: len(pages)], share) for n, page in enumerate(pages))):
            faults += found
        print(f"{len(PATHS) + 2} pages in {time.monotonic() - begun_s:.1f} s")
        assert faults == []
        assert system.strangers == []


async def walk(page: Page, paths: list[str], share: int) -> list[str]:
    """Contrast on each third page that is judged: the pages share their colours, and the pictures (web_pictures.py)
    look at all."""
    found = []
    for n, path in enumerate(paths):
        found += await faults_of(page, path, n % (3 * share) == 0, is_judged=n % share == 0)
    return found


async def faults_of(page: Page, path: str, has_contrast: bool = True, *, is_judged: bool = True) -> list[str]:
    answer = await page.goto(path)
    if answer is None or answer.status != 200:
        return [f"{path}: {answer.status if answer else 'no answer'}"]
    found = [f"{path}: {one}" for one in await violations(page, has_contrast)] if is_judged else []
    size = page.viewport_size
    if size is not None and size["width"] > 360:
        await page.set_viewport_size({"width": 360, "height": 740})
    if not await fits(page):
        found.append(f"{path}: wider than a phone")
    if size is not None and size["width"] > 360:
        await page.set_viewport_size(size)
    return found
