"""What changes on a page: each page names its values (`Route.live`); a browser that looks at it hears the differences.

The values of a page are worked out once for all who look at it in the same language with the same rights.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import msgspec

from chargepoint.rights import Right
from webconfig.answers import Answer, Live, Problem
from webconfig.http.paths import BadPath, Paths, decoded
from webconfig.routes import Route, Values, get
from webconfig.stripe import stripe_values
from webconfig.trial_notice import trial_left

if TYPE_CHECKING:
    from webconfig.ask import Ask

SLOWEST_S = 60.0
MOST_KEPT = 64
STILL_THERE_S = 8.0
"""So often something is said also when nothing changes, so that the page knows its values are not old."""


class Shared:
    """The newest values of each page that somebody looks at: worked out once for all who see it in the same language
    with the same role, so a page's function takes nothing else from who asks."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], tuple[float, asyncio.Task[Values]]] = {}
        self._working: set[asyncio.Task[Values]] = set()

    async def values(self, ask: Ask, route: Route, of: str, age_s: float) -> Values:
        """The values of the page `of` (its path and query), at most `age_s` old. Raises what the page's function
        raises. One that is still at work is waited for, never started twice."""
        key = (of, ask.words.language, ask.visitor.role.value if ask.visitor else "")
        now_s = ask.site.now_s()
        begun_s, work = self._kept.get(key, (now_s, None))
        if work is None or (work.done() and (now_s - begun_s >= age_s or work.cancelled() or work.exception())):
            work = asyncio.ensure_future(_worked_out(ask, route))
            self._working.add(work)
            work.add_done_callback(self._done)
            self._kept.pop(key, None)
            while len(self._kept) >= MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = (now_s, work)
        return await asyncio.shield(work)

    def _done(self, work: asyncio.Task[Values]) -> None:
        self._working.discard(work)
        if not work.cancelled():
            work.exception()  # told to whoever waits; nobody may wait any more


async def _worked_out(ask: Ask, route: Route) -> Values:
    assert route.live is not None
    return await route.live(ask)


def frame_values(ask: Ask) -> dict[str, str]:
    """What changes in the frame of every page."""
    return {**stripe_values(ask), "frame.trial": trial_left(ask)}


async def live(ask: Ask) -> Answer:
    """GET /live?of=PATH&every=SECONDS: the values of that page (with its query) as they change, as JSON objects."""
    of = urlsplit(ask.query_text("of"))
    route, places = ask.site.part(Pages).find(of.path)
    if route is None or route.live is None or (ask.site.is_safe_mode and not route.is_safe_mode):
        raise Problem(404, "not_found", ask.text("problem.not_found"))
    if route.right is not None and not ask.may(route.right):
        raise Problem(403, "no_right", ask.text("problem.no_right"))
    try:
        every_s = float(ask.query_text("every", "0"))
    except ValueError:
        every_s = route.live_s
    every_s = min(max(every_s, route.live_s), SLOWEST_S) if every_s == every_s else route.live_s
    ask.request.match_info.update(places)
    ask.asked = {**ask.request.query, **dict(parse_qsl(of.query, max_num_fields=50))}
    return Live(_changes(ask, route, f"{of.path}?{of.query}", every_s))


async def _changes(ask: Ask, route: Route, of: str, every_s: float) -> AsyncIterator[tuple[str, str, str]]:
    shared: Shared = ask.site.part(Shared)
    told: dict[str, str] = {}
    next_s = told_s = ask.site.now_s()
    while True:
        try:
            values = {**frame_values(ask), **await shared.values(ask, route, of, every_s * 0.9)}
        except Problem:  # a service is away: the frame says so, and the page waits for it
            values = frame_values(ask)
        fresh = {key: value for key, value in values.items() if told.get(key) != value}
        if fresh or ask.site.now_s() - told_s >= STILL_THERE_S:
            told.update(fresh)
            told_s = ask.site.now_s()
            yield "", "values", msgspec.json.encode(fresh, enc_hook=str.__str__).decode()
        now_s = ask.site.now_s()
        next_s = max(next_s + every_s, now_s)
        await asyncio.sleep(next_s - now_s)


class Pages:
    """Finds the route of a page's path."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._paths = Paths((route.path, route) for route in routes if route.live is not None)

    def find(self, path: str) -> tuple[Route | None, dict[str, str]]:
        try:
            found = self._paths.found(decoded(path))
        except BadPath:
            found = []
        return found[0] if found else (None, {})


ROUTES = (get("/live", live, Right.SEE, is_safe_mode=True),)
