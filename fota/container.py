"""The update package, byte for byte (docs/updates.md, "Container format"). Pure: bytes in, structs out.

A package is prelude, header, payload. `read_prelude` takes the first 248 bytes apart without believing any of them;
`fota.trust` says whose key it names; only after its signature is good are the lengths looked at, only after the
header's hash is good is the header parsed (`read_header`), and each chunk of the payload is compared with the signed
list before it is decrypted (`fota.sealing`). Everything that is wrong raises `Refused` with a code of CODES.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

MAGIC = b"CPUPDATE"
FORMAT = 1
DOMAIN = b"chargepoint update package, format 1\0"
"""Before the prelude when it is signed: a signature made for anything else is never one of a package."""

LAYOUT = struct.Struct(">8sHHIQ64s64s32s64s")
PRELUDE_BYTES = LAYOUT.size
SIGNATURE_BYTES = 64
LARGEST_HEADER = 128 << 10
LARGEST_PAYLOAD = 512 << 20
LARGEST_UNPACKED = 2 << 30
CHUNK_BYTES = 1 << 20
"""Of the content in one chunk; encrypted it is TAG_BYTES longer."""
TAG_BYTES = 16

CODES = {
    "ok": "it may be installed",
    "unreadable": "the file cannot be opened, or is no regular file",
    "unsigned": "there is no good signature",
    "unknown_key": "signed with a key that is not in the station's list, or is not for this kind",
    "revoked_key": "signed with a key that was revoked",
    "expired_key": "signed with a key whose time is over",
    "truncated": "shorter than its signed length",
    "damaged": "longer than its signed length, or other bytes than those that were signed",
    "bad_format": "signed, and yet not a package that this version understands",
    "other_product": "for another product",
    "other_hardware": "for another processor or board",
    "other_runtime": "for another version of Python",
    "older": "older than what runs, or than the floor",
    "same": "the version that runs already",
    "does_not_fit": "it does not fit the application that runs",
    "too_large": "larger than packages may be",
    "no_room": "the disk has not enough room",
    "bad_archive": "an archive inside has what must not be there",
    "no_product_key": "the station's product key is missing or does not open it",
    "busy": "another package is being unpacked",
    "failed": "a file could not be read or written",
}
"""Every code of a verdict or of staging; FOTA maps them to the words of OCPP."""


class Refused(Exception):
    """A package that is not installed. `code` is one of CODES; `text` is for people: what was found, what to do."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


NUMBER = r"(0|[1-9][0-9]{0,4})"
VERSION = re.compile(rf"{NUMBER}\.{NUMBER}\.{NUMBER}\.{NUMBER}")
Version = Annotated[str, Meta(pattern=rf"^{NUMBER}\.{NUMBER}\.{NUMBER}\.{NUMBER}\Z")]
"""Four numbers, a.b.c.d, compared as numbers."""
Fits = Annotated[str, Meta(pattern=rf"^{NUMBER}\.({NUMBER}\.({NUMBER}\.({NUMBER}|\*)|\*)|\*)\Z")]
"""A version, or its beginning with a star: 1.2.*"""
Word = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}\Z")]
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}\Z")]
"""A name and never a path."""
Serial = Annotated[str, Meta(pattern=r"^([A-Za-z0-9._-]{1,50}|\*)\Z")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Wrapped = Annotated[str, Meta(pattern=r"^[0-9a-f]{80}\Z")]
Time = Annotated[datetime, Meta(tz=True)]
Kind = Literal["application", "web", "controllers", "keys"]

NO_FLOOR = "0.0.0.0"  # noqa: S104  a version


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Encryption(_Part, frozen=True, kw_only=True):
    """`wrapped`: the content key (32 bytes) wrapped (RFC 3394) with each product key that shall open it."""

    wrapped: Annotated[tuple[Wrapped, ...], Meta(min_length=1, max_length=4)]
    chunk_bytes: Literal[1048576] = 1048576


class Content(_Part, frozen=True, kw_only=True):
    """What is sealed in the payload. `unpacked_size`: length of the tar archive in it, decompressed."""

    name: FileName
    size: Annotated[int, Meta(ge=1, le=LARGEST_PAYLOAD)]
    sha256: Digest
    unpacked_size: Annotated[int, Meta(ge=0, le=LARGEST_UNPACKED)]


class Target(_Part, frozen=True, kw_only=True):
    """Which controllers get which image. No connectors named: all of them; no model, no hardware: any."""

    image: FileName
    type: Literal["MAIN", "MODULES"]
    version: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,32}\Z")]
    size: Annotated[int, Meta(ge=1, le=16 << 20)]
    sha256: Digest
    connectors: Annotated[tuple[Annotated[int, Meta(ge=1, le=999)], ...], Meta(max_length=64)] = ()
    model: Annotated[str, Meta(max_length=64)] = ""
    hardware: Annotated[str, Meta(max_length=64)] = ""


