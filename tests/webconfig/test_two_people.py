"""Two people change the same thing at the same moment; and what a program of few rights may end."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from chargepoint.messages import CreateToken
from chargepoint.vocabulary import Role
from tests.webconfig.bench import PASSWORD, Answer, Bench
from webconfig import access_lists
from webconfig.access_lists import NAMES

pytestmark = pytest.mark.realtime


def version(answer: Answer) -> str:
    found = re.search(r'name="version" value="([^"]+)"', answer.text)
    assert found, answer.text
    return found[1]


async def test_of_two_changes_of_one_version_at_the_same_moment_one_is_refused(tmp_path: Path) -> None:
    async with Bench(tmp_path, users={**dict.fromkeys(("admin", "boss"), Role.ADMINISTRATOR)}) as bench:
        one, two = await bench.log_in("admin"), await bench.log_in("boss")
        of_lists = version(await one.get("/access"))
        fields = {"version": of_lists, "list": "black"}
        answers = await asyncio.gather(
            one.post("/access/add", {**fields, "entry": "AAAA0001"}),
            two.post("/access/add", {**fields, "entry": "AAAA0002"}),
            two.post("/access/import", {"version": of_lists, "how": "replace", "text": "black,AAAA0003"}),
        )
        assert sorted(each.status for each in answers) == [303, 409, 409]
        assert len((await one.get("/api/v1/access")).json()["black"]) == 1

        user = {"login": "anna", "role": Role.CUSTOMER.value, "is_allowed": "1"}
        assert (await one.post("/users/save", {**user, "password": PASSWORD})).status == 303
        kept = {**user, "version": version(await one.get("/users/edit?login=anna"))}
        pair = await asyncio.gather(
            one.post("/users/save", {**kept, "is_blocked": "1"}),
            two.post("/users/save", {**kept, "energy_limit_kwh": "5"}),
        )
        assert sorted(each.status for each in pair) == [303, 409]


async def test_a_program_that_may_only_look_ends_no_other_tokens_of_its_maker(tmp_path: Path) -> None:
    async with Bench(tmp_path, users={"admin": Role.ADMINISTRATOR}) as bench:
        call = bench.buses["admin"].call
        first = await call("hub", CreateToken(name="look", role=Role.VIEWER, days=3, by="admin"))
        other = await call("hub", CreateToken(name="work", role=Role.OPERATOR, days=3, by="admin"))
        program = bench.client(Authorization=f"Bearer {first.token}")
        assert (await program.ask("DELETE", f"/api/v1/tokens/{other.id}")).status == 403
        worker = bench.client(Authorization=f"Bearer {other.token}")
        assert (await worker.get("/api/v1/roles")).status == 200
        assert (await program.ask("DELETE", f"/api/v1/tokens/{first.id}")).status == 200, "its own"
        assert (await program.get("/api/v1/roles")).status == 401


def test_thousands_of_cards_are_compared_each_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0

    def counted(entry: str) -> str:
        nonlocal compared
        compared += 1
        return entry.casefold()

    monkeypatch.setattr(access_lists, "folded", counted)
    cards = {"white": [f"{n:08X}" for n in range(5000)], "black": [f"{n:08X}" for n in range(5000, 10_000)]}
    lists, faults = access_lists.lists_from((name, entry) for name in NAMES for entry in cards[name])
    assert not faults and (len(lists.white), len(lists.black)) == (5000, 5000)
    assert compared < 50_000  # not the square of their number: nobody else is served meanwhile
    _, faults = access_lists.lists_from([("white", "AA01"), ("black", "AA 02"), ("black", "aa01")])
    assert [(each.line, each.code) for each in faults] == [(2, "separators"), (3, "on_both")]
