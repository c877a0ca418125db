"""How often an address may ask: a bucket of tokens for each, in a bounded table. Pure; times are monotonic seconds."""

from __future__ import annotations

import ipaddress

import msgspec

MOST_ADDRESSES = 1000


class Pace(msgspec.Struct, frozen=True):
    """`burst` at once, then `per_s` each second."""

    per_s: float
    burst: float


REQUESTS = Pace(per_s=200.0, burst=600.0)
"""Of every kind. More than a page with all its files takes, and less than would fill a core with refusals."""
LOGINS = Pace(per_s=0.5, burst=30.0)
"""Log-ins, recovery, wrong tokens: each may cost the hub a slow hash."""
NOTES = Pace(per_s=0.1, burst=10.0)
"""Lines of the security journal about one address."""


class Paces:
    """One table of buckets. When it is full, the one that was asked for longest ago is forgotten."""

    def __init__(self, pace: Pace, most: int = MOST_ADDRESSES) -> None:
        self._pace = pace
        self._most = most
        self._left: dict[str, tuple[float, float]] = {}  # by address: tokens, and when that was; oldest first

    def wait_s(self, address: str, now_s: float) -> float:
        """Take a token: 0 when there was one, else after how long there is one again."""
        key = _key(address)
        left, then_s = self._left.pop(key, (self._pace.burst, now_s))
        left = min(self._pace.burst, left + max(0.0, now_s - then_s) * self._pace.per_s)
        is_free = left >= 1.0
        while len(self._left) >= self._most:
            del self._left[next(iter(self._left))]
        self._left[key] = (left - 1.0 if is_free else left, max(then_s, now_s))
        return 0.0 if is_free else (1.0 - left) / self._pace.per_s

    def __len__(self) -> int:
        return len(self._left)


def _key(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 one: so many belong to one household."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.IPv6Network((found, 64), strict=False))
    return str(found)
