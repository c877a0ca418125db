"""A simulated controller as a CANopen node: docs/protocol/canopen.md from the controller's side.

It lives on a `CanLine` (or whatever calls `received` and `advance`). What the controller does is its model's; whoever
owns the model moves it on before a frame is handed over.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Mapping

from drivers.codecs.can import CanFrame
from drivers.codecs.canopen import (
    EMERGENCY,
    HEARTBEAT,
    LENGTH,
    MOST_NODE,
    NMT,
    NO_OBJECT,
    NO_SUB_INDEX,
    READ_ONLY,
    SDO_ANSWER,
    SDO_REQUEST,
    VALUE,
    Abort,
    Emergency,
    NmtCommand,
    NmtState,
    SdoServer,
)
from drivers.codecs.modbus_server import IllegalValue, Unanswered
from drivers.native import canopen, canopen_entries
from drivers.native.canopen import BY_INDEX, CYCLE_MS, DEMAND_MS, DEMANDS, INHIBIT_MS, RENEWAL, SUPPLIES, TPDOS
from drivers.native.canopen_entries import Entry, entries, pdo_of
from drivers.native.objects import (
    BOOT_BLOCK,
    BOOT_IMAGE,
    DEMAND,
    IDENTITY,
    ORDER,
    STATUS,
    SUPPLY,
    Object,
    Type,
)
from drivers.native.registers import Value
from drivers.simulated.registers import ControllerObjects

_ENTRIES = {(each.index, each.sub): each for each in entries()}
_INDICES = frozenset(each.index for each in entries())
_TOLD = tuple(pdo for pdo in TPDOS if pdo.is_change_told)
_ALL = frozenset(pdo.number for pdo in TPDOS)
_BLOCK_OF = {RENEWAL.cob: ORDER, SUPPLIES.cob: SUPPLY, DEMANDS.cob: DEMAND}
"""Whose objects the process objects of a PDO are; of the others the status block."""
_TICK_S = 1e-6


class CanopenNode:
    """One controller at node id `node`."""

    def __init__(self, objects: ControllerObjects, node: int) -> None:
        if not 1 <= node <= MOST_NODE:
            raise ValueError(f"node id {node}: must be 1..{MOST_NODE}")
        self.send: Callable[[CanFrame], None] = lambda frame: None
        self.node = node
        self.state = NmtState.BOOT_UP
        self._objects = objects
        self._controller = objects.controller
        self._server = SdoServer(self._read, self._write)
        self._boot_count = -1
        self._begin()

    def _begin(self) -> None:
        self.heartbeat_ms = canopen.HEARTBEAT_MS
        self._renewed = False
        self._sent: dict[int, bytes] = {}
        self._batch_s = self._whole_s = self._beat_s = self._demand_s = float("-inf")
        self._owed: frozenset[int] = frozenset()
        self._error: tuple[int, bytes] = (0, b"")

    # ------------------------------------------------------------------------------------------------------ the bus

    def received(self, frame: CanFrame, now_s: float) -> None:
        """A frame of somebody else."""
        is_ours = frame.can_id & 0x7F == self.node or frame.can_id in (NMT, SUPPLIES.cob + self.node)
        if frame.is_extended or not is_ours or not self._controller.answers:
            return
        self._live(now_s)
        if frame.can_id == NMT and len(frame.data) == 2 and frame.data[1] in (0, self.node):
            self._obey(frame.data[0], now_s)
        elif frame.can_id == SDO_REQUEST + self.node and self.state is not NmtState.STOPPED:
            answer = self._server.answer(frame.data)
            if answer is not None and self._controller.answers:
                self._put(SDO_ANSWER, answer)
        elif frame.can_id == RENEWAL.cob + self.node and self.state is NmtState.OPERATIONAL and len(frame.data) == 8:
            self._renew(frame.data)
        elif frame.can_id == SUPPLIES.cob + self.node and self._objects.has(SUPPLY) and len(frame.data) == 8:
            numbers = {name: int(value or 0) for name, value in canopen.decode_pdo(SUPPLIES, frame.data).items()}
            self._objects.set_values(SUPPLY, numbers)
        self._tell(now_s)

    def advance(self, now_s: float) -> None:
        """Time has passed: what leaves by itself leaves."""
        if self._controller.answers:
            self._live(now_s)
            self._tell(now_s)

    def _live(self, now_s: float) -> None:
        """Boot-up after each start of the controller, then the heartbeat."""
        if self._controller.boot_count != self._boot_count:
            self._boot_count = self._controller.boot_count
            self._begin()
            self._boot_up(now_s)
        elif self.heartbeat_ms and now_s - self._beat_s >= self.heartbeat_ms / 1000 - _TICK_S:
            self._beat(now_s)

    def _boot_up(self, now_s: float) -> None:
        self._put(HEARTBEAT, bytes((NmtState.BOOT_UP,)))
        self.state = NmtState.PRE_OPERATIONAL
        self._beat(now_s)

    def _beat(self, now_s: float) -> None:
        self._beat_s = now_s
        self._put(HEARTBEAT, bytes((self.state,)))

    def _obey(self, command: int, now_s: float) -> None:
        states = {
            NmtCommand.START: NmtState.OPERATIONAL,
            NmtCommand.STOP: NmtState.STOPPED,
            NmtCommand.PRE_OPERATIONAL: NmtState.PRE_OPERATIONAL,
        }
        if command == NmtCommand.START and self._objects.is_in_boot_loader:
            return
        if command in states:
            if self.state is not states[NmtCommand(command)]:
                self.state = states[NmtCommand(command)]
                self._whole_s = float("-inf")
                self._beat(now_s)
        elif command == NmtCommand.RESET_NODE:
            self._controller.restart()
        elif command == NmtCommand.RESET_COMMUNICATION:
            self._begin()
            self._boot_up(now_s)

    def _put(self, function: int, data: bytes) -> None:
        self.send(CanFrame(function + self.node, data, False))

    # --------------------------------------------------------------------------------------------------------- PDOs

    def _renew(self, data: bytes) -> None:
        numbers = {name: int(value or 0) for name, value in canopen.decode_pdo(RENEWAL, data).items()}
        try:
            self._objects.set_values(ORDER, numbers)
        except IllegalValue:
            return
        self._renewed = not self._renewed
        self._owed = frozenset({2, 7})

    def _tell(self, now_s: float) -> None:
        """Send the TPDOs whose time has come, and an emergency when an error began or ended."""
        if self.state is not NmtState.OPERATIONAL:
            return
        if self._objects.has(DEMAND):
            self._tell_demand(now_s)
        values = self._objects.values(STATUS)
        asks = bool(values["ev_requests_energy"])
        is_whole = now_s - self._whole_s >= CYCLE_MS / 1000 - _TICK_S
        told = {pdo.number: canopen.encode_pdo(pdo, values, canopen.marks_of((), asks, self._renewed)) for pdo in _TOLD}
        news = {
            pdo.number for pdo in _TOLD if canopen.changed(pdo, self._sent.get(pdo.number), told[pdo.number])
        } | self._owed
        if not is_whole and (not news or now_s - self._batch_s < INHIBIT_MS / 1000 - _TICK_S):
            return
        self._tell_error(values)
        numbers = _ALL if is_whole else frozenset(news | {1})
        for pdo in TPDOS[1:]:
            if pdo.number in numbers:
                self._put(pdo.cob, canopen.encode_pdo(pdo, values))
        state = TPDOS[0]
        self._put(state.cob, canopen.encode_pdo(state, values, canopen.marks_of(numbers, asks, self._renewed)))
        self._sent |= told
        self._owed = frozenset()
        self._batch_s = now_s
        if is_whole:
            self._whole_s = now_s

    def _tell_demand(self, now_s: float) -> None:
        data = canopen.encode_pdo(DEMANDS, self._objects.values(DEMAND))
        is_new = canopen.changed(DEMANDS, self._sent.get(DEMANDS.number), data)
        waited_s = now_s - self._demand_s + _TICK_S
        if waited_s >= DEMAND_MS / 1000 or (is_new and waited_s >= INHIBIT_MS / 1000):
            self._demand_s = now_s
            self._sent[DEMANDS.number] = data
            self._put(DEMANDS.cob, data)

    def _tell_error(self, values: Mapping[str, Value]) -> None:
        code, register, own = canopen.emergency(values)
        if (code, own[:2] if code else b"") == self._error:
            return
        self._error = code, own[:2] if code else b""
        self._put(EMERGENCY, Emergency(code, register, own).encode())

    # ---------------------------------------------------------------------------------------------------------- SDO

    def _read(self, index: int, sub: int) -> bytes:
        found = BY_INDEX.get(index)
        if found is not None:
            block, what = found
            if not self._objects.has(block):
                raise Abort(NO_OBJECT)
            if sub:
                raise Abort(NO_SUB_INDEX)
            return canopen.encode_object(what, self._objects.values(block).get(what.name, _nothing(what)))
        entry = self._entry(index, sub)
        process = pdo_of(index)
        if process is not None:
            pdo, part = process
            block = _BLOCK_OF.get(pdo.cob, STATUS)
            if not self._objects.has(block):
                raise Abort(NO_OBJECT)
            values = {part.source: 0, **self._objects.values(block)}
            marks = canopen.marks_of((), bool(values.get("ev_requests_energy")), self._renewed)
            return canopen.process_value(part, values, marks)
        return self._own_value(entry)

    def _own_value(self, entry: Entry) -> bytes:
        identity = self._objects.values(IDENTITY)
        texts = {
            canopen_entries.NAME: "model",
            canopen_entries.HARDWARE: "hardware_version",
            canopen_entries.SOFTWARE: "firmware_version",
        }
        if entry.index in texts:
            return str(identity.get(texts[entry.index], "")).encode("ascii")
        number = entry.value or 0
        if entry.index == canopen_entries.ERROR_REGISTER:
            number = canopen.emergency(self._objects.values(STATUS))[1]
        elif entry.index == canopen_entries.HEARTBEAT_TIME:
            number = self.heartbeat_ms
        elif (entry.index, entry.sub) == (canopen_entries.IDENTITY, 4):
            number = zlib.crc32(str(identity.get("serial", "")).encode("ascii"))
        elif entry.is_relative:
            number += self.node
        return number.to_bytes({5: 1, 6: 2, 7: 4}[int(entry.type)], "little")

    def _write(self, index: int, sub: int, data: bytes) -> None:
        found = BY_INDEX.get(index)
        if found is not None:
            block, what = found
            if not self._objects.has(block):
                raise Abort(NO_OBJECT)
            if sub:
                raise Abort(NO_SUB_INDEX)
            if not canopen.is_writable(block):
                raise Abort(READ_ONLY)
            try:
                value = canopen.decode_object(what, data)
            except ValueError:
                raise Abort(LENGTH) from None
            if block in (BOOT_IMAGE, BOOT_BLOCK):
                with contextlib.suppress(Unanswered):
                    self._objects.set_image(block, {what.name: value})
                return
            self._put_value(what.name, int(value or 0) if not isinstance(value, bytes | str) else 0, index)
            return
        entry = self._entry(index, sub)
        if entry.index == canopen_entries.HEARTBEAT_TIME:
            if len(data) != 2:
                raise Abort(LENGTH)
            self.heartbeat_ms = int.from_bytes(data, "little")
            return
        process = pdo_of(index)
        if process is None or process[0] is not RENEWAL:
            raise Abort(READ_ONLY)
        if len(data) * 8 != process[1].bits:
            raise Abort(LENGTH)
        self._put_value(process[1].source, int.from_bytes(data, "little") * process[1].step, 0)

    def _put_value(self, name: str, number: int, index: int) -> None:
        block = BY_INDEX[index][0] if index else ORDER
        try:
            self._objects.set_values(block, {name: number})
        except IllegalValue:
            raise Abort(VALUE) from None

    def _entry(self, index: int, sub: int) -> Entry:
        entry = _ENTRIES.get((index, sub))
        if entry is None:
            raise Abort(NO_SUB_INDEX if index in _INDICES else NO_OBJECT)
        return entry


def _nothing(what: Object) -> Value:
    """What stands for a value that was left out."""
    if what.type is Type.TEXT:
        return ""
    if what.type is Type.BYTES:
        return b""
    return None if what.missing is not None else 0
