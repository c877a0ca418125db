"""What is kept of the credentials, and what the station file says of them. Pure.

Source: OCA, Improved security for OCPP 1.6-J, edition 4, A00.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from chargepoint.config import OcppSettings

log = logging.getLogger(__name__)

PASSWORD, CERTIFICATE = 2, 3
"""The profiles from which on there is TLS, and where a certificate stands for the password."""


class Standing(msgspec.Struct, frozen=True):
    """What is kept. `keys`: the first is used, the second when the first is refused. `is_key_by_hand`: a person has set
    one here, which counts as one of the station's files where these do not name the profile."""

    profile: int
    file_profile: int
    trial: int | None = None
    worked: int = 0
    has_tls_worked: bool = False
    keys: tuple[bytes, ...] = ()
    is_key_proved: bool = False
    file_key: str = ""
    is_key_by_hand: bool = False

    def __repr__(self) -> str:
        return f"Standing(profile={self.profile}, trial={self.trial}, worked={self.worked}, keys={len(self.keys)})"


def read_standing(kept: bytes | None) -> Standing | None:
    try:
        return None if kept is None else msgspec.json.decode(kept, type=Standing)
    except msgspec.DecodeError:
        log.error("ocpp.db: what is kept of the credentials cannot be read; the station file decides anew")
        return None


def changed(standing: Standing, **changes: object) -> Standing:
    return msgspec.structs.replace(standing, **changes)


def first_profile(settings: OcppSettings, has_key: bool) -> int:
    """The profile the station file asks for: as it says, else by scheme and password.

    `wss://` without a password is none of the white paper's profiles: 0, over TLS.
    """
    if settings.security_profile is not None:
        return settings.security_profile
    if not has_key:
        return 0
    return PASSWORD if is_tls(settings.url) else 1


def of_scheme(urls: Sequence[str], has_tls: bool) -> tuple[str, ...]:
    """Those addresses that have (no) TLS; when none has, all with their scheme replaced, host, port and path kept."""
    fitting = tuple(url for url in urls if is_tls(url) == has_tls)
    scheme = "wss" if has_tls else "ws"
    return fitting or tuple(f"{scheme}://{url.partition('://')[2]}" for url in urls)


def is_tls(url: str) -> bool:
    return url.startswith("wss://")
