"""What the sharing of power would give if these cars asked: the station's own rules, on what is installed (power.md).

Everything heavy is imported when it is first asked for; call it in a thread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from chargepoint.config import ConnectorSettings, Settings
from chargepoint.records import Limit
from chargepoint.vocabulary import PowerType

LEAST_V, MOST_V = 50.0, 1500.0


class Wish(msgspec.Struct, frozen=True):
    """A car asks for so many W; `voltage_v` of its battery (DC), None: the connector's nominal one. `drawn_w` None: it
    takes whatever it gets."""

    power_w: float
    voltage_v: float | None = None


class Share(msgspec.Struct, frozen=True):
    """What it gets, W, and what holds it there (a name of power.md 2)."""

    connector: int
    asked_w: float
    given_w: float
    held_by: str
    reason: str


def shares(
    settings: Settings,
    wishes: Mapping[int, Wish],
    station_w: float | None = None,
    limits_w: Mapping[int, float] | None = None,
    mode: str = "",
) -> tuple[Share, ...]:
    """The shares, by number of the connector; earlier ones have charged for longer. `station_w` and `limits_w`: limits
    beside those installed; `mode`: another strategy than the configured one. Raises ValueError for a mode that is none.
    """
    from chargepoint.config_topology import installed_of
    from chargepoint.power.allocation import Mode, Request, Rules, StationPower, allocate
    from chargepoint.power.topology import Topology

    installed = installed_of(settings.connector, settings.modules, settings.group, settings.switch, settings.power)
    station, power = settings.station, settings.power
    phase_a = station.phase_limit_a
    requests = []
    for place, connector in enumerate(settings.connector):
        wish = wishes.get(connector.number)
        if wish is None:
            continue
        is_ac = connector.type.power_type is PowerType.AC
        voltage_v = station.phase_voltage_v if is_ac else wish.voltage_v or nominal_v(connector)
        phases = connector.phases if is_ac else 1
        requests.append(
            Request(
                connector=connector.number,
                wants_energy=True,
                cap=_cap(connector, wish, voltage_v * phases, (limits_w or {}).get(connector.number)),
                floor_a=connector.min_current_a,
                voltage_v=voltage_v,
                phases=phases,
                power_type=connector.type.power_type,
                since_mono_s=float(place),
                weight=connector.weight,
                first_phase=connector.first_phase,
                guarantee_w=power.guarantee_w if connector.guarantee_w is None else connector.guarantee_w,
                asked_voltage_v=0.0 if is_ac else voltage_v,
            )
        )
    answer = allocate(
        StationPower(
            power_limit_w=station.power_limit_w,
            phase_limit_a=None if phase_a is None else (phase_a, phase_a, phase_a),
            phase_voltage_v=station.phase_voltage_v,
            max_imbalance_a=station.max_imbalance_a,
        ),
        requests,
        () if station_w is None else (Limit(math.inf, station_w, "user"),),
        topology=Topology(installed) if installed.groups else None,
        rules=Rules(mode=Mode(mode) if mode else power.mode, fairness_cost_pct=power.fairness_cost_pct),
    )
    return tuple(
        Share(
            connector=request.connector,
            asked_w=wishes[request.connector].power_w,
            given_w=answer.grants[request.connector].power_w,
            held_by=answer.grants[request.connector].source,
            reason=answer.reasons.get(request.connector, ""),
        )
        for request in requests
    )


def nominal_v(connector: ConnectorSettings) -> float:
    """The voltage at which a connector's configured current makes its configured power."""
    phases = connector.phases if connector.type.power_type is PowerType.AC else 1
    return connector.max_power_w / (connector.max_current_a * phases)


def _cap(connector: ConnectorSettings, wish: Wish, w_per_a: float, limit_w: float | None) -> Limit:
    """The lowest of what is installed, what the owner allows, and what the car asks."""
    hardware_a = min(connector.max_current_a, connector.cable_current_a)
    bounds = [
        (hardware_a * w_per_a, "hardware"),
        (connector.max_power_w, "configured"),
        (max(0.0, wish.power_w), "vehicle"),
        *(((connector.user_limit_w, "user"),) if connector.user_limit_w is not None else ()),
        *(((limit_w, "user"),) if limit_w is not None else ()),
    ]
    power_w, source = min(bounds, key=lambda bound: bound[0])
    return Limit(power_w / w_per_a if w_per_a > 0 else 0.0, power_w, source)
