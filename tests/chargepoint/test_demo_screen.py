"""The screen of the demo: where it is shown, and what of it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from chargepoint.__main__ import main
from chargepoint.commands.watching import Watcher
from chargepoint.demo import screen as demo_screen
from chargepoint.demo.screen import Pictures, by_hand, folder_for, greeting, with_screen
from chargepoint.demo.stories import Place, known_cards
from chargepoint.messages import Screenshot, ScreenState, TakeScreenshot


@pytest.mark.parametrize(("wanted", "display", "video"), [(True, ":1", "x11"), (True, "", "headless")])
def test_the_screen_opens_where_there_is_a_display_else_in_memory(wanted: bool, display: str, video: str) -> None:
    station: dict[str, Any] = {
        "screen": {"is_fitted": False, "video": "kmsdrm", "phone": "1"},
        "station": {"name": "x"},
    }
    new = with_screen(station, wanted, display)
    assert new == {"screen": {"is_fitted": True, "video": video, "phone": "1"}, "station": {"name": "x"}}
    assert station["screen"]["video"] == "kmsdrm"


def test_unless_it_is_wanted_no_station_has_one() -> None:
    assert not with_screen({"screen": {"is_fitted": True}}, False, ":1")["screen"]["is_fitted"]
    assert not with_screen({}, False, "")["screen"]["is_fitted"]


def test_without_a_display_pictures_go_to_a_new_folder_and_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    folder = folder_for(None, "")
    assert folder is not None and folder.is_dir() and str(folder) in greeting("", folder)
    assert folder_for(None, ":1") is None
    assert folder_for(tmp_path / "a" / "b", ":1") == tmp_path / "a" / "b"


def test_what_the_terminal_says_brings_a_card_that_the_central_system_knows() -> None:
    car, card, _ = by_hand("127.0.0.1:1", 2, "front")
    assert "http://127.0.0.1:1/connectors/2/plug" in car
    assert "/readers/front/tap" in card
    assert any(known in card for known in known_cards([Place(2, True, 1.0)]))
    assert not any("readers" in line for line in by_hand("127.0.0.1:1", 2, ""))


class FakeBus:
    """Answers with the screenshots given, the last again and again."""

    def __init__(self, *shots: Screenshot) -> None:
        self.shots = list(shots)
        self.asked = 0

    async def call(self, target: str, request: TakeScreenshot) -> Screenshot:
        self.asked += 1
        return self.shots.pop(0) if len(self.shots) > 1 else self.shots[0]


def shot(content: str) -> Screenshot:
    return Screenshot(ok=True, data=content.encode(), screen="MainMenuPH", sha256=content)


def watching(folder: Path, bus: FakeBus) -> Watcher:
    watcher = Watcher(folder)
    watcher.bus = cast("Any", bus)
    watcher.states["screen"] = ScreenState(name="MainMenuPH")
    return watcher


async def test_a_picture_is_kept_when_it_has_changed_and_the_oldest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_screen, "MOST_PICTURES", 2)
    bus = FakeBus(shot("a"), shot("a"), Screenshot(ok=False), shot("b"), shot("c"))
    pictures = Pictures(watching(tmp_path, bus), tmp_path, lambda text: None)
    for _ in range(6):
        await pictures._look(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "0002-MainMenuPH.png": "b",
        "0003-MainMenuPH.png": "c",
    }


async def test_a_full_disk_or_a_lost_folder_is_said_once_and_ends_the_pictures(tmp_path: Path) -> None:
    said: list[str] = []
    bus = FakeBus(shot("a"))
    await Pictures(watching(tmp_path, bus), tmp_path / "gone", said.append).run()
    assert len(said) == 1 and "no more pictures are kept" in said[0]
    assert bus.asked == 1


async def test_a_screen_that_does_not_come_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    await Pictures(Watcher(tmp_path), None, said.append).run()
    assert said == ["the screen does not come up; the station's log says why"]


def test_pictures_without_a_screen_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--pictures", str(tmp_path)]) == 2
    assert "--screen" in capsys.readouterr().err
