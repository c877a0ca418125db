"""The service `fota`: new versions fetched, verified, staged; files sent."""

from __future__ import annotations

from chargepoint.context import Context


async def run(context: Context) -> None:
    """Until asked to stop."""
    context.ready()
    await context.beat_until_stopped()
