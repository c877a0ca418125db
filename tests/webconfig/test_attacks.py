"""What an attacker at the network, at a foreign page or with a poor role tries at the web (reliability.md S14 to S17,
S19; webconfig.md 12)."""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import ssl
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from chargepoint import process, services
from chargepoint.config_web import WebSettings
from chargepoint.messages import CreateToken, LogIn, Noted
from chargepoint.rights import Right
from chargepoint.vocabulary import Role
from tests.chargepoint.dummies import settings as dummy_settings
from tests.webconfig.bench import PASSWORD, Answer, Bench
from webconfig import certificate, reception, sending, table
from webconfig.answers import Answer as Given
from webconfig.answers import Json
from webconfig.ask import Ask
from webconfig.certificate import fingerprint, server_context
from webconfig.interfaces import remember_interfaces
from webconfig.paces import Pace
from webconfig.routes import Route, Values, get, post

pytestmark = pytest.mark.realtime


def session_of(answer: Answer) -> str:
    return answer.headers["Set-Cookie"].partition("=")[2].partition(";")[0]


async def raw(bench: Bench, text: bytes, is_plain: bool = False) -> bytes:
    """What is answered to these bytes, until the connection ends."""
    host, _, port = (bench.plain if is_plain else bench.base).partition("://")[2].partition(":")
    context = None if is_plain else ssl._create_unverified_context()
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    writer.write(text)
    async with asyncio.timeout(5):
        found = await reader.read(1 << 20)
    writer.close()
    return found


