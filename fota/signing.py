"""The signature of a signed update (security white paper, L01): a child process, so that the service stays small.

One JSON question on stdin, one JSON answer on stdout. The certificate must hang below one of the maker's roots, be
valid now and allow signing; the signature is over SHA-256 of the whole file: ECDSA, or RSA with PSS or PKCS #1 v1.5.
Ed25519 signs the digest itself. Source: OCA, Improved security for OCPP 1.6-J, edition 4, L01 and section 3.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import sys
import warnings
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from fota.questions import Signed, Verified

MOST_CERTIFICATES = 6
LEAST_RSA_BITS, LEAST_EC_BITS = 2048, 224
READ_BYTES = 1 << 20


class Unfit(Exception):
    """It is not trusted; the text says why."""


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


def check_certificate(asked: Signed, now: datetime) -> x509.Certificate:
    """The certificate that may sign. Raises Unfit."""
    signer, *between = read_chain(asked.certificate)
    roots = [root for pem in asked.roots for root in read_chain(pem)]
    if not roots:
        raise Unfit("no root of the manufacturer is installed here (InstallCertificate, ManufacturerRootCertificate)")
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
                _check_time(root, now)
                return signer
        above = next((each for each in between if each != current and _is_issued_by(current, each)), None)
        if above is None or not _may_issue(above, True):
            break
        _check_time(above, now)
        current = above
    raise Unfit("it does not hang below a root of the manufacturer")


def _check_time(certificate: x509.Certificate, now: datetime) -> None:
    name = certificate.subject.rfc4514_string()[:100]
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


def answer(asked: Signed) -> Verified:
    """What is wrong, if anything: first with the certificate, then with the signature."""
    if asked.now is None:
        return Verified(
            ok=False, code="invalid_certificate", text="The clock is not set: no certificate can be judged."
        )
    try:
        signer = check_certificate(asked, asked.now)
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


def main() -> int:
    """Always 0; the answer says what was found."""
    asked = msgspec.json.decode(sys.stdin.buffer.read(1 << 20), type=Signed)
    sys.stdout.write(msgspec.json.encode(answer(asked)).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
