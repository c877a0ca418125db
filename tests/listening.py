"""What a participant of the bus has heard, for tests."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from chargepoint.messages import Event
from chargepoint.streams import Subscription

E = TypeVar("E", bound=Event)

ON_THE_WAY_S = 0.1
"""Virtual seconds: time moves only when nothing is on its way between two sockets any more."""


async def heard(subscription: Subscription[E]) -> list[E]:
    """All that came, what was still on its way, too; the subscription is closed."""
    await asyncio.sleep(ON_THE_WAY_S)
    subscription.close()
    return [event async for event in subscription]
