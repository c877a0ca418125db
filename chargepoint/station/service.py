"""The service `station`: the only one that touches energy. Builds devices and connectors and lets them work.

It decides with every other service dead; what others ask comes by `calls.py`, what they see is told by `shown.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial

from chargepoint.activation import ActivationFile
from chargepoint.context import Context
from chargepoint.messages import CancelReservation, Noted, Reserve, SecurityNoted, SetTariff, TellCost
from chargepoint.records import Session
from chargepoint.station.bookkeeping import Books, keep_writing
from chargepoint.station.cabinet.assembly import Cabinet
from chargepoint.station.calls import Calls
from chargepoint.station.cards import Desk
from chargepoint.station.dc.assembly import DcParts
from chargepoint.station.dc.topology import rules_of
from chargepoint.station.device_states import DeviceStates, devices_of
from chargepoint.station.devices import most_power_w, open_controller, open_meter, open_ports
from chargepoint.station.dump import Dumps
from chargepoint.station.installed import Installed
from chargepoint.station.listening import listen
from chargepoint.station.meters import MeterPoint
from chargepoint.station.outlet import Outlet
from chargepoint.station.power import PowerSharing
from chargepoint.station.power_shown import PowerShown
from chargepoint.station.recorder import Recorder
from chargepoint.station.schedule_requests import ScheduleRequests
from chargepoint.station.shown import Shown
from chargepoint.station.site import Site
from chargepoint.station.staff.assembly import Staff
from chargepoint.station.told_costs import ToldCosts
from chargepoint.storage.database import CannotRecord
from chargepoint.storage.history import History
from chargepoint.storage.journal import Journal
from chargepoint.vocabulary import EventType, StopSource

log = logging.getLogger(__name__)

BATCH_S = 20.0
"""History and samples become durable in one batch each so many seconds (architecture.md 5)."""
RECENT_SESSIONS = 100
"""So many are looked at for charges that began within the last minute."""
STUCK_AFTER_S = 2.5
"""A connector's loop that has not gone round for this long: no beat, and the hub ends this service (hang)."""


async def run(context: Context) -> None:
    """Charge cars until asked to stop. Raises InUse when another station owns the data directory."""
    journal = await Journal.open(context.data, context.clock, context.settings.storage)
    try:
        history = await History.open(context.data, context.clock, context.settings.storage, journal.resolve)
        try:
            books = Books(journal, history, context.clock, context.bus.publish)
            books.flags_of_new = ActivationFile(context.layout.keys).flags
            await _work(context, books)
        finally:
            await history.close()
    finally:
        await journal.close()


async def _work(context: Context, books: Books) -> None:
    settings, clock = context.settings, context.clock
    noted = context.bus.subscribe(Noted, SecurityNoted)
    await books.load()
    if settings.ocpp.url:
        await books.journal.add_reader("ocpp")  # nothing is pruned before it was told
    site = Site(settings, books, clock, context.layout)
    await site.load()
    ports = open_ports(context)
    meters = {
        meter.name: MeterPoint(
            meter.name, _connector_of(context, meter.name), open_meter(meter, ports), most_power_w(settings, meter),
            books, clock, settings.station.name,
        )
        for meter in settings.meter
    }  # fmt: skip
    cabinet = Cabinet(context, site, ports, meters)
    outlets = [
        Outlet(
            connector,
            cabinet.controller_of(connector, open_controller(connector, ports, cabinet.parts)),
            meters[connector.meter],
            site,
        )
        for connector in settings.connector
    ]
    station_meter = meters.get(settings.station.meter)
    sharing = PowerSharing(settings, outlets, station_meter, site.schedules, clock)
    sharing.rules = rules_of(settings)
    dc_parts = DcParts(settings, ports, outlets, cabinet.contactors, site, context.bus)
    dc_parts.attach(sharing)
    sharing.user_limits = site.user_limits
    site.user_limits.publish = partial(context.bus.set_state, "user_limits")
    site.balance = site.schedules.balance = sharing.balance
    site.measured = sharing.measured
    site.running = lambda: [
        (outlet.charge.session.starter, outlet.charge.energy_wh)
        for outlet in outlets
        if outlet.charge is not None and outlet.charge.session.starter is not None
    ]
    shown = Shown(context.bus, site, outlets, meters, ports, sharing, cabinet)
    picture = PowerShown(outlets, sharing, dc_parts.feeding, shown.why, shown.why_told, clock, context.bus.set_state)
    site.changed = site.reservations.changed = site.closure.changed = shown.soon
    site.reservations.places = lambda: [outlet.place for outlet in outlets]
    site.reservations.claimed = lambda: {outlet.claims for outlet in outlets}
    recorder = Recorder(site, outlets, station_meter, context.bus.publish)
    await recorder.load()
    desk = Desk(site, outlets, context.bus)
    dumps = Dumps(outlets, context.data / "dumps", context.bus, clock)
    cabinet.attach(outlets, sharing, desk)
    staff = Staff(context, site, outlets, meters, cabinet, desk, dc_parts.banks, dc_parts.watches)
    devices = devices_of(settings, ports, outlets, meters, cabinet, dc_parts)
    installed = Installed(devices, books, context.bus, clock)
    await installed.load()
    for text in (books.journal.damage, books.history.damage):
        if text:
            books.note(EventType.STORAGE, "Damaged", error=text)

    for port in ports.values():
        await port.open()
    try:
        await cabinet.begin()
        await staff.begin()
        await _begin(context, site, outlets)
        by_number = {outlet.number: outlet for outlet in outlets}
        Calls(site, by_number, desk, recorder).serve(context.bus)
        ScheduleRequests(settings, site.schedules, by_number).serve(context.bus)
        cabinet.serve()
        staff.serve()
        dumps.serve()
        installed.serve()
        site.tariffs.changed = lambda state: context.bus.set_state("tariff", state)
        site.tariffs.changed(site.tariffs.state())
        context.bus.serve(SetTariff, site.tariffs.set)
        context.bus.serve(TellCost, ToldCosts(outlets, books, shown.soon).take)
        context.bus.serve(Reserve, site.reservations.reserve)
        context.bus.serve(CancelReservation, site.reservations.cancel)
        context.ready()
        await _until_stopped(
            context,
            [
                *(outlet.run() for outlet in outlets),
                *(meter.run() for meter in meters.values()),
                *(meter.signing.run() for meter in meters.values() if meter.signing is not None),
                cabinet.run(),
                *staff.works(),
                *dc_parts.works(),
                *dumps.works(),
                recorder.run(),
                keep_writing(books, BATCH_S),
                listen(context.bus, site, desk, noted),
                site.closure.run(context.bus),
                shown.run(),
                picture.run(),
                DeviceStates(context.bus, devices).run(),
                installed.run(),
                site.reservations.run(),
                site.schedules.run(),
                _each_second(context, outlets, sharing, books),
            ],
        )
        await cabinet.close()
        await dumps.close()
        await books.write_notes(at_once=True)
        await books.history.flush()
    finally:
        for port in ports.values():
            await port.close()


