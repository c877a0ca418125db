"""What is installed: the software, and every device with the firmware it names."""

from __future__ import annotations

import platform

import msgspec

from chargepoint.messages import DeviceState, ReaderState, ServiceState
from chargepoint.version import VERSION
from webconfig.site import Site

SOFTWARE = frozenset({"software", "system"})
"""Kinds that are no devices."""


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """One thing with a version. `kind`: software, system, connector, meter, modules, reader and the other kinds of
    devices of the station file. Empty text: it does not tell."""

    kind: str
    name: str
    model: str = ""
    serial: str = ""
    version: str = ""
    hardware: str = ""
    built: str = ""


def installed(site: Site) -> tuple[Installed, ...]:
    """All of it, software first."""
    found = [
        Installed(kind="software", name=site.context.settings.station.name, version=VERSION),
        Installed(kind="system", name="Linux", version=platform.release(), model=platform.machine()),
        Installed(kind="system", name="Python", version=platform.python_version()),
    ]
    for one in site.all_of("device/", DeviceState).values():
        identity = one.identity
        found.append(
            Installed(
                kind=one.kind, name=one.name, model=f"{identity.vendor} {identity.model}".strip(),
                serial=identity.serial, version=identity.firmware_version, hardware=identity.hardware_version,
                built=identity.build_date,
            )
        )  # fmt: skip
    for reader in site.all_of("reader/", ReaderState).values():
        identity = reader.identity
        model = f"{identity.vendor} {identity.model}".strip() or reader.driver
        found.append(
            Installed(kind="reader", name=reader.name, model=model, serial=identity.serial,
                      version=identity.firmware_version, hardware=identity.hardware_version)
        )  # fmt: skip
    return tuple(found)


def update_service(site: Site) -> str:
    """State of the service that fetches and installs; `missing` when this station has none."""
    state = site.state("service/fota", ServiceState)
    return state.status if state else "missing"
