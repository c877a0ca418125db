"""Connector controllers that speak our own protocol, over Modbus RTU or TCP, or over CANopen.

Source: docs/protocol/, generated from drivers/native/objects.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, cast

import msgspec
from msgspec import Meta

from drivers.codecs.canopen import MOST_NODE
from drivers.errors import BadFrame, NotWritten, Refused
from drivers.interfaces import (
    ConnectorController,
    ControllerReading,
    Diagnosis,
    FailSafe,
    FirmwareImage,
    FirmwareProgress,
    FramesRead,
    Identity,
    Parameter,
    Rgb,
    VehicleData,
)
from drivers.native import dump_records, readings
from drivers.native.can_link import CanopenLink
from drivers.native.canopen import MOST_SUPPLIED
from drivers.native.codes import BootState, Capability, Command, StartFlag
from drivers.native.link import ClosedLink, Link, ModbusLink
from drivers.native.objects import (
    BRIGHTEST_PCT,
    CLOCK,
    DIAGNOSIS,
    DUMP,
    DUMP_TAKEN,
    IDENTITY,
    LIGHT,
    PARAMETER_RANGES,
    PARAMETERS,
    STATUS,
    VEHICLE,
    Object,
)
from drivers.native.orders import Orders, grant
from drivers.native.registers import Value
from drivers.ports.port import Port

if TYPE_CHECKING:  # a station without CAN needs none of it
    from drivers.ports.can import CanPort

PROTOCOL_VERSION = 1
"""A controller of a later one is not used: it may mean something else by the same objects."""

_RECORDS = DUMP.objects[-1:]
_COLOUR, _BRIGHTNESS = LIGHT.objects


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[
        int, Meta(ge=1, le=247, description="as set on the controller's switches; on a CAN port its node id, 1..127")
    ] = 1
    modules: Annotated[str, Meta(description="the [[modules]] that feed it; empty: it commands its own")] = ""
    bus: Annotated[str, Meta(description="the bus of its output, where modules of the station are shared")] = ""

    @property
    def is_supplied(self) -> bool:
        """The station commands its modules."""
        return bool(self.modules or self.bus)


def open_device(settings: Settings, port: Port | CanPort) -> ConnectorController:
    """The controller; nothing is asked yet. Raises ValueError for an address that a CAN bus does not have."""
    reason = objection(settings, port.kind)
    if reason:
        raise ValueError(f"address = {settings.address}: {reason}. Set another one.")
    link = link_to(port, settings.address)
    if settings.is_supplied:
        from drivers.native.supplied import SuppliedController

        return SuppliedController(link)
    return NativeController(link)


def objection(settings: Settings, port_kind: str) -> str:
    """What speaks against an address on a port of this kind; empty when nothing does."""
    most = MOST_SUPPLIED if settings.is_supplied else MOST_NODE
    if port_kind != "can" or settings.address <= most:
        return ""
    return f"a node id on a CAN bus is 1..{most}" + (" with modules of the station" if settings.is_supplied else "")


def link_to(port: Port | CanPort, address: int, *, is_passive: bool = False) -> Link:
    """What carries the protocol on this kind of port. `is_passive`: it only asks, and starts no node."""
    if port.kind == "can":
        return CanopenLink(cast("CanPort", port), address, is_passive=is_passive)
    return ModbusLink(cast("Port", port), address)


class NativeController:
    """One connector controller at the far end of `link`.

    While its firmware is written, the link is closed to all others.
    """

    fail_safe = FailSafe.OPENS

    def __init__(self, link: Link) -> None:
        self._link = link
        self._orders = Orders(lambda: self._link)
        self._capabilities: Capability | None = None
        self._version = PROTOCOL_VERSION
        self._next_frame: int | None = None
        self._told_taken: int | None = None
        self._boot_count: int | None = None

    async def identify(self) -> Identity:
        """Vendor to protocol version. Raises NoAnswer, BadFrame or Refused, as all that follow."""
        values = await self._link.read(IDENTITY.objects)
        self._capabilities = Capability(int(values["capabilities"] or 0) & sum(Capability))
        self._version = int(values["protocol_version"] or 0)
        return readings.identity(values)

    async def read(self) -> ControllerReading:
        values = await self._link.read(STATUS.objects)
        try:
            reading = readings.reading(values)
        except ValueError as error:
            raise BadFrame(self._text(f"status: {error}")) from None
        self._orders.go_on_behind(values)
        if self._boot_count not in (None, reading.boot_count):
            self._next_frame = self._told_taken = None  # its frames are numbered anew
        self._boot_count = reading.boot_count
        return reading

    async def read_vehicle(self) -> VehicleData:
        return readings.vehicle(await self._link.read(VEHICLE.objects))

    async def read_diagnosis(self) -> Diagnosis:
        return readings.diagnosis(await self._link.read(DIAGNOSIS.objects))

    async def read_frames(self) -> FramesRead:
        """Frames exchanged with the vehicle since the last call, at most one batch. Raises Refused when it keeps none.

        The first call begins with the oldest that the controller still has.
        """
        await self._needs(Capability.DUMP, "keeps no frames for a dump")
        if (taken := self._next_frame) is not None and taken != self._told_taken:
            await self._link.write(DUMP_TAKEN.objects, {"dump_taken": taken}, can_wait=True)
            self._told_taken = taken
        values = await self._link.read(_RECORDS, can_wait=True)
        try:
            batch = dump_records.decode(bytes(values["dump_records"] or b""))  # type: ignore[arg-type]
        except ValueError as error:
            raise BadFrame(self._text(str(error))) from None
        expected = self._next_frame
        self._next_frame = batch.next
        if expected is None or batch.first < expected:  # begun anew, or the controller was
            return FramesRead(batch.frames)
        return FramesRead(batch.frames, batch.first - expected)

    async def show_light(self, colour: Rgb) -> None:
        """Show this colour until told otherwise. Raises Refused when it has no light."""
        await self._needs(Capability.LIGHTS, "has no light of its own")
        if not all(0 <= part <= 0xFF for part in colour):
            raise ValueError(f"colour {colour}: three numbers 0..255")
        red, green, blue = colour
        await self._link.write((_COLOUR,), {_COLOUR.name: red << 16 | green << 8 | blue}, can_wait=True)

    async def start(
        self,
        session_ref: int,
        flags: int,
        current_a: float,
        power_w: float,
        valid_for_s: float,
        *,
        keep_cable: bool = False,
    ) -> None:
        """As the Protocol has it. Raises ValueError for values that the wire cannot carry."""
        if not 1 <= session_ref <= 0xFFFF_FFFF:
            raise ValueError(f"session_ref {session_ref}: must be 1..2^32-1")
        if self._version > PROTOCOL_VERSION:
            known = f"version {self._version} of the protocol; this software knows {PROTOCOL_VERSION}. Update it."
            raise Refused(self._text(f"it speaks {known}"))
        granted = grant(current_a, power_w, valid_for_s)
        flags |= StartFlag.KEEP_CABLE if keep_cable else 0
        await self._orders.give(Command.START, {**granted, "order_session_ref": session_ref, "order_flags": flags})

    async def limit(self, current_a: float, power_w: float, valid_for_s: float) -> None:
        """As the Protocol has it, in one request. Raises ValueError for values that the wire cannot carry."""
        await self._link.renew(grant(current_a, power_w, valid_for_s))

    async def stop(self) -> None:
        await self._orders.give(Command.STOP, {"grant_lease": 0})

    async def lock(self) -> None:
        await self._orders.give(Command.LOCK)

    async def unlock(self) -> None:
        await self._orders.give(Command.UNLOCK)

    async def emergency_stop(self) -> None:
        await self._orders.give(Command.EMERGENCY_STOP, {"grant_lease": 0})

    async def reboot(self) -> None:
        """Restart it. It goes silent for a while; an order that arrived counts as done when nothing answers then."""
        await self._orders.give(Command.REBOOT, may_fall_silent=True)

    async def set_clock(self, at: datetime) -> None:
        """Its clock to `at` (aware), whole seconds."""
        await self._link.write(CLOCK.objects, {"clock_set": int(at.timestamp())})

    async def parameters(self) -> tuple[Parameter, ...]:
        """Its parameters, and the brightness of its light where it has one."""
        values = await self._link.read(PARAMETERS.objects)
        if Capability.LIGHTS in await self._able():
            values |= await self._link.read((_BRIGHTNESS,))
        return tuple(_parameter(each, values[each.name]) for each in _SETTABLE if each.name in values)

    async def write_parameter(self, name: str, value: int) -> Parameter:
        what = next((each for each in _SETTABLE if each.name == name), None)
        if what is None:
            import difflib  # only who meets an unknown parameter needs it

            near = difflib.get_close_matches(name, _RANGES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise Refused(self._text(f"there is no parameter {name!r}{hint}"))
        low, high = _RANGES[name]
        if not low <= value <= high:
            raise Refused(self._text(f"parameter {name} = {value} {what.unit}: must be {low}..{high}"))
        await self._link.write((what,), {name: value})
        held = await self._link.read((what,))
        if held[name] != value:
            raise Refused(self._text(f"parameter {name} = {value} {what.unit}: it kept {held[name]!r}"))
        return _parameter(what, held[name])

    async def _needs(self, capability: Capability, otherwise: str) -> None:
        if capability not in await self._able():
            raise Refused(self._text(f"it {otherwise}"))

    async def _able(self) -> Capability:
        """What it can do: asked once, and again with each `identify`."""
        if self._capabilities is None:
            await self.identify()
        return self._capabilities or Capability(0)

    # ----------------------------------------------------------------------------------------------------- firmware

    def look_at_image(self, kind: str, data: bytes) -> FirmwareImage:
        """As the Protocol has it."""
        from drivers.native.boot_loader import read_image  # only who updates needs it

        return read_image(kind, data)

    async def is_in_boot_loader(self) -> bool:
        """As the Protocol has it."""
        from drivers.native.firmware_transfer import read_boot

        return (await read_boot(self._link)).state is not BootState.APPLICATION

    async def write_firmware(
        self, image: FirmwareImage, attempts: int, progress: Callable[[FirmwareProgress], None]
    ) -> Identity:
        """As the Protocol has it."""
        from drivers.native.firmware_transfer import FirmwareTransfer

        link = self._link
        if isinstance(link, ClosedLink):
            raise NotWritten("refused", f"{link}: its firmware is being written already.")
        inner = NativeController(link)
        enter = partial(inner._orders.give, Command.ENTER_BOOT_LOADER, may_fall_silent=True)
        self._link = ClosedLink(link, "its firmware is being written")
        try:
            identity = await FirmwareTransfer(link, image, enter, inner.read, inner.identify, attempts, progress).run()
            self._capabilities = inner._capabilities
        finally:
            self._link, self._boot_count = link, None
            self._orders.forget_number()
        return identity

    def _text(self, what: str) -> str:
        return f"{self._link}: {what}"


_SETTABLE = (*PARAMETERS.objects, _BRIGHTNESS)
_RANGES = {**PARAMETER_RANGES, _BRIGHTNESS.name: (0, BRIGHTEST_PCT)}


def _parameter(what: Object, value: Value) -> Parameter:
    low, high = _RANGES[what.name]
    return Parameter(what.name, int(value or 0), low, high, what.unit, what.description)
