"""Client of the control interface: the deeds of `SimulatedStation` over HTTP, typed; for tests, demo and benchmarks."""

from __future__ import annotations

from types import TracebackType

import aiohttp
import msgspec

from drivers.simulated.bus import Kind
from drivers.simulated.can_line import CanFaults
from drivers.simulated.contactor import ContactorEvent
from drivers.simulated.meter import MeterFaults
from drivers.simulated.outlet import How
from drivers.simulated.vehicle import PlugOptions
from drivers.simulated.words import StationState

TIMEOUT_S = 5.0


class ControlRefused(Exception):
    """The simulation said no; the text is what, why, and what to do. `status` is the HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class SimulationClient:
    """Use as `async with SimulationClient("127.0.0.1:1234") as simulation:`. Raises ControlRefused, aiohttp errors."""

    def __init__(self, address: str) -> None:
        self._base = f"http://{address}"
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> SimulationClient:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def state(self, log_entries: int = 50) -> StationState:
        """The truth of all devices now."""
        return msgspec.json.decode(await self._ask("GET", f"/state?log={log_entries}"), type=StationState)

    async def contactor_log(self, connector: int) -> tuple[ContactorEvent, ...]:
        """Every closing and opening so far."""
        answer = await self._ask("GET", f"/connectors/{connector}/log")
        return msgspec.json.decode(answer, type=tuple[ContactorEvent, ...])

    async def plug(self, connector: int, options: PlugOptions | None = None) -> None:
        await self._do(f"/connectors/{connector}/plug", msgspec.to_builtins(options or PlugOptions()))

    async def unplug(self, connector: int, how: How | None = None) -> None:
        await self._do(f"/connectors/{connector}/unplug", {"how": how})

    async def pause(self, connector: int, *, pilot: bool = False) -> None:
        await self._do(f"/connectors/{connector}/pause", {"pilot": pilot})

    async def resume(self, connector: int) -> None:
        await self._do(f"/connectors/{connector}/resume", {})

    async def fault(self, connector: int, code: str, value: float | None = None) -> None:
        await self._do(f"/connectors/{connector}/fault", {"code": code, "value": value})

    async def clear(self, connector: int, code: str | None = None) -> None:
        await self._do(f"/connectors/{connector}/clear", {"code": code})

    async def tap(self, reader: str, uid: str, connectors: tuple[int, ...] = ()) -> None:
        await self._do(f"/readers/{reader}/tap", {"uid": uid, "connectors": connectors})

    async def cut(self, port: str, *, unplug: bool = False) -> None:
        await self._do(f"/ports/{port}/cut", {"how": "unplug" if unplug else "silence"})

    async def restore(self, port: str) -> None:
        await self._do(f"/ports/{port}/restore", {})

    async def noise(
        self, port: str, *, garbage: float = 0.1, crc: float = 0.2, wrong: Kind | None = None, wrong_share: float = 1.0
    ) -> None:
        body = {"garbage": garbage, "crc": crc, "wrong": wrong, "wrong_share": wrong_share}
        await self._do(f"/ports/{port}/noise", body)

    async def late(self, port: str, delay_s: float, jitter_s: float = 0.0) -> None:
        await self._do(f"/ports/{port}/late", {"delay_s": delay_s, "jitter_s": jitter_s})

    async def set_meter(self, meter: str, faults: MeterFaults) -> None:
        await self._do(f"/meters/{meter}", msgspec.to_builtins(faults))

    async def disturb_can(self, port: str, faults: CanFaults) -> None:
        await self._do(f"/ports/{port}/can", msgspec.to_builtins(faults))

    async def do(self, kind: str, name: str, deed: msgspec.Struct) -> None:
        """Anything that can be done to a device: the struct of its kind (models.py, wiring.py)."""
        await self._do(f"/device/{kind}/{name}", msgspec.to_builtins(deed))

    async def emergency(self, pressed: bool) -> None:
        await self._do("/emergency", {"pressed": pressed})

    async def power_cut(self, restore_after_s: float | None = None) -> None:
        await self._do("/power-cut", {"restore_after_s": restore_after_s})

    async def power_restore(self) -> None:
        await self._do("/power-cut", {"restore": True})

    async def _do(self, path: str, body: object) -> None:
        await self._ask("POST", path, msgspec.json.encode(body))

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        async with self._session.request(method, self._base + path, data=body) as response:
            answer = await response.read()
            if response.status >= 400:
                raise ControlRefused(response.status, _text(answer))
            return answer


def _text(answer: bytes) -> str:
    try:
        said = msgspec.json.decode(answer, type=dict[str, str])
    except (msgspec.DecodeError, msgspec.ValidationError):
        return answer[:500].decode("utf-8", "replace")
    return f"{said.get('where', '')}: {said.get('what', '')}: {said.get('why', '')}. {said.get('remedy', '')}"
