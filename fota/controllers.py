"""Firmware of controllers: one after the other, only idle ones; each is reported."""

from __future__ import annotations

from chargepoint.bus import StateView
from chargepoint.context import Context


class Controllers:
    def __init__(self, context: Context, view: StateView) -> None:
        self._context = context
        self._view = view

    async def run(self, desk: object) -> str:
        return "not there yet"
