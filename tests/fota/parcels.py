"""Packages, keys and small trees for tests, made in milliseconds.

place = parcels.Machine(tmp_path)                    factory tree 1.0.0.0, keys, empty slots
file = parcels.application(tmp_path, "1.1.0.0")      a whole package of a few kB
stage(file, place.place)                             or: place.verdict(file)
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import os
import tarfile
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fota.container import Content, Exemption, Header, Key, KeyList, Target
from fota.making import make, package_name
from fota.stage import Place
from fota.trust import FILE, PRODUCT_KEY_FILE, TrustFile, load
from fota.verify import Verdict, inspect
from fota.want import RELEASE, Release, Want, want_of

PRODUCT, HARDWARE, RUNTIME = "station", "amd64", "cp311"
MADE_AT = datetime(2026, 3, 1, tzinfo=UTC)
PRODUCT_KEY = bytes(range(32))
PYTHON = "/usr/bin/python3.11"
PREFIX = "./opt/chargepoint/app"


@cache
def private_key(name: str) -> Ed25519PrivateKey:
    """Always the same for a name: release, root, development, stranger."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def key(name: str, **more: Any) -> Key:
    return Key(key=private_key(name).public_key().public_bytes_raw().hex(), name=name, **more)


def trust_file(**more: Any) -> TrustFile:
    """Root and release key; other fields as named."""
    given: dict[str, Any] = {"root": (key("root"),), "release": (key("release"),)}
    return TrustFile(**(given | more))


def release(version: str, web_version: str = "") -> Release:
    return Release(
        product=PRODUCT,
        version=version,
        hardware=HARDWARE,
        runtime=RUNTIME,
        web_version=web_version or version,
        security_contact="security@maker.example",
        supported_until="2031-12-31",
    )


class Entry(msgspec.Struct, frozen=True):
    """One of a tar archive, as evil as a test wants it."""

    name: str
    content: bytes = b""
    type: bytes = tarfile.REGTYPE
    target: str = ""
    mode: int = 0o644
    pax: dict[str, str] = {}


def folder(name: str, mode: int = 0o755) -> Entry:
    return Entry(name, type=tarfile.DIRTYPE, mode=mode)


def link(name: str, target: str) -> Entry:
    return Entry(name, type=tarfile.SYMTYPE, target=target, mode=0o777)


