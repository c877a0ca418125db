"""Network devices, modem and card, names, the time server; the clocks."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

from chargepoint.messages import ClockState, Finding, Modem, NetworkDevice, ReadNetwork, ReadTime
from diag.checks.look import Look, failed, not_fitted, passed, skipped, warning

WEAK_PCT = 20
OFF_S = 2.0
"""By so much the station's clock may differ from the time server's."""
RTC_OFF_S = 120.0
WIRED = ("ethernet", "wifi", "modem")


async def interfaces(look: Look) -> list[Finding]:
    told = await look.ask("helper", ReadNetwork(), 8.0)
    if told.reason:
        return [skipped("network_unknown", why=told.reason)]
    devices = [each for each in told.devices if each.kind in WIRED and each.state not in ("unmanaged", "unavailable")]
    found = [_device(each) for each in devices]
    if devices and not any(each.is_default for each in told.devices):
        found.append(failed("no_route"))
    return found or [failed("no_network")]


def _device(device: NetworkDevice) -> Finding:
    subject = f"network/{device.name}"
    if device.state == "failed" or device.has_carrier is False:
        return warning("network_down", subject, name=device.name)
    if device.state == "connected" and not device.addresses:
        return warning("network_no_address", subject, name=device.name)
    return passed(subject)


async def modem(look: Look) -> list[Finding]:
    told = await look.ask("helper", ReadNetwork(), 8.0)
    if told.reason and not told.modems:
        return [skipped("network_unknown", why=told.reason)]
    return [_modem(each) for each in told.modems] or [not_fitted()]


def _modem(one: Modem) -> Finding:
    subject = f"modem/{one.name}"
    if one.needs:
        return failed("modem_locked", subject, needs=one.needs)
    if not one.sim:
        return failed("modem_no_card", subject)
    if one.state not in ("connected", "registered"):
        return failed("modem_state", subject, state=one.state)
    if one.signal_pct is not None and one.signal_pct < WEAK_PCT:
        return warning("modem_weak", subject, signal=one.signal_pct)
    return passed(subject)


async def names(look: Look) -> list[Finding]:
    """Whether the name of the central system can be found. Nothing is connected."""
    host = urlsplit(look.settings.ocpp.url).hostname or ""
    if not host or _is_address(host):
        return [not_fitted()]
    try:
        async with asyncio.timeout(5.0):
            await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return [failed("name_unknown", host=host)]
    return [passed()]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


async def clock(look: Look) -> list[Finding]:
    state = look.state("clock", ClockState)
    if state is None:
        return [skipped("no_answer", service="hub")]
    if not state.is_set:
        return [failed("clock_unset")]
    return [warning("clock_by_person")] if state.source == "person" else [passed("", "clock", source=state.source)]


async def time_server(look: Look) -> list[Finding]:
    told = await look.ask("helper", ReadTime())
    if told.reason:
        return [skipped("time_unknown", why=told.reason)]
    if told.is_ntp_on is False:
        return [warning("ntp_off")]
    if told.is_synchronised is False:
        return [warning("ntp_silent", server=told.server or "-")]
    if told.offset_s is not None and abs(told.offset_s) > OFF_S:
        return [warning("ntp_off_by", s=round(told.offset_s, 1))]
    return [passed()]


async def battery_clock(look: Look) -> list[Finding]:
    """The clock with the battery: without it the station knows no time after a power cut."""
    told = await look.ask("helper", ReadTime())
    if told.rtc is None:
        if told.reason:
            return [skipped("time_unknown", why=told.reason)]
        return [warning("rtc_missing")]
    if told.system is not None and abs((told.rtc - told.system).total_seconds()) > RTC_OFF_S:
        return [warning("rtc_off", s=round((told.rtc - told.system).total_seconds()))]
    return [passed()]
