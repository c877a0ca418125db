"""`scripts/make_update.sh`: keys and update packages are made, shown and checked (docs/updates.md).

make_update.sh keys DIR                                    a new set of keys
make_update.sh keys DIR --new NAME --revoke NAME|ID        a signed list of keys, as a package
make_update.sh keys DIR --revoke-certificate FILE.pem      the same, of a signing certificate
make_update.sh application chargepoint_1.2.3.4_amd64.deb   of a Debian package
make_update.sh web FOLDER|TREE --version V --fits 1.2.*    of web pages
make_update.sh controllers INFO.toml IMAGE...              of controllers' firmware
make_update.sh show FILE                                   verify and print
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import sys
import tarfile
import tempfile
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec

from fota import keyring
from fota.container import NO_FLOOR, Content, Exemption, Header, Key, Refused
from fota.deb import data_size, read_deb
from fota.making import CannotMake, content_of, image_target, make, package_name
from fota.signing import Unfit, fingerprint, read_chain
from fota.stage import web_folder
from fota.tar import Stream, Unpacker, entries
from fota.trust import FILE, Trust, read_product_keys
from fota.verify import inspect
from fota.want import RELEASE, Want, read_release

PIECE_BYTES = 1 << 20
PRODUCT = "chargepoint"
SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
PYTHON = re.compile(r"/usr/bin/python3\.[0-9]{1,2}")


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0: made (or good); 1: it cannot be, the text says why."""
    given = _parser().parse_args(arguments)
    try:
        return int(DEEDS[given.deed](given))
    except (CannotMake, Refused, OSError, msgspec.ValidationError, tomllib.TOMLDecodeError) as error:
        print(f"make_update: {error.text if isinstance(error, Refused) else error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make_update.sh", description="Keys and update packages.")
    deeds = parser.add_subparsers(dest="deed", required=True)
    keys = deeds.add_parser("keys", help="make keys, or a signed list of new and revoked ones")
    keys.add_argument("folder", type=Path, metavar="DIR")
    keys.add_argument(
        "--encrypt", action="store_true", help=f"private keys get a password (asked, or {keyring.PASSWORD})"
    )
    keys.add_argument("--development", action="store_true", help="stations take packages of the development key, too")
    keys.add_argument(
        "--new", action="append", default=[], metavar="NAME", help="make another release key, and list it"
    )
    keys.add_argument("--new-root", action="append", default=[], metavar="NAME", help="the same, a root key")
    keys.add_argument("--root", default=keyring.ROOT, metavar="NAME", help="the root key that signs the list (root)")
    keys.add_argument("--add", action="append", default=[], metavar="HEX", help="list a public key made elsewhere")
    keys.add_argument("--revoke", action="append", default=[], metavar="NAME|ID")
    keys.add_argument(
        "--revoke-certificate",
        action="append",
        default=[],
        metavar="FILE|SHA256",
        help="a certificate (PEM) that signed updates, or one above it; or SHA-256 of its public key (DER)",
    )
    keys.add_argument("--not-after", type=_time, metavar="TIME", help="of the keys made or added")
    _common(keys)
    application = deeds.add_parser("application", help="a Debian package of the station's software")
    application.add_argument("deb", type=Path)
    web = deeds.add_parser("web", help="web pages only")
    web.add_argument("source", type=Path, help="the folder `webconfig`, or a tree that has one")
    controllers = deeds.add_parser("controllers", help="firmware of controllers")
    controllers.add_argument("info", type=Path, metavar="INFO.toml")
    controllers.add_argument("images", type=Path, nargs="+", metavar="IMAGE")
    for each in (application, web, controllers):
        each.add_argument("--keys", type=Path, default=Path("keys"), metavar="DIR", help="folder with the keys (keys)")
        each.add_argument("--key", metavar="NAME", default=keyring.RELEASE, help="which of them signs (release)")
        each.add_argument("--hardware", help="amd64, arm64, all; several with commas")
        each.add_argument("--floor", default=NO_FLOOR, help="no version below is taken once this one was kept")
        each.add_argument("--fits", default="", help="versions of the application it fits, with commas: 1.2.*,1.3.0.4")
        each.add_argument(
            "--exception", metavar="SERIALS", help="it may be installed though it is older: serials, or *"
        )
        each.add_argument("--exception-until", type=_time, metavar="TIME")
        each.add_argument("--repair", action="store_true", help="it may be installed over the same version")
        _common(each)
    show = deeds.add_parser("show", help="verify a package and print what it says")
    show.add_argument("file", type=Path)
    show.add_argument("--keys", type=Path, default=Path("keys"), metavar="DIR")
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--product", help="product name; default: what a Debian package or a tree says, else chargepoint"
    )
    parser.add_argument("--version", help="a.b.c.d")
    parser.add_argument("--notes", default="", help="what is new, for people; @FILE reads a file")
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where to write the package")


