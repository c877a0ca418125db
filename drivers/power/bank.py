"""The modules of one bank on one CAN bus: asked in turn, told again and again, off when nobody renews their order.

All families work alike here; what differs is their `Family`. The rules:

- never on by connecting: a module without an order is asked only. One that is found on without anybody having asked
  for it (this software was restarted) is told off after `ADOPT_S`, unless an order takes it over before that.
- voltage and current first, on at least one round later; 0 A first, then off.
- the current of an order is divided equally among those of its modules that give or can give power now. A module with
  a fault, one that is starting, one whose limits do not allow the voltage, and one that was told on for `SLOW_S` and
  is still off have no share.
- a module that falls silent while others are heard is told off, and its share is kept back until its own time-out has
  certainly switched it off, so that the output never gets more than was asked for; if its family has no such time-out,
  until it is heard again or its order ends. When the whole bus is silent nothing changes but the readings.
- one frame to all modules of the bus is used only if the station's file says that there are no others (`broadcast`)
  and no other has been heard.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from drivers.codecs.can import CanFrame
from drivers.errors import NoAnswer
from drivers.interfaces import Identity, ModuleReading
from drivers.power.family import Family, Frames, Heard
from drivers.power.module import Module, Order
from drivers.power.sharing import divide

T = TypeVar("T")

ROUND_S = 0.04
"""Time between two rounds; an order that cannot leave at once leaves within one."""
DRAIN_S = 0.012
"""The queue of a CAN controller is short (10 frames with SocketCAN as delivered): what it does not take is tried again
after this time."""
ABSENT_POLL_S = 1.0
FIRST_QUESTIONS_S = 1.0
MOST_FIRST_ASKS = 5
SETTLE_S = 0.5
"""So long after the start nobody is told to give: first all are asked what they do."""
ALIVE_GAP_S = 0.6
ALIVE_S = 1.5
ON_REPEAT_S = 2.0
"""How often a module that is on is told so again; one that is not, as often as its set-point."""
FRAMES_PER_S = 430.0
"""Frames, answers included, that a bank puts on a bus of 125 kbit/s: 55 % of it, were each as long as it can be."""
CHANGES_PER_S, LEAST_CHANGES_PER_S = 160.0, 24.0
"""Of these, frames for set-points that are raised; what comes faster waits for its turn. Lower ones go at once."""
CHANGE_FRAMES = 2
"""Of a new current at the same voltage, with its answer."""
MOST_REPEAT_S = 2.0
OFF_REPEAT_S = 1.0
REFUSAL_AGAIN_S = 60.0
"""A refusal is told again after so long without it."""
ADOPT_S = 5.0
SLOW_S = 10.0
FAULT_REST_S = 3.0
"""So long after its fault has gone a module is left off."""
RANGE_WAIT_S = 2.0
TOLERANCE_A = 0.005
UNKNOWN, STARTING = "what it is and does is not known yet", "starting"
OUTSIDE = "the voltage is outside its limits"

_log = logging.getLogger(__name__)


class Bus(Protocol):
    """What is needed of a CAN port."""

    @property
    def name(self) -> str: ...

    @property
    def is_open(self) -> bool: ...

    def send(self, frame: CanFrame) -> None: ...

    def listen(
        self,
        heard: Callable[[CanFrame], None],
        /,
        *,
        can_id: int = 0,
        mask: int = 0,
        is_extended: bool | None = None,
    ) -> Callable[[], None]: ...

    async def ask(
        self,
        frame: CanFrame,
        answer: Callable[[CanFrame], T | None],
        *,
        can_id: int = 0,
        mask: int = 0,
        timeout_s: float | None = None,
    ) -> T: ...


class Bank:
    """`numbers` of the modules as on the bus; see the top of this file and `PowerModules`."""

    def __init__(self, port: Bus, numbers: Sequence[int], family: Family, *, broadcast: bool = False) -> None:
        self.fail_safe = family.fail_safe
        self.silent_off_s = family.silent_off_s
        self._port = port
        self._family = family
        self._broadcast = broadcast and family.can_tell_all
        self._modules = {number: Module(number, family) for number in numbers}
        self._all = tuple(self._modules.values())
        self._orders: list[Order] = []
        self._strangers: set[int] = set()
        self._heard_s = self._alive_since_s = self._started_s = -math.inf
        self._repeat_s, changes_per_s = pace(family, len(self._all))
        self._raises_per_s = changes_per_s / CHANGE_FRAMES
        self._most_raises = float(max(len(self._all), 8))
        self._raises = self._most_raises
        self._round_s = 0.0
        self._is_blocked = False
        self._due_s = 0.0
        self._timer: asyncio.Handle | None = None
        self._end: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """See PowerModules. On the way out modules of a family without a time-out of its own are switched off."""
        loop = asyncio.get_running_loop()
        stop_listening = self._port.listen(
            self._receive, can_id=self._family.listen_id, mask=self._family.listen_mask, is_extended=True
        )
        self._round_s = self._started_s = loop.time()
        self._spread(loop.time())
        self._end = loop.create_future()
        self._timer = loop.call_soon(self._next_round)
        try:
            await self._end
        finally:
            self._timer.cancel()
            self._timer = None
            stop_listening()
            if math.isinf(self.silent_off_s):
                self._is_blocked = False
                for module in self._all:
                    if module.order is not None:
                        self._send_off(module, loop.time())

    def modules(self) -> tuple[ModuleReading, ...]:
        """See PowerModules."""
        now_s = asyncio.get_running_loop().time()
        return tuple(module.read(now_s) for module in self._all)

    def set_output(self, modules: Sequence[int], voltage_v: float, current_a: float, valid_for_s: float) -> None:
        """See PowerModules."""
        numbers = self._known(modules)
        for what, value in (("voltage", voltage_v), ("current", current_a), ("validity", valid_for_s)):
            if not math.isfinite(value) or value < 0:
                raise ValueError(f"{what} {value} for the power modules on port '{self._port.name}' cannot be set")
        now_s = asyncio.get_running_loop().time()
        order = next((each for each in self._orders if each.numbers == numbers), None)
        if order is None:
            for module in map(self._modules.__getitem__, numbers):
                self._take_out(module)
            order = Order(numbers, voltage_v, current_a, 0.0)
            self._orders.append(order)
            for module in map(self._modules.__getitem__, numbers):
                module.order, module.is_told_off = order, False
                module.first_on_s, module.switched_s = math.inf, -math.inf
        order.voltage_v, order.current_a, order.until_s = voltage_v, current_a, now_s + valid_for_s
        if self._timer is not None:
            self._refill(now_s)
            self._tell(now_s, may_switch=False)
            self._hurry(now_s)

    def switch_off(self, modules: Sequence[int]) -> None:
        """See PowerModules."""
        now_s = asyncio.get_running_loop().time()
        self._is_blocked = False
        self._switch_off([self._modules[number] for number in self._known(modules)], now_s)
        self._hurry(now_s)

    # Orders ---------------------------------------------------------------------------------------------------------

    def _known(self, modules: Sequence[int]) -> tuple[int, ...]:
        for number in modules:
            if number not in self._modules:
                raise ValueError(
                    f"power module {number} is not configured on port '{self._port.name}': "
                    f"there are {', '.join(map(str, self._modules))}"
                )
        return tuple(sorted(set(modules)))

    def _take_out(self, module: Module) -> None:
        """The module leaves its order; an order without modules is gone."""
        order, module.order = module.order, None
        module.share_a = module.held_a = 0.0
        if order is None:
            return
        order.numbers = tuple(number for number in order.numbers if number != module.number)
        if not order.numbers:
            self._orders.remove(order)

    def _switch_off(self, modules: Sequence[Module], now_s: float) -> None:
        for module in modules:
            self._take_out(module)
            module.is_told_off, module.is_off_confirmed = True, False
            module.range_step, module.switched_s = 0, -math.inf
        if self._timer is None:
            return
        if len(modules) > 1 and self._is_collective(modules):
            self._off_together(modules, now_s)
        else:
            for module in modules:
                self._send_off(module, now_s)

    # Rounds ---------------------------------------------------------------------------------------------------------

    def _spread(self, now_s: float) -> None:
        """Let the modules' questions begin one after another, so that the bus has the same load all the time."""
        for at, module in enumerate(self._all):
            module.poll_due_s = now_s + self._family.poll_s * at / len(self._all)

    def _refill(self, now_s: float) -> None:
        self._is_blocked = False
        self._raises = min(self._raises + (now_s - self._round_s) * self._raises_per_s, self._most_raises)
        self._round_s = now_s

    def _next_round(self) -> None:
        """One round, and the next one set; what goes wrong ends `run`."""
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        try:
            self._round(now_s)
        except Exception as error:
            if self._end is not None and not self._end.done():
                self._end.set_exception(error)
            return
        self._due_s = max(self._due_s + ROUND_S, now_s + ROUND_S / 2)
        self._timer = loop.call_at(self._due_s, self._next_round)
        self._hurry(now_s)

    def _hurry(self, now_s: float) -> None:
        """When the port took no more frames the next round comes as soon as it will have sent some."""
        if self._is_blocked and self._port.is_open and self._timer is not None and self._due_s > now_s + DRAIN_S:
            self._timer.cancel()
            self._due_s = now_s + DRAIN_S
            self._timer = asyncio.get_running_loop().call_at(self._due_s, self._next_round)

    def _round(self, now_s: float) -> None:
        self._refill(now_s)
        for order in [each for each in self._orders if now_s >= each.until_s]:
            _log.warning(
                "power modules %s on port '%s': their order was not renewed, 0 A and off",
                ", ".join(map(str, order.numbers)),
                self._port.name,
            )
            self._switch_off([self._modules[number] for number in order.numbers], now_s)
        for module in self._all:
            self._watch(module, now_s)
        self._tell(now_s, may_switch=True)
        self._ask(now_s)

    def _watch(self, module: Module, now_s: float) -> None:
        """Changes that come with time alone, and their one line in the log."""
        is_online = module.is_online(now_s)
        if is_online is not module.was_online:
            module.was_online = is_online
            self._log_link(module, is_online)
            module.forget(after_start=is_online)
            if is_online:
                module.online_since_s = now_s
                module.first_due_s, module.first_asks = now_s, 0
                module.poll_due_s = min(module.poll_due_s, now_s + self._family.poll_s)
        if module.has_fault or module.is_twice(now_s):
            if now_s >= module.fault_until_s and is_online:
                words = ", ".join(module.read(now_s).alarms)
                _log.warning("power module %d on port '%s': %s", module.number, self._port.name, words)
            module.fault_until_s = now_s + FAULT_REST_S
        if (
            module.order is None
            and not module.is_told_off
            and module.is_on
            and is_online
            and now_s - module.on_since_s > ADOPT_S
        ):
            _log.warning(
                "power module %d on port '%s': found on and nobody asks for it, off", module.number, self._port.name
            )
            module.is_told_off = True

    def _log_link(self, module: Module, is_online: bool) -> None:
        if is_online:
            _log.info("power module %d on port '%s': on line", module.number, self._port.name)
        else:
            _log.warning("power module %d on port '%s': does not answer any more", module.number, self._port.name)

    # Telling --------------------------------------------------------------------------------------------------------

    def _tell(self, now_s: float, *, may_switch: bool) -> None:
        """Set-points and switching that are due."""
        for each in self._orders:
            self._divide(each, now_s)
        if self._orders and self._tell_together(now_s, may_switch=may_switch):
            return
        lowered: list[Module] = []
        repeated: list[Module] = []
        raised: list[Module] = []
        for module in self._all:
            order = module.order
            if order is None:
                if may_switch:
                    self._keep_off(module, now_s)
            elif module.problem:
                if may_switch:
                    self._hold_off(module, now_s)
            else:
                change = self._change(module, order)
                if change < 0:
                    lowered.append(module)
                elif change > 0:
                    raised.append(module)
                elif now_s - module.sent_s >= self._repeat_s - 1e-9:
                    repeated.append(module)
        for module in lowered:
            self._send_set_point(module, now_s)
        for module in sorted(raised, key=_longest_ago) if len(raised) > self._raises else raised:
            if self._raises < 1:
                break
            self._raises -= 1
            self._send_set_point(module, now_s)
        for module in repeated:
            self._send_set_point(module, now_s)
        if may_switch:
            for module in self._all:
                if module.order is not None and not module.problem and self._is_on_due(module, now_s):
                    self._send(self._family.switch(module.number, True))
                    self._note_on(module, now_s)

    @staticmethod
    def _change(module: Module, order: Order) -> int:
        """Whether what it is to give is less (or its first), the same, or more than what it was told."""
        if module.sent is None:
            return -1
        voltage_v, current_a = module.sent
        is_same = abs(module.share_a - current_a) <= TOLERANCE_A and (module.share_a > 0 or current_a == 0)
        if is_same and voltage_v == order.voltage_v:
            return 0
        return -1 if module.share_a <= current_a and order.voltage_v <= voltage_v else 1

    def _is_on_due(self, module: Module, now_s: float) -> bool:
        if module.sent is None or now_s - module.set_since_s < ROUND_S / 2:
            return False
        wait_s = ON_REPEAT_S if module.is_on else self._repeat_s
        return now_s - module.switched_s >= wait_s - 1e-9

    def _note_on(self, module: Module, now_s: float) -> None:
        module.switched_s = now_s
        if not module.is_on and math.isinf(module.first_on_s):
            module.first_on_s = now_s

    def _divide(self, order: Order, now_s: float) -> None:
        """Say why modules of the order cannot give, and divide its current among those that can."""
        able: list[Module] = []
        most: list[float] = []
        held_a = 0.0
        for number in order.numbers:
            module = self._modules[number]
            problem = self._problem(module, order, now_s)
            if problem and not module.problem:
                module.switched_s = -math.inf
            module.problem = problem
            if problem:
                held_a += self._hold(module, now_s)
            elif now_s - module.first_on_s > SLOW_S:
                module.share_a = 0.0
            elif module.limits is not None:
                able.append(module)
                most.append(module.limits.max_current_a)
        for module, share_a in zip(able, divide(order.current_a - held_a, most), strict=True):
            module.share_a = share_a

    def _hold(self, module: Module, now_s: float) -> float:
        """What a module that has no share now may still be giving."""
        if module.is_on is not False:
            module.held_a = max(module.held_a, module.share_a)
        module.share_a = 0.0
        is_certainly_off = not module.was_online and now_s > module.heard_s + self.silent_off_s
        return 0.0 if is_certainly_off else module.held_a

    def _problem(self, module: Module, order: Order, now_s: float) -> str:
        limits = module.limits
        if not module.was_online:
            return "absent"
        if now_s - self._started_s < SETTLE_S:
            return UNKNOWN
        if limits is None:
            return UNKNOWN
        if not limits.min_voltage_v <= order.voltage_v <= limits.max_voltage_v:
            if module.problem != OUTSIDE:
                _log.warning(
                    "power module %d on port '%s' stays off: %g V is outside its %g to %g V",
                    module.number,
                    self._port.name,
                    order.voltage_v,
                    limits.min_voltage_v,
                    limits.max_voltage_v,
                )
            return OUTSIDE
        if now_s < module.fault_until_s:
            return "fault"
        if module.is_starting(now_s):
            return STARTING
        return self._range_problem(module, order, now_s)

    def _range_problem(self, module: Module, order: Order, now_s: float) -> str:
        """Bring the module into the range that the voltage needs: off, wait, choose, wait."""
        wanted = self._family.range_for(order.voltage_v, module.range, bool(module.is_on))
        if wanted is None or (wanted == module.range and module.range_step == 0):
            return ""
        if module.range is None and module.range_step == 0 and now_s - module.online_since_s < FIRST_QUESTIONS_S:
            return UNKNOWN
        if module.range_step == 0:
            module.range_step, module.range_step_s = 1, min(max(module.off_since_s, module.switched_s), now_s)
            if module.is_on is not False:
                module.range_step_s = now_s
        elif module.range_step == 1 and module.is_on is False and now_s - module.range_step_s >= RANGE_WAIT_S:
            if self._send(self._family.set_range(module.number, wanted)):
                module.range_step, module.range_step_s, module.range = 2, now_s, wanted
        elif module.range_step == 2 and now_s - module.range_step_s >= RANGE_WAIT_S:
            module.range_step, module.sent = 0, None
            if module.range == wanted:
                return ""
        return "changing its range"

    def _keep_off(self, module: Module, now_s: float) -> None:
        """Tell a module that is to be off so until it says that it is."""
        if not module.is_told_off or (module.is_off_confirmed and not module.is_on):
            return
        if now_s - module.switched_s >= (self._repeat_s if module.was_online else ABSENT_POLL_S) - 1e-9:
            self._send_off(module, now_s)

    def _hold_off(self, module: Module, now_s: float) -> None:
        """A module that cannot take part in its order is told off, lest it comes back by itself with what it had."""
        if module.problem in (UNKNOWN, STARTING):
            return
        wait_s = self._repeat_s if module.is_on and module.was_online else OFF_REPEAT_S
        is_due = now_s - module.switched_s >= wait_s - 1e-9 and (module.was_online or self._is_bus_alive(now_s))
        if is_due:
            self._send_off(module, now_s)

    def _is_bus_alive(self, now_s: float) -> bool:
        """Others have been heard for long enough that a module which has not is absent by itself."""
        return now_s - self._heard_s < ALIVE_GAP_S and now_s - self._alive_since_s > ALIVE_S

    # One frame for all ----------------------------------------------------------------------------------------------

    def _is_collective(self, modules: Sequence[Module]) -> bool:
        return self._broadcast and not self._strangers and len(modules) == len(self._all)

    def _tell_together(self, now_s: float, *, may_switch: bool) -> bool:
        """Set-points and on by one frame each, when all modules of the bus get the same; whether that is so."""
        order = self._all[0].order
        if order is None or not self._is_collective(self._all) or len(self._all) < 2:
            return False
        first = self._all[0]
        for module in self._all:
            if module.order is not order or module.problem or abs(module.share_a - first.share_a) > TOLERANCE_A:
                return False
        is_due = any(
            self._change(module, order) or now_s - module.sent_s >= self._repeat_s - 1e-9 for module in self._all
        )
        if is_due and first.limits is not None:
            self._set_up(self._all)
            if self._send(self._family.set_point(None, order.voltage_v, first.share_a, first.limits)):
                for module in self._all:
                    self._note_set(module, order.voltage_v, now_s)
        if may_switch and any(self._is_on_due(module, now_s) for module in self._all):
            self._send(self._family.switch(None, True))
            for module in self._all:
                self._note_on(module, now_s)
        return True

    def _off_together(self, modules: Sequence[Module], now_s: float) -> None:
        known = next((each for each in modules if each.last_voltage_v is not None and each.limits is not None), None)
        if known is not None and known.last_voltage_v is not None and known.limits is not None:
            self._send(self._family.set_point(None, known.last_voltage_v, 0.0, known.limits)[-1:])
        is_sent = self._send(self._family.switch(None, False))
        for module in modules:
            module.sent, module.first_on_s = None, math.inf
            if is_sent:
                module.switched_s = now_s

    # Wire -----------------------------------------------------------------------------------------------------------

    def _set_up(self, modules: Sequence[Module]) -> None:
        for module in modules:
            if module.needs_set_up:
                module.needs_set_up = not self._send(self._family.set_up(module.number))

    def _send_set_point(self, module: Module, now_s: float) -> None:
        order, limits = module.order, module.limits
        if order is None or limits is None:
            return
        self._set_up((module,))
        frames = self._family.set_point(module.number, order.voltage_v, module.share_a, limits)
        if module.sent is not None and module.sent[0] == order.voltage_v and module.sent[1] != module.share_a:
            frames = frames[-1:]  # the current is the last
        if self._send(frames):
            self._note_set(module, order.voltage_v, now_s)

    def _note_set(self, module: Module, voltage_v: float, now_s: float) -> None:
        if module.sent is None:
            module.set_since_s = now_s
        module.sent, module.sent_s, module.last_voltage_v = (voltage_v, module.share_a), now_s, voltage_v
        module.held_a = 0.0

    def _send_off(self, module: Module, now_s: float) -> None:
        if module.limits is not None:
            voltage_v = module.limits.min_voltage_v if module.last_voltage_v is None else module.last_voltage_v
            self._send(self._family.set_point(module.number, voltage_v, 0.0, module.limits)[-1:])
        if self._send(self._family.switch(module.number, False)):
            module.switched_s = now_s
        module.sent, module.first_on_s = None, math.inf

    def _send(self, frames: Frames) -> bool:
        """Put frames on the bus; False when it does not take them (told by the port; tried again next round)."""
        if self._is_blocked or not self._port.is_open:
            self._is_blocked = True
            return False
        try:
            for frame in frames:
                self._port.send(frame)
        except NoAnswer:
            self._is_blocked = True
            return False
        return True

    def _ask(self, now_s: float) -> None:
        for module in self._all:
            if now_s < module.poll_due_s:
                continue
            is_online = module.was_online
            poll_s = self._family.poll_s if is_online else ABSENT_POLL_S
            module.poll_due_s = max(module.poll_due_s + poll_s, now_s)
            if not self._send((module.questions[module.next_question],)):
                return
            module.next_question = (module.next_question + 1) % len(module.questions) if is_online else 0
            if is_online and now_s >= module.first_due_s:
                module.first_asks += 1
                is_known = module.limits is not None and (
                    module.identity.serial or module.first_asks >= MOST_FIRST_ASKS
                )
                module.first_due_s = now_s + (math.inf if is_known else FIRST_QUESTIONS_S)
                if not self._send(module.first_questions):
                    return

    def _receive(self, frame: CanFrame) -> None:
        heard = self._family.decode(frame)
        if heard is None:
            return
        module = self._modules.get(heard.number)
        if module is None:
            self._note_stranger(heard.number)
            return
        now_s = asyncio.get_running_loop().time()
        if now_s - self._heard_s > ALIVE_GAP_S:
            self._alive_since_s = now_s
        self._heard_s = now_s
        if heard.refused:
            self._note_refusal(module, heard, now_s)
        was_on = module.is_on
        module.hear(heard, now_s)
        if was_on and module.is_on is False and module.order is not None and not (module.problem or module.has_fault):
            _log.warning(
                "power module %d on port '%s': went off by itself, it is set up again", module.number, self._port.name
            )
            module.forget(after_start=False)

    def _note_stranger(self, number: int) -> None:
        if number not in self._strangers and len(self._strangers) < 256:
            self._strangers.add(number)
            if self._broadcast:
                _log.warning(
                    "port '%s': power module %d answers and is not configured here; modules are told one by one",
                    self._port.name,
                    number,
                )

    def _note_refusal(self, module: Module, heard: Heard, now_s: float) -> None:
        if heard.is_starting:
            return
        if module.refusals.get(heard.refused, -math.inf) < now_s - REFUSAL_AGAIN_S:
            _log.warning(
                "power module %d on port '%s' refused an order: %s", module.number, self._port.name, heard.refused
            )
        module.note_refusal(heard.refused, now_s)


