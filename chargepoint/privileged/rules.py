"""What network settings may be: pure rules, each fault in words with what to do."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

import msgspec

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


TEXTS = {
    "device": "{value} is no network device that can be changed",
    "method": "{value} is neither auto nor manual",
    "auto_address": "an address and a gateway belong to fixed addresses: choose manual, or leave them empty",
    "dns_many": "at most {most} name servers",
    "no_address": "{value} is no address, as 192.0.2.1",
    "not_another": "{value} is no address of another device",
    "priority": "{value} is not within 1 to {most}",
    "within": "{value} is not within {least} to {most} s",
    "no_interface": "{value} is no address with its prefix, as 192.0.2.7/24",
    "no_prefix": "{value} lacks its prefix: write {value}/24 for a mask of 255.255.255.0",
    "not_for_device": "{value} is no address for a device",
    "prefix_zero": "a prefix of 0 would be the whole internet",
    "is_network": "{value} is the network itself, not a device in it",
    "is_broadcast": "{value} is for all devices of {network} (broadcast)",
    "gateway_version": "{value} is of another version of IP than the address",
    "gateway_own": "{value} is the station's own address: the gateway is another device",
    "gateway_outside": "{value} is not within {network}: no way leads to it",
    "ssid": "the name of a Wi-Fi network has 1 to 32 bytes",
    "password": "a Wi-Fi password has 8 to 63 printable ASCII characters",
    "password_alone": "a password belongs to a Wi-Fi network: name it",
    "apn": "{value} is no access point name, as internet.example",
    "pin": "the PIN of a SIM has 4 to 8 digits",
}
"""By code; pages have them in their languages, too (`network_fault.CODE`)."""


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a field: a code, and what its text names."""

    code: str
    values: dict[str, str | int] = {}

    @property
    def text(self) -> str:
        return TEXTS[self.code].format(**self.values)


def faults(wish: ChangeNetwork) -> dict[str, str]:
    """What is wrong with a change, by field, in English; empty: nothing."""
    return {name: fault.text for name, fault in coded(wish).items()}


def coded(wish: ChangeNetwork) -> dict[str, Fault]:
    """The same as codes; of several faults of a field the last."""
    return dict(_faults(wish))


def _shown(text: str) -> str:
    return "".join(letter for letter in text[:50] if letter.isprintable())


def _faults(wish: ChangeNetwork) -> Iterator[tuple[str, Fault]]:
    if not DEVICE.fullmatch(wish.device) or wish.device == "lo":
        yield "device", Fault("device", {"value": _shown(wish.device)})
    if wish.method not in METHODS:
        yield "method", Fault("method", {"value": _shown(wish.method)})
    if wish.method == "manual":
        yield from _manual(wish)
    elif wish.address or wish.gateway:
        yield "address", Fault("auto_address")
    if len(wish.dns) > MOST_DNS:
        yield "dns", Fault("dns_many", {"most": MOST_DNS})
    for one in wish.dns:
        fault = address_fault(one)
        if fault:
            yield "dns", fault
    if wish.priority is not None and not 1 <= wish.priority <= LONGEST_METRIC:
        yield "priority", Fault("priority", {"value": wish.priority, "most": LONGEST_METRIC})
    if not LEAST_WITHIN_S <= wish.within_s <= MOST_WITHIN_S:
        yield "within_s", Fault("within", {"value": wish.within_s, "least": LEAST_WITHIN_S, "most": MOST_WITHIN_S})
    yield from _radio(wish)


def _manual(wish: ChangeNetwork) -> Iterator[tuple[str, Fault]]:
    try:
        own = ipaddress.ip_interface(wish.address)
    except ValueError:
        yield "address", Fault("no_interface", {"value": _shown(wish.address)})
        return
    if "/" not in wish.address:
        yield "address", Fault("no_prefix", {"value": _shown(wish.address)})
        return
    fault = _not_for_a_host(own)
    if fault:
        yield "address", fault
    if not wish.gateway:
        return
    fault = address_fault(wish.gateway)
    if fault:
        yield "gateway", fault
        return
    gateway = ipaddress.ip_address(wish.gateway)
    value = {"value": str(gateway)}
    if gateway.version != own.version:
        yield "gateway", Fault("gateway_version", {**value})
    elif gateway == own.ip:
        yield "gateway", Fault("gateway_own", {**value})
    elif gateway not in own.network and not gateway.is_link_local:
        yield "gateway", Fault("gateway_outside", {**value, "network": str(own.network)})


def _not_for_a_host(own: ipaddress.IPv4Interface | ipaddress.IPv6Interface) -> Fault | None:
    ip, network = own.ip, own.network
    if ip.is_loopback or ip.is_multicast or ip.is_unspecified or (ip.version == 4 and ip.is_reserved):
        return Fault("not_for_device", {"value": str(ip)})
    if network.prefixlen == 0:
        return Fault("prefix_zero")
    if ip.version == 4 and network.prefixlen <= 30:
        if ip == network.network_address:
            return Fault("is_network", {"value": str(ip)})
        if ip == network.broadcast_address:
            return Fault("is_broadcast", {"value": str(ip), "network": str(network)})
    return None


def address_fault(text: str) -> Fault | None:
    """Why this is no address of a device; None when it is one."""
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return Fault("no_address", {"value": _shown(text)})
    if "%" in text or ip.is_multicast or ip.is_unspecified or ip.is_loopback:
        return Fault("not_another", {"value": _shown(text)})
    return None


def _radio(wish: ChangeNetwork) -> Iterator[tuple[str, Fault]]:
    if wish.ssid is not None and not 1 <= len(wish.ssid.encode("utf-8", "replace")) <= 32:
        yield "ssid", Fault("ssid")
    if wish.password:
        is_key = re.fullmatch(r"[0-9A-Fa-f]{64}", wish.password) is not None
        is_phrase = 8 <= len(wish.password) <= 63 and wish.password.isascii() and wish.password.isprintable()
        if not (is_key or is_phrase):
            yield "password", Fault("password")
        if wish.ssid is None:
            yield "ssid", Fault("password_alone")
    if wish.apn and not APN.fullmatch(wish.apn):
        yield "apn", Fault("apn", {"value": _shown(wish.apn)})
    if wish.pin and not PIN.fullmatch(wish.pin):
        yield "pin", Fault("pin")
