"""What pages of the service menu know: texts and tones of values, the climate, ages. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from chargepoint.messages import ConnectorState, State
from hmi.screens.page import STALE_S
from hmi.technician import wordings
from hmi.technician.kit import StaffPage
from hmi.technician.sheet import Row

NONE = "—"
Kind = TypeVar("Kind", bound=State)


def of_kind(page: StaffPage, kind: type[Kind]) -> list[Kind]:
    """All states of this kind, by topic."""
    states = page.view.seen.states
    return [state for _, state in sorted(states.items()) if isinstance(state, kind)]


def tone(is_good: bool) -> str:
    return "good" if is_good else "bad"


def number(page: StaffPage, value: float | None, unit: str, digits: int = 1) -> str:
    """`23.4 °C`, or a dash where it is not known."""
    if value is None or value != value:
        return NONE
    return f"{page.words.number(value, digits)} {wordings.unit(page.words, unit) if unit else ''}".strip()


def whole(page: StaffPage, value: float, unit: str) -> str:
    """`120 kW`, with digits behind the mark only where there are any."""
    text = f"{value:g}"
    digits = len(text.partition(".")[2]) if "e" not in text else 0
    return number(page, value, unit, digits)


def named(page: StaffPage, section: str, value: str) -> str:
    """A word of a vocabulary as people say it, else the word itself."""
    key = f"{section}.{value}"
    return page.words(key) if page.words.has(key) else value


def age_s(page: StaffPage, mono_s: float) -> float:
    return max(0.0, page.view.now_s - mono_s)


def tone_by_age(page: StaffPage, mono_s: float) -> str:
    """Grey for what is older than 5 s, or of a station that has not spoken for so long."""
    return "old" if page.is_stale or age_s(page, mono_s) > STALE_S else ""


def climate_rows(page: StaffPage) -> list[Row]:
    """The first sensor that answers."""
    climate = page.view.seen.climate
    sensor = next((each for each in climate.sensors if each.is_answering), None) if climate is not None else None
    if sensor is None:
        return []
    values = [number(page, sensor.temperature_c, "°C"), number(page, sensor.humidity_pct, "%", 0)]
    shown = " · ".join(value for value in values if value != NONE)
    return [Row(page.t("climate"), shown or NONE, tone_by_age(page, sensor.mono_s))]


def duration(page: StaffPage, seconds: float) -> str:
    """`3 d 04:05:06`."""
    whole = max(0, int(seconds))
    days, rest = divmod(whole, 86400)
    text = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days} {page.t('days')} {text}" if days else text


def flags(page: StaffPage, value: int, names: Iterator[str] | list[str]) -> str:
    """Flags in words, or a dash."""
    words = [page.words(f"fl.{name}") if page.words.has(f"fl.{name}") else name for name in names]
    return ", ".join(words) if value and words else NONE


def here(page: StaffPage) -> ConnectorState | None:
    """The connector whose tab is open."""
    from hmi.technician.questions import connector_of

    return page.view.seen.connectors.get(connector_of(page.view.place, page.view.seen))
