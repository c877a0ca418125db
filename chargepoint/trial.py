"""A new station file on trial: what was before comes back by itself when the station does not come up with it.

All of it lies in the hub's folder: `trial.json` and `before.toml`. The start of the software looks here first (before
anything reads the station file), the hub says when all is well, or gives the file before back.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
from pathlib import Path

import msgspec

from chargepoint import whole_file

log = logging.getLogger(__name__)

STATE, BEFORE, DRAFT = "trial.json", "before.toml", "draft.toml"
ON_TRIAL, KEPT, RETURNED = "on_trial", "kept", "returned"
LARGEST_BYTES = 1 << 20


class Trial(msgspec.Struct, frozen=True):
    """`starts` counts starts of the software with the new file: one is meant, a second says that it went wrong."""

    status: str
    config: str
    by: str
    starts: int = 0
    digest: str = ""
    """Of the new file: what somebody wrote there since by hand is not replaced."""
    had_before: bool = True
    """Whether there was a file before (safe mode: there may be none)."""
    must_keep: bool = False
    """A person has to keep it once the station is well."""
    is_network: bool = False
    """Ways to the station are touched: it is watched for longer."""
    was_online: bool = False
    """The central system was reached before: it has to be again."""
    connectors: tuple[int, ...] = ()
    """Those whose controllers answered before: they have to again, as far as they are still there."""
    kept_by: str = ""
    reason: str = ""
    """Why the file before came back."""
    is_seen: bool = False
    """Somebody has read that."""


def read(folder: Path) -> Trial | None:
    """The last trial, None when there was none (or nobody can read it)."""
    try:
        return msgspec.json.decode(_content(folder / STATE), type=Trial)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        log.warning("%s cannot be read: %s", folder / STATE, error)
        return None


def begin(folder: Path, config: Path, content: bytes, by: str, plan: Trial | None = None) -> None:
    """Put `content` in the place of `config`, the way back kept first. Raises OSError; then nothing has changed.

    `plan` says how it is to be watched (its other fields are filled in here).
    """
    before = _now(config)
    whole_file.write(folder / BEFORE, before or b"")
    trial = msgspec.structs.replace(
        plan or Trial(ON_TRIAL, str(config), by),
        status=ON_TRIAL,
        config=str(config),
        by=by,
        starts=0,
        digest=_digest(content),
        had_before=before is not None,
    )
    try:
        whole_file.write(folder / STATE, msgspec.json.encode(trial))
        whole_file.write(config, content)
    except OSError:
        if _now(config) != before:  # it stands there, and only its folder could not be synced
            return
        (folder / STATE).unlink(missing_ok=True)
        raise


def at_start(folder: Path, config: Path) -> str:
    """To be called before the station file is read: what was done about a trial, empty when nothing was.

    The second start with a file on trial means that the first one did not hold: the file before comes back.
    """
    trial = read(folder)
    if trial is None or trial.status != ON_TRIAL or trial.config != str(config):
        return ""
    if trial.starts == 0 and not _is_still(config, trial):
        _settle(folder, trial, RETURNED, "The power went before the new file was written.")
        return "the new station file was never written; the one before stands"
    if trial.starts >= 1:
        give_back(folder, trial, "The software ended before the file was kept.")
        return "the new station file did not hold; the one before is back"
    try:
        whole_file.write(folder / STATE, msgspec.json.encode(msgspec.structs.replace(trial, starts=trial.starts + 1)))
    except OSError as error:
        give_back(folder, trial, f"The trial could not be written down ({error.strerror}).")
        return f"the trial of a new station file cannot be written down ({error.strerror}); the one before is back"
    return "a new station file is on trial"


def keep(folder: Path, trial: Trial) -> None:
    """All is well with it. With a full disk the trial is forgotten: else the next start would take the file back."""
    if not _settle(folder, trial, KEPT):
        _forget(folder)


def note(folder: Path, trial: Trial) -> None:
    """Write the trial down as it is now; a full disk is logged."""
    _settle(folder, trial, trial.status)


def give_back(folder: Path, trial: Trial, reason: str = "") -> None:
    """The file before stands in its place again; one that somebody wrote by hand since stays."""
    config = Path(trial.config)
    try:
        if _is_still(config, trial):
            if trial.had_before:
                whole_file.write(config, _content(folder / BEFORE))
            else:
                config.unlink(missing_ok=True)
        else:
            log.warning("%s was changed while it was on trial: it stays as it is", config)
    except OSError as error:
        log.critical("%s cannot be put back: %s", config, error)
        _settle(folder, trial, RETURNED, reason)
        return
    if not _settle(folder, trial, RETURNED, reason):
        _forget(folder)  # else the next starts would take back what stands there then


def _is_still(config: Path, trial: Trial) -> bool:
    """Whether what is on trial stands there still; a file that is lost or cut counts as that."""
    try:
        content = config.read_bytes()
    except FileNotFoundError:
        return True
    return not content or not trial.digest or _digest(content) == trial.digest


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _content(path: Path) -> bytes:
    """Of a plain file in the hub's folder: root reads here, too, and follows no link to what is not the hub's."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            raise OSError(errno.EINVAL, "it is no plain file of its own", str(path))
        return file.read(LARGEST_BYTES + 1)[:LARGEST_BYTES]


def _now(config: Path) -> bytes | None:
    try:
        return config.read_bytes()
    except FileNotFoundError:
        return None


def _forget(folder: Path) -> None:
    try:
        (folder / STATE).unlink(missing_ok=True)
    except OSError as error:
        log.error("%s: %s", folder / STATE, error)


def _settle(folder: Path, trial: Trial, status: str, reason: str = "") -> bool:
    """Whether it is written down."""
    told = msgspec.structs.replace(trial, status=status, reason=reason or trial.reason)
    try:
        whole_file.write(folder / STATE, msgspec.json.encode(told))
    except OSError as error:
        log.error("%s: %s", folder / STATE, error)
        return False
    return True
