"""Certificates: read, judged, named by their hashes; keys and requests made. Pure apart from chance.

Source: OCA, Improved security for OCPP 1.6-J, edition 4 (A02, M03 to M05; keys and signatures: section 3); RFC 5280;
hash data as in RFC 6960, CertID.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import Certificate
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ocpp_client.certificate_words import HashData, Instant, Unfit, Wanted

MAX_CSR = 5500
MAX_CHAIN = 10
"""Certificates in one chain."""
LEAST_RSA_BITS, LEAST_EC_BITS, MOST_RSA_BITS = 2048, 224, 8192
MAX_NAME = 64
"""Longest CN and O (RFC 5280, ub-common-name, ub-organization-name)."""
MAX_SERIAL = 40
"""Longest serial number that fits the hash data of OCPP."""

T = TypeVar("T", bound=x509.ExtensionType)

WEAK = (hashes.MD5, hashes.SHA1)

_REFUSALS = (x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType)
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, *_REFUSALS)
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


# ------------------------------------------------------------------------------------------------------------ reading


def read_chain(text: str) -> tuple[Certificate, ...]:
    """The certificates of a PEM text, in its order. Raises Unfit for none, for too many and for anything else in it.

    Line ends that came escaped twice (a backslash and an n) are taken as line ends.
    """
    text = text.replace("\\r", "").replace("\\n", "\n")
    blocks = list(_BLOCK.finditer(text))
    if not blocks:
        raise Unfit("it is no certificate in PEM")
    if len(blocks) > MAX_CHAIN:
        raise Unfit(f"{len(blocks)} certificates in one text, at most {MAX_CHAIN} are read")
    if "-----" in _BLOCK.sub("", text):
        raise Unfit("it is cut off or damaged: it has the beginning or the end of a block alone")
    return tuple(_read_block(block) for block in blocks)


def _read_block(block: re.Match[str]) -> Certificate:
    if block[1] != "CERTIFICATE":
        raise Unfit(f"it holds a {block[1][:30]}, where only certificates belong")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a number of zero is old custom, not a fault
            certificate = x509.load_pem_x509_certificate(block[0].encode("ascii"))
        for part in ("extensions", "subject", "issuer", "not_valid_before_utc", "not_valid_after_utc"):
            getattr(certificate, part)  # read here, so that nothing breaks later
        certificate.public_key()
    except _UNREADABLE as error:
        raise Unfit(f"it cannot be read as a certificate ({str(error)[:100] or type(error).__name__})") from None
    return certificate


def read_one(text: str) -> Certificate:
    """The one certificate of a PEM text. Raises Unfit."""
    chain = read_chain(text)
    if len(chain) > 1:
        raise Unfit(f"it holds {len(chain)} certificates, one belongs there")
    return chain[0]


def to_pem(certificate: Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def fingerprint(certificate: Certificate) -> str:
    """SHA-256 of the whole certificate, hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def name_of(certificate: Certificate) -> str:
    """The subject, for people; bounded."""
    return certificate.subject.rfc4514_string()[:100] or "without a name"


def key_words(certificate: Certificate) -> str:
    """Kind and size of its key, for people."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    return f"EC {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__


# ------------------------------------------------------------------------------------------------------------ judging


def check_strength(certificate: Certificate) -> None:
    """Key and signature strong enough. Raises Unfit."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        if not LEAST_RSA_BITS <= key.key_size <= MOST_RSA_BITS:
            raise Unfit(f"{name_of(certificate)}: an RSA key of {key.key_size} bits, not {LEAST_RSA_BITS} or more")
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.key_size < LEAST_EC_BITS:
            raise Unfit(f"{name_of(certificate)}: an elliptic curve of {key.key_size} bits, not {LEAST_EC_BITS}")
    else:
        raise Unfit(f"{name_of(certificate)}: its key is neither RSA nor of an elliptic curve")
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    if algorithm is None or isinstance(algorithm, WEAK):
        raise Unfit(f"{name_of(certificate)}: it is signed with a hash that proves nothing any more")


