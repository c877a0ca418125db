"""Asking a driver on whose answer no more hangs than its own value: its faults are its device's, not the station's."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from drivers.errors import BadFrame, DeviceError

log = logging.getLogger(__name__)

T = TypeVar("T")


async def asked(answer: Awaitable[T], who: str) -> T:
    """The answer of the device `who` (for people: "meter 'm1'"). Raises DeviceError, also where the driver itself fails
    over what came back: then the loop that asks goes on, and so do the charges of all connectors."""
    try:
        return await answer
    except DeviceError:
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        text = f"its driver cannot understand the answer: {error!r} ({Path(place.filename).name}:{place.lineno})"
        log.debug("%s: %s", who, text, exc_info=True)
        raise BadFrame(text) from error
