from __future__ import annotations

import io
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import pygame
import pytest

from chargepoint.config_screen import ScreenSettings
from hmi.drawing.items import Fill, Picture, Rect, Target, Text
from hmi.panel import STUCK_S, Panel, Touch, TouchKind
from hmi.window import RETRY_S, DisplayLost, Window

BLUE, RED, BLACK = (20, 40, 220), (220, 40, 20), (0, 0, 0)
BUTTON = Rect(20, 30, 200, 100)
MENU = Picture(
    name="MainMenuPH",
    width=800,
    height=480,
    background=BLACK,
    items=(Fill(rect=BUTTON, colour=BLUE),),
    targets=(Target(name="start", rect=BUTTON),),
)
SECRET = Text(rect=Rect(300, 300, 300, 60), text="482913", cap_px=30, colour=RED, on=BLACK, is_secret=True)


@pytest.fixture
def settings() -> ScreenSettings:
    return ScreenSettings(is_fitted=True, video="headless", width_px=800, height_px=480)


@contextmanager
def opened(settings: ScreenSettings) -> Iterator[Window]:
    window = Window(settings)
    try:
        window.show(MENU)
        window.poll()
        yield window
    finally:
        window.close()


def turned(settings: ScreenSettings, degrees: int) -> ScreenSettings:
    from msgspec.structs import replace

    return replace(settings, rotation=degrees)


def mouse(kind: int, x: int, y: int, button: int = 1) -> None:
    pygame.event.post(pygame.Event(kind, pos=(x, y), button=button, touch=False))


def finger(kind: int, x: float, y: float, number: int) -> None:
    pygame.event.post(pygame.Event(kind, x=x, y=y, finger_id=number, touch_id=1, dx=0.0, dy=0.0))


def on_display(x: int, y: int) -> tuple[int, ...]:
    surface = pygame.display.get_surface()
    assert surface is not None
    return tuple(surface.get_at((x, y)))[:3]


def test_a_window_is_the_panel_the_service_wants(settings: ScreenSettings) -> None:
    panel: Panel = Window(settings)
    assert panel.size == (800, 480)


@pytest.mark.parametrize(
    "degrees, size, corner",
    [
        (0, (800, 480), (25, 35)),
        (90, (480, 800), (444, 25)),
        (180, (800, 480), (774, 444)),
        (270, (480, 800), (35, 774)),
    ],
)
def test_pictures_are_turned_and_touches_turned_back(
    settings: ScreenSettings, degrees: int, size: tuple[int, int], corner: tuple[int, int]
) -> None:
    with opened(turned(settings, degrees)) as window:
        assert pygame.display.get_window_size() == size
        assert on_display(*corner) == BLUE
        mouse(pygame.MOUSEBUTTONDOWN, *corner)
        (touch,) = window.poll()
        assert touch.kind is TouchKind.DOWN
        assert abs(touch.x - 25) <= 1 and abs(touch.y - 35) <= 1


@pytest.mark.parametrize("degrees", [0, 90])
def test_a_pressed_button_is_seen_on_the_display_at_once(settings: ScreenSettings, degrees: int) -> None:
    with opened(turned(settings, degrees)) as window:
        spot = (25, 35) if degrees == 0 else (444, 25)
        window.show(MENU, pressed="start")
        assert on_display(*spot) != BLUE
        window.show(MENU)
        assert on_display(*spot) == BLUE


def test_only_the_first_finger_counts(settings: ScreenSettings) -> None:
    with opened(settings) as window:
        finger(pygame.FINGERDOWN, 0.5, 0.5, 7)
        finger(pygame.FINGERDOWN, 0.1, 0.1, 8)
        finger(pygame.FINGERMOTION, 0.2, 0.1, 8)
        finger(pygame.FINGERUP, 0.1, 0.1, 8)
        finger(pygame.FINGERMOTION, 0.75, 0.5, 7)
        finger(pygame.FINGERUP, 0.75, 0.5, 7)
        finger(pygame.FINGERDOWN, 0.0, 1.0, 9)
        assert list(window.poll()) == [
            Touch(TouchKind.DOWN, 400, 240),
            Touch(TouchKind.MOVE, 600, 240),
            Touch(TouchKind.UP, 600, 240),
            Touch(TouchKind.DOWN, 0, 479),
        ]


def test_water_on_the_display_does_not_keep_fingers_away_for_ever(settings: ScreenSettings) -> None:
    now_s = [100.0]
    window = Window(settings, monotonic=lambda: now_s[0])
    try:
        window.show(MENU)
        window.poll()
        finger(pygame.FINGERDOWN, 0.5, 0.5, 7)
        window.poll()
        now_s[0] += STUCK_S
        finger(pygame.FINGERDOWN, 0.0, 1.0, 8)
        finger(pygame.FINGERUP, 0.0, 1.0, 8)
        assert list(window.poll()) == [Touch(TouchKind.DOWN, 0, 479), Touch(TouchKind.UP, 0, 479)]
    finally:
        window.close()


def test_keys_wheels_and_the_wish_to_close_are_not_heard(settings: ScreenSettings) -> None:
    with opened(settings) as window:
        for kind in (pygame.KEYDOWN, pygame.KEYUP, pygame.TEXTINPUT, pygame.QUIT, pygame.MOUSEWHEEL, pygame.DROPFILE):
            pygame.event.post(pygame.Event(kind))
        mouse(pygame.MOUSEBUTTONDOWN, 10, 10, button=3)
        mouse(pygame.MOUSEMOTION, 10, 10)
        assert list(window.poll()) == []
        assert window.is_open


