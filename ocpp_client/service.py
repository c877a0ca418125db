"""Service `ocpp`: the link's life: connect, boot, serve, drain the outbox. Everything is put together here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from websockets.asyncio.client import ClientConnection

from chargepoint.bus import CallFailed, StateView, Unavailable
from chargepoint.context import Context
from chargepoint.locations import hosts_of
from chargepoint.messages import (
    ActionResult,
    Authorize,
    CallCentralSystem,
    ConnectorState,
    JournalGrew,
    ParkedPage,
    ReadFrames,
    ReadParked,
    ResendParked,
    SampleTaken,
    ServiceState,
    SetSamplingPlan,
    SettingsState,
    SupervisorState,
)
from chargepoint.version import VERSION
from chargepoint.vocabulary import LinkState, StartCause
from ocpp_client.backlog import STATION
from ocpp_client.care import Care
from ocpp_client.certificate_warnings import CertificateWarnings
from ocpp_client.certificate_words import Unfit
from ocpp_client.commissioning import Commissioning
from ocpp_client.credentials import Credentials
from ocpp_client.errands import Errands
from ocpp_client.exchange_log import ExchangeLog
from ocpp_client.kept import Kept
from ocpp_client.lanes import Lanes
from ocpp_client.link import Link
from ocpp_client.link_tests import LinkTests
from ocpp_client.orphans import Orphans
from ocpp_client.outbox import Outbox
from ocpp_client.rpc import Connection, Rpc
from ocpp_client.security_events import SecurityEvents
from ocpp_client.set_aside import SetAside
from ocpp_client.transport import address, is_alive
from ocpp_client.v16.authorisation import Authorisation
from ocpp_client.v16.certificate_renewal import Renewal
from ocpp_client.v16.certificates import Certificates
from ocpp_client.v16.compatibility import wording
from ocpp_client.v16.configuration import Configuration
from ocpp_client.v16.core import Actions, Core
from ocpp_client.v16.firmware import Firmware
from ocpp_client.v16.local_list import LocalListRequests
from ocpp_client.v16.registration import Registration, boot_payload
from ocpp_client.v16.remote_trigger import RemoteTrigger
from ocpp_client.v16.reservation import ReservationActions
from ocpp_client.v16.security import SecureFirmware
from ocpp_client.v16.smart_charging import SmartCharging
from ocpp_client.v16.status import StatusReporter
from ocpp_client.v16.telling import Teller
from ocpp_client.watching import Watching

log = logging.getLogger(__name__)

SHOW_S = 1.0
SETTINGS_WITHIN_S = 2.0
LAST_WORDS_S = 1.0
STUCK_S = 60.0
"""Beyond the time answers may take: telling that makes no step for so long hangs, and this service is ended."""
PLAN_RETRY_S = 2.0


async def run(context: Context) -> None:
    """The service: until the station stops in order."""
    kept = await Kept.open(context.data, context.clock)
    try:
        await Client(context, kept).run()
    finally:
        await kept.close()


class Client:
    """The parts of the service and what runs between them."""

    def __init__(self, context: Context, kept: Kept) -> None:
        settings = context.settings
        numbers = tuple(sorted(connector.number for connector in settings.connector))
        identity = settings.ocpp.identity or settings.station.name
        bus, clock = context.bus, context.clock
        self._context = context
        self._kept = kept
        self._store = store = kept.store
        self._household = (bus.watch("supervisor"), bus.watch(f"service/{context.name}"))
        self._shown = (bus.watch("connector/"), bus.watch("station"), bus.watch("reader/"))
        self._settings_view = bus.watch("settings")
        self._samples = bus.subscribe(SampleTaken)
        self._growth = bus.subscribe(JournalGrew)
        self._url = address(settings.ocpp.url, identity) if settings.ocpp.url else ""
        exchange = ExchangeLog(lambda: clock.now() if clock.is_set else None)
        self._watching = Watching(bus, self._url, exchange)
        self._errands = Errands(bus)
        self._plan_changed = asyncio.Event()
        allows_new = settings.update.while_charging != "drain"
        presets = {"AllowNewSessionsPendingFirmwareUpdate": allows_new, **settings.ocpp.configuration}
        self._configuration = Configuration(presets, {"NumberOfConnectors": str(len(numbers))})
        self._configuration.on_change(self._plan_changed.set)

        compatibility = settings.ocpp.compatibility
        self._rpc = Rpc(self._watching, settings.ocpp.call_timeout_s, wording(compatibility), self._is_link_alive)
        self._registration = registration = Registration(
            bus=bus,
            rpc=self._rpc,
            configuration=self._configuration,
            payload=boot_payload(settings.station, VERSION),
            boots_each_link=compatibility.boot_after_reconnect,
            on_status=self._watching.registration,
            on_open=self._opened,
            note=lambda action, text: self._watching.sent(action, None, text),
        )
        registration.on_heartbeat = self._watching.heartbeat
        self._authorisation = Authorisation(
            rpc=self._rpc,
            store=store,
            local_list=kept.local_list,
            configuration=self._configuration,
            clock=clock,
            is_open=registration.is_open,
            timeout_s=settings.ocpp.call_timeout_s,
            note=lambda action, text: self._watching.sent(action, None, text),
        )
        self._teller = Teller(
            bus=bus,
            clock=clock,
            rpc=self._rpc,
            store=store,
            configuration=self._configuration,
            authorisation=self._authorisation,
            errands=self._errands,
            connectors=self._shown[0],
            told=self._told,
            list_conflict=lambda id_tag: self._statuses.list_conflict(id_tag),
        )
        aside = SetAside(bus, store, self._teller, self._failed)
        self._lanes = Lanes(bus, store, self._teller, self._configuration, aside, self._failed)
        self._outbox = Outbox(
            bus=bus,
            store=store,
            teller=self._teller,
            lanes=self._lanes,
            aside=aside,
            orphans=Orphans(bus, clock, store),
            is_open=registration.is_open,
        )
        self._statuses = StatusReporter(
            rpc=self._rpc,
            clock=clock,
            configuration=self._configuration,
            charging_from=compatibility.charging_from,
            tells_station=compatibility.status_of_connector_0,
            is_open=registration.is_open,
            settle=self._outbox.settle,
            note=self._watching.sent,
        )
        self._security_events = SecurityEvents(
            bus=bus,
            clock=clock,
            rpc=self._rpc,
            facts=kept.facts,
            is_open=registration.is_open,
            first_seq=store.seq or 0,
            was_damaged=bool(store.damage),
            failed=self._watching.failed,
        )
        self._credentials = self._new_credentials(identity)
        self._watching.count = kept.statistics.frame
        kept.statistics.tell = lambda state: bus.set_state("link/statistics", state)
        if self._url:
            self._outbox.needed_elsewhere = lambda: self._security_events.seq
        self._rpc.router = self._actions(numbers)
        self._link_tests = self._for_people(identity)
        bus.serve(Authorize, self._authorisation.authorize)
        bus.serve(ResendParked, self._resend_parked)
        bus.serve(ReadParked, self._read_parked)
        bus.serve(ReadFrames, exchange.read)
        bus.serve(CallCentralSystem, Commissioning(self._rpc, registration.is_open, self._watching.sent).call)

    def _for_people(self, identity: str) -> LinkTests:
        """What the web pages ask for."""
        settings, watching = self._context.settings, self._watching
        Care(
            bus=self._context.bus,
            kept=self._kept,
            configuration=self._configuration,
            credentials=self._credentials,
            certificates=self._own_certificates,
            renewal=self._renewal,
            common_name=settings.station.charge_point_serial_number or identity,
            note=watching.received,
            security=watching.security,
        )
        return LinkTests(
            bus=self._context.bus,
            clock=self._context.clock,
            settings=settings.ocpp,
            identity=identity,
            credentials=self._credentials,
            watching=watching,
            boot=boot_payload(settings.station, VERSION),
            note=watching.sent,
        )

    async def _is_link_alive(self, connection: Connection) -> bool:
        """Where pings are switched off nothing is proved: then a missing answer is the central system's failure."""
        if self._configuration.number("WebSocketPingInterval") == 0 or not isinstance(connection, ClientConnection):
            return True
        return await is_alive(connection)

    def _new_credentials(self, identity: str) -> Credentials:
        configuration = self._configuration
        credentials = Credentials(
            settings=self._context.settings.ocpp,
            identity=identity,
            first_key=self._context.secrets.ocpp_authorization_key,
            facts=self._kept.facts,
            certificates=self._kept.key_store,
            watching=self._watching,
            allows_downgrade=lambda: configuration.flag("AllowSecurityProfileDowngrade"),
            show=lambda profile: configuration.set_for_now("SecurityProfile", str(profile)),
        )
        configuration.deputies["AuthorizationKey"] = credentials.change_key
        configuration.deputies["SecurityProfile"] = credentials.change_profile
        for name in ("AuthorizationKey", "SecurityProfile"):
            configuration.afterwards[name] = credentials.reconnect_afterwards
        return credentials

    def _actions(self, numbers: tuple[int, ...]) -> Actions:
        actions, settings = Actions(self._registration), self._context.settings.ocpp
        Core(
            bus=self._context.bus,
            configuration=self._configuration,
            authorisation=self._authorisation,
            store=self._store,
            note=self._watching.received,
            remote_start_id_tag=self._context.settings.ocpp.compatibility.remote_start_id_tag,
        ).add_to(actions)
        LocalListRequests(
            local_list=self._kept.local_list,
            configuration=self._configuration,
            forget_cached=self._store.forget_cached,
            note=self._watching.received,
        ).add_to(actions)
        ReservationActions(self._context.bus, self._watching.received).add_to(actions)
        SmartCharging(self._context.bus, self._store.session_of, self._watching.received).add_to(actions)
        firmware = Firmware(
            bus=self._context.bus,
            facts=self._kept.facts,
            notices=self._kept.notices,
            note=self._watching.received,
            security=self._watching.security,
            allowed_hosts=hosts_of(settings.url, settings.backup_url).union(
                settings.local_file_hosts, self._context.settings.update.allowed_hosts
            ),
        )
        firmware.add_to(actions)
        SecureFirmware(firmware, self._watching.security, self._kept.key_store.manufacturer_roots).add_to(actions)
        trigger = RemoteTrigger(
            bus=self._context.bus,
            rpc=self._rpc,
            store=self._store,
            configuration=self._configuration,
            registration=self._registration,
            statuses=self._statuses,
            firmware=firmware,
            connectors=numbers,
        )
        self._own_certificates = self._certificates(actions)
        trigger.renew = self._own_certificates.renew
        trigger.add_to(actions)
        return actions

    def _certificates(self, actions: Actions) -> Certificates:
        station, key_store = self._context.settings.station, self._kept.key_store
        common_name = station.charge_point_serial_number or self._context.settings.ocpp.identity or station.name
        secrets = self._context.secrets
        if secrets.ocpp_client_key or secrets.ocpp_client_certificate:
            try:
                key_store.use_first(secrets.ocpp_client_key.encode(), secrets.ocpp_client_certificate)
            except Unfit as error:
                log.error("secrets.toml, ocpp_client_key and ocpp_client_certificate: %s; they are not used", error)
        self._renewal = Renewal(
            key_store=key_store,
            facts=self._kept.facts,
            clock=self._context.clock,
            rpc=self._rpc,
            configuration=self._configuration,
            is_open=self._registration.is_open,
            common_name=common_name,
            note=self._watching.sent,
            failed=self._watching.failed,
        )
        certificates = Certificates(
            key_store=key_store,
            renewal=self._renewal,
            configuration=self._configuration,
            common_name=common_name,
            note=self._watching.received,
            security=self._watching.security,
            any_issuer=self._context.settings.ocpp.compatibility.any_certificate_issuer,
        )
        certificates.add_to(actions)
        return certificates

    # ------------------------------------------------------------------------------------------------------ hearing

    async def _read_parked(self, _request: ReadParked, _sender: str) -> ParkedPage:
        return ParkedPage(sessions=self._lanes.held_back())

    async def _resend_parked(self, request: ResendParked, sender: str) -> ActionResult:
        count = await self._lanes.resend(request.session_id)
        if not count:
            return ActionResult(
                ok=False,
                code="nothing_parked",
                text="Nothing of it is parked." if request.session_id else "Nothing is parked.",
            )
        self._watching.sent("Transaction", None, f"{count} session(s) told again, by {request.by or sender}")
        self._outbox.nudge()
        return ActionResult(ok=True, code="ok", text=f"{count} session(s) are being told again.")

    def _opened(self) -> None:
        self._statuses.opened()
        self._outbox.nudge()

    def _told(self, action: str, connector: int | None, text: str) -> None:
        if (
            self._lanes.waiting or self._outbox.queued < 50
        ):  # a long drain would fill the log with what it holds already
            self._watching.sent(action, connector, text)

    def _failed(self, session_id: int, connector: int, text: str) -> None:
        self._watching.failed("Transaction", connector or None, f"session {abs(session_id)}: {text}")

    async def _hear_samples(self) -> None:
        dropped = 0
        async for event in self._samples:
            if self._samples.dropped != dropped:
                dropped = self._samples.dropped
                self._outbox.missed_samples()
            self._outbox.heard_sample(event.sample)

    async def _hear_growth(self) -> None:
        async for event in self._growth:
            self._outbox.heard(event.seq)
            self._security_events.heard()

    async def _hear_states(self, view: StateView) -> None:
        async for _, value in view.changes():
            self._statuses.take(value)

    async def _hear_settings(self) -> None:
        async for _, state in self._settings_view.changes():
            if isinstance(state, SettingsState):
                self._configuration.apply(state.values)

    async def _give_plan(self) -> None:
        """Tell the station which samples to take, at once and after each change."""
        given = None
        while True:
            self._plan_changed.clear()
            plan = self._configuration.sampling_plan()
            if plan != given:
                try:
                    await self._context.bus.call(STATION, SetSamplingPlan(plan=plan))
                    given = plan
                except (Unavailable, CallFailed, TimeoutError):
                    await asyncio.sleep(PLAN_RETRY_S)
                    continue
            await self._plan_changed.wait()

    # ------------------------------------------------------------------------------------------------------ running

    async def run(self) -> None:
        """Until the station stops in order; raises what went wrong in any part."""
        await self._first_settings()
        if self._store.damage:
            self._watching.failed("ocpp.db", None, self._store.damage)
        if self._url:
            await self._credentials.begin()
        self._count_charges()
        tasks = [asyncio.create_task(work, name=name) for name, work in self._work().items()]
        self._teller.name_open_transactions()
        self._context.ready()
        try:
            await self._until_stopping(tasks)
            await self._last_words()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._statuses.close()
            await self._rpc.close()
            await self._errands.close()
            await self._link_tests.close()
            self._watching.link(LinkState.OFFLINE if self._url else LinkState.DISABLED)

    def _work(self) -> dict[str, Coroutine[Any, Any, None]]:
        work = {
            "ocpp samples": self._hear_samples(),
            "ocpp journal": self._hear_growth(),
            "ocpp settings": self._hear_settings(),
            "ocpp plan": self._give_plan(),
        }
        if not self._url:
            self._watching.link(LinkState.DISABLED)
            return work | {"ocpp outbox": self._outbox.run_alone()}
        settings = self._context.settings.ocpp
        link = Link(
            ways=self._credentials,
            clock=self._context.clock,
            rpc=self._rpc,
            watching=self._watching,
            statistics=self._kept.statistics,
            spread_s=settings.reconnect_spread_s,
            ping_interval_s=lambda: float(self._configuration.number("WebSocketPingInterval")),
            talk=self._registration.run,
        )
        return work | {
            **{f"ocpp states {view.prefix}": self._hear_states(view) for view in self._shown},
            "ocpp outbox": self._outbox.run(),
            "ocpp notices": self._kept.notices.run(self._rpc, self._registration.is_open, self._watching.failed),
            "ocpp security events": self._security_events.run(),
            "ocpp certificates": self._renewal.run(),
            "ocpp certificate warnings": CertificateWarnings(
                self._kept.key_store, self._kept.facts, self._context.clock, self._watching.failed
            ).run(),
            "ocpp statistics": self._kept.statistics.run(),
            "ocpp link": link.run(is_power_up=self._is_power_up()),
        }

    async def _first_settings(self) -> None:
        """What was changed at run time, before anything is said. Without the hub's word the presets hold."""
        try:
            async with asyncio.timeout(SETTINGS_WITHIN_S):
                state = await self._settings_view.first("settings")
        except (TimeoutError, Unavailable):
            log.warning("the hub does not tell the settings; the presets hold meanwhile")
            return
        if isinstance(state, SettingsState):
            self._configuration.apply(state.values)

    def _is_power_up(self) -> bool:
        """Whether the whole house came up just now, so that the neighbours did, too."""
        supervisor, own = (view.get(view.prefix) for view in self._household)
        if isinstance(own, ServiceState) and own.restarts > 0:
            return False
        return not isinstance(supervisor, SupervisorState) or supervisor.start_cause is not StartCause.SERVICE_RESTART

    async def _until_stopping(self, tasks: list[asyncio.Task[None]]) -> None:
        """Show counters each second until the stop. A part that ends by itself ends the service."""
        stopping = asyncio.create_task(self._context.stopping.wait(), name="ocpp stopping")
        stuck_s = STUCK_S + 3 * self._context.settings.ocpp.call_timeout_s
        try:
            while not stopping.done():
                done, _ = await asyncio.wait([stopping, *tasks], timeout=SHOW_S, return_when=asyncio.FIRST_COMPLETED)
                for task in done - {stopping}:
                    task.result()
                    raise RuntimeError(f"{task.get_name()} ended by itself")
                self._show()
                if not self._outbox.is_stuck(stuck_s):
                    self._context.beat()
        finally:
            stopping.cancel()

    def _show(self) -> None:
        self._watching.counts(
            queued=self._outbox.queued,
            parked=self._lanes.parked,
            sent=self._rpc.sent,
            received=self._rpc.received,
        )
        leaf = self._kept.key_store.own_leaf()
        self._watching.certificate(None if leaf is None else leaf.not_valid_after_utc)
        self._watching.tell()
        self._count_charges()
        self._kept.statistics.tick()

    def _count_charges(self) -> None:
        connectors = self._shown[0]
        states = (connectors.get(topic) for topic in connectors.topics())
        sessions = (state.session for state in states if isinstance(state, ConnectorState))
        self._kept.statistics.charging(one.session_id for one in sessions if one is not None and one.is_transaction)

    async def _last_words(self) -> None:
        """Tell what can be told quickly: the end of charges that were stopped just now."""
        end_s = asyncio.get_running_loop().time() + LAST_WORDS_S
        while self._registration.is_open.is_set() and self._outbox.has_rows:
            if asyncio.get_running_loop().time() >= end_s:
                log.warning("stopping with %d messages not yet told; they are on record", self._outbox.queued)
                return
            await asyncio.sleep(0.02)
