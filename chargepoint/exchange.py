"""The middle of the bus: takes frames from every peer, checks them, passes them on. Runs inside the hub.

A peer is its socket: its name was fixed when the socket was made. Every message is checked against the vocabulary and
the tables of senders and readers (S24): what may not be said is refused, what is not for all goes to its readers only.
Refusals are counted and noted once for each kind; a peer whose bytes are no frames is cut off.

No peer can hold up another: reads are taken in small portions in turn and, with a `Pace`, bounded in time; writes go
through bounded outboxes.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import msgspec

from chargepoint import frames
from chargepoint.bus import Bus
from chargepoint.frames import UNREADABLE, BadFrames, Vocabulary, house_vocabulary, pack
from chargepoint.held_calls import HeldCall, HeldCalls
from chargepoint.messages import (
    ADMIN,
    KEPT_EVENTS,
    AccessGrant,
    ClimateState,
    ClockState,
    ConnectorState,
    DeviceState,
    InputState,
    InstalledState,
    InsulationState,
    LightState,
    LinkStatus,
    LoginsState,
    Message,
    MeterState,
    ModulesState,
    OutputState,
    PortState,
    PowerState,
    ReaderState,
    Request,
    ServiceState,
    SettingsState,
    State,
    StationState,
    SupervisorState,
    TechnicianState,
    UpsState,
    UserLimitsState,
    UsersState,
    WebState,
)
from chargepoint.peers import MAX_KEPT_EVENTS, KeptEvent, Pace, Peer

__all__ = ["Exchange", "Pace", "connect"]

log = logging.getLogger(__name__)

MAX_OPEN_CALLS = 256
MAX_TOPICS = 512
MAX_TOPIC_LENGTH = 100
MAX_WATCHES = 256
MAX_ADMINS = 16
MAX_REFUSALS_NOTED = 64
MAX_BODY_BYTES = frames.MAX_FRAME_BYTES - 1024
"""Of one message: it leaves with more around it (its sender, a number) than it came with."""
MAX_STATE_BYTES = 4 << 20
"""Of all states that one peer tells; they are kept here (S25: who floods is the one who loses)."""
MAX_NOTE_BYTES = 16 << 10
"""Of an event that is kept for `station`, and ends in its journal."""
KEEPS_FOR = "station"

TOPICS: dict[type[State], str] = {
    ServiceState: "service/",
    SupervisorState: "supervisor",
    ClockState: "clock",
    SettingsState: "settings",
    UsersState: "users",
    LoginsState: "access/logins",
    AccessGrant: "access/grant",
    TechnicianState: "technician",
    ConnectorState: "connector/",
    MeterState: "meter/",
    StationState: "station",
    PortState: "port/",
    DeviceState: "device/",
    InputState: "input/",
    OutputState: "output/",
    ClimateState: "climate",
    ModulesState: "modules/",
    PowerState: "power",
    UserLimitsState: "user_limits",
    InsulationState: "insulation/",
    UpsState: "ups/",
    LightState: "light/",
    InstalledState: "installed",
    LinkStatus: "link",
    ReaderState: "reader/",
    WebState: "web",
}
"""The topic of each state, or with a slash at its end what its topics begin with."""

EMPTY = msgspec.Raw(b"\xc0")


class Refused(Exception):
    """The message may not be sent so. `kind` is one of a few fixed words, so that each is noted once."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class _OpenCall(msgspec.Struct, frozen=True, eq=False):
    caller: Peer
    number: int
    target: Peer
    request_type: type[Request[Any]]
    deadline_s: float


class _Retained(msgspec.Struct, frozen=True, eq=False):
    owner: str
    frame: bytes
    type: type[State]


