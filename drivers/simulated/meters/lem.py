"""The other side of drivers/meters/lem.py: LEM DCBM 400/600."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

from drivers.simulated.devices import DevicePart
from drivers.simulated.meter import Meter
from drivers.simulated.meters.signing import record

CLOCK_EVERY_S = 120.0
CLOCK_GOOD_S = 48 * 3600.0
MOST_CLIENT = 37


def face(model: Meter, part: DevicePart) -> LemFace:
    """The meter behind its web interface."""
    return LemFace(model)


class LemFace:
    """No session without a clock that was set within 48 hours; it is not set twice within two minutes, nor in a
    session. `asked` are the requests that changed something; a `silent` model answers 503, as a gateway would."""

    def __init__(self, model: Meter) -> None:
        self.model = model
        self.records: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []
        self.refuses = False
        """Whether it refuses to begin sessions."""
        self._clock_s = -math.inf
        self._session: dict[str, Any] | None = None
        self._last = ""
        self._begin_wh = 0.0

    @property
    def running(self) -> str:
        """The session that runs; empty for none."""
        return "" if self._session is None else str(self._session["transactionId"])

    def restart(self) -> None:
        """Its supply was away for a moment: the session ends, the clock is lost."""
        self._clock_s = -math.inf
        self._stop()

    def handle(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        if self.model.silent:
            return 503, b"unavailable"
        if method != "GET":
            self.asked.append((method, path))
        try:
            given = json.loads(body) if body else {}
        except ValueError:
            return 400, b"no JSON"
        match method, path:
            case "GET", "/v1/status":
                return self._ok(self._status())
            case "GET", "/v1/livemeasure":
                return self._ok(self._live())
            case "GET", "/v1/legal":
                return self._ok({"transactionId": self.running or self._last, "running": self._session is not None})
            case "GET", "/v1/ocmf":
                return self._record(query.get("transactionId", ""))
            case "PUT", "/v1/settings":
                return self._ok({"meterId": str(self.model.serial), "result": self._set_clock()})
            case "POST", "/v1/legal":
                return self._start(given)
            case "PUT", "/v1/legal":
                return self._end(query.get("transactionId", ""), given)
        return 404, b"not found"

    def _status(self) -> dict[str, object]:
        runs = self._session is not None
        is_set = _now() - self._clock_s < CLOCK_GOOD_S
        return {
            "status": {
                "value": 1 | (4 if runs else 0) | (16 if is_set else 0),
                "bits": {"suLinkStatusIsOk": True, "transactionIsOnGoing": runs, "timeSyncStatusIsOk": is_set},
            },
            "version": {"applicationFirmwareVersion": "0.1.5.1"},
            "meterId": str(self.model.serial),
            "publicKeyOcmf": "3059",
        }

    def _live(self) -> dict[str, object]:
        now = self.model.read_direct()
        values = {
            "voltage": now.voltage_v[0],
            "current": now.current_a[0],
            "power": now.phase_power_w[0] / 1000,
            "energyImportTotal": now.import_wh / 1000,
            "energyExportTotal": now.export_wh / 1000,
        }
        digits = {"voltage": 2, "current": 3, "power": 4}
        told: dict[str, object] = {
            name: None if math.isnan(value) else round(value, digits.get(name, 3)) for name, value in values.items()
        }
        return told | {"temperatureH": 31.5, "temperatureL": 30.5, "timestamp": "2026-05-04T10:00:00+00:00"}

    def _set_clock(self) -> int:
        now = _now()
        if self._session is not None or now - self._clock_s < CLOCK_EVERY_S:
            return 0
        self._clock_s = now
        return 1

    def _start(self, given: dict[str, Any]) -> tuple[int, bytes]:
        named = [given.get(key) for key in ("evseId", "transactionId", "clientId")]
        if not all(isinstance(each, str) for each in named) or len(str(named[2])) > MOST_CLIENT:
            return 400, b'{"error":"bad session"}'
        if (
            self.refuses
            or self._session is not None
            or _now() - self._clock_s > CLOCK_GOOD_S
            or named[1] in self.records
        ):
            return 403, b'{"error":"no session now"}'
        self._session, self._begin_wh = given, self.model.read_direct().import_wh
        return 201, json.dumps(given | {"running": True}).encode()

    def _end(self, transaction: str, given: dict[str, Any]) -> tuple[int, bytes]:
        if self._session is None or transaction != self.running or given.get("running") is not False:
            return 403, b'{"error":"no such session"}'
        self._stop()
        return self._ok({"transactionId": transaction, "meterValue": {"transactionStatus": 17}})

    def _stop(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        self._last = str(session["transactionId"])
        fields = {"ID": session["clientId"], "CI": session["evseId"], "TT": self._last}
        end_wh = self.model.read_direct().import_wh
        self.records[self._last] = record(str(self.model.serial), fields, self._begin_wh, end_wh, len(self.records) + 1)

    def _record(self, transaction: str) -> tuple[int, bytes]:
        if transaction not in self.records:
            return 404, b'{"error":"no record"}'
        return 200, self.records[transaction].encode()

    @staticmethod
    def _ok(content: dict[str, Any]) -> tuple[int, bytes]:
        return 200, json.dumps(content).encode()


def _now() -> float:
    return asyncio.get_running_loop().time()
