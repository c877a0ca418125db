"""Who may charge, and what a card means: pure rules (statuses.md 4, 8 and 14).

Card numbers, idTags and logins are compared without regard to case (OCPP 1.6, CiString). An over-long idTag is refused,
never cut (S22).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from chargepoint.messages import User
from chargepoint.records import Credential
from chargepoint.rights import STAFF
from chargepoint.vocabulary import CardReason, CredentialType, OperatingMode, StopSource

MAX_ID_TAG_LENGTH = 20
"""Characters of an OCPP 1.6 idToken (CiString20)."""

RESERVED_TEXT = "This connector is reserved for somebody else."

VerdictKind = Literal["allowed", "forbidden", "ask"]
Deed = Literal["start", "stop", "choose", "cancel", "nothing", "wait_for_ev"]


class Access(msgspec.Struct, frozen=True):
    """The rules in force. Entries of `white` and `black` name a login (all cards of that user) or one card number."""

    mode: OperatingMode = OperatingMode.NORMAL
    free_mode: bool = False
    white: frozenset[str] = frozenset()
    black: frozenset[str] = frozenset()
    users: tuple[User, ...] = ()


class Verdict(msgspec.Struct, frozen=True):
    """`allowed`: may charge, nobody else is asked. `ask`: the central system decides. `forbidden`: may not.

    `stop_source` is what ends a running charge of somebody who has become forbidden. `login` is the user the credential
    belongs to, empty if none. `energy_left_wh` is what this user may still take; None: no such limit. `word` is
    `reason` for screens.
    """

    kind: VerdictKind
    reason: str = ""
    stop_source: StopSource | None = None
    login: str = ""
    energy_left_wh: int | None = None
    word: CardReason = CardReason.NONE


class ConnectorView(msgspec.Struct, frozen=True):
    """What the meaning of a card depends on.

    `is_free`: operative, not faulted, and no transaction in its session yet. `is_waiting`: authorised, no car yet.
    `can_take_start`: nothing else forbids a start now (link, meter, power, room in the journal). `is_kept_for_them`: it
    is reserved for this very card or its group; `is_kept`: for somebody else. `is_of_same_user`: what runs there was
    begun with another card of the same user.
    """

    number: int
    is_plugged: bool = False
    is_free: bool = True
    session_credential: Credential | None = None
    is_waiting: bool = False
    can_take_start: bool = True
    is_kept_for_them: bool = False
    is_kept: bool = False
    is_of_same_user: bool = False


class CardMeaning(msgspec.Struct, frozen=True):
    """What to do about a card. `connector` is None for `choose` and `nothing`.

    `choose` is between the connectors `choices`, and `then` is done at the chosen one. `reason` says why nothing can be
    done.
    """

    deed: Deed
    connector: int | None
    text: str
    choices: tuple[int, ...] = ()
    then: Deed = "nothing"
    reason: CardReason = CardReason.NONE


def fold(text: str) -> str:
    """The form in which card numbers, idTags and logins are compared."""
    return text.lower()


def same_id(one: str, other: str) -> bool:
    """Whether two idTags are the same (OCPP: case does not matter). The empty idTag is nobody's."""
    return bool(one) and fold(one) == fold(other)


def id_tag_fault(credential: Credential) -> str:
    """Why this credential cannot be used at all; empty when it can. Logins may be longer than an idTag."""
    if not credential.value:
        return "the card number is empty"
    if credential.type is not CredentialType.LOGIN and len(credential.value) > MAX_ID_TAG_LENGTH:
        return f"the card number has {len(credential.value)} characters, at most {MAX_ID_TAG_LENGTH} are allowed"
    return ""


def user_of(users: Sequence[User], credential: Credential) -> User | None:
    """The user this credential belongs to: a login by its name, a card by its number, an OCPP idTag by either."""
    value = fold(credential.value)
    if credential.type is not CredentialType.LOGIN:
        for user in users:
            if value in map(fold, user.cards):
                return user
    if credential.type in (CredentialType.LOGIN, CredentialType.OCPP):
        for user in users:
            if value == fold(user.login):
                return user
    return None


