"""Day archives and the support bundle."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import FramesPage, JournalPage, ReadFrames, ReadJournal, ReadSessions, SessionsPage
from chargepoint.records import Credential, JournalRow, Moment, TransactionStarted
from chargepoint.vocabulary import AuthorizationBasis, CredentialType, SessionFlag, StartSource
from tests.webconfig.bench import Bench
from webconfig.archives import shelf
from webconfig.archives.contents import without_cards, without_secrets
from webconfig.make_archive import pack

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
    async with Bench(tmp_path, answers=answers) as bench:
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
        monkeypatch.setattr(shelf, "FREE_FLOOR_BYTES", 1 << 60)
        assert (await oleg.post("/journal/support")).status == 507


async def test_the_bundle_is_made_in_safe_mode_too_and_says_what_it_could_not_read(tmp_path: Path) -> None:
    async with Bench(tmp_path, safe_mode=("station.toml: no such port",)) as bench:
        admin = await bench.log_in("admin")
        assert (await admin.get("/users")).status == 200
        made = await admin.post("/journal/support")
        answer = await admin.get(made.headers["Location"])
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            assert "journal_000_not_read.txt" in archive.namelist()
            assert "no such port" in archive.read("about.txt").decode()


def test_only_the_newest_stay_and_half_made_ones_go(tmp_path: Path) -> None:
    folder = tmp_path / shelf.FOLDER
    folder.mkdir()
    for day in range(1, 6):
        (folder / f"2026-01-0{day}_FullLogs.zip").write_bytes(b"x")
    (folder / "notes.txt").write_text("not one of ours")
    (folder / "2026-01-01_FullLogs.part").write_bytes(b"x")
    shelf.sweep(tmp_path)
    assert shelf.keep(tmp_path, 2) == 3
    assert sorted(path.name for path in folder.iterdir()) == [
        "2026-01-04_FullLogs.zip", "2026-01-05_FullLogs.zip", "notes.txt"]  # fmt: skip
    assert shelf.path_of(tmp_path, "20260105-fulllogs") == folder / "2026-01-05_FullLogs.zip"
    assert shelf.path_of(tmp_path, "notes") is None


def test_what_is_packed_is_bounded_and_secrets_are_out(tmp_path: Path) -> None:
    def source(name: str, content: bytes, size: int | None = None) -> io.BytesIO:
        head = json.dumps({"name": name, "size": len(content) if size is None else size}).encode()
        return io.BytesIO(head + b"\n" + content)

    assert pack(source("a.txt", b"hello"), tmp_path / "a.zip") == 1
    for bad in (source("../a", b"x"), source("a", b"x", 2), source("a", b"", 1 << 40)):
        with pytest.raises(ValueError):
            pack(bad, tmp_path / "b.zip")
    assert not list(tmp_path.glob("b.*"))
    told = without_secrets('[ocpp]\nurl = "wss://x"\nauthorization_key = "hunter2"\napn_password="p"\n')
    assert "hunter2" not in told and '"p"' not in told and "wss://x" in told
    assert without_cards(f"card {CARD}, 7 times") == "card ··D5E6, 7 times"


def test_no_secret_of_a_table_on_one_line_and_no_number_of_letters_goes_out() -> None:
    text = 'p = { name = "a", password = "x y", url = "u", apiToken=\'z\', "my-secret" = "w" }\n'
    shown = without_secrets(text)
    assert '"a"' in shown and '"u"' in shown and not {"x y", "'z'", '"w"'} & set(re.findall(r"x y|'z'|\"w\"", shown))
    frame = '[2,"1","StartTransaction",{"idTag":"USER-KZ-0077","parentIdTag" : "FLEETNO1"}]'
    assert without_cards(frame) == '[2,"1","StartTransaction",{"idTag":"··0077","parentIdTag" : "··TNO1"}]'
