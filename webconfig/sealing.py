"""`python -m webconfig.sealing seal|open`: a text locked with a password (AES-256-GCM, key by scrypt), and opened.

A child process, for the memory it takes and for what it has to read of strangers. Standard input is JSON with
`password` and `content`; standard output JSON with `code` and `content`. The locked form is JSON, too:
{"format": "chargepoint-sealed", "v": 1, "salt": ..., "nonce": ..., "data": ...} (base64). The cost of scrypt is fixed:
N = 32768, r = 8, p = 1 (RFC 7914), 32 MiB.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import resource
import sys

import msgspec

FORMAT = "chargepoint-sealed"
LARGEST_BYTES = 2 << 20
MEMORY_BYTES = 300 << 20
CPU_S = 20
LEAST_PASSWORD = 8


class Sealed(msgspec.Struct, frozen=True):
    """The locked form."""

    format: str
    v: int
    salt: str
    nonce: str
    data: str


class Job(msgspec.Struct, frozen=True):
    password: str
    content: str


class Outcome(msgspec.Struct, frozen=True):
    """`code`: ok, not_sealed, foreign (another version), wrong (password, or somebody changed it), weak, too_large."""

    code: str
    content: str = ""


def sealed(job: Job) -> Outcome:
    """The content locked."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(job.password) < LEAST_PASSWORD:
        return Outcome("weak")
    salt, nonce = os.urandom(16), os.urandom(12)
    data = AESGCM(_key(job.password, salt)).encrypt(nonce, job.content.encode(), FORMAT.encode())
    form = Sealed(FORMAT, 1, _text(salt), _text(nonce), _text(data))
    return Outcome("ok", msgspec.json.encode(form).decode())


def opened(job: Job) -> Outcome:
    """The content as it was; bounds are checked before anything costs time."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        form = msgspec.json.decode(job.content, type=Sealed)
        salt, nonce, data = (base64.b64decode(each, validate=True) for each in (form.salt, form.nonce, form.data))
    except (msgspec.DecodeError, msgspec.ValidationError, binascii.Error, ValueError):
        return Outcome("not_sealed")
    if form.format != FORMAT:
        return Outcome("not_sealed")
    if form.v != 1 or len(salt) != 16 or len(nonce) != 12:
        return Outcome("foreign")
    try:
        return Outcome("ok", AESGCM(_key(job.password, salt)).decrypt(nonce, data, FORMAT.encode()).decode())
    except (InvalidTag, UnicodeDecodeError):
        return Outcome("wrong")


def _key(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=32768, r=8, p=1, maxmem=64 << 20, dklen=32)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def main() -> int:
    """One job."""
    for what, value in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_S), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(what)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))
    os.nice(10)
    given = sys.stdin.buffer.read(LARGEST_BYTES + 1)
    if len(given) > LARGEST_BYTES:
        found = Outcome("too_large")
    else:
        job = msgspec.json.decode(given, type=Job)
        found = sealed(job) if sys.argv[1:] == ["seal"] else opened(job)
    sys.stdout.buffer.write(msgspec.json.encode(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
