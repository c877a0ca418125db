"""Samples in the words of MeterValues and transactionData. Pure.

Source: OCPP 1.6, 7.30 to 7.35, 7.43 and 7.45; Frequency has no unit of measure on the wire, it is hertz.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from chargepoint.records import Sample, SampledValue
from ocpp_client.frames import Payload
from ocpp_client.schemas import format_time

PERIODIC = "Sample.Periodic"
ALIGNED = "Sample.Clock"
BEGIN = "Transaction.Begin"
END = "Transaction.End"
TRIGGER = "Trigger"
RESUMED = "Interruption.End"

MEASURANDS = (
    "Energy.Active.Import.Register",
    "Energy.Active.Import.Interval",
    "Energy.Active.Export.Register",
    "Energy.Active.Export.Interval",
    "Power.Active.Import",
    "Power.Active.Export",
    "Power.Offered",
    "Power.Factor",
    "Current.Import",
    "Current.Offered",
    "Voltage",
    "Frequency",
    "Temperature",
    "SoC",
)
"""What the devices of this station can give."""

PHASES: dict[str, tuple[str, ...]] = {
    "Current.Import": ("L1", "L2", "L3"),
    "Voltage": ("L1-N", "L2-N", "L3-N"),  # `Voltage.L1` means the same as `Voltage.L1-N`
}
"""The phases of the measurands that this station gives by phase."""

UNITS = frozenset(
    {
        "Wh",
        "kWh",
        "varh",
        "kvarh",
        "W",
        "kW",
        "VA",
        "kVA",
        "var",
        "kvar",
        "A",
        "V",
        "K",
        "Celsius",
        "Fahrenheit",
        "Percent",
    }
)


def is_measurand(word: str) -> bool:
    """Whether `word` is a measurand this station gives, alone or with a phase (`Current.Import.L1`)."""
    if word in MEASURANDS:
        return True
    name, _, phase = word.rpartition(".")
    return any(phase in (known, known.removesuffix("-N")) for known in PHASES.get(name, ()))


def wanted(value: SampledValue, measurands: Iterable[str]) -> bool:
    """Whether `value` belongs to a set of measurands; without a phase a word means all phases."""
    return any(
        word == value.measurand
        or (value.phase and word in (f"{value.measurand}.{value.phase}", f"{value.measurand}.{value.phase[:2]}"))
        for word in measurands
    )


def number(value: float) -> str:
    """A decimal number as text: at most three decimals, no exponent, no trailing zeros."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def sampled_value(value: SampledValue) -> Payload:
    """One SampledValue; a signed record passes byte for byte, in place of the number."""
    payload: Payload = {"value": value.signed or number(value.value), "context": value.context}
    if value.signed:
        payload["format"] = "SignedData"
    payload["measurand"] = value.measurand
    if value.phase:
        payload["phase"] = value.phase
    if value.location:
        payload["location"] = value.location
    if value.unit in UNITS:
        payload["unit"] = value.unit
    return payload


def meter_value(sample: Sample, measurands: dict[str, tuple[str, ...]] | None = None) -> Payload | None:
    """One MeterValue with the values that `measurands` (by context) asks for; None when nothing is left.

    A context that `measurands` does not name passes whole; None lets everything pass. A signed value comes twice, plain
    and with its record: not every central system reads the record.
    """
    values = [
        sampled_value(form)
        for value in sample.values
        if measurands is None or value.context not in measurands or wanted(value, measurands[value.context])
        for form in ((msgspec.structs.replace(value, signed=""), value) if value.signed else (value,))
    ]
    if not values or sample.moment.at is None:
        return None
    return {"timestamp": format_time(sample.moment.at), "sampledValue": values}


def meter_values(connector: int, transaction_id: int | None, values: list[Payload]) -> Payload:
    """The payload of MeterValues."""
    payload: Payload = {"connectorId": connector}
    if transaction_id is not None:
        payload["transactionId"] = transaction_id
    payload["meterValue"] = values
    return payload
