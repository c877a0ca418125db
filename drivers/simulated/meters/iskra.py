"""The other side of drivers/meters/iskra.py: WM3M4 and WM3M4C with its sessions."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from drivers.codecs.modbus import Function
from drivers.codecs.modbus_server import IllegalAddress
from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import FREQUENCY_HZ, Meter
from drivers.simulated.meters.signing import data_part, signature
from drivers.simulated.meters.table import TableFace, Words

INPUTS = ((0, 20), (100, 200), (400, 440))
HOLDINGS = ((7000, 7100), (7100, 7612), (7612, 8124), (8124, 8188), (8188, 8260))
IDLE, ACTIVE, AFTER_POWER_FAILURE = 0, 1, 2
DONE, INVALID_CLOCK, INVALID_COMMAND, INVALID_STATE = 15, 128, 130, 131
BEGIN, END = 0x4200, 0x7200


def face(model: Meter, part: DevicePart) -> IskraFace:
    """The meter at its address."""
    return IskraFace(model, str(part.options.get("model", "WM3M4C")))


class IskraFace(TableFace):
    """Values are input registers, sessions holding ones. Signing needs a set clock; a loss of power undoes it."""

    def __init__(self, model: Meter, name: str = "WM3M4C") -> None:
        super().__init__(model, self._words_now, functions=(Function.READ_INPUT,), most=100, ranges=INPUTS)
        self._name = name
        self.state, self.signing = IDLE, 1
        self.records: list[str] = []
        self.clock_is_set = False
        self._told: dict[int, int] = {}
        self._begin_wh = 0.0
        self._data = self._signature = b""

    def read(self, function: int, start: int, count: int) -> Sequence[int]:
        if function != Function.READ_HOLDING or self._name != "WM3M4C":
            return super().read(function, start, count)
        if not any(low <= start and start + count <= high for low, high in HOLDINGS):
            raise IllegalAddress
        words = Words()
        words.update(self._told)
        words |= {7000: self.state, 7052: self.signing, 7057: len(self._data), 7058: len(self._signature)}
        words[7071] = 2 if self.clock_is_set else 0
        for at, data in ((7612, self._data), (8188, self._signature)):
            padded = data + b"\0" * (len(data) % 2)
            words |= {at + n: int.from_bytes(padded[2 * n : 2 * n + 2], "big") for n in range(len(padded) // 2)}
        return [words.get(at, 0) for at in range(start, start + count)]

    def write(self, start: int, values: Sequence[int]) -> None:
        if self._name != "WM3M4C" or not 7000 <= start < 7612:
            raise IllegalAddress
        if start == 7051:
            self._command(values[0])
        elif start == 7071:
            self.clock_is_set = values[0] == 2
        else:
            self._told.update(enumerate(values, start))

    def restart(self) -> None:
        """Its supply was away for a moment: clock and description are gone, a session waits to be ended."""
        self.clock_is_set = False
        self._told.clear()
        if self.state != IDLE:
            self.state = AFTER_POWER_FAILURE

    def _command(self, command: int) -> None:
        if not self.clock_is_set:
            self.signing = INVALID_CLOCK
        elif command == BEGIN and self.state == IDLE:
            self.state, self.signing = ACTIVE, DONE
            self._begin_wh = self.model.read().import_wh
        elif command == END and self.state != IDLE:
            self.state, self.signing = IDLE, DONE
            data = data_part(
                str(self.model.serial),
                self._fields(),
                self._begin_wh,
                self.model.read().import_wh,
                len(self.records) + 1,
            )
            self._data, self._signature = data.encode(), bytes.fromhex(signature(data))
            self.records.append(f'OCMF|{data}|{{"SD":"{signature(data)}"}}')
        else:
            self.signing = INVALID_STATE if command in (BEGIN, END) else INVALID_COMMAND

    def _fields(self) -> dict[str, object]:
        size = self._told.get(7056, 0)
        data = b"".join(self._told.get(7100 + at, 0).to_bytes(2, "big") for at in range((size + 1) // 2))[:size]
        told = json.loads(data) if data else {}
        return {key: told[key] for key in ("ID", "CI") if key in told}

    def _words_now(self) -> Words:
        now, found = self.model.read(), Words(self.model.swapped)
        _decimal(found, 105, FREQUENCY_HZ, -3)
        for phase in range(3):
            _decimal(found, 107 + 2 * phase, now.voltage_v[phase], -3)
            _decimal(found, 126 + 2 * phase, now.current_a[phase], -3)
            _decimal(found, 142 + 2 * phase, now.phase_power_w[phase], -1)
        _decimal(found, 140, now.power_w, -1)
        exponent = 0x7FFF if math.isnan(now.import_wh) else 1
        found |= {414: exponent, 415: exponent}
        found.whole(418, now.import_wh, 10)
        found.whole(420, now.export_wh, 10)
        found.text(1, 8, self._name)
        found.text(9, 4, f"{self.model.serial:08d}")
        return found


def _decimal(found: Words, address: int, value: float, exponent: int) -> None:
    """T5 and T6: exponent and 24 bits; what is no number has an exponent that no value has."""
    number, power = (1, 99) if math.isnan(value) else (round(value / 10**exponent), exponent)
    found.whole(address, (power & 0xFF) << 24 | number & 0xFF_FFFF)
