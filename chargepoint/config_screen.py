"""[screen] of station.toml: the panel, what drivers are told, how long screens stay (hmi.md 3, 6)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from chargepoint.config_types import Positive, Section, about

LANGUAGES = ("ru", "en", "kk", "zh")
Seconds = Annotated[float, Meta(ge=5, le=3600)]
Link = Annotated[str, Meta(max_length=300, pattern=r"^(https?://[^\s]+)?$")]


class ScreenLinks(Section, frozen=True, kw_only=True):
    """Links behind the QR codes; `{station}` and `{connector}` are filled in. Empty: no code is shown."""

    app: Annotated[Link, about("Starts a charge with the phone.")] = ""
    support: Annotated[Link, about("Help with the station.")] = ""
    receipt: Annotated[Link, about("The receipt of a charge; `{session}` is filled in, too.")] = ""
    feedback: Annotated[Link, about("What drivers want to say.")] = ""


class ScreenSettings(Section, frozen=True, kw_only=True):
    """The touch screen. Without `is_fitted` the station has none, and the service `hmi` is not started."""

    is_fitted: Annotated[bool, about("Whether there is a screen.")] = False
    video: Annotated[
        str,
        Meta(pattern="^(kmsdrm|framebuffer|x11|headless)$"),
        about(
            "kmsdrm: the board's own output without a desktop; framebuffer: the same for boards without a graphics "
            "processor; x11: a window or display server; headless: none."
        ),
    ] = "kmsdrm"
    width_px: Annotated[Annotated[int, Meta(ge=480, le=3840)], about("Pixels of the panel as mounted, across.")] = 1280
    height_px: Annotated[Annotated[int, Meta(ge=480, le=3840)], about("Pixels of the panel as mounted, down.")] = 800
    width_mm: Annotated[Positive, about("Width of the visible area as mounted.")] = 217.0
    height_mm: Annotated[Positive, about("Height of the visible area as mounted.")] = 136.0
    rotation: Annotated[
        int,
        Meta(ge=0, le=270, multiple_of=90),
        about("How far the picture is turned clockwise on the panel: 0, 90, 180, 270."),
    ] = 0
    languages: Annotated[
        tuple[Annotated[str, Meta(pattern="^(ru|en|kk|zh)$")], ...],
        Meta(min_length=1),
        about("Languages offered, the first is shown first: ru, en, kk, zh."),
    ] = ("ru", "en", "kk")
    theme: Annotated[
        str, Meta(pattern="^(auto|sun|night)$"), about("sun: dark on white; night: light on dark; auto: by the hour.")
    ] = "auto"
    sound: Annotated[bool, about("Sounds from the computer's speaker.")] = True
    phone: Annotated[str, Meta(max_length=40), about("Support phone shown to drivers.")] = ""
    stop_needs_card: Annotated[
        bool, about("A charge begun with a card is stopped at the screen only with that card.")
    ] = False
    links: ScreenLinks = ScreenLinks()
    inactive_s: Annotated[Seconds, about("Without a touch for so long it asks whether somebody is still there.")] = (
        120.0
    )
    countdown_s: Annotated[Seconds, about("So long it waits for an answer to that.")] = 30.0
    menu_s: Annotated[Seconds, about("From the main menu to the screen saver.")] = 60.0
    check_s: Annotated[Seconds, about("Longest check of a card.")] = 30.0
    dialog_s: Annotated[Seconds, about("How long the outcome of a card stays.")] = 8.0
    confirm_s: Annotated[Seconds, about("How long a question waits for yes or no.")] = 30.0
    summary_s: Annotated[Seconds, about("How long the summary stays after the car was unplugged.")] = 20.0
    technician_s: Annotated[Seconds, about("Without a touch for so long the service menu logs out.")] = 300.0
    card_alone: Annotated[
        bool,
        about("A technician's card opens the service menu without a PIN. A card is no proof; better leave it off."),
    ] = False
