"""Ports of this machine for servers that must be told theirs before they listen."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, suppress


def free_port(host: str = "127.0.0.1", count: int = 1) -> int:
    """The first of `count` neighbours, below those that the kernel hands out: nobody else takes it first."""
    while True:
        number = random.SystemRandom().randrange(15_000, 30_000)
        with ExitStack() as held, suppress(OSError):
            for place in range(count):
                held.enter_context(socket.socket()).bind((host, number + place))
            return number
