"""`driver = "eastron"` -> the module of that name: drivers/meters/eastron.py, or another package's by entry point.

A driver module has `Settings` (a struct with at least `port`) and `open_device(settings, port)`. Packages of others
register theirs in the entry point group `chargepoint.drivers`, named KIND.NAME (for example `meters.acme`).
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

KIND_OF_SECTION = {
    "connector": "controllers",
    "meter": "meters",
    "reader": "readers",
    "modules": "power",
    "insulation": "insulation",
    "io": "io",
    "sensor": "climate",
    "light": "lights",
    "ups": "ups",
}
"""Section of the station file -> kind of driver: the folder below drivers/ and drivers/simulated/."""

KINDS = tuple(KIND_OF_SECTION.values())
GROUP = "chargepoint.drivers"


class UnknownDriver(Exception):
    """There is no driver of that name. The text names the nearest ones; `nearest` is the best of them or empty."""

    def __init__(self, kind: str, name: str, known: tuple[str, ...]) -> None:
        import difflib  # only who meets an unknown driver needs it

        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        self.nearest = near[0] if near else ""
        hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
        super().__init__(f"there is no driver {name!r} for {kind}: {hint}known are {', '.join(known) or 'none'}")


@lru_cache(maxsize=64)
def load(kind: str, name: str) -> ModuleType:
    """The driver module `name` of `kind` (one of KINDS), with `Settings` and `open_device`. Raises UnknownDriver."""
    if kind in KINDS and re.fullmatch(r"[a-z][a-z0-9_]*", name):
        module = _ours(kind, name) or _others(kind, name)
        if module is not None:
            return module
    raise UnknownDriver(kind, name, known(kind))


def delivered_address(kind: str, name: str) -> int:
    """The address of a driver's devices as they are delivered, by the default of its settings; 1 where it says none.
    Raises UnknownDriver, ImportError."""
    fields = msgspec.structs.fields(load(kind, name).Settings)
    default = next((field.default for field in fields if field.name == "address"), 1)
    return default if isinstance(default, int) else 1


def address_of(section: str, address: int | None, driver: str) -> int:
    """Where the device of a section of the station file is: as it says, or as the driver's devices are delivered; 1 for
    a driver that cannot be loaded, which is told elsewhere."""
    if address is not None:
        return address
    try:
        return delivered_address(KIND_OF_SECTION[section], driver)
    except (UnknownDriver, ImportError):
        return 1


def known(kind: str) -> tuple[str, ...]:
    """Names of all drivers of `kind`, sorted."""
    if kind not in KINDS:
        return ()
    package = importlib.import_module(f"drivers.{kind}")
    ours = {found.name for found in pkgutil.iter_modules(package.__path__) if _ours(kind, found.name)}
    others = {entry.name.partition(".")[2] for entry in _entry_points() if entry.name.startswith(f"{kind}.")}
    return tuple(sorted(ours | others))


def _ours(kind: str, name: str) -> ModuleType | None:
    full_name = f"drivers.{kind}.{name}"
    try:
        module = importlib.import_module(full_name)
    except ModuleNotFoundError as error:
        if error.name == full_name:
            return None
        raise
    return module if _is_driver(module) else None


def _others(kind: str, name: str) -> ModuleType | None:
    for entry in _entry_points():
        if entry.name == f"{kind}.{name}":
            module = entry.load()
            return module if isinstance(module, ModuleType) and _is_driver(module) else None
    return None


def _entry_points() -> EntryPoints:
    import importlib.metadata  # 1 MiB, with all it imports; only other people's drivers need it

    return importlib.metadata.entry_points(group=GROUP)


def _is_driver(module: ModuleType) -> bool:
    return hasattr(module, "Settings") and hasattr(module, "open_device")
