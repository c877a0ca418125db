"""What the hub keeps and does: services, clock, settings, users, log-ins, configuration, privileged deeds."""

from __future__ import annotations

from datetime import datetime

import msgspec

from chargepoint.messages.kinds import (
    ActionResult,
    Done,
    Event,
    Reply,
    Request,
    State,
)
from chargepoint.records import Moment
from chargepoint.vocabulary import Role, StartCause, StopSource


class ServiceState(State, frozen=True, kw_only=True):
    """Topic `service/NAME`. `status`: starting, running, hung, restarting, parked, stopped; resting: is started when it
    is called."""

    name: str
    status: str
    pid: int
    restarts: int
    since_mono_s: float
    last_end: str = ""
    memory_bytes: int = 0


class SupervisorState(State, frozen=True, kw_only=True):
    """Topic `supervisor`. `is_degraded`: at least one service is parked."""

    start_cause: StartCause
    boots: int
    crashes: int
    is_degraded: bool
    version: str


class ClockState(State, frozen=True, kw_only=True):
    """Topic `clock`: wall time = monotonic time + `offset_s`. `source`: unset, system, server, person."""

    is_set: bool
    offset_s: float
    source: str


class SettingsState(State, frozen=True, kw_only=True):
    """Topic `settings`: the values changed at run time, by key (`ocpp.HeartbeatInterval`, `access.white`, ...)."""

    values: dict[str, str]


class User(msgspec.Struct, frozen=True):
    """The charging part of a user: which cards are theirs and what they may use."""

    login: str
    role: Role
    cards: tuple[str, ...] = ()
    is_blocked: bool = False
    is_allowed: bool = True
    energy_limit_wh: int | None = None


class UsersState(State, frozen=True, kw_only=True):
    """Topic `users`: the charging part of all users. `station` keeps it in its facts for when `hub` is silent."""

    users: tuple[User, ...]


class ReadSettings(Request["SettingsPage"], frozen=True, kw_only=True):
    """To hub: the settings whose key begins with `prefix`, and their history when asked."""

    prefix: str = ""


class SettingChange(msgspec.Struct, frozen=True):
    key: str
    value: str | None
    by: str
    moment: Moment


class SettingsPage(Reply, frozen=True, kw_only=True):
    values: dict[str, str]
    changes: tuple[SettingChange, ...] = ()


class ChangeSettings(Request[Done], frozen=True, kw_only=True):
    """To hub: set (or with None: remove) values, all or none, durable before the reply.

    Keys that begin with `web.` are the web's own: `web.wizard.step` is the step of the first-run wizard to go on with
    (absent: not begun; `done`: the station is commissioned). A factory reset forgets them.
    """

    values: dict[str, str | None]
    by: str


class SaveUser(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: add or change a user. `password` and `pin` None keep those there are, an empty `pin` takes it away. At
    most 15 cards, each of one user only. `must_change`: the password is asked for anew at the next log-in (None: a new
    password ends that).

    Codes: ok, no_right (`by` is no administrator), bad_login, too_many_cards, bad_card, card_taken, bad_limit,
    too_many_users, last_administrator, oneself, weak_password, bad_pin.
    """

    user: User
    password: str | None = None
    pin: str | None = None
    must_change: bool | None = None
    by: str


class RemoveUser(Request[ActionResult], frozen=True, kw_only=True):
    login: str
    by: str


class CheckPassword(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: whether this login has this password; the same answer for an unknown login. Codes: ok, wrong, wait,
    must_change.

    Wrong ones count as those of `LogIn`.
    """

    login: str
    password: str


class LogIn(Request["LoginAnswer"], frozen=True, kw_only=True):
    """To hub: let somebody into the service menu or the web pages: `login` and `password`, or `card` and `pin`; `card`
    alone only where [screen] card_alone says so.

    `origin` is where it comes from at that door (an address), for the security journal.
    """

    login: str = ""
    password: str = ""
    card: str = ""
    pin: str = ""
    origin: str = ""


class LoginAnswer(Reply, frozen=True, kw_only=True):
    """Codes: ok, wrong (whatever of it), wait (after too many wrong tries at this door, `wait_s` more), no_right (a
    customer), no_grant. `must_change`: the password has to be changed before anything else; until then there is no
    `role`."""

    ok: bool
    code: str
    text: str = ""
    login: str = ""
    role: Role | None = None
    must_change: bool = False
    wait_s: float = 0.0
    generation: int = 0
    """The log-in holds while `LoginsState` has this number for him."""


class ChangePassword(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: somebody changes his own password. Codes: ok (`values` has his `role` and new `generation`), wrong,
    wait, weak_password, same."""

    login: str
    old_password: str
    new_password: str


class ChangePin(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: somebody changes the PIN of his own cards, with his password; empty: none any more. Codes: ok, wrong,
    wait, must_change, bad_pin (not 6 digits, or as easy as 123456)."""

    login: str
    password: str
    pin: str


class BindCard(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: bind a card to a user, or unbind it: one's own, or as an administrator. Codes: ok, no_right,
    unknown_user, too_many_cards (15), bad_card, card_taken, not_bound."""

    login: str
    card: str
    is_bound: bool = True
    by: str


class UserRow(msgspec.Struct, frozen=True):
    """A user, and what he can log in with."""

    user: User
    has_password: bool
    has_pin: bool
    must_change: bool


class ReadUsers(Request["UsersPage"], frozen=True, kw_only=True):
    """To hub: all users."""


class UsersPage(Reply, frozen=True, kw_only=True):
    users: tuple[UserRow, ...]


class GrantAccess(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: let `login` into the service menu without a password, for whoever touches Enter within 60 s
    (STATION_REMOTE_AUTH). Codes: ok, unknown_user, no_right."""

    login: str
    by: str


class AccessGrant(State, frozen=True, kw_only=True):
    """Topic `access/grant`: who may come in by touching Enter, until when (monotonic), and who sent it; `login` empty:
    nobody."""

    login: str = ""
    by: str = ""
    until_mono_s: float = 0.0


class EnterByGrant(Request["LoginAnswer"], frozen=True, kw_only=True):
    """hmi to hub: Enter was touched. A grant serves once."""


class ReloadConfiguration(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: take the station file as it is now, by a restart of the software. Codes: ok, invalid, not_possible."""

    by: str


class RestartNetwork(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: let the helper restart what carries the network. Codes: ok, failed."""

    by: str


class SetActivation(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: let the helper note that this unit is activated, or not any more. Codes: ok, failed."""

    activated: bool
    by: str


class FactoryReset(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: forget users and settings at the next start, if the power is switched off and on within 60 s: that
    proves that somebody is there. Meter data and journal stay. Codes: ok, not_recorded."""

    by: str


class RestartService(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: end and start one service by name."""

    name: str
    by: str


class EndStation(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: stop everything in order and leave with `exit_code` (architecture.md 3); answered before it happens."""

    exit_code: int
    stop_source: StopSource
    by: str


class TimeLearned(Event, frozen=True, kw_only=True):
    """A source of time said that at monotonic `mono_s` it was `at`."""

    at: datetime
    mono_s: float
    source: str


class ClockStepped(Event, frozen=True, kw_only=True):
    """The house's wall time was set or corrected by `step_s`."""

    step_s: float
    source: str


class PrivilegedDeed(Request[ActionResult], frozen=True, kw_only=True):
    """To helper: one deed of its fixed list (reboot, power_off, set_clock, ...), arguments by name."""

    name: str
    arguments: dict[str, str] = {}
    by: str
