"""Checks a station file: each value by itself (`config_schema.py`), then what the sections say of one another
(`config_rules.py`).

No device is asked and nothing is opened. All faults are found in one go; a rule that needs a value which is itself
faulty stays silent, so that one mistake is told once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import msgspec

from chargepoint import config_rules, config_schema
from chargepoint.config_faults import HIDDEN, Fault
from chargepoint.config_sections import Document

MOST_FAULTS = 100
"""More are not told: whoever has so many has the wrong file."""
MOST_SECTIONS = 500
"""Of one kind. No station has so many, and each is compared with the others."""


def check(raw: Mapping[str, Any], settings: type[msgspec.Struct], file: str = "station.toml") -> tuple[Fault, ...]:
    """Every fault of a whole station file, in its order; empty when `raw` can be converted to `settings`."""
    for name, value in raw.items():
        if isinstance(value, list) and len(value) > MOST_SECTIONS:
            key = f"[[{config_schema.printable(name)}]]"
            reason = f"there are {len(value)} of them, more than {MOST_SECTIONS}"
            return (Fault(key, "", reason, "Put the right file there.", file),)
    faults = _bounded(config_schema.document_faults(raw, settings, file), file)
    document = Document(raw, settings, file)
    for rule in config_rules.RULES:
        faults += _bounded(rule(document), file)
    order = document.order()
    faults.sort(key=lambda fault: _place(fault, order))
    return tuple(faults or _conversion_fault(raw, settings, file))


def check_secrets(raw: Mapping[str, Any], secrets: type[msgspec.Struct], file: str) -> tuple[Fault, ...]:
    """Every fault of a file of secrets, none of which repeats a value."""
    found = config_schema.table_faults(raw, config_schema.struct_info(secrets), "", file)
    faults = [msgspec.structs.replace(fault, found=HIDDEN if fault.found else "") for fault in _bounded(found, file)]
    return tuple(faults or _conversion_fault(raw, secrets, file))


def _bounded(faults: Iterable[Fault], file: str) -> list[Fault]:
    found = list(islice(faults, MOST_FAULTS + 1))
    if len(found) > MOST_FAULTS:
        found[MOST_FAULTS] = Fault("the whole file", "", "there are more faults", "Correct these first.", file)
    return found


def _place(fault: Fault, order: Mapping[str, int]) -> int:
    where = fault.key
    while where not in order and ", " in where:
        where = where.rpartition(", ")[0]
    return order.get(where, len(order))


def _conversion_fault(raw: Mapping[str, Any], struct: type[msgspec.Struct], file: str) -> list[Fault]:
    """A last resort: the decoder refuses what the walk let through."""
    try:
        msgspec.convert(raw, struct)
    except (msgspec.ValidationError, OverflowError) as error:
        return [Fault("the whole file", "", str(error), "See docs/configuration.md.", file)]
    return []
