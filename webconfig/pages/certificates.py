"""/certificates: the station's own towards the central system, the roots that are believed, and the web's own."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from datetime import datetime

import htpy as h
import msgspec

from chargepoint.messages import (
    CertificateRow,
    CertificatesPage,
    InstallRoot,
    MakeCertificateRequest,
    ReadCertificates,
    RemoveRoot,
    SecurityNoted,
    TakeCertificate,
    WebState,
)
from chargepoint.rights import Right
from webconfig.answers import Answer, Download, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.certificate import fingerprint
from webconfig.layout import card, facts, form, page
from webconfig.routes import get, post
from webconfig.web_certificate import Read, Shown, WebCertificate

UPLOAD_BYTES = 96 << 10
"""Of a form with PEM texts."""
WARN_DAYS = ((0, "bad"), (3, "bad"), (14, "warn"), (30, "warn"))
"""From so many days left on it is told so."""
OWN, ROOTS = ("own", "trial", "chain"), ("root", "replaced_root", "file_root", "maker_root")
DONE = frozenset({"taken", "installed", "removed", "web", "sent"})
REMOVABLE = frozenset({"root", "maker_root"})


def of_site(ask: Ask) -> WebCertificate:
    """The one that is kept while the web runs."""
    found: WebCertificate = ask.site.part(WebCertificate)
    return found


async def of_station(ask: Ask) -> CertificatesPage | None:
    """None: the service that has them is not there."""
    try:
        return await ask.call("ocpp", ReadCertificates())
    except Problem:
        return None


async def certificates(ask: Ask) -> Answer:
    done = ask.query_text("done")
    return Html(await _page(ask, ask.text(f"certificates.done_{done}") if done in DONE else ""))


async def _page(ask: Ask, notice: str = "", fault: str = "") -> h.Renderable:
    station, web = await of_station(ask), await of_site(ask).now()
    may = ask.may(Right.ADMINISTER)
    return page(
        ask,
        ask.text("certificates.title"),
        h.link(rel="stylesheet", href="/static/ocpp.css"),
        h.script(src="/static/certificates.js", defer=True) if may else None,
        _web(ask, web, may),
        h.p(".soft")[ask.text("ocpp.no_service")]
        if station is None
        else [_own(ask, station, may), _roots(ask, station, may)],
        notice=notice,
        fault=fault,
    )


# -------------------------------------------------------------------------------------------------------- one of them


def days_left(ask: Ask, ends_at: datetime) -> int | None:
    """Whole days until it runs out, below 0 when it has; None while the time is not known."""
    clock = ask.site.context.clock
    return (ends_at - clock.now()).days if clock.is_set else None


def lifetime(ask: Ask, ends_at: datetime) -> h.Node:
    """Until when, how long that is, and what that means."""
    days = days_left(ask, ends_at)
    if days is None:
        return ask.words.time(ends_at)
    look = next((css for limit, css in WARN_DAYS if days < limit or (limit and days == limit)), "good")
    said = ask.text("certificates.ended" if days < 0 else "certificates.days_left", n=abs(days))
    mark = {"good": "✓", "warn": "!", "bad": "✗"}[look]
    return [ask.words.time(ends_at), " · ", h.span(class_=look)[f"{mark} {said}"]]


def _facts(ask: Ask, one: CertificateRow | Shown) -> h.Element:
    rows: list[tuple[str, h.Node]] = [
        (ask.text("certificates.subject"), one.subject),
        (ask.text("certificates.issuer"), one.issuer),
    ]
    if isinstance(one, Shown) and one.names:
        rows.append((ask.text("certificates.names"), ", ".join(one.names)))
    rows += [
        (ask.text("certificates.from"), ask.words.time(one.begins_at)),
        (ask.text("certificates.until"), lifetime(ask, one.ends_at)),
        (ask.text("certificates.key"), one.key),
        (ask.text("certificates.number"), h.code[one.number]),
        (ask.text("certificates.fingerprint"), h.span(".fingerprint")[_grouped(one.fingerprint)]),
    ]
    return facts(rows)


def _grouped(text: str) -> str:
    return ":".join(text[at : at + 2] for at in range(0, len(text), 2)).upper()


def _pem(ask: Ask, name: str, label: str) -> h.Element:
    """A text in PEM; certificates.js adds a choice of a file that fills it."""
    return h.div(".field")[
        h.label(for_=f"f-{name}")[label],
        h.textarea(
            id=f"f-{name}", name=name, rows="5", maxlength="60000", spellcheck="false", required=True,
            autocomplete="off", data_file=ask.text("certificates.from_file"),
        ),
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------------ the web's own


def _web(ask: Ask, web: Read, may: bool) -> h.Element:
    return card(
        ask.text("certificates.web_title"),
        h.p(".hint")[ask.text("certificates.web_about")],
        [_facts(ask, one) for one in web.rows[:1]] or h.p(".soft")["–"],
        h.details[
            h.summary[ask.text("certificates.web_replace")],
            form(
                ask,
                "/certificates/web",
                _pem(ask, "chain", ask.text("certificates.chain")),
                _pem(ask, "key", ask.text("certificates.private_key")),
                h.button(type="submit")[ask.text("certificates.check_and_use")],
            ),
        ]
        if may
        else None,
        id="web",
    )


async def replace_web(ask: Ask) -> Answer:
    given = ask.form()
    context = ask.site.parts.get(ssl.SSLContext)
    found = await of_site(ask).replace(given.get("chain", ""), given.get("key", ""), context)
    if not found.ok:
        return Html(await _page(ask, fault=ask.text(f"certificates.unfit_{found.text}")), status=422)
    _web_changed(ask, found)
    return Redirect("/certificates?done=web#web")


def _web_changed(ask: Ask, found: Read) -> None:
    bus, state = ask.site.context.bus, ask.site.state("web", WebState)
    if state is not None:
        folder, ends_at = ask.site.context.data, of_site(ask).ends_at()
        told = msgspec.structs.replace(state, fingerprint=fingerprint(folder), certificate_ends_at=ends_at)
        bus.set_state("web", told)
    text = f"web certificate {found.rows[0].fingerprint[:16]} {found.rows[0].subject}, by {ask.login}"
    bus.publish(
        SecurityNoted(type="ReconfigurationOfSecurityParameters", source_type="web", source=ask.origin,
                      operation="web certificate", extra=text[:300])
    )  # fmt: skip


# --------------------------------------------------------------------------------------------------- the station's own


def _own(ask: Ask, station: CertificatesPage, may: bool) -> h.Element:
    rows = [one for one in station.rows if one.use in OWN]
    return card(
        ask.text("certificates.own_title"),
        h.p(".hint")[ask.text("certificates.own_about", name=station.common_name, profile=station.profile),],
        [[h.h3[ask.text(f"certificates.use_{one.use}")], _facts(ask, one)] for one in rows]
        or h.p(".soft")[ask.text("certificates.own_none")],
        h.p(".warn")[ask.text("certificates.is_asked")] if station.is_asked else None,
        [
            form(ask, "/certificates/request", h.button(type="submit")[ask.text("certificates.make_request")]),
            form(ask, "/certificates/sign", h.button(type="submit")[ask.text("certificates.ask_server")]),
            h.details[
                h.summary[ask.text("certificates.upload_chain")],
                form(
                    ask,
                    "/certificates/chain",
                    _pem(ask, "station_chain", ask.text("certificates.chain")),
                    h.button(type="submit")[ask.text("certificates.check_and_use")],
                ),
            ],
        ]
        if may
        else None,
        id="own",
    )


async def make_request(ask: Ask) -> Answer:
    """A new key, and the request for its certificate as a file."""
    made = await ask.call("ocpp", MakeCertificateRequest(by=ask.login), timeout_s=20.0)
    if not made.ok:
        return Html(await _page(ask, fault=made.text), status=422)

    async def text() -> AsyncIterator[bytes]:
        yield made.pem.encode("ascii")

    return Download("station.csr", "application/pkcs10", text())


async def ask_server(ask: Ask) -> Answer:
    made = await ask.call("ocpp", MakeCertificateRequest(is_sent=True, by=ask.login), timeout_s=60.0)
    if not made.ok:
        return Html(await _page(ask, fault=made.text), status=422)
    return Redirect("/certificates?done=sent#own")


async def _uploaded(ask: Ask, name: str) -> str:
    """The certificates of a field, read by a child. Raises Problem 422."""
    found = await of_site(ask).read(ask.form().get(name, ""))
    if not found.ok:
        raise Problem(422, "unfit", ask.text(f"certificates.unfit_{found.text}"))
    return found.chain


async def take_chain(ask: Ask) -> Answer:
    result = await ask.call("ocpp", TakeCertificate(pem=await _uploaded(ask, "station_chain"), by=ask.login), 20.0)
    if result.ok:
        return Redirect("/certificates?done=taken#own")
    return Html(await _page(ask, fault=f"{ask.text('certificates.refused')} {result.text}"), status=422)


# ---------------------------------------------------------------------------------------------------------- the roots


def _roots(ask: Ask, station: CertificatesPage, may: bool) -> h.Element:
    rows = [one for one in station.rows if one.use in ROOTS]
    return card(
        ask.text("certificates.roots_title"),
        h.p(".hint")[ask.text("certificates.roots_about")],
        [
            [
                h.h3[ask.text(f"certificates.use_{one.use}")],
                _facts(ask, one),
                form(
                    ask,
                    "/certificates/roots/remove",
                    h.input(type="hidden", name="fingerprint", value=one.fingerprint),
                    h.button(".danger", type="submit")[ask.text("certificates.remove")],
                )
                if may and one.use in REMOVABLE
                else None,
            ]
            for one in rows
        ]
        or h.p(".soft")[ask.text("certificates.roots_none")],
        h.details[
            h.summary[ask.text("certificates.upload_root")],
            form(
                ask,
                "/certificates/roots",
                _pem(ask, "root", ask.text("certificates.root")),
                h.p[
                    h.label(".check")[
                        h.input(type="checkbox", name="maker", value="1"), " ", ask.text("certificates.is_maker")
                    ]
                ],
                h.button(type="submit")[ask.text("certificates.check_and_use")],
            ),
        ]
        if may
        else None,
        id="roots",
    )


async def install_root(ask: Ask) -> Answer:
    is_maker = ask.form().get("maker") == "1"
    request = InstallRoot(pem=await _uploaded(ask, "root"), is_maker=is_maker, by=ask.login)
    result = await ask.call("ocpp", request, 20.0)
    if result.ok:
        return Redirect("/certificates?done=installed#roots")
    return Html(await _page(ask, fault=f"{ask.text('certificates.refused')} {result.text}"), status=422)


async def remove_root(ask: Ask) -> Answer:
    wanted = ask.form().get("fingerprint", "")[:64]
    result = await ask.call("ocpp", RemoveRoot(fingerprint=wanted, by=ask.login), 20.0)
    if result.ok:
        return Redirect("/certificates?done=removed#roots")
    return Html(await _page(ask, fault=ask.text(f"certificates.remove_{result.code}")), status=409)


ROUTES = (
    get("/certificates", certificates, Right.SEE, is_safe_mode=True),
    post("/certificates/web", replace_web, Right.ADMINISTER, body_bytes=UPLOAD_BYTES, is_safe_mode=True),
    post("/certificates/request", make_request, Right.ADMINISTER, body_bytes=4096),
    post("/certificates/sign", ask_server, Right.ADMINISTER, body_bytes=4096),
    post("/certificates/chain", take_chain, Right.ADMINISTER, body_bytes=UPLOAD_BYTES),
    post("/certificates/roots", install_root, Right.ADMINISTER, body_bytes=UPLOAD_BYTES),
    post("/certificates/roots/remove", remove_root, Right.ADMINISTER, body_bytes=4096),
)
