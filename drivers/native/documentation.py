"""The protocol's documentation, made from the object dictionary: `python -m drivers.native.documentation` rewrites it.

Byte examples are computed by the codec, so that they cannot be wrong without a test being wrong, too.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from drivers.codecs.modbus import Carrier, Request, encode_request, read_input, write_registers
from drivers.codecs.modbus_server import IllegalValue, Server
from drivers.interfaces import HardwareFlag, SelfDiagnosisFlag
from drivers.native.codes import (
    CAUSE_CODES,
    CONNECTOR_TYPE_CODES,
    FRAME_KIND_CODES,
    STATUS_CODES,
    Capability,
    Command,
    OrderResult,
    StartFlag,
)
from drivers.native.documentation_boot import boot_loader_page
from drivers.native.documentation_table import table
from drivers.native.documentation_words import COMMAND_TEXTS, RESULT_TEXTS, STATUS_TEXTS, TYPE_TEXTS
from drivers.native.objects import (
    BLOCKS,
    LEASE_S,
    ORDER,
    PARAMETER_RANGES,
    RAMP_S,
    RENEWAL_S,
    RESERVED,
    STATUS,
    SUPPLY_LOST_S,
    Access,
    Block,
    Object,
    Type,
)
from drivers.native.registers import Value, encode_block, encode_objects

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "protocol"

INTRODUCTION = f"""\
# Connector controller protocol: Modbus register map

*Made from `objects.py` and `codes.py` of `drivers/native/` by `python -m drivers.native.documentation`; do not edit.*

Protocol version 1. A connector controller is the device with the contactor, the lock and the vehicle's signalling of
one connector. The station asks, the controller answers.

## Carriers

| Carrier | Frame | Address |
|---|---|---|
| RS485, RS232 | Modbus RTU, 8 data bits; rate and parity as set on both sides, 19200 8N1 from the factory | 1..247 |
| Ethernet | Modbus TCP, port 502; the transaction identifier is returned | unit 1..247 |

Functions: 04 reads the read-only blocks (input registers), 03 reads and 16 writes the writable ones (holding
registers); 06 writes a single register that is a whole object. A request covers whole objects of one block; anything
else is answered with exception 02 (illegal data address). A value out of range is answered with exception 03 (illegal
data value), and nothing of that request is carried out. Other functions are answered with exception 01. The controller
begins its answer within 50 ms and leaves a damaged request unanswered. Address 0 (to all) is not used.

## Versions

`protocol_version` counts changes that an older reader would misunderstand; it is 1. Within version 1 no object moves,
changes its meaning or its type, and no block grows: what is added later comes as a new block in a range that was
reserved, announced by a bit of `capabilities`. So a reader of version 1 may rely on all blocks without a capability in
their description being there, and must expect

- exception 02 for a block whose capability the controller does not announce (controllers made before that block was
  described never do);
- statuses, causes, results, bits and kinds of records that it does not know: an unknown status counts as damaged, an
  unknown cause as `other`, unknown bits as not set, an unknown record as text.

A reader does not use a controller whose `protocol_version` is greater than its own.

## Types

{{types}}
Numbers are whole steps of the unit in the table. "No value" is what stands where a controller has nothing to tell.

## Permission is a lease

1. Energy may flow only while all hold: a START is in force, its lease runs, the vehicle asks for energy, nothing is
   broken.
2. `grant_lease` says how long the permission holds from the moment it is written, at most 10 s. The station writes
   `grant_lease`, `grant_current` and `grant_power` in one request each {RENEWAL_S:g} s with a lease of {LEASE_S:g} s.
3. When the lease ends, or is written as 0, the controller ramps to zero within {RAMP_S:g} s and opens its contactor by
   itself. The session is over then: a later renewal does not bring it back, only a new START does. Cause: lease_ended.
4. A renewal without a START in force is accepted and has no effect.
5. `grant_current` or `grant_power` of 0 pauses the charge: no energy, the session and the lease go on.
6. Limits only reduce: the controller never offers more than its own parameter `max_current`, the cable's rating or
   what its temperature permits. `limit_current` and `limit_power` tell what is in force.

## Orders

An order is one write of the objects up to `order_number`, at the least `order_command` and `order_number`. START is
written with the whole block, so that permission and order arrive together; STOP with a grant of 0.

