"""The other side of drivers/meters/mercury_200.py: Mercury 200 and 206."""

from __future__ import annotations

import math
from collections.abc import Iterable

from drivers.codecs.mercury import crc16, encode_bcd, with_crc
from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import Meter
from drivers.simulated.meters.line import LineFace

NO_DIGITS = 0xFF


def face(model: Meter, part: DevicePart) -> Mercury200Face:
    """The meter at its address."""
    return Mercury200Face(model, part.address)


class Mercury200Face(LineFace):
    """One phase, four tariffs of which the second has a third of the energy."""

    def __init__(self, model: Meter, address: int) -> None:
        super().__init__(model)
        self.address = address.to_bytes(4, "big")

    def _replies(self, now_s: float) -> Iterable[bytes]:
        request = self._heard
        if len(request) < 7 or crc16(request[:-2]) != int.from_bytes(request[-2:], "little"):
            return
        self._heard = b""
        if request[:4] != self.address:
            return
        now = self.model.read()
        if request[4] == 0x27:
            if math.isnan(now.import_wh):
                data = bytes((NO_DIGITS,)) * 16
            else:
                tens = int(now.import_wh // 10)
                data = b"".join(encode_bcd(each, 4) for each in (tens - tens // 3, tens // 3, 0, 0))
        elif request[4] == 0x63:
            values = ((now.voltage_v[0], 0.1, 2), (now.current_a[0], 0.01, 2), (now.phase_power_w[0], 1, 3))
            data = b"".join(
                bytes((NO_DIGITS,)) * count if math.isnan(value) else encode_bcd(round(value / step), count)
                for value, step, count in values
            )
        else:
            return
        yield with_crc(request[:5] + data)