def is_of_staff(users: Sequence[User], card: Credential) -> bool:
    """Whether this card is bound to somebody who may come into the service menu."""
    user = user_of(users, card)
    return user is not None and user.role in STAFF and not user.is_blocked


def energy_left_wh(user: User, consumed_wh: Mapping[str, int]) -> int | None:
    """Limit minus what all present credentials of this user have taken (statuses.md 14); may be negative.

    `consumed_wh` holds energy by credential value, in any case. Energy of a card no longer bound does not count.
    """
    if user.energy_limit_wh is None:
        return None
    names = {fold(user.login), *map(fold, user.cards)}
    return user.energy_limit_wh - sum(wh for value, wh in consumed_wh.items() if fold(value) in names)


class _Question(msgspec.Struct, frozen=True):
    access: Access
    credential: Credential
    user: User | None
    white: frozenset[str]
    black: frozenset[str]
    left_wh: int | None

    @property
    def names(self) -> frozenset[str]:
        """By what a list may call the asker."""
        return frozenset({fold(self.credential.value)} | ({fold(self.user.login)} if self.user else set()))

    @property
    def is_stand_in(self) -> bool:
        return self.credential.type is CredentialType.STAND_IN

    @property
    def is_login(self) -> bool:
        return self.credential.type is CredentialType.LOGIN


_Rule = tuple[Callable[[_Question], bool], VerdictKind, str, StopSource | None, CardReason]

_FORBIDDEN = StopSource.USER_FORBIDDEN
_NO_REASON, _NOT_HERE, _BLOCKED = CardReason.NONE, CardReason.NOT_HERE, CardReason.BLOCKED

RULES: tuple[_Rule, ...] = (
    (lambda q: q.is_stand_in, "allowed", "nobody is asked for a card", None, _NO_REASON),
    (lambda q: bool(q.white) and not q.names & q.white, "forbidden", "not on the white list", _FORBIDDEN, _NOT_HERE),
    (lambda q: not q.white and bool(q.names & q.black), "forbidden", "on the black list", _FORBIDDEN, _BLOCKED),
    (lambda q: q.user is not None and q.user.is_blocked, "forbidden", "this user is blocked", _FORBIDDEN, _BLOCKED),
    (
        lambda q: q.user is not None and not q.user.is_allowed,
        "forbidden",
        "this user may not charge at this station",
        _FORBIDDEN,
        _NOT_HERE,
    ),
    (
        lambda q: q.left_wh is not None and q.left_wh <= 0,
        "forbidden",
        "this user's energy is used up",
        StopSource.USER_ENERGY_LIMIT,
        CardReason.LIMIT,
    ),
    (lambda q: q.is_login and q.user is not None, "allowed", "a user of this station", None, _NO_REASON),
    (lambda q: q.access.free_mode, "allowed", "charging is free for all", None, _NO_REASON),
    (lambda q: q.access.mode is not OperatingMode.HOME, "ask", "the central system decides", None, _NO_REASON),
    (
        lambda q: q.user is not None or bool(q.names & q.white),
        "allowed",
        "a user of this station",
        None,
        _NO_REASON,
    ),
    (lambda q: True, "forbidden", "only the users of this home station may charge", _FORBIDDEN, _NOT_HERE),
)
"""First row that holds decides. White and black lists are not applied in plug-and-charge, where nobody shows a card."""


def verdict(access: Access, credential: Credential, consumed_wh: Mapping[str, int]) -> Verdict:
    """Whether this credential may charge here. A user's own energy limit rides along with `allowed` and `ask`."""
    fault = id_tag_fault(credential)
    if fault:
        return Verdict(kind="forbidden", reason=fault, word=CardReason.UNREADABLE)
    question = _question(access, credential, consumed_wh)
    kind, reason, stop_source, word = next(row[1:] for row in RULES if row[0](question))
    return Verdict(kind, reason, stop_source, question.user.login if question.user else "", question.left_wh, word)