# -------------------------------------------------------------------------------------------------------- deeds


def _keys(given: argparse.Namespace) -> int:
    certificates = tuple(_fingerprint(told) for told in given.revoke_certificate)
    if not (given.new or given.new_root or given.add or given.revoke or certificates):
        keyring.make_keys(given.folder, is_development=given.development, is_encrypted=given.encrypt)
        print(f"{given.folder}: root, release, development and product key, {FILE}.")
        print("Keep root.key apart and off line. Stations get trust.json and product.key, and no other of these files.")
        return 0
    trust = keyring.load_trust(given.folder)
    root = keyring.load_key(given.folder / f"{given.root}.key")
    password = keyring.ask_password("for the new keys", is_new=True) if given.encrypt else b""
    made = [keyring.new_key(given.folder, name, password) for name in given.new]
    made += [Key(key=text.lower(), name=f"added {text[:8]}") for text in given.add]
    added = tuple(msgspec.structs.replace(key, not_after=given.not_after) for key in made)
    roots = tuple(keyring.new_key(given.folder, name, password) for name in given.new_root)
    keys = keyring.next_list(trust, added, tuple(given.revoke), roots, certificates)
    header = _header(given, "keys", given.product or PRODUCT, f"1.0.0.{keys.number}", ("all",), None)
    file = given.out / package_name(header)
    make(file, msgspec.structs.replace(header, keys=keys), None, root)
    new = msgspec.structs.replace(trust, number=keys.number, root=keys.root, release=keys.release, revoked=keys.revoked)
    beside = given.folder / (FILE + ".new")
    beside.unlink(missing_ok=True)
    keyring.write_new(beside, keyring.trust_bytes(new), 0o644)
    beside.replace(given.folder / FILE)
    print(f"{file}: key list {keys.number}, {len(keys.release)} keys in force, {len(keys.revoked)} revoked.")
    return 0


def _fingerprint(told: str) -> str:
    """Of the certificate in a file, or as it was given. Raises CannotMake, OSError."""
    if SHA256.fullmatch(told):
        return told.lower()
    try:
        found = read_chain(Path(told).read_text(encoding="ascii", errors="replace"))
        if len(found) != 1:
            raise CannotMake(
                f"{told} has {len(found)} certificates, and not each of them is to be revoked: "
                "give the one that is, in a file of its own."
            )
        return fingerprint(found[0])
    except Unfit as error:
        raise CannotMake(f"{told}: {error}.") from None


