"""The far side of `driver = "phyverso"`: a board that tells its pilot and follows duty cycle and relay orders.

It tells what changes at once and everything once more each second; it opens when it has not heard of us for 5 s. Its
second connector is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from drivers.codecs.cobs import Receiver, decoded_fields, encoded_fields, framed
from drivers.controllers import phyverso_board as words
from drivers.controllers.phyverso_board import Flag, Lock
from drivers.interfaces import Cause
from drivers.simulated.controller import Controller
from drivers.simulated.devices import DevicePart, Late
from drivers.simulated.foreign_controller import ForeignController

OPENS_AFTER_S = 5.0
CYCLE_S = 1.0
VERSION = b"1.4.0"
FLAGS = {
    Cause.DIODE_FAULT: Flag.DIODE,
    Cause.RESIDUAL_CURRENT: Flag.RCD_TRIPPED,
    Cause.LOCK_FAILED: Flag.LOCK_FAILED,
    Cause.PILOT_FAULT: Flag.PILOT_FAULT,
    Cause.CONTACTOR_WELDED: Flag.COIL_FEEDBACK,
    Cause.CONTACTOR_FAILED: Flag.COIL_FEEDBACK,
}
PROXIMITY = {13: 1, 20: 2, 32: 3, 63: 4}


def face(model: Controller, part: DevicePart) -> PhyVersoFace:
    """The board, with `model` behind the connector of its section."""
    return PhyVersoFace(model, part.address)


class PhyVersoFace:
    """A board. `duty` in 0.01 % and `coil` are what it was told; `wants` the lock."""

    def __init__(self, model: Controller, number: int = 1) -> None:
        self.model = model
        self.number = number
        self.send: Callable[[bytes], None] = lambda data: None
        self.duty, self.coil = words.X1, False
        self.configured: bytes | None = None
        self.box = ForeignController(model, enabled=False, time_out_s=OPENS_AFTER_S, on_boot=self._boot)
        self._act = model.own_will
        model.own_will = self._will
        self._receiver = Receiver()
        self._said: dict[str, bytes] = {}
        self._said_s = -CYCLE_S
        self._was_answering = model.answers

    # Told -----------------------------------------------------------------------------------------------------------

    def received(self, data: bytes, now_s: float) -> Iterable[Late]:
        messages = self._receiver.feed(data)
        if not self.model.answers:
            return
        for message in messages:
            self.box.heard()
            self._take(decoded_fields(message))
        if messages:
            self.box.changed()
            self._tell()
        yield from ()

    def _take(self, fields: dict[int, int | bytes]) -> None:
        if words.RESET in fields:
            self.model.break_down("reboot")
            return
        if words.CONFIG in fields:
            self.configured = bytes(fields[words.CONFIG]) if isinstance(fields[words.CONFIG], bytes) else None
        if fields.get(words.CONNECTOR) != self.number:
            return
        if words.DUTY in fields:
            self.duty = int(fields[words.DUTY])
        coil = fields.get(words.COIL)
        if isinstance(coil, bytes):
            self.coil = bool(decoded_fields(coil).get(2, 0))
        if words.LOCK in fields and self.model.hardware.has_lock and "lock" not in self.model.faults:
            self.model.locked = bool(fields[words.LOCK])
        self.box.enabled = self.coil
        self.box.current_a = _amperes(self.duty)

    def _boot(self) -> None:
        self.duty, self.coil = words.X1, False
        self.box.enabled, self.box.current_a = False, 0.0
        self._said.clear()
        self._was_answering = False

    # Says -----------------------------------------------------------------------------------------------------------

    def _will(self) -> None:
        self._act()
        if self.model.answers:
            if not self._was_answering:
                self._was_answering = True
                self.send(framed(encoded_fields([(words.SAYS_RESET, 0)])))
                self.send(framed(encoded_fields([(words.ASKS_CONFIG, b"")])))
            self._tell()
        else:
            self._was_answering = False

    def _tell(self) -> None:
        """What has changed, and all of it once a second."""
        model = self.model
        is_all = model.now_s - self._said_s >= CYCLE_S
        if is_all:
            self._said_s = model.now_s
            alive = encoded_fields([(1, int(model.uptime_s)), (2, 1), (3, 2), (6, VERSION)])
            self.send(framed(encoded_fields([(words.SAYS_ALIVE, alive)])))
        letter = "ABCDEF".index(self.box.letter)
        if model.cause in FLAGS and model.vehicle is not None:
            letter = 2 if self.box.is_closed else 1
        flag = FLAGS.get(model.cause)
        lock = (Lock.LOCKED if model.locked else Lock.UNLOCKED) if model.hardware.has_lock else Lock.UNDEFINED
        for name, fields in (
            ("coil", [(words.SAYS_COIL, encoded_fields([(1, words.COIL_AC), (2, int(self.box.is_closed))]))]),
            ("flags", [(words.SAYS_FLAGS, encoded_fields([] if flag is None else [(int(flag), 1)]))]),
            ("pilot", [(words.SAYS_PILOT, letter)]),
            ("proximity", [(words.SAYS_PROXIMITY, PROXIMITY.get(round(model.cable_current_a or 0), 0))]),
            ("lock", [(words.SAYS_LOCK, int(lock))]),
            ("voltages", [(words.SAYS_VOLTAGES, encoded_fields([(1, (12, 9, 6, 3, 0, 0)[letter] * 1000), (2, 0)]))]),
        ):
            data = framed(encoded_fields([*fields, (words.SAYS_CONNECTOR, self.number)]))
            if is_all or self._said.get(name) != data:
                self._said[name] = data
                self.send(data)


def _amperes(duty: int) -> float:
    """What a duty cycle in 0.01 % offers (IEC 61851-1, annex A)."""
    pct = duty / 100
    if 10 <= pct <= 85:
        return round(pct * 0.6, 2)
    return round((pct - 64) * 2.5, 2) if 85 < pct <= 96 else 0.0
