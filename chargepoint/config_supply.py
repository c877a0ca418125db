"""Rules of a station file about what DC connectors need beside their controller: power modules, insulation monitors."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.config_faults import Fault, shown
from chargepoint.config_sections import Document, Section
from chargepoint.vocabulary import PowerType
from drivers import loading
from drivers.about import Modules


def supply(document: Document) -> Iterator[Fault]:
    """Modules feed the one connector whose controller leaves them to the station; a monitor watches one DC output."""
    for connector in document.many("connector"):
        yield from _modules(document, connector)
        if connector.text("insulation") and _is_ac(connector):
            yield document.fault(
                connector, "insulation", "only a DC output has an insulation monitor", "Remove it, or correct the type."
            )
    yield from _of_one(document, "modules", "these modules feed {0} already, and a bank feeds one connector")
    yield from _of_one(document, "insulation", "this monitor watches the output of {0} already")
    yield from _banks_of_one_bus(document)
    for bank in document.many("modules"):
        addresses = bank.raw.get("addresses")
        if isinstance(addresses, list) and (not addresses or len(set(map(str, addresses))) < len(addresses)):
            yield document.fault(
                bank, "addresses", "each module has an address of its own", "Name each module once, at least one."
            )


def _banks_of_one_bus(document: Document) -> Iterator[Fault]:
    """A module has one owner, and no bank speaks to the modules of another."""
    owners: dict[tuple[str, str], str] = {}
    groups: dict[tuple[str, str, str], str] = {}
    banks = document.many("modules")
    for bank in banks:
        port, options, addresses = bank.text("port"), bank.raw.get("options"), bank.raw.get("addresses")
        for address in dict.fromkeys(map(str, addresses)) if isinstance(addresses, list) else ():
            owner = owners.setdefault((port, address), bank.where)
            if owner != bank.where:
                yield document.fault(
                    bank,
                    "addresses",
                    f"{owner} has module {address} of port {shown(port)} already, and a module has one owner",
                    "Give one of the modules another number, here and on the module.",
                )
        if not isinstance(options, dict):
            continue
        if options.get("broadcast") is True and any(
            other is not bank and other.text("port") == port for other in banks
        ):
            yield document.fault(
                bank,
                "options.broadcast",
                f"there are other modules on port {shown(port)}, which hear what is told to all",
                "Remove it.",
            )
        if "group" in options:
            owner = groups.setdefault((port, bank.text("driver"), str(options["group"])), bank.where)
            if owner != bank.where:
                yield document.fault(
                    bank, "options.group", f"the modules of {owner} are in this group already", "Set another group."
                )


def _modules(document: Document, connector: Section) -> Iterator[Fault]:
    name, who = connector.text("modules"), _modules_of(connector)
    if who is None:
        return
    if who is Modules.STATION and not name and not connector.text("bus"):
        yield document.fault(
            connector,
            "modules",
            "its controller leaves voltage and current to modules of the station",
            'Name its [[modules]] (modules = "bank"), or its bus where several connectors share them.',
        )
    elif connector.text("bus") and who is Modules.OWN and not _is_ac(connector):
        yield document.fault(
            connector,
            "bus",
            "its controller commands its modules itself, and nobody else may",
            "Remove it, or take a controller that leaves its modules to the station.",
        )
    elif name and _is_ac(connector):
        yield document.fault(connector, "modules", "an AC connector has none", "Remove it, or correct the type.")
    elif name and who is Modules.OWN:
        yield document.fault(
            connector,
            "modules",
            "its controller commands its modules itself",
            "Remove it, and connect the modules to the controller.",
        )


def _of_one(document: Document, key: str, reason: str) -> Iterator[Fault]:
    """No two connectors name the same one."""
    seen: dict[str, str] = {}
    for connector in document.many("connector"):
        name = connector.text(key)
        if name and name in seen:
            yield document.fault(connector, key, reason.format(seen[name]), f"Give this one {key} of its own.")
        if name:
            seen.setdefault(name, connector.where)


def _is_ac(connector: Section) -> bool:
    return connector.settings is not None and connector.settings.type.power_type is PowerType.AC


def _modules_of(connector: Section) -> Modules | None:
    """What its driver says; None when it cannot be loaded, which is told elsewhere."""
    try:
        about = getattr(loading.load("controllers", connector.text("driver")), "ABOUT", None)
    except (loading.UnknownDriver, ImportError):
        return None
    return Modules.OWN if about is None else Modules(about.modules)
