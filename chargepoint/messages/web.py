"""What the web configurator tells about itself."""

from __future__ import annotations

from datetime import datetime

from chargepoint.messages.kinds import State


class WebState(State, frozen=True, kw_only=True):
    """Topic `web`: where its pages are on each of this station's addresses, and what its certificate is known by.

    `http_port` 0: there is no plain HTTP. `fingerprint`: SHA-256 of its certificate (`AB:CD:...`), to be compared with
    what the browser shows (S17). `certificate_ends_at` of one that somebody installed; None: the station's own, which
    holds for decades. `is_safe_mode`: only the pages that repair are there.
    """

    https_port: int
    http_port: int = 0
    fingerprint: str = ""
    certificate_ends_at: datetime | None = None
    is_safe_mode: bool = False
