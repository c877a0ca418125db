"""The status stripe on every page: safe mode, link, station, running sessions, own draft (webconfig.md 3)."""

from __future__ import annotations

import htpy as h

from chargepoint.messages import ConnectorState, DraftsState, LinkStatus, StationState
from chargepoint.rights import Right
from webconfig.ask import Ask


def stripe(ask: Ask) -> h.Node:
    """Nothing of it is for who is not logged in."""
    if ask.visitor is None:
        return h.span(".stripe")
    values = stripe_values(ask)
    drafts = ask.site.state("drafts", DraftsState)
    own = ask.login.casefold()
    has_draft = drafts is not None and any(each.casefold() == own for each in drafts.by)
    return h.span(".stripe")[
        h.a(".chip.bad", href="/safe-mode")[ask.text("frame.safe_mode")] if ask.site.is_safe_mode else None,
        h.span(".chip", data_live="frame.link")[values["frame.link"]],
        h.span(".chip", data_live="frame.station")[values["frame.station"]],
        h.a(".chip", href="/sessions?active=true", data_live="frame.sessions")[values["frame.sessions"]]
        if not ask.site.is_safe_mode
        else None,
        h.a(".chip.warn", href="/config/difference")[ask.text("frame.draft")]
        if has_draft and ask.may(Right.CONFIGURE)
        else None,
        h.span("#still.chip.warn", hidden=True)[ask.text("frame.still")],
    ]


def stripe_values(ask: Ask) -> dict[str, str]:
    """What changes in it, the same for everybody."""
    words = ask.words
    link, station = ask.site.state("link", LinkStatus), ask.site.state("station", StationState)
    count = sum(each.session is not None for each in ask.site.all_of("connector/", ConnectorState).values())
    return {
        "frame.link": words.one_of("lstate_link", link.state.value) if link else "–",
        "frame.station": words.one_of("tstate", station.technical.value) if station else words("frame.no_station"),
        "frame.sessions": words("frame.sessions", n=count) if station else words("frame.sessions_unknown"),
    }