def _connector_of(context: Context, meter: str) -> int:
    return next((connector.number for connector in context.settings.connector if connector.meter == meter), 0)


async def _begin(context: Context, site: Site, outlets: list[Outlet]) -> None:
    """Take over what earlier runs left: facts, and charges that the controllers still run."""
    journal = site.books.journal
    facts = await journal.facts()
    left = {session.connector: session for session in await journal.unfinished()}
    begun = [
        (session.connector, session.started.mono_s)
        for session in await journal.sessions(include_garbage=True, limit=RECENT_SESSIONS)
        if session.started is not None and session.started.boot_id == site.clock.boot_id
    ]
    for outlet in outlets:
        outlet.restore(facts)
        outlet.permission.remember_starts(mono_s for number, mono_s in begun if number == outlet.number)
    await asyncio.gather(*(outlet.recover(left.get(outlet.number)) for outlet in outlets))
    cause = await site.books.write_start()
    log.info("station begins, %s", cause)
    for number in left.keys() - {outlet.number for outlet in outlets}:
        log.warning("session %d belongs to connector %d, which is no longer installed", left[number].session_id, number)
        await _end_without_connector(site.books, left[number], left[number].created.boot_id == site.clock.boot_id)


async def _end_without_connector(books: Books, session: Session, is_same_boot: bool) -> None:
    """Whatever became of its connector, a transaction has an end on record (R7); its energy is what history knows."""
    try:
        if session.started is not None and session.stopped is None:
            kept_wh = (session.meter_start_wh or 0) + await books.last_energy_wh(session.session_id)
            source = session.stop_source or (StopSource.APP_RESTART if is_same_boot else StopSource.POWER_LOSS)
            await books.stop_transaction(session, source, session.stopper, kept_wh, True)
        await books.finish_session(session)
    except CannotRecord as error:
        log.error("session %d cannot be ended now: %s", session.session_id, error)


async def _until_stopped(context: Context, works: list[Coroutine[object, object, None]]) -> None:
    """Run all works until the station stops in order. What one raises ends the service: the hub starts it again."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        await context.stopping.wait()
        for task in tasks:
            task.cancel()


async def _each_second(context: Context, outlets: list[Outlet], sharing: PowerSharing, books: Books) -> None:
    """Share the power anew each second, and beat while every connector's loop goes round.

    A loop that waits for a slow disk does not hang: to end the service would cost the other connectors their charges
    and make the disk no faster. What it holds up is its own connector, whose lease ends.
    """
    while True:
        sharing.balance()
        now = context.clock.mono()
        stuck = [outlet.number for outlet in outlets if now - outlet.beat_mono_s > STUCK_AFTER_S]
        if stuck and not books.waits_for_disk:
            log.error("connector loops %s do not go round", stuck)
        else:
            context.beat()
        await asyncio.sleep(1.0)
