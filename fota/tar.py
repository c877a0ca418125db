"""A tar archive as it comes, unpacked by our own rules: what is in doubt is refused, and nothing lands outside.

Only bytes that were verified get here (`Package.chunks`), and still nothing is believed. Taken are regular files,
folders and relative links that stay inside; every folder has to come before what is in it. There are no owners (all is
root's), no rights but 0755 and 0644, no hard links, devices, pipes, set-user-id, sparse files. `tarfile` reads single
header blocks for us and never sees a file system.
"""

from __future__ import annotations

import lzma
import os
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from fota.container import Refused

BLOCK = 512
PIECE_BYTES = 64 << 10
DECODER_BYTES = 6 << 20
"""Memory that decompression may take: xz -4 (4 MiB of dictionary) needs 5; -6 needs 9 and would be a quarter of all."""
MOST_ENTRIES = 50_000
LONGEST_NAME = 1024
LONGEST_EXTENSION = 8 << 10
DEEPEST = 32

FILE, FOLDER, LINK = "file", "folder", "link"
KINDS = {tarfile.REGTYPE: FILE, tarfile.AREGTYPE: FILE, tarfile.DIRTYPE: FOLDER, tarfile.SYMTYPE: LINK}
FORBIDDEN = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}


def bad(text: str) -> Refused:
    return Refused("bad_archive", text)


