"""CAN interfaces of Linux through raw sockets. Source: the kernel's documentation of SocketCAN, linux/can/error.h."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable

from drivers.codecs.can import CanFrame
from drivers.ports.can_wire import MOST_AT_ONCE, CanTrouble, CanWire, text_of

log = logging.getLogger(__name__)

_FRAME = struct.Struct("=IB3x8s")
_ERROR_CLASSES = (  # linux/can/error.h
    (0x0001, None),  # transmit time-out
    (0x0002, CanTrouble.ARBITRATION),
    (0x0020, CanTrouble.ACKNOWLEDGE),
    (0x0040, CanTrouble.BUS_OFF),
    (0x0080, CanTrouble.BUS),
    (0x0100, CanTrouble.RESTARTED),
)
_PROTOCOL, _CONTROLLER = 0x0008, 0x0004
_PROTOCOL_BITS = ((0x02, CanTrouble.FORM), (0x04, CanTrouble.STUFF), (0x19, CanTrouble.BIT))
_CONTROLLER_BITS = (
    (0x01, CanTrouble.OVERRUN),
    (0x02, CanTrouble.QUEUE_FULL),
    (0x0C, CanTrouble.WARNING),
    (0x30, CanTrouble.PASSIVE),
)


def _raw_socket() -> socket.socket:
    return socket.socket(socket.PF_CAN, socket.SOCK_RAW, socket.CAN_RAW)


async def _ask_system(channel: str) -> None:
    """`ip link set CHANNEL type can restart`. Raises OSError."""
    process = await asyncio.create_subprocess_exec(
        "ip", "link", "set", channel, "type", "can", "restart",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(2.0):
            status = await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise OSError("it takes too long") from None
    if status:
        raise OSError(f"ip ended with {status}")


class SocketCanWire(CanWire):
    """A CAN interface of Linux, as can0. The system sets its bit rate (`ip link set can0 type can bitrate ...`).

    After a bus-off the interface starts itself when it has `restart-ms`; otherwise `ask_system` asks for it, for which
    this process needs the right to administer networks.
    """

    def __init__(
        self,
        channel: str,
        bit_rate: int,
        make_socket: Callable[[], socket.socket] = _raw_socket,
        ask_system: Callable[[str], Awaitable[None]] = _ask_system,
    ) -> None:
        super().__init__(channel, bit_rate)
        self._make_socket = make_socket
        self._ask_system = ask_system
        self._socket: socket.socket | None = None

    async def _connect(self) -> None:
        try:
            self._socket = self._make_socket()
        except OSError as error:
            raise OSError(f"this system has no CAN ({os.strerror(error.errno or 0)})") from None
        self._socket.setblocking(False)
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_CAN_RAW, 2, 0x1FFFFFFF)  # CAN_RAW_ERR_FILTER: all
        try:
            self._socket.bind((self.where,))
        except OSError as error:
            missing = f"there is no CAN interface '{self.where}'"
            raise OSError(missing if error.errno == 19 else f"{self.where}: {os.strerror(error.errno or 0)}") from None
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)

    def _disconnect(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(RuntimeError, ValueError):
                asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _send(self, frame: CanFrame) -> None:
        if self._socket is None:
            raise OSError(self.error)
        can_id = frame.can_id | (socket.CAN_EFF_FLAG if frame.is_extended else 0)
        try:
            self._socket.send(_FRAME.pack(can_id, len(frame.data), frame.data))
        except OSError as error:
            if error.errno == 105:  # ENOBUFS
                raise BlockingIOError(105, "its queue is full") from None
            raise

    async def restart(self) -> None:
        """Ask the system for it, and begin with an empty queue. Raises OSError.

        Where the system may not be asked, the interface's own `restart-ms` must do it.
        """
        try:
            await self._ask_system(self.where)
        except OSError as error:
            log.debug("%s: the system did not restart it: %s", self.where, text_of(error))
        await super().restart()

    def _readable(self) -> None:
        for _ in range(MOST_AT_ONCE):
            if self._socket is None or self._listener is None:
                return
            try:
                data = self._socket.recv(_FRAME.size)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self.lose(text_of(error))
                return
            if len(data) != _FRAME.size:
                self.lose("the interface is gone")
                return
            can_id, size, content = _FRAME.unpack(data)
            if can_id & socket.CAN_ERR_FLAG:
                self._error(can_id, content)
            elif not can_id & socket.CAN_RTR_FLAG:
                is_extended = bool(can_id & socket.CAN_EFF_FLAG)
                self._listener.frame(can_id & 0x1FFFFFFF, is_extended, content[: min(size, 8)])

    def _error(self, can_id: int, content: bytes) -> None:
        for flag, kind in _ERROR_CLASSES:
            if can_id & flag and kind is not None:
                self._told(kind)
        for flag, bits, value in (
            (_CONTROLLER, _CONTROLLER_BITS, content[1]),
            (_PROTOCOL, _PROTOCOL_BITS, content[2]),
        ):
            if can_id & flag:
                for mask, kind in bits:
                    if value & mask:
                        self._told(kind)
