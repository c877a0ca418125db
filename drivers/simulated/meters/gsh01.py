"""The other side of drivers/meters/gsh01.py: DZG GSH01 and AST DC650 with their sessions."""

from __future__ import annotations

import math
from collections.abc import Iterable

from drivers.codecs.slip import ANY, END, Part, decode_parts, encode_parts, frames
from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import Meter
from drivers.simulated.meters.line import LineFace
from drivers.simulated.meters.signing import record

RUNS = 1 << 17
OK, OUT_OF_RANGE, UNKNOWN, NOT_AVAILABLE = 0, 2, 5, 7


def face(model: Meter, part: DevicePart) -> Gsh01Face:
    """The meter at its address (255: at 0, it answers to both)."""
    name = str(part.options.get("model", "GSH01"))
    return Gsh01Face(model, 0 if part.address == ANY else part.address, name)


class Gsh01Face(LineFace):
    """A start while a session runs is ignored; a loss of power ends it."""

    answer_s = 0.005

    def __init__(self, model: Meter, address: int, name: str = "GSH01") -> None:
        super().__init__(model)
        self.address = address
        self.name = name
        self.records: list[str] = []
        self.clock_s = 0
        self.is_running = False
        self._user = ""
        self._begin_wh = 0.0

    def restart(self) -> None:
        super().restart()
        self._stop()

    def _replies(self, now_s: float) -> Iterable[bytes]:
        if len(self._heard) < 2 or self._heard[-1] != END:
            return
        heard, self._heard = self._heard, b""
        for content in frames(heard):
            decoded = decode_parts(content)
            if decoded is not None and decoded[0] in (ANY, self.address):
                yield encode_parts(self.address, [self._answer(part) for part in decoded[1]])

    def _answer(self, part: Part) -> Part:
        now = self.model.read_direct()
        numbers = {
            0x0131: (abs(now.current_a[0]), 0.001, 4),
            0x0132: (now.voltage_v[0], 0.01, 4),
            0x0138: (max(now.phase_power_w[0], 0.0), 0.01, 4),
            0x0170: (now.import_wh, 0.1, 8),
        }
        if part.number in numbers:
            value, step, count = numbers[part.number]
            if math.isnan(value):
                return Part(part.number, status=NOT_AVAILABLE)
            return Part(part.number, round(value / step).to_bytes(count, "little"))
        texts = {0x4113: self.name.encode(), 0x4114: b"1.4", 0x4111: self.model.serial.to_bytes(4, "little")}
        if part.number in texts:
            return Part(part.number, texts[part.number])
        if part.number == 0x4135:
            self.clock_s = int.from_bytes(part.data[:4], "little") or self.clock_s
            return Part(part.number, self.clock_s.to_bytes(4, "little") + b"\0")
        if part.number == 0x4137:
            return Part(part.number, (RUNS if self.is_running else 0).to_bytes(8, "little"))
        return self._session(part)

    def _session(self, part: Part) -> Part:
        if part.number == 0x1501:
            if len(part.data) != 47:
                return Part(part.number, status=OUT_OF_RANGE)
            if not self.is_running:
                self.is_running, self._begin_wh = True, self.model.read_direct().import_wh
                self._user = part.data[7:].split(b"\0")[0].decode("ascii")
            return Part(part.number)
        if part.number == 0x1502:
            if not self.is_running:
                return Part(part.number, status=NOT_AVAILABLE)
            self._stop()
            return Part(part.number)
        if part.number == 0x1521:
            if not self.records:
                return Part(part.number, status=NOT_AVAILABLE)
            return Part(part.number, self.records[-1].encode() + b"\0")
        return Part(part.number, status=UNKNOWN)

    def _stop(self) -> None:
        if self.is_running:
            self.is_running = False
            end_wh = self.model.read_direct().import_wh
            page = len(self.records) + 1
            self.records.append(record(str(self.model.serial), {"ID": self._user}, self._begin_wh, end_wh, page))
