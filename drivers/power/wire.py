"""The CAN port as a bank of power modules uses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from drivers.codecs.can import CanFrame
from drivers.errors import NoAnswer
from drivers.interfaces import Identity
from drivers.ports.statistics import Devices, Exchanges, Tally
from drivers.power.family import Family, Frames, Heard

T = TypeVar("T")


class Bus(Protocol):
    """What is needed of a CAN port."""

    @property
    def name(self) -> str: ...

    @property
    def is_open(self) -> bool: ...

    @property
    def statistics(self) -> Exchanges: ...

    @property
    def devices(self) -> Devices: ...

    def send(self, frame: CanFrame) -> None: ...

    def listen(
        self,
        heard: Callable[[CanFrame], None],
        /,
        *,
        can_id: int = 0,
        mask: int = 0,
        is_extended: bool | None = None,
    ) -> Callable[[], None]: ...

    async def ask(
        self,
        frame: CanFrame,
        answer: Callable[[CanFrame], T | None],
        *,
        can_id: int = 0,
        mask: int = 0,
        timeout_s: float | None = None,
    ) -> T: ...


class Wire:
    """Frames to the modules. `is_blocked`: the port took no more; until it is set back nothing is tried."""

    def __init__(self, port: Bus) -> None:
        self.port = port
        self.is_blocked = False

    def tally(self, number: int) -> Tally:
        """A question to a module, to be counted on the port's and on the module's own counters."""
        return Tally(self.port.statistics, self.port.devices.of(number))

    def send(self, frames: Frames) -> bool:
        """Put frames on the bus; False when it does not take them all (the port tells why; to be tried again)."""
        if self.is_blocked or not self.port.is_open:
            self.is_blocked = True
            return False
        try:
            for frame in frames:
                self.port.send(frame)
        except NoAnswer:
            self.is_blocked = True
            return False
        return True


async def recognise(port: Bus, family: Family, number: int, *, timeout_s: float = 0.3) -> Identity | None:
    """Who answers to the family's first question at `number`; NoAnswer when nobody does. Reads only."""

    def answer(frame: CanFrame) -> Heard | None:
        heard = family.decode(frame)
        is_meant = heard is not None and heard.number == number and (heard.key >= 0 or heard.refused)
        return heard if is_meant else None

    question = family.first_questions(number)[0]
    heard = await port.ask(question, answer, can_id=family.listen_id, mask=family.listen_mask, timeout_s=timeout_s)
    if heard.refused:
        return None
    return Identity(vendor=family.vendor, model=family.model, serial=heard.serial)
