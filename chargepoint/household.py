"""The hub's calls about what is kept: settings changed at run time, users, passwords; topics `settings`, `users`,
`access/logins`."""

from __future__ import annotations

import asyncio
import re

import msgspec

from chargepoint import passwords
from chargepoint.bus import Bus
from chargepoint.entrance import Entrance
from chargepoint.masking import mask
from chargepoint.messages import (
    ActionResult,
    BindCard,
    ChangeSettings,
    Done,
    LoginsState,
    Noted,
    ReadSettings,
    ReadUsers,
    RemoveUser,
    SaveUser,
    SecurityNoted,
    SettingChange,
    SettingsPage,
    SettingsState,
    Standing,
    User,
    UserRow,
    UsersPage,
    UsersState,
)
from chargepoint.recovery import Recovery
from chargepoint.rights import STAFF, Right, has
from chargepoint.storage.settings import Keys, SettingsStore, card_key, login_key, new_generation
from chargepoint.tokens import Tokens
from chargepoint.vocabulary import EventType, Role

DOORS_FOR_PEOPLE = frozenset({"hmi", "webconfig"})
MAX_CARDS = 15
MAX_CARD_LENGTH = 20
MAX_USERS = 1000
MAX_SETTINGS = 2000
MAX_SETTINGS_BYTES = 400_000
"""Of all values, and of the changes in one answer: both together fit into one message of the bus (1 MiB)."""
MAX_PAGE_CHANGES = 200
KEYS_OF = {"ocpp": "ocpp.", "monitor": "monitor."}
"""What the keys begin with that a door to the network may set; the others have people with roles before them (S24)."""
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,119}")
LOGIN = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{1,148})[^\s\x00-\x1f\x7f]")
MAX_ENERGY_LIMIT_WH = 999_999_000


