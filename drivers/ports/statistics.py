"""What a port counts."""

from __future__ import annotations

import msgspec

from drivers.codecs.modbus import Fault


class Statistics(msgspec.Struct):
    """Counters since the port was made.

    `answers` counts good replies with values, `refused` exception replies; requests = answers + refused + no_answer +
    bad_frame (+ the one under way). `skipped`: not asked, because the asker had gone. `late`: frames that came after
    their time. `lost`: how often the wire broke. `causes`: strays and bad frames by `Fault`.
    """

    requests: int = 0
    answers: int = 0
    refused: int = 0
    no_answer: int = 0
    bad_frame: int = 0
    skipped: int = 0
    late: int = 0
    lost: int = 0
    causes: dict[str, int] = {}

    def count(self, fault: Fault) -> None:
        self.causes[fault.value] = self.causes.get(fault.value, 0) + 1
