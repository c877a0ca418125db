"""Advantics charge controllers (SECC, SPCC) by their generic EVSE interface, version 3, on CAN: CCS with modules of
the station.

The controller speaks to the vehicle and switches the output contactors; it leaves voltage and current to the power
modules of this station (`modules` of the connector). It takes part in a charge as follows:

- Without a permission it is told "not authorised": it keeps the pilot at 100 % and begins nothing. A vehicle is seen by
  the pilot (frame 6B203).
- A start order lets it begin; a stop presses its stop button. It ends in order, current first.
- What it is told of the supply each 100 ms (frame 63000) is its lease on the whole station: without it, it ends the
  charge by itself within 0.5 s (setting `charger_can_timeout_ms` of the controller).

Wiring: CAN high and low, 120 ohm at both ends, 500 kbit/s; power modules on the same bus or another one.
In the controller: `charger_type = Advantics_Generic_DC_v3`, `use_sequence_flags = true`, and `insulation_monitor_type =
Not_Used` when the station has an [[insulation]] monitor.
Source: ADVANTICS, documentation of the generic EVSE interface v3 (sequences_v3, can_v3, DBC v3.6).
"""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from drivers.about import About, Modules
from drivers.codecs import advantics as wire
from drivers.controllers.advantics_controller import READ_WITHIN_S, AdvanticsController
from drivers.interfaces import ConnectorController, FailSafe, Identity
from drivers.ports.can import CanPort


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[
        int, Meta(ge=1, le=16, description="`index` of its pistol; 3 as delivered: identifiers 63xxx and 6Bxxx")
    ] = wire.PISTOL


ABOUT = About(
    vendor="Advantics",
    models=("ADM-CS-SECC", "ADM-CS-SPCC", "ADM-CO-CUI1"),
    ports=("can",),
    bit_rates=(500_000, 125_000),
    addresses=(wire.PISTOL,),
    abilities=("CCS", "modules of the station", "insulation monitor of the station", "state of charge", "temperatures"),
    source="ADVANTICS, generic EVSE interface v3: sequences_v3, can_v3, CAN database v3.6",
    confidence=1,
    fail_safe=FailSafe.OPENS,
    modules=Modules.STATION,
    quirks=(
        "set use_sequence_flags = true and charger_type = Advantics_Generic_DC_v3 in its file; without the flags it "
        "charges anybody",
        "the connector needs [[modules]]: the controller has none of its own",
        "without an [[insulation]] monitor of the station, name its own monitor in its file; the insulation test does "
        "not pass otherwise",
        "a pause at 0 A cannot be said (0 means its own setting): it is told 0.1 A, and the modules give nothing",
        "its power commands come as often as the vehicle asks, so only its status frames are watched with 0.2 s as "
        "the maker says; a command holds for 2 s",
        "the offset of identifiers by the pistol's index is inferred from index 3 = 63xxx",
        "CHAdeMO is not driven: nothing tells that a vehicle is plugged before its charge begins",
        "it measures nothing: voltage and current are those of the modules",
        "it cannot be restarted over CAN",
    ),
)  # fmt: skip


def open_device(settings: Settings, port: CanPort) -> ConnectorController:
    """The controller; nothing is sent yet, and what it says is listened to."""
    return AdvanticsController(port, settings.address)


async def recognise(port: CanPort, address: int) -> Identity | None:
    """It says who it is ten times a second: only listened to. Raises NoAnswer when it is not there."""
    if not 1 <= address <= 16:
        return None
    controller = AdvanticsController(port, address)
    try:
        await asyncio.sleep(2 * READ_WITHIN_S)
        return await controller.identify()
    finally:
        controller.close()
