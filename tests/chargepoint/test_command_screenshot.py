"""`chargepoint screenshot`: what the screen shows becomes a file, or it is said why not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chargepoint.__main__ import main
from chargepoint.door import Door
from chargepoint.exchange import Exchange
from chargepoint.messages import Screenshot, TakeScreenshot
from chargepoint.one_process import in_process_bus

SHOT = Screenshot(ok=True, format="png", data=b"the picture", screen="MainMenuPH", language="kk", width=640, height=400)


async def take(folder: Path, answer: Screenshot | None, *arguments: str) -> tuple[int, list[TakeScreenshot]]:
    """Run the command before a station whose screen answers so; None: it has no screen."""
    asked: list[TakeScreenshot] = []

    async def shown(request: TakeScreenshot, sender: str) -> Screenshot:
        asked.append(request)
        assert answer is not None
        return answer

    (folder / "hub").mkdir()
    exchange = Exchange()
    async with Door(exchange, folder / "hub"), in_process_bus("hmi", exchange=exchange) as buses:
        if answer is not None:
            buses["hmi"].serve(TakeScreenshot, shown)
        status = await asyncio.to_thread(main, ["screenshot", *arguments, "--data", str(folder)])
        exchange.close()
    return status, asked


@pytest.mark.realtime
async def test_the_picture_is_saved_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "screen.JPG"
    status, asked = await take(tmp_path, SHOT, str(file), "--scale", "0.5")
    assert (status, file.read_bytes()) == (0, b"the picture")
    assert [(each.format, each.scale, each.by) for each in asked] == [("jpeg", 0.5, "command line")]
    assert capsys.readouterr().out == f"{file}: MainMenuPH, kk, 640x400\n"


@pytest.mark.realtime
async def test_a_screen_that_shows_nothing_says_why_and_no_file_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _ = await take(tmp_path, Screenshot(ok=False, text="Nothing has been shown yet."), str(tmp_path / "a.png"))
    assert status == 1
    assert "Nothing has been shown yet." in capsys.readouterr().err
    assert not list(tmp_path.glob("*.png*"))


@pytest.mark.realtime
async def test_a_folder_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _ = await take(tmp_path, SHOT, str(tmp_path / "none" / "a.png"))
    assert status == 1
    assert "a.png: No such file or directory" in capsys.readouterr().err


@pytest.mark.realtime
async def test_a_station_without_a_screen_is_told_from_one_that_does_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _ = await take(tmp_path, None, str(tmp_path / "a.png"))
    assert status == 1
    assert "Has this station a screen" in capsys.readouterr().err


def test_wrong_names_sizes_and_folders_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["screenshot", "screen.bmp", "--data", str(tmp_path)]) == 2
    assert "must end with .png" in capsys.readouterr().err
    assert main(["screenshot", "screen.png", "--data", str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().err
    for scale in ("0", "2", "nan", "x"):
        with pytest.raises(SystemExit):
            main(["screenshot", "screen.png", "--scale", scale])
