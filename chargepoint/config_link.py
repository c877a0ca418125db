"""Rules of a station file about the central system."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from chargepoint.config_faults import Fault, shown
from chargepoint.config_sections import Document, Section

KEY_LONGEST = 50
VALUE_LONGEST = 500
"""Lengths of a configuration key and its value (OCPP 1.6, 6.7 and 7.32)."""
ALONE_USELESS = ("identity", "basic_auth_user", "backup_url", "proxy", "security_profile", "ca_file")
"""Keys that say nothing without `url`."""
SECRETS = frozenset({"authorizationkey", "basicauthpassword"})
PROFILE = "securityprofile"


def link(document: Document) -> Iterator[Fault]:
    """The address can be dialled, nothing secret stands in it, and the identity is added to it only once."""
    section = document.one("ocpp")
    ocpp = section.settings
    if ocpp is None:
        return
    if ocpp.url:
        identity = ocpp.identity or document.one("station").text("name")
        yield from _url(document, section, "url", ocpp.url, identity)
        if ocpp.backup_url:
            yield from _backup(document, section, ocpp.url, ocpp.backup_url, identity)
        yield from _proxy(document, section, ocpp.proxy)
        yield from _profile(document, section, ocpp.security_profile, ocpp.url, ocpp.backup_url)
    elif any(getattr(ocpp, key) not in ("", None) for key in ALONE_USELESS):
        key = next(key for key in ALONE_USELESS if getattr(ocpp, key) not in ("", None))
        yield document.fault(
            section, key, "there is no url, so there is nobody to give it to", "Set url, or leave this out."
        )
    if ":" in ocpp.basic_auth_user:
        yield document.fault(section, "basic_auth_user", "a user name cannot hold ':' here", "Leave the ':' out.")
    yield from _file_hosts(document, section, ocpp.local_file_hosts)
    yield from _configuration(document, ocpp.configuration)


def _file_hosts(document: Document, section: Section, hosts: Iterable[str]) -> Iterator[Fault]:
    for host in hosts:
        if not host or "/" in host or any(each.isspace() for each in host):
            shorter = host.rpartition("://")[2].partition("/")[0].strip() or "192.168.1.10"
            single = Section(section.where, {"local_file_hosts": host}, None)
            yield document.fault(
                single, "local_file_hosts", "a host is a name or an address, no more", f"Write {shown(shorter)}."
            )


def _url(document: Document, section: Section, key: str, url: str, identity: str) -> Iterator[Fault]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if not host or port == 0:
        yield document.fault(
            section, key, "no host, or no right port number, stands in it", 'Write it as "wss://host:port/path".'
        )
        return
    if parts.username is not None or parts.password is not None:
        hidden = Section(section.where, {key: f"{parts.scheme}://***@{host}"}, None)
        yield document.fault(
            hidden,
            key,
            "user and password do not belong in the address, where others may read them",
            "Set basic_auth_user, and ocpp_authorization_key in secrets.toml.",
        )
        return
    if "?" in url or "#" in url:
        yield document.fault(
            section, key, "the identity is added at its end, so it cannot have '?' or '#'", "Leave that part out."
        )
    if identity and parts.path.rstrip("/").endswith(f"/{identity}"):
        shorter = url.rstrip("/").removesuffix(f"/{identity}")
        yield document.fault(
            section, key, "the identity stands at its end, and would be added once more", f"Write {shown(shorter)}."
        )


def _backup(document: Document, section: Section, url: str, backup: str, identity: str) -> Iterator[Fault]:
    if backup.rstrip("/") == url.rstrip("/"):
        yield document.fault(
            section, "backup_url", "it is the same as url", "Write the second address, or leave it out."
        )
    else:
        yield from _url(document, section, "backup_url", backup, identity)


def _proxy(document: Document, section: Section, proxy: str) -> Iterator[Fault]:
    if not proxy:
        return
    try:
        parts = urlsplit(proxy)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.username is not None or parts.password is not None:
        hidden = Section(section.where, {"proxy": f"{parts.scheme}://***@{host}"}, None)
        yield document.fault(
            hidden,
            "proxy",
            "user and password do not belong in the address, and a proxy that asks for them is not supported",
            "Let the proxy admit this station by its address.",
        )
    elif not host or not port:
        yield document.fault(
            section, "proxy", "no host, or no right port number, stands in it", 'Write it as "http://host:port".'
        )


def _profile(document: Document, section: Section, profile: int | None, url: str, backup: str) -> Iterator[Fault]:
    """Scheme and profile do not contradict each other; profiles 2 and 3 are TLS, the others are not."""
    if profile is None:
        return
    schemes = {one.partition("://")[0] for one in (url, backup) if one}
    if profile >= 2 and "wss" not in schemes:
        yield document.fault(section, "security_profile", "it needs TLS, and the url says ws://", "Write wss://.")
    elif profile < 2 and "ws" not in schemes:
        yield document.fault(
            section,
            "security_profile",
            "it is without TLS, and the url says wss://",
            "Leave it out (TLS and password: 2), or write ws:// where that is really wanted.",
        )


def _configuration(document: Document, values: dict[str, str | int | bool]) -> Iterator[Fault]:
    for name, value in values.items():
        section = Section("[ocpp.configuration]", {name: value}, None)
        if name.lower() in SECRETS:
            yield document.fault(
                section, name, "a secret does not stand where others may read it", "Move it to secrets.toml."
            )
        elif name.lower() == PROFILE:
            yield document.fault(
                section, name, "the profile is kept with what has worked", "Set security_profile in [ocpp]."
            )
        elif not name or len(name) > KEY_LONGEST:
            yield document.fault(
                section, name, f"a configuration key has 1 to {KEY_LONGEST} characters", "Correct or remove it."
            )
        elif len(str(value)) > VALUE_LONGEST:
            yield document.fault(
                section, name, f"a value has at most {VALUE_LONGEST} characters", "Write something shorter."
            )
