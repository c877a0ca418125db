"""Rules of a station file about card readers: each has a port where its driver needs one, and no two are one reader."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.config_faults import Fault
from chargepoint.config_sections import Document, Section
from drivers import loading
from drivers.readers.pcsc_watch import fits

ALONE = "simulated"
"""A reader of this driver may be without a port: it is only mentioned by `chargepoint check`."""


def readers(document: Document) -> Iterator[Fault]:
    """Readers on ports have one, others have none, and patterns of the PC/SC service mean different readers."""
    patterns: dict[str, str] = {}
    for reader in document.many("reader"):
        driver = reader.text("driver")
        needs_port = _needs_port(driver)
        if needs_port and driver not in ("", ALONE) and not reader.raw.get("port"):
            yield document.fault(reader, "port", f"driver {driver} needs a port", "Name the [[port]] it hangs on.")
        if needs_port is False:
            if reader.raw.get("port"):
                yield document.fault(
                    reader, "port", f"driver {driver} has none: its readers are found by name", "Remove it."
                )
            yield from _same_reader(document, reader, patterns)


def _needs_port(driver: str) -> bool | None:
    """None: nobody knows the driver, which is told elsewhere."""
    try:
        about = getattr(loading.load("readers", driver or ALONE), "ABOUT", None)
    except (loading.UnknownDriver, ImportError):
        return None
    return None if about is None else bool(about.ports)


def _same_reader(document: Document, reader: Section, patterns: dict[str, str]) -> Iterator[Fault]:
    options = reader.raw.get("options")
    given = options.get("reader", "*") if isinstance(options, dict) else "*"
    if not isinstance(given, str):
        return  # told as an option
    for other, where in patterns.items():
        if fits(given, other) or fits(other, given):
            yield document.fault(
                Section(reader.where, {"options.reader": given}, None),
                "options.reader",
                f"{where} would take the same reader",
                'Give each a pattern of its own, for example options = { reader = "ACS ACR122U*00 00" }.',
            )
            break
    patterns.setdefault(given, reader.where)
