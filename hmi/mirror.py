"""What the screen should show now, worked out beside it from the same states of the bus; for tests and benchmarks.

The mirror knows the driver's place only as far as the screen tells it (`ScreenState`): pages and typed text are not.
"""

from __future__ import annotations

from datetime import datetime

from chargepoint.config import Settings
from chargepoint.messages import ScreenState, State
from hmi.drawing.items import Picture, Rect, Text
from hmi.look import look_of
from hmi.screens import SCREENS
from hmi.seen import Sight
from hmi.view import Access, Place, View
from hmi.words import Words


class Mirror:
    """`take` is told every state; times are monotonic seconds."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.screen
        self._sight = Sight(settings)
        self.shown = ScreenState(name="")

    def take(self, state: State, now_s: float) -> None:
        if isinstance(state, ScreenState):
            self.shown = state
        else:
            self._sight.take(state, now_s)

    @property
    def screen(self) -> str:
        """The screen's name without its end for the way it stands; '' while nothing is shown."""
        return self.shown.name[:-2]

    def picture(self, now_s: float, age_s: float = 0.0) -> Picture:
        """What should be shown, if the station's last word is older by `age_s`. Raises KeyError while nothing is."""
        shown, clock = self.shown, datetime.now().astimezone()
        place = Place(screen=self.screen, connector=shown.connector, language=shown.language, since_s=now_s)
        view = View(
            seen=self._sight.seen(now_s + age_s),
            place=place,
            look=look_of(self._settings, (shown.width, shown.height), Access(), clock),
            words=Words(shown.language),
            now_s=now_s,
            clock=clock,
        )
        return SCREENS[place.screen].picture(view)


def target_rect(picture: Picture, name: str) -> Rect | None:
    """Where this target takes touches, if it does."""
    return next((each.rect for each in picture.targets if each.name == name and each.is_enabled), None)


def texts(picture: Picture, rect: Rect | None = None) -> list[Text]:
    """The words of the picture, in this area."""
    items = [item for item in picture.items if isinstance(item, Text) and item.text]
    return [item for item in items if rect is None or rect.holds(item.rect.x, item.rect.y)]
