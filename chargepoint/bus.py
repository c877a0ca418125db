"""A service's end of the bus: publish, state, call over one inherited socket; the hub at the other end.

Nothing here blocks. What is sent before `run` waits in the socket; what arrives is handled while `run` runs.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, TypeVar

from chargepoint import frames
from chargepoint.frames import UNREADABLE, BadFrames, Cutter, Outbox, Vocabulary, house_vocabulary, pack, raw
from chargepoint.messages import Event, Reply, Request, State
from chargepoint.streams import StateView, Subscription, Unavailable

__all__ = ["Bus", "CallFailed", "StateView", "Subscription", "Unavailable"]

log = logging.getLogger(__name__)

MAX_HANDLERS = 256
MAX_CALLS = 1024

E = TypeVar("E", bound=Event)
R = TypeVar("R", bound=Reply)
Q = TypeVar("Q", bound=Request[Any])


class CallFailed(Exception):
    """The other side raised or refused; the text says what."""


class Bus:
    """One peer's end. `closed` is set when the hub is gone, `stop_asked` when it wishes this peer to end in order."""

    def __init__(self, name: str, sock: socket.socket, vocabulary: Vocabulary | None = None) -> None:
        self.name = name
        self.closed = asyncio.Event()
        self.stop_asked = asyncio.Event()
        self.vocabulary = vocabulary or house_vocabulary()
        self._socket = sock
        sock.setblocking(False)
        self._outbox = Outbox(sock, self._end)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._handlers: dict[str, Callable[[Any, str], Awaitable[Reply]]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._subscriptions: dict[str, list[Subscription[Any]]] = {}
        self._views: list[StateView] = []
        self._watched: set[str] = set()
        self._states: dict[str, State] = {}
        self._cutter = Cutter()
        self._decode = frames.decode_from_hub
        self._taps: list[Callable[[frames.Tapped], None]] = []

    @property
    def dropped(self) -> int:
        """Events that found no room on their way out."""
        return self._outbox.dropped

    def publish(self, event: Event) -> None:
        """Tell whoever subscribed. Never blocks; when the hub is slow the oldest event goes and is counted."""
        self._send(lambda: self._outbox.put_event(pack(frames.Publish(raw(event)))), event)

    def set_state(self, topic: str, value: State) -> None:
        """Tell how `topic` is now. Never blocks; a slow hub gets the newest value only."""
        self._send(lambda: self._outbox.put_state(topic, pack(frames.SetState(topic, raw(value)))), value)

    async def call(self, service: str, request: Request[R], timeout_s: float = 5.0) -> R:
        """Ask `service` and wait. Raises Unavailable, CallFailed, TimeoutError."""
        if self.closed.is_set():
            raise Unavailable(f"{service}: the bus of {self.name!r} has ended")
        if len(self._waiting) >= MAX_CALLS:
            raise Unavailable(f"{service}: {MAX_CALLS} calls of {self.name!r} are waiting for answers already")
        loop = asyncio.get_running_loop()
        number = next(self._numbers)
        deadline_s = loop.time() + timeout_s
        try:
            frame = pack(frames.Call(number, service, deadline_s, raw(request)))
        except ValueError as error:
            raise CallFailed(f"{type(request).__name__} cannot be sent: {error}") from error
        answer: asyncio.Future[Reply] = loop.create_future()
        self._waiting[number] = answer
        try:
            if not self._outbox.put(frame):
                raise Unavailable(f"{service}: the hub takes no more calls now")
            async with asyncio.timeout_at(deadline_s):
                reply: Any = await answer
                return reply  # type: ignore[no-any-return]
        except TimeoutError:
            raise TimeoutError(f"{service} did not answer {type(request).__name__} in {timeout_s:g} s") from None
        finally:
            self._waiting.pop(number, None)

    def serve(self, request_type: type[Q], handler: Callable[[Q, str], Awaitable[Reply]]) -> None:
        """Answer requests of this type with `await handler(request, sender)`. What it raises the caller gets told."""
        self._handlers[request_type.__name__] = handler

    def subscribe(self, *event_types: type[E]) -> Subscription[E]:
        """Events of these types from now on. Raises PermissionError for one that is not for this service."""
        for event_type in event_types:
            if not self.vocabulary.may_hear(self.name, event_type):
                raise PermissionError(f"{self.name} may not listen to {event_type.__name__} (messages/readers.py)")
        subscription: Subscription[E] = Subscription(event_types, self._unsubscribe)
        fresh = tuple(t.__name__ for t in event_types if not self._subscriptions.get(t.__name__))
        for event_type in event_types:
            self._subscriptions.setdefault(event_type.__name__, []).append(subscription)
        if fresh:
            self._outbox.put(pack(frames.Subscribe(fresh)))
        return subscription

    def watch(self, prefix: str) -> StateView:
        """The states whose topic begins with `prefix` ("" for all): those there are arrive soon, then each change.
        The hub leaves out what is not for this service, and refuses (and notes) a watch of nothing else."""
        view = StateView(prefix, self._states, self._views.remove)
        self._views.append(view)
        if prefix not in self._watched:
            self._watched.add(prefix)
            self._outbox.put(pack(frames.Watch(prefix)))
        return view

    def tap(self, listener: Callable[[frames.Tapped], None]) -> None:
        """Hear a copy of all traffic; the hub grants it to administrators only."""
        self._taps.append(listener)
        self._outbox.put(pack(frames.Tap()))

    def beat(self, *, is_busy: bool = False) -> None:
        """The work goes on; called by the work itself. `is_busy` keeps one awake that rests when not called."""
        self._outbox.put_state(_BEAT_SLOT, _BUSY_BEAT if is_busy else _BEAT)

    def ready(self) -> None:
        """Up and at work."""
        self._outbox.put(pack(frames.Ready()))

    async def run(self) -> None:
        """Handle what arrives until the hub closes the socket; then `closed` is set and this returns."""
        loop = asyncio.get_running_loop()
        try:
            if not self.closed.is_set():
                loop.add_reader(self._socket.fileno(), self._readable)
                await self.closed.wait()
        finally:
            if self._socket.fileno() >= 0:
                loop.remove_reader(self._socket.fileno())
            self._end("")
            self._socket.close()
            for handling in tuple(self._running):  # nobody is there for the answer
                handling.cancel()

    async def drain(self, timeout_s: float = 1.0) -> None:
        """Wait until all that was sent has left, or for `timeout_s`."""
        end_s = asyncio.get_running_loop().time() + timeout_s
        while not self._outbox.is_empty and asyncio.get_running_loop().time() < end_s:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    def close(self) -> None:
        """Leave the bus: `run` returns."""
        self._end("")

    def _send(self, put: Callable[[], None], message: Event | State) -> None:
        try:
            put()
        except ValueError as error:
            log.error("%s: %s cannot be sent: %s", self.name, type(message).__name__, error)

    def _unsubscribe(self, subscription: Subscription[Any]) -> None:
        gone = []
        for event_type in subscription.types:
            listeners = self._subscriptions[event_type.__name__]
            listeners.remove(subscription)
            if not listeners:
                gone.append(event_type.__name__)
        if gone:
            self._outbox.put(pack(frames.Subscribe(tuple(gone), on=False)))

    def _readable(self) -> None:
        try:
            data = self._socket.recv(frames.READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(f"cannot be read from ({error})")
            return
        if not data:
            self._end("")
            return
        self._cutter.feed(data)
        try:
            while (body := self._cutter.next()) is not None:
                frame = self._decode(body)
                self._TAKE[type(frame)](self, frame)
        except (BadFrames, *UNREADABLE) as error:
            self._end(f"sent what is no frame ({error})")

    def _end(self, cause: str) -> None:
        if self.closed.is_set():
            return
        self.closed.set()
        if cause:
            log.warning("bus of %r: the hub's socket %s", self.name, cause)
        self._outbox.close()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Unavailable(f"the bus of {self.name!r} ended during the call", True))
        for listeners in list(self._subscriptions.values()):
            for subscription in list(listeners):
                subscription.close()
        for view in list(self._views):
            view.close()

    def _take_answer(self, frame: frames.Answer) -> None:
        answer = self._waiting.get(frame.number)
        if answer is None or answer.done():
            return  # came too late: the caller has given up
        try:
            answer.set_result(self.vocabulary.reply(frame.body))
        except UNREADABLE as error:
            answer.set_exception(CallFailed(f"the answer cannot be read: {error}"))

    def _take_failure(self, frame: frames.Failure) -> None:
        answer = self._waiting.get(frame.number)
        if answer is not None and not answer.done():
            answer.set_exception(
                Unavailable(frame.text, frame.maybe_done) if frame.is_unavailable else CallFailed(frame.text)
            )

    def _take_event(self, frame: frames.Happened) -> None:
        try:
            event = self.vocabulary.event(frame.body)
        except UNREADABLE as error:
            log.error("%s: an event of %s cannot be read: %s", self.name, frame.sender, error)
            return
        for subscription in self._subscriptions.get(type(event).__name__, ()):
            subscription.offer(event, frame.sender)
        if frame.number:
            self._outbox.put_state(_TAKEN_SLOT, pack(frames.Taken(frame.number)))

    def _take_state(self, frame: frames.StateIs) -> None:
        try:
            self._states[frame.topic] = self.vocabulary.state(frame.body)
        except UNREADABLE as error:
            log.error("%s: state %r cannot be read: %s", self.name, frame.topic, error)
            return
        for view in self._views:
            if frame.topic.startswith(view.prefix):
                view.offer(frame.topic)

    def _take_request(self, frame: frames.Asked) -> None:
        if asyncio.get_running_loop().time() >= frame.deadline_s:
            return  # nobody waits any more: an order must not be carried out late
        try:
            request = self.vocabulary.request(frame.body)
        except UNREADABLE as error:
            self._fail(frame.number, False, f"{self.name} cannot read the request: {error}")
            return
        handler = self._handlers.get(type(request).__name__)
        if handler is None:
            self._fail(frame.number, True, f"{self.name} does not answer {type(request).__name__} (yet)")
        elif len(self._running) >= MAX_HANDLERS:
            self._fail(frame.number, True, f"{self.name} is busy with {MAX_HANDLERS} calls")
        else:
            task = asyncio.get_running_loop().create_task(self._handle(frame, request, handler))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _handle(
        self, frame: frames.Asked, request: Request[Any], handler: Callable[[Any, str], Awaitable[Reply]]
    ) -> None:
        try:
            reply = await handler(request, frame.sender)
            if not self._outbox.put(pack(frames.Answer(frame.number, raw(reply)))):
                log.warning("%s: no room for the answer to %s of %s", self.name, type(request).__name__, frame.sender)
        except asyncio.CancelledError:
            self._fail(frame.number, True, f"{self.name} is ending", maybe_done=True)
            raise
        except Unavailable as error:  # of a service that this one asked in turn
            self._fail(frame.number, True, f"{self.name}: {error}", maybe_done=True)
        except Exception as error:
            log.exception("%s: %s of %s failed", self.name, type(request).__name__, frame.sender)
            self._fail(frame.number, False, f"{self.name}: {type(error).__name__}: {error}")

    def _fail(self, number: int, is_unavailable: bool, text: str, maybe_done: bool = False) -> None:
        self._outbox.put(pack(frames.Failure(number, is_unavailable, text[:2000], maybe_done)))

    def _take_stop(self, frame: frames.Stop) -> None:
        self.stop_asked.set()

    def _take_tapped(self, frame: frames.Tapped) -> None:
        for listener in self._taps:
            listener(frame)

    _TAKE: ClassVar[dict[type[frames.Frame], Callable[[Bus, Any], None]]] = {
        frames.Answer: _take_answer,
        frames.Failure: _take_failure,
        frames.Happened: _take_event,
        frames.StateIs: _take_state,
        frames.Asked: _take_request,
        frames.Stop: _take_stop,
        frames.Tapped: _take_tapped,
    }


_BEAT, _BUSY_BEAT = pack(frames.Beat()), pack(frames.Beat(is_busy=True))
_BEAT_SLOT = "\0beat"  # no topic: beats that have not left yet are one beat
_TAKEN_SLOT = "\0taken"
