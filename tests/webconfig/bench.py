"""The web configurator on real loopback sockets, beside a hub with its real household, on stand-ins of the other
services: for tests of pages and API. Whole stations with a browser are in tests/system.

    async with Bench(tmp_path) as bench:
        client = await bench.log_in("admin")
        answer = await client.get("/sessions")
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest

from chargepoint.bus import Bus
from chargepoint.config import Secrets, Settings
from chargepoint.config_web import WebSettings
from chargepoint.layout import Layout
from chargepoint.messages import SaveUser, State, User
from chargepoint.one_process import House
from chargepoint.services import SERVICES, World
from chargepoint.vocabulary import Role
from tests.chargepoint.dummies import settings as dummy_settings
from webconfig.sockets import Listening, _bound

PASSWORD = "Correct-horse-battery-9"
ROLES = {"vera": Role.VIEWER, "oleg": Role.OPERATOR, "tim": Role.TECHNIK, "admin": Role.ADMINISTRATOR}
"""Users of the bench by login; all have PASSWORD."""


class Client:
    """A browser without scripts: keeps cookies, follows no redirects unless asked to."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base = base
        self.session = session
        self.csrf = ""

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, fields: Mapping[str, str] | None = None, **options: Any) -> Answer:
        """Send a form, with the CSRF token of the page seen last."""
        return await self.ask("POST", path, data={"csrf": self.csrf, **(fields or {})}, **options)

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        options.setdefault("allow_redirects", False)
        async with self.session.request(method, self.base + path, ssl=False, **options) as response:
            answer = Answer(response.status, dict(response.headers), await response.read())
        found = re.search(r'name="csrf" value="([^"]+)"', answer.text)
        if found:
            self.csrf = found[1]
        return answer


class Answer:
    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        return json.loads(self.body)


class Bench:
    """`states` are told by a service in the place of `station`; `answers` are served in its place:
    {ReadSessions: function of the request}."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: Settings | None = None,
        states: Mapping[str, State] | None = None,
        answers: Mapping[str, Mapping[type[Any], Callable[[Any], Any]]] | None = None,
        users: Mapping[str, Role] = ROLES,
        safe_mode: tuple[str, ...] = (),
        config: Path | None = None,
        beside: frozenset[str] = frozenset(),
    ) -> None:
        self.folder = folder
        self.settings = settings or dummy_settings()
        self.states = dict(states or {})
        self.answers = dict(answers or {})
        self.users = users
        self.safe_mode = safe_mode
        self.config = config
        self.services = tuple(service for service in SERVICES if service.name in {"webconfig", *beside})
        """Services named in `beside` run themselves: `diag` for archives, `fota` for updates."""
        self.base = ""
        self.buses: dict[str, Bus] = {}
        self._clients: list[aiohttp.ClientSession] = []
        self._running: list[asyncio.Task[None]] = []
        self._patch = pytest.MonkeyPatch()

    async def __aenter__(self) -> Self:
        self._opened: list[Listening] = []
        self._patch.setattr("webconfig.service.listening", self._listen)
        world = World(
            settings=self.settings,
            secrets=Secrets(),
            data=self.folder,
            services=self.services,
            safe_mode=self.safe_mode,
            config=self.config,
            layout=Layout(self.folder / "factory", self.folder / "slots", self.folder / "keys"),
        )
        self.house = House(world)
        await self.house.__aenter__()
        for name in {"station", *self.answers}:
            bus = self.house.connect(name)
            self.buses[name] = bus
            for kind, function in self.answers.get(name, {}).items():
                bus.serve(kind, _answering(function))
            self._running.append(asyncio.create_task(bus.run(), name=f"stand-in {name}"))
        for topic, state in self.states.items():
            self.buses["station"].set_state(topic, state)
        admin = self.house.connect("admin")
        self.buses["admin"] = admin
        self._running.append(asyncio.create_task(admin.run(), name="admin"))
        async with asyncio.timeout(20):
            while not self._opened or not self._opened[0].secure[0].getsockname()[1]:
                await asyncio.sleep(0.01)
        self.base = f"https://127.0.0.1:{self._opened[0].secure[0].getsockname()[1]}"
        self.plain = f"http://127.0.0.1:{self._opened[0].plain[0].getsockname()[1]}"
        view = admin.watch("service/")
        async with asyncio.timeout(20):
            for service in world.services:
                while getattr(await view.first(f"service/{service.name}"), "status", "") != "running":
                    await asyncio.sleep(0.01)
        for login, role in self.users.items():
            user = SaveUser(user=User(login=login, role=role), password=PASSWORD, must_change=False, by="cli")
            result = await admin.call("hub", user)
            assert result.ok, result
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in self._clients:
            await session.close()
        for bus in self.buses.values():
            bus.close()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.house.__aexit__(None, None, None)
        self._patch.undo()

    def _listen(self, _settings: WebSettings) -> Listening:
        found = Listening(secure=[_bound("127.0.0.1", 0)], plain=[_bound("127.0.0.1", 0)])
        self._opened.append(found)
        return found

    def client(self, **headers: str) -> Client:
        """Somebody who is not logged in."""
        session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), headers=headers)
        self._clients.append(session)
        return Client(self.base, session)

    async def log_in(self, login: str = "admin", language: str = "en") -> Client:
        """Somebody who is."""
        client = self.client(**{"Accept-Language": language})
        await client.get("/login")
        answer = await client.post("/login", {"login": login, "password": PASSWORD})
        assert answer.status == 303, answer.text
        await client.get("/password")  # its CSRF token
        return client


def _answering(function: Callable[[Any], Any]) -> Callable[[Any, str], Any]:
    async def handle(request: Any, _sender: str) -> Any:
        return function(request)

    return handle
