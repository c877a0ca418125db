"""What two ends of the bus say to each other: 4 bytes big-endian length, then a MessagePack array whose first element
is the kind of frame. Messages (`messages`) travel inside as they are, so the hub checks them and passes them on.

Here are the kinds of frames, cutting a byte stream into frames, and the bounded outbox that both ends write through.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections import deque
from collections.abc import Callable, Mapping
from functools import lru_cache, reduce
from operator import or_
from typing import Any

import msgspec

from chargepoint.messages import READERS, SENDERS, Event, Message, Reply, Request, State

MAX_FRAME_BYTES = 1 << 20
READ_BYTES = 1 << 16
MAX_QUEUED_EVENTS = 1024
MAX_QUEUED_EVENT_BYTES = 4 << 20
MAX_QUEUED_CALLS = 1024
MAX_QUEUED_CALL_BYTES = 8 << 20


class Frame(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Anything that stands in a frame; the tag is the class name."""


class Publish(Frame, frozen=True):
    """To the hub: an event."""

    body: msgspec.Raw


class SetState(Frame, frozen=True):
    """To the hub: the newest value of a topic."""

    topic: str
    body: msgspec.Raw


class Call(Frame, frozen=True):
    """To the hub: a request for `service`, void after `deadline_s` (monotonic time, the same in all processes)."""

    number: int
    service: str
    deadline_s: float
    body: msgspec.Raw


class Subscribe(Frame, frozen=True):
    """To the hub: wishes these events from now on (`on`), or no longer."""

    names: tuple[str, ...]
    on: bool = True


class Watch(Frame, frozen=True):
    """To the hub: wishes the states whose topic begins with `prefix`, those there are at once."""

    prefix: str


class Beat(Frame, frozen=True):
    """To the hub: the work goes on. `is_busy`: this service, which rests when nobody calls it, is not to rest now."""

    is_busy: bool = False


class Ready(Frame, frozen=True):
    """To the hub: up and at work."""


class Taken(Frame, frozen=True):
    """To the hub: kept events up to `number` have arrived here."""

    number: int


class Tap(Frame, frozen=True):
    """To the hub, administrators only: wishes a copy of all traffic."""


class Answer(Frame, frozen=True):
    """The reply to call `number`, from the service to the hub and from the hub to the caller."""

    number: int
    body: msgspec.Raw


class Failure(Frame, frozen=True):
    """No reply to call `number`: the service is not there (`is_unavailable`), or it refused or failed.

    `maybe_done`: the request had reached the service before that went away.
    """

    number: int
    is_unavailable: bool
    text: str
    maybe_done: bool = False


class Happened(Frame, frozen=True):
    """From the hub: an event somebody published. `number` counts those that are kept until they are `Taken`, else 0."""

    sender: str
    body: msgspec.Raw
    number: int = 0


class StateIs(Frame, frozen=True):
    """From the hub: the value of a topic."""

    topic: str
    body: msgspec.Raw


class Asked(Frame, frozen=True):
    """From the hub: a request to this service."""

    number: int
    sender: str
    deadline_s: float
    body: msgspec.Raw


class Stop(Frame, frozen=True):
    """From the hub: end in order."""


class Tapped(Frame, frozen=True):
    """From the hub to a tap: what passed by. `verb`: event, state, call, answer, failure."""

    verb: str
    sender: str
    target: str
    body: msgspec.Raw


ToHub = Publish | SetState | Call | Subscribe | Watch | Beat | Ready | Taken | Tap | Answer | Failure
FromHub = Answer | Failure | Happened | StateIs | Asked | Stop | Tapped

UNREADABLE = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)
"""What decoding bytes from elsewhere may raise."""


class BadFrames(Exception):
    """The byte stream is not, or no longer, a row of frames: nothing after this point can be trusted."""


