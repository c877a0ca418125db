"""Frames -> lines. One decoder for one session: it remembers the time of its begin and the transfers under way.

    12.345  EV>EVSE  BCL   demand: 426.1 V, 20.0 A, CC  | 181056F4 A5 10 D8 0E 02

Seconds since the first frame, who said it, the message, its fields, and behind `|` what was on the wire. Nothing that
names a vehicle is shown in full, neither in words nor in bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from drivers.dump import chademo, gbt
from drivers.dump.fields import printable
from drivers.dump.privacy import SHOWN, without_names
from drivers.dump.transport import CONNECT, DATA, Heard, Reassembly
from drivers.interfaces import FrameKind, VehicleFrame

MOST_CHARACTERS = 400
"""Of one line; what is longer is cut."""
MOST_RAW = 64
"""Bytes of one message that are shown as they were on the wire."""
TO_VEHICLE, FROM_VEHICLE, BETWEEN = "EVSE>EV", "EV>EVSE", ""

_PILOT = re.compile(r"^([A-F])(?:\s+(-?\d+(?:\.\d+)?|-))?(?:\s+(\d+(?:\.\d+)?|-))?$")
_STATES = {
    "A": "no vehicle", "B": "vehicle connected", "C": "vehicle asks", "D": "vehicle asks, ventilation", "E": "no pilot",
    "F": "charger not available",
}  # fmt: skip


class Line(msgspec.Struct, frozen=True):
    """One line, in parts. `at_s` counts from the session's first frame."""

    at_s: float
    direction: str
    name: str
    words: str
    raw: str = ""

    def __str__(self) -> str:
        raw = f"  | {self.raw}" if self.raw else ""
        text = f"{self.at_s:10.3f}  {self.direction:7}  {self.name:5} {self.words}{raw}"
        return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


class Decoder:
    """Give it all frames of a session in order. It never raises and keeps little."""

    def __init__(self) -> None:
        self._last_ms: int | None = None
        self._at_ms = 0
        self._transfers = Reassembly()
        self._kinds: dict[FrameKind, Callable[[VehicleFrame, float], list[Line]]] = {
            FrameKind.GBT: self._gbt,
            FrameKind.CHADEMO: self._chademo,
            FrameKind.CCS: self._ccs,
            FrameKind.PILOT: self._pilot,
        }

    @property
    def at_s(self) -> float:
        """When the last frame was, from the first."""
        return self._at_ms / 1000

    def decode(self, frame: VehicleFrame) -> list[Line]:
        """The lines of one frame: mostly one, more where it completes a message."""
        if self._last_ms is not None:
            passed_ms = (frame.at_ms - self._last_ms) & 0xFFFF_FFFF
            if passed_ms < 1 << 31:  # backwards: its clock began anew
                self._at_ms += passed_ms
        self._last_ms = frame.at_ms
        return self._kinds[frame.kind](frame, self.at_s)

    def lost(self, count: int) -> list[Line]:
        """Frames that never came are said, too."""
        return [Line(self.at_s, BETWEEN, "", f"{count} frames are missing here")] if count > 0 else []

    # --------------------------------------------------------------------------------------------------------- GB/T

    def _gbt(self, frame: VehicleFrame, at_s: float) -> list[Line]:
        source, destination = frame.can_id & 0xFF, frame.can_id >> 8 & 0xFF
        group = frame.can_id >> 8 & 0x3FF00
        ours = {source, destination} == {gbt.CHARGER, gbt.BATTERY}
        if not ours or not 0 <= frame.can_id < 1 << 29:
            return [Line(at_s, BETWEEN, "?", "unknown", _raw(frame.can_id, 8, frame.data))]
        direction = TO_VEHICLE if source == gbt.CHARGER else FROM_VEHICLE
        if group in (CONNECT, DATA):
            return self._transport(frame, at_s, direction, group, (source, destination))
        message = gbt.MESSAGES.get(group)
        if message is None:
            return [Line(at_s, direction, "?", f"unknown group {group:06X}", _raw(frame.can_id, 8, frame.data))]
        words = _titled(message.title, message.show(frame.data))
        return [Line(at_s, direction, message.name, words, _raw(frame.can_id, 8, _hidden(group, frame.data, 0)))]

    def _transport(
        self, frame: VehicleFrame, at_s: float, direction: str, group: int, pair: tuple[int, int]
    ) -> list[Line]:
        if group == CONNECT:
            heard = self._transfers.connect(pair, frame.data, self._at_ms)
            raw = _raw(frame.can_id, 8, frame.data)
        else:
            heard = self._transfers.data(pair, frame.data, self._at_ms)
            raw = _raw(frame.can_id, 8, _packet(heard, frame.data))
        message = gbt.MESSAGES.get(heard.group) if heard.group is not None else None
        name = message.name if message is not None else f"group {heard.group:06X}" if heard.group is not None else ""
        kind = "TP.CM" if group == CONNECT else "TP.DT"
        words = heard.words
        if frame.data[:1] == b"\xff" and group == CONNECT and len(frame.data) > 1:
            words += f" ({gbt.ABORT_REASONS.get(frame.data[1], 'unknown')})"
        lines = [Line(at_s, direction, kind, f"{name}: {words}" if name else words, raw)]
        if heard.data is not None and heard.group is not None:
            lines.append(_whole(heard.group, heard.data, at_s, direction))
        return lines

    # ------------------------------------------------------------------------------------------------ CHAdeMO, text

    def _chademo(self, frame: VehicleFrame, at_s: float) -> list[Line]:
        message = chademo.MESSAGES.get(frame.can_id)
        raw = _raw(frame.can_id, 3, frame.data)
        if message is None:
            return [Line(at_s, BETWEEN, "?", "unknown", raw)]
        direction = TO_VEHICLE if frame.can_id in chademo.FROM_CHARGER else FROM_VEHICLE
        return [Line(at_s, direction, message.name, _titled(message.title, message.show(frame.data)), raw)]

    def _ccs(self, frame: VehicleFrame, at_s: float) -> list[Line]:
        """A message in the controller's words: a request is the vehicle's, a response the station's."""
        text = without_names(_text(frame.data))
        first = text.split(maxsplit=1)[0] if text.strip() else ""
        direction = FROM_VEHICLE if first.endswith("Req") else TO_VEHICLE if first.endswith("Res") else BETWEEN
        return [Line(at_s, direction, "CCS", text)]

    def _pilot(self, frame: VehicleFrame, at_s: float) -> list[Line]:
        text = _text(frame.data)
        found = _PILOT.match(text.strip())
        if found is None:
            return [Line(at_s, BETWEEN, "CP", without_names(text))]
        state, volts, duty = found.groups()
        words = f"state {state}, {_STATES[state]}"
        if volts not in (None, "-"):
            words += f", {float(volts):.1f} V"
        if duty not in (None, "-"):
            words += f", duty {float(duty):.1f} %: {pilot_meaning(float(duty))}"
        return [Line(at_s, BETWEEN, "CP", words)]


