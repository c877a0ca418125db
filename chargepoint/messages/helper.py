"""The computer's network and clock: what the helper reads and changes besides its deeds."""

from __future__ import annotations

from datetime import datetime

import msgspec

from chargepoint.messages.kinds import ActionResult, Reply, Request


class NetworkDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A network device. `kind`: ethernet, wifi, modem, vpn, bridge, loopback, other. `state`: connected, connecting,
    disconnected, unavailable, unmanaged, failed, unknown. Addresses are ADDRESS/PREFIX.

    What is configured stands in `profile` and below (`method`: auto, manual, disabled, link-local, shared; empty: no
    profile is active): `fixed`, `fixed_gateway`, `fixed_dns` are those of the profile, the others those in force.
    `priority` is the metric of its routes (the lowest is used first), None: as the network service thinks fit.
    """

    name: str
    kind: str
    state: str
    hardware_address: str = ""
    mtu: int = 0
    speed_mbps: int | None = None
    has_carrier: bool | None = None
    is_default: bool = False
    addresses: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    profile: str = ""
    method: str = ""
    fixed: str = ""
    fixed_gateway: str = ""
    fixed_dns: tuple[str, ...] = ()
    priority: int | None = None
    ssid: str = ""
    strength_pct: int | None = None
    apn: str = ""


class WirelessNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """A Wi-Fi network in reach. `security`: open, wpa, sae (WPA3), wep, enterprise."""

    ssid: str
    strength_pct: int
    frequency_mhz: int
    security: str
    device: str


class Modem(msgspec.Struct, frozen=True, kw_only=True):
    """A mobile modem. `sim` is its number with all but the last four digits masked; `sim_slot` counts from 1, 0: not
    told. `state` and `technology` in the words of ModemManager."""

    name: str
    state: str
    signal_pct: int | None = None
    operator: str = ""
    technology: str = ""
    registration: str = ""
    apn: str = ""
    sim: str = ""
    sim_slot: int = 0
    sim_slots: int = 0
    needs: str = ""
    """What unlocks it (sim-pin, sim-puk); empty: nothing."""


class Tunnel(msgspec.Struct, frozen=True, kw_only=True):
    """A VPN. `state`: connected, connecting, disconnected."""

    name: str
    kind: str
    state: str
    addresses: tuple[str, ...] = ()


class NetworkTrial(msgspec.Struct, frozen=True, kw_only=True):
    """The last change of a network profile. `outcome`: pending (it returns by itself in `left_s` unless it is kept),
    kept, undone (by a person), returned (by itself), failed (the device refused). `address` is where the station will
    be reached, when it is known.
    """

    device: str
    by: str
    outcome: str
    words: str = ""
    address: str = ""
    left_s: float = 0.0


class NetworkPage(Reply, frozen=True, kw_only=True):
    """How the network of the computer is. `reason`: why nothing is known, empty when it is."""

    reason: str = ""
    version: str = ""
    hostname: str = ""
    devices: tuple[NetworkDevice, ...] = ()
    wireless: tuple[WirelessNetwork, ...] = ()
    modems: tuple[Modem, ...] = ()
    modem_reason: str = ""
    tunnels: tuple[Tunnel, ...] = ()
    trial: NetworkTrial | None = None
    is_really: bool = False
    """Whether the helper carries out what it is asked (`run --really`), or only writes it down."""


class ReadNetwork(Request[NetworkPage], frozen=True, kw_only=True):
    """To helper: devices, addresses, Wi-Fi, modems, VPN. `scan`: look for Wi-Fi networks anew (they come some seconds
    later)."""

    scan: bool = False


class ChangeNetwork(Request[ActionResult], frozen=True, kw_only=True):
    """To helper: change how `device` gets its addresses. It returns to what it was after `within_s` (10 to 600 s)
    unless KeepNetwork comes; until then nothing is on the disk, a power cut undoes it, too.

    `method`: auto (DHCP) or manual; `address` as 192.0.2.7/24, `gateway` and `dns` for manual; `dns` also for auto,
    then instead of those told. `priority`: metric of its routes (1 to 9999), None: as the network service thinks fit.
    `ssid`, `password` for Wi-Fi (empty password: the one there is, or none); `apn`, `pin` for modems. What of these
    is None stays. Codes: ok, recorded, invalid, unavailable, unknown_device, pending, failed.
    """

    device: str
    method: str
    address: str = ""
    gateway: str = ""
    dns: tuple[str, ...] = ()
    priority: int | None = None
    ssid: str | None = None
    password: str | None = None
    apn: str | None = None
    pin: str | None = None
    within_s: int = 120
    by: str


class KeepNetwork(Request[ActionResult], frozen=True, kw_only=True):
    """To helper: keep the change that is pending. Codes: ok, nothing, unavailable, failed."""

    by: str


class UndoNetwork(Request[ActionResult], frozen=True, kw_only=True):
    """To helper: undo the change that is pending now. Codes: ok, nothing, unavailable, failed."""

    by: str


class TimePage(Reply, frozen=True, kw_only=True):
    """How the computer has its time. `reason`: why nothing is known of zone and time servers. `offset_s`: by how much
    the system's clock was behind (+) or before (-) the server at the last answer, None: no answer yet; `rtc`: the clock
    with the battery. `servers` are those that are configured, `server` is the one that is asked."""

    reason: str = ""
    zone: str = ""
    is_ntp_on: bool | None = None
    is_synchronised: bool | None = None
    rtc: datetime | None = None
    system: datetime | None = None
    servers: tuple[str, ...] = ()
    server: str = ""
    server_address: str = ""
    offset_s: float | None = None
    jitter_s: float | None = None
    stratum: int | None = None
    servers_reason: str = ""
    is_really: bool = False


class ReadTime(Request[TimePage], frozen=True, kw_only=True):
    """To helper: zone, time servers, clocks."""
