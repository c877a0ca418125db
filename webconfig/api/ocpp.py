"""The central system over the API: settings and link, connection test, keys, certificates, prices."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint.messages import (
    CertificateRow,
    ChangeKey,
    KeysPage,
    LinkStatus,
    LinkTestState,
    ReadKeys,
    ReadParked,
    SetPassword,
    TariffState,
    TestLink,
)
from chargepoint.messages import ParkedSession as Parked
from chargepoint.rights import Right
from webconfig.answers import Answer, Json, Problem
from webconfig.ask import Ask
from webconfig.draft_forms import read_draft, refusal, write_draft
from webconfig.pages.certificates import of_site, of_station
from webconfig.pages.ocpp import SETTINGS
from webconfig.routes import Route, get, post
from webconfig.web_certificate import Shown

Address = Annotated[str, Meta(max_length=300)]
Name = Annotated[str, Meta(max_length=100)]
AWAY = (502, 503, 504)


class Ocpp(msgspec.Struct, frozen=True):
    """`settings` are those of the draft (`has_draft`), else of the station file, by key of [ocpp]; ETag is the draft's
    version. The password is never told."""

    settings: dict[str, str]
    has_draft: bool
    link: LinkStatus | None
    test: LinkTestState | None
    parked: tuple[Parked, ...]


class NewOcpp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays. Settings go into the draft (empty: the preset again), the password acts at once."""

    url: Address | None = None
    identity: Annotated[str, Meta(max_length=48)] | None = None
    security_profile: Annotated[int, Meta(ge=0, le=3)] | None = None
    basic_auth_user: Name | None = None
    backup_url: Address | None = None
    proxy: Address | None = None
    ca_file: Address | None = None
    call_timeout_s: Annotated[float, Meta(gt=0, le=600)] | None = None
    reconnect_spread_s: Annotated[float, Meta(ge=0, le=3600)] | None = None
    password: Annotated[str, Meta(min_length=8, max_length=40)] | None = None


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`url` empty: what the station would connect to. To another address only this `password` is shown. While there is
    a link the test ends behind TLS unless `may_disturb`."""

    url: Address = ""
    identity: Annotated[str, Meta(max_length=48)] = ""
    password: Annotated[str, Meta(max_length=64)] = ""
    sends_boot: bool = False
    may_disturb: bool = False


class Begun(msgspec.Struct, frozen=True):
    """The test runs; its steps are at `path`."""

    path: str = "/api/v1/ocpp/test"


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`before`: the value it had for who changes it; another one now is not overwritten (409)."""

    value: Annotated[str, Meta(max_length=500)]
    before: Annotated[str, Meta(max_length=500)] | None = None


class Changed(msgspec.Struct, frozen=True):
    """`code`: ok, reboot_required."""

    code: str


class Certificates(msgspec.Struct, frozen=True):
    """`web`: of these pages, its own first; `station`: towards the central system, None while its service is away."""

    web: tuple[Shown, ...]
    station: tuple[CertificateRow, ...] | None
    is_asked: bool = False


async def ocpp(ask: Ask) -> Answer:
    draft = await read_draft(ask, SETTINGS)
    try:
        parked = (await ask.call("ocpp", ReadParked())).sessions
    except Problem:
        parked = ()
    content = Ocpp(
        settings={path.rpartition(".")[2]: value for path, value in draft.values.items()},
        has_draft=draft.has_draft,
        link=ask.site.state("link", LinkStatus),
        test=ask.site.state("link/test", LinkTestState),
        parked=parked,
    )
    return Json(content, etag=draft.version)


