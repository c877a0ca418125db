"""Deeds people ask for, from whatever door: screen, web, central system, command line. Their table: `action_table/`.

`unmet_of` and `why_not` say what speaks against one now, `effect_of` what it will do, `guards.py` how it is confirmed;
`carry_out` asks for it, and turns every way that can fail into a result for people.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec

from chargepoint.action_kinds import ADMINISTRATORS, STAFF, TIMEOUT_S, Action, Argument, Asker, BadRequest, Values
from chargepoint.action_table import ACTIONS
from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.guards import Guard, Pass
from chargepoint.messages import ActionResult, ConnectorState, Noted, Request, State, StationState
from chargepoint.preconditions import Look, States, Unmet, unmet
from chargepoint.rights import has
from chargepoint.vocabulary import EventType

__all__ = [
    "ACTIONS", "ADMINISTRATORS", "STAFF", "TIMEOUT_S", "Action", "Argument", "Asker", "BadRequest", "Guard", "Unmet",
    "carry_out", "checked", "effect_of", "may", "request_of", "states_now", "unmet_of", "why_not",
]  # fmt: skip

MOST_CONNECTORS = 64
WHOLE = re.compile(r"-?[0-9]{1,12}", re.ASCII)
STATES_WITHIN_S = 1.0
"""So long the states are waited for before a deed that depends on them."""


def may(action: Action, asker: Asker) -> bool:
    """Whether this role may ask for it at all."""
    return has(asker.role, action.right)


def unmet_of(action: Action, states: States, arguments: Values, now_s: float | None = None) -> tuple[Unmet, ...]:
    """What speaks against the deed now, by the states of the bus; `now_s` (monotonic) where their age counts."""
    if action.missing:
        return ()
    needs = [need for need in action.needs if _number(arguments, action.waives.get(need, "")) != 1]
    return unmet(needs, Look(states, _number(arguments, "connector"), now_s))


def why_not(action: Action, states: States, arguments: Values, now_s: float | None = None) -> str:
    """Why its button does nothing now, in words; empty when it may be pressed."""
    if action.missing:
        return action.missing
    found = unmet_of(action, states, arguments, now_s)
    return found[0].text if found else ""


def _number(arguments: Values, name: str) -> int:
    try:
        return int(arguments[name])
    except (KeyError, TypeError, ValueError, OverflowError):
        return 0


def request_of(name: str, arguments: Values, asker: Asker) -> Request[ActionResult]:
    """The bus request of a deed. Raises BadRequest with every fault of the arguments, or for a role that may not."""
    action = _action(name)
    if not may(action, asker):
        allowed = " or ".join(sorted(role.value for role in action.roles))
        raise BadRequest(f"{name}: {asker.login} is {asker.role.value}; this takes {allowed}.")
    if action.make is None:
        raise BadRequest(f"{name}: {action.missing}")
    return action.make(checked(action, arguments), asker)


def checked(action: Action, arguments: Values) -> dict[str, Any]:
    """The arguments as the deed takes them; a number may come as text. Raises BadRequest with every fault."""
    known = {argument.name: argument for argument in action.arguments}
    faults = [
        f"{str(key)[:40]!r} is no argument of it; those are {', '.join(known) or 'none'}"
        for key in arguments
        if key not in known
    ]
    values: dict[str, Any] = {}
    for argument in action.arguments:
        given = arguments.get(argument.name)
        if given is None:
            if argument.is_needed:
                faults.append(f"{argument.name} is missing ({argument.words})")
            continue
        try:
            values[argument.name] = _value(argument, given)
        except ValueError as error:
            faults.append(f"{argument.name} = {str(given)[:40]!r} {error}")
    if faults:
        raise BadRequest(f"{action.name}: {'; '.join(faults)}.")
    return values


def _value(argument: Argument, given: object) -> int | str:
    if argument.kind is int:
        if isinstance(given, bool) or not isinstance(given, int | str):
            raise ValueError("is no whole number")
        if isinstance(given, str) and not WHOLE.fullmatch(given):
            raise ValueError("is no whole number")
        number = int(given)
        if not argument.minimum <= number <= argument.maximum:
            raise ValueError(f"is not within {argument.minimum} to {argument.maximum}")
        return number
    if not isinstance(given, str):
        raise ValueError("is no text")
    if not argument.minimum <= len(given) <= argument.maximum or not given.isprintable():
        raise ValueError(f"is not {argument.minimum} to {argument.maximum} printable characters")
    if argument.choices and given not in argument.choices:
        raise ValueError(f"is none of {', '.join(argument.choices)}")
    return given


async def states_now(bus: Bus) -> dict[str, State]:
    """All retained states, as far as they arrive within a second."""
    view = bus.watch("")

    def is_whole() -> bool:
        station = view.get("station")
        return isinstance(station, StationState) and all(
            isinstance(view.get(f"connector/{number}"), ConnectorState) for number in station.connectors
        )

    end_s = asyncio.get_running_loop().time() + STATES_WITHIN_S
    try:
        while not is_whole() and asyncio.get_running_loop().time() < end_s:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        found = {topic: view.get(topic) for topic in view.topics()}
    finally:
        view.close()
    return {topic: state for topic, state in found.items() if state is not None}


async def carry_out(
    bus: Bus,
    name: str,
    arguments: Values,
    asker: Asker,
    timeout_s: float | None = None,
    *,
    passed: Pass | None = None,
) -> ActionResult:
    """Ask for the deed and wait for what came of it; both are noted in the operation log. Raises nothing of the bus.

    `passed`: its guard was passed (`guards.py`); without it only deeds of G0 are done. What has to hold before is
    looked at once more, and by the service again where it is about safety. Codes beside those of the request:
    bad_request, not_available, not_confirmed, not_now, unavailable (`values` has `maybe_done` when it may have been
    done all the same), no_answer, failed.
    """
    begun_s = asyncio.get_running_loop().time()
    result = await _carried_out(bus, name, arguments, asker, timeout_s, passed)
    if result.code in ("bad_request", "not_confirmed"):
        if name in ACTIONS and not may(ACTIONS[name], asker):  # somebody tries what is not his
            bus.publish(
                Noted(
                    event_type=_event_type(ACTIONS[name], asker),
                    action="Refused",
                    message=f"{name} by {asker.login}, who is {asker.role.value}",
                    error="no right",
                )
            )
        return _with_keys(result, name, 0)
    result = _with_keys(result, name, round((asyncio.get_running_loop().time() - begun_s) * 1000))
    told = ", ".join(f"{key} {value}" for key, value in arguments.items())
    bus.publish(
        Noted(
            event_type=_event_type(ACTIONS[name], asker),
            action="Success" if result.ok else "Failed",
            message=f"{name} {told} by {asker.login}".replace("  ", " ")[:500],
            error="" if result.ok else f"{result.code}: {result.text}"[:500],
            connector=_noted_connector(arguments),
        )
    )
    return result


async def _carried_out(
    bus: Bus, name: str, arguments: Values, asker: Asker, timeout_s: float | None, passed: Pass | None
) -> ActionResult:
    action = ACTIONS.get(name)
    if action is not None and action.missing and may(action, asker):
        return ActionResult(ok=False, code="not_available", text=action.missing)
    try:
        request = request_of(name, arguments, asker)
    except BadRequest as error:
        return ActionResult(ok=False, code="bad_request", text=str(error))
    action = ACTIONS[name]
    now_s = asyncio.get_running_loop().time()
    if action.guard > Guard.G0 and (passed is None or not passed.fits(name, arguments, action.guard, now_s)):
        text = f"{name} has to be confirmed first (guard {action.guard.name})."
        return ActionResult(ok=False, code="not_confirmed", text=text)
    if action.needs:
        against = unmet_of(action, await states_now(bus), arguments, now_s)
        if against:
            first = against[0]
            return ActionResult(ok=False, code="not_now", text=first.text, text_key=first.key, values=first.values)
    return await _asked(bus, action, request, timeout_s or action.timeout_s)


async def _asked(bus: Bus, action: Action, request: Request[ActionResult], timeout_s: float) -> ActionResult:
    try:
        return await bus.call(action.service, request, timeout_s=timeout_s)
    except Unavailable as error:
        again = "whether it was done is not known" if error.maybe_done else "nothing was done, try again in a moment"
        values = {"maybe_done": "1"} if error.maybe_done else {}
        return ActionResult(
            ok=False, code="unavailable", text=f"{action.service} is not there: {again}.", values=values
        )
    except TimeoutError:
        text = f"{action.service} did not answer in {timeout_s:g} s: whether it was done is not known."
        return ActionResult(ok=False, code="no_answer", text=text)
    except CallFailed as error:
        return ActionResult(ok=False, code="failed", text=str(error))


def _with_keys(result: ActionResult, name: str, duration_ms: int) -> ActionResult:
    key = result.text_key or f"result.{name[:40]}.{result.code}"
    return msgspec.structs.replace(result, action=name[:40], text_key=key, duration_ms=duration_ms)


def _event_type(action: Action, asker: Asker) -> EventType:
    """What somebody does at the station is a technician's action, whatever it is; an emergency stays one."""
    if asker.is_local and action.event_type is not EventType.EMERGENCY:
        return EventType.TECHNICIAN_ACTION
    return action.event_type


def effect_of(name: str, arguments: Values) -> str:
    """The sentence people read before they confirm. Raises BadRequest."""
    action = _action(name)
    return action.effect.format(**checked(action, arguments))


def _noted_connector(arguments: Values) -> int | None:
    try:
        number = int(arguments["connector"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return number if 0 < number <= MOST_CONNECTORS else None


def _action(name: str) -> Action:
    if name not in ACTIONS:
        raise BadRequest(f"There is no deed {name[:40]!r}, only: {', '.join(ACTIONS)}.")
    return ACTIONS[name]
