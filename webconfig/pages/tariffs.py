"""/tariffs: prices by connector as drivers see them; support phone and the links behind the QR codes."""

from __future__ import annotations

import htpy as h

from chargepoint.messages import StationState, Tariff, TariffState
from chargepoint.rights import Right
from webconfig.answers import Answer, Html, Redirect
from webconfig.ask import Ask
from webconfig.draft_forms import Draft, Entry, draft_note, fields, read_draft, refusal, write_draft
from webconfig.layout import card, choice, deed_button, field, form, page
from webconfig.prices import AMOUNTS, NoPrice, lines_of, money, read_tariff
from webconfig.qr_picture import qr
from webconfig.routes import get, post

TEXTS = (
    Entry("screen.phone", "tariffs.phone", longest=40),
    Entry("screen.links.app", "tariffs.app", "url"),
    Entry("screen.links.support", "tariffs.support", "url"),
    Entry("screen.links.receipt", "tariffs.receipt", "url"),
    Entry("screen.links.feedback", "tariffs.feedback", "url"),
)
SAMPLE = {"connector": "1", "session": "12345"}


async def tariffs(ask: Ask) -> Answer:
    done = ask.query_text("done")
    return Html(await _page(ask, ask.text(f"ocpp.done_{done}") if done in ("draft", "same") else ""))


async def _page(ask: Ask, notice: str = "", fault: str = "", given: dict[str, str] | None = None) -> h.Renderable:
    draft = await read_draft(ask, TEXTS)
    may = ask.may(Right.CONFIGURE)
    wanted = {name: value[:20] for name, value in ask.request.query.items()}
    asked, trouble = (None, "") if "currency" not in wanted else _preview(wanted)
    return page(
        ask,
        ask.text("tariffs.title"),
        h.link(rel="stylesheet", href="/static/ocpp.css"),
        _now(ask, may),
        _change(ask, wanted, asked, trouble) if may else None,
        _texts(ask, draft, given, may),
        notice=notice,
        fault=fault,
    )


# ------------------------------------------------------------------------------------------------------------ prices


def _numbers(ask: Ask) -> list[int]:
    station = ask.site.state("station", StationState)
    return sorted(station.connectors) if station else []


def _now(ask: Ask, may: bool) -> h.Element:
    state = ask.site.state("tariff", TariffState)
    tariffs = state.tariffs if state else {}
    source = ask.text(f"tariffs.source_{state.source.replace(' ', '_')}") if state and state.source else ""
    since = ask.text("tariffs.since", at=ask.words.time(state.at)) if state and state.at else ""
    return card(
        ask.text("tariffs.now_title"),
        h.p(".hint")[" · ".join(part for part in (source, since) if part)] if source or since else None,
        h.div(".codes")[(_shown(ask, number, tariffs[number]) for number in sorted(tariffs))]
        if tariffs
        else h.p(".soft")[ask.text("tariffs.none")],
        deed_button(ask, "set_tariff", ask.text("tariffs.back_to_file"), connector=0) if may and tariffs else None,
    )


def _whose(ask: Ask, number: int) -> str:
    return ask.text("dashboard.connector", n=number) if number else ask.text("tariffs.all_connectors")


def _shown(ask: Ask, number: int, tariff: Tariff) -> h.Element:
    return h.figure[h.figcaption[_whose(ask, number)], as_shown(ask, tariff)]


def as_shown(ask: Ask, tariff: Tariff) -> h.Element:
    """The words of the driver's screen."""
    first, *others = lines_of(tariff, ask.words)
    return h.div(".as-shown")[h.p(".first")[first], (h.p[line] for line in others)]


def _preview(wanted: dict[str, str]) -> tuple[Tariff | None, str]:
    try:
        return read_tariff(wanted), ""
    except NoPrice as error:
        return None, error.field


