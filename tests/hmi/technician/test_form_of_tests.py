"""The form of a test session: every value has its two steps in its row, within what is fitted."""

from __future__ import annotations

import pytest

from hmi.flow.rules import Rules
from hmi.flow.words import Touched
from hmi.samples import PANELS, Panel, Sample, look, view
from hmi.screens import SCREENS
from hmi.technician.flow import StaffFlow
from hmi.technician.kit import StaffPage
from hmi.technician.samples import samples
from hmi.technician.test_form import lines
from hmi.view import Place
from hmi.words import OWN_NAMES

NAME = "TechnikTestSession"
FREE = next(sample for sample in samples() if sample.name == NAME)


def targets(place: Place, panel: Panel, language: str = "en") -> dict[str, object]:
    shown = view(Sample(NAME, place, FREE.seen), look(panel), language)
    return {each.name: each.rect for each in SCREENS[NAME].picture(shown).targets}


def touched(place: Place, *names: str) -> Place:
    flow = StaffFlow()
    for name in names:
        place, _ = flow(place, Touched(name), FREE.seen, Rules(), 1000.0)
    return place


@pytest.mark.parametrize("language", OWN_NAMES)
@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_every_value_can_be_set_and_the_test_be_started_on_every_panel(panel: Panel, language: str) -> None:
    place = touched(FREE.place, "staff:set:mode:load")
    found: dict[str, object] = {}
    for _ in range(3):
        here = targets(place, panel, language)
        assert any(name.startswith("staff:do:start_test:") for name in here)
        found |= here
        place = touched(place, "staff:page:next")
    for name in ("power", "minutes", "energy", "volts", "amps"):
        assert {f"staff:set:{name}:-", f"staff:set:{name}:+"} <= set(found), name
    assert {"staff:set:mode:ev", "staff:set:mode:dry"} <= set(found)


def test_on_seven_inches_the_form_of_a_vehicle_is_one_page() -> None:
    found = targets(FREE.place, PANELS[0])
    assert {f"staff:set:{name}:+" for name in ("power", "minutes", "energy")} <= set(found)
    assert "staff:page:next" not in found


def test_at_the_end_of_its_steps_a_value_has_no_button_further() -> None:
    place = FREE.place
    for _ in range(20):
        place = touched(place, "staff:set:minutes:+", "staff:set:energy:-")
    found = targets(place, PANELS[2])
    assert "staff:set:minutes:+" not in found and "staff:set:minutes:-" in found
    assert "staff:set:energy:-" not in found and "staff:set:energy:+" in found


def test_a_value_stops_at_what_is_fitted() -> None:
    place = FREE.place
    for _ in range(30):
        place = touched(place, "staff:set:power:+")
    shown = view(Sample(NAME, place, FREE.seen), look(PANELS[2]), "en")
    power = next(each for each in lines(StaffPage(shown, NAME)) if each.label == "Power")
    fitted = next(each for each in FREE.seen.shop.connectors if each.number == place.connector)
    assert power.value == f"{fitted.max_power_w / 1000:g} kW" and power.more == ""
