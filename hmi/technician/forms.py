"""Values that are set on the pages: steps of the test session, a parameter, a limit, the draft, cards. Pure."""

from __future__ import annotations

import random

import msgspec
from msgspec.structs import replace

from chargepoint.messages import ActionResult, BindCard, ControllerPage, SignalReader, WriteDraft
from hmi.flow import stack
from hmi.flow.words import Ask, Heard, Result
from hmi.technician import deeds, questions
from hmi.technician.desk import Outcome
from hmi.view import Place, Seen

MODES = ("ev", "load", "dry")
PATTERNS = ("white", "black", "red", "green", "blue", "grid")


class Step(msgspec.Struct, frozen=True):
    """A value that is set by steps: where it begins, its bounds, what it may be."""

    begin: float
    values: tuple[float, ...]


STEPS: dict[str, Step] = {
    "power": Step(5.0, (0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300, 400)),
    "minutes": Step(3.0, (1, 2, 3, 5, 10, 15, 20, 30, 45, 60)),
    "energy": Step(1.0, (0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 15, 20, 30, 50)),
    "volts": Step(400.0, (50, 100, 200, 300, 400, 500, 600, 700, 750, 800, 900, 1000)),
    "amps": Step(10.0, (1, 2, 5, 10, 16, 20, 32, 50, 63, 80, 100, 125, 150, 200, 250)),
}
"""Form of the test session: kW, minutes, kWh, V, A (technician.md 5)."""


def value_of(place: Place, name: str) -> float:
    """What a value of the form is now."""
    try:
        return float(place.fields.get(name) or STEPS[name].begin)
    except ValueError:
        return STEPS[name].begin


def mode_of(place: Place) -> str:
    mode = place.fields.get("mode", "")
    return mode if mode in MODES else MODES[0]


def highest(place: Place, seen: Seen) -> dict[str, float]:
    """The form's upper bounds: what is fitted at this connector."""
    number = questions.connector_of(place, seen)
    fitted = next((each for each in seen.shop.connectors if each.number == number), None)
    if fitted is None:
        return {}
    found = {"power": fitted.max_power_w / 1000, "amps": fitted.max_current_a}
    return found | ({"volts": fitted.max_voltage_v} if fitted.max_voltage_v else {})


def arguments(place: Place, seen: Seen) -> dict[str, str]:
    """The deed `start_test` as the form has it."""
    bounds, mode = highest(place, seen), mode_of(place)
    power_kw = min(value_of(place, "power"), bounds.get("power", 5.0))
    found = {
        "connector": str(questions.connector_of(place, seen)),
        "mode": mode,
        "power_w": str(round(power_kw * 1000)),
        "duration_min": str(round(value_of(place, "minutes"))),
        "energy_wh": str(round(value_of(place, "energy") * 1000)),
    }
    if mode == "load":
        found["voltage_v"] = str(round(min(value_of(place, "volts"), bounds.get("volts", 1000.0))))
        found["current_a"] = str(round(min(value_of(place, "amps"), bounds.get("amps", 10.0))))
    return found


def stepped(place: Place, argument: str) -> Place:
    """`power:+`, `minutes:-`, `mode:load`."""
    name, _, way = argument.partition(":")
    if name == "mode":
        return stack.with_fields(place, mode=way) if way in MODES else place
    step = STEPS.get(name)
    if step is None or way not in ("+", "-"):
        return place
    now = value_of(place, name)
    if way == "+":
        found = next((each for each in step.values if each > now + 1e-9), step.values[-1])
    else:
        found = next((each for each in reversed(step.values) if each < now - 1e-9), step.values[0])
    return stack.with_fields(place, **{name: f"{found:g}"})


def edited(place: Place, name: str) -> Place:
    """The pad for a number: a parameter, a limit, a key of the station file."""
    desk = place.desk
    if desk is None or place.screen not in ("ChargeControllerTestPage", "TechnikConfig"):
        return place
    made = stack.with_fields(place, edit=name[:60], page="0")
    return replace(made, desk=replace(desk, field="value", typed={**desk.typed, "value": ""}, said=""))


def bounds_of(place: Place, seen: Seen) -> tuple[int, int] | None:
    """Within which the number on the pad has to be; None: there is no such thing."""
    name = place.fields.get("edit", "")
    if place.screen == "TechnikConfig":
        return (0, 10_000_000) if name in keys(seen) else None
    desk = place.desk
    page = None if desk is None else desk.replies.get(f"controller {questions.connector_of(place, seen)}")
    if not isinstance(page, ControllerPage):
        return None
    return next(((each.minimum, each.maximum) for each in page.parameters if each.name == name), None)


