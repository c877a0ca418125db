"""The driver's screen over the API."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint.messages import ScreenState, TakeScreenshot
from chargepoint.rights import Right
from webconfig.answers import Answer, Download, Json, Problem
from webconfig.ask import Ask
from webconfig.pages.screen import chunks
from webconfig.routes import get


class Screen(msgspec.Struct, frozen=True):
    """`state` None: there is no screen, or it does not answer."""

    is_fitted: bool
    languages: tuple[str, ...]
    theme: str
    state: ScreenState | None


class Picture(msgspec.Struct, frozen=True):
    """How the picture is wanted."""

    format: Annotated[str, Meta(pattern="^(png|jpeg)$")] = "png"
    scale: Annotated[float, Meta(ge=0.1, le=1)] = 1.0


async def hmi(ask: Ask) -> Answer:
    settings = ask.site.context.settings.screen
    state = ask.site.state("screen", ScreenState)
    return Json(Screen(settings.is_fitted, settings.languages, settings.theme, state))


async def screenshot(ask: Ask) -> Answer:
    wanted = ask.query(Picture)
    request = TakeScreenshot(format=wanted.format, scale=wanted.scale, by=ask.login)
    shot = await ask.call("hmi", request, timeout_s=10.0)
    if not shot.ok:
        raise Problem(503, "no_screen", shot.text or ask.text("screen.no_picture"))
    return Download(f"screenshot.{shot.format}", f"image/{shot.format}", chunks(shot.data), is_shown=True)


ROUTES = (
    get("/api/v1/hmi", hmi, Right.SEE, summary="The driver's screen now", gives=Screen, tag="screen"),
    get("/api/v1/hmi/screenshot", screenshot, Right.DOWNLOAD, query=Picture, content_type="image/png",
        summary="A picture of it; passwords and card numbers are masked", tag="screen", statuses=(502, 503, 504)),
)  # fmt: skip
