"""What all connectors of the station have in common: mode, availability, who may charge, what may be kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import msgspec

from chargepoint.clock import Clock
from chargepoint.config import Settings
from chargepoint.layout import ON_THIS_MACHINE, Layout
from chargepoint.messages import User
from chargepoint.records import Credential, Session
from chargepoint.station.access import Access, energy_left_wh, user_of
from chargepoint.station.bookkeeping import Books
from chargepoint.station.cabinet.safety import Holds
from chargepoint.station.closure import ALLOWS_NEW, Closure, drains
from chargepoint.station.connector import Authorised, StopAsked
from chargepoint.station.kept_facts import decoded, read_word
from chargepoint.station.reserving import Reservations
from chargepoint.station.schedules import Schedules
from chargepoint.station.tariffs import Tariffs
from chargepoint.station.user_limits import UserLimits
from chargepoint.vocabulary import (
    AuthorizationBasis,
    CredentialType,
    LogicalStatus,
    OperatingMode,
    SessionFlag,
    StartSource,
    StopSource,
)

DEFAULT_CONNECTION_TIMEOUT_S = 120.0

_MODE, _FREE_MODE, _OPERATIVE, _USERS = "mode", "free_mode", "operative/0", "users"


class Site:
    """The station as its connectors see it. What was changed at run time is kept as facts of the journal."""

    def __init__(self, settings: Settings, books: Books, clock: Clock, layout: Layout = ON_THIS_MACHINE) -> None:
        self.settings = settings
        self.books = books
        self.clock = clock
        self.mode = settings.station.operating_mode
        self.free_mode = settings.station.free_mode
        self.operative = True
        self.logical = LogicalStatus.WORKING
        self.is_closed = False
        """A technician keeps drivers out while he works."""
        self.was_tested: Callable[[int], bool] = lambda connector: False
        """Whether a test session ran at a connector when this software ended."""
        self.is_stopping = False
        self.is_online = False
        """Whether the central system is connected and has accepted this station."""
        self.users: tuple[User, ...] = ()
        books.counts_energy_of = lambda credential: user_of(self.users, credential) is not None
        self.running: Callable[[], Iterable[tuple[Credential, int]]] = tuple
        """Starters of running charges and what these have taken so far, in Wh; set once the connectors are there."""
        self.reservations = Reservations(books, clock)
        self.schedules = Schedules(books, clock)
        self.user_limits = UserLimits(settings, books, clock)
        self.tariffs = Tariffs(settings, books, clock)
        self.holds = Holds()
        """What keeps connectors from energy beside their own faults: cabinet inputs, heat, lost mains."""
        self.closure = Closure(layout, clock, self._drains)
        """Whether charges may begin while the software is being updated."""
        self.reservations.keeps_all = lambda: self.closure.is_draining
        self._owners: dict[Credential, User | None] = {}
        self.values: dict[str, str] = {}
        """The settings changed at run time, as the hub has them."""
        self.balance: Callable[[], None] = lambda: None
        """Recompute the sharing of power now; set by the power part."""
        self.measured: Callable[[], None] = lambda: None
        """A connector was read anew; set by the power part."""
        self.changed: Callable[[], None] = lambda: None
        """Something that is shown has changed."""

    async def load(self) -> None:
        """Take over what earlier runs kept."""
        facts = await self.books.journal.facts()
        if _MODE in facts:
            self.mode = read_word(_MODE, facts[_MODE], OperatingMode) or self.mode
        if _FREE_MODE in facts:
            self.free_mode = facts[_FREE_MODE] == b"1"
        self.operative = facts.get(_OPERATIVE, b"1") == b"1"
        if _USERS in facts:
            self.take_users(decoded(_USERS, facts[_USERS], tuple[User, ...]) or ())
        self.user_limits.load(facts)
        self.tariffs.load(facts)
        await self.reservations.load()
        await self.schedules.load()

    async def set_mode(self, mode: OperatingMode) -> None:
        await self.books.write(facts={_MODE: mode.value.encode()})
        self.mode = mode
        self.changed()

    async def set_free_mode(self, on: bool) -> None:
        await self.books.write(facts={_FREE_MODE: b"1" if on else b"0"})
        self.free_mode = on
        self.changed()

    def is_closed_to(self, connector: int) -> bool:
        """Whether no charge may begin at this connector because of an update; a trial has no exceptions, a drain spares
        those who have reserved."""
        if self.closure.is_on_trial:
            return True
        return self.closure.is_draining and not self.reservations.holds_open(connector)

    def _drains(self) -> bool:
        return drains(self.settings.update.while_charging, self._value(ALLOWS_NEW))

    def set_operative(self, operative: bool) -> None:
        """This holds from now on; it is on record already."""
        self.operative = operative
        self.changed()

    async def set_users(self, users: tuple[User, ...]) -> None:
        """Keep the charging part of the users, so that it also holds while the hub is silent."""
        if users != self.users:
            await self.books.write(facts={_USERS: msgspec.json.encode(users)})
            self.take_users(users)

    def take_users(self, users: tuple[User, ...]) -> None:
        """These hold from now on, kept or not."""
        self.users = users
        self._owners.clear()

    def is_same_user(self, card: Credential, holder: Credential | None) -> bool:
        """Whether both belong to one user of this station."""
        if holder is None or CredentialType.STAND_IN in (card.type, holder.type):
            return False
        user = user_of(self.users, card)
        return user is not None and user is user_of(self.users, holder)

    def consumed_wh(self) -> dict[str, int]:
        """What each credential (upper case) has taken in all, the charges that run now included."""
        consumed = dict(self.books.consumed_wh)
        for starter, energy_wh in self.running():
            key = starter.value.upper()
            consumed[key] = consumed.get(key, 0) + energy_wh
        return consumed

    def user_limit_reached(self, session: Session) -> StopAsked | None:
        """The end of a charge whose user has taken all that is allowed, at whichever connectors; asked each poll."""
        starter = session.starter
        if starter is None or session.start_source is StartSource.TECHNICIAN:
            return None
        if starter not in self._owners:
            is_somebody = starter.type is not CredentialType.STAND_IN
            self._owners[starter] = user_of(self.users, starter) if is_somebody else None
        user = self._owners[starter]
        if user is None or user.energy_limit_wh is None:
            return None
        left_wh = energy_left_wh(user, self.consumed_wh())
        return StopAsked(source=StopSource.USER_ENERGY_LIMIT) if left_wh is not None and left_wh <= 0 else None

    @property
    def access(self) -> Access:
        """The access rules in force: lists changed at run time before those of the station file."""
        return Access(
            mode=self.mode,
            free_mode=self.free_mode,
            white=self._list("white", self.settings.access.white),
            black=self._list("black", self.settings.access.black),
            users=self.users,
        )

    def _list(self, name: str, configured: tuple[str, ...]) -> frozenset[str]:
        text = self.values.get(f"access.{name}")
        entries = configured if text is None else tuple(part.strip() for part in text.split(",") if part.strip())
        return frozenset(entry.upper() for entry in entries)

    @property
    def asks_vehicles(self) -> bool:
        """Whether vehicles may charge by what they say of themselves. In free mode they need not, and MANUAL asks for a
        duration, which they do not tell."""
        is_on = self.settings.station.autocharge
        return is_on and not self.free_mode and self.mode is not OperatingMode.MANUAL

    @property
    def is_offline(self) -> bool:
        """There is a central system, and it cannot be reached now."""
        return bool(self.settings.ocpp.url) and not self.is_online

    @property
    def connection_timeout_s(self) -> float:
        """How long an authorised start waits for the vehicle (ConnectionTimeOut; default 120 s; 0: it does not)."""
        try:
            seconds = float(self._value("ConnectionTimeOut"))
        except ValueError:
            return DEFAULT_CONNECTION_TIMEOUT_S
        return max(0.0, seconds) if math.isfinite(seconds) else DEFAULT_CONNECTION_TIMEOUT_S

    @property
    def waits_for_vehicle(self) -> bool:
        """Whether a vehicle unplugged at its own end leaves its transaction open, to go on when it comes back."""
        return not self._flag("StopTransactionOnEVSideDisconnect")

    @property
    def keeps_cable(self) -> bool:
        """Whether its cable then stays locked in the socket. An open transaction has precedence (OCPP 1.6, 9.1)."""
        return self.waits_for_vehicle or not self._flag("UnlockConnectorOnEVSideDisconnect")

    def _flag(self, key: str) -> bool:
        """An OCPP key that is true unless somebody set it to false."""
        return self._value(key).strip().lower() != "false"

    def _value(self, key: str) -> str:
        """An OCPP key as changed at run time, else as the station file has it; empty where neither does."""
        changed = self.values.get(f"ocpp.{key}")
        return str(self.settings.ocpp.configuration.get(key, "")) if changed is None else changed

    def without_asking(
        self, plug_and_charge: bool | None, card: Credential | None = None, *, at_screen: bool = False
    ) -> Authorised | None:
        """The start that plugging in (in free mode any `card`, or the button `at_screen`) means here, if it means one.

        MANUAL knows none: there each charge is started from the app, with a duration.
        """
        if self.mode is OperatingMode.MANUAL:
            return None
        station = self.settings.station
        is_local = card is not None or at_screen
        if self.free_mode and (is_local or not self.settings.screen.is_fitted):
            return Authorised(
                credential=Credential(station.free_mode_id_tag, CredentialType.STAND_IN),
                source=StartSource.LOCAL if is_local else StartSource.PLUG_AND_CHARGE,
                basis=AuthorizationBasis.NONE,
                flags=SessionFlag.AuthorizationDisabled,
                presented=card,
            )
        if card is None and (station.plug_and_charge if plug_and_charge is None else plug_and_charge):
            return Authorised(
                credential=Credential(station.plug_and_charge_id_tag, CredentialType.STAND_IN),
                source=StartSource.PLUG_AND_CHARGE,
                basis=AuthorizationBasis.NONE,
                flags=SessionFlag.PlugnCharge,
            )
        return None
