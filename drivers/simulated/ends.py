"""Far ends of wires: pseudo-terminals, TCP ports, in-process lines. They carry bytes and know nothing of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import tty
from pathlib import Path
from typing import Protocol

from drivers.codecs.modbus import Carrier
from drivers.simulated.wire import Line

log = logging.getLogger(__name__)

CHUNK = 4096


class Peer(Protocol):
    """Whoever is at the near end just now."""

    def send(self, data: bytes) -> None:
        """Put bytes on the wire; what cannot be sent is lost, as on a wire."""
        ...

    def hang_up(self) -> None:
        """End this connection, where there is such a thing."""
        ...


class Handler(Protocol):
    """What answers at the far end."""

    def opened(self, peer: Peer, carrier: Carrier) -> None: ...

    def received(self, peer: Peer, data: bytes) -> None: ...

    def closed(self, peer: Peer) -> None: ...


class End(Protocol):
    """A far end. `where` is what the station is to be told: a path or host:port."""

    kind: str
    where: str

    def start(self) -> None:
        """Be there. Raises OSError."""
        ...

    def unplug(self) -> None:
        """Take it away: open connections break, new ones fail, until `start`."""
        ...

    def close(self) -> None: ...


class PtyEnd:
    """A pseudo-terminal: we hold the master, the station opens the slave, found at `link` when one is given."""

    kind = "serial"

    def __init__(self, handler: Handler, link: Path | None = None) -> None:
        self.where = str(link or "")
        self._handler = handler
        self._link = link
        self._master = self._slave = -1
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Make the pair. Raises OSError. The slave stays open here too: nothing breaks when the station goes."""
        if self._master >= 0:
            return
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        path = os.ttyname(self._slave)
        if self._link is not None:
            self._link.parent.mkdir(parents=True, exist_ok=True)
            if self._link.is_symlink() and self._link.readlink().is_relative_to("/dev/pts"):
                self._link.unlink()  # of an earlier run
            self._link.symlink_to(path)
        self.where = str(self._link or path)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._master, self._readable)
        self._handler.opened(self, Carrier.RTU)

    def send(self, data: bytes) -> None:
        if self._master >= 0:
            with contextlib.suppress(OSError):  # nobody reads and the buffer is full
                os.write(self._master, data)

    def hang_up(self) -> None:
        """A serial line cannot."""

    def unplug(self) -> None:
        self.close()

    def close(self) -> None:
        if self._master < 0:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._master)
        if self._link is not None and self._link.is_symlink():
            self._link.unlink()
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1
        self._handler.closed(self)

    def _readable(self) -> None:
        try:
            data = os.read(self._master, CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            log.warning("pseudo-terminal %s: %s", self.where, error)
            self.close()
            return
        self._handler.received(self, data)


class TcpEnd:
    """A listening TCP port; each connection is a peer of its own. Port 0 takes any; `where` then names it."""

    kind = "tcp"

    def __init__(self, handler: Handler, host: str, port: int, most: int = 8, carrier: Carrier = Carrier.TCP) -> None:
        self.where = f"{host}:{port}"
        self._handler = handler
        self._host, self._port, self._most = host, port, most
        self._carrier = carrier
        self._listener: socket.socket | None = None
        self._peers: set[_TcpPeer] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Listen. Raises OSError."""
        if self._listener is not None:
            return
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._port), family=family)
        listener.setblocking(False)
        self._port = listener.getsockname()[1]
        self.where = f"{self._host}:{self._port}"
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(listener.fileno(), self._accept)

    def unplug(self) -> None:
        self.close()

    def close(self) -> None:
        for peer in list(self._peers):
            peer.hang_up()
        if self._listener is not None:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None

    def _accept(self) -> None:
        if self._listener is None or self._loop is None:
            return
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        if len(self._peers) >= self._most:
            connection.close()
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = _TcpPeer(connection, self._loop, self._handler, self._peers)
        self._peers.add(peer)
        self._handler.opened(peer, self._carrier)


class _TcpPeer:
    def __init__(
        self, connection: socket.socket, loop: asyncio.AbstractEventLoop, handler: Handler, peers: set[_TcpPeer]
    ) -> None:
        self._connection: socket.socket | None = connection
        self._loop = loop
        self._handler = handler
        self._peers = peers
        loop.add_reader(connection.fileno(), self._readable)

    def send(self, data: bytes) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.send(data)

    def hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if not self._loop.is_closed():
            self._loop.remove_reader(connection.fileno())
        connection.close()
        self._peers.discard(self)
        self._handler.closed(self)

    def _readable(self) -> None:
        if self._connection is None:
            return
        try:
            data = self._connection.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self._handler.received(self, data)
        else:
            self.hang_up()


class LineEnd:
    """The far end of an in-process line, for the station in the same event loop."""

    kind = "line"

    def __init__(self, handler: Handler, name: str, carrier: Carrier = Carrier.RTU) -> None:
        self.where = name
        self.line = Line(carrier)
        self.line.on_request = self._received
        self.line.on_open = self._connected
        self._handler = handler
        self._opened = False

    def start(self) -> None:
        self.line.restore()

    def send(self, data: bytes) -> None:
        self.line.send(data)

    def hang_up(self) -> None:
        """The line has one connection; it ends from the near side, or by `unplug`."""

    def unplug(self) -> None:
        self.line.cut()
        if self._opened:
            self._opened = False
            self._handler.closed(self)

    def close(self) -> None:
        self.line.close()

    def _connected(self) -> None:
        if not self._opened:
            self._opened = True
            self._handler.opened(self, self.line.carrier)

    def _received(self, data: bytes) -> None:
        self._connected()
        self._handler.received(self, data)
