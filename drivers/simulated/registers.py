"""What simulated devices answer on Modbus: controller models as the object dictionary, meter models as SDM630."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from drivers.codecs.modbus import Function
from drivers.codecs.modbus_server import IllegalAddress, IllegalFunction, IllegalValue, Unanswered
from drivers.interfaces import ConnectorType
from drivers.native import dump_records, objects
from drivers.native.codes import CAUSE_CODES, CONNECTOR_TYPE_CODES, STATUS_CODES, Capability, StartFlag
from drivers.native.objects import Access, Block
from drivers.native.registers import Value, block_at, decode_objects, encode_block, objects_at
from drivers.simulated.controller import Controller
from drivers.simulated.meter import FREQUENCY_HZ, Meter
from drivers.simulated.supplied import Supplied

MOST_LEASE_MS = 10_000
MOST_METER_REGISTERS = 80
DUTY_A_PER_PCT = 0.6
PILOT_V = {"A": 12.0, "B": 9.0, "C": 6.0}
CABLE_OHM = ((13.0, 1500), (20.0, 680), (32.0, 220), (math.inf, 100))
"""PP resistors (IEC 61851-1, table B.2): up to this current, this resistance."""
INSULATION_KOHM = 500


class ControllerObjects:
    """A controller model as the values of the object dictionary, whatever carries them."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.supplied = Supplied(controller)
        self._image: dict[str, Value] = {each.name: 0 for each in objects.BOOT_IMAGE.objects}
        self._block: dict[str, Value] = {each.name: 0 for each in objects.BOOT_BLOCK.objects}
        self._orders: dict[str, Value] = {each.name: 0 for each in objects.ORDER.objects}
        self._blocks: dict[str, Callable[[], Mapping[str, Value]]] = {
            "identity": partial(_identity, controller),
            "status": partial(_status, controller),
            "vehicle": partial(_vehicle, controller),
            "diagnosis": partial(_diagnosis, controller),
            "order": lambda: self._orders,
            "clock": lambda: {"clock_set": _clock(controller)},
            "demand": self.supplied.demand,
            "supply": self.supplied.told,
            "parameters": lambda: controller.parameters,
            "boot loader": lambda: controller.boot.values(),
            "image to write": lambda: controller.boot.image_values(),
            "image block": dict,
            "dump records": partial(_dump, controller),
            "dump position": lambda: {"dump_taken": controller.frames.taken},
            "lights": lambda: {
                "light_colour": controller.light_colour,
                "light_brightness": controller.light_brightness_pct,
            },
        }

    def values(self, block: Block) -> Mapping[str, Value]:
        """The present values of a block; a name left out has none."""
        return self._blocks[block.name]()

    def has(self, block: Block) -> bool:
        """Whether this controller has the block now: some come with a capability, few are in the boot loader."""
        hardware = self.controller.hardware
        if self.is_in_boot_loader and block not in _OF_BOOT_LOADER:
            return False
        if block in (objects.BOOT, objects.BOOT_IMAGE, objects.BOOT_BLOCK):
            return hardware.has_boot_loader
        if block in (objects.DUMP, objects.DUMP_TAKEN):
            return self.controller.hardware.keeps_frames
        if block in (objects.DEMAND, objects.SUPPLY):
            return self.supplied.is_one
        return block is not objects.LIGHT or self.controller.hardware.has_light

    @property
    def is_in_boot_loader(self) -> bool:
        """It has no status to tell and takes no permission."""
        return self.controller.boot.is_running

    def set_values(self, block: Block, numbers: dict[str, int]) -> None:
        """Write objects of a writable block. Raises IllegalValue; then nothing was changed."""
        _WRITERS[block.name](self, numbers)

    def set_image(self, block: Block, values: Mapping[str, Value]) -> None:
        """Write objects of the boot loader, which are not all numbers. Raises Unanswered: nothing goes back."""
        boot = self.controller.boot
        if block is objects.BOOT_IMAGE:
            self._image |= values
            if "boot_command" in values:
                boot.write_image(self._image)
            self._image["boot_command"] = 0
        else:
            self._block |= values
            if "block_data" in values and not boot.write_block(self._block):
                raise Unanswered

    def _write_order(self, numbers: dict[str, int]) -> None:
        lease_ms = numbers.get("grant_lease")
        if lease_ms is not None and lease_ms > MOST_LEASE_MS:
            raise IllegalValue
        self._orders.update(numbers)
        current_ma, power_w = numbers.get("grant_current"), numbers.get("grant_power")
        self.controller.grant(
            None if lease_ms is None else lease_ms / 1000,
            None if current_ma is None else current_ma / 1000,
            None if power_w is None else float(power_w),
        )
        if "order_number" in numbers:
            orders = {name: int(value or 0) for name, value in self._orders.items()}
            self.controller.order(
                orders["order_number"], orders["order_command"], orders["order_session_ref"], orders["order_flags"]
            )

    def _write_clock(self, numbers: dict[str, int]) -> None:
        self.controller.clock_offset_s = numbers["clock_set"] - self.controller.now_s

    def _write_parameters(self, numbers: dict[str, int]) -> None:
        ranges = objects.PARAMETER_RANGES
        if any(not ranges[name][0] <= value <= ranges[name][1] for name, value in numbers.items()):
            raise IllegalValue
        for name, value in numbers.items():
            self.controller.write_parameter(name, value)

    def _write_supply(self, numbers: dict[str, int]) -> None:
        self.supplied.tell(numbers)

    def _write_dump(self, numbers: dict[str, int]) -> None:
        self.controller.frames.take(numbers["dump_taken"])

    def _write_light(self, numbers: dict[str, int]) -> None:
        colour = numbers.get("light_colour", self.controller.light_colour)
        brightness_pct = numbers.get("light_brightness", self.controller.light_brightness_pct)
        if colour > objects.MOST_COLOUR or brightness_pct > objects.BRIGHTEST_PCT:
            raise IllegalValue
        self.controller.light_colour, self.controller.light_brightness_pct = colour, brightness_pct


