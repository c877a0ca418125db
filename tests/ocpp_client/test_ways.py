"""Two addresses, a proxy on the way, names that nobody resolves."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from chargepoint.config import Secrets
from chargepoint.messages import Authorize
from chargepoint.vocabulary import LinkState
from ocpp_client.resolving import CannotResolve, Resolver
from ocpp_client.simulated import CentralSystem, HttpAnswer
from ocpp_client.transport import CannotConnect, Stage, Way, authorization, open_link
from tests.ocpp_client.pki import pki, server_context
from tests.ocpp_client.rig import NAME, bench
from tests.ocpp_client.test_link import is_served, link_of
from tests.ocpp_client.test_security_profiles import ca_file

KEY = "s3cret-key-of-this-station"


class Proxy:
    """An HTTP proxy that knows CONNECT. `answer` in place of letting through; it hears the beginning of what passes."""

    def __init__(self) -> None:
        self.answer = ""
        self.is_slow = False
        self.leads_to: str | None = None
        self.asked: list[str] = []
        self.passed = bytearray()
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        if self.is_slow:
            await asyncio.sleep(3600)
        if self.answer:
            writer.write(f"HTTP/1.1 {self.answer}\r\nContent-Length: 0\r\n\r\n".encode())
            return
        host, _, port = (self.leads_to or head.split()[1]).rpartition(":")
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        ways = [asyncio.create_task(self._copy(reader, back)), asyncio.create_task(self._copy(there, writer))]
        self._tasks.update(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        back.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                self.passed += data
                writer.write(data)

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def proxy() -> AsyncIterator[Proxy]:
    found = Proxy()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        found.end()
        server.close()
        await asyncio.sleep(0)


# ------------------------------------------------------------------------------------------------------------ the proxy


async def test_the_link_goes_through_the_proxy(tmp_path: Path) -> None:
    async with proxy() as way, bench(tmp_path, proxy=way.url) as rig:
        await rig.registered()
        await is_served(rig)
        assert len(way.asked) == 1
        assert way.asked[0].startswith(f"CONNECT {rig.system.url.split('/')[2]} HTTP/1.1")
        assert "Authorization" not in way.asked[0]


async def test_tls_goes_through_the_proxy_unread(tmp_path: Path) -> None:
    context = server_context(tmp_path, pki().server)
    async with proxy() as way, bench(tmp_path, tls=context, ca_file=ca_file(tmp_path), proxy=way.url) as rig:
        await rig.registered()
        await is_served(rig)
        assert rig.system.connects[0].tls and b"BootNotification" not in way.passed and b"GET " not in way.passed


async def test_a_proxy_that_shows_another_server_is_found_out_before_a_header_leaves(tmp_path: Path) -> None:
    """The proxy leads elsewhere (TLS ends in the middle): chain and name are those of the target, so it is refused."""
    mine, stranger = (server_context(tmp_path, one) for one in (pki().server, pki().other_server))
    async with (
        CentralSystem(tls=stranger) as other,
        proxy() as way,
        bench(tmp_path, tls=mine, ca_file=ca_file(tmp_path), proxy=way.url) as rig,
    ):
        way.leads_to = other.url.split("/")[2]
        await rig.boot()
        await asyncio.sleep(20)
        assert len(way.asked) > 3 and not other.connects and not rig.system.connects
        assert b"GET " not in way.passed


@pytest.mark.parametrize(
    ("answer", "text"),
    [("407 Proxy Authentication Required", "HTTP 407"), ("403 Forbidden", "HTTP 403"), ("nonsense", "valid HTTP")],
)
async def test_a_proxy_that_refuses_is_said(tmp_path: Path, answer: str, text: str) -> None:
    async with proxy() as way, CentralSystem() as system:
        way.answer = answer
        with pytest.raises(CannotConnect, match=text) as caught:
            await open_link(Way(f"{system.url}/{NAME}", authorization(NAME, KEY), proxy=way.url))
        assert caught.value.stage is Stage.NETWORK and not system.connects
        assert not caught.value.event  # the proxy's 403 says nothing about our password


async def test_a_proxy_that_is_slow_or_away_is_given_up_in_time(tmp_path: Path) -> None:
    async with proxy() as way, CentralSystem() as system:
        way.is_slow = True
        begun_s = asyncio.get_running_loop().time()
        with pytest.raises(CannotConnect):
            await open_link(Way(f"{system.url}/{NAME}", proxy=way.url))
        assert asyncio.get_running_loop().time() - begun_s <= 20
    with pytest.raises(CannotConnect, match="cannot be reached"):
        await open_link(Way(f"ws://127.0.0.1:9/{NAME}", proxy=way.url))


async def test_the_link_comes_back_when_the_proxy_does(tmp_path: Path) -> None:
    async with proxy() as way, bench(tmp_path, proxy=way.url) as rig:
        way.answer = "503 Service Unavailable"
        await rig.boot()
        await asyncio.sleep(30)
        way.answer = ""
        await rig.system.until_connected(NAME, 30)


# -------------------------------------------------------------------------------------------------------- two addresses


async def test_the_second_address_is_used_while_the_first_does_not_answer(tmp_path: Path) -> None:
    async with CentralSystem() as backup, bench(tmp_path, backup_url=backup.url) as rig:
        rig.buses["admin"].watch("link")
        await rig.registered()
        assert not backup.connects
        await rig.system.go_away()
        await backup.until_connected(NAME, 10)
        await asyncio.sleep(1)
        assert link_of(rig).state is LinkState.ONLINE and link_of(rig).url == f"{backup.url}/{NAME}"
        await rig.system.come_back()
        await asyncio.sleep(600)
        assert len(rig.system.connects) == 1  # a link that works is not left
        backup.disconnect(NAME)
        await rig.system.until_connected(NAME, 10)  # each new link begins with the first address


async def test_with_both_away_they_are_tried_in_turn(tmp_path: Path) -> None:
    async with CentralSystem() as backup, bench(tmp_path, backup_url=backup.url, reconnect_spread_s=1.0) as rig:
        for system in (rig.system, backup):
            system.passwords = {}
        await rig.boot()
        await asyncio.sleep(100)
        assert abs(len(rig.system.connects) - len(backup.connects)) <= 1 and len(backup.connects) > 3


async def test_retry_after_binds_the_address_that_said_it(tmp_path: Path) -> None:
    async with CentralSystem() as backup, bench(tmp_path, backup_url=backup.url) as rig:
        rig.system.http_answer = HttpAnswer(status=503, headers={"Retry-After": "600"})
        await rig.boot()
        await backup.until_connected(NAME, 10)
        backup.http_answer = HttpAnswer(status=503, headers={"Retry-After": "60"})
        backup.disconnect(NAME)
        await asyncio.sleep(300)
        assert len(rig.system.connects) == 1
        assert 4 <= len(backup.connects) <= 7


async def test_retry_after_of_both_is_waited(tmp_path: Path) -> None:
    async with CentralSystem() as backup, bench(tmp_path, backup_url=backup.url) as rig:
        for system in (rig.system, backup):
            system.http_answer = HttpAnswer(status=503, headers={"Retry-After": "300"})
        await rig.boot()
        await asyncio.sleep(290)
        assert len(rig.system.connects) == len(backup.connects) == 1


# --------------------------------------------------------------------------------------------------------- subprotocol


async def no_subprotocol(connection: ServerConnection) -> None:
    await connection.wait_closed()


@pytest.mark.ocpp("J3.2-no-subprotocol")
async def test_a_server_that_names_no_subprotocol_is_kept_only_when_the_station_file_says_so() -> None:
    async with serve(no_subprotocol, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/CP1"
        with pytest.raises(CannotConnect, match="does not speak"):
            await open_link(Way(url))
        connection = await open_link(Way(url, needs_subprotocol=False))
        assert connection.subprotocol is None
        await connection.close()


# -------------------------------------------------------------------------------------------------------- name look-up


async def test_a_name_is_looked_up_and_each_address_tried() -> None:
    async with CentralSystem() as system:
        port = int(system.url.rsplit(":", 1)[1].split("/")[0])
        resolver = Resolver(lambda host, _: ["127.0.0.2", "127.0.0.1"])
        connection = await open_link(Way(f"ws://central.example:{port}/ocpp/{NAME}"), resolver=resolver)
        assert system.connects[0].station == NAME
        await connection.close()


async def test_a_name_that_does_not_exist_says_nothing_about_the_central_system() -> None:
    def nobody(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    with pytest.raises(CannotConnect, match=r"central\.example cannot be resolved") as caught:
        await open_link(Way("ws://central.example/ocpp"), resolver=Resolver(nobody))
    assert caught.value.stage is Stage.NETWORK


@pytest.mark.realtime
async def test_a_resolver_that_hangs_costs_one_thread_and_no_one_else(tmp_path: Path) -> None:
    """N039: attempts give up in time, all of them wait for the same look-up, and other work goes on."""
    let_go = threading.Event()
    asked = []

    def hang(host: str, port: int) -> list[str]:
        asked.append(host)
        let_go.wait(20)
        return []

    resolver = Resolver(hang)
    before = threading.active_count()
    for _ in range(5):
        with pytest.raises(CannotConnect):
            await open_link(Way("ws://central.example/ocpp"), open_timeout_s=0.05, resolver=resolver)
    assert len(asked) == 1 and threading.active_count() <= before + 1
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    await asyncio.to_thread(int)  # the loop's own pool is free
    assert loop.time() - begun_s < 1
    let_go.set()
    with pytest.raises(CannotResolve):
        await resolver.look_up("central.example", 80)


async def test_while_nothing_resolves_cards_are_judged_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path, url="ws://nowhere.invalid:9/ocpp") as rig:
        await rig.boot()
        await asyncio.sleep(5)
        begun_s = asyncio.get_running_loop().time()
        await rig.buses["station"].call("ocpp", Authorize(id_tag="CARD"))
        assert asyncio.get_running_loop().time() - begun_s < 1


async def test_each_address_is_asked_with_each_key(tmp_path: Path) -> None:
    """The new key is taken nowhere, the old one at the first address only."""
    old, new = "a1" * 20, "b2" * 20
    async with CentralSystem() as backup, bench(tmp_path, backup_url=backup.url) as rig:
        rig.secrets = Secrets(ocpp_authorization_key=old)
        rig.system.passwords = {NAME: bytes.fromhex(old)}
        backup.passwords = {NAME: b"another"}
        await rig.registered()
        answer = await rig.system.call(NAME, "ChangeConfiguration", {"key": "AuthorizationKey", "value": new})
        assert answer == {"status": "Accepted"}
        served = [one.status for one in rig.system.connects].count(101)
        await rig.system.until(lambda: [one.status for one in rig.system.connects].count(101) > served, 120)
        await is_served(rig)
