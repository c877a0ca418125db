"""phyVERSO boards (PHYTEC / Pionix): pilot, relay, lock; serial 115200 8N1, COBS and Protocol Buffers.

The board leaves the sequence of IEC 61851-1 to us: duty cycle of the pilot, relay, lock. It says by itself what changes
and each second that it is alive; so do we. When it has not heard of us for 5 s it opens by itself. Two connectors hang
on one board and one line: `address` 1 and 2.

Wiring: UART of the board (3.3 V) or its USB adapter, one board on a line. Alternating current only: for direct current
it would need a partner that speaks to the vehicle.
Source: EVerest, module PhyVersoBSP (phyverso.proto, evSerial).
Quirks: the relay is closed only while the vehicle asks (pilot C or D) and opened as soon as it does not; a stop first
takes the offer away and opens when the vehicle has let go, 2 s later at most.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import math
from typing import Annotated

from msgspec import Meta, Struct

from drivers.about import About, Line
from drivers.codecs.cobs import encoded_fields
from drivers.controllers.box import PROXIMITY_OHM, Box, Finding, Letter, Look
from drivers.controllers.leased import LeasedBox
from drivers.controllers.phyverso_board import (
    ALIVE,
    ALIVE_WITHIN_S,
    COIL,
    COIL_AC,
    CONNECTOR,
    DUTY,
    LOCK,
    PROXIMITY_A,
    RESET,
    X1,
    Board,
    Flag,
    Lock,
    board_on,
)
from drivers.errors import NoAnswer, Refused
from drivers.interfaces import Cause, ConnectorController, ControllerStatus, Diagnosis, FailSafe, Identity
from drivers.ports.port import Port

log = logging.getLogger(__name__)

S, C = ControllerStatus, Cause

LETS_GO_WITHIN_S = 2.0
"""A vehicle whose offer was taken away has so long to stop drawing (3 s by the standard) before the relay opens."""
LOCKS_WITHIN_S = 3.0
LOOK_S = 0.1
RESET_AGAIN_S = 5.0
ASKS = (Letter.C, Letter.D)

FINDINGS = {
    Flag.DIODE: Finding(S.E3_EV_FAULT, C.DIODE_FAULT, "the vehicle's pilot diode is missing"),
    Flag.RCD_SELF_TEST: Finding(
        S.E6_ELECTROMECHANICAL, C.RESIDUAL_CURRENT, "self-test of the residual current monitor failed"
    ),
    Flag.RCD_TRIPPED: Finding(S.E6_ELECTROMECHANICAL, C.RESIDUAL_CURRENT, "residual current"),
    Flag.VENTILATION: Finding(S.E2_PREPARATION, C.OTHER, "the vehicle asks for ventilation, and there is none"),
    Flag.LOCK_FAILED: Finding(S.E6_ELECTROMECHANICAL, C.LOCK_FAILED, "the lock does not act"),
    Flag.PILOT_FAULT: Finding(S.E1_COMMUNICATION, C.PILOT_FAULT, "the control pilot is out of range"),
    Flag.COIL_FEEDBACK: Finding(S.E6_ELECTROMECHANICAL, C.CONTACTOR_FAILED, "the relay is not where it should be"),
    Flag.PROXIMITY_FAULT: Finding(S.E1_COMMUNICATION, C.PILOT_FAULT, "the proximity contact is out of range"),
}
"""That it has lost the link is told as well: it is over when it is read."""


class LockMotor(enum.StrEnum):
    """Kinds of lock motors, as the board knows them."""

    NONE = "none"
    QWELLO = "qwello"
    VALEO = "valeo"


class Revision(enum.StrEnum):
    """Hardware of the board."""

    UNKNOWN = "unknown"
    A = "A"
    B = "B"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    address: Annotated[int, Meta(ge=1, le=2, description="connector of the board")] = 1
    lock: Annotated[LockMotor, Meta(description="lock motor of a socket: none, qwello, valeo")] = LockMotor.NONE
    revision: Annotated[Revision, Meta(description="hardware revision of the board: A, B, unknown")] = Revision.UNKNOWN
    most_a: Annotated[float, Meta(ge=6, le=80, description="the most that it may offer")] = 32.0


ABOUT = About(
    vendor="PHYTEC / Pionix",
    models=("phyVERSO",),
    ports=("serial",),
    lines=(Line(115_200),),
    addresses=(1, 2),
    abilities=("current limit", "lock", "cable coding", "faults", "pilot voltages", "own watchdog"),
    source="EVerest, module PhyVersoBSP: phyverso.proto, evSerial",
    confidence=1,
    fail_safe=FailSafe.OPENS,
    is_modbus=False,
    quirks=(
        "It opens when it has not heard of us for 5 s; whether it does so within one more second is not confirmed.",
        "It measures no current and no voltage: name a meter.",
        "Its first word after a restart of this software may be a reset of the board, so that it says all states anew.",
        "The message numbers are those of phyVERSO; Yeti boards (numbers 100 to 108) are not driven.",
        "Two connectors share the board: a reset stops both.",
    ),
)


def open_device(settings: Settings, port: Port) -> ConnectorController:
    """The controller; nothing is said yet, and what the board says is listened to."""
    return PhyVersoController(PhyVerso(port, settings))


async def recognise(port: Port, address: int) -> Identity | None:
    """It says each second that it is alive: only listened to. Raises NoAnswer."""
    if address not in (1, 2):
        return None
    before = port.on_unasked
    board = Board(port)
    try:
        await asyncio.sleep(ALIVE_WITHIN_S)
    finally:
        port.on_unasked = before
    if not board.is_alive or not board.hardware:
        raise NoAnswer(f"port '{port.name}': no board says that it is alive")
    return _identity(board)


def _identity(board: Board) -> Identity:
    return Identity(vendor="PHYTEC", model="phyVERSO", firmware_version=board.version, hardware_version=board.hardware)


class PhyVersoController(LeasedBox):
    """As every box; an emergency stop does not wait for the vehicle."""

    def __init__(self, box: PhyVerso) -> None:
        super().__init__(box)
        self._board_side = box

    async def emergency_stop(self) -> None:
        self._board_side.cut_off()
        await super().emergency_stop()


class PhyVerso(Box):
    """One connector of the board."""

    fail_safe = FailSafe.OPENS
    opens_after_s = 5.0
    step_a = 0.1
    keep_alive_s = 1.0

    def __init__(self, port: Port, settings: Settings) -> None:
        self._port = port
        self._number = settings.address
        self._board = board_on(port)
        self._board.locks[self._number] = list(LockMotor).index(settings.lock)
        self._board.hardware_revision = list(Revision).index(settings.revision) or self._board.hardware_revision
        self._side = self._board.sides[self._number]
        self._side.on_pilot = self._on_pilot
        self._is_offered = False
        self._opening: asyncio.TimerHandle | None = None
        self._reset_s = float("-inf")
        self.most_a = settings.most_a
        self.locks_by_order = settings.lock is not LockMotor.NONE

    @property
    def where(self) -> str:
        return f"phyverso, connector {self._number} on port '{self._port.name}'"

    # Orders ---------------------------------------------------------------------------------------------------------

    async def forbid(self) -> None:
        """No offer any more; the relay opens when the vehicle has let go, or after a while."""
        self._is_offered = False
        await self._board.say([(DUTY, X1), (CONNECTOR, self._number)])
        if self._side.is_closed is False or self._side.letter not in ASKS:
            await self._board.say(self._coil(False))
        elif self._opening is None:
            self._opening = asyncio.get_running_loop().call_later(LETS_GO_WITHIN_S, self.cut_off)

    async def allow(self, current_a: float) -> None:
        self._drop_timer()
        self._is_offered = True
        await self._board.say([(DUTY, _duty(current_a)), (CONNECTOR, self._number)])
        if self._side.letter in ASKS:
            await self._board.say(self._coil(True))

    def cut_off(self) -> None:
        """Open now, whatever flows."""
        self._is_offered = False
        self._drop_timer()
        self._board.say_soon(self._coil(False))

    async def keep_alive(self) -> None:
        await self._board.say([(ALIVE, encoded_fields([(6, b"chargepoint")]))])

    async def prepare(self) -> None:
        await self.keep_alive()

    async def lock(self) -> None:
        await self._turn_lock(True)

    async def unlock(self) -> None:
        await self._turn_lock(False)

    async def reboot(self) -> bool:
        await self._reset()
        return True

    async def _reset(self) -> None:
        self._reset_s = asyncio.get_running_loop().time()
        await self._board.say([(RESET, 1)])

    async def _turn_lock(self, locked: bool) -> None:
        if not self.locks_by_order:
            raise self.cannot("lock: no lock motor is configured")
        wanted = Lock.LOCKED if locked else Lock.UNLOCKED
        await self._board.say([(LOCK, int(locked)), (CONNECTOR, self._number)])
        for _ in range(round(LOCKS_WITHIN_S / LOOK_S)):
            if self._side.lock is wanted:
                return
            await asyncio.sleep(LOOK_S)
        raise Refused(f"{self.where}: the lock does not act")

    def _coil(self, on: bool) -> list[tuple[int, int | bytes]]:
        return [(COIL, encoded_fields([(1, COIL_AC), (2, int(on))])), (CONNECTOR, self._number)]

    def _on_pilot(self) -> None:
        """The vehicle asks, or has let go: the relay follows at once."""
        if self._side.letter not in ASKS:
            self._drop_timer()
            self._board.say_soon(self._coil(False))
        elif self._is_offered:
            self._board.say_soon(self._coil(True))

    def _drop_timer(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None

    # Looks ----------------------------------------------------------------------------------------------------------

    async def look(self) -> Look:
        """What it said last, while it is alive. A board that has not told its pilot yet is reset, so that it does."""
        side = self._side
        if not self._board.is_alive:
            raise NoAnswer(f"{self.where}: the board does not say that it is alive")
        if side.letter is None:
            now = asyncio.get_running_loop().time()
            if now - self._reset_s > RESET_AGAIN_S:
                await self._reset()
            raise NoAnswer(f"{self.where}: the board has not said the state of its pilot yet")
        return Look(
            letter=side.letter,
            findings=self._findings(),
            is_closed=side.is_closed,
            is_offered=self._is_offered,
            is_locked=None if side.lock is Lock.UNDEFINED else side.lock in (Lock.LOCKED, Lock.UNLOCKING),
            limit_a=PROXIMITY_A.get(side.proximity or 0),
            boot=self._board.boots,
        )

    def _findings(self) -> tuple[Finding, ...]:
        return tuple(finding for flag, finding in FINDINGS.items() if flag in self._side.flags)

    async def identify(self) -> Identity:
        if not self._board.is_alive:
            raise NoAnswer(f"{self.where}: the board does not say that it is alive")
        return _identity(self._board)

    async def diagnose(self) -> Diagnosis:
        side = self._side
        volts = side.voltages_mv
        rating = PROXIMITY_A.get(side.proximity or 0)
        return Diagnosis(
            control_pilot_v=None if volts is None else volts[0] / 1000,
            proximity_ohm=None if rating is None else PROXIMITY_OHM.get(round(rating)),
            findings=tuple(finding.text for finding in self._findings()),
        )


def _duty(current_a: float) -> int:
    """Duty cycle in 0.01 % that offers `current_a` (IEC 61851-1, annex A), never more."""
    pct = current_a / 0.6 if current_a <= 51 else current_a / 2.5 + 64
    return math.floor(pct * 100 + 1e-6)
