"""Restart and power off of the computer by login1 of systemd, which asks nobody and ends everything in order."""

from __future__ import annotations

from chargepoint.privileged.dbus import SystemBus

LOGIN, LOGIN_PATH = "org.freedesktop.login1", "/org/freedesktop/login1"


async def reboot(bus: SystemBus) -> None:
    await bus.call(LOGIN, LOGIN_PATH, f"{LOGIN}.Manager", "Reboot", "b", False)


async def power_off(bus: SystemBus) -> None:
    await bus.call(LOGIN, LOGIN_PATH, f"{LOGIN}.Manager", "PowerOff", "b", False)
