"""Passwords: the rule for new ones, and slow salted hashes (scrypt, RFC 7914) of those there are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

COST_N, BLOCK_R, PARALLEL_P = 1 << 14, 8, 1
"""16 MiB and some 50 ms on a small board for each try."""

MINIMUM_LENGTH = 8
MAXIMUM_LENGTH = 200


def weakness(password: str, login: str) -> str:
    """Why this is no password to take, in words for a person; empty when it is good enough (statuses.md 9)."""
    if len(password) < MINIMUM_LENGTH:
        return f"The password has {len(password)} characters; take at least {MINIMUM_LENGTH}."
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
    return ""


def hashed(password: str) -> str:
    """The hash to store, with its own salt and costs. Takes time on purpose: not for an event loop."""
    salt = secrets.token_bytes(16)
    found = _scrypt(password, salt, COST_N, BLOCK_R, PARALLEL_P)
    return "$".join(("scrypt", str(COST_N), str(BLOCK_R), str(PARALLEL_P), _text(salt), _text(found)))


def is_right(password: str, stored: str | None) -> bool:
    """Whether `password` is the one whose hash is `stored`. With None the same work is done, and the answer is no."""
    kind, n, r, p, salt, wanted = (stored or _NOBODY).split("$")
    found = _scrypt(password[: MAXIMUM_LENGTH + 1], _bytes(salt), int(n), int(r), int(p))
    return kind == "scrypt" and hmac.compare_digest(found, _bytes(wanted)) and stored is not None


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"), salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=32
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)


_NOBODY = "$".join(("scrypt", str(COST_N), str(BLOCK_R), str(PARALLEL_P), _text(bytes(16)), _text(bytes(32))))
