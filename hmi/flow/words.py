"""What happens at the screen, and what the flow wishes done. Values; nothing here does anything."""

from __future__ import annotations

from typing import Any

import msgspec

from chargepoint.guards import Pass
from chargepoint.messages import Reply as BusReply
from chargepoint.messages import Request
from chargepoint.vocabulary import CardReason, Role
from hmi.view import Place, Seen

# ------------------------------------------------------------------------------------------------------ what happens


class Touched(msgspec.Struct, frozen=True):
    """A finger left the target `name` it had come down on."""

    name: str


class Held(msgspec.Struct, frozen=True):
    """A finger has stayed on the target `name` for 5 s."""

    name: str


class Changed(msgspec.Struct, frozen=True):
    """Time has passed, or the station has said something new; `before` is what was seen before."""

    before: Seen | None = None


class CardRead(msgspec.Struct, frozen=True):
    """A card was held to a reader and is being checked."""

    reader: str
    uid: str


class CardSettled(msgspec.Struct, frozen=True):
    """What came of a card (`CardHandled`)."""

    outcome: str
    connector: int | None = None
    uid: str = ""
    reason: CardReason = CardReason.NONE
    choices: tuple[int, ...] = ()
    left_wh: int | None = None


class Answered(msgspec.Struct, frozen=True):
    """The answer to a wish: the `tag` and `connector` it was asked with. `code` as the service said, or `unavailable`
    when it could not be asked."""

    tag: str
    ok: bool
    code: str = ""
    text: str = ""
    connector: int = 0


class Heard(msgspec.Struct, frozen=True):
    """The whole answer to an `Ask` with `is_whole`, or to a `Deed`; None when none came, `code` then says why."""

    tag: str
    reply: BusReply | None
    code: str = ""
    text: str = ""


class ConfirmAsked(msgspec.Struct, frozen=True):
    """The station wants a yes or no of whoever stands here."""

    number: int
    question: str
    connector: int
    is_local: bool = False


class ConfirmOver(msgspec.Struct, frozen=True):
    """Nobody waits for that answer any more."""

    number: int


class DrawingFailed(msgspec.Struct, frozen=True):
    """The picture of the screen could not be made."""

    screen: str


Event = (
    Touched | Held | Changed | CardRead | CardSettled | Answered | Heard | ConfirmAsked | ConfirmOver | DrawingFailed
)

# ------------------------------------------------------------------------------------------------- what is wished for


class Ask(msgspec.Struct, frozen=True):
    """Send `request` to `service`; the answer comes back as `Answered` with this `tag` (`is_whole`: as
    `Heard`). Empty tag: nobody waits."""

    service: str
    request: Request[Any]
    tag: str = ""
    connector: int = 0
    timeout_s: float = 10.0
    is_whole: bool = False


class Deed(msgspec.Struct, frozen=True):
    """A deed of the service menu by whoever is logged in; what came of it follows as `Heard` with tag `deed`."""

    action: str
    arguments: dict[str, str]
    login: str
    role: Role
    passed: Pass | None = None


class Play(msgspec.Struct, frozen=True):
    """A sound: accepted, refused, ended."""

    sound: str


class Reply(msgspec.Struct, frozen=True):
    """The driver's answer to `ConfirmAsked`: yes, no, no_answer, busy."""

    number: int
    code: str


class Note(msgspec.Struct, frozen=True):
    """A line for the operation log."""

    action: str
    connector: int = 0


Wish = Ask | Deed | Play | Reply | Note
Result = tuple[Place, tuple[Wish, ...]]
