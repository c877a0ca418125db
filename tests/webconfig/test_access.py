"""White and black list, a card checked, users, tokens, one's own account."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chargepoint.messages import CardChecked, CheckCard
from chargepoint.vocabulary import CardReason, Role
from tests.webconfig.bench import PASSWORD, Bench
from webconfig.access_lists import Lists, moved, read_file, rows_of, with_entry
from webconfig.spreadsheet import csv_lines

pytestmark = pytest.mark.realtime


def checked(request: CheckCard) -> CardChecked:
    if request.card == "DEAD":
        return CardChecked(outcome="forbidden", rule=3, text="on the black list", reason=CardReason.BLOCKED)
    return CardChecked(outcome="allowed", rule=10, text="a user of this station", login="anna", left_wh=12_500)


async def test_lists_are_changed_by_operators_only_and_viewers_see_the_ends_of_numbers(tmp_path: Path) -> None:
    async with Bench(tmp_path, answers={"station": {CheckCard: checked}}) as bench:
        oleg, vera = await bench.log_in("oleg"), await bench.log_in("vera")

        def version(text: str) -> str:
            found = re.search(r'name="version" value="([^"]+)"', text)
            assert found
            return found[1]

        page = await oleg.get("/access")
        given = {"version": version(page.text), "list": "black", "entry": "04A2B3C4D5"}
        assert (await vera.post("/access/add", given)).status == 403
        assert (await oleg.post("/access/add", given)).status == 303
        assert (await oleg.post("/access/add", {**given, "entry": "0102030405"})).status == 409, "changed meanwhile"
        page = await oleg.get("/access")
        assert "04A2B3C4D5" in page.text and "The white list is empty" in page.text
        assert "04A2B3C4D5" not in (await vera.get("/access")).text and "··C4D5" in (await vera.get("/access")).text
        wrong = await oleg.post("/access/add", {**given, "version": version(page.text), "entry": "04 A2 B3"})
        assert wrong.status == 422 and "write 04A2B3" in wrong.text
        assert (await oleg.post("/access/move", {**given, "version": version(page.text)})).status == 303
        page = await oleg.get("/access")
        assert "The white list holds (1)" in page.text
        assert (await oleg.get("/access.csv")).text == "\ufefflist,entry\r\nwhite,04A2B3C4D5\r\n"

        fields = {"version": version(page.text), "how": "replace", "text": "white,ANNA\nwhite,anna\ngreen,1\nblack"}
        wrong = await oleg.post("/access/import", fields)
        assert wrong.status == 422 and wrong.text.count("<tr") >= 4 and "Nothing was changed" in wrong.text
        assert (await oleg.post("/access/import", {**fields, "text": "black;DEAD\n"})).status == 303
        lists = await vera.get("/api/v1/access")
        assert lists.json() == {"white": [], "black": ["DEAD"]}
        headers = {"X-CSRF-Token": oleg.csrf, "If-Match": '"else"'}
        body = {"white": [], "black": ["BEEF01"]}
        assert (await oleg.ask("PUT", "/api/v1/access", json=body, headers=headers)).status == 412
        headers["If-Match"] = {k.lower(): v for k, v in lists.headers.items()}["etag"]
        assert (await oleg.ask("PUT", "/api/v1/access", json=body, headers=headers)).json()["black"] == ["BEEF01"]

        found = await oleg.post("/access/check", {"card": "DEAD"})
        assert "It may not charge" in found.text and "3. On the black list" in found.text
        found = await oleg.post("/access/check", {"card": "04A2"})
        assert "12.5 kWh" in found.text and "anna" in found.text


async def test_users_are_kept_by_administrators_and_nobody_locks_himself_out(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        admin, tim = await bench.log_in("admin"), await bench.log_in("tim")
        assert (await tim.get("/users")).status == 403
        assert (await admin.get("/users")).status == 200
        user = {"login": "anna", "role": Role.OPERATOR.value, "cards": "04A2B3C4\n04A2B3C5", "is_allowed": "1",
                "energy_limit_kwh": "12,5"}  # fmt: skip
        await admin.get("/users/edit")
        assert (await admin.post("/users/save", user)).status == 422, "a first password is needed"
        weak = await admin.post("/users/save", {**user, "password": "Short7Horse"})
        assert weak.status == 422 and "take at least 12" in weak.text, re.findall(r"fault.*?<", weak.text)
        assert (await admin.post("/users/save", {**user, "password": PASSWORD})).status == 303
        assert (await admin.post("/users/save", {**user, "password": PASSWORD})).status == 409, "the login is taken"
        row = (await admin.get("/api/v1/users/anna")).json()
        assert row["user"]["energy_limit_wh"] == 12_500 and row["user"]["cards"] == ["04A2B3C4", "04A2B3C5"]
        page = await admin.get("/users/edit?login=admin")
        own = {"login": "admin", "role": Role.ADMINISTRATOR.value, "is_allowed": "1", "is_blocked": "1",
               "version": re.findall(r'name="version" value="([^"]+)"', page.text)[0]}  # fmt: skip
        blocked = await admin.post("/users/save", own)
        assert blocked.status == 422 and "The last administrator stays one" in blocked.text
        removed = await admin.post("/users/remove", {"login": "admin", "sure": "1"})
        assert removed.status == 422 and "last administrator" in removed.text
        assert (await admin.post("/users/remove", {"login": "anna"})).status == 422, "not confirmed"
        assert (await admin.post("/users/remove", {"login": "anna", "sure": "1"})).status == 303
        assert (await admin.get("/api/v1/users/anna")).status == 404

        code = await admin.post("/users/recovery")
        assert code.status == 200 and re.search(r'class="secret">[A-Z0-9-]{10,}<', code.text)
        made = await admin.post("/tokens/create", {"name": "scada", "role": Role.VIEWER.value, "days": "30"})
        token = re.findall(r'class="secret">([^<]+)<', made.text)[0]
        assert token not in (await admin.get("/users")).text
        program = bench.client(Authorization=f"Bearer {token}")
        assert (await program.get("/api/v1/roles")).status == 200
        assert (await program.get("/api/v1/users")).status == 403
        one = (await admin.get("/api/v1/tokens")).json()["tokens"][0]["id"]
        assert (await tim.post("/tokens/revoke", {"id": one})).status == 403
        assert (await admin.post("/tokens/revoke", {"id": one})).status == 303
        assert (await program.get("/api/v1/roles")).status == 401

        other = await bench.log_in("tim")
        page = await tim.get("/account")
        assert page.status == 200 and "PIN of my cards" in page.text
        assert (await tim.post("/account/pin", {"password": PASSWORD, "pin": "123456"})).status == 422
        assert (await tim.post("/account/pin", {"password": PASSWORD, "pin": "593817"})).status == 303
        assert (await tim.post("/account/log-out")).status == 303
        assert (await other.get("/account")).status == 303, "logged out elsewhere"
        assert (await tim.get("/account")).status == 200


def test_lists_as_files_come_back_as_they_were_and_faults_name_their_lines() -> None:
    lists = Lists(("04A2B3C4", "anna"), ("=HYPER",))
    text = csv_lines(rows_of(lists)).decode()
    assert "black,'=HYPER" in text
    assert read_file(text) == (lists, [])
    _, faults = read_file("white,04:A2\nwhite,\n\nblack,0123456789ABCDEF01234\nwhite,A1\nblack,a1\nred,1\nalone")
    assert [(each.line, each.code) for each in faults] == [
        (1, "separators"), (2, "empty"), (4, "too_long"), (6, "on_both"), (7, "bad_list"), (8, "columns"),
    ]  # fmt: skip
    assert faults[0].meant == "04A2"
    assert with_entry(lists, "black", "ANNA")[1] == "on_both"
    assert moved(lists, "white", "ANNA") == Lists(("04A2B3C4",), ("=HYPER", "anna"))
    assert moved(lists, "white", "nobody") == lists
