"""Packages on a USB stick: copied from it, and nothing else is done with it (S19).

Partitions of removable disks are mounted read-only, without devices, set-user-id and programs, in a folder that only
root enters, and unmounted whatever happens. Only plain files in the top folder whose names are those of packages are
copied, bounded in number and size; what is copied is verified later like any other package.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

BLOCKS = Path("/sys/class/block")
DEVICES = Path("/dev")
FILE_SYSTEMS = ("vfat", "exfat", "ext4")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}\.cpk")
MOST_FILES = 16
MOST_PARTITIONS = 8
MOST_ENTRIES = 4096
"""Files of the top folder that are looked at."""
SPARE_BYTES = 64 << 20
"""So much of the disk stays free in any case."""
CHUNK_BYTES = 1 << 20

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC
UMOUNT_NOFOLLOW = 8
MNT_DETACH = 2

Mount = Callable[[Path, Path], None]
"""A device to a folder. Raises OSError."""
Unmount = Callable[[Path], None]


class Copied(msgspec.Struct, frozen=True):
    """What came of it. `problem` empty: all went well; `names` are in the folder now."""

    names: tuple[str, ...] = ()
    problem: str = ""


def partitions(blocks: Path = BLOCKS, devices: Path = DEVICES) -> tuple[Path, ...]:
    """Devices of file systems on removable disks and disks at USB, as sysfs says; at most eight."""
    found: list[Path] = []
    with suppress(OSError):
        for entry in sorted(blocks.iterdir()):
            disk = entry.resolve()
            is_part = (disk / "partition").exists()
            whole = disk.parent if is_part else disk
            if not _is_removable(whole) or (not is_part and _has_parts(whole)):
                continue
            found.append(devices / entry.name)
    return tuple(found[:MOST_PARTITIONS])


def _is_removable(disk: Path) -> bool:
    with suppress(OSError):
        if (disk / "size").read_text("ascii").strip() == "0":
            return False  # a reader without a card
        if (disk / "removable").read_text("ascii").strip() == "1":
            return True
    return any(part.startswith("usb") and part[3:].isdigit() for part in disk.parts)


def _has_parts(disk: Path) -> bool:
    with suppress(OSError):
        return any((entry / "partition").exists() for entry in disk.iterdir() if entry.is_dir())
    return False


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6", use_errno=True)


def mount(device: Path, folder: Path) -> None:
    """Read-only, by the first of `FILE_SYSTEMS` that fits. Raises OSError."""
    libc = _libc()
    error = 0
    for system in FILE_SYSTEMS:
        options = b"noload" if system == "ext4" else None  # a journal would be written to the stick
        if libc.mount(os.fsencode(device), os.fsencode(folder), system.encode(), FLAGS, options) == 0:
            return
        error = ctypes.get_errno()
    raise OSError(error, os.strerror(error), str(device))


def unmount(folder: Path) -> None:
    """Whatever still looks into it. Raises OSError."""
    if _libc().umount2(os.fsencode(folder), UMOUNT_NOFOLLOW | MNT_DETACH) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), str(folder))


@contextmanager
def _mounted(device: Path, do_mount: Mount, do_unmount: Unmount) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="chargepoint-usb-"))  # 0700, of root
    try:
        do_mount(device, folder)
        try:
            yield folder
        finally:
            do_unmount(folder)
    finally:
        with suppress(OSError):  # never what is in it: it may still be the stick
            folder.rmdir()


def read(
    fota: Path,
    largest_bytes: int,
    floor_pct: int = 0,
    *,
    devices: tuple[Path, ...] | None = None,
    do_mount: Mount = mount,
    do_unmount: Unmount = unmount,
) -> Copied:
    """Copy the packages of all sticks to `fota`/usb, which is emptied first; of the account that owns `fota`.

    `floor_pct` of the disk stay free, SPARE_BYTES at least.
    """
    found = partitions() if devices is None else devices
    names: list[str] = []
    problems: list[str] = []
    try:
        target = _emptied(fota)
    except OSError as error:
        return Copied(problem=f"{fota / 'usb'}: {error.strerror}")
    try:
        if not found:
            return Copied(problem="There is no USB stick.")
        for device in found:
            try:
                with _mounted(device, do_mount, do_unmount) as folder:
                    _copy_all(folder, target, (largest_bytes, floor_pct), names, problems)
            except OSError as error:
                problems.append(f"{device.name}: {error.strerror or error}")
    finally:
        os.close(target)
    if not names and not problems:
        problems.append("There is no package (*.cpk) in the top folder of the stick.")
    return Copied(names=tuple(names), problem="; ".join(problems)[:500])


def _emptied(fota: Path) -> int:
    """A descriptor of `fota`/usb, with nothing in it. The folder is another account's: no link is followed."""
    parent = os.open(fota, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        owner = os.fstat(parent)
        with suppress(FileExistsError):
            os.mkdir("usb", 0o700, dir_fd=parent)
        target = os.open("usb", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    finally:
        os.close(parent)
    try:
        if os.geteuid() == 0:
            os.fchown(target, owner.st_uid, owner.st_gid)
        for name in os.listdir(target):  # noqa: PTH208 (of a descriptor)
            os.unlink(name, dir_fd=target)
    except OSError:
        os.close(target)
        raise
    return target


def _copy_all(folder: Path, target: int, bounds: tuple[int, int], names: list[str], problems: list[str]) -> None:
    with os.scandir(folder) as entries:
        seen = sorted(entry.name for entry, _ in zip(entries, range(MOST_ENTRIES), strict=False))
    for name in seen:
        if not NAME.fullmatch(name) or name in names:
            continue
        if len(names) >= MOST_FILES:
            problems.append(f"more than {MOST_FILES} packages: the others were left out")
            return
        try:
            _copy(folder / name, target, *bounds)
        except OSError as error:
            problems.append(f"{name}: {error.strerror or error}")
        else:
            names.append(name)


def _copy(source: Path, target: int, largest_bytes: int, floor_pct: int) -> None:
    """A plain file, whole or not at all. Raises OSError."""
    came = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(came, "rb") as file:
        status = os.fstat(came)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is no plain file")
        disk = os.fstatvfs(target)
        free_bytes, floor_bytes = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize * floor_pct // 100
        if status.st_size > largest_bytes:
            raise OSError(0, f"it is larger than {largest_bytes >> 20} MiB")
        if status.st_size + max(SPARE_BYTES, floor_bytes) > free_bytes:
            raise OSError(0, "there is no room for it")
        new = os.open(
            source.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=target
        )
        try:
            with os.fdopen(new, "wb") as copy:
                left = status.st_size
                while left and (chunk := file.read(min(left, CHUNK_BYTES))):
                    copy.write(chunk)
                    left -= len(chunk)
                copy.flush()
                os.fsync(new)
                if left:
                    raise OSError(0, "it is shorter than it says")
                if os.geteuid() == 0:
                    owner = os.fstat(target)
                    os.fchown(new, owner.st_uid, owner.st_gid)
        except OSError:
            with suppress(OSError):
                os.unlink(source.name, dir_fd=target)
            raise
