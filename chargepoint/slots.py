"""Which of the three trees of software runs: the factory's, slot `a` or slot `b` (docs/updates.md, Slots).

A program of its own beside being a module: start.sh runs a copy of this file with the system's Python (3.10 or newer,
`python3 -I slots.py`), so it uses the standard library only and nothing of the trees it chooses between.

The folder of slots holds `a` and `b`, the link `current`, `slots.json` (what this module knows; `slots-1.json` is the
generation before, each with its checksum) and `floor.json`. slots.json is the truth and is written whole or not at all;
the link follows it and is put right at each start. Whoever fills a slot: `open_slot`, then the files, `release.json` as
the last of them, all synced, then `mark_ready`.

A version on trial is given up when it ends badly, when it was cut twice before it was kept, or when it is asked for.
Then comes the version before, then the other slot, then the factory's, of which there is always one to try.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

FACTORY, SLOTS = "factory", ("a", "b")
KEPT, RETURNED = "kept", "returned"
STATE, BEFORE, FLOOR, FLOOR_BEFORE, LINK, LOCK = (
    "slots.json", "slots-1.json", "floor.json", "floor-1.json", "current", ".lock",
)  # fmt: skip
RELEASE = "release.json"
LARGEST_BYTES = 1 << 20

ORDERLY = (0, 10, 11, 12, 20, 21, 30)
"""Exit codes of a station that ended as it was asked to."""
OCCUPIED = 4
"""Exit code of a station that was refused because another one runs on its data: as if it had not been started."""
CUTS_ALLOWED = 1
"""The second time that a version on trial vanished without an end, it is given up at the next start."""
STARTS_ALLOWED = 10
"""Starts of one trial, orderly ends between them included."""
DOUBTED_AFTER = 3
"""Bad ends in a row after which a kept version has to show that its files can be loaded."""
GOOD_RUN_S = 3600.0
"""A run of this length takes doubts away."""
PROBE_LIMIT_S = 60.0
STOP_LIMIT_S = 15.0
"""What a station that is given up has for an orderly end."""
REFUSED_KEPT = 20
_NOWHERE = subprocess.DEVNULL


class SlotsError(Exception):
    """It cannot be done; the text says why."""


@dataclass(frozen=True)
class Slots:
    """What is known of the slots. `current` and `previous` are factory, a or b (`previous` may be empty: none).

    `ready`: the slot that is staged and waits for `switch`. `trial`: `current` is not kept yet; `starts` of that trial,
    `orderly` ends of it. `failures`: bad ends of a kept version in a row. `versions`: of each filled slot what
    `mark_ready` was told ("version", "kind", "sha256", "web_version", "floor"), and "held": "yes" once it was kept.
    `outcome` of the last switch: kept, returned, or empty; with the `reason`. `refused`: SHA-256 of packages that did
    not hold. `factory_version`: what the package of the system brought. `other`: words of later software.
    """

    current: str = FACTORY
    previous: str = ""
    ready: str = ""
    trial: bool = False
    starts: int = 0
    orderly: int = 0
    failures: int = 0
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    outcome: str = ""
    reason: str = ""
    refused: tuple[str, ...] = ()
    factory_version: str = ""
    other: dict[str, Any] = field(default_factory=dict)


# ------------------------------------------------------------------------------------------------------ asking


def read(slots: Path) -> Slots:
    """The state as far as it can be read: else the generation before, else what the link says, else the factory's."""
    return _load(slots)[0]


def free_slot(state: Slots) -> str:
    """The slot that may be filled: neither the one that runs nor, where there is a choice, the one before it."""
    if state.current != FACTORY:
        return "b" if state.current == "a" else "a"
    return "b" if state.previous == "a" else "a"


def tree_of(slots: Path, factory: Path, name: str) -> Path:
    """Where the tree of that name lies."""
    return factory if name == FACTORY else slots / name


