"""The service `fota`: new versions fetched, verified, staged; files sent. It puts its parts together."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from chargepoint.activation import unit_serial
from chargepoint.context import Context
from fota.packages import Packages
from fota.questions import Family
from fota.stages import Stages
from fota.standing import look
from fota.store import Store
from fota.updating import Updating
from fota.uploads import Uploads

BEAT_S = 1.0


async def run(context: Context) -> None:
    """Until asked to stop."""
    view = context.bus.watch("")
    packages = Packages(context.data)
    serial = unit_serial(context.layout.keys, context.settings.station.charge_point_serial_number)
    family = Family(context.layout, serial)
    stages = Stages(context, view, packages, family, lambda: look(context))
    updating = Updating(context, view, packages, family, stages)
    Store(context, packages, family, updating)
    uploads = Uploads(context)
    context.ready()
    work = (
        asyncio.create_task(updating.run(), name="update"),
        asyncio.create_task(uploads.run(), name="uploads"),
    )
    try:
        while not context.stopping.is_set():
            for each in work:
                if each.done():
                    each.result()
            context.beat(is_busy=updating.is_busy or uploads.is_busy)
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await context.stopping.wait()
    finally:
        for each in work:
            each.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        view.close()
