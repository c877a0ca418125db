"""The administrators' door: a Unix socket in the hub's folder (mode 0600) that offers the bus as sender `admin`.

`chargepoint status`, `bus`, `journal` and their like come in here, with their own row in the table of senders.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType

from chargepoint.bus import Bus
from chargepoint.context import folder_of
from chargepoint.exchange import Exchange
from chargepoint.messages import ADMIN

log = logging.getLogger(__name__)

NAME = "admin.sock"
WAITING = 8


class Door:
    """Listens while its block runs. Lets in only root and the account the hub runs under."""

    def __init__(self, exchange: Exchange, folder: Path) -> None:
        self._exchange = exchange
        self._folder = folder
        self._socket: socket.socket | None = None

    async def __aenter__(self) -> Door:
        try:
            self._socket = self._listen()
        except OSError as error:  # without it people cannot look in, but the station works
            log.error("administrators' door %s cannot be opened: %s", self._folder / NAME, error)
        else:
            asyncio.get_running_loop().add_reader(self._socket.fileno(), self._let_in)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            with suppress(OSError):
                (self._folder / NAME).unlink()

    def _listen(self) -> socket.socket:
        with suppress(FileNotFoundError):
            (self._folder / NAME).unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            before = os.umask(0o177)
            try:
                with _short_path(self._folder) as folder:
                    listener.bind(f"{folder}/{NAME}")
            finally:
                os.umask(before)
            listener.listen(WAITING)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
        return listener

    def _let_in(self) -> None:
        if self._socket is None:
            return
        try:
            visitor, _ = self._socket.accept()
        except OSError:
            return
        credentials = visitor.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        pid, uid, _gid = struct.unpack("3i", credentials)
        if uid not in (0, os.geteuid()):
            log.warning("administrators' door: process %d of account %d is not let in", pid, uid)
            visitor.close()
            return
        log.debug("administrators' door: process %d came in", pid)
        self._exchange.attach(ADMIN, visitor)


class NobodyHome(Exception):
    """No station runs on this data directory. The text says so to people."""


class AdminBus:
    """`async with AdminBus.connect(data) as bus`: the bus of the station that runs on `data`, as sender `admin`."""

    @staticmethod
    @asynccontextmanager
    async def connect(data: Path) -> AsyncIterator[Bus]:
        """Raises NobodyHome when no station runs there, PermissionError when it is another account's."""
        folder = folder_of(data, "hub")
        near = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _short_path(folder) as short:
                near.connect(f"{short}/{NAME}")
        except PermissionError:
            near.close()
            raise PermissionError(
                f"{folder / NAME}: only the account of the station and root may come in; try again with sudo"
            ) from None
        except OSError as error:
            near.close()
            raise NobodyHome(
                f"no station answers at {folder / NAME} ({error.strerror}): is it running, and is --data its directory?"
            ) from None
        bus = Bus(ADMIN, near)
        carrying = asyncio.create_task(bus.run(), name="bus of admin")
        try:
            yield bus
        finally:
            bus.close()
            await asyncio.gather(carrying, return_exceptions=True)


class _short_path:  # noqa: N801 - used as a function in `with`
    """A folder under a name short enough for a socket's address (108 bytes), however deep it lies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor = -1

    def __enter__(self) -> str:
        self._descriptor = os.open(self._folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._descriptor}"

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
