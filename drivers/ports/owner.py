"""How the owner task of a port outlives faults of this software."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

MOST_PAUSE_S = 5.0
"""Between two tries to open a wire, at most; and before work goes on behind a fault."""


async def keep_at(name: str, work: Callable[[], Awaitable[None]], begin_anew: Callable[[str], None]) -> None:
    """Do the `work` of port `name` until cancelled: whatever it raises, the devices on this wire are needed on.

    A fault is logged once; `begin_anew` is told of it, and the work goes on after a pause.
    """
    said = ""
    while True:
        try:
            await work()
        except Exception as error:
            if repr(error) != said:
                said = repr(error)
                log.exception("port '%s': a fault of this software; it is opened anew", name)
        begin_anew(f"a fault of this software: {said}")
        await asyncio.sleep(MOST_PAUSE_S)
