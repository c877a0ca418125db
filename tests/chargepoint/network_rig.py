"""The real NetworkManager in a network namespace of its own, on a D-Bus of its own, with two joined Ethernet devices.
Nothing of this machine's network is touched; it takes root."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={folder}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
<allow user="*"/></policy></busconfig>
"""
MANAGER = """[main]
plugins=keyfile
dns=none
rc-manager=unmanaged
auth-polkit=false
no-auto-default=*
[keyfile]
path={folder}/profiles
[device-tested]
match-device=interface-name:veth0
managed=1
[logging]
level=INFO
"""
# A /sys that cannot be written to tells NetworkManager that no udev will announce devices.
SCRIPT = """set -e
mount -t tmpfs none /run
mount -t sysfs -o ro none /sys
mkdir -p /run/NetworkManager
ip link set lo up
ip link add veth0 type veth peer name veth1
ip link set veth1 up
export DBUS_SYSTEM_BUS_ADDRESS=unix:path={folder}/bus
exec NetworkManager --debug --config={folder}/nm.conf --config-dir={folder}/none --system-config-dir={folder}/none \
 --intern-config={folder}/intern.conf --state-file={folder}/state --pid-file={folder}/nm.pid >{folder}/nm.log 2>&1
"""
PROFILE = """[connection]
id=wired
uuid=5d2a1f2e-6f0c-4f0b-8f2f-0c7d5a2b9e11
type=ethernet
interface-name=veth0
[ipv4]
method=manual
address1=192.0.2.10/24,192.0.2.1
dns=192.0.2.53;
[ipv6]
method=disabled
"""


def missing() -> str:
    """Why it cannot run here; empty when it can."""
    lacking = [name for name in ("dbus-daemon", "NetworkManager", "ip", "unshare", "nsenter") if not _found(name)]
    if lacking:
        return f"{', '.join(lacking)} not installed (Debian: network-manager, dbus, iproute2)"
    return "" if os.geteuid() == 0 else "a network namespace with NetworkManager in it takes root"


def _found(name: str) -> bool:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


class PrivateBus:
    """A D-Bus of our own at `folder`/bus, in the place of the system's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[asyncio.subprocess.Process] = []
        self._patch = pytest.MonkeyPatch()

    async def __aenter__(self) -> Self:
        (self.folder / "bus.conf").write_text(BUS.format(folder=self.folder), encoding="ascii")
        await self._start("dbus-daemon", f"--config-file={self.folder}/bus.conf", "--nofork", "--nopidfile")
        self._patch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={self.folder}/bus")
        await until((self.folder / "bus").exists, 5.0)
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in reversed(self._running):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(5):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        self._patch.undo()

    async def _start(self, *words: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
        self._running.append(process)
        return process


class Network(PrivateBus):
    """NetworkManager with the profile `wired` at veth0: 192.0.2.10/24."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        (self.folder / "nm.conf").write_text(MANAGER.format(folder=self.folder), encoding="ascii")
        profiles = self.folder / "profiles"
        profiles.mkdir(mode=0o700)
        self.profile = profiles / "wired.nmconnection"
        self.profile.write_text(PROFILE, encoding="ascii")
        self.profile.chmod(0o600)
        script = self.folder / "script"
        script.write_text(SCRIPT.format(folder=self.folder), encoding="ascii")
        self.manager = await self._start("unshare", "-n", "-m", "sh", str(script))
        return self

    async def addresses(self, device: str = "veth0") -> list[str]:
        """What the kernel has at the device, in the namespace."""
        process = await asyncio.create_subprocess_exec(
            "nsenter", "-t", str(self.manager.pid), "-n", "ip", "-j", "-4", "addr", "show", "dev", device,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )  # fmt: skip
        said, _ = await process.communicate()
        found: list[dict[str, Any]] = json.loads(said or b"[]")
        return [f"{one['local']}/{one['prefixlen']}" for each in found for one in each.get("addr_info", ())]

    async def until_address(self, address: str, within_s: float = 20.0, device: str = "veth0") -> None:
        async with asyncio.timeout(within_s):
            while await self.addresses(device) != [address]:
                await asyncio.sleep(0.1)


async def until(is_so: Callable[[], bool], within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while not is_so():
            await asyncio.sleep(0.02)
