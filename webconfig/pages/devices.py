"""Ports and devices with their errors and latencies, who they are, and inputs and outputs with their wear."""

from __future__ import annotations

from collections.abc import Mapping

import htpy as h

from chargepoint.messages import DeviceState, InputState, InstalledState, OutputState, PortState
from chargepoint.rights import Right
from chargepoint.vocabulary import Cause
from webconfig.answers import Answer, Html
from webconfig.ask import Ask
from webconfig.layout import card, deed_button, live, page, table
from webconfig.routes import Values, get

PATH = "/devices"
PORT_KEYS = ("state", "requests", "answers", "error_pct", "errors", "p50", "p99", "load")
DEVICE_KEYS = ("link", "requests", "errors", "p50", "p99", "note")


async def devices(ask: Ask) -> Answer:
    """GET /devices."""
    values = await live_values(ask)
    return Html(
        page(
            ask,
            ask.text("devices.title"),
            _differences(ask),
            _ports(ask, values),
            _devices(ask, values),
            _inputs(ask, values),
            _outputs(ask, values),
            _frames(ask, values),
            live=PATH,
        )
    )


def _heads(ask: Ask, *keys: str) -> list[str]:
    return [ask.text(f"devices.{key}") for key in keys]


def _differences(ask: Ask) -> h.Node:
    state = ask.site.state("installed", InstalledState)
    if state is None or not state.differences:
        key = "same" if state is not None and state.is_complete else "incomplete"
        return h.p[ask.text(f"devices.{key}")]
    rows = []
    for n, line in enumerate(state.differences):
        told = state.told[n] if n < len(state.told) else None
        text, button = line, None
        if told is not None:
            name = f"{ask.words.one_of('kind', told.kind)} {told.name}"
            text = ask.text(f"differs.{told.key}", device=name, **told.values)
            deed = {"kind": told.kind, "name": told.name}
            button = deed_button(ask, "accept_devices", ask.text("devices.accept"), **deed)
        rows.append(h.li[text, " ", button if told is not None and told.key == "exchanged" else None])
    return card(
        ask.text("devices.differences"),
        h.ul[rows],
        deed_button(ask, "accept_devices", ask.text("devices.accept_all")),
        id="differences",
    )


def _ports(ask: Ask, values: Values) -> h.Node:
    ports = ask.site.all_of("port/", PortState)
    return table(
        _heads(ask, "port", "kind", *PORT_KEYS),
        (
            (
                h.a(href=f"#frames-{name}")[name] if port.frames else name,
                ask.words.one_of("kind", port.kind),
                *_cells(f"p.{name}", PORT_KEYS, values),
            )
            for name, port in ports.items()
        ),
        caption=ask.text("devices.ports"),
        empty="–",
    )


def _devices(ask: Ask, values: Values) -> h.Node:
    rows = []
    for place, device in ask.site.all_of("device/", DeviceState).items():
        who = device.identity
        known = " ".join(filter(None, (who.vendor, who.model, who.serial, who.firmware_version))) or "–"
        was = f" ({ask.text('devices.was', serial=device.expected_serial)})" if device.expected_serial else ""
        key = place.replace("/", "-")
        rows.append(
            (
                h.span(id=f"device-{key}")[f"{ask.words.one_of('kind', device.kind)} {device.name}"],
                device.driver,
                f"{device.port}, {device.address}",
                known + was,
                *_cells(f"d.{place}", DEVICE_KEYS, values),
            )
        )
    return table(
        _heads(ask, "device", "driver", "address", "identity", *DEVICE_KEYS),
        rows,
        caption=ask.text("devices.devices"),
        empty="–",
    )


def _inputs(ask: Ask, values: Values) -> h.Node:
    rows = [
        (
            name,
            ask.words.one_of("input", each.function.value),
            *_cells(f"i.{name}", ("state",), values),
            ", ".join(map(str, each.connectors)) or "–",
            deed_button(ask, "clear_input", name=name) if each.is_latched else None,
        )
        for name, each in ask.site.all_of("input/", InputState).items()
    ]
    heads = _heads(ask, "input", "function", "state", "connectors", "deeds")
    return table(heads, rows, caption=ask.text("devices.inputs")) if rows else None


