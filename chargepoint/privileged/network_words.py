"""Numbers of NetworkManager and ModemManager as words. Pure; their D-Bus reference documents."""

from __future__ import annotations

KINDS = {1: "ethernet", 2: "wifi", 8: "modem", 10: "bond", 11: "vlan", 13: "bridge", 14: "other",
         16: "vpn", 20: "ethernet", 29: "vpn", 32: "loopback"}  # fmt: skip
"""NMDeviceType; 14 generic, 16 tun, 20 veth, 29 wireguard."""

STATES = {10: "unmanaged", 20: "unavailable", 30: "disconnected", 100: "connected", 120: "failed"}
"""NMDeviceState; 40 to 90 and 110 are on the way."""

ACTIVE = {1: "connecting", 2: "connected", 3: "disconnected", 4: "disconnected"}
"""NMActiveConnectionState."""

TUNNELS = frozenset({"vpn", "wireguard", "tun"})

MODEM_STATES = {-1: "failed", 0: "unknown", 1: "initializing", 2: "locked", 3: "disabled", 4: "disabling",
                5: "enabling", 6: "enabled", 7: "searching", 8: "registered", 9: "disconnecting", 10: "connecting",
                11: "connected"}  # fmt: skip
REGISTRATION = {0: "idle", 1: "home", 2: "searching", 3: "denied", 4: "unknown", 5: "roaming"}
LOCKS = {2: "sim-pin", 3: "sim-pin2", 4: "sim-puk", 5: "sim-puk2"}
"""MMModemLock; 0 unknown, 1 none; PIN2 and PUK2 do not keep it from connecting."""
TECHNOLOGIES = ((1 << 15, "5G"), (1 << 14, "LTE"), (0b1111100000, "UMTS"), (0b11110, "GSM"))
"""MMModemAccessTechnology, newest first."""

_PRIVATE_FLAG = 0x1
_KEY_802_1X, _KEY_SAE = 0x200, 0x400
_KEY_PSK = 0x100


def device_state(number: int) -> str:
    """NMDeviceState as one of few words."""
    if number in STATES:
        return STATES[number]
    return "connecting" if 40 <= number <= 90 else "disconnected" if number == 110 else "unknown"


def security(flags: int, wpa: int, rsn: int) -> str:
    """What a Wi-Fi network asks for, from the flags of its access point."""
    both = wpa | rsn
    if both & _KEY_802_1X:
        return "enterprise"
    if both & _KEY_PSK:
        return "wpa"
    if rsn & _KEY_SAE:
        return "sae"
    return "wep" if flags & _PRIVATE_FLAG else "open"


def technology(bits: int) -> str:
    for mask, name in TECHNOLOGIES:
        if bits & mask:
            return name
    return ""


def masked(number: str) -> str:
    """All but the last four characters hidden."""
    return f"{'•' * 4}{number[-4:]}" if len(number) > 4 else ""