def pace(family: Family, count: int) -> tuple[float, float]:
    """How often the set-points of `count` modules are said anew, at least every `MOST_REPEAT_S`, and how many frames a
    second are left for raising them, so that all this with the questions fills no more of the bus than it may."""
    always = count * (family.answer_frames + 1) / family.poll_s + 2 * count / ON_REPEAT_S
    left = FRAMES_PER_S - CHANGES_PER_S / 2 - always
    needed_s = count * family.set_point_frames / left if left > 0 else MOST_REPEAT_S
    repeat_s = min(max(family.repeat_s, needed_s), MOST_REPEAT_S)
    spare = FRAMES_PER_S * 1.1 - always - count * family.set_point_frames / repeat_s
    return repeat_s, min(max(spare, LEAST_CHANGES_PER_S), CHANGES_PER_S)


def _longest_ago(module: Module) -> float:
    return module.sent_s


async def recognise(port: Bus, family: Family, number: int, *, timeout_s: float = 0.3) -> Identity | None:
    """Who answers to the family's first question at `number`; NoAnswer when nobody does. Reads only."""

    def answer(frame: CanFrame) -> Heard | None:
        heard = family.decode(frame)
        is_meant = heard is not None and heard.number == number and (heard.key >= 0 or heard.refused)
        return heard if is_meant else None

    question = family.first_questions(number)[0]
    heard = await port.ask(question, answer, can_id=family.listen_id, mask=family.listen_mask, timeout_s=timeout_s)
    if heard.refused:
        return None
    return Identity(vendor=family.vendor, model=family.model, serial=heard.serial)
