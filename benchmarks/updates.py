"""An update package verified and unpacked: how fast, in how much memory, how much is written to the disk."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import lzma
import os
import random
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.figures import Row
from benchmarks.rig import Place
from fota.container import Header, Key
from fota.deb import PREFIX
from fota.keyring import public_of
from fota.making import content_of, make
from fota.trust import FILE, PRODUCT_KEY_FILE, TrustFile
from fota.want import RELEASE, Release

MIB = 1 << 20
LARGE_MIB, SMALL_MIB = 300, 30
PEAK_MIB = 40.0
FILE_MIB = 4
OLD, NEW = "1.0.0.0", "1.1.0.0"
RUNS = 3

CHILD = """
import sys
from fota.{module} import main
code = main(sys.argv[1:])
status = open("/proc/self/status").read()
written = open("/proc/self/io").read()
peak = status.split("VmHWM:")[1].split()[0]
print(peak, written.split("write_bytes:")[1].split()[0], file=sys.stderr)
sys.exit(code)
"""


class Run(msgspec.Struct, frozen=True):
    """One process: `seconds` as it says itself, its peak memory, what it caused to be written to the disk."""

    seconds: float
    peak_mib: float
    disk_mib: float


async def updates(place: Place) -> list[Row]:
    """A large package that cannot be compressed, and the Python library packed as our Debian package is."""
    size_mib = SMALL_MIB if place.is_quick else LARGE_MIB
    async with place.room() as folder:
        large = await asyncio.to_thread(_station, folder / "large", _random_files(size_mib), "gz")
        tight = await asyncio.to_thread(_station, folder / "tight", _library(), "xz")
        rows = await _measured(large, f"{size_mib} MiB")
        return rows + await _measured(tight, "library, xz -4")


async def _measured(folder: Path, what: str) -> list[Row]:
    file = folder / "App.station.cpk"
    size_mb = file.stat().st_size / 1e6
    unpacked_mib = json.loads((folder / "about.json").read_bytes())["mib"]
    verified = [await _run("verify", folder) for _ in range(RUNS)]
    staged = [await _run("stage", folder) for _ in range(RUNS)]
    note = f"{size_mb:.0f} MB, {unpacked_mib:.0f} MiB unpacked"
    return [
        _row(f"update {what}: verify", [size_mb / run.seconds for run in verified], "MB/s", note),
        _row(f"update {what}: verify, peak", [run.peak_mib for run in verified], "MiB", "", PEAK_MIB),
        _row(f"update {what}: verify and stage", [size_mb / run.seconds for run in staged], "MB/s", "synced"),
        _row(f"update {what}: stage", [run.seconds for run in staged], "s", ""),
        _row(f"update {what}: stage, peak", [run.peak_mib for run in staged], "MiB", "", PEAK_MIB),
        _row(f"update {what}: written", [run.disk_mib for run in staged], "MiB", "to the disk"),
    ]


def _row(figure: str, values: list[float], unit: str, beside: str, below: float | None = None) -> Row:
    wished = None if below is None else ("<", below)
    return Row(figure=figure, values=tuple(values), unit=unit, beside=beside, wished=wished)  # type: ignore[arg-type]


async def _run(module: str, folder: Path) -> Run:
    command = [sys.executable, "-c", CHILD.format(module=module), str(folder / "App.station.cpk")]
    for option in ("slots", "factory", "keys"):
        command += [f"--{option}", str(folder / option)]
    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await child.communicate()
    told = json.loads(output)
    if not told["ok"]:
        raise RuntimeError(f"{module}: {told['code']}: {told['text']}")
    peak_kib, written = errors.split()
    return Run(told["seconds"], int(peak_kib) / 1024, int(written) / MIB)


# ------------------------------------------------------------------------------------------------------ the package


def _station(folder: Path, files: Iterator[tuple[str, bytes]], packing: str) -> Path:
    """Keys, a factory's tree and a package with those files; in `about.json` how much they unpack to."""
    for name in ("slots", "factory/bin", "keys"):
        (folder / name).mkdir(parents=True)
    signer, root = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    trust = TrustFile(root=(Key(key=public_of(root)),), release=(Key(key=public_of(signer)),))
    product_key = os.urandom(32)
    (folder / "keys" / FILE).write_bytes(msgspec.json.encode(trust))
    (folder / "keys" / PRODUCT_KEY_FILE).write_bytes(product_key)
    (folder / "factory" / RELEASE).write_bytes(_release(OLD))
    (folder / "factory/bin/python").symlink_to("/usr/bin/python3.11")
    deb = folder / "chargepoint.deb"
    unpacked = _write_deb(deb, files, packing)
    head = Header(
        kind="application",
        product="station",
        version=NEW,
        hardware=("amd64",),
        runtime="cp311",
        made_at=datetime.now(UTC),
        content=content_of(deb, deb.name, unpacked),
        repair=True,
    )
    make(folder / "App.station.cpk", head, deb, signer, (product_key,))
    (folder / "about.json").write_text(json.dumps({"mib": unpacked / MIB}))
    deb.unlink()
    return folder


