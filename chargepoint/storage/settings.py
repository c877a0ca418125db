"""settings.db, owned by the hub: values changed at run time with who and when, users, and facts of the supervisor.

What is told here as done is durable. Values and users are held in memory, too: reading never touches the disk.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from chargepoint.clock import Clock
from chargepoint.messages import SettingChange, User
from chargepoint.records import Moment
from chargepoint.storage.database import Database
from chargepoint.vocabulary import Role

log = logging.getLogger(__name__)

MIGRATIONS = (
    """
    CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE setting_change (
        number INTEGER PRIMARY KEY,
        key TEXT NOT NULL,
        value TEXT,
        by TEXT NOT NULL,
        boot_id TEXT NOT NULL,
        mono_s REAL NOT NULL,
        at TEXT
    );
    CREATE INDEX setting_change_key ON setting_change (key, number);
    CREATE TABLE user (
        login_key TEXT PRIMARY KEY,
        login TEXT NOT NULL,
        role TEXT NOT NULL,
        is_blocked INTEGER NOT NULL,
        is_allowed INTEGER NOT NULL,
        energy_limit_wh INTEGER,
        password_hash TEXT
    ) WITHOUT ROWID;
    CREATE TABLE card (
        number_key TEXT PRIMARY KEY,
        number TEXT NOT NULL,
        position INTEGER NOT NULL,
        login_key TEXT NOT NULL REFERENCES user (login_key) ON DELETE CASCADE
    ) WITHOUT ROWID;
    CREATE TABLE fact (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """,
    """
    ALTER TABLE user ADD COLUMN pin_hash TEXT;
    ALTER TABLE user ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0;
    """,
    """
    ALTER TABLE user ADD COLUMN generation INTEGER NOT NULL DEFAULT 1;
    CREATE TABLE token (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        role TEXT NOT NULL,
        login TEXT NOT NULL,
        created_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        last_used_at TEXT,
        hash TEXT NOT NULL UNIQUE
    ) WITHOUT ROWID;
    """,
)

RECOVERY = "recovery_hash"
"""The fact in which the hash of the recovery code is kept."""
MAX_CHANGES = 20_000
"""Of the history of changes the oldest go beyond this."""


class Keys(msgspec.Struct, frozen=True):
    """What a user proves himself with, as hashes; None: he has none. `must_change`: the password is asked for anew.
    `generation` is another one after each change that ends his log-ins (LoginsState)."""

    password_hash: str | None = None
    pin_hash: str | None = None
    must_change: bool = False
    generation: int = 0


def new_generation() -> int:
    """A number that no log-in of before has; whole in JSON, too."""
    return secrets.randbits(52) + 2


def login_key(login: str) -> str:
    """Logins are the same whatever their case."""
    return login.casefold()


def card_key(number: str) -> str:
    """Card numbers are compared without case (OCPP idToken)."""
    return number.casefold()


class KeptToken(msgspec.Struct, frozen=True):
    """A token of the web's API, by the hash of its secret."""

    id: str
    name: str
    role: Role
    login: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    hash: str


class SettingsStore:
    """Open with `open`. Every change is one transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self.clock = clock
        self.values: dict[str, str] = {}
        self._users: dict[str, User] = {}
        self._keys: dict[str, Keys] = {}
        self._facts: dict[str, str] = {}
        self._tokens: dict[str, KeptToken] = {}

    @classmethod
    async def open(cls, folder: Path, clock: Clock) -> SettingsStore:
        """The settings in `folder`, made if there are none. Raises OSError, sqlite3.Error."""
        store = cls(await Database.open(folder / "settings.db", MIGRATIONS, clock), clock)
        await store._load()
        return store

    @property
    def damage(self) -> str:
        """What was wrong with the file, empty when nothing was."""
        return self._database.damage

    async def close(self) -> None:
        await self._database.close()

    # -------------------------------------------------------------------------------------------------- values

    async def change(self, values: dict[str, str | None], by: str) -> dict[str, str | None]:
        """Set or (None) remove values, all or none; what really changed. Durable when this returns."""
        changed = {key: value for key, value in values.items() if self.values.get(key) != value}
        if not changed:
            return {}
        moment = self.clock.moment()
        async with self._database.transaction() as tx:
            for key, value in changed.items():
                if value is None:
                    await tx.execute("DELETE FROM setting WHERE key = ?", (key,))
                else:
                    await tx.execute("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", (key, value))
                await tx.execute(_REMEMBER, _change_row(key, value, by, moment))
            await tx.execute(_FORGET, (MAX_CHANGES,))
        for key, value in changed.items():
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value
        return changed

    async def changes(self, prefix: str = "", limit: int = 500) -> tuple[SettingChange, ...]:
        """Who set what, newest first, of keys that begin with `prefix`."""
        rows = await self._database.read(
            "SELECT key, value, by, boot_id, mono_s, at FROM setting_change"
            " WHERE substr(key, 1, ?) = ? ORDER BY number DESC LIMIT ?",
            (len(prefix), prefix, limit),
        )
        return tuple(
            SettingChange(key, value, by, Moment(boot_id, mono_s, datetime.fromisoformat(at) if at else None))
            for key, value, by, boot_id, mono_s, at in rows
        )

    # --------------------------------------------------------------------------------------------------- users

    def users(self) -> tuple[User, ...]:
        """All users, by login."""
        return tuple(self._users[key] for key in sorted(self._users))

    def user(self, login: str) -> User | None:
        return self._users.get(login_key(login))

    def keys(self, login: str) -> Keys:
        """What the login proves itself with; nothing for an unknown login."""
        return self._keys.get(login_key(login), Keys())

    def password_hash(self, login: str) -> str | None:
        """The stored hash of the login's password; None for an unknown login and for a user without a password."""
        return self.keys(login).password_hash

    def owner_of(self, card: str) -> str | None:
        """The login to which a card belongs."""
        wanted = card_key(card)
        for user in self._users.values():
            if wanted in map(card_key, user.cards):
                return user.login
        return None

    async def save_user(self, user: User, password_hash: str | None, by: str, keys: Keys | None = None) -> None:
        """Add or change a user; `keys` are all he proves himself with, without them a `password_hash` of None keeps
        those there are. Raises sqlite3.IntegrityError for a card that is another's."""
        key = login_key(user.login)
        kept = keys or self.keys(key)
        if password_hash is not None:
            kept = msgspec.structs.replace(kept, password_hash=password_hash)
        is_new = kept.password_hash is not None and kept.password_hash != self.keys(key).password_hash
        moment = self.clock.moment()
        async with self._database.transaction() as tx:
            await tx.execute("DELETE FROM card WHERE login_key = ?", (key,))
            await tx.execute("DELETE FROM user WHERE login_key = ?", (key,))
            await tx.execute(
                "INSERT INTO user (login_key, login, role, is_blocked, is_allowed, energy_limit_wh, password_hash,"
                " pin_hash, must_change, generation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    key, user.login, user.role.value, user.is_blocked, user.is_allowed, user.energy_limit_wh,
                    kept.password_hash, kept.pin_hash, kept.must_change, kept.generation,
                ),
            )  # fmt: skip
            for position, card in enumerate(user.cards):
                await tx.execute(
                    "INSERT INTO card (number_key, number, position, login_key) VALUES (?, ?, ?, ?)",
                    (card_key(card), card, position, key),
                )
            await tx.execute(_REMEMBER, _change_row(f"user.{user.login}", _outline(user, is_new), by, moment))
            await tx.execute(_FORGET, (MAX_CHANGES,))
        self._users[key] = user
        self._keys[key] = kept

    async def forget_all(self, by: str) -> None:
        """Users, tokens and values go; the history, the facts of the supervisor and of the label stay."""
        moment = self.clock.moment()
        async with self._database.transaction() as tx:
            for table in ("card", "user", "setting", "token"):
                await tx.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own
            await tx.execute("DELETE FROM fact WHERE key = ?", (RECOVERY,))
            await tx.execute(_REMEMBER, _change_row("factory_reset", None, by, moment))
        self.values.clear()
        self._users.clear()
        self._keys.clear()
        self._tokens.clear()
        self._facts.pop(RECOVERY, None)

    async def remove_user(self, login: str, by: str) -> None:
        """His tokens go with him. Raises KeyError for an unknown login."""
        key = login_key(login)
        user = self._users[key]
        moment = self.clock.moment()
        tokens = [token for token in self._tokens.values() if login_key(token.login) == key]
        async with self._database.transaction() as tx:
            await tx.execute("DELETE FROM card WHERE login_key = ?", (key,))
            await tx.execute("DELETE FROM user WHERE login_key = ?", (key,))
            for token in tokens:
                await tx.execute("DELETE FROM token WHERE id = ?", (token.id,))
            await tx.execute(_REMEMBER, _change_row(f"user.{user.login}", None, by, moment))
        for token in tokens:
            del self._tokens[token.id]
        del self._users[key]
        self._keys.pop(key, None)

    # -------------------------------------------------------------------------------------------------- tokens

    def tokens(self) -> tuple[KeptToken, ...]:
        """All tokens, the oldest first."""
        return tuple(sorted(self._tokens.values(), key=lambda token: (token.created_at, token.id)))

    def token_of(self, secret_hash: str) -> KeptToken | None:
        """The token with the hash of this secret."""
        return next((token for token in self._tokens.values() if token.hash == secret_hash), None)

    async def save_token(self, token: KeptToken, by: str) -> None:
        """Add a token, or (with `by` empty) note its use."""
        times = [at.isoformat() if at is not None else None for at in
                 (token.created_at, token.expires_at, token.last_used_at)]  # fmt: skip
        moment = self.clock.moment()
        async with self._database.transaction() as tx:
            await tx.execute(
                "INSERT OR REPLACE INTO token (id, name, role, login, created_at, expires_at, last_used_at, hash)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (token.id, token.name, token.role.value, token.login, *times, token.hash),
            )
            if by:
                outline = f"{token.name}, {token.role.value}, until {token.expires_at:%Y-%m-%d}"
                await tx.execute(_REMEMBER, _change_row(f"token.{token.id}", outline, by, moment))
        self._tokens[token.id] = token

    async def remove_tokens(self, ids: Sequence[str], by: str) -> None:
        """Those of these that are there are none any more."""
        moment = self.clock.moment()
        async with self._database.transaction() as tx:
            for each in ids:
                await tx.execute("DELETE FROM token WHERE id = ?", (each,))
                await tx.execute(_REMEMBER, _change_row(f"token.{each}", None, by, moment))
        for each in ids:
            self._tokens.pop(each, None)

    async def _load_tokens(self) -> None:
        names = KeptToken.__struct_fields__
        for row in await self._database.read(f"SELECT {', '.join(names)} FROM token", ()):  # noqa: S608 - our own names
            try:
                token = msgspec.convert(dict(zip(names, row, strict=True)), KeptToken)
            except msgspec.ValidationError as error:
                log.error("settings.db: a token is passed over: %s", error)
                continue
            self._tokens[token.id] = token

    # --------------------------------------------------------------------------------------------------- facts

    def fact(self, key: str) -> str | None:
        """Something the supervisor must remember (boots, crashes, how the last run ended, the last known time)."""
        return self._facts.get(key)

    async def set_facts(self, facts: dict[str, str | None]) -> None:
        """Remember (or with None: forget), all or none."""
        async with self._database.transaction() as tx:
            for key, value in facts.items():
                if value is None:
                    await tx.execute("DELETE FROM fact WHERE key = ?", (key,))
                else:
                    await tx.execute("INSERT OR REPLACE INTO fact (key, value) VALUES (?, ?)", (key, value))
        for key, value in facts.items():
            if value is None:
                self._facts.pop(key, None)
            else:
                self._facts[key] = value

    async def _load(self) -> None:
        self.values = _texts(await self._database.read("SELECT key, value FROM setting"))
        self._facts = _texts(await self._database.read("SELECT key, value FROM fact"))
        cards: dict[str, list[str]] = {}
        for number, owner in await self._database.read("SELECT number, login_key FROM card ORDER BY position", ()):
            cards.setdefault(owner, []).append(number)
        rows = await self._database.read(
            "SELECT login_key, login, role, is_blocked, is_allowed, energy_limit_wh, password_hash, pin_hash,"
            " must_change, generation FROM user",
            (),
        )
        for key, login, role, is_blocked, is_allowed, energy_limit_wh, *proofs in rows:
            kept = {
                "login": login,
                "role": role,
                "cards": cards.get(key, ()),
                "is_blocked": bool(is_blocked),
                "is_allowed": bool(is_allowed),
                "energy_limit_wh": energy_limit_wh,
            }
            try:
                self._users[key] = msgspec.convert(kept, User)
            except msgspec.ValidationError as error:  # edited by hand, or written by a newer version
                log.error("settings.db: user %.40r is kept blocked: %s", login, error)
                known = tuple(card for card in cards.get(key, ()) if isinstance(card, str))
                self._users[key] = User(login=str(login), role=Role.CUSTOMER, cards=known, is_blocked=True)
            password_hash, pin_hash, must_change, generation = proofs
            number = generation if isinstance(generation, int) else 0
            self._keys[key] = Keys(_text(password_hash), _text(pin_hash), bool(must_change), number)
        await self._load_tokens()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(rows: Sequence[sqlite3.Row]) -> dict[str, str]:
    """Keys and values; what is no text was not written by us and is passed over."""
    return {key: value for key, value in rows if isinstance(key, str) and isinstance(value, str)}


_REMEMBER = "INSERT INTO setting_change (key, value, by, boot_id, mono_s, at) VALUES (?, ?, ?, ?, ?, ?)"
_FORGET = "DELETE FROM setting_change WHERE number <= (SELECT max(number) FROM setting_change) - ?"


def _change_row(key: str, value: str | None, by: str, moment: Moment) -> tuple[str | float | None, ...]:
    at = moment.at.isoformat() if moment.at is not None else None
    return (key, value, by, moment.boot_id, moment.mono_s, at)


def _outline(user: User, has_new_password: bool) -> str:
    """A user in the history of changes: no card numbers (S21), no password."""
    parts = [user.role.value, f"{len(user.cards)} cards"]
    parts += ["blocked"] if user.is_blocked else []
    parts += [] if user.is_allowed else ["not allowed"]
    parts += [f"limit {user.energy_limit_wh} Wh"] if user.energy_limit_wh is not None else []
    parts += ["new password"] if has_new_password else []
    return ", ".join(parts)
