"""The deeds of a scenario carried out on the simulated devices, the simulated central system and the station's bus."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp
import msgspec

from chargepoint.bus import CallFailed, Unavailable
from chargepoint.commands.view import MOST_STORY
from chargepoint.commands.watching import Watcher
from chargepoint.config import Settings
from chargepoint.demo.central import CentralDoor, ServerLedger
from chargepoint.demo.stories import Failed, Part, Place, known_cards
from chargepoint.demo.summary import Books, Closing, transactions_of
from chargepoint.messages import ConnectorState, LinkStatus, ReadJournal
from chargepoint.records import JournalRow
from chargepoint.vocabulary import InputFunction, PowerType
from drivers.simulated.client import ControlRefused, SimulationClient
from drivers.simulated.meter import MeterFaults
from drivers.simulated.models import BankFaults
from drivers.simulated.module_bank import ModuleFault
from drivers.simulated.vehicle import PlugOptions
from drivers.simulated.wiring import InputDeed
from drivers.simulated.words import StationState as Truth

LOG_ENTRIES = 5000
SOCKET, NATIVE = "socket", "native"
"""Drivers: a household socket hears no vehicle; a controller of the open protocol has an emergency contact."""
JOURNAL_KINDS = ("SessionCreated", "TransactionStarted", "TransactionStopped")


class DemoWorld:
    """`World` of one run; also collects what the books are made of."""

    def __init__(
        self, settings: Settings, watcher: Watcher, simulation: SimulationClient, central: CentralDoor | None
    ) -> None:
        self.settings = settings
        self.story: deque[str] = deque(maxlen=MOST_STORY)
        self.on_say: Callable[[str], None] = lambda text: None
        self.inherited = False
        self._watcher = watcher
        self._simulation = simulation
        self._central = central
        self._first_seq = 0
        self._at_start: Truth | None = None
        self._readers = {
            number: reader.name
            for reader in reversed(settings.reader)
            for number in reader.connectors or tuple(one.number for one in settings.connector)
        }
        self._places = tuple(
            Place(
                one.number,
                one.type.power_type is PowerType.DC,
                one.max_power_w,
                has_reader=one.number in self._readers,
                is_free=settings.station.free_mode,
            )
            for one in settings.connector
        )

    @property
    def connectors(self) -> Sequence[Place]:
        return self._places

    @property
    def identity(self) -> str:
        """The station's name at the central system."""
        return self.settings.ocpp.identity or self.settings.station.name

    def state(self, connector: int) -> ConnectorState | None:
        state = self._watcher.states.get(f"connector/{connector}")
        return state if isinstance(state, ConnectorState) else None

    async def until(self, connector: int, holds: Callable[[ConnectorState], bool], timeout_s: float) -> bool:
        def check() -> bool:
            state = self.state(connector)
            return state is not None and holds(state)

        return await self._watcher.until(check, timeout_s)

    def say(self, text: str) -> None:
        self.story.append(text)
        self.on_say(text)

    # ------------------------------------------------------------------------------------------------- cars and cards

    async def plug(self, connector: int, options: dict[str, Any]) -> None:
        await _do(self._simulation.plug(connector, msgspec.convert(options, PlugOptions)))

    async def unplug(self, connector: int) -> None:
        """The car goes; nothing happens where there is none."""
        truth = await _do(self._simulation.state(0))
        place = truth.connector(connector)
        if place.vehicle is not None or place.vehicle_coming:
            await _do(self._simulation.unplug(connector))

    async def pause(self, connector: int) -> None:
        await _do(self._simulation.pause(connector))

    async def resume(self, connector: int) -> None:
        await _do(self._simulation.resume(connector))

    async def tap(self, connector: int, uid: str) -> None:
        if connector not in self._readers:
            raise Failed(f"no card reader stands for connector {connector}")
        await _do(self._simulation.tap(self._readers[connector], uid, (connector,)))

    async def remote_start(self, connector: int, uid: str) -> None:
        await self._order("RemoteStartTransaction", {"connectorId": connector, "idTag": uid})

    async def remote_stop(self, connector: int) -> None:
        for transaction in reversed((await self._door.ledger()).transactions):
            if transaction.connector == connector and transaction.meter_stop_wh is None:
                await self._order("RemoteStopTransaction", {"transactionId": transaction.ids[-1]})
                return
        raise Failed(f"the central system knows of no transaction at connector {connector}")

    @property
    def _door(self) -> CentralDoor:
        if self._central is None:
            raise Failed("this needs the simulated central system")
        return self._central

    async def _order(self, action: str, payload: dict[str, Any]) -> None:
        answer = await self._door.call(self.identity, action, payload)
        if answer.get("status") != "Accepted":
            raise Failed(f"{action}: the station answers {answer}")

    # ------------------------------------------------------------------------------------------------------- bad luck

    async def break_connector(self, connector: int, code: str) -> None:
        await _do(self._simulation.fault(connector, code))

    async def mend_connector(self, connector: int) -> None:
        await _do(self._simulation.clear(connector))

    async def press_emergency(self, pressed: bool) -> None:
        await _do(self._simulation.emergency(pressed))

    async def cut_cable(self, connector: int, is_cut: bool) -> None:
        port = self.settings.connector_settings(connector).port
        await _do(self._simulation.cut(port) if is_cut else self._simulation.restore(port))

    async def silence_meter(self, connector: int, is_silent: bool) -> None:
        meter = self.settings.connector_settings(connector).meter
        await _do(self._simulation.set_meter(meter, MeterFaults(silent=is_silent)))

    async def lose_module(self, connector: int, is_lost: bool) -> None:
        bank = self.settings.connector_settings(connector).modules
        module = next(each.addresses[0] for each in self.settings.modules if each.name == bank)
        fault = BankFaults(module=module, fault=ModuleFault.CUT, clear=not is_lost)
        await _do(self._simulation.do("modules", bank, fault))

    async def open_door(self, is_open: bool) -> None:
        for contact in self.settings.input:
            if contact.function is InputFunction.DOOR:
                await _do(self._simulation.do("input", contact.name, InputDeed(active=is_open)))

    def can_break(self, connector: int, part: Part) -> bool:
        settings = self.settings.connector_settings(connector)
        contacts = {contact.function for contact in self.settings.input}
        match part:
            case Part.VEHICLE:
                return settings.driver != SOCKET
            case Part.METER:
                return bool(settings.meter)
            case Part.MODULE:
                return bool(settings.modules)
            case Part.DOOR:
                return InputFunction.DOOR in contacts
            case Part.BUTTON:  # controllers of the open protocol have a contact of their own for it
                return InputFunction.EMERGENCY_STOP in contacts or settings.driver == NATIVE
            case Part.WIRE:
                return bool(settings.port)

    async def take_server_away(self, is_away: bool) -> None:
        await self._door.be_away(is_away)

    async def introduce_cards(self) -> None:
        """The simulated central system accepts the drivers' cards, the station's stand-ins, and no others."""
        if self._central is not None:
            station = self.settings.station
            stand_ins = (station.free_mode_id_tag, station.plug_and_charge_id_tag)
            await self._central.know_cards([*known_cards(self._places), *stand_ins])

    async def send_everybody_away(self) -> None:
        """Whoever still stands at a connector leaves."""
        for place in self._places:
            await self.unplug(place.number)

    # ------------------------------------------------------------------------------------------------------ the books

    async def open_books(self) -> None:
        """What holds before the first visit. Raises Failed."""
        self._at_start = await _do(self._simulation.state(0))
        self._first_seq = (await self._journal(0, limit=1))[1]

    async def books(self, visits: int) -> Books:
        """Everything that is compared, now. Raises Failed."""
        assert self._at_start is not None
        truth = await _do(self._simulation.state(LOG_ENTRIES))
        rows = await self._journal_since_start()
        link = self._watcher.states.get("link")
        link = link if isinstance(link, LinkStatus) else None
        ledger: ServerLedger | None = None if self._central is None else await self._central.ledger()
        return Books(
            transactions=transactions_of(rows),
            sessions=sum(type(row.entry).__name__ == "SessionCreated" for row in rows),
            visits=visits,
            meters_wh=self._meters_wh(truth, self._at_start),
            vehicles_wh={
                one.number: one.energy_wh - self._at_start.connector(one.number).energy_wh for one in truth.connectors
            },
            closings=_closings(truth),
            ledger=ledger,
            queued=0 if link is None else link.queued,
            parked=0 if link is None else link.parked,
            sent=0 if link is None else link.sent,
            inherited=self.inherited,
            switchings=len(truth.switchings),
            sins=tuple(f"{sin.rule}: {sin.what}" for sin in truth.sins),
        )

    def _meters_wh(self, truth: Truth, before: Truth) -> dict[int, float]:
        """What each meter counted, where it serves one connector only."""
        names = [one.meter for one in self.settings.connector]
        return {
            one.number: (truth.meter(one.meter).import_wh or 0.0) - (before.meter(one.meter).import_wh or 0.0)
            for one in self.settings.connector
            if names.count(one.meter) == 1
        }

    async def _journal_since_start(self) -> list[JournalRow]:
        rows: list[JournalRow] = []
        after = self._first_seq
        while True:
            page, last_seq, read_to = await self._page(after)
            rows += page
            if read_to >= last_seq or read_to <= after:
                return rows
            after = read_to

    async def _page(self, after: int) -> tuple[list[JournalRow], int, int]:
        bus = self._watcher.bus
        if bus is None:
            raise Failed("the station does not answer at its administrators' door")
        try:
            page = await bus.call("station", ReadJournal(after_seq=after, kinds=JOURNAL_KINDS))
        except (Unavailable, CallFailed, TimeoutError) as error:
            raise Failed(f"the station's journal cannot be read: {error}") from None
        return list(page.rows), page.last_seq, page.read_to

    async def _journal(self, after: int, limit: int) -> tuple[list[JournalRow], int]:
        page, last_seq, _ = await self._page(after)
        return page[:limit], last_seq


def _closings(truth: Truth) -> tuple[Closing, ...]:
    return tuple(
        Closing(
            connector=event.connector,
            session_ref=event.session_ref,
            lease_left_s=event.lease_left_s,
            vehicle_asks=event.vehicle_asks,
            fault=event.fault,
            at_mono_s=event.at_s,
        )
        for place in truth.connectors
        for event in place.contactor_log
        if event.closed
    )


async def _do(deed: Awaitable[Any]) -> Any:
    try:
        return await deed
    except (ControlRefused, aiohttp.ClientError, TimeoutError) as error:
        raise Failed(f"simulated devices: {error}") from None
