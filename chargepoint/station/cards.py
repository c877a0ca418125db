"""What a card held to a reader leads to, and the buttons of the screen: one card, one meaning (hmi.md 2).

What a card means is decided by `access.py`, who may charge by `authority.py`. What is decided becomes an event in the
connector's inbox. Where several connectors could be meant the card waits: for the choice at the screen, or for the car
that is plugged in (again) now.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec

from chargepoint.bus import Bus
from chargepoint.masking import mask
from chargepoint.messages import (
    ActionResult,
    CardHandled,
    CardOutcome,
    CardSeen,
    ChooseConnector,
    PresentCard,
    StartAtScreen,
    StartCharging,
)
from chargepoint.records import Credential
from chargepoint.station import reasons
from chargepoint.station.access import CardMeaning, ConnectorView, is_of_staff, meaning_of_card
from chargepoint.station.at_screen import CARD_WAITS_S, AtScreen, WaitingCard
from chargepoint.station.authority import Authority
from chargepoint.station.autocharge import Autocharge
from chargepoint.station.checks import Check, Checks
from chargepoint.station.connector import Authorised, Phase, StopAsked
from chargepoint.station.outlet import Outlet
from chargepoint.station.remote_starts import RemoteStarts, refused
from chargepoint.station.site import Site
from chargepoint.station.status import Refusal, why_no_start
from chargepoint.vocabulary import (
    CardReason,
    CredentialType,
    LogicalStatus,
    OperatingMode,
    StartSource,
    StopSource,
)

log = logging.getLogger(__name__)

ENDS = frozenset({"stop", "cancel"})
STARTS = frozenset({"started", "waiting_for_ev"})
BEGINS = frozenset({"start", "wait_for_ev"})
NOTHING_CAME = frozenset({"refused", "unavailable", "nothing_to_do"})
MAX_CHOICES = 8
"""Chosen cards on their way to a connector at one time."""


class Desk:
    """Where every wish to start or stop a charge is settled."""

    def __init__(self, site: Site, outlets: Sequence[Outlet], bus: Bus) -> None:
        self._site = site
        self._outlets = {outlet.number: outlet for outlet in outlets}
        self._bus = bus
        self._authority = Authority(site, bus)
        self._remote = RemoteStarts(site, self._outlets, bus, self._authority)
        self._tasks: set[asyncio.Task[None]] = set()
        self.checks = Checks()
        self.at_screen = AtScreen(site.settings.screen.is_fitted, site.clock.mono)
        self.card_seen: Callable[[PresentCard], None] = lambda request: None
        """A card is about to be checked; and what came of it. For lights, set by the cabinet."""
        self.card_handled: Callable[[PresentCard, CardOutcome], None] = lambda request, outcome: None
        self._autocharge = Autocharge(site, self._authority)
        for outlet in outlets:
            outlet.on_plugged = self._plugged
            outlet.on_idle_vehicle = self._autocharge.look

    # ------------------------------------------------------------------------------------------------- by card

    async def present_card(self, request: PresentCard, sender: str) -> CardOutcome:
        """A card is held to a reader: start, stop, choose, or refuse."""
        self.card_seen(request)
        self._bus.publish(CardSeen(reader=request.reader, uid=request.uid))
        if request.refusal is CardReason.NONE:
            self.at_screen.card_waits(None)
        with self.checks.of(request) as check:
            outcome = self._with_reason(request, await self._card(request, check))
            if check.is_cancelled:
                outcome = await self._taken_back(request, outcome)
        self._tell(request, outcome)
        return outcome

    def _tell(self, request: PresentCard, outcome: CardOutcome) -> None:
        self.card_handled(request, outcome)
        self._bus.publish(
            CardHandled(
                reader=request.reader,
                uid=request.uid,
                outcome=outcome.outcome,
                connector=outcome.connector,
                text=outcome.text,
                reason=outcome.reason,
                choices=outcome.choices,
                left_wh=outcome.left_wh,
            )
        )
        log.info("reader '%s': card %s, %s", request.reader, mask(request.uid), outcome.outcome)

    def _with_reason(self, request: PresentCard, outcome: CardOutcome) -> CardOutcome:
        """Where the one reason against a start is known of all connectors that can be meant, it is told."""
        if outcome.outcome != "unavailable" or outcome.connector is not None:
            return outcome
        numbers = [number for number in request.connectors or tuple(self._outlets) if number in self._outlets]
        against = [why_no_start(self._outlets[number].facts()) for number in numbers]
        refusals = [refusal for refusal in against if refusal is not None]
        if not refusals or len(refusals) < len(against):
            return outcome
        holds = [self._site.holds.of(number) for number in numbers]
        texts = {hold.text if hold is not None else "" for hold in holds}
        text = (texts.pop() if len(texts) == 1 else "") or outcome.text
        return msgspec.structs.replace(outcome, text=text, reason=reasons.of_refusals(refusals))

    async def _card(self, request: PresentCard, check: Check) -> CardOutcome:
        card = Credential(request.uid, CredentialType.RFID)
        if request.refusal is not CardReason.NONE:
            self._authority.note_refusal(card, request.text or request.refusal.value)
            return CardOutcome(outcome="refused", text=request.text, reason=request.refusal)
        meaning = self._meaning(card, request.connectors)
        if _ends(meaning):
            return await self._end(request, card, meaning)
        if self.at_screen.is_live and is_of_staff(self._site.users, card):
            return CardOutcome(outcome="technician")  # the screen asks for his PIN: the number proves nothing (S22)
        free = self._site.without_asking(None, card=card)
        if free is not None:
            return await self._begin(request, card, meaning, free)
        if self._site.mode is OperatingMode.MANUAL:
            text = "This station is started from the app."
            return CardOutcome(outcome="refused", text=text, reason=CardReason.APP_ONLY)
        if meaning.deed == "nothing" and not self._may_group_matter(request.connectors):
            return _nothing(meaning)
        checked = await check.ask(self._authority.may_charge(card, meaning.connector))
        if checked is None:
            return CardOutcome(outcome="cancelled")
        parent = checked.permission.parent if checked.permission is not None else checked.parent
        if parent:
            card = msgspec.structs.replace(card, parent=parent)
            meaning = self._meaning(card, request.connectors)
            if _ends(meaning):
                return await self._end(request, card, meaning)
        if checked.permission is None:
            self._authority.note_refusal(card, checked.verdict.reason)
            text, word = checked.verdict.reason, checked.verdict.word
            return CardOutcome(outcome="refused", connector=meaning.connector, text=text, reason=word)
        self._authority.note_accepted(card)
        by_now = self._meaning(card, request.connectors)  # a car may have been plugged in meanwhile
        meaning = meaning if _ends(by_now) else by_now
        authorised = self._authority.authorised(card, StartSource.LOCAL, checked.permission)
        return await self._begin(request, card, meaning, authorised)

    async def _taken_back(self, request: PresentCard, outcome: CardOutcome) -> CardOutcome:
        """He did not want it any more while it was begun: it ends."""
        if outcome.outcome == "choose":
            self.at_screen.card_waits(None)
        elif outcome.outcome in STARTS and outcome.connector is not None:
            credential = Credential(request.uid, CredentialType.RFID)
            await self._outlets[outcome.connector].ask(StopAsked(source=StopSource.LOCAL, credential=credential))
        else:
            return outcome
        return CardOutcome(outcome="cancelled", connector=outcome.connector)

    def _meaning(self, credential: Credential, connectors: tuple[int, ...]) -> CardMeaning:
        """What the card means at its reader; where it could start a charge, the connector chosen at the screen is."""
        views = self._views(credential)
        meaning, chosen = meaning_of_card(credential, views, connectors), self.at_screen.meant
        if meaning.deed in ENDS or not chosen or (connectors and chosen not in connectors):
            return meaning
        return meaning_of_card(credential, views, (chosen,))

    async def _begin(
        self, request: PresentCard, card: Credential, meaning: CardMeaning, authorised: Authorised
    ) -> CardOutcome:
        """Somebody may charge: at the one connector, or at the one he is still to choose."""
        if meaning.deed == "choose":
            return self._ask_which(request, card, meaning, authorised)
        if meaning.connector is None:
            return _nothing(meaning)
        return await self._start(meaning.connector, authorised)

    async def _end(self, request: PresentCard, card: Credential, meaning: CardMeaning) -> CardOutcome:
        """His charge ends; of several the one chosen at the screen, without a screen the one that began first."""
        if meaning.connector is not None:
            return await self._stop(meaning.connector, card)
        if self.at_screen.is_live:
            return self._ask_which(request, card, meaning, None)
        return await self._stop(min(meaning.choices, key=self._since), card)

    def _since(self, number: int) -> int:
        session = self._outlets[number].session
        return session.session_id if session is not None else 0

    def _ask_which(
        self, request: PresentCard, card: Credential, meaning: CardMeaning, authorised: Authorised | None
    ) -> CardOutcome:
        """The card waits; without a screen as long as any start waits for its car."""
        waits_s = CARD_WAITS_S
        if not self.at_screen.is_live:
            waits_s = max(waits_s, self._site.connection_timeout_s)
        waiting = WaitingCard(
            request=request,
            credential=card,
            authorised=authorised,
            choices=meaning.choices,
            until_s=self._site.clock.mono() + waits_s,
        )
        self.at_screen.card_waits(waiting)
        return CardOutcome(outcome="choose", text=meaning.text, choices=meaning.choices)

    async def _start(self, number: int, authorised: Authorised) -> CardOutcome:
        refusal = await self._outlets[number].ask(authorised)
        if refusal is not None:
            reason = reasons.of_refusals([refusal])
            return CardOutcome(outcome="unavailable", connector=number, text=refusal.text, reason=reason)
        waits = self._outlets[number].phase is Phase.BOOKED
        outcome = "waiting_for_ev" if waits else "started"
        return CardOutcome(outcome=outcome, connector=number, left_wh=self._authority.left_wh(authorised.credential))

    def _may_group_matter(self, connectors: tuple[int, ...]) -> bool:
        """Whether the group of a card that has nothing to start could end a charge or use a reservation."""
        runs = any(outlet.in_transaction for outlet in self._outlets.values())
        return runs or self._site.reservations.asks_for_group(connectors or tuple(self._outlets))

    async def _stop(self, number: int, credential: Credential) -> CardOutcome:
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
                    is_of_same_user=self._site.is_same_user(credential, holder),
                    is_waiting=outlet.phase is Phase.BOOKED,
                    can_take_start=why_no_start(facts) is None,
                    is_kept_for_them=not is_kept and reservations.of(outlet.number) is not None,
                    is_kept=is_kept,
                )
            )
        return views

    # ------------------------------------------------------------------------------------------ what was chosen

    async def choose(self, request: ChooseConnector, sender: str) -> ActionResult:
        """The driver means this connector: a card that waits for his choice is used, and the next one means it."""
        number = request.connector
        if number and number not in self._outlets:
            return ActionResult(ok=False, code="unknown_connector", text=f"There is no connector {number}.")
        self.at_screen.choose(number, request.within_s)
        card = self.at_screen.waiting if number else None
        if card is None:
            return ActionResult(ok=True, code="ok")
        if not card.can_mean(number):
            return ActionResult(ok=False, code="other_reader", text=f"Connector {number} has a reader of its own.")
        self.at_screen.card_waits(None)
        against = None if card.authorised is None else self._against(number, card.authorised)
        if against is not None:
            self.at_screen.card_waits(card)  # another connector may be chosen
            return refused(against)
        outcome = await self._chosen(card, number)
        self.at_screen.choose(0, 0.0)  # it was for this card
        self.card_handled(card.request, outcome)
        return ActionResult(ok=outcome.outcome not in NOTHING_CAME, code=outcome.outcome, text=outcome.text)

    def _plugged(self, outlet: Outlet) -> None:
        """A car was plugged in: a card that waits for a choice means this connector."""
        card = self.at_screen.waiting
        if card is None or card.authorised is None or not card.can_mean(outlet.number):
            return
        if len(self._tasks) >= MAX_CHOICES or self._against(outlet.number, card.authorised) is not None:
            return
        self.at_screen.card_waits(None)
        task = asyncio.create_task(self._start_plugged(card, outlet.number), name=f"card for {outlet.number}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start_plugged(self, card: WaitingCard, number: int) -> None:
        self._tell(card.request, await self._chosen(card, number))

    async def _chosen(self, card: WaitingCard, number: int) -> CardOutcome:
        """What the waiting card means at the chosen connector, by now."""
        meaning = meaning_of_card(card.credential, self._views(card.credential), (number,))
        if meaning.deed in ENDS:
            return await self._stop(number, card.credential)
        if meaning.deed in BEGINS and card.authorised is not None:
            now = self._authority.own_verdict(card.authorised.credential)
            if now.kind == "forbidden":  # users or lists have changed while it waited
                return CardOutcome(outcome="refused", connector=number, text=now.reason, reason=now.word)
            return await self._start(number, card.authorised)
        return msgspec.structs.replace(_nothing(meaning), connector=number)

    async def start_at_screen(self, request: StartAtScreen, sender: str) -> ActionResult:
        """The button, where nobody has to be asked who he is."""
        outlet = self._outlets.get(request.connector)
        if outlet is None:
            return refused(Refusal("unknown_connector", f"There is no connector {request.connector}."))
        authorised = self._site.without_asking(outlet.settings.plug_and_charge, at_screen=True)
        if authorised is None:
            return ActionResult(ok=False, code="not_free", text="A card or the app is needed here.")
        against = self._against(outlet.number, authorised) or await outlet.ask(authorised)
        return ActionResult(ok=True, code="ok") if against is None else refused(against)

    def _against(self, number: int, authorised: Authorised) -> Refusal | None:
        """What speaks against this start on connector `number` now."""
        against = why_no_start(self._outlets[number].facts())
        return against or self._site.reservations.against(number, authorised.presented or authorised.credential)

    # ------------------------------------------------------------------------------------------ from elsewhere

    async def start_charging(self, request: StartCharging, sender: str) -> ActionResult:
        """A start that is not a card: the central system, the monitor, a technician."""
        return await self._remote.start_charging(request, sender)

    async def enforce(self) -> None:
        """Users and lists have changed: end the charges (and bookings) of those who may not any more."""
        if self._site.logical is LogicalStatus.TECHNICIAN:
            return
        for outlet in self._outlets.values():
            holder, source = outlet.holder, outlet.start_source
            if holder is None or outlet.phase is Phase.STOPPING:
                continue
            decision = self._authority.own_verdict(holder)
            if decision.kind == "forbidden" and source is not StartSource.TECHNICIAN:
                await outlet.ask(StopAsked(source=decision.stop_source or StopSource.USER_FORBIDDEN))


def _ends(meaning: CardMeaning) -> bool:
    """Whether the card ends something, at a known connector or at one that is to be chosen."""
    return meaning.deed in ENDS or (meaning.deed == "choose" and meaning.then in ENDS)


def _nothing(meaning: CardMeaning) -> CardOutcome:
    """No connector can be started: all are kept for others, or none is free."""
    is_kept = meaning.reason is CardReason.RESERVED
    return CardOutcome(outcome="refused" if is_kept else "unavailable", text=meaning.text, reason=meaning.reason)
