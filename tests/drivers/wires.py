"""Wires for the tests of drivers: a simulated device on one, or a script of the bytes that must pass."""

from __future__ import annotations

from typing import Any

from drivers.codecs.modbus import Carrier
from drivers.simulated.wire import Line


class Script:
    """The far end of a wire that knows by heart what is asked and what it answers, in hexadecimal text.

    What is asked besides goes unanswered and stands in `unknown`.
    """

    def __init__(self, answers: dict[str, str], carrier: Carrier = Carrier.RTU) -> None:
        self.line = Line(carrier)
        self.line.on_request = self._asked
        self.asked: list[str] = []
        self.unknown: list[str] = []
        self._answers = {bytes.fromhex(asked): bytes.fromhex(answer) for asked, answer in answers.items()}

    def _asked(self, data: bytes) -> None:
        answer = self._answers.get(data)
        (self.asked if answer is not None else self.unknown).append(data.hex(" ").upper())
        if answer is not None:
            self.line.send(answer)


def damaged(data: bytes) -> tuple[bytes, ...]:
    """For `Line.to_station`: one bit of the check sum is wrong."""
    return (data[:-1] + bytes((data[-1] ^ 1,)),)


def attach(line: Line, address: int, device: Any) -> None:
    """Put what a face made onto a line."""
    if hasattr(device, "registers"):
        line.attach(address, device.registers)
    else:
        line.attach_bytes(device)
