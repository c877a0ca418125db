"""A small protocol of lines, for tests of what is not Modbus: `?7a` asks device 7 for its value a, `!7a12` answers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

from drivers.codecs.modbus import Carrier
from drivers.errors import BadFrame, Refused
from drivers.simulated.devices import Late


def framed(text: str) -> bytes:
    """`text` between * and a line's end, with a check sum of two digits."""
    return f"*{text}{sum(text.encode()) & 0xFF:02X}\r".encode()


class Ask:
    """Ask device `device` for the value `what`."""

    def __init__(self, device: int, what: str = "a") -> None:
        self.device: Hashable = device
        self._device, self._what = device, what

    def encode(self, carrier: Carrier, number: int) -> bytes:
        return framed(f"?{self._device}{self._what}")

    def answer(self, data: bytes) -> int | None:
        begin = data.find(f"*!{self._device}".encode())
        end = data.find(b"\r", begin)
        if begin < 0 or end < 0:
            return None
        text = data[begin + 1 : end - 2].decode("ascii", "replace")
        if framed(text) != data[begin : end + 1]:
            raise BadFrame("wrong check sum")
        if text[2:] == "no":
            raise Refused("it says no")
        return int(text[3:]) if text[2] == self._what else None

    def __str__(self) -> str:
        return f"value {self._what}"


class Talker:
    """Device `number`; it answers with its `value`, or says no when it has none."""

    send: Callable[[bytes], None]

    def __init__(self, number: int, value: int | None = 12, delay_s: float = 0.0) -> None:
        self.number, self.value, self.delay_s = number, value, delay_s
        self.asked = 0
        self.spoil: Callable[[bytes], bytes] = lambda data: data
        self._data = b""

    def received(self, data: bytes, now_s: float) -> Iterable[Late]:
        self._data = (self._data + data)[-200:]
        begin = self._data.find(f"*?{self.number}".encode())
        end = self._data.find(b"\r", begin)
        if begin < 0 or end < 0:
            return
        question, self._data = self._data[begin + 1 : end - 2].decode("ascii", "replace"), self._data[end + 1 :]
        self.asked += 1
        said = "no" if self.value is None else f"{question[2:]}{self.value}"
        yield Late(self.spoil(framed(f"!{self.number}{said}")), self.delay_s)
