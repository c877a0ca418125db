"""Certificates towards the central system that run out are told 30, 14 and 3 days before, each once (`expiry.py`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from chargepoint.clock import Clock
from chargepoint.expiry import is_due, stage, words
from chargepoint.storage.database import CannotRecord
from ocpp_client.facts import Facts
from ocpp_client.key_store import CENTRAL, KeyStore
from ocpp_client.late import Late

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from ocpp_client import x509
else:
    x509 = Late("ocpp_client.x509")

log = logging.getLogger(__name__)

FACT = "certificates_told"
LOOK_S = 3600.0
FIRST_S = 60.0
"""After the start: the link shows the chain of the server by then."""


class CertificateWarnings:
    """Looks at the own certificate, the installed roots and the server's own. `failed` tells people."""

    def __init__(
        self, key_store: KeyStore, facts: Facts, clock: Clock, failed: Callable[[str, int | None, str], None]
    ) -> None:
        self._store = key_store
        self._facts = facts
        self._clock = clock
        self._failed = failed

    def _watched(self) -> list[Certificate]:
        own = self._store.own_leaf()
        roots = [root.certificate for root in self._store.installed(CENTRAL)]
        return [*([own] if own is not None else []), *roots, *self._store.link_chain[:1]]

    async def look(self) -> None:
        """Tell what is due. What was told is on record; certificates that are gone are forgotten."""
        if not self._clock.is_set:
            return
        try:
            before = msgspec.json.decode(self._facts.get(FACT) or b"{}", type=dict[str, int])
        except msgspec.DecodeError:
            before = {}
        now, told = self._clock.now(), {}
        for certificate in self._watched():
            name = x509.fingerprint(certificate)[:40]
            found, last = stage(certificate.not_valid_after_utc, now), before.get(name)
            if is_due(found, last) and found is not None and name not in told:
                self._failed(
                    "Certificate", None, words(x509.name_of(certificate), certificate.not_valid_after_utc, found)
                )
                told[name] = found
            elif last is not None:
                told[name] = last
        if told != before:
            try:
                await self._facts.keep(FACT, msgspec.json.encode(told))
            except CannotRecord as error:
                log.error("which certificates were told of cannot be recorded: %s", error)

    async def run(self) -> None:
        """Each hour, until cancelled."""
        await asyncio.sleep(FIRST_S)
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)
