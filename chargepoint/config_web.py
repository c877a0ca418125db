"""[web] of station.toml: the local web configurator, its ports, and who may reach it (webconfig.md 12)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from chargepoint.config_types import Section, about

PortNumber = Annotated[int, Meta(ge=0, le=65535)]
Address = Annotated[str, Meta(max_length=45, pattern=r"^[0-9a-fA-F.:]+$")]
HostName = Annotated[str, Meta(max_length=253, pattern=r"^[A-Za-z0-9.\-]+$")]


class WebSettings(Section, frozen=True, kw_only=True):
    """The web configurator. Without `is_fitted` the service `webconfig` is not started."""

    is_fitted: Annotated[bool, about("Whether the station is configured with a browser, too.")] = True
    http_port: Annotated[PortNumber, about("Port of plain HTTP, which only leads to HTTPS; 0: none.")] = 80
    https_port: Annotated[PortNumber, about("Port of HTTPS.")] = 443
    addresses: Annotated[
        tuple[Address, ...],
        Meta(max_length=8),
        about("Own addresses it listens at; empty: all but those of a mobile network (wwan, ppp)."),
    ] = ()
    host_names: Annotated[
        tuple[HostName, ...],
        Meta(max_length=16),
        about("Names a browser may call it by, besides its addresses, its host name and that with .local."),
    ] = ()
    plain_http: Annotated[
        str,
        Meta(pattern="^(redirect|service_port)$"),
        about("redirect: all goes by HTTPS; service_port: plain HTTP works at `service_address`."),
    ] = "redirect"
    service_address: Annotated[
        str, Meta(max_length=45, pattern=r"^[0-9a-fA-F.:]*$"), about("Own address of the direct service port.")
    ] = ""
    idle_min: Annotated[
        Annotated[int, Meta(ge=1, le=480)], about("Without an action for so long a person is logged out.")
    ] = 15
    most_viewers: Annotated[
        Annotated[int, Meta(ge=1, le=200)], about("So many pages may be live at once; more are refused.")
    ] = 40