def test_a_mouse_that_leaves_the_window_lets_go(settings: ScreenSettings) -> None:
    with opened(settings) as window:
        mouse(pygame.MOUSEBUTTONDOWN, 10, 10)
        pygame.event.post(pygame.Event(pygame.WINDOWLEAVE))
        mouse(pygame.MOUSEBUTTONUP, 10, 10)
        assert [touch.kind for touch in window.poll()] == [TouchKind.DOWN, TouchKind.LOST]


def test_a_copy_is_a_picture_file_without_secrets(settings: ScreenSettings) -> None:
    def shot(secret: str) -> bytes:
        from msgspec.structs import replace

        with opened(settings) as window:
            window.show(replace(MENU, items=(*MENU.items, replace(SECRET, text=secret))))
            return window.copy().encode("png", 1.0, [])[0]

    assert shot("482913") == shot("11")
    with opened(settings) as window:
        copied = window.copy()
        window.show(Picture(name="HelpPH", width=800, height=480, background=RED, items=()))
        png, width, height = copied.encode("png", 0.5, [Rect(0, 0, 60, 60)])
        image = pygame.image.load(io.BytesIO(png))
        assert (width, height) == image.get_size() == (400, 240)
        assert tuple(image.get_at((80, 40)))[:3] == BLUE
        assert tuple(image.get_at((20, 25)))[:3] not in (BLUE, BLACK), "masked"
        jpeg, *_ = copied.encode("jpeg", 1.0, [])
        assert jpeg[:2] == b"\xff\xd8"
        with pytest.raises(ValueError, match="png and jpeg"):
            copied.encode("bmp", 1.0, [])


def test_a_display_that_is_not_there_is_tried_again_and_says_what_to_look_at(
    settings: ScreenSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 100.0
    window = Window(settings, monotonic=lambda: now_s)
    tried = 0

    def refused(*_: object) -> pygame.Surface:
        nonlocal tried
        tried += 1
        raise pygame.error("no such device")

    with monkeypatch.context() as patched:
        patched.setattr(pygame.display, "set_mode", refused)
        with pytest.raises(DisplayLost, match=r"\[screen\] video = 'headless', 800x480: no such device"):
            window.show(MENU)
        with pytest.raises(DisplayLost):
            window.show(MENU)
        assert tried == 1
        assert list(window.poll()) == []
    now_s += RETRY_S
    window.show(MENU)
    assert on_display(25, 35) == BLUE
    window.close()


def test_a_display_that_is_lost_is_painted_whole_when_it_is_back(
    settings: ScreenSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 100.0
    window = Window(settings, monotonic=lambda: now_s)
    window.show(MENU)

    def lost(*_: object) -> None:
        raise pygame.error("surface lost")

    with monkeypatch.context() as patched:
        patched.setattr(pygame.display, "update", lost)
        with pytest.raises(DisplayLost, match="surface lost"):
            window.show(MENU, pressed="start")
    assert not window.is_open
    now_s += RETRY_S
    window.show(MENU)
    assert on_display(25, 35) == BLUE
    window.close()


def test_a_display_of_another_size_than_said_shows_the_whole_picture(
    settings: ScreenSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = pygame.display.set_mode
    monkeypatch.setattr(pygame.display, "set_mode", lambda size, flags, depth: real((400, 240), flags, depth))
    with opened(settings) as window:
        assert "the display is 400x240" in caplog.text
        assert on_display(60, 40) == BLUE and on_display(300, 200) == BLACK
        mouse(pygame.MOUSEBUTTONDOWN, 60, 40)
        assert window.poll()[0] == Touch(TouchKind.DOWN, 121, 81)


STORY = """
    import sys, time
    from chargepoint.config_screen import ScreenSettings
    from hmi.drawing.items import Fill, Picture, Rect
    from hmi.window import Window
    window = Window(ScreenSettings(is_fitted=True, video="x11", width_px=640, height_px=480, rotation=90), "post 7")
    window.show(Picture(name="A", width=640, height=480, background=(0, 0, 0),
                        items=(Fill(rect=Rect(0, 0, 320, 480), colour=(0, 0, 255)),)))
    print("shown", flush=True)
    while True:
        for touch in window.poll():
            print(touch.kind.value, touch.x, touch.y, flush=True)
        time.sleep(0.02)
"""


@pytest.mark.realtime
def test_a_real_window_is_painted_and_touched() -> None:
    """An X server without a screen; the pointer is moved as a finger would."""
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "480x640x24", "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    station: subprocess.Popen[str] | None = None
    try:
        assert server.stdout is not None
        environment = {**os.environ, "DISPLAY": f":{int(server.stdout.readline())}"}
        station = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(STORY)], env=environment, stdout=subprocess.PIPE, text=True
        )
        assert station.stdout is not None
        while station.stdout.readline().strip() != "shown":
            pass

        def xdotool(*words: str) -> str:
            return subprocess.run(
                ["xdotool", *words], env=environment, check=True, capture_output=True, text=True, timeout=20
            ).stdout

        assert xdotool("search", "--sync", "--class", "chargepoint").strip()
        xdotool("mousemove", "400", "50", "key", "a", "key", "alt+F4", "mousedown", "1")
        xdotool("mousemove", "410", "60", "mouseup", "1")
        heard = [station.stdout.readline().strip() for _ in range(3)]
        assert heard == ["down 50 79", "move 60 69", "up 60 69"]
        assert station.poll() is None, "still there after alt+F4"
    finally:
        for process in (station, server):
            if process is not None:
                process.kill()
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()
