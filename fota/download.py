"""One try at fetching a package: its head is looked at as soon as it is here (F096, F097)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from fota import fetching
from fota.fetching import Job
from fota.questions import Verdict

HEAD_BYTES = 4096

Fetch = Callable[[Job, fetching.OnProgress], Coroutine[Any, Any, fetching.Outcome]]
HeadOf = Callable[[Path], Awaitable[Verdict]]


class Download:
    """One try. The head is looked at as soon as it is here, and what is not for this station is not fetched on."""

    def __init__(self, fetch: Fetch, head_of: HeadOf, show: Callable[..., None], job: Job) -> None:
        self._fetch = fetch
        self._head_of = head_of
        self._show = show
        self._job = job
        self._shown = (-1, -1)
        self._grew = asyncio.Event()
        self._bytes = 0
        self._size = 0
        self._signed_size = 0

    async def run(self) -> tuple[Verdict | None, fetching.Outcome | None]:
        """Why it is refused, or else what became of the try."""
        fetching_it = asyncio.create_task(self._fetch(self._job, self._progress), name="fetch")
        looking = asyncio.create_task(self._look(), name="look at the head")
        try:
            await asyncio.wait({fetching_it, looking}, return_when=asyncio.FIRST_COMPLETED)
            if not fetching_it.done() and (refused := looking.result()) is not None:
                return refused, None
            return None, await fetching_it
        finally:
            for task in (fetching_it, looking):
                task.cancel()
            await asyncio.gather(fetching_it, looking, return_exceptions=True)

    def _progress(self, received: int, size: int) -> None:
        self._bytes, self._size = received, size
        if (received >> 18, size) != self._shown:
            self._shown = (received >> 18, size)
            self._show(received_bytes=received, size_bytes=size or self._signed_size)
        self._grew.set()

    async def _look(self) -> Verdict | None:
        part = Path(self._job.file + ".part")
        wanted = HEAD_BYTES
        while True:
            await self._grew.wait()
            self._grew.clear()
            if self._signed_size:
                if self._bytes > self._signed_size or self._size not in (0, self._signed_size):
                    found = max(self._bytes, self._size)
                    text = f"The server's file has {found} bytes, the package {self._signed_size}."
                    return Verdict(ok=False, code="damaged", text=text)
                continue
            if self._bytes < wanted and self._bytes != self._size:
                continue
            verdict = Verdict(ok=False, code="more")
            with suppress(OSError):
                verdict = await self._head_of(part)
            if verdict.code in ("more", "failed"):
                wanted = self._bytes + HEAD_BYTES
                continue
            if not verdict.ok:
                return verdict
            self._signed_size = verdict.size_bytes
            assert verdict.header is not None
            self._show(kind=verdict.header.kind, version=verdict.header.version)
            self._grew.set()
