"""`python -m webconfig.read_certificates [INSTALL_FOLDER]`: certificates (and a key) read in a process of their own.

Reads one JSON object from stdin: {"chain": PEM, "key": PEM or ""}, writes one to stdout: {"ok", "text",
"chain": PEM without anything else in it, "rows": [...]}. With a folder, chain and key are checked to fit a web server
and become its web.crt and web.key. Nothing of what is refused repeats a key.
"""

from __future__ import annotations

import json
import os
import re
import resource
import ssl
import sys
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from chargepoint.whole_file import sync_folder

MOST_BYTES, MOST_CERTIFICATES = 128 << 10, 10
LEAST_RSA, MOST_RSA, LEAST_EC = 2048, 8192, 224
MOST_MEMORY, MOST_CPU_S = 512 << 20, 10
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


class Unfit(Exception):
    """`code` is a text key, `certificates.unfit_CODE`."""


def read_chain(text: str) -> list[x509.Certificate]:
    """The certificates of a text, in its order. Raises Unfit."""
    blocks = _BLOCK.findall(text)
    if not blocks:
        raise Unfit("none")
    if len(blocks) > MOST_CERTIFICATES:
        raise Unfit("many")
    try:
        return [x509.load_pem_x509_certificate(block.encode("ascii")) for block in blocks]
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Unfit("unreadable") from None


def check_web(chain: list[x509.Certificate], key_pem: str, now: datetime) -> bytes:
    """The key, written anew, when both fit a web server. Raises Unfit."""
    try:
        key = serialization.load_pem_private_key(key_pem.encode("ascii"), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Unfit("key_unreadable") from None
    if isinstance(key, rsa.RSAPrivateKey):
        is_strong = LEAST_RSA <= key.key_size <= MOST_RSA
    else:
        is_strong = isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size >= LEAST_EC
    if not is_strong or not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise Unfit("key_weak")
    public = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    leaf = chain[0]
    if leaf.public_key().public_bytes(*public) != key.public_key().public_bytes(*public):
        raise Unfit("key_other")
    if isinstance(leaf.signature_hash_algorithm, hashes.MD5 | hashes.SHA1):
        raise Unfit("weak_hash")
    for one in chain:
        if one.not_valid_after_utc < now:
            raise Unfit("expired")
    try:
        purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(purposes):
            raise Unfit("not_server")
    except x509.ExtensionNotFound:
        pass
    for one, issuer in pairwise(chain):
        try:
            one.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            raise Unfit("order") from None
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def row(one: x509.Certificate) -> dict[str, object]:
    """What people are told of it."""
    key = one.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        words = f"RSA {key.key_size}"
    else:
        words = f"EC {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__
    try:
        names = [str(name.value)[:100] for name in one.extensions.get_extension_for_class(
            x509.SubjectAlternativeName).value]  # fmt: skip
    except (x509.ExtensionNotFound, ValueError):
        names = []
    return {
        "subject": one.subject.rfc4514_string()[:200],
        "issuer": one.issuer.rfc4514_string()[:200],
        "number": f"{one.serial_number:x}"[:60],
        "begins_at": one.not_valid_before_utc.isoformat(),
        "ends_at": one.not_valid_after_utc.isoformat(),
        "fingerprint": one.fingerprint(hashes.SHA256()).hex(),
        "key": words,
        "names": names[:20],
    }


def install(folder: Path, chain_pem: str, key_pem: bytes) -> None:
    """Both files, readable by this account only; tried by OpenSSL before they take the place of the old ones.

    Raises Unfit, OSError.
    """
    new = {folder / "web.key": key_pem, folder / "web.crt": chain_pem.encode("ascii")}
    for path, content in new.items():
        handle = os.open(_new(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(_new(folder / "web.crt"), _new(folder / "web.key"))
    except ssl.SSLError:
        for path in new:
            _new(path).unlink()
        raise Unfit("unusable") from None
    for path in new:
        _new(path).replace(path)
    sync_folder(folder)


def _new(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def answer(given: dict[str, str], folder: Path | None, now: datetime) -> dict[str, object]:
    """The object for stdout; never raises for what was uploaded."""
    try:
        chain = read_chain(str(given.get("chain", "")))
        pem = "".join(one.public_bytes(serialization.Encoding.PEM).decode("ascii") for one in chain)
        rows = [row(one) for one in chain]
        if folder is not None:
            install(folder, pem, check_web(chain, str(given.get("key", "")), now))
            ends_at = min(one.not_valid_after_utc for one in chain)
            (folder / "web.ends").write_text(f"{ends_at.isoformat()}\n", encoding="ascii")  # for the warnings
    except Unfit as error:
        return {"ok": False, "text": str(error), "chain": "", "rows": []}
    except (ValueError, OSError, UnicodeError):
        return {"ok": False, "text": "unreadable", "chain": "", "rows": []}
    return {"ok": True, "text": "", "chain": pem, "rows": rows}


def main() -> None:
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
    given = json.loads(sys.stdin.buffer.read(MOST_BYTES))
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    json.dump(answer(given, folder, datetime.now(UTC)), sys.stdout)


if __name__ == "__main__":
    main()
