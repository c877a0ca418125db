"""Archives that are sent: one at a time, told in order, gone on with after a restart; hostile addresses (N045)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.config import Secrets, Settings
from chargepoint.config_upkeep import UpdateSettings
from chargepoint.context import Context
from chargepoint.messages import (
    ActionResult,
    ArchiveAnswer,
    ArchivePart,
    BeginUpload,
    Done,
    KeptArchive,
    MakeArchive,
    ReadArchivePart,
    RemoveArchive,
    TellUpload,
    UploadState,
)
from chargepoint.one_process import in_process_bus
from chargepoint.timekeeping import EARLIEST
from fota.fetching import Job, OnProgress, Outcome, send
from fota.upload_rules import file_name, shown
from fota.uploads import ARCHIVE, FILE, Send, Uploads
from tests.chargepoint.dummies import settings
from tests.fota.nasty import Asked, head, serving

CONTENT = b"PK" + bytes(range(256)) * 2000
AT = "https://files.example.org/logs/"
GOOD = Outcome(ok=True, bytes=len(CONTENT), size=len(CONTENT))


def no(code: str) -> Outcome:
    return Outcome(ok=False, code=code, text="no")


class Rig:
    """The uploads between a diag that makes archives and a central system's client that hears what is told."""

    def __init__(self, buses: dict[str, Bus], data: Path, wanted: Settings) -> None:
        self.buses = buses
        self.data = data
        self.settings = wanted
        self.told: list[tuple[str, int | None]] = []
        self.made: list[MakeArchive] = []
        self.removed: list[str] = []
        self.jobs: list[Job] = []
        self.outcomes: list[Outcome] = []
        self.busy = 0
        self.refusal = ""
        self.hold = asyncio.Event()
        self.hold.set()
        diag, ocpp = buses["diag"], buses["ocpp"]
        diag.serve(MakeArchive, self._make)
        diag.serve(ReadArchivePart, self._part)
        diag.serve(RemoveArchive, self._remove)
        ocpp.serve(TellUpload, self._tell)

    @asynccontextmanager
    async def running(self, sending: Send | None = None) -> AsyncIterator[Uploads]:
        clock = Clock.of_system(EARLIEST)
        context = Context("fota", self.buses["fota"], self.settings, Secrets(), clock, self.data)
        uploads = Uploads(context, sending or self._send)
        task = asyncio.create_task(uploads.run())
        try:
            yield uploads
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def ask(self, door: str = "ocpp", **wish: Any) -> Any:
        request = BeginUpload(**({"kind": "diagnostics", "location": AT} | wish))
        return await self.buses[door].call("fota", request)

    async def idle(self, uploads: Uploads) -> None:
        while uploads.is_busy:
            await asyncio.sleep(0.05)

    async def _make(self, request: MakeArchive, _sender: str) -> ArchiveAnswer:
        self.made.append(request)
        if self.refusal:
            return ArchiveAnswer(ok=False, code="no_room", text=self.refusal)
        if self.busy:
            self.busy -= 1
            return ArchiveAnswer(ok=False, code="busy")
        name = "2026-01-01_Diagnostics.zip"
        archive = KeptArchive(
            id="made", name=name, kind=request.kind, day="", size_bytes=len(CONTENT), made_at=datetime.now(UTC)
        )
        return ArchiveAnswer(ok=True, code="ok", archive=archive)

    async def _part(self, request: ReadArchivePart, _sender: str) -> ArchivePart:
        data = CONTENT[request.offset : request.offset + request.limit]
        return ArchivePart(ok=True, code="ok", data=data, is_end=request.offset + len(data) == len(CONTENT))

    async def _remove(self, request: RemoveArchive, _sender: str) -> ActionResult:
        self.removed.append(request.id)
        return ActionResult(ok=True, code="ok")

    async def _tell(self, request: TellUpload, _sender: str) -> Done:
        self.told.append((request.status, request.request_id))
        return Done()

    async def _send(self, job: Job, on_progress: OnProgress) -> Outcome:
        assert Path(job.file).read_bytes() == CONTENT
        self.jobs.append(job)
        on_progress(1000, len(CONTENT))
        await self.hold.wait()
        return self.outcomes.pop(0) if self.outcomes else GOOD


@asynccontextmanager
async def a_rig(tmp_path: Path, **update: Any) -> AsyncIterator[Rig]:
    wanted = msgspec.structs.replace(settings(), update=UpdateSettings(**update))
    async with in_process_bus("fota", "diag", "ocpp", "webconfig") as buses:
        yield Rig(buses, tmp_path, wanted)


