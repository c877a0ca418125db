"""Where a connection really leads: names are resolved here, each address is looked at, and the one that is good is
dialled itself, so that no second look-up can lead elsewhere (S12)."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from chargepoint.locations import masked_location, why_not
from fota.transfers.job import BAD_CERTIFICATE, BAD_LOCATION, LOCAL, UNREACHABLE, Failed, Job

PORTS = {"http": 80, "https": 443, "ftp": 21, "ftps": 21, "sftp": 22}


class Place:
    """An address that may be dialled, taken apart. Raises Failed."""

    def __init__(self, url: str, job: Job) -> None:
        reason = why_not(url, own_of(job), job.allowed_hosts)
        if reason:
            raise Failed(BAD_LOCATION, f"{masked_location(url).partition('?')[0][:200]}: {reason}")
        self.parts: SplitResult = urlsplit(url)
        self.scheme = self.parts.scheme.lower()
        self.host = self.parts.hostname or ""
        self.port = self.parts.port or PORTS[self.scheme]
        self.user = _plain(self.parts.username or "")
        self.password = _plain(self.parts.password or "")
        self.path = _plain(self.parts.path)

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def shown(self) -> str:
        """For people and files: without user, password and query, which may be a key of its own."""
        return self.parts._replace(netloc=self.parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def own_of(job: Job) -> frozenset[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    return frozenset(ipaddress.ip_address(text.partition("%")[0]) for text in job.own)


def dial(place: Place, job: Job) -> socket.socket:
    """A connection to `place`, at an address that may be dialled. Raises Failed."""
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Failed(UNREACHABLE, f"the name {place.host} is not known: {error}") from None
    refused, trouble = "", ""
    for family, kind, protocol, _, address in found:
        reason = _why_not_there(place, str(address[0]), job)
        if reason:
            refused = reason
            continue
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(job.connect_s)
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            trouble = f"{address[0]} port {place.port}: {error.strerror or error}"
            continue
        sock.settimeout(job.stall_s)
        return sock
    if refused and not trouble:
        raise Failed(BAD_LOCATION, f"{place.host}: {refused}")
    raise Failed(UNREACHABLE, f"{place.host} cannot be reached ({trouble or 'it has no address'})")


def _why_not_there(place: Place, address: str, job: Job) -> str:
    if place.host in {allowed.lower() for allowed in job.allowed_hosts}:
        return ""
    shown = f"[{address}]" if ":" in address else address
    return why_not(f"http://{shown.replace('%', '%25')}/", own_of(job), job.allowed_hosts)


def tls(job: Job) -> ssl.SSLContext:
    """TLS 1.2 or newer, chain and name checked. Raises Failed."""
    try:
        context = ssl.create_default_context(cafile=job.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise Failed(LOCAL, f"{Path(job.ca_file).name} holds no root certificates: {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def wrap(sock: socket.socket, place: Place, context: ssl.SSLContext) -> ssl.SSLSocket:
    """TLS over `sock`; the other side is who it should be. Raises Failed."""
    try:
        return context.wrap_socket(sock, server_hostname=place.host)
    except ssl.SSLCertVerificationError as error:
        sock.close()
        raise Failed(BAD_CERTIFICATE, f"{place.host}: its certificate is not good: {error.verify_message}") from None
    except (OSError, ValueError) as error:
        sock.close()
        raise Failed(UNREACHABLE, f"{place.host}: no TLS connection: {error}") from None


def _plain(text: str) -> str:
    """Without %-escapes. Raises Failed for one that hides a control character."""
    plain = unquote(text)
    if any(ord(char) < 32 or ord(char) == 127 for char in plain):
        raise Failed(BAD_LOCATION, "a control character is hidden in the address")
    return plain
