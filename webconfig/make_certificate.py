"""`python -m webconfig.make_certificate FOLDER NAME...`: a key and a certificate signed by it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from chargepoint import whole_file

VALID_YEARS = 20
"""A station without a clock battery must not lock itself out."""


def make(folder: Path, names: list[str]) -> None:
    """Write both files, readable by this account only. The first name is the subject. Raises OSError."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = list(dict.fromkeys(name for name in names if name)) or ["station"]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    begin = datetime(2020, 1, 1, tzinfo=UTC)  # also for a clock that is not set yet
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=365 * (VALID_YEARS + 10)))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names if name.isascii()]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(key, hashes.SHA256())
    )
    whole_file.write(folder / "web.key", key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    whole_file.write(folder / "web.crt", certificate.public_bytes(serialization.Encoding.PEM))


if __name__ == "__main__":
    make(Path(sys.argv[1]), sys.argv[2:])