_encoder = msgspec.msgpack.Encoder()
decode_to_hub = msgspec.msgpack.Decoder(ToHub).decode
decode_from_hub = msgspec.msgpack.Decoder(FromHub).decode


def raw(message: Message) -> msgspec.Raw:
    """A message, ready to stand in a frame."""
    return msgspec.Raw(_encoder.encode(message))


def pack(frame: Frame) -> bytes:
    """A frame as it goes over the socket. Raises ValueError when it is longer than 1 MiB."""
    buffer = bytearray(256)
    _encoder.encode_into(frame, buffer, 4)
    length = len(buffer) - 4
    if length > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {length} bytes is longer than {MAX_FRAME_BYTES}")
    buffer[0:4] = length.to_bytes(4, "big")
    return bytes(buffer)


class Cutter:
    """Cuts a byte stream into the bodies of frames. A length above 1 MiB raises BadFrames before its body is stored."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._start = 0

    def feed(self, data: bytes) -> None:
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
        self._buffer += data

    def next(self) -> bytes | None:
        """The next whole frame's body, or None. Raises BadFrames."""
        start = self._start
        if len(self._buffer) - start < 4:
            return None
        length = int.from_bytes(self._buffer[start : start + 4], "big")
        if length > MAX_FRAME_BYTES:
            raise BadFrames(f"announces a frame of {length} bytes; at most {MAX_FRAME_BYTES} are allowed")
        end = start + 4 + length
        if len(self._buffer) < end:
            return None
        self._start = end
        return bytes(self._buffer[start + 4 : end])


class Vocabulary:
    """The messages that may cross a bus, by kind, who may send them, and who may hear those that are not for all.
    `message` raises what UNREADABLE lists."""

    def __init__(
        self,
        senders: Mapping[type[Message], frozenset[str]],
        readers: Mapping[type[Message], frozenset[str]] | None = None,
    ) -> None:
        self.senders = dict(senders)
        self.readers = dict(readers or {})
        self.replies: dict[type[Message], type[Reply]] = {t: reply_type(t) for t in senders if issubclass(t, Request)}
        self.events: dict[str, type[Event]] = {t.__name__: t for t in senders if issubclass(t, Event)}
        self.event = _decoder([t for t in senders if issubclass(t, Event)])
        self.state = _decoder([t for t in senders if issubclass(t, State)])
        self.request = _decoder(list(self.replies))
        self.reply = _decoder(list(dict.fromkeys(self.replies.values())))

    def may_send(self, sender: str, message_type: type[Message]) -> bool:
        return sender in self.senders[message_type]

    def may_hear(self, listener: str, message_type: type[Message]) -> bool:
        """Whether an event or a state of this type is for this service: all that have no row of readers are."""
        readers = self.readers.get(message_type)
        return readers is None or listener in readers


def _decoder(types: list[Any]) -> Callable[[msgspec.Raw], Any]:
    if not types:
        return _nothing_known
    return msgspec.msgpack.Decoder(reduce(or_, types)).decode


def _nothing_known(body: msgspec.Raw) -> Any:
    raise msgspec.ValidationError("this bus knows no message of that kind")


@lru_cache(maxsize=1)
def house_vocabulary() -> Vocabulary:
    """All of `messages`."""
    return Vocabulary(SENDERS, READERS)


@lru_cache(maxsize=512)
def reply_type(request_type: type[Any]) -> type[Reply]:
    """What a request is answered with, as its declaration says: `class Ask(Request["Told"])` -> Told."""
    for base in request_type.__orig_bases__:
        for argument in getattr(base, "__args__", ()):
            name = getattr(argument, "__forward_arg__", None)
            found = getattr(sys.modules[request_type.__module__], name) if name else argument
            if isinstance(found, type) and issubclass(found, Reply):
                return found
    raise TypeError(f"{request_type.__name__} does not name its reply")


