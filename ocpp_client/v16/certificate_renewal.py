"""Asking for a certificate of this station: when the central system wants it, and before the present one ends.

Each request has a key pair of its own, made here. The same request (same key) is repeated when there was no answer, or
when it was Accepted and no certificate came; a few times, with growing waits. After Rejected nothing is repeated: the
present pair is used on, and what runs out is asked for again the next day.
Source: OCA, Improved security for OCPP 1.6-J, edition 4, A02 and A03.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chargepoint.clock import Clock, at_of, unix_of
from chargepoint.storage.database import CannotRecord
from ocpp_client.certificate_words import Unfit
from ocpp_client.delivery import UNKNOWN_THERE
from ocpp_client.facts import Facts
from ocpp_client.key_store import KeyStore
from ocpp_client.late import Late
from ocpp_client.rpc import LinkLost, NoAnswer, Refused, Rpc, Unsendable
from ocpp_client.v16.configuration import Configuration

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from ocpp_client import x509
else:
    x509 = Late("ocpp_client.x509")

log = logging.getLogger(__name__)

ASKED = "certificate_asked_s"
"""Fact: Unix seconds at which a certificate was asked for by ourselves."""
BEFORE_END = timedelta(days=30)
"""Renewal begins so long before the end, or when a third of a shorter lifetime is left."""
SPREAD_S = 86_400.0
EACH = timedelta(days=1)
LOOK_S = 3600.0
NO_ANSWER_WAIT_S, NO_CERTIFICATE_WAIT_S = 30.0, 600.0
MOST_REPEATS = 4
"""Waits double: 30 s to 4 min for an answer, 10 min to 80 min for a certificate."""
CERTIFICATE_PROFILE = 3
"""From which on the link shows the station's certificate."""
SAME_KEY_S = 10.0
"""Wishes within this time are one: a flood of triggers makes no flood of keys (S8)."""


