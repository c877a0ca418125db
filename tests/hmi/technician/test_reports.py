"""Reports of test sessions at the screen: one is shown, another can be picked, its code says what was found."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from chargepoint.messages import Criterion, TestReports
from hmi.drawing.items import Code, Text
from hmi.drawing.qr import modules
from hmi.samples import PANELS, Panel, Sample, look, view
from hmi.screens import SCREENS
from hmi.screens.sizes import QR_MM
from hmi.technician.sample_answers import REPLIES, REPORT
from hmi.technician.samples import samples
from hmi.technician.test_report import MOST_BYTES
from hmi.words import OWN_NAMES

NAME = "TechnikTestSession"
SEEN = {sample.name: sample for sample in samples()}


def drawn(fields: dict[str, str], *, panel: Panel = PANELS[2], language: str = "en", **change: object) -> list[object]:
    sample = SEEN[f"{NAME} report"]
    assert sample.place.desk is not None
    report = replace(REPORT, **change)
    desk = replace(sample.place.desk, replies={**REPLIES, "reports": TestReports(reports=(report, REPORT_BEFORE))})
    place = replace(sample.place, fields={"show": "reports", **fields}, desk=desk)
    shown = view(Sample(sample.name, place, sample.seen), look(panel), language)
    return list(SCREENS[NAME].picture(shown).items)


REPORT_BEFORE = replace(REPORT, number=11, verdict="passed", criteria=(Criterion("lock", "passed", "open", "open"),))


def code_of(items: list[object]) -> str:
    return next(item.text for item in items if isinstance(item, Code))


def test_the_code_says_the_verdict_and_what_did_not_pass_and_leads_nowhere() -> None:
    told = code_of(drawn({"pick": "code:12"}))
    assert "Report 12" in told and "a.petrov" in told and "Verdict: warning" in told
    assert "Insulation: warning (168 kΩ, 420 Ω/V)" in told
    assert "passed: 4/6" in told
    assert "http" not in told and "://" not in told


def test_the_report_that_was_picked_is_shown_else_the_newest() -> None:
    def heads(pick: str) -> list[str]:
        return [i.text for i in drawn({"pick": pick}) if isinstance(i, Text) and "·" in i.text and "Report" in i.text]

    assert heads("")[0].startswith("Report 12")
    assert heads("11")[0].startswith("Report 11")
    assert heads("999")[0].startswith("Report 12")
    assert "Report 11" in code_of(drawn({"pick": "code:11"}))


@pytest.mark.parametrize("language", OWN_NAMES)
def test_the_code_of_a_report_with_everything_wrong_can_still_be_read(language: str) -> None:
    long = "C1 17.3 s, C2 44.0 s, C4 20.0 s, C5 99.9 s, C7 31.2 s"
    criteria = tuple(Criterion(f"{each.key}", "failed", long, long) for each in REPORT.criteria * 3)
    told = code_of(drawn({"pick": "code:12"}, language=language, criteria=criteria, login="ы" * 200))
    assert len(told.encode()) <= MOST_BYTES
    assert len(modules(told)) <= 89


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_the_code_is_large_enough_on_every_panel(panel: Panel) -> None:
    items = drawn({"pick": "code:12"}, panel=panel)
    code = next(item for item in items if isinstance(item, Code))
    assert min(code.rect.width, code.rect.height) >= QR_MM * look(panel).px_per_mm - 1
