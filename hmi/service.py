"""The service `hmi`: what the bus says and what fingers do become screens (hmi.md). One loop looks, moves, draws.

The display and everything heavy is imported here, late, so that no other process pays for it.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import Any

from msgspec.structs import replace

from chargepoint.bus import StateView, Subscription
from chargepoint.context import Context
from chargepoint.messages import CardHandled, CardSeen, ConfirmOnScreen, Noted, OcppFrame, ScreenState, TakeScreenshot
from chargepoint.records import HistoryRow, Session
from chargepoint.vocabulary import EventType
from hmi.drawn import Drawing
from hmi.errands import Errands
from hmi.finger import Finger, held, still_there, touched
from hmi.flow import Rules, StaffStep, first_place, next_look_s, step
from hmi.flow.words import Ask as AskWish
from hmi.flow.words import (
    CardRead,
    CardSettled,
    Changed,
    Deed,
    DrawingFailed,
    Event,
    Held,
    Note,
    Play,
    Reply,
    Touched,
)
from hmi.panel import Panel, Silent, Speaker, Touch
from hmi.questions import Questions
from hmi.screenshot import Screenshots
from hmi.seen import PREFIXES, STAFF_PREFIXES, Sight
from hmi.shown import screen_state
from hmi.technician.gathered import HEARD, Gathered, grown
from hmi.technician.machine import figures
from hmi.technician.network import addresses
from hmi.view import Place, Seen

log = logging.getLogger(__name__)

IDLE_S, BUSY_S = 1 / 30, 1 / 60
"""Between two looks for touches: as a rule (what moves does so at most 15 times a second); while a finger is down."""
LOOK_S = 0.2
"""What the bus says is shown this soon, and no more often."""
BEAT_S = 1.0
STALE_FROM_S = 4.0
"""From this age on the second hand of `Seen.age_s` is looked at."""


async def run(context: Context) -> None:
    """Serve the screen until asked to stop."""
    panel = open_panel(context)
    speaker = open_speaker(context)
    try:
        await Terminal(context, panel, speaker, staff_step()).run()
    finally:
        speaker.close()
        panel.close()


def open_panel(context: Context) -> Panel:
    """The display of [screen]; journeys put another in its place."""
    from hmi.window import Window

    return Window(context.settings.screen, context.settings.station.name)


def open_speaker(context: Context) -> Speaker:
    """The computer's speaker, where sounds are wanted."""
    if not context.settings.screen.sound:
        return Silent()
    from hmi.sounds import Speaker as Tones

    return Tones()


def staff_step() -> StaffStep | None:
    """The technician's own flow."""
    from hmi.technician.flow import StaffFlow

    return StaffFlow()


