"""The connection test against real servers on loopback that fail at each step."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from chargepoint.clock import Clock, unix_of
from chargepoint.messages import LinkTestStep
from ocpp_client.connection_test import STEPS, ConnectionTest, Target, answer_of
from ocpp_client.connection_words import look_at_address
from ocpp_client.resolving import Resolver
from ocpp_client.simulated_authority import Issued
from ocpp_client.tls import client_context
from ocpp_client.transport import Way, address, authorization
from tests.ocpp_client.pki import files, pki

pytestmark = pytest.mark.realtime
WHO = "CP1"


@pytest.fixture(autouse=True)
def _short_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocpp_client.connection_test.HOLDS_S", 0.3)


async def tried(way: Way, **more: Any) -> tuple[dict[str, LinkTestStep], str]:
    """The steps of one test, and its verdict."""
    clock = Clock("test")
    clock.set_offset(unix_of(datetime.now(UTC)) - clock.mono(), "system")
    test = ConnectionTest(Target(way, WHO, **more), clock, lambda steps: None)
    async with asyncio.timeout(30):
        await test.run()
    return test.steps, test.verdict


def plain(port: int, **more: Any) -> Way:
    return Way(address(f"ws://127.0.0.1:{port}/ocpp", WHO), **more)


def secure(port: int, **more: Any) -> Way:
    return Way(address(f"wss://127.0.0.1:{port}/ocpp", WHO), tls=client_context((pki().root.pem,)), **more)


@asynccontextmanager
async def system(
    folder: Path | None = None,
    issued: Issued | None = None,
    *,
    answer: Callable[[ServerConnection, Request], Response | None] | None = None,
    handle: Callable[[ServerConnection], Any] | None = None,
    subprotocols: tuple[str, ...] = ("ocpp1.6",),
) -> AsyncIterator[int]:
    """A WebSocket server on loopback; its port."""

    async def stay(connection: ServerConnection) -> None:
        await connection.wait_closed()

    context = None
    if folder is not None and issued is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files(folder, issued))
    server = await serve(
        handle or stay,
        "127.0.0.1",
        0,
        ssl=context,
        process_request=answer,
        subprotocols=[Subprotocol(one) for one in subprotocols] or None,
        select_subprotocol=None if subprotocols else lambda _c, _o: None,
    )
    try:
        yield next(iter(server.sockets)).getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def codes(steps: dict[str, LinkTestStep]) -> dict[str, str]:
    return {name: step.code for name, step in steps.items()}


async def test_all_steps_are_well_where_the_central_system_takes_this_station(tmp_path: Path) -> None:
    async def boots(connection: ServerConnection) -> None:
        async for text in connection:
            number = msgspec.json.decode(text)[1]
            await connection.send('[2,"x","GetConfiguration",{}]')  # something else meanwhile
            now = datetime.now(UTC).isoformat()
            await connection.send(
                msgspec.json.encode([3, number, {"status": "Accepted", "currentTime": now, "interval": 300}]).decode()
            )

    async with system(tmp_path, pki().server, handle=boots) as port:
        way = secure(port, headers=authorization(WHO, "secret-secret-1"), profile=2)
        steps, verdict = await tried(way, boot={"chargePointVendor": "V", "chargePointModel": "M"})
    assert verdict == "ok", steps
    assert codes(steps) == {
        "address": "address_ok", "dns": "dns_literal", "tcp": "tcp_ok", "tls": "tls_ok",
        "upgrade": "upgrade_ok", "authorisation": "auth_password", "boot": "boot_accepted",
    }  # fmt: skip
    assert steps["tls"].values["version"] == "TLSv1.3" and steps["boot"].values["interval"] == "300"
    assert all(step.duration_s is not None for step in steps.values())


async def test_nothing_listens_and_what_follows_is_skipped() -> None:
    listening = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    listening.close()
    await listening.wait_closed()
    steps, verdict = await tried(plain(port))
    assert verdict == "failed" and steps["address"].code == "address_plain"
    assert steps["tcp"].code == "tcp_refused" and steps["tcp"].values["port"] == str(port)
    assert all(steps[name].status == "skipped" for name in STEPS[3:])


async def test_a_name_that_nobody_knows_fails_at_dns() -> None:
    test = ConnectionTest(
        Target(Way("ws://nobody.example:9000/CP1"), WHO), Clock("test"), lambda steps: None, Resolver(lambda _h, _p: [])
    )
    await test.run()
    assert test.steps["dns"].code == "dns_failed" and test.steps["dns"].values["host"] == "nobody.example"


@pytest.mark.parametrize(
    ("certificate", "code"),
    [
        ("other_name_server", "tls_name"),
        ("expired_server", "tls_expired"),
        ("future_server", "tls_not_yet"),
        ("other_server", "tls_unknown_root"),
        ("self_signed", "tls_self_signed"),
    ],
)
async def test_a_certificate_that_is_not_believed_is_told_in_words(tmp_path: Path, certificate: str, code: str) -> None:
    issued = pki().other.own if certificate == "self_signed" else getattr(pki(), certificate)
    async with system(tmp_path, issued) as port:
        steps, _ = await tried(secure(port, headers=authorization(WHO, "x" * 16)))
    assert steps["tls"].code == code and steps["tls"].status == "failed", steps["tls"]
    assert steps["tls"].values["name"] not in ("", "–")
    assert steps["upgrade"].status == "skipped"
    if code == "tls_name":
        assert steps["tls"].values["names"] == "central.example"


async def test_a_port_without_tls_is_told_so() -> None:
    async with system() as port:
        steps, _ = await tried(secure(port))
    assert steps["tls"].code in ("tls_not_tls", "tls_ended"), steps["tls"]


@pytest.mark.parametrize(
    ("status", "step", "code"),
    [
        (401, "authorisation", "auth_refused"),
        (403, "authorisation", "auth_refused"),
        (404, "upgrade", "http_404"),
        (500, "upgrade", "http_server"),
        (302, "upgrade", "http_redirect"),
        (200, "upgrade", "http_portal"),
    ],
)
async def test_an_http_answer_is_told_by_what_it_means(status: int, step: str, code: str) -> None:
    def answer(connection: ServerConnection, _request: Request) -> Response:
        return connection.respond(HTTPStatus(status), "no\n")

    async with system(answer=answer) as port:
        steps, verdict = await tried(plain(port, headers=authorization(WHO, "x" * 16), profile=1))
    assert verdict == "failed" and steps[step].code == code and steps[step].values["status"] == str(status)
    if step == "authorisation":
        assert steps["upgrade"].code == "upgrade_asks"


async def test_other_subprotocols_and_a_server_that_closes_at_once() -> None:
    async with system(subprotocols=()) as port:
        steps, _ = await tried(plain(port))
        assert steps["upgrade"].code == "subprotocol" and steps["upgrade"].values["accepted"] == "–"
        steps, _ = await tried(plain(port, needs_subprotocol=False))
        assert steps["upgrade"].code == "upgrade_without" and steps["authorisation"].code == "auth_nothing"

    async def closes(connection: ServerConnection) -> None:
        await connection.close(1008, "who are you")

    async with system(handle=closes) as port:
        steps, _ = await tried(plain(port))
    assert steps["authorisation"].code == "auth_closed"
    assert steps["authorisation"].values["code"] == "1008" and "who are you" in steps["authorisation"].values["reason"]


async def test_a_linked_station_is_not_disturbed_beyond_tls() -> None:
    met: list[ServerConnection] = []

    async def stay(connection: ServerConnection) -> None:
        met.append(connection)
        await connection.wait_closed()

    async with system(handle=stay) as port:
        steps, _ = await tried(plain(port), has_link=True)
    assert not met and {steps[name].code for name in STEPS[4:]} == {"has_link"}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://host/a", "address_bad"),
        ("wss://", "address_bad"),
        ("wss://host:99999/a", "address_bad"),
        ("wss://user:word@host/a", "address_secret"),
        ("wss://host/a?b=1", "address_query"),
        ("wss://host/CP1/CP1", "address_twice"),
        ("ws://host/CP1", "address_plain"),
        ("wss://host/CP1", "address_ok"),
    ],
)
def test_an_address_is_looked_at_before_anything_is_dialled(url: str, code: str) -> None:
    found = look_at_address(url, "", WHO)
    assert found.code == code
    assert "word" not in str(found.values)


def test_only_the_answer_to_the_own_call_counts() -> None:
    assert (
        answer_of('[3,"other",{}]') is None
        and answer_of("{") is None
        and answer_of('[2,"connection-test","A",{}]') is None
    )
    assert answer_of('[3,"connection-test",{"status":"Accepted"}]') == (True, {"status": "Accepted"})
    assert answer_of('[4,"connection-test","NotSupported","no"]') == (False, {"error": "NotSupported no"})
