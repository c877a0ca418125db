"""Names to addresses, in a thread that nothing waits for: a resolver that hangs costs one thread and stops nobody.

The usual way (the loop's own pool) would leave one thread behind for each attempt, and the end of the process would
wait for all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext

LookUp = Callable[[str, int], Iterable[str]]


class CannotResolve(Exception):
    """The name has no address, or nobody says which."""


def of_system(host: str, port: int) -> list[str]:
    """Addresses in the order the system prefers. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for _, _, _, _, address in found))


class Resolver:
    """One look-up a name at a time; who asks meanwhile waits for the same one."""

    def __init__(self, look_up: LookUp = of_system) -> None:
        self._look_up = look_up
        self._pending: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def look_up(self, host: str, port: int) -> list[str]:
        """At least one address. Raises CannotResolve."""
        with contextlib.suppress(ValueError):
            return [str(ipaddress.ip_address(host))]
        loop = asyncio.get_running_loop()
        pending = self._pending.get((host, port))
        if pending is None or pending.get_loop() is not loop:
            pending = self._pending[host, port] = loop.create_future()
            threading.Thread(target=self._ask, args=(host, port, pending), name="name look-up", daemon=True).start()
        with _standing_still(loop):
            found = await asyncio.shield(pending)
        if not found:
            raise CannotResolve(f"the name {host} cannot be resolved")
        return found

    def _ask(self, host: str, port: int, answer: asyncio.Future[list[str]]) -> None:
        try:
            found = list(self._look_up(host, port))
        except (OSError, UnicodeError):
            found = []
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know any more
            answer.get_loop().call_soon_threadsafe(self._answer, host, port, answer, found)

    def _answer(self, host: str, port: int, answer: asyncio.Future[list[str]], found: list[str]) -> None:
        if self._pending.get((host, port)) is answer:
            del self._pending[host, port]
        if not answer.done():
            answer.set_result(found)


def _standing_still(loop: asyncio.AbstractEventLoop) -> AbstractContextManager[None]:
    """A loop whose time can be held holds it while another thread works (see `Clock.standing_still`)."""
    hold: Callable[[], AbstractContextManager[None]] | None = getattr(loop, "hold", None)
    return nullcontext() if hold is None else hold()
