"""The other side of drivers/meters/energomera_ce.py: CE102."""

from __future__ import annotations

import math
from collections.abc import Iterable

from drivers.codecs.slip import CE_OPTION, END, crc8_b5, encode_ce_reply, frames
from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import Meter
from drivers.simulated.meters.line import LineFace


def face(model: Meter, part: DevicePart) -> CeFace:
    """The meter at its address."""
    return CeFace(model, part.address, int(part.options.get("password", 0)))


class CeFace(LineFace):
    """One phase. A wrong password is an error, a wrong check sum is silence."""

    answer_s = 0.02

    def __init__(self, model: Meter, address: int, password: int = 0) -> None:
        super().__init__(model)
        self.address = address
        self.password = password

    def _replies(self, now_s: float) -> Iterable[bytes]:
        if len(self._heard) < 2 or self._heard[-1] != END:
            return
        heard, self._heard = self._heard, b""
        for content in frames(heard):
            if len(content) < 13 or crc8_b5(content[:-1]) != content[-1] or content[0] != CE_OPTION:
                continue
            if int.from_bytes(content[1:3], "little") != self.address:
                continue
            command, data = int.from_bytes(content[10:12], "big"), content[12:-1]
            allowed = int.from_bytes(content[5:9], "little") == self.password
            found = self._values(command, data) if allowed else None
            yield encode_ce_reply(self.address, command, b"\x01" if found is None else found, found is None)

    def _values(self, command: int, data: bytes) -> bytes | None:
        now = self.model.read()
        if command == 0x0001:
            return self.address.to_bytes(2, "little")
        if command == 0x011A:
            return f"{self.model.serial:08d}".encode()
        if command == 0x012F and data == b"\0\0":
            if math.isnan(now.import_wh):
                return None
            return bytes((21, 11, 26)) + int(now.import_wh // 10).to_bytes(4, "little")
        value = {
            0x0180: (now.voltage_v[0], 0.01, 2),
            0x0181: (now.current_a[0], 0.01, 2),
            0x0182: (now.phase_power_w[0], 0.001, 3),
        }.get(command)
        if value is None or math.isnan(value[0]):
            return None
        return max(0, round(value[0] / value[1])).to_bytes(value[2], "big")
