"""Models -> what the control interface says of them. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from drivers.simulated.commutation import Commutation
from drivers.simulated.meter import Meter
from drivers.simulated.models import Models
from drivers.simulated.outlet import Outlet
from drivers.simulated.port import SimulatedPort
from drivers.simulated.reader import SimulatedReader
from drivers.simulated.reader_field import CardField
from drivers.simulated.vehicle import Vehicle
from drivers.simulated.wiring import Wiring
from drivers.simulated.words import ConnectorState, DeviceTruth, MeterState, PortState, ReaderState, VehicleState


def connector_state(outlet: Outlet, log_entries: int) -> ConnectorState:
    """One connector, with the newest `log_entries` of its contactor's log."""
    controller = outlet.controller
    output, contactor = controller.output, controller.contactor
    entries = tuple(contactor.log)
    return ConnectorState(
        number=outlet.number,
        type=controller.hardware.type.value,
        status=controller.status.value,
        cause=controller.cause.value,
        is_powered=controller.is_powered,
        contactor_closed=contactor.is_closed,
        locked=controller.locked,
        session_ref=controller.session_ref,
        permitted=controller.is_permitted,
        started_at_s=controller.started_at_s,
        lease_left_s=controller.lease_left_s,
        limit_current_a=controller.limit_current_a,
        limit_power_w=controller.limit_power_w,
        voltage_v=output.voltage_v,
        current_a=output.currents_a,
        power_w=output.power_w,
        energy_wh=output.energy_wh,
        session_wh=output.session_wh,
        temperature_c=controller.temperature_c,
        boot_count=controller.boot_count,
        faults=tuple(sorted(controller.faults)),
        vehicle_coming=outlet.is_coming,
        vehicles=outlet.vehicles,
        vehicle=None if controller.vehicle is None else vehicle_state(controller.vehicle),
        contactor_operations=contactor.operations,
        contactor_log=entries[max(len(entries) - log_entries, 0) :],
    )


def vehicle_state(vehicle: Vehicle) -> VehicleState:
    return VehicleState(
        asks=vehicle.asks,
        paused=vehicle.paused,
        finished=vehicle.finished,
        wished_current_a=vehicle.wished_current_a,
        soc_pct=vehicle.soc_pct,
        energy_wh=vehicle.energy_wh,
        age_s=vehicle.age_s,
        options=vehicle.options,
    )


def meter_state(meter: Meter) -> MeterState:
    """A meter that answers "not a number" says None here."""
    now = meter.read()
    return MeterState(
        name=meter.name,
        import_wh=_number(now.import_wh),
        export_wh=_number(now.export_wh),
        power_w=_number(now.power_w),
        true_wh=meter.true_wh,
        silent=meter.silent,
        frozen=meter.is_frozen,
        nan=meter.nan,
        swapped=meter.swapped,
        direction=meter.direction,
        delay_s=meter.delay_s,
    )


def reader_state(reader: SimulatedReader | CardField) -> ReaderState:
    return ReaderState(
        name=reader.name,
        connectors=reader.connectors,
        is_listened_to=reader.is_listened_to,
        waiting=tuple(reader.waiting),
        taken=reader.taken,
        refused=reader.refused,
    )


def port_state(port: SimulatedPort) -> PortState:
    return PortState(
        name=port.name,
        kind="" if port.end is None else port.end.kind,
        where="" if port.end is None else port.end.where,
        peers=port.handler.peers,
        is_cut=port.bus.is_cut,
        is_unplugged=port.is_unplugged,
        requests=port.bus.requests if port.web is None else port.web.requests,
        replies=port.bus.replies if port.web is None else port.web.replies,
        faults_done=dict(port.bus.done if port.can is None else port.can.done),
    )


def device_truths(models: Models, wiring: Wiring) -> Iterator[DeviceTruth]:
    """All devices beside connectors, meters and readers, and what is wired to inputs and outputs."""
    for kind, view in VIEWS.items():
        for part in models.plan.simulated(kind):
            model = models.get(kind, part.name)
            yield DeviceTruth(kind=kind, name=part.name, driver=part.driver, port=part.port, values=view(model))
    for name, contact in wiring.contacts.items():
        shown = {"function": contact.part.function, "active": contact.is_active, "held": contact.is_held}
        yield DeviceTruth(kind="input", name=name, driver="", port="", values=shown)
    for name, relay in wiring.relays.items():
        shown = {
            "function": relay.part.function,
            "driven": relay.is_driven,
            "closed": relay.is_closed,
            "operations": relay.operations,
            "welded": relay.welded,
            "stuck_open": relay.stuck_open,
            "slow_s": relay.slow_s,
            "feedback": relay.feedback,
        }
        yield DeviceTruth(kind="output", name=name, driver="", port="", values=shown)
    if wiring.commutation is not None:
        yield from _switches(wiring.commutation)


def _switches(commutation: Commutation) -> Iterator[DeviceTruth]:
    """Contactors between buses, and which conductor each of their sides belongs to."""
    for name, switch in commutation.switches.items():
        shown = {
            "between": switch.between,
            "closed": switch.is_closed,
            "operations": switch.operations,
            "current_a": commutation.through_a(name),
            "voltages_v": [commutation.voltage_v(bus) for bus in switch.between],
            "conductors": [commutation.root(bus) for bus in switch.between],
        }
        yield DeviceTruth(kind="switch", name=name, driver="", port="", values=shown)


def _fields(*names: str) -> Callable[[Any], dict[str, Any]]:
    return lambda model: {name: getattr(model, name) for name in names}


def _bank(bank: Any) -> dict[str, Any]:
    names = ("voltage_v", "current_a", "temperature_c", "is_on", "is_answering", "set_voltage_v", "set_current_a")
    return {
        "voltage_v": bank.voltage_v(),
        "current_a": bank.current_a(),
        "modules": {
            str(number): {
                **{name: getattr(module, name) for name in names},
                "faults": sorted(fault.value for fault in module.faults),
            }
            for number, module in bank.modules.items()
        },
    }


VIEWS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "modules": _bank,
    "insulation": _fields("resistance_ohm", "is_answering", "is_valid", "is_measuring", "fault", "self_tests"),
    "io": _fields("inputs", "outputs", "watchdog_s", "has_tripped", "boot_count", "silent"),
    "sensor": _fields("temperature_c", "humidity_pct", "failed", "silent"),
    "light": _fields("pixels", "shown", "damaged", "frame"),
    "ups": _fields("mains", "charge_pct", "runtime_s", "is_low", "silent", "stale"),
}
"""Kind of device -> what is shown of its model."""


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
