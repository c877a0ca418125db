"""What screens want to know of the station, worked out of what services said. Pure."""

from __future__ import annotations

import math

import msgspec

from chargepoint.masking import mask
from chargepoint.messages import ConnectorState, SessionSummary, Tariff
from chargepoint.vocabulary import (
    ConnectorStatus,
    ConnectorType,
    CredentialType,
    LinkState,
    LogicalStatus,
    PowerType,
)
from hmi.screens.page import STALE_S
from hmi.screens.statuses import FREE, StatusLook, look_of
from hmi.view import Fitted, Moments, Seen, View


class Known(msgspec.Struct, frozen=True):
    """One connector: what the station file says of it and what was heard of it."""

    fitted: Fitted
    state: ConnectorState | None
    station_w: float = math.inf
    """What the whole station may take."""

    @property
    def number(self) -> int:
        return self.fitted.number

    @property
    def type(self) -> ConnectorType:
        return self.fitted.type

    @property
    def look(self) -> StatusLook:
        return look_of(self.state)

    @property
    def session(self) -> SessionSummary | None:
        return None if self.state is None else self.state.session

    @property
    def is_dc(self) -> bool:
        return self.type.power_type is PowerType.DC

    @property
    def is_free(self) -> bool:
        """A driver may begin here."""
        return self.state is not None and self.state.status in FREE and self.look.icon != "reserved"

    @property
    def is_charging(self) -> bool:
        return self.state is not None and self.state.status is ConnectorStatus.CHARGING

    @property
    def max_power_w(self) -> float:
        """What it could give now."""
        limit = None if self.state is None else self.state.limit
        if limit is None or not math.isfinite(limit.power_w) or limit.power_w <= 0:
            return min(self.fitted.max_power_w, self.station_w)
        return min(self.fitted.max_power_w, limit.power_w, self.station_w)

    @property
    def power_w(self) -> float | None:
        """What flows, by the meter, else by the controller; None when nobody measures."""
        if self.state is None:
            return None
        if self.state.meter is not None:
            return self.state.meter.power_w
        reading = self.state.reading
        return reading.power_w if reading is not None and reading.is_metered else None

    @property
    def soc_pct(self) -> float | None:
        reading = None if self.state is None else self.state.reading
        if reading is None or reading.soc_pct is None or not 0 <= reading.soc_pct <= 100:
            return None
        return reading.soc_pct

    @property
    def remaining_s(self) -> int | None:
        reading = None if self.state is None else self.state.reading
        return None if reading is None else reading.remaining_s

    @property
    def voltage_v(self) -> float | None:
        """At the vehicle. The meter of a DC connector may count what goes into the rectifier: it is not asked."""
        if self.state is None:
            return None
        meter, reading = self.state.meter, self.state.reading
        if not self.is_dc and meter is not None and meter.voltage_v is not None:
            return meter.voltage_v[0]
        return reading.voltage_v if reading is not None and reading.is_metered else None

    @property
    def current_a(self) -> float | None:
        """At the vehicle, of the busiest phase."""
        if self.state is None:
            return None
        meter, reading = self.state.meter, self.state.reading
        if not self.is_dc and meter is not None and meter.current_a is not None:
            return max(meter.current_a)
        return max(reading.current_a) if reading is not None and reading.is_metered else None


def known(seen: Seen, number: int) -> Known:
    """A connector by its number; one the station file does not have is unknown."""
    fitted = next((each for each in seen.shop.connectors if each.number == number), None)
    if fitted is None:
        fitted = Fitted(number=number, type=ConnectorType.UNKNOWN, max_power_w=0.0, max_current_a=0.0)
    station_w = 0.0 if seen.station is None else seen.station.power_limit_w
    return Known(fitted, seen.connectors.get(number), station_w if station_w > 0 else math.inf)


def everyone(seen: Seen) -> list[Known]:
    """All connectors by number: those of the station file, else those that were heard of."""
    numbers = sorted({each.number for each in seen.shop.connectors} or set(seen.connectors))
    return [known(seen, number) for number in numbers]


def here(view: View) -> Known:
    """The connector of the screen."""
    return known(view.seen, view.place.connector)


def running(seen: Seen) -> list[Known]:
    """Connectors with a charge that began and whose car is still there."""
    return [
        each
        for each in everyone(seen)
        if each.state is not None and each.session is not None and each.state.status in _REACHABLE
    ]


_REACHABLE = frozenset((ConnectorStatus.CHARGING, ConnectorStatus.CHARGED))


def other_free(seen: Seen, number: int) -> list[int]:
    """Numbers of the connectors where somebody could begin instead."""
    return [each.number for each in everyone(seen) if each.is_free and each.number != number]


