"""What the sections of a station file say of one another: names, references, and what contradicts itself.

Each rule takes the document and gives its faults; `RULES` lists them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

from chargepoint.config_drivers import drivers
from chargepoint.config_faults import Fault, listed, nearest, shown
from chargepoint.config_groups import groups
from chargepoint.config_io import cabinet
from chargepoint.config_limits import connector_limits, station_limits
from chargepoint.config_link import link
from chargepoint.config_ports import addresses, ports
from chargepoint.config_readers import readers
from chargepoint.config_sections import Document, Section
from chargepoint.config_supply import supply
from chargepoint.vocabulary import OperatingMode

CARD_LONGEST = 20
"""Characters of an idToken (OCPP 1.6, 7.28); longer ones are refused, never cut (S22)."""


def names(document: Document) -> Iterator[Fault]:
    """No two sections of a kind have one name or number."""
    for kind, key in (
        ("port", "name"), ("meter", "name"), ("reader", "name"), ("connector", "number"), ("modules", "name"),
        ("group", "name"), ("switch", "name"), ("insulation", "name"), ("io", "name"), ("input", "name"),
        ("output", "name"), ("sensor", "name"), ("light", "name"), ("ups", "name"),
    ):  # fmt: skip
        seen: set[Hashable] = set()
        for section in document.many(kind):
            value = section.raw.get(key)
            if not isinstance(value, str | int):
                continue
            if value in seen:
                yield document.fault(
                    section, key, f"an earlier [[{kind}]] has the same {key}", f"Give this one another {key}."
                )
            seen.add(value)


def references(document: Document) -> Iterator[Fault]:
    """What a section names is there."""
    station = [document.one("station")]
    for sections, key, kind, may_be_empty in (
        (document.many("connector"), "port", "port", False),
        (document.many("meter"), "port", "port", False),
        (document.many("reader"), "port", "port", True),
        (document.many("connector"), "meter", "meter", False),
        (document.many("modules"), "port", "port", False),
        (document.many("insulation"), "port", "port", False),
        (document.many("connector"), "modules", "modules", True),
        (document.many("group"), "modules", "modules", False),
        (document.many("switch"), "output", "output", False),
        (document.many("connector"), "insulation", "insulation", True),
        (document.many("connector"), "contactor", "output", True),
        (document.many("io"), "port", "port", False),
        (document.many("input"), "io", "io", False),
        (document.many("output"), "io", "io", False),
        (document.many("output"), "feedback", "input", True),
        (document.many("sensor"), "port", "port", False),
        (document.many("light"), "port", "port", False),
        (document.many("ups"), "port", "port", False),
        (station, "meter", "meter", True),
    ):
        if not document.is_list(kind):
            continue
        known = sorted({section.text("name") for section in document.many(kind)} - {""})
        for section in sections:
            name = section.raw.get(key)
            if not isinstance(name, str) or name in known or (may_be_empty and not name):
                continue
            meant = nearest(name, known)
            if meant:
                remedy = f"Did you mean {shown(meant)}?"
            elif known:
                remedy = f"Name one of {listed(known)}, or add it."
            else:
                remedy = f"Add a [[{kind}]] section with this name."
            yield document.fault(section, key, f"there is no [[{kind}]] of this name", remedy)


def reader_connectors(document: Document) -> Iterator[Fault]:
    """A reader stands for connectors that exist."""
    numbers = (section.number("number") for section in document.many("connector"))
    known = {number for number in numbers if number is not None}
    for reader in document.many("reader"):
        if reader.settings is None:
            continue
        absent = [number for number in reader.settings.connectors if number not in known]
        if absent:
            yield document.fault(
                reader,
                "connectors",
                f"there is no [[connector]] {listed(absent)}",
                f"There are {listed(sorted(known))}.",
            )


def meters_of_one(document: Document) -> Iterator[Fault]:
    """A meter measures one connector, or the whole station."""
    station = document.one("station").text("meter")
    seen: dict[str, str] = {}
    for connector in document.many("connector"):
        name = connector.text("meter")
        if not name:
            continue
        if name == station:
            yield document.fault(
                connector,
                "meter",
                "this is the meter of the whole station ([station], meter)",
                "Name the connector's own meter, or leave the station's empty.",
            )
        elif name in seen:
            yield document.fault(
                connector,
                "meter",
                f"it measures {seen[name]} already, and one meter cannot bill two connectors",
                "Name the meter of this connector.",
            )
        seen.setdefault(name, connector.where)


def access(document: Document) -> Iterator[Fault]:
    """Lists that can be obeyed: no entry on both, none twice, card numbers as readers give them."""
    section = document.one("access")
    if section.settings is None:
        return
    white: dict[str, str] = {}
    for key, entries in (("white", section.settings.white), ("black", section.settings.black)):
        seen: set[str] = set()
        for entry in entries:
            where = Section(section.where, {key: entry}, None)
            plain = re.sub(r"[\s:.-]", "", entry)
            is_card = bool(re.fullmatch(r"[0-9A-Fa-f]+", plain))
            folded = plain.upper() if is_card else entry.casefold()
            if not entry.strip() or entry != entry.strip():
                yield document.fault(where, key, "an entry is empty or has spaces around it", "Correct or remove it.")
            elif is_card and plain != entry:
                yield document.fault(where, key, "a card number has no separators", f"Write {shown(plain.upper())}.")
            elif len(entry) > CARD_LONGEST:
                yield document.fault(
                    where,
                    key,
                    f"it has {len(entry)} characters, and a card or login has at most {CARD_LONGEST}",
                    "Copy the number from the log line of the card reader.",
                )
            if folded in seen:
                yield document.fault(where, key, "it stands there twice", "Remove one of the two.")
            elif key == "black" and folded in white:
                yield document.fault(
                    where, key, "it is on the white list as well", "Decide: allowed (white) or forbidden (black)."
                )
            seen.add(folded)
            if key == "white":
                white[folded] = entry


def modes(document: Document) -> Iterator[Fault]:
    """Who may charge without a card agrees with the operating mode."""
    section = document.one("station")
    station = section.settings
    if station is None:
        return
    if station.operating_mode is not OperatingMode.NORMAL:
        says = {
            OperatingMode.HOME: "in mode HOME only listed users may charge",
            OperatingMode.MANUAL: "in mode MANUAL a charge begins with a chosen duration",
        }[station.operating_mode]
        if station.free_mode:
            yield document.fault(
                section, "free_mode", f"{says}", 'Set free_mode = false, or operating_mode = "NORMAL".'
            )
        for key in ("plug_and_charge", "autocharge"):
            if getattr(station, key) and station.operating_mode is OperatingMode.MANUAL:
                yield document.fault(section, key, f"{says}", 'Set it to false, or operating_mode = "NORMAL".')
    for wish, tag in (("free_mode", "free_mode_id_tag"), ("plug_and_charge", "plug_and_charge_id_tag")):
        if getattr(station, wish) and not getattr(station, tag).strip():
            yield document.fault(section, tag, f"{wish} needs a name to charge under", "Set it, or leave it out.")


def tariff(document: Document) -> Iterator[Fault]:
    """A price is of some currency."""
    section = document.one("tariff")
    if section.settings is not None and not section.settings.currency:
        for key in ("per_kwh", "per_minute", "start_fee"):
            if getattr(section.settings, key):
                yield document.fault(section, key, "a price without a currency is not kept", 'Set currency = "EUR".')


def there_is_something(document: Document) -> Iterator[Fault]:
    """A station has an outlet and a wire to it."""
    raw: dict[str, Any] = {kind: document.raw.get(kind) for kind in ("port", "connector")}
    for kind, value in raw.items():
        if value == []:
            yield Fault(f"[[{kind}]]", "[]", f"a station has at least one {kind}", "Add its section.", document.file)


RULES: tuple[Callable[[Document], Iterable[Fault]], ...] = (
    there_is_something, names, ports, references, addresses, meters_of_one, reader_connectors, readers, drivers,
    station_limits, connector_limits, supply, groups, cabinet, modes, access, tariff, link,
)  # fmt: skip
