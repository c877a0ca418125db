"""Who works at the station through a live page: told to the station as long as his page says so (reliability S19).

A page that is silent for `GONE_S`, or whose log-in ends, takes him away; the station then ends what is forced for him.
"""

from __future__ import annotations

import asyncio
import logging

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.messages import TechnicianAtWork
from webconfig.visitors import Visitor

log = logging.getLogger(__name__)

REPEAT_S = 4.0
GONE_S = 12.0
"""With the station's own 15 s of silence this is not added up: when it ends, the station is told at once."""
MOST = 16


class AtWork:
    """`seen` is called by his page each few seconds."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._seen_s: dict[Visitor, float] = {}
        self._telling: dict[str, asyncio.Task[None]] = {}

    def is_there(self, login: str) -> bool:
        return login in self._telling

    async def seen(self, visitor: Visitor) -> bool:
        """His page is there; the first time this waits until the station knows. False: there are too many."""
        if visitor.login not in self._telling and len(self._telling) >= MOST:
            return False
        self._seen_s[visitor] = asyncio.get_running_loop().time()
        if visitor.login not in self._telling:
            first = asyncio.Event()
            task = asyncio.create_task(self._tell(visitor.login, first), name=f"{visitor.login} at work")
            self._telling[visitor.login] = task
            await first.wait()
        return True

    async def run(self) -> None:
        """Until cancelled: then nobody is there any more."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            tasks = list(self._telling.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _holders(self, login: str) -> list[Visitor]:
        now_s = asyncio.get_running_loop().time()
        for visitor in [one for one, at_s in self._seen_s.items() if one.ended.is_set() or now_s - at_s > GONE_S]:
            del self._seen_s[visitor]
        return [one for one in self._seen_s if one.login == login]

    async def _tell(self, login: str, first: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        next_s = loop.time()
        try:
            while holders := self._holders(login):
                if loop.time() >= next_s:
                    await self._say(TechnicianAtWork(login=login))
                    first.set()
                    next_s = loop.time() + REPEAT_S
                await _one_ended(holders, 1.0)
        finally:
            first.set()
            del self._telling[login]
            await self._say(TechnicianAtWork(login=login, is_there=False))

    async def _say(self, request: TechnicianAtWork) -> None:
        try:
            await self._bus.call("station", request, timeout_s=REPEAT_S)
        except (Unavailable, CallFailed, TimeoutError) as error:
            log.warning("the station does not hear who is at work: %s", error)


async def _one_ended(holders: list[Visitor], within_s: float) -> None:
    """Wait until one of these log-ins ends, at most so long."""
    waits = [asyncio.ensure_future(one.ended.wait()) for one in holders]
    try:
        await asyncio.wait(waits, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
