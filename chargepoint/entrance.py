"""Who is let into the service menu and the web pages: passwords, cards with PINs, grants from afar, and their throttle.

The hub's calls LogIn, CheckPassword, ChangePassword, ChangePin, GrantAccess, EnterByGrant; topic `access/grant`. Every
try is in the security journal; wrong ones are slowed at each door by itself (technician.md 1, reliability.md S15).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from chargepoint import passwords
from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.messages import (
    AccessGrant,
    ActionResult,
    ChangePassword,
    ChangePin,
    CheckPassword,
    EnterByGrant,
    GrantAccess,
    LogIn,
    LoginAnswer,
    SecurityNoted,
    User,
)
from chargepoint.rights import STAFF, Right, has
from chargepoint.storage.database import CannotRecord
from chargepoint.storage.settings import Keys, SettingsStore, new_generation
from chargepoint.throttle import Throttle

log = logging.getLogger(__name__)

GRANT_S = 60.0
THROTTLE = "throttle"
"""The fact in which the wrong tries are kept."""
NEEDED = {"webconfig": Right.SEE}
"""By door: the right somebody needs to come in; elsewhere that of the service menu."""
MOST_WAITING = 16
"""Tries at one door that wait for the one before: more are sent away, whoever sends them."""
WRONG = "Login or password is wrong."
WRONG_PIN = "Card or PIN is wrong."
AT_SCREEN = "hmi"
Look = Callable[[], Awaitable[tuple[User | None, bool]]]
"""Looks at a proof: who it is about, and whether he may come in."""


class Proof(msgspec.Struct, frozen=True):
    """What was looked at: who it is (None: nobody, whatever of it was wrong), or how long nothing is looked at."""

    user: User | None = None
    wait_s: float = 0.0


class Try(msgspec.Struct, frozen=True):
    """One try of `who` at a door; `origin` is where it comes from there, `way` how he proves himself."""

    door: str
    who: str
    origin: str
    way: str


class Entrance:
    """Serves the calls on the hub's own bus. `saving` is held while a user is changed; `changed` is called after it."""

    def __init__(
        self,
        store: SettingsStore,
        bus: Bus,
        clock: Clock,
        saving: asyncio.Lock,
        changed: Callable[[], Awaitable[None]],
        *,
        card_alone: bool = False,
    ) -> None:
        self.changed = changed
        self._store = store
        self._bus = bus
        self._clock = clock
        self._saving = saving
        self._card_alone = card_alone
        self._throttle = Throttle(store.fact(THROTTLE), clock.boot_id, clock.mono())
        self._one_at_each_door: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}
        self._one_hash = asyncio.Lock()  # each takes memory and time on purpose
        self._throttled_told: dict[str, float] = {}
        self._grant = AccessGrant()
        bus.serve(LogIn, self._log_in)
        bus.serve(CheckPassword, self._check_password)
        bus.serve(ChangePassword, self._change_password)
        bus.serve(ChangePin, self._change_pin)
        bus.serve(GrantAccess, self._grant_access)
        bus.serve(EnterByGrant, self._enter_by_grant)

    def tell(self) -> None:
        """Nobody may come in without a password now."""
        self._bus.set_state("access/grant", self._grant)

    async def hash_of(self, secret: str) -> str:
        """A new hash, without holding up anything else."""
        async with self._one_hash:
            return await asyncio.to_thread(passwords.hashed, secret)

    # ------------------------------------------------------------------------------------------------- log in

    async def _log_in(self, request: LogIn, sender: str) -> LoginAnswer:
        is_card = bool(request.card)
        is_alone = is_card and not request.pin and self._card_alone and sender == AT_SCREEN
        way = "card alone" if is_alone else "card and PIN" if is_card else "password"
        proof = await self._proof(request, sender, way, is_alone=is_alone)
        if proof.wait_s > 0:
            minutes = max(1, round(proof.wait_s / 60))
            text = f"Too many wrong tries. Try again in {minutes} min."
            return LoginAnswer(ok=False, code="wait", text=text, wait_s=proof.wait_s)
        if proof.user is None:
            return LoginAnswer(ok=False, code="wrong", text=WRONG_PIN if is_card else WRONG)
        must_change = self._store.keys(proof.user.login).must_change
        return self._let_in(proof.user, sender, must_change=must_change)

    def _let_in(self, user: User, door: str, *, must_change: bool = False) -> LoginAnswer:
        """Who has to change his password first has no role until he has."""
        if not has(user.role, NEEDED.get(door, Right.SERVICE)):
            text = "This user has no part in the service of the station."
            return LoginAnswer(ok=False, code="no_right", text=text, login=user.login, role=user.role)
        role = None if must_change else user.role
        number = self._store.keys(user.login).generation
        return LoginAnswer(ok=True, code="ok", login=user.login, role=role, must_change=must_change, generation=number)

    async def _check_password(self, request: CheckPassword, sender: str) -> ActionResult:
        proof = await self._proof(LogIn(login=request.login, password=request.password), sender, "password")
        if proof.user is None:
            return refused(proof)
        return self._against_old(proof.user) or ActionResult(ok=True, code="ok", text=proof.user.role.value)

    def _against_old(self, user: User) -> ActionResult | None:
        """A password that has to be changed first proves nothing else."""
        if not self._store.keys(user.login).must_change:
            return None
        return ActionResult(ok=False, code="must_change", text="Change the password first.")

    async def _proof(self, request: LogIn, door: str, way: str, *, is_alone: bool = False) -> Proof:
        async def look() -> tuple[User | None, bool]:
            user = self._user_of(request)
            is_right = is_alone or await self._is_right(request, user)
            return user, is_right and user is not None and not user.is_blocked

        return await self.tried(Try(door, request.card or request.login, request.origin, way), look)

    async def tried(self, what: Try, look: Look) -> Proof:
        """One try at a door. One after another at each door: what one costs, the next one must know."""
        door = what.door
        if self._waiting.get(door, 0) >= MOST_WAITING:
            return Proof(wait_s=1.0)
        self._waiting[door] = self._waiting.get(door, 0) + 1
        try:
            return await self._tried(what, look)
        finally:
            self._waiting[door] -= 1

    async def _tried(self, what: Try, look: Look) -> Proof:
        door, who = what.door, what.who
        async with self._one_at_each_door.setdefault(door, asyncio.Lock()):
            wait_s = self._throttle.wait_s(door, who, self._clock.mono())
            if wait_s > 0:
                self._note_throttled(door, what.origin, wait_s)
                return Proof(wait_s=wait_s)
            user, is_in = await look()
            if is_in:
                has_changed = self._throttle.succeeded(door, who, self._clock.mono())
            else:
                self._throttle.failed(door, who, self._clock.mono())
                has_changed = True
            if has_changed:
                await self._keep()
        self._note(is_in, user.login if user is not None else "unknown", door, what.origin, what.way)
        return Proof(user if is_in else None)

    async def is_hash_of(self, secret: str, stored: str | None) -> bool:
        """Whether `stored` is its hash; the same work when there is none."""
        async with self._one_hash:
            return await asyncio.to_thread(passwords.is_right, secret, stored)

    def _user_of(self, request: LogIn) -> User | None:
        if not request.card:
            return self._store.user(request.login)
        owner = self._store.owner_of(request.card)
        return self._store.user(owner) if owner is not None else None

    async def _is_right(self, request: LogIn, user: User | None) -> bool:
        """The same work for everybody, known or not."""
        keys = self._store.keys(user.login) if user is not None else Keys()
        stored = keys.pin_hash if request.card else keys.password_hash
        given = request.pin if request.card else request.password
        is_right = await self.is_hash_of(given, stored)
        if is_right and user is not None and stored is not None and passwords.is_outdated(stored):
            await self._renew(user, given, is_pin=bool(request.card))
        return is_right

    async def _renew(self, user: User, secret: str, *, is_pin: bool) -> None:
        """An old kind of hash is replaced while what it is of is known."""
        made = await self.hash_of(secret)
        async with self._saving:
            now = self._store.user(user.login)
            if now is None:
                return
            keys = self._store.keys(user.login)
            keys = msgspec.structs.replace(keys, **({"pin_hash": made} if is_pin else {"password_hash": made}))
            try:
                await self._store.save_user(now, None, "hub", keys)
            except CannotRecord as error:
                log.warning("the hash of %s stays as it is: %s", user.login, error)

    async def _keep(self) -> None:
        try:
            await self._store.set_facts({THROTTLE: self._throttle.kept()})
        except CannotRecord as error:  # it counts for this run all the same
            log.warning("wrong tries cannot be written down: %s", error)

    # --------------------------------------------------------------------------------------- one's own secrets

    async def _change_password(self, request: ChangePassword, sender: str) -> ActionResult:
        proof = await self._proof(LogIn(login=request.login, password=request.old_password), sender, "password")
        if proof.user is None:
            return refused(proof)
        least = passwords.least_length(sender)
        if why := passwords.weakness(request.new_password, proof.user.login, least):
            return ActionResult(ok=False, code="weak_password", text=why)
        if request.new_password == request.old_password:
            return ActionResult(ok=False, code="same", text="This is the password of before; take another.")
        number, made = new_generation(), await self.hash_of(request.new_password)
        await self._save(proof.user, password_hash=made, must_change=False, generation=number)
        self._note_change("password", proof.user.login, sender)
        values = {"role": proof.user.role.value, "generation": str(number)}
        return ActionResult(ok=True, code="ok", text="The password is changed.", values=values)

    async def _change_pin(self, request: ChangePin, sender: str) -> ActionResult:
        proof = await self._proof(LogIn(login=request.login, password=request.password), sender, "password")
        if proof.user is None:
            return refused(proof)
        if (against := self._against_old(proof.user)) is not None:
            return against
        if request.pin and (why := passwords.weakness_of_pin(request.pin)):
            return ActionResult(ok=False, code="bad_pin", text=why)
        await self._save(proof.user, pin_hash=await self.hash_of(request.pin) if request.pin else None)
        self._note_change("PIN", proof.user.login, sender)
        return ActionResult(ok=True, code="ok", text="The PIN is changed." if request.pin else "There is no PIN now.")

    async def _save(self, user: User, **changes: object) -> None:
        async with self._saving:
            now = self._store.user(user.login)
            if now is not None:
                keys = msgspec.structs.replace(self._store.keys(user.login), **changes)
                await self._store.save_user(now, None, user.login, keys)
                await self.changed()

    # --------------------------------------------------------------------------------------------------- grants

    async def _grant_access(self, request: GrantAccess, sender: str) -> ActionResult:
        user = self._store.user(request.login)
        if user is None or user.is_blocked:
            return ActionResult(ok=False, code="unknown_user", text=f"There is no user {request.login[:40]!r}.")
        if user.role not in STAFF:
            return ActionResult(ok=False, code="no_right", text=f"{user.login} is no technician.")
        by = f"{request.by[:100]} ({sender})" if request.by else sender
        self._tell_grant(AccessGrant(login=user.login, by=by, until_mono_s=self._clock.mono() + GRANT_S))
        self._note_access("granted", user.login, by)
        return ActionResult(ok=True, code="ok", text=f"{user.login} may come in within {GRANT_S:.0f} s.")

    async def _enter_by_grant(self, request: EnterByGrant, sender: str) -> LoginAnswer:
        grant, now_s = self._grant, self._clock.mono()
        user = self._store.user(grant.login) if grant.login else None
        self._tell_grant(AccessGrant())
        if user is None or user.is_blocked or now_s > grant.until_mono_s:
            return LoginAnswer(ok=False, code="no_grant", text="Nobody is let in from afar now.")
        self._note(True, user.login, sender, "", f"let in by {grant.by}")
        return self._let_in(user, sender)

    def _tell_grant(self, grant: AccessGrant) -> None:
        self._grant = grant
        self.tell()

    # --------------------------------------------------------------------------------------------------- notes

    def _note(self, is_in: bool, login: str, door: str, origin: str, way: str) -> None:
        """What was typed as an unknown login may be a password: it is not written down."""
        where = f"{door} {origin[:60]}" if origin else door
        extra = f"{{'user': {login[:100]!r}, 'origin': {where!r}}}"
        self._security("MaintenanceLoginAccepted" if is_in else "MaintenanceLoginFailed", login, "login", extra)
        if way != "password":
            log.info("log in of %s at %s: %s, %s", login, where, way, "let in" if is_in else "refused")

    def _note_throttled(self, door: str, origin: str, wait_s: float) -> None:
        """Once in each pause."""
        now_s = self._clock.mono()
        if now_s < self._throttled_told.get(door, 0.0):
            return
        self._throttled_told[door] = now_s + wait_s
        where = f"{door} {origin[:60]}" if origin else door
        extra = f"{{'origin': {where!r}, 'wait_s': {wait_s:.0f}}}"
        self._security("MaintenanceLoginFailed", "unknown", "too many wrong tries", extra)

    def _note_change(self, what: str, login: str, door: str) -> None:
        self._security("UserChanged", login, f"{what} changed", door)

    def _note_access(self, operation: str, login: str, by: str) -> None:
        self._security("MaintenanceAccessGranted", by, operation, login)

    def _security(self, kind: str, source: str, operation: str, extra: str) -> None:
        self._bus.publish(
            SecurityNoted(type=kind, source_type="user", source=source[:150], operation=operation, extra=extra[:500])
        )


def refused(proof: Proof) -> ActionResult:
    """What who did not prove himself is told."""
    if proof.wait_s > 0:
        text = f"Too many wrong tries. Try again in {max(1, round(proof.wait_s / 60))} min."
        return ActionResult(ok=False, code="wait", text=text, values={"wait_s": f"{proof.wait_s:.0f}"})
    return ActionResult(ok=False, code="wrong", text=WRONG)
