"""The control interface: HTTP on the loopback interface, JSON in and out, to plug, tap, break and look.

Calls return at once. What cannot be done is answered with JSON `{"where", "what", "why", "remedy"}`: 404 for a
connector, reader, meter or port that does not exist, 409 for what does not fit the present state, 400 for the rest.
"""

from __future__ import annotations

import ipaddress
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta

from drivers.simulated.bus import Kind, Share
from drivers.simulated.can_line import CanFaults
from drivers.simulated.faults import FAULTS
from drivers.simulated.meter import MeterFaults
from drivers.simulated.outlet import How, NoVehicle, Occupied
from drivers.simulated.station import SimulatedStation, Unknown
from drivers.simulated.vehicle import NotNegative, PlugOptions

log = logging.getLogger(__name__)

MOST_BODY = 65_536
LOG_ENTRIES = 50

S = TypeVar("S", bound=msgspec.Struct)


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Nothing(_Body, frozen=True, kw_only=True):
    """No arguments."""


class Unplug(_Body, frozen=True, kw_only=True):
    """`how`: see `Outlet.unplug`."""

    how: How | None = None


class Pause(_Body, frozen=True, kw_only=True):
    """`pilot`: the vehicle goes back to pilot state B instead of only taking nothing."""

    pilot: bool = False


class FaultCode(_Body, frozen=True, kw_only=True):
    """`value` is the temperature in °C for the code `temperature`."""

    code: str
    value: Annotated[float, Meta(ge=-100, le=200)] | None = None


class Clear(_Body, frozen=True, kw_only=True):
    """One code, or None for all."""

    code: str | None = None


class TapCard(_Body, frozen=True, kw_only=True):
    """`uid` is put on the wire as it is, so that cards a reader must refuse can be tried, too."""

    uid: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\r\n]*$")]
    connectors: tuple[Annotated[int, Meta(ge=1, le=99)], ...] = ()


class Cut(_Body, frozen=True, kw_only=True):
    """`silence`: nothing passes. `unplug`: the pseudo-terminal or listening port is gone."""

    how: Literal["silence", "unplug"] = "silence"


class Noise(_Body, frozen=True, kw_only=True):
    """Shares of all exchanges; see `PortFaults`."""

    garbage: Share = 0.1
    crc: Share = 0.2
    wrong: Kind | None = None
    wrong_share: Share = 1.0


class Late(_Body, frozen=True, kw_only=True):
    """Every reply comes so much later."""

    delay_s: Annotated[float, Meta(ge=0, le=600)]
    jitter_s: Annotated[float, Meta(ge=0, le=600)] = 0.0


class Emergency(_Body, frozen=True, kw_only=True):
    pressed: bool


class PowerCut(_Body, frozen=True, kw_only=True):
    """`restore`: the supply is back now. `restore_after_s`: it fails now and is back so much later; None: never."""

    restore: bool = False
    restore_after_s: NotNegative | None = None


class Refusal(Exception):
    """What cannot be done, in four parts for people."""

    def __init__(self, status: int, what: str, why: str, remedy: str) -> None:
        super().__init__(what)
        self.status, self.what, self.why, self.remedy = status, what, why, remedy


