"""Looking for devices on a wire: who answers, on which line, at which address, and which driver knows it.

Nothing is ever written: a port for looking refuses every Modbus request that is not a read, and of other protocols only
the drivers' own `recognise` is asked, which by its contract reads. On a serial line every address is first asked for a
single register; only where something answers, be it with a refusal, are the drivers' questions put: first of those that
know their device for sure. Each wire is opened for this process alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any

import msgspec

from drivers import loading
from drivers.about import About, Line
from drivers.codecs.modbus import Request, read_holding, read_input
from drivers.errors import DeviceError, Refused
from drivers.interfaces import Identity
from drivers.ports.can import CanPort
from drivers.ports.http import HttpPort
from drivers.ports.port import Port, Priority

log = logging.getLogger(__name__)

KINDS = ("controllers", "meters", "io", "climate", "insulation", "power", "ups", "readers")
"""Kinds of drivers that are looked for, in their order."""
COMMON = (
    "controllers.native", "meters.eastron", "controllers.evse_din", "meters.carlo_gavazzi", "meters.abb",
    "meters.schneider", "meters.iskra", "io.waveshare", "io.wirenboard", "io.icpdas", "climate.xy_md02",
    "climate.wirenboard", "insulation.bender_isocha",
)  # fmt: skip
"""Drivers whose devices are met most, the most common first."""
GUESSING = frozenset(
    f"{kind}.{name}"
    for kind, names in {
        "controllers": ("evse_din", "viridian", "heidelberg", "smartevse", "abb_terra"),
        "meters": ("acrel", "chint", "dzg"),
    }.items()
    for name in names
)
"""Drivers that know their device only by values that are plausible: asked when nobody else knows it."""
PROBE_S = 0.12
"""A device that does not begin to answer the first question within this is not there."""
RECOGNISE_S = 3.5
"""The longest one driver may take to look at one address."""
MISSES = 3
"""Modules on a CAN bus have consecutive addresses; after so many empty ones no more are looked for."""
MISSES_OF = {"controllers.native": 16}
"""Nodes of CANopen may have any number; so many empty ones in a row are the end of them."""
MOST_MODULES = 64
COMMON_LINE = Line(9600)


class Candidate(msgspec.Struct, frozen=True):
    """A driver that can recognise its devices."""

    kind: str
    name: str
    module: ModuleType

    @property
    def about(self) -> About:
        about: About = self.module.ABOUT
        return about

    @property
    def full_name(self) -> str:
        return f"{self.kind}.{self.name}"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A device. `driver` empty: something answers that no driver knows. `line`: how the wire was set when it did.
    `port` empty: a reader of the PC/SC service, whose name is its model."""

    port: str
    address: int
    kind: str = ""
    driver: str = ""
    identity: Identity = Identity()
    line: Line | None = None

    def __str__(self) -> str:
        what = " ".join(filter(None, (self.identity.vendor, self.identity.model))) or "something no driver knows"
        serial = f", serial number {self.identity.serial}" if self.identity.serial else ""
        by = f" (driver {self.driver})" if self.driver else ""
        place = f"{self.port}, address {self.address}" if self.port else "PC/SC"
        return f"{place}: {what}{serial}{by}"


Report = Callable[[str], None]
"""Told of the progress, a line of text each."""
Tell = Callable[[Found], None]
"""Told of each device at once, so that what was found before the time is over is not lost."""


class LookingPort(Port):
    """A port that refuses to write."""

    async def exchange(
        self,
        request: Request,
        *,
        priority: Priority = Priority.POLL,
        timeout_s: float | None = None,
        quiet_s: float = 0.0,
    ) -> tuple[int, ...]:
        if not request.is_read:
            raise Refused(f"{request} on port '{self.name}': nothing is written while devices are looked for")
        self._deaf = 0  # most addresses are silent: no reason to make a TCP connection anew
        return await super().exchange(request, priority=priority, timeout_s=timeout_s, quiet_s=quiet_s)


def candidates(port_kind: str, kinds: Sequence[str] = KINDS) -> tuple[Candidate, ...]:
    """The drivers that can recognise devices on such a port, in the order in which they are asked."""
    found = []
    for kind in kinds:
        for name in loading.known(kind):
            try:
                module = loading.load(kind, name)
            except (loading.UnknownDriver, ImportError):  # needs something that is not installed
                continue
            if hasattr(module, "recognise") and hasattr(module, "ABOUT") and port_kind in module.ABOUT.ports:
                found.append(Candidate(kind, name, module))
    return tuple(sorted(found, key=_rank))


def lines(drivers: Iterable[Candidate]) -> tuple[Line, ...]:
    """Settings of a serial line in the order of their trial: what most devices leave the factory with first."""
    votes: Counter[Line] = Counter()
    for driver in drivers:
        for place, line in enumerate(driver.about.lines):
            votes[line] += 4 if place == 0 else 1
    for name in COMMON[:1]:
        votes.update({line: 20 for driver in drivers if driver.full_name == name for line in driver.about.lines[:1]})
    votes[COMMON_LINE] += 100
    return tuple(line for line, _ in votes.most_common())


