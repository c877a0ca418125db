"""Rules of a station file about drivers: each is there, is on a kind of port it works on, gets the options it knows,
and each controller has a fail-safe, or something before it that has one, or is accepted without.

A driver module says of itself in `ABOUT` on which ports it works and what its devices do when this software falls
silent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import msgspec

from chargepoint import config_schema
from chargepoint.config_faults import Fault, listed, shown
from chargepoint.config_sections import Document, Section
from chargepoint.vocabulary import FailSafe
from drivers import loading

PLACE = ("port", "address", "addresses", "pixels", "name", "meter", "max_current_a", "modules", "bus")
"""Keys of a section that a driver's own settings take as they are; what else it needs stands in `options`."""


def driver_settings(driver: ModuleType, section: Mapping[str, Any]) -> dict[str, Any]:
    """What a driver's `Settings` is made of: the place of its device, and the options.

    A connector with a bus shares modules of the station: for its controller that is as if they were its own bank.
    """
    fields = {field.encode_name for field in config_schema.struct_info(driver.Settings).fields}
    place = {key: section[key] for key in PLACE if key in fields and section.get(key) is not None}
    if "modules" in fields and section.get("bus"):
        place["modules"] = place.get("modules") or section["bus"]
    options = section.get("options", {})
    return {**(options if isinstance(options, dict) else {}), **place}


def drivers(document: Document) -> Iterator[Fault]:
    """Each driver named can be loaded and can do its work there."""
    for section_kind, driver_kind in loading.KIND_OF_SECTION.items():
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
        yield from _options(document, section, module)
        yield from _port_kind(document, section, module)
        yield from _fail_safe(document, section, module)


def _options(document: Document, section: Section, module: ModuleType) -> Iterator[Fault]:
    """The driver's own settings, with faults named as the keys of the section."""
    info = config_schema.struct_info(module.Settings)
    table = driver_settings(module, section.raw)
    for fault in config_schema.table_faults(table, info, section.where, document.file):
        key = fault.key.removeprefix(f"{section.where}, ")
        if key.split(",")[0] in PLACE:
            if section.settings is not None:  # otherwise the section's own fault is told already
                yield fault
        else:
            yield Fault(f"{section.where}, options.{key}", fault.found, fault.reason, fault.remedy, fault.file)


def _port_kind(document: Document, section: Section, module: ModuleType) -> Iterator[Fault]:
    about = getattr(module, "ABOUT", None)
    if about is None or not about.ports:
        return
    name = section.text("port")
    yield from _objection(document, section, module, name)
    for port in document.many("port"):
        if port.settings is not None and port.text("name") == name and port.settings.kind not in about.ports:
            yield document.fault(
                section,
                "port",
                f"it is of kind {port.settings.kind}, and this driver works on {listed(about.ports)}",
                "Name a port of such a kind, or correct the port.",
            )
        elif port.settings is not None and port.text("name") == name and port.settings.kind == "serial":
            bits = {line.data_bits for line in about.lines}
            if bits and port.settings.data_bits not in bits:
                yield document.fault(
                    section,
                    "port",
                    f"it has {port.settings.data_bits} data bits, and this driver's devices speak with {listed(bits)}",
                    f"Set data_bits = {min(bits)} on the port (they are delivered with {about.lines[0]}).",
                )


def _objection(document: Document, section: Section, module: ModuleType, port: str) -> Iterator[Fault]:
    """What the driver itself says against its settings on this port."""
    kinds = [
        each.settings.kind for each in document.many("port") if each.settings is not None and each.text("name") == port
    ]
    try:
        settings = msgspec.convert(driver_settings(module, section.raw), module.Settings)
    except msgspec.ValidationError:
        return  # told above
    reason = module.objection(settings, kinds[0]) if kinds and hasattr(module, "objection") else ""
    if reason:
        yield document.fault(section, "address", reason, "Set another one, here and on the device.")


def _fail_safe(document: Document, section: Section, module: ModuleType) -> Iterator[Fault]:
    """Something opens when this software dies: the controller, or the I/O module of the contactor before it (R2)."""
    if section.raw.get("accept_no_fail_safe") or fail_safe_of(module) is FailSafe.OPENS:
        return
    if not section.where.startswith("[[connector]]"):
        return
    contactor = section.text("contactor")
    if not contactor:
        yield document.fault(
            section,
            "driver",
            "its controllers go on by themselves when this software dies"
            + (", with a lower current" if fail_safe_of(module) is FailSafe.SAFE_CURRENT else ""),
            'Put a contactor on an [[output]] before it and name it (contactor = "K1"), '
            "or set accept_no_fail_safe = true for the lower class.",
        )
        return
    for output in document.many("output"):
        if output.text("name") != contactor:
            continue
        for io in document.many("io"):
            if io.text("name") == output.text("io") and not _opens(io):
                yield document.fault(
                    section,
                    "contactor",
                    f"{io.where} keeps its outputs when this software dies, as the controller does",
                    "Wire the contactor to an I/O module with a watchdog, or set accept_no_fail_safe = true.",
                )


def _opens(io: Section) -> bool:
    try:
        return fail_safe_of(loading.load("io", io.text("driver"))) is FailSafe.OPENS
    except (loading.UnknownDriver, ImportError):
        return True  # told at the module itself


def fail_safe_of(module: ModuleType) -> FailSafe:
    """What the devices of a driver do by themselves when this software falls silent."""
    about = getattr(module, "ABOUT", None)
    return FailSafe.OPENS if about is None else FailSafe(about.fail_safe)
