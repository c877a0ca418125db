"""What goes on with the station file, in the frame of every page: on trial, to be kept, returned (webconfig.md 6)."""

from __future__ import annotations

import htpy as h

from chargepoint.messages import ConfigurationState
from chargepoint.rights import Right
from webconfig.ask import Ask


def trial_notice(ask: Ask) -> h.Node:
    """The stripe with the countdown and the buttons; nothing while nothing goes on, or for who is not logged in."""
    state = ask.site.state("configuration", ConfigurationState)
    if state is None or ask.visitor is None or ask.visitor.must_change:
        return None
    if state.phase == "planned":
        return h.p(".trial")[ask.text("trial.planned", by=state.by)]
    if state.phase == "returned":
        if not ask.may(Right.CONFIGURE):
            return None
        return h.section(".trial", aria_label=ask.text("trial.title_returned"))[
            h.p(".bad")["⚠ ", ask.text("trial.returned", reason=trial_text(ask, state.reason))],
            h.a(".button", href="/config/history")[ask.text("config.history")],
            _button(ask, "/config/seen", ask.text("trial.do_seen"), ""),
        ]
    if state.phase not in ("watch", "keep"):
        return None
    has_kept = bool(state.kept_by)
    return h.section(".trial", aria_label=ask.text("trial.title"))[
        h.p[
            h.b[ask.text("trial.title")],
            " ",
            ask.text("trial.watch" if state.phase == "watch" else "trial.keep", by=state.by),
            " ",
            h.span(data_live="frame.trial", role="timer")[trial_left(ask)],
            f" {trial_text(ask, state.missing)}" if state.missing else None,
        ],
        [
            None
            if has_kept or not state.must_keep
            else _button(ask, "/config/keep", ask.text("trial.do_keep"), "main"),
            _button(ask, "/config/rollback", ask.text("trial.do_return"), ""),
        ]
        if ask.may(Right.CONFIGURE)
        else None,
        h.p[ask.text("trial.kept_by", by=state.kept_by)] if has_kept else None,
    ]


def trial_left(ask: Ask) -> str:
    """How long is left, in words; empty when nothing is on trial."""
    state = ask.site.state("configuration", ConfigurationState)
    if state is None or state.phase not in ("watch", "keep"):
        return ""
    return ask.text("trial.left", s=max(0, round(state.until_mono_s - ask.site.context.clock.mono())))


REASONS = {
    "Nobody kept it in time.": "reason_nobody",
    "Somebody asked for it.": "reason_asked",
    "The station has not come up.": "reason_not_up",
    "the station has not come up": "reason_not_up",
    "The software ended before the file was kept.": "reason_ended",
    "The power went before the new file was written.": "reason_power",
    "The central system is not reached, which was reached before.": "reason_link",
    "the central system is not reached, which was reached before": "reason_link",
    "The station was not well for long enough.": "reason_unwell",
}
"""Those that have a text of their own; others are told as they are."""


def trial_text(ask: Ask, reason: str) -> str:
    """Why the file before came back, or what is waited for."""
    return ask.text(f"trial.{REASONS[reason]}") if reason in REASONS else reason


def _button(ask: Ask, path: str, text: str, kind: str) -> h.Node:
    assert ask.visitor is not None
    return h.form(".inline", method="post", action=path)[
        h.input(type="hidden", name="csrf", value=ask.visitor.csrf),
        h.button(type="submit", class_=kind or None)[text],
    ]