_OF_BOOT_LOADER = (
    objects.IDENTITY, objects.STATUS, objects.ORDER, objects.BOOT, objects.BOOT_IMAGE, objects.BOOT_BLOCK,
)  # fmt: skip

_WRITERS: dict[str, Callable[[ControllerObjects, dict[str, int]], None]] = {
    "order": ControllerObjects._write_order,
    "clock": ControllerObjects._write_clock,
    "parameters": ControllerObjects._write_parameters,
    "supply": ControllerObjects._write_supply,
    "dump position": ControllerObjects._write_dump,
    "lights": ControllerObjects._write_light,
}


class ControllerRegisters(ControllerObjects):
    """The same on Modbus: read-only blocks are input registers, the rest holding ones."""

    def read(self, function: int, start: int, count: int) -> Sequence[int]:
        """Registers of one block. Raises IllegalAddress outside of it or by the wrong function."""
        try:
            block = block_at(start, count)
        except KeyError:
            raise IllegalAddress from None
        wanted = Function.READ_INPUT if block.objects[0].access is Access.RO else Function.READ_HOLDING
        if function != wanted or not self.has(block):
            raise IllegalAddress
        registers = encode_block(block, self.values(block))
        return registers[start - block.start : start - block.start + count]

    def write(self, start: int, values: Sequence[int]) -> None:
        """Whole objects of one writable block. Raises IllegalAddress, IllegalValue; then nothing was changed."""
        try:
            block = block_at(start, len(values))
            written = decode_objects(objects_at(start, len(values)), values)
        except KeyError:
            raise IllegalAddress from None
        if block.objects[0].access is Access.RO or not self.has(block):
            raise IllegalAddress
        if block in (objects.BOOT_IMAGE, objects.BOOT_BLOCK):
            self.set_image(block, written)
            return
        self.set_values(block, {name: int(value or 0) for name, value in written.items()})


