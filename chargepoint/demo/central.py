"""The demo's end of the simulated central system's control door (HTTP, JSON)."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import msgspec

from chargepoint.demo.stories import Failed

T = TypeVar("T")
LIMIT_S = 10.0


class ServerTransaction(msgspec.Struct, frozen=True):
    """One logical transaction as the server's ledger has it; energies in Wh."""

    station: str
    connector: int
    id_tag: str
    ids: tuple[int, ...]
    meter_start_wh: int
    meter_stop_wh: int | None
    energy_wh: int
    start_repeats: int
    stop_repeats: int
    meter_values: int
    reason: str


class ServerLedger(msgspec.Struct, frozen=True):
    """What the server was told, and which rules were broken."""

    transactions: tuple[ServerTransaction, ...]
    received: dict[str, int]
    repeats: int
    faults: tuple[str, ...]
    faults_so_far: tuple[str, ...]


class CentralDoor:
    """Raises Failed when the door does not answer or says no."""

    def __init__(self, control_url: str) -> None:
        self._url = control_url
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(self._url, timeout=aiohttp.ClientTimeout(total=LIMIT_S))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def ledger(self) -> ServerLedger:
        return msgspec.json.decode(await self._ask("GET", "/ledger"), type=ServerLedger)

    async def know_cards(self, cards: list[str]) -> None:
        """Only these cards are accepted from now on."""
        await self._ask("POST", "/settings", {"id_tags": dict.fromkeys(cards, "Accepted"), "other_cards": "Invalid"})

    async def call(self, station: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Have the central system send a call; the station's answer."""
        body = await self._ask("POST", f"/stations/{station}/call", {"action": action, "payload": payload})
        answer: dict[str, Any] = msgspec.json.decode(body)["payload"]
        return answer

    async def be_away(self, is_away: bool) -> None:
        await self._ask("POST", "/away" if is_away else "/back")

    async def _ask(self, method: str, path: str, body: object = None) -> bytes:
        assert self._session is not None
        try:
            async with self._session.request(method, path, json=body) as answer:
                text = await answer.read()
                if answer.status != 200:
                    raise Failed(f"central system: {text.decode(errors='replace')[:300]}")
                return text
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Failed(f"the central system's door does not answer ({error!r})") from None