def addresses(drivers: Iterable[Candidate], wanted: Iterable[int]) -> tuple[int, ...]:
    """`wanted` and the drivers' factory addresses, without repeats; the factory's come first."""
    factory = [
        address
        for driver in drivers
        if driver.about.is_modbus
        for address in driver.about.addresses
        if 1 <= address <= 247
    ]
    return tuple(dict.fromkeys((*sorted(set(factory) & set(wanted)), *wanted, *factory)))


async def search_serial(
    name: str,
    opening: Callable[[Line], LookingPort],
    of_lines: Sequence[Line],
    drivers: Sequence[Candidate],
    wanted: Sequence[int],
    tell: Tell,
    report: Report,
) -> str:
    """Look at one serial wire, line by line until one has devices. `opening` gives the port for a line.

    Returns why the wire could not be looked at, or empty.
    """
    for line in of_lines:
        async with opening(line) as port:
            if not port.is_open:
                return port.error
            places = addresses([driver for driver in drivers if line in driver.about.lines], wanted)
            report(f"{name}, {line}: {len(places)} addresses")
            if await search_bus(name, port, drivers, places, tell, line):
                return ""
    return ""


async def search_bus(
    name: str,
    port: Port,
    drivers: Sequence[Candidate],
    places: Iterable[int],
    tell: Tell,
    line: Line | None = None,
) -> int:
    """Look at addresses of an open serial or TCP port, then for devices of other protocols as they are delivered; how
    many devices were found."""
    number = 0
    for address in places:
        if not port.is_open:
            break
        found = await look_at(name, port, drivers, address, line)
        if found is not None:
            tell(found)
            number += 1
    if number == 0:
        number = await search_others(name, port, drivers, tell, line)
    return number


async def look_at(
    name: str,
    port: Port,
    drivers: Sequence[Candidate],
    address: int,
    line: Line | None = None,
    *,
    is_there: bool = False,
) -> Found | None:
    """Who is at a Modbus address; None when nobody is. `is_there`: somebody is known to be."""
    if not is_there and not await _is_there(port, address):
        return None
    for driver in drivers:
        if driver.about.is_modbus:
            identity = await _recognised(driver, port, address)
            if identity is not None:
                return _found(driver, name, address, identity, line)
    return Found(port=name, address=address, line=line)


async def search_others(
    name: str, port: Port, drivers: Sequence[Candidate], tell: Tell, line: Line | None = None
) -> int:
    """Look for devices of other protocols than Modbus, at the addresses they are delivered with."""
    number = 0
    for driver in drivers:
        if driver.about.is_modbus or (line is not None and line not in driver.about.lines):
            continue
        for address in driver.about.addresses or (0,):
            identity = await _recognised(driver, port, address) if port.is_open else None
            if identity is not None:
                tell(_found(driver, name, address, identity, line))
                number += 1
                break
    return number


async def search_can(
    name: str, port: CanPort, drivers: Sequence[Candidate], tell: Tell, report: Report, most: int = MOST_MODULES
) -> int:
    """Look at an open CAN bus. Modules are counted up from their first address; of their families one is on a bus."""
    number, has_modules = 0, False
    for driver in drivers:
        if driver.kind == "power" and has_modules:
            continue
        report(f"{name}: {driver.name}")
        first = driver.about.addresses[0] if driver.about.addresses else 1
        misses = 0
        for address in range(first, first + most):
            identity = await _recognised(driver, port, address)
            if identity is None:
                misses += 1
                if misses >= MISSES_OF.get(driver.full_name, MISSES):
                    break
                continue
            misses, number = 0, number + 1
            has_modules |= driver.kind == "power"
            tell(_found(driver, name, address, identity))
    return number


async def search_http(name: str, port: HttpPort, drivers: Sequence[Candidate], tell: Tell) -> int:
    """Look at an open web interface."""
    for driver in drivers:
        identity = await _recognised(driver, port, 1)
        if identity is not None:
            tell(_found(driver, name, 1, identity))
            return 1
    return 0


def _found(driver: Candidate, port: str, address: int, identity: Identity, line: Line | None = None) -> Found:
    return Found(port=port, address=address, kind=driver.kind, driver=driver.name, identity=identity, line=line)


async def _is_there(port: Port, address: int) -> bool:
    """Whether anything answers Modbus at this address, if only with a refusal."""
    for question in (read_holding(address, 0, 1), read_input(address, 0, 1)):
        try:
            await port.exchange(question, timeout_s=PROBE_S)
        except Refused:
            return True
        except DeviceError:
            continue
        return True
    return False


async def _recognised(driver: Candidate, port: Any, address: int) -> Identity | None:
    try:
        async with asyncio.timeout(RECOGNISE_S):
            identity: Identity | None = await driver.module.recognise(port, address)
            return identity
    except (DeviceError, TimeoutError):
        return None
    except Exception as error:  # bytes of a device that its driver does not know: not this one
        log.debug("driver %s at address %d: %r", driver.full_name, address, error)
        return None


def _rank(driver: Candidate) -> tuple[int, int, int, str]:
    common = COMMON.index(driver.full_name) if driver.full_name in COMMON else len(COMMON)
    return (driver.full_name in GUESSING, common, KINDS.index(driver.kind), driver.name)