class Terminal:
    """One screen and whoever stands before it."""

    def __init__(self, context: Context, panel: Panel, speaker: Speaker, staff: StaffStep | None = None) -> None:
        self._context = context
        self._bus = context.bus
        self._panel = panel
        self._speaker = speaker
        self._staff = staff
        self._sight = Sight(context.settings)
        self._settings = context.settings.screen
        self._rules = Rules.of(self._settings)
        self._seen: Seen = self._sight.seen(self._now_s())
        self.place: Place = first_place(self._rules, self._now_s())
        self._finger = Finger()
        self._drawing = Drawing(self._settings, panel, context.clock)
        self._errands = Errands(context.bus, self._answered)
        self._questions = Questions(self._happens, self._settings.confirm_s)
        self._screenshots = Screenshots(panel, context, lambda: (self._drawing.picture, self.place.language))
        self._is_new = True
        """Something was heard since the last look."""
        self._next_look_s = 0.0
        self._next_beat_s = 0.0
        self._told: ScreenState | None = None
        self._staff_watches: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Until the station stops."""
        self._bus.serve(ConfirmOnScreen, self._questions.ask)
        self._bus.serve(TakeScreenshot, self._screenshots.take)
        cards = self._bus.subscribe(CardSeen, CardHandled)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._watch(self._bus.watch(prefix)), name=f"watch {prefix}") for prefix in PREFIXES
            ]
            tasks.append(group.create_task(self._hear(cards), name="cards"))
            self._group = group
            self._context.ready()
            try:
                while not self._context.stopping.is_set():
                    self._turn()
                    await asyncio.sleep(BUSY_S if self._finger.is_down else IDLE_S)
            finally:
                self._errands.close()
                for task in (*tasks, *self._staff_watches):
                    task.cancel()

    # ------------------------------------------------------------------------------------------------------ the loop

    def _turn(self) -> None:
        """Look at fingers and at what was heard, move, draw, beat."""
        now_s = self._now_s()
        for touch in self._panel.poll():
            self._finger_did(touch, now_s)
        self._finger, meant = held(self._finger, now_s)
        if meant is not None:
            self._happens(Held(meant.name))
        if now_s >= self._next_look_s and self._is_look_due(now_s):
            self._look(now_s)
        self._draw(now_s)
        if now_s >= self._next_beat_s:
            self._context.beat()
            self._next_beat_s = now_s + BEAT_S

    def _finger_did(self, touch: Touch, now_s: float) -> None:
        picture = self._drawing.picture
        if picture is None:
            return
        self._finger, meant = touched(self._finger, touch, picture, now_s)
        if meant is not None:
            self._happens(Touched(meant.name))
            self._drawing.due()

    def _is_look_due(self, now_s: float) -> bool:
        if self._is_new or self._sight.is_chart_due(now_s):
            return True
        age_s = self._sight.age_s(now_s)
        if age_s >= STALE_FROM_S and int(age_s) != int(self._seen.age_s):
            return True
        due_s = next_look_s(self.place, self._seen, self._rules, now_s)
        return due_s is not None and now_s >= due_s

    def _look(self, now_s: float) -> None:
        """Take in what was heard, and let the flow follow."""
        self._is_new = False
        self._next_look_s = now_s + LOOK_S
        if self.place.staff:
            self._sight.machine, self._sight.addresses = figures(), addresses()
        before, self._seen = self._seen, self._sight.seen(now_s)
        rules = self._rules
        if (rules.connect_s, rules.starts_offline) != (self._sight.connect_s, self._sight.starts_offline):
            self._rules = replace(rules, connect_s=self._sight.connect_s, starts_offline=self._sight.starts_offline)
        self._happens(Changed(before))
        if self._seen != before:
            self._drawing.due()
        for session_id in self._sight.missing - self._errands.reading:
            self._errands.read_session(session_id, self._told_session)
        while self._sight.begun_before:
            number, session_id = self._sight.begun_before.pop()
            self._errands.read_history(session_id, partial(self._told_history, number, session_id))

    def _happens(self, event: Event) -> None:
        """One event to the flow; what it wishes is done."""
        now_s = self._now_s()
        before = self.place
        self.place, wishes = step(before, event, self._seen, self._rules, now_s, self._staff)
        for wish in wishes:
            match wish:
                case AskWish():
                    self._errands.ask(wish)
                case Deed():
                    self._errands.carry_out(wish)
                case Reply():
                    self._questions.answered(wish.number, wish.code)
                case Play():
                    self._play(wish.sound)
                case Note():
                    self._note(wish.action, connector=wish.connector)
        if self.place.staff != before.staff:
            self._look_for_staff(bool(self.place.staff))
        if self.place != before:
            self._drawing.due()
            if self.place.screen != before.screen:
                log.info("screen: %s -> %s", before.screen, self.place.screen)
                if self.place.screen == "FatalErrorWindow":
                    self._note("FatalErrorWindow", error=self.place.fields.get("code", ""))
        self._tell()

    def _draw(self, now_s: float) -> None:
        was_lost = self._drawing.is_lost
        failed = self._drawing.draw(self._seen, self.place, self._finger.pressed, now_s)
        if failed:
            self._happens(DrawingFailed(failed))
        if was_lost != self._drawing.is_lost:
            self._tell()
        if self._drawing.picture is not None:
            self._finger = still_there(self._finger, self._drawing.picture)

    # --------------------------------------------------------------------------------------------- what is heard, told

    async def _watch(self, view: StateView) -> None:
        async for topic, state in view.changes():
            self._is_new = self._sight.take(state, self._now_s(), topic) or self._is_new

    def _look_for_staff(self, has_staff: bool) -> None:
        """Much more is looked at while somebody is in the service menu."""
        self._sight.has_staff = has_staff
        self._is_new, self._next_look_s = True, 0.0
        if has_staff and not self._staff_watches:
            self._staff_watches = [
                self._group.create_task(self._watch(self._bus.watch(prefix)), name=f"watch {prefix}")
                for prefix in STAFF_PREFIXES
            ]
            heard = self._bus.subscribe(*HEARD)
            self._staff_watches.append(self._group.create_task(self._gather(heard), name="gather"))
        elif not has_staff:
            self._sight.gathered = Gathered()

    async def _gather(self, heard: Subscription[Any]) -> None:
        """What is only told in passing, for the service pages."""
        async for event in heard:
            if self._sight.has_staff:
                self._sight.gathered = grown(self._sight.gathered, event, self._now_s())
                self._is_new = self._is_new or not isinstance(event, OcppFrame)

    async def _hear(self, cards: Subscription[Any]) -> None:
        async for event in cards:
            if isinstance(event, CardSeen):
                self._happens(CardRead(event.reader, event.uid))
            else:
                self._look(self._now_s())
                self._happens(
                    CardSettled(event.outcome, event.connector, event.uid, event.reason, event.choices, event.left_wh)
                )

    def _answered(self, event: Event) -> None:
        self._look(self._now_s())
        self._happens(event)

    def _told_session(self, record: Session) -> None:
        self._sight.told(record)
        self._is_new = True

    def _told_history(self, number: int, session_id: int, rows: tuple[HistoryRow, ...]) -> None:
        self._sight.told_history(number, session_id, rows)
        self._is_new = True

    def _tell(self) -> None:
        """The current screen's name and who is at it, when that has changed."""
        state = screen_state(self.place, self._panel.size, is_lost=self._drawing.is_lost)
        if state != self._told:
            self._told = state
            self._bus.set_state("screen", state)

    def _play(self, sound: str) -> None:
        with suppress(Exception):  # a sound that cannot be played must not cost the screen
            self._speaker.play(sound)

    def _note(self, action: str, *, connector: int = 0, error: str = "") -> None:
        self._bus.publish(
            Noted(event_type=EventType.HMI_SCREEN, action=action, error=error, connector=connector or None)
        )

    def _now_s(self) -> float:
        return self._context.clock.mono()
