"""Modules, meters, climate and devices over the API: what the pages of the same names show."""

from __future__ import annotations

import msgspec

from chargepoint.messages import (
    ClimateState,
    ConnectorState,
    DeviceState,
    InputState,
    InstalledState,
    MeterState,
    ModulesState,
    OutputState,
    PortState,
    PowerState,
)
from chargepoint.rights import Right
from webconfig.answers import Answer, Json, Problem
from webconfig.ask import Ask
from webconfig.commutation.contradictions import Contradiction, contradictions
from webconfig.commutation.scheme import scheme_of
from webconfig.routes import get


class Modules(msgspec.Struct, frozen=True):
    """Banks of modules as they are heard; where power goes (`power`, None: the station does not tell); what cannot be
    true at once."""

    banks: dict[str, ModulesState]
    power: PowerState | None
    contradictions: tuple[Contradiction, ...]


class Meters(msgspec.Struct, frozen=True):
    """Each meter, and its device on the wire."""

    meters: dict[str, MeterState]
    devices: dict[str, DeviceState]


class Devices(msgspec.Struct, frozen=True):
    """Ports, devices by KIND/NAME, inputs, outputs; how what is found differs from what is configured."""

    ports: dict[str, PortState]
    devices: dict[str, DeviceState]
    inputs: dict[str, InputState]
    outputs: dict[str, OutputState]
    installed: InstalledState | None


async def modules(ask: Ask) -> Answer:
    power = ask.site.state("power", PowerState)
    banks = ask.site.all_of("modules/", ModulesState)
    scheme = scheme_of(power, banks, ask.site.all_of("connector/", ConnectorState))
    return Json(Modules(banks, power, contradictions(scheme)))


async def meters(ask: Ask) -> Answer:
    return Json(Meters(ask.site.all_of("meter/", MeterState), ask.site.all_of("device/meter/", DeviceState)))


async def climate(ask: Ask) -> Answer:
    state = ask.site.state("climate", ClimateState)
    if state is None:
        raise Problem(503, "unavailable", ask.text("problem.unavailable", service="station"))
    return Json(state)


async def devices(ask: Ask) -> Answer:
    site = ask.site
    return Json(
        Devices(
            site.all_of("port/", PortState),
            site.all_of("device/", DeviceState),
            site.all_of("input/", InputState),
            site.all_of("output/", OutputState),
            site.state("installed", InstalledState),
        )
    )


ROUTES = (
    get("/api/v1/modules", modules, Right.SEE, summary="Power modules and contactors", gives=Modules, tag="power"),
    get("/api/v1/meters", meters, Right.SEE, summary="Energy meters", gives=Meters, tag="devices"),
    get("/api/v1/climate", climate, Right.SEE, summary="Climate of the cabinet", gives=ClimateState, tag="devices",
        statuses=(503,)),
    get("/api/v1/devices", devices, Right.SEE, summary="Ports and devices", gives=Devices, tag="devices"),
)  # fmt: skip
