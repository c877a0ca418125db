"""Asks the helper; where it cannot answer, its page says why instead of failing."""

from __future__ import annotations

import hashlib

from chargepoint.messages import (
    ChangeNetwork,
    NetworkDevice,
    NetworkPage,
    PrivilegedDeed,
    ReadNetwork,
    ReadTime,
    TimePage,
)
from chargepoint.privileged import rules
from webconfig.answers import Problem
from webconfig.ask import Ask

WITHIN_S = 12.0
"""The helper may have to be started first."""


async def network_page(ask: Ask, scan: bool = False) -> NetworkPage:
    try:
        return await ask.call("helper", ReadNetwork(scan=scan), WITHIN_S)
    except Problem as problem:
        return NetworkPage(reason=problem.detail)


async def time_page(ask: Ask) -> TimePage:
    try:
        return await ask.call("helper", ReadTime(), WITHIN_S)
    except Problem as problem:
        return TimePage(reason=problem.detail)


async def deed(ask: Ask, what: str, /, **arguments: str) -> str:
    """Carry a privileged deed out; what people are told when it is done. Raises Problem 422 with why it is not."""
    request = PrivilegedDeed(name=what, arguments=arguments, by=f"{ask.login} (web)")
    result = await ask.call("helper", request, WITHIN_S)
    if not result.ok:
        raise Problem(422, result.code, ask.text("network.not_done", why=result.text))
    return ask.text("network.recorded") if result.text else ask.text("network.done")


def version_of(device: NetworkDevice) -> str:
    """Of what is configured at a device, for who changes it: it differs when somebody else was faster."""
    parts = (device.name, device.profile, device.method, device.fixed, device.fixed_gateway, *device.fixed_dns,
             str(device.priority), device.ssid, device.apn)  # fmt: skip
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def faults(ask: Ask, wish: ChangeNetwork) -> dict[str, str]:
    """What is wrong with a change, by field, in the visitor's language."""
    return {name: ask.text(f"network_fault.{fault.code}", **fault.values) for name, fault in rules.coded(wish).items()}


REASONS = {
    "NetworkManager does not run": "no_manager",
    "ModemManager does not run": "no_modems",
    "systemd-timesyncd does not run": "no_timesync",
    "org.freedesktop.timedate1 does not run": "no_timedate",
    "D-Bus does not run": "no_dbus",
}
"""How reasons of the helper begin -> their text `network_reason.WORD`."""


def reason(ask: Ask, told: str) -> str:
    """A reason of the helper in the visitor's language, as far as it is one of the usual ones."""
    for beginning, word in REASONS.items():
        if told.startswith(beginning):
            return ask.text(f"network_reason.{word}")
    return told.rstrip(".")
