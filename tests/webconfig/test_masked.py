"""Card numbers and vehicles of others: what a viewer sees, and what leaves the station (reliability.md S21)."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import FramesPage, JournalPage, OcppFrame, ReadFrames, ReadJournal, ReadSessions, SessionsPage
from chargepoint.records import Credential, JournalRow, Moment, TransactionStarted
from chargepoint.vocabulary import AuthorizationBasis, CredentialType, SessionFlag, StartSource
from tests.webconfig.bench import Bench
from tests.webconfig.session_samples import MAY, session

pytestmark = pytest.mark.realtime
TAG, UID = "USER-KZ-0077", "04A1B2C3D4"


async def test_messages_of_a_session_show_a_viewer_the_ends_of_numbers_and_archives_show_nobody_more(
    tmp_path: Path,
) -> None:
    frames = tuple(
        OcppFrame(
            direction="out", action="Authorize", text=f'[2,"7","Authorize",{{"idTag":"{tag}"}}]', number=number,
            at=MAY + timedelta(seconds=30), latency_s=None,
        )
        for number, tag in enumerate((TAG, UID), 1)
    )  # fmt: skip
    answers: dict[str, dict[type[Any], Any]] = {
        "station": {
            ReadSessions: lambda _: SessionsPage(sessions=(session(159),)),
            ReadJournal: lambda _: JournalPage(rows=(), read_to=1, last_seq=1),
        },
        "ocpp": {ReadFrames: lambda _: FramesPage(frames=frames)},
    }
    async with Bench(tmp_path, answers=answers, beside=frozenset({"diag"})) as bench:
        oleg, vera = await bench.log_in("oleg"), await bench.log_in("vera")
        whole, shown = (await oleg.get("/sessions/159/ocpp")).text, (await vera.get("/sessions/159/ocpp")).text
        assert TAG in whole and UID in whole
        assert TAG not in shown and UID not in shown and "··0077" in shown and "··C3D4" in shown
        made = await oleg.post("/journal/support")
        with zipfile.ZipFile(io.BytesIO((await oleg.get(made.headers["Location"])).body)) as archive:
            together = b"".join(map(archive.read, archive.namelist()))
        assert TAG.encode() not in together and UID.encode() not in together and b"0077" in together


async def test_a_viewer_finds_no_number_out_by_searching_for_its_parts(tmp_path: Path) -> None:
    asked: list[ReadSessions] = []

    def sessions(request: ReadSessions) -> SessionsPage:
        asked.append(request)
        return SessionsPage(sessions=(session(159),))

    entry = TransactionStarted(
        session_id=159, connector=1, start_source=StartSource.LOCAL, starter=Credential(UID, CredentialType.RFID),
        is_reported=True, basis=AuthorizationBasis.SERVER, flags=SessionFlag(0), meter_start_wh=0,
    )  # fmt: skip
    row = JournalRow(1, Moment("boot", 1.0, MAY), entry)
    answers: dict[str, dict[type[Any], Any]] = {
        "station": {
            ReadSessions: sessions,
            ReadJournal: lambda _: JournalPage(rows=(row,), read_to=1, last_seq=1),
        }
    }
    async with Bench(tmp_path, answers=answers) as bench:
        oleg, vera = await bench.log_in("oleg"), await bench.log_in("vera")
        assert (await oleg.get("/api/v1/sessions?text=04A1")).status == 200
        assert (await vera.get("/api/v1/sessions?text=04A1")).status == 422
        assert (await vera.get("/api/v1/sessions?text=0401")).status == 200
        assert (asked[-1].text, asked[-1].session_ids) == ("", (401,)), "a number is that of a session only"
        assert "for operators" in (await vera.get("/sessions?text=04A1")).text
        for text, count in (("04A1", 0), ("C3D4", 1), ("SERVER", 1)):
            found = (await vera.get(f"/api/v1/oplog?text={text}")).json()["lines"]
            assert len(found) == count, text
        assert len((await oleg.get("/api/v1/oplog?text=04A1")).json()["lines"]) == 1
