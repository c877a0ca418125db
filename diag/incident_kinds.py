"""Which troubles there are, how grave each is, and how long it has to last before anybody hears of it. Data.

The numbers keep short losses out of the list: a trouble opens an incident when it lasted `hold_s`, and closes it when
it was away for `calm_s`; what comes back within that time is the same incident, counted.
"""

from __future__ import annotations

import msgspec

from chargepoint.vocabulary import EventType

BAD, WARN = "bad", "warn"


class Kind(msgspec.Struct, frozen=True):
    """`level`: bad (something cannot work) or warn; `event` is what the operation log calls it."""

    level: str
    hold_s: float = 0.0
    calm_s: float = 60.0
    event: EventType = EventType.DEVICE_STATE


KINDS: dict[str, Kind] = {
    "device_lost": Kind(BAD, 30.0, 120.0),
    "meter_lost": Kind(BAD, 30.0, 120.0),
    "reader_lost": Kind(WARN, 60.0, 120.0),
    "hardware_changed": Kind(WARN, 60.0),
    "controller_error": Kind(BAD, 2.0),
    "connector_error": Kind(BAD, 10.0),
    "emergency": Kind(BAD, 0.0, 10.0, EventType.EMERGENCY),
    "contactor_welded": Kind(BAD),
    "contactor_failed": Kind(BAD),
    "contactor_worn": Kind(WARN, 60.0, 600.0),
    "insulation": Kind(BAD, 1.0),
    "insulation_warning": Kind(WARN, 30.0, 300.0),
    "insulation_monitor": Kind(BAD, 10.0),
    "module_missing": Kind(WARN, 30.0, 120.0),
    "module_error": Kind(WARN, 5.0),
    "module_overtemperature": Kind(WARN, 5.0, 300.0),
    "door": Kind(WARN, 0.0, 10.0, EventType.SENSOR_STATE),
    "smoke": Kind(BAD, 0.0, 10.0, EventType.SENSOR_STATE),
    "flood": Kind(BAD, 0.0, 10.0, EventType.SENSOR_STATE),
    "vibration": Kind(BAD, 0.0, 60.0, EventType.SENSOR_STATE),
    "surge": Kind(BAD, 0.0, 60.0, EventType.SENSOR_STATE),
    "overheat": Kind(BAD, 0.0, 60.0, EventType.SENSOR_STATE),
    "remote_cutoff": Kind(WARN, 0.0, 10.0, EventType.SENSOR_STATE),
    "residual_current": Kind(BAD, 0.0, 10.0, EventType.SENSOR_STATE),
    "power_fail": Kind(BAD, 0.0, 30.0, EventType.SENSOR_STATE),
    "tamper": Kind(BAD, 0.0, 10.0, EventType.SENSOR_STATE),
    "input_unreadable": Kind(WARN, 60.0, 120.0, EventType.SENSOR_STATE),
    "temperature": Kind(WARN, 60.0, 600.0, EventType.SENSOR_STATE),
    "on_battery": Kind(BAD, 2.0, 30.0),
    "ups_battery": Kind(WARN, 60.0, 600.0),
    "link_lost": Kind(WARN, 900.0, 60.0, EventType.WEBSOCKET_STATE),
    "parked_messages": Kind(WARN, 10.0, 10.0, EventType.STATION_TO_OCPP),
    "transaction_not_told": Kind(WARN, 3600.0, 10.0, EventType.STATION_TO_OCPP),
    "certificate_ends": Kind(WARN, 10.0, 10.0, EventType.WEBSOCKET_STATE),
    "cannot_record": Kind(BAD, 0.0, 60.0, EventType.STORAGE),
    "disk_low": Kind(WARN, 30.0, 600.0, EventType.STORAGE),
    "clock_unknown": Kind(WARN, 600.0, 10.0, EventType.TIME_JUMP),
    "update_failed": Kind(WARN, 0.0, 0.0, EventType.FIRMWARE),
    "service_restarting": Kind(WARN, 30.0, 120.0, EventType.SERVICE_RESTARTED),
    "service_parked": Kind(BAD, 0.0, 30.0, EventType.SERVICE_RESTARTED),
}
"""By `Incident.type`."""

UNKNOWN_EVENT = EventType.DEVICE_STATE
"""Of an incident whose type an earlier version knew."""
