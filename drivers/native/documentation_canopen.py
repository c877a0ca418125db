"""docs/protocol/canopen.md, made from the same tables as the driver; its byte examples are computed."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.codecs.canopen import (
    EMERGENCY,
    HEARTBEAT,
    NMT,
    SDO_ANSWER,
    SDO_REQUEST,
    Emergency,
    NmtCommand,
    SdoServer,
    nmt,
)
from drivers.codecs.canopen import download as sdo_download
from drivers.codecs.canopen import upload as sdo_upload
from drivers.native import canopen
from drivers.native.canopen import BASE, DEMANDS, RENEWAL, SUPPLIES, TPDOS, Pdo
from drivers.native.canopen_entries import DataType, Entry, entries
from drivers.native.codes import CAUSE_CODES, STATUS_CODES, Command
from drivers.native.documentation_table import table
from drivers.native.objects import LEASE_S, ORDER, RENEWAL_S
from drivers.native.registers import Value

NODE = 5

INTRODUCTION = f"""\
# Connector controller protocol: CANopen

*Made from `objects.py` and `codes.py` of `drivers/native/` by `python -m drivers.native.documentation`; do not edit.*

The objects of [modbus.md](modbus.md) on a CAN bus, by CiA 301. Meaning, units, ranges, marks of no value, versions, the
lease and the numbers of orders are those of that page; this page says only what differs. The electronic data sheet is
[chargepoint-controller.eds](chargepoint-controller.eds).

- Bit rate 250 kbit/s from the factory; 125, 500 and 1000 are possible. Node id 1..127, as set on the controller.
- Frames with 11-bit identifiers. Numbers are little-endian.
- Object 0x2000 + register address, sub-index 0: u16, i16, u32, i32 as UNSIGNED16, INTEGER16, UNSIGNED32, INTEGER32;
  text as VISIBLE_STRING without padding; bytes as DOMAIN. A block has no object of its own.
- No vendor id was assigned by CiA to the example controller (object 0x1018 sub 1 is 0): a maker puts its own there.

## Identifiers

{{identifiers}}
## Life

