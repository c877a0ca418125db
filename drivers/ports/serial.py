"""Serial ports through pyserial: RS485 and RS232 adapters, built-in ports, pseudo-terminals.

USB adapters change their device name when they are plugged in again. A link below /dev/serial/by-path or by-id is the
right name for one and is followed anew at each opening; for a plain name such as /dev/ttyUSB0 the link that pointed to
it at the first opening is remembered and tried first afterwards.
"""

from __future__ import annotations

import contextlib
import logging
import os
import termios
from pathlib import Path

import serial  # type: ignore[import-untyped]  # pyserial has no type hints

from drivers.ports.wire import Wire

log = logging.getLogger(__name__)

LINKS = (Path("/dev/serial/by-path"), Path("/dev/serial/by-id"))


class SerialWire(Wire):
    """One serial port, opened for this process alone."""

    def __init__(
        self,
        device: str,
        *,
        baud_rate: int = 9600,
        parity: str = "N",
        stop_bits: int = 1,
        data_bits: int = 8,
        links: tuple[Path, ...] = LINKS,
    ) -> None:
        super().__init__(device)
        self.device = device
        self.character_s = (1 + data_bits + (parity != "N") + stop_bits) / baud_rate
        self._settings = {"baudrate": baud_rate, "parity": parity, "stopbits": stop_bits, "bytesize": data_bits}
        self._links = links
        self._known_as: Path | None = None
        self._serial: serial.Serial | None = None

    async def _connect(self) -> int:
        errors: list[OSError] = []
        for name in self._names():
            try:
                # A serial port opens in about a millisecond; the call does not wait for a carrier.
                opened = serial.Serial(name, timeout=0, write_timeout=0, exclusive=True, **self._settings)
            except OSError as error:
                errors.append(OSError(_reason(error, name)))
                continue
            except (ValueError, termios.error) as error:  # termios.error, of one that goes just now, is no OSError
                errors.append(OSError(f"{name}: {error}"))
                continue
            self._serial = opened
            try:
                opened.reset_input_buffer()
            except termios.error as error:
                raise OSError(f"{name}: {error}") from None
            if self._known_as is None:
                self._known_as = self._link_of(name)
            return int(opened.fileno())
        raise errors[-1]

    def _names(self) -> list[str]:
        if self._known_as is not None and self._known_as.exists():
            return [str(self._known_as), self.device]
        return [self.device]

    def _link_of(self, name: str) -> Path | None:
        """The link by physical place, else by serial number, that leads to the device `name`."""
        for folder in self._links:
            if not folder.is_dir() or Path(name).parent == folder:
                continue
            for link in sorted(folder.iterdir()):
                if link.resolve() == Path(name).resolve():
                    return link
        return None

    def _disconnect(self) -> None:
        if self._serial is not None:
            with contextlib.suppress(OSError):
                self._serial.close()
            self._serial = None

    def _read(self, most: int) -> bytes:
        return os.read(self._descriptor, most)

    def _send(self, data: bytes) -> int:
        return os.write(self._descriptor, data)


def _reason(error: OSError, name: str) -> str:
    if error.errno == 2 or not Path(name).exists():
        return f"{name} does not exist"
    if error.errno == 11 or "exclusively lock" in str(error):
        return f"{name} is used by another process"
    if error.errno == 13:
        return f"{name} may not be opened by this user"
    return f"{name}: {os.strerror(error.errno) if error.errno else error}"
