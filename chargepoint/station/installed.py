"""Is what was found what is configured? Every device is asked who it is, in the background, and compared with who it
was: at each start of the station, and again whenever it answers after having been silent.

A difference is told (`InstalledState`, `DeviceState.expected_serial`, one line in the journal) and stops nothing: a
station with an exchanged meter goes on charging, and the books are kept right by the meter itself (`meters.py`, R12).
Who a device was is a fact of the journal; the new one takes its place when a technician has accepted it.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import msgspec

from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.messages import AcceptDevices, ActionResult, Difference, InstalledState
from chargepoint.station.asking import asked
from chargepoint.station.bookkeeping import Books
from chargepoint.station.device_states import Device
from chargepoint.station.kept_facts import decoded
from chargepoint.storage.database import CannotRecord
from chargepoint.vocabulary import EventType
from drivers import discovery, loading
from drivers.errors import DeviceError, NoAnswer
from drivers.interfaces import Identity
from drivers.ports.port import Port

log = logging.getLogger(__name__)

FACT = "installed/"
"""Before KIND/NAME: who a device was, as JSON of `Identity`."""
FIRST_AFTER_S = 5.0
"""The connectors and their charges come first."""
BETWEEN_S = 0.2
"""Between two devices, so that polls and orders are not held up."""
EVERY_S = 2.0
AGAIN_AFTER_S = 30.0
"""A device that could not say who it is is asked again."""
SILENT_AFTER_S = 60.0
"""A device that has not answered for so long since the start is missing."""
ASK_WITHIN_S = 5.0
TELL_EVERY_S = 30.0


class Known(msgspec.Struct):
    """What is remembered of a device while this software runs."""

    asked_mono_s: float | None = None
    is_due: bool = True
    was_answering: bool = False
    is_looked_at: bool = False
    difference: str = ""
    told: Difference | None = None


class Installed:
    """Asks, compares, tells. `run` must be running."""

    def __init__(self, devices: Sequence[Device], books: Books, bus: Bus, clock: Clock) -> None:
        self._devices = devices
        self._books = books
        self._bus = bus
        self._clock = clock
        self._known = {id(device): Known() for device in devices}
        self._begun_mono_s = self._told_mono_s = clock.mono()
        self._told: InstalledState | None = None

    @property
    def state(self) -> InstalledState:
        """As it is now."""
        return InstalledState(
            is_complete=all(device.found is not None for device in self._devices if device.identify is not None),
            differences=tuple(known.difference for known in self._known.values() if known.difference),
            told=tuple(known.told for known in self._known.values() if known.told is not None),
        )

    def serve(self) -> None:
        """Take what technicians ask."""
        self._bus.serve(AcceptDevices, self.accept)

    async def load(self) -> None:
        """Who the devices were."""
        facts = await self._books.journal.facts(FACT)
        for device in self._devices:
            key = _fact_of(device)
            device.expected = decoded(key, facts.get(key), Identity)

    async def run(self) -> None:
        """Until cancelled."""
        self._tell()
        await asyncio.sleep(FIRST_AFTER_S)
        while True:
            for device in self._devices:
                await self._visit(device)
            self._tell()
            await asyncio.sleep(EVERY_S)

    async def accept(self, request: AcceptDevices, sender: str) -> ActionResult:
        """What is found now is what is installed, of one device or of all."""
        changed: dict[str, bytes | None] = {}
        for device in self._devices:
            if request.name and (device.kind, device.name) != (request.kind, request.name):
                continue
            if device.found not in (None, Identity(), device.expected):
                changed[_fact_of(device)] = msgspec.json.encode(device.found)
        if not changed:
            return ActionResult(ok=False, code="nothing_changed", text="no device found differs from the one before")
        try:
            await self._books.write(facts=changed)
        except CannotRecord as error:
            return ActionResult(ok=False, code="cannot_record", text=str(error))
        for device in self._devices:
            if _fact_of(device) in changed:
                device.expected = device.found
                self._set(device, "")
        return ActionResult(ok=True, code="ok", text=f"{len(changed)} accepted")

    # ------------------------------------------------------------------------------------------------------ inside

    def _tell(self) -> None:
        """When it has changed, and now and then."""
        state, now = self.state, self._clock.mono()
        if state != self._told or now - self._told_mono_s >= TELL_EVERY_S:
            self._told, self._told_mono_s = state, now
            self._bus.set_state("installed", state)

    async def _visit(self, device: Device) -> None:
        """Ask a device who it is when that is due; notice one that is missing or has come back."""
        known, now = self._known[id(device)], self._clock.mono()
        is_answering = device.is_answering
        if is_answering and not known.was_answering:
            known.is_due = True
        known.was_answering = is_answering
        if device.identify is None:
            return
        if not is_answering and device.found is None and now - self._begun_mono_s >= SILENT_AFTER_S:
            why = f": {device.counted.last_error}" if device.counted.last_error else ""
            self._set(device, f"{device} does not answer{why}", "silent")
        if not known.is_due or (known.asked_mono_s is not None and now - known.asked_mono_s < AGAIN_AFTER_S):
            return
        known.asked_mono_s = now
        await self._ask(device, known)
        await asyncio.sleep(BETWEEN_S)

    async def _ask(self, device: Device, known: Known) -> None:
        assert device.identify is not None
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                found = await asked(device.identify(), str(device))
        except (NoAnswer, TimeoutError):
            return  # silence is told by those who poll it
        except DeviceError as error:
            known.is_due = False
            await self._suspect(device, known, str(error))
            return
        known.is_due = False
        device.found = found
        if found == Identity():  # it tells nothing of itself
            self._set(device, "")
            return
        await self._compare(device, found)
        if not known.difference:
            await self._suspect(device, known, "")

    async def _compare(self, device: Device, found: Identity) -> None:
        """With who it was. A new firmware is no other device; it is written down and that is all."""
        expected = device.expected
        if expected is None:
            self._set(device, "")
            await self._remember(device, found)
            return
        values = difference_of(expected, found)
        if values:
            text = f"{values['what']} {values['now']} instead of {values['before']}: it was exchanged"
            self._set(device, f"{device}: {text}", "exchanged", **values)
            return
        self._set(device, "")
        found = with_what_was_told(expected, found)
        if found != expected:
            if found.firmware_version != expected.firmware_version:
                text = f"{device}: firmware {expected.firmware_version or '?'} -> {found.firmware_version or '?'}"
                log.info(text)
                self._books.note(EventType.DEVICE_STATE, "Success", text)
            await self._remember(device, found)

    async def _remember(self, device: Device, found: Identity) -> None:
        try:
            await self._books.write(facts={_fact_of(device): msgspec.json.encode(found)})
        except CannotRecord as error:
            log.debug("%s: who it is is kept later: %s", device, error)
            return
        device.expected = found

    async def _suspect(self, device: Device, known: Known, error: str) -> None:
        """Is it another kind of device than its driver is for? Once a start, by the drivers' own recognition: it only
        reads."""
        driver = loading.load(loading.KIND_OF_SECTION[device.kind], device.driver)
        if known.is_looked_at or not _can_be_looked_at(device, driver):
            if error:
                self._set(device, f"{device} does not say who it is: {error}", "refuses", error=error)
            return
        known.is_looked_at = True
        found = await self._recognised(device, driver)
        if found is not None and found.driver == device.driver:
            wrong = wrong_model(driver, getattr(device.section, "options", {}), found.identity.model)
            if not wrong:
                self._set(device, "")
                return
            text = f"it says it is a {wrong['found']}, configured is {wrong['configured']}"
            self._set(device, f"{device}: {text}", "other_model", **wrong)
        elif found is not None and found.driver:
            model = f"{found.identity.vendor} {found.identity.model}".strip()
            text = f"what answers is a {model}".rstrip()
            self._set(
                device, f"{device}: {text}, for driver {found.driver!r}; configured is {device.driver!r}", "other_kind",
                found=model, driver=found.driver, configured=device.driver,
            )  # fmt: skip
        elif error:
            self._set(device, f"{device} does not say who it is: {error}", "refuses", error=error)

    async def _recognised(self, device: Device, driver: ModuleType) -> discovery.Found | None:
        """Its own driver is asked first, then the others that know their devices for sure: only now they are loaded."""
        assert isinstance(device.port, Port)
        kind, port = loading.KIND_OF_SECTION[device.kind], device.port
        own = discovery.Candidate(kind, device.driver, driver)
        found = await discovery.look_at(port.name, port, [own], device.address, is_there=True)
        if found is not None and found.driver == device.driver:
            return found
        others = [
            each
            for each in discovery.candidates(port.kind)
            if each.about.is_modbus and each.full_name not in discovery.GUESSING and each != own
        ]
        return await discovery.look_at(port.name, port, others, device.address, is_there=True)

    def _set(self, device: Device, difference: str, key: str = "", **values: str) -> None:
        """A difference begins or ends: one line for each. `key`, `values`: the same for screens (`Difference`)."""
        known = self._known[id(device)]
        if difference == known.difference:
            return
        if difference:
            log.warning("%s", difference)
            self._books.note(EventType.STATION_CONFIGURED, "Error", error=difference)
        else:
            text = f"{device} is again the one configured"
            log.info("%s", text)
            self._books.note(EventType.STATION_CONFIGURED, "Success", text)
        known.difference = device.note = difference
        known.told = Difference(kind=device.kind, name=device.name, key=key, values=values) if difference else None


def difference_of(expected: Identity, found: Identity) -> dict[str, str]:
    """How a device differs from the one that was there (`what`, `before`, `now`); empty when it is the same. What one
    of both does not tell is no difference."""
    for what, before, now in (
        ("vendor", expected.vendor, found.vendor),
        ("model", expected.model, found.model),
        ("serial number", expected.serial, found.serial),
    ):
        if before and now and before != now:
            return {"what": what, "before": before, "now": now}
    return {}


def with_what_was_told(expected: Identity, found: Identity) -> Identity:
    """Who a device is, where it does not tell all of it this time (busy, a damaged answer): its number is not forgotten
    for that."""
    told = {name: value for name, value in msgspec.structs.asdict(found).items() if value}
    return msgspec.structs.replace(expected, **told)


def wrong_model(driver: ModuleType, options: Mapping[str, Any], told: str) -> dict[str, str]:
    """The models `found` and `configured`, where a device says that it is another of its driver's; empty when not."""
    words = getattr(driver, "Model", None)
    if not (isinstance(words, type) and issubclass(words, enum.StrEnum)):
        return {}
    field = next((each for each in msgspec.structs.fields(driver.Settings) if each.name == "model"), None)
    configured = options.get("model", getattr(field, "default", None))
    names = {word.value for word in words}
    if told in names and configured in names and told != configured:
        return {"found": told, "configured": str(configured)}
    return {}


def _can_be_looked_at(device: Device, driver: ModuleType) -> bool:
    about = getattr(driver, "ABOUT", None)
    full_name = f"{loading.KIND_OF_SECTION[device.kind]}.{device.driver}"
    return (
        isinstance(device.port, Port)
        and hasattr(driver, "recognise")
        and about is not None
        and about.is_modbus
        and full_name not in discovery.GUESSING
        and device.kind != "ups"
        and 1 <= device.address <= 255
    )


def _fact_of(device: Device) -> str:
    return f"{FACT}{device.kind}/{device.name}"
