"""Sessions on the web and over the API: list, card, exports compared with what the station has, corrections."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]
import pytest

from chargepoint.messages import SaveUser, User
from chargepoint.records import Credential
from chargepoint.vocabulary import CredentialType, Role, SessionState
from tests.webconfig.bench import PASSWORD, Bench
from tests.webconfig.session_samples import EVIL, MAY, Records, history, session
from webconfig.sessions.columns import COLUMNS, HISTORY_COLUMNS, Looks, cells, line_of
from webconfig.sessions.totals import By, Period, Sums
from webconfig.words import LANGUAGES, Words

realtime = pytest.mark.realtime
CARD = "04A1B2C3D4"


def records() -> Records:
    many = [session(100 + n, after_s=3600.0 * n, connector=1 + n % 2) for n in range(60)]
    many[5].starter = Credential(EVIL, CredentialType.RFID)
    many[6].vehicle_name = "+Bus"
    return Records(many, {159: history(159, 1200, 3600.0 * 59)})


@realtime
async def test_the_list_is_paged_filtered_and_masked(tmp_path: Path) -> None:
    kept = records()
    async with Bench(tmp_path, answers={"station": kept.answers()}) as bench:
        oleg, vera = await bench.log_in("oleg"), await bench.log_in("vera")
        first = (await oleg.get("/sessions?text=04a1&from=2026-05-31&to=2026-06-02&hide_zero=1&rows=15")).text
        assert "Found: 60." in first and CARD in first and first.count('class="row-link"') == 15
        asked = kept.asked[-1]
        assert asked.text == "04a1" and asked.hide_zero and asked.hide_tests and asked.with_count and asked.limit == 15
        assert asked.since is not None and asked.until is not None and asked.until - asked.since > timedelta(days=2.9)
        assert "before=145" in first and "/sessions/145" in first
        older = (await oleg.get("/sessions?rows=15&before=145")).text
        assert "/sessions/144" in older and "/sessions/145" not in older and "data-live-of" not in older
        masked = (await vera.get("/sessions")).text
        assert CARD not in masked and "··C3D4" in masked and "/sessions/export" not in masked
        assert (await vera.get("/sessions/export?format=csv")).status == 403
        assert (await vera.get("/api/v1/sessions?format=csv")).status == 403
        wrong = await oleg.get("/sessions?from=yesterday-ish&rows=15")
        assert wrong.status == 200 and 'role="alert"' in wrong.text
        page = (await oleg.get("/api/v1/sessions?rows=20")).json()
        assert len(page["sessions"]) == 20 and page["next_before"] == 140
        assert page["sessions"][0]["starter"] == CARD and page["sessions"][0]["energy_wh"] == 31_250
        assert (await vera.get("/api/v1/sessions?rows=15")).json()["sessions"][0]["starter"] == "··C3D4"
        assert (await oleg.get("/api/v1/sessions?rows=9999")).status == 422
        assert (await oleg.get("/api/v1/sessions/9")).status == 404


@realtime
async def test_files_hold_what_the_station_has_and_no_formula(tmp_path: Path) -> None:
    kept = records()
    async with Bench(tmp_path, answers={"station": kept.answers()}) as bench:
        client = await bench.log_in("oleg")
        looks = Looks(Words("en"), shows_cards=True)
        wanted = [cells(line_of(one, looks)) for one in reversed(kept.sessions)]

        answer = await client.get("/sessions/export?format=csv&separator=semicolon&bom=1&rows=15&before=120")
        assert answer.body.startswith(b"\xef\xbb\xbf") and "sessions.csv" in answer.headers["Content-Disposition"]
        found = list(csv.reader(io.StringIO(answer.body.decode("utf-8-sig")), delimiter=";"))
        assert "Energy, kWh" in found[0] and len(found[0]) == len(COLUMNS)
        assert [row[0] for row in found[1:]] == [str(row[0]) for row in wanted]
        evil = next(row for row in found if row[0] == "105")
        assert f"'{EVIL}" in evil and EVIL not in evil
        assert "'+Bus" in next(row for row in found if row[0] == "106")
        assert found[1][4].endswith(MAY.astimezone().isoformat()[-6:])  # ISO time with its zone

        answer = await client.get("/api/v1/sessions?format=xlsx")
        sheet = openpyxl.load_workbook(io.BytesIO(answer.body)).active
        assert sheet is not None
        rows = [list(row) for row in sheet.iter_rows(values_only=True)]
        assert rows[0] == [name or None for name in found[0]]
        assert rows[1:] == [[None if cell == "" else cell for cell in row] for row in wanted]
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
        assert not list((bench.folder / "webconfig" / "export").iterdir())

        answer = await client.get("/sessions/159/history?format=xlsx")
        sheet = openpyxl.load_workbook(io.BytesIO(answer.body), read_only=True).active
        assert sheet is not None
        table = list(sheet.iter_rows(values_only=True))
        assert len(table) == 1201 and len(table[0]) == len(HISTORY_COLUMNS)
        assert table[1][2] == pytest.approx((kept.rows[159][0].power_w or 0) / 1000, abs=0.001)
        rows_of_api = (await client.get("/api/v1/sessions/159/history")).json()["rows"]
        assert [row["energy_wh"] for row in rows_of_api] == [row.energy_wh for row in kept.rows[159]]

        dump = (await client.get("/sessions/159/dump.txt")).body.decode().splitlines()
        assert dump == kept.dump
        page = (await client.get("/api/v1/sessions/159/dump?after=1000")).json()
        assert page["lines"] == kept.dump[1000:] and page["total"] == 1200

        made = await bench.buses["admin"].call(
            "hub", SaveUser(user=User(login="owner", role=Role.CUSTOMER, cards=(CARD,)), password=PASSWORD, by="cli")
        )
        assert made.ok
        totals = (await client.get("/api/v1/sessions/totals?period=all&by=user")).json()["rows"]
        owner = next(row for row in totals if row["sessions"] == 59)
        assert owner["energy_wh"] == 59 * 31_250 and owner["cost"] == {"EUR": pytest.approx(59 * 14.06)}
        report = (await client.get("/reports?period=day&by=card")).text
        assert "Total" in report and "1875" in report and "<svg" in report
        file = await client.get("/reports/export?format=csv&period=month&by=connector")
        assert file.text.splitlines()[0].startswith("Period,") and len(file.text.splitlines()) == 5


@realtime
async def test_the_card_tells_draws_and_lets_correct_the_record(tmp_path: Path) -> None:
    kept = records()
    kept.sessions.append(session(160, finished=None, stopped=None, state=SessionState.ACTIVE))
    async with Bench(tmp_path, answers={"station": kept.answers()}) as bench:
        oleg, vera = await bench.log_in("oleg"), await bench.log_in("vera")
        card = (await oleg.get("/sessions/159")).text
        for text in ("1000 → 1031.25".replace(" → ", " kWh → "), "vehicle charged", "WVWZZZ12345678901", "Latched"):
            assert text in card
        assert 'action="/sessions/159/amend"' in card and 'id="change"' in card
        seen = (await vera.get("/sessions/159")).text
        assert "/amend" not in seen and "WVWZZZ12345678901" not in seen
        running = (await oleg.get("/sessions/160")).text
        assert "/deeds/stop?connector=1" in running and 'id="change"' not in running

        charts = (await oleg.get("/sessions/159/charts")).text
        assert charts.count("data-link=") == 9 and "falling to" in charts
        assert "/static/charts.js" in charts and "Marks on the charts" in charts
        zoomed = (await oleg.get("/sessions/159/charts?from=2026-06-02T19:10:00Z&to=2026-06-02T19:30:00Z")).text
        assert 'data-from="1780427400"' in zoomed and 'data-to="1780428600"' in zoomed and "Whole" in zoomed
        assert "no history" in (await oleg.get("/sessions/101/charts")).text
        assert "Lines 1 to 500 of 1200" in (await oleg.get("/sessions/159/dump")).text
        assert "TRANSACTION_STARTED" in (await vera.get("/sessions/159/oplog")).text
        assert (await vera.get("/sessions/159/ocpp")).status == 200  # nobody answers, the page says so
        assert (await vera.get("/sessions/159/dump")).status == 403

        answer = await oleg.post("/sessions/159/amend", {"what": "name", "vehicle_name": " Bus 12 "})
        assert answer.status == 303 and (kept.amended[-1].vehicle_name, kept.amended[-1].by) == ("Bus 12", "oleg")
        answer = await oleg.post("/sessions/159/amend", {"what": "state", "state": "WARNING", "comment": ""})
        assert answer.status == 422
        headers = {"X-CSRF-Token": oleg.csrf}
        answer = await oleg.ask(
            "POST", "/api/v1/sessions/159/amend", json={"state": "WARNING", "comment": "meter"}, headers=headers
        )
        assert answer.status == 200 and kept.amended[-1].state is SessionState.WARNING
        assert (await vera.post("/sessions/159/amend", {"what": "name", "vehicle_name": "x"})).status == 403


def test_sums_are_bounded_and_name_people() -> None:
    looks = Looks(Words("en"), shows_cards=True, names={CARD: "anna"})
    kept = [session(n, after_s=86_400.0 * n) for n in range(1, 4)]
    by_user = Sums(Period.ALL, By.USER, looks)
    by_user.add(kept)
    assert [(row.who, row.sessions, row.energy_wh) for row in by_user.rows()] == [("anna", 3, 93_750)]
    by_day = Sums(Period.DAY, By.CARD, looks)
    by_day.add(kept)
    assert [(row.period, row.who, row.name) for row in by_day.rows()] == [
        ((MAY + timedelta(days=n, seconds=20)).astimezone().strftime("%Y-%m-%d"), CARD, "anna") for n in (3, 2, 1)
    ]
    assert by_day.total.cost == {"EUR": 42.18}


def test_every_word_of_a_session_has_a_text_in_each_language() -> None:
    for language in LANGUAGES:
        words = Words(language)
        for key, _, _ in COLUMNS:
            assert words.has(f"session_column.{key}")
        for key, _, _ in HISTORY_COLUMNS:
            assert words.has(f"history_column.{key}")
        for section, kind in (("session_state", SessionState),):
            assert all(words.has(f"{section}.{one.value}") for one in kind)