def release_of(tree: Path) -> str:
    """The version that a tree says it is; empty when it says none."""
    try:
        release = json.loads((tree / RELEASE).read_bytes()[:LARGEST_BYTES])
        version = release.get("version") if isinstance(release, dict) else None
    except (OSError, ValueError, RecursionError):
        return ""
    return version if isinstance(version, str) else ""


def is_whole(tree: Path, version: str = "") -> bool:
    """Whether a tree was filled to its end (and holds this version, where one is named)."""
    found = release_of(tree)
    return bool(found) and version in ("", found) and os.access(tree / "bin/python", os.X_OK)


# ---------------------------------------------------------------------------------------------------- changing


def open_slot(slots: Path) -> Path:
    """Empty the free slot, so that it can be filled; returns its folder.

    Raises OSError; SlotsError on a trial, and while it is what runs still (gone back from, and not restarted since).
    """
    with _change(slots) as change:
        state = change.state
        if state.trial:
            raise SlotsError("The version that runs is on trial; the other slot is the way back.")
        name = free_slot(state)
        with contextlib.suppress(OSError):
            if (slots / LINK).readlink().name == name:
                raise SlotsError(f"Slot {name} runs until the software is restarted.")
        change.write(_without(state, name))
    folder = slots / name
    (folder / RELEASE).unlink(missing_ok=True)
    if folder.is_dir():
        _sync(folder)
        shutil.rmtree(folder)
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    _sync(slots)
    return folder


def mark_ready(slots: Path, slot: str, info: dict[str, str]) -> Slots:
    """That slot is filled and synced: the next `switch` is to it. Raises SlotsError when it is not whole."""
    with _change(slots) as change:
        state = change.state
        if state.trial or slot not in SLOTS or slot == state.current:
            raise SlotsError(f"Slot {slot} may not be filled: {state.current} runs{', on trial' * state.trial}.")
        if not is_whole(slots / slot, info.get("version", "")):
            raise SlotsError(f"Slot {slot} is not whole.")
        bare = _without(state, slot)
        told = {str(key): str(value) for key, value in info.items()}
        return change.write(replace(bare, ready=slot, versions={**bare.versions, slot: told}))


def forget_ready(slots: Path) -> Slots:
    """What is staged shall not be switched to."""
    with _change(slots) as change:
        state = change.state
        return change.write(_without(state, state.ready)) if state.ready else state


def switch(slots: Path) -> Slots:
    """What is staged becomes what runs next, on trial. Raises SlotsError when nothing whole is staged."""
    with _change(slots) as change:
        state = change.state
        name = state.ready
        if not name:
            raise SlotsError("Nothing is staged.")
        if not is_whole(slots / name, _version(state, name)):
            reason = f"Slot {name} was not whole when it was to be switched to."
            change.write(replace(_without(state, name), outcome=RETURNED, reason=reason))
            raise SlotsError(reason)
        new = replace(
            state, current=name, previous=state.current, ready="", trial=True, starts=0, orderly=0, failures=0,
            outcome="", reason="",
        )  # fmt: skip
        return change.write(new)


def start(slots: Path, factory: Path) -> Path:
    """The tree to run now, whole as far as one is; counts the starts of a trial. Never raises: there is the factory's.

    A trial of which no start can be written down (full or broken disk) is not begun: the version before runs.
    """
    state = read(slots)
    try:
        with _change(slots) as change:
            state = _at_start(slots, factory, change.state)
            if state != change.state or change.is_damaged:
                change.write(state)
    except OSError as error:
        print(f"slots: {slots}: {error.strerror or error}", file=sys.stderr)
        state = _at_start(slots, factory, state)
        if state.trial:
            state = _given_up(slots, state, "")
    tree = tree_of(slots, factory, state.current)
    try:
        _link(slots, tree)
    except OSError as error:
        print(f"slots: {slots / LINK}: {error.strerror or error}", file=sys.stderr)
    return tree.resolve()


