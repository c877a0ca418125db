"""Changes a device's profile in NetworkManager so that it returns by itself: a checkpoint of NetworkManager undoes it
unless it is destroyed in time, whatever becomes of the browser, this process or the station. Until it is kept, the
profile is changed in memory only: a power cut undoes it, too.
"""

from __future__ import annotations

import ipaddress
import sys
import time
import uuid
from typing import Any

from chargepoint.messages import ChangeNetwork
from chargepoint.privileged.dbus import NotThere, Refused, SystemBus, Variant
from chargepoint.privileged.network_read import NM, NONE, ROOT, SETTINGS, device_path, profile_of

DELETE_NEW_PROFILES = 0x02
"""Flag of a checkpoint: what was added after it goes with it."""
IN_MEMORY = 0x02
"""Flag of Update2 and AddConnection2: nothing is written to the disk."""
CONNECTION = f"{NM}.Settings.Connection"
CHANGED = "a{sa{sv}}"
Raw = dict[str, dict[str, Variant]]
_TYPES = {1: "802-3-ethernet", 20: "802-3-ethernet", 2: "802-11-wireless", 8: "gsm"}


class CannotBe(Exception):
    """The change cannot be made so: `code` as of ChangeNetwork, the text for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


async def prepare(bus: SystemBus, wish: ChangeNetwork) -> tuple[str, str, str]:
    """Change the profile under a checkpoint; the device goes on as it was until `activate`. Gives checkpoint, profile
    and device (D-Bus objects).

    Raises CannotBe, NotThere, Refused; then nothing is changed any more.
    """
    if not await bus.has_owner(NM):
        raise NotThere("NetworkManager does not run here")
    path = await device_path(bus, wish.device)
    if not path:
        raise CannotBe("unknown_device", f"There is no network device {wish.device!r} here.")
    if await checkpoints(bus):
        raise CannotBe("pending", "Another change is pending: keep it or undo it first.")
    device = await bus.properties(NM, path, f"{NM}.Device")
    kind = _TYPES.get(int(device.get("DeviceType", 0)), "")
    if not kind:
        raise CannotBe("invalid", f"{wish.device} is neither Ethernet, Wi-Fi nor a modem.")
    if device.get("State") == 10:
        raise CannotBe("invalid", f"{wish.device} is not in the care of NetworkManager: change it where it is set up.")
    profile, settings = await profile_of(bus, device)
    wanted = changed(settings, wish, kind)
    (checkpoint,) = await bus.call(NM, ROOT, NM, "CheckpointCreate", "aouu", [path], wish.within_s, DELETE_NEW_PROFILES)
    try:
        if profile:
            await bus.call(NM, profile, CONNECTION, "Update2", f"{CHANGED}ua{{sv}}", wanted, IN_MEMORY, {})
        else:
            profile, _ = await bus.call(
                NM, SETTINGS, f"{NM}.Settings", "AddConnection2", f"{CHANGED}ua{{sv}}", wanted, IN_MEMORY, {}
            )
    except (NotThere, Refused):
        await undo(bus, checkpoint)
        raise
    return str(checkpoint), str(profile), path


async def activate(bus: SystemBus, profile: str, device: str) -> None:
    """Let the device take its profile as it is now. Raises NotThere, Refused."""
    await bus.call(NM, ROOT, NM, "ActivateConnection", "ooo", profile, device, NONE)


async def checkpoints(bus: SystemBus) -> dict[str, float]:
    """Checkpoints that are open now, each with the seconds until it undoes by itself."""
    found = {}
    for path in (await bus.properties(NM, ROOT, NM)).get("Checkpoints", ()):
        told = await bus.properties(NM, path, f"{NM}.Checkpoint")
        if told:
            age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - int(told.get("Created", 0)) / 1000
            found[str(path)] = max(0.0, int(told.get("RollbackTimeout", 0)) - age_s)
    return found


async def keep(bus: SystemBus, checkpoint: str, profile: str) -> None:
    """Write the profile to the disk and let go of the checkpoint. Raises NotThere, Refused."""
    if profile:
        await bus.call(NM, profile, CONNECTION, "Save")
    await bus.call(NM, ROOT, NM, "CheckpointDestroy", "o", checkpoint)


async def undo(bus: SystemBus, checkpoint: str) -> None:
    """Return to what was now. Raises NotThere, Refused."""
    await bus.call(NM, ROOT, NM, "CheckpointRollback", "o", checkpoint)


async def set_hostname(bus: SystemBus, name: str) -> None:
    await bus.call(NM, SETTINGS, f"{NM}.Settings", "SaveHostname", "s", name)


def changed(settings: Raw, wish: ChangeNetwork, kind: str) -> Raw:
    """The settings of a profile after the change; without any, those of a new one. Pure. Raises CannotBe."""
    wanted: Raw = {section: dict(pairs) for section, pairs in settings.items()}
    if not settings:
        wanted["connection"] = {
            "id": ("s", wish.ssid or wish.device), "uuid": ("s", str(uuid.uuid4())), "type": ("s", kind),
            "interface-name": ("s", wish.device), "autoconnect": ("b", True),
        }  # fmt: skip
        wanted[kind] = {}
        wanted["ipv6"] = {"method": ("s", "auto")}
    _radio(wanted, wish, kind, is_new=not settings)
    section = wanted.setdefault("ipv4", {})
    six = wanted.setdefault("ipv6", {"method": ("s", "auto")})
    for one in (section, six):
        one.pop("dns-data", None)
        one.pop("addresses", None)
        one.pop("routes", None)
    is_six = wish.method == "manual" and ipaddress.ip_interface(wish.address).version == 6
    own, other = (six, section) if is_six else (section, six)
    own["method"] = ("s", wish.method)
    own.pop("address-data", None)
    own.pop("gateway", None)
    if wish.method == "manual":
        interface = ipaddress.ip_interface(wish.address)
        data = {"address": ("s", str(interface.ip)), "prefix": ("u", interface.network.prefixlen)}
        own["address-data"] = ("aa{sv}", [data])
        if wish.gateway:
            own["gateway"] = ("s", wish.gateway)
        if is_six and not settings:
            other["method"] = ("s", "disabled")
    _dns(section, six, wish)
    for one in (section, six):
        one["route-metric"] = ("x", wish.priority if wish.priority is not None else -1)
    return wanted


def _dns(four: dict[str, Variant], six: dict[str, Variant], wish: ChangeNetwork) -> None:
    told = [ipaddress.ip_address(one) for one in wish.dns]
    four["dns"] = ("au", [int.from_bytes(one.packed, sys.byteorder) for one in told if one.version == 4])
    six["dns"] = ("aay", [one.packed for one in told if one.version == 6])
    for section in (four, six):
        section["ignore-auto-dns"] = ("b", bool(told))


def _radio(wanted: dict[str, dict[str, Any]], wish: ChangeNetwork, kind: str, *, is_new: bool) -> None:
    if kind == "802-11-wireless":
        if is_new and wish.ssid is None:
            raise CannotBe("invalid", f"{wish.device} is in no Wi-Fi network: name one.")
        if wish.ssid is not None:
            before = wanted[kind].get("ssid", ("ay", b""))[1]
            wanted[kind]["ssid"] = ("ay", wish.ssid.encode())
            if bytes(before) != wish.ssid.encode():
                for key in ("seen-bssids", "bssid"):
                    wanted[kind].pop(key, None)
                if not wish.password:
                    wanted.pop("802-11-wireless-security", None)
        if wish.password:
            wanted["802-11-wireless-security"] = {"key-mgmt": ("s", "wpa-psk"), "psk": ("s", wish.password)}
    elif wish.ssid is not None or wish.password:
        raise CannotBe("invalid", f"{wish.device} is no Wi-Fi device.")
    if kind == "gsm":
        wanted.setdefault("gsm", {})
        if wish.apn is not None:
            wanted["gsm"]["apn"] = ("s", wish.apn)
            wanted["gsm"]["auto-config"] = ("b", not wish.apn)
        if wish.pin:
            wanted["gsm"]["pin"] = ("s", wish.pin)
    elif wish.apn or wish.pin:
        raise CannotBe("invalid", f"{wish.device} is no modem.")
