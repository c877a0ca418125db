"""The other side of drivers/meters/mercury.py: Mercury 230 and its like, with channel, password and time-out."""

from __future__ import annotations

import math
from collections.abc import Iterable

from drivers.codecs.mercury import crc16, encode_energy, encode_instant, with_crc
from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import FREQUENCY_HZ, Meter
from drivers.simulated.meters.line import LineFace

IDLE_S = 240.0
"""The channel closes when nobody asked for so long."""
OK, BAD_COMMAND, NO_ACCESS, CLOSED = b"\x00", b"\x01", b"\x03", b"\x05"


def face(model: Meter, part: DevicePart) -> MercuryFace:
    """The meter at its address; the password as the driver's options say."""
    password = str(part.options.get("password", "111111"))
    as_characters = part.options.get("password_as", "numbers") == "characters"
    secret = password.encode() if as_characters else bytes(int(digit) for digit in password)
    return MercuryFace(model, part.address, secret)


class MercuryFace(LineFace):
    """Address 0 speaks to whoever is there; the answer bears the address that was asked."""

    def __init__(self, model: Meter, address: int, password: bytes = b"\x01" * 6) -> None:
        super().__init__(model)
        self.address = address
        self.password = password
        self.opened = 0
        self._open_until_s = -math.inf

    def restart(self) -> None:
        super().restart()
        self._open_until_s = -math.inf

    def _replies(self, now_s: float) -> Iterable[bytes]:
        request = self._heard
        if len(request) < 4 or crc16(request[:-2]) != int.from_bytes(request[-2:], "little"):
            return
        self._heard = b""
        if request[0] not in (0, self.address):
            return
        yield with_crc(request[:1] + self._answer(request[1:-2], now_s))

    def _answer(self, body: bytes, now_s: float) -> bytes:
        is_open = now_s < self._open_until_s
        if body == b"\x00":
            return OK
        if body[:1] == b"\x01":
            if body[1:2] not in (b"\x01", b"\x02") or body[2:] != self.password:
                return NO_ACCESS
            self.opened += 1
            self._open_until_s = now_s + IDLE_S
            return OK
        if not is_open:
            return CLOSED
        self._open_until_s = -math.inf if body == b"\x02" else now_s + IDLE_S
        return OK if body == b"\x02" else self._values(body)

    def _values(self, body: bytes) -> bytes:
        now, model = self.model.read(), self.model
        if body == b"\x05\x00\x00":
            wh = [None if math.isnan(each) else int(each) for each in (now.import_wh, now.export_wh)]
            return b"".join(encode_energy(each) for each in (*wh, None, None))
        if body == b"\x08\x00":
            digits = f"{model.serial % 10**8:08d}"
            return bytes(int(digits[at : at + 2]) for at in range(0, 8, 2)) + bytes((11, 3, 21))
        if body[:2] != b"\x08\x16" or len(body) != 3:
            return BAD_COMMAND
        power = (now.power_w, *now.phase_power_w)
        found = {
            0x00: [each * 100 for each in power],
            0x11: [each * 100 for each in now.voltage_v],
            0x21: [each * 1000 for each in now.current_a],
            0x30: [1000.0] * 4,
            0x40: [FREQUENCY_HZ * 100],
        }.get(body[2])
        if found is None:
            return BAD_COMMAND
        return b"".join(encode_instant(0 if math.isnan(each) else round(each)) for each in found)