class Control:
    """The routes over one simulated station."""

    def __init__(self, station: SimulatedStation) -> None:
        self._station = station
        self._runner: web.AppRunner | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen on a loopback address; port 0 takes any. Returns host:port. Raises OSError, ValueError."""
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"control address {host}: only loopback addresses are served. Use 127.0.0.1.")
        app = web.Application(middlewares=[_refusals], client_max_size=MOST_BODY)
        app.add_routes(self._routes())
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound = self._runner.addresses[0]
        return f"{host}:{bound[1]}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _routes(self) -> list[web.RouteDef]:
        station = self._station
        on_connector, on_name = self._on_connector, self._on_name
        return [
            web.get("/state", self._state),
            web.get("/connectors/{n}/log", self._log),
            on_connector("plug", PlugOptions, station.plug),
            on_connector("unplug", Unplug, lambda n, body: station.unplug(n, body.how)),
            on_connector("pause", Pause, lambda n, body: station.pause(n, pilot=body.pilot)),
            on_connector("resume", Nothing, lambda n, body: station.resume(n)),
            on_connector("fault", FaultCode, self._fault),
            on_connector("clear", Clear, self._clear),
            on_name("/readers/{name}/tap", TapCard, lambda n, body: station.tap(n, body.uid, body.connectors)),
            on_name("/ports/{name}/cut", Cut, lambda n, body: station.cut(n, unplug=body.how == "unplug")),
            on_name("/ports/{name}/restore", Nothing, lambda n, body: station.restore(n)),
            on_name("/ports/{name}/noise", Noise, _noise(station)),
            on_name("/ports/{name}/late", Late, _late(station)),
            on_name("/ports/{name}/can", CanFaults, station.disturb_can),
            on_name("/meters/{name}", MeterFaults, station.set_meter),
            web.post("/device/{kind}/{name}", self._device),
            on_name("/emergency", Emergency, lambda _, body: station.emergency(body.pressed)),
            on_name("/power-cut", PowerCut, self._power_cut),
        ]

    def _on_connector(self, deed: str, body_type: type[S], act: Callable[[int, S], None]) -> web.RouteDef:
        def by_number(name: str, body: S) -> None:
            if not name.isascii() or not name.isdigit() or len(name) > 4:
                raise Refusal(404, f"connector '{name}'", "connectors have numbers", "Give a number, as 1.")
            act(int(name), body)

        return self._on_name(f"/connectors/{{name}}/{deed}", body_type, by_number)

    def _on_name(self, path: str, body_type: type[S], act: Callable[[str, S], None]) -> web.RouteDef:
        async def handler(request: web.Request) -> web.Response:
            act(request.match_info.get("name", ""), await _body(request, body_type))
            return _json({"done": True})

        return web.post(path, handler)

    def _fault(self, connector: int, body: FaultCode) -> None:
        if body.code not in FAULTS and body.code != "temperature":
            codes = ", ".join((*FAULTS, "temperature"))
            raise Refusal(400, f"fault code '{body.code}'", "there is no such fault", f"Use one of: {codes}.")
        self._station.fault(connector, body.code, body.value)

    def _clear(self, connector: int, body: Clear) -> None:
        self._station.clear(connector, body.code)

    def _power_cut(self, _: str, body: PowerCut) -> None:
        if body.restore:
            self._station.power_restore()
        else:
            self._station.power_cut(body.restore_after_s)

    async def _device(self, request: web.Request) -> web.Response:
        """Any kind of device: its body is the kind's own struct of what can be done to it."""
        kind, name = request.match_info["kind"], request.match_info["name"]
        deed = await _body(request, self._station.deed_type(kind))
        try:
            self._station.do(kind, name, deed)
        except KeyError as error:
            raise Refusal(404, f"{kind} '{name}': {error}", "it has no such part", "See GET /state.") from None
        return _json({"done": True})

    async def _state(self, request: web.Request) -> web.Response:
        return _json(self._station.state(_entries(request)))

    async def _log(self, request: web.Request) -> web.Response:
        name = request.match_info["n"]
        if not name.isascii() or not name.isdigit() or len(name) > 4:
            raise Refusal(404, f"connector '{name}'", "connectors have numbers", "Give a number, as 1.")
        return _json(self._station.contactor_log(int(name)))


def _noise(station: SimulatedStation) -> Callable[[str, Noise], None]:
    def act(name: str, body: Noise) -> None:
        before = station.port_faults(name)
        changed = {"garbage": body.garbage, "crc": body.crc, "wrong": body.wrong, "wrong_share": body.wrong_share}
        station.disturb(name, msgspec.structs.replace(before, **changed))

    return act


def _late(station: SimulatedStation) -> Callable[[str, Late], None]:
    def act(name: str, body: Late) -> None:
        before = station.port_faults(name)
        station.disturb(name, msgspec.structs.replace(before, delay_s=body.delay_s, jitter_s=body.jitter_s))

    return act


def _entries(request: web.Request) -> int:
    text = request.query.get("log", str(LOG_ENTRIES))
    if not text.isascii() or not text.isdigit() or len(text) > 5:
        raise Refusal(400, f"log = '{text}'", "it is a number of log entries", "Give 0 to 5000.")
    return int(text)


async def _body(request: web.Request, body_type: type[S]) -> S:
    raw = await request.read()
    try:
        return msgspec.json.decode(raw or b"{}", type=body_type)
    except msgspec.ValidationError as error:
        keys = ", ".join(field.name for field in msgspec.structs.fields(body_type)) or "none"
        raise Refusal(400, str(error), "the request's body does not fit", f"Known keys: {keys}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, str(error), "the request's body is not JSON", "Send a JSON object, or nothing.") from None


def _json(content: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), status=status, content_type="application/json")


@web.middleware
async def _refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return _refused(request, refusal)
    except Unknown as error:
        return _refused(request, Refusal(404, str(error), "station.toml does not name it", "Use one of those."))
    except (Occupied, NoVehicle) as error:
        return _refused(request, Refusal(409, str(error), "it does not fit what is there", "See GET /state."))
    except OverflowError as error:
        return _refused(request, Refusal(409, str(error), "the queue is full", "Let a station listen to the reader."))
    except OSError as error:
        return _refused(request, Refusal(409, str(error), "the system refused it", "Look at its path or port."))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        remedy = "Methods and paths: GET /state, POST /connectors/{n}/plug and the others of the manual page."
        return _refused(request, Refusal(error.status, error.reason, "there is nothing at this address", remedy))


def _refused(request: web.Request, refusal: Refusal) -> web.Response:
    where = f"{request.method} {request.path}"
    content = {"where": where, "what": refusal.what, "why": refusal.why, "remedy": refusal.remedy}
    log.info("%s: %s", where, json.dumps(content))
    return _json(content, refusal.status)
