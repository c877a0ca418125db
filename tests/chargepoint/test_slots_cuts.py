"""The power goes at any instant of any change: `start` names a whole tree, and the floor does not sink (R25, R31)."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from chargepoint import slots
from tests.chargepoint.trees import fill, info

FACTORY = "1.0.0"


class Cut(BaseException):
    """The power is gone: nothing may be done any more."""


def step(folder: Path, factory: Path, chance: random.Random, number: int) -> None:
    """Something that happens in the life of a machine."""
    state = slots.read(folder)
    ends: list[int | str] = [0, 1, 10, 20, 30, 139, "watchdog"]
    deeds: list[Callable[[], Any]] = [
        lambda: slots.start(folder, factory),
        lambda: slots.ended(folder, chance.choice(ends), chance.choice([1.0, 4000.0])),
        lambda: slots.keep(folder),
        lambda: slots.raise_floor(folder, f"1.{number}.0"),
        lambda: slots.forget_ready(folder),
        lambda: slots.back(folder, "somebody wished it"),
        lambda: slots.switch(folder),
    ]
    if not state.trial:
        deeds += [lambda: update(folder, f"1.{number}.1")] * 3
    with suppress(slots.SlotsError):
        chance.choice(deeds)()


def update(folder: Path, version: str) -> None:
    slot = slots.open_slot(folder)
    fill(slot, version)
    slots.mark_ready(folder, slot.name, info(version, floor=version))


def must_hold(folder: Path, factory: Path, floor: tuple[int, ...]) -> tuple[int, ...]:
    """After a cut; returns the floor as it is now."""
    tree = slots.start(folder, factory)
    state = slots.read(folder)
    assert slots.is_whole(tree), f"{tree}: {state}"
    assert (folder / slots.LINK).resolve() == tree
    assert tree == slots.tree_of(folder, factory, state.current)
    assert not list(folder.glob("*.damaged-*")), "no cut looks like damage"
    if tree != factory:
        assert slots.release_of(tree) == state.versions[state.current]["version"]
    text = slots.read_floor(folder)
    now = slots.numbers(text) if text else ()
    assert now >= floor
    return now


@contextmanager
def cut_at(count: int) -> Iterator[None]:
    """The power goes before the n-th change of the disk from now."""
    left = count
    names = (
        (os, "open"), (os, "fsync"), (Path, "replace"), (Path, "symlink_to"), (Path, "unlink"), (Path, "mkdir"),
        (Path, "write_text"), (shutil, "rmtree"),
    )  # fmt: skip
    before = [getattr(owner, name) for owner, name in names]

    def cutting(real: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*words: Any, **more: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Cut
            return real(*words, **more)

        return instead

    for (owner, name), real in zip(names, before, strict=True):
        setattr(owner, name, cutting(real))
    try:
        yield
    except Cut:
        pass
    finally:
        for (owner, name), real in zip(names, before, strict=True):
            setattr(owner, name, real)


def live(tmp_path: Path, seed: int, rounds: int) -> None:
    chance = random.Random(seed)
    folder, factory = tmp_path / f"slots-{seed}", fill(tmp_path / "app", FACTORY)
    floor: tuple[int, ...] = ()
    for number in range(1, rounds + 1):
        with cut_at(chance.randrange(40)):
            for _ in range(4):
                step(folder, factory, chance, number)
        floor = must_hold(folder, factory, floor)


def test_a_cut_before_any_write_leaves_a_whole_tree(tmp_path: Path) -> None:
    for seed in range(10):
        live(tmp_path, seed, 40)


@pytest.mark.long
def test_a_cut_before_any_write_leaves_a_whole_tree_in_many_lives(tmp_path: Path) -> None:
    for seed in range(100, 140):
        live(tmp_path, seed, 100)


def test_each_cut_of_an_update_leaves_the_old_or_the_new_version(tmp_path: Path) -> None:
    """Every single point, from an empty slot to a kept version."""
    for point in range(200):
        home = tmp_path / str(point)
        folder, factory = home / "slots", fill(home / "app", FACTORY)
        update(folder, "1.1.0")
        slots.switch(folder)
        slots.start(folder, factory)
        slots.keep(folder)
        is_done = False
        with cut_at(point):
            update(folder, "1.2.0")
            slots.switch(folder)
            slots.start(folder, factory)
            slots.keep(folder)
            is_done = True
        must_hold(folder, factory, (1, 1, 0, 0))
        assert slots.release_of(slots.start(folder, factory)) in ("1.1.0", "1.2.0")
        if is_done:
            assert slots.release_of(slots.start(folder, factory)) == "1.2.0"
            return
    pytest.fail("an update takes more writes than were cut")


# ------------------------------------------------------------------------------------------- processes really killed

LIFE = """
import random, sys
from pathlib import Path
from tests.chargepoint.test_slots_cuts import step
folder, factory, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
chance = random.Random(seed)
print("alive", flush=True)
while True:
    step(folder, factory, chance, chance.randrange(1, 100))
"""


def kill_rounds(tmp_path: Path, rounds: int) -> None:
    folder, factory = tmp_path / "slots", fill(tmp_path / "app", FACTORY)
    floor: tuple[int, ...] = ()
    chance = random.Random(7)
    for number in range(rounds):
        command = [sys.executable, "-c", LIFE, str(folder), str(factory), str(number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as running:
            assert running.stdout is not None and running.stdout.readline() == "alive\n"
            time.sleep(chance.uniform(0.0, 0.05))
            running.send_signal(signal.SIGKILL)
        assert running.returncode == -signal.SIGKILL
        floor = must_hold(folder, factory, floor)


@pytest.mark.realtime
def test_killed_at_random_it_leaves_a_whole_tree(tmp_path: Path) -> None:
    kill_rounds(tmp_path, 5)


@pytest.mark.realtime
@pytest.mark.long
def test_killed_at_random_two_hundred_times_it_leaves_a_whole_tree(tmp_path: Path) -> None:
    kill_rounds(tmp_path, 200)
