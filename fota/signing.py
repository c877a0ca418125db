"""The signature of a signed update (security white paper, L01): a child process, so that the service stays small.

One JSON question on stdin, one JSON answer on stdout. The certificate must hang below one of the maker's roots, be
valid now, allow signing, and neither it nor one above it may be revoked by the station's list of keys; the signature is
over SHA-256 of the whole file: ECDSA, or RSA with PSS or PKCS #1 v1.5. Ed25519 signs the digest itself. Source: OCA,
Improved security for OCPP 1.6-J, edition 4, L01 and section 3.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import sys
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fota import trust
from fota.container import Refused
from fota.questions import Signed, Verified

MOST_CERTIFICATES = 6
LEAST_RSA_BITS, LEAST_EC_BITS = 2048, 224
READ_BYTES = 1 << 20


class Unfit(Exception):
    """It is not trusted; the text says why."""


class Revoked(Unfit):
    """It, or one above it, was revoked."""


def fingerprint(certificate: x509.Certificate) -> str:
    """By which the list of keys revokes it: SHA-256 of its public key (SubjectPublicKeyInfo, DER), hex.

    Of the key and not of the certificate: one that is issued anew for the same key stays revoked, and so does one whose
    own signature was written in another way that is good, too (ECDSA has two for each). Raises Unfit.
    """
    try:
        told = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Unfit(f"its public key cannot be read ({str(error)[:100]})") from None
    return hashlib.sha256(told).hexdigest()


def _key_as_written(certificate: x509.Certificate) -> bytes:
    """SubjectPublicKeyInfo as it stands in the certificate, DER: of compressed points, and of RSA keys for PSS only, it
    is not what `fingerprint` is of, but what openssl prints. Raises Unfit."""
    try:
        fields = list(_elements(next(_elements(certificate.tbs_certificate_bytes))[1]))
        return fields[6 if fields[0][0][0] == 0xA0 else 5][0]  # after version (may be left out), serial, ..., subject
    except (StopIteration, IndexError):
        raise Unfit("its public key cannot be found") from None


def _elements(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """DER elements one after another: each as a whole, and what it holds. Raises IndexError."""
    at = 0
    while at < len(content):
        length, begin = content[at + 1], at + 2
        if length & 0x80:
            begin += length & 0x7F
            length = int.from_bytes(content[at + 2 : begin], "big")
        yield content[at : begin + length], content[begin : begin + length]
        at = begin + length


def read_chain(pem: str) -> list[x509.Certificate]:
    """The certificates of a PEM text. Raises Unfit."""
    text = pem.replace("\\r", "").replace("\\n", "\n")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            chain = x509.load_pem_x509_certificates(text.encode("ascii"))
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise Unfit(f"it cannot be read as a certificate ({str(error)[:100]})") from None
    if len(chain) > MOST_CERTIFICATES:
        raise Unfit(f"{len(chain)} certificates in one text")
    return chain


def check_certificate(asked: Signed, now: datetime, revoked: frozenset[str] = frozenset()) -> x509.Certificate:
    """The certificate that may sign. Raises Unfit, Revoked."""
    signer, *between = read_chain(asked.certificate)
    roots = [root for pem in asked.roots for root in read_chain(pem)]
    if not roots:
        raise Unfit("no root of the manufacturer is installed here (InstallCertificate, ManufacturerRootCertificate)")
    _check_revoked(signer, revoked)
    _check_time(signer, now)
    _check_key(signer)
    try:
        usage = signer.extensions.get_extension_for_class(x509.KeyUsage).value
        if not usage.digital_signature:
            raise Unfit("its key is not for signatures")
    except x509.ExtensionNotFound:
        pass
    except (ValueError, x509.DuplicateExtension) as error:
        raise Unfit(f"its extensions cannot be read ({error})") from None
    current = signer
    for _step in range(MOST_CERTIFICATES):
        for root in roots:
            if _is_issued_by(current, root) and _may_issue(root, current is not signer):
                _check_revoked(root, revoked)
                _check_time(root, now)
                return signer
        above = next((each for each in between if each != current and _is_issued_by(current, each)), None)
        if above is None or not _may_issue(above, True):
            break
        _check_revoked(above, revoked)
        _check_time(above, now)
        current = above
    raise Unfit("it does not hang below a root of the manufacturer")


def _check_revoked(certificate: x509.Certificate, revoked: frozenset[str]) -> None:
    """Whoever issued a certificate has one key, so no other way up leads round a revoked one."""
    for found in (fingerprint(certificate), hashlib.sha256(_key_as_written(certificate)).hexdigest()):
        if found in revoked:
            raise Revoked(f"{_name(certificate)} was revoked (key {found[:16]})")


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()[:100]


def _check_time(certificate: x509.Certificate, now: datetime) -> None:
    name = _name(certificate)
    if now < certificate.not_valid_before_utc:
        raise Unfit(f"{name} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}")
    if now > certificate.not_valid_after_utc:
        raise Unfit(f"{name} ended on {certificate.not_valid_after_utc:%Y-%m-%d}")


def _check_key(certificate: x509.Certificate) -> None:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= LEAST_RSA_BITS:
        return
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= LEAST_EC_BITS:
        return
    if isinstance(key, ed25519.Ed25519PublicKey):
        return
    raise Unfit("its key is too short, or of a kind that is not used here")


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _may_issue(certificate: x509.Certificate, is_above_other: bool) -> bool:
    """Whether it is of an authority."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False
    return found.ca and not (is_above_other and found.path_length == 0)


