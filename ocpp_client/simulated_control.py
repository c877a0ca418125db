"""HTTP on loopback, JSON: what the demo and tests of whole processes ask of the simulated central system.

GET  /ledger                       the transactions, counts and faults (`Ledger.report`)
GET  /messages?after=N             single messages, at most 1000
GET  /root                         PEM of the authority that signs for stations (with --sign)
GET  /state                        who is connected, statuses of connectors, attempts to connect
POST /stations/NAME/call           {"action": ..., "payload": {...}} -> {"payload": {...}} or {"error": ...}
POST /stations/NAME/raw            {"text": ...}
POST /stations/NAME/disconnect     break its TCP connection;  /deafen: half-open from now on
POST /rules                        a `Rule`; DELETE /rules takes all away
POST /settings                     any of boot_status, heartbeat_interval_s, id_tags, other_cards, http_answer
POST /away, POST /back             the server disappears and returns on the same port
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec
from aiohttp import web

from ocpp_client.simulated_rules import HttpAnswer, Rule

if TYPE_CHECKING:
    from ocpp_client.simulated import CentralSystem

T = TypeVar("T")
MOST_MESSAGES = 1000


class NewSettings(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /settings; what is not named stays as it is."""

    boot_status: str | msgspec.UnsetType = msgspec.UNSET
    heartbeat_interval_s: int | msgspec.UnsetType = msgspec.UNSET
    id_tags: dict[str, str | dict[str, Any]] | msgspec.UnsetType = msgspec.UNSET
    other_cards: str | msgspec.UnsetType = msgspec.UNSET
    http_answer: HttpAnswer | msgspec.UnsetType | None = msgspec.UNSET


class CallOrder(msgspec.Struct, forbid_unknown_fields=True):
    action: str
    payload: dict[str, Any] = {}
    timeout_s: float = 30.0


class RawOrder(msgspec.Struct, forbid_unknown_fields=True):
    text: str


class Control:
    """The door to one central system; an asynchronous context manager."""

    def __init__(self, system: CentralSystem, host: str, port: int) -> None:
        self._system = system
        self._host, self._port = host, port
        routes = web.Application()
        routes.add_routes(
            [
                web.get("/ledger", self._ledger),
                web.get("/messages", self._messages),
                web.get("/root", self._root),
                web.get("/state", self._state),
                web.post("/stations/{station}/call", self._call),
                web.post("/stations/{station}/raw", self._raw),
                web.post("/stations/{station}/{deed:disconnect|deafen}", self._deed),
                web.post("/rules", self._add_rule),
                web.delete("/rules", self._clear_rules),
                web.post("/settings", self._settings),
                web.post("/{way:away|back}", self._away),
            ]
        )
        self._runner = web.AppRunner(routes, access_log=None, shutdown_timeout=0.2)

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _ledger(self, request: web.Request) -> web.Response:
        return _json(self._system.ledger.report())

    async def _messages(self, request: web.Request) -> web.Response:
        after = int(request.query.get("after", "0"))
        found = [message for message in self._system.ledger.messages if message.number > after]
        return _json(found[:MOST_MESSAGES])

    async def _state(self, request: web.Request) -> web.Response:
        system = self._system
        return _json(
            {
                "connected": sorted(system.links),
                "statuses": [{"station": name, **payload} for (name, _), payload in system.statuses.items()],
                "boots": system.boots,
                "connects": list(system.connects)[-MOST_MESSAGES:],
                "doubles": system.doubles,
            }
        )

    async def _root(self, request: web.Request) -> web.Response:
        signing = self._system.signing
        return web.Response(text=signing.root.pem) if signing is not None else _json({}, status=404)

    async def _call(self, request: web.Request) -> web.Response:
        order = await _body(request, CallOrder)
        station = request.match_info["station"]
        try:
            return _json({"payload": await self._system.call(station, order.action, order.payload, order.timeout_s)})
        except Exception as error:  # whatever went wrong is the answer
            return _json({"error": f"{type(error).__name__}: {error}"}, status=502)

    async def _raw(self, request: web.Request) -> web.Response:
        order = await _body(request, RawOrder)
        await self._system.send_raw(request.match_info["station"], order.text)
        return _json({})

    async def _deed(self, request: web.Request) -> web.Response:
        deeds = {"disconnect": self._system.disconnect, "deafen": self._system.deafen}
        deeds[request.match_info["deed"]](request.match_info["station"])
        return _json({})

    async def _add_rule(self, request: web.Request) -> web.Response:
        self._system.rules.append(await _body(request, Rule))
        return _json({})

    async def _clear_rules(self, request: web.Request) -> web.Response:
        self._system.rules.clear()
        return _json({})

    async def _settings(self, request: web.Request) -> web.Response:
        settings = await _body(request, NewSettings)
        for name in settings.__struct_fields__:
            value = getattr(settings, name)
            if value is not msgspec.UNSET:
                setattr(self._system, name, value)
        return _json({})

    async def _away(self, request: web.Request) -> web.Response:
        if request.match_info["way"] == "away":
            await self._system.go_away()
        else:
            await self._system.come_back()
        return _json({})


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json", status=status)


async def _body(request: web.Request, kind: type[T]) -> T:
    return msgspec.json.decode(await request.read(), type=kind)
