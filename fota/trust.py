"""Whose packages are installed: the station's list of keys (docs/updates.md, "Keys: making, changing, revoking").

`trust.json` in the keys' folder came with the system's package; `trust.json` in the slots' folder is a newer list that
a root key signed, put there by staging. Both folders are written by root only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Meta, Struct

from fota.container import Digest, Header, Key, KeyList, Prelude, Refused
from fota.want import bounded

FILE = "trust.json"
PRODUCT_KEY_FILE = "product.key"
PRODUCT_KEY_BYTES = 32


class TrustFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`trust.json` of the keys' folder. `development`: keys marked as such count on this station. `revoked`: ids of
    keys, and fingerprints of signing certificates (`fota.signing.fingerprint`)."""

    number: Annotated[int, Meta(ge=1)] = 1
    development: bool = False
    root: tuple[Key, ...] = ()
    release: tuple[Key, ...] = ()
    revoked: tuple[Digest, ...] = ()


class Trust(Struct, frozen=True):
    """The keys in force. `revoked` are ids of keys and fingerprints of certificates; `number` that of the list."""

    number: int
    root: tuple[Key, ...]
    release: tuple[Key, ...]
    revoked: frozenset[str]
    is_development: bool = False

    def find(self, key_id: str) -> Key | None:
        """The key with that id, whatever may be wrong with it."""
        return next((key for key in self.root + self.release if key.id == key_id), None)


def load(keys: Path, slots: Path) -> Trust:
    """The keys in force on this machine. Raises Refused `unknown_key` when there are none, `failed` when the list
    cannot be read (a damaged newer list is not passed over: it may hold revocations)."""
    first = read_file(keys / FILE, is_of_root=True)
    if first is None:
        raise Refused("unknown_key", f"{keys / FILE} is missing: no package can be checked. Install the keys again.")
    newer = read_file(slots / FILE, is_of_root=True)
    chosen = newer if newer is not None and newer.number > first.number else first
    return Trust(chosen.number, chosen.root, chosen.release, _revoked_in(first, newer), first.development)


def load_revoked(keys: Path, slots: Path) -> frozenset[str]:
    """What was revoked on this machine, whichever list says so; nothing, where there are no lists. Raises Refused
    `failed` when one cannot be read."""
    return _revoked_in(*(read_file(folder / FILE, is_of_root=True) for folder in (keys, slots)))


def _revoked_in(*lists: TrustFile | None) -> frozenset[str]:
    return frozenset(each for found in lists if found is not None for each in found.revoked)


def read_file(path: Path, *, is_of_root: bool = False) -> TrustFile | None:
    """A list as it stands in a file, None when there is none. Raises Refused `failed`."""
    try:
        return msgspec.json.decode(bounded(path, is_of_root=is_of_root), type=TrustFile, strict=True)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, ValueError) as error:
        raise Refused("failed", f"{path} cannot be read: {error}. Install the keys again.") from None


def read_product_keys(keys: Path) -> tuple[bytes, ...]:
    """The keys that open packages: 32 bytes each, the newest first. Raises Refused `no_product_key`.

    While the product key is changed the file holds both.
    """
    try:
        content = bounded(keys / PRODUCT_KEY_FILE)
    except OSError as error:
        text = (
            f"The product key {keys / PRODUCT_KEY_FILE} cannot be read: {error.strerror}. Activate the station again."
        )
        raise Refused("no_product_key", text) from None
    if not content or len(content) % PRODUCT_KEY_BYTES or len(content) > 4 * PRODUCT_KEY_BYTES:
        raise Refused("no_product_key", f"{keys / PRODUCT_KEY_FILE} has {len(content)} bytes, not 32 for each key.")
    return tuple(content[at : at + PRODUCT_KEY_BYTES] for at in range(0, len(content), PRODUCT_KEY_BYTES))


def check_signature(prelude: Prelude, trust: Trust, now: datetime) -> Key:
    """The key that signed. Raises Refused: unknown_key, revoked_key, expired_key, unsigned.

    `now` is the time as well as it is known, never below the floor: with an unset clock a key whose `not_after` lies
    after the floor counts as valid.
    """
    signer = prelude.key_id.hex()
    if signer in trust.revoked:
        raise Refused("revoked_key", f"The key {signer[:16]} was revoked; whatever it signed is refused.")
    key = trust.find(signer)
    if key is None:
        raise Refused("unknown_key", f"The key {signer[:16]} is not among those this station knows.")
    if key.is_development and not trust.is_development:
        raise Refused("unknown_key", f"The key {signer[:16]} is one of development; this station takes releases only.")
    if key.not_after is not None and now.astimezone(UTC) > key.not_after:
        raise Refused("expired_key", f"The key {signer[:16]} was good until {key.not_after:%Y-%m-%d}.")
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.key)).verify(prelude.signature, prelude.signed)
    except (InvalidSignature, ValueError):
        text = "The signature does not hold: it was made for other bytes. Fetch the file again."
        raise Refused("unsigned", text) from None
    return key


def check_role(header: Header, signer: Key, trust: Trust) -> None:
    """Root keys sign key lists and nothing else, the others everything else. Raises Refused: unknown_key."""
    is_root = any(key.key == signer.key for key in trust.root)
    if is_root != (header.kind == "keys"):
        what = "a root key, which signs key lists only" if is_root else "a release key, and key lists need a root key"
        raise Refused("unknown_key", f"It was signed with {what}.")


def check_list(new: KeyList, trust: Trust) -> None:
    """Whether a key list may replace the one in force. Raises Refused: older, same, bad_format."""
    if new.number <= trust.number:
        code = "same" if new.number == trust.number else "older"
        raise Refused(code, f"The key list is number {new.number}; number {trust.number} is in force.")
    revoked = trust.revoked | frozenset(new.revoked)
    for what, keys in (("root", new.root), ("release", new.release)):
        if all(key.id in revoked or (key.is_development and not trust.is_development) for key in keys):
            raise Refused("bad_format", f"The key list leaves no {what} key in force: no package could follow.")
    if {key.key for key in new.root} & {key.key for key in new.release}:
        raise Refused("bad_format", "The key list has a key that is both root and release key.")


def file_of(new: KeyList, trust: Trust) -> bytes:
    """What is kept in the slots' folder: the new list; what was revoked before stays revoked."""
    revoked = tuple(sorted(trust.revoked | frozenset(new.revoked)))
    kept = TrustFile(number=new.number, root=new.root, release=new.release, revoked=revoked)
    return msgspec.json.format(msgspec.json.encode(kept)) + b"\n"
