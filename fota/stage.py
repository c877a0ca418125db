"""`python -m fota.stage FILE`: a package is verified and unpacked beside what runs, as root, by the helper's deed.

Prints one line of JSON: `Staged` (ok, code, text, slot, version, kind, seconds, bytes_written); codes: container.CODES.
The file may belong to somebody else and change meanwhile: each chunk is a copy in this process's memory, compared with
the signed list before it is decrypted. Everything is unpacked in `.staging` and put in its place by one rename when the
last byte was good and is on the disk; what is refused, or cut, leaves nothing (the next start sweeps). Nothing that was
unpacked is run.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import errno
import fcntl
import hashlib
import hmac
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from chargepoint import slots as trees_of
from chargepoint.room import free_bytes
from fota import sealing, trees, trust
from fota.container import Content, Header, Refused, Target
from fota.deb import check_deb, read_deb
from fota.tar import FILE, FOLDER, Stream, Unpacker, bad, decompressed, entries, write_all
from fota.verify import Package, add_layout, open_package
from fota.want import CONTROLLERS, INFO, RELEASE, Release, Want, read_release, want_of

STAGING, LOCK = ".staging", ".stage-lock"
PR_SET_PDEATHSIG = 1
RESERVE_BYTES = 32 << 20
"""Room that stays free beside what is unpacked."""


class Staged(Struct, frozen=True, kw_only=True):
    """What became of it. `slot`: a or b, empty for controllers and keys. `version`: the package's."""

    ok: bool
    code: str
    text: str = ""
    slot: str = ""
    version: str = ""
    kind: str = ""
    sha256: str = ""
    seconds: float = 0.0
    bytes_written: int = 0
    targets: tuple[Target, ...] = ()


class ControllerInfo(Struct, frozen=True, kw_only=True):
    """`controllers/info.json`: the images that lie beside it. The file of a target is `stored_name(target)`."""

    version: str
    sha256: str
    notes: str = ""
    targets: tuple[Target, ...] = ()


class Place(NamedTuple):
    """Where things are on this machine."""

    slots: Path
    factory: Path
    keys: Path

    @property
    def staging(self) -> Path:
        return self.slots / STAGING


def stage(
    file: Path, place: Place, *, serial: str = "", earliest: datetime | None = None, is_plan: bool = False
) -> Staged:
    """Verify, unpack, mark ready. `is_plan`: only verify, all of it, and open every chunk. Never raises Refused."""
    began_s = time.monotonic()
    header: Header | None = None
    try:
        with _alone(place.slots):
            _sweep(place)
            keys = trust.load(place.keys, place.slots)
            want = want_of(place.slots, place.factory, serial=serial, earliest=earliest)
            with open_package(file, keys, want) as package:
                header = package.header
                slot, written = "", 0
                try:
                    if is_plan:
                        _drain(package, place)
                    else:
                        slot, written = KINDS[header.kind](package, place, want, keys)
                finally:
                    trees.remove(place.staging)
            text = "It is good." if is_plan else "It is unpacked and on the disk."
            done = Staged(ok=True, code="ok", text=text, slot=slot, bytes_written=written)
    except Refused as refused:
        done = Staged(ok=False, code=refused.code, text=refused.text)
    except trees_of.SlotsError as error:
        done = Staged(ok=False, code="busy", text=str(error))
    except OSError as error:
        done = Staged(ok=False, code="no_room" if error.errno == errno.ENOSPC else "failed", text=f"{error}.")
    return msgspec.structs.replace(
        done,
        version=header.version if header else "",
        kind=header.kind if header else "",
        sha256=header.sha256 if header else "",
        targets=header.targets if header and done.ok else (),
        seconds=round(time.monotonic() - began_s, 3),
    )


def read_controllers(slots: Path) -> ControllerInfo | None:
    """The controller images on the station, None: there are none. Raises OSError, msgspec.DecodeError."""
    try:
        return msgspec.json.decode((slots / CONTROLLERS / INFO).read_bytes(), type=ControllerInfo)
    except FileNotFoundError:
        return None


def stored_name(target: Target) -> str:
    """The name of an image in the controllers' folder: by its content, so that old and new lie beside each other."""
    return f"{target.sha256[:16]}-{target.image}"


# ------------------------------------------------------------------------------------------------- kinds of content


def _application(package: Package, place: Place, want: Want, _keys: trust.Trust) -> tuple[str, int]:
    header = package.header
    state = _free(place)
    python = f"/usr/bin/python3.{want.runtime[3:]}"
    written = _unpack_deb(package, place, re.compile(re.escape(python)))
    release = read_release(place.staging)
    told = msgspec.structs.replace(
        release, product=header.product, version=header.version, hardware=want.hardware, runtime=header.runtime
    )
    if release != told:
        raise bad(f"Its {RELEASE} says something else than the package: {release}.")
    floor = header.floor
    return _put_in_slot(place, state, header, release, floor), written