def ended(slots: Path, code: int | str, lasted_s: float = 0.0) -> Slots:
    """What runs has ended: an exit code as a shell tells it, or a word (watchdog, timeout, give-up)."""
    with _change(slots) as change:
        state = change.state
        if code == OCCUPIED:
            starts = max(0, state.starts - 1) if state.trial else state.starts
            return state if starts == state.starts else change.write(replace(state, starts=starts))
        is_orderly = code in ORDERLY
        if state.trial and is_orderly:
            return change.write(replace(state, orderly=min(state.orderly + 1, state.starts)))
        if state.trial:
            return change.write(_given_up(slots, state, _how(code)))
        failures = 0 if is_orderly or lasted_s >= GOOD_RUN_S else state.failures + 1
        return state if failures == state.failures else change.write(replace(state, failures=failures))


def keep(slots: Path) -> Slots:
    """The version on trial holds. Its floor counts from now on."""
    with _change(slots) as change:
        state = change.state
        if not state.trial:
            return state
        floor = state.versions.get(state.current, {}).get("floor", "")
        if floor:
            _raise_floor(slots, floor)
        held = {**state.versions.get(state.current, {}), "held": "yes"}
        versions = {**state.versions, state.current: held}
        new = replace(state, trial=False, starts=0, orderly=0, outcome=KEPT, reason="", versions=versions)
        return change.write(new)


def back(slots: Path, reason: str) -> Slots:
    """The version before is what runs next: one on trial is given up; a kept one is only left, and may come again.

    Raises SlotsError when there is nothing to go back to.
    """
    with _change(slots) as change:
        state = change.state
        if state.trial:
            return change.write(_given_up(slots, state, reason))
        name = state.previous or FACTORY
        if name == state.current or (name != FACTORY and not is_whole(slots / name, _version(state, name))):
            raise SlotsError("There is no version to go back to.")
        new = replace(state, current=name, previous=state.current, failures=0, outcome=RETURNED, reason=reason)
        return change.write(new)


# ------------------------------------------------------------------------------------------------------- floor


def numbers(version: str) -> tuple[int, ...]:
    """`a.b.c` or `a.b.c.d` as four numbers that can be compared. Raises ValueError."""
    parts = version.split(".")
    if not 1 <= len(parts) <= 4 or not all(part.isascii() and part.isdigit() and len(part) <= 9 for part in parts):
        raise ValueError(f"{version[:40]!r} is no version")
    return (*map(int, parts), *(0,) * (4 - len(parts)))


def read_floor(slots: Path) -> str:
    """The oldest version that may be installed; empty: any. Of a lost one what runs and is kept is the floor."""
    found = [_checked(slots / name) for name in (FLOOR, FLOOR_BEFORE)]
    floors = []
    for content in found:
        with contextlib.suppress(ValueError):
            floors.append((numbers(content["floor"]), content["floor"]) if content else ((), ""))
    if any(text for _numbers, text in floors):
        return max(floors)[1]
    if not any(_is_there(slots / name) for name in (FLOOR, FLOOR_BEFORE)):
        return ""
    state = read(slots)
    return "" if state.trial else _version(state, state.current)


def raise_floor(slots: Path, version: str) -> str:
    """The floor is this version unless it is higher already; the floor as it is then. Raises ValueError, OSError."""
    numbers(version)
    with _lock(slots):
        return _raise_floor(slots, version)


def _raise_floor(slots: Path, version: str) -> str:
    floor = max((read_floor(slots), version), key=lambda text: numbers(text) if text else ())
    for path in (slots / FLOOR, slots / FLOOR_BEFORE):
        if _checked(path) != {"floor": floor}:
            if _is_there(path) and _checked(path) is None:
                _set_aside(path)
            _write(path, _sealed({"floor": floor}))
    return floor


# ------------------------------------------------------------------------------------------------------- rules


