"""The white and the black list: what an entry may be, changes, files. Pure.

Where they are kept: the settings `access.white` and `access.black`, entries divided by commas; without such a setting
the list of station.toml holds. An entry is a card number or a login. While the white list has entries, nobody else may
charge and the black one is not read (`chargepoint/station/access.py`).
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from chargepoint.config import AccessSettings

NAMES = ("white", "black")
CARD_LONGEST = 20
ENTRY_LONGEST = 150
MOST_ENTRIES = 5000
"""Of each list."""
MOST_CHARACTERS = 150_000
"""Of each list as it is kept; all settings together go into one message of the bus."""


class Lists(msgspec.Struct, frozen=True):
    """Both lists in force. `is_own`: those that were changed here; the others come from station.toml."""

    white: tuple[str, ...] = ()
    black: tuple[str, ...] = ()
    is_own: tuple[str, ...] = ()

    def of(self, name: str) -> tuple[str, ...]:
        return self.white if name == "white" else self.black

    @property
    def version(self) -> str:
        """Another one after each change (If-Match)."""
        return hashlib.sha256(msgspec.json.encode((self.white, self.black))).hexdigest()[:16]


class LineFault(msgspec.Struct, frozen=True):
    """What is wrong with a line of a file; `line` from 1. `code`: empty, separators, too_long, comma, twice, on_both,
    bad_list, columns, too_many. `meant` is what should stand there, where that is known."""

    line: int
    found: str
    code: str
    meant: str = ""


def lists_of(values: Mapping[str, str], settings: AccessSettings) -> Lists:
    """The lists in force by the settings and station.toml."""
    found: dict[str, tuple[str, ...]] = {"white": settings.white, "black": settings.black}
    own = []
    for name in NAMES:
        text = values.get(f"access.{name}")
        if text is not None:
            found[name] = tuple(part.strip() for part in text.split(",") if part.strip())
            own.append(name)
    return Lists(found["white"], found["black"], tuple(own))


def folded(entry: str) -> str:
    """In which form entries are compared."""
    return entry.strip().casefold()


def fault_of(entry: str) -> tuple[str, str]:
    """What is wrong with an entry as a code, and what was meant, where that is clear; ("", "") when it is good."""
    if not entry.strip():
        return "empty", ""
    if "," in entry or not entry.isprintable():
        return "comma", ""
    plain = re.sub(r"[\s:.-]", "", entry)
    is_card = bool(re.fullmatch(r"[0-9A-Fa-f]+", plain))
    if is_card and plain != entry:
        return "separators", plain.upper()
    if len(entry) > (CARD_LONGEST if is_card else ENTRY_LONGEST):
        return "too_long", ""
    return "", ""


def with_entry(lists: Lists, name: str, entry: str) -> tuple[Lists, str, str]:
    """The lists with an entry more, and what is against it (code, meant). One that is on the other list has to be moved
    on purpose: on_both; one that is there already: twice."""
    entry = entry.strip()
    code, meant = fault_of(entry)
    other = "black" if name == "white" else "white"
    if not code and folded(entry) in map(folded, lists.of(name)):
        code = "twice"
    if not code and folded(entry) in map(folded, lists.of(other)):
        code = "on_both"
    after = (*lists.of(name), entry)
    if not code and (len(after) > MOST_ENTRIES or len(",".join(after)) > MOST_CHARACTERS):
        code = "too_many"
    return (lists, code, meant) if code else (_with(lists, name, after), "", "")


def without_entry(lists: Lists, name: str, entry: str) -> Lists:
    return _with(lists, name, tuple(each for each in lists.of(name) if folded(each) != folded(entry)))


def moved(lists: Lists, name: str, entry: str) -> Lists:
    """From the list `name` to the other one."""
    other = "black" if name == "white" else "white"
    kept = next((each for each in lists.of(name) if folded(each) == folded(entry)), "")
    if not kept:
        return lists
    lists = without_entry(without_entry(lists, name, entry), other, entry)
    return _with(lists, other, (*lists.of(other), kept))


def changes(before: Lists, after: Lists) -> dict[str, str | None]:
    """The settings to change."""
    return {f"access.{name}": ",".join(after.of(name)) for name in NAMES if before.of(name) != after.of(name)}


def read_file(text: str) -> tuple[Lists, list[LineFault]]:
    """A csv file: `list,entry` a line (with or without that head; `;` or tabulator, too). All faults at once."""
    faults: list[LineFault] = []
    rows: list[tuple[int, str, str, str]] = []
    text = text.removeprefix("\ufeff")
    separator = max(",;\t", key=lambda each: text[:4000].count(each))
    for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=separator), 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and [cell.lower() for cell in cells[:2]] == ["list", "entry"]):
            continue
        shown = separator.join(row)[:60]
        if len(cells) < 2:
            faults.append(LineFault(number, shown, "columns"))
            continue
        rows.append((number, shown, cells[0].lower(), cells[1].removeprefix("'")))
    lists, wrong = _checked(rows)
    return lists, sorted((*faults, *wrong), key=lambda each: each.line or len(text))


def lists_from(entries: Iterable[tuple[str, str]]) -> tuple[Lists, list[LineFault]]:
    """Both lists of (list, entry), in the time that takes; `line` of a fault is its place from 1, 0: of all."""
    return _checked((number, entry[:60], name, entry.strip()) for number, (name, entry) in enumerate(entries, 1))


def _checked(rows: Iterable[tuple[int, str, str, str]]) -> tuple[Lists, list[LineFault]]:
    found: dict[str, list[str]] = {"white": [], "black": []}
    seen: dict[str, str] = {}
    faults: list[LineFault] = []
    for number, shown, name, entry in rows:
        code, meant = fault_of(entry)
        if name not in NAMES:
            code = "bad_list"
        elif not code and folded(entry) in seen:
            code = "twice" if seen[folded(entry)] == name else "on_both"
        elif not code and len(found[name]) >= MOST_ENTRIES:
            code = "too_many"
        if code:
            faults.append(LineFault(number, shown, code, meant))
            continue
        seen[folded(entry)] = name
        found[name].append(entry)
    for name in NAMES:
        if len(",".join(found[name])) > MOST_CHARACTERS:
            faults.append(LineFault(0, name, "too_many"))
    return Lists(tuple(found["white"]), tuple(found["black"])), faults


def rows_of(lists: Lists) -> Iterable[Sequence[str]]:
    """For a file that `read_file` reads."""
    yield ("list", "entry")
    for name in NAMES:
        for entry in lists.of(name):
            yield (name, entry)


def _with(lists: Lists, name: str, entries: tuple[str, ...]) -> Lists:
    return msgspec.structs.replace(lists, **{name: entries})
