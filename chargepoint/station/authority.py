"""Who may charge: the station's own verdict (`access.py`), and where that leaves it open the central system's."""

from __future__ import annotations

import logging

import msgspec

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.masking import mask
from chargepoint.messages import Authorization, Authorize, StartCharging
from chargepoint.records import Credential
from chargepoint.station import reasons
from chargepoint.station.access import Verdict, verdict
from chargepoint.station.connector import Authorised
from chargepoint.station.site import Site
from chargepoint.vocabulary import AuthorizationBasis, CardReason, EventType, StartSource

log = logging.getLogger(__name__)

AUTHORIZE_WITHIN_S = 35.0
"""Longer than the central system may take to answer; `ocpp` decides by its off-line rules before that."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking. `permission` None: may not charge, and `verdict` says why.

    `parent` is the group of somebody whom the central system only refuses because he charges already.
    """

    verdict: Verdict
    permission: Authorization | None = None
    parent: str = ""


class Authority:
    """Answers whether a credential may charge, and notes what it answered."""

    def __init__(self, site: Site, bus: Bus) -> None:
        self._site = site
        self._bus = bus

    def own_verdict(self, credential: Credential) -> Verdict:
        """What users and lists of the station say."""
        return verdict(self._site.access, credential, self._site.consumed_wh())

    def left_wh(self, credential: Credential) -> int | None:
        """What its user may still take here, never below 0; None: no limit of his own."""
        left_wh = self.own_verdict(credential).energy_left_wh
        return None if left_wh is None else max(0, left_wh)

    async def may_charge(self, credential: Credential, connector: int | None) -> Checked:
        """Stand-alone, with empty lists, everybody may charge. Never raises."""
        decision = self.own_verdict(credential)
        if decision.kind == "forbidden":
            return Checked(verdict=decision)
        if decision.kind == "allowed":
            return Checked(verdict=decision, permission=_accepted(AuthorizationBasis.USERS))
        if not self._site.settings.ocpp.url:
            return Checked(verdict=decision, permission=_accepted(AuthorizationBasis.NONE))
        try:
            answer = await self._bus.call(
                "ocpp",
                Authorize(id_tag=credential.value, type=credential.type, connector=connector),
                AUTHORIZE_WITHIN_S,
            )
        except (Unavailable, CallFailed, TimeoutError) as error:
            log.warning("%s %s: nobody could be asked (%s)", credential.type, mask(credential.value), error)
            text = "The card cannot be checked now. Please try again."
            return Checked(verdict=_refused(decision, text, CardReason.TIMEOUT))
        if answer.status == "Accepted":
            return Checked(verdict=decision, permission=answer)
        says = "The central system says" if answer.basis is AuthorizationBasis.SERVER else "Without link"
        refused = _refused(decision, f"{says}: {answer.status}.", reasons.of_answer(answer))
        return Checked(verdict=refused, parent=answer.parent if refused.word is CardReason.BUSY else "")

    def authorised(
        self,
        credential: Credential,
        source: StartSource,
        permission: Authorization,
        request: StartCharging | None = None,
    ) -> Authorised:
        """What goes into the connector's inbox. The user's own limit is no part of it: `Site` watches that."""
        return Authorised(
            credential=msgspec.structs.replace(credential, parent=permission.parent or credential.parent),
            source=source,
            basis=permission.basis,
            energy_limit_wh=request.energy_limit_wh if request is not None else None,
            duration_s=request.duration_s if request is not None else None,
            reservation_id=request.reservation_id if request is not None else None,
            schedule=request.schedule if request is not None else None,
        )

    def note_accepted(self, credential: Credential) -> None:
        self._site.books.note(EventType.USER_AUTHORIZED, credential.type, mask(credential.value))

    def note_refusal(self, credential: Credential, reason: str) -> None:
        self._site.books.note(EventType.USER_DEAUTHORIZED, credential.type, mask(credential.value), error=reason)


def _accepted(basis: AuthorizationBasis) -> Authorization:
    return Authorization(status="Accepted", basis=basis)


def _refused(decision: Verdict, reason: str, word: CardReason) -> Verdict:
    return msgspec.structs.replace(decision, kind="forbidden", reason=reason, word=word)
