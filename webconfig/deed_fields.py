"""The arguments of a deed as fields of a form and as facts: what can be chosen is offered by name."""

from __future__ import annotations

from collections.abc import Iterator

import htpy as h

from chargepoint.action_kinds import Action, Argument
from chargepoint.controller_images import BadFile, listed
from chargepoint.messages import ServiceState, StationState
from webconfig.ask import Ask
from webconfig.commands.wording import argument
from webconfig.layout import choice, field

TOPICS: dict[tuple[str, str], str] = {
    ("restart", "service"): "service/",
    ("restart_reader", "reader"): "reader/",
    ("test_reader", "reader"): "reader/",
    ("test_meter", "name"): "meter/",
    ("exclude_module", "name"): "modules/",
    ("include_module", "name"): "modules/",
    ("clear_input", "name"): "input/",
    ("clear_output", "name"): "output/",
}
"""Where the names that a deed can be about are told."""
SWITCHES = frozenset({"on", "new", "end_sessions", "running", "spare", "wait", "keep"})


def argument_fields(ask: Ask, action: Action, given: dict[str, str]) -> Iterator[h.Node]:
    """A labelled field for each argument."""
    for one in action.arguments:
        value = given.get(one.name, "")
        label = argument(ask.words, one)
        hint = "" if one.is_needed else ask.text("deed.optional")
        options = choices(ask, action, one)
        if options:
            blank = [] if one.is_needed else [("", "–")]
            yield choice(one.name, label, [*blank, *options], value, hint)
        elif one.kind is int:
            bounds = ask.text("deed.range", least=one.minimum, most=one.maximum)
            yield field(
                one.name, label, value, kind="number", hint=f"{bounds}; {hint}".rstrip("; "), min=str(one.minimum),
                max=str(one.maximum), required=one.is_needed, inputmode="numeric",
            )  # fmt: skip
        else:
            yield field(one.name, label, value, hint=hint, maxlength=str(one.maximum), required=one.is_needed)


def argument_facts(ask: Ask, action: Action, given: dict[str, str]) -> list[tuple[str, h.Node]]:
    """What was chosen, in words."""
    found: list[tuple[str, h.Node]] = []
    for one in action.arguments:
        if one.name in given:
            named = dict(choices(ask, action, one))
            found.append((argument(ask.words, one), named.get(given[one.name], given[one.name])))
    return found


def _images(ask: Ask) -> list[tuple[str, str]]:
    """The firmware of controllers that packages brought."""
    try:
        found = listed(ask.site.context.layout.slots)
    except BadFile:
        return []  # it is typed then, and the station says what is wrong
    return [(each.file, f"{each.type} {each.version} · {each.image}".replace("  ", " ")) for each in found]


def choices(ask: Ask, action: Action, one: Argument) -> list[tuple[str, str]]:
    """What there is to choose from, as (value, text); empty: it is typed."""
    if one.choices:
        return [(name, name) for name in one.choices]
    if one.name in SWITCHES:
        return [("1", ask.text("deed.yes")), ("0", ask.text("deed.no"))]
    if one.name == "connector":
        station = ask.site.state("station", StationState)
        numbers = sorted(station.connectors) if station else []
        whole = ask.text("deed.station" if action.name == "user_limit" else "deed.all")
        zero = [("0", whole)] if one.minimum == 0 and numbers else []
        return [*zero, *((str(number), str(number)) for number in numbers)]
    if (action.name, one.name) == ("update_controller", "file"):
        return _images(ask)
    prefix = TOPICS.get((action.name, one.name), "")
    if not prefix:
        return []
    names = [topic[len(prefix) :] for topic in ask.site.states.topics() if topic.startswith(prefix)]
    if prefix == "service/":
        names = [name for name in names if ask.site.state(prefix + name, ServiceState) is not None]
    return [(name, name) for name in names]
