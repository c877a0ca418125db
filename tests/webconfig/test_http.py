"""HTTP of the pages, as bytes on a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from webconfig.http.messages import Request, Response, StreamResponse
from webconfig.http.paths import BadPath, Paths, decoded, pattern_of
from webconfig.http.speaker import MOST_UNREAD_BYTES, Speaker


def test_a_row_without_places_comes_before_one_with_them() -> None:
    paths = Paths([("/s/{id:[0-9]{1,3}}", "number"), ("/s/all", "all"), ("/s/{name}", "name"), ("/s/{id}/x", "below")])
    assert paths.found("/s/all") == [("all", {}), ("name", {"name": "all"})]
    assert paths.found("/s/12") == [("number", {"id": "12"}), ("name", {"name": "12"})]
    assert paths.found("/s/1234") == [("name", {"name": "1234"})]
    assert paths.found(decoded("/s/a%2Fb")) == [("name", {"name": "a/b"})]
    assert paths.found("/s") == [] and paths.found("/s/") == []
    with pytest.raises(ValueError):
        pattern_of("/s/{id")


@pytest.mark.parametrize("path", ["/%ff", "/a/%00", "/%c3%28"])
def test_a_path_that_is_no_text_is_refused(path: str) -> None:
    with pytest.raises(BadPath):
        decoded(path)


@asynccontextmanager
async def speaking(
    answering: Callable[[Request], Awaitable[StreamResponse]],
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    server = await asyncio.get_running_loop().create_server(lambda: Speaker(answering), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        try:
            yield reader, writer
        finally:
            writer.close()


async def echo(request: Request) -> StreamResponse:
    body = b"".join([piece async for piece in request.body()])
    text = f"{request.method} {request.path} {sorted(request.query.items())} {len(body)}"
    return Response(text=text, content_type="text/plain")


async def refuse(_request: Request) -> StreamResponse:
    return Response(status=403, text="no")


@pytest.mark.realtime
async def test_requests_sent_at_once_are_answered_in_turn() -> None:
    async with speaking(echo) as (reader, writer):
        one = b"POST /a%20b?x=1&x=2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
        writer.write(one + b"GET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        found = (await reader.read()).decode()
        assert "POST /a b [('x', '1')] 3" in found and found.endswith("GET /c [] 0")
        assert found.count("HTTP/1.1 200") == 2


@pytest.mark.realtime
async def test_a_body_nobody_reads_ends_the_connection_only_when_it_is_large() -> None:
    async with speaking(refuse) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nsmall")
        writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 1000)
        found = await reader.read()
        assert found.count(b"403") == 2 and found.lower().count(b"connection: close") == 1


@pytest.mark.realtime
async def test_who_asks_first_whether_to_go_on_is_told_so_only_when_his_body_is_wanted() -> None:
    head = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    async with speaking(echo) as (reader, writer):
        writer.write(head)
        assert (await reader.readline()).startswith(b"HTTP/1.1 100")
        writer.write(b"ok")
        assert b" 2" in await reader.readuntil(b"[] 2")


@pytest.mark.realtime
@pytest.mark.parametrize(
    "sent, status",
    [
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: h\r\n\r\n", b"400"),
        (b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", b"400"),
        (b"GET /%ff HTTP/1.1\r\nHost: h\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", b"501"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 9000 + b"\r\n\r\n", b"431"),
        (b"GET /?" + b"&".join([b"a=1"] * 300) + b" HTTP/1.1\r\nHost: h\r\n\r\n", b"400"),
    ],
)
async def test_what_is_no_request_is_refused_in_a_word(sent: bytes, status: bytes) -> None:
    async with speaking(echo) as (reader, writer):
        writer.write(sent)
        found = await reader.read()
        assert found.split(b" ")[1] == status and b"Server: station" in found


@pytest.mark.realtime
async def test_what_nobody_reads_does_not_pile_up() -> None:
    held = asyncio.Event()
    seen: list[Request] = []

    async def wait(request: Request) -> StreamResponse:
        seen.append(request)
        await held.wait()
        return Response(text="done")

    async with speaking(wait) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50000000\r\n\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                while True:
                    writer.write(b"x" * 65536)
                    await writer.drain()
        speaker = seen[0].speaker
        assert len(speaker._parser.trailing_data[0]) < MOST_UNREAD_BYTES + (1 << 20)
        held.set()
        assert b"200" in await reader.readline()
