"""Wrong passwords are slowed: counted at each door by login and in all, so that nobody at one door locks out another.

Pure. Technician.md 1: after five wrong tries a minute of pause, then 5, 15 and 60 min; reliability.md S15. While a
pause lasts nothing is looked at: a try in it neither lengthens nor shortens it. What was counted is kept over restarts.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

import msgspec

FORGOTTEN_AFTER_S = 86_400.0
"""Without a wrong try for so long it counts from the beginning."""
MOST_LOGINS = 200
"""So many are counted by name at one door; the oldest go. All of them count in the door's own number."""


class Rule(msgspec.Struct, frozen=True):
    """`free` wrong tries cost nothing; with the last of them and each further one a pause begins."""

    free: int
    pauses_s: tuple[float, ...]

    def pause_s(self, wrong: int) -> float:
        """The pause after so many wrong tries in a row."""
        if wrong < self.free:
            return 0.0
        return self.pauses_s[min(wrong - self.free, len(self.pauses_s) - 1)]


AT_SCREEN = Rule(5, (60.0, 300.0, 900.0, 3600.0))
ON_THE_WEB = Rule(10, (60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0))
RULES = {"webconfig": ON_THE_WEB}
"""By door (sender on the bus); others have that of the screen."""


class Count(msgspec.Struct, frozen=True):
    """Wrong tries in a row, and when the last one was (monotonic seconds)."""

    wrong: int
    last_s: float


class Kept(msgspec.Struct, frozen=True):
    """As it is written down: `counts` by door, then by login (a hash of it; "" is the door itself)."""

    boot_id: str
    salt: str
    counts: dict[str, dict[str, Count]] = {}


class Throttle:
    """What was tried at all doors."""

    def __init__(self, kept: str | None, boot_id: str, now_s: float) -> None:
        """Goes on where the last run ended. After a power cut nobody knows for how long: pauses begin anew.

        What cannot be read is as if nothing had been tried.
        """
        self._boot_id = boot_id
        try:
            before = msgspec.json.decode(kept or "", type=Kept)
        except msgspec.DecodeError:
            before = Kept(boot_id, secrets.token_hex(16))
        self._salt = before.salt
        self._counts: dict[str, dict[str, Count]] = {}
        for door, counts in before.counts.items():
            self._counts[door] = {
                who: Count(count.wrong, min(count.last_s, now_s) if before.boot_id == boot_id else now_s)
                for who, count in counts.items()
            }

    def wait_s(self, door: str, who: str, now_s: float) -> float:
        """How long nothing is looked at for `who` at `door`; 0: try."""
        return max(self._left_s(door, "", now_s), self._left_s(door, self._name(who), now_s))

    def failed(self, door: str, who: str, now_s: float) -> None:
        """A wrong try."""
        counts = self._counts.setdefault(door, {})
        for name in ("", self._name(who)):
            counts[name] = Count(self._count(door, name, now_s).wrong + 1, now_s)
        while len(counts) > MOST_LOGINS + 1:
            del counts[min((name for name in counts if name), key=lambda name: counts[name].last_s)]

    def succeeded(self, door: str, who: str, now_s: float) -> bool:
        """A right one: his own wrong tries are forgotten, those of others are not. Whether anything changed."""
        counts = self._counts.get(door, {})
        own = counts.pop(self._name(who), None)
        if own is None:
            return False
        total = self._count(door, "", now_s)
        if total.wrong > own.wrong:
            counts[""] = Count(total.wrong - own.wrong, total.last_s)
        else:
            counts.pop("", None)
        return True

    def kept(self) -> str:
        """To be written down after each change."""
        return msgspec.json.encode(Kept(self._boot_id, self._salt, self._counts)).decode()

    def _left_s(self, door: str, name: str, now_s: float) -> float:
        count = self._count(door, name, now_s)
        pause_s = RULES.get(door, AT_SCREEN).pause_s(count.wrong)
        return max(0.0, count.last_s + pause_s - now_s) if pause_s else 0.0

    def _count(self, door: str, name: str, now_s: float) -> Count:
        found: Any = self._counts.get(door, {}).get(name)
        if found is None or now_s - found.last_s > FORGOTTEN_AFTER_S:
            return Count(0, now_s)
        return found  # type: ignore[no-any-return]

    def _name(self, who: str) -> str:
        """What was typed as a login may be a password: only a hash is kept."""
        return hashlib.blake2b(
            who.casefold().encode("utf-8", "replace"), key=self._salt.encode(), digest_size=8
        ).hexdigest()
