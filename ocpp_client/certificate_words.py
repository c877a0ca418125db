"""What is said about certificates without reading one; `x509.py` reads them.

Source: OCA, Improved security for OCPP 1.6-J, edition 4; hash data as in RFC 6960, CertID.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


class Unfit(Exception):
    """A certificate or key that cannot be used; the text says why and repeats no secret."""


class HashData(msgspec.Struct, frozen=True, rename="camel"):
    """CertificateHashDataType: names a certificate by its issuer and its number. Lower-case hexadecimal."""

    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str

    @classmethod
    def read(cls, payload: dict[str, str]) -> HashData:
        """As a server wrote it: upper case and leading zeros mean the same."""
        return cls(
            payload["hashAlgorithm"],
            payload["issuerNameHash"].lower(),
            payload["issuerKeyHash"].lower(),
            payload["serialNumber"].lower().lstrip("0") or "0",
        )


class Instant(msgspec.Struct, frozen=True):
    """Now, as well as it is known: without wall time `at` is the earliest time that can be true."""

    at: datetime
    is_exact: bool = True


class Wanted(msgspec.Struct, frozen=True):
    """What a certificate of this station has to be. `organisation` empty: any."""

    common_name: str
    organisation: str
    key: bytes = b""
    """The public key (DER) that it has to be for; empty: that is looked at elsewhere."""
    roots: tuple[Certificate, ...] = ()
    """One of them has to be at the end of the chain; none: nobody is known who could."""
    helpers: tuple[Certificate, ...] = ()
    """Intermediate certificates that are known already and may be missing in the chain."""
