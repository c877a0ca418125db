"""Rules of a station file about drivers: each is there, and each controller has a fail-safe or is accepted without.

A module of `drivers/controllers/` whose devices do something else than open when their lease ends says so in
`FAIL_SAFE`.
"""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.config_faults import Fault, listed, shown
from chargepoint.config_sections import Document, Section
from chargepoint.vocabulary import FailSafe
from drivers import loading

KINDS = {"connector": "controllers", "meter": "meters", "reader": "readers"}


def drivers(document: Document) -> Iterator[Fault]:
    """Each driver named can be loaded."""
    for section_kind, driver_kind in KINDS.items():
        for section in document.many(section_kind):
            name = section.text("driver")
            if name or section.raw.get("driver") == "":
                yield from _driver(document, section, driver_kind, name)


def _driver(document: Document, section: Section, kind: str, name: str) -> Iterator[Fault]:
    try:
        module = loading.load(kind, name)
    except loading.UnknownDriver as error:
        known = loading.known(kind)
        remedy = f"Did you mean {shown(error.nearest)}?" if error.nearest else f"Known are {listed(known)}."
        yield document.fault(section, "driver", f"there is no such driver of {kind}", remedy)
    except ImportError as error:
        yield document.fault(
            section, "driver", f"the driver needs {error.name or error}, which is not installed", "Install it."
        )
    else:
        fail_safe = getattr(module, "FAIL_SAFE", FailSafe.OPENS)
        if fail_safe is FailSafe.NONE and not section.raw.get("accept_no_fail_safe"):
            yield document.fault(
                section,
                "driver",
                "its controllers go on by themselves when this software dies",
                "Put a contactor before it that falls off by itself, or set accept_no_fail_safe = true.",
            )
