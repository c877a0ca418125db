"""From the retained states of the bus to `Seen`: the last word of every service, ended sessions, live charts.

No bus here: `take(topic, state, now_s)` is told what was heard, `seen(now_s)` is what screens may look at.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chargepoint.config import Settings
from chargepoint.messages import (
    AccessGrant,
    ClimateState,
    ConnectorState,
    LinkStatus,
    LoginsState,
    PowerState,
    ReaderState,
    ServiceState,
    SettingsState,
    State,
    StationState,
    SupervisorState,
    TariffState,
    UpdateState,
)
from chargepoint.records import HistoryRow, Session
from chargepoint.version import VERSION
from hmi.charts import Charts, Minute
from hmi.technician.figures import Address, Figures
from hmi.technician.gathered import Gathered
from hmi.view import Ended, Fitted, Links, Seen, Shop

DEFAULT_CONNECT_S = 120.0
"""ConnectionTimeOut where nobody has set one (OCPP)."""
POINTS_OF_ROW = 3
"""Points of 5 s of a row of 15 s."""
PREFIXES = (
    "station",
    "connector/",
    "link",
    "tariff",
    "update",
    "power",
    "climate",
    "reader/",
    "service/",
    "supervisor",
    "settings",
    "access/",
)
"""Topics that are watched."""
STAFF_PREFIXES = (
    "clock",
    "device/",
    "input/",
    "installed",
    "insulation/",
    "light/",
    "meter/",
    "modules/",
    "output/",
    "port/",
    "technician",
    "test/",
    "ups/",
)
"""Topics that are watched once somebody has opened the service menu."""


def shop_of(settings: Settings) -> Shop:
    """What the station file says to drivers."""
    station, screen = settings.station, settings.screen
    links = screen.links
    return Shop(
        station_name=station.name,
        model=station.model,
        serial=station.charge_point_serial_number,
        version=VERSION,
        phone=screen.phone,
        links=Links(app=links.app, support=links.support, receipt=links.receipt, feedback=links.feedback),
        languages=screen.languages,
        connectors=tuple(
            Fitted(
                number=each.number,
                type=each.type,
                max_power_w=each.max_power_w,
                max_current_a=each.max_current_a,
                max_voltage_v=_max_voltage_v(settings, each.modules),
            )
            for each in settings.connector
        ),
        free_mode=station.free_mode,
        plug_and_charge=station.plug_and_charge or any(each.plug_and_charge for each in settings.connector),
        autocharge=station.autocharge,
        has_readers=bool(settings.reader),
        has_server=bool(settings.ocpp.url),
        stop_needs_card=screen.stop_needs_card,
        card_alone=screen.card_alone,
        is_training=any(_is_simulated(each.device) for each in settings.port),
    )


def _is_simulated(device: str) -> bool:
    """Wires of files are simulated ones: real devices are in /dev, where memory and terminals are no devices."""
    folders = Path(device).parts[1:3]
    return device.startswith("/") and (folders[:1] != ("dev",) or folders[1:] in (("shm",), ("pts",)))


def _max_voltage_v(settings: Settings, bank: str) -> float:
    """What its power modules can give, 0 where the station file does not say."""
    found = (each.max_voltage_v for each in settings.modules if bank and each.name == bank)
    return next(found, None) or 0.0


class Sight:
    """What has been seen. `missing` names ended sessions of which the station has not yet told the whole story."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shop = shop_of(settings)
        self._station: StationState | None = None
        self._connectors: dict[int, ConnectorState] = {}
        self._link: LinkStatus | None = None
        self._tariff: TariffState | None = None
        self._update: UpdateState | None = None
        self._power: PowerState | None = None
        self._climate: ClimateState | None = None
        self._readers: dict[str, ReaderState] = {}
        self._services: dict[str, ServiceState] = {}
        self._supervisor: SupervisorState | None = None
        self._values: dict[str, str] = {}
        self._ended: dict[int, Ended] = {}
        self._waiting_since_s: dict[int, float] = {}
        self._charts = Charts()
        self._minute = Minute()
        self._grant: AccessGrant | None = None
        self._logins: LoginsState | None = None
        self._states: dict[str, State] = {}
        self._heard_s: float | None = None
        self.has_staff = False
        """Somebody is in the service menu: all that is heard is shown."""
        self.machine = Figures()
        self.addresses: tuple[Address, ...] = ()
        self.gathered = Gathered()
        self.missing: set[int] = set()
        """Sessions that have ended here, to be read from the station."""
        self.begun_before: list[tuple[int, int]] = []
        """Connectors and sessions that ran already when this screen began: their history is to be read."""

    def take(self, state: State, now_s: float, topic: str = "") -> bool:
        """A state was heard. Whether it is one of those that screens show."""
        if topic:
            self._states[topic] = state
        match state:
            case StationState():
                self._station, self._heard_s = state, now_s
            case ConnectorState():
                self._heard_s = now_s
                self._look_for_end(state, now_s)
                self._look_for_wait(state, now_s)
                self._connectors[state.number] = state
            case LinkStatus():
                self._link = state
            case TariffState():
                self._tariff = state
            case UpdateState():
                self._update = state
            case PowerState():
                self._power = state
            case ClimateState():
                self._climate = state
            case ReaderState():
                self._readers[state.name] = state
            case ServiceState():
                self._services[state.name] = state
            case SupervisorState():
                self._supervisor = state
            case SettingsState():
                self._values = state.values
            case AccessGrant():
                self._grant = state
            case LoginsState():
                self._logins = state
            case _:
                return self.has_staff
        return True

    def is_chart_due(self, now_s: float) -> bool:
        """Whether points of a running session are to be taken now."""
        return self._charts.is_due(now_s) and any(
            state.session is not None and state.session.is_transaction for state in self._connectors.values()
        )

    def age_s(self, now_s: float) -> float:
        """Since anything was heard of the station; 0 before its first word."""
        return 0.0 if self._heard_s is None else max(0.0, now_s - self._heard_s)

    def seen(self, now_s: float) -> Seen:
        """As screens see it, now. The age counts in whole seconds, so that a picture does not change for less."""
        self._charts.look(self._connectors, now_s)
        self._minute.look(self._connectors if self.has_staff else {}, now_s)
        return Seen(
            shop=self._shop,
            station=self._station,
            connectors=dict(self._connectors),
            link=self._link,
            tariff=self._tariff,
            update=self._update,
            power=self._power,
            climate=self._climate,
            readers=dict(self._readers),
            services=dict(self._services),
            supervisor=self._supervisor,
            charts=self._charts.told,
            ended=dict(self._ended),
            waiting_since_s=dict(self._waiting_since_s),
            grant=self._grant,
            logins=self._logins,
            states=dict(self._states) if self.has_staff else {},
            live=self._minute.told,
            machine=self.machine,
            addresses=self.addresses,
            gathered=self.gathered if self.has_staff else Gathered(),
            age_s=float(int(self.age_s(now_s))),
        )

    def told(self, session: Session) -> None:
        """The station's own record of an ended session."""
        self.missing.discard(session.session_id)
        for number, ended in self._ended.items():
            if ended.session_id == session.session_id:
                self._ended[number] = _with_record(ended, session)

    def told_history(self, number: int, session_id: int, rows: Sequence[HistoryRow]) -> None:
        """What a session's chart was before this screen began to look: rows of 15 s, oldest first."""
        points = [(row.power_w, row.soc_pct) for row in rows for _ in range(POINTS_OF_ROW)]
        self._charts.begin(number, session_id, points)

    @property
    def connect_s(self) -> float:
        """How long the station waits for a car (ConnectionTimeOut)."""
        try:
            return max(0.0, float(self._value("ConnectionTimeOut") or DEFAULT_CONNECT_S))
        except ValueError:
            return DEFAULT_CONNECT_S

    @property
    def starts_offline(self) -> bool:
        """Whether somebody may be able to start while the central system is away: a list, a cache, or anybody."""
        allows = [self._value(key).strip().lower() for key in ("LocalAuthorizeOffline", "AllowOfflineTxForUnknownId")]
        return allows[0] != "false" or allows[1] == "true"

    def _value(self, key: str) -> str:
        changed = self._values.get(f"ocpp.{key}")
        return str(self._settings.ocpp.configuration.get(key, "")) if changed is None else changed

    def _look_for_wait(self, state: ConnectorState, now_s: float) -> None:
        """A start that waits for its car now, and did not before."""
        old = self._connectors.get(state.number)
        if not state.waiting_for_ev:
            self._waiting_since_s.pop(state.number, None)
        elif old is not None and not (old.waiting_for_ev and _session_id(old) == _session_id(state)):
            self._waiting_since_s[state.number] = now_s

    def _look_for_end(self, state: ConnectorState, now_s: float) -> None:
        """A transaction that runs no more, or one that had ended before this screen began."""
        old, session = self._connectors.get(state.number), state.session
        before = old.session if old is not None else None
        if before is not None and before.is_transaction:
            is_same = session is not None and session.session_id == before.session_id
            if not (is_same and session is not None and session.is_transaction):
                last = session if is_same and session is not None else before
                self._end(state if is_same else old or state, last.session_id, last.energy_wh, last.elapsed_s, now_s)
        elif old is None and session is not None and session.is_transaction:
            self.begun_before.append((state.number, session.session_id))
        elif old is None and session is not None and session.energy_wh > 0:
            self._end(state, session.session_id, session.energy_wh, session.elapsed_s, now_s)

    def _end(self, state: ConnectorState, session_id: int, energy_wh: int, elapsed_s: int, now_s: float) -> None:
        summary, reading = state.session, state.reading
        self.missing.add(session_id)
        self._ended[state.number] = Ended(
            session_id=session_id,
            connector=state.number,
            energy_wh=energy_wh,
            elapsed_s=elapsed_s,
            ended_s=now_s if summary is None or summary.ended_mono_s is None else summary.ended_mono_s,
            soc_start_pct=None if summary is None else summary.soc_start_pct,
            soc_end_pct=None if reading is None else reading.soc_pct,
        )


def _session_id(state: ConnectorState) -> int:
    return 0 if state.session is None else state.session.session_id


def _with_record(ended: Ended, session: Session) -> Ended:
    price = session.price
    return Ended(
        session_id=ended.session_id,
        connector=ended.connector,
        energy_wh=session.delivered_wh or ended.energy_wh,
        elapsed_s=_elapsed_s(session, ended.elapsed_s),
        ended_s=ended.ended_s,
        soc_start_pct=ended.soc_start_pct if session.soc_start_pct is None else session.soc_start_pct,
        soc_end_pct=ended.soc_end_pct if session.soc_end_pct is None else session.soc_end_pct,
        stop_source="" if session.stop_source is None else session.stop_source.value,
        cost=None if price is None else price.total,
        currency="" if price is None else price.currency,
    )


def _elapsed_s(session: Session, otherwise_s: int) -> int:
    if session.started is None or session.stopped is None or session.started.boot_id != session.stopped.boot_id:
        return otherwise_s
    return round(max(0.0, session.stopped.mono_s - session.started.mono_s))
