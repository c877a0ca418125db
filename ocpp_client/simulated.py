"""A central system small enough to read: OCPP 1.6J over a real WebSocket, for tests and for the demo.

It serves any number of stations, answers everything a station may send, keeps a `Ledger` of it, sends calls of its own
(`await system.call("station", "RemoteStartTransaction", {...})`) and misbehaves when `system.on(...)` says so: see
`simulated_rules.Rule`. In a process of its own: `python -m ocpp_client.simulated --listen 127.0.0.1:0`.

    async with CentralSystem() as system:
        system.on("StartTransaction", times=1, cut_answer_at=7)
        ...
        assert system.ledger.faults() == []
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import logging
import ssl
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Self, cast

from ocpp.messages import get_validator  # type: ignore[import-untyped]
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ocpp_client.simulated_answers import ANSWERS
from ocpp_client.simulated_authority import Signing
from ocpp_client.simulated_command import main
from ocpp_client.simulated_ledger import Ledger, Payload, Transaction
from ocpp_client.simulated_rules import HttpAnswer, Rule, take
from ocpp_client.simulated_wire import CallRefused, Connect, Connection, Link, NotConnected, frame_bytes, tls_of

__all__ = ["CallRefused", "CentralSystem", "HttpAnswer", "NotConnected", "Rule"]

logger = logging.getLogger(__name__)

SUBPROTOCOL = Subprotocol("ocpp1.6")
CALL, RESULT, ERROR = 2, 3, 4
KEPT_CONNECTS = 10_000
CLOSE_TIMEOUT_S = 0.5


class CentralSystem:
    """The server, its ledger and its moods. One instance serves many stations.

    `now` gives the server's time (aware UTC); durations obey the running event loop.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        repeats_get_a_new_id: bool = False,
        heartbeat_interval_s: int = 300,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.ledger = Ledger(repeats_get_a_new_id)
        self.rules: list[Rule] = []
        self.now = now
        self.boot_status = "Accepted"
        self.heartbeat_interval_s = heartbeat_interval_s
        """Also the retry interval told with Pending and Rejected."""
        self.id_tags: dict[str, str | dict[str, Any]] = {}
        """idTag -> its status, or a whole idTagInfo; cards not named here get `other_cards`."""
        self.other_cards = "Accepted"
        self.http_answer: HttpAnswer | None = None
        """While set, every attempt to connect gets this instead of a WebSocket."""
        self.passwords: dict[str, str | bytes] | None = None
        """Station -> password of HTTP Basic authentication; None: anybody may connect."""
        self.statuses: dict[tuple[str, int], Payload] = {}
        """The last StatusNotification of each (station, connector)."""
        self.boots: dict[str, Payload] = {}
        self.signing: Signing | None = None
        """Answers SignCertificate; None: it is Accepted, and nothing follows."""
        self.links: dict[str, Link] = {}
        self.connects: deque[Connect] = deque(maxlen=KEPT_CONNECTS)
        self.doubles = 0
        """How often a station connected while its connection before was still open."""
        self.tls = tls
        """None: without TLS. A change holds from the next `come_back` on."""
        self._host, self._port = host, port
        self._server: Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)
        self._changed = asyncio.Event()

    # -------------------------------------------------------------------------------------------------- being there

    @property
    def url(self) -> str:
        """Where stations connect; each adds `/` and its own name."""
        return f"{'ws' if self.tls is None else 'wss'}://{self._host}:{self._port}/ocpp"

    async def __aenter__(self) -> Self:
        await self.come_back()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.go_away()

    async def come_back(self) -> None:
        """Listen; after `go_away` on the same port as before. Raises OSError when the port is taken."""
        if self._server is not None:
            return
        self._server = await serve(
            self._serve,
            self._host,
            self._port,
            subprotocols=[SUBPROTOCOL],
            process_request=self._admit,
            create_connection=cast(type[ServerConnection], partial(self._make_connection)),
            compression=None,
            ping_interval=None,
            close_timeout=CLOSE_TIMEOUT_S,
            ssl=self.tls,
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]

    async def go_away(self) -> None:
        """Stop listening and break all connections without a word, as a crash or a cut cable does."""
        if self._server is None:
            return
        server, self._server = self._server, None
        for task in list(self._tasks):
            task.cancel()
        for link in list(self.links.values()):
            link.connection.transport.abort()
        server.close()
        await server.wait_closed()
        self._tell_waiters()

    def disconnect(self, station: str) -> None:
        """Break the TCP connection of this station; it may come back at once. Raises NotConnected."""
        self._link(station).connection.transport.abort()

    def deafen(self, station: str) -> None:
        """From now on nothing of this connection arrives, and nothing says so (half-open link). Raises NotConnected."""
        self._link(station).connection.is_deaf = True

    def _make_connection(self, *arguments: Any, **settings: Any) -> Connection:
        connection = Connection(*arguments, **settings)
        connection.cut_at = self._cut_request_at
        return connection

    def _cut_request_at(self, station: str, action: str) -> int | None:
        rule = take(self.rules, station, action, peek=True) if action else None
        if rule is None or rule.cut_request_at is None:
            return None
        take(self.rules, station, action)
        return rule.cut_request_at

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        station = request.path.split("?")[0].rstrip("/").rpartition("/")[2]
        cast(Connection, connection).station = station
        authorization = request.headers.get("Authorization", "")
        refusal = self.http_answer
        if refusal is None and self.passwords is not None:
            password = self.passwords.get(station, "")
            wanted = f"{station}:".encode() + (password.encode() if isinstance(password, str) else password)
            if station not in self.passwords or authorization != "Basic " + base64.b64encode(wanted).decode():
                refusal = HttpAnswer(status=401, headers={"WWW-Authenticate": 'Basic realm="ocpp"'})
        status = 101 if refusal is None else refusal.status
        self.connects.append(Connect(self.now(), station, authorization, status, **tls_of(connection)))
        self._tell_waiters()
        if refusal is None:
            return None
        body = refusal.body.encode()
        headers = Headers({"Content-Length": str(len(body)), "Connection": "close", **refusal.headers})
        return Response(status, "", headers, body)

    async def _serve(self, connection: ServerConnection) -> None:
        link = Link(cast(Connection, connection).station, cast(Connection, connection))
        connect = next(one for one in reversed(self.connects) if one.station == link.station)
        older = self.links.get(link.station)
        if older is not None:
            self.doubles += 1
            older.connection.transport.abort()
        self.links[link.station] = link
        logger.info("%s connected", link.station)
        self._tell_waiters()
        try:
            async for text in connection:
                await self._received(link, text)
        except ConnectionClosed:
            pass
        finally:
            connect.ended = self.now()
            link.end()
            if self.links.get(link.station) is link:
                del self.links[link.station]
            logger.info("%s went away", link.station)
            self._tell_waiters()

    # ---------------------------------------------------------------------------------------------- what stations say

    async def _received(self, link: Link, text: str | bytes) -> None:
        try:
            frame = json.loads(text)
            kind, unique_id = frame[0], str(frame[1])
            known = {CALL: 4, RESULT: 3, ERROR: 5}[kind]
            if len(frame) != known or (kind != ERROR and not isinstance(frame[-1], dict)):
                raise ValueError(frame)
        except (ValueError, LookupError, TypeError):
            self.ledger.record(self.now(), link.station, False, "junk", "", "", str(text)[:1000])
            self.ledger.note(f"{link.station}: sent what is no OCPP frame: {str(text)[:200]}")
            self._tell_waiters()
            return
        if kind == CALL:
            await self._called(link, unique_id, str(frame[2]), frame[3])
        else:
            self._answered(link, unique_id, frame)
        self._tell_waiters()

    def _answered(self, link: Link, unique_id: str, frame: list[Any]) -> None:
        action, answer = link.waiting.pop(unique_id, ("", None))
        kind = "result" if frame[0] == RESULT else "error"
        self.ledger.record(self.now(), link.station, False, kind, action, unique_id, frame[2:])
        if answer is None:
            logger.info("%s answered %s, which nobody waits for", link.station, unique_id)
        elif answer.done():
            return
        elif kind == "result":
            self._check_schema(link.station, RESULT, action, frame[2])
            answer.set_result(frame[2])
        else:
            answer.set_exception(CallRefused(action, str(frame[2]), str(frame[3])))

    async def _called(self, link: Link, unique_id: str, action: str, payload: Payload) -> None:
        rule = take(self.rules, link.station, action) or Rule()
        if rule.close_before:
            self.ledger.record(self.now(), link.station, False, "lost", action, unique_id, payload, "closed before")
            link.connection.transport.abort()
            return
        self._check_schema(link.station, CALL, action, payload)
        told: Callable[[], None] | None = None
        if rule.error is not None or action not in ANSWERS:
            self.ledger.attempted(link.station, action, payload)
            frame: list[Any] = [ERROR, unique_id, rule.error or "NotImplemented", "", {}]
        else:
            usual, told = self._process(link.station, action, payload, rule)
            frame = [RESULT, unique_id, usual if rule.answer is None else rule.answer]
        outcome = "dropped" if rule.drop else "error" if frame[0] == ERROR else "answered"
        self.ledger.record(self.now(), link.station, False, "call", action, unique_id, payload, outcome)
        work = self._answer(link, action, unique_id, frame, rule, told)
        if rule.delay_s > 0 or rule.byte_gap_s > 0:
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            await work

    def _process(
        self, station: str, action: str, payload: Payload, rule: Rule
    ) -> tuple[Payload, Callable[[], None] | None]:
        """The usual answer, and what to note down once it has left in full. A payload of wrong shape is a fault."""
        try:
            answer = ANSWERS[action](self, station, payload)
        except (LookupError, ValueError, TypeError) as error:
            self.ledger.note(f"{station}: {action} cannot be understood ({error!r})")
            return {}, None
        subject = answer.pop("_of", None)
        if not isinstance(subject, Transaction):
            return answer, None
        if action == "StopTransaction":
            return answer, partial(setattr, subject, "is_stop_answered", True)
        sent = answer if rule.answer is None else rule.answer
        if sent.get("transactionId") != answer["transactionId"]:
            return answer, None
        return answer, partial(self.ledger.told, subject, answer["transactionId"])

    async def _answer(
        self,
        link: Link,
        action: str,
        unique_id: str,
        frame: list[Any],
        rule: Rule,
        told: Callable[[], None] | None,
    ) -> None:
        if rule.delay_s > 0:
            await asyncio.sleep(rule.delay_s)
        if rule.drop:
            return
        text = json.dumps(frame) if rule.raw is None else rule.raw.replace("{id}", unique_id)
        try:
            async with link.sending:
                for other in rule.before:
                    await link.connection.send(other.replace("{id}", unique_id))
                if rule.cut_answer_at is not None:
                    link.connection.transport.write(frame_bytes(text)[: rule.cut_answer_at])
                    link.connection.transport.close()
                    return
                if rule.byte_gap_s > 0:
                    await link.send_slowly(frame_bytes(text), rule.byte_gap_s)
                else:
                    await link.connection.send(text)
                kind = "result" if frame[0] == RESULT else "error"
                self.ledger.record(self.now(), link.station, True, kind, action, unique_id, frame[2:])
                if told is not None and rule.raw is None:
                    told()
                for other in rule.after:
                    await link.connection.send(other.replace("{id}", unique_id))
        except ConnectionClosed:
            return
        if rule.close_after:
            link.connection.transport.close()

    def _check_schema(self, station: str, kind: int, action: str, payload: Payload) -> None:
        try:
            validator = get_validator(kind, action, "1.6")
        except OSError:
            self.ledger.note(f"{station}: sent {action}, which OCPP 1.6 does not know")
            return
        for error in validator.iter_errors(payload):
            self.ledger.note(f"{station}: {action} breaks the schema: {error.message[:200]}")

    def id_tag_info(self, id_tag: str) -> Payload:
        """idTagInfo of a card, compared without regard to case as OCPP does."""
        found = next((info for tag, info in self.id_tags.items() if tag.lower() == id_tag.lower()), self.other_cards)
        return {"status": found} if isinstance(found, str) else dict(found)

    # ------------------------------------------------------------------------------------------------ what tests do

    def on(self, action: str, **what: Any) -> Rule:
        """Misbehave with calls of this action ("*": all): the fields of `Rule`. Later rules come after earlier ones."""
        rule = Rule(action=action, **what)
        self.rules.append(rule)
        return rule

    async def call(self, station: str, action: str, payload: Payload | None = None, timeout_s: float = 30.0) -> Payload:
        """Send a call and return its answer. Raises CallRefused, NotConnected, TimeoutError."""
        link = self._link(station)
        unique_id = f"cs-{next(self._numbers)}"
        answer: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
        link.waiting[unique_id] = action, answer
        self.ledger.record(self.now(), station, True, "call", action, unique_id, payload or {})
        try:
            async with asyncio.timeout(timeout_s):
                async with link.sending:
                    await link.connection.send(json.dumps([CALL, unique_id, action, payload or {}]))
                return await answer
        except ConnectionClosed as error:
            raise NotConnected(f"{station} went away before it was sent {action}") from error
        finally:
            link.waiting.pop(unique_id, None)

    async def send_raw(self, station: str, frame: str | bytes) -> None:
        """Send any text (or, with bytes, a binary frame) as it is. Raises NotConnected."""
        link = self._link(station)
        self.ledger.record(self.now(), station, True, "junk", "", "", str(frame)[:1000])
        try:
            async with link.sending:
                await link.connection.send(frame)
        except ConnectionClosed as error:
            raise NotConnected(f"{station} went away") from error

    async def until(self, holds: Callable[[], object], timeout_s: float = 60.0) -> None:
        """Wait until `holds()` is true; it is asked after each message and each connect. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not holds():
                await self._changed.wait()

    async def until_received(self, action: str, count: int = 1, timeout_s: float = 60.0) -> Payload:
        """Wait until `count` calls of this action have come in all; the payload of the last. Raises TimeoutError."""
        await self.until(lambda: self.ledger.received[action] >= count, timeout_s)
        return cast(Payload, self.ledger.calls(action)[-1].payload)

    async def until_connected(self, station: str, timeout_s: float = 60.0) -> None:
        """Raises TimeoutError."""
        await self.until(lambda: station in self.links, timeout_s)

    def _link(self, station: str) -> Link:
        if station not in self.links:
            raise NotConnected(f"{station} is not connected; connected are: {', '.join(sorted(self.links)) or 'none'}")
        return self.links[station]

    def _tell_waiters(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


if __name__ == "__main__":
    raise SystemExit(main(CentralSystem))
