"""A session as people are shown it: times, energies and words of one language. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chargepoint.messages import ConnectorState
from chargepoint.records import Session
from webconfig.sessions.columns import FAST_V, Looks, duration_s
from webconfig.words import Words


def when(session: Session, words: Words) -> str:
    """Start (or creation) and end; of one day the end's time only."""
    first = session.started or session.created
    last = session.finished or session.stopped
    begin = words.time(first.at)
    if last is None or last.at is None or first.at is None:
        return begin
    end = words.time(last.at)
    is_same_day = first.at.astimezone().date() == last.at.astimezone().date()
    return f"{begin} → {end.rpartition(' ')[2] if is_same_day else end}"


def lasted(session: Session, words: Words) -> str:
    return span(duration_s(session), words)


def span(seconds: int | None, words: Words) -> str:
    if seconds is None:
        return "–"
    hours, rest = divmod(seconds, 3600)
    return (
        words("sessions.hours", h=hours, min=f"{rest // 60:02}")
        if hours
        else words("sessions.minutes", min=rest // 60, s=f"{rest % 60:02}")
    )


def kwh(energy_wh: int | None, words: Words, digits: int = 2) -> str:
    value = None if energy_wh is None else energy_wh / 1000
    return f"{words.number(value, digits)} {words.one_of('u', 'kWh')}"


def energy(session: Session, words: Words) -> str:
    """With the state of charge from and to, where the vehicle told it."""
    text = kwh(session.delivered_wh, words)
    if session.soc_start_pct is None and session.soc_end_pct is None:
        return text
    return f"{text}, {words.number(session.soc_start_pct, 0)} → {words.number(session.soc_end_pct, 0)} %"


def running_energy(state: ConnectorState, words: Words) -> str:
    """The same of a session that goes on, from what its connector tells now."""
    one = state.session
    if one is None:
        return "–"
    text = kwh(one.energy_wh, words)
    now_pct = None if state.reading is None else state.reading.soc_pct
    if one.soc_start_pct is None and now_pct is None:
        return text
    return f"{text}, {words.number(one.soc_start_pct, 0)} → {words.number(now_pct, 0)} %"


def most(session: Session, words: Words) -> str:
    """Greatest power and current; a lightning above 500 V."""
    if session.power_max_w is None and session.current_max_a is None:
        return "–"
    power = None if session.power_max_w is None else session.power_max_w / 1000
    is_fast = session.voltage_max_v is not None and session.voltage_max_v > FAST_V
    kw, ampere = words.one_of("u", "kW"), words.one_of("u", "A")
    return f"{words.number(power)} {kw}, {words.number(session.current_max_a)} {ampere}{' ⚡' if is_fast else ''}"


def rate(session: Session, words: Words) -> str:
    if session.soc_start_pct is None:
        return "–"
    return f"{words.number(session.charge_rate_pct_per_min, 2)} %/{words.one_of('u', 'min')}"


def cost(session: Session, words: Words) -> str:
    price = session.price
    if price is None:
        return "–"
    return f"{words.number(price.total / 10**price.digits, price.digits)} {price.currency}"


def source(word: str | None, section: str, words: Words) -> str:
    return words.one_of(section, word) if word else "–"


def who(session: Session, looks: Looks) -> str:
    """Who started and who stopped it, once when it is the same."""
    starter, stopper = looks.who(session.starter), looks.who(session.stopper)
    if not stopper or stopper == starter:
        return starter or "–"
    return f"{starter or '–'} / {stopper}"


def days_ago(days: int) -> str:
    return (datetime.now(UTC).astimezone() - timedelta(days=days)).date().isoformat()
