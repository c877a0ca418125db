"""Climate of the cabinet: zones, what is switched because of them, three days of each sensor, thresholds."""

from __future__ import annotations

import htpy as h
import msgspec

from chargepoint.messages import ClimatePage, ClimateSensorState, ClimateState, ReadClimate
from chargepoint.rights import Right
from webconfig.answers import Answer, Html, Problem
from webconfig.ask import Ask
from webconfig.charts import Line, Span, lines_chart
from webconfig.layout import card, facts, live, page, table
from webconfig.routes import Values, get

PATH = "/climate"
DAYS_S = 3 * 86_400
FACTS = ("state", "why", "relay", "heaters", "fans")
GAP_S = 900.0


async def climate(ask: Ask) -> Answer:
    """GET /climate."""
    state = ask.site.state("climate", ClimateState)
    values = await live_values(ask)

    def cell(key: str) -> h.Node:
        return live(key, values.get(key, "–"))

    if state is None:
        return Html(page(ask, ask.text("climate.title"), h.p[ask.text("climate.none")], _thresholds(ask)))
    return Html(
        page(
            ask,
            ask.text("climate.title"),
            h.link(rel="stylesheet", href="/static/charts.css"),
            card("", facts((ask.text(f"climate.{key}"), cell(f"cl.{key}")) for key in FACTS)),
            table(
                [ask.text(f"climate.{key}") for key in ("zone", "sensor", "temperature", "humidity", "link")],
                (
                    (ask.text(f"climate.{each.zone.value}"), each.name,
                     *(cell(f"s.{each.name}.{key}") for key in ("t", "h", "link")))
                    for each in state.sensors
                ),
                caption=ask.text("climate.zones"),
            ),
            await _charts(ask, state),
            _thresholds(ask),
            live=PATH,
        )
    )  # fmt: skip


async def live_values(ask: Ask) -> Values:
    state = ask.site.state("climate", ClimateState)
    if state is None:
        return {}
    text = ask.text
    word = text("climate.stops") if state.stops else text("climate.ok")
    if not state.stops and state.power_pct < 100:
        word = text("climate.lowered", v=ask.words.number(state.power_pct, 0))
    relay = {None: "absent", True: "on", False: "off"}[state.main_relay]

    def zones(found: tuple[str, ...]) -> str:
        return ", ".join(text(f"climate.{each}") for each in found) or text("climate.off")

    values = {
        "cl.state": word,
        "cl.why": state.why or "–",
        "cl.relay": text(f"climate.{relay}"),
        "cl.heaters": zones(tuple(each.value for each in state.heaters)),
        "cl.fans": zones(tuple(each.value for each in state.fans)),
    }
    for each in state.sensors:
        values.update(_sensor(ask, each))
    return values


def _sensor(ask: Ask, each: ClimateSensorState) -> dict[str, str]:
    temperature = each.temperature_c if each.is_answering else None
    humidity = each.humidity_pct if each.is_answering else None
    return {
        f"s.{each.name}.t": "–" if temperature is None else f"{ask.words.number(temperature)} °C",
        f"s.{each.name}.h": "–" if humidity is None else f"{ask.words.number(humidity, 0)} %",
        f"s.{each.name}.link": ask.text("climate.answers" if each.is_answering else "climate.silent"),
    }


async def _charts(ask: Ask, state: ClimateState) -> h.Node:
    pages: list[tuple[ClimateSensorState, ClimatePage]] = []
    for each in state.sensors:
        try:
            pages.append((each, await ask.call("station", ReadClimate(sensor=each.name))))
        except Problem as problem:
            return card(ask.text("climate.three_days"), h.p(".soft")[problem.detail])
    now_s = ask.site.context.clock.now().timestamp()
    span = Span(now_s - DAYS_S, now_s)

    def lines(key: str) -> list[Line]:
        return [
            Line(
                name=f"{ask.text(f'climate.{each.zone.value}')} ({each.name})",
                short=ask.text(f"climate.{each.zone.value}")[:6],
                at_s=[point.at.timestamp() for point in found.points],
                values=[getattr(point, key) for point in found.points],
                style=n % 8,
                gap_s=GAP_S,
            )
            for n, (each, found) in enumerate(pages)
        ]

    none = "" if any(found.points for _, found in pages) else ask.text("climate.chart_none")
    return card(
        ask.text("climate.three_days"),
        lines_chart("climatet", ask.text("climate.chart_t"), "°C", lines("temperature_c"), span, ask.words, note=none,
                    link="climate"),
        lines_chart("climateh", ask.text("climate.chart_h"), "%", lines("humidity_pct"), span, ask.words, note=none,
                    link="climate", low=0.0, high=100.0),
    )  # fmt: skip


def _thresholds(ask: Ask) -> h.Node:
    """The settings of [climate] as they are."""
    settings = msgspec.to_builtins(ask.site.context.settings.climate)
    rows = [(h.code[key], "–" if value is None else str(value)) for key, value in settings.items()]
    return card(
        ask.text("climate.thresholds"),
        table([ask.text("climate.setting"), ask.text("climate.value")], rows, caption=ask.text("climate.thresholds")),
        h.p[h.a(".button", href="/config?section=climate")[ask.text("climate.to_config")]]
        if ask.may(Right.CONFIGURE)
        else None,
    )


ROUTES = (get(PATH, climate, Right.SEE, live=live_values, live_s=5.0),)
