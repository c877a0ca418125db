"""Faces of simulated devices, found by the names of their drivers: drivers/KIND/NAME.py has its other side in
drivers/simulated/KIND/NAME.py.

Devices without a wire have none: a socket made of parts, lines of a GPIO chip, a strip on an SPI bus.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from drivers.loading import KIND_OF_SECTION
from drivers.ports.opening import LocalDevice
from drivers.simulated.devices import Device, DevicePart
from drivers.simulated.module_bank import Ratings

Face = Callable[[Any, DevicePart], Device]
Stand = Callable[[Any, DevicePart, str], LocalDevice]
"""Model, section and device path -> what a port of this machine is made on."""

BUILT_IN = frozenset({("reader", "simulated")})
"""Devices that speak for themselves (reader.py)."""
WITHOUT_WIRE = frozenset({("connector", "socket")})
"""Drivers whose devices are made of other devices."""


@lru_cache(maxsize=256)
def find(kind: str, driver: str) -> Face | None:
    """The face of a driver for a section of `kind`; None when there is none."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", driver) or kind not in KIND_OF_SECTION:
        return None
    name = f"drivers.simulated.{KIND_OF_SECTION[kind]}.{driver}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        return None
    face: Face | None = getattr(module, "face", None)
    return face


def ratings(driver: str) -> Ratings:
    """What power modules of a driver can, as they leave the factory."""
    face = find("modules", driver)
    found = None if face is None else getattr(importlib.import_module(face.__module__), "RATINGS", None)
    return found if isinstance(found, Ratings) else Ratings()


def _gpio(model: Any, part: DevicePart, path: str) -> LocalDevice:
    from drivers.simulated.io.gpio import requesting

    return LocalDevice(path, requesting(model))


def _strip(model: Any, part: DevicePart, path: str) -> LocalDevice:
    from drivers.lights.spi_ws281x import PULSES, Model
    from drivers.simulated.lights.spi_ws281x import opening

    pulses = PULSES[Model(part.options.get("model", Model.WS2812))]
    return LocalDevice(path, opening(model, pulses, str(part.options.get("order", "GRB"))))


STANDS: dict[tuple[str, str], Stand] = {("io", "gpio"): _gpio, ("light", "spi_ws281x"): _strip}
"""Devices of this machine itself: what stands in for them, in the station's own process only."""


def is_known(kind: str, driver: str) -> bool:
    """Whether a device of this driver can be simulated."""
    return (kind, driver) in BUILT_IN | WITHOUT_WIRE | STANDS.keys() or find(kind, driver) is not None