def tar(entries: Sequence[Entry]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            info.type, info.linkname, info.mode, info.size = entry.type, entry.target, entry.mode, len(entry.content)
            info.mtime, info.pax_headers = 1_700_000_000, dict(entry.pax)
            archive.addfile(info, io.BytesIO(entry.content))
    return written.getvalue()


def ar(members: Sequence[tuple[str, bytes]]) -> bytes:
    parts = [b"!<arch>\n"]
    for name, content in members:
        parts.append(f"{name:<16}{1_700_000_000:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode())
        parts.append(content + b"\n" * (len(content) % 2))
    return b"".join(parts)


def control_tar(version: str, architecture: str = HARDWARE) -> bytes:
    text = f"Package: chargepoint\nVersion: {version}\nArchitecture: {architecture}\nDescription: for tests\n"
    return gzip.compress(tar([Entry("./control", text.encode())]), 1)


def app_entries(version: str, *, web_version: str = "", text: str = "") -> list[Entry]:
    """A tree that is whole: release.json, bin/python, the station, the web pages."""
    packages = f"{PREFIX}/lib/python3.11/site-packages"
    told = msgspec.json.encode(release(version, web_version))
    folders = [PREFIX[: at + 1] for at, sign in enumerate(PREFIX) if sign == "/"]
    folders += [PREFIX + "/", f"{PREFIX}/bin/", f"{PREFIX}/lib/", f"{PREFIX}/lib/python3.11/", packages + "/"]
    return [
        *map(folder, [*folders, f"{packages}/chargepoint/", f"{packages}/webconfig/"]),
        Entry(f"{PREFIX}/{RELEASE}", told),
        link(f"{PREFIX}/bin/python", PYTHON),
        link(f"{PREFIX}/bin/python3", "python"),
        Entry(f"{PREFIX}/bin/chargepoint", b"#!/bin/sh\n", mode=0o755),
        Entry(f"{packages}/chargepoint/__init__.py", f"VERSION = {version!r}\n# {text}\n".encode()),
        Entry(f"{packages}/webconfig/__init__.py", f"WEB = {web_version or version!r}\n".encode()),
    ]


def deb(version: str, entries: Sequence[Entry], *, architecture: str = HARDWARE, pack: str = "xz") -> bytes:
    data = tar(entries)
    packed = {"xz": lambda: lzma.compress(data, preset=0), "gz": lambda: gzip.compress(data, 1)}[pack]()
    members = [("debian-binary", b"2.0\n"), ("control.tar.gz", control_tar(version, architecture))]
    return ar([*members, (f"data.tar.{pack}", packed)])


def header(kind: str, version: str, content: Content | None, **more: Any) -> Header:
    given: dict[str, Any] = {
        "kind": kind,
        "product": PRODUCT,
        "version": version,
        "hardware": (HARDWARE,),
        "runtime": RUNTIME if kind == "application" else "",
        "made_at": MADE_AT,
        "content": content,
    }
    return Header(**(given | more))


def pack(
    folder: Path,
    kind: str,
    version: str,
    content: bytes | None,
    unpacked_size: int = 0,
    *,
    name: str = "content.tar.gz",
    signer: str = "release",
    product_keys: tuple[bytes, ...] = (PRODUCT_KEY,),
    **more: Any,
) -> Path:
    """A package around any content, signed by `private_key(signer)`; `more` are fields of the header."""
    described, path = None, None
    if content is not None:
        path = folder / f".content-{os.getpid()}"
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        described = Content(name=name, size=len(content), sha256=sha256, unpacked_size=unpacked_size)
    head = header(kind, version, described, **more)
    file = folder / package_name(head)
    make(file, head, path, private_key(signer), product_keys)
    if path is not None:
        path.unlink()
    return file


def application(
    folder: Path, version: str, *, entries: Sequence[Entry] | None = None, packing: str = "xz", **more: Any
) -> Path:
    """`App.station.a.b.c.d.cpk` with a small tree; `more`: fields of the header and of `pack`."""
    chosen = app_entries(version) if entries is None else entries
    content = deb(version, chosen, pack=packing)
    return pack(folder, "application", version, content, len(tar(chosen)), name="chargepoint.deb", **more)


def web(
    folder: Path, version: str, *, fits: tuple[str, ...] = ("1.*",), entries: Sequence[Entry] | None = None, **more: Any
) -> Path:
    """Web pages only; its `__init__.py` says WEB = version."""
    chosen = [Entry("__init__.py", f"WEB = {version!r}\n".encode())] if entries is None else entries
    data = tar(chosen)
    return pack(folder, "web", version, gzip.compress(data, 1), len(data), fits=fits, hardware=("all",), **more)


def controllers(
    folder: Path, version: str, images: dict[str, bytes], targets: Sequence[Target] = (), **more: Any
) -> Path:
    """Images of controllers; without `targets` each is a MAIN image for all."""
    data = tar([Entry(name, content) for name, content in images.items()])
    told = tuple(targets) or tuple(target(name, content, version) for name, content in images.items())
    given: dict[str, Any] = {"targets": told, "hardware": ("all",)}
    return pack(folder, "controllers", version, gzip.compress(data, 1), len(data), **(given | more))


def target(image: str, content: bytes, version: str, **more: Any) -> Target:
    given: dict[str, Any] = {"type": "MAIN", "version": version}
    sha256 = hashlib.sha256(content).hexdigest()
    return Target(image=image, size=len(content), sha256=sha256, **(given | more))


def key_list(folder: Path, number: int, *, signer: str = "root", product: str = PRODUCT, **more: Any) -> Path:
    """Keys that replace those in force; `more`: root, release, revoked (ids)."""
    given: dict[str, Any] = {"root": (key("root"),), "release": (key("release"),)}
    keys = KeyList(number=number, **(given | more))
    return pack(folder, "keys", f"1.0.0.{number}", None, signer=signer, product=product, keys=keys, hardware=("all",))


def for_all(until: datetime | None = None) -> Exemption:
    return Exemption(serials=("*",), until=until)


def grow_tree(tree: Path, version: str, web_version: str = "") -> Path:
    """A tree as an installed package leaves it."""
    for entry in app_entries(version, web_version=web_version):
        path = tree / entry.name.removeprefix(PREFIX).lstrip("/")
        if not entry.name.startswith(PREFIX + "/"):
            continue
        if entry.type == tarfile.DIRTYPE:
            path.mkdir(parents=True, exist_ok=True)
        elif entry.type == tarfile.SYMTYPE:
            path.symlink_to(entry.target)
        else:
            path.write_bytes(entry.content)
            path.chmod(entry.mode)
    os.utime(tree / RELEASE, (MADE_AT.timestamp(), MADE_AT.timestamp()))
    return tree


class Machine:
    """The folders of a station below `folder`: the factory's tree of version 1.0.0.0, keys, empty slots."""

    def __init__(self, folder: Path, version: str = "1.0.0.0", trust: TrustFile | None = None) -> None:
        self.place = Place(folder / "slots", folder / "factory", folder / "keys")
        self.place.slots.mkdir(parents=True)
        self.place.keys.mkdir()
        grow_tree(self.place.factory, version)
        self.trust(trust or trust_file())
        (self.place.keys / PRODUCT_KEY_FILE).write_bytes(PRODUCT_KEY)

    def trust(self, trust: TrustFile) -> None:
        (self.place.keys / FILE).write_bytes(msgspec.json.encode(trust))

    def want(self, **more: Any) -> Want:
        return msgspec.structs.replace(want_of(self.place.slots, self.place.factory), **more)

    def verdict(self, file: Path, **want: Any) -> Verdict:
        return inspect(file, load(self.place.keys, self.place.slots), self.want(**want))

    def options(self) -> list[str]:
        """For `python -m fota.stage` and `fota.verify`."""
        place = self.place
        return ["--slots", str(place.slots), "--factory", str(place.factory), "--keys", str(place.keys)]


def contents(tree: Path) -> dict[str, str]:
    """Everything below a folder: names with their kind and what is in them."""
    found = {}
    for path in sorted(tree.rglob("*")):
        name = str(path.relative_to(tree))
        if path.is_symlink():
            found[name] = "-> " + str(path.readlink())
        else:
            found[name] = "folder" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
    return found
