"""What the driver at the screen has said: which connector he means, and the card that waits for him to say so."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.config import ScreenSettings
from chargepoint.messages import ConfirmOnScreen, PresentCard, ScreenState, ServiceState
from chargepoint.records import Credential
from chargepoint.station.connector import Authorised
from chargepoint.station.outlet import Outlet
from chargepoint.vocabulary import LogicalStatus

SAFE_VOLTAGE_V = 60.0
"""With more at a connector its lock is opened only when somebody who stands there agrees."""
ANSWER_WITHIN_S = 5.0
"""Beyond the time that the question stays on the screen."""
CARD_WAITS_S = 30.0
"""So long an accepted card at least waits for the choice of a connector."""
LONGEST_CHOICE_S = 600.0


class WaitingCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card with which several connectors could be meant, as it was shown. `authorised` None: it ends a charge."""

    request: PresentCard
    credential: Credential
    authorised: Authorised | None
    choices: tuple[int, ...]
    until_s: float

    def can_mean(self, number: int) -> bool:
        """Whether its reader stands for this connector."""
        return not self.request.connectors or number in self.request.connectors


class AtScreen:
    """At most one choice and one waiting card, each for a time. `mono` is the station's monotonic clock."""

    def __init__(self, is_fitted: bool, mono: Callable[[], float]) -> None:
        self._is_fitted = is_fitted
        self._mono = mono
        self._chosen, self._chosen_until_s = 0, 0.0
        self._card: WaitingCard | None = None
        self._is_running = False
        self._is_shown = False
        self._who = LogicalStatus.WORKING
        self.is_technician_there: Callable[[], bool] = lambda: False
        """Whether somebody is logged in at the screen, by his lease."""

    @property
    def logical(self) -> LogicalStatus:
        """Who is at the screen (statuses.md 4): a technician, a driver, or nobody."""
        if self.is_technician_there():
            return LogicalStatus.TECHNICIAN
        return self._who if self._is_running else LogicalStatus.WORKING

    @property
    def is_live(self) -> bool:
        """Whether drivers see a screen now: it is fitted, its service runs, and it shows something."""
        return self._is_fitted and self._is_running and self._is_shown

    def take(self, state: object) -> None:
        """What the hub says of the service `hmi`, and what that says of itself."""
        if isinstance(state, ServiceState):
            self._is_running = state.status == "running"
        elif isinstance(state, ScreenState):
            self._is_shown = bool(state.name)
            driver = LogicalStatus.CLIENT if state.is_in_use else LogicalStatus.WORKING
            self._who = LogicalStatus.TECHNICIAN if state.technician else driver

    @property
    def meant(self) -> int:
        """The connector that the next card means; 0: none in particular."""
        return self._chosen if self._mono() < self._chosen_until_s else 0

    def choose(self, connector: int, within_s: float) -> None:
        """This connector is meant for so long; 0: none is any more."""
        within_s = min(max(0.0, within_s), LONGEST_CHOICE_S) if within_s == within_s else 0.0
        self._chosen, self._chosen_until_s = connector, self._mono() + within_s

    @property
    def waiting(self) -> WaitingCard | None:
        """The card that waits for a choice."""
        card = self._card
        return card if card is not None and self._mono() < card.until_s else None

    @property
    def choices(self) -> tuple[int, ...]:
        """The connectors that somebody is to choose from now."""
        card = self.waiting
        return () if card is None else card.choices

    def card_waits(self, card: WaitingCard | None) -> None:
        """This card waits from now on, the one before no more."""
        self._card = card


async def against_unlocking(bus: Bus, screen: ScreenSettings, outlet: Outlet, sender: str, by: str) -> str:
    """Why the lock stays shut while there is voltage at the connector and nobody at the screen has agreed, else ''."""
    reading = outlet.reading
    is_live = reading is not None and reading.is_metered and reading.voltage_v > SAFE_VOLTAGE_V
    if not is_live or not screen.is_fitted:
        return ""
    question = ConfirmOnScreen(question="unlock", connector=outlet.number, is_local=sender == "hmi", by=by)
    try:
        answer = await bus.call("hmi", question, screen.confirm_s + ANSWER_WITHIN_S)
    except (Unavailable, CallFailed, TimeoutError) as error:
        return f"Whoever stands there could not be asked: {error}"
    return "" if answer.ok else answer.text
