"""The first page: the station, its connectors, what is wrong."""

from __future__ import annotations

import htpy as h

from chargepoint.messages import ConnectorState, StationState
from chargepoint.rights import Right
from webconfig.answers import Answer, Html
from webconfig.ask import Ask
from webconfig.layout import card, entries_for, facts, live, page
from webconfig.routes import Values, get


async def dashboard(ask: Ask) -> Answer:
    values = await dashboard_values(ask)
    station = ask.site.state("station", StationState)
    numbers = sorted(station.connectors) if station else []
    return Html(
        page(
            ask,
            ask.text("dashboard.title"),
            h.div(".tiles")[
                (
                    h.a(".tile", href=f"/connectors/{n}")[
                        h.h2[ask.text("dashboard.connector", n=n)],
                        facts(
                            [
                                (ask.text("dashboard.status"), live(f"c{n}.status", values.get(f"c{n}.status", "–"))),
                                (ask.text("dashboard.power"), live(f"c{n}.power", values.get(f"c{n}.power", "–"))),
                            ]
                        ),
                    ]
                    for n in numbers
                )
            ],
            live="/",
        )
    )


async def dashboard_values(ask: Ask) -> Values:
    found: dict[str, str] = {}
    for n, state in ask.site.all_of("connector/", ConnectorState).items():
        found[f"c{n}.status"] = ask.words.one_of("cs", state.status.value)
        found[f"c{n}.power"] = (
            f"{ask.words.number((state.power_w or 0) / 1000)} kW" if hasattr(state, "power_w") else "–"
        )
    return found


async def more(ask: Ask) -> Answer:
    """All pages as a list, for the phone."""
    return Html(
        page(
            ask,
            ask.text("nav.more"),
            card(
                "",
                h.ul(".links")[
                    (
                        h.li[h.a(href=entry.path)[ask.text(f"nav.{entry.name}")]]
                        for entry in entries_for(ask)
                    )
                ],
            ),
        )
    )


ROUTES = (
    get("/", dashboard, Right.SEE, live=dashboard_values),
    get("/more", more, Right.SEE, is_safe_mode=True),
)
