"""Rules of a station file about power modules that connectors share: groups, contactors between, what reaches what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from chargepoint.config_faults import Fault, amount, listed, nearest, shown
from chargepoint.config_sections import Document, Section
from chargepoint.config_topology import RATINGS, installed_of, rating
from chargepoint.power.topology import MOST_LINKS, Topology, TopologyError
from chargepoint.vocabulary import OutputFunction, PowerType
from drivers import loading

NOT_ON_ONE = "these modules are shared by groups"


def groups(document: Document) -> Iterator[Fault]:
    """All rules below."""
    for rule in (
        members_of_groups, fixed_or_shared, ratings, curves, names, switches, watchdogs, buses,
        outputs_of_connectors, exclusive, guarantees, reached,
    ):  # fmt: skip
        yield from rule(document)


def _named(document: Document, kind: str, name: str) -> Section | None:
    return next((section for section in document.many(kind) if name and section.text("name") == name), None)


def _addresses(section: Section) -> tuple[int, ...]:
    found = section.raw.get("addresses")
    return tuple(each for each in found if isinstance(each, int)) if isinstance(found, list) else ()


def members_of_groups(document: Document) -> Iterator[Fault]:
    """A group has modules of its bank, and each module is in one group."""
    owners: dict[tuple[str, int], str] = {}
    sharing = Counter(group.text("modules") for group in document.many("group"))
    for group in document.many("group"):
        bank = _named(document, "modules", group.text("modules"))
        if bank is None:
            continue
        has, own = _addresses(bank), _addresses(group)
        if not own and sharing[group.text("modules")] > 1:
            yield document.fault(
                group,
                "addresses",
                f"without them it has all modules of {bank.where}, and others have some of them",
                f"Name its own of {listed(has)}.",
            )
            continue
        strange = sorted(set(own) - set(has))
        if strange and has:
            yield document.fault(
                group,
                "addresses",
                f"{bank.where} has no module {listed(strange)}",
                f"Name some of {listed(has)}, or leave it out for all of them.",
            )
        if len(set(own)) < len(own):
            yield document.fault(group, "addresses", "a module stands there twice", "Name each once.")
        for address in dict.fromkeys(own or has):
            owner = owners.setdefault((bank.text("name"), address), group.where)
            if owner != group.where:
                yield document.fault(
                    group,
                    "addresses" if own else "modules",
                    f"module {address} of {bank.where} is in {owner} already, and a module moves with one group",
                    "Name other addresses here.",
                )


def fixed_or_shared(document: Document) -> Iterator[Fault]:
    """A bank feeds one connector by fixed wiring, or its modules are in groups: not both."""
    shared = {group.text("modules"): group.where for group in document.many("group")}
    for connector in document.many("connector"):
        name = connector.text("modules")
        if name and name in shared:
            yield document.fault(
                connector,
                "modules",
                f"{NOT_ON_ONE} ({shared[name]}), so they are not wired to this connector alone",
                "Remove it, and name the bus of its output (bus) and the contactors to it ([[switch]]).",
            )
        elif name and connector.text("bus"):
            yield document.fault(
                connector,
                "bus",
                f"its modules ({shown(name)}) are wired to it alone",
                "Remove it, or put these modules in a [[group]].",
            )


def ratings(document: Document) -> Iterator[Fault]:
    """What modules that move can give is known before they are switched on; their ranges can be."""
    shared = {group.text("modules"): group.where for group in document.many("group")}
    for bank in document.many("modules"):
        settings = bank.settings
        if settings is None:
            continue
        missing = [key for key in RATINGS if rating(settings, key) is None]
        if missing and bank.text("name") in shared:
            yield document.fault(
                bank,
                missing[0],
                f"{shared[bank.text('name')]} brings its modules to several connectors, which is planned before they "
                "have said what they can give",
                f"Add {listed(missing)} of one module from its data sheet.",
            )
        least, most = rating(settings, "min_voltage_v"), rating(settings, "max_voltage_v")
        if least is not None and most is not None and least >= most:
            yield document.fault(
                bank, "min_voltage_v", f"it is not below max_voltage_v ({amount(most)})", "Correct one of the two."
            )
        second = {key: getattr(settings, key) for key in ("second_max_voltage_v", "second_max_current_a")}
        absent = [key for key, value in second.items() if value is None]
        if absent and (len(absent) == 1 or settings.second_min_voltage_v is not None):
            yield document.fault(
                bank,
                absent[0],
                "the other range of a module has a highest voltage and a most current",
                "Add it, or remove the keys that begin with second_.",
            )
        low, high = settings.second_min_voltage_v, settings.second_max_voltage_v
        if low is not None and high is not None and low >= high:
            yield document.fault(
                bank, "second_min_voltage_v", f"it is not below second_max_voltage_v ({amount(high)})", "Correct it."
            )


def curves(document: Document) -> Iterator[Fault]:
    """Points of an efficiency curve: load and efficiency, each above 0 and at most 1, loads rising."""
    for bank in document.many("modules"):
        if bank.settings is None:
            continue
        points = bank.settings.efficiency
        is_sound = all(len(point) == 2 and all(0 < value <= 1 for value in point) for point in points)
        if not is_sound or any(low[0] >= high[0] for low, high in pairwise(points)):
            yield document.fault(
                bank,
                "efficiency",
                "a point is a load and an efficiency, each above 0 and at most 1, and the loads rise",
                "Write it as [[0.1, 0.91], [0.5, 0.96], [1.0, 0.95]].",
            )


def names(document: Document) -> Iterator[Fault]:
    """A group is not named as a bank that is wired to one connector: that is a group by itself."""
    fixed = {each.text("modules"): each.where for each in document.many("connector") if each.text("modules")}
    for group in document.many("group"):
        if group.text("name") in fixed:
            yield document.fault(
                group,
                "name",
                f"the modules of {fixed[group.text('name')]} are called so",
                "Give it another name.",
            )


def switches(document: Document) -> Iterator[Fault]:
    """A contactor between buses is driven by an output that can tell whether it obeys, and by no other."""
    used = {
        connector.text("contactor"): connector.where
        for connector in document.many("connector")
        if connector.text("contactor")
    }
    for switch in document.many("switch"):
        name = switch.text("output")
        output = _named(document, "output", name)
        if output is None or output.settings is None:
            continue
        if output.settings.function is not OutputFunction.CONTACTOR:
            yield document.fault(
                switch,
                "output",
                f"{output.where} is of function {output.settings.function}",
                'Name an [[output]] of function "contactor".',
            )
        elif not output.settings.feedback:
            yield document.fault(
                switch,
                "output",
                f"{output.where} has no feedback, and a contactor between modules is believed only what it shows",
                "Wire its auxiliary contact to an [[input]] (contactor_feedback) and name it there (feedback).",
            )
        elif name in used:
            yield document.fault(
                switch, "output", f"{used[name]} is driven by it already", "Name the output of this contactor."
            )
        used.setdefault(name, switch.where)


def watchdogs(document: Document) -> Iterator[Fault]:
    """When this software dies the modules go off by themselves before their contactors open (Z1)."""
    banks = {group.text("modules") for group in document.many("group")}
    drivers = {bank.text("driver") for bank in document.many("modules") if bank.text("name") in banks}
    longest_s = max(map(_silent_off_s, drivers), default=0.0)
    told: set[str] = set()
    for switch in document.many("switch"):
        output = _named(document, "output", switch.text("output"))
        io = None if output is None else _named(document, "io", output.text("io"))
        if io is None or io.settings is None or io.where in told or io.settings.watchdog_s > longest_s:
            continue
        told.add(io.where)
        yield document.fault(
            io,
            "watchdog_s",
            f"when this software dies, {switch.where} would open under current: the modules go off by themselves only "
            f"after {amount(longest_s)} s",
            f"Set {amount(longest_s + 2)} or more.",
        )


def _silent_off_s(driver: str) -> float:
    """When the modules of a driver go off by themselves; 0 where nobody knows, or they never do."""
    try:
        found = getattr(loading.load("power", driver), "SILENT_OFF_S", 0.0)
    except (loading.UnknownDriver, ImportError):
        return 0.0  # told at the driver
    return float(found)


def buses(document: Document) -> Iterator[Fault]:
    """A contactor joins two buses that are there; a node is touched by contactors; an output's bus is its own."""
    known = _buses(document)
    touched: set[str] = set()
    for switch in document.many("switch"):
        ends = switch.raw.get("between")
        if not isinstance(ends, list) or not all(isinstance(end, str) for end in ends):
            continue
        touched.update(ends)
        if len(ends) != 2 or ends[0] == ends[1]:
            yield document.fault(
                switch, "between", "a contactor joins two buses", 'Write it as between = ["group", "bus"].'
            )
            continue
        for end in ends:
            if end not in known:
                meant = nearest(end, sorted(known))
                yield document.fault(
                    switch,
                    "between",
                    f"there is no bus {shown(end)} of a [[group]] or [[connector]], and it is no node",
                    f"Did you mean {shown(meant)}?" if meant else f"There are {listed(sorted(known))}.",
                )
    touched |= _group_buses(document) | set(_connector_buses(document))
    power = document.one("power")
    for node in _nodes(power):
        if node not in touched:
            yield document.fault(
                power,
                "nodes",
                f"no [[switch]], [[group]] or [[connector]] is at {shown(node)}",
                "Correct or remove it.",
            )


