"""A phyVERSO board on its line: what it said of its two connectors, and what is said to it.

Source: EVerest, module PhyVersoBSP (phyverso.proto, evSerial).
"""

from __future__ import annotations

import asyncio
import enum
import math
from collections.abc import Callable, Iterable

from drivers.codecs.cobs import Fields, Receiver, Value, decoded_fields, encoded_fields, framed
from drivers.controllers.box import Letter
from drivers.errors import NoAnswer
from drivers.ports.port import Port, Priority

# host -> board
ALIVE, LOCK, DUTY, COIL, RESET, CONNECTOR, CONFIG = 1, 3, 4, 5, 6, 7, 8
# board -> host
SAYS_ALIVE, SAYS_RESET, SAYS_PILOT, SAYS_COIL, SAYS_FLAGS, SAYS_CONNECTOR = 1, 2, 3, 4, 5, 6
SAYS_VOLTAGES, SAYS_PROXIMITY, SAYS_LOCK, ASKS_CONFIG = 7, 8, 10, 11
COIL_AC = 1
X1 = 10_000
"""Duty in 0.01 %: no current offered (+12 V without pulses)."""
ALIVE_WITHIN_S = 2.5
"""It says each second that it is alive."""
LETTERS = tuple(Letter)
PROXIMITY_A = {1: 13.0, 2: 20.0, 3: 32.0, 4: 63.0}


class Flag(enum.IntEnum):
    """Numbers of its error flags."""

    DIODE = 1
    RCD_SELF_TEST = 2
    RCD_TRIPPED = 3
    VENTILATION = 4
    LOCK_FAILED = 5
    PILOT_FAULT = 6
    LINK_LOST = 7
    COIL_FEEDBACK = 8
    PROXIMITY_FAULT = 9


class Lock(enum.IntEnum):
    """State of its lock motor."""

    UNDEFINED = 0
    UNLOCKED = 1
    LOCKED = 2
    LOCKING = 3
    UNLOCKING = 4


class Side:
    """One connector of a board; None: it has not been said yet. `on_pilot` is told of each change of the pilot."""

    def __init__(self) -> None:
        self.letter: Letter | None = None
        self.is_closed: bool | None = None
        self.lock = Lock.UNDEFINED
        self.flags: frozenset[int] = frozenset()
        self.proximity: int | None = None
        self.voltages_mv: tuple[int, int] | None = None
        self.on_pilot: Callable[[], None] = lambda: None

    def forget(self) -> None:
        """The board has restarted."""
        self.letter = self.is_closed = self.proximity = None
        self.lock, self.flags = Lock.UNDEFINED, frozenset()


class Board:
    """The board on `port`. Bytes that come in unasked are its."""

    def __init__(self, port: Port) -> None:
        self.sides = {1: Side(), 2: Side()}
        self.locks = {1: 0, 2: 0}
        self.hardware_revision = 0
        self.version = ""
        self.hardware = ""
        self.boots = 1
        self.heard_s = -math.inf
        self.damaged = 0
        self._port = port
        self._receiver = Receiver()
        self._tasks: set[asyncio.Task[None]] = set()
        port.on_unasked = self.received

    @property
    def is_alive(self) -> bool:
        return asyncio.get_running_loop().time() - self.heard_s <= ALIVE_WITHIN_S

    async def say(self, fields: Iterable[tuple[int, Value]], priority: Priority = Priority.ORDER) -> None:
        """Raises NoAnswer when the port is not open."""
        await self._port.tell(framed(encoded_fields(fields)), device="board", priority=priority)

    def say_soon(self, fields: Iterable[tuple[int, Value]]) -> None:
        """As `say`, from where nobody can wait; what cannot be said is not said."""

        async def say() -> None:
            try:
                await self.say(fields)
            except NoAnswer:
                return

        task = asyncio.get_running_loop().create_task(say())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def received(self, data: bytes) -> None:
        """Bytes of the board. What cannot be understood is as if it had not come."""
        for message in self._receiver.feed(data):
            try:
                fields = decoded_fields(message)
            except ValueError:
                self.damaged += 1
                continue
            self.heard_s = asyncio.get_running_loop().time()
            self._note(fields)

    def _note(self, fields: Fields) -> None:
        if SAYS_ALIVE in fields:
            self._note_alive(fields[SAYS_ALIVE])
        if SAYS_RESET in fields:
            self.boots += 1
            for each in self.sides.values():
                each.forget()
        if ASKS_CONFIG in fields:
            self.say_soon([(CONFIG, self._config())])
        side = self.sides.get(_number(fields.get(SAYS_CONNECTOR)))
        if side is not None:
            self._note_side(side, fields)

    def _note_side(self, side: Side, fields: Fields) -> None:
        if SAYS_PILOT in fields and _number(fields[SAYS_PILOT]) < len(LETTERS):
            before, side.letter = side.letter, LETTERS[_number(fields[SAYS_PILOT])]
            if before is not side.letter:
                side.on_pilot()
        if SAYS_COIL in fields:
            coil = _inner(fields[SAYS_COIL])
            if coil.get(1) == COIL_AC:
                side.is_closed = bool(coil.get(2, 0))
        if SAYS_FLAGS in fields:
            side.flags = frozenset(number for number, value in _inner(fields[SAYS_FLAGS]).items() if value)
        if SAYS_PROXIMITY in fields:
            side.proximity = _number(fields[SAYS_PROXIMITY])
        if SAYS_LOCK in fields and _number(fields[SAYS_LOCK]) in list(Lock):
            side.lock = Lock(_number(fields[SAYS_LOCK]))
        if SAYS_VOLTAGES in fields:
            volts = _inner(fields[SAYS_VOLTAGES])
            side.voltages_mv = (_number(volts.get(1)), _number(volts.get(2)))

    def _note_alive(self, value: Value) -> None:
        alive = _inner(value)
        self.hardware = f"{_number(alive.get(2))}.{_number(alive.get(3))}"
        text = alive.get(6, b"")
        self.version = text.decode("ascii", "replace") if isinstance(text, bytes) else ""

    def _config(self) -> bytes:
        """Its hardware revision and its locks, as the station's file has them."""
        locks = [(2 + at, encoded_fields([(1, self.locks[number])])) for at, number in enumerate((1, 2))]
        return encoded_fields([(1, self.hardware_revision), *locks])


def board_on(port: Port) -> Board:
    """The board of this port: both of its connectors have one and the same."""
    owner = getattr(port.on_unasked, "__self__", None)
    return owner if isinstance(owner, Board) else Board(port)


def _number(value: Value | None) -> int:
    return value if isinstance(value, int) else 0


def _inner(value: Value) -> Fields:
    """A message within a message; one that is broken has no fields."""
    try:
        return decoded_fields(value) if isinstance(value, bytes) else {}
    except ValueError:
        return {}