class Exemption(_Part, frozen=True, kw_only=True):
    """Signed leave to install an older or the same version, on the stations named (`*`: all), up to `until`."""

    serials: Annotated[tuple[Serial, ...], Meta(min_length=1, max_length=256)]
    until: Time | None = None


class Key(_Part, frozen=True, kw_only=True):
    """An Ed25519 public key (hex of its 32 bytes). `not_after`: packages are refused from then on."""

    key: Digest
    name: Annotated[str, Meta(max_length=64)] = ""
    not_after: Time | None = None
    is_development: bool = False

    @property
    def id(self) -> str:
        """SHA-256 of the raw public key, hex."""
        return key_id(bytes.fromhex(self.key)).hex()


class KeyList(_Part, frozen=True, kw_only=True):
    """All keys from now on; it replaces every list with a lower number. `revoked`: ids of keys, and fingerprints of
    signing certificates (`fota.signing.fingerprint`); what was revoked once stays revoked."""

    number: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    root: Annotated[tuple[Key, ...], Meta(min_length=1, max_length=8)]
    release: Annotated[tuple[Key, ...], Meta(min_length=1, max_length=32)]
    revoked: Annotated[tuple[Digest, ...], Meta(max_length=256)] = ()


class Header(_Part, frozen=True, kw_only=True):
    """What is said of the content, in the order in which it is written. Source: docs/updates.md.

    `floor`: no version below it is accepted once this one was kept. `hardware`: those it may go on, `all`: any.
    `fits`: versions of the application that must run (web must say, others may). `repair`: the version that runs may be
    installed again.
    """

    kind: Kind
    product: Word
    version: Version
    hardware: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=8)]
    runtime: Annotated[str, Meta(pattern=r"^(cp3[0-9]{1,2})?\Z")] = ""
    floor: Version = NO_FLOOR
    made_at: Time
    notes: Annotated[str, Meta(max_length=4000)] = ""
    encryption: Encryption | None = None
    chunks: Annotated[tuple[Digest, ...], Meta(max_length=LARGEST_PAYLOAD // CHUNK_BYTES)] = ()
    content: Content | None = None
    fits: Annotated[tuple[Fits, ...], Meta(max_length=64)] = ()
    targets: Annotated[tuple[Target, ...], Meta(max_length=64)] = ()
    exception: Exemption | None = None
    repair: bool = False
    keys: KeyList | None = None

    @property
    def sha256(self) -> str:
        """By which a package is known again: of its content; of a key list, of the header."""
        return self.content.sha256 if self.content else hashlib.sha256(header_bytes(self)).hexdigest()


class Prelude(Struct, frozen=True):
    """The first 248 bytes taken apart; nothing of it is to be believed before `signature` over `signed` is good."""

    header_bytes: int
    payload_bytes: int
    header_sha512: bytes
    payload_sha512: bytes
    key_id: bytes
    signature: bytes
    signed: bytes
    """What the signature is over: DOMAIN and all before it."""

    @property
    def total_bytes(self) -> int:
        """How long the file has to be."""
        return PRELUDE_BYTES + self.header_bytes + self.payload_bytes


def key_id(public_key: bytes) -> bytes:
    """SHA-256 of the raw public key (32 bytes)."""
    return hashlib.sha256(public_key).digest()


def read_prelude(data: bytes) -> Prelude:
    """Take the prelude apart. Raises Refused: unsigned (no package at all), truncated, bad_format (another format)."""
    if not data or data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise Refused("unsigned", "This is no update package: it does not begin with CPUPDATE.")
    if len(data) < PRELUDE_BYTES:
        raise Refused("truncated", f"The file ends after {len(data)} bytes; fetch it again.")
    fields = LAYOUT.unpack(data[:PRELUDE_BYTES])
    _magic, number, zero, header, payload, header_sum, payload_sum, signer, signature = fields
    if (number, zero) != (FORMAT, 0):
        text = f"The package has format {number}.{zero}; this version knows {FORMAT}. Install a version between first."
        raise Refused("bad_format", text)
    signed = DOMAIN + data[: PRELUDE_BYTES - SIGNATURE_BYTES]
    return Prelude(header, payload, header_sum, payload_sum, signer, signature, signed)


def check_lengths(prelude: Prelude, file_bytes: int) -> None:
    """The signed lengths against their bounds and the file's. Raises Refused: too_large, truncated, damaged."""
    for what, found, largest in (
        ("header", prelude.header_bytes, LARGEST_HEADER),
        ("payload", prelude.payload_bytes, LARGEST_PAYLOAD),
    ):
        if found > largest:
            raise Refused("too_large", f"Its {what} has {found} bytes; at most {largest} are taken.")
    if file_bytes < prelude.total_bytes:
        raise Refused("truncated", f"The file has {file_bytes} of {prelude.total_bytes} bytes; fetch it again.")
    if file_bytes > prelude.total_bytes:
        raise Refused("damaged", f"The file has {file_bytes - prelude.total_bytes} bytes more than were signed.")


def read_header(data: bytes, prelude: Prelude) -> Header:
    """The header, parsed only when its hash is the signed one. Raises Refused: damaged, bad_format."""
    if not hmac.compare_digest(hashlib.sha512(data).digest(), prelude.header_sha512):
        raise Refused("damaged", "The header is not the one that was signed; fetch the file again.")
    try:
        header = msgspec.json.decode(data, type=Header, strict=True)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Refused("bad_format", f"The header cannot be read: {error}.") from None
    if header_bytes(header) != data:
        raise Refused("bad_format", "The header is not written in its one canonical form.")
    problem = contradiction(header, prelude.payload_bytes)
    if problem:
        raise Refused("bad_format", problem)
    return header


def header_bytes(header: Header) -> bytes:
    """The canonical form: compact JSON, all fields, in the order of the struct."""
    return msgspec.json.encode(header)


def version_key(version: str) -> tuple[int, ...]:
    """To compare versions by. Raises ValueError when it is none."""
    if not VERSION.fullmatch(version):
        raise ValueError(f"{version!r} is no version a.b.c.d")
    return tuple(int(part) for part in version.split("."))


def fits(version: str, patterns: tuple[str, ...]) -> bool:
    """Whether `version` is one of those."""
    return any(version == each or (each.endswith("*") and version.startswith(each[:-1])) for each in patterns)


def payload_size(content_size: int) -> int:
    """Bytes of the payload for so much content."""
    return content_size + TAG_BYTES * chunk_count(content_size)


def chunk_count(content_size: int) -> int:
    return -(-content_size // CHUNK_BYTES)


def contradiction(header: Header, payload_bytes: int) -> str:
    """Why the fields cannot all be true, empty: they can."""
    if version_key(header.floor) > version_key(header.version):
        return "Its floor is above its own version."
    if header.kind == "keys":
        if header.keys is None or header.content or header.encryption or header.chunks or payload_bytes:
            return "A key list has its keys in the header and no payload."
        return ""
    if header.keys is not None:
        return "Keys stand in a package that is no key list."
    content = header.content
    if content is None or header.encryption is None:
        return "It says nothing of its content."
    if payload_size(content.size) != payload_bytes or chunk_count(content.size) != len(header.chunks):
        return "Sizes of content, chunks and payload do not agree."
    if (header.kind == "application") != bool(header.runtime):
        return "An application names the Python it runs on, nothing else does."
    if header.kind == "web" and not header.fits:
        return "A web package names the versions it fits."
    if (header.kind == "controllers") != bool(header.targets):
        return "A controller package names its targets, nothing else does."
    return _image_problem(header.targets)


def _image_problem(targets: tuple[Target, ...]) -> str:
    images: dict[str, tuple[int, str]] = {}
    for target in targets:
        if images.setdefault(target.image, (target.size, target.sha256)) != (target.size, target.sha256):
            return f"Image {target.image} is described in two ways."
    return ""


def unsigned_prelude(header: bytes, payload_bytes: int, payload_sha512: bytes, signer: bytes) -> bytes:
    """The first 184 bytes of a package; DOMAIN before them is what is signed."""
    sums = hashlib.sha512(header).digest(), payload_sha512
    whole = LAYOUT.pack(MAGIC, FORMAT, 0, len(header), payload_bytes, *sums, signer, bytes(SIGNATURE_BYTES))
    return whole[: PRELUDE_BYTES - SIGNATURE_BYTES]


def binding_core(header: Header) -> bytes:
    """SHA-512 of the header without its list of chunks: that holds hashes of the sealed chunks, so it cannot be part
    of what they are sealed with."""
    return hashlib.sha512(header_bytes(msgspec.structs.replace(header, chunks=()))).digest()


def chunk_binding(core: bytes, index: int, count: int) -> bytes:
    """What chunk `index` of `count` is bound to when it is sealed: header, place, whether it is the last."""
    return core + struct.pack(">IB", index, index + 1 == count)
