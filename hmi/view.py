"""What a screen is drawn from: `View` = what the station is (`Seen`), where the driver is (`Place`), how it looks
(`Look`), the words, and the time. Pure; `screens/` turn it into pictures, `flow/` moves the `Place`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from chargepoint.messages import (
    AccessGrant,
    ClimateState,
    ConnectorState,
    LinkStatus,
    LoginsState,
    PowerState,
    ReaderState,
    ServiceState,
    State,
    StationState,
    SupervisorState,
    TariffState,
    UpdateState,
)
from chargepoint.vocabulary import ConnectorType
from hmi.drawing.items import Colour
from hmi.technician.desk import Desk
from hmi.technician.figures import Address, Figures
from hmi.technician.gathered import Gathered
from hmi.words import Words


class Fitted(msgspec.Struct, frozen=True):
    """What the station file says of a connector, also before `station` has spoken."""

    number: int
    type: ConnectorType
    max_power_w: float
    max_current_a: float
    max_voltage_v: float = 0.0  # 0: AC, or not known


class Links(msgspec.Struct, frozen=True):
    """Links behind the QR codes; `{station}` and `{connector}` are filled in by `filled`. Empty: no code is shown."""

    app: str = ""
    support: str = ""
    receipt: str = ""
    feedback: str = ""


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner's station file says to drivers."""

    station_name: str
    model: str = ""
    serial: str = ""
    version: str = ""
    phone: str = ""
    links: Links = Links()
    languages: tuple[str, ...] = ("ru", "en", "kk")
    connectors: tuple[Fitted, ...] = ()
    free_mode: bool = False
    plug_and_charge: bool = False
    autocharge: bool = False
    """Vehicles are asked for who they are."""
    has_readers: bool = True
    has_server: bool = True
    stop_needs_card: bool = False
    card_alone: bool = False
    is_training: bool = False
    """Its devices are simulated."""


class Moments(msgspec.Struct, frozen=True):
    """Points of the live chart of one session, one each 5 s, oldest first: power in W and state of charge in %."""

    session_id: int = 0
    power_w: tuple[float | None, ...] = ()
    soc_pct: tuple[float | None, ...] = ()


class Live(msgspec.Struct, frozen=True):
    """The last minute of one connector, a point each second, oldest first: V and A."""

    voltage_v: tuple[float | None, ...] = ()
    current_a: tuple[float | None, ...] = ()


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a session whose energy has ended; `stop_source` empty until the station has said why.

    `cost` in the smallest unit of the currency, None where there is no price; `ended_s` monotonic, for the idle fee.
    """

    session_id: int
    connector: int
    energy_wh: int
    elapsed_s: int
    ended_s: float
    soc_start_pct: float | None = None
    soc_end_pct: float | None = None
    stop_source: str = ""
    cost: int | None = None
    currency: str = ""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The last word of every service, and how old that of `station` is (`age_s`: since anything was heard of it).

    `ended` is the last ended session of each connector, also after the car has left.
    """

    shop: Shop
    station: StationState | None = None
    connectors: dict[int, ConnectorState] = {}
    link: LinkStatus | None = None
    tariff: TariffState | None = None
    update: UpdateState | None = None
    power: PowerState | None = None
    climate: ClimateState | None = None
    readers: dict[str, ReaderState] = {}
    services: dict[str, ServiceState] = {}
    supervisor: SupervisorState | None = None
    charts: dict[int, Moments] = {}
    ended: dict[int, Ended] = {}
    waiting_since_s: dict[int, float] = {}
    """Connectors whose start waits for its car, and since when; those that did so before this screen began are not
    there: nobody knows."""
    grant: AccessGrant | None = None
    logins: LoginsState | None = None
    """Who may be logged in; None: the hub has not said yet."""
    states: Mapping[str, State] = {}
    """All that was heard, by topic; only while a technician is logged in."""
    live: dict[int, Live] = {}
    machine: Figures = Figures()
    addresses: tuple[Address, ...] = ()
    gathered: Gathered = Gathered()
    age_s: float = 0.0


class Notice(msgspec.Struct, frozen=True):
    """A line over the screen until `until_s`: a catalogue key and its values."""

    key: str
    values: dict[str, str | int | float] = {}
    until_s: float = 0.0


class Access(msgspec.Struct, frozen=True):
    """What the driver has set for himself; gone when he leaves."""

    large: bool = False
    contrast: bool = False
    slow: bool = False
    low: bool = False


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the driver is. `screen` is a name of the inventory; `since_s` when it was entered; `until_s` when it leaves
    by itself (None: does not). `beneath` is what an overlay covers and goes back to. `fields` are what is typed or
    chosen on the screen (`page`, `text`, `focus`...); `card` the masked number of the card at hand."""

    screen: str = "LoaderWindow"
    connector: int = 0
    since_s: float = 0.0
    until_s: float | None = None
    beneath: Place | None = None
    fields: dict[str, str] = {}
    card: str = ""
    language: str = "ru"
    access: Access = Access()
    notice: Notice | None = None
    touched_s: float = 0.0
    staff: str = ""
    """Login of the technician, empty for drivers."""
    desk: Desk | None = None
    """What he has before him; also while somebody logs in."""


class Palette(msgspec.Struct, frozen=True, kw_only=True):
    """Colours of a theme (hmi.md 6)."""

    name: str
    background: Colour
    card: Colour
    text: Colour
    faint: Colour
    accent: Colour
    on_accent: Colour
    edge: Colour
    green: Colour
    blue: Colour
    white: Colour
    violet: Colour
    red: Colour
    on_red: Colour
    grey: Colour
    yellow: Colour


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Size and manner: pixels, pixels per mm, colours, large text, low layout, whether anything moves."""

    width: int
    height: int
    px_per_mm: float
    palette: Palette
    is_large: bool = False
    is_low: bool = False
    moves: bool = True

    @property
    def is_portrait(self) -> bool:
        return self.height > self.width

    def px(self, mm: float) -> int:
        """Whole pixels of a length in mm."""
        return round(mm * self.px_per_mm)


class View(msgspec.Struct, frozen=True, kw_only=True):
    """All a screen may look at. `now_s` is monotonic; `clock` the local wall time, None while it is not known."""

    seen: Seen
    place: Place
    look: Look
    words: Words
    now_s: float
    clock: datetime | None = None
    pressed: str = ""
    """Name of the target under the finger now."""