class Outbox:
    """Frames on their way out of one socket: never blocks, in order, bounded.

    Beyond the bound the oldest event goes (counted in `dropped`), a state not yet sent is replaced by its newer value
    in place, and calls and answers are refused (`put` is False). `broken` is called once when the socket is gone.
    """

    def __init__(self, sock: socket.socket, broken: Callable[[str], None]) -> None:
        self._socket = sock
        self._broken = broken
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: deque[list[Any]] = deque()  # [frame, or None when dropped; kind; topic of a state]
        self._events: deque[list[Any]] = deque()
        self._states: dict[str, list[Any]] = {}
        self._event_bytes = 0
        self._calls = 0
        self._call_bytes = 0
        self._unsent = memoryview(b"")
        self._is_flush_due = False
        self._is_waiting = False
        self.is_closed = False
        self.dropped = 0

    def put(self, frame: bytes) -> bool:
        """A call, an answer or a word to the other end; False when there is no room."""
        if self.is_closed or self._calls >= MAX_QUEUED_CALLS or self._call_bytes >= MAX_QUEUED_CALL_BYTES:
            return False
        self._calls += 1
        self._call_bytes += len(frame)
        self._append([frame, "call", None])
        return True

    def put_event(self, frame: bytes) -> None:
        if self.is_closed:
            self.dropped += 1
            return
        entry = [frame, "event", None]
        self._events.append(entry)
        self._event_bytes += len(frame)
        while len(self._events) > MAX_QUEUED_EVENTS or self._event_bytes > MAX_QUEUED_EVENT_BYTES:
            oldest = self._events.popleft()
            self._event_bytes -= len(oldest[0])
            oldest[0] = None
            self.dropped += 1
        self._append(entry)

    def put_state(self, topic: str, frame: bytes) -> None:
        waiting = self._states.get(topic)
        if waiting is not None:
            waiting[0] = frame
            return
        if self.is_closed:
            return
        entry = [frame, "state", topic]
        self._states[topic] = entry
        self._append(entry)

    @property
    def is_empty(self) -> bool:
        """Whether everything has left."""
        return self.is_closed or not (self._queue or self._unsent)

    def close(self) -> None:
        """Send nothing more. What stands in the queue is lost."""
        if self.is_closed:
            return
        self.is_closed = True
        if self._is_waiting and self._loop is not None:
            self._loop.remove_writer(self._socket.fileno())
        self._queue.clear()
        self._states.clear()

    def flush(self) -> None:
        """Send as much as the socket takes now; the rest follows when it can take more."""
        self._is_flush_due = False
        while not self.is_closed:
            if not self._unsent:
                self._unsent = memoryview(self._next_chunk())
                if not self._unsent:
                    self._wait(False)
                    return
            try:
                sent = self._socket.send(self._unsent)
            except (BlockingIOError, InterruptedError):
                self._wait(True)
                return
            except OSError as error:
                self.close()
                self._broken(f"cannot be written to ({error})")
                return
            self._unsent = self._unsent[sent:]

    def _append(self, entry: list[Any]) -> None:
        self._queue.append(entry)
        if not self._is_flush_due and not self._is_waiting:
            self._is_flush_due = True
            if self._loop is None:
                self._loop = asyncio.get_running_loop()
            self._loop.call_soon(self.flush)

    def _next_chunk(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while self._queue and size < READ_BYTES:
            frame, kind, topic = entry = self._queue.popleft()
            if kind == "call":
                self._calls -= 1
                self._call_bytes -= len(frame)
            elif kind == "state":
                del self._states[topic]
            elif frame is not None and self._events and self._events[0] is entry:
                self._events.popleft()
                self._event_bytes -= len(frame)
            if frame is not None:
                parts.append(frame)
                size += len(frame)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _wait(self, wish: bool) -> None:
        if wish == self._is_waiting or self._loop is None:
            return
        self._is_waiting = wish
        if wish:
            self._loop.add_writer(self._socket.fileno(), self.flush)
        else:
            self._loop.remove_writer(self._socket.fileno())
