"""Wiren Board WB-MR6C v.3 (6 relays, 7 inputs) and WBIO-DI-WD-14 behind a WB-MIO (14 inputs): Modbus RTU over RS485.

As delivered 9600 8N2, the address stands on the label. Source: Wiren Board's own templates of wb-mqtt-serial
(config-wb-mr6cv3, wb_mr_output_params, config-wbio-di-wd-14) and its page WB-MIO Modbus Registers. WB-MR6C: inputs
discrete 0 (1 to 6) and 7 (0), outputs coil 0, counters input 32; holding 8 poll time-out in s, 19 what starts the safe
mode (0 time-out or loss of power), 6 outputs after power-on (0 safe state), 930 safe states, 938 whether each output
goes to it, 9 to 14 and 16 what each input does by itself (3 nothing), 946 the same in the safe mode; from firmware 1.24
discrete 96 what the outputs really are, 1728 and 1736 delays of each output, 1760 its timer (1.25); 1280 whether two
outputs move a curtain (1.21). A WBIO-DI-WD-14 in place `slot` of the WB-MIO has its inputs as coils from slot × 1000,
its counters in holding registers from there + 250.

Quirks: as delivered the inputs of the WB-MR6C switch its relays by themselves: `prepare` ends that. Its input 0 is the
channel after input 6. The poll time-out counts whole seconds (`watchdog_s` rounded down, at least 1 s).
"""

from __future__ import annotations

import enum
import math
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs.modbus import Function
from drivers.errors import Refused
from drivers.interfaces import DigitalIO, FailSafe, Identity
from drivers.io.modbus_io import Bits, Counters, ModbusIo, Step, Table
from drivers.ports.port import Port
from drivers.wirenboard_identity import identify


class Model(enum.StrEnum):
    MR6C = "WB-MR6C"
    DI_WD_14 = "WBIO-DI-WD-14"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=247, description="as printed on the label")] = 1
    model: Annotated[Model, Meta(description="WB-MR6C (v.3), or WBIO-DI-WD-14 behind a WB-MIO")] = Model.MR6C
    slot: Annotated[int, Meta(ge=1, le=4, description="WBIO-DI-WD-14: its place beside the WB-MIO")] = 1
    counters: Annotated[bool, Meta(description="read its pulse counters, too (makes each round longer)")] = False


ABOUT = About(
    vendor="Wiren Board",
    models=("WB-MR6C v.3", "WBIO-DI-WD-14 with WB-MIO"),
    ports=("serial", "tcp"),
    lines=(Line(9600, stop_bits=2), Line(115200, stop_bits=2), Line(9600)),
    abilities=("7 or 14 inputs", "6 outputs (WB-MR6C)", "watchdog with safe state", "pulse counters", "serial number"),
    source="Wiren Board, templates of wb-mqtt-serial (wb-mr6cv3, wbio-di-wd-14); WB-MIO Modbus Registers",
    confidence=2,
    fail_safe=FailSafe.OPENS,
    quirks=(
        "as delivered its inputs switch its relays by themselves; that is ended at the start (input mode 3)",
        "delays, timers and curtains of its outputs are set to none at the start: an order has to count at once",
        "the watchdog counts whole seconds: watchdog_s rounded down, at least 1 s",
        "WB-MR6C: channels 0 to 5 are inputs 1 to 6, channel 6 is input 0",
        "the address stands on the label; every address can be one, so discovery looks at 1 and the named ones only",
    ),
)

POWER_ON, POLL_TIMEOUT, SAFE_SOURCE = 6, 8, 19
INPUT_MODES, INPUT_0_MODE, DOES_NOTHING = 9, 16, 3
SAFE_STATES, SAFE_BEHAVIOUR, SAFE_INPUTS = 930, 938, 946
CURTAINS, START_DELAYS, RESTART_DELAYS, TIMERS = 1280, 1728, 1736, 1760
REAL_STATES = 96
RELAYS = 6
_MR6C_INPUTS = (0, 1, 2, 3, 4, 5, 7)


def open_device(settings: Settings, port: Port) -> DigitalIO:
    """The module; nothing is asked yet."""
    return ModbusIo(port, settings.address, table(settings), identify)


def table(settings: Settings) -> Table:
    """The module's channels and settings."""
    if settings.model is Model.DI_WD_14:
        start = settings.slot * 1000
        return Table(
            inputs=Bits(Function.READ_COILS, start, 14),
            counters=Counters(Function.READ_HOLDING, start + 250, 14) if settings.counters else None,
            fail_safe=FailSafe.OPENS,
        )
    return Table(
        inputs=Bits(Function.READ_DISCRETE, 0, 8, _MR6C_INPUTS),
        outputs=Bits(Function.READ_COILS, 0, RELAYS),
        real=Bits(Function.READ_DISCRETE, REAL_STATES, RELAYS),
        counters=Counters(Function.READ_INPUT, 32, 6) if settings.counters else None,
        steps=_steps,
        fail_safe=FailSafe.OPENS,
    )


def _steps(watchdog_s: float) -> tuple[Step, ...]:
    return (
        Step(INPUT_MODES, (DOES_NOTHING,) * RELAYS),
        Step(INPUT_0_MODE, (DOES_NOTHING,)),
        Step(CURTAINS, (0,) * (RELAYS // 2), is_optional=True, is_lasting=True),
        *(
            Step(start, (0,) * RELAYS, is_optional=True, is_lasting=True)
            for start in (START_DELAYS, RESTART_DELAYS, TIMERS)
        ),
        Step(POWER_ON, (0,)),
        Step(SAFE_STATES, (0,) * RELAYS),
        Step(SAFE_BEHAVIOUR, (1,) * RELAYS),
        Step(SAFE_INPUTS, (0,) * RELAYS, is_optional=True),
        Step(SAFE_SOURCE, (0,)),
        Step(POLL_TIMEOUT, (max(1, math.floor(watchdog_s)),)),
    )


async def recognise(port: Port, address: int) -> Identity | None:
    """By the signature all devices of this maker have; relays and WB-MIO only."""
    try:
        found = await identify(port, address)
    except Refused:
        return None
    name = found.model.upper().removeprefix("WB-").removeprefix("WB")
    return found if name.startswith(("MR6C", "MIO")) else None
