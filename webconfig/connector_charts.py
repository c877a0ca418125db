"""Charts of the session that runs at a connector: power with its limit, state of charge. All of them: /sessions/ID."""

from __future__ import annotations

import htpy as h

from chargepoint.messages import ReadHistory
from webconfig.answers import Problem
from webconfig.ask import Ask
from webconfig.charts import Area, Line, Span, lines_chart

WITHIN_S = 2.0
GAP_S = 60.0


async def running_charts(ask: Ask, session_id: int) -> h.Node:
    """As far as it has rows (one each 15 s); a sentence where there are none."""
    words = ask.words
    try:
        found = await ask.call("station", ReadHistory(session_id=session_id), WITHIN_S)
    except Problem as problem:
        return h.p(".soft")[problem.detail]
    rows = sorted((row for row in found.rows if row.moment.at is not None), key=lambda row: row.moment.mono_s)
    times = [row.moment.at.timestamp() for row in rows if row.moment.at is not None]
    if len(times) < 2:
        return h.p(".soft")[words("connectors.no_rows")]
    span = Span(times[0], times[-1])

    def scaled(values: list[float | None]) -> list[float | None]:
        return [None if value is None else value / 1000 for value in values]

    power = Line(
        name=words("history.power"), at_s=times, values=scaled([row.power_w for row in rows]), gap_s=GAP_S
    )  # fmt: skip
    limit = Area(
        name=words("connectors.resulting"), at_s=times, values=scaled([row.limit_power_w for row in rows]), style=3,
        is_step=True, gap_s=GAP_S,
    )  # fmt: skip
    charge = Line(name=words("history.soc"), at_s=times, values=[row.soc_pct for row in rows], style=1, gap_s=GAP_S)
    charts: list[h.Node] = [
        lines_chart("power", words("history.panel_power"), "kW", [limit, power], span, words, low=0.0, link="session")
    ]
    if any(row.soc_pct is not None for row in rows):
        charts.append(
            lines_chart(
                "soc", words("history.panel_soc"), "%", [charge], span, words, low=0.0, high=100.0, link="session"
            )
        )
    return charts
