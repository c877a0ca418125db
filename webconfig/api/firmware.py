"""Updates over the API: packages sent in parts, planned, followed."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint import support
from chargepoint.action_table import ACTIONS
from chargepoint.messages import (
    CHUNK_BYTES,
    FirmwareState,
    OfferAnswer,
    OfferPackage,
    PackagesPage,
    RemovePackage,
    UpdateState,
)
from chargepoint.rights import Right
from webconfig.answers import Answer, Json, Problem
from webconfig.api.commands import Accepted, Order, ordered
from webconfig.ask import Ask
from webconfig.machine.installed import Installed, installed, update_service
from webconfig.machine.updating import controllers, update
from webconfig.pages.firmware import NAME, packages
from webconfig.routes import Route, get, post

OFFER_S = 20.0
LARGEST_BYTES = 512 << 20
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
STATUS = {"busy": 409, "offset": 409, "too_large": 413, "no_room": 507, "refused": 422, "unknown": 404}
"""Codes of the update service and what HTTP says for them."""


class UpdateStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How updates stand. `service`: state of the update service on the bus; `controllers`: firmware being written to
    them, or the last time. `security_contact` takes reports of holes, security updates are promised until
    `supported_until` (the whole day): as whoever built the software said, empty and null: nobody did."""

    service: str
    update: UpdateState
    controllers: tuple[FirmwareState, ...] = ()
    installed: tuple[Installed, ...] = ()
    security_contact: str = ""
    supported_until: date | None = None


class NewPackage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An upload that begins or goes on: the answer's `offset` says from where."""

    name: Name
    size_bytes: Annotated[int, Meta(ge=1, le=LARGEST_BYTES)]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """`offset` of the first byte of the body within a package of `size_bytes`."""

    offset: Annotated[int, Meta(ge=0)]
    size_bytes: Annotated[int, Meta(ge=1, le=LARGEST_BYTES)]


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`at`: not before then (ISO 8601 with its offset from UTC); without it as soon as nobody charges. `confirm` as for
    any command of this guard."""

    at: Annotated[str, Meta(max_length=40)] = ""
    confirm: bool | Annotated[str, Meta(max_length=64)] = False


class RemovedPackage(msgspec.Struct, frozen=True):
    name: str


async def status(ask: Ask) -> Answer:
    site, promised = ask.site, support.read()
    return Json(
        UpdateStatus(
            service=update_service(site), update=update(site), controllers=tuple(controllers(site)),
            installed=installed(site), security_contact=promised.contact, supported_until=promised.until,
        )
    )  # fmt: skip


async def listed(ask: Ask) -> Answer:
    return Json(await packages(ask))


async def begin(ask: Ask) -> Answer:
    wanted = ask.body(NewPackage)
    return await _offered(ask, OfferPackage(name=wanted.name, size_bytes=wanted.size_bytes, by=f"{ask.login} (web)"))


async def part(ask: Ask) -> Answer:
    if ask.request.content_type != "application/octet-stream":
        raise Problem(415, "not_octets", "The body has to be application/octet-stream.")
    if not ask.raw:
        raise Problem(422, "invalid", "The body is empty; send the bytes of the package from `offset` on.")
    given = ask.query(Part)
    offer = OfferPackage(
        name=ask.place("name"), size_bytes=given.size_bytes, offset=given.offset, data=ask.raw, by=f"{ask.login} (web)"
    )
    return await _offered(ask, offer)


async def _offered(ask: Ask, offer: OfferPackage) -> Answer:
    answer = await ask.call("fota", offer, OFFER_S)
    if not answer.ok:
        fields = {"offset": str(answer.offset)} if answer.code == "offset" else {}
        raise Problem(STATUS.get(answer.code, 409), answer.code, answer.text, fields)
    return Json(answer)


async def plan(ask: Ask) -> Answer:
    wanted = ask.body(Plan)
    arguments: dict[str, int | str] = {"name": ask.place("name"), **({"at": wanted.at} if wanted.at else {})}
    order = Order(command="install_package", arguments=arguments, confirm=wanted.confirm)
    return await ordered(ask, order, ACTIONS["install_package"], {})


async def remove(ask: Ask) -> Answer:
    answer = await ask.call("fota", RemovePackage(name=ask.place("name"), by=f"{ask.login} (web)"), OFFER_S)
    if not answer.ok:
        raise Problem(STATUS.get(answer.code, 409), answer.code, answer.text)
    return Json(RemovedPackage(ask.place("name")))


ROUTES = (
    get("/api/v1/firmware/status", status, Right.SEE, summary="What is installed, how an update stands",
        gives=UpdateStatus, tag="firmware", is_safe_mode=True),
    get("/api/v1/firmware", listed, Right.SEE, summary="Packages that are on the station",
        gives=PackagesPage, tag="firmware", is_safe_mode=True),
    post("/api/v1/firmware", begin, Right.CONFIGURE, summary="Begin to send a package, or go on with it",
         body=NewPackage, gives=OfferAnswer, tag="firmware", statuses=(409, 413, 422, 502, 503, 504, 507),
         is_safe_mode=True, is_noted=False),
    Route(method="PUT", path=f"/api/v1/firmware/{NAME}", handler=part, right=Right.CONFIGURE,
          summary=f"Send a part of a package, at most {CHUNK_BYTES >> 10} KiB", query=Part, gives=OfferAnswer,
          tag="firmware", statuses=(409, 413, 415, 422, 502, 503, 504, 507), is_safe_mode=True, is_noted=False,
          body_bytes=CHUNK_BYTES),
    post(f"/api/v1/firmware/{NAME}/plan", plan, Right.CONFIGURE, summary="Install a package, now or later", body=Plan,
         gives=Accepted, tag="firmware", statuses=(202, 409, 422, 428, 502, 503, 504), is_safe_mode=True),
    Route(method="DELETE", path=f"/api/v1/firmware/{NAME}", handler=remove, right=Right.CONFIGURE,
          summary="Remove a package", gives=RemovedPackage, tag="firmware", statuses=(404, 409, 502, 503, 504),
          is_safe_mode=True),
)  # fmt: skip
