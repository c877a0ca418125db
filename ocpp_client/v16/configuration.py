"""The values of the OCPP configuration keys: defaults, presets of station.toml, what was changed since.

What a server or a person changes is kept by the hub among the settings, under `ocpp.KEY`, so that rules of the
station (ConnectionTimeOut, ...) hold without this service.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from chargepoint.messages import SamplingPlan
from ocpp_client.frames import Payload
from ocpp_client.v16.key_kinds import Key, split
from ocpp_client.v16.keys import BY_NAME, KEYS

log = logging.getLogger(__name__)

PREFIX = "ocpp."
OWN = frozenset({"NumberOfConnectors", "SupportedFeatureProfiles"})
"""Facts about this station that no preset may contradict."""

Save = Callable[[dict[str, str | None]], Awaitable[None]]
Deputy = Callable[[str], Awaitable[str]]
"""Decides on a change of its key and keeps it durably; gives the status of ChangeConfiguration."""


class Configuration:
    """All keys with their values. `presets` are [ocpp.configuration], `facts` what the station is built of."""

    def __init__(self, presets: Mapping[str, str | int | bool], facts: Mapping[str, str]) -> None:
        self._first = {key.name: key.default for key in KEYS}
        for name, value in presets.items():
            self._preset(name, str(value).lower() if isinstance(value, bool) else str(value))
        self._first.update(facts)
        self._changed: dict[str, str] = {}
        self._for_now: dict[str, str] = {}
        self._listeners: list[Callable[[], None]] = []
        self._refused: set[tuple[str, str]] = set()
        self.deputies: dict[str, Deputy] = {}
        """By the name of a key with `has_deputy`; without its deputy such a key cannot be changed."""
        self.afterwards: dict[str, Callable[[], Awaitable[None]]] = {}
        """By the name of a key: what to do when the answer to an accepted change of it has left."""

    def _preset(self, name: str, value: str) -> None:
        key = BY_NAME.get(name.lower())
        stored = key.read(value) if key is not None else None
        if key is None or stored is None or key.name in OWN:
            why = "no such key is known" if key is None else f"{value!r} cannot be its value"
            log.error("station.toml, [ocpp.configuration], %s: %s; the preset is not used", name, why)
        else:
            self._first[key.name] = stored

    # ------------------------------------------------------------------------------------------------------- values

    def text(self, name: str) -> str:
        """The value of a key as the server sees it. Raises KeyError for a key that is none."""
        return self._for_now.get(name) or self._changed.get(name, self._first[name])

    def number(self, name: str) -> int:
        return int(self.text(name))

    def flag(self, name: str) -> bool:
        return self.text(name) == "true"

    def words(self, name: str) -> tuple[str, ...]:
        return split(self.text(name))

    def sampling_plan(self) -> SamplingPlan:
        """What the station is to measure by itself for the central system."""
        return SamplingPlan(
            sampled_interval_s=self.number("MeterValueSampleInterval"),
            sampled=self.words("MeterValuesSampledData"),
            aligned_interval_s=self.number("ClockAlignedDataInterval"),
            aligned=self.words("MeterValuesAlignedData"),
            stop_sampled=self.words("StopTxnSampledData"),
            stop_aligned=self.words("StopTxnAlignedData"),
        )

    # ------------------------------------------------------------------------------------------------------ changes

    def on_change(self, listener: Callable[[], None]) -> None:
        """`listener()` after any value changed."""
        self._listeners.append(listener)

    def apply(self, settings: Mapping[str, str]) -> None:
        """Take over what the hub keeps under `ocpp.`; what cannot be a value is ignored and logged once."""
        changed = {}
        for name, text in settings.items():
            key = BY_NAME.get(name.removeprefix(PREFIX).lower()) if name.startswith(PREFIX) else None
            if key is None or key.readonly or key.has_deputy:
                continue
            stored = key.read(text)
            if stored is not None:
                changed[key.name] = stored
            elif (name, text) not in self._refused and len(self._refused) < 100:
                self._refused.add((name, text))
                log.error("setting %s = %r cannot be; its value before is used. Set it again.", name, text)
        if changed != self._changed:
            fresh = {name for name, value in changed.items() if self._changed.get(name) != value}
            self._for_now = {name: value for name, value in self._for_now.items() if name not in fresh}
            self._changed = changed
            self._tell()

    def set_for_now(self, name: str, value: str) -> None:
        """A value that holds until it is changed or this process ends.

        HeartbeatInterval from BootNotification; the keys whose deputies keep them.
        """
        key = BY_NAME[name.lower()]
        if key.read(value) is not None and self.text(name) != value:
            self._for_now[name] = value
            self._tell()

    async def change(self, name: str, value: str, save: Save) -> str:
        """Carry out ChangeConfiguration: its status. Durable before the answer (R24)."""
        key = BY_NAME.get(name.lower())
        if key is None:
            return "NotSupported"
        stored = None if key.readonly else key.read(value)
        if stored is None:
            return "Rejected"
        if key.has_deputy:
            deputy = self.deputies.get(key.name)
            return "Rejected" if deputy is None else await deputy(stored)
        before = self.text(key.name)
        try:
            await save({PREFIX + key.name: stored})
        except Exception as error:
            log.error("ChangeConfiguration %s = %r could not be kept: %s", key.name, value, error)
            return "Rejected"
        self._for_now.pop(key.name, None)
        self._changed[key.name] = stored
        if self.text(key.name) != before:
            self._tell()
        return "Accepted"

    def after(self, name: str, status: str) -> Callable[[], Awaitable[None]] | None:
        """What a change of key `name` that was answered with `status` leads to, once the answer has left."""
        key = BY_NAME.get(name.lower())
        return None if key is None or status != "Accepted" else self.afterwards.get(key.name)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    # ------------------------------------------------------------------------------------------------------ reading

    def report(self, names: Iterable[str] | None = None) -> Payload:
        """The payload of GetConfiguration's answer; None or no names: all keys."""
        asked = list(names or ())
        if not asked:
            return {"configurationKey": [self._row(key) for key in KEYS], "unknownKey": []}
        known: dict[str, Payload] = {}
        unknown: dict[str, None] = {}
        for name in asked:
            key = BY_NAME.get(name.lower())
            if key is None:
                unknown[name] = None
            else:
                known[key.name] = self._row(key)
        return {"configurationKey": list(known.values()), "unknownKey": list(unknown)}

    def _row(self, key: Key) -> Payload:
        row: Payload = {"key": key.name, "readonly": key.readonly}
        return row if key.writeonly else row | {"value": self.text(key.name)}
