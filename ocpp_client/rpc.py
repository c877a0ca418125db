"""Requests and answers over one link: ours one at a time, theirs through a bounded queue.

The reading task does nothing but sort: answers wake the waiting caller, requests go into the queue, the rest is counted
and dropped. A worker answers; it may itself send requests. No frame and no handler ends the reading (R20).
Source: OCPP-J 1.6, section 4.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import secrets
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable

import msgspec

from ocpp_client import frames, schemas
from ocpp_client.costs import Purse
from ocpp_client.frames import BadFrame, Call, CallError, CallResult, Frame, Payload
from ocpp_client.rpc_roles import CallFault, Connection, Handler, IsAlive, Reply, Router, Watcher, Wording

__all__ = [
    "CallFault", "Connection", "Handler", "IsAlive", "LinkLost", "NoAnswer", "Refused", "Reply", "Router", "Rpc",
    "Unsendable", "Watcher", "Wording",
]  # fmt: skip

log = logging.getLogger(__name__)

MAX_WAITING = 128
MAX_WAITING_BYTES = 2 * 1024 * 1024
"""Requests of the server that wait for the worker, and their size; more are refused."""
MAX_REFUSALS = 1024
MAX_ASIDE = 16
REMEMBERED = 64
REMEMBERED_S = 300.0
"""For so long the answer to a message id is kept, so that a repeated request is answered again and done once."""
SEND_TIMEOUT_S = 30.0


class LinkLost(Exception):
    """There is no link, or it went while the answer was awaited: whether the server did it is not known."""


class NoAnswer(Exception):
    """The link is there, yet no (readable) answer came in time: the server failed to process the request."""


class Refused(Exception):
    """The server answered with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}" if description else code)
        self.code = code


class Unsendable(Exception):
    """Our own request breaks the schema; it never left. Repeating it is useless."""


ANSWER_FIRST_S = 1.0
"""So long a request of ours waits at most for the answer to one of theirs that is being worked out: what follows from
it (a StartTransaction from a RemoteStart) leaves behind it."""
AUTHORIZE_SOON_S = 0.3
"""The same for Authorize, which such an answer may itself be waiting for."""

_LENIENT = frozenset({"BootNotification", "Heartbeat"})
"""Answers of these are given on even when fields are missing or wrong: their reader takes what is usable."""


class _Pending(msgspec.Struct):
    id: str
    action: str
    answer: asyncio.Future[Payload]
    since_s: float


class _Asked(msgspec.Struct):
    """A request of the server and, once there is one, the text of its answer."""

    call: Call
    size: int
    at_s: float
    text: bytes | None = None
    is_refused: bool = False
    """It was asked too often: the same request again, later, is another one."""


