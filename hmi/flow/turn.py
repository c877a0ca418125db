"""One move of the flow: what a handler gets, and the moves that many of them share. Pure."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from chargepoint.messages import StartAtScreen, StopCharging
from chargepoint.records import Credential
from chargepoint.vocabulary import StopSource
from hmi.flow import stack
from hmi.flow.rules import Rules
from hmi.flow.stages import Stage, session_id, stage
from hmi.flow.words import Ask, Result
from hmi.view import Ended, Place, Seen

STOP_WITHIN_S = 20.0


class Turn(msgspec.Struct, frozen=True):
    """Where the driver is and what is known. `argument` is what follows the colon of a target's name."""

    place: Place
    seen: Seen
    rules: Rules
    now_s: float
    argument: str = ""

    @property
    def number(self) -> int:
        """`argument` as the number of a connector that is there; 0: it is none."""
        number = int(self.argument) if self.argument.isdecimal() and len(self.argument) < 4 else 0
        return number if number in self.seen.connectors else 0

    @property
    def is_free(self) -> bool:
        """Free mode: nobody is asked who he is."""
        station = self.seen.station
        return station.free_mode if station is not None else self.seen.shop.free_mode

    def stretched(self, seconds: float) -> float:
        return self.rules.stretched(seconds, self.place)

    def told(self, key: str, place: Place | None = None, **values: str | int | float) -> Place:
        return stack.told(place or self.place, key, self.now_s, self.rules.notice_s, **values)


def home(turn: Turn) -> Place:
    """The main menu; or what stands instead of it (out of service, emergency of the whole station...)."""
    stands = stack.standing(turn.place)
    if stands is not None and not leaves_the_rest(stands):
        return stack.down_to(turn.place, stands)
    return stack.ground(turn.place, "MainMenu", turn.now_s)


def leaves_the_rest(stands: Place) -> bool:
    """An emergency of some connectors: the others can be used."""
    return stands.screen == "EmergencyBreakInstructionPA" and not stands.fields.get("whole")


def back(turn: Turn) -> Place:
    """What one came from."""
    place = turn.place
    beneath = stack.off(place)
    if beneath is not None and beneath.screen not in stack.STAND:
        return beneath
    if place.screen == "MainMenu":
        return beneath or place
    parent = PARENT.get(place.screen)
    return home(turn) if parent is None else stack.at(place, parent, turn.now_s, place.connector)


PARENT = {"Auth": "ConnectorInfo", "AuthWait": "Auth", "StopConfirm": "SessionInfo", "PriceInfo": "ConnectorInfo"}
"""Where Back leads from a screen that covers nothing; the main menu from all others."""


def to_connector(turn: Turn, number: int) -> Place:
    """The screen of connector `number`, whatever it does (hmi.md 2, the ways out of the main menu)."""
    now, session = stage(turn.seen, number), session_id(turn.seen.connectors.get(number))
    if now is Stage.CHARGED and session and _ended(turn, number, session) is not None:
        return to_summary(turn, number, session)
    return open_connector(turn, number, _BY_STAGE[now])


def to_charge(turn: Turn, number: int) -> Place:
    """Where somebody who has begun on connector `number` belongs: Connecting until energy flows."""
    charging = stage(turn.seen, number) is Stage.CHARGING
    return open_connector(turn, number, "SessionInfo" if charging else "Connecting")


def to_start(turn: Turn, number: int) -> Place:
    """Where somebody who wants to begin on connector `number` belongs."""
    now = stage(turn.seen, number)
    if now is not Stage.PLUGGED:
        return to_connector(turn, number)
    return open_connector(turn, number, "ConnectorInfo" if turn.is_free else "Auth")


def open_connector(turn: Turn, number: int, screen: str) -> Place:
    """`screen` of connector `number` instead of the lowest screen of the driver."""
    if screen == "EmergencyBreakInstructionPA":
        stands = stack.standing(turn.place)
        return turn.place if stands is None else stack.down_to(turn.place, stands)
    made = stack.ground(turn.place, screen, turn.now_s, number, fields=_fields(turn, number, screen))
    if screen == "Connecting":
        made = with_timeout(turn, made)
    return replace(made, touched_s=turn.now_s)


