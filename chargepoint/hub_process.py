"""The hub as a process of its own: what the launcher says becomes calls of the supervision, and the other way round."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import deque
from typing import NoReturn

import msgspec

from chargepoint import control, process
from chargepoint.exchange import Pace
from chargepoint.hub import Hub
from chargepoint.services import HubGone, World

log = logging.getLogger(__name__)

RETRY_S = 0.05
MAX_WAITING_WORDS = 1000


class LauncherLink:
    """`Processes` of the supervision, by way of the launcher."""

    def __init__(self, sock: socket.socket, hub: Hub) -> None:
        self._socket = sock
        self._hub = hub
        self._waiting: deque[control.Word] = deque()
        asyncio.get_running_loop().add_reader(sock.fileno(), self._readable)

    def start(self, name: str) -> None:
        self._say(control.Start(name))

    def kill(self, name: str) -> None:
        self._say(control.Kill(name))

    def beat(self) -> None:
        if not self._waiting:
            self._say(control.HubBeat())

    def leaving(self, exit_code: int, budget_s: float) -> None:
        self._say(control.Leaving(exit_code, budget_s))

    def left(self, exit_code: int) -> None:
        self._say(control.Left(exit_code))

    def _say(self, word: control.Word) -> None:
        self._waiting.append(word)
        if len(self._waiting) > MAX_WAITING_WORDS:
            raise RuntimeError("the launcher does not listen")
        if len(self._waiting) == 1:
            self._send()

    def _send(self) -> None:
        while self._waiting:
            try:
                control.send(self._socket, self._waiting[0])
            except BlockingIOError:
                asyncio.get_running_loop().call_later(RETRY_S, self._send)
                return
            except OSError:
                os._exit(process.HUB_GONE)  # the launcher is gone: nobody may run without it
            self._waiting.popleft()

    def _readable(self) -> None:
        while True:
            try:
                received = control.receive_in_hub(self._socket)
            except BlockingIOError:
                return
            except (OSError, msgspec.MsgspecError) as error:
                log.critical("the launcher cannot be understood: %s", error)
                os._exit(process.FAILED)
            if received is None:
                os._exit(process.HUB_GONE)
            word, sock = received
            match word:
                case control.Started(name, pid) if sock is not None:
                    self._hub.supervision.started(name, pid, sock)
                case control.Started(name, _):
                    self._hub.supervision.could_not_start(name, "its socket was lost on the way")
                case control.CouldNotStart(name, why):
                    self._hub.supervision.could_not_start(name, why)
                case control.Ended(name, _, how):
                    self._hub.supervision.ended(name, how)
                case control.Leave(exit_code, stop_source):
                    self._hub.leave(exit_code, stop_source)


def live_as_hub(sock: socket.socket, world: World) -> NoReturn:
    """The rest of the hub's process."""

    async def work() -> int:
        links: list[LauncherLink] = []

        def make_link(hub: Hub) -> LauncherLink:
            links.append(LauncherLink(sock, hub))
            return links[0]

        hub = Hub(world, make_link, pace=Pace())
        hub.on_leaving = links[0].leaving
        exit_code = await hub.run()
        links[0].left(exit_code)
        return 0

    try:
        process.live("hub", work)
    except HubGone:
        os._exit(process.HUB_GONE)
