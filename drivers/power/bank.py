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
from collections.abc import Sequence

from drivers.interfaces import ModuleReading
from drivers.power.family import Family
from drivers.power.hearing import Hearing
from drivers.power.module import Module, Order
from drivers.power.pace import CHANGE_FRAMES, ON_REPEAT_S, pace
from drivers.power.questions import ABSENT_POLL_S, Questions
from drivers.power.shares import STARTING, UNKNOWN, Shares
from drivers.power.wire import Bus, Wire

ROUND_S = 0.04
"""Time between two rounds; an order that cannot leave at once leaves within one."""
DRAIN_S = 0.012
"""The queue of a CAN controller is short (10 frames with SocketCAN as delivered): what it does not take is tried again
after this time."""
OFF_REPEAT_S = 1.0
ADOPT_S = 5.0
FAULT_REST_S = 3.0
"""So long after its fault has gone a module is left off."""
TOLERANCE_A = 0.005

_log = logging.getLogger(__name__)


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
        self._wire = Wire(port)
        self._shares = Shares(family, self._modules, self._wire)
        self._questions = Questions(family, self._all, self._wire)
        self._hearing = Hearing(family, self._modules, port.name, is_broadcast=self._broadcast)
        self._repeat_s, changes_per_s = pace(family, len(self._all))
        self._raises_per_s = changes_per_s / CHANGE_FRAMES
        self._most_raises = float(max(len(self._all), 8))
        self._raises = self._most_raises
        self._round_s = 0.0
        self._due_s = 0.0
        self._timer: asyncio.Handle | None = None
        self._end: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """See PowerModules. On the way out modules of a family without a time-out of its own are switched off."""
        loop = asyncio.get_running_loop()
        stop_listening = self._port.listen(
            self._hearing.receive, can_id=self._family.listen_id, mask=self._family.listen_mask, is_extended=True
        )
        self._round_s = self._shares.started_s = loop.time()
        self._questions.spread(loop.time())
        self._end = loop.create_future()
        self._timer = loop.call_soon(self._next_round)
        try:
            await self._end
        finally:
            self._timer.cancel()
            self._timer = None
            stop_listening()
            if math.isinf(self.silent_off_s):
                self._wire.is_blocked = False
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
        if not numbers:
            return
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
        self._wire.is_blocked = False
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
        """The module leaves its order, and takes its share along; an order without modules is gone."""
        order, module.order = module.order, None
        lost_a, module.share_a, module.held_a = max(module.share_a, module.held_a), 0.0, 0.0
        if order is None:
            return
        order.current_a = max(0.0, order.current_a - lost_a)
        order.numbers = tuple(number for number in order.numbers if number != module.number)
        if not order.numbers:
            self._orders.remove(order)

    def _switch_off(self, modules: Sequence[Module], now_s: float) -> None:
        for module in modules:
            self._take_out(module)
            module.is_told_off, module.is_off_confirmed = True, False
            module.range_step, module.switched_s = 0, -math.inf
        if self._timer is None:
            return  # nobody would repeat it, and modules without an order are switched off when `run` begins anew
        if len(modules) > 1 and self._is_collective(modules):
            self._off_together(modules, now_s)
        else:
            for module in modules:
                self._send_off(module, now_s)

    # Rounds ---------------------------------------------------------------------------------------------------------

    def _refill(self, now_s: float) -> None:
        self._wire.is_blocked = False
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
        if self._wire.is_blocked and self._port.is_open and self._timer is not None and self._due_s > now_s + DRAIN_S:
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
        self._questions.ask(now_s)

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
            self._shares.divide(each, now_s)
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
                if module.order is None or module.problem or not self._is_on_due(module, now_s):
                    continue
                if self._wire.send(self._family.switch(module.number, True)):
                    module.note_on(now_s)

    @staticmethod
    def _change(module: Module, order: Order) -> int:
        """Whether it is to give less current or voltage than it was told (or is told first), the same, or more."""
        if module.sent is None:
            return -1
        voltage_v, current_a = module.sent
        is_same = abs(module.share_a - current_a) <= TOLERANCE_A and (module.share_a > 0 or current_a == 0)
        if is_same and voltage_v == order.voltage_v:
            return 0
        is_less = (module.share_a < current_a and not is_same) or order.voltage_v < voltage_v
        return -1 if is_less else 1

    def _is_on_due(self, module: Module, now_s: float) -> bool:
        if module.sent is None or now_s - module.set_since_s < ROUND_S / 2:
            return False
        wait_s = ON_REPEAT_S if module.is_on else self._repeat_s
        return now_s - module.switched_s >= wait_s - 1e-9

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
        is_due = now_s - module.switched_s >= wait_s - 1e-9 and (module.was_online or self._hearing.is_bus_alive(now_s))
        if is_due:
            self._send_off(module, now_s)

    # One frame for all ----------------------------------------------------------------------------------------------

    def _is_collective(self, modules: Sequence[Module]) -> bool:
        return self._broadcast and not self._hearing.strangers and len(modules) == len(self._all)

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
            if self._wire.send(self._family.set_point(None, order.voltage_v, first.share_a, first.limits)):
                for module in self._all:
                    self._note_set(module, order.voltage_v, now_s)
        is_on_due = may_switch and any(self._is_on_due(module, now_s) for module in self._all)
        if is_on_due and self._wire.send(self._family.switch(None, True)):
            for module in self._all:
                module.note_on(now_s)
        return True

    def _off_together(self, modules: Sequence[Module], now_s: float) -> None:
        known = next((each for each in modules if each.last_voltage_v is not None and each.limits is not None), None)
        if known is not None and known.last_voltage_v is not None and known.limits is not None:
            self._wire.send(self._family.set_point(None, known.last_voltage_v, 0.0, known.limits)[-1:])
        is_sent = self._wire.send(self._family.switch(None, False))
        for module in modules:
            module.sent, module.first_on_s = None, math.inf
            if is_sent:
                module.note_off(now_s)

    # Wire -----------------------------------------------------------------------------------------------------------

    def _set_up(self, modules: Sequence[Module]) -> None:
        """Again and again until the module is on: not all say that they did not take it, as while they start."""
        for module in modules:
            if module.needs_set_up or not module.is_on:
                module.needs_set_up = not self._wire.send(self._family.set_up(module.number))

    def _send_set_point(self, module: Module, now_s: float) -> None:
        order, limits = module.order, module.limits
        if order is None or limits is None:
            return
        self._set_up((module,))
        frames = self._family.set_point(module.number, order.voltage_v, module.share_a, limits)
        if module.sent is not None and module.sent[0] == order.voltage_v and module.sent[1] != module.share_a:
            frames = frames[-1:]  # the current is the last
        if self._wire.send(frames):
            self._note_set(module, order.voltage_v, now_s)

    def _note_set(self, module: Module, voltage_v: float, now_s: float) -> None:
        if module.sent is None:
            module.set_since_s = now_s
        module.sent, module.sent_s, module.last_voltage_v = (voltage_v, module.share_a), now_s, voltage_v
        module.may_a, module.held_a = max(module.may_a, module.share_a), 0.0

    def _send_off(self, module: Module, now_s: float) -> None:
        if module.limits is not None:
            voltage_v = module.limits.min_voltage_v if module.last_voltage_v is None else module.last_voltage_v
            self._wire.send(self._family.set_point(module.number, voltage_v, 0.0, module.limits)[-1:])
        if self._wire.send(self._family.switch(module.number, False)):
            module.note_off(now_s)
        module.sent, module.first_on_s = None, math.inf


def _longest_ago(module: Module) -> float:
    return module.sent_s
