"""The scripted controller of tests/drivers/devices.py as a CANopen node: no behaviour, each order once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from drivers.codecs.modbus_server import IllegalValue
from drivers.native.codes import Command
from drivers.native.objects import DEMAND, ORDER, STATUS, SUPPLY, Block
from drivers.native.registers import Value
from drivers.simulated.canopen import CanopenNode
from drivers.simulated.registers import ControllerObjects
from tests.drivers.devices import Controller


class ScriptedObjects:
    """What a node needs of `ControllerObjects`, from the values of a scripted controller."""

    answers = True
    is_in_boot_loader = False

    def __init__(self, device: Controller) -> None:
        self.device = device
        self.controller = self

    @property
    def boot_count(self) -> int:
        return 1

    def restart(self) -> None:
        """It has nothing to restart."""

    def values(self, block: Block) -> Mapping[str, Value]:
        return self.device.values[block.name]

    def has(self, block: Block) -> bool:
        return block not in (DEMAND, SUPPLY)

    def set_values(self, block: Block, numbers: dict[str, int]) -> None:
        device = self.device
        if numbers.get("grant_lease", 0) > 10_000:
            raise IllegalValue
        device.values[block.name] |= cast(Any, numbers)
        number = numbers.get("order_number")
        if block is ORDER and number not in (None, 0, device.values[STATUS.name]["order_done"]):
            command = Command(int(cast(int, device.values[ORDER.name]["order_command"])))
            device.done.append(command)
            device.values[STATUS.name] |= cast(Any, {"order_done": number, "order_result": int(device.result)})
            device.on_order(command)


def scripted_node(device: Controller, node: int = 1) -> CanopenNode:
    return CanopenNode(cast(ControllerObjects, ScriptedObjects(device)), node)