async def put_ocpp(ask: Ask) -> Answer:
    given = ask.body(NewOcpp)
    draft = await read_draft(ask, SETTINGS)
    match = ask.request.headers.get("If-Match", "").strip('"')
    if match and match not in (draft.version, "*"):
        raise Problem(412, "changed_meanwhile", ask.text("ocpp.draft_changed"))
    form = {"draft": draft.version}
    for name in NewOcpp.__struct_fields__:
        value = getattr(given, name)
        if value is not None and name != "password":
            form[f"ocpp-{name}"] = f"{value:g}" if isinstance(value, float) else str(value)
    result = await write_draft(ask, SETTINGS, form)
    if result.code == "draft_changed":
        raise Problem(412, "changed_meanwhile", result.text)
    if not result.ok:
        raise Problem(422, "invalid", refusal(ask, result))
    if given.password is not None:
        kept = await ask.call("ocpp", SetPassword(password=given.password, by=ask.login))
        if not kept.ok:
            raise Problem(422, kept.code, ask.text(f"ocpp.password_{kept.code}"), {"password": kept.text})
    return await ocpp(ask)


async def begin_test(ask: Ask) -> Answer:
    given = ask.body(Trial)
    request = TestLink(
        url=given.url.strip(),
        identity=given.identity.strip(),
        password=given.password,
        sends_boot=given.sends_boot,
        may_disturb=given.may_disturb,
        by=ask.login,
    )
    result = await ask.call("ocpp", request, timeout_s=10.0)
    if not result.ok:
        raise Problem(409, result.code, ask.text(f"ocpp.test_{result.code}"))
    return Json(Begun(), status=202)


async def test_state(ask: Ask) -> Answer:
    return Json(ask.site.state("link/test", LinkTestState) or LinkTestState())


async def keys(ask: Ask) -> Answer:
    return Json(await ask.call("ocpp", ReadKeys()))


async def put_key(ask: Ask) -> Answer:
    given, name = ask.body(NewKey), ask.place("name")[:50]
    request = ChangeKey(name=name, value=given.value, before=given.before, by=ask.login)
    result = await ask.call("ocpp", request, timeout_s=20.0)
    if result.ok:
        return Json(Changed(result.code))
    status = {"not_supported": 404, "changed": 409}.get(result.code, 422)
    raise Problem(status, result.code, ask.text(f"ocpp.key_{result.code}", name=name, **result.values))


async def certificates(ask: Ask) -> Answer:
    web, station = await of_site(ask).now(), await of_station(ask)
    rows = None if station is None else station.rows
    return Json(Certificates(web.rows, rows, station is not None and station.is_asked))


async def tariffs(ask: Ask) -> Answer:
    return Json(ask.site.state("tariff", TariffState) or TariffState())


ROUTES = (
    get("/api/v1/ocpp", ocpp, Right.SEE, summary="Central system: settings, link, what waits", gives=Ocpp, tag="ocpp"),
    Route(method="PUT", path="/api/v1/ocpp", handler=put_ocpp, right=Right.CONFIGURE, body=NewOcpp, gives=Ocpp,
          summary="Settings into the draft (If-Match), password at once", tag="ocpp", statuses=(412, *AWAY)),
    post("/api/v1/ocpp/test", begin_test, Right.CONFIGURE, body=Trial, gives=Begun,
         summary="Begin a connection test", tag="ocpp", statuses=(202, 409, *AWAY)),
    get("/api/v1/ocpp/test", test_state, Right.SEE, summary="The connection test that runs, or the last one",
        gives=LinkTestState, tag="ocpp"),
    get("/api/v1/ocpp/keys", keys, Right.SERVICE, summary="OCPP configuration keys", gives=KeysPage, tag="ocpp",
        statuses=AWAY),
    Route(method="PUT", path="/api/v1/ocpp/keys/{name:[A-Za-z0-9_.-]{1,50}}", handler=put_key, right=Right.CONFIGURE,
          body=NewKey, gives=Changed, summary="Change an OCPP configuration key", tag="ocpp",
          statuses=(404, 409, *AWAY)),
    get("/api/v1/certificates", certificates, Right.SEE, summary="Certificates of the station and of these pages",
        gives=Certificates, tag="certificates"),
    get("/api/v1/tariffs", tariffs, Right.SEE, summary="Prices by connector (0: all others)", gives=TariffState,
        tag="tariffs"),
)  # fmt: skip
