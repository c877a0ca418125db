"""Rules of a station file about drivers: each is there, and each controller has a fail-safe or is accepted without.

Drivers are imported when a file is checked, not before: a wrong driver name is an installer's mistake and is told here.
"""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.config_faults import Fault
from chargepoint.config_sections import Document
from chargepoint.vocabulary import FailSafe


def drivers(document: Document) -> Iterator[Fault]:
    """Each driver named can be loaded."""
    try:
        from drivers.loading import UnknownDriver, load
    except ModuleNotFoundError:
        return

    for section_kind, driver_kind in (("connector", "controllers"), ("meter", "meters"), ("reader", "readers")):
        for section in document.many(section_kind):
            name = section.text("driver")
            if not name:
                if section.raw.get("driver") == "":
                    yield document.fault(section, "driver", "it is empty", "Name a driver, or leave the key out.")
                continue
            try:
                module = load(driver_kind, name)
            except UnknownDriver as error:
                yield document.fault(section, "driver", *_sentences(str(error)))
                continue
            if (
                section_kind == "connector"
                and getattr(module, "FAIL_SAFE", FailSafe.OPENS) is FailSafe.NONE
                and not section.raw.get("accept_no_fail_safe")
            ):
                yield document.fault(
                    section,
                    "driver",
                    "this controller goes on by itself when this software dies",
                    "Put a contactor before it that falls off by itself, or set accept_no_fail_safe = true.",
                )


def _sentences(text: str) -> tuple[str, str]:
    """Reason and remedy out of the two sentences of an UnknownDriver."""
    reason, _, remedy = text.partition(". ")
    return reason.rstrip("."), remedy or "See docs/development.md for the drivers there are."
