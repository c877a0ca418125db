"""The driver's screen over the API."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chargepoint.messages import ScreenState, TakeScreenshot
from chargepoint.rights import Right
from webconfig.answers import Answer, Download, Json, Problem
from webconfig.ask import Ask
from webconfig.draft_forms import as_typed, read_draft, refusal, write_draft
from webconfig.pages.screen import SETTINGS, chunks
from webconfig.routes import Route, get


class Screen(msgspec.Struct, frozen=True):
    """`state` None: there is no screen, or it does not answer."""

    is_fitted: bool
    languages: tuple[str, ...]
    theme: str
    state: ScreenState | None


class ScreenSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`settings` as in the own draft of the station file, else in the file. ETag: the version of the draft."""

    settings: dict[str, str]
    has_draft: bool


Seconds = Annotated[float, Meta(ge=0, le=86_400)]


class NewScreen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Goes into the own draft of the station file; it counts once that is applied. What is absent stays."""

    languages: Annotated[tuple[Annotated[str, Meta(pattern="^[a-z]{2}$")], ...], Meta(max_length=4)] | None = None
    theme: Annotated[str, Meta(pattern="^(auto|sun|night)$")] | None = None
    rotation: Literal[0, 90, 180, 270] | None = None
    sound: bool | None = None
    stop_needs_card: bool | None = None
    inactive_s: Seconds | None = None
    countdown_s: Seconds | None = None
    menu_s: Seconds | None = None
    dialog_s: Seconds | None = None
    confirm_s: Seconds | None = None
    summary_s: Seconds | None = None
    technician_s: Seconds | None = None


class Picture(msgspec.Struct, frozen=True):
    """How the picture is wanted."""

    format: Annotated[str, Meta(pattern="^(png|jpeg)$")] = "png"
    scale: Annotated[float, Meta(ge=0.1, le=1)] = 1.0


async def hmi(ask: Ask) -> Answer:
    settings = ask.site.context.settings.screen
    state = ask.site.state("screen", ScreenState)
    return Json(Screen(settings.is_fitted, settings.languages, settings.theme, state))


async def put_hmi(ask: Ask) -> Answer:
    given = ask.body(NewScreen)
    draft = await read_draft(ask, SETTINGS)
    match = ask.request.headers.get("If-Match", "").strip('"')
    if match and match not in (draft.version, "*"):
        raise Problem(412, "changed_meanwhile", ask.text("ocpp.draft_changed"))
    form = {"draft": draft.version}
    for name in NewScreen.__struct_fields__:
        value = getattr(given, name)
        if value is not None:
            form[f"screen-{name}"] = as_typed(value)
    result = await write_draft(ask, SETTINGS, form)
    if result.code == "draft_changed":
        raise Problem(412, "changed_meanwhile", result.text)
    if not result.ok:
        raise Problem(422, "invalid", refusal(ask, result))
    draft = await read_draft(ask, SETTINGS)
    settings = {path.rpartition(".")[2]: value for path, value in draft.values.items()}
    return Json(ScreenSettings(settings=settings, has_draft=draft.has_draft), etag=draft.version)


async def screenshot(ask: Ask) -> Answer:
    wanted = ask.query(Picture)
    request = TakeScreenshot(format=wanted.format, scale=wanted.scale, by=ask.login)
    shot = await ask.call("hmi", request, timeout_s=10.0)
    if not shot.ok:
        raise Problem(503, "no_screen", shot.text or ask.text("screen.no_picture"))
    return Download(f"screenshot.{shot.format}", f"image/{shot.format}", chunks(shot.data), is_shown=True)


ROUTES = (
    get("/api/v1/hmi", hmi, Right.SEE, summary="The driver's screen now", gives=Screen, tag="screen"),
    Route(method="PUT", path="/api/v1/hmi", handler=put_hmi, right=Right.CONFIGURE, body=NewScreen,
          gives=ScreenSettings, summary="Settings of the driver's screen, into the own draft", tag="screen",
          statuses=(412, 422, 502, 503, 504)),
    get("/api/v1/hmi/screenshot", screenshot, Right.DOWNLOAD, query=Picture, content_type="image/png",
        summary="A picture of it; passwords and card numbers are masked", tag="screen", statuses=(502, 503, 504)),
)  # fmt: skip
