"""The far side of `driver = "native"`: our own protocol, as Modbus registers and as a CANopen node."""

from __future__ import annotations

from drivers.codecs.canopen import MOST_NODE
from drivers.codecs.modbus_server import RegisterDevice
from drivers.simulated.canopen import CanopenNode
from drivers.simulated.controller import Controller
from drivers.simulated.devices import DevicePart
from drivers.simulated.registers import ControllerRegisters


class NativeDevice(CanopenNode):
    """A controller that a serial line, a TCP port and a CAN bus can carry; the bus it is attached to decides."""

    delay_s = 0.0

    def __init__(self, controller: Controller, address: int) -> None:
        registers = ControllerRegisters(controller)
        super().__init__(registers, min(address, MOST_NODE))
        self.registers: RegisterDevice = registers

    @property
    def answers(self) -> bool:
        return self._controller.answers


def face(model: Controller, part: DevicePart) -> NativeDevice:
    """The controller's model in our own protocol."""
    return NativeDevice(model, part.address)
