"""Session dumps: while a session runs, the frames its controller keeps are read, put into words, kept and streamed.

Reading can wait for everything else: it stands behind all polls and orders of its port, and after each read the port
rests from it six times as long as the read took, so that it has at most a seventh of a line. What a controller had to
overwrite meanwhile is counted and said.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.messages import ActionResult, DumpGrew, DumpPage, ReadDump, StartDump, StopDump
from chargepoint.station.outlet import Outlet
from chargepoint.storage.dumps import DumpFiles
from drivers.dump.decoder import Decoder
from drivers.errors import DeviceError, Refused
from drivers.interfaces import FramesRead, HasVehicleFrames

log = logging.getLogger(__name__)

REST = 6
"""After a read its port rests from reading so many times as long."""
PAUSE_S = 0.25
"""And at least so long when there was little to read."""
MOST_PAUSE_S = 1.0
"""When there was nothing, twice as long as before, up to so long."""
LOOK_S = 0.5
"""Whether a session began is looked at so often."""
SILENT_PAUSE_S = 2.0
AGAIN_S = 600.0
"""A controller that keeps no frames is asked again after this long: it may have been exchanged."""
DRAIN_READS = 40
"""When a session has ended so many reads may still fetch what belongs to it."""
EARLIER_MS = 10_000
"""Frames so much older than the others of a session's first read belong to what was before."""
KEEP_EVERY_S = 20.0
MOST_WAITING = 400
"""Lines that wait to be written; then they are written sooner."""
LIVE_FOR_S = 1800.0
LIVE_EVERY_S = 0.5
MOST_TOLD = 100
"""Lines in one event."""
MOST_LIVE = 400
"""Lines that wait to be told; what comes while so many wait is skipped, and counted."""
RESTARTED = f"{'':10}  … reading began anew: the software was restarted, or the controller failed; seconds count anew …"

OK = ActionResult(ok=True, code="ok")


class Live:
    """Somebody watches a connector. `skipped` lines were left out since the last event."""

    def __init__(self, until_s: float) -> None:
        self.until_s = until_s
        self.lines: list[str] = []
        self.skipped = 0
        self.ends = False

    def add(self, lines: Sequence[str]) -> None:
        room = max(0, MOST_LIVE - len(self.lines))
        self.lines += lines[:room]
        self.skipped += len(lines) - len(lines[:room])


class Source:
    """The frames of one connector, and what becomes of them."""

    def __init__(self, outlet: Outlet, reader: HasVehicleFrames) -> None:
        self.outlet = outlet
        self.reader = reader
        self.session_id: int | None = None
        self.decoder = Decoder()
        self.waiting: list[str] = []
        self.lost = 0
        self.kept_s = 0.0
        self.unable_until_s = 0.0
        self.live: Live | None = None
        self.is_first = True
        self.drains = 0
        self.empty_reads = 0
        self.is_writing = asyncio.Lock()

    @property
    def running(self) -> int | None:
        """The session that the connector has now."""
        return None if self.outlet.session is None else self.outlet.session.session_id

    def pause_s(self, count: int | None) -> float:
        """How long to leave it alone after a read that gave `count` frames (None: no answer)."""
        if count is None:
            return SILENT_PAUSE_S
        self.empty_reads = 0 if count else self.empty_reads + 1
        if self.empty_reads > 1:
            return min(PAUSE_S * 2.0 ** min(self.empty_reads - 1, 8), MOST_PAUSE_S)
        return PAUSE_S if count < 8 else 0.02


