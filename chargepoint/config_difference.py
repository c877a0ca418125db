"""What two station files differ in, by their values: for people, for how carefully they are asked back, for a merge.

Pure. Sections of a list are matched by their number or name, those without by their place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from chargepoint.config_edit import CannotEdit, added, changed, removed
from chargepoint.config_faults import shown_of
from chargepoint.config_schema import section_label
from chargepoint.config_text import loads

MOST_CHANGES = 1000
NO_KEY = ""

IDENTITY: dict[str, frozenset[str]] = {
    "station": frozenset(
        {"name", "vendor", "model", "charge_point_serial_number", "charge_box_serial_number", "operating_mode", "meter"}
    ),
    "connector": frozenset(
        {"number", "type", "driver", "port", "address", "bus", "modules", "meter", "insulation", "contactor",
         "accept_no_fail_safe"}
    ),
}  # fmt: skip
"""Keys that say what this station is and how it is wired."""
GRAVE = frozenset({"port", "modules", "group", "switch", "insulation", "io", "input", "output", "ocpp", "web"})
"""Sections in which every change counts so: what hangs where, who commands it, and by which way people reach it."""
NETWORK = frozenset({"ocpp", "web"})
NETWORK_KEYS = frozenset({"host", "url", "proxy"})


class Change(msgspec.Struct, frozen=True):
    """One difference. `place` is what people read (`[[connector]] 1`), `key` empty for a whole section. `old`, `new`:
    as it stands in the file, None where there is nothing; what is called like a secret is not repeated."""

    section: str
    place: str
    key: str
    old: str | None
    new: str | None


Flat = dict[tuple[str, str, str], Any]
"""(section, place, key) -> value; key empty: that the section is there."""


def flat(document: Mapping[str, Any]) -> Flat:
    """A document by place and key."""
    found: Flat = {}
    for name, value in document.items():
        if isinstance(value, dict):
            _table(found, name, f"[{name}]", value)
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            for number, item in enumerate(value, start=1):
                place = section_label(name, item, number)
                if (name, place, NO_KEY) in found:
                    place = f"{place} (no. {number})"
                found[name, place, NO_KEY] = True
                for key, each in item.items():
                    found[name, place, key] = each
        else:
            found[name, "", name] = value
    return found


def _table(found: Flat, name: str, place: str, table: Mapping[str, Any]) -> None:
    for key, value in table.items():
        if isinstance(value, dict):
            _table(found, name, f"{place[:-1]}.{key}]", value)
        else:
            found[name, place, key] = value


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """What differs, in the order of the new file, then what is gone; at most 1000."""
    before, after = flat(old), flat(new)
    found: list[Change] = []
    for at in (*after, *(each for each in before if each not in after)):
        section, place, key = at
        was, now = before.get(at), after.get(at)
        if at in before and at in after and (was == now and isinstance(was, bool) == isinstance(now, bool)):
            continue
        found.append(
            Change(
                section,
                place,
                key,
                shown_of(key, was) if key and at in before else ("" if at in before else None),
                shown_of(key, now) if key and at in after else ("" if at in after else None),
            )
        )
        if len(found) >= MOST_CHANGES:
            break
    return tuple(found)


def is_grave(changes: Iterable[Change]) -> bool:
    """Whether identity or topology is touched: the asker proves who he is (guard G3)."""
    return any(
        change.section in GRAVE
        or (change.key == NO_KEY and change.place.startswith("[["))
        or change.key in IDENTITY.get(change.section, ())
        for change in changes
    )


def is_network(changes: Iterable[Change]) -> bool:
    """Whether a way to the station or to the central system is touched: it is watched for longer."""
    return any(change.section in NETWORK or change.key in NETWORK_KEYS for change in changes)


class Merged(msgspec.Struct, frozen=True):
    """The text of somebody's changes on top of another file. `conflicts`: keys that both changed; his stand."""

    text: str
    conflicts: tuple[str, ...] = ()


def merge(base: Mapping[str, Any], mine: Mapping[str, Any], theirs_text: str, theirs: Mapping[str, Any]) -> Merged:
    """What was changed from `base` to `mine`, changed in `theirs`. Raises CannotEdit when that goes by hand only."""
    was, want, have = flat(base), flat(mine), flat(theirs)
    text = theirs_text
    conflicts: list[str] = []
    gone = {at[:2] for at in was if at[2] == NO_KEY and at not in want}
    fresh = {at[:2] for at in want if at[2] == NO_KEY and at not in was}
    for at in (*want, *(each for each in was if each not in want)):
        section, place, key = at
        if was.get(at) == want.get(at) or not key or at[:2] in gone or at[:2] in fresh:
            continue
        if have.get(at) != was.get(at) and have.get(at) != want.get(at):
            conflicts.append(f"{place}, {key}")
        text = changed(text, {_path(section, place, key, text): literal(want[at]) if at in want else ""})
    for section, place in sorted(gone):
        if (section, place, NO_KEY) in have:
            text = removed(text, section, _position(section, place, text))
    for section, place in (each for each in dict.fromkeys(at[:2] for at in want) if each in fresh):
        if (section, place, NO_KEY) in have:
            conflicts.append(place)
            continue
        text = added(text, section, {at[2]: literal(want[at]) for at in want if at[:2] == (section, place) and at[2]})
    return Merged(text, tuple(conflicts))


def _path(section: str, place: str, key: str, text: str) -> str:
    if place.startswith("[["):
        return f"{section}.#{_position(section, place, text)}.{key}"
    return f"{place.strip('[]')}.{key}" if place else key


def _position(section: str, place: str, text: str) -> int:

    for number, item in enumerate(loads(text).get(section, ()), start=1):
        if section_label(section, item, number) == place:
            return number
    raise CannotEdit(f"{place} is not in the file any more")


def literal(value: Any) -> str:
    """A value as TOML, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(literal(each) for each in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_bare(str(name))} = {literal(each)}" for name, each in value.items()) + "}"
    if isinstance(value, int | float):
        return repr(value)
    return str(value)


def _bare(name: str) -> str:
    is_bare = bool(name) and all(each.isascii() and (each.isalnum() or each in "_-") for each in name)
    return name if is_bare else json.dumps(name, ensure_ascii=False)
