"""Reading a configuration file, and keeping a good copy of it for the day the file is damaged.

The copies lie in the data folder: `station-good.toml` and one older generation, `station-good-1.toml`. Each begins with
a comment line that holds the checksum of the rest and the name of the file it is a copy of: it serves only in that
file's place.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chargepoint.config_faults import ConfigError, Fault, shown
from chargepoint.config_text import TooDeep, loads
from chargepoint.whole_file import sync_folder

log = logging.getLogger(__name__)

LARGEST_BYTES = 1 << 20
GOOD = "station-good.toml"
OLDER = "station-good-1.toml"
_HEAD = re.compile(rb"# last good station file, sha256 ([0-9a-f]{64})(?:, of (\"[^\n]*\"))?\n")
_LONGEST_HEAD = 32_768
_POSITION = re.compile(r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)$", re.DOTALL)


def read(path: Path, *, private: bool = False) -> bytes:
    """The bytes of a configuration file, at most 1 MiB. Raises ConfigError when there is no such file to be read.

    `private`: refuse a file that others than its owner may read or change; a missing one raises FileNotFoundError.
    """
    name = path.name
    try:
        # Non-blocking: what stands there may be a pipe that nobody writes.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _unusable(path, "this is not a file", "Name the station file itself.")
            mode = stat.S_IMODE(status.st_mode)
            if private and mode & 0o077:
                raise ConfigError(
                    path,
                    [
                        Fault(
                            "the file's mode",
                            f"0{mode:03o}",
                            "others than its owner may read or change the secrets in it",
                            f"Set it with: chmod 600 {path}; and replace what others may have read.",
                            name,
                        )
                    ],
                )
            content = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        if private:
            raise
        raise _unusable(
            path,
            f"there is no file {path}",
            "Name the station file. `chargepoint discover` proposes one; examples lie in examples/.",
        ) from None
    except IsADirectoryError:
        raise _unusable(path, "this is not a file", "Name the station file itself.") from None
    except OSError as error:
        raise _unusable(path, f"it cannot be read ({error.strerror})", "Check its rights and the disk.") from None
    if len(content) > LARGEST_BYTES:
        raise _unusable(
            path, f"it is larger than {LARGEST_BYTES} bytes, so it is not a station file", "Put the right file there."
        )
    return content


def _unusable(path: Path, reason: str, remedy: str) -> ConfigError:
    return ConfigError(path, [Fault("the whole file", "", reason, remedy, path.name)])


def parse(content: bytes, name: str, *, private: bool = False) -> dict[str, Any]:
    """TOML as plain values. Raises ConfigError with the place of the fault; `private`: without what stands there."""
    path = Path(name)
    remedy = "Restore it from a copy, or write it anew after one of examples/."
    if not content.strip():
        if private:
            return {}
        raise _unusable(path, "it is empty", remedy)
    if b"\0" in content:
        where = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise _unusable(path, f"it is damaged: NUL bytes from line {where} on, as after a power cut", remedy)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        where = content.count(b"\n", 0, error.start) + 1
        raise _unusable(
            path, f"line {where} is not UTF-8 text", "Save it as UTF-8, or restore it from a copy."
        ) from None
    try:
        return loads(text)
    except TooDeep as error:
        raise _unusable(path, str(error), remedy) from None
    except ValueError as error:
        raise ConfigError(path, [_syntax_fault(str(error), text, name, private)]) from None


def _syntax_fault(message: str, text: str, name: str, private: bool) -> Fault:
    lines = text.splitlines() or [""]
    place = _POSITION.match(message)
    number = int(place["line"]) if place and place["line"] else len(lines)
    what = place["what"] if place else message
    line = lines[number - 1].strip() if number <= len(lines) else ""
    if what.startswith("Cannot overwrite a value"):
        reason, remedy = "this key stands there twice", "Remove one of the two."
    elif what.startswith("Cannot declare"):
        reason = "this section stands there twice"
        remedy = "Join the two; sections of a list stand in [[double brackets]]."
    else:
        reason = f"this is not TOML: {shown(what).strip(chr(34))}"
        remedy = "Text stands in quotes, numbers and true or false without, one key = value a line."
    found = "" if private or not line else shown(line)
    return Fault(f"line {number}", found, reason, remedy, name)


def keep(content: bytes, folder: Path, origin: Path) -> None:
    """Keep `content` of the file `origin` as the last good one, durably; the one before becomes the older generation.

    Nothing is written when it is kept already. A disk that cannot be written is logged: it does not stop a station.
    """
    good, older, new = folder / GOOD, folder / OLDER, folder / (GOOD + ".new")
    current = _checked(good)
    if current == (content, _name(origin)):
        return
    head = f"# last good station file, sha256 {hashlib.sha256(content).hexdigest()}, of {_name(origin)}\n".encode()
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(head + content)
            file.flush()
            os.fsync(file.fileno())
        if current is not None:
            good.replace(older)
        new.replace(good)
        sync_folder(folder)
    except OSError as error:
        log.warning("the last good station file could not be kept in %s: %s", folder, error.strerror)
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)


def kept(folder: Path, origin: Path) -> Iterator[tuple[Path, bytes]]:
    """The good copies of the file `origin` kept in `folder`, newest first; a damaged one is passed over."""
    for path in (folder / GOOD, folder / OLDER):
        found = _checked(path)
        if found is not None and found[1] in (_name(origin), ""):
            yield path, found[0]


def _name(origin: Path) -> str:
    """The whole name of a file as it stands in the head of its copy: one line whatever it holds."""
    return json.dumps(str(origin.absolute()))


def _checked(path: Path) -> tuple[bytes, str] | None:
    """What a kept copy holds, if its checksum is right, and of which file it is ("" when that is not known)."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + _LONGEST_HEAD)
    except OSError:
        return None
    head = _HEAD.match(content)
    if head is None:
        return None
    content = content[head.end() :]
    if hashlib.sha256(content).hexdigest().encode() != head[1]:
        return None
    return content, (head[2] or b"").decode("ascii", "replace")
