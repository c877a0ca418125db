"""Commands over the API. A program has to mean what it asks for: each guard wants its own sign of that.

| guard | what the body has to have |
|---|---|
| G0 | nothing |
| G1 | `confirm`: true, or the hash of the deed's effect |
| G2 | `confirm`: the hash of the deed's effect, as the refusal (428) tells it: of this deed with these arguments |
| G3 | as G2, and `password`: the own password of whoever asks |

The answer is 202 and where the command is followed; its end is never told before it is known.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint.action_kinds import Action, BadRequest
from chargepoint.action_table import ACTIONS
from chargepoint.actions import checked
from chargepoint.guards import Guard
from chargepoint.messages import CheckPassword
from chargepoint.rights import Right
from webconfig.answers import Answer, Json, Problem
from webconfig.ask import Ask
from webconfig.commands.at_work import AtWork
from webconfig.commands.commands import Busy, Commands
from webconfig.commands.record import MEANT, Command, deed_of, effect_hash
from webconfig.commands.wording import against, effect, missing
from webconfig.feed import shown_command
from webconfig.pages.dashboard import numbers
from webconfig.pages.deeds import unmet_now
from webconfig.routes import get, post

KEY_CHARACTERS = 100
Word = Annotated[str, Meta(min_length=1, max_length=60)]


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command: `command` is a deed of /deeds, or a word of the project's vocabulary (CONNECTOR_STOP). `arguments` are
    those of the deed, without the connector of the path. `confirm` and `password` as its guard wants it."""

    command: Word
    arguments: dict[Word, int | Annotated[str, Meta(max_length=500)]] = {}
    confirm: bool | Annotated[str, Meta(max_length=64)] = False
    password: Annotated[str, Meta(max_length=200)] = ""


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The command was taken; `path` is where its life is followed."""

    id: int
    status: str
    path: str


class CommandList(msgspec.Struct, frozen=True):
    """The last commands, newest first (at most 200)."""

    commands: tuple[Command, ...]


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One deed that may be asked for. `confirm` without arguments; with arguments a refusal tells it."""

    name: str
    effect: str
    guard: str
    right: str
    arguments: dict[str, str]
    needs: tuple[str, ...]
    is_forced: bool
    missing: str


class Deeds(msgspec.Struct, frozen=True):
    deeds: tuple[Deed, ...]


class There(msgspec.Struct, frozen=True):
    """`there`: the station knows that somebody is at work."""

    there: bool


async def connector_command(ask: Ask) -> Answer:
    number = ask.number("n", 1, 64)
    if number not in numbers(ask):
        raise Problem(404, "not_found", ask.text("connectors.unknown"))
    order = ask.body(Order)
    action = _action(ask, order)
    if not any(one.name == "connector" for one in action.arguments):
        text = f"{action.name} is about no connector; send it to /api/v1/station/commands."
        raise Problem(422, "invalid", text, {"command": "not of a connector"})
    if "connector" in order.arguments:
        raise Problem(422, "invalid", "The connector stands in the path.", {"arguments.connector": "not here"})
    return await ordered(ask, order, action, {"connector": str(number)})


async def station_command(ask: Ask) -> Answer:
    order = ask.body(Order)
    return await ordered(ask, order, _action(ask, order), {})


async def dump_start(ask: Ask) -> Answer:
    return await _dump(ask, "start_dump")


async def dump_stop(ask: Ask) -> Answer:
    return await _dump(ask, "stop_dump")


async def _dump(ask: Ask, deed: str) -> Answer:
    number = ask.number("n", 1, 64)
    if number not in numbers(ask):
        raise Problem(404, "not_found", ask.text("connectors.unknown"))
    order = Order(command=deed)
    return await ordered(ask, order, ACTIONS[deed], {"connector": str(number)})


def _action(ask: Ask, order: Order) -> Action:
    try:
        return ACTIONS[deed_of(order.command)]
    except KeyError:
        text = f"There is no command {order.command!r}; GET /api/v1/deeds lists them."
        raise Problem(422, "invalid", text, {"command": "unknown"}) from None


async def ordered(ask: Ask, order: Order, action: Action, given: dict[str, str]) -> Answer:
    """Look at right, arguments and guard, then begin it. Raises Problem 403, 409, 422, 428, 429, 503."""
    commands: Commands = ask.site.part(Commands)
    if not ask.may(action.right):
        raise Problem(403, "no_right", ask.text("problem.no_right"))
    said = {name: str(value) for name, value in order.arguments.items()}
    arguments = {**given, **said, **MEANT.get(order.command, {})}
    try:
        checked(action, arguments)
    except BadRequest as error:
        raise Problem(422, "invalid", str(error), {"arguments": str(error)}) from None
    key = _idempotency_key(ask)
    before = commands.of_key(ask.login, key)
    if before is not None:
        if (before.deed, before.arguments) != (action.name, arguments):
            raise Problem(422, "key_reused", f"This Idempotency-Key is that of command {before.id}, another one.")
        return _accepted(before)
    if action.missing:
        raise Problem(409, "not_available", missing(ask.words, action.name))
    await _check_guard(ask, order, action, arguments)
    unmet = unmet_now(ask, action, arguments)
    if unmet and action.guard > Guard.G0:
        told = "; ".join(against(ask.words, one) for one in unmet)
        raise Problem(409, "not_now", told, {one.need.value: one.text for one in unmet})
    if action.is_forced and ask.visitor is not None and not await ask.site.part(AtWork).seen(ask.visitor):
        raise Problem(503, "busy", ask.text("deed.too_many_at_work"))
    try:
        command = commands.of_key(ask.login, key) or await commands.order(
            action.name, arguments, ask.asker, guard=action.guard, origin=ask.origin, key=key
        )
    except Busy:
        raise Problem(503, "busy", ask.text("deed.busy"), headers={"Retry-After": "5"}) from None
    return _accepted(command)


