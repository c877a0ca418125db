"""The sockets pages are served at: own addresses only, never those of a mobile network unless they are named."""

from __future__ import annotations

import logging
import socket
import ssl
from dataclasses import dataclass, field

from chargepoint.config_web import WebSettings
from webconfig.interfaces import remember_interfaces
from webconfig.reception import SEND_BUFFER_BYTES

log = logging.getLogger(__name__)

FALLBACK = {80: 8080, 443: 8443}
"""Where this account may not listen at the first one."""
BACKLOG = 128


@dataclass
class Listening:
    secure: list[socket.socket] = field(default_factory=list)
    plain: list[socket.socket] = field(default_factory=list)

    def all_of(self, secure: ssl.SSLContext) -> list[tuple[socket.socket, ssl.SSLContext | None]]:
        """Each socket with its TLS."""
        return [(sock, secure) for sock in self.secure] + [(sock, None) for sock in self.plain]

    def close(self) -> None:
        for sock in (*self.secure, *self.plain):
            sock.close()

    def names(self) -> list[str]:
        """Addresses for people."""
        return [_name("https", sock) for sock in self.secure] + [_name("http", sock) for sock in self.plain]


def listening(settings: WebSettings) -> Listening:
    """Open all of them. Raises OSError when HTTPS can be had nowhere."""
    found = Listening()
    for address in settings.addresses or ("0.0.0.0", "::"):  # noqa: S104 - a station is reached from its network
        try:
            found.secure.append(_open(address, settings.https_port))
            if settings.http_port:
                found.plain.append(_open(address, settings.http_port))
        except OSError as error:
            log.warning("the web pages cannot be served at %s: %s", address, error)
    if not found.secure:
        raise OSError(f"none of the addresses can be listened at, port {settings.https_port}")
    return found


def _open(address: str, port: int) -> socket.socket:
    try:
        return _bound(address, port)
    except PermissionError:
        if port not in FALLBACK:
            raise
        log.warning("port %d is not for this account, %d it is", port, FALLBACK[port])
        return _bound(address, FALLBACK[port])


def _bound(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # connections take it over
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        remember_interfaces(sock)
        sock.bind((address, port))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _name(scheme: str, sock: socket.socket) -> str:
    address, port = sock.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    return f"{scheme}://{shown}:{port}"