After its start a controller sends its boot-up message, then is pre-operational: SDO works, PDOs do not. The station
starts it (NMT {NmtCommand.START:#04x}) whenever a heartbeat says that it is not operational. *Reset node* does what the
order REBOOT does. *Stop* and *pre-operational* only end the PDOs; the lease then ends by itself.

The heartbeat comes each {canopen.HEARTBEAT_MS} ms (object 0x1017). A controller that was not heard for
{canopen.HEARTBEAT_LOST_S:g} s is gone. The station sends no heartbeat: what a controller watches is its lease.

## Status: TPDO1 to TPDO7

The status block travels in process objects of fitting widths. The TPDOs leave in batches, in the order 2..7, and
**TPDO1 last**, after the others have left. A batch of all seven leaves each {canopen.CYCLE_MS} ms; at a change, TPDO1
and those whose objects marked *at once* changed leave, {canopen.INHIBIT_MS} ms after the last batch at the earliest. A
change of status is on the bus within {canopen.REVEALED_AFTER_S * 1000:g} ms.

`marks` in TPDO1: bit 0, the vehicle asks for energy (`ev_requests_energy`); bits 1..6, TPDO2..TPDO7 belong to this
batch; bit 7 changes with each renewal that was taken. A receiver that misses one of the TPDOs named there waits for the
next batch: it never joins values of two moments.

Values are rounded down to the step of their process object; what does not fit is the nearest that does. Where the
object of the status block has a mark of no value, all ones say it here, of a signed number the lowest.

{{tpdos}}
## Lease: RPDO1

One frame of 8 bytes; it does what writing `grant_lease`, `grant_current` and `grant_power` does. The station sends it
each {RENEWAL_S:g} s with a lease of {LEASE_S:g} s, and with zeros ahead of the orders STOP and EMERGENCY_STOP. A
controller that took it changes bit 7 of `marks` and sends a batch with TPDO1, TPDO2 and TPDO7; a value out of range (a
lease above 10 s) is not taken. Current in steps of 0.01 A: what is
above 655.35 A is written as that.

{{rpdo}}
## Modules of the station: TPDO8 and RPDO2

Only with the capability STATION_SUPPLY; the meaning stands in [modbus.md](modbus.md). TPDO8 leaves at each change of
the demand, {canopen.INHIBIT_MS} ms after the last at the earliest, and each {canopen.DEMAND_MS} ms; it belongs to no
batch. RPDO2 does what writing the first four objects of the supply block does; the others are written by SDO when they
change. Its identifiers are free in CiA 301 for node ids up to {canopen.MOST_SUPPLIED}: such a controller has one of
these.

{{demand}}
{{supply}}
## Orders: SDO

As on Modbus, one object at a time in the order of the block, `order_number` last: writing it carries the order out with
what was written before it. Each write is answered; `order_done` and `order_result` can be read at once and come with
the next batch, too. STOP and EMERGENCY_STOP: `grant_lease` 0, command, number.

Expedited and segmented transfers are required; a block upload may be answered as a segmented one. One transfer at a
time: a new one ends the one before. Refusals: no such object or capability 0602 0000, no such sub-index 0609 0011, read
only 0601 0002, out of range 0609 0030, wrong length 0607 0010.

## Emergencies

When an error status begins, and with code 0 when it ends: code, error register (object 0x1001), then status and cause
(8 bits each), hardware flags (16 bits), 0.

{{emergencies}}
## Objects

{{objects}}
## Examples

Node id {NODE}. Identifier, then data.

{{examples}}"""


def page() -> str:
    """The whole of canopen.md."""
    return (
        INTRODUCTION.format(
            identifiers=_identifiers(),
            tpdos="\n".join(_pdo(pdo) for pdo in TPDOS),
            rpdo=_pdo(RENEWAL),
            demand=_pdo(DEMANDS),
            supply=_pdo(SUPPLIES),
            emergencies=_emergencies(),
            objects=_objects(),
            examples="\n".join(_examples()),
        ).rstrip()
        + "\n"
    )


def _identifiers() -> str:
    rows = [
        (f"0x{NMT:03X}", "station", "NMT"),
        (f"0x{EMERGENCY:03X} + id", "controller", "emergency"),
        *((f"0x{pdo.cob:03X} + id", "controller", f"TPDO{pdo.number}") for pdo in TPDOS),
        (f"0x{RENEWAL.cob:03X} + id", "station", "RPDO1: the lease"),
        (f"0x{DEMANDS.cob:03X} + id", "controller", "TPDO8: what it asks of the station's modules"),
        (f"0x{SUPPLIES.cob:03X} + id", "station", "RPDO2: what the station's modules give"),
        (f"0x{SDO_ANSWER:03X} + id", "controller", "SDO, answers"),
        (f"0x{SDO_REQUEST:03X} + id", "station", "SDO, requests"),
        (f"0x{HEARTBEAT:03X} + id", "controller", "heartbeat and boot-up"),
    ]
    return table(("Identifier", "From", "What"), sorted(rows))


def _pdo(pdo: Pdo) -> str:
    rows, at = [], 0
    for each in pdo.objects:
        size = each.bits // 8
        source = each.source or "see above"
        at_once = "yes" if each.name in pdo.is_change_told else "–"
        where = f"{at}" if size == 1 else f"{at}..{at + size - 1}"
        kind = DataType.__members__[f"{'INTEGER' if each.signed else 'UNSIGNED'}{each.bits}"].name
        rows.append((where, f"0x{BASE + each.index:04X}", f"`{each.name}`", kind, each.unit or "–", source, at_once))
        at += size
    direction = "RPDO" if pdo in (RENEWAL, SUPPLIES) else "TPDO"
    head = f"### {direction}{pdo.number}: 0x{pdo.cob:03X} + id\n\n"
    return head + table(("Bytes", "Object", "Name", "Type", "Unit", "Is", "At once"), rows)


def _emergencies() -> str:
    rows = (
        (cause, f"0x{code:04X}", f"0x{register:02X}")
        for cause, (code, register) in canopen.EMERGENCY_CODES.items()
        if cause != "none"
    )
    return table(("Cause", "Code", "Error register"), rows)


def _objects() -> str:
    rows = ((_index(each), each.name, each.type.name, each.access, _value(each)) for each in entries())
    return table(("Object", "Name", "Type", "Access", "From the factory"), rows)


def _index(each: Entry) -> str:
    return f"0x{each.index:04X}" + (f" sub {each.sub}" if each.record else "")


def _value(each: Entry) -> str:
    if each.value is None:
        return "–"
    return f"0x{each.value:X}" + (" + id" if each.is_relative else "")


# ------------------------------------------------------------------------------------------------------------ examples


def _examples() -> Iterable[str]:
    status: dict[str, Value] = {
        "controller_status": STATUS_CODES.index("C6"), "cause": 0, "hardware_flags": 0x3F, "order_done": 21,
        "order_result": 1, "session_ref": 1234, "boot_count": 7, "lease_left": 4200,
    }  # fmt: skip
    state, permission = TPDOS[0], TPDOS[1]
    marks = canopen.marks_of((1, 2), asks=True, renewed=True)
    yield _frames("NMT: start node 5", [(NMT, nmt(NmtCommand.START, NODE))])
    yield _frames(
        "Batch after a renewal: session 1234, 4.2 s of its lease are left; charging, order 21 accepted",
        [
            (permission.cob + NODE, canopen.encode_pdo(permission, status)),
            (state.cob + NODE, canopen.encode_pdo(state, status, marks)),
        ],
    )
    grant: dict[str, Value] = {"grant_lease": 5000, "grant_current": 125_000, "grant_power": 50_000}
    yield _frames("Renewal: 125 A, 50 kW, for 5 s", [(RENEWAL.cob + NODE, canopen.encode_pdo(RENEWAL, grant))])
    yield _frames("STOP as order 22", _stop())
    yield _frames("Vendor, segmented", list(_segmented()))
    values: dict[str, Value] = {
        "controller_status": STATUS_CODES.index("E6"), "cause": CAUSE_CODES.index("lock_failed"), "hardware_flags": 3,
    }  # fmt: skip
    frame = Emergency(*canopen.emergency(values)).encode()
    yield _frames("Emergency: E6, the lock failed", [(EMERGENCY + NODE, frame)])


def _stop() -> list[tuple[int, bytes]]:
    values: dict[str, Value] = {"grant_lease": 0, "order_command": int(Command.STOP), "order_number": 22}
    server = SdoServer(lambda index, sub: b"", lambda index, sub, data: None)
    frames: list[tuple[int, bytes]] = []
    for each in ORDER.objects:
        if each.name in values:
            request = next(sdo_download(canopen.index_of(each), 0, canopen.encode_object(each, values[each.name])))
            frames += [(SDO_REQUEST + NODE, request), (SDO_ANSWER + NODE, server.answer(request) or b"")]
    return frames


def _segmented() -> Iterable[tuple[int, bytes]]:
    server = SdoServer(lambda index, sub: b"Chargepoint", lambda index, sub, data: None)
    transfer = sdo_upload(0x2004)
    request = next(transfer)
    while True:
        reply = server.answer(request) or b""
        yield SDO_REQUEST + NODE, request
        yield SDO_ANSWER + NODE, reply
        try:
            request = transfer.send(reply)
        except StopIteration:
            return


def _frames(title: str, frames: list[tuple[int, bytes]]) -> str:
    lines = "\n".join(f"{can_id:03X}  {data.hex(' ').upper()}" for can_id, data in frames)
    return f"{title}\n\n```\n{lines}\n```\n"
