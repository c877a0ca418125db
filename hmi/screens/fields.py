"""What screens read of `Place.fields`, all of it text. What is missing is left out of the picture.

Every screen with pages reads `page` (0 and up; counted round by the screen, so that `page:next` may simply add one).
"""

from __future__ import annotations

FIELDS: dict[str, dict[str, str]] = {
    "FatalErrorWindow": {"code": "short code, like HMI-BUS"},
    "OutOfService": {"reason": "operator, maintenance, update, no_server, fault; else found here"},
    "StationUpdate": {"stage": "download, check, install, restart", "percent": "0 to 100"},
    "RemoteCommandConfirmDialog": {"question": "unlock"},
    "EvseCommandConfirmDialog": {"question": "unlock"},
    "MainMenu": {"choose": "1: a card waits for a connector", "choices": 'those it can mean, as "1,3"; empty: any'},
    "Auth": {"way": "card, app, vin: the one the driver has chosen; empty: the chooser"},
    "AuthWait": {"reader": "where the card is", "card": "its masked number, for Cancel"},
    "StopConfirm": {"needs_card": "1: only the card of the charge ends it"},
    "DialogPA": {
        "key": "catalogue key of the outcome: auth.ok, auth.unknown, auth.blocked, ...",
        "limit_wh": "energy that is left to this card, Wh",
    },
    "Connecting": {"timeout_s": "whole time to plug in, for the ring; what is left is by `Place.until_s`"},
    "SessionInfo": {"show": "details or chart; else the overview", "own": "1: this session is the driver's own"},
    "SessionSummary": {
        "energy_wh": "Wh",
        "elapsed_s": "s",
        "soc_start_pct": "%",
        "soc_end_pct": "%",
        "cost": "in the smallest unit of the currency; without it by the tariff",
        "stop_source": "a word of StopSource",
        "session_id": "for the link of the receipt",
        "charged_for_s": "since when the energy ended, for the idle fee, s",
    },
    "ConnectorError": {"code": "E1 to E8, when the connector does not say it any more", "cause": "a word of Cause"},
}
