"""The charts of one session: its 15-second history and what happened meanwhile, on one axis of time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import htpy as h
import msgspec

from chargepoint.clock import unix_of
from chargepoint.records import (
    Happened,
    HistoryRow,
    JournalRow,
    Moment,
    Session,
    TransactionStarted,
    TransactionStopped,
)
from chargepoint.vocabulary import EventType, PowerType
from webconfig.charts.lines import lines_chart
from webconfig.charts.values import Area, Band, Line, Mark, Span, is_value, steps
from webconfig.words import Words

LINK = "session"
Value = Callable[[HistoryRow], float | None]


class Panel(msgspec.Struct, frozen=True):
    """One chart: `key` names it and its texts (`history.KEY`); lines are (key of the name, value, style).

    `needs_dc`: an alternating-current session has nothing of it.
    """

    key: str
    unit: str
    lines: tuple[tuple[str, Value, int], ...]
    low: float | None = None
    high: float | None = None
    needs_dc: bool = False
    digits: int = 1


def greatest_a(row: HistoryRow) -> float | None:
    return max(row.current_a) if row.current_a else None


def _kw(watt: float | None) -> float | None:
    return None if watt is None else watt / 1000


def _minus(row: HistoryRow) -> float | None:
    return None if row.u_minus_v is None else -abs(row.u_minus_v)


def asymmetry_v(row: HistoryRow) -> float | None:
    """How far the two halves of the bus are apart."""
    if row.u_plus_v is None or row.u_minus_v is None:
        return None
    return abs(row.u_plus_v) - abs(row.u_minus_v)


POWER = "power"
PANELS = (
    Panel(POWER, "kW", (("power", lambda row: _kw(row.power_w), 0),), 0.0),
    Panel("current", "A", (("current", greatest_a, 0), ("requested", lambda row: row.requested_current_a, 1)), 0.0),
    Panel(
        "voltage",
        "V",
        (("voltage", lambda row: row.voltage_v, 0), ("requested", lambda row: row.requested_voltage_v, 1)),
    ),
    Panel("soc", "%", (("soc", lambda row: row.soc_pct, 0),), 0.0, 100.0, needs_dc=True),
    Panel("energy", "kWh", (("energy", lambda row: _kw(row.energy_wh), 0),), 0.0, digits=2),
    Panel(
        "temperature",
        "°C",
        (
            ("battery_t", lambda row: row.battery_temperature_c, 2),
            ("module_t", lambda row: row.module_temperature_c, 0),
            ("connector_t", lambda row: row.connector_temperature_c, 1),
        ),
    ),
    Panel("insulation", "kΩ", (("insulation", lambda row: row.insulation_kohm, 0),), 0.0, needs_dc=True, digits=0),
    Panel(
        "insulation_errors",
        "",
        (("insulation_errors", lambda row: row.insulation_errors, 5),),
        0.0,
        needs_dc=True,
        digits=0,
    ),
    Panel(
        "bus",
        "V",
        (("u_plus", lambda row: row.u_plus_v, 0), ("u_minus", _minus, 1), ("asymmetry", asymmetry_v, 5)),
        needs_dc=True,
    ),
)  # fmt: skip


def at_s(moment: Moment | None) -> float | None:
    return None if moment is None or moment.at is None else unix_of(moment.at)


def span_of(session: Session, rows: Sequence[HistoryRow]) -> Span | None:
    """From the start of the charge (or of its rows) to its end; None where no time is known."""
    times = [time for time in (at_s(rows[0].moment), at_s(rows[-1].moment)) if time is not None] if rows else []
    times += [time for time in (at_s(session.started), at_s(session.stopped)) if time is not None]
    return Span(min(times), max(times)) if times and max(times) > min(times) else None


def marks_of(entries: Iterable[JournalRow], rows: Sequence[HistoryRow], words: Words) -> list[Mark]:
    """Start, stop, changes of what bounds the power, and errors."""
    found: list[Mark] = []
    for entry in entries:
        when = at_s(entry.moment)
        if when is None:
            continue
        match entry.entry:
            case TransactionStarted() as one:
                found.append(
                    Mark(
                        when,
                        f"{words('history.started')}: {words.one_of('start_source', one.start_source.value)}",
                        "start",
                    )
                )
            case TransactionStopped() as one:
                found.append(
                    Mark(
                        when,
                        f"{words('history.stopped')}: {words.one_of('stop_source', one.stop_source.value)}",
                        "stop",
                    )
                )
            case Happened() as one if one.error:
                found.append(Mark(when, f"{one.action} {one.error}".strip(), "error"))
    source = ""
    for row in rows:
        if row.limit_source and row.limit_source != source:
            when = at_s(row.moment)
            if source and when is not None:
                cause = words.one_of("limit", row.limit_source)
                value = words.number(_kw(row.limit_power_w))
                found.append(Mark(when, words("history.limited", cause=cause, value=value), "limit"))
            source = row.limit_source
    return _fewer(found)


MOST_LIMIT_MARKS = 24
MOST_BANDS = 60


def _fewer(marks: list[Mark]) -> list[Mark]:
    """All but the many: where limits change all the time, only some of these changes."""
    limits = [mark for mark in marks if mark.kind == "limit"]
    every = -(-len(limits) // MOST_LIMIT_MARKS)
    kept = {id(mark) for mark in limits[:: max(every, 1)]}
    return sorted((mark for mark in marks if mark.kind != "limit" or id(mark) in kept), key=lambda mark: mark.at_s)


def bands_of(entries: Iterable[JournalRow], span: Span, words: Words) -> list[Band]:
    """The strip: what stood in the journal about the connector, from change to change."""
    changes: list[tuple[float, str, int]] = []
    for entry in entries:
        when = at_s(entry.moment)
        if when is None:
            continue
        match entry.entry:
            case TransactionStarted():
                changes.append((when, words("history.charging"), 2))
            case TransactionStopped():
                changes.append((when, words("history.ended"), 7))
            case Happened(event_type=EventType.CONNECTOR_STATE, action=action, error=error):
                changes.append((when, f"{action} {error}".strip(), 5 if error else 0))
    changes.sort()
    ends = [*(when for when, _, _ in changes[1:]), span.to_s]
    found = [
        Band(when, end, name, style) for (when, name, style), end in zip(changes, ends, strict=False) if end > when
    ]
    return found[:MOST_BANDS]


def session_charts(
    session: Session, rows: Sequence[HistoryRow], entries: Sequence[JournalRow], span: Span, words: Words
) -> list[h.Element]:
    """All charts of a session within `span`; of what no row has, one line says why."""
    timed = [(time, row) for row in rows if (time := at_s(row.moment)) is not None]
    inside = [(time, row) for time, row in timed if span.from_s <= time <= span.to_s]
    times = [time for time, _ in timed]
    marks, bands = marks_of(entries, rows, words), bands_of(entries, span, words)
    found: list[h.Element] = []
    missing: list[str] = []
    is_ac = session.power_type is not PowerType.DC
    for panel in PANELS:
        lines = []
        for name, value, style in panel.lines:
            values = [value(row) for _, row in timed]
            if any(one is not None for one in values):
                text = words(f"history.{name}")
                lines.append(Line(name=text, short=words(f"short.{name}"), at_s=times, values=values, style=style))
        if panel.key == POWER:
            limits = [(time, _kw(row.limit_power_w)) for time, row in timed]
            changes_s, levels = steps(limits, times[-1] if times else span.to_s)
            if any(is_value(level) for level in levels):
                text, short = words("history.limit"), words("short.limit")
                lines.append(Area(name=text, short=short, at_s=changes_s, values=levels, style=1, is_step=True))
        if not lines:
            why = words("history.not_ac") if is_ac and panel.needs_dc else words("history.not_told")
            missing.append(f"{words(f'history.panel_{panel.key}')}: {why}")
            continue
        told = told_power(inside, words) if panel.key == POWER else ""
        found.append(
            lines_chart(
                panel.key,
                words(f"history.panel_{panel.key}"),
                panel.unit,
                lines,
                span,
                words,
                marks=marks,
                bands=bands if panel.key == POWER else (),
                low=panel.low,
                high=panel.high,
                height=280 if panel.key == POWER else 210,
                digits=panel.digits,
                told=told,
                with_table=False,
                link=LINK,
            )
        )
    if missing:
        found.append(h.div(".soft")[h.p[words("history.missing")], h.ul[(h.li[text] for text in missing)]])
    return found


def told_power(timed: Sequence[tuple[float, HistoryRow]], words: Words) -> str:
    """ "Power 64 kW falling to 20 kW at 80 %"; empty without power."""
    powers = [(row.power_w, row) for _, row in timed if row.power_w is not None and is_value(row.power_w)]
    if not powers:
        return ""
    most_w = max(power for power, _ in powers)
    last_w, last = powers[-1]
    at_end = next((row for power, row in reversed(powers) if power > 0), last)
    last_w = at_end.power_w or 0.0
    key = "history.told_falling" if last_w < most_w * 0.9 else "history.told_level"
    kw = words.one_of("u", "kW")
    text = words(key, most=f"{words.number(most_w / 1000)} {kw}", last=f"{words.number(last_w / 1000)} {kw}")
    if at_end.soc_pct is not None:
        text += words("history.told_soc", soc=words.number(at_end.soc_pct, 0))
    return text + "."
