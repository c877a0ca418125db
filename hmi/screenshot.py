"""Screenshots for the web configurator and servers: copied between two frames, made small and packed in a thread."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable

from chargepoint.context import Context
from chargepoint.messages import Noted, Screenshot, TakeScreenshot
from chargepoint.vocabulary import EventType
from hmi.drawing.items import Picture, Rect, Text
from hmi.panel import Panel

log = logging.getLogger(__name__)

LEAST_GAP_S = 1.0
"""At most one is taken in this time; the same asked for again meanwhile is answered with the one before."""
SERIES_S = 60.0
"""Requests closer together are one series, with one line in the log."""
MOST_WAITING = 4
MOST_BYTES = 900_000
"""What fits into a frame of the bus; a larger one is refused with advice."""
FORMATS = ("png", "jpeg")

Now = Callable[[], tuple[Picture | None, str]]
"""The picture shown and its language."""


class Screenshots:
    """One at a time; the last one is kept."""

    def __init__(self, panel: Panel, context: Context, now: Now) -> None:
        self._panel = panel
        self._context = context
        self._now = now
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._last: tuple[str, float, Screenshot] | None = None
        self._taken_s = -LEAST_GAP_S
        self._asked_s = -SERIES_S

    async def take(self, request: TakeScreenshot, sender: str) -> Screenshot:
        """The screen as it is now, or was within the last second."""
        if request.format not in FORMATS:
            return _none(f"There is no format {request.format[:20]!r}, only png and jpeg.")
        if self._waiting >= MOST_WAITING:
            return _none("Too many screenshots are asked for. Try again in a few seconds.")
        self._waiting += 1
        try:
            async with self._lock:
                return await self._take(request, sender)
        finally:
            self._waiting -= 1

    async def _take(self, request: TakeScreenshot, sender: str) -> Screenshot:
        clock = self._context.clock
        gap_s = clock.mono() - self._taken_s
        if gap_s < LEAST_GAP_S:
            if self._last is not None and self._last[:2] == (request.format, request.scale):
                return self._last[2]
            await asyncio.sleep(LEAST_GAP_S - gap_s)
        picture, language = self._now()
        if picture is None:
            return _none("Nothing has been shown yet.")
        self._note(request, sender)
        self._taken_s = clock.mono()
        try:
            copied = self._panel.copy()
            data, width, height = await asyncio.to_thread(
                copied.encode, request.format, request.scale, masks_of(picture)
            )
        except Exception as error:
            log.warning("screenshot: %s: %s", type(error).__name__, error)
            return _none(f"The screen cannot be copied now: {error}")
        if len(data) > MOST_BYTES:
            return _none(f"The picture has {len(data)} bytes, too many. Ask for jpeg or a smaller scale.")
        taken = Screenshot(
            ok=True,
            format=request.format,
            data=data,
            screen=picture.name,
            language=language,
            width=width,
            height=height,
            at=clock.now() if clock.is_set else None,
            sha256=hashlib.sha256(data).hexdigest(),
        )
        self._last = (request.format, request.scale, taken)
        return taken

    def _note(self, request: TakeScreenshot, sender: str) -> None:
        """Who looks, once for each series."""
        now_s = self._context.clock.mono()
        is_new, self._asked_s = now_s - self._asked_s >= SERIES_S, now_s
        if is_new:
            by = request.by or sender
            self._context.bus.publish(Noted(event_type=EventType.HMI_SCREEN, action="screenshot", message=by[:100]))


def masks_of(picture: Picture) -> tuple[Rect, ...]:
    """Where passwords, PINs and card numbers stand."""
    return tuple(item.rect for item in picture.items if isinstance(item, Text) and item.is_secret)


def _none(text: str) -> Screenshot:
    return Screenshot(ok=False, text=text)
