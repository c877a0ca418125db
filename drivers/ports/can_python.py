"""CAN buses through python-can, for the interfaces it knows."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

from drivers.codecs.can import CanFrame
from drivers.ports.can_wire import MOST_AT_ONCE, CanTrouble, CanWire

log = logging.getLogger(__name__)


class PythonCanWire(CanWire):
    """A bus of python-can: `interface` and `options` as its documentation names them, `channel` of that interface.

    Read by the event loop where the bus has a file descriptor, otherwise by a thread with a bounded queue.
    """

    def __init__(self, interface: str, channel: str, bit_rate: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{interface} {channel}".strip(), bit_rate)
        self._arguments = {
            "interface": interface, "channel": channel or None, "bitrate": bit_rate, **(options or {})
        }  # fmt: skip
        self._bus: Any = None
        self._descriptor = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[Any] = deque(maxlen=4096)
        self._is_awake = False
        self._ended = threading.Event()

    async def _connect(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._bus = await asyncio.to_thread(self._make)
        self._ended = threading.Event()
        self._waiting.clear()
        try:
            self._descriptor = int(self._bus.fileno())
        except (NotImplementedError, OSError, AttributeError):
            self._descriptor = -1
        if self._descriptor >= 0:
            self._loop.add_reader(self._descriptor, self._readable)
        else:
            arguments = (self._bus, self._ended, self._loop)
            threading.Thread(target=self._read, args=arguments, name=f"can {self.where}", daemon=True).start()

    def _make(self) -> Any:
        import can

        try:
            return can.Bus(**self._arguments)
        except OSError:
            raise
        except Exception as error:  # each interface of python-can raises its own kinds
            raise OSError(f"{self.where}: {error}") from error

    def _disconnect(self) -> None:
        bus, self._bus = self._bus, None
        self._ended.set()
        if bus is None:
            return
        if self._descriptor >= 0 and self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._descriptor)
        self._descriptor = -1
        threading.Thread(target=_shut_down, args=(bus,), name=f"can {self.where} ends", daemon=True).start()

    def _send(self, frame: CanFrame) -> None:
        import can

        message = can.Message(arbitration_id=frame.can_id, is_extended_id=frame.is_extended, data=frame.data)
        try:
            self._bus.send(message, timeout=0)
        except can.CanOperationError as error:
            raise BlockingIOError(105, str(error)) from None
        except can.CanError as error:
            raise OSError(str(error)) from None

    def _readable(self) -> None:
        """The bus has a file descriptor."""
        for _ in range(MOST_AT_ONCE):
            if self._bus is None:
                return
            try:
                message = self._bus.recv(0)
            except Exception as error:  # each interface of python-can raises its own kinds
                self.lose(str(error) or type(error).__name__)
                return
            if message is None:
                return
            self._hand_on(message)

    def _read(self, bus: Any, ended: threading.Event, loop: asyncio.AbstractEventLoop) -> None:
        """The thread for a bus without."""
        while not ended.is_set():
            try:
                message = bus.recv(0.1)
            except Exception as error:  # as above
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._thread_lost, bus, str(error) or type(error).__name__)
                return
            if message is None:
                continue
            self._waiting.append(message)
            if not self._is_awake:
                self._is_awake = True
                try:
                    loop.call_soon_threadsafe(self._drain)
                except RuntimeError:  # the loop is closed
                    return

    def _thread_lost(self, bus: Any, reason: str) -> None:
        if bus is self._bus:
            self.lose(reason)

    def _drain(self) -> None:
        """In the loop; what is too much for one turn waits for the next."""
        self._is_awake = False
        if len(self._waiting) == self._waiting.maxlen:
            self._told(CanTrouble.OVERRUN)
        for _ in range(min(len(self._waiting), MOST_AT_ONCE)):
            self._hand_on(self._waiting.popleft())
        if self._waiting and self._loop is not None and not self._is_awake:
            self._is_awake = True
            self._loop.call_soon(self._drain)

    def _hand_on(self, message: Any) -> None:
        if self._listener is None:
            return
        if message.is_error_frame:
            off = message.arbitration_id & 0x40
            self._told(CanTrouble.BUS_OFF if off else CanTrouble.BUS)
        elif not (message.is_remote_frame or message.is_fd):
            self._listener.frame(message.arbitration_id, message.is_extended_id, bytes(message.data))


def _shut_down(bus: Any) -> None:
    try:
        bus.shutdown()
    except Exception as error:  # it is being thrown away
        log.debug("a CAN bus did not end in order: %s", error)
