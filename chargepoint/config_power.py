"""Sections of a station file about power modules that several connectors share: rules, groups, contactors between."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from chargepoint.config_types import DeviceAddress, Name, NotNegative, Section, about
from chargepoint.power.sharing.words import Mode


class PowerSettings(Section, frozen=True, kw_only=True):
    """How the station's power is shared among its connectors, and how its modules are (docs/power.md)."""

    mode: Annotated[
        Mode,
        about(
            "fair: equal power for all, weighted. first: who charges longer is served before the others. weight: the "
            "heavier before the lighter. The guarantee is kept in each of them."
        ),
    ] = Mode.FAIR
    guarantee_w: Annotated[
        NotNegative, about("What every charging connector gets before any gets more, where it names none of its own.")
    ] = 0.0
    fairness_cost_pct: Annotated[
        Annotated[float, Meta(ge=0, le=100)], about("So much of the whole power fairness may cost at most, in percent.")
    ] = 3.0
    contactor_rest_s: Annotated[
        Annotated[float, Meta(ge=0, le=3600)],
        about("A contactor between modules rests so long after it has moved, but for safety or a guarantee."),
    ] = 60.0
    raise_after_s: Annotated[
        Annotated[float, Meta(ge=0, le=600)], about("A limit that has risen counts once it has stayed there so long.")
    ] = 0.0
    end_without_power_s: Annotated[
        Annotated[float, Meta(ge=0, le=86_400)],
        about(
            "A charge for which there is no power is told 0 A and goes on when there is; it ends in order when that "
            "has lasted so long. 0: it waits for ever. Nothing by its own schedule or limit does not count."
        ),
    ] = 0.0
    nodes: Annotated[
        tuple[Name, ...],
        about("Buses that power may pass through on its way from a group to a connector: the places of a ring."),
    ] = ()
    exclusive: Annotated[
        tuple[tuple[int, ...], ...],
        about("Sets of connector numbers of which at most one may have power (a shared lead): [[1, 2], [3, 4]]."),
    ] = ()


class GroupSettings(Section, frozen=True, kw_only=True):
    """Modules of a bank that move together from connector to connector, by contactors."""

    name: Annotated[Name, about("What the screens, the log and [[switch]] call it.")]
    modules: Annotated[str, about("Name of the [[modules]] that they belong to.")]
    addresses: Annotated[
        tuple[DeviceAddress, ...], about("Their addresses there; empty: all modules of the bank.")
    ] = ()
    bus: Annotated[str, about("The bus that their output hangs on; empty: one of their own, named as the group.")] = ""


class SwitchSettings(Section, frozen=True, kw_only=True):
    """A contactor (plus and minus) between two buses: of a group, of a connector, or a node of a ring."""

    name: Annotated[Name, about("What the screens and the log call it, as K1.")]
    between: Annotated[tuple[Name, ...], about("The two buses that it joins: of groups, of connectors, or nodes.")]
    output: Annotated[Name, about("Name of the [[output]] (function contactor, with a feedback) that drives it.")]
