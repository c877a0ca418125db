"""The driver's screen, and tariffs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint.messages.kinds import (
    ActionResult,
    Reply,
    Request,
    State,
)


class ScreenState(State, frozen=True, kw_only=True):
    """Topic `screen`: what the screen shows now. `name` as in statuses.md 16, with `PH` or `PV` at its end.

    `name` is empty while the display takes no pictures. `is_in_use`: a driver is at it (`clientMode`).
    `technician`: the login of whoever is in the service menu.
    """

    name: str
    connector: int = 0
    language: str = ""
    width: int = 0
    height: int = 0
    is_in_use: bool = False
    technician: str = ""


class TakeScreenshot(Request["Screenshot"], frozen=True, kw_only=True):
    """To hmi: the picture on the screen, passwords and card numbers masked. At most one each second is taken anew.

    `format` png or jpeg; `scale` 0.1 to 1.
    """

    format: str = "png"
    scale: Annotated[float, Meta(ge=0.1, le=1)] = 1.0
    by: str = ""


class Screenshot(Reply, frozen=True, kw_only=True):
    """`ok` False: `text` says why there is none. `at`: aware UTC, None while the time is not known."""

    ok: bool
    text: str = ""
    format: str = ""
    data: bytes = b""
    screen: str = ""
    language: str = ""
    width: int = 0
    height: int = 0
    at: datetime | None = None
    sha256: str = ""


class ConfirmOnScreen(Request[ActionResult], frozen=True, kw_only=True):
    """To hmi: ask whoever stands there (RemoteCommandConfirmDialog, EvseCommandConfirmDialog); answered when he has.

    `question` unlock: open the lock though there is voltage. Codes: yes, no, no_answer (30 s), busy, no_screen.
    """

    question: str
    connector: int
    is_local: bool = False
    by: str = ""


class ChooseConnector(Request[ActionResult], frozen=True, kw_only=True):
    """hmi to station: the driver at the screen means this connector: a card that waits for a choice is used for it; if
    none waits (code ok), the next card within `within_s` means it. 0: he means none any more. Codes: ok, started,
    waiting_for_ev, own_session, stopped; other_reader, unknown_connector and those of StartCharging."""

    connector: int
    within_s: float = 60.0


class CancelCard(Request[ActionResult], frozen=True, kw_only=True):
    """hmi to station: the driver touched Cancel, or went, while his card was checked: nothing comes of it any more.
    `card` is its number as `mask` writes it. Codes: ok, nothing_to_cancel."""

    reader: str
    card: str


class StartAtScreen(Request[ActionResult], frozen=True, kw_only=True):
    """hmi to station: the driver pressed Start where nobody has to be asked (free mode, plug and charge). Codes: ok,
    not_free, and those of StartCharging."""

    connector: int


Amount = Annotated[int, Meta(ge=0, le=10**12)]


class Tariff(msgspec.Struct, frozen=True, kw_only=True):
    """Prices as drivers see them, in the smallest unit of `currency` (ISO 4217, `digits` behind the decimal mark).

    `idle_per_minute` counts from `idle_free_min` minutes after the end of the energy.
    """

    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    digits: Annotated[int, Meta(ge=0, le=4)] = 2
    per_kwh: Amount = 0
    per_minute: Amount = 0
    start_fee: Amount = 0
    idle_per_minute: Amount = 0
    idle_free_min: Amount = 0


class TariffState(State, frozen=True, kw_only=True):
    """Topic `tariff`: prices by connector (0: all others). `source`: station file, central system, installer."""

    tariffs: dict[int, Tariff] = {}
    source: str = ""
    at: datetime | None = None


class SetTariff(Request[ActionResult], frozen=True, kw_only=True):
    """To station: prices of a connector (0: all) from now on; None: those of the station file again. Durable; a running
    session keeps the price it began with. Codes: ok, unknown_connector, not_recorded."""

    connector: int = 0
    tariff: Tariff | None = None
    source: str = ""
    by: str = ""


class TellCost(Request[ActionResult], frozen=True, kw_only=True):
    """ocpp to station: what the central system says a session has cost so far, in the currency of the session's price,
    `digits` behind the decimal mark. Codes: ok, no_session (it is over and its vehicle gone), not_recorded."""

    session_id: int
    total: Amount
    digits: Annotated[int, Meta(ge=0, le=4)] = 2