async def _check_guard(ask: Ask, order: Order, action: Action, arguments: dict[str, str]) -> None:
    sign = effect_hash(action.name, arguments)
    is_meant = order.confirm == sign or (order.confirm is True and action.guard <= Guard.G1)
    if action.guard > Guard.G0 and not is_meant:
        wanted = "true" if action.guard is Guard.G1 else sign
        fields = {"guard": action.guard.name, "confirm": wanted, "effect": effect(ask.words, action.name, arguments)}
        if action.guard is Guard.G3:
            fields["password"] = "your own"  # noqa: S105 - a word about it
        raise Problem(428, "not_confirmed", f"{fields['effect']} Confirm it by confirm = {wanted}.", fields)
    if action.guard is not Guard.G3:
        return
    if not order.password:
        raise Problem(428, "not_confirmed", ask.text("deed.password_hint"), {"guard": "G3", "password": "your own"})
    answer = await ask.call("hub", CheckPassword(login=ask.login, password=order.password))
    if answer.code == "wait":
        raise Problem(429, "wait", ask.text("deed.wait"), headers={"Retry-After": "60"})
    if not answer.ok:
        raise Problem(403, "wrong_password", ask.text("deed.not_him"))


def _idempotency_key(ask: Ask) -> str:
    key = ask.request.headers.get("Idempotency-Key", "").strip()
    if len(key) > KEY_CHARACTERS or not key.isprintable():
        raise Problem(422, "invalid", f"Idempotency-Key has at most {KEY_CHARACTERS} printable characters.")
    return f"api:{key}" if key else ""


def _accepted(command: Command) -> Answer:
    path = f"/api/v1/commands/{command.id}"
    return Json(Accepted(id=command.id, status=command.status.value, path=path), status=202)


async def command(ask: Ask) -> Answer:
    found = ask.site.part(Commands).get(ask.number("id"))
    if found is None:
        raise Problem(404, "not_found", ask.text("command.unknown"))
    return Json(shown_command(found))


async def commands(ask: Ask) -> Answer:
    return Json(CommandList(tuple(shown_command(one) for one in ask.site.part(Commands).newest())))


async def deeds(ask: Ask) -> Answer:
    found = [
        Deed(
            name=name,
            effect=action.effect,
            guard=action.guard.name,
            right=action.right.value,
            arguments={one.name: one.words for one in action.arguments},
            needs=tuple(need.value for need in action.needs),
            is_forced=action.is_forced,
            missing=action.missing,
        )
        for name, action in ACTIONS.items()
        if ask.may(action.right)
    ]
    return Json(Deeds(tuple(found)))


async def presence(ask: Ask) -> Answer:
    assert ask.visitor is not None
    return Json(There(await ask.site.part(AtWork).seen(ask.visitor)))


STATUSES = (403, 404, 409, 422, 428, 429, 503)
ROUTES = (
    post(
        "/api/v1/connectors/{n}/commands", connector_command, Right.OPERATE, body=Order, gives=Accepted,
        summary="Ask for a deed at a connector", tag="commands", statuses=(202, *STATUSES), body_bytes=8192,
    ),
    post(
        "/api/v1/station/commands", station_command, Right.OPERATE, body=Order, gives=Accepted,
        summary="Ask for a deed of the station", tag="commands", statuses=(202, *STATUSES), body_bytes=8192,
    ),
    post(
        "/api/v1/connectors/{n}/dump/start", dump_start, Right.DOWNLOAD, gives=Accepted,
        summary="Begin to tell what connector and vehicle say (topic dump.N)", tag="commands",
        statuses=(202, 403, 404, 503), body_bytes=0,
    ),
    post(
        "/api/v1/connectors/{n}/dump/stop", dump_stop, Right.DOWNLOAD, gives=Accepted, summary="End that",
        tag="commands", statuses=(202, 403, 404, 503), body_bytes=0,
    ),
    get(
        "/api/v1/commands", commands, Right.SEE, gives=CommandList, summary="The last commands", tag="commands",
    ),
    get(
        "/api/v1/commands/{id}", command, Right.SEE, gives=Command, summary="A command and its life", tag="commands",
        statuses=(404,),
    ),
    get("/api/v1/deeds", deeds, Right.OPERATE, gives=Deeds, summary="What can be asked for", tag="commands"),
    post(
        "/api/v1/presence", presence, Right.SERVICE, gives=There, body_bytes=0, is_noted=False, is_passive=True,
        summary="Say, each few seconds, that somebody is at work: what is forced goes on as long", tag="commands",
    ),
)  # fmt: skip