def _nodes(power: Section) -> tuple[str, ...]:
    found = power.raw.get("nodes")
    return tuple(node for node in found if isinstance(node, str)) if isinstance(found, list) else ()


def _group_buses(document: Document) -> set[str]:
    return {group.text("bus") or group.text("name") for group in document.many("group")} - {""}


def _connector_buses(document: Document) -> dict[str, Section]:
    return {connector.text("bus"): connector for connector in document.many("connector") if connector.text("bus")}


def _buses(document: Document) -> set[str]:
    return _group_buses(document) | set(_connector_buses(document)) | set(_nodes(document.one("power")))


def outputs_of_connectors(document: Document) -> Iterator[Fault]:
    """A bus belongs to one output."""
    seen: dict[str, str] = {}
    for connector in document.many("connector"):
        bus = connector.text("bus")
        if not bus:
            continue
        if connector.settings is not None and connector.settings.type.power_type is PowerType.AC:
            yield document.fault(connector, "bus", "an AC connector has no modules", "Remove it, or correct the type.")
        if bus in seen:
            yield document.fault(
                connector,
                "bus",
                f"it is the bus of {seen[bus]} already, and a bus belongs to one output",
                "Give each a bus of its own, and name both in one set of [power] exclusive.",
            )
        seen.setdefault(bus, connector.where)


