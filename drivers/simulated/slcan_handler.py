"""A CAN bus shown as an slcan adapter at the far end of a byte stream: for stations in other processes."""

from __future__ import annotations

from drivers.codecs import slcan
from drivers.codecs.can import CanFrame
from drivers.codecs.modbus import Carrier
from drivers.ports.can_wire import CanTrouble
from drivers.simulated.can_line import CanLine, Station
from drivers.simulated.ends import Peer

BUS_OFF = b"sb256256\r"


class SlcanHandler:
    """One adapter for each peer, closed until it says `O`. Answers as adapters do: CR is yes, BEL is no."""

    def __init__(self, line: CanLine) -> None:
        self._line = line
        self._adapters: dict[Peer, _Adapter] = {}

    @property
    def peers(self) -> int:
        return len(self._adapters)

    def opened(self, peer: Peer, carrier: Carrier) -> None:
        self._adapters[peer] = _Adapter(self._line, peer)

    def received(self, peer: Peer, data: bytes) -> None:
        adapter = self._adapters.get(peer)
        if adapter is not None:
            adapter.received(data)

    def closed(self, peer: Peer) -> None:
        adapter = self._adapters.pop(peer, None)
        if adapter is not None:
            adapter.leave()


class _Adapter:
    def __init__(self, line: CanLine, peer: Peer) -> None:
        self._line = line
        self._peer = peer
        self._station: Station | None = None
        self._rest = b""

    def received(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\r")
        self._rest = rest[-slcan.MOST_LINE :]
        for line in lines:
            if line:
                self._peer.send(self._answer(line))

    def leave(self) -> None:
        if self._station is not None:
            self._station.leave()
            self._station = None

    def _answer(self, line: bytes) -> bytes:
        begin = line[:1]
        if begin in (b"T", b"t"):
            return self._send(line)
        if begin == b"O":
            if self._station is None:
                self._station = self._line.join(self._heard, self._troubled)
            return slcan.YES
        if begin == b"C":
            self.leave()
            return slcan.YES
        if begin == b"F":
            return b"F00\r" if self._station is not None else slcan.NO
        return slcan.YES if begin in (b"S", b"Z") else b"V1013\r" if begin == b"V" else slcan.NO

    def _send(self, line: bytes) -> bytes:
        for found in slcan.Parser().feed(line + b"\r"):
            if self._station is None or not isinstance(found, tuple):
                return slcan.NO
            can_id, is_extended, data = found
            try:
                self._station.send(CanFrame(can_id, data, is_extended))
            except BlockingIOError:
                return slcan.NO
            return b"Z\r" if is_extended else b"z\r"
        return slcan.NO

    def _heard(self, frame: CanFrame) -> None:
        self._peer.send(slcan.encode(frame))

    def _troubled(self, kind: CanTrouble) -> None:
        if kind is CanTrouble.BUS_OFF:
            self._peer.send(BUS_OFF)
