"""What the commutation scheme shows, out of the states of the bus: small enough to be kept on each change.

A bus is a piece of conductor with a name; contactors join two of them. Two parts with the same bus are wired together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from chargepoint.messages import ConnectorState, ModulesState, PowerState
from chargepoint.power_picture import GroupPicture, ModuleColour, ModulePicture
from chargepoint.vocabulary import Cause
from drivers.interfaces import ModuleReading

DEAD_A = 1.0
"""Below so many A nothing flows (power.md Z1)."""


class Module(msgspec.Struct, frozen=True, array_like=True):
    """One module. `state` is how it is filled: white free, green charging, grey no link, red error."""

    bank: str
    number: int
    state: str
    voltage_v: float | None = None
    current_a: float | None = None
    temperature_c: float | None = None

    @property
    def item(self) -> str:
        return f"m.{self.bank}.{self.number}"


class Group(msgspec.Struct, frozen=True, array_like=True):
    """Modules that move together; `connector` 0: for nobody."""

    name: str
    bus: str
    connector: int
    power_w: float
    modules: tuple[Module, ...] = ()

    @property
    def item(self) -> str:
        return f"g.{self.name}"


class Contactor(msgspec.Struct, frozen=True, array_like=True):
    """`state`: open, closed, unknown (nobody knows), welded, failed. `ordered` None: nothing is."""

    name: str
    one: str
    other: str
    state: str
    ordered: bool | None = None
    operations: int = 0

    @property
    def item(self) -> str:
        return f"k.{self.name}"

    @property
    def joins(self) -> bool:
        """Whether it certainly joins its two buses."""
        return self.state in ("closed", "welded")


class Output(msgspec.Struct, frozen=True, array_like=True):
    """One connector: its status word (statuses.md 2), what flows, and the groups that are meant for it."""

    connector: int
    bus: str
    status: str
    power_w: float | None = None
    voltage_v: float | None = None
    current_a: float | None = None
    groups: tuple[str, ...] = ()

    @property
    def item(self) -> str:
        return f"o.{self.connector}"


class Scheme(msgspec.Struct, frozen=True, array_like=True):
    """All of it at one moment."""

    groups: tuple[Group, ...] = ()
    contactors: tuple[Contactor, ...] = ()
    outputs: tuple[Output, ...] = ()

    @property
    def modules(self) -> list[Module]:
        return [module for group in self.groups for module in group.modules]


def scheme_of(
    power: PowerState | None,
    banks: Mapping[str, ModulesState],
    connectors: Mapping[str, ConnectorState],
) -> Scheme:
    """The scheme now. Without a picture of the power (`power`): each bank is wired to the connector it works for."""
    pictures = power.groups if power is not None and power.groups else _of_banks(banks)
    wired = {} if power is None else {each.connector: each for each in power.outputs}
    contactors = () if power is None else power.contactors
    outputs = []
    for state in connectors.values():
        picture = wired.get(state.number)
        reading = state.reading
        groups = tuple(group.name for group in pictures if group.connector == state.number)
        outputs.append(
            Output(
                connector=state.number,
                bus=picture.bus if picture is not None and picture.bus else f"output {state.number}",
                status=state.status.value,
                power_w=None if reading is None else max(0.0, reading.power_w),
                voltage_v=None if reading is None else reading.voltage_v,
                current_a=max(reading.current_a) if reading is not None and reading.current_a else None,
                groups=picture.groups if picture is not None and picture.groups else groups,
            )
        )
    return Scheme(
        groups=tuple(
            Group(
                name=group.name,
                bus=group.bus or f"group {group.name}",
                connector=group.connector,
                power_w=group.power_w,
                modules=tuple(_module(group.bank, each) for each in group.modules),
            )
            for group in pictures
        ),
        contactors=tuple(
            Contactor(
                name=each.name,
                one=each.between[0],
                other=each.between[1],
                state=_state(each.cause, each.is_closed),
                ordered=each.is_ordered,
                operations=each.operations,
            )
            for each in contactors
        ),
        outputs=tuple(outputs),
    )


def joined(scheme: Scheme) -> dict[str, frozenset[int]]:
    """Each bus -> the connectors to which closed contactors join it: those that are in use, else all of them (in a ring
    the places on the way belong to whom they lead to)."""
    in_use = {each.connector for each in scheme.outputs if each.groups or (each.current_a or 0.0) > DEAD_A}
    neighbours: dict[str, set[str]] = {}
    for group in scheme.groups:
        neighbours.setdefault(group.bus, set())
    for output in scheme.outputs:
        neighbours.setdefault(output.bus, set())
    for contactor in scheme.contactors:
        one, other = neighbours.setdefault(contactor.one, set()), neighbours.setdefault(contactor.other, set())
        if contactor.joins:
            one.add(contactor.other)
            other.add(contactor.one)
    at: dict[str, set[int]] = {}
    for output in scheme.outputs:
        at.setdefault(output.bus, set()).add(output.connector)
    found: dict[str, frozenset[int]] = {}
    for bus in neighbours:
        if bus in found:
            continue
        reached, left = {bus}, [bus]
        while left:
            for near in neighbours[left.pop()] - reached:
                reached.add(near)
                left.append(near)
        numbers = frozenset(number for each in reached for number in at.get(each, ()))
        found.update(dict.fromkeys(reached, numbers & in_use or numbers))
    return found


def current_a(group: Group) -> float:
    """What its modules give together, A; those not heard count as nothing."""
    return sum(module.current_a or 0.0 for module in group.modules)


def rest_of(scheme: Scheme) -> object:
    """What makes a moment worth keeping: states, not measurements."""
    return (
        tuple((group.name, group.connector, tuple(each.state for each in group.modules)) for group in scheme.groups),
        tuple((each.name, each.state, each.ordered) for each in scheme.contactors),
        tuple((each.connector, each.status) for each in scheme.outputs),
    )


def _of_banks(banks: Mapping[str, ModulesState]) -> tuple[GroupPicture, ...]:
    return tuple(
        GroupPicture(
            name=bank.name,
            bank=bank.name,
            bus=f"output {bank.connector}" if bank.connector else f"group {bank.name}",
            connector=bank.connector,
            power_w=sum((each.voltage_v or 0.0) * (each.current_a or 0.0) for each in bank.modules),
            modules=tuple(map(_picture, bank.modules)),
        )
        for bank in banks.values()
    )


def _picture(module: ModuleReading) -> ModulePicture:
    gives = module.is_on and (module.current_a or 0.0) > DEAD_A
    colour = ModuleColour.CHARGING if gives else ModuleColour.UNUSED
    if not module.is_online:
        return ModulePicture(number=module.number, colour=ModuleColour.NO_LINK)
    return ModulePicture(
        number=module.number,
        colour=ModuleColour.ERROR if module.has_fault else colour,
        voltage_v=module.voltage_v,
        current_a=module.current_a,
        temperature_c=module.temperature_c,
    )


def _module(bank: str, picture: ModulePicture) -> Module:
    return Module(
        bank, picture.number, picture.colour.value, picture.voltage_v, picture.current_a, picture.temperature_c
    )


def _state(cause: Cause, is_closed: bool | None) -> str:
    if cause is Cause.CONTACTOR_WELDED:
        return "welded"
    if cause is not Cause.NONE:
        return "failed"
    return "unknown" if is_closed is None else "closed" if is_closed else "open"


def all_items(schemes: Sequence[Scheme]) -> set[str]:
    """The names of everything in them, as links name it (`?item=`)."""
    return {
        each.item
        for scheme in schemes
        for part in (scheme.groups, scheme.contactors, scheme.outputs, scheme.modules)
        for each in part
    }
