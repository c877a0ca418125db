"""Addresses of files that others name: which are taken (S12), and how they are shown. Pure but for `own`.

Names are not resolved here: whoever connects looks at the address it really gets.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
import socket
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

SCHEMES = frozenset({"http", "https", "ftp", "ftps", "sftp"})
MAX_LENGTH = 2000
_USER = re.compile(r"(:(?:\\?/){2})[^/?#\s\"\\]*@")
_QUERY = re.compile(r"(:(?:\\?/){2}(?:[^\s\"\\?#]|\\/){0,300}\?)[^\s\"\\]+")
_BAD = re.compile(r"[\x00-\x20\x7f\\\"<>^`{|}]")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def masked_location(text: str) -> str:
    """`text` (an address, or a whole frame) with user and password of addresses hidden, and their queries, which may be
    keys."""
    without = _USER.sub(r"\1***@", text) if "@" in text else text
    return _QUERY.sub(r"\1***", without) if "?" in without else without


def why_not(location: str, own: Iterable[Address] = (), allowed_hosts: Iterable[str] = ()) -> str:
    """Why a file is not fetched from or sent to `location`; empty: it may be.

    `own` are addresses of this machine. `allowed_hosts` may be dialled although they are local: the installer's word.
    """
    parts = _split(location)
    if parts is None:
        return "it is no address"
    if parts.scheme.lower() not in SCHEMES:
        return f"only {', '.join(sorted(SCHEMES))} are fetched from or sent to"
    host = (parts.hostname or "").rstrip(".")
    if not host:
        return "it names no host"
    if host in {allowed.lower() for allowed in allowed_hosts}:
        return ""
    if host == "localhost" or host.endswith(".localhost"):
        return "it leads back to this station"
    address = _address(host)
    return "" if address is None else _why_not_there(address, frozenset(own))


def hosts_of(*urls: str) -> frozenset[str]:
    """The hosts in `urls`: where the central system itself stands, files may lie, too."""
    return frozenset(host.lower() for url in urls if url and (host := urlsplit(url).hostname))


def _split(location: str) -> SplitResult | None:
    if not location or len(location) > MAX_LENGTH or _BAD.search(location):
        return None
    try:
        parts = urlsplit(location)
        return None if parts.port == 0 else parts
    except ValueError:
        return None


def _address(host: str) -> Address | None:
    """The number that `host` is, also in the old forms that resolvers still take (`127.1`, `0x7f000001`)."""
    try:
        address: Address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address.sixtofour or address
    return address


def _why_not_there(address: Address, own: frozenset[Address]) -> str:
    if address.is_loopback or address.is_unspecified or address in own:
        return "it leads back to this station"
    if address.is_link_local:
        return "it is an address of the local link"
    if address.is_multicast or address == ipaddress.IPv4Address("255.255.255.255"):
        return "it is no address of one host"
    return ""


def own_addresses(proc: Path = Path("/proc/net")) -> frozenset[Address]:
    """The addresses of this machine as the kernel shows them; those it does not show are missing."""
    found: set[Address] = set()
    try:
        for line in (proc / "if_inet6").read_text(encoding="ascii").splitlines():
            found.add(ipaddress.IPv6Address(bytes.fromhex(line.split()[0])))
    except (OSError, ValueError, IndexError):
        pass
    try:
        lines = (proc / "fib_trie").read_text(encoding="ascii").splitlines()
    except OSError:
        return frozenset(found)
    for above, line in itertools.pairwise(lines):
        if "/32 host LOCAL" in line:
            try:
                found.add(ipaddress.IPv4Address(above.split()[-1]))
            except (ValueError, IndexError):
                continue
    return frozenset(found)
