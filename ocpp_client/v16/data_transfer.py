"""DataTransfer: vendors' own messages, answered by handlers that other packages bring.

A handler is an entry point of the group `chargepoint.data_transfer`; its name is the vendorId. It is a coroutine
function `handle(message_id: str, data: str) -> tuple[status, data]` with status Accepted or Rejected, and raises
`UnknownMessage` for a message id it does not know. A handler that fails, answers nonsense or takes longer than
`ANSWER_S` becomes an InternalError. Source: OCPP 1.6, 4.3, 5.6, 7.22; vendorId is a CiString.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from ocpp_client.frames import INTERNAL_ERROR, Payload
from ocpp_client.rpc import CallFault

log = logging.getLogger(__name__)

GROUP = "chargepoint.data_transfer"
ANSWER_S = 20.0
"""Central systems wait some 30 s for an answer."""
MAX_DATA = 64 * 1024
"""Most characters in the data of an answer."""
STATUSES = frozenset({"Accepted", "Rejected"})

VendorHandler = Callable[[str, str], Awaitable[tuple[str, str]]]


class UnknownMessage(Exception):
    """The vendor is known, this message id is not."""


@cache
def installed() -> dict[str, VendorHandler]:
    """Handlers by vendor id in lower case; one that cannot be loaded is logged and left out."""
    from importlib.metadata import entry_points  # 1 MiB, with all it imports; only a DataTransfer needs it

    found: dict[str, VendorHandler] = {}
    for entry in entry_points(group=GROUP):
        try:
            found[entry.name.lower()] = entry.load()
        except Exception:
            log.exception("the handler %s for DataTransfer of %r cannot be loaded", entry.value, entry.name)
    return found


async def answer(payload: Payload, handlers: dict[str, VendorHandler]) -> Payload:
    """The answer to a DataTransfer that has passed its schema. Raises CallFault when the handler fails."""
    vendor = payload["vendorId"]
    handler = handlers.get(vendor.lower())
    if handler is None:
        return {"status": "UnknownVendorId"}
    try:
        async with asyncio.timeout(ANSWER_S):
            found: Any = await handler(payload.get("messageId", ""), payload.get("data", ""))
    except UnknownMessage:
        return {"status": "UnknownMessageId"}
    except TimeoutError:
        log.error("DataTransfer: the handler of %r did not answer in %.0f s", vendor[:50], ANSWER_S)
        raise CallFault(INTERNAL_ERROR, "the vendor's handler did not answer in time") from None
    except Exception:
        log.exception("DataTransfer: the handler of %r failed", vendor[:50])
        raise CallFault(INTERNAL_ERROR, "the vendor's handler failed") from None
    match found:
        case (str(status), str(data)) if status in STATUSES and len(data) <= MAX_DATA:
            return {"status": status, "data": data} if data else {"status": status}
    log.error("DataTransfer: the handler of %r must give (Accepted or Rejected, text), not %.100r", vendor[:50], found)
    raise CallFault(INTERNAL_ERROR, "the vendor's handler gave no valid answer")
