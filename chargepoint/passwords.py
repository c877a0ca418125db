"""Passwords and PINs: the rules for new ones, and slow salted hashes of those there are.

New ones are hashed with Argon2id (RFC 9106), where the cryptography library has it; else, as earlier versions did, with
scrypt (RFC 7914). Both kinds are understood; `is_outdated` says which should be made anew when their owner is there.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import secrets
import string

MEMORY_KIB, PASSES, LANES = 19_456, 2, 1
"""Argon2id: 19 MiB and some 60 ms of one core for each try."""
COST_N, BLOCK_R, PARALLEL_P = 1 << 14, 8, 1
"""scrypt: 16 MiB and some 50 ms."""
PIN_DIGITS = 6

LETTERS = "abcdefghjkmnpqrstuvwxyz"
MADE_LENGTH = 12
MINIMUM_LENGTH = 8
WEB_LENGTH = 12
"""At the web, which more people can reach than the screen."""
MAXIMUM_LENGTH = 200
KNOWN_STEMS = ("password", "passwort", "qwerty", "qwertz", "asdfgh", "123456", "abcdef", "letmein", "welcome",
               "administrator", "chargepoint", "iloveyou", "parol", "пароль", "йцукен", "admin123")  # fmt: skip
"""What everybody tries first, also with something before or behind it."""
LEAST_BESIDE = 8
"""So many characters have to be there beside a stem of KNOWN_STEMS."""


def weakness(password: str, login: str, least: int = MINIMUM_LENGTH) -> str:
    """Why this is no password to take, in words for a person; empty when it is good enough (statuses.md 8: upper and
    lower case letters, digits, at least 8 characters; at the web 12, and none of the common ones)."""
    if len(password) < least:
        return f"The password has {len(password)} characters; take at least {least}."
    if len(password) > MAXIMUM_LENGTH:
        return f"The password has {len(password)} characters; take at most {MAXIMUM_LENGTH}."
    kinds = {
        "an upper case letter": any(c.isupper() for c in password),
        "a lower case letter": any(c.islower() for c in password),
        "a digit": any(c.isdigit() for c in password),
    }
    missing = [kind for kind, is_there in kinds.items() if not is_there]
    if missing:
        return f"The password lacks {' and '.join(missing)}."
    if login.casefold() in password.casefold():
        return "The password contains the login; take another."
    if least >= WEB_LENGTH and _is_common(password):
        return "This password is one of the first that everybody tries; take another."
    return ""


def least_length(door: str) -> int:
    """How long a password has to be that is chosen at this door (a service of the bus)."""
    return WEB_LENGTH if door == "webconfig" else MINIMUM_LENGTH


def _is_common(password: str) -> bool:
    """Whether little is left of it without what everybody takes, or it is hardly more than one sign again and again."""
    rest = password.casefold()
    for stem in KNOWN_STEMS:
        rest = rest.replace(stem, "")
    return len(rest) < min(LEAST_BESIDE, len(password)) or len(set(password.casefold())) < 5


def made(login: str) -> str:
    """A password by chance that is easy to type: small letters and digits, the first letter a capital; 58 bits."""
    while True:
        letters = "".join(secrets.choice(LETTERS + string.digits[2:]) for _ in range(MADE_LENGTH - 1))
        found = secrets.choice(LETTERS).upper() + letters
        if not weakness(found, login):
            return found


def weakness_of_pin(pin: str) -> str:
    """Why these are no digits to take, in words for a person; empty when they are good enough."""
    if not (pin.isascii() and pin.isdigit() and len(pin) == PIN_DIGITS):
        return f"A PIN has {PIN_DIGITS} digits."
    steps = {(int(after) - int(before)) % 10 for before, after in itertools.pairwise(pin)}
    if steps in ({0}, {1}, {9}) or len(set(pin)) == 1:
        return "These digits are the first that everybody tries; take others."
    return ""


def hashed(password: str) -> str:
    """The hash to store, with its own salt and costs. Takes time on purpose: not for an event loop."""
    salt = secrets.token_bytes(16)
    found = _argon2id(password, salt, MEMORY_KIB, PASSES, LANES)
    if found is not None:
        costs = f"m={MEMORY_KIB},t={PASSES},p={LANES}"
        return "$".join(("", "argon2id", "v=19", costs, _unpadded(salt), _unpadded(found)))
    return "$".join(
        ("scrypt", str(COST_N), str(BLOCK_R), str(PARALLEL_P), _text(salt),
         _text(_scrypt(password, salt, COST_N, BLOCK_R, PARALLEL_P)))
    )  # fmt: skip


def is_right(password: str, stored: str | None) -> bool:
    """Whether `password` is the one whose hash is `stored`. With None the same work is done, and the answer is no.

    A hash that cannot be read is nobody's.
    """
    password = password[: MAXIMUM_LENGTH + 1]
    parts = (stored or _nobody()).split("$")
    try:
        found, wanted = _again(password, parts)
    except (ValueError, KeyError):
        return False
    return found is not None and hmac.compare_digest(found, wanted) and stored is not None


def is_outdated(stored: str) -> bool:
    """Whether this hash would be made in another way now."""
    return stored.startswith("scrypt$") and _has_argon2()


def _again(password: str, parts: list[str]) -> tuple[bytes | None, bytes]:
    """What `password` comes to in the way of a stored hash, and what that hash is. Raises ValueError, KeyError."""
    if parts[0] == "scrypt":
        _, n, r, p, salt, wanted = parts
        return _scrypt(password, _bytes(salt), int(n), int(r), int(p)), _bytes(wanted)
    _, kind, version, costs, salt, wanted = parts
    if kind != "argon2id" or version != "v=19":
        raise ValueError(kind)
    cost = {key: int(value) for key, value in (each.split("=") for each in costs.split(","))}
    return _argon2id(password, _bytes(salt), cost["m"], cost["t"], cost["p"]), _bytes(wanted)


def _argon2id(password: str, salt: bytes, memory_kib: int, passes: int, lanes: int) -> bytes | None:
    """None: this machine's library has no Argon2id. Raises ValueError for costs that cannot be."""
    if not _has_argon2():
        return None
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    try:
        kind = Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory_kib)
        return kind.derive(password.encode("utf-8", "surrogatepass"))
    except UnsupportedAlgorithm:
        return None


def _has_argon2() -> bool:
    """Looked at when it is first needed: the library takes some megabytes, and most runs see no password."""
    try:
        from cryptography.hazmat.backends.openssl.backend import backend
        from cryptography.hazmat.primitives.kdf import argon2
    except ImportError:
        return False
    return bool(argon2 and backend.argon2_supported())


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"), salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=32
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _unpadded(data: bytes) -> str:
    """As the usual notation of Argon2 hashes has it."""
    return _text(data).rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))


def _nobody() -> str:
    """A hash that belongs to nobody, in the way hashes are made now."""
    if _has_argon2():
        costs = f"m={MEMORY_KIB},t={PASSES},p={LANES}"
        return "$".join(("", "argon2id", "v=19", costs, _unpadded(bytes(16)), _unpadded(bytes(32))))
    return "$".join(("scrypt", str(COST_N), str(BLOCK_R), str(PARALLEL_P), _text(bytes(16)), _text(bytes(32))))
