"""Who is logged in at the web: sessions in memory, none outlives the process (webconfig.md 12)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from chargepoint.messages import Standing
from chargepoint.rights import Right, has
from chargepoint.vocabulary import Role

MOST_SESSIONS = 200
LONGEST_S = 12 * 3600.0
"""So long a session lasts at most, however busy."""


@dataclass(eq=False)
class Visitor:
    """Somebody at a browser, or a program with a token (`token_id`). Times are monotonic seconds."""

    login: str
    role: Role
    generation: int
    begun_s: float
    last_action_s: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    origin: str = ""
    must_change: bool = False
    token_id: str = ""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is over: its streams end."""

    def may(self, right: Right) -> bool:
        return not self.must_change and has(self.role, right)


class Visitors:
    """All sessions, by a hash of their secret, so that a leak of memory is no key."""

    def __init__(self, idle_s: float, now: Callable[[], float]) -> None:
        self._idle_s = idle_s
        self._now = now
        self._known: dict[bytes, Visitor] = {}

    def begin(
        self, login: str, role: Role, generation: int, origin: str, must_change: bool = False
    ) -> tuple[str, Visitor]:
        """A new session and its secret for the cookie. When there are too many the one longest idle ends."""
        self.sweep()
        while len(self._known) >= MOST_SESSIONS:
            key = min(self._known, key=lambda k: self._known[k].last_action_s)
            self._end(key)
        secret = secrets.token_urlsafe(32)
        now_s = self._now()
        visitor = Visitor(login, role, generation, now_s, now_s, origin=origin, must_change=must_change)
        self._known[_hash(secret)] = visitor
        return secret, visitor

    def of(self, secret: str, is_action: bool) -> Visitor | None:
        """Whose session this is; an action renews it, an event stream or a refresh by itself does not."""
        key = _hash(secret)
        visitor = self._known.get(key)
        if visitor is None:
            return None
        now_s = self._now()
        if now_s - visitor.last_action_s > self._idle_s or now_s - visitor.begun_s > LONGEST_S:
            self._end(key)
            return None
        if is_action:
            visitor.last_action_s = now_s
        return visitor

    def end(self, secret: str) -> None:
        self._end(_hash(secret))

    def end_login(self, login: str) -> int:
        """End all sessions of somebody, wherever they are; how many there were."""
        own = [key for key, one in self._known.items() if one.login.casefold() == login.casefold()]
        for key in own:
            self._end(key)
        return len(own)

    def end_all_of(self, login: str, but: Visitor | None = None) -> int:
        """End all sessions of somebody, perhaps but one; how many."""
        meant = [k for k, v in self._known.items() if v.login.casefold() == login.casefold() and v is not but]
        for key in meant:
            self._end(key)
        return len(meant)

    def sweep(self) -> None:
        """End what has been idle for too long."""
        now_s = self._now()
        for key, visitor in list(self._known.items()):
            if now_s - visitor.last_action_s > self._idle_s or now_s - visitor.begun_s > LONGEST_S:
                self._end(key)

    def hold_to(self, standing: Iterable[Standing]) -> None:
        """End the sessions of whoever may not be logged in any more, and take each role from there."""
        by_login = {one.login.casefold(): one for one in standing}
        for key, visitor in list(self._known.items()):
            one = by_login.get(visitor.login.casefold())
            if one is None or one.generation != visitor.generation:
                self._end(key)
            else:
                visitor.role = one.role
                visitor.must_change = one.must_change

    def all(self) -> tuple[Visitor, ...]:
        return tuple(self._known.values())

    def _end(self, key: bytes) -> None:
        visitor = self._known.pop(key, None)
        if visitor is not None:
            visitor.ended.set()


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
