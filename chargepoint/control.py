"""What launcher and hub say to each other over their own socket pair (packets keep their boundaries; sockets go along).

The launcher decides nothing: it forks, kills and reaps by name as the hub says, and reports what came of it.
"""

from __future__ import annotations

import socket

import msgspec

from chargepoint.vocabulary import StopSource

MAX_PACKET_BYTES = 1 << 14


class Word(msgspec.Struct, frozen=True, tag=True):
    """Anything they say; the tag is the class name."""


class Start(Word, frozen=True):
    """To the launcher: fork this service."""

    name: str


class Kill(Word, frozen=True):
    """To the launcher: end this service at once."""

    name: str


class HubBeat(Word, frozen=True):
    """To the launcher: the hub's work goes on. The first one says that the services have been started."""


class Leaving(Word, frozen=True):
    """To the launcher: the orderly stop has begun; `Left` follows within `budget_s`, or kill what is left."""

    exit_code: int
    budget_s: float


class Left(Word, frozen=True):
    """To the launcher: all is in order; end with this code."""

    exit_code: int


class Started(Word, frozen=True):
    """To the hub: the service lives; its end of the bus comes with this packet."""

    name: str
    pid: int


class CouldNotStart(Word, frozen=True):
    """To the hub: there is no process."""

    name: str
    why: str


class Ended(Word, frozen=True):
    """To the hub: the process is gone; `how` in words."""

    name: str
    pid: int
    how: str


class Leave(Word, frozen=True):
    """To the hub: somebody outside (systemd, Ctrl-C) wishes an orderly stop."""

    exit_code: int
    stop_source: StopSource


ToLauncher = Start | Kill | HubBeat | Leaving | Left
ToHub = Started | CouldNotStart | Ended | Leave

_encode = msgspec.msgpack.Encoder().encode
_for_launcher = msgspec.msgpack.Decoder(ToLauncher).decode
_for_hub = msgspec.msgpack.Decoder(ToHub).decode


def pair() -> tuple[socket.socket, socket.socket]:
    """The launcher's end and the hub's end. Neither blocks."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
    return ends


def send(sock: socket.socket, word: Word, descriptor: int | None = None) -> None:
    """Raises BlockingIOError when the other end does not read, OSError when it is gone."""
    socket.send_fds(sock, [_encode(word)], [] if descriptor is None else [descriptor])


def receive_in_launcher(sock: socket.socket) -> ToLauncher | None:
    """The next word; None at the end. Raises BlockingIOError, OSError, msgspec.MsgspecError."""
    data = sock.recv(MAX_PACKET_BYTES)
    return _for_launcher(data) if data else None


def receive_in_hub(sock: socket.socket) -> tuple[ToHub, socket.socket | None] | None:
    """The next word and the socket that came with it; None at the end. Raises BlockingIOError, OSError."""
    data, descriptors, _, _ = socket.recv_fds(sock, MAX_PACKET_BYTES, 1)
    came = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    if not data:
        return None
    return _for_hub(data), came[0] if came else None
