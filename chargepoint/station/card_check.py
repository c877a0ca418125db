"""What the station would say of a card now, for people who look after it. Nothing is started or written down."""

from __future__ import annotations

from chargepoint.messages import CardChecked, CheckCard
from chargepoint.records import Credential
from chargepoint.station.access import deciding_rule, user_of, verdict
from chargepoint.station.site import Site
from chargepoint.vocabulary import CardReason, CredentialType, OperatingMode


def checked_card(site: Site, request: CheckCard) -> CardChecked:
    """The verdict of users and lists, and the rule it comes from. In free mode no card is looked at; in mode MANUAL
    none starts anything."""
    card = Credential(request.card.strip(), CredentialType.RFID)
    consumed_wh = site.consumed_wh()
    said = verdict(site.access, card, consumed_wh)
    user = user_of(site.users, card)
    outcome: str = said.kind
    text, reason = said.reason, said.word
    rule = deciding_rule(site.access, card, consumed_wh)
    if site.mode is OperatingMode.MANUAL:
        outcome, text, reason, rule = "app_only", "this station is started from the app", CardReason.APP_ONLY, 0
    elif rule and site.without_asking(None, card=card) is not None:
        outcome, text, reason, rule = "allowed", "charging is free for all", CardReason.NONE, 0
    elif outcome == "ask" and not site.settings.ocpp.url:
        outcome, text = "allowed", "there is no central system: everybody may charge"
    return CardChecked(
        outcome=outcome,
        rule=rule,
        text=text,
        login=said.login or (user.login if user else ""),
        is_blocked=user is not None and user.is_blocked,
        left_wh=None if said.energy_left_wh is None else max(0, said.energy_left_wh),
        reason=reason,
    )
