"""Starts and stops as people ask for them: by card, from the central system, from the service menu.

Who may charge is decided by `access.py`; where it leaves the question open the central system is asked (`ocpp`). What
is decided becomes an event in the connector's inbox.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.masking import mask
from chargepoint.messages import (
    ActionResult,
    Authorization,
    Authorize,
    CardHandled,
    CardOutcome,
    CardSeen,
    ChooseConnector,
    PresentCard,
    StartAtScreen,
    StartCharging,
)
from chargepoint.records import Credential
from chargepoint.station.access import RESERVED_TEXT, CardMeaning, ConnectorView, Verdict, meaning_of_card, verdict
from chargepoint.station.at_screen import AtScreen
from chargepoint.station.connector import Authorised, Phase, StopAsked
from chargepoint.station.outlet import Outlet
from chargepoint.station.schedule_requests import refusal_of_start
from chargepoint.station.site import Site
from chargepoint.station.status import Refusal, why_no_start
from chargepoint.vocabulary import (
    AuthorizationBasis,
    CredentialType,
    EventType,
    LogicalStatus,
    OperatingMode,
    StartSource,
    StopSource,
)

log = logging.getLogger(__name__)

AUTHORIZE_WITHIN_S = 35.0
"""Longer than the central system may take to answer; `ocpp` decides by its off-line rules before that."""
GROUP_WITHIN_S = 4.0
"""A remote start of a reserved connector waits so long to learn the group of its idTag; then it is refused."""
MAX_CHECKS = 16
"""Remote starts whose credential is being checked at one time (S8)."""


class Desk:
    """Where every wish to start or stop a charge is settled."""

    def __init__(self, site: Site, outlets: Sequence[Outlet], bus: Bus) -> None:
        self._site = site
        self._outlets = {outlet.number: outlet for outlet in outlets}
        self._bus = bus
        self._tasks: set[asyncio.Task[None]] = set()
        self.at_screen = AtScreen(site.settings.screen.is_fitted, site.clock.mono)
        self.card_seen: Callable[[PresentCard], None] = lambda request: None
        """A card is about to be checked; and what came of it. For lights, set by the cabinet."""
        self.card_handled: Callable[[PresentCard, CardOutcome], None] = lambda request, outcome: None

    # ------------------------------------------------------------------------------------------------- by card

    async def present_card(self, request: PresentCard, sender: str) -> CardOutcome:
        """A card is held to a reader: start, stop, choose, or refuse (hmi.md: one card, one meaning)."""
        self.card_seen(request)
        self._bus.publish(CardSeen(reader=request.reader, uid=request.uid))
        outcome = self._with_reason(request, await self._card(request))
        self.card_handled(request, outcome)
        self._bus.publish(
            CardHandled(
                reader=request.reader,
                uid=request.uid,
                outcome=outcome.outcome,
                connector=outcome.connector,
                text=outcome.text,
            )
        )
        log.info("reader '%s': card %s, %s", request.reader, mask(request.uid), outcome.outcome)
        return outcome

    def _with_reason(self, request: PresentCard, outcome: CardOutcome) -> CardOutcome:
        """Where the one reason against a start is known of all connectors that can be meant, it is told."""
        if outcome.outcome != "unavailable" or outcome.connector is not None:
            return outcome
        holds = [self._site.holds.of(number) for number in request.connectors or tuple(self._outlets)]
        texts = {hold.text if hold is not None else "" for hold in holds}
        text = texts.pop() if len(texts) == 1 else ""
        return msgspec.structs.replace(outcome, text=text) if text else outcome

    async def _card(self, request: PresentCard) -> CardOutcome:
        credential = Credential(request.uid, CredentialType.RFID)
        meaning = self._meaning(credential, request.connectors)
        if meaning.deed in ("stop", "cancel") and meaning.connector is not None:
            return await self._stop_by_card(meaning.connector, credential)
        free = self._site.without_asking(None, card=credential)
        if free is not None:
            if meaning.connector is None:
                if meaning.deed == "choose":
                    self.at_screen.card_waits(free)
                return _no_start(meaning)
            return await self._start_by_card(meaning.connector, free)
        if self._site.mode is OperatingMode.MANUAL:
            return CardOutcome(outcome="refused", text="This station is started from the app.")
        if meaning.deed == "nothing" and not self._may_group_matter(request.connectors):
            return _no_start(meaning)
        decision, permission = await self._may_charge(credential, meaning.connector)
        if permission is None:
            self._note_refusal(credential, decision.reason)
            return CardOutcome(outcome="refused", connector=meaning.connector, text=decision.reason)
        if permission.parent and not credential.parent:
            credential = msgspec.structs.replace(credential, parent=permission.parent)
            meaning = self._meaning(credential, request.connectors)
            if meaning.deed == "stop" and meaning.connector is not None:
                return await self._stop_by_card(meaning.connector, credential)
        self._site.books.note(EventType.USER_AUTHORIZED, credential.type, mask(credential.value))
        authorised = self._authorised(credential, StartSource.LOCAL, permission)
        if meaning.deed not in ("start", "wait_for_ev") or meaning.connector is None:
            if meaning.deed == "choose":
                self.at_screen.card_waits(authorised)
            return _no_start(meaning)
        return await self._start_by_card(meaning.connector, authorised)

    def _meaning(self, credential: Credential, connectors: tuple[int, ...]) -> CardMeaning:
        """What the card means at its reader; where it could start a charge, the connector chosen at the screen is."""
        views = self._views(credential)
        meaning, chosen = meaning_of_card(credential, views, connectors), self.at_screen.meant
        if meaning.deed in ("stop", "cancel") or not chosen or (connectors and chosen not in connectors):
            return meaning
        return meaning_of_card(credential, views, (chosen,))

    async def _start_by_card(self, number: int, authorised: Authorised) -> CardOutcome:
        refusal = await self._outlets[number].ask(authorised)
        if refusal is not None:
            return CardOutcome(outcome="unavailable", connector=number, text=refusal.text)
        waits = self._outlets[number].phase is Phase.BOOKED
        return CardOutcome(outcome="waiting_for_ev" if waits else "started", connector=number)

    def _may_group_matter(self, connectors: tuple[int, ...]) -> bool:
        """Whether the group of a card that has nothing to start could end a charge or use a reservation."""
        runs = any(outlet.in_transaction for outlet in self._outlets.values())
        return runs or self._site.reservations.asks_for_group(connectors or tuple(self._outlets))

    async def _stop_by_card(self, number: int, credential: Credential) -> CardOutcome:
        if self.at_screen.is_live and self._outlets[number].in_transaction:
            return CardOutcome(outcome="own_session", connector=number)  # shown there; it stops on the question
        session = self._outlets[number].session
        if session is not None and session.presented is not None and session.starter is not None:
            credential = session.starter  # in free mode charges are in the name of the stand-in, to their end
        await self._outlets[number].ask(StopAsked(source=StopSource.LOCAL, credential=credential))
        return CardOutcome(outcome="stopped", connector=number)

    def _views(self, credential: Credential) -> list[ConnectorView]:
        reservations = self._site.reservations
        views = []
        for outlet in self._outlets.values():
            facts = outlet.facts()
            holder = outlet.card_holder
            is_kept = reservations.against(outlet.number, credential) is not None
            views.append(
                ConnectorView(
                    number=outlet.number,
                    is_plugged=facts.ev_connected,
                    is_free=holder is None,
                    session_credential=holder,
                    is_waiting=outlet.phase is Phase.BOOKED,
                    can_take_start=why_no_start(facts) is None,
                    is_kept_for_them=not is_kept and reservations.of(outlet.number) is not None,
                    is_kept=is_kept,
                )
            )
        return views

    # ------------------------------------------------------------------------------------------ at the screen

    async def choose(self, request: ChooseConnector, sender: str) -> ActionResult:
        """The driver means this connector: a card that waits for his choice starts it, and the next one means it."""
        number = request.connector
        if number and number not in self._outlets:
            return ActionResult(ok=False, code="unknown_connector", text=f"There is no connector {number}.")
        self.at_screen.choose(number, request.within_s)
        authorised = self.at_screen.waiting_card() if number else None
        if authorised is None:
            return ActionResult(ok=True, code="ok")
        against = self._against(number, authorised.presented or authorised.credential)
        if against is not None:
            self.at_screen.card_waits(authorised)  # another connector may be chosen
            return ActionResult(ok=False, code="refused", text=against.text)
        outcome = await self._start_by_card(number, authorised)
        return ActionResult(ok=outcome.outcome != "unavailable", code=outcome.outcome, text=outcome.text)

    async def start_at_screen(self, request: StartAtScreen, sender: str) -> ActionResult:
        """The button, where nobody has to be asked who he is."""
        outlet = self._outlets.get(request.connector)
        if outlet is None:
            return _refused(Refusal("unknown_connector", f"There is no connector {request.connector}."))
        authorised = self._site.without_asking(outlet.settings.plug_and_charge, at_screen=True)
        if authorised is None:
            return ActionResult(ok=False, code="not_free", text="A card or the app is needed here.")
        against = self._against(outlet.number, authorised.credential) or await outlet.ask(authorised)
        return ActionResult(ok=True, code="ok") if against is None else _refused(against)

    def _against(self, number: int, credential: Credential) -> Refusal | None:
        """What speaks against a start on connector `number` now."""
        against = why_no_start(self._outlets[number].facts())
        return against or self._site.reservations.against(number, credential)

    # ------------------------------------------------------------------------------------------ from elsewhere

    async def start_charging(self, request: StartCharging, sender: str) -> ActionResult:
        """A start that is not a card: the central system, the monitor, a technician."""
        request = await self._with_group(request)
        outlet, refusal = self._outlet_for(request.connector, request.credential)
        if outlet is None:
            return _refused(refusal)
        if self._site.mode is OperatingMode.MANUAL and request.duration_s is None:
            return ActionResult(
                ok=False, code="duration_needed", text="This station needs a charging duration with each start."
            )
        against = why_no_start(outlet.facts())
        against = against or self._site.reservations.against(outlet.number, request.credential)
        against = against or refusal_of_start(self._site.schedules, request.schedule, outlet.number)
        if against is not None:
            return _refused(against)
        decision = verdict(self._site.access, request.credential, self._site.consumed_wh())
        if decision.kind == "forbidden" and request.source is not StartSource.TECHNICIAN:
            self._note_refusal(request.credential, decision.reason)
            return ActionResult(ok=False, code="forbidden", text=decision.reason)
        if request.is_authorized or decision.kind == "allowed":
            basis = AuthorizationBasis.SERVER if request.source is StartSource.OCPP_REMOTE else AuthorizationBasis.NONE
            permission = Authorization(status="Accepted", basis=basis)
            authorised = self._authorised(request.credential, request.source, permission, request)
            against = await outlet.ask(authorised)
            return ActionResult(ok=True, code="ok") if against is None else _refused(against)
        if len(self._tasks) >= MAX_CHECKS:
            return ActionResult(ok=False, code="busy", text="Too many credentials are being checked. Try again.")
        task = asyncio.create_task(self._authorise_and_start(outlet, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return ActionResult(ok=True, code="ok", text="The credential is being checked.")

    async def _authorise_and_start(self, outlet: Outlet, request: StartCharging) -> None:
        decision, permission = await self._may_charge(request.credential, outlet.number)
        if permission is None:
            self._note_refusal(request.credential, decision.reason)
            return
        authorised = self._authorised(request.credential, request.source, permission, request)
        refusal = await outlet.ask(authorised)
        if refusal is not None:
            log.warning("connector %d: remote start not possible any more: %s", outlet.number, refusal.text)

    async def _with_group(self, request: StartCharging) -> StartCharging:
        """With the group of who wants to start, where a reservation makes that matter: the central system knows it."""
        reservations, credential = self._site.reservations, request.credential
        numbers = tuple(self._outlets) if request.connector is None else (request.connector,)
        is_kept = any(reservations.against(number, credential) is not None for number in numbers)
        if credential.parent or not is_kept or not reservations.asks_for_group(numbers):
            return request
        try:
            answer = await self._bus.call(
                "ocpp", Authorize(id_tag=credential.value, type=credential.type), GROUP_WITHIN_S
            )
        except (Unavailable, CallFailed, TimeoutError) as error:
            log.warning("credential %s: its group cannot be asked for (%s)", mask(credential.value), error)
            return request
        return msgspec.structs.replace(request, credential=msgspec.structs.replace(credential, parent=answer.parent))

    def _outlet_for(self, number: int | None, credential: Credential) -> tuple[Outlet | None, Refusal]:
        if number is not None:
            return self._outlets.get(number), Refusal("unknown_connector", f"There is no connector {number}.")
        reservations = self._site.reservations
        startable = [
            outlet
            for outlet in self._outlets.values()
            if why_no_start(outlet.facts()) is None and reservations.against(outlet.number, credential) is None
        ]
        reserved = [outlet for outlet in startable if reservations.of(outlet.number) is not None]
        plugged = [outlet for outlet in startable if outlet.phase is Phase.PLUGGED]
        for choice in ([each for each in plugged if each in reserved], plugged, reserved, startable):
            if len(choice) == 1:
                return choice[0], Refusal("", "")
        if not startable:
            return None, Refusal("busy", "No connector can be started now.")
        return None, Refusal("choose", "Several connectors could be meant. Name one.")

    # -------------------------------------------------------------------------------------------- who may charge

    async def _may_charge(self, credential: Credential, connector: int | None) -> tuple[Verdict, Authorization | None]:
        """The station's own verdict, and where that leaves it open the central system's; None: may not."""
        decision = verdict(self._site.access, credential, self._site.consumed_wh())
        if decision.kind == "forbidden":
            return decision, None
        if decision.kind == "allowed":
            return decision, Authorization(status="Accepted", basis=AuthorizationBasis.USERS)
        if not self._site.settings.ocpp.url:  # stand-alone: with empty lists everybody may charge
            return decision, Authorization(status="Accepted", basis=AuthorizationBasis.NONE)
        try:
            answer = await self._bus.call(
                "ocpp",
                Authorize(id_tag=credential.value, type=credential.type, connector=connector),
                AUTHORIZE_WITHIN_S,
            )
        except (Unavailable, CallFailed, TimeoutError) as error:
            log.warning("card %s: nobody could be asked (%s)", mask(credential.value), error)
            return msgspec.structs.replace(decision, reason="The card cannot be checked now. Please try again."), None
        if answer.status != "Accepted":
            says = "The central system says" if answer.basis is AuthorizationBasis.SERVER else "Without link"
            return msgspec.structs.replace(decision, reason=f"{says}: {answer.status}."), None
        return decision, answer

    def _authorised(
        self,
        credential: Credential,
        source: StartSource,
        permission: Authorization,
        request: StartCharging | None = None,
    ) -> Authorised:
        """What goes into the connector's inbox. The user's own limit is no part of it: `Site` watches that."""
        return Authorised(
            credential=msgspec.structs.replace(credential, parent=permission.parent or credential.parent),
            source=source,
            basis=permission.basis,
            energy_limit_wh=request.energy_limit_wh if request is not None else None,
            duration_s=request.duration_s if request is not None else None,
            reservation_id=request.reservation_id if request is not None else None,
            schedule=request.schedule if request is not None else None,
        )

    async def enforce(self) -> None:
        """Users and lists have changed: end the charges (and bookings) of those who may not any more."""
        if self._site.logical is LogicalStatus.TECHNICIAN:
            return
        for outlet in self._outlets.values():
            holder, source = outlet.holder, outlet.start_source
            if holder is None or outlet.phase is Phase.STOPPING:
                continue
            decision = verdict(self._site.access, holder, self._site.consumed_wh())
            if decision.kind == "forbidden" and source is not StartSource.TECHNICIAN:
                await outlet.ask(StopAsked(source=decision.stop_source or StopSource.USER_FORBIDDEN))

    def _note_refusal(self, credential: Credential, reason: str) -> None:
        self._site.books.note(EventType.USER_DEAUTHORIZED, credential.type, mask(credential.value), error=reason)


def _no_start(meaning: CardMeaning) -> CardOutcome:
    """No one connector can be started: several can, all are kept for others, or none is free."""
    outcome = {"choose": "choose", "nothing": "unavailable"}.get(meaning.deed, "nothing_to_do")
    return CardOutcome(outcome="refused" if meaning.text == RESERVED_TEXT else outcome, text=meaning.text)


def _refused(refusal: Refusal) -> ActionResult:
    return ActionResult(ok=False, code=refusal.code, text=refusal.text)
