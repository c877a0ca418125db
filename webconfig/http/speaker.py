"""HTTP/1.1 of one connection: one request after the other, each answered before the next is looked at.

What is no HTTP is answered in a word, without a trace and without versions. Nothing is buffered without bound in either
direction: reading pauses at `MOST_UNREAD_BYTES`, and a writer waits until the other end takes what was written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

import h11

from webconfig.http.messages import BadRequest, Request, Response, StreamResponse
from webconfig.http.paths import BadPath

log = logging.getLogger(__name__)

MOST_HEAD_BYTES = 8 << 10
MOST_UNREAD_BYTES = 64 << 10
LINGER_S = 1.0
"""So long what is left of a refused body is read, so that the refusal arrives."""
LINGER_BYTES = 1 << 20
PLAIN = {"Server": "station", "X-Content-Type-Options": "nosniff"}

Answering = Callable[[Request], Awaitable[StreamResponse]]


class Speaker(asyncio.Protocol):
    """`answering` gives the answer to a request; it raises nothing but ConnectionError and CancelledError."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEAD_BYTES)
        self._arrived = asyncio.Event()
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._unread_bytes = 0
        self._is_paused = False
        self._task: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport | None = None
        self.is_busy = False
        """A request is being answered."""
        self._may_skip = False
        self.is_secure = False
        self.address = ""
        self.taken_over: Callable[[bytes], None] | None = None
        """Gets all that arrives once the connection speaks something else (a WebSocket)."""

    # ------------------------------------------------------------------------------------------------ of asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.is_secure = transport.get_extra_info("ssl_object") is not None
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        self._task = asyncio.get_running_loop().create_task(self._converse(), name="conversation")

    def data_received(self, data: bytes) -> None:
        if self.taken_over is not None:
            self.taken_over(data)
            return
        self._parser.receive_data(data)
        self._unread_bytes += len(data)
        if self._unread_bytes > MOST_UNREAD_BYTES and not self._is_paused and self.transport is not None:
            self._is_paused = True
            self.transport.pause_reading()
        self._arrived.set()

    def eof_received(self) -> bool:
        with suppress(h11.ProtocolError):
            self._parser.receive_data(b"")
        self._arrived.set()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        self._arrived.set()
        self._may_write.set()
        if self.taken_over is not None:
            self.taken_over(b"")
        if self._task is not None:
            self._task.cancel()  # nobody waits for the answer any more

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    # ------------------------------------------------------------------------------------------------ of reception

    @property
    def is_over(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    @property
    def unsent_bytes(self) -> int:
        return 0 if self.transport is None else self.transport.get_write_buffer_size()

    def end(self) -> None:
        """At once, without waiting for anybody."""
        if self.transport is not None:
            self.transport.abort()

    # ------------------------------------------------------------------------------------------------ of answers

    async def send_head(self, status: int, fields: Iterable[tuple[str, str]]) -> None:
        """The head of what follows piece by piece. Raises ConnectionError when the other end is gone."""
        await self._heard_out()
        await self._sent(h11.Response(status_code=status, headers=_raw(self._with_end(fields))))

    async def send_body(self, content: bytes) -> None:
        await self._sent(h11.Data(data=content))

    async def send_end(self) -> None:
        await self._sent(h11.EndOfMessage())

    async def switch(self, fields: Iterable[tuple[str, str]], takes: Callable[[bytes], None]) -> None:
        """101: from now on `takes` gets what arrives, b"" at the end."""
        await self._sent(h11.InformationalResponse(status_code=101, headers=_raw(fields)))
        early, _ = self._parser.trailing_data
        self.taken_over = takes
        if early:
            takes(early)

    async def send_raw(self, content: bytes) -> None:
        """Bytes of what was switched to."""
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError("the connection is gone")
        self.transport.write(content)
        await self._may_write.wait()

    async def body(self) -> AsyncIterator[bytes]:
        """The body of the request that is being answered."""
        while self._parser.their_state is h11.SEND_BODY:
            event = await self._next()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return
            else:
                raise ConnectionResetError("the connection is gone")

    # ------------------------------------------------------------------------------------------------ the conversation

    async def _converse(self) -> None:
        try:
            while await self._one():
                pass
        except h11.RemoteProtocolError as error:
            log.debug("no HTTP from %s: %s", self.address, error)
            await self._refuse(error.error_status_hint)
        except (BadRequest, BadPath) as error:
            log.debug("no request from %s: %s", self.address, error)
            await self._refuse(400)
        except (ConnectionError, TimeoutError) as error:
            log.debug("a connection of %s ended: %s", self.address, error)
        except h11.LocalProtocolError:
            log.exception("an answer that is no HTTP")
            self.end()
        finally:
            self.is_busy = False
            if self.transport is not None:
                self.transport.close()

    async def _one(self) -> bool:
        """Answer one request; whether another one may follow."""
        head = await self._next()
        if not isinstance(head, h11.Request):
            return False
        self.is_busy = True
        if sum(len(name) + len(value) for name, value in head.headers) + len(head.target) > MOST_HEAD_BYTES:
            raise h11.RemoteProtocolError("the head is too long", error_status_hint=431)
        lengths = {name: value for name, value in head.headers if name in (b"content-length", b"transfer-encoding")}
        if head.http_version not in (b"1.0", b"1.1"):
            raise h11.RemoteProtocolError("another version of HTTP", error_status_hint=505)
        self._may_skip = lengths.keys() == {b"content-length"} and int(lengths[b"content-length"]) <= MOST_UNREAD_BYTES
        if lengths in ({}, {b"content-length": b"0"}):
            self._parser.next_event()  # the end of a request that has no body
        request = Request(self, head.method, head.target, head.headers)
        response = await self._answering(request)
        if self.taken_over is not None:
            return False
        if isinstance(response, Response) and not response.prepared:
            await response.send(request)
        elif response.prepared and not response.is_ended:
            await response.write_eof()
        if self._parser.their_state is h11.SEND_BODY:
            await self._skip_body()
        if self._parser.our_state is not h11.DONE or self._parser.their_state is not h11.DONE:
            return False
        self._parser.start_next_cycle()
        self.is_busy = False
        return True

    async def _skip_body(self) -> None:
        """What nobody read of a body: a little is taken, so that the answer arrives; then the connection ends."""
        taken = 0
        with suppress(TimeoutError, ConnectionError, h11.RemoteProtocolError):
            async with asyncio.timeout(LINGER_S):
                async for piece in self.body():
                    taken += len(piece)
                    if taken > LINGER_BYTES:
                        return

    async def _next(self) -> Any:
        """The next event of the parser. Raises h11.RemoteProtocolError."""
        while True:
            if self._parser.they_are_waiting_for_100_continue and self._parser.our_state is h11.SEND_RESPONSE:
                await self._sent(h11.InformationalResponse(status_code=100, headers=[]))
            event = self._parser.next_event()
            if event is h11.PAUSED:
                return event
            if event is not h11.NEED_DATA:
                return event
            if self.transport is None or self.transport.is_closing():
                raise ConnectionResetError("the connection is gone")
            self._unread_bytes = 0
            if self._is_paused:
                self._is_paused = False
                self.transport.resume_reading()
            self._arrived.clear()
            await self._arrived.wait()

    async def _sent(self, event: Any) -> None:
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError("the connection is gone")
        content = self._parser.send(event)
        if content:
            self.transport.write(content)
        await self._may_write.wait()

    async def send_whole(self, status: int, fields: Iterable[tuple[str, str]], body: bytes) -> None:
        """Head and body in one piece."""
        await self._heard_out()
        head = h11.Response(status_code=status, headers=_raw(self._with_end(fields)))
        events = [head, *([h11.Data(data=body)] if body else []), h11.EndOfMessage()]
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError("the connection is gone")
        self.transport.write(b"".join(self._parser.send(event) or b"" for event in events))
        await self._may_write.wait()

    async def _heard_out(self) -> None:
        """A small body that nobody has read is read now."""
        if self._parser.their_state is h11.SEND_BODY and self._may_skip:
            await self._skip_body()

    def _with_end(self, fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Who sends a large body that nobody wants is told that the connection ends."""
        is_heard = self._parser.their_state is not h11.SEND_BODY
        return [*fields] if is_heard else [*fields, ("Connection", "close")]

    async def _refuse(self, status: int) -> None:
        if self._parser.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        body = f"{status}\n".encode()
        fields = {**PLAIN, "Content-Type": "text/plain", "Content-Length": str(len(body)), "Connection": "close"}
        with suppress(ConnectionError, h11.LocalProtocolError):
            await self.send_head(status, fields.items())
            await self.send_body(body)
            await self.send_end()


def _raw(fields: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in fields]
