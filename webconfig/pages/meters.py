"""Energy meters: what each measures now, its device, and the station meter over three days."""

from __future__ import annotations

import htpy as h

from chargepoint.messages import DeviceState, MeterState
from chargepoint.rights import Right
from chargepoint.sample_history import KEPT_S, STEP_S
from webconfig.answers import Answer, Html
from webconfig.ask import Ask
from webconfig.charts import Level, Line, Span, lines_chart
from webconfig.layout import card, deed_button, facts, live, page
from webconfig.meter_history import MeterHistory
from webconfig.routes import Values, get

PATH = "/meters"
KEYS = ("link", "age", "energy", "power", "voltage", "current", "phase_power", "factor", "frequency", "errors")
SILENT_S = 5.0


async def meters(ask: Ask) -> Answer:
    """GET /meters."""
    found = ask.site.all_of("meter/", MeterState)
    values = await live_values(ask)
    return Html(
        page(
            ask,
            ask.text("meters.title"),
            h.link(rel="stylesheet", href="/static/charts.css"),
            [_card(ask, state, values) for state in found.values()] or h.p[ask.text("meters.none")],
            [_chart(ask, n, name, state) for n, (name, state) in enumerate(found.items()) if state.connector == 0],
            live=PATH,
        )
    )


def _card(ask: Ask, state: MeterState, values: Values) -> h.Node:
    device = ask.site.state(f"device/meter/{state.name}", DeviceState)
    where = ask.text("meters.connector", n=state.connector) if state.connector else ask.text("meters.station")
    rows: list[tuple[str, h.Node]] = [(ask.text("meters.measures"), where)]
    if device is not None:
        who = device.identity
        rows += [
            (ask.text("meters.model"), " ".join(filter(None, (who.vendor, who.model))) or device.driver),
            (ask.text("meters.serial"), who.serial or "–"),
            (ask.text("meters.port"), f"{device.port}, {device.address}"),
        ]
    rows += [(ask.text(f"meters.{key}"), _value(f"{state.name}.{key}", values)) for key in KEYS]
    return card(state.name, facts(rows), h.p[deed_button(ask, "test_meter", name=state.name)], id=f"meter-{state.name}")


def _value(key: str, values: Values) -> h.Node:
    return live(key, values.get(key, "–"), class_=values.get(f"{key}@class") or None)


def _chart(ask: Ask, n: int, name: str, state: MeterState) -> h.Node:
    history: MeterHistory = ask.site.part(MeterHistory)
    points = history.points(name)
    now_s = ask.site.context.clock.now().timestamp()
    line = Line(
        name=name,
        at_s=[at_s for at_s, _ in points],
        values=[power_w / 1000 for _, power_w in points],
        gap_s=3 * STEP_S,
    )
    limit_w = ask.site.context.settings.station.power_limit_w
    return lines_chart(
        f"meter{n}",
        ask.text("meters.chart", name=name),
        ask.text("meters.kw_unit"),
        [line],
        Span(max(now_s - KEPT_S, points[0][0] if points else 0.0), now_s),
        ask.words,
        levels=[Level(ask.text("meters.limit"), limit_w / 1000)],
        low=0.0,
        note="" if points else ask.text("meters.chart_none"),
    )


async def live_values(ask: Ask) -> Values:
    found: dict[str, str] = {}
    for name, state in ask.site.all_of("meter/", MeterState).items():
        found.update({f"{name}.{key}": text for key, text in _values(ask, state).items()})
    return found


def _values(ask: Ask, state: MeterState) -> dict[str, str]:
    words, text, reading = ask.words, ask.text, state.reading
    device = ask.site.state(f"device/meter/{state.name}", DeviceState)
    found = {"link": text("meters.never"), "age": "–"}
    if device is not None:
        errors = ", ".join(f"{key} {count}" for key, count in sorted(device.errors.items()))
        found["errors"] = f"{sum(device.errors.values())} / {device.requests}" + (f" ({errors})" if errors else "")
    if reading is None:
        return found
    age_s = max(0.0, ask.site.context.clock.mono() - state.mono_s)
    is_old = not state.is_answering or age_s > SILENT_S
    found["link"] = text("meters.silent", s=round(age_s)) if is_old else text("meters.answers")
    found["age"] = text("meters.seconds", s=round(age_s))
    energy_wh = state.energy_wh if state.energy_wh is not None else reading.energy_wh
    found["energy"] = text("meters.kwh", v=words.number(energy_wh / 1000, 2))
    found["power"] = text("meters.kw", v=words.number(reading.power_w / 1000, 2))
    volts, amps = reading.voltage_v, reading.current_a
    if volts is not None:
        found["voltage"] = text("meters.volts", v=" / ".join(words.number(each) for each in volts))
    if amps is not None:
        found["current"] = text("meters.amps", v=" / ".join(words.number(each, 2) for each in amps))
    if volts is not None and amps is not None:
        apparent = (v * a for v, a in zip(volts, amps, strict=True))
        found["phase_power"] = text("meters.va", v=" / ".join(words.number(each, 0) for each in apparent))
    if reading.power_factor is not None:
        found["factor"] = words.number(reading.power_factor, 3)
    if reading.frequency_hz is not None:
        found["frequency"] = text("meters.hz", v=words.number(reading.frequency_hz, 2))
    greys = {f"{key}@class": "soft" if is_old else "" for key in KEYS if key not in ("link", "errors")}
    return {**found, **greys, "link@class": "warn" if is_old else "good"}


ROUTES = (get(PATH, meters, Right.SEE, live=live_values),)
