from __future__ import annotations

import struct
from pathlib import Path

import pytest

from chargepoint.config_screen import ScreenSettings
from hmi import board
from hmi.board import (
    FBIOGET_FSCREENINFO,
    FBIOGET_VSCREENINFO,
    K_OFF,
    KD_GRAPHICS,
    KD_TEXT,
    KDGKBMODE,
    KDSETMODE,
    KDSKBMODE,
    Board,
    Shape,
    Unsuitable,
    shape_of,
)
from hmi.drawing.items import Fill, Picture, Rect
from hmi.window import DisplayLost, Window

WIDE, HIGH, PITCH, TOP = 480, 320, 2048, 10


def variable(depth: int = 32, red: int = 16, width: int = WIDE) -> bytes:
    head = struct.pack("8I", width, HIGH, width, HIGH + TOP, 0, TOP, depth, 0)
    return (head + struct.pack("3I3I3I", red, 8, 0, 8, 8, 0, 16 - red, 8, 0)).ljust(160, b"\0")


def fixed() -> bytes:
    return (b"simple".ljust(48, b"\0") + struct.pack("I", PITCH)).ljust(80, b"\0")


asked: list[tuple[int, object]] = []


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in place of the display memory, and of the console; the kernel's answers are ours."""
    path = tmp_path / "fb0"
    path.write_bytes(bytes(PITCH * (HIGH + TOP)))
    (tmp_path / "tty0").write_bytes(b"")
    asked.clear()
    answers = {FBIOGET_VSCREENINFO: variable(), FBIOGET_FSCREENINFO: fixed(), KDGKBMODE: struct.pack("i", 3)}

    def ioctl(handle: int, number: int, *argument: object) -> bytes:
        asked.append((number, argument[0]))
        return answers.get(number, b"")

    monkeypatch.setattr("fcntl.ioctl", ioctl)
    monkeypatch.setattr(board, "DEVICE", path)
    monkeypatch.setattr(board, "CONSOLE", tmp_path / "tty0")
    return path


def pixel(path: Path, x: int, y: int) -> tuple[int, ...]:
    at = (TOP + y) * PITCH + 4 * x
    blue, green, red = path.read_bytes()[at : at + 3]
    return red, green, blue


def test_the_shape_is_read_from_what_the_kernel_says() -> None:
    assert shape_of(variable(), fixed()) == Shape(WIDE, HIGH, 0, TOP, HIGH + TOP, PITCH)


@pytest.mark.parametrize("wrong", [variable(depth=16), variable(red=0), variable(width=600)])
def test_memory_of_another_kind_is_refused(wrong: bytes) -> None:
    with pytest.raises(Unsuitable):
        shape_of(wrong, fixed())


def test_what_is_drawn_is_in_the_memory_and_the_console_is_silent_meanwhile(device: Path) -> None:
    opened = Board(device, device.parent / "tty0")
    assert opened.surface.get_size() == (WIDE, HIGH)
    opened.surface.fill((1, 2, 3), (5, 6, 1, 1))
    assert (pixel(device, 5, 6), pixel(device, 6, 6)) == ((1, 2, 3), (0, 0, 0))
    opened.close()
    assert pixel(device, 5, 6) == (0, 0, 0)
    assert asked[-4:] == [(KDSETMODE, KD_GRAPHICS), (KDSKBMODE, K_OFF), (KDSKBMODE, 3), (KDSETMODE, KD_TEXT)]


@pytest.mark.parametrize("degrees, size, corner", [(0, (480, 320), (25, 35)), (180, (480, 320), (454, 284))])
def test_a_window_shows_pictures_there(
    device: Path, degrees: int, size: tuple[int, int], corner: tuple[int, int]
) -> None:
    window = Window(ScreenSettings(is_fitted=True, video="framebuffer", width_px=480, height_px=480, rotation=degrees))
    window.rotation = type(window.rotation)(degrees, *size)
    picture = Picture(
        name="A",
        width=480,
        height=320,
        background=(9, 9, 9),
        items=(Fill(rect=Rect(20, 30, 40, 40), colour=(1, 2, 3)),),
    )
    window.show(picture)
    assert (pixel(device, *corner), pixel(device, 200, 200)) == ((1, 2, 3), (9, 9, 9))
    assert list(window.poll()) == []
    window.close()


def test_a_board_without_display_memory_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "DEVICE", tmp_path / "fb0")
    window = Window(ScreenSettings(is_fitted=True, video="framebuffer"))
    with pytest.raises(DisplayLost, match=r"framebuffer.*No such file.*/dev/fb0"):
        window.show(Picture(name="A", width=1280, height=800, background=(0, 0, 0), items=()))