- Writing `order_number` carries the order out. The number of the order handled last, and 0, do nothing: an order whose
  answer was lost can be written again with its number without being carried out twice.
- At most 100 ms after the write is answered, `order_done` holds the number and `order_result` what came of it. A
  refused order changes nothing else.
- START of the session that is in force already is accepted and changes nothing.
- After a start of the controller `order_done` is 0, `boot_count` has grown by one, and no permission is left.
"""

START_FLAGS = """\
Bit 15: when the vehicle is unplugged at its own end, a cable that is locked in the station's socket stays locked, also
in status A and whatever STOP does, until UNLOCK, until the controller restarts, or until the end of a charge of the
vehicle that was plugged in again. Without this bit the cable is released on the return to A. Bits 0 to 14 are the
controller's own; the station writes them as configured (`start_flags`).
"""

DUMP_RECORDS = """\
## Dump records

A controller with the capability `DUMP` keeps the frames exchanged with the vehicle in a ring, numbered from 1 since its
start. A frame of an identifier whose data are those of the last one with it needs to be kept only once a second.

1. Read `dump_records`: a batch, beginning with the frame `dump_taken`, or with the oldest that is left.
2. Write `dump_taken` with the number behind the last frame of the batch, and read on. Reading alone changes nothing: a
   batch whose answer was lost is read again. A gap in the numbers is what was lost; a number below the expected one
   says that the controller has started anew. A `dump_taken` above `dump_next` is ignored. When `boot_count` has changed
   the station reads on without writing it first.

| Bytes of a batch | What |
| --- | --- |
| 0..3 | number of its first frame; of the next that will come when there is none |
| 4..7 | time of its first frame, ms of the controller's own clock; steady, wraps at 2^32 |
| then, for each frame: 1 | kind; 0 ends the batch |
| 2 | ms after the first frame; a batch ends before a frame for which that does not suffice |
| 1 | number of bytes that follow |
| … | CAN: identifier (gbt 4 bytes, chademo 2) and data; ccs, pilot: UTF-8 text, at most 220 bytes |

All numbers high byte first. Text of kind pilot: state letter, volts, duty in percent, as in `C 6.0 53.3`; a value that
is not known is `-`. Text of kind ccs: a message of DIN 70121 or ISO 15118 in words, as in
`PreChargeReq EVTargetVoltage=400.0 V`.

{kinds}"""

STATION_SUPPLY = f"""\
## Modules of the station

A DC controller with the capability `STATION_SUPPLY` has no power modules: the station commands them and switches them
onto its input. The controller keeps its output contactor, its insulation monitor and the talk with the vehicle.

1. The station reads the block `demand` and writes the block `supply` ten times a second.
2. The demand says what the controller wants now: in C2 and C3 the test voltage, in C4 and C5 the vehicle's voltage, in
   C6 what the vehicle wishes, within the limits in force; otherwise, and whenever its permission has ended, off.
3. The station gives at most that, at most what it granted, and nothing when it has not heard the demand for 0.4 s.
   Current rises by 20 A/s at most. Before the contactor is closed at most 2 A can flow.
4. The controller leaves C2 and C4 when the voltage is there, and closes within 20 V of the vehicle's voltage.
5. Untold for {SUPPLY_LOST_S:g} s, or told that the modules can give nothing (`supply_max_power` 0), it ends the charge
   with E8 (modules_lost), which heals.
6. It tells the vehicle `supply_max_current` and `supply_max_power` as its own maxima where the protocol has room.
"""

README = """\
# Protocols

- [modbus.md](modbus.md): the protocol between the station and its connector controllers, as a Modbus register map over
  RS485 (RTU) and Ethernet (TCP). It is open: build a controller that answers these registers, and the station charges
  with it (`driver = "native"`).
- [canopen.md](canopen.md): the same objects on a CAN bus (CANopen), with its electronic data sheet
  [chargepoint-controller.eds](chargepoint-controller.eds). The same driver, on a port of kind `can`.

One table, `drivers/native/objects.py` (its coded numbers: `codes.py`), is the source of the driver, of the simulated
controller and of this folder; `python -m drivers.native.documentation` writes it anew, and a test compares the two.
Each object has a 16-bit index: its first Modbus register, and 0x2000 below its index as a CANopen object.

