"""The service `diag`: station tests, incidents, archives, care of the log, what is done each day."""

from __future__ import annotations

from chargepoint.context import Context


async def run(context: Context) -> None:
    """Until asked to stop."""
    context.ready()
    await context.beat_until_stopped()