def free_in_s(seen: Seen, number: int) -> int | None:
    """When the first of the other charges ends, as far as their cars say."""
    left = [
        each.remaining_s
        for each in everyone(seen)
        if each.number != number and each.is_charging and each.remaining_s is not None
    ]
    return min(left, default=None)


def tariff_of(seen: Seen, number: int) -> Tariff | None:
    """The prices of a connector, None when nobody told them."""
    if seen.tariff is None:
        return None
    return seen.tariff.tariffs.get(number, seen.tariff.tariffs.get(0))


def session_tariff(seen: Seen, each: Known) -> Tariff | None:
    """The prices that the session there began with; where there is none, those of the connector."""
    price = None if each.session is None else each.session.cost
    if price is None:
        return tariff_of(seen, each.number)
    return Tariff(
        currency=price.currency,
        digits=price.digits,
        per_kwh=price.per_kwh,
        per_minute=price.per_minute,
        start_fee=price.start_fee,
        idle_per_minute=price.idle_per_minute,
        idle_free_min=price.idle_free_min,
    )


def session_cost(seen: Seen, each: Known) -> float | None:
    """What the session there has cost so far: as the station says, else worked out; None without prices."""
    session = each.session
    if session is None:
        return None
    if session.cost is not None:
        return session.cost.total
    return cost_of(tariff_of(seen, each.number), session.energy_wh, session.elapsed_s)


def is_free_of_charge(tariff: Tariff) -> bool:
    return not (tariff.per_kwh or tariff.per_minute or tariff.start_fee or tariff.idle_per_minute)


def cost_of(tariff: Tariff | None, energy_wh: float, elapsed_s: float) -> float | None:
    """In the smallest unit of the currency, without idle fee; None without prices."""
    if tariff is None:
        return None
    return tariff.start_fee + tariff.per_kwh * energy_wh / 1000 + tariff.per_minute * elapsed_s / 60


def is_own(view: View, each: Known) -> bool:
    """Whether all of a session may be shown: it is the driver's own, or no card can tell whose it is."""
    starter = None if each.session is None else each.session.starter
    if view.place.fields.get("own") == "1" or starter is None or starter.type is not CredentialType.RFID:
        return True
    return view.place.card != "" and masked(view.place.card) == mask(starter.value)


def moments(view: View, each: Known) -> Moments:
    """The curve of its session, empty when there is none."""
    found = view.seen.charts.get(each.number)
    if found is None or each.session is None or found.session_id != each.session.session_id:
        return Moments()
    return found


def masked(card: str) -> str:
    """A card's number as others may see it, also where it is masked already."""
    return card if card.startswith("·") else mask(card)


def has_link(seen: Seen) -> bool | None:
    """Whether the server is reached; None where there is none, or nobody has told for long."""
    if not seen.shop.has_server or (seen.link is not None and seen.link.state is LinkState.DISABLED):
        return None
    if seen.age_s >= STALE_S:
        return None
    service = seen.services.get("ocpp")
    if service is not None and service.status != "running":
        return False
    return seen.link is not None and seen.link.state is LinkState.ONLINE


def filled(link: str, view: View, connector: int = 0, **others: str) -> str:
    """A link with its places filled in."""
    values = {"station": view.seen.shop.station_name, "connector": str(connector), **others}
    for name, value in values.items():
        link = link.replace(f"{{{name}}}", value)
    return link


def why_out_of_service(view: View) -> str:
    """operator, maintenance, no_server or fault."""
    said = view.place.fields.get("reason", "")
    if said in ("operator", "maintenance", "update", "no_server", "fault"):
        return said
    station = view.seen.station
    if station is not None and not station.operative:
        return "operator"
    if station is not None and station.logical is LogicalStatus.TECHNICIAN:
        return "maintenance"
    if has_link(view.seen) is False:
        return "no_server"
    return "fault"


def number_field(view: View, name: str) -> float | None:
    """A number of the place's fields; None when it is missing or none."""
    try:
        value = float(view.place.fields[name])
    except (KeyError, ValueError):
        return None
    return value if math.isfinite(value) else None


def page_of(view: View, pages: int) -> int:
    """Which of so many pages is shown."""
    said = view.place.fields.get("page", "0")
    return int(said) % max(1, pages) if said.lstrip("-").isdigit() and len(said) < 6 else 0


def left_s(view: View) -> int | None:
    """Whole seconds until the screen leaves by itself."""
    until = view.place.until_s
    return None if until is None else max(0, math.ceil(until - view.now_s))