class Stream:
    """Bytes that come in pieces, read in portions of one's own."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = b""
        self._at = 0

    def some(self, most: int) -> bytes:
        """At most so many of the bytes that are there next, as a copy; none only at the end."""
        while self._at == len(self._piece):
            self._piece, self._at = b"", 0  # a piece is large: it goes before the next is made
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._piece = piece
        taken = self._piece[self._at : self._at + most]
        self._at += len(taken)
        return taken

    def exactly(self, size: int) -> bytes:
        """So many bytes, at most a few kB. Raises Refused when it ends before."""
        parts = []
        while size:
            part = self.some(size)
            if not part:
                raise bad("An archive ends in the middle.")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def portions(self, size: int) -> Iterator[bytes]:
        """So many bytes, piece by piece. Raises Refused when it ends before."""
        while size:
            part = self.some(min(size, PIECE_BYTES))
            if not part:
                raise bad("An archive ends in the middle.")
            size -= len(part)
            yield part


def decompressed(packed: Iterator[bytes], compression: str, size: int | None) -> Iterator[bytes]:
    """The content of a stream packed with xz, gz or nothing (""): exactly `size` bytes (None: any), in small pieces.

    Raises Refused: bad_archive (more, fewer, damaged, bytes after the end, too much memory needed).
    """
    total = 0
    for piece in _UNPACKERS[compression](packed):
        total += len(piece)
        if size is not None and total > size:
            raise bad(f"An archive unpacks to more than the {size} bytes that were signed.")
        yield piece
    if size is not None and total != size:
        raise bad(f"An archive unpacks to {total} bytes, not to the {size} that were signed.")


def _plain(packed: Iterator[bytes]) -> Iterator[bytes]:
    yield from packed


def _unpacked_xz(packed: Iterator[bytes]) -> Iterator[bytes]:
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=DECODER_BYTES)
    try:
        for piece in packed:
            if decoder.eof:
                raise bad("An archive goes on after its end.")
            given = piece
            while not decoder.eof and (given or not decoder.needs_input):
                yield decoder.decompress(given, PIECE_BYTES)
                given = b""
    except lzma.LZMAError as error:
        hint = "; pack it with a smaller dictionary (dpkg-deb -Zxz -z4)" if "limit" in str(error) else ""
        raise bad(f"An archive cannot be unpacked: {error}{hint}.") from None
    _end(decoder.eof, decoder.unused_data)


def _unpacked_gz(packed: Iterator[bytes]) -> Iterator[bytes]:
    decoder = zlib.decompressobj(wbits=31)
    try:
        for piece in packed:
            if decoder.eof:
                raise bad("An archive goes on after its end.")
            given = piece
            while given and not decoder.eof:
                yield decoder.decompress(given, PIECE_BYTES)
                given = decoder.unconsumed_tail
        while not decoder.eof and (rest := decoder.decompress(b"", PIECE_BYTES)):
            yield rest
    except zlib.error as error:
        raise bad(f"An archive cannot be unpacked: {error}.") from None
    _end(decoder.eof, decoder.unused_data)


def _end(is_whole: bool, unused: bytes) -> None:
    if not is_whole:
        raise bad("An archive ends in the middle.")
    if unused:
        raise bad("An archive goes on after its end.")


_UNPACKERS = {"": _plain, "xz": _unpacked_xz, "gz": _unpacked_gz}


class Entry(Struct, frozen=True):
    """One thing in an archive. `name` has no ./ before it; empty: the top folder. `target`: where a link points to."""

    name: str
    kind: str
    size: int
    mode: int
    mtime: int
    target: str = ""


def entries(stream: Stream) -> Iterator[tuple[Entry, Iterator[bytes]]]:
    """All entries, each with its content, of which what is not read is passed over. Raises Refused `bad_archive`."""
    for _number in range(MOST_ENTRIES):
        entry = _next_entry(stream)
        if entry is None:
            _only_zeros(stream)
            return
        content = stream.portions(entry.size)
        yield entry, content
        for _portion in content:
            pass
        _padding(stream, entry.size)
    raise bad(f"An archive has more than {MOST_ENTRIES} entries.")


def _next_entry(stream: Stream) -> Entry | None:
    """None at the end. Long names stand in entries before."""
    longer: dict[str, str] = {}
    for _extension in range(4):
        block = stream.exactly(BLOCK)
        if not any(block):
            if longer:
                raise bad("An archive ends after a long name.")
            return None
        found = _parsed(block)
        if found.type == tarfile.GNUTYPE_LONGNAME:
            longer["path"] = _long_name(_extension_content(stream, found.size))
        elif found.type == tarfile.GNUTYPE_LONGLINK:
            longer["linkpath"] = _long_name(_extension_content(stream, found.size))
        elif found.type == tarfile.XHDTYPE:
            longer |= _pax(_extension_content(stream, found.size))
        else:
            return _entry(found, longer)
    raise bad("An archive has too many extensions of one entry.")


def _parsed(block: bytes) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise bad(f"An archive has a header that cannot be read: {error}.") from None


def _entry(found: tarfile.TarInfo, longer: dict[str, str]) -> Entry:
    raw = longer.get("path", found.name)
    kind = KINDS.get(found.type)
    if kind is None:
        raise bad(f"{_shown(raw)} is {FORBIDDEN.get(found.type, 'of an unknown kind')}.")
    if found.mode & ~0o777 & 0o7777:
        raise bad(f"{_shown(raw)} has a set-user-id, set-group-id or sticky bit.")
    if found.size < 0 or (kind != FILE and found.size):
        raise bad(f"{_shown(raw)} has a size that cannot be.")
    name = _checked(raw, is_folder=kind == FOLDER)
    target = longer.get("linkpath", found.linkname) if kind == LINK else ""
    return Entry(name, kind, found.size, found.mode, min(max(int(found.mtime), 0), 0xFFFFFFFF), target)


def _checked(raw: str, *, is_folder: bool) -> str:
    """A name as parts below the top. Raises Refused."""
    name = raw[2:] if raw.startswith("./") else raw
    if is_folder:
        name = name.removesuffix("/")
        if name in ("", "."):
            return ""
    parts = name.split("/")
    is_plain = all(part not in ("", ".", "..") and len(part.encode()) <= 255 for part in parts)
    if not is_plain or len(parts) > DEEPEST or len(name) > LONGEST_NAME or not name.isprintable() or "\\" in name:
        raise bad(f"{_shown(raw)} is no name of a file inside.")
    return name


def _shown(name: str) -> str:
    return ascii(name[:80])


def _extension_content(stream: Stream, size: int) -> bytes:
    if not 0 < size <= LONGEST_EXTENSION:
        raise bad(f"An archive has an extension of {size} bytes.")
    content = stream.exactly(size)
    _padding(stream, size)
    return content


def _long_name(content: bytes) -> str:
    try:
        return content.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        raise bad("An archive has a name that is no UTF-8.") from None


def _pax(content: bytes) -> dict[str, str]:
    """Names out of a pax header; times and owners are passed over, all else is refused."""
    found = {}
    while content:
        length, _blank, _rest = content.partition(b" ")
        if not length.isdigit() or not len(length) + 2 < int(length) <= len(content) or content[int(length) - 1] != 10:
            raise bad("An archive has a pax header that cannot be read.")
        record, content = content[len(length) + 1 : int(length) - 1], content[int(length) :]
        key, is_there, value = record.partition(b"=")
        name = key.decode("ascii", "replace")
        if not is_there or name not in ("path", "linkpath", "mtime", "atime", "ctime", "uid", "gid", "uname", "gname"):
            raise bad(f"An archive has the pax header {_shown(name)}.")
        if name in ("path", "linkpath"):
            found[name] = _long_name(value)
    return found


def _padding(stream: Stream, size: int) -> None:
    stream.exactly(-size % BLOCK)


def _only_zeros(stream: Stream) -> None:
    while piece := stream.some(PIECE_BYTES):
        if any(piece):
            raise bad("An archive goes on after its end.")


class Unpacker:
    """Writes entries into an empty folder that nobody else writes. `python`: where alone bin/python* may point to
    outside, as a pattern of the whole target."""

    def __init__(self, root: Path, python: re.Pattern[str] | None = None) -> None:
        self._root = root
        self._python = python
        self._folders = {""}
        self.written_bytes = 0

    def place(self, entry: Entry, content: Iterator[bytes]) -> None:
        """Raises Refused `bad_archive`, OSError."""
        name = entry.name
        if not name:
            if entry.kind != FOLDER:
                raise bad("The top of an archive is no folder.")
            return
        parent = name.rpartition("/")[0]
        if parent not in self._folders:
            raise bad(f"{_shown(name)} lies in what is no folder of the archive.")
        try:
            self._place(entry, content)
        except FileExistsError:
            raise bad(f"{_shown(name)} is there twice.") from None

    def _place(self, entry: Entry, content: Iterator[bytes]) -> None:
        path = self._root / entry.name
        if entry.kind == FOLDER:
            path.mkdir(mode=0o755)
            path.chmod(0o755)
            self._folders.add(entry.name)
        elif entry.kind == LINK:
            self._check_link(entry)
            path.symlink_to(entry.target)
        else:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                for portion in content:
                    self.written_bytes += write_all(file.fileno(), portion)
                os.fchmod(descriptor, 0o755 if entry.mode & 0o100 else 0o644)
                os.utime(descriptor, (entry.mtime, entry.mtime))

    def _check_link(self, entry: Entry) -> None:
        """Up only at the beginning and not above the top, then down: so it stays inside whatever else is a link."""
        target = entry.target
        is_python = entry.name.startswith("bin/python") and entry.name.count("/") == 1
        if is_python and self._python is not None and self._python.fullmatch(target):
            return
        parts = target.split("/")
        ups = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
        depth = entry.name.count("/")
        if (
            ups > depth
            or any(part in ("", ".", "..") for part in parts[ups:])
            or len(target) > LONGEST_NAME
            or not target.isprintable()
        ):
            raise bad(f"The link {_shown(entry.name)} points to {_shown(target)}.")


def write_all(descriptor: int, content: bytes) -> int:
    """Bytes written. Raises OSError."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    return len(content)