def renewal_at(certificate: Certificate) -> datetime:
    """When to ask for the successor of a certificate."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return end - min(BEFORE_END, (end - begin) / 3)


class Renewal:
    """Sends SignCertificate. `is_open`: there is a link and the central system has accepted us."""

    def __init__(
        self,
        *,
        key_store: KeyStore,
        facts: Facts,
        clock: Clock,
        rpc: Rpc,
        configuration: Configuration,
        is_open: asyncio.Event,
        common_name: str,
        note: Callable[[str, int | None, str], None],
        failed: Callable[[str, int | None, str], None],
        chance: random.Random | None = None,
    ) -> None:
        self._store = key_store
        self._facts = facts
        self._clock = clock
        self._rpc = rpc
        self._configuration = configuration
        self._is_open = is_open
        self._common_name = common_name
        self._note = note
        self._failed = failed
        self._spread_s = (chance or random.Random()).uniform(0, SPREAD_S)
        self._changed = asyncio.Event()
        self._sending = asyncio.Lock()
        self._made_s: float | None = None
        self._repeats = 0
        self._repeat_s: float | None = None
        """Loop time of the next repetition; None: none is due."""

    async def renew(self) -> None:
        """Make a key pair and ask for its certificate. What goes wrong is noted and repeated as the file's top says."""
        if self._sending.locked():
            return
        loop = asyncio.get_running_loop()
        try:
            async with self._sending:
                if self._made_s is None or self._store.pending_key is None or loop.time() - self._made_s > SAME_KEY_S:
                    self._repeat_s = None
                    x509.check_names(self._common_name, self._configuration.text("CpoName"))
                    await self._store.begin()
                    self._made_s = loop.time()
                self._repeats = 0
                await self._ask()
        except (CannotRecord, Unfit) as error:
            self._failed("SignCertificate", None, str(error))

    def taken(self) -> None:
        """The certificate came and is kept."""
        self._repeat_s = None
        self._changed.set()

    async def _ask(self) -> None:
        private_key = self._store.pending_key
        if private_key is None:
            return
        csr = x509.request_for(private_key, self._common_name, self._configuration.text("CpoName"))
        try:
            answer = await self._rpc.call("SignCertificate", {"csr": csr})
        except (LinkLost, NoAnswer) as error:
            self._again(NO_ANSWER_WAIT_S, str(error) or type(error).__name__)
        except (Refused, Unsendable) as error:
            if isinstance(error, Refused) and error.code not in UNKNOWN_THERE:
                self._again(NO_ANSWER_WAIT_S, str(error))
            else:
                await self._given_up(str(error))
        else:
            if answer.get("status") == "Accepted":
                if self._store.pending_key == private_key:  # else the certificate overtook the answer
                    self._again(NO_CERTIFICATE_WAIT_S, "")
                self._note("SignCertificate", None, "Accepted")
            else:
                await self._given_up(str(answer.get("status"))[:20])

    def _again(self, wait_s: float, error: str) -> None:
        if error:
            log.warning("SignCertificate: %s", error)
        if self._repeats >= MOST_REPEATS:
            self._repeat_s = None
            self._failed("SignCertificate", None, f"{error or 'no certificate came'} ({self._repeats + 1} tries)")
            return
        self._repeat_s = asyncio.get_running_loop().time() + wait_s * 2**self._repeats
        self._changed.set()

    async def _given_up(self, why: str) -> None:
        self._repeat_s = None
        self._failed("SignCertificate", None, f"{why}; the present certificate is used on")
        await self._store.give_up()

    def use(self) -> None:
        """Make the link again with the pair on trial, where the link shows one at all."""
        if self._store.is_on_trial and self._configuration.number("SecurityProfile") >= CERTIFICATE_PROFILE:
            self._store.on_change()

    # ----------------------------------------------------------------------------------------------------- by ourselves

    async def run(self) -> None:
        """Repeat, renew in time, and begin with a certificate when its lifetime begins. Until cancelled."""
        loop = asyncio.get_running_loop()
        awaited = self._store.begins_later
        while True:
            self._changed.clear()
            later = self._store.begins_later
            if awaited is not None and later is None:
                self.use()
            awaited = later
            try:
                if self._repeat_s is not None and loop.time() >= self._repeat_s:
                    await self._repeat()
                elif self._repeat_s is None and self._is_open.is_set() and self._is_due():
                    await self._renew_in_time()
            except (CannotRecord, Unfit) as error:
                self._repeat_s = None
                self._failed("SignCertificate", None, str(error))
            await self._rest(later)

    async def _repeat(self) -> None:
        await self._is_open.wait()
        async with self._sending:
            if self._repeat_s is None:
                return
            self._repeats += 1
            await self._ask()

    def _is_due(self) -> bool:
        leaf = self._store.own_leaf()
        if leaf is None or not self._clock.is_set or self._store.begins_later is not None:
            return False
        now = self._clock.now()
        begin, end = renewal_at(leaf), leaf.not_valid_after_utc
        spread = min(timedelta(seconds=self._spread_s), (end - begin) / 4)
        kept = self._facts.get(ASKED)
        asked_at = at_of(float(kept)) if kept is not None else None
        return now >= begin + spread and (asked_at is None or abs(now - asked_at) >= EACH)

    async def _renew_in_time(self) -> None:
        await self._facts.keep(ASKED, str(unix_of(self._clock.now())).encode())
        log.info("own certificate: it ends soon; a new one is asked for")
        await self.renew()

    async def _rest(self, later: datetime | None) -> None:
        waits_s = [LOOK_S]
        if self._repeat_s is not None:
            waits_s.append(self._repeat_s - asyncio.get_running_loop().time())
        if later is not None and self._clock.is_set:
            waits_s.append((later - self._clock.now()).total_seconds())
        try:
            async with asyncio.timeout(max(0.1, min(waits_s))):
                await self._changed.wait()
        except TimeoutError:
            return
