"""What it costs to check a message against its JSON schema, beside the checks of the `ocpp` library (jsonschema)."""

from __future__ import annotations

import time

from ocpp.messages import Call, validate_payload  # type: ignore[import-untyped]

from benchmarks.figures import Row
from benchmarks.rig import Place
from ocpp_client import schemas
from ocpp_client.frames import Payload

US = 1_000_000
RUNS = 5

MESSAGES: dict[str, Payload] = {
    "StartTransaction": {
        "connectorId": 1,
        "idTag": "04A2B3C4",
        "meterStart": 1000,
        "timestamp": "2026-05-04T10:00:00.000Z",
    },
    "MeterValues": {
        "connectorId": 1,
        "transactionId": 700001,
        "meterValue": [
            {
                "timestamp": "2026-05-04T10:00:00.000Z",
                "sampledValue": [
                    {"value": str(number), "context": "Sample.Periodic", "measurand": measurand, "unit": unit}
                    for number, (measurand, unit) in enumerate(
                        (("Energy.Active.Import.Register", "Wh"), ("Power.Active.Import", "W"), ("Voltage", "V"))
                    )
                ],
            }
        ],
    },
}


async def validation(place: Place) -> list[Row]:
    """One request of ours, checked again and again."""
    count = place.pick(500, 3000)
    rows = []
    for action, payload in MESSAGES.items():
        call = Call("1", action, payload)
        times_us = tuple(_each_us(action, payload, count) for _ in range(RUNS))
        reference_us = min([await _library_us(call, count // 5) for _ in range(RUNS)])
        beside = f"ocpp library {reference_us:.0f} µs, {reference_us / min(times_us):.0f} times as long"
        rows.append(Row(figure=f"schema check of a {action}", values=times_us, unit="µs", beside=beside))
    return rows


def _each_us(action: str, payload: Payload, count: int) -> float:
    schemas.check_request(action, payload)
    began_s = time.perf_counter()
    for _ in range(count):
        schemas.check_request(action, payload)
    return (time.perf_counter() - began_s) / count * US


async def _library_us(call: Call, count: int) -> float:
    """As a client of the library does it: in a thread."""
    await validate_payload(call, "1.6")
    began_s = time.perf_counter()
    for _ in range(count):
        await validate_payload(call, "1.6")
    return (time.perf_counter() - began_s) / count * US
