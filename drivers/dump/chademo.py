"""CHAdeMO 0.9 to 2.0: 11-bit identifiers; the vehicle sends 1x0..1x2, 200, 201, 700, the charger 1x8, 1x9, 208, 209.

100, 101, 102 are known from several sources; 108, 109 and the frames of 2.0 and of discharging from one.
"""

from __future__ import annotations

from drivers.dump.fields import Bits, Field, Message, Own, one_of, plain, scaled

_PROTOCOL = one_of({0: "before 0.9", 1: "0.9", 2: "1.x", 3: "2.0"})


def _limit(tens: int, minutes: int, name: str) -> Own:
    """A time in steps of 10 s, or where that is FF in minutes."""

    def words(data: bytes) -> str:
        if len(data) <= max(tens, minutes):
            return ""
        if data[tens] != 0xFF:
            return f"{name} {data[tens] * 10} s"
        return f"{name} {data[minutes]} min" if data[minutes] != 0xFF else ""

    return Own(words)


MESSAGES: dict[int, Message] = {
    0x100: Message("100", "vehicle limits", (
        Field(0, 1, "at least", plain("A")), Field(2, 2, "battery at least", plain("V")),
        Field(4, 2, "at most", plain("V")), Field(6, 1, "rate constant", plain("%")),
    ), 8),
    0x101: Message("101", "vehicle times", (
        _limit(1, 2, "at most"), Field(3, 1, "estimated", plain("min")), Field(5, 2, "battery", scaled(0.1, "kWh")),
    ), 8),
    0x102: Message("102", "vehicle", (
        Field(0, 1, "protocol", _PROTOCOL), Field(1, 2, "asks", plain("V")), Field(3, 1, "", plain("A")),
        Bits(4, {0: "OVER-VOLTAGE", 1: "UNDER-VOLTAGE", 2: "CURRENT DEVIATES", 3: "TOO HOT", 4: "VOLTAGE DEVIATES"},
             "no fault"),
        Bits(5, {0: "charging enabled", 1: "not in park", 2: "CHARGING ERROR", 3: "contactor open", 4: "asks to stop",
                 7: "can discharge"}, "charging not enabled"),
        Field(6, 1, "SOC", plain("%")),
    ), 8),
    0x108: Message("108", "charger limits", (
        Field(0, 1, "weld detection", one_of({0: "no", 1: "yes"})), Field(1, 2, "gives", plain("V")),
        Field(3, 1, "", plain("A")), Field(4, 2, "threshold", plain("V")),
    ), 8),
    0x109: Message("109", "charger", (
        Field(0, 1, "protocol", _PROTOCOL), Field(1, 2, "gives", plain("V")), Field(3, 1, "", plain("A")),
        Bits(4, {0: "can discharge"}),
        Bits(5, {0: "charging", 1: "CHARGER ERROR", 2: "connector locked", 3: "BATTERY NOT COMPATIBLE",
                 4: "SYSTEM ERROR", 5: "stops"}, "idle"),
        _limit(6, 7, "remaining"),
    ), 8),
    0x110: Message("110", "vehicle, 2.0", (
        Bits(0, {0: "dynamic control", 1: "high current", 2: "high voltage"}, "nothing more"),
    ), 1),
    0x118: Message("118", "charger, 2.0", (Bits(0, {0: "dynamic control"}, "nothing more"),), 1),
    0x200: Message("200", "vehicle, discharging", (
        Field(0, 1, "at most", plain("A")), Field(4, 2, "at least", plain("V")),
        Field(6, 1, "level at least", plain("%")), Field(7, 1, "remaining at most", plain()),
    ), 8),
    0x201: Message("201", "vehicle, discharging", (
        Field(0, 1, "number", plain(), has_mark=False), Field(1, 2, "done in", plain("min")),
        Field(3, 2, "available", scaled(0.1, "kWh")),
    ), 5),
    0x208: Message("208", "charger, discharging", (
        Field(0, 1, "", plain("A")), Field(1, 2, "takes", plain("V")), Field(3, 1, "", plain("A")),
        Field(6, 2, "threshold", plain("V")),
    ), 8),
    0x209: Message("209", "charger, discharging", (
        Field(0, 1, "number", plain(), has_mark=False), Field(1, 2, "remaining", plain("min")),
    ), 3),
    0x700: Message("700", "maker of the vehicle", (Field(0, 1, "code", plain(), has_mark=False),), 1),
}  # fmt: skip
"""Identifier -> message."""

FROM_CHARGER = frozenset({0x108, 0x109, 0x118, 0x208, 0x209})