def pilot_meaning(duty_pct: float) -> str:
    """What a duty cycle says (IEC 61851-1, annex A)."""
    if duty_pct >= 99.5 or duty_pct < 0.5:
        return "no charging"
    if 3.0 <= duty_pct <= 7.0:
        return "digital communication"
    if 8.0 <= duty_pct < 10.0:
        return "6 A"
    if 10.0 <= duty_pct <= 85.0:
        return f"{duty_pct * 0.6:.1f} A"
    if 85.0 < duty_pct <= 96.0:
        return f"{(duty_pct - 64) * 2.5:.1f} A"
    if 96.0 < duty_pct <= 97.0:
        return "80 A"
    return "not allowed"


def _whole(group: int, data: bytes, at_s: float, direction: str) -> Line:
    message = gbt.MESSAGES.get(group)
    hidden = _hidden(group, data, 0)
    raw = _bytes(hidden[:MOST_RAW]) + (" …" if len(hidden) > MOST_RAW else "")
    if message is None:
        return Line(at_s, direction, "?", f"unknown group {group:06X}, {len(data)} bytes", raw)
    return Line(at_s, direction, message.name, _titled(message.title, message.show(data)), raw)


def _packet(heard: Heard, data: bytes) -> list[int | None]:
    """The bytes of a packet of a transfer. Of a transfer that is not known nobody knows whether it names a vehicle."""
    if heard.group is None:
        return [*data[:1], *[None] * (len(data) - 1)]
    return [*data[:1], *_hidden(heard.group, data[1:], 7 * (heard.number - 1))]


_NAMES = frozenset(
    [*range(gbt.VIN_AT, gbt.VIN_AT + gbt.VIN_SIZE - SHOWN), *range(gbt.PACK_AT, gbt.PACK_AT + gbt.PACK_SIZE)]
)
"""Where in a message BRM a vehicle and its battery are named."""


def _hidden(group: int, data: bytes, offset: int) -> list[int | None]:
    """Bytes of a message from `offset` on; None where they name the vehicle."""
    if group != gbt.BRM:
        return list(data)
    return [None if offset + at in _NAMES else byte for at, byte in enumerate(data)]


def _raw(can_id: int, width: int, data: bytes | list[int | None]) -> str:
    return f"{can_id:0{width}X} {_bytes(list(data[:MOST_RAW]))}".rstrip()


def _bytes(data: list[int | None]) -> str:
    return " ".join("**" if byte is None else f"{byte:02X}" for byte in data)


def _titled(title: str, words: str) -> str:
    return f"{title}: {words}" if words else title


def _text(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return "".join(each if each.isprintable() else printable(b"\0") for each in text)
