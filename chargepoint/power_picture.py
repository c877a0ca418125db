"""The commutation picture: modules, contactors, outputs and limits of the station, as a technician is shown them.

Colours of modules are those of the operators' documents ("Commutation picture"): white on line and unused, green on
line and charging, grey without link, red on line with an error. Plain data.
"""

from __future__ import annotations

import enum

import msgspec

from chargepoint.records import Limit
from chargepoint.vocabulary import Cause


class ModuleColour(enum.StrEnum):
    """How a module is filled in the picture."""

    UNUSED = "white"
    CHARGING = "green"
    NO_LINK = "grey"
    ERROR = "red"


class ModulePicture(msgspec.Struct, frozen=True, kw_only=True):
    """One module; values are None while they have not been heard."""

    number: int
    colour: ModuleColour
    voltage_v: float | None = None
    current_a: float | None = None
    temperature_c: float | None = None


class GroupPicture(msgspec.Struct, frozen=True, kw_only=True):
    """Modules that move together. `connector`: whom they are joined to (0: nobody); `power_w` what they give;
    `given_w` what the sharing of power gives of them; `bus`: where their terminals are, a name of
    `ContactorPicture.between`."""

    name: str
    bank: str
    connector: int = 0
    power_w: float = 0.0
    given_w: float = 0.0
    modules: tuple[ModulePicture, ...] = ()
    bus: str = ""


class ContactorPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A contactor between two buses. `is_closed` by its feedback, None while nobody knows; `operations` of its life."""

    name: str
    between: tuple[str, str]
    output: str
    is_closed: bool | None = None
    is_ordered: bool | None = None
    cause: Cause = Cause.NONE
    operations: int = 0


class LimitPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A limit in force, by its name (power.md 2): A (per phase for AC), W, or both."""

    name: str
    current_a: float | None = None
    power_w: float | None = None


class OutputPicture(msgspec.Struct, frozen=True, kw_only=True):
    """One connector: what flows, and every limit of it. `cap` is the lowest of them, `grant` what it may have now (0 A
    while it wants nothing), `grant.source` the name of what holds it there."""

    connector: int
    bus: str = ""
    groups: tuple[str, ...] = ()
    power_w: float = 0.0
    limits: tuple[LimitPicture, ...] = ()
    cap: Limit
    grant: Limit
    why: str = ""
    why_key: str = ""
    """The same for screens with own texts: held, no_power, nothing, cap, limit (of `why_values` the `source`: a limit's
    name, or what holds the connector), rests (`n` starts a minute), vehicle; empty: nothing to say."""
    why_values: dict[str, str] = {}


class MovePicture(msgspec.Struct, frozen=True, kw_only=True):
    """A group on its way; connector 0: from or to nobody. `why` it waits, when it does."""

    number: int
    group: str
    from_connector: int = 0
    to_connector: int = 0
    step: int = 1
    in_step_s: float = 0.0
    why: str = ""
