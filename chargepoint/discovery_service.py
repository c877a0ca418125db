"""The service `discovery`: looks for devices when it is asked to (web, first-run wizard). It rests otherwise."""

from __future__ import annotations

import asyncio
import logging

from chargepoint.context import Context
from chargepoint.discovery import pcsc_readers, ranges, search, wires_of, wires_of_machine
from chargepoint.messages import ActionResult, Discover, DiscoveryState
from chargepoint.proposal import WirePart, proposed

log = logging.getLogger(__name__)

MOST_LINES = 200


async def run(context: Context) -> None:
    """Serve until asked to stop."""
    looking = Looking(context)
    context.bus.serve(Discover, looking.begin)
    context.ready()
    try:
        await context.beat_until_stopped()
    finally:
        await looking.end()


class Looking:
    """One search at a time; what it says is told as topic `discovery`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._task: asyncio.Task[None] | None = None
        self._lines: list[str] = []
        self._by = ""

    async def begin(self, request: Discover, _sender: str) -> ActionResult:
        """Begin a search."""
        if self._task is not None and not self._task.done():
            return ActionResult(ok=False, code="busy", text="It looks already.")
        try:
            wanted = ranges(request.addresses)
            wires = wires_of_machine() + wires_of((), (), request.hosts)
        except ValueError as error:
            return ActionResult(ok=False, code="bad_request", text=str(error))
        self._lines, self._by = [], request.by
        self._task = asyncio.create_task(self._look(wires, wanted, request.within_s), name="discovery")
        return ActionResult(ok=True, code="ok", text=f"{len(wires)} ports are looked at.")

    async def end(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look(self, wires: list[WirePart], wanted: tuple[int, ...], within_s: float) -> None:
        text, count = "", 0
        self._tell(is_looking=True)
        try:
            cards = await asyncio.to_thread(pcsc_readers)
            for card in cards:
                self._say(f"found: {card}")
            found, seen = await search(wires, wanted, within_s, self._say)
            found += cards
            count = len(found)
            text = proposed(seen, found) if found else ""
            self._say(f"{count} devices were found." if found else "Nothing was found.")
        except Exception as error:
            log.exception("discovery failed")
            self._say(f"It failed: {type(error).__name__}: {error}")
        finally:
            self._tell(is_looking=False, found=count, proposal=text)

    def _say(self, line: str) -> None:
        self._lines.append(line[:300])
        del self._lines[:-MOST_LINES]
        self._tell(is_looking=True)

    def _tell(self, *, is_looking: bool, found: int = 0, proposal: str = "") -> None:
        self._context.bus.set_state(
            "discovery",
            DiscoveryState(
                is_looking=is_looking, lines=tuple(self._lines), found=found, proposal=proposal, by=self._by
            ),
        )
