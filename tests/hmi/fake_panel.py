"""A display that is none: keeps the pictures it was shown, and has fingers that tests move."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from hmi.drawing.items import Picture, Rect, Target
from hmi.panel import Touch, TouchKind


class FakeCopy:
    """A copy that packs itself as text: what was covered, and how."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture

    def encode(self, format: str, scale: float, masked: Sequence[Rect]) -> tuple[bytes, int, int]:
        shown = f"{format} {scale:g} {self._picture.name} masked {len(masked)}"
        return shown.encode(), round(self._picture.width * scale), round(self._picture.height * scale)


class FakePanel:
    """`pictures` are the last that were shown; `touch` and `press` put fingers on targets by name."""

    def __init__(self, size: tuple[int, int] = (1280, 800)) -> None:
        self.size = size
        self.pictures: deque[Picture] = deque(maxlen=50)
        self.names: list[str] = []
        """Names of the screens shown, each time it changed."""
        self.pressed = ""
        self.shown = 0
        self.copies = 0
        self.brightness = 1.0
        self.is_closed = False
        self.fails = False
        self._waiting: deque[Touch] = deque()

    @property
    def picture(self) -> Picture:
        """What is shown."""
        assert self.pictures, "nothing has been shown"
        return self.pictures[-1]

    @property
    def texts(self) -> list[str]:
        """All texts on the screen."""
        return [item.text for item in self.picture.items if hasattr(item, "text")]

    def target(self, name: str) -> Target | None:
        """An enabled target of the picture."""
        return next((each for each in self.picture.targets if each.name == name and each.is_enabled), None)

    def touch(self, name: str) -> None:
        """A finger comes down on a target and leaves it there."""
        self.press(name)
        self.release(name)

    def press(self, name: str) -> None:
        self._waiting.append(Touch(TouchKind.DOWN, *self._middle(name)))

    def release(self, name: str) -> None:
        self._waiting.append(Touch(TouchKind.UP, *self._middle(name)))

    def _middle(self, name: str) -> tuple[int, int]:
        target = self.target(name)
        assert target is not None, f"no {name!r} on {self.picture.name}: {[each.name for each in self.picture.targets]}"
        return target.rect.x + target.rect.width // 2, target.rect.y + target.rect.height // 2

    # ------------------------------------------------------------------------------------------- what a panel does

    def poll(self) -> Sequence[Touch]:
        touches = list(self._waiting)
        self._waiting.clear()
        return touches

    def show(self, picture: Picture, pressed: str = "") -> None:
        if self.fails:
            raise OSError("the cable came off")
        if not self.names or self.names[-1] != picture.name:
            self.names.append(picture.name)
        self.pictures.append(picture)
        self.pressed = pressed
        self.shown += 1

    def copy(self) -> FakeCopy:
        self.copies += 1
        return FakeCopy(self.picture)

    def dim(self, share: float) -> None:
        self.brightness = share

    def close(self) -> None:
        self.is_closed = True