def _fields(turn: Turn, number: int, screen: str) -> dict[str, str]:
    session = session_id(turn.seen.connectors.get(number))
    if screen in ("SessionInfo", "StopConfirm", "SessionSummary", "Connecting") and session:
        return {"session": str(session)}
    return {}


def with_timeout(turn: Turn, place: Place) -> Place:
    """The time to plug in, as long as the station waits for the car, if it is known since when it does; never
    stretched, since the station is not. A start that the station is still to speak of begins now."""
    now, since_s = stage(turn.seen, place.connector), turn.seen.waiting_since_s.get(place.connector)
    if now is Stage.FREE:
        since_s = turn.now_s
    if now not in (Stage.WAITING, Stage.FREE) or since_s is None or turn.rules.connect_s <= 0:
        return place
    until_s = since_s + turn.rules.connect_s
    if turn.now_s >= until_s:
        return place
    return replace(stack.with_fields(place, timeout_s=f"{turn.rules.connect_s:.0f}"), until_s=until_s)


_BY_STAGE = {
    Stage.UNKNOWN: "ConnectorInfo",
    Stage.EMERGENCY: "EmergencyBreakInstructionPA",
    Stage.ERROR: "ConnectorError",
    Stage.CLOSED: "ConnectorInfo",
    Stage.BLOCKED: "ConnectorBlocked",
    Stage.NO_POWER: "ConnectorInfo",
    Stage.FREE: "ConnectorInfo",
    Stage.PLUGGED: "ConnectorInfo",
    Stage.WAITING: "Connecting",
    Stage.PREPARING: "Connecting",
    Stage.CHARGING: "SessionInfo",
    Stage.CHARGED: "ConnectorInfo",  # whose summary is not known
}


def _ended(turn: Turn, number: int, session: int) -> Ended | None:
    ended = turn.seen.ended.get(number)
    return None if ended is None or (session and ended.session_id != session) else ended


def to_summary(turn: Turn, number: int, session: int) -> Place:
    """What came of a session; the main menu when nothing is known of it."""
    ended = _ended(turn, number, session)
    if ended is None:
        return home(turn)
    place = open_connector(turn, number, "SessionSummary")
    return replace(place, fields=summary_fields(ended))


def summary_fields(ended: Ended) -> dict[str, str]:
    """What the summary shows; a field that is not known is left out."""
    fields = {
        "session": ended.session_id,
        "session_id": ended.session_id,
        "energy_wh": ended.energy_wh,
        "elapsed_s": ended.elapsed_s,
        "ended_s": round(ended.ended_s, 1),
        "soc_start_pct": ended.soc_start_pct,
        "soc_end_pct": ended.soc_end_pct,
        "stop_source": ended.stop_source or None,
        "cost": ended.cost,
        "currency": ended.currency or None,
    }
    return {name: str(value) for name, value in fields.items() if value is not None}


def start(turn: Turn, number: int) -> Result:
    """The wish to start where nobody has to be asked; once, until it is answered."""
    if turn.place.fields.get("asked"):
        return turn.place, ()
    wish = Ask("station", StartAtScreen(connector=number), "start", number)
    return stack.with_fields(turn.place, asked="start"), (wish,)


def stop(turn: Turn, number: int, tag: str, credential: Credential | None = None) -> Result:
    """The wish to stop what runs (or is booked) on connector `number`; once, until it is answered."""
    if turn.place.fields.get("asked") == tag:
        return turn.place, ()
    session = session_id(turn.seen.connectors.get(number)) or None
    request = StopCharging(
        connector=number, session_id=session, source=StopSource.LOCAL, credential=credential, by="screen"
    )
    return stack.with_fields(turn.place, asked=tag), (Ask("station", request, tag, number, STOP_WITHIN_S),)