class Dumps:
    """All dumps of the station. `works` must run; `serve` answers requests."""

    def __init__(self, outlets: Sequence[Outlet], folder: Path, bus: Bus, clock: Clock) -> None:
        self._sources: dict[int, Source] = {}
        self._outlets = {outlet.number for outlet in outlets}
        for outlet in outlets:
            controller = getattr(outlet.controller, "inner", outlet.controller)
            if isinstance(controller, HasVehicleFrames):
                self._sources[outlet.number] = Source(outlet, controller)
        self._files = DumpFiles(folder)
        self._disk = asyncio.Lock()
        """One thread at a time: the station's records need theirs, also when the disk is slow."""
        self._bus = bus
        self._clock = clock

    def serve(self) -> None:
        """Answer from now on."""
        self._bus.serve(StartDump, self.start)
        self._bus.serve(StopDump, self.stop)
        self._bus.serve(ReadDump, self.read)

    def works(self) -> list[Coroutine[object, object, None]]:
        """One for each port that has such controllers, and one that tells and keeps."""
        by_port: dict[str, list[Source]] = {}
        for source in self._sources.values():
            by_port.setdefault(source.outlet.settings.port, []).append(source)
        return [*(self._read_port(sources) for sources in by_port.values()), self._tell_and_keep()]

    async def close(self) -> None:
        """Write what waits."""
        for source in self._sources.values():
            await self._keep(source)

    # ------------------------------------------------------------------------------------------------------ requests

    async def start(self, request: StartDump, sender: str) -> ActionResult:
        """Stream a connector's lines from now on; for one that is streamed already the half hour begins anew."""
        if request.connector not in self._outlets:
            return ActionResult(ok=False, code="no_connector", text=f"There is no connector {request.connector}.")
        source = self._sources.get(request.connector)
        if source is None or source.unable_until_s > self._clock.mono():
            text = f"The controller of connector {request.connector} keeps no frames."
            return ActionResult(ok=False, code="not_possible", text=text)
        if source.live is None or source.live.ends:
            source.live = Live(0.0)
        source.live.until_s = self._clock.mono() + LIVE_FOR_S
        return OK

    async def stop(self, request: StopDump, sender: str) -> ActionResult:
        if request.connector not in self._outlets:
            return ActionResult(ok=False, code="no_connector", text=f"There is no connector {request.connector}.")
        source = self._sources.get(request.connector)
        if source is not None and source.live is not None:
            source.live.ends = True
        return OK

    async def read(self, request: ReadDump, sender: str) -> DumpPage:
        """What is kept of a session; of one that runs also what was not written yet."""
        for source in self._sources.values():
            if source.session_id == request.session_id:
                await self._keep(source)
        try:
            async with self._disk:
                with self._clock.standing_still():
                    page = await asyncio.to_thread(self._files.page, request.session_id, request.after, request.limit)
        except OSError as error:
            log.warning("the dump of session %d cannot be read: %s", request.session_id, error)
            return DumpPage(lines=(), total=0)
        return DumpPage(lines=page.lines, total=page.total, lost=page.lost)

    # ------------------------------------------------------------------------------------------------------- reading

    async def _read_port(self, sources: Sequence[Source]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            has_read = False
            for source in sources:
                if not self._is_wanted(source):
                    continue
                has_read = True
                began_s = loop.time()
                try:
                    count = await self._read_one(source)
                except Exception:  # a driver's fault in what nobody's safety hangs on must not end all charges
                    log.exception("connector %d: no session dump", source.outlet.number)
                    source.unable_until_s, count = self._clock.mono() + AGAIN_S, None
                    await self._end(source)
                took_s = loop.time() - began_s
                await asyncio.sleep(max(REST * took_s, source.pause_s(count)))
            if not has_read:
                await asyncio.sleep(LOOK_S)

    def _is_wanted(self, source: Source) -> bool:
        if source.session_id is None and source.running is None:
            return False
        return self._clock.mono() >= source.unable_until_s

    async def _read_one(self, source: Source) -> int | None:
        """One read; how many frames it gave, None when the controller did not answer."""
        if source.session_id is None:
            await self._begin(source)
        is_over = source.session_id != source.running
        try:
            read = await source.reader.read_frames()
        except Refused as error:
            log.info("connector %d: no session dump: %s", source.outlet.number, error)
            source.unable_until_s = self._clock.mono() + AGAIN_S
            await self._end(source)
            return None
        except DeviceError as error:
            log.debug("connector %d: frames: %s", source.outlet.number, error)
            read = None
        if read is not None:
            self._add(source, read)
        if is_over:
            source.drains += 1
            if read is None or not read.frames or source.drains >= DRAIN_READS:
                await self._end(source)
        elif len(source.waiting) >= MOST_WAITING:
            await self._keep(source)
        return None if read is None else len(read.frames)

    def _add(self, source: Source, read: FramesRead) -> None:
        frames = read.frames
        if source.is_first and frames:
            source.is_first = False
            last_ms = frames[-1].at_ms
            frames = tuple(frame for frame in frames if (last_ms - frame.at_ms) & 0xFFFF_FFFF <= EARLIER_MS)
        lines = [str(line) for line in source.decoder.lost(read.lost)]
        for frame in frames:
            lines += [str(line) for line in source.decoder.decode(frame)]
        source.lost += read.lost
        source.waiting += lines
        if source.live is not None:
            source.live.add(lines)

    async def _begin(self, source: Source) -> None:
        session_id = source.running
        assert session_id is not None
        source.session_id, source.decoder, source.drains = session_id, Decoder(), 0
        source.is_first = True
        source.empty_reads = 0
        source.kept_s = self._clock.mono()
        if await self._in_thread(source, lambda: self._files.has(session_id)):
            source.is_first = False
            source.waiting.append(RESTARTED)

    async def _end(self, source: Source) -> None:
        """The session is over and nothing more comes of it."""
        await self._keep(source)
        session_id, source.session_id = source.session_id, None
        if source.live is not None:
            source.live.ends = True
        if session_id is not None:
            running = [each.session_id for each in self._sources.values() if each.session_id is not None]
            self._files.finish(session_id)
            await self._in_thread(source, lambda: self._files.prune(running))

    # ------------------------------------------------------------------------------------------- telling and keeping

    async def _tell_and_keep(self) -> None:
        while True:
            await asyncio.sleep(LIVE_EVERY_S)
            now = self._clock.mono()
            for source in self._sources.values():
                self._tell(source, now)
                if source.waiting and now - source.kept_s >= KEEP_EVERY_S:
                    await self._keep(source)

    def _tell(self, source: Source, now: float) -> None:
        live = source.live
        if live is None:
            return
        lines, live.lines = live.lines[:MOST_TOLD], live.lines[MOST_TOLD:]
        if lines or live.skipped:
            self._bus.publish(
                DumpGrew(
                    connector=source.outlet.number,
                    session_id=source.session_id or source.running or 0,
                    lines=tuple(lines),
                    skipped=live.skipped,
                )
            )
            live.skipped = 0
        if (live.ends and not live.lines) or now >= live.until_s:
            source.live = None

    async def _keep(self, source: Source) -> None:
        """Write what waits. A disk that takes it not costs the lines, and nothing else."""
        async with source.is_writing:
            session_id = source.session_id
            lines, source.waiting = source.waiting, []
            lost, source.lost = source.lost, 0
            source.kept_s = self._clock.mono()
            if session_id is not None and (lines or lost):
                await self._in_thread(source, lambda: self._files.append(session_id, lines, lost))

    async def _in_thread(self, source: Source, work: Callable[[], bool | None]) -> bool | None:
        try:
            async with self._disk:
                with self._clock.standing_still():
                    return await asyncio.to_thread(work)
        except OSError as error:
            log.warning("connector %d: its session dump is not kept: %s", source.outlet.number, error)
            return None
