"""How the simulated central system is told to misbehave: plain data, so that a test reads as what it does."""

from __future__ import annotations

import msgspec


class Rule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to do otherwise than usual with the calls it matches. The first rule that matches a call decides.

    Leaves the first `skip` matching calls alone, then takes part `times` times (None: for ever). Texts to send as raw
    frames may hold `{id}`, the unique id of the call. Offsets count the bytes of the whole WebSocket frame.
    """

    action: str = "*"
    station: str = "*"
    skip: int = 0
    times: int | None = None

    delay_s: float = 0.0
    """Wait before the answer; other traffic goes on meanwhile."""
    before: tuple[str, ...] = ()
    """Raw frames sent before the answer."""
    answer: dict[str, object] | None = None
    """This payload in place of the usual one."""
    raw: str | None = None
    """This frame in place of the answer."""
    error: str | None = None
    """CALLERROR with this code; the call counts as not processed."""
    drop: bool = False
    """The call is processed, but never answered."""
    close_before: bool = False
    """The connection ends as if the call had never arrived: not processed, not answered."""
    close_after: bool = False
    """The connection ends right behind the answer."""
    cut_request_at: int | None = None
    """TCP ends when this many bytes of the call's frame have come in: not processed."""
    cut_answer_at: int | None = None
    """TCP ends when this many bytes of the answer's frame have left: processed."""
    byte_gap_s: float = 0.0
    """The answer leaves byte by byte with this gap."""
    after: tuple[str, ...] = ()
    """Raw frames sent behind the answer."""

    def matches(self, station: str, action: str) -> bool:
        return self.times != 0 and self.action in ("*", action) and self.station in ("*", station)


class HttpAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An HTTP answer in place of the WebSocket handshake (refusal, redirect, captive portal)."""

    status: int
    headers: dict[str, str] = {}
    body: str = ""


def take(rules: list[Rule], station: str, action: str, *, peek: bool = False) -> Rule | None:
    """The rule for this call, counted as used; with `peek` nothing is counted."""
    for rule in rules:
        if not rule.matches(station, action):
            continue
        if rule.skip > 0:
            if not peek:
                rule.skip -= 1
            continue
        if rule.times is not None and not peek:
            rule.times -= 1
        return rule
    return None
