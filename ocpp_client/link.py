"""The link's life: connect, serve until it ends, wait, connect again. Source: reliability.md R28, R29, S2, S4."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from chargepoint.clock import Clock
from chargepoint.vocabulary import LinkState
from ocpp_client.backoff import Backoff
from ocpp_client.resolving import Resolver
from ocpp_client.rpc import LinkLost, Rpc
from ocpp_client.statistics import Statistics
from ocpp_client.tls import CERTIFICATE, chain_of, event_of, lifetime_fault
from ocpp_client.transport import CannotConnect, Way, close_link, open_link, watch_link
from ocpp_client.watching import Watching

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

log = logging.getLogger(__name__)

TAKEN_OVER = 3
"""So many links in a row that ended at once look like somebody else with our identity."""

LOOK_AT_CERTIFICATES_S = 10.0
"""So often the lifetimes in an open link's chain are looked at: the time may have become known, or run out."""

MOST_TOLD = 20
"""Different failures of one outage that are logged; beyond that they are not told apart any more."""


class Ways(Protocol):
    """Says how the next attempt is made, and hears how it went (`Credentials`)."""

    reconnect: Callable[[str], None]

    def next_way(self) -> Way: ...

    async def opened(self, way: Way, chain: tuple[Certificate, ...]) -> None: ...

    def ended(self) -> None: ...

    async def failed(self, error: CannotConnect) -> float | None: ...


class Link:
    """Keeps one link. `talk` is what to do on it beside answering: it is cancelled when the link ends."""

    def __init__(
        self,
        *,
        ways: Ways,
        clock: Clock,
        rpc: Rpc,
        watching: Watching,
        statistics: Statistics,
        spread_s: float,
        ping_interval_s: Callable[[], float],
        talk: Callable[[], Coroutine[Any, Any, None]],
        chance: random.Random | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self._ways = ways
        self._clock = clock
        self._rpc = rpc
        self._watching = watching
        self._statistics = statistics
        self._ping_interval_s = ping_interval_s
        self._talk = talk
        self._backoff = Backoff(spread_s, chance or random.Random())
        self._resolver = resolver or Resolver()
        self._last_error = ""
        self._told: set[str] = set()
        self._wanted = ""
        """Why the link is to be made anew; "" while it is not."""
        self._anew = asyncio.Event()
        ways.reconnect = self.reconnect

    def reconnect(self, why: str) -> None:
        """End the connection, if there is one, and make it anew without the usual wait."""
        self._wanted = why
        self._anew.set()

    async def run(self, *, is_power_up: bool) -> None:
        """Until cancelled. After power-up the first attempt waits its share of the spread."""
        if is_power_up:
            await asyncio.sleep(self._backoff.first_delay_s())
        loop = asyncio.get_running_loop()
        while True:
            self._watching.link(LinkState.CONNECTING, self._last_error)
            self._anew.clear()
            retry_after_s = None
            try:
                way = self._ways.next_way()
                connection = await open_link(way, self._trusted, resolver=self._resolver)
            except CannotConnect as error:
                self._cannot_connect(error)
                retry_after_s = await self._ways.failed(error)
            else:
                opened_s = loop.time()
                self._backoff.opened(opened_s)
                reason = await self._live(connection, way)
                self._ended(reason, loop.time() - opened_s)
            await self._rest(retry_after_s)

    async def _rest(self, retry_after_s: float | None) -> None:
        """Until the next attempt is due, or somebody wants the link anew."""
        now_s = asyncio.get_running_loop().time()
        if self._anew.is_set():
            delay_s = self._backoff.soon_s(now_s)
        else:
            delay_s = self._backoff.next_delay_s(now_s, retry_after_s)
        log.debug("link: next attempt in %.1f s", delay_s)
        self._wanted = ""
        if self._anew.is_set():
            await asyncio.sleep(delay_s)
            return
        try:
            async with asyncio.timeout(delay_s):
                await self._anew.wait()
        except TimeoutError:
            return
        await asyncio.sleep(self._backoff.soon_s(asyncio.get_running_loop().time()))

    def _trusted(self, tls: ssl.SSLObject) -> str:
        return lifetime_fault(chain_of(tls), self._clock)

    def _cannot_connect(self, error: CannotConnect) -> None:
        text = str(error)
        self._statistics.lost()
        if text not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(text)
            log.warning("link: %s", text)
            self._watching.websocket("Error", error=text)
            if error.event:
                self._watching.security(error.event, text)
            if error.event == CERTIFICATE:
                self._watching.security("CentralSystemFailedToAuthenticate", text)
        self._last_error = text
        self._watching.link(LinkState.OFFLINE, text)

    def _ended(self, reason: str, lived_s: float) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._wanted:
            reason = f"made anew: {self._wanted}"
            log.info("link: ended after %.0f s, to be %s", lived_s, reason)
            self._backoff.ended_by_us(now_s, lived_s)
        else:
            self._backoff.lost(now_s, lived_s)
            self._statistics.lost()
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

    async def _watch_certificates(self, chain: tuple[Certificate, ...]) -> str:
        """Look at the lifetimes again and again; ends with why one does not hold any more."""
        while True:
            await asyncio.sleep(LOOK_AT_CERTIFICATES_S)
            fault = lifetime_fault(chain, self._clock)
            if fault:
                self._watching.security(CERTIFICATE, fault)
                return fault

    async def _live(self, connection: ClientConnection, way: Way) -> str:
        """Serve one connection to its end; why it ended."""
        tls = connection.transport.get_extra_info("ssl_object")
        chain = () if tls is None else chain_of(tls)
        serving = asyncio.create_task(self._rpc.serve(connection), name="ocpp reader")
        connected = asyncio.create_task(self._rpc.connected.wait(), name="ocpp connected")
        tasks: list[asyncio.Task[Any]] = [serving, connected]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                await self._opened(way, chain)
                work: dict[str, Coroutine[Any, Any, Any]] = {
                    "ocpp pings": watch_link(connection, self._ping_interval_s),
                    "ocpp registration": self._talk(),
                    "ocpp certificates": self._watch_certificates(chain),
                    "ocpp anew": self._until_anew(),
                }
                beside = [asyncio.create_task(part, name=name) for name, part in work.items()]
                tasks += beside
                await asyncio.wait([serving, *beside], return_when=asyncio.FIRST_COMPLETED)
                for task in beside:
                    if task.done() and not isinstance(task.exception(), LinkLost | None):
                        log.error("link: %s went wrong", task.get_name(), exc_info=task.exception())
                told = [task.result() for task in beside if task.done() and not task.exception()]
                if not serving.done() and told and told[0]:
                    return str(told[0])
            return _why(serving.exception() if serving.done() else None)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._ways.ended()
            await close_link(connection)

    async def _until_anew(self) -> str:
        await self._anew.wait()
        return self._wanted

    async def _opened(self, way: Way, chain: tuple[Certificate, ...]) -> None:
        log.info("link: open to %s, security profile %d", way.url, way.profile)
        self._last_error = ""
        self._told.clear()
        self._statistics.opened()
        self._watching.at(way.url)
        self._watching.link(LinkState.ONLINE)
        self._watching.websocket("Open", way.url)
        await self._ways.opened(way, chain)


def _why(error: BaseException | None) -> str:
    if isinstance(error, ConnectionClosed):
        close = error.rcvd or error.sent
        if close is None:
            return event_of(error)[1] or "the connection was cut"
        side = "the central system" if error.rcvd and error.rcvd_then_sent is not False else "we"
        return f"{side} closed it ({close.code} {close.reason[:100]})".replace(" )", ")")
    return "the exchange ended" if error is None else str(error)
