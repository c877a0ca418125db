"""White and black list over the API, and what the station would say of a card now."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint.masking import mask
from chargepoint.messages import CardChecked, CheckCard
from chargepoint.rights import Right
from webconfig.access_lists import CARD_LONGEST, MOST_ENTRIES, NAMES, Lists, lists_from
from webconfig.answers import Answer, Json, Problem
from webconfig.ask import Ask
from webconfig.pages import access as access_page
from webconfig.routes import Route, get, post
from webconfig.turns import turn

Entry = Annotated[str, Meta(min_length=1, max_length=150, description="A card number or a login")]
Entries = Annotated[tuple[Entry, ...], Meta(max_length=MOST_ENTRIES)]


class AccessLists(msgspec.Struct, frozen=True):
    """Both lists. While `white` has entries nobody else may charge and `black` is not read. Viewers get the ends of the
    entries only."""

    white: tuple[str, ...]
    black: tuple[str, ...]


class NewLists(msgspec.Struct, frozen=True):
    """Both lists in the place of those there are."""

    white: Entries = ()
    black: Entries = ()


class Card(msgspec.Struct, frozen=True):
    card: Annotated[str, Meta(min_length=1, max_length=CARD_LONGEST * 2, description="The card's number")]


def _shown(ask: Ask, lists: Lists) -> AccessLists:
    if ask.may(Right.OPERATE):
        return AccessLists(lists.white, lists.black)
    return AccessLists(tuple(map(mask, lists.white)), tuple(map(mask, lists.black)))


async def lists(ask: Ask) -> Answer:
    found = await access_page.lists_now(ask)
    return Json(_shown(ask, found), etag=found.version)


async def put_lists(ask: Ask) -> Answer:
    given = ask.body(NewLists)
    after, faults = lists_from((name, entry) for name in NAMES for entry in getattr(given, name))
    for fault in faults:
        text = ask.text(f"access.f_{fault.code}", found=fault.found, meant=fault.meant)
        number = fault.line - 1
        place = fault.found
        if number >= 0:
            place = f"white[{number}]" if number < len(given.white) else f"black[{number - len(given.white)}]"
        raise Problem(422, "invalid", text, {place: text})
    match = ask.request.headers.get("If-Match", "")
    async with turn(ask, "lists"):
        before = await access_page.lists_now(ask)
        if match and match.strip('"') not in (before.version, "*"):
            raise Problem(412, "changed_meanwhile", ask.text("access.changed_meanwhile"))
        await access_page.save(ask, before, after)
    return Json(_shown(ask, after), etag=after.version)


async def check(ask: Ask) -> Answer:
    return Json(await ask.call("station", CheckCard(card=ask.body(Card).card.strip())))


ROUTES = (
    get("/api/v1/access", lists, Right.SEE, summary="White and black list", gives=AccessLists, tag="access",
        statuses=(502, 503, 504)),
    Route(method="PUT", path="/api/v1/access", handler=put_lists, right=Right.OPERATE, body=NewLists,
          gives=AccessLists, summary="Replace both lists (If-Match)", tag="access", statuses=(412, 502, 503, 504),
          body_bytes=access_page.IMPORT_BYTES),
    post("/api/v1/access/check", check, Right.OPERATE, body=Card, gives=CardChecked,
         summary="What the station would say of a card now; nothing is started", tag="access",
         statuses=(502, 503, 504)),
)  # fmt: skip
