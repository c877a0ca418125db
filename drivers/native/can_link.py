"""A native controller on a CAN bus: what it tells by itself is gathered, orders and the rest go by SDO.

The status comes in batches of TPDOs, at each change and at least five times a second; the heartbeat tells its NMT
state. A controller that is not operational is told to be. Objects: drivers/native/canopen.py.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from drivers.codecs.can import CanFrame
from drivers.codecs.canopen import (
    EMERGENCY,
    HEARTBEAT,
    NMT,
    SDO_ANSWER,
    SDO_REQUEST,
    TIMED_OUT,
    Abort,
    BadReply,
    Emergency,
    NmtCommand,
    NmtState,
    Transfer,
    abort,
    download,
    is_answer_to,
    nmt,
    upload,
)
from drivers.errors import BadFrame, DeviceError, NoAnswer, Refused
from drivers.native.can_twins import Twins
from drivers.native.canopen import (
    CYCLE_MS,
    DEMANDS,
    HEARTBEAT_LOST_S,
    MARK_ASKS,
    MARK_RENEWED,
    MARKS,
    RENEWAL,
    SUPPLIES,
    TPDOS,
    decode_object,
    decode_pdo,
    emergency_values,
    encode_object,
    encode_pdo,
    index_of,
)
from drivers.native.canopen_entries import HEARTBEAT_TIME
from drivers.native.objects import IDENTITY, STATUS, SUPPLY, Object
from drivers.native.registers import Value
from drivers.ports.priority import Priority
from drivers.ports.turns import Full, Turns

if TYPE_CHECKING:
    from drivers.ports.can import CanPort

TIMEOUT_S = 0.2
"""For one answer, and for a renewal to be taken."""
FRESH_S = 0.25
"""A status as old as this is still the present one: a controller without news tells it each 0.2 s."""
WHOLE_S = 3 * CYCLE_MS / 1000 + 0.1
"""And none of its parts may be older than this."""
WAIT_S = 0.35
"""So long a reading waits for the next batch."""
START_EACH_S = 0.5
"""A controller that is not operational is told so often to become it."""

DEMAND_FRESH_S = 0.3
"""What it asked of its supply so long ago counts no more: it says it each 0.1 s."""
RARELY_S = 2.0
"""What rarely changes of the supply is told anew so often."""

_BY_COB = {pdo.cob: pdo for pdo in TPDOS}
_ALL = frozenset(pdo.number for pdo in TPDOS)
_NAMES = frozenset(each.name for each in STATUS.objects)
_STATUS, _IDENTITY = tuple(STATUS.objects), tuple(IDENTITY.objects)
_RARE = tuple(each for each in SUPPLY.objects if each.name in ("supply_max_voltage", "supply_temperature"))


def _nothing() -> None: ...


class _GaveWay(Exception):
    """A long transfer was broken off for an order."""


class CanopenLink:
    """The controller with node id `node` on `port`. It listens from now on."""

    def __init__(self, port: CanPort, node: int, *, is_passive: bool = False) -> None:
        """`is_passive`: only ask, start nothing."""
        self._port = port
        self._node = node
        self._is_passive = is_passive
        self._transfers = Turns()
        self._renewing = asyncio.Lock()
        self._orders = 0
        self._batch = asyncio.Event()
        self._twins = Twins()
        self._is_asking = False
        self._start_sent_s: float | None = None
        self._heard_s: float | None = None
        self._ordered_s = 0.0
        """When an order was taken last: what was told before it is not the present any more."""
        self._state: NmtState | None = None
        self._forget()
        self._unlisten = port.listen(self._heard, can_id=node, mask=0x7F, is_extended=False)

    def __str__(self) -> str:
        return f"controller with node id {self._node} on port '{self._port.name}'"

    def _forget(self) -> None:
        """What was told before counts no more."""
        self._arrived: dict[int, dict[str, Value]] = {}
        self._parts_s: dict[int, float] = {}
        self._values: dict[str, Value] = {}
        self._batch_s: float | None = None
        self._emergency: tuple[dict[str, Value], float] | None = None
        self._demand: tuple[dict[str, Value], float] | None = None
        self._rare: tuple[list[Value], float] = [], 0.0

    def close(self) -> None:
        """Listen no more."""
        self._unlisten()

    # ----------------------------------------------------------------------------------------------------- listening

    def _heard(self, frame: CanFrame) -> None:
        now_s = asyncio.get_running_loop().time()
        function = frame.can_id & 0x780
        pdo = _BY_COB.get(function)
        if pdo is not None:
            if len(frame.data) == 8:
                self._arrived[pdo.number] = decode_pdo(pdo, frame.data)
                if pdo.number == 1:
                    self._end_batch(now_s)
        elif function == DEMANDS.cob and len(frame.data) == 8:
            self._demand = decode_pdo(DEMANDS, frame.data), now_s
        elif function == HEARTBEAT and len(frame.data) == 1:
            self._beat(frame.data[0] & 0x7F, now_s)
        elif function == SDO_ANSWER:
            if not self._is_asking:
                self._twins.unasked(frame.data, now_s)
        elif function == EMERGENCY and len(frame.data) == 8:
            self._emergency = emergency_values(Emergency.decode(frame.data).data), now_s

    def _end_batch(self, now_s: float) -> None:
        """TPDO1 closes a batch; it counts when nothing of it is missing."""
        arrived, self._arrived = self._arrived, {}
        marks = int(arrived[1][MARKS] or 0)
        numbers = {1} | {number for number in _ALL if number > 1 and marks & 1 << number - 1}
        if not numbers <= arrived.keys():
            return
        for number in numbers:
            self._values |= arrived[number]
            self._parts_s[number] = now_s
        self._values["ev_requests_energy"] = int(bool(marks & MARK_ASKS))
        self._batch_s = self._heard_s = now_s
        self._batch.set()
        self._batch = asyncio.Event()

    def _beat(self, state: int, now_s: float) -> None:
        self._heard_s = now_s
        before = self._state
        try:
            self._state = NmtState(state)
        except ValueError:
            return
        if self._state is not before:
            self._twins.changed()
        if self._state is NmtState.BOOT_UP:
            self._forget()
            return  # it says next what it has become
        self._twins.beat(now_s)
        if self._state is not NmtState.OPERATIONAL:
            self._start_node(now_s)

    def _start_node(self, now_s: float) -> None:
        if self._is_passive:
            return
        if self._start_sent_s is not None and now_s - self._start_sent_s < START_EACH_S:
            return
        self._start_sent_s = now_s
        try:
            self._port.send(CanFrame(NMT, nmt(NmtCommand.START, self._node), False))
        except NoAnswer:
            self._start_sent_s = None

    # ------------------------------------------------------------------------------------------------------- reading

    async def read(
        self, objects: Sequence[Object], *, is_order: bool = False, can_wait: bool = False
    ) -> dict[str, Value]:
        if tuple(objects) == _STATUS:
            return await self._status()
        if tuple(objects) == _IDENTITY:
            await self._learn_beat()
        if is_order:
            async with self._turn(Priority.ORDER):
                return {each.name: await self._value(each, self._carry) for each in objects}
        priority = Priority.BACKGROUND if can_wait else Priority.POLL
        return {each.name: await self._value(each, partial(self._transfer, priority)) for each in objects}

    async def _value(self, what: Object, carry: Callable[[Callable[[], Transfer], int], Awaitable[bytes]]) -> Value:
        show = self._port.hide(SDO_ANSWER + self._node) if what.is_private else _nothing
        try:
            return decode_object(what, await carry(partial(upload, index_of(what)), index_of(what)))
        except ValueError as error:
            raise BadFrame(f"{self}: {error}") from None
        finally:
            show()

    async def _learn_beat(self) -> None:
        """How often it sends its heartbeat: only then more of them tell of a second node."""
        with contextlib.suppress(Refused):
            data = await self._transfer(Priority.POLL, partial(upload, HEARTBEAT_TIME), HEARTBEAT_TIME)
            self._twins.learn(int.from_bytes(data, "little"))

    async def _status(self) -> dict[str, Value]:
        """The present status: told within the last 0.25 s, or waited for. One that is heard but cannot be given orders
        counts as silent: no charge begins there."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + WAIT_S
        while True:
            now_s = loop.time()
            self._refuse_twins(now_s)
            if not self._port.is_open:
                raise NoAnswer(f"{self}: {self._port.error or 'the port is not open'}")
            if self._is_fresh(now_s):
                values = {name: self._values[name] for name in _NAMES}
                if self._emergency is not None and self._batch_s is not None and self._emergency[1] > self._batch_s:
                    values |= self._emergency[0]
                return values
            if self._state is not NmtState.OPERATIONAL or self._batch_s is None:
                self._start_node(now_s)
            if not await self._next_batch(deadline_s):
                raise NoAnswer(f"{self}: {self._why_silent(loop.time())}")

    def _is_fresh(self, now_s: float) -> bool:
        if self._batch_s is None or now_s - self._batch_s > FRESH_S or self._parts_s.keys() != _ALL:
            return False
        if self._batch_s < self._ordered_s:
            return False
        return now_s - min(self._parts_s.values()) <= WHOLE_S

    async def _next_batch(self, deadline_s: float) -> bool:
        batch = self._batch
        try:
            async with asyncio.timeout_at(deadline_s):
                await batch.wait()
        except TimeoutError:
            return False
        return True

    def _why_silent(self, now_s: float) -> str:
        if self._heard_s is None:
            return "nothing has been heard of it"
        if now_s - self._heard_s > HEARTBEAT_LOST_S:
            return f"no heartbeat for {now_s - self._heard_s:.1f} s"
        if self._state is not None and self._state is not NmtState.OPERATIONAL:
            return f"it is {self._state.name.lower().replace('_', '-')} and tells no status"
        return "it tells no status, or not all of it"

    def _refuse_twins(self, now_s: float) -> None:
        if self._twins.are_here(now_s):
            raise BadFrame(f"{self}: two devices on this bus have node id {self._node}. Give one of them another id.")

    # ------------------------------------------------------------------------------------------------------- writing

    async def renew(self, values: Mapping[str, Value]) -> None:
        """One frame; taken when the controller's next batch says so."""
        loop = asyncio.get_running_loop()
        async with self._renewing:
            with contextlib.suppress(NoAnswer):  # also one that tells no status may take it
                await self._status()
            before = int(self._values.get(MARKS) or 0) & MARK_RENEWED
            self._port.send(CanFrame(RENEWAL.cob + self._node, encode_pdo(RENEWAL, values), False))
            deadline_s = loop.time() + TIMEOUT_S
            while int(self._values.get(MARKS) or 0) & MARK_RENEWED == before:
                if not await self._next_batch(deadline_s):
                    raise NoAnswer(f"{self}: it did not take the renewal of its lease")

    async def supply(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """One frame; what is asked comes by itself."""
        now_s = asyncio.get_running_loop().time()
        self._refuse_twins(now_s)
        self._port.send(CanFrame(SUPPLIES.cob + self._node, encode_pdo(SUPPLIES, values), False))
        rare = [values[each.name] for each in _RARE]
        if rare != self._rare[0] or now_s >= self._rare[1]:
            self._rare = rare, now_s + RARELY_S
            try:
                await self.write(_RARE, values)
            except NoAnswer:  # what it asks is known all the same
                self._rare = rare, now_s + RARELY_S / 4
        if self._demand is None or now_s - self._demand[1] > DEMAND_FRESH_S:
            self._start_node(now_s)
            raise NoAnswer(f"{self}: it does not say what it asks of its supply")
        return self._demand[0]

    async def write(
        self,
        objects: Sequence[Object],
        values: Mapping[str, Value],
        *,
        is_order: bool = False,
        can_wait: bool = False,
    ) -> None:
        """Each value by a transfer of its own, in the objects' order: the order's number comes last.

        A permission that is withdrawn is withdrawn by RPDO as well, and first: one frame, also when SDO is stuck.
        """
        if is_order and values.get("grant_lease") == 0:
            withdrawn = {"grant_lease": 0, "grant_current": 0, "grant_power": 0}
            with contextlib.suppress(NoAnswer):
                self._port.send(CanFrame(RENEWAL.cob + self._node, encode_pdo(RENEWAL, withdrawn), False))
        self._refuse_twins(asyncio.get_running_loop().time())
        written = [(index_of(each), encode_object(each, values[each.name])) for each in objects if each.name in values]
        if not is_order:
            priority = Priority.BACKGROUND if can_wait else Priority.POLL
            for index, data in written:
                await self._transfer(priority, partial(download, index, 0, data), index)
            return
        async with self._turn(Priority.ORDER):  # nothing else between its parts
            for index, data in written:
                await self._carry(partial(download, index, 0, data), index)
                self._ordered_s = asyncio.get_running_loop().time()

    async def _transfer(self, priority: Priority, make: Callable[[], Transfer], index: int) -> bytes:
        """One SDO transfer that is no order; a long one gives way to orders, and begins anew behind them."""
        while True:
            try:
                async with self._turn(priority):
                    return await self._carry(make, index, gives_way=True)
            except _GaveWay:
                continue

    @contextlib.asynccontextmanager
    async def _turn(self, priority: Priority) -> AsyncIterator[None]:
        """The node's one SDO channel. Orders pass all that waits."""
        is_order = priority is Priority.ORDER
        self._orders += is_order
        try:
            async with self._transfers.take(priority):
                yield
        except Full as full:
            raise NoAnswer(f"{self}: {full}") from None
        finally:
            self._orders -= is_order

    async def _carry(self, make: Callable[[], Transfer], index: int, gives_way: bool = False) -> bytes:
        transfer = make()
        request = next(transfer)
        try:
            while True:
                request = transfer.send(await self._ask(request))
                if self._orders and gives_way:
                    self._break_off(index)
                    raise _GaveWay
        except StopIteration as done:
            return bytes(done.value)
        except Abort as error:
            raise Refused(f"{self}: object {index:04X}: {error}") from None
        except BadReply as error:
            self._break_off(index)
            raise BadFrame(f"{self}: object {index:04X}: {error}") from None
        except NoAnswer:
            self._break_off(index)
            raise

    async def _ask(self, request: bytes) -> bytes:
        answer_id = SDO_ANSWER + self._node

        def answer(frame: CanFrame) -> bytes | None:
            is_ours = frame.can_id == answer_id and not frame.is_extended and is_answer_to(request, frame.data)
            return frame.data if is_ours else None

        self._is_asking = True
        try:
            frame = CanFrame(SDO_REQUEST + self._node, request, False)
            reply = await self._port.ask(frame, answer, timeout_s=TIMEOUT_S, device=self._node)
        finally:
            self._is_asking = False
        self._twins.answered(reply, asyncio.get_running_loop().time())
        return reply

    def _break_off(self, index: int) -> None:
        try:
            self._port.send(CanFrame(SDO_REQUEST + self._node, abort(index, 0, TIMED_OUT), False))
        except DeviceError:
            return  # the port is gone; so is the transfer
