"""A certificate authority for tests and for people who try security profiles: it makes whatever it is asked for.

Its keys live in memory only. It also makes what no honest authority would (expired, weak, wrong), so that refusals can
be tested. Nothing here is for a station in service.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

log = logging.getLogger(__name__)

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

VALID_FROM = datetime(2025, 1, 1, tzinfo=UTC)
VALID_TO = datetime(2049, 12, 31, tzinfo=UTC)
"""Usual lifetime: holds today and at the time at which tests live."""

SENDS_AFTER_S = 0.1
"""So long after SignCertificate was answered its certificate comes."""

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


def new_key(kind: str = "ec") -> PrivateKey:
    """`kind`: ec (P-256), or the bits of an RSA key as "rsa2048"."""
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.removeprefix("rsa")))


def name(common_name: str, organisation: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organisation:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(parts)


def to_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


@dataclass(frozen=True)
class Issued:
    """A certificate, its private key (None: somebody else has it), and its issuers up to but without the root."""

    certificate: x509.Certificate
    key: PrivateKey | None = field(default=None, repr=False)
    issuers: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> str:
        return to_pem(self.certificate)

    @property
    def chain_pem(self) -> str:
        """Leaf first, without the root."""
        return "".join(to_pem(one) for one in (self.certificate, *self.issuers))

    @property
    def key_pem(self) -> bytes:
        """PKCS#8, not encrypted. Raises AttributeError when somebody else has the key."""
        assert self.key is not None
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


class Authority:
    """One that signs: a root, or an intermediate below one."""

    def __init__(self, own: Issued) -> None:
        self.own = own

    @classmethod
    def root(
        cls,
        common_name: str = "Test root",
        *,
        kind: str = "ec",
        valid_from: datetime = VALID_FROM,
        valid_to: datetime = VALID_TO,
        is_ca: bool = True,
    ) -> Self:
        key = new_key(kind)
        subject = name(common_name, "Test operator")
        builder = _builder(subject, key.public_key(), subject, valid_from, valid_to)
        certificate = _with_authority_extensions(builder, is_ca).sign(key, hashes.SHA256())
        return cls(Issued(certificate, key))

    @property
    def pem(self) -> str:
        return self.own.pem

    @property
    def _is_root(self) -> bool:
        return self.own.certificate.issuer == self.own.certificate.subject

    def below(
        self,
        common_name: str = "Test intermediate",
        *,
        kind: str = "ec",
        valid_from: datetime = VALID_FROM,
        valid_to: datetime = VALID_TO,
        key: PrivateKey | None = None,
    ) -> Authority:
        """An authority that this one vouches for; with the key of another root: that root, cross-signed."""
        key = key or new_key(kind)
        subject = name(common_name, "Test operator")
        builder = _builder(subject, key.public_key(), self.own.certificate.subject, valid_from, valid_to)
        certificate = _with_authority_extensions(builder, True).sign(self._key, hashes.SHA256())
        return Authority(Issued(certificate, key, self._issuers()))

    def server(
        self,
        *hosts: str,
        kind: str = "ec",
        valid_from: datetime = VALID_FROM,
        valid_to: datetime = VALID_TO,
    ) -> Issued:
        """A central system's certificate for these names and addresses (127.0.0.1 and localhost when none is given)."""
        key = new_key(kind)
        hosts = hosts or ("127.0.0.1", "localhost")
        builder = _builder(name(hosts[0]), key.public_key(), self.own.certificate.subject, valid_from, valid_to)
        builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), False)
        return self._issue(builder, key, [SERVER])

    def station(
        self,
        common_name: str,
        organisation: str = "",
        *,
        kind: str = "ec",
        valid_from: datetime = VALID_FROM,
        valid_to: datetime = VALID_TO,
    ) -> Issued:
        """A charge point's certificate with a key made here (as one that comes from the factory)."""
        key = new_key(kind)
        builder = _builder(
            name(common_name, organisation), key.public_key(), self.own.certificate.subject, valid_from, valid_to
        )
        return self._issue(builder, key, [CLIENT])

    def sign(
        self,
        csr: str,
        *,
        valid_from: datetime = VALID_FROM,
        valid_to: datetime = VALID_TO,
        subject: x509.Name | None = None,
        public_key: PublicKey | None = None,
        is_ca: bool = False,
        usages: Sequence[x509.ObjectIdentifier] = (CLIENT,),
    ) -> Issued:
        """The certificate that a request (PEM) asks for; other arguments make it another one. Raises ValueError."""
        request = x509.load_pem_x509_csr(csr.encode())
        if not request.is_signature_valid:
            raise ValueError("the request is not signed with its own key")
        key = public_key or request.public_key()
        assert isinstance(key, PublicKey)
        builder = _builder(subject or request.subject, key, self.own.certificate.subject, valid_from, valid_to)
        return self._issue(builder, None, usages, is_ca)

    @property
    def _key(self) -> PrivateKey:
        assert self.own.key is not None
        return self.own.key

    def _issuers(self) -> tuple[x509.Certificate, ...]:
        return () if self._is_root else (self.own.certificate, *self.own.issuers)

    def _issue(
        self,
        builder: x509.CertificateBuilder,
        key: PrivateKey | None,
        usages: Sequence[x509.ObjectIdentifier],
        is_ca: bool = False,
    ) -> Issued:
        builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
        )
        return Issued(builder.sign(self._key, hashes.SHA256()), key, self._issuers())


Call = Callable[[str, str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Sends a call (station, action, payload) and gives its answer."""


class Signing:
    """The central system's part of SignCertificate: each request is signed and answered by CertificateSigned.

    `root` is what a station has to be given (InstallCertificate) for its certificates to be taken.
    """

    def __init__(self, root: Authority | None = None, signer: Authority | None = None) -> None:
        self.root = root or Authority.root("Simulated central system")
        self.signer = signer or self.root
        self.answers: list[str] = []
        """The status of each CertificateSigned, or why there was none."""
        self._tasks: set[asyncio.Task[None]] = set()

    def sign(self, call: Call, station: str, csr: str) -> bool:
        """Whether the request can be signed; its certificate then follows by itself."""
        try:
            issued = self.signer.sign(csr)
        except ValueError as error:
            log.warning("%s sent a certificate request that is none: %s", station, error)
            return False
        task = asyncio.create_task(self._send(call, station, issued))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _send(self, call: Call, station: str, issued: Issued) -> None:
        await asyncio.sleep(SENDS_AFTER_S)
        try:
            answer = await call(station, "CertificateSigned", {"certificateChain": issued.chain_pem})
        except Exception as error:
            log.warning("%s did not take its certificate: %s", station, error)
            self.answers.append(f"{type(error).__name__}: {error}")
        else:
            self.answers.append(str(answer["status"]))


def _builder(
    subject: x509.Name, key: PublicKey, issuer: x509.Name, valid_from: datetime, valid_to: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid_from)
        .not_valid_after(valid_to)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _with_authority_extensions(builder: x509.CertificateBuilder, is_ca: bool) -> x509.CertificateBuilder:
    return builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True).add_extension(
        x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=is_ca,
            crl_sign=is_ca,
            encipher_only=False,
            decipher_only=False,
        ),
        critical=True,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
