"""The parts of the network page."""

from __future__ import annotations

import htpy as h

from chargepoint.config import Settings
from chargepoint.messages import NetworkDevice, NetworkPage, NetworkTrial
from chargepoint.rights import Right
from webconfig.ask import Ask
from webconfig.layout import card, facts, form, live, table
from webconfig.machine import kernel
from webconfig.machine.asking import reason


def dash(text: str) -> str:
    return text or "–"


def state(ask: Ask, word: str) -> str:
    return ask.words.one_of("network_state", word)


def kind(ask: Ask, word: str) -> str:
    return ask.words.one_of("network_kind", word)


def speed(ask: Ask, device: NetworkDevice) -> str:
    """Speed of a cable, strength of a radio link."""
    if device.has_carrier is False:
        return ask.text("network.no_cable")
    if device.speed_mbps is not None:
        return f"{device.speed_mbps} Mbit/s"
    if device.strength_pct is not None:
        return f"{device.ssid} · {device.strength_pct} %"
    return "–"


def trial_card(ask: Ask, trial: NetworkTrial | None) -> h.Node:
    """The change that waits for Keep, with its countdown; or what became of the last one."""
    if trial is None:
        return None
    if trial.outcome != "pending":
        key = f"network.trial_{trial.outcome}"
        return h.p(".notice", data_live="trial")[ask.text(key, device=trial.device, by=trial.by, words=trial.words)]
    may = ask.may(Right.CONFIGURE)
    link = f"https://{_in_link(trial.address)}/network" if trial.address else ""
    return h.section(".card.pending", aria_labelledby="pending-title", data_pending="1")[
        h.h2("#pending-title")[ask.text("network.pending")],
        h.p[ask.text("network.pending_words", device=trial.device, by=trial.by, words=trial.words)],
        h.p(role="timer")[
            ask.text("network.left"), " ", h.strong(".count", data_live="left")[left(trial)], " ", ask.text("network.s")
        ],
        h.p[ask.text("network.new_address"), " ", h.a(href=link)[link]] if link else None,
        h.div(".row")[
            form(ask, "/network/keep", h.button(".main", type="submit")[ask.text("network.keep")]),
            form(ask, "/network/undo", h.button(type="submit")[ask.text("network.undo")]),
        ]
        if may
        else None,
    ]


def _in_link(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def left(trial: NetworkTrial | None) -> str:
    return str(round(trial.left_s)) if trial and trial.outcome == "pending" else "0"


def devices_table(ask: Ask, told: NetworkPage) -> h.Node:
    names = ("device", "state", "addresses", "gateway", "dns", "speed", "change")
    may = ask.may(Right.CONFIGURE)
    return table(
        [ask.text(f"network.c_{name}") for name in names],
        (
            (
                h.span[
                    h.strong[one.name], h.br, kind(ask, one.kind), f" · {ask.text('network.main')}"
                    if one.is_default else None,
                ],
                live(f"{one.name}.state", state(ask, one.state)),
                live(f"{one.name}.addresses", dash(", ".join(one.addresses))),
                live(f"{one.name}.gateways", dash(", ".join(one.gateways))),
                live(f"{one.name}.dns", dash(", ".join(one.dns))),
                live(f"{one.name}.speed", speed(ask, one)),
                h.a(".button", href=f"/network/devices/{one.name}")[ask.text("network.c_change")]
                if may and one.kind in ("ethernet", "wifi", "modem") and one.state != "unmanaged"
                else "–",
            )
            for one in told.devices
        ),
        caption=ask.text("network.devices"),
        empty=ask.text("network.no_devices"),
    )  # fmt: skip


def kernel_table(ask: Ask) -> h.Node:
    """What is known without NetworkManager."""
    return table(
        [ask.text("network.c_device"), ask.text("network.c_addresses")],
        ((name, dash(", ".join(addresses))) for name, addresses in kernel.interfaces().items()),
        caption=ask.text("network.of_kernel"),
        empty=ask.text("network.no_devices"),
    )


def modems_card(ask: Ask, told: NetworkPage) -> h.Node:
    if not told.modems:
        return card(
            ask.text("network.modems"), h.p(".soft")[reason(ask, told.modem_reason) or ask.text("network.no_modem")]
        )
    return card(
        ask.text("network.modems"),
        (
            facts(
                [
                    (ask.text("network.modem"), dash(one.name)),
                    (ask.text("network.c_state"), live(f"modem{n}.state", modem_state(ask, told, n))),
                    (ask.text("network.signal"), live(f"modem{n}.signal", percent(one.signal_pct))),
                    (ask.text("network.operator"), live(f"modem{n}.operator", operator(one.operator, one.technology))),
                    (ask.text("network.apn"), dash(one.apn)),
                    (ask.text("network.sim"), sim(one.sim, one.sim_slot, one.sim_slots)),
                ]
            )
            for n, one in enumerate(told.modems)
        ),
    )


def modem_state(ask: Ask, told: NetworkPage, n: int) -> str:
    one = told.modems[n]
    words = [ask.words.one_of("network_modem", one.state), ask.words.one_of("network_modem", one.registration)]
    words += [ask.text("network.needs", what=one.needs)] if one.needs else []
    return dash(", ".join(word for word in words if word))


def percent(value: int | None) -> str:
    return "–" if value is None else f"{value} %"


def operator(name: str, technology: str) -> str:
    return dash(" · ".join(part for part in (name, technology) if part))


def sim(number: str, slot: int, slots: int) -> str:
    return dash(" · ".join(part for part in (f"SIM {slot}/{slots}" if slot and slots else "", number) if part))


def tunnels_card(ask: Ask, told: NetworkPage) -> h.Node:
    return card(
        ask.text("network.tunnels"),
        table(
            [ask.text("network.c_device"), ask.text("network.c_state"), ask.text("network.c_addresses")],
            (
                (f"{one.name} ({one.kind})", state(ask, one.state), dash(", ".join(one.addresses)))
                for one in told.tunnels
            ),
            empty=ask.text("network.no_tunnel"),
        ),
    )


def doors_card(ask: Ask, settings: Settings) -> h.Node:
    """Which ports are open where, and what stands before them."""
    web = settings.web
    found = kernel.listeners()
    inside = sum(_is_inside(one.address) for one in found)
    ours = {port: ask.text("network.port_web") for port in (web.http_port, web.https_port) if port}
    rows = [
        (str(one.port), one.address if one.address not in ("0.0.0.0", "::") else ask.text("network.everywhere"),  # noqa: S104
         ours.get(one.port, ask.text("network.port_other")))
        for one in found
        if not _is_inside(one.address)
    ]  # fmt: skip
    return card(
        ask.text("network.doors"),
        h.p[ask.text("network.doors_web", ports=f"{web.http_port}, {web.https_port}")],
        h.p[ask.text("network.doors_own", addresses=", ".join(web.addresses))]
        if web.addresses
        else h.p[ask.text("network.doors_mobile")],
        h.p(".soft")[ask.text("network.doors_firewall")],
        table(
            [ask.text("network.port"), ask.text("network.c_addresses"), ask.text("network.who")],
            rows,
            caption=ask.text("network.listening"),
            empty=ask.text("network.no_listening"),
        ),
        h.p(".soft")[ask.text("network.inside", n=inside)] if inside else None,
        facts([(ask.text("network.proxy"), settings.ocpp.proxy or ask.text("network.no_proxy"))]),
    )


def _is_inside(address: str) -> bool:
    """Only programs of this computer reach it."""
    return address.startswith("127.") or address in ("::1", "::ffff:127.0.0.1")
