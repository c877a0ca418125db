"""Which tree of software runs, and the way back (R31, S28, S29)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chargepoint import launcher, slots
from tests.chargepoint.trees import QUIET, fill, info, install, stage


@pytest.fixture
def factory(tmp_path: Path) -> Path:
    return fill(tmp_path / "app", "1.0.0")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "slots"


def current(folder: Path) -> Path:
    return (folder / slots.LINK).resolve()


# ------------------------------------------------------------------------------------------------- the usual life


def test_a_new_machine_runs_what_the_package_brought(folder: Path, factory: Path) -> None:
    assert slots.start(folder, factory) == factory
    assert current(folder) == factory


def test_an_update_goes_into_a_slot_is_switched_to_and_kept(folder: Path, factory: Path) -> None:
    assert stage(folder, "1.1.0") == "a"
    assert slots.start(folder, factory) == factory, "staged is not switched"
    slots.switch(folder)
    assert slots.start(folder, factory) == folder / "a"
    assert current(folder) == folder / "a"
    assert slots.read(folder).trial
    state = slots.keep(folder)
    assert (state.outcome, state.trial, state.previous) == ("kept", False, "factory")
    assert slots.free_slot(state) == "b"


def test_two_updates_leave_the_first_as_the_way_back(folder: Path, factory: Path) -> None:
    install(folder, factory, "1.1.0")
    assert install(folder, factory, "1.2.0") == "b"
    state = slots.back(folder, "the operator wished it")
    assert (state.current, state.outcome, state.reason) == ("a", "returned", "the operator wished it")
    assert slots.start(folder, factory) == folder / "a"
    assert not state.refused, "it was kept once, and may come again"
    assert slots.back(folder, "and forward again").current == "b"


def test_without_a_version_before_nothing_can_be_gone_back_to(folder: Path, factory: Path) -> None:
    with pytest.raises(slots.SlotsError):
        slots.back(folder, "why not")


def test_nothing_is_switched_to_when_nothing_is_staged(folder: Path, factory: Path) -> None:
    with pytest.raises(slots.SlotsError):
        slots.switch(folder)
    stage(folder, "1.1.0")
    slots.forget_ready(folder)
    with pytest.raises(slots.SlotsError):
        slots.switch(folder)


def test_a_slot_staged_and_damaged_since_is_not_switched_to(folder: Path, factory: Path) -> None:
    stage(folder, "1.1.0")
    (folder / "a" / slots.RELEASE).unlink()
    with pytest.raises(slots.SlotsError):
        slots.switch(folder)
    state = slots.read(folder)
    assert (state.current, state.ready, state.outcome) == ("factory", "", "returned")
    assert state.reason


def test_the_way_back_of_a_trial_is_not_written_over(folder: Path, factory: Path) -> None:
    install(folder, factory, "1.1.0")
    stage(folder, "1.2.0")
    slots.switch(folder)
    with pytest.raises(slots.SlotsError):
        slots.open_slot(folder)
    with pytest.raises(slots.SlotsError):
        slots.mark_ready(folder, "a", info("1.1.0"))


def test_the_slot_that_was_started_last_is_not_emptied_whatever_the_state_says(folder: Path, factory: Path) -> None:
    install(folder, factory, "1.1.0")
    install(folder, factory, "1.2.0")
    slots.back(folder, "by hand")  # and nobody restarts: `b` runs on
    with pytest.raises(slots.SlotsError, match="runs"):
        slots.open_slot(folder)
    assert slots.is_whole(folder / "b", "1.2.0")
    slots.start(folder, factory)
    assert slots.open_slot(folder) == folder / "b"


def test_the_slot_that_runs_cannot_be_marked_ready(folder: Path, factory: Path) -> None:
    install(folder, factory, "1.1.0")
    with pytest.raises(slots.SlotsError):
        slots.mark_ready(folder, "a", info("1.1.0"))
    with pytest.raises(slots.SlotsError):
        slots.mark_ready(folder, "factory", info("1.0.0"))


def test_a_slot_that_holds_another_version_than_told_is_not_ready(folder: Path, factory: Path) -> None:
    fill(slots.open_slot(folder), "1.1.0")
    with pytest.raises(slots.SlotsError):
        slots.mark_ready(folder, "a", info("1.2.0"))


def test_while_a_slot_is_filled_anew_it_is_no_way_back(folder: Path, factory: Path) -> None:
    install(folder, factory, "1.1.0")
    install(folder, factory, "1.2.0")
    slots.open_slot(folder)  # the slot of 1.1.0
    assert slots.read(folder).previous == "factory"
    shutil.rmtree(folder / "b")
    assert slots.start(folder, factory) == factory


# ------------------------------------------------------------------------------------------------- the way back


@pytest.mark.parametrize("code", [1, 2, 3, 126, 127, 134, 137, 139, "watchdog", "timeout", "give-up"])
def test_a_trial_that_ends_badly_is_given_up_with_a_reason(folder: Path, factory: Path, code: int | str) -> None:
    install(folder, factory, "1.1.0")
    stage(folder, "1.2.0")
    slots.switch(folder)
    slots.start(folder, factory)
    state = slots.ended(folder, code)
    assert (state.current, state.outcome, state.trial) == ("a", "returned", False)
    assert "1.2.0" in state.reason
    assert state.refused == ("sum of 1.2.0",)
    assert slots.start(folder, factory) == folder / "a"


@pytest.mark.parametrize("code", slots.ORDERLY)
def test_orderly_ends_do_not_end_a_trial(folder: Path, factory: Path, code: int) -> None:
    stage(folder, "1.1.0")
    slots.switch(folder)
    for _ in range(5):
        assert slots.start(folder, factory) == folder / "a"
        assert slots.ended(folder, code).trial
    assert slots.keep(folder).outcome == "kept"


def test_one_power_cut_does_not_end_a_trial_two_do(folder: Path, factory: Path) -> None:
    stage(folder, "1.1.0")
    slots.switch(folder)
    assert slots.start(folder, factory) == folder / "a"
    slots.ended(folder, 20)
    assert slots.start(folder, factory) == folder / "a"
    assert slots.start(folder, factory) == folder / "a", "cut once"
    assert slots.start(folder, factory) == factory, "cut twice"
    state = slots.read(folder)
    assert (state.outcome, state.refused) == ("returned", ("sum of 1.1.0",))


def test_a_trial_that_is_restarted_for_ever_ends(folder: Path, factory: Path) -> None:
    stage(folder, "1.1.0")
    slots.switch(folder)
    trees = []
    for _ in range(slots.STARTS_ALLOWED + 1):
        trees.append(slots.start(folder, factory))
        slots.ended(folder, 30)
    assert trees == [folder / "a"] * slots.STARTS_ALLOWED + [factory]


def test_with_both_slots_bad_the_factory_runs(folder: Path, factory: Path) -> None:
    install(folder, factory, "1.1.0")
    stage(folder, "1.2.0")
    (folder / "a/bin/python").unlink()
    slots.switch(folder)
    slots.start(folder, factory)
    slots.ended(folder, 1)
    assert slots.start(folder, factory) == factory
    assert slots.read(folder).reason


def test_what_never_held_is_no_way_back(folder: Path, factory: Path) -> None:
    stage(folder, "1.1.0")
    slots.switch(folder)
    slots.ended(folder, 1)
    assert slots.read(folder).current == "factory"
    install(folder, factory, "1.2.0")  # into the other slot or the same one
    shutil.rmtree(folder / slots.read(folder).current)
    assert slots.start(folder, factory) == factory


def test_even_a_bad_factory_is_tried(folder: Path, tmp_path: Path) -> None:
    assert slots.start(folder, tmp_path / "nothing") == tmp_path / "nothing"


def test_a_kept_version_may_end_badly_as_long_as_its_files_are_sound(folder: Path, factory: Path) -> None:
    install(folder, factory, "1.1.0")
    for _ in range(10):
        slots.ended(folder, 1, 5.0)
        assert slots.start(folder, factory) == folder / "a"


def test_a_kept_version_whose_files_can_no_more_be_loaded_is_left(folder: Path, factory: Path) -> None:
    install(folder, factory, "1.1.0")
    install(folder, factory, "1.2.0")
    (folder / "b/bin/python").write_text("#!/bin/sh\nexit 1\n")
    for _ in range(slots.DOUBTED_AFTER):
        assert slots.start(folder, factory) == folder / "b"
        slots.ended(folder, 1, 5.0)
    assert slots.start(folder, factory) == folder / "a"
    assert not slots.read(folder).refused, "the package itself was good"


def test_a_good_run_takes_doubts_away(folder: Path, factory: Path) -> None:
    install(folder, factory, "1.1.0")
    slots.ended(folder, 1, 5.0)
    slots.ended(folder, 1, 5.0)
    assert slots.ended(folder, 1, slots.GOOD_RUN_S).failures == 0


def test_a_newer_package_of_the_system_is_what_runs_next(folder: Path, factory: Path) -> None:
    install(folder, factory, "1.1.0")
    fill(factory, "1.0.5")
    assert slots.start(folder, factory) == folder / "a", "older than what runs"
    fill(factory, "1.2.0")
    assert slots.start(folder, factory) == factory
    assert slots.back(folder, "not yet").current == "a"
    assert slots.start(folder, factory) == folder / "a", "it is not taken a second time"


# ------------------------------------------------------------------------------------------------- damage


def test_what_waits_to_be_switched_to_is_forgotten_when_a_newer_package_of_the_system_comes(
    folder: Path, factory: Path
) -> None:
    install(folder, factory, "1.1.0")
    stage(folder, "1.2.0")
    fill(factory, "1.1.5")
    slots.start(folder, factory)
    assert slots.read(folder).ready == "b", "it is newer still"
    fill(factory, "1.3.0")
    assert slots.start(folder, factory) == factory
    with pytest.raises(slots.SlotsError, match="Nothing is staged"):
        slots.switch(folder)


def test_a_damaged_state_is_set_aside_and_the_generation_before_serves(folder: Path, factory: Path) -> None:
    install(folder, factory, "1.1.0")
    install(folder, factory, "1.2.0")
    content = (folder / slots.STATE).read_bytes()
    (folder / slots.STATE).write_bytes(content.replace(b'"kept"', b'"kepd"'))
    tree = slots.start(folder, factory)
    assert tree == folder / "b"
    aside = folder / f"{slots.STATE}.damaged-1"
    assert b"kepd" in aside.read_bytes()
    assert slots.read(folder).current == "b"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"check": 1, "content": {}}', b"[" * 9999]
)
def test_with_both_generations_damaged_the_link_says_what_ran(folder: Path, factory: Path, content: bytes) -> None:
    install(folder, factory, "1.1.0")
    for name in (slots.STATE, slots.BEFORE):
        (folder / name).write_bytes(content)
    assert slots.start(folder, factory) == folder / "a"
    (folder / slots.LINK).unlink()
    for name in (slots.STATE, slots.BEFORE):
        (folder / name).write_bytes(content)
    assert slots.start(folder, factory) == factory


@pytest.mark.parametrize(
    "change",
    [{"current": "c"}, {"current": 1}, {"trial": 1}, {"previous": "../x"}, {"versions": {"a": 1}}, {"ready": "factory"},
     {"refused": [1]}, {"starts": "1"}],
)  # fmt: skip
def test_values_that_cannot_be_are_damage(folder: Path, factory: Path, change: dict[str, object]) -> None:
    install(folder, factory, "1.1.0")
    content = json.loads((folder / slots.STATE).read_bytes())["content"] | change
    (folder / slots.STATE).write_bytes(slots._sealed(content))
    assert slots.start(folder, factory) == folder / "a"
    assert (folder / f"{slots.STATE}.damaged-1").exists()


def test_words_of_later_software_are_kept(folder: Path, factory: Path) -> None:
    install(folder, factory, "1.1.0")
    content = json.loads((folder / slots.STATE).read_bytes())["content"] | {"later": [1, 2]}
    (folder / slots.STATE).write_bytes(slots._sealed(content))
    stage(folder, "1.2.0")
    assert slots.read(folder).other == {"later": [1, 2]}


@pytest.mark.parametrize("what", ["dangling", "missing", "folder", "elsewhere"])
def test_the_link_is_put_right(folder: Path, factory: Path, what: str) -> None:
    install(folder, factory, "1.1.0")
    link = folder / slots.LINK
    link.unlink()
    if what == "folder":
        link.mkdir()
    elif what != "missing":
        link.symlink_to("nowhere" if what == "dangling" else factory)
    assert slots.start(folder, factory) == folder / "a"
    assert current(folder) == folder / "a"


def test_on_a_full_disk_a_trial_is_not_begun_and_what_is_kept_runs(
    folder: Path, factory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(folder, factory, "1.1.0")
    stage(folder, "1.2.0")
    slots.switch(folder)

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(slots, "_write", full)
        assert slots.start(folder, factory) == folder / "a"
    assert slots.start(folder, factory) == folder / "b", "there is room again"


# ------------------------------------------------------------------------------------------------- floor


def test_the_floor_is_raised_and_never_lowered(folder: Path) -> None:
    assert slots.read_floor(folder) == ""
    assert slots.raise_floor(folder, "1.2.0") == "1.2.0"
    assert slots.raise_floor(folder, "1.1.9") == "1.2.0"
    assert slots.raise_floor(folder, "1.10.0.1") == "1.10.0.1"
    assert slots.read_floor(folder) == "1.10.0.1"


@pytest.mark.parametrize("name", [slots.FLOOR, slots.FLOOR_BEFORE])
def test_one_damaged_floor_lowers_nothing(folder: Path, name: str) -> None:
    slots.raise_floor(folder, "1.2.0")
    (folder / name).write_bytes(b"{}")
    assert slots.read_floor(folder) == "1.2.0"
    assert slots.raise_floor(folder, "1.0.0") == "1.2.0"
    assert slots._checked(folder / name) == {"floor": "1.2.0"}


def test_when_the_floor_is_lost_what_runs_is_the_floor(folder: Path, factory: Path) -> None:
    install(folder, factory, "1.3.0")
    slots.raise_floor(folder, "1.2.0")
    for name in (slots.FLOOR, slots.FLOOR_BEFORE):
        (folder / name).write_bytes(b"")
    assert slots.read_floor(folder) == "1.3.0"


def test_the_floor_of_a_version_counts_when_it_is_kept(folder: Path, factory: Path) -> None:
    stage(folder, "1.1.0", floor="1.1.0")
    slots.switch(folder)
    slots.start(folder, factory)
    assert slots.read_floor(folder) == ""
    slots.keep(folder)
    assert slots.read_floor(folder) == "1.1.0"


@pytest.mark.parametrize("version", ["", "1.", "1.2.3.4.5", "a.b.c", "1.-2.3", "١.٢.٣", "1.2.3\n"])
def test_what_is_no_version_is_no_floor(folder: Path, version: str) -> None:
    with pytest.raises(ValueError, match="is no version"):
        slots.raise_floor(folder, version)


# ------------------------------------------------------------------------------------------------- the program


def test_it_runs_by_itself_as_a_copy_with_nothing_of_ours(folder: Path, factory: Path, tmp_path: Path) -> None:
    copy = tmp_path / "slots.py"
    shutil.copy(slots.__file__, copy)

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-S", str(copy), "--slots", str(folder), "--factory", str(factory), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, cwd=tmp_path)

    stage(folder, "1.1.0", QUIET)
    assert call("switch").returncode == 0
    assert call("start").stdout == f"{folder / 'a'}\n"
    told = call("ended", "139", "12.5")
    assert told.returncode == 0
    assert "a -> factory" in told.stdout
    assert "signal 11" in told.stderr
    assert call("switch").returncode == 1
    assert json.loads(call("show").stdout)["outcome"] == "returned"
    assert call("fly").returncode == 2


def test_it_needs_nothing_newer_than_python_3_10() -> None:
    import ast

    ast.parse(Path(slots.__file__).read_text(), feature_version=(3, 10))


def test_start_script_and_launcher_mean_the_same_by_an_occupied_station() -> None:
    """slots.py stands alone: the Python of the system runs it."""
    assert slots.OCCUPIED == launcher.OCCUPIED
