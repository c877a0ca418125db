"""Views of every driver's screen, as a station would give them: for the contact sheet, the layout tests, benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone

import msgspec

from chargepoint.messages import (
    ConnectorState,
    LinkStatus,
    Reservation,
    ServiceState,
    SessionSummary,
    StationState,
    Tariff,
    TariffState,
)
from chargepoint.records import Credential, Limit
from chargepoint.vocabulary import (
    ConnectorFlag,
    ConnectorStatus,
    ConnectorType,
    ControllerStatus,
    CredentialType,
    LinkState,
    LogicalStatus,
    OperatingMode,
    SessionState,
    StartSource,
    TechnicalStatus,
)
from drivers.interfaces import Cause, ControllerReading, HardwareFlag, VehicleData
from hmi.drawing.colours import palette_of
from hmi.view import Access, Fitted, Links, Look, Moments, Notice, Place, Seen, Shop, View
from hmi.words import Words

NOW_S = 1000.0
CLOCK = datetime(2026, 5, 14, 14, 5, tzinfo=timezone(timedelta(hours=5)))
CARD = "04A2B3C4"
LINKS = Links(
    app="https://app.volt.example/s/{station}/{connector}",
    support="https://help.volt.example/{station}",
    receipt="https://app.volt.example/r/{session}",
    feedback="https://volt.example/say/{station}",
)
S, C, T = ConnectorStatus, ControllerStatus, ConnectorType


class Panel(msgspec.Struct, frozen=True):
    """A display: pixels, and mm of the visible area."""

    name: str
    width: int
    height: int
    width_mm: float
    height_mm: float

    @property
    def turned(self) -> Panel:
        return Panel(f"{self.name} portrait", self.height, self.width, self.height_mm, self.width_mm)

    @property
    def px_per_mm(self) -> float:
        return min(self.width / self.width_mm, self.height / self.height_mm)


LANDSCAPE = (
    Panel("7 inch 800x480", 800, 480, 154.1, 85.9),
    Panel("7 inch 1024x600", 1024, 600, 153.6, 90.0),
    Panel("10.1 inch 1280x800", 1280, 800, 217.0, 135.6),
    Panel("15 inch 1024x768", 1024, 768, 304.1, 228.1),
    Panel("15.6 inch 1920x1080", 1920, 1080, 344.2, 193.6),
)
PANELS = (*LANDSCAPE, *(each.turned for each in LANDSCAPE))


class Sample(msgspec.Struct, frozen=True):
    """One picture of the sheet. `pages`: how many pages to look at in large text."""

    name: str
    place: Place
    seen: Seen


def look(
    panel: Panel,
    *,
    theme: str = "night",
    contrast: bool = False,
    large: bool = False,
    low: bool = False,
    moves: bool = True,
) -> Look:
    return Look(
        width=panel.width,
        height=panel.height,
        px_per_mm=panel.px_per_mm,
        palette=palette_of(theme, contrast),
        is_large=large,
        is_low=low,
        moves=moves,
    )


def view(sample: Sample, shown: Look, language: str, words: Words | None = None) -> View:
    place = msgspec.structs.replace(sample.place, language=language)
    return View(seen=sample.seen, place=place, look=shown, words=words or Words(language), now_s=NOW_S, clock=CLOCK)


# ------------------------------------------------------------------------------------------------------- a station


def shop(**changes: object) -> Shop:
    made = Shop(
        station_name="KZ-ALA-0123",
        model="CP-240",
        serial="240-0017",
        version="1.6.0",
        phone="+7 727 123 45 67",
        links=LINKS,
        languages=("ru", "en", "kk"),
        connectors=(
            Fitted(1, T.CCS2, 120_000.0, 300.0, 1000.0),
            Fitted(2, T.GBT, 120_000.0, 250.0, 750.0),
            Fitted(3, T.TYPE2, 22_000.0, 32.0),
        ),
    )
    return msgspec.structs.replace(made, **changes)


def reading(status: ControllerStatus = C.C6_CHARGING, **changes: object) -> ControllerReading:
    made = ControllerReading(
        status=status, flags=HardwareFlag.EV_CONNECTED, cause=Cause.NONE, boot_count=1, session_ref=1, lease_left_s=9.0,
        limit_current_a=250.0, limit_power_w=120_000.0, voltage_v=398.0, current_a=(221.4, 0.0, 0.0), power_w=88_100.0,
        energy_wh=24_310, elapsed_s=1480, ev_requests_energy=True, remaining_s=1440, soc_pct=67.0,
        requested_voltage_v=410.0, requested_current_a=221.0, battery_temperature_c=27.0,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def session(number: int, *, card: str = CARD, **changes: object) -> SessionSummary:
    starter = Credential(card, CredentialType.RFID) if card else Credential("app-1", CredentialType.OCPP)
    made = SessionSummary(
        session_id=40 + number, state=SessionState.ACTIVE, start_source=StartSource.LOCAL, starter=starter,
        is_transaction=True, energy_wh=24_310, elapsed_s=1480, soc_start_pct=31.0,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def connector(number: int, type: ConnectorType, status: ConnectorStatus, **changes: object) -> ConnectorState:
    made = ConnectorState(number=number, type=type, status=status, flags=ConnectorFlag(0), operative=True)
    return msgspec.structs.replace(made, **changes)


def charging(number: int, type: ConnectorType = T.CCS2, **changes: object) -> ConnectorState:
    limit = Limit(current_a=250.0, power_w=120_000.0, source="hardware")
    grant = Limit(current_a=250.0, power_w=90_000.0, source="vehicle")
    made = connector(
        number, type, S.CHARGING, reading=reading(), session=session(number), limit=limit, grant=grant,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def station(**changes: object) -> StationState:
    made = StationState(
        technical=TechnicalStatus.OK, logical=LogicalStatus.WORKING, mode=OperatingMode.NORMAL, operative=True,
        free_mode=False, can_record=True, connectors=(1, 2, 3), power_limit_w=240_000.0, power_w=88_100.0,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


TARIFF = TariffState(
    tariffs={
        0: Tariff(currency="KZT", per_kwh=12_000, start_fee=10_000, idle_per_minute=5_000, idle_free_min=10),
        3: Tariff(
            currency="KZT", per_kwh=8_550, per_minute=150, start_fee=10_000, idle_per_minute=5_000, idle_free_min=10
        ),
    },
    source="central system",
    at=datetime(2026, 5, 1, 0, 0, tzinfo=UTC),
)


def seen(*states: ConnectorState, **changes: object) -> Seen:
    mine = {each.number: each for each in states}
    usual = {
        1: connector(1, T.CCS2, S.AVAILABLE),
        2: charging(2, T.GBT),
        3: connector(3, T.TYPE2, S.READY),
    }
    made = Seen(
        shop=shop(),
        station=station(),
        connectors=usual | mine,
        link=LinkStatus(state=LinkState.ONLINE),
        tariff=TARIFF,
        charts={2: Moments(42, POWERS, SOCS), 1: Moments(41, POWERS, SOCS)},
    )
    return msgspec.structs.replace(made, **changes)


POWERS = tuple(
    None if 40 < i < 44 else 1000.0 * min(110.0, 6.0 * i, 110.0 - max(0.0, (i - 90) * 0.28)) for i in range(180)
)
SOCS = tuple(None if 40 < i < 44 else 31.0 + i * 0.2 for i in range(180))


def _place(screen: str, number: int = 0, **changes: object) -> Place:
    return msgspec.structs.replace(Place(screen=screen, connector=number, since_s=NOW_S - 6), **changes)


def _twelve() -> Seen:
    types = (T.CCS2, T.CHADEMO, T.GBT, T.TYPE2, T.GBT_AC, T.SCHUKO)
    statuses = (*S, S.AVAILABLE)
    states, fitted = [], []
    for i in range(12):
        kind = types[i % len(types)]
        power = 22_000.0 if i % 6 > 2 else 160_000.0
        fitted.append(Fitted(i + 1, kind, power, 250.0, 1000.0))
        made = connector(i + 1, kind, statuses[i])
        if statuses[i] in (S.CHARGING, S.CHARGED):
            made = msgspec.structs.replace(made, session=session(i + 1), reading=reading())
        states.append(made)
    reserved = connector(12, T.SCHUKO, S.AVAILABLE, flags=ConnectorFlag.RESERVED)
    states[11] = reserved
    station_ = station(connectors=tuple(range(1, 13)))
    return seen(*states, shop=shop(connectors=tuple(fitted)), station=station_)


def _many_running() -> Seen:
    """Twelve connectors of which seven charge."""
    states = [charging(n, T.CCS2) if n < 8 else connector(n, T.CCS2, S.DISABLED) for n in range(1, 13)]
    fitted = tuple(Fitted(n, T.CCS2, 160_000.0, 250.0, 1000.0) for n in range(1, 13))
    return seen(*states, shop=shop(connectors=fitted), station=station(connectors=tuple(range(1, 13))))


def _menu() -> Iterator[Sample]:
    yield Sample("ScreensaverPA", _place("ScreensaverPA"), seen())
    yield Sample("ScreensaverPA twelve", _place("ScreensaverPA"), _twelve())
    yield Sample(
        "ScreensaverPA offline", _place("ScreensaverPA"), seen(link=LinkStatus(state=LinkState.OFFLINE), tariff=None)
    )
    yield Sample("MainMenu", _place("MainMenu"), seen())
    one = shop(connectors=(Fitted(1, T.TYPE2, 22_000.0, 32.0),), languages=("ru", "en", "kk", "zh"))
    alone = msgspec.structs.replace(seen(shop=one), connectors={1: connector(1, T.TYPE2, S.AVAILABLE)})
    yield Sample("MainMenu one", _place("MainMenu"), alone)
    for page in range(3):
        yield Sample(f"MainMenu twelve {page + 1}", _place("MainMenu", fields={"page": str(page)}), _twelve())
    choose = {"choose": "1", "choices": "1,3"}
    yield Sample("MainMenu choose", _place("MainMenu", fields=choose), seen())
    notice = Notice("note.remote_start", {"n": 2}, NOW_S + 8)
    yield Sample("MainMenu notice", _place("MainMenu", notice=notice), seen())
    yield Sample("MainMenu old", _place("MainMenu"), seen(age_s=9.4, link=LinkStatus(state=LinkState.OFFLINE)))


def _start() -> Iterator[Sample]:
    yield Sample("ConnectorInfo", _place("ConnectorInfo", 1), seen())
    yield Sample("ConnectorInfo AC", _place("ConnectorInfo", 3), seen())
    no_power = connector(1, T.CCS2, S.NO_POWER)
    yield Sample("ConnectorInfo no power", _place("ConnectorInfo", 1), seen(no_power))
    yield Sample("ConnectorInfo meter", _place("ConnectorInfo", 1), seen(connector(1, T.CCS2, S.METER_ERROR)))
    updating = msgspec.structs.replace(connector(1, T.CCS2, S.UPDATING), awaits_update=True)
    yield Sample("ConnectorInfo updating", _place("ConnectorInfo", 1), seen(updating))
    yield Sample("Auth", _place("Auth", 1), seen())
    yield Sample("Auth all", _place("Auth", 1), seen(shop=shop(plug_and_charge=True)))
    yield Sample("Auth free", _place("Auth", 1), seen(shop=shop(links=Links(), has_readers=False, free_mode=True)))
    yield Sample("AuthWait", _place("AuthWait", 1, card=CARD, until_s=NOW_S + 24), seen())
    wait = {"until_s": NOW_S + 5}
    accepted = {"key": "auth.ok", "ok": "1", "limit_wh": "18400"}
    yield Sample("DialogPA accepted", _place("DialogPA", 1, card="··B3C4", fields=accepted, **wait), seen())
    for key in ("auth.unknown", "auth.blocked", "auth.timeout", "auth.random"):
        yield Sample(f"DialogPA {key}", _place("DialogPA", 1, card="··B3C4", fields={"key": key}, **wait), seen())
    yield Sample("PriceInfo", _place("PriceInfo", 1), seen())
    yield Sample("PriceInfo AC", _place("PriceInfo", 3), seen())
    yield Sample("PriceInfo unknown", _place("PriceInfo", 1), seen(tariff=None))
    free = TariffState(tariffs={0: Tariff(currency="KZT")}, source="station file")
    yield Sample("PriceInfo free", _place("PriceInfo", 1), seen(tariff=free))
    yield Sample("InstructionPA", _place("InstructionPA", 1), seen())
    yield Sample("InstructionPA AC", _place("InstructionPA", 3), seen())
    waiting = connector(1, T.CCS2, S.WAITING_FOR_EV, waiting_for_ev=True)
    place = _place("Connecting", 1, until_s=NOW_S + 43, fields={"timeout_s": "60"})
    yield Sample("Connecting", place, seen(waiting))
    ac = connector(3, T.TYPE2, S.WAITING_FOR_EV, waiting_for_ev=True)
    yield Sample("Connecting AC", _place("Connecting", 3, until_s=NOW_S + 43, fields={"timeout_s": "60"}), seen(ac))
    checks = charging(1, reading=reading(C.C2_INSULATION_TEST, soc_pct=None, power_w=0.0))
    yield Sample("Connecting steps", _place("Connecting", 1), seen(checks))


def _session() -> Iterator[Sample]:
    own = {"own": "1"}
    yield Sample("SessionInfo", _place("SessionInfo", 2, fields=own), seen())
    yield Sample("SessionInfo others", _place("SessionInfo", 2), seen())
    yield Sample("SessionInfo details", _place("SessionInfo", 2, fields=own | {"show": "details"}), seen())
    yield Sample("SessionInfo chart", _place("SessionInfo", 2, fields=own | {"show": "chart"}), seen())
    silent = reading(
        soc_pct=None, remaining_s=None, requested_current_a=None, requested_voltage_v=None, power_w=7_360.0,
        battery_temperature_c=None, current_a=(32.0, 0.0, 0.0), voltage_v=231.0,
    )  # fmt: skip
    ac = charging(3, T.TYPE2, reading=silent, vehicle=VehicleData(phases=1))
    yield Sample("SessionInfo AC", _place("SessionInfo", 3, fields=own), seen(ac, tariff=None))
    unheard = charging(2, T.GBT, reading=None)
    yield Sample("SessionInfo unheard", _place("SessionInfo", 2, fields=own), seen(unheard, age_s=7.0))
    yield Sample("StopConfirm", _place("StopConfirm", 2, card="··B3C4", until_s=NOW_S + 21), seen())
    yield Sample("StopConfirm others", _place("StopConfirm", 2, until_s=NOW_S + 21), seen())
    needs = shop(stop_needs_card=True)
    yield Sample("StopConfirm card", _place("StopConfirm", 2, until_s=NOW_S + 21), seen(shop=needs))
    fields = {
        "energy_wh": "31280", "elapsed_s": "2460", "soc_start_pct": "31", "soc_end_pct": "80", "session_id": "42",
        "stop_source": "LOCAL", "cost": "385360", "currency": "KZT", "ended_s": str(NOW_S - 65),
    }  # fmt: skip
    charged = charging(2, T.GBT, status=S.CHARGED)
    yield Sample("SessionSummary", _place("SessionSummary", 2, fields=fields), seen(charged))
    plain = {"energy_wh": "8120", "elapsed_s": "5400", "stop_source": "OCPP_REMOTE"}
    links = msgspec.structs.replace(LINKS, receipt="")
    without = seen(charging(3, T.TYPE2, status=S.CHARGED), tariff=None, shop=shop(links=links))
    yield Sample("SessionSummary AC", _place("SessionSummary", 3, fields=plain), without)


def _trouble() -> Iterator[Sample]:
    reserved = connector(
        1, T.CCS2, S.AVAILABLE, flags=ConnectorFlag.RESERVED,
        reservation=Reservation(1, 1, CARD, CLOCK + timedelta(minutes=35)),
    )  # fmt: skip
    yield Sample("ConnectorBlocked", _place("ConnectorBlocked", 1), seen(reserved))
    off = [connector(n, t, S.DISABLED) for n, t in ((1, T.CCS2), (2, T.GBT), (3, T.TYPE2))]
    yield Sample("ConnectorBlocked all", _place("ConnectorBlocked", 1), seen(*off))
    for code, cause in (("E3", "ev_stopped"), ("E6", "lock_failed"), ("E8", "modules_lost")):
        failed = connector(1, T.CCS2, S.ERROR, vendor_error_code=code, cause=cause)
        yield Sample(f"ConnectorError {code}", _place("ConnectorError", 1), seen(failed))
    yield Sample(
        "Countdown", _place("Countdown", until_s=NOW_S + 18, since_s=NOW_S - 12, beneath=_place("MainMenu")), seen()
    )
    yield Sample("Help", _place("Help", 1), seen())
    yield Sample("Language", _place("Language"), seen(shop=shop(languages=("ru", "en", "kk", "zh"))))
    yield Sample("Access", _place("Access", access=Access(slow=True)), seen())
    starting = {
        n: connector(n, t, S.UNAVAILABLE, flags=ConnectorFlag.INITIALIZING if n > 1 else ConnectorFlag(0))
        for n, t in ((1, T.CCS2), (2, T.GBT), (3, T.TYPE2))
    }
    services = {
        name: ServiceState(name=name, status="running", pid=1, restarts=0, since_mono_s=0.0)
        for name in ("station", "ocpp", "rfid", "hmi")
    }
    booting = msgspec.structs.replace(
        seen(services=services, link=LinkStatus(state=LinkState.CONNECTING)), connectors=starting
    )
    yield Sample("LoaderWindow", _place("LoaderWindow"), booting)
    yield Sample("LoaderWindow hangs", _place("LoaderWindow", since_s=NOW_S - 75), booting)
    fatal = {"code": "HMI-BUS"}
    yield Sample("FatalErrorWindow", _place("FatalErrorWindow", fields=fatal, until_s=NOW_S + 12), seen(age_s=18.0))
    red = [connector(n, t, S.EMERGENCY_OFF) for n, t in ((1, T.CCS2), (2, T.GBT), (3, T.TYPE2))]
    name = "EmergencyBreakInstructionPA"
    yield Sample(name, _place(name, fields={"whole": "1", "connectors": "1,2,3"}), seen(*red))
    yield Sample(f"{name} one", _place(name, fields={"connectors": "1", "whole": ""}), seen(red[0]))
    yield Sample(
        "OutOfService", _place("OutOfService", fields={"reason": "operator"}), seen(station=station(operative=False))
    )
    idle = seen(connector(2, T.GBT, S.UNAVAILABLE))
    yield Sample("OutOfService idle", _place("OutOfService", fields={"reason": "no_server"}), idle)
    yield Sample("OutOfService many", _place("OutOfService", fields={"reason": "operator"}), _many_running())
    yield Sample("StationUpdate many", _place("StationUpdate", fields={"stage": "install"}), _many_running())
    yield Sample("StationUpdate", _place("StationUpdate", fields={"stage": "install", "percent": "42"}), seen())
    yield Sample("StationUpdate idle", _place("StationUpdate", fields={"stage": "wait"}), idle)
    for name in ("RemoteCommandConfirmDialog", "EvseCommandConfirmDialog"):
        yield Sample(name, _place(name, 1, until_s=NOW_S + 22, fields={"question": "unlock"}), seen())


GROUPS: tuple[Callable[[], Iterator[Sample]], ...] = (_menu, _start, _session, _trouble)


def samples() -> list[Sample]:
    """Every driver's screen, some of them in several situations."""
    return [sample for group in GROUPS for sample in group()]
