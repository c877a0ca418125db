"""What speaks against a draft on this station now, without its being wrong: a port that is not there, a device that
does not answer, a way to the server that anybody can read. Nothing is asked of any device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import htpy as h

from chargepoint.messages import DeviceState
from webconfig.ask import Ask
from webconfig.configuration.seen import Seen

KINDS = ("connector", "meter", "modules", "insulation", "io", "sensor", "light", "ups")
MOST = 30

Found = tuple[str, dict[str, str]]
"""Key of `config_live` and the values of its text."""


def live_findings(
    document: Mapping[str, Any], devices: Mapping[str, DeviceState], is_there: Callable[[str], bool]
) -> list[Found]:
    """`devices` by `KIND/NAME`, as they are told now; `is_there`: whether a device file is."""
    found: list[Found] = []
    for port in _items(document, "port"):
        device = port.get("device")
        if isinstance(device, str) and device.startswith("/") and not is_there(device):
            found.append(("no_port", {"name": str(port.get("name", "")), "device": device}))
    for kind in KINDS:
        for item in _items(document, kind):
            name = str(item.get("number" if kind == "connector" else "name", ""))
            state = devices.get(f"{kind}/{name}")
            if (
                state is None
                or state.port != item.get("port", "")
                or item.get("address", state.address) != state.address
            ):
                found.append(("not_asked", {"name": f"{kind} {name}"}))
            elif not state.is_answering:
                found.append(("silent", {"name": f"{kind} {name}", "port": state.port}))
    ocpp = document.get("ocpp")
    if isinstance(ocpp, Mapping) and str(ocpp.get("url", "")).startswith("ws://"):
        found.append(("plain_ws", {}))
    return found


def live_card(ask: Ask, now: Seen) -> h.Node:
    """The findings as lines; that all is well where there are none."""
    if now.document is None:
        return None
    devices = ask.site.all_of("device/", DeviceState)
    found = live_findings(now.document, devices, lambda path: Path(path).exists())
    return h.section(".card", id="live")[
        h.h2[ask.text("config_live.title")],
        h.ul[(h.li["⚠ ", ask.text(f"config_live.{key}", **values)] for key, values in found[:MOST])]
        if found
        else h.p(".good")["✓ ", ask.text("config_live.nothing")],
        h.p(".hint")[ask.text("config_live.about")],
    ]


def _items(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    items = document.get(name, [])
    return [each for each in items if isinstance(each, Mapping)] if isinstance(items, list) else []