def exclusive(document: Document) -> Iterator[Fault]:
    """Sets of which one at most has power are of connectors that have modules of the station."""
    power = document.one("power")
    if power.settings is None:
        return
    numbers = {connector.number("number") for connector in document.many("connector")}
    fed = {
        connector.number("number")
        for connector in document.many("connector")
        if connector.text("bus") or connector.text("modules")
    }
    for rivals in power.settings.exclusive:
        absent = [number for number in rivals if number not in numbers]
        others = [number for number in rivals if number in numbers and number not in fed]
        if absent:
            known = sorted(number for number in numbers if number is not None)
            yield document.fault(
                power, "exclusive", f"there is no [[connector]] {listed(absent)}", f"There are {listed(known)}."
            )
        elif others:
            yield document.fault(
                power,
                "exclusive",
                f"[[connector]] {listed(others)} has no modules of the station",
                "Name connectors that have a bus, or modules.",
            )
        elif len(set(rivals)) < 2 or len(set(rivals)) < len(rivals):
            yield document.fault(power, "exclusive", "a set is of two connectors or more", "Name each once.")


def guarantees(document: Document) -> Iterator[Fault]:
    """No connector is promised more than it can have."""
    for connector in document.many("connector"):
        settings = connector.settings
        if settings is not None and settings.guarantee_w is not None and settings.guarantee_w > settings.max_power_w:
            yield document.fault(
                connector, "guarantee_w", f"it is above max_power_w = {amount(settings.max_power_w)}", "Set less."
            )


def reached(document: Document) -> Iterator[Fault]:
    """Every group can be brought to a connector, and every connector that lives on groups has one."""
    if not document.many("group") and not document.many("switch"):
        for connector in _connector_buses(document).values():
            yield _unfed(document, connector, "there is no [[group]]")
        return
    topology = _topology(document)
    if isinstance(topology, TopologyError):
        place = document.many("switch") or document.many("group")
        if f"{MOST_LINKS} links" in str(topology):  # the other reasons have rules of their own
            yield document.fault(place[0], "between", str(topology), "Remove nodes or contactors that are not needed.")
        return
    if topology is None:
        return
    ends = {link.connector for link in topology.links}
    for group in document.many("group"):
        if not topology.links_of_group.get(group.text("name")):
            yield document.fault(
                group,
                "bus" if group.text("bus") else "name",
                "no contactors lead from it to a connector",
                "Add a [[switch]] between it and the bus of a [[connector]], or the [power] nodes on the way.",
            )
    for connector in _connector_buses(document).values():
        number = connector.number("number")
        if number is not None and number not in ends:
            yield _unfed(document, connector, "no contactors lead from a [[group]] to it")


def _unfed(document: Document, connector: Section, reason: str) -> Fault:
    remedy = "Add a [[switch]] between this bus and that of a [[group]]."
    return document.fault(connector, "bus", f"{reason}, so it has no modules", remedy)


def _topology(document: Document) -> Topology | TopologyError | None:
    """What the file describes; None while sections of it have faults of their own."""
    kinds = ("connector", "modules", "group", "switch")
    parts: dict[str, list[Any]] = {kind: [each.settings for each in document.many(kind)] for kind in kinds}
    power = document.one("power").settings
    if power is None or any(each is None for found in parts.values() for each in found):
        return None
    known = {bank.name for bank in parts["modules"]}
    if any(group.modules not in known for group in parts["group"]):
        return None
    installed = installed_of(parts["connector"], parts["modules"], parts["group"], parts["switch"], power)
    if any(not group.ranges for group in installed.groups):
        return None
    try:
        return Topology(installed)
    except TopologyError as error:
        return error