def check_lifetime(certificate: Certificate, now: Instant, *, may_begin_later: bool = False) -> None:
    """Within its lifetime. Raises Unfit.

    While wall time is unknown it is at least `now.at`: what ended before cannot hold, what begins later may.
    """
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if end < begin:
        raise Unfit(f"{name_of(certificate)}: its lifetime ends before it begins")
    if end < now.at:
        raise Unfit(f"{name_of(certificate)}: it ran out on {end:%Y-%m-%d %H:%M} UTC")
    if now.is_exact and begin > now.at and not may_begin_later:
        raise Unfit(f"{name_of(certificate)}: it holds only from {begin:%Y-%m-%d %H:%M} UTC on")


def check_authority(certificate: Certificate) -> None:
    """That it may sign others. Raises Unfit."""
    constraints, usage = _extension(certificate, x509.BasicConstraints), _extension(certificate, x509.KeyUsage)
    if constraints is None or not constraints.ca:
        raise Unfit(f"{name_of(certificate)}: it is not that of an authority (CA)")
    if usage is not None and not usage.key_cert_sign:
        raise Unfit(f"{name_of(certificate)}: it may not sign certificates (keyUsage)")


def is_signed_by(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether `issuer` is the issuer by name and by signature."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def check_root(text: str, now: Instant, known: Sequence[Certificate] = ()) -> tuple[Certificate, Certificate]:
    """A root to install and its issuer: itself, or one of `known`. Raises Unfit."""
    certificate = read_one(text)
    check_authority(certificate)
    check_strength(certificate)
    check_lifetime(certificate, now)
    if serial_number(certificate).startswith("-") or len(serial_number(certificate)) > MAX_SERIAL:
        raise Unfit(f"{name_of(certificate)}: its serial number is longer than {MAX_SERIAL} digits or below 0")
    for issuer in (certificate, *known):
        if is_signed_by(certificate, issuer):
            return certificate, issuer
    raise Unfit(f"{name_of(certificate)}: it is signed neither by itself nor by a root that is installed")


def check_own_chain(chain: Sequence[Certificate], wanted: Wanted, now: Instant) -> None:
    """The chain (leaf first) of a certificate for this station. Raises Unfit. The leaf may begin to hold later."""
    leaf = chain[0]
    if wanted.key and public_bytes(leaf.public_key()) != wanted.key:
        raise Unfit("the first certificate is not for the key that was asked for")
    _check_leaf(leaf, wanted)
    check_lifetime(leaf, now, may_begin_later=True)
    for certificate, issuer in pairwise(chain):
        check_authority(issuer)
        check_lifetime(issuer, now)
        if not is_signed_by(certificate, issuer):
            raise Unfit(f"{name_of(certificate)}: it is not signed by the next of the chain, {name_of(issuer)}")
    for certificate in chain:
        check_strength(certificate)
    if wanted.roots and not _ends_at(chain[-1], wanted, now):
        raise Unfit(f"{name_of(chain[-1])}: its issuer {chain[-1].issuer.rfc4514_string()[:100]} is not known")


def _check_leaf(leaf: Certificate, wanted: Wanted) -> None:
    constraints, usage = _extension(leaf, x509.BasicConstraints), _extension(leaf, x509.KeyUsage)
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if constraints is not None and constraints.ca:
        raise Unfit("the first certificate is that of an authority, not of a station")
    if usage is not None and not usage.digital_signature:
        raise Unfit("it may not be used to prove who the station is (keyUsage)")
    if purposes is not None and not {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(
        purposes
    ):
        raise Unfit("it is not for the client's side of TLS (extendedKeyUsage)")
    for what, oid, value in (
        ("CN", NameOID.COMMON_NAME, wanted.common_name),
        ("O", NameOID.ORGANIZATION_NAME, wanted.organisation),
    ):
        found = [str(part.value) for part in leaf.subject.get_attributes_for_oid(oid)]
        if value and found != [value]:
            raise Unfit(f"its {what} is {', '.join(found)[:100] or 'missing'}, not {value}")


def _ends_at(last: Certificate, wanted: Wanted, now: Instant) -> bool:
    """Whether a known root stands behind `last`, over known intermediates where they are needed."""
    seen: set[str] = set()
    ends = [last]
    while ends:
        certificate = ends.pop()
        if any(certificate == root or is_signed_by(certificate, root) for root in wanted.roots):
            return True
        for helper in wanted.helpers:
            if fingerprint(helper) not in seen and is_signed_by(certificate, helper) and _is_sound(helper, now):
                seen.add(fingerprint(helper))
                ends.append(helper)
    return False


def _is_sound(certificate: Certificate, now: Instant) -> bool:
    try:
        check_authority(certificate)
        check_strength(certificate)
        check_lifetime(certificate, now)
    except Unfit:
        return False
    return True


def vouches(roots: Iterable[Certificate], chain: Sequence[Certificate]) -> bool:
    """Whether one of `roots` stands behind `chain`: is in it, or has signed one of it."""
    return any(one == root or is_signed_by(one, root) for root in roots for one in chain)


def _extension(certificate: Certificate, kind: type[T]) -> T | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


# --------------------------------------------------------------------------------------------------------- hash data


def serial_number(certificate: Certificate) -> str:
    """Lower-case hexadecimal, without leading zeros; with a sign where it is below 0, as none should be."""
    return f"{int.from_bytes(_to_be_signed(certificate)[0][1], 'big', signed=True):x}"


@lru_cache(maxsize=256)
def hash_data(certificate: Certificate, issuer: Certificate, algorithm: str = "SHA256") -> HashData:
    """Hashes of the issuer's name (DER, as it stands in `certificate`) and of its key, and the number.

    The key counts as the content of its BIT STRING, without tag, length and the count of unused bits.
    """
    return HashData(
        algorithm,
        _hash(algorithm, issuer_name(certificate)),
        _hash(algorithm, key_bits(issuer)),
        serial_number(certificate),
    )


def _elements(der: bytes) -> list[tuple[int, bytes, bytes]]:
    """The elements of DER text that was read before: tag, content, and the whole with tag and length."""
    found, start = [], 0
    while start < len(der):
        length, head = der[start + 1], start + 2
        if length & 0x80:
            count = length & 0x7F
            length, head = int.from_bytes(der[head : head + count], "big"), head + count
        found.append((der[start], der[head : head + length], der[start : head + length]))
        start = head + length
    return found


def _to_be_signed(certificate: Certificate) -> list[tuple[int, bytes, bytes]]:
    """serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, and what follows."""
    fields = _elements(_elements(certificate.tbs_certificate_bytes)[0][1])
    return fields[1:] if fields[0][0] == 0xA0 else fields  # 0xA0: the version, left out in version 1


def issuer_name(certificate: Certificate) -> bytes:
    """The issuer's name as it stands in the certificate (DER)."""
    return _to_be_signed(certificate)[2][2]


def key_bits(certificate: Certificate) -> bytes:
    """subjectPublicKey as it stands in the certificate: the content of its BIT STRING."""
    _algorithm, bits = _elements(_to_be_signed(certificate)[5][1])
    return bits[1][1:]


def _hash(algorithm: str, content: bytes) -> str:
    return hashlib.new(algorithm, content).hexdigest()


# --------------------------------------------------------------------------------------------------- keys and requests


def new_private_key() -> bytes:
    """A fresh key on curve P-256, PEM (PKCS#8, not encrypted)."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load_key(private_key: bytes) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(private_key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Unfit("the private key cannot be read (PEM without a password is needed)") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise Unfit("the private key is neither RSA nor of an elliptic curve")
    return key


def public_of(private_key: bytes) -> bytes:
    """The public key (DER) of a private one (PEM). Raises Unfit."""
    return public_bytes(_load_key(private_key).public_key())


def public_bytes(key: object) -> bytes:
    """A public key as DER; b"" for a kind that is not used here."""
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        return b""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def check_names(common_name: str, organisation: str) -> None:
    """That they fit into a certificate. Raises Unfit."""
    for what, value in (("CN (the serial number)", common_name), ("O (CpoName)", organisation)):
        if len(value) > MAX_NAME:
            raise Unfit(f"{what} has {len(value)} characters, at most {MAX_NAME} fit into a certificate")
    if not common_name:
        raise Unfit("the station has no serial number and no identity that could be its name")


def request_for(private_key: bytes, common_name: str, organisation: str) -> str:
    """A certificate request (PKCS#10, PEM) with CN and, unless it is empty, O. Raises Unfit."""
    check_names(common_name, organisation)
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organisation:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(parts))
    request = builder.sign(_load_key(private_key), hashes.SHA256())
    text = request.public_bytes(serialization.Encoding.PEM).decode("ascii")
    if len(text) > MAX_CSR:
        raise Unfit(f"the request has {len(text)} characters, at most {MAX_CSR} can be sent")
    return text
