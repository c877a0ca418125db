"""The link's life: connect, serve until it ends, wait, connect again. Source: reliability.md R28, R29."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from chargepoint.vocabulary import LinkState
from ocpp_client.backoff import Backoff
from ocpp_client.rpc import LinkLost, Rpc
from ocpp_client.transport import CannotConnect, close_link, open_link, watch_link
from ocpp_client.watching import Watching

log = logging.getLogger(__name__)

TAKEN_OVER = 3
"""So many links in a row that ended at once look like somebody else with our identity."""


class Link:
    """Keeps one link to `url`. `talk` is what to do on it beside answering: it is cancelled when the link ends."""

    def __init__(
        self,
        *,
        url: str,
        headers: dict[str, str],
        rpc: Rpc,
        watching: Watching,
        spread_s: float,
        ping_interval_s: Callable[[], float],
        talk: Callable[[], Coroutine[Any, Any, None]],
        chance: random.Random | None = None,
    ) -> None:
        self._url = url
        self._headers = headers
        self._rpc = rpc
        self._watching = watching
        self._ping_interval_s = ping_interval_s
        self._talk = talk
        self._backoff = Backoff(spread_s, chance or random.Random())
        self._connection: ClientConnection | None = None
        self._last_error = ""

    async def run(self, *, is_power_up: bool) -> None:
        """Until cancelled. After power-up the first attempt waits its share of the spread."""
        if is_power_up:
            await asyncio.sleep(self._backoff.first_delay_s())
        loop = asyncio.get_running_loop()
        while True:
            self._watching.link(LinkState.CONNECTING, self._last_error)
            retry_after_s = None
            try:
                self._connection = await open_link(self._url, self._headers)
            except CannotConnect as error:
                retry_after_s = error.retry_after_s
                self._cannot_connect(error)
            else:
                opened_s = loop.time()
                self._backoff.opened(opened_s)
                self._ended(await self._live(self._connection), loop.time() - opened_s)
            delay_s = self._backoff.next_delay_s(loop.time(), retry_after_s)
            log.debug("link: next attempt in %.1f s", delay_s)
            await asyncio.sleep(delay_s)

    def _cannot_connect(self, error: CannotConnect) -> None:
        text = str(error)
        if text != self._last_error:
            log.warning("link: %s", text)
            self._watching.websocket("Error", error=text)
            if error.status in (401, 403):
                self._watching.security("FailedToAuthenticateAtCentralSystem", text)
        self._last_error = text
        self._watching.link(LinkState.OFFLINE, text)

    def _ended(self, reason: str, lived_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._connection = None
        self._backoff.lost(loop.time(), lived_s)
        log.warning("link: lost after %.0f s: %s", lived_s, reason)
        self._watching.websocket("Closed", reason)
        if self._backoff.short_lives == TAKEN_OVER:
            text = (
                f"the link ended {TAKEN_OVER} times right after it was opened: does another station use this identity?"
            )
            log.error("link: %s", text)
            self._watching.websocket("Error", error=text)
        self._last_error = reason
        self._watching.link(LinkState.OFFLINE, reason)

    async def _live(self, connection: ClientConnection) -> str:
        """Serve one connection to its end; why it ended."""
        log.info("link: open to %s", self._url)
        self._last_error = ""
        serving = asyncio.create_task(self._rpc.serve(connection), name="ocpp reader")
        connected = asyncio.create_task(self._rpc.connected.wait(), name="ocpp connected")
        tasks: list[asyncio.Task[Any]] = [serving, connected]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                self._watching.link(LinkState.ONLINE)
                self._watching.websocket("Open", self._url)
                watching = asyncio.create_task(watch_link(connection, self._ping_interval_s), name="ocpp pings")
                talking = asyncio.create_task(self._talk(), name="ocpp registration")
                tasks += [watching, talking]
                await asyncio.wait([serving, watching, talking], return_when=asyncio.FIRST_COMPLETED)
                for task in (watching, talking):
                    if task.done() and not isinstance(task.exception(), LinkLost | None):
                        log.error("link: %s went wrong", task.get_name(), exc_info=task.exception())
                if watching.done() and not watching.exception() and not serving.done():
                    return watching.result()
            return _why(serving.exception() if serving.done() else None)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await close_link(connection)


def _why(error: BaseException | None) -> str:
    if isinstance(error, ConnectionClosed):
        close = error.rcvd or error.sent
        if close is None:
            return "the connection was cut"
        side = "the central system" if error.rcvd and error.rcvd_then_sent is not False else "we"
        return f"{side} closed it ({close.code} {close.reason[:100]})".replace(" )", ")")
    return "the exchange ended" if error is None else str(error)
