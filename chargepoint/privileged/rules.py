"""What network settings may be: pure rules, each fault in words with what to do."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from chargepoint.messages import ChangeNetwork

DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,14}", re.ASCII)
"""As Linux names interfaces: 15 characters at most."""
HOST = re.compile(r"(?=.{1,63}$)[A-Za-z0-9]([A-Za-z0-9\-]*[A-Za-z0-9])?", re.ASCII)
"""One label (RFC 1123): no dots, since it is a name, not a domain."""
SERVER = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9.\-]*[A-Za-z0-9])?|[0-9A-Fa-f:]{2,45}", re.ASCII)
ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]{0,30}(/[A-Za-z0-9][A-Za-z0-9_+\-]{0,30}){0,2}", re.ASCII)
APN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.\-]{0,98}[A-Za-z0-9])?", re.ASCII)
PIN = re.compile(r"[0-9]{4,8}", re.ASCII)
METHODS = ("auto", "manual")
MOST_DNS = 4
LEAST_WITHIN_S, MOST_WITHIN_S = 10, 600
LONGEST_METRIC = 9999


def faults(wish: ChangeNetwork) -> dict[str, str]:
    """What is wrong with a change, by field; empty: nothing."""
    return dict(_faults(wish))


def _faults(wish: ChangeNetwork) -> Iterator[tuple[str, str]]:
    if not DEVICE.fullmatch(wish.device) or wish.device == "lo":
        yield "device", f"{wish.device[:20]!r} is no network device that can be changed"
    if wish.method not in METHODS:
        yield "method", f"{wish.method[:20]!r} is none of {', '.join(METHODS)}"
    if wish.method == "manual":
        yield from _manual(wish)
    elif wish.address or wish.gateway:
        yield "address", "an address and a gateway belong to fixed addresses: choose manual, or leave them empty"
    if len(wish.dns) > MOST_DNS:
        yield "dns", f"at most {MOST_DNS} name servers"
    for one in wish.dns:
        why = address_fault(one)
        if why:
            yield "dns", why
    if wish.priority is not None and not 1 <= wish.priority <= LONGEST_METRIC:
        yield "priority", f"{wish.priority} is not within 1 to {LONGEST_METRIC}"
    if not LEAST_WITHIN_S <= wish.within_s <= MOST_WITHIN_S:
        yield "within_s", f"{wish.within_s} is not within {LEAST_WITHIN_S} to {MOST_WITHIN_S} s"
    yield from _radio(wish)


def _manual(wish: ChangeNetwork) -> Iterator[tuple[str, str]]:
    try:
        own = ipaddress.ip_interface(wish.address)
    except ValueError:
        yield "address", f"{wish.address[:50]!r} is no address with its prefix, as 192.0.2.7/24"
        return
    if "/" not in wish.address:
        yield "address", f"{wish.address} lacks its prefix: write {wish.address}/24 for a mask of 255.255.255.0"
        return
    why = _not_for_a_host(own)
    if why:
        yield "address", why
    if not wish.gateway:
        return
    why = address_fault(wish.gateway)
    if why:
        yield "gateway", why
        return
    gateway = ipaddress.ip_address(wish.gateway)
    if gateway.version != own.version:
        yield "gateway", f"{gateway} is of another version of IP than {own.ip}"
    elif gateway == own.ip:
        yield "gateway", f"{gateway} is the station's own address: the gateway is another device"
    elif gateway not in own.network and not gateway.is_link_local:
        yield "gateway", f"{gateway} is not within {own.network}: no way leads to it"


def _not_for_a_host(own: ipaddress.IPv4Interface | ipaddress.IPv6Interface) -> str:
    ip, network = own.ip, own.network
    if ip.is_loopback or ip.is_multicast or ip.is_unspecified or (ip.version == 4 and ip.is_reserved):
        return f"{ip} is no address for a device"
    if network.prefixlen == 0:
        return "a prefix of 0 would be the whole internet"
    if ip.version == 4 and network.prefixlen <= 30:
        if ip == network.network_address:
            return f"{ip} is the network itself, not a device in it"
        if ip == network.broadcast_address:
            return f"{ip} is for all devices of {network} (broadcast)"
    return ""


def address_fault(text: str) -> str:
    """Why this is no address of a device; empty when it is one."""
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return f"{text[:50]!r} is no address, as 192.0.2.1"
    if "%" in text or ip.is_multicast or ip.is_unspecified or ip.is_loopback:
        return f"{text[:50]} is no address of another device"
    return ""


def _radio(wish: ChangeNetwork) -> Iterator[tuple[str, str]]:
    if wish.ssid is not None and not 1 <= len(wish.ssid.encode()) <= 32:
        yield "ssid", "the name of a Wi-Fi network has 1 to 32 bytes"
    if wish.password:
        is_key = re.fullmatch(r"[0-9A-Fa-f]{64}", wish.password) is not None
        is_phrase = 8 <= len(wish.password) <= 63 and wish.password.isascii() and wish.password.isprintable()
        if not (is_key or is_phrase):
            yield "password", "a Wi-Fi password has 8 to 63 printable ASCII characters"
        if wish.ssid is None:
            yield "ssid", "a password belongs to a Wi-Fi network: name it"
    if wish.apn and not APN.fullmatch(wish.apn):
        yield "apn", f"{wish.apn[:40]!r} is no access point name, as internet.example"
    if wish.pin and not PIN.fullmatch(wish.pin):
        yield "pin", "the PIN of a SIM has 4 to 8 digits"
