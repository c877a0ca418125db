"""Who may charge: the central system's word, or its last one from the cache, or the rules for being without link.

Source: OCPP 1.6, 3.5 (cache, local authorisation, unknown ids), 4.1, 7.28 (idToken: at most 20 characters, compared
without regard to case; longer ones are refused, never cut).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from chargepoint.clock import Clock
from chargepoint.messages import Authorization, Authorize
from chargepoint.vocabulary import AuthorizationBasis
from ocpp_client.rpc import LinkLost, NoAnswer, Refused, Rpc, Unsendable
from ocpp_client.store import CacheEntry, Store
from ocpp_client.v16.configuration import Configuration
from ocpp_client.v16.transactions import IdTagInfo, id_tag_info
from ocpp_client.v16.words import MAX_ID_TAG

log = logging.getLogger(__name__)

TURN_S = 3.0
"""Beyond the time an answer may take, so long may the wait for our turn to ask take."""

REFUSED = Authorization(status="Invalid", basis=AuthorizationBasis.NONE)
NOT_KEPT = frozenset({"ConcurrentTx"})
"""Says something about now, not about the idTag."""


class Authorisation:
    """Answers the station's question, on line and off. `is_open` says whether the central system can be asked."""

    def __init__(
        self,
        rpc: Rpc,
        store: Store,
        configuration: Configuration,
        clock: Clock,
        is_open: asyncio.Event,
        timeout_s: float,
        note: Callable[[str, str], None],
    ) -> None:
        self._rpc = rpc
        self._store = store
        self._configuration = configuration
        self._clock = clock
        self._is_open = is_open
        self._timeout_s = timeout_s
        self._note = note

    async def authorize(self, request: Authorize, _sender: str) -> Authorization:
        """May this idTag charge? Never raises for what the link does."""
        tag = request.id_tag
        if not 0 < len(tag) <= MAX_ID_TAG:
            log.warning("an idTag of %d characters is refused, OCPP allows %d", len(tag), MAX_ID_TAG)
            return REFUSED
        known = self._known(tag)
        if self._configuration.flag("LocalPreAuthorize") and known is not None and known.status == "Accepted":
            return self._by_cache(known)
        if self._is_open.is_set():
            try:
                async with asyncio.timeout(self._timeout_s + TURN_S):
                    return await self._ask(tag)
            except (LinkLost, NoAnswer, Refused, Unsendable, TimeoutError) as error:
                log.warning("Authorize got no answer (%s); the rules without link decide", str(error) or "too late")
        return self._without_link(known)

    async def _ask(self, tag: str) -> Authorization:
        answer = await self._rpc.call("Authorize", {"idTag": tag}, self._timeout_s)
        info = id_tag_info(answer)
        assert info is not None  # the schema asks for it
        self.learned(tag, info)
        status = "Expired" if info.is_accepted and self._is_over(info) else info.status
        self._note("Authorize", f"{masked(tag)}: {status}")
        return Authorization(status=status, basis=AuthorizationBasis.SERVER, parent=info.parent)

    def _without_link(self, known: CacheEntry | None) -> Authorization:
        if known is not None and known.status != "Accepted":
            return Authorization(status=known.status, basis=AuthorizationBasis.CACHE, parent=known.parent)
        if known is not None:
            if self._configuration.flag("LocalAuthorizeOffline"):
                return self._by_cache(known)
            return REFUSED
        if self._configuration.flag("AllowOfflineTxForUnknownId"):
            return Authorization(status="Accepted", basis=AuthorizationBasis.OFFLINE)
        return REFUSED

    @staticmethod
    def _by_cache(known: CacheEntry) -> Authorization:
        return Authorization(status="Accepted", basis=AuthorizationBasis.CACHE, parent=known.parent)

    def _known(self, tag: str) -> CacheEntry | None:
        """The cache's entry as it holds now."""
        if not self._configuration.flag("AuthorizationCacheEnabled"):
            return None
        entry = self._store.cache.get(tag.lower())
        if entry is None or entry.status != "Accepted" or entry.expires_at is None:
            return entry
        if entry.expires_at > self._clock.now():
            return entry
        return CacheEntry("Expired", entry.parent, entry.expires_at, entry.used)

    def _is_over(self, info: IdTagInfo) -> bool:
        return info.expires_at is not None and self._clock.is_set and info.expires_at <= self._clock.now()

    def learned(self, tag: str, info: IdTagInfo) -> None:
        """The central system said this of an idTag, in whatever answer."""
        if self._configuration.flag("AuthorizationCacheEnabled") and info.status not in NOT_KEPT:
            self._store.remember(tag, info.status, info.parent, info.expires_at)

    async def clear(self) -> bool:
        """Carry out ClearCache; False while there is no cache."""
        if not self._configuration.flag("AuthorizationCacheEnabled"):
            return False
        await self._store.clear_cache()
        return True


def masked(tag: str) -> str:
    """A card number as logs may show it (S21)."""
    return tag[:4] + "…" if len(tag) > 4 else tag
