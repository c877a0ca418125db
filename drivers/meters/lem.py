"""LEM DCBM 400 and DCBM 600: direct-current meters that sign sessions (OCMF); Ethernet, HTTP, delivered as 192.168.1.2.

Source: LEM, DCBM 400/600 operation manual and communication protocol, as a public driver uses them. JSON: V, A, kW and
kWh.
Quirks: no session without a set clock, and it cannot be set while one runs: it is set before each session, but not
twice within two minutes; it is good for 48 hours. A session should last two minutes at least. The client's name has at
most 37 characters. A record is text (OCMF) and is passed on byte for byte.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from datetime import UTC
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from drivers.about import About
from drivers.errors import BadFrame, Refused
from drivers.interfaces import EnergyMeter, Identity, MeterReading, SessionReference
from drivers.meters.plausibility import DC, Judge
from drivers.ports.http import HttpPort

log = logging.getLogger(__name__)

CLOCK_EVERY_S = 120.0
LEGAL = "/v1/legal"
MOST_CLIENT = 37
RUNS = 0b100
"""Bit of the status: a session runs."""
MOST_NUMBER = 1e15
TIMEOUT_S = 1.0
SESSION_TIMEOUT_S = 3.0


class Model(enum.StrEnum):
    DCBM400 = "DCBM 400"
    DCBM600 = "DCBM 600"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    port: str
    model: Annotated[Model, Meta(description="as printed on the meter")] = Model.DCBM400
    evse_id: Annotated[
        str,
        Meta(max_length=37, description="EVSE id in the signed record; empty: the station's name and the connector"),
    ] = ""
    tariff_id: Annotated[int, Meta(ge=0, le=65535, description="the tariff as the record names it")] = 0
    cable_id: Annotated[
        int,
        Meta(ge=0, le=65535, description="number of the cable in the meter's own settings, for its losses; 0: none"),
    ] = 0


ABOUT = About(
    vendor="LEM",
    models=tuple(Model),
    ports=("http",),
    is_modbus=False,
    abilities=("import", "export", "direct current", "serial number", "signed sessions", "recognised"),
    source="LEM, DCBM 400/600 communication protocol; EVerest, module LemDCBM400600",
    confidence=1,
    quirks=(
        "It signs only with a set clock: the station needs the time (NTP or the central system's).",
        "Its factory address is 192.168.1.2: give the station's network port an address beside it.",
    ),
)


def open_device(settings: Settings, port: HttpPort) -> EnergyMeter:
    """The meter; nothing is asked yet."""
    return LemMeter(settings, port)


async def recognise(port: HttpPort, address: int) -> Identity | None:
    """By its status page; `address` is not used. Raises NoAnswer."""
    try:
        return await LemMeter(Settings(port=port.name), port).identify()
    except (BadFrame, Refused):
        return None


class LemMeter:
    """One meter."""

    def __init__(self, settings: Settings, port: HttpPort) -> None:
        self._settings = settings
        self._port = port
        self._where = f"meter on port '{port.name}'"
        self._judge = Judge(self._where, DC)
        self._clock_set_s: float | None = None

    async def read(self) -> MeterReading:
        """All values anew. Raises NoAnswer, BadFrame, Refused, or Implausible naming the value."""
        now = await self._json("GET", "/v1/livemeasure")
        return self._judge.reading(
            energy_wh=_scaled(self._number(now, "energyImportTotal")),
            energy_export_wh=_scaled(self._number(now, "energyExportTotal")),
            power_w=_scaled(self._number(now, "power")),
            voltage_v=[self._number(now, "voltage")],
            current_a=[self._number(now, "current")],
        )

    async def identify(self) -> Identity:
        """Number and version. Raises NoAnswer and the like."""
        status = await self._status()
        version = status.get("version")
        firmware = version.get("applicationFirmwareVersion", "") if isinstance(version, dict) else ""
        return Identity(
            vendor="LEM",
            model=self._settings.model.value,
            serial=str(status["meterId"]),
            firmware_version=str(firmware),
        )

    async def begin_session(self, reference: SessionReference) -> None:
        """See `SignsSessions`."""
        status = await self._status()
        if self._runs(status):
            running = str((await self._json("GET", LEGAL)).get("transactionId", ""))
            if running == reference.transaction:
                return
            log.warning("%s: session %s that was left running is ended", self._where, running)
            await self._end(running)
        await self._set_clock(reference, has_lost_it=_has_lost_the_time(status))
        client = ",".join(part for part in (reference.client, reference.transaction) if part)[:MOST_CLIENT]
        wanted = {
            "evseId": self._settings.evse_id or reference.evse,
            "transactionId": reference.transaction,
            "clientId": client,
            "tariffId": self._settings.tariff_id,
            "cableId": self._settings.cable_id,
            "userData": "",
        }
        begun = await self._json("POST", LEGAL, body=wanted, good=(200, 201))
        if begun.get("running") is not True:
            raise Refused(f"{self._where}: session {reference.transaction} does not run after it was begun")

    async def end_session(self, reference: SessionReference) -> bytes:
        """See `SignsSessions`."""
        if self._runs(await self._status()):
            running = str((await self._json("GET", LEGAL)).get("transactionId", ""))
            if running == reference.transaction:
                await self._end(running)
        path, params = "/v1/ocmf", {"transactionId": reference.transaction}
        answer = await self._port.request("GET", path, params=params, timeout_s=SESSION_TIMEOUT_S, is_private=True)
        if answer.status != 200:
            raise Refused(
                f"{self._where}: no record of session {reference.transaction}: {answer.status} {_short(answer.body)}"
            )
        if not answer.body:
            raise BadFrame(f"{self._where}: the record of session {reference.transaction} is empty")
        return answer.body

    async def _end(self, transaction: str) -> None:
        params = {"transactionId": transaction}
        ended = await self._json("PUT", LEGAL, params=params, body={"running": False})
        value = ended.get("meterValue")
        if isinstance(value, dict) and self._bits(value.get("transactionStatus", 0)) & RUNS:
            raise Refused(f"{self._where}: session {transaction} still runs after its end")

    async def _set_clock(self, reference: SessionReference, *, has_lost_it: bool) -> None:
        """Before a session; not twice within two minutes, unless its supply was away meanwhile. What it refuses shows
        itself when the session begins."""
        now_s = asyncio.get_running_loop().time()
        is_new = self._clock_set_s is not None and now_s - self._clock_set_s < CLOCK_EVERY_S and not has_lost_it
        if reference.at is None or is_new:
            return
        text = reference.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        answer = await self._json("PUT", "/v1/settings", body={"time": {"utc": text}})
        if answer.get("result") == 1:
            self._clock_set_s = now_s
        else:
            log.warning("%s: it does not take the time: %s", self._where, _short(msgspec.json.encode(answer)))

    async def _status(self) -> dict[str, Any]:
        status = await self._json("GET", "/v1/status")
        if "meterId" not in status or not isinstance(status.get("status"), dict):
            raise BadFrame(f"{self._where}: /v1/status is not that of a DCBM")
        return status

    async def _json(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        good: tuple[int, ...] = (200,),
    ) -> dict[str, Any]:
        """Raises NoAnswer, Refused for another status than `good`, BadFrame for what is no JSON object."""
        timeout_s = TIMEOUT_S if method == "GET" else SESSION_TIMEOUT_S
        is_private = path == LEGAL  # it tells whose session it is
        answer = await self._port.request(
            method, path, params=params, json=body, timeout_s=timeout_s, is_private=is_private
        )
        if answer.status not in good:
            said = f" {_short(answer.body)}" if not is_private else ""
            raise Refused(f"{self._where}: {method} {path}: {answer.status}{said}")
        try:
            return msgspec.json.decode(answer.body, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            raise BadFrame(f"{self._where}: {method} {path}: {_short(answer.body)} is no JSON object") from None

    def _number(self, values: dict[str, Any], name: str) -> float:
        value = values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > MOST_NUMBER:
            raise BadFrame(f"{self._where}: {name} = {str(value)[:40]} is no number that can be")
        return float(value)

    def _runs(self, status: dict[str, Any]) -> bool:
        """Whether a session runs. Raises BadFrame when the status does not say so."""
        bits = status["status"].get("bits")
        if isinstance(bits, dict) and isinstance(bits.get("transactionIsOnGoing"), bool):
            return bool(bits["transactionIsOnGoing"])
        return bool(self._bits(status["status"].get("value")) & RUNS)

    def _bits(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadFrame(f"{self._where}: a status {str(value)[:40]} is no number")
        return value


def _has_lost_the_time(status: dict[str, Any]) -> bool:
    bits = status["status"].get("bits")
    return isinstance(bits, dict) and bits.get("timeSyncStatusIsOk") is False


def _scaled(kilo: float) -> float:
    """Thousands to ones, without the noise of binary fractions (at most 1 mWh, 1 mW)."""
    return round(kilo * 1000, 3)


def _short(body: bytes) -> str:
    return body[:120].decode("utf-8", errors="replace")
