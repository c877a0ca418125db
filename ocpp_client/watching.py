"""What others see of the link: its state, its frames, the operation log, security events. Nothing here decides."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from datetime import datetime

from chargepoint.bus import Bus
from chargepoint.locations import masked_location
from chargepoint.messages import LinkStatus, Noted, SecurityNoted
from chargepoint.vocabulary import EventType, LinkState
from ocpp_client.exchange_log import ExchangeLog

log = logging.getLogger(__name__)

MAX_TEXT = 16_000
INVALID_EVERY_S = 600.0
"""A flood of invalid messages makes one security event in this time; the next one counts them."""

QUIET = frozenset({"Heartbeat", "MeterValues", "GetConfiguration"})
"""Change nothing, so the operation log does not hold them."""

_NAME = r"[^\"\\]*(?:authorizationkey|password|secret)[^\"\\]*"
_VALUE = r"(?:[^\"\\]|\\.)*"
_KEY = re.compile(rf'("{_NAME}"\s*,\s*"value"\s*:\s*"){_VALUE}(")', re.IGNORECASE)
_KEY_REVERSED = re.compile(rf'("value"\s*:\s*"){_VALUE}("\s*,\s*"key"\s*:\s*"{_NAME}")', re.IGNORECASE)
_WITHOUT_VALUE = re.compile(rf'\{{"key":"{_NAME}","readonly":(?:true|false)\}}', re.IGNORECASE)
"""A key as our GetConfiguration.conf names it: nothing of it is told, so the rest of that frame may be seen."""
_HAS_KEY = re.compile("authorizationkey|password|secret", re.IGNORECASE)
_MAY_HIDE_A_KEY = re.compile(r'"ChangeConfiguration".*\\u', re.DOTALL)
_NOT_SHOWN = "(a frame with a password, not shown)"


def masked_text(raw: bytes) -> str:
    """A frame as people may see it: keys and passwords masked, also those in addresses, bounded."""
    text = masked_location(raw[:MAX_TEXT].decode("utf-8", "replace"))
    if _MAY_HIDE_A_KEY.search(text):
        return _NOT_SHOWN
    if _HAS_KEY.search(_WITHOUT_VALUE.sub("", text)) is None:
        return text
    hidden = _KEY_REVERSED.sub(r"\1***\2", _KEY.sub(r"\1***\2", text))
    return hidden if hidden != text or '"value"' not in text else _NOT_SHOWN


class Watching:
    """Speaks of one link on the bus; the watcher of `rpc`."""

    def __init__(self, bus: Bus, url: str, exchange: ExchangeLog) -> None:
        self._bus = bus
        self._exchange = exchange
        self._status = LinkStatus(state=LinkState.OFFLINE, url=url)
        self._told: LinkStatus | None = None
        self._invalid = 0
        self._invalid_told_s: float | None = None
        self.count: Callable[[str, int], None] = lambda direction, size: None
        """Hears direction and size of each frame (`statistics.py`)."""

    @property
    def state(self) -> LinkState:
        return self._status.state

    # --------------------------------------------------------------------------------------------------- the link

    def link(self, state: LinkState, error: str = "") -> None:
        """The link's state changed (or its error did). Told at once."""
        known = self._status
        since_s = known.since_mono_s if state is known.state else asyncio.get_running_loop().time()
        self._set(state=state, since_mono_s=since_s, last_error=error)
        self.tell()

    def at(self, url: str) -> None:
        """The address of the link; told with its next state."""
        self._set(url=url)

    def registration(self, status: str) -> None:
        self._set(registration=status)
        self.tell()

    def counts(self, *, queued: int, parked: int, sent: int, received: int) -> None:
        """Counters; told with the next `tell`."""
        self._set(queued=queued, parked=parked, sent=sent, received=received)

    def heartbeat(self) -> None:
        """The central system answered a Heartbeat. Told at once."""
        self._set(heartbeat_mono_s=asyncio.get_running_loop().time())
        self.tell()

    def certificate(self, ends_at: datetime | None) -> None:
        """When the certificate of this station runs out (None: it has none); told with the next `tell`."""
        self._set(certificate_ends_at=ends_at)

    def _set(self, **changes: object) -> None:
        fields = {name: getattr(self._status, name) for name in self._status.__struct_fields__} | changes
        self._status = LinkStatus(**fields)

    def tell(self) -> None:
        """Publish the state if it differs from what was published."""
        if self._status != self._told:
            self._told = self._status
            self._bus.set_state("link", self._status)

    # ------------------------------------------------------------------------------------------------------ frames

    def frame(self, direction: str, action: str, text: bytes, latency_s: float | None) -> None:
        self.count(direction, len(text))
        self._bus.publish(self._exchange.add(direction, action[:60], masked_text(text), latency_s))

    def invalid(self, text: str) -> None:
        """Something that is no valid message came; logged once in a while, counted always."""
        self._invalid += 1
        now_s = asyncio.get_running_loop().time()
        if self._invalid_told_s is not None and now_s - self._invalid_told_s < INVALID_EVERY_S:
            return
        self._invalid_told_s = now_s
        log.warning("central system: invalid message dropped or refused (%s), %d so far", text[:200], self._invalid)
        self.security("InvalidMessages", f"{self._invalid} so far, the last one: {text[:200]}")

    # ------------------------------------------------------------------------------------------------------- notes

    def sent(self, action: str, connector: int | None, text: str) -> None:
        """A message of ours was taken."""
        self._note(EventType.STATION_TO_OCPP, action, connector, text)

    def received(self, action: str, connector: int | None, text: str) -> None:
        """A request of the server was carried out."""
        self._note(EventType.OCPP_TO_STATION, action, connector, text)

    def websocket(self, action: str, text: str = "", error: str = "") -> None:
        self._note(EventType.WEBSOCKET_STATE, action, None, text, error)

    def failed(self, action: str, connector: int | None, error: str) -> None:
        """A message of ours could not be told."""
        log.error("%s: %s", action, error)
        self._note(EventType.STATION_TO_OCPP, action, connector, "", error)

    def security(self, kind: str, extra: str = "") -> None:
        event = SecurityNoted(type=kind, source_type="service", source="ocpp", operation=kind, extra=extra)
        self._bus.publish(event)

    def _note(self, kind: EventType, action: str, connector: int | None, text: str, error: str = "") -> None:
        if action not in QUIET or error:
            noted = Noted(event_type=kind, action=action, message=text, error=error[:500], connector=connector)
            self._bus.publish(noted)
