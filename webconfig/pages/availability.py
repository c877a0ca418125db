"""Who is served: the station and each connector in or out of service, free mode, operating mode, restarts, clocks."""

from __future__ import annotations

import htpy as h

from chargepoint.messages import ConnectorState, StationState
from chargepoint.rights import Right
from chargepoint.vocabulary import ConnectorFlag
from webconfig.answers import Answer, Html
from webconfig.ask import Ask
from webconfig.layout import card, deed_button, facts, form, live, page, table
from webconfig.routes import Values, get

RESTARTS = (
    "restart_application", "reboot", "power_off", "restart_network", "reboot_all_controllers", "sync_all_clocks",
    "reload_configuration", "grant_access",
)  # fmt: skip


async def availability(ask: Ask) -> Answer:
    words, station = ask.words, ask.site.state("station", StationState)
    values = await availability_values(ask)
    is_operative = station is None or station.operative
    mode = station.mode.value if station else ""
    free = 0 if station is not None and station.free_mode else 1
    change = deed_button(ask, "operating_mode", mode=mode, edit=1)
    rows: list[tuple[str, h.Node]] = [
        (
            words("availability.service"),
            [
                live("station", values["station"]),
                " ",
                deed_button(ask, "out_of_service" if is_operative else "working"),
            ],
        ),
        (
            words("availability.free_mode"),
            [live("free", values["free"]), " ", deed_button(ask, "free_mode", on=free)],
        ),
        (words("overview.mode"), [live("mode", values["mode"]), " ", change]),
        (
            words("overview.activated"),
            [
                live("activated", values["activated"]),
                " ",
                deed_button(ask, "deactivate" if station is None or station.activated else "activate"),
            ],
        ),
    ]
    head = [words("overview.connectors"), words("availability.service"), words("availability.block"),
            words("availability.change")]  # fmt: skip
    connectors: list[tuple[h.Node, ...]] = []
    for state in ask.site.all_of("connector/", ConnectorState).values():
        n, is_blocked = state.number, ConnectorFlag.BLOCKED in state.flags
        connectors.append(
            (
                h.a(href=f"/connectors/{n}")[words("connectors.one", n=n)],
                live(f"c{n}.service", values[f"c{n}.service"]),
                live(f"c{n}.block", values[f"c{n}.block"]),
                h.div(".deeds")[
                    deed_button(
                        ask, "connector_out_of_service" if state.operative else "connector_working", connector=n
                    ),
                    deed_button(ask, "unblock", connector=n)
                    if is_blocked
                    else deed_button(ask, "block", connector=n, edit=1),
                ],
            )
        )
    return Html(
        page(
            ask,
            words("availability.title"),
            h.link(rel="stylesheet", href="/static/connectors.css"),
            card(words("availability.station"), facts(rows)),
            table(head, connectors, words("availability.connectors"), words("overview.no_connectors")),
            h.p,
            card(words("availability.restart"), h.div[(deed_button(ask, name) for name in RESTARTS)]),
            form(
                ask,
                "/deeds/emergency_stop",
                h.input(type="hidden", name="connector", value="0"),
                h.button({"class": "danger stop"}, type="submit")[words("overview.stop_all")],
            )
            if ask.may(Right.OPERATE)
            else None,
            crumbs=[(words("connectors.title"), "/connectors")],
            live="/availability",
        )
    )


async def availability_values(ask: Ask) -> Values:
    words, station = ask.words, ask.site.state("station", StationState)
    found = dict.fromkeys(("station", "free", "mode", "activated"), "–")
    if station is not None:
        found["station"] = words("availability.in_service" if station.operative else "availability.out")
        found["free"] = words("availability.free_on" if station.free_mode else "availability.free_off")
        found["mode"] = words.one_of("mode", station.mode.value)
        found["activated"] = words(f"overview.activated_{'yes' if station.activated else 'no'}")
    for state in ask.site.all_of("connector/", ConnectorState).values():
        n, is_blocked = state.number, ConnectorFlag.BLOCKED in state.flags
        found[f"c{n}.service"] = words("availability.in_service" if state.operative else "availability.out")
        found[f"c{n}.block"] = words("availability.blocked" if is_blocked else "availability.open")
    return found


ROUTES = (get("/availability", availability, Right.SEE, live=availability_values),)
