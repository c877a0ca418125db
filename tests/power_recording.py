"""The session of examples/power/switch.jsonl: the sequencer drives two modules, four contactors and cars in numbers.

.venv/bin/python -m tests.power_recording     # records it anew; then write docs/power.md: -m tests.power_sessions
"""

from __future__ import annotations

import io
import json
import math
from typing import Any

from chargepoint.commands.power import answer_lines
from chargepoint.power.lines.switching import SwitchingLines
from tests.power_sessions import EXAMPLES

PATH = EXAMPLES / "switch.jsonl"
TICK_S = 0.2
BEGIN_S, LONGEST_S = 1000.0, 30.0
BLEED_S = 3.0
"""Time constant with which a module that is off loses its voltage."""
RISE_V_PER_S = 1500.0
EMF_V = {"1": 391.0, "2": 648.0}
OHM = 0.052
WISH = {"1": (420.0, 140.0), "2": (720.0, 40.0)}
"""What the cars ask when they charge."""
TEST_V, TEST_A, TEST_LASTS_S = 648.0, 2.0, 1.2
BETWEEN = {"K11": ("M1", "1"), "K12": ("M1", "2"), "K21": ("M2", "1"), "K22": ("M2", "2")}


class Plant:
    """What is measured follows what was ordered a tick ago."""

    def __init__(self) -> None:
        self.now_s = BEGIN_S
        self.closed = {"K11": True, "K12": False, "K21": True, "K22": False}
        self.voltage_v = {"M1": 398.3, "M2": 398.3}
        self.current_a = {"M1": 70.0, "M2": 70.0}
        self.is_on = {"M1": True, "M2": True}
        self.told_a: dict[str, list[float]] = {"1": [140.0], "2": [math.inf]}
        self.tested_s = 0.0

    def _output_of(self, group: str) -> str | None:
        return next((each[1] for name, each in BETWEEN.items() if self.closed[name] and each[0] == group), None)

    def _charges(self, output: str) -> bool:
        return output == "1" or self.tested_s >= TEST_LASTS_S

    def _request(self, output: str) -> tuple[float, float]:
        if not self._charges(output):
            return TEST_V, TEST_A
        wish_v, wish_a = WISH[output]
        return wish_v, min(wish_a, self.told_a[output][0])

    def measured(self) -> dict[str, Any]:
        """One line of a tick."""
        outputs = {}
        for output in EMF_V:
            groups = [name for name in self.voltage_v if self._output_of(name) == output]
            request_v, request_a = self._request(output)
            current_a = sum(self.current_a[name] for name in groups) if self._charges(output) else 0.0
            outputs[output] = {
                "stage": "charging" if self._charges(output) else "preparing",
                "voltage_v": round(max((self.voltage_v[name] for name in groups), default=0.0), 1),
                "current_a": round(current_a, 1),
                "request_v": request_v,
                "request_a": request_a,
                "is_closed": self._charges(output),
            }
        groups_now = {
            name: {
                "voltage_v": round(self.voltage_v[name], 1),
                "current_a": round(self.current_a[name], 1),
                "is_on": self.is_on[name],
            }
            for name in self.voltage_v
        }
        return {
            "now_s": round(self.now_s, 1), "groups": groups_now, "contactors": dict(self.closed), "outputs": outputs,
        }  # fmt: skip

    def follow(self, orders: dict[str, Any]) -> None:
        """A tick passes."""
        self.now_s += TICK_S
        self.closed |= orders["contactors"]
        for output, told in orders["outputs"].items():
            self.told_a[output] = [*self.told_a[output][-1:], told["current_a"]]
        for name, order in orders["groups"].items():
            self.is_on[name] = order["is_on"]
            output = self._output_of(name)
            if output is not None and self._charges(output):
                self.current_a[name] = order["current_a"] if order["is_on"] else 0.0
                continue
            self.current_a[name] = 0.0
            if order["is_on"]:
                self.voltage_v[name] = min(order["voltage_v"], self.voltage_v[name] + RISE_V_PER_S * TICK_S)
            else:
                self.voltage_v[name] *= math.exp(-TICK_S / BLEED_S)
        for output, emf_v in EMF_V.items():
            groups = [name for name in self.voltage_v if self._output_of(name) == output]
            if self._charges(output):
                whole_a = sum(self.current_a[name] for name in groups)
                self.voltage_v |= dict.fromkeys(groups, emf_v + OHM * whole_a)
            elif any(self.voltage_v[name] > TEST_V - 1 for name in groups):
                self.tested_s += TICK_S


def recorded() -> list[str]:
    """The station and the beginning as they are in the file, then ticks until all is done."""
    lines = PATH.read_text().splitlines()[:2]
    switching, plant = SwitchingLines(), Plant()

    def ask(line: str) -> dict[str, Any]:
        sink = io.BytesIO()
        answer_lines(switching, io.BytesIO(line.encode() + b"\n"), sink)
        answer: dict[str, Any] = json.loads(sink.getvalue())
        return answer

    for line in lines:
        ask(line)
    while plant.now_s < BEGIN_S + LONGEST_S:
        lines.append(json.dumps(plant.measured()))
        answer = ask(lines[-1])
        if answer["done"] and plant.tested_s >= TEST_LASTS_S:
            break
        plant.follow(answer)
    return lines


if __name__ == "__main__":
    PATH.write_text("\n".join(recorded()) + "\n")
