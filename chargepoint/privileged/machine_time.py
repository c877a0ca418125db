"""Zone, time servers and clock of the computer by timedate1 and timesync1 of systemd."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import Any

from chargepoint.messages import TimePage
from chargepoint.privileged.dbus import NotThere, Refused, SystemBus

TIMEDATE, TIMEDATE_PATH = "org.freedesktop.timedate1", "/org/freedesktop/timedate1"
TIMESYNC, TIMESYNC_PATH = "org.freedesktop.timesync1", "/org/freedesktop/timesync1"
US = 1_000_000


async def read_time(bus: SystemBus) -> TimePage:
    """How the computer has its time. Raises NotThere, Refused."""
    told = await bus.properties(TIMEDATE, TIMEDATE_PATH, TIMEDATE)
    known: dict[str, Any] = {
        "zone": str(told.get("Timezone", "")),
        "is_ntp_on": _bool(told.get("NTP")),
        "is_synchronised": _bool(told.get("NTPSynchronized")),
        "rtc": _instant(told.get("RTCTimeUSec")),
        "system": _instant(told.get("TimeUSec")),
    }
    try:
        if not await bus.has_owner(TIMESYNC):
            raise NotThere("systemd-timesyncd does not run here")
        sync = await bus.properties(TIMESYNC, TIMESYNC_PATH, f"{TIMESYNC}.Manager")
    except (NotThere, Refused) as error:
        return TimePage(**known, servers_reason=str(error))
    return TimePage(**known, **_servers(sync))


def _servers(sync: dict[str, Any]) -> dict[str, Any]:
    names: list[str] = []
    for key in ("RuntimeNTPServers", "LinkNTPServers", "SystemNTPServers", "FallbackNTPServers"):
        names = names or [str(one) for one in sync.get(key, ())]
    found: dict[str, Any] = {"servers": tuple(names[:16]), "server": str(sync.get("ServerName", ""))}
    address = sync.get("ServerAddress")
    if address and len(address[1]) in (4, 16):
        found["server_address"] = str(ipaddress.ip_address(bytes(address[1])))
    answer = sync.get("NTPMessage")
    if answer and len(answer) >= 15:
        found |= offset(tuple(answer))
    return found


def offset(answer: tuple[Any, ...]) -> dict[str, Any]:
    """Offset, jitter and stratum of the last answer (RFC 5905: the mean of both ways); nothing before the first."""
    stratum, (origin, received, sent, arrived) = int(answer[3]), (int(one) for one in answer[8:12])
    packets, jitter = int(answer[13]), int(answer[14])
    if not packets or not (origin and received and sent and arrived):
        return {}
    return {
        "offset_s": ((received - origin) + (sent - arrived)) / 2 / US,
        "jitter_s": jitter / US,
        "stratum": stratum,
    }


async def set_zone(bus: SystemBus, zone: str) -> None:
    await bus.call(TIMEDATE, TIMEDATE_PATH, TIMEDATE, "SetTimezone", "sb", zone, False)


async def set_ntp(bus: SystemBus, is_on: bool) -> None:
    await bus.call(TIMEDATE, TIMEDATE_PATH, TIMEDATE, "SetNTP", "bb", is_on, False)


async def set_servers(bus: SystemBus, servers: list[str]) -> None:
    """For as long as systemd-timesyncd runs; what stays is written by the deed itself."""
    await bus.call(TIMESYNC, TIMESYNC_PATH, f"{TIMESYNC}.Manager", "SetRuntimeNTPServers", "as", servers)


async def set_time(bus: SystemBus, at: datetime) -> None:
    """Set the system's clock, and the one with the battery. Raises Refused while time servers are followed."""
    us = int(at.timestamp() * US)
    await bus.call(TIMEDATE, TIMEDATE_PATH, TIMEDATE, "SetTime", "xbb", us, False, False)


def _bool(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _instant(us: Any) -> datetime | None:
    return datetime.fromtimestamp(int(us) / US, UTC) if us else None