def _web(package: Package, place: Place, _want: Want, _keys: trust.Trust) -> tuple[str, int]:
    header = package.header
    state = _free(place)
    running = trees_of.tree_of(place.slots, place.factory, state.current)
    web = web_folder(running)
    _room(place, header)
    written = trees.link_tree(running, place.staging, without=frozenset({web, Path(RELEASE)}))
    folder = place.staging / web
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    unpacker = Unpacker(folder)
    for entry, content in entries(_opened_tar(package, place)):
        unpacker.place(entry, content)
    release = msgspec.structs.replace(read_release(running), web_version=header.version)
    written += unpacker.written_bytes + _write(place.staging / RELEASE, msgspec.json.encode(release) + b"\n")
    floor = state.versions.get(state.current, {}).get("floor", "")
    return _put_in_slot(place, state, header, release, floor), written


def _controllers(package: Package, place: Place, _want: Want, _keys: trust.Trust) -> tuple[str, int]:
    """Images get names of their own; the information file is what makes them count, written last."""
    header = package.header
    _room(place, header)
    wanted = {target.image: target for target in header.targets}
    place.staging.mkdir(mode=0o755)
    unpacker = Unpacker(place.staging)
    for entry, content in entries(_opened_tar(package, place)):
        if entry.kind == FOLDER and not entry.name:
            continue
        target = wanted.pop(entry.name, None)
        if entry.kind != FILE or target is None or entry.size != target.size:
            raise bad(f"{entry.name[:80]!a} is none of the images that the package names.")
        unpacker.place(entry, content)
        _check_file(place.staging / entry.name, target.sha256)
        (place.staging / entry.name).chmod(0o644)
    if wanted:
        raise bad(f"The image {min(wanted)} is missing.")
    trees.sync_tree(place.staging)
    folder = place.slots / CONTROLLERS
    if not folder.is_dir():
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
        trees.sync(place.slots)
    info = ControllerInfo(version=header.version, sha256=header.sha256, notes=header.notes, targets=header.targets)
    for target in {each.image: each for each in header.targets}.values():
        (place.staging / target.image).replace(folder / stored_name(target))
    trees.sync(folder)
    written = unpacker.written_bytes + _write_whole(folder / INFO, msgspec.json.encode(info))
    _sweep_controllers(place.slots)
    return "", written


def _key_list(package: Package, place: Place, _want: Want, keys: trust.Trust) -> tuple[str, int]:
    assert package.header.keys is not None
    for _chunk in package.chunks():  # there are none; it looks whether the file ends where it should
        pass
    return "", _write_whole(place.slots / trust.FILE, trust.file_of(package.header.keys, keys))


KINDS: dict[str, Callable[[Package, Place, Want, trust.Trust], tuple[str, int]]] = {
    "application": _application,
    "web": _web,
    "controllers": _controllers,
    "keys": _key_list,
}


def web_folder(tree: Path) -> Path:
    """Where the web pages are in a tree, relative to it. Raises Refused `failed`."""
    found = [*tree.glob("lib/python3*/site-packages/webconfig"), *tree.glob("webconfig")]
    if len(found) != 1 or found[0].is_symlink():
        raise Refused("failed", f"{tree} has {len(found)} folders of web pages, and not one.")
    return found[0].relative_to(tree)


# -------------------------------------------------------------------------------------------------------- content


def _unpack_deb(package: Package, place: Place, python: re.Pattern[str]) -> int:
    header = package.header
    assert header.content is not None
    _room(place, header)
    place.staging.mkdir(mode=0o755)
    place.staging.chmod(0o755)
    unpacker = Unpacker(place.staging, python)
    stream = Stream(_content(package, place))
    deb, found = read_deb(stream, header.content.unpacked_size)
    check_deb(deb, header.version, header.hardware)
    for entry, content in found:
        unpacker.place(entry, content)
    return unpacker.written_bytes


def _opened_tar(package: Package, place: Place) -> Stream:
    """The tar.gz or tar.xz in web and controller packages."""
    content = package.header.content
    assert content is not None
    compression = {"gz": "gz", "xz": "xz"}.get(content.name.rpartition(".")[2], "")
    return Stream(_to_its_end(Stream(_content(package, place)), compression, content))


def _to_its_end(stream: Stream, compression: str, content: Content) -> Iterator[bytes]:
    yield from decompressed(stream.portions(content.size), compression, content.unpacked_size)
    if stream.some(1):  # asks for the end, and so for the last checks of `_content`
        raise bad("The archive goes on after its end.")


