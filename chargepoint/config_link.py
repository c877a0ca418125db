"""Rules of a station file about the central system."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from chargepoint.config_faults import Fault, shown
from chargepoint.config_sections import Document, Section

KEY_LONGEST = 50
VALUE_LONGEST = 500
"""Lengths of a configuration key and its value (OCPP 1.6, 6.7 and 7.32)."""
SECRETS = frozenset({"authorizationkey", "basicauthpassword"})


def link(document: Document) -> Iterator[Fault]:
    """The address can be dialled, nothing secret stands in it, and the identity is added to it only once."""
    section = document.one("ocpp")
    ocpp = section.settings
    if ocpp is None:
        return
    if ocpp.url:
        yield from _url(document, section, ocpp.url, ocpp.identity or document.one("station").text("name"))
    elif ocpp.identity or ocpp.basic_auth_user:
        key = "identity" if ocpp.identity else "basic_auth_user"
        yield document.fault(
            section, key, "there is no url, so there is nobody to give it to", "Set url, or leave this out."
        )
    if ":" in ocpp.basic_auth_user:
        yield document.fault(section, "basic_auth_user", "a user name cannot hold ':' here", "Leave the ':' out.")
    yield from _configuration(document, ocpp.configuration)


def _url(document: Document, section: Section, url: str, identity: str) -> Iterator[Fault]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if not host or port == 0:
        yield document.fault(
            section, "url", "no host, or no right port number, stands in it", 'Write it as "wss://host:port/path".'
        )
        return
    if parts.username is not None or parts.password is not None:
        hidden = Section(section.where, {"url": f"{parts.scheme}://***@{host}"}, None)
        yield document.fault(
            hidden,
            "url",
            "user and password do not belong in the address, where others may read them",
            "Set basic_auth_user, and ocpp_authorization_key in secrets.toml.",
        )
        return
    if "?" in url or "#" in url:
        yield document.fault(
            section, "url", "the identity is added at its end, so it cannot have '?' or '#'", "Leave that part out."
        )
    if identity and parts.path.rstrip("/").endswith(f"/{identity}"):
        shorter = url.rstrip("/").removesuffix(f"/{identity}")
        yield document.fault(
            section, "url", "the identity stands at its end, and would be added once more", f"Write {shown(shorter)}."
        )


def _configuration(document: Document, values: dict[str, str | int | bool]) -> Iterator[Fault]:
    for name, value in values.items():
        section = Section("[ocpp.configuration]", {name: value}, None)
        if name.lower() in SECRETS:
            yield document.fault(
                section, name, "a secret does not stand where others may read it", "Move it to secrets.toml."
            )
        elif not name or len(name) > KEY_LONGEST:
            yield document.fault(
                section, name, f"a configuration key has 1 to {KEY_LONGEST} characters", "Correct or remove it."
            )
        elif len(str(value)) > VALUE_LONGEST:
            yield document.fault(
                section, name, f"a value has at most {VALUE_LONGEST} characters", "Write something shorter."
            )
