"""A station file on trial whatever is cut: whole old or whole new, the way back kept, links not followed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from chargepoint import trial

OLD, NEW = b"[station]\nname = 'old'\n", b"[station]\nname = 'new'\n"


class PowerCut(BaseException):
    """Nothing runs after it."""


class Disk:
    """Counts what is asked of it, and fails at the operation `at`."""

    def __init__(self, patch: pytest.MonkeyPatch, at: int, failure: BaseException) -> None:
        self.at, self.failure, self.count = at, failure, 0
        self._fsync, self._replace = os.fsync, Path.replace
        patch.setattr("chargepoint.trial.os.fsync", self.fsync)
        patch.setattr(Path, "replace", lambda path, target: self.replace(path, target))

    def _next(self) -> None:
        self.count += 1
        if self.count == self.at:
            raise self.failure

    def fsync(self, descriptor: int) -> None:
        self._next()
        self._fsync(descriptor)

    def replace(self, path: Path, target: Path) -> Path:
        self._next()
        return self._replace(path, target)


def a_place(tmp_path: Path) -> tuple[Path, Path]:
    hub, config = tmp_path / "hub", tmp_path / "station.toml"
    hub.mkdir()
    config.write_bytes(OLD)
    return hub, config


STEPS = 9
"""Of `begin`: three files, each synced, renamed, and its folder synced."""


@pytest.mark.parametrize("at", range(1, STEPS + 1))
def test_a_power_cut_at_each_step_leaves_the_old_file_or_the_new_one_on_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    hub, config = a_place(tmp_path)
    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        Disk(patch, at, PowerCut())
        trial.begin(hub, config, NEW, "boris")
    is_new = config.read_bytes() == NEW
    assert is_new or config.read_bytes() == OLD
    said = trial.at_start(hub, config)
    if is_new:
        assert said == "a new station file is on trial"
        assert trial.at_start(hub, config) == "the new station file did not hold; the one before is back"
    else:
        assert said in ("", "the new station file was never written; the one before stands")
    assert config.read_bytes() == OLD
    assert trial.at_start(hub, config) == ""


@pytest.mark.parametrize("at", range(1, STEPS + 1))
def test_a_full_disk_at_each_step_changes_nothing_or_leaves_the_new_file_on_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    hub, config = a_place(tmp_path)
    with monkeypatch.context() as patch:
        Disk(patch, at, OSError(errno.ENOSPC, "No space left on device"))
        try:
            trial.begin(hub, config, NEW, "boris")
        except OSError:
            assert config.read_bytes() == OLD
            assert trial.at_start(hub, config) == ""
        else:
            assert config.read_bytes() == NEW
            assert trial.at_start(hub, config) == "a new station file is on trial"
    assert not list(tmp_path.glob("*.new"))


@pytest.mark.parametrize("at", range(1, 4))
def test_a_power_cut_while_the_file_before_comes_back_is_made_good_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    hub, config = a_place(tmp_path)
    trial.begin(hub, config, NEW, "boris")
    trial.at_start(hub, config)
    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        Disk(patch, at, PowerCut())
        trial.at_start(hub, config)
    assert config.read_bytes() in (OLD, NEW)
    trial.at_start(hub, config)
    assert config.read_bytes() == OLD


def test_what_somebody_wrote_by_hand_while_a_file_was_on_trial_stays(tmp_path: Path) -> None:
    hub, config = a_place(tmp_path)
    trial.begin(hub, config, NEW, "boris")
    trial.at_start(hub, config)
    config.write_bytes(b"[station]\nname = 'by hand'\n")
    trial.at_start(hub, config)
    assert config.read_bytes() == b"[station]\nname = 'by hand'\n"


def test_a_file_that_is_lost_while_it_is_on_trial_comes_back_as_it_was_before(tmp_path: Path) -> None:
    hub, config = a_place(tmp_path)
    trial.begin(hub, config, NEW, "boris")
    trial.at_start(hub, config)
    config.unlink()
    trial.at_start(hub, config)
    assert config.read_bytes() == OLD


def test_links_in_the_hubs_folder_lead_nowhere(tmp_path: Path) -> None:
    """At the start root reads and writes there: what the hub's account lays must not reach other files."""
    hub, config = a_place(tmp_path)
    secret, victim = tmp_path / "shadow", tmp_path / "victim"
    secret.write_bytes(b"secret")
    victim.write_bytes(b"mine")
    trial.begin(hub, config, NEW, "boris")
    (hub / "trial.json.new").symlink_to(victim)
    trial.at_start(hub, config)
    assert victim.read_bytes() == b"mine"
    for lay in (Path.symlink_to, Path.hardlink_to):
        (hub / trial.BEFORE).unlink()
        lay(hub / trial.BEFORE, secret)
        last = trial.read(hub)
        assert last is not None
        trial.give_back(hub, last)
        assert config.read_bytes() == NEW


def test_a_file_that_was_kept_with_a_full_disk_is_not_taken_back_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, config = a_place(tmp_path)
    trial.begin(hub, config, NEW, "anna")
    assert "on trial" in trial.at_start(hub, config)
    on_trial = trial.read(hub)
    assert on_trial is not None
    with monkeypatch.context() as patch:
        Disk(patch, 1, OSError(errno.ENOSPC, "No space left on device"))
        trial.keep(hub, on_trial)
    for _ in range(2):
        assert trial.at_start(hub, config) == ""
    assert config.read_bytes() == NEW


def test_a_file_that_came_back_with_a_full_disk_is_on_trial_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, config = a_place(tmp_path)
    trial.begin(hub, config, NEW, "anna")
    trial.at_start(hub, config)
    on_trial = trial.read(hub)
    assert on_trial is not None
    with monkeypatch.context() as patch:
        Disk(patch, 4, OSError(errno.ENOSPC, "No space left on device"))  # after the file itself is back
        trial.give_back(hub, on_trial)
    assert config.read_bytes() == OLD
    found = trial.read(hub)
    assert found is None or found.status != trial.ON_TRIAL
    assert trial.at_start(hub, config) == ""
