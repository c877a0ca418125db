"""DataTransfer: vendors' own messages, answered by handlers that other packages bring.

A handler is an entry point of the group `chargepoint.data_transfer`; its name is the vendorId. It is a coroutine
function `handle(message_id: str, data: str) -> tuple[status, data]` with status Accepted or Rejected, and raises
`UnknownMessage` for a message id it does not know. Source: OCPP 1.6, 4.3, 5.6.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import cache
from importlib.metadata import entry_points

from ocpp_client.frames import Payload

log = logging.getLogger(__name__)

GROUP = "chargepoint.data_transfer"

VendorHandler = Callable[[str, str], Awaitable[tuple[str, str]]]


class UnknownMessage(Exception):
    """The vendor is known, this message id is not."""


@cache
def installed() -> dict[str, VendorHandler]:
    """Handlers by vendor id; one that cannot be loaded is logged and left out."""
    found: dict[str, VendorHandler] = {}
    for entry in entry_points(group=GROUP):
        try:
            found[entry.name] = entry.load()
        except Exception:
            log.exception("the handler %s for DataTransfer of %r cannot be loaded", entry.value, entry.name)
    return found


async def answer(payload: Payload, handlers: dict[str, VendorHandler]) -> Payload:
    """The answer to a DataTransfer that has passed its schema."""
    handler = handlers.get(payload["vendorId"])
    if handler is None:
        return {"status": "UnknownVendorId"}
    try:
        status, data = await handler(payload.get("messageId", ""), payload.get("data", ""))
    except UnknownMessage:
        return {"status": "UnknownMessageId"}
    return {"status": status, "data": data} if data else {"status": status}
