"""The other side of drivers/meters/energomera.py: CE301, CE303, CE308 with GROUP, CE102M without."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from drivers.codecs.iec62056 import STX, Check, check_byte, reply
from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import FREQUENCY_HZ, Meter
from drivers.simulated.meters.line import LineFace

BAD_ARGUMENT, UNKNOWN = "E12", "E17"
_REQUEST = re.compile(rb"/\?([0-9]*)!\x01R1\x02([^\x03]*\x03)(.)", re.DOTALL)


def face(model: Meter, part: DevicePart) -> EnergomeraFace:
    """The meter at its address."""
    name = str(part.options.get("model", "CE303"))
    check = Check(str(part.options.get("check", "sum")))
    return EnergomeraFace(model, str(part.address) if part.address else "", name, check)


class EnergomeraFace(LineFace):
    """Reads without a session. It takes no notice of a wrong check byte: it stays silent."""

    answer_s = 0.02

    def __init__(self, model: Meter, address: str, name: str = "CE303", check: Check = Check.SUM) -> None:
        super().__init__(model)
        self.address = address
        self.name = name
        self.check = check

    def _replies(self, now_s: float) -> Iterable[bytes]:
        found = _REQUEST.search(self._heard)
        if found is None:
            return
        self._heard = b""
        address, text, given = found.group(1).decode(), found.group(2), found.group(3)[0]
        body = b"R1" + bytes((STX,)) + text
        if address not in ("", self.address) or given != check_byte(body, self.check):
            return
        yield reply(self._answer(text[:-1].decode("ascii", errors="replace")), self.check)

    def _answer(self, text: str) -> str:
        if text.startswith("GROUP("):
            if self.name == "CE102M":
                return f"({BAD_ARGUMENT})"
            return "".join(
                number + "".join(f"({each})" for each in self._group(number, int(mask, 16)))
                for number, mask in re.findall(r"([0-9A-F]{4})\(([0-9A-F]+)\)", text)
            )
        name = text.partition("(")[0]
        values = self._named(name)
        if values is None:
            return f"({UNKNOWN})"
        return "".join(f"{name}({each})\r\n" for each in values)

    def _group(self, number: str, mask: int) -> list[str]:
        now = self.model.read()
        values = {
            "1001": [_text(now.import_wh / 1000, 4)],
            "4001": [_text(each, 2) for each in now.voltage_v],
            "4002": [_text(each, 3) for each in now.current_a],
            "4003": [_text(each / 1000, 5) for each in (*now.phase_power_w, now.power_w)],
            "400D": [_text(FREQUENCY_HZ, 2)],
        }.get(number)
        wanted = [at for at in range(16) if mask >> at & 1]
        if values is None:
            return [UNKNOWN] * len(wanted)
        return [values[at] if at < len(values) else BAD_ARGUMENT for at in wanted]

    def _named(self, name: str) -> list[str] | None:
        now = self.model.read()
        phases = 1 if self.name == "CE102M" else 3
        power_w = now.phase_power_w[0] if phases == 1 else now.power_w
        return {
            "VOLTA": [_text(each, 2) for each in now.voltage_v[:phases]],
            "CURRE": [_text(each, 3) for each in now.current_a[:phases]],
            "POWEP": [_text(power_w / 1000, 5)],
            "FREQU": [_text(FREQUENCY_HZ, 2)],
            "ET0PE": [_text(now.import_wh / 1000, 3), _text(now.import_wh / 1000, 3), "0.000"],
            "SNUMB": [f"{self.model.serial:015d}"],
        }.get(name)


def _text(value: float, digits: int) -> str:
    return BAD_ARGUMENT if math.isnan(value) else f"{math.floor(value * 10**digits + 0.5) / 10**digits:.{digits}f}"
