"""What comes in from the modules of a bank: into their state, and once into the log."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping

from drivers.codecs.can import CanFrame
from drivers.power.family import Family, Heard
from drivers.power.module import Module

REFUSAL_AGAIN_S = 60.0
"""A refusal is told again after so long without it."""
ALIVE_GAP_S = 0.6
ALIVE_S = 1.5
MOST_STRANGERS = 256

_log = logging.getLogger(__name__)


class Hearing:
    """`strangers` are modules of the family that answer on this bus and are not of this bank."""

    def __init__(self, family: Family, modules: Mapping[int, Module], port_name: str, *, is_broadcast: bool) -> None:
        self.strangers: set[int] = set()
        self._family = family
        self._modules = modules
        self._port_name = port_name
        self._is_broadcast = is_broadcast
        self._heard_s = self._alive_since_s = -math.inf

    def is_bus_alive(self, now_s: float) -> bool:
        """Others have been heard for long enough that a module which has not is absent by itself."""
        return now_s - self._heard_s < ALIVE_GAP_S and now_s - self._alive_since_s > ALIVE_S

    def receive(self, frame: CanFrame) -> None:
        """Take in a frame that may be of this family; any other is left alone."""
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
            module.answered(heard.refused, now_s)
            self._note_refusal(module, heard, now_s)
        if heard.key >= 0:
            module.answered("", now_s)
        had_obeyed = module.has_obeyed_on
        module.hear(heard, now_s)
        if had_obeyed and module.is_on is False and not (module.problem or module.has_fault):
            _log.warning(
                "power module %d on port '%s': went off by itself, it is set up again", module.number, self._port_name
            )
            module.forget(after_start=False)

    def _note_stranger(self, number: int) -> None:
        if number not in self.strangers and len(self.strangers) < MOST_STRANGERS:
            self.strangers.add(number)
            if self._is_broadcast:
                _log.warning(
                    "port '%s': power module %d answers and is not configured here; modules are told one by one",
                    self._port_name,
                    number,
                )

    def _note_refusal(self, module: Module, heard: Heard, now_s: float) -> None:
        if heard.is_starting:
            return
        if module.refusals.get(heard.refused, -math.inf) < now_s - REFUSAL_AGAIN_S:
            _log.warning(
                "power module %d on port '%s' refused an order: %s", module.number, self._port_name, heard.refused
            )
        module.note_refusal(heard.refused, now_s)
