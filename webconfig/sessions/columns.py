"""A session as a row: one table of columns for pages, API, csv and xlsx. Pure.

Times of exports are ISO 8601 with zone, energies kWh, powers kW.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from chargepoint.masking import mask
from chargepoint.records import Credential, HistoryRow, Moment, Session
from chargepoint.vocabulary import SessionFlag, SessionState, StartSource, StopSource
from webconfig.words import Words

Cell = str | int | float | None
FAST_V = 500.0
"""Above it the greatest values bear a lightning (statuses.md, vehicle data)."""


class Looks(msgspec.Struct, frozen=True):
    """For whom: `shows_cards` numbers of cards and vehicles in full; `names` login by card."""

    words: Words
    shows_cards: bool
    names: Mapping[str, str] = {}

    def who(self, credential: Credential | None) -> str:
        if credential is None:
            return ""
        number = credential.value if self.shows_cards else mask(credential.value)
        name = self.names.get(credential.value.upper(), "")
        return f"{name} ({number})" if name else number


class SessionLine(msgspec.Struct, frozen=True, kw_only=True):
    """A session over the API. None: not known or not reached. `session_id` is also its transaction's number."""

    session_id: int
    connector: int
    connector_type: str
    state: SessionState
    created: datetime | None
    started: datetime | None
    stopped: datetime | None
    finished: datetime | None
    duration_s: int | None
    energy_wh: int
    meter_start_wh: int | None
    meter_stop_wh: int | None
    soc_start_pct: float | None
    soc_end_pct: float | None
    power_max_w: float | None
    current_max_a: float | None
    voltage_max_v: float | None
    charge_rate_pct_per_min: float
    start_source: StartSource | None
    starter: str
    starter_name: str
    stop_source: StopSource | None
    stopper: str
    flags: tuple[str, ...]
    vehicle: str
    vehicle_name: str
    cost: float | None
    currency: str


def line_of(session: Session, looks: Looks) -> SessionLine:
    price = session.price
    return SessionLine(
        session_id=session.session_id,
        connector=session.connector,
        connector_type=session.connector_type.value,
        state=session.state,
        created=_at(session.created),
        started=_at(session.started),
        stopped=_at(session.stopped),
        finished=_at(session.finished),
        duration_s=duration_s(session),
        energy_wh=session.delivered_wh,
        meter_start_wh=session.meter_start_wh,
        meter_stop_wh=session.meter_stop_wh,
        soc_start_pct=session.soc_start_pct,
        soc_end_pct=session.soc_end_pct,
        power_max_w=session.power_max_w,
        current_max_a=session.current_max_a,
        voltage_max_v=session.voltage_max_v,
        charge_rate_pct_per_min=session.charge_rate_pct_per_min,
        start_source=session.start_source,
        starter=_number(session.starter, looks),
        starter_name=looks.names.get(session.starter.value.upper(), "") if session.starter else "",
        stop_source=session.stop_source,
        stopper=_number(session.stopper, looks),
        flags=tuple(flag.name for flag in SessionFlag if flag in session.flags and flag.name),
        vehicle=vehicle_of(session, looks),
        vehicle_name=session.vehicle_name,
        cost=None if price is None else price.total / 10**price.digits,
        currency="" if price is None else price.currency,
    )


def _number(credential: Credential | None, looks: Looks) -> str:
    if credential is None:
        return ""
    return credential.value if looks.shows_cards else mask(credential.value)


def vehicle_of(session: Session, looks: Looks) -> str:
    uid = session.vehicle.uid if session.vehicle else ""
    return uid if looks.shows_cards else mask(uid)


def _at(moment: Moment | None) -> datetime | None:
    return None if moment is None else moment.at


def duration_s(session: Session) -> int | None:
    """How long it charged, as far as its two ends are known; None for one that goes on."""
    first, last = session.started, session.stopped
    if first is None or last is None:
        return None
    if first.boot_id == last.boot_id:
        return max(0, round(last.mono_s - first.mono_s))
    if first.at is None or last.at is None:
        return None
    return max(0, round((last.at - first.at).total_seconds()))


def iso(at: datetime | None) -> str | None:
    """Local time with its zone, to the second."""
    return None if at is None else at.astimezone().isoformat(timespec="seconds")


