"""Rules of a station file about the cabinet: inputs, outputs, contactors, sockets, climate, lights, supplies."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from chargepoint.config_channels import channels
from chargepoint.config_drivers import fail_safe_of
from chargepoint.config_faults import Fault, listed, shown
from chargepoint.config_sections import Document, Section
from chargepoint.vocabulary import ConnectorType, FailSafe, InputFunction, OutputFunction
from drivers import loading

MOST_DEBOUNCE_S = 0.1
"""Of an emergency stop."""
SOCKET = "socket"
"""The driver of household sockets."""
CARRIES_CURRENT = frozenset({OutputFunction.CONTACTOR, OutputFunction.SOCKET})
IN_A_ZONE = frozenset({OutputFunction.HEATER, OutputFunction.FAN})
OF_A_CONNECTOR = frozenset(
    {OutputFunction.LIGHT_RED, OutputFunction.LIGHT_GREEN, OutputFunction.LIGHT_BLUE, OutputFunction.BUZZER}
)

PARTS: dict[str, tuple[str, InputFunction | OutputFunction]] = {
    "relay": ("output", OutputFunction.SOCKET),
    "lid": ("input", InputFunction.LID),
    "breaker": ("input", InputFunction.RESIDUAL_CURRENT),
}
"""Options of a socket that name a part, and what that part has to be."""


def cabinet(document: Document) -> Iterator[Fault]:
    """All rules below."""
    for rule in (
        channels,
        inputs,
        outputs,
        feedbacks,
        contactors,
        sockets,
        connectors_named,
        climate,
        lights,
        supplies,
    ):
        yield from rule(document)


def _named(document: Document, kind: str, name: str) -> Section | None:
    return next((section for section in document.many(kind) if name and section.text("name") == name), None)


def inputs(document: Document) -> Iterator[Fault]:
    """Who presses the button does not wait."""
    for section in document.many("input"):
        found = section.settings
        is_button = found is not None and found.function is InputFunction.EMERGENCY_STOP
        if found is not None and is_button and (found.debounce_s or 0.0) > MOST_DEBOUNCE_S:
            remedy = f"Remove it, or set it to at most {MOST_DEBOUNCE_S:g}."
            yield document.fault(section, "debounce_s", "whoever presses an emergency stop does not wait", remedy)
        if found is None:
            continue
        lowers = found.function is InputFunction.POWER_REDUCTION
        if lowers and found.limit_w is None:
            reason = "it is active while the station is to draw less, and nothing says how much that is"
            yield document.fault(section, "limit_w", reason, "Add limit_w: what the station may draw meanwhile, in W.")
        elif found.limit_w is not None and not lowers:
            yield document.fault(section, "limit_w", "only a power_reduction lowers the power", "Remove it.")


def outputs(document: Document) -> Iterator[Fault]:
    """An output has the keys of its function only."""
    for section in document.many("output"):
        output = section.settings
        if output is None:
            continue
        if output.inverted and output.function in CARRIES_CURRENT:
            yield document.fault(
                section,
                "inverted",
                "it would close when its I/O module fails",
                "Wire it so that the output on closes it, and set inverted = false.",
            )
        if output.zone is not None and output.function not in IN_A_ZONE:
            yield document.fault(section, "zone", "only heaters and fans work in a zone", "Remove it.")
        elif output.zone is not None and not output.zone.decides:
            yield document.fault(
                section,
                "zone",
                f"{output.zone} only informs, it switches nothing",
                "Set front or rear, or leave it out.",
            )
        if output.connector and output.function not in OF_A_CONNECTOR:
            yield document.fault(section, "connector", "only lamps and buzzers belong to a connector", "Remove it.")
        for key in ("feedback", "operations_per_life"):
            if getattr(output, key) and output.function not in CARRIES_CURRENT:
                yield document.fault(section, key, "only contactors and sockets have it", "Remove it.")


def feedbacks(document: Document) -> Iterator[Fault]:
    """An auxiliary contact belongs to one contactor, and each is named by one."""
    used: dict[str, str] = {}
    for section in document.many("output"):
        name = section.text("feedback")
        contact = _named(document, "input", name)
        if contact is None:
            continue
        if contact.settings is not None and contact.settings.function is not InputFunction.CONTACTOR_FEEDBACK:
            yield document.fault(
                section,
                "feedback",
                f"{contact.where} is of function {contact.settings.function}",
                'Name an [[input]] of function "contactor_feedback".',
            )
        elif name in used:
            yield document.fault(
                section, "feedback", f"it is the contact of {used[name]} already", "Name this one's own contact."
            )
        used.setdefault(name, section.where)
    for section in document.many("input"):
        is_contact = section.settings is not None and section.settings.function is InputFunction.CONTACTOR_FEEDBACK
        if is_contact and section.text("name") not in used:
            yield document.fault(
                section,
                "function",
                "no [[output]] names it as its feedback, so nobody would look at it",
                f"Set feedback = {shown(section.text('name'))} at its contactor.",
            )


def contactors(document: Document) -> Iterator[Fault]:
    """A contactor is closed for one connector; each is named by one, each socket relay by one socket."""
    used: dict[str, str] = {}
    for connector in document.many("connector"):
        name = connector.text("contactor")
        output = _named(document, "output", name)
        if output is None:
            continue
        if output.settings is not None and output.settings.function is not OutputFunction.CONTACTOR:
            yield document.fault(
                connector,
                "contactor",
                f"{output.where} is of function {output.settings.function}",
                'Name an [[output]] of function "contactor".',
            )
        elif name in used:
            yield document.fault(
                connector, "contactor", f"{used[name]} has it already", "Name the contactor of this connector."
            )
        elif connector.text("driver") == SOCKET:
            yield document.fault(
                connector, "contactor", "a socket is switched by its relay (options.relay)", "Remove it."
            )
        used.setdefault(name, connector.where)
    for switch in document.many("switch"):
        used.setdefault(switch.text("output"), switch.where)
    for section in document.many("output"):
        if section.settings is None or section.settings.function not in CARRIES_CURRENT:
            continue
        name, is_contactor = section.text("name"), section.settings.function is OutputFunction.CONTACTOR
        if name not in (used if is_contactor else _relays(document)):
            remedy = f"Set {'contactor' if is_contactor else 'options.relay'} = {shown(name)} at its connector."
            yield document.fault(section, "function", "no [[connector]] names it, so nobody would close it", remedy)


def _relays(document: Document) -> list[str]:
    return [_option(connector, "relay") for connector in _sockets(document)]


def _sockets(document: Document) -> list[Section]:
    return [connector for connector in document.many("connector") if connector.text("driver") == SOCKET]


def _option(connector: Section, key: str) -> str:
    options = connector.raw.get("options", {})
    value = options.get(key, "") if isinstance(options, dict) else ""
    return value if isinstance(value, str) else ""


def sockets(document: Document) -> Iterator[Fault]:
    """The parts of a socket are there and are what they have to be; what opens when this software dies, too."""
    relays: dict[str, str] = {}
    for connector in _sockets(document):
        for key, (kind, function) in PARTS.items():
            yield from _part(document, connector, key, kind, function)
        relay = _option(connector, "relay")
        if relay and relay in relays:
            yield _at_option(
                document, connector, "relay", f"it switches {relays[relay]} already", "Name its own relay."
            )
        relays.setdefault(relay, connector.where)
        yield from _relay_opens(document, connector, relay)
        settings = connector.settings
        if settings is None:
            continue
        if settings.type is not ConnectorType.SCHUKO:
            yield document.fault(connector, "type", "this driver is for household sockets", 'Set type = "SCHUKO".')
        if settings.min_current_a != settings.max_current_a:
            yield document.fault(
                connector,
                "min_current_a",
                "a socket gives its rated current or nothing, and cannot limit it",
                f"Set min_current_a = {settings.max_current_a:g}, as max_current_a.",
            )


def _part(
    document: Document, connector: Section, key: str, kind: str, function: InputFunction | OutputFunction
) -> Iterator[Fault]:
    name = _option(connector, key)
    if not name or not document.is_list(kind):
        return
    part = _named(document, kind, name)
    if part is None:
        known = sorted({section.text("name") for section in document.many(kind)} - {""})
        remedy = f"Name one of {listed(known)}, or add it." if known else f"Add a [[{kind}]] section with this name."
        yield _at_option(document, connector, key, f"there is no [[{kind}]] of this name", remedy)
    elif part.settings is not None and part.settings.function is not function:
        yield _at_option(
            document,
            connector,
            key,
            f"{part.where} is of function {part.settings.function}",
            f'Name an [[{kind}]] of function "{function}".',
        )
    elif key == "breaker" and part.settings is not None:
        number, stops = connector.number("number"), part.settings.connectors
        if stops and number is not None and number not in stops:
            yield _at_option(
                document,
                connector,
                key,
                f"{part.where} does not stop this connector",
                f"Add {number} to its connectors.",
            )


def _relay_opens(document: Document, connector: Section, relay: str) -> Iterator[Fault]:
    if connector.raw.get("accept_no_fail_safe"):
        return
    output = _named(document, "output", relay)
    io = None if output is None else _named(document, "io", output.text("io"))
    if io is None:
        return
    try:
        opens = fail_safe_of(loading.load("io", io.text("driver"))) is FailSafe.OPENS
    except (loading.UnknownDriver, ImportError):
        return
    if not opens:
        yield _at_option(
            document,
            connector,
            "relay",
            f"{io.where} keeps its outputs when this software dies",
            "Wire the relay to an I/O module with a watchdog, or set accept_no_fail_safe = true for the lower class.",
        )


def _at_option(document: Document, connector: Section, key: str, reason: str, remedy: str) -> Fault:
    found = shown(_option(connector, key))
    return Fault(f"{connector.where}, options.{key}", found, reason, remedy, document.file)


def connectors_named(document: Document) -> Iterator[Fault]:
    """Inputs, lamps and segments of lights name connectors that exist."""
    numbers = (section.number("number") for section in document.many("connector"))
    known = {number for number in numbers if number is not None}
    if not known:
        return
    for kind, key in (("input", "connectors"), ("light", "segments"), ("output", "connector")):
        for section in document.many(kind):
            value = getattr(section.settings, key, None)
            named = value if isinstance(value, tuple) else (value,) if value else ()
            absent = [number for number in named if number not in known]
            if absent:
                yield document.fault(
                    section, key, f"there is no [[connector]] {listed(absent)}", f"There are {listed(sorted(known))}."
                )


def climate(document: Document) -> Iterator[Fault]:
    """Thresholds rise from cold to hot with room for the hysteresis; who heats or blows has somebody who measures."""
    section = document.one("climate")
    found = section.settings
    if found is not None:
        order = ("main_off_below_c", "heat_below_c", "fan_above_c", "derate_above_c", "stop_above_c")
        for lower, upper in pairwise(order):
            low, high = getattr(found, lower), getattr(found, upper)
            least = found.hysteresis_k if lower == "heat_below_c" else 0.0
            if not low + least < high:
                room = f" by more than hysteresis_k ({found.hysteresis_k:g})" if least else ""
                yield document.fault(
                    section, upper, f"it is not above {lower} ({low:g}){room}", f"Set it higher, or {lower} lower."
                )
    measured = {sensor.settings.zone for sensor in document.many("sensor") if sensor.settings is not None}
    if any(sensor.settings is None for sensor in document.many("sensor")):
        return
    for output in document.many("output"):
        settings = output.settings
        if settings is None or settings.function not in IN_A_ZONE:
            continue
        if settings.zone is not None and settings.zone.decides and settings.zone not in measured:
            yield document.fault(
                output, "zone", "no [[sensor]] measures there", f"Add one with zone = {shown(settings.zone.value)}."
            )
        elif settings.zone is None and not any(zone.decides for zone in measured):
            yield document.fault(
                output, "function", "no [[sensor]] measures in zone front or rear", "Add one, or it will never run."
            )


def lights(document: Document) -> Iterator[Fault]:
    """A strip has a light for each of its segments, and each connector one segment."""
    count = len(document.many("connector"))
    for section in document.many("light"):
        light = section.settings
        if light is None:
            continue
        if len(set(light.segments)) < len(light.segments):
            yield document.fault(section, "segments", "a connector stands there twice", "Name each once.")
        if light.pixels < (len(light.segments) or count):
            yield document.fault(
                section, "pixels", "there are fewer lights than segments", "Correct it, or name fewer segments."
            )


def supplies(document: Document) -> Iterator[Fault]:
    """Charges end before the station is shut down; a server of supplies does not listen where Modbus devices do."""
    for section in document.many("ups"):
        port = _named(document, "port", section.text("port"))
        if port is not None and port.text("kind") == "tcp" and "port" not in port.raw:
            remedy = "Set port = 3493, where upsd listens, or as its upsd.conf says."
            yield document.fault(port, "port", f"{section.where} is there, and 502 is the port of Modbus", remedy)
        ups = section.settings
        if ups is not None and ups.off_after_s < ups.stop_after_s:
            yield document.fault(
                section,
                "off_after_s",
                f"charges would end only afterwards (stop_after_s = {ups.stop_after_s:g})",
                "Set it to more than stop_after_s.",
            )
