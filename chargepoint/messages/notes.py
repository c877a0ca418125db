"""What every service may note: lines of the journal and of the security journal."""

from __future__ import annotations

from chargepoint.messages.kinds import Event
from chargepoint.vocabulary import EventType


class Noted(Event, frozen=True, kw_only=True):
    """For the operation log; `station` writes it down. The hub keeps these while `station` restarts."""

    event_type: EventType
    action: str
    message: str = ""
    error: str = ""
    connector: int | None = None
    session_id: int | None = None


class SecurityNoted(Event, frozen=True, kw_only=True):
    """For the security journal; `station` writes it down. The hub keeps these while `station` restarts."""

    type: str
    source_type: str
    source: str
    operation: str
    extra: str = ""