def _application(given: argparse.Namespace) -> int:
    """The Debian package is unpacked here by the station's own rules: what a station would refuse is not made."""
    size = data_size(Stream(_pieces(given.deb)))
    with tempfile.TemporaryDirectory(prefix="update-") as folder:
        root = Path(folder)
        deb, found = read_deb(Stream(_pieces(given.deb)), size)
        unpacker = Unpacker(root, PYTHON)
        for entry, portions in found:
            unpacker.place(entry, portions)
        release = read_release(root)
        python = (root / "bin/python").readlink() if (root / "bin/python").is_symlink() else Path()
    version = deb.version.partition("-")[0]
    wrong = [
        f"{what} {told!r}, not {meant!r}"
        for what, told, meant in (
            ("version", release.version, version),
            ("hardware", release.hardware, deb.architecture),
            ("Python", str(python), f"/usr/bin/python3.{release.runtime[3:]}"),
            ("version", given.version or version, version),
            ("product", given.product or release.product, release.product),
        )
        if told != meant
    ]
    if wrong:
        raise CannotMake(f"{given.deb} does not agree with itself or with what was asked: {'; '.join(wrong)}.")
    content = content_of(given.deb, "chargepoint.deb", size)
    header = _header(given, "application", release.product, version, (deb.architecture,), content)
    return _sign(given, msgspec.structs.replace(header, runtime=release.runtime), given.deb)


def _web(given: argparse.Namespace) -> int:
    source: Path = given.source
    folder = source if (source / "__init__.py").is_file() else source / web_folder(source)
    release = read_release(source) if (source / RELEASE).is_file() else None
    if release is None and not given.version:
        raise CannotMake("Say which version the web pages have: --version a.b.c.d")
    version = given.version or (release.web_version if release else "")
    given.product = given.product or (release.product if release else None)
    if not given.fits:
        raise CannotMake("Say which versions of the application it fits: --fits 1.2.*")
    return _sign_tar(given, "web", version, sorted(_web_files(folder)), {})


def _web_files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        if "__pycache__" not in path.parts and (path.is_dir() or path.is_file()):
            yield str(path.relative_to(folder)), path