def deciding_rule(access: Access, credential: Credential, consumed_wh: Mapping[str, int]) -> int:
    """Which row of RULES decides, from 1; 0: the number itself cannot be used."""
    if id_tag_fault(credential):
        return 0
    question = _question(access, credential, consumed_wh)
    return next(number for number, row in enumerate(RULES, 1) if row[0](question))


def _question(access: Access, credential: Credential, consumed_wh: Mapping[str, int]) -> _Question:
    user = None if credential.type is CredentialType.STAND_IN else user_of(access.users, credential)
    return _Question(
        access=access,
        credential=credential,
        user=user,
        white=frozenset(map(fold, access.white)),
        black=frozenset(map(fold, access.black)),
        left_wh=energy_left_wh(user, consumed_wh) if user else None,
    )


def meaning_of_card(
    credential: Credential, connectors: Sequence[ConnectorView], reader_connectors: tuple[int, ...] = ()
) -> CardMeaning:
    """What a card held to a reader means; `reader_connectors` are those the reader stands for (empty: all).

    The card that began a charge ends it, or cancels it while it waits for its car. Otherwise a car that is plugged in
    and waits is meant; then a charge of the card's group (to end it); then the one connector that is free. Where
    several could be meant, the one that is reserved for this card.
    """
    views = sorted(
        (view for view in connectors if not reader_connectors or view.number in reader_connectors),
        key=lambda view: view.number,
    )
    taken = [(view, view.session_credential) for view in views if view.session_credential is not None]
    own = [view for view, holder in taken if same_id(credential.value, holder.value)]
    group = [
        view
        for view, holder in taken
        if view not in own
        and not view.is_waiting
        and (view.is_of_same_user or same_id(credential.parent, holder.parent))
    ]
    startable = [v for v in views if v.is_free and v.can_take_start and not v.is_waiting and not v.is_kept]
    plugged = _reserved_first([view for view in startable if view.is_plugged])
    startable = _reserved_first(startable)

    if own:
        running = [view for view in own if not view.is_waiting]
        if running:
            return _one("stop", running, "this card's charge ends", "this card charges at several connectors")
        return _one("cancel", own, "no longer waiting for the car", "this card waits at several connectors")
    if plugged:
        return _one("start", plugged, "the plugged-in car is charged", "several cars are plugged in")
    if group:
        return _one("stop", group, "a charge of this card's group ends", "this card's group has several charges")
    if startable:
        return _one("wait_for_ev", startable, "waiting for the car to be plugged in", "several connectors are free")
    text, reason = _why_nothing(views)
    return CardMeaning("nothing", None, text, reason=reason)


def _reserved_first(views: list[ConnectorView]) -> list[ConnectorView]:
    """Those reserved for the card, where there are such."""
    return [view for view in views if view.is_kept_for_them] or views


def _one(deed: Deed, views: Sequence[ConnectorView], text: str, text_if_several: str) -> CardMeaning:
    if len(views) == 1:
        return CardMeaning(deed, views[0].number, text)
    choices = tuple(view.number for view in views)
    return CardMeaning("choose", None, f"{text_if_several}: choose a connector", choices, deed)


def _why_nothing(views: Sequence[ConnectorView]) -> tuple[str, CardReason]:
    if not views:
        return "this reader stands for no connector of this station", CardReason.NONE_FREE
    if any(view.is_kept and view.is_free and view.can_take_start and not view.is_waiting for view in views):
        return RESERVED_TEXT, CardReason.RESERVED
    if any(view.is_free for view in views):
        return "charging cannot be started now", CardReason.NONE_FREE
    return "no connector is free", CardReason.NONE_FREE
