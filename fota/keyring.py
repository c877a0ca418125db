"""Keys of whoever makes packages: a folder with private keys, the product key and the stations' list of keys.

Nothing of this is used on a station; the folder never goes there but for `trust.json` and `product.key`.
"""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fota.container import Key, KeyList, Refused
from fota.making import CannotMake
from fota.trust import FILE, PRODUCT_KEY_BYTES, PRODUCT_KEY_FILE, TrustFile, read_file

ROOT, RELEASE, DEVELOPMENT = "root", "release", "development"
PASSWORD = "CHARGEPOINT_KEY_PASSWORD"  # noqa: S105  the name of the variable
SHORTEST_PASSWORD = 8


def make_keys(folder: Path, *, is_development: bool, is_encrypted: bool) -> TrustFile:
    """A new set: root.key, release.key, development.key, product.key, trust.json. Raises CannotMake, OSError.

    `is_development`: stations with this trust.json take packages of the development key, too.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = [f"{name}.key" for name in (ROOT, RELEASE, DEVELOPMENT)] + [PRODUCT_KEY_FILE, FILE]
    there = [name for name in names if (folder / name).exists()]
    if there:
        raise CannotMake(f"{folder} has {', '.join(there)} already: keys are never written over. Name another folder.")
    password = ask_password("for the new keys", is_new=True) if is_encrypted else b""
    made = {name: new_key(folder, name, password) for name in (ROOT, RELEASE, DEVELOPMENT)}
    write_new(folder / PRODUCT_KEY_FILE, os.urandom(PRODUCT_KEY_BYTES))
    development = msgspec.structs.replace(made[DEVELOPMENT], is_development=True)
    trust = TrustFile(development=is_development, root=(made[ROOT],), release=(made[RELEASE], development))
    write_new(folder / FILE, trust_bytes(trust), 0o644)
    return trust


def new_key(folder: Path, name: str, password: bytes) -> Key:
    """NAME.key in the folder; returns its public half. Raises OSError."""
    private = Ed25519PrivateKey.generate()
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    text = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    write_new(folder / f"{name}.key", text)
    return Key(key=public_of(private), name=name)


def load_key(path: Path) -> Ed25519PrivateKey:
    """A private key; its password is asked for where it has one. Raises CannotMake, OSError."""
    if path.stat().st_mode & 0o077:
        raise CannotMake(f"{path} can be read by others: chmod 600 {path}, and think about who may have read it.")
    text = path.read_bytes()
    try:
        try:
            key = serialization.load_pem_private_key(text, None)
        except TypeError:
            key = serialization.load_pem_private_key(text, ask_password(f"of {path}"))
    except ValueError:
        raise CannotMake(f"{path} cannot be opened: the password is wrong, or it is no private key.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise CannotMake(f"{path} is no Ed25519 key.")
    return key


def public_of(key: Ed25519PrivateKey) -> str:
    """Hex of the raw public key."""
    return key.public_key().public_bytes_raw().hex()


def ask_password(what: str, *, is_new: bool = False) -> bytes:
    """From the environment, else from whoever sits there. Raises CannotMake."""
    given = os.environ.get(PASSWORD)
    if given is None:
        if not sys.stdin.isatty():
            raise CannotMake(f"The password {what} is needed: set {PASSWORD}.")
        given = getpass.getpass(f"Password {what}: ")
        if is_new and getpass.getpass("Once more: ") != given:
            raise CannotMake("The two passwords differ.")
    if is_new and len(given) < SHORTEST_PASSWORD:
        raise CannotMake(f"The password is shorter than {SHORTEST_PASSWORD} signs.")
    return given.encode()


def load_trust(folder: Path) -> TrustFile:
    """Raises CannotMake."""
    try:
        trust = read_file(folder / FILE)
    except Refused as refused:
        raise CannotMake(refused.text) from None
    if trust is None:
        raise CannotMake(f"{folder / FILE} is missing; make keys first: make_update.sh keys {folder}")
    return trust


def next_list(
    trust: TrustFile,
    add: tuple[Key, ...],
    revoke: tuple[str, ...],
    roots: tuple[Key, ...] = (),
    certificates: tuple[str, ...] = (),
) -> KeyList:
    """The list after this one: release and root keys added, keys (by name, id or its beginning) and certificates (by
    fingerprint) revoked. Raises CannotMake."""
    ids = set(certificates)
    for given in revoke:
        found = {key.id for key in trust.root + trust.release if key.name == given or key.id.startswith(given.lower())}
        if len(found) != 1:
            raise CannotMake(f"{given!r} names {len(found)} keys of the list, not one. There are: {_names(trust)}.")
        ids |= found
    revoked = tuple(sorted(ids | set(trust.revoked)))
    root = tuple(key for key in trust.root + roots if key.id not in revoked)
    release = tuple(key for key in trust.release + add if key.id not in revoked)
    if not root or all(key.is_development for key in release):
        raise CannotMake("No root key or no release key would be left; add one in the same list.")
    return KeyList(number=trust.number + 1, root=root, release=release, revoked=revoked)


def _names(trust: TrustFile) -> str:
    return ", ".join(f"{key.name or '?'} ({key.id[:16]})" for key in trust.root + trust.release)


def trust_bytes(trust: TrustFile) -> bytes:
    return msgspec.json.format(msgspec.json.encode(trust)) + b"\n"


def write_new(path: Path, content: bytes, mode: int = 0o600) -> None:
    """A file that was not there. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
