"""Tokens for the web's API: made by administrators, shown once, kept as SHA-256, ended by time or by hand.

The hub's calls CreateToken, RevokeToken, ReadTokens, CheckToken (webconfig.md 12, 13). A token has 256 bits by chance:
guessing it is hopeless, so wrong ones are not slowed, only noted, once a minute.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from datetime import timedelta

import msgspec

from chargepoint.bus import Bus
from chargepoint.messages import (
    ActionResult,
    ApiToken,
    CheckToken,
    CreateToken,
    ReadTokens,
    RevokeToken,
    SecurityNoted,
    TokenAnswer,
    TokensPage,
    User,
)
from chargepoint.rights import Right, has, lesser
from chargepoint.storage.database import CannotRecord
from chargepoint.storage.settings import KeptToken, SettingsStore, login_key
from chargepoint.vocabulary import Role

log = logging.getLogger(__name__)

MOST_OF_ONE = 20
MOST_DAYS = 366
LONGEST_NAME = 60
USE_NOTED_S = 600.0
"""The last use is written down so often at most (worn flash)."""
WRONG_NOTED_S = 60.0
MARK = "cpt_"
"""What every token begins with, so that one that leaks is recognised."""


class Tokens:
    """Serves the calls on the hub's own bus."""

    def __init__(self, store: SettingsStore, bus: Bus) -> None:
        self._store = store
        self._bus = bus
        self._next_wrong_s = 0.0
        bus.serve(CreateToken, self._create)
        bus.serve(RevokeToken, self._revoke)
        bus.serve(ReadTokens, self._read)
        bus.serve(CheckToken, self._check)

    async def _create(self, request: CreateToken, sender: str) -> TokenAnswer:
        maker = standing(self._store, request.by)
        clock = self._store.clock
        now = clock.now()
        mine = [token for token in self._store.tokens() if login_key(token.login) == login_key(request.by)]
        gone = [token.id for token in mine if token.expires_at <= now]
        name = request.name.strip()
        rows = (
            ("no_right", maker is None or not has(maker.role, Right.ADMINISTER), "An administrator has to do this."),
            (
                "bad_name",
                not 0 < len(name) <= LONGEST_NAME or not name.isprintable(),
                f"A token has a name of 1 to {LONGEST_NAME} letters that says what it is for.",
            ),
            ("bad_role", not has(request.role, Right.SEE), "A customer has no part in the service of the station."),
            ("bad_days", not 1 <= request.days <= MOST_DAYS, f"A token holds for 1 to {MOST_DAYS} days."),
            ("no_time", not clock.is_set, "The station does not know the time yet; set it first."),
            (
                "too_many",
                len(mine) - len(gone) >= MOST_OF_ONE,
                f"{request.by[:40]} has {MOST_OF_ONE} tokens; revoke one first.",
            ),
        )
        for code, holds, text in rows:
            if holds:
                return TokenAnswer(ok=False, code=code, text=text)
        if gone:
            await self._store.remove_tokens(gone, "expired")
        secret = MARK + secrets.token_urlsafe(32)
        login = maker.login if maker is not None else request.by
        token = KeptToken(
            secrets.token_hex(4),
            name,
            request.role,
            login,
            now,
            now + timedelta(days=request.days),
            None,
            _hash(secret),
        )
        await self._store.save_token(token, f"{login} ({sender})")
        self._note("UserChanged", login, f"token {token.id} created", f"{name}, {token.role.value}, {sender}")
        return _answer(token, token.role, secret)

    async def _revoke(self, request: RevokeToken, sender: str) -> ActionResult:
        token = next((token for token in self._store.tokens() if token.id == request.id), None)
        if token is None:
            return ActionResult(ok=False, code="unknown_token", text=f"There is no token {request.id[:20]!r}.")
        asker = standing(self._store, request.by)
        is_own = asker is not None and login_key(asker.login) == login_key(token.login)
        is_administrator = asker is not None and has(asker.role, Right.ADMINISTER)
        if sender == "webconfig" and not (is_own or is_administrator):
            return ActionResult(ok=False, code="no_right", text="An administrator has to do this.")
        await self._store.remove_tokens([token.id], f"{request.by[:100]} ({sender})")
        self._note("UserChanged", request.by, f"token {token.id} revoked", f"{token.name}, {sender}")
        return ActionResult(ok=True, code="ok", text=f"The token {token.name} serves no more.")

    async def _read(self, request: ReadTokens, _sender: str) -> TokensPage:
        now = self._store.clock.now()
        wanted = login_key(request.login)
        return TokensPage(
            tokens=tuple(
                ApiToken(
                    id=token.id, name=token.name, role=token.role, created_by=token.login, created_at=token.created_at,
                    expires_at=token.expires_at, last_used_at=token.last_used_at,
                    is_valid=now < token.expires_at and standing(self._store, token.login) is not None,
                )
                for token in self._store.tokens()
                if not wanted or login_key(token.login) == wanted
            )
        )  # fmt: skip

    async def _check(self, request: CheckToken, _sender: str) -> TokenAnswer:
        token = self._store.token_of(_hash(request.token))
        if token is None:
            self._note_wrong(request.origin)
            return TokenAnswer(ok=False, code="wrong", text="There is no such token.")
        now = self._store.clock.now()
        if now >= token.expires_at:
            return TokenAnswer(ok=False, code="expired", text=f"The token {token.name} has expired.")
        maker = standing(self._store, token.login)
        if maker is None:
            return TokenAnswer(ok=False, code="no_right", text=f"{token.login} may not be logged in any more.")
        if token.last_used_at is None or abs((now - token.last_used_at).total_seconds()) >= USE_NOTED_S:
            token = msgspec.structs.replace(token, last_used_at=now)
            try:
                await self._store.save_token(token, "")
            except CannotRecord as error:
                log.warning("the use of token %s cannot be written down: %s", token.id, error)
        return _answer(token, lesser(token.role, maker.role), "")

    def _note_wrong(self, origin: str) -> None:
        now_s = self._store.clock.mono()
        if now_s >= self._next_wrong_s:
            self._next_wrong_s = now_s + WRONG_NOTED_S
            self._note("MaintenanceLoginFailed", "unknown", "token", f"{{'origin': {'webconfig ' + origin[:60]!r}}}")

    def _note(self, kind: str, source: str, operation: str, extra: str) -> None:
        self._bus.publish(
            SecurityNoted(type=kind, source_type="user", source=source[:150], operation=operation, extra=extra[:500])
        )


def standing(store: SettingsStore, login: str) -> User | None:
    """The user, if he may be logged in now: not blocked, of a role with a right, and with a password of his own."""
    user = store.user(login)
    if user is None or user.is_blocked or not has(user.role, Right.SEE) or store.keys(login).must_change:
        return None
    return user


def _answer(token: KeptToken, role: Role, secret: str) -> TokenAnswer:
    return TokenAnswer(
        ok=True, code="ok", token=secret, id=token.id, name=token.name, login=token.login, role=role,
        expires_at=token.expires_at,
    )  # fmt: skip


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
