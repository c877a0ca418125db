"""What all processes have in common is made before they are forked, so that they share its pages of memory.

A page stays shared until somebody writes to it. Python writes the count of references into each object that is used;
what can be avoided is that new objects are strewn among the old ones, and that each process makes what all need.
"""

from __future__ import annotations

import asyncio
import codecs
import gc
import importlib
import sys
from collections.abc import Iterable
from contextlib import suppress
from types import ModuleType

from chargepoint.frames import house_vocabulary
from chargepoint.heap import give_back

SMALLEST, LARGEST, STEP = 48, 512, 16
"""Sizes of objects that Python keeps in pools of equal ones, in bytes; the smaller ones are no `bytes`."""
POOL_BYTES = 16 << 10
MOST_BYTES = 64 << 10
"""So much is filled in of each size at most."""

_fillings: list[list[bytes]] = []
"""Held until the end of the process and all that are forked from it."""


def make_common(modules: Iterable[str]) -> None:
    """Import `modules`, make what every service needs, and leave no gaps. Once, before the first fork; from then
    on all processes give large pieces of memory back.

    A module that cannot be imported is passed over: whoever needs it meets the same error, and says so.
    """
    give_back()
    codecs.lookup("ascii")  # what /proc is read with: else each process imports it when it reads its first file there
    import_without("importlib.metadata", "websockets")
    for name in modules:
        with suppress(Exception):
            importlib.import_module(name)
    house_vocabulary()
    asyncio.run(asyncio.sleep(0))  # what the first event loop of a process leaves behind
    gc.collect()
    _fillings.extend(filling(size) for size in range(SMALLEST, LARGEST + 1, STEP))
    gc.freeze()


def import_without(unused: str, module: str) -> None:
    """Import `module` with an empty module in the place of `unused`, which it imports and has no use for.

    websockets asks package metadata for its version only where it is no release; that brings e-mail, zip files and CSV,
    3 MiB in the process that needs websockets.
    """
    if unused in sys.modules:
        return
    sys.modules[unused] = ModuleType(unused)
    with suppress(Exception):  # it does have a use: it is imported anew, and whole, where it is needed
        importlib.import_module(module)
    del sys.modules[unused]


def filling(size: int) -> list[bytes]:
    """Objects of `size` bytes that take the free places between objects of that size: until some lie side by side.

    The next ones of a child then go to fresh pages, many to a page, instead of to one place each on hundreds of pages
    that were shared until then (measured: 3 MiB over six processes).
    """
    overhead = b"".__sizeof__()
    found: list[bytes] = []
    last = neighbours = 0
    while neighbours < POOL_BYTES // size // 4 and len(found) * size < MOST_BYTES:
        found.append(bytes(size - overhead))
        place = id(found[-1])
        neighbours = neighbours + 1 if abs(place - last) == size else 0
        last = place
    return found