def _content(package: Package, place: Place) -> Iterator[bytes]:
    """The content, chunk by chunk, each verified; at the end all of it once more. Raises Refused."""
    header = package.header
    assert header.content is not None and header.encryption is not None
    sealer = sealing.Sealer(header, sealing.unwrap(header.encryption, trust.read_product_keys(place.keys)))
    digest = hashlib.sha256()
    for index, sealed in enumerate(package.chunks()):
        plain = sealer.open_chunk(index, sealed)
        del sealed  # one chunk sealed and one open is all that is in memory
        digest.update(plain)
        yield plain
        del plain
    if not hmac.compare_digest(digest.hexdigest(), header.content.sha256):
        raise Refused("damaged", "The content is not what the header says.")


def _drain(package: Package, place: Place) -> None:
    for _piece in _content(package, place) if package.header.content else package.chunks():
        pass


def _check_file(path: Path, sha256: str) -> None:
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise Refused("damaged", f"The image {path.name} is not the one that the package names.")


# ---------------------------------------------------------------------------------------------------------- slots


def _free(place: Place) -> trees_of.Slots:
    """The state in which a slot may be filled. Raises Refused `busy`."""
    state = trees_of.read(place.slots)
    if state.trial:
        raise Refused("busy", "A new version is on trial: the other slot is its way back.")
    return state


def _room(place: Place, header: Header) -> None:
    """Raises Refused `no_room`."""
    assert header.content is not None
    free = free_bytes(place.slots)
    needed = header.content.unpacked_size + RESERVE_BYTES
    if free < needed:
        raise Refused("no_room", f"It needs {needed >> 20} MiB of room, {free >> 20} MiB are free. Remove packages.")


def _put_in_slot(place: Place, before: trees_of.Slots, header: Header, release: Release, floor: str) -> str:
    """The tree in `.staging` becomes the free slot, and ready. Raises OSError, SlotsError, Refused."""
    if not trees_of.is_whole(place.staging, release.version):
        raise bad("There is no bin/python in it that could be run here.")
    trees.sync_tree(place.staging)
    folder = trees_of.open_slot(place.slots)
    if trees_of.read(place.slots).current != before.current:
        raise Refused("busy", "Another version runs than when this began.")
    place.staging.rename(folder)
    trees.sync(place.slots)
    info = {
        "version": release.version,
        "kind": header.kind,
        "sha256": header.sha256,
        "web_version": release.web_version,
        "floor": floor,
    }
    trees_of.mark_ready(place.slots, folder.name, info)
    return folder.name


@contextlib.contextmanager
def _alone(slots: Path) -> Iterator[None]:
    """One staging at a time. Raises Refused `busy`, OSError."""
    slots.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor = os.open(slots / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Refused("busy", "Another package is being unpacked.") from None
    try:
        yield
    finally:
        os.close(descriptor)


def _sweep(place: Place) -> None:
    """What a staging that was cut left behind. Raises OSError."""
    trees.remove(place.staging)
    trees.remove(place.slots / (trust.FILE + ".new"))
    _sweep_controllers(place.slots)


def _sweep_controllers(slots: Path) -> None:
    """Images that the information file does not name."""
    folder = slots / CONTROLLERS
    if not folder.is_dir():
        return
    with contextlib.suppress(msgspec.DecodeError):
        info = read_controllers(slots)
        named = {stored_name(target) for target in info.targets} | {INFO} if info else set()
        for path in folder.iterdir():
            if path.name not in named:
                trees.remove(path)


def _write(path: Path, content: bytes) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb", buffering=0):
        os.fchmod(descriptor, 0o644)
        write_all(descriptor, content)
        os.fsync(descriptor)
    return len(content)


def _write_whole(path: Path, content: bytes) -> int:
    """Whole or not at all, durable, readable by all."""
    new = path.with_name(path.name + ".new")
    trees.remove(new)
    try:
        _write(new, content)
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    trees.sync(path.parent)
    return len(content)


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0: done, 1: refused or failed."""
    parser = argparse.ArgumentParser(prog="python -m fota.stage", description="Unpack a package beside what runs.")
    add_layout(parser)
    parser.add_argument("--plan", action="store_true", help="only verify, with the product key")
    given = parser.parse_args(arguments)
    os.umask(0o022)
    # with whoever asked for it, it ends: nobody would hear of what it made ready, and it would keep others out
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    os.nice(19)
    place = Place(given.slots, given.factory, given.keys)
    staged = stage(given.file, place, serial=given.serial, earliest=given.earliest, is_plan=given.plan)
    sys.stdout.write(msgspec.json.encode(staged).decode() + "\n")
    return 0 if staged.ok else 1


if __name__ == "__main__":
    sys.exit(main())