def _change(ask: Ask, wanted: dict[str, str], asked: Tariff | None, trouble: str) -> h.Element:
    numbers = [(str(n), _whose(ask, n)) for n in (0, *_numbers(ask))]
    state = ask.site.state("tariff", TariffState)
    now = (state.tariffs.get(0) or next(iter(state.tariffs.values()), None)) if state else None
    usual = _values(now) if now is not None and not wanted else wanted

    def box(name: str, **attributes: str) -> h.Element:
        fault = ask.text("tariffs.wrong_value") if trouble == name else ""
        return field(name, ask.text(f"tariffs.{name}"), usual.get(name, ""), fault=fault, **attributes)

    connector = wanted.get("connector", "0")
    return card(
        ask.text("tariffs.change_title"),
        h.p(".hint")[ask.text("tariffs.change_about")],
        h.form(method="get", action="/tariffs#preview")[
            choice("connector", ask.text("tariffs.for"), numbers, connector),
            box("currency", maxlength="3", required="required", autocapitalize="characters"),
            box("digits", inputmode="numeric", maxlength="1"),
            (box(name, inputmode="decimal", maxlength="14") for name in AMOUNTS),
            box("idle_free_min", inputmode="numeric", maxlength="5"),
            h.button(".main", type="submit")[ask.text("tariffs.preview")],
        ],
        _confirm(ask, int(connector) if connector.isdecimal() else 0, asked) if asked is not None else None,
        id="preview",
    )


def _values(tariff: Tariff) -> dict[str, str]:
    found = {name: f"{getattr(tariff, name) / 10**tariff.digits:.{tariff.digits}f}" for name in AMOUNTS}
    return {
        **found, "currency": tariff.currency, "digits": str(tariff.digits),
        "idle_free_min": str(tariff.idle_free_min),
    }  # fmt: skip


def _confirm(ask: Ask, connector: int, tariff: Tariff) -> h.Node:
    amounts = {name: getattr(tariff, name) for name in (*AMOUNTS, "idle_free_min") if getattr(tariff, name)}
    return [
        h.h3[ask.text("tariffs.as_shown", who=_whose(ask, connector))],
        as_shown(ask, tariff),
        h.p(".hint")[ask.text("tariffs.example", p=money(_example(tariff), tariff, ask.words))],
        deed_button(
            ask, "set_tariff", ask.text("tariffs.set"), connector=connector, currency=tariff.currency,
            digits=tariff.digits, **amounts,
        ),
    ]  # fmt: skip


def _example(tariff: Tariff) -> int:
    """What 20 kWh in 30 minutes cost."""
    return 20 * tariff.per_kwh + 30 * tariff.per_minute + tariff.start_fee


# ------------------------------------------------------------------------------------------------- phone and links


def filled(ask: Ask, link: str) -> str:
    """A link with its places filled in by way of example."""
    settings = ask.site.context.settings
    values = {**SAMPLE, "station": settings.ocpp.identity or settings.station.name}
    for name, value in values.items():
        link = link.replace(f"{{{name}}}", value)
    return link


def _texts(ask: Ask, draft: Draft, given: dict[str, str] | None, may: bool) -> h.Element:
    codes = []
    for entry in TEXTS[1:]:
        link = filled(ask, (given or {}).get(entry.name, draft.values.get(entry.path, "")))
        picture = qr(link, f"{ask.text(entry.label)}: {link}")
        if picture is not None:
            codes.append(h.figure[picture, h.figcaption[ask.text(entry.label), h.br, h.code[link]]])
    return card(
        ask.text("tariffs.texts_title"),
        h.p(".hint")[ask.text("tariffs.texts_about")],
        h.p[ask.text("tariffs.phone"), ": ", h.strong[draft.values.get("screen.phone") or "–"]] if not may else None,
        h.div(".codes")[codes] if codes else h.p(".soft")[ask.text("tariffs.no_codes")],
        [
            form(
                ask,
                "/tariffs/texts",
                fields(ask, TEXTS, draft, given),
                h.button(".main", type="submit", disabled=not draft.is_readable)[ask.text("ocpp.save_draft")],
            ),
            draft_note(ask, draft, "screen"),
        ]
        if may
        else None,
        id="texts",
    )


async def texts(ask: Ask) -> Answer:
    given = ask.form()
    result = await write_draft(ask, TEXTS, given)
    if result.ok:
        return Redirect(f"/tariffs?done={'same' if result.code == 'same' else 'draft'}#texts")
    status = 409 if result.code == "draft_changed" else 422
    return Html(await _page(ask, fault=refusal(ask, result), given=given), status=status)


ROUTES = (
    get("/tariffs", tariffs, Right.SEE),
    post("/tariffs/texts", texts, Right.CONFIGURE),
)