@pytest.mark.ocpp("5.9-file", "N01-file")
async def test_an_archive_is_made_sent_and_told_in_order(tmp_path: Path) -> None:
    async with a_rig(tmp_path) as rig, rig.running() as uploads:
        since = datetime(2026, 1, 1, tzinfo=UTC)
        answer = await rig.ask(since=since)
        await rig.idle(uploads)
    assert (answer.ok, answer.code) == (True, "ok")
    assert [job.name for job in rig.jobs] == [answer.file_name]
    assert rig.told == [("Uploading", None), ("Uploaded", None)]
    assert (rig.made[0].kind, rig.made[0].since, rig.made[0].shows_cards) == ("Diagnostics", since, False)
    assert rig.removed == ["made"] and not (tmp_path / ARCHIVE).exists()


async def test_an_upload_of_an_operator_is_not_told_the_central_system(tmp_path: Path) -> None:
    async with a_rig(tmp_path) as rig, rig.running() as uploads:
        assert (await rig.ask("webconfig", by="anna")).ok
        await rig.idle(uploads)
        state = rig.buses["webconfig"].watch("upload")
        await asyncio.sleep(0.1)
        seen = state.get("upload")
    assert rig.told == [] and isinstance(seen, UploadState)
    assert (seen.stage, seen.by, seen.sent_bytes) == ("done", "anna", len(CONTENT))


async def test_a_try_that_fails_is_made_again_and_goes_on_where_it_was(tmp_path: Path) -> None:
    async with a_rig(tmp_path) as rig, rig.running() as uploads:
        rig.outcomes = [no("cut"), no("stalled")]
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        await rig.ask(retries=2, retry_interval_s=30, request_id=7, kind="security_log")
        await rig.idle(uploads)
        assert loop.time() - began_s >= 60
    assert [job.resumes for job in rig.jobs] == [False, True, True]
    assert rig.told == [("Uploading", 7), ("Uploaded", 7)] and rig.made[0].kind == "Security"


@pytest.mark.parametrize(
    ("codes", "word"),
    [
        (["cut", "cut"], "UploadFailed"),
        (["denied"], "PermissionDenied"),
        (["bad_redirect"], "BadMessage"),
        (["bad_location"], "BadMessage"),
        (["not_supported"], "NotSupportedOperation"),
        (["bad_certificate", "bad_certificate"], "UploadFailed"),
        (["not_found"], "UploadFailed"),
    ],
)
async def test_what_failed_for_good_is_told_in_the_fitting_word(tmp_path: Path, codes: list[str], word: str) -> None:
    async with a_rig(tmp_path) as rig, rig.running() as uploads:
        rig.outcomes = [no(code) for code in codes]
        await rig.ask(retries=1, retry_interval_s=1, request_id=3, kind="diagnostics_log")
        await rig.idle(uploads)
    assert rig.told == [("Uploading", 3), (word, 3)] and not rig.outcomes
    assert not (tmp_path / ARCHIVE).exists() and "example.org/logs" in (tmp_path / FILE).read_text()


async def test_a_newer_upload_takes_the_place_of_one_that_goes_on(tmp_path: Path) -> None:
    async with a_rig(tmp_path) as rig, rig.running() as uploads:
        rig.hold.clear()
        await rig.ask(request_id=1, kind="diagnostics_log")
        while not rig.jobs:
            await asyncio.sleep(0.05)
        answer = await rig.ask(request_id=2, kind="diagnostics_log")
        rig.hold.set()
        await rig.idle(uploads)
    assert (answer.ok, answer.code, len(rig.jobs)) == (True, "replaces", 2)
    assert rig.told == [("Uploading", 1), ("UploadFailed", 1), ("Uploading", 2), ("Uploaded", 2)]


@pytest.mark.parametrize("when", ["building", "uploading", "pausing", "telling"])
async def test_it_goes_on_after_the_service_was_ended(tmp_path: Path, when: str) -> None:
    async with a_rig(tmp_path) as rig:
        if when == "building":
            rig.busy = 2
        elif when == "pausing":
            rig.outcomes = [no("cut")]
        elif when == "uploading":
            rig.hold.clear()
        async with rig.running() as uploads:
            await rig.ask(request_id=5, kind="diagnostics_log", retries=1, retry_interval_s=100)
            if when == "telling":
                await rig.idle(uploads)
            else:
                await asyncio.sleep(1.0)
        rig.hold.set()
        async with rig.running() as uploads:
            await rig.idle(uploads)
    assert rig.told == [("Uploading", 5), ("Uploaded", 5)]
    assert "example" in (tmp_path / FILE).read_text()


