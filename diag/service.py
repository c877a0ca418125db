"""The service `diag`: station tests, incidents, archives, care of the log, what is done each day.

Puts its parts together. A part serves its calls from when it is made; one with a loop has `async def run(self)`, which
goes on until cancelled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from chargepoint.context import Context
from diag.archiving import Archives
from diag.diagnosis import Diagnosis
from diag.housekeeping import Housekeeping
from diag.incidents import Incidents
from diag.logs import LogCare
from diag.trends import Trends

log = logging.getLogger(__name__)


async def run(context: Context) -> None:
    """Until asked to stop. A part whose loop ends by a fault ends the service, which is started again."""
    states = context.bus.watch("")
    archives = Archives(context, states)
    loops: dict[str, Coroutine[Any, Any, None]] = {
        "incidents": Incidents(context, states).run(),
        "care of the log": LogCare(context).run(),
        "housekeeping": Housekeeping(context, states, archives.make, archives.has_day).run(),
        "station tests": Diagnosis(context, states).run(),
        "trends": Trends(context, states).run(),
    }
    tasks = [asyncio.create_task(work, name=f"diag: {name}") for name, work in loops.items()]
    beating = asyncio.create_task(context.beat_until_stopped(), name="diag: beat")
    context.ready()
    try:
        done, _ = await asyncio.wait({beating, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
            if task is not beating:
                raise RuntimeError(f"{task.get_name()} ended by itself")
    finally:
        for task in (beating, *tasks):
            task.cancel()
        await asyncio.gather(beating, *tasks, return_exceptions=True)
