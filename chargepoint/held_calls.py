"""Calls to a service that is only started when it is called: they wait here until it is ready."""

from __future__ import annotations

from typing import Any

import msgspec

from chargepoint.frames import Call
from chargepoint.messages import Request
from chargepoint.peers import Peer

MOST = 32
"""So many wait at one time; what is beyond hears that the service is not running."""


class HeldCall(msgspec.Struct, frozen=True, eq=False):
    """`frame` of `caller`, checked already."""

    caller: Peer
    frame: Call
    request_type: type[Request[Any]]


class HeldCalls:
    """In the order in which they came."""

    def __init__(self) -> None:
        self._held: list[HeldCall] = []

    @property
    def has_room(self) -> bool:
        return len(self._held) < MOST

    def has(self, service: str) -> bool:
        """Whether calls wait for `service`: later ones then wait behind them."""
        return any(call.frame.service == service for call in self._held)

    def hold(self, call: HeldCall) -> None:
        self._held.append(call)

    def take(self, service: str) -> list[HeldCall]:
        """All that wait for `service`; they are held no longer."""
        taken = [call for call in self._held if call.frame.service == service]
        self._held = [call for call in self._held if call.frame.service != service]
        return taken

    def forget(self, caller: Peer) -> None:
        """Whoever asked has gone."""
        self._held = [call for call in self._held if call.caller is not caller]