class Rpc:
    """The exchange with the central system; links come and go by `serve`."""

    router: Router
    """Set once, before the first link."""

    def __init__(
        self, watcher: Watcher, timeout_s: float, wording: Wording | None = None, is_alive: IsAlive | None = None
    ) -> None:
        """`wording` has the last word on what our requests say (`v16/compatibility.py`). `is_alive` is asked when no
        answer came: over a dead link none could, which is not the server's failure (R11)."""
        self._wording = wording
        self._is_alive = is_alive
        self._watcher = watcher
        self._timeout_s = timeout_s
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        self._pending: _Pending | None = None
        self._prefix = secrets.token_hex(4)
        self._number = 0
        self._queue: deque[_Asked] = deque()
        self._queued_bytes = 0
        self._refusals: deque[CallError] = deque()
        self._work = asyncio.Event()
        self._remembered: OrderedDict[tuple[str, int], _Asked] = OrderedDict()
        self._purse = Purse()
        self._aside: set[asyncio.Task[None]] = set()
        self._afterwards: set[asyncio.Task[None]] = set()
        self._answered = asyncio.Event()
        self._answered.set()
        self._worker: asyncio.Task[None] | None = None
        self.connected = asyncio.Event()
        self.sent = 0
        self.received = 0
        self.strays = 0
        self.invalid = 0
        self.repeated = 0

    # -------------------------------------------------------------------------------------------------- our requests

    async def call(self, action: str, payload: Payload, timeout_s: float | None = None) -> Payload:
        """Send a request and wait for its answer, which has passed its schema.

        `timeout_s` counts from the sending, not from the wait for our turn.
        Raises LinkLost, NoAnswer, Refused, Unsendable.
        """
        try:
            schemas.check_request(action, payload)
            if self._wording is not None:
                payload = self._wording(action, payload)
                schemas.check_request(action, payload)
        except (schemas.Violation, schemas.UnknownAction) as error:
            raise Unsendable(f"{action}: {error}") from None
        async with self._turn:
            if not self._answered.is_set() and asyncio.current_task() is not self._worker:
                await self._let_answer_leave(AUTHORIZE_SOON_S if action == "Authorize" else ANSWER_FIRST_S)
            connection = self._connection
            if connection is None:
                raise LinkLost("there is no link")
            return await self._ask(connection, action, payload, timeout_s or self._timeout_s)

    async def _let_answer_leave(self, at_most_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._answered.wait()

    async def _ask(self, connection: Connection, action: str, payload: Payload, timeout_s: float) -> Payload:
        loop = asyncio.get_running_loop()
        self._number += 1
        call = Call(f"{self._prefix}-{self._number}", action, payload)
        text = frames.encode(call)
        self._pending = pending = _Pending(call.id, action, loop.create_future(), loop.time())
        try:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._send(connection, action, text, None)
                    await asyncio.wait([pending.answer])
            except TimeoutError:
                await self._prove(connection, action)
                if not pending.answer.done():
                    raise NoAnswer(f"{action} was not answered in {timeout_s:g} s") from None
            answer = pending.answer.result()
        finally:
            self._pending = None
            if pending.answer.done() and not pending.answer.cancelled():
                pending.answer.exception()
        try:
            return schemas.check_answer(action, answer)
        except schemas.Violation as error:
            self._count_invalid(f"the answer to {action} is wrong: {error}")
            if action in _LENIENT:
                return answer
            raise NoAnswer(f"the answer to {action} is wrong: {error}") from None

    async def _prove(self, connection: Connection, action: str) -> None:
        """The link is alive, so the silence is the server's. Raises LinkLost when it is not."""
        if self._is_alive is not None and not await self._is_alive(connection):
            raise LinkLost(f"the link was dead while the answer to {action} was awaited")

    async def _send(self, connection: Connection, action: str, text: bytes, latency_s: float | None) -> None:
        try:
            await connection.send(text, text=True)
        except Exception as error:
            raise LinkLost(f"the link was lost while sending: {error}") from None
        self.sent += 1
        self._watcher.frame("out", action, text, latency_s)

    # ------------------------------------------------------------------------------------------------------ the link

    async def serve(self, connection: Connection) -> None:
        """Read until the link ends; raises what ended it. Only this sets and clears `connected`."""
        self._connection = connection
        self._remembered.clear()
        self._worker = worker = asyncio.create_task(self._answer_all(connection), name="ocpp answers")
        self.connected.set()
        try:
            while True:
                self._sort(await connection.recv(decode=False))
        finally:
            self.connected.clear()
            self._connection = None
            if self._pending is not None and not self._pending.answer.done():
                self._pending.answer.set_exception(LinkLost("the link was lost before the answer"))
            self._queue.clear()
            self._queued_bytes = 0
            self._refusals.clear()
            tasks = [worker, *self._aside]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _sort(self, text: bytes | str) -> None:
        raw = text.encode() if isinstance(text, str) else text
        self.received += 1
        try:
            frame = frames.decode(raw)
        except BadFrame as error:
            self._watcher.frame("in", "", raw, None)
            self._take_bad(error)
            return
        if isinstance(frame, Call):
            self._watcher.frame("in", frame.action, raw, None)
            self._take_call(frame, raw)
        else:
            self._take_answer(frame, raw)

    def _take_bad(self, error: BadFrame) -> None:
        self._count_invalid(str(error))
        if error.call_id is not None and not self.router.is_silent:
            self._refuse(CallError(error.call_id, error.code, str(error)))
        pending = self._pending
        if pending is not None and error.answer_id == pending.id and not pending.answer.done():
            pending.answer.set_exception(NoAnswer(f"the answer to {pending.action} cannot be read: {error}"))

    def _take_answer(self, frame: CallResult | CallError, raw: bytes) -> None:
        pending = self._pending
        if pending is None or pending.id != frame.id or pending.answer.done():
            self._watcher.frame("in", "", raw, None)
            self.strays += 1
            if self.strays == 1:
                log.warning("an answer came that nobody waits for (too late, or to no request of ours); dropped")
            return
        self._watcher.frame("in", pending.action, raw, asyncio.get_running_loop().time() - pending.since_s)
        if isinstance(frame, CallResult):
            pending.answer.set_result(frame.payload)
        else:
            pending.answer.set_exception(Refused(frame.code, frame.description))

    def _take_call(self, call: Call, raw: bytes) -> None:
        if self.router.is_silent:
            self._count_invalid(f"{call.action} while we are rejected")
            return
        now_s, key = asyncio.get_running_loop().time(), (call.id, hash(raw))
        asked = self._remembered.get(key) if call.id else None  # an empty id names nothing
        if asked is not None and now_s - asked.at_s < REMEMBERED_S and not asked.is_refused:
            self.repeated += 1
            if asked.text is None:
                return  # being answered; that answer serves both
        else:
            asked = _Asked(call, len(raw), now_s)
        if len(self._queue) >= MAX_WAITING or self._queued_bytes + len(raw) > MAX_WAITING_BYTES:
            self._refuse(CallError(call.id, frames.INTERNAL_ERROR, "too many requests are waiting"))
            return
        self._remembered[key] = asked
        self._remembered.move_to_end(key)
        while len(self._remembered) > REMEMBERED + MAX_WAITING:
            self._remembered.popitem(last=False)
        self._queue.append(asked)
        self._queued_bytes += len(raw)
        self._work.set()

    def _refuse(self, error: CallError) -> None:
        if len(self._refusals) < MAX_REFUSALS:
            self._refusals.append(error)
            self._work.set()

    def _count_invalid(self, text: str) -> None:
        self.invalid += 1
        self._watcher.invalid(text)

    # ------------------------------------------------------------------------------------------------- their requests

    async def _answer_all(self, connection: Connection) -> None:
        """The worker. Ends with the link."""
        try:
            while True:
                while self._queue or self._refusals:
                    if self._refusals:
                        await self._send_answer(connection, "", frames.encode(self._refusals.popleft()))
                    if self._queue:
                        asked = self._queue.popleft()
                        self._queued_bytes -= asked.size
                        await self._answer(connection, asked)
                self._work.clear()
                if not self._queue and not self._refusals:
                    await self._work.wait()
        except LinkLost as error:
            log.debug("answers end: %s", error)

    async def _answer(self, connection: Connection, asked: _Asked) -> None:
        call = asked.call
        if asked.text is not None:
            await self._send_answer(connection, call.action, asked.text)
            return
        try:
            handler, is_slow = self.router.handler(call.action)
            payload = schemas.check_request(call.action, call.payload)
            self._charge(call, asked)
        except CallFault as fault:
            await self._reply(connection, asked, CallError(call.id, fault.code, str(fault)))
        except schemas.Violation as violation:
            self._count_invalid(f"{call.action}: {violation}")
            await self._reply(connection, asked, CallError(call.id, violation.code, str(violation)))
        else:
            if is_slow and len(self._aside) < MAX_ASIDE:
                task = asyncio.create_task(self._handle_aside(connection, asked, handler, payload))
                self._aside.add(task)
                task.add_done_callback(self._aside.discard)
            else:
                self._answered.clear()
                try:
                    await self._handle(connection, asked, handler, payload)
                finally:
                    self._answered.set()

    def _charge(self, call: Call, asked: _Asked) -> None:
        """Count what it costs. Raises CallFault when too much was asked for; a repetition is then looked at anew."""
        wait_s = self._purse.wait_s(call.action)
        if wait_s > 0:
            if self._purse.refused == 1:
                log.warning("%s: more than the central system may ask for; refused", call.action)
            asked.is_refused = True
            text = f"{call.action} was asked for too often; again in {math.ceil(wait_s)} s"
            raise CallFault(frames.GENERIC_ERROR, text)

    async def _handle_aside(self, connection: Connection, asked: _Asked, handler: Handler, payload: Payload) -> None:
        try:
            await self._handle(connection, asked, handler, payload)
        except LinkLost as error:
            log.debug("%s could not be answered: %s", asked.call.action, error)

    async def _handle(self, connection: Connection, asked: _Asked, handler: Handler, payload: Payload) -> None:
        call = asked.call
        try:
            reply = await handler(payload)
            frame: Frame = CallResult(call.id, reply.payload)
            schemas.check_answer(call.action, reply.payload)
        except CallFault as fault:
            reply, frame = Reply({}), CallError(call.id, fault.code, str(fault))
        except Exception as error:
            log.exception("%s could not be answered", call.action)
            reply, frame = Reply({}), CallError(call.id, frames.INTERNAL_ERROR, type(error).__name__)
        try:
            await self._reply(connection, asked, frame)
        finally:
            if reply.then is not None:
                task = asyncio.create_task(_afterwards(call.action, reply.then))
                self._afterwards.add(task)
                task.add_done_callback(self._afterwards.discard)

    async def _reply(self, connection: Connection, asked: _Asked, frame: Frame) -> None:
        asked.text = frames.encode(frame)
        await self._send_answer(connection, asked.call.action, asked.text)

    async def _send_answer(self, connection: Connection, action: str, text: bytes) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._send(connection, action, text, None)
        except TimeoutError:
            raise LinkLost("the server does not read its answers") from None

    async def close(self) -> None:
        """Give up what handlers still wanted to do after their answers."""
        tasks = list(self._afterwards)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _afterwards(action: str, then: Callable[[], Awaitable[None]]) -> None:
    try:
        await then()
    except (LinkLost, NoAnswer, Refused) as error:
        log.info("what %s asked for could not be done: %s", action, error)
    except Exception:
        log.exception("what %s asked for went wrong", action)
