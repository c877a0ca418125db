"""StatusNotification: what connectors and station are now, in order, never history from while the link was away.

Each connector has a line of its own: a report waits there for its minimum duration, and for the StartTransaction or
StopTransaction that belongs before it. Source: OCPP 1.6, 4.9, 9.1.19.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec

from chargepoint.clock import Clock
from chargepoint.messages import ConnectorState, ReaderState, State, StationState
from ocpp_client.frames import Payload
from ocpp_client.rpc import LinkLost, NoAnswer, Refused, Rpc, Unsendable
from ocpp_client.schemas import format_time
from ocpp_client.v16.configuration import Configuration
from ocpp_client.v16.words import Report, connector_report, station_report

log = logging.getLogger(__name__)

STATION = 0
MAX_WAITING = 8
SETTLE_S = 10.0
RETRY_S = 30.0
TRIES = 3

AFTER_THE_END = frozenset({"Finishing", "Available"})
"""Reported once the transaction's end was told."""
BEFORE_THE_START = frozenset({"Preparing", "Reserved"})
"""Reported without waiting for anything."""


class Change(msgspec.Struct):
    """A report, since when it holds, and whether it is the first since the link came."""

    report: Report
    since_s: float
    at: datetime | None
    is_first: bool = False


class Line:
    """One connector: what it is, what waits to be told, what the server knows."""

    def __init__(self) -> None:
        self.report: Report | None = None
        self.changed_at: datetime | None = None
        self.told: Report | None = None
        self.waiting: deque[Change] = deque(maxlen=MAX_WAITING)
        self.wake = asyncio.Event()


