"""A central system that answers at once and checks nothing, so that its own work is no part of what is measured."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import msgspec
from websockets.asyncio.server import Server as Listener
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

HOST = "127.0.0.1"
CALL, RESULT = 2, 3

Payload = dict[str, Any]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Any]).decode


class Arrival(msgspec.Struct, frozen=True):
    """One call of the station; `at_s` is monotonic."""

    at_s: float
    action: str
    payload: Payload


class Server:
    """Listens on loopback; one station at a time. `arrivals` are its calls, `connected_s` when it last came."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.connected_s = 0.0
        self._port = 0
        self._listener: Listener | None = None
        self._link: ServerConnection | None = None
        self._waiting: dict[str, asyncio.Future[Payload]] = {}
        self._numbers = itertools.count(1)
        self._transactions = itertools.count(1)
        self._changed = asyncio.Event()

    @property
    def url(self) -> str:
        return f"ws://{HOST}:{self._port}/ocpp"

    async def __aenter__(self) -> Self:
        await self.come_back()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.go_away()

    async def come_back(self) -> None:
        """Listen; after `go_away` on the same port as before. Raises OSError."""
        self._listener = await serve(
            self._serve,
            HOST,
            self._port,
            subprotocols=[Subprotocol("ocpp1.6")],
            compression=None,
            ping_interval=None,
            close_timeout=0.1,
        )
        self._port = next(iter(self._listener.sockets)).getsockname()[1]

    async def go_away(self) -> None:
        """Stop listening and break the connection without a word."""
        if self._link is not None:
            self._link.transport.abort()
        if self._listener is not None:
            self._listener.close()
            await self._listener.wait_closed()
            self._listener = None

    async def _serve(self, link: ServerConnection) -> None:
        self._link = link
        self.connected_s = asyncio.get_running_loop().time()
        self._tell()
        try:
            async for text in link:
                at_s = asyncio.get_running_loop().time()
                frame = _decode(text)
                if frame[0] == CALL:
                    await link.send(_encode([RESULT, frame[1], self._answer(frame[2])]).decode())
                    self.arrivals.append(Arrival(at_s, frame[2], frame[3]))
                    self._tell()
                elif (answer := self._waiting.get(frame[1])) is not None and not answer.done():
                    if frame[0] == RESULT:
                        answer.set_result(frame[2])
                    else:
                        answer.set_exception(RuntimeError(f"the station answered {frame}"))
        except ConnectionClosed:
            pass
        finally:
            if self._link is link:
                self._link = None
                self._tell()

    def _answer(self, action: str) -> Payload:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if action == "BootNotification":
            return {"status": "Accepted", "currentTime": now, "interval": 300}
        if action == "Heartbeat":
            return {"currentTime": now}
        if action == "StartTransaction":
            return {"transactionId": next(self._transactions), "idTagInfo": {"status": "Accepted"}}
        if action == "Authorize":
            return {"idTagInfo": {"status": "Accepted"}}
        return {"status": "Accepted"} if action == "DataTransfer" else {}

    # -------------------------------------------------------------------------------------------- what benchmarks do

    @property
    def is_connected(self) -> bool:
        return self._link is not None

    async def call(self, action: str, payload: Payload, timeout_s: float = 10.0) -> Payload:
        """Call the station; its answer. Raises RuntimeError, ConnectionClosed, TimeoutError."""
        if self._link is None:
            raise RuntimeError(f"no station is connected to be sent {action}")
        unique_id = f"b{next(self._numbers)}"
        answer: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
        self._waiting[unique_id] = answer
        try:
            async with asyncio.timeout(timeout_s):
                await self._link.send(_encode([CALL, unique_id, action, payload]).decode())
                return await answer
        finally:
            del self._waiting[unique_id]

    def heard(self, action: str, since_s: float = 0.0) -> list[Arrival]:
        """Calls of this action since then."""
        return [arrival for arrival in self.arrivals if arrival.action == action and arrival.at_s >= since_s]

    async def until(self, holds: Callable[[], object], timeout_s: float, what: str) -> None:
        """Wait until `holds()`; it is asked after each message. Raises TimeoutError, saying `what` did not come."""
        try:
            async with asyncio.timeout(timeout_s):
                while not holds():
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(f"{what}: not within {timeout_s:g} s") from None

    async def until_heard(self, action: str, since_s: float, timeout_s: float = 20.0, count: int = 1) -> Arrival:
        """The `count`th call of this action since then. Raises TimeoutError."""
        await self.until(lambda: len(self.heard(action, since_s)) >= count, timeout_s, action)
        return self.heard(action, since_s)[count - 1]

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
