"""Questions of any serial protocol, and how a port deals with them.

A driver of another protocol than Modbus writes a `Question`: bytes out, and from whatever came in the answer. What
more a port has to know of the protocol (whether two replies can be told apart, when a reply is damaged, what noise is)
stands in `Asked`: `ModbusAsked` knows all of it, `PlainAsked` makes the best of a `Question`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Generic, Protocol, TypeVar

from drivers.codecs.modbus import (
    Carrier,
    Fault,
    Request,
    after_frames,
    bytes_wanted,
    encode_request,
    find_reply,
    is_damaged,
    is_out_of_step,
    replies_in,
    reply_header,
    stray,
    why_no_reply,
)
from drivers.errors import Refused

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

MOST_BYTES = 1024
"""Bytes kept of an answer, unless a question says `most_bytes`."""


class Question(Protocol[T_co]):
    """One question to `device`. It may also say `reply_bytes` (how long its answer is, for the time it needs on a slow
    line; not said: a port waits as long as bytes keep coming), `most_bytes` (longest answer, if above 1024), and
    `is_private` (it or its answer may name a vehicle or a person: shown to nobody)."""

    @property
    def device(self) -> Hashable:
        """Whom: statistics and late replies are kept for each device."""
        ...

    def encode(self, carrier: Carrier, number: int) -> bytes:
        """The bytes to send. `carrier` and `number` (1..65535, another for each question) matter to Modbus only."""
        ...

    def answer(self, data: bytes) -> T_co | None:
        """The answer, when it stands whole somewhere in `data`, which is all that came in since; otherwise None.

        Raises BadFrame when `data` holds an answer that is damaged (waiting on would not help), Refused when it holds
        one that says no. It is called again with all bytes whenever more came, and with what comes after the time-out,
        too: it keeps nothing.
        """
        ...

    def __str__(self) -> str:
        """As in `state of module 3`, for messages."""
        ...


class Asked(Protocol[T_co]):
    """A question as a port handles it. `likeness`: of two questions to a device with the same one, the late answer to
    the first could be taken for an answer to the second. `is_endless`: nobody knows how long the answer is."""

    @property
    def device(self) -> Hashable: ...
    @property
    def likeness(self) -> bytes: ...
    @property
    def reply_bytes(self) -> int: ...
    @property
    def most_bytes(self) -> int: ...
    @property
    def is_endless(self) -> bool: ...
    @property
    def is_private(self) -> bool: ...
    def encode(self, carrier: Carrier, number: int) -> bytes: ...
    def answer(self, data: bytes) -> T_co | None: ...
    def wanted(self, data: bytes) -> int:
        """How many bytes there have to be before it is worth looking again."""
        ...

    def is_damaged(self, data: bytes) -> bool: ...
    def is_out_of_step(self, data: bytes) -> bool: ...
    def rest(self, data: bytes) -> bytes:
        """What of `data`, which came before the question, still counts."""
        ...

    def is_answered_late(self, data: bytes) -> bool: ...
    def stray(self, data: bytes) -> Fault | None:
        """What came before the good answer in `data`."""
        ...

    def fault(self, data: bytes) -> Fault:
        """What `data` is instead of an answer."""
        ...


class ModbusAsked:
    """A Modbus request on either carrier; its answer are the registers or bits."""

    is_endless = False
    most_bytes = MOST_BYTES

    def __init__(self, request: Request, carrier: Carrier) -> None:
        self.device: Hashable = request.address
        self.reply_bytes = request.reply_bytes
        self.is_private = request.is_private
        self._request, self._carrier, self._number = request, carrier, 0
        self._is_rtu = carrier is Carrier.RTU

    @property
    def likeness(self) -> bytes:
        return reply_header(self._request)

    def encode(self, carrier: Carrier, number: int) -> bytes:
        self._number = number
        return encode_request(self._request, self._carrier, number)

    def answer(self, data: bytes) -> tuple[int, ...] | None:
        answer = find_reply(data, self._request, self._carrier, self._number) if data else None
        if answer is None:
            return None
        if answer.exception_code:
            raise Refused(f"{answer.exception_text} (exception {answer.exception_code})")
        return answer.registers

    def wanted(self, data: bytes) -> int:
        return bytes_wanted(data, self._request, self._carrier)

    def is_damaged(self, data: bytes) -> bool:
        return self._is_rtu and is_damaged(data, self._request)

    def is_out_of_step(self, data: bytes) -> bool:
        return not self._is_rtu and is_out_of_step(data)

    def rest(self, data: bytes) -> bytes:
        return b"" if self._is_rtu else after_frames(data)

    def is_answered_late(self, data: bytes) -> bool:
        exception = bytes((self._request.address, self._request.function | 0x80))
        return any(frame.startswith((self.likeness, exception)) for frame in replies_in(data))

    def stray(self, data: bytes) -> Fault | None:
        return stray(data, self._request) if self._is_rtu else None

    def fault(self, data: bytes) -> Fault:
        return why_no_reply(data, self._request, self._carrier, self._number)

    def __str__(self) -> str:
        return str(self._request)


class PlainAsked(Generic[T]):
    """A `Question` of which nothing more is known. Two such questions to one device are alike."""

    likeness = b""

    def __init__(self, question: Question[T]) -> None:
        self.device: Hashable = question.device
        self.reply_bytes: int = getattr(question, "reply_bytes", 0)
        self.most_bytes: int = getattr(question, "most_bytes", MOST_BYTES)
        self.is_endless = self.reply_bytes == 0
        self.is_private: bool = getattr(question, "is_private", False)
        self._question = question

    def encode(self, carrier: Carrier, number: int) -> bytes:
        return self._question.encode(carrier, number)

    def answer(self, data: bytes) -> T | None:
        return self._question.answer(data)

    def wanted(self, data: bytes) -> int:
        return len(data) + 1

    def is_damaged(self, data: bytes) -> bool:
        return False  # `answer` raises BadFrame

    def is_out_of_step(self, data: bytes) -> bool:
        return False

    def rest(self, data: bytes) -> bytes:
        return b""

    def is_answered_late(self, data: bytes) -> bool:
        try:
            return self._question.answer(data) is not None
        except Refused:
            return True
        except Exception:  # noise looks damaged, too: the answer may still come behind it
            return False

    def stray(self, data: bytes) -> Fault | None:
        return None

    def fault(self, data: bytes) -> Fault:
        return Fault.GARBAGE if data else Fault.NOTHING

    def __str__(self) -> str:
        return str(self._question)


class Telling:
    """Bytes that nobody answers: a question that is answered as soon as it was sent."""

    def __init__(self, data: bytes, device: Hashable, name: str) -> None:
        self.device = device
        self.reply_bytes = 1
        self._data, self._name = data, name

    def encode(self, carrier: Carrier, number: int) -> bytes:
        return self._data

    def answer(self, data: bytes) -> bool | None:
        return True

    def __str__(self) -> str:
        return self._name


def shown(asked: Asked[Any], data: bytes, fault: object) -> str:
    """What is wrong with what came in, for messages."""
    if asked.is_private:
        return f"damaged in {len(data)} bytes"
    more = f" … ({len(data)} bytes)" if len(data) > 40 else ""
    return f"{fault} in {data[:40].hex(' ').upper()}{more}"
