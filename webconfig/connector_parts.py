"""The parts of a connector's page as named values: what is general, what its session and its vehicle say now."""

from __future__ import annotations

from chargepoint.config import ConnectorSettings
from chargepoint.messages import DeviceState, PowerState
from webconfig.ask import Ask
from webconfig.connector_now import ConnectorNow
from webconfig.spans import each, kw, kwh, span, with_unit
from webconfig.words import Words

SUSPENDED = {"ev": "connectors.suspended_ev", "evse": "connectors.suspended_evse"}
DASH = "–"


def fitted(ask: Ask, number: int) -> ConnectorSettings | None:
    """What the station file says of it."""
    return next((one for one in ask.site.context.settings.connector if one.number == number), None)


def device(ask: Ask, number: int) -> DeviceState | None:
    """Its controller as a device."""
    return ask.site.state(f"device/connector/{number}", DeviceState)


def general(ask: Ask, number: int, now: ConnectorNow | None) -> dict[str, str]:
    """Key of `connectors.KEY` -> value: what it is, how it stands, its limits."""
    words, file, own = ask.words, fitted(ask, number), device(ask, number)
    identity = own.identity if own is not None else None
    found = dict.fromkeys(
        (
            "type", "current_kind", "address", "status", "controller_status", "ocpp_status", "cause", "availability",
            "resulting", "granted", "hardware_limit", "configured_limit", "session_wh", "meter", "meter_wh", "flags",
            "hardware_flags", "config_flags", "start_flags", "reserved_until", "serial", "firmware", "hardware",
            "build_date", "age",
        ),
        DASH,
    )  # fmt: skip
    if file is not None:
        found["type"] = file.type.value
        found["current_kind"] = file.type.power_type.value
        found["address"] = ", ".join(
            str(part) for part in (file.driver, file.port, file.address) if part not in ("", None)
        )
        found["hardware_limit"] = f"{with_unit(words, file.max_current_a, 'A', 0)}, {kw(words, file.max_power_w)}"
        found["configured_limit"] = kw(words, file.user_limit_w)
        found["start_flags"] = f"0x{file.start_flags:04X}"
        found["config_flags"] = words.one_of("fl", "IGNORE_EV_CONNECTED") if file.ignore_ev_connected else DASH
        found["meter"] = file.meter or DASH
    if identity is not None:
        found["serial"] = identity.serial or DASH
        found["firmware"] = identity.firmware_version or DASH
        found["hardware"] = f"{identity.vendor} {identity.model} {identity.hardware_version}".strip() or DASH
        found["build_date"] = identity.build_date or DASH
    if now is not None:
        found |= _general_now(ask, now)
    return found


def _general_now(ask: Ask, now: ConnectorNow) -> dict[str, str]:
    words = ask.words
    said = next((words(f"{s}.{now.cause}") for s in ("cause", "input") if words.has(f"{s}.{now.cause}")), now.cause)
    codes = ", ".join(part for part in (said, now.vendor_error_code) if part and part != "none")
    return {
        "type": now.type,
        "current_kind": now.power_type,
        "status": words.one_of("cstatus", now.status),
        "controller_status": f"{now.controller_status.partition('_')[0]} · {words.one_of('cs', now.controller_status)}",
        "ocpp_status": now.ocpp_status,
        "cause": codes or DASH,
        "availability": words("connectors.operative" if now.operative else "connectors.inoperative"),
        "resulting": _limit(words, now.limit_w, now.limit_a, now.limit_source),
        "granted": _limit(words, now.granted_w, now.granted_a, now.granted_source),
        "session_wh": kwh(words, now.session.energy_wh if now.session is not None else None, 3),
        "meter_wh": kwh(words, now.meter_wh, 3),
        "flags": ", ".join(words.one_of("fl", flag) for flag in now.flags) or DASH,
        "hardware_flags": ", ".join(words.one_of("fl", flag) for flag in now.hardware_flags) or DASH,
        "reserved_until": words.time(now.reserved_until),
        "age": with_unit(words, now.age_s, "s"),
    }


