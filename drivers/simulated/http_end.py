"""The far end of devices with a web interface: a small HTTP server on the loopback interface.

end = HttpEnd(device)
end.start()
async with end.port("wallbox") as port: ...
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from drivers.codecs.modbus import Carrier
from drivers.ports.http import HttpPort
from drivers.simulated.devices import HttpDevice
from drivers.simulated.ends import Peer, TcpEnd

log = logging.getLogger(__name__)

MOST_REQUEST = 65_536
_END_OF_HEAD = b"\r\n\r\n"


class HttpHandler:
    """Serves a device to whoever is connected. `is_silent`: nothing is answered; `delay_s`: answered so much later."""

    def __init__(self, device: HttpDevice) -> None:
        self.device = device
        self.is_silent = False
        self.delay_s = 0.0
        self.requests = 0
        self.replies = 0
        self._data: dict[Peer, bytes] = {}

    @property
    def peers(self) -> int:
        return len(self._data)

    def opened(self, peer: Peer, carrier: Carrier) -> None:
        self._data[peer] = b""

    def received(self, peer: Peer, data: bytes) -> None:
        self._data[peer] = self._data.get(peer, b"") + data
        while (found := self._request(peer)) is not None:
            self.requests += 1
            if self.is_silent:
                continue
            reply = self._reply(*found)
            if self.delay_s:
                asyncio.get_running_loop().call_later(self.delay_s, self._send, peer, reply)
            else:
                self._send(peer, reply)

    def closed(self, peer: Peer) -> None:
        self._data.pop(peer, None)

    def _send(self, peer: Peer, reply: bytes) -> None:
        if peer in self._data and not self.is_silent:
            self.replies += 1
            peer.send(reply)

    def _request(self, peer: Peer) -> tuple[str, str, bytes] | None:
        """Method, target and body of a whole request; who sends something else is hung up on."""
        data = self._data.get(peer, b"")
        head, found, rest = data.partition(_END_OF_HEAD)
        if len(data) > MOST_REQUEST:
            peer.hang_up()
            return None
        if not found:
            return None
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        size = headers.get("content-length", "0")
        if len(words) != 3 or not size.isdigit():
            peer.hang_up()
            return None
        if len(rest) < int(size):
            return None
        self._data[peer] = rest[int(size) :]
        return words[0], words[1], rest[: int(size)]

    def _reply(self, method: str, target: str, body: bytes) -> bytes:
        parts = urlsplit(target)
        try:
            status, content = self.device.handle(method, parts.path, dict(parse_qsl(parts.query, True)), body)
        except Exception:  # a model's mistake becomes visible to the one who asks, and in the log
            log.exception("%s %s", method, target)
            status, content = 500, b"{}"
        words = HTTPStatus(status).phrase
        head = f"HTTP/1.1 {status} {words}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        return head.encode() + content


class HttpEnd(TcpEnd):
    """A device's web interface; port 0 takes any, `where` then names it."""

    kind = "http"

    def __init__(self, device: HttpDevice, host: str = "127.0.0.1", port: int = 0) -> None:
        self.served = HttpHandler(device)
        super().__init__(self.served, host, port)

    def port(self, name: str = "http", timeout_s: float = 1.0) -> HttpPort:
        """A port to this device, not opened yet."""
        host, _, port = self.where.rpartition(":")
        return HttpPort(name, host, int(port), timeout_s)
