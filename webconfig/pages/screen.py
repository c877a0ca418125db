"""/hmi: what the driver's screen shows now, and how it is set up."""

from __future__ import annotations

from collections.abc import AsyncIterator

import htpy as h

from chargepoint.messages import ScreenState, TakeScreenshot
from chargepoint.rights import Right
from webconfig.answers import Answer, Download, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.draft_forms import Draft, Entry, draft_note, fields, read_draft, refusal, write_draft
from webconfig.layout import card, facts, form, live, page
from webconfig.routes import Values, get, post

SETTINGS = (
    Entry("screen.languages", "screen.languages", "words", longest=40),
    Entry("screen.theme", "screen.theme", options=("auto", "sun", "night")),
    Entry("screen.rotation", "screen.rotation", "number", ("0", "90", "180", "270")),
    Entry("screen.width_px", "screen.width_px", "number", longest=5),
    Entry("screen.height_px", "screen.height_px", "number", longest=5),
    Entry("screen.width_mm", "screen.width_mm", "number", longest=7),
    Entry("screen.height_mm", "screen.height_mm", "number", longest=7),
    Entry("screen.sound", "screen.sound", "flag"),
    Entry("screen.stop_needs_card", "screen.stop_needs_card", "flag"),
    Entry("screen.inactive_s", "screen.inactive_s", "number", longest=6),
    Entry("screen.countdown_s", "screen.countdown_s", "number", longest=6),
    Entry("screen.menu_s", "screen.menu_s", "number", longest=6),
    Entry("screen.dialog_s", "screen.dialog_s", "number", longest=6),
    Entry("screen.confirm_s", "screen.confirm_s", "number", longest=6),
    Entry("screen.summary_s", "screen.summary_s", "number", longest=6),
    Entry("screen.technician_s", "screen.technician_s", "number", longest=6),
)
EVERY_S = 2


async def screen(ask: Ask) -> Answer:
    done = ask.query_text("done")
    return Html(await _page(ask, ask.text(f"ocpp.done_{done}") if done in ("draft", "same") else ""))


async def _page(ask: Ask, notice: str = "", fault: str = "", given: dict[str, str] | None = None) -> h.Renderable:
    is_fitted = ask.site.context.settings.screen.is_fitted
    draft = await read_draft(ask, SETTINGS)
    return page(
        ask,
        ask.text("screen.title"),
        h.link(rel="stylesheet", href="/static/ocpp.css"),
        h.script(src="/static/screen.js", defer=True) if is_fitted else None,
        [_now(ask, await screen_values(ask)), _picture(ask)]
        if is_fitted
        else h.p(".notice")[ask.text("screen.not_fitted")],
        _settings(ask, draft, given) if ask.may(Right.CONFIGURE) else None,
        h.p[h.a(href="/tariffs#texts")[ask.text("screen.texts_link")]],
        live=ask.request.path if is_fitted else "",
        notice=notice,
        fault=fault,
    )


async def screen_values(ask: Ask) -> Values:
    state = ask.site.state("screen", ScreenState)
    if state is None:
        return dict.fromkeys(("name", "connector", "language", "size", "used", "technician"), "–")
    return {
        "name": state.name or ask.text("screen.no_picture"),
        "connector": str(state.connector) if state.connector else "–",
        "language": state.language or "–",
        "size": f"{state.width} × {state.height}" if state.width else "–",
        "used": ask.text("ocpp.true" if state.is_in_use else "ocpp.false"),
        "technician": state.technician or "–",
    }


def _now(ask: Ask, values: Values) -> h.Element:
    return card(
        ask.text("screen.now_title"),
        facts((ask.text(f"screen.f_{name}"), live(name, value)) for name, value in values.items()),
    )


def _picture(ask: Ask) -> h.Element:
    if not ask.may(Right.DOWNLOAD):
        return card(ask.text("screen.picture_title"), h.p(".soft")[ask.text("screen.no_right")])
    is_series = ask.query_text("every") == str(EVERY_S)
    number = int(ask.site.now_s() * 10)
    return card(
        ask.text("screen.picture_title"),
        h.img(
            ".shot",
            src=f"/hmi/screenshot?n={number}",
            alt=ask.text("screen.picture_alt"),
            width="640",
            data_every=str(EVERY_S) if is_series else None,
        ),
        h.p[
            h.a(".button", href="/hmi")[ask.text("screen.again")],
            h.a(".button", href="/hmi" if is_series else f"/hmi?every={EVERY_S}")[
                ask.text("screen.stop_series" if is_series else "screen.series", s=EVERY_S)
            ],
            h.a(".button", href="/hmi/screenshot?full=1", download="screenshot.png")[ask.text("screen.download")],
        ],
        h.p(".hint")[ask.text("screen.masked")],
    )


async def screenshot(ask: Ask) -> Answer:
    """The picture: full size as a file, else made smaller for a page."""
    is_full = ask.query_text("full") == "1"
    request = TakeScreenshot(format="png", scale=1.0 if is_full else 0.5, by=ask.login)
    shot = await ask.call("hmi", request, timeout_s=10.0)
    if not shot.ok:
        raise Problem(503, "no_screen", shot.text or ask.text("screen.no_picture"))
    name = f"screenshot-{shot.screen or 'screen'}.{shot.format}"
    return Download(name, f"image/{shot.format}", chunks(shot.data), not is_full)


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    """A picture as a download gives it."""
    yield data


def _settings(ask: Ask, draft: Draft, given: dict[str, str] | None) -> h.Element:
    return card(
        ask.text("screen.settings_title"),
        h.p(".hint")[ask.text("ocpp.settings_about")],
        form(
            ask,
            "/hmi",
            fields(ask, SETTINGS, draft, given),
            h.button(".main", type="submit", disabled=not draft.is_readable)[ask.text("ocpp.save_draft")],
        ),
        draft_note(ask, draft, "screen"),
        id="settings",
    )


async def save(ask: Ask) -> Answer:
    given = ask.form()
    result = await write_draft(ask, SETTINGS, given)
    if result.ok:
        return Redirect(f"/hmi?done={'same' if result.code == 'same' else 'draft'}#settings")
    status = 409 if result.code == "draft_changed" else 422
    return Html(await _page(ask, fault=refusal(ask, result), given=given), status=status)


ROUTES = (
    get("/hmi", screen, Right.SEE, live=screen_values),
    get("/hmi/screenshot", screenshot, Right.DOWNLOAD),
    post("/hmi", save, Right.CONFIGURE),
)