class _Image(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One [[target]] of the information file."""

    image: str
    type: str
    version: str
    connectors: tuple[int, ...] = ()
    model: str = ""
    hardware: str = ""


class _Info(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    target: tuple[_Image, ...]
    notes: str = ""


def _controllers(given: argparse.Namespace) -> int:
    info = msgspec.convert(tomllib.loads(given.info.read_text()), _Info)
    files = {path.name: path for path in given.images}
    missing = {each.image for each in info.target} ^ files.keys()
    if missing:
        raise CannotMake(f"{given.info} and the images given do not agree about: {', '.join(sorted(missing))}.")
    targets = []
    for each in info.target:
        target, what = image_target(files[each.image].read_bytes(), msgspec.to_builtins(each))
        targets.append(target)
        print(what)
    given.notes = given.notes or info.notes
    more = {"targets": tuple(targets)}
    return _sign_tar(given, "controllers", given.version or info.version, sorted(files.items()), more)


def _show(given: argparse.Namespace) -> int:
    trust = keyring.load_trust(given.keys)
    keys = Trust(0, trust.root, trust.release, frozenset(trust.revoked), is_development=True)
    nowhere = Want(product="", version=NO_FLOOR, hardware="", runtime="", now=datetime.now(UTC))
    shown = inspect(given.file, keys, nowhere, with_payload=False)
    if shown.header is None:
        print(f"{given.file}: refused, {shown.code}: {shown.text}", file=sys.stderr)
        return 1
    head = shown.header
    want = Want(
        product=head.product,
        version=head.fits[0].replace("*", "0") if head.fits else NO_FLOOR,
        hardware=head.hardware[0],
        runtime=head.runtime,
        now=nowhere.now,
    )
    whole = inspect(given.file, keys, msgspec.structs.replace(want, version=_four(want.version)))
    signer = next((key.name for key in keys.root + keys.release if key.id == whole.key_id), "")
    told = msgspec.to_builtins(head) | {"chunks": len(head.chunks), "sha256": head.sha256}
    for name, value in {"signed by": f"{signer} ({whole.key_id[:16]})", **told}.items():
        if value not in (None, "", [], False):
            print(f"{name:12} {value if isinstance(value, str | int) else msgspec.json.encode(value).decode()}")
    is_good = whole.ok or whole.code in ("same", "older")
    print("good" if is_good else f"refused, {whole.code}: {whole.text}")
    return 0 if is_good else 1


DEEDS: dict[str, Any] = {
    "keys": _keys,
    "application": _application,
    "web": _web,
    "controllers": _controllers,
    "show": _show,
}


# ------------------------------------------------------------------------------------------------------ together


def _header(
    given: argparse.Namespace, kind: Any, product: str, version: str, hardware: tuple[str, ...], content: Content | None
) -> Header:
    notes: str = given.notes
    exception = None
    if getattr(given, "exception", None):
        exception = Exemption(serials=tuple(given.exception.split(",")), until=given.exception_until)
    asked = getattr(given, "hardware", None)
    return Header(
        kind=kind,
        product=product,
        version=version,
        hardware=tuple(asked.split(",")) if asked else hardware,
        floor=getattr(given, "floor", NO_FLOOR),
        made_at=datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())), UTC),
        notes=Path(notes[1:]).read_text().strip() if notes.startswith("@") else notes,
        content=content,
        fits=tuple(part for part in getattr(given, "fits", "").split(",") if part),
        exception=exception,
        repair=getattr(given, "repair", False),
    )


def _sign_tar(
    given: argparse.Namespace, kind: str, version: str, files: list[tuple[str, Path]], more: dict[str, Any]
) -> int:
    with tempfile.TemporaryDirectory(prefix="update-") as folder:
        archive = Path(folder, "content.tar.gz")
        size = _write_tar(archive, files)
        for _entry in entries(Stream(_unpacked(archive))):  # the names are such as a station takes
            pass
        content = content_of(archive, archive.name, size)
        header = _header(given, kind, given.product or PRODUCT, version, ("all",), content)
        return _sign(given, msgspec.structs.replace(header, **more), archive)


def _write_tar(target: Path, files: list[tuple[str, Path]]) -> int:
    """The same bytes for the same files. Length of the archive before it is packed."""
    with target.open("wb") as file, gzip.GzipFile("", "wb", 9, file, 0) as packed:
        counted = _Counted(packed)
        with tarfile.open(fileobj=counted, mode="w|", format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
            for name, path in files:
                info = tarfile.TarInfo(name)
                info.mtime = int(os.environ.get("SOURCE_DATE_EPOCH", path.stat().st_mtime))
                if path.is_dir():
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                    archive.addfile(info)
                else:
                    info.size = path.stat().st_size
                    with path.open("rb") as content:
                        archive.addfile(info, content)
    return counted.size


class _Counted:
    def __init__(self, file: IO[bytes] | gzip.GzipFile) -> None:
        self._file = file
        self.size = 0

    def write(self, content: bytes) -> int:
        self.size += len(content)
        return self._file.write(content)


def _sign(given: argparse.Namespace, header: Header, content: Path) -> int:
    signer = keyring.load_key(given.keys / f"{given.key}.key")
    trust = keyring.load_trust(given.keys)
    known = next((key for key in trust.release if key.key == keyring.public_of(signer)), None)
    if known is None:
        raise CannotMake(f"{given.key}.key is no release key of {given.keys / FILE}: no station would take it.")
    if known.id in trust.revoked:
        raise CannotMake(f"{given.key}.key was revoked: no station would take it.")
    given.out.mkdir(parents=True, exist_ok=True)
    file = given.out / package_name(header)
    made = make(file, header, content, signer, read_product_keys(given.keys))
    print(f"{file}: {made.kind} {made.version} for {made.product}, {file.stat().st_size} bytes, sha256 {made.sha256}")
    return 0


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _unpacked(path: Path) -> Iterator[bytes]:
    with gzip.open(path) as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _four(version: str) -> str:
    return ".".join((version.split(".") + ["0"] * 4)[:4])


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
