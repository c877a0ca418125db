"""Day archives and the support bundle at the web: `diag` makes them, the pages list, send and remove them."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import FramesPage, JournalPage, ReadFrames, ReadJournal, ReadSessions, SessionsPage
from chargepoint.records import Credential, JournalRow, Moment, TransactionStarted
from chargepoint.vocabulary import AuthorizationBasis, CredentialType, SessionFlag, StartSource
from diag.archives import shelf
from tests.webconfig.bench import Bench

pytestmark = pytest.mark.realtime

CARD = "04A2B3C4D5E6"


def read(_request: ReadJournal) -> JournalPage:
    entry = TransactionStarted(
        session_id=1, connector=1, start_source=StartSource.LOCAL, starter=Credential(CARD, CredentialType.RFID),
        is_reported=True, basis=AuthorizationBasis.SERVER, flags=SessionFlag(0), meter_start_wh=0,
    )  # fmt: skip
    row = JournalRow(1, Moment("boot", 1.0, datetime.now(UTC)), entry)
    return JournalPage(rows=(row,), read_to=1, last_seq=1)


async def test_a_bundle_has_everything_but_secrets_and_card_numbers_and_is_found_by_number_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: dict[str, dict[type[Any], Any]] = {
        "station": {ReadJournal: read, ReadSessions: lambda _: SessionsPage(sessions=())},
        "ocpp": {ReadFrames: lambda _: FramesPage(frames=())},
    }
    async with Bench(tmp_path, answers=answers, beside=frozenset({"diag"})) as bench:
        oleg, vera = await bench.log_in("oleg"), await bench.log_in("vera")
        assert (await vera.get("/journal")).status == 403
        assert (await oleg.get("/journal")).status == 200
        made = await oleg.post("/journal/support")
        assert made.status == 303, made.text
        where = made.headers["Location"]
        answer = await oleg.get(where)
        assert answer.headers["Content-Type"] == "application/zip" and "_Support_" in answer.headers[
            "Content-Disposition"]  # fmt: skip
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            names = set(archive.namelist())
            assert {"about.txt", "journal_000.txt", "states.json", "devices.json", "settings.json"} <= names, names
            together = b"".join(map(archive.read, names))
        assert CARD.encode() not in together and b"D5E6" in together
        for bad in ("../../hub/settings.db", "..%2f..%2fhub%2fsettings.db", "20200101-fulllogs"):
            assert (await oleg.get(f"/journal/{bad}")).status == 404
        today = datetime.now().astimezone().date().isoformat()
        headers = {"X-CSRF-Token": oleg.csrf}
        made = await oleg.ask("POST", "/api/v1/archives", json={"day": today}, headers=headers)
        assert made.status == 201 and made.json()["name"] == f"{today}_FullLogs.zip", made.text
        wrong = await oleg.ask("POST", "/api/v1/archives", json={"day": "2999-01-01"}, headers=headers)
        assert wrong.status == 422
        assert len((await oleg.get("/api/v1/archives")).json()["archives"]) == 2
        number = f"{today.replace('-', '')}-fulllogs"
        assert (await oleg.post(f"/journal/{number}/remove")).status == 403
        tim = await bench.log_in("tim")
        assert (await tim.get("/journal")).text.count("/remove") == 2
        assert (await tim.post(f"/journal/{number}/remove")).status == 303
        assert (await tim.post(f"/journal/{number}/remove")).status == 404
        assert len((await oleg.get("/api/v1/archives")).json()["archives"]) == 1
        monkeypatch.setattr(shelf, "FREE_FLOOR_BYTES", 1 << 60)
        assert (await oleg.post("/journal/support")).status == 507


async def test_the_bundle_is_made_in_safe_mode_too_and_says_what_it_could_not_read(tmp_path: Path) -> None:
    async with Bench(tmp_path, safe_mode=("station.toml: no such port",), beside=frozenset({"diag"})) as bench:
        admin = await bench.log_in("admin")
        assert (await admin.get("/users")).status == 200
        made = await admin.post("/journal/support")
        answer = await admin.get(made.headers["Location"])
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            assert "journal_000_not_read.txt" in archive.namelist()
            assert "no such port" in archive.read("about.txt").decode()
