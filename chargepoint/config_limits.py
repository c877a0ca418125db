"""Rules of a station file about currents and powers: what contradicts itself, or is in the wrong unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chargepoint.config_faults import Fault, amount
from chargepoint.config_sections import Document, Section
from chargepoint.vocabulary import ConnectorType, PowerType

if TYPE_CHECKING:
    from chargepoint.config import ConnectorSettings

AC_LEAST_A = 6.0
"""IEC 61851-1 knows no offer below 6 A."""
SINGLE_PHASE = frozenset({ConnectorType.TYPE1, ConnectorType.SCHUKO, ConnectorType.NACS})
SCHUKO_MOST_A = 16.0
DC_MOST_V = 1500.0
DC_LEAST_V = 150.0
"""Output voltages that occur with direct current: two-wheelers to lorries."""
ROUNDING = 1.05
"""A power may be named this much above voltage times current: 32 A at 220 V is sold as 22 kW."""


def connector_limits(document: Document) -> Iterator[Fault]:
    """Limits of each connector agree with one another and with its plug."""
    phase_voltage_v = _phase_voltage_v(document)
    for section in document.many("connector"):
        if section.settings is not None:
            yield from _currents(document, section, section.settings)
            yield from _powers(document, section, section.settings, phase_voltage_v)


def _currents(document: Document, section: Section, connector: ConnectorSettings) -> Iterator[Fault]:
    cable_a, most_a, least_a = connector.cable_current_a, connector.max_current_a, connector.min_current_a
    is_ac = connector.type.power_type is PowerType.AC
    if most_a > cable_a:
        yield document.fault(
            section,
            "max_current_a",
            f"the cable is rated {amount(cable_a)} A (cable_current_a)",
            f"Set {amount(cable_a)} or less, or correct the cable's rating.",
        )
    if least_a > min(most_a, cable_a):
        key = "max_current_a" if most_a <= cable_a else "cable_current_a"
        yield document.fault(
            section,
            "min_current_a",
            f"it is above {key} = {amount(min(most_a, cable_a))}, so the connector could never charge",
            f"Set {amount(AC_LEAST_A if is_ac else 5.0)}, or correct {key}.",
        )
    if is_ac and least_a < AC_LEAST_A:
        yield document.fault(
            section,
            "min_current_a",
            f"less than {amount(AC_LEAST_A)} A cannot be offered (IEC 61851-1)",
            f"Set {amount(AC_LEAST_A)} or more.",
        )
    if connector.type in SINGLE_PHASE and connector.phases != 1:
        yield document.fault(section, "phases", f"a {connector.type} plug has one phase", "Set phases = 1.")
    if connector.type is ConnectorType.SCHUKO and most_a > SCHUKO_MOST_A:
        yield document.fault(
            section,
            "max_current_a",
            f"a household socket stands at most {amount(SCHUKO_MOST_A)} A",
            f"Set {amount(SCHUKO_MOST_A)} or less.",
        )


def _powers(
    document: Document, section: Section, connector: ConnectorSettings, phase_voltage_v: float
) -> Iterator[Fault]:
    is_ac = connector.type.power_type is PowerType.AC
    per_ampere_w = phase_voltage_v * connector.phases if is_ac else DC_MOST_V
    reached_w = per_ampere_w * connector.max_current_a
    least_w = least_power_w(connector, phase_voltage_v)
    if connector.max_power_w > reached_w * ROUNDING:
        how = f"{connector.phases} x {amount(phase_voltage_v)} V" if is_ac else f"{amount(DC_MOST_V)} V"
        yield document.fault(
            section,
            "max_power_w",
            f"with {amount(connector.max_current_a)} A (max_current_a) and {how} it reaches "
            f"{amount(round(reached_w))} W",
            f"Set {amount(round(reached_w))} or less, or correct max_current_a{' or phases' if is_ac else ''}.",
        )
    if connector.max_power_w < least_w:
        yield document.fault(
            section,
            "max_power_w",
            f"its least current alone takes {amount(round(least_w))} W, so the connector could never charge",
            "Powers are in W: 22 kW is 22_000.",
        )
    if connector.user_limit_w is not None and connector.user_limit_w > connector.max_power_w:
        yield document.fault(
            section,
            "user_limit_w",
            f"it is above max_power_w = {amount(connector.max_power_w)}, so it limits nothing",
            "Set less, or leave it out.",
        )


def station_limits(document: Document) -> Iterator[Fault]:
    """The station may draw enough for at least one connector, and its voltage is one of a phase to neutral."""
    section = document.one("station")
    station = section.settings
    if station is None:
        return
    if not 90 <= station.phase_voltage_v <= 300:
        yield document.fault(
            section,
            "phase_voltage_v",
            "a phase has between 90 and 300 V to neutral",
            "Set 230; between two phases it is 400, which is not meant here.",
        )
        return
    connectors = [item.settings for item in document.many("connector") if item.settings is not None]
    least_w = min((least_power_w(connector, station.phase_voltage_v) for connector in connectors), default=0.0)
    for key in ("phase_limit_a", "max_imbalance_a"):
        yield from _line_limit(document, section, key, connectors)
    if station.power_limit_w < least_w:
        yield document.fault(
            section,
            "power_limit_w",
            f"the least a connector takes is {amount(round(least_w))} W, so none could ever charge",
            "Powers are in W: 43 kW is 43_000.",
        )


def _line_limit(
    document: Document, section: Section, key: str, connectors: Sequence[ConnectorSettings]
) -> Iterator[Fault]:
    """A limit of a phase leaves every AC connector that it bounds at least its least current."""
    limit_a = getattr(section.settings, key)
    bound = [
        each
        for each in connectors
        if each.type.power_type is PowerType.AC and (key == "phase_limit_a" or each.phases < 3)
    ]
    least_a = max((each.min_current_a for each in bound), default=0.0)
    if limit_a is not None and limit_a < least_a:
        yield document.fault(
            section,
            key,
            f"a connector needs {amount(least_a)} A (min_current_a), so it could never charge",
            f"Set {amount(least_a)} or more, or leave it out.",
        )


def least_power_w(connector: ConnectorSettings, phase_voltage_v: float) -> float:
    """The least useful output: its least current on one phase, or at the lowest voltage of direct current."""
    is_ac = connector.type.power_type is PowerType.AC
    return connector.min_current_a * (phase_voltage_v if is_ac else DC_LEAST_V)


def _phase_voltage_v(document: Document) -> float:
    station = document.one("station").settings
    return float(station.phase_voltage_v) if station is not None else 230.0
