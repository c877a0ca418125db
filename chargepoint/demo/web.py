"""The demo's web pages: on the loopback interface, at ports that are free, with this station's own first password."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import msgspec

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.messages import MakeFirstAdministrator

HERE = "127.0.0.1"
HTTPS, HTTP = 8443, 8080


class Ports(msgspec.Struct, frozen=True):
    """Where the pages are."""

    https: int
    http: int

    @classmethod
    def free(cls) -> Ports:
        """The usual ones; another one where somebody listens there already."""
        https = _free(HTTPS)
        return cls(https, _free(HTTP))


def _free(wished: int) -> int:
    for port in (wished, 0):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((HERE, port))
            except OSError:
                continue
            return int(sock.getsockname()[1])
    return wished


def with_web(station: Mapping[str, Any], ports: Ports | None) -> dict[str, Any]:
    """The parsed station file with web pages for this machine only; without `ports` as it is."""
    if ports is None:
        return dict(station)
    pages = {"is_fitted": True, "addresses": [HERE], "https_port": ports.https, "http_port": ports.http}
    return {**station, "web": {**station.get("web", {}), **pages}}


async def first_log_in(bus: Bus, ports: Ports) -> str:
    """Where the pages are and how to get in; one line for whoever started the demo."""
    where = f"web pages: https://{HERE}:{ports.https}/"
    try:
        first = await bus.call("hub", MakeFirstAdministrator(), timeout_s=20.0)
    except (Unavailable, CallFailed, TimeoutError) as error:
        return f"{where} (how to log in is not known: {error})"
    if first.ok and first.first_password:
        return f"{where}  login {first.login}, first password {first.first_password} (its certificate is its own)"
    return f"{where}  log in as in the run before"