def _thousandth(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value / 1000, digits)


Take = Callable[[SessionLine], Cell]
COLUMNS: tuple[tuple[str, str, Take], ...] = (
    ("number", "", lambda one: one.session_id),
    ("connector", "", lambda one: one.connector),
    ("type", "", lambda one: one.connector_type),
    ("state", "", lambda one: one.state.value),
    ("created", "", lambda one: iso(one.created)),
    ("started", "", lambda one: iso(one.started)),
    ("stopped", "", lambda one: iso(one.stopped)),
    ("finished", "", lambda one: iso(one.finished)),
    ("duration", "s", lambda one: one.duration_s),
    ("energy", "kWh", lambda one: _thousandth(one.energy_wh)),
    ("meter_start", "kWh", lambda one: _thousandth(one.meter_start_wh)),
    ("meter_stop", "kWh", lambda one: _thousandth(one.meter_stop_wh)),
    ("soc_start", "%", lambda one: one.soc_start_pct),
    ("soc_end", "%", lambda one: one.soc_end_pct),
    ("power_max", "kW", lambda one: _thousandth(one.power_max_w)),
    ("current_max", "A", lambda one: one.current_max_a),
    ("voltage_max", "V", lambda one: one.voltage_max_v),
    ("rate", "%/min", lambda one: round(one.charge_rate_pct_per_min, 2)),
    ("starter", "", lambda one: one.starter),
    ("starter_name", "", lambda one: one.starter_name),
    ("start_source", "", lambda one: one.start_source.value if one.start_source else ""),
    ("stopper", "", lambda one: one.stopper),
    ("stop_source", "", lambda one: one.stop_source.value if one.stop_source else ""),
    ("vehicle", "", lambda one: one.vehicle),
    ("vehicle_name", "", lambda one: one.vehicle_name),
    ("cost", "", lambda one: one.cost),
    ("currency", "", lambda one: one.currency),
    ("flags", "", lambda one: " ".join(one.flags)),
)
"""(key of the text `session_column.KEY`, unit, value)."""

HistoryTake = Callable[[HistoryRow], Cell]
HISTORY_COLUMNS: tuple[tuple[str, str, HistoryTake], ...] = (
    ("time", "", lambda row: iso(row.moment.at)),
    ("energy", "kWh", lambda row: _thousandth(row.energy_wh)),
    ("power", "kW", lambda row: _thousandth(row.power_w)),
    ("voltage", "V", lambda row: row.voltage_v),
    ("current_1", "A", lambda row: row.current_a[0] if row.current_a else None),
    ("current_2", "A", lambda row: row.current_a[1] if row.current_a else None),
    ("current_3", "A", lambda row: row.current_a[2] if row.current_a else None),
    ("requested_v", "V", lambda row: row.requested_voltage_v),
    ("requested_a", "A", lambda row: row.requested_current_a),
    ("limit", "kW", lambda row: _thousandth(row.limit_power_w)),
    ("limit_source", "", lambda row: row.limit_source),
    ("soc", "%", lambda row: row.soc_pct),
    ("insulation", "kΩ", lambda row: row.insulation_kohm),
    ("insulation_errors", "", lambda row: row.insulation_errors),
    ("u_plus", "V", lambda row: row.u_plus_v),
    ("u_minus", "V", lambda row: row.u_minus_v),
    ("battery_t", "°C", lambda row: row.battery_temperature_c),
    ("module_t", "°C", lambda row: row.module_temperature_c),
    ("connector_t", "°C", lambda row: row.connector_temperature_c),
)
"""(key of the text `history_column.KEY`, unit, value)."""


def head(columns: tuple[tuple[str, str, Callable[..., Cell]], ...], section: str, words: Words) -> list[str]:
    """Names with their units."""
    return [f"{words(f'{section}.{key}')}, {unit}" if unit else words(f"{section}.{key}") for key, unit, _ in columns]


def cells(line: SessionLine) -> list[Cell]:
    return [take(line) for _, _, take in COLUMNS]


def history_cells(row: HistoryRow) -> list[Cell]:
    return [take(row) for _, _, take in HISTORY_COLUMNS]