def _at_start(slots: Path, factory: Path, state: Slots) -> Slots:
    state = _with_factory(factory, state)
    if state.trial:
        cuts = state.starts - state.orderly
        if cuts > CUTS_ALLOWED:
            return _given_up(slots, state, f"It was cut {cuts} times before it was kept.")
        if state.starts >= STARTS_ALLOWED:
            return _given_up(slots, state, f"It was started {state.starts} times and never kept.")
    if state.current != FACTORY:
        tree = slots / state.current
        if not is_whole(tree, _version(state, state.current)):
            return _given_up(slots, state, "Its files are not whole.")
        if not state.trial and state.failures >= DOUBTED_AFTER:
            if not _can_be_loaded(tree):
                return _given_up(slots, state, "Its files cannot be loaded.")
            state = replace(state, failures=0)
    return replace(state, starts=state.starts + 1) if state.trial else state


def _with_factory(factory: Path, state: Slots) -> Slots:
    """A package of the system that was installed since and is newer than what runs is what somebody wants to run; an
    older one that waits to be switched to is forgotten: going back needs leave, which nobody gave."""
    version = release_of(factory)
    if not version or version == state.factory_version:
        return state
    known, state = state.factory_version, replace(state, factory_version=version)
    with contextlib.suppress(ValueError):
        if known and state.ready and numbers(version) > numbers(_version(state, state.ready)):
            state = _without(state, state.ready)
        if known and state.current != FACTORY and numbers(version) > numbers(_version(state, state.current)):
            return replace(
                state, current=FACTORY, previous="" if state.trial else state.current, trial=False, starts=0, orderly=0,
                failures=0, outcome="", reason="",
            )  # fmt: skip
    return state


def _given_up(slots: Path, state: Slots, reason: str) -> Slots:
    """The state with the best of the other trees in its place."""
    bad = state.current
    sha256 = state.versions.get(bad, {}).get("sha256", "")
    refused = state.refused
    if state.trial and sha256 and sha256 not in refused:
        refused = (*refused, sha256)[-REFUSED_KEPT:]
    names = () if state.previous == FACTORY else (state.previous, *SLOTS)
    good = [
        name
        for name in names
        if name != bad
        and state.versions.get(name, {}).get("held") == "yes"
        and is_whole(slots / name, _version(state, name))
    ]
    return replace(
        state, current=good[0] if good else FACTORY, previous="", trial=False, starts=0, orderly=0, failures=0,
        outcome=RETURNED, reason=f"{_title(state, bad)}: {reason}"[:500], refused=refused,
    )  # fmt: skip


def _can_be_loaded(tree: Path) -> bool:
    """Whether its program can at least say how it is used: else it is the files, not what they found at work."""
    command = [str(tree / "bin/python"), "-IB", "-m", "chargepoint", "run", "--help"]
    try:
        probe = subprocess.Popen(command, stdin=_NOWHERE, stdout=_NOWHERE, stderr=_NOWHERE, cwd="/")
    except OSError:
        return False
    until_s = time.monotonic() + PROBE_LIMIT_S
    while probe.poll() is None and time.monotonic() < until_s:
        pause(0.2)
    probe.kill()
    return probe.wait() == 0


def _without(state: Slots, name: str) -> Slots:
    """The state when nothing is said of that slot any more."""
    versions = {slot: info for slot, info in state.versions.items() if slot != name}
    return replace(
        state,
        versions=versions,
        ready="" if state.ready == name else state.ready,
        previous=FACTORY if state.previous == name else state.previous,
    )


def _version(state: Slots, name: str) -> str:
    return state.versions.get(name, {}).get("version", "")


def _title(state: Slots, name: str) -> str:
    version = _version(state, name)
    return f"Version {version} (slot {name})" if version else f"Slot {name}"


def _how(code: int | str) -> str:
    words = {
        "watchdog": "It hung, and the watchdog ended it.",
        "timeout": "It was not up in time.",
        "give-up": "It was not kept in time.",
    }
    if isinstance(code, str):
        return words.get(code, f"It ended: {code[:100]}.")
    if code > 128:
        return f"It was killed by signal {code - 128} before it was kept."
    return f"It ended with exit code {code} before it was kept."