def session(ask: Ask, now: ConnectorNow | None) -> dict[str, str]:
    """Key of `connectors.KEY` -> value: what flows, what the vehicle asks for, why it is so much."""
    words = ask.words
    found = dict.fromkeys(
        (
            "session", "voltage", "current", "power", "session_wh", "elapsed", "remaining", "soc", "battery",
            "requested", "phases", "module_c", "started_by", "why",
        ),
        DASH,
    )  # fmt: skip
    if now is None:
        return found
    running = now.session
    notes = [words("connectors.waits")] if now.waiting_for_ev else []
    notes += [words(SUSPENDED[now.suspended_by])] if now.suspended_by in SUSPENDED else []
    notes += [words("connectors.tested")] if now.is_tested else []
    if running is not None:
        notes.insert(0, f"{running.id} · {words.one_of('session_state', running.state)}")
        source = words.one_of("start_source", running.start_source) if running.start_source else ""
        found["started_by"] = " · ".join(part for part in (running.started_by, source) if part) or DASH
        found["session_wh"] = kwh(words, running.energy_wh, 3)
        found["elapsed"] = span(words, running.elapsed_s)
        found["remaining"] = span(words, now.remaining_s)
    asked = [
        with_unit(words, value, unit)
        for value, unit in ((now.requested_voltage_v, "V"), (now.requested_current_a, "A"))
        if value is not None
    ]
    metered = [each(words, now.meter_voltage_v, "V"), each(words, now.meter_current_a, "A")]
    begun = running.soc_start_pct if running is not None else None
    soc = DASH if now.soc_pct is None else f"{words.number(now.soc_pct, 0)} %"
    return found | {
        "session": " · ".join(notes) or words("connectors.no_session"),
        "voltage": with_unit(words, now.voltage_v, "V"),
        "current": each(words, now.current_a, "A"),
        "power": kw(words, now.power_w, 2),
        "soc": f"{words.number(begun, 0)} → {soc}" if begun is not None and now.soc_pct is not None else soc,
        "battery": with_unit(words, now.battery_temperature_c, "°C", 0),
        "requested": ", ".join(asked) or DASH,
        "phases": ", ".join(part for part in metered if part != DASH) or DASH,
        "module_c": with_unit(words, now.module_temperature_c, "°C", 0),
        "why": words(now.why) if now.why else _why_of_station(ask, now),
    }


def vehicle(ask: Ask, now: ConnectorNow | None) -> dict[str, str]:
    """What the vehicle told of itself."""
    words, told = ask.words, now.vehicle if now is not None else None
    if told is None:
        return dict.fromkeys(("uid", "capacity", "start_voltage", "maxima"), DASH)
    most = (kw(words, told.max_power_w), with_unit(words, told.max_voltage_v, "V", 0),
            with_unit(words, told.max_current_a, "A", 0))  # fmt: skip
    lightning = " ⚡" if told.max_voltage_v is not None and told.max_voltage_v > 500 else ""
    return {
        "uid": told.uid or DASH,
        "capacity": kwh(words, told.battery_capacity_wh, 1),
        "start_voltage": with_unit(words, told.start_voltage_v, "V", 0),
        "maxima": f"{', '.join(most)}{lightning}",
    }


def limit_rows(ask: Ask, now: ConnectorNow | None) -> list[tuple[str, str, str]]:
    """Every limit in force: its name, A, kW."""
    words = ask.words
    return [
        (words.one_of("limit", one.name), with_unit(words, one.current_a, "A"), kw(words, one.power_w))
        for one in (now.limits if now is not None else ())
    ]


def _limit(words: Words, power_w: float | None, current_a: float | None, source: str) -> str:
    if power_w is None:
        return DASH
    named = f" ({words.one_of('limit', source)})" if source else ""
    return f"{kw(words, power_w)}, {with_unit(words, current_a, 'A', 0)}{named}"


def _why_of_station(ask: Ask, now: ConnectorNow) -> str:
    """Why it gets what it gets, as its sharing of power says, while nothing flows yet."""
    power = ask.site.state("power", PowerState)
    output = next((one for one in power.outputs if one.connector == now.number), None) if power else None
    key = f"flow.{output.why_key}" if output is not None and output.why_key else ""
    if output is None or not key or not ask.words.has(key):
        return DASH
    values = {"n": "?", "source": "?", **output.why_values}
    name = values["source"]
    sections = (s for s in ("limit", "input", "cause") if ask.words.has(f"{s}.{name}"))
    section = next(sections, "")
    return ask.words(key, **{**values, "source": ask.words(f"{section}.{name}") if section else name})
