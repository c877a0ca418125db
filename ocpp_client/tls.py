"""TLS towards the central system: what is offered, whom we believe, and what went wrong in whose words.

Chain and name are checked by OpenSSL within the handshake and never relaxed. Lifetimes are checked here, by the clock
of the house instead of the system's, before the first byte of ours is sent (reliability.md S3, S4).
Source: OCA, Improved security for OCPP 1.6-J, edition 4, section 3 (TLS 1.2 or newer, suites, keys); RFC 5280, 6125.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from chargepoint.clock import Clock
from ocpp_client.late import Late

if TYPE_CHECKING:
    from cryptography import x509
else:
    x509 = Late("cryptography.x509")

SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    # without forward secrecy, yet the white paper asks for them; offered last
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
)
"""Of TLS 1.2. Those of TLS 1.3 are all good and not chosen here."""

LEVEL = 2
"""OpenSSL's security level: RSA keys of 2048 bits, elliptic curves of 224 bits, no SHA-1 signatures."""

NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME: `lifetime_fault` does it instead."""

_DER = 2
"""_ssl.ENCODING_DER."""

Pair = tuple[bytes, str]
"""A private key and its chain, both PEM."""

CERTIFICATE, VERSION, SUITE, REFUSED = (
    "InvalidCentralSystemCertificate",
    "InvalidTLSVersion",
    "InvalidTLSCipherSuite",
    "FailedToAuthenticateAtCentralSystem",
)

REASONS = {
    "UNSUPPORTED_PROTOCOL": VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": VERSION,
    "WRONG_SSL_VERSION": VERSION,
    "NO_PROTOCOLS_AVAILABLE": VERSION,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": SUITE,
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": SUITE,
    "NO_SHARED_CIPHER": SUITE,
    "NO_CIPHERS_AVAILABLE": SUITE,
    "WRONG_CIPHER_RETURNED": SUITE,
    "UNKNOWN_CIPHER_RETURNED": SUITE,
    "DH_KEY_TOO_SMALL": SUITE,
    "EE_KEY_TOO_SMALL": CERTIFICATE,
    "CA_KEY_TOO_SMALL": CERTIFICATE,
    "CA_MD_TOO_WEAK": CERTIFICATE,
    "CERTIFICATE_VERIFY_FAILED": CERTIFICATE,
    "SSLV3_ALERT_BAD_CERTIFICATE": REFUSED,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": REFUSED,
    "SSLV3_ALERT_CERTIFICATE_REVOKED": REFUSED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": REFUSED,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": REFUSED,
    "TLSV1_ALERT_ACCESS_DENIED": REFUSED,
    "TLSV1_ALERT_DECRYPT_ERROR": REFUSED,
    "TLSV1_ALERT_UNKNOWN_CA": REFUSED,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": REFUSED,
}
"""OpenSSL's reason -> security event. An alert is what the server said of us, the others what we said of it."""

MEANINGS = {
    CERTIFICATE: "its certificate does not prove that it is the central system",
    VERSION: "it offers only TLS below 1.2",
    SUITE: "it has no cipher suite (or key) in common with what is secure",
    REFUSED: "it does not accept the certificate of this station",
}

UNKNOWN_ROOT = "no root that is believed vouches for it: put its root into ca_file"
OTHER_NAME = "the address in url is no name of its certificate: write a name that stands in it"
REMEDIES = dict.fromkeys((18, 19, 20, 21), UNKNOWN_ROOT) | dict.fromkeys((62, 64), OTHER_NAME)
"""X509_V_ERR_... of OpenSSL -> what a person can do about it."""


class UntrustedPeer(Exception):
    """The certificate of the other side is outside its lifetime."""


def client_context(roots: Sequence[str], own: Pair | None = None) -> ssl.SSLContext:
    """What a link is opened with. `roots` are PEM texts, the only ones believed; none: the system's.

    Each root is an anchor by itself, also one that was signed by another (the white paper's additional check makes
    such). Raises ValueError for roots or a key pair that cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME) | ssl.VERIFY_X509_PARTIAL_CHAIN
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(":".join(SUITES) + f":@SECLEVEL={LEVEL}")
    try:
        if roots:
            context.load_verify_locations(cadata="\n".join(roots))
        else:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(f"the root certificates cannot be read: {error}") from None
    if own is not None:
        _load_pair(context, own)
    return context


def _load_pair(context: ssl.SSLContext, own: Pair) -> None:
    """The library takes files only; these live in memory, without a name that others could open."""
    key, chain = own
    try:
        with _memory_file(chain.encode()) as chain_path, _memory_file(key) as key_path:
            context.load_cert_chain(chain_path, key_path, password=lambda: b"")
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise ValueError(f"the certificate of this station and its key cannot be used: {reason}") from None


@contextmanager
def _memory_file(content: bytes) -> Iterator[str]:
    handle = os.memfd_create("pem", os.MFD_CLOEXEC)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(handle, view) :]
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


def chain_of(ssl_object: Any) -> tuple[x509.Certificate, ...]:
    """The chain that the handshake verified, the server's own certificate first, its anchor last.

    Python shows it in public from 3.13 on (as bytes), before that on the object inside.
    """
    inner = ssl_object if hasattr(ssl_object, "get_verified_chain") else ssl_object._sslobj
    found = (one if isinstance(one, bytes) else one.public_bytes(_DER) for one in inner.get_verified_chain())
    return tuple(x509.load_der_x509_certificate(one) for one in found)


def lifetime_fault(chain: Sequence[x509.Certificate], clock: Clock) -> str:
    """Why a certificate of `chain` does not hold now; "" when all do.

    While wall time is unknown it is at least the floor: what ended before cannot hold, what begins later may.
    """
    now = clock.now() if clock.is_set else clock.floor
    for certificate in chain:
        name = certificate.subject.rfc4514_string() or "without a name"
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if end < now:
            return f"the certificate {name} ran out on {end:%Y-%m-%d %H:%M} UTC"
        if clock.is_set and begin > now:
            return f"the certificate {name} holds only from {begin:%Y-%m-%d %H:%M} UTC on"
    return ""


def event_of(error: BaseException | None) -> tuple[str, str]:
    """The security event that a failed handshake is, and why in words; ("", "") when TLS was not the reason."""
    for _ in range(10):
        if isinstance(error, UntrustedPeer):
            return CERTIFICATE, str(error)
        if isinstance(error, ssl.SSLCertVerificationError):
            remedy = REMEDIES.get(error.verify_code, "")
            return CERTIFICATE, f"{error.verify_message} ({remedy})" if remedy else error.verify_message
        if isinstance(error, ssl.SSLError):
            event = REASONS.get(error.reason or "", "")
            return event, MEANINGS.get(event, "") or f"no TLS with it ({error.reason or type(error).__name__})"
        if error is None:
            break
        error = error.__cause__ or error.__context__
    return "", ""