def keys(seen: Seen) -> tuple[str, ...]:
    """Keys of the station file that can be set here."""
    numbers = [each.number for each in seen.shop.connectors]
    each = [f"connector.{n}.{what}" for n in numbers for what in ("max_power_w", "max_current_a")]
    return ("station.power_limit_w", *each)


def entered(place: Place, seen: Seen, now_s: float, rng: random.Random | None) -> Result:
    """The number on the pad is meant: a parameter by its guard, a key of the file into the draft."""
    desk, name = place.desk, place.fields.get("edit", "")
    bounds = bounds_of(place, seen)
    if desk is None or not name or bounds is None:
        return place, ()
    try:
        number = int(desk.typed_in("value"))
    except ValueError:
        return replace(place, desk=replace(desk, said="tech.number_wanted")), ()
    if not bounds[0] <= number <= bounds[1]:
        values = {"low": str(bounds[0]), "high": str(bounds[1])}
        return replace(place, desk=replace(desk, said="tech.out_of_range", said_values=values)), ()
    if place.screen == "TechnikConfig":
        wish = Ask("hub", WriteDraft(changes={name: str(number)}, by=place.staff), "draft", is_whole=True)
        made = stack.with_fields(place, edit="", show="difference")
        return replace(made, desk=replace(desk.without_secrets(), is_asking=True)), (wish,)
    values = {"connector": str(questions.connector_of(place, seen)), "name": name, "value": str(number)}
    closed = stack.with_fields(place, edit="")
    return deeds.asked(closed, desk, "write_parameter", values, seen, now_s, rng)


def pattern(place: Place, name: str) -> Place:
    """The screen test: a colour over all, the grid for fingers; `next` the one after."""
    if place.screen != "TechnikPcManagementPage":
        return place
    now = place.fields.get("pattern", "")
    if name == "next" and now in PATTERNS:
        at = PATTERNS.index(now) + 1
        return stack.with_fields(place, pattern=PATTERNS[at] if at < len(PATTERNS) else "", seen="")
    if name.startswith("cell") and now == "grid":
        seen = set(place.fields.get("seen", "").split()) | {name[4:8]}
        return stack.with_fields(place, seen=" ".join(sorted(seen)))
    if name == "end":
        return stack.with_fields(place, pattern="", seen="")
    return stack.with_fields(place, pattern=name, seen="") if name in PATTERNS else place


def draft(place: Place, what: str) -> Result:
    """The draft of the station file is dropped."""
    if place.screen != "TechnikConfig" or what != "drop" or place.desk is None:
        return place, ()
    wish = Ask("hub", WriteDraft(by=place.staff), "draft", is_whole=True)
    return replace(place, desk=replace(place.desk, is_asking=True)), (wish,)


def bind(place: Place, what: str) -> Result:
    """The card that was held last is bound to him, or unbound."""
    desk = place.desk
    if place.screen != "TechnikBindCard" or desk is None or not desk.cards or desk.is_asking:
        return place, ()
    if what not in ("on", "off"):
        return place, ()
    request = BindCard(login=place.staff, card=desk.cards[-1].uid, is_bound=what == "on", by=place.staff)
    return replace(place, desk=replace(desk, is_asking=True)), (Ask("hub", request, "card", is_whole=True),)


def beep(place: Place, name: str) -> Result:
    """A reader shows and sounds that a card was accepted."""
    desk = place.desk
    if place.screen != "RfidReaderTestPage" or desk is None or desk.is_asking or not name:
        return place, ()
    wish = Ask("rfid", SignalReader(name=name[:40], by=place.staff), "beep", is_whole=True)
    return replace(place, desk=replace(desk, is_asking=True)), (wish,)


def heard(place: Place, event: Heard, now_s: float) -> Place:
    """What came of a draft or a card, told as that of a deed."""
    desk = place.desk
    if desk is None or not place.staff:
        return place
    result = event.reply
    if not isinstance(result, ActionResult):
        result = ActionResult(ok=False, code="unavailable", text=event.text)
    result = msgspec.structs.replace(result, action=f"tech_{event.tag}")
    cards = () if event.tag == "card" else desk.cards
    made = replace(desk, is_asking=False, cards=cards, outcome=Outcome(result.action, {}, result, now_s))
    return replace(place, desk=made)
