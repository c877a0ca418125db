"""What a failed step of a connection test is, as codes for people's texts. Pure.

Source: webconfig.md 9. The texts are webconfig/texts/ocpptest.toml: `CODE` and what to do, `CODE_do`.
"""

from __future__ import annotations

import errno
import ssl
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec

from chargepoint.clock import Clock
from ocpp_client.late import Late
from ocpp_client.tls import CERTIFICATE, REASONS, REFUSED, SUITE, VERSION

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.x509 import Certificate
else:
    x509 = Late("cryptography.x509")

OK, WARNING, FAILED, SKIPPED = "ok", "warning", "failed", "skipped"
SOON_DAYS = 30
MOST_NAMES = 8
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG",
                      "RECORD_LAYER_FAILURE", "BAD_RECORD_TYPE"})  # fmt: skip
_SELF_SIGNED, _IN_CHAIN, _NO_ISSUER, _OTHER_NAME = 18, 19, frozenset({2, 20, 21}), frozenset({62, 64})
"""X509_V_ERR_... of OpenSSL."""


class Found(msgspec.Struct, frozen=True):
    """What a step found."""

    status: str
    code: str
    values: Mapping[str, str] = {}
    detail: str = ""


def look_at_address(url: str, proxy: str, identity: str) -> Found:
    """The address can be dialled; without TLS it is one that everybody on the way can read."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return Found(FAILED, "address_bad", {"url": url[:200]}, str(error)[:200])
    if parts.scheme not in ("ws", "wss") or not host or port == 0 or any(each.isspace() for each in url):
        return Found(FAILED, "address_bad", {"url": url[:200]})
    if parts.username is not None or parts.password is not None:
        return Found(FAILED, "address_secret", {"host": host})
    if parts.query or parts.fragment:
        return Found(FAILED, "address_query", {"url": url[:200]})
    places = parts.path.rstrip("/").split("/")
    if identity and len(places) > 2 and unquote(places[-1]) == unquote(places[-2]) == identity:
        return Found(FAILED, "address_twice", {"identity": identity})
    values = {"host": host, "port": str(port or (443 if parts.scheme == "wss" else 80)), "identity": identity}
    if proxy:
        return Found(OK, "address_proxy", {**values, "proxy": proxy})
    return Found(OK, "address_ok", values) if parts.scheme == "wss" else Found(WARNING, "address_plain", values)


def of_tcp(error: BaseException, values: Mapping[str, str]) -> Found:
    """Why nothing answered at an address."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, TimeoutError):
        return Found(FAILED, "tcp_timeout", values)
    if number == errno.ECONNREFUSED:
        return Found(FAILED, "tcp_refused", values)
    if number in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL):
        return Found(FAILED, "tcp_no_route", values, str(error)[:200])
    return Found(FAILED, "tcp_failed", values, str(error)[:200] or type(error).__name__)


def of_tls(error: BaseException, leaf: Certificate | None, host: str) -> Found:
    """Why the TLS handshake failed; `leaf` is what the other side showed, where that is known."""
    detail = str(error)[:200] or type(error).__name__
    values = {"host": host, **facts_of(leaf)}
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        if code == _SELF_SIGNED or (code in _NO_ISSUER and leaf is not None and leaf.issuer == leaf.subject):
            return Found(FAILED, "tls_self_signed", values, detail)
        if code in _OTHER_NAME:
            return Found(FAILED, "tls_name", values, detail)
        if code == _IN_CHAIN or code in _NO_ISSUER:
            return Found(FAILED, "tls_unknown_root", values, detail)
        return Found(FAILED, "tls_certificate", values, detail)
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        meaning = REASONS.get(reason, "")
        by_meaning = {VERSION: "tls_version", SUITE: "tls_cipher", REFUSED: "tls_refused", CERTIFICATE: "tls_weak"}
        if reason in _NOT_TLS and reason != "RECORD_LAYER_FAILURE" and leaf is None:
            return Found(FAILED, "tls_not_tls", values, detail)
        return Found(FAILED, by_meaning.get(meaning, "tls_failed"), values, detail)
    if isinstance(error, ConnectionError | EOFError):
        return Found(FAILED, "tls_ended", values, detail)
    return Found(FAILED, "tls_failed", values, detail)


def of_chain(chain: tuple[Certificate, ...], clock: Clock, values: Mapping[str, str]) -> Found:
    """Whether a verified chain holds now, by the clock of the house; `values`: version and cipher."""
    now = clock.now() if clock.is_set else clock.floor
    for certificate in chain:
        if certificate.not_valid_after_utc < now:
            return Found(FAILED, "tls_expired", {**values, **facts_of(certificate)})
        if clock.is_set and certificate.not_valid_before_utc > now:
            return Found(FAILED, "tls_not_yet", {**values, **facts_of(certificate), "now": day(now)})
    found = {**values, **facts_of(chain[0] if chain else None)}
    if not clock.is_set or not chain:
        return Found(OK, "tls_ok_no_clock", found)
    days = min((one.not_valid_after_utc - now).days for one in chain)
    return Found(WARNING if days < SOON_DAYS else OK, "tls_soon" if days < SOON_DAYS else "tls_ok",
                 {**found, "days": str(days)})  # fmt: skip


def of_status(status: int, values: Mapping[str, str]) -> Found:
    """What an HTTP status in the place of 101 means; 401 and 403 are the business of the next step."""
    if status in (401, 403):
        return Found(OK, "upgrade_asks", values)
    codes = {200: "http_portal", 400: "http_400", 404: "http_404", 405: "http_404", 426: "http_426",
             429: "http_429", 511: "http_portal"}  # fmt: skip
    if 300 <= status < 400:
        return Found(FAILED, "http_redirect", values)
    if status >= 500 and status not in codes:
        return Found(FAILED, "http_server", values)
    return Found(FAILED, codes.get(status, "http_other"), values)


def facts_of(certificate: Certificate | None) -> dict[str, str]:
    """What people are told of a certificate: name, issuer, names it is for, lifetime."""
    if certificate is None:
        return {"name": "–", "issuer": "–", "names": "–", "begin": "–", "end": "–"}
    return {
        "name": certificate.subject.rfc4514_string()[:100] or "–",
        "issuer": certificate.issuer.rfc4514_string()[:100] or "–",
        "names": ", ".join(names_of(certificate)[:MOST_NAMES]) or "–",
        "begin": day(certificate.not_valid_before_utc),
        "end": day(certificate.not_valid_after_utc),
    }


def names_of(certificate: Certificate) -> list[str]:
    """The names and addresses it is for (subjectAltName)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return [str(one.value)[:100] for one in found if isinstance(one, x509.DNSName | x509.IPAddress)]
    except (x509.ExtensionNotFound, ValueError):
        return []


def day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
