"""The ports of this machine on which devices may hang: serial adapters and built-in ports, CAN interfaces."""

from __future__ import annotations

from pathlib import Path

SERIAL_LINKS = (Path("/dev/serial/by-path"), Path("/dev/serial/by-id"))
BUILT_IN = ("ttyUSB*", "ttyACM*", "ttyAMA*", "ttySC*", "ttymxc*", "ttySTM*", "ttyO*", "ttyS[4-9]")
"""Names of serial ports that have no link; of the PC's ttyS0 to ttyS3 most are not there and are to be named."""
CAN_TYPE = "280"
"""What Linux says in /sys/class/net/NAME/type of a CAN interface (ARPHRD_CAN)."""
IS_UP = 0x1


def serial_ports(devices: Path = Path("/dev"), links: tuple[Path, ...] = SERIAL_LINKS) -> tuple[str, ...]:
    """Device names, a link that stays the same in place of each where there is one (by place, then by number)."""
    known: dict[Path, str] = {}
    for folder in links:
        if folder.is_dir():
            for link in sorted(folder.iterdir()):
                known.setdefault(link.resolve(), str(link))
    for pattern in BUILT_IN:
        for device in sorted(devices.glob(pattern)):
            known.setdefault(device.resolve(), str(device))
    return tuple(sorted(set(known.values())))


def can_interfaces(net: Path = Path("/sys/class/net")) -> tuple[str, ...]:
    """CAN interfaces that the system has set up: their bit rate is known to it, so that looking disturbs nobody."""
    found = []
    for interface in sorted(net.iterdir()) if net.is_dir() else ():
        try:
            is_can = (interface / "type").read_text().strip() == CAN_TYPE
            is_up = bool(int((interface / "flags").read_text().strip(), 16) & IS_UP)
        except (OSError, ValueError):
            continue
        if is_can and is_up:
            found.append(interface.name)
    return tuple(found)