def check_signature(certificate: x509.Certificate, signature: str, file: Path) -> None:
    """Raises Unfit, OSError."""
    try:
        given = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        raise Unfit("the signature is no base64") from None
    whole = hashlib.sha256()
    with file.open("rb") as content:
        while part := content.read(READ_BYTES):
            whole.update(part)
    digest = whole.digest()
    key = certificate.public_key()
    sha = hashes.SHA256()
    ways: tuple[padding.AsymmetricPadding | None, ...] = (None,)
    if isinstance(key, rsa.RSAPublicKey):
        ways = (padding.PSS(padding.MGF1(sha), padding.PSS.AUTO), padding.PKCS1v15())
    for way in ways:
        try:
            if isinstance(key, rsa.RSAPublicKey) and way is not None:
                key.verify(given, digest, way, Prehashed(sha))
            elif isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(given, digest, ec.ECDSA(Prehashed(sha)))
            elif isinstance(key, ed25519.Ed25519PublicKey):
                key.verify(given, digest)
            else:
                break
        except InvalidSignature:
            continue
        return
    raise Unfit("the signature is not one of this file by this certificate")


def answer(asked: Signed, revoked: frozenset[str] = frozenset()) -> Verified:
    """What is wrong, if anything: first with the certificate, then with the signature. `revoked`: fingerprints."""
    if asked.now is None:
        return Verified(
            ok=False, code="invalid_certificate", text="The clock is not set: no certificate can be judged."
        )
    try:
        signer = check_certificate(asked, asked.now, revoked)
    except Revoked as error:
        return Verified(ok=False, code="revoked_certificate", text=f"Signing certificate: {error}.")
    except Unfit as error:
        return Verified(ok=False, code="invalid_certificate", text=f"Signing certificate: {error}.")
    if not asked.file:
        return Verified(ok=True)
    try:
        check_signature(signer, asked.signature, Path(asked.file))
    except Unfit as error:
        return Verified(ok=False, code="invalid_signature", text=f"Signed update: {error}.")
    except OSError as error:
        return Verified(ok=False, code="failed", text=f"The file cannot be read: {error.strerror}.")
    return Verified(ok=True)


def main(arguments: list[str] | None = None) -> int:
    """Always 0; the answer says what was found. A list of keys that cannot be read may hold revocations, so then
    nothing is trusted."""
    parser = argparse.ArgumentParser(prog="python -m fota.signing", description="Check the signature of an update.")
    parser.add_argument("--keys", type=Path, required=True, metavar="DIR")
    parser.add_argument("--slots", type=Path, required=True, metavar="DIR")
    given = parser.parse_args(arguments)
    asked = msgspec.json.decode(sys.stdin.buffer.read(1 << 20), type=Signed)
    try:
        verified = answer(asked, trust.load_revoked(given.keys, given.slots))
    except Refused as refused:
        verified = Verified(ok=False, code=refused.code, text=refused.text)
    sys.stdout.write(msgspec.json.encode(verified).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