# ------------------------------------------------------------------------------------------------------- files


class _Change:
    """The state while the lock is held."""

    def __init__(self, slots: Path) -> None:
        self.slots = slots
        self.state, self.is_damaged = _load(slots)

    def write(self, state: Slots) -> Slots:
        """Durable when it returns; the generation before is kept."""
        if self.is_damaged:
            _set_aside(self.slots / STATE)
            self.is_damaged = False
        else:
            with contextlib.suppress(FileNotFoundError):
                _write(self.slots / BEFORE, (self.slots / STATE).read_bytes())
        content = asdict(state)
        other = content.pop("other")
        _write(self.slots / STATE, _sealed({**other, **content}))
        self.state = state
        return state


@contextlib.contextmanager
def _change(slots: Path) -> Iterator[_Change]:
    with _lock(slots):
        yield _Change(slots)


@contextlib.contextmanager
def _lock(slots: Path) -> Iterator[None]:
    """Nobody else changes it meanwhile."""
    slots.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor = os.open(slots / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _load(slots: Path) -> tuple[Slots, bool]:
    """The state, and whether slots.json is there and damaged."""
    content = _checked(slots / STATE)
    state = _state_of(content) if content is not None else None
    if state is not None:
        return state, False
    older = _checked(slots / BEFORE)
    state = _state_of(older) if older is not None else None
    if state is not None:
        return replace(state, ready=""), _is_there(slots / STATE)
    with contextlib.suppress(OSError):
        name = (slots / LINK).readlink().name
        if name in SLOTS:
            return Slots(current=name), _is_there(slots / STATE)
    return Slots(), _is_there(slots / STATE)


def _state_of(content: dict[str, Any]) -> Slots | None:
    """None when a value cannot be one of its field."""
    blank = Slots()
    known = {part.name for part in fields(Slots)} - {"other"}
    given: dict[str, Any] = {}
    for name in known & content.keys():
        value, kind = content[name], type(getattr(blank, name))
        if kind is tuple and isinstance(value, list) and all(isinstance(one, str) for one in value):
            value = tuple(value)
        if type(value) is not kind:
            return None
        given[name] = value
    state = Slots(**given, other={key: value for key, value in content.items() if key not in known})
    names_fit = (
        state.current in (FACTORY, *SLOTS)
        and state.previous in ("", FACTORY, *SLOTS)
        and state.ready in ("", *SLOTS)
        and all(
            slot in SLOTS and isinstance(info, dict) and all(isinstance(value, str) for value in info.values())
            for slot, info in state.versions.items()
        )
    )
    return state if names_fit else None


def _sealed(content: dict[str, Any]) -> bytes:
    body = json.dumps(content, sort_keys=True, ensure_ascii=True)
    return json.dumps({"check": hashlib.sha256(body.encode()).hexdigest(), "content": content}, indent=1).encode()


def _checked(path: Path) -> dict[str, Any] | None:
    """The content of a sealed file; None when it is not there, not whole or not ours."""
    try:
        sealed = json.loads(path.read_bytes()[:LARGEST_BYTES])
        content = sealed["content"]
        body = json.dumps(content, sort_keys=True, ensure_ascii=True)
        is_sound = isinstance(content, dict) and sealed["check"] == hashlib.sha256(body.encode()).hexdigest()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return content if is_sound else None


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, durable, readable by all. Raises OSError."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o644)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)
    _sync(path.parent)


def _link(slots: Path, tree: Path) -> None:
    """`current` names that tree; what lies there instead is set aside."""
    link, goal = slots / LINK, tree.name if tree.parent == slots else str(tree)
    try:
        if str(link.readlink()) == goal:
            return
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        _set_aside(link)
    new = slots / (LINK + ".new")
    new.unlink(missing_ok=True)
    new.symlink_to(goal)
    new.replace(link)
    _sync(slots)


def _set_aside(path: Path) -> None:
    for number in range(1, 100):
        aside = path.with_name(f"{path.name}.damaged-{number}")
        if not aside.exists():
            break
    path.replace(aside)


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ----------------------------------------------------------------------------------------------------- waiting


def pause(seconds: float) -> None:
    """Sleep, and feed systemd's watchdog meanwhile: start.sh waits, and that is as it should be."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    allowed_us = os.environ.get("WATCHDOG_USEC", "")
    step_s = max(0.05, int(allowed_us) / 3e6) if address and allowed_us.isdigit() else seconds
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0:
        if address:
            where = "\0" + address[1:] if address.startswith("@") else address
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.sendto(b"WATCHDOG=1", where)
        time.sleep(min(left_s, step_s))


def alarm(slots: Path, seconds: float, shell: int, station: int, tree: Path) -> None:
    """When a trial is not kept in time: SIGUSR1 to start.sh, which ends the station; SIGKILL when that does not end.

    `tree` is what runs: nothing happens to a version that runs in the place of a trial that could not be begun.
    """
    until_s = time.monotonic() + seconds
    while (state := read(slots)).trial and (slots / state.current).resolve() == tree.resolve():
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            os.kill(shell, signal.SIGUSR1)
            time.sleep(STOP_LIMIT_S)
            os.kill(station, signal.SIGKILL)
            return
        time.sleep(min(left_s, 5.0))


# ----------------------------------------------------------------------------------------------------- program


def main(words: list[str] | None = None) -> int:
    """Exit status 0: done; 1: it cannot be, the text says why."""
    parser = argparse.ArgumentParser(prog="slots.py", description="Which software runs, and the way back.")
    parser.add_argument("--slots", type=Path, default=Path("/var/lib/chargepoint-slots"))
    parser.add_argument("--factory", type=Path, default=Path("/opt/chargepoint/app"))
    deeds = parser.add_subparsers(dest="deed", required=True)
    for deed in ("start", "switch", "keep", "show"):
        deeds.add_parser(deed)
    of_end = deeds.add_parser("ended")
    of_end.add_argument("code")
    of_end.add_argument("lasted_s", type=float, nargs="?", default=0.0)
    deeds.add_parser("back").add_argument("reason")
    of_pause = deeds.add_parser("pause")
    of_pause.add_argument("seconds", type=float)
    of_pause.add_argument("--end", type=int, metavar="PID", help="a process that is to end after it")
    of_alarm = deeds.add_parser("alarm")
    of_alarm.add_argument("seconds", type=float)
    of_alarm.add_argument("pids", type=int, nargs=2)
    of_alarm.add_argument("tree", type=Path)
    asked = parser.parse_args(words)
    slots, factory = asked.slots, asked.factory
    try:
        if asked.deed == "start":
            print(start(slots, factory))
            return 0
        if asked.deed == "show":
            state = read(slots)
            print(json.dumps({**asdict(state), "floor": read_floor(slots)}, indent=1))
            return 0
        if asked.deed == "pause":
            pause(asked.seconds)
            for number in (signal.SIGTERM, signal.SIGKILL) if asked.end else ():
                os.kill(asked.end, number)
                pause(STOP_LIMIT_S)
            return 0
        if asked.deed == "alarm":
            shell, station = asked.pids
            alarm(slots, asked.seconds, shell, station, asked.tree)
            return 0
        before = read(slots)
        if asked.deed == "ended":
            after = ended(slots, int(asked.code) if asked.code.isdigit() else asked.code, asked.lasted_s)
        elif asked.deed == "switch":
            after = switch(slots)
        elif asked.deed == "keep":
            after = keep(slots)
        else:
            after = back(slots, asked.reason)
    except (SlotsError, OSError, ValueError) as error:
        print(f"slots: {error}", file=sys.stderr)
        return 1
    if after.current != before.current:
        print(f"{before.current} -> {after.current}")
    if after.reason and after.reason != before.reason:
        print(after.reason, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
