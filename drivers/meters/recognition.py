"""Which meter answers at an address of a Modbus line: the drivers are asked in a safe order.

First those whose meters say by a register of their own who they are, then those that can only be told by a table that
is plausible throughout. All of it are reads of a few registers; nobody is written to.
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from drivers.errors import DeviceError, NoAnswer
from drivers.interfaces import Identity
from drivers.loading import load

log = logging.getLogger(__name__)

BY_THEIR_WORD = ("schneider", "abb", "iskra", "carlo_gavazzi", "eastron")
BY_PLAUSIBILITY = ("chint", "dzg", "acrel")
GIVE_UP_AFTER = 2
"""So many drivers without any answer from the address: nobody is there."""


class Recognised(msgspec.Struct, frozen=True):
    """The driver whose meter it is, and who it says it is. `is_certain`: by its own word, not by plausibility."""

    driver: str
    identity: Identity
    is_certain: bool


async def recognise(port: Any, address: int) -> Recognised | None:
    """The best match at `address` of a Modbus `port`; None when it is something else. Raises NoAnswer when nobody is
    there."""
    silent, heard = 0, False
    for name in (*BY_THEIR_WORD, *BY_PLAUSIBILITY):
        try:
            identity = await load("meters", name).recognise(port, address)
        except NoAnswer:
            silent += 1
            if silent >= GIVE_UP_AFTER and not heard:
                raise
            continue
        except DeviceError as error:
            log.debug("address %d is no %s: %s", address, name, error)
            identity = None
        heard = True
        if identity is not None:
            return Recognised(name, identity, name in BY_THEIR_WORD)
    return None
