"""The diagnostics page: trouble with what to do and the way there, how far a run is, what was never tested."""

from __future__ import annotations

from msgspec.structs import replace

from chargepoint.messages import DiagnosticsState
from hmi.drawing.items import Text
from hmi.samples import PANELS, Sample, look, view
from hmi.screens import SCREENS
from hmi.technician.sample_answers import DIAGNOSED
from hmi.technician.samples import samples

NAME = "TechnikDiagnostics"
PAGE = {part: next(each for each in samples() if each.name == f"{NAME} {part}") for part in ("checks", "all_checks")}
TALL = next(panel for panel in PANELS if (panel.width, panel.height) == (1080, 1920))


def texts(part: str, state: DiagnosticsState | None, language: str = "en") -> str:
    sample = PAGE[part]
    states = {topic: one for topic, one in sample.seen.states.items() if topic != "diagnostics"}
    seen = replace(sample.seen, states={**states, **({"diagnostics": state} if state else {})})
    picture = SCREENS[NAME].picture(view(Sample(NAME, sample.place, seen), look(TALL), language))
    return " ".join(" ".join(item.text for item in picture.items if isinstance(item, Text)).split())


def test_trouble_stands_with_what_to_do_and_where_it_is_mended() -> None:
    found = texts("checks", DIAGNOSED)
    assert "Power modules: bank1: modules with addresses 7, 8 are missing" in found
    assert "Check the modules' mains, CAN bus and addresses." in found
    assert "See: Power modules" in found and "See: Connector 2" in found
    assert "in order" not in found


def test_all_that_was_looked_at_has_its_own_tab() -> None:
    found = texts("all_checks", DIAGNOSED, "ru")
    assert "в порядке" in found and "подключён автомобиль" in found and "на этой станции нет" in found


def test_a_run_tells_how_far_it_is_and_a_station_never_tested_says_so() -> None:
    runs = replace(DIAGNOSED, is_running=True, verdict="", done=17, now="modules")
    assert "17 of 47 · Power modules" in texts("all_checks", runs)
    assert "has not been tested yet" in texts("checks", None)
    assert "has not been tested yet" in texts("checks", DiagnosticsState())
