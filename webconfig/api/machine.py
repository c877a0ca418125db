"""Network, time and services over the API."""

from __future__ import annotations

import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint.messages import (
    ActionResult,
    ChangeNetwork,
    KeepNetwork,
    NetworkPage,
    ServiceState,
    TimePage,
    UndoNetwork,
)
from chargepoint.privileged import rules
from chargepoint.rights import Right
from webconfig.answers import Answer, Json, Problem
from webconfig.ask import Ask
from webconfig.machine import kernel
from webconfig.machine.asking import WITHIN_S, deed, faults, network_page, reason, time_page, version_of
from webconfig.routes import Route, get, post

Text = Annotated[str, Meta(max_length=100)]


class NetworkChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a device gets its addresses; fields as of the page. It returns after `within_s` unless it is kept. If-Match
    names the version that was read: the ETag of GET, or that of the device (`versions`)."""

    device: Annotated[str, Meta(max_length=15)]
    method: Annotated[str, Meta(max_length=10)]
    address: Text = ""
    gateway: Text = ""
    dns: Annotated[tuple[Text, ...], Meta(max_length=rules.MOST_DNS)] = ()
    priority: Annotated[int, Meta(ge=1, le=rules.LONGEST_METRIC)] | None = None
    ssid: Text | None = None
    password: Text | None = None
    apn: Text | None = None
    pin: Annotated[str, Meta(max_length=8)] | None = None
    within_s: Annotated[int, Meta(ge=rules.LEAST_WITHIN_S, le=rules.MOST_WITHIN_S)] = 120


class Network(msgspec.Struct, frozen=True):
    """`versions` by the name of the device, for a change."""

    network: NetworkPage
    versions: dict[str, str]


class TimeChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is absent stays."""

    zone: Annotated[str, Meta(max_length=60)] | None = None
    is_ntp_on: bool | None = None
    servers: Annotated[tuple[Annotated[str, Meta(max_length=253)], ...], Meta(max_length=4)] | None = None


class ServiceRow(msgspec.Struct, frozen=True, kw_only=True):
    """`status` as of the bus; `cpu_s`: seconds of processor since it began, None: its process is not known."""

    name: str
    status: str
    restarts: int
    memory_bytes: int
    cpu_s: float | None
    last_end: str


class Services(msgspec.Struct, frozen=True, kw_only=True):
    services: tuple[ServiceRow, ...]
    machine: kernel.Machine


async def network(ask: Ask) -> Answer:
    told = await network_page(ask)
    versions = {one.name: version_of(one) for one in told.devices}
    return Json(Network(told, versions), etag=etag_of(versions))


def etag_of(versions: dict[str, str]) -> str:
    """Of all devices together."""
    return hashlib.sha256("".join(versions.values()).encode()).hexdigest()[:16]


async def change_network(ask: Ask) -> Answer:
    wanted = ask.body(NetworkChange)
    told = await network_page(ask)
    if told.reason:
        raise Problem(503, "unavailable", ask.text("network.unavailable", why=reason(ask, told.reason)))
    versions = {one.name: version_of(one) for one in told.devices}
    match = ask.if_match
    if not match:
        raise Problem(428, "no_version", "If-Match is missing: send the ETag of GET /api/v1/network.")
    if wanted.device in versions and match not in (etag_of(versions), versions[wanted.device]):
        by = told.trial.by if told.trial and told.trial.device == wanted.device else "–"
        raise Problem(412, "changed_meanwhile", ask.text("network.changed_meanwhile", by=by))
    wish = ChangeNetwork(**msgspec.structs.asdict(wanted), by=f"{ask.login} (web)")
    wrong = faults(ask, wish)
    if wrong:
        raise Problem(422, "invalid", ask.text("network.faults"), wrong)
    return _answer(await ask.call("helper", wish, WITHIN_S))


async def keep(ask: Ask) -> Answer:
    return _answer(await ask.call("helper", KeepNetwork(by=f"{ask.login} (web)"), WITHIN_S))


async def undo(ask: Ask) -> Answer:
    return _answer(await ask.call("helper", UndoNetwork(by=f"{ask.login} (web)"), WITHIN_S))


STATUS = {"pending": 409, "nothing": 409, "unavailable": 503, "unknown_device": 404, "failed": 502}


def _answer(result: ActionResult) -> Answer:
    if not result.ok:
        raise Problem(STATUS.get(result.code, 422), result.code, result.text, result.values)
    return Json(result)


async def time(ask: Ask) -> Answer:
    return Json(await time_page(ask))


async def change_time(ask: Ask) -> Answer:
    wanted = ask.body(TimeChange)
    wrong = {}
    if wanted.zone is not None and not rules.ZONE.fullmatch(wanted.zone):
        wrong["zone"] = ask.text("time.zone_wrong")
    if wanted.servers is not None and not (wanted.servers and all(map(rules.SERVER.fullmatch, wanted.servers))):
        wrong["servers"] = ask.text("time.servers_wrong")
    if wrong:
        raise Problem(422, "invalid", "; ".join(wrong.values()), wrong)
    if wanted.zone is not None:
        await deed(ask, "set_time_zone", zone=wanted.zone)
    if wanted.servers is not None:
        await deed(ask, "set_time_servers", servers=" ".join(wanted.servers))
    if wanted.is_ntp_on is not None:
        await deed(ask, "set_ntp", on="1" if wanted.is_ntp_on else "0")
    return Json(await time_page(ask))


async def services(ask: Ask) -> Answer:
    rows = []
    for name, one in ask.site.all_of("service/", ServiceState).items():
        used = kernel.process(one.pid)
        rows.append(
            ServiceRow(name=name, status=one.status, restarts=one.restarts, memory_bytes=one.memory_bytes,
                       cpu_s=used.cpu_s if used else None, last_end=one.last_end)
        )  # fmt: skip
    return Json(Services(services=tuple(rows), machine=kernel.machine(ask.site.context.data)))


ROUTES = (
    get("/api/v1/network", network, Right.SEE, summary="Devices, addresses, Wi-Fi, modems, VPN, the change that waits",
        gives=Network, tag="network", is_safe_mode=True),
    Route(method="PUT", path="/api/v1/network", handler=change_network, right=Right.CONFIGURE,
          summary="Change a device; it returns unless it is kept", body=NetworkChange, gives=ActionResult,
          tag="network", statuses=(404, 409, 412, 422, 428, 502, 503, 504), is_safe_mode=True),
    post("/api/v1/network/keep", keep, Right.CONFIGURE, summary="Keep the change that waits", gives=ActionResult,
         tag="network", statuses=(409, 422, 502, 503, 504), is_safe_mode=True),
    post("/api/v1/network/undo", undo, Right.CONFIGURE, summary="Undo the change that waits", gives=ActionResult,
         tag="network", statuses=(409, 422, 502, 503, 504), is_safe_mode=True),
    get("/api/v1/time", time, Right.SEE, summary="Clocks, zone, time servers", gives=TimePage, tag="time",
        is_safe_mode=True),
    Route(method="PUT", path="/api/v1/time", handler=change_time, right=Right.SERVICE,
          summary="Set zone and time servers", body=TimeChange, gives=TimePage, tag="time",
          statuses=(422, 502, 503, 504), is_safe_mode=True),
    get("/api/v1/services", services, Right.SERVICE, summary="Services of the station and the computer",
        gives=Services, tag="service", is_safe_mode=True),
)  # fmt: skip