def _release(version: str) -> bytes:
    told = Release(product="station", version=version, hardware="amd64", runtime="cp311", web_version=version)
    return msgspec.json.encode(told)


def _random_files(size_mib: int) -> Iterator[tuple[str, bytes]]:
    chosen = random.Random(1)
    for number in range(size_mib // FILE_MIB):
        yield f"blob-{number}", chosen.randbytes(FILE_MIB * MIB)


def _library() -> Iterator[tuple[str, bytes]]:
    """What stands in the place of a station's own tree: the sources of the Python library."""
    top = Path(sysconfig.get_path("stdlib"))
    for path in sorted(top.rglob("*.py")):
        if "site-packages" not in path.parts and "test" not in path.parts:
            yield str(path.relative_to(top)).replace("/", "-"), path.read_bytes()


def _write_deb(target: Path, files: Iterator[tuple[str, bytes]], packing: str) -> int:
    """Length of data.tar before it is packed."""
    data = target.with_suffix(".data")
    opened: BinaryIO
    with lzma.open(data, "wb", preset=4) if packing == "xz" else gzip.open(data, "wb", 1) as opened:  # type: ignore[assignment]
        with tarfile.open(fileobj=opened, mode="w|") as archive:
            parts = PREFIX.split("/")
            for at in range(len(parts)):
                _add(archive, "./" + "/".join(parts[: at + 1]), b"", tarfile.DIRTYPE)
            _add(archive, f"./{PREFIX}/bin", b"", tarfile.DIRTYPE)
            _add(archive, f"./{PREFIX}/bin/python", b"", tarfile.SYMTYPE)
            _add(archive, f"./{PREFIX}/{RELEASE}", _release(NEW), tarfile.REGTYPE)
            for name, content in files:
                _add(archive, f"./{PREFIX}/{name}", content, tarfile.REGTYPE)
        unpacked = opened.tell()
    control = io.BytesIO()
    with tarfile.open(fileobj=control, mode="w:gz") as archive:
        _add(archive, "./control", f"Version: {NEW}\nArchitecture: amd64\n".encode(), tarfile.REGTYPE)
    with target.open("wb") as file:
        file.write(b"!<arch>\n")
        for name, size, pieces in (
            ("debian-binary", 4, iter([b"2.0\n"])),
            ("control.tar.gz", len(control.getvalue()), iter([control.getvalue()])),
            (f"data.tar.{packing}", data.stat().st_size, _pieces(data)),
        ):
            file.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{size:<10}`\n".encode())
            for piece in pieces:
                file.write(piece)
            file.write(b"\n" * (size % 2))
    data.unlink()
    return unpacked


def _add(archive: tarfile.TarFile, name: str, content: bytes, kind: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mode = kind, len(content), 0o755 if kind == tarfile.DIRTYPE else 0o644
    info.linkname = "/usr/bin/python3.11" if kind == tarfile.SYMTYPE else ""
    archive.addfile(info, io.BytesIO(content))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(MIB):
            yield piece
