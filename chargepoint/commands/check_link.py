"""What `chargepoint check` says of the way to the central system: certificates, passwords and the security profile.

What is wrong here does not stop `chargepoint run`: the station charges, only its link does not come about.
"""

from __future__ import annotations

import importlib
import ssl
from pathlib import Path

from chargepoint.config import Fault, OcppSettings, Secrets
from chargepoint.config_faults import HIDDEN, shown

OWN_PAIR = "ocpp_client.key_store"
"""The module that reads the station's own key and certificate; a service, so it is named and not imported from here."""

PROFILES = {
    0: "no password",
    1: "password",
    2: "TLS and password",
    3: "TLS and certificate of the station",
}


def faults(ocpp: OcppSettings, secrets: Secrets, file: str) -> list[Fault]:
    """Certificates that cannot be used."""
    return [*_root_faults(ocpp.ca_file, file), *_pair_faults(secrets)]


def _root_faults(ca_file: str, file: str) -> list[Fault]:
    if not ca_file:
        return []
    try:
        ssl.create_default_context(cadata=Path(ca_file).read_text(encoding="ascii"))
    except OSError as error:  # SSLError is one, too
        is_content = isinstance(error, ssl.SSLError)
        reason = "it holds no certificates" if is_content else f"it cannot be read: {error.strerror}"
    except ValueError:
        reason = "it holds no certificates"
    else:
        return []
    remedy = "Put the roots of the central system there (PEM, from -----BEGIN CERTIFICATE----- on), or leave it out."
    return [Fault("[ocpp], ca_file", shown(ca_file), reason, remedy, file)]


def _pair_faults(secrets: Secrets) -> list[Fault]:
    key, certificate = secrets.ocpp_client_key, secrets.ocpp_client_certificate
    if not key and not certificate:
        return []
    if not key or not certificate:
        there, missing = ("ocpp_client_key", "ocpp_client_certificate")[:: 1 if key else -1]
        return [Fault(there, HIDDEN, f"{missing} is missing", "Set both of them, or none.", "secrets.toml")]
    try:
        own = importlib.import_module(OWN_PAIR)
    except ImportError:  # an installation without this service
        return []
    try:
        own.Pair.read(key.encode(), certificate)
    except own.Unfit as error:
        remedy = "Put the private key (PEM, without a password) and the certificate that was made for it there."
        return [Fault("ocpp_client_key and ocpp_client_certificate", HIDDEN, str(error), remedy, "secrets.toml")]
    return []


def first_profile(ocpp: OcppSettings, secrets: Secrets) -> int:
    """The security profile a new station begins with (docs/ocpp.md, "Security")."""
    if ocpp.security_profile is not None:
        return ocpp.security_profile
    if not secrets.ocpp_authorization_key:
        return 0
    return 2 if ocpp.url.startswith("wss://") else 1


def warnings(ocpp: OcppSettings, secrets: Secrets) -> list[str]:
    """What the profile needs and these files do not give."""
    profile = first_profile(ocpp, secrets)
    if not ocpp.url:
        return []
    if profile in (1, 2) and not secrets.ocpp_authorization_key:
        return [
            f"[ocpp], security_profile: profile {profile} needs a password. Set ocpp_authorization_key in "
            "secrets.toml, unless the central system has given this station one already."
        ]
    if profile == 3 and not secrets.ocpp_client_certificate:
        return [
            "[ocpp], security_profile: profile 3 needs a certificate of this station. Set ocpp_client_key and "
            "ocpp_client_certificate in secrets.toml, unless the central system has given it one already."
        ]
    if profile < 3 and secrets.ocpp_client_certificate and ocpp.url.startswith("wss://"):
        return [
            f"[ocpp], security_profile: the certificate in secrets.toml is not shown at profile {profile}. Set 3, or "
            "leave the certificate out, unless the central system is to raise the profile."
        ]
    return []


def described(ocpp: OcppSettings, secrets: Secrets, station: str) -> str:
    """One line: who, as whom, and how they trust each other."""
    profile = first_profile(ocpp, secrets)
    parts = [f"{ocpp.url} as {ocpp.identity or station}", f"security profile {profile} ({PROFILES[profile]})"]
    if ocpp.backup_url:
        parts.append(f"second address {ocpp.backup_url}")
    if ocpp.proxy:
        parts.append(f"by proxy {ocpp.proxy}")
    if ocpp.url.startswith("wss://"):
        parts.append(f"roots of {ocpp.ca_file}" if ocpp.ca_file else "roots of this system")
    return ", ".join(parts)