class StatusReporter:
    """All lines. `settle(connector, needs_end, limit_s)` waits for the transaction messages before a report.

    `tells_station` false (compatibility switch): connector 0 is told only when a TriggerMessage asks for it by number.
    """

    def __init__(
        self,
        *,
        rpc: Rpc,
        clock: Clock,
        configuration: Configuration,
        charging_from: str,
        tells_station: bool = True,
        is_open: asyncio.Event,
        settle: Callable[[int, bool, float], Awaitable[None]],
        note: Callable[[str, int | None, str], None],
    ) -> None:
        self._rpc = rpc
        self._clock = clock
        self._configuration = configuration
        self._charging_from = charging_from
        self._tells_station = tells_station
        self._is_open = is_open
        self._settle = settle
        self._note = note
        self._lines: dict[int, Line] = {}
        self._station: StationState | None = None
        self._readers: dict[str, ReaderState] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connectors(self) -> list[int]:
        """Numbers of the connectors that are known, 0 not among them."""
        return sorted(number for number in self._lines if number != STATION)

    def report(self, connector: int) -> Report | None:
        """What would be told of a connector now."""
        line = self._lines.get(connector)
        return None if line is None else line.report

    async def close(self) -> None:
        """Tell nothing more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def take(self, value: State) -> None:
        """One retained state, new or changed."""
        if isinstance(value, ConnectorState):
            self._is(value.number, connector_report(value, self._charging_from))
        elif isinstance(value, StationState):
            self._station = value
            self._is(STATION, station_report(value, self._silent_readers))
        elif isinstance(value, ReaderState):
            self._readers[value.name] = value
            if self._station is not None:
                self._is(STATION, station_report(self._station, self._silent_readers))

    @property
    def _silent_readers(self) -> tuple[str, ...]:
        return tuple(sorted(name for name, reader in self._readers.items() if not reader.is_answering))

    def _is(self, connector: int, report: Report) -> None:
        line = self._lines.get(connector)
        if line is None:
            line = self._lines[connector] = Line()
        if line.report is None and (connector != STATION or self._tells_station):
            task = asyncio.create_task(self._follow(connector, line), name=f"status of connector {connector}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if report == line.report:
            return
        if line.report is not None and _differs_in_info_only(report, line.report):
            line.report = report
            return
        now_s = self._clock.mono()
        line.report = report
        line.changed_at = self._clock.now() if self._clock.is_set else None
        if not self._is_open.is_set():
            return  # told as it is when the link is there
        self._drop_short(line, now_s)
        line.waiting.append(Change(report, now_s, line.changed_at))
        line.wake.set()

    def _drop_short(self, line: Line, now_s: float) -> None:
        """A status that did not last MinimumStatusDuration is not reported at all."""
        least_s = self._configuration.number("MinimumStatusDuration")
        while line.waiting and not line.waiting[-1].is_first and now_s - line.waiting[-1].since_s < least_s:
            line.waiting.pop()

    def opened(self) -> None:
        """The central system listens (again): tell it how everything is now."""
        for line in self._lines.values():
            line.told = None
            line.waiting.clear()
            if line.report is not None:
                line.waiting.append(Change(line.report, self._clock.mono(), line.changed_at, is_first=True))
                line.wake.set()

    def list_conflict(self, id_tag: str) -> None:
        """The local list accepts an idTag that the central system refuses: tell it of connector 0 (3.5.2)."""
        line = self._lines.get(STATION)
        if line is None or line.report is None:
            return
        at = self._clock.now() if self._clock.is_set else None
        report = Report(line.report.status, "LocalListConflict", id_tag)
        line.waiting.append(Change(report, self._clock.mono(), at, is_first=True))
        line.wake.set()

    # ------------------------------------------------------------------------------------------------------- telling

    async def _follow(self, connector: int, line: Line) -> None:
        while True:
            await self._is_open.wait()
            if not line.waiting:
                line.wake.clear()
                await line.wake.wait()
                continue
            try:
                await self._tell_next(connector, line)
            except LinkLost:
                await asyncio.sleep(0.05)
            except Exception:
                log.exception("status of connector %d could not be told", connector)
                await asyncio.sleep(1.0)

    async def _tell_next(self, connector: int, line: Line) -> None:
        change = line.waiting[0]
        if change.report == line.told:
            _drop(line, change)
            return
        if not change.is_first:
            left_s = change.since_s + self._configuration.number("MinimumStatusDuration") - self._clock.mono()
            if left_s > 0:
                await asyncio.sleep(min(left_s, 1.0))
                return
            if change.report.status not in BEFORE_THE_START:
                await self._settle(connector, change.report.status in AFTER_THE_END, SETTLE_S)
        if line.waiting and line.waiting[0] is change and self._is_open.is_set():
            await self._tell(connector, change.report, change.at)
            line.told = change.report
            _drop(line, change)

    async def _tell(self, connector: int, report: Report, at: datetime | None) -> None:
        """Send it; a server that fails to process it is asked again a few times, then left in its ignorance."""
        payload = status_payload(connector, report, at)
        for attempt in range(1, TRIES + 1):
            try:
                await self._rpc.call("StatusNotification", payload)
                text = report.status if report.error_code == "NoError" else f"{report.status}, {report.error_code}"
                self._note("StatusNotification", connector or None, text)
                return
            except (Refused, Unsendable) as error:
                log.warning("connector %d: %s was not taken: %s", connector, report.status, error)
                return
            except NoAnswer as error:
                log.warning("connector %d: %s, try %d: %s", connector, report.status, attempt, error)
                if attempt < TRIES:
                    await asyncio.sleep(RETRY_S)

    async def tell_now(self, connector: int | None) -> None:
        """TriggerMessage: the present state of one connector, or of all. Raises what `Rpc.call` raises."""
        meant = [STATION] * self._tells_station + self.connectors if connector is None else [connector]
        for number in meant:
            line = self._lines.get(number)
            if line is not None and line.report is not None:
                await self._rpc.call("StatusNotification", status_payload(number, line.report, line.changed_at))


def _differs_in_info_only(report: Report, before: Report) -> bool:
    """No change of status: not worth a message, unless the info belongs to an error."""
    return report.error_code == "NoError" and msgspec.structs.replace(report, info=before.info) == before


def _drop(line: Line, change: Change) -> None:
    if line.waiting and line.waiting[0] is change:
        line.waiting.popleft()


def status_payload(connector: int, report: Report, at: datetime | None) -> Payload:
    """The payload of StatusNotification; the time is left out while it is not known."""
    payload: Payload = {"connectorId": connector, "errorCode": report.error_code, "status": report.status}
    if report.info:
        payload["info"] = report.info
    if at is not None:
        payload["timestamp"] = format_time(at)
    if report.vendor_error_code:
        payload["vendorErrorCode"] = report.vendor_error_code
    return payload
