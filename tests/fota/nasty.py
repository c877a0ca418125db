"""HTTP servers that are not nice: what they do is a plain function over asyncio's streams."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from msgspec import Struct


class Asked(Struct):
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""


Behaviour = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """`requests` are those that came so far."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[Asked] = []

    def url(self, path: str = "/file.cpk", scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@asynccontextmanager
async def serving(behaviour: Behaviour, context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """`behaviour` answers each request; afterwards the connection is closed."""
    server = Server()
    busy: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        busy.add(task)
        try:
            asked = await _read(reader)
            server.requests.append(asked)
            await behaviour(asked, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            busy.discard(task)
            writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in list(busy):
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        await listening.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, target, headers, body)


def head(status: str, **headers: object) -> bytes:
    """`head("200 OK", content_length=3)`"""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


def ranges(content: bytes, tag: str = '"v1"', cuts: list[int] | None = None) -> Behaviour:
    """A good server with ranges; each answer is broken off after the next number of `cuts` bytes, as long as there
    are some."""
    left = list(cuts or ())

    async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
        wanted = asked.headers.get("range", "")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if wanted and start >= len(content):
            writer.write(head("416 Range Not Satisfiable", content_range=f"bytes */{len(content)}", content_length=0))
            return
        rest = content[start:]
        common = {"content_length": len(rest), "etag": tag}
        if wanted and asked.headers.get("if-range") == tag:
            told = f"bytes {start}-{len(content) - 1}/{len(content)}"
            writer.write(head("206 Partial Content", content_range=told, **common))
        else:
            rest = content
            writer.write(head("200 OK", **(common | {"content_length": len(rest)})))
        if left:
            writer.write(rest[: left.pop(0)])
            await writer.drain()
            writer.transport.close()
        else:
            writer.write(rest)

    return behave


@asynccontextmanager
async def cutting(port: int, cuts: list[int]) -> AsyncIterator[int]:
    """A way to `port`, its own port told, that breaks off after the next number of `cuts` bytes from over there."""
    left = list(cuts)
    busy: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: float) -> None:
        while most > 0 and (data := await reader.read(int(min(most, 65536)))):
            most -= len(data)
            writer.write(data)
            await writer.drain()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        busy.add(task)
        there, out = await asyncio.open_connection("127.0.0.1", port)
        both = [
            asyncio.create_task(carry(reader, out, float("inf"))),
            asyncio.create_task(carry(there, writer, left.pop(0) if left else float("inf"))),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both:
                each.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            writer.close()
            out.close()
            busy.discard(task)

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for task in list(busy):
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
