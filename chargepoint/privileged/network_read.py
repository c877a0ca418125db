"""Reads NetworkManager and ModemManager: devices, addresses, Wi-Fi, modems, VPN."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from chargepoint.messages import Modem, NetworkDevice, NetworkPage, Tunnel, WirelessNetwork
from chargepoint.privileged import network_words as words
from chargepoint.privileged.dbus import NotThere, Refused, SystemBus, Values, plain

NM, ROOT = "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager"
SETTINGS = f"{ROOT}/Settings"
MM, MM_ROOT = "org.freedesktop.ModemManager1", "/org/freedesktop/ModemManager1"
NONE = "/"
"""The object that stands for none."""
MOST_DEVICES, MOST_WIRELESS = 32, 30


async def read_network(bus: SystemBus, *, scan: bool = False) -> NetworkPage:
    """All there is to know. Raises NotThere, Refused."""
    if not await bus.has_owner(NM):
        raise NotThere("NetworkManager does not run here")
    manager = await bus.properties(NM, ROOT, NM)
    hostname = (await bus.properties(NM, SETTINGS, f"{NM}.Settings")).get("Hostname", "")
    modems, modem_reason = await read_modems(bus)
    found: list[NetworkDevice] = []
    wireless: list[WirelessNetwork] = []
    for path in manager.get("Devices", ())[:MOST_DEVICES]:
        with suppress(Refused):  # it was pulled out meanwhile
            found.append(await _device(bus, path, str(manager.get("PrimaryConnection", NONE))))
            if found[-1].kind == "wifi":
                wireless += await _wireless(bus, path, found[-1].name, scan)
    tunnels = await _tunnels(bus, manager.get("ActiveConnections", ()))
    return NetworkPage(
        version=str(manager.get("Version", "")),
        hostname=str(hostname),
        devices=tuple(sorted(found, key=lambda one: (one.kind == "loopback", one.name))),
        wireless=tuple(_strongest(wireless)),
        modems=modems,
        modem_reason=modem_reason,
        tunnels=tunnels,
    )


async def device_path(bus: SystemBus, name: str) -> str:
    """The object of a device by its name; empty when there is none. Raises NotThere, Refused."""
    for path in (await bus.properties(NM, ROOT, NM)).get("Devices", ()):
        if (await bus.properties(NM, path, f"{NM}.Device")).get("Interface") == name:
            return str(path)
    return ""


async def profile_of(bus: SystemBus, device: Values) -> tuple[str, dict[str, dict[str, Any]]]:
    """The object and the raw settings of the profile that is active at a device; empty ones when none is."""
    active = device.get("ActiveConnection", NONE)
    if active == NONE:
        return "", {}
    path = str((await bus.properties(NM, active, f"{NM}.Connection.Active")).get("Connection", NONE))
    if path == NONE:
        return "", {}
    (settings,) = await bus.call(NM, path, f"{NM}.Settings.Connection", "GetSettings")
    return path, settings


async def _device(bus: SystemBus, path: str, primary: str) -> NetworkDevice:
    told = await bus.properties(NM, path, f"{NM}.Device")
    kind = words.KINDS.get(told.get("DeviceType", 0), "other")
    four = await _config(bus, told.get("Ip4Config", NONE), "IP4Config")
    six = await _config(bus, told.get("Ip6Config", NONE), "IP6Config")
    wired = await bus.properties(NM, path, f"{NM}.Device.Wired") if kind == "ethernet" else {}
    ssid, strength = await _joined(bus, path) if kind == "wifi" else ("", None)
    _, settings = await profile_of(bus, told)
    profile = plain(settings)
    ip = profile.get("ipv4", {})
    fixed = ip.get("address-data", ())
    metric = int(ip.get("route-metric", -1))
    return NetworkDevice(
        name=str(told.get("Interface", "")),
        kind=kind,
        state=words.device_state(int(told.get("State", 0))),
        hardware_address=str(told.get("HwAddress", "")),
        mtu=int(told.get("Mtu", 0)),
        speed_mbps=int(wired["Speed"]) or None if "Speed" in wired else None,
        has_carrier=bool(wired["Carrier"]) if "Carrier" in wired else None,
        is_default=primary not in (NONE, "") and told.get("ActiveConnection") == primary,
        addresses=tuple(_addresses(four)) + tuple(_addresses(six)),
        gateways=tuple(one for one in (four.get("Gateway", ""), six.get("Gateway", "")) if one),
        dns=tuple(_dns(four)) + tuple(_dns(six)),
        profile=str(profile.get("connection", {}).get("id", "")),
        method=str(ip.get("method", "")),
        fixed=_pair(fixed[0]) if fixed else "",
        fixed_gateway=str(ip.get("gateway", "")),
        fixed_dns=tuple(_fixed_dns(profile)),
        priority=metric if metric >= 0 else None,
        ssid=ssid,
        strength_pct=strength,
        apn=str(profile.get("gsm", {}).get("apn", "")),
    )


async def _config(bus: SystemBus, path: str, kind: str) -> dict[str, Any]:
    return await bus.properties(NM, path, f"{NM}.{kind}") if path not in (NONE, "") else {}


def _pair(data: Any) -> str:
    return f"{data['address'][1]}/{data['prefix'][1]}"


def _addresses(config: Values) -> Iterable[str]:
    for data in config.get("AddressData", ()):
        yield _pair(data)


def _dns(config: Values) -> Iterable[str]:
    for data in config.get("NameserverData", ()):
        yield str(data["address"][1])
    for raw in config.get("Nameservers", ()):
        if isinstance(raw, bytes | bytearray | list) and len(raw) == 16:
            yield str(ipaddress.IPv6Address(bytes(raw)))


def _fixed_dns(profile: dict[str, dict[str, Any]]) -> Iterable[str]:
    for number in profile.get("ipv4", {}).get("dns", ()):
        yield str(ipaddress.IPv4Address(int(number).to_bytes(4, sys.byteorder)))
    for raw in profile.get("ipv6", {}).get("dns", ()):
        yield str(ipaddress.IPv6Address(bytes(raw)))


async def _joined(bus: SystemBus, path: str) -> tuple[str, int | None]:
    radio = await bus.properties(NM, path, f"{NM}.Device.Wireless")
    point = radio.get("ActiveAccessPoint", NONE)
    if point == NONE:
        return "", None
    told = await bus.properties(NM, point, f"{NM}.AccessPoint")
    return _ssid(told), int(told.get("Strength", 0))


def _ssid(told: Values) -> str:
    return bytes(told.get("Ssid", b"")).decode("utf-8", "replace")


async def _wireless(bus: SystemBus, path: str, device: str, scan: bool) -> list[WirelessNetwork]:
    if scan:
        with suppress(Refused):  # a scan goes on already
            await bus.call(NM, path, f"{NM}.Device.Wireless", "RequestScan", "a{sv}", {})
    found = []
    (points,) = await bus.call(NM, path, f"{NM}.Device.Wireless", "GetAllAccessPoints")
    for point in points[: 3 * MOST_WIRELESS]:
        told = await bus.properties(NM, point, f"{NM}.AccessPoint")
        name = _ssid(told)
        if name:
            kind = words.security(*(int(told.get(key, 0)) for key in ("Flags", "WpaFlags", "RsnFlags")))
            found.append(
                WirelessNetwork(
                    ssid=name, strength_pct=int(told.get("Strength", 0)), frequency_mhz=int(told.get("Frequency", 0)),
                    security=kind, device=device,
                )
            )  # fmt: skip
    return found


def _strongest(found: Iterable[WirelessNetwork]) -> list[WirelessNetwork]:
    """Each network once, the strongest first."""
    by_name: dict[tuple[str, str], WirelessNetwork] = {}
    for one in sorted(found, key=lambda one: -one.strength_pct):
        by_name.setdefault((one.device, one.ssid), one)
    return list(by_name.values())[:MOST_WIRELESS]


async def _tunnels(bus: SystemBus, paths: Iterable[str]) -> tuple[Tunnel, ...]:
    found = []
    for path in paths:
        with suppress(Refused):
            told = await bus.properties(NM, path, f"{NM}.Connection.Active")
            if told.get("Vpn") or told.get("Type") in words.TUNNELS:
                config = await _config(bus, told.get("Ip4Config", NONE), "IP4Config")
                found.append(
                    Tunnel(
                        name=str(told.get("Id", "")),
                        kind=str(told.get("Type", "")),
                        state=words.ACTIVE.get(int(told.get("State", 0)), "unknown"),
                        addresses=tuple(_addresses(config)),
                    )
                )
    return tuple(found)


async def read_modems(bus: SystemBus) -> tuple[tuple[Modem, ...], str]:
    """All modems, or why they are not known."""
    if not await bus.has_owner(MM):
        return (), "ModemManager does not run here"
    try:
        (objects,) = await bus.call(MM, MM_ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        found = []
        for told in objects.values():
            if f"{MM}.Modem" in told:
                found.append(await _modem(bus, plain(told)))
    except (NotThere, Refused) as error:
        return (), str(error)
    return tuple(found), ""


async def _modem(bus: SystemBus, told: dict[str, dict[str, Any]]) -> Modem:
    modem, radio = told[f"{MM}.Modem"], told.get(f"{MM}.Modem.Modem3gpp", {})
    sim = modem.get("Sim", NONE)
    card = await bus.properties(MM, sim, f"{MM}.Sim") if sim not in (NONE, "") else {}
    apn = ""
    for bearer in modem.get("Bearers", ())[:4]:
        with suppress(Refused):
            pairs = (await bus.properties(MM, bearer, f"{MM}.Bearer")).get("Properties", {})
            apn = apn or str(pairs.get("apn", ("s", ""))[1])
    quality = modem.get("SignalQuality")
    registration = radio.get("RegistrationState")
    return Modem(
        name=f"{modem.get('Manufacturer', '')} {modem.get('Model', '')}".strip(),
        state=words.MODEM_STATES.get(int(modem.get("State", 0)), "unknown"),
        signal_pct=int(quality[0]) if quality else None,
        operator=str(radio.get("OperatorName") or card.get("OperatorName", "")),
        technology=words.technology(int(modem.get("AccessTechnologies", 0))),
        registration=words.REGISTRATION.get(registration, "unknown") if registration is not None else "",
        apn=apn,
        sim=words.masked(str(card.get("SimIdentifier", ""))),
        sim_slot=int(modem.get("PrimarySimSlot", 0)),
        sim_slots=len(modem.get("SimSlots", ())),
        needs=words.LOCKS.get(int(modem.get("UnlockRequired", 0)), ""),
    )
