"""The link to the central system at the technician's page: when it last answered, how long our certificate holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from chargepoint.messages import LinkStatus
from chargepoint.vocabulary import LinkState
from hmi.drawing.items import Text
from hmi.samples import CLOCK, NOW_S, PANELS, Sample, look, view
from hmi.screens import SCREENS
from hmi.technician.samples import samples

NAME = "TechnikTerminalPage"
STATE = next(sample for sample in samples() if sample.name == f"{NAME} state")
TALL = next(panel for panel in PANELS if (panel.width, panel.height) == (1080, 1920))


def texts(clock: datetime | None = CLOCK, **link: object) -> str:
    known = replace(STATE.seen, link=LinkStatus(state=LinkState.ONLINE, **link))  # type: ignore[arg-type]
    shown = replace(view(Sample(NAME, STATE.place, known), look(TALL), "en"), clock=clock)
    return " | ".join(item.text for item in SCREENS[NAME].picture(shown).items if isinstance(item, Text))


def test_the_age_of_the_last_heartbeat_is_shown() -> None:
    assert "00:01:01" in texts(heartbeat_mono_s=NOW_S - 61)
    assert "Last heartbeat" not in texts()


@pytest.mark.parametrize(
    "days, told",
    [(400.5, "400 d left"), (2.5, "2 d left"), (0.2, "0 d left"), (-3, "ran out on")],
)
def test_the_days_left_of_the_stations_certificate_are_shown(days: float, told: str) -> None:
    assert told in texts(certificate_ends_at=CLOCK.astimezone(UTC) + timedelta(days=days))


def test_without_the_time_of_day_only_the_end_of_the_certificate_is_shown() -> None:
    found = texts(None, certificate_ends_at=datetime(2026, 6, 2, tzinfo=UTC))
    assert "until 02.06.2026" in found and "left" not in found


def test_a_station_without_a_certificate_has_no_row_of_it() -> None:
    assert "certificate" not in texts()