def _outputs(ask: Ask, values: Values) -> h.Node:
    rows = [
        (
            name,
            ask.words.one_of("output", each.function.value),
            *_cells(f"o.{name}", ("state", "feedback", "wear", "fault"), values),
            deed_button(ask, "clear_output", name=name) if each.cause is not Cause.NONE else None,
        )
        for name, each in ask.site.all_of("output/", OutputState).items()
    ]
    heads = _heads(ask, "output", "function", "state", "feedback", "wear", "fault", "deeds")
    return table(heads, rows, caption=ask.text("devices.outputs")) if rows else None


def _frames(ask: Ask, values: Values) -> h.Node:
    ports = [(name, port) for name, port in ask.site.all_of("port/", PortState).items() if port.frames]
    return [
        h.details(id=f"frames-{name}")[
            h.summary[ask.text("devices.frames", name=name)],
            h.p(".hint")[ask.text("devices.frames_hint")],
            h.pre(tabindex="0")[live(f"p.{name}.frames", values.get(f"p.{name}.frames", ""))],
        ]
        for name, _ in ports
    ]


def _cells(prefix: str, keys: tuple[str, ...], values: Values) -> list[h.Node]:
    return [live(f"{prefix}.{key}", values.get(f"{prefix}.{key}", "–")) for key in keys]


# ---------------------------------------------------------------------------------------------------- live values


async def live_values(ask: Ask) -> Values:
    found: dict[str, str] = {}
    for name, port in ask.site.all_of("port/", PortState).items():
        found.update({f"p.{name}.{key}": text for key, text in _port(ask, port).items()})
    for place, device in ask.site.all_of("device/", DeviceState).items():
        found.update({f"d.{place}.{key}": text for key, text in _device(ask, device).items()})
    for name, each in ask.site.all_of("input/", InputState).items():
        found[f"i.{name}.state"] = _input(ask, each)
    for name, output in ask.site.all_of("output/", OutputState).items():
        found.update({f"o.{name}.{key}": text for key, text in _output(ask, output).items()})
    return found


def _port(ask: Ask, port: PortState) -> dict[str, str]:
    failed = port.no_answer + port.bad_frame
    state = ask.text("devices.open" if port.is_open else "devices.closed")
    return {
        "state": f"{state}: {port.error}" if port.error else state,
        "requests": str(port.requests),
        "answers": str(port.answers),
        "error_pct": "–" if not port.requests else f"{ask.words.number(100 * failed / port.requests, 2)} %",
        "errors": _errors({**port.errors, "no_answer": port.no_answer, "bad_frame": port.bad_frame}),
        **_latency(ask, port.p50_ms, port.p99_ms),
        "load": "–" if port.load_pct is None else f"{ask.words.number(port.load_pct, 0)} %",
        "frames": "\n".join(port.frames),
    }


def _device(ask: Ask, device: DeviceState) -> dict[str, str]:
    return {
        "link": ask.text("devices.answering" if device.is_answering else "devices.silent"),
        "requests": f"{device.answers} / {device.requests}",
        "errors": _errors(device.errors),
        **_latency(ask, device.p50_ms, device.p99_ms),
        "note": "; ".join(filter(None, (device.note, "" if device.is_answering else device.last_error))) or "–",
    }


def _errors(errors: Mapping[str, int]) -> str:
    return ", ".join(f"{key} {count}" for key, count in sorted(errors.items()) if count) or "0"


def _latency(ask: Ask, p50_ms: float | None, p99_ms: float | None) -> dict[str, str]:
    return {
        key: "–" if value is None else ask.text("devices.ms", v=ask.words.number(value))
        for key, value in (("p50", p50_ms), ("p99", p99_ms))
    }


def _input(ask: Ask, each: InputState) -> str:
    if each.is_active is None:
        return ask.text("devices.unknown")
    if each.is_latched and not each.is_active:
        return ask.text("devices.latched")
    return ask.text("devices.active" if each.is_active else "devices.quiet")


def _output(ask: Ask, each: OutputState) -> dict[str, str]:
    words = {None: "unknown", True: "on", False: "off"}
    wear = ask.text("devices.closings", n=each.operations)
    if each.operations_per_life:
        pct = round(100 * each.operations / each.operations_per_life)
        wear = ask.text("devices.of_life", n=each.operations, life=each.operations_per_life, pct=pct)
    return {
        "state": ask.text(f"devices.{words[each.is_on]}"),
        "feedback": "–" if each.feedback is None else ask.text(f"devices.{words[each.feedback]}"),
        "wear": wear,
        "fault": "–" if each.cause is Cause.NONE else ask.words.one_of("cause", each.cause.value),
    }


ROUTES = (get(PATH, devices, Right.SEE, live=live_values),)
