"""Card numbers and vehicles of others: what a viewer sees, and what leaves the station (reliability.md S21)."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import FramesPage, JournalPage, OcppFrame, ReadFrames, ReadJournal, ReadSessions, SessionsPage
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
    async with Bench(tmp_path, answers=answers) as bench:
        oleg, vera = await bench.log_in("oleg"), await bench.log_in("vera")
        whole, shown = (await oleg.get("/sessions/159/ocpp")).text, (await vera.get("/sessions/159/ocpp")).text
        assert TAG in whole and UID in whole
        assert TAG not in shown and UID not in shown and "··0077" in shown and "··C3D4" in shown
        made = await oleg.post("/journal/support")
        with zipfile.ZipFile(io.BytesIO((await oleg.get(made.headers["Location"])).body)) as archive:
            together = b"".join(map(archive.read, archive.namelist()))
        assert TAG.encode() not in together and UID.encode() not in together and b"0077" in together
