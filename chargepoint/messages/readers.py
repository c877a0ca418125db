"""Who may listen to what is not for all: card numbers, users, what goes to the central system (S21, S23, S24).

Closed for the rows of this table; a state or an event without a row may be heard by every service. Who asks for
something instead (`ReadUsers` and the like) stands in `senders.py`.
"""

from __future__ import annotations

from chargepoint.messages.hub import AccessGrant, SettingsState, UsersState
from chargepoint.messages.kinds import Message
from chargepoint.messages.logins import LoginsState
from chargepoint.messages.notes import Noted, SecurityNoted
from chargepoint.messages.ocpp import OcppFrame
from chargepoint.messages.rfid import CardTested
from chargepoint.messages.senders import ADMIN
from chargepoint.messages.staff import TechnicianState
from chargepoint.messages.station_events import CardHandled, CardSeen, DumpGrew

_PEOPLE = frozenset({"hmi", "webconfig", ADMIN})

READERS: dict[type[Message], frozenset[str]] = {
    UsersState: frozenset({"hub", "station", "webconfig", ADMIN}),  # card numbers
    LoginsState: frozenset({"hub", "station"}) | _PEOPLE,
    AccessGrant: frozenset({"hub"}) | _PEOPLE,
    SettingsState: frozenset({"hub", "station", "ocpp"}) | _PEOPLE,  # access lists are card numbers, too
    TechnicianState: frozenset({"hub", "station", "fota", "helper"}) | _PEOPLE,  # a stick is read for technicians only
    CardSeen: _PEOPLE,
    CardHandled: _PEOPLE,
    CardTested: _PEOPLE,
    DumpGrew: _PEOPLE | {"diag"},  # what a vehicle says of itself
    OcppFrame: _PEOPLE | {"diag"},
    Noted: frozenset({"station"}) | _PEOPLE,
    SecurityNoted: frozenset({"station", "webconfig", ADMIN}),
}
