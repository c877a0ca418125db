"""Rules of a station file about the channels of I/O modules: each is there, and is one input or one output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from chargepoint.config_drivers import driver_settings
from chargepoint.config_faults import Fault
from chargepoint.config_sections import Document, Section
from drivers import loading


def channels(document: Document) -> Iterator[Fault]:
    """A channel of a module is one input, or one output, and the module has it."""
    modules = {section.text("name"): _counts(section) for section in document.many("io")}
    for kind in ("input", "output"):
        taken: dict[tuple[str, int], str] = {}
        for section in document.many(kind):
            io, channel = section.text("io"), section.number("channel")
            if not io or channel is None:
                continue
            count = modules.get(io, {}).get(kind)
            if count is not None and channel >= count:
                yield document.fault(section, "channel", f'[[io]] "{io}" has {_range(kind, count)}', _remedy(count))
            elif (io, channel) in taken:
                yield document.fault(
                    section,
                    "channel",
                    f"{taken[io, channel]} is wired to it already",
                    "Correct one of the two; the first channel is 0.",
                )
            taken.setdefault((io, channel), section.where)


def _range(kind: str, count: int) -> str:
    return f"{kind}s 0 to {count - 1} only" if count else f"no {kind}s"


def _remedy(count: int) -> str:
    return "Correct it, or the module's options." if count else "Name a module that has some, or correct its options."


def _counts(section: Section) -> dict[str, int]:
    """How many inputs and outputs a module has, as its driver says; empty where that cannot be told."""
    nobody: Any = None  # a driver opens its device without asking anything, so it needs no port for that
    try:
        driver = loading.load("io", section.text("driver"))
        settings = msgspec.convert(driver_settings(driver, section.raw), driver.Settings)
        device = driver.open_device(settings, nobody)
    except (loading.UnknownDriver, ImportError, msgspec.ValidationError):
        return {}  # told at the driver or its options
    except (AttributeError, TypeError):
        return {}  # a driver of somebody else that does look at its port
    return {"input": device.inputs, "output": device.outputs}