async def test_what_cannot_be_told_now_is_told_later_in_order(tmp_path: Path) -> None:
    async with a_rig(tmp_path) as rig:
        rig.outcomes = [no("denied")]
        ocpp = rig.buses["ocpp"]

        async def away(_request: TellUpload, _sender: str) -> Done:
            await asyncio.sleep(60)
            return Done()

        ocpp.serve(TellUpload, away)
        async with rig.running() as uploads:
            await rig.ask()
            await asyncio.sleep(20)
            assert uploads.is_busy
        ocpp.serve(TellUpload, rig._tell)
        async with rig.running() as uploads:
            await rig.idle(uploads)
    assert rig.told == [("Uploading", None), ("PermissionDenied", None)]


async def test_an_archive_that_cannot_be_made_is_an_upload_that_failed(tmp_path: Path) -> None:
    async with a_rig(tmp_path) as rig, rig.running() as uploads:
        rig.refusal = "the disk is full"
        assert (await rig.ask()).ok
        await rig.idle(uploads)
    assert rig.told == [("UploadFailed", None)] and not rig.jobs


async def test_an_upload_that_ends_the_service_again_and_again_is_given_up(tmp_path: Path) -> None:
    async with a_rig(tmp_path) as rig:
        rig.hold.clear()
        async with rig.running():
            await rig.ask()
            await asyncio.sleep(1.0)
        for _ in range(11):
            async with rig.running():
                await asyncio.sleep(0.1)
        async with rig.running() as uploads:
            await rig.idle(uploads)
    assert rig.told == [("Uploading", None), ("UploadFailed", None)]


HOSTILE = [
    "file:///etc/shadow",
    "gopher://example.org/x",
    "http://127.0.0.1/x",
    "http://127.1:8080/x",
    "http://0x7f000001/x",
    "http://[::1]/x",
    "http://[::ffff:127.0.0.1]/x",
    "http://localhost/x",
    "ftp://169.254.169.254/latest",
    "http://example.org/$(reboot)`id`",
    "http://example.org/a b;rm -rf /",
    "http://example.org/x\r\nHost: y",
    "",
]


@pytest.mark.parametrize("location", HOSTILE)
async def test_a_hostile_address_is_refused_before_anything_is_made(tmp_path: Path, location: str) -> None:
    async with a_rig(tmp_path) as rig, rig.running() as uploads:
        answer = await rig.ask(location=location)
        assert (answer.ok, answer.code, answer.file_name) == (False, "bad_location", "")
        assert answer.text and not uploads.is_busy
    assert not rig.made and not (tmp_path / FILE).exists()


async def test_no_password_stands_in_a_log_or_a_state_and_none_stays_on_the_disk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with a_rig(tmp_path) as rig, rig.running() as uploads:
        rig.outcomes = [no("cut")]
        state = rig.buses["webconfig"].watch("upload")
        await rig.ask(location="https://anna:hunter2@example.org/x?sig=canary", retries=1, retry_interval_s=9)
        await asyncio.sleep(5)
        assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
        seen = repr(state.get("upload"))
        await rig.idle(uploads)
    told = caplog.text + seen + (tmp_path / FILE).read_text()
    assert "https://example.org/x" in told and "hunter2" not in told and "canary" not in told


def test_the_name_of_the_file_is_safe_whatever_the_station_is_called() -> None:
    at = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    assert file_name("CP 7/../../etc", "diagnostics", at) == "CP-7-etc_Diagnostics_20260301T123000Z.zip"
    assert file_name("Зарядка", "security_log", at) == "station_Security_20260301T123000Z.zip"
    assert shown("ftp://u:p@h:21/a?b#c") == "ftp://h:21/a"


@pytest.mark.realtime
@pytest.mark.parametrize(("status", "word"), [("201 Created", "Uploaded"), ("403 Forbidden", "PermissionDenied")])
async def test_a_real_server_gets_the_archive_whole(tmp_path: Path, status: str, word: str) -> None:
    async def take(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(head(status, content_length=0))

    hosts = ("127.0.0.1",)
    async with serving(take) as server, a_rig(tmp_path, allowed_hosts=hosts) as rig, rig.running(send) as uploads:
        answer = await rig.ask(location=server.url("/logs"), retries=0)
        await rig.idle(uploads)
    assert [status for status, _ in rig.told] == ["Uploading", word]
    assert server.requests[0].target == f"/logs/{answer.file_name}" and server.requests[0].body == CONTENT


@pytest.mark.realtime
async def test_a_redirect_to_this_station_is_not_followed(tmp_path: Path) -> None:
    async def astray(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(head("307 Temporary Redirect", location="http://127.0.0.2:1/x", content_length=0))

    hosts = ("127.0.0.1",)
    async with serving(astray) as server, a_rig(tmp_path, allowed_hosts=hosts) as rig, rig.running(send) as uploads:
        await rig.ask(location=server.url("/logs"), retries=3)
        await rig.idle(uploads)
    assert [status for status, _ in rig.told] == ["Uploading", "BadMessage"]
