"""The application's .deb: an `ar` archive of three members, read as a stream; nothing of it is ever run.

Of control.tar only `Version` and `Architecture` are read. Of data.tar only what lies below ./opt/chargepoint/app is
unpacked; all other entries are checked by the same rules and passed over. Source: deb(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from fota.container import Refused, version_key
from fota.tar import FOLDER, Entry, Stream, bad, decompressed, entries

PREFIX = "opt/chargepoint/app"
LARGEST_CONTROL = 2 << 20
LARGEST_CONTROL_FILE = 64 << 10
_MEMBER = re.compile(rb"([a-z.-]{1,15})/? *[0-9]{1,12} *[0-9]{1,6} *[0-9]{1,6} *[0-7]{1,8} *([0-9]{1,10}) *`\n")
_DATA = re.compile(r"data\.tar(?:\.(xz|gz))?")
_CONTROL = re.compile(r"control\.tar(?:\.(xz|gz))?")


class Deb(Struct, frozen=True):
    """What the control file says."""

    version: str
    architecture: str


def read_deb(stream: Stream, unpacked_size: int) -> tuple[Deb, Iterator[tuple[Entry, Iterator[bytes]]]]:
    """The control file, and the entries below PREFIX, named from there. `unpacked_size`: of data.tar, signed.

    The entries come while they are read; only when they are at their end has all been checked. Raises Refused
    `bad_archive`.
    """
    if stream.exactly(8) != b"!<arch>\n":
        raise bad("It is no Debian package.")
    name, size = _member(stream)
    if name != "debian-binary" or size != 4 or not stream.exactly(4).startswith(b"2."):
        raise bad("It is no Debian package of format 2.")
    name, size = _member(stream)
    control = _CONTROL.fullmatch(name)
    if control is None or size > LARGEST_CONTROL:
        raise bad(f"control.tar does not come second in the Debian package, or is packed otherwise: {name[:20]!r}.")
    deb = _control(_small(stream, size, control[1] or ""))
    _even(stream, size)
    return deb, _application(stream, unpacked_size)


def data_size(stream: Stream) -> int:
    """Length of data.tar when it is unpacked: for who makes packages. Raises Refused `bad_archive`."""
    stream.exactly(8)
    for _member_before in range(2):
        size = _member(stream)[1]
        for _portion in stream.portions(size):
            pass
        _even(stream, size)
    name, size = _member(stream)
    return sum(len(piece) for piece in _unpacked(stream, name, size, None))


def _application(stream: Stream, unpacked_size: int) -> Iterator[tuple[Entry, Iterator[bytes]]]:
    name, size = _member(stream)
    is_there = False
    for entry, content in entries(Stream(_unpacked(stream, name, size, unpacked_size))):
        if entry.name == PREFIX and entry.kind == FOLDER:
            is_there = True
        elif entry.name == PREFIX or (PREFIX.startswith(entry.name + "/") and entry.kind != FOLDER):
            raise bad(f"/{entry.name} is no folder.")
        elif entry.name.startswith(PREFIX + "/"):
            yield (
                Entry(entry.name[len(PREFIX) + 1 :], entry.kind, entry.size, entry.mode, entry.mtime, entry.target),
                content,
            )
    _even(stream, size)
    if stream.some(1):
        raise bad("The Debian package goes on after data.tar.")
    if not is_there:
        raise bad(f"There is no /{PREFIX} in the Debian package.")


def _unpacked(stream: Stream, name: str, size: int, unpacked_size: int | None) -> Iterator[bytes]:
    data = _DATA.fullmatch(name)
    if data is None:
        raise bad(f"data.tar does not come third, or is not packed with xz or gzip (dpkg-deb -Zxz): {name[:20]!r}.")
    return decompressed(stream.portions(size), data[1] or "", unpacked_size)


def _member(stream: Stream) -> tuple[str, int]:
    header = stream.exactly(60)
    found = _MEMBER.fullmatch(header)
    if found is None:
        raise bad("The Debian package has a member that cannot be read.")
    return found[1].decode(), int(found[2])


def _even(stream: Stream, size: int) -> None:
    if size % 2 and stream.some(1) not in (b"\n", b""):
        raise bad("The Debian package is not laid out as it should be.")


def _small(stream: Stream, size: int, compression: str) -> Iterator[bytes]:
    """A small archive whose length is not known before."""
    total = 0
    for piece in decompressed(stream.portions(size), compression, None):
        total += len(piece)
        if total > LARGEST_CONTROL:
            raise bad("control.tar is too large.")
        yield piece


def _control(pieces: Iterator[bytes]) -> Deb:
    text = None
    for entry, content in entries(Stream(pieces)):
        if entry.name == "control" and text is None:
            if entry.size > LARGEST_CONTROL_FILE:
                raise bad("The control file is too large.")
            text = b"".join(content)
    fields = dict(re.findall(r"^(Version|Architecture): *(\S+) *$", (text or b"").decode("utf-8", "replace"), re.M))
    if len(fields) != 2:
        raise bad("The control file does not tell version and architecture.")
    return Deb(fields["Version"], fields["Architecture"])


def check_deb(deb: Deb, version: str, hardware: tuple[str, ...]) -> None:
    """Whether it is what the header says; a Debian revision (-1) may follow the version. Raises Refused."""
    found = deb.version.partition("-")[0]
    try:
        is_same = version_key(found) == version_key(version)
    except ValueError:
        is_same = False
    if not is_same:
        raise bad(f"The Debian package has version {deb.version[:40]!r}, the package around it {version}.")
    if deb.architecture not in (*hardware, "all"):
        raise Refused("other_hardware", f"The Debian package is for {deb.architecture[:20]!r}.")
