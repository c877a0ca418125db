"""What every request passes before anybody looks at who it is: pace, host name, HTTPS, where it comes from
(webconfig.md 12; reliability.md S16)."""

from __future__ import annotations

import ipaddress
import math
import re
import socket
from collections.abc import Callable

from chargepoint.config_web import WebSettings
from webconfig.answers import Problem
from webconfig.http.messages import Request, Response, StreamResponse
from webconfig.paces import LOGINS, NOTES, REQUESTS, Paces
from webconfig.sending import SAFE_METHODS, headers_for
from webconfig.words import Words

HOST = re.compile(r"[a-z0-9.\-]{1,253}|\[[0-9a-f:.]{2,45}\]")


class Admission:
    """`now_s` gives monotonic seconds."""

    def __init__(self, settings: WebSettings, now_s: Callable[[], float]) -> None:
        self._settings = settings
        self._now_s = now_s
        self._names = frozenset(name.lower() for name in settings.host_names)
        self.requests, self.logins, self.notes = Paces(REQUESTS), Paces(LOGINS), Paces(NOTES)
        self.https_port = settings.https_port
        """Where plain HTTP leads; `service.py` says it when another port had to do."""

    def check_host(self, request: Request, words: Words) -> None:
        """Raises Problem 421 for a host name that is not this station's (DNS rebinding). An address is always right."""
        name = _host_name(request.headers.get("Host", ""))
        own = socket.gethostname().lower()
        if name in (own, f"{own}.local", "localhost") or name in self._names or _is_address(name):
            return
        raise Problem(421, "wrong_host", words("problem.wrong_host", host=name[:100]))

    def admit(self, request: Request, words: Words) -> StreamResponse | None:
        """What every request passes, of whatever path: host, pace, HTTPS, where it comes from. An answer: it has to go
        elsewhere. Raises Problem."""
        self.take(self.requests, request, words)
        self.check_host(request, words)
        if not request.secure and not self._is_service_port(request):
            if request.method not in SAFE_METHODS:
                raise Problem(403, "plain_http", words("problem.plain_http"), headers={"Connection": "close"})
            host = _host_name(request.headers["Host"])
            shown = f"[{host}]" if ":" in host else host
            port = "" if self.https_port == 443 else f":{self.https_port}"
            target = request.raw_path if request.raw_path.startswith("/") else "/"
            headers = {**headers_for(request), "Location": f"https://{shown}{port}{target}"}
            return Response(status=308, headers=headers)
        self._check_origin(request, words)
        return None

    def take(self, paces: Paces, request: Request, words: Words) -> None:
        """Raises Problem 429 when this address asks too often."""
        wait_s = paces.wait_s(request.remote or "", self._now_s())
        if wait_s > 0.0:
            seconds = math.ceil(wait_s)
            raise Problem(429, "too_many", words("problem.too_many", s=seconds), headers={"Retry-After": str(seconds)})

    def _is_service_port(self, request: Request) -> bool:
        """Plain HTTP works at the address of the direct service port, where the station file says so."""
        if self._settings.plain_http != "service_port" or request.transport is None:
            return False
        own = request.transport.get_extra_info("sockname")
        try:
            return ipaddress.ip_address(own[0]) == ipaddress.ip_address(self._settings.service_address)
        except (ValueError, TypeError, IndexError):
            return False

    def _check_origin(self, request: Request, words: Words) -> None:
        """Raises Problem 403 for what another site made this browser send; links from there may be followed."""
        own = f"{request.scheme}://{request.host}".lower()
        origin = request.headers.get("Origin")
        is_foreign = origin is not None and origin.lower() != own
        if request.method in SAFE_METHODS:
            site = request.headers.get("Sec-Fetch-Site", "none")
            is_followed = request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
            is_foreign = is_foreign or (site not in ("same-origin", "none") and not is_followed)
        else:
            referer = request.headers.get("Referer")
            if origin is None and referer is not None:
                is_foreign = not referer.lower().startswith(f"{own}/")
            is_foreign = is_foreign or request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")
        if is_foreign:
            raise Problem(403, "wrong_origin", words("problem.wrong_origin"))


def _host_name(host: str) -> str:
    """The name in a Host header, in small letters, without its port and brackets; empty for what is none."""
    host = host.lower().strip()
    if not host.endswith("]") and host.count(":") != 0:
        host = host.rsplit(":", 1)[0]
    return host.strip("[]") if HOST.fullmatch(host) else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
