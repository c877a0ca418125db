"""Takes connections: so many in all and of one address, from no mobile network, and none that only keeps its place.

Before TLS begins a connection costs next to nothing here. Once a second all are looked at: who has asked for nothing
for long, or does not take what was sent to him, is ended.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from asyncio import sslproto
from collections.abc import Callable

from webconfig.http.speaker import Speaker
from webconfig.interfaces import interface_of, is_mobile

log = logging.getLogger(__name__)

MOST = 160
MOST_OF_ONE = 100
ASK_WITHIN_S = 15.0
"""The whole head of a request, from the beginning of the connection or the end of the request before."""
TAKE_WITHIN_S = 20.0
"""Of what waits to be sent something has to go within this."""
TLS_WITHIN_S = 10.0
END_TLS_WITHIN_S = 2.0
SEND_BUFFER_BYTES = 128 << 10
"""The kernel keeps so much for one connection; without it grows to megabytes for who does not read."""
WRITE_BUFFER_BYTES = 64 << 10
"""A writer waits when so much is not sent yet; with TLS it would be eight times that."""
TLS_BUFFER_BYTES = 32 << 10
"""What asyncio reads at once of one TLS connection; its own 256 KiB are kept for each as long as it lasts."""
PAUSE_S = 0.5
"""When there are no descriptors left."""


class Connection:
    """One of them. `speaker` is None until TLS stands."""

    def __init__(self, sock: socket.socket, address: str, now_s: float) -> None:
        self.sock = sock
        self.address = address
        self.speaker: Speaker | None = None
        self.asked_s = now_s
        self.took_s = now_s
        self.unsent_bytes = 0
        self.task: asyncio.Task[None] | None = None

    @property
    def is_over(self) -> bool:
        if self.speaker is None:
            return self.task is not None and self.task.done()
        return self.speaker.is_over

    @property
    def is_busy(self) -> bool:
        return self.speaker is not None and self.speaker.is_busy

    def look(self, now_s: float) -> str:
        """Why it is to be ended now; empty: it may stay."""
        if self.speaker is None or self.is_over:
            return ""  # TLS has its own limit
        unsent = self.speaker.unsent_bytes
        if unsent == 0 or unsent < self.unsent_bytes:
            self.took_s = now_s
        self.unsent_bytes = unsent
        if self.is_busy:
            self.asked_s = now_s
        if now_s - self.took_s > TAKE_WITHIN_S:
            return "it does not take what is sent"
        return "it asks for nothing" if now_s - self.asked_s > ASK_WITHIN_S else ""

    def end(self) -> None:
        if self.speaker is not None:
            self.speaker.end()
        elif self.task is not None:
            self.task.cancel()


class Reception:
    """`speaker` makes what speaks HTTP. `is_closed(interface)`: connections from there are refused."""

    def __init__(self, speaker: Callable[[], Speaker], is_closed: Callable[[str], bool] = is_mobile) -> None:
        sslproto.SSLProtocol.max_size = TLS_BUFFER_BYTES  # this process has no other use of TLS
        self._speaker = speaker
        self._is_closed = is_closed
        self._refused_from: set[str] = set()
        self.connections: list[Connection] = []

    async def welcome(self, listening: socket.socket, secure: ssl.SSLContext | None, is_checked: bool) -> None:
        """Take connections of one listening socket until cancelled. `is_checked`: by their interface, too."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, peer = await loop.sock_accept(listening)
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    log.warning("no connection can be taken now: %s", error.strerror)
                    self.sweep(loop.time())
                    await asyncio.sleep(PAUSE_S)
                continue  # else it was gone before it was taken
            if (is_checked and self._comes_from_closed(sock)) or not self._has_room(str(peer[0])):
                sock.close()
                continue
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, str(peer[0]), loop.time())
            self.connections.append(connection)
            connection.task = loop.create_task(self._begin(connection, secure), name="connection")

    def sweep(self, now_s: float) -> None:
        """Forget those that are over, end those that only keep their place."""
        for connection in self.connections:
            why = connection.look(now_s)
            if why:
                log.debug("a connection of %s is ended: %s", connection.address, why)
                connection.end()
        self.connections = [connection for connection in self.connections if not connection.is_over]

    def close(self) -> None:
        """End all of them."""
        for connection in self.connections:
            connection.end()

    async def _begin(self, connection: Connection, secure: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        speaker = self._speaker()
        limits = {"ssl_handshake_timeout": TLS_WITHIN_S, "ssl_shutdown_timeout": END_TLS_WITHIN_S} if secure else {}
        try:
            await loop.connect_accepted_socket(lambda: speaker, connection.sock, ssl=secure, **limits)
        except (OSError, TimeoutError) as error:  # ssl.SSLError is one
            log.debug("no TLS with %s: %s", connection.address, error)
            connection.sock.close()
            return
        except asyncio.CancelledError:
            connection.sock.close()
            raise
        if speaker.transport is not None and not speaker.transport.is_closing():  # it may be over already
            speaker.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        connection.asked_s = connection.took_s = loop.time()
        connection.speaker = speaker

    def _comes_from_closed(self, sock: socket.socket) -> bool:
        name = interface_of(sock)
        if not name or not self._is_closed(name):
            return False
        if name not in self._refused_from and len(self._refused_from) < 16:
            self._refused_from.add(name)
            log.warning(
                "connections from the mobile network (%s) are refused; [web] addresses opens single addresses", name
            )
        return True

    def _has_room(self, address: str) -> bool:
        """Whether one more of this address may come; its longest idle one makes room."""
        if len(self.connections) < MOST and sum(one.address == address for one in self.connections) < MOST_OF_ONE:
            return True
        self.connections = [one for one in self.connections if not one.is_over]
        own = [one for one in self.connections if one.address == address]
        if len(self.connections) < MOST and len(own) < MOST_OF_ONE:
            return True
        idle = [one for one in own if not one.is_busy]
        if not idle:
            return False
        longest = min(idle, key=lambda one: one.asked_s)
        longest.end()
        self.connections.remove(longest)
        return True
