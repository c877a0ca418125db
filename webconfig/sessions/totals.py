"""Sums of sessions by day, month or year, per card, user or connector. Pure.

A session counts under the local day its charge started (statuses.md 5), without one under that of its creation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from chargepoint.records import Session
from webconfig.sessions.columns import Cell, Looks, duration_s
from webconfig.words import Words

MOST_SUMS = 5_000
"""Rows of a report; what comes beyond them goes into one row for the rest."""
OTHERS = "…"


class Period(StrEnum):
    ALL = "all"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"


class By(StrEnum):
    NOBODY = "none"
    CARD = "card"
    USER = "user"
    CONNECTOR = "connector"


_STAMPS = {Period.ALL: "", Period.DAY: "%Y-%m-%d", Period.MONTH: "%Y-%m", Period.YEAR: "%Y"}


@dataclass
class Sum:
    """What the sessions of one row came to; `cost` by currency, in the currency itself."""

    period: str
    who: str
    name: str
    sessions: int = 0
    energy_wh: int = 0
    duration_s: int = 0
    cost: dict[str, float] = field(default_factory=dict)

    def add(self, session: Session) -> None:
        self.sessions += 1
        self.energy_wh += session.delivered_wh
        self.duration_s += duration_s(session) or 0
        price = session.price
        if price is not None and price.total:
            self.cost[price.currency] = round(
                self.cost.get(price.currency, 0.0) + price.total / 10**price.digits, price.digits
            )


class Sums:
    """Adds sessions up; bounded, however many there are."""

    def __init__(self, period: Period, by: By, looks: Looks) -> None:
        self._period = period
        self._by = by
        self._looks = looks
        self._rows: dict[tuple[str, str], Sum] = {}
        self.total = Sum("", "", "")

    def add(self, sessions: Iterable[Session]) -> None:
        for session in sessions:
            self.total.add(session)
            stamp, (who, name) = self._stamp(session), self._who(session)
            key = (stamp, who)
            if key not in self._rows and len(self._rows) >= MOST_SUMS:
                key, stamp, who, name = ("", OTHERS), "", OTHERS, ""
            if key not in self._rows:
                self._rows[key] = Sum(stamp, who, name)
            self._rows[key].add(session)

    def rows(self) -> list[Sum]:
        """Newest period first, within it by name and card."""
        found = sorted(self._rows.values(), key=lambda one: (one.name.casefold(), one.who))
        return sorted(found, key=lambda one: one.period, reverse=True)

    def _stamp(self, session: Session) -> str:
        moment = session.started or session.created
        form = _STAMPS[self._period]
        return moment.at.astimezone().strftime(form) if moment.at is not None and form else ""

    def _who(self, session: Session) -> tuple[str, str]:
        """What the row is of, and the user's name."""
        match self._by:
            case By.CONNECTOR:
                return str(session.connector), session.connector_type.value
            case By.CARD if session.starter is not None:
                value = session.starter.value
                return self._looks.who(session.starter).rpartition("(")[2].rstrip(")"), self._looks.names.get(
                    value.upper(), ""
                )
            case By.USER if session.starter is not None:
                value = session.starter.value
                name = self._looks.names.get(value.upper(), "")
                return (name, name) if name else (self._looks.who(session.starter), "")
        return "", ""


TOTAL_COLUMNS = (
    ("period", ""), ("who", ""), ("name", ""), ("sessions", ""), ("energy", "kWh"), ("hours", ""), ("cost", "")
)  # fmt: skip


def total_head(words: Words) -> list[str]:
    """Names with their units."""
    units = {unit: words.one_of("u", unit) for _, unit in TOTAL_COLUMNS if unit}
    return [
        f"{words(f'reports.{key}')}, {units[unit]}" if unit else words(f"reports.{key}") for key, unit in TOTAL_COLUMNS
    ]


def total_cells(one: Sum) -> list[Cell]:
    """The row of a report: one cell of cost, with its currency."""
    cost = ", ".join(f"{amount:.2f} {currency}" for currency, amount in sorted(one.cost.items()))
    return [
        one.period,
        one.who,
        one.name,
        one.sessions,
        round(one.energy_wh / 1000, 3),
        round(one.duration_s / 3600, 2),
        cost,
    ]
