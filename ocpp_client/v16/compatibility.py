"""What is said otherwise than OCPP 1.6 says it, for central systems that need it: `[ocpp.compatibility]`.

Everything else in this package keeps to the specification: here a request of ours is reworded just before it leaves.
Pure. Switches that are no matter of wording act where their deed is (docs/ocpp.md has the whole table).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from chargepoint.config import CompatibilitySettings
from ocpp_client.frames import Payload

KILO = {"kWh": "Wh", "kW": "W"}
CASES: dict[str, Callable[[str], str]] = {"upper": str.upper, "lower": str.lower}

_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")

Wording = Callable[[str, Payload], Payload]
"""Action and payload to the payload that leaves; the given one is not changed."""


def wording(switches: CompatibilitySettings) -> Wording | None:
    """How `switches` want our requests (which have passed their schemas) worded; None: as they are."""
    rewrites = _rewrites(switches)
    if not rewrites:
        return None

    def reworded(action: str, payload: Payload) -> Payload:
        for rewrite in rewrites:
            payload = rewrite(action, payload)
        return payload

    return reworded


def _rewrites(switches: CompatibilitySettings) -> list[Wording]:
    rewrites: list[Wording] = []
    units = {KILO[unit]: unit for unit in (switches.energy_unit, switches.power_unit) if unit in KILO}
    if switches.celcius:
        units["Celsius"] = "Celcius"
    if units:
        rewrites.append(lambda _, payload: _each_value(payload, lambda value: in_unit(value, units)))
    if switches.id_tag_case in CASES:
        rewrites.append(lambda _, payload: _in_case(payload, CASES[switches.id_tag_case]))
    if not switches.milliseconds:
        rewrites.append(lambda _, payload: whole_seconds(payload))
    if not switches.local_transaction_reason:
        rewrites.append(without_local)
    return rewrites


def in_unit(value: Payload, units: dict[str, str]) -> Payload:
    """A SampledValue in the unit that `units` has for its own; a signed record, or no number, stays as it is."""
    unit = units.get(value.get("unit", ""))
    if unit is None or value.get("format") == "SignedData" or not _NUMBER.fullmatch(value["value"]):
        return value
    return value | {"value": _thousandth(value["value"]) if unit in KILO else value["value"], "unit": unit}


def _thousandth(text: str) -> str:
    """A thousandth of a decimal number, exact, without exponent and trailing zeros."""
    shifted = f"{Decimal(text).scaleb(-3):f}"
    return shifted.rstrip("0").rstrip(".") if "." in shifted else shifted


def _each_value(payload: Payload, change: Callable[[Payload], Payload]) -> Payload:
    """`payload` of MeterValues or StopTransaction with every SampledValue changed."""
    for field in ("meterValue", "transactionData"):
        if field in payload:
            values = [at | {"sampledValue": [change(value) for value in at["sampledValue"]]} for at in payload[field]]
            payload = payload | {field: values}
    return payload


def _in_case(payload: Payload, change: Callable[[str], str]) -> Payload:
    return payload | {"idTag": change(payload["idTag"])} if "idTag" in payload else payload


def whole_seconds(payload: Any) -> Any:
    """Every `timestamp` in a payload without its fraction of a second."""
    if isinstance(payload, list):
        return [whole_seconds(item) for item in payload]
    if not isinstance(payload, dict):
        return payload
    return {
        name: item.partition(".")[0] + "Z" if name == "timestamp" and "." in item else whole_seconds(item)
        for name, item in payload.items()
    }


def without_local(action: str, payload: Payload) -> Payload:
    """StopTransaction without the reason Local, which is what no reason means (6.49)."""
    if action != "StopTransaction" or payload.get("reason") != "Local":
        return payload
    return {name: item for name, item in payload.items() if name != "reason"}