async def test_plain_http_only_leads_to_https_and_takes_nothing(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        client = bench.client()
        client.base = bench.plain
        for path in ("/sessions?page=2", "/static/app.css", "/nowhere"):
            answer = await client.get(path)
            assert (answer.status, answer.headers["Location"]) == (308, bench.base + path)
            assert "Strict-Transport-Security" not in answer.headers
        for path in ("/login", "/nowhere"):
            assert (await client.post(path, {"login": "admin", "password": PASSWORD})).status == 403
        assert (await client.get("/", headers={"Host": "evil.example"})).status == 421
        found = await raw(bench, b"GET //evil.example/x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", True)
        assert f"Location: {bench.base}//evil.example/x\r\n".encode() in found


async def test_the_service_port_works_by_plain_http_where_the_station_file_says_so(tmp_path: Path) -> None:
    web = WebSettings(plain_http="service_port", service_address="127.0.0.1")
    async with Bench(tmp_path, settings=msgspec.structs.replace(dummy_settings(), web=web)) as bench:
        bench.base = bench.plain
        client = await bench.log_in("vera")
        assert (await client.get("/more")).status == 200
    web = WebSettings(plain_http="service_port", service_address="192.0.2.7")
    async with Bench(tmp_path, settings=msgspec.structs.replace(dummy_settings(), web=web)) as bench:
        client = bench.client()
        client.base = bench.plain
        assert (await client.get("/login")).status == 308


async def test_an_address_that_asks_too_often_is_told_when_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webconfig.admission.REQUESTS", Pace(per_s=0.01, burst=10.0))
    async with Bench(tmp_path) as bench:
        client = bench.client()
        paths = ("/login", "/static/app.css", "/api/v1/health", "/nowhere", "/live?of=/")
        answers = [await client.get(path) for path in paths * 3]
        assert 429 not in {answer.status for answer in answers[:10]}
        for answer in answers[10:]:
            assert answer.status == 429 and int(answer.headers["Retry-After"]) >= 1
        assert answers[12].headers["Content-Type"].startswith("application/problem+json")


async def test_names_origins_and_foreign_pages(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        client = await bench.log_in("admin")
        for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:443", "[::1", "a b", "localhost.evil"):
            assert (await client.get("/more", headers={"Host": host})).status == 421, host
        assert b" 421 " in await raw(bench, b"GET /login HTTP/1.0\r\n\r\n")
        own = bench.base
        for headers, status in (
            ({"Origin": own, "Sec-Fetch-Site": "same-origin"}, 303),
            ({"Origin": own.upper()}, 303),
            ({"Referer": f"{own}/more"}, 303),
            ({"Origin": "https://evil.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": own + ".evil.example"}, 403),
            ({"Origin": bench.plain}, 403),
            ({"Referer": "https://evil.example/"}, 403),
            ({"Referer": own + ".evil.example/"}, 403),
            ({"Origin": own, "Sec-Fetch-Site": "cross-site"}, 403),
            ({"Sec-Fetch-Site": "same-site"}, 403),
        ):
            assert (await client.post("/look", {"theme": "dark"}, headers=headers)).status == status, headers
        login = {"login": "admin", "password": PASSWORD}
        assert (await client.post("/login", login, headers={"Origin": "https://evil.example"})).status == 403
        api = "/api/v1/version"
        assert (await client.get(api)).status == 200
        foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
        assert (await client.get(api, headers=foreign)).status == 403
        assert (await client.get("/live?of=/", headers={"Origin": "https://evil.example"})).status == 403
        followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        assert (await client.get("/login", headers=followed)).status == 303


async def test_sessions_begin_anew_end_at_the_station_and_belong_to_this_site_only(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        client = bench.client()
        fixed = {"Cookie": "__Host-session=chosen-by-somebody-else"}
        answer = await client.post("/login", {"login": "vera", "password": PASSWORD}, headers=fixed)
        first, cookie = session_of(answer), answer.headers["Set-Cookie"]
        assert first not in ("", "chosen-by-somebody-else") and "Domain" not in cookie
        for flag in ("__Host-session=", "; HttpOnly", "; Secure", "; SameSite=Strict", "; Path=/"):
            assert flag in cookie
        assert "max-age" not in cookie.lower()
        assert (await bench.client().get("/more", headers=fixed)).status == 303

        answer = await client.post("/login", {"login": "vera", "password": PASSWORD})
        assert answer.status == 403  # somebody is logged in here, and the form was not his
        await client.get("/more")
        again = session_of(await client.post("/login", {"login": "vera", "password": PASSWORD}))
        assert again != first
        assert (await bench.client(Cookie=f"__Host-session={first}").get("/more")).status == 303
        await client.get("/more")
        await client.post("/logout")
        assert (await bench.client(Cookie=f"__Host-session={again}").get("/more")).status == 303

        here, there, oleg = [await bench.log_in(login) for login in ("vera", "vera", "oleg")]
        assert (await here.post("/logout/everywhere")).status == 303
        assert [(await one.get("/more")).status for one in (here, there, oleg)] == [303, 303, 200]

        here, there = [await bench.log_in("vera") for _ in range(2)]
        new = "Another-battery-horse-7"
        assert (await here.post("/password", {"old": PASSWORD, "new": new, "again": new})).status == 303
        async with asyncio.timeout(5):
            while (await there.get("/more")).status != 303:
                await asyncio.sleep(0.01)
        assert (await here.get("/more")).status == 200

        for to in (
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nSet-Cookie: x=1",
            "\t//e.example",
        ):
            stranger = bench.client()
            answer = await stranger.post("/login", {"login": "oleg", "password": PASSWORD, "to": to})
            assert answer.headers["Location"] == "/", to


async def test_guessing_at_the_web_is_slowed_and_locks_nobody_out_of_the_screen(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        client = bench.client()
        statuses = []
        for n in range(32):
            answer = await client.post("/login", {"login": f"user{n % 3}", "password": f"wrong password {n}"})
            statuses.append(answer.status)
        assert statuses[0] == 401 and statuses[12] == 429
        assert int(answer.headers["Retry-After"]) >= 1  # of this address, whatever it says
        screen = bench.house.connect("hmi")
        running = asyncio.create_task(screen.run())
        entered = await screen.call("hub", LogIn(login="admin", password=PASSWORD, origin="screen"), 10)
        assert entered.ok
        screen.close()
        await running


async def test_tokens_open_the_api_only_and_guessing_them_is_slowed(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        made = await bench.buses["admin"].call("hub", CreateToken(name="t", role=Role.VIEWER, days=1, by="admin"))
        assert made.ok
        program = bench.client(Authorization=f"Bearer {made.token}")
        assert (await program.get("/api/v1/version")).status == 200
        assert (await program.get("/more")).status == 303
        statuses = []
        for n in range(32):
            answer = await program.get("/api/v1/version", headers={"Authorization": f"Bearer wrong{n}"})
            statuses.append(answer.status)
        assert set(statuses[:30]) == {401} and statuses[-1] == 429
        for header in ("Basic YWRtaW46YWRtaW4=", "Bearer", "Bearer " + "x" * 300):
            assert (await program.get("/api/v1/version", headers={"Authorization": header})).status == 401


async def test_answers_tell_nothing_of_the_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_ask: Ask) -> Given:
        raise RuntimeError("secret of the inside")

    add_routes(monkeypatch, get("/api/v1/broken", broken, Right.SEE), get("/broken", broken, Right.SEE))
    async with Bench(tmp_path) as bench:
        client = await bench.log_in("vera")
        answers = [await client.get(path) for path in ("/broken", "/api/v1/broken", "/", "/nowhere", "/api/nowhere")]
        assert [answer.status for answer in answers] == [500, 500, 200, 404, 404]
        answers.append(await client.ask("DELETE", "/login"))
        assert (answers[-1].status, answers[-1].headers["Allow"]) == (405, "GET, POST")
        for answer in answers:
            assert "secret" not in answer.text and "Traceback" not in answer.text
            assert answer.headers["Server"] == "station"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
        for rubbish in (b"rubbish\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n"):
            found = await raw(bench, rubbish)
            assert found.split(b" ")[1] in (b"400", b"431", b"505")
            assert b"aiohttp" not in found.lower() and b"python" not in found.lower() and b"Traceback" not in found
        for path in ("/static/../service.py", "/static/%2e%2e/service.py", "/static/..%2fservice.py", "/static/%00",
                     "/static//etc/passwd", "/static/....//app.css", "/..%2f..%2fetc/passwd"):  # fmt: skip
            found = await raw(bench, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            assert found.split(b" ", 2)[1] in (b"404", b"400"), path


async def test_large_and_compressed_bodies_are_refused(tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"a" * 65536

    async with Bench(tmp_path) as bench:
        client = bench.client()
        assert (await client.ask("POST", "/login", data=b"a=" + b"b" * 5000)).status == 413
        try:
            answer = await client.ask("POST", "/login", data=endless())  # without a length
        except OSError:
            pass  # cut off while it was still sending
        else:
            assert answer.status == 413
        for encoding in ("gzip", "deflate", "br"):
            answer = await client.ask("POST", "/login", data=b"login=a", headers={"Content-Encoding": encoding})
            assert answer.status == 415
        assert (await client.ask("POST", "/login", json={"login": "admin"})).status == 415
        assert (await client.ask("POST", "/login", data=b"a&" * 1500)).status == 400
        assert (await client.get("/login", headers={"X-Long": "a" * 9000})).status == 431


async def test_who_keeps_connections_open_keeps_nobody_else_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "MOST_OF_ONE", 12)
    monkeypatch.setattr(reception, "ASK_WITHIN_S", 0.5)
    async with Bench(tmp_path) as bench:
        where = ("127.0.0.1", int(bench.base.rsplit(":", 1)[1]))
        silent = [await asyncio.open_connection(*where) for _ in range(40)]  # they never begin TLS
        client = bench.client()
        assert (await client.get("/login")).status == 200
        context = ssl._create_unverified_context()
        reader, writer = await asyncio.open_connection(*where, ssl=context)
        writer.write(b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        async with asyncio.timeout(8):
            for n in range(1000):
                writer.write(b"X-%d: a\r\n" % n)  # a header now and then
                if reader.at_eof() or writer.is_closing():
                    break
                await asyncio.sleep(0.05)
        assert reader.at_eof() or writer.is_closing()
        for _, each in (*silent, (reader, writer)):
            each.close()


async def test_a_slow_reader_is_ended_and_his_place_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0

    async def much(_ask: Ask) -> Values:
        nonlocal count
        count += 1
        return {"a": f"{count}" * 200_000}

    async def page(_ask: Ask) -> Given:
        return Json({})

    add_routes(monkeypatch, get("/much", page, Right.SEE, live=much, live_s=0.02))
    monkeypatch.setattr(sending, "TAKE_WITHIN_S", 0.3)
    settings = msgspec.structs.replace(dummy_settings(), web=WebSettings(most_viewers=1))
    async with Bench(tmp_path, settings=settings) as bench:
        client = await bench.log_in("vera")
        slow = await client.session.get(f"{bench.base}/live?of=/much", ssl=False)
        assert slow.status == 200
        assert (await client.get("/live?of=/much")).status == 503
        async with asyncio.timeout(10):
            while True:  # nothing is read
                again = await client.session.get(f"{bench.base}/live?of=/much", ssl=False)
                again.close()
                if again.status == 200:
                    break
                await asyncio.sleep(0.1)
        slow.close()


async def test_connections_from_a_closed_interface_are_refused() -> None:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    remember_interfaces(listening)
    listening.listen()
    listening.setblocking(False)
    asked: list[str] = []

    def is_closed(name: str) -> bool:
        asked.append(name)
        return True

    def speaker() -> Any:
        raise AssertionError

    door = reception.Reception(speaker, is_closed)
    task = asyncio.create_task(door.welcome(listening, None, is_checked=True))
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    assert await reader.read() == b"" and asked == ["lo"] and not door.connections
    writer.close()
    task.cancel()
    listening.close()


async def test_a_connection_that_is_over_with_its_handshake_does_no_harm(tmp_path: Path) -> None:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    listening.setblocking(False)

    class Leaving(asyncio.Protocol):
        transport: asyncio.Transport | None = None

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport
            transport.close()
            transport.close()

    door = reception.Reception(lambda: cast("Any", Leaving()))
    secure = await server_context(tmp_path, dummy_settings())
    task = asyncio.create_task(door.welcome(listening, secure, is_checked=False))
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(*listening.getsockname(), ssl=trusting)
        assert await reader.read() == b""
        writer.close()
    (connection,) = door.connections
    assert connection.task is not None
    await connection.task  # raises nothing
    task.cancel()
    listening.close()


async def test_each_unit_has_its_own_certificate_and_old_tls_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prints = set()
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        context = await server_context(folder, dummy_settings())
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
        assert stat.S_IMODE((folder / "web.key").stat().st_mode) == 0o600
        prints.add(fingerprint(folder))
        await server_context(folder, dummy_settings())  # a restart keeps it
        prints.add(fingerprint(folder))
    assert len(prints) == 2 and all(len(one) == 95 for one in prints)

    monkeypatch.setattr(
        certificate, "MACHINE", (tmp_path / "none", tmp_path / "machine-id")
    )  # the data directory on another board
    (tmp_path / "machine-id").write_text("another\n", encoding="ascii")
    await server_context(tmp_path / "one", dummy_settings())
    assert fingerprint(tmp_path / "one") not in prints
    (tmp_path / "one" / "web.unit").unlink()  # as with a certificate that somebody put there
    (tmp_path / "machine-id").write_text("a third one\n", encoding="ascii")
    known = fingerprint(tmp_path / "one")
    await server_context(tmp_path / "one", dummy_settings())
    assert fingerprint(tmp_path / "one") == known


async def test_writes_are_noted_once_with_who(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def change(_ask: Ask) -> Given:
        return Json({})

    add_routes(monkeypatch, post("/api/v1/change/{n}", change, Right.SEE))
    async with Bench(tmp_path) as bench:
        noted: list[Noted] = []

        async def listen() -> None:
            async for event in bench.buses["admin"].subscribe(Noted):
                noted.append(event)

        listener = asyncio.create_task(listen())
        client = await bench.log_in("oleg")
        for _ in range(2):
            await client.get("/api/v1/change/7")
            await client.post("/api/v1/change/7", headers={"X-CSRF-Token": client.csrf})
        await client.post("/look", {"theme": "dark"})
        await client.post("/logout/everywhere")
        async with asyncio.timeout(5):
            while not any("/logout/everywhere" in one.message for one in noted):
                await asyncio.sleep(0.01)
        listener.cancel()
        lines = [one.message for one in noted if "webconfig" in one.message and "POST" in one.message]
        assert lines == [
            "POST /api/v1/change/7 by oleg (webconfig, 127.0.0.1)",
            "POST /api/v1/change/7 by oleg (webconfig, 127.0.0.1)",
            "POST /logout/everywhere by oleg (webconfig, 127.0.0.1)",
        ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop to another account")
def test_the_web_keeps_ports_below_1024_and_no_other_right_of_root() -> None:
    row = next(one for one in services.SERVICES if one.name == "webconfig")
    near, far = os.pipe()
    pid = os.fork()
    if not pid:
        process.become(row, {far}, os.getppid(), pwd.getpwnam("nobody"))
        status = Path("/proc/self/status").read_text(encoding="ascii").split("\n")
        os.write(far, "|".join(line for line in status if line.startswith(("Uid", "Cap"))).encode())
        os._exit(0)
    os.close(far)
    os.waitpid(pid, 0)
    told = dict(line.split(":", 1) for line in os.read(near, 4096).decode().split("|"))
    os.close(near)
    assert told["Uid"].split()[0] != "0"
    assert [int(told[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")] == [1 << 10, 1 << 10, 0, 0]


def add_routes(monkeypatch: pytest.MonkeyPatch, *more: Route) -> None:
    known: Callable[[], tuple[Route, ...]] = table.all_routes
    monkeypatch.setattr("webconfig.service.all_routes", lambda **_: (*known(), *more))
