"""Is a file a package for this station? `inspect` says so, `python -m fota.verify FILE` prints it as one line of JSON.

    inspect(path, trust, want, with_payload=True) -> Verdict(ok, code, text, header, ...)
    open_package(path, trust, want) -> Package, whose `chunks()` are compared with the signed list one by one

Nothing is decrypted here and no product key is needed: this runs as the account of `fota`. What is installed is checked
once more by `fota.stage`, chunk by chunk, in its own memory.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import os
import stat
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from chargepoint.layout import ON_THIS_MACHINE
from fota import container, trust
from fota.container import PRELUDE_BYTES, TAG_BYTES, Header, Refused, fits, version_key
from fota.sealing import pieces
from fota.want import Want, want_of

__all__ = ["Package", "Verdict", "Want", "inspect", "main", "open_package"]


class Verdict(Struct, frozen=True, kw_only=True):
    """`code` is one of `fota.container.CODES`, `text` the same for people. `header` is there once it could be believed,
    also when the package is refused for what it says (older, other_product ...).

    `sha256`: by which the package is known again (slots.json); `key_id` (hex) of whoever signed; `may_go_back`: it was
    let through by a signed exception.
    """

    ok: bool
    code: str
    text: str = ""
    header: Header | None = None
    size_bytes: int = 0
    sha256: str = ""
    key_id: str = ""
    may_go_back: bool = False


class Package:
    """An open file whose prelude and header are good. Use it as a context."""

    def __init__(self, file: BinaryIO, prelude: container.Prelude, header: Header, key_id: str) -> None:
        self._file = file
        self.prelude = prelude
        self.header = header
        self.key_id = key_id

    def __enter__(self) -> Package:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def chunks(self) -> Iterator[bytes]:
        """Each sealed chunk as a copy of its own that has the signed hash. Raises Refused: damaged, truncated, failed.

        The file may be changed meanwhile by whoever owns it: what is yielded is what was signed, or nothing is.
        """
        header = self.header
        sizes = pieces(header.content.size) if header.content else []
        whole = hashlib.sha512()
        self._file.seek(PRELUDE_BYTES + self.prelude.header_bytes)
        for index, size in enumerate(sizes):
            sealed = _read(self._file, size + TAG_BYTES)
            if not hmac.compare_digest(hashlib.sha256(sealed).hexdigest(), header.chunks[index]):
                raise Refused("damaged", f"Part {index + 1} of {len(sizes)} is not what was signed; fetch it again.")
            whole.update(sealed)
            yield sealed
            del sealed  # before the next is read: memory is scarce where this runs
        if not hmac.compare_digest(whole.digest(), self.prelude.payload_sha512):
            raise Refused("damaged", "The payload is not what was signed; fetch it again.")
        if _read_some(self._file, 1):
            raise Refused("damaged", "The file has bytes after its signed end.")


def open_package(path: Path, keys: trust.Trust, want: Want) -> Package:
    """Open a file and check prelude, signature, lengths, header and whether it is for this station, in this order.

    Raises Refused. The payload is checked while it is read: `Package.chunks`.
    """
    package = _opened(path, keys, want)
    try:
        check(package.header, keys, want)
    except BaseException:
        package.__exit__()
        raise
    return package


def inspect(path: Path, keys: trust.Trust, want: Want, *, with_payload: bool = True) -> Verdict:
    """Whether the station would install it. `with_payload=False`: only what its header says (a list of packages)."""
    try:
        package = _opened(path, keys, want)
    except Refused as refused:
        return Verdict(ok=False, code=refused.code, text=refused.text)
    with package:
        header = package.header
        verdict = Verdict(
            ok=True,
            code="ok",
            header=header,
            size_bytes=package.prelude.total_bytes,
            sha256=header.sha256,
            key_id=package.key_id,
        )
        try:
            may_go_back = check(header, keys, want)
            if with_payload:
                for _chunk in package.chunks():
                    pass
        except Refused as refused:
            return msgspec.structs.replace(verdict, ok=False, code=refused.code, text=refused.text)
        return msgspec.structs.replace(verdict, may_go_back=may_go_back)


def check(header: Header, keys: trust.Trust, want: Want) -> bool:
    """Whether a package that is ours is for this station; true when a signed exception let it through.

    Raises Refused: other_product, other_hardware, other_runtime, older, same, does_not_fit.
    """
    if header.product != want.product:
        raise Refused("other_product", f"It is for {header.product}; this is {want.product}.")
    if header.keys is not None:
        trust.check_list(header.keys, keys)
        return False
    if "all" not in header.hardware and want.hardware not in header.hardware:
        raise Refused("other_hardware", f"It is for {', '.join(header.hardware)}; this is {want.hardware}.")
    if header.runtime and header.runtime != want.runtime:
        raise Refused("other_runtime", f"It is for {header.runtime}; this is {want.runtime}.")
    if header.fits and not fits(want.version, header.fits):
        text = f"It fits {', '.join(header.fits)}; {want.version} runs here. Install one of those first."
        raise Refused("does_not_fit", text)
    return _check_version(header, want)


def _check_version(header: Header, want: Want) -> bool:
    running = {"application": want.version, "web": want.web_version, "controllers": want.controllers_version}
    new, old = version_key(header.version), version_key(running[header.kind])
    is_below = header.kind == "application" and new < version_key(want.floor)
    if (new > old or (new == old and header.repair)) and not is_below:
        return False
    exception = header.exception
    is_meant = exception is not None and bool({want.serial or "*", "*"} & set(exception.serials))
    if exception is not None and is_meant and (exception.until is None or want.now <= exception.until):
        return True
    if new == old and not is_below:
        raise Refused("same", f"Version {header.version} is here already.")
    what = f"the floor is {want.floor}" if is_below else f"{running[header.kind]} is here"
    left = "" if exception is None else "; its exception is for other stations, or over"
    raise Refused("older", f"It has version {header.version}, {what}{left}. Going back needs a signed exception.")


def _opened(path: Path, keys: trust.Trust, want: Want) -> Package:
    file = _open(path)
    try:
        prelude = container.read_prelude(_read_some(file, PRELUDE_BYTES))
        signer = trust.check_signature(prelude, keys, want.now)
        container.check_lengths(prelude, os.fstat(file.fileno()).st_size)
        header = container.read_header(_read(file, prelude.header_bytes), prelude)
        trust.check_role(header, signer, keys)
        return Package(file, prelude, header, signer.id)
    except BaseException:
        file.close()
        raise


def _open(path: Path) -> BinaryIO:
    """A regular file; no link is followed, and nothing waits for a pipe's other end. Raises Refused `unreadable`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise Refused("unreadable", f"{path.name} cannot be opened: {error}.") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refused("unreadable", f"{path.name} is no regular file.")
    return os.fdopen(descriptor, "rb", buffering=0)


