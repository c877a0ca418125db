"""Telling the central system one message, however long that takes: what counts as a try, and when to give up.

Being without link, or not accepted yet, is no try. A server that fails is asked again with growing waits.
"""

from __future__ import annotations

import asyncio
import logging

from ocpp_client.frames import (
    FORMATION_VIOLATION,
    NOT_IMPLEMENTED,
    NOT_SUPPORTED,
    OCCURENCE_VIOLATION,
    PROPERTY_VIOLATION,
    TYPE_VIOLATION,
    Payload,
)
from ocpp_client.rpc import LinkLost, NoAnswer, Refused, Rpc, Unsendable

log = logging.getLogger(__name__)

UNKNOWN_THERE = frozenset({NOT_IMPLEMENTED, NOT_SUPPORTED})
"""The central system does not know this message: asking again is useless."""
CONTENT = frozenset({FORMATION_VIOLATION, OCCURENCE_VIOLATION, PROPERTY_VIOLATION, TYPE_VIOLATION})
"""It knows the message and does not take this one; once more, in case it was mistaken, and then never again."""
CONTENT_TRIES = 2
FIRST_WAIT_S, MOST_WAIT_S = 10.0, 1800.0
LINK_WAIT_S = 0.1


class GivenUp(Exception):
    """It will never be told; the text says why."""


class Delivery:
    """`is_open`: there is a link and the central system has accepted us. `tries`: at most so many of one message."""

    def __init__(self, rpc: Rpc, is_open: asyncio.Event, tries: int) -> None:
        self._rpc = rpc
        self._is_open = is_open
        self._tries = tries

    async def tell(self, action: str, payload: Payload) -> None:
        """Returns when it was answered. Raises GivenUp."""
        failures, wait_s = 0, FIRST_WAIT_S
        while True:
            await self._is_open.wait()
            try:
                await self._rpc.call(action, payload)
                return
            except LinkLost:
                await asyncio.sleep(LINK_WAIT_S)
                continue
            except Unsendable as error:
                raise GivenUp(f"OCPP does not allow it: {error}") from None
            except (Refused, NoAnswer) as error:
                failures += 1
                if failures >= self._most_tries(error):
                    raise GivenUp(f"{error} ({failures} tries)") from None
                log.warning("%s was not taken: %s; again in %.0f s", action, error, wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, MOST_WAIT_S)

    def _most_tries(self, error: Refused | NoAnswer) -> int:
        code = error.code if isinstance(error, Refused) else ""
        if code in UNKNOWN_THERE:
            return 1
        return min(CONTENT_TRIES, self._tries) if code in CONTENT else self._tries