def _identity(controller: Controller) -> Mapping[str, Value]:
    hardware = controller.hardware
    capabilities = Capability.PLUG_SENSOR | Capability.T1
    if hardware.has_lock:
        capabilities |= Capability.LOCK
    if hardware.is_dc:
        capabilities |= Capability.INSULATION_MONITOR | Capability.VEHICLE_DATA
        if hardware.type is not ConnectorType.GBT:
            capabilities |= Capability.T2
    if hardware.keeps_frames:
        capabilities |= Capability.DUMP
    if hardware.has_boot_loader:
        capabilities |= Capability.BOOT_LOADER
    if hardware.module_controller_version:
        capabilities |= Capability.MODULE_CONTROLLER
    if hardware.has_light:
        capabilities |= Capability.LIGHTS
    if controller.feed is not None:
        capabilities |= Capability.STATION_SUPPLY
    return {
        "protocol_version": 1,
        "connector_type": CONNECTOR_TYPE_CODES.index(hardware.type.value),
        "capabilities": int(capabilities),
        "start_flags_supported": int(StartFlag.KEEP_CABLE) if hardware.has_lock else 0,
        "vendor": hardware.vendor,
        "model": hardware.model,
        "serial": hardware.serial,
        "firmware_version": "" if controller.boot.is_running else hardware.firmware_version,
        "hardware_version": hardware.hardware_version,
        "build_date": hardware.build_date,
        "module_controller_version": "" if controller.boot.is_running else hardware.module_controller_version,
    }


def _status(controller: Controller) -> Mapping[str, Value]:
    output, vehicle = controller.output, controller.vehicle
    is_dc = controller.hardware.is_dc
    currents = output.currents_a
    told = vehicle if is_dc and vehicle is not None and vehicle.asks else None
    remaining_s = told.remaining_s(output.power_w) if told else None
    is_gbt = controller.hardware.type is ConnectorType.GBT
    return {
        "controller_status": STATUS_CODES.index(controller.status.value),
        "hardware_flags": int(controller.flags),
        "cause": CAUSE_CODES.index(controller.cause.value),
        "boot_count": controller.boot_count,
        "session_ref": controller.session_ref,
        "lease_left": round(controller.lease_left_s * 1000) if controller.is_permitted else 0,
        "order_done": controller.order_done,
        "order_result": int(controller.order_result),
        "ev_requests_energy": int(vehicle is not None and vehicle.requests_energy),
        "limit_current": round(controller.limit_current_a * 1000),
        "limit_power": round(controller.limit_power_w),
        "voltage": round(output.voltage_v * 1000),
        "current_l1": round(currents[0] * 1000),
        "current_l2": round(currents[1] * 1000),
        "current_l3": round(currents[2] * 1000),
        "power": round(output.power_w),
        "session_energy": round(output.session_wh),
        "session_elapsed": int(controller.session_elapsed_s),
        "remaining": None if remaining_s is None else round(min(remaining_s, 1e6)),
        "soc": None if vehicle is None or not is_dc else round(vehicle.soc_pct * 10),
        "requested_voltage": None if told is None else round(told.highest_voltage_v * 1000),
        "requested_current": None if told is None else round(told.wished_current_a * 1000),
        "battery_temperature": round(vehicle.temperature_c * 10) if vehicle is not None and is_gbt else None,
    }


def _vehicle(controller: Controller) -> Mapping[str, Value]:
    vehicle, cable_a = controller.vehicle, controller.cable_current_a
    values: dict[str, Value] = {"cable_current": None if cable_a is None else round(cable_a * 1000)}
    if vehicle is None:
        return values
    options = vehicle.options
    if not controller.hardware.is_dc:
        return values | {"phases": controller.phases_in_use}
    power_w, current_a, start_v = options.max_power_w, options.current_a, controller.start_voltage_v
    return values | {
        "vehicle_uid": options.vin,
        "battery_capacity": round(options.capacity_wh),
        "start_voltage": None if start_v is None else round(start_v * 1000),
        "ev_max_power": None if power_w is None else round(power_w),
        "ev_max_voltage": round(vehicle.highest_voltage_v * 1000),
        "ev_max_current": None if current_a is None else round(current_a * 1000),
    }