def _read_some(file: BinaryIO, size: int) -> bytes:
    """Up to `size` bytes, fewer only at the end of the file. Raises Refused `failed`."""
    found = b""
    try:
        while len(found) < size and (more := file.read(size - len(found))):
            found = found + more if found else more
    except OSError as error:
        raise Refused("failed", f"The file cannot be read: {error.strerror}.") from None
    return found


def _read(file: BinaryIO, size: int) -> bytes:
    found = _read_some(file, size)
    if len(found) < size:
        raise Refused("truncated", "The file became shorter while it was read; fetch it again.")
    return found


def add_layout(parser: argparse.ArgumentParser) -> None:
    """The options that `fota.verify` and `fota.stage` share."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the package")
    parser.add_argument("--slots", type=Path, default=ON_THIS_MACHINE.slots, metavar="DIR")
    parser.add_argument("--factory", type=Path, default=ON_THIS_MACHINE.factory, metavar="DIR")
    parser.add_argument("--keys", type=Path, default=ON_THIS_MACHINE.keys, metavar="DIR")
    parser.add_argument("--serial", default="", help="of this station, for exceptions made for single ones")
    parser.add_argument("--earliest", type=_time, metavar="TIME", help="the earliest time that can be true (ISO 8601)")


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when it may be installed, 1 when it is refused."""
    parser = argparse.ArgumentParser(prog="python -m fota.verify", description="Check an update package.")
    add_layout(parser)
    parser.add_argument("--header-only", action="store_true", help="do not read the payload")
    given = parser.parse_args(arguments)
    began_s = time.monotonic()
    try:
        keys = trust.load(given.keys, given.slots)
        want = want_of(given.slots, given.factory, serial=given.serial, earliest=given.earliest)
        verdict = inspect(given.file, keys, want, with_payload=not given.header_only)
    except Refused as refused:
        verdict = Verdict(ok=False, code=refused.code, text=refused.text)
    told = msgspec.to_builtins(verdict) | {"seconds": round(time.monotonic() - began_s, 3)}
    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main())
