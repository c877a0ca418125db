"""Sections of a station file -> the topology of its power modules (power.md 1). Pure.

A bank that a connector names (`modules = "bank"`) is one group, wired to that output without contactors. A [[group]] is
brought to the connectors that have a `bus` by the contactors of [[switch]].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chargepoint.power.modules import LoadPoint, VoltageRange
from chargepoint.power.topology import Contactor, Group, Installed, Output

if TYPE_CHECKING:
    from chargepoint.config_devices import ConnectorSettings, ModulesSettings
    from chargepoint.config_power import GroupSettings, PowerSettings, SwitchSettings

LEAST_VOLTAGE_V = 50.0
HIGHEST_VOLTAGE_V = 1500.0
RATINGS = ("max_voltage_v", "max_current_a", "max_power_w")
"""What must be known of modules before they are switched on, to plan where they go."""


def rating(bank: ModulesSettings, key: str) -> float | None:
    """A rating of one module of a bank: as the section says, else as the options of its driver do."""
    value = getattr(bank, key)
    if value is None:
        value = bank.options.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def ranges_of(bank: ModulesSettings) -> tuple[VoltageRange, ...]:
    """The ranges of one module; none while its ratings are not complete."""
    most_v, most_a, most_w = (rating(bank, key) for key in RATINGS)
    if most_v is None or most_a is None or most_w is None:
        return ()
    least_v = rating(bank, "min_voltage_v")
    first = VoltageRange(
        min_voltage_v=LEAST_VOLTAGE_V if least_v is None else least_v,
        max_voltage_v=most_v,
        max_current_a=most_a,
        max_power_w=most_w,
    )
    if bank.second_max_voltage_v is None or bank.second_max_current_a is None:
        return (first,)
    second_v = bank.second_min_voltage_v
    second = VoltageRange(
        min_voltage_v=LEAST_VOLTAGE_V if second_v is None else second_v,
        max_voltage_v=bank.second_max_voltage_v,
        max_current_a=bank.second_max_current_a,
        max_power_w=most_w,
    )
    return (first, second)


def efficiency_of(bank: ModulesSettings) -> tuple[LoadPoint, ...]:
    """Its curve; what is no pair is left out."""
    return tuple(LoadPoint(*pair) for pair in bank.efficiency if len(pair) == 2)


def members(group: GroupSettings, bank: ModulesSettings) -> tuple[int, ...]:
    """Addresses of the modules of a group."""
    return group.addresses or bank.addresses


def installed_of(
    connectors: Sequence[ConnectorSettings],
    banks: Sequence[ModulesSettings],
    groups: Sequence[GroupSettings] = (),
    switches: Sequence[SwitchSettings] = (),
    power: PowerSettings | None = None,
) -> Installed:
    """All that shares or has modules of the station. What names something that is not there is left out."""
    by_name = {bank.name: bank for bank in banks}
    fed = [connector for connector in connectors if connector.bus or connector.modules in by_name]
    numbers = {connector.number for connector in fed}
    return Installed(
        groups=(
            *(_fixed(by_name[each.modules], each) for each in fed if each.modules in by_name),
            *(_switched(each, by_name[each.modules]) for each in groups if each.modules in by_name),
        ),
        outputs=tuple(Output(connector=each.number, bus=each.bus) for each in fed),
        contactors=tuple(
            Contactor(name=each.name, between=(each.between[0], each.between[1]))
            for each in switches
            if len(each.between) == 2
        ),
        nodes=() if power is None else power.nodes,
        exclusive=() if power is None else tuple(each for each in power.exclusive if numbers.issuperset(each)),
    )


def _fixed(bank: ModulesSettings, connector: ConnectorSettings) -> Group:
    """A bank that feeds one connector only. What it can give is known when its modules have said it: a limit of the
    connector (`modules`), not one of the topology."""
    whole = VoltageRange(
        min_voltage_v=0.0,
        max_voltage_v=HIGHEST_VOLTAGE_V,
        max_current_a=connector.max_current_a,
        max_power_w=connector.max_power_w,
    )
    return Group(
        name=bank.name,
        ranges=(whole,),
        bus=connector.bus or f"output {connector.number}",
        efficiency=efficiency_of(bank),
    )


def _switched(group: GroupSettings, bank: ModulesSettings) -> Group:
    return Group(
        name=group.name,
        ranges=ranges_of(bank),
        modules=len(members(group, bank)),
        bus=group.bus,
        efficiency=efficiency_of(bank),
    )