class Exchange:
    """`attach` a named socket; services are called by their names, administrators (`admin`) can be many.

    `on_beat(name)`, `on_ready(name)`, `on_gone(name)` tell the supervisor; `on_wanted(name)` asks it whether a service
    that is called but not there comes (then the call waits for it). `on_refusal(name, kind, text)` is called
    once for each kind of refusal since the peer was attached, and when it is cut off for what it sent (kind `frames`).
    """

    def __init__(self, vocabulary: Vocabulary | None = None, pace: Pace | None = None) -> None:
        self.vocabulary = vocabulary or house_vocabulary()
        self.pace = pace
        self.on_beat: Callable[[str], None] = _ignore
        self.on_ready: Callable[[str], None] = _ignore
        self.on_gone: Callable[[str], None] = _ignore
        self.on_refusal: Callable[[str, str, str], None] = _ignore
        self.on_wanted: Callable[[str], bool] = _comes_not
        self._held = HeldCalls()
        self._services: dict[str, Peer] = {}
        self._peers: set[Peer] = set()
        self._retained: dict[str, _Retained] = {}
        self._calls: dict[int, _OpenCall] = {}
        self._numbers = itertools.count(1)
        self._kept: deque[KeptEvent] = deque(maxlen=MAX_KEPT_EVENTS)
        self._kept_names = frozenset(t.__name__ for t in KEPT_EVENTS)
        self._taps: set[Peer] = set()
        self._decode = frames.decode_to_hub

    def attach(self, name: str, sock: socket.socket) -> Peer:
        """From now on what comes out of `sock` is said by `name`. A service's older socket is closed."""
        if name != ADMIN and (older := self._services.get(name)) is not None:
            self.end(older, "")
        peer = Peer(name, sock, self, self.pace)
        if name == ADMIN:
            if sum(other.name == ADMIN for other in self._peers) >= MAX_ADMINS:
                log.warning("more than %d administrators' connections; the newest is refused", MAX_ADMINS)
                peer.close()
                return peer
        else:
            self._services[name] = peer
        self._peers.add(peer)
        peer.called_s = asyncio.get_running_loop().time()
        peer.begin()
        return peer

    def is_attached(self, name: str) -> bool:
        return name in self._services

    def ask_to_stop(self, name: str) -> None:
        """Ask one service to end in order."""
        if (peer := self._services.get(name)) is not None:
            peer.outbox.put(_STOP)

    def let_rest(self, name: str) -> None:
        """Ask one service to end in order; from now on calls to it wait for the next one."""
        if (peer := self._services.get(name)) is not None:
            peer.is_leaving = True
            peer.outbox.put(_STOP)

    def idle_s(self, name: str) -> float:
        """How long ago a service was last asked, answered or busy; not above 0 while somebody waits for it."""
        peer = self._services.get(name)
        if peer is None:
            return 0.0
        open_until_s = (call.deadline_s for call in self._calls.values() if call.target is peer)
        return asyncio.get_running_loop().time() - max(peer.called_s, *open_until_s, 0.0)

    def give_up_calls(self, name: str, why: str) -> None:
        """The service that calls wait for does not come."""
        for call in self._held.take(name):
            self._fail(call.caller, call.frame.number, True, f"{why} ({call.request_type.__name__})")

    def detach(self, name: str) -> None:
        """Close a service's socket; its open calls become Unavailable."""
        if (peer := self._services.get(name)) is not None:
            self.end(peer, "")

    def close(self) -> None:
        for peer in list(self._peers):
            peer.outbox.flush()
            self.end(peer, "")

    def end(self, peer: Peer, cause: str, is_fault: bool = False) -> None:
        """Close a peer's socket. With a `cause` it is logged; a fault of what it sent is noted, too."""
        if peer.is_gone:
            return
        if is_fault:
            self._accuse(peer, "frames", cause)
        if cause:
            log.warning("bus: %s %s; its connection is closed", peer.name, cause)
        peer.close()
        if peer.name == KEEPS_FOR:
            self._kept.extend(peer.untaken)  # whatever it had not read when it went away is for the next one
        self._peers.discard(peer)
        self._taps.discard(peer)
        self._held.forget(peer)
        is_service = self._services.get(peer.name) is peer
        if is_service:
            del self._services[peer.name]
        for number, call in list(self._calls.items()):
            if call.target is peer:
                self._close_call(number)
                text = f"{peer.name} went away during {call.request_type.__name__}"
                self._fail(call.caller, call.number, True, text, maybe_done=True)
            elif call.caller is peer:
                self._close_call(number)
        if is_service:
            self.on_gone(peer.name)

    def take(self, peer: Peer, body: bytes) -> None:
        """One frame of a peer. Raises BadFrames."""
        try:
            frame = self._decode(body)
        except UNREADABLE as error:
            raise BadFrames(f"sent what is no frame of this bus ({error})") from None
        try:
            self._TAKE[type(frame)](self, peer, frame)
        except Refused as refusal:
            self._accuse(peer, refusal.kind, str(refusal))

    def _accuse(self, peer: Peer, kind: str, text: str) -> None:
        count = peer.refusals.get(kind, 0)
        if count == 0 and len(peer.refusals) >= MAX_REFUSALS_NOTED:
            return
        peer.refusals[kind] = count + 1
        if count == 0:
            log.warning("bus: %s: %s", peer.name, text)
            self.on_refusal(peer.name, kind, text[:500])

    # ------------------------------------------------------------------------------------------------ messages

    def _checked(self, peer: Peer, decode: Callable[[msgspec.Raw], Any], body: msgspec.Raw) -> Any:
        if len(body) > MAX_BODY_BYTES:
            raise Refused("size", f"sent a message of {len(body)} bytes; at most {MAX_BODY_BYTES} are allowed")
        try:
            message = decode(body)
        except UNREADABLE as error:
            raise Refused("schema", f"sent what is no message of this bus: {error}") from None
        message_type: type[Message] = type(message)
        if not self.vocabulary.may_send(peer.name, message_type):
            name = message_type.__name__
            raise Refused(f"sender {name}", f"{peer.name} may not send {name}")
        return message

    def _publish(self, peer: Peer, frame: frames.Publish) -> None:
        event = self._checked(peer, self.vocabulary.event, frame.body)
        name = type(event).__name__
        if name in self._kept_names and len(frame.body) > MAX_NOTE_BYTES:
            raise Refused("size of notes", f"sent {name} of {len(frame.body)} bytes; at most {MAX_NOTE_BYTES} are kept")
        out = pack(frames.Happened(peer.name, frame.body))
        keeper = self._services.get(KEEPS_FOR) if name in self._kept_names else None
        for listener in self._peers:
            if name in listener.events and listener is not keeper:
                listener.outbox.put_event(out)
        if name in self._kept_names:
            self._keep(keeper, KeptEvent(next(self._numbers), name, peer.name, frame.body))
        self._tapped("event", peer.name, "", frame.body)

    def _keep(self, keeper: Peer | None, event: KeptEvent) -> None:
        """Give an event to the service it is kept for, or keep it for the next one."""
        if keeper is None or event.name not in keeper.events:
            self._kept.append(event)
            return
        keeper.untaken.append(event)
        keeper.outbox.put_event(pack(frames.Happened(event.sender, event.body, event.number)))

    def _taken(self, peer: Peer, frame: frames.Taken) -> None:
        while peer.untaken and peer.untaken[0].number <= frame.number:
            peer.untaken.popleft()

    def _set_state(self, peer: Peer, frame: frames.SetState) -> None:
        value = self._checked(peer, self.vocabulary.state, frame.body)
        topic = frame.topic
        place = TOPICS.get(type(value))
        if place is not None and not (topic.startswith(place) if place.endswith("/") else topic == place):
            raise Refused("topic", f"{type(value).__name__} does not belong under {topic[:MAX_TOPIC_LENGTH]!r}")
        older = self._retained.get(topic)
        owned = [len(state.frame) for state in self._retained.values() if state.owner == peer.name]
        if older is None:
            if not topic or len(topic) > MAX_TOPIC_LENGTH or len(owned) >= MAX_TOPICS:
                raise Refused("topics", f"{topic[:MAX_TOPIC_LENGTH]!r} is no good topic, or one too many")
        elif older.owner != peer.name:
            raise Refused("topic owner", f"the topic {topic!r} is told by {older.owner}")
        out = pack(frames.StateIs(topic, frame.body))
        if sum(owned) + len(out) - (len(older.frame) if older is not None else 0) > MAX_STATE_BYTES:
            raise Refused("size of states", f"tells states of more than {MAX_STATE_BYTES} bytes in all")
        self._retained[topic] = _Retained(peer.name, out, type(value))
        may_hear = self.vocabulary.may_hear
        for listener in self._peers:
            if listener.prefixes and listener.watches(topic) and may_hear(listener.name, type(value)):
                listener.outbox.put_state(topic, out)
        self._tapped("state", peer.name, topic, frame.body)

    def _call(self, peer: Peer, frame: frames.Call) -> None:
        try:
            request = self._checked(peer, self.vocabulary.request, frame.body)
        except Refused as refusal:
            self._fail(peer, frame.number, False, str(refusal))
            raise
        name = type(request).__name__
        self._tapped("call", peer.name, frame.service[:40], frame.body)
        target = self._services.get(frame.service)
        if target is not None and not target.is_leaving and not self._held.has(frame.service):
            self._ask(peer, target, frame, type(request))
        elif self._held.has_room and self.on_wanted(frame.service):
            self._held.hold(HeldCall(peer, frame, type(request)))
        else:
            self._fail(peer, frame.number, True, f"{frame.service[:40]} is not running ({name})")

    def _ask(self, peer: Peer, target: Peer, frame: frames.Call, request_type: type[Request[Any]]) -> None:
        """Hand a checked call to the service it is for."""
        if peer.open_calls >= MAX_OPEN_CALLS:
            self._forget_late_calls()
        if peer.open_calls >= MAX_OPEN_CALLS:
            self._fail(peer, frame.number, True, f"{MAX_OPEN_CALLS} calls of {peer.name} wait for answers already")
            return
        number = next(self._numbers)
        if not target.outbox.put(pack(frames.Asked(number, peer.name, frame.deadline_s, frame.body))):
            self._fail(
                peer, frame.number, True, f"{frame.service} has too many calls waiting ({request_type.__name__})"
            )
            return
        peer.open_calls += 1
        target.called_s = asyncio.get_running_loop().time()
        self._calls[number] = _OpenCall(peer, frame.number, target, request_type, frame.deadline_s)

    def _answer(self, peer: Peer, frame: frames.Answer) -> None:
        call = self._calls.get(frame.number)
        if call is None or call.target is not peer:
            return  # the caller has gone
        self._close_call(frame.number)
        expected = self.vocabulary.replies[call.request_type]
        try:
            if len(frame.body) > MAX_BODY_BYTES:
                raise msgspec.ValidationError(f"{len(frame.body)} bytes; at most {MAX_BODY_BYTES} are allowed")
            reply = self.vocabulary.reply(frame.body)
            if type(reply) is not expected:
                raise msgspec.ValidationError(f"{type(reply).__name__} where {expected.__name__} belongs")
        except UNREADABLE as error:
            text = f"{peer.name} answered {call.request_type.__name__} wrongly: {error}"
            self._fail(call.caller, call.number, False, text)
            raise Refused("schema", text) from None
        call.caller.outbox.put(pack(frames.Answer(call.number, frame.body)))
        self._tapped("answer", peer.name, call.caller.name, frame.body)

    def _failure(self, peer: Peer, frame: frames.Failure) -> None:
        call = self._calls.get(frame.number)
        if call is not None and call.target is peer:
            self._close_call(frame.number)
            self._fail(call.caller, call.number, frame.is_unavailable, frame.text[:2000], frame.maybe_done)

    def _fail(self, caller: Peer, number: int, is_unavailable: bool, text: str, maybe_done: bool = False) -> None:
        caller.outbox.put(pack(frames.Failure(number, is_unavailable, text, maybe_done)))
        if self._taps:
            self._tapped(
                "failure", "hub", caller.name, msgspec.Raw(msgspec.msgpack.encode({"is": "Failure", "text": text}))
            )

    def _close_call(self, number: int) -> None:
        call = self._calls.pop(number)
        call.caller.open_calls -= 1
        call.target.called_s = asyncio.get_running_loop().time()

    def _forget_late_calls(self) -> None:
        now_s = asyncio.get_running_loop().time()
        for number in [number for number, call in self._calls.items() if call.deadline_s < now_s]:
            self._close_call(number)

    # -------------------------------------------------------------------------------------------------- wishes

    def _subscribe(self, peer: Peer, frame: frames.Subscribe) -> None:
        known = frozenset(self.vocabulary.events).intersection(frame.names)
        if not frame.on:
            peer.events -= known
            return
        for name in sorted(known):
            if not self.vocabulary.may_hear(peer.name, self.vocabulary.events[name]):
                known -= {name}
                self._accuse(peer, f"reader {name}", f"{peer.name} may not listen to {name}")
        peer.events |= known
        if peer.name == KEEPS_FOR and known & self._kept_names:
            kept, self._kept = self._kept, deque(maxlen=MAX_KEPT_EVENTS)
            for event in kept:
                self._keep(peer, msgspec.structs.replace(event, number=next(self._numbers)))

    def _watch(self, peer: Peer, frame: frames.Watch) -> None:
        if len(peer.prefixes) >= MAX_WATCHES or len(frame.prefix) > MAX_TOPIC_LENGTH:
            raise Refused("watches", f"more than {MAX_WATCHES} watches, or too long a prefix")
        may_hear = self.vocabulary.may_hear
        for state_type, place in TOPICS.items():
            if frame.prefix.startswith(place) and not may_hear(peer.name, state_type):
                raise Refused(f"reader {state_type.__name__}", f"{peer.name} may not watch {frame.prefix!r}")
        peer.prefixes.add(frame.prefix)
        for topic, state in self._retained.items():
            if topic.startswith(frame.prefix) and may_hear(peer.name, state.type):
                peer.outbox.put_state(topic, state.frame)

    def _beat(self, peer: Peer, frame: frames.Beat) -> None:
        if frame.is_busy:
            peer.called_s = asyncio.get_running_loop().time()
        self.on_beat(peer.name)

    def _ready(self, peer: Peer, frame: frames.Ready) -> None:
        self.on_ready(peer.name)
        if self._services.get(peer.name) is peer and not peer.is_leaving:
            for call in self._held.take(peer.name):
                self._ask(call.caller, peer, call.frame, call.request_type)

    def _tap(self, peer: Peer, frame: frames.Tap) -> None:
        if peer.name != ADMIN:
            raise Refused("tap", f"{peer.name} may not listen to all traffic")
        self._taps.add(peer)

    def _tapped(self, verb: str, sender: str, target: str, body: msgspec.Raw) -> None:
        if self._taps:
            out = pack(frames.Tapped(verb, sender, target, body if len(body) < frames.READ_BYTES else EMPTY))
            for tap in self._taps:
                tap.outbox.put_event(out)

    _TAKE: ClassVar[dict[type[frames.Frame], Callable[[Exchange, Peer, Any], None]]] = {
        frames.Publish: _publish,
        frames.SetState: _set_state,
        frames.Call: _call,
        frames.Answer: _answer,
        frames.Failure: _failure,
        frames.Subscribe: _subscribe,
        frames.Watch: _watch,
        frames.Beat: _beat,
        frames.Ready: _ready,
        frames.Tap: _tap,
        frames.Taken: _taken,
    }


_STOP = pack(frames.Stop())


def connect(exchange: Exchange, name: str) -> Bus:
    """One more peer of an exchange in this loop; somebody must keep its `run` running."""
    near, far = socket.socketpair()
    exchange.attach(name, far)
    return Bus(name, near, exchange.vocabulary)


def _comes_not(_name: str) -> bool:
    """Nobody starts a service because it is called."""
    return False


def _ignore(*_: Iterable[object]) -> None:
    """Nobody wishes to know."""