Try it without hardware: `chargepoint simulate` puts simulated controllers on pseudo-terminals or TCP ports that speak
exactly this protocol.
"""


def files() -> dict[str, str]:
    """Name -> text of every file below docs/protocol."""
    from drivers.native import documentation_canopen, eds

    return {
        "README.md": README,
        "modbus.md": modbus_map(),
        "canopen.md": documentation_canopen.page(),
        "chargepoint-controller.eds": eds.text(),
    }


def modbus_map() -> str:
    """The whole of modbus.md."""
    types = table(
        ("Type", "On the wire", "No value"),
        ((kind.value, TYPE_TEXTS[kind], _marks(kind)) for kind in Type),
    )
    parts = [INTRODUCTION.format(types=types), "## Objects\n"]
    parts += [_block(block) for block in BLOCKS]
    parts += [
        "## Words\n",
        _codes("Status", "`controller_status`", STATUS_CODES, STATUS_TEXTS),
        _codes("Cause", "`cause`", CAUSE_CODES),
        _codes("Connector type", "`connector_type`", CONNECTOR_TYPE_CODES),
        _numbers("Commands", "`order_command`", COMMAND_TEXTS),
        _numbers("Results", "`order_result`", RESULT_TEXTS),
        _bits("Start-command flags", "`order_flags`", StartFlag),
        START_FLAGS,
        _bits("Hardware flags", "`hardware_flags`", HardwareFlag),
        _bits("Self-diagnosis", "`self_diagnosis`", SelfDiagnosisFlag),
        _bits("Capabilities", "`capabilities`", Capability),
        STATION_SUPPLY,
        DUMP_RECORDS.format(kinds=_kinds()),
        boot_loader_page(),
        "## Reserved ranges\n",
        "Free for later parts of the protocol; today they answer exception 02.\n",
        table(
            ("Registers", "For", "What"),
            ((f"0x{first:04X}..0x{last:04X}", name, text) for name, (first, last, text) in RESERVED.items()),
        ),
        "## Examples\n",
        "Address 1, Modbus RTU; check sums included, low byte first.\n",
        *_examples(),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _block(block: Block) -> str:
    function = "04" if block.objects[0].access is Access.RO else "03, 16"
    head = (
        f"### {block.name.capitalize()}: 0x{block.start:04X}, {block.registers} registers, functions {function}\n\n"
        f"{block.description}\n\n"
    )
    return head + table(
        ("Register", "Object", "Type", "Unit", "Access", "No value", "Meaning"),
        (
            (
                f"0x{each.index:04X}" + (f"..0x{each.index + each.registers - 1:04X}" if each.registers > 1 else ""),
                f"`{each.name}`",
                each.type.value + (f"[{each.characters}]" if each.characters else ""),
                each.unit or "–",
                each.access.value,
                _mark(each),
                each.description + _range(each),
            )
            for each in block.objects
        ),
    )


def _range(each: Object) -> str:
    if each.name not in PARAMETER_RANGES:
        return ""
    low, high = PARAMETER_RANGES[each.name]
    return f"; {low}..{high}"


def _mark(each: Object) -> str:
    if each.missing is None:
        return "–"
    return f"0x{each.missing & (1 << 16 * each.registers) - 1:0{4 * each.registers}X}"


def _marks(kind: Type) -> str:
    marks = {
        _mark(each) for block in BLOCKS for each in block.objects if each.type is kind and each.missing is not None
    }
    return ", ".join(sorted(marks)) or ("empty" if kind in (Type.TEXT, Type.BYTES) else "–")


def _codes(title: str, name: str, codes: Sequence[str], texts: dict[str, str] | None = None) -> str:
    head = f"### {title}: {name}\n\n"
    if texts is None:
        return head + table(("Value", "Word"), ((str(at), f"`{code}`") for at, code in enumerate(codes)))
    rows = ((str(at), code, texts[code]) for at, code in enumerate(codes))
    return head + table(("Value", "Status", "Meaning"), rows)


def _kinds() -> str:
    rows = ((str(at), word) for at, word in enumerate(FRAME_KIND_CODES) if word)
    return table(("Value", "Kind"), rows)


def _numbers(title: str, name: str, texts: dict[Command, str] | dict[OrderResult, str]) -> str:
    rows = ((str(int(number)), number.name, text) for number, text in texts.items())
    return f"### {title}: {name}\n\n" + table(("Value", "Word", "Meaning"), rows)


def _bits(title: str, name: str, flags: type[enum.IntFlag]) -> str:
    rows = ((str(flag.bit_length() - 1), f"`{flag.name}`") for flag in flags)
    return f"### {title}: {name}\n\n" + table(("Bit", "Word"), rows)


# ------------------------------------------------------------------------------------------------------------ examples


class _Example:
    """A controller that answers the examples: charging, with 60 % in the battery."""

    def read(self, function: int, start: int, count: int) -> Sequence[int]:
        values: dict[str, Value] = {
            "controller_status": STATUS_CODES.index("C6"),
            "hardware_flags": int(
                HardwareFlag.INPUT_VOLTAGE
                | HardwareFlag.EV_CONNECTED
                | HardwareFlag.PRECHECK_DONE
                | HardwareFlag.CONNECTOR_LOCKED
                | HardwareFlag.OUTPUT_RELAY
                | HardwareFlag.CHARGING
            ),
            "boot_count": 7,
            "session_ref": 1234,
            "lease_left": 4200,
            "order_done": 21,
            "order_result": int(OrderResult.ACCEPTED),
            "ev_requests_energy": 1,
            "limit_current": 125_000,
            "limit_power": 50_000,
            "voltage": 400_500,
            "current_l1": 120_000,
            "power": 48_060,
            "session_energy": 10_250,
            "session_elapsed": 780,
            "remaining": 1500,
            "soc": 600,
            "requested_voltage": 410_000,
            "requested_current": 125_000,
        }
        return encode_block(STATUS, values)[start - STATUS.start :][:count]

    def write(self, start: int, values: Sequence[int]) -> None:
        if start == ORDER.start and values[0] > 10_000:
            raise IllegalValue


def _examples() -> Iterable[str]:
    done = next(each for each in STATUS.objects if each.name == "order_done")
    grant: dict[str, Value] = {"grant_lease": 5000, "grant_current": 125_000, "grant_power": 50_000}
    start: dict[str, Value] = {
        **grant, "order_session_ref": 1234, "order_command": int(Command.START), "order_number": 21
    }  # fmt: skip
    stop: dict[str, Value] = {"order_command": int(Command.STOP), "order_number": 22}
    unlock: dict[str, Value] = {"order_command": int(Command.UNLOCK), "order_number": 23}
    yield _example("Poll: the whole status block", read_input(1, STATUS.start, STATUS.registers))
    yield _example(
        "START of session 1234 as order 21: 125 A, 50 kW, for 5 s",
        write_registers(1, ORDER.start, encode_block(ORDER, start)),
    )
    yield _example("What came of it: order 21 is done, accepted", read_input(1, done.index, 2))
    yield _example("Renewal of the lease", write_registers(1, ORDER.start, encode_objects(ORDER.objects[:3], grant)))
    yield _example("STOP as order 22", write_registers(1, ORDER.start, encode_block(ORDER, stop)))
    yield _example(
        "UNLOCK as order 23, command and number only",
        write_registers(1, ORDER.objects[-2].index, encode_objects(ORDER.objects[-2:], unlock)),
    )
    grant["grant_lease"] = 20_000
    yield _example(
        "A lease of 20 s is too long: exception 03",
        write_registers(1, ORDER.start, encode_objects(ORDER.objects[:3], grant)),
    )


def _example(title: str, request: Request) -> str:
    frame = encode_request(request, Carrier.RTU)
    (served,) = Server(Carrier.RTU, {1: _Example()}).feed(frame, 0.0)
    return f"{title}\n\n```\n{_bytes('station   ', frame)}\n{_bytes('controller', served.reply)}\n```\n"


def _bytes(who: str, frame: bytes) -> str:
    lines = [frame[at : at + 24].hex(" ").upper() for at in range(0, len(frame), 24)]
    return f"{who}  " + f"\n{' ' * (len(who) + 2)}".join(lines)


def main() -> int:
    """Write the files below docs/protocol."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
