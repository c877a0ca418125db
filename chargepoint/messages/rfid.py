"""Card readers."""

from __future__ import annotations

from typing import ClassVar

from chargepoint.messages.kinds import (
    ActionResult,
    Event,
    Request,
    State,
)
from chargepoint.records import Moment
from drivers.interfaces import Identity


class ReaderState(State, frozen=True, kw_only=True):
    """Topic `reader/NAME`: a card reader, since the start of `rfid`.

    `place` is its port's device or its name at the PC/SC service. `heard` is when it was last known to be there, None
    before the first time; told at least once a minute, once a second while it is tested. `polls` are the questions put
    to it, `errors` those that failed, `refused` readings that were no whole card, `held_back` cards that came too fast
    one after the other. `is_tested`: cards go to `CardTested`, not to the station. `can_signal`: lights or sound.
    """

    name: str
    is_answering: bool
    cards: int
    error: str = ""
    driver: str = ""
    place: str = ""
    identity: Identity = Identity()
    heard: Moment | None = None
    polls: int = 0
    errors: int = 0
    refused: int = 0
    held_back: int = 0
    is_tested: bool = False
    can_signal: bool = False


class TestReader(Request[ActionResult], frozen=True, kw_only=True):
    """To rfid: cards at the reader `name` (empty: all readers) become `CardTested` and mean nothing else; for the test
    page and for binding cards. Ends by itself after 60 s, or with `on` False. Codes: ok, unknown_reader."""

    __test__: ClassVar[bool] = False  # no test of pytest

    name: str
    on: bool = True
    by: str = ""


class CardTested(Event, frozen=True, kw_only=True):
    """A card was read while its reader is tested. `uid` as the station would get it, empty when `refusal` says why it
    would not; `forms` the number in each form and byte order; `count` of the readings since the test began."""

    reader: str
    uid: str
    kind: str = ""
    refusal: str = ""
    forms: tuple[tuple[str, str], ...] = ()
    read_ms: float | None = None
    count: int = 1


class SignalReader(Request[ActionResult], frozen=True, kw_only=True):
    """To rfid: show and sound `signal` (wait, accepted, refused) at a reader. Codes: ok, unknown_reader, no_sound,
    no_answer, bad_signal."""

    name: str
    signal: str = "accepted"
    by: str = ""


class RestartReader(Request[ActionResult], frozen=True, kw_only=True):
    """To rfid: close and open the reader again (RFID_REBOOT)."""

    name: str
    by: str = ""


class CheckReader(Request[ActionResult], frozen=True, kw_only=True):
    """To rfid: for 10 s cards at this reader mean nothing; three good readings pass. Answered at the end.

    `table`: number, kind, ms of each reading. Codes: ok, failed, no_reader, busy.
    """

    name: str
    by: str = ""
