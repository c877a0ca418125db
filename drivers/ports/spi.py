"""A bus of the kernel's spidev (as /dev/spidev0.0) as a port of kind spi: bytes out on MOSI, nothing read.

Written with two ioctl calls and write(2); no package is needed. One write is one uninterrupted train of bits, at most
as long as the module's `bufsiz` (4096 bytes unless the kernel's command line says spidev.bufsiz=65536).
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import struct
from collections.abc import Callable
from typing import Protocol

from drivers.errors import NoAnswer
from drivers.ports.statistics import Devices, Frames, Statistics, Tally

_WRITE_MODE = 0x40016B01  # linux/spi/spidev.h
_WRITE_BITS = 0x40016B03
_WRITE_SPEED = 0x40046B04


class Bus(Protocol):
    """An opened bus. `write` blocks for as long as the bits take; it raises OSError."""

    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...


Opening = Callable[[str, int], Bus]


class SpiPort:
    """One bus. `opening` opens it at a bit rate; tests put their own there."""

    kind = "spi"

    def __init__(self, name: str, device: str, opening: Opening | None = None) -> None:
        self.name = name
        self.device = device
        self.error = "not opened yet"
        self.statistics = Statistics()
        self.devices = Devices()
        self.frames = Frames()
        self._opening = opening or open_bus
        self._buses: dict[int, Bus] = {}
        self._writing = asyncio.Lock()
        self._is_closed = True

    @property
    def is_open(self) -> bool:
        return not self._is_closed and not self.error

    async def open(self) -> None:
        """The bus is opened by the first write; one that is not there is tried again at each."""
        self._is_closed, self.error = False, ""

    async def close(self) -> None:
        self._is_closed, self.error = True, "closed"
        async with self._writing:
            self._drop()

    async def write(self, data: bytes, bit_rate: int) -> None:
        """Send `data` as one train of bits, in a thread. Raises NoAnswer."""
        if self._is_closed:
            raise NoAnswer(f"port '{self.name}' ({self.device}): closed")
        async with self._writing:
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            tally = Tally(self.statistics, self.devices.of(self.device))
            try:
                await asyncio.to_thread(self._write, data, bit_rate)
            except OSError as error:
                self._drop()
                self.error = _text(error, len(data))
                silent = NoAnswer(f"port '{self.name}' ({self.device}): {self.error}")
                tally.failed(silent)
                raise silent from None
            except asyncio.CancelledError:
                tally.left()
                raise
            self.error = ""
            tally.answered(began_s, loop.time())

    def _write(self, data: bytes, bit_rate: int) -> None:
        if bit_rate not in self._buses:
            self._buses[bit_rate] = self._opening(self.device, bit_rate)
        self._buses[bit_rate].write(data)

    def _drop(self) -> None:
        for bus in self._buses.values():
            bus.close()
        self._buses.clear()


def open_bus(device: str, bit_rate: int) -> Bus:
    """Mode 0, 8 bits a word. Raises OSError."""
    return _SpiDevice(device, bit_rate)


class _SpiDevice:
    def __init__(self, device: str, bit_rate: int) -> None:
        self._descriptor = os.open(device, os.O_WRONLY | os.O_CLOEXEC)
        try:
            fcntl.ioctl(self._descriptor, _WRITE_MODE, struct.pack("B", 0))
            fcntl.ioctl(self._descriptor, _WRITE_BITS, struct.pack("B", 8))
            fcntl.ioctl(self._descriptor, _WRITE_SPEED, struct.pack("=I", bit_rate))
        except OSError:
            os.close(self._descriptor)
            raise

    def write(self, data: bytes) -> None:
        if os.write(self._descriptor, data) != len(data):
            raise OSError(errno.EMSGSIZE, "not all of it was taken")

    def close(self) -> None:
        os.close(self._descriptor)


def _text(error: OSError, size: int) -> str:
    if error.errno == errno.EMSGSIZE:
        return (
            f"{size} bytes at once are more than its buffer takes: add spidev.bufsiz=65536 to the kernel's command line"
        )
    return error.strerror or str(error)
