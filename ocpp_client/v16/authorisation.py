"""Who may charge: asks the central system, or answers from list and cache by the rules in `permission.py`.

Source: OCPP 1.6, 3.5 (cache, list, local authorisation, unknown idTags), 4.1, 7.28 (idToken: at most 20 characters,
compared without regard to case; longer ones are refused, never cut).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from chargepoint.clock import Clock
from chargepoint.masking import mask
from chargepoint.messages import Authorization, Authorize
from chargepoint.records import Credential
from chargepoint.storage.database import CannotRecord
from chargepoint.vocabulary import AuthorizationBasis
from ocpp_client.rpc import LinkLost, NoAnswer, Refused, Rpc, Unsendable
from ocpp_client.store import Store
from ocpp_client.v16 import permission
from ocpp_client.v16.configuration import Configuration
from ocpp_client.v16.local_list import LocalList
from ocpp_client.v16.permission import ACCEPTED, Question, Rules, Standing
from ocpp_client.v16.transactions import IdTagInfo, id_tag_info
from ocpp_client.v16.words import MAX_ID_TAG, id_tag

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
        *,
        rpc: Rpc,
        store: Store,
        local_list: LocalList,
        configuration: Configuration,
        clock: Clock,
        is_open: asyncio.Event,
        timeout_s: float,
        note: Callable[[str, str], None],
    ) -> None:
        self._rpc = rpc
        self._store = store
        self._list = local_list
        self._configuration = configuration
        self._clock = clock
        self._is_open = is_open
        self._timeout_s = timeout_s
        self._note = note

    async def authorize(self, request: Authorize, _sender: str) -> Authorization:
        """May this credential charge? Never raises for what the link does."""
        tag = id_tag(Credential(request.id_tag, request.type))
        if not 0 < len(tag) <= MAX_ID_TAG:
            log.warning("an idTag of %d characters is refused, OCPP allows %d", len(tag), MAX_ID_TAG)
            return REFUSED
        known = self._standing(tag)
        if permission.verdict(Question(self._rules, known, can_ask=self._is_open.is_set())) != "ask":
            return self._by_rules(tag, known, can_ask=self._is_open.is_set())
        try:
            async with asyncio.timeout(self._timeout_s + TURN_S):
                return await self._ask(tag)
        except (LinkLost, NoAnswer, Refused, Unsendable, TimeoutError) as error:
            log.warning("Authorize got no answer (%s); the rules without link decide", str(error) or "too late")
        return self._by_rules(tag, self._standing(tag), can_ask=False)

    async def _ask(self, tag: str) -> Authorization:
        answer = await self._rpc.call("Authorize", {"idTag": tag}, self._timeout_s)
        info = id_tag_info(answer)
        assert info is not None  # the schema asks for it
        self.learned(tag, info)
        self._note("Authorize", f"{mask(tag)}: {info.status}")
        return Authorization(status=info.status, basis=AuthorizationBasis.SERVER, parent=info.parent)

    def _by_rules(self, tag: str, known: Standing | None, *, can_ask: bool) -> Authorization:
        decided = permission.verdict(Question(self._rules, known, can_ask))
        if decided == "by_entry" and known is not None:
            if known.basis is AuthorizationBasis.CACHE:
                self._store.used(tag)
            return Authorization(status=known.status, basis=known.basis, parent=known.parent)
        if decided == "unknown_allowed":
            return Authorization(status=ACCEPTED, basis=AuthorizationBasis.OFFLINE)
        return REFUSED

    @property
    def _rules(self) -> Rules:
        flag = self._configuration.flag
        return Rules(
            local_pre_authorize=flag("LocalPreAuthorize"),
            local_authorize_offline=flag("LocalAuthorizeOffline"),
            allow_offline_for_unknown=flag("AllowOfflineTxForUnknownId"),
        )

    def _standing(self, tag: str) -> Standing | None:
        """What list and cache say now, as far as they are in use."""
        listed = self._list.get(tag) if self._configuration.flag("LocalAuthListEnabled") else None
        cached = self._store.cache.get(tag.lower()) if self._configuration.flag("AuthorizationCacheEnabled") else None
        return permission.standing(listed, cached, self._clock.now())

    def learned(self, tag: str, info: IdTagInfo) -> None:
        """The central system said this of an idTag, in whatever answer. What the list knows is not cached (3.5.2)."""
        if not self._configuration.flag("AuthorizationCacheEnabled"):
            self._store.forget_cached([tag])  # or it would be out of date when the cache is used again
        elif self._configuration.flag("LocalAuthListEnabled") and self._list.get(tag) is not None:
            self._store.forget_cached([tag])
        elif info.status not in NOT_KEPT:
            self._store.remember(tag, info.status, info.parent, info.expires_at, self._clock.now())

    def contradicts(self, tag: str, info: IdTagInfo) -> bool:
        """Whether the central system refuses somebody whom its own list accepts (3.5.2)."""
        listed = self._list.get(tag) if self._configuration.flag("LocalAuthListEnabled") else None
        return listed is not None and listed.status == ACCEPTED and not info.is_accepted

    async def clear(self) -> bool:
        """Carry out ClearCache; False while there is no cache, or when that cannot be recorded."""
        if not self._configuration.flag("AuthorizationCacheEnabled"):
            return False
        try:
            await self._store.clear_cache()
        except CannotRecord as error:
            log.error("the cache of idTags could not be cleared: %s", error)
            return False
        return True