class Household:
    """Serves ReadSettings, ChangeSettings, SaveUser, RemoveUser, ReadUsers, BindCard on the hub's own bus, with
    `entrance` all log-ins, with `tokens` those of the API, with `recovery` the first administrator and the way back."""

    def __init__(self, store: SettingsStore, bus: Bus, *, card_alone: bool = False) -> None:
        self._store = store
        self._bus = bus
        self._one_at_a_time = asyncio.Lock()  # users change one after another: the rules look at all of them
        saving = self._one_at_a_time
        self.entrance = Entrance(store, bus, store.clock, saving, self._tell_users, card_alone=card_alone)
        self.tokens = Tokens(store, bus)
        self.recovery = Recovery(store, bus, self.entrance, saving)
        bus.serve(ReadSettings, self._read)
        bus.serve(ChangeSettings, self._change)
        bus.serve(SaveUser, self._save_user)
        bus.serve(RemoveUser, self._remove_user)
        bus.serve(ReadUsers, self._read_users)
        bus.serve(BindCard, self._bind_card)

    def tell(self) -> None:
        """The states of settings and users, for everybody."""
        self._bus.set_state("settings", SettingsState(values=dict(self._store.values)))
        self._set_users()
        self.entrance.tell()

    async def _tell_users(self) -> None:
        """After a change of users; the first password of the label is not kept in clear longer than it serves."""
        self._set_users()
        await self.recovery.forget_if_changed()

    def _set_users(self) -> None:
        users = self._store.users()
        self._bus.set_state("users", UsersState(users=users))
        standing = []
        for user in users:
            if not user.is_blocked and has(user.role, Right.SEE):
                keys = self._store.keys(user.login)
                standing.append(Standing(user.login, user.role, keys.generation, keys.must_change))
        self._bus.set_state("access/logins", LoginsState(users=tuple(standing)))

    async def _read(self, request: ReadSettings, _sender: str) -> SettingsPage:
        values = {key: value for key, value in self._store.values.items() if key.startswith(request.prefix)}
        changes: list[SettingChange] = []
        size = 0
        for change in await self._store.changes(request.prefix, MAX_PAGE_CHANGES):
            size += _bytes(change.key, change.value or "", change.by)
            if size > MAX_SETTINGS_BYTES:
                break
            changes.append(change)
        return SettingsPage(values=values, changes=tuple(changes))

    async def _change(self, request: ChangeSettings, sender: str) -> Done:
        self._refuse_bad_settings(request.values, sender)
        changed = await self._store.change(request.values, _author(request.by, sender))
        if changed:
            self._bus.set_state("settings", SettingsState(values=dict(self._store.values)))
            self._note_change(
                ", ".join(f"{key} = {_shown(key, value)}" for key, value in changed.items()), request.by, sender
            )
        return Done()

    def _refuse_bad_settings(self, values: dict[str, str | None], sender: str) -> None:
        for key in values:
            if not key.startswith(KEYS_OF.get(sender, "")):
                raise ValueError(f"{sender} may set keys that begin with {KEYS_OF[sender]!r}, not {key[:40]!r}")
            if not KEY.fullmatch(key):
                raise ValueError(f"{key[:40]!r} is no key of a setting: letters, digits and _ . : - only, at most 120")
        after = {key: value for key, value in {**self._store.values, **values}.items() if value is not None}
        if len(after) > MAX_SETTINGS or sum(_bytes(k, v) for k, v in after.items()) > MAX_SETTINGS_BYTES:
            raise ValueError(f"these are too many settings: at most {MAX_SETTINGS}, {MAX_SETTINGS_BYTES} bytes in all")

    # --------------------------------------------------------------------------------------------------- users

    async def _save_user(self, request: SaveUser, sender: str) -> ActionResult:
        async with self._one_at_a_time:
            user = msgspec.structs.replace(request.user, login=request.user.login.strip())
            refusal = (
                self._against(request.by, sender)
                or self._refusal(user, request.password, request.by, passwords.least_length(sender))
                or _refusal_of_pin(request.pin)
            )
            if refusal is not None:
                return refusal
            await self._store.save_user(user, None, _author(request.by, sender), await self._keys(user, request))
            await self._tell_users()
        self._note_user("saved", user.login, request.by, sender)
        return ActionResult(ok=True, code="ok")

    def _against(self, by: str, sender: str, own: str | None = None) -> ActionResult | None:
        """Through the doors for people administrators see to users; to what is his `own` each of the staff."""
        if sender not in DOORS_FOR_PEOPLE:
            return None
        asker = self._store.user(by)
        is_known = asker is not None and not asker.is_blocked and not self._store.keys(by).must_change
        if asker is not None and is_known:
            is_own = own is not None and asker.role in STAFF and login_key(own) == login_key(by)
            if is_own or has(asker.role, Right.ADMINISTER):
                return None
        return ActionResult(ok=False, code="no_right", text="An administrator has to do this.")

    def _refusal(self, user: User, password: str | None, by: str, least: int = 0) -> ActionResult | None:
        """Why the user cannot be saved so, as a table: code, whether it holds, words."""
        store, key = self._store, login_key(user.login)
        before = store.user(user.login)
        keys = [card_key(card) for card in user.cards]
        owners = {card: owner for card in user.cards if (owner := store.owner_of(card)) and login_key(owner) != key}
        limit_wh = user.energy_limit_wh
        is_admin = user.role is Role.ADMINISTRATOR and not user.is_blocked
        rows = (
            ("bad_login", not LOGIN.fullmatch(user.login), "A login has 3 to 150 characters."),
            ("too_many_cards", len(keys) > MAX_CARDS, f"A user has at most {MAX_CARDS} cards; these are {len(keys)}."),
            (
                "bad_card",
                not all(card == card.strip() and 0 < len(card) <= MAX_CARD_LENGTH for card in user.cards),
                f"A card number has 1 to {MAX_CARD_LENGTH} characters and no blanks around it.",
            ),
            ("bad_card", len(set(keys)) != len(keys), "A card is listed twice."),
            ("card_taken", bool(owners), f"Belongs to {', '.join(sorted(set(owners.values())))}: a card of this list."),
            (
                "bad_limit",
                limit_wh is not None and not 0 <= limit_wh <= MAX_ENERGY_LIMIT_WH,
                "An energy limit is 0 to 999 999 kWh.",
            ),
            (
                "too_many_users",
                before is None and len(store.users()) >= MAX_USERS,
                f"There are {MAX_USERS} users already; remove some.",
            ),
            (
                "last_administrator",
                before is not None and self._is_last_administrator(before) and not is_admin,
                "The last administrator stays one and cannot be blocked.",
            ),
            ("oneself", user.is_blocked and login_key(by) == key, "Nobody can block himself."),
        )
        for code, holds, text in rows:
            if holds:
                return ActionResult(ok=False, code=code, text=text)
        if password is not None and (why := passwords.weakness(password, user.login, least)):
            return ActionResult(ok=False, code="weak_password", text=why)
        return None

    def _is_last_administrator(self, user: User) -> bool:
        active = [u.login for u in self._store.users() if u.role is Role.ADMINISTRATOR and not u.is_blocked]
        return active == [user.login]

    async def _remove_user(self, request: RemoveUser, sender: str) -> ActionResult:
        async with self._one_at_a_time:
            if (against := self._against(request.by, sender)) is not None:
                return against
            user = self._store.user(request.login)
            if user is None:
                return ActionResult(ok=False, code="unknown_user", text=f"There is no user {request.login[:40]!r}.")
            if self._is_last_administrator(user):
                return ActionResult(ok=False, code="last_administrator", text="The last administrator stays.")
            if login_key(request.by) == login_key(user.login):
                return ActionResult(ok=False, code="oneself", text="Nobody can remove himself.")
            await self._store.remove_user(user.login, _author(request.by, sender))
            await self._tell_users()
        self._note_user("removed", user.login, request.by, sender)
        return ActionResult(ok=True, code="ok")

    async def _keys(self, user: User, request: SaveUser) -> Keys:
        """What he proves himself with from now on."""
        keys = self._store.keys(user.login)
        if request.password is not None:
            made = await self.entrance.hash_of(request.password)
            keys = msgspec.structs.replace(keys, password_hash=made, must_change=False)
        if request.pin is not None:
            made_pin = await self.entrance.hash_of(request.pin) if request.pin else None
            keys = msgspec.structs.replace(keys, pin_hash=made_pin)
        if request.must_change is not None:
            keys = msgspec.structs.replace(keys, must_change=request.must_change)
        if request.password is not None or self._ends_log_ins(user, keys):
            keys = msgspec.structs.replace(keys, generation=new_generation())
        return keys

    def _ends_log_ins(self, user: User, keys: Keys) -> bool:
        """Whether who is logged in as him must not stay so."""
        before = self._store.user(user.login)
        if before is None or (before.role, before.is_blocked) != (user.role, user.is_blocked):
            return True
        return keys.must_change and not self._store.keys(user.login).must_change

    async def _read_users(self, _request: ReadUsers, _sender: str) -> UsersPage:
        rows = []
        for user in self._store.users():
            keys = self._store.keys(user.login)
            rows.append(UserRow(user, keys.password_hash is not None, keys.pin_hash is not None, keys.must_change))
        return UsersPage(users=tuple(rows))

    async def _bind_card(self, request: BindCard, sender: str) -> ActionResult:
        async with self._one_at_a_time:
            if (against := self._against(request.by, sender, own=request.login)) is not None:
                return against
            user = self._store.user(request.login)
            if user is None:
                return ActionResult(ok=False, code="unknown_user", text=f"There is no user {request.login[:40]!r}.")
            others = tuple(card for card in user.cards if card_key(card) != card_key(request.card))
            if request.is_bound is (len(others) < len(user.cards)):
                if request.is_bound:
                    return ActionResult(ok=True, code="ok", text="The card is his already.")
                return ActionResult(ok=False, code="not_bound", text="This card is not his.")
            user = msgspec.structs.replace(user, cards=(*others, request.card) if request.is_bound else others)
            refusal = self._refusal(user, None, request.by)
            if refusal is not None:
                return refusal
            await self._store.save_user(user, None, _author(request.by, sender))
            await self._tell_users()
        self._note_user("card bound" if request.is_bound else "card unbound", user.login, request.by, sender)
        return ActionResult(ok=True, code="ok")

    # --------------------------------------------------------------------------------------------------- notes

    def _note_change(self, text: str, by: str, sender: str) -> None:
        self._bus.publish(
            Noted(
                event_type=EventType.CONFIG_CHANGED, action="Success", message=f"{text[:800]} by {_author(by, sender)}"
            )
        )

    def _note_user(self, operation: str, login: str, by: str, sender: str) -> None:
        self._note_change(f"user {login} {operation}", by, sender)
        self._bus.publish(
            SecurityNoted(
                type="UserChanged",
                source_type="user",
                source=_author(by, sender),
                operation=operation,
                extra=login,
            )
        )


def _refusal_of_pin(pin: str | None) -> ActionResult | None:
    why = passwords.weakness_of_pin(pin) if pin else ""
    return ActionResult(ok=False, code="bad_pin", text=why) if why else None


def _author(by: str, sender: str) -> str:
    """Who is written down: the person named, and through which door."""
    return f"{by[:150]} ({sender})" if by and by != sender else sender


def _bytes(*texts: str) -> int:
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


SECRET = re.compile(r"password|secret|authorizationkey|token|pin$", re.IGNORECASE)


def _shown(key: str, value: str | None) -> str:
    if value is None:
        return "removed"
    if key.startswith("access."):  # lists of card numbers (S21)
        value = re.sub(r"[^\s,;]+", lambda found: mask(found[0]), value)
    return "***" if SECRET.search(key) else value[:80]
