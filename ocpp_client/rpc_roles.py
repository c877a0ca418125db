"""What the exchange (`rpc.py`) needs around it: a connection, somebody who watches, somebody who answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from ocpp_client.frames import Payload


class Reply(msgspec.Struct, frozen=True):
    """What a handler answers. `then` runs after the answer has left."""

    payload: Payload
    then: Callable[[], Awaitable[None]] | None = None


class CallFault(Exception):
    """A handler's refusal of a request: becomes a CALLERROR."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


Handler = Callable[[Payload], Awaitable[Reply]]
Wording = Callable[[str, Payload], Payload]
"""Action and payload to the payload that leaves."""


class Connection(Protocol):
    async def recv(self, decode: bool | None = None) -> bytes | str: ...

    async def send(self, message: bytes, *, text: bool | None = None) -> None: ...


IsAlive = Callable[[Connection], Awaitable[bool]]


class Watcher(Protocol):
    """Hears of every frame; must be quick and not raise."""

    def frame(self, direction: str, action: str, text: bytes, latency_s: float | None) -> None: ...

    def invalid(self, text: str) -> None: ...


class Router(Protocol):
    """Finds who answers an action; raises CallFault for what nobody answers (now)."""

    def handler(self, action: str) -> tuple[Handler, bool]:
        """The handler, and whether it may take long (it then runs beside the worker)."""
        ...

    @property
    def is_silent(self) -> bool:
        """True while the server has rejected us: requests are not answered at all (4.2)."""
        ...