def _diagnosis(controller: Controller) -> Mapping[str, Value]:
    is_dc, output = controller.hardware.is_dc, controller.output
    has_pilot = controller.hardware.type.value in ("TYPE1", "TYPE2", "GBT_AC", "CCS2", "CCS1", "TESLA", "NACS")
    state = "A" if controller.vehicle is None else "C" if controller.vehicle.asks else "B"
    offers = has_pilot and not is_dc and controller.is_permitted
    cable_a = controller.cable_current_a
    half_mv = round(output.voltage_v * 500)
    wrong_c = 2500 if "t1" in controller.faults else round(controller.temperature_c * 10)
    return {
        "self_diagnosis": int(controller.self_diagnosis),
        "control_pilot_voltage": round(PILOT_V[state] * 1000) if has_pilot else None,
        "control_pilot_duty": round(controller.limit_current_a / DUTY_A_PER_PCT * 10) if offers else None,
        "proximity_resistance": None
        if cable_a is None
        else next(ohm for most_a, ohm in CABLE_OHM if cable_a <= most_a),
        "t1": wrong_c,
        "t2": round(controller.temperature_c * 10) - 5 if is_dc else None,
        "module_temperature": round(controller.temperature_c * 10) + 80 if is_dc else None,
        "insulation_resistance": (20 if "insulation" in controller.faults else INSULATION_KOHM) if is_dc else None,
        "insulation_errors": int(is_dc and "insulation" in controller.faults),
        "u_plus": half_mv if is_dc else None,
        "u_minus": -half_mv if is_dc else None,
        "clock": _clock(controller),
        "uptime": int(controller.uptime_s),
        "contactor_operations": controller.contactor.operations,
    }


def _dump(controller: Controller) -> Mapping[str, Value]:
    frames = controller.frames
    now_ms = round(controller.now_s * 1000) & 0xFFFF_FFFF
    first, kept = frames.batch()
    return {
        "dump_next": frames.next_number,
        "dump_lost": frames.lost,
        "dump_records": dump_records.encode(first, now_ms, kept),
    }


def _clock(controller: Controller) -> int:
    if controller.clock_offset_s is None:
        return 0
    return int(controller.now_s + controller.clock_offset_s) & 0xFFFF_FFFF


class Sdm630Registers:
    """A meter model as an Eastron SDM630: floats of two input registers, high word first; identity in holding ones.

    Source: Eastron, SDM630 Modbus protocol. Reads begin at even addresses and have at most 80 registers.
    """

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def read(self, function: int, start: int, count: int) -> Sequence[int]:
        """Raises IllegalAddress for addresses the device does not have, IllegalValue for too many or half values."""
        if function == Function.READ_HOLDING:
            return self._identity(start, count)
        if count > MOST_METER_REGISTERS or start % 2 or count % 2:
            raise IllegalValue
        if not any(low <= start and start + count <= high for low, high in _SDM630_RANGES):
            raise IllegalAddress
        values = self._values()
        registers: list[int] = []
        for address in range(start, start + count, 2):
            high, low = struct.unpack(">HH", struct.pack(">f", values.get(address, 0.0)))
            registers += (low, high) if self.meter.swapped else (high, low)
        return registers

    def write(self, start: int, values: Sequence[int]) -> None:
        """Nothing can be written here."""
        raise IllegalFunction

    def _identity(self, start: int, count: int) -> Sequence[int]:
        serial = self.meter.serial & 0xFFFF_FFFF
        registers = [serial >> 16, serial & 0xFFFF, 0x0070, 0x0100]
        at = start - 0xFC00
        if at < 0 or at + count > len(registers):
            raise IllegalAddress
        return registers[at : at + count]

    def _values(self) -> dict[int, float]:
        now = self.meter.read()
        volts, amps, watts = now.voltage_v, now.current_a, now.phase_power_w
        factor = math.nan if math.isnan(now.import_wh) else 1.0
        values = {0x34: now.power_w, 0x38: abs(now.power_w), 0x3E: factor, 0x46: FREQUENCY_HZ * factor}
        values |= {0x2A: sum(volts) / 3, 0x2E: sum(amps) / 3, 0x30: sum(amps)}
        values |= {0x48: now.import_wh / 1000, 0x4A: now.export_wh / 1000}
        values |= {0x156: (now.import_wh + now.export_wh) / 1000}
        for phase in range(3):
            at = 2 * phase
            values |= {at: volts[phase], 0x06 + at: amps[phase], 0x0C + at: watts[phase], 0x1E + at: factor}
            values |= {0x12 + at: abs(watts[phase]), 0xC8 + at: volts[phase] * math.sqrt(3)}
            values |= {0x15A + at: now.import_wh / 3000, 0x160 + at: now.export_wh / 3000}
        return values


_SDM630_RANGES = ((0x0000, 0x0080), (0x00C8, 0x010E), (0x0156, 0x0180))
"""First and behind-the-last address of the parts of the map that exist."""
