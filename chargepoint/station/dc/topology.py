"""What a station file says of power modules, as the rules of sharing power want it. Pure."""

from __future__ import annotations

import msgspec

from chargepoint.config import ConnectorSettings, Settings
from chargepoint.config_topology import installed_of, members
from chargepoint.power.allocation import Rules
from chargepoint.power.topology import Installed, Topology


class Place(msgspec.Struct, frozen=True):
    """Where the modules of a group are: the bank, and their numbers there."""

    bank: str
    numbers: tuple[int, ...]


def installed(settings: Settings) -> Installed:
    """Groups, outputs, contactors and nodes of the station file."""
    return installed_of(settings.connector, settings.modules, settings.group, settings.switch, settings.power)


def topology_of(settings: Settings) -> Topology:
    """The topology of a station; without groups where none of its connectors has modules of the station.

    Raises TopologyError for a file that `chargepoint check` refuses.
    """
    return Topology(installed(settings))


def places_of(settings: Settings) -> dict[str, Place]:
    """By group of the topology: where its modules are."""
    banks = {bank.name: bank for bank in settings.modules}
    fixed = {each.modules: Place(each.modules, banks[each.modules].addresses) for each in settings.connector
             if each.modules in banks}  # fmt: skip
    shared = {group.name: Place(group.modules, members(group, banks[group.modules])) for group in settings.group
              if group.modules in banks}  # fmt: skip
    return {**fixed, **shared}


def rules_of(settings: Settings) -> Rules:
    """The settings of [power] that the sharing of power works by."""
    power = settings.power
    return Rules(
        mode=power.mode,
        fairness_cost_pct=power.fairness_cost_pct,
        rest_s=power.contactor_rest_s,
        raise_after_s=power.raise_after_s,
    )


def guarantee_w(settings: Settings, connector: ConnectorSettings) -> float:
    """What a connector gets before any gets more."""
    return settings.power.guarantee_w if connector.guarantee_w is None else connector.guarantee_w
