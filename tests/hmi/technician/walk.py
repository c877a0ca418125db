"""A technician at the screen, without a station: what he touches, what services answer, where that leads."""

from __future__ import annotations

import random
from typing import Any

from msgspec.structs import replace

from chargepoint.messages import ActionResult, LoginAnswer, Reply
from chargepoint.vocabulary import Role
from hmi.drawing.items import Picture
from hmi.flow import Rules, first_place, step
from hmi.flow.words import Ask, CardRead, CardSettled, Changed, Deed, Event, Heard, Held, Touched, Wish
from hmi.samples import LANDSCAPE, look
from hmi.screens import SCREENS
from hmi.technician.flow import StaffFlow
from hmi.technician.samples import known
from hmi.view import Place, Seen, View
from hmi.words import Words

RULES = Rules(languages=("en",))
LOGIN = "a.petrov"
LOOK = look(LANDSCAPE[2])
WORDS = Words("en")


class StaffWalk:
    """Time passes only by `wait`. Wishes are kept; answers are given by `hears`."""

    def __init__(self, seen: Seen | None = None, rules: Rules = RULES, seed: int = 1) -> None:
        self.seen = known() if seen is None else seen
        self.rules = rules
        self.now_s = 1000.0
        self.staff = StaffFlow(random.Random(seed))
        self.place: Place = first_place(rules, self.now_s)
        self.wishes: list[Wish] = []
        self.happens(Changed())

    @property
    def screen(self) -> str:
        return self.place.screen

    def happens(self, event: Event) -> str:
        self.place, wishes = step(self.place, event, self.seen, self.rules, self.now_s, self.staff)
        self.wishes.extend(wishes)
        return self.place.screen

    def touch(self, *names: str) -> str:
        for name in names:
            self.now_s += 0.7
            self.happens(Touched(name))
        return self.screen

    def types(self, text: str) -> None:
        self.touch(*(f"staff:key:{sign}" for sign in text))

    def holds(self, name: str) -> str:
        return self.happens(Held(name))

    def card(self, uid: str) -> str:
        return self.happens(CardRead("front", uid))

    def of_staff(self, uid: str) -> str:
        """A card of which the station says that it is a technician's."""
        self.card(uid)
        return self.happens(CardSettled("technician", uid=uid))

    def hears(self, tag: str, reply: Reply | None, code: str = "ok") -> str:
        return self.happens(Heard(tag, reply, code))

    def wait(self, seconds: float) -> str:
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s = min(end_s, self.now_s + 1.0)
            self.happens(Changed(self.seen))
        return self.screen

    def see(self, **change: Any) -> str:
        before, self.seen = self.seen, replace(self.seen, **change)
        return self.happens(Changed(before))

    def to_login(self) -> StaffWalk:
        """From the main menu by Help and the station's number."""
        self.happens(Touched("help"))
        self.holds("station_id")
        return self

    def logged_in(self, role: Role | None = Role.ADMINISTRATOR, *, must_change: bool = False) -> StaffWalk:
        self.to_login()
        self.types(LOGIN)
        self.touch("staff:enter")
        self.types("secret word")
        self.touch("staff:enter")
        self.hears("login", LoginAnswer(ok=True, code="ok", login=LOGIN, role=role, must_change=must_change))
        return self

    def asked(self, request: type) -> list[Any]:
        return [wish.request for wish in self.wishes if isinstance(wish, Ask) and isinstance(wish.request, request)]

    @property
    def deeds(self) -> list[Deed]:
        return [wish for wish in self.wishes if isinstance(wish, Deed)]

    @property
    def picture(self) -> Picture:
        view = View(seen=self.seen, place=self.place, look=LOOK, words=WORDS, now_s=self.now_s)
        return SCREENS[self.place.screen].picture(view)

    @property
    def buttons(self) -> dict[str, bool]:
        """Targets of the picture, and whether they take touches."""
        return {target.name: target.is_enabled for target in self.picture.targets}

    def why(self, name: str) -> str:
        return next(target.why for target in self.picture.targets if target.name == name)

    def solve(self) -> None:
        """Type the answer of the sum on the page."""
        desk = self.place.desk
        assert desk is not None and desk.check is not None and desk.check.sum is not None
        self.types(str(desk.check.sum.total))

    def settled(self, action: str, ok: bool = True, code: str = "ok") -> None:
        self.hears("deed", ActionResult(ok=ok, code=code, action=action))
