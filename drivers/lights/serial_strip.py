"""Strips behind a small controller on a serial port that takes whole frames and answers nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drivers.codecs.lights import framed
from drivers.interfaces import Rgb
from drivers.ports.port import Port

CHUNK = 1024
"""Bytes handed to the port at once: a serial line's buffer takes 4096."""


class SerialStrip:
    """A strip of `pixels` lights; `encode` makes a frame of the colours' bytes."""

    def __init__(self, port: Port, pixels: int, order: str, encode: Callable[[bytes], bytes]) -> None:
        self.pixels = pixels
        self._port = port
        self._order = order
        self._encode = encode

    async def show(self, colours: Sequence[Rgb]) -> None:
        """Show these, missing ones dark. Raises NoAnswer when the port is not there; nothing comes back from the strip
        itself."""
        frame = self._encode(framed(colours, self.pixels, self._order))
        for at in range(0, len(frame), CHUNK):
            await self._port.tell(frame[at : at + CHUNK], device="strip")
